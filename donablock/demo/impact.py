"""The impact fund: a mill is built by stages, repays, and what it repays is lent to a bakery."""

from __future__ import annotations

import base64
import json

from eth_utils.crypto import keccak

from donablock.demo import gifts
from donablock.demo.acts import amount_text, pass_days
from donablock.demo.blocks import Actor
from donablock.demo.gifts import STABLE
from donablock.demo.world import DAY, Project, World, expect

SPONSOR, SDG = 2, 8
"""The charity that proposes the projects, and the goal of the United Nations that they serve."""

_VOTE = 14
_STAGES = [6_000, 4_000]
# what the mill asks for, for each donor there is (smallest unit), and the bakery's part of that
_GOAL = 200 * 10**6
_NEXT = (60, 100)
_COMPLETED = 8
_GAS_MONEY = 10**18


def build_the_mill(world: World) -> None:
    """A charity proposes two loans for local entrepreneurs; donors give, backers vote, and the mill
    gets its money in two stages.
    """
    blocks, fund = world.blocks, world["ImpactFund"]
    world.entrepreneurs = [Actor("miller"), Actor("baker")]
    for entrepreneur in world.entrepreneurs:
        blocks.wire("anvil_setBalance", entrepreneur.address, hex(_GAS_MONEY))
    goal = _GOAL * len(world.donors)
    for name, payee, wanted, open_days in (
        ("A mill", world.entrepreneurs[0], goal, 60),
        ("A bakery", world.entrepreneurs[1], goal * _NEXT[0] // _NEXT[1], 300),
    ):
        world.projects.append(_propose(world, name, payee, wanted, open_days))
    mill, bakery = world.projects
    world.tell(
        "setup",
        "Two entrepreneurs ask for a loan",
        f"{_sponsor(world)} proposes a mill for {amount_text(world, STABLE, mill.goal)} and a "
        f"bakery for {amount_text(world, STABLE, bakery.goal)}, and both entrepreneurs accept.",
    )
    with world.giving():
        _fill(world, mill, bakery)
    donor = world.donors[0]
    words = (mill.id, world[STABLE].address, 1, world.memo())
    reason = blocks.refusal(donor, fund, "donate_token", *words)
    world.tell(
        "gift",
        "The mill has what it asked for",
        f'All of it is the project\'s. One unit more is refused: "{reason}". The first gifts to '
        "the bakery have come too.",
    )
    for stage, spent_on in enumerate(("stones and a wheel", "a roof and wages")):
        if stage:
            pass_days(world, 30)
        amount = _pass_stage(world, mill, stage)
        # what is bought with it is no giving
        _spend(world, mill, amount, spent_on)
    expect(blocks.read(fund, "state", mill.id) == _COMPLETED, "the mill is built")


def repay_and_lend(world: World) -> None:
    """The mill earns and repays in three parts; anybody lends them on to the next in the queue."""
    blocks, fund, token = world.blocks, world["ImpactFund"], world[STABLE]
    mill, bakery = world.projects
    total = blocks.read(fund, "project", mill.id)[11]
    parts = [total * 2 // 5, total * 2 // 5]
    parts.append(total - sum(parts))
    empty = blocks.refusal(world.anyone, fund, "lend", SDG, token.address)
    expect(empty == "impact: pool is empty", "nothing is lent before something is repaid")
    too_much = ""
    for number, part in enumerate(parts, 1):
        pass_days(world, 20)
        # people buy flour
        name = "test dollars minted"
        blocks.send(name, world.anyone, token, "mint", mill.payee.address, part)
        blocks.send(f"{STABLE} approved", mill.payee, token, "approve", fund.address, part)
        blocks.mine()
        with world.giving():
            words = (mill.id, part, world.memo())
            blocks.send(f"loan repaid, {STABLE}", mill.payee, fund, "repay", *words)
            blocks.mine()
            pool = blocks.read(fund, "pool", SDG, token.address)
            lent = 0
            if number < len(parts):
                lent = _lend(world, bakery)
        told = amount_text(world, STABLE, lent)
        world.tell(
            "money",
            f"The mill repays, {number} of {len(parts)}",
            f"{amount_text(world, STABLE, part)}, out of what it earned. "
            + (
                f"Anybody lends it on: the bakery, next in the queue, gets {told}."
                if lent
                else f"{amount_text(world, STABLE, pool)} wait in the pool for the next project."
            ),
        )
    words = (mill.id, 1, world.memo())
    too_much = blocks.refusal(mill.payee, fund, "repay", *words)
    nobody = blocks.refusal(world.anyone, fund, "lend", SDG, token.address)
    world.tell(
        "refused",
        "The mill owes nothing more",
        f'One unit more is refused: "{too_much}". Nobody waits for what is left: "{nobody}".',
    )
    _pass_stage(world, bakery, 0)


def _sponsor(world: World) -> str:
    return world.charities[SPONSOR].profile.name


def _propose(world: World, name: str, payee: Actor, goal: int, open_days: int) -> Project:
    """The charity proposes, the entrepreneur accepts; its plan is its own address."""
    blocks, fund = world.blocks, world["ImpactFund"]
    document = json.dumps({"name": name, "invented": True}, separators=(",", ":")).encode("ascii")
    uri = "data:application/json;base64," + base64.b64encode(document).decode("ascii")
    blocks.send(
        "project proposed",
        world.charities[SPONSOR].payee,
        fund,
        "propose",
        *(SPONSOR, payee.address, SDG, world[STABLE].address, goal),
        *(blocks.now + open_days * DAY, _STAGES, keccak(document), uri, True),
    )
    blocks.mine()
    number = blocks.read(fund, "project_count")
    blocks.send("project accepted", payee, fund, "accept", number)
    blocks.mine()
    return Project(number, name, payee, goal)


def _fill(world: World, mill: Project, bakery: Project) -> None:
    """Donors give to the mill until it lacks nothing, in ten days; those who come later, and the
    first three, to the bakery.
    """
    room = mill.goal
    last = len(world.donors) - 1
    later = list(world.donors[:3])
    for number, donor in enumerate(world.donors):
        amount = gifts.any_amount(world, STABLE, 150_000, 320_000)
        amount = room if number == last else min(room, amount)
        room -= amount
        if amount:
            tip = amount // 50 if number % 4 == 0 else 0
            _give(world, mill, donor, amount, tip)
        else:
            later.append(donor)
        if number * 10 // len(world.donors) < (number + 1) * 10 // len(world.donors):
            pass_days(world, 1)
    for donor in later:
        _give(world, bakery, donor, gifts.any_amount(world, STABLE, 10_000, 30_000), 0)
    world.blocks.mine()


def _give(world: World, project: Project, donor: Actor, amount: int, tip: int) -> None:
    """By permit; the tip comes on top."""
    fund = world["ImpactFund"]
    signature = gifts.permit(world, donor, STABLE, fund, amount + tip)
    name = f"gift to an impact project, {STABLE}{' with tip' * bool(tip)}"
    words = (project.id, world[STABLE].address, amount, world.memo(), tip, *signature)
    world.blocks.send(name, donor, fund, "donate_token_with_permit", *words)


def _pass_stage(world: World, project: Project, stage: int) -> int:
    """The entrepreneur reports, backers vote, anybody releases and has it paid. What was paid."""
    blocks, fund = world.blocks, world["ImpactFund"]
    document = keccak(text=f"{project.name}: report {stage + 1}")
    words = (project.id, stage, document, f"https://example.org/impact/{project.id}/{stage}")
    blocks.send("project's stage reported", project.payee, fund, "report", *words)
    blocks.mine()
    given = blocks.read_many(
        [(fund, "contribution", (project.id, donor.address)) for donor in world.donors]
    )
    backers = [d for d, (amount, _) in zip(world.donors, given, strict=True) if amount]
    for number, backer in enumerate(backers):
        if number % 2 == 0:
            is_for = number % 10 != 8
            name = "project's stage voted on"
            blocks.send(name, backer, fund, "vote", project.id, stage, is_for)
    blocks.mine()
    reason = blocks.refusal(world.anyone, fund, "release", project.id)
    pass_days(world, _VOTE)
    with world.giving():
        blocks.send("project's stage released", world.anyone, fund, "release", project.id)
        blocks.mine()
        amount: int = blocks.read(fund, "claimable", project.id)
        expect(amount > 0, f"stage {stage + 1} of {project.name.lower()} is released")
        blocks.send(f"project's money claimed, {STABLE}", world.anyone, fund, "claim", project.id)
        blocks.mine()
    world.tell(
        "money",
        f"{project.name}: stage {stage + 1} is released",
        f"{amount_text(world, STABLE, amount)}, 14 days after a report its backers voted on. "
        f'Earlier it was refused: "{reason}".',
    )
    return amount


def _spend(world: World, project: Project, amount: int, what: str) -> None:
    """The entrepreneur buys what it needs from somebody who has no part in this."""
    seller = Actor(f"seller of {what}").address
    words = (seller, amount)
    world.blocks.send(f"{STABLE} transferred", project.payee, world[STABLE], "transfer", *words)
    world.blocks.mine()


def _lend(world: World, project: Project) -> int:
    """Anybody lends the pool on to the project that has waited longest; how much it got."""
    blocks, fund, token = world.blocks, world["ImpactFund"], world[STABLE]
    before: int = blocks.read(fund, "project", project.id)[7]
    blocks.send("pool lent", world.anyone, fund, "lend", SDG, token.address)
    blocks.mine()
    after: int = blocks.read(fund, "project", project.id)[7]
    expect(after > before, f"what was repaid is lent to {project.name.lower()}")
    return after - before
