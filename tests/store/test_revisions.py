"""Revisions are numbered in the order in which they take effect."""

from __future__ import annotations

import asyncio
import random

import pytest

from donablock.store.revisions import CHANNEL, last_revision, next_revision

pytestmark = pytest.mark.asyncio

INSERT = "INSERT INTO monitors (id, project_id, chain_id, name, category, revision) VALUES"


async def test_who_has_read_up_to_a_revision_has_missed_none(database):
    """With the sequence alone 8 can commit before 7, and who asks for what came after 8 never sees
    it."""
    async with database.connection() as connection:
        await connection.execute("INSERT INTO projects (id, name) VALUES ('p', 'p')")

    async def change(number: int) -> None:
        async with database.transaction() as connection:
            await asyncio.sleep(random.random() / 50)
            revision = await next_revision(connection)
            await asyncio.sleep(random.random() / 50)
            await connection.execute(
                f"{INSERT} ($1, 'p', 1, 'n', 'erc20', $2)", f"mo_{number}", revision
            )

    seen: list[int] = []

    async def follow() -> None:
        while len(seen) < 40:
            async with database.connection() as connection:
                rows = await connection.fetch(
                    "SELECT revision FROM monitors WHERE revision > $1 ORDER BY revision",
                    seen[-1] if seen else 0,
                )
            seen.extend(row["revision"] for row in rows)
            await asyncio.sleep(0.001)

    following = asyncio.create_task(follow())
    await asyncio.gather(*(change(number) for number in range(40)))
    await asyncio.wait_for(following, 20)
    assert seen == sorted(seen) and len(set(seen)) == 40
    async with database.connection() as connection:
        assert await last_revision(connection) == seen[-1]
        assert await connection.fetchval("SELECT count(*) FROM monitors") == 40


async def test_who_listens_is_woken_with_the_revision(database):
    heard: list[str | None] = []
    async with database.news(CHANNEL, heard.append) as news:
        while await news.wait(0.3):
            pass
        async with database.transaction() as connection:
            assert await last_revision(connection) == 0
            revision = await next_revision(connection)
        assert await news.wait(5)
        assert heard[-1] == str(revision)
