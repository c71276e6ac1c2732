"""Timelock: what is scheduled in public and carried out after the delay, and by whom."""

from __future__ import annotations

import boa
import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.contracts import deployers, roles
from tests.contracts.conftest import DAY
from tests.contracts.logs import entry, event_signatures, function_names, logged
from tests.contracts.money import COIN, balance, change, moves, send

ZERO = "0x" + "00" * 20
NONE = b"\0" * 32
SALT = b"\7" * 32
DELAY = 2 * DAY
ADMIN = NONE
PROPOSER = keccak(text="PROPOSER_ROLE")
EXECUTOR = keccak(text="EXECUTOR_ROLE")
CANCELLER = keccak(text="CANCELLER_ROLE")
NO_ROLE = "access_control: account is missing role"
UNSET, WAITING, READY, DONE = 1, 2, 4, 8


@pytest.fixture(scope="module")
def proposer():
    return roles.address("proposer")


@pytest.fixture(scope="module")
def executor():
    return roles.address("executor")


@pytest.fixture(scope="module")
def locked(proposer, executor):
    """A timelock whose operations the executor alone carries out."""
    return deployers.TIMELOCK.deploy(DELAY, [proposer], [executor])


@pytest.fixture(scope="module")
def opened(proposer):
    """A timelock whose operations anyone carries out."""
    return deployers.TIMELOCK.deploy(DELAY, [proposer], [ZERO])


@pytest.fixture(scope="module")
def dobo(locked):
    """DOBO, all of it the timelock's: what it holds, its operations move."""
    return deployers.DONA_BLOCK.deploy(locked)


@pytest.fixture(scope="module")
def gift(dobo, charity):
    """The call an operation makes in most tests: 5 DOBO to the charity."""
    return dobo.transfer.prepare_calldata(charity, 5)


@pytest.fixture
def operation(locked, dobo, gift, proposer):
    """That call, scheduled: the arguments of `execute`."""
    locked.schedule(dobo, 0, gift, NONE, NONE, DELAY, sender=proposer)
    return (dobo.address, 0, gift, NONE, NONE)


def hash_of(target, amount, payload, predecessor=NONE, salt=NONE):
    """An operation's id, from the definition."""
    kinds = ["address", "uint256", "bytes", "bytes32", "bytes32"]
    return keccak(encode(kinds, [target, amount, payload, predecessor, salt]))


def hash_of_batch(targets, amounts, payloads, predecessor=NONE, salt=NONE):
    kinds = ["address[]", "uint256[]", "bytes[]", "bytes32", "bytes32"]
    return keccak(encode(kinds, [targets, amounts, payloads, predecessor, salt]))


# --- constructor ----------------------------------------------------------------------------------


def test_a_timelock_without_proposer_is_refused(executor):
    with boa.reverts("timelock: no proposer"):
        deployers.TIMELOCK.deploy(DELAY, [], [executor])


def test_a_zero_proposer_is_refused(proposer, executor):
    for proposers in ([ZERO], [proposer, ZERO]):
        with boa.reverts("timelock: zero proposer"):
            deployers.TIMELOCK.deploy(DELAY, proposers, [executor])


def test_a_timelock_without_executor_is_refused(proposer):
    with boa.reverts("timelock: no executor"):
        deployers.TIMELOCK.deploy(DELAY, [proposer], [])


def test_the_deployer_keeps_no_role_and_the_timelock_is_its_own_admin(locked, proposer, executor):
    deployer = boa.env.eoa
    for role in (ADMIN, PROPOSER, EXECUTOR, CANCELLER):
        assert not locked.hasRole(role, deployer)
        assert locked.getRoleAdmin(role) == ADMIN
    assert locked.hasRole(ADMIN, locked)
    assert not locked.hasRole(ADMIN, proposer)
    assert not locked.hasRole(ADMIN, executor)
    assert not locked.hasRole(ADMIN, ZERO)


def test_the_constructor_grants_just_the_roles_named(locked, opened, proposer, executor):
    assert locked.get_minimum_delay() == DELAY
    assert (locked.PROPOSER_ROLE(), locked.EXECUTOR_ROLE()) == (PROPOSER, EXECUTOR)
    assert (locked.CANCELLER_ROLE(), locked.DEFAULT_ADMIN_ROLE()) == (CANCELLER, ADMIN)
    assert locked.hasRole(PROPOSER, proposer)
    assert locked.hasRole(CANCELLER, proposer)
    assert not locked.hasRole(EXECUTOR, proposer)
    assert locked.hasRole(EXECUTOR, executor)
    assert not locked.hasRole(PROPOSER, executor)
    assert not locked.hasRole(CANCELLER, executor)
    assert not locked.hasRole(EXECUTOR, ZERO)
    assert opened.hasRole(EXECUTOR, ZERO)


