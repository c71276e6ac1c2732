"""A chain that a test makes: blocks with logs, forks, reorganisations. Nothing is executed.

    chain = FakeChain()
    chain.mine(transfer(token, donor, charity, 25))      # a block on the head
    chain.extend(10)                                     # ten empty ones
    old = chain.head
    chain.reorganise(3, [payment], [], [], [])           # the last three replaced by four
    chain.head = old                                     # and back again

Hashes, roots and blooms are right: they are made with the product's own code, which is tried beside
py-evm and anvil in tests of its own. The same transaction may stand in several forks.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from donablock.chain.answers import (
    HeaderAnswer,
    ProvableReceiptAnswer,
    ProvableTransactionAnswer,
)
from donablock.chain.blocks import Block, BlockRef, Log, Transaction
from donablock.chain.bloom import bloom_of
from donablock.chain.header_hash import header_hash
from donablock.chain.keccak import keccak
from donablock.chain.receipts_root import receipts_root
from donablock.chain.transactions_root import (
    created_address,
    encode_transaction,
    transactions_root,
)

TRANSFER = "0x" + keccak(b"Transfer(address,address,uint256)").hex()
NO_UNCLES = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"
NO_REQUESTS = "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ZERO_WORD = "0x" + "00" * 32

_nonces = itertools.count()


def address(name: str) -> str:
    """The same address for the same name."""
    return "0x" + keccak(f"address of {name}".encode())[12:].hex()


def word(value: str | int) -> str:
    """An address or number as a topic or word of data: 32 bytes."""
    digits = f"{value:x}" if isinstance(value, int) else value.removeprefix("0x")
    return "0x" + digits.rjust(64, "0")


@dataclass(frozen=True)
class FakeLog:
    address: str
    topics: tuple[str, ...] = ()
    data: str = "0x"


@dataclass(frozen=True)
class FakeTransaction:
    """`value`: wei. `to` None makes a contract. Two are never the same unless one object is."""

    sender: str = address("sender")
    to: str | None = address("receiver")
    value: int = 0
    input: str = "0x"
    logs: tuple[FakeLog, ...] = ()
    is_success: bool = True
    type: int = 2
    nonce: int = field(default_factory=lambda: next(_nonces))

    @cached_property
    def fields(self) -> dict[str, Any]:
        """As a node has it, without its place in a block."""
        fields: dict[str, Any] = {
            "type": hex(self.type),
            "nonce": hex(self.nonce),
            "gas": hex(100_000),
            "gasPrice": "0x7",
            "to": self.to,
            "value": hex(self.value),
            "input": self.input,
            # nobody's signature
            "v": "0x1",
            "r": "0x11",
            "s": "0x22",
            "from": self.sender,
        }
        if self.type:
            fields |= {"chainId": "0x1", "accessList": [], "yParity": "0x1"}
        if self.type > 1:
            fields |= {"maxFeePerGas": "0x9", "maxPriorityFeePerGas": "0x1"}
        if self.type == 3:
            fields |= {"maxFeePerBlobGas": "0x3", "blobVersionedHashes": [word(1)]}
        if self.type == 4:
            fields["authorizationList"] = []
        plain = msgspec.convert({**fields, "hash": ZERO_WORD}, ProvableTransactionAnswer)
        return {**fields, "hash": "0x" + keccak(encode_transaction(plain)).hex()}

    @property
    def hash(self) -> str:
        return str(self.fields["hash"])

    @property
    def created(self) -> str | None:
        if self.to is not None or not self.is_success:
            return None
        return created_address(self.sender, hex(self.nonce))


def transfer(token: str, sender: str, to: str, amount: int) -> FakeTransaction:
    """An ERC-20 transfer, with its log. `amount`: smallest units."""
    log = FakeLog(token, (TRANSFER, word(sender), word(to)), word(amount))
    call = "0xa9059cbb" + word(to)[2:] + word(amount)[2:]
    return FakeTransaction(sender, token, 0, call, (log,))


def payment(sender: str, to: str, wei: int, *, is_success: bool = True) -> FakeTransaction:
    """The chain's own coin."""
    return FakeTransaction(sender, to, wei, is_success=is_success)


