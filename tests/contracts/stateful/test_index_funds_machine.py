"""IndexFunds beside a model in which every gift divides itself at once and exactly.

IXF-1  liability = sum of given - claimed, and the balance is never less
IXF-2  0 <= given - claimed - sum of claimable < members + drops, per fund, epoch and asset
IXF-3  what a member has earned never falls, and only gifts change it
IXF-4  it does not matter who claims first, nor when
IXF-5  a member has earned its exact share, less than 1 + drops * weight / total weight below it
RCP-1  a receipt says what the log of its gift says
"""

from __future__ import annotations

import boa
import pytest
from eth_utils import keccak
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.contracts import deployers, roles
from tests.contracts.models.index_funds import Fund
from tests.contracts.money import COIN, balance, send
from tests.contracts.protocol import EPOCH_NOTICE, NO_SIGNATURE, Protocol, set_code
from tests.contracts.stateful.counting import NOW, CountedMachine, check_at_length, check_on_py_evm

DAY = 86_400
RICHES = 2**140
MAX_TOTAL = 2**104 - 1
MAX_RECEIPT = 2**96 - 1
STOP = 7 * DAY
STOP_INTERVAL = 30 * DAY
CHARITIES = 200
# of all members of a longer list, only some are asked after each step
ASKED = 10
# a full check of everything after so many steps, and at the end of each example
FULL_CHECK = 40
NOBODY = "0x" + "00" * 20

# which of those that can; taken modulo their number
picks = st.integers(0, 2**16 - 1)
# amounts of 1 to 2**97 - 1, as often one digit as twenty
sizes = st.tuples(st.integers(0, 96), picks)


class World:
    """One deployment for all examples: funds 1 to 3 run, and 200 charities are verified."""

    def __init__(self):
        boa.env.timestamp = NOW - 10 * DAY
        self.protocol = Protocol()
        self.funds = self.protocol.funds
        self.registry = self.protocol.registry
        self.receipts = self.protocol.receipts
        self.timelock = self.protocol.timelock
        self.guardian = self.protocol.guardian
        self.registrar = self.protocol.registrar
        self.donors = [roles.address(f"donor {number}") for number in range(3)]
        eight = deployers.ODD_TOKEN.deploy(8)
        eighteen = deployers.PLAIN_TOKEN.deploy("Eighteen", "EIG", 18)
        late = deployers.PLAIN_TOKEN.deploy("Late", "LAT", 18)
        self.unlisted = deployers.PLAIN_TOKEN.deploy("Unlisted", "UNL", 6)
        # it can be told to refuse, and to take a fee
        self.odd = eight
        self.tokens = {
            token.address: token for token in (self.protocol.token, eight, eighteen, late)
        }
        self.late = late.address
        for token in (eight, eighteen):
            self.funds.list_asset(token, sender=self.timelock)
        for token in self.tokens.values():
            for donor in self.donors:
                token.mint(donor, RICHES)
                token.approve(self.funds, 2**256 - 1, sender=donor)
        for donor in self.donors:
            boa.env.set_balance(donor, RICHES)
        # sends what it gets to the funds in a way that no contract can refuse
        self.force = set_code("force", bytes.fromhex(f"73{self.funds.address[2:]}ff"))
        # payees that are contracts: both refuse the coin, one by a bad call, one by claiming in
        # the middle of its own payment
        self.relays = [deployers.RELAY.deploy() for _ in range(2)]
        self.payees = [roles.address(f"payee {number}") for number in range(CHARITIES)]
        self.payees[2], self.payees[4] = (relay.address for relay in self.relays)
        self.relays[0].set_answer(self.funds, b"\0\0\0\0", 0)
        self.relays[1].set_answer(self.funds, self.funds.claim.prepare_calldata(1, 1, 1, COIN), 0)
        for number, payee in enumerate(self.payees):
            self.registry.verify(
                payee,
                keccak(text=f"GB:CHC:{number}"),
                1,
                keccak(text="metadata"),
                "",
                NOW + 300 * DAY,
                keccak(text="evidence"),
                sender=self.registrar,
            )
        self.lists = {
            1: [(1, 1)],
            2: [(1, 1), (2, 1), (3, 1)],
            3: [(charity, 3 * charity) for charity in (1, 3, 4, 5, 7, 8, 9)],
        }
        for fund_id, members in self.lists.items():
            self.protocol.announce(fund_id, members)
        self.fund_count = self.funds.fund_count()
        boa.env.timestamp = NOW


