"""CharityRegistry: who is verified, for how long, and to which address each one is paid."""

from __future__ import annotations

from contextlib import contextmanager

import boa
import pytest

from tests.contracts import deployers, roles
from tests.contracts.conftest import DAY
from tests.contracts.logs import entry, event_signatures, function_names, logged
from tests.contracts.protocol import BURNING, MEGABYTE, place, set_code, set_storage

ZERO = "0x" + "00" * 20
LEGAL_ID = roles.keccak(text="GB:CHC:1234567")
METADATA = roles.keccak(text="metadata")
EVIDENCE = roles.keccak(text="evidence")
REASON = roles.keccak(text="reason")
NOTHING = b"\0" * 32
URI = "ipfs://description"
SDGS = 0b1000000000000101
YEAR = 365 * DAY
UNKNOWN, REVOKED, SUSPENDED, VERIFIED, EXPIRED = range(5)

# every test begins with the one verified charity; `fresh` is a registry without
pytestmark = pytest.mark.usefixtures("charity_id")


@pytest.fixture(scope="module")
def ours():
    """An address of ours that is refused as a payee from the start."""
    return place("one of our contracts")


@pytest.fixture(scope="module")
def registry(timelock, registrar, guardian, ours):
    return deployers.CHARITY_REGISTRY.deploy(timelock, registrar, guardian, 2 * DAY, [ours])


@pytest.fixture
def fresh(timelock, registrar, guardian, ours):
    """A registry without any charity."""
    return deployers.CHARITY_REGISTRY.deploy(timelock, registrar, guardian, 2 * DAY, [ours])


@pytest.fixture(scope="module")
def successor():
    return roles.address("successor")


@pytest.fixture(scope="module")
def people(charity, guardian, registrar, stranger, successor, timelock):
    """Accounts by the name of their fixture."""
    return {
        "charity": charity,
        "guardian": guardian,
        "registrar": registrar,
        "stranger": stranger,
        "successor": successor,
        "timelock": timelock,
    }


@pytest.fixture(scope="module")
def delay(registry):
    return registry.PAYEE_DELAY()


@pytest.fixture(scope="module")
def suspension(registry):
    return registry.SUSPENSION()


@pytest.fixture(scope="module")
def window(registry):
    return registry.PAYEE_WINDOW()


@pytest.fixture(scope="module")
def expiry(now):
    return now + YEAR


@pytest.fixture(scope="module")
def charity_id(registry, registrar, charity, expiry):
    """A charity verified for a year."""
    return registry.verify(
        charity, LEGAL_ID, SDGS, METADATA, URI, expiry, EVIDENCE, sender=registrar
    )


@pytest.fixture
def other(registry, registrar, stranger, expiry):
    """verify(legal_id) -> a charity of the stranger's."""

    def other(legal_id=LEGAL_ID, until=expiry):
        return registry.verify(
            stranger, legal_id, 1, METADATA, URI, until, EVIDENCE, sender=registrar
        )

    return other


def everything(registry, charity_id=1):
    """What a failed call must leave as it was."""
    return (
        registry.charity_count(),
        tuple(registry.charity(charity_id)),
        registry.pending_payee(charity_id),
        registry.verified_by_legal_id(LEGAL_ID),
        registry.registrar(),
        registry.guardian(),
        registry._storage._standing.get(),
        registry._storage._holder.get(),
        registry._storage.applied_at.get(),
        registry._storage.was_payee.get(),
        registry._storage.is_refused.get(),
    )


@pytest.fixture
def refuses(registry):
    """with refuses(reason): the call reverts so, and nothing has changed."""

    @contextmanager
    def refuses(reason):
        before = everything(registry)
        with boa.reverts(reason):
            yield
        assert everything(registry) == before

    return refuses


# --- constructor ----------------------------------------------------------------------------------


def test_a_zero_timelock_is_refused(registrar, guardian):
    with boa.reverts("registry: zero timelock"):
        deployers.CHARITY_REGISTRY.deploy(ZERO, registrar, guardian, 2 * DAY, [])


def test_a_zero_registrar_is_refused(timelock, guardian):
    with boa.reverts("registry: zero registrar"):
        deployers.CHARITY_REGISTRY.deploy(timelock, ZERO, guardian, 2 * DAY, [])


def test_a_zero_guardian_is_refused(timelock, registrar):
    with boa.reverts("registry: zero guardian"):
        deployers.CHARITY_REGISTRY.deploy(timelock, registrar, ZERO, 2 * DAY, [])


@pytest.mark.parametrize("payee_delay", [0, 3_599])
def test_a_payee_delay_under_an_hour_is_refused(timelock, registrar, guardian, payee_delay):
    with boa.reverts("registry: payee delay too short"):
        deployers.CHARITY_REGISTRY.deploy(timelock, registrar, guardian, payee_delay, [])


@pytest.mark.parametrize("payee_delay", [30 * DAY + 1, 2**256 - 1])
def test_a_payee_delay_over_30_days_is_refused(timelock, registrar, guardian, payee_delay):
    with boa.reverts("registry: payee delay too long"):
        deployers.CHARITY_REGISTRY.deploy(timelock, registrar, guardian, payee_delay, [])


def test_a_zero_refused_account_is_refused(timelock, registrar, guardian):
    with boa.reverts("registry: zero account"):
        deployers.CHARITY_REGISTRY.deploy(timelock, registrar, guardian, 2 * DAY, [ZERO])


def test_the_same_account_cannot_be_refused_twice(timelock, registrar, guardian, ours):
    with boa.reverts("registry: already refused"):
        deployers.CHARITY_REGISTRY.deploy(timelock, registrar, guardian, 2 * DAY, [ours, ours])


@pytest.mark.parametrize("payee_delay", [3_600, 30 * DAY])
def test_the_constructor_fixes_everything(timelock, registrar, guardian, ours, payee_delay):
    registry = deployers.CHARITY_REGISTRY.deploy(timelock, registrar, guardian, payee_delay, [ours])
    assert logged(registry) == [
        entry(registry, "RegistrarChanged", registrar=registrar),
        entry(registry, "GuardianChanged", guardian=guardian),
        entry(registry, "AddressRefused", account=ours),
    ]
    assert registry.TIMELOCK() == timelock
    assert registry.PAYEE_DELAY() == payee_delay
    assert (registry.registrar(), registry.guardian()) == (registrar, guardian)
    assert registry.is_refused(ours)
    assert registry.charity_count() == 0


