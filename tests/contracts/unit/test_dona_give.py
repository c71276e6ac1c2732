"""DonaGive (GIVE): backed one to one, redeemed by charities. What ERC-20 asks: test_erc20.py."""

from __future__ import annotations

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.conftest import DAY
from tests.contracts.logs import entry, event_signatures, function_names, logged
from tests.contracts.money import COIN, balance, change, moves, send

ZERO = "0x" + "00" * 20
HELD = 10**12
NO_SIGNATURE = (2**256 - 1, 27, b"\0" * 32, b"\0" * 32)


@pytest.fixture(scope="module")
def give(stablecoin, registry, reserve):
    return deployers.DONA_GIVE.deploy(stablecoin, registry, reserve)


@pytest.fixture(scope="module")
def payer(stablecoin, give):
    """Has HELD of the backing, all of it allowed to GIVE."""
    payer = roles.address("payer")
    stablecoin.mint(payer, HELD)
    stablecoin.approve(give, HELD, sender=payer)
    return payer


@pytest.fixture(scope="module")
def charity_id(verify, charity):
    return verify(charity)


@pytest.fixture(scope="module")
def credit(give, payer, charity):
    """What the charity holds in GIVE to begin with."""
    give.issue(1_000, charity, sender=payer)
    return 1_000


@pytest.fixture(scope="module")
def accounts(give, registry, reserve, payer, charity, stranger):
    return [give, registry, reserve, payer, charity, stranger, ZERO]


@pytest.fixture(scope="module")
def odd():
    return deployers.ODD_TOKEN.deploy(6)


@pytest.fixture(scope="module")
def odd_give(odd, registry, reserve, payer):
    """GIVE on a backing that can be told to misbehave."""
    give = deployers.DONA_GIVE.deploy(odd, registry, reserve)
    odd.mint(payer, HELD)
    odd.approve(give, HELD, sender=payer)
    return give


@pytest.fixture
def come_back(odd, odd_give, payer, charity, verify):
    """come_back(entry_point) -> from now on every transfer of the backing calls GIVE there.

    The call comes from a charity's payee that has all it takes to make it: GIVE to redeem, backing
    to pay in, and there is surplus to sweep. So only the lock is left to refuse it.
    """
    relay = deployers.RELAY.deploy()
    relay_id = verify(relay, "GB:CHC:3")
    odd_give.issue(10, relay, sender=payer)
    odd_give.issue(10, charity, sender=payer)
    odd.mint(odd_give, 5)
    odd.mint(relay, 5)
    odd.approve(odd_give, 5, sender=relay.address)

    def come_back(entry_point):
        arguments = {"issue": (1, charity), "redeem": (relay_id, 1)}.get(entry_point, (odd,))
        data = getattr(odd_give, entry_point).prepare_calldata(*arguments)
        with boa.env.anchor():
            relay.forward(odd_give, data)
        odd.set_call(relay, relay.forward.prepare_calldata(odd_give, data))

    return come_back


def assert_backed(give, backing):
    assert backing.balanceOf(give) >= give.totalSupply(), "GVE-1"


# --- constructor ----------------------------------------------------------------------------------


def test_a_backing_without_code_is_refused(registry, reserve, stranger):
    with boa.reverts("give: no code at the backing"):
        deployers.DONA_GIVE.deploy(stranger, registry, reserve)


@pytest.mark.parametrize(
    ("decimals", "reason"),
    [
        (0, "give: fewer than 6 decimals"),
        (5, "give: fewer than 6 decimals"),
        (19, "give: more than 18 decimals"),
        (255, "give: more than 18 decimals"),
    ],
)
def test_a_backing_of_other_decimals_is_refused(registry, reserve, decimals, reason):
    with boa.reverts(reason):
        deployers.DONA_GIVE.deploy(deployers.ODD_TOKEN.deploy(decimals), registry, reserve)


def test_a_zero_registry_is_refused(stablecoin, reserve):
    with boa.reverts("give: zero registry"):
        deployers.DONA_GIVE.deploy(stablecoin, ZERO, reserve)


