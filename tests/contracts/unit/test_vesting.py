"""Vesting: nine groups, month by month, against a table made from the published allocation."""

from __future__ import annotations

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.logs import entry, event_signatures, function_names, logged
from tests.contracts.models.vesting import GROUPS, SUPPLY
from tests.contracts.money import COIN, change, moves, send

ZERO = "0x" + "00" * 20
MONTH = 2_628_000
YEAR = 365 * 86_400
EVERY_GROUP = pytest.mark.parametrize("group", range(9), ids=[group.name for group in GROUPS])


@pytest.fixture(scope="module")
def beneficiaries():
    return [roles.address(f"{group.name} beneficiary") for group in GROUPS]


@pytest.fixture(scope="module")
def start(now):
    """A week after the deployment."""
    return now + 7 * 86_400


@pytest.fixture(scope="module")
def dobo(start, beneficiaries):
    """The token, minted to the vesting at its predicted address, as a deployment does it."""
    with boa.env.anchor():
        # nothing but the address of what is deployed second
        deployers.DONA_BLOCK.deploy(roles.address("vesting"))
        predicted = deployers.VESTING.deploy(ZERO[:-1] + "1", start, beneficiaries).address
    return deployers.DONA_BLOCK.deploy(predicted)


@pytest.fixture(scope="module")
def vesting(dobo, start, beneficiaries):
    vesting = deployers.VESTING.deploy(dobo, start, beneficiaries)
    assert dobo.balanceOf(vesting) == SUPPLY
    return vesting


@pytest.fixture(scope="module")
def accounts(vesting, dobo, beneficiaries, stranger):
    return [vesting, dobo, *beneficiaries, stranger, ZERO]


# --- constructor ----------------------------------------------------------------------------------


def test_a_zero_token_is_refused(start, beneficiaries):
    with boa.reverts("vesting: zero token"):
        deployers.VESTING.deploy(ZERO, start, beneficiaries)


@pytest.mark.parametrize("ago", [MONTH, MONTH + 1, YEAR])
def test_a_start_a_month_ago_is_refused(dobo, now, beneficiaries, ago):
    with boa.reverts("vesting: start is too long ago"):
        deployers.VESTING.deploy(dobo, now - ago, beneficiaries)


def test_a_start_of_zero_is_refused(dobo, beneficiaries):
    with boa.reverts("vesting: start is too long ago"):
        deployers.VESTING.deploy(dobo, 0, beneficiaries)


@pytest.mark.parametrize("ahead", [YEAR + 1, 999 * YEAR])
def test_a_start_more_than_a_year_off_is_refused(dobo, now, beneficiaries, ahead):
    with boa.reverts("vesting: start is too far off"):
        deployers.VESTING.deploy(dobo, now + ahead, beneficiaries)


@pytest.mark.parametrize("offset", [1 - MONTH, 0, YEAR])
def test_nothing_has_vested_at_the_deployment(dobo, now, beneficiaries, offset):
    vesting = deployers.VESTING.deploy(dobo, now + offset, beneficiaries)
    assert vesting.START() == now + offset
    assert all(vesting.vested(group) == 0 for group in range(9))


@EVERY_GROUP
def test_a_zero_beneficiary_is_refused(dobo, start, beneficiaries, group):
    accounts = [*beneficiaries]
    accounts[group] = ZERO
    with boa.reverts("vesting: zero beneficiary"):
        deployers.VESTING.deploy(dobo, start, accounts)


def test_the_token_as_a_beneficiary_is_refused(dobo, start, beneficiaries):
    with boa.reverts("vesting: beneficiary is the token"):
        deployers.VESTING.deploy(dobo, start, [*beneficiaries[:8], dobo.address])


def test_the_vesting_as_its_own_beneficiary_is_refused(dobo, start, beneficiaries):
    with boa.env.anchor():
        predicted = deployers.VESTING.deploy(dobo, start, beneficiaries).address
    with boa.reverts("vesting: beneficiary is this contract"):
        deployers.VESTING.deploy(dobo, start, [*beneficiaries[:8], predicted])


