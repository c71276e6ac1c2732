"""The impact fund: projects, gifts and loans to them, reports and votes; the life of the money."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from ape.api import AccountAPI

from donablock.chain.actions import Action, Done
from donablock.chain.amounts import Asset
from donablock.chain.assets import address_of, parse
from donablock.chain.times import date_text
from donablock.errors import InputError
from donablock.giving.charities import charity_id_of, hash_of
from donablock.giving.donations import Donations
from donablock.giving.impact import (
    Funder,
    ImpactFund,
    Payment,
    Project,
    State,
    stage_amounts,
)
from donablock.giving.impact_history import CAUSES, Histories, History, Passage
from donablock.giving.impact_terms import SDGS, Proposal, read_proposal, read_sdg
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
    lines,
    pay_back,
    say,
    sent,
    table,
    yes,
)

# rows that a list shows before it is cut off
_ROWS = 20


@click.group(cls=Group)
def cli() -> None:
    """The impact fund: projects of local entrepreneurs, paid stage by stage, some of them repaid
    and lent on to the next. PROJECT is its number.

    \b
    Examples (anybody):
      ape run impact list --network ethereum:sepolia
      ape run impact show 3
      ape run impact history 3
      ape run impact pool
      ape run impact release 3 --account me
      ape run impact lend 2 USDC --account me
      ape run impact refund 3 --all --account me
    Examples (a backer):
      ape run impact donate 3 "25 USDC" --account me
      ape run impact vote 3 --object --account me
    Examples (a charity and its entrepreneurs):
      ape run impact propose dryers.toml --account charity
      ape run impact accept 3 --account entrepreneur
      ape run impact report 3 --document @report.pdf --uri ipfs://... --account entrepreneur
      ape run impact claim 3 --account entrepreneur
      ape run impact repay 3 "500 USDC" --account entrepreneur
    """


# --- looking ----------------------------------------------------------------------------------


@cli.command("list")
@click.option("--state", metavar="STATE", help="Only in this state, such as funding.")
@click.option("--charity", help="Only those that this charity vouches for: its number.")
@click.option("--payee", metavar="ADDRESS", help="Only those of this entrepreneur.")
@click.option("--sdg", metavar="GOAL", help="Only those of this goal, 1 to 17.")
def list_(state: str | None, charity: str | None, payee: str | None, sdg: str | None) -> None:
    """Every project that was proposed here."""
    at = home()
    wanted = None if state is None else state_of(state)
    number = None if charity is None else charity_id_of(charity)
    goal = None if sdg is None else read_sdg(sdg)
    who = None if payee is None else address_of(payee, "payee")
    rows = [
        (
            str(found.id),
            found.state.word,
            str(found.sdg),
            str(found.charity_id),
            found.text(found.raised),
            found.text(found.goal),
            kind_text(found),
            date_text(found.opens_at) if found.state in (State.PROPOSED, State.FUNDING) else "",
            found.payee,
        )
        for found in ImpactFund(at.session, at.from_block).all()
        if wanted in (None, found.state)
        and number in (None, found.charity_id)
        and goal in (None, found.sdg)
        and who in (None, found.payee)
    ]
    if not rows:
        say("No project.")
        return
    columns = (
        ">project",
        "state",
        ">sdg",
        ">charity",
        ">raised",
        ">goal",
        "kind",
        "until",
        "payee",
    )
    table("Projects", columns, rows)


@cli.command()
@click.argument("project")
@click.option("--backer", metavar="ADDRESS", help="Also what this backer gave and is owed.")
@click.option("--all", "everybody", is_flag=True, help="Every backer, not only the largest.")
def show(project: str, backer: str | None, everybody: bool) -> None:
    """What PROJECT promises, who funded it, where it stands, and what can be done now and when."""
    at = home()
    fund = ImpactFund(at.session, at.from_block)
    found = fund.find(project)
    proposal = fund.proposal(found)
    show_project(fund, found, proposal)
    show_funders(found, fund.funders(found), everybody)
    show_stages(fund, found, proposal)
    if backer is not None:
        who = fund.backer(found, backer)
        facts(
            f"Backer {who.address}",
            [
                ("given", f"{found.text(who.contribution)}, not paid back"),
                ("paid back now", found.text(who.refundable)),
                ("has voted on", ", ".join(map(str, who.voted)) or "no stage"),
            ],
        )
    show_steps(fund, found, at.session.now)


@cli.command()
@click.argument("project")
@click.option("--transactions", is_flag=True, help="Also the transaction of each event.")
def history(project: str, transactions: bool) -> None:
    """The whole life of PROJECT's money, from the fund's logs, and whether it adds up.

    Each event with its day, the amount it was about, what the fund held for the project after it,
    and who. In a pool the first money in counts as the first lent. Exits with 1 unless all sums are
    those of the contract, to the unit.
    """
    at = home()
    found = ImpactFund(at.session, at.from_block).find(project)
    life = Histories(at.session, at.from_block).get(found.id)
    show_history(life, transactions)
    life.check()
    done("balanced", f"to the unit, up to block {life.block}")


@cli.command()
@click.argument("goal", required=False)
@click.argument("asset", required=False)
def pool(goal: str | None, asset: str | None) -> None:
    """What has been repaid and waits to be lent, and who waits for it: of GOAL and ASSET, or all.

    \b
    Examples:
      ape run impact pool
      ape run impact pool 2 USDC
    """
    at = home()
    fund = ImpactFund(at.session, at.from_block)
    goals = range(1, SDGS + 1) if goal is None else [read_sdg(goal)]
    assets = list(fund.assets()) if asset is None else [fund.assets().find(asset)]
    rows = []
    for number in goals:
        for unit in assets:
            money = fund.pool(number, unit)
            waiting, count = fund.waiting(number, unit, _ROWS)
            if money or count or asset is not None:
                more = f" and {count - len(waiting)} more" if count > len(waiting) else ""
                projects = ", ".join(map(str, waiting)) + more
                rows.append((str(number), unit.text(money), projects or "none"))
    if not rows:
        say("No pool has money, and no project waits.")
        return
    table("Pools", (">goal", ">to lend", "projects in the queue"), rows)


# --- anybody ----------------------------------------------------------------------------------


@cli.command()
@click.argument("project")
@click.argument("amount")
@click.option("--tip", metavar="AMOUNT", help="For operations, on top: an amount, or 5%.")
@click.option(
    "--memo",
    metavar="TEXT",
    help="Your reference: up to 32 bytes of text, or 0x... (random if left out).",
)
@account
@yes
def donate(
    project: str,
    amount: str,
    tip: str | None,
    memo: str | None,
    account: AccountAPI | None,
    yes: bool,
) -> None:
    """Give AMOUNT to PROJECT: all of it is the project's; a tip comes on top.

    What you give is your weight in its votes. It is paid back, as far as it is not released, if the
    project is rejected. A token with a permit (EIP-2612) needs one transaction and no approval.

    \b
    Examples:
      ape run impact donate 3 "0.5 ether" --account me --network ethereum:sepolia
      ape run impact donate 3 "25 USDC" --tip 5% --memo "for Ada" --account me
    """
    at = home(account, signs=True)
    fund = ImpactFund(at.session, at.from_block)
    found, assets = fund.find(project), fund.assets()
    money = parse(amount, assets)
    donations = Donations(at.session)
    extra = donations.read_tip(tip, money.asset, money.amount, assets) if tip else 0
    plan = fund.plan_donate(found, money, reference(memo), extra)
    show_project(fund, found, fund.proposal(found))
    show_payment(f"{money} to project {found.id}", plan, at.symbol)
    confirm("Give?", yes)
    result = fund.pay(plan)
    event = result.logged("ProjectDonated")[0]
    done("given", f"{found.text(event['amount'])} to project {found.id}")
    for tipped in result.logged("Tipped"):
        done("tipped", found.text(tipped["amount"]))
    for failed in result.logged("TipFailed"):
        done("not tipped", f"{found.text(failed['amount'])}: it is still yours", good=False)
    sent(result.transaction, at)


@cli.command()
@click.argument("project")
@click.argument("amount")
@click.option(
    "--memo",
    metavar="TEXT",
    help="Your reference: up to 32 bytes of text, or 0x... (random if left out).",
)
@account
@yes
def repay(
    project: str, amount: str, memo: str | None, account: AccountAPI | None, yes: bool
) -> None:
    """Repay AMOUNT of PROJECT's loan, into the pool of its goal and asset; anybody may.

    \b
    Example:
      ape run impact repay 3 "500 USDC" --memo "first harvest" --account me
    """
    at = home(account, signs=True)
    fund = ImpactFund(at.session, at.from_block)
    found = fund.find(project)
    plan = fund.plan_repay(found, parse(amount, fund.assets()), reference(memo))
    show_payment(f"{plan.money} repaid for project {found.id}", plan, at.symbol)
    confirm("Repay?", yes)
    result = fund.pay(plan)
    event = result.logged("Repaid")[0]
    left = found.text(fund.get(found.id).repayable)
    done("repaid", f"{found.text(event['amount'])} into the pool of goal {found.sdg}; {left} left")
    say(f"It is lent on with: ape run impact lend {found.sdg} {found.asset.symbol}")
    sent(result.transaction, at)


@cli.command()
@click.argument("goal")
@click.argument("asset")
@account
@yes
def lend(goal: str, asset: str, account: AccountAPI | None, yes: bool) -> None:
    """Lend what the pool of GOAL and ASSET has to the project that has waited longest; anybody may.

    Projects that take no more leave the queue on the way, at most 16 in one transaction; one whose
    charity is suspended goes to the end.

    \b
    Example:
      ape run impact lend 2 USDC --account me
    """
    at = home(account, signs=True)
    fund = ImpactFund(at.session, at.from_block)
    sdg, unit = read_sdg(goal), fund.assets().find(asset)
    action = fund.plan_lend(sdg, unit)
    loan = fund.next_loan(sdg, unit)
    to = "nobody yet" if loan.project_id is None else f"project {loan.project_id}"
    facts(
        f"Pool of goal {sdg}",
        [
            ("to lend", unit.text(fund.pool(sdg, unit))),
            ("lends", f"{unit.text(loan.amount)} to {to}"),
            ("passes over", ", ".join(map(str, loan.passed)) or "no project"),
            *cost_lines(action.cost, None, at.symbol),
        ],
    )
    confirm("Send?", yes)
    result = fund.send(action)
    for event in result.logged("PassedOver"):
        where = f"waits at place {event['new_place']}" if event["new_place"] else "waits no more"
        done("passed over", f"project {event['project_id']} {where}", good=False)
    for event in result.logged("Lent"):
        done("lent", f"{unit.text(event['amount'])} to project {event['project_id']}")
    if not result.logged("Lent"):
        say("Nothing was lent yet; run it again for those behind.")
    sent(result.transaction, at)


@cli.command()
@click.argument("project")
@account
@yes
def release(project: str, account: AccountAPI | None, yes: bool) -> None:
    """Decide on PROJECT's reported stage once its vote is over; anybody may.

    Where nobody voted it is released. It is rejected where those who object gave more than those
    who approve, or where the charity is revoked.
    """
    at = home(account, signs=True)
    fund = ImpactFund(at.session, at.from_block)
    found = fund.find(project)
    action = fund.plan_release(found)
    verdict = "released" if fund.would_release(found) else "rejected"
    what = f"stage {found.stage} is {verdict}; {votes_text(found)}"
    result = act(at, fund, found, action, what, yes)
    for event in result.logged("StageReleased"):
        amount = found.text(event["amount"])
        done("released", f"{amount} for stage {event['stage']}; ape run impact claim pays it")
    show_rejection(found, result)
    sent(result.transaction, at)


@cli.command()
@click.argument("project")
@account
@yes
def reject(project: str, account: AccountAPI | None, yes: bool) -> None:
    """End PROJECT when no report came for 180 days, or its charity is revoked; anybody may.

    What is released stays the payee's. The rest goes back to the backers, and to the pool what the
    pool had lent.
    """
    at = home(account, signs=True)
    fund = ImpactFund(at.session, at.from_block)
    found = fund.find(project)
    action = fund.plan_reject(found)
    left = found.text(found.raised - found.released)
    result = act(at, fund, found, action, f"ends for good; {left} goes back", yes)
    show_rejection(found, result)
    sent(result.transaction, at)


@cli.command()
@click.argument("project")
@click.option("--receiver", metavar="ADDRESS", help="The payee only: pay to another address.")
@account
@yes
def claim(project: str, receiver: str | None, account: AccountAPI | None, yes: bool) -> None:
    """Have what PROJECT has released paid to its payee; anybody may."""
    at = home(account, signs=True)
    fund = ImpactFund(at.session, at.from_block)
    found = fund.find(project)
    if receiver is None:
        action = fund.plan_claim(found)
    else:
        action = fund.plan_claim_to(found, receiver)
    what = f"pays {found.text(found.claimable)} to {receiver or found.payee}"
    result = act(at, fund, found, action, what, yes)
    event = result.logged("Claimed")[0]
    done("paid", f"{found.text(event['amount'])} to {event['receiver']}")
    sent(result.transaction, at)


@cli.command()
@click.argument("project")
@click.argument("backers", nargs=-1)
@click.option("--all", "everybody", is_flag=True, help="Everybody not paid back yet, by the logs.")
@click.option("--receiver", metavar="ADDRESS", help="Your own refund, paid to another address.")
@account
@yes
def refund(
    project: str,
    backers: tuple[str, ...],
    everybody: bool,
    receiver: str | None,
    account: AccountAPI | None,
    yes: bool,
) -> None:
    """Pay backers of a rejected PROJECT back: you, those named, or all; 32 to a transaction.

    Anybody may; the money goes to the backer alone: a share of what was not released, by what each
    one gave.

    \b
    Examples:
      ape run impact refund 3 --account me
      ape run impact refund 3 0x<backer> --account anyone
      ape run impact refund 3 --all --account anyone
      ape run impact refund 3 --receiver 0x... --account me
    """
    if sum((bool(backers), everybody, receiver is not None)) > 1:
        raise InputError("choose one: backers by address, --all, or --receiver for your own")
    at = home(account, signs=True)
    fund = ImpactFund(at.session, at.from_block)
    found = fund.find(project)
    places = fund.owed(found) if everybody else list(backers) or [at.session.address]
    if receiver is not None:
        actions = [fund.plan_refund_to(found, receiver)]
    elif len(places) == 1:
        actions = [fund.plan_refund(found, places[0])]
    else:
        actions = fund.plan_refund_many(found, places)
    who = [fund.backer(found, place) for place in places]
    table(
        "Backers",
        ("backer", ">given", ">paid back now"),
        [(b.address, found.text(b.contribution), found.text(b.refundable)) for b in who],
    )
    if receiver is not None:
        say(f"To: {receiver}")
    confirm(f"Pay {len(who)} back?", yes)
    pay_back((fund.send(action) for action in actions), found.text, at)


@cli.command()
@click.argument("asset")
@account
@yes
def sweep(asset: str, account: AccountAPI | None, yes: bool) -> None:
    """Send what strayed into the fund, ASSET beyond what is owed, to the reserve; anybody may."""
    at = home(account, signs=True)
    fund = ImpactFund(at.session, at.from_block)
    unit = unit_of(fund, asset)
    action, surplus = fund.plan_sweep(unit)
    facts(
        f"{unit.text(surplus)} to the reserve",
        [("asset", asset_text(unit)), *cost_lines(action.cost, None, at.symbol)],
    )
    confirm("Send?", yes)
    result = fund.send(action)
    done("swept", unit.text(result.logged("Swept")[0]["amount"]))
    sent(result.transaction, at)


# --- backers ----------------------------------------------------------------------------------


@cli.command()
@click.argument("project")
@click.option("--approve/--object", "is_for", default=None, help="What you say to the report.")
@account
@yes
def vote(project: str, is_for: bool | None, account: AccountAPI | None, yes: bool) -> None:
    """A backer approves PROJECT's reported stage, or objects: once, by what it gave.

    Where nobody votes, the stage is released. Where somebody objects, it is released only if those
    who approve gave as much or more.
    """
    if is_for is None:
        raise InputError("say what you vote: --approve or --object")
    at = home(account, signs=True)
    fund = ImpactFund(at.session, at.from_block)
    found = fund.find(project)
    action = fund.plan_vote(found, is_for)
    show_stages(fund, found, fund.proposal(found))
    word = "approves" if is_for else "objects to"
    result = act(at, fund, found, action, f"{word} stage {found.stage}; {votes_text(found)}", yes)
    event = result.logged("Voted")[0]
    said = "approved" if event["is_for"] else "objected"
    done(said, f"stage {event['stage']}, with {found.text(event['weight'])}")
    sent(result.transaction, at)


# --- charities and entrepreneurs --------------------------------------------------------------


@cli.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--charity", help="Who vouches for it: your charity's number.")
@click.option("--payee", metavar="ADDRESS", help="The entrepreneur, who must accept.")
@click.option("--sdg", metavar="GOAL", help="The goal it serves, 1 to 17.")
@click.option("--goal", metavar="AMOUNT", help="The most that it raises, with its asset.")
@click.option("--deadline", metavar="WHEN", help="A date (2027-01-31) or a span (60 days).")
@click.option("--stage", "stages", multiple=True, metavar="SHARE", help="One; repeat it.")
@click.option("--loan/--no-loan", default=None, help="Whether it is to be repaid.")
@click.option("--plan", metavar="@FILE", help="The plan, or its hash.")
@click.option("--uri", help="Where the plan lies, for backers to read.")
@account
@yes
def propose(
    file: Path | None,
    stages: tuple[str, ...],
    loan: bool | None,
    account: AccountAPI | None,
    yes: bool,
    **options: str | None,
) -> None:
    """A charity's payee proposes a project, by a FILE of its terms (see config/impact), by options,
    or both: an option counts instead of the file's line. Nothing of it can change afterwards.

    \b
    Examples:
      ape run impact propose config/impact/example.toml --charity 12 --account me
      ape run impact propose --charity 12 --payee 0x... --sdg 2 --goal "5000 USDC" \\
          --deadline "60 days" --stage "60 %" --stage "40 %" --loan --plan @plan.pdf \\
          --uri ipfs://... --account me
    """
    at = home(account, signs=True)
    fund = ImpactFund(at.session, at.from_block)
    found: dict[str, Any] = read_file(file) if file is not None else {}
    found |= {name: value for name, value in options.items() if value is not None}
    if stages:
        found["stages"] = list(stages)
    if loan is not None:
        found["loan"] = loan
    proposal = read_proposal(found, fund.assets(), at.session.now)
    action = fund.plan_propose(proposal)
    facts(
        f"A project for {proposal.asset.text(proposal.goal)}",
        [
            ("charity", str(proposal.charity_id)),
            *proposal_lines(proposal),
            *cost_lines(action.cost, None, at.symbol),
        ],
    )
    confirm("Propose it? Nothing of it can change afterwards.", yes)
    result = fund.send(action)
    number = result.logged("ProjectProposed")[0]["project_id"]
    done("proposed", f"project {number}")
    say(f"Its payee accepts it with: ape run impact accept {number}")
    sent(result.transaction, at)


@cli.command()
@click.argument("project")
@account
@yes
def accept(project: str, account: AccountAPI | None, yes: bool) -> None:
    """The entrepreneur accepts PROJECT, from the address to be paid; then it takes gifts."""
    at = home(account, signs=True)
    fund = ImpactFund(at.session, at.from_block)
    found = fund.find(project)
    action = fund.plan_accept(found)
    show_project(fund, found, fund.proposal(found))
    result = act(at, fund, found, action, "takes gifts, and waits for loans", yes)
    event = result.logged("ProjectAccepted")[0]
    done("accepted", f"project {found.id}, place {event['place']} in its queue for loans")
    sent(result.transaction, at)


@cli.command()
@click.argument("project")
@click.option("--document", required=True, metavar="@FILE", help="The report, or its hash.")
@click.option("--uri", required=True, help="Where the report lies, for backers to read.")
@account
@yes
def report(project: str, document: str, uri: str, account: AccountAPI | None, yes: bool) -> None:
    """The entrepreneur reports and asks for PROJECT's next stage; its vote begins."""
    at = home(account, signs=True)
    fund = ImpactFund(at.session, at.from_block)
    found = fund.find(project)
    hashed = hash_of(document)
    action = fund.plan_report(found, hashed, uri)
    what = f"stage {found.stage} is reported at {uri}, hash 0x{hashed.hex()}"
    result = act(at, fund, found, action, what, yes)
    event = result.logged("Reported")[0]
    until = date_text(event["voting_ends_at"])
    done("reported", f"stage {event['stage']}; backers vote until {until}")
    sent(result.transaction, at)


