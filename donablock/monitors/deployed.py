"""Which contracts of a chain are ours, kept for one consumer of the stream.

    deployed = await deployed.taken_up(connection)          # at a boundary between messages
    await deployed.note(connection, blocks)                 # what our factories made in them
    known = await deployed.known(connection, blocks)        # for `own_logs` of these blocks
    await deployed.forget(connection, hash)                 # a block went

Those that the manifest names are read from it whenever its file is another one, and written down,
so that a manifest that is away for a while takes nothing back. Those that factories made are rows
alone, written in the transaction of their block and deleted in that of its end: nothing in memory
has to follow.

A manifest may come later than the process. From then on its contracts are ours; what they logged
before, the projections read again (`rebuild`), and monitors are given scans for (`look_again`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import structlog
from asyncpg import Connection

from donablock.chain.blocks import Block
from donablock.chain.manifest import Manifest, load_manifest, manifest_path
from donablock.errors import ManifestError
from donablock.monitors import scan_store
from donablock.monitors.builtin import Contracts, Known, created
from donablock.monitors.interfaces import FACTORIES, interfaces
from donablock.monitors.scan_store import Asked

__all__ = ["Deployed", "Named", "Row", "contracts_of", "genesis_of", "look_again"]

_log = structlog.get_logger(__name__)

_NO_BLOCK = b""
"""In place of the hash of a block: the manifest names the contract."""

Row = tuple[str, str, int, bytes]
"""Of `contract_instances`: address, contract, and number and hash of the block in which a factory
made it."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a manifest says of a contract. `block`: in which it was deployed; 0 where that is not
    known."""

    contract: str
    block: int


@dataclass(frozen=True)
class Deployed:
    """named: by address. came: the first block of those that `taken_up` found to be new. Never
    changes; `taken_up` gives the next one, which is kept when the transaction has committed."""

    chain_id: int
    consumer: str
    named: Mapping[str, Named] = field(default_factory=dict)
    came: int | None = None
    _file: tuple[int, ...] | None = None
    _is_read: bool = False

    @property
    def fixed(self) -> Contracts:
        """Those that the manifest names."""
        return {address: Known(one.contract) for address, one in self.named.items()}

    @property
    def first_block(self) -> int | None:
        """No log of theirs is older. None without any contract."""
        return min((one.block for one in self.named.values()), default=None)

    # --- the manifest -------------------------------------------------------------------------

    @property
    def is_current(self) -> bool:
        """Whether the manifest's file is the one that was looked at last. Asks the file system."""
        return self._is_read and self._file == _signature(manifest_path(self.chain_id))

    async def looked(self, connection: Connection) -> Deployed:
        """With what the manifest names now; itself where the file is the same. Writes nothing."""
        path = manifest_path(self.chain_id)
        file = _signature(path)
        if self._is_read and file == self._file:
            return self
        stored = await self.stored(connection)
        manifest = _read(path, self.chain_id)
        if manifest is not None:
            found = await genesis_of(connection, self.chain_id)
            if found is not None and found != manifest.genesis:
                _log.error(
                    "manifest is of another chain",
                    chain=self.chain_id,
                    genesis=manifest.genesis,
                    found=found,
                    mend="move it away, or deploy again",
                )
                manifest = None
        if manifest is None:
            if stored and file is None:
                _log.warning("manifest is gone; its contracts stay ours", chain=self.chain_id)
            named = stored
        else:
            named = {
                address.lower(): Named(name, manifest.contracts[name].block or 0)
                for name, address in manifest.addresses.items()
                if name in interfaces()
            }
        return replace(self, named=named, _file=file, _is_read=True)

    async def stored(self, connection: Connection) -> Mapping[str, Named]:
        """As the consumer has it written down."""
        rows = await connection.fetch(
            "SELECT address, contract, block_number FROM contract_instances"
            " WHERE consumer = $1 AND chain_id = $2 AND block_hash = $3",
            self.consumer,
            self.chain_id,
            _NO_BLOCK,
        )
        return {
            "0x" + row["address"].hex(): Named(row["contract"], row["block_number"])
            for row in rows
            if row["contract"] in interfaces()
        }

    async def taken_up(self, connection: Connection) -> Deployed:
        """`looked`, and written down. In the transaction of what is done with it."""
        after = await self.looked(connection)
        if after is not self:
            stored = await self.stored(connection)
            if stored != after.named:
                await after.save(connection, stored)
            new = after.named.items() - stored.items()
            after = replace(after, came=min((one.block for _, one in new), default=None))
        return after

    async def save(self, connection: Connection, stored: Mapping[str, Named]) -> None:
        """stored: as it is written down now. What another factory had made is ours no more."""
        if _factories(stored) != _factories(self.named):
            await connection.execute(
                "DELETE FROM contract_instances WHERE consumer = $1 AND chain_id = $2",
                self.consumer,
                self.chain_id,
            )
        else:
            await connection.execute(
                "DELETE FROM contract_instances"
                " WHERE consumer = $1 AND chain_id = $2 AND block_hash = $3",
                self.consumer,
                self.chain_id,
                _NO_BLOCK,
            )
        await self._write(connection, self._named_rows())
        _log.info(
            "our contracts",
            consumer=self.consumer,
            chain=self.chain_id,
            came=sorted(one.contract for at, one in self.named.items() if at not in stored),
            went=sorted(one.contract for at, one in stored.items() if at not in self.named),
        )

    # --- what factories make ------------------------------------------------------------------

    async def note(self, connection: Connection, blocks: Sequence[Block]) -> int | None:
        """Writes down what our factories made in these blocks. The first of those blocks where
        something was not written down before."""
        fixed = self.fixed
        if not _factories(self.named):
            return None
        made: dict[str, Row] = {}
        for block in blocks:
            for address, one in created(block, fixed).items():
                row = (address, one.contract, block.number, _raw(block.hash))
                made.setdefault(address, row)
        return await self._write(connection, list(made.values()))

    async def known(self, connection: Connection, blocks: Sequence[Block]) -> Contracts:
        """Ours, as far as they have a part in these blocks. After `note`."""
        fixed = self.fixed
        if not _factories(self.named):
            return fixed
        rows = await connection.fetch(
            _MADE + " LIMIT $4", self.consumer, self.chain_id, _NO_BLOCK, _FEW + 1
        )
        if len(rows) > _FEW:
            emitters = {
                log.address for block in blocks for one in block.transactions for log in one.logs
            }
            rows = await connection.fetch(
                _MADE + " AND address = ANY($4)",
                self.consumer,
                self.chain_id,
                _NO_BLOCK,
                [_raw(address) for address in emitters - fixed.keys()],
            )
        return {**fixed, **_made(rows)}

    def rows(self, made: Iterable[Row], number: int) -> list[Row]:
        """All that is to be written down after block `number`, if these were made by factories."""
        return [*self._named_rows(), *(one for one in made if one[2] <= number)]

    async def rewrite(self, connection: Connection, made: Sequence[Row]) -> None:
        """Instead of whatever is written down: what the manifest names, and these."""
        await connection.execute(
            "DELETE FROM contract_instances WHERE consumer = $1 AND chain_id = $2",
            self.consumer,
            self.chain_id,
        )
        await self._write(connection, [*self._named_rows(), *made])

    def _named_rows(self) -> list[Row]:
        return [(at, one.contract, one.block, _NO_BLOCK) for at, one in self.named.items()]

    async def _write(self, connection: Connection, rows: Sequence[Row]) -> int | None:
        if not rows:
            return None
        addresses, *columns = (list(column) for column in zip(*rows, strict=True))
        new = await connection.fetch(
            _WRITE, self.consumer, self.chain_id, list(map(_raw, addresses)), *columns
        )
        return min((row["block_number"] for row in new), default=None)

    async def forget(self, connection: Connection, hash: bytes) -> None:
        """A block was taken back, and what was made in it."""
        await connection.execute(
            "DELETE FROM contract_instances"
            " WHERE consumer = $1 AND chain_id = $2 AND block_hash = $3",
            self.consumer,
            self.chain_id,
            hash,
        )


