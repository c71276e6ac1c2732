"""DonaGive on the real registry, beside a plain model: issues, gifts of GIVE, redemptions, and
charities that are verified, suspended, revoked, expire, and hand their payee's place over.

GVE-1  totalSupply == what has been paid in and not redeemed; the backing held is never less
GVE-2  only redeeming lowers the supply, only issuing raises it, by what was paid out or in

At the end of every example whoever ever was a verified charity's payee redeems all it holds.
"""

from __future__ import annotations

import boa
import pytest
from eth_utils import keccak
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.contracts import deployers, roles
from tests.contracts.money import COIN, balance
from tests.contracts.stateful.counting import CountedMachine, check_at_length, check_on_py_evm

DAY = 86_400
PAYEE_DELAY = 2 * DAY
HASH = keccak(text="anything")
# donors, and payees now, before, or to be; anyone may hold GIVE
PEOPLE = [f"give party {number}" for number in range(6)]
# a permit that no token accepts: deadline, v, r, s
NO_SIGNATURE = (2**256 - 1, 27, b"\0" * 32, b"\0" * 32)

people = st.sampled_from(PEOPLE)
# which of those that can; taken modulo their number
picks = st.integers(0, 10**6)
amounts = st.one_of(st.integers(1, 10), st.integers(1, 10**15))
# how much of what somebody holds, never nothing of something
shares = st.fractions(0, 1, max_denominator=7)


def part(held, share):
    return max(1, int(share * held))


