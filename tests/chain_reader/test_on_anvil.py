"""A real node: every type of transaction, reorganisations, and roots and hashes it made itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio
import rlp
import uvloop
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from donablock.chain.blocks import Block
from donablock.chain.chains import chain_of
from donablock.chain.faults import NodesFailedError
from donablock.chain.keys import TEST_MNEMONIC
from donablock.chain.node import Anvil
from donablock.chain.nodes import Nodes
from donablock.errors import BlockGoneError

pytestmark = pytest.mark.anvil

NOW = 1_800_000_000
RECEIVER, LOGGER, REVERTER = (
    to_checksum_address("0x" + name.encode().hex().rjust(40, "0"))
    for name in ("receiver", "logger", "reverter")
)
# LOG0 to LOG4, each with one word of data, and one with none
LOGS = bytes.fromhex(
    "60206000a0"
    "600160206000a1"
    "6002600160206000a2"
    "60036002600160206000a3"
    "600460036002600160206000a4"
    "60006000a0"
    "00"
)
# its constructor logs too; what it makes is one byte long
INIT = bytes.fromhex("600160206000a160015ff3")


@pytest.fixture(scope="module")
def shared() -> Iterator[Anvil]:
    with Anvil(timestamp=NOW) as node:
        node.set_code(LOGGER, LOGS)
        node.set_code(REVERTER, bytes.fromhex("60006000fd"))
        yield node


@pytest.fixture
def anvil(shared: Anvil) -> Iterator[Anvil]:
    snapshot = shared.snapshot()
    yield shared
    shared.revert(snapshot)


@pytest_asyncio.fixture
async def source(anvil: Anvil) -> AsyncIterator[Nodes]:
    async with Nodes(chain_of(31337), [anvil.url]) as nodes:
        yield nodes


# commitment and proof of a blob of zeros are the curve's zero: no trusted setup is needed
BLOB = b"\0" * (4096 * 32)
NOTHING = b"\xc0" + b"\0" * 47


def account(index: int) -> LocalAccount:
    """Of those that have money from the beginning."""
    Account.enable_unaudited_hdwallet_features()
    path = f"m/44'/60'/0'/0/{index}"
    made: LocalAccount = Account.from_mnemonic(TEST_MNEMONIC, account_path=path)
    return made


SENDER, AUTHORITY = account(0), account(3)


def send(anvil: Anvil, *, has_blob: bool = False, **fields: Any) -> dict[str, Any]:
    """Signed here and mined at once; the receipt as the node gives it."""
    transaction: dict[str, Any] = {
        "chainId": 31337,
        "nonce": anvil.w3.eth.get_transaction_count(SENDER.address),
        "gas": 1_000_000,
        "value": 0,
        "data": b"",
        **fields,
    }
    if "gasPrice" not in transaction:
        transaction |= {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9}
    if transaction.get("to", "") is None:
        del transaction["to"]
    raw = bytes(SENDER.sign_transaction(transaction).raw_transaction)
    if has_blob:
        # as it travels: with the blob, its commitment and proof
        raw = b"\3" + rlp.encode([rlp.decode(raw[1:]), [BLOB], [NOTHING], [NOTHING]])
    sent = anvil.w3.eth.send_raw_transaction(raw)
    anvil.w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
    receipt: dict[str, Any] = anvil.request("eth_getTransactionReceipt", "0x" + bytes(sent).hex())
    return receipt


def authorization(anvil: Anvil) -> Any:
    return AUTHORITY.sign_authorization(
        {
            "chainId": 31337,
            "address": LOGGER,
            "nonce": anvil.w3.eth.get_transaction_count(AUTHORITY.address),
        }
    )


def kinds(anvil: Anvil) -> dict[str, dict[str, Any]]:
    """One transaction of each kind, each in a block of its own."""
    return {
        "plain": send(anvil, to=LOGGER, gasPrice=10**11),
        "access list": send(
            anvil,
            to=LOGGER,
            gasPrice=10**11,
            accessList=[{"address": LOGGER, "storageKeys": ["0x" + "00" * 32]}],
        ),
        "dynamic fee": send(anvil, to=RECEIVER, value=10**18),
        "blob": send(
            anvil,
            has_blob=True,
            to=RECEIVER,
            type=3,
            maxFeePerBlobGas=10**9,
            accessList=[],
            blobVersionedHashes=[b"\1" + sha256(NOTHING).digest()[1:]],
        ),
        "set code": send(
            anvil, to=AUTHORITY.address, type=4, authorizationList=[authorization(anvil)]
        ),
        "creation": send(anvil, to=None, data=INIT),
        "reverted": send(anvil, to=REVERTER, value=5, data=b"\1\2\3"),
        "failed creation": send(anvil, to=None, data=bytes.fromhex("60006000fd")),
    }


@pytest.mark.asyncio
async def test_every_kind_of_transaction_is_read_and_proved(anvil: Anvil, source: Nodes) -> None:
    receipts = kinds(anvil)
    head = await source.head()
    types = {name: int(receipt["type"], 16) for name, receipt in receipts.items()}
    assert set(types.values()) == {0, 1, 2, 3, 4}
    for name, receipt in receipts.items():
        block = await source.block(receipt["blockHash"])
        (one,) = block.transactions
        assert one.hash == receipt["transactionHash"], name
        assert one.sender == receipt["from"] and one.to == receipt["to"], name
        assert one.is_success == (receipt["status"] == "0x1"), name
        assert len(one.logs) == len(receipt["logs"]), name
        for log, said in zip(one.logs, receipt["logs"], strict=True):
            assert (log.address, list(log.topics), log.data) == (
                said["address"],
                said["topics"],
                said["data"],
            ), name
    made = await source.block(receipts["creation"]["blockHash"])
    assert made.transactions[0].created == receipts["creation"]["contractAddress"] is not None
    assert len(made.transactions[0].logs) == 1
    for name in ("reverted", "failed creation"):
        (one,) = (await source.block(receipts[name]["blockHash"])).transactions
        assert not one.is_success and one.created is None and one.logs == ()
    reverted = (await source.block(receipts["reverted"]["blockHash"])).transactions[0]
    assert (reverted.amount, reverted.input) == (5, "0x010203")
    logged = (await source.block(receipts["plain"]["blockHash"])).transactions[0]
    assert [len(log.topics) for log in logged.logs] == [0, 1, 2, 3, 4, 0]
    assert head.number == int(receipts["failed creation"]["blockNumber"], 16)


@pytest.mark.asyncio
async def test_the_transactions_root_of_every_kind_but_blobs_is_proved(anvil: Anvil) -> None:
    chain = chain_of(31337).model_copy(update={"is_transactions_root_checked": True})
    async with Nodes(chain, [anvil.url]) as source:
        for name, receipt in kinds(anvil).items():
            if name == "blob":
                # anvil's root covers the blobs themselves, so it is not checked on local chains
                with pytest.raises(NodesFailedError, match="the transactions of block .* give"):
                    await source.block(receipt["blockHash"])
            else:
                (one,) = (await source.block(receipt["blockHash"])).transactions
                assert one.hash == receipt["transactionHash"], name


@pytest.mark.asyncio
async def test_a_block_of_many_kinds_at_once(anvil: Anvil, source: Nodes) -> None:
    anvil.request("evm_setAutomine", False)
    try:
        for at, sender in enumerate(map(account, range(4, 12))):
            to = (LOGGER, RECEIVER, REVERTER, None)[at % 4]
            fields: dict[str, Any] = {
                "chainId": 31337,
                "nonce": 0,
                "gas": 300_000,
                "value": 0,
                "data": INIT if to is None else b"",
                "maxFeePerGas": 10**11,
                "maxPriorityFeePerGas": 10**9,
            }
            if to is not None:
                fields["to"] = to
            anvil.w3.eth.send_raw_transaction(sender.sign_transaction(fields).raw_transaction)
        anvil.mine()
    finally:
        anvil.request("evm_setAutomine", True)
    block = await source.block(await source.head())
    assert len(block.transactions) == 8
    assert [one.index for one in block.transactions] == list(range(8))
    numbers = [log.index for one in block.transactions for log in one.logs]
    assert numbers == list(range(2 * 6 + 2 * 1))
    assert sum(one.is_success for one in block.transactions) == 6


@pytest.mark.asyncio
async def test_all_blocks_from_the_first_one(anvil: Anvil, source: Nodes) -> None:
    kinds(anvil)
    anvil.mine(300)
    head = await source.head()
    blocks = [block async for block in source.blocks(range(head.number + 1))]
    assert [block.number for block in blocks] == list(range(head.number + 1))
    assert blocks[-1].ref == head
    assert sum(len(block.transactions) for block in blocks) == 8
    said = anvil.w3.eth.get_block(0)
    assert blocks[0].hash == "0x" + bytes(said["hash"]).hex()


@pytest.mark.asyncio
@pytest.mark.parametrize("depth", [1, 3, 64])
async def test_a_reorganisation(anvil: Anvil, source: Nodes, depth: int) -> None:
    anvil.mine(5)
    # blocks with nothing in them would be made anew just the same
    for _ in range(depth):
        lost = send(anvil, to=LOGGER)
    before = await source.head()
    old: list[Block] = []
    async for block in source.blocks(range(before.number - depth + 1, before.number + 1)):
        old.append(block)
    assert len(old[-1].transactions) == 1
    anvil.request("anvil_reorg", depth, [])
    anvil.mine()
    after = await source.head()
    assert after.number == before.number + 1
    refs = [await source.ref(number) for number in range(before.number - depth, after.number + 1)]
    assert refs[-1] == after
    for below, above in zip(refs, refs[1:], strict=False):
        assert below is not None and above is not None and above.parent == below.hash
    assert refs[0] is not None and refs[0].hash == old[0].parent, "where both chains part"
    for block, ref in zip(old, refs[1:], strict=False):
        assert ref is not None and ref.hash != block.hash
    # anvil forgets what it replaced
    with pytest.raises(BlockGoneError):
        await source.block(lost["blockHash"])
    with pytest.raises(BlockGoneError):
        await source.block(before)
    assert await source.ref_by_hash(lost["blockHash"]) is None
    assert (await source.block(after)).ref == after


@pytest.mark.asyncio
async def test_a_chain_that_becomes_shorter(anvil: Anvil, source: Nodes) -> None:
    anvil.mine(20)
    before = await source.head()
    anvil.request("anvil_rollback", 5)
    after = await source.head()
    assert after.number == before.number - 5
    assert await source.ref(after.number) == after
    assert await source.ref(after.number + 1) is None
    anvil.mine(6)
    assert (await source.head()).number == before.number + 1


def test_it_runs_on_uvloop(anvil: Anvil) -> None:
    async def read() -> int:
        async with Nodes(chain_of(31337), [anvil.url]) as nodes:
            head = await nodes.head()
            blocks = [block async for block in nodes.blocks(range(head.number + 1))]
            return len(blocks) - head.number

    kinds(anvil)
    assert uvloop.run(read()) == 1