def test_three_of_each_are_taken(proposer, executor, stranger):
    three = [proposer, executor, stranger]
    timelock = deployers.TIMELOCK.deploy(0, three, three)
    for account in three:
        for role in (PROPOSER, EXECUTOR, CANCELLER):
            assert timelock.hasRole(role, account)


def test_the_constructor_logs_every_role_and_the_delay(proposer, executor):
    locked, deployer = deployers.TIMELOCK.deploy(DELAY, [proposer], [executor]), boa.env.eoa
    granted = [
        (ADMIN, deployer),
        (ADMIN, locked),
        (PROPOSER, proposer),
        (CANCELLER, proposer),
        (EXECUTOR, executor),
    ]
    expected = [
        entry(locked, "RoleGranted", role=role, account=account, sender=deployer)
        for role, account in granted
    ]
    expected.insert(2, entry(locked, "RoleRevoked", role=ADMIN, account=deployer, sender=deployer))
    expected.append(entry(locked, "MinimumDelayChange", old_duration=0, new_duration=DELAY))
    assert logged(locked) == expected


def test_nothing_else_can_be_called(locked):
    assert function_names(locked) == {
        "DEFAULT_ADMIN_ROLE",
        "PROPOSER_ROLE",
        "EXECUTOR_ROLE",
        "CANCELLER_ROLE",
        "hasRole",
        "getRoleAdmin",
        "grantRole",
        "revokeRole",
        "renounceRole",
        "set_role_admin",
        "schedule",
        "schedule_batch",
        "execute",
        "execute_batch",
        "cancel",
        "update_delay",
        "get_minimum_delay",
        "get_timestamp",
        "get_operation_state",
        "is_operation",
        "is_operation_pending",
        "is_operation_ready",
        "is_operation_done",
        "hash_operation",
        "hash_operation_batch",
        "supportsInterface",
        "onERC721Received",
        "onERC1155Received",
        "onERC1155BatchReceived",
        "IERC721_TOKENRECEIVER_SELECTOR",
        "IERC1155_TOKENRECEIVER_SINGLE_SELECTOR",
        "IERC1155_TOKENRECEIVER_BATCH_SELECTOR",
        "MAX_PAYLOAD",
        "MAX_CALLS",
    }


def test_the_logs_are_as_agreed(locked):
    assert event_signatures(locked) == {
        "CallScheduled": (
            "*bytes32 id, *uint256 index, address target, uint256 amount, bytes payload, "
            "bytes32 predecessor, uint256 delay"
        ),
        "CallSalt": "*bytes32 id, bytes32 salt",
        "CallExecuted": (
            "*bytes32 id, *uint256 index, address target, uint256 amount, bytes payload"
        ),
        "Cancelled": "*bytes32 id",
        "MinimumDelayChange": "uint256 old_duration, uint256 new_duration",
        "RoleGranted": "*bytes32 role, *address account, *address sender",
        "RoleRevoked": "*bytes32 role, *address account, *address sender",
        "RoleAdminChanged": ("*bytes32 role, *bytes32 previousAdminRole, *bytes32 newAdminRole"),
    }


# --- ids ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 32, 36, 16_384])
def test_the_id_of_an_operation_is_the_hash_of_all_it_says(locked, stranger, size):
    payload = b"\5" * size
    expected = hash_of(stranger, 3, payload, SALT, b"\2" * 32)
    assert locked.hash_operation(stranger, 3, payload, SALT, b"\2" * 32) == expected


@pytest.mark.parametrize("calls", [0, 1, 16])
def test_the_id_of_a_batch_is_the_hash_of_all_it_says(locked, stranger, calls):
    batch = ([stranger] * calls, list(range(calls)), [b"\5" * i for i in range(calls)])
    expected = hash_of_batch(*batch, SALT, b"\2" * 32)
    assert locked.hash_operation_batch(*batch, SALT, b"\2" * 32) == expected


# --- schedule -------------------------------------------------------------------------------------


def test_schedule_by_others_reverts(locked, dobo, gift, executor, stranger):
    for sender in (executor, stranger, boa.env.eoa, locked.address):
        with boa.reverts(NO_ROLE):
            locked.schedule(dobo, 0, gift, NONE, NONE, DELAY, sender=sender)