def test_the_limits_are_those_of_the_design(registry):
    assert registry.SUSPENSION() == 30 * DAY
    assert registry.MAX_TERM() == 1_096 * DAY
    assert (registry.MIN_PAYEE_DELAY(), registry.MAX_PAYEE_DELAY()) == (3_600, 30 * DAY)
    assert registry.PAYEE_WINDOW() == 30 * DAY
    assert registry.MAX_CHARITIES() == 2**18 - 1
    assert [
        registry.UNKNOWN(),
        registry.REVOKED(),
        registry.SUSPENDED(),
        registry.VERIFIED(),
        registry.EXPIRED(),
    ] == [UNKNOWN, REVOKED, SUSPENDED, VERIFIED, EXPIRED]


def test_no_other_function_exists(registry):
    changing = {
        item["name"]
        for item in registry.abi
        if item["type"] == "function" and item["stateMutability"] != "view"
    }
    assert changing == {
        "apply",
        "set_metadata",
        "propose_payee",
        "accept_payee",
        "cancel_payee",
        "retire",
        "verify",
        "renew",
        "suspend",
        "reinstate",
        "set_sdgs",
        "revoke",
        "set_registrar",
        "set_guardian",
        "refuse",
    }
    assert "payee_for_gift" in function_names(registry)


def test_events_are_what_readers_expect(registry):
    assert event_signatures(registry) == {
        "Applied": "*bytes32 application_id, *address payee, *bytes32 legal_id, uint256 sdgs, "
        "bytes32 metadata_hash, string uri",
        "Verified": "*uint256 charity_id, *address payee, *bytes32 legal_id, "
        "bytes32 application_id, uint256 applied_at, uint256 sdgs, bytes32 metadata_hash, "
        "string uri, uint256 expiry, bytes32 evidence",
        "Renewed": "*uint256 charity_id, uint256 expiry, bytes32 evidence",
        "Suspended": "*uint256 charity_id, uint256 suspended_until, bytes32 reason",
        "Reinstated": "*uint256 charity_id",
        "Revoked": "*uint256 charity_id, *address revoked_by, bytes32 reason",
        "MetadataChanged": "*uint256 charity_id, bytes32 metadata_hash, string uri",
        "SdgsChanged": "*uint256 charity_id, uint256 sdgs",
        "PayeeProposed": "*uint256 charity_id, *address payee, *address new_payee, "
        "uint256 ready_at",
        "PayeeCancelled": "*uint256 charity_id, *address new_payee, *address cancelled_by",
        "PayeeChanged": "*uint256 charity_id, *address old_payee, *address new_payee",
        "RegistrarChanged": "*address registrar",
        "GuardianChanged": "*address guardian",
        "AddressRefused": "*address account",
    }


# --- permissions: everybody but the one is refused ------------------------------------------------

OF_THE_REGISTRAR = {
    "verify": (place("payee"), LEGAL_ID, 1, METADATA, URI, 2**36, EVIDENCE),
    "renew": (1, 2**36, EVIDENCE),
    "suspend": (1, REASON),
    "reinstate": (1,),
    "set_sdgs": (1, 1),
}
OF_THE_TIMELOCK = {
    "revoke": (1, REASON),
    "set_registrar": (place("another"),),
    "set_guardian": (place("another"),),
    "refuse": ([place("another")],),
}
OF_THE_PAYEE = {
    "set_metadata": (1, EVIDENCE, URI),
    "propose_payee": (1, place("another")),
    "retire": (1, REASON),
}


@pytest.mark.parametrize("function", OF_THE_REGISTRAR)
@pytest.mark.parametrize("caller", ["charity", "guardian", "timelock", "stranger"])
def test_only_the_registrar_may(registry, refuses, people, function, caller):
    with refuses("registry: not the registrar"):
        getattr(registry, function)(*OF_THE_REGISTRAR[function], sender=people[caller])


@pytest.mark.parametrize("function", OF_THE_TIMELOCK)
@pytest.mark.parametrize("caller", ["charity", "guardian", "registrar", "stranger"])
def test_only_the_timelock_may(registry, refuses, people, function, caller):
    with refuses("registry: not the timelock"):
        getattr(registry, function)(*OF_THE_TIMELOCK[function], sender=people[caller])


@pytest.mark.parametrize("function", OF_THE_PAYEE)
@pytest.mark.parametrize("caller", ["registrar", "guardian", "timelock", "stranger"])
def test_only_the_payee_may(registry, refuses, people, function, caller):
    with refuses("registry: not the payee"):
        getattr(registry, function)(*OF_THE_PAYEE[function], sender=people[caller])


@pytest.mark.parametrize("function", OF_THE_PAYEE)
def test_nobody_is_the_payee_of_an_unknown_charity(registry, refuses, charity, function):
    with refuses("registry: not the payee"):
        getattr(registry, function)(2, *OF_THE_PAYEE[function][1:], sender=charity)


# --- applications ---------------------------------------------------------------------------------


def test_an_application_is_logged_and_reserves_nothing(fresh, charity, stranger, now):
    application_id = fresh.apply(LEGAL_ID, SDGS, METADATA, URI, sender=charity)
    assert logged(fresh) == [
        entry(
            fresh,
            "Applied",
            application_id=application_id,
            payee=charity,
            legal_id=LEGAL_ID,
            sdgs=SDGS,
            metadata_hash=METADATA,
            uri=URI,
        )
    ]
    assert application_id == fresh.application_id(charity, LEGAL_ID, SDGS, METADATA)
    assert fresh.applied_at(application_id) == now
    assert fresh.charity_count() == 0
    assert fresh.verified_by_legal_id(LEGAL_ID) == 0
    assert fresh.apply(LEGAL_ID, SDGS, METADATA, URI, sender=stranger) != application_id


def test_an_application_is_made_once(registry, charity, refuses):
    registry.apply(LEGAL_ID, SDGS, METADATA, URI, sender=charity)
    with refuses("registry: already applied"):
        registry.apply(LEGAL_ID, SDGS, METADATA, "ipfs://elsewhere", sender=charity)
    registry.apply(LEGAL_ID, SDGS, EVIDENCE, URI, sender=charity)


def test_an_applicant_is_no_payee(fresh, charity, successor):
    """Attack 4: else anybody could redeem GIVE."""
    fresh.apply(LEGAL_ID, SDGS, METADATA, URI, sender=charity)
    assert not fresh.may_redeem(charity, 0)
    assert not fresh.may_redeem(charity, 1)
    for charity_id in (0, 1):
        with boa.reverts("registry: not the payee"):
            fresh.propose_payee(charity_id, successor, sender=charity)