def test_a_zero_reserve_is_refused(stablecoin, registry):
    with boa.reverts("give: zero reserve"):
        deployers.DONA_GIVE.deploy(stablecoin, registry, ZERO)


@pytest.mark.parametrize("decimals", [6, 7, 17, 18])
def test_the_decimals_are_those_of_the_backing(registry, reserve, decimals):
    backing = deployers.ODD_TOKEN.deploy(decimals)
    give = deployers.DONA_GIVE.deploy(backing, registry, reserve)
    assert give.decimals() == decimals
    backing.set_decimals(decimals + 1)
    assert give.decimals() == decimals


def test_the_constructor_fixes_everything_and_issues_nothing(stablecoin, registry, reserve):
    give = deployers.DONA_GIVE.deploy(stablecoin, registry, reserve)
    assert logged(give) == []
    assert (give.name(), give.symbol(), give.decimals()) == ("DonaGive", "GIVE", 6)
    assert give.BACKING() == stablecoin.address
    assert give.REGISTRY() == registry.address
    assert give.RESERVE() == reserve.address
    assert (give.MIN_DECIMALS(), give.MAX_DECIMALS()) == (6, 18)
    assert give.totalSupply() == 0


def test_nothing_else_can_be_called_no_burn_no_owner_no_pause(give):
    assert function_names(give) == {
        "name",
        "symbol",
        "decimals",
        "totalSupply",
        "balanceOf",
        "allowance",
        "transfer",
        "approve",
        "transferFrom",
        "permit",
        "nonces",
        "DOMAIN_SEPARATOR",
        "eip712Domain",
        "issue",
        "issue_with_permit",
        "redeem",
        "sweep",
        "surplus",
        "BACKING",
        "REGISTRY",
        "RESERVE",
        "MIN_DECIMALS",
        "MAX_DECIMALS",
    }


def test_the_logs_are_as_agreed(give):
    assert event_signatures(give) == {
        "Transfer": "*address sender, *address receiver, uint256 value",
        "Approval": "*address owner, *address spender, uint256 value",
        "Issued": "*address payer, *address receiver, uint256 amount",
        "Redeemed": ("*address payee, *uint256 charity_id, *address receiver, uint256 amount"),
        "Swept": "*address asset, uint256 amount",
    }


# --- issue ----------------------------------------------------------------------------------------


def test_issue_of_nothing_reverts(give, payer):
    with boa.reverts("give: zero amount"):
        give.issue(0, sender=payer)


def test_issue_to_zero_reverts(give, payer):
    with boa.reverts("give: zero receiver"):
        give.issue(1, ZERO, sender=payer)


def test_issue_to_the_token_itself_reverts(give, payer):
    with boa.reverts("give: receiver is this contract"):
        give.issue(1, give, sender=payer)


def test_issue_without_allowance_reverts(give, stablecoin, stranger):
    stablecoin.mint(stranger, 1)
    with boa.reverts("erc20: allowance too low"):
        give.issue(1, sender=stranger)


def test_issue_of_more_than_held_reverts(give, stablecoin, payer):
    stablecoin.approve(give, HELD + 1, sender=payer)
    with boa.reverts("erc20: balance too low"):
        give.issue(HELD + 1, sender=payer)


def test_issue_on_a_backing_that_answers_false_reverts(odd, odd_give, payer):
    odd.set_is_refusing(True)
    with boa.reverts("transfers: token refused"):
        odd_give.issue(1, sender=payer)


@pytest.mark.parametrize("fee", [1, 10_000])
def test_issue_on_a_backing_that_takes_a_fee_reverts(odd, odd_give, payer, fee):
    odd.set_fee(fee)
    with boa.reverts("give: backing took a fee"):
        odd_give.issue(10_000, sender=payer)
    assert odd_give.totalSupply() == 0


