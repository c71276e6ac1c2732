"""Reorganisations of a real node, as deep as 64 blocks, through nodes, worker and matcher.

What has to be told is worked out from the node's own plain answers (eth_getBlockByNumber and
eth_getLogs), asked for by this test before and after each reorganisation.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from donablock.chain.node import Anvil
from donablock.chain.nodes import Nodes
from donablock.monitors import messages
from donablock.monitors.matcher import Matcher
from donablock.monitors.worker import Worker
from donablock.store.stream import OutboxStream
from tests.chain_reader.fake_chain import TRANSFER, address, word
from tests.pipeline import orders, roles
from tests.pipeline.ledger import NATIVE, Ledger, Order, Page, Payment

pytestmark = [pytest.mark.asyncio, pytest.mark.anvil, pytest.mark.slow]

NOW = 1_800_000_000
TOKEN, ANNA, BEN, CARA = (address(name) for name in ("token", "anna", "ben", "cara"))
# LOG3(Transfer, word 0, word 1) with word 2 as its data
CODE = bytes.fromhex(f"602060406000376020356000357f{TRANSFER[2:]}60206000a300")
ORDERS = {
    "mo_anna": Order("erc20", frozenset({ANNA})),
    "mo_two": Order("erc20", frozenset({BEN, CARA}), "in"),
    "mo_coin": Order("native", frozenset({BEN})),
}
DEPTHS = [1, 2, 7, 31, 64]


@pytest.fixture
def anvil():
    with Anvil(timestamp=NOW) as node:
        node.set_code(TOKEN, CODE)
        yield node


class Payer:
    """Sends what monitors look for; each transaction is a block of its own."""

    def __init__(self, anvil: Anvil) -> None:
        self._anvil = anvil
        self._from = anvil.w3.eth.accounts[0]
        self._value = 0

    def pay(self, blocks: int) -> None:
        people = [ANNA, BEN, CARA]
        for number in range(blocks):
            self._value += 1
            sender, receiver = people[number % 3], people[(number + 1) % 3]
            if number % 5 == 4:
                self._send(to_checksum_address(BEN), value=self._value)
            else:
                data = "0x" + word(sender)[2:] + word(receiver)[2:] + word(self._value)[2:]
                self._send(to_checksum_address(TOKEN), data=data)

    def _send(self, to: str, *, value: int = 0, data: str = "0x") -> None:
        fields = {"from": self._from, "to": to, "value": hex(value), "data": data, "gas": "0x30d40"}
        self._anvil.request("eth_sendTransaction", fields)


class Reading:
    """The chain as the node tells it. Whatever stands on a block that was read before is read; what
    is below it is known, since a block's hash follows from all that are below."""

    def __init__(self, anvil: Anvil) -> None:
        self._anvil = anvil
        self.pages: list[Page] = []

    def again(self) -> list[Page]:
        number = int(self._anvil.request("eth_blockNumber"), 16)
        del self.pages[number + 1 :]
        new = []
        while number >= 0:
            block = self._anvil.request("eth_getBlockByNumber", hex(number), True)
            if number < len(self.pages) and self.pages[number].hash == block["hash"]:
                break
            new.append(block)
            number -= 1
        del self.pages[number + 1 :]
        logs = self._anvil.request(
            "eth_getLogs", {"fromBlock": hex(number + 1), "toBlock": "latest"}
        )
        for block in reversed(new):
            self.pages.append(_page(block, [x for x in logs if x["blockHash"] == block["hash"]]))
        return list(self.pages)


def _page(block: dict[str, Any], logs: list[dict[str, Any]]) -> Page:
    payments = [
        Payment(one["hash"], NATIVE, None, one["from"], one["to"], int(one["value"], 16))
        for one in block["transactions"]
        if int(one["value"], 16)
    ]
    for log in logs:
        assert log["topics"][0] == TRANSFER
        sender, receiver = ("0x" + topic[26:] for topic in log["topics"][1:])
        place, value = int(log["logIndex"], 16), int(log["data"], 16)
        payments.append(
            Payment(log["transactionHash"], place, log["address"], sender, receiver, value)
        )
    return Page(31337, int(block["number"], 16), block["hash"], tuple(payments))


async def test_reorganisations_of_a_real_node_are_told_of(anvil, database):
    chain = roles.chain().model_copy(update={"is_transactions_root_checked": False})
    await orders.project(database)
    for monitor, order in ORDERS.items():
        await orders.monitor(
            database, monitor, order.category, order.addresses, direction=order.direction
        )
    payer, reading = Payer(anvil), Reading(anvil)
    ledger = Ledger(ORDERS, chain.confirmations)
    async with Nodes(chain, [anvil.url]) as nodes:
        worker = Worker(database, nodes, chain, start=0)
        matcher = Matcher(database, OutboxStream(database), chain)
        await worker.take_over()

        async def followed() -> None:
            while await worker.step():
                pass
            while await matcher.step():
                pass
            ledger.follow(reading.again())
            async with database.connection() as connection:
                rows = await connection.fetch("SELECT id FROM deliveries ORDER BY sequence")
                told = {row["id"] for row in rows}
                assert len(told) == len(rows)
                assert told == set(ledger.expected)
                tip = await connection.fetchval("SELECT hash FROM cursors")
            assert "0x" + tip.hex() == ledger.standing[-1].hash

        payer.pay(70)
        await followed()
        for depth in DEPTHS:
            before, told = list(ledger.standing), len(ledger.expected)
            anvil.request("anvil_reorg", depth, [])
            payer.pay(4)
            await followed()
            lost = {page.hash for page in before} - {page.hash for page in ledger.standing}
            assert len(lost) == depth
            new = list(ledger.expected.values())[told:]
            retracted = {one.page.hash for one in new if one.type == "event.retracted"}
            assert retracted <= lost and len(retracted) > depth / 2
            # the next one must lose something again, however deep
            payer.pay(depth + 3)
            await followed()
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT d.id, d.type, d.created_at, m.payload, m.state FROM deliveries AS d"
            " JOIN matches AS m ON m.id = d.match_id"
        )
    for row in rows:
        body = messages.body(row["id"], row["type"], row["created_at"], row["payload"])
        ledger.expected[row["id"]].check(json.loads(body))
    assert {row["state"] for row in rows} == {1, 2, 3}
