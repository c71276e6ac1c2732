"""DividendPool beside a loop over all stakers, over decades with idle years.

DIV-1  principal + owed + undistributed = what the pool must hold, and it holds no less
DIV-2  0 <= exact share - (paid + claimable) < claims * (1 + 2**-24), per position
DIV-3  the sum of positions' weights is the total, in every epoch, at its edges too
DIV-4  what a position has earned never falls, and only the end of an epoch raises it
DIV-5  the order of claims changes nothing
DIV-6  nobody is paid for an epoch before its stake counts, nor twice for one
"""

from __future__ import annotations

from fractions import Fraction

import boa
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.contracts import deployers, roles
from tests.contracts.models.dividend_pool import EPOCH, Pool
from tests.contracts.stateful.counting import NOW, CountedMachine, check_at_length, check_on_py_evm

DOBO = 10**18
MIN_WEIGHT = 1_000 * DOBO
SUPPLY = 2 * 10**27
STOP, STOP_INTERVAL = 7 * 86_400, 30 * 86_400
# for each payment, less than this is lost to rounding
DUST = 1 + Fraction(1, 2**24)
OWNERS = 4
NOBODY = "0x" + "00" * 20

# which of those that can; taken modulo their number
picks = st.integers(0, 2**16 - 1)
terms = st.integers(1, 12)
# from the least there can be to a great part of all there is
sizes = st.tuples(st.integers(0, 24), picks)


class World:
    """One deployment for all examples."""

    def __init__(self):
        boa.env.timestamp = NOW
        self.guardian = roles.address("guardian")
        self.reserve = roles.address("reserve")
        self.rich = roles.address("rich")
        self.dobo = deployers.DONA_BLOCK.deploy(self.rich)
        self.pool = deployers.DIVIDEND_POOL.deploy(
            self.dobo, roles.address("timelock"), self.guardian, self.reserve, MIN_WEIGHT
        )
        self.owners = [roles.address(f"staker {number}") for number in range(OWNERS)]
        for account in (*self.owners, self.rich):
            self.dobo.approve(self.pool, 2**256 - 1, sender=account)