def test_issue_on_a_backing_that_brings_more_reverts(odd, odd_give, payer):
    odd.set_call(odd, odd.mint.prepare_calldata(odd_give, 1))
    with boa.reverts("give: backing took a fee"):
        odd_give.issue(10, sender=payer)


def test_issue_reverts_while_backing_is_missing(odd, odd_give, payer):
    odd_give.issue(100, sender=payer)
    odd.seize(odd_give, 1)
    with boa.reverts("give: backing is short"):
        odd_give.issue(1, sender=payer)
    odd.mint(odd_give, 1)
    odd_give.issue(1, sender=payer)
    assert odd_give.totalSupply() == 101


def test_issue_pays_in_and_issues_as_much(give, stablecoin, payer, accounts):
    with moves([stablecoin, give, COIN], accounts) as moved:
        give.issue(HELD, sender=payer)
    assert logged(give) == [
        entry(stablecoin, "Transfer", sender=payer, receiver=give, value=HELD),
        entry(give, "Transfer", sender=ZERO, receiver=payer, value=HELD),
        entry(give, "Issued", payer=payer, receiver=payer, amount=HELD),
    ]
    assert moved == change(
        (stablecoin, payer, -HELD), (stablecoin, give, HELD), (give, payer, HELD)
    )
    assert give.totalSupply() == HELD, "GVE-2"
    assert_backed(give, stablecoin)


def test_issue_to_somebody_else(give, stablecoin, payer, donor, accounts):
    with moves([stablecoin, give], [*accounts, donor]) as moved:
        give.issue(1, donor, sender=payer)
    assert logged(give)[-2:] == [
        entry(give, "Transfer", sender=ZERO, receiver=donor, value=1),
        entry(give, "Issued", payer=payer, receiver=donor, amount=1),
    ]
    assert moved == change((stablecoin, payer, -1), (stablecoin, give, 1), (give, donor, 1))


def test_issue_leaves_surplus_what_it_was(give, stablecoin, payer):
    stablecoin.mint(give, 9)
    give.issue(5, sender=payer)
    assert give.surplus(stablecoin) == 9
    assert give.totalSupply() == 5, "GVE-2"


def test_give_is_passed_on_like_any_token(give, payer, donor, stranger):
    give.issue(10, donor, sender=payer)
    give.transfer(stranger, 4, sender=donor)
    assert (give.balanceOf(donor), give.balanceOf(stranger)) == (6, 4)


@pytest.mark.parametrize("entry_point", ["issue", "redeem", "sweep", "surplus"])
def test_the_backing_cannot_come_back_in_while_paying_in(odd_give, payer, come_back, entry_point):
    come_back(entry_point)
    with boa.reverts():
        odd_give.issue(10, sender=payer)
    assert odd_give.totalSupply() == 20


def test_the_backing_may_move_give_and_read_it_while_paying_in(odd, odd_give, payer, charity):
    odd_give.issue(10, odd, sender=payer)
    odd.set_call(odd_give, odd_give.transfer.prepare_calldata(charity, 4))
    odd_give.issue(10, sender=payer)
    assert odd_give.totalSupply() == 20
    assert odd_give.balanceOf(charity) == 4
    assert_backed(odd_give, odd)


# --- issue_with_permit ----------------------------------------------------------------------------


@pytest.fixture
def signer(stablecoin):
    """Has HELD of the backing and allowed nobody anything."""
    signer = roles.address("signer")
    stablecoin.mint(signer, HELD)
    return signer


def test_issue_with_permit_needs_no_allowance_before(
    give, stablecoin, signer, donor, accounts, now
):
    permit = roles.sign_permit(stablecoin, "signer", give, 40, now)
    with moves([stablecoin, give], [*accounts, signer, donor]) as moved:
        give.issue_with_permit(40, donor, *permit.signature, sender=signer)
    assert logged(give) == [
        entry(stablecoin, "Approval", owner=signer, spender=give, value=40),
        entry(stablecoin, "Transfer", sender=signer, receiver=give, value=40),
        entry(give, "Transfer", sender=ZERO, receiver=donor, value=40),
        entry(give, "Issued", payer=signer, receiver=donor, amount=40),
    ]
    assert moved == change((stablecoin, signer, -40), (stablecoin, give, 40), (give, donor, 40))
    assert stablecoin.allowance(signer, give) == 0


