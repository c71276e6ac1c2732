"""Staking: DOBO locked for years, the dividends it earns, and getting it back.

What is sent is first planned: looked up, checked in words, and tried on the node. `plan_...` gives
an Action, or a StakePlan where DOBO goes in, and `send` or `stake` does it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from eth_typing import ChecksumAddress
from web3.contract import Contract
from web3.types import BlockData

from donablock.chain.actions import Action, Caller, Done
from donablock.chain.amounts import Asset, Money
from donablock.chain.assets import address_of, asset_at
from donablock.chain.paying import Allowance, Cost, plan_allowance
from donablock.chain.permit import Permit
from donablock.chain.session import Session, ask, reader
from donablock.chain.times import date_text
from donablock.errors import InputError

__all__ = [
    "EPOCH",
    "MULTIPLIERS",
    "Pool",
    "Position",
    "StakePlan",
    "Staking",
    "Terms",
    "multiplier",
    "percent_text",
    "read_position",
    "read_term",
    "years_text",
]

# what the pool's constants say; tests compare them
EPOCH = 2_628_000
EPOCHS_A_YEAR = 12
MAX_TERM = 12
UNLOCK_PER_YEAR = 30 * 86_400
DOBO = 10**18
MIN_STAKE = DOBO
# by years left, rounded up, from 1
MULTIPLIERS = (1, 2, 3, 4, 5, 6, 7, 10, 12, 14, 16, 20)

_TERM = re.compile(r"\s*(\d{1,4})\s*(?:y|years?)?\s*", re.ASCII)
# what a refusal that only the chain can see means for whoever reads it
_MENDS = {
    "pool: too much weight": "the pool takes no more; stake less or for fewer years",
    "pool: nothing to claim": "somebody was quicker, or the month is not over; look again",
    "pool: nothing to unlock": "somebody has unlocked it just now; look at its owner's balance",
}


def multiplier(years: int) -> int:
    """What a DOBO weighs with so many years left, rounded up; 0 at the end."""
    return MULTIPLIERS[min(years, MAX_TERM) - 1] if years > 0 else 0


def read_term(text: str) -> int:
    """Years as written: "4", "4y" or "4 years". Raises InputError beyond 1 to 12."""
    match = _TERM.fullmatch(text)
    if match is None:
        raise InputError(f'{text!r} is no term; write whole years from 1 to {MAX_TERM}, like "4"')
    term = int(match[1])
    if not 1 <= term <= MAX_TERM:
        raise InputError(f"a term is 1 to {MAX_TERM} years, not {term}")
    return term


def read_position(text: str) -> int:
    """A position's index as written. Raises InputError."""
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InputError(f"{text!r} is no position; write its number (`ape run stake show`)")
    return int(text)


def years_text(years: int) -> str:
    """ "1 year" or "4 years"."""
    return f"{years} year{'s' if years != 1 else ''}"


def percent_text(share: Fraction) -> str:
    """A share as "12.34 %", rounded down, so that it never says too much."""
    hundredths = share.numerator * 10_000 // share.denominator
    return f"{hundredths // 100}.{hundredths % 100:02} %"


@dataclass(frozen=True)
class Terms:
    """What a lock of `term` years from now on means; times in unix seconds.

    It counts from the next epoch on, and so lasts its years and the rest of the running epoch.
    """

    term: int
    counts_from: int
    ends_at: int
    unlocked_at: int

    @property
    def multiplier(self) -> int:
        return multiplier(self.term)


