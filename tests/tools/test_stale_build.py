"""No stale contract is ever tested or deployed: ape's artifacts are what the compiler makes now."""

from __future__ import annotations

import json
import os
import subprocess
import warnings
from pathlib import Path

import pytest
from vyper.cli.vyper_compile import get_search_paths
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.phases import CompilerData

from tools.paths import ROOT, deployables

HEADER = "# pragma version 0.4.3\n"
ARTIFACTS = ROOT / ".build" / "__local__.json"


def compiled_by_ape(project: Path) -> dict[str, str]:
    manifest = json.loads((project / ".build" / "__local__.json").read_text())
    return {
        name: contract["deploymentBytecode"]["bytecode"].removeprefix("0x")
        for name, contract in manifest["contractTypes"].items()
        if "deploymentBytecode" in contract
    }


def compiled_now(path: Path, root: Path) -> str:
    bundle = FilesystemInputBundle(get_search_paths([str(root)]))
    with warnings.catch_warnings(), bundle.search_path(path.parent):
        warnings.simplefilter("ignore")
        return CompilerData(bundle.load_file(path), bundle).bytecode.hex()


@pytest.mark.ape
@pytest.mark.skipif(not ARTIFACTS.exists(), reason="nothing compiled by ape: run `make compile`")
def test_artifacts_are_what_the_compiler_makes_of_the_source_now():
    artifacts = compiled_by_ape(ROOT)
    stale = [
        path.stem for path in deployables() if artifacts.get(path.stem) != compiled_now(path, ROOT)
    ]
    assert not stale, "stale artifacts: run `make compile`"


@pytest.mark.ape
def test_compiling_with_force_carries_a_module_s_change_into_the_contract(tmp_path):
    modules = tmp_path / "contracts" / "modules"
    modules.mkdir(parents=True)
    (tmp_path / "ape-config.yaml").write_text((ROOT / "ape-config.yaml").read_text())
    contract = tmp_path / "contracts" / "Vault.vy"
    contract.write_text(
        f"{HEADER}from contracts.modules import limits\n\n"
        "@external\n@pure\ndef limit() -> uint256:\n    return limits.LIMIT\n"
    )
    environment = {**os.environ, "APE_DATA_FOLDER": str(tmp_path / "ape")}

    def compile_afresh_with(limit: int) -> str:
        (modules / "limits.vy").write_text(f"{HEADER}LIMIT: constant(uint256) = {limit}\n")
        done = subprocess.run(
            ["ape", "compile", "-f"], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return compiled_by_ape(tmp_path)["Vault"]

    before, after = compile_afresh_with(7), compile_afresh_with(8)
    assert before != after
    assert after == compiled_now(contract, tmp_path)