class FakeBlock:
    """One block of a FakeChain, with what nodes answer when asked for it."""

    def __init__(
        self,
        chain_id: int,
        parent: FakeBlock | None,
        number: int,
        timestamp: int,
        transactions: Sequence[FakeTransaction],
        salt: int,
    ) -> None:
        self.chain_id = chain_id
        self.parent = parent
        self.number = number
        self.timestamp = timestamp
        self.transactions = tuple(transactions)
        for one in self.transactions:
            assert one.is_success or not one.logs, "a failed transaction logs nothing"
        receipts = [
            msgspec.convert(one, ProvableReceiptAnswer) for one in self._receipts(ZERO_WORD)
        ]
        logs = [log for one in self.transactions for log in one.logs]
        header = HeaderAnswer(
            hash=ZERO_WORD,
            parent_hash=ZERO_WORD if parent is None else parent.hash,
            sha3_uncles=NO_UNCLES,
            miner=address("miner"),
            # two empty blocks on the same parent differ in this
            state_root=word(salt),
            transactions_root=transactions_root(
                [msgspec.convert(one.fields, ProvableTransactionAnswer) for one in transactions]
            ),
            receipts_root=receipts_root(receipts),
            logs_bloom=_bloom(logs),
            number=hex(number),
            gas_limit=hex(30_000_000),
            gas_used=hex(21_000 * len(transactions)),
            timestamp=hex(timestamp),
            extra_data="0x",
            mix_hash=ZERO_WORD,
            nonce="0x" + "00" * 8,
            base_fee_per_gas="0x7",
            withdrawals_root=ZERO_WORD,
            blob_gas_used="0x0",
            excess_blob_gas="0x0",
            parent_beacon_block_root=ZERO_WORD,
            requests_hash=NO_REQUESTS,
        )
        self.header = msgspec.structs.replace(header, hash=header_hash(header))

    @property
    def hash(self) -> str:
        return self.header.hash

    @property
    def ref(self) -> BlockRef:
        return BlockRef(self.number, self.hash, self.header.parent_hash, self.timestamp)

    def as_answer(self, *, is_full: bool) -> dict[str, Any]:
        """As eth_getBlockByHash has it."""
        header: dict[str, Any] = msgspec.to_builtins(self.header)
        return {
            **{name: value for name, value in header.items() if value is not None},
            "size": "0x400",
            "uncles": [],
            "withdrawals": [],
            "transactions": [
                {
                    **one.fields,
                    "blockHash": self.hash,
                    "blockNumber": hex(self.number),
                    "transactionIndex": hex(index),
                }
                if is_full
                else one.hash
                for index, one in enumerate(self.transactions)
            ],
        }

    def receipts(self) -> list[dict[str, Any]]:
        """As eth_getBlockReceipts has it."""
        return self._receipts(self.hash)

    def _receipts(self, hash: str) -> list[dict[str, Any]]:
        numbers = itertools.count()
        return [
            {
                "type": hex(one.type),
                "status": hex(one.is_success),
                "cumulativeGasUsed": hex(21_000 * (index + 1)),
                "gasUsed": hex(21_000),
                "effectiveGasPrice": "0x7",
                "logsBloom": _bloom(one.logs),
                "from": one.sender,
                "to": one.to,
                "contractAddress": one.created,
                "transactionHash": one.hash,
                "transactionIndex": hex(index),
                "blockHash": hash,
                "blockNumber": hex(self.number),
                "logs": [
                    {
                        "address": log.address,
                        "topics": list(log.topics),
                        "data": log.data,
                        "blockHash": hash,
                        "blockNumber": hex(self.number),
                        "transactionHash": one.hash,
                        "transactionIndex": hex(index),
                        "logIndex": hex(next(numbers)),
                        "removed": False,
                    }
                    for log in one.logs
                ],
            }
            for index, one in enumerate(self.transactions)
        ]

    def expected(self) -> Block:
        """What a reader makes of it."""
        numbers = itertools.count()
        return Block(
            self.chain_id,
            self.number,
            self.hash,
            self.header.parent_hash,
            self.timestamp,
            tuple(
                Transaction(
                    one.hash,
                    index,
                    one.sender,
                    one.to,
                    hex(one.value),
                    one.input,
                    one.is_success,
                    one.created,
                    tuple(
                        Log(log.address, log.topics, log.data, next(numbers)) for log in one.logs
                    ),
                )
                for index, one in enumerate(self.transactions)
            ),
        )

    def __repr__(self) -> str:
        return f"FakeBlock({self.number}, {self.hash[:10]})"


