"""Campaigns: opening and backing them, milestones, refunds and claims; showing and listing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from ape.api import AccountAPI

from donablock.chain.times import date_text
from donablock.errors import InputError
from donablock.giving.campaign_terms import (
    KEEP,
    STRICT,
    Terms,
    read_terms,
    read_tier,
)
from donablock.giving.campaigns import (
    Action,
    Backer,
    Campaign,
    Campaigns,
    Done,
    State,
    pledge_of,
)
from donablock.giving.charities import charity_id_of, hash_of
from donablock.giving.memos import memo_text, new_memo, read_memo
from donablock.giving.terms import read_file, share_text
from scripts._console import (
    Group,
    Home,
    account,
    confirm,
    cost_lines,
    done,
    facts,
    home,
    pay_back,
    say,
    sent,
    table,
    yes,
)


@click.group(cls=Group)
def cli() -> None:
    """Campaigns: a goal, a deadline, and NFTs for those who back it. CAMPAIGN is its number or its
    address.

    \b
    Examples (anybody):
      ape run campaign list --network ethereum:sepolia
      ape run campaign show 3
      ape run campaign finalise 3 --account me
      ape run campaign refund 3 --all --account me
    Examples (a backer):
      ape run campaign pledge 3 --tier 1 --account me
      ape run campaign vote 3 --object --account me
      ape run campaign refund 3 --account me
    Examples (a charity and its fundraisers):
      ape run campaign accept 12 0x<creator> --account payee
      ape run campaign create wells.toml --account creator
      ape run campaign report 3 --document @report.pdf --uri ipfs://... --account creator
      ape run campaign claim 3 --account payee
    """


# --- anybody ----------------------------------------------------------------------------------


@cli.command("list")
@click.option("--charity", help="Only for this charity: its number.")
@click.option("--creator", metavar="ADDRESS", help="Only those that this account opened.")
def list_(charity: str | None, creator: str | None) -> None:
    """Every campaign that was opened here, from the factory's logs."""
    at = home()
    number = None if charity is None else charity_id_of(charity)
    rows = [
        (
            str(found.number),
            found.state.word,
            found.name,
            str(found.charity_id),
            found.text(found.raised),
            found.text(found.goal),
            date_text(found.deadline),
            found.address,
        )
        for found in Campaigns(at.session, at.from_block).all(number, creator)
    ]
    if not rows:
        say("No campaign.")
        return
    columns = (">campaign", "state", "name", ">charity", ">raised", ">goal", "deadline", "address")
    table("Campaigns", columns, rows)


@cli.command()
@click.argument("campaign")
@click.option("--backer", metavar="ADDRESS", help="Also what this backer pledged and is owed.")
@click.option("--backers", "everybody", is_flag=True, help="Also every backer, from the logs.")
def show(campaign: str, backer: str | None, everybody: bool) -> None:
    """What CAMPAIGN promises, where it stands, and what can be done now and when."""
    at = home()
    campaigns = Campaigns(at.session, at.from_block)
    found = campaigns.find(campaign)
    show_campaign(campaigns, found)
    show_tiers(found)
    if found.milestones:
        show_milestones(campaigns, found)
    show_steps(campaigns, found, at.session.now)
    if everybody:
        show_backers(found, campaigns.backers(found))
    elif backer is not None:
        show_backers(found, [campaigns.backer(found, backer)])


@cli.command()
@click.argument("campaign")
@account
@yes
def finalise(campaign: str, account: AccountAPI | None, yes: bool) -> None:
    """Decide CAMPAIGN once its deadline has come, or its charity is revoked; anybody may."""
    at = home(account, signs=True)
    campaigns = Campaigns(at.session, at.from_block)
    found = campaigns.find(campaign)
    action = campaigns.plan_finalise(found)
    outcome = found.outcome(campaigns.charity(found))
    what = f"{found.text(found.raised)} raised of {found.text(found.goal)}: {outcome.word}"
    result = act(at, campaigns, found, action, what, yes)
    state = State(result.logged("Finalised")[0]["outcome"])
    done("finalised", f"campaign {found.number}: {state.word}", good=state is not State.FAILED)
    if state is State.FAILED:
        say(f"Backers are paid back with: ape run campaign refund {found.number} --all")
    sent(result.transaction, at)


