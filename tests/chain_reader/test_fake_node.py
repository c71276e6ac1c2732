"""The fake chain and node that other tests build on: truthful, and lying only as told."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import msgspec
import pytest

from donablock.chain.answers import HeaderAnswer
from donablock.chain.header_hash import header_hash
from tests.chain_reader import lies
from tests.chain_reader.conftest import CHARITY, DONOR
from tests.chain_reader.fake_chain import FakeChain, FakeLog, FakeTransaction, payment
from tests.chain_reader.fake_node import FakeNode


def ask(node: FakeNode, method: str, *parameters: Any) -> Any:
    """As anybody's client does, without a loop of ours."""
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(parameters)}
    request = urllib.request.Request(
        node.url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        answer = json.loads(response.read())
    assert answer["id"] == 7
    return answer["result"]


def test_a_node_in_a_thread_answers_a_test_that_blocks(chain: FakeChain) -> None:
    with FakeNode(chain).in_thread() as node:
        assert ask(node, "eth_chainId") == "0x7a69"
        assert ask(node, "eth_blockNumber") == "0x3"
        block = ask(node, "eth_getBlockByNumber", "latest", True)
        assert block["hash"] == chain.head.hash
        assert ask(node, "eth_getBlockByHash", block["parentHash"], False)["number"] == "0x2"
        receipts = ask(node, "eth_getBlockReceipts", (chain.at(1) or chain.head).hash)
        assert [len(one["logs"]) for one in receipts] == [1, 1]
        one = receipts[1]["transactionHash"]
        assert ask(node, "eth_getTransactionReceipt", one) == receipts[1]
        assert ask(node, "eth_getBlockByNumber", "0x63", False) is None
        assert node.calls["eth_getBlockByNumber"] == 2 and node.requests == 7


def test_a_lie_is_told_so_often_after_so_many_and_to_this_method_only(chain: FakeChain) -> None:
    with FakeNode(chain).in_thread() as node:
        told = node.inject(lies.null(), method="eth_blockNumber", count=2, skip=1)
        answers = [ask(node, "eth_blockNumber") for _ in range(5)]
        assert answers == ["0x3", None, None, "0x3", "0x3"]
        assert ask(node, "eth_chainId") == "0x7a69" and told.told == 2
        node.inject(lies.other_chain(5))
        assert ask(node, "eth_chainId") == "0x5"
        node.repent()
        assert ask(node, "eth_chainId") == "0x7a69"


def test_each_node_has_its_own_head_lag_latency_and_memory(chain: FakeChain) -> None:
    chain.extend(5)
    with FakeNode(chain, lag=2).in_thread() as node:
        assert ask(node, "eth_blockNumber") == "0x6"
        assert ask(node, "eth_getBlockByHash", chain.head.hash, False) is None, "not heard of yet"
        node.head = chain.at(1)
        assert ask(node, "eth_blockNumber") == "0x1"
        node.head, node.lag = None, 0
        assert ask(node, "eth_blockNumber") == "0x8"
        node.forgotten.add(chain.head.hash)
        assert ask(node, "eth_getBlockByHash", chain.head.hash, False) is None
        node.latency = 0.2
        began = time.monotonic()
        ask(node, "eth_chainId")
        assert time.monotonic() - began >= 0.2


def test_a_transaction_keeps_its_hash_in_every_fork(chain: FakeChain) -> None:
    paid = payment(DONOR, CHARITY, 5)
    old = chain.mine(paid)
    chain.reorganise(1, [], [paid])
    assert chain.head.transactions == old.transactions and chain.head is not old
    assert payment(DONOR, CHARITY, 5).hash != paid.hash
    with FakeNode(chain).in_thread() as node:
        receipt = ask(node, "eth_getTransactionReceipt", paid.hash)
        assert receipt["blockHash"] == chain.head.hash
        chain.head = old
        assert ask(node, "eth_getTransactionReceipt", paid.hash)["blockHash"] == old.hash


def test_forks_and_reorganisations_are_right_in_every_header(chain: FakeChain) -> None:
    chain.extend(3)
    base = chain.head
    side = chain.fork(chain.at(2) or base, [payment(DONOR, CHARITY, 1)], [])
    assert chain.head is base and side.number == 4
    chain.reorganise(2)
    assert chain.head.number == base.number + 1
    for block in chain.by_hash.values():
        header = msgspec.convert(block.as_answer(is_full=False), HeaderAnswer)
        assert header_hash(header) == block.hash
        assert block.parent is None or header.parent_hash == block.parent.hash
    for head in (base, side, chain.head):
        line = list(chain.line(head))
        assert [block.number for block in line] == list(range(head.number + 1))
        assert all(above.parent is below for below, above in zip(line, line[1:], strict=False))


def test_two_chains_made_alike_are_alike() -> None:
    def make() -> FakeChain:
        chain = FakeChain(chain_id=5, start=1_000, seconds=2)
        chain.mine(FakeTransaction(nonce=1), FakeTransaction(nonce=2, value=9))
        chain.extend(4)
        chain.reorganise(2)
        return chain

    one, two = make(), make()
    assert one.head.hash == two.head.hash and one.head is not two.head
    assert one.head.timestamp == 1_000 + 2 * one.head.number


def test_what_cannot_be_is_refused(chain: FakeChain) -> None:
    with pytest.raises(AssertionError, match="a failed transaction logs nothing"):
        chain.mine(FakeTransaction(is_success=False, logs=(FakeLog(DONOR),)))
    with pytest.raises(AssertionError, match="not so many blocks"):
        chain.reorganise(99)
