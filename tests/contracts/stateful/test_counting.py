"""The counting itself: a machine that made no call, or only reverting ones, must not pass."""

from __future__ import annotations

import boa
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from tests.contracts import deployers, roles
from tests.contracts.engine import py_evm
from tests.contracts.stateful.counting import (
    LENGTHS,
    CountedMachine,
    Counter,
    batches,
    machines,
    run,
)


class CountingExample(CountedMachine):
    """Mints; every now and then it transfers what is not there."""

    def __init__(self):
        super().__init__()
        self.token = deployers.PLAIN_TOKEN.deploy("Plain", "PLN", 6)
        self.supply = 0

    @rule(amount=st.integers(1, 100))
    def mint(self, amount):
        with self.call("mint"):
            self.token.mint(roles.address("holder"), amount)
        self.supply += amount

    @rule()
    def transfer_nothing_there(self):
        with self.call("transfer", reverts="erc20: balance too low"):
            self.token.transfer(roles.address("holder"), 1, sender=roles.address("stranger"))

    @invariant()
    def supply_is_what_was_minted(self):
        assert self.token.totalSupply() == self.supply, "EXAMPLE"


def counted(**by_call):
    counter = Counter()
    counter.by_call.update(by_call)
    return counter


def test_every_call_is_counted_and_the_chain_is_left_as_it_was():
    with py_evm():
        count_every_call()


def count_every_call():
    before = (boa.env.timestamp, boa.env.evm.vm.state.state_root)
    counter = run(CountingExample, examples=5, steps=20)
    assert counter.examples >= 5
    assert counter.calls == sum(calls for calls, _ in counter.by_call.values()) > 0
    mints, refused = counter.by_call["mint"], counter.by_call["transfer"]
    assert mints[0] > 0 and mints[1] == 0
    assert refused[0] == refused[1] > 0
    assert CountingExample.counter.calls == 0
    assert (boa.env.timestamp, boa.env.evm.vm.state.state_root) == before


def test_the_same_seed_makes_the_same_calls_and_the_next_one_others():
    runs = [run(CountingExample, examples=3, steps=20, first_seed=7).as_json() for _ in range(2)]
    assert runs[0] == runs[1]
    two = batches(CountingExample, examples=3, steps=20, first_seed=7)
    assert next(two).as_json() == runs[0]
    assert next(two).as_json() == run(CountingExample, examples=3, steps=20, first_seed=8).as_json()


def test_a_run_goes_on_until_enough_calls_were_made():
    counter = run(CountingExample, examples=2, steps=10, calls=100, first_seed=1)
    assert counter.calls >= 100
    assert counter.batches > 1


def test_a_broken_invariant_is_raised():
    class Forgetful(CountingExample):
        @rule()
        def mint_unseen(self):
            self.token.mint(roles.address("holder"), 1)

    with pytest.raises(AssertionError, match="EXAMPLE"):
        run(Forgetful, examples=5, steps=20)


def test_a_call_that_should_revert_and_does_not_is_raised():
    class Wrong(CountingExample):
        @rule()
        def mint_is_refused(self):
            with self.call("mint", reverts="erc20: balance too low"):
                self.token.mint(roles.address("holder"), 1)

    with pytest.raises(ValueError, match="Did not revert"):
        run(Wrong, examples=5, steps=20)


def test_a_run_that_did_too_little_fails():
    with pytest.raises(AssertionError, match="no call"):
        Counter().check()
    with pytest.raises(AssertionError, match="too many calls reverted"):
        counted(mint=(90, 0), transfer=(10, 10)).check()
    counted(mint=(91, 0), transfer=(10, 10)).check({"mint"})
    with pytest.raises(AssertionError, match="never done: {'transfer'}"):
        counted(mint=(91, 0), transfer=(10, 10)).check({"mint", "transfer"})
    with pytest.raises(AssertionError, match="never done: {'burn'}"):
        counted(mint=(91, 0)).check({"mint", "burn"})


def test_counts_add_up_in_a_file(tmp_path):
    path = tmp_path / "deep" / "Example.json"
    assert Counter.read(path).calls == 0
    first = counted(mint=(3, 0), transfer=(1, 1))
    first.batches = first.examples = 1
    assert first.add_to(path).as_json() == first.as_json()
    second = counted(mint=(4, 0), burn=(2, 0))
    second.batches, second.examples = 1, 5
    total = second.add_to(path)
    assert total.as_json() == Counter.read(path).as_json()
    assert total.by_call == {"mint": (7, 0), "transfer": (1, 1), "burn": (2, 0)}
    assert (total.batches, total.examples, total.calls, total.reverts) == (2, 6, 10, 1)
    assert [file.name for file in path.parent.iterdir()] == ["Example.json"]


def test_a_counter_prints_a_line_per_call():
    printed = str(counted(mint=(1_234, 0), transfer=(10, 10)))
    assert [line.split() for line in printed.splitlines()] == [
        ["call", "calls", "reverted"],
        ["mint", "1,234", "0"],
        ["transfer", "10", "10"],
        ["in", "all", "1,244", "10"],
        ["0", "examples,", "0", "%", "of", "the", "calls", "reverted"],
    ]


def test_machines_are_found_by_name():
    assert "CountedMachine" not in machines()
    assert all(issubclass(machine, CountedMachine) for machine in machines().values())


def test_twenty_thousand_calls_in_make_test():
    assert sum(LENGTHS.values()) >= 20_000
