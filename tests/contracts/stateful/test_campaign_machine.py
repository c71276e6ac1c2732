"""Campaigns beside a model that remembers every pledge and every payment.

CMP-1  liability = raised - claimed - refunded, and the balance is never less
CMP-2  contributions + what was refunded for = raised; sold over all tiers = tokens minted
CMP-3  a refund is exact after a failure; after a rejection it is never below the floor of the
       exact share, nor above it by more than one unit per earlier refund; the last takes the rest
CMP-4  a token exists unless its backer was paid back after a failure, and moves only when its
       holder can be paid back no more
CMP-5  released + refundable = raised, and no more is claimed than was released

At the end of each example everybody is paid with public calls and time, until nothing is left.
"""

from __future__ import annotations

import boa
import pytest
from eth_utils import to_checksum_address
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.contracts import deployers, roles
from tests.contracts.campaigns import ARTWORK, PAGE, Campaigns
from tests.contracts.models.campaign import (
    BASIS,
    FAILED,
    MAX_RAISED,
    OPEN,
    REJECTED,
    REVOKED,
    STAGED,
    SUCCEEDED,
    SUSPENDED,
    VERIFIED,
    Campaign,
    Charity,
)
from tests.contracts.money import COIN, balance, send
from tests.contracts.protocol import NO_SIGNATURE, PAYEE_DELAY
from tests.contracts.stateful.counting import NOW, CountedMachine, check_at_length, check_on_py_evm

DAY = 86_400
RICHES = 2**140
STOP = 7 * DAY
STOP_INTERVAL = 30 * DAY
SUSPENSION = 30 * DAY
PAYEE_WINDOW = 30 * DAY
TERM = 700 * DAY
CHARITIES = 5
# so many of an example, that enough happens in each
CAMPAIGNS = 6
# of all tokens of a campaign, so many are looked at after each call to it
ASKED = 3
# a full check of everything after so many checks, and at the end of each example
FULL_CHECK = 40
MAX_REFUNDS = 32
GOVERNING = ["cancel", "cancel", "stop", "resume", "resume", "change_listing", "change_listing"]
GOVERNING += ["suspend", "reinstate", "reinstate", "revoke", "renew", "propose_payee"]
GOVERNING += ["propose_payee"]
NOBODY = "0x" + "00" * 20
NOTE = b"\0" * 32

# which of those that can; taken modulo their number
picks = st.integers(0, 2**16 - 1)
# of an amount: mostly a few, so that rounding shows; EVERYTHING is all that there is room for
EVERYTHING = 97
bits = st.one_of(*[st.integers(0, 9)] * 3, st.integers(0, EVERYTHING))
# (backer, tier, bits of what is added to the price, whether nothing is, whether with a permit)
pledges = st.tuples(picks, picks, bits, st.booleans(), st.booleans())
milestones = st.lists(st.sampled_from([1, 333, 1_000, 2_500, 3_333, 5_000]), max_size=3)


class World:
    """One deployment for all examples, with five charities and six backers."""

    def __init__(self):
        boa.env.timestamp = NOW
        self.protocol = protocol = Campaigns()
        self.factory = protocol.factory
        self.registry = protocol.registry
        self.timelock = protocol.timelock
        self.stranger = protocol.stranger
        self.creator = protocol.creator
        # it can be told to refuse, and to take a fee
        self.odd = deployers.ODD_TOKEN.deploy(8)
        self.unlisted = deployers.PLAIN_TOKEN.deploy("Unlisted", "UNL", 6)
        self.factory.list_asset(self.odd, sender=self.timelock)
        self.tokens = {token.address: token for token in (protocol.token, self.odd)}
        # contracts: one refuses the coin, one comes back to the last campaign when it is paid, and
        # the payee of charity 6 refuses it too
        self.relays = [deployers.RELAY.deploy() for _ in range(3)]
        for relay in (self.relays[0], self.relays[2]):
            relay.set_answer(self.registry, b"\0\0\0\0", 0)
        self.backers = [roles.address(f"backer {number}") for number in range(4)]
        self.backers += [relay.address for relay in self.relays[:2]]
        self.payer = roles.address("payer")
        for account in (*self.backers, self.payer):
            boa.env.set_balance(account, RICHES)
            for token in self.tokens.values():
                token.mint(account, RICHES)
        # charity 1 is the deployment's own
        payees = [roles.address(f"payee {number}") for number in range(CHARITIES - 1)]
        payees.append(self.relays[2].address)
        self.charities = {}
        for payee in payees:
            self.charities[protocol.verify(payee, term=TERM)] = payee
        for charity_id, payee in self.charities.items():
            accepting = (charity_id, self.creator, True)
            if (relay := self.relay(payee)) is None:
                self.factory.accept_creator(*accepting, sender=payee)
            else:
                relay.forward(
                    self.factory, self.factory.accept_creator.prepare_calldata(*accepting)
                )
        # one object per place: in each example campaigns come to be at the same ones
        self.seen = {}

    def relay(self, account):
        return next((one for one in self.relays if one.address == account), None)

    def campaign(self, address):
        address = to_checksum_address(str(address))
        if address not in self.seen:
            # not `at`: that dumps the storage of whatever is not the contract's own code
            found = deployers.CAMPAIGN.deploy(override_address=address, skip_initcode=True)
            found.bytecode = boa.env.get_code(found.address)
            boa.env.register_contract(found.address, found)
            self.seen[address] = found
        return self.seen[address]


