"""Give to one charity, or to a cart of charities."""

from __future__ import annotations

from pathlib import Path

import click
from ape.api import AccountAPI

from donablock.errors import InputError
from donablock.giving.donations import Donations, Gift, GiftPlan, GiftResult
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
    yes,
)


@click.command(cls=Command)
@click.argument("charity", required=False)
@click.argument("amount", required=False)
@click.option("--to", "cart", multiple=True, metavar="N=AMOUNT", help="A part of a cart; repeat.")
@click.option("--tip", metavar="AMOUNT", help="For operations, on top: an amount, or 5%.")
@gift_options
@account
@yes
def cli(
    charity: str | None,
    amount: str | None,
    cart: tuple[str, ...],
    tip: str | None,
    memo: str | None,
    receipt: bool,
    save: Path,
    qr: bool,
    account: AccountAPI | None,
    yes: bool,
) -> None:
    """Give to a charity: 100 % goes to its payee in one transaction; a tip comes on top.

    Shows who gets what and asks before anything is sent. A token with a permit (EIP-2612) needs one
    transaction and no approval; another token is approved for exactly the amount.

    \b
    Examples:
      ape run donate 12 "1.5 ether" --account me --network ethereum:sepolia
      ape run donate 12 "25 USDC" --tip 5% --memo "birthday" --receipt --account me
      ape run donate --to 12=5USDC --to 40=3USDC --account me
      ape run donate 12 "0.1 ether" --qr
    """
    at = home(account, signs=not qr)
    donations = Donations(at.session, at.from_block)
    gift = read_gift(donations, charity, amount, cart, tip, memo, receipt)
    if qr:
        say(f"Your reference (memo): {memo_text(gift.memo)}")
        links(donations.links(gift))
        return
    plan = donations.plan(gift)
    show_plan(plan, at.symbol)
    confirm("Give?", yes)
    result = donations.give(plan)
    show_result(gift, result)
    sent(result.transaction, at)
    receipts_of(at, result.receipt_ids, save)
    if not result.donated:
        raise InputError("nothing was given")


def read_gift(
    donations: Donations,
    charity: str | None,
    amount: str | None,
    cart: tuple[str, ...],
    tip: str | None,
    memo: str | None,
    receipt: bool,
) -> Gift:
    """The gift as written on the command line."""
    if cart and charity is not None:
        raise InputError("name the charities either with --to or before the amount, not both")
    if not cart:
        if charity is None or amount is None:
            raise InputError('name a charity and an amount: ape run donate 12 "5 USDC"')
        cart = (f"{charity}={amount}",)
    assets = donations.assets()
    asset, parts = donations.read_parts(cart, assets)
    total = sum(part.amount for part in parts)
    return Gift(
        asset,
        parts,
        new_memo() if memo is None else read_memo(memo),
        donations.read_tip(tip, asset, total, assets) if tip else 0,
        receipt,
    )


def show_plan(plan: GiftPlan, symbol: str) -> None:
    """Who gets what, before anything is sent."""
    gift = plan.gift
    for recipient in plan.recipients:
        charity = recipient.charity
        facts(
            f"{gift.asset.text(recipient.amount)} to charity {charity.id}",
            [
                *([("name", recipient.name)] if recipient.name else []),
                ("legal id hash", "0x" + charity.legal_id.hex()),
                ("payee", charity.payee),
                ("status", charity.status.word),
                *(
                    [("described at", recipient.uri)]
                    if recipient.uri and not recipient.name
                    else []
                ),
            ],
        )
    facts(
        "In all",
        [
            *(
                [("tip", f"{gift.asset.text(gift.tip)} to operations, {plan.operations}")]
                if gift.tip
                else []
            ),
            ("you give", gift.asset.text(gift.total)),
            ("asset", "the chain's coin" if gift.asset.is_native else gift.asset.address),
            ("memo", memo_text(gift.memo)),
            ("receipt", "soulbound, written on chain" if gift.receipt else "none"),
            *cost_lines(plan.cost, plan.allowance, symbol),
        ],
    )


def show_result(gift: Gift, result: GiftResult) -> None:
    """What the chain logged."""
    for event in result.donated:
        money = gift.asset.text(event["amount"])
        done("given", f"{money} to charity {event['charity_id']} ({event['payee']})")
    for event in result.failed:
        money, charity_id = gift.asset.text(event["amount"]), event["charity_id"]
        done("refused", f"{money} by the payee of charity {charity_id}: you kept it", good=False)
    if result.tip is not None:
        is_taken = result.tip.name == "Tipped"
        money = gift.asset.text(result.tip["amount"])
        done("tipped" if is_taken else "tip refused, you kept", money, good=is_taken)
