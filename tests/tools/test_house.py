"""What holds for the repository itself: locks, text, targets, versions."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tools.paths import ROOT, deployables, vyper_files

LOCKS = (
    "requirements.txt",
    "requirements-uv.txt",
    "requirements-format.txt",
    "requirements-etl.txt",
)
ADDRESS = re.compile(r"https?://|^\s*--(index-url|extra-index-url|find-links)", re.MULTILINE)


def tracked() -> list[Path]:
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout: install git and clone the repository")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_python_package_is_exact_and_hashed(name):
    text = (ROOT / name).read_text()
    assert not ADDRESS.search(text), "a lock file names no place to download from"
    packages = re.split(r"\n(?=\S)", text.strip())
    assert packages
    for package in packages:
        assert re.match(r"^[a-z0-9][a-z0-9._-]*==\S+", package), package.splitlines()[0]
        assert "--hash=sha256:" in package, package.splitlines()[0]


@pytest.mark.parametrize("name", LOCKS)
def test_what_is_asked_for_is_what_is_locked(name):
    def normal(package: str) -> str:
        return re.sub(r"[-_.]+", "-", package).lower()

    def pins(text: str) -> dict[str, str]:
        found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;#\\]+)", text, re.MULTILINE)
        return {normal(package): version for package, version in found}

    asked = (ROOT / name).with_suffix(".in").read_text()
    wanted = pins(asked)
    lines = [line for line in asked.splitlines() if line.strip() and not line.startswith("#")]
    assert len(wanted) == len(lines), "every line of requirements*.in is an exact pin"
    locked = pins((ROOT / name).read_text())
    stale = {package for package, version in wanted.items() if locked.get(package) != version}
    assert not stale, "run `make lock`"


def test_every_locked_npm_package_is_hashed_and_names_no_address():
    lock = json.loads((ROOT / "package-lock.json").read_text())
    packages = {path: entry for path, entry in lock["packages"].items() if path}
    assert packages
    for path, entry in packages.items():
        assert "resolved" not in entry, path
        assert entry["integrity"].startswith("sha512-"), path
    asked = json.loads((ROOT / "package.json").read_text())
    for kind in ("devDependencies", "optionalDependencies"):
        assert asked[kind] == lock["packages"][""][kind], "run `make lock`"
        assert all(
            re.fullmatch(r"\d+\.\d+\.\d+(-[\w.]+)?", version) for version in asked[kind].values()
        )


def test_vyper_files_are_plain_ascii():
    for path in vyper_files():
        strange = re.search(rb"[^\x09\x0a\x20-\x7e]", path.read_bytes())
        assert not strange, f"{path.relative_to(ROOT)}: {strange!r}"


def test_every_contract_states_its_compiler_its_exit_and_its_trust():
    for path in deployables():
        text, name = path.read_text(), path.relative_to(ROOT)
        assert text.startswith("# pragma version 0.4.3\n"), name
        assert "# pragma nonreentrancy on\n" in text, name
        for tag in ("@title", "@license", "@author", "@notice", "@custom:exit", "@custom:trust"):
            assert tag in text, f"{name} lacks {tag}"


def test_contract_names_are_unique_for_ape():
    names = [path.stem for path in deployables()]
    assert len(names) == len(set(names))


def test_every_make_target_has_help():
    makefile = (ROOT / "Makefile").read_text()
    targets = {
        name for line in re.findall(r"^\.PHONY:(.*)$", makefile, re.M) for name in line.split()
    }
    helped = set(re.findall(r"^([a-z-]+):[^=\n]*## \S", makefile, re.M))
    assert targets == helped
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert all(target in shown.stdout for target in targets)


def test_ape_never_compiles_without_force():
    for path in tracked():
        if path.name in {"Makefile", "run"} or path.suffix in {".py", ".sh", ".yaml", ".json"}:
            for line in path.read_text().splitlines():
                assert not re.search(r"\bape compile\b(?! -f)", line.replace("--force", "-f")) or (
                    path == Path(__file__)
                ), f"{path.relative_to(ROOT)}: {line.strip()}"


def test_the_version_is_the_same_everywhere():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert json.loads((ROOT / "package.json").read_text())["version"] == version
    heads = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert heads[0] == "Unreleased"
    released = [head for head in heads if head != "Unreleased"]
    assert not released or released[0] == version


def test_no_file_names_a_folder_of_one_machine():
    machine = re.compile(rb"(?<![\w.$}/-])/(?:work|root|home/\w+)/")
    for path in tracked():
        if path == Path(__file__) or path.name in {"LICENSE", "package-lock.json"}:
            continue
        found = machine.search(path.read_bytes())
        assert not found, f"{path.relative_to(ROOT)}: {found[0].decode()}" if found else ""


def test_hooks_need_no_network():
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: (\S+)", text) == ["local"]
    assert set(re.findall(r"language: (\S+)", text)) == {"system"}
