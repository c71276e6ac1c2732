"""A node whose chain is made beforehand and whose answers lie ready, so that it is never what a
benchmark waits for.

python -m bench.monitor_node FIRST LATER     serve, and print the URL

The chain has FIRST blocks of Ethereum's size (bench.matching has what is in them), 256 empty ones,
and LATER further ones of Ethereum's size, of which it tells as it is bidden: `bench_head` says how
high it is. Hashes, roots and blooms are right.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator

import uvloop
from aiohttp import web

from bench.deliveries import ROOT
from bench.matching import Chain
from donablock.chain.blocks import Block
from donablock.monitors.worker import WINDOW
from tests.chain_reader.fake_chain import FakeBlock, FakeChain, FakeLog, FakeTransaction
from tests.chain_reader.fake_node import FakeNode


def chain_of_size(first: int, later: int) -> FakeChain:
    """All of it."""
    contents, chain = Chain(), FakeChain()
    for number in range(first + later):
        if number == first:
            chain.extend(WINDOW)
        chain.mine(*transactions(contents.block(number, 0.5)))
    return chain


def transactions(block: Block) -> list[FakeTransaction]:
    """What is in a block of bench.matching, as a FakeChain takes it."""
    return [
        FakeTransaction(
            one.sender,
            one.to,
            one.amount,
            one.input,
            tuple(FakeLog(log.address, log.topics, log.data) for log in one.logs),
        )
        for one in block.transactions
    ]


class PreparedNode(FakeNode):
    """Encodes each answer once, before it is asked."""

    def __init__(self, chain: FakeChain, head: int) -> None:
        super().__init__(chain, head=chain.at(head))
        self._ready: dict[tuple[str, bool | None], bytes] = {}
        for block in chain.line():
            for is_full in (True, False):
                self._ready[block.hash, is_full] = _encoded(block.as_answer(is_full=is_full))
            self._ready[block.hash, None] = _encoded(block.receipts())

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        asked = json.loads(await request.read())
        calls = asked if isinstance(asked, list) else [asked]
        replies = b",".join(
            b'{"jsonrpc":"2.0","id":%d,"result":%b}' % (call["id"], self._said(call))
            for call in calls
        )
        body = b"[%b]" % replies if isinstance(asked, list) else replies
        return web.Response(body=body, content_type="application/json")

    def _said(self, call: dict[str, object]) -> bytes:
        method, parameters = str(call["method"]), call["params"]
        assert isinstance(parameters, list)
        if method == "bench_head":
            self.head = self.chain.at(int(parameters[0]))
            return b"null"
        if method in ("eth_getBlockByNumber", "eth_getBlockByHash"):
            return self._of(self._block(parameters[0]), bool(parameters[1]))
        if method == "eth_getBlockReceipts":
            return self._of(self._block(parameters[0]), None)
        return _encoded(self._result(method, parameters))

    def _of(self, block: FakeBlock | None, is_full: bool | None) -> bytes:
        return b"null" if block is None else self._ready[block.hash, is_full]


def _encoded(answer: object) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode()


@contextlib.contextmanager
def prepared_node(first: int, later: int) -> Iterator[str]:
    """The URL of one in a process of its own."""
    command = [sys.executable, "-m", "bench.monitor_node", str(first), str(later)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def serve(first: int, later: int) -> None:
    async with PreparedNode(chain_of_size(first, later), first + WINDOW) as node:
        print(node.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(*map(int, sys.argv[1:])))
