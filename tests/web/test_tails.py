"""Live tails where the database fails in the middle. tests/web/test_routes.py has the rest."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from donablock.errors import DatabaseError
from donablock.monitors.events import Event, Events
from donablock.web import live
from donablock.web.live import Tails
from donablock.web.parts import Limits

pytestmark = pytest.mark.asyncio


class Found:
    """Two events that change while they are looked at; `failing` says at which reading of one the
    database is away."""

    def __init__(self, failing: int) -> None:
        self.failing = failing
        self.read = 0
        self.state = "detected"

    def _one(self, id: str) -> Event:
        sequence = int(id[-1])
        return cast(
            Event, SimpleNamespace(id=id, state=self.state, generation=1, sequence=sequence)
        )

    async def last(self, *_: str) -> int:
        return 0

    async def after(self, _project: str, _monitor: str, sequence: int, _most: int) -> list[Event]:
        if sequence == 0:
            return [self._one("evt_1"), self._one("evt_2")]
        self.state = "confirmed"
        return []

    async def states(self, _project: str, ids: list[str]) -> dict[str, tuple[str, int]]:
        return dict.fromkeys(ids, (self.state, 1))

    async def get(self, _project: str, id: str) -> Event:
        self.read += 1
        if self.read == self.failing:
            raise DatabaseError("gone for a moment")
        return self._one(id)


@pytest.mark.parametrize("failing", [0, 1, 2, 3])
async def test_every_change_is_told_though_the_database_fails(
    monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    monkeypatch.setattr(live, "PAUSE", 0.01)
    monkeypatch.setattr(live, "_STATES_EVERY", 0.0)
    events, tails = Found(failing), Tails(Limits())

    async def may() -> None:
        pass

    told: list[tuple[str, str]] = []
    stream = tails.follow(
        cast(Events, events), "pr_1", "mo_1", None, may, lambda event: str(cast(Any, event).id)
    )
    async for text in stream:
        lines = dict(line.split(": ", 1) for line in text.strip().splitlines())
        if "data" in lines:
            told.append((lines["event"], lines["data"]))
        if len(told) == 4:
            break
    wanted = [(state, id) for state in ("detected", "confirmed") for id in ("evt_1", "evt_2")]
    assert told == wanted
