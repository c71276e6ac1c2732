"""Commission: what arrives is burnt, paid out and shared out, and each batch is a receipt."""

from __future__ import annotations

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.logs import entry, event_signatures, function_names, logged
from tests.contracts.money import COIN, change, moves, send

ZERO = "0x" + "00" * 20
DAY = 86_400
DELAY = 7 * DAY
APPLY_TIME = 30 * DAY
DOBO = 10**18
SUPPLY = 2 * 10**27
REFERENCE = b"invoice 7".ljust(32, b"\0")
HALVES = (5_000, 5_000, [])


@pytest.fixture(scope="module")
def rich():
    return roles.address("rich")


@pytest.fixture(scope="module")
def dobo(rich):
    return deployers.DONA_BLOCK.deploy(rich)


@pytest.fixture(scope="module")
def pool(dobo, timelock, guardian, reserve):
    return deployers.DIVIDEND_POOL.deploy(dobo, timelock, guardian, reserve, DOBO)


@pytest.fixture(scope="module")
def receivers():
    return [roles.address(f"receiver {number}") for number in range(8)]


@pytest.fixture(scope="module")
def make(dobo, pool, timelock, guardian, reserve):
    def make(shares=HALVES, **changed):
        given = {
            "token": dobo,
            "pool": pool,
            "timelock": timelock,
            "guardian": guardian,
            "reserve": reserve,
            "delay": DELAY,
        } | changed
        return deployers.COMMISSION.deploy(*given.values(), shares)

    return make


@pytest.fixture(scope="module")
def commission(make, dobo, rich):
    commission = make()
    dobo.approve(commission, 2**256 - 1, sender=rich)
    return commission


@pytest.fixture(scope="module")
def propose(timelock):
    def propose(commission, shares, sender=None):
        commission.propose_shares(shares, sender=sender or timelock)

    return propose


def split(amount, shares):
    """(burnt, dividends, [of each receiver]), as plain arithmetic."""
    burn, dividends, receivers = shares
    return (
        amount * burn // 10_000,
        amount * dividends // 10_000,
        [amount * share // 10_000 for _, share in receivers],
    )


# --- construction ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("token", "commission: zero token"),
        ("pool", "commission: zero pool"),
        ("timelock", "commission: zero timelock"),
        ("guardian", "commission: zero guardian"),
        ("reserve", "commission: zero reserve"),
    ],
)
def test_a_zero_address_is_refused(make, name, reason):
    with boa.reverts(reason):
        make(**{name: ZERO})


def test_no_delay_is_refused(make):
    with boa.reverts("commission: no delay"):
        make(delay=0)


def test_the_constructor_fixes_everything(commission, dobo, pool, timelock, guardian, reserve):
    assert commission.TOKEN() == dobo.address
    assert commission.POOL() == pool.address
    assert (commission.TIMELOCK(), commission.guardian()) == (timelock, guardian)
    assert commission.RESERVE() == reserve.address
    assert commission.SHARE_DELAY() == DELAY
    assert commission.APPLY_TIME() == APPLY_TIME
    assert (commission.MAX_RECEIVERS(), commission.BASIS()) == (6, 10_000)
    assert (commission.MIN_SHARE(), commission.MIN_SETTLEMENT()) == (2_500, DOBO)
    assert tuple(commission.shares()) == HALVES
    assert dobo.allowance(commission, pool) == 2**256 - 1


def test_the_first_guardian_and_shares_are_logged(make, receivers, guardian):
    shares = (4_000, 5_000, [(receivers[0], 1_000)])
    commission = make(shares)
    assert logged(commission)[0] == entry(commission, "GuardianChanged", guardian=guardian)
    (log,) = [log for log in logged(commission) if log[1] == "SharesChanged"]
    assert (log[2]["burn_share"], log[2]["dividend_share"]) == (4_000, 5_000)
    assert [tuple(receiver) for receiver in log[2]["receivers"]] == [(receivers[0], 1_000)]


