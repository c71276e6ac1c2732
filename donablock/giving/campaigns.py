"""Campaigns: opening them, backing them, and everything until the last coin is paid out.

What is sent is first planned: looked up, checked in words, and tried on the node. `plan_...` gives
an Action, and `send` does it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from eth_abi.abi import decode
from eth_typing import ChecksumAddress
from eth_utils.address import is_address, to_checksum_address
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.types import TxReceipt

from donablock.chain.actions import Action, Done, Step
from donablock.chain.amounts import Asset, Assets, Money
from donablock.chain.artifacts import abi
from donablock.chain.assets import address_of, asset_at, known_assets, parse
from donablock.chain.logs import Event, LogReader
from donablock.chain.paying import Allowance, Cost, plan_allowance, try_call
from donablock.chain.permit import Permit
from donablock.chain.scan import logged, scan
from donablock.chain.session import Session, ask
from donablock.chain.times import date_text
from donablock.errors import InputError
from donablock.giving.campaign_terms import MAX_RAISED, MAX_URI, Terms
from donablock.giving.charities import Charities, Charity, Status, check_takes_gifts
from donablock.giving.terms import check_text, shown

__all__ = [
    "Action",
    "Backer",
    "Campaign",
    "Campaigns",
    "CreatePlan",
    "Created",
    "Done",
    "PledgePlan",
    "Pledged",
    "Stage",
    "State",
    "Step",
    "Tier",
    "pledge_of",
]

PATIENCE, VOTE = 180 * 86_400, 14 * 86_400
MAX_PLEDGES = 64
# those paid back in one transaction
MAX_REFUNDS = 32


class State(IntEnum):
    """What a campaign's `status` answers first."""

    OPEN = 1
    FAILED = 2
    SUCCEEDED = 3
    STAGED = 4
    REJECTED = 5

    @property
    def word(self) -> str:
        return "in milestones" if self is State.STAGED else self.name.lower()


@dataclass(frozen=True)
class Tier:
    """What a backer can choose; `number` counts from 0, `price` in the smallest unit."""

    number: int
    price: int
    supply: int
    sold: int
    artwork: str

    @property
    def left(self) -> int:
        return self.supply - self.sold


@dataclass(frozen=True)
class Stage:
    """The running milestone; `number` counts from 0, times in unix seconds, votes in the smallest
    unit. `reported_at` is 0 until a report came."""

    number: int
    began_at: int
    reported_at: int
    approvals: int
    objections: int

    @property
    def ends_at(self) -> int:
        """When anybody can settle it: after the vote, or when no report may come any more."""
        return self.reported_at + VOTE if self.reported_at else self.began_at + PATIENCE

    @property
    def would_release(self) -> bool:
        """What settling would do, as things stand. A report on which nobody votes is approved."""
        return self.reported_at != 0 and self.objections <= self.approvals


