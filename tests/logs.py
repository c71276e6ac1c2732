"""Logging as a test found it, however the test sets it up."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def logging_kept(*names: str) -> Iterator[None]:
    """Handlers and level of the root, and the levels of the loggers named, are put back."""
    root, named = logging.getLogger(), [logging.getLogger(name) for name in names]
    handlers, levels = root.handlers[:], [one.level for one in (root, *named)]
    try:
        yield
    finally:
        root.handlers[:] = handlers
        for one, level in zip((root, *named), levels, strict=True):
            one.setLevel(level)
