"""Rounds of a keeper on a real chain with a real pair: alone, in company, and killed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from web3.middleware import Web3Middleware

from donablock.chain.node import connect
from donablock.errors import FundsError, NotMinedError, RevertError
from donablock.settings import settings
from donablock.treasury.keeper import GAS, Duty, Options
from donablock.treasury.rounds import Keeper, Outcome, Result
from donablock.treasury.snapshot import MIN_WINDOW
from tests.local_chain import DAY, DEPLOYER, GUARDIAN, LIQUIDITY, OPERATIONS, STRANGER
from tests.treasury.conftest import (
    ALICE,
    BOB,
    CAROL,
    DOBO,
    FAR,
    OPERATOR,
    USD,
    Market,
)

pytestmark = pytest.mark.anvil

# a keeper of its own process, on the chain at a URL
_CHILD = """
import sys
from pathlib import Path
from donablock.chain.keys import LocalSigner
from donablock.chain.manifest import load_manifest
from donablock.chain.node import connect
from donablock.chain.session import Session
from donablock.treasury.rounds import Keeper
url, account, folder = sys.argv[1:]
manifest = load_manifest(31337, Path(folder) / "31337.json")
signer = LocalSigner.test_account(int(account))
session = Session(connect(url), 31337, signer, addresses=manifest.addresses, timeout=60)
print("ready", flush=True)
for outcome in Keeper(session).run():
    print(outcome.act.title, outcome.result.value, flush=True)
