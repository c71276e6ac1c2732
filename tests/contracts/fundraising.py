"""Campaigns and the impact fund beside the rest of a deployment, for tests of all of them.

world = Fundraising()
campaign = world.open(goal=100)
project = world.project(world.token, goal=100, stages=[10_000])
world.gift(project, world.donor, 100)
world.release(project)
"""

from __future__ import annotations

from typing import Any

import boa
from eth_utils import keccak

from tests.contracts import deployers, roles
from tests.contracts.campaigns import Campaigns
from tests.contracts.conftest import DAY
from tests.contracts.money import COIN
from tests.contracts.protocol import MEMO, new_place

SDG = 6
VOTE = 14 * DAY
PATIENCE = 180 * DAY


class Fundraising(Campaigns):
    """A deployment with campaigns, the impact fund, and an entrepreneur with projects there."""

    def __init__(self, token: Any = None, **options: Any) -> None:
        super().__init__(token, **options)
        self.impact = deployers.IMPACT_FUND.deploy(
            self.timelock,
            self.guardian,
            self.registry,
            self.reserve,
            self.operations,
            [(asset.address, False) for asset in self.assets[1:]],
            override_address=new_place(),
        )
        self.entrepreneur: Any = roles.address("entrepreneur")
        self.accounts += [self.factory, self.impact, self.entrepreneur]

    # --- campaigns ---

    def begin(self, campaign: Any) -> int:
        """Let the deadline come. Returns the state that was decided."""
        boa.env.timestamp = max(boa.env.timestamp, campaign.terms().deadline)
        state: int = campaign.finalise()
        return state

    def settle(self, campaign: Any) -> None:
        """Report the running milestone, and let 14 days pass."""
        campaign.report(MEMO, "ipfs://report", sender=self.creator)
        boa.env.time_travel(seconds=VOTE)
        campaign.settle()

    def settle_never(self, campaign: Any) -> None:
        """Let 180 days pass in which nobody reports."""
        boa.env.timestamp = campaign.status().stage_began_at + PATIENCE
        campaign.settle()

    # --- projects ---

    def project(
        self,
        asset: Any,
        *,
        goal: int,
        stages: list[int] | None = None,
        days: int = 30,
        is_loan: bool = False,
    ) -> int:
        """A project that takes gifts."""
        number: int = self.impact.propose(
            self.charity_id,
            self.entrepreneur,
            SDG,
            asset,
            goal,
            boa.env.timestamp + days * DAY,
            [10_000] if stages is None else stages,
            keccak(text="plan"),
            "ipfs://plan",
            is_loan,
            sender=self.payee,
        )
        self.impact.accept(number, sender=self.entrepreneur)
        return number

    def gift(self, project: int, donor: Any, amount: int) -> None:
        """A gift in whatever the project takes, out of what the donor has and has allowed."""
        asset = str(self.impact.project(project).asset)
        if asset == COIN:
            self.impact.donate_native(project, MEMO, value=amount, sender=donor)
        else:
            self.impact.donate_token(project, asset, amount, MEMO, sender=donor)

    def release(self, project: int) -> int:
        """Report the next stage, and let 14 days pass. Returns what is released."""
        stage = self.impact.project(project).stage
        self.impact.report(project, stage, MEMO, "ipfs://report", sender=self.entrepreneur)
        boa.env.time_travel(seconds=VOTE)
        amount: int = self.impact.release(project)
        return amount

    def reject(self, project: int) -> None:
        """Let 180 days pass in which nobody reports."""
        boa.env.timestamp = max(boa.env.timestamp, self.impact.project(project).opens_at + PATIENCE)
        self.impact.reject(project)
