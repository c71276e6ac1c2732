"""Kill a process with SIGKILL at a chosen point of what it does, as a power cut would.

    crash(stage, arguments, at=7)     # True: it was killed at its seventh suspension
    for at in points(stage, arguments): ...

    child = start(stage, arguments, spare=met, note=path)   # killed where it has not been before

Every place where a coroutine of the process gives way to the event loop is a point: each `await`
that really waits, in whatever library. There the process is killed, after what it sent has left and
before it hears what became of it. Nothing of this is in the product: the event loop of the child
counts, by a task factory.

A place is named by the calls within the package that lead to the await, the outermost first:
"monitors/worker.py:141 follow > monitors/worker.py:193 step > chain/nodes.py:118 head".

`stage` is an async function at the top of a module; `arguments` travel by pickle.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import itertools
import multiprocessing
import os
import signal
import sys
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import donablock

Stage = Callable[..., Awaitable[Any]]

# Children are forked from a process that has everything imported and runs nothing else.
_context = multiprocessing.get_context("forkserver")
_preloaded = ["tests.crashing", "asyncpg", "aiohttp", "msgspec", "structlog"]
_context.set_forkserver_preload(_preloaded)
PATIENCE = 60.0
"""Seconds for a child to end by itself."""

_PACKAGE = str(Path(donablock.__file__).parent) + os.sep
_PR_SET_PDEATHSIG = 1


class StageFailed(AssertionError):
    """The stage ended with an error of its own."""


def preload(*modules: str) -> None:
    """Imports these once for all children. Called while test modules are imported: children then
    start in milliseconds, not after seconds of imports."""
    _preloaded.extend(modules)
    _context.set_forkserver_preload(_preloaded)


class Child:
    """A stage in a process of its own."""

    def __init__(self, stage: Stage, process: Any, note: Path | None) -> None:
        """Use `start`."""
        self.stage = stage
        self._process = process
        self._note = note

    @property
    def is_alive(self) -> bool:
        return bool(self._process.is_alive())

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        code: int | None = self._process.exitcode
        return code

    @property
    def was_killed(self) -> bool:
        """False: it came to its end. Raises StageFailed for any other end."""
        if self._process.exitcode == -signal.SIGKILL:
            return True
        if self._process.exitcode != 0:
            name, code = self.stage.__name__, self._process.exitcode
            raise StageFailed(f"{name} ended with {code}; see its output above")
        return False

    @property
    def place(self) -> str | None:
        """Where it killed itself; None if it did not, or nobody asked for a note."""
        if self._note is None or not self._note.exists():
            return None
        return self._note.read_text() or None

    def kill(self) -> None:
        self._process.kill()

    def join(self, timeout: float = PATIENCE) -> bool:
        """Whether it ended in time."""
        self._process.join(timeout)
        return not self.is_alive


def start(
    stage: Stage,
    arguments: Sequence[Any] = (),
    *,
    at: int | None = None,
    spare: AbstractSet[str] | None = None,
    note: Path | None = None,
) -> Child:
    """Runs the stage in a child, which is killed at point `at`, or at the first place within the
    package that is not one of `spare`. It then leaves that place in the file `note`."""
    if note is not None:
        note.unlink(missing_ok=True)
    process = _context.Process(
        target=_child, args=(stage, tuple(arguments), at, spare, note), daemon=True
    )
    process.start()
    return Child(stage, process, note)


def crash(stage: Stage, arguments: Sequence[Any] = (), at: int | None = None) -> bool:
    """Runs the stage in a child. True if the child was killed at point `at` (from 1), False if it
    came to its end before. Raises StageFailed for any other end."""
    child = start(stage, arguments, at=at)
    if not child.join():
        child.kill()
        child.join()
        raise StageFailed(f"{stage.__name__} did not end within {PATIENCE:.0f} s")
    return child.was_killed


def points(
    stage: Stage, arguments: Sequence[Any] = (), *, first: int = 1, step: int = 1
) -> Iterator[int]:
    """Runs the stage over and over, killed at one point later each time, and yields each point at
    which it was killed. Ends with the run that came to its end."""
    for at in itertools.count(first, step):
        if not crash(stage, arguments, at):
            return
        yield at


def _child(
    stage: Stage,
    arguments: tuple[Any, ...],
    at: int | None,
    spare: AbstractSet[str] | None,
    note: Path | None,
) -> None:
    if sys.platform == "linux":
        # nothing goes on when the tests are killed
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    count = itertools.count(1)

    def suspended(coroutine: Any) -> None:
        is_due = next(count) == at
        if not is_due and spare is None:
            return
        place = _place(coroutine)
        if is_due or (place and spare is not None and place not in spare):
            if note is not None:
                note.write_text(place)
            os.kill(os.getpid(), signal.SIGKILL)

    def factory(
        loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
    ) -> asyncio.Task[Any]:
        return asyncio.Task(_counted(coroutine, suspended), loop=loop, **options)

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        await asyncio.ensure_future(_as_coroutine(stage(*arguments)))

    asyncio.run(main())


def _place(coroutine: Any) -> str:
    """The calls within the package that lead to where a coroutine waits."""
    calls = []
    waits: Any = coroutine
    while waits is not None:
        frame, waits = _awaited(waits)
        if frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
            file = frame.f_code.co_filename.removeprefix(_PACKAGE)
            calls.append(f"{file}:{frame.f_lineno} {frame.f_code.co_name}")
    return " > ".join(calls)


def _awaited(waits: Any) -> tuple[types.FrameType | None, Any]:
    """Where something that waits stands, and what it waits for."""
    match waits:
        case types.CoroutineType():
            return waits.cr_frame, waits.cr_await
        case types.GeneratorType():
            return waits.gi_frame, waits.gi_yieldfrom
        case types.AsyncGeneratorType():
            return waits.ag_frame, waits.ag_await
    if type(waits).__name__.startswith("async_generator_"):
        # a step of an asynchronous generator, which only the collector can see through
        for one in gc.get_referents(waits):
            if isinstance(one, types.AsyncGeneratorType):
                return None, one
    return None, None


async def _as_coroutine(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


@types.coroutine
def _counted(
    coroutine: Coroutine[Any, Any, Any], suspended: Callable[[Any], None]
) -> Generator[Any, Any, Any]:
    """The coroutine, with a call at each of its suspensions."""
    answer: Any = None
    error: BaseException | None = None
    try:
        while True:
            waits_for = coroutine.send(answer) if error is None else coroutine.throw(error)
            suspended(coroutine)
            answer, error = None, None
            try:
                answer = yield waits_for
            except BaseException as thrown:
                error = thrown
    except StopIteration as end:
        return end.value