_MADE = """
SELECT address, contract, block_number FROM contract_instances
WHERE consumer = $1 AND chain_id = $2 AND block_hash <> $3
"""
_FEW = 500
"""So many are read whole: quicker than asking which of thousands of addresses are among them."""
_WRITE = """
INSERT INTO contract_instances (consumer, chain_id, address, contract, block_number, block_hash)
SELECT $1, $2, * FROM unnest($3::bytea[], $4::text[], $5::bigint[], $6::bytea[])
ON CONFLICT (consumer, chain_id, address) DO UPDATE
SET contract = excluded.contract, block_number = excluded.block_number,
    block_hash = excluded.block_hash
WHERE excluded.block_hash = ''
RETURNING block_number
"""
"""What the manifest names is as it says; else what was written first stays."""


async def look_again(connection: Connection, chain_id: int, first: int, last: int) -> None:
    """Scans of the blocks first to last, for every monitor that has looked at them without one of
    our contracts. Where the matcher's position is held. A window is not made up for."""
    rows = await connection.fetch(
        "SELECT id, greatest($2, coalesce(from_block, active_from_block)) AS first FROM monitors"
        " WHERE chain_id = $1 AND category = 'donablock' AND is_enabled AND deleted_at IS NULL"
        "   AND active_from_seq IS NOT NULL AND coalesce(definition ->> 'window', '') = ''"
        " ORDER BY id",
        chain_id,
        first,
    )
    asked = [Asked(row["id"], row["first"], last) for row in rows if row["first"] <= last]
    await scan_store.ask(connection, asked, is_again=True)


