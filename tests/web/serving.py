"""The application on a real server (uvicorn), a real database and a socket, in a thread of its own
with a loop of its own, so that tests may ask it with any client."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import requests
import uvicorn

from donablock.chain.chains import chain_of, load_chains
from donablock.chain.nodes import Nodes
from donablock.monitors.endpoints import Endpoints
from donablock.monitors.events import Events
from donablock.monitors.guard import Policy
from donablock.monitors.keys import Keys
from donablock.monitors.projects import Projects
from donablock.monitors.registry import Registry
from donablock.monitors.replays import Replays
from donablock.store.cache import LocalCache
from donablock.store.database import Database
from donablock.store.postgres import EmbeddedPostgres
from donablock.web.app import create_app
from donablock.web.parts import Limits, Parts
from tests import services_support
from tests.chain_reader.fake_chain import FakeChain
from tests.chain_reader.fake_node import FakeNode
from tests.store.proxy import Proxy

T = TypeVar("T")

POLICY = Policy.of(["127.0.0.0/8"], is_http_allowed=True)
ROOMY = Limits(rate=1e6, burst=1e6)
_numbers = itertools.count(1)
SCOPES = ("read", "write", "admin")


def parts_on(database: Database, **more: Any) -> Parts:
    chains = load_chains()
    parts = Parts(
        database=database,
        projects=Projects(database),
        keys=Keys(database),
        registry=Registry(database, chains),
        events=Events(database),
        endpoints=Endpoints(database, POLICY),
        replays=Replays(database),
        cache=LocalCache(),
        chains=chains,
        limits=ROOMY,
    )
    return replace(parts, **more)


class Api:
    """Somebody with a key, or without one."""

    def __init__(self, url: str, key: str | None, project: str = "") -> None:
        self.url = url
        self.key = key
        self.project = project
        self.session = requests.Session()
        self.session.trust_env = False
        if key is not None:
            self.session.headers["Authorization"] = f"Bearer {key}"

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        more.setdefault("timeout", 30)
        more.setdefault("allow_redirects", False)
        return self.session.request(method, self.url + path, **more)

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> requests.Response:
        return self.ask("POST", path, json=json, **more)

    def patch(self, path: str, json: Any, **more: Any) -> requests.Response:
        return self.ask("PATCH", path, json=json, **more)

    def delete(self, path: str, **more: Any) -> requests.Response:
        return self.ask("DELETE", path, **more)


class Serving:
    """A server that runs. `run` does something with its parts, in its loop."""

    def __init__(
        self,
        database_url: str,
        *,
        chain: FakeChain | None = None,
        is_through_proxy: bool = False,
        **more: Any,
    ) -> None:
        """chain: backtests read it. is_through_proxy: to the database by `proxy`, which can be cut.
        more: of the parts."""
        self._database_url = database_url
        self._chain = chain
        self._is_through_proxy = is_through_proxy
        self._more = more
        self._begun = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._main, daemon=True)

    def start(self) -> Serving:
        self._thread.start()
        assert self._begun.wait(30), "the server does not start"
        if self._error is not None:
            raise self._error
        return self

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self._end)
        self._thread.join(20)
        assert not self._thread.is_alive(), "the server does not stop"

    def _end(self) -> None:
        self.app.state.tails.close()
        self._server.should_exit = True

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._error = error
            self._begun.set()

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as stack:
            url = self._database_url
            if self._is_through_proxy:
                self.proxy = await stack.enter_async_context(Proxy.opened(url))
                url = self.proxy.url
            database = await stack.enter_async_context(
                Database.opened(url, connections=10, command_timeout=5.0)
            )
            more = dict(self._more)
            if self._chain is not None:
                self._node = await stack.enter_async_context(FakeNode(self._chain))
                source = await stack.enter_async_context(
                    Nodes(chain_of(31337), [self._node.url], patience=1.0)
                )
                more["sources"] = {31337: source}.get
            self.parts = parts_on(database, **more)
            self.app = create_app(self.parts)
            config = uvicorn.Config(
                self.app,
                host="127.0.0.1",
                port=0,
                log_config=None,
                lifespan="on",
                timeout_graceful_shutdown=5,
                http="httptools",
            )
            self._server = uvicorn.Server(config)
            serving = asyncio.create_task(self._server.serve())
            while not self._server.started:
                if serving.done():
                    serving.result()
                await asyncio.sleep(0.005)
            port = self._server.servers[0].sockets[0].getsockname()[1]
            self.url = f"http://127.0.0.1:{port}"
            self._begun.set()
            await serving

    def run(self, work: Callable[[Parts], Awaitable[T]]) -> T:
        async def do() -> T:
            return await work(self.parts)

        return asyncio.run_coroutine_threadsafe(do(), self.loop).result(60)

    def stop_node(self) -> None:
        """Nobody answers where the node was."""

        async def work(_: Parts) -> None:
            await self._node.stop()

        self.run(work)

    def execute(self, statement: str, *values: Any) -> Any:
        async def work(parts: Parts) -> Any:
            async with parts.database.connection() as connection:
                return await connection.fetch(statement, *values)

        return self.run(work)

    def project(self, name: str = "tests", **quotas: Any) -> str:
        async def work(parts: Parts) -> str:
            return (await parts.projects.create(name, quotas)).id

        return self.run(work)

    def api(self, project: str, *scopes: str) -> Api:
        """Somebody of the project with a new key; of all scopes, if none is named."""

        async def work(parts: Parts) -> str:
            return (await parts.keys.create(project, scopes or SCOPES))[1]

        return Api(self.url, self.run(work), project)

    @property
    def nobody(self) -> Api:
        return Api(self.url, None)


@contextlib.contextmanager
def new_database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A migrated one, which may serve several tests."""
    name = f"web_{os.getpid()}_{next(_numbers)}"
    template = services_support.TEMPLATE
    asyncio.run(services_support._maintain(postgres, f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield postgres.url_of(name)
    asyncio.run(services_support._maintain(postgres, f"DROP DATABASE {name} WITH (FORCE)"))


@contextlib.contextmanager
def serving(database_url: str, **more: Any) -> Iterator[Serving]:
    server = Serving(database_url, **more).start()
    try:
        yield server
    finally:
        server.stop()