@cli.group(cls=Group)
def payee() -> None:
    """Another account for a project: the payee proposes it, two days pass, and it accepts."""


@payee.command("propose")
@click.argument("project")
@click.argument("new_payee")
@account
@yes
def propose_payee(project: str, new_payee: str, account: AccountAPI | None, yes: bool) -> None:
    """The payee of PROJECT proposes NEW_PAYEE, which then also gets what is still owed."""
    at = home(account, signs=True)
    fund = ImpactFund(at.session, at.from_block)
    found = fund.find(project)
    action = fund.plan_propose_payee(found, new_payee)
    result = act(at, fund, found, action, f"proposes the payee {new_payee}", yes)
    ready = date_text(result.logged("PayeeProposed")[0]["ready_at"])
    done("proposed", f"{new_payee} may accept from {ready}")
    sent(result.transaction, at)


@payee.command("accept")
@click.argument("project")
@account
@yes
def accept_payee(project: str, account: AccountAPI | None, yes: bool) -> None:
    """The proposed payee of PROJECT accepts; it must not have given to it."""
    at = home(account, signs=True)
    fund = ImpactFund(at.session, at.from_block)
    found = fund.find(project)
    action = fund.plan_accept_payee(found)
    what = f"is paid to {at.session.address} from now on"
    result = act(at, fund, found, action, what, yes)
    done("changed", f"the payee is {result.logged('PayeeChanged')[0]['new_payee']}")
    sent(result.transaction, at)


