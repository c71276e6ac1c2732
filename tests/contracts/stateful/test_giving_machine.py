"""Giving and CharityRegistry beside plain models: every balance, and each charity's life.

GIV-1  no call to Giving changes its balance of any asset, sweeping apart
GIV-2  what leaves the donor is what reaches payees and operations, per asset, to the wei
GIV-3  only verified charities, neither expired nor suspended, receive gifts
REG-1  at most one live charity per legal id
REG-2  a payee changes only by its own proposal, the delay, and the new one's acceptance
RCP-1  a receipt says what the log of its gift says
"""

from __future__ import annotations

import boa
import pytest
from eth_utils import keccak
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.contracts import deployers, roles
from tests.contracts.models.registry import (
    EXPIRED,
    MAX_TERM,
    REVOKED,
    SUSPENDED,
    SUSPENSION,
    VERIFIED,
    Charity,
    Registry,
)
from tests.contracts.money import COIN, balance, send
from tests.contracts.protocol import (
    BURNING,
    MEGABYTE,
    NO_SIGNATURE,
    PAYEE_DELAY,
    REVERTING_MEGABYTE,
    Protocol,
    set_code,
)
from tests.contracts.stateful.counting import NOW, CountedMachine, check_at_length, check_on_py_evm

DAY = 86_400
RICHES = 2**140
MAX_RECEIPT = 2**96 - 1
MAX_CART = 32
FULL_CHECK = 40
# a burning payee gets all gas of a single gift; what it burns should not take seconds
GAS = 2_000_000
NOBODY = "0x" + "00" * 20
NO_HASH = b"\0" * 32
# few legal ids and few people, so that they meet
LEGAL_IDS = [keccak(text=f"GB:CHC:{number}") for number in range(24)]
PEOPLE = 6

# which of those that can; taken modulo their number
picks = st.integers(0, 2**16 - 1)
# amounts of 1 to 2**97 - 1, as often one digit as twenty
sizes = st.tuples(st.integers(0, 96), picks)
# in four gifts, one with a tip
tips = st.one_of(st.just(None), st.just(None), st.just(None), sizes)
parts = st.lists(st.tuples(picks, sizes), min_size=1, max_size=5)


def worth(size):
    if size is None:
        return 0
    bits, low = size
    return (1 << bits) + low % (1 << bits)


class World:
    """One deployment for all examples, with a charity for each kind of payee."""

    def __init__(self):
        boa.env.timestamp = NOW - DAY
        self.protocol = Protocol()
        self.giving = self.protocol.giving
        self.registry = self.protocol.registry
        self.receipts = self.protocol.receipts
        self.timelock = self.protocol.timelock
        self.registrar = self.protocol.registrar
        self.guardian = self.protocol.guardian
        self.donors = [roles.address(f"donor {number}") for number in range(3)]
        # it can be told to refuse an account, or everybody
        self.strange = deployers.STRANGE_TOKEN.deploy(8, 0)
        eighteen = deployers.PLAIN_TOKEN.deploy("Eighteen", "EIG", 18)
        late = deployers.PLAIN_TOKEN.deploy("Late", "LAT", 18)
        self.late = late.address
        self.six = self.protocol.token
        self.tokens = {token.address: token for token in (self.six, self.strange, eighteen, late)}
        self.with_permit = [self.six.address, eighteen.address, late.address]
        # whose transfers are measured
        self.measured = {self.strange.address, late.address}
        for token in (self.strange, eighteen):
            self.giving.list_asset(token, token.address in self.measured, sender=self.timelock)
        for donor in self.donors:
            boa.env.set_balance(donor, RICHES)
            for token in self.tokens.values():
                token.mint(donor, RICHES)
                # the last donor signs permits instead
                if donor != self.donors[-1] or token is self.strange:
                    token.approve(self.giving, 2**256 - 1, sender=donor)
        self.force = set_code("force", bytes.fromhex(f"73{self.giving.address[2:]}ff"))
        self.make_payees()
        self.model = Registry()
        for number, payee in enumerate([*self.people[:4], *self.special]):
            charity = Charity(
                payee=payee,
                legal_id=LEGAL_IDS[number],
                sdgs=1,
                metadata=keccak(text="metadata"),
                expiry=NOW + (30 if number in (1, 2) else 400) * DAY,
            )
            self.model.add(charity)
            self.registry.verify(
                payee,
                charity.legal_id,
                1,
                charity.metadata,
                "",
                charity.expiry,
                NO_HASH,
                sender=self.registrar,
            )
        self.operations = [self.protocol.operations, self.refuser.address, self.people[5]]
        self.accounts = [
            *self.donors,
            *self.people,
            *self.special,
            self.protocol.operations,
            self.giving.address,
            self.protocol.reserve.address,
            self.protocol.stranger,
        ]
        self.assets = [COIN, *self.tokens]
        self.ledger = {
            (asset, account): balance(self.token(asset), account)
            for asset in self.assets
            for account in self.accounts
        }
        boa.env.timestamp = NOW

    def make_payees(self):
        """Contracts of every kind; who takes the coin is in `takes_coin`."""
        giving = self.giving
        self.people = [roles.address(f"person {number}") for number in range(PEOPLE)]
        relays = [deployers.RELAY.deploy() for _ in range(4)]
        self.taker, self.refuser, reenterer, self.thankful = relays
        self.refuser.set_answer(giving, b"\0\0\0\0", 0)
        # gives coin on to the first charity while Giving is still paying it: locked out
        again = giving.donate_native.prepare_calldata(1, NO_HASH)
        reenterer.set_answer(giving, again, 1)
        # gives one unit of a token to the first charity while it is paid in coin: may do so
        thanks = giving.donate_token.prepare_calldata(1, self.six.address, 1, NO_HASH)
        self.thankful.set_answer(giving, thanks, 0)
        self.six.mint(self.thankful, RICHES)
        approve = self.six.approve.prepare_calldata(giving, 2**256 - 1)
        self.thankful.forward(self.six, approve)
        self.burner = set_code("burner", BURNING)
        # answers with a megabyte, for two million gas: a single gift can pay that, a cart does not
        self.talker = set_code("talker", MEGABYTE)
        self.shouter = set_code("shouter", REVERTING_MEGABYTE)
        self.relays = {relay.address: relay for relay in relays}
        self.refusing = {self.refuser.address, reenterer.address, self.burner, self.shouter}
        self.special = [*self.relays, self.burner, self.talker, self.shouter]

    def token(self, asset):
        return COIN if asset == COIN else self.tokens[asset]


