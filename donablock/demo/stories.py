"""What became of each campaign and of the impact fund's money, by the chain: its logs and views."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from eth_utils.address import to_checksum_address

from donablock.chain import artifacts
from donablock.demo.books import Books
from donablock.demo.calls import Target
from donablock.demo.world import World
from donablock.errors import ChainError

FAILED, SUCCEEDED, STAGED, REJECTED = 2, 3, 4, 5
"""What a campaign's `status` answers first."""

STATES = {
    1: "open",
    FAILED: "failed",
    SUCCEEDED: "succeeded",
    STAGED: "in milestones",
    REJECTED: "rejected",
}


@dataclass(frozen=True)
class Tier:
    """`price` in the smallest unit; `artwork` an address."""

    price: int
    supply: int
    sold: int
    artwork: str


@dataclass(frozen=True)
class Milestone:
    """How the vote on a report ended. Amounts in smallest units; `second` when it was closed."""

    number: int
    second: int
    is_released: bool
    amount: int
    approvals: int
    objections: int


@dataclass(frozen=True)
class CampaignStory:
    """Amounts in the smallest unit of `asset`, times in unix seconds. `pledges` in their order:
    when, and how much; `shares` of the milestones in basis points; `alive`: tokens not burnt.
    """

    number: int
    address: str
    name: str
    charity_id: int
    charity: str
    asset: str
    goal: int
    opened: int
    deadline: int
    is_all_or_nothing: bool
    shares: tuple[int, ...]
    tiers: tuple[Tier, ...]
    pledges: tuple[tuple[int, int], ...]
    backers: int
    state: int
    raised: int
    released: int
    claimed: int
    refunded: int
    refunds: int
    owed: int
    alive: int
    milestones: tuple[Milestone, ...]

    @property
    def outcome(self) -> str:
        return STATES[self.state]

    @property
    def is_goal_reached(self) -> bool:
        return self.raised >= self.goal


@dataclass(frozen=True)
class ProjectStory:
    """A project of the impact fund. Amounts in the smallest unit, by logs alone; `waits` is what
    was raised and not yet released.
    """

    id: int
    name: str
    charity_id: int
    payee: str
    sdg: int
    goal: int
    given: int
    lent: int
    released: int
    claimed: int
    repaid: int
    refunded: int

    @property
    def raised(self) -> int:
        return self.given + self.lent

    @property
    def waits(self) -> int:
        return self.raised - self.released


@dataclass(frozen=True)
class Station:
    """A log in the life of the impact fund's money. `kind`: "given", "released", "claimed",
    "repaid", "lent"; gifts of one day are one.
    """

    second: int
    kind: str
    project_id: int
    amount: int


@dataclass(frozen=True)
class ImpactStory:
    """The money of one pool's projects, none where none was proposed. `pool`: what waits to be
    lent, by the contract's word.
    """

    asset: str
    projects: tuple[ProjectStory, ...]
    stations: tuple[Station, ...]
    pool: int

    @property
    def pool_by_logs(self) -> int:
        return sum(project.repaid - project.lent for project in self.projects)


@dataclass(frozen=True)
class Token:
    """A backer's token as the contracts tell it; `image` is its picture as SVG."""

    campaign: str
    token_id: int
    owner: str
    metadata: dict[str, object]
    image: str


# --- campaigns ------------------------------------------------------------------------------------


def campaign_stories(world: World, found: Books) -> tuple[CampaignStory, ...]:
    """In the order in which the factory opened them."""
    return tuple(
        _campaign(world, found, number, address)
        for number, address in enumerate(found.campaigns, 1)
    )


def campaign_at(address: str) -> Target:
    """What calls a campaign."""
    return Target("Campaign", to_checksum_address(address), artifacts.abi("Campaign"))


