"""ImpactFund: proposals, gifts, reports, votes, refunds, repayments, loans, payees, roles.

Each state a project can be in is led to "balance 0, all paid" with nothing but public calls and
time: test_every_state_ends_with_nothing_left.
"""

from __future__ import annotations

import boa
import pytest
from eth_utils import keccak

from tests.contracts import deployers, roles
from tests.contracts.conftest import DAY
from tests.contracts.logs import entry, event_signatures, logged
from tests.contracts.money import COIN, balance, change, moves, send
from tests.contracts.protocol import (
    BURNING,
    MEMO,
    NO_SIGNATURE,
    REVERTING,
    Protocol,
    calldata,
    new_place,
    place,
    set_code,
)

ZERO = "0x" + "00" * 20
SDG = 6
GOAL = 1_000
MAX_GOAL = 2**96 - 1
FUNDING_TIME = 30 * DAY
VOTING_TIME = 14 * DAY
REPORT_TIME = 180 * DAY
PAYEE_DELAY = 2 * DAY
PAYEE_WINDOW = 30 * DAY
STAGES = [5_000, 3_000, 2_000]
PLAN = keccak(text="plan")
REPORT = keccak(text="report")
# what `state` answers
PROPOSED, FUNDING, RUNNING, VOTING, VOTED, OVERDUE, REJECTED, COMPLETED, CLOSED = range(1, 10)
OBJECTED, LATE, REVOKED = 1, 2, 3


class World(Protocol):
    """The fund beside the protocol, one verified charity, an entrepreneur and three donors."""

    def __init__(self, token=None):
        super().__init__(token)
        self.impact = deployers.IMPACT_FUND.deploy(
            self.timelock,
            self.guardian,
            self.registry,
            self.reserve,
            self.operations,
            [(self.token.address, False)],
            override_address=new_place(),
        )
        self.sponsor = roles.address("sponsor")
        self.payee = roles.address("entrepreneur")
        self.charity_id = self.verify(self.sponsor)
        self.donors = [self.donor, *[roles.address(f"donor {number}") for number in range(2)]]
        for donor in self.donors:
            self.fill(donor, self.impact)
        self.fill(self.payee, self.impact)
        self.accounts += [self.payee, self.impact, *self.donors[1:]]

    def books(self):
        found = super().books()
        impact = self.impact
        for asset in self.assets:
            address = getattr(asset, "address", asset)
            found[f"impact info {address}"] = tuple(impact.asset_info(asset))
            found[f"pool {address}"] = impact.pool(SDG, asset)
            found[f"queue {address}"] = tuple(impact.queue(SDG, asset))
        found["impact stop"] = (impact.stopped_until(), impact.next_stop_at(), impact.guardian())
        found["impact operations"] = impact.operations()
        for number in range(1, impact.project_count() + 1):
            found[f"project {number}"] = (
                tuple(impact.project(number)),
                tuple(impact.tally(number)),
                tuple(impact.refunds_left(number)),
                tuple(impact.pending_payee(number)),
                [tuple(impact.contribution(number, donor)) for donor in self.donors],
            )
        return found

    def propose(self, asset=COIN, goal=GOAL, stages=STAGES, is_loan=False, **how):
        terms = {
            "charity_id": self.charity_id,
            "payee": self.payee,
            "sdg": SDG,
            "asset": asset,
            "goal": goal,
            "deadline": boa.env.timestamp + FUNDING_TIME,
            "stages": stages,
            "plan_hash": PLAN,
            "uri": "ipfs://plan",
            "is_loan": is_loan,
        }
        sender = how.pop("sender", self.sponsor)
        terms |= how
        return self.impact.propose(*terms.values(), sender=sender)

    def open(self, asset=COIN, **terms):
        """A project that takes gifts."""
        project_id = self.propose(asset, **terms)
        self.impact.accept(project_id, sender=terms.get("payee", self.payee))
        return project_id

    def gift(self, project_id, amount, donor=0, tip=0):
        donor = self.donors[donor]
        asset = self.impact.project(project_id).asset
        if asset == ZERO:
            self.impact.donate_native(project_id, MEMO, tip, value=amount + tip, sender=donor)
        else:
            self.impact.donate_token(project_id, asset, amount, MEMO, tip, sender=donor)

    def funded(self, *amounts, asset=COIN, goal=None, **terms):
        """A project whose donors gave these amounts and whose funding is over."""
        project_id = self.open(asset, goal=sum(amounts) if goal is None else goal, **terms)
        for donor, amount in enumerate(amounts):
            self.gift(project_id, amount, donor)
        if goal is not None:
            boa.env.time_travel(seconds=FUNDING_TIME)
        return project_id

    def report(self, project_id, stage=0):
        self.impact.report(project_id, stage, REPORT, "ipfs://report", sender=self.payee)

    def vote(self, project_id, donor, is_for, stage=0):
        self.impact.vote(project_id, stage, is_for, sender=self.donors[donor])

    def release(self, project_id, stage=0):
        self.report(project_id, stage)
        boa.env.time_travel(seconds=VOTING_TIME)
        return self.impact.release(project_id)

    def rejected(self, *amounts, **terms):
        project_id = self.funded(*amounts, **terms)
        boa.env.time_travel(seconds=REPORT_TIME)
        self.impact.reject(project_id)
        return project_id

    def fill_pool(self, amount, asset=COIN):
        """A loan of the same goal and asset, wholly released and repaid."""
        project_id = self.funded(amount, asset=asset, stages=[10_000], is_loan=True)
        self.release(project_id)
        value = {"value": amount} if asset == COIN else {}
        self.impact.repay(project_id, amount, MEMO, sender=self.payee, **value)
        self.impact.claim(project_id)
        return project_id

    def check(self):
        super().check()
        for asset in self.assets:
            held = balance(asset, self.impact)
            assert held >= self.impact.liability(asset), "IMP-1: solvent"

    def check_nothing_is_left(self):
        for asset in self.assets:
            assert self.impact.liability(asset) == 0, "IMP-8: all is paid"
            assert balance(asset, self.impact) == 0, "IMP-8: nothing is left"


@pytest.fixture(scope="module")
def world():
    return World()


@pytest.fixture(scope="module")
def impact(world):
    return world.impact


@pytest.fixture(params=["coin", "token"])
def asset(request, world):
    return COIN if request.param == "coin" else world.token


def of(contract, logs):
    return [log for log in logs if log[0] == contract.address]


# --- constructor ----------------------------------------------------------------------------------


def deploy(missing=None, listings=()):
    addresses = [place(f"part {number}") for number in range(5)]
    if missing is not None:
        addresses[missing] = ZERO
    return deployers.IMPACT_FUND.deploy(*addresses, list(listings))


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (0, "impact: zero timelock"),
        (1, "guardian: zero guardian"),
        (2, "impact: zero registry"),
        (3, "impact: zero reserve"),
        (4, "impact: zero operations"),
    ],
)
def test_a_zero_address_is_refused(missing, reason):
    with boa.reverts(reason):
        deploy(missing)


def test_the_constructor_fixes_everything(stablecoin):
    impact = deploy(listings=[(stablecoin.address, False)])
    assert logged(impact) == [
        entry(impact, "GuardianChanged", guardian=place("part 1")),
        entry(impact, "OperationsChanged", operations=place("part 4")),
        entry(impact, "AssetListed", asset=stablecoin, decimals=6, is_measured=False),
    ]
    found = [impact.TIMELOCK(), impact.guardian(), impact.REGISTRY(), impact.RESERVE()]
    assert [*found, impact.operations()] == [place(f"part {number}") for number in range(5)]
    assert tuple(impact.asset_info(ZERO)) == (True, False, 0, 0)
    assert impact.known_assets() == [stablecoin.address]
    assert (impact.stopped_until(), impact.next_stop_at(), impact.project_count()) == (0, 0, 0)


def test_the_limits_are_those_of_the_design(impact):
    assert impact.VOTING_TIME() == VOTING_TIME
    assert impact.REPORT_TIME() == REPORT_TIME
    assert impact.PAYEE_DELAY() == PAYEE_DELAY


def test_it_can_be_deployed(impact):
    """EIP-170."""
    assert len(boa.env.get_code(impact.address)) <= 24_576


def test_no_other_function_changes_anything(impact):
    changing = {
        item["name"]
        for item in impact.abi
        if item["type"] == "function" and item["stateMutability"] in ("nonpayable", "payable")
    }
    assert changing == {
        "donate_native",
        "donate_token",
        "donate_token_with_permit",
        "vote",
        "refund_to",
        "propose",
        "accept",
        "report",
        "claim_to",
        "propose_payee",
        "accept_payee",
        "cancel_payee",
        "release",
        "reject",
        "claim",
        "refund_for",
        "refund_many",
        "repay",
        "lend",
        "sweep",
        "list_asset",
        "unlist_asset",
        "set_guardian",
        "set_operations",
        "stop_entries",
        "resume_entries",
    }


def test_events_are_what_readers_expect(impact):
    paid = "address receiver, uint256 amount"
    refund = f"*uint256 project_id, *address backer, *address asset, {paid}"
    tip = "*address donor, *address operations, *bytes32 memo, address asset, uint256 amount"
    assert event_signatures(impact) == {
        "ProjectProposed": "*uint256 project_id, *uint256 charity_id, *address payee, "
        "uint256 sdg, address asset, uint256 goal, uint256 deadline, uint256[] stages, "
        "bytes32 plan_hash, string uri, bool is_loan",
        "ProjectAccepted": "*uint256 project_id, *address payee, uint256 place",
        "ProjectDonated": "*address donor, *uint256 project_id, *bytes32 memo, address asset, "
        "uint256 amount",
        "Reported": "*uint256 project_id, *uint256 stage, bytes32 report_hash, string uri, "
        "uint256 voting_ends_at",
        "Voted": "*uint256 project_id, *uint256 stage, *address backer, bool is_for, "
        "uint256 weight",
        "StageReleased": "*uint256 project_id, *uint256 stage, uint256 amount, "
        "uint256 approvals, uint256 objections",
        "ProjectRejected": "*uint256 project_id, *uint256 stage, uint256 cause, "
        "uint256 to_backers, uint256 to_pool",
        "Claimed": f"*uint256 project_id, *address payee, *address asset, {paid}",
        "Refunded": refund,
        "RefundFailed": refund,
        "Repaid": "*uint256 project_id, *address payer, *bytes32 memo, uint256 sdg, "
        "address asset, uint256 amount",
        "Lent": "*uint256 project_id, *uint256 sdg, *address asset, uint256 amount",
        "PassedOver": "*uint256 project_id, *uint256 sdg, *address asset, uint256 new_place",
        "PayeeProposed": "*uint256 project_id, *address payee, *address new_payee, "
        "uint256 ready_at",
        "PayeeCancelled": "*uint256 project_id, *address new_payee, *address cancelled_by",
        "PayeeChanged": "*uint256 project_id, *address old_payee, *address new_payee",
        "Tipped": tip,
        "TipFailed": tip,
        "OperationsChanged": "*address operations",
        "Swept": "*address asset, uint256 amount",
        "AssetListed": "*address asset, uint256 decimals, bool is_measured",
        "AssetUnlisted": "*address asset",
        "EntriesStopped": "*address guardian, uint256 stopped_until",
        "EntriesResumed": "*address resumed_by",
        "GuardianChanged": "*address guardian",
    }