def test_issue_with_a_front_run_permit_still_works(give, stablecoin, signer, stranger, now):
    permit = roles.sign_permit(stablecoin, "signer", give, 40, now)
    stablecoin.permit(*permit.arguments, sender=stranger)
    give.issue_with_permit(40, signer, *permit.signature, sender=signer)
    assert give.balanceOf(signer) == 40


def test_issue_with_a_failing_permit_uses_the_allowance(give, payer):
    give.issue_with_permit(40, payer, *NO_SIGNATURE, sender=payer)
    assert give.balanceOf(payer) == 40


def test_issue_with_a_permit_on_a_backing_without_permit_uses_the_allowance(odd_give, payer):
    odd_give.issue_with_permit(40, payer, *NO_SIGNATURE, sender=payer)
    assert odd_give.balanceOf(payer) == 40


def test_issue_with_an_expired_permit_reverts_without_allowance(give, stablecoin, signer, now):
    permit = roles.sign_permit(stablecoin, "signer", give, 40, now - 1)
    with boa.reverts("erc20: allowance too low"):
        give.issue_with_permit(40, signer, *permit.signature, sender=signer)


def test_nobody_can_use_another_ones_permit(give, stablecoin, signer, stranger, now):
    permit = roles.sign_permit(stablecoin, "signer", give, 40, now)
    with boa.reverts("erc20: allowance too low"):
        give.issue_with_permit(40, stranger, *permit.signature, sender=stranger)
    assert stablecoin.nonces(signer) == 0


def test_issue_with_a_permit_for_another_amount_reverts(give, stablecoin, signer, now):
    permit = roles.sign_permit(stablecoin, "signer", give, 40, now)
    with boa.reverts("erc20: allowance too low"):
        give.issue_with_permit(39, signer, *permit.signature, sender=signer)


@pytest.mark.parametrize(
    ("amount", "receiver", "reason"),
    [
        (0, "signer", "give: zero amount"),
        (40, "zero", "give: zero receiver"),
        (40, "give", "give: receiver is this contract"),
    ],
)
def test_issue_with_permit_refuses_what_issue_refuses(
    give, stablecoin, signer, now, amount, receiver, reason
):
    permit = roles.sign_permit(stablecoin, "signer", give, amount, now)
    address = {"signer": signer, "zero": ZERO, "give": give.address}[receiver]
    with boa.reverts(reason):
        give.issue_with_permit(amount, address, *permit.signature, sender=signer)


# --- redeem ---------------------------------------------------------------------------------------


def test_redeem_of_nothing_reverts(give, charity, charity_id):
    with boa.reverts("give: zero amount"):
        give.redeem(charity_id, 0, sender=charity)


def test_redeem_to_zero_reverts(give, charity, charity_id, credit):
    with boa.reverts("give: zero receiver"):
        give.redeem(charity_id, credit, ZERO, sender=charity)


def test_redeem_to_the_token_itself_reverts(give, charity, charity_id, credit):
    with boa.reverts("give: receiver is this contract"):
        give.redeem(charity_id, credit, give, sender=charity)


def test_redeem_by_a_donor_reverts(give, payer, donor, charity_id):
    give.issue(10, donor, sender=payer)
    for named in (charity_id, 0, charity_id + 1):
        with boa.reverts("give: not a charity's payee"):
            give.redeem(named, 10, sender=donor)


def test_redeem_under_another_charitys_number_reverts(give, verify, charity, charity_id, credit):
    other_id = verify(roles.address("other charity"), "GB:CHC:2")
    with boa.reverts("give: not a charity's payee"):
        give.redeem(other_id, credit, sender=charity)
    give.redeem(charity_id, credit, sender=charity)


