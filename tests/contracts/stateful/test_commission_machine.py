"""Commission beside lists of arrivals and receipts, with a dividend pool in which people stake.

COM-1  balance = owed + unsettled, and the sum of what receivers are owed = owed
COM-2  burnt by Commission = sum of its receipts = what it lowered the supply by <= minted - supply
COM-3  a receipt: burnt + dividends + shared out <= amount < that + 8; supply before - supply after
       = burnt; the ranges of deposits join, and the sum of each is `deposited`
COM-4  arrived = burnt + dividends + owed + claimed + unsettled: what is left over is never lost
COM-5  what arrived under old shares was divided by them, whatever comes after
COM-6  the pool got the dividends of the receipts and nothing else from here
COM-7  what a receiver is owed falls only by a claim, which pays all of it, to the receiver or to
       whom it names itself
"""

from __future__ import annotations

from fractions import Fraction

import boa
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.contracts import deployers, roles
from tests.contracts.logs import logged
from tests.contracts.models.commission import APPLY_TIME, BASIS, MIN_SHARE, Commission, Shares
from tests.contracts.models.dividend_pool import EPOCH
from tests.contracts.money import COIN, balance
from tests.contracts.stateful.counting import NOW, CountedMachine, check_at_length, check_on_py_evm

DAY = 86_400
DOBO = 10**18
SUPPLY = 2 * 10**27
DELAY = 7 * DAY
NOBODY = "0x" + "00" * 20
# two of them deposit and stake as well
PEOPLE = [*(f"receiver {number}" for number in range(6)), "depositor 0", "staker 0"]
DEPOSITORS = [f"depositor {number}" for number in range(3)]
STAKERS = [f"staker {number}" for number in range(3)]
# what a receipt may leave over: less than a unit for each part
LEFT_OVER = 8

# which of those that can; taken modulo their number
picks = st.integers(0, 2**16 - 1)
# from the least there can be to a great part of all there is; one in five is tiny
sizes = st.tuples(st.integers(0, 24), picks, st.integers(1, 5))
references = st.sampled_from([b"\0" * 32, b"invoice 7".ljust(32, b"\0"), b"\xff" * 32])


@st.composite
def shares(draw):
    """(burn, dividends, [(number of a receiver, share)]): what is free is cut at random."""
    names = draw(st.lists(st.integers(0, len(PEOPLE) - 1), max_size=6, unique=True))
    free = BASIS - 2 * MIN_SHARE - len(names)
    cuts = sorted(draw(st.integers(0, free)) for _ in range(len(names) + 1))
    burn, *of_names, dividends = (
        end - begin for begin, end in zip([0, *cuts], [*cuts, free], strict=True)
    )
    receivers = [(name, 1 + share) for name, share in zip(names, of_names, strict=True)]
    return MIN_SHARE + burn, MIN_SHARE + dividends, receivers


class World:
    """One deployment for all examples."""

    def __init__(self):
        boa.env.timestamp = NOW
        self.timelock, self.guardian = roles.address("timelock"), roles.address("guardian")
        self.reserve, self.rich = roles.address("reserve"), roles.address("rich")
        self.people = [roles.address(name) for name in PEOPLE]
        self.depositors = [roles.address(name) for name in DEPOSITORS]
        self.stakers = [roles.address(name) for name in STAKERS]
        self.elsewhere = roles.address("elsewhere")
        self.dobo = deployers.DONA_BLOCK.deploy(self.rich)
        self.other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 6)
        self.pool = deployers.DIVIDEND_POOL.deploy(
            self.dobo, self.timelock, self.guardian, self.reserve, 1_000 * DOBO
        )
        self.shares = Shares(4_001, 2_999, ((self.people[0], 1_777), (self.people[6], 1_223)))
        self.commission = deployers.COMMISSION.deploy(
            *(self.dobo, self.pool, self.timelock, self.guardian, self.reserve, DELAY),
            plain(self.shares),
        )
        for account in self.depositors:
            self.dobo.approve(self.commission, 2**256 - 1, sender=account)
        for account in self.stakers:
            self.dobo.approve(self.pool, 2**256 - 1, sender=account)