class CampaignMachine(CountedMachine):
    world: World

    @classmethod
    def prepare(cls):
        cls.world = World()

    def __init__(self):
        super().__init__()
        world = self.world
        self.factory = world.factory
        self.registry = world.registry
        # contract -> its model
        self.campaigns = {}
        self.charities = {
            number: Charity(payee, NOW + TERM) for number, payee in world.charities.items()
        }
        self.assets = [COIN, *world.tokens]
        self.listed = list(self.assets)
        # (contract, asset) -> what came without being pledged
        self.stray = {}
        # the campaign that the second relay comes back to
        self.haunted = None
        self.stopped_until = 0
        self.next_stop_at = 0
        self.memos = 0
        self.checks = 0

    def at_the_end(self):
        self.pay_everybody()

    # --- what there is ----------------------------------------------------------------------------

    @property
    def now(self):
        return boa.env.timestamp

    def is_open(self):
        return self.now >= self.stopped_until

    def those(self, *states):
        return [one for one, model in self.campaigns.items() if model.state in states]

    def charity(self, campaign):
        return self.charities[self.campaigns[campaign].charity_id]

    def standing(self, campaign):
        return self.charity(campaign).standing(self.now)

    def sound(self):
        """Charities that may receive gifts."""
        return [
            number
            for number, charity in self.charities.items()
            if charity.standing(self.now) == VERIFIED
        ]

    def pledgeable(self):
        """Campaigns that take a pledge now."""
        if not self.is_open():
            return []
        return [
            one
            for one in self.those(OPEN)
            if self.now < self.campaigns[one].deadline
            and self.standing(one) == VERIFIED
            and self.campaigns[one].asset in self.listed
            and self.free_tiers(one)
        ]

    def free_tiers(self, campaign):
        model = self.campaigns[campaign]
        room = MAX_RAISED - model.raised
        return [
            number
            for number, (price, supply) in enumerate(model.tiers)
            if model.sold(number) < supply and price <= room
        ]

    def finalisable(self):
        found = []
        for one in self.those(OPEN):
            model, standing = self.campaigns[one], self.standing(one)
            if standing == REVOKED:
                found.append(one)
            elif self.now >= model.deadline and (
                standing != SUSPENDED or model.outcome(standing) == FAILED
            ):
                found.append(one)
        return found

    def voters(self):
        """(campaign, backer) of votes that can be cast."""
        return [
            (one, backer)
            for one in self.those(STAGED)
            for model in [self.campaigns[one]]
            if model.voting(self.now)
            for backer in model.backers
            if backer not in model.votes.get(model.stage, {})
        ]

    def reportable(self):
        return [
            one
            for one in self.those(STAGED)
            if self.campaigns[one].reported_at == 0 and self.now < self.campaigns[one].settles_at()
        ]

    def settleable(self):
        return [one for one in self.those(STAGED) if self.now >= self.campaigns[one].settles_at()]

    def owing(self):
        """Campaigns that owe their charity."""
        return [one for one, model in self.campaigns.items() if model.released > model.claimed]

    def waiting(self):
        """(campaign, backer) of refunds that are due."""
        return [
            (one, backer)
            for one in self.those(FAILED, REJECTED)
            for backer in self.campaigns[one].waiting
        ]

    def movable(self):
        return [
            (one, token_id)
            for one in self.those(SUCCEEDED, REJECTED)
            for token_id in self.campaigns[one].holders
            if not self.campaigns[one].is_locked(token_id)
        ]

    def edges(self):
        """Seconds at which something begins or ends."""
        found = set()
        for model in self.campaigns.values():
            if model.state == OPEN:
                found.add(model.deadline)
            elif model.state == STAGED:
                found.add(model.settles_at())
        found |= {charity.suspended_until for charity in self.charities.values()}
        return sorted(edge for edge in found if edge > self.now)

    def takes(self, campaign, account):
        """Whether an account accepts payment from a campaign in what it takes."""
        if self.campaigns[campaign].asset != COIN:
            return True
        if account == self.world.relays[1].address:
            return campaign is not self.haunted
        return self.world.relay(account) is None

    def token(self, asset):
        return COIN if asset == COIN else self.world.tokens[asset]

    def act(self, contract, name, *arguments, sender, value=0):
        """A call in somebody's name, contracts included."""
        function = getattr(contract, name)
        if (relay := self.world.relay(sender)) is None:
            return function(*arguments, sender=sender, value=value)
        data = function.prepare_calldata(*arguments)
        return relay.forward(contract, data, sender=self.world.payer, value=value)

    def memo(self):
        self.memos += 1
        return self.memos.to_bytes(32, "big")

    # --- checks -----------------------------------------------------------------------------------

    def check(self, campaign, full=False):
        model = self.campaigns[campaign]
        where = f"{campaign.address}, {model}"
        status = campaign.status()
        assert status.state == model.state, f"state of {where}"

        # money
        sums = (status.raised, status.claimed, status.refunded)
        assert sums == (model.raised, model.claimed, model.refunded), f"CMP-1: sums of {where}"
        owed = status.raised - status.claimed - status.refunded
        assert campaign.liability() == owed == model.owed, f"CMP-1: liability of {where}"
        held = balance(self.token(model.asset), campaign)
        assert held >= owed, f"CMP-1: insolvent, {where}"
        stray = self.stray.get((campaign, model.asset), 0)
        assert held == owed + stray, f"CMP-1: balance of {where}"

        contributed = {backer: campaign.contribution(backer) for backer in self.world.backers}
        for backer, amount in contributed.items():
            assert amount == model.contribution(backer), f"CMP-2: contribution in {where}"
        refunded_for = sum(model.pledged(backer) for backer in model.refunds)
        total = sum(contributed.values()) + refunded_for
        assert total == status.raised, f"CMP-2: contributions of {where}"
        sold = [campaign.sold(tier) for tier in range(len(model.tiers))]
        assert sold == [model.sold(tier) for tier in range(len(sold))], f"CMP-2: sold in {where}"
        assert sum(sold) == len(model.pledges), f"CMP-2: tokens of {where}"

        due = 0
        # where nobody can be paid back, one of them is asked
        backers = self.world.backers
        if not (full or model.is_refundable):
            backers = [backers[self.checks % len(backers)]]
        for backer in backers:
            refundable = campaign.refundable(backer)
            due += refundable
            if backer in model.waiting and model.is_refundable:
                least, most = model.refund_between(backer)
                assert least <= refundable <= most, f"CMP-3: refund of {backer} in {where}"
            else:
                assert refundable == 0, f"CMP-3: nothing is due to {backer} in {where}"

        # what is on its way to each side, by state
        assert status.claimed <= status.released == model.released, f"CMP-5: {where}"
        left = status.raised - status.released - status.refunded
        assert left >= 0, f"CMP-5: {where}"
        if model.state == SUCCEEDED:
            assert left == 0, f"CMP-5: {where}"
        elif model.is_refundable:
            # each floor leaves less than one unit, and of the last nothing
            most = max(len(model.waiting) - 1, 0)
            exact = model.state == FAILED or len(model.waiting) < 2
            assert 0 <= left - due <= (0 if exact else most), f"CMP-5: {left} left, {where}"

        if model.state in (STAGED, REJECTED):
            stage = (status.stage, status.stage_began_at, status.reported_at)
            assert stage == (model.stage, model.began_at, model.reported_at), f"stage of {where}"
            votes = (status.approvals, status.objections)
            assert votes == (model.weight(True), model.weight(False)), f"votes of {where}"

        # tokens
        minted = len(model.pledges)
        asked = range(1, minted + 1)
        if not full and minted > ASKED:
            asked = [(self.checks + at * minted // ASKED) % minted + 1 for at in range(ASKED)]
        for token_id in asked:
            self.check_token(campaign, token_id, where)
        if full:
            for backer in self.world.backers:
                holding = sum(holder == backer for holder in model.holders.values())
                assert campaign.balanceOf(backer) == holding, f"CMP-4: tokens of {where}"
            self.check_no_token(campaign, minted + 1, where)
        self.checks += 1
        if not full and self.checks % FULL_CHECK == 0:
            self.check_everything()

    def check_token(self, campaign, token_id, where):
        model = self.campaigns[campaign]
        pledge = model.pledges[token_id - 1]
        is_gone = model.state == FAILED and pledge.backer in model.refunds
        assert (token_id in model.holders) is not is_gone, f"CMP-4: token {token_id}, {where}"
        if is_gone:
            self.check_no_token(campaign, token_id, where)
            return
        holder = campaign.ownerOf(token_id)
        assert holder == model.holders[token_id], f"CMP-4: holder of {token_id}, {where}"
        is_locked = campaign.locked(token_id)
        assert is_locked == model.is_locked(token_id), f"CMP-4: lock of {token_id}, {where}"
        if not is_locked:
            assert campaign.refundable(holder) == 0, f"CMP-4: {token_id} is loose, {where}"
        assert campaign.tier_of(token_id) == pledge.tier, f"CMP-2: tier of {token_id}, {where}"

    def check_no_token(self, campaign, token_id, where):
        done = boa.env.execute_code(
            to_address=campaign.address,
            data=campaign.ownerOf.prepare_calldata(token_id),
            is_modifying=False,
        )
        assert not done.is_success, f"CMP-4: token {token_id} exists, {where}"

    def check_everything(self):
        for campaign, model in self.campaigns.items():
            self.check(campaign, full=True)
            terms = campaign.terms()
            promise = (terms.asset, terms.charity_id, terms.deadline, terms.is_all_or_nothing)
            said = (model.asset, model.charity_id, model.deadline, model.is_strict)
            assert promise == said, "terms have changed"
            assert campaign.goal() == model.goal, "goal has changed"
            for number, (price, supply) in enumerate(model.tiers):
                tier = campaign.tier(number)
                assert tuple(tier) == (price, supply, ARTWORK.format(number)), "tier has changed"
        for charity_id, charity in self.charities.items():
            assert self.registry.status(charity_id) == charity.standing(self.now)
            assert self.registry.payee(charity_id) == charity.payee
        assert self.factory.campaign_count() == len(self.campaigns)
        for asset in self.assets:
            # what passes through: the factory keeps nothing of it
            assert balance(self.token(asset), self.factory) == 0

    # --- campaigns --------------------------------------------------------------------------------

    @initialize(refs=st.lists(pledges, min_size=6, max_size=20))
    def begin(self, refs):
        """Each example has a strict one in the coin, a keeping one in a token, one in stages."""
        prices = [(3, 9), (70, 4)]
        self.create(2, COIN, 200, 20 * DAY, True, prices, [])
        self.create(3, self.assets[1], 10**9, 30 * DAY, False, prices, [])
        self.create(4, self.assets[2], 10, 10 * DAY, True, prices, [3_333, 3_333])
        for turn, ref in enumerate(refs):
            self._pledge_some(turn, [ref])

    def create(self, charity_id, asset, goal, seconds, is_strict, tiers, shares):
        deadline = self.now + seconds
        terms = (
            asset,
            goal,
            deadline,
            is_strict,
            500,
            "Wells",
            "WELL",
            PAGE,
            [(price, supply, ARTWORK.format(at)) for at, (price, supply) in enumerate(tiers)],
            shares,
        )
        with self.call("create"):
            address = self.factory.create(charity_id, terms, sender=self.world.creator)
        campaign = self.world.campaign(address)
        assert self.factory.number_of(campaign) == len(self.campaigns) + 1
        self.campaigns[campaign] = Campaign(
            charity_id,
            self.world.creator,
            asset,
            goal,
            deadline,
            is_strict,
            tiers,
            shares,
        )
        for token in self.world.tokens.values():
            for backer in self.world.backers:
                allowance = token.approve.prepare_calldata(campaign, RICHES)
                if (relay := self.world.relay(backer)) is None:
                    token.approve(campaign, RICHES, sender=backer)
                else:
                    relay.forward(token, allowance)
        if asset == COIN:
            # it comes back in the middle of its own payment, where the lock must stop it
            self.haunted = campaign
            self.world.relays[1].set_answer(campaign, campaign.refund_many.prepare_calldata([]), 0)
        self.check(campaign, full=True)
        return campaign

    @precondition(lambda self: self.is_open() and self.sound() and self.listed)
    @precondition(lambda self: len(self.campaigns) < CAMPAIGNS)
    @rule(
        charity=picks,
        asset=picks,
        goal=st.sampled_from([1, 1, 50, 1_000, 10**20, MAX_RAISED]),
        seconds=st.sampled_from([1, DAY, 12 * DAY, 60 * DAY]),
        is_strict=st.booleans(),
        tiers=st.lists(st.tuples(st.integers(1, 300), st.integers(1, 9)), min_size=1, max_size=4),
        shares=milestones,
        refs=st.lists(pledges, max_size=6),
    )
    def open_another(self, charity, asset, goal, seconds, is_strict, tiers, shares, refs):
        sound = self.sound()
        while sum(shares) > BASIS:
            shares = shares[:-1]
        self.create(
            sound[charity % len(sound)],
            self.listed[asset % len(self.listed)],
            goal,
            seconds,
            is_strict,
            tiers,
            shares,
        )
        # the last one there is, if it takes pledges
        self._pledge_some(len(self.pledgeable()) - 1, refs)

    # --- backers ----------------------------------------------------------------------------------

    def pledge(self, campaign, backer, tier, amount, permit):
        model = self.campaigns[campaign]
        memo = self.memo()
        if model.asset == COIN:
            name, arguments, value = "pledge_native", (tier, memo), amount
        elif permit:
            # no token takes this signature: the allowance decides
            name, arguments = "pledge_token_with_permit", (tier, amount, memo, *NO_SIGNATURE)
            value = 0
        else:
            name, arguments, value = "pledge_token", (tier, amount, memo), 0
        with self.call(name):
            token_id = self.act(campaign, name, *arguments, sender=backer, value=value)
        number = model.pledge(backer, tier, amount)
        if self.world.relay(backer) is None:
            assert token_id == number, "CMP-2: tokens are numbered from 1"
            (log,) = [log for log in campaign.get_logs() if type(log).__name__ == "Pledged"]
            said = (log.backer, log.token_id, log.memo, log.tier, log.amount)
            assert said == (backer, number, memo, tier, amount)
        self.check(campaign)

    @precondition(lambda self: self.pledgeable())
    @rule(campaign=picks, refs=st.lists(pledges, min_size=1, max_size=5))
    def pledge_some(self, campaign, refs):
        self._pledge_some(campaign, refs)

    def _pledge_some(self, campaign, refs):
        for backer, tier, size, is_exact, permit in refs:
            able = self.pledgeable()
            if not able:
                return
            chosen = able[campaign % len(able)]
            free = self.free_tiers(chosen)
            model = self.campaigns[chosen]
            number = free[tier % len(free)]
            price = model.tiers[number][0]
            amount = price if is_exact else price + (backer << size) % 2**size + size
            room = MAX_RAISED - model.raised
            amount = room if size == EVERYTHING else min(amount, room)
            giver = self.world.backers[backer % len(self.world.backers)]
            self.pledge(chosen, giver, number, amount, permit)

    @precondition(lambda self: self.voters())
    @rule(refs=st.lists(st.tuples(picks, st.integers(0, 2)), min_size=1, max_size=4))
    def vote(self, refs):
        for pick, how in refs:
            able = self.voters()
            if not able:
                return
            campaign, backer = able[pick % len(able)]
            is_approved = how != 0
            with self.call("vote"):
                self.act(campaign, "vote", is_approved, sender=backer)
            self.campaigns[campaign].vote(backer, is_approved)
            assert campaign.has_voted(backer, self.campaigns[campaign].stage)
            self.check(campaign)

    def paid_back(self, campaign, backer, amount):
        model = self.campaigns[campaign]
        least, most = model.refund_between(backer)
        assert least <= amount <= most, f"CMP-3: {amount} to {backer}, {model}"
        model.refund(backer, amount)

    @precondition(lambda self: self.waiting())
    @rule(pick=picks)
    def refund_for(self, pick):
        able = self.waiting()
        campaign, backer = able[pick % len(able)]
        token = self.token(self.campaigns[campaign].asset)
        due = campaign.refundable(backer)
        if not self.takes(campaign, backer) and due > 0:
            if self.may_revert():
                with self.call("refund_for", reverts="transfers: receiver refused"):
                    campaign.refund_for(backer, sender=self.world.stranger)
                self.check(campaign)
            return
        before = balance(token, backer)
        with self.call("refund_for"):
            paid = campaign.refund_for(backer, sender=self.world.stranger)
        assert paid == due == balance(token, backer) - before, "CMP-3: paid is what was due"
        self.paid_back(campaign, backer, paid)
        self.check(campaign)

    @precondition(lambda self: self.waiting())
    @rule(pick=picks)
    def refund_to(self, pick):
        able = self.waiting()
        campaign, backer = able[pick % len(able)]
        self._refund_to(campaign, backer)

    def _refund_to(self, campaign, backer):
        token = self.token(self.campaigns[campaign].asset)
        receiver = roles.account("another receiver").address
        due, before = campaign.refundable(backer), balance(token, receiver)
        with self.call("refund_to"):
            self.act(campaign, "refund_to", receiver, sender=backer)
        assert balance(token, receiver) - before == due, "CMP-3: paid is what was due"
        self.paid_back(campaign, backer, due)
        self.check(campaign)

    @precondition(lambda self: self.waiting())
    @rule(
        pick=picks,
        refs=st.lists(picks, min_size=1, max_size=7),
        is_refusing=st.integers(0, 3).map(lambda drawn: drawn == 0),
    )
    def refund_many(self, pick, refs, is_refusing):
        """In any order, some twice, some who never pledged or were paid, some who refuse."""
        able = self.waiting()
        campaign = able[pick % len(able)][0]
        everybody = [*self.world.backers, self.world.stranger]
        backers = [everybody[one % len(everybody)] for one in refs]
        is_refusing &= self.campaigns[campaign].asset == self.world.odd.address
        if is_refusing:
            self.world.odd.set_is_refusing(True)
        self._refund_many(campaign, backers, is_refusing)

    def _refund_many(self, campaign, backers, is_refusing=False):
        model = self.campaigns[campaign]
        token = self.token(model.asset)
        before = {backer: balance(token, backer) for backer in set(backers)}
        with self.call("refund_many"):
            paid = campaign.refund_many(backers, sender=self.world.stranger)
        if is_refusing:
            self.world.odd.set_is_refusing(False)
        logs = [log for log in campaign.get_logs() if type(log).__name__.startswith("Refund")]
        total = 0
        waiting = model.waiting
        for log in logs:
            assert log.backer in waiting, "CMP-3: paid once"
            refused = is_refusing or not self.takes(campaign, log.backer)
            if type(log).__name__ == "RefundFailed":
                assert refused and log.amount > 0
                continue
            assert not refused or log.amount == 0
            assert log.receiver == log.backer
            self.paid_back(campaign, log.backer, log.amount)
            assert balance(token, log.backer) - before[log.backer] == log.amount
            waiting.remove(log.backer)
            total += log.amount
        assert paid == total
        left = [one for one in backers if one in waiting]
        assert all(is_refusing or not self.takes(campaign, one) for one in left), "CMP-3"
        self.check(campaign)

    @precondition(lambda self: self.movable())
    @rule(pick=picks, receiver=picks, how=st.integers(0, 3))
    def hand_on(self, pick, receiver, how):
        """A token moves by its holder, by one it approved, by an operator."""
        able = self.movable()
        campaign, token_id = able[pick % len(able)]
        holder = self.campaigns[campaign].holders[token_id]
        receiver = self.world.backers[receiver % len(self.world.backers)]
        sender = holder
        name = "transferFrom"
        if how == 1 and self.world.relay(receiver) is None:
            name = "safeTransferFrom"
        elif how == 2:
            sender = self.world.stranger
            with self.call("approve"):
                self.act(campaign, "approve", sender, token_id, sender=holder)
            assert campaign.getApproved(token_id) == sender
        elif how == 3:
            sender = self.world.stranger
            with self.call("setApprovalForAll"):
                self.act(campaign, "setApprovalForAll", sender, True, sender=holder)
        with self.call(name):
            self.act(campaign, name, holder, receiver, token_id, sender=sender)
        assert campaign.getApproved(token_id) == NOBODY
        if how == 3:
            with self.call("setApprovalForAll"):
                self.act(campaign, "setApprovalForAll", sender, False, sender=holder)
        self.campaigns[campaign].holders[token_id] = receiver
        where = f"{campaign.address}, {self.campaigns[campaign]}"
        self.check_token(campaign, token_id, where)
        self.check(campaign)

    # --- what becomes of a campaign ---------------------------------------------------------------

    @precondition(lambda self: self.those(OPEN))
    @rule(pick=picks)
    def finalise(self, pick):
        """Where none can be yet, the next deadline is waited for."""
        if not self.finalisable():
            first = min(self.those(OPEN), key=lambda one: self.campaigns[one].deadline)
            self.wait_for_the_deadline(first)
            self.refuse_while_suspended(first)
        if able := self.finalisable():
            self._finalise(able[pick % len(able)])

    def refuse_while_suspended(self, campaign):
        """What would succeed waits."""
        model, standing = self.campaigns[campaign], self.standing(campaign)
        if standing == SUSPENDED and self.now >= model.deadline:
            if model.outcome(standing) != FAILED:
                reason = "campaign: charity is suspended"
                self.refuse(reason, campaign, "finalise", sender=self.world.stranger)

    def wait_for_the_deadline(self, campaign):
        """It is open until the second before, and takes nothing from then on."""
        model, stranger = self.campaigns[campaign], self.world.stranger
        if self.now >= model.deadline:
            return
        boa.env.timestamp = model.deadline - 1
        # reverts are few: now the one side of the edge is tried, now the other
        if self.checks % 2 and self.standing(campaign) != REVOKED:
            self.refuse("campaign: still open", campaign, "finalise", sender=stranger)
        boa.env.timestamp = model.deadline
        passed = "campaign: deadline has passed"
        self.refuse(passed, campaign, "cancel", sender=self.world.creator)
        if model.asset == COIN:
            self.refuse(passed, campaign, "pledge_native", 0, NOTE, sender=stranger)
        else:
            self.refuse(passed, campaign, "pledge_token", 0, 1, NOTE, sender=stranger)

    def wait_for_the_vote(self, campaign):
        """The milestone runs until the second before, and hears nobody from then on."""
        model, stranger = self.campaigns[campaign], self.world.stranger
        if self.now >= model.settles_at():
            return
        reasons = ("campaign: a report may still come", "campaign: vote is open")
        boa.env.timestamp = model.settles_at() - 1
        if self.checks % 2:
            self.refuse(reasons[model.reported_at > 0], campaign, "settle", sender=stranger)
        boa.env.timestamp = model.settles_at()
        if model.reported_at:
            backer = model.backers[0]
            self.refuse("campaign: vote is over", campaign, "vote", False, sender=backer)
        else:
            late = ("report", NOTE, "")
            self.refuse("campaign: too late to report", campaign, *late, sender=self.world.creator)

    def refuse(self, reason, contract, name, *arguments, sender):
        """A call that reverts, where enough went through for one more."""
        if self.may_revert():
            with self.call(name, reverts=reason):
                self.act(contract, name, *arguments, sender=sender)

    def _finalise(self, campaign):
        standing = self.standing(campaign)
        with self.call("finalise"):
            outcome = campaign.finalise(sender=self.world.stranger)
        assert outcome == self.campaigns[campaign].finalise(standing, self.now)
        self.check(campaign, full=True)

    @precondition(lambda self: self.reportable())
    @rule(pick=picks, is_creator=st.booleans())
    def report(self, pick, is_creator):
        able = self.reportable()
        campaign = able[pick % len(able)]
        sender = self.world.creator if is_creator else self.charity(campaign).payee
        with self.call("report"):
            self.act(campaign, "report", self.memo(), "ipfs://report", sender=sender)
        self.campaigns[campaign].report(self.now)
        self.check(campaign)

    @precondition(lambda self: self.settleable())
    @rule(pick=picks)
    def settle(self, pick):
        able = self.settleable()
        self._settle(able[pick % len(able)])

    def _settle(self, campaign):
        with self.call("settle"):
            is_released = campaign.settle(sender=self.world.stranger)
        assert is_released == self.campaigns[campaign].settle(self.now)
        self.check(campaign, full=True)

    def cancel(self, pick):
        able = self.cancellable()
        if not able:
            return
        campaign = able[pick % len(able)]
        model = self.campaigns[campaign]
        is_creator = model.state == OPEN and pick % 2
        sender = self.world.creator if is_creator else self.charity(campaign).payee
        with self.call("cancel"):
            self.act(campaign, "cancel", sender=sender)
        model.cancel()
        self.check(campaign, full=True)

    def cancellable(self):
        early = [one for one in self.those(OPEN) if self.now < self.campaigns[one].deadline]
        return [*early, *self.those(STAGED)]

    # --- charities --------------------------------------------------------------------------------

    @precondition(lambda self: self.owing())
    @rule(pick=picks)
    def claim(self, pick):
        able = self.owing()
        campaign = able[pick % len(able)]
        model, payee = self.campaigns[campaign], self.charity(campaign).payee
        if not self.takes(campaign, payee):
            if self.may_revert():
                with self.call("claim", reverts="transfers: receiver refused"):
                    campaign.claim(sender=self.world.stranger)
                self.check(campaign)
            return
        self._claim(campaign, model, payee, "claim")

    @precondition(lambda self: self.owing())
    @rule(pick=picks)
    def claim_to(self, pick):
        able = self.owing()
        campaign = able[pick % len(able)]
        receiver = roles.account("another receiver").address
        self._claim(campaign, self.campaigns[campaign], receiver, "claim_to")

    def _claim(self, campaign, model, receiver, name):
        token, due = self.token(model.asset), model.released - model.claimed
        before = balance(token, receiver)
        with self.call(name):
            if name == "claim":
                assert campaign.claim(sender=self.world.stranger) == due
            else:
                payee = self.charity(campaign).payee
                self.act(campaign, "claim_to", receiver, sender=payee)
        assert balance(token, receiver) - before == due, "CMP-5: paid is what was released"
        model.claims.append(due)
        self.check(campaign)

    @rule(what=st.sampled_from(GOVERNING), pick=picks, which=picks)
    def govern(self, what, pick, which):
        """What those with a role may do, seldom enough that most campaigns end by themselves."""
        if what in ("cancel", "stop", "resume", "change_listing"):
            getattr(self, what)(pick)
            return
        number = list(self.charities)[which % CHARITIES]
        charity = self.charities[number]
        if not charity.is_revoked:
            getattr(self, what)(number, charity, pick)
            for campaign, model in list(self.campaigns.items()):
                if model.charity_id == number:
                    self.check(campaign)

    def suspend(self, number, charity, _pick):
        rests_until = charity.suspended_until and charity.suspended_until + SUSPENSION
        if self.now < rests_until:
            return
        with self.call("suspend"):
            self.registry.suspend(number, NOTE, sender=self.world.protocol.registrar)
        charity.suspended_until = self.now + SUSPENSION
        charity.pending = None

    def reinstate(self, _number, _charity, pick):
        """Any that is suspended."""
        able = [
            number
            for number, charity in self.charities.items()
            if charity.standing(self.now) == SUSPENDED
        ]
        if able:
            number = able[pick % len(able)]
            with self.call("reinstate"):
                self.registry.reinstate(number, sender=self.world.protocol.registrar)
            self.charities[number].suspended_until = self.now

    def revoke(self, number, charity, pick):
        with self.call("revoke"):
            if pick % 2:
                self.registry.revoke(number, NOTE, sender=self.world.timelock)
            else:
                self.act(self.registry, "retire", number, NOTE, sender=charity.payee)
        charity.is_revoked = True
        charity.pending = None

    def renew(self, number, charity, _pick):
        if charity.standing(self.now) != SUSPENDED and self.now + TERM > charity.expiry:
            registrar = self.world.protocol.registrar
            with self.call("renew"):
                self.registry.renew(number, self.now + TERM, NOTE, sender=registrar)
            charity.expiry = self.now + TERM

    def propose_payee(self, number, charity, pick):
        new = roles.account(f"successor {pick % 5}").address
        if charity.standing(self.now) == SUSPENDED or new == charity.payee:
            return
        with self.call("propose_payee"):
            self.act(self.registry, "propose_payee", number, new, sender=charity.payee)
        charity.pending = (new, self.now + PAYEE_DELAY)

    def ripe(self):
        return [
            number
            for number, charity in self.charities.items()
            if charity.pending
            and charity.pending[1] <= self.now < charity.pending[1] + PAYEE_WINDOW
        ]

    @precondition(lambda self: self.ripe())
    @rule(pick=picks)
    def accept_payee(self, pick):
        ripe = self.ripe()
        number = ripe[pick % len(ripe)]
        charity = self.charities[number]
        successor, _ = charity.pending
        with self.call("accept_payee"):
            self.registry.accept_payee(number, sender=successor)
        charity.payee, charity.pending = successor, None

    # --- time, assets, entries --------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, DAY, PAYEE_DELAY, 8 * DAY, 0, 0, -1]), pick=picks)
    def wait(self, seconds, pick):
        """A while; or to the second at which something begins or ends, or one second short."""
        edges = self.edges()[:2]
        if seconds > 0:
            boa.env.timestamp += seconds
        elif edges:
            boa.env.timestamp = max(self.now, edges[pick % len(edges)] + seconds)
        self.check(list(self.campaigns)[pick % len(self.campaigns)])

    @precondition(lambda self: self.those(STAGED))
    @rule(pick=picks, how=st.integers(0, 3))
    def go_through_milestones(self, pick, how):
        """One to three, each reported, voted on, and settled in the first second that allows it."""
        able = self.those(STAGED)
        campaign = able[pick % len(able)]
        for _ in range(1 + pick % 3):
            if self.campaigns[campaign].state == STAGED:
                self.go_through_a_milestone(campaign, how)

    def go_through_a_milestone(self, campaign, how):
        model = self.campaigns[campaign]
        if campaign in self.reportable():
            with self.call("report"):
                campaign.report(NOTE, "", sender=self.world.creator)
            model.report(self.now)
        for one, backer in self.voters():
            if one is campaign:
                with self.call("vote"):
                    self.act(campaign, "vote", how != 0, sender=backer)
                model.vote(backer, how != 0)
        self.wait_for_the_vote(campaign)
        self._settle(campaign)

    def change_listing(self, pick):
        """A token is listed, or no more: what was pledged in it stays owed."""
        asset = self.assets[1:][pick % (len(self.assets) - 1)]
        timelock = self.world.timelock
        if asset not in self.listed:
            with self.call("list_asset"):
                self.factory.list_asset(asset, sender=timelock)
            self.listed.append(asset)
        else:
            with self.call("unlist_asset"):
                self.factory.unlist_asset(asset, sender=timelock)
            self.listed.remove(asset)

    def stop(self, _pick):
        if self.now < self.next_stop_at:
            return
        with self.call("stop_entries"):
            self.factory.stop_entries(sender=self.world.protocol.guardian)
        self.stopped_until = self.now + STOP
        self.next_stop_at = self.now + STOP_INTERVAL

    def resume(self, _pick):
        if self.is_open():
            return
        with self.call("resume_entries"):
            self.factory.resume_entries(sender=self.world.protocol.guardian)
        self.stopped_until = self.now

    # --- what nobody pledged ----------------------------------------------------------------------

    @rule(campaign=picks, pick=picks, size=bits)
    def stray_money(self, campaign, pick, size):
        """Tokens sent by mistake, and coin that nothing can keep out; and what becomes of them."""
        if self.stray and pick % 2:
            self._sweep(*list(self.stray)[campaign % len(self.stray)])
            return
        campaign = list(self.campaigns)[campaign % len(self.campaigns)]
        asset = self.assets[pick % len(self.assets)]
        amount = 1 << size
        if asset == COIN:
            # selfdestruct
            force = boa.env.generate_address()
            boa.env.set_code(force, bytes.fromhex(f"73{campaign.address[2:]}ff"))
            with self.call("selfdestruct"):
                assert send(force, amount, sender=self.world.payer) is None
        else:
            with self.call("transfer"):
                self.world.tokens[asset].transfer(campaign, amount, sender=self.world.payer)
        key = (campaign, asset)
        self.stray[key] = self.stray.get(key, 0) + amount
        self.check(campaign)

    def _sweep(self, campaign, asset):
        token, reserve = self.token(asset), self.world.protocol.reserve
        before = balance(token, reserve)
        with self.call("sweep"):
            swept = campaign.sweep(asset, sender=self.world.stranger)
        stray = self.stray.pop((campaign, asset))
        assert swept == stray == balance(token, reserve) - before, "CMP-1: only what strayed"
        self.check(campaign)

    # --- what is refused --------------------------------------------------------------------------

    @precondition(lambda self: self.may_revert())
    @rule(refs=st.lists(st.tuples(picks, picks), min_size=1, max_size=4))
    def refused(self, refs):
        """Calls that must revert, each for its own reason, and change nothing."""
        for campaign, pick in refs:
            if self.may_revert():
                self._refused(campaign, pick)

    def _refused(self, campaign, pick):
        campaign = list(self.campaigns)[campaign % len(self.campaigns)]
        cases = [
            *self.bad_creations(),
            *self.bad_pledges(campaign),
            *self.bad_ends(campaign),
            *self.bad_milestones(campaign),
            *self.bad_exits(campaign),
            *self.bad_transfers(campaign),
        ]
        reason, contract, name, *arguments, how = cases[pick % len(cases)]
        with self.call(name, reverts=reason), boa.env.anchor():
            # an odd token's mood, if any, is over when the call is
            for mood in how.pop("mood", ()):
                getattr(self.world.odd, mood[0])(mood[1])
            getattr(contract, name)(*arguments, **how)
        self.check(campaign)

    def bad_creations(self):
        """(reason, contract, function, *arguments, keywords) of calls that must revert."""
        factory, world = self.factory, self.world
        creator = {"sender": world.creator}

        def terms(asset=COIN, goal=1, deadline=None, tiers=((1, 1, ""),), shares=()):
            deadline = self.now + 1 if deadline is None else deadline
            page = ("Wells", "WELL", PAGE)
            return (asset, goal, deadline, True, 0, *page, list(tiers), list(shares))

        reason = "campaign: not the factory"
        for campaign in list(self.campaigns)[:1]:
            yield reason, campaign, "initialise", 1, world.creator, terms(), creator
        yield "registry: unknown charity", factory, "create", 99, terms(), creator
        for number in self.sound()[:1]:
            reason = "campaigns: the charity has not accepted the creator"
            yield reason, factory, "create", number, terms(), {"sender": world.stranger}
            unlisted = terms(asset=world.unlisted.address)
            yield "campaigns: asset is not listed", factory, "create", number, unlisted, creator
            if not self.is_open():
                reason = "campaigns: pledges are stopped"
                yield reason, factory, "create", number, terms(), creator
                continue
            for reason, wrong in (
                ("campaign: zero goal", terms(goal=0)),
                ("campaign: deadline has passed", terms(deadline=self.now)),
                ("campaign: deadline too far", terms(deadline=self.now + 3_650 * DAY + 1)),
                ("campaign: tier without supply", terms(tiers=[(1, 0, "")])),
                ("campaign: zero price", terms(tiers=[(0, 1, "")])),
                ("campaign: milestones over 100 %", terms(shares=[BASIS, 1])),
            ):
                yield reason, factory, "create", number, wrong, creator
        for number, charity in self.charities.items():
            words = {REVOKED: "revoked", SUSPENDED: "suspended"}
            if (word := words.get(charity.standing(self.now))) is not None:
                reason = f"registry: charity is {word}"
                yield reason, factory, "create", number, terms(), creator
                break

    def bad_pledges(self, campaign):
        model, world = self.campaigns[campaign], self.world
        backer = {"sender": world.backers[0]}
        native = (campaign, "pledge_native")
        token = (campaign, "pledge_token")
        rich = 2**100
        if model.asset == COIN:
            yield "campaign: in the native coin", *token, 0, rich, NOTE, backer
            name, paying = native, {**backer, "value": rich}
            gift = (0, NOTE)
        else:
            paying = {**backer, "value": rich}
            yield "campaign: not in the native coin", *native, 0, NOTE, paying
            name, paying = token, backer
            gift = (0, rich, NOTE)
        if model.state != OPEN:
            yield "campaign: not open", *name, *gift, paying
            return
        if self.now >= model.deadline:
            yield "campaign: deadline has passed", *name, *gift, paying
            return
        if model.asset not in self.listed:
            yield "campaigns: asset is not listed", *name, *gift, paying
            return
        if not self.is_open():
            yield "campaigns: pledges are stopped", *name, *gift, paying
            return
        words = {REVOKED: "is revoked", SUSPENDED: "is suspended"}
        standing = self.standing(campaign)
        if standing in words:
            yield f"registry: charity {words[standing]}", *name, *gift, paying
        if standing != VERIFIED:
            return
        yield "campaign: unknown tier", *name, len(model.tiers), *gift[1:], paying
        yield "campaign: unknown tier", *name, 8, *gift[1:], paying
        for number, (price, supply) in enumerate(model.tiers):
            if model.sold(number) == supply:
                yield "campaign: tier is sold out", *name, number, *gift[1:], paying
                continue
            below = (number, NOTE) if model.asset == COIN else (number, price - 1, NOTE)
            value = {"value": price - 1} if model.asset == COIN else {}
            yield "campaign: below the price", *name, *below, {**backer, **value}
            much = MAX_RAISED - model.raised + 1
            gift = (number, NOTE) if model.asset == COIN else (number, much, NOTE)
            value = {"value": much} if model.asset == COIN else {}
            if much >= price:
                yield "campaign: too much", *name, *gift, {**backer, **value}
            if model.asset == world.odd.address and model.raised + 2**100 <= MAX_RAISED:
                gift = (*name, number, 2**100, NOTE)
                fee = {**backer, "mood": [("set_fee", 100)]}
                yield "campaign: the asset took a fee", *gift, fee
                refusing = {**backer, "mood": [("set_is_refusing", True)]}
                yield "transfers: token refused", *gift, refusing

    def bad_ends(self, campaign):
        model, standing = self.campaigns[campaign], self.standing(campaign)
        stranger = {"sender": self.world.stranger}
        creator = {"sender": self.world.creator}
        if model.state != OPEN:
            yield "campaign: not open", campaign, "finalise", stranger
        elif standing != REVOKED and self.now < model.deadline:
            yield "campaign: still open", campaign, "finalise", stranger
        elif standing == SUSPENDED and model.outcome(standing) != FAILED:
            yield "campaign: charity is suspended", campaign, "finalise", stranger
        if model.state == OPEN:
            reason = "campaign: not the creator or the payee"
            yield reason, campaign, "cancel", stranger
            if self.now >= model.deadline:
                yield "campaign: deadline has passed", campaign, "cancel", creator
        elif model.state == STAGED:
            yield "campaign: not the charity's payee", campaign, "cancel", creator
        else:
            yield "campaign: not open", campaign, "cancel", creator

    def bad_milestones(self, campaign):
        model = self.campaigns[campaign]
        stranger = {"sender": self.world.stranger}
        creator = {"sender": self.world.creator}
        name = (campaign, "report", NOTE, "")
        if model.state != STAGED:
            yield "campaign: no milestone to report", *name, creator
            yield "campaign: no milestone to vote on", campaign, "vote", True, stranger
            yield "campaign: no milestone to settle", campaign, "settle", stranger
            return
        yield "campaign: not the creator or the payee", *name, stranger
        if model.reported_at == 0:
            yield "campaign: nothing reported", campaign, "vote", True, stranger
            if self.now < model.settles_at():
                yield "campaign: a report may still come", campaign, "settle", stranger
                quoted = (campaign, "report", NOTE, '"')
                yield "campaign: text must be plain", *quoted, creator
            else:
                yield "campaign: too late to report", *name, creator
            return
        yield "campaign: reported already", *name, creator
        if not model.voting(self.now):
            yield "campaign: vote is over", campaign, "vote", True, stranger
            return
        yield "campaign: vote is open", campaign, "settle", stranger
        yield "campaign: not a backer", campaign, "vote", False, stranger
        for backer in model.votes.get(model.stage, {}):
            if self.world.relay(backer) is None:
                again = {"sender": backer}
                yield "campaign: voted already", campaign, "vote", False, again
                break

    def bad_exits(self, campaign):
        model = self.campaigns[campaign]
        stranger = {"sender": self.world.stranger}
        backer = self.world.backers[0]
        if not model.is_refundable:
            yield "campaign: no refund now", campaign, "refund_for", backer, stranger
            yield "campaign: no refund now", campaign, "refund_many", [backer], stranger
        else:
            reason = "campaign: nothing to refund"
            yield reason, campaign, "refund_for", self.world.stranger, stranger
            for paid in list(model.refunds)[:1]:
                yield reason, campaign, "refund_for", paid, stranger
            if backer in model.waiting and model.asset == self.world.odd.address:
                if campaign.refundable(backer) > 0:
                    refusing = {**stranger, "mood": [("set_is_refusing", True)]}
                    reason = "transfers: token refused"
                    yield reason, campaign, "refund_for", backer, refusing
        zero = "campaign: zero receiver"
        itself = "campaign: receiver is the campaign"
        yield zero, campaign, "refund_to", NOBODY, {"sender": backer}
        yield itself, campaign, "refund_to", campaign.address, {"sender": backer}
        reason = "campaign: not the charity's payee"
        yield reason, campaign, "claim_to", self.world.stranger, stranger
        if self.world.relay(payee := self.charity(campaign).payee) is None:
            yield zero, campaign, "claim_to", NOBODY, {"sender": payee}
            yield itself, campaign, "claim_to", campaign.address, {"sender": payee}
        if model.released == model.claimed:
            yield "campaign: nothing to claim", campaign, "claim", stranger
        for asset in self.assets:
            if (campaign, asset) not in self.stray:
                yield "campaign: nothing to sweep", campaign, "sweep", asset, stranger
                break

    def bad_transfers(self, campaign):
        model, stranger = self.campaigns[campaign], self.world.stranger
        move = (campaign, "transferFrom")
        unknown = (stranger, stranger, len(model.pledges) + 1, {"sender": stranger})
        yield "campaign: no such token", *move, *unknown
        for token_id, holder in list(model.holders.items())[-2:]:
            away = {"sender": stranger}
            reason = "campaign: not the owner's token"
            yield reason, *move, stranger, stranger, token_id, away
            reason = "campaign: not allowed to transfer"
            yield reason, *move, holder, stranger, token_id, away
            reason = "campaign: not the owner or an operator"
            yield reason, campaign, "approve", stranger, token_id, away
            if self.world.relay(holder) is None:
                own = {"sender": holder}
                yield "campaign: zero receiver", *move, holder, NOBODY, token_id, own
                if model.is_locked(token_id):
                    reason = "campaign: token is locked"
                    yield reason, *move, holder, stranger, token_id, own
                    safe = (campaign, "safeTransferFrom")
                    yield reason, *safe, holder, stranger, token_id, own

    # --- the end ----------------------------------------------------------------------------------

    def pay_everybody(self):
        """Nothing but public calls and time, and nobody who has a say."""
        self.check_everything()
        for turn, (campaign, model) in enumerate(list(self.campaigns.items())):
            if model.state == OPEN:
                if self.standing(campaign) != REVOKED:
                    self.wait_for_the_deadline(campaign)
                if self.standing(campaign) == SUSPENDED:
                    self.refuse_while_suspended(campaign)
                    until = self.charity(campaign).suspended_until
                    boa.env.timestamp = max(self.now, until)
                self._finalise(campaign)
            while model.state == STAGED:
                self.wait_for_the_vote(campaign)
                self._settle(campaign)
            if model.waiting and model.is_refundable:
                # whoever is first depends on how the example went
                order = model.waiting[:: -1 if (self.checks + turn) % 2 else 1]
                for start in range(0, len(order), MAX_REFUNDS):
                    self._refund_many(campaign, order[start : start + MAX_REFUNDS])
                for backer in model.waiting:
                    # it refuses the coin, and says where else to
                    self._refund_to(campaign, backer)
            if model.released > model.claimed:
                payee = self.charity(campaign).payee
                if self.takes(campaign, payee):
                    self._claim(campaign, model, payee, "claim")
                else:
                    receiver = roles.account("another receiver").address
                    self._claim(campaign, model, receiver, "claim_to")
        for campaign, asset in list(self.stray):
            self._sweep(campaign, asset)
        for campaign, model in self.campaigns.items():
            where = f"{campaign.address}, {model}"
            assert model.state in (FAILED, SUCCEEDED, REJECTED), f"not over: {where}"
            assert campaign.liability() == 0, f"CMP-1: still owed, {where}"
            for asset in self.assets:
                assert balance(self.token(asset), campaign) == 0, f"CMP-1: money left, {where}"
            assert model.claimed == model.released, f"CMP-5: {where}"
            assert model.released + model.refunded == model.raised, f"CMP-5: {where}"
            assert (not model.is_refundable) or not model.waiting, f"CMP-3: {where}"
        self.check_everything()


# what a run must have done at least once
CALLS = {
    "create",
    "pledge_native",
    "pledge_token",
    "pledge_token_with_permit",
    "vote",
    "refund_for",
    "refund_to",
    "refund_many",
    "transferFrom",
    "safeTransferFrom",
    "approve",
    "setApprovalForAll",
    "finalise",
    "report",
    "settle",
    "cancel",
    "claim",
    "claim_to",
    "suspend",
    "reinstate",
    "revoke",
    "renew",
    "propose_payee",
    "accept_payee",
    "list_asset",
    "unlist_asset",
    "stop_entries",
    "resume_entries",
    "selfdestruct",
    "transfer",
    "sweep",
}


@pytest.mark.stateful
def test_campaign_machine():
    check_at_length(CampaignMachine, CALLS)


@pytest.mark.stateful
def test_campaign_machine_on_py_evm():
    check_on_py_evm(CampaignMachine, examples=3)