def test_redeem_of_more_than_held_reverts(give, charity, charity_id, credit):
    with boa.reverts("erc20: balance too low"):
        give.redeem(charity_id, credit + 1, sender=charity)


def test_redeem_on_a_backing_that_answers_false_reverts(odd, odd_give, payer, charity, charity_id):
    odd_give.issue(10, charity, sender=payer)
    odd.set_is_refusing(True)
    with boa.reverts("transfers: token refused"):
        odd_give.redeem(charity_id, 10, sender=charity)
    assert odd_give.balanceOf(charity) == 10


@pytest.mark.parametrize("amount", [1, 999, 1_000])
def test_redeem_burns_and_pays_as_much(
    give, stablecoin, charity, charity_id, credit, accounts, amount
):
    with moves([stablecoin, give, COIN], accounts) as moved:
        give.redeem(charity_id, amount, sender=charity)
    assert logged(give) == [
        entry(give, "Transfer", sender=charity, receiver=ZERO, value=amount),
        entry(
            give,
            "Redeemed",
            payee=charity,
            charity_id=charity_id,
            receiver=charity,
            amount=amount,
        ),
        entry(stablecoin, "Transfer", sender=give, receiver=charity, value=amount),
    ]
    assert moved == change(
        (give, charity, -amount), (stablecoin, give, -amount), (stablecoin, charity, amount)
    )
    assert give.totalSupply() == credit - amount, "GVE-2"
    assert_backed(give, stablecoin)


def test_redeem_to_another_receiver(give, stablecoin, charity, charity_id, credit, stranger):
    with moves([stablecoin, give], [give, charity, stranger]) as moved:
        give.redeem(charity_id, credit, stranger, sender=charity)
    assert moved == change(
        (give, charity, -credit), (stablecoin, give, -credit), (stablecoin, stranger, credit)
    )


def test_a_suspended_charity_redeems(give, registry, registrar, charity, charity_id, credit):
    registry.suspend(charity_id, b"\1" * 32, sender=registrar)
    give.redeem(charity_id, credit, sender=charity)
    assert give.balanceOf(charity) == 0


def test_an_expired_charity_redeems(give, charity, charity_id, credit):
    boa.env.time_travel(seconds=10_000 * DAY)
    give.redeem(charity_id, credit, sender=charity)
    assert give.balanceOf(charity) == 0


def test_a_revoked_charity_redeems(give, registry, timelock, charity, charity_id, credit):
    registry.revoke(charity_id, b"\1" * 32, sender=timelock)
    give.redeem(charity_id, credit, sender=charity)
    assert give.balanceOf(charity) == 0


def test_former_and_new_payee_redeem(give, registry, charity, charity_id, credit):
    successor = roles.address("successor")
    with boa.reverts("give: not a charity's payee"):
        give.redeem(charity_id, 1, sender=successor)
    registry.propose_payee(charity_id, successor, sender=charity)
    boa.env.time_travel(seconds=2 * DAY)
    registry.accept_payee(charity_id, sender=successor)

    give.transfer(successor, 400, sender=charity)
    give.redeem(charity_id, 400, sender=successor)
    assert logged(give)[1][2]["charity_id"] == charity_id
    # a former payee may name any charity, and none is logged
    give.redeem(charity_id, 300, sender=charity)
    assert logged(give)[1][2]["charity_id"] == 0
    give.redeem(0, credit - 700, sender=charity)
    assert logged(give)[1][2]["charity_id"] == 0
    assert give.totalSupply() == 0, "GVE-2"


def test_while_backing_is_missing_redeeming_goes_on_with_what_is_left(
    odd, odd_give, payer, charity, charity_id
):
    odd_give.issue(10, charity, sender=payer)
    odd.seize(odd_give, 4)
    odd_give.redeem(charity_id, 6, sender=charity)
    assert odd.balanceOf(charity) == 6
    with boa.reverts():
        odd_give.redeem(charity_id, 1, sender=charity)
    assert odd_give.surplus(odd) == 0


