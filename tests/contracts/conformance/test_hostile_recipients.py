"""Payees and backers that refuse, burn gas or answer with a megabyte; and gas limits too low."""

from __future__ import annotations

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.campaigns import FAILED, REJECTED, SUCCEEDED
from tests.contracts.fundraising import Fundraising
from tests.contracts.money import COIN, balance
from tests.contracts.protocol import (
    BURNING,
    MEGABYTE,
    MEMO,
    REVERTING,
    REVERTING_MEGABYTE,
    Protocol,
    calldata,
    new_place,
)

ZERO = "0x" + "00" * 20
# JUMPDEST PUSH0 JUMP: works without end, where INVALID takes all at once
LOOPING = bytes.fromhex("5b5f56")
HOSTILE = {
    "reverts": REVERTING,
    "burns its gas": BURNING,
    "loops": LOOPING,
    "returns a megabyte": MEGABYTE,
    "reverts with a megabyte": REVERTING_MEGABYTE,
    # PUSH2 16384 PUSH0 RETURN / REVERT: all that 100,000 gas pay for
    "returns 16 kB": bytes.fromhex("6140005ff3"),
    "reverts with 16 kB": bytes.fromhex("6140005ffd"),
}
# takes coin whatever happens
TAKES = {"returns 16 kB"}
EVERY_KIND = pytest.mark.parametrize("kind", HOSTILE)
PART = 1_000


@pytest.fixture(scope="module")
def world():
    """Charity 2 is to turn hostile; 1 and 3 are honest."""
    world = Protocol()
    world.payees = [roles.address(f"charity {number}") for number in range(3)]
    for payee in world.payees:
        world.verify(payee)
    world.run_epoch(1, [(1, 1), (2, 1), (3, 1)])
    world.fill(world.donor, world.giving, world.funds)
    world.funds.donate_native(1, 1, MEMO, value=3 * PART, sender=world.donor)
    world.funds.donate_token(1, 1, world.token, 3 * PART, MEMO, sender=world.donor)
    return world


def balances(world, asset=COIN):
    return [balance(asset, payee) for payee in world.payees]


@EVERY_KIND
def test_one_of_a_cart_leaves_the_others_theirs(world, kind):
    boa.env.set_code(world.payees[1], HOSTILE[kind])
    before, donor = balances(world), balance(COIN, world.donor)
    world.giving.donate_cart_native(
        [1, 2, 3], [PART] * 3, MEMO, 7, value=3 * PART + 7, sender=world.donor
    )
    gas = world.giving._computation.get_gas_used()
    taken = PART if kind in TAKES else 0
    assert [after - then for after, then in zip(balances(world), before, strict=True)] == [
        PART,
        taken,
        PART,
    ]
    assert donor - balance(COIN, world.donor) == 2 * PART + taken + 7
    # 100,000 for the one, and what three parts and a tip cost
    assert gas < 100_000 + 150_000
    world.check()


def test_each_of_a_cart_gets_100_000_gas(world):
    """And the 2,300 that come with any payment. It notes what it has left after asking (2 gas)."""
    boa.env.set_code(world.payees[1], bytes.fromhex("5a5f5500"))
    world.giving.donate_cart_native([1, 2], [PART, PART], MEMO, value=2 * PART, sender=world.donor)
    assert boa.env.get_storage(world.payees[1], 0) == 100_000 + 2_300 - 2


@EVERY_KIND
def test_a_cart_of_32_hostile_ones_is_bounded(world, kind):
    boa.env.set_code(world.payees[1], HOSTILE[kind])
    data = calldata(
        "donate_cart_native",
        ["uint256[]", "uint256[]", "bytes32"],
        [1] + [2] * 31,
        [PART] * 32,
        MEMO,
    )
    done = boa.env.execute_code(
        to_address=world.giving.address, sender=world.donor, value=32 * PART, data=data
    )
    assert done.is_success
    assert done.get_gas_used() < 31 * 115_000 + 100_000
    world.check()


