"""Kill a process with SIGKILL at a chosen point of what it does, as a power cut would.

    crash(stage, arguments, at=7)     # True: it was killed at its seventh suspension
    for at in points(stage, arguments): ...

Every place where a coroutine of the process gives way to the event loop is a point: each `await`
that really waits, in whatever library. There the process is killed, after what it sent has left and
before it hears what became of it. Nothing of this is in the product: the event loop of the child
counts, by a task factory.

`stage` is an async function at the top of a module; `arguments` travel by pickle.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import signal
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator, Sequence
from typing import Any

Stage = Callable[..., Awaitable[Any]]

# Children are forked from a process that has everything imported and runs nothing else.
_context = multiprocessing.get_context("forkserver")
_preloaded = ["tests.crashing", "asyncpg", "aiohttp", "msgspec", "structlog"]
_context.set_forkserver_preload(_preloaded)
PATIENCE = 60.0
"""Seconds for a child to end by itself."""


class StageFailed(AssertionError):
    """The stage ended with an error of its own."""


def preload(*modules: str) -> None:
    """Imports these once for all children. Called while test modules are imported: children then
    start in milliseconds, not after seconds of imports."""
    _preloaded.extend(modules)
    _context.set_forkserver_preload(_preloaded)


def crash(stage: Stage, arguments: Sequence[Any] = (), at: int | None = None) -> bool:
    """Runs the stage in a child. True if the child was killed at point `at` (from 1), False if it
    came to its end before. Raises StageFailed for any other end."""
    process = _context.Process(target=_child, args=(stage, tuple(arguments), at))
    process.start()
    process.join(PATIENCE)
    if process.is_alive():
        process.kill()
        process.join()
        raise StageFailed(f"{stage.__name__} did not end within {PATIENCE:.0f} s")
    if process.exitcode == -signal.SIGKILL:
        return True
    if process.exitcode != 0:
        raise StageFailed(f"{stage.__name__} ended with {process.exitcode}; see its output above")
    return False


def points(
    stage: Stage, arguments: Sequence[Any] = (), *, first: int = 1, step: int = 1
) -> Iterator[int]:
    """Runs the stage over and over, killed at one point later each time, and yields each point at
    which it was killed. Ends with the run that came to its end."""
    for at in itertools.count(first, step):
        if not crash(stage, arguments, at):
            return
        yield at


def _child(stage: Stage, arguments: tuple[Any, ...], at: int | None) -> None:
    count = itertools.count(1)

    def suspended() -> None:
        if next(count) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def factory(
        loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
    ) -> asyncio.Task[Any]:
        return asyncio.Task(_counted(coroutine, suspended), loop=loop, **options)

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        await asyncio.ensure_future(_as_coroutine(stage(*arguments)))

    asyncio.run(main())


async def _as_coroutine(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


@types.coroutine
def _counted(
    coroutine: Coroutine[Any, Any, Any], suspended: Callable[[], None]
) -> Generator[Any, Any, Any]:
    """The coroutine, with a call at each of its suspensions."""
    answer: Any = None
    error: BaseException | None = None
    try:
        while True:
            waits_for = coroutine.send(answer) if error is None else coroutine.throw(error)
            suspended()
            answer, error = None, None
            try:
                answer = yield waits_for
            except BaseException as thrown:
                error = thrown
    except StopIteration as end:
        return end.value