"""


def titles(outcomes: list[Outcome], result: Result = Result.DONE) -> list[str]:
    return [outcome.act.title for outcome in outcomes if outcome.result is result]


def ready_to_buy(market: Market) -> None:
    """A route that is a day old, and dollars to spend."""
    market.list_route()
    market.money()
    market.world.node.advance(DAY)


def count(market: Market, contract: str, event: str) -> int:
    return len(market.logs(contract, event))


@pytest.fixture
def pending(market: Market) -> Iterator[Market]:
    """Blocks come on demand only."""
    node = market.world.node
    node.request("evm_setAutomine", False)
    yield market
    node.request("anvil_dropAllTransactions")
    node.request("evm_setAutomine", True)


def waiting(market: Market) -> int:
    """Transactions that are on their way."""
    return int(market.world.node.request("txpool_status")["pending"], 16)


def until(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


# --- one keeper ---------------------------------------------------------------------------------


def test_nothing_is_due_at_first(market: Market) -> None:
    assert list(market.keeper().run()) == []


def test_a_month_of_everything(market: Market) -> None:
    """Every duty once, and the money where it belongs, to the unit."""
    pool, commission = market.pool.address, market.commission
    market.stake(ALICE, 100_000 * DOBO, 12)
    wrapped = market.coin_pair(10 * 10**18, 1_000_000 * DOBO)
    market.list_route((DAY, 120 * 10**18, 2 * 10**16, 100), wrapped, min_reserve=10**18)
    market.propose_shares(4_000, 5_000, (market.address(CAROL), 1_000))
    market.next_epoch()
    market.arrive(10_000 * DOBO)
    market.session(BOB).send_coin(market.buyback.address, 10**18)
    market.send(LIQUIDITY, market.dobo.functions.transfer(market.buyback.address, 5_000 * DOBO))
    supply = market.dobo.functions.totalSupply().call()

    operator = market.keeper(pay_from=100 * DOBO)
    first = list(operator.run())
    assert titles(first) == ["wrap", "forward", "observe WETH", "apply shares"]
    # what had arrived, forwarded DOBO included, was settled under the old shares
    (settled,) = first[-1].done.logged("Settled") if first[-1].done else ()
    assert (settled["amount"], settled["burnt"]) == (15_000 * DOBO, 7_500 * DOBO)

    market.world.node.advance(MIN_WINDOW)
    second = list(operator.run())
    assert titles(second) == [
        "buy with WETH",
        "observe WETH",
        "settle",
        f"pay {market.address(CAROL)}",
    ]
    (bought,) = market.logs("Buyback", "Bought")
    act = second[0].act
    assert (bought["spent"], bought["buyer"]) == (act.arguments[1], market.address(OPERATOR))
    assert bought["bought"] >= bought["least"]
    assert dict(act.brings)["brings"].startswith(market.dobo_asset.text(bought["bought"]))
    last = market.logs("Commission", "Settled")[-1]
    assert last["amount"] == bought["bought"]
    assert last["burnt"] == bought["bought"] * 4_000 // 10_000
    assert market.balance(CAROL) == last["shared_out"] == bought["bought"] // 10

    burnt = sum(event["burnt"] for event in market.logs("Commission", "Settled"))
    dividends = sum(event["dividends"] for event in market.logs("Commission", "Settled"))
    assert market.dobo.functions.totalSupply().call() == supply - burnt
    assert market.balance(pool) == 100_000 * DOBO + dividends
    assert commission.functions.unsettled().call() < 3, "what rounding left"

    market.next_epoch()
    third = list(operator.run())
    assert titles(third)[-1] == "roll" or "settle" in titles(third)
    found = market.staking(ALICE).positions(market.address(ALICE))[0]
    assert 0 <= dividends - found.claimable < 2, "all of it is the one staker's"
    assert not titles([*first, *second, *third], Result.REFUSED)
    for outcome in [*first, *second, *third]:
        assert outcome.done is not None
        gas = int(outcome.done.receipt["gasUsed"])
        assert gas <= GAS[outcome.act.duty], f"{outcome.act.title}: {gas}"
        assert outcome.fee > 0


def test_a_month_that_is_over_is_rolled(market: Market) -> None:
    market.stake(ALICE, 100_000 * DOBO, 12)
    market.next_epoch()
    market.fund(100 * DOBO)
    market.next_epoch()
    (outcome,) = market.keeper(STRANGER).run()
    assert outcome.act.duty is Duty.ROLL and outcome.done is not None
    (closed,) = outcome.done.logged("EpochClosed")
    assert closed["amount"] == 100 * DOBO
    assert int(outcome.done.receipt["gasUsed"]) <= GAS[Duty.ROLL]
    assert list(market.keeper(STRANGER).run()) == []


def test_money_that_waited_rejoins(market: Market) -> None:
    market.fund(100 * DOBO)
    market.stake(ALICE, 100_000 * DOBO, 12)
    market.next_epoch()
    (outcome,) = market.keeper(STRANGER).run()
    assert outcome.done is not None
    assert outcome.done.logged("CarriedOver") and outcome.done.logged("Rejoined")
    assert int(outcome.done.receipt["gasUsed"]) <= GAS[Duty.ROLL]


def test_a_purchase_is_settled_in_the_same_run(market: Market) -> None:
    ready_to_buy(market)
    outcomes = list(market.keeper().run())
    assert titles(outcomes) == ["buy with USDX", "observe USDX", "settle"]
    assert list(market.keeper().run()) == [], "nothing is left"


def test_a_stranger_buys_once_the_operator_is_idle(market: Market) -> None:
    ready_to_buy(market)
    stranger = market.keeper(STRANGER)
    assert list(stranger.run()) == [], "the operator's purchase is not its business"
    market.world.node.advance(12 * DAY + 3_600)
    assert titles(list(stranger.run())) == ["observe USDX"], "a day before it may buy"
    market.world.node.advance(DAY)
    outcomes = list(stranger.run())
    assert titles(outcomes) == ["buy for an idle operator with USDX", "settle"]
    (bought,) = market.logs("Buyback", "Bought")
    assert bought["buyer"] == market.address(STRANGER)
    assert int(outcomes[0].done.receipt["gasUsed"]) <= GAS[Duty.BUY_IDLE]  # type: ignore[union-attr]


def test_a_stop_by_the_guardian_is_kept(market: Market) -> None:
    ready_to_buy(market)
    market.send(GUARDIAN, market.buyback.functions.stop_entries())
    assert list(market.keeper().run()) == []
    market.world.node.advance(6 * DAY + 3_600)
    assert titles(list(market.keeper().run())) == ["observe USDX"]
    market.world.node.advance(DAY)
    assert "buy with USDX" in titles(list(market.keeper().run()))


def test_a_price_pushed_up_is_waited_out(market: Market) -> None:
    ready_to_buy(market)
    market.trade(usd=2_000 * USD)
    _, decision = market.keeper().look()
    assert any("too far above the average" in found.why for found in decision.later)
    assert titles(list(market.keeper().run())) == ["observe USDX"]
    market.world.node.advance(MIN_WINDOW)
    outcomes = list(market.keeper().run())
    assert titles(outcomes)[0] == "buy with USDX", "the younger average has followed"


def test_a_falling_average_does_not_stop_the_largest_lot(market: Market) -> None:
    """The pair's depth is the bound, and the average falls from the snapshot to the block."""
    market.list_route((DAY, 50_000_000 * USD, 1_000_000 * USD, 500))
    market.money(1_000_000 * USD)
    market.world.node.advance(DAY)
    market.trade(dobo=100_000 * DOBO)
    keeper = market.keeper()
    seen, decision = keeper.look()
    assert seen.routes[0].most == seen.routes[0].depth_bound
    market.world.node.set_next_timestamp(market.now + 60)
    assert titles(list(keeper.run()))[0] == "buy with USDX"