@payee.command("cancel")
@click.argument("project")
@account
@yes
def cancel_payee(project: str, account: AccountAPI | None, yes: bool) -> None:
    """The payee, the charity's payee or the guardian stops a change of PROJECT's payee."""
    at = home(account, signs=True)
    fund = ImpactFund(at.session, at.from_block)
    found = fund.find(project)
    action = fund.plan_cancel_payee(found)
    result = act(at, fund, found, action, f"stays with the payee {found.payee}", yes)
    done("cancelled", f"not {result.logged('PayeeCancelled')[0]['new_payee']}")
    sent(result.transaction, at)


# --- reading ----------------------------------------------------------------------------------


def state_of(text: str) -> State:
    """A state as written. Raises InputError."""
    states = {state.word: state for state in State if state is not State.UNKNOWN}
    if text.lower() not in states:
        raise InputError(f"{text!r} is no state; there are {', '.join(states)}")
    return states[text.lower()]


def unit_of(fund: ImpactFund, text: str) -> Asset:
    """An asset as written; any token by its address, since any can stray into the fund."""
    if text.lower().startswith("0x"):
        return fund.asset_of(text)
    return fund.assets().find(text)


def reference(memo: str | None) -> bytes:
    """A memo as written, or a new one."""
    return new_memo() if memo is None else read_memo(memo)