@pytest.mark.parametrize(
    ("legal_id", "sdgs", "reason"),
    [
        (NOTHING, 1, "registry: zero legal id"),
        (LEGAL_ID, 0, "registry: sdgs must be 1 to 17"),
        (LEGAL_ID, 2**17, "registry: sdgs must be 1 to 17"),
        (LEGAL_ID, 2**256 - 1, "registry: sdgs must be 1 to 17"),
    ],
)
def test_a_bad_profile_is_refused(
    registry, registrar, charity, expiry, refuses, legal_id, sdgs, reason
):
    with refuses(reason):
        registry.apply(legal_id, sdgs, METADATA, URI, sender=charity)
    with refuses(reason):
        registry.verify(charity, legal_id, sdgs, METADATA, URI, expiry, EVIDENCE, sender=registrar)


@pytest.mark.parametrize("sdgs", [1, 2**16, 2**17 - 1])
def test_any_of_the_17_goals_is_taken(registry, charity, sdgs):
    registry.apply(LEGAL_ID, sdgs, METADATA, URI, sender=charity)


# --- who may be a payee: asked by apply, verify, propose and accept -------------------------------


@pytest.fixture
def refused_everywhere(registry, charity_id, charity, registrar, expiry, refuses):
    """All four doors refuse this payee."""

    def refused_everywhere(payee, reason):
        with refuses(reason):
            registry.apply(EVIDENCE, 1, METADATA, URI, sender=payee)
        with refuses(reason):
            registry.verify(payee, EVIDENCE, 1, METADATA, URI, expiry, EVIDENCE, sender=registrar)
        with refuses(reason):
            registry.propose_payee(charity_id, payee, sender=charity)

    return refused_everywhere


def test_a_zero_payee_is_refused(refused_everywhere):
    refused_everywhere(ZERO, "registry: zero payee")


def test_the_registry_itself_is_refused(registry, refused_everywhere):
    refused_everywhere(registry.address, "registry: payee is one of our contracts")


def test_one_of_our_contracts_is_refused(ours, refused_everywhere):
    refused_everywhere(ours, "registry: payee is one of our contracts")


def test_a_token_is_refused(refused_everywhere, stablecoin):
    refused_everywhere(stablecoin.address, "registry: payee is a token")


def test_a_token_is_told_by_an_answer_of_a_word_or_more(refused_everywhere):
    """PUSH1 32 PUSH0 RETURN, and the same with 64."""
    for size in ("20", "40"):
        payee = set_code(f"answers {size}", bytes.fromhex(f"60{size}5ff3"))
        refused_everywhere(payee, "registry: payee is a token")


@pytest.mark.parametrize(
    "code",
    [
        bytes.fromhex("5f5ffd"),  # refuses
        bytes.fromhex("00"),  # answers nothing
        bytes.fromhex("601f5ff3"),  # answers 31 bytes
        BURNING,
        MEGABYTE,  # more than its 50,000 gas pay for
    ],
)
def test_a_wallet_contract_is_taken(registry, registrar, expiry, code):
    payee = set_code("wallet", code)
    registry.apply(EVIDENCE, 1, METADATA, URI, sender=payee)
    registry.verify(payee, EVIDENCE, 1, METADATA, URI, expiry, EVIDENCE, sender=registrar)
    assert registry.payee(2) == payee


def test_the_probe_cannot_burn_more_than_its_gas(registry, charity_id, charity):
    payee = set_code("wallet", BURNING)
    registry.propose_payee(charity_id, payee, sender=charity, gas=150_000)


def test_a_payee_that_became_a_token_in_the_meantime_cannot_accept(
    registry, charity_id, charity, successor, delay, refuses
):
    registry.propose_payee(charity_id, successor, sender=charity)
    boa.env.time_travel(seconds=delay)
    boa.env.set_code(successor, bytes.fromhex("60205ff3"))
    with refuses("registry: payee is a token"):
        registry.accept_payee(charity_id, sender=successor)


def test_a_payee_that_was_refused_in_the_meantime_cannot_accept(
    registry, charity_id, charity, successor, timelock, delay, refuses
):
    registry.propose_payee(charity_id, successor, sender=charity)
    registry.refuse([successor], sender=timelock)
    boa.env.time_travel(seconds=delay)
    with refuses("registry: payee is one of our contracts"):
        registry.accept_payee(charity_id, sender=successor)


# --- verification ---------------------------------------------------------------------------------


def test_a_verified_charity_has_a_number_and_is_paid(
    fresh, registrar, charity, stranger, expiry, now
):
    application_id = fresh.apply(LEGAL_ID, SDGS, METADATA, URI, sender=charity)
    boa.env.time_travel(seconds=DAY)
    charity_id = fresh.verify(
        charity, LEGAL_ID, SDGS, METADATA, URI, expiry, EVIDENCE, sender=registrar
    )
    assert logged(fresh) == [
        entry(
            fresh,
            "Verified",
            charity_id=1,
            payee=charity,
            legal_id=LEGAL_ID,
            application_id=application_id,
            applied_at=now,
            sdgs=SDGS,
            metadata_hash=METADATA,
            uri=URI,
            expiry=expiry,
            evidence=EVIDENCE,
        )
    ]
    assert charity_id == fresh.charity_count() == 1
    assert tuple(fresh.charity(1)) == (charity, VERIFIED, SDGS, expiry, 0, LEGAL_ID, METADATA)
    assert fresh.payee_for_gift(1) == fresh.payee(1) == charity
    assert fresh.status(1) == VERIFIED
    assert fresh.is_verified(1)
    assert not fresh.is_revoked(1)
    assert fresh.have_standing([1])
    assert fresh.verified_by_legal_id(LEGAL_ID) == 1
    assert fresh.legal_id(1) == LEGAL_ID
    assert fresh.metadata_hash(1) == METADATA
    assert fresh.may_redeem(charity, 1)
    assert not fresh.may_redeem(stranger, 1)
    assert not fresh.was_payee(charity)
    # used up: the same words are a new application
    assert fresh.applied_at(application_id) == 0


def test_what_was_not_applied_for_is_told_by_a_zero(fresh, registrar, charity, expiry):
    """Attack 10: an applicant who changes a word after the review is not what gets verified."""
    fresh.apply(LEGAL_ID, SDGS, EVIDENCE, URI, sender=charity)
    fresh.verify(charity, LEGAL_ID, SDGS, METADATA, URI, expiry, EVIDENCE, sender=registrar)
    ((_, _, fields),) = logged(fresh)
    assert fields["applied_at"] == 0
    assert fields["application_id"] == fresh.application_id(charity, LEGAL_ID, SDGS, METADATA)
    assert fresh.metadata_hash(1) == METADATA


