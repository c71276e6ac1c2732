"""The impact fund: projects from their proposal until the last coin is paid out, and the pools.

What is sent is first planned: looked up, checked in words, and tried on the node. `plan_...` gives
an Action, or a Payment where money comes in, and `send` or `pay` does it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from web3.contract import Contract
from web3.contract.contract import ContractFunction

from donablock.chain.actions import Action, Caller, Done, Step
from donablock.chain.amounts import NATIVE, Asset, Assets, Money
from donablock.chain.assets import address_of, asset_at, known_assets
from donablock.chain.paying import Allowance, Cost, Way, plan_allowance
from donablock.chain.permit import Permit
from donablock.chain.scan import scan
from donablock.chain.session import Session, ask, reader
from donablock.chain.times import date_text
from donablock.errors import InputError, NodeError
from donablock.giving.charities import Charities, Charity, Status, check_takes_gifts
from donablock.giving.impact_terms import MAX_URI, Proposal
from donablock.giving.terms import BASIS, read_uri, shown

__all__ = [
    "MAX_REFUNDS",
    "Backer",
    "Funder",
    "ImpactFund",
    "Loan",
    "Payment",
    "Pending",
    "Place",
    "Project",
    "Report",
    "State",
    "Vote",
    "stage_amounts",
]

REPORT_TIME, VOTING_TIME = 180 * 86_400, 14 * 86_400
PAYEE_WINDOW = 30 * 86_400
# projects that one `lend` passes over, and backers refunded in one transaction
MAX_PASSED, MAX_REFUNDS = 16, 32
# what a refusal that only the chain can see means for whoever reads it
_MENDS = {
    "impact: payee is ours": "name an account of the entrepreneur's, not a contract of ours",
    "impact: payee is a token": "money sent to a token is lost; name the entrepreneur's account",
    "impact: deadline out of bounds": "write one 1 to 365 days ahead",
    "impact: the asset is short": "some of it was taken from the fund; give in another asset",
    "impact: the asset took a fee": "it does not arrive in full; give in another asset",
    "impact: sweep would touch debts": "it is the same money under another name; leave it",
    "transfers: receiver refused": "let the one who is owed name another --receiver",
    "transfers: token refused": "if it is blocked there, let the one who is owed name a --receiver",
}


class State(IntEnum):
    """What the contract's `state` answers."""

    UNKNOWN = 0
    PROPOSED = 1
    FUNDING = 2
    RUNNING = 3
    VOTING = 4
    VOTED = 5
    OVERDUE = 6
    REJECTED = 7
    COMPLETED = 8
    CLOSED = 9

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Vote:
    """The vote on the reported stage; `stage` counts from 0, `ends_at` in unix seconds, the rest in
    the smallest unit that those who voted so had given."""

    stage: int
    ends_at: int
    approvals: int
    objections: int

    @property
    def would_release(self) -> bool:
        """A report on which nobody votes is approved."""
        return self.objections <= self.approvals


@dataclass(frozen=True)
class Project:
    """A project as it stands: amounts in the asset's smallest unit, times in unix seconds.

    `opens_at` is the deadline while it raises money, else from when its next `stage` (from 0) may
    be reported. `to_refund`: what is left for backers once it is rejected, and the gifts that share
    it. `vote` is None while no stage is reported.
    """

    id: int
    charity_id: int
    payee: str
    sdg: int
    asset: Asset
    goal: int
    is_loan: bool
    given: int
    lent: int
    opens_at: int
    stage: int
    stage_count: int
    released: int
    claimed: int
    repaid: int
    state: State
    vote: Vote | None
    to_refund: tuple[int, int]

    @property
    def raised(self) -> int:
        return self.given + self.lent

    @property
    def room(self) -> int:
        """What the goal still lacks."""
        return self.goal - self.raised

    @property
    def claimable(self) -> int:
        return self.released - self.claimed

    @property
    def repayable(self) -> int:
        """What was released and not repaid; 0 if it is no loan."""
        return self.released - self.repaid if self.is_loan else 0

    @property
    def held(self) -> int:
        """What the fund holds for its payee and its backers."""
        if self.state is State.REJECTED:
            return self.claimable + self.to_refund[0]
        return self.raised - self.claimed

    @property
    def is_unfinished(self) -> bool:
        """Whether it has raised something that is neither released in full nor rejected."""
        ended = (State.REJECTED, State.COMPLETED, State.CLOSED)
        return self.raised != 0 and self.state not in ended

    def text(self, amount: int) -> str:
        return self.asset.text(amount)


