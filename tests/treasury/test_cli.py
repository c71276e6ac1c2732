"""`ape run stake` and `ape run keep`, as a person calls them: words, exit codes, what happened."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from donablock.settings import settings
from tests.ape_process import Ape, environment, network_of
from tests.local_chain import DAY, GUARDIAN, STRANGER
from tests.treasury.conftest import ALICE, BOB, CAROL, DOBO, OPERATOR, Market

pytestmark = [pytest.mark.anvil, pytest.mark.ape, pytest.mark.slow]


@pytest.fixture(scope="module")
def ape(_chain: Market) -> Iterator[Ape]:
    process = Ape(_chain.world)
    yield process
    process.stop()


def test_a_staker_does_everything(ape: Ape, market: Market) -> None:
    alice, carol = market.address(ALICE), market.address(CAROL)
    out = ape.run("stake", "show")
    assert "Dividend pool, month 2" in out and "less than 1_000_000, so its dividends" in out
    assert "has no position" in ape.run("stake", "show", alice)
    out = ape.run("stake", "new", "100000 DOBO", "12", account=ALICE)
    assert "100_000 DOBO for 12 years" in out and "a signed permit, no transaction" in out
    assert "counts from" in out and "nobody can open it before" in out
    assert "2_000_000 at first, less every year" in out
    assert "staked  100_000 DOBO as position 0" in out
    ape.run("stake", "new", "5 dobo", "1 year", account=ALICE)
    refused = ape.refused("stake", "claim", "0", account=ALICE)
    assert "it counts from" in refused
    assert "Nothing is to be claimed." in ape.run("stake", "claim", account=ALICE)

    market.next_epoch()
    market.fund(1_200 * DOBO)
    market.next_epoch()
    out = ape.run("stake", "show")
    assert "of month 3, which is over" in out and "1.19 %" in out
    out = ape.run("stake", "show", alice)
    assert "100_000 DOBO" in out and "2_000_000" in out and "1_199.99" in out
    out = ape.run("stake", "show", alice, "0")
    assert "20, with 12 years left, rounded up" in out and "Weight to come" in out
    assert out.count("1_600_000") == 1 and "Coming free, evenly by the second" in out
    out = ape.run("stake", "claim", "0", "--receiver", carol, account=ALICE)
    assert "claimed  1_199.99" in out and f"of position 0 to {carol}" in out
    assert market.balance(CAROL) > 1_199 * DOBO
    # position 1 has its part still
    out = ape.run("stake", "claim", account=ALICE)
    assert "of position 1 to" in out and "position 0" not in out

    market.fund(1_200 * DOBO)
    market.next_epoch()
    out = ape.run("stake", "compound", account=ALICE)
    assert "compounded  1_199.99" in out and "into position 1" in out
    assert "Nothing is to be compounded." in ape.run("stake", "compound", account=ALICE)
    out = ape.run("stake", "extend", "1", "4 years", account=ALICE)
    assert "extended  position 1 is locked until" in out and "0 DOBO of dividends" in out
    assert "write more years" in ape.refused("stake", "extend", "1", "4", account=ALICE)

    market.world.node.advance_to(market.staking(ALICE).position(alice, 1).ends_at)
    assert "is locked until" in ape.refused("stake", "unlock", "0", account=ALICE)
    assert "Nothing is to be unlocked." in ape.run("stake", "unlock", account=BOB)
    market.world.node.advance(60 * DAY)
    before = market.balance(ALICE)
    whose = ("--owner", alice)
    out = ape.run("stake", "unlock", "1", *whose, account=STRANGER)
    assert "unlocked  2.5" in out and f"to {alice}" in out
    assert market.balance(ALICE) > before
    to = ("--receiver", carol)
    assert "only the owner" in ape.refused("stake", "unlock", "1", *whose, *to, account=STRANGER)
    market.world.node.advance(60 * DAY)
    out = ape.run("stake", "unlock", *to, account=ALICE)
    assert f"of position 1 to {carol}" in out
    assert "is paid out" in ape.refused("stake", "unlock", "1", account=ALICE)
    assert "paid out" in ape.run("stake", "show", alice, "1")


def test_a_staker_is_told_what_is_wrong(ape: Ape, market: Market) -> None:
    nonces = {who: market.session(who).next_nonce() for who in (ALICE, CAROL)}
    assert "1 to 12 years, not 13" in ape.refused("stake", "new", "5 DOBO", "13", account=ALICE)
    assert "1 to 12 years, not 0" in ape.refused("stake", "new", "5 DOBO", "0", account=ALICE)
    assert "is no term" in ape.refused("stake", "new", "5 DOBO", "soon", account=ALICE)
    assert "above zero" in ape.refused("stake", "new", "0 DOBO", "1", account=ALICE)
    little = f"0.{1:018} DOBO"
    assert "is too little" in ape.refused("stake", "new", little, "1", account=ALICE)
    assert "of what?" in ape.refused("stake", "new", "5", "1", account=ALICE)
    assert "unknown unit" in ape.refused("stake", "new", "5 USDX", "1", account=ALICE)
    assert "has 0 DOBO, but 5" in ape.refused("stake", "new", "5 DOBO", "1", account=CAROL)
    assert "it has none" in ape.refused("stake", "claim", "0", account=ALICE)
    assert "is no position" in ape.refused("stake", "claim", "first", account=ALICE)
    assert "is no owner" in ape.refused("stake", "show", "me")
    assert "--help" in ape.refused("stake", "nonsense")
    assert "name the account" in ape.refused("stake", "new", "5 DOBO", "1")
    market.send(GUARDIAN, market.pool.functions.stop_entries())
    assert "claims and unlocks go on" in ape.refused("stake", "new", "5 DOBO", "1", account=ALICE)
    assert "stopped" in ape.run("stake", "show")
    for who, nonce in nonces.items():
        assert market.session(who).next_nonce() == nonce, "nothing was sent"


def test_a_keeper_shows_first_and_then_does(ape: Ape, market: Market) -> None:
    out = ape.run("keep", "--dry-run")
    assert "Not now" in out and "no DOBO is in the buyback" in out
    assert "Nothing is due." in ape.run("keep", account=OPERATOR)
    market.list_route()
    market.money()
    market.arrive(3_000 * DOBO)
    market.world.node.advance(DAY)
    nonce = market.session(OPERATOR).next_nonce()
    out = ape.run("keep", "--dry-run")
    assert "1. settle" in out and "about 130_000" in out
    assert "buy for an idle operator with USDX" in out and "anybody may when it has not" in out
    out = ape.run("keep", "--dry-run", account=OPERATOR)
    assert "1. buy with USDX" in out and "at least" in out and "by the node's estimate" in out
    assert "2. settle" in out and "burns" in out and "1_500 DOBO" in out
    assert market.session(OPERATOR).next_nonce() == nonce, "nothing was sent"
    out = ape.run("keep", account=OPERATOR)
    assert "done  buy with USDX" in out and "bought for" in out
    assert "done  observe USDX" in out and "done  settle" in out
    assert "settlement 1 of" in out and "0 DOBO owed to receivers" in out
    assert "Nothing is due." in ape.run("keep", account=OPERATOR)


def test_a_keepers_options(ape: Ape, market: Market) -> None:
    carol = market.address(CAROL)
    market.propose_shares(5_000, 4_000, (carol, 1_000))
    out = ape.run("keep", "--dry-run")
    assert "proposed: 50.00 % burnt, 40.00 % dividends, 10.00 % to" in out
    market.world.node.advance(7 * DAY)
    assert "done  apply shares" in ape.run("keep", account=STRANGER)
    market.arrive(200 * DOBO)
    assert "worth its gas from 1_000 DOBO on" in ape.run("keep", account=STRANGER)
    out = ape.run("keep", "--settle-at", "200 DOBO", "--pay", "10 DOBO", account=STRANGER)
    assert "20 DOBO owed to receivers" in out and f"20 DOBO paid to {carol}" in out
    assert market.balance(CAROL) == 20 * DOBO
    assert "of what?" in ape.refused("keep", "--settle-at", "200", account=STRANGER)
    assert "goes with --watch" in ape.refused("keep", "--rounds", "2", account=STRANGER)
    both = ("--watch", "--dry-run")
    assert "shows one moment" in ape.refused("keep", *both, account=STRANGER)
    assert "--every" in ape.refused("keep", "--every", "0", account=STRANGER)
    assert "name the account" in ape.refused("keep")


def test_a_watch_says_what_it_does_and_waits_for(ape: Ape, market: Market) -> None:
    market.arrive(3_000 * DOBO)
    rounds = ("--watch", "--every", "1", "--rounds", "3")
    out = ape.run("keep", *rounds, account=STRANGER)
    assert out.count("done  settle") == 1
    assert out.count("nothing more is due before") == 1, "the same is said once"
    market.arrive(3_000 * DOBO)
    market.world.node.set_balance(market.address(CAROL), 0)
    out = ape.run("keep", *rounds, account=CAROL)
    assert out.count("send it native coin first") == 1, "the same trouble is said once"
    assert "native coin" in ape.refused("keep", account=CAROL)


def test_a_watch_is_stopped_by_the_keyboard(market: Market) -> None:
    watch = ["keep", "--watch", "--every", "1", "--account", f"TEST::{STRANGER}", "--yes"]
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("ape")), "run", *watch, *network_of(market.world)],
        cwd=settings().root,
        env=environment(market.world.deployments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "nothing more is due" in line:
            process.send_signal(signal.SIGINT)
            break
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130, out
    assert "Stopped." in out and "Traceback" not in out


def test_a_refusal_ends_with_exit_code_1(ape: Ape, market: Market) -> None:
    router = market.world.own_token("OddRouter", market.contract("UniswapV2Factory").address)
    market.list_route(router=router.address)
    market.money()
    market.world.node.advance(DAY)
    refused = ape.refused("keep", account=OPERATOR)
    assert "1 of what is due was refused" in refused