async def contracts_of(connection: Connection, chain_id: int, consumer: str) -> Contracts:
    """All of ours that a consumer knows, for blocks of any height."""
    rows = await connection.fetch(
        "SELECT address, contract, block_number, block_hash FROM contract_instances"
        " WHERE consumer = $1 AND chain_id = $2",
        consumer,
        chain_id,
    )
    fixed = {
        "0x" + row["address"].hex(): Known(row["contract"])
        for row in rows
        if row["block_hash"] == _NO_BLOCK and row["contract"] in interfaces()
    }
    return {**_made(row for row in rows if row["block_hash"] != _NO_BLOCK), **fixed}


async def genesis_of(connection: Connection, chain_id: int) -> str | None:
    """The hash of block 0, as far as what was followed tells of it."""
    found = await connection.fetchval(
        "SELECT CASE number WHEN 0 THEN hash ELSE parent END FROM blocks"
        " WHERE chain_id = $1 AND number IN (0, 1) AND is_canonical ORDER BY number LIMIT 1",
        chain_id,
    )
    return None if found is None else "0x" + found.hex()


def _made(rows: Iterable[Any]) -> dict[str, Known]:
    return {
        "0x" + row["address"].hex(): Known(row["contract"], row["block_number"])
        for row in rows
        if row["contract"] in interfaces()
    }


def _factories(named: Mapping[str, Named]) -> set[str]:
    return {address for address, one in named.items() if one.contract in FACTORIES}


def _signature(path: Path) -> tuple[int, ...] | None:
    """Another one for another file; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path, chain_id: int) -> Manifest | None:
    """None for one that is missing, unfinished or damaged; what is wrong is told, and why."""
    try:
        return load_manifest(chain_id, path)
    except ManifestError as error:
        if path.exists():
            _log.warning("manifest is not used", chain=chain_id, because=str(error))
        return None


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])
