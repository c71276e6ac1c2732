"""A relay in a process of its own, which dies where a test wants it to.

python -m tests.store.relay_process URL BOOTSTRAP TOPIC {run | die-before-position | die-in-sending}
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

from donablock.store.database import Database
from donablock.store.relay import Relay
from donablock.store.stream import Message


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DiesBeforePosition(Relay):
    """The brokers have taken the messages, and nobody has written that down."""

    def _send(self, messages: Sequence[Message]) -> int:
        super()._send(messages)
        die()
        raise AssertionError("unreachable")


class DiesInSending(Relay):
    """Some of the messages are with the brokers, some are not."""

    def _send(self, messages: Sequence[Message]) -> int:
        super()._send(messages[: len(messages) // 2])
        die()
        raise AssertionError("unreachable")


KINDS = {"run": Relay, "die-before-position": DiesBeforePosition, "die-in-sending": DiesInSending}


async def main(url: str, bootstrap: str, topic: str, kind: str) -> None:
    async with Database.opened(url, connections=2) as database:
        await KINDS[kind](database, bootstrap, topic).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