# --- shared -----------------------------------------------------------------------------------


def act(
    at: Home, fund: ImpactFund, found: Project, action: Action, what: str, is_sure: bool
) -> Done:
    """Shows a project and what would become of it, asks, and does it."""
    charity = fund.charity(found)
    facts(
        f"Project {found.id}",
        [
            ("payee", found.payee),
            ("charity", f"{charity.id}, {charity.status.word}"),
            ("state", f"{found.state.word}, {found.text(found.raised)} raised"),
            ("next", what),
            *cost_lines(action.cost, None, at.symbol),
        ],
    )
    confirm("Send?", is_sure)
    return fund.send(action)


def asset_text(unit: Asset) -> str:
    """An asset by its address."""
    return "the chain's coin" if unit.is_native else unit.address


def kind_text(found: Project) -> str:
    """Whether it is a loan, and what has been repaid of what was released."""
    if not found.is_loan:
        return "gift"
    if not found.released:
        return "loan"
    return f"loan, {found.text(found.repaid)} of {found.text(found.released)} repaid"


def proposal_lines(proposal: Proposal) -> list[tuple[str, str]]:
    """What a project promises, a line for each thing."""
    return [
        ("payee", proposal.payee),
        ("serves", f"goal {proposal.sdg} of the United Nations"),
        ("asset", asset_text(proposal.asset)),
        ("goal", proposal.asset.text(proposal.goal)),
        ("deadline", date_text(proposal.deadline)),
        ("stages", ", ".join(share_text(share) for share in proposal.stages)),
        ("repaid", "yes, into the pool" if proposal.is_loan else "no, it is a gift"),
        ("plan", proposal.uri),
        ("plan's hash", "0x" + proposal.plan_hash.hex()),
    ]


