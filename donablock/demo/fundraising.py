"""Three campaigns: one that succeeds, one that fails and is refunded by a stranger, and one whose
money comes by milestones until its backers object.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eth_utils.crypto import keccak

from donablock.demo import gifts
from donablock.demo.acts import amount_text, days, pass_days, pass_until
from donablock.demo.blocks import Actor, Sent
from donablock.demo.gifts import BY_PERMIT, COIN, DOBO, STABLE
from donablock.demo.stories import FAILED, REJECTED, STAGED, SUCCEEDED, campaign_at
from donablock.demo.world import DAY, Campaign, World, expect

DAYS_OPEN = 30
REFUNDS_AT_ONCE = 32
_ALL = 10_000
# basis points of a resale
_ROYALTY = 500
# wei, for somebody who only pays for gas
_GAS_MONEY = 10**18
_VOTE = 14


@dataclass(frozen=True)
class _Plan:
    """`goal` for each donor there is; `tiers`: price, supply, and how the artwork is drawn; the
    first of several choices a donor may make is drawn by `day` out of two random ones. Amounts in
    smallest units, milestones in basis points.
    """

    name: str
    ticker: str
    charity_id: int
    symbol: str
    goal: int
    is_all_or_nothing: bool
    tiers: tuple[tuple[int, int, str], ...]
    milestones: tuple[int, ...]
    day: Callable[[int, int], int]


_PLANS = (
    _Plan(
        "Wells for Cinderhope",
        "WELL",
        4,
        COIN,
        35 * 10**16,
        True,
        (
            (10**17, 60, "radial-gradient(peru,teal,peru,teal)"),
            (5 * 10**17, 25, "radial-gradient(silver,teal,silver,teal)"),
            (2 * 10**18, 2, "radial-gradient(gold,teal,gold,teal)"),
        ),
        (),
        lambda one, other: (one + other) // 2,
    ),
    _Plan(
        "A boat for the reef",
        "REEF",
        3,
        DOBO,
        800 * 10**18,
        True,
        (
            (100 * 10**18, 100, "linear-gradient(azure,skyblue,navy)"),
            (1_000 * 10**18, 40, "linear-gradient(orange,pink,navy)"),
        ),
        (),
        min,
    ),
    _Plan(
        "Three reading rooms",
        "READ",
        1,
        STABLE,
        300 * 10**6,
        False,
        (
            (50 * 10**6, 50, "conic-gradient(tan,linen,tan)"),
            (250 * 10**6, 25, "conic-gradient(navy,linen,navy)"),
            (1_000 * 10**6, 10, "conic-gradient(gold,linen,gold)"),
        ),
        (4_000, 3_500),
        max,
    ),
)
_WELLS, _REEF, _ROOMS = range(3)


def artwork(drawn: str) -> str:
    """A tier's picture, as an address that is the picture itself in at most 128 bytes: an SVG with
    nothing but a background.
    """
    style = drawn.replace("%", "%25").replace(" ", "%20")
    return (
        "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20"
        f"style='background:{style}'/%3E"
    )


# --- opening and backing --------------------------------------------------------------------------


def back(world: World) -> None:
    """A charity opens a campaign, and so does somebody whom two others have accepted; donors back
    them day by day.
    """
    blocks, factory = world.blocks, world["CampaignFactory"]
    organiser = Actor("organiser of campaigns")
    blocks.wire("anvil_setBalance", organiser.address, hex(_GAS_MONEY))
    own, *others = _PLANS
    reason = blocks.refusal(organiser, factory, "create", others[0].charity_id, _terms(world, own))
    for plan in others:
        charity = world.charities[plan.charity_id]
        words = (charity.id, organiser.address, True)
        blocks.send("charity accepts a creator", charity.payee, factory, "accept_creator", *words)
    blocks.mine()
    for plan in _PLANS:
        payee = world.charities[plan.charity_id].payee
        world.campaigns.append(_open(world, plan, payee if plan is own else organiser))
    world.tell(
        "setup",
        "Three campaigns open",
        f"For {days(DAYS_OPEN * DAY)}. Who opens one for a charity that has not accepted it is "
        f'refused: "{reason}".',
    )
    plans = sorted(
        (plan.day(world.rng.randrange(28), world.rng.randrange(28)), which, number, tier)
        for which, plan in enumerate(_PLANS)
        for number in range(len(world.donors))
        for tier in _choices(which, number)
    )
    opened = blocks.now
    with world.giving():
        for day, which, number, tier in plans:
            second = opened + day * DAY
            if second > blocks.now + DAY // 2:
                blocks.mine()
                pass_until(world, second)
            price = world.campaigns[which].prices[tier]
            amount = price + world.rng.randrange(price // 2)
            _pledge(world, world.campaigns[which], world.donors[number], tier, amount)
        blocks.mine()
    wells = world.campaigns[_WELLS]
    backer, other = world.donors[0], world.donors[1]
    price = wells.prices[2]
    sold_out = blocks.refusal(other, wells.target, "pledge_native", 2, world.memo(), value=price)
    cheap = blocks.refusal(other, wells.target, "pledge_native", 0, world.memo(), value=1)
    token = _tokens(world, wells, backer)[0]
    move = (backer.address, other.address, token)
    locked = blocks.refusal(backer, wells.target, "transferFrom", *move)
    world.tell(
        "refused",
        "What a campaign does not take",
        f'The best places are gone: "{sold_out}". One wei is too little: "{cheap}". And while '
        f'money may still go back, no token changes hands: "{locked}".',
    )


def _terms(world: World, plan: _Plan) -> tuple[object, ...]:
    """As the factory takes them; what is promised holds for good."""
    tiers = [(price, supply, artwork(drawn)) for price, supply, drawn in plan.tiers]
    return (
        world.assets[plan.symbol].address,
        plan.goal * len(world.donors),
        world.blocks.now + DAYS_OPEN * DAY,
        plan.is_all_or_nothing,
        _ROYALTY,
        plan.name,
        plan.ticker,
        f"https://example.org/campaigns/{plan.ticker.lower()}",
        tiers,
        list(plan.milestones),
    )


def _open(world: World, plan: _Plan, creator: Actor) -> Campaign:
    blocks, factory = world.blocks, world["CampaignFactory"]
    charity, terms = world.charities[plan.charity_id], _terms(world, plan)
    name = f"campaign opened, {len(plan.tiers)} tiers"
    sent = blocks.send(name, creator, factory, "create", charity.id, terms, gas=1_500_000)
    blocks.mine()
    log = next(log for log in sent.logs if log["address"] == factory.address.lower())
    target = campaign_at("0x" + log["topics"][1][-40:])
    prices = tuple(price for price, *_ in plan.tiers)
    deadline = blocks.read(target, "terms")[2]
    return Campaign(plan.name, charity, plan.symbol, creator, target, prices, deadline)


def _choices(which: int, number: int) -> Sequence[int]:
    """The tiers that a donor chooses in a campaign."""
    if which == _WELLS:
        if number in (0, 4):
            return (2,)
        if number % 3 == 1:
            return (1,)
        return (0, 0) if number % 4 == 3 else (0,)
    if which == _REEF:
        return ((1,), (), (0,), ())[number % 4]
    if number % 3 == 2:
        return ()
    if number % 9 == 0:
        return (2,)
    return (1,) if number % 3 == 0 else (0,)


def _pledge(world: World, campaign: Campaign, donor: Actor, tier: int, amount: int) -> Sent:
    """Coin goes along, a stablecoin comes by permit, DOBO out of an allowance for just this."""
    blocks, target, memo = world.blocks, campaign.target, world.memo()
    name = f"pledge with NFT, {campaign.symbol}"
    if campaign.symbol == COIN:
        return blocks.send(name, donor, target, "pledge_native", tier, memo, value=amount)
    if campaign.symbol in BY_PERMIT:
        signature = gifts.permit(world, donor, campaign.symbol, target, amount)
        words = (tier, amount, memo, *signature)
        return blocks.send(name, donor, target, "pledge_token_with_permit", *words)
    token = world[campaign.symbol]
    approved = f"{campaign.symbol} approved"
    blocks.send(approved, donor, token, "approve", target.address, amount)
    return blocks.send(name, donor, target, "pledge_token", tier, amount, memo)


def _tokens(world: World, campaign: Campaign, owner: Actor) -> list[int]:
    """The tokens that an account holds, by their numbers."""
    count = sum(
        world.blocks.read(campaign.target, "sold", tier) for tier in range(len(campaign.prices))
    )
    numbers = range(1, count + 1)
    owners = world.blocks.read_many([(campaign.target, "ownerOf", (n,)) for n in numbers])
    return [n for n, held in zip(numbers, owners, strict=True) if held == owner.address.lower()]


def _backers(world: World, campaign: Campaign) -> dict[Actor, int]:
    """Who has pledged and was not paid back, and how much."""
    asked = [(campaign.target, "contribution", (donor.address,)) for donor in world.donors]
    found = world.blocks.read_many(asked)
    return {donor: amount for donor, amount in zip(world.donors, found, strict=True) if amount}


def _balances(world: World, symbol: str, owners: Sequence[Actor]) -> list[int]:
    """Of a token, in its smallest unit."""
    asked = [(world[symbol], "balanceOf", (owner.address,)) for owner in owners]
    return list(world.blocks.read_many(asked))


# --- all or nothing -------------------------------------------------------------------------------


def decide(world: World) -> None:
    """The deadline comes: the wells are paid for, and whoever backed the boat gets it all back."""
    _succeed(world, world.campaigns[_WELLS])
    _fail(world, world.campaigns[_REEF])


def _succeed(world: World, campaign: Campaign) -> None:
    blocks, target, payee = world.blocks, campaign.target, campaign.charity.payee
    early = blocks.refusal(world.anyone, target, "finalise")
    pass_until(world, campaign.deadline)
    late = (0, world.memo())
    reason = blocks.refusal(
        world.donors[1], target, "pledge_native", *late, value=campaign.prices[0]
    )
    world.tell(
        "refused",
        f"{campaign.name}: the last second is over",
        f'Before that nobody could decide it: "{early}". Now it takes no pledge: "{reason}".',
    )
    with world.giving():
        blocks.send("campaign finalised, succeeded", world.anyone, target, "finalise")
        blocks.mine()
        status = blocks.read(target, "status")
        expect(status[0] == SUCCEEDED, f"{campaign.name} succeeds")
        blocks.send(f"campaign claimed, {campaign.symbol}", payee, target, "claim")
        blocks.mine()
    owed = blocks.read(target, "liability")
    expect(owed == 0, "the charity has all that was raised")
    giver, friend = world.donors[0], world.donors[1]
    token = _tokens(world, campaign, giver)[0]
    words = (giver.address, friend.address, token)
    blocks.send("campaign's token handed on", giver, target, "transferFrom", *words)
    blocks.mine()
    expect(token in _tokens(world, campaign, friend), "a token moves once its money is spent")
    world.tell(
        "money",
        f"{campaign.name} succeeds",
        f"{campaign.charity.profile.name} claims all "
        f"{amount_text(world, campaign.symbol, status[1])}. From now on the backers' tokens move, "
        "and one is handed on.",
    )


def _fail(world: World, campaign: Campaign) -> None:
    """A stranger refunds everybody: one alone, the rest many at a time."""
    blocks, target, stranger = world.blocks, campaign.target, world.anyone
    backers = _backers(world, campaign)
    first, *rest = backers
    early = blocks.refusal(stranger, target, "refund_for", first.address)
    people = [*backers, stranger]
    before = _balances(world, campaign.symbol, people)
    with world.giving():
        blocks.send("campaign finalised, failed", stranger, target, "finalise")
        blocks.mine()
        raised = blocks.read(target, "status")[1]
        expect(blocks.read(target, "status")[0] == FAILED, f"{campaign.name} fails")
        name = f"campaign refunded, {campaign.symbol}"
        blocks.send(name, stranger, target, "refund_for", first.address)
        _refund_many(world, campaign, rest)
        blocks.mine()
    after = _balances(world, campaign.symbol, people)
    back = [now - then for now, then in zip(after, before, strict=True)]
    expect(back == [*backers.values(), 0], "each backer has all of its pledge, the stranger none")
    held = blocks.read_many([(target, "balanceOf", (backer.address,)) for backer in backers])
    expect(sum(held) == 0, "the tokens of a failed campaign are burnt")
    again = blocks.refusal(stranger, target, "refund_for", first.address)
    world.tell(
        "money",
        f"{campaign.name} fails",
        f"{amount_text(world, campaign.symbol, raised)} is less than its goal. A passer-by pays "
        f"all {len(backers)} backers back, to the last unit, and their tokens are burnt. Before "
        f'the end it was refused: "{early}"; a second time too: "{again}".',
    )


def _refund_many(world: World, campaign: Campaign, backers: Sequence[Actor]) -> None:
    """By a stranger, to the backers, in as few transactions as may be."""
    for start in range(0, len(backers), REFUNDS_AT_ONCE):
        part = [backer.address for backer in backers[start : start + REFUNDS_AT_ONCE]]
        name = f"campaign's refund_many of {len(part)}, {campaign.symbol}"
        gas = 200_000 + 120_000 * len(part)
        world.blocks.send(name, world.anyone, campaign.target, "refund_many", part, gas=gas)


# --- milestones -----------------------------------------------------------------------------------


def go_by_milestones(world: World) -> None:
    """A quarter is free at once, one milestone is approved, the next is objected to, and what it
    would have released goes back.
    """
    campaign = world.campaigns[_ROOMS]
    blocks, target, name = world.blocks, campaign.target, campaign.name
    backers = _backers(world, campaign)
    with world.giving():
        blocks.send("campaign finalised, milestones", world.anyone, target, "finalise")
        blocks.mine()
        status = blocks.read(target, "status")
        raised = status[1]
        expect(status[0] == STAGED, f"{name} goes by milestones")
        free = raised * (_ALL - sum(_PLANS[_ROOMS].milestones)) // _ALL
        expect(status[2] == free, "a quarter is free at once")
        blocks.send(f"campaign claimed, {campaign.symbol}", world.anyone, target, "claim")
        blocks.mine()
    world.tell(
        "money",
        f"{name} keeps what it raised",
        f"{amount_text(world, campaign.symbol, raised)}. {_percent(free, raised)} is paid at once, "
        "the rest milestone by milestone.",
    )
    released = _settle(world, campaign, backers, is_approved=True)
    expect(released, "an approved milestone is released")
    with world.giving():
        blocks.send(f"campaign claimed, {campaign.symbol}", world.anyone, target, "claim")
        blocks.mine()
    paid = blocks.read(target, "status")[3]
    world.tell(
        "money",
        f"{name}: the first milestone is approved",
        f"Its backers saw the report and voted for 14 days; {campaign.charity.profile.name} has "
        f"now had {_percent(paid, raised)}.",
    )
    pass_days(world, 20)
    released = _settle(world, campaign, backers, is_approved=False)
    expect(not released, "a milestone that backers object to is not released")
    left = raised - paid
    who = list(backers)
    *most, last = who
    before = _balances(world, campaign.symbol, who)
    with world.giving():
        _refund_many(world, campaign, most)
        blocks.mine()
    after = _balances(world, campaign.symbol, who)
    shares = [now - then for now, then in zip(after, before, strict=True)]
    for backer, share in zip(most, shares, strict=False):
        due = backers[backer] * left // raised
        expect(share >= due, "each backer gets its part of what was not released")
    waits = blocks.read(target, "refundable", last.address)
    owed = blocks.read(target, "liability")
    expect(waits == owed > 0, "who does not come for its part is owed it")
    world.tell(
        "money",
        f"{name}: the second milestone is objected to",
        f"More objected than approved, by what they gave. {_percent(left, raised)} was not "
        f"released, and a passer-by pays it back to {len(most)} backers, each its part; one leaves "
        f"{amount_text(world, campaign.symbol, waits)}, which stays its own.",
    )


def _settle(
    world: World, campaign: Campaign, backers: dict[Actor, int], *, is_approved: bool
) -> bool:
    """The creator reports, backers vote, and after the vote anybody closes the milestone. Most of
    what was given is for it, or against. Whether the milestone was released.
    """
    blocks, target = world.blocks, campaign.target
    stage = blocks.read(target, "status")[5]
    document = keccak(text=f"{campaign.name}: report {stage + 1}")
    address = f"https://example.org/reports/{stage + 1}"
    words = (document, address)
    blocks.send("milestone reported", campaign.creator, target, "report", *words)
    blocks.mine()
    most = sum(backers.values()) * 6 // 10
    voted = 0
    for backer, weight in sorted(backers.items(), key=lambda one: -one[1]):
        # the largest are of one mind until they are most; of the rest every third votes otherwise
        if voted <= most:
            blocks.send("milestone voted on", backer, target, "vote", is_approved)
            voted += weight
        elif world.donors.index(backer) % 3 == 0:
            blocks.send("milestone voted on", backer, target, "vote", not is_approved)
    blocks.mine()
    reason = blocks.refusal(world.anyone, target, "settle")
    world.tell(
        "change",
        f"{campaign.name}: milestone {stage + 1} is reported",
        f'Backers vote with what they gave. Closing it before the end is refused: "{reason}".',
    )
    pass_days(world, _VOTE)
    blocks.send("milestone settled", world.anyone, target, "settle")
    blocks.mine()
    state, after = blocks.read(target, "status")[0], blocks.read(target, "status")[5]
    expect(state in (STAGED, REJECTED), "a milestone is released or rejected")
    return bool(state == STAGED and after == stage + 1)


def _percent(part: int, whole: int) -> str:
    """Of an amount: "25 %", rounded to the nearest."""
    return f"{(200 * part + whole) // (2 * whole)} %"
