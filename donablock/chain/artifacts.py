"""ABI and bytecode by contract name, from the source as it is now.

Compiled in this process by vyper, and kept under build/artifacts by the source's integrity sum,
which changes with every imported module: nothing stale can be used. The exchange of local chains
is not ours: it comes compiled, in npm packages.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from donablock.errors import ArtifactError
from donablock.settings import settings

ABI = list[dict[str, Any]]

# where contracts lie; later folders are for the local chain and tests only
_FOLDERS = ("contracts", "tests/mocks")
_PACKAGES = "node_modules"
# what comes compiled -> the package it comes in
_PACKAGED = {
    "WETH9": "@uniswap/v2-periphery",
    "UniswapV2Factory": "@uniswap/v2-core",
    "UniswapV2Pair": "@uniswap/v2-core",
    "UniswapV2Router02": "@uniswap/v2-periphery",
}


@dataclass(frozen=True)
class Immutable:
    """A value the constructor writes into the code. `start` in the code there, `length`: bytes."""

    name: str
    type: str
    start: int
    length: int


@dataclass(frozen=True)
class Artifact:
    """A compiled contract. `creation` lacks constructor arguments, `runtime` lacks immutables.

    compiler: its version, or the package that the contract came in.
    """

    name: str
    path: str
    compiler: str
    integrity: str
    abi: ABI
    creation: bytes
    runtime: bytes
    immutables: tuple[Immutable, ...]
    compiler_input: dict[str, Any]

    @property
    def is_packaged(self) -> bool:
        """It came compiled, and its source is not here."""
        return is_packaged(self.path)

    @property
    def size(self) -> int:
        """Bytes of code on the chain."""
        ends = (one.start + one.length for one in self.immutables)
        return max([len(self.runtime), *ends])

    @property
    def blank(self) -> bytes:
        """The code on the chain with zeros for the immutables."""
        return self.runtime.ljust(self.size, b"\0")

    def blanked(self, code: bytes) -> bytes:
        """Code from the chain with zeros for the immutables: it should be `blank`."""
        found = bytearray(code)
        for one in self.immutables:
            place = slice(one.start, one.start + one.length)
            found[place] = bytes(len(found[place]))
        return bytes(found)

    @property
    def constructor_types(self) -> list[str]:
        """ABI types of the constructor's arguments, tuples written out."""
        return [_canonical(argument) for argument in self._constructor_inputs]

    @property
    def constructor_names(self) -> list[str]:
        return [str(argument["name"]) for argument in self._constructor_inputs]

    @property
    def _constructor_inputs(self) -> list[dict[str, Any]]:
        for entry in self.abi:
            if entry["type"] == "constructor":
                return list(entry["inputs"])
        return []


def _canonical(argument: dict[str, Any]) -> str:
    kind = str(argument["type"])
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(_canonical(component) for component in argument["components"])
    return f"({inner}){kind.removeprefix('tuple')}"


def is_packaged(path: str) -> bool:
    """Whether what lies at this path came compiled."""
    return path.startswith(f"{_PACKAGES}/")


def contract_names() -> list[str]:
    """Every contract that is deployed, in the order of its path (modules are not)."""
    return [path.stem for path in _sources("contracts")]


def _sources(folder: str) -> Iterator[Path]:
    for path in sorted((settings().root / folder).rglob("*.vy")):
        if path.stem[0].isupper():
            yield path


def source_of(name: str) -> Path:
    """Where a contract's source lies. Raises ArtifactError for an unknown name."""
    for folder in _FOLDERS:
        for path in _sources(folder):
            if path.stem == name:
                return path
    known = ", ".join(contract_names())
    raise ArtifactError(f"there is no contract {name!r}; there are {known}")


@cache
def abi(name: str) -> ABI:
    """The ABI in interfaces/<name>.json; compiled where there is none (test doubles)."""
    path = settings().root / "interfaces" / f"{name}.json"
    if not path.is_file():
        return artifact(name).abi
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise ArtifactError(f"{path.name} is not JSON: {error}; run `make abi`") from error
    entries = found["abi"] if isinstance(found, dict) else found
    return list(entries)


@cache
def artifact(name: str) -> Artifact:
    """The contract as the compiler makes it of the source now. Raises ArtifactError."""
    if name in _PACKAGED:
        return _packaged(name)
    path = source_of(name)
    try:
        data, integrity, compiler = _open(path)
        kept = settings().build_path / "artifacts" / f"{name}-{integrity[:16]}.json"
        found = _read(kept)
        if found is not None and found.integrity == integrity and found.compiler == compiler:
            return found
        made = _compile(data, name, path, integrity, compiler)
    except ArtifactError:
        raise
    except Exception as error:  # the compiler raises whatever its parts raise
        raise ArtifactError(f"{name} does not compile: {error}") from error
    _write(kept, made)
    return made