def test_schedule_with_too_short_a_delay_reverts(locked, dobo, gift, proposer):
    with boa.reverts("timelock_controller: insufficient delay"):
        locked.schedule(dobo, 0, gift, NONE, NONE, DELAY - 1, sender=proposer)


def test_schedule_twice_reverts(locked, operation, proposer):
    with boa.reverts("timelock_controller: operation already scheduled"):
        locked.schedule(*operation, DELAY + 1, sender=proposer)


def test_schedule_of_what_is_done_reverts(locked, operation, proposer, executor):
    boa.env.time_travel(seconds=DELAY)
    locked.execute(*operation, sender=executor)
    with boa.reverts("timelock_controller: operation already scheduled"):
        locked.schedule(*operation, DELAY, sender=proposer)


@pytest.mark.parametrize("delay", [DELAY, DELAY + 1, 100 * DAY])
def test_schedule_announces_the_call_and_does_nothing_else(
    locked, dobo, gift, charity, proposer, now, delay
):
    with moves([dobo, COIN], [locked, charity, proposer]) as moved:
        locked.schedule(dobo, 3, gift, NONE, NONE, delay, sender=proposer)
    id = hash_of(dobo.address, 3, gift)
    assert logged(locked) == [
        entry(
            locked,
            "CallScheduled",
            id=id,
            index=0,
            target=dobo,
            amount=3,
            payload=gift,
            predecessor=NONE,
            delay=delay,
        )
    ]
    assert moved == {}
    assert locked.get_timestamp(id) == now + delay


def test_schedule_logs_a_salt(locked, dobo, gift, proposer):
    locked.schedule(dobo, 0, gift, NONE, SALT, DELAY, sender=proposer)
    id = hash_of(dobo.address, 0, gift, salt=SALT)
    assert logged(locked)[1:] == [entry(locked, "CallSalt", id=id, salt=SALT)]


def test_the_same_call_is_scheduled_again_under_another_salt(locked, operation, proposer):
    locked.schedule(*operation[:4], SALT, DELAY, sender=proposer)
    assert locked.is_operation_pending(hash_of(*operation))
    assert locked.is_operation_pending(hash_of(*operation[:4], SALT))


def test_states_follow_the_clock(locked, operation, executor):
    id = hash_of(*operation)

    def state(id):
        questions = ("operation", "operation_pending", "operation_ready", "operation_done")
        return (
            locked.get_operation_state(id),
            *(getattr(locked, f"is_{question}")(id) for question in questions),
        )

    assert state(SALT) == (UNSET, False, False, False, False)
    boa.env.time_travel(seconds=DELAY - 1)
    assert state(id) == (WAITING, True, True, False, False)
    boa.env.time_travel(seconds=1)
    assert state(id) == (READY, True, True, True, False)
    boa.env.time_travel(seconds=1_000 * DAY)
    assert state(id) == (READY, True, True, True, False)
    locked.execute(*operation, sender=executor)
    assert state(id) == (DONE, True, False, False, True)
    assert locked.get_timestamp(id) == 1


# --- execute --------------------------------------------------------------------------------------


def test_execute_by_others_reverts(locked, operation, proposer, stranger):
    boa.env.time_travel(seconds=DELAY)
    for sender in (proposer, stranger, boa.env.eoa):
        with boa.reverts(NO_ROLE):
            locked.execute(*operation, sender=sender)


def test_execute_a_second_early_reverts(locked, operation, executor):
    boa.env.time_travel(seconds=DELAY - 1)
    with boa.reverts("timelock_controller: operation is not ready"):
        locked.execute(*operation, sender=executor)


def test_execute_of_what_was_never_scheduled_reverts(locked, dobo, gift, executor):
    with boa.reverts("timelock_controller: operation is not ready"):
        locked.execute(dobo, 0, gift, NONE, NONE, sender=executor)


@pytest.mark.parametrize("position", range(5))
def test_execute_of_something_else_than_scheduled_reverts(
    locked, operation, executor, stranger, position
):
    changed = [*operation]
    changed[position] = [stranger, 1, operation[2] + b"\0", SALT, SALT][position]
    boa.env.time_travel(seconds=DELAY)
    with boa.reverts("timelock_controller: operation is not ready"):
        locked.execute(*changed, sender=executor)


