"""IndexFunds: what each charity has earned, to the unit, through drops, claims and new epochs."""

from __future__ import annotations

import random
from fractions import Fraction

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.logs import entry, logged
from tests.contracts.money import COIN, change, moves
from tests.contracts.protocol import (
    BURNING,
    EPOCH_NOTICE,
    MEGABYTE,
    MEMO,
    REVERTING,
    Protocol,
    place,
)

ZERO = "0x" + "00" * 20
MAX_TOTAL = 2**104 - 1
WEIGHTS = [1, 2, 3, 10_000]


@pytest.fixture(scope="module")
def payees():
    return [roles.address(f"charity {number}") for number in range(len(WEIGHTS))]


@pytest.fixture(scope="module")
def world(payees):
    """Fund 1 runs epoch 1 of charities 1 to 4 with the weights above."""
    world = Protocol()
    members = [(world.verify(payee), weight) for payee, weight in zip(payees, WEIGHTS, strict=True)]
    world.run_epoch(1, members)
    world.fill(world.donor, world.funds)
    return world


@pytest.fixture(scope="module")
def funds(world):
    return world.funds


@pytest.fixture(scope="module")
def token(world):
    return world.token


@pytest.fixture
def give(world):
    """give(amount, asset=COIN, fund_id=1, epoch=1)"""

    def give(amount, asset=COIN, fund_id=1, epoch=1):
        if asset == COIN:
            world.funds.donate_native(fund_id, epoch, MEMO, value=amount, sender=world.donor)
        else:
            world.funds.donate_token(fund_id, epoch, asset, amount, MEMO, sender=world.donor)

    return give


@pytest.fixture
def drop(world):
    """drop(member, ...): revoke these of the first epoch's charities and drop them."""

    def drop(*members, fund_id=1, epoch=1):
        for member in members:
            number = world.funds.members(fund_id, epoch)[member].charity_id
            if not world.registry.is_revoked(number):
                world.revoke(number)
            world.funds.drop(fund_id, epoch, member)

    return drop


def claimable(funds, asset=COIN, fund_id=1, epoch=1, count=4):
    return [funds.claimable(fund_id, epoch, member, asset) for member in range(count)]


def claimed(funds, charity_id, asset, receiver, amount, event="Claimed"):
    return entry(
        funds,
        event,
        fund_id=1,
        charity_id=charity_id,
        asset=getattr(asset, "address", asset),
        epoch=1,
        receiver=receiver,
        amount=amount,
    )


def of(contract, logs):
    return [log for log in logs if log[0] == contract.address]


# --- claims ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["coin", "token"])
def test_a_claim_pays_the_payee_all_it_has_earned(world, funds, token, payees, give, kind):
    asset = COIN if kind == "coin" else token
    give(100_060, asset)
    assert claimable(funds, asset) == [10, 20, 30, 100_000]
    for member, due in enumerate([10, 20, 30, 100_000]):
        with moves(world.assets, world.accounts) as moved:
            assert funds.claim(1, 1, member, asset, sender=world.stranger) == due
            logs = of(funds, logged(funds))
        assert logs == [claimed(funds, member + 1, asset, payees[member], due)]
        assert moved == change((asset, funds, -due), (asset, payees[member], due))
        assert funds.claimed(1, 1, member, asset) == due
        assert funds.claimable(1, 1, member, asset) == 0
    assert funds.liability(asset) == 0
    assert funds.total_given(1, 1, asset) == 100_060
    world.check()


def test_nothing_is_claimed_twice(world, funds, token, give, payees):
    give(100_060)
    funds.claim(1, 1, 0, ZERO)
    for asset in (ZERO, token):
        with world.refuses("funds: nothing to claim"):
            funds.claim(1, 1, 0, asset)
        with world.refuses("funds: nothing to claim"):
            funds.claim_to(1, 1, 0, asset, world.stranger, sender=payees[0])
        assert funds.claim_many([(1, 1, 0, asset)]) == 0
    give(100_060)
    assert funds.claim(1, 1, 0, ZERO) == 10


@pytest.mark.parametrize("member", [4, 7, 8, 200, 2**255, 2**256 - 1])
def test_there_is_nothing_behind_the_last_member(world, funds, give, member):
    give(100_060)
    reason = "funds: no such member"
    with world.refuses(reason):
        funds.claim(1, 1, member, ZERO)
    with world.refuses(reason):
        funds.claim_to(1, 1, member, ZERO, world.stranger)
    with world.refuses(reason):
        funds.claim_many([(1, 1, member, ZERO)])
    with world.refuses(reason):
        funds.drop(1, 1, member)
    with boa.reverts(reason):
        funds.claimable(1, 1, member, ZERO)


