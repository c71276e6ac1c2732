"""donablock monitor ...: what to look for, and what was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from donablock.cli.client import Api, segment
from donablock.cli.console import err, out, print_json
from donablock.errors import InputError

app = typer.Typer(help="What to look for on a chain, and what was found.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="MONITOR", help="Its id: mo_...")]
Addresses = Annotated[list[str], typer.Argument(metavar="ADDRESS...")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]

_AT_ONCE = 50


def _path(id: str, *rest: str) -> str:
    return "/".join(("/v1/monitors", segment(id), *map(segment, rest)))


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="For people.")],
    category: Annotated[
        str,
        typer.Option(help="native, erc20, erc721, erc1155, event, function, or donablock (ours)."),
    ],
    chain: Annotated[
        int | None, typer.Option(help="The chain's id. Default: the only one there is.")
    ] = None,
    address: Annotated[list[str] | None, typer.Option(help="To watch; may be given again.")] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="Watch all, and no addresses.")
    ] = False,
    direction: Annotated[str, typer.Option(help="in, out or all.")] = "all",
    contract: Annotated[
        list[str] | None, typer.Option(help="Only of this contract; may be given again.")
    ] = None,
    signature: Annotated[
        str, typer.Option(help="Of an event or function: 'event Sent(address indexed to)'.")
    ] = "",
    abi: Annotated[
        Path | None, typer.Option(help="A file with the ABI that --signature chooses from.")
    ] = None,
    event: Annotated[
        list[str] | None, typer.Option(help="Of ours: 'Giving.*'; may be given again.")
    ] = None,
    condition: Annotated[str, typer.Option(help="Such as 'value >= 1.5 ether'.")] = "",
    window: Annotated[str, typer.Option(help="Such as 'count over 10 minutes > 5'.")] = "",
    unit: Annotated[
        list[str] | None, typer.Option(metavar="NAME=DECIMALS", help="Such as USDC=6.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Also calls that failed.")] = False,
    endpoint: Annotated[
        str | None, typer.Option(help="Where it tells: ep_... Default: it only records.")
    ] = None,
    from_block: Annotated[
        int | None, typer.Option(help="Also look at what is past, from here. Default: from now on.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Yours; may be given again.")] = None,
    note: Annotated[str, typer.Option(help="Yours.")] = "",
    disabled: Annotated[bool, typer.Option("--disabled", help="It does not look yet.")] = False,
) -> None:
    """Make a monitor. Its id is printed.

    donablock monitor create "to me" --category native --direction in --address 0x...

    donablock monitor create gifts --category donablock --everything --event 'Giving.*'

    donablock monitor create big --category erc20 --contract 0x... --everything
    --condition 'value >= 1000 USDC' --unit USDC=6
    """
    api = Api.configured()
    addresses = list(address or ())
    made = api.ask(
        "POST",
        "/v1/monitors",
        {
            "chain_id": _only_chain(api) if chain is None else chain,
            "name": name,
            "category": category,
            "direction": direction,
            "watches": "everything" if everything else "addresses",
            "contracts": contract or [],
            "abi": None if abi is None else _abi(abi),
            "signature": signature,
            "condition": condition,
            "window": window,
            "units": _units(unit or ()),
            "includes_failed": failed,
            "events": event or [],
            "endpoint_id": endpoint,
            "tags": tag or [],
            "note": note,
            "is_enabled": not disabled,
            "from_block": from_block,
            "addresses": addresses[:_AT_ONCE],
        },
    )
    print(made["id"])
    _add(api, made["id"], addresses[_AT_ONCE:])
    if not everything and not addresses:
        err.print("It watches no address yet: donablock monitor add ID 0x...")
    if from_block is not None:
        err.print("It looks at what is past as soon as the next block is there.")


@app.command("list")
def list_(
    chain: Annotated[int | None, typer.Option(help="Only of this chain.")] = None,
    search: Annotated[str | None, typer.Option(help="An id, or a part of the name.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only with this tag.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the monitors."""
    found = list(Api.configured().pages("/v1/monitors", chain_id=chain, search=search, tag=tag))
    if as_json:
        print_json(found)
        return
    table = Table("id", "name", "chain", "category", "addresses", "tells", "", box=None)
    for one in found:
        count = "all" if one["watches"] == "everything" else str(one["address_count"])
        state = "" if one["is_enabled"] else "disabled"
        tells = one["endpoint_id"] or "-"
        row = (one["id"], one["name"], str(one["chain_id"]), one["category"], count, tells, state)
        table.add_row(*row)
    out.print(table if found else "There is no monitor yet: donablock monitor create --help")


@app.command()
def show(id: Id) -> None:
    """Show all of a monitor, and how far its look at what is past has come."""
    api = Api.configured()
    print_json(api.ask("GET", _path(id)) | api.ask("GET", _path(id, "scan")))


@app.command()
def enable(id: Id) -> None:
    """Let it look, from the next block on."""
    Api.configured().ask("POST", _path(id, "enable"))


@app.command()
def disable(id: Id) -> None:
    """Let it find nothing new, from the next block on."""
    Api.configured().ask("POST", _path(id, "disable"))


