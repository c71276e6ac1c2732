"""Have what a charity has earned in the index funds paid out."""

from __future__ import annotations

import click
from ape.api import AccountAPI

from donablock.errors import InputError
from donablock.giving.charities import charity_id_of
from donablock.giving.claims import Claim, Claims
from scripts._console import Command, account, confirm, done, home, say, sent, table, yes


@click.command(cls=Command)
@click.argument("charity")
@click.option("--fund", "fund_ids", type=int, multiple=True, help="Only of this fund; repeat it.")
@click.option("--asset", help="Only in this asset: a symbol or an address.")
@click.option("--list", "only_list", is_flag=True, help="Show what is claimable and send nothing.")
@click.option("--receiver", metavar="ADDRESS", help="The payee only: pay to another address.")
@account
@yes
def cli(
    charity: str,
    fund_ids: tuple[int, ...],
    asset: str | None,
    only_list: bool,
    receiver: str | None,
    account: AccountAPI | None,
    yes: bool,
) -> None:
    """Claim what a charity has earned: over all funds, lists and assets, 32 to a transaction.

    Anybody may claim; the money goes to the charity's payee. Only the payee itself may name another
    receiver. Nothing can stop a claim: not a suspension, not a revocation.

    \b
    Examples:
      ape run claim 12 --list --network ethereum:sepolia
      ape run claim 12 --account me
      ape run claim 12 --fund 13 --asset USDC --account me
      ape run claim 12 --receiver 0x... --account payee
    """
    at = home(account, signs=not only_list)
    claims = Claims(at.session, at.from_block)
    number = charity_id_of(charity)
    found = [
        claim for claim in claims.find(number, fund_ids) if asset is None or is_in(claim, asset)
    ]
    if not found:
        say(f"Charity {number} has nothing to claim here.")
        return
    table(
        f"Claimable by charity {number}",
        (">fund", ">epoch", ">place", ">amount"),
        (
            (str(claim.fund_id), str(claim.epoch), str(claim.member), str(claim.money))
            for claim in found
        ),
    )
    if only_list:
        return
    say(f"To: {receiver or claims.payee(number)}")
    confirm(f"Claim {len(found)}?", yes)
    if receiver is not None:
        results = [claims.claim_to(claim, receiver) for claim in found]
    elif len(found) == 1:
        results = [claims.claim(found[0])]
    else:
        results = claims.claim_all(found)
    money = {claim.money.asset.address: claim.money.asset for claim in found}
    failed = 0
    for result in results:
        for event in result.paid:
            amount = money[event["asset"]].text(event["amount"])
            place = f"fund {event['fund_id']}, epoch {event['epoch']}"
            done("paid", f"{amount} of {place}, to {event['receiver']}")
        for event in result.failed:
            failed += 1
            amount = money[event["asset"]].text(event["amount"])
            done("refused", f"{amount} of fund {event['fund_id']}: it stays owed", good=False)
        sent(result.transaction, at)
    if failed:
        raise InputError(
            f"{failed} payment(s) were refused by the payee and stay owed: claim with more gas "
            "one by one (--fund, --asset), or let the payee name a --receiver"
        )


def is_in(claim: Claim, asset: str) -> bool:
    """Whether a claim is in an asset, named by symbol or address."""
    own = claim.money.asset
    return asset.lower() in (own.symbol.lower(), own.address.lower())