def test_execute_twice_reverts(locked, operation, executor):
    boa.env.time_travel(seconds=DELAY)
    locked.execute(*operation, sender=executor)
    with boa.reverts("timelock_controller: operation is not ready"):
        locked.execute(*operation, sender=executor)


def test_execute_before_its_predecessor_reverts(locked, operation, dobo, gift, proposer, executor):
    before = hash_of(*operation)
    locked.schedule(dobo, 0, gift, before, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    with boa.reverts("timelock_controller: missing dependency"):
        locked.execute(dobo, 0, gift, before, NONE, sender=executor)
    locked.execute(*operation, sender=executor)
    locked.execute(dobo, 0, gift, before, NONE, sender=executor)
    assert locked.is_operation_done(hash_of(dobo.address, 0, gift, before))


def test_execute_makes_the_call_in_the_last_second_of_the_delay(
    locked, operation, dobo, gift, charity, executor
):
    boa.env.time_travel(seconds=DELAY)
    with moves([dobo, COIN], [locked, charity, executor]) as moved:
        locked.execute(*operation, sender=executor)
    assert logged(locked) == [
        entry(dobo, "Transfer", sender=locked, receiver=charity, value=5),
        entry(
            locked,
            "CallExecuted",
            id=hash_of(*operation),
            index=0,
            target=dobo,
            amount=0,
            payload=gift,
        ),
    ]
    assert moved == change((dobo, locked, -5), (dobo, charity, 5))


def test_anyone_executes_where_the_executor_is_zero(opened, proposer, stranger, charity):
    opened.schedule(charity, 0, b"", NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    opened.execute(charity, 0, b"", NONE, NONE, sender=stranger)
    assert opened.is_operation_done(hash_of(charity, 0, b""))


def test_a_call_that_fails_passes_its_reason_on_and_stays_ready(
    locked, dobo, charity, proposer, executor
):
    too_much = dobo.transfer.prepare_calldata(charity, 2**255)
    locked.schedule(dobo, 0, too_much, NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    with boa.reverts("erc20: balance too low"):
        locked.execute(dobo, 0, too_much, NONE, NONE, sender=executor)
    assert locked.is_operation_ready(hash_of(dobo.address, 0, too_much))


def test_a_reason_of_more_than_255_bytes_is_passed_on(locked, proposer, executor):
    grumbler = boa.loads(
        "# pragma version 0.4.3\n"
        "@external\n"
        "def grumble(text: String[600]):\n"
        "    assert False, text\n"
    )
    reason = "because " * 75
    payload = grumbler.grumble.prepare_calldata(reason)
    locked.schedule(grumbler, 0, payload, NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    execute = locked.execute.prepare_calldata(grumbler, 0, payload, NONE, NONE)
    assert send(locked, 0, sender=executor, data=execute) == reason


def test_a_call_that_fails_without_reason_gets_one(locked, dobo, proposer, executor):
    locked.schedule(dobo, 0, b"\xde\xad\xbe\xef", NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    with boa.reverts("timelock_controller: underlying transaction reverted"):
        locked.execute(dobo, 0, b"\xde\xad\xbe\xef", NONE, NONE, sender=executor)


def test_a_call_to_what_has_no_code_reverts(locked, stranger, gift, proposer, executor):
    locked.schedule(stranger, 0, gift, NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    with boa.reverts("timelock: target has no code"):
        locked.execute(stranger, 0, gift, NONE, NONE, sender=executor)


# --- batches --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def batch(dobo, charity, stranger):
    """5 DOBO to the charity, then 7 to the stranger: targets, amounts, payloads."""
    payloads = [
        dobo.transfer.prepare_calldata(charity, 5),
        dobo.transfer.prepare_calldata(stranger, 7),
    ]
    return ([dobo.address] * 2, [0, 0], payloads)


def test_schedule_batch_by_others_reverts(locked, batch, executor, stranger):
    for sender in (executor, stranger, boa.env.eoa):
        with boa.reverts(NO_ROLE):
            locked.schedule_batch(*batch, NONE, NONE, DELAY, sender=sender)


@pytest.mark.parametrize("short", [0, 1, 2], ids=["targets", "amounts", "payloads"])
def test_a_batch_of_unequal_lengths_reverts(locked, batch, proposer, executor, short):
    lists = [*batch]
    lists[short] = lists[short][:1]
    with boa.reverts("timelock: length mismatch"):
        locked.schedule_batch(*lists, NONE, NONE, DELAY, sender=proposer)
    with boa.reverts("timelock: length mismatch"):
        locked.execute_batch(*lists, NONE, NONE, sender=executor)


def test_schedule_batch_with_too_short_a_delay_reverts(locked, batch, proposer):
    with boa.reverts("timelock_controller: insufficient delay"):
        locked.schedule_batch(*batch, NONE, NONE, DELAY - 1, sender=proposer)


def test_schedule_batch_twice_reverts(locked, batch, proposer):
    locked.schedule_batch(*batch, NONE, NONE, DELAY, sender=proposer)
    with boa.reverts("timelock_controller: operation already scheduled"):
        locked.schedule_batch(*batch, NONE, NONE, DELAY, sender=proposer)


def test_execute_batch_by_others_reverts(locked, batch, proposer, stranger):
    locked.schedule_batch(*batch, NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    for sender in (proposer, stranger):
        with boa.reverts(NO_ROLE):
            locked.execute_batch(*batch, NONE, NONE, sender=sender)


def test_execute_batch_a_second_early_reverts(locked, batch, proposer, executor):
    locked.schedule_batch(*batch, NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY - 1)
    with boa.reverts("timelock_controller: operation is not ready"):
        locked.execute_batch(*batch, NONE, NONE, sender=executor)


def test_execute_batch_twice_reverts(locked, batch, proposer, executor):
    locked.schedule_batch(*batch, NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    locked.execute_batch(*batch, NONE, NONE, sender=executor)
    with boa.reverts("timelock_controller: operation is not ready"):
        locked.execute_batch(*batch, NONE, NONE, sender=executor)


def test_execute_batch_before_its_predecessor_reverts(locked, batch, operation, proposer, executor):
    before = hash_of(*operation)
    locked.schedule_batch(*batch, before, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    with boa.reverts("timelock_controller: missing dependency"):
        locked.execute_batch(*batch, before, NONE, sender=executor)


def test_a_batch_is_scheduled_and_carried_out_in_order(
    locked, batch, dobo, charity, stranger, proposer, executor
):
    id = hash_of_batch(*batch, NONE, SALT)
    locked.schedule_batch(*batch, NONE, SALT, DELAY, sender=proposer)
    assert logged(locked) == [
        *(
            entry(
                locked,
                "CallScheduled",
                id=id,
                index=index,
                target=dobo,
                amount=0,
                payload=payload,
                predecessor=NONE,
                delay=DELAY,
            )
            for index, payload in enumerate(batch[2])
        ),
        entry(locked, "CallSalt", id=id, salt=SALT),
    ]
    boa.env.time_travel(seconds=DELAY)
    with moves([dobo], [locked, charity, stranger]) as moved:
        locked.execute_batch(*batch, NONE, SALT, sender=executor)
    executed = [
        entry(locked, "CallExecuted", id=id, index=index, target=dobo, amount=0, payload=payload)
        for index, payload in enumerate(batch[2])
    ]
    assert logged(locked) == [
        entry(dobo, "Transfer", sender=locked, receiver=charity, value=5),
        executed[0],
        entry(dobo, "Transfer", sender=locked, receiver=stranger, value=7),
        executed[1],
    ]
    assert moved == change((dobo, locked, -12), (dobo, charity, 5), (dobo, stranger, 7))
    assert locked.is_operation_done(id)


def test_schedule_batch_without_salt_logs_none(locked, batch, proposer):
    locked.schedule_batch(*batch, NONE, NONE, DELAY, sender=proposer)
    assert [event for _, event, _ in logged(locked)] == ["CallScheduled"] * 2


def test_a_batch_is_carried_out_as_a_whole_or_not_at_all(
    locked, batch, dobo, charity, proposer, executor
):
    targets, amounts, payloads = batch
    payloads = [payloads[0], dobo.transfer.prepare_calldata(charity, 2**255)]
    locked.schedule_batch(targets, amounts, payloads, NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    with (
        moves([dobo], [locked, charity]) as moved,
        boa.reverts("erc20: balance too low"),
    ):
        locked.execute_batch(targets, amounts, payloads, NONE, NONE, sender=executor)
    assert moved == {}


def test_a_batch_sends_coin_with_each_call(opened, proposer, stranger, charity, donor):
    batch = ([charity, donor], [3, 4], [b"", b""])
    opened.schedule_batch(*batch, NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    with moves([COIN], [opened, charity, donor, stranger]) as moved:
        opened.execute_batch(*batch, NONE, NONE, sender=stranger, value=7)
    assert moved == change((COIN, stranger, -7), (COIN, charity, 3), (COIN, donor, 4))


# --- size -----------------------------------------------------------------------------------------


def test_a_payload_has_room_for_200_weights_of_a_fund(opened, proposer, stranger):
    arguments = encode(["uint256", "uint256[]", "uint256[]"], [1, list(range(200)), [10_000] * 200])
    payload = keccak(text="announce_epoch(uint256,uint256[],uint256[])")[:4] + arguments
    assert len(payload) == 12_964 <= opened.MAX_PAYLOAD()
    funds = boa.loads(
        "# pragma version 0.4.3\n"
        "total: public(uint256)\n"
        "@external\n"
        "def announce_epoch(\n"
        "    fund: uint256, ids: DynArray[uint256, 200], weights: DynArray[uint256, 200]\n"
        "):\n"
        "    for weight: uint256 in weights:\n"
        "        self.total += weight\n"
    )
    opened.schedule(funds, 0, payload, NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    opened.execute(funds, 0, payload, NONE, NONE, sender=stranger)
    assert funds.total() == 200 * 10_000


def test_the_longest_payload_is_taken_and_no_longer_one(opened, proposer, stranger):
    relay = deployers.RELAY.deploy()
    assert opened.MAX_PAYLOAD() == 16_384
    longest = b"\1" * 16_384
    opened.schedule(relay, 0, longest, NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    opened.execute(relay, 0, longest, NONE, NONE, sender=stranger)
    assert opened.is_operation_done(hash_of(relay.address, 0, longest))
    kinds = ["address", "uint256", "bytes", "bytes32", "bytes32", "uint256"]
    selector = keccak(text="schedule(address,uint256,bytes,bytes32,bytes32,uint256)")[:4]
    for size, reason in ((16_384, None), (16_385, "")):
        data = selector + encode(kinds, [relay.address, 0, b"\2" * size, NONE, NONE, DELAY])
        assert send(opened, 0, sender=proposer, data=data) == reason


def test_sixteen_calls_are_taken_and_no_more(opened, proposer, stranger, charity):
    assert opened.MAX_CALLS() == 16
    kinds = ["address[]", "uint256[]", "bytes[]", "bytes32", "bytes32", "uint256"]
    name = "schedule_batch(address[],uint256[],bytes[],bytes32,bytes32,uint256)"
    for calls, reason in ((16, None), (17, "")):
        lists = [[charity] * calls, [1] * calls, [b""] * calls]
        data = keccak(text=name)[:4] + encode(kinds, [*lists, NONE, NONE, DELAY])
        assert send(opened, 0, sender=proposer, data=data) == reason
    boa.env.time_travel(seconds=DELAY)
    with moves([COIN], [charity]) as moved:
        opened.execute_batch(
            [charity] * 16, [1] * 16, [b""] * 16, NONE, NONE, sender=stranger, value=16
        )
    assert moved == change((COIN, charity, 16))


# --- cancel ---------------------------------------------------------------------------------------


def test_cancel_by_others_reverts(locked, operation, executor, stranger):
    for sender in (executor, stranger, boa.env.eoa):
        with boa.reverts(NO_ROLE):
            locked.cancel(hash_of(*operation), sender=sender)


def test_cancel_of_what_is_not_pending_reverts(locked, operation, proposer, executor):
    with boa.reverts("timelock_controller: operation cannot be cancelled"):
        locked.cancel(SALT, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    locked.execute(*operation, sender=executor)
    with boa.reverts("timelock_controller: operation cannot be cancelled"):
        locked.cancel(hash_of(*operation), sender=proposer)


@pytest.mark.parametrize("waited", [0, DELAY], ids=["waiting", "ready"])
def test_what_is_cancelled_cannot_be_executed_but_scheduled_again(
    locked, operation, proposer, executor, waited
):
    id = hash_of(*operation)
    boa.env.time_travel(seconds=waited)
    locked.cancel(id, sender=proposer)
    assert logged(locked) == [entry(locked, "Cancelled", id=id)]
    assert locked.get_operation_state(id) == UNSET
    boa.env.time_travel(seconds=DELAY)
    with boa.reverts("timelock_controller: operation is not ready"):
        locked.execute(*operation, sender=executor)
    locked.schedule(*operation, DELAY, sender=proposer)
    assert locked.is_operation_pending(id)


# --- the timelock's own affairs -------------------------------------------------------------------


@pytest.fixture
def carry_out(locked, proposer, executor):
    """carry_out(calldata) -> schedules a call of the timelock to itself, waits, executes it."""

    def carry_out(payload):
        locked.schedule(locked, 0, payload, NONE, NONE, DELAY, sender=proposer)
        boa.env.time_travel(seconds=DELAY)
        locked.execute(locked, 0, payload, NONE, NONE, sender=executor)

    return carry_out


def test_update_delay_by_anyone_reverts(locked, proposer, executor):
    for sender in (proposer, executor, boa.env.eoa):
        with boa.reverts("timelock_controller: caller must be timelock"):
            locked.update_delay(0, sender=sender)


def test_the_delay_changes_only_by_an_operation(locked, carry_out):
    carry_out(locked.update_delay.prepare_calldata(DELAY + 1))
    assert logged(locked)[0] == entry(
        locked, "MinimumDelayChange", old_duration=DELAY, new_duration=DELAY + 1
    )
    assert locked.get_minimum_delay() == DELAY + 1


@pytest.mark.parametrize(
    "role",
    [ADMIN, PROPOSER, EXECUTOR, CANCELLER],
    ids=["admin", "proposer", "executor", "canceller"],
)
def test_roles_are_given_and_taken_by_nobody_but_an_operation(
    locked, proposer, executor, stranger, carry_out, role
):
    for sender in (proposer, executor, stranger, boa.env.eoa):
        with boa.reverts(NO_ROLE):
            locked.grantRole(role, stranger, sender=sender)
        with boa.reverts(NO_ROLE):
            locked.revokeRole(role, proposer, sender=sender)
        with boa.reverts(NO_ROLE):
            locked.set_role_admin(role, PROPOSER, sender=sender)
    carry_out(locked.grantRole.prepare_calldata(role, stranger))
    assert logged(locked)[0] == entry(
        locked, "RoleGranted", role=role, account=stranger, sender=locked
    )
    assert locked.hasRole(role, stranger)
    carry_out(locked.revokeRole.prepare_calldata(role, stranger))
    assert logged(locked)[0] == entry(
        locked, "RoleRevoked", role=role, account=stranger, sender=locked
    )
    assert not locked.hasRole(role, stranger)


def test_a_role_gets_another_admin_only_by_an_operation(locked, carry_out):
    carry_out(locked.set_role_admin.prepare_calldata(CANCELLER, PROPOSER))
    assert logged(locked)[0] == entry(
        locked,
        "RoleAdminChanged",
        role=CANCELLER,
        previousAdminRole=ADMIN,
        newAdminRole=PROPOSER,
    )
    assert locked.getRoleAdmin(CANCELLER) == PROPOSER


def test_a_role_can_be_given_up_only_for_oneself(locked, proposer, stranger):
    with boa.reverts("access_control: can only renounce roles for itself"):
        locked.renounceRole(PROPOSER, proposer, sender=stranger)
    locked.renounceRole(PROPOSER, proposer, sender=proposer)
    assert not locked.hasRole(PROPOSER, proposer)


def test_the_timelock_owns_the_reserve(opened, proposer, stranger):
    named = [roles.address(name) for name in ("dobo", "commission", "buyback")]
    reserve = deployers.ECOSYSTEM_RESERVE.deploy(opened, *named)
    pool = deployers.RELAY.deploy()
    payload = reserve.add_reward_pool.prepare_calldata(pool)
    opened.schedule(reserve, 0, payload, NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    opened.execute(reserve, 0, payload, NONE, NONE, sender=stranger)
    assert reserve.is_reward_pool(pool)


# --- re-entry -------------------------------------------------------------------------------------


@pytest.mark.parametrize("within", ["execute", "execute_batch"])
def test_nothing_can_be_executed_from_within_an_operation(opened, proposer, charity, within):
    relay = deployers.RELAY.deploy()
    # another operation, ready, which the relay may carry out from outside
    inner = (charity, 0, b"", NONE, SALT)
    opened.schedule(*inner, DELAY, sender=proposer)
    calldata = opened.execute.prepare_calldata(*inner)
    relay.set_answer(opened, calldata, 0)
    outer = (relay.address, 1, b"", NONE, NONE)
    lists = ([relay.address], [1], [b""], NONE, NONE)
    opened.schedule(*outer, DELAY, sender=proposer)
    opened.schedule_batch(*lists, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    with boa.env.anchor():
        relay.forward(opened, calldata)
        assert opened.is_operation_done(hash_of(*inner))
    with boa.reverts("timelock_controller: underlying transaction reverted"):
        getattr(opened, within)(
            *(outer if within == "execute" else lists), value=1, sender=proposer
        )
    assert opened.is_operation_ready(hash_of(*inner))


@pytest.mark.parametrize("within", ["execute", "execute_batch"])
def test_an_operation_cancelled_from_within_itself_reverts(proposer, within):
    relay = deployers.RELAY.deploy()
    timelock = deployers.TIMELOCK.deploy(DELAY, [proposer, relay.address], [ZERO])
    outer = (relay.address, 1, b"", NONE, NONE)
    lists = ([relay.address], [1], [b""], NONE, NONE)
    timelock.schedule(*outer, DELAY, sender=proposer)
    timelock.schedule_batch(*lists, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    id = hash_of(*outer) if within == "execute" else hash_of_batch(*lists)
    relay.set_answer(timelock, timelock.cancel.prepare_calldata(id), 0)
    with boa.reverts("timelock_controller: operation is not ready"):
        getattr(timelock, within)(
            *(outer if within == "execute" else lists), value=1, sender=proposer
        )


# --- coin and tokens ------------------------------------------------------------------------------


def test_coin_is_taken_and_leaves_by_an_operation(opened, proposer, donor, charity, stranger):
    assert send(opened, 10, sender=donor) is None
    opened.schedule(charity, 9, b"", NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    with moves([COIN], [opened, charity, stranger]) as moved:
        opened.execute(charity, 9, b"", NONE, NONE, sender=stranger)
    assert moved == change((COIN, opened, -9), (COIN, charity, 9))


def test_coin_sent_with_the_execution_is_added(opened, proposer, charity, stranger):
    opened.schedule(charity, 9, b"", NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    with moves([COIN], [opened, charity, stranger]) as moved:
        opened.execute(charity, 9, b"", NONE, NONE, sender=stranger, value=10)
    assert moved == change((COIN, stranger, -10), (COIN, charity, 9), (COIN, opened, 1))


def test_an_operation_cannot_spend_coin_that_is_not_there(opened, proposer, charity, stranger):
    opened.schedule(charity, 9, b"", NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    with boa.reverts("timelock_controller: underlying transaction reverted"):
        opened.execute(charity, 9, b"", NONE, NONE, sender=stranger, value=8)


def test_change_may_come_back_while_an_operation_runs(opened, proposer, stranger):
    relay = deployers.RELAY.deploy()
    relay.set_answer(opened, b"", 3)
    opened.schedule(relay, 10, b"", NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    with moves([COIN], [opened, relay, stranger]) as moved:
        opened.execute(relay, 10, b"", NONE, NONE, sender=stranger, value=10)
    assert moved == change((COIN, stranger, -10), (COIN, relay, 7), (COIN, opened, 3))


def test_coin_forced_in_is_spent_like_any_other(opened, proposer, charity, stranger):
    boa.env.set_balance(opened.address, 9)
    opened.schedule(charity, 9, b"", NONE, NONE, DELAY, sender=proposer)
    boa.env.time_travel(seconds=DELAY)
    opened.execute(charity, 9, b"", NONE, NONE, sender=stranger)
    assert balance(COIN, opened) == 0


def test_a_mistyped_call_is_refused_with_coin_and_without(opened, stranger):
    for amount in (0, 1):
        for data in (b"\0", bytes.fromhex("deadbeef"), b"\0" * 36):
            reason = send(opened, amount, sender=stranger, data=data)
            assert reason == "timelock: unknown function"


def test_nfts_are_taken(opened, donor):
    assert opened.onERC721Received(donor, donor, 1, b"") == bytes.fromhex("150b7a02")
    assert opened.onERC1155Received(donor, donor, 1, 1, b"") == bytes.fromhex("f23a6e61")
    batch = opened.onERC1155BatchReceived(donor, donor, [1], [1], b"")
    assert batch == bytes.fromhex("bc197c81")
    assert opened.IERC721_TOKENRECEIVER_SELECTOR() == bytes.fromhex("150b7a02")
    assert opened.IERC1155_TOKENRECEIVER_SINGLE_SELECTOR() == bytes.fromhex("f23a6e61")
    assert opened.IERC1155_TOKENRECEIVER_BATCH_SELECTOR() == bytes.fromhex("bc197c81")


@pytest.mark.parametrize(
    ("interface", "is_supported"),
    [("01ffc9a7", True), ("7965db0b", True), ("4e2312e0", True), ("ffffffff", False)],
)
def test_interfaces_are_announced(opened, interface, is_supported):
    assert opened.supportsInterface(bytes.fromhex(interface)) is is_supported