def _packaged(name: str) -> Artifact:
    """A contract as its package ships it, in the form of Solidity's compiler."""
    package = settings().root / _PACKAGES / _PACKAGED[name]
    path = package / "build" / f"{name}.json"
    try:
        text = path.read_bytes()
        version = json.loads((package / "package.json").read_text())["version"]
        made = json.loads(text)
        code = made["evm"]["deployedBytecode"]
        bare = Artifact(
            name=name,
            path=path.relative_to(settings().root).as_posix(),
            compiler=f"{_PACKAGED[name]}@{version}",
            integrity=hashlib.sha256(text).hexdigest(),
            abi=made["abi"],
            creation=bytes.fromhex(made["evm"]["bytecode"]["object"]),
            runtime=bytes.fromhex(code["object"]),
            immutables=(),
            compiler_input={"sources": {}, "settings": {}},
        )
        places = sorted(code.get("immutableReferences", {}).items(), key=lambda one: int(one[0]))
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{name} comes in the npm package {_PACKAGED[name]}, which is not here; run `make "
            "setup`"
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise ArtifactError(f"{path.name} is not what its package ships: {error}") from error
    # in these contracts the immutables are declared in the order of the arguments they get
    immutables = [
        Immutable(argument.strip("_").upper(), kind, place["start"], place["length"])
        for argument, kind, (_, found) in zip(
            bare.constructor_names, bare.constructor_types, places, strict=False
        )
        for place in found
    ]
    return replace(bare, immutables=tuple(immutables))


def _bundle() -> Any:
    from vyper.cli.vyper_compile import get_search_paths
    from vyper.compiler.input_bundle import FilesystemInputBundle

    return FilesystemInputBundle(get_search_paths([str(settings().root)]))


def _open(path: Path) -> tuple[Any, str, str]:
    """The compiler on this source, the integrity sum of all it reads, the compiler's version."""
    # a second each to import, and needed by few: those who deploy or verify
    import vyper
    from vyper.compiler.phases import CompilerData

    bundle = _bundle()
    with bundle.search_path(path.parent):
        data = CompilerData(bundle.load_file(path), bundle)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return data, str(data.integrity_sum), str(vyper.__long_version__)


def _compile(data: Any, name: str, path: Path, integrity: str, compiler: str) -> Artifact:
    from vyper.compiler.output import build_abi_output, build_layout_output, build_solc_json

    with warnings.catch_warnings(), data.input_bundle.search_path(path.parent):
        warnings.simplefilter("ignore")
        layout = build_layout_output(data).get("code_layout", {})
        immutables = _immutables(layout, len(data.bytecode_runtime))
        return Artifact(
            name=name,
            path=path.relative_to(settings().root).as_posix(),
            compiler=compiler,
            integrity=integrity,
            abi=build_abi_output(data),
            creation=bytes(data.bytecode),
            runtime=bytes(data.bytecode_runtime),
            immutables=tuple(sorted(immutables, key=lambda found: found.start)),
            compiler_input=portable(build_solc_json(data)),
        )


def _immutables(layout: dict[str, Any], size: int, prefix: str = "") -> Iterator[Immutable]:
    """vyper puts them behind the runtime code, which is `size` bytes long."""
    for name, entry in layout.items():
        if isinstance(entry.get("offset"), int) and isinstance(entry.get("type"), str):
            start = size + entry["offset"]
            yield Immutable(prefix + name, entry["type"], start, entry["length"])
        else:
            yield from _immutables(entry, size, f"{prefix}{name}.")


def portable(compiler_input: dict[str, Any]) -> dict[str, Any]:
    """The compiler's input without the paths of the machine it ran on.

    vyper names a package's sources by where the environment lies, and lists that place among the
    search paths. Here they are named as in the package ("snekmate/utils/...").
    """
    sources: dict[str, Any] = {}
    for name, source in compiler_input["sources"].items():
        short = name.replace(os.sep, "/")
        if "site-packages/" in short:
            short = short.rsplit("site-packages/", 1)[1]
        if short.startswith(("/", "..")):
            raise ArtifactError(f"a source outside the repository and its packages: {name}")
        if sources.setdefault(short, source) != source:
            raise ArtifactError(f"two sources are called {short}")
    settings_ = dict(compiler_input.get("settings", {}))
    # what is left of them once every source is named from the root
    settings_["search_paths"] = ["."]
    return {**compiler_input, "sources": dict(sorted(sources.items())), "settings": settings_}


def _read(path: Path) -> Artifact | None:
    try:
        found = json.loads(path.read_text())
        found["creation"] = bytes.fromhex(found["creation"])
        found["runtime"] = bytes.fromhex(found["runtime"])
        found["immutables"] = tuple(Immutable(**entry) for entry in found["immutables"])
        return Artifact(**found)
    except (OSError, ValueError, TypeError, KeyError):
        return None  # it is only a cache


def _write(path: Path, made: Artifact) -> None:
    entry = asdict(made)
    entry["creation"], entry["runtime"] = made.creation.hex(), made.runtime.hex()
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.glob(f"{made.name}-*.json"):
        old.unlink(missing_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    draft.write_text(json.dumps(entry))
    draft.replace(path)  # whole or not at all: several processes may share the cache
