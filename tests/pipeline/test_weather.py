"""Every fault of weather.py once, over a whole pipeline whose roles die all the time. Hundreds of
schedules by chance: `python -m tests.pipeline.deep`."""

from __future__ import annotations

import json

import pytest

from tests.crashing import preload
from tests.pipeline import deep, roles, weather
from tests.pipeline.weather import BROKER_FAULTS, FAULTS

preload(roles.__name__)


@pytest.fixture(scope="module")
def own_server():
    with weather.own_server() as server:
        yield server


def passed(done, faults):
    """judge() has found nothing wrong; here only that something was to be found."""
    assert dict(done.faults) == {fault.__name__: 1 for fault in faults}
    assert done.blocks > 5 and done.messages > 20
    assert all(done.kills[role] for role in ("worker", "matcher", "deliverer")), done.kills
    print(done)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_database_nodes_and_endpoints_fail(own_server):
    done = weather.run(own_server, 1, FAULTS)
    passed(done, FAULTS)
    assert done.repeats > 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_brokers_fail(own_server):
    faults = [*BROKER_FAULTS, weather.connections_cut, weather.node_on_a_fork]
    done = weather.run(own_server, 2, faults)
    passed(done, faults)
    assert done.is_kafka and done.kills["relay"]


# --- how the many are counted ---------------------------------------------------------------------


def counted(seed):
    return {
        "seed": seed,
        "is_kafka": seed % 2 == 0,
        "blocks": 10,
        "messages": 40,
        "requests": 45,
        "repeats": 5,
        "seconds": 1.5,
        "faults": {"database_killed": 2},
        "kills": {"worker": 3},
        "story": {"cut": 1},
    }


@pytest.fixture
def build(tmp_path, monkeypatch):
    monkeypatch.setattr(deep, "BUILD", tmp_path / "deep")
    monkeypatch.setattr(deep, "version", lambda: "abc")
    return tmp_path / "deep"


def test_schedules_add_up_and_are_gone_on_from(build):
    runner = deep.Deep(5, 1, None)
    runner.add(counted(1))
    runner.add(counted(3))
    assert set(json.loads((build / "pipeline.json").read_text())["abc"]) == {"1", "3"}
    again = deep.Deep(5, 1, None)
    assert set(again.done) == {1, 3}
    last = again.summary().splitlines()[-1]
    assert last == (
        "pipeline on abc: 2 of 5 schedules (0 with Kafka), 4 faults, 6 kills, 20 blocks,"
        " 80 messages in 90 requests (10 repeats); nothing lost, nothing made up"
    )


def test_schedules_count_for_the_code_that_they_ran(build, monkeypatch):
    deep.Deep(5, 1, None).add(counted(1))
    monkeypatch.setattr(deep, "version", lambda: "other")
    other = deep.Deep(5, 1, None)
    assert not other.done
    other.add(counted(2))
    assert set(json.loads((build / "pipeline.json").read_text())) == {"abc", "other"}


def test_a_failure_names_its_seed(build, capsys):
    deep.Deep(5, 1, None).failed(7, "AssertionError: lost 1")
    assert "schedule 7 failed" in capsys.readouterr().err
    said = (build / "pipeline-failure-7.txt").read_text()
    assert said.startswith("seed: 7\n") and "lost 1" in said


@pytest.mark.usefixtures("build")
def test_asked_to_stop_it_starts_no_schedule(capsys):
    runner = deep.Deep(5, 1, None)
    assert runner.goes_on()
    runner.ask_to_stop()
    assert not runner.goes_on()
    assert "stopping" in capsys.readouterr().err