def test_a_router_that_takes_too_much_is_refused_and_told(market: Market) -> None:
    factory = market.contract("UniswapV2Factory").address
    router = market.world.own_token("OddRouter", factory)
    market.list_route(router=router.address)
    market.money()
    market.world.node.advance(DAY)
    outcomes = list(market.keeper().run())
    refused = [outcome for outcome in outcomes if outcome.result is Result.REFUSED]
    assert [outcome.act.title for outcome in refused] == ["buy with USDX"], "and tried once"
    assert refused[0].reason, "in the chain's words"
    assert count(market, "Buyback", "Bought") == 0


def test_dust_makes_nobody_pay_gas(market: Market) -> None:
    ready_to_buy(market)
    list(market.keeper().run())
    market.arrive(DOBO)
    market.send(LIQUIDITY, market.dobo.functions.transfer(market.buyback.address, 1))
    market.session(BOB).send_coin(market.buyback.address, 1)
    nonce = market.session(OPERATOR).next_nonce()
    assert list(market.keeper().run()) == []
    assert market.session(OPERATOR).next_nonce() == nonce


# --- killed -------------------------------------------------------------------------------------


def test_a_keeper_dropped_after_any_step_does_nothing_twice(market: Market) -> None:
    """The generator is let go of where a process would have died: between two transactions."""
    market.stake(ALICE, 100_000 * DOBO, 12)
    market.next_epoch()
    market.fund(50 * DOBO)
    ready_to_buy(market)
    market.next_epoch()
    market.send(STRANGER, market.buyback.functions.observe(market.world.token.address))
    market.world.node.advance(MIN_WINDOW)
    market.arrive(2_000 * DOBO)
    whole = market.world.node.snapshot()
    unbroken = titles(list(market.keeper().run()))
    assert len(unbroken) == 3
    before = [count(market, *name) for name in _LOGGED]
    market.world.node.revert(whole)

    done: list[str] = []
    for _ in range(10):
        outcome = next(market.keeper().run(), None)
        if outcome is None:
            break
        done += titles([outcome])
    assert done == unbroken
    assert [count(market, *name) for name in _LOGGED] == before


_LOGGED = (
    ("Buyback", "Bought"),
    ("Buyback", "Observed"),
    ("Commission", "Settled"),
    ("DividendPool", "Funded"),
    ("DividendPool", "EpochClosed"),
)