@dataclass(frozen=True)
class Pool:
    """The pool at a block: amounts and weights in DOBO's smallest unit, times in unix seconds.

    `owed`: divided and not paid yet. `pot`: funded in epoch `rolled_until`, and divided by that
    epoch's weights once it is over. `waiting`: what found too little weight. `weight` is what the
    running epoch is divided by. `earned`: what a DOBO (10**18) of weight earned in the last
    `epochs` epochs that are over, at most 12.
    """

    block: int
    now: int
    start: int
    epoch: int
    rolled_until: int
    principal: int
    owed: int
    pot: int
    waiting: int
    weight: int
    min_weight: int
    earned: int
    epochs: int
    stopped_until: int

    @property
    def starts_at(self) -> int:
        return self.edge(self.epoch)

    @property
    def ends_at(self) -> int:
        """When the running epoch ends."""
        return self.edge(self.epoch + 1)

    @property
    def is_stopped(self) -> bool:
        return self.now < self.stopped_until

    @property
    def is_divided(self) -> bool:
        """Whether there is enough weight for what is funded in the running epoch."""
        return self.weight >= self.min_weight

    def edge(self, epoch: int) -> int:
        """The first second of an epoch."""
        return self.start + (epoch - 1) * EPOCH

    def rate(self, term: int) -> Fraction:
        """What a DOBO with so many years left earned in the last `epochs` epochs, in DOBO."""
        return Fraction(self.earned * multiplier(term), DOBO)

    def terms(self, term: int, longest: int = 0) -> Terms:
        """A lock from now on; `longest` is the longest term that the position ever had."""
        ends_at = self.edge(self.epoch + 1 + EPOCHS_A_YEAR * term)
        return Terms(term, self.ends_at, ends_at, ends_at + max(term, longest) * UNLOCK_PER_YEAR)