def test_the_interface_is_this_and_no_more(commission):
    assert function_names(commission) == {
        *{"deposit", "settle", "claim", "claim_to", "apply_shares", "sweep"},
        *{"propose_shares", "cancel_proposal", "proposed_shares", "proposal_ready_at"},
        *{"guardian", "set_guardian"},
        *{"unsettled", "owed", "owed_total", "burned_total", "batch_count", "deposit_count"},
        *{"deposit_info", "shares", "MAX_RECEIVERS", "BASIS", "MIN_SHARE", "MIN_SETTLEMENT"},
        *{"APPLY_TIME", "TOKEN", "POOL", "TIMELOCK", "RESERVE", "SHARE_DELAY"},
    }
    signatures = event_signatures(commission)
    assert signatures["Deposited"] == (
        "*uint256 deposit_id, *address depositor, *bytes32 reference, uint256 amount"
    )
    assert signatures["Settled"] == (
        "*uint256 batch, uint256 first_deposit, uint256 last_deposit, uint256 deposited, "
        "uint256 amount, uint256 burnt, uint256 dividends, uint256 shared_out, "
        "uint256 supply_before, uint256 supply_after"
    )
    assert signatures["GuardianChanged"] == "*address guardian"
    assert signatures["Owed"] == "*uint256 batch, *address receiver, uint256 amount"


# --- shares ---------------------------------------------------------------------------------------

A, B = roles.account("receiver 0").address, roles.account("receiver 1").address

BAD_SHARES = {
    "commission: burn below 25 %": [(2_499, 7_501, []), (0, 10_000, [])],
    "commission: dividends below 25 %": [(7_501, 2_499, []), (10_000, 0, [])],
    "commission: shares are not 100 %": [
        (5_000, 5_001, []),
        (5_000, 4_999, []),
        (5_000, 2_500, [(A, 2_501)]),
        (5_000, 2_500, [(A, 2_499)]),
        (10_001, 5_000, []),
        (5_000, 10_001, []),
        (2**256 - 1, 5_001, []),
        (5_000, 2**256 - 1, []),
        (5_000, 5_000, [(A, 2**256 - 1), (B, 1)]),
        (2_500, 2_500, [(A, 10_001)]),
    ],
    "commission: zero share": [(5_000, 5_000, [(A, 0)])],
    "commission: receiver cannot be paid": [(5_000, 2_500, [(ZERO, 2_500)])],
    "commission: receiver named twice": [(5_000, 2_500, [(A, 1_250), (A, 1_250)])],
}


@pytest.mark.parametrize(
    ("reason", "shares"), [(reason, s) for reason, all_ in BAD_SHARES.items() for s in all_]
)
def test_bad_shares_are_refused(make, commission, propose, reason, shares):
    with boa.reverts(reason):
        make(shares)
    with boa.reverts(reason):
        propose(commission, shares)
    assert commission.proposal_ready_at() == 0


@pytest.mark.parametrize("which", ["commission", "dobo", "pool"])
def test_a_receiver_from_which_nothing_comes_back_is_refused(
    commission, dobo, pool, propose, which
):
    account = {"commission": commission, "dobo": dobo, "pool": pool}[which]
    with boa.reverts("commission: receiver cannot be paid"):
        propose(commission, (5_000, 2_500, [(account, 2_500)]))


def test_six_receivers_and_no_more(make, receivers):
    make((2_500, 2_500, [(account, 833) for account in receivers[:5]] + [(receivers[5], 835)]))
    with pytest.raises(boa.BoaError):
        make((2_500, 2_500, [(a, 714) for a in receivers[:6]] + [(receivers[6], 716)]))


def test_the_least_shares_are_taken(make, receivers):
    assert tuple(make((2_500, 7_500, [])).shares()) == (2_500, 7_500, [])
    assert tuple(make((7_500, 2_500, [])).shares()) == (7_500, 2_500, [])
    make((2_500, 2_500, [(receivers[0], 5_000)]))


def test_only_the_timelock_proposes(commission, propose, guardian, stranger):
    for sender in (guardian, stranger):
        with boa.reverts("commission: not the timelock"):
            propose(commission, HALVES, sender)