# --- proposing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_loan", [False, True])
def test_a_project_is_proposed_and_accepted(world, impact, asset, is_loan):
    deadline = boa.env.timestamp + FUNDING_TIME
    assert impact.state(1) == 0
    project_id = world.propose(asset, is_loan=is_loan)
    logs = logged(impact)
    assert project_id == impact.project_count() == 1
    assert logs == [
        entry(
            impact,
            "ProjectProposed",
            project_id=1,
            charity_id=1,
            payee=world.payee,
            sdg=SDG,
            asset=asset,
            goal=GOAL,
            deadline=deadline,
            stages=STAGES,
            plan_hash=PLAN,
            uri="ipfs://plan",
            is_loan=is_loan,
        )
    ]
    terms = (1, world.payee, SDG, getattr(asset, "address", asset), GOAL, is_loan)
    assert tuple(impact.project(1)) == (*terms, 0, 0, deadline, 0, 3, 0, 0, 0)
    assert impact.state(1) == PROPOSED
    assert tuple(impact.queue(SDG, asset)) == (1, 0)
    impact.accept(1, sender=world.payee)
    assert logged(impact) == [
        entry(impact, "ProjectAccepted", project_id=1, payee=world.payee, place=1)
    ]
    assert impact.state(1) == FUNDING
    assert tuple(impact.queue(SDG, asset)) == (1, 1)
    assert impact.queued(SDG, asset, 1) == 1
    boa.env.timestamp = deadline - 1
    assert impact.state(1) == FUNDING
    boa.env.timestamp = deadline
    assert impact.state(1) == CLOSED


BAD_TERMS = {
    "goal of zero": ({"goal": 0}, "impact: goal out of bounds"),
    "goal too large": ({"goal": MAX_GOAL + 1}, "impact: goal out of bounds"),
    "huge goal": ({"goal": 2**256 - 1}, "impact: goal out of bounds"),
    "no sdg": ({"sdg": 0}, "impact: sdg must be 1 to 17"),
    "sdg 18": ({"sdg": 18}, "impact: sdg must be 1 to 17"),
    "sdg too large": ({"sdg": 2**256 - 1}, "impact: sdg must be 1 to 17"),
    "no stages": ({"stages": []}, "impact: stages are not 10,000"),
    "too little": ({"stages": [9_999]}, "impact: stages are not 10,000"),
    "too much": ({"stages": [10_001]}, "impact: stages are not 10,000"),
    "sum too much": ({"stages": [9_999, 2]}, "impact: stages are not 10,000"),
    "sum too little": ({"stages": [9_998, 1]}, "impact: stages are not 10,000"),
    # were sums cut to their bits, or to 256, these would pass
    "sum over the bits": ({"stages": [10_000, 2**14]}, "impact: stages are not 10,000"),
    "sum over 256 bits": ({"stages": [10_001, 2**256 - 1]}, "impact: stages are not 10,000"),
    "empty stage": ({"stages": [10_000, 0]}, "impact: zero stage"),
    "empty first stage": ({"stages": [0, 10_000]}, "impact: zero stage"),
    "payee zero": ({"payee": ZERO}, "impact: zero payee"),
    "unlisted": ({"asset": place("token")}, "impact: asset is not listed"),
}


@pytest.mark.parametrize(("terms", "reason"), BAD_TERMS.values(), ids=BAD_TERMS)
def test_bad_terms_are_refused(world, terms, reason):
    with world.refuses(reason):
        world.propose(**terms)


@pytest.mark.parametrize("off", [0, DAY - 1, 365 * DAY + 1, 2**200])
def test_a_deadline_is_a_day_to_a_year_off(world, impact, off):
    now = boa.env.timestamp
    with world.refuses("impact: deadline out of bounds"):
        world.propose(deadline=now + off)
    for good in (DAY, 365 * DAY):
        assert impact.project(world.propose(deadline=now + good)).opens_at == now + good


def test_a_deadline_in_the_past_is_refused(world):
    with world.refuses("impact: deadline out of bounds"):
        world.propose(deadline=boa.env.timestamp - 1)


@pytest.mark.parametrize("sdg", [1, 17])
@pytest.mark.parametrize("goal", [1, MAX_GOAL])
@pytest.mark.parametrize("stages", [[10_000], [1, 9_999], [1_250] * 8])
def test_the_widest_terms_are_kept(world, impact, sdg, goal, stages):
    project_id = world.propose(sdg=sdg, goal=goal, stages=stages, uri="x" * 256)
    found = impact.project(project_id)
    assert (found.sdg, found.goal, found.stage_count) == (sdg, goal, len(stages))
    assert (found.given, found.lent) == (0, 0)


@pytest.mark.parametrize("caller", ["payee", "donor", "stranger", "timelock", "registrar"])
def test_only_the_charity_proposes(world, caller):
    with world.refuses("impact: not the charity's payee"):
        world.propose(sender=getattr(world, caller))


@pytest.mark.parametrize("status", ["unknown", "suspended", "revoked", "expired"])
def test_only_a_verified_charity_proposes(world, status):
    charity_id = world.charity_id
    if status == "unknown":
        charity_id = 99
    elif status == "suspended":
        world.suspend(1)
    elif status == "revoked":
        world.revoke(1)
    else:
        boa.env.time_travel(seconds=365 * DAY)
    reason = "unknown charity" if status == "unknown" else f"charity is {status}"
    with world.refuses(f"registry: {reason}"):
        world.propose(charity_id=charity_id)


def test_a_token_or_our_own_contracts_are_no_payee(world, impact):
    for payee in (impact.address, world.giving.address, world.reserve.address):
        with world.refuses("impact: payee is ours"):
            world.propose(payee=payee)
    with world.refuses("impact: payee is a token"):
        world.propose(payee=world.token.address)
    for name, code in (("burning", BURNING), ("reverting", REVERTING)):
        world.propose(payee=set_code(f"{name} wallet", code))


def test_only_its_payee_accepts_and_once(world, impact):
    project_id = world.propose()
    for caller in (world.sponsor, world.stranger, world.timelock):
        with world.refuses("impact: not the payee"):
            impact.accept(project_id, sender=caller)
    impact.accept(project_id, sender=world.payee)
    with world.refuses("impact: already accepted"):
        impact.accept(project_id, sender=world.payee)


@pytest.mark.parametrize("from_deadline", [-1, 0])
def test_a_project_is_accepted_before_its_deadline(world, impact, from_deadline):
    project_id = world.propose()
    boa.env.time_travel(seconds=FUNDING_TIME + from_deadline)
    if from_deadline < 0:
        impact.accept(project_id, sender=world.payee)
    else:
        with world.refuses("impact: funding is over"):
            impact.accept(project_id, sender=world.payee)


def test_a_payee_that_became_a_token_cannot_accept(world, impact):
    payee = roles.address("token to be")
    project_id = world.propose(payee=payee)
    boa.env.set_code(payee, boa.env.get_code(world.token.address))
    with world.refuses("impact: payee is a token"):
        impact.accept(project_id, sender=payee)


@pytest.mark.parametrize("project_id", [0, 1, 2**256 - 1])
def test_an_unknown_project_is_refused(world, impact, project_id):
    calls = [
        lambda: impact.donate_native(project_id, MEMO, value=1, sender=world.donor),
        lambda: impact.accept(project_id, sender=world.payee),
        lambda: impact.report(project_id, 0, REPORT, "", sender=world.payee),
        lambda: impact.vote(project_id, 0, True, sender=world.donor),
        lambda: impact.release(project_id),
        lambda: impact.reject(project_id),
        lambda: impact.propose_payee(project_id, world.stranger, sender=world.payee),
    ]
    for call in calls:
        with world.refuses("impact: unknown project"):
            call()
    with boa.reverts("impact: unknown project"):
        impact.project(project_id)
    with world.refuses("impact: nothing to claim"):
        impact.claim(project_id)
    with world.refuses("impact: nothing to refund"):
        impact.refund_for(project_id, world.donor)
    with world.refuses("impact: project is not a loan"):
        impact.repay(project_id, 1, MEMO, value=1, sender=world.donor)
    with world.refuses("impact: not the payee"):
        impact.claim_to(project_id, world.stranger, sender=world.stranger)
    assert impact.refund_many(project_id, [world.donor]) == 0
    assert impact.state(project_id) == 0
    assert impact.refundable(project_id, world.donor) == impact.claimable(project_id) == 0


TERMS = "uint256 address uint256 address uint256 uint256 uint256[] bytes32 string bool".split()


def proposing(world, stages, uri):
    """As any wallet would encode it: the ABI's own encoder refuses what is out of bounds."""
    until = boa.env.timestamp + FUNDING_TIME
    terms = (1, world.payee, SDG, COIN, GOAL, until, stages, PLAN, uri, False)
    return calldata("propose", TERMS, *terms)


@pytest.mark.parametrize("stages", [8, 9])
@pytest.mark.parametrize("letters", [256, 257])
def test_stages_and_texts_have_their_bounds(world, impact, stages, letters):
    shares = [1_000] * (stages - 1) + [10_000 - 1_000 * (stages - 1)]
    call = proposing(world, shares, "x" * letters)
    is_taken = send(impact, 0, sender=world.sponsor, data=call) is None
    assert is_taken is ((stages, letters) == (8, 256))
    assert impact.project_count() == int(is_taken)