def test_the_constructor_fixes_everything(dobo, start, beneficiaries):
    vesting = deployers.VESTING.deploy(dobo, start, beneficiaries)
    assert logged(vesting) == [
        entry(
            vesting,
            "BeneficiaryChanged",
            group=group,
            old_beneficiary=ZERO,
            new_beneficiary=beneficiary,
        )
        for group, beneficiary in enumerate(beneficiaries)
    ]
    assert vesting.TOKEN() == dobo.address
    assert vesting.START() == start
    assert (vesting.GROUP_COUNT(), vesting.MONTH(), vesting.MAX_WAIT()) == (9, MONTH, YEAR)
    for group, beneficiary in enumerate(beneficiaries):
        assert vesting.beneficiary(group) == beneficiary
        assert vesting.pending_beneficiary(group) == ZERO
        assert vesting.released(group) == 0


def test_one_account_may_be_the_beneficiary_of_all(dobo, start, stranger):
    vesting = deployers.VESTING.deploy(dobo, start, [stranger] * 9)
    assert {vesting.beneficiary(group) for group in range(9)} == {stranger}


def test_nothing_else_can_be_called_no_owner_no_stop_no_clawback(vesting):
    assert function_names(vesting) == {
        "release",
        "propose_beneficiary",
        "accept_beneficiary",
        "releasable",
        "vested",
        "released",
        "schedule",
        "name",
        "beneficiary",
        "pending_beneficiary",
        "GROUP_COUNT",
        "MONTH",
        "MAX_WAIT",
        "TOKEN",
        "START",
    }


def test_the_logs_are_as_agreed(vesting):
    assert event_signatures(vesting) == {
        "Released": (
            "*uint256 group, *address beneficiary, uint256 amount, uint256 released_total"
        ),
        "BeneficiaryProposed": ("*uint256 group, *address beneficiary, *address new_beneficiary"),
        "BeneficiaryChanged": (
            "*uint256 group, *address old_beneficiary, *address new_beneficiary"
        ),
    }


# --- the schedule ---------------------------------------------------------------------------------


def test_the_table_gives_away_the_whole_supply():
    assert sum(group.percent for group in GROUPS) == 100
    assert sum(group.total for group in GROUPS) == SUPPLY
    assert all(sum(group.monthly) == 1 for group in GROUPS)


def test_the_schedules_give_away_the_whole_supply(vesting):
    assert sum(vesting.schedule(group)[0] for group in range(9)) == SUPPLY


@EVERY_GROUP
def test_the_schedule_says_what_the_table_says(vesting, group):
    model = GROUPS[group]
    total, cliff_months, steps, step_amount = vesting.schedule(group)
    assert vesting.name(group) == model.name
    assert total == model.total
    assert cliff_months == model.cliff_months
    assert steps == len(model.instalments)
    assert {amount for _, amount in model.instalments[:-1]} == {step_amount}
    assert 0 < model.instalments[-1][1] <= step_amount + steps