def test_shares_wait_for_their_delay_to_the_second(commission, propose, receivers, stranger, now):
    shares = (2_500, 5_000, [(receivers[0], 2_500)])
    propose(commission, shares)
    (log,) = logged(commission)
    assert log[1] == "SharesProposed" and log[2]["ready_at"] == now + DELAY
    assert commission.proposal_ready_at() == now + DELAY
    burn, dividends, found = commission.proposed_shares()
    assert (burn, dividends, [tuple(one) for one in found]) == shares
    boa.env.timestamp = now + DELAY - 1
    with boa.reverts("commission: too early"):
        commission.apply_shares(sender=stranger)
    boa.env.timestamp = now + DELAY
    commission.apply_shares(sender=stranger)
    burn, dividends, found = commission.shares()
    assert (burn, dividends, [tuple(one) for one in found]) == shares
    assert commission.proposal_ready_at() == 0
    with boa.reverts("commission: nothing is proposed"):
        commission.apply_shares()
    with boa.reverts("commission: nothing is proposed"):
        commission.proposed_shares()


def test_a_proposal_lapses_to_the_second(commission, propose, now):
    propose(commission, (2_500, 7_500, []))
    boa.env.timestamp = now + DELAY + APPLY_TIME
    with boa.reverts("commission: proposal has lapsed"):
        commission.apply_shares()
    boa.env.timestamp = now + DELAY + APPLY_TIME - 1
    commission.apply_shares()


def test_a_new_proposal_replaces_the_one_before(commission, propose, now):
    propose(commission, (2_500, 7_500, []))
    boa.env.timestamp = now + DELAY
    propose(commission, (3_000, 7_000, []))
    with boa.reverts("commission: too early"):
        commission.apply_shares()
    boa.env.timestamp = now + 2 * DELAY
    commission.apply_shares()
    assert tuple(commission.shares()) == (3_000, 7_000, [])


@pytest.mark.parametrize("who", ["timelock", "guardian"])
def test_timelock_and_guardian_take_a_proposal_back(request, commission, propose, now, who):
    account = request.getfixturevalue(who)
    with boa.reverts("commission: nothing is proposed"):
        commission.cancel_proposal(sender=account)
    propose(commission, (2_500, 7_500, []))
    commission.cancel_proposal(sender=account)
    assert logged(commission) == [entry(commission, "ProposalCancelled", cancelled_by=account)]
    boa.env.timestamp = now + DELAY
    with boa.reverts("commission: nothing is proposed"):
        commission.apply_shares()
    assert tuple(commission.shares()) == HALVES


def test_nobody_else_takes_a_proposal_back(commission, propose, stranger):
    propose(commission, (2_500, 7_500, []))
    with boa.reverts("commission: not timelock nor guardian"):
        commission.cancel_proposal(sender=stranger)


# --- the guardian ---------------------------------------------------------------------------------


def test_the_guardian_is_replaced(commission, propose, timelock, guardian, stranger):
    propose(commission, (2_500, 7_500, []))
    commission.set_guardian(stranger, sender=timelock)
    assert logged(commission) == [entry(commission, "GuardianChanged", guardian=stranger)]
    assert commission.guardian() == stranger
    with boa.reverts("commission: not timelock nor guardian"):
        commission.cancel_proposal(sender=guardian)
    commission.cancel_proposal(sender=stranger)


def test_a_zero_or_unchanged_guardian_is_refused(commission, timelock, guardian):
    with boa.reverts("commission: zero guardian"):
        commission.set_guardian(ZERO, sender=timelock)
    with boa.reverts("commission: guardian is the same"):
        commission.set_guardian(guardian, sender=timelock)
    assert commission.guardian() == guardian


def test_only_the_timelock_names_the_guardian(commission, guardian, stranger):
    for sender in (guardian, stranger):
        with boa.reverts("commission: not the timelock"):
            commission.set_guardian(stranger, sender=sender)


# --- arriving -------------------------------------------------------------------------------------


def test_a_deposit_is_kept_with_its_depositor(commission, dobo, rich):
    accounts = [rich, commission]
    with moves([dobo], accounts) as moved:
        assert commission.deposit(7 * DOBO, REFERENCE, sender=rich) == 1
    assert moved == change((dobo, rich, -7 * DOBO), (dobo, commission, 7 * DOBO))
    assert tuple(commission.deposit_info(1)) == (rich, 7 * DOBO, REFERENCE)
    assert commission.deposit_count() == 1
    assert commission.unsettled() == 7 * DOBO
    assert commission.owed_total() == 0