@cli.command()
@click.argument("campaign")
@click.argument("backers", nargs=-1)
@click.option("--all", "everybody", is_flag=True, help="Everybody not paid back yet, by the logs.")
@click.option("--receiver", metavar="ADDRESS", help="Your own refund, paid to another address.")
@account
@yes
def refund(
    campaign: str,
    backers: tuple[str, ...],
    everybody: bool,
    receiver: str | None,
    account: AccountAPI | None,
    yes: bool,
) -> None:
    """Pay backers of CAMPAIGN back: you, those named, or all; 32 to a transaction.

    Anybody may; the money goes to the backer alone. After a failure that is all of a pledge, and
    the NFTs are burnt; after a rejected milestone it is a share of what was not released.

    \b
    Examples:
      ape run campaign refund 3 --account me
      ape run campaign refund 3 0x<backer> --account anyone
      ape run campaign refund 3 --all --account anyone
      ape run campaign refund 3 --receiver 0x... --account me
    """
    if sum((bool(backers), everybody, receiver is not None)) > 1:
        raise InputError("choose one: backers by address, --all, or --receiver for your own")
    at = home(account, signs=True)
    campaigns = Campaigns(at.session, at.from_block)
    found = campaigns.find(campaign)
    if everybody:
        who = [entry for entry in campaigns.backers(found) if entry.contribution]
        actions = campaigns.plan_refund_many(found, [entry.address for entry in who])
    else:
        me = at.session.address
        who = [campaigns.backer(found, entry) for entry in backers or [me]]
        if receiver is not None:
            actions = [campaigns.plan_refund_to(found, receiver)]
        elif len(who) == 1:
            actions = [campaigns.plan_refund(found, who[0].address)]
        else:
            actions = campaigns.plan_refund_many(found, [entry.address for entry in who])
    show_backers(found, who)
    if receiver is not None:
        say(f"To: {receiver}")
    confirm(f"Pay {len(who)} back?", yes)
    pay_back((campaigns.send(action) for action in actions), found.text, at)


@cli.command()
@click.argument("campaign")
@account
@yes
def settle(campaign: str, account: AccountAPI | None, yes: bool) -> None:
    """Close the running milestone of CAMPAIGN, after its vote or when no report came; anybody may
    do it."""
    at = home(account, signs=True)
    campaigns = Campaigns(at.session, at.from_block)
    found = campaigns.find(campaign)
    action = campaigns.plan_settle(found)
    assert found.stage is not None
    verdict = "released" if found.stage.would_release else "rejected"
    what = f"milestone {found.stage.number} is {verdict}; {votes_text(found)}"
    result = act(at, campaigns, found, action, what, yes)
    event = result.logged("Settled")[0]
    if event["is_released"]:
        amount = found.text(event["amount"])
        done("released", f"{amount} for milestone {event['stage']}; ape run campaign claim pays it")
    else:
        done("rejected", f"milestone {event['stage']}: the rest is paid back", good=False)
    sent(result.transaction, at)


@cli.command()
@click.argument("campaign")
@click.option("--receiver", metavar="ADDRESS", help="The payee only: pay to another address.")
@account
@yes
def claim(campaign: str, receiver: str | None, account: AccountAPI | None, yes: bool) -> None:
    """Have what CAMPAIGN has released paid to the charity's payee; anybody may."""
    at = home(account, signs=True)
    campaigns = Campaigns(at.session, at.from_block)
    found = campaigns.find(campaign)
    payee = campaigns.charity(found).payee
    if receiver is None:
        action = campaigns.plan_claim(found)
    else:
        action = campaigns.plan_claim_to(found, receiver)
    what = f"pays {found.text(found.claimable)} to {receiver or payee}"
    result = act(at, campaigns, found, action, what, yes)
    event = result.logged("Claimed")[0]
    done("paid", f"{found.text(event['amount'])} to {event['receiver']}")
    sent(result.transaction, at)


# --- backers ----------------------------------------------------------------------------------