def test_an_epoch_that_never_was_has_no_members(world, funds):
    for fund_id, epoch in [(1, 2), (2, 1), (0, 0), (18, 1), (1, 0)]:
        with world.refuses("funds: no such member"):
            funds.claim(fund_id, epoch, 0, ZERO)
        assert tuple(funds.epoch_info(fund_id, epoch)) == (0, 0, 0, 0)
        assert funds.members(fund_id, epoch) == []
        assert funds.total_given(fund_id, epoch, ZERO) == 0


def test_the_payee_claims_to_another_address(world, funds, token, payees, give):
    give(100_060, token)
    receiver = place("receiver")
    with moves(world.assets, [*world.accounts, receiver]) as moved:
        assert funds.claim_to(1, 1, 2, token, receiver, sender=payees[2]) == 30
        logs = of(funds, logged(funds))
    assert logs == [claimed(funds, 3, token, receiver, 30)]
    assert moved == change((token, funds, -30), (token, receiver, 30))
    assert funds.claimable(1, 1, 2, token) == 0


@pytest.mark.parametrize("caller", ["donor", "stranger", "timelock", "registrar", "guardian"])
def test_nobody_else_chooses_the_receiver(world, funds, give, payees, caller):
    give(100_060)
    for sender in (getattr(world, caller), payees[1]):
        with world.refuses("funds: not the payee"):
            funds.claim_to(1, 1, 0, ZERO, sender, sender=sender)


def test_a_receiver_from_whom_nothing_gets_out_is_refused(world, funds, give, payees):
    give(100_060)
    with world.refuses("funds: zero receiver"):
        funds.claim_to(1, 1, 0, ZERO, ZERO, sender=payees[0])
    with world.refuses("funds: receiver is this contract"):
        funds.claim_to(1, 1, 0, ZERO, funds, sender=payees[0])


@pytest.mark.parametrize("state", ["suspended", "expired", "revoked", "unlisted", "stopped"])
def test_a_claim_asks_for_nobodys_leave(world, funds, token, payees, give, state):
    """REG-3, M7: neither status nor listing nor a stop is in the way."""
    give(100_060)
    give(100_060, token)
    if state == "suspended":
        world.suspend(1)
    elif state == "expired":
        boa.env.timestamp = world.registry.charity(1).expiry
    elif state == "revoked":
        world.revoke(1)
    elif state == "unlisted":
        funds.unlist_asset(token, sender=world.timelock)
    else:
        funds.stop_entries(sender=world.guardian)
    with moves(world.assets, world.accounts) as moved:
        funds.claim(1, 1, 0, token)
        funds.claim_many([(1, 1, 0, ZERO)])
    assert moved == change(
        (token, funds, -10), (token, payees[0], 10), (COIN, funds, -10), (COIN, payees[0], 10)
    )


def test_what_is_owed_goes_to_the_new_payee(world, funds, payees, give):
    """M6."""
    give(100_060)
    successor = roles.address("successor")
    world.registry.propose_payee(1, successor, sender=payees[0])
    boa.env.time_travel(seconds=world.registry.PAYEE_DELAY())
    world.registry.accept_payee(1, sender=successor)
    with world.refuses("funds: not the payee"):
        funds.claim_to(1, 1, 0, ZERO, payees[0], sender=payees[0])
    with moves([COIN], [funds, payees[0], successor]) as moved:
        funds.claim(1, 1, 0, ZERO)
    assert moved == change((COIN, funds, -10), (COIN, successor, 10))


def test_a_payee_that_refuses_the_coin_claims_elsewhere(world, funds, payees, give):
    give(100_060)
    boa.env.set_code(payees[0], REVERTING)
    with world.refuses("transfers: receiver refused"):
        funds.claim(1, 1, 0, ZERO)
    funds.claim_to(1, 1, 0, ZERO, world.stranger, sender=payees[0])
    assert funds.claimable(1, 1, 0, ZERO) == 0


def test_a_payee_on_a_blocklist_claims_elsewhere(world, funds, payees, give):
    odd = deployers.STRANGE_TOKEN.deploy(6, 1)
    funds.list_asset(odd, sender=world.timelock)
    world.fill(world.donor, funds, token=odd)
    give(100_060, odd)
    odd.set_blocked(payees[0], True)
    with world.refuses("transfers: token refused"):
        funds.claim(1, 1, 0, odd)
    funds.claim_to(1, 1, 0, odd, world.stranger, sender=payees[0])
    assert odd.balanceOf(world.stranger) == 10


