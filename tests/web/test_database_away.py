"""The database goes away, before a request and in the middle of one, and comes back; or its disk is
full. The answer says so at once or waits; what was confirmed is there, and nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from donablock.errors import DatabaseFullError
from tests.web.seeds import seed
from tests.web.serving import Api, Serving, new_database, serving
from tests.web.test_routes import MONITOR

ENDPOINT = {"url": "http://127.0.0.1:9/"}


@pytest.fixture
def cut(postgres: Any) -> Iterator[Serving]:
    """A server whose connections to the database can be cut."""
    with new_database(postgres) as url, serving(url, is_through_proxy=True) as one:
        yield one


def away(found: Any) -> None:
    assert found.status_code == 503, found.text
    assert found.json()["type"] == "urn:donablock:problem:database-away"
    assert int(found.headers["Retry-After"]) > 0
    for secret in ("postgresql://", "127.0.0.1", "password", "test_", "web_"):
        assert secret not in found.text


def test_a_database_that_is_away_is_told_and_comes_back(cut: Serving) -> None:
    seeded = seed(cut)
    api = seeded.api
    with switched_off(cut):
        for path in (
            "/v1/project",
            "/v1/monitors",
            f"/v1/monitors/{seeded.monitor}",
            "/v1/chains",
            "/v1/events",
            f"/v1/endpoints/{seeded.endpoint}",
            f"/v1/deliveries/{seeded.deliveries[4]}/attempts",
            "/ready",
        ):
            away(api.get(path))
        assert cut.nobody.get("/health").status_code == 200
        assert cut.nobody.get("/openapi.json").status_code == 200
        # a wrong key is not told from a right one, and none of them is let in
        away(Api(cut.url, "dbk_0123456789ab_" + "A" * 43).get("/v1/project"))
    assert api.get("/v1/project").status_code == 200
    assert cut.nobody.get("/ready").json() == {"status": "ready"}


@contextlib.contextmanager
def switched_off(cut: Serving) -> Iterator[None]:
    """Nothing can be connected to, and what was is cut."""

    async def off(_: Any) -> None:
        cut.proxy.target_kept = cut.proxy._target
        cut.proxy._target = "/nowhere/.s.PGSQL.5432"
        for task in list(cut.proxy._serving):
            task.cancel()
        await asyncio.sleep(0.1)

    async def on(_: Any) -> None:
        cut.proxy._target = cut.proxy.target_kept

    cut.run(off)
    try:
        yield
    finally:
        cut.run(on)


def test_a_change_waits_for_the_database_to_come_back(cut: Serving) -> None:
    """It goes away once the key was found to be good, and comes back a second later."""
    api = cut.api(cut.project())
    cut.proxy.cut_at = b"INSERT INTO endpoints"
    made = api.post("/v1/endpoints", ENDPOINT)
    assert cut.proxy.cuts == 1
    assert made.status_code == 201, made.text
    assert len(api.get("/v1/endpoints").json()["data"]) == 1


@pytest.mark.parametrize(
    "path, body, table",
    [("/v1/endpoints", ENDPOINT, "endpoints"), ("/v1/monitors", MONITOR, "monitors")],
)
def test_a_change_whose_outcome_is_not_known_is_not_made_twice(
    cut: Serving, path: str, body: Any, table: str
) -> None:
    """The connection breaks as COMMIT is answered: it was made, and nobody here can know."""
    api = cut.api(cut.project())
    cut.proxy.cut_at = b"COMMIT"
    found = api.post(path, body)
    assert cut.proxy.cuts == 1
    count = cut.execute(f"SELECT count(*) FROM {table} WHERE project_id = $1", api.project)
    assert count[0]["count"] == 1
    if found.status_code != 201:
        away(found)
    assert len(api.get(path).json()["data"]) == 1


def test_many_requests_while_it_flickers(cut: Serving) -> None:
    """Every answer is 201 or 503; whatever was answered 201 is there, once."""
    api = cut.api(cut.project("many", endpoints=1_000))
    answers: list[Any] = []
    is_over = threading.Event()

    def ask() -> None:
        own = Api(cut.url, api.key)
        for _ in range(200):
            answers.append(own.post("/v1/endpoints", ENDPOINT))
            if is_over.is_set() and answers[-1].status_code == 201:
                break

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        with switched_off(cut):
            threading.Event().wait(0.1)
        threading.Event().wait(0.2)
    is_over.set()
    for thread in threads:
        thread.join(60)
    codes = {found.status_code for found in answers}
    assert codes <= {201, 503} and 201 in codes
    for found in answers:
        if found.status_code == 503:
            away(found)
    made = [found.json()["id"] for found in answers if found.status_code == 201]
    kept = cut.execute("SELECT id FROM endpoints WHERE project_id = $1", api.project)
    ids = {row["id"] for row in kept}
    assert len(made) == len(set(made)) and set(made) <= ids
    # a 503 in the middle of a commit may have been made: at most as many as there were
    assert len(ids) - len(made) <= len(answers) - len(made)


def test_a_full_disk_is_told(server: Serving, api: Api) -> None:
    """The database refuses as a full one does (SQLSTATE 53100)."""
    server.execute(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$"
    )
    server.execute(
        "CREATE TRIGGER full_disk BEFORE INSERT ON endpoints EXECUTE FUNCTION full_disk()"
    )
    found = api.post("/v1/endpoints", ENDPOINT)
    assert found.status_code == 503
    assert found.json()["type"] == "urn:donablock:problem:database-full"
    assert int(found.headers["Retry-After"]) >= 30
    assert api.get("/v1/endpoints").json()["data"] == []
    server.execute("DROP TRIGGER full_disk ON endpoints")
    assert api.post("/v1/endpoints", ENDPOINT).status_code == 201


def test_a_schema_that_is_not_ours_is_not_ready(postgres: Any) -> None:
    with new_database(postgres) as url, serving(url) as server:
        server.execute("UPDATE alembic_version SET version_num = 'm9999'")
        found = server.nobody.get("/ready")
        assert found.status_code == 503
        assert server.nobody.get("/health").status_code == 200
        server.execute("DELETE FROM alembic_version")
        assert server.nobody.get("/ready").status_code == 503


def test_the_trigger_raises_what_a_full_disk_does() -> None:
    assert asyncpg.DiskFullError.sqlstate == "53100"
    assert issubclass(DatabaseFullError, Exception)