class DividendPoolMachine(CountedMachine):
    world: World

    @classmethod
    def prepare(cls):
        cls.world = World()

    def __init__(self):
        super().__init__()
        self.pool, self.dobo = self.world.pool, self.world.dobo
        self.model = Pool(MIN_WEIGHT)
        self.stray = 0
        self.stopped_until = self.next_stop_at = 0
        # what each position had earned when it was last looked at
        self.seen: dict[int, tuple[int, int]] = {}

    def at_the_end(self):
        self.check_everything()
        self.everybody_leaves()

    # --- what there is ----------------------------------------------------------------------------

    @property
    def now(self):
        return boa.env.timestamp

    @property
    def epoch(self):
        return (self.now - NOW) // EPOCH + 1

    def edge_time(self, epoch):
        return NOW + (epoch - 1) * EPOCH

    def is_open(self):
        return self.now >= self.stopped_until

    def due(self, position):
        return self.pool.claimable(position.owner, position.index)

    def earners(self):
        """Positions to which at least one unit is owed, beyond doubt."""
        return [p for p in self.model.positions if p.owed() >= 1 + (len(p.taken) + 1) * DUST]

    def locked(self):
        return [p for p in self.model.positions if p.maturity > self.epoch]

    def unlockable(self):
        return [
            p
            for p in self.model.positions
            if p.unlocked(self.now - self.edge_time(p.maturity)) > p.released
        ]

    def amount(self, size):
        bits, low = size
        return DOBO * (1 << bits) // 1_000 + low + (DOBO if bits < 10 else 0)

    # --- checks -----------------------------------------------------------------------------------

    def check_position(self, position):
        due = self.due(position)
        below = position.owed() - due
        paid = len(position.taken) + 1
        assert 0 <= below < paid * DUST, f"DIV-2: {float(below)} below after {paid} payments"
        earned = due + sum(position.taken)
        key = id(position)
        closed = len(self.model.closed)
        was, then = self.seen.get(key, (0, 0))
        assert earned >= was, "DIV-4: earned fell"
        assert closed > then or earned == was or not was, "DIV-4: earned without an end of an epoch"
        self.seen[key] = (earned, closed)

    def check_books(self):
        principal, owed, pot, waiting = self.pool.books()
        model = self.model
        assert principal == model.principal, "DIV-1: principal"
        assert owed + pot + waiting == model.funded - model.taken, "DIV-1: dividends"
        liability = self.pool.liability()
        assert liability == principal + owed + pot + waiting, "DIV-1"
        assert self.dobo.balanceOf(self.pool) == liability + self.stray, "DIV-1: balance"

    def check_weights(self):
        assert self.pool.total_weight() == self.model.total_weight(self.epoch), "DIV-3"

    def check_everything(self):
        self.check_books()
        self.check_weights()
        for position in self.model.positions:
            self.check_position(position)
            info = self.pool.position(position.owner, position.index)
            assert info.weight == position.weight(self.epoch), "DIV-3"
            assert (info.principal, info.released) == (position.principal, position.released)
            assert info.term == position.term
            assert info.ends_at == self.edge_time(position.maturity)
        self.check_next_changes()

    def check_next_changes(self):
        for position in self.model.positions[:3]:
            info = self.pool.position(position.owner, position.index)
            ahead = range(self.epoch + 1, position.maturity + 1)
            weight = position.weight(self.epoch)
            change = next((e for e in ahead if position.weight(e) != weight), None)
            if change is None:
                assert (info.next_weight, info.next_change_at) == (0, 0)
            else:
                expected = (position.weight(change), self.edge_time(change))
                assert (info.next_weight, info.next_change_at) == expected

    @initialize(stakes=st.lists(st.tuples(st.integers(0, OWNERS - 1), sizes, terms), max_size=6))
    def begin(self, stakes):
        for owner, size, term in stakes:
            self._stake(owner, size, term)

    # --- time -------------------------------------------------------------------------------------

    def wait(self, seconds):
        boa.env.timestamp += seconds
        self.model.wait_until(self.epoch)

    @rule(months=st.sampled_from([0, 0, 0, 0, 1, 2, 11, 12]), offset=st.sampled_from([-1, 0, 1]))
    def wait_for_an_edge(self, months, offset):
        """To the second: before, at, and after."""
        at = self.edge_time(self.epoch + 1 + months) + offset
        self.wait(max(0, at - self.now))
        self.check_weights()

    @rule(months=st.sampled_from([1, 1, 1, 1, 2, 2, 3, 13, 36, 100]), seconds=st.integers(0, EPOCH))
    def nobody_comes(self, months, seconds):
        self.wait(months * EPOCH - seconds)
        self.check_weights()

    @precondition(lambda self: self.locked())
    @rule(pick=picks, years=st.integers(0, 2), offset=st.sampled_from([-1, 0, 1]))
    def wait_for_an_anniversary(self, pick, years, offset):
        locked = self.locked()
        maturity = locked[pick % len(locked)].maturity
        left = (maturity - self.epoch - 1) // 12
        at = self.edge_time(maturity - 12 * max(0, left - years)) + offset
        self.wait(max(0, at - self.now))
        self.check_weights()

    # --- stakers ----------------------------------------------------------------------------------

    @precondition(lambda self: self.is_open() and len(self.model.positions) < 24)
    @rule(owner=st.integers(0, OWNERS - 1), size=sizes, term=terms)
    def stake(self, owner, size, term):
        self._stake(owner, size, term)

    def _stake(self, owner, size, term):
        amount = max(DOBO, min(self.amount(size), self.dobo.balanceOf(self.world.rich)))
        owner = self.world.owners[owner]
        if self.dobo.balanceOf(self.world.rich) < amount:
            return
        self.dobo.transfer(owner, amount, sender=self.world.rich)
        with self.call("stake"):
            index = self.pool.stake(amount, term, sender=owner)
        assert index == sum(p.owner == owner for p in self.model.positions)
        position = self.model.stake(owner, index, amount, term)
        assert self.pool.position_count(owner) == index + 1
        assert self.due(position) == 0, "DIV-6"
        self.check_books()
        self.check_weights()

    @precondition(lambda self: self.is_open() and self.locked())
    @rule(pick=picks, more=st.integers(0, 11))
    def extend(self, pick, more):
        locked = self.locked()
        position = locked[pick % len(locked)]
        least = (position.maturity - self.epoch - 1) // 12 + 1
        if least > 12:
            return
        term = min(12, least + more)
        due, owner = self.due(position), position.owner
        with self.call("extend"):
            self.pool.extend(position.index, term, sender=owner)
        self.model.extend(position, term, due)
        assert self.due(position) == 0
        self.check_position(position)
        self.check_books()
        self.check_weights()

    @rule(size=sizes)
    def a_month_pays(self, size):
        """Fund, and let the epoch end."""
        self._fund(self.amount(size))
        self.wait(self.edge_time(self.epoch + 1) - self.now)
        for position in self.model.positions[-4:]:
            self.check_position(position)

    @precondition(lambda self: self.earners())
    @rule(pick=picks, elsewhere=st.booleans())
    def claim(self, pick, elsewhere):
        earners = self.earners()
        position = earners[pick % len(earners)]
        receiver = roles.address("another receiver") if elsewhere else position.owner
        due, before = self.due(position), self.dobo.balanceOf(receiver)
        with self.call("claim"):
            if elsewhere:
                paid = self.pool.claim(position.index, receiver, sender=position.owner)
            else:
                paid = self.pool.claim(position.index, sender=position.owner)
        assert paid == due == self.dobo.balanceOf(receiver) - before
        position.taken.append(paid)
        assert self.due(position) == 0, "DIV-6: paid twice"
        self.check_position(position)
        self.check_books()
        self.check_weights()

    @precondition(
        lambda self: self.is_open() and any(p.maturity > self.epoch + 1 for p in self.earners())
    )
    @rule(pick=picks)
    def compound(self, pick):
        able = [p for p in self.earners() if p.maturity > self.epoch + 1]
        position = able[pick % len(able)]
        due = self.due(position)
        with self.call("compound"):
            added = self.pool.compound(position.index, sender=position.owner)
        assert added == due
        self.model.compound(position, added)
        self.check_position(position)
        self.check_books()
        self.check_weights()

    @precondition(lambda self: self.unlockable())
    @rule(pick=picks, elsewhere=st.booleans())
    def unlock(self, pick, elsewhere):
        able = self.unlockable()
        self._unlock(able[pick % len(able)], elsewhere)
        self.check_books()

    def _unlock(self, position, elsewhere):
        unlocked = position.unlocked(self.now - self.edge_time(position.maturity))
        receiver = roles.address("another receiver") if elsewhere else position.owner
        before = self.dobo.balanceOf(receiver)
        due = self.pool.unlockable(position.owner, position.index)
        with self.call("unlock"):
            if elsewhere:
                paid = self.pool.unlock_to(position.index, receiver, sender=position.owner)
            else:
                paid = self.pool.unlock(position.owner, position.index)
        assert paid == due == unlocked - position.released
        assert self.dobo.balanceOf(receiver) == before + paid
        position.released = unlocked

    @precondition(lambda self: len(self.earners()) > 1)
    @rule(shift=picks)
    def claim_in_another_order(self, shift):
        """DIV-5; both are undone."""
        earners = self.earners()[:8]

        def play(order):
            paid = {}
            with boa.env.anchor():
                for position in order:
                    with self.call("claim"):
                        paid[id(position)] = self.pool.claim(position.index, sender=position.owner)
            return paid

        shift %= len(earners)
        assert play(earners) == play((earners[shift:] + earners[:shift])[::-1]), "DIV-5"

    # --- dividends --------------------------------------------------------------------------------

    @rule(size=sizes, dust=st.booleans())
    def fund(self, size, dust):
        self._fund(size[1] % 9 + 1 if dust else self.amount(size))

    def _fund(self, amount):
        amount = min(amount, self.dobo.balanceOf(self.world.rich))
        with self.call("fund"):
            self.pool.fund(amount, sender=self.world.rich)
        self.model.fund(amount)
        self.check_books()
        self.check_weights()

    def can_roll(self):
        _, _, pot, waiting = self.pool.books()
        return (pot > 0 or waiting > 0) and self.pool.rolled_until() < self.epoch

    @precondition(can_roll)
    @rule()
    def roll(self):
        with self.call("roll"):
            self.pool.roll()
        self.model.rejoin()
        _, _, pot, waiting = self.pool.books()
        assert (pot, waiting) == (self.model.pot, self.model.waiting)
        self.check_books()
        self.check_weights()

    # --- the guardian, and money that nobody gave -------------------------------------------------

    @precondition(lambda self: self.now >= self.next_stop_at)
    @rule(go=st.integers(0, 3))
    def stop(self, go):
        if go:
            return
        with self.call("stop_entries"):
            self.pool.stop_entries(sender=self.world.guardian)
        self.stopped_until, self.next_stop_at = self.now + STOP, self.now + STOP_INTERVAL

    @precondition(lambda self: not self.is_open())
    @rule()
    def resume(self):
        with self.call("resume_entries"):
            self.pool.resume_entries(sender=self.world.guardian)
        self.stopped_until = self.now

    @precondition(lambda self: not self.stray)
    @rule(size=sizes, go=st.integers(0, 3))
    def stray_money(self, size, go):
        if go:
            return
        amount = min(self.amount(size), self.dobo.balanceOf(self.world.rich))
        with self.call("transfer"):
            self.dobo.transfer(self.pool, amount, sender=self.world.rich)
        self.stray += amount
        self.check_books()

    @precondition(lambda self: self.stray)
    @rule()
    def sweep(self):
        before = self.dobo.balanceOf(self.world.reserve)
        with self.call("sweep"):
            assert self.pool.sweep(self.dobo) == self.stray
        assert self.dobo.balanceOf(self.world.reserve) == before + self.stray
        self.stray = 0
        self.check_books()

    # --- what is refused --------------------------------------------------------------------------

    @precondition(lambda self: self.may_revert())
    @rule(pick=picks)
    def refused(self, pick):
        """One call that must revert, for its own reason, and change nothing."""
        cases = list(self.bad_calls())
        reason, name, *arguments, how = cases[pick % len(cases)]
        with self.call(name, reverts=reason), boa.env.anchor():
            getattr(self.pool, name)(*arguments, **how)
        self.check_books()

    def bad_calls(self):
        owner = self.world.owners[0]
        me = {"sender": owner}
        count = self.pool.position_count(owner)
        yield "pool: no such position", "claim", count, me
        yield "pool: no such position", "unlock", owner, count, {}
        yield "pool: nothing to fund", "fund", 0, me
        yield "pool: not the timelock", "set_guardian", owner, me
        yield "guardian: not the guardian", "stop_entries", me
        if not self.can_roll():
            yield "pool: nothing to roll", "roll", {}
        if not self.stray:
            yield "pool: nothing to sweep", "sweep", self.dobo, {}
        if not self.is_open():
            yield "pool: staking is stopped", "stake", DOBO, 1, me
        else:
            yield "pool: term is 1 to 12 years", "stake", DOBO, 0, me
            yield "pool: term is 1 to 12 years", "stake", DOBO, 13, me
            yield "pool: less than one DOBO", "stake", DOBO - 1, 1, me
            yield "pool: no such position", "extend", count, 12, me
            yield "pool: no such position", "compound", count, me
        for position in self.model.positions[-3:]:
            me = {"sender": position.owner}
            if self.due(position) == 0:
                yield "pool: nothing to claim", "claim", position.index, me
            if position.maturity > self.epoch:
                yield "pool: still locked", "unlock", position.owner, position.index, {}
                if self.is_open() and (left := (position.maturity - self.epoch - 1) // 12) > 0:
                    yield "pool: not longer than it is", "extend", position.index, left, me
            elif self.is_open():
                yield "pool: lock is over", "extend", position.index, 12, me
                yield "pool: too late to compound", "compound", position.index, me

    # --- the end ----------------------------------------------------------------------------------

    def everybody_leaves(self):
        """After the last lock, all are paid whole; what is left is dust or was never divided."""
        self.wait(14 * 12 * EPOCH)
        for position in self.model.positions:
            if self.due(position) > 0:
                with self.call("claim"):
                    paid = self.pool.claim(position.index, sender=position.owner)
                position.taken.append(paid)
            if position.released < position.principal:
                self._unlock(position, False)
            assert position.released == position.principal
            self.check_position(position)
        self.check_books()
        assert self.pool.total_weight() == 0
        principal, owed, pot, waiting = self.pool.books()
        assert principal == 0
        payments = sum(len(position.taken) + 1 for position in self.model.positions)
        dust = owed + pot + waiting - self.model.pot - self.model.waiting
        assert 0 <= dust <= payments * DUST


# what a run must have done at least once
CALLS = {
    "stake",
    "extend",
    "claim",
    "compound",
    "unlock",
    "fund",
    "roll",
    "stop_entries",
    "resume_entries",
    "transfer",
    "sweep",
}


@pytest.mark.stateful
def test_dividend_pool_machine():
    check_at_length(DividendPoolMachine, CALLS)


@pytest.mark.stateful
def test_dividend_pool_machine_on_py_evm():
    check_on_py_evm(DividendPoolMachine, examples=4)