# --- claims of many -------------------------------------------------------------------------------


def test_many_are_claimed_at_once(world, funds, token, payees, give):
    give(100_060)
    give(100_060, token)
    refs = [(1, 1, member, asset) for asset in (ZERO, token.address) for member in range(4)]
    with moves(world.assets, world.accounts) as moved:
        assert funds.claim_many(refs, sender=world.stranger) == 8
        logs = of(funds, logged(funds))
    dues = [10, 20, 30, 100_000]
    assert logs == [
        claimed(funds, member + 1, asset, payees[member], dues[member])
        for asset in (COIN, token)
        for member in range(4)
    ]
    assert moved == change(
        *[(asset, funds, -100_060) for asset in (COIN, token)],
        *[(asset, payees[m], dues[m]) for asset in (COIN, token) for m in range(4)],
    )


@pytest.mark.parametrize("code", [REVERTING, BURNING, MEGABYTE])
def test_one_that_refuses_does_not_disturb_the_rest(world, funds, payees, give, code):
    """Attack 21."""
    give(100_060)
    boa.env.set_code(payees[1], code)
    with moves(world.assets, world.accounts) as moved:
        assert funds.claim_many([(1, 1, member, ZERO) for member in range(4)]) == 3
        logs = of(funds, logged(funds))
    assert logs[1] == claimed(funds, 2, COIN, payees[1], 20, "ClaimFailed")
    assert [name for _, name, _ in logs] == ["Claimed", "ClaimFailed", "Claimed", "Claimed"]
    assert moved == change(
        (COIN, funds, -100_040),
        (COIN, payees[0], 10),
        (COIN, payees[2], 30),
        (COIN, payees[3], 100_000),
    )
    # it stays owed
    assert funds.claimable(1, 1, 1, ZERO) == funds.liability(ZERO) == 20
    assert funds.claimed(1, 1, 1, ZERO) == 0
    boa.env.set_code(payees[1], b"")
    assert funds.claim(1, 1, 1, ZERO) == 20


@pytest.mark.parametrize("traits", [0, 1], ids=["reverts", "answers false"])
def test_one_that_a_token_refuses_does_not_disturb_the_rest(world, funds, payees, give, traits):
    odd = deployers.STRANGE_TOKEN.deploy(6, traits)
    funds.list_asset(odd, sender=world.timelock)
    world.fill(world.donor, funds, token=odd)
    give(100_060, odd)
    odd.set_blocked(payees[1], True)
    assert funds.claim_many([(1, 1, member, odd.address) for member in range(4)]) == 3
    assert of(funds, logged(funds))[1] == claimed(funds, 2, odd, payees[1], 20, "ClaimFailed")
    assert funds.claimable(1, 1, 1, odd) == funds.liability(odd) == odd.balanceOf(funds) == 20


def test_the_same_claim_twice_in_a_batch_is_paid_once(funds, payees, give):
    give(100_060)
    with moves([COIN], [funds, *payees]) as moved:
        assert funds.claim_many([(1, 1, 0, ZERO)] * 32) == 1
    assert moved == change((COIN, funds, -10), (COIN, payees[0], 10))


def test_a_frozen_value_survives_a_failed_claim(funds, payees, give, drop):
    """Both lie in one word."""
    give(100_060)
    drop(1)
    give(10_004)
    boa.env.set_code(payees[1], REVERTING)
    assert funds.claim_many([(1, 1, member, ZERO) for member in range(4)]) == 3
    assert claimable(funds) == [0, 20, 0, 0]
    boa.env.set_code(payees[1], b"")
    assert funds.claim(1, 1, 1, ZERO) == 20


def test_a_batch_may_be_empty(funds):
    assert funds.claim_many([]) == 0


# --- the floor ------------------------------------------------------------------------------------


