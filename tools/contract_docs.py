"""Write docs/contracts.md from the contracts' NatSpec.

python -m tools.contract_docs          write it
python -m tools.contract_docs --check  only say whether it is current (exit 1 if not)
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from vyper.ast.natspec import parse_natspec
from vyper.cli.vyper_compile import get_search_paths
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.output import build_abi_output
from vyper.compiler.phases import CompilerData

from tools.paths import ROOT, deployables

DOCUMENT = ROOT / "docs" / "contracts.md"

HEAD = """# Contracts

Written from the contracts' own NatSpec by `make docs`; a test keeps it current. Amounts are in the
asset's smallest unit, times in seconds, and the zero address stands for the chain's native coin.
"""


@cache
def compiled(path: Path) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]:
    """ABI, user documentation and developer documentation of a contract.

    What a contract exports from a module is documented where it is written, in the module; the
    compiler's own output leaves that out.
    """
    bundle = FilesystemInputBundle(get_search_paths([str(ROOT)]))
    with warnings.catch_warnings(), bundle.search_path(path.parent):
        warnings.simplefilter("ignore")
        data = CompilerData(bundle.load_file(path), bundle)
        own = parse_natspec(data.annotated_vyper_module)
        users: dict[str, Any] = {}
        developers: dict[str, Any] = {}
        for module in _modules(data.annotated_vyper_module):
            found = parse_natspec(module)
            users.update(found.userdoc.get("methods", {}))
            developers.update(found.devdoc.get("methods", {}))
        users.update(own.userdoc.get("methods", {}))
        developers.update(own.devdoc.get("methods", {}))
        userdoc = {**own.userdoc, "methods": users}
        return build_abi_output(data), userdoc, {**own.devdoc, "methods": developers}


def _modules(module: Any) -> Iterator[Any]:
    """Every module a contract imports, the deepest first."""
    for info in module._metadata["type"].imported_modules.values():
        yield from _modules(info.module_t._module)
        yield info.module_t._module


def document() -> str:
    """The whole document."""
    parts = [HEAD]
    for path in deployables():
        parts.extend(_contract(path))
    return "\n".join(parts).rstrip() + "\n"


def _contract(path: Path) -> Iterator[str]:
    abi, userdoc, devdoc = compiled(path)
    yield f"\n## {path.stem}\n"
    yield f"`{path.relative_to(ROOT).as_posix()}`: {devdoc.get('title', path.stem)}.\n"
    yield f"{userdoc.get('notice', '')}\n"
    yield f"**How everybody gets out.** {devdoc['custom:exit']}\n"
    yield f"**Whom one trusts.** {devdoc['custom:trust']}\n"
    for entry in abi:
        if entry["type"] == "constructor" and entry["inputs"]:
            yield f"**Constructor** `({_list(entry['inputs'])})`\n"
    yield from _functions(abi, userdoc, devdoc)
    yield from _events(abi)


def _functions(
    abi: list[dict[str, Any]], userdoc: dict[str, Any], devdoc: dict[str, Any]
) -> Iterator[str]:
    functions = [entry for entry in abi if entry["type"] == "function"]
    described: list[str] = []
    getters: list[str] = []
    # A function with default arguments is in the ABI once for each number of them; the longest
    # form tells all.
    for entry in _longest(functions):
        signature = f"{entry['name']}({','.join(_type(i) for i in entry['inputs'])})"
        notice = _notice(entry, userdoc)
        params = devdoc.get("methods", {}).get(signature, {})
        if not notice and not params:
            getters.append(f"`{entry['name']}({_list(entry['inputs'])})`{_returns(entry)}")
            continue
        call = f"`{entry['name']}({_list(entry['inputs'])})`"
        lines = [f"- **{call}**{_mutability(entry)}{_returns(entry)}"]
        optional = _optional(entry, functions)
        text = notice
        if optional:
            text += (
                f" May be left out, from the end: {', '.join(f'`{name}`' for name in optional)}."
            )
        if "details" in params:
            text += f" {params['details']}"
        lines.append(f"  {text.strip()}")
        for name, meaning in params.get("params", {}).items():
            lines.append(f"  - `{name}`: {meaning}")
        for meaning in params.get("returns", {}).values():
            lines.append(f"  - returns: {meaning}")
        described.append("\n".join(lines))
    if described:
        yield "### Functions\n"
        yield "\n".join(described) + "\n"
    if getters:
        yield "### Getters\n"
        yield "\n".join(f"- {getter}" for getter in getters) + "\n"


def _longest(functions: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    longest: dict[str, dict[str, Any]] = {}
    for entry in functions:
        found = longest.get(entry["name"])
        if found is None or len(entry["inputs"]) > len(found["inputs"]):
            longest[entry["name"]] = entry
    return list(longest.values())


def _optional(entry: dict[str, Any], functions: Iterable[dict[str, Any]]) -> list[str]:
    shortest = min(len(f["inputs"]) for f in functions if f["name"] == entry["name"])
    return [str(i["name"]) for i in entry["inputs"][shortest:]]


def _notice(entry: dict[str, Any], userdoc: dict[str, Any]) -> str:
    """NatSpec's notice stands under the signature without the default arguments."""
    for signature, found in userdoc.get("methods", {}).items():
        if signature.split("(")[0] == entry["name"]:
            return str(found.get("notice", ""))
    return ""


def _events(abi: list[dict[str, Any]]) -> Iterator[str]:
    events = [entry for entry in abi if entry["type"] == "event"]
    if not events:
        return
    yield "### Events\n"
    for entry in events:
        inputs = ", ".join(
            f"{_type(i)} {'indexed ' if i['indexed'] else ''}{i['name']}" for i in entry["inputs"]
        )
        yield f"- `{entry['name']}({inputs})`"
    yield ""


def _mutability(entry: dict[str, Any]) -> str:
    kind = entry["stateMutability"]
    return "" if kind == "nonpayable" else f" {kind}"


def _returns(entry: dict[str, Any]) -> str:
    outputs = ", ".join(_type(output) for output in entry["outputs"])
    return f" → `{outputs}`" if outputs else ""


def _list(inputs: Iterable[dict[str, Any]]) -> str:
    return ", ".join(f"{_type(i)} {i['name']}".strip() for i in inputs)


def _type(argument: dict[str, Any]) -> str:
    kind = str(argument["type"])
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(_type(component) for component in argument["components"])
    return f"({inner}){kind.removeprefix('tuple')}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write docs/contracts.md from NatSpec.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if not current")
    check = parser.parse_args(arguments).check
    text = document()
    if check:
        if not DOCUMENT.exists() or DOCUMENT.read_text() != text:
            print("docs/contracts.md is not current; run `make docs`", file=sys.stderr)
            return 1
        return 0
    DOCUMENT.write_text(text)
    print(DOCUMENT.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