@dataclass(frozen=True)
class Campaign:
    """A campaign as it stands: amounts in the asset's smallest unit, times in unix seconds, shares
    in basis points. `stage` is None but in milestones."""

    address: ChecksumAddress
    number: int
    charity_id: int
    creator: str
    name: str
    symbol: str
    page: str
    asset: Asset
    goal: int
    deadline: int
    is_all_or_nothing: bool
    royalty: int
    tiers: tuple[Tier, ...]
    milestones: tuple[int, ...]
    state: State
    raised: int
    released: int
    claimed: int
    refunded: int
    stage: Stage | None

    @property
    def claimable(self) -> int:
        """What the charity can have paid out now."""
        return self.released - self.claimed

    @property
    def refundable(self) -> int:
        """What is left to pay back to backers, in all; 0 while there is no refund."""
        if self.state is State.FAILED:
            return self.raised - self.refunded
        if self.state is State.REJECTED:
            return self.raised - self.released - self.refunded
        return 0

    @property
    def is_won(self) -> bool:
        """Whether what was raised is enough."""
        return self.raised != 0 and (not self.is_all_or_nothing or self.raised >= self.goal)

    def outcome(self, charity: Charity) -> State:
        """What `finalise` would decide, as things stand."""
        if charity.status is Status.REVOKED or not self.is_won:
            return State.FAILED
        return State.STAGED if self.milestones else State.SUCCEEDED

    def text(self, amount: int) -> str:
        return self.asset.text(amount)

    def steps(self, charity: Charity, now: int) -> list[Step]:
        """What can be done now or later, as things stand."""
        found: list[Step] = []
        if self.state is State.OPEN:
            if charity.status is Status.VERIFIED:
                found.append(Step("pledge", "anybody", 0, self.deadline))
            found.append(
                Step("cancel", "the creator or the payee", 0, self.deadline, "all is paid back")
            )
            outcome = self.outcome(charity)
            begins = self.deadline
            if charity.status is Status.REVOKED:
                begins = 0
            elif charity.status is Status.SUSPENDED and outcome is not State.FAILED:
                begins = max(begins, charity.suspended_until)
            note = f"as it stands: {outcome.word}"
            found.append(Step("finalise", "anybody", begins, 0, note))
        if self.stage is not None:
            found += _stage_steps(self.stage)
        if self.claimable:
            note = f"{self.text(self.claimable)} to the charity's payee"
            found.append(Step("claim", "anybody", note=note))
        if self.refundable:
            note = f"{self.text(self.refundable)} in all, each backer its part"
            found.append(Step("refund", "anybody", note=note))
        return [step for step in found if step.ends == 0 or now < step.ends]


def _stage_steps(stage: Stage) -> list[Step]:
    found = []
    if stage.reported_at == 0:
        found.append(Step("report", "the creator or the payee", 0, stage.ends_at))
        found.append(Step("settle", "anybody", stage.ends_at, 0, "rejected, if no report came"))
    else:
        found.append(
            Step("vote", "backers", 0, stage.ends_at, "rejected if more object than approve")
        )
        word = "released" if stage.would_release else "rejected"
        found.append(Step("settle", "anybody", stage.ends_at, 0, f"as it stands: {word}"))
    found.append(Step("cancel", "the payee", note="what is not released is paid back"))
    return found


@dataclass(frozen=True)
class Backer:
    """A backer: what it pledged and was not paid back for, and what a refund would pay now."""

    address: str
    contribution: int
    refundable: int
    tokens: int
    has_voted: bool


@dataclass(frozen=True)
class CreatePlan:
    """A campaign that could be opened as things stand."""

    terms: Terms
    charity: Charity
    cost: Cost


@dataclass(frozen=True)
class Created:
    """A campaign that was opened."""

    receipt: TxReceipt
    address: ChecksumAddress
    number: int

    @property
    def transaction(self) -> str:
        return "0x" + bytes(self.receipt["transactionHash"]).hex()


@dataclass(frozen=True)
class PledgePlan:
    """A pledge that was tried on the node and would work. Nothing has been signed or sent."""

    campaign: Campaign
    tier: Tier
    money: Money
    memo: bytes
    allowance: Allowance
    cost: Cost


@dataclass(frozen=True)
class Pledged:
    """What became of a pledge, by its log."""

    receipt: TxReceipt
    token_id: int
    event: Event

    @property
    def transaction(self) -> str:
        return "0x" + bytes(self.receipt["transactionHash"]).hex()


