"""The run in numbers, for machines (summary.json) and for the terminal.

Amounts are text in JSON: they do not fit into the numbers of other languages.
"""

from __future__ import annotations

from math import floor
from typing import Any

from rich.console import Console
from rich.table import Table

from donablock.chain.amounts import from_units
from donablock.demo.deflation import Deflation
from donablock.demo.run import MANIFESTS, STATE, Outcome
from donablock.demo.stories import CampaignStory, ImpactStory, Token

CLAIMED_FROM = ("IndexFunds", "Campaign", "ImpactFund")
"""Contracts out of which gifts are claimed."""

COUNTED: dict[str, tuple[str, ...]] = {
    "gifts to charities": ("Donated", "Giving"),
    "gifts to funds": ("FundDonated", "IndexFunds"),
    "tips": ("Tipped",),
    "parts of carts that failed": ("PartFailed", "Giving"),
    "receipts": ("ReceiptMinted", "ReceiptBook"),
    "claims": ("Claimed", *CLAIMED_FROM),
    "claims that failed": ("ClaimFailed", "IndexFunds"),
    "issues of GIVE": ("Issued", "DonaGive"),
    "redemptions of GIVE": ("Redeemed", "DonaGive"),
    "changes of payee": ("PayeeChanged", "CharityRegistry"),
    "suspensions": ("Suspended", "CharityRegistry"),
    "revocations": ("Revoked", "CharityRegistry"),
    "drops": ("Dropped", "IndexFunds"),
    "campaigns": ("CampaignCreated", "CampaignFactory"),
    "pledges": ("Pledged", "Campaign"),
    "refunds by campaigns": ("Refunded", "Campaign"),
    "votes on milestones": ("Voted", "Campaign"),
    "milestones closed": ("Settled", "Campaign"),
    "impact projects": ("ProjectProposed", "ImpactFund"),
    "gifts to impact projects": ("ProjectDonated", "ImpactFund"),
    "votes on impact projects": ("Voted", "ImpactFund"),
    "stages released": ("StageReleased", "ImpactFund"),
    "repayments": ("Repaid", "ImpactFund"),
    "loans out of repayments": ("Lent", "ImpactFund"),
    "payments of commission": ("Deposited", "Commission"),
    "receipts of commission": ("Settled", "Commission"),
    "buybacks": ("Bought", "Buyback"),
    "observations of the price": ("Observed", "Buyback"),
    "trades on the pair": ("Swap", "UniswapV2Pair"),
    "stakes": ("Staked", "DividendPool"),
    "months of dividends": ("EpochClosed", "DividendPool"),
    "dividends claimed": ("Claimed", "DividendPool"),
    "dividends compounded": ("Compounded", "DividendPool"),
    "locks extended": ("Extended", "DividendPool"),
    "principal unlocked": ("Unlocked", "DividendPool"),
}
"""What is counted: the event that tells, and the contracts that log it (none: whichever)."""

AMOUNTS = (
    "given",
    "direct",
    "to_funds",
    "to_campaigns",
    "to_projects",
    "tips",
    "claimed",
    "refunded",
    "repaid",
    "owed",
)
"""An asset's figures by logs, as in proof.Statement."""


RECEIPT_AMOUNTS = (
    "deposited",
    "bought",
    "amount",
    "burnt",
    "dividends",
    "shared_out",
    "supply_before",
    "supply_after",
)
STAKE_AMOUNTS = ("staked", "claimed", "compounded", "pending", "unlocked")


