"""Whatever is changed in whatever order, what is found is what a few lines of plain Python say, and
what is counted is what is there."""

from __future__ import annotations

import random

import pytest

from donablock.errors import QuotaError
from tests.pipeline.model import transfer

pytestmark = pytest.mark.asyncio

PEOPLE = [f"0x{number:040x}" for number in range(0xA0, 0xA8)]
TURNS = 60
MOST_MONITORS = 5
MOST_ADDRESSES = 14


class Asked:
    """A monitor as it was asked for."""

    def __init__(self, addresses, direction):
        self.addresses = set(addresses)
        self.direction = direction
        self.is_enabled = True
        self.tells = True

    def found(self, sender, receiver):
        """(address, direction) of what it finds in one transfer."""
        if self.is_enabled:
            for address, direction in ((sender, "out"), (receiver, "in")):
                if address in self.addresses and self.direction in ("all", direction):
                    yield address, direction


class World:
    """The service and the model side by side."""

    def __init__(self, service, line, chance):
        self.service, self.line, self.chance = service, line, chance
        self.endpoint = ""
        self.asked = {}
        self.expected = set()
        self.messages = 0

    def some(self, most=4):
        return self.chance.sample(PEOPLE, self.chance.randint(1, most))

    @property
    def addresses(self):
        return sum(len(one.addresses) for one in self.asked.values())

    async def create(self):
        addresses, direction = self.some(), self.chance.choice(["in", "out", "all"])
        fits = len(self.asked) < MOST_MONITORS
        fits = fits and self.addresses + len(addresses) <= MOST_ADDRESSES
        try:
            made = await self.service.monitor(
                addresses=addresses, direction=direction, endpoint_id=self.endpoint
            )
        except QuotaError:
            assert not fits
            return
        assert fits
        self.asked[made.id] = Asked(addresses, direction)

    async def change(self, id, asked):
        registry, project = self.service.registry, self.service.project
        what = self.chance.choice(
            ["add", "remove", "enable", "direct", "endpoint", "delete", "name"]
        )
        some = self.some()
        if what == "add":
            new = set(some) - asked.addresses
            fits = self.addresses + len(new) <= MOST_ADDRESSES
            try:
                done = await registry.add_addresses(project, id, some)
            except QuotaError:
                assert not fits
                return
            assert (done.added, set(done.existing)) == (len(new), set(some) & asked.addresses)
            assert fits or not new
            asked.addresses |= new
        elif what == "remove":
            gone = await registry.remove_addresses(project, id, some)
            assert gone == len(set(some) & asked.addresses)
            asked.addresses -= set(some)
        elif what == "enable":
            asked.is_enabled = not asked.is_enabled
            await registry.update(project, id, is_enabled=asked.is_enabled)
        elif what == "direct":
            asked.direction = self.chance.choice(["in", "out", "all"])
            await registry.update(project, id, direction=asked.direction)
        elif what == "endpoint":
            asked.tells = not asked.tells
            await registry.update(project, id, endpoint_id=self.endpoint if asked.tells else None)
        elif what == "delete" and self.chance.random() < 0.5:
            await registry.delete(project, id)
            del self.asked[id]
        else:
            await registry.update(project, id, name=f"name {self.chance.random()}")

    async def block(self, turn):
        paid = [
            transfer(*self.chance.sample(PEOPLE, 2), 1, place, salt=turn)
            for place in range(self.chance.randint(0, 4))
        ]
        self.line.chain.append(paid)
        await self.line.rest(limit=self.chance.choice([1, 100]))
        for one in paid:
            sender, receiver = ("0x" + topic[26:] for topic in one.logs[0].topics[1:])
            for id, asked in self.asked.items():
                for address, direction in asked.found(sender, receiver):
                    self.expected.add((id, one.hash, address, direction))
                    self.messages += asked.tells


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_found_is_what_was_asked_for_at_the_time(service, line, seed):
    world = World(service, line, random.Random(seed))
    world.endpoint = await service.endpoint()
    await service.limit(monitors=MOST_MONITORS, addresses=MOST_ADDRESSES)
    for turn in range(TURNS):
        for _ in range(world.chance.randint(0, 4)):
            if world.asked and world.chance.random() < 0.75:
                await world.change(*world.chance.choice(list(world.asked.items())))
            else:
                await world.create()
        await world.block(turn)
    rows = await service.rows(
        "SELECT monitor_id, transaction_hash, address, direction FROM matches"
    )
    found = {
        (row["monitor_id"], *("0x" + row[one].hex() for one in ("transaction_hash", "address")))
        + (row["direction"],)
        for row in rows
    }
    assert len(world.expected) > 30
    assert found == world.expected
    types = dict(await service.rows("SELECT type, count(*) FROM deliveries GROUP BY type"))
    assert types["event.detected"] == world.messages
    usage = await service.projects.usage(service.project)
    assert usage.messages == sum(types.values())
    assert (usage.monitors, usage.addresses) == (len(world.asked), world.addresses)
    for id, asked in world.asked.items():
        watched = await service.registry.addresses(service.project, id)
        assert {one.address for one in watched} == asked.addresses