@pytest.mark.parametrize("before", [0, 1, YEAR])
def test_an_expiry_in_the_past_is_refused(
    registry, charity_id, registrar, stranger, now, refuses, before
):
    with refuses("registry: expiry is past"):
        registry.verify(
            stranger, EVIDENCE, 1, METADATA, URI, now - before, EVIDENCE, sender=registrar
        )
    with refuses("registry: expiry is past"):
        registry.renew(charity_id, now - before, EVIDENCE, sender=registrar)


@pytest.mark.parametrize("beyond", [1, 2**37, 2**255])
def test_an_expiry_too_far_off_is_refused(
    registry, charity_id, registrar, stranger, now, refuses, beyond
):
    expiry = now + registry.MAX_TERM() + beyond
    with refuses("registry: expiry too far off"):
        registry.verify(stranger, EVIDENCE, 1, METADATA, URI, expiry, EVIDENCE, sender=registrar)
    with refuses("registry: expiry too far off"):
        registry.renew(charity_id, expiry, EVIDENCE, sender=registrar)


def test_a_term_may_be_a_second_or_three_years(fresh, registrar, stranger, now):
    for number, term in enumerate([1, fresh.MAX_TERM()], 1):
        legal_id = roles.keccak(text=str(number))
        fresh.verify(stranger, legal_id, 1, METADATA, URI, now + term, EVIDENCE, sender=registrar)
        assert fresh.charity(number).expiry == now + term


def test_a_legal_id_already_verified_is_refused(other, refuses):
    with refuses("registry: legal id already verified"):
        other()


def test_a_suspended_charity_keeps_its_legal_id(registry, charity_id, registrar, other, refuses):
    registry.suspend(charity_id, REASON, sender=registrar)
    assert registry.verified_by_legal_id(LEGAL_ID) == charity_id
    with refuses("registry: legal id already verified"):
        other()


@pytest.mark.parametrize("from_expiry", [-1, 0])
def test_an_expired_charity_frees_its_legal_id_to_the_second(registry, other, expiry, from_expiry):
    boa.env.timestamp = expiry + from_expiry
    if from_expiry < 0:
        with boa.reverts("registry: legal id already verified"):
            other(until=expiry + YEAR)
        assert registry.verified_by_legal_id(LEGAL_ID) == 1
    else:
        assert registry.verified_by_legal_id(LEGAL_ID) == 0
        assert other(until=expiry + YEAR) == 2
        assert registry.verified_by_legal_id(LEGAL_ID) == 2


def test_a_revoked_charity_frees_its_legal_id(registry, charity_id, timelock, other):
    registry.revoke(charity_id, REASON, sender=timelock)
    assert registry.verified_by_legal_id(LEGAL_ID) == 0
    assert other() == 2
    assert registry.verified_by_legal_id(LEGAL_ID) == 2


def test_one_account_may_be_paid_for_two_charities(registry, other, charity, registrar):
    other(EVIDENCE)
    registry.verify(
        charity, METADATA, 1, METADATA, URI, boa.env.timestamp + 1, EVIDENCE, sender=registrar
    )
    assert registry.payee(3) == registry.payee(1) == charity


def test_the_last_number_is_2_to_the_18_less_1(registry, other, refuses):
    limit = registry.MAX_CHARITIES()
    set_storage(registry, "charity_count", limit - 1)
    assert other(EVIDENCE) == limit
    with refuses("registry: full"):
        other(METADATA)


# --- terms ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("later", [1, 2])
def test_the_last_second_of_a_term_counts_whether_even_or_odd(registry, other, now, later):
    """Status and expiry are compared as one number."""
    ending = other(b"\7" * 32, until=now + later)
    boa.env.timestamp = now + later - 1
    assert registry.payee_for_gift(ending) == registry.payee(ending)


@pytest.mark.parametrize(("from_expiry", "status"), [(-1, VERIFIED), (0, EXPIRED), (1, EXPIRED)])
def test_a_charity_expires_to_the_second(
    registry, charity_id, expiry, charity, from_expiry, status
):
    boa.env.timestamp = expiry + from_expiry
    assert registry.status(charity_id) == status
    assert registry.is_verified(charity_id) == (status == VERIFIED)
    if status == EXPIRED:
        with boa.reverts("registry: charity is expired"):
            registry.payee_for_gift(charity_id)
    else:
        assert registry.payee_for_gift(charity_id) == charity
    # the claims' door, and the funds', stay open
    assert registry.payee(charity_id) == charity
    assert registry.may_redeem(charity, charity_id)
    assert registry.have_standing([charity_id])


def test_a_term_is_renewed(registry, charity_id, registrar, expiry, charity):
    registry.renew(charity_id, expiry + 1, EVIDENCE, sender=registrar)
    assert logged(registry) == [
        entry(registry, "Renewed", charity_id=charity_id, expiry=expiry + 1, evidence=EVIDENCE)
    ]
    assert tuple(registry.charity(charity_id)) == (
        charity,
        VERIFIED,
        SDGS,
        expiry + 1,
        0,
        LEGAL_ID,
        METADATA,
    )
    boa.env.timestamp = expiry
    assert registry.payee_for_gift(charity_id) == charity


def test_an_expired_charity_is_renewed(registry, charity_id, registrar, expiry, charity):
    boa.env.timestamp = expiry + 99
    registry.renew(charity_id, expiry + 100, EVIDENCE, sender=registrar)
    assert registry.payee_for_gift(charity_id) == charity
    assert registry.verified_by_legal_id(LEGAL_ID) == charity_id


@pytest.mark.parametrize("shorter_by", [0, 1, 100 * DAY])
def test_a_renewal_never_shortens(registry, charity_id, registrar, expiry, refuses, shorter_by):
    """Attack 22: it would be a suspension without its limits."""
    with refuses("registry: a renewal must extend the term"):
        registry.renew(charity_id, expiry - shorter_by, EVIDENCE, sender=registrar)