class IndexFundsMachine(CountedMachine):
    world: World

    @classmethod
    def prepare(cls):
        cls.world = World()

    def __init__(self):
        super().__init__()
        world = self.world
        self.contract = world.funds
        # the model
        self.funds = {fund_id: Fund() for fund_id in range(1, world.fund_count + 1)}
        for fund_id, members in world.lists.items():
            self.funds[fund_id].announce(members, NOW - 10 * DAY + EPOCH_NOTICE)
        self.payee = dict(enumerate(world.payees, start=1))
        self.pending = {}
        self.revoked = set()
        self.listed = [COIN, *(token for token in world.tokens if token != world.late)]
        self.assets = [COIN, *world.tokens]
        self.owed = dict.fromkeys(self.assets, 0)
        # came without being given
        self.stray = dict.fromkeys(self.assets, 0)
        self.stopped_until = 0
        self.next_stop_at = 0
        self.receipts = 0
        self.memos = 0
        self.steps = 0

    def at_the_end(self):
        self.check_everything()

    # --- what there is ----------------------------------------------------------------------------

    @property
    def now(self):
        return boa.env.timestamp

    def is_open(self):
        return self.now >= self.stopped_until

    def running(self):
        """Every fund that takes gifts, with its epoch."""
        found = ((fund_id, fund.running(self.now)) for fund_id, fund in self.funds.items())
        return [(fund_id, epoch) for fund_id, epoch in found if epoch != 0]

    def pots(self):
        """(fund, epoch number, asset, pot) of all that was ever given."""
        return [
            (fund_id, number, asset, pot)
            for fund_id, fund in self.funds.items()
            for number, epoch in fund.epochs.items()
            for asset, pot in epoch.pots.items()
        ]

    def owing(self):
        return [pot for pot in self.pots() if pot[3].owed > 0]

    def droppable(self):
        """(fund, epoch number, member) of the revoked members of lists that are not over."""
        return [
            (fund_id, number, member)
            for fund_id, fund in self.funds.items()
            for number in {fund.running(self.now), fund.announced(self.now)} - {0}
            for member in fund.epochs[number].live
            if fund.epochs[number].members[member][0] in self.revoked
        ]

    def charity(self, fund_id, number, member):
        return self.funds[fund_id].epochs[number].members[member][0]

    def takes(self, asset, payee):
        """Whether a payee accepts payments in an asset."""
        return asset != COIN or all(payee != relay.address for relay in self.world.relays)

    def relay(self, account):
        return next((one for one in self.world.relays if one.address == account), None)

    def worth(self, size, room=MAX_TOTAL):
        bits, low = size
        return min((1 << bits) + low % (1 << bits), room)

    def room(self, fund_id, number, asset):
        return MAX_TOTAL - self.funds[fund_id].epochs[number].pot(asset).given

    # --- checks -----------------------------------------------------------------------------------

    def due(self, fund_id, number, member, asset):
        return self.contract.claimable(fund_id, number, member, asset)

    def check_pot(self, fund_id, number, asset, *, grew=False, full=False):
        """`grew`: a gift may have raised what is earned; else nothing may have."""
        epoch = self.funds[fund_id].epochs[number]
        pot = epoch.pot(asset)
        where = f"fund {fund_id} epoch {number} asset {asset}"
        asked = range(len(epoch.members))
        if not full and len(asked) > ASKED:
            asked = [(self.steps + at * len(asked) // ASKED) % len(asked) for at in range(ASKED)]
        assert self.contract.total_given(fund_id, number, asset) == pot.given, f"IXF-1: {where}"
        due = 0
        for member in asked:
            claimable = self.due(fund_id, number, member, asset)
            due += claimable
            earned = pot.claimed[member] + claimable
            at = f"{where} member {member}"
            if grew or len(epoch.members) > ASKED:
                assert earned >= pot.earned[member], f"IXF-3: earned fell, {at}"
            else:
                assert earned == pot.earned[member], f"IXF-3: earned without a gift, {at}"
            pot.earned[member] = earned
            below = pot.exact[member] - earned
            assert 0 <= below < epoch.allowance(member), f"IXF-5: {float(below)} below, {at}"
        if len(asked) == len(epoch.members):
            residue = pot.owed - due
            most = len(epoch.members) + len(epoch.dropped)
            assert 0 <= residue < most, f"IXF-2: residue {residue}, {where}"

    def check_asset(self, asset):
        owed, stray = self.owed[asset], self.stray[asset]
        assert self.contract.liability(asset) == owed, f"IXF-1: liability of {asset}"
        held = balance(self.token(asset), self.contract)
        assert held >= owed, f"IXF-1: insolvent in {asset}"
        assert held == owed + stray, f"IXF-1: balance of {asset}"
        self.steps += 1
        if self.steps % FULL_CHECK == 0:
            self.check_everything()

    def check_fund(self, fund_id):
        """Nothing that was earned has changed."""
        fund = self.funds[fund_id]
        assert self.contract.running_epoch(fund_id) == fund.running(self.now)
        announced = fund.announced(self.now)
        starts_at = fund.epochs[announced].starts_at if announced else 0
        assert tuple(self.contract.announced_epoch(fund_id)) == (announced, starts_at)
        for number, epoch in fund.epochs.items():
            for asset in epoch.pots:
                self.check_pot(fund_id, number, asset)

    def check_everything(self):
        for asset in self.assets:
            owed = sum(pot.owed for _, _, at, pot in self.pots() if at == asset)
            assert self.contract.liability(asset) == owed == self.owed[asset], "IXF-1"
            assert balance(self.token(asset), self.contract) == owed + self.stray[asset], "IXF-1"
            assert self.contract.surplus(asset) == self.stray[asset], "IXF-1"
        for fund_id, fund in self.funds.items():
            assert self.contract.running_epoch(fund_id) == fund.running(self.now)
            for number, epoch in fund.epochs.items():
                info = self.contract.epoch_info(fund_id, number)
                live = sum(epoch.members[member][1] for member in epoch.live)
                counts = (len(epoch.members), len(epoch.dropped))
                assert tuple(info) == (sum(epoch.weights), live, *counts)
                for asset, pot in epoch.pots.items():
                    self.check_pot(fund_id, number, asset, full=True)
                    member = self.steps % len(pot.claimed)
                    claimed = self.contract.claimed(fund_id, number, member, asset)
                    assert claimed == pot.claimed[member]
        assert self.contract.stopped_until() == self.stopped_until
        assert self.contract.next_stop_at() == self.next_stop_at
        assert self.world.receipts.token_count() == self.receipts, "RCP-1"

    def token(self, asset):
        return COIN if asset == COIN else self.world.tokens[asset]

    # --- donors -----------------------------------------------------------------------------------

    def memo(self):
        self.memos += 1
        return self.memos.to_bytes(32, "big")

    def booked(self, fund_id, number, asset, amount, donor, memo, receipt):
        """A gift went through: note it, and read what was logged and written of it."""
        epoch = self.funds[fund_id].epochs[number]
        epoch.pot(asset).give(amount, epoch.live)
        self.owed[asset] += amount
        logs = [log for log in self.contract.get_logs() if type(log).__name__ == "FundDonated"]
        gift = (donor, fund_id, number, asset, amount, memo)
        (log,) = logs
        assert (log.donor, log.fund_id, log.epoch, log.asset, log.amount, log.memo) == gift
        if receipt:
            self.receipts += 1
            written = self.world.receipts.receipt(self.receipts)
            said = (written.donor, written.recipient_id, written.epoch, written.asset)
            assert (*said, written.amount, written.memo) == gift, "RCP-1"
        assert self.world.receipts.token_count() == self.receipts, "RCP-1"
        self.check_pot(fund_id, number, asset, grew=True)
        self.check_asset(asset)

    def give(self, fund_id, number, asset, amount, donor, receipt, permit=False):
        memo = self.memo()
        receipt = receipt and amount <= MAX_RECEIPT
        if asset == COIN:
            with self.call("donate_native"):
                self.contract.donate_native(
                    fund_id, number, memo, receipt, value=amount, sender=donor
                )
        elif permit:
            # no token takes this signature: the allowance decides
            with self.call("donate_token_with_permit"):
                self.contract.donate_token_with_permit(
                    fund_id, number, asset, amount, memo, receipt, *NO_SIGNATURE, sender=donor
                )
        else:
            with self.call("donate_token"):
                self.contract.donate_token(
                    fund_id, number, asset, amount, memo, receipt, sender=donor
                )
        self.booked(fund_id, number, asset, amount, donor, memo, receipt)

    def _give(self, fund, donor, size, receipt, asset, permit=False):
        running = self.running()
        fund_id, number = running[fund % len(running)]
        amount = self.worth(size, self.room(fund_id, number, asset))
        if amount > 0:
            giver = self.world.donors[donor % len(self.world.donors)]
            self.give(fund_id, number, asset, amount, giver, receipt, permit)

    @precondition(lambda self: self.is_open() and self.running())
    @rule(fund=picks, donor=picks, size=sizes, receipt=st.booleans())
    def give_coin(self, fund, donor, size, receipt):
        self._give(fund, donor, size, receipt, COIN)

    @precondition(lambda self: self.is_open() and self.running() and len(self.listed) > 1)
    @rule(fund=picks, donor=picks, token=picks, size=sizes, receipt=st.booleans())
    def give_token(self, fund, donor, token, size, receipt):
        asset = self.listed[1:][token % (len(self.listed) - 1)]
        self._give(fund, donor, size, receipt, asset)

    @precondition(lambda self: self.is_open() and self.running() and len(self.listed) > 1)
    @rule(fund=picks, token=picks, size=sizes)
    def give_token_with_permit(self, fund, token, size):
        asset = self.listed[1:][token % (len(self.listed) - 1)]
        self._give(fund, 0, size, False, asset, permit=True)

    @precondition(lambda self: self.is_open() and self.running())
    @rule(fund=picks, asset=picks, much=st.integers(0, 15))
    def give_dust_or_all_there_is_room_for(self, fund, asset, much):
        """1 to 15 of the smallest unit; 0: as much as fits."""
        asset = self.listed[asset % len(self.listed)]
        running = self.running()
        fund_id, number = running[fund % len(running)]
        amount = min(much or MAX_TOTAL, self.room(fund_id, number, asset))
        if amount > 0:
            self.give(fund_id, number, asset, amount, self.world.donors[0], False)

    # --- charities --------------------------------------------------------------------------------

    def paid(self, fund_id, number, asset, member, amount):
        pot = self.funds[fund_id].epochs[number].pots[asset]
        pot.claimed[member] += amount
        self.owed[asset] -= amount

    def owing_member(self, pick, which):
        """A (fund, epoch, asset) that owes, one of its members to which it does, and how much."""
        owing = self.owing()
        fund_id, number, asset, pot = owing[pick % len(owing)]
        members = len(pot.claimed)
        for turn in range(min(members, 20)):
            member = (which + turn) % members
            if (due := self.due(fund_id, number, member, asset)) > 0:
                return fund_id, number, asset, member, due
        return None

    @precondition(lambda self: self.owing())
    @rule(pot=picks, member=picks)
    def claim(self, pot, member):
        if (found := self.owing_member(pot, member)) is None:
            return
        fund_id, number, asset, member, due = found
        payee = self.payee[self.charity(fund_id, number, member)]
        if not self.takes(asset, payee):
            if self.may_revert():
                with self.call("claim", reverts="transfers: receiver refused"):
                    self.contract.claim(fund_id, number, member, asset)
            return
        before = balance(self.token(asset), payee)
        with self.call("claim"):
            paid = self.contract.claim(fund_id, number, member, asset)
        assert paid == due == balance(self.token(asset), payee) - before
        self.paid(fund_id, number, asset, member, paid)
        self.check_pot(fund_id, number, asset)
        self.check_asset(asset)

    @precondition(lambda self: self.owing())
    @rule(pot=picks, member=picks)
    def claim_to(self, pot, member):
        if (found := self.owing_member(pot, member)) is None:
            return
        fund_id, number, asset, member, due = found
        payee = self.payee[self.charity(fund_id, number, member)]
        receiver = roles.address("another receiver")
        before = balance(self.token(asset), receiver)
        with self.call("claim_to"):
            if (relay := self.relay(payee)) is None:
                self.contract.claim_to(fund_id, number, member, asset, receiver, sender=payee)
            else:
                relay.forward(
                    self.contract,
                    self.contract.claim_to.prepare_calldata(
                        fund_id, number, member, asset, receiver
                    ),
                )
        assert balance(self.token(asset), receiver) - before == due
        self.paid(fund_id, number, asset, member, due)
        self.check_pot(fund_id, number, asset)
        self.check_asset(asset)

    @precondition(lambda self: self.owing())
    @rule(
        refs=st.lists(st.tuples(picks, picks), min_size=1, max_size=6),
        twice=st.booleans(),
        is_refusing=st.booleans(),
    )
    def claim_many(self, refs, twice, is_refusing):
        """In any order, some twice, some to payees or in a token that refuses."""
        owing = self.owing()
        items = []
        for pot, member in refs:
            fund_id, number, asset, found = owing[pot % len(owing)]
            items.append((fund_id, number, member % len(found.claimed), asset))
        if twice:
            items.append(items[0])
        expected, touched = {}, set()
        for item in items:
            fund_id, number, member, asset = item
            payee = self.payee[self.charity(fund_id, number, member)]
            refused = not self.takes(asset, payee)
            refused |= is_refusing and asset == self.world.odd.address
            touched.add((fund_id, number, asset))
            if not refused and item not in expected:
                expected[item] = self.due(fund_id, number, member, asset)
        if is_refusing:
            self.world.odd.set_is_refusing(True)
        with self.call("claim_many"):
            paid = self.contract.claim_many(items)
        logs = self.contract.get_logs()
        if is_refusing:
            self.world.odd.set_is_refusing(False)
        assert paid == sum(due > 0 for due in expected.values())
        assert sum(type(log).__name__ == "Claimed" for log in logs) == paid
        for (fund_id, number, member, asset), due in expected.items():
            self.paid(fund_id, number, asset, member, due)
        for fund_id, number, asset in sorted(touched):
            self.check_pot(fund_id, number, asset)
            self.check_asset(asset)

    @precondition(lambda self: self.owing())
    @rule(pot=picks, split=picks, gift=sizes, shift=picks)
    def claim_in_another_order(self, pot, split, gift, shift):
        """IXF-4: two orders of the same claims, with the same gift at another point of them, pay
        everybody the same. Both are undone.
        """
        owing = self.owing()
        fund_id, number, asset, found = owing[pot % len(owing)]
        members = list(range(len(found.claimed)))[:12]
        amount = 0
        if (
            self.funds[fund_id].running(self.now) == number
            and self.is_open()
            and asset in self.listed
        ):
            amount = self.worth(gift, self.room(fund_id, number, asset))

        def play(order, give_after):
            paid = dict.fromkeys(members, 0)
            with boa.env.anchor():
                for turn, member in enumerate([*order, *order]):
                    if turn == give_after and amount > 0:
                        self.just_give(fund_id, number, asset, amount)
                    payee = self.payee[self.charity(fund_id, number, member)]
                    if self.takes(asset, payee):
                        if (due := self.due(fund_id, number, member, asset)) > 0:
                            with self.call("claim"):
                                self.contract.claim(fund_id, number, member, asset)
                            paid[member] += due
                    elif turn >= len(order):
                        paid[member] = self.due(fund_id, number, member, asset)
            return paid

        other = members[shift % len(members) :] + members[: shift % len(members)]
        first = play(members, split % (len(members) + 1))
        assert first == play(other[::-1], (split // 16) % (len(members) + 1)), "IXF-4"

    def just_give(self, fund_id, number, asset, amount):
        donor = self.world.donors[0]
        memo = b"\0" * 32
        if asset == COIN:
            with self.call("donate_native"):
                self.contract.donate_native(fund_id, number, memo, value=amount, sender=donor)
        else:
            with self.call("donate_token"):
                self.contract.donate_token(fund_id, number, asset, amount, memo, sender=donor)

    # --- lists ------------------------------------------------------------------------------------

    @precondition(lambda self: self.announceable())
    @rule(
        fund=picks,
        first=picks,
        weights=st.lists(st.integers(1, 10_000), min_size=1, max_size=9),
        times=st.sampled_from([1, 1, 1, 1, 1, 1, 3, 30]),
        wait=st.integers(0, 2),
    )
    def announce(self, fund, first, weights, times, wait):
        """Up to 200 members, starting anywhere in the register; mostly, wait until it runs."""
        able = self.announceable()
        fund_id = able[fund % len(able)]
        weights = (weights * times)[:CHARITIES]
        # the special payees are among the first
        start = first % 12 if first % 4 else first % CHARITIES
        standing = [
            (start + turn) % CHARITIES + 1
            for turn in range(CHARITIES)
            if (start + turn) % CHARITIES + 1 not in self.revoked
        ]
        charities = sorted(standing[: len(weights)])
        members = list(zip(charities, weights, strict=False))
        with self.call("announce_epoch"):
            number = self.contract.announce_epoch(
                fund_id, charities, weights[: len(charities)], sender=self.world.timelock
            )
        assert number == self.funds[fund_id].announce(members, self.now + EPOCH_NOTICE)
        self.check_fund(fund_id)
        if wait:
            boa.env.timestamp += EPOCH_NOTICE
            self.check_fund(fund_id)

    def announceable(self):
        """A handful of funds is enough, and makes more happen in each."""
        return [
            fund_id
            for fund_id in (1, 2, 3, 17, self.world.fund_count + 1)
            if fund_id in self.funds and self.funds[fund_id].announced(self.now) == 0
        ]

    @precondition(lambda self: any(fund.announced(self.now) for fund in self.funds.values()))
    @rule(pick=picks, give_up=st.booleans())
    def cancel(self, pick, give_up):
        if give_up:
            # most lists should start
            return
        waiting = [one for one, fund in self.funds.items() if fund.announced(self.now)]
        fund_id = waiting[pick % len(waiting)]
        number = self.funds[fund_id].announced(self.now)
        with self.call("cancel_epoch"):
            self.contract.cancel_epoch(fund_id, number, sender=self.world.timelock)
        self.funds[fund_id].epochs[number].is_withdrawn = True
        self.check_fund(fund_id)

    @precondition(lambda self: len(self.funds) == self.world.fund_count)
    @rule()
    def create_fund(self):
        with self.call("create_fund"):
            fund_id = self.contract.create_fund("One more", sender=self.world.timelock)
        assert fund_id not in self.funds
        self.funds[fund_id] = Fund()

    def listed_charities(self):
        """On a list that is not over, and not revoked."""
        return sorted(
            {
                fund.epochs[number].members[member][0]
                for fund in self.funds.values()
                for number in {fund.running(self.now), fund.announced(self.now)} - {0}
                for member in fund.epochs[number].live
            }
            - self.revoked
        )

    @precondition(lambda self: self.listed_charities())
    @rule(pick=picks, and_drop=st.booleans())
    def revoke(self, pick, and_drop):
        listed = self.listed_charities()
        charity = listed[pick % len(listed)]
        with self.call("revoke"):
            self.world.registry.revoke(charity, b"\0" * 32, sender=self.world.timelock)
        self.revoked.add(charity)
        self.pending.pop(charity, None)
        if and_drop:
            for found in sorted(self.droppable()):
                self._drop(*found)

    @precondition(lambda self: self.droppable())
    @rule(pick=picks)
    def drop(self, pick):
        droppable = sorted(self.droppable())
        self._drop(*droppable[pick % len(droppable)])

    def _drop(self, fund_id, number, member):
        with self.call("drop"):
            self.contract.drop(fund_id, number, member)
        self.funds[fund_id].epochs[number].drop(member, self.now)
        assert self.contract.members(fund_id, number)[member].is_dropped
        self.check_fund(fund_id)

    # --- time, assets, entries --------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 3_600, DAY, EPOCH_NOTICE - 1, EPOCH_NOTICE, 8 * DAY]))
    def wait(self, seconds):
        boa.env.timestamp += seconds

    @precondition(lambda self: any(fund.announced(self.now) for fund in self.funds.values()))
    @rule(pick=picks)
    def wait_for_a_start(self, pick):
        """To the second."""
        waiting = [fund for fund in self.funds.values() if fund.announced(self.now)]
        fund = waiting[pick % len(waiting)]
        boa.env.timestamp = fund.epochs[fund.announced(self.now)].starts_at
        for fund_id in self.funds:
            running = self.contract.running_epoch(fund_id)
            assert running == self.funds[fund_id].running(self.now)

    @rule(pick=picks)
    def change_listing(self, pick):
        """A token is listed, or no more: what was earned in it stays earned."""
        asset = self.assets[1:][pick % (len(self.assets) - 1)]
        if asset in self.listed:
            if len(self.listed) < 3:
                return
            with self.call("unlist_asset"):
                self.contract.unlist_asset(asset, sender=self.world.timelock)
            self.listed.remove(asset)
        else:
            with self.call("list_asset"):
                self.contract.list_asset(asset, sender=self.world.timelock)
            self.listed.append(asset)
        self.check_asset(asset)

    @precondition(lambda self: self.now >= self.next_stop_at)
    @rule(go=st.integers(0, 3), pick=picks)
    def stop(self, go, pick):
        if go:
            return
        with self.call("stop_entries"):
            self.contract.stop_entries(sender=self.world.guardian)
        self.stopped_until = self.now + STOP
        self.next_stop_at = self.now + STOP_INTERVAL
        self.refuse_while_stopped(pick)

    def refuse_while_stopped(self, pick):
        asset, donor = self.listed[pick % len(self.listed)], self.world.donors[0]
        with self.call("donate", reverts="funds: entries are stopped"):
            if asset == COIN:
                self.contract.donate_native(1, 1, b"\0" * 32, value=1, sender=donor)
            else:
                self.contract.donate_token(1, 1, asset, 1, b"\0" * 32, sender=donor)

    @precondition(lambda self: not self.is_open())
    @rule()
    def resume(self):
        with self.call("resume_entries"):
            self.contract.resume_entries(sender=self.world.guardian)
        self.stopped_until = self.now

    # --- payees -----------------------------------------------------------------------------------

    @precondition(lambda self: set(self.payee) - self.revoked - set(self.pending))
    @rule(pick=picks)
    def propose_payee(self, pick):
        able = sorted(set(range(1, 13)) - self.revoked - set(self.pending))
        if not able:
            return
        charity = able[pick % len(able)]
        payee = self.payee[charity]
        successor = roles.address(f"successor {pick % 5}")
        if successor == payee:
            return
        with self.call("propose_payee"):
            if (relay := self.relay(payee)) is None:
                self.world.registry.propose_payee(charity, successor, sender=payee)
            else:
                relay.forward(
                    self.world.registry,
                    self.world.registry.propose_payee.prepare_calldata(charity, successor),
                )
        self.pending[charity] = (successor, self.now + 2 * DAY)

    def ripe(self):
        return [
            charity
            for charity, (_, ready_at) in self.pending.items()
            if ready_at <= self.now < ready_at + 30 * DAY
        ]

    @precondition(lambda self: self.ripe())
    @rule(pick=picks)
    def accept_payee(self, pick):
        ripe = self.ripe()
        charity = ripe[pick % len(ripe)]
        successor, _ = self.pending.pop(charity)
        with self.call("accept_payee"):
            self.world.registry.accept_payee(charity, sender=successor)
        self.payee[charity] = successor

    # --- what nobody gave -------------------------------------------------------------------------

    @rule(pick=picks, size=sizes)
    def stray_money(self, pick, size):
        """Tokens sent by mistake, and coin that nothing can keep out."""
        asset = self.assets[pick % len(self.assets)]
        amount = self.worth(size)
        if asset == COIN:
            with self.call("selfdestruct"):
                failed = send(self.world.force, amount, sender=self.world.donors[1])
            assert failed is None
        else:
            with self.call("transfer"):
                self.world.tokens[asset].transfer(
                    self.contract, amount, sender=self.world.donors[1]
                )
        self.stray[asset] += amount
        self.check_asset(asset)

    @precondition(lambda self: any(self.stray.values()))
    @rule(pick=picks)
    def sweep(self, pick):
        able = [asset for asset, stray in self.stray.items() if stray > 0]
        asset = able[pick % len(able)]
        reserve = self.world.protocol.reserve
        before = balance(self.token(asset), reserve)
        with self.call("sweep"):
            swept = self.contract.sweep(asset)
        assert swept == self.stray[asset] == balance(self.token(asset), reserve) - before
        self.stray[asset] = 0
        self.check_asset(asset)

    # --- what is refused --------------------------------------------------------------------------

    @precondition(lambda self: self.may_revert())
    @rule(pick=picks)
    def refused(self, pick):
        """One call that must revert, for its own reason, and change nothing."""
        cases = [*self.bad_gifts(), *self.bad_claims(), *self.bad_lists(), *self.bad_roles()]
        reason, name, *arguments, how = cases[pick % len(cases)]
        with self.call(name, reverts=reason), boa.env.anchor():
            # an odd token's mood, if any, is over when the call is
            for mood in how.pop("mood", ()):
                getattr(self.world.odd, mood[0])(mood[1])
            getattr(self.contract, name)(*arguments, **how)
        self.check_asset(self.assets[pick % len(self.assets)])

    def bad_gifts(self):
        """(reason, function, *arguments, keywords) of calls that must revert."""
        memo, donor = b"\0" * 32, {"sender": self.world.donors[0]}
        paying = {**donor, "value": 1}
        unlisted = self.world.unlisted.address
        yield "funds: asset is not listed", "donate_token", 1, 1, unlisted, 1, memo, donor
        yield "funds: asset is not listed", "donate_token", 1, 1, COIN, 1, memo, donor
        for token in self.listed[1:2]:
            reason = "funds: value sent with a token gift"
            yield reason, "donate_token", 1, 1, token, 1, memo, paying
        if not self.is_open():
            yield "funds: entries are stopped", "donate_native", 1, 1, memo, paying
            return
        yield "funds: zero amount", "donate_native", 1, 1, memo, donor
        yield "funds: unknown fund", "donate_native", 99, 1, memo, paying
        yield "funds: unknown fund", "donate_native", 0, 0, memo, paying
        # nothing is ever announced for this one
        yield "funds: fund has no epoch", "donate_native", 16, 0, memo, paying
        for fund_id, number in self.running()[:2]:
            at = (fund_id, number)
            wrong = "funds: epoch is not running"
            yield wrong, "donate_native", fund_id, number + 1, memo, paying
            yield wrong, "donate_native", fund_id, 0, memo, paying
            room = self.room(fund_id, number, COIN)
            much = {**donor, "value": room + 1}
            yield "funds: total too large", "donate_native", *at, memo, much
            if room > MAX_RECEIPT:
                much = {**donor, "value": MAX_RECEIPT + 1}
                yield "receipts: amount too large", "donate_native", *at, memo, True, much
            odd = self.world.odd.address
            if odd in self.listed and self.room(fund_id, number, odd) > 10_000:
                gift = ("donate_token", *at, odd, 10_000, memo)
                yield "funds: the asset took a fee", *gift, {**donor, "mood": [("set_fee", 100)]}
                refusing = {**donor, "mood": [("set_is_refusing", True)]}
                yield "transfers: token refused", *gift, refusing

    def bad_claims(self):
        stranger = self.world.protocol.stranger
        yield "funds: no such member", "claim", 1, 1, 1, COIN, {}
        yield "funds: no such epoch", "claim", 1, 2**32, 0, COIN, {}
        for asset in self.assets:
            if self.stray[asset] == 0:
                yield "funds: nothing to sweep", "sweep", asset, {}
                break
        for fund_id, number, asset, _ in self.owing()[:1]:
            at = (fund_id, number, 0, asset)
            payee = self.payee[self.charity(fund_id, number, 0)]
            yield "funds: not the payee", "claim_to", *at, stranger, {"sender": stranger}
            if self.due(*at) == 0:
                yield "funds: nothing to claim", "claim", *at, {}
            elif self.relay(payee) is None:
                by_payee = {"sender": payee}
                itself = self.contract.address
                yield "funds: zero receiver", "claim_to", *at, NOBODY, by_payee
                yield "funds: receiver is this contract", "claim_to", *at, itself, by_payee

    def bad_lists(self):
        timelock = {"sender": self.world.timelock}
        yield "funds: unknown fund", "announce_epoch", 99, [1], [1], timelock
        yield "funds: no members", "announce_epoch", 1, [], [], timelock
        reason = "funds: as many weights as members"
        yield reason, "announce_epoch", 1, [1, 2], [1], timelock
        yield "funds: epoch is not announced", "cancel_epoch", 1, 2**31, timelock
        yield "funds: epoch is over", "drop", 1, 2**31, 0, {}
        for fund_id in self.announceable()[:1]:
            name = ("announce_epoch", fund_id)
            one, two = [charity for charity in range(1, 60) if self.stands(charity)][:2]
            yield "funds: members not ascending", *name, [two, one], [1, 1], timelock
            yield "funds: members not ascending", *name, [one, one], [1, 1], timelock
            yield "funds: zero weight", *name, [one, two], [1, 0], timelock
            yield "funds: weight over 10,000", *name, [one, two], [10_001, 1], timelock
            unknown = CHARITIES + 1
            yield "registry: unknown charity", *name, [one, unknown], [1, 1], timelock
            for revoked in sorted(self.revoked)[:1]:
                yield "registry: charity is revoked", *name, [revoked], [1], timelock
        for fund_id, fund in self.funds.items():
            if fund.announced(self.now):
                reason = "funds: an epoch is announced"
                yield reason, "announce_epoch", fund_id, [1], [1], timelock
                break
        for fund_id, number in self.running()[:2]:
            epoch = self.funds[fund_id].epochs[number]
            if epoch.dropped:
                yield "funds: already dropped", "drop", fund_id, number, epoch.dropped[0], {}
            elif self.stands(epoch.members[0][0]):
                yield "funds: charity is not revoked", "drop", fund_id, number, 0, {}

    def bad_roles(self):
        stranger = {"sender": self.world.protocol.stranger}
        guardian = {"sender": self.world.guardian}
        yield "funds: not the timelock", "create_fund", "x", stranger
        yield "funds: not the timelock", "announce_epoch", 1, [1], [1], stranger
        yield "guardian: not the guardian", "stop_entries", stranger
        if self.is_open():
            yield "guardian: not stopped", "resume_entries", guardian
        if self.now < self.next_stop_at:
            yield "guardian: stopped too recently", "stop_entries", guardian
        for token in self.listed[1:2]:
            reason = "assets: already listed"
            yield reason, "list_asset", token, {"sender": self.world.timelock}

    def stands(self, charity):
        return charity not in self.revoked


# what a run must have done at least once
CALLS = {
    "donate_native",
    "donate_token",
    "donate_token_with_permit",
    "claim",
    "claim_to",
    "claim_many",
    "announce_epoch",
    "cancel_epoch",
    "create_fund",
    "drop",
    "list_asset",
    "unlist_asset",
    "stop_entries",
    "resume_entries",
    "revoke",
    "propose_payee",
    "accept_payee",
    "sweep",
    "transfer",
}


@pytest.mark.stateful
def test_index_funds_machine():
    check_at_length(IndexFundsMachine, CALLS)


@pytest.mark.stateful
def test_index_funds_machine_on_py_evm():
    check_on_py_evm(IndexFundsMachine, examples=8)
