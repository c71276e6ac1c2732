"""What our own contracts log: the events of interfaces/<contract>.json, and which of them tell of a
contract that was made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from donablock.errors import FileError
from donablock.monitors.abi import EventAbi, event_of
from donablock.settings import settings

__all__ = ["FACTORIES", "Interface", "Made", "interfaces"]


@dataclass(frozen=True)
class Made:
    """event: the factory's, whose first argument is the address of what it made. contract: what
    that is."""

    event: str
    contract: str


FACTORIES: Mapping[str, Made] = {"CampaignFactory": Made("CampaignCreated", "Campaign")}
"""By the contract that makes others."""


@dataclass(frozen=True)
class Interface:
    """The events of one contract: by their first topic, and by name (no two share one)."""

    contract: str
    topics: Mapping[str, EventAbi]
    events: Mapping[str, EventAbi]


@cache
def interfaces() -> Mapping[str, Interface]:
    """By contract. Raises FileError where they are missing or cannot be read."""
    folder = settings().root / "interfaces"
    found = {}
    for path in sorted(folder.glob("*.json")):
        try:
            abi = json.loads(path.read_text(encoding="utf-8"))
            names = [entry["name"] for entry in abi if entry["type"] == "event"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FileError(f"{path} is no ABI ({error}); restore it: `make abi`") from error
        events = {name: event_of(abi, name) for name in names}
        topics = {event.topic: event for event in events.values()}
        found[path.stem] = Interface(path.stem, topics, events)
    if not found:
        raise FileError(f"there are no ABIs in {folder}; set DONABLOCK_ROOT to where they are")
    return found
