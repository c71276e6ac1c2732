"""How tokens come into a contract's reach: by permit where the token has one, else by approval.

Everything is tried on the node before anything is signed or sent. For that the node is asked to
pretend that the approval is there: the allowance's storage slot is found by an access list and
overridden in the trial call. So a gift that would fail costs nobody an approval.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from eth_utils.address import to_checksum_address
from web3.contract.contract import ContractFunction
from web3.exceptions import Web3Exception
from web3.types import StateOverride, TxParams

from donablock.chain.amounts import Asset, Money
from donablock.chain.assets import token
from donablock.chain.permit import Domain, Permit, domain_of, is_accepted, sign_permit
from donablock.chain.session import Session, ask
from donablock.errors import FundsError

__all__ = ["Allowance", "Cost", "Way", "balance", "plan_allowance", "try_call"]

# a permit that was signed and not sent is of no use to anybody after this (seconds)
PERMIT_LIFE = 1_800
_PRETENDED = 2**128


class Way(Enum):
    """What has to happen before a contract can take the tokens."""

    NOTHING = "no approval needed"
    PERMIT = "a signed permit, no transaction"
    APPROVE = "an approval of exactly this amount, one transaction"
    RESET = "the old approval set to 0, then an approval of exactly this amount, two transactions"


@dataclass(frozen=True)
class Cost:
    """What sending is expected to take: gas, approvals included, and wei at the current price.

    None where the node can only tell once the approval is there.
    """

    gas: int | None
    fee: int | None


@dataclass(frozen=True)
class Allowance:
    """How `spender` will be let take `money`."""

    money: Money
    spender: str
    way: Way
    domain: Domain | None = None
    pretence: StateOverride | None = None
    fallback: Way = Way.APPROVE

    def grant(self, session: Session) -> Permit | None:
        """Do it: sign a permit and return it, or send the approvals.

        A permit that the token would not take is replaced by an approval.
        """
        if self.way is Way.NOTHING:
            return None
        contract = token(session, self.money.asset.address)
        if self.domain is not None:
            permit = sign_permit(
                session.w3,
                session.signer,
                contract.address,
                self.domain,
                self.spender,
                self.money.amount,
                session.now + PERMIT_LIFE,
            )
            if is_accepted(session.w3, contract.address, permit):
                return permit
        if Way.RESET in (self.way, self.fallback):
            session.send(contract.functions.approve(self.spender, 0))
        session.send(contract.functions.approve(self.spender, self.money.amount))
        return None


def balance(session: Session, asset: Asset) -> int:
    """What the signer holds of an asset (smallest unit)."""
    owner = session.address
    if asset.is_native:
        return session.balance()
    return int(ask(token(session, asset.address).functions.balanceOf(owner).call))


def plan_allowance(session: Session, money: Money, spender: str) -> Allowance:
    """What it takes for `spender` to take the signer's money; sends nothing.

    Raises FundsError where the signer does not hold it.
    """
    owner = session.address
    spender = to_checksum_address(spender)
    held = balance(session, money.asset)
    if held < money.amount:
        have = Money(money.asset, held)
        raise FundsError(f"{owner} has {have}, but {money} are needed: give less, or fund it")
    if money.asset.is_native:
        return Allowance(money, spender, Way.NOTHING)
    contract = token(session, money.asset.address)
    allowed = int(contract.functions.allowance(owner, spender).call())
    if allowed >= money.amount:
        return Allowance(money, spender, Way.NOTHING)
    pretence = _pretend(session, money.asset.address, spender)
    way = Way.APPROVE
    if allowed != 0 and not _passes(contract.functions.approve(spender, money.amount), owner):
        way = Way.RESET
    domain = domain_of(session.w3, money.asset.address, session.chain_id)
    # A wallet that is a contract cannot sign a permit; an account that only delegates to code can
    # (EIP-7702).
    code = bytes(ask(lambda: session.w3.eth.get_code(owner)))
    if domain is not None and (not code or code.startswith(b"\xef\x01\x00")):
        return Allowance(money, spender, Way.PERMIT, domain, pretence, way)
    return Allowance(money, spender, way, None, pretence)


def try_call(
    session: Session, call: ContractFunction, value: int = 0, allowance: Allowance | None = None
) -> Cost:
    """Try a call on the node as if the allowance were there; sends nothing.

    Raises RevertError with the contract's reason where it would fail, FundsError where the account
    has less coin than `value` (wei) and the fee.
    """
    pretence: StateOverride | None = None
    approvals = 0
    if allowance is not None and allowance.way is not Way.NOTHING:
        if allowance.pretence is None:
            return Cost(None, None)
        pretence = allowance.pretence
        approvals = _approvals_gas(session, allowance)
    gas = approvals + session.estimate(call, value, pretence)
    return Cost(gas, gas * int(ask(lambda: session.w3.eth.gas_price)))


def _passes(call: ContractFunction, owner: str) -> bool:
    try:
        call.estimate_gas({"from": to_checksum_address(owner)})
    except (Web3Exception, ValueError):
        return False
    return True


def _approvals_gas(session: Session, allowance: Allowance) -> int:
    """Gas of the approvals. An approval stands for a permit, whose gas shows once it is signed."""
    owner = session.address
    contract = token(session, allowance.money.asset.address)
    amount = 0 if allowance.way is Way.RESET else allowance.money.amount
    call = contract.functions.approve(to_checksum_address(allowance.spender), amount)
    try:
        gas = int(call.estimate_gas({"from": owner}))
    except (Web3Exception, ValueError):
        return 0
    return 2 * gas if allowance.way is Way.RESET else gas


def _pretend(session: Session, asset: str, spender: str) -> StateOverride | None:
    """Storage of a token as it would be with a large allowance; None if the node cannot tell."""
    owner = session.address
    contract = token(session, asset)
    call = contract.functions.allowance(owner, to_checksum_address(spender))
    transaction: TxParams = {
        "from": owner,
        "to": contract.address,
        "data": call._encode_transaction_data(),
    }
    try:
        listed = session.w3.eth.create_access_list(transaction)["accessList"]
        slots = [(entry["address"], slot) for entry in listed for slot in entry["storageKeys"]]
        for place, slot in slots:
            key = "0x" + bytes(slot).hex() if not isinstance(slot, str) else slot
            word = "0x" + _PRETENDED.to_bytes(32, "big").hex()
            override: StateOverride = {to_checksum_address(place): {"stateDiff": {key: word}}}  # type: ignore[dict-item]
            answer = bytes(session.w3.eth.call(transaction, "latest", override))
            if int.from_bytes(answer, "big") == _PRETENDED:
                return override
    except (Web3Exception, ValueError, KeyError, TypeError):
        return None
    return None
