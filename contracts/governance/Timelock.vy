# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Timelock
@license AGPL-3.0-only
@author DonaBlock
@notice The owner of every contract of DonaBlock that has one. A proposer schedules a call, everybody
        can read it for at least the minimum delay, then an executor carries it out. It is meant to
        be proposed to by a multisig and executed by anyone (executor zero).
        It is snekmate's `timelock_controller` (the same roles, states, ids, events and entry
        points), with one difference: a payload may have 16,384 bytes instead of 1,024, since
        announcing 200 weights of an index fund takes 12,964. Therefore the six functions that
        carry a payload are written here, around the module's own steps.
        docs/decisions/0002-timelock-payload.md
        Its revert reasons come from three places: "timelock: ..." from here,
        "timelock_controller: ..." and "access_control: ..." from the modules.
@custom:exit Nobody's money is held here for them. Coin and tokens that arrive leave by a scheduled
             operation like any other. What the timelock may do to other contracts closes no exit
             there: claims, refunds, redemptions and withdrawals have no switch.
@custom:trust A proposer can, after the minimum delay and in public, call anything in the timelock's
              name, including granting roles and changing the delay for later operations. A
              canceller (every proposer is one) can stop what is scheduled. Nobody, the deployer
              included, can act without the delay: there is no admin but the timelock itself.
