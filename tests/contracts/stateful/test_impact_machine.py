"""ImpactFund beside a model that keeps every gift, vote and loan by itself.

IMP-1  per asset: given + repaid = claimed + refunded + owed, and the balance is never less
IMP-2  owed = sum over projects of what each holds + sum of the pools
IMP-3  a stage is released only after its vote, and never when objectors gave more than approvers
IMP-4  a backer is refunded its exact share, less than one unit below it, and all shares together
       are all the backers' part
IMP-5  claimed <= released = floor(raised * stages so far), repaid <= released, raised <= goal
IMP-6  a pool = repaid + returned - lent; it lends to the longest waiting project that may receive
IMP-7  a payee changes only by its own proposal, the delay, and its successor's acceptance
IMP-8  with public calls and time alone every project ends with nothing of it left
"""

from __future__ import annotations

import boa
import pytest
from eth_utils import keccak
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.contracts import deployers, roles
from tests.contracts.models.impact_fund import REPORT_TIME, VOTING_TIME, Project
from tests.contracts.money import COIN, balance, send
from tests.contracts.protocol import NO_SIGNATURE, Protocol, new_place, set_code
from tests.contracts.stateful.counting import NOW, CountedMachine, check_at_length, check_on_py_evm

DAY = 86_400
RICHES = 2**120
SDGS = (3, 13)
CHARITIES = 3
TERM = 1_000 * DAY
PAYEE_DELAY = 2 * DAY
PAYEE_WINDOW = 30 * DAY
STOP = 7 * DAY
STOP_INTERVAL = 30 * DAY
# projects of one example, so that each gets far
MOST = 8
FULL_CHECK = 20
NOBODY = "0x" + "00" * 20
STATES = "unknown proposed funding running voting voted overdue rejected completed closed".split()
STAGES = [[10_000], [5_000, 5_000], [3_333, 3_333, 3_334], [1_250] * 8, [1, 9_999]]
MEMO = b"\1" * 32

picks = st.integers(0, 2**16 - 1)
# goals and gifts of 1 to 2**91 - 1, as often few digits as many
sizes = st.tuples(st.integers(0, 90), picks)


class World:
    """One deployment for all examples: three charities, two pairs of pools, two assets."""

    def __init__(self):
        boa.env.timestamp = NOW - DAY
        self.protocol = Protocol()
        self.registry = self.protocol.registry
        self.token = self.protocol.token
        self.impact = deployers.IMPACT_FUND.deploy(
            self.protocol.timelock,
            self.protocol.guardian,
            self.registry,
            self.protocol.reserve,
            self.protocol.operations,
            [(self.token.address, False)],
            override_address=new_place(),
        )
        self.sponsors = [roles.address(f"sponsor {number}") for number in range(CHARITIES)]
        for number, sponsor in enumerate(self.sponsors):
            self.registry.verify(
                sponsor,
                keccak(text=f"GB:CHC:{number}"),
                1,
                keccak(text="metadata"),
                "",
                NOW + TERM,
                keccak(text="evidence"),
                sender=self.protocol.registrar,
            )
        self.donors = [roles.address(f"donor {number}") for number in range(4)]
        self.payees = [roles.address(f"entrepreneur {number}") for number in range(3)]
        for account in (*self.donors, *self.payees):
            boa.env.set_balance(account, RICHES)
            self.token.mint(account, RICHES)
            self.token.approve(self.impact, 2**256 - 1, sender=account)
        # sends what it gets to the fund in a way that no contract can refuse
        self.force = set_code("impact force", bytes.fromhex(f"73{self.impact.address[2:]}ff"))
        boa.env.timestamp = NOW


