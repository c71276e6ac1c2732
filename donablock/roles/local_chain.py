"""The chain of a `donablock up` that no node was named for: an anvil of our own, with everything
deployed and some life on it.

It begins as the demo left its chain; where no demo was run yet, a small one is played first. What
is done on it is kept, in `chain` under the data folder, whenever it is stopped in order.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from donablock.chain.node import Anvil
from donablock.demo import opening
from donablock.demo.run import MANIFESTS, STATE, perform
from donablock.demo.world import START, Scale
from donablock.errors import ChainError, DonaBlockError, FileError, NodeError
from donablock.roles.ports import free_port
from donablock.settings import Settings

FOLDER = "chain"
PORT = 8545

_KEEP_EVERY = 0.5


class LocalChain:
    """Belongs to the thread that starts it: anvil ends with that."""

    def __init__(self, chosen: Settings, port: int = PORT) -> None:
        """port: 0 for any that is free."""
        self._folder = chosen.data_path / FOLDER
        self._demo = chosen.build_path / "demo"
        self._port = port or free_port("127.0.0.1")
        self._node: Anvil | None = None

    @property
    def manifests(self) -> Path:
        """The folder of its manifest, for DONABLOCK_DEPLOYMENTS."""
        return self._folder / MANIFESTS

    @property
    def url(self) -> str:
        assert self._node is not None
        return self._node.url

    @property
    def _state(self) -> Path:
        return self._folder / STATE

    def prepare(self, console: Console) -> None:
        """Makes the chain's folder where there is none, which takes up to a minute if a demo has to
        be played for it. Raises ChainError and its kind."""
        if self._state.is_file() and self.manifests.is_dir():
            return
        draft = self._folder.with_name(f".{FOLDER}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        try:
            draft.mkdir(parents=True)
            if not self._copy_demo(draft):
                console.print("No demo was run yet: a small one is played for the chain's sake.")
                outcome = perform(Scale.small(), draft, console)
                if not outcome.holds:
                    raise ChainError(f"the demo does not add up: {outcome.faults[0]}")
            shutil.rmtree(self._folder, ignore_errors=True)
            draft.rename(self._folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _copy_demo(self, to: Path) -> bool:
        """Whether there is a whole demo, which is then copied."""
        try:
            opening.open_chain(self._demo)
            opening.manifest_in(self._demo)
        except (FileError, NodeError):
            return False
        shutil.copytree(self._demo / MANIFESTS, to / MANIFESTS)
        shutil.copyfile(self._demo / STATE, to / STATE)
        return True

    def start(self) -> None:
        """Returns when it answers; its clock goes on from its last block. Raises NodeError."""
        node = Anvil(
            # the first block's, so that anvil makes the one that the state has
            timestamp=START,
            port=self._port,
            load=self._state,
            dump=self._draft,
            log=self._folder / "anvil.log",
            start_timeout=120,
            is_apart=True,
        )
        try:
            node.start()
        except NodeError as error:
            if "in use" not in str(error):
                raise
            raise NodeError(
                f"port {self._port} is taken, by `make demo-chain` perhaps: end that, or give"
                " --chain-port 0 for any that is free"
            ) from error
        try:
            node.request("anvil_setTime", node.now + 1)
            opening.check_same(node, opening.manifest_in(self._folder))
        except BaseException:
            node.kill()  # it would keep the port
            raise
        self._node = node

    @property
    def _draft(self) -> Path:
        return self._folder / f".{STATE}.next"

    async def keep(self, report: Callable[[str], None]) -> None:
        """Starts it again whenever it ends by itself, at the same port, until this is cancelled.
        What was done since it was last stopped in order is gone then, as in a reorganisation."""
        while True:
            await asyncio.sleep(_KEEP_EVERY)
            if self._node is None or self._node.is_running:
                continue
            self._node.stop()
            try:
                self.start()
                report("the local chain had ended and was started again from its last kept state")
            except (DonaBlockError, OSError) as error:  # no memory or space; a node that is slow
                report(f"the local chain cannot be started: {error}")
                await asyncio.sleep(5.0)

    def stop(self) -> None:
        """Ends it, and keeps its state."""
        if self._node is None:
            return
        was_running = self._node.is_running
        self._node.stop()
        self._node = None
        if was_running and _is_whole(self._draft):
            self._draft.replace(self._state)
        self._draft.unlink(missing_ok=True)


def _is_whole(path: Path) -> bool:
    """Whether anvil wrote all of its state: it is one JSON object."""
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except (OSError, ValueError):
        return False