@pytest.mark.slow
def test_a_process_killed_right_after_sending_does_nothing_twice(pending: Market) -> None:
    """SIGKILL with each transaction on its way; the next process waits for it, and goes on."""
    market, node = pending, pending.world.node
    node.request("evm_setAutomine", True)
    ready_to_buy(market)
    market.arrive(2_000 * DOBO)
    node.request("evm_setAutomine", False)
    nonce = market.session(OPERATOR).next_nonce()
    child, killed = _keep(market), 0
    while _sends(market, child):
        child.kill()
        child.communicate()
        killed += 1
        child = _keep(market)
        # the new one looks, and sends nothing beside what is on its way
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        time.sleep(2)
        assert waiting(market) == 1 and child.poll() is None
        node.mine()
    out, err = child.communicate()
    assert child.returncode == 0, err
    assert killed == 3
    assert market.session(OPERATOR).next_nonce() == nonce + 3
    assert count(market, "Buyback", "Bought") == 1
    assert count(market, "Buyback", "Observed") == 2, "the listing's, and one"
    (settled,) = market.logs("Commission", "Settled")
    (bought,) = market.logs("Buyback", "Bought")
    assert settled["amount"] == 2_000 * DOBO + bought["bought"]


def _sends(market: Market, child: subprocess.Popen[str]) -> bool:
    """Waits until a process has sent something; False once it has ended without."""
    until(lambda: waiting(market) or child.poll() is not None)
    return bool(waiting(market))