@cli.command()
@click.argument("campaign")
@click.argument("amount", required=False)
@click.option("--tier", type=int, default=0, show_default=True, help="Which NFT, from 0.")
@click.option(
    "--memo",
    metavar="TEXT",
    help="Your reference: up to 32 bytes of text, or 0x... (random if left out).",
)
@account
@yes
def pledge(
    campaign: str,
    amount: str | None,
    tier: int,
    memo: str | None,
    account: AccountAPI | None,
    yes: bool,
) -> None:
    """Pledge AMOUNT to CAMPAIGN, the tier's price if left out, and get the tier's NFT.

    The NFT cannot be passed on as long as you can be paid back. A token with a permit (EIP-2612)
    needs one transaction and no approval.

    \b
    Examples:
      ape run campaign pledge 3 --account me --network ethereum:sepolia
      ape run campaign pledge 3 "30 USDC" --tier 1 --memo "for Ada" --account me
    """
    at = home(account, signs=True)
    campaigns = Campaigns(at.session, at.from_block)
    found = campaigns.find(campaign)
    money = pledge_of(found, tier, amount, campaigns.assets())
    reference = new_memo() if memo is None else read_memo(memo)
    plan = campaigns.plan_pledge(found, tier, money, reference)
    show_campaign(campaigns, found)
    facts(
        f"{money} to campaign {found.number}",
        [
            ("tier", f"{tier}, {plan.tier.artwork}"),
            ("paid back", paid_back_text(found)),
            ("memo", memo_text(plan.memo)),
            *cost_lines(plan.cost, plan.allowance, at.symbol),
        ],
    )
    confirm("Pledge?", yes)
    result = campaigns.pledge(plan)
    pledged = found.text(result.event["amount"])
    done("pledged", f"{pledged} to campaign {found.number}: {found.symbol} #{result.token_id}")
    sent(result.transaction, at)


@cli.command()
@click.argument("campaign")
@click.option("--approve/--object", "is_approved", default=None, help="What you say to the report.")
@account
@yes
def vote(campaign: str, is_approved: bool | None, account: AccountAPI | None, yes: bool) -> None:
    """A backer approves the reported milestone of CAMPAIGN, or objects: once, by what it pledged.

    Where nobody votes, the milestone is released. Where somebody objects, it is released only if
    those who approve have pledged as much or more.
    """
    if is_approved is None:
        raise InputError("say what you vote: --approve or --object")
    at = home(account, signs=True)
    campaigns = Campaigns(at.session, at.from_block)
    found = campaigns.find(campaign)
    action = campaigns.plan_vote(found, is_approved)
    show_milestones(campaigns, found)
    assert found.stage is not None
    word = "approves" if is_approved else "objects to"
    result = act(at, campaigns, found, action, f"{word} milestone {found.stage.number}", yes)
    event = result.logged("Voted")[0]
    said = "approved" if event["is_approved"] else "objected"
    done(said, f"milestone {event['stage']}, with {found.text(event['weight'])}")
    sent(result.transaction, at)


# --- creators and charities -------------------------------------------------------------------


@cli.command()
@click.argument("charity")
@click.argument("creator")
@click.option("--no-more", is_flag=True, help="Take it back; campaigns already open go on.")
@account
@yes
def accept(
    charity: str, creator: str, no_more: bool, account: AccountAPI | None, yes: bool
) -> None:
    """The payee of CHARITY lets CREATOR, an address, open campaigns for it."""
    at = home(account, signs=True)
    campaigns = Campaigns(at.session, at.from_block)
    number = charity_id_of(charity)
    action = campaigns.plan_accept(number, creator, not no_more)
    may = "may no longer" if no_more else "may"
    facts(
        f"Charity {number}",
        [
            ("creator", f"{creator} {may} open campaigns for it"),
            *cost_lines(action.cost, None, at.symbol),
        ],
    )
    confirm("Send?", yes)
    result = campaigns.send(action)
    done("no longer accepted" if no_more else "accepted", f"{creator} by charity {number}")
    sent(result.transaction, at)