def show_project(fund: ImpactFund, found: Project, proposal: Proposal) -> None:
    """What a project promises and where it stands."""
    charity = fund.charity(found)
    pairs = [
        ("charity", f"{charity.id}, {charity.status.word}, payee {charity.payee}"),
        *proposal_lines(proposal),
        ("state", found.state.word),
        ("raised", f"{found.text(found.given)} given, {found.text(found.lent)} lent by the pool"),
    ]
    if found.payee != proposal.payee:
        pairs[1] = ("payee", f"{found.payee}, who took over")
    pending = fund.pending_payee(found)
    if pending is not None:
        ready = date_text(pending.ready_at)
        pairs.append(("next payee", f"{pending.new_payee}, may accept from {ready}"))
    if found.released:
        pairs.append(("released", f"{found.text(found.released)} for the payee"))
        pairs.append(("claimed", found.text(found.claimed)))
        if found.is_loan:
            pairs.append(("repaid", found.text(found.repaid)))
    if found.state is State.FUNDING:
        place = fund.place(found)
        if place is not None:
            pool = found.text(fund.pool(found.sdg, found.asset))
            pairs.append(("queue", f"place {place.place}, {place.ahead} ahead; {pool} to lend"))
    pairs.append(("in the fund", f"{found.text(found.held)} of it now"))
    facts(f"Project {found.id}", pairs)


