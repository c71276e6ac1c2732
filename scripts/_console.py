"""What the scripts share: ape's options, one line for each error, and how things are shown.

`ape run` passes over files that begin with an underscore.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand, account_option, select_account
from ape.exceptions import Abort, ApeException
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from donablock.chain.actions import Done
from donablock.chain.ape_session import connected_network, open_session, unlocked
from donablock.chain.eip681 import qr_in_terminal
from donablock.chain.manifest import load_manifest
from donablock.chain.paying import Allowance, Cost
from donablock.chain.session import Session
from donablock.errors import DonaBlockError, InputError
from donablock.giving.receipts import Receipt, Receipts

# where nobody looks at the width, nothing is folded
out = Console(highlight=False, soft_wrap=not sys.stdout.isatty(), width=None)
if not sys.stdout.isatty():
    out.width = 200

# where a command keeps its account, so that a passphrase is asked for once, after the summary
_ACCOUNT = "donablock.account"

F = TypeVar("F", bound=Callable[..., Any])


class Command(ConnectedProviderCommand):
    """A command with ape's --network, which says what is wrong in one line and exits with 1."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return list(super().parse_args(ctx, args))
        except click.UsageError as error:
            _fail(f"{error.format_message()} (`{ctx.command_path} --help` shows examples)")
        except ApeException as error:
            _fail(str(error))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.Abort, Abort):
            _fail("stopped; nothing more was sent")
        except (DonaBlockError, ApeException) as error:
            _fail(str(error))


class Group(click.Group):
    """Commands under one script; each is a Command."""

    command_class = Command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            _fail(f"{error.format_message()} (`{ctx.command_path} --help` shows examples)")


def _fail(message: str) -> NoReturn:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    click.echo(f"error: {'; '.join(lines) or 'something failed'}", err=True)
    raise SystemExit(1)


def account(function: F) -> F:
    """--account, asked for when it is needed and not given."""
    wrapped: F = account_option(prompt=None)(function)
    return wrapped


def yes(function: F) -> F:
    """--yes."""
    option = click.option("--yes", "-y", is_flag=True, help="Do not ask before sending.")
    wrapped: F = option(function)
    return wrapped


