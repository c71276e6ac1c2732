"""donablock rebuild and resume, and donablock pay on the local chain."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer

from donablock.cli.console import out
from donablock.cli.database import opened
from donablock.errors import ChainError, InputError, NotMinedError
from donablock.roles.beside import heed

_LOCAL = 31337
_WEI = 10**18
_MINED_SECONDS = 30.0


def add_to(app: typer.Typer) -> None:
    app.command("rebuild")(rebuild)
    app.command("resume")(resume)
    app.command("pay")(pay)


def rebuild(
    chain: Annotated[int, typer.Option(help="The chain's id.")],
    check: Annotated[
        bool, typer.Option("--check", help="Only compare, and name what differs.")
    ] = False,
) -> int:
    """Read our contracts' events again from the chain, and put right what differs.

    Everything else may run meanwhile. With --check, 1 is the exit code where something differs.
    """
    return asyncio.run(_rebuild(chain, check))


async def _rebuild(chain_id: int, is_check: bool) -> int:
    from donablock.chain.nodes import Nodes
    from donablock.monitors.rebuild import rebuild
    from donablock.roles.chains import followed

    chosen = heed()
    (one,) = followed(chosen, [chain_id])
    async with opened() as database, Nodes(one.chain, one.urls) as nodes:
        found = await rebuild(database, nodes, one.chain, is_check=is_check)
    out.print(f"Blocks {found.from_block} to {found.to_block}: {found.rows} events of ours.")
    if found.is_same:
        out.print("Every row is as the chain says.")
        return 0
    for difference in found.differences:
        out.print(f"  {difference}", markup=False)
    for address in found.contracts:
        out.print(f"  contract {address}: we had it wrong")
    done = "differ" if is_check else "differed, and are put right"
    out.print(f"{found.count} rows and {len(found.contracts)} contracts {done}.")
    return int(is_check)


def resume(
    chain: Annotated[int, typer.Option(help="The chain's id.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Let a chain that has halted be followed again, once you know that your nodes are right.

    It halts where its nodes tell of a reorganisation deeper than 256 blocks. If they still do, it
    halts again.
    """
    asyncio.run(_resume(chain, yes))


async def _resume(chain_id: int, is_sure: bool) -> None:
    async with opened() as database, database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT name, halted_because FROM chains WHERE chain_id = $1", chain_id
        )
        if row is None:
            raise InputError(f"chain {chain_id} was never followed here")
        if row["halted_because"] is None:
            out.print(f"{row['name']} (chain {chain_id}) has not halted; nothing was changed.")
            return
        out.print(row["halted_because"], markup=False)
        if not is_sure and not typer.confirm("Do the nodes tell the truth now? Go on?"):
            raise typer.Abort()
        await connection.execute(
            "UPDATE chains SET state = 'following', halted_because = NULL WHERE chain_id = $1",
            chain_id,
        )
    out.print(f"{row['name']} (chain {chain_id}) goes on.")


def pay(
    to: Annotated[str, typer.Argument(help="An address.")],
    amount: Annotated[str, typer.Argument(help="Coins, such as 1.5.")] = "1",
    node: Annotated[
        str | None, typer.Option(help="The local chain's address. Default: that of `up`.")
    ] = None,
) -> None:
    """On the local chain of `donablock up`: pay coins to an address, so that something happens.

    They come from the first of anvil's test accounts, whose keys everybody knows.
    """
    from donablock.monitors.monitor import address_of

    to = address_of(to)
    try:
        wei = int(Decimal(amount) * _WEI)
        is_exact = Decimal(wei) == Decimal(amount) * _WEI and wei > 0
    except (InvalidOperation, ValueError, OverflowError):
        is_exact = False
    if not is_exact:
        raise InputError(f"{amount!r} is no amount of coins: write 1.5")
    node = node or _local_node()
    if int(_asked(node, "eth_chainId"), 16) != _LOCAL:
        raise InputError(f"{node} is not a local chain ({_LOCAL}); nothing was paid")
    payer = _asked(node, "eth_accounts")[0]
    paid = _asked(node, "eth_sendTransaction", {"from": payer, "to": to, "value": hex(wei)})
    deadline = time.monotonic() + _MINED_SECONDS
    while _asked(node, "eth_getTransactionReceipt", paid) is None:
        if time.monotonic() > deadline:
            raise NotMinedError(
                paid,
                f"{node} took {paid} and has not mined it within {_MINED_SECONDS:g} s: it waits"
                " there, and nobody is told of it before it is in a block",
            )
        time.sleep(0.05)
    print(paid)


def _local_node() -> str:
    kept = heed().nodes
    nodes = json.loads(kept.get_secret_value()) if kept is not None else {}
    if str(_LOCAL) not in nodes:
        raise InputError("no local chain runs here: start `donablock up`, or name one with --node")
    return str(nodes[str(_LOCAL)][0])


def _asked(node: str, method: str, *parameters: Any) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    request = urllib.request.Request(
        node, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            said = json.loads(answer.read())
    except (OSError, ValueError, urllib.error.URLError) as error:
        raise ChainError(f"no chain answers at {node}: start `donablock up`") from error
    if "result" not in said:
        raise InputError(f"the chain refuses: {said.get('error', {}).get('message', said)}")
    return said["result"]
