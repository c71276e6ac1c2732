"""Give to an index fund of charities."""

from __future__ import annotations

from pathlib import Path

import click
from ape.api import AccountAPI

from donablock.chain.assets import parse
from donablock.chain.times import date_text
from donablock.errors import InputError
from donablock.giving.funds import Epoch, Fund, FundGift, Funds
from donablock.giving.memos import memo_text, new_memo, read_memo
from scripts._console import (
    Command,
    account,
    confirm,
    cost_lines,
    done,
    facts,
    gift_options,
    home,
    links,
    receipts_of,
    say,
    sent,
    table,
    yes,
)


@click.command(cls=Command)
@click.argument("fund", required=False)
@click.argument("amount", required=False)
@click.option("--epoch", type=int, help="The list you saw; refused if another one runs by now.")
@gift_options
@account
@yes
def cli(
    fund: str | None,
    amount: str | None,
    epoch: int | None,
    memo: str | None,
    receipt: bool,
    save: Path,
    qr: bool,
    account: AccountAPI | None,
    yes: bool,
) -> None:
    """Give to an index fund: its charities share the gift by the weights of the running list.

    Without a fund, lists the funds; without an amount, shows the fund's charities. The gift names
    the list (epoch) you saw, and is refused if another one runs when it arrives.

    \b
    Examples:
      ape run fund-donate
      ape run fund-donate 13
      ape run fund-donate 13 "25 USDC" --account me --network ethereum:sepolia
      ape run fund-donate 13 "0.2 ether" --receipt --account me
      ape run fund-donate 13 "0.2 ether" --qr
    """
    gives = amount is not None
    at = home(account, signs=gives and not qr)
    funds = Funds(at.session, at.from_block)
    if fund is None:
        show_all(funds.all())
        return
    if not fund.isdigit():
        raise InputError(f"{fund!r} is no fund; write its number, such as 13")
    found = funds.get(int(fund))
    show_fund(found)
    if amount is None:
        return
    gift = FundGift(
        found.id,
        epoch if epoch is not None else found.running.number if found.running else 0,
        parse(amount, funds.assets()),
        new_memo() if memo is None else read_memo(memo),
        receipt,
    )
    if qr:
        say(f"Your reference (memo): {memo_text(gift.memo)}")
        links(funds.links(gift))
        return
    plan = funds.plan(gift)
    facts(
        f"{gift.money} to fund {found.id} {found.name}",
        [
            ("epoch", str(gift.epoch)),
            ("memo", memo_text(gift.memo)),
            ("receipt", "soulbound, written on chain" if gift.receipt else "none"),
            *cost_lines(plan.cost, plan.allowance, at.symbol),
        ],
    )
    confirm("Give?", yes)
    result = funds.give(plan)
    event = result.donated
    done("given", f"{gift.money} to fund {event['fund_id']}, epoch {event['epoch']}")
    sent(result.transaction, at)
    receipts_of(at, result.receipt_ids, save)


def show_all(funds: list[Fund]) -> None:
    """Every fund, a line each."""
    rows = []
    for fund in funds:
        if fund.running is None:
            state = "closed"
        else:
            state = f"epoch {fund.running.number}, {len(fund.running.live)} charities"
        upcoming = (
            f"epoch {fund.announced.number} from {date_text(fund.announced.starts_at)}"
            if fund.announced is not None
            else ""
        )
        rows.append((str(fund.id), fund.name, state, upcoming))
    table("Index funds", (">fund", "name", "now", "next"), rows)


def show_fund(fund: Fund) -> None:
    """A fund's running list, and the announced one."""
    say(f"[bold]Fund {fund.id}[/bold] {fund.name}")
    if fund.running is None:
        say("  takes no gifts now: it has no running list")
    else:
        show_epoch(f"Epoch {fund.running.number}, running", fund.running)
    if fund.announced is not None:
        starts = date_text(fund.announced.starts_at)
        show_epoch(f"Epoch {fund.announced.number}, announced, runs from {starts}", fund.announced)


def show_epoch(title: str, epoch: Epoch) -> None:
    """A list's charities, with the share of a gift that each one gets."""
    rows = []
    for member in epoch.members:
        share = 0 if member.is_dropped else member.weight * 10_000 // epoch.live_weight
        shown = "dropped" if member.is_dropped else f"{share // 100}.{share % 100:02} %"
        rows.append((str(member.charity_id), str(member.weight), shown))
    table(title, (">charity", ">weight", ">of a gift"), rows)