def gift_options(function: F) -> F:
    """--memo, --receipt, --save and --qr of a gift."""
    folder = click.Path(file_okay=False, exists=True, path_type=Path)
    options = (
        click.option(
            "--memo",
            metavar="TEXT",
            help="Your reference: up to 32 bytes of text, or 0x... (random if left out).",
        ),
        click.option(
            "--receipt", is_flag=True, help="Have a soulbound receipt written; saves its picture."
        ),
        click.option("--save", type=folder, default=".", help="Folder for the picture."),
        click.option(
            "--qr", is_flag=True, help="Send nothing: show links and QR codes for a phone wallet."
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


@dataclass(frozen=True)
class Home:
    """The deployment on the chain that --network names."""

    session: Session
    from_block: int
    symbol: str
    explorer: str


def home(signer: AccountAPI | None = None, *, signs: bool = False) -> Home:
    """Opens the deployment on the chain of --network. `signs`: an account is needed."""
    if signs and signer is None:
        if not sys.stdin.isatty():
            raise InputError("name the account to sign with: --account ALIAS")
        signer = select_account()
    session = open_session(signer)
    network = connected_network()
    click.get_current_context().meta[_ACCOUNT] = signer
    first_block = load_manifest(session.chain_id).first_block
    return Home(session, first_block, network.native.symbol, network.explorer)


# --- showing ----------------------------------------------------------------------------------


def say(text: str) -> None:
    """A line, never folded."""
    out.print(text, soft_wrap=True)


def done(word: str, text: str, *, good: bool = True) -> None:
    """What became of something: a word in colour, and the rest."""
    colour = "green" if good else "red"
    say(f"[{colour}]{word}[/{colour}]  {escape(text)}")


def facts(title: str, pairs: Iterable[tuple[str, str]]) -> None:
    """A title and what there is to know, a line each."""
    found = list(pairs)
    width = max((len(name) for name, _ in found), default=0)
    out.print(f"[bold]{escape(title)}[/bold]")
    for name, value in found:
        out.print(f"  [dim]{escape(name.ljust(width))}[/dim]  {escape(value)}", soft_wrap=True)


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Rows under headings; a column whose heading begins with ">" is aligned to the right."""
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        right = column.startswith(">")
        shown.add_column(column.lstrip(">"), justify="right" if right else "left", no_wrap=True)
    for row in rows:
        shown.add_row(*(escape(cell) for cell in row))
    out.print(shown)


def lines(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """A table of which nothing is ever cut off: in a narrow window its lines run on."""
    headings = list(columns)
    cells = [[heading.lstrip(">") for heading in headings], *(list(row) for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(headings))]
    out.print(f"[bold]{escape(title)}[/bold]")
    for number, row in enumerate(cells):
        parts = [
            cell.rjust(width) if heading.startswith(">") else cell.ljust(width)
            for heading, cell, width in zip(headings, row, widths, strict=True)
        ]
        text = escape("  ".join(parts).rstrip())
        say(text if number else f"[dim]{text}[/dim]")


def cost_lines(cost: Cost, allowance: Allowance | None, symbol: str) -> list[tuple[str, str]]:
    """What sending takes, for a summary."""
    lines = []
    if allowance is not None and not allowance.money.asset.is_native:
        lines.append(("approval", allowance.way.value))
    if cost.gas is None or cost.fee is None:
        lines.append(("gas", "known once the approval is there"))
    else:
        fee = f"{cost.fee // 10**18}.{cost.fee % 10**18:018}".rstrip("0").rstrip(".")
        lines.append(("gas", f"about {cost.gas:_}, {fee} {symbol} at the current price"))
    return lines


def confirm(question: str, is_sure: bool) -> None:
    """Asks, unless told not to, and unlocks the account until the command ends.

    Raises InputError where nobody can answer.
    """
    if not is_sure:
        if not sys.stdin.isatty():
            raise InputError("nobody is here to confirm; add --yes to send without asking")
        if not click.confirm(question):
            raise click.Abort
    context = click.get_current_context()
    signer = context.meta.get(_ACCOUNT)
    if signer is not None:
        context.with_resource(unlocked(signer))


def sent(transaction: str, at: Home) -> None:
    """A transaction that is in a block."""
    out.print(f"  [dim]transaction[/dim]  {transaction}", soft_wrap=True)
    if at.explorer:
        out.print(f"  {at.explorer.rstrip('/')}/tx/{transaction}", soft_wrap=True)


def pay_back(results: Iterable[Done], text: Callable[[int], str], at: Home) -> None:
    """Refunds as they are sent, each payment told; fails at the end if any was refused."""
    failed = 0
    for result in results:
        for event in result.logged("Refunded"):
            done("paid back", f"{text(event['amount'])} to {event['receiver']}")
        for event in result.logged("RefundFailed"):
            failed += 1
            amount = text(event["amount"])
            done("refused", f"{amount} by {event['backer']}: it stays due", good=False)
        sent(result.transaction, at)
    if failed:
        raise InputError(
            f"{failed} payment(s) were refused and stay due: pay them back one by one, which hands "
            "on more gas, or let the backer name a --receiver"
        )


def links(found: list[str]) -> None:
    """Payment links, each with its QR code."""
    for number, link in enumerate(found, 1):
        if len(found) > 1:
            out.print(
                f"[bold]Step {number} of {len(found)}[/bold]: scan, and wait until it is in a block"
            )
        click.echo(qr_in_terminal(link))
        click.echo(link)


def show_receipt(receipt: Receipt) -> None:
    """A soulbound receipt's data."""
    from donablock.chain.times import date_text
    from donablock.giving.memos import memo_text

    pairs = [
        ("donor", receipt.donor),
        ("to", receipt.recipient),
        ("amount", str(receipt.money)),
        ("asset", receipt.money.asset.address),
        ("memo", memo_text(receipt.memo)),
        ("date", date_text(receipt.timestamp)),
    ]
    if not receipt.is_fund:
        pairs.append(("legal id hash", "0x" + receipt.legal_id.hex()))
    facts(f"Receipt {receipt.id}", pairs)


def save_artwork(receipts: Receipts, receipt_id: int, folder: Path) -> Path:
    """Writes a receipt's picture into a folder. Raises InputError where that fails."""
    path = folder / f"receipt-{receipt_id}.svg"
    try:
        path.write_bytes(receipts.artwork(receipt_id))
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another --save") from error
    out.print(f"  [dim]picture[/dim]  {path}", soft_wrap=True)
    return path


def receipts_of(at: Home, ids: Iterable[int], folder: Path) -> None:
    """Shows receipts just written, and saves their pictures."""
    receipts = Receipts(at.session, at.from_block)
    for receipt_id in ids:
        show_receipt(receipts.get(receipt_id))
        save_artwork(receipts, receipt_id, folder)
