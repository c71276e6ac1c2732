"""DonaBlock and Vesting beside a plain model: releases, hand-overs, transfers and burns over years.

VST-1  released + held = 2,000,000,000 * 10**18, and no group is paid more than has vested
VST-2  what has vested is what the table made from the published allocation says
DOB-1  totalSupply + all that was burnt = 2,000,000,000 * 10**18
"""

from __future__ import annotations

import boa
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.contracts import deployers, roles
from tests.contracts.models.vesting import GROUPS, SUPPLY
from tests.contracts.stateful.counting import NOW, CountedMachine, check_at_length, check_on_py_evm

ZERO = "0x" + "00" * 20
MONTH = 2_628_000
# holders, and beneficiaries now or to be; at the start the groups' beneficiaries go round them
PEOPLE = [f"vesting party {number}" for number in range(5)]
GROUP_NUMBERS = range(len(GROUPS))

people = st.sampled_from(PEOPLE)
# which of those that can; taken modulo their number
picks = st.integers(0, 10**6)
# how much of what somebody has
shares = st.fractions(0, 1, max_denominator=7)


class VestingMachine(CountedMachine):
    def __init__(self):
        super().__init__()
        self.people = {name: roles.address(name) for name in PEOPLE}
        self.start = NOW + 12_345
        # the model
        self.beneficiary = {group: PEOPLE[group % len(PEOPLE)] for group in GROUP_NUMBERS}
        self.pending = dict.fromkeys(GROUP_NUMBERS)
        self.released = dict.fromkeys(GROUP_NUMBERS, 0)
        self.held = dict.fromkeys(PEOPLE, 0)
        # sent back to the vesting, where it stays
        self.stray = 0
        self.burnt = 0
        # the contracts, each of which is told at its construction where the other one is
        first = [self.people[name] for name in self.beneficiary.values()]
        at = roles.account("vesting contract").address
        self.dobo = deployers.DONA_BLOCK.deploy(at)
        self.vesting = deployers.VESTING.deploy(self.dobo, self.start, first, override_address=at)

    def vested(self, group):
        return GROUPS[group].vested(boa.env.timestamp - self.start)

    def due(self):
        return [group for group in GROUP_NUMBERS if self.vested(group) > self.released[group]]

    def proposed(self):
        return [group for group in GROUP_NUMBERS if self.pending[group] is not None]

    def holders(self):
        return [name for name in PEOPLE if self.held[name] > 0]

    def check_beneficiary(self, group):
        pending = self.pending[group]
        assert self.vesting.beneficiary(group) == self.people[self.beneficiary[group]]
        assert self.vesting.pending_beneficiary(group) == (
            ZERO if pending is None else self.people[pending]
        )

    # --- time and releases ------------------------------------------------------------------------

    @initialize(months=st.integers(0, 50))
    def begin(self, months):
        boa.env.timestamp = self.start + months * MONTH

    @rule(months=st.integers(1, 4), offset=st.sampled_from([-1, 0, 1]))
    def wait_for_an_edge(self, months, offset):
        """Within a second of a month's edge mistakes would show."""
        months += (boa.env.timestamp - self.start) // MONTH
        boa.env.timestamp = max(boa.env.timestamp, self.start + months * MONTH + offset)

    @rule(seconds=st.integers(1, 3 * MONTH))
    def wait(self, seconds):
        boa.env.timestamp += seconds

    def _release(self, group, caller):
        due = self.vested(group) - self.released[group]
        with self.call("release"):
            paid = self.vesting.release(group, sender=self.people[caller])
        assert paid == due, "VST-2"
        self.released[group] += due
        self.held[self.beneficiary[group]] += due

    @precondition(lambda self: self.due())
    @rule(pick=picks, caller=people)
    def release(self, pick, caller):
        due = self.due()
        self._release(due[pick % len(due)], caller)

    @precondition(lambda self: self.due())
    @rule(caller=people)
    def release_all(self, caller):
        for group in self.due():
            self._release(group, caller)

    @precondition(lambda self: self.may_revert() and len(self.due()) < len(GROUPS))
    @rule(pick=picks)
    def release_nothing(self, pick):
        groups = sorted(set(GROUP_NUMBERS) - set(self.due()))
        with self.call("release", reverts="vesting: nothing to release"):
            self.vesting.release(groups[pick % len(groups)])

    # --- beneficiaries ----------------------------------------------------------------------------

    @rule(group=st.sampled_from(GROUP_NUMBERS), pick=picks)
    def propose(self, group, pick):
        beneficiary = self.beneficiary[group]
        others = [name for name in PEOPLE if name not in (beneficiary, self.pending[group])]
        successor = others[pick % len(others)]
        with self.call("propose_beneficiary"):
            self.vesting.propose_beneficiary(
                group, self.people[successor], sender=self.people[beneficiary]
            )
        self.pending[group] = successor
        self.check_beneficiary(group)

    @precondition(lambda self: self.proposed())
    @rule(pick=picks)
    def take_back(self, pick):
        group = self.proposed()[pick % len(self.proposed())]
        with self.call("propose_beneficiary zero"):
            self.vesting.propose_beneficiary(
                group, ZERO, sender=self.people[self.beneficiary[group]]
            )
        self.pending[group] = None
        self.check_beneficiary(group)

    @precondition(lambda self: self.proposed())
    @rule(pick=picks)
    def accept(self, pick):
        group = self.proposed()[pick % len(self.proposed())]
        successor = self.pending[group]
        with self.call("accept_beneficiary"):
            self.vesting.accept_beneficiary(group, sender=self.people[successor])
        self.beneficiary[group], self.pending[group] = successor, None
        self.check_beneficiary(group)

    @precondition(lambda self: self.may_revert())
    @rule(group=st.sampled_from(GROUP_NUMBERS), pick=picks)
    def propose_oneself(self, group, pick):
        others = [name for name in PEOPLE if name != self.beneficiary[group]]
        intruder = self.people[others[pick % len(others)]]
        with self.call("propose_beneficiary", reverts="vesting: not the beneficiary"):
            self.vesting.propose_beneficiary(group, intruder, sender=intruder)

    @precondition(lambda self: self.may_revert())
    @rule(group=st.sampled_from(GROUP_NUMBERS), pick=picks)
    def accept_unasked(self, group, pick):
        others = [name for name in PEOPLE if name != self.pending[group]]
        intruder = self.people[others[pick % len(others)]]
        with self.call("accept_beneficiary", reverts="vesting: not the proposed beneficiary"):
            self.vesting.accept_beneficiary(group, sender=intruder)

    # --- the token --------------------------------------------------------------------------------

    @precondition(lambda self: self.holders())
    @rule(pick=picks, receiver=people, share=shares)
    def transfer(self, pick, receiver, share):
        sender = self.holders()[pick % len(self.holders())]
        amount = int(share * self.held[sender])
        with self.call("transfer"):
            self.dobo.transfer(self.people[receiver], amount, sender=self.people[sender])
        self.held[sender] -= amount
        self.held[receiver] += amount

    @precondition(lambda self: self.holders())
    @rule(pick=picks, amount=st.integers(0, 10**18))
    def send_back(self, pick, amount):
        owner = self.holders()[pick % len(self.holders())]
        amount = min(amount, self.held[owner])
        with self.call("transfer to the vesting"):
            self.dobo.transfer(self.vesting, amount, sender=self.people[owner])
        self.held[owner] -= amount
        self.stray += amount

    @precondition(lambda self: self.holders())
    @rule(pick=picks, share=shares)
    def burn(self, pick, share):
        owner = self.holders()[pick % len(self.holders())]
        amount = int(share * self.held[owner])
        with self.call("burn"):
            self.dobo.burn(amount, sender=self.people[owner])
        self.held[owner] -= amount
        self.burnt += amount

    @precondition(lambda self: self.holders())
    @rule(pick=picks, spender=people, share=shares)
    def burn_from(self, pick, spender, share):
        owner = self.holders()[pick % len(self.holders())]
        amount = int(share * self.held[owner])
        with self.call("approve"):
            self.dobo.approve(self.people[spender], amount, sender=self.people[owner])
        with self.call("burn_from"):
            self.dobo.burn_from(self.people[owner], amount, sender=self.people[spender])
        self.held[owner] -= amount
        self.burnt += amount

    @precondition(lambda self: self.may_revert())
    @rule(owner=people)
    def burn_too_much(self, owner):
        with self.call("burn", reverts="erc20: balance too low"):
            self.dobo.burn(self.held[owner] + 1, sender=self.people[owner])

    @rule(amount=st.integers(0, 10**18))
    def force_coin(self, amount):
        boa.env.set_balance(self.vesting.address, amount)
        boa.env.set_balance(self.dobo.address, amount)

    # --- what holds after every step --------------------------------------------------------------

    @invariant()
    def the_schedule_is_kept(self):
        released = {group: self.vesting.released(group) for group in GROUP_NUMBERS}
        vested = {group: self.vesting.vested(group) for group in GROUP_NUMBERS}
        assert vested == {group: self.vested(group) for group in GROUP_NUMBERS}, "VST-2"
        assert released == self.released, "VST-1"
        assert all(released[group] <= vested[group] for group in GROUP_NUMBERS), "VST-1"
        held = self.dobo.balanceOf(self.vesting) - self.stray
        assert sum(released.values()) + held == SUPPLY, "VST-1"

    @invariant()
    def the_supply_only_burns(self):
        supply = self.dobo.totalSupply()
        assert supply + self.burnt == SUPPLY, "DOB-1"
        balances = {name: self.dobo.balanceOf(account) for name, account in self.people.items()}
        assert balances == self.held, "DOB-1"
        assert sum(balances.values()) + self.dobo.balanceOf(self.vesting) == supply, "DOB-1"

    def at_the_end(self):
        for group in GROUP_NUMBERS:
            self.check_beneficiary(group)


# what a run must have done at least once
CALLS = {
    "release",
    "propose_beneficiary",
    "propose_beneficiary zero",
    "accept_beneficiary",
    "transfer",
    "transfer to the vesting",
    "burn",
    "approve",
    "burn_from",
}


@pytest.mark.stateful
def test_vesting_machine():
    check_at_length(VestingMachine, CALLS)


@pytest.mark.stateful
def test_vesting_machine_on_py_evm():
    check_on_py_evm(VestingMachine, examples=4)