class GiveMachine(CountedMachine):
    def __init__(self):
        super().__init__()
        self.people = {name: roles.address(name) for name in PEOPLE}
        self.timelock = roles.address("timelock")
        self.registrar = roles.address("registrar")
        guardian = roles.address("guardian")
        named = [roles.address(name) for name in ("dobo", "commission", "buyback")]
        self.registry = deployers.CHARITY_REGISTRY.deploy(
            self.timelock, self.registrar, guardian, PAYEE_DELAY, []
        )
        self.reserve = deployers.ECOSYSTEM_RESERVE.deploy(self.timelock, *named)
        self.backing = deployers.PLAIN_TOKEN.deploy("Stable Dollar", "USDX", 6)
        self.other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 18)
        self.give = deployers.DONA_GIVE.deploy(self.backing, self.registry, self.reserve)
        # the model: who holds how much GIVE, and how much of the backing
        self.held = dict.fromkeys(PEOPLE, 0)
        self.cash = dict.fromkeys(PEOPLE, 0)
        self.issued = 0
        self.redeemed = 0
        # sent here by mistake, and swept to the reserve
        self.stray = 0
        self.swept = 0
        # charity number -> payee now; who was one before
        self.payee = {}
        self.former = set()

    @property
    def supply(self):
        return self.issued - self.redeemed

    def charity_of(self, name):
        """A charity whose payee this is, 0 if it only was one, None if it never was."""
        for charity_id, payee in self.payee.items():
            if payee == name:
                return charity_id
        return 0 if name in self.former else None

    def holders(self):
        return [name for name in PEOPLE if self.held[name] > 0]

    def redeemers(self):
        return [name for name in self.holders() if self.charity_of(name) is not None]

    def outsiders(self):
        return [name for name in self.holders() if self.charity_of(name) is None]

    def charities(self, *statuses):
        """The charities with one of these statuses now, by the names the registry gives them."""
        wanted = {getattr(self.registry, status)() for status in statuses}
        return [number for number in self.payee if self.registry.status(number) in wanted]

    # --- charities --------------------------------------------------------------------------------

    @initialize(payee=people, amount=amounts)
    def begin(self, payee, amount):
        self._verify(payee)
        self._pay_in(PEOPLE[-1], payee, amount)

    def _verify(self, payee):
        legal_id = keccak(text=f"GB:CHC:{len(self.payee)}")
        with self.call("registry.verify"):
            number = self.registry.verify(
                self.people[payee],
                legal_id,
                1,
                HASH,
                "",
                boa.env.timestamp + 365 * DAY,
                HASH,
                sender=self.registrar,
            )
        self.payee[number] = payee

    @precondition(lambda self: len(self.payee) < 4)
    @rule(payee=people)
    def verify(self, payee):
        self._verify(payee)

    @precondition(lambda self: self.charities("VERIFIED", "EXPIRED"))
    @rule(pick=picks)
    def suspend(self, pick):
        charities = self.charities("VERIFIED", "EXPIRED")
        # a suspension begins 30 days after the end of the one before
        boa.env.timestamp += 60 * DAY
        number = charities[pick % len(charities)]
        with self.call("registry.suspend"):
            self.registry.suspend(number, HASH, sender=self.registrar)

    @precondition(lambda self: self.charities("VERIFIED", "SUSPENDED", "EXPIRED"))
    @rule(pick=picks)
    def revoke(self, pick):
        charities = self.charities("VERIFIED", "SUSPENDED", "EXPIRED")
        number = charities[pick % len(charities)]
        with self.call("registry.revoke"):
            self.registry.revoke(number, HASH, sender=self.timelock)

    @precondition(lambda self: self.charities("VERIFIED", "EXPIRED"))
    @rule(pick=picks, other=picks)
    def hand_over(self, pick, other):
        charities = self.charities("VERIFIED", "EXPIRED")
        number = charities[pick % len(charities)]
        payee = self.payee[number]
        others = [name for name in PEOPLE if name != payee]
        successor = others[other % len(others)]
        with self.call("registry.propose_payee"):
            self.registry.propose_payee(number, self.people[successor], sender=self.people[payee])
        boa.env.timestamp += PAYEE_DELAY
        with self.call("registry.accept_payee"):
            self.registry.accept_payee(number, sender=self.people[successor])
        self.payee[number] = successor
        self.former.add(payee)

    @rule(days=st.integers(1, 400))
    def wait(self, days):
        boa.env.timestamp += days * DAY

    # --- paying in --------------------------------------------------------------------------------

    def _fund(self, payer, amount):
        self.backing.mint(self.people[payer], amount)
        self.cash[payer] += amount

    def _paid_in(self, payer, receiver, amount):
        self.cash[payer] -= amount
        self.held[receiver] += amount
        self.issued += amount

    def _pay_in(self, payer, receiver, amount):
        self._fund(payer, amount)
        self.backing.approve(self.give, amount, sender=self.people[payer])
        with self.call("issue"):
            self.give.issue(amount, self.people[receiver], sender=self.people[payer])
        self._paid_in(payer, receiver, amount)

    @rule(payer=people, receiver=people, amount=amounts)
    def issue(self, payer, receiver, amount):
        self._pay_in(payer, receiver, amount)

    @rule(payer=people, receiver=people, amount=amounts, fault=st.sampled_from([None, "front-run"]))
    def issue_with_permit(self, payer, receiver, amount, fault):
        self._fund(payer, amount)
        permit = roles.sign_permit(self.backing, payer, self.give, amount, boa.env.timestamp)
        if fault == "front-run":
            self.backing.permit(*permit.arguments)
        with self.call("issue_with_permit"):
            self.give.issue_with_permit(
                amount, self.people[receiver], *permit.signature, sender=self.people[payer]
            )
        self._paid_in(payer, receiver, amount)

    @rule(payer=people, receiver=people, amount=amounts)
    def issue_with_a_useless_permit(self, payer, receiver, amount):
        self._fund(payer, amount)
        self.backing.approve(self.give, amount, sender=self.people[payer])
        with self.call("issue_with_permit"):
            self.give.issue_with_permit(
                amount, self.people[receiver], *NO_SIGNATURE, sender=self.people[payer]
            )
        self._paid_in(payer, receiver, amount)

    @precondition(lambda self: self.may_revert())
    @rule(payer=people)
    def issue_without_allowance(self, payer):
        self.backing.approve(self.give, 0, sender=self.people[payer])
        with self.call("issue", reverts="erc20: allowance too low"):
            self.give.issue(1, sender=self.people[payer])

    # --- passing on -------------------------------------------------------------------------------

    @precondition(lambda self: self.holders())
    @rule(pick=picks, receiver=people, share=shares)
    def transfer(self, pick, receiver, share):
        sender = self.holders()[pick % len(self.holders())]
        amount = part(self.held[sender], share)
        with self.call("transfer"):
            self.give.transfer(self.people[receiver], amount, sender=self.people[sender])
        self.held[sender] -= amount
        self.held[receiver] += amount

    @precondition(lambda self: self.holders())
    @rule(pick=picks, spender=people, receiver=people, share=shares)
    def transfer_from(self, pick, spender, receiver, share):
        owner = self.holders()[pick % len(self.holders())]
        amount = part(self.held[owner], share)
        with self.call("approve"):
            self.give.approve(self.people[spender], amount, sender=self.people[owner])
        with self.call("transferFrom"):
            self.give.transferFrom(
                self.people[owner], self.people[receiver], amount, sender=self.people[spender]
            )
        self.held[owner] -= amount
        self.held[receiver] += amount

    # --- redeeming --------------------------------------------------------------------------------

    def _redeem(self, payee, amount, receiver):
        with self.call("redeem"):
            self.give.redeem(
                self.charity_of(payee),
                amount,
                self.people[receiver],
                sender=self.people[payee],
            )
        self.held[payee] -= amount
        self.cash[receiver] += amount
        self.redeemed += amount

    @precondition(lambda self: self.redeemers())
    @rule(pick=picks, share=shares, receiver=people)
    def redeem(self, pick, share, receiver):
        payee = self.redeemers()[pick % len(self.redeemers())]
        self._redeem(payee, part(self.held[payee], share), receiver)

    @precondition(lambda self: self.may_revert() and self.outsiders())
    @rule(pick=picks, number=st.integers(0, 5))
    def redeem_as_a_donor(self, pick, number):
        donor = self.outsiders()[pick % len(self.outsiders())]
        with self.call("redeem", reverts="give: not a charity's payee"):
            self.give.redeem(number, 1, sender=self.people[donor])

    @precondition(lambda self: self.may_revert() and self.redeemers())
    @rule(pick=picks)
    def redeem_too_much(self, pick):
        payee = self.redeemers()[pick % len(self.redeemers())]
        with self.call("redeem", reverts="erc20: balance too low"):
            self.give.redeem(
                self.charity_of(payee), self.held[payee] + 1, sender=self.people[payee]
            )

    # --- what arrives by mistake ------------------------------------------------------------------

    @rule(amount=amounts)
    def send_backing(self, amount):
        self.backing.mint(self.give, amount)
        self.stray += amount

    @precondition(lambda self: self.stray > 0)
    @rule(caller=people)
    def sweep_backing(self, caller):
        with self.call("sweep backing"):
            self.give.sweep(self.backing, sender=self.people[caller])
        self.swept, self.stray = self.swept + self.stray, 0

    @rule(amount=amounts)
    def sweep_another_token(self, amount):
        self.other.mint(self.give, amount)
        with self.call("sweep another token"):
            self.give.sweep(self.other)
        assert self.other.balanceOf(self.give) == 0

    @rule(amount=amounts)
    def sweep_coin(self, amount):
        boa.env.set_balance(self.give.address, amount)
        with self.call("sweep coin"):
            self.give.sweep(COIN)
        assert balance(COIN, self.give) == 0

    @precondition(lambda self: self.may_revert() and self.stray == 0)
    @rule()
    def sweep_nothing(self):
        with self.call("sweep backing", reverts="give: nothing to sweep"):
            self.give.sweep(self.backing)

    # --- what holds after every step --------------------------------------------------------------

    @invariant()
    def every_give_is_backed(self):
        supply, held = self.give.totalSupply(), self.backing.balanceOf(self.give)
        assert held >= supply, "GVE-1"
        assert held == supply + self.stray, "GVE-1"
        assert self.give.surplus(self.backing) == self.stray, "GVE-1"
        assert supply == self.supply, "GVE-2"

    @invariant()
    def everybody_has_what_the_model_says(self):
        held = {name: self.give.balanceOf(account) for name, account in self.people.items()}
        cash = {name: self.backing.balanceOf(account) for name, account in self.people.items()}
        assert held == self.held, "GVE-2"
        assert cash == self.cash, "GVE-2"
        assert sum(held.values()) == self.supply, "GVE-1"
        assert self.backing.balanceOf(self.reserve) == self.swept, "GVE-1"

    def at_the_end(self):
        for payee in self.redeemers():
            self._redeem(payee, self.held[payee], payee)
            assert self.give.balanceOf(self.people[payee]) == 0, "REG-3"
        self.every_give_is_backed()
        self.everybody_has_what_the_model_says()


# what a run must have done at least once
CALLS = {
    "issue",
    "issue_with_permit",
    "transfer",
    "approve",
    "transferFrom",
    "redeem",
    "sweep backing",
    "sweep another token",
    "sweep coin",
    "registry.verify",
    "registry.suspend",
    "registry.revoke",
    "registry.propose_payee",
    "registry.accept_payee",
}


@pytest.mark.stateful
def test_give_machine():
    check_at_length(GiveMachine, CALLS)


@pytest.mark.stateful
def test_give_machine_on_py_evm():
    check_on_py_evm(GiveMachine, examples=4)