@EVERY_KIND
def test_a_gift_to_it_alone_reverts_or_arrives(world, kind):
    """All gas is handed on, so that a wallet that needs much can be given to."""
    boa.env.set_code(world.payees[1], HOSTILE[kind])
    gift = {"value": PART, "sender": world.donor, "gas": 1_000_000}
    if kind in TAKES:
        world.giving.donate_native(2, MEMO, **gift)
    else:
        before = balances(world), balance(COIN, world.donor)
        # what is left after an endless payee may be too little even for the reason
        with boa.reverts():
            world.giving.donate_native(2, MEMO, **gift)
        assert (balances(world), balance(COIN, world.donor)) == before


@EVERY_KIND
def test_a_claim_of_its_own_reverts_or_arrives_and_others_claim(world, kind):
    boa.env.set_code(world.payees[1], HOSTILE[kind])
    if kind in TAKES:
        world.funds.claim(1, 1, 1, ZERO, gas=1_000_000)
    else:
        with boa.reverts():
            world.funds.claim(1, 1, 1, ZERO, gas=1_000_000)
        assert world.funds.claimable(1, 1, 1, ZERO) == PART
    for member in (0, 2):
        assert world.funds.claim(1, 1, member, ZERO) == PART
    # in a token nobody is asked, so it is paid like all
    assert world.funds.claim(1, 1, 1, world.token) == PART
    world.check()


@EVERY_KIND
def test_a_batch_of_claims_pays_the_others(world, kind):
    boa.env.set_code(world.payees[1], HOSTILE[kind])
    refs = [(1, 1, member, ZERO) for member in (1, 0, 1, 2)]
    assert world.funds.claim_many(refs) == (3 if kind in TAKES else 2)
    gas = world.funds._computation.get_gas_used()
    assert gas < 2 * 100_000 + 250_000
    assert [world.funds.claimed(1, 1, member, ZERO) for member in (0, 2)] == [PART, PART]
    world.check()


@EVERY_KIND
def test_an_operations_payee_like_that_stops_no_gift(world, kind):
    boa.env.set_code(world.operations, HOSTILE[kind])
    before = balances(world)
    world.giving.donate_native(1, MEMO, 7, value=PART + 7, sender=world.donor)
    world.giving.donate_cart_native([3], [PART], MEMO, 7, value=PART + 7, sender=world.donor)
    assert [after - then for after, then in zip(balances(world), before, strict=True)] == [
        PART,
        0,
        PART,
    ]
    world.check()


# --- campaigns and projects -----------------------------------------------------------------------

LOST = pytest.mark.parametrize("where", ["failed", "rejected", "stopped"])


