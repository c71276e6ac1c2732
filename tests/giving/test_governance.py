"""The timelock: what is written, what is shown, and what comes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from donablock.chain.session import Session
from donablock.errors import InputError, RevertError
from donablock.giving.charities import Charities, Status
from donablock.giving.funds import Funds
from donablock.giving.governance import Call, Draft, Governance, State
from tests.giving.conftest import CLIMATE
from tests.local_chain import DAY, PROPOSER, STRANGER, World

DELAY = 2 * DAY


@pytest.fixture
def proposer(world: World) -> Governance:
    return Governance(world.session(PROPOSER))


def announce(governance: Governance) -> Call:
    return governance.read_call("IndexFunds.announce_epoch", ["13", "1,3", "[10, 20]"])


def test_an_epoch_is_scheduled_executed_and_runs(world: World, proposer: Governance) -> None:
    id_, _ = proposer.schedule(Draft((announce(proposer),)))
    operation = proposer.find("0x" + id_.hex()[:8])
    assert (operation.state, operation.is_batch) == (State.WAITING, False)
    assert operation.ready_at == world.anyone.now + DELAY
    with pytest.raises(InputError, match="is ready on .*, in 2 days"):
        proposer.execute(operation)
    world.node.advance(DELAY)
    assert proposer.find(operation.hex).state is State.READY
    Governance(world.session(STRANGER)).execute(proposer.find(operation.hex))
    assert proposer.find(operation.hex).state is State.DONE
    announced = Funds(world.anyone).get(CLIMATE).announced
    assert announced is not None
    assert [(m.charity_id, m.weight) for m in announced.members] == [(1, 10), (3, 20)]


def test_an_announcement_is_shown_as_old_against_new(proposer: Governance) -> None:
    told = proposer.describe(announce(proposer))
    assert told.title == "IndexFunds.announce_epoch"
    assert told.arguments == (("fund_id", "13"), ("charity_ids", "[1, 3]"), ("weights", "[10, 20]"))
    assert told.changes == (
        "fund 13 'Climate Action': epoch 1 runs now",
        "~ charity 1: weight 1 (25.00 %) -> 10 (33.33 %)",
        "- charity 2: had weight 3 (75.00 %)",
        "+ charity 3: weight 20 (66.66 %)",
    )


def test_the_same_shares_are_no_change(proposer: Governance) -> None:
    call = proposer.read_call("IndexFunds.announce_epoch", [13, [1, 2], [10, 30]])
    assert proposer.describe(call).changes[1:] == (
        "= charity 1: weight 1 (25.00 %) -> 10 (25.00 %)",
        "= charity 2: weight 3 (75.00 %) -> 30 (75.00 %)",
    )


@pytest.mark.parametrize(
    ("title", "arguments", "change"),
    [
        ("CharityRegistry.set_guardian", ["Timelock"], "guardian: 0x"),
        ("Giving.set_operations", ["EcosystemReserve"], "(EcosystemReserve)"),
        ("CharityRegistry.revoke", ["1", "keccak:report 7"], "charity 1: verified -> revoked"),
        ("Giving.unlist_asset", ["PlainToken"], "USDX (6 decimals)"),
        ("IndexFunds.list_asset", ["Giving"], "there is no token at"),
        ("Timelock.update_delay", ["259200"], "delay: 2 days -> 3 days"),
        ("IndexFunds.cancel_epoch", ["13", "2"], "is not announced"),
        ("EcosystemReserve.release", ["PlainToken", "Timelock", "5000000"], "5 USDX from"),
        ("EcosystemReserve.list_asset", ["PlainToken"], "not listed now"),
    ],
)
def test_a_call_says_what_it_would_change(
    proposer: Governance, title: str, arguments: list[str], change: str
) -> None:
    told = proposer.describe(proposer.read_call(title, arguments))
    assert told.title == title
    assert change in " ".join(told.changes)


def test_a_role_is_named(world: World, proposer: Governance) -> None:
    role = world.anyone.contract("Timelock").functions.PROPOSER_ROLE().call()
    call = proposer.read_call(
        "Timelock.grantRole", ["0x" + bytes(role).hex(), world.address(STRANGER)]
    )
    (line,) = proposer.describe(call).changes
    assert line == f"PROPOSER_ROLE of {world.address(STRANGER)}, which has not it now"


def test_several_calls_are_one_operation(
    world: World, proposer: Governance, tmp_path: Path
) -> None:
    file = tmp_path / "operation.json"
    file.write_text(
        json.dumps(
            {
                "calls": [
                    {"call": "CharityRegistry.revoke", "args": [2, "keccak:report 7"]},
                    {"call": "IndexFunds.announce_epoch", "args": [13, [1, 3], [1, 1]]},
                ],
                "salt": "0x" + "07" * 32,
                "delay": DELAY + 60,
            }
        )
    )
    draft = proposer.read_file(file)
    id_, _ = proposer.schedule(draft)
    operation = proposer.find(id_.hex())
    assert (operation.is_batch, operation.salt) == (True, b"\7" * 32)
    assert operation.calls == draft.calls
    world.node.advance(DELAY + 59)
    with pytest.raises(InputError, match="is ready on"):
        proposer.execute(proposer.find(id_.hex()))
    world.node.advance(1)
    proposer.execute(proposer.find(id_.hex()))
    assert Charities(world.anyone).get(2).status is Status.REVOKED
    assert Funds(world.anyone).get(CLIMATE).announced is not None


def test_a_batch_of_one_call_is_told_from_the_call(world: World, proposer: Governance) -> None:
    session = world.session(PROPOSER)
    timelock = session.contract("Timelock").functions
    call = announce(proposer)
    session.send(
        timelock.schedule_batch([call.target], [0], [call.payload], b"\0" * 32, b"\0" * 32, DELAY)
    )
    operation = proposer.operations()[-1]
    assert operation.is_batch
    world.node.advance(DELAY)
    proposer.execute(proposer.find(operation.hex))
    assert proposer.find(operation.hex).state is State.DONE


def test_the_list_is_rebuilt_from_the_logs_alone(world: World, proposer: Governance) -> None:
    first, _ = proposer.schedule(Draft((announce(proposer),)))
    call = proposer.read_call("Giving.set_operations", [world.address(STRANGER)])
    second, _ = proposer.schedule(Draft((call,)))
    proposer.cancel(proposer.find(first.hex()))
    fresh = Governance(world.session(STRANGER)).operations()
    # the set-up announced fund 13's first list
    assert [entry.state for entry in fresh] == [State.DONE, State.CANCELLED, State.WAITING]
    assert [entry.id for entry in fresh[1:]] == [first, second]
    with pytest.raises(InputError, match="is cancelled"):
        proposer.cancel(proposer.find(first.hex()))


def test_the_same_calls_again_get_another_salt(world: World, proposer: Governance) -> None:
    call = proposer.read_call("Giving.set_operations", [world.address(STRANGER)])
    first, _ = proposer.schedule(Draft((call,)))
    second, _ = proposer.schedule(Draft((call,)))
    assert first != second
    assert proposer.find(first.hex()).salt == b"\0" * 32
    assert proposer.find(second.hex()).salt not in (b"\0" * 32, b"")
    with pytest.raises(InputError, match="exists; choose another salt"):
        proposer.complete(Draft((call,), salt=b"\0" * 32))


def test_a_predecessor_comes_first(world: World, proposer: Governance) -> None:
    call = proposer.read_call("Giving.set_operations", [world.address(STRANGER)])
    first, _ = proposer.schedule(Draft((call,)))
    then, _ = proposer.schedule(Draft((announce(proposer),), predecessor=first))
    world.node.advance(DELAY + 10)
    with pytest.raises(InputError, match="has to be executed first"):
        proposer.execute(proposer.find(then.hex()))
    proposer.execute(proposer.find(first.hex()))
    proposer.execute(proposer.find(then.hex()))


def test_what_the_contract_refuses_stays_ready(world: World, proposer: Governance) -> None:
    call = proposer.read_call("CharityRegistry.revoke", [99, "0x" + "01" * 32])
    id_, _ = proposer.schedule(Draft((call,)))
    world.node.advance(DELAY)
    with pytest.raises(RevertError, match="charity is not verified"):
        proposer.execute(proposer.find(id_.hex()))
    assert proposer.find(id_.hex()).state is State.READY


def test_roles_are_checked_before_signing(world: World, proposer: Governance) -> None:
    stranger = Governance(world.session(STRANGER))
    with pytest.raises(InputError, match="may not propose"):
        stranger.schedule(Draft((announce(stranger),)))
    id_, _ = proposer.schedule(Draft((announce(proposer),)))
    with pytest.raises(InputError, match="may not cancel"):
        stranger.cancel(stranger.find(id_.hex()))


@pytest.mark.parametrize(
    ("title", "arguments", "reason"),
    [
        ("announce_epoch", [], "is no call"),
        ("Nothing.at_all", [], "there is no Nothing"),
        ("Giving.give", [], "Giving has no give; it has"),
        ("Giving.operations", [], "only reads"),
        ("Giving.set_operations", [], "takes 1 arguments, not 0: operations (address)"),
        ("Giving.set_operations", ["0x12"], "40 hexadecimal digits"),
        ("Giving.list_asset", ["PlainToken", "maybe"], "write true or false"),
        ("IndexFunds.announce_epoch", ["13", "1,x", "1,2"], "'x' is no whole number"),
        ("IndexFunds.announce_epoch", ["-1", "1", "1"], "out of its range"),
        ("IndexFunds.announce_epoch", ["13", "[1,", "1"], "is not JSON"),
        ("IndexFunds.announce_epoch", [True, "1", "1"], "no whole number"),
        ("CharityRegistry.revoke", ["1", "report 7"], "keccak:text"),
        ("CharityRegistry.revoke", ["1", "0x12"], "1 bytes were written, it has 32"),
    ],
)
def test_a_mistyped_call_is_refused_with_the_parameter(
    proposer: Governance, title: str, arguments: list[object], reason: str
) -> None:
    with pytest.raises(InputError) as refused:
        proposer.read_call(title, arguments)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not JSON"),
        ("[]", 'no list "calls"'),
        ('{"calls": [], "when": 1}', "unknown entry 'when'"),
        ('{"calls": [{"to": "x"}]}', "other entries"),
        ('{"calls": [{"call": "Giving.sweep", "args": "x"}]}', '"args" must be a list'),
        ('{"calls": [], "delay": "2 days"}', "number of seconds"),
        ('{"calls": [], "salt": "0x12"}', "salt"),
    ],
)
def test_a_file_that_is_wrong_is_refused(
    proposer: Governance, tmp_path: Path, content: str, reason: str
) -> None:
    file = tmp_path / "operation.json"
    file.write_text(content)
    with pytest.raises(InputError) as refused:
        proposer.read_file(file)
    assert reason in str(refused.value)


def test_drafts_have_limits(proposer: Governance, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        proposer.read_file(tmp_path / "none.json")
    with pytest.raises(InputError, match="nothing to schedule"):
        proposer.complete(Draft(()))
    call = announce(proposer)
    with pytest.raises(InputError, match="at most 16 calls, not 17"):
        proposer.complete(Draft((call,) * 17))
    with pytest.raises(InputError, match="too short; at least 2 days"):
        proposer.complete(Draft((call,), delay=60))
    for id_ in ("0x12", "zzzz", ""):
        with pytest.raises(InputError, match="is no operation"):
            proposer.find(id_)
    with pytest.raises(InputError, match="there is no operation"):
        proposer.find("0x00000000")


def test_a_foreign_contracts_call_is_shown_as_bytes(world: World, donor: Session) -> None:
    governance = Governance(donor)
    told = governance.describe(Call(donor.address, b"\1\2\3\4"))
    assert "not one of ours" in told.changes[0]
    told = governance.describe(Call(donor.contract("Giving").address, keccak(text="x")[:4]))
    assert "would fail" in told.changes[0]
    del world