def test_dust_starves_nobody(funds, give):
    """The floor is of the running total: 10,006 gifts of 1 are as one of 10,006."""
    for amount in (1, 1, 1, 10_003):
        give(amount)
    assert claimable(funds) == WEIGHTS
    for _ in range(3):
        funds.claim_many([(1, 1, member, ZERO) for member in range(4)])
        give(3)
        give(10_003)
        assert claimable(funds) == WEIGHTS


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_the_order_of_claims_changes_nobodys_total(world, funds, give, order):
    """IXF-4."""
    paid = [0] * 4
    for amount in (7, 99_999, 1, 123_456):
        give(amount)
        for member in order[: 1 + amount % 4]:
            if funds.claimable(1, 1, member, ZERO):
                paid[member] += funds.claim(1, 1, member, ZERO)
    for member in order:
        if funds.claimable(1, 1, member, ZERO):
            paid[member] += funds.claim(1, 1, member, ZERO)
    total = 7 + 99_999 + 1 + 123_456
    assert paid == [total * weight // 10_006 for weight in WEIGHTS]
    assert 0 <= total - sum(paid) < 4, "IXF-2"
    assert funds.liability(ZERO) == total - sum(paid)
    world.check()


# --- drops ----------------------------------------------------------------------------------------


def test_a_dropped_member_keeps_what_it_had_and_the_rest_get_what_comes(
    world, funds, token, payees, give
):
    give(10_006)
    give(20_012, token)
    world.revoke(4)
    # until it is dropped, it earns
    give(10_006)
    with moves(world.assets, world.accounts) as moved:
        funds.drop(1, 1, 3, sender=world.stranger)
        assert logged(funds) == [
            entry(
                funds,
                "Dropped",
                fund_id=1,
                epoch=1,
                charity_id=4,
                weight=10_000,
                weight_left=6,
            )
        ]
    assert moved == {}
    assert tuple(funds.epoch_info(1, 1)) == (10_006, 6, 4, 1)
    assert [member.is_dropped for member in funds.members(1, 1)] == [False, False, False, True]
    assert claimable(funds) == [2, 4, 6, 20_000]
    give(60)
    assert claimable(funds) == [12, 24, 36, 20_000]
    give(60, token)
    assert claimable(funds, token) == [12, 24, 36, 20_000]
    with moves([COIN], payees) as moved:
        funds.claim(1, 1, 3, ZERO)
    assert moved == change((COIN, payees[3], 20_000))
    world.check()


def test_an_asset_first_given_after_a_drop_owes_the_dropped_nothing(funds, token, give, drop):
    drop(3)
    give(60, token)
    assert claimable(funds, token) == [10, 20, 30, 0]


def test_an_asset_unlisted_during_a_drop_is_not_overpaid(world, funds, token, give, drop):
    """Attack 2: a total without its base would be shared out by the wrong weight."""
    give(10_006, token)
    funds.unlist_asset(token, sender=world.timelock)
    drop(3)
    assert claimable(funds, token) == WEIGHTS
    funds.list_asset(token, sender=world.timelock)
    give(60, token)
    assert claimable(funds, token) == [11, 22, 33, 10_000]
    for member in range(4):
        funds.claim(1, 1, member, token)
    assert funds.liability(token) == token.balanceOf(funds) == 0


def test_the_last_member_closes_the_epoch_and_keeps_its_money(world, funds, token, give, drop):
    """Attack 12: no weight is left to divide by."""
    give(10_006)
    drop(0, 1, 3)
    give(30)
    assert claimable(funds) == [1, 2, 33, 10_000]
    drop(2)
    assert tuple(funds.epoch_info(1, 1)) == (10_006, 0, 4, 4)
    assert funds.running_epoch(1) == 0
    with world.refuses("funds: fund has no epoch"):
        give(5)
    assert claimable(funds) == [1, 2, 33, 10_000]
    assert claimable(funds, token) == [0] * 4
    assert funds.claim_many([(1, 1, member, ZERO) for member in range(4)]) == 4
    assert funds.liability(ZERO) == 0
    # the fund itself goes on, under a new number
    number = world.verify(place("charity of the next epoch"))
    assert world.run_epoch(1, [(number, 1)]) == 2
    give(5, epoch=2)
    with world.refuses("funds: epoch is over"):
        funds.drop(1, 1, 0)


def test_a_closed_running_epoch_keeps_the_announced_one(world, funds, give, drop):
    numbers = [world.verify(place(f"newcomer {number}")) for number in range(2)]
    world.announce(1, [(number, 1) for number in numbers])
    starts_at = boa.env.timestamp + EPOCH_NOTICE
    boa.env.time_travel(seconds=EPOCH_NOTICE - 1)
    drop(0, 1, 2, 3)
    assert funds.running_epoch(1) == 0
    assert funds.announced_epoch(1) == (2, starts_at)
    boa.env.timestamp = starts_at
    assert funds.running_epoch(1) == 2
    give(10, epoch=2)
    assert claimable(funds, epoch=2, count=2) == [5, 5]


def test_a_closed_epoch_that_had_been_announced_is_gone(world, funds, drop):
    """The running one is the one announced and started: nothing must bring it back."""
    world.run_epoch(1, [(1, 1)])
    assert funds.running_epoch(1) == 2
    drop(0, epoch=2)
    assert funds.running_epoch(1) == 0
    assert funds.announced_epoch(1) == (0, 0)
    boa.env.time_travel(seconds=EPOCH_NOTICE)
    assert funds.running_epoch(1) == 0
    assert world.announce(1, [(2, 1)]) == 3


def test_a_member_of_an_announced_epoch_is_dropped_before_it_starts(
    world, funds, token, give, drop
):
    world.announce(1, [(1, 1), (2, 1), (3, 2)])
    drop(2, epoch=2)
    assert tuple(funds.epoch_info(1, 2)) == (4, 2, 3, 1)
    # of the running one it is still a member, until it is dropped from there too
    give(10_006)
    assert claimable(funds) == WEIGHTS
    boa.env.time_travel(seconds=EPOCH_NOTICE)
    give(10, epoch=2)
    give(11, token, epoch=2)
    assert claimable(funds, epoch=2, count=3) == [5, 5, 0]
    assert claimable(funds, token, epoch=2, count=3) == [5, 5, 0]
    drop(1, epoch=2)
    give(10, epoch=2)
    give(10, token, epoch=2)
    assert claimable(funds, epoch=2, count=3) == [15, 5, 0]
    assert claimable(funds, token, epoch=2, count=3) == [15, 5, 0]
    world.check()


def test_an_announced_epoch_without_a_member_left_is_cancelled(world, funds, give, drop):
    world.announce(1, [(1, 1), (3, 2)])
    drop(0, 1, epoch=2)
    assert funds.announced_epoch(1) == (0, 0)
    boa.env.time_travel(seconds=EPOCH_NOTICE)
    assert funds.running_epoch(1) == 1
    give(10_006)
    assert world.announce(1, [(2, 1)]) == 3


def test_only_a_revoked_member_is_dropped(world, funds):
    world.suspend(1)
    for member in range(2):
        with world.refuses("funds: charity is not revoked"):
            funds.drop(1, 1, member)
    boa.env.timestamp = world.registry.charity(2).expiry
    with world.refuses("funds: charity is not revoked"):
        funds.drop(1, 1, 1)


def test_a_member_is_dropped_once(world, funds, drop):
    drop(1)
    with world.refuses("funds: already dropped"):
        funds.drop(1, 1, 1)


def test_nobody_is_dropped_from_an_epoch_that_is_over(world, funds, give):
    """What it earned there is its own; an announced epoch is not over before it starts."""
    give(10_006)
    world.revoke(1)
    world.run_epoch(1, [(2, 1)])
    before = claimable(funds)
    for fund_id, epoch in [(1, 1), (1, 0), (1, 3), (2, 0), (2, 1), (0, 0)]:
        with world.refuses("funds: epoch is over"):
            funds.drop(fund_id, epoch, 0)
    assert claimable(funds) == before


def test_a_retired_charity_is_dropped_too(world, funds, payees):
    world.registry.retire(2, MEMO, sender=payees[1])
    funds.drop(1, 1, 1)


def test_a_drop_touches_no_other_fund(world, funds, give, drop):
    world.run_epoch(2, [(1, 1), (2, 1)])
    give(10, fund_id=2)
    drop(1)
    give(10, fund_id=2)
    assert claimable(funds, fund_id=2, count=2) == [10, 10]


# --- the limits -----------------------------------------------------------------------------------


def test_the_largest_total_after_the_heaviest_drops(world, funds, give):
    """V grows by W / W' = 2,000,000 to 1 and must fit its 128 bits; nobody is overpaid."""
    numbers = [*range(1, 5)]
    while len(numbers) < 200:
        numbers.append(world.verify(place(f"member {len(numbers)}")))
    world.run_epoch(3, [(numbers[0], 1), *[(number, 10_000) for number in numbers[1:]]])
    world.fill(world.donor, world.funds, amount=2**105)
    token = world.token
    give(1, token, fund_id=3)
    for member in range(1, 200):
        world.revoke(numbers[member])
        funds.drop(3, 1, member)
    assert tuple(funds.epoch_info(3, 1)) == (1_990_001, 1, 200, 199)
    give(MAX_TOTAL - 1, token, fund_id=3)
    with world.refuses("funds: total too large"):
        give(1, token, fund_id=3)
    due = funds.claimable(3, 1, 0, token)
    assert MAX_TOTAL - 200 <= due <= MAX_TOTAL
    assert sum(funds.claimable(3, 1, member, token) for member in range(1, 200)) == 0
    assert funds.claim(3, 1, 0, token) == due
    world.revoke(numbers[0])
    funds.drop(3, 1, 0)
    assert funds.claimable(3, 1, 0, token) == 0
    assert funds.liability(token) == MAX_TOTAL - due
    world.check()


# --- beside a model -------------------------------------------------------------------------------


class Epoch:
    """One asset of one epoch in exact fractions: no floor anywhere."""

    def __init__(self, weights):
        self.weights = weights
        self.live = set(range(len(weights)))
        self.earned = [Fraction(0)] * len(weights)
        self.given = 0
        self.drops = 0

    def give(self, amount):
        self.given += amount
        live_weight = sum(self.weights[member] for member in self.live)
        for member in self.live:
            self.earned[member] += Fraction(amount * self.weights[member], live_weight)

    def drop(self, member):
        self.live.remove(member)
        self.drops += 1


@pytest.mark.parametrize("seed", range(12))
def test_every_claim_is_the_floor_of_the_exact_share(world, funds, token, give, seed):
    """IXF-1, 2, 3, 5, through random gifts, claims, drops, unlistings and new epochs."""
    boa.env.set_balance(world.donor, 2**128)
    chance = random.Random(seed)
    models = {(1, asset): Epoch(WEIGHTS) for asset in ("coin", "token")}
    assets = {"coin": COIN, "token": token}
    paid = dict.fromkeys(models, 0)
    got = {key: [0] * len(WEIGHTS) for key in models}
    epoch = 1
    is_listed = True
    best = {key: [0] * len(WEIGHTS) for key in models}

    for _ in range(25):
        step = chance.choice(["give"] * 6 + ["claim"] * 3 + ["drop", "list", "epoch"])
        name = chance.choice(["coin", "token"])
        model = models[epoch, name]
        if step == "give" and funds.running_epoch(1) == epoch:
            amount = chance.choice([1, 2, 9, 10_006, 12_345_678, 10**24 + 7])
            if name == "coin" or is_listed:
                give(amount, assets[name], epoch=epoch)
                model.give(amount)
        elif step == "claim":
            past, of_asset = chance.choice(list(models))
            member = chance.randrange(len(models[past, of_asset].weights))
            due = funds.claimable(1, past, member, assets[of_asset])
            if due:
                assert funds.claim(1, past, member, assets[of_asset]) == due
                paid[past, of_asset] += due
                got[past, of_asset][member] += due
        elif step == "drop" and len(model.live) > 1:
            member = chance.choice(sorted(model.live))
            number = funds.members(1, epoch)[member].charity_id
            world.revoke(number)
            funds.drop(1, epoch, member)
            for of_asset in assets:
                models[epoch, of_asset].drop(member)
        elif step == "list":
            change_listing = funds.unlist_asset if is_listed else funds.list_asset
            change_listing(token, sender=world.timelock)
            is_listed = not is_listed
        elif step == "epoch":
            weights = [chance.randint(1, 10_000) for _ in range(3)]
            numbers = [world.verify(place(f"{seed} {epoch} {number}")) for number in range(3)]
            epoch = world.run_epoch(1, list(zip(numbers, weights, strict=True)))
            for of_asset in assets:
                key = (epoch, of_asset)
                models[key] = Epoch(weights)
                paid[key], got[key], best[key] = 0, [0] * 3, [0] * 3

        for key, beside in models.items():
            past, of_asset = key
            dues = claimable(funds, assets[of_asset], epoch=past, count=len(beside.weights))
            for member, due in enumerate(dues):
                earned = got[key][member] + due
                off = beside.earned[member] - earned
                # one floor for the share itself, one for V at each drop and after the last
                assert 0 <= off < 2 + beside.drops, "IXF-5"
                assert earned >= best[key][member], "IXF-3: nothing earned is lost"
                best[key][member] = earned
            residue = beside.given - paid[key] - sum(dues)
            assert 0 <= residue < len(beside.weights) * (1 + beside.drops) + 1, "IXF-2"
            assert funds.total_given(1, past, assets[of_asset]) == beside.given
        for of_asset, asset in assets.items():
            given = sum(model.given for (_, name), model in models.items() if name == of_asset)
            out = sum(amount for (_, name), amount in paid.items() if name == of_asset)
            assert funds.liability(asset) == given - out, "IXF-1"
        world.check()