def test_only_a_verified_charity_is_renewed(
    registry, charity_id, registrar, timelock, expiry, refuses
):
    reason = "registry: charity is not verified"
    with refuses(reason):
        registry.renew(2, expiry, EVIDENCE, sender=registrar)
    registry.suspend(charity_id, REASON, sender=registrar)
    with refuses(reason):
        registry.renew(charity_id, expiry + 1, EVIDENCE, sender=registrar)
    registry.revoke(charity_id, REASON, sender=timelock)
    with refuses(reason):
        registry.renew(charity_id, expiry + 1, EVIDENCE, sender=registrar)


def test_no_renewal_while_another_holds_the_legal_id(
    registry, charity_id, registrar, timelock, other, expiry, refuses
):
    """REG-1: at most one live charity for a legal id."""
    boa.env.timestamp = expiry
    successor_id = other(until=expiry + YEAR)
    with refuses("registry: legal id already verified"):
        registry.renew(charity_id, expiry + YEAR, EVIDENCE, sender=registrar)
    registry.revoke(successor_id, REASON, sender=timelock)
    registry.renew(charity_id, expiry + YEAR, EVIDENCE, sender=registrar)
    assert registry.verified_by_legal_id(LEGAL_ID) == charity_id


def test_the_legal_id_changes_hands_between_two_that_expire(
    registry, charity_id, registrar, other, expiry, refuses
):
    boa.env.timestamp = expiry
    second = other(until=expiry + DAY)
    boa.env.timestamp = expiry + DAY
    registry.renew(charity_id, expiry + 3 * DAY, EVIDENCE, sender=registrar)
    assert registry.verified_by_legal_id(LEGAL_ID) == charity_id
    with refuses("registry: legal id already verified"):
        registry.renew(second, expiry + 9 * DAY, EVIDENCE, sender=registrar)


def test_revoking_one_that_lost_its_legal_id_does_not_free_it(
    registry, charity_id, timelock, other, expiry
):
    boa.env.timestamp = expiry
    second = other(until=expiry + DAY)
    registry.revoke(charity_id, REASON, sender=timelock)
    assert registry.verified_by_legal_id(LEGAL_ID) == second


# --- suspension -----------------------------------------------------------------------------------


def test_a_suspension_stops_gifts_and_nothing_else(
    registry, charity_id, registrar, charity, suspension, expiry, now
):
    registry.suspend(charity_id, REASON, sender=registrar)
    assert logged(registry) == [
        entry(
            registry,
            "Suspended",
            charity_id=charity_id,
            suspended_until=now + suspension,
            reason=REASON,
        )
    ]
    assert tuple(registry.charity(charity_id)) == (
        charity,
        SUSPENDED,
        SDGS,
        expiry,
        now + suspension,
        LEGAL_ID,
        METADATA,
    )
    with boa.reverts("registry: charity is suspended"):
        registry.payee_for_gift(charity_id)
    assert not registry.is_verified(charity_id)
    assert not registry.is_revoked(charity_id)
    assert registry.payee(charity_id) == charity
    assert registry.may_redeem(charity, charity_id)
    assert registry.have_standing([charity_id])


@pytest.mark.parametrize(("from_end", "status"), [(-1, SUSPENDED), (0, VERIFIED), (1, VERIFIED)])
def test_a_suspension_lapses_to_the_second(
    registry, charity_id, registrar, charity, suspension, now, from_end, status
):
    registry.suspend(charity_id, REASON, sender=registrar)
    boa.env.timestamp = now + suspension + from_end
    assert registry.status(charity_id) == status
    if status == VERIFIED:
        assert registry.payee_for_gift(charity_id) == charity
    else:
        with boa.reverts("registry: charity is suspended"):
            registry.payee_for_gift(charity_id)


def test_a_suspension_that_outlasts_the_term_ends_in_expiry(
    registry, charity_id, registrar, expiry, suspension
):
    boa.env.timestamp = expiry - 1
    registry.suspend(charity_id, REASON, sender=registrar)
    boa.env.timestamp = expiry
    assert registry.status(charity_id) == SUSPENDED
    assert registry.verified_by_legal_id(LEGAL_ID) == 0
    boa.env.timestamp = expiry - 1 + suspension
    assert registry.status(charity_id) == EXPIRED
    with boa.reverts("registry: charity is expired"):
        registry.payee_for_gift(charity_id)


def test_an_expired_charity_may_be_suspended(
    registry, charity_id, registrar, expiry, charity, refuses
):
    boa.env.timestamp = expiry
    registry.suspend(charity_id, REASON, sender=registrar)
    with refuses("registry: charity is suspended"):
        registry.propose_payee(charity_id, place("another"), sender=charity)


@pytest.mark.parametrize("from_end", [-1, 0, 1])
def test_the_next_suspension_waits_for_30_days(
    registry, charity_id, registrar, suspension, now, refuses, from_end
):
    registry.suspend(charity_id, REASON, sender=registrar)
    boa.env.timestamp = now + 2 * suspension + from_end
    if from_end < 0:
        with refuses("registry: suspended too recently"):
            registry.suspend(charity_id, REASON, sender=registrar)
    else:
        registry.suspend(charity_id, REASON, sender=registrar)
        assert registry.status(charity_id) == SUSPENDED


def test_neither_reinstating_nor_another_registrar_shortens_the_wait(
    registry, charity_id, registrar, timelock, stranger, suspension, now, refuses
):
    """Attack 22 d."""
    registry.suspend(charity_id, REASON, sender=registrar)
    boa.env.time_travel(seconds=10)
    registry.reinstate(charity_id, sender=registrar)
    registry.set_registrar(stranger, sender=timelock)
    boa.env.timestamp = now + 10 + suspension - 1
    with refuses("registry: suspended too recently"):
        registry.suspend(charity_id, REASON, sender=stranger)
    boa.env.timestamp = now + 10 + suspension
    registry.suspend(charity_id, REASON, sender=stranger)


def test_a_suspended_charity_is_not_suspended_again(
    registry, charity_id, registrar, timelock, refuses
):
    reason = "registry: charity is not verified"
    with refuses(reason):
        registry.suspend(2, REASON, sender=registrar)
    registry.suspend(charity_id, REASON, sender=registrar)
    with refuses(reason):
        registry.suspend(charity_id, REASON, sender=registrar)
    registry.revoke(charity_id, REASON, sender=timelock)
    with refuses(reason):
        registry.suspend(charity_id, REASON, sender=registrar)


def test_a_charity_is_reinstated(registry, charity_id, registrar, charity, now):
    registry.suspend(charity_id, REASON, sender=registrar)
    boa.env.time_travel(seconds=10)
    registry.reinstate(charity_id, sender=registrar)
    assert logged(registry) == [entry(registry, "Reinstated", charity_id=charity_id)]
    assert registry.payee_for_gift(charity_id) == charity
    assert registry.charity(charity_id).suspended_until == now + 10


