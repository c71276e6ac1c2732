"""Vesting through the package."""

from __future__ import annotations

import pytest

from donablock.chain.amounts import NATIVE
from donablock.errors import InputError, RevertError
from donablock.giving.vesting import VestingPlan
from tests.local_chain import LIQUIDITY, STRANGER, World

MONTH = 2_628_000
GROUP = 1


def test_nine_groups_share_the_supply(world: World) -> None:
    plan = VestingPlan(world.anyone)
    groups = plan.groups()
    assert [group.name for group in groups][:3] == ["ecosystem", "liquidity", "team"]
    assert len(groups) == 9
    assert sum(group.total for group in groups) == 2 * 10**27
    assert plan.asset().symbol == "DOBO"


def test_the_next_step_is_told_to_the_second(world: World) -> None:
    """At that second, and not one before it, the step is due."""
    plan = VestingPlan(world.anyone)
    for _ in range(2):
        upcoming = plan.group(GROUP).next_step_at
        vested = plan.group(GROUP).vested
        world.node.advance_to(upcoming - 1)
        assert plan.group(GROUP).vested == vested
        assert plan.group(GROUP).next_step_at == upcoming
        world.node.advance_to(upcoming)
        assert plan.group(GROUP).vested == vested + plan.group(GROUP).step_amount
    team = plan.group(plan.find("team"))
    assert team.next_step_at == plan.start() + 3 * MONTH, "two of its months have passed"


def test_all_has_vested_at_the_last_step(world: World) -> None:
    plan = VestingPlan(world.anyone)
    last = plan.group(GROUP).last_step_at
    world.node.advance_to(last - 1)
    assert plan.group(GROUP).vested < plan.group(GROUP).total
    assert plan.group(GROUP).next_step_at == last
    world.node.advance_to(last)
    group = plan.group(GROUP)
    assert (group.vested, group.next_step_at) == (group.total, 0)


def test_anybody_releases_to_the_beneficiary(world: World) -> None:
    plan = VestingPlan(world.session(STRANGER))
    world.node.advance_to(plan.group(GROUP).next_step_at)
    (event,) = plan.release([GROUP])
    assert event["beneficiary"] == world.address(LIQUIDITY)
    assert event["amount"] == plan.group(GROUP).step_amount == plan.group(GROUP).released
    assert plan.group(GROUP).releasable == 0
    with pytest.raises(RevertError, match="nothing to release"):
        plan.release([GROUP])


def test_a_group_is_handed_over_in_two_steps(world: World) -> None:
    beneficiary = VestingPlan(world.session(LIQUIDITY))
    successor = VestingPlan(world.session(STRANGER))
    with pytest.raises(InputError, match="nobody is proposed"):
        successor.accept(GROUP)
    beneficiary.propose(GROUP, world.address(STRANGER))
    assert successor.group(GROUP).pending_beneficiary == world.address(STRANGER)
    with pytest.raises(InputError, match="is not the account proposed"):
        beneficiary.accept(GROUP)
    successor.accept(GROUP)
    assert successor.group(GROUP).beneficiary == world.address(STRANGER)
    with pytest.raises(InputError, match="is not the beneficiary of group 1"):
        beneficiary.propose(GROUP, world.address(LIQUIDITY))


def test_a_proposal_is_taken_back(world: World) -> None:
    beneficiary = VestingPlan(world.session(LIQUIDITY))
    beneficiary.propose(GROUP, world.address(STRANGER))
    beneficiary.propose(GROUP, NATIVE)
    assert beneficiary.group(GROUP).pending_beneficiary is None


def test_a_group_is_named_or_numbered(world: World) -> None:
    plan = VestingPlan(world.anyone)
    assert plan.find("Team") == plan.find("2") == 2
    for name in ("9", "nobody", "-1", ""):
        with pytest.raises(InputError, match="is no group"):
            plan.find(name)