@pytest.mark.parametrize("letters", [256, 257])
def test_a_reports_address_has_its_bound(world, impact, letters):
    project_id = world.funded(600)
    kinds = ["uint256", "uint256", "bytes32", "string"]
    call = calldata("report", kinds, project_id, 0, REPORT, "x" * letters)
    assert (send(impact, 0, sender=world.payee, data=call) is None) is (letters == 256)
    assert impact.state(project_id) == (VOTING if letters == 256 else RUNNING)


def test_words_are_packed_as_the_source_says(world, impact):
    """Raw storage after a life of each part; a field moved by a bit would show here."""
    token, (first, second, _) = world.token, world.donors

    def word(variable, *keys):
        slot = getattr(impact._storage, variable).slot
        for key in keys:
            number = int(key, 16) if isinstance(key, str) else key
            packed = slot.to_bytes(32, "big") + number.to_bytes(32, "big")
            slot = int.from_bytes(keccak(packed), "big")
        return boa.env.get_storage(impact.address, slot)

    world.fill_pool(400, token)
    assert word("_queues", SDG, token.address) == 400 | 0 << 128 | 1 << 192
    until = boa.env.timestamp + FUNDING_TIME
    project = world.open(token, goal=1_000, stages=[2_500, 5_000, 2_500], is_loan=True)
    assert word("_parties", project) == int(world.payee, 16) | 1 << 160 | SDG << 178 | 1 << 183
    assert word("_terms", project) == int(token.address, 16) | 1_000 << 160
    assert word("_plans", project) == 2_500 | 7_500 << 14 | 10_000 << 28
    assert word("_fundings", project) == 1_000 << 96 | until << 192 | 1 << 232 | 3 << 240
    assert word("_queued", SDG, token.address, 2) == project
    world.gift(project, 300, 0)
    world.gift(project, 200, 1)
    impact.lend(SDG, token)
    assert word("_fundings", project) == 500 | 100 << 96 | until << 192 | 1 << 232 | 3 << 240
    assert word("_queues", SDG, token.address) == 1 << 128 | 2 << 192
    reported_at = boa.env.timestamp = until
    world.report(project)
    world.vote(project, 0, True)
    world.vote(project, 1, False)
    assert word("_tallies", project) == 200 | 300 << 96 | reported_at << 192
    assert word("_backers", project, first) == 300 | 1 << 96
    boa.env.time_travel(seconds=VOTING_TIME)
    impact.release(project)
    now = boa.env.timestamp
    opened = now << 192 | 1 << 232 | 1 << 236 | 3 << 240
    assert word("_fundings", project) == 500 | 100 << 96 | opened
    assert (word("_payouts", project), word("_tallies", project)) == (225, 0)
    impact.claim(project)
    assert word("_payouts", project) == 225 | 225 << 96
    impact.repay(project, 25, MEMO, sender=world.payee)
    assert word("_plans", project) == 2_500 | 7_500 << 14 | 10_000 << 28 | 25 << 112
    assert word("_queues", SDG, token.address) == 25 | 1 << 128 | 2 << 192
    impact.propose_payee(project, world.stranger, sender=world.payee)
    assert word("_pending", project) == int(world.stranger, 16) | (now + PAYEE_DELAY) << 160
    world.report(project, 1)
    world.vote(project, 0, False, stage=1)
    assert word("_backers", project, first) == 300 | 3 << 96
    boa.env.time_travel(seconds=VOTING_TIME)
    impact.release(project)
    rejected = boa.env.timestamp << 192 | 3 << 232 | 1 << 236 | 3 << 240
    assert word("_fundings", project) == 500 | 100 << 96 | rejected
    assert word("_refunds", project) == 375 | 500 << 96
    assert word("_queues", SDG, token.address) == 325 | 1 << 128 | 2 << 192
    impact.refund_for(project, second)
    assert word("_refunds", project) == 225 | 300 << 96
    assert word("_backers", project, second) == 0


# --- gifts ----------------------------------------------------------------------------------------


def given(world, asset, amount, project_id=1, donor=None):
    return entry(
        world.impact,
        "ProjectDonated",
        donor=world.donor if donor is None else donor,
        project_id=project_id,
        memo=MEMO,
        asset=asset,
        amount=amount,
    )


def tipped(world, asset, amount, event="Tipped"):
    return entry(
        world.impact,
        event,
        donor=world.donor,
        operations=world.operations,
        memo=MEMO,
        asset=asset,
        amount=amount,
    )


@pytest.mark.parametrize("tip", [0, 7])
def test_the_project_gets_all_and_the_tip_is_on_top(world, impact, asset, tip):
    project_id = world.open(asset)
    with moves(world.assets, world.accounts) as moved:
        world.gift(project_id, 600, tip=tip)
        logs = of(impact, logged(impact))
    assert logs == [given(world, asset, 600), *([tipped(world, asset, tip)] if tip else [])]
    paid = [(asset, world.donor, -600 - tip), (asset, impact, 600)]
    assert moved == change(*paid, *([(asset, world.operations, tip)] if tip else []))
    assert impact.liability(asset) == impact.asset_info(asset).owed == 600
    assert tuple(impact.contribution(project_id, world.donor)) == (600, 0)
    assert (impact.project(project_id).given, impact.project(project_id).lent) == (600, 0)
    assert impact.state(project_id) == FUNDING
    world.gift(project_id, 100, donor=1)
    world.gift(project_id, 300)
    assert impact.contribution(project_id, world.donor)[0] == 900
    # the goal is reached: that ends the funding at once
    assert impact.state(project_id) == RUNNING
    assert impact.project(project_id).opens_at == boa.env.timestamp
    with world.refuses("impact: funding is over"):
        world.gift(project_id, 1)
    world.check()


def test_a_tip_that_fails_stays_with_the_donor(world, impact, asset):
    project_id = world.open(asset)
    if asset == COIN:
        boa.env.set_code(world.operations, REVERTING)
    else:
        world.token.approve(impact, 600, sender=world.donor)
    with moves(world.assets, world.accounts) as moved:
        world.gift(project_id, 600, tip=7)
        logs = of(impact, logged(impact))
    assert logs == [given(world, asset, 600), tipped(world, asset, 7, "TipFailed")]
    assert moved == change((asset, world.donor, -600), (asset, impact, 600))


def test_more_than_the_goal_lacks_is_refused(world, asset):
    project_id = world.open(asset)
    world.gift(project_id, 600)
    for amount in (401, 2**96, 2**100):
        boa.env.set_balance(world.donor, 2**200)
        with world.refuses("impact: more than the goal lacks"):
            world.gift(project_id, amount)
    world.gift(project_id, 400)


@pytest.mark.parametrize("tip", [0, 1, 7])
def test_a_gift_of_nothing_is_refused(world, impact, asset, tip):
    project_id = world.open(asset)
    with world.refuses("impact: zero amount"):
        world.gift(project_id, 0, tip=tip)
    if asset == COIN and tip:
        with world.refuses("impact: zero amount"):
            impact.donate_native(project_id, MEMO, tip, value=tip - 1, sender=world.donor)


def test_a_project_that_is_not_accepted_takes_nothing(world, asset):
    project_id = world.propose(asset)
    with world.refuses("impact: project is not accepted"):
        world.gift(project_id, 1)


@pytest.mark.parametrize("from_deadline", [-1, 0, 1])
def test_gifts_end_at_the_deadline_to_the_second(world, asset, from_deadline):
    """No second belongs to gifts and reports both, and none to neither."""
    project_id = world.open(asset)
    world.gift(project_id, 10)
    boa.env.time_travel(seconds=FUNDING_TIME + from_deadline)
    if from_deadline < 0:
        with world.refuses("impact: funding is not over"):
            world.report(project_id)
        world.gift(project_id, 10)
    else:
        with world.refuses("impact: funding is over"):
            world.gift(project_id, 10)
        world.report(project_id)


def test_the_payee_is_no_donor(world, asset):
    """It would judge itself; of accounts it hides nothing on the chain can know."""
    project_id = world.open(asset)
    world.donors.append(world.payee)
    try:
        with world.refuses("impact: donor is the payee"):
            world.gift(project_id, 10, donor=3)
    finally:
        world.donors.pop()


@pytest.mark.parametrize("status", ["suspended", "revoked", "expired"])
def test_a_charity_that_is_not_verified_stops_gifts(world, asset, status):
    project_id = world.open(asset, deadline=boa.env.timestamp + 365 * DAY)
    if status == "suspended":
        world.suspend(1)
    elif status == "revoked":
        world.revoke(1)
    else:
        boa.env.timestamp = world.registry.charity(1).expiry
        project_id = 1
    if status == "expired":
        world.registry.renew(1, boa.env.timestamp + 10 * DAY, MEMO, sender=world.registrar)
        project_id = world.open(asset, deadline=boa.env.timestamp + 11 * DAY)
        boa.env.time_travel(seconds=10 * DAY)
    with world.refuses(f"registry: charity is {status}"):
        world.gift(project_id, 10)


def test_another_asset_than_the_projects_is_refused(world, impact):
    in_coin, in_token = world.open(COIN), world.open(world.token)
    with world.refuses("impact: not the project's asset"):
        impact.donate_native(in_token, MEMO, value=5, sender=world.donor)
    with world.refuses("impact: not the project's asset"):
        impact.donate_token(in_coin, world.token, 5, MEMO, sender=world.donor)
    for door in (impact.donate_token, impact.donate_token_with_permit):
        rest = () if door is impact.donate_token else (0, *NO_SIGNATURE)
        for other in (ZERO, place("account")):
            with world.refuses("impact: asset is not listed"):
                door(in_coin, other, 5, MEMO, *rest, sender=world.donor)
        with world.refuses("impact: value sent with a token"):
            door(in_token, world.token, 5, MEMO, *rest, value=1, sender=world.donor)


def test_coin_is_refused_outside_of_a_gift(world, impact):
    assert send(impact, 1, sender=world.donor) is not None


def test_an_unlisted_token_takes_no_gifts_but_all_else_goes_on(world, impact):
    project_id = world.open(world.token)
    world.gift(project_id, 600)
    impact.unlist_asset(world.token, sender=world.timelock)
    with world.refuses("impact: asset is not listed"):
        world.gift(project_id, 1)
    with world.refuses("impact: asset is not listed"):
        world.propose(world.token)
    boa.env.time_travel(seconds=FUNDING_TIME)
    assert world.release(project_id) == 300
    assert impact.claim(project_id) == 300