def show_funders(found: Project, funders: list[Funder], everybody: bool) -> None:
    """Who funded it, the largest first."""
    if not found.raised:
        return
    rows = [(who.address, found.text(who.given), found.text(who.refunded)) for who in funders]
    shown = rows if everybody else rows[:_ROWS]
    if found.lent:
        shown = [*shown, ("the pool", found.text(found.lent), "")]
    table("Funded by", ("who", ">given or lent", ">paid back"), shown)
    if len(rows) > _ROWS and not everybody:
        say(f"and {len(rows) - _ROWS} more; --all shows them")


def show_stages(fund: ImpactFund, found: Project, proposal: Proposal) -> None:
    """The stages' shares, and their reports; how the vote stands."""
    amounts = stage_amounts(proposal, found.raised)
    rows = []
    for number, share in enumerate(proposal.stages):
        state = "released" if number < found.stage else "to come"
        if number == found.stage and found.vote is not None:
            state = "reported"
        elif number >= found.stage and found.state is State.REJECTED:
            state = "rejected"
        rows.append((str(number), share_text(share), found.text(amounts[number]), state))
    table("Stages", (">stage", ">share", ">amount", "state"), rows)
    for number, came in fund.reports(found).items():
        reported = [("lies at", came.uri), ("hash", "0x" + came.document.hex())]
        if found.vote is not None and number == found.stage:
            reported.append(("votes", votes_text(found)))
        facts(f"Report on stage {number}", reported)


