"""The registry through the package: from application to retirement."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from donablock.chain.session import Session
from donablock.errors import InputError, RevertError
from donablock.giving.charities import Charities, Profile, Status, read_goals, read_time
from tests.giving.conftest import NEW_PAYEE, PAYEES
from tests.local_chain import DAY, GUARDIAN, REGISTRAR, STRANGER, YEAR, World


def profile_of(world: World, account: int, legal_id: str = "GB:CHC:4") -> Profile:
    return Profile(
        world.address(account),
        keccak(text=legal_id),
        read_goals("1,4"),
        keccak(text="{}"),
        "ipfs://bafy/charity.json",
    )


def test_statuses_are_the_contracts(donor: Session) -> None:
    functions = donor.contract("CharityRegistry").functions
    for status in Status:
        assert functions[status.name]().call() == status


def test_a_charity_applies_and_is_verified_as_it_applied(world: World) -> None:
    applicant = Charities(world.session(NEW_PAYEE))
    registrar = Charities(world.session(REGISTRAR))
    profile = profile_of(world, NEW_PAYEE)
    application_id, _ = applicant.apply(profile)
    (entry,) = registrar.applications()
    assert (entry.id, entry.profile, entry.is_open) == (application_id, profile, True)
    found = registrar.application("0x" + application_id.hex()[:8])
    assert registrar.application(world.address(NEW_PAYEE)) == found
    until = read_time("2y", world.anyone.now)
    charity_id, _ = registrar.verify(found.profile, until, b"\5" * 32)
    charity = registrar.get(charity_id)
    assert (charity.id, charity.status, charity.expiry) == (4, Status.VERIFIED, until)
    assert (charity.payee, charity.goals) == (world.address(NEW_PAYEE), [1, 4])
    assert registrar.uri(4) == "ipfs://bafy/charity.json"
    assert registrar.applications() == [], "it is used up"
    assert [entry.is_open for entry in registrar.applications(open_only=False)] == [False]


def test_an_application_must_be_told_apart(world: World) -> None:
    applicant, registrar = Charities(world.session(NEW_PAYEE)), Charities(world.session(REGISTRAR))
    with pytest.raises(InputError, match="no open application"):
        registrar.application(world.address(NEW_PAYEE))
    applicant.apply(profile_of(world, NEW_PAYEE, "GB:CHC:4"))
    applicant.apply(profile_of(world, NEW_PAYEE, "GB:CHC:5"))
    with pytest.raises(InputError, match="means 2 applications"):
        registrar.application(world.address(NEW_PAYEE))


def test_an_application_that_is_no_text_hides_no_other(world: World) -> None:
    applicant = world.session(NEW_PAYEE)
    profile = profile_of(world, NEW_PAYEE, "GB:CHC:4")
    registry = applicant.contract("CharityRegistry")
    data = registry.encode_abi(
        "apply", args=[keccak(text="GB:CHC:5"), 1, profile.metadata_hash, "ipfs://x"]
    ).replace(b"ipfs".hex(), "ff" * 4)
    sent = {"from": applicant.address, "to": registry.address, "data": data}
    applicant.w3.eth.wait_for_transaction_receipt(applicant.w3.eth.send_transaction(sent))
    Charities(applicant).apply(profile)
    found = Charities(world.anyone).applications()
    assert [entry.profile.uri for entry in found] == ["\ufffd" * 4 + "://x", profile.uri]


def test_every_charity_is_listed(world: World, donor: Session) -> None:
    found = list(Charities(donor).all())
    assert [charity.id for charity in found] == [1, 2, 3]
    assert [charity.payee for charity in found] == [world.address(p) for p in PAYEES]


def test_the_payee_changes_in_two_steps(world: World) -> None:
    old, new = Charities(world.session(PAYEES[0])), Charities(world.session(NEW_PAYEE))
    old.propose_payee(1, world.address(NEW_PAYEE))
    pending = old.pending(1)
    assert pending is not None
    assert pending.new_payee == world.address(NEW_PAYEE)
    assert pending.ready_at == world.anyone.now + 2 * DAY
    with pytest.raises(RevertError, match="payee delay is not over"):
        new.accept_payee(1)
    world.node.advance(2 * DAY)
    new.accept_payee(1)
    assert new.get(1).payee == world.address(NEW_PAYEE)
    assert new.pending(1) is None
    assert [event.name for event in new.history(1)] == ["Verified", "PayeeProposed", "PayeeChanged"]


@pytest.mark.parametrize("who", [PAYEES[0], REGISTRAR, GUARDIAN])
def test_a_payee_change_is_stopped(world: World, who: int) -> None:
    Charities(world.session(PAYEES[0])).propose_payee(1, world.address(NEW_PAYEE))
    Charities(world.session(who)).cancel_payee(1)
    assert Charities(world.anyone).pending(1) is None


def test_a_suspension_begins_and_ends(world: World) -> None:
    registrar = Charities(world.session(REGISTRAR))
    registrar.suspend(1, b"\1" * 32)
    charity = registrar.get(1)
    assert charity.status is Status.SUSPENDED
    assert charity.suspended_until == world.anyone.now + 30 * DAY
    registrar.reinstate(1)
    assert registrar.get(1).status is Status.VERIFIED


def test_a_charity_is_renewed_and_retires(world: World) -> None:
    registrar, payee = Charities(world.session(REGISTRAR)), Charities(world.session(PAYEES[0]))
    until = world.anyone.now + 2 * YEAR
    registrar.renew(1, until, b"\1" * 32)
    assert registrar.get(1).expiry == until
    payee.set_metadata(1, b"\7" * 32, "ipfs://new")
    assert payee.uri(1) == "ipfs://new"
    payee.retire(1, b"\1" * 32)
    assert payee.get(1).status is Status.REVOKED


def test_the_contract_says_who_may_not(world: World) -> None:
    stranger = Charities(world.session(STRANGER))
    for step in (
        lambda: stranger.suspend(1, b"\1" * 32),
        lambda: stranger.reinstate(1),
        lambda: stranger.renew(1, world.anyone.now + YEAR, b"\1" * 32),
        lambda: stranger.verify(profile_of(world, NEW_PAYEE), world.anyone.now + DAY, b"\1" * 32),
    ):
        with pytest.raises(RevertError, match="not the registrar"):
            step()
    for step in (
        lambda: stranger.propose_payee(1, world.address(NEW_PAYEE)),
        lambda: stranger.retire(1, b"\1" * 32),
        lambda: stranger.set_metadata(1, b"\1" * 32, ""),
    ):
        with pytest.raises(RevertError, match="not the payee"):
            step()


def test_a_legal_id_is_verified_once(world: World) -> None:
    registrar = Charities(world.session(REGISTRAR))
    with pytest.raises(RevertError, match="legal id already verified"):
        registrar.verify(
            profile_of(world, NEW_PAYEE, "GB:CHC:1"), world.anyone.now + DAY, b"\1" * 32
        )


def test_bad_input_is_refused_before_the_chain_is_asked(world: World) -> None:
    charities = Charities(world.session(PAYEES[0]))
    with pytest.raises(InputError, match="there is no charity 9; 3 are registered"):
        charities.get(9)
    with pytest.raises(InputError, match="at most 256 fit"):
        charities.set_metadata(1, b"\7" * 32, "x" * 257)
    with pytest.raises(InputError, match="is no payee"):
        charities.propose_payee(1, "someone")
    with pytest.raises(InputError, match="there is no charity"):
        charities.retire(2**255, b"\1" * 32)
