"""A year of commission on the demo's chain: every check catches what it is there for, in logs that
were tampered with and in money that was taken.
"""

from __future__ import annotations

import dataclasses
import re
from io import StringIO

import pytest
from rich.console import Console

from donablock.demo import acts, books, commission, deflation, market, play, summary
from donablock.demo.run import perform
from donablock.demo.world import MONTH, START, Scale

pytestmark = pytest.mark.anvil

SUPPLY = "DOBO: supply at first - supply now = burnt by the receipts"
COUNT = "Commission: burnt by its own count = by the receipts"
OTHERS = "DOBO: burnt by anybody else: none"
CHAIN = "receipts whose supply does not follow from the one before: none"
ARRIVED = "Commission: arrived = burnt + dividends + to receivers + left over"
RECEIVERS = "Commission: to receivers = paid + owed"
DOLLARS = "Buyback: USDX that came = spent + held"
BOUGHT = "Buyback: DOBO bought = DOBO from the pair to Commission"
HELD = "dividend pool: DOBO held = principal + owed + to be divided"
PRINCIPAL = "dividend pool: staked + compounded - unlocked = principal"
DIVIDENDS = "dividends: by the receipts = taken + owed + to be divided"
MONTHS = "months divided otherwise than counted anew: none"
SHARES = "stakes without their exact share, less a unit a claim: none"
ALL = (
    *(SUPPLY, COUNT, OTHERS, CHAIN, ARRIVED, RECEIVERS, DOLLARS, BOUGHT),
    *(HELD, PRINCIPAL, DIVIDENDS, MONTHS, SHARES),
)

# contract, event, argument that is one unit larger, and what has to notice
TAMPERED = (
    ("Commission", "Settled", "burnt", {SUPPLY, COUNT, CHAIN, ARRIVED}),
    ("Commission", "Settled", "supply_before", {CHAIN}),
    ("Commission", "Settled", "supply_after", {CHAIN}),
    ("Commission", "Settled", "dividends", {ARRIVED, DIVIDENDS, MONTHS}),
    ("Commission", "Settled", "shared_out", {ARRIVED, RECEIVERS}),
    ("Commission", "Claimed", "amount", {RECEIVERS}),
    ("Buyback", "Bought", "spent", {DOLLARS}),
    ("Buyback", "Bought", "bought", {BOUGHT}),
    ("DividendPool", "Staked", "amount", {PRINCIPAL, MONTHS}),
    ("DividendPool", "Staked", "epoch", {MONTHS, SHARES}),
    ("DividendPool", "Compounded", "amount", {PRINCIPAL, DIVIDENDS, MONTHS}),
    ("DividendPool", "Claimed", "amount", {DIVIDENDS}),
    ("DividendPool", "Unlocked", "amount", {PRINCIPAL}),
    ("DividendPool", "EpochClosed", "amount", {MONTHS}),
    ("DividendPool", "EpochClosed", "weight", {MONTHS}),
    ("DividendPool", "CarriedOver", "amount", {MONTHS}),
)


def pass_a_year(world):
    """So that something has vested."""
    acts.live_until(world, START + 12 * MONTH)


# what the demo's first acts set up, and the year itself
_ACTS = (
    *play.ACTS[:6],
    ("A year without", pass_a_year),
    ("A market for DOBO", market.open_market),
    ("A year of commission", commission.pay_and_divide),
    ("A lock ends", commission.end_a_lock),
)


def changed(event, **by):
    """The log with its arguments larger by so much."""
    args = dict(event.args) | {name: event[name] + much for name, much in by.items()}
    return dataclasses.replace(event, args=args)