class GivingMachine(CountedMachine):
    world: World

    @classmethod
    def prepare(cls):
        cls.world = World()

    def __init__(self):
        super().__init__()
        world = self.world
        self.giving, self.registry = world.giving, world.registry
        # the models
        self.model = Registry(
            {number: Charity(**vars(one)) for number, one in world.model.charities.items()}
        )
        self.ledger = dict(world.ledger)
        self.listed = [COIN, *(asset for asset in world.tokens if asset != world.late)]
        self.operations = world.protocol.operations
        self.blocked = None
        self.applications = set()
        # (charity, new payee) -> when it was proposed, for REG-2
        self.proposals = {}
        self.receipts = 0
        self.memos = 0
        self.steps = 0

    def at_the_end(self):
        self.check_everything()

    @property
    def now(self):
        return boa.env.timestamp

    # --- checks -----------------------------------------------------------------------------------

    def check_balances(self, asset, *accounts):
        for account in {self.giving.address, *accounts}:
            held = balance(self.world.token(asset), account)
            wrong = f"{account} has {held} of {asset}, not {self.ledger[asset, account]}"
            invariant = "GIV-1" if account == self.giving.address else "GIV-2"
            assert held == self.ledger[asset, account], f"{invariant}: {wrong}"

    def check_charity(self, number):
        """REG-2 is in the payee: the model changes it at an acceptance only."""
        one = self.model.charities[number]
        expected = (
            one.payee,
            one.status(self.now),
            one.sdgs,
            one.expiry,
            one.ended,
            one.legal_id,
            one.metadata,
        )
        found = tuple(self.registry.charity(number))
        assert found[0] == one.payee, f"REG-2: payee of {number}"
        assert found == expected, f"charity {number}"
        pending = tuple(self.registry.pending_payee(number))
        assert pending == (one.pending or (NOBODY, 0)), f"REG-2: pending payee of {number}"
        self.check_legal_id(one.legal_id)
        self.stepped()

    def check_legal_id(self, legal_id):
        live = self.model.live(legal_id, self.now)
        assert len(live) <= 1, f"REG-1: {live}"
        holder = live[0] if live else 0
        assert self.registry.verified_by_legal_id(legal_id) == holder, "REG-1"

    def stepped(self):
        self.steps += 1
        if self.steps % FULL_CHECK == 0:
            self.check_everything()

    def check_everything(self):
        for asset in self.world.assets:
            self.check_balances(asset, *self.world.accounts)
        for number, one in self.model.charities.items():
            assert self.registry.payee(number) == one.payee, "REG-2"
            assert self.registry.status(number) == one.status(self.now)
            is_eligible = one.status(self.now) == VERIFIED
            assert self.registry.is_verified(number) == is_eligible, "GIV-3"
        live = {}
        for number in range(1, self.registry.charity_count() + 1):
            one = self.registry.charity(number)
            if one.status in (VERIFIED, SUSPENDED) and self.now < one.expiry:
                live.setdefault(one.legal_id, []).append(number)
        assert all(len(holders) == 1 for holders in live.values()), f"REG-1: {live}"
        assert self.world.receipts.token_count() == self.receipts, "RCP-1"

    # --- what moves -------------------------------------------------------------------------------

    def move(self, asset, giver, receiver, amount):
        self.ledger[asset, giver] -= amount
        self.ledger[asset, receiver] += amount

    def takes(self, asset, payee, *, is_cart, giver):
        """Whether a payment arrives; where it does, what else it moves has been noted."""
        if asset != COIN:
            return payee != self.blocked or asset != self.world.strange.address
        if payee in self.world.refusing or (is_cart and payee == self.world.talker):
            return False
        if payee == self.world.thankful.address:
            # it gives on, or else refuses
            first = self.model.charities[1]
            six = self.world.six.address
            if first.status(self.now) != VERIFIED or six not in self.listed:
                return False
            if first.payee == payee:
                return False
            self.move(six, payee, first.payee, 1)
        return True

    def eligible(self):
        return self.model.with_status(self.now, VERIFIED)

    def memo(self):
        self.memos += 1
        return self.memos.to_bytes(32, "big")

    def gone_through(self, asset, donor, wanted, tip, memo, receipt):
        """After a gift: move the model's money, and hold the chain's against it.

        wanted  (charity, amount) of each part; one part is a single gift
        """
        world = self.world
        is_cart = self.is_cart
        touched, paid = {donor, self.operations}, []
        for number, amount in wanted:
            charity = self.model.charities[number]
            assert charity.status(self.now) == VERIFIED, "GIV-3"
            touched.add(charity.payee)
            if self.takes(asset, charity.payee, is_cart=is_cart, giver=donor):
                self.move(asset, donor, charity.payee, amount)
                paid.append((number, charity.payee, amount))
        if tip and self.takes(asset, self.operations, is_cart=True, giver=donor):
            self.move(asset, donor, self.operations, tip)
        logs = [log for log in self.giving.get_logs() if log.address == self.giving.address]
        own = [log for log in logs if log.memo == memo]
        said = [
            (log.charity_id, log.payee, log.amount)
            for log in own
            if type(log).__name__ == "Donated"
        ]
        assert said == paid, "GIV-2: what is logged is what is paid"
        for log in own:
            assert (log.donor, log.asset) == (donor, asset)
        failed = [log.charity_id for log in own if type(log).__name__ == "PartFailed"]
        assert len(failed) + len(paid) == len(wanted)
        if receipt:
            self.check_receipts(asset, donor, paid, memo)
        assert world.receipts.token_count() == self.receipts, "RCP-1"
        self.check_balances(asset, *touched)
        self.stepped()

    def check_receipts(self, asset, donor, paid, memo):
        for number, _, amount in paid:
            self.receipts += 1
            written = self.world.receipts.receipt(self.receipts)
            said = (written.donor, written.recipient_id, written.epoch, written.asset)
            assert said == (donor, number, 0, asset), "RCP-1"
            legal_id = self.model.charities[number].legal_id
            told = (written.amount, written.memo, written.timestamp, written.legal_id)
            assert told == (amount, memo, self.now, legal_id), "RCP-1"
            assert self.world.receipts.ownerOf(self.receipts) == donor, "RCP-1"

    def will_pay(self, asset, numbers, is_cart):
        """Whether at least one of these charities takes a gift, without noting anything."""
        kept = dict(self.ledger)
        found = any(
            self.takes(asset, self.model.charities[number].payee, is_cart=is_cart, giver=None)
            for number in numbers
        )
        self.ledger = kept
        return found

    # --- single gifts -----------------------------------------------------------------------------

    @precondition(lambda self: self.eligible())
    @rule(charity=picks, donor=picks, size=sizes, tip=tips, receipt=st.booleans())
    def give_coin(self, charity, donor, size, tip, receipt):
        able = self.eligible()
        number = able[charity % len(able)]
        donor = self.world.donors[donor % len(self.world.donors)]
        amount, tip, memo = worth(size), worth(tip), self.memo()
        receipt = receipt and amount <= MAX_RECEIPT
        if not self.will_pay(COIN, [number], False):
            if not self.may_revert():
                return
            with self.call("donate_native", reverts="giving: charity refused the coin"):
                self.giving.donate_native(
                    number, memo, tip, value=amount + tip, sender=donor, gas=GAS
                )
            self.check_balances(COIN, donor)
            return
        with self.call("donate_native"):
            self.giving.donate_native(
                number, memo, tip, receipt, value=amount + tip, sender=donor, gas=2 * GAS
            )
        self.is_cart = False
        self.gone_through(COIN, donor, [(number, amount)], tip, memo, receipt)

    def token_gift(self, charity, token):
        """A charity that this token reaches, and the token."""
        able = self.eligible()
        asset = self.listed[1:][token % (len(self.listed) - 1)]
        for turn in range(len(able)):
            number = able[(charity + turn) % len(able)]
            if self.will_pay(asset, [number], False):
                return number, asset
        return None, asset

    def can_give_token(self):
        return bool(self.eligible()) and len(self.listed) > 1

    @precondition(lambda self: self.can_give_token())
    @rule(charity=picks, donor=picks, token=picks, size=sizes, tip=tips, receipt=st.booleans())
    def give_token(self, charity, donor, token, size, tip, receipt):
        number, asset = self.token_gift(charity, token)
        if number is None:
            return
        donor = self.world.donors[donor % 2]
        amount, tip, memo = worth(size), worth(tip), self.memo()
        receipt = receipt and amount <= MAX_RECEIPT
        with self.call("donate_token"):
            self.giving.donate_token(number, asset, amount, memo, tip, receipt, sender=donor)
        self.is_cart = False
        self.gone_through(asset, donor, [(number, amount)], tip, memo, receipt)

    def permit(self, asset, total, is_first):
        """A signed permit by the last donor, which somebody else may use first."""
        permit = roles.sign_permit(
            self.world.tokens[asset],
            f"donor {len(self.world.donors) - 1}",
            self.giving,
            total,
            self.now + 60,
        )
        if is_first:
            with self.call("permit"):
                self.world.tokens[asset].permit(
                    *permit.arguments, sender=self.world.protocol.stranger
                )
        return permit.signature

    @precondition(lambda self: self.can_give_token())
    @rule(charity=picks, token=picks, size=sizes, tip=tips, how=st.integers(0, 5))
    def give_token_with_permit(self, charity, token, size, tip, how):
        """With a permit that is good, good and front-run, or useless beside an allowance."""
        number, asset = self.token_gift(charity, token)
        if number is None:
            return
        amount, tip, memo = worth(size), worth(tip), self.memo()
        donor, signature = self.world.donors[0], NO_SIGNATURE
        if how < 2 and asset in self.world.with_permit:
            donor = self.world.donors[-1]
            signature = self.permit(asset, amount + tip, how == 1)
        with self.call("donate_token_with_permit"):
            self.giving.donate_token_with_permit(
                number, asset, amount, memo, tip, False, *signature, sender=donor
            )
        self.is_cart = False
        self.gone_through(asset, donor, [(number, amount)], tip, memo, False)

    # --- carts ------------------------------------------------------------------------------------

    def filled(self, asset, wanted, times):
        """A cart of up to 32 parts, a charity perhaps more than once."""
        able = self.eligible()
        cart = [(able[charity % len(able)], worth(size)) for charity, size in wanted]
        return (cart * times)[:MAX_CART]

    @precondition(lambda self: self.eligible())
    @rule(
        wanted=parts,
        times=st.sampled_from([1, 1, 1, 2, 8]),
        donor=picks,
        tip=tips,
        receipt=st.booleans(),
    )
    def give_cart_of_coin(self, wanted, times, donor, tip, receipt):
        cart = self.filled(COIN, wanted, times)
        donor = self.world.donors[donor % len(self.world.donors)]
        receipt = receipt and max(amount for _, amount in cart) <= MAX_RECEIPT
        tip, memo = worth(tip), self.memo()
        numbers, amounts = map(list, zip(*cart, strict=True))
        value = sum(amounts) + tip
        if not self.will_pay(COIN, numbers, True):
            if not self.may_revert():
                return
            with self.call("donate_cart_native", reverts="giving: nothing was given"):
                self.giving.donate_cart_native(
                    numbers, amounts, memo, tip, value=value, sender=donor
                )
            self.check_balances(COIN, donor)
            return
        with self.call("donate_cart_native"):
            self.giving.donate_cart_native(
                numbers, amounts, memo, tip, receipt, value=value, sender=donor
            )
        self.is_cart = True
        self.gone_through(COIN, donor, cart, tip, memo, receipt)

    @precondition(lambda self: self.can_give_token())
    @rule(
        wanted=parts,
        times=st.sampled_from([1, 1, 1, 2, 8]),
        token=picks,
        tip=tips,
        receipt=st.booleans(),
        how=st.integers(0, 11),
    )
    def give_cart_of_token(self, wanted, times, token, tip, receipt, how):
        asset = self.listed[1:][token % (len(self.listed) - 1)]
        cart = self.filled(asset, wanted, times)
        receipt = receipt and max(amount for _, amount in cart) <= MAX_RECEIPT
        tip, memo = worth(tip), self.memo()
        numbers, amounts = map(list, zip(*cart, strict=True))
        if not self.will_pay(asset, numbers, True):
            return
        donor, signature = self.world.donors[how % 2], NO_SIGNATURE
        if how < 2 and asset in self.world.with_permit:
            donor = self.world.donors[-1]
            signature = self.permit(asset, sum(amounts) + tip, how == 1)
        if how < 4:
            with self.call("donate_cart_token_with_permit"):
                self.giving.donate_cart_token_with_permit(
                    asset, numbers, amounts, memo, tip, receipt, *signature, sender=donor
                )
        else:
            with self.call("donate_cart_token"):
                self.giving.donate_cart_token(
                    asset, numbers, amounts, memo, tip, receipt, sender=donor
                )
        self.is_cart = True
        self.gone_through(asset, donor, cart, tip, memo, receipt)

    # --- assets, operations, what strays ----------------------------------------------------------

    @rule(pick=picks)
    def change_listing(self, pick):
        asset = self.world.assets[1:][pick % (len(self.world.assets) - 1)]
        if asset not in self.listed:
            with self.call("list_asset"):
                self.giving.list_asset(
                    asset, asset in self.world.measured, sender=self.world.timelock
                )
            self.listed.append(asset)
        elif len(self.listed) > 2:
            with self.call("unlist_asset"):
                self.giving.unlist_asset(asset, sender=self.world.timelock)
            self.listed.remove(asset)

    @rule(pick=picks)
    def change_operations(self, pick):
        others = [one for one in self.world.operations if one != self.operations]
        self.operations = others[pick % len(others)]
        with self.call("set_operations"):
            self.giving.set_operations(self.operations, sender=self.world.timelock)
        assert self.giving.operations() == self.operations

    @rule(pick=picks)
    def change_blocked(self, pick):
        """One token's issuer blocks one account at a time."""
        if self.blocked is not None:
            self.world.strange.set_blocked(self.blocked, False)
        accounts = [None, *self.world.people, self.operations]
        self.blocked = accounts[pick % len(accounts)]
        if self.blocked is not None:
            self.world.strange.set_blocked(self.blocked, True)

    @rule(pick=picks, size=sizes)
    def stray_money(self, pick, size):
        """Tokens sent by mistake, and coin that nothing can keep out."""
        asset = self.world.assets[pick % len(self.world.assets)]
        donor, amount = self.world.donors[1], worth(size)
        if asset == COIN:
            with self.call("selfdestruct"):
                assert send(self.world.force, amount, sender=donor) is None
        else:
            with self.call("transfer"):
                self.world.tokens[asset].transfer(self.giving, amount, sender=donor)
        self.move(asset, donor, self.giving.address, amount)
        self.check_balances(asset, donor)

    def strayed(self):
        here = self.giving.address
        return [asset for asset in self.world.assets if self.ledger[asset, here] > 0]

    @precondition(lambda self: self.strayed())
    @rule(pick=picks)
    def sweep(self, pick):
        strayed = self.strayed()
        asset = strayed[pick % len(strayed)]
        amount = self.ledger[asset, self.giving.address]
        with self.call("sweep"):
            assert self.giving.sweep(asset, sender=self.world.protocol.stranger) == amount
        reserve = self.world.protocol.reserve.address
        self.move(asset, self.giving.address, reserve, amount)
        self.check_balances(asset, reserve)

    # --- the registry -----------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 3_600, DAY, PAYEE_DELAY - 1, PAYEE_DELAY, 12 * DAY]))
    def wait(self, seconds):
        boa.env.timestamp += seconds

    @rule(payee=picks, legal=picks, sdgs=st.integers(1, 2**17 - 1))
    def apply(self, payee, legal, sdgs):
        payee = self.world.people[payee % PEOPLE]
        legal_id = LEGAL_IDS[legal % len(LEGAL_IDS)]
        words = (payee, legal_id, sdgs % 3 + 1)
        if words in self.applications:
            return
        with self.call("apply"):
            self.registry.apply(words[1], words[2], NO_HASH, "", sender=payee)
        self.applications.add(words)

    def free_legal_ids(self):
        return [one for one in LEGAL_IDS if not self.model.live(one, self.now)]

    @precondition(lambda self: self.free_legal_ids() and len(self.model.charities) < 40)
    @rule(payee=picks, legal=picks, days=st.sampled_from([1, 20, 60, 1_096]))
    def verify(self, payee, legal, days):
        """A charity that applied, or one the registrar vouches for; few of either last long."""
        free = self.free_legal_ids()
        applied = [words for words in sorted(self.applications) if words[1] in free]
        if applied and payee % 3:
            who, legal_id, sdgs = applied[legal % len(applied)]
            self.applications.remove((who, legal_id, sdgs))
        else:
            payees = [*self.world.people, *self.world.special]
            who, legal_id, sdgs = payees[payee % len(payees)], free[legal % len(free)], 4
            self.applications.discard((who, legal_id, sdgs))
        expiry = self.now + days * DAY
        with self.call("verify"):
            number = self.registry.verify(
                who, legal_id, sdgs, NO_HASH, "", expiry, NO_HASH, sender=self.world.registrar
            )
        assert number == self.model.add(Charity(who, legal_id, sdgs, NO_HASH, expiry))
        self.check_charity(number)

    def pick_of(self, able, pick):
        able = list(able)
        return able[pick % len(able)] if able else None

    @rule(pick=picks, days=st.integers(1, 90))
    def renew(self, pick, days):
        number = self.pick_of(self.model.renewable(self.now), pick)
        if number is None:
            return
        one = self.model.charities[number]
        expiry = max(one.expiry, self.now) + days * DAY
        if expiry > self.now + MAX_TERM:
            return
        with self.call("renew"):
            self.registry.renew(number, expiry, NO_HASH, sender=self.world.registrar)
        one.expiry = expiry
        self.check_charity(number)

    @rule(pick=picks)
    def suspend(self, pick):
        able = [n for n, one in self.model.charities.items() if one.may_be_suspended(self.now)]
        number = self.pick_of(able, pick)
        # enough charities should be left to give to
        if number is None or len(self.eligible()) < 6:
            return
        with self.call("suspend"):
            self.registry.suspend(number, NO_HASH, sender=self.world.registrar)
        self.model.charities[number].ended = self.now + SUSPENSION
        self.model.charities[number].pending = None
        self.check_charity(number)

    @rule(pick=picks)
    def reinstate(self, pick):
        number = self.pick_of(self.model.with_status(self.now, SUSPENDED), pick)
        if number is None:
            return
        with self.call("reinstate"):
            self.registry.reinstate(number, sender=self.world.registrar)
        self.model.charities[number].ended = self.now
        self.check_charity(number)

    @rule(pick=picks, by_payee=st.booleans())
    def leave(self, pick, by_payee):
        """For good: revoked by the timelock, or retired by its payee."""
        able = self.model.with_status(self.now, VERIFIED, EXPIRED, SUSPENDED)
        if len(self.eligible()) < 6:
            able = sorted(set(able) - set(self.eligible()))
        number = self.pick_of(able, pick)
        if number is None:
            return
        one = self.model.charities[number]
        if by_payee and one.payee in self.world.people:
            with self.call("retire"):
                self.registry.retire(number, NO_HASH, sender=one.payee)
        else:
            with self.call("revoke"):
                self.registry.revoke(number, NO_HASH, sender=self.world.timelock)
        one.is_revoked = True
        one.pending = None
        self.check_charity(number)

    @rule(pick=picks, successor=picks)
    def propose_payee(self, pick, successor):
        able = [
            number
            for number, one in self.model.charities.items()
            if one.may_change_payee(self.now)
            and (one.payee in self.world.people or one.payee in self.world.relays)
        ]
        number = self.pick_of(able, pick)
        if number is None:
            return
        one = self.model.charities[number]
        others = [account for account in self.world.people if account != one.payee]
        successor = others[successor % len(others)]
        with self.call("propose_payee"):
            if (relay := self.world.relays.get(one.payee)) is None:
                self.registry.propose_payee(number, successor, sender=one.payee)
            else:
                call = self.registry.propose_payee.prepare_calldata(number, successor)
                relay.forward(self.registry, call)
        one.pending = (successor, self.now + PAYEE_DELAY)
        self.proposals[number, successor] = self.now
        self.check_charity(number)

    @rule(pick=picks, wait=st.booleans())
    def accept_payee(self, pick, wait):
        if wait:
            boa.env.timestamp += PAYEE_DELAY
        able = [n for n, one in self.model.charities.items() if one.may_accept(self.now)]
        number = self.pick_of(able, pick)
        if number is None:
            return
        one = self.model.charities[number]
        successor, _ = one.pending
        with self.call("accept_payee"):
            self.registry.accept_payee(number, sender=successor)
        proposed_at = self.proposals.pop((number, successor))
        assert self.now - proposed_at >= PAYEE_DELAY, "REG-2: accepted too early"
        one.payee, one.pending = successor, None
        self.check_charity(number)

    @rule(pick=picks)
    def cancel_payee(self, pick):
        pending = [n for n, one in self.model.charities.items() if one.pending is not None]
        number = self.pick_of(pending, pick // 4)
        # most of them should be accepted
        if number is None or pick % 4:
            return
        one = self.model.charities[number]
        mays = [self.world.registrar, self.world.guardian]
        if one.payee in self.world.people:
            mays.append(one.payee)
        with self.call("cancel_payee"):
            self.registry.cancel_payee(number, sender=mays[pick % len(mays)])
        self.proposals.pop((number, one.pending[0]))
        one.pending = None
        self.check_charity(number)

    @rule(pick=picks, word=picks)
    def set_words(self, pick, word):
        """The payee renews the description, or the registrar the goals."""
        number = self.pick_of(self.model.with_status(self.now, VERIFIED, EXPIRED), pick)
        if number is None:
            return
        one = self.model.charities[number]
        if word % 2 and one.payee in self.world.people:
            metadata = keccak(one.metadata)
            with self.call("set_metadata"):
                self.registry.set_metadata(number, metadata, "", sender=one.payee)
            one.metadata = metadata
        elif one.sdgs != (sdgs := word * 2 + 1):
            with self.call("set_sdgs"):
                self.registry.set_sdgs(number, sdgs, sender=self.world.registrar)
            one.sdgs = sdgs
        self.check_charity(number)

    # --- what is refused --------------------------------------------------------------------------

    @precondition(lambda self: self.may_revert())
    @rule(pick=picks)
    def refused(self, pick):
        """One call that must revert, for its own reason, and move nothing."""
        cases = [*self.bad_gifts(), *self.bad_carts(), *self.bad_records(), *self.bad_roles()]
        reason, contract, name, *arguments, how = cases[pick % len(cases)]
        with self.call(name, reverts=reason), boa.env.anchor():
            getattr(contract, name)(*arguments, **how)
        asset = self.world.assets[pick % len(self.world.assets)]
        self.check_balances(asset, *self.world.donors)
        self.stepped()

    def bad_gifts(self):
        """(reason, contract, function, *arguments, keywords) of calls that must revert."""
        giving, memo = self.giving, NO_HASH
        sender = {"sender": self.world.donors[0]}
        paying = {**sender, "value": 1}
        reasons = {
            REVOKED: "registry: charity is revoked",
            SUSPENDED: "registry: charity is suspended",
            EXPIRED: "registry: charity is expired",
        }
        unknown = len(self.model.charities) + 1
        yield "registry: unknown charity", giving, "donate_native", unknown, memo, paying
        yield "giving: asset is not listed", giving, "donate_token", 1, COIN, 1, memo, sender
        for asset in self.world.assets:
            if asset not in self.listed:
                gift = (giving, "donate_token", 1, asset, 1, memo)
                yield "giving: asset is not listed", *gift, sender
        for asset in self.listed[1:2]:
            gift = (giving, "donate_token", 1, asset, 1, memo)
            yield "giving: value sent with a token gift", *gift, paying
            zero = (giving, "donate_token", 1, asset, 0, memo)
            yield "giving: zero amount", *zero, sender
        for status, reason in reasons.items():
            for number in self.model.with_status(self.now, status)[:2]:
                # GIV-3, the other way round
                yield reason, giving, "donate_native", number, memo, paying
                for asset in self.listed[1:2]:
                    yield reason, giving, "donate_token", number, asset, 1, memo, sender
        for number in self.eligible()[:1]:
            zero = (giving, "donate_native", number, memo, 1)
            yield "giving: zero amount", *zero, paying
            payee = self.model.charities[number].payee
            if payee in self.world.people:
                gift = (giving, "donate_native", number, memo)
                itself = {"sender": payee, "value": 1}
                yield "giving: donor is the payee", *gift, itself
            if self.world.six.address in self.listed:
                gift = (giving, "donate_token", number, self.world.six.address, 1, memo)
                poor = {"sender": self.world.protocol.stranger}
                yield "erc20: allowance too low", *gift, poor
                much = {**sender, "value": MAX_RECEIPT + 1}
                gift = (giving, "donate_native", number, memo, 0, True)
                yield "receipts: amount too large", *gift, much

    def bad_carts(self):
        giving, memo = self.giving, NO_HASH
        sender = {"sender": self.world.donors[0]}
        reason = "giving: as many amounts as charities"
        yield reason, giving, "donate_cart_native", [1], [], memo, sender
        yield "giving: nothing was given", giving, "donate_cart_native", [], [], memo, sender
        for number in self.eligible()[:1]:
            cart = (giving, "donate_cart_native", [number], [2], memo)
            wrong = "giving: value is not the sum"
            yield wrong, *cart, {**sender, "value": 1}
            yield wrong, *cart, {**sender, "value": 3}
            zero = (giving, "donate_cart_native", [number], [0], memo)
            yield "giving: zero amount", *zero, sender
            for asset in self.listed[1:2]:
                if asset != self.world.strange.address:
                    poor = {"sender": self.world.protocol.stranger}
                    gift = (giving, "donate_cart_token", asset, [number], [1], memo)
                    yield "giving: balance too low", *gift, poor
                nothing = (giving, "donate_cart_token", asset, [], [], memo)
                yield "giving: nothing was given", *nothing, sender
                for bad in self.model.with_status(self.now, SUSPENDED)[:1]:
                    gift = (giving, "donate_cart_token", asset, [number, bad], [1, 1], memo)
                    yield "registry: charity is suspended", *gift, sender

    def bad_records(self):
        registry = self.registry
        registrar = {"sender": self.world.registrar}
        words = (1, NO_HASH, "")
        term = (self.now + DAY, NO_HASH)
        person = self.world.people[0]
        for one in self.model.charities.values():
            if one.is_live(self.now):
                call = (registry, "verify", person, one.legal_id, *words, *term)
                yield "registry: legal id already verified", *call, registrar
                break
        taken = [n for n, one in self.model.charities.items() if self.is_overtaken(n)]
        for number in taken[:1]:
            # REG-1, the other way round: its legal id went to another while it was expired
            longer = max(self.model.charities[number].expiry, self.now) + DAY
            call = (registry, "renew", number, longer, NO_HASH)
            yield "registry: legal id already verified", *call, registrar
        for number in self.model.renewable(self.now):
            call = (registry, "renew", number, self.model.charities[number].expiry, NO_HASH)
            if self.model.charities[number].expiry > self.now:
                yield "registry: a renewal must extend the term", *call, registrar
                break
        free = self.free_legal_ids()[:1]
        for legal_id in free:
            token = (registry, "verify", self.world.six.address, legal_id, *words, *term)
            yield "registry: payee is a token", *token, registrar
            ours = (registry, "verify", self.giving.address, legal_id, *words, *term)
            yield "registry: payee is one of our contracts", *ours, registrar
            nobody = (registry, "verify", NOBODY, legal_id, *words, *term)
            yield "registry: zero payee", *nobody, registrar
            far = (self.now + MAX_TERM + 1, NO_HASH)
            late = (registry, "verify", person, legal_id, *words, *far)
            yield "registry: expiry too far off", *late, registrar
        for number, one in self.model.charities.items():
            yield from self.bad_payees(number, one)
            if one.status(self.now) in (VERIFIED, EXPIRED) and not one.may_be_suspended(self.now):
                call = (registry, "suspend", number, NO_HASH)
                yield "registry: suspended too recently", *call, registrar
            if one.is_revoked:
                call = (registry, "renew", number, self.now + DAY, NO_HASH)
                yield "registry: charity is not verified", *call, registrar

    def is_overtaken(self, number):
        one = self.model.charities[number]
        return one.status(self.now) == EXPIRED and bool(self.model.live(one.legal_id, self.now))

    def bad_payees(self, number, one):
        """REG-2, the other way round."""
        registry, stranger = self.registry, {"sender": self.world.protocol.stranger}
        if one.pending is None:
            yield "registry: no pending payee", registry, "accept_payee", number, stranger
            return
        successor, ready_at = one.pending
        accept = (registry, "accept_payee", number)
        yield "registry: not the proposed payee", *accept, stranger
        yield "registry: may not cancel", registry, "cancel_payee", number, stranger
        if self.now < ready_at:
            yield "registry: payee delay is not over", *accept, {"sender": successor}
        elif not one.may_accept(self.now) and self.now >= ready_at + 30 * DAY:
            yield "registry: proposal has lapsed", *accept, {"sender": successor}

    def bad_roles(self):
        stranger = {"sender": self.world.protocol.stranger}
        giving, registry = self.giving, self.registry
        nobody = self.world.protocol.stranger
        yield "giving: not the timelock", giving, "set_operations", nobody, stranger
        yield "giving: not the timelock", giving, "list_asset", nobody, False, stranger
        yield "registry: not the timelock", registry, "revoke", 1, NO_HASH, stranger
        yield "registry: not the registrar", registry, "suspend", 1, NO_HASH, stranger
        yield "registry: not the payee", registry, "retire", 1, NO_HASH, stranger
        yield "registry: not the payee", registry, "propose_payee", 1, nobody, stranger
        for asset in self.world.assets:
            if self.ledger[asset, self.giving.address] == 0:
                yield "giving: nothing to sweep", giving, "sweep", asset, {}
                break


# what a run must have done at least once
CALLS = {
    "donate_native",
    "donate_token",
    "donate_token_with_permit",
    "donate_cart_native",
    "donate_cart_token",
    "donate_cart_token_with_permit",
    "permit",
    "apply",
    "verify",
    "renew",
    "suspend",
    "reinstate",
    "retire",
    "revoke",
    "propose_payee",
    "accept_payee",
    "cancel_payee",
    "set_metadata",
    "set_sdgs",
    "set_operations",
    "list_asset",
    "unlist_asset",
    "sweep",
    "transfer",
}


@pytest.mark.stateful
def test_giving_machine():
    check_at_length(GivingMachine, CALLS)


@pytest.mark.stateful
def test_giving_machine_on_py_evm():
    check_on_py_evm(GivingMachine, examples=8)
