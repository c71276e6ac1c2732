"""The demo's charities, all invented, from charities.json beside this file."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from eth_utils.crypto import keccak

from donablock.errors import FileError

PATH = Path(__file__).with_name("charities.json")
GOALS = 17


@dataclass(frozen=True)
class Profile:
    """A charity as it describes itself. `sdgs` are goals 1 to 17, the main one first."""

    name: str
    country: str
    legal_id: str
    sdgs: tuple[int, ...]

    @property
    def goal(self) -> int:
        """The main goal."""
        return self.sdgs[0]

    @property
    def sdg_bits(self) -> int:
        """As the registry stores goals: bit k - 1 is goal k."""
        return sum(1 << (goal - 1) for goal in self.sdgs)

    @property
    def legal_id_hash(self) -> bytes:
        return keccak(text=self.legal_id)

    @cached_property
    def document(self) -> bytes:
        """The description whose hash the registry keeps."""
        words = {"name": self.name, "country": self.country, "invented": True}
        return json.dumps(words, separators=(",", ":")).encode("ascii")

    @property
    def metadata_hash(self) -> bytes:
        return keccak(self.document)

    @property
    def uri(self) -> str:
        """The description itself, so that a reader needs no server; at most 256 bytes."""
        return "data:application/json;base64," + base64.b64encode(self.document).decode("ascii")


def load(count: int | None = None, path: Path = PATH) -> list[Profile]:
    """The first `count` charities of the file, all of them if None.

    Raises FileError where the file is unreadable, a name or a legal id is there twice, a goal is
    none of the 17, or there are fewer than `count`.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["charities"]
        profiles = [
            Profile(entry["name"], entry["country"], entry["legal_id"], tuple(entry["sdgs"]))
            for entry in entries
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(f"{path.name} cannot be read: {error!r}; restore it from git") from error
    for what in ("name", "legal_id"):
        if len({getattr(profile, what) for profile in profiles}) != len(profiles):
            raise FileError(f"{path.name} has a {what} twice; each may be there once")
    for profile in profiles:
        goals = profile.sdgs
        if not goals or len(set(goals)) != len(goals) or not set(goals) <= set(range(1, GOALS + 1)):
            raise FileError(f"{path.name}: {profile.name}: sdgs are 1 to {GOALS}, each once")
    if count is not None and count > len(profiles):
        raise FileError(f"{path.name} has {len(profiles)} charities, and {count} were asked for")
    return profiles[:count]
