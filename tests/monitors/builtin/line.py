"""A scripted chain, its worker, and the two that follow our contracts on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from donablock.chain.blocks import Block, Log
from donablock.monitors.matcher import Matcher
from donablock.monitors.projections import Projections
from donablock.monitors.rebuild import Rebuilt, rebuild
from donablock.monitors.scans import Scanner
from donablock.monitors.worker import Worker
from donablock.store.database import Database
from donablock.store.stream import OutboxStream
from tests.monitors.builtin import ours
from tests.pipeline.scripted_chain import ScriptedChain
from tests.pipeline.stages import Facts


class Line:
    """`put` adds a block, `rest` lets everything follow."""

    def __init__(self, database: Database, manifests: Path) -> None:
        self.database, self.manifests = database, manifests
        self.chain = ScriptedChain()
        self.worker = Worker(database, self.chain, Facts(), start=0)
        self.restart()

    def restart(self) -> None:
        """As new processes."""
        stream = OutboxStream(self.database)
        self.matcher = Matcher(self.database, stream, Facts())
        self.projections = Projections(self.database, stream, Facts(), source=self.chain)

    def deploy(self, contracts: Any = ours.DEPLOYED, **more: Any) -> Path:
        """The manifest is there from now on."""
        genesis = self.chain.canonical[0].hash
        return ours.write_manifest(self.manifests, genesis, contracts, **more)

    def put(self, *groups: list[Log]) -> Block:
        salt = (len(self.chain.canonical), len(self.chain.known))
        return self.chain.append(ours.transactions(*groups, salt=salt))

    async def follow(self) -> None:
        while await self.worker.step():
            pass

    async def match(self, limit: int = 100) -> None:
        while await self.matcher.step(limit):
            pass

    async def project(self, limit: int = 100) -> None:
        while await self.projections.step(limit):
            pass

    async def scan(self) -> None:
        scanner = Scanner(self.database, self.chain, Facts())
        while await scanner.step():
            pass

    async def rest(self, limit: int = 100) -> None:
        await self.follow()
        await self.match(limit)
        await self.project(limit)

    async def fetch(self, query: str, *values: Any) -> list[Any]:
        async with self.database.connection() as connection:
            found: list[Any] = await connection.fetch(query, *values)
        return found

    async def matches(self) -> list[tuple[int, int, int]]:
        """Block, place in it and state of each match."""
        rows = await self.fetch(
            "SELECT block_number, log_index, state FROM matches"
            " ORDER BY block_number, log_index, sequence"
        )
        return [tuple(row) for row in rows]

    async def events(self) -> list[tuple[int, int, str]]:
        """Block, place in it and name of each row."""
        rows = await self.fetch(
            "SELECT block_number, log_index, contract || '.' || name AS event FROM contract_events"
            " ORDER BY block_number, log_index"
        )
        return [tuple(row) for row in rows]

    async def dump(self) -> list[str]:
        """All that the projections keep, as text, to the byte."""
        rows = await self.fetch("SELECT e::text AS row FROM contract_events AS e ORDER BY 1")
        contracts = await self.fetch(
            "SELECT i::text AS row FROM contract_instances AS i"
            " WHERE consumer = 'projections' ORDER BY 1"
        )
        return [row["row"] for row in (*rows, *contracts)]

    async def rebuild(self, *, is_check: bool = False) -> Rebuilt:
        return await rebuild(self.database, self.chain, Facts(), is_check=is_check)