def test_a_permit_replaces_the_allowance(world, impact):
    project_id = world.open(world.token)
    donor = roles.address("permitting donor")
    world.fill(donor)
    signed = roles.sign_permit(world.token, "permitting donor", impact, 107, 2**255)
    impact.donate_token_with_permit(
        project_id, world.token, 100, MEMO, 7, *signed.signature, sender=donor
    )
    assert impact.contribution(project_id, donor)[0] == 100
    assert world.token.allowance(donor, impact) == 0
    with world.refuses("erc20: allowance too low"):
        impact.donate_token_with_permit(
            project_id, world.token, 100, MEMO, 7, *signed.signature, sender=donor
        )
    # a permit that fails is ignored
    impact.donate_token_with_permit(
        project_id, world.token, 100, MEMO, 0, *NO_SIGNATURE, sender=world.donor
    )


@pytest.fixture
def strange(world):
    token = deployers.STRANGE_TOKEN.deploy(6, 0, override_address=new_place())
    world.impact.list_asset(token, sender=world.timelock)
    for account in (*world.donors, world.payee):
        world.fill(account, world.impact, token=token)
    return token


def test_a_token_that_takes_a_fee_is_refused(world, strange):
    project_id = world.open(strange)
    strange.set_traits(16)
    with world.refuses("impact: the asset took a fee"):
        world.gift(project_id, 100)
    world.gift(project_id, 99)


def test_a_gift_does_not_make_good_what_was_lost_before(world, strange):
    project_id = world.open(strange)
    world.gift(project_id, 100)
    strange.rebase(99 * 10**16)
    with world.refuses("impact: the asset is short"):
        world.gift(project_id, 100)
    strange.rebase(10**18)
    world.gift(project_id, 100)


# --- reports and votes ----------------------------------------------------------------------------


def test_a_stage_is_reported_voted_on_released_and_claimed(world, impact, asset):
    project_id = world.funded(600, 400, asset=asset)
    now = boa.env.timestamp
    assert tuple(impact.tally(project_id)) == (0, 0, 0, 0)
    world.report(project_id)
    assert logged(impact) == [
        entry(
            impact,
            "Reported",
            project_id=project_id,
            stage=0,
            report_hash=REPORT,
            uri="ipfs://report",
            voting_ends_at=now + VOTING_TIME,
        )
    ]
    assert impact.state(project_id) == VOTING
    world.vote(project_id, 1, False)
    assert logged(impact) == [
        entry(
            impact,
            "Voted",
            project_id=project_id,
            stage=0,
            backer=world.donors[1],
            is_for=False,
            weight=400,
        )
    ]
    world.vote(project_id, 0, True)
    assert tuple(impact.tally(project_id)) == (0, now + VOTING_TIME, 600, 400)
    assert tuple(impact.contribution(project_id, world.donor)) == (600, 1)
    boa.env.time_travel(seconds=VOTING_TIME)
    assert impact.state(project_id) == VOTED
    with moves(world.assets, world.accounts) as moved:
        assert impact.release(project_id, sender=world.stranger) == 500
        logs = logged(impact)
    assert logs == [
        entry(
            impact,
            "StageReleased",
            project_id=project_id,
            stage=0,
            amount=500,
            approvals=600,
            objections=400,
        )
    ]
    assert moved == {}
    assert impact.claimable(project_id) == 500
    assert impact.project(project_id).stage == 1
    assert impact.project(project_id).opens_at == boa.env.timestamp
    with moves(world.assets, world.accounts) as moved:
        assert impact.claim(project_id, sender=world.stranger) == 500
        logs = of(impact, logged(impact))
    assert logs == [
        entry(
            impact,
            "Claimed",
            project_id=project_id,
            payee=world.payee,
            asset=asset,
            receiver=world.payee,
            amount=500,
        )
    ]
    assert moved == change((asset, impact, -500), (asset, world.payee, 500))
    with world.refuses("impact: nothing to claim"):
        impact.claim(project_id)
    # the next stages: silence approves, and who voted before votes again
    world.report(project_id, 1)
    world.vote(project_id, 0, True, stage=1)
    assert tuple(impact.contribution(project_id, world.donor)) == (600, 3)
    boa.env.time_travel(seconds=VOTING_TIME)
    assert impact.release(project_id) == 300
    assert world.release(project_id, 2) == 200
    assert impact.state(project_id) == COMPLETED
    found = impact.project(project_id)
    assert (found.released, found.claimed, found.stage) == (1_000, 500, 3)
    assert impact.claim(project_id) == 500
    world.check_nothing_is_left()
    for call in (lambda: impact.reject(project_id), lambda: world.report(project_id, 3)):
        with world.refuses("impact: project is completed"):
            call()


@pytest.mark.parametrize("raised", [1, 2, 3, 7, 9_999, MAX_GOAL])
@pytest.mark.parametrize("stages", [[1_250] * 8, [3_333, 3_333, 3_334], [1, 9_999]])
def test_the_last_stage_takes_the_rest(world, impact, raised, stages):
    boa.env.set_balance(world.donor, 2**100)
    project_id = world.funded(raised, stages=stages)
    released = 0
    for stage in range(len(stages)):
        released += world.release(project_id, stage)
        assert released == raised * sum(stages[: stage + 1]) // 10_000, "IMP-5"
    assert released == raised == impact.claim(project_id)
    world.check_nothing_is_left()


@pytest.mark.parametrize(
    ("for_", "against", "is_released"),
    [([], [], True), ([], [2], False), ([0], [1], True), ([1], [0, 2], False), ([0], [1, 2], True)],
)
def test_objectors_must_have_given_more_than_approvers(world, impact, for_, against, is_released):
    """A tie approves (600 against 400 + 200), and so does silence."""
    project_id = world.funded(600, 400, 200)
    world.report(project_id)
    for donor in for_:
        world.vote(project_id, donor, True)
    for donor in against:
        world.vote(project_id, donor, False)
    boa.env.time_travel(seconds=VOTING_TIME)
    assert impact.release(project_id) == (600 if is_released else 0)
    assert impact.state(project_id) == (RUNNING if is_released else REJECTED)


@pytest.mark.parametrize("from_end", [-1, 0])
def test_voting_ends_to_the_second_and_release_begins(world, impact, from_end):
    project_id = world.funded(600)
    world.report(project_id)
    boa.env.time_travel(seconds=VOTING_TIME + from_end)
    if from_end < 0:
        with world.refuses("impact: voting is not over"):
            impact.release(project_id)
        world.vote(project_id, 0, False)
    else:
        with world.refuses("impact: voting is over"):
            world.vote(project_id, 0, False)
        assert impact.release(project_id) == 300


def test_who_may_vote_on_what(world, impact):
    project_id = world.funded(600, 400)
    for call in (lambda: world.vote(project_id, 0, True), lambda: impact.release(project_id)):
        with world.refuses("impact: stage is not reported"):
            call()
    world.report(project_id)
    for caller in (world.donors[2], world.payee, world.sponsor, world.timelock):
        with world.refuses("impact: not a backer"):
            impact.vote(project_id, 0, True, sender=caller)
    for stage in (1, 2**256 - 1):
        with world.refuses("impact: not the next stage"):
            world.vote(project_id, 0, True, stage)
    world.vote(project_id, 0, True)
    for is_for in (True, False):
        with world.refuses("impact: already voted"):
            world.vote(project_id, 0, is_for)


def test_a_late_objection_keeps_what_was_released(world, impact):
    project_id = world.funded(8_000, stages=[1_250] * 8)
    world.report(project_id)
    world.vote(project_id, 0, True)
    boa.env.time_travel(seconds=VOTING_TIME)
    assert impact.release(project_id) == 1_000
    world.report(project_id, 1)
    world.vote(project_id, 0, False, stage=1)
    boa.env.time_travel(seconds=VOTING_TIME)
    assert impact.release(project_id) == 0
    assert impact.refund_for(project_id, world.donor) == 7_000
    assert impact.claim(project_id) == 1_000
    world.check_nothing_is_left()


def test_every_stage_bit_is_kept(world, impact):
    project_id = world.funded(8_000, stages=[1_250] * 8)
    for stage in range(8):
        world.report(project_id, stage)
        world.vote(project_id, 0, True, stage)
        assert tuple(impact.contribution(project_id, world.donor)) == (8_000, 2 ** (stage + 1) - 1)
        boa.env.time_travel(seconds=VOTING_TIME)
        impact.release(project_id)
    assert impact.state(project_id) == COMPLETED


def test_reports_come_from_the_payee_in_order_and_once(world, impact):
    project_id = world.funded(600)
    for caller in (world.sponsor, world.donor, world.stranger):
        with world.refuses("impact: not the payee"):
            impact.report(project_id, 0, REPORT, "", sender=caller)
    for stage in (1, 2**256 - 1):
        with world.refuses("impact: not the next stage"):
            world.report(project_id, stage)
    world.report(project_id)
    with world.refuses("impact: stage is reported"):
        world.report(project_id)


@pytest.mark.parametrize("stage", [0, 1])
@pytest.mark.parametrize("from_end", [-1, 0])
def test_a_stage_not_reported_in_180_days_is_rejected(world, impact, stage, from_end):
    project_id = world.funded(600, goal=900)
    if stage:
        world.release(project_id)
    boa.env.time_travel(seconds=REPORT_TIME + from_end)
    if from_end < 0:
        assert impact.state(project_id) == RUNNING
        with world.refuses("impact: report is not overdue"):
            impact.reject(project_id)
        world.report(project_id, stage)
        boa.env.time_travel(seconds=REPORT_TIME)
        with world.refuses("impact: stage is reported"):
            impact.reject(project_id)
        # released whenever somebody calls
        impact.release(project_id)
        return
    assert impact.state(project_id) == OVERDUE
    with world.refuses("impact: report is overdue"):
        world.report(project_id, stage)
    impact.reject(project_id, sender=world.stranger)
    left = 300 if stage else 600
    assert logged(impact) == [
        entry(
            impact,
            "ProjectRejected",
            project_id=project_id,
            stage=stage,
            cause=LATE,
            to_backers=left,
            to_pool=0,
        )
    ]
    assert impact.state(project_id) == REJECTED
    assert tuple(impact.refunds_left(project_id)) == (left, 600)
    for call in (
        lambda: impact.reject(project_id),
        lambda: world.report(project_id, stage),
    ):
        with world.refuses("impact: project is rejected"):
            call()