@EVERY_GROUP
def test_what_has_vested_is_what_the_table_says_at_every_edge(vesting, start, group):
    model = GROUPS[group]
    edges = [0, *(due for due, _ in model.instalments)]
    # every month from the start on, the cliff included, and a year beyond the end
    edges += [month * MONTH for month in range(edges[-1] // MONTH + 13)]
    for edge in sorted(set(edges)):
        for second in (edge - 1, edge, edge + 1):
            boa.env.timestamp = start + second
            assert vesting.vested(group) == model.vested(second), f"VST-2 at {edge} {second}"
            assert vesting.releasable(group) == model.vested(second), f"VST-2 at {edge} {second}"


@EVERY_GROUP
def test_nothing_has_vested_before_the_first_step_and_all_after_the_last(vesting, start, group):
    total, cliff_months, steps, step_amount = vesting.schedule(group)
    boa.env.timestamp = start + (cliff_months + 1) * MONTH - 1
    assert vesting.vested(group) == 0
    boa.env.timestamp += 1
    assert vesting.vested(group) == step_amount
    boa.env.timestamp = start + (cliff_months + steps) * MONTH - 1
    assert vesting.vested(group) == step_amount * (steps - 1) < total
    boa.env.timestamp += 1
    assert vesting.vested(group) == total
    boa.env.timestamp += 1_000 * YEAR
    assert vesting.vested(group) == total


# --- release --------------------------------------------------------------------------------------


def test_release_before_anything_vested_reverts(vesting):
    for group in range(9):
        with boa.reverts("vesting: nothing to release"):
            vesting.release(group)


def test_release_twice_in_one_step_reverts(vesting, start):
    boa.env.timestamp = start + 2 * MONTH - 1
    vesting.release(1)
    with boa.reverts("vesting: nothing to release"):
        vesting.release(1)


def test_release_reverts_where_the_token_answers_false(start, beneficiaries):
    odd = deployers.ODD_TOKEN.deploy(18)
    vesting = deployers.VESTING.deploy(odd, start, beneficiaries)
    odd.mint(vesting, SUPPLY)
    odd.set_is_refusing(True)
    boa.env.timestamp = start + MONTH
    with boa.reverts("vesting: token refused"):
        vesting.release(1)


def test_release_reverts_where_the_supply_never_came(start, beneficiaries):
    dobo = deployers.DONA_BLOCK.deploy(roles.address("somebody else"))
    vesting = deployers.VESTING.deploy(dobo, start, beneficiaries)
    boa.env.timestamp = start + MONTH
    with boa.reverts("erc20: balance too low"):
        vesting.release(1)


@EVERY_GROUP
def test_release_by_anyone_pays_the_beneficiary(
    vesting, dobo, start, beneficiaries, stranger, accounts, group
):
    due, amount = GROUPS[group].instalments[0]
    boa.env.timestamp = start + due
    with moves([dobo, COIN], accounts) as moved:
        assert vesting.release(group, sender=stranger) == amount
    assert logged(vesting) == [
        entry(
            vesting,
            "Released",
            group=group,
            beneficiary=beneficiaries[group],
            amount=amount,
            released_total=amount,
        ),
        entry(dobo, "Transfer", sender=vesting, receiver=beneficiaries[group], value=amount),
    ]
    assert moved == change((dobo, vesting, -amount), (dobo, beneficiaries[group], amount))
    assert vesting.released(group) == amount
    assert vesting.releasable(group) == 0
    assert all(vesting.released(other) == 0 for other in range(9) if other != group)


@EVERY_GROUP
def test_release_month_by_month_pays_the_total_and_no_more(
    vesting, dobo, start, beneficiaries, group
):
    paid = 0
    for due, amount in GROUPS[group].instalments:
        boa.env.timestamp = start + due
        assert vesting.release(group) == amount, "VST-2"
        paid += amount
        assert logged(vesting)[0][2]["released_total"] == paid
        assert vesting.released(group) == paid == vesting.vested(group), "VST-1"
    boa.env.timestamp += 10 * YEAR
    with boa.reverts("vesting: nothing to release"):
        vesting.release(group)
    assert dobo.balanceOf(beneficiaries[group]) == paid == GROUPS[group].total
    assert dobo.balanceOf(vesting) == SUPPLY - paid, "VST-1"


def test_release_after_everything_vested_empties_the_vesting(vesting, dobo, start, beneficiaries):
    boa.env.timestamp = start + 10 * YEAR
    for group in range(9):
        assert vesting.release(group) == GROUPS[group].total
        assert dobo.balanceOf(beneficiaries[group]) == GROUPS[group].total
    assert dobo.balanceOf(vesting) == 0, "VST-1"


def test_release_catches_up_several_steps_at_once(vesting, start):
    boa.env.timestamp = start + 5 * MONTH
    assert vesting.release(1) == 5 * 10_800_000 * 10**18
    boa.env.timestamp = start + 8 * MONTH + 1
    assert vesting.release(1) == 3 * 10_800_000 * 10**18
    assert vesting.released(1) == 8 * 10_800_000 * 10**18


# --- beneficiaries --------------------------------------------------------------------------------


def test_propose_by_somebody_else_reverts(vesting, beneficiaries, stranger):
    for sender in (stranger, beneficiaries[1], boa.env.eoa):
        with boa.reverts("vesting: not the beneficiary"):
            vesting.propose_beneficiary(0, stranger, sender=sender)


def test_propose_by_the_proposed_one_reverts(vesting, beneficiaries, stranger):
    vesting.propose_beneficiary(0, stranger, sender=beneficiaries[0])
    with boa.reverts("vesting: not the beneficiary"):
        vesting.propose_beneficiary(0, ZERO, sender=stranger)


def test_propose_of_the_vesting_reverts(vesting, beneficiaries):
    with boa.reverts("vesting: beneficiary is this contract"):
        vesting.propose_beneficiary(0, vesting, sender=beneficiaries[0])


def test_propose_of_the_token_reverts(vesting, dobo, beneficiaries):
    with boa.reverts("vesting: beneficiary is the token"):
        vesting.propose_beneficiary(0, dobo, sender=beneficiaries[0])


def test_propose_of_oneself_reverts(vesting, beneficiaries):
    with boa.reverts("vesting: already the beneficiary"):
        vesting.propose_beneficiary(0, beneficiaries[0], sender=beneficiaries[0])


def test_propose_twice_reverts(vesting, beneficiaries, stranger):
    vesting.propose_beneficiary(0, stranger, sender=beneficiaries[0])
    with boa.reverts("vesting: already proposed"):
        vesting.propose_beneficiary(0, stranger, sender=beneficiaries[0])


def test_taking_back_where_nothing_is_proposed_reverts(vesting, beneficiaries):
    with boa.reverts("vesting: already proposed"):
        vesting.propose_beneficiary(0, ZERO, sender=beneficiaries[0])


def test_accept_where_nothing_is_proposed_reverts(vesting, stranger):
    with boa.reverts("vesting: not the proposed beneficiary"):
        vesting.accept_beneficiary(0, sender=stranger)


def test_accept_by_somebody_else_reverts(vesting, beneficiaries, stranger, donor):
    vesting.propose_beneficiary(0, stranger, sender=beneficiaries[0])
    for sender in (donor, beneficiaries[0]):
        with boa.reverts("vesting: not the proposed beneficiary"):
            vesting.accept_beneficiary(0, sender=sender)


def test_accept_of_another_group_reverts(vesting, beneficiaries, stranger):
    vesting.propose_beneficiary(0, stranger, sender=beneficiaries[0])
    with boa.reverts("vesting: not the proposed beneficiary"):
        vesting.accept_beneficiary(1, sender=stranger)


def test_a_proposal_changes_nothing_until_accepted(vesting, dobo, start, beneficiaries, stranger):
    vesting.propose_beneficiary(1, stranger, sender=beneficiaries[1])
    assert logged(vesting) == [
        entry(
            vesting,
            "BeneficiaryProposed",
            group=1,
            beneficiary=beneficiaries[1],
            new_beneficiary=stranger,
        )
    ]
    assert vesting.pending_beneficiary(1) == stranger
    assert vesting.beneficiary(1) == beneficiaries[1]
    boa.env.timestamp = start + MONTH
    vesting.release(1)
    assert dobo.balanceOf(stranger) == 0


def test_the_successor_is_paid_from_then_on_arrears_included(
    vesting, dobo, start, beneficiaries, stranger, accounts
):
    boa.env.timestamp = start + 2 * MONTH
    vesting.propose_beneficiary(1, stranger, sender=beneficiaries[1])
    vesting.accept_beneficiary(1, sender=stranger)
    assert logged(vesting) == [
        entry(
            vesting,
            "BeneficiaryChanged",
            group=1,
            old_beneficiary=beneficiaries[1],
            new_beneficiary=stranger,
        )
    ]
    assert vesting.beneficiary(1) == stranger
    assert vesting.pending_beneficiary(1) == ZERO
    with moves([dobo], accounts) as moved:
        amount = vesting.release(1)
    assert amount == 2 * 10_800_000 * 10**18
    assert moved == change((dobo, vesting, -amount), (dobo, stranger, amount))
    with boa.reverts("vesting: not the beneficiary"):
        vesting.propose_beneficiary(1, beneficiaries[1], sender=beneficiaries[1])


def test_a_proposal_is_taken_back_by_proposing_zero(vesting, beneficiaries, stranger):
    vesting.propose_beneficiary(0, stranger, sender=beneficiaries[0])
    vesting.propose_beneficiary(0, ZERO, sender=beneficiaries[0])
    assert logged(vesting) == [
        entry(
            vesting,
            "BeneficiaryProposed",
            group=0,
            beneficiary=beneficiaries[0],
            new_beneficiary=ZERO,
        )
    ]
    with boa.reverts("vesting: not the proposed beneficiary"):
        vesting.accept_beneficiary(0, sender=stranger)


def test_a_new_proposal_replaces_the_one_before(vesting, beneficiaries, stranger, donor):
    vesting.propose_beneficiary(0, stranger, sender=beneficiaries[0])
    vesting.propose_beneficiary(0, donor, sender=beneficiaries[0])
    with boa.reverts("vesting: not the proposed beneficiary"):
        vesting.accept_beneficiary(0, sender=stranger)
    vesting.accept_beneficiary(0, sender=donor)
    assert vesting.beneficiary(0) == donor


def test_groups_hand_over_apart(vesting, beneficiaries, stranger):
    vesting.propose_beneficiary(3, stranger, sender=beneficiaries[3])
    vesting.accept_beneficiary(3, sender=stranger)
    for group in set(range(9)) - {3}:
        assert vesting.beneficiary(group) == beneficiaries[group]


# --- unknown groups -------------------------------------------------------------------------------


@pytest.mark.parametrize("group", [9, 2**256 - 1])
@pytest.mark.parametrize(
    "call",
    [
        ("release",),
        ("releasable",),
        ("vested",),
        ("released",),
        ("schedule",),
        ("name",),
        ("beneficiary",),
        ("pending_beneficiary",),
        ("propose_beneficiary", ZERO),
        ("accept_beneficiary",),
    ],
    ids=lambda call: call[0],
)
def test_an_unknown_group_reverts(vesting, call, group):
    name, *arguments = call
    with boa.reverts("vesting: unknown group"):
        getattr(vesting, name)(group, *arguments)


# --- what does not belong here --------------------------------------------------------------------


def test_coin_is_refused_and_forced_coin_changes_nothing(vesting, start, stranger, accounts):
    assert send(vesting, 1, sender=stranger) == ""
    release = vesting.release.prepare_calldata(1)
    boa.env.timestamp = start + MONTH
    assert send(vesting, 1, sender=stranger, data=release) == ""
    boa.env.set_balance(vesting.address, 10**18)
    with moves([COIN], accounts) as moved:
        assert vesting.release(1) == 10_800_000 * 10**18
    assert moved == {}


def test_dobo_sent_back_releases_nothing_more(vesting, dobo, start, beneficiaries):
    boa.env.timestamp = start + 34 * MONTH
    vesting.release(1)
    dobo.transfer(vesting, 10**18, sender=beneficiaries[1])
    with boa.reverts("vesting: nothing to release"):
        vesting.release(1)
    assert vesting.releasable(0) == GROUPS[0].vested(34 * MONTH)
