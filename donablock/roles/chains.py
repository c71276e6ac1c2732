"""Which chains a process looks after, by which nodes, and from which block on.

DONABLOCK_NODES   {"56": ["https://node-one.example/key", "https://node-two.example/key"]}
DONABLOCK_START   {"56": 45000000}     else the first block of deployments/<chain>.json, else the
                                       newest block there is
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from donablock.chain.chains import Chain, chain_of
from donablock.chain.endpoint import Endpoint
from donablock.chain.manifest import load_manifest
from donablock.errors import InputError
from donablock.monitors.worker import LATEST
from donablock.settings import Settings

_NODES = 'write it as {"56": ["https://node.example/key"]}'
_START = 'write it as {"56": 45000000}'


@dataclass(frozen=True)
class Followed:
    """One chain. urls: its nodes, none where none are named; they may hold keys. start: the first
    block to read, where the chain was never followed."""

    chain: Chain
    urls: tuple[str, ...] = field(repr=False)
    start: int

    @property
    def chain_id(self) -> int:
        return self.chain.chain_id


def followed(chosen: Settings, ids: Sequence[int] = ()) -> tuple[Followed, ...]:
    """These chains, or all that have nodes. Raises InputError and ChainFileError."""
    urls, starts = node_urls(chosen), _starts(chosen)
    wanted = sorted(set(ids)) or sorted(urls)
    if not wanted:
        raise InputError(f"no chain is named: set DONABLOCK_NODES ({_NODES}), or give --chain")
    return tuple(
        Followed(chain_of(id), urls.get(id, ()), starts[id] if id in starts else _first(chosen, id))
        for id in wanted
    )


def node_urls(chosen: Settings) -> dict[int, tuple[str, ...]]:
    """The nodes of each chain. Raises InputError, which shows no URL."""
    if chosen.nodes is None:
        return {}
    found: dict[int, tuple[str, ...]] = {}
    for name, urls in _object(chosen.nodes.get_secret_value(), "NODES", _NODES).items():
        chain_id = _chain_id(name, "NODES", _NODES)
        listed = [urls] if isinstance(urls, str) else urls
        is_list = isinstance(listed, list) and all(isinstance(url, str) for url in listed)
        if not is_list or not listed:
            raise InputError(f"DONABLOCK_NODES names no list of URLs for chain {name}; {_NODES}")
        for url in listed:
            try:
                Endpoint(url)
            except InputError as error:
                raise InputError(f"DONABLOCK_NODES, chain {name}: {error}") from None
        found[chain_id] = tuple(listed)
    return found


def _starts(chosen: Settings) -> dict[int, int]:
    found: dict[int, int] = {}
    for name, block in _object(chosen.start or "{}", "START", _START).items():
        chain_id = _chain_id(name, "START", _START)
        if not isinstance(block, int) or isinstance(block, bool) or block < LATEST:
            raise InputError(
                f"DONABLOCK_START, chain {name}: {block!r} is no block; give a number from 0, or"
                f" {LATEST} for the newest"
            )
        found[chain_id] = block
    return found


def _first(chosen: Settings, chain_id: int) -> int:
    """Where what we deployed begins; the newest block, where nothing is deployed."""
    path = chosen.deployments_path / f"{chain_id}.json"
    return load_manifest(chain_id, path).first_block if path.exists() else LATEST


def _object(text: str, name: str, mend: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputError(f"DONABLOCK_{name} is no JSON object: {mend}")
    return found


def _chain_id(text: str, name: str, mend: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) < 2**63:
        raise InputError(f"DONABLOCK_{name}: {text[:40]!r} is no chain id; {mend}")
    return int(text)