"""

from snekmate.auth import access_control
from snekmate.governance import timelock_controller

initializes: access_control
initializes: timelock_controller[access_control := access_control]

# Explicit, so that a change of a module cannot add an entry point unseen. Left out are `schedule`,
# `schedule_batch`, `execute`, `execute_batch`, `hash_operation` and `hash_operation_batch`, which
# this contract has with a larger payload.
exports: (
    # roles
    access_control.DEFAULT_ADMIN_ROLE,
    access_control.hasRole,
    access_control.getRoleAdmin,
    access_control.grantRole,
    access_control.revokeRole,
    access_control.renounceRole,
    access_control.set_role_admin,
    timelock_controller.PROPOSER_ROLE,
    timelock_controller.EXECUTOR_ROLE,
    timelock_controller.CANCELLER_ROLE,
    # operations
    timelock_controller.cancel,
    timelock_controller.update_delay,
    timelock_controller.get_minimum_delay,
    timelock_controller.get_timestamp,
    timelock_controller.get_operation_state,
    timelock_controller.is_operation,
    timelock_controller.is_operation_pending,
    timelock_controller.is_operation_ready,
    timelock_controller.is_operation_done,
    # receiving tokens
    timelock_controller.supportsInterface,
    timelock_controller.onERC721Received,
    timelock_controller.onERC1155Received,
    timelock_controller.onERC1155BatchReceived,
    timelock_controller.IERC721_TOKENRECEIVER_SELECTOR,
    timelock_controller.IERC1155_TOKENRECEIVER_SINGLE_SELECTOR,
    timelock_controller.IERC1155_TOKENRECEIVER_BATCH_SELECTOR,
)


# ================================== EVENTS ==================================

event CallScheduled:
    id: indexed(bytes32)
    index: indexed(uint256)
    target: address
    amount: uint256
    payload: Bytes[MAX_PAYLOAD]
    predecessor: bytes32
    delay: uint256


event CallSalt:
    id: indexed(bytes32)
    salt: bytes32


event CallExecuted:
    id: indexed(bytes32)
    index: indexed(uint256)
    target: address
    amount: uint256
    payload: Bytes[MAX_PAYLOAD]


# ================================ CONSTANTS =================================

# the longest call, selector and arguments, in bytes
MAX_PAYLOAD: public(constant(uint256)) = 16_384

# the most calls in one batch
MAX_CALLS: public(constant(uint256)) = 16


# =============================== CONSTRUCTOR ================================

@deploy
def __init__(
    minimum_delay: uint256,
    proposers: DynArray[address, 3],
    executors: DynArray[address, 3],
):
    """
    @notice Sets the delay and the roles; the deployer keeps none.
    @dev Reverts with "timelock: no proposer", "timelock: zero proposer" or "timelock: no executor".
         Logs RoleGranted per role and account, MinimumDelayChange, and the deployer's admin role
         coming (RoleGranted) and going (RoleRevoked).
    @param minimum_delay Seconds that must pass between scheduling and executing.
    @param proposers Who may schedule and cancel.
    @param executors Who may execute what is due; the zero address among them means anyone.
    """
    # without either nothing could ever be done in the timelock's name, and nobody could mend it
    assert len(proposers) > 0, "timelock: no proposer"
    for proposer: address in proposers:
        assert proposer != empty(address), "timelock: zero proposer"
    assert len(executors) > 0, "timelock: no executor"

    access_control.__init__()
    timelock_controller.__init__(
        minimum_delay, proposers, executors, empty(address)
    )


# ================================== ANYONE ==================================

@external
@payable
@reentrant
def __default__():
    """
    @notice Takes the chain's coin, also while an operation runs (a refund of that operation).
    @dev Reverts with "timelock: unknown function" when called with data, so that a mistyped call
         does not look as if it had worked.
    """
    assert len(msg.data) == 0, "timelock: unknown function"


# ================================= PROPOSER =================================

@external
def schedule(
    target: address,
    amount: uint256,
    payload: Bytes[MAX_PAYLOAD],
    predecessor: bytes32,
    salt: bytes32,
    delay: uint256,
):
    """
    @notice Announces a call, to be carried out after `delay` seconds.
    @dev Reverts with "access_control: account is missing role",
         "timelock_controller: operation already scheduled" or
         "timelock_controller: insufficient delay". Logs CallScheduled, and CallSalt unless the salt
         is zero.
    @param target Which contract to call.
    @param amount Wei of the chain's coin to send along.
    @param payload Selector and arguments.
    @param predecessor The id of an operation that must be done before, or zero.
    @param salt Anything; tells apart operations that are otherwise the same.
    @param delay Seconds from now, at least the minimum delay.
    """
    access_control._check_role(timelock_controller.PROPOSER_ROLE, msg.sender)

    id: bytes32 = keccak256(
        abi_encode(target, amount, payload, predecessor, salt)
    )
    timelock_controller._schedule(id, delay)

    log CallScheduled(
        id=id,
        index=0,
        target=target,
        amount=amount,
        payload=payload,
        predecessor=predecessor,
        delay=delay,
    )
    if salt != empty(bytes32):
        log CallSalt(id=id, salt=salt)


@external
def schedule_batch(
    targets: DynArray[address, MAX_CALLS],
    amounts: DynArray[uint256, MAX_CALLS],
    payloads: DynArray[Bytes[MAX_PAYLOAD], MAX_CALLS],
    predecessor: bytes32,
    salt: bytes32,
    delay: uint256,
):
    """
    @notice Announces several calls, to be carried out together, in order, after `delay` seconds.
    @dev Reverts with "access_control: account is missing role", "timelock: length mismatch",
         "timelock_controller: operation already scheduled" or
         "timelock_controller: insufficient delay". Logs CallScheduled per call, and CallSalt unless
         the salt is zero.
    @param targets Which contracts to call.
    @param amounts Wei of the chain's coin to send along with each call.
    @param payloads Selector and arguments of each call.
    @param predecessor The id of an operation that must be done before, or zero.
    @param salt Anything; tells apart operations that are otherwise the same.
    @param delay Seconds from now, at least the minimum delay.
    """
    access_control._check_role(timelock_controller.PROPOSER_ROLE, msg.sender)
    assert len(targets) == len(amounts), "timelock: length mismatch"
    assert len(targets) == len(payloads), "timelock: length mismatch"

    id: bytes32 = keccak256(
        abi_encode(targets, amounts, payloads, predecessor, salt)
    )
    timelock_controller._schedule(id, delay)

    for i: uint256 in range(len(targets), bound=MAX_CALLS):
        log CallScheduled(
            id=id,
            index=i,
            target=targets[i],
            amount=amounts[i],
            payload=payloads[i],
            predecessor=predecessor,
            delay=delay,
        )
    if salt != empty(bytes32):
        log CallSalt(id=id, salt=salt)


# ================================= EXECUTOR =================================

@external
@payable
def execute(
    target: address,
    amount: uint256,
    payload: Bytes[MAX_PAYLOAD],
    predecessor: bytes32,
    salt: bytes32,
):
    """
    @notice Carries out a call that was scheduled and is due. Coin sent along is added to what the
            timelock holds.
    @dev Reverts with "access_control: account is missing role",
         "timelock_controller: operation is not ready", "timelock_controller: missing dependency",
         "timelock: target has no code" or with what the call reverts with
         ("timelock_controller: underlying transaction reverted" if it gives no reason). Logs CallExecuted.
    @param target As scheduled.
    @param amount As scheduled.
    @param payload As scheduled.
    @param predecessor As scheduled.
    @param salt As scheduled.
    """
    timelock_controller._only_role_or_open_role(
        timelock_controller.EXECUTOR_ROLE
    )
    id: bytes32 = keccak256(
        abi_encode(target, amount, payload, predecessor, salt)
    )

    # The module's order: the call comes before the operation is marked as done, and `_after_call`
    # fails if it was touched meanwhile. It cannot be executed from within: this file is locked.
    timelock_controller._before_call(id, predecessor)
    self._call(target, amount, payload)
    log CallExecuted(
        id=id, index=0, target=target, amount=amount, payload=payload
    )
    timelock_controller._after_call(id)


@external
@payable
def execute_batch(
    targets: DynArray[address, MAX_CALLS],
    amounts: DynArray[uint256, MAX_CALLS],
    payloads: DynArray[Bytes[MAX_PAYLOAD], MAX_CALLS],
    predecessor: bytes32,
    salt: bytes32,
):
    """
    @notice Carries out, in order, several calls that were scheduled together and are due: all or
            none. Coin sent along is added to what the timelock holds.
    @dev Reverts with "access_control: account is missing role", "timelock: length mismatch",
         "timelock_controller: operation is not ready", "timelock_controller: missing dependency",
         "timelock: target has no code" or with what a call reverts with
         ("timelock_controller: underlying transaction reverted" if it gives no reason). Logs CallExecuted per call.
    @param targets As scheduled.
    @param amounts As scheduled.
    @param payloads As scheduled.
    @param predecessor As scheduled.
    @param salt As scheduled.
    """
    timelock_controller._only_role_or_open_role(
        timelock_controller.EXECUTOR_ROLE
    )
    assert len(targets) == len(amounts), "timelock: length mismatch"
    assert len(targets) == len(payloads), "timelock: length mismatch"
    id: bytes32 = keccak256(
        abi_encode(targets, amounts, payloads, predecessor, salt)
    )

    timelock_controller._before_call(id, predecessor)
    for i: uint256 in range(len(targets), bound=MAX_CALLS):
        self._call(targets[i], amounts[i], payloads[i])
        log CallExecuted(
            id=id,
            index=i,
            target=targets[i],
            amount=amounts[i],
            payload=payloads[i],
        )
    timelock_controller._after_call(id)


# ================================== VIEWS ===================================

@external
@pure
def hash_operation(
    target: address,
    amount: uint256,
    payload: Bytes[MAX_PAYLOAD],
    predecessor: bytes32,
    salt: bytes32,
) -> bytes32:
    """
    @notice The id of an operation of one call.
    @param target Which contract to call.
    @param amount Wei of the chain's coin to send along.
    @param payload Selector and arguments.
    @param predecessor The id of an operation that must be done before, or zero.
    @param salt Anything; tells apart operations that are otherwise the same.
    @return The id.
    """
    return keccak256(abi_encode(target, amount, payload, predecessor, salt))


@external
@pure
def hash_operation_batch(
    targets: DynArray[address, MAX_CALLS],
    amounts: DynArray[uint256, MAX_CALLS],
    payloads: DynArray[Bytes[MAX_PAYLOAD], MAX_CALLS],
    predecessor: bytes32,
    salt: bytes32,
) -> bytes32:
    """
    @notice The id of an operation of several calls.
    @param targets Which contracts to call.
    @param amounts Wei of the chain's coin to send along with each call.
    @param payloads Selector and arguments of each call.
    @param predecessor The id of an operation that must be done before, or zero.
    @param salt Anything; tells apart operations that are otherwise the same.
    @return The id.
    """
    return keccak256(abi_encode(targets, amounts, payloads, predecessor, salt))


# ================================ INTERNALS =================================

@internal
def _call(target: address, amount: uint256, payload: Bytes[MAX_PAYLOAD]):
    """
    @dev Calls in the timelock's name and passes on the reason of a failure, cut at 1,024 bytes. The
         EVM lets a call to an account without code succeed; with a payload that is a mistake.
    """
    assert (
        target.is_contract or len(payload) == 0
    ), "timelock: target has no code"

    success: bool = False
    response: Bytes[1_024] = b""
    success, response = raw_call(
        target,
        payload,
        max_outsize=1_024,
        value=amount,
        revert_on_failure=False,
    )
    if not success:
        if len(response) > 0:
            raw_revert(response)
        raise "timelock_controller: underlying transaction reverted"