def show_steps(fund: ImpactFund, found: Project, now: int) -> None:
    """What can be done now or later."""
    rows = [
        (
            step.name,
            step.who,
            "now" if step.is_open(now) else f"from {date_text(step.begins)}",
            f"until {date_text(step.ends)}" if step.ends else "",
            step.note,
        )
        for step in fund.steps(found)
    ]
    if rows:
        table("What can be done", ("what", "by", "when", "", ""), rows)
    else:
        say("Nothing is left to do: all is paid.")


def show_payment(title: str, plan: Payment, symbol: str) -> None:
    """Money that is about to be given or repaid."""
    unit = plan.money.asset
    tip = [("tip", f"{unit.text(plan.tip)} to operations, {plan.operations}")] if plan.tip else []
    facts(
        title,
        [
            *tip,
            ("you pay", unit.text(plan.money.amount + plan.tip)),
            ("asset", asset_text(unit)),
            ("memo", memo_text(plan.memo)),
            *cost_lines(plan.cost, plan.allowance, symbol),
        ],
    )


def show_rejection(found: Project, result: Done) -> None:
    """What a rejection gives back, if there was one."""
    for event in result.logged("ProjectRejected"):
        done("rejected", f"stage {event['stage']}: {CAUSES[event['cause']]}", good=False)
        back, pool = found.text(event["to_backers"]), found.text(event["to_pool"])
        say(f"{back} goes back to the backers, {pool} to the pool.")
        say(f"Backers are paid back with: ape run impact refund {found.id} --all")


