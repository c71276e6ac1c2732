"""What is deployed is what the compiler makes of the source now, and anyone can make it again."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from vyper.cli.vyper_json import compile_json

from donablock.chain import artifacts
from donablock.chain.plan import OURS
from donablock.errors import ArtifactError
from donablock.settings import settings


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


# written and tested; the plan of a deployment comes after their scripts
NOT_DEPLOYED_YET = ("DividendPool", "Commission", "Buyback")


def test_every_contract_of_the_plan_has_an_artifact_with_its_arguments() -> None:
    assert sorted(artifacts.contract_names()) == sorted([*OURS, *NOT_DEPLOYED_YET])
    for name in OURS:
        found = artifacts.artifact(name)
        assert len(found.constructor_names) == len(found.constructor_types)
        assert len(found.runtime) + sum(i.length for i in found.immutables) <= 24_576, name
