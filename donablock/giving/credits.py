"""GIVE, the gift credit: issuing it for its backing, and a charity's redeeming it."""

from __future__ import annotations

from dataclasses import dataclass

from web3.contract import Contract
from web3.contract.contract import ContractFunction

from donablock.chain.amounts import Asset, Assets, Money
from donablock.chain.assets import address_of, asset_at, parse
from donablock.chain.logs import Event
from donablock.chain.paying import Allowance, Cost, balance, plan_allowance, try_call
from donablock.chain.permit import Permit
from donablock.chain.scan import logged, scan
from donablock.chain.session import Session, ask
from donablock.errors import FundsError, InputError

__all__ = ["Credits", "IssuePlan", "RedeemPlan", "State"]


@dataclass(frozen=True)
class State:
    """GIVE as it stands, in its smallest unit, which its backing shares."""

    give: Asset
    backing: Asset
    supply: int
    held: int


@dataclass(frozen=True)
class IssuePlan:
    """An issue that was tried on the node and would work. Nothing has been signed or sent."""

    paid: Money
    issued: Money
    receiver: str
    allowance: Allowance
    cost: Cost


@dataclass(frozen=True)
class RedeemPlan:
    """A redemption that was tried on the node and would work. Nothing has been sent."""

    burned: Money
    paid: Money
    charity_id: int
    receiver: str
    cost: Cost


class Credits:
    """GIVE through a session. `from_block` is where the contracts' logs begin."""

    def __init__(self, session: Session, from_block: int = 0) -> None:
        self._session = session
        self._from_block = from_block

    @property
    def _give(self) -> Contract:
        return self._session.contract("DonaGive")

    def state(self) -> State:
        give = asset_at(self._session, self._give.address)
        backing = asset_at(self._session, ask(self._give.functions.BACKING().call))
        supply = int(ask(self._give.functions.totalSupply().call))
        surplus = int(ask(self._give.functions.surplus(backing.address).call))
        return State(give, backing, supply, supply + surplus)

    def plan_issue(self, text: str, receiver: str | None = None) -> IssuePlan:
        """Pay so much backing ("25 USDC", or "25 GIVE" for as much) and get GIVE for it; for
        `receiver`, if not the signer. Tries it on the node; sends nothing."""
        state = self.state()
        money = parse(text, Assets([state.backing, state.give]))
        paid, issued = Money(state.backing, money.amount), Money(state.give, money.amount)
        to = address_of(receiver, "receiver") if receiver else self._session.address
        allowance = plan_allowance(self._session, paid, self._give.address)
        cost = try_call(self._session, self._issue(issued, to, None), 0, allowance)
        return IssuePlan(paid, issued, to, allowance, cost)

    def issue(self, plan: IssuePlan) -> Event:
        """Do it; the log of the issue."""
        permit = plan.allowance.grant(self._session)
        receipt = self._session.send(self._issue(plan.issued, plan.receiver, permit))
        return logged(self._session, receipt, "DonaGive", "Issued")[0]

    def plan_redeem(
        self, text: str, charity_id: int | None = None, receiver: str | None = None
    ) -> RedeemPlan:
        """Burn GIVE ("25 GIVE") of the signer, who is or was a charity's payee, for its backing.

        `charity_id`: whose payee; found in the logs if left out. Tries it; sends nothing.
        """
        state = self.state()
        burned = parse(text, Assets([state.give]))
        paid = Money(state.backing, burned.amount)
        of = self.charity_of(self._session.address) if charity_id is None else charity_id
        to = address_of(receiver, "receiver") if receiver else self._session.address
        held = balance(self._session, state.give)
        if held < burned.amount:
            have = Money(state.give, held)
            raise FundsError(f"{self._session.address} has {have}, not {burned}: redeem less")
        cost = try_call(self._session, self._redeem(of, burned, to))
        return RedeemPlan(burned, paid, of, to, cost)

    def redeem(self, plan: RedeemPlan) -> Event:
        """Do it; the log of the redemption."""
        call = self._redeem(plan.charity_id, plan.burned, plan.receiver)
        receipt = self._session.send(call)
        return logged(self._session, receipt, "DonaGive", "Redeemed")[0]

    def charity_of(self, account: str) -> int:
        """The charity an account is or was the payee of. Raises InputError for nobody's."""
        registry = self._session.contract("CharityRegistry")
        for name, field in (
            ("Verified", "payee"),
            ("PayeeChanged", "new_payee"),
            ("PayeeChanged", "old_payee"),
        ):
            for event in scan(registry, name, {field: account}, from_block=self._from_block):
                return int(event["charity_id"])
        raise InputError(
            f"{account} is no charity's payee; only a payee redeems GIVE, others give it "
            "to a charity (`ape run donate`)"
        )

    def _issue(self, money: Money, receiver: str, permit: Permit | None) -> ContractFunction:
        functions = self._give.functions
        if permit is None:
            return functions.issue(money.amount, receiver)
        return functions.issue_with_permit(money.amount, receiver, *permit.signature)

    def _redeem(self, charity_id: int, money: Money, receiver: str) -> ContractFunction:
        return self._give.functions.redeem(charity_id, money.amount, receiver)