class FakeChain:
    """A tree of blocks. `head` is where it ends; set it to any block to go over to another fork.

    The same calls make the same hashes, but for transactions, of which no two are the same.
    """

    def __init__(
        self, chain_id: int = 31337, *, start: int = 1_800_000_000, seconds: int = 12
    ) -> None:
        """start: the first block's second. seconds: between two blocks."""
        self.chain_id = chain_id
        self._seconds = seconds
        self._salts = itertools.count()
        self.genesis = FakeBlock(chain_id, None, 0, start, (), next(self._salts))
        self.by_hash = {self.genesis.hash: self.genesis}
        self.by_transaction: dict[str, list[FakeBlock]] = {}
        self.head = self.genesis
        self._line = [self.genesis]

    def mine(
        self,
        *transactions: FakeTransaction,
        on: FakeBlock | None = None,
        timestamp: int | None = None,
    ) -> FakeBlock:
        """A block on `on`, or on the head, which then is this block."""
        parent = on or self.head
        block = FakeBlock(
            self.chain_id,
            parent,
            parent.number + 1,
            parent.timestamp + self._seconds if timestamp is None else timestamp,
            transactions,
            next(self._salts),
        )
        self.by_hash[block.hash] = block
        for one in transactions:
            self.by_transaction.setdefault(one.hash, []).append(block)
        if on is None:
            self.head = block
        return block

    def extend(self, count: int, *, on: FakeBlock | None = None) -> FakeBlock:
        """Empty blocks; the last of them."""
        block = on or self.head
        for _ in range(count):
            block = self.mine(on=block)
        if on is None:
            self.head = block
        return block

    def fork(self, on: FakeBlock, *blocks: Sequence[FakeTransaction]) -> FakeBlock:
        """A branch beside the head: one block for each list of transactions; the last of them."""
        block = on
        for transactions in blocks:
            block = self.mine(*transactions, on=block)
        return block

    def reorganise(self, depth: int, *blocks: Sequence[FakeTransaction]) -> FakeBlock:
        """The last `depth` blocks are replaced; by one empty block more if none are given."""
        common = self.at(self.head.number - depth)
        assert common is not None, "there are not so many blocks"
        self.head = self.fork(common, *(blocks or [()] * (depth + 1)))
        return self.head

    def at(self, number: int, head: FakeBlock | None = None) -> FakeBlock | None:
        """The canonical block of this height, as seen from a head."""
        head = head or self.head
        if not 0 <= number <= head.number:
            return None
        missing = []
        block: FakeBlock | None = head
        while block is not None and not (
            block.number < len(self._line) and self._line[block.number] is block
        ):
            missing.append(block)
            block = block.parent
        if missing:
            self._line[missing[-1].number :] = missing[::-1]
        return self._line[number]

    def line(self, head: FakeBlock | None = None) -> Iterator[FakeBlock]:
        """The canonical blocks, oldest first."""
        head = head or self.head
        for number in range(head.number + 1):
            block = self.at(number, head)
            assert block is not None
            yield block


def _bloom(logs: Sequence[FakeLog]) -> str:
    return f"0x{bloom_of([text for log in logs for text in (log.address, *log.topics)]):0512x}"
