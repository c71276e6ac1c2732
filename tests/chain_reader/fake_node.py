"""A node of a FakeChain, over real HTTP: truthful, until it is told to lie.

    async with FakeNode(chain) as node:
        node.inject(lies.empty_logs(), method="eth_getBlockReceipts", count=2)
        nodes = Nodes(chain_of(31337), [node.url])

In tests that are no coroutines: `with FakeNode(chain).in_thread() as node`. Several nodes may tell
of one chain, each with a head, a lag, a latency and lies of its own.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from aiohttp import web

from donablock.roles.ports import free_port
from tests.chain_reader.fake_chain import FakeBlock, FakeChain
from tests.chain_reader.lies import Lie, Unfit

METHODS = (
    "eth_chainId",
    "eth_blockNumber",
    "eth_getBlockByNumber",
    "eth_getBlockByHash",
    "eth_getBlockReceipts",
    "eth_getTransactionReceipt",
)


@dataclass
class Injected:
    """A lie that waits for its time. `left` None: for ever. `told`: how often it was told."""

    lie: Lie
    method: str | None
    left: int | None
    skip: int
    told: int = 0

    def fits(self, methods: Sequence[str]) -> bool:
        """Whether it is told now; counts that it is."""
        if self.left == 0 or (self.method is not None and self.method not in methods):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.left is not None:
            self.left -= 1
        self.told += 1
        return True


class FakeNode:
    """One node. Everything but the URL may be changed while it runs."""

    def __init__(
        self,
        chain: FakeChain,
        *,
        head: FakeBlock | None = None,
        lag: int = 0,
        latency: float = 0.0,
        methods: Sequence[str] = METHODS,
        max_batch: int | None = None,
        path: str = "/",
    ) -> None:
        """head: None follows the chain's, `lag` blocks behind. latency: seconds before each reply.

        methods: the others are not found. max_batch: larger ones are refused. path: of its URL,
        where real ones hold a key.
        """
        self.chain = chain
        self.own_head = head
        self.lag = lag
        self.latency = latency
        self.methods = set(methods)
        self.max_batch = max_batch
        self.chain_id = chain.chain_id
        self.forgotten: set[str] = set()
        """Hashes of blocks that it does not know (any more)."""
        self.calls: Counter[str] = Counter()
        self.asked: list[tuple[str, list[Any]]] = []
        self.requests = 0
        self.batches: list[int] = []
        self.headers: list[dict[str, str]] = []
        self._injected: list[Injected] = []
        self._path = path
        self._runner: web.AppRunner | None = None
        self._port = free_port("127.0.0.1")

    # --- its state ----------------------------------------------------------------------------

    @property
    def head(self) -> FakeBlock:
        """What it says is the newest block."""
        if self.own_head is not None:
            return self.own_head
        found = self.chain.at(max(0, self.chain.head.number - self.lag))
        assert found is not None
        return found

    @head.setter
    def head(self, block: FakeBlock | None) -> None:
        """None: the chain's again."""
        self.own_head = block

    def inject(
        self, lie: Lie, *, method: str | None = None, count: int | None = None, skip: int = 0
    ) -> Injected:
        """Told to every question for `method`, or to any; `count` times, after `skip` of them."""
        injected = Injected(lie, method, count, skip)
        self._injected.append(injected)
        return injected

    def repent(self) -> None:
        """No lies from now on."""
        self._injected.clear()

    # --- running it ---------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{self._path}"

    @property
    def name(self) -> str:
        """As in messages and metrics."""
        return f"127.0.0.1:{self._port}"

    async def start(self) -> FakeNode:
        """Listens, on the same port as before if it was stopped."""
        application = web.Application(client_max_size=1 << 26)
        application.router.add_post("/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        return self

    async def stop(self) -> None:
        """Connections are refused from now on."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> FakeNode:
        return self if self._runner is not None else await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @contextmanager
    def in_thread(self) -> Iterator[FakeNode]:
        """Runs in a thread and loop of its own, for tests that block."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self.start(), loop).result(10)
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self.stop(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()

    # --- answering ----------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        asked = json.loads(await request.read())
        is_batch = isinstance(asked, list)
        calls = asked if is_batch else [asked]
        self.requests += 1
        self.batches.append(len(calls))
        self.headers.append(dict(request.headers))
        for call in calls:
            self.calls[call["method"]] += 1
            self.asked.append((call["method"], call["params"]))
        if self.latency:
            await asyncio.sleep(self.latency)
        methods = [call["method"] for call in calls]
        if self.max_batch is not None and len(calls) > self.max_batch:
            refused = {"code": -32600, "message": "batch too large"}
            return web.json_response({"jsonrpc": "2.0", "id": None, "error": refused})
        try:
            answers = [self._answer(call) for call in calls]
        except Unfit as lie:
            return web.Response(status=500, text=f"no {lie} in this answer")
        replies = []
        for injected in self._injected:
            if injected.lie.shuffle is not None and injected.fits(methods):
                answers = injected.lie.shuffle(answers)
            elif injected.lie.reply is not None and injected.fits(methods):
                replies.append(injected.lie.reply)
        body = json.dumps(answers if is_batch else answers[0]).encode() if answers else b"[]"
        if replies:
            return await replies[0](request, body)
        return web.Response(body=body, content_type="application/json")

    def _answer(self, call: dict[str, Any]) -> dict[str, Any]:
        answer = {"jsonrpc": "2.0", "id": call["id"]}
        if call["method"] not in self.methods:
            missing = {"code": -32601, "message": f"the method {call['method']} does not exist"}
            return {**answer, "error": missing}
        result = self._result(call["method"], call["params"])
        for injected in self._injected:
            if injected.lie.answer is not None and injected.fits([call["method"]]):
                result = injected.lie.answer(result)
        return {**answer, "result": result}

    def _result(self, method: str, parameters: list[Any]) -> Any:
        if method == "eth_chainId":
            return hex(self.chain_id)
        if method == "eth_blockNumber":
            return hex(self.head.number)
        if method == "eth_getTransactionReceipt":
            return self._receipt(parameters[0])
        block = self._block(parameters[0])
        if block is None or block.hash in self.forgotten:
            return None
        if method == "eth_getBlockReceipts":
            return block.receipts()
        return block.as_answer(is_full=parameters[1])

    def _block(self, which: str) -> FakeBlock | None:
        if which == "latest":
            return self.head
        if len(which) == 66:
            block = self.chain.by_hash.get(which)
            # what came after its head it has not heard of; orphans it keeps, as real nodes do
            return block if block is not None and block.number <= self.head.number else None
        return self.chain.at(int(which, 16), self.head)

    def _receipt(self, transaction: str) -> dict[str, Any] | None:
        for block in self.chain.by_transaction.get(transaction, ()):
            if self.chain.at(block.number, self.head) is block:
                return next(
                    one for one in block.receipts() if one["transactionHash"] == transaction
                )
        return None

    def __repr__(self) -> str:
        return f"FakeNode({self.name})"