class Campaigns:
    """Campaigns through a session. `from_block` is where the contracts' logs begin."""

    def __init__(self, session: Session, from_block: int = 0) -> None:
        self._session = session
        self._from_block = from_block
        self._charities = Charities(session)

    @property
    def _factory(self) -> Contract:
        return self._session.contract("CampaignFactory")

    def _contract(self, campaign: Campaign) -> Contract:
        return self._session.at("Campaign", campaign.address)

    # --- reading ------------------------------------------------------------------------------

    def assets(self) -> Assets:
        """What campaigns can be opened in: the coin and the listed tokens."""
        return known_assets(self._session, "CampaignFactory")

    def count(self) -> int:
        return int(ask(self._factory.functions.campaign_count().call))

    def find(self, text: str) -> Campaign:
        """A campaign by its number (in the factory's logs) or its address. Raises InputError."""
        if text.isascii() and text.isdigit():
            count = self.count()
            for event in self._created():
                if int(event["number"]) == int(text):
                    return self.get(event["campaign"])
            has = f"they run from 1 to {count}" if count else "none was opened yet"
            raise InputError(f"there is no campaign {text}; {has} (`ape run campaign list`)")
        if not is_address(text):
            raise InputError(
                f"{text!r} is no campaign; write its number or its address "
                "(`ape run campaign list`)"
            )
        return self.get(address_of(text, "campaign"))

    def get(self, address: str) -> Campaign:
        """A campaign by its address. Raises InputError where our factory opened none: anybody can
        put a contract somewhere that claims to be one."""
        place = to_checksum_address(address)
        number = int(ask(self._factory.functions.number_of(place).call))
        if number == 0:
            raise InputError(
                f"{place} is no campaign of this factory: send it nothing (`ape run campaign list`)"
            )
        functions = self._session.at("Campaign", place).functions
        terms, status = ask(functions.terms().call), ask(functions.status().call)
        state = State(status[0])
        stage = Stage(*status[5:10]) if state is State.STAGED else None
        shares = tuple((terms[7] >> (16 * at)) & 0xFFFF for at in range(terms[6]))
        return Campaign(
            address=place,
            number=number,
            charity_id=int(terms[1]),
            creator=str(ask(functions.creator().call)),
            name=self._text(functions.name()),
            symbol=self._text(functions.symbol()),
            page=self._text(functions.contractURI()),
            asset=asset_at(self._session, terms[0]),
            goal=int(ask(functions.goal().call)),
            deadline=int(terms[2]),
            is_all_or_nothing=bool(terms[3]),
            royalty=int(terms[4]),
            tiers=tuple(self._tier(functions, tier) for tier in range(terms[5])),
            milestones=shares,
            state=state,
            raised=int(status[1]),
            released=int(status[2]),
            claimed=int(status[3]),
            refunded=int(status[4]),
            stage=stage,
        )

    def all(self, charity_id: int | None = None, creator: str | None = None) -> Iterator[Campaign]:
        """Every campaign by the factory's logs, oldest first; only a charity's or a creator's."""
        filters: dict[str, Any] = {}
        if charity_id is not None:
            filters["charity_id"] = charity_id
        if creator is not None:
            filters["creator"] = address_of(creator, "creator")
        for event in self._created(filters):
            yield self.get(event["campaign"])

    def charity(self, campaign: Campaign) -> Charity:
        """Whom it raises for."""
        return self._charities.get(campaign.charity_id)

    def steps(self, campaign: Campaign) -> list[Step]:
        """What can be done now or later, as things stand; a stop of pledges is taken in."""
        now, charity = self._session.now, self.charity(campaign)
        stopped = self._stopped_until()
        return [
            Step(step.name, step.who, stopped, step.ends, "stopped by the guardian before that")
            if step.name == "pledge" and now < stopped
            else step
            for step in campaign.steps(charity, now)
        ]

    def backer(self, campaign: Campaign, address: str) -> Backer:
        """What a campaign knows of a backer. Raises InputError for what is no address."""
        place, functions = address_of(address, "backer"), self._contract(campaign).functions
        stage = campaign.stage.number if campaign.stage is not None else 0
        return Backer(
            place,
            int(ask(functions.contribution(place).call)),
            int(ask(functions.refundable(place).call)),
            int(ask(functions.balanceOf(place).call)),
            bool(ask(functions.has_voted(place, stage).call)),
        )

    def backers(self, campaign: Campaign) -> list[Backer]:
        """Everybody who pledged, by the campaign's logs, the first one first."""
        start = self._opened_in(campaign)
        events = scan(self._contract(campaign), "Pledged", from_block=start)
        places = dict.fromkeys(str(event["backer"]) for event in events)
        return [self.backer(campaign, place) for place in places]

    def owed(self, campaign: Campaign) -> list[str]:
        """The backers who have not been paid back, in the order of their first pledges."""
        return [entry.address for entry in self.backers(campaign) if entry.contribution]

    def report(self, campaign: Campaign) -> tuple[bytes, str] | None:
        """keccak256 of the running milestone's report, and where it lies; None without one."""
        stage = campaign.stage
        if stage is None or stage.reported_at == 0:
            return None
        start = self._opened_in(campaign)
        contract = self._contract(campaign)
        events = list(scan(contract, "Reported", {"stage": stage.number}, from_block=start))
        return (bytes(events[0]["report"]), shown(str(events[0]["uri"]))) if events else None

    def accepts(self, charity_id: int, creator: str) -> bool:
        """Whether a charity's payee lets somebody open campaigns for it."""
        place = address_of(creator, "creator")
        return bool(ask(self._factory.functions.is_accepted(charity_id, place).call))

    # --- opening ------------------------------------------------------------------------------

    def plan_accept(self, charity_id: int, creator: str, is_accepted: bool = True) -> Action:
        """The charity's payee lets somebody open campaigns for it, or no longer."""
        charity = self._charities.get(charity_id)
        place = address_of(creator, "creator")
        if not self._is_me(charity.payee):
            raise InputError(
                f"only the payee of charity {charity_id}, {charity.payee}, accepts creators: "
                "sign with its account"
            )
        if self.accepts(charity_id, place) == is_accepted:
            already = "accepted already" if is_accepted else "not accepted anyway"
            raise InputError(f"{place} is {already} by charity {charity_id}; nothing to change")
        call = self._factory.functions.accept_creator(charity_id, place, is_accepted)
        return self._tried("CampaignFactory", self._factory.address, call)

    def plan_create(self, terms: Terms) -> CreatePlan:
        """Look up the charity and try to open the campaign; sends nothing.

        Raises InputError where the charity takes no gifts or has not accepted the signer, or
        RevertError with the contract's reason.
        """
        charity = self._charities.get(terms.charity_id)
        check_takes_gifts(charity)
        self._check_taken(terms.asset, self._session.now)
        me = self._session.address
        if not self._is_me(charity.payee) and not self.accepts(charity.id, me):
            raise InputError(
                f"charity {charity.id} has not accepted {me} as a creator; its payee does it: "
                f"ape run campaign accept {charity.id} {me}"
            )
        call = self._factory.functions.create(charity.id, terms.encoded)
        return CreatePlan(terms, charity, try_call(self._session, call))

    def create(self, plan: CreatePlan) -> Created:
        """Open a planned campaign. Nothing of it can change afterwards."""
        call = self._factory.functions.create(plan.charity.id, plan.terms.encoded)
        receipt = self._session.send(call)
        event = logged(self._session, receipt, "CampaignFactory", "CampaignCreated")[0]
        return Created(receipt, to_checksum_address(event["campaign"]), int(event["number"]))

    # --- backing ------------------------------------------------------------------------------

    def plan_pledge(self, campaign: Campaign, tier: int, money: Money, memo: bytes) -> PledgePlan:
        """Check a pledge and try it on the node; sends nothing.

        Raises InputError where the campaign takes none, or not this one, FundsError, or RevertError
        with the contract's reason.
        """
        chosen = self._check_pledge(campaign, tier, money)
        allowance = plan_allowance(self._session, money, campaign.address)
        call, value = self._pledge(campaign, tier, money, memo, None)
        cost = try_call(self._session, call, value, allowance)
        return PledgePlan(campaign, chosen, money, memo, allowance, cost)

    def pledge(self, plan: PledgePlan) -> Pledged:
        """Send a planned pledge, with its permit or approvals, and wait for it."""
        permit = plan.allowance.grant(self._session)
        call, value = self._pledge(plan.campaign, plan.tier.number, plan.money, plan.memo, permit)
        receipt = self._session.send(call, value)
        event = self._events(plan.campaign.address, receipt, "Pledged")[0]
        return Pledged(receipt, int(event["token_id"]), event)

    def plan_vote(self, campaign: Campaign, is_approved: bool) -> Action:
        """A backer approves the reported milestone, or objects, once."""
        stage = _running(campaign)
        if stage.reported_at == 0:
            raise InputError(
                f"milestone {stage.number} is not reported yet; the vote begins with the report"
            )
        if self._session.now >= stage.ends_at:
            raise InputError(
                f"the vote ended on {date_text(stage.ends_at)}; "
                f"settle it: ape run campaign settle {campaign.number}"
            )
        me = self.backer(campaign, self._session.address)
        if me.contribution == 0:
            raise InputError(f"{me.address} pledged nothing here; only backers vote")
        if me.has_voted:
            raise InputError(f"{me.address} has voted on milestone {stage.number} already")
        return self._act(campaign, "vote", is_approved)

    # --- deciding -----------------------------------------------------------------------------

    def plan_finalise(self, campaign: Campaign) -> Action:
        """Decide it, once the deadline has come or the charity is revoked; anybody may."""
        _check_open(campaign)
        charity, now = self.charity(campaign), self._session.now
        if charity.status is not Status.REVOKED:
            if now < campaign.deadline:
                raise InputError(
                    f"campaign {campaign.number} takes pledges until "
                    f"{date_text(campaign.deadline)}; finalise it then"
                )
            if charity.status is Status.SUSPENDED and campaign.is_won:
                raise InputError(
                    f"charity {charity.id} is suspended until {date_text(charity.suspended_until)}"
                    "; finalise it then"
                )
        return self._act(campaign, "finalise")

    def plan_cancel(self, campaign: Campaign) -> Action:
        """End it early: the creator or the payee before the deadline, the payee in milestones."""
        payee = self.charity(campaign).payee
        if campaign.state is State.STAGED:
            if not self._is_me(payee):
                raise InputError(f"in milestones only the charity's payee, {payee}, cancels")
            return self._act(campaign, "cancel")
        _check_open(campaign)
        self._check_runs(campaign, payee, "cancels")
        if self._session.now >= campaign.deadline:
            raise InputError(
                f"the deadline has passed on {date_text(campaign.deadline)}; what was raised "
                f"decides: ape run campaign finalise {campaign.number}"
            )
        return self._act(campaign, "cancel")

    def plan_report(self, campaign: Campaign, document: bytes, uri: str) -> Action:
        """Report the running milestone; the vote begins. `document`: keccak256 of the report."""
        stage = _running(campaign)
        check_text(uri, MAX_URI, "report's address")
        self._check_runs(campaign, self.charity(campaign).payee, "reports")
        if stage.reported_at:
            raise InputError(
                f"milestone {stage.number} is reported already; the vote ends on "
                f"{date_text(stage.ends_at)}"
            )
        if self._session.now >= stage.ends_at:
            raise InputError(
                f"a report could come until {date_text(stage.ends_at)}; it is too late"
            )
        return self._act(campaign, "report", document, uri)

    def plan_settle(self, campaign: Campaign) -> Action:
        """Close the running milestone after its vote, or when no report came; anybody may."""
        stage = _running(campaign)
        if self._session.now < stage.ends_at:
            why = "the vote runs" if stage.reported_at else "a report may come"
            raise InputError(
                f"{why} until {date_text(stage.ends_at)}; settle milestone {stage.number} then"
            )
        return self._act(campaign, "settle")

    # --- paying out ---------------------------------------------------------------------------

    def plan_refund(self, campaign: Campaign, backer: str) -> Action:
        """Pay a backer back, to the backer alone; anybody may."""
        _check_refunds(campaign, self._session.now)
        found = self.backer(campaign, backer)
        _check_owed(found)
        return self._act(campaign, "refund_for", found.address)

    def plan_refund_to(self, campaign: Campaign, receiver: str) -> Action:
        """The signer, a backer, takes its refund to another address."""
        _check_refunds(campaign, self._session.now)
        _check_owed(self.backer(campaign, self._session.address))
        return self._act(campaign, "refund_to", self._receiver(campaign, receiver))

    def plan_refund_many(self, campaign: Campaign, backers: Sequence[str]) -> list[Action]:
        """Pay many back, MAX_REFUNDS to a transaction; one that fails stays due and does not
        disturb the rest, and who is paid already is passed over."""
        _check_refunds(campaign, self._session.now)
        places = list(dict.fromkeys(address_of(backer, "backer") for backer in backers))
        if not places:
            raise InputError("nobody is left to pay back")
        return [
            self._act(campaign, "refund_many", places[start : start + MAX_REFUNDS])
            for start in range(0, len(places), MAX_REFUNDS)
        ]

    def plan_claim(self, campaign: Campaign) -> Action:
        """Pay what is released to the charity's payee; anybody may."""
        _check_claimable(campaign)
        return self._act(campaign, "claim")

    def plan_claim_to(self, campaign: Campaign, receiver: str) -> Action:
        """The charity's payee has what is released paid to another address."""
        _check_claimable(campaign)
        payee = self.charity(campaign).payee
        if not self._is_me(payee):
            raise InputError(
                f"only the payee of charity {campaign.charity_id}, {payee}, may name a receiver; "
                "without one anybody may claim for it"
            )
        return self._act(campaign, "claim_to", self._receiver(campaign, receiver))

    def send(self, action: Action) -> Done:
        """Do what was planned, and wait for it."""
        receipt = self._session.send(action.call)
        return Done(receipt, tuple(self._events(action.address, receipt, host=action.host)))

    # --- within -------------------------------------------------------------------------------

    def _act(self, campaign: Campaign, name: str, *arguments: Any) -> Action:
        call = self._contract(campaign).functions[name](*arguments)
        return self._tried("Campaign", campaign.address, call)

    def _tried(self, host: str, address: ChecksumAddress, call: ContractFunction) -> Action:
        return Action(host, address, call, try_call(self._session, call))

    def _is_me(self, address: str) -> bool:
        return address.lower() == self._session.address.lower()

    def _receiver(self, campaign: Campaign, receiver: str) -> ChecksumAddress:
        place = address_of(receiver, "receiver")
        if int(place, 16) == 0 or place == campaign.address:
            raise InputError(f"{place} cannot receive this; name an address of yours")
        return place

    def _check_runs(self, campaign: Campaign, payee: str, does: str) -> None:
        if not self._is_me(payee) and not self._is_me(campaign.creator):
            raise InputError(
                f"only the creator, {campaign.creator}, or the charity's payee, {payee}, {does}: "
                "sign with its account"
            )

    def _check_pledge(self, campaign: Campaign, tier: int, money: Money) -> Tier:
        now = self._session.now
        if campaign.state is not State.OPEN:
            raise InputError(f"campaign {campaign.number} is {campaign.state.word}: too late")
        if now >= campaign.deadline:
            raise InputError(
                f"campaign {campaign.number} took pledges until {date_text(campaign.deadline)}"
            )
        charity = self.charity(campaign)
        check_takes_gifts(charity)
        if self._is_me(charity.payee):
            raise InputError("you are the charity's payee; it cannot back itself")
        self._check_taken(campaign.asset, now)
        chosen = _tier_of(campaign, tier)
        if money.asset != campaign.asset:
            raise InputError(
                f"this campaign takes {campaign.asset.symbol}, not {money.asset.symbol}"
            )
        if money.amount < chosen.price:
            raise InputError(
                f"{money} is below the price of tier {tier}, {campaign.text(chosen.price)}: "
                "pledge more, or choose another tier"
            )
        if money.amount > MAX_RAISED - campaign.raised:
            raise InputError(f"{money} is more than the campaign can count; pledge less")
        if chosen.left == 0:
            raise InputError(f"tier {tier} is sold out; choose another one")
        if self.backer(campaign, self._session.address).tokens >= MAX_PLEDGES:
            raise InputError(
                f"you have pledged {MAX_PLEDGES} times, the most that one account can; use another"
            )
        return chosen

    def _check_taken(self, asset: Asset, now: int) -> None:
        if not asset.is_native:
            info = ask(self._factory.functions.asset_info(asset.address).call)
            if not info[0]:
                raise InputError(f"{asset.symbol} is taken no more; the campaign gets no pledges")
        stopped = self._stopped_until()
        if now < stopped:
            raise InputError(
                f"the guardian has stopped pledges until {date_text(stopped)}; pledge after that"
            )

    def _stopped_until(self) -> int:
        return int(ask(self._factory.functions.stopped_until().call))

    def _pledge(
        self, campaign: Campaign, tier: int, money: Money, memo: bytes, permit: Permit | None
    ) -> tuple[ContractFunction, int]:
        functions = self._contract(campaign).functions
        if money.asset.is_native:
            return functions.pledge_native(tier, memo), money.amount
        if permit is None:
            return functions.pledge_token(tier, money.amount, memo), 0
        return functions.pledge_token_with_permit(tier, money.amount, memo, *permit.signature), 0

    def _created(self, filters: dict[str, Any] | None = None) -> Iterator[Event]:
        return scan(self._factory, "CampaignCreated", filters, from_block=self._from_block)

    def _opened_in(self, campaign: Campaign) -> int:
        """The block in which it was opened."""
        return next(self._created({"campaign": campaign.address})).block_number

    def _events(
        self, address: ChecksumAddress, receipt: TxReceipt, *names: str, host: str = "Campaign"
    ) -> list[Event]:
        found = LogReader({address: (host, abi(host))}).decode(receipt["logs"])
        return [event for event in found if not names or event.name in names]

    def _tier(self, functions: Any, number: int) -> Tier:
        price, supply, raw = self._raw(functions.tier(number), "(uint256,uint256,bytes)")
        sold = int(ask(functions.sold(number).call))
        return Tier(number, int(price), int(supply), sold, shown(raw.decode(errors="replace")))

    def _text(self, call: ContractFunction) -> str:
        return shown(bytes(self._raw(call, "bytes")).decode(errors="replace"))

    def _raw(self, call: ContractFunction, kind: str) -> Any:
        """A text's bytes: whoever opens a campaign can name it in bytes that are no text, and one
        such name must not keep people from reading the rest."""
        data = call._encode_transaction_data()
        answer = ask(lambda: self._session.w3.eth.call({"to": call.address, "data": data}))
        return decode([kind], bytes(answer))[0]


