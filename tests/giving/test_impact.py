"""The impact fund through the package: a project's life, its repayment lent on, and its history."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak

from donablock.chain.actions import Action, Done
from donablock.chain.amounts import NATIVE
from donablock.chain.logs import Event
from donablock.chain.paying import Way
from donablock.chain.session import Session
from donablock.errors import AmountError, FundsError, InputError, NodeError, RevertError
from donablock.giving import impact
from donablock.giving.charities import Charities
from donablock.giving.impact import ImpactFund, Project, State, stage_amounts
from donablock.giving.impact_history import Histories, History, passages
from donablock.giving.impact_terms import (
    MAX_FUNDING,
    MAX_GOAL,
    Proposal,
    read_proposal,
    read_sdg,
)
from donablock.giving.terms import read_file
from donablock.settings import settings
from tests.giving.conftest import DONOR, NEW_PAYEE, OTHER_DONOR, PAYEES
from tests.local_chain import DAY, GUARDIAN, OPERATIONS, REGISTRAR, STRANGER, World

MEMO = b"\3" * 32
REPORT = keccak(text="Ten dryers run.")
ETHER = 10**18
USD = 10**6
SDG = 2
# the projects' payee, and who takes over
ENTREPRENEUR, SUCCESSOR = NEW_PAYEE, 12
EXAMPLE = settings().root / "config" / "impact" / "example.toml"


def of(world: World, account: int) -> ImpactFund:
    return _fund(world.session(account))


@cache
def _fund(session: Session) -> ImpactFund:
    return ImpactFund(session)


def written(world: World, **changes: Any) -> dict[str, Any]:
    """A proposal as in a file; a loan of 10 ether in 30 days, in two stages."""
    proposal: dict[str, Any] = {
        "charity": 1,
        "payee": world.address(ENTREPRENEUR),
        "sdg": SDG,
        "goal": "10 ether",
        "deadline": "30 days",
        "stages": ["60 %", "40 %"],
        "loan": True,
        "plan": "Ten mango dryers.",
        "uri": "ipfs://plan",
    }
    return {**proposal, **changes}


def dollars(world: World, **changes: Any) -> dict[str, Any]:
    return written(world, **{"goal": "100 USDX", **changes})


def read(world: World, found: dict[str, Any]) -> Proposal:
    return read_proposal(found, of(world, STRANGER).assets(), world.anyone.now)


def proposed(world: World, found: dict[str, Any]) -> Project:
    charity = of(world, PAYEES[found["charity"] - 1])
    result = charity.send(charity.plan_propose(read(world, found)))
    return charity.get(result.logged("ProjectProposed")[0]["project_id"])


def accepted(world: World, found: dict[str, Any]) -> Project:
    project = proposed(world, found)
    do(world, ENTREPRENEUR, "accept", project)
    return project


def do(world: World, account: int, name: str, project: Project, *arguments: Any) -> Done:
    """Plan and send, on the project as it stands."""
    fund = of(world, account)
    action = getattr(fund, f"plan_{name}")(fund.get(project.id), *arguments)
    assert isinstance(action, Action)
    return fund.send(action)


def give(world: World, account: int, project: Project, amount: str) -> Done:
    fund = of(world, account)
    money = project.asset.money(amount)
    return fund.pay(fund.plan_donate(fund.get(project.id), money, MEMO))


def repay(world: World, account: int, project: Project, amount: str) -> Done:
    fund = of(world, account)
    return fund.pay(fund.plan_repay(fund.get(project.id), project.asset.money(amount), MEMO))


def lend(world: World, project: Project) -> Done:
    fund = of(world, STRANGER)
    return fund.send(fund.plan_lend(project.sdg, project.asset))


def now_of(world: World, project: Project) -> Project:
    return of(world, STRANGER).get(project.id)


def passes(world: World, until: int) -> None:
    world.node.advance(until - world.anyone.now)


def funded(world: World, found: dict[str, Any], *gifts: tuple[int, str]) -> Project:
    """A project that has raised these gifts, and takes no more."""
    project = accepted(world, found)
    for account, amount in gifts:
        give(world, account, project, amount)
    passes(world, max(now_of(world, project).opens_at, world.anyone.now))
    return now_of(world, project)


def stage_passes(world: World, project: Project) -> int:
    """Report, silence, release; what was released."""
    do(world, ENTREPRENEUR, "report", project, REPORT, "ipfs://report")
    world.node.advance(14 * DAY)
    (released,) = do(world, STRANGER, "release", project).logged("StageReleased")
    return int(released["amount"])


def steps(world: World, project: Project) -> dict[str, tuple[int, int]]:
    """What can be done, and when."""
    fund = of(world, STRANGER)
    return {step.name: (step.begins, step.ends) for step in fund.steps(fund.get(project.id))}


def life_of(world: World, project: Project) -> History:
    """Its history, which must balance."""
    history = Histories(world.anyone).get(project.id)
    assert history.faults == []
    history.check()
    return history


def held(world: World) -> int:
    """The token that the fund holds."""
    fund = world.anyone.contract("ImpactFund").address
    return int(world.token.functions.balanceOf(fund).call())


def test_states_and_limits_are_the_contracts(world: World) -> None:
    functions = world.anyone.contract("ImpactFund").functions
    for limit in ("REPORT_TIME", "VOTING_TIME"):
        assert functions[limit]().call() == getattr(impact, limit), limit
    source = (settings().root / "contracts/fundraising/ImpactFund.vy").read_text()
    for state in State:
        assert f"{state.name}: constant(uint256) = {state.value}\n" in source
    for limit in ("MAX_PASSED", "MAX_REFUNDS"):
        assert f"{limit}: constant(uint256) = {getattr(impact, limit)}\n" in source
    assert "PAYEE_WINDOW: constant(uint256) = 30 * 86_400\n" in source


def test_every_reason_with_a_mend_is_a_contracts() -> None:
    folder = settings().root / "contracts"
    sources = [folder / "fundraising/ImpactFund.vy", folder / "modules/transfers.vy"]
    text = "".join(source.read_text() for source in sources)
    for reason in impact._MENDS:
        assert f'"{reason}"' in text, reason


# --- proposing --------------------------------------------------------------------------------


def test_a_project_is_proposed_as_written_and_accepted(world: World) -> None:
    now = world.anyone.now
    project = proposed(world, written(world, stages=["62.5 %", "37.5 %"], loan=False))
    fund = of(world, STRANGER)
    assert (project.id, project.state, fund.count()) == (1, State.PROPOSED, 1)
    assert (project.charity_id, project.payee) == (1, world.address(ENTREPRENEUR))
    assert (project.sdg, project.goal, project.is_loan) == (SDG, 10 * ETHER, False)
    assert now + 30 * DAY <= project.opens_at <= now + 30 * DAY + 10
    proposal = fund.proposal(project)
    assert (proposal.stages, proposal.uri) == ((6_250, 3_750), "ipfs://plan")
    assert proposal.plan_hash == keccak(text="Ten mango dryers.")
    assert proposal.deadline == project.opens_at
    assert set(steps(world, project)) == {"accept"}
    with pytest.raises(InputError, match="takes gifts once its payee, .*, has accepted it"):
        give(world, DONOR, project, "1")
    with pytest.raises(InputError, match="only the payee of project 1, .*, accepts it"):
        do(world, STRANGER, "accept", project)
    do(world, ENTREPRENEUR, "accept", project)
    assert now_of(world, project).state is State.FUNDING
    assert set(steps(world, project)) == {"donate"}
    with pytest.raises(InputError, match="project 1 is accepted already"):
        do(world, ENTREPRENEUR, "accept", project)
    assert [found.id for found in fund.all()] == [1]


def test_a_project_is_accepted_in_time_or_never(world: World) -> None:
    project = proposed(world, written(world))
    passes(world, project.opens_at)
    with pytest.raises(InputError, match="could be accepted until .*may propose it again"):
        do(world, ENTREPRENEUR, "accept", project)
    assert now_of(world, project).state is State.CLOSED
    assert steps(world, project) == {}


def test_only_a_charitys_payee_proposes(world: World) -> None:
    stranger, proposal = of(world, STRANGER), read(world, written(world))
    with pytest.raises(InputError, match="only the payee of charity 1, .*, proposes projects"):
        stranger.plan_propose(proposal)
    with pytest.raises(InputError, match="there is no charity 9"):
        stranger.plan_propose(replace(proposal, charity_id=9))
    Charities(world.session(PAYEES[0])).retire(1, b"\1" * 32)
    with pytest.raises(InputError, match="charity 1 is revoked and takes nothing"):
        of(world, PAYEES[0]).plan_propose(proposal)


def test_a_payee_that_cannot_be_one_is_refused_with_what_to_do(world: World) -> None:
    charity, proposal = of(world, PAYEES[0]), read(world, written(world))
    for payee, reason in (
        (world.anyone.addresses["Giving"], "payee is ours; name an account of the entrepreneur"),
        (world.token.address, "payee is a token; money sent to a token is lost"),
    ):
        with pytest.raises(RevertError, match=reason):
            charity.plan_propose(replace(proposal, payee=payee))
    late = replace(proposal, deadline=world.anyone.now + 366 * DAY)
    with pytest.raises(RevertError, match="deadline out of bounds; write one 1 to 365 days"):
        charity.plan_propose(late)


def test_the_example_file_proposes_a_project(world: World) -> None:
    project = proposed(world, read_file(EXAMPLE))
    proposal = of(world, STRANGER).proposal(project)
    assert (proposal.stages, proposal.is_loan) == ((5_000, 3_000, 2_000), True)
    assert (project.goal, project.payee) == (10 * ETHER, world.address(ENTREPRENEUR))


# --- a life, and the next one -----------------------------------------------------------------


def test_a_repaid_project_is_lent_to_the_next_and_every_unit_is_accounted_for(
    world: World,
) -> None:
    first = accepted(world, dollars(world))
    world.mint(ENTREPRENEUR, 50 * USD)
    give(world, DONOR, first, "60")
    give(world, OTHER_DONOR, first, "39.999999")
    fund = of(world, STRANGER)
    assert [(funder.address, funder.given) for funder in fund.funders(first)] == [
        (world.address(DONOR), 60 * USD),
        (world.address(OTHER_DONOR), 40 * USD - 1),
    ]
    give(world, DONOR, first, "0.000001")
    found = now_of(world, first)
    assert (found.state, found.room, found.opens_at) == (State.RUNNING, 0, world.anyone.now)
    assert fund.place(found) == impact.Place(1, 0), "it leaves the queue when its turn comes"
    assert steps(world, first) == {
        "report": (0, found.opens_at + 180 * DAY),
        "reject": (found.opens_at + 180 * DAY, 0),
    }
    assert stage_amounts(fund.proposal(first), found.raised) == [60 * USD, 40 * USD]
    with pytest.raises(InputError, match="has nothing to claim now"):
        do(world, STRANGER, "claim", first)

    do(world, ENTREPRENEUR, "report", first, REPORT, "ipfs://report")
    assert fund.reports(first)[0] == impact.Report(0, REPORT, "ipfs://report")
    ends = world.anyone.now + 14 * DAY
    assert steps(world, first) == {"vote": (0, ends), "release": (ends, 0)}
    do(world, OTHER_DONOR, "vote", first, False)
    (vote,) = do(world, DONOR, "vote", first, True).logged("Voted")
    assert (vote["is_for"], vote["weight"]) == (True, 60 * USD + 1)
    found = now_of(world, first)
    assert found.vote == impact.Vote(0, ends, 60 * USD + 1, 40 * USD - 1)
    assert fund.would_release(found)
    with pytest.raises(InputError, match="the vote runs until .*; release stage 0 then"):
        fund.plan_release(found)
    passes(world, ends)
    assert now_of(world, first).state is State.VOTED
    (released,) = do(world, STRANGER, "release", first).logged("StageReleased")
    assert released["amount"] == 60 * USD
    assert set(steps(world, first)) == {"report", "reject", "claim", "repay"}
    before = world.token.functions.balanceOf(world.address(ENTREPRENEUR)).call()
    do(world, STRANGER, "claim", first)
    after = world.token.functions.balanceOf(world.address(ENTREPRENEUR)).call()
    assert after - before == 60 * USD
    assert stage_passes(world, first) == 40 * USD

    # the second waits already, the third comes behind it
    second = accepted(world, dollars(world, goal="20 USDX", loan=False))
    third = accepted(world, dollars(world, charity=2, goal="50 USDX"))
    give(world, DONOR, second, "5")
    assert fund.place(now_of(world, third)) == impact.Place(3, 2)
    repay(world, ENTREPRENEUR, first, "12")
    repay(world, DONOR, first, "8")
    usd = first.asset
    assert (fund.pool(SDG, usd), fund.waiting(SDG, usd, 9)) == (20 * USD, ([1, 2, 3], 3))
    assert fund.next_loan(SDG, usd) == impact.Loan((1,), 2, 15 * USD)
    assert "lend" in steps(world, second)
    done = lend(world, first)
    assert [event["project_id"] for event in done.logged("PassedOver")] == [1]
    (lent,) = done.logged("Lent")
    assert (lent["project_id"], lent["amount"]) == (2, 15 * USD)
    (lent,) = lend(world, first).logged("Lent")
    assert (lent["project_id"], lent["amount"]) == (3, 5 * USD)
    with pytest.raises(InputError, match="the pool of goal 2 has no USDX"):
        lend(world, first)

    life = life_of(world, first)
    assert [entry.what for entry in life.entries] == [
        "proposed",
        "accepted",
        "given",
        "given",
        "given",
        "reported",
        "objected",
        "approved",
        "released",
        "claimed",
        "reported",
        "released",
        "repaid",
        "repaid",
        "passed over",
    ]
    assert [entry.held for entry in life.entries if entry.change] == [
        60 * USD,
        100 * USD - 1,
        100 * USD,
        40 * USD,
    ]
    assert (life.sums.given, life.sums.claimed, life.sums.held) == (100 * USD, 60 * USD, 40 * USD)
    assert [(p.target, p.amount) for p in life.targets] == [
        (2, 12 * USD),
        (2, 3 * USD),
        (3, 5 * USD),
    ]
    notes = [entry.note for entry in life.entries if entry.what == "repaid"]
    assert notes[0].endswith("; 12 USDX to project 2")
    assert notes[1].endswith("; 3 USDX to project 2, 5 USDX to project 3")
    life = life_of(world, second)
    assert [(p.source, p.amount, p.is_repaid) for p in life.sources] == [
        (1, 12 * USD, True),
        (1, 3 * USD, True),
    ]
    (note,) = [entry.note for entry in life.entries if entry.what == "lent"]
    assert note == "12 USDX repaid by project 1, 3 USDX repaid by project 1"
    times = [entry.timestamp for entry in life.entries]
    assert times == sorted(times)
    assert (life.pool.repaid, life.pool.lent, life.pool.left) == (20 * USD, 20 * USD, 0)
    lives = [life_of(world, project) for project in (first, second, third)]
    assert sum(life.sums.held for life in lives) + life.pool.left == held(world)

    # and on, to the end: nothing is left of the money but what the pool lends next
    do(world, STRANGER, "claim", first)
    assert set(steps(world, first)) == {"repay"}
    for _ in range(2):
        stage_passes(world, second)
    do(world, STRANGER, "claim", second)
    assert (now_of(world, second).state, steps(world, second)) == (State.COMPLETED, {})
    with pytest.raises(InputError, match="project 2 is no loan"):
        repay(world, DONOR, second, "1")
    with pytest.raises(InputError, match="at most 80 USDX are taken"):
        repay(world, DONOR, first, "80.000001")


def test_a_project_in_the_coin_lives_and_is_repaid(world: World) -> None:
    project = funded(world, written(world), (DONOR, "3"), (OTHER_DONOR, "1"))
    assert stage_passes(world, project) == 24 * ETHER // 10
    do(world, STRANGER, "claim", project)
    repay(world, STRANGER, project, "2.4")
    fund = of(world, STRANGER)
    # nobody waits but the project itself, which takes no more
    assert fund.next_loan(SDG, project.asset) == impact.Loan((1,), None, 0)
    done = lend(world, project)
    assert done.logged("Lent") == () and len(done.logged("PassedOver")) == 1
    with pytest.raises(InputError, match="no project of goal 2 waits for ETH"):
        lend(world, project)
    life = life_of(world, project)
    assert (life.sums.held, life.pool.left) == (16 * ETHER // 10, 24 * ETHER // 10)
    assert [(p.target, p.amount) for p in life.targets] == [(None, 24 * ETHER // 10)]
    coin = world.anyone.balance(world.anyone.contract("ImpactFund").address)
    assert coin == life.sums.held + life.pool.left


# --- rejection --------------------------------------------------------------------------------


def test_a_rejected_project_is_refunded_by_a_stranger_and_the_pool_gets_its_part(
    world: World,
) -> None:
    source = funded(world, dollars(world, goal="30 USDX", stages=["100 %"]), (DONOR, "30"))
    stage_passes(world, source)
    repay(world, DONOR, source, "30")
    project = accepted(world, dollars(world))
    give(world, DONOR, project, "40")
    give(world, OTHER_DONOR, project, "19.999999")
    lend(world, project)
    found = now_of(world, project)
    assert (found.given, found.lent) == (60 * USD - 1, 30 * USD)
    with pytest.raises(InputError, match="is funding; gifts are paid back only if it is rejected"):
        do(world, STRANGER, "refund", project, world.address(DONOR))
    passes(world, found.opens_at)
    stage_passes(world, project)
    do(world, ENTREPRENEUR, "report", project, REPORT, "ipfs://second")
    do(world, DONOR, "vote", project, False)
    assert not of(world, STRANGER).would_release(now_of(world, project))
    world.node.advance(14 * DAY)
    with pytest.raises(InputError, match="ape run impact release 2"):
        do(world, STRANGER, "refund", project, world.address(DONOR))
    (rejected,) = do(world, STRANGER, "release", project).logged("ProjectRejected")
    left = found.raised - (found.raised * 6_000 // 10_000)
    assert rejected["to_pool"] == left * 30 * USD // found.raised
    assert rejected["to_backers"] == left - rejected["to_pool"]
    fund = of(world, STRANGER)
    found = now_of(world, project)
    assert found.state is State.REJECTED
    assert set(steps(world, project)) == {"claim", "refund", "repay"}
    with pytest.raises(InputError, match="project 2 is rejected: no stage is reported"):
        do(world, STRANGER, "release", project)
    with pytest.raises(InputError, match="project 2 is rejected already"):
        do(world, STRANGER, "reject", project)
    life_of(world, project)

    balance = world.token.functions.balanceOf
    before = [balance(world.address(a)).call() for a in (DONOR, OTHER_DONOR)]
    (action,) = fund.plan_refund_many(found, fund.owed(found))
    assert len(fund.send(action).logged("Refunded")) == 2
    after = [balance(world.address(a)).call() for a in (DONOR, OTHER_DONOR)]
    parts = [a - b for a, b in zip(after, before, strict=True)]
    assert sum(parts) == rejected["to_backers"], "the last one takes the rest"
    assert parts[0] == 40 * USD * rejected["to_backers"] // (60 * USD - 1)
    assert [funder.refunded for funder in fund.funders(found)] == parts
    with pytest.raises(InputError, match="nothing to be paid back here, or was already"):
        do(world, STRANGER, "refund", project, world.address(DONOR))
    with pytest.raises(InputError, match="nobody is left"):
        fund.plan_refund_many(found, fund.owed(now_of(world, project)))
    do(world, STRANGER, "claim", project)
    life = life_of(world, project)
    assert (life.sums.held, life.sums.refunded) == (0, rejected["to_backers"])
    assert life.sums.given + life.sums.lent == (
        life.sums.claimed + life.sums.refunded + life.sums.returned
    )
    assert [(p.source, p.is_repaid, p.target) for p in life.sources] == [(1, True, 2)]
    assert [(p.source, p.is_repaid, p.target) for p in life.targets] == [(2, False, None)]
    (entry,) = [entry for entry in life.entries if entry.what == "rejected"]
    assert entry.change == -rejected["to_pool"]
    assert "stage 1: more objected than approved" in entry.note
    assert "still in the pool" in entry.note


def test_a_report_that_never_comes_ends_the_project(world: World) -> None:
    project = funded(world, dollars(world), (DONOR, "10"))
    with pytest.raises(InputError, match="a report may come until .*; reject project 1 then"):
        do(world, STRANGER, "reject", project)
    with pytest.raises(InputError, match="stage 0 is not reported yet"):
        do(world, DONOR, "vote", project, True)
    passes(world, project.opens_at + 180 * DAY)
    assert set(steps(world, project)) == {"reject"}
    with pytest.raises(InputError, match="ape run impact reject 1"):
        do(world, STRANGER, "refund", project, world.address(DONOR))
    with pytest.raises(InputError, match="a report could come until .*it is too late"):
        do(world, ENTREPRENEUR, "report", project, REPORT, "ipfs://report")
    (rejected,) = do(world, STRANGER, "reject", project).logged("ProjectRejected")
    assert (rejected["cause"], rejected["to_backers"]) == (2, 10 * USD)
    do(world, STRANGER, "refund", project, world.address(DONOR))
    assert held(world) == 0 and steps(world, project) == {}
    assert life_of(world, project).sums.held == 0


def test_a_revoked_charity_ends_its_projects_at_once(world: World) -> None:
    project = accepted(world, dollars(world))
    empty = accepted(world, dollars(world))
    give(world, DONOR, project, "10")
    Charities(world.session(PAYEES[0])).retire(1, b"\1" * 32)
    assert set(steps(world, project)) == {"report", "reject"}
    assert steps(world, project)["reject"] == (0, 0)
    with pytest.raises(InputError, match="charity 1 is revoked and takes nothing"):
        give(world, DONOR, project, "1")
    with pytest.raises(InputError, match="project 2 has raised nothing"):
        do(world, STRANGER, "reject", empty)
    do(world, STRANGER, "reject", project)
    assert life_of(world, project).entries[-1].note.startswith("stage 0: its charity is revoked")
    do(world, STRANGER, "refund", project, world.address(DONOR))
    assert held(world) == 0


def test_a_refusal_in_a_batch_stays_due_and_goes_elsewhere(world: World) -> None:
    project = accepted(world, written(world))
    give(world, DONOR, project, "1")
    give(world, OTHER_DONOR, project, "1")
    Charities(world.session(PAYEES[0])).retire(1, b"\1" * 32)
    do(world, STRANGER, "reject", project)
    address, mine = world.address(DONOR), of(world, STRANGER)
    world.node.set_code(address, bytes.fromhex("60006000fd"))
    found = now_of(world, project)
    (action,) = mine.plan_refund_many(found, [address, world.address(OTHER_DONOR), address])
    result = mine.send(action)
    (refused,) = result.logged("RefundFailed")
    assert (refused["backer"], refused["amount"]) == (address, ETHER)
    assert len(result.logged("Refunded")) == 1 and mine.owed(found) == [address]
    with pytest.raises(RevertError, match="receiver refused; let the one who is owed name"):
        mine.plan_refund(found, address)
    life = life_of(world, project)
    assert (life.entries[-2].what, life.entries[-2].change, life.sums.held) == ("refused", 0, ETHER)
    world.node.set_code(address, b"")
    receiver = world.address(STRANGER)
    before = world.anyone.balance(receiver)
    for wrong, reason in ((NATIVE, "cannot receive"), ("0x12", "no receiver")):
        with pytest.raises(InputError, match=reason):
            do(world, DONOR, "refund_to", project, wrong)
    do(world, DONOR, "refund_to", project, receiver)
    assert world.anyone.balance(receiver) - before == ETHER
    last = life_of(world, project).entries[-1]
    assert (last.who, last.note) == (receiver, f"for {address}")


def test_many_refunds_are_split_over_transactions(world: World) -> None:
    project = accepted(world, written(world))
    give(world, DONOR, project, "1")
    Charities(world.session(PAYEES[0])).retire(1, b"\1" * 32)
    do(world, STRANGER, "reject", project)
    mine = of(world, STRANGER)
    others = [f"0x{number:040x}" for number in range(1, impact.MAX_REFUNDS + 1)]
    actions = mine.plan_refund_many(now_of(world, project), [*others, world.address(DONOR)])
    assert [len(mine.send(action).logged("Refunded")) for action in actions] == [0, 1]


# --- the payee --------------------------------------------------------------------------------


def test_the_payee_has_it_paid_elsewhere_and_hands_over(world: World) -> None:
    project = funded(world, dollars(world, stages=["50 %", "50 %"]), (DONOR, "10"))
    stage_passes(world, project)
    receiver, successor = world.address(STRANGER), world.address(SUCCESSOR)
    with pytest.raises(InputError, match="only the payee of project 1, .*, may name a receiver"):
        do(world, DONOR, "claim_to", project, receiver)
    fund_address = world.anyone.contract("ImpactFund").address
    with pytest.raises(InputError, match="cannot receive this"):
        do(world, ENTREPRENEUR, "claim_to", project, fund_address)
    do(world, ENTREPRENEUR, "claim_to", project, receiver)
    assert world.token.functions.balanceOf(receiver).call() == 5 * USD
    claimed = life_of(world, project).entries[-1]
    assert (claimed.who, claimed.note) == (
        receiver,
        f"for the payee, {world.address(ENTREPRENEUR)}",
    )

    with pytest.raises(InputError, match="no change of project 1's payee is on its way"):
        do(world, SUCCESSOR, "accept_payee", project)
    with pytest.raises(InputError, match="is the payee already"):
        do(world, ENTREPRENEUR, "propose_payee", project, world.address(ENTREPRENEUR))
    with pytest.raises(InputError, match="only the payee of project 1, .*, proposes another"):
        do(world, STRANGER, "propose_payee", project, successor)
    for account in (ENTREPRENEUR, PAYEES[0], GUARDIAN):
        do(world, ENTREPRENEUR, "propose_payee", project, successor)
        with pytest.raises(InputError, match="or the guardian, .*, cancels this"):
            do(world, DONOR, "cancel_payee", project)
        do(world, account, "cancel_payee", project)
    do(world, ENTREPRENEUR, "propose_payee", project, world.address(DONOR))
    world.node.advance(2 * DAY)
    with pytest.raises(InputError, match="has given to project 1 and cannot judge itself"):
        do(world, DONOR, "accept_payee", project)
    do(world, ENTREPRENEUR, "propose_payee", project, successor)
    ready = world.anyone.now + 2 * DAY
    assert steps(world, project)["payee accept"] == (ready, ready + 30 * DAY)
    with pytest.raises(InputError, match="the delay is not over; accept from"):
        do(world, SUCCESSOR, "accept_payee", project)
    with pytest.raises(InputError, match="only the proposed payee"):
        do(world, STRANGER, "accept_payee", project)
    passes(world, ready)
    do(world, SUCCESSOR, "accept_payee", project)
    assert now_of(world, project).payee == successor
    assert life_of(world, project).entries[-1].what == "payee changed"
    assert {entry.what for entry in life_of(world, project).entries} >= {
        "payee proposed",
        "payee cancelled",
    }
    do(world, SUCCESSOR, "propose_payee", project, receiver)
    world.node.advance(32 * DAY)
    assert "payee accept" not in steps(world, project)
    with pytest.raises(InputError, match="the proposal lapsed on"):
        do(world, STRANGER, "accept_payee", project)


def test_a_payee_hands_over_only_what_it_has_accepted(world: World) -> None:
    project = proposed(world, written(world))
    with pytest.raises(InputError, match="not accepted yet: ape run impact accept 1"):
        do(world, ENTREPRENEUR, "propose_payee", project, world.address(SUCCESSOR))


# --- giving -----------------------------------------------------------------------------------


def test_a_gift_by_permit_takes_one_transaction_and_a_tip_comes_on_top(
    world: World, donor: Session
) -> None:
    project, mine = accepted(world, dollars(world)), ImpactFund(donor)
    operations = world.address(OPERATIONS)
    before = world.token.functions.balanceOf(operations).call()
    plan = mine.plan_donate(mine.get(project.id), world.usd.money("25"), MEMO, 2 * USD)
    assert plan.allowance.way is Way.PERMIT and plan.operations == operations
    assert plan.cost.gas is not None and plan.cost.gas > 60_000
    nonce = donor.next_nonce()
    result = mine.pay(plan)
    assert donor.next_nonce() == nonce + 1
    (event,) = result.logged("ProjectDonated")
    assert (event["donor"], event["amount"], event["memo"]) == (donor.address, 25 * USD, MEMO)
    assert result.logged("Tipped")[0]["amount"] == 2 * USD
    assert world.token.functions.balanceOf(operations).call() - before == 2 * USD
    assert held(world) == 25 * USD
    address = mine.contract.address
    assert world.token.functions.allowance(donor.address, address).call() == 0
    found = mine.backer(project, donor.address)
    assert (found.contribution, found.refundable, found.voted) == (25 * USD, 0, ())


def test_a_tip_in_the_coin_comes_on_top_or_stays_with_the_donor(
    world: World, donor: Session
) -> None:
    project, mine = accepted(world, written(world)), ImpactFund(donor)
    money = project.asset.money("1")
    result = mine.pay(mine.plan_donate(mine.get(project.id), money, MEMO, ETHER // 10))
    assert result.logged("Tipped")[0]["amount"] == ETHER // 10
    world.node.set_code(world.address(OPERATIONS), bytes.fromhex("60006000fd"))
    result = mine.pay(mine.plan_donate(mine.get(project.id), money, MEMO, ETHER // 10))
    assert result.logged("TipFailed")[0]["amount"] == ETHER // 10
    assert world.anyone.balance(mine.contract.address) == 2 * ETHER


def test_a_token_without_permit_is_approved_and_a_repayment_always(
    world: World, donor: Session
) -> None:
    token = world.own_token("BareToken", 6)
    donor.send(token.functions.mint(donor.address, 50 * USD))
    world.through_timelock("ImpactFund", "list_asset", token.address)
    # it has no symbol either
    found = dollars(world, goal=f"10 {token.address}", stages=["100 %"])
    project, mine = accepted(world, found), ImpactFund(donor)
    plan = mine.plan_donate(mine.get(project.id), project.asset.money("10"), MEMO)
    assert plan.allowance.way is Way.APPROVE
    mine.pay(plan)
    world.through_timelock("ImpactFund", "unlist_asset", token.address)
    stage_passes(world, project)
    repay(world, DONOR, project, "4")
    assert mine.pool(SDG, project.asset) == 4 * USD
    # its units are in the pool, so that one more project may take them
    follower = accepted(world, found)
    with pytest.raises(InputError, match="is taken no more; the project gets no gifts"):
        give(world, DONOR, follower, "1")
    lend(world, follower)
    assert now_of(world, follower).lent == 4 * USD
    with pytest.raises(InputError, match="is taken no more; write the goal in another asset"):
        of(world, PAYEES[0]).plan_propose(read(world, found))

    usd = funded(world, dollars(world), (DONOR, "10"))
    stage_passes(world, usd)
    plan = mine.plan_repay(mine.get(usd.id), usd.asset.money("1"), MEMO)
    assert plan.allowance.way is Way.APPROVE, "the contract takes permits for gifts alone"
    mine.pay(plan)
    assert world.token.functions.allowance(donor.address, mine.contract.address).call() == 0


@pytest.mark.parametrize(
    ("money", "reason"),
    [
        ("1 ether", "project 1 takes USDX, not ETH"),
        ("100.000001 USDX", "more than the goal lacks; give at most 100 USDX"),
    ],
)
def test_a_bad_gift_is_refused_and_nothing_is_sent(
    world: World, donor: Session, money: str, reason: str
) -> None:
    project, mine = accepted(world, dollars(world)), ImpactFund(donor)
    nonce = donor.next_nonce()
    with pytest.raises(InputError, match=reason):
        mine.plan_donate(mine.get(project.id), mine.assets().parse(money), MEMO)
    assert donor.next_nonce() == nonce


def test_a_gift_that_comes_at_a_bad_time_is_refused(world: World, donor: Session) -> None:
    project, mine = accepted(world, dollars(world)), ImpactFund(donor)
    with pytest.raises(InputError, match="it cannot give to itself"):
        give(world, ENTREPRENEUR, project, "1")
    with pytest.raises(FundsError, match="are needed: give less, or fund it"):
        give(world, STRANGER, project, "1")
    world.session(GUARDIAN).send(mine.contract.functions.stop_entries())
    stopped = world.anyone.now + 7 * DAY
    assert steps(world, project)["donate"] == (stopped, project.opens_at)
    with pytest.raises(InputError, match="the guardian has stopped gifts until"):
        give(world, DONOR, project, "1")
    world.node.advance(7 * DAY)
    Charities(world.session(REGISTRAR)).suspend(1, b"\1" * 32)
    assert "donate" not in steps(world, project)
    with pytest.raises(InputError, match="charity 1 is suspended until"):
        give(world, DONOR, project, "1")
    Charities(world.session(REGISTRAR)).reinstate(1)
    seen = now_of(world, project)
    give(world, OTHER_DONOR, project, "99")
    with pytest.raises(RevertError, match="more than the goal lacks"):
        mine.plan_donate(seen, seen.asset.money("2"), MEMO)  # as it was seen before that
    passes(world, project.opens_at)
    with pytest.raises(InputError, match="is running and takes no more gifts"):
        give(world, DONOR, project, "1")


def test_a_report_comes_from_the_payee_after_the_gifts_once(world: World) -> None:
    project = accepted(world, dollars(world))
    give(world, DONOR, project, "10")
    with pytest.raises(InputError, match="raises money until .*, or its goal; report then"):
        do(world, ENTREPRENEUR, "report", project, REPORT, "ipfs://report")
    passes(world, project.opens_at)
    with pytest.raises(InputError, match="only the payee of project 1, .*, reports"):
        do(world, DONOR, "report", project, REPORT, "ipfs://report")
    for uri, reason in (("report", "is no address"), ("ipfs://" + "x" * 250, "at most 256 fit")):
        with pytest.raises(InputError, match=reason):
            do(world, ENTREPRENEUR, "report", project, REPORT, uri)
    do(world, ENTREPRENEUR, "report", project, REPORT, "ipfs://report")
    with pytest.raises(InputError, match="stage 0 is reported already; the vote ends on"):
        do(world, ENTREPRENEUR, "report", project, REPORT, "ipfs://report")
    with pytest.raises(InputError, match="its backers decide: ape run impact release 1"):
        do(world, STRANGER, "reject", project)
    with pytest.raises(InputError, match="only backers vote"):
        do(world, STRANGER, "vote", project, True)
    do(world, DONOR, "vote", project, True)
    assert of(world, STRANGER).backer(now_of(world, project), world.address(DONOR)).voted == (0,)
    with pytest.raises(InputError, match="has voted on stage 0 already"):
        do(world, DONOR, "vote", project, False)
    world.node.advance(14 * DAY)
    with pytest.raises(InputError, match="the vote ended on .*ape run impact release 1"):
        do(world, DONOR, "vote", project, False)


def test_a_project_that_raised_nothing_asks_for_nothing(world: World) -> None:
    project = accepted(world, dollars(world))
    passes(world, project.opens_at)
    assert now_of(world, project).state is State.CLOSED and steps(world, project) == {}
    with pytest.raises(InputError, match="has raised nothing: there is nothing to release"):
        do(world, ENTREPRENEUR, "report", project, REPORT, "ipfs://report")
    with pytest.raises(InputError, match="project 1 is closed: no stage is reported"):
        do(world, STRANGER, "release", project)
    assert life_of(world, project).sums.held == 0


def test_what_strays_into_the_fund_is_swept_and_what_is_owed_is_not(world: World) -> None:
    fund = of(world, STRANGER)
    project = accepted(world, dollars(world))
    give(world, DONOR, project, "10")
    with pytest.raises(InputError, match="no USDX is here beyond what is owed"):
        fund.plan_sweep(project.asset)
    world.session(DONOR).send(world.token.functions.transfer(fund.contract.address, 3 * USD))
    action, surplus = fund.plan_sweep(project.asset)
    assert surplus == 3 * USD
    assert fund.send(action).logged("Swept")[0]["amount"] == 3 * USD
    assert held(world) == 10 * USD
    stray = world.own_token("BareToken", 6)
    world.session(DONOR).send(stray.functions.mint(fund.contract.address, 5))
    assert fund.plan_sweep(fund.asset_of(stray.address))[1] == 5
    with pytest.raises(AmountError, match="there is no token at"):
        fund.asset_of(world.address(DONOR))


# --- lending ----------------------------------------------------------------------------------


def test_a_suspended_charitys_project_goes_to_the_end_of_the_queue(world: World) -> None:
    source = funded(world, dollars(world, goal="5 USDX", stages=["100 %"]), (DONOR, "5"))
    stage_passes(world, source)
    waits = accepted(world, dollars(world))
    behind = accepted(world, dollars(world, charity=2))
    repay(world, DONOR, source, "5")
    Charities(world.session(REGISTRAR)).suspend(1, b"\1" * 32)
    fund = of(world, STRANGER)
    assert fund.next_loan(SDG, waits.asset) == impact.Loan((1, 2), None, 0)
    done = lend(world, waits)
    assert [(e["project_id"], e["new_place"]) for e in done.logged("PassedOver")] == [
        (1, 0),
        (2, 4),
    ]
    assert fund.place(now_of(world, waits)) == impact.Place(4, 1)
    assert fund.place(now_of(world, source)) is None
    assert fund.next_loan(SDG, waits.asset) == impact.Loan((), 3, 5 * USD)
    lend(world, waits)
    assert now_of(world, behind).lent == 5 * USD
    notes = [e.note for e in life_of(world, waits).entries if e.what == "passed over"]
    assert notes == ["waits again, at place 4"]


# --- history ----------------------------------------------------------------------------------


def event(name: str, project: int, amount: int, number: int) -> Event:
    key = "to_pool" if name == "ProjectRejected" else "amount"
    arguments = {"project_id": project, key: amount}
    return Event("", name, arguments, NATIVE, number, "0x", f"0x{number}", 0)


def test_a_pools_units_go_out_in_the_order_in_which_they_came() -> None:
    moves = [
        event("Repaid", 1, 10, 1),
        event("ProjectRejected", 2, 5, 2),
        event("Lent", 3, 4, 3),
        event("Lent", 4, 8, 4),
        event("Repaid", 1, 1, 5),
        event("Lent", 4, 2, 6),
    ]
    assert [(p.source, p.is_repaid, p.target, p.amount) for p in passages(moves)] == [
        (1, True, 3, 4),
        (1, True, 4, 6),
        (2, False, 4, 2),
        (2, False, 4, 2),
        (2, False, None, 1),
        (1, True, None, 1),
    ]
    assert passages([]) == []
    # a repayment whose log is missing leaves a loan without a source
    assert passages([event("Lent", 3, 4, 1)]) == []


def test_a_history_with_logs_missing_is_said_not_to_balance(world: World) -> None:
    project = accepted(world, dollars(world))
    give(world, DONOR, project, "10")
    give(world, DONOR, project, "7")
    block = int(world.anyone.w3.eth.block_number)
    life = Histories(world.anyone, block).get(project.id)
    assert life.sums.given == 7 * USD
    assert life.faults == [
        "given: 7 USDX by the logs, 17 USDX by the contract",
        "still here: 7 USDX by the logs, 17 USDX by the contract",
    ]
    with pytest.raises(NodeError, match="7 USDX by the logs, 17 .* ask another node"):
        life.check()
    with pytest.raises(NodeError, match="no log of project 1's proposal"):
        ImpactFund(world.anyone, block).proposal(project)


def test_texts_that_are_no_text_hide_nothing(world: World) -> None:
    proposed(world, written(world))
    payee = world.session(PAYEES[0])
    contract = payee.contract("ImpactFund")
    for uri in ("ipfs://plan", "ipfs://\u009b2J"):
        arguments = replace(read(world, written(world)), uri=uri).arguments
        data = contract.encode_abi("propose", args=list(arguments))
        if uri.endswith("plan"):
            data = data.replace(b"ipfs".hex(), "ff" * 4)
        sent = {"from": payee.address, "to": contract.address, "data": data}
        payee.w3.eth.wait_for_transaction_receipt(payee.w3.eth.send_transaction(sent))
    fund = of(world, STRANGER)
    uris = [fund.proposal(project).uri for project in fund.all()]
    assert uris == ["ipfs://plan", "\ufffd" * 4 + "://plan", "ipfs://\\x9b2J"]
    assert [len(life_of(world, project).entries) for project in fund.all()] == [1, 1, 1]


# --- words ------------------------------------------------------------------------------------


def test_what_is_no_project_is_refused(world: World) -> None:
    fund = of(world, STRANGER)
    with pytest.raises(InputError, match="there is no project 1; none was proposed yet"):
        fund.find("1")
    project = proposed(world, written(world))
    assert fund.find("1") == project
    for number in (0, 2, 2**256):
        with pytest.raises(InputError, match=f"no project {number}; they run from 1 to 1"):
            fund.find(str(number))
    with pytest.raises(InputError, match="'dryers' is no project; write its number"):
        fund.find("dryers")


def test_a_proposal_is_read_from_both_kinds_of_file(world: World, tmp_path: Path) -> None:
    as_json = tmp_path / "dryers.json"
    as_json.write_text(json.dumps(written(world, deadline="2026-01-31")))
    as_toml = tmp_path / "dryers.toml"
    as_toml.write_text(
        f'charity = 1\npayee = "{world.address(ENTREPRENEUR)}"\nsdg = 2\ngoal = "10 ether"\n'
        'deadline = 2026-01-31\nstages = ["60 %", "40 %"]\nloan = true\n'
        'plan = "Ten mango dryers."\nuri = "ipfs://plan"\n'
    )
    proposal = read(world, read_file(as_json))
    assert proposal == read(world, read_file(as_toml))
    assert proposal.deadline == 1_769_817_600
    plan = tmp_path / "plan.pdf"
    plan.write_bytes(b"plan")
    assert read(world, written(world, plan=f"@{plan}")).plan_hash == keccak(b"plan")
    assert read(world, written(world, plan="0x" + "ab" * 32)).plan_hash == b"\xab" * 32


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"gaol": "1 ether"}, "the proposal: 'gaol' is not known; there are charity, payee"),
        ({"charity": 0}, "'0' is no charity"),
        ({"payee": "0x12"}, "'0x12' is no payee"),
        ({"payee": NATIVE}, "payee: 0x0+ is nobody"),
        ({"sdg": 0}, "sdg: '0' is none; write a number from 1 to 17"),
        ({"sdg": 18}, "sdg: '18' is none"),
        ({"sdg": "two"}, "sdg: 'two' is none"),
        ({"goal": "0 ether"}, "goal: 0 ether is nothing"),
        ({"goal": 5}, "goal: 5 of what"),
        ({"goal": "5 EURX"}, "goal: unknown unit 'EURX'"),
        ({"goal": f"{2**96} wei"}, "goal: .* is more than a project can count"),
        ({"deadline": "2020-01-01"}, "deadline: 2020-01-01 is over"),
        ({"deadline": "1 day"}, "deadline: 1 day is too soon; a day must be left"),
        ({"deadline": "366 days"}, "deadline: 366 days is too far; at most 365 days from now"),
        ({"deadline": "soon"}, "deadline: 'soon' is no time"),
        ({"stages": "100 %"}, "stages: write a list"),
        ({"stages": []}, "stages: together they release 0 %; it must be 100 %"),
        ({"stages": ["60 %", "39.99 %"]}, "stages: together they release 99.99 %"),
        ({"stages": ["60 %", "41 %"]}, "stages: together they release 101 %"),
        ({"stages": ["100 %", "0 %"]}, "stage 1: nothing is released by it"),
        ({"stages": ["10 %"] * 9}, "stages: at most 8, not 9"),
        ({"stages": [1]}, "stage 0: 1 is no share"),
        ({"loan": "yes"}, "loan: 'yes' is neither; write true"),
        ({"plan": "@none.pdf"}, "plan: cannot read none.pdf"),
        ({"plan": " "}, "plan: nothing to hash"),
        ({"uri": "plan.pdf"}, "uri: 'plan.pdf' is no address"),
        ({"uri": "ipfs://" + "x" * 250}, "uri: it has 257 bytes; at most 256 fit"),
    ],
)
def test_a_bad_proposal_is_refused_in_words(
    world: World, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        read(world, written(world, **changes))


def test_what_is_missing_is_named_with_an_example(world: World) -> None:
    for key in written(world):
        found = written(world)
        del found[key]
        with pytest.raises(InputError, match=f"the proposal: {key} is missing; write it like"):
            read(world, found)


def test_the_widest_proposal_is_taken_by_the_contract(world: World) -> None:
    """So no limit that is checked here is wider than the contract's own."""
    found = written(
        world, sdg=17, goal=f"{MAX_GOAL} wei", stages=["12.5 %"] * 8, uri="ipfs://" + "x" * 249
    )
    charity, terms = of(world, PAYEES[0]), read(world, found)
    terms = replace(terms, deadline=world.anyone.now + MAX_FUNDING)
    project = charity.get(
        charity.send(charity.plan_propose(terms)).logged("ProjectProposed")[0]["project_id"]
    )
    assert (project.goal, project.sdg, project.stage_count) == (MAX_GOAL, 17, 8)
    assert read_sdg("17") == 17


def test_the_last_stage_takes_what_rounding_left(world: World) -> None:
    terms = replace(read(world, written(world)), stages=(3_333, 3_333, 3_334))
    amounts = stage_amounts(terms, 10)
    assert amounts == [3, 3, 4]