@dataclass(frozen=True)
class Report:
    """A report on a stage as logged: keccak256 of the document, and where it lies."""

    stage: int
    document: bytes
    uri: str


@dataclass(frozen=True)
class Funder:
    """What a backer gave in all and was refunded, by the logs (smallest unit)."""

    address: str
    given: int
    refunded: int


@dataclass(frozen=True)
class Backer:
    """A backer as the contract knows it: what it gave and was not refunded, what a refund would pay
    now (smallest unit), and the stages on which it has voted."""

    address: ChecksumAddress
    contribution: int
    refundable: int
    voted: tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """A project's place in the queue for the pool of its goal and asset; how many are ahead."""

    place: int
    ahead: int


@dataclass(frozen=True)
class Loan:
    """What `lend` would do: the projects it passes over, and who gets how much (smallest unit)."""

    passed: tuple[int, ...]
    project_id: int | None
    amount: int


@dataclass(frozen=True)
class Pending:
    """A payee change on its way; `ready_at` in unix seconds."""

    new_payee: str
    ready_at: int

    @property
    def lapses_at(self) -> int:
        return self.ready_at + PAYEE_WINDOW


@dataclass(frozen=True)
class Payment:
    """A gift or a repayment that was tried on the node and would work; nothing was signed or sent.

    `tip` (smallest unit) comes on top of `money`; a repayment has none.
    """

    project: Project
    money: Money
    memo: bytes
    tip: int
    is_gift: bool
    operations: str
    allowance: Allowance
    cost: Cost


