"""One process of roles: what ends it, what does not, and how it stops."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from structlog.testing import capture_logs

from donablock.errors import HaltedError, InputError, StreamGapError
from donablock.roles.context import Context
from donablock.roles.ops import split_address
from donablock.roles.process import Job, supervise
from donablock.settings import Settings

pytestmark = pytest.mark.asyncio


def context(**settings):
    return Context(Settings(stop_seconds=0.2, **settings), None)


async def for_ever(_):
    await asyncio.Event().wait()


def failing(error):
    async def work(_):
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code"),
    [(InputError("mend it"), 2), (StreamGapError("rebuild it"), 1), (ZeroDivisionError(), 1)],
)
async def test_a_job_that_fails_for_good_ends_the_process_and_says_why(error, code):
    with capture_logs() as logs:
        found = await supervise(context(), [Job("good", for_ever), Job("bad", failing(error))])
    assert found == code
    (line,) = [one for one in logs if one["log_level"] == "error"]
    assert (line["event"], line["job"]) == ("fails for good", "bad")


async def test_a_chain_that_halted_ends_its_own_job_alone():
    here = context()
    running = asyncio.ensure_future(
        supervise(here, [Job("good", for_ever), Job("bad", failing(HaltedError("look")))])
    )
    await asyncio.sleep(0.1)
    assert not running.done()
    assert here.faults == {"bad": "look"}
    here.stopping.set()
    assert await running == 0
    assert await supervise(context(), [Job("bad", failing(HaltedError("look")))]) == 1


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_in_order_what_can_and_cancels_the_rest(sign):
    said = []

    async def orderly(here):
        await here.stopping.wait()
        await asyncio.sleep(0.05)
        said.append("orderly")

    async def other(_):
        try:
            await for_ever(_)
        except asyncio.CancelledError:
            said.append("cancelled")
            raise

    running = asyncio.ensure_future(
        supervise(context(), [Job("one", orderly, is_orderly=True), Job("two", other)])
    )
    await asyncio.sleep(0.1)
    os.kill(os.getpid(), sign)
    assert await asyncio.wait_for(running, 5) == 0
    assert sorted(said) == ["cancelled", "orderly"]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, "nothing of it is left"


async def test_what_does_not_end_is_left_behind(monkeypatch):
    monkeypatch.setattr("donablock.roles.process._MARGIN", 0.1)
    here = context()
    running = asyncio.ensure_future(supervise(here, [Job("slow", for_ever, is_orderly=True)]))
    await asyncio.sleep(0.05)
    with capture_logs() as logs:
        here.stopping.set()
        assert await asyncio.wait_for(running, 5) == 0
    assert [one["event"] for one in logs] == ["does not end"]


async def test_jobs_that_all_end_end_the_process():
    async def nothing(_):
        return

    assert await asyncio.wait_for(supervise(context(), [Job("none", nothing)]), 5) == 0


async def test_places_to_listen_at():
    assert split_address("0.0.0.0:9100") == ("0.0.0.0", 9100)
    assert split_address("[::1]:0") == ("::1", 0)
    assert split_address(":9100") == ("127.0.0.1", 9100)
    for text in ("9100", "host", "host:", "host:x", "host:65536", ""):
        with pytest.raises(InputError, match="is no place to listen at"):
            split_address(text)