@dataclass(frozen=True)
class Position:
    """A position at a block: amounts in DOBO's smallest unit, times in unix seconds.

    `released` of `principal` has left after the lock. `weight` is what it weighs in the running
    epoch, `next_weight` from `next_change_at` on (0: it changes no more). `claimable` are its
    dividends up to now, `unlockable` the principal that is free now.
    """

    owner: ChecksumAddress
    index: int
    principal: int
    released: int
    term: int
    ends_at: int
    unlocked_at: int
    weight: int
    next_weight: int
    next_change_at: int
    claimable: int
    unlockable: int
    pool: Pool

    @property
    def is_locked(self) -> bool:
        return self.pool.now < self.ends_at

    @property
    def is_fresh(self) -> bool:
        """Whether it weighs less in the running epoch than it will from the next one on."""
        return self.weight < self.next_weight

    @property
    def left(self) -> int:
        """Principal that has not left."""
        return self.principal - self.released

    @property
    def years_left(self) -> int:
        """What the multiplier is by, rounded up: in the running epoch, or in the next one where it
        counts in full from then on."""
        second = self.next_change_at if self.is_fresh else self.pool.starts_at
        epochs = max(self.ends_at - second, 0) // EPOCH
        return min(-(-epochs // EPOCHS_A_YEAR), MAX_TERM)

    @property
    def multiplier(self) -> int:
        """What each DOBO of it weighs."""
        return multiplier(self.years_left)

    @property
    def changes(self) -> list[tuple[int, int]]:
        """(when, weight from then on), all that are to come, the last one to 0."""
        if self.next_change_at == 0:
            return []
        later = [
            (edge, self.principal * multiplier(years))
            for years in range(MAX_TERM, -1, -1)
            if (edge := self.ends_at - years * EPOCHS_A_YEAR * EPOCH) > self.next_change_at
        ]
        return [(self.next_change_at, self.next_weight), *later]

    def unlocked(self, second: int) -> int:
        """Principal that is free at a second, what has left by then included."""
        passed = min(max(second - self.ends_at, 0), self.unlocked_at - self.ends_at)
        return self.principal * passed // (self.unlocked_at - self.ends_at)


@dataclass(frozen=True)
class StakePlan:
    """A stake that was tried on the node and would work. Nothing was signed or sent."""

    money: Money
    terms: Terms
    allowance: Allowance
    cost: Cost

    @property
    def weight(self) -> int:
        """From `terms.counts_from` on, until the first year is over."""
        return self.money.amount * self.terms.multiplier


class Staking:
    """The dividend pool through a session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._caller = Caller(session, "DividendPool", _MENDS)

    @property
    def contract(self) -> Contract:
        return self._caller.contract

    # --- reading ------------------------------------------------------------------------------

    def asset(self) -> Asset:
        """DOBO."""
        return asset_at(self._session, ask(self.contract.functions.TOKEN().call))

    def pool(self, block: BlockData | None = None) -> Pool:
        """The pool as it stood after a block; the latest if left out."""
        block = block or ask(lambda: self._session.w3.eth.get_block("latest"))
        read = reader(self.contract, int(block["number"]))
        principal, owed, pot, waiting = read("books")
        epoch = int(read("epoch"))
        return Pool(
            block=int(block["number"]),
            now=int(block["timestamp"]),
            start=int(read("START")),
            epoch=epoch,
            rolled_until=int(read("rolled_until")),
            principal=int(principal),
            owed=int(owed),
            pot=int(pot),
            waiting=int(waiting),
            weight=int(read("total_weight")),
            min_weight=int(read("MIN_WEIGHT")),
            earned=int(read("dividends_per_weight", EPOCHS_A_YEAR)),
            epochs=min(EPOCHS_A_YEAR, epoch - 1),
            stopped_until=int(read("stopped_until")),
        )

    def owner(self, text: str) -> ChecksumAddress:
        """Whose positions, as written. Raises InputError."""
        return address_of(text, "owner")

    def positions(self, owner: str, pool: Pool | None = None) -> list[Position]:
        """All of an owner's, at one block, oldest first. Raises InputError for no address."""
        place, pool = self.owner(owner), pool or self.pool()
        count = self._count(place, pool)
        return [self._position(place, index, pool) for index in range(count)]

    def position(self, owner: str, index: int) -> Position:
        """One of an owner's. Raises InputError where there is none."""
        place, pool = self.owner(owner), self.pool()
        count = self._count(place, pool)
        if not 0 <= index < count:
            has = f"it has 0 to {count - 1}" if count else "it has none"
            raise InputError(f"{place} has no position {index}; {has} (`ape run stake show`)")
        return self._position(place, index, pool)

    # --- staking ------------------------------------------------------------------------------

    def plan_stake(self, money: Money, term: int) -> StakePlan:
        """Check a stake and try it on the node; sends nothing.

        Raises InputError where the pool takes none, or not this one, FundsError, or RevertError
        with the contract's reason.
        """
        _check_term(term)
        pool, asset = self.pool(), self.asset()
        if money.asset != asset:
            raise InputError(f"{asset.symbol} is staked, not {money.asset.symbol}")
        if money.amount < MIN_STAKE:
            raise InputError(
                f"{money} is too little; a position takes at least {asset.text(MIN_STAKE)}"
            )
        _check_open(pool)
        allowance = plan_allowance(self._session, money, self.contract.address)
        plan = StakePlan(money, pool.terms(term), allowance, Cost(None, None))
        call = self._stake_call(plan, None)
        return replace(plan, cost=self._caller.attempt(call, 0, allowance))

    def stake(self, plan: StakePlan) -> Done:
        """Send a planned stake, with its permit or approval, and wait for it."""
        permit = plan.allowance.grant(self._session)
        return self._caller.send(self._stake_call(plan, permit))

    def plan_extend(self, position: Position, term: int) -> Action:
        """Lock a position of the signer's until so many years from now."""
        _check_term(term)
        self._check_own(position, "extends it")
        _check_open(position.pool)
        if not position.is_locked:
            raise InputError(
                f"the lock of position {position.index} is over since "
                f"{date_text(position.ends_at)}; unlock it, and stake anew"
            )
        ends_at = position.pool.terms(term).ends_at
        if ends_at <= position.ends_at:
            raise InputError(
                f"position {position.index} is locked until {date_text(position.ends_at)}; "
                f"{years_text(term)} from now end on {date_text(ends_at)}: write more years"
            )
        return self._caller.plan("extend", position.index, term)

    def plan_compound(self, position: Position) -> Action:
        """Add what a position of the signer's has earned to its principal."""
        self._check_own(position, "compounds it")
        _check_open(position.pool)
        if position.ends_at <= position.pool.ends_at:
            raise InputError(
                f"position {position.index} ends with this month or has ended: what is added "
                f"would earn nothing; claim it: ape run stake claim {position.index}"
            )
        _check_earned(position)
        return self._caller.plan("compound", position.index)

    # --- getting it back ----------------------------------------------------------------------

    def plan_claim(self, position: Position, receiver: str | None = None) -> Action:
        """Pay the signer what a position has earned, or somebody it names."""
        self._check_own(position, "claims its dividends")
        _check_earned(position)
        to = () if receiver is None else (self._receiver(receiver),)
        return self._caller.plan("claim", position.index, *to)

    def plan_unlock(self, position: Position, receiver: str | None = None) -> Action:
        """Pay the owner the principal that is free, whoever asks; somebody else if the owner says
        so."""
        if receiver is not None:
            self._check_own(
                position, "may name a receiver; without one anybody may unlock it for its owner"
            )
        if position.is_locked:
            raise InputError(
                f"position {position.index} is locked until {date_text(position.ends_at)}; "
                "nobody can open it before"
            )
        if position.left == 0:
            raise InputError(f"position {position.index} is paid out: nothing is left in it")
        if position.unlockable == 0:
            raise InputError(
                f"nothing more of position {position.index} is free yet; it comes free evenly "
                f"until {date_text(position.unlocked_at)}"
            )
        if receiver is not None:
            return self._caller.plan("unlock_to", position.index, self._receiver(receiver))
        return self._caller.plan("unlock", position.owner, position.index)

    def send(self, action: Action) -> Done:
        """Do what was planned, and wait for it."""
        return self._caller.send(action.call)

    # --- within -------------------------------------------------------------------------------

    def _count(self, owner: ChecksumAddress, pool: Pool) -> int:
        return int(reader(self.contract, pool.block)("position_count", owner))

    def _position(self, owner: ChecksumAddress, index: int, pool: Pool) -> Position:
        read = reader(self.contract, pool.block)
        # as the contract's PositionInfo has them, and so does Position
        found: tuple[int, int, int, int, int, int, int, int] = read("position", owner, index)
        claimable, unlockable = (read(name, owner, index) for name in ("claimable", "unlockable"))
        return Position(owner, index, *found, int(claimable), int(unlockable), pool)

    def _stake_call(self, plan: StakePlan, permit: Permit | None) -> Any:
        functions, given = self.contract.functions, (plan.money.amount, plan.terms.term)
        if permit is None:
            return functions.stake(*given)
        return functions.stake_with_permit(*given, *permit.signature)

    def _receiver(self, receiver: str) -> ChecksumAddress:
        place = address_of(receiver, "receiver")
        ours = (self.contract.address, self.asset().address)
        if int(place, 16) == 0 or place in ours:
            raise InputError(f"{place} cannot receive this; name another address")
        return place

    def _check_own(self, position: Position, does: str) -> None:
        if position.owner != self._session.address:
            raise InputError(f"only the owner, {position.owner}, {does}: sign with its account")


# --- checks -----------------------------------------------------------------------------------


def _check_term(term: int) -> None:
    if not 1 <= term <= MAX_TERM:
        raise InputError(f"a term is 1 to {MAX_TERM} years, not {term}")


def _check_open(pool: Pool) -> None:
    if pool.is_stopped:
        raise InputError(
            "the guardian has stopped staking, extending and compounding until "
            f"{date_text(pool.stopped_until)}; claims and unlocks go on"
        )


def _check_earned(position: Position) -> None:
    if position.claimable:
        return
    pool, what = position.pool, f"position {position.index} has nothing to claim"
    if not position.is_locked:
        raise InputError(f"{what}, and its lock is over: it earns no more")
    if position.weight == 0:
        raise InputError(
            f"{what}: it counts from {date_text(pool.ends_at)} on, and the first dividends come "
            "when a month after that is over"
        )
    raise InputError(
        f"{what}: dividends come when a month that was funded is over; this one ends on "
        f"{date_text(pool.ends_at)}"
    )
