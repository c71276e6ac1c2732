"""State machines that count what they do, and how to run them.

A machine is a Hypothesis RuleBasedStateMachine beside a plain model. Its rules make every call of a
contract inside `self.call`, which counts it:

    class GiveMachine(CountedMachine):
        @rule(amount=amounts)
        def issue(self, amount):
            with self.call("issue"):                            # must go through
                self.give.issue(amount, sender=self.payer)
            self.supply += amount

        @precondition(lambda self: self.may_revert())
        @rule()
        def issue_nothing(self):
            with self.call("issue", reverts="give: zero amount"):   # must revert, for this reason
                self.give.issue(0, sender=self.payer)

A run is worth little if most of its calls revert or some of its rules never ran. `run` therefore
gives back a Counter, `Counter.check` fails a run that did too little, and `Counter.add_to` adds it
to a file, so that runs on many days add up:

    counter = run(GiveMachine, calls=100_000, first_seed=7)
    counter.add_to(Path("build/deep/GiveMachine.json"))

A long run adds after each batch, and goes on where the one before stopped: `batches` in the file is
how many seeds have been used.

    done = Counter.read(path).batches
    for counter in batches(GiveMachine, examples=100, steps=100, first_seed=done):
        total = counter.add_to(path)
        ...

`machines()` names every machine whose module has been imported.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Self

import boa
import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.contracts.engine import py_evm, pyrevm

# the second at which every example begins
NOW = 1_800_000_000
# the share of calls that may revert in a run: the unit tests try every revert by itself
MAX_REVERTED = Fraction(1, 10)
# what a machine aims at, so that a run stays below
AIMED_REVERTED = Fraction(1, 20)

# how many calls each machine makes in `make test`
LENGTHS = {
    "GiveMachine": 2_500,
    "VestingMachine": 2_000,
    "GivingMachine": 6_000,
    "IndexFundsMachine": 6_000,
    "CampaignMachine": 2_500,
    "ImpactMachine": 2_500,
    "DividendPoolMachine": 4_000,
    "CommissionMachine": 2_000,
    "BuybackMachine": 1_500,
}


class Counter:
    """How often each call was made, and how often it reverted, by name."""

    def __init__(self) -> None:
        self.batches = 0
        self.examples = 0
        self.by_call: dict[str, tuple[int, int]] = {}

    def count(self, name: str, *, reverted: bool) -> None:
        calls, reverts = self.by_call.get(name, (0, 0))
        self.by_call[name] = (calls + 1, reverts + int(reverted))

    @property
    def calls(self) -> int:
        return sum(calls for calls, _ in self.by_call.values())

    @property
    def reverts(self) -> int:
        return sum(reverts for _, reverts in self.by_call.values())

    @property
    def done(self) -> set[str]:
        """The calls that went through at least once."""
        return {name for name, (calls, reverts) in self.by_call.items() if calls > reverts}

    def __iadd__(self, other: Counter) -> Self:
        self.batches += other.batches
        self.examples += other.examples
        for name, (calls, reverts) in other.by_call.items():
            mine = self.by_call.get(name, (0, 0))
            self.by_call[name] = (mine[0] + calls, mine[1] + reverts)
        return self

    def clear(self) -> None:
        self.batches = self.examples = 0
        self.by_call.clear()

    def check(self, expected: set[str] | None = None) -> None:
        """Fail unless few calls reverted, and each of the expected ones went through once."""
        assert self.calls > 0, "the machine made no call"
        assert self.reverts < self.calls * MAX_REVERTED, f"too many calls reverted\n{self}"
        missing = (expected or set()) - self.done
        assert not missing, f"never done: {missing}\n{self}"

    def as_json(self) -> dict[str, Any]:
        return {
            "batches": self.batches,
            "examples": self.examples,
            "calls": self.calls,
            "reverts": self.reverts,
            "by_call": {
                name: {"calls": calls, "reverts": reverts}
                for name, (calls, reverts) in sorted(self.by_call.items())
            },
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        counter = cls()
        counter.batches, counter.examples = data["batches"], data["examples"]
        counter.by_call = {
            name: (row["calls"], row["reverts"]) for name, row in data["by_call"].items()
        }
        return counter

    @classmethod
    def read(cls, path: Path) -> Self:
        """What stands in a file; nothing, if there is none."""
        return cls.from_json(json.loads(path.read_text())) if path.exists() else cls()

    def add_to(self, path: Path) -> Counter:
        """Add these counts to those in a file, and give back the sum. The file is never half
        written; two processes must not add to the same one at once.
        """
        total = self.read(path)
        total += self
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}.tmp")
        scratch.write_text(json.dumps(total.as_json(), indent=2) + "\n")
        scratch.replace(path)
        return total

    def __str__(self) -> str:
        width = max([len(name) for name in self.by_call] + [len("call")])
        lines = [f"{'call':{width}} {'calls':>9} {'reverted':>9}"]
        for name, (calls, reverts) in sorted(self.by_call.items()):
            lines.append(f"{name:{width}} {calls:9,} {reverts:9,}")
        share = Fraction(100 * self.reverts, self.calls or 1)
        lines.append(f"{'in all':{width}} {self.calls:9,} {self.reverts:9,}")
        lines.append(f"{self.examples:,} examples, {int(share)} % of the calls reverted")
        return "\n".join(lines)


class CountedMachine(RuleBasedStateMachine):
    """A machine that counts its calls, each example of it in a chain of its own."""

    # one for each class that inherits from this one
    counter: ClassVar[Counter]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.counter = Counter()

    def __init__(self) -> None:
        super().__init__()
        self._anchor = boa.env.anchor()
        self._anchor.__enter__()
        # see conftest.forget_storage_traces
        boa.env.sstore_trace.clear()
        boa.env.timestamp = NOW
        self.counter.examples += 1
        self._calls = self._reverts = 0

    @classmethod
    def prepare(cls) -> None:
        """Deploy what all examples share; once per chain, before the first."""

    def at_the_end(self) -> None:
        """What must hold, or can still be done, when an example is over."""

    def teardown(self) -> None:
        try:
            # after a failure, or an example that was given up, there is nothing to learn
            if sys.exc_info()[0] is None:
                self.at_the_end()
        finally:
            self._anchor.__exit__(None, None, None)

    @contextmanager
    def call(self, name: str, reverts: str | None = None) -> Iterator[None]:
        """Make one call of a contract: it must go through, or revert for the reason given."""
        if reverts is None:
            yield
        else:
            with boa.reverts(reverts):
                yield
        self.counter.count(name, reverted=reverts is not None)
        self._calls += 1
        self._reverts += int(reverts is not None)

    def may_revert(self) -> bool:
        """For preconditions: whether enough calls went through for one more that reverts."""
        return self._reverts + 1 <= (self._calls + 1) * AIMED_REVERTED


def machines() -> dict[str, type[CountedMachine]]:
    """Every machine whose module has been imported, by name."""
    found: dict[str, type[CountedMachine]] = {}
    waiting = [CountedMachine]
    while waiting:
        for machine in waiting.pop().__subclasses__():
            waiting.append(machine)
            if not machine.__subclasses__():
                found[machine.__name__] = machine
    return dict(sorted(found.items()))


def batches(
    machine: type[CountedMachine], *, examples: int, steps: int, first_seed: int | None = None
) -> Iterator[Counter]:
    """Run a machine again and again, each time with the next seed, and give back what each did.

    An invariant that breaks is raised, with the shortest way there that Hypothesis finds.

    examples    how many examples in one batch
    steps       how many rules in each
    first_seed  the same seed makes the same calls; none: derived from the machine's code
    """
    for number in count():
        machine.counter.clear()
        run_state_machine_as_test(
            _seeded(machine, None if first_seed is None else first_seed + number),
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                derandomize=first_seed is None,
                database=None,
                deadline=None,
                phases=(Phase.generate, Phase.shrink),
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
        done, machine.counter = machine.counter, Counter()
        done.batches = 1
        yield done
        if first_seed is None:
            # it would only do the same once more
            return


def run(
    machine: type[CountedMachine],
    *,
    examples: int = 20,
    steps: int = 50,
    calls: int = 0,
    first_seed: int | None = None,
) -> Counter:
    """Run batches until so many calls have been made; by default one batch."""
    assert calls == 0 or first_seed is not None, "more than one batch needs a seed"
    total = Counter()
    for counter in batches(machine, examples=examples, steps=steps, first_seed=first_seed):
        total += counter
        if total.calls >= calls:
            break
    return total


def check_at_length(machine: type[CountedMachine], expected: set[str]) -> None:
    """At least as many calls as a machine makes in `make test`, on pyrevm and with seeds of their
    own; each of the expected ones must have gone through. Small batches are more unlike each other
    than one large one, and so meet more. A rare call may need more of them, for Hypothesis draws by
    the modules that happen to be loaded as well; four times the length must do.
    """
    length = LENGTHS[machine.__name__]
    counter = Counter()
    with pyrevm():
        machine.prepare()
        for found in batches(machine, examples=10, steps=50, first_seed=1):
            counter += found
            if counter.calls >= 4 * length or (
                counter.calls >= length and expected <= counter.done
            ):
                break
    print(f"\n{counter}")
    counter.check(expected)


def check_on_py_evm(machine: type[CountedMachine], *, examples: int) -> None:
    """A short run on titanoboa's own engine, which checks most and is slow."""
    with py_evm():
        machine.prepare()
        counter = run(machine, examples=examples)
    print(f"\n{counter}")
    counter.check()


def _seeded(machine: type[CountedMachine], seed: int | None) -> Callable[[], CountedMachine]:
    """The machine as Hypothesis makes it, with a seed that is not left behind on the class."""

    def make() -> CountedMachine:
        return machine()

    return make if seed is None else hypothesis.seed(seed)(make)