class ImpactFund:
    """The impact fund through a session. `from_block` is where the contracts' logs begin."""

    def __init__(self, session: Session, from_block: int = 0) -> None:
        self._session = session
        self._from_block = from_block
        self._caller = Caller(session, "ImpactFund", _MENDS)
        self._charities = Charities(session)
        self._assets: dict[str, Asset] = {}

    @property
    def contract(self) -> Contract:
        return self._caller.contract

    # --- reading ------------------------------------------------------------------------------

    def assets(self) -> Assets:
        """The coin and the tokens that are or were listed: loans and repayments outlive a list."""
        return known_assets(self._session, "ImpactFund", listed_only=False)

    def count(self) -> int:
        return int(ask(self.contract.functions.project_count().call))

    def find(self, text: str) -> Project:
        """A project by its number as written. Raises InputError."""
        if not text.isascii() or not text.isdigit():
            raise InputError(f"{text!r} is no project; write its number (`ape run impact list`)")
        return self.get(int(text))

    def get(self, project_id: int, block: int | None = None) -> Project:
        """A project, as it stands or stood after a block. Raises InputError for an unknown one."""
        stored = reader(self.contract, block)
        state = State(stored("state", project_id)) if 0 <= project_id < 2**256 else State.UNKNOWN
        if state is State.UNKNOWN:
            count = self.count()
            has = f"they run from 1 to {count}" if count else "none was proposed yet"
            raise InputError(f"there is no project {project_id}; {has} (`ape run impact list`)")
        found = stored("project", project_id)
        is_reported = state in (State.VOTING, State.VOTED)
        left = stored("refunds_left", project_id) if state is State.REJECTED else (0, 0)
        return Project(
            id=project_id,
            charity_id=int(found[0]),
            payee=str(found[1]),
            sdg=int(found[2]),
            asset=self.asset(found[3]),
            goal=int(found[4]),
            is_loan=bool(found[5]),
            given=int(found[6]),
            lent=int(found[7]),
            opens_at=int(found[8]),
            stage=int(found[9]),
            stage_count=int(found[10]),
            released=int(found[11]),
            claimed=int(found[12]),
            repaid=int(found[13]),
            state=state,
            vote=Vote(*stored("tally", project_id)) if is_reported else None,
            to_refund=(int(left[0]), int(left[1])),
        )

    def all(self) -> Iterator[Project]:
        """Every project that was ever proposed, oldest first."""
        for project_id in range(1, self.count() + 1):
            yield self.get(project_id)

    def asset(self, address: str) -> Asset:
        """The coin or a token, asked for once."""
        if address not in self._assets:
            self._assets[address] = asset_at(self._session, address)
        return self._assets[address]

    def asset_of(self, text: str) -> Asset:
        """Any token by its address as written. Raises InputError or AmountError."""
        return self.asset(address_of(text, "token"))

    def charity(self, project: Project) -> Charity:
        """Who vouches for it."""
        return self._charities.get(project.charity_id)

    def proposal(self, project: Project) -> Proposal:
        """What it promises, by the log of its proposal. Raises NodeError where there is none."""
        event = next(self.scan("ProjectProposed", {"project_id": project.id}), None)
        if event is None:
            raise NodeError(
                f"the node has no log of project {project.id}'s proposal; ask another node"
            )
        return Proposal(
            project.charity_id,
            event["payee"],
            project.sdg,
            project.asset,
            project.goal,
            int(event["deadline"]),
            tuple(event["stages"]),
            bytes(event["plan_hash"]),
            shown(event["uri"]),
            project.is_loan,
        )

    def reports(self, project: Project) -> dict[int, Report]:
        """The reports that came, by stage."""
        found = self.scan("Reported", {"project_id": project.id})
        return {
            event["stage"]: Report(event["stage"], bytes(event["report_hash"]), shown(event["uri"]))
            for event in found
        }

    def funders(self, project: Project) -> list[Funder]:
        """Everybody who gave to it, by the logs, who gave most first."""
        given: dict[str, int] = {}
        for event in self.scan("ProjectDonated", {"project_id": project.id}):
            given[event["donor"]] = given.get(event["donor"], 0) + event["amount"]
        refunded: dict[str, int] = {}
        for event in self.scan("Refunded", {"project_id": project.id}):
            refunded[event["backer"]] = event["amount"]
        found = [Funder(place, amount, refunded.get(place, 0)) for place, amount in given.items()]
        return sorted(found, key=lambda funder: -funder.given)

    def backer(self, project: Project, address: str) -> Backer:
        """What the contract knows of a backer. Raises InputError for what is no address."""
        place, functions = address_of(address, "backer"), self.contract.functions
        amount, votes = ask(functions.contribution(project.id, place).call)
        return Backer(
            place,
            int(amount),
            int(ask(functions.refundable(project.id, place).call)),
            tuple(stage for stage in range(project.stage_count) if votes >> stage & 1),
        )

    def owed(self, project: Project) -> list[str]:
        """The backers of a project who have not been refunded, by the logs."""
        places = [funder.address for funder in self.funders(project)]
        return [place for place in places if self.backer(project, place).contribution]

    def pending_payee(self, project: Project) -> Pending | None:
        """A payee change on its way, if there is one."""
        new_payee, ready_at = ask(self.contract.functions.pending_payee(project.id).call)
        return None if new_payee == NATIVE else Pending(new_payee, int(ready_at))

    def pool(self, sdg: int, asset: Asset, block: int | None = None) -> int:
        """What there is to lend to projects of a goal (smallest unit)."""
        call = self.contract.functions.pool(sdg, asset.address)
        return int(ask(lambda: call.call(block_identifier=block)))

    def waiting(self, sdg: int, asset: Asset, most: int) -> tuple[list[int], int]:
        """The first of those who wait for a pool, at most so many; and how many there are."""
        first, last = ask(self.contract.functions.queue(sdg, asset.address).call)
        places = range(first, min(last, first + most - 1) + 1)
        queued = self.contract.functions.queued
        found = [int(ask(queued(sdg, asset.address, place).call)) for place in places]
        return found, int(last) + 1 - int(first)

    def place(self, project: Project) -> Place | None:
        """Its place in the queue; None if it has none, or no more."""
        place = 0
        for event in self.scan("ProjectAccepted", {"project_id": project.id}):
            place = event["place"]
        for event in self.scan("PassedOver", {"project_id": project.id}):
            place = event["new_place"]
        first, _ = ask(self.contract.functions.queue(project.sdg, project.asset.address).call)
        return Place(place, place - first) if place >= first else None

    def next_loan(self, sdg: int, asset: Asset) -> Loan:
        """What `lend` would do now, by the same rules as the contract."""
        pool, now = self.pool(sdg, asset), self._session.now
        passed: list[int] = []
        for project_id in self.waiting(sdg, asset, MAX_PASSED)[0]:
            project = self.get(project_id)
            status = self.charity(project).status
            if now < project.opens_at and status is Status.VERIFIED:
                return Loan(tuple(passed), project_id, min(pool, project.room))
            passed.append(project_id)
            if now < project.opens_at and status is not Status.REVOKED:
                break
        return Loan(tuple(passed), None, 0)

    def would_release(self, project: Project) -> bool:
        """What `release` would decide, as things stand."""
        is_revoked = self.charity(project).status is Status.REVOKED
        return project.vote is not None and project.vote.would_release and not is_revoked

    def steps(self, project: Project) -> list[Step]:
        """What can be done now or later, as things stand."""
        now = self._session.now
        pool = self.pool(project.sdg, project.asset)
        found = _steps(project, self.charity(project).status, self._stopped_until(), pool, now)
        pending = self.pending_payee(project)
        if pending is not None:
            who = "the proposed payee"
            found.append(Step("payee accept", who, pending.ready_at, pending.lapses_at))
        return [step for step in found if step.ends == 0 or now < step.ends]

    # --- proposing ----------------------------------------------------------------------------

    def plan_propose(self, proposal: Proposal) -> Action:
        """A charity's payee proposes a project."""
        charity = self._charities.get(proposal.charity_id)
        check_takes_gifts(charity)
        if not self._is_me(charity.payee):
            raise InputError(
                f"only the payee of charity {charity.id}, {charity.payee}, proposes projects: "
                "sign with its account"
            )
        asset = proposal.asset
        if not self._is_listed(asset) and not self.pool(proposal.sdg, asset):
            raise InputError(f"{asset.symbol} is taken no more; write the goal in another asset")
        return self._caller.plan("propose", *proposal.arguments)

    def plan_accept(self, project: Project) -> Action:
        """The payee accepts its project, which then takes gifts."""
        self._check_payee(project, "accepts it")
        if project.state in (State.PROPOSED, State.CLOSED) and self._session.now >= (
            project.opens_at
        ):
            raise InputError(
                f"project {project.id} could be accepted until {date_text(project.opens_at)}; "
                "the charity may propose it again"
            )
        if project.state is not State.PROPOSED:
            raise InputError(f"project {project.id} is accepted already")
        return self._caller.plan("accept", project.id)

    def plan_propose_payee(self, project: Project, new_payee: str) -> Action:
        """The payee proposes its successor, who may accept after 2 days."""
        self._check_payee(project, "proposes another")
        place = self._receiver(new_payee)
        if project.state is State.PROPOSED:
            raise InputError(
                f"project {project.id} is not accepted yet: ape run impact accept {project.id}"
            )
        if self._is_me(place):
            raise InputError(f"{place} is the payee already; nothing to change")
        return self._caller.plan("propose_payee", project.id, place)

    def plan_accept_payee(self, project: Project) -> Action:
        """The proposed payee accepts, once the delay is over."""
        pending, now = self._pending(project), self._session.now
        if not self._is_me(pending.new_payee):
            raise InputError(f"only the proposed payee, {pending.new_payee}, accepts")
        if now < pending.ready_at:
            raise InputError(f"the delay is not over; accept from {date_text(pending.ready_at)} on")
        if now >= pending.lapses_at:
            raise InputError(
                f"the proposal lapsed on {date_text(pending.lapses_at)}; let the payee propose "
                "you again"
            )
        if self.backer(project, pending.new_payee).contribution:
            raise InputError(
                f"{pending.new_payee} has given to project {project.id} and cannot judge itself; "
                "propose another address"
            )
        return self._caller.plan("accept_payee", project.id)

    def plan_cancel_payee(self, project: Project) -> Action:
        """The payee, the charity's payee or the guardian stops a payee change."""
        self._pending(project)
        guardian = str(ask(self.contract.functions.guardian().call))
        who = (project.payee, self.charity(project).payee, guardian)
        if not any(self._is_me(place) for place in who):
            raise InputError(
                "only the payee, {}, the charity's payee, {}, or the guardian, {}, cancels "
                "this".format(*who)
            )
        return self._caller.plan("cancel_payee", project.id)

    # --- money that comes in ------------------------------------------------------------------

    def plan_donate(self, project: Project, money: Money, memo: bytes, tip: int = 0) -> Payment:
        """Check a gift and try it on the node; sends nothing. The tip (smallest unit) is on top.

        Raises InputError where the project takes none, or not this one, FundsError, or RevertError
        with the contract's reason.
        """
        self._check_gift(project, money)
        return self._plan_payment(project, money, memo, tip, True)

    def plan_repay(self, project: Project, money: Money, memo: bytes) -> Payment:
        """Check a repayment, by anybody, and try it on the node; sends nothing. Raises as a gift
        does."""
        if not project.is_loan:
            raise InputError(f"project {project.id} is no loan: nothing of it is repaid")
        _check_asset(project, money)
        if money.amount > project.repayable:
            raise InputError(
                f"{money} is too much: {project.text(project.released)} were released to project "
                f"{project.id} and {project.text(project.repaid)} repaid; at most "
                f"{project.text(project.repayable)} are taken"
            )
        return self._plan_payment(project, money, memo, 0, False)

    def pay(self, payment: Payment) -> Done:
        """Send a planned gift or repayment, with its permit or approvals, and wait for it."""
        permit = payment.allowance.grant(self._session)
        call, value = self._payment_call(payment, permit)
        return self._caller.send(call, value)

    # --- deciding -----------------------------------------------------------------------------

    def plan_report(self, project: Project, document: bytes, uri: str) -> Action:
        """The payee reports and asks for its next stage. `document`: keccak256 of the report."""
        self._check_payee(project, "reports")
        place = read_uri(uri, "uri", MAX_URI)
        _check_unfinished(project)
        if project.vote is not None:
            raise InputError(
                f"stage {project.stage} is reported already; the vote ends on "
                f"{date_text(project.vote.ends_at)}"
            )
        now = self._session.now
        if now < project.opens_at:
            raise InputError(
                f"project {project.id} raises money until {date_text(project.opens_at)}, or its "
                "goal; report then"
            )
        if now >= project.opens_at + REPORT_TIME:
            raise InputError(
                f"a report could come until {date_text(project.opens_at + REPORT_TIME)}; it is "
                "too late"
            )
        return self._caller.plan("report", project.id, project.stage, document, place)

    def plan_vote(self, project: Project, is_for: bool) -> Action:
        """A backer approves the reported stage, or objects, once, by all it has given."""
        vote = _reported(project)
        if self._session.now >= vote.ends_at:
            raise InputError(
                f"the vote ended on {date_text(vote.ends_at)}; "
                f"decide it: ape run impact release {project.id}"
            )
        me = self.backer(project, self._session.address)
        if me.contribution == 0:
            raise InputError(
                f"{me.address} gave nothing to project {project.id}; only backers vote"
            )
        if vote.stage in me.voted:
            raise InputError(f"{me.address} has voted on stage {vote.stage} already")
        return self._caller.plan("vote", project.id, vote.stage, is_for)

    def plan_release(self, project: Project) -> Action:
        """Decide on the reported stage once its vote is over; anybody may."""
        vote = _reported(project)
        if self._session.now < vote.ends_at:
            raise InputError(
                f"the vote runs until {date_text(vote.ends_at)}; release stage {vote.stage} then"
            )
        return self._caller.plan("release", project.id)

    def plan_reject(self, project: Project) -> Action:
        """End a project whose report did not come, or whose charity is revoked; anybody may."""
        _check_unfinished(project)
        if self.charity(project).status is not Status.REVOKED:
            if project.vote is not None:
                raise InputError(
                    f"stage {project.stage} is reported, and its backers decide: "
                    f"ape run impact release {project.id}, from {date_text(project.vote.ends_at)}"
                )
            overdue_at = project.opens_at + REPORT_TIME
            if self._session.now < overdue_at:
                raise InputError(
                    f"a report may come until {date_text(overdue_at)}; reject project "
                    f"{project.id} then"
                )
        return self._caller.plan("reject", project.id)

    # --- paying out ---------------------------------------------------------------------------

    def plan_claim(self, project: Project) -> Action:
        """Pay what is released to the payee; anybody may."""
        _check_claimable(project)
        return self._caller.plan("claim", project.id)

    def plan_claim_to(self, project: Project, receiver: str) -> Action:
        """The payee has what is released paid to another address."""
        _check_claimable(project)
        self._check_payee(project, "may name a receiver; without one anybody may claim for it")
        return self._caller.plan("claim_to", project.id, self._receiver(receiver))

    def plan_refund(self, project: Project, backer: str) -> Action:
        """Pay a backer of a rejected project its part, to the backer alone; anybody may."""
        _check_rejected(project)
        found = self.backer(project, backer)
        _check_owed(found)
        return self._caller.plan("refund_for", project.id, found.address)

    def plan_refund_to(self, project: Project, receiver: str) -> Action:
        """The signer, a backer, takes its part to another address."""
        _check_rejected(project)
        _check_owed(self.backer(project, self._session.address))
        return self._caller.plan("refund_to", project.id, self._receiver(receiver))

    def plan_refund_many(self, project: Project, backers: Sequence[str]) -> list[Action]:
        """Pay many their parts, MAX_REFUNDS to a transaction; one that fails stays due and does not
        disturb the rest, and who has nothing to get is passed over."""
        _check_rejected(project)
        places = list(dict.fromkeys(address_of(backer, "backer") for backer in backers))
        if not places:
            raise InputError("nobody is left to pay back")
        return [
            self._caller.plan("refund_many", project.id, places[start : start + MAX_REFUNDS])
            for start in range(0, len(places), MAX_REFUNDS)
        ]

    def plan_lend(self, sdg: int, asset: Asset) -> Action:
        """Lend from a pool to the project that has waited longest; anybody may."""
        if self.pool(sdg, asset) == 0:
            raise InputError(
                f"the pool of goal {sdg} has no {asset.symbol}; it fills as projects repay "
                "(`ape run impact pool`)"
            )
        if self.waiting(sdg, asset, 1)[1] == 0:
            raise InputError(
                f"no project of goal {sdg} waits for {asset.symbol}; the pool keeps it until one "
                "is accepted"
            )
        return self._caller.plan("lend", sdg, asset.address)

    def plan_sweep(self, asset: Asset) -> tuple[Action, int]:
        """Send what is here beyond what is owed to the reserve; and how much (smallest unit)."""
        surplus = int(ask(self.contract.functions.surplus(asset.address).call))
        if surplus == 0:
            raise InputError(f"no {asset.symbol} is here beyond what is owed: nothing to sweep")
        return self._caller.plan("sweep", asset.address), surplus

    def send(self, action: Action) -> Done:
        """Do what was planned, and wait for it."""
        return self._caller.send(action.call)

    # --- within -------------------------------------------------------------------------------

    def scan(self, event: str, filters: Mapping[str, Any]) -> Iterator[Any]:
        """The fund's logs of one kind, oldest first."""
        return scan(self.contract, event, filters, from_block=self._from_block)

    def _plan_payment(
        self, project: Project, money: Money, memo: bytes, tip: int, is_gift: bool
    ) -> Payment:
        total = Money(money.asset, money.amount + tip)
        allowance = plan_allowance(self._session, total, self.contract.address)
        if not is_gift and allowance.way is Way.PERMIT:
            # the contract takes permits for gifts alone
            allowance = replace(allowance, way=allowance.fallback, domain=None)
        operations = str(ask(self.contract.functions.operations().call))
        free = Cost(None, None)
        payment = Payment(project, money, memo, tip, is_gift, operations, allowance, free)
        call, value = self._payment_call(payment, None)
        return replace(payment, cost=self._caller.attempt(call, value, allowance))

    def _payment_call(
        self, payment: Payment, permit: Permit | None
    ) -> tuple[ContractFunction, int]:
        functions, money, tip = self.contract.functions, payment.money, payment.tip
        project_id = payment.project.id
        value = money.amount + tip if money.asset.is_native else 0
        if not payment.is_gift:
            return functions.repay(project_id, money.amount, payment.memo), value
        if money.asset.is_native:
            return functions.donate_native(project_id, payment.memo, tip), value
        name = "donate_token" + ("_with_permit" if permit is not None else "")
        return functions[name](
            project_id,
            money.asset.address,
            money.amount,
            payment.memo,
            tip,
            *(permit.signature if permit is not None else ()),
        ), value

    def _is_me(self, address: str) -> bool:
        return address.lower() == self._session.address.lower()

    def _is_listed(self, asset: Asset) -> bool:
        return bool(ask(self.contract.functions.asset_info(asset.address).call)[0])

    def _stopped_until(self) -> int:
        return int(ask(self.contract.functions.stopped_until().call))

    def _pending(self, project: Project) -> Pending:
        pending = self.pending_payee(project)
        if pending is None:
            raise InputError(f"no change of project {project.id}'s payee is on its way")
        return pending

    def _receiver(self, receiver: str) -> ChecksumAddress:
        place = address_of(receiver, "receiver")
        if int(place, 16) == 0 or place == self.contract.address:
            raise InputError(f"{place} cannot receive this; name another address")
        return place

    def _check_payee(self, project: Project, does: str) -> None:
        if not self._is_me(project.payee):
            raise InputError(
                f"only the payee of project {project.id}, {to_checksum_address(project.payee)}, "
                f"{does}: sign with its account"
            )

    def _check_gift(self, project: Project, money: Money) -> None:
        now = self._session.now
        if project.state is State.PROPOSED:
            raise InputError(
                f"project {project.id} takes gifts once its payee, {project.payee}, has accepted it"
            )
        if project.state is not State.FUNDING or now >= project.opens_at:
            raise InputError(
                f"project {project.id} is {project.state.word} and takes no more gifts; see "
                "`ape run impact list --state funding`"
            )
        check_takes_gifts(self.charity(project))
        if self._is_me(project.payee):
            raise InputError("you are the project's payee; it cannot give to itself")
        _check_asset(project, money)
        if not self._is_listed(project.asset):
            raise InputError(f"{project.asset.symbol} is taken no more; the project gets no gifts")
        stopped = self._stopped_until()
        if now < stopped:
            raise InputError(
                f"the guardian has stopped gifts until {date_text(stopped)}; give after that"
            )
        if money.amount > project.room:
            raise InputError(
                f"{money} is more than the goal lacks; give at most {project.text(project.room)}"
            )


