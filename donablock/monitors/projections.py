"""Every log of our own contracts as a row, kept with the canonical chain: a second consumer of the
stream.

    projections = Projections(database, stream, chain, source=source)
    await projections.run()     # leads the chain's projections, or waits until it may

Rows, contracts and the position move in one transaction; a block that goes takes its rows with it.
So the table is always what the followed chain says, up to the position, and `rebuild` gives the
same rows.

Where the stream alone does not tell all (a manifest that came after its contracts' first blocks, or
messages that are gone) and there is a source, the chain is read again by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from asyncpg import Connection

from donablock.chain.blocks import Block, decode_block, decode_ref
from donablock.chain.source import BlockSource
from donablock.errors import ChainError, ManifestError, StreamGapError
from donablock.monitors.deployed import Deployed
from donablock.monitors.projected import COLUMNS, CONSUMER, rows_of
from donablock.monitors.rebuild import rebuild
from donablock.monitors.writing import MatchedChain
from donablock.store import positions, schema
from donablock.store.database import Database, Leadership, insert_new
from donablock.store.positions import Position
from donablock.store.schema import ADDED
from donablock.store.stream import Message, Stream
from donablock.telemetry import counter, span

__all__ = ["BATCH", "CONSUMER", "WAIT", "Projections"]

BATCH = 100
"""Messages done in one transaction, where so many wait."""

WAIT = 5.0
"""Seconds until stream and manifest are looked at again though nobody told of news."""

_rows = counter("projections_rows", "logs of our contracts that were written", "chain")
_blocks = counter("projections_blocks", "blocks that were read, or taken back", "chain", "kind")
_log = structlog.get_logger(__name__)


class Projections:
    """Keeps the rows of one chain."""

    def __init__(
        self,
        database: Database,
        stream: Stream,
        chain: MatchedChain,
        *,
        source: BlockSource | None = None,
    ) -> None:
        """source: to read blocks again that the stream has no more. Without one, what is missing
        is told, and a person has to rebuild."""
        self._database = database
        self._stream = stream
        self._chain = chain
        self._source = source
        self.deployed = Deployed(chain.chain_id, CONSUMER)

    async def run(self) -> None:
        """Keeps them whenever this process leads; returns never, but for errors."""
        await self._database.lead(f"{CONSUMER}|{self._chain.chain_id}", self.follow)

    async def follow(self, lead: Leadership) -> None:
        """As the leader. That two never write together is held by the position's row."""
        chain_id = self._chain.chain_id
        while True:
            lead.check()
            try:
                has_moved = await self.step()
            except (ChainError, ManifestError) as error:
                _log.warning("chain has to be read again", chain=chain_id, because=str(error))
                await asyncio.sleep(WAIT)
                continue
            if not has_moved:
                before = await self.register()
                await self._stream.wait(chain_id, before.seq, WAIT)

    async def register(self) -> Position:
        """Where it is; from the first time on the stream keeps what it has not read."""
        async with self._database.connection() as connection:
            return await positions.register(connection, CONSUMER, self._chain.chain_id)

    async def step(self, limit: int = BATCH) -> bool:
        """Does the next messages, at most `limit`, or reads the chain again. False: there was
        nothing to do. Raises ChainError or ManifestError where the chain has to be read and
        cannot be."""
        before = await self.register()
        try:
            messages = await self._stream.read(
                self._chain.chain_id, before.seq, limit, place=before.place
            )
        except StreamGapError as error:
            if self._source is None:
                raise
            _log.warning("stream has a gap", chain=self._chain.chain_id, because=str(error))
            await rebuild(self._database, self._source, self._chain)
            return True
        if await self._is_behind(before, messages):
            return True
        if not messages:
            return False

        async def work(connection: Connection) -> Deployed | None:
            here = await positions.position(
                connection, CONSUMER, self._chain.chain_id, is_locked=True
            )
            if here.seq != before.seq:
                return None  # a rebuild has moved it, or a transaction whose end we did not hear
            return await self._do(connection, here, messages)

        with span("project", trace=messages[-1].trace, chain=self._chain.chain_id):
            deployed = await self._database.run(work, idempotent_by="the position in the stream")
        if deployed is not None:
            self.deployed = deployed
        return True

    # --- contracts that came later than their blocks ------------------------------------------

    async def _is_behind(self, before: Position, messages: Sequence[Message]) -> bool:
        """Whether the manifest is another one, of contracts with blocks that were read before; the
        chain was read again then."""
        if self.deployed.is_current:
            return False
        if before.number is not None:
            following = before.number + 1
        elif messages:
            following = _number(messages[0])
        else:
            return False
        async with self._database.connection() as connection:
            deployed = await self.deployed.looked(connection)
            stored = await deployed.stored(connection)
        changed = deployed.named.items() ^ stored.items()
        if not changed:
            self.deployed = deployed
        if all(one.block >= following for _, one in changed):
            return False
        because = "our contracts are older than what was read with them"
        if self._source is None:
            _log.error(
                "projections are not whole",
                chain=self._chain.chain_id,
                because=because,
                mend="run `donablock rebuild`",
            )
            return False
        _log.info("chain is read again", chain=self._chain.chain_id, because=because)
        await rebuild(self._database, self._source, self._chain)
        return True

    # --- one transaction ----------------------------------------------------------------------

    async def _do(
        self, connection: Connection, before: Position, messages: Sequence[Message]
    ) -> Deployed:
        """Messages in order; blocks that come one after the other are written together."""
        chain_id = self._chain.chain_id
        deployed = await self.deployed.taken_up(connection)
        run: list[Block] = []
        number: int | None = before.number
        hash = before.hash
        for message in messages:
            if message.kind == ADDED:
                block = decode_block(message.payload)
                run.append(block)
                number, hash = block.number, _raw(block.hash)
                continue
            await self._came(connection, deployed, run)
            run = []
            gone = decode_ref(message.payload)
            await connection.execute(
                "DELETE FROM contract_events WHERE chain_id = $1 AND block_hash = $2",
                chain_id,
                _raw(gone.hash),
            )
            await deployed.forget(connection, _raw(gone.hash))
            _blocks.labels(chain_id, "orphaned").inc()
            number, hash = gone.number - 1, _raw(gone.parent)
        await self._came(connection, deployed, run)
        last = messages[-1]
        await positions.advance(connection, before, last.seq, last.place, number=number, hash=hash)
        return deployed

    async def _came(
        self, connection: Connection, deployed: Deployed, blocks: Sequence[Block]
    ) -> None:
        if not blocks:
            return
        await deployed.note(connection, blocks)
        known = await deployed.known(connection, blocks)
        rows = [row for block in blocks for row in rows_of(block, known)]
        await insert_new(connection, schema.contract_events, COLUMNS, rows)
        _blocks.labels(self._chain.chain_id, "added").inc(len(blocks))
        _rows.labels(self._chain.chain_id).inc(len(rows))


def _number(message: Message) -> int:
    decode = decode_block if message.kind == ADDED else decode_ref
    return decode(message.payload).number


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])