def pledge_of(campaign: Campaign, tier: int, amount: str | None, assets: Assets) -> Money:
    """A pledge as written, "30 USDC"; the tier's price if left out. Raises InputError."""
    if amount is None:
        chosen = next((entry for entry in campaign.tiers if entry.number == tier), None)
        if chosen is None:
            raise InputError(
                f"there is no tier {tier}; they run from 0 to {len(campaign.tiers) - 1}"
            )
        return Money(campaign.asset, chosen.price)
    return parse(amount, assets)


# --- checks -----------------------------------------------------------------------------------


def _tier_of(campaign: Campaign, number: int) -> Tier:
    if not 0 <= number < len(campaign.tiers):
        raise InputError(
            f"there is no tier {number}; they run from 0 to {len(campaign.tiers) - 1} "
            f"(`ape run campaign show {campaign.number}`)"
        )
    return campaign.tiers[number]


def _check_open(campaign: Campaign) -> None:
    if campaign.state is not State.OPEN:
        raise InputError(
            f"campaign {campaign.number} is {campaign.state.word} already "
            f"(`ape run campaign show {campaign.number}`)"
        )


def _running(campaign: Campaign) -> Stage:
    """The running milestone. Raises InputError where none runs."""
    if campaign.stage is None:
        said = "has no milestones" if not campaign.milestones else f"is {campaign.state.word}"
        raise InputError(f"campaign {campaign.number} {said}: no milestone is running")
    return campaign.stage


def _check_refunds(campaign: Campaign, now: int) -> None:
    if campaign.state in (State.FAILED, State.REJECTED):
        return
    mend = "pledges are paid back only if it fails"
    if campaign.state is State.OPEN and now >= campaign.deadline:
        mend = f"decide it first: ape run campaign finalise {campaign.number}"
    elif campaign.state is State.STAGED:
        mend = "the rest is paid back only if a milestone is rejected"
    elif campaign.state is State.SUCCEEDED:
        mend = "the charity has earned it"
    raise InputError(f"campaign {campaign.number} is {campaign.state.word}; {mend}")


def _check_owed(backer: Backer) -> None:
    if backer.contribution == 0:
        raise InputError(f"{backer.address} has nothing to be paid back here, or was already")


def _check_claimable(campaign: Campaign) -> None:
    if campaign.claimable == 0:
        raise InputError(
            f"campaign {campaign.number} is {campaign.state.word} and has nothing to claim now "
            f"(`ape run campaign show {campaign.number}`)"
        )