# --- checks -----------------------------------------------------------------------------------


def _check_asset(project: Project, money: Money) -> None:
    if money.asset != project.asset:
        raise InputError(
            f"project {project.id} takes {project.asset.symbol}, not {money.asset.symbol}"
        )


def _check_unfinished(project: Project) -> None:
    if project.state is State.CLOSED or project.raised == 0:
        raise InputError(f"project {project.id} has raised nothing: there is nothing to release")
    if not project.is_unfinished:
        raise InputError(f"project {project.id} is {project.state.word} already")


def _reported(project: Project) -> Vote:
    """The vote on the reported stage. Raises InputError where none is reported."""
    if project.vote is None:
        said = "is not reported yet; the vote begins with the report"
        if not project.is_unfinished:
            raise InputError(f"project {project.id} is {project.state.word}: no stage is reported")
        raise InputError(f"stage {project.stage} {said}")
    return project.vote


def _check_rejected(project: Project) -> None:
    if project.state is State.REJECTED:
        return
    mend = "gifts are paid back only if it is rejected"
    if project.state is State.OVERDUE:
        mend = f"end it first: ape run impact reject {project.id}"
    elif project.state is State.VOTED:
        mend = f"decide it first: ape run impact release {project.id}"
    elif project.state is State.COMPLETED:
        mend = "its payee has earned all of it"
    raise InputError(f"project {project.id} is {project.state.word}; {mend}")