class Year:
    """A run in whose last act logs are tampered with, one at a time, and then money is taken."""

    def __init__(self, folder):
        self.caught = {}
        played = (*_ACTS, ("A tampering", self.tamper), ("A theft", self.steal))
        self.outcome = perform(Scale.small(), folder, Console(file=StringIO()), played)

    def failing(self, events):
        """What does not hold, were these the chain's logs."""
        found = dataclasses.replace(self.found, events=tuple(events))
        story = deflation.deflation(self.world, found)
        return {
            check.what for check in deflation.checks(self.world, found, story) if not check.holds
        }

    def tamper(self, world):
        self.world = world
        self.found = books.read(world.w3, world.contracts.values(), world.assets)
        events = self.found.events
        self.honest = self.failing(events)
        self.names = [
            check.what
            for check in deflation.checks(world, self.found, deflation.deflation(world, self.found))
        ]
        for contract, name, argument, _ in TAMPERED:
            places = [
                number
                for number, event in enumerate(events)
                if (event.contract, event.name) == (contract, name)
            ]
            # what is compounded last weighs in no month that was funded
            at = places[0 if name == "Compounded" else -1]
            with_it = (*events[:at], changed(events[at], **{argument: 1}), *events[at + 1 :])
            self.caught[contract, name, argument] = self.failing(with_it)
        # as many units as one staker is short of, many times over, go to another: every sum stays
        claims = [
            number
            for number, event in enumerate(events)
            if (event.contract, event.name) == ("DividendPool", "Claimed")
        ]
        first = claims[0]
        other = next(n for n in claims if events[n]["owner"] != events[first]["owner"])
        swapped = list(events)
        swapped[first] = changed(events[first], amount=100)
        swapped[other] = changed(events[other], amount=-100)
        self.swapped = self.failing(swapped)

    def steal(self, world):
        """One unit is taken out of each contract, a stranger burns one, and Commission's own count
        is written over.
        """
        wire, thief = world.blocks.wire, world.anyone.address
        dobo, dollars = world["DOBO"], world["USDX"]
        for victim, token in (
            ("Buyback", dollars),
            ("DividendPool", dobo),
            ("Commission", dobo),
        ):
            self.send_as(world, world[victim].address, token, "transfer", thief, 1)
        self.send_as(world, world.stakers[0].actor.address, dobo, "burn", 1)
        target = world["Commission"].address
        before = world.blocks.read(world["Commission"], "burned_total")
        for slot in range(8):
            word = int(wire("eth_getStorageAt", target, hex(slot), "latest"), 16)
            if word >> 128 == before:
                raised = f"0x{word + (1 << 128):064x}"
                wire("anvil_setStorageAt", target, f"0x{slot:064x}", raised)
        assert world.blocks.read(world["Commission"], "burned_total") == before + 1

    @staticmethod
    def send_as(world, sender, target, function, *arguments):
        """As nobody could: without the sender's key."""
        wire = world.blocks.wire
        wire("anvil_setBalance", sender, hex(10**18))
        wire("anvil_impersonateAccount", sender)
        call = {
            "from": sender,
            "to": target.address,
            "data": "0x" + target.data(function, *arguments).hex(),
        }
        wire("eth_sendTransaction", call)
        world.blocks.wait(12)


@pytest.fixture(scope="module")
def year(tmp_path_factory):
    return Year(tmp_path_factory.mktemp("year"))


def test_an_honest_year_passes_every_check(year):
    assert year.names == list(ALL)
    assert year.honest == set()


@pytest.mark.parametrize(("contract", "name", "argument", "wanted"), TAMPERED)
def test_a_figure_that_was_tampered_with_is_caught(year, contract, name, argument, wanted):
    assert year.caught[contract, name, argument] == wanted


def test_dividends_given_to_another_staker_are_caught_though_every_sum_holds(year):
    assert year.swapped == {SHARES}


def test_every_check_has_caught_something(year):
    by_theft = {check.what for check in year.outcome.checks if not check.holds}
    by_logs = set().union(*(wanted for *_, wanted in TAMPERED))
    assert by_theft | by_logs >= set(ALL)


def test_a_unit_that_was_taken_or_burnt_is_caught(year):
    failed = {check.what for check in year.outcome.checks if not check.holds}
    assert failed == {SUPPLY, COUNT, OTHERS, ARRIVED, DOLLARS, HELD}
    assert not year.outcome.holds
    text = StringIO()
    summary.show(year.outcome, Console(file=text, width=160))
    assert re.search(r"now \S+ is not burnt \S+ by 12 receipts", text.getvalue())
    for what in (SUPPLY, OTHERS, DOLLARS, HELD):
        assert any(fault.startswith(what) for fault in year.outcome.faults)
    for check in year.outcome.checks:
        assert check.holds or abs(check.left - check.right) == 1