@pytest.mark.parametrize("is_accepted", [False, True])
def test_nothing_raised_is_nothing_to_report_or_reject(world, impact, is_accepted):
    project_id = world.open() if is_accepted else world.propose()
    boa.env.time_travel(seconds=FUNDING_TIME + REPORT_TIME)
    assert impact.state(project_id) == CLOSED
    with world.refuses("impact: nothing was raised"):
        world.report(project_id)
    with world.refuses("impact: nothing was raised"):
        impact.reject(project_id)


@pytest.mark.parametrize("when", ["funding", "running", "voting", "voted"])
def test_revocation_returns_what_is_unreleased(world, impact, asset, when):
    project_id = world.open(asset)
    world.gift(project_id, 600)
    left = 600
    if when != "funding":
        boa.env.time_travel(seconds=FUNDING_TIME)
        world.release(project_id)
        left = 300
    if when in ("voting", "voted"):
        world.report(project_id, 1)
        boa.env.time_travel(seconds=VOTING_TIME if when == "voted" else 1)
    world.revoke(1)
    if when == "voted":
        assert impact.release(project_id) == 0
    else:
        impact.reject(project_id)
    logs = logged(impact)
    assert logs[0][2]["cause"] == REVOKED
    assert impact.state(project_id) == REJECTED
    with world.refuses("impact: funding is over"):
        world.gift(project_id, 1)
    assert impact.refund_for(project_id, world.donor) == left
    if left == 300:
        assert impact.claim(project_id) == 300
    world.check_nothing_is_left()


def test_suspension_and_expiry_stop_gifts_and_nothing_else(world, impact):
    project_id = world.funded(600)
    world.suspend(1)
    assert world.release(project_id) == 300
    boa.env.time_travel(seconds=366 * DAY)
    impact.claim(project_id)
    impact.reject(project_id)
    impact.refund_for(project_id, world.donor)
    world.check_nothing_is_left()


def test_a_charity_that_retires_has_its_projects_rejected(world, impact, asset):
    open_one, voted_on = world.open(asset), world.funded(600, asset=asset)
    world.gift(open_one, 70, 1)
    world.report(voted_on)
    world.registry.retire(1, MEMO, sender=world.sponsor)
    for project_id, left in ((open_one, 70), (voted_on, 600)):
        impact.reject(project_id, sender=world.stranger)
        assert logged(impact) == [
            entry(
                impact,
                "ProjectRejected",
                project_id=project_id,
                stage=0,
                cause=REVOKED,
                to_backers=left,
                to_pool=0,
            )
        ]
        assert impact.state(project_id) == REJECTED
        assert impact.project(project_id).opens_at == boa.env.timestamp
        assert impact.refund_many(project_id, world.donors) == 1
    world.check_nothing_is_left()


@pytest.mark.parametrize("how", ["objected", "revoked"])
def test_a_rejected_project_is_neither_voted_on_nor_decided_again(world, impact, how):
    project_id = world.funded(600, 400)
    world.report(project_id)
    world.vote(project_id, 0, False)
    if how == "objected":
        boa.env.time_travel(seconds=VOTING_TIME)
        impact.release(project_id)
    else:
        world.revoke(1)
        impact.reject(project_id)
    assert impact.state(project_id) == REJECTED
    assert tuple(impact.tally(project_id)) == (0, 0, 0, 0)
    impact.refund_for(project_id, world.donor)
    for wait in (0, VOTING_TIME):
        boa.env.time_travel(seconds=wait)
        for call in (lambda: world.vote(project_id, 1, True), lambda: impact.release(project_id)):
            with world.refuses("impact: stage is not reported"):
                call()
    assert tuple(impact.refunds_left(project_id)) == (400, 400)
    assert impact.refund_for(project_id, world.donors[1]) == 400


def test_a_suspended_sponsor_holds_up_no_release(world, impact):
    """What backers approved is paid, and a later revocation takes nothing back."""
    project_id = world.funded(600, stages=[10_000])
    world.report(project_id)
    boa.env.time_travel(seconds=VOTING_TIME)
    world.suspend(1)
    with world.refuses("impact: stage is reported"):
        impact.reject(project_id)
    assert impact.release(project_id) == 600
    world.revoke(1)
    with world.refuses("impact: project is completed"):
        impact.reject(project_id)
    assert impact.claim(project_id) == 600


# --- refunds --------------------------------------------------------------------------------------


def refunded(world, asset, amount, backer, receiver=None, event="Refunded"):
    return entry(
        world.impact,
        event,
        project_id=1,
        backer=backer,
        asset=asset,
        receiver=backer if receiver is None else receiver,
        amount=amount,
    )


def test_a_stranger_refunds_backers_in_any_order(world, impact, asset):
    world.rejected(600, 300, 100, asset=asset)
    for donor, amount in ((1, 300), (2, 100), (0, 600)):
        backer = world.donors[donor]
        assert impact.refundable(1, backer) == amount
        with moves(world.assets, world.accounts) as moved:
            assert impact.refund_for(1, backer, sender=world.stranger) == amount
            logs = of(impact, logged(impact))
        assert logs == [refunded(world, asset, amount, backer)]
        assert moved == change((asset, impact, -amount), (asset, backer, amount))
        with world.refuses("impact: nothing to refund"):
            impact.refund_for(1, backer)
    assert tuple(impact.refunds_left(1)) == (0, 0)
    world.check_nothing_is_left()


def test_nothing_is_refunded_unless_rejected(world, impact):
    project_id = world.funded(600)
    with world.refuses("impact: project is not rejected"):
        impact.refund_for(project_id, world.donor)
    with world.refuses("impact: project is not rejected"):
        impact.refund_many(project_id, [world.donor])
    with world.refuses("impact: project is not rejected"):
        impact.refund_to(project_id, world.stranger, sender=world.donor)
    assert impact.refundable(project_id, world.donor) == 0


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
@pytest.mark.parametrize("gifts", [(1, 1, 1), (3, 5, 7), (1, 1, 9_998), (1, 10**20, 3)])
def test_no_dust_is_left_and_nobody_gets_a_unit_less(world, impact, order, gifts):
    """IMP-4, after a stage was released."""
    project_id = world.funded(*gifts, stages=[3_333, 6_667])
    world.release(project_id)
    boa.env.time_travel(seconds=REPORT_TIME)
    impact.reject(project_id)
    left = sum(gifts) - sum(gifts) * 3_333 // 10_000
    for donor in order:
        paid = impact.refund_for(project_id, world.donors[donor])
        assert paid * sum(gifts) > gifts[donor] * left - sum(gifts), "IMP-4"
    impact.claim(project_id) if impact.claimable(project_id) else None
    world.check_nothing_is_left()


def test_a_share_below_a_unit_is_settled_at_nothing(world, impact):
    project_id = world.funded(1, 1, 1, stages=[6_667, 3_333])
    world.release(project_id)
    boa.env.time_travel(seconds=REPORT_TIME)
    impact.reject(project_id)
    assert tuple(impact.refunds_left(project_id)) == (1, 3)
    assert [impact.refund_for(project_id, donor) for donor in world.donors] == [0, 0, 1]


def test_only_the_backer_names_another_receiver(world, impact, asset):
    world.rejected(600, asset=asset)
    receiver = roles.address("another receiver")
    with world.refuses("impact: nothing to refund"):
        impact.refund_to(1, receiver, sender=world.stranger)
    for bad in (ZERO, impact.address):
        with world.refuses("impact: receiver is zero or ours"):
            impact.refund_to(1, bad, sender=world.donor)
    before = balance(asset, receiver)
    assert impact.refund_to(1, receiver, sender=world.donor) == 600
    assert of(impact, logged(impact)) == [refunded(world, asset, 600, world.donor, receiver)]
    assert balance(asset, receiver) == before + 600
    world.check_nothing_is_left()


def test_many_are_refunded_and_one_that_refuses_disturbs_nobody(world, impact):
    project_id = world.rejected(500, 300, 200)
    refusing = world.donors[1]
    boa.env.set_code(refusing, REVERTING)
    backers = [world.donor, world.donor, world.stranger, refusing, world.donors[2]]
    with moves(world.assets, world.accounts) as moved:
        assert impact.refund_many(project_id, backers) == 2
        logs = of(impact, logged(impact))
    assert logs == [
        refunded(world, COIN, 500, world.donor),
        refunded(world, COIN, 300, refusing, event="RefundFailed"),
        refunded(world, COIN, 200, world.donors[2]),
    ]
    assert moved == change(
        (COIN, impact, -700), (COIN, world.donor, 500), (COIN, world.donors[2], 200)
    )
    assert impact.liability(COIN) == impact.refundable(project_id, refusing) == 300
    with world.refuses("transfers: receiver refused"):
        impact.refund_for(project_id, refusing)
    assert impact.refund_many(project_id, [refusing]) == 0
    assert impact.refund_to(project_id, world.stranger, sender=refusing) == 300
    assert impact.refund_many(project_id, backers) == 0
    world.check_nothing_is_left()


def test_many_are_refunded_a_share_of_nothing_too(world, impact):
    project_id = world.funded(1, 1, 1, stages=[6_667, 3_333])
    world.release(project_id)
    boa.env.time_travel(seconds=REPORT_TIME)
    impact.reject(project_id)
    assert impact.refund_many(project_id, world.donors) == 3
    assert impact.liability(COIN) == 2
    impact.claim(project_id)
    world.check_nothing_is_left()


def test_thirty_two_are_refunded_in_one_call(world, impact):
    many = [place(f"one of many {number}") for number in range(33)]
    project_id = world.open(goal=sum(range(1, 34)))
    for number, backer in enumerate(many, 1):
        boa.env.set_balance(backer, 100)
        impact.donate_native(project_id, MEMO, value=number, sender=backer)
    boa.env.time_travel(seconds=REPORT_TIME)
    impact.reject(project_id)
    call = calldata("refund_many", ["uint256", "address[]"], project_id, many)
    assert send(impact, 0, sender=world.stranger, data=call) is not None
    assert impact.refund_many(project_id, many[:32]) == 32
    assert impact.liability(COIN) == 33 == impact.refundable(project_id, many[32])