class CommissionMachine(CountedMachine):
    world: World

    @classmethod
    def prepare(cls):
        cls.world = World()

    def __init__(self):
        super().__init__()
        world = self.world
        self.commission, self.pool, self.dobo = world.commission, world.pool, world.dobo
        self.model = Commission(world.shares)
        self.guardian = world.guardian
        # the figures of each receipt, as they were logged
        self.logged = []
        self.burnt_elsewhere = 0
        # what people put into the pool, and dividends they took out of it
        self.staked = self.taken = 0

    # --- what there is ----------------------------------------------------------------------------

    @property
    def now(self):
        return boa.env.timestamp

    def pick(self, able, number):
        return able[number % len(able)]

    def creditors(self):
        return [account for account in self.world.people if self.model.owed(account)]

    def amount(self, size):
        bits, low, fifth = size
        return low % 23 + 1 if fifth == 5 else DOBO * (1 << bits) // 1_000 + low

    def afford(self, account, amount):
        """Give somebody what it is about to spend; no more than there is."""
        rich = self.world.rich
        amount = min(amount, balance(self.dobo, rich) // 2)
        self.dobo.transfer(account, amount, sender=rich)
        return amount

    # --- checks -----------------------------------------------------------------------------------

    @invariant()
    def every_unit_is_somewhere(self):
        model, made = self.model, self.commission
        held, owed, unsettled = balance(self.dobo, made), made.owed_total(), made.unsettled()
        burnt = made.burned_total()
        assert held == owed + unsettled, "COM-1"
        each = [made.owed(account) for account in self.world.people]
        assert sum(each) == owed, "COM-1: receivers"
        assert each == [model.owed(account) for account in self.world.people], "COM-7"
        assert unsettled == model.unsettled, "COM-4: unsettled"
        dividends = sum(receipt["dividends"] for receipt in self.logged)
        settled = burnt + dividends + owed + model.claimed
        assert model.arrived == settled + unsettled, "COM-4"
        assert burnt == sum(receipt["burnt"] for receipt in self.logged), "COM-2: receipts"
        gone = SUPPLY - self.dobo.totalSupply()
        assert burnt == gone - self.burnt_elsewhere <= gone, "COM-2: supply"
        assert made.batch_count() == len(model.receipts), "COM-3: batches"
        assert made.deposit_count() == len(model.deposits), "COM-3: deposits"

    @invariant()
    def the_pool_got_the_dividends(self):
        dividends = sum(receipt["dividends"] for receipt in self.logged)
        principal, owed, pot, waiting = self.pool.books()
        assert owed + pot + waiting == dividends - self.taken, "COM-6"
        assert balance(self.dobo, self.pool) == self.staked + dividends - self.taken, "COM-6"
        assert principal == self.staked

    def check_receipt(self, found):
        """What was logged, by itself and beside the model's."""
        receipt = self.model.receipts[-1]
        given = found["burnt"] + found["dividends"] + found["shared_out"]
        assert given <= found["amount"] < given + LEFT_OVER, "COM-3: parts"
        assert found["supply_before"] - found["supply_after"] == found["burnt"], "COM-3: supply"
        assert found["supply_after"] == self.dobo.totalSupply(), "COM-3: supply"
        before = self.logged[-1]["last_deposit"] if self.logged else 0
        assert found["first_deposit"] == before + 1, "COM-3: a gap, or an overlap"
        assert found["last_deposit"] == self.commission.deposit_count(), "COM-3"
        covered = range(found["first_deposit"], found["last_deposit"] + 1)
        deposits = [self.commission.deposit_info(number).amount for number in covered]
        assert found["deposited"] == sum(deposits) == receipt.deposited, "COM-3: deposited"
        fields = ("first_deposit", "last_deposit", "amount", "burnt", "dividends", "shared_out")
        expected = [getattr(receipt, name) for name in fields]
        assert [found[name] for name in fields] == expected, "COM-3: its figures"
        assert found["batch"] == receipt.number == len(self.logged) + 1, "COM-3: number"
        assert all(arrival.under is receipt.under for arrival in receipt.arrivals), "COM-5"
        self.logged.append(found)

    def check_shares(self):
        """Over all arrivals under the same shares, each part is its share but for the rounding."""
        for under in {id(receipt.under): receipt.under for receipt in self.model.receipts}.values():
            numbers = [r.number for r in self.model.receipts if r.under is under]
            receipts = [self.logged[number - 1] for number in numbers]
            arrived = sum(a.amount for a in self.model.arrivals if a.under is under)
            if under is self.model.shares:
                arrived -= self.model.unsettled
            for name, share in (("burnt", under.burn), ("dividends", under.dividends)):
                exact = arrived * Fraction(share, BASIS)
                found = sum(receipt[name] for receipt in receipts)
                assert abs(found - exact) < len(receipts) + LEFT_OVER, f"COM-5: {name}"

    @initialize(stakes=st.lists(st.tuples(picks, st.integers(1, 3)), max_size=3), first=sizes)
    def begin(self, stakes, first):
        for owner, term in stakes:
            self._stake(owner, term, 10_000 * DOBO)
        self._transfer(self.amount(first))

    # --- time -------------------------------------------------------------------------------------

    def wait(self, seconds):
        boa.env.timestamp += max(0, seconds)

    @rule(seconds=st.sampled_from([1, 12, DAY, DELAY, EPOCH]) | st.integers(1, 60 * DAY))
    def wait_a_while(self, seconds):
        self.wait(seconds)

    # --- arriving ---------------------------------------------------------------------------------

    @rule(depositor=picks, size=sizes, reference=references)
    def deposit(self, depositor, size, reference):
        self._deposit(self.pick(self.world.depositors, depositor), self.amount(size), reference)

    def _deposit(self, account, amount, reference):
        amount = self.afford(account, amount)
        with self.call("deposit"):
            number = self.commission.deposit(amount, reference, sender=account)
        self.model.deposit(account, amount, reference)
        assert number == len(self.model.deposits)
        assert tuple(self.commission.deposit_info(number)) == (account, amount, reference)

    @rule(size=sizes)
    def transfer(self, size):
        self._transfer(self.amount(size))

    def _transfer(self, amount):
        amount = min(amount, balance(self.dobo, self.world.rich) // 2)
        with self.call("transfer"):
            self.dobo.transfer(self.commission, amount, sender=self.world.rich)
        self.model.receive(amount)

    @rule(arrivals=st.lists(st.tuples(picks, sizes, references), min_size=1, max_size=3))
    def a_week_of_business(self, arrivals):
        """Some arrive, and all is settled."""
        for depositor, size, reference in arrivals:
            account = self.pick([*self.world.depositors, None], depositor)
            if account is None:
                self._transfer(self.amount(size))
            else:
                self._deposit(account, self.amount(size), reference)
            self.every_unit_is_somewhere()
        if self.model.unsettled >= DOBO:
            self._settle()

    # --- settling ---------------------------------------------------------------------------------

    @precondition(lambda self: self.model.unsettled >= DOBO)
    @rule()
    def settle(self):
        self._settle()

    def _settle(self):
        receipt = self.model.settle()
        with self.call("settle"):
            assert self.commission.settle() == receipt.number
        self.check_settled(logged(self.commission))
        assert self.commission.unsettled() < LEFT_OVER, "COM-3: left over"

    def check_settled(self, logs):
        """The logs of a settlement, the pool's too."""
        receipt = self.model.receipts[-1]
        at = self.commission.address
        (found,) = [fields for emitter, name, fields in logs if (emitter, name) == (at, "Settled")]
        owed = [(f["receiver"], f["amount"]) for _, name, f in logs if name == "Owed"]
        assert owed == receipt.owed
        funded = [(f["funder"], f["amount"]) for _, name, f in logs if name == "Funded"]
        assert funded == ([(at, found["dividends"])] if found["dividends"] else []), "COM-6"
        self.check_receipt(found)

    # --- receivers --------------------------------------------------------------------------------

    @precondition(creditors)
    @rule(pick=picks, elsewhere=st.booleans())
    def claim(self, pick, elsewhere):
        self._claim(self.pick(self.creditors(), pick), elsewhere)

    def _claim(self, receiver, elsewhere):
        due = self.model.owed(receiver)
        paid_to = self.world.elsewhere if elsewhere else receiver
        before = balance(self.dobo, paid_to)
        if elsewhere:
            with self.call("claim_to"):
                paid = self.commission.claim_to(paid_to, sender=receiver)
        else:
            with self.call("claim"):
                paid = self.commission.claim(receiver, sender=self.world.elsewhere)
        assert paid == due == balance(self.dobo, paid_to) - before, "COM-7"
        self.model.claim(receiver)

    # --- shares -----------------------------------------------------------------------------------

    def shares_of(self, drawn):
        burn, dividends, receivers = drawn
        named = tuple((self.world.people[number], share) for number, share in receivers)
        return Shares(burn, dividends, named)

    @rule(drawn=shares())
    def propose(self, drawn):
        self._propose(self.shares_of(drawn))

    def _propose(self, new):
        with self.call("propose_shares"):
            self.commission.propose_shares(plain(new), sender=self.world.timelock)
        self.model.propose(new, self.now + DELAY)
        assert self.commission.proposal_ready_at() == self.now + DELAY
        assert as_shares(self.commission.proposed_shares()) == new

    @precondition(lambda self: self.model.proposed is not None)
    @rule(is_guardian=st.booleans(), go=st.integers(0, 2))
    def cancel(self, is_guardian, go):
        if go != 1:
            return
        sender = self.guardian if is_guardian else self.world.timelock
        with self.call("cancel_proposal"):
            self.commission.cancel_proposal(sender=sender)
        self.model.cancel()
        assert self.commission.proposal_ready_at() == 0

    @precondition(lambda self: self.model.can_apply(self.now))
    @rule()
    def apply(self):
        self._apply()

    @precondition(lambda self: self.model.proposed is not None)
    @rule(is_end=st.booleans(), offset=st.sampled_from([-1, 0]))
    def apply_at_an_edge(self, is_end, offset):
        """To the second: before a proposal is ready or lapses, and at it."""
        self.wait(self.model.ready_at + is_end * APPLY_TIME + offset - self.now)
        if self.model.can_apply(self.now):
            self._apply()
        elif self.may_revert():
            is_early = self.now < self.model.ready_at
            reason = "commission: too early" if is_early else "commission: proposal has lapsed"
            with self.call("apply_shares", reverts=reason):
                self.commission.apply_shares()

    def _apply(self):
        model = self.model
        if is_settled := model.unsettled > 0:
            model.settle()
        with self.call("apply_shares"):
            self.commission.apply_shares()
        if is_settled:
            self.check_settled(logged(self.commission))
        assert self.commission.unsettled() < LEFT_OVER, "COM-5: not settled"
        model.apply()
        assert as_shares(self.commission.shares()) == model.shares
        assert self.commission.proposal_ready_at() == 0
        self.check_shares()

    @rule(drawn=shares(), size=sizes, late=st.integers(0, APPLY_TIME - 1))
    def change_shares(self, drawn, size, late):
        """Proposed and applied, with money that comes in between."""
        self._propose(self.shares_of(drawn))
        self._transfer(self.amount(size))
        self.wait(DELAY + late)
        self._apply()

    # --- the pool ---------------------------------------------------------------------------------

    @rule(owner=picks, term=st.integers(1, 3), go=st.integers(0, 1))
    def stake(self, owner, term, go):
        if go:
            self._stake(owner, term, 1_000 * DOBO)

    def _stake(self, owner, term, amount):
        owner = self.pick(self.world.stakers, owner)
        amount = self.afford(owner, amount)
        with self.call("stake"):
            self.pool.stake(amount, term, sender=owner)
        self.staked += amount

    def earners(self):
        return [
            (owner, index)
            for owner in self.world.stakers
            for index in range(self.pool.position_count(owner))
            if self.pool.claimable(owner, index)
        ]

    @precondition(earners)
    @rule(pick=picks)
    def claim_dividends(self, pick):
        owner, index = self.pick(self.earners(), pick)
        before = balance(self.dobo, owner)
        with self.call("claim of the pool"):
            paid = self.pool.claim(index, sender=owner)
        assert balance(self.dobo, owner) == before + paid
        self.taken += paid

    # --- other assets, and what is burnt elsewhere ------------------------------------------------

    @rule(kind=st.sampled_from(["other", "coin", "burn"]), amount=st.integers(1, DOBO))
    def something_else(self, kind, amount):
        world = self.world
        if kind == "burn":
            amount = min(amount, balance(self.dobo, world.rich))
            with self.call("burn"):
                self.dobo.burn(amount, sender=world.rich)
            self.burnt_elsewhere += amount
            return
        asset = COIN if kind == "coin" else world.other
        if kind == "coin":
            # only by force
            boa.env.set_balance(self.commission.address, amount)
        else:
            world.other.mint(self.commission, amount)
        before = balance(asset, world.reserve)
        with self.call("sweep"):
            assert self.commission.sweep(asset) == amount
        assert balance(asset, world.reserve) == before + amount
        assert balance(asset, self.commission) == 0

    @rule(number=st.integers(0, 2), go=st.integers(0, 2))
    def another_guardian(self, number, go):
        guardian = roles.address(f"guardian {number}")
        if go != 1 or guardian == self.guardian:
            return
        with self.call("set_guardian"):
            self.commission.set_guardian(guardian, sender=self.world.timelock)
        self.guardian = guardian
        assert self.commission.guardian() == guardian

    # --- what is refused --------------------------------------------------------------------------

    @precondition(lambda self: self.may_revert())
    @rule(pick=picks)
    def refused(self, pick):
        """One call that must revert, for its own reason, and change nothing."""
        reason, name, *arguments, how = self.pick(list(self.bad_calls()), pick)
        with self.call(name, reverts=reason), boa.env.anchor():
            getattr(self.commission, name)(*arguments, **how)

    def bad_calls(self):
        world, model = self.world, self.model
        me, timelock = {"sender": world.elsewhere}, {"sender": world.timelock}
        person, other = world.people[0], world.people[1]
        halves = (5_000, 5_000, [])
        yield "commission: zero amount", "deposit", 0, b"\0" * 32, me
        yield "erc20: allowance too low", "deposit", 1, b"\0" * 32, me
        yield "commission: zero receiver", "claim_to", NOBODY, me
        yield "commission: receiver is this contract", "claim_to", self.commission, me
        yield "commission: nothing to claim", "claim_to", person, me
        yield "commission: nothing to claim", "claim", NOBODY, me
        yield "commission: DOBO is commission", "sweep", self.dobo, me
        yield "commission: nothing to sweep", "sweep", world.other, me
        yield "commission: nothing to sweep", "sweep", COIN, me
        yield "commission: not the timelock", "propose_shares", halves, {"sender": self.guardian}
        yield "commission: not the timelock", "set_guardian", person, {"sender": self.guardian}
        yield "commission: guardian is the same", "set_guardian", self.guardian, timelock
        yield "commission: zero guardian", "set_guardian", NOBODY, timelock
        yield "commission: not timelock nor guardian", "cancel_proposal", me
        for reason, bad in {
            "commission: burn below 25 %": (2_499, 7_501, []),
            "commission: dividends below 25 %": (7_501, 2_499, []),
            "commission: shares are not 100 %": (5_000, 4_999, [(person, 2)]),
            "commission: zero share": (5_000, 5_000, [(person, 0)]),
            "commission: receiver named twice": (5_000, 4_998, [(person, 1), (person, 1)]),
            "commission: receiver cannot be paid": (5_000, 4_998, [(other, 1), (self.pool, 1)]),
        }.items():
            yield reason, "propose_shares", bad, timelock
        if model.unsettled < DOBO:
            yield "commission: less than one DOBO has arrived", "settle", me
        if not model.owed(person):
            yield "commission: nothing to claim", "claim", person, me
        if model.proposed is None:
            yield "commission: nothing is proposed", "apply_shares", me
            yield "commission: nothing is proposed", "cancel_proposal", timelock
        elif self.now < model.ready_at:
            yield "commission: too early", "apply_shares", me
        elif not model.can_apply(self.now):
            yield "commission: proposal has lapsed", "apply_shares", me

    # --- the end ----------------------------------------------------------------------------------

    def at_the_end(self):
        """All is settled and paid; what is left is less than one DOBO and nobody's."""
        self.check_shares()
        if self.model.unsettled >= DOBO:
            self._settle()
        for receiver in self.creditors():
            self._claim(receiver, False)
        self.every_unit_is_somewhere()
        self.the_pool_got_the_dividends()
        assert self.commission.owed_total() == 0
        assert balance(self.dobo, self.commission) == self.model.unsettled < DOBO


def plain(shares):
    return (shares.burn, shares.dividends, list(shares.receivers))


def as_shares(found):
    burn, dividends, receivers = found
    return Shares(burn, dividends, tuple((str(who), share) for who, share in receivers))


# what a run must have done at least once
CALLS = {
    "deposit",
    "transfer",
    "settle",
    "claim",
    "claim_to",
    "propose_shares",
    "cancel_proposal",
    "apply_shares",
    "set_guardian",
    "sweep",
    "burn",
    "stake",
    "claim of the pool",
}


@pytest.mark.stateful
def test_commission_machine():
    check_at_length(CommissionMachine, CALLS)


@pytest.mark.stateful
def test_commission_machine_on_py_evm():
    check_on_py_evm(CommissionMachine, examples=4)