def test_a_deposit_is_logged(commission, rich):
    commission.deposit(5, REFERENCE, sender=rich)
    found = [log for log in logged(commission) if log[0] == commission.address]
    assert found == [
        entry(
            commission,
            "Deposited",
            deposit_id=1,
            depositor=rich,
            reference=REFERENCE,
            amount=5,
        )
    ]


def test_a_reference_may_come_twice_and_may_be_empty(commission, rich):
    for number, reference in enumerate([REFERENCE, REFERENCE, b"\0" * 32], 1):
        assert commission.deposit(number, reference, sender=rich) == number
        assert commission.deposit_info(number).reference == reference


def test_bad_deposits_are_refused(commission, dobo, rich, stranger):
    with boa.reverts("commission: zero amount"):
        commission.deposit(0, REFERENCE, sender=rich)
    for amount in (1, 2**112, 2**256 - 1):
        with boa.reverts("erc20: balance too low"):
            dobo.approve(commission, 2**256 - 1, sender=stranger)
            commission.deposit(amount, REFERENCE, sender=stranger)
    assert (commission.deposit_count(), commission.unsettled()) == (0, 0)
    for number in (0, 1, 2**256 - 1):
        with boa.reverts("commission: no such deposit"):
            commission.deposit_info(number)


def test_a_plain_transfer_is_commission(commission, dobo, rich):
    dobo.transfer(commission, 3 * DOBO, sender=rich)
    assert commission.unsettled() == 3 * DOBO
    assert commission.deposit_count() == 0