def test_a_blocked_backer_of_a_token_waits_for_itself_alone(world, impact, strange):
    world.rejected(500, 300, asset=strange)
    strange.set_blocked(world.donors[1], True)
    assert impact.refund_many(1, world.donors) == 1
    with world.refuses("strange: blocked"):
        impact.refund_for(1, world.donors[1])
    assert impact.refund_to(1, world.stranger, sender=world.donors[1]) == 300
    assert impact.liability(strange) == strange.balanceOf(impact) == 0


def test_too_little_gas_does_not_look_like_a_refusal(world, impact):
    project_id = world.rejected(500)
    with world.refuses("transfers: not enough gas"):
        impact.refund_many(project_id, [world.donor], gas=120_000)


# --- claims and payees ----------------------------------------------------------------------------


def test_the_payee_claims_to_another_address(world, impact, asset):
    project_id = world.funded(600, asset=asset, stages=[10_000])
    world.release(project_id)
    receiver = roles.address("another receiver")
    for caller in (world.stranger, world.sponsor, world.timelock):
        with world.refuses("impact: not the payee"):
            impact.claim_to(project_id, receiver, sender=caller)
    for bad in (ZERO, impact.address):
        with world.refuses("impact: receiver is zero or ours"):
            impact.claim_to(project_id, bad, sender=world.payee)
    before = balance(asset, receiver)
    assert impact.claim_to(project_id, receiver, sender=world.payee) == 600
    assert of(impact, logged(impact)) == [
        entry(
            impact,
            "Claimed",
            project_id=project_id,
            payee=world.payee,
            asset=asset,
            receiver=receiver,
            amount=600,
        )
    ]
    assert balance(asset, receiver) == before + 600
    with world.refuses("impact: nothing to claim"):
        impact.claim_to(project_id, receiver, sender=world.payee)
    world.check_nothing_is_left()


def test_a_payee_that_refuses_coin_keeps_its_claim(world, impact):
    project_id = world.funded(600, stages=[10_000])
    world.release(project_id)
    boa.env.set_code(world.payee, REVERTING)
    with world.refuses("transfers: receiver refused"):
        impact.claim(project_id)
    assert impact.claim_to(project_id, world.stranger, sender=world.payee) == 600


def test_a_new_payee_receives_what_is_owed(world, impact):
    project_id = world.funded(600, stages=[10_000])
    world.release(project_id)
    successor = roles.address("successor")
    ready_at = boa.env.timestamp + PAYEE_DELAY
    impact.propose_payee(project_id, successor, sender=world.payee)
    assert logged(impact) == [
        entry(
            impact,
            "PayeeProposed",
            project_id=project_id,
            payee=world.payee,
            new_payee=successor,
            ready_at=ready_at,
        )
    ]
    assert tuple(impact.pending_payee(project_id)) == (successor, ready_at)
    with world.refuses("impact: not the proposed payee"):
        impact.accept_payee(project_id, sender=world.payee)
    boa.env.timestamp = ready_at - 1
    with world.refuses("impact: payee delay is not over"):
        impact.accept_payee(project_id, sender=successor)
    boa.env.timestamp = ready_at
    impact.accept_payee(project_id, sender=successor)
    assert logged(impact) == [
        entry(
            impact,
            "PayeeChanged",
            project_id=project_id,
            old_payee=world.payee,
            new_payee=successor,
        )
    ]
    assert tuple(impact.pending_payee(project_id)) == (ZERO, 0)
    found = impact.project(project_id)
    assert (found.payee, found.charity_id, found.sdg) == (successor, 1, SDG)
    with moves(world.assets, [successor]) as moved:
        impact.claim(project_id)
    assert moved == change((COIN, successor, 600))
    with world.refuses("impact: no pending payee"):
        impact.accept_payee(project_id, sender=successor)


@pytest.mark.parametrize("from_end", [-1, 0])
def test_a_proposal_lapses(world, impact, from_end):
    project_id = world.open()
    impact.propose_payee(project_id, world.stranger, sender=world.payee)
    boa.env.time_travel(seconds=PAYEE_DELAY + PAYEE_WINDOW + from_end)
    if from_end < 0:
        impact.accept_payee(project_id, sender=world.stranger)
    else:
        with world.refuses("impact: proposal has lapsed"):
            impact.accept_payee(project_id, sender=world.stranger)


@pytest.mark.parametrize("who", ["payee", "sponsor", "guardian"])
def test_who_may_cancel_a_payee_change(world, impact, who):
    """A key that was stolen for an hour must not keep the project."""
    project_id = world.open()
    with world.refuses("impact: no pending payee"):
        impact.cancel_payee(project_id, sender=world.payee)
    impact.propose_payee(project_id, world.stranger, sender=world.payee)
    for caller in (world.stranger, world.donor, world.timelock, world.registrar):
        with world.refuses("impact: may not cancel"):
            impact.cancel_payee(project_id, sender=caller)
    caller = getattr(world, who)
    impact.cancel_payee(project_id, sender=caller)
    assert logged(impact) == [
        entry(
            impact,
            "PayeeCancelled",
            project_id=project_id,
            new_payee=world.stranger,
            cancelled_by=caller,
        )
    ]
    boa.env.time_travel(seconds=PAYEE_DELAY)
    with world.refuses("impact: no pending payee"):
        impact.accept_payee(project_id, sender=world.stranger)


def test_bad_successors_are_refused(world, impact):
    project_id = world.propose()
    with world.refuses("impact: project is not accepted"):
        impact.propose_payee(project_id, world.stranger, sender=world.payee)
    impact.accept(project_id, sender=world.payee)
    with world.refuses("impact: not the payee"):
        impact.propose_payee(project_id, world.stranger, sender=world.stranger)
    for bad, reason in (
        (world.payee, "impact: payee is the same"),
        (ZERO, "impact: zero payee"),
        (impact.address, "impact: payee is ours"),
        (world.giving.address, "impact: payee is ours"),
        (world.token.address, "impact: payee is a token"),
    ):
        with world.refuses(reason):
            impact.propose_payee(project_id, bad, sender=world.payee)
    # one that has given would judge itself
    impact.propose_payee(project_id, world.donor, sender=world.payee)
    world.gift(project_id, 5)
    boa.env.time_travel(seconds=PAYEE_DELAY)
    with world.refuses("impact: payee is a backer"):
        impact.accept_payee(project_id, sender=world.donor)
    successor = roles.address("token to be 2")
    impact.propose_payee(project_id, successor, sender=world.payee)
    boa.env.time_travel(seconds=PAYEE_DELAY)
    boa.env.set_code(successor, boa.env.get_code(world.token.address))
    with world.refuses("impact: payee is a token"):
        impact.accept_payee(project_id, sender=successor)


# --- repayments and loans -------------------------------------------------------------------------


def test_the_life_of_one_unit_is_in_the_logs(world, impact, asset):
    """gift -> project -> stage -> claim -> repayment -> pool -> next project -> stage -> claim"""
    life = []

    def note():
        life.extend(of(impact, logged(impact)))

    first = world.open(asset, goal=600, stages=[10_000], is_loan=True)
    world.gift(first, 600)
    note()
    world.release(first)
    note()
    impact.claim(first)
    note()
    value = {"value": 500} if asset == COIN else {}
    with moves(world.assets, world.accounts) as moved:
        impact.repay(first, 500, MEMO, sender=world.payee, **value)
        note()
    assert moved == change((asset, world.payee, -500), (asset, impact, 500))
    assert impact.pool(SDG, asset) == impact.liability(asset) == 500
    assert impact.project(first).repaid == 500
    second = world.open(asset, goal=900, stages=[10_000])
    with moves(world.assets, world.accounts) as moved:
        # the first project is passed over: it takes no more
        assert impact.lend(SDG, asset, sender=world.stranger) == 500
        note()
    assert moved == {}
    assert impact.pool(SDG, asset) == 0
    found = impact.project(second)
    assert (found.given, found.lent) == (0, 500)
    boa.env.time_travel(seconds=FUNDING_TIME)
    assert world.release(second) == 500
    note()
    impact.claim(second)
    note()
    world.check_nothing_is_left()
    told = [
        (name, fields.get("project_id"), fields.get("amount"), fields.get("new_place"))
        for _, name, fields in life
    ]
    assert told == [
        ("ProjectDonated", first, 600, None),
        ("StageReleased", first, 600, None),
        ("Claimed", first, 600, None),
        ("Repaid", first, 500, None),
        ("PassedOver", first, None, 0),
        ("Lent", second, 500, None),
        ("StageReleased", second, 500, None),
        ("Claimed", second, 500, None),
    ]
    asset = getattr(asset, "address", asset)
    repaid = life[3][2]
    assert (repaid["payer"], repaid["memo"], repaid["sdg"]) == (world.payee, MEMO, SDG)
    assert (repaid["asset"], life[5][2]["sdg"], life[5][2]["asset"]) == (asset, SDG, asset)


def test_only_loans_are_repaid_and_not_more_than_was_released(world, impact, asset):
    def value(amount):
        return {"value": amount} if asset == COIN else {}

    grant = world.funded(600, asset=asset, stages=[10_000])
    world.release(grant)
    with world.refuses("impact: project is not a loan"):
        impact.repay(grant, 1, MEMO, sender=world.payee, **value(1))
    loan = world.funded(600, asset=asset, stages=[5_000, 5_000], is_loan=True)
    with world.refuses("impact: more than was released"):
        impact.repay(loan, 1, MEMO, sender=world.payee, **value(1))
    world.release(loan)
    with world.refuses("impact: zero amount"):
        impact.repay(loan, 0, MEMO, sender=world.payee)
    for amount in (301, 2**96, 2**256 - 1):
        with world.refuses("impact: more than was released"):
            impact.repay(loan, amount, MEMO, sender=world.payee)
    impact.repay(loan, 100, MEMO, sender=world.payee, **value(100))
    # anybody repays
    impact.repay(loan, 200, MEMO, sender=world.donor, **value(200))
    with world.refuses("impact: more than was released"):
        impact.repay(loan, 1, MEMO, sender=world.payee, **value(1))
    assert impact.project(loan).repaid == impact.pool(SDG, asset) == 300
    for other in set(range(1, 18)) - {SDG}:
        assert impact.pool(other, asset) == 0