def _check_owed(backer: Backer) -> None:
    if backer.contribution == 0:
        raise InputError(f"{backer.address} has nothing to be paid back here, or was already")


def _check_claimable(project: Project) -> None:
    if project.claimable == 0:
        raise InputError(
            f"project {project.id} is {project.state.word} and has nothing to claim now "
            f"(`ape run impact show {project.id}`)"
        )


# --- what comes next --------------------------------------------------------------------------


def _steps(project: Project, charity: Status, stopped: int, pool: int, now: int) -> list[Step]:
    found: list[Step] = []
    is_revoked = charity is Status.REVOKED
    if project.state is State.PROPOSED:
        found.append(Step("accept", "the payee", 0, project.opens_at, "then it takes gifts"))
    if project.state is State.FUNDING:
        if charity is Status.VERIFIED:
            note = f"at most {project.text(project.room)}"
            begins = stopped if now < stopped else 0
            if begins:
                note += "; stopped by the guardian before that"
            found.append(Step("donate", "anybody", begins, project.opens_at, note))
            if pool:
                note = f"{project.text(pool)} in the pool, first come, first lent"
                found.append(Step("lend", "anybody", 0, project.opens_at, note))
    if is_revoked and project.is_unfinished:
        found.append(Step("reject", "anybody", 0, 0, "the charity is revoked"))
    if project.vote is not None:
        ends = project.vote.ends_at
        found.append(Step("vote", "backers", 0, ends, "rejected if more object than approve"))
        word = "released" if project.vote.would_release and not is_revoked else "rejected"
        found.append(Step("release", "anybody", ends, 0, f"as it stands: {word}"))
    elif project.is_unfinished:
        overdue_at = project.opens_at + REPORT_TIME
        begins = project.opens_at if now < project.opens_at else 0
        note = "or as soon as the goal is reached" if begins else f"on stage {project.stage}"
        found.append(Step("report", "the payee", begins, overdue_at, note))
        if not is_revoked:
            found.append(Step("reject", "anybody", overdue_at, 0, "if no report came"))
    if project.claimable:
        note = f"{project.text(project.claimable)} to the payee"
        found.append(Step("claim", "anybody", note=note))
    if project.to_refund[1]:
        note = f"{project.text(project.to_refund[0])} in all, each backer its part"
        found.append(Step("refund", "anybody", note=note))
    if project.repayable:
        note = f"at most {project.text(project.repayable)}, into the pool"
        found.append(Step("repay", "anybody", note=note))
    return found


def stage_amounts(proposal: Proposal, raised: int) -> list[int]:
    """What each stage is worth of what was raised (smallest unit): the sum so far is rounded down,
    never a part, so that the last stage takes the rest."""
    sums = [
        sum(proposal.stages[: stage + 1]) * raised // BASIS for stage in range(len(proposal.stages))
    ]
    return [after - before for before, after in zip([0, *sums], sums, strict=False)]
