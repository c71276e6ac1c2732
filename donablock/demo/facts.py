"""What a run comes to: flows, gas and further checks, from the chain as it stands at the end."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median_low

from donablock.chain.amounts import NATIVE
from donablock.demo import books
from donablock.demo.blocks import Sent
from donablock.demo.books import Books
from donablock.demo.proof import Proof, prove
from donablock.demo.stories import CampaignStory, ImpactStory, data
from donablock.demo.world import GOALS, MONTH, PASSING, World
from donablock.errors import ChainError

ONE, CART, GOAL_FUND, TIP = "one charity", "a cart of charities", "a goal's fund", "tips"
CAMPAIGN, PROJECT = "a campaign", "an impact project"
"""Ways to give; a larger fund's way is its name."""

OPERATIONS = 0
"""Where tips go, among the goals."""


@dataclass(frozen=True)
class Flow:
    """`amount` (smallest unit) of `asset` went by `way` to charities whose main goal is `goal`."""

    asset: str
    way: str
    goal: int
    amount: int


@dataclass(frozen=True)
class Gas:
    """Gas of one operation over the run, whole transactions."""

    operation: str
    count: int
    least: int
    median: int
    most: int


@dataclass(frozen=True)
class Check:
    """Something beyond the proof that must be equal at the end. Amounts in smallest units."""

    what: str
    left: int
    right: int

    @property
    def holds(self) -> bool:
        return self.left == self.right


@dataclass(frozen=True)
class Artwork:
    """A receipt as the contract draws it: its metadata, and the picture as SVG."""

    token_id: int
    metadata: dict[str, object]
    svg: str


def hear(world: World, found: Books, campaigns: Iterable[CampaignStory]) -> Proof:
    """The proof, with both witnesses and the own word of every contract that owes: the funds, the
    impact fund, and the campaigns that the factory's logs name.
    """
    liabilities: dict[str, dict[str, int]] = {}
    for symbol, asset in world.assets.items():
        keepers = [world["IndexFunds"], world["ImpactFund"]]
        owed = world.blocks.read_many([(k, "liability", (asset.address,)) for k in keepers])
        liabilities[symbol] = {k.address: own for k, own in zip(keepers, owed, strict=True)}
    for story in campaigns:
        liabilities[story.asset][story.address] = story.owed
    return prove(world.assets, world.groups, world.changes, found.moves, liabilities)


def checks(
    world: World, found: Books, campaigns: Iterable[CampaignStory], impact: ImpactStory
) -> list[Check]:
    """Tokens are where their Transfer logs say, GIVE is backed, nothing rests where nothing may
    rest.
    """
    made: list[Check] = []
    for symbol, asset in world.assets.items():
        if asset.address == NATIVE:
            continue
        said = books.balances_by_transfers(found.events, asset.address)
        accounts = sorted(said)
        held = world.blocks.read_many([(world[symbol], "balanceOf", (a,)) for a in accounts])
        wrong = sum(balance != said[a] for a, balance in zip(accounts, held, strict=True))
        supply = world.blocks.read(world[symbol], "totalSupply")
        made.append(Check(f"{symbol}: balances that differ from the Transfer logs: none", wrong, 0))
        made.append(Check(f"{symbol}: sum of all balances = supply", sum(held), supply))
    give = world["DonaGive"]
    backing = world.blocks.read(give, "BACKING")
    stable = next(symbol for symbol, a in world.assets.items() if a.address.lower() == backing)
    held = world.blocks.read(world[stable], "balanceOf", give.address)
    supply = world.blocks.read(give, "totalSupply")
    made.append(Check(f"GIVE: supply = {stable} that backs it", supply, held))
    issued = sum(event["amount"] for event in found.events if event.name == "Issued")
    redeemed = sum(event["amount"] for event in found.events if event.name == "Redeemed")
    made.append(Check("GIVE: supply = issued - redeemed", supply, issued - redeemed))
    released = sum(
        event["amount"]
        for event in found.events
        if (event.contract, event.name) == ("Vesting", "Released")
    )
    left = world.blocks.read(world["DOBO"], "balanceOf", world["Vesting"].address)
    total = world.blocks.read(world["DOBO"], "INITIAL_SUPPLY")
    made.append(
        Check("DOBO: released + left in the vesting = 2,000,000,000", released + left, total)
    )
    made += _fundraising_checks(found, campaigns, impact)
    last = world.snapshot()
    for name in PASSING:
        rests = sum(wallets[world[name].address] for wallets in last.balances.values())
        what = "the campaigns' common code" if name == "Campaign" else name
        made.append(Check(f"{what}: money that rests there: none", rests, 0))
    written = world.blocks.read(world["ReceiptBook"], "token_count")
    made.append(Check("receipts written = receipts asked for", written, world.receipts_wanted))
    return made