def test_value_and_amount_of_a_repayment_agree(world, impact, strange):
    coin = world.funded(600, stages=[10_000], is_loan=True)
    token = world.funded(600, asset=strange, stages=[10_000], is_loan=True)
    world.release(coin)
    world.release(token)
    for value in (0, 99, 101):
        with world.refuses("impact: value is not the amount"):
            impact.repay(coin, 100, MEMO, value=value, sender=world.donor)
    for value in (1, 100):
        with world.refuses("impact: value is not the amount"):
            impact.repay(token, 100, MEMO, value=value, sender=world.donor)
    strange.set_traits(16)
    with world.refuses("impact: the asset took a fee"):
        impact.repay(token, 100, MEMO, sender=world.donor)
    strange.set_traits(0)
    strange.rebase(9 * 10**17)
    with world.refuses("impact: the asset is short"):
        impact.repay(token, 100, MEMO, sender=world.donor)


def test_the_longest_waiting_is_lent_to_first_as_much_as_it_lacks(world, impact, asset):
    world.fill_pool(1_000, asset)
    first = world.open(asset, goal=300)
    second = world.open(asset, goal=900)
    world.gift(first, 100)
    assert impact.lend(SDG, asset) == 200
    # that reached the goal: funding is over
    assert impact.state(first) == RUNNING
    assert impact.project(first).opens_at == boa.env.timestamp
    assert impact.project(first).lent == 200
    assert impact.lend(SDG, asset) == 800
    assert impact.state(second) == FUNDING
    with world.refuses("impact: pool is empty"):
        impact.lend(SDG, asset)
    # it keeps its place, and takes gifts for the rest only
    with world.refuses("impact: more than the goal lacks"):
        world.gift(second, 101)
    world.gift(second, 100)
    assert impact.state(second) == RUNNING


def test_a_project_filled_by_a_loan_leaves_the_queue_at_once(world, impact, asset):
    world.fill_pool(1_000, asset)
    full, beside = world.open(asset, goal=300), world.open(asset)
    assert impact.lend(SDG, asset) == 300
    assert logged(impact) == [
        entry(impact, "PassedOver", project_id=1, sdg=SDG, asset=asset, new_place=0),
        entry(impact, "Lent", project_id=full, sdg=SDG, asset=asset, amount=300),
    ]
    assert tuple(impact.queue(SDG, asset)) == (3, 3)
    assert impact.pool(SDG, asset) == 700
    assert impact.lend(SDG, asset) == 700
    assert logged(impact) == [
        entry(impact, "Lent", project_id=beside, sdg=SDG, asset=asset, amount=700)
    ]
    # it lacks 300 still, and keeps its place
    assert tuple(impact.queue(SDG, asset)) == (3, 3)
    assert [impact.queued(SDG, asset, number) for number in range(5)] == [0, 1, full, beside, 0]


@pytest.mark.parametrize("from_deadline", [-1, 0, 1])
def test_loans_end_at_the_deadline_to_the_second(world, impact, from_deadline):
    world.fill_pool(50)
    project_id = world.open()
    boa.env.time_travel(seconds=FUNDING_TIME + from_deadline)
    if from_deadline < 0:
        assert impact.lend(SDG, COIN) == 50
        assert impact.project(project_id).lent == 50
        return
    assert impact.lend(SDG, COIN) == 0
    assert logged(impact)[-1] == entry(
        impact, "PassedOver", project_id=project_id, sdg=SDG, asset=COIN, new_place=0
    )
    assert impact.project(project_id).lent == 0


@pytest.mark.parametrize("pool, lacks", [(49, 50), (50, 50), (51, 50)])
def test_a_loan_is_the_less_of_pool_and_lack(world, impact, pool, lacks):
    world.fill_pool(pool)
    project_id = world.open(goal=70 + lacks)
    world.gift(project_id, 70)
    assert impact.lend(SDG, COIN) == min(pool, lacks)
    assert impact.pool(SDG, COIN) == pool - min(pool, lacks)
    found = impact.project(project_id)
    assert (found.given, found.lent) == (70, min(pool, lacks))
    assert impact.state(project_id) == (FUNDING if pool < lacks else RUNNING)
    assert impact.liability(COIN) == 70 + pool


def test_nothing_is_lent_from_an_empty_pool_or_to_an_empty_queue(world, impact):
    with world.refuses("impact: pool is empty"):
        impact.lend(SDG, COIN)
    world.open()
    with world.refuses("impact: pool is empty"):
        impact.lend(SDG, COIN)
    boa.env.time_travel(seconds=FUNDING_TIME)
    world.fill_pool(50)
    assert impact.lend(SDG, COIN) == 0
    assert [log[1] for log in logged(impact)] == ["PassedOver", "PassedOver"]
    with world.refuses("impact: queue is empty"):
        impact.lend(SDG, COIN)
    for sdg, asset in ((SDG, world.token), (SDG + 1, COIN), (0, COIN), (2**256 - 1, COIN)):
        with world.refuses("impact: pool is empty"):
            impact.lend(sdg, asset)


def test_a_call_passes_over_sixteen_at_most(world, impact):
    for _ in range(17):
        world.open(deadline=boa.env.timestamp + DAY)
    boa.env.time_travel(seconds=DAY)
    world.fill_pool(50)
    last = world.open()
    assert impact.lend(SDG, COIN) == 0
    assert tuple(impact.queue(SDG, COIN)) == (17, 19)
    assert impact.lend(SDG, COIN) == 50
    assert tuple(impact.queue(SDG, COIN)) == (19, 19)
    assert impact.project(last).lent == 50


def test_a_project_whose_charity_is_suspended_goes_to_the_end(world, impact):
    """One recipient that may not receive just now blocks nobody."""
    world.fill_pool(50)
    other = roles.address("other charity")
    first = world.open()
    second = world.open(charity_id=world.verify(other), sender=other)
    world.suspend(1)
    assert impact.lend(SDG, COIN) == 0
    assert logged(impact)[-1] == entry(
        impact, "PassedOver", project_id=first, sdg=SDG, asset=COIN, new_place=4
    )
    assert tuple(impact.queue(SDG, COIN)) == (3, 4)
    assert impact.queued(SDG, COIN, 4) == first
    assert impact.lend(SDG, COIN) == 50
    assert impact.project(second).lent == 50


def test_a_project_whose_charity_has_expired_waits_for_its_renewal(world, impact):
    """Its term ends here while the project still raises money."""
    world.fill_pool(50)
    boa.env.timestamp = world.registry.charity(1).expiry - 10 * DAY
    project_id = world.open()
    boa.env.time_travel(seconds=10 * DAY)
    assert world.registry.status(1) == 4
    assert impact.lend(SDG, COIN) == 0
    assert logged(impact)[-1] == entry(
        impact, "PassedOver", project_id=project_id, sdg=SDG, asset=COIN, new_place=3
    )
    assert impact.lend(SDG, COIN) == 0
    assert tuple(impact.queue(SDG, COIN)) == (4, 4)
    world.registry.renew(1, boa.env.timestamp + 100 * DAY, MEMO, sender=world.registrar)
    assert impact.lend(SDG, COIN) == 50
    assert impact.project(project_id).lent == 50


def test_a_project_whose_charity_is_revoked_leaves_the_queue(world, impact):
    world.fill_pool(50)
    world.open()
    world.revoke(1)
    assert impact.lend(SDG, COIN) == 0
    assert tuple(impact.queue(SDG, COIN)) == (3, 2)


@pytest.mark.parametrize("cause", [OBJECTED, LATE, REVOKED])
def test_the_pools_part_of_a_rejected_project_returns_to_it(world, impact, asset, cause):
    world.fill_pool(700, asset)
    project_id = world.open(asset, goal=1_000, stages=[5_000, 5_000])
    impact.lend(SDG, asset)
    world.gift(project_id, 300)
    world.release(project_id)
    if cause == OBJECTED:
        world.report(project_id, 1)
        world.vote(project_id, 0, False, stage=1)
        boa.env.time_travel(seconds=VOTING_TIME)
        # lent money has no vote: 300 against 700 that are silent
        assert impact.release(project_id) == 0
    elif cause == LATE:
        boa.env.time_travel(seconds=REPORT_TIME)
        impact.reject(project_id)
    else:
        world.revoke(1)
        impact.reject(project_id)
    assert logged(impact) == [
        entry(
            impact,
            "ProjectRejected",
            project_id=project_id,
            stage=1,
            cause=cause,
            to_backers=150,
            to_pool=350,
        )
    ]
    assert impact.pool(SDG, asset) == 350
    assert impact.refund_for(project_id, world.donor) == 150
    assert impact.claim(project_id) == 500
    assert impact.liability(asset) == balance(asset, impact) == 350
    world.check()


