"""Show a receipt, save its picture, and check it against the chain."""

from __future__ import annotations

from pathlib import Path

import click

from donablock.errors import InputError
from donablock.giving.memos import memo_text, read_memo
from donablock.giving.receipts import GivenGift, Receipts
from scripts._console import Command, done, facts, home, save_artwork, show_receipt


@click.command(cls=Command)
@click.argument("which", required=False)
@click.option("--donor", metavar="ADDRESS", help="Find the gifts of a donor under a --memo.")
@click.option("--memo", metavar="TEXT", help="The donor's reference.")
@click.option("--check", is_flag=True, help="Compare each receipt with the logs of its gift.")
@click.option(
    "--save",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Save the pictures in this folder.",
)
def cli(
    which: str | None,
    donor: str | None,
    memo: str | None,
    check: bool,
    save: Path | None,
) -> None:
    """Show a receipt by its number, the gifts of a transaction, or a donor's gifts under a memo.

    A gift is proved by its log, with or without a soulbound receipt. --check compares a receipt
    with the logs of the transaction that wrote it, and exits with 1 if they disagree.

    \b
    Examples:
      ape run receipt 7 --check --save . --network ethereum:sepolia
      ape run receipt 0x<transaction>
      ape run receipt --donor 0x<address> --memo "birthday"
    """
    at = home()
    receipts = Receipts(at.session, at.from_block)
    if which is None:
        if donor is None or memo is None:
            raise InputError("name a receipt, a transaction, or --donor and --memo")
        gifts = receipts.gifts_by(donor, read_memo(memo))
        if not gifts:
            raise InputError(f"{donor} gave nothing on this chain under exactly the memo {memo}")
        show_gifts(gifts)
        found = [
            receipt
            for transaction in dict.fromkeys(gift.log.transaction for gift in gifts)
            for receipt in receipts.in_transaction(transaction)
        ]
    elif which.isdigit():
        found = [receipts.get(int(which))]
    else:
        gifts = receipts.gifts_in(which)
        if not gifts:
            raise InputError(f"transaction {which} made no gift")
        show_gifts(gifts)
        found = receipts.in_transaction(which)
    agrees = True
    for receipt in found:
        show_receipt(receipt)
        if save is not None:
            save_artwork(receipts, receipt.id, save)
        for entry in receipts.check(receipt.id) if check else ():
            word = "  yes" if entry.passed else "  NO "
            done(word, f"{entry.what}: {entry.detail}", good=entry.passed)
            agrees = agrees and entry.passed
    if check and not found:
        raise InputError("there is no receipt to check: none was asked for with this gift")
    if not agrees:
        raise InputError("the chain does not bear this receipt out")


def show_gifts(gifts: list[GivenGift]) -> None:
    """Gifts by their logs."""
    for gift in gifts:
        log = gift.log
        facts(
            f"{gift.money} to {gift.recipient}",
            [
                ("donor", log["donor"]),
                *([("payee", log["payee"])] if "payee" in log.args else []),
                ("asset", gift.money.asset.address),
                ("memo", memo_text(bytes(log["memo"]))),
                ("transaction", log.transaction),
                ("log", f"{log.name}, number {log.log_index} in block {log.block_number}"),
            ],
        )