@app.command()
def delete(id: Id) -> None:
    """Delete it. What it had not sent yet is not sent any more."""
    Api.configured().ask("DELETE", _path(id))


@app.command()
def add(id: Id, addresses: Addresses) -> None:
    """Watch more addresses, from the next block on."""
    _add(Api.configured(), id, addresses)


@app.command()
def remove(id: Id, addresses: Addresses) -> None:
    """Watch these addresses no more."""
    api = Api.configured()
    for part in _parts(addresses):
        api.ask("POST", _path(id, "unwatch"), {"addresses": part})


@app.command()
def addresses(id: Id) -> None:
    """List the addresses that it watches, one a line."""
    for one in Api.configured().pages(_path(id, "addresses")):
        print(one["address"])


@app.command()
def events(
    id: Id,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what it found, the newest first."""
    for one in Api.configured().pages(_path(id, "events"), limit):
        _show_event(one["state"], one, as_json)


@app.command()
def tail(
    id: Id,
    since: Annotated[
        str | None, typer.Option(help="The last id that was seen. Default: from now on.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what it finds, as it finds it, until Ctrl-C."""
    api = Api.configured()
    if since is not None and not since.isdigit():
        raise InputError(f"--since {since!r} is no id of a tail: it is a number")
    shown = api.ask("GET", _path(id))
    if not as_json:
        err.print(f"Waiting for what {shown['name']!r} finds. Ctrl-C ends.", markup=False)
    path = _path(id, "events", "live")
    for state, _, event in api.live(path, since, lambda why: err.print(why, markup=False)):
        _show_event(state, event, as_json)


@app.command()
def backtest(
    id: Id,
    from_block: Annotated[int, typer.Argument(min=0)],
    to_block: Annotated[int, typer.Argument(min=0)],
    as_json: AsJson = False,
) -> None:
    """Say what it would have found in these blocks, both included. Nothing is sent or kept."""
    asked = {"from_block": from_block, "to_block": to_block}
    found = Api.configured().ask("POST", _path(id, "backtest"), asked)
    if as_json:
        print_json(found)
        return
    blocks = found["scanned_to"] - from_block + 1
    out.print(f"{found['count']} events in {blocks} blocks, up to block {found['scanned_to']}")
    for one in found["by_address"]:
        out.print(f"  {one['address']}  {one['count']}")
    if found["is_truncated"]:
        out.print(f"It stopped there: {found['stopped_because']}", markup=False)


def _add(api: Api, id: str, addresses: list[str]) -> None:
    for part in _parts(addresses):
        api.ask("POST", _path(id, "addresses"), {"addresses": part})


def _parts(addresses: list[str]) -> list[list[str]]:
    return [addresses[at : at + _AT_ONCE] for at in range(0, len(addresses), _AT_ONCE)]


def _only_chain(api: Api) -> int:
    chains = api.ask("GET", "/v1/chains")["data"]
    if len(chains) == 1:
        return int(chains[0]["chain_id"])
    known = ", ".join(f"{one['chain_id']} ({one['name']})" for one in chains)
    raise InputError(f"say which chain, with --chain: {known or 'none is followed yet'}")


def _units(given: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for text in given:
        name, equals, decimals = text.partition("=")
        if not equals or not decimals.isdigit():
            raise InputError(f"--unit {text!r}: write the name and its decimals, USDC=6")
        found[name] = int(decimals)
    return found


def _abi(path: Path) -> Any:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is no ABI as JSON: {error}") from error
    # compilers' artifacts have the ABI among other things
    return found["abi"] if isinstance(found, dict) and "abi" in found else found


def _coins(wei: int) -> str:
    """All of its digits: 1500000000000000000 is 1.5."""
    whole, rest = divmod(wei, 10**18)
    return f"{whole:,}.{rest:018d}".rstrip("0").rstrip(".")


_STYLES = {"detected": "cyan", "confirmed": "green", "retracted": "red"}


def _show_event(state: str, event: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(event), flush=True)
        return
    data = event["data"]
    parts = [f"block {event['block_number']}", data.get("category", ""), _what(data)]
    if event["address"]:
        parts.append(f"{event['direction']} {event['address']}")
    if event["transaction_hash"]:
        parts.append(f"tx {event['transaction_hash']}")
    out.print(f"{state:9}", style=_STYLES.get(state, ""), end=" ", markup=False)
    out.print("  ".join(part for part in parts if part), markup=False)


def _what(data: dict[str, Any]) -> str:
    for kind in ("event", "function"):
        if kind in data:
            one = data[kind]
            given = one.get("arguments") or {}
            inside = ", ".join(f"{name}={value}" for name, value in given.items())
            owner = f"{one['contract']}." if one.get("contract") else ""
            return f"{owner}{one['name']}({inside})"
    if "nativeAmount" in data:
        return f"{_coins(int(data['nativeAmount']))} coins"
    for amount in ("tokenValue", "tokenId"):
        if amount in data:
            return f"{amount} {data[amount]}"
    return ""