@pytest.mark.parametrize("goal", [3, 7, 10**20 + 1])
def test_the_pools_part_is_rounded_down(world, impact, goal):
    boa.env.set_balance(world.payee, 10**30)
    boa.env.set_balance(world.donor, 10**30)
    world.fill_pool(goal // 3)
    project_id = world.open(goal=goal, stages=[3_333, 6_667])
    impact.lend(SDG, COIN)
    world.gift(project_id, goal - goal // 3)
    released = world.release(project_id)
    boa.env.time_travel(seconds=REPORT_TIME)
    impact.reject(project_id)
    to_pool = (goal - released) * (goal // 3) // goal
    assert impact.pool(SDG, COIN) == to_pool
    assert impact.refund_for(project_id, world.donor) == goal - released - to_pool


def test_a_project_of_the_pool_alone_has_nobody_to_refund(world, impact):
    world.fill_pool(700)
    project_id = world.open(goal=700)
    impact.lend(SDG, COIN)
    boa.env.time_travel(seconds=REPORT_TIME)
    impact.reject(project_id)
    assert tuple(impact.refunds_left(project_id)) == (0, 0)
    assert impact.pool(SDG, COIN) == impact.liability(COIN) == 700


def test_the_pool_of_an_unlisted_token_can_still_be_lent(world, impact):
    world.fill_pool(700, world.token)
    impact.unlist_asset(world.token, sender=world.timelock)
    with world.refuses("impact: asset is not listed"):
        world.propose(world.token, sdg=SDG + 1)
    project_id = world.open(world.token, goal=700, stages=[10_000])
    with world.refuses("impact: asset is not listed"):
        world.gift(project_id, 1)
    impact.lend(SDG, world.token)
    world.release(project_id)
    impact.claim(project_id)
    world.check_nothing_is_left()


# --- every state ends -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    [PROPOSED, FUNDING, RUNNING, VOTING, VOTED, OVERDUE, REJECTED, COMPLETED, CLOSED],
)
@pytest.mark.parametrize("is_lent", [False, True])
@pytest.mark.parametrize("stage", [0, 1])
def test_every_state_ends_with_nothing_left(world, impact, asset, state, is_lent, stage):
    """IMP-8, by a stranger, but for the one report that a payee must make of the pool's money."""
    if is_lent:
        world.fill_pool(333, asset)
    if state == PROPOSED:
        project_id = world.propose(asset)
    else:
        project_id = world.open(asset, goal=1_001)
    raised = state not in (PROPOSED, CLOSED)
    if raised:
        world.gift(project_id, 100, 0)
        world.gift(project_id, 7, 1)
        if is_lent:
            assert impact.lend(SDG, asset) == 333
    if state not in (PROPOSED, FUNDING):
        boa.env.time_travel(seconds=FUNDING_TIME)
    if raised and state != FUNDING and stage:
        world.release(project_id)
    if state in (VOTING, VOTED):
        world.report(project_id, stage)
        world.vote(project_id, 0, False, stage=stage)
    if state == VOTED:
        boa.env.time_travel(seconds=VOTING_TIME)
    if state in (OVERDUE, REJECTED):
        boa.env.time_travel(seconds=REPORT_TIME)
    if state == REJECTED:
        impact.reject(project_id)
    if state == COMPLETED:
        for number in range(stage, 3):
            world.release(project_id, number)
    assert impact.state(project_id) == state
    # from here on time and strangers
    if impact.state(project_id) in (PROPOSED, FUNDING):
        boa.env.time_travel(seconds=FUNDING_TIME)
    if impact.state(project_id) == VOTING:
        boa.env.time_travel(seconds=VOTING_TIME)
    if impact.state(project_id) == VOTED:
        impact.release(project_id, sender=world.stranger)
    if impact.state(project_id) == RUNNING:
        boa.env.time_travel(seconds=REPORT_TIME)
    if impact.state(project_id) == OVERDUE:
        impact.reject(project_id, sender=world.stranger)
    assert impact.state(project_id) in (REJECTED, COMPLETED, CLOSED)
    if impact.state(project_id) == REJECTED:
        impact.refund_many(project_id, world.donors, sender=world.stranger)
    if impact.claimable(project_id):
        impact.claim(project_id, sender=world.stranger)
    # what the pool has goes to the next project of its goal
    if impact.pool(SDG, asset):
        world.registry.renew(1, boa.env.timestamp + 600 * DAY, MEMO, sender=world.registrar)
        following = world.open(asset, stages=[10_000])
        while impact.pool(SDG, asset):
            impact.lend(SDG, asset, sender=world.stranger)
        boa.env.time_travel(seconds=FUNDING_TIME)
        world.release(following)
        impact.claim(following, sender=world.stranger)
    world.check_nothing_is_left()


# --- re-entry -------------------------------------------------------------------------------------


def test_nobody_comes_back_while_being_paid(world, impact):
    intruder = deployers.INTRUDER.deploy(override_address=new_place())
    boa.env.set_balance(intruder.address, 10**9)
    gift = impact.donate_native.prepare_calldata(1, MEMO)
    project_id = world.open()
    intruder.forward(impact, gift, 500)
    world.gift(project_id, 300)
    boa.env.time_travel(seconds=FUNDING_TIME + REPORT_TIME)
    impact.reject(project_id)
    for inner in (
        impact.refund_for.prepare_calldata(project_id, intruder.address),
        impact.refund_for.prepare_calldata(project_id, world.donor),
        impact.refund_many.prepare_calldata(project_id, [intruder.address]),
        impact.refund_to.prepare_calldata(project_id, intruder.address),
        impact.claim.prepare_calldata(project_id),
        impact.sweep.prepare_calldata(ZERO),
        impact.lend.prepare_calldata(SDG, ZERO),
        impact.liability.prepare_calldata(ZERO),
    ):
        for outer in ("refund_for", "refund_many"):
            with boa.env.anchor():
                intruder.arm(impact, inner, 0)
                if outer == "refund_for":
                    assert impact.refund_for(project_id, intruder.address) == 500
                else:
                    assert impact.refund_many(project_id, [intruder.address]) == 1
                assert intruder.was_called() and not intruder.has_succeeded()
                assert impact.liability(COIN) == balance(COIN, impact) == 300


# --- the timelock's and the guardian's ------------------------------------------------------------

OF_THE_TIMELOCK = {
    "list_asset": lambda world: deployers.PLAIN_TOKEN.deploy("Other", "OTH", 6),
    "unlist_asset": lambda world: world.token,
    "set_guardian": lambda world: place("new guardian"),
    "set_operations": lambda world: place("new operations"),
}


@pytest.mark.parametrize("function", OF_THE_TIMELOCK)
@pytest.mark.parametrize("caller", ["donor", "guardian", "operations", "registrar", "sponsor"])
def test_only_the_timelock_may(world, impact, function, caller):
    argument = OF_THE_TIMELOCK[function](world)
    with world.refuses("impact: not the timelock"):
        getattr(impact, function)(argument, sender=getattr(world, caller))
    getattr(impact, function)(argument, sender=world.timelock)


def test_operations_change(world, impact):
    with world.refuses("impact: operations is the same"):
        impact.set_operations(world.operations, sender=world.timelock)
    with world.refuses("impact: zero operations"):
        impact.set_operations(ZERO, sender=world.timelock)
    impact.set_operations(world.stranger, sender=world.timelock)
    assert logged(impact) == [entry(impact, "OperationsChanged", operations=world.stranger)]
    assert impact.operations() == world.stranger


def test_only_the_guardian_may_stop_and_resume(world, impact):
    for caller in (world.timelock, world.stranger, world.sponsor):
        with world.refuses("guardian: not the guardian"):
            impact.stop_entries(sender=caller)
        with world.refuses("guardian: not the guardian"):
            impact.resume_entries(sender=caller)


def test_gifts_are_stopped_for_seven_days_to_the_second(world, impact, asset):
    project_id = world.open(asset)
    impact.stop_entries(sender=world.guardian)
    until = boa.env.timestamp + 7 * DAY
    for second in (until - 7 * DAY, until - 1):
        boa.env.timestamp = second
        with world.refuses("impact: entries are stopped"):
            world.gift(project_id, 5)
    boa.env.timestamp = until
    world.gift(project_id, 5)
    with world.refuses("guardian: stopped too recently"):
        impact.stop_entries(sender=world.guardian)
    with world.refuses("guardian: not stopped"):
        impact.resume_entries(sender=world.guardian)


def test_gifts_are_resumed_early_and_new_tokens_stopped_too(world, impact):
    project_id = world.open()
    impact.stop_entries(sender=world.guardian)
    other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 6)
    world.fill(world.donor, impact, token=other)
    impact.list_asset(other, sender=world.timelock)
    in_other = world.open(other)
    with world.refuses("impact: entries are stopped"):
        world.gift(in_other, 5)
    impact.set_guardian(world.stranger, sender=world.timelock)
    impact.resume_entries(sender=world.stranger)
    world.gift(in_other, 5)
    world.gift(project_id, 5)


def test_a_stop_closes_no_exit(world, impact, asset):
    world.fill_pool(50, asset)
    paid = world.funded(50, asset=asset, stages=[10_000], is_loan=True)
    world.release(paid)
    done = world.funded(600, asset=asset, stages=[10_000])
    lost = world.rejected(100, asset=asset)
    world.registry.renew(1, boa.env.timestamp + 900 * DAY, MEMO, sender=world.registrar)
    late = world.funded(100, asset=asset)
    boa.env.time_travel(seconds=REPORT_TIME - 1)
    world.report(late)
    boa.env.time_travel(seconds=VOTING_TIME)
    impact.stop_entries(sender=world.guardian)
    impact.refund_for(lost, world.donor)
    impact.release(late)
    impact.claim(late)
    impact.reject(done)
    impact.refund_many(done, [world.donor])
    following = world.open(asset)
    while impact.pool(SDG, asset):
        impact.lend(SDG, asset)
    assert impact.project(following).lent == 50
    value = {"value": 50} if asset == COIN else {}
    impact.repay(paid, 50, MEMO, sender=world.payee, **value)
    world.check()


@pytest.mark.parametrize("from_end", [-1, 0])
def test_a_token_listed_while_stopped_is_stopped_as_long(world, impact, from_end):
    impact.stop_entries(sender=world.guardian)
    until = impact.stopped_until()
    other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 6)
    world.fill(world.donor, impact, token=other)
    boa.env.timestamp += DAY
    impact.list_asset(other, sender=world.timelock)
    assert logged(impact) == [
        entry(impact, "AssetListed", asset=other, decimals=6, is_measured=True)
    ]
    project_id = world.open(other)
    boa.env.timestamp = until + from_end
    if from_end < 0:
        with world.refuses("impact: entries are stopped"):
            world.gift(project_id, 5)
    else:
        world.gift(project_id, 5)


# --- sweeping -------------------------------------------------------------------------------------


def test_only_what_is_not_owed_is_swept(world, impact, asset):
    project_id = world.open(asset)
    world.gift(project_id, 600)
    with world.refuses("impact: nothing to sweep"):
        impact.sweep(asset)
    if asset == COIN:
        boa.env.set_balance(impact.address, 607)
    else:
        asset.transfer(impact, 7, sender=world.donor)
    assert impact.surplus(asset) == 7
    with moves(world.assets, world.accounts) as moved:
        assert impact.sweep(asset, sender=world.stranger) == 7
        logs = of(impact, logged(impact))
    assert logs == [entry(impact, "Swept", asset=asset, amount=7)]
    assert moved == change((asset, impact, -7), (asset, world.reserve, 7))
    assert impact.surplus(asset) == 0
    world.check()


def test_no_sweep_through_a_second_door_to_the_same_money(world, impact, strange):
    project_id = world.open(strange)
    world.gift(project_id, 60)
    door = deployers.TWO_DOORS.deploy(strange)
    with world.refuses("impact: sweep would touch debts"):
        impact.sweep(door)
    strange.mint(impact, 5)
    with world.refuses("impact: sweep would touch debts"):
        impact.sweep(door)
    assert impact.sweep(strange) == 5


def test_a_shortfall_is_not_a_surplus(world, impact, strange):
    project_id = world.open(strange)
    world.gift(project_id, 60)
    strange.rebase(5 * 10**17)
    assert impact.surplus(strange) == 0
    with world.refuses("impact: nothing to sweep"):
        impact.sweep(strange)
