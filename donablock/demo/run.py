"""One run from an empty chain to the report, with a progress bar."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column

from donablock.chain.node import LOCAL_CHAIN_ID, Anvil
from donablock.demo import books, deflation, facts, stories
from donablock.demo.blocks import Blocks
from donablock.demo.books import Books
from donablock.demo.deflation import Deflation
from donablock.demo.deployment import Deployed, deploy
from donablock.demo.facts import Artwork, Check, Flow, Gas
from donablock.demo.play import ACTS, Act
from donablock.demo.proof import Proof
from donablock.demo.stories import CampaignStory, ImpactStory, Token
from donablock.demo.wire import Wire
from donablock.demo.world import START, Scale, World
from donablock.errors import ChainError

STATE = "chain.json"
"""The chain's state in the demo's folder."""

MANIFESTS = "deployments"
"""The manifests' folder in the demo's folder."""


@dataclass(frozen=True)
class Outcome:
    """Everything the table, the summary and the report are made of. Times in seconds.

    `vested`: what each group was paid by the end of each month; `supply`: of DOBO, smallest unit;
    `last_block`: its hash, the same in every run of the same source, seed and scale.
    """

    world: World
    deployed: Deployed
    books: Books
    proof: Proof
    checks: tuple[Check, ...]
    flows: tuple[Flow, ...]
    gas: tuple[Gas, ...]
    vested: list[list[int]]
    supply: int
    artwork: Artwork
    campaigns: tuple[CampaignStory, ...]
    token: Token | None
    impact: ImpactStory
    deflation: Deflation | None
    last_block: str
    stages: dict[str, float]

    @property
    def holds(self) -> bool:
        return self.proof.holds and all(check.holds for check in self.checks)

    @property
    def faults(self) -> list[str]:
        """One line for everything that does not add up."""
        return [*self.proof.faults] + [
            f"{check.what}: {check.left} is not {check.right} (off by {check.left - check.right})"
            for check in self.checks
            if not check.holds
        ]


class _Stages:
    """Named stages on a progress bar; how long each took."""

    def __init__(self, progress: Progress, count: int) -> None:
        self._progress = progress
        self._all = progress.add_task("[bold]The whole demo", total=count, what="")
        self._now: TaskID | None = None
        self._mined = 0
        self.took: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began, self._mined = time.monotonic(), 0
        self._now = self._progress.add_task(name, total=None, what="")
        yield
        self._progress.update(self._now, total=1, completed=1)
        self._progress.advance(self._all)
        self._now = None
        self.took[name] = time.monotonic() - began

    def say(self, text: str) -> None:
        if self._now is not None:
            self._progress.update(self._now, what=text)

    def mined(self, count: int) -> None:
        self._mined += count
        self.say(f"{self._mined:,} transactions")


def perform(scale: Scale, folder: Path, console: Console, play: Sequence[Act] = ACTS) -> Outcome:
    """Run the acts of `play` and leave the chain's state and the manifest in `folder`.

    Raises ChainError and its kind where the chain does not do what the demo tells of it. That
    something does not add up is no exception: it is in the outcome.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = folder / STATE
    # nothing of another run may pass for this one's
    shutil.rmtree(folder / MANIFESTS, ignore_errors=True)
    state.unlink(missing_ok=True)
    with Progress(
        SpinnerColumn(finished_text="[green]\u2713"),
        TextColumn("{task.description}", table_column=Column(min_width=32, no_wrap=True)),
        BarColumn(bar_width=14),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[what]}", table_column=Column(no_wrap=True)),
        console=console,
    ) as progress:
        stages = _Stages(progress, len(play) + 4)
        draft = folder / f".{STATE}.{os.getpid()}"
        try:
            with Anvil(timestamp=START, dump=draft, log=folder / "anvil.log") as node:
                outcome = _on(node, scale, folder, stages, play)
                with stages.stage("Keeping the chain"):
                    node.stop()
                    if not draft.is_file():
                        raise ChainError(f"anvil left no state; see {folder / 'anvil.log'}")
                    draft.replace(state)
        finally:
            # a run that failed leaves no state that could pass for a whole one
            draft.unlink(missing_ok=True)
    return outcome


def _on(node: Anvil, scale: Scale, folder: Path, stages: _Stages, play: Sequence[Act]) -> Outcome:
    with stages.stage("Compiling and deploying"):
        path = folder / MANIFESTS / f"{LOCAL_CHAIN_ID}.json"
        deployed = deploy(node, path, stages.say)
    with stages.stage("Taking over the clock"):
        blocks = Blocks(Wire(node.url), LOCAL_CHAIN_ID, stages.mined)
        contracts, assets = deployed.contracts, deployed.assets
        world = World(
            scale, node.w3, blocks, contracts, assets, deployed.roles, deployed.beneficiaries
        )
        world.tell(
            "setup",
            f"{len(deployed.manifest.contracts)} contracts are deployed",
            "By one account that holds no role: every contract belongs to the timelock.",
        )
    for name, act in play:
        with stages.stage(name):
            act(world)
            blocks.mine()
    with stages.stage("Proving it to the wei"):
        found = books.read(node.w3, deployed.contracts.values(), deployed.assets)
        campaigns = stories.campaign_stories(world, found)
        impact = stories.impact_story(world, found)
        year = deflation.deflation(world, found)
        return Outcome(
            world=world,
            deployed=deployed,
            books=found,
            proof=facts.hear(world, found, campaigns),
            checks=(
                *facts.checks(world, found, campaigns, impact),
                *deflation.checks(world, found, year),
            ),
            flows=tuple(facts.flows(world, found, campaigns)),
            gas=tuple(facts.gas_by_operation(blocks.sent)),
            vested=facts.vested_by_month(world, found),
            supply=blocks.read(world["DOBO"], "INITIAL_SUPPLY"),
            artwork=facts.artwork(world, found),
            campaigns=campaigns,
            token=stories.token(world, campaigns),
            impact=impact,
            deflation=year,
            last_block=blocks.wire("eth_getBlockByNumber", "latest", False)["hash"],
            stages=stages.took,
        )