def lose(world, asset, backers):
    """A campaign that failed, one whose milestone was rejected, and a project that was: of each
    the backers, who pledged PART or gave it, are due what `due` says.
    """
    campaigns = [
        world.open(asset=asset, strict=False, milestones=shares, tiers=[(1, 50)])
        for shares in ([], [5_000])
    ]
    project = world.project(asset, goal=len(backers) * PART)
    for backer in backers:
        for campaign in campaigns:
            world.pledge(campaign, backer, amount=PART)
        world.gift(project, backer, PART)
    campaigns[0].cancel(sender=world.creator)
    world.begin(campaigns[1])
    campaigns[1].cancel(sender=world.payee)
    assert [campaign.status().state for campaign in campaigns] == [FAILED, REJECTED]
    world.reject(project)
    return {
        "failed": (campaigns[0], (), PART),
        "rejected": (campaigns[1], (), PART // 2),
        "stopped": (world.impact, (project,), PART),
    }


@pytest.fixture(scope="module")
def raising():
    """Backer 1, or whoever is paid, is to turn hostile."""
    world = Fundraising()
    world.backers = [roles.address(f"backer {number}") for number in range(3)]
    world.lost = lose(world, COIN, world.backers)
    world.registry.renew(
        1, boa.env.timestamp + world.registry.MAX_TERM(), MEMO, sender=world.registrar
    )
    world.won = world.open(asset=COIN, strict=False)
    world.pledge(world.won, world.backers[0], amount=PART)
    world.released = world.project(COIN, goal=PART)
    world.gift(world.released, world.backers[0], PART)
    assert world.begin(world.won) == SUCCEEDED
    assert world.release(world.released) == PART
    world.asked = world.project(COIN, goal=2**90)
    return world


def held(world, asset=COIN):
    return [balance(asset, backer) for backer in world.backers]


def gained(world, before, asset=COIN):
    return [after - then for after, then in zip(held(world, asset), before, strict=True)]


@EVERY_KIND
@LOST
def test_one_backer_of_many_leaves_the_others_theirs(raising, kind, where):
    host, first, due = raising.lost[where]
    boa.env.set_code(raising.backers[1], HOSTILE[kind])
    before, owed = held(raising), balance(COIN, host)
    host.refund_many(*first, [raising.backers[at] for at in (1, 0, 1, 2)])
    gas = host._computation.get_gas_used()
    taken = due if kind in TAKES else 0
    assert gained(raising, before) == [due, taken, due]
    assert owed - balance(COIN, host) == 2 * due + taken
    assert gas < 2 * 100_000 + 250_000
    if kind in TAKES:
        return
    assert host.refundable(*first, raising.backers[1]) == due
    # all gas is handed on: what is left after an endless one may be too little for the reason
    with boa.reverts():
        host.refund_for(*first, raising.backers[1], gas=1_000_000)
    assert host.refund_to(*first, raising.stranger, sender=raising.backers[1]) == due


@EVERY_KIND
@LOST
def test_a_batch_of_32_hostile_backers_is_bounded(raising, kind, where):
    host, first, due = raising.lost[where]
    hostile = raising.backers[1]
    boa.env.set_code(hostile, HOSTILE[kind])
    before = held(raising)
    host.refund_many(*first, [hostile] * 31 + [raising.backers[0]])
    gas = host._computation.get_gas_used()
    assert gained(raising, before) == [due, due if kind in TAKES else 0, 0]
    assert gas < 31 * 115_000 + 150_000


@EVERY_KIND
def test_a_payee_of_a_campaign_or_project_is_paid_elsewhere(raising, kind):
    for host, first, payee in (
        (raising.won, (), raising.payee),
        (raising.impact, (raising.released,), raising.entrepreneur),
    ):
        boa.env.set_code(payee, HOSTILE[kind])
        if kind in TAKES:
            assert host.claim(*first, gas=1_000_000) == PART
            continue
        with boa.reverts():
            host.claim(*first, gas=1_000_000)
        before = balance(COIN, raising.stranger)
        assert host.claim_to(*first, raising.stranger, sender=payee) == PART
        assert balance(COIN, raising.stranger) == before + PART


@EVERY_KIND
def test_an_operations_payee_like_that_stops_no_gift_to_a_project(raising, kind):
    boa.env.set_code(raising.operations, HOSTILE[kind])
    before, owed = balance(COIN, raising.donor), balance(COIN, raising.impact)
    raising.impact.donate_native(raising.asked, MEMO, 7, value=PART + 7, sender=raising.donor)
    tip = 7 if kind in TAKES else 0
    assert before - balance(COIN, raising.donor) == PART + tip
    assert balance(COIN, raising.impact) == owed + PART


# --- gas limits -----------------------------------------------------------------------------------
# eth_estimateGas looks for the least gas with which a call does not revert. Where failed parts are
# passed over, that could be a gas with which honest parts fail (attack 7).

# a wallet contract that needs 90,000 of its 100,000 gas: 30 writes of 0 over 0 are 66,000, and more
HUNGRY = bytes.fromhex("".join(f"5f60{slot:02x}55" for slot in range(40)) + "00")


def least_gas(run, high):
    """The least gas with which the call does not revert, as a node would find it."""
    low = 0
    while high - low > 1:
        middle = (low + high) // 2
        with boa.env.anchor():
            is_success = run(middle).is_success
        low, high = (low, middle) if is_success else (middle, high)
    return high


def call(function, *arguments, sender, value=0):
    data = function.prepare_calldata(*arguments)

    def run(gas):
        return boa.env.execute_code(
            to_address=function.contract.address, sender=sender, value=value, data=data, gas=gas
        )

    return run


def assert_all_or_nothing(run, is_complete, high=3_000_000):
    """At every gas limit the call reverts, or everybody honest is paid."""
    least = least_gas(run, high)
    limits = {least - 1, least, *range(least, least + 5_000, 250), *range(25_000, high, 37_009)}
    successes = 0
    for gas in sorted(limits):
        with boa.env.anchor():
            if run(gas).is_success:
                successes += 1
                assert is_complete(), f"with {gas} gas an honest part failed"
    assert successes > 20


@pytest.mark.parametrize("payee", ["an account", "a wallet that needs much"])
@pytest.mark.parametrize("with_receipts", [False, True])
def test_a_cart_in_coin_at_any_gas_limit(world, payee, with_receipts):
    if payee != "an account":
        boa.env.set_code(world.payees[1], HUNGRY)
    before = balances(world)
    run = call(
        world.giving.donate_cart_native,
        [1, 2, 3],
        [PART] * 3,
        MEMO,
        7,
        with_receipts,
        sender=world.donor,
        value=3 * PART + 7,
    )
    tips = balance(COIN, world.operations)

    def is_complete():
        return balances(world) == [then + PART for then in before] and (
            balance(COIN, world.operations) == tips + 7
        )

    assert_all_or_nothing(run, is_complete)


def test_a_gift_in_coin_with_a_tip_at_any_gas_limit(world):
    boa.env.set_code(world.operations, HUNGRY)
    tips = balance(COIN, world.operations)
    run = call(world.giving.donate_native, 1, MEMO, 7, sender=world.donor, value=PART + 7)
    assert_all_or_nothing(run, lambda: balance(COIN, world.operations) == tips + 7)


def test_claims_of_many_in_coin_at_any_gas_limit(world):
    boa.env.set_code(world.payees[1], HUNGRY)
    before = balances(world)
    refs = [(1, 1, member, ZERO) for member in range(3)]
    run = call(world.funds.claim_many, refs, sender=world.stranger)
    assert_all_or_nothing(run, lambda: balances(world) == [then + PART for then in before])


def test_too_little_gas_says_so(world):
    boa.env.set_code(world.payees[0], HUNGRY)
    with boa.reverts("transfers: not enough gas"):
        world.giving.donate_cart_native(
            [1, 2], [PART] * 2, MEMO, value=2 * PART, sender=world.donor, gas=130_000
        )
    with boa.reverts("transfers: not enough gas"):
        world.funds.claim_many([(1, 1, 0, ZERO)], gas=125_000)


# a transfer of DAI, USDC or USDT costs up to 65,000; three more writes make 100,000 of it
@pytest.mark.parametrize("toil", [0, 3])
@pytest.mark.parametrize("kind", ["cart", "tip", "claims"])
def test_tokens_at_any_gas_limit(world, toil, kind):
    token = deployers.STRANGE_TOKEN.deploy(6, 0, override_address=new_place())
    for host, rest in ((world.giving, (False,)), (world.funds, ())):
        host.list_asset(token, *rest, sender=world.timelock)
        world.fill(world.donor, host, token=token)
    world.funds.donate_token(1, 1, token, 3 * PART, MEMO, sender=world.donor)
    token.set_toil(toil)
    if kind == "cart":
        run = call(
            world.giving.donate_cart_token,
            token,
            [1, 2, 3],
            [PART] * 3,
            MEMO,
            sender=world.donor,
        )
    elif kind == "tip":
        run = call(world.giving.donate_token, 1, token, PART, MEMO, 7, sender=world.donor)
    else:
        refs = [(1, 1, member, token.address) for member in range(3)]
        run = call(world.funds.claim_many, refs, sender=world.stranger)

    def is_complete():
        if kind == "tip":
            return balance(token, world.operations) == 7
        return balances(world, token) == [PART] * 3

    assert_all_or_nothing(run, is_complete, high=1_500_000)


@LOST
def test_refunds_of_many_in_coin_at_any_gas_limit(raising, where):
    host, first, due = raising.lost[where]
    boa.env.set_code(raising.backers[1], HUNGRY)
    before = held(raising)
    run = call(host.refund_many, *first, raising.backers, sender=raising.stranger)
    assert_all_or_nothing(run, lambda: gained(raising, before) == [due] * 3)


def test_a_project_gift_in_coin_with_a_tip_at_any_gas_limit(raising):
    boa.env.set_code(raising.operations, HUNGRY)
    tips = balance(COIN, raising.operations)
    run = call(
        raising.impact.donate_native, raising.asked, MEMO, 7, sender=raising.donor, value=PART + 7
    )
    assert_all_or_nothing(run, lambda: balance(COIN, raising.operations) == tips + 7)


def with_toil(world):
    """A new token that all of them take, and what of it was lost."""
    token = deployers.STRANGE_TOKEN.deploy(6, 0, override_address=new_place())
    world.assets.append(token)
    for host in (world.factory, world.impact):
        host.list_asset(token, sender=world.timelock)
    for backer in (*world.backers, world.donor):
        world.fill(backer, world.impact, token=token)
    return token


@pytest.fixture(scope="module")
def toiling(raising):
    token = with_toil(raising)
    found = token, lose(raising, token, raising.backers)
    raising.assets.remove(token)
    return found


@pytest.mark.parametrize("toil", [0, 3])
@LOST
def test_refunds_of_many_in_tokens_at_any_gas_limit(raising, toiling, toil, where):
    token, lost = toiling
    host, first, due = lost[where]
    token.set_toil(toil)
    before = held(raising, token)
    run = call(host.refund_many, *first, raising.backers, sender=raising.stranger)
    assert_all_or_nothing(run, lambda: gained(raising, before, token) == [due] * 3, 1_500_000)


@pytest.mark.parametrize("toil", [0, 3])
def test_a_tip_in_tokens_to_a_project_at_any_gas_limit(raising, toiling, toil):
    token, _ = toiling
    project = raising.project(token, goal=PART)
    token.set_toil(toil)
    run = call(
        raising.impact.donate_token, project, token, PART, MEMO, 7, sender=raising.backers[0]
    )
    assert_all_or_nothing(run, lambda: balance(token, raising.operations) == 7, 1_500_000)


@pytest.mark.parametrize("where", ["failed", "rejected"])
def test_a_token_that_needs_too_much_is_only_put_off(raising, toiling, where):
    """A known limit: no floor of gas is asked for tokens. Where a transfer takes more than 140,000,
    the gas limit can be chosen so that it runs out and the rest of the call does not.
    """
    token, lost = toiling
    host, first, due = lost[where]
    backer = raising.backers[0]
    token.set_toil(10)
    before = held(raising, token)
    assert host.refund_many(*first, [backer], gas=240_000) == 0
    assert [type(log).__name__ for log in host.get_logs()] == ["RefundFailed"]
    assert host.refundable(*first, backer) == due
    assert gained(raising, before, token) == [0, 0, 0]
    assert host.refund_for(*first, backer, sender=raising.stranger) == due
    assert gained(raising, before, token) == [due, 0, 0]