def _keep(market: Market) -> subprocess.Popen[str]:
    world = market.world
    return subprocess.Popen(
        [sys.executable, "-c", _CHILD, world.node.url, str(OPERATOR), str(world.deployments)],
        cwd=settings().root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_nothing_is_sent_while_something_of_its_own_is_on_its_way(pending: Market) -> None:
    market, session = pending, pending.session(OPERATIONS)
    impatient = type(session)(
        session.w3, session.chain_id, session.signer, addresses=session.addresses, timeout=0.5
    )
    session.submit(market.dobo.functions.approve(market.address(BOB), 1))
    with pytest.raises(NotMinedError, match="is in no block yet; nothing else is sent until it is"):
        list(Keeper(impatient).run())
    market.world.node.mine()
    assert list(Keeper(impatient).run()) == []


def test_a_node_that_lags_has_nothing_done_twice(market: Market) -> None:
    """For a while it answers as before the last transaction, as one of several nodes may."""
    market.arrive(5_000 * DOBO)
    signer = market.session(OPERATIONS).signer
    w3 = connect(market.world.node.url)
    before, asked = market.world.node.w3.eth.block_number, 0

    class Lag(Web3Middleware):
        def request_processor(self, method: Any, params: Any) -> Any:
            nonlocal asked
            if method == "eth_getBlockByNumber" and params[0] == "latest":
                sent = w3.eth.get_transaction_count(signer.address) > nonce
                asked += sent
                if sent and asked < 6:
                    return method, (hex(before), *params[1:])
            return method, params

    nonce = w3.eth.get_transaction_count(signer.address)
    w3.middleware_onion.inject(Lag, layer=0)
    addresses = market.world.anyone.addresses
    session = type(market.world.anyone)(w3, 31337, signer, addresses=addresses)
    (outcome,) = Keeper(session).run()
    assert (outcome.act.title, outcome.result) == ("settle", Result.DONE)
    assert asked >= 6, "it was asked again until it had come along"
    assert session.next_nonce() == nonce + 1


# --- two at once --------------------------------------------------------------------------------


def test_of_two_keepers_the_slower_one_is_refused_before_it_sends(market: Market) -> None:
    """Both have seen the same block; one was quicker."""
    market.arrive(5_000 * DOBO)
    slow, quick = market.keeper(STRANGER), market.keeper(OPERATIONS)
    (act,) = slow.look()[1].acts
    assert titles(list(quick.run())) == ["settle"]
    nonce = market.session(STRANGER).next_nonce()
    outcome = slow.do(act)
    assert outcome.result is Result.BY_ANOTHER
    assert outcome.reason == "commission: less than one DOBO has arrived"
    assert market.session(STRANGER).next_nonce() == nonce, "it has paid for nothing"
    assert count(market, "Commission", "Settled") == 1


def test_of_two_in_one_block_the_second_reverts_cheaply(pending: Market) -> None:
    market, node = pending, pending.world.node
    node.request("evm_setAutomine", True)
    market.arrive(5_000 * DOBO)
    node.request("evm_setAutomine", False)
    told: dict[int, list[Outcome]] = {}

    def keep(account: int) -> None:
        told[account] = list(market.keeper(account).run())

    threads = [threading.Thread(target=keep, args=(who,)) for who in (STRANGER, OPERATIONS)]
    for thread in threads:
        thread.start()
    until(lambda: waiting(market) == 2)
    node.mine()
    for thread in threads:
        thread.join(60)
    found = Counter(outcome.result for outcomes in told.values() for outcome in outcomes)
    assert found == {Result.DONE: 1, Result.BY_ANOTHER: 1}
    assert count(market, "Commission", "Settled") == 1
    block = node.w3.eth.get_block("latest")
    used = {}
    for hash_ in block["transactions"]:
        receipt = node.w3.eth.get_transaction_receipt(hash_)  # type: ignore[arg-type]
        used[receipt["status"]] = receipt["gasUsed"]
    assert used[0] < 35_000 < used[1]


# --- an empty wallet, and watching --------------------------------------------------------------


def test_an_empty_wallet_is_told_so(market: Market) -> None:
    market.arrive(5_000 * DOBO)
    market.world.node.set_balance(market.address(CAROL), 0)
    with pytest.raises(FundsError, match="send it native coin first"):
        list(market.keeper(CAROL).run())


def test_a_watch_goes_on_when_coin_has_come(market: Market) -> None:
    market.arrive(5_000 * DOBO)
    place, node = market.address(CAROL), market.world.node
    node.set_balance(place, 0)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        node.set_balance(place, 10**18)

    rounds = list(market.keeper(CAROL).watch(30, 4, sleep))
    assert len(rounds) == 2, "after that no block came"
    assert isinstance(rounds[0].error, FundsError) and rounds[0].outcomes == ()
    assert titles(list(rounds[1].outcomes)) == ["settle"] and rounds[1].error is None
    assert rounds[1].decision is not None and rounds[1].decision.acts == ()
    assert rounds[1].decision.next_at == market.staking(CAROL).pool().ends_at
    assert slept == [30, 30, 30]


def test_a_watch_buys_every_day(market: Market) -> None:
    market.list_route()
    market.money()
    node = market.world.node
    rounds = market.keeper().watch(0, 8, lambda _: node.advance(DAY // 2 + 60) and None)
    done = [titles(list(found.outcomes)) for found in rounds]
    assert sum("buy with USDX" in titles_ for titles_ in done) == 3
    spent = [event["spent"] for event in market.logs("Buyback", "Bought")]
    assert 0 < sum(spent) <= 120_000 * USD * 5 // 365


def test_a_keeper_that_only_looks_needs_no_account(market: Market) -> None:
    ready_to_buy(market)
    market.arrive(5_000 * DOBO)
    _, decision = Keeper(market.world.anyone.as_(None), signs=False).look()  # type: ignore[arg-type]
    assert [act.duty for act in decision.acts] == [Duty.SETTLE]
    assert any(found.duty is Duty.BUY_IDLE for found in decision.later)


def test_the_operators_account_alone_buys(market: Market) -> None:
    """What a keeper would never try, the contract refuses."""
    ready_to_buy(market)
    call = market.buyback.functions.buy(market.world.token.address, USD, FAR)
    with pytest.raises(RevertError, match="buyback: not the operator"):
        market.send(DEPLOYER, call)
    _, decision = market.keeper(DEPLOYER).look()
    assert not [act for act in decision.acts if act.function == "buy"]


def test_options_reach_the_decision(market: Market) -> None:
    market.arrive(500 * DOBO)
    session = market.session(STRANGER)
    assert list(Keeper(session, options=Options()).run()) == []
    assert titles(list(Keeper(session, options=Options(settle_at=500 * DOBO)).run())) == ["settle"]