class ImpactMachine(CountedMachine):
    world: World

    @classmethod
    def prepare(cls):
        cls.world = World()

    def __init__(self):
        super().__init__()
        self.contract = self.world.impact
        self.registry = self.world.registry
        self.assets = [COIN, self.world.token.address]
        # the model, by project id
        self.projects: dict[int, Project] = {}
        self.pools = {(sdg, asset): 0 for sdg in SDGS for asset in self.assets}
        self.queues: dict[tuple[int, str], list[int]] = {key: [] for key in self.pools}
        self.places = dict.fromkeys(self.pools, 0)
        self.pending: dict[int, tuple[str, int]] = {}
        self.expiry = dict.fromkeys(range(1, CHARITIES + 1), NOW + TERM)
        self.suspended_until = dict.fromkeys(self.expiry, 0)
        self.revoked: set[int] = set()
        # per asset, what came in and went out
        self.came = dict.fromkeys(self.assets, 0)
        self.went = dict.fromkeys(self.assets, 0)
        self.stray = dict.fromkeys(self.assets, 0)
        self.stopped_until = self.next_stop_at = 0
        self.steps = 0

    def at_the_end(self):
        self.check_everything()
        self.end_everything()

    # --- what there is ----------------------------------------------------------------------------

    @property
    def now(self):
        return boa.env.timestamp

    def is_open(self):
        return self.now >= self.stopped_until

    def is_verified(self, charity):
        return (
            charity not in self.revoked
            and self.now >= self.suspended_until[charity]
            and self.now < self.expiry[charity]
        )

    def of_state(self, *states):
        return [one for one, found in self.projects.items() if found.state(self.now) in states]

    def fundable(self):
        return [
            number
            for number in self.of_state("funding")
            if self.is_verified(self.projects[number].charity)
        ]

    def rejectable(self):
        alive = self.of_state("funding", "running", "voting", "voted")
        return self.of_state("overdue") + [
            number
            for number in alive
            if self.projects[number].charity in self.revoked and self.projects[number].raised
        ]

    def refundable(self):
        return [
            number
            for number, found in self.projects.items()
            if found.is_rejected and found.waiting()
        ]

    def claimable(self):
        return [one for one, found in self.projects.items() if found.released > found.claimed]

    def repayable(self):
        return [
            one
            for one, found in self.projects.items()
            if found.is_loan and found.released > found.repaid
        ]

    def lendable(self):
        return [key for key, pool in self.pools.items() if pool and self.queues[key]]

    def worth(self, size, most):
        bits, low = size
        return max(1, min((1 << bits) + low % (1 << bits), most))

    def token(self, asset):
        return COIN if asset == COIN else self.world.token

    def value(self, asset, amount):
        return {"value": amount} if asset == COIN else {}

    # --- checks -----------------------------------------------------------------------------------

    def check(self, *numbers):
        """After a call that touched these projects."""
        for number in numbers:
            self.check_project(number)
        for asset in self.assets:
            owed = self.came[asset] - self.went[asset]
            assert self.contract.liability(asset) == owed, f"IMP-1: owed in {asset}"
            held = balance(self.token(asset), self.contract)
            assert held == owed + self.stray[asset], f"IMP-1: balance of {asset}"
        self.steps += 1
        if self.steps % FULL_CHECK == 0:
            self.check_everything()

    def check_project(self, number):
        model, found = self.projects[number], self.contract.project(number)
        assert found.payee == model.payee, f"IMP-7: payee of {number}"
        assert (found.given, found.lent) == (model.given, model.lent), f"IMP-5: raised, {number}"
        assert model.raised <= model.goal == found.goal, f"IMP-5: goal, {number}"
        released = model.raised * sum(model.stages[: model.stage]) // 10_000
        assert found.released == model.released == released, f"IMP-5: released, {number}"
        assert found.claimed == model.claimed <= released, f"IMP-5: claimed, {number}"
        assert found.repaid == model.repaid <= released, f"IMP-5: repaid, {number}"
        assert found.stage == model.stage, f"IMP-3: stage of {number}"
        assert self.contract.claimable(number) == model.released - model.claimed
        state = STATES[self.contract.state(number)]
        assert state == model.state(self.now), f"IMP-3: state of {number}"
        if not model.is_rejected and not model.is_completed:
            assert found.opens_at == model.opens_at, f"IMP-3: opening of {number}"
        tally = self.contract.tally(number)
        assert (tally.approvals, tally.objections) == model.weights(), f"IMP-3: votes, {number}"
        if model.is_rejected:
            waiting = model.waiting()
            left = model.to_backers - sum(model.refunded.values())
            gifts = sum(model.gifts[backer] for backer in waiting)
            assert tuple(self.contract.refunds_left(number)) == (left, gifts), f"IMP-4: {number}"
            for backer in waiting:
                due = self.contract.refundable(number, backer)
                below = model.exact_refund(backer) - due
                assert below < 1, f"IMP-4: {float(below)} below, project {number}"
                assert due <= left, f"IMP-4: more than there is, project {number}"

    def check_everything(self):
        for number in self.projects:
            self.check_project(number)
        for asset in self.assets:
            held = sum(found.owed for found in self.projects.values() if found.asset == asset)
            pools = sum(pool for (_, of), pool in self.pools.items() if of == asset)
            assert self.contract.liability(asset) == held + pools, f"IMP-2: {asset}"
            assert self.contract.surplus(asset) == self.stray[asset], f"IMP-1: surplus of {asset}"
        for key, pool in self.pools.items():
            assert self.contract.pool(*key) == pool, f"IMP-6: pool {key}"
            first, last = self.contract.queue(*key)
            waiting = [self.contract.queued(*key, place) for place in range(first, last + 1)]
            assert waiting == self.queues[key], f"IMP-6: queue {key}"
            assert last == self.places[key], f"IMP-6: places {key}"

    def end_everything(self):
        """IMP-8: a year and strangers; then what the pools still have goes to new projects."""
        boa.env.timestamp += 370 * DAY
        for number, found in self.projects.items():
            if found.state(self.now) == "voted":
                self.release_or_reject(number)
        boa.env.timestamp += REPORT_TIME
        for number in self.projects:
            if number in self.rejectable():
                self.do_reject(number)
        for number, found in self.projects.items():
            assert found.state(self.now) in ("rejected", "completed", "closed"), "IMP-8"
            for backer in found.waiting() if found.is_rejected else ():
                self.do_refund(number, backer)
            if found.released > found.claimed:
                self.do_claim(number)
            assert found.owed == 0, f"IMP-8: project {number}"
        for asset in self.assets:
            pools = sum(pool for (_, of), pool in self.pools.items() if of == asset)
            assert self.contract.liability(asset) == pools, f"IMP-8: {asset}"

    # --- proposals --------------------------------------------------------------------------------

    @initialize(pair=picks, size=sizes, donor=picks, rest=picks)
    def begin(self, pair, size, donor, rest):
        """A loan is given, released and repaid; others wait, one of them with two backers."""
        for stages, days in (([10_000], 30), (STAGES[rest % 4], 365), (STAGES[rest % 3], 365)):
            self.propose(rest, donor + days, pair, size, days, stages, True, 1)
        self.do_donate(1, donor, self.projects[1].room)
        self.do_report(1)
        boa.env.timestamp += VOTING_TIME
        self.release_or_reject(1)
        self.repay(0, size, donor, rest & 1)
        for turn in (1, 2):
            self.do_donate(2, donor + turn, max(1, self.projects[2].room // 3))

    @precondition(lambda self: len(self.projects) < MOST)
    @rule(
        charity=picks,
        payee=picks,
        pair=picks,
        size=sizes,
        days=st.sampled_from([1, 30, 365]),
        stages=st.sampled_from(STAGES),
        is_loan=st.sampled_from([True, True, False]),
        accept=st.integers(0, 9),
    )
    def propose(self, charity, payee, pair, size, days, stages, is_loan, accept):
        able = [one for one in self.expiry if self.is_verified(one)]
        if not able:
            return
        charity = able[charity % len(able)]
        payee = self.world.payees[payee % len(self.world.payees)]
        keys = list(self.pools)
        sdg, asset = keys[pair % len(keys)]
        goal, deadline = self.worth(size, 2**96 - 1), self.now + days * DAY
        with self.call("propose"):
            number = self.contract.propose(
                charity,
                payee,
                sdg,
                asset,
                goal,
                deadline,
                stages,
                MEMO,
                "ipfs://plan",
                is_loan,
                sender=self.world.sponsors[charity - 1],
            )
        assert number == len(self.projects) + 1
        self.projects[number] = Project(
            charity, payee, sdg, asset, goal, deadline, list(stages), is_loan
        )
        if accept:
            self._accept(number)

    def _accept(self, number):
        found = self.projects[number]
        with self.call("accept"):
            self.contract.accept(number, sender=found.payee)
        found.is_accepted = True
        key = found.sdg, found.asset
        self.queues[key].append(number)
        self.places[key] += 1
        self.check(number)

    @precondition(lambda self: self.of_state("proposed"))
    @rule(pick=picks)
    def accept(self, pick):
        able = self.of_state("proposed")
        self._accept(able[pick % len(able)])

    # --- money in ---------------------------------------------------------------------------------

    @precondition(lambda self: self.is_open() and self.fundable())
    @rule(
        pick=picks,
        donor=picks,
        size=sizes,
        much=st.sampled_from(["all", "third", "size", "size"]),
        tip=st.sampled_from([0, 0, 5]),
        permit=st.booleans(),
    )
    def donate(self, pick, donor, size, much, tip, permit):
        able = self.fundable()
        number = able[pick % len(able)]
        room = self.projects[number].room
        amount = self.worth(size, room)
        if much != "size":
            amount = room if much == "all" else max(1, room // 3)
        self.do_donate(number, donor, amount, tip, permit)

    def do_donate(self, number, donor, amount, tip=0, permit=False):
        found = self.projects[number]
        if found.room == 0:
            return
        donor = self.world.donors[donor % len(self.world.donors)]
        operations = self.world.protocol.operations
        before = balance(self.token(found.asset), operations)
        if found.asset == COIN:
            with self.call("donate_native"):
                self.contract.donate_native(number, MEMO, tip, value=amount + tip, sender=donor)
        elif permit:
            # no token takes this signature: the allowance decides
            with self.call("donate_token_with_permit"):
                self.contract.donate_token_with_permit(
                    number, found.asset, amount, MEMO, tip, *NO_SIGNATURE, sender=donor
                )
        else:
            with self.call("donate_token"):
                self.contract.donate_token(number, found.asset, amount, MEMO, tip, sender=donor)
        assert balance(self.token(found.asset), operations) == before + tip
        found.gifts[donor] = found.gifts.get(donor, 0) + amount
        found.receive(self.now)
        self.came[found.asset] += amount
        assert self.contract.contribution(number, donor)[0] == found.gifts[donor]
        self.check(number)

    @precondition(lambda self: self.repayable())
    @rule(pick=picks, size=sizes, payer=picks, much=st.booleans())
    def repay(self, pick, size, payer, much):
        able = self.repayable()
        number = able[pick % len(able)]
        found = self.projects[number]
        room = found.released - found.repaid
        amount = room if much else self.worth(size, room)
        payer = [*self.world.payees, *self.world.donors][payer % 7]
        with self.call("repay"):
            self.contract.repay(
                number, amount, MEMO, sender=payer, **self.value(found.asset, amount)
            )
        found.repaid += amount
        self.pools[found.sdg, found.asset] += amount
        self.came[found.asset] += amount
        self.check(number)

    @precondition(lambda self: self.lendable())
    @rule(pick=picks)
    def lend(self, pick):
        able = self.lendable()
        key = able[pick % len(able)]
        queue, lent, touched = self.queues[key], 0, []
        # who has waited longest and may receive; who takes no more leaves, and who may not
        # receive just now goes to the end, which is all that this call does then
        while queue:
            number = queue[0]
            found = self.projects[number]
            touched.append(number)
            if not found.takes_money(self.now) or found.charity in self.revoked:
                queue.pop(0)
                continue
            if not self.is_verified(found.charity):
                queue.append(queue.pop(0))
                self.places[key] += 1
                break
            lent = min(self.pools[key], found.room)
            found.lent += lent
            self.pools[key] -= lent
            found.receive(self.now)
            if found.room == 0:
                queue.pop(0)
            break
        with self.call("lend"):
            assert self.contract.lend(*key) == lent, f"IMP-6: {key}"
        assert self.contract.pool(*key) == self.pools[key], f"IMP-6: {key}"
        self.check(*touched)

    # --- stages -----------------------------------------------------------------------------------

    @precondition(lambda self: self.of_state("running"))
    @rule(pick=picks)
    def report(self, pick):
        able = self.of_state("running")
        self.do_report(able[pick % len(able)])

    def do_report(self, number):
        found = self.projects[number]
        with self.call("report"):
            self.contract.report(number, found.stage, MEMO, "ipfs://r", sender=found.payee)
        found.reported_at = self.now
        self.check(number)

    def voters(self):
        return [
            (number, backer)
            for number in self.of_state("voting")
            for backer in self.projects[number].gifts
            if backer not in self.projects[number].votes
        ]

    @precondition(lambda self: self.voters())
    @rule(pick=picks, is_for=st.sampled_from([True, True, False]))
    def vote(self, pick, is_for):
        able = self.voters()
        self.do_vote(*able[pick % len(able)], is_for)

    def do_vote(self, number, backer, is_for):
        found = self.projects[number]
        with self.call("vote"):
            self.contract.vote(number, found.stage, is_for, sender=backer)
        found.votes[backer] = is_for
        self.check(number)

    @precondition(lambda self: self.under_way())
    @rule(pick=picks, how=picks)
    def go_on(self, pick, how):
        """One project does what it waits for, so that most get far."""
        able = self.under_way()
        number = able[pick % len(able)]
        found = self.projects[number]
        state = found.state(self.now)
        if state == "funding":
            if self.is_open() and self.is_verified(found.charity):
                part = max(1, found.room // (1 + how % 3))
                self.do_donate(number, how, part, how % 7, permit=how & 8 == 0)
            elif found.raised:
                boa.env.timestamp = found.opens_at
        elif state == "running":
            self.do_report(number)
            for turn, backer in enumerate(found.gifts):
                if how >> turn & 1:
                    self.do_vote(number, backer, (how >> 4 + turn & 3) != 0)
        elif state == "voting":
            boa.env.timestamp = found.reported_at + VOTING_TIME
        else:
            self.release_or_reject(number)

    def under_way(self):
        return self.of_state("funding", "running", "voting", "voted")

    @precondition(lambda self: self.under_way())
    @rule(pick=picks, how=picks)
    def go_on_with_another(self, pick, how):
        self.go_on(pick + 1, how)

    @precondition(lambda self: self.of_state("voted"))
    @rule(pick=picks)
    def release(self, pick):
        able = self.of_state("voted")
        self.release_or_reject(able[pick % len(able)])

    def release_or_reject(self, number):
        found = self.projects[number]
        approvals, objections = found.weights()
        is_rejected = objections > approvals or found.charity in self.revoked
        amount = 0 if is_rejected else found.due_at_release()
        with self.call("release"):
            assert self.contract.release(number) == amount, f"IMP-3: project {number}"
        if is_rejected:
            self.rejected(number)
        else:
            found.release(self.now)
        self.check(number)

    def rejected(self, number):
        found = self.projects[number]
        found.reject(self.now)
        self.pools[found.sdg, found.asset] += found.to_pool
        log = next(
            one for one in self.contract.get_logs() if type(one).__name__ == "ProjectRejected"
        )
        assert (log.to_backers, log.to_pool) == (found.to_backers, found.to_pool), "IMP-4"

    @precondition(lambda self: self.rejectable())
    @rule(pick=picks)
    def reject(self, pick):
        able = self.rejectable()
        self.do_reject(able[pick % len(able)])

    def do_reject(self, number):
        with self.call("reject"):
            self.contract.reject(number)
        self.rejected(number)
        self.check(number)

    # --- money out --------------------------------------------------------------------------------

    @precondition(lambda self: self.claimable())
    @rule(pick=picks, elsewhere=st.booleans())
    def claim(self, pick, elsewhere):
        able = self.claimable()
        self.do_claim(able[pick % len(able)], elsewhere)

    def do_claim(self, number, elsewhere=False):
        found = self.projects[number]
        due = found.released - found.claimed
        receiver = roles.address("another receiver") if elsewhere else found.payee
        before = balance(self.token(found.asset), receiver)
        if elsewhere:
            with self.call("claim_to"):
                paid = self.contract.claim_to(number, receiver, sender=found.payee)
        else:
            with self.call("claim"):
                paid = self.contract.claim(number)
        assert paid == due == balance(self.token(found.asset), receiver) - before, "IMP-1"
        found.claimed += due
        self.went[found.asset] += due
        self.check(number)

    def paid_back(self, number, backer, paid):
        found = self.projects[number]
        below = found.exact_refund(backer) - paid
        assert below < 1, f"IMP-4: {float(below)} below, project {number}"
        found.refunded[backer] = paid
        self.went[found.asset] += paid
        if not found.waiting():
            assert sum(found.refunded.values()) == found.to_backers, f"IMP-4: project {number}"

    @precondition(lambda self: self.refundable())
    @rule(pick=picks, backer=picks, elsewhere=st.booleans())
    def refund_one(self, pick, backer, elsewhere):
        able = self.refundable()
        number = able[pick % len(able)]
        waiting = self.projects[number].waiting()
        self.do_refund(number, waiting[backer % len(waiting)], elsewhere)

    def do_refund(self, number, backer, elsewhere=False):
        asset = self.token(self.projects[number].asset)
        receiver = roles.address("another receiver") if elsewhere else backer
        before = balance(asset, receiver)
        if elsewhere:
            with self.call("refund_to"):
                paid = self.contract.refund_to(number, receiver, sender=backer)
        else:
            with self.call("refund_for"):
                paid = self.contract.refund_for(number, backer)
        assert balance(asset, receiver) - before == paid, "IMP-1"
        self.paid_back(number, backer, paid)
        self.check(number)

    @precondition(lambda self: self.refundable())
    @rule(pick=picks, order=st.permutations(range(4)), twice=st.booleans())
    def refund_many(self, pick, order, twice):
        """In any order, some twice, some who gave nothing."""
        able = self.refundable()
        number = able[pick % len(able)]
        backers = [self.world.donors[one] for one in order[: 1 + pick % 4]] * (1 + twice)
        asset = self.token(self.projects[number].asset)
        due = [one for one in dict.fromkeys(backers) if one in self.projects[number].waiting()]
        before = {backer: balance(asset, backer) for backer in due}
        with self.call("refund_many"):
            assert self.contract.refund_many(number, backers) == len(due)
        for backer in due:
            self.paid_back(number, backer, balance(asset, backer) - before[backer])
        self.check(number)

    # --- time, charities, entries, payees ---------------------------------------------------------

    @rule(seconds=st.sampled_from([1, DAY, DAY, VOTING_TIME]))
    def wait(self, seconds):
        boa.env.timestamp += seconds
        self.renew()

    def edges(self):
        """Seconds at which something begins or ends."""
        found = set()
        for project in self.projects.values():
            if project.is_rejected or project.is_completed:
                continue
            found |= {project.opens_at, project.opens_at + REPORT_TIME}
            if project.reported_at is not None:
                found.add(project.reported_at + VOTING_TIME)
        return sorted(edge for edge in found if edge > self.now)

    @precondition(lambda self: self.edges())
    @rule(pick=st.integers(0, 2), before=st.sampled_from([0, 0, 1]))
    def wait_for_an_edge(self, pick, before):
        """To the second, or to the one before."""
        edges = self.edges()
        boa.env.timestamp = max(self.now, edges[pick % len(edges)] - before)
        for number in self.projects:
            self.check_project(number)
        self.renew()

    def renew(self):
        for charity in self.expiry:
            if self.can_renew(charity) and self.expiry[charity] < self.now + 500 * DAY:
                with self.call("renew"):
                    self.registry.renew(
                        charity, self.now + TERM, MEMO, sender=self.world.protocol.registrar
                    )
                self.expiry[charity] = self.now + TERM

    def can_renew(self, charity):
        return charity not in self.revoked and self.now >= self.suspended_until[charity]

    @rule(pick=picks, what=st.integers(0, 17))
    def happen(self, pick, what):
        """What is rare; one rule, so that it stays so."""
        if what == 0 and len(self.revoked) < CHARITIES - 1:
            self.revoke(pick)
        elif what < 3:
            self.suspend(pick)
        elif what < 5 and self.now >= self.next_stop_at:
            self.stop()
        elif what < 7:
            self.stray_money(pick)
        elif what < 12:
            self.propose_payee(pick, pick >> 4, pick >> 8 & 3)

    def revoke(self, pick):
        able = sorted(set(self.expiry) - self.revoked)
        charity = able[pick % len(able)]
        with self.call("revoke"):
            self.registry.revoke(charity, MEMO, sender=self.world.protocol.timelock)
        self.revoked.add(charity)

    def suspend(self, pick):
        charity = 1 + pick % CHARITIES
        last = self.suspended_until[charity]
        expired = self.now >= self.expiry[charity]
        if charity in self.revoked or expired or (last and self.now < last + 30 * DAY):
            return
        with self.call("suspend"):
            self.registry.suspend(charity, MEMO, sender=self.world.protocol.registrar)
        self.suspended_until[charity] = self.now + 30 * DAY

    def stop(self):
        with self.call("stop_entries"):
            self.contract.stop_entries(sender=self.world.protocol.guardian)
        self.stopped_until = self.now + STOP
        self.next_stop_at = self.now + STOP_INTERVAL
        for number in self.fundable()[:1]:
            with self.call("donate", reverts="impact: entries are stopped"):
                self.bad_gift(number, self.projects[number].asset, 1)

    @precondition(lambda self: not self.is_open())
    @rule()
    def resume(self):
        with self.call("resume_entries"):
            self.contract.resume_entries(sender=self.world.protocol.guardian)
        self.stopped_until = self.now

    def propose_payee(self, pick, successor, cancel):
        able = [number for number, found in self.projects.items() if found.is_accepted]
        if not able:
            return
        number = able[pick % len(able)]
        found = self.projects[number]
        successor = self.world.payees[successor % len(self.world.payees)]
        if successor == found.payee:
            return
        with self.call("propose_payee"):
            self.contract.propose_payee(number, successor, sender=found.payee)
        self.pending[number] = successor, self.now + PAYEE_DELAY
        if cancel == 0:
            who = [
                found.payee,
                self.world.protocol.guardian,
                self.world.sponsors[found.charity - 1],
            ]
            with self.call("cancel_payee"):
                self.contract.cancel_payee(number, sender=who[pick % 3])
            del self.pending[number]
        elif cancel == 1:
            boa.env.timestamp += PAYEE_DELAY
        self.check(number)

    def ripe(self):
        return [
            number
            for number, (_, ready_at) in self.pending.items()
            if ready_at <= self.now < ready_at + PAYEE_WINDOW
        ]

    @precondition(lambda self: self.ripe())
    @rule(pick=picks)
    def accept_payee(self, pick):
        ripe = self.ripe()
        number = ripe[pick % len(ripe)]
        successor, _ = self.pending.pop(number)
        with self.call("accept_payee"):
            self.contract.accept_payee(number, sender=successor)
        self.projects[number].payee = successor
        self.check(number)

    # --- what nobody gave -------------------------------------------------------------------------

    def stray_money(self, pick):
        asset, amount = self.assets[pick % 2], 1 + pick
        if asset == COIN:
            with self.call("selfdestruct"):
                assert send(self.world.force, amount, sender=self.world.donors[1]) is None
        else:
            with self.call("transfer"):
                self.world.token.transfer(self.contract, amount, sender=self.world.donors[1])
        self.stray[asset] += amount
        self.check()

    @precondition(lambda self: any(self.stray.values()))
    @rule(pick=picks)
    def sweep(self, pick):
        able = [asset for asset, stray in self.stray.items() if stray]
        asset = able[pick % len(able)]
        with self.call("sweep"):
            assert self.contract.sweep(asset) == self.stray[asset], "IMP-1: swept"
        self.stray[asset] = 0
        self.check()

    # --- what is refused --------------------------------------------------------------------------

    def bad_gift(self, number, asset, amount, sender=None):
        sender = self.world.donors[0] if sender is None else sender
        if asset == COIN:
            self.contract.donate_native(number, MEMO, value=amount, sender=sender)
        else:
            self.contract.donate_token(number, asset, amount, MEMO, sender=sender)

    @precondition(lambda self: self.projects and self.may_revert())
    @rule(pick=picks, which=picks)
    def refused(self, pick, which):
        """One call that must revert, for its own reason, and change nothing."""
        number = 1 + which % len(self.projects)
        cases = [*self.bad_calls(number)]
        reason, name, arguments, how = cases[pick % len(cases)]
        call = self.bad_gift if name == "donate" else getattr(self.contract, name)
        with self.call(name, reverts=reason):
            call(*arguments, **how)
        self.check(number)

    def bad_calls(self, number):
        """(reason, function, arguments, keywords) of calls that must revert."""
        found = self.projects[number]
        state = found.state(self.now)
        donor, stranger = self.world.donors[0], self.world.protocol.stranger
        yield "impact: not the payee", "report", (number, 0, MEMO, ""), {"sender": stranger}
        yield "impact: not the payee", "claim_to", (number, stranger), {"sender": stranger}
        yield "impact: nothing to refund", "refund_for", (number, stranger), {}
        if found.released == found.claimed:
            yield "impact: nothing to claim", "claim", (number,), {}
        if found.is_loan:
            amount = found.released - found.repaid + 1
            how = {"sender": donor, **self.value(found.asset, amount)}
            yield "impact: more than was released", "repay", (number, amount, MEMO), how
        else:
            yield "impact: project is not a loan", "repay", (number, 1, MEMO), {"sender": donor}
        if state != "voted":
            reason = "voting is not over" if state == "voting" else "stage is not reported"
            yield f"impact: {reason}", "release", (number,), {}
        if state != "voting":
            reason = "voting is over" if state == "voted" else "stage is not reported"
            how = {"sender": donor}
            yield f"impact: {reason}", "vote", (number, found.stage, True), how
        if state == "voting":
            for backer in found.votes:
                how = {"sender": backer}
                yield "impact: already voted", "vote", (number, found.stage, False), how
            how = {"sender": stranger}
            yield "impact: not a backer", "vote", (number, found.stage, True), how
        if not found.is_rejected:
            for backer in found.gifts:
                yield "impact: project is not rejected", "refund_for", (number, backer), {}
        if state == "rejected":
            yield "impact: project is rejected", "reject", (number,), {}
        if state == "completed":
            yield "impact: project is completed", "reject", (number,), {}
        if state == "closed":
            yield "impact: nothing was raised", "reject", (number,), {}
        if state == "running" and found.charity not in self.revoked:
            yield "impact: report is not overdue", "reject", (number,), {}
        if state == "overdue":
            how = {"sender": found.payee}
            yield "impact: report is overdue", "report", (number, found.stage, MEMO, ""), how
        if self.is_open():
            gift = ("donate", (number, found.asset, found.room + 1), {})
            if state == "funding":
                yield "impact: more than the goal lacks", *gift
                how = {"sender": found.payee}
                yield "impact: donor is the payee", "donate", (number, found.asset, 1), how
            elif state == "proposed":
                yield "impact: project is not accepted", *gift
            elif found.is_accepted:
                yield "impact: funding is over", *gift
        for key, pool in self.pools.items():
            if pool == 0:
                yield "impact: pool is empty", "lend", key, {}
            elif not self.queues[key]:
                yield "impact: queue is empty", "lend", key, {}
        for asset, stray in self.stray.items():
            if stray == 0:
                yield "impact: nothing to sweep", "sweep", (asset,), {}
        how = {"sender": stranger}
        yield "impact: not the timelock", "unlist_asset", (self.assets[1],), how


# what a run must have done at least once
CALLS = {
    "propose",
    "accept",
    "donate_native",
    "donate_token",
    "donate_token_with_permit",
    "report",
    "vote",
    "release",
    "reject",
    "claim",
    "claim_to",
    "refund_for",
    "refund_to",
    "refund_many",
    "repay",
    "lend",
    "revoke",
    "suspend",
    "propose_payee",
    "accept_payee",
    "cancel_payee",
    "stop_entries",
    "resume_entries",
    "transfer",
    "sweep",
}


@pytest.mark.stateful
def test_impact_machine():
    check_at_length(ImpactMachine, CALLS)


@pytest.mark.stateful
def test_impact_machine_on_py_evm():
    check_on_py_evm(ImpactMachine, examples=4)