def votes_text(found: Project) -> str:
    """How the vote on the reported stage stands."""
    if found.vote is None:
        return "no report came"
    return (
        f"{found.text(found.vote.approvals)} approve, {found.text(found.vote.objections)} object; "
        f"the vote ends on {date_text(found.vote.ends_at)}"
    )


def show_history(life: History, transactions: bool) -> None:
    """A project's life, its sums, and where lent and repaid money came from and went."""
    text = life.project.text
    lines(
        f"The life of project {life.project.id}'s money",
        ("date", "what", ">amount", ">in the fund", "who", ""),
        (
            (
                date_text(entry.timestamp),
                entry.what,
                "" if entry.amount is None else text(entry.amount),
                text(entry.held),
                entry.who,
                "; ".join(
                    part
                    for part in (entry.note, entry.event.transaction if transactions else "")
                    if part
                ),
            )
            for entry in life.entries
        ),
    )
    sums, project, pool = life.sums, life.project, life.pool

    def row(name: str, logs: int, stored: int | None = None) -> tuple[str, str, str, str]:
        if stored is None:
            return name, text(logs), "", ""
        return name, text(logs), text(stored), text(logs - stored)

    columns = ("", ">by the logs", ">by the contract", ">difference")
    lines(
        "What it adds up to",
        columns,
        [
            row("+ given", sums.given, project.given),
            row("+ lent by the pool", sums.lent, project.lent),
            row("- claimed by the payee", sums.claimed, project.claimed),
            row("- refunded to backers", sums.refunded),
            row("- returned to the pool", sums.returned),
            row("= in the fund", sums.held, project.held),
            row("released, of what was raised", sums.released, project.released),
            row("repaid, of what was released", sums.repaid, project.repaid),
        ],
    )
    show_passages("Lent to it, first in, first out", life, life.sources)
    show_passages("Put into the pool by it, first in, first out", life, life.targets)
    if life.sources or life.targets:
        lines(
            f"The pool of goal {pool.sdg} in {pool.asset.symbol}, of all projects",
            columns,
            [
                row("+ repaid", pool.repaid),
                row("+ returned by rejections", pool.returned),
                row("- lent", pool.lent),
                row("= to lend", pool.left, pool.stored),
            ],
        )


def show_passages(title: str, life: History, found: tuple[Passage, ...]) -> None:
    """Where a pool's money came from and went."""
    if not found:
        return
    rows = [
        (
            life.project.text(passage.amount),
            f"{'repaid' if passage.is_repaid else 'returned'} by project {passage.source}",
            passage.came_in.transaction,
            "still in the pool" if passage.target is None else f"lent to project {passage.target}",
            "" if passage.lent_in is None else passage.lent_in.transaction,
        )
        for passage in found
    ]
    lines(title, (">amount", "in", "transaction", "out", "transaction"), rows)
