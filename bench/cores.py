"""Which process runs on which core, and what it has worked.

What is measured is held on one core, so that a figure means the same on every machine; the node,
the database and whoever else takes part are started `elsewhere`. On a machine of one core, and
where the system cannot hold a process, everything shares what there is.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["elsewhere", "layout", "on_one_core", "processor_seconds"]

_ALL = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def on_one_core() -> None:
    """This process, and whatever it starts from now on."""
    if len(_ALL) > 1:
        os.sched_setaffinity(0, _ALL[:1])


@contextlib.contextmanager
def elsewhere() -> Iterator[None]:
    """What is started meanwhile stays on the other cores; we are on one core afterwards."""
    if len(_ALL) > 1:
        os.sched_setaffinity(0, _ALL[1:])
    try:
        yield
    finally:
        on_one_core()


def layout() -> dict[str, int]:
    """How many cores the measured process has, and the others."""
    if len(_ALL) > 1:
        return {"measured": 1, "others": len(_ALL) - 1}
    return {"measured": 1, "others": 0}


def processor_seconds(pid: int) -> float:
    """Of a process and its children, those that have ended too; 0 where the system does not say."""
    try:
        spent = _spent(pid)
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        children = [int(child) for task in tasks for child in task.read_text().split()]
    except (OSError, ValueError):
        return 0.0
    return spent + sum(processor_seconds(child) for child in children)


def _spent(pid: int) -> float:
    # the command stands in brackets, and may hold any character
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