def test_only_a_suspended_charity_is_reinstated(
    registry, charity_id, registrar, suspension, timelock, refuses
):
    reason = "registry: charity is not suspended"
    for number in (charity_id, 2):
        with refuses(reason):
            registry.reinstate(number, sender=registrar)
    registry.suspend(charity_id, REASON, sender=registrar)
    boa.env.time_travel(seconds=suspension)
    with refuses(reason):
        registry.reinstate(charity_id, sender=registrar)
    registry.revoke(charity_id, REASON, sender=timelock)
    with refuses(reason):
        registry.reinstate(charity_id, sender=registrar)


# --- the end --------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["verified", "suspended", "lapsed", "expired"])
@pytest.mark.parametrize("way", ["revoke", "retire"])
def test_a_charity_ends_from_any_state_and_claims_stay_open(
    registry, charity_id, registrar, timelock, charity, expiry, suspension, state, way
):
    """REG-3: `payee` and `may_redeem` answer as before."""
    if state in ("suspended", "lapsed"):
        registry.suspend(charity_id, REASON, sender=registrar)
    if state == "lapsed":
        boa.env.time_travel(seconds=suspension)
    if state == "expired":
        boa.env.timestamp = expiry
    suspended_until = registry.charity(charity_id).suspended_until
    caller = timelock if way == "revoke" else charity
    getattr(registry, way)(charity_id, REASON, sender=caller)
    assert logged(registry) == [
        entry(registry, "Revoked", charity_id=charity_id, revoked_by=caller, reason=REASON)
    ]
    assert tuple(registry.charity(charity_id)) == (
        charity,
        REVOKED,
        SDGS,
        expiry,
        suspended_until,
        LEGAL_ID,
        METADATA,
    )
    with boa.reverts("registry: charity is revoked"):
        registry.payee_for_gift(charity_id)
    with boa.reverts("registry: charity is revoked"):
        registry.have_standing([charity_id])
    assert registry.is_revoked(charity_id)
    assert not registry.is_verified(charity_id)
    assert registry.verified_by_legal_id(LEGAL_ID) == 0
    assert registry.payee(charity_id) == charity
    assert registry.may_redeem(charity, charity_id)


@pytest.mark.parametrize("way", ["revoke", "retire"])
def test_a_charity_ends_once(registry, charity_id, timelock, charity, refuses, way):
    registry.revoke(charity_id, REASON, sender=timelock)
    with refuses("registry: charity is not verified"):
        getattr(registry, way)(charity_id, REASON, sender=timelock if way == "revoke" else charity)


def test_an_unknown_charity_is_not_revoked(registry, timelock, refuses):
    for number in (0, 2, 2**256 - 1):
        with refuses("registry: charity is not verified"):
            registry.revoke(number, REASON, sender=timelock)


def test_the_end_takes_a_pending_payee_with_it(
    registry, charity_id, charity, timelock, successor, delay, refuses
):
    registry.propose_payee(charity_id, successor, sender=charity)
    registry.revoke(charity_id, REASON, sender=timelock)
    assert logged(registry) == [
        entry(
            registry,
            "PayeeCancelled",
            charity_id=charity_id,
            new_payee=successor,
            cancelled_by=timelock,
        ),
        entry(registry, "Revoked", charity_id=charity_id, revoked_by=timelock, reason=REASON),
    ]
    assert registry.pending_payee(charity_id) == (ZERO, 0)
    boa.env.time_travel(seconds=delay)
    with refuses("registry: no pending payee"):
        registry.accept_payee(charity_id, sender=successor)


# --- description ----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_expired", [False, True])
def test_the_payee_renews_the_description(registry, charity_id, charity, expiry, is_expired):
    if is_expired:
        boa.env.timestamp = expiry
    registry.set_metadata(charity_id, EVIDENCE, "ipfs://new", sender=charity)
    assert logged(registry) == [
        entry(
            registry,
            "MetadataChanged",
            charity_id=charity_id,
            metadata_hash=EVIDENCE,
            uri="ipfs://new",
        )
    ]
    assert registry.metadata_hash(charity_id) == EVIDENCE


def test_the_same_description_is_refused(registry, charity_id, charity, refuses):
    with refuses("registry: metadata is the same"):
        registry.set_metadata(charity_id, METADATA, "ipfs://new", sender=charity)


@pytest.mark.parametrize("end", ["suspend", "revoke"])
def test_no_new_description_without_verification(
    registry, charity_id, charity, registrar, timelock, refuses, end
):
    getattr(registry, end)(charity_id, REASON, sender=registrar if end == "suspend" else timelock)
    with refuses("registry: charity is not verified"):
        registry.set_metadata(charity_id, EVIDENCE, URI, sender=charity)


def test_the_registrar_corrects_the_goals(registry, charity_id, registrar, charity, expiry):
    registry.set_sdgs(charity_id, 2**17 - 1, sender=registrar)
    assert logged(registry) == [
        entry(registry, "SdgsChanged", charity_id=charity_id, sdgs=2**17 - 1)
    ]
    assert tuple(registry.charity(charity_id)) == (
        charity,
        VERIFIED,
        2**17 - 1,
        expiry,
        0,
        LEGAL_ID,
        METADATA,
    )


@pytest.mark.parametrize("sdgs", [0, 2**17])
def test_bad_goals_are_refused(registry, charity_id, registrar, refuses, sdgs):
    with refuses("registry: sdgs must be 1 to 17"):
        registry.set_sdgs(charity_id, sdgs, sender=registrar)


def test_the_same_goals_are_refused(registry, charity_id, registrar, refuses):
    with refuses("registry: sdgs are the same"):
        registry.set_sdgs(charity_id, SDGS, sender=registrar)


def test_no_goals_for_one_that_is_not_verified(registry, charity_id, registrar, timelock, refuses):
    with refuses("registry: charity is not verified"):
        registry.set_sdgs(2, 1, sender=registrar)
    registry.suspend(charity_id, REASON, sender=registrar)
    with refuses("registry: charity is not verified"):
        registry.set_sdgs(charity_id, 1, sender=registrar)
    registry.revoke(charity_id, REASON, sender=timelock)
    with refuses("registry: charity is not verified"):
        registry.set_sdgs(charity_id, 1, sender=registrar)


# --- change of payee ------------------------------------------------------------------------------


