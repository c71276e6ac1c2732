"""The deep runner adds up, goes on, and stops at what breaks."""

from __future__ import annotations

import json

import pytest

from tests.contracts.stateful import deep
from tests.contracts.stateful.counting import Counter


def counted(calls, reverts=0):
    counter = Counter()
    counter.batches = counter.examples = 1
    counter.by_call = {"call": (calls, reverts)}
    return {"counter": counter.as_json(), "seconds": 1.6}


@pytest.fixture
def build(tmp_path, monkeypatch):
    monkeypatch.setattr(deep, "BUILD", tmp_path / "deep")
    return tmp_path / "deep"


def test_every_machine_is_where_the_runner_looks_for_it():
    for subject in deep.SUBJECTS.values():
        module = deep.importlib.import_module(f"tests.contracts.stateful.{subject.module}")
        assert getattr(module, subject.name).__name__ == subject.name


def test_batches_add_up_in_a_file_and_are_read_again(build):
    tally = deep.Tally("VestingMachine", "abc")
    tally.load()
    tally.add(counted(10, 1), 7)
    tally.add(counted(5), 8)
    entry = json.loads((build / "VestingMachine.json").read_text())["versions"]["abc"]
    assert (entry["calls"], entry["reverts"], entry["batches"]) == (15, 1, 2)
    assert entry["seeds"] == [7, 8]
    again = deep.Tally("VestingMachine", "abc")
    again.load()
    assert again.counter.calls == 15


def test_calls_count_for_the_contracts_they_were_made_on(build):
    old = deep.Tally("VestingMachine", "old")
    old.add(counted(10), 7)
    new = deep.Tally("VestingMachine", "new")
    new.load()
    assert new.counter.calls == 0
    new.add(counted(3), 8)
    versions = json.loads((build / "VestingMachine.json").read_text())["versions"]
    assert {name: entry["calls"] for name, entry in versions.items()} == {"old": 10, "new": 3}


@pytest.mark.usefixtures("build")
def test_the_machine_that_had_least_time_is_next_and_enough_is_enough():
    tallies = [deep.Tally("VestingMachine", "v"), deep.Tally("GiveMachine", "v")]
    tallies[0].add(counted(10), 7)
    runner = deep.Deep(tallies, calls=25, workers=2, minutes=None)

    class Pool:
        def submit(self, _function, name, _seed):
            return name

    runner.start(Pool())
    assert [batch.tally.name for batch in runner.under_way.values()] == ["GiveMachine"]
    assert not runner.goes_on(), "what is under way counts"
    runner.under_way.clear()
    assert runner.goes_on()
    tallies[1].add(counted(15), 9)
    assert not runner.goes_on()


def test_asked_to_stop_it_starts_no_batch(capsys):
    runner = deep.Deep([deep.Tally("VestingMachine", "v")], calls=5, workers=1, minutes=None)
    assert runner.goes_on()
    runner.ask_to_stop()
    assert not runner.goes_on()
    assert "stopping" in capsys.readouterr().err
    with pytest.raises(KeyboardInterrupt):
        runner.ask_to_stop()


def test_a_version_is_of_the_bytecode():
    versions = {name: deep.version(name) for name in deep.SUBJECTS}
    assert len(set(versions.values())) == len(versions)
    assert versions["VestingMachine"] == deep.version("VestingMachine")


def test_a_batch_is_made_again_by_its_seed():
    first, second = (deep.run_batch("VestingMachine", 5, examples=3) for _ in range(2))
    assert first["counter"] == second["counter"]
    assert first["counter"]["calls"] > 0


def test_what_breaks_is_reported_with_its_steps(monkeypatch):
    from tests.contracts.stateful.test_vesting_machine import VestingMachine

    def broken(_self):
        raise AssertionError("VST-9: planted")

    monkeypatch.setattr(VestingMachine, "vested", lambda self, group: broken(self))
    found = deep.run_batch("VestingMachine", 5, examples=3)
    assert "VST-9: planted" in found["failure"]
    assert "state = VestingMachine()" in found["failure"]


def test_a_failure_is_kept_in_a_file(build):
    tally = deep.Tally("VestingMachine", "abc")

    class Pool:
        def shutdown(self, **_how):
            self.is_shut = True

    pool = Pool()
    runner = deep.Deep([tally], calls=1, workers=1, minutes=None)
    runner.stop(pool, deep.Batch(tally, 7, 1), "steps")
    kept = (build / "failure-VestingMachine-7.txt").read_text()
    assert "seed: 7" in kept and kept.endswith("steps")
    assert pool.is_shut