@pytest.mark.parametrize("entry_point", ["issue", "redeem", "sweep", "surplus"])
def test_the_backing_cannot_come_back_in_while_paying_out(
    odd_give, odd, charity, charity_id, come_back, entry_point
):
    come_back(entry_point)
    with boa.reverts():
        odd_give.redeem(charity_id, 10, sender=charity)
    with boa.reverts():
        odd_give.sweep(odd)
    assert odd_give.totalSupply() == 20


# --- sweep ----------------------------------------------------------------------------------------


def test_sweep_of_the_backing_alone_reverts(give, stablecoin, credit):
    assert give.totalSupply() == credit
    with boa.reverts("give: nothing to sweep"):
        give.sweep(stablecoin)


def test_no_sweep_through_a_second_door_to_the_backing(registry, reserve, payer):
    money = deployers.STRANGE_TOKEN.deploy(6, 0)
    give = deployers.DONA_GIVE.deploy(money, registry, reserve)
    money.mint(payer, 60)
    money.approve(give, 60, sender=payer)
    give.issue(60, sender=payer)
    door = deployers.TWO_DOORS.deploy(money)
    with boa.reverts("give: sweep would touch the backing"):
        give.sweep(door)
    assert money.balanceOf(give) == give.totalSupply() == 60, "GVE-1"


def test_sweep_of_nothing_reverts(give):
    other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 18)
    for asset in (other.address, COIN, give.address):
        with boa.reverts("give: nothing to sweep"):
            give.sweep(asset)


def test_sweep_takes_what_is_beyond_the_backing(
    give, stablecoin, reserve, stranger, credit, accounts
):
    stablecoin.mint(give, 7)
    assert give.surplus(stablecoin) == 7
    with moves([stablecoin, give], accounts) as moved:
        give.sweep(stablecoin, sender=stranger)
    assert logged(give) == [
        entry(give, "Swept", asset=stablecoin, amount=7),
        entry(stablecoin, "Transfer", sender=give, receiver=reserve, value=7),
    ]
    assert moved == change((stablecoin, give, -7), (stablecoin, reserve, 7))
    assert stablecoin.balanceOf(give) == give.totalSupply() == credit, "GVE-1"


def test_sweep_takes_all_of_another_token(give, reserve, stranger, credit, accounts):
    other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 18)
    other.mint(give, credit - 1)
    assert give.surplus(other) == credit - 1
    with moves([other, give], accounts) as moved:
        give.sweep(other, sender=stranger)
    assert moved == change((other, give, 1 - credit), (other, reserve, credit - 1))


def test_sweep_takes_coin_that_was_forced_in(give, reserve, stranger, credit, accounts):
    boa.env.set_balance(give.address, 5)
    assert give.surplus(COIN) == 5
    with moves([COIN, give], accounts) as moved:
        give.sweep(COIN, sender=stranger)
    assert logged(give) == [
        entry(give, "Swept", asset=ZERO, amount=5),
        entry(reserve, "Received", sender=give, amount=5),
    ]
    assert moved == change((COIN, give, -5), (COIN, reserve, 5))
    assert give.totalSupply() == credit


def test_sweep_of_a_token_that_answers_false_reverts(give, odd):
    odd.mint(give, 5)
    odd.set_is_refusing(True)
    with boa.reverts("transfers: token refused"):
        give.sweep(odd)


def test_sweep_of_coin_that_the_reserve_refuses_reverts(stablecoin, registry):
    give = deployers.DONA_GIVE.deploy(stablecoin, registry, stablecoin)
    boa.env.set_balance(give.address, 5)
    with boa.reverts("transfers: receiver refused"):
        give.sweep(COIN)
    assert balance(COIN, give) == 5


def test_coin_sent_with_a_call_is_refused(give, payer):
    for name, arguments in (("issue", (1,)), ("sweep", (COIN,)), ("redeem", (1, 1))):
        data = getattr(give, name).prepare_calldata(*arguments)
        assert send(give, 1, sender=payer, data=data) == ""
