"""What a call logged, in order, ready to be compared."""

from __future__ import annotations

from typing import Any

Entry = tuple[str, str, dict[str, Any]]


def entry(emitter: Any, event: str, **fields: Any) -> Entry:
    """One log as it is expected; contracts and accounts may be given as they are."""
    plain = {name: _plain(value) for name, value in fields.items()}
    return (str(emitter.address), event, plain)


def logged(contract: Any) -> list[Entry]:
    """Every log of the last call to `contract`, those of the contracts it called included."""
    found = []
    for log in contract.get_logs():
        fields = {name: _plain(getattr(log, name)) for name in log._fields if name != "address"}
        found.append((str(log.address), type(log).__name__, fields))
    return found


def event_signatures(contract: Any) -> dict[str, str]:
    """Every event a contract's ABI names, e.g. {"Issued": "*address payer, uint256 amount"}.

    A star marks an indexed field. Readers of logs depend on each letter of it.
    """
    return {
        item["name"]: ", ".join(
            f"{'*' if field['indexed'] else ''}{field['type']} {field['name']}"
            for field in item["inputs"]
        )
        for item in contract.abi
        if item["type"] == "event"
    }


def function_names(contract: Any) -> set[str]:
    """Every function a contract can be called by; overloads count once."""
    return {item["name"] for item in contract.abi if item["type"] == "function"}


def _plain(value: Any) -> Any:
    if hasattr(value, "address"):
        return str(value.address)
    return str(value) if isinstance(value, str) else value