# --- settling -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "amount", [DOBO, DOBO + 1, DOBO + 2, DOBO + 3, 10**21 + 7, 123_456_789 * DOBO + 987_654_321]
)
@pytest.mark.parametrize("count", [0, 1, 3, 6])
def test_every_part_is_its_share(make, dobo, pool, rich, receivers, amount, count):
    shares = (3_333, 2_501, [(receivers[number], 0) for number in range(count)])
    rest = 10_000 - 3_333 - 2_501
    if count == 0:
        shares = (3_333, 6_667, [])
    else:
        parts = [rest // count] * count
        parts[0] += rest - sum(parts)
        shares = (3_333, 2_501, list(zip(receivers[:count], parts, strict=True)))
    commission = make(shares)
    dobo.transfer(commission, amount, sender=rich)
    burnt, dividends, owed = split(amount, shares)
    supply = dobo.totalSupply()
    with moves([dobo], [commission, pool, *receivers]) as moved:
        assert commission.settle() == 1
    left = amount - burnt - dividends
    assert moved == change((dobo, commission, left - amount), (dobo, pool, dividends))
    assert [commission.owed(account) for account in receivers[:count]] == owed
    assert commission.owed_total() == sum(owed)
    assert dobo.totalSupply() == supply - burnt
    assert commission.burned_total() == burnt
    # what is left over is divided next time
    assert commission.unsettled() == left - sum(owed) < 8


def test_a_receipt_says_what_happened(make, dobo, pool, rich, receivers):
    shares = (4_000, 4_000, [(receivers[0], 1_500), (receivers[1], 500)])
    commission = make(shares)
    dobo.approve(commission, 2**256 - 1, sender=rich)
    commission.deposit(2 * DOBO, REFERENCE, sender=rich)
    commission.deposit(3 * DOBO, REFERENCE, sender=rich)
    dobo.transfer(commission, DOBO, sender=rich)
    supply = dobo.totalSupply()
    commission.settle()
    amount = 6 * DOBO
    burnt, dividends, owed = split(amount, shares)
    ours = [log for log in logged(commission) if log[0] == commission.address]
    assert ours == [
        entry(commission, "Owed", batch=1, receiver=receivers[0], amount=owed[0]),
        entry(commission, "Owed", batch=1, receiver=receivers[1], amount=owed[1]),
        entry(
            commission,
            "Settled",
            batch=1,
            first_deposit=1,
            last_deposit=2,
            deposited=5 * DOBO,
            amount=amount,
            burnt=burnt,
            dividends=dividends,
            shared_out=sum(owed),
            supply_before=supply,
            supply_after=supply - burnt,
        ),
    ]
    assert (commission.batch_count(), commission.deposit_count()) == (1, 2)
    _, _, pot, _ = pool.books()
    assert pot == dividends


def test_batches_follow_each_other_without_gap(commission, dobo, rich):
    def settled():
        commission.settle()
        (log,) = [log for log in logged(commission) if log[1] == "Settled"]
        fields = ("batch", "first_deposit", "last_deposit", "deposited", "amount")
        return tuple(log[2][name] for name in fields)

    commission.deposit(2 * DOBO, REFERENCE, sender=rich)
    assert settled() == (1, 1, 1, 2 * DOBO, 2 * DOBO)
    dobo.transfer(commission, DOBO, sender=rich)
    # none: the first is above the last
    assert settled() == (2, 2, 1, 0, DOBO)
    commission.deposit(DOBO, REFERENCE, sender=rich)
    commission.deposit(DOBO + 1, REFERENCE, sender=rich)
    assert settled() == (3, 2, 3, 2 * DOBO + 1, 2 * DOBO + 1)
    commission.deposit(DOBO, REFERENCE, sender=rich)
    # the odd unit was left over
    assert settled() == (4, 4, 4, DOBO, DOBO + 1)
    assert (commission.batch_count(), commission.deposit_count()) == (4, 4)
    assert commission.burned_total() == SUPPLY - dobo.totalSupply()


def test_less_than_one_dobo_is_not_settled(commission, dobo, rich, stranger):
    with boa.reverts("commission: less than one DOBO has arrived"):
        commission.settle()
    dobo.transfer(commission, DOBO - 1, sender=rich)
    with boa.reverts("commission: less than one DOBO has arrived"):
        commission.settle(sender=stranger)
    dobo.transfer(commission, 1, sender=rich)
    commission.settle(sender=stranger)


def test_what_accrued_under_old_shares_is_settled_under_them(
    commission, dobo, propose, rich, receivers, now
):
    propose(commission, (2_500, 2_500, [(receivers[0], 5_000)]))
    dobo.transfer(commission, 10 * DOBO, sender=rich)
    boa.env.timestamp = now + DELAY
    dobo.transfer(commission, 10 * DOBO, sender=rich)
    commission.apply_shares()
    assert commission.batch_count() == 1
    assert commission.burned_total() == 10 * DOBO
    assert commission.owed_total() == 0
    dobo.transfer(commission, 10 * DOBO, sender=rich)
    commission.settle()
    assert commission.burned_total() == 12 * DOBO + DOBO // 2
    assert commission.owed(receivers[0]) == 5 * DOBO


@pytest.mark.parametrize("amount", [1, 2, 3, 4, DOBO - 1])
def test_however_little(make, dobo, pool, propose, rich, receivers, now, amount):
    commission = make()
    propose(commission, (2_500, 2_500, [(receivers[0], 5_000)]))
    dobo.transfer(commission, amount, sender=rich)
    boa.env.timestamp = now + DELAY
    commission.apply_shares()
    assert commission.burned_total() == amount // 2
    assert commission.unsettled() == amount % 2
    _, _, pot, waiting = pool.books()
    assert pot + waiting == amount // 2


def test_shares_are_applied_with_nothing_there(commission, propose, now):
    propose(commission, (2_500, 7_500, []))
    boa.env.timestamp = now + DELAY
    commission.apply_shares()
    assert commission.batch_count() == 0


# --- receivers ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(make, dobo, rich, receivers):
    """A commission of which 20 % and 10 % of 100 DOBO are owed."""
    commission = make((4_000, 3_000, [(receivers[0], 2_000), (receivers[1], 1_000)]))
    dobo.transfer(commission, 100 * DOBO, sender=rich)
    commission.settle()
    return commission


def test_anybody_claims_for_a_receiver(shared, dobo, receivers, stranger):
    with moves([dobo], [shared, stranger, *receivers]) as moved:
        assert shared.claim(receivers[0], sender=stranger) == 20 * DOBO
    assert moved == change((dobo, shared, -20 * DOBO), (dobo, receivers[0], 20 * DOBO))
    assert (shared.owed(receivers[0]), shared.owed_total()) == (0, 10 * DOBO)
    with boa.reverts("commission: nothing to claim"):
        shared.claim(receivers[0])


def test_a_claim_is_logged(shared, receivers, stranger):
    shared.claim(receivers[0], sender=stranger)
    ours = [log for log in logged(shared) if log[0] == shared.address]
    assert ours == [
        entry(shared, "Claimed", receiver=receivers[0], paid_to=receivers[0], amount=20 * DOBO)
    ]


def test_a_receiver_names_another_account(shared, dobo, receivers, stranger):
    with moves([dobo], [shared, stranger, *receivers]) as moved:
        assert shared.claim_to(stranger, sender=receivers[1]) == 10 * DOBO
    assert moved == change((dobo, shared, -10 * DOBO), (dobo, stranger, 10 * DOBO))
    with boa.reverts("commission: nothing to claim"):
        shared.claim_to(stranger, sender=receivers[1])
    with boa.reverts("commission: nothing to claim"):
        shared.claim_to(stranger, sender=stranger)


def test_a_claim_goes_to_no_dead_end(shared, dobo, receivers):
    with boa.reverts("commission: zero receiver"):
        shared.claim_to(ZERO, sender=receivers[0])
    with boa.reverts("commission: receiver is this contract"):
        shared.claim_to(shared, sender=receivers[0])
    with boa.reverts("erc20: transfer to the token"):
        shared.claim_to(dobo, sender=receivers[0])
    assert shared.owed(receivers[0]) == 20 * DOBO


def test_what_is_owed_is_no_commission(shared, dobo, rich):
    assert shared.unsettled() == 0
    dobo.transfer(shared, 10 * DOBO, sender=rich)
    shared.settle()
    assert shared.owed_total() == 33 * DOBO
    assert dobo.balanceOf(shared) == 33 * DOBO


def test_a_replaced_receiver_keeps_what_it_is_owed(shared, propose, receivers, now, dobo, rich):
    propose(shared, (5_000, 5_000, []))
    boa.env.timestamp = now + DELAY
    shared.apply_shares()
    dobo.transfer(shared, 10 * DOBO, sender=rich)
    shared.settle()
    assert shared.claim(receivers[0]) == 20 * DOBO
    assert shared.claim(receivers[1]) == 10 * DOBO
    assert dobo.balanceOf(shared) == shared.owed_total() == 0


# --- other assets ---------------------------------------------------------------------------------


def test_other_assets_are_swept_to_the_reserve(commission, stablecoin, reserve, stranger):
    stablecoin.mint(commission, 9)
    with moves([stablecoin], [commission, reserve]) as moved:
        assert commission.sweep(stablecoin, sender=stranger) == 9
    assert moved == change((stablecoin, commission, -9), (stablecoin, reserve, 9))
    assert entry(commission, "Swept", asset=stablecoin.address, amount=9) in logged(commission)
    with boa.reverts("commission: nothing to sweep"):
        commission.sweep(stablecoin)


def test_forced_coin_is_swept(commission, reserve):
    assert send(commission, 1, sender=roles.address("donor")) is not None
    boa.env.set_balance(commission.address, 5)
    with moves([COIN], [commission, reserve]) as moved:
        commission.sweep(ZERO)
    assert moved == change((COIN, commission, -5), (COIN, reserve, 5))


def test_dobo_is_never_swept(shared, commission, dobo, rich):
    dobo.transfer(shared, DOBO, sender=rich)
    with boa.reverts("commission: DOBO is commission"):
        shared.sweep(dobo)
    # where there is none as well: it is not asked how much there is
    with boa.reverts("commission: DOBO is commission"):
        commission.sweep(dobo)


def test_no_sweep_through_a_second_door_to_the_same_money(make):
    money = deployers.STRANGE_TOKEN.deploy(18, 0)
    commission = make(token=money)
    money.mint(commission, DOBO)
    door = deployers.TWO_DOORS.deploy(money)
    with boa.reverts("commission: DOBO is commission"):
        commission.sweep(door)
    assert money.balanceOf(commission) == DOBO
