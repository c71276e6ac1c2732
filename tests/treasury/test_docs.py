"""docs/staking.md and docs/keeping.md show what came, and name what there is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from donablock.chain.artifacts import abi
from donablock.treasury.keeper import Duty
from donablock.treasury.staking import MULTIPLIERS, UNLOCK_PER_YEAR
from tests.ape_process import Ape
from tests.cast import cast
from tests.commands import ROOT, check, check_explained, check_own_examples, command_of, examples
from tests.local_chain import DAY, STRANGER
from tests.transcripts import Event, compare, transcript
from tests.treasury.conftest import ALICE, BOB, DOBO, OPERATOR, USD, Market

DOCUMENTS = ("staking", "keeping")
SCRIPTS = ("stake", "keep")


def document(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text()


# --- the commands are run -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def ape(_chain: Market) -> Iterator[Ape]:
    process = Ape(_chain.world)
    yield process
    process.stop()


def happen(market: Market, words: str) -> None:
    """What the documents say happened on the chain."""
    if words == "Bob stakes 100000 DOBO for 12 years, and a month passes":
        market.stake(BOB, 100_000 * DOBO, 12)
        market.next_epoch()
    elif words == "a month passes":
        market.next_epoch()
    elif words == "4000 DOBO of commission are settled":
        market.arrive(4_000 * DOBO)
        market.send(STRANGER, market.commission.functions.settle())
    elif words == "the lock ends, and 120 days pass":
        found = market.staking(ALICE).position(market.address(ALICE), 0)
        market.world.node.advance_to(found.ends_at + 120 * DAY)
    elif words == "a route is listed, money and 3000 DOBO of commission come, and a day passes":
        market.list_route((DAY, 1_200_000 * USD, 100 * USD, 100))
        market.money(10_000 * USD)
        market.arrive(3_000 * DOBO)
        market.world.node.advance(DAY)
    elif words == "a day passes":
        market.world.node.advance(DAY)
    else:
        raise AssertionError(f"nobody knows how to make this happen: {words}")


@pytest.mark.anvil
@pytest.mark.ape
@pytest.mark.slow
@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_a_document_shows_is_what_comes(name: str, market: Market, ape: Ape) -> None:
    shown = 0
    for step in transcript(document(name)):
        if isinstance(step, Event):
            happen(market, step.text)
            continue
        compare(step, ape.output(*step.command))
        shown += 1
    assert shown >= 3


@pytest.mark.anvil
def test_a_plain_wallet_can_do_it_all(market: Market) -> None:
    """The calls that the document writes for `cast`, in its order."""
    calls = re.findall(r"^cast send (.*)$", document("staking"), re.M)
    pool, dobo = market.pool.address, market.dobo.address
    names = {"POOL": pool, "DOBO": dobo, "OWNER": market.address(ALICE)}
    stake = market.staking(ALICE)
    for call in calls:
        to, signature, *arguments = shlex.split(call.partition(" --account")[0])
        if signature.startswith(("claim", "compound")):
            market.stake(BOB)
            market.next_epoch()
            market.fund()
            market.next_epoch()
        if signature.startswith("unlock"):
            found = stake.position(market.address(ALICE), 0)
            market.world.node.advance_to(found.unlocked_at)
        given = [names.get(argument, argument) for argument in arguments]
        assert cast(market.world, ALICE, names[to], signature, *given)["logs"], signature
    assert [call.split('"')[1].partition("(")[0] for call in calls] == [
        *("approve", "stake", "claim", "compound", "extend", "unlock"),
    ]
    assert stake.position(market.address(ALICE), 0).left == 0


@pytest.mark.anvil
def test_the_gas_of_a_keeper_is_as_written(market: Market) -> None:
    """The table's figures, from two days of keeping, to a hundredth."""
    rows = re.findall(
        r"^\| (buy|observe|settle) \| ([\d,]+) \| ([\d,]+) \|$", document("keeping"), re.M
    )
    assert [duty for duty, *_ in rows] == ["buy", "observe", "settle"]
    happen(market, "a route is listed, money and 3000 DOBO of commission come, and a day passes")
    for day in (0, 1):
        used = {
            outcome.act.duty: int(outcome.done.receipt["gasUsed"])
            for outcome in market.keeper(OPERATOR).run()
            if outcome.done is not None
        }
        for duty, *figures in rows:
            written = int(figures[day].replace(",", ""))
            assert abs(used[Duty(duty)] - written) <= written // 100, f"{duty}: {used}"
        market.world.node.advance(DAY)
    a_day = sum(int(figures[1].replace(",", "")) for _, *figures in rows)
    assert f"about {round(a_day, -3):,} gas a day" in document("keeping")


# --- and what is not run is checked -------------------------------------------------------------


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_is_one(name: str) -> None:
    found = [words for words in examples(document(name)) if words[0] in SCRIPTS]
    assert found
    for words in found:
        check(words)


def test_every_subcommand_is_shown() -> None:
    shown = {words[1] for words in examples(document("staking")) if words[0] == "stake"}
    assert shown == set(command_of("stake").commands)  # type: ignore[attr-defined]


def test_every_duty_and_option_of_a_keeper_is_explained() -> None:
    text = document("keeping")
    for duty in Duty:
        assert f"\n| {duty.value} |" in text, duty
    for param in command_of("keep").params:
        if param.name not in ("account", "network", "help", "verbosity"):
            assert f"`{param.opts[0]}" in text, param.opts[0]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_scripts_own_examples_are_right(name: str) -> None:
    check_own_examples(name)


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_command_and_option_is_explained(name: str) -> None:
    check_explained(name)


def test_every_function_that_is_named_is_there() -> None:
    known = {entry["name"] for entry in abi("DividendPool") + abi("DonaBlock") if "name" in entry}
    named = set(re.findall(r"`([a-z_]+)\([a-z0-9,]*\)`", document("staking")))
    assert {"position", "claimable", "unlockable"} <= named <= known


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name: str) -> None:
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", document(name)):
        assert (ROOT / "docs" / link).resolve().exists(), link


# --- the table and the picture ------------------------------------------------------------------


def test_the_table_has_the_multipliers() -> None:
    found = re.search(r"^\| multiplier \| (.*) \|$", document("staking"), re.M)
    assert found is not None
    assert [int(factor) for factor in found[1].split(" | ")] == list(MULTIPLIERS)


def test_the_picture_is_drawn_to_the_numbers() -> None:
    """Steps of the weight, and the line on which the principal comes free."""
    picture = (ROOT / "docs" / "pictures" / "staking.svg").read_text()

    def x(years: float) -> str:
        return f"{64 + 620 * years / 13:.1f}"

    def y(factor: int) -> str:
        return f"{236 - 9.6 * factor:.1f}"

    for term in (12, 4):
        steps = [*reversed(MULTIPLIERS[:term]), 0]
        path = f"M{x(0)} {y(steps[0])}"
        path += "".join(f"H{x(year)}V{y(steps[year])}" for year in range(1, term + 1))
        assert f"d='{path}'" in picture, "the weight"
        free = term + term * UNLOCK_PER_YEAR / (365 * DAY)
        assert f"d='M{x(0)} 286.0H{x(term)}L{x(free)} 376.0'" in picture, "what is locked"
        assert f"free within {term * UNLOCK_PER_YEAR // DAY} days" in picture
