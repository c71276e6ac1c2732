"""Index funds: what they hold, and gifts to them. A gift names the epoch that the donor saw."""

from __future__ import annotations

from dataclasses import dataclass

from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.types import TxReceipt

from donablock.chain.amounts import Assets, Money
from donablock.chain.assets import known_assets, token
from donablock.chain.eip681 import link_to
from donablock.chain.logs import Event
from donablock.chain.paying import Allowance, Cost, plan_allowance, try_call
from donablock.chain.permit import Permit
from donablock.chain.scan import logged, scan
from donablock.chain.session import Session, ask
from donablock.chain.times import date_text
from donablock.errors import InputError

__all__ = ["Epoch", "Fund", "FundGift", "FundPlan", "FundResult", "Funds", "Member"]


@dataclass(frozen=True)
class Member:
    """A charity in an epoch's list; `place` counts from 0."""

    place: int
    charity_id: int
    weight: int
    is_dropped: bool


@dataclass(frozen=True)
class Epoch:
    """A fund's list. `starts_at` (unix seconds) is 0 for one that has started."""

    number: int
    members: tuple[Member, ...]
    total_weight: int
    live_weight: int
    starts_at: int = 0

    @property
    def live(self) -> tuple[Member, ...]:
        """The members that new gifts go to."""
        return tuple(member for member in self.members if not member.is_dropped)


@dataclass(frozen=True)
class Fund:
    """A fund as it stands."""

    id: int
    name: str
    running: Epoch | None
    announced: Epoch | None


@dataclass(frozen=True)
class FundGift:
    """What a donor wants to give to a fund, in the epoch that the donor saw."""

    fund_id: int
    epoch: int
    money: Money
    memo: bytes
    receipt: bool = False


@dataclass(frozen=True)
class FundPlan:
    """A gift that was tried on the node and would work. Nothing has been signed or sent."""

    gift: FundGift
    fund: Fund
    allowance: Allowance
    cost: Cost


@dataclass(frozen=True)
class FundResult:
    """What became of a gift, by the logs of its transaction."""

    receipt: TxReceipt
    donated: Event
    receipt_ids: tuple[int, ...]

    @property
    def transaction(self) -> str:
        return "0x" + bytes(self.receipt["transactionHash"]).hex()


class Funds:
    """The index funds through a session. `from_block` is where the contracts' logs begin."""

    def __init__(self, session: Session, from_block: int = 0) -> None:
        self._session = session
        self._from_block = from_block

    @property
    def _funds(self) -> Contract:
        return self._session.contract("IndexFunds")

    def assets(self) -> Assets:
        """What can be given: the coin and the listed tokens."""
        return known_assets(self._session, "IndexFunds")

    def count(self) -> int:
        return int(ask(self._funds.functions.fund_count().call))

    def get(self, fund_id: int) -> Fund:
        """A fund with its running and its announced list. Raises InputError for an unknown one."""
        if not 0 < fund_id <= self.count():
            raise InputError(f"there is no fund {fund_id}; they run from 1 to {self.count()}")
        running = int(ask(self._funds.functions.running_epoch(fund_id).call))
        announced, starts_at = ask(self._funds.functions.announced_epoch(fund_id).call)
        return Fund(
            fund_id,
            self.name(fund_id),
            self.epoch(fund_id, running) if running else None,
            self.epoch(fund_id, announced, starts_at) if announced else None,
        )

    def all(self) -> list[Fund]:
        return [self.get(fund_id) for fund_id in range(1, self.count() + 1)]

    def name(self, fund_id: int) -> str:
        """What the fund was called when it was made; "" where the node has no such log."""
        made = scan(self._funds, "FundCreated", {"fund_id": fund_id}, from_block=self._from_block)
        event = next(made, None)
        return str(event["name"]) if event is not None else ""

    def epoch(self, fund_id: int, number: int, starts_at: int = 0) -> Epoch:
        """One list of a fund, running or over. Raises InputError where there is none."""
        info = ask(self._funds.functions.epoch_info(fund_id, number).call)
        if info[2] == 0:
            raise InputError(f"fund {fund_id} has no epoch {number}")
        found = ask(self._funds.functions.members(fund_id, number).call)
        members = tuple(Member(place, *entry) for place, entry in enumerate(found))
        return Epoch(number, members, info[0], info[1], starts_at)

    def plan(self, gift: FundGift) -> FundPlan:
        """Look up the list and try the gift on the node; sends nothing.

        Raises InputError where the fund takes no gift in that epoch, FundsError, or RevertError
        with the contract's reason.
        """
        fund = self._open(gift)
        allowance = plan_allowance(self._session, gift.money, self._funds.address)
        call, value = self._call(gift, None)
        return FundPlan(gift, fund, allowance, try_call(self._session, call, value, allowance))

    def give(self, plan: FundPlan) -> FundResult:
        """Send a planned gift, with its permit or approvals, and wait for it."""
        permit = plan.allowance.grant(self._session)
        call, value = self._call(plan.gift, permit)
        receipt = self._session.send(call, value)
        minted = logged(self._session, receipt, "ReceiptBook", "ReceiptMinted")
        return FundResult(
            receipt,
            logged(self._session, receipt, "IndexFunds", "FundDonated")[0],
            tuple(int(event["token_id"]) for event in minted),
        )

    def links(self, gift: FundGift) -> list[str]:
        """What a phone wallet has to open, in this order: for a token first the approval."""
        self._open(gift)
        funds, chain_id, money = self._funds, self._session.chain_id, gift.money
        if money.asset.is_native:
            arguments = [gift.fund_id, gift.epoch, gift.memo, gift.receipt]
            return [
                link_to(
                    funds.address, chain_id, funds.abi, "donate_native", arguments, money.amount
                )
            ]
        contract = token(self._session, money.asset.address)
        return [
            link_to(
                contract.address, chain_id, contract.abi, "approve", [funds.address, money.amount]
            ),
            link_to(
                funds.address,
                chain_id,
                funds.abi,
                "donate_token",
                [
                    gift.fund_id,
                    gift.epoch,
                    money.asset.address,
                    money.amount,
                    gift.memo,
                    gift.receipt,
                ],
            ),
        ]

    def _open(self, gift: FundGift) -> Fund:
        fund = self.get(gift.fund_id)
        if fund.running is None:
            opens = (
                f"it opens on {date_text(fund.announced.starts_at)}"
                if fund.announced is not None
                else "it has no list of charities yet"
            )
            raise InputError(f"fund {fund.id} takes no gifts now: {opens}")
        if gift.epoch != fund.running.number:
            raise InputError(
                f"epoch {gift.epoch} of fund {fund.id} is not running, epoch "
                f"{fund.running.number} is: look at its list again and give anew"
            )
        return fund

    def _call(self, gift: FundGift, permit: Permit | None) -> tuple[ContractFunction, int]:
        functions, money = self._funds.functions, gift.money
        if money.asset.is_native:
            call = functions.donate_native(gift.fund_id, gift.epoch, gift.memo, gift.receipt)
            return call, money.amount
        name = "donate_token" + ("_with_permit" if permit is not None else "")
        return functions[name](
            gift.fund_id,
            gift.epoch,
            money.asset.address,
            money.amount,
            gift.memo,
            gift.receipt,
            *(permit.signature if permit is not None else ()),
        ), 0
