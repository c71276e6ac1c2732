"""Every backer exits whole, in any order, whatever the token has become; tiers sum to the money."""

from __future__ import annotations

from itertools import permutations

import boa
import pytest

from tests.contracts import roles
from tests.contracts.campaigns import FAILED, REJECTED
from tests.contracts.conformance.token_matrix import TOKENS
from tests.contracts.fundraising import Fundraising
from tests.contracts.money import balance
from tests.contracts.protocol import MEMO, place

# of all that a listing takes; a token asked for more than there is behaves as it does otherwise
KINDS = {
    token.name: token
    for token in TOKENS
    if not token.name.startswith(("0 ", "2 ", "24 ")) and token.name != "uint96, asked for 2^96"
}
# all shares are even: half a unit of a token that doubled cannot be sent
PRICES = [300, 500, 200]
RAISED = sum(PRICES)
# what is released before the rest is rejected
RELEASED = RAISED * 4_000 // 10_000
ORDERS = list(permutations(range(3)))


def fee(name, amount):
    """What the token keeps of a transfer."""
    if name.startswith("USDT, its fee"):
        return amount * 19 // 10_000
    return amount // 100 if name.startswith("fee on transfer") else 0


def in_turn(order, left):
    """What each gets: floor(gift * left / gifts left), both shrinking."""
    gifts, due = RAISED, {}
    for number in order:
        due[number] = PRICES[number] * left // gifts
        left -= due[number]
        gifts -= PRICES[number]
    assert left == 0
    return due


@pytest.fixture(scope="module")
def backers():
    return [roles.address(f"backer {number}") for number in range(3)]


@pytest.fixture(params=KINDS)
def token(request):
    return KINDS[request.param]


@pytest.fixture
def world(token, backers):
    world = Fundraising(token.make())
    for backer in backers:
        world.fill(backer, world.impact, amount=10**9)
    return world


def tiers(campaign, backers):
    """The money behind the tokens that are there, tier by tier, by the price of each."""
    found = dict.fromkeys(range(3), 0)
    for number, backer in enumerate(backers, 1):
        if campaign.balanceOf(backer):
            assert campaign.ownerOf(number) == backer
            tier = campaign.tier_of(number)
            found[tier] += campaign.tier(tier).price
    return found


def campaign_with(world, backers, **terms):
    """Each backer holds a token of a tier of its own, for just its price."""
    campaign = world.open(tiers=[(price, 3) for price in PRICES], strict=False, **terms)
    for tier, backer in enumerate(backers):
        world.token.approve(campaign, PRICES[tier], sender=backer)
        campaign.pledge_token(tier, PRICES[tier], MEMO, sender=backer)
        held = balance(world.token, campaign)
        assert sum(tiers(campaign, backers).values()) == campaign.liability() == held, "CMP-2"
        assert [campaign.sold(number) for number in range(3)] == [
            int(number <= tier) for number in range(3)
        ]
    return campaign


def befall(world, token, host, backers):
    """What the token becomes; what it loses is brought back, else nobody could be whole."""
    token.befall(world.token, host, backers[1])
    missing = host_owes(world, host) - balance(world.token, host)
    if missing > 0:
        world.token.mint(host, missing)


def host_owes(world, host):
    return host.liability(world.token) if host is world.impact else host.liability()


def leave(world, host, project, backers, number, due, name):
    """One backer is paid what is due, by whichever of the three ways is its turn."""
    money, backer = world.token, backers[number]
    elsewhere = place("elsewhere")
    first = () if project is None else (project,)
    before = balance(money, backer), balance(money, elsewhere), balance(money, host)
    is_blocked = number == 1 and name.startswith(("blocklist", "returns false"))
    if is_blocked:
        # nobody else can have it paid, and the batch passes it over
        with boa.reverts():
            host.refund_for(*first, backer)
        assert host.refund_many(*first, [backer]) == 0
        host.refund_to(*first, elsewhere, sender=backer)
    elif number == 0:
        host.refund_for(*first, backer, sender=world.stranger)
    elif number == 1:
        host.refund_many(*first, [world.stranger, backer, backer], sender=world.stranger)
    else:
        host.refund_to(*first, backer, sender=backer)
    got = due - fee(name, due)
    assert balance(money, backer) - before[0] == (0 if is_blocked else got)
    assert balance(money, elsewhere) - before[1] == (got if is_blocked else 0)
    assert before[2] - balance(money, host) == due
    with boa.reverts():
        host.refund_for(*first, backer)


@pytest.mark.parametrize("how", [FAILED, REJECTED])
def test_backers_of_a_campaign_exit_whole_in_any_order(world, token, backers, how):
    campaign = campaign_with(world, backers, milestones=[6_000] if how == REJECTED else [])
    if how == FAILED:
        campaign.cancel(sender=world.creator)
    else:
        world.begin(campaign)
        campaign.claim()
        world.settle_never(campaign)
    assert campaign.status().state == how
    left = RAISED if how == FAILED else RAISED - RELEASED
    befall(world, token, campaign, backers)
    surplus = balance(world.token, campaign) - left
    for order in ORDERS:
        due = dict(enumerate(PRICES)) if how == FAILED else in_turn(order, left)
        with boa.env.anchor():
            for number in order:
                leave(world, campaign, None, backers, number, due[number], token.name)
                found = tiers(campaign, backers)
                if how == FAILED:
                    assert sum(found.values()) == campaign.liability(), "CMP-2, CMP-4"
                    assert found[number] == 0
                else:
                    assert list(found.values()) == PRICES, "CMP-4: it has its token, and it is free"
                    assert not campaign.locked(number + 1)
            assert campaign.liability() == 0
            assert balance(world.token, campaign) == surplus, "CMP-1"


def test_backers_of_a_project_exit_whole_in_any_order(world, token, backers):
    project = world.project(world.token, goal=RAISED, stages=[4_000, 6_000])
    for number, backer in enumerate(backers):
        world.gift(project, backer, PRICES[number])
    assert world.release(project) == RELEASED
    world.impact.claim(project)
    world.reject(project)
    left = RAISED - RELEASED
    befall(world, token, world.impact, backers)
    surplus = balance(world.token, world.impact) - left
    for order in ORDERS:
        due = in_turn(order, left)
        with boa.env.anchor():
            for number in order:
                leave(world, world.impact, project, backers, number, due[number], token.name)
            assert world.impact.liability(world.token) == 0, "IMP-8"
            assert balance(world.token, world.impact) == surplus, "IMP-8"
            assert tuple(world.impact.refunds_left(project)) == (0, 0)


def test_the_kinds_are_those_a_listing_takes():
    assert len(KINDS) == len(TOKENS) - 4