def test_a_payee_hands_over(registry, charity_id, charity, successor, delay, expiry, now):
    """REG-2: by the payee, then the delay, then the new one."""
    registry.propose_payee(charity_id, successor, sender=charity)
    assert logged(registry) == [
        entry(
            registry,
            "PayeeProposed",
            charity_id=charity_id,
            payee=charity,
            new_payee=successor,
            ready_at=now + delay,
        )
    ]
    assert registry.pending_payee(charity_id) == (successor, now + delay)
    assert registry.payee_for_gift(charity_id) == charity
    assert not registry.may_redeem(successor, charity_id)

    boa.env.time_travel(seconds=delay)
    registry.accept_payee(charity_id, sender=successor)
    assert logged(registry) == [
        entry(
            registry,
            "PayeeChanged",
            charity_id=charity_id,
            old_payee=charity,
            new_payee=successor,
        )
    ]
    assert tuple(registry.charity(charity_id)) == (
        successor,
        VERIFIED,
        SDGS,
        expiry,
        0,
        LEGAL_ID,
        METADATA,
    )
    assert registry.pending_payee(charity_id) == (ZERO, 0)
    assert registry.payee_for_gift(charity_id) == registry.payee(charity_id) == successor
    assert registry.may_redeem(successor, charity_id)
    # a former payee may redeem for ever, whichever number it names
    assert registry.was_payee(charity)
    assert registry.may_redeem(charity, 0)
    assert not registry.may_redeem(ZERO, 0)
    assert not registry.may_redeem(ZERO, 2)


@pytest.mark.parametrize("from_ready", [-1, 0, 1])
def test_the_delay_ends_to_the_second(
    registry, charity_id, charity, successor, delay, now, refuses, from_ready
):
    registry.propose_payee(charity_id, successor, sender=charity)
    boa.env.timestamp = now + delay + from_ready
    if from_ready < 0:
        with refuses("registry: payee delay is not over"):
            registry.accept_payee(charity_id, sender=successor)
    else:
        registry.accept_payee(charity_id, sender=successor)
        assert registry.payee(charity_id) == successor


@pytest.mark.parametrize("from_lapse", [-1, 0, 1])
def test_a_proposal_lapses_to_the_second(
    registry, charity_id, charity, successor, delay, window, now, refuses, from_lapse
):
    registry.propose_payee(charity_id, successor, sender=charity)
    boa.env.timestamp = now + delay + window + from_lapse
    if from_lapse < 0:
        registry.accept_payee(charity_id, sender=successor)
        assert registry.payee(charity_id) == successor
    else:
        with refuses("registry: proposal has lapsed"):
            registry.accept_payee(charity_id, sender=successor)


def test_only_the_proposed_one_accepts(
    registry, charity_id, charity, successor, registrar, timelock, stranger, delay, refuses
):
    registry.propose_payee(charity_id, successor, sender=charity)
    boa.env.time_travel(seconds=delay)
    for caller in (charity, registrar, timelock, stranger):
        with refuses("registry: not the proposed payee"):
            registry.accept_payee(charity_id, sender=caller)


def test_nothing_is_accepted_without_a_proposal(registry, charity_id, successor, refuses):
    for number in (charity_id, 0, 2):
        with refuses("registry: no pending payee"):
            registry.accept_payee(number, sender=successor)


def test_a_proposal_is_accepted_once(registry, charity_id, charity, successor, delay, refuses):
    registry.propose_payee(charity_id, successor, sender=charity)
    boa.env.time_travel(seconds=delay)
    registry.accept_payee(charity_id, sender=successor)
    with refuses("registry: no pending payee"):
        registry.accept_payee(charity_id, sender=successor)


def test_a_new_proposal_starts_the_delay_again(
    registry, charity_id, charity, successor, stranger, delay, now, refuses
):
    registry.propose_payee(charity_id, stranger, sender=charity)
    boa.env.timestamp = now + delay
    registry.propose_payee(charity_id, successor, sender=charity)
    with refuses("registry: not the proposed payee"):
        registry.accept_payee(charity_id, sender=stranger)
    with refuses("registry: payee delay is not over"):
        registry.accept_payee(charity_id, sender=successor)
    boa.env.timestamp = now + 2 * delay
    registry.accept_payee(charity_id, sender=successor)


def test_the_same_payee_is_refused(registry, charity_id, charity, refuses):
    with refuses("registry: payee is the same"):
        registry.propose_payee(charity_id, charity, sender=charity)


@pytest.mark.parametrize("canceller", ["charity", "registrar", "guardian"])
def test_three_may_cancel(
    registry, charity_id, charity, successor, delay, people, refuses, canceller
):
    canceller = people[canceller]
    registry.propose_payee(charity_id, successor, sender=charity)
    registry.cancel_payee(charity_id, sender=canceller)
    assert logged(registry) == [
        entry(
            registry,
            "PayeeCancelled",
            charity_id=charity_id,
            new_payee=successor,
            cancelled_by=canceller,
        )
    ]
    assert registry.pending_payee(charity_id) == (ZERO, 0)
    boa.env.time_travel(seconds=delay)
    with refuses("registry: no pending payee"):
        registry.accept_payee(charity_id, sender=successor)


@pytest.mark.parametrize("caller", ["stranger", "timelock", "successor"])
def test_nobody_else_may_cancel(registry, charity_id, charity, successor, people, refuses, caller):
    registry.propose_payee(charity_id, successor, sender=charity)
    with refuses("registry: may not cancel"):
        registry.cancel_payee(charity_id, sender=people[caller])


def test_nothing_is_cancelled_without_a_proposal(registry, charity_id, charity, refuses):
    with refuses("registry: no pending payee"):
        registry.cancel_payee(charity_id, sender=charity)


def test_a_suspension_takes_a_pending_payee_with_it(
    registry, charity_id, charity, registrar, successor, delay, suspension, refuses, now
):
    """What a thief proposed must not ripen while the registrar may not suspend again."""
    registry.propose_payee(charity_id, successor, sender=charity)
    registry.suspend(charity_id, REASON, sender=registrar)
    assert logged(registry) == [
        entry(
            registry,
            "PayeeCancelled",
            charity_id=charity_id,
            new_payee=successor,
            cancelled_by=registrar,
        ),
        entry(
            registry,
            "Suspended",
            charity_id=charity_id,
            suspended_until=now + suspension,
            reason=REASON,
        ),
    ]
    assert registry.pending_payee(charity_id) == (ZERO, 0)
    for second in (now + delay, now + suspension - 1):
        boa.env.timestamp = second
        with refuses("registry: no pending payee"):
            registry.accept_payee(charity_id, sender=successor)
        with refuses("registry: charity is suspended"):
            registry.propose_payee(charity_id, successor, sender=charity)
    # it lapses by itself, and then the delay begins
    boa.env.timestamp = now + suspension
    registry.propose_payee(charity_id, successor, sender=charity)
    with refuses("registry: payee delay is not over"):
        registry.accept_payee(charity_id, sender=successor)
    boa.env.time_travel(seconds=delay)
    registry.accept_payee(charity_id, sender=successor)
    assert registry.payee(charity_id) == successor


