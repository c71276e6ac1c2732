"""The key that `donablock up` leaves for commands: whose it is, and what becomes of lost ones."""

from __future__ import annotations

import json
import os
import stat

import pytest

from donablock.errors import UnauthorizedError
from donablock.monitors.keys import SCOPES, Keys
from donablock.monitors.projects import Projects
from donablock.roles.first_key import NAME, first_key

pytestmark = pytest.mark.asyncio


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "api.key"


def beside(path):
    return path.with_name("api.key.json")


async def caller(database, text):
    return await Keys(database).authenticate(text)


async def open_keys(database):
    async with database.connection() as connection:
        return await connection.fetchval(
            "SELECT count(*) FROM api_keys WHERE revoked_at IS NULL AND expires_at IS NULL"
        )


async def test_the_first_key_may_do_all_and_only_its_owner_can_read_it(database, path):
    before = os.umask(0)
    try:
        text = await first_key(database, path)
    finally:
        os.umask(before)
    assert path.read_text() == text + "\n"
    found = await caller(database, text)
    assert found.scopes == set(SCOPES)
    assert (await Projects(database).get(found.project_id)).name == NAME
    assert json.loads(beside(path).read_text()) == {found.project_id: found.key_id}
    for file in (path, beside(path)):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(one.name for one in path.parent.iterdir()) == ["api.key", "api.key.json"]
    assert await first_key(database, path) is None
    assert path.read_text() == text + "\n"


async def test_a_project_that_is_renamed_to_its_name_gets_none_of_its_keys(database, path):
    projects = Projects(database)
    own = await caller(database, await first_key(database, path))
    tenants = [await projects.create("tenant") for _ in range(8)]
    for one in tenants:
        await projects.update(one.id, name=NAME)
    await projects.update(own.project_id, name="mine")
    path.unlink()
    again = await caller(database, await first_key(database, path))
    assert again.project_id == own.project_id
    # nor where nobody knows any more which one it was
    path.unlink()
    beside(path).unlink()
    other = await caller(database, await first_key(database, path))
    assert other.project_id not in {own.project_id, *(one.id for one in tenants)}


async def test_lost_keys_are_revoked_and_never_too_many(database, path):
    first = await first_key(database, path)
    own = await caller(database, first)
    allowed = (await Projects(database).get(own.project_id)).quotas.keys
    for change in (
        path.unlink,
        lambda: path.write_text("dbk_junk"),
        lambda: path.write_bytes(b"\xff"),
    ):
        for _ in range(allowed // 2):
            change()
            last = await first_key(database, path)
    found = await caller(database, last)
    assert found.project_id == own.project_id
    assert await open_keys(database) == 1, "no lost key opens anything"
    with pytest.raises(UnauthorizedError):
        await caller(database, first)


async def test_keys_that_others_made_are_left_alone(database, path):
    own = await caller(database, await first_key(database, path))
    _, mine = await Keys(database).create(own.project_id, ["read"])
    path.unlink()
    await first_key(database, path)
    assert (await caller(database, mine)).project_id == own.project_id
    # a key of one's own in the file is taken as it is
    path.write_text(mine)
    assert await first_key(database, path) is None


async def test_a_key_whose_file_was_never_written_is_revoked(database, path, monkeypatch):
    """The process ends between the two files."""
    replace = type(path).replace

    def ends(self, target):
        if target == path:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(type(path), "replace", ends)
    with pytest.raises(KeyboardInterrupt):
        await first_key(database, path)
    monkeypatch.undo()
    text = await first_key(database, path)
    assert await open_keys(database) == 1
    assert (await caller(database, text)).scopes == set(SCOPES)
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM projects") == 1


@pytest.mark.parametrize("name", [".api.key", ".api.key.json"])
async def test_a_draft_that_was_left_by_a_process_of_the_same_pid_is_written_over(
    database, path, name
):
    path.parent.mkdir()
    draft = path.with_name(f"{name}.{os.getpid()}")
    draft.write_text("a text that is longer than any key would be" * 9)
    draft.chmod(0o644)
    text = await first_key(database, path)
    assert path.read_text() == text + "\n"
    assert json.loads(beside(path).read_text())
    for file in (path, beside(path)):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not draft.exists()


async def test_a_draft_that_leads_elsewhere_is_not_followed(database, path, tmp_path):
    path.parent.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("kept")
    path.with_name(f".api.key.{os.getpid()}").symlink_to(victim)
    with pytest.raises(OSError):
        await first_key(database, path)
    assert victim.read_text() == "kept"


async def test_a_key_that_is_older_than_the_file_beside_it_names_the_project(database, path):
    text = await first_key(database, path)
    own = await caller(database, text)
    beside(path).unlink()
    assert await first_key(database, path) is None
    assert json.loads(beside(path).read_text()) == {own.project_id: None}
    path.unlink()
    again = await caller(database, await first_key(database, path))
    assert again.project_id == own.project_id
    assert (await caller(database, text)).key_id == own.key_id, "nobody knows who made it"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"no id": 1}', '{"pr_gone": "key_gone"}', "\udcff"]
)
async def test_a_file_beside_it_that_says_nothing_is_made_again(database, path, text):
    path.parent.mkdir()
    beside(path).write_bytes(text.encode("utf-8", "surrogateescape"))
    found = await caller(database, await first_key(database, path))
    assert json.loads(beside(path).read_text())[found.project_id] == found.key_id


async def test_a_project_that_was_deleted_is_followed_by_another(database, path):
    own = await caller(database, await first_key(database, path))
    await Projects(database).delete(own.project_id)
    other = await caller(database, await first_key(database, path))
    assert other.project_id != own.project_id
    path.unlink()
    assert (await caller(database, await first_key(database, path))).project_id == other.project_id