def _campaign(world: World, found: Books, number: int, address: str) -> CampaignStory:
    target = campaign_at(address)
    names = ("name", "terms", "goal", "status", "liability")
    asked: list[tuple[Target, str, tuple[Any, ...]]] = [(target, view, ()) for view in names]
    name, terms, goal, status, owed = world.blocks.read_many(asked)
    count = terms[5]
    tiers = world.blocks.read_many([(target, "tier", (tier,)) for tier in range(count)])
    sold = world.blocks.read_many([(target, "sold", (tier,)) for tier in range(count)])
    seconds = world.blocks.seconds
    pledged = found.of("Pledged", address=target.address)
    refunds = found.of("Refunded", address=target.address)
    symbols = {asset.address.lower(): symbol for symbol, asset in world.assets.items()}
    backers = sorted({event["backer"] for event in pledged})
    held = world.blocks.read_many(
        [(target, "balanceOf", (donor.address,)) for donor in world.donors]
    )
    opened = found.of("Opened", address=target.address)[0]
    return CampaignStory(
        number=number,
        address=target.address,
        name=name,
        charity_id=terms[1],
        charity=world.charities[terms[1]].profile.name,
        asset=symbols[terms[0]],
        goal=goal,
        opened=seconds[opened.block_number],
        deadline=terms[2],
        is_all_or_nothing=terms[3],
        shares=tuple((terms[7] >> (16 * at)) & 0xFFFF for at in range(terms[6])),
        tiers=tuple(
            Tier(price, supply, count, uri)
            for (price, supply, uri), count in zip(tiers, sold, strict=True)
        ),
        pledges=tuple((seconds[e.block_number], e["amount"]) for e in pledged),
        backers=len(backers),
        state=status[0],
        raised=status[1],
        released=status[2],
        claimed=status[3],
        refunded=status[4],
        refunds=len(refunds),
        owed=owed,
        alive=sum(held),
        milestones=_milestones(world, found, target.address),
    )


def _milestones(world: World, found: Books, address: str) -> tuple[Milestone, ...]:
    votes: dict[int, dict[bool, int]] = defaultdict(lambda: {True: 0, False: 0})
    for event in found.of("Voted", address=address):
        votes[event["stage"]][event["is_approved"]] += event["weight"]
    return tuple(
        Milestone(
            event["stage"] + 1,
            world.blocks.seconds[event.block_number],
            event["is_released"],
            event["amount"],
            votes[event["stage"]][True],
            votes[event["stage"]][False],
        )
        for event in found.of("Settled", address=address)
    )


def token(world: World, stories: tuple[CampaignStory, ...]) -> Token | None:
    """The first token of the dearest tier of the first campaign that succeeded, if one did."""
    story = next((story for story in stories if story.state == SUCCEEDED), None)
    if story is None:
        return None
    target = campaign_at(story.address)
    numbers = range(1, len(story.pledges) + 1)
    tiers = world.blocks.read_many([(target, "tier_of", (number,)) for number in numbers])
    chosen = numbers[tiers.index(max(tiers))]
    uri, owner = world.blocks.read_many(
        [(target, "tokenURI", (chosen,)), (target, "ownerOf", (chosen,))]
    )
    metadata = json.loads(data(uri))
    return Token(story.name, chosen, owner, metadata, data(str(metadata["image"])).decode("utf-8"))


def data(uri: str) -> bytes:
    """What a data address holds, in base64 or in percent signs. Raises ChainError for another."""
    head, comma, body = uri.partition(",")
    if not head.startswith("data:") or not comma:
        raise ChainError(f"an address holds no data: {uri[:60]!r}")
    return base64.b64decode(body) if head.endswith(";base64") else unquote_to_bytes(body)


# --- the impact fund ------------------------------------------------------------------------------


def impact_story(world: World, found: Books) -> ImpactStory:
    """The projects of the first project's pool, as logs tell them."""
    proposed = found.of("ProjectProposed", "ImpactFund")
    if not proposed:
        return ImpactStory("", (), (), 0)
    asset, sdg = proposed[0]["asset"], proposed[0]["sdg"]
    fund = world["ImpactFund"]
    stations: dict[tuple[int, str, int], int] = defaultdict(int)
    sums: dict[tuple[int, str], int] = defaultdict(int)
    kinds = {
        "ProjectDonated": "given",
        "StageReleased": "released",
        "Claimed": "claimed",
        "Repaid": "repaid",
        "Lent": "lent",
        "Refunded": "refunded",
    }
    for event in found.events:
        if event.contract == "ImpactFund" and event.name in kinds:
            kind, number = kinds[event.name], event["project_id"]
            second = world.blocks.seconds[event.block_number]
            # a day's gifts are one line
            at = second - second % 86_400 if kind == "given" else second
            stations[at, kind, number] += event["amount"]
            sums[number, kind] += event["amount"]
    projects = tuple(
        ProjectStory(
            id=event["project_id"],
            name=_name(event["uri"]),
            charity_id=event["charity_id"],
            payee=event["payee"],
            sdg=event["sdg"],
            goal=event["goal"],
            **{kind: sums[event["project_id"], kind] for kind in kinds.values()},
        )
        for event in proposed
        if (event["asset"], event["sdg"]) == (asset, sdg)
    )
    symbols = {entry.address: symbol for symbol, entry in world.assets.items()}
    return ImpactStory(
        asset=symbols[asset],
        projects=projects,
        stations=tuple(Station(*key, amount) for key, amount in sorted(stations.items())),
        pool=world.blocks.read(fund, "pool", sdg, asset),
    )


def _name(uri: str) -> str:
    """What a project's plan calls it."""
    return str(json.loads(data(uri))["name"])