def test_a_revoked_charity_changes_no_payee(
    registry, charity_id, charity, timelock, successor, refuses
):
    registry.revoke(charity_id, REASON, sender=timelock)
    with refuses("registry: charity is revoked"):
        registry.propose_payee(charity_id, successor, sender=charity)


def test_an_expired_charity_may_change_its_payee(
    registry, charity_id, charity, successor, expiry, delay
):
    boa.env.timestamp = expiry
    registry.propose_payee(charity_id, successor, sender=charity)
    boa.env.time_travel(seconds=delay)
    registry.accept_payee(charity_id, sender=successor)
    assert registry.payee(charity_id) == successor
    assert registry.status(charity_id) == EXPIRED


def test_a_change_of_payee_leaves_the_suspension_on_record(
    registry, charity_id, charity, registrar, successor, delay, suspension, expiry, now
):
    registry.suspend(charity_id, REASON, sender=registrar)
    boa.env.timestamp = now + suspension
    registry.propose_payee(charity_id, successor, sender=charity)
    boa.env.time_travel(seconds=delay)
    registry.accept_payee(charity_id, sender=successor)
    assert tuple(registry.charity(charity_id)) == (
        successor,
        VERIFIED,
        SDGS,
        expiry,
        now + suspension,
        LEGAL_ID,
        METADATA,
    )


# --- the timelock's -------------------------------------------------------------------------------


def test_the_registrar_is_replaced(registry, charity_id, timelock, registrar, stranger):
    registry.set_registrar(stranger, sender=timelock)
    assert logged(registry) == [entry(registry, "RegistrarChanged", registrar=stranger)]
    registry.suspend(charity_id, REASON, sender=stranger)
    with boa.reverts("registry: not the registrar"):
        registry.reinstate(charity_id, sender=registrar)


def test_the_guardian_is_replaced(registry, charity_id, timelock, guardian, charity, stranger):
    registry.set_guardian(stranger, sender=timelock)
    assert logged(registry) == [entry(registry, "GuardianChanged", guardian=stranger)]
    registry.propose_payee(charity_id, place("another"), sender=charity)
    with boa.reverts("registry: may not cancel"):
        registry.cancel_payee(charity_id, sender=guardian)
    registry.cancel_payee(charity_id, sender=stranger)


@pytest.mark.parametrize("role", ["registrar", "guardian"])
def test_a_zero_or_unchanged_role_is_refused(registry, timelock, refuses, people, role):
    with refuses(f"registry: zero {role}"):
        getattr(registry, f"set_{role}")(ZERO, sender=timelock)
    with refuses(f"registry: {role} is the same"):
        getattr(registry, f"set_{role}")(people[role], sender=timelock)


# the two above name their reasons by role: "registry: registrar is the same",
# "registry: guardian is the same"


def test_addresses_are_refused_from_now_on(registry, charity_id, timelock, charity, refuses):
    accounts = [place(f"new contract {number}") for number in range(32)]
    registry.refuse([*accounts[:31], charity], sender=timelock)
    assert logged(registry) == [
        entry(registry, "AddressRefused", account=account) for account in [*accounts[:31], charity]
    ]
    with refuses("registry: payee is one of our contracts"):
        registry.propose_payee(charity_id, accounts[0], sender=charity)
    # charities verified before keep their payee
    assert registry.payee_for_gift(charity_id) == charity


def test_bad_refusals_are_refused(registry, timelock, ours, refuses):
    with refuses("registry: zero account"):
        registry.refuse([ZERO], sender=timelock)
    with refuses("registry: already refused"):
        registry.refuse([ours], sender=timelock)


# --- views ----------------------------------------------------------------------------------------


def test_an_unknown_charity(registry, charity_id):
    for number in (0, charity_id + 1, 2**18, 2**256 - 1):
        with boa.reverts("registry: unknown charity"):
            registry.payee_for_gift(number)
        with boa.reverts("registry: unknown charity"):
            registry.have_standing([charity_id, number])
        assert registry.payee(number) == ZERO
        assert registry.status(number) == UNKNOWN
        assert not registry.is_verified(number)
        assert not registry.is_revoked(number)
        assert tuple(registry.charity(number)) == (ZERO, UNKNOWN, 0, 0, 0, NOTHING, NOTHING)
        assert registry.pending_payee(number) == (ZERO, 0)


def test_standing_of_many_over_several_rows(registry, timelock, other):
    """Bits are kept 256 to a word; 255, 256 and 257 lie on both sides of an edge."""
    set_storage(registry, "charity_count", 253)
    for number in range(254, 260):
        assert other(roles.keccak(text=str(number))) == number
    numbers = list(range(254, 260))
    assert registry.have_standing(numbers)
    assert registry.have_standing(numbers[::-1])
    assert registry.have_standing([])
    registry.revoke(256, REASON, sender=timelock)
    with boa.reverts("registry: charity is revoked"):
        registry.have_standing(numbers)
    assert registry.have_standing([254, 255, 257, 258, 259])
    with boa.reverts("registry: unknown charity"):
        registry.have_standing([254, 512])


def test_what_is_longer_than_its_bound_is_refused(registry, timelock, stranger):
    """By the ABI decoder, which has no words for it."""
    registry.apply(b"\10" * 32, 1, METADATA, "x" * 256, sender=stranger)
    with boa.reverts():
        registry.apply(b"\11" * 32, 1, METADATA, "x" * 257, sender=stranger)
    accounts = [roles.address(f"ours {number}") for number in range(33)]
    with boa.reverts():
        registry.refuse(accounts, sender=timelock)
    registry.refuse(accounts[:32], sender=timelock)
    with boa.reverts("registry: unknown charity"):
        registry.have_standing([10**6 + number for number in range(200)])
    with pytest.raises(boa.BoaError) as refusal:
        registry.have_standing([10**6 + number for number in range(201)])
    assert "unknown charity" not in str(refusal.value)