@cli.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--charity", help="For whom: its number.")
@click.option("--name", help="The collection's name, at most 64 bytes.")
@click.option("--symbol", help="Its symbol, at most 16 bytes.")
@click.option("--page", metavar="URI", help="Where people can read about it.")
@click.option("--goal", metavar="AMOUNT", help="What is asked for, with its asset.")
@click.option("--deadline", metavar="WHEN", help="A date (2027-01-31) or a span (60 days).")
@click.option("--policy", help=f"{STRICT} or {KEEP}.")
@click.option("--royalty", metavar="SHARE", help='Of resales, for the charity: "5 %".')
@click.option("--milestone", "milestones", multiple=True, metavar="SHARE", help="One; repeat it.")
@click.option("--tier", "tiers", multiple=True, metavar="PRICE,NUMBER,URI", help="One; repeat it.")
@account
@yes
def create(
    file: Path | None,
    milestones: tuple[str, ...],
    tiers: tuple[str, ...],
    account: AccountAPI | None,
    yes: bool,
    **options: str | None,
) -> None:
    """Open a campaign, by a FILE of its terms (see config/campaigns), by options, or both: an
    option counts instead of the file's line. Nothing of it can change afterwards.

    \b
    Examples:
      ape run campaign create config/campaigns/example.toml --charity 12 --account me
      ape run campaign create --charity 12 --name "Wells for Turkana" --symbol WELL \\
          --page https://example.org/wells --goal "5000 USDC" --deadline "60 days" \\
          --policy all-or-nothing --tier "25 USDC,100,ipfs://..." --account me
    """
    at = home(account, signs=True)
    campaigns = Campaigns(at.session, at.from_block)
    found: dict[str, Any] = read_file(file) if file is not None else {}
    found |= {name: value for name, value in options.items() if value is not None}
    if milestones:
        found["milestones"] = list(milestones)
    if tiers:
        found["tiers"] = [read_tier(text) for text in tiers]
    terms = read_terms(found, campaigns.assets(), at.session.now)
    plan = campaigns.plan_create(terms)
    show_terms(terms)
    facts(
        f"For charity {plan.charity.id}",
        [
            ("payee", plan.charity.payee),
            ("creator", at.session.address),
            *cost_lines(plan.cost, None, at.symbol),
        ],
    )
    confirm("Open it? Nothing of it can change afterwards.", yes)
    result = campaigns.create(plan)
    done("opened", f"campaign {result.number} at {result.address}")
    sent(result.transaction, at)


@cli.command()
@click.argument("campaign")
@account
@yes
def cancel(campaign: str, account: AccountAPI | None, yes: bool) -> None:
    """End CAMPAIGN early, so that backers are paid back: its creator or the charity's payee before
    the deadline, the payee alone during the milestones."""
    at = home(account, signs=True)
    campaigns = Campaigns(at.session, at.from_block)
    found = campaigns.find(campaign)
    action = campaigns.plan_cancel(found)
    back = found.text(found.raised - found.released)
    result = act(at, campaigns, found, action, f"ends for good; {back} is paid back", yes)
    done("cancelled", f"campaign {found.number}")
    say(f"Backers are paid back with: ape run campaign refund {found.number} --all")
    sent(result.transaction, at)


@cli.command()
@click.argument("campaign")
@click.option("--document", required=True, metavar="@FILE", help="The report, or its hash.")
@click.option("--uri", required=True, help="Where the report lies, for backers to read.")
@account
@yes
def report(campaign: str, document: str, uri: str, account: AccountAPI | None, yes: bool) -> None:
    """The creator or the payee reports the running milestone of CAMPAIGN; its vote begins."""
    at = home(account, signs=True)
    campaigns = Campaigns(at.session, at.from_block)
    found = campaigns.find(campaign)
    hashed = hash_of(document)
    action = campaigns.plan_report(found, hashed, uri)
    assert found.stage is not None
    what = f"milestone {found.stage.number} is reported at {uri}, hash 0x{hashed.hex()}"
    result = act(at, campaigns, found, action, what, yes)
    stage = campaigns.get(found.address).stage
    assert stage is not None
    done("reported", f"milestone {stage.number}; backers vote until {date_text(stage.ends_at)}")
    sent(result.transaction, at)


# --- shared -----------------------------------------------------------------------------------


def act(
    at: Home, campaigns: Campaigns, found: Campaign, action: Action, what: str, is_sure: bool
) -> Done:
    """Shows a campaign and what would become of it, asks, and does it."""
    charity = campaigns.charity(found)
    facts(
        f"Campaign {found.number} {found.name} ({found.symbol})",
        [
            ("address", found.address),
            ("charity", f"{charity.id}, {charity.status.word}, payee {charity.payee}"),
            ("state", f"{found.state.word}, {found.text(found.raised)} raised"),
            ("next", what),
            *cost_lines(action.cost, None, at.symbol),
        ],
    )
    confirm("Send?", is_sure)
    return campaigns.send(action)