def summary(outcome: Outcome, seconds: float) -> dict[str, Any]:
    """All of it, ready for JSON. `seconds`: how long the run took."""
    world = outcome.world
    return {
        "format": 1,
        "scale": {
            "seed": world.scale.seed,
            "charities": world.scale.charities,
            "wallets": world.scale.wallets,
            "fund_sizes": list(world.scale.fund_sizes),
            "months": world.scale.months,
            "stakers": world.scale.stakers,
        },
        "chain": {
            "id": world.blocks.chain_id,
            "state": STATE,
            "manifest": f"{MANIFESTS}/{world.blocks.chain_id}.json",
            "blocks": world.blocks.number,
            "first_second": outcome.deployed.manifest.inputs.vesting_start,
            "last_second": world.blocks.now,
            "last_block": outcome.last_block,
            "source_commit": outcome.deployed.manifest.source_commit,
        },
        "addresses": dict(outcome.deployed.manifest.addresses),
        "counts": {
            "transactions": len(world.blocks.sent),
            "charities": len(world.charities),
            "funds": len(world.funds),
            "wallets": len(world.donors),
            **{what: outcome.books.count(*told) for what, told in COUNTED.items()},
        },
        "assets": {
            found.asset: {
                "address": world.assets[found.asset].address,
                "decimals": world.assets[found.asset].decimals,
                **{name: str(getattr(found, name)) for name in AMOUNTS},
            }
            for found in outcome.proof.statements
        },
        "proof": {
            "holds": outcome.holds,
            "wallet_balances_compared": outcome.proof.compared,
            "by_asset": {
                found.asset: {
                    "donors_outflow": str(found.outflow),
                    "charities_inflow": str(found.charities_inflow),
                    "entrepreneurs_inflow": str(found.entrepreneurs_inflow),
                    "operations_inflow": str(found.operations_inflow),
                    "owed": str(found.keepers_inflow),
                    "difference": str(found.outflow - found.inflow - found.keepers_inflow),
                }
                for found in outcome.proof.statements
            },
            "checks": [
                {"what": c.what, "left": str(c.left), "right": str(c.right), "holds": c.holds}
                for c in outcome.checks
            ],
            "faults": outcome.faults,
        },
        "flows": [
            {"asset": f.asset, "way": f.way, "goal": f.goal, "amount": str(f.amount)}
            for f in outcome.flows
        ],
        "campaigns": [_campaign(story) for story in outcome.campaigns],
        "impact": _impact(outcome.impact),
        "deflation": _deflation(outcome.deflation) if outcome.deflation is not None else None,
        "gas": {
            g.operation: {"count": g.count, "least": g.least, "median": g.median, "most": g.most}
            for g in outcome.gas
        },
        "timeline": [
            {"second": h.second, "kind": h.kind, "title": h.title, "text": h.text}
            for h in world.happenings
        ],
        "receipt": {
            "token_id": outcome.artwork.token_id,
            "metadata": {k: v for k, v in outcome.artwork.metadata.items() if k != "image"},
        },
        "backer_token": _token(outcome.token) if outcome.token is not None else None,
        "seconds": {"all": round(seconds, 1)}
        | {name: round(took, 1) for name, took in outcome.stages.items()},
    }


def _campaign(story: CampaignStory) -> dict[str, Any]:
    """A campaign; amounts as text."""
    return {
        "number": story.number,
        "address": story.address,
        "name": story.name,
        "charity": story.charity,
        "asset": story.asset,
        "outcome": story.outcome,
        "is_all_or_nothing": story.is_all_or_nothing,
        "opened": story.opened,
        "deadline": story.deadline,
        "pledges": len(story.pledges),
        "backers": story.backers,
        "refunds": story.refunds,
        "tokens": story.alive,
        **{
            name: str(getattr(story, name))
            for name in ("goal", "raised", "released", "claimed", "refunded", "owed")
        },
        "tiers": [
            {"price": str(t.price), "supply": t.supply, "sold": t.sold, "artwork": t.artwork}
            for t in story.tiers
        ],
        "milestones": [
            {
                "number": m.number,
                "second": m.second,
                "is_released": m.is_released,
                "amount": str(m.amount),
                "approvals": str(m.approvals),
                "objections": str(m.objections),
            }
            for m in story.milestones
        ],
    }


def _token(token: Token) -> dict[str, Any]:
    return {
        "campaign": token.campaign,
        "token_id": token.token_id,
        "owner": token.owner,
        "metadata": token.metadata,
    }


def _impact(story: ImpactStory) -> dict[str, Any]:
    """The life of the impact fund's money, log by log; amounts as text."""
    amounts = ("goal", "given", "lent", "released", "claimed", "repaid", "refunded", "waits")
    return {
        "asset": story.asset,
        "pool": str(story.pool),
        "projects": [
            {
                "id": project.id,
                "name": project.name,
                "charity_id": project.charity_id,
                "goal_of_the_united_nations": project.sdg,
                **{name: str(getattr(project, name)) for name in amounts},
            }
            for project in story.projects
        ],
        "life": [
            {"second": s.second, "kind": s.kind, "project": s.project_id, "amount": str(s.amount)}
            for s in story.stations
        ],
    }