def _fundraising_checks(
    found: Books, campaigns: Iterable[CampaignStory], impact: ImpactStory
) -> Iterable[Check]:
    """What campaigns and the impact fund say of themselves agrees with their logs."""
    for story in campaigns:
        at = story.address
        pledged = sum(amount for _, amount in story.pledges)
        burnt = found.of("Transfer", address=at)
        burnt = [event for event in burnt if event.args["receiver"] == NATIVE]
        gone = story.claimed + story.refunded + story.owed
        yield Check(f"{story.name}: pledged = claimed + refunded + owed", pledged, gone)
        alive = len(story.pledges) - len(burnt)
        yield Check(f"{story.name}: tokens minted - burnt = tokens held", alive, story.alive)
        sold = sum(tier.sold for tier in story.tiers)
        yield Check(f"{story.name}: sold by tier = tokens minted", sold, len(story.pledges))
    yield Check("impact fund: repaid - lent = its pool", impact.pool_by_logs, impact.pool)
    wrong = sum(project.raised > project.goal for project in impact.projects)
    yield Check("impact fund: projects that got more than they asked for: none", wrong, 0)


def flows(world: World, found: Books, campaigns: Iterable[CampaignStory]) -> list[Flow]:
    """Where each asset went, by way and by main goal. A large fund's share of a goal is what the
    members with that main goal have earned; the few units that its division leaves are in no flow,
    nor is what a campaign paid back.
    """
    goals = {charity.id: charity.profile.goal for charity in world.charities.values()}
    symbols = {asset.address: symbol for symbol, asset in world.assets.items()}
    parts = Counter(e.transaction for e in found.events if e.name in ("Donated", "PartFailed"))
    projects = {event["project_id"]: event for event in found.of("ProjectProposed")}
    sums: dict[tuple[str, str, int], int] = defaultdict(int)
    for event in found.events:
        if event.name == "Donated":
            way = ONE if parts[event.transaction] == 1 else CART
            sums[symbols[event["asset"]], way, goals[event["charity_id"]]] += event["amount"]
        elif event.name == "Tipped":
            sums[symbols[event["asset"]], TIP, OPERATIONS] += event["amount"]
        elif event.name == "FundDonated" and event["fund_id"] <= GOALS:
            sums[symbols[event["asset"]], GOAL_FUND, event["fund_id"]] += event["amount"]
        elif event.name == "ProjectDonated":
            project = projects[event["project_id"]]
            sums[symbols[event["asset"]], PROJECT, project["sdg"]] += event["amount"]
    for story in campaigns:
        sums[story.asset, CAMPAIGN, goals[story.charity_id]] += story.raised - story.refunded
    for symbol, way, goal, amount in _earned_in_large_funds(world, goals):
        sums[symbol, way, goal] += amount
    return [Flow(*key, amount) for key, amount in sorted(sums.items()) if amount]


def _earned_in_large_funds(
    world: World, goals: dict[int, int]
) -> Iterable[tuple[str, str, int, int]]:
    funds = world["IndexFunds"]
    seats = [
        (symbol, fund.name, goals[member], (fund.id, epoch, place, asset.address))
        for fund in world.funds.values()
        if fund.id > GOALS
        for epoch, members in fund.members.items()
        for place, (member, _) in enumerate(members)
        for symbol, asset in world.assets.items()
    ]
    earned = [
        world.blocks.read_many([(funds, view, ref) for *_, ref in seats])
        for view in ("claimed", "claimable")
    ]
    for (symbol, name, goal, _), paid, due in zip(seats, *earned, strict=True):
        yield symbol, name, goal, paid + due


def gas_by_operation(sent: Iterable[Sent]) -> list[Gas]:
    """By name."""
    used: dict[str, list[int]] = defaultdict(list)
    for one in sent:
        used[one.operation].append(one.gas_used)
    return [
        Gas(operation, len(all_), min(all_), median_low(all_), max(all_))
        for operation, all_ in sorted(used.items())
    ]


def vested_by_month(world: World, found: Books) -> list[list[int]]:
    """What each group had been paid after each month, from 0: [month][group], smallest unit."""
    start = world.blocks.read(world["Vesting"], "START")
    months, groups = world.scale.months, len(world.beneficiaries)
    totals = [[0] * groups for _ in range(months + 1)]
    for event in found.events:
        if (event.contract, event.name) == ("Vesting", "Released"):
            at = min(months, (world.blocks.seconds[event.block_number] - start) // MONTH)
            for later in range(at, months + 1):
                totals[later][event["group"]] += event["amount"]
    return totals


def artwork(world: World, found: Books) -> Artwork:
    """The receipt with the most to see: the largest gift of coin to a goal's fund."""
    receipts = [event for event in found.events if event.name == "ReceiptMinted"]
    if not receipts:
        raise ChainError("the demo made no receipt; please report it")
    chosen = max(
        receipts,
        key=lambda e: (
            0 < e["epoch"] and e["recipient_id"] <= GOALS,
            e["asset"] == NATIVE,
            e["amount"],
        ),
    )
    uri = world.blocks.read(world["ReceiptBook"], "tokenURI", chosen["token_id"])
    metadata = json.loads(data(uri))
    svg = data(str(metadata["image"])).decode("utf-8")
    return Artwork(chosen["token_id"], metadata, svg)
