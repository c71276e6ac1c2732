"""What is deployed is what the compiler makes of the source now, and anyone can make it again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from vyper.cli.vyper_json import compile_json

from donablock.chain import artifacts
from donablock.chain.plan import FACTORY, OURS, ROUTER, WRAPPED
from donablock.errors import ArtifactError
from donablock.settings import Settings, settings


@pytest.mark.parametrize("name", OURS)
def test_the_portable_compiler_input_makes_the_same_code(name: str) -> None:
    found = artifacts.artifact(name)
    made = compile_json({"language": "Vyper", **_plain(found.compiler_input)})
    contract = made["contracts"][found.path][name]["evm"]
    assert bytes.fromhex(contract["bytecode"]["object"].removeprefix("0x")) == found.creation
    runtime = contract["deployedBytecode"]["object"].removeprefix("0x")
    assert bytes.fromhex(runtime) == found.runtime


def _plain(compiler_input: dict[str, object]) -> dict[str, object]:
    return {key: compiler_input[key] for key in ("sources", "settings")}


def test_no_path_of_this_machine_is_in_a_compiler_input() -> None:
    for name in OURS:
        found = artifacts.artifact(name)
        settings_text = json.dumps(found.compiler_input["settings"])
        for path in found.compiler_input["sources"]:
            assert path.split("/")[0] in {"contracts", "interfaces", "snekmate"}, path
        assert str(settings().root) not in settings_text
        assert "site-packages" not in settings_text


def test_the_command_line_compiler_agrees() -> None:
    path = artifacts.artifact("Vesting").path
    done = subprocess.run(
        [sys.executable, "-m", "vyper.cli.vyper_compile", "-f", "bytecode", "-p", ".", path],
        cwd=settings().root,
        capture_output=True,
        text=True,
        check=True,
    )
    printed = done.stdout.strip().splitlines()[-1]
    assert bytes.fromhex(printed.removeprefix("0x")) == artifacts.artifact("Vesting").creation


def test_unknown_contracts_are_named() -> None:
    with pytest.raises(ArtifactError, match="there is no contract 'Bank'; there are .*Giving"):
        artifacts.artifact("Bank")


def test_every_contract_of_the_plan_has_an_artifact_with_its_arguments() -> None:
    assert sorted(artifacts.contract_names()) == sorted(OURS)
    for name in OURS:
        found = artifacts.artifact(name)
        assert len(found.constructor_names) == len(found.constructor_types)
        assert found.size <= 24_576, name


@pytest.mark.parametrize("name", [WRAPPED, FACTORY, ROUTER])
def test_the_exchange_of_local_chains_comes_in_its_packages(name: str) -> None:
    found = artifacts.artifact(name)
    assert found.is_packaged and not artifacts.artifact("Vesting").is_packaged
    assert found.path.startswith("node_modules/@uniswap/v2-")
    assert found.compiler.startswith("@uniswap/v2-")
    assert len(found.constructor_names) == {WRAPPED: 0, FACTORY: 1, ROUTER: 2}[name]
    assert found.size == len(found.runtime), "Solidity's immutables are inside the code"


def test_a_package_that_is_not_here_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "settings", lambda: Settings(root=tmp_path))
    artifacts.artifact.cache_clear()
    with pytest.raises(ArtifactError, match=r"npm package @uniswap/v2-core.*run `make setup`"):
        artifacts.artifact(FACTORY)
    package = tmp_path / "node_modules/@uniswap/v2-core"
    (package / "build").mkdir(parents=True)
    (package / "package.json").write_text('{"version": "1"}')
    (package / f"build/{FACTORY}.json").write_text('{"abi": []}')
    with pytest.raises(ArtifactError, match=r"UniswapV2Factory\.json is not what its package"):
        artifacts.artifact(FACTORY)