def _deflation(story: Deflation) -> dict[str, Any]:
    """Receipts, purchases, months and stakes; amounts as text. A stake is `short` of its exact
    share by so many units, cut after six digits, and less than `rounded_down`.
    """
    return {
        "supply_at_first": str(story.supply_at_start),
        "supply": str(story.supply),
        "burnt": str(story.burnt),
        "receipts": [
            {
                "batch": receipt.batch,
                "second": receipt.second,
                "deposits": receipt.deposits,
                **{name: str(getattr(receipt, name)) for name in RECEIPT_AMOUNTS},
            }
            for receipt in story.receipts
        ],
        "purchases": [
            {
                "second": one.second,
                "spent": str(one.spent),
                "bought": str(one.bought),
                "least": str(one.least),
                "by_operator": one.by_operator,
            }
            for one in story.purchases
        ],
        "months": [
            {
                "number": month.number,
                "weight": str(month.weight),
                "locked": str(month.locked),
                "divided": str(month.pot),
                "waits": str(month.waits),
            }
            for month in story.months
        ],
        "stakes": [
            {
                "owner": stake.owner,
                "term": stake.term,
                **{name: str(getattr(stake, name)) for name in STAKE_AMOUNTS},
                "short": from_units(floor(stake.short * 10**6), 6),
                "rounded_down": stake.settled,
            }
            for stake in story.positions
        ],
    }


def show(outcome: Outcome, console: Console) -> None:
    """What moved, and the proof, on the terminal."""
    assets = outcome.world.assets
    table = Table(
        title="What moved (cut after four digits)", title_justify="left", title_style="bold"
    )
    table.add_column("", no_wrap=True)
    rows = {
        "given": "given",
        "  direct": "direct",
        "  to funds": "to_funds",
        "  to campaigns": "to_campaigns",
        "  to projects": "to_projects",
        "  tips": "tips",
        "claimed": "claimed",
        "refunded": "refunded",
        "repaid": "repaid",
        "still owed": "owed",
    }
    for found in outcome.proof.statements:
        table.add_column(found.asset, justify="right")
    for name, attribute in rows.items():
        amounts = (
            cut(getattr(found, attribute), assets[found.asset].decimals)
            for found in outcome.proof.statements
        )
        table.add_row(name, *amounts)
    console.print(table)
    for found in outcome.proof.statements:
        decimals = assets[found.asset].decimals
        inflow, owed = exact(found.inflow, decimals), exact(found.keepers_inflow, decimals)
        equal = found.outflow == found.inflow + found.keepers_inflow == found.given - found.refunded
        sign = "[green]=[/]" if equal else "[red]is not[/]"
        console.print(
            f"  {found.asset:5} donors' outflow {exact(found.outflow, decimals)} {sign} "
            f"recipients' inflow {inflow} + owed {owed}",
            highlight=False,
            soft_wrap=True,
        )
    if outcome.deflation is not None:
        _show_supply(outcome.deflation, console)
    count = outcome.proof.compared
    if outcome.holds:
        console.print(
            f"[bold green]Proved to the wei:[/] balances and logs agree on all {count:,} pairs of "
            f"wallet and asset, and {len(outcome.checks)} further checks hold."
        )
        return
    console.print("[bold red]It does not add up:[/]")
    for fault in outcome.faults[:20]:
        console.print(f"  {fault}", soft_wrap=True, highlight=False)
    if len(outcome.faults) > 20:
        console.print(f"  and {len(outcome.faults) - 20} more")


def _show_supply(story: Deflation, console: Console) -> None:
    equal = story.supply_at_start - story.supply == story.burnt
    sign = "[green]=[/]" if equal else "[red]is not[/]"
    console.print(
        f"  DOBO  supply at first {exact(story.supply_at_start, 18)} - now "
        f"{exact(story.supply, 18)} {sign} burnt {exact(story.burnt, 18)} by "
        f"{len(story.receipts)} receipts",
        highlight=False,
        soft_wrap=True,
    )


def cut(units: int, decimals: int) -> str:
    """`exact` without what comes after the fourth digit behind the point."""
    whole, _, part = exact(units, decimals).partition(".")
    return f"{whole}.{part[:4].ljust(4, '0')}"


def exact(units: int, decimals: int) -> str:
    """Every digit, the whole ones in groups of three: "1,234.567"."""
    whole, point, part = from_units(units, decimals).partition(".")
    return f"{int(whole):,}{point}{part}"