def show_campaign(campaigns: Campaigns, found: Campaign) -> None:
    """Where a campaign stands, a line for each thing."""
    charity = campaigns.charity(found)
    lines = [
        ("address", found.address),
        ("page", found.page),
        ("charity", f"{charity.id}, {charity.status.word}, payee {charity.payee}"),
        ("creator", found.creator),
        ("asset", "the chain's coin" if found.asset.is_native else found.asset.address),
        ("policy", STRICT if found.is_all_or_nothing else KEEP),
        ("goal", found.text(found.goal)),
        ("deadline", date_text(found.deadline)),
        ("royalty", share_text(found.royalty)),
        ("state", found.state.word),
        ("raised", found.text(found.raised)),
    ]
    if found.released:
        lines.append(("released", f"{found.text(found.released)} for the charity"))
        lines.append(("claimed", found.text(found.claimed)))
    if found.state in (State.FAILED, State.REJECTED):
        lines.append(("paid back", found.text(found.refunded)))
    facts(f"Campaign {found.number} {found.name} ({found.symbol})", lines)


def show_terms(terms: Terms) -> None:
    """A campaign that is to be opened."""
    facts(
        f"{terms.name} ({terms.symbol})",
        [
            ("page", terms.page),
            ("asset", "the chain's coin" if terms.asset.is_native else terms.asset.address),
            ("policy", STRICT if terms.is_all_or_nothing else KEEP),
            ("goal", terms.asset.text(terms.goal)),
            ("deadline", date_text(terms.deadline)),
            ("royalty", share_text(terms.royalty)),
            ("free at success", share_text(terms.free)),
            *(
                (f"milestone {number}", share_text(share))
                for number, share in enumerate(terms.milestones)
            ),
        ],
    )
    rows = [
        (str(number), terms.asset.text(tier.price), f"{tier.supply:_}", tier.artwork)
        for number, tier in enumerate(terms.tiers)
    ]
    table("Tiers", (">tier", ">price", ">supply", "artwork"), rows)
    if not all(tier.is_fixed for tier in terms.tiers):
        say("Note: what lies at an https address can be exchanged; at ipfs:// or ar:// it cannot.")


def show_tiers(found: Campaign) -> None:
    """What there is to choose from."""
    rows = [
        (
            str(tier.number),
            found.text(tier.price),
            f"{tier.sold:_}",
            f"{tier.supply:_}",
            tier.artwork,
        )
        for tier in found.tiers
    ]
    table("Tiers", (">tier", ">price", ">sold", ">supply", "artwork"), rows)


def show_milestones(campaigns: Campaigns, found: Campaign) -> None:
    """The milestones' shares, the running one's report and vote."""
    rows = []
    for number, share in enumerate(found.milestones):
        state = ""
        if found.stage is not None:
            state = "released" if number < found.stage.number else "to come"
            if number == found.stage.number:
                state = "reported" if found.stage.reported_at else "running"
        elif found.state is State.SUCCEEDED:
            state = "released"
        rows.append((str(number), share_text(share), state))
    table("Milestones", (">milestone", ">share", "state"), rows)
    written = campaigns.report(found)
    if written is not None:
        document, uri = written
        facts(
            "Report",
            [
                ("lies at", uri),
                ("hash", "0x" + document.hex()),
                ("votes", votes_text(found)),
            ],
        )


def show_steps(campaigns: Campaigns, found: Campaign, now: int) -> None:
    """What can be done now or later."""
    rows = [
        (
            step.name,
            step.who,
            "now" if step.is_open(now) else f"from {date_text(step.begins)}",
            f"until {date_text(step.ends)}" if step.ends else "",
            step.note,
        )
        for step in campaigns.steps(found)
    ]
    if rows:
        table("What can be done", ("what", "by", "when", "", ""), rows)
    else:
        say("Nothing is left to do: all is paid.")


def show_backers(found: Campaign, backers: list[Backer]) -> None:
    """What backers pledged and are owed."""
    table(
        "Backers",
        ("backer", ">pledged", ">paid back now", ">NFTs"),
        (
            (
                entry.address,
                found.text(entry.contribution),
                found.text(entry.refundable),
                str(entry.tokens),
            )
            for entry in backers
        ),
    )


def votes_text(found: Campaign) -> str:
    """How the vote on the running milestone stands."""
    stage = found.stage
    if stage is None or not stage.reported_at:
        return "no report came"
    return (
        f"{found.text(stage.approvals)} approve, {found.text(stage.objections)} object; "
        f"the vote ends on {date_text(stage.ends_at)}"
    )


def paid_back_text(found: Campaign) -> str:
    """When a backer gets a pledge back, in a line."""
    fails = "if the goal is not reached, " if found.is_all_or_nothing else ""
    stages = "; a rejected milestone returns what is not released" if found.milestones else ""
    return f"{fails}if it is cancelled, or the charity is revoked before the end{stages}"
