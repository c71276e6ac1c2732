"""What the timelock does with commission and buyback: scheduled in words, and carried out."""

from __future__ import annotations

import json

import pytest

from donablock.chain.amounts import NATIVE
from donablock.chain.plan import FACTORY, ROUTER, WRAPPED
from donablock.errors import InputError
from donablock.giving.governance import Draft, Governance
from tests.local_chain import DAY, DEPLOYER, LIQUIDITY, PROPOSER, STRANGER, World

DELAY, SHARE_DELAY = 2 * DAY, 7 * DAY
USD, DOBO = 10**6, 10**18
FAR = 2**40
MONTH = 2_628_000
BOUNDS = "[3600, 1200000000000, 2000000000, 100]"
ROUTE = ["PlainToken", ROUTER, "30", "50_000_000_000", BOUNDS]


@pytest.fixture
def proposer(world: World) -> Governance:
    return Governance(world.session(PROPOSER))


def carry_out(world: World, proposer: Governance, title: str, *arguments: str) -> str:
    """Schedules a call as `ape run govern` does and executes it. Returns its words."""
    call = proposer.read_call(title, arguments)
    told = proposer.describe(call)
    id_, _ = proposer.schedule(Draft((call,)))
    world.node.advance(DELAY)
    Governance(world.session(STRANGER)).execute(proposer.find(id_.hex()))
    assert told.title == title
    return "\n".join(told.changes)


def make_pair(world: World) -> str:
    """100,000 dollars and 10,000,000 DOBO, from the liquidity group."""
    dobo, router = world.anyone.contract("DonaBlock"), world.anyone.contract(ROUTER)
    world.node.advance(MONTH)
    vesting = world.anyone.contract("Vesting")
    world.session(STRANGER).send(vesting.functions.release(1))
    owner = world.session(LIQUIDITY)
    world.mint(LIQUIDITY, 100_000 * USD)
    for token in (dobo, world.token):
        owner.send(token.functions.approve(router.address, 2**256 - 1))
    amounts = (100_000 * USD, 10_000_000 * DOBO)
    owner.send(
        router.functions.addLiquidity(
            world.token.address, dobo.address, *amounts, *amounts, owner.address, FAR
        )
    )
    factory = world.anyone.contract(FACTORY)
    return str(factory.functions.getPair(world.token.address, dobo.address).call())


def test_a_route_is_listed_bounded_and_unlisted(world: World, proposer: Governance) -> None:
    before = proposer.describe(proposer.read_call("Buyback.list_route", ROUTE))
    assert "knows no pair of it and DOBO: this call would fail" in before.changes[1]

    pair = make_pair(world)
    told = carry_out(world, proposer, "Buyback.list_route", *ROUTE)
    assert told.splitlines() == [
        "USDX (6 decimals): not spent now",
        f"pair {pair}, fee 0.30 %",
        "no purchase while the pair holds less than 50_000 USDX",
        "interval: 1 h",
        "a year: 1_200_000 USDX",
        "largest lot: 2_000 USDX",
        "slippage: 1.00 %",
    ]
    buyback = world.anyone.contract("Buyback").functions
    assert tuple(buyback.routes(world.token.address).call())[0] == pair
    again = proposer.describe(proposer.read_call("Buyback.list_route", ROUTE))
    assert again.changes[:2] == (
        f"USDX (6 decimals): spent now, on the pair {pair}",
        "it is listed already: this call would fail",
    )

    wider = '{"interval": 1800, "yearly": 2400000000000, "largest_lot": 0, "slippage": 100}'
    told = carry_out(world, proposer, "Buyback.set_bounds", "PlainToken", wider)
    assert told.splitlines() == [
        "interval: 1 h -> 30 min",
        "a year: 1_200_000 USDX -> 2_400_000 USDX",
        "largest lot: 2_000 USDX -> 0 USDX",
        "slippage: 1.00 % -> 1.00 %",
    ]
    assert tuple(buyback.bounds(world.token.address).call()) == (1_800, 2_400_000 * USD, 0, 100)

    told = carry_out(world, proposer, "Buyback.unlist_route", "PlainToken")
    assert told == f"USDX: spent now, on the pair {pair} -> spent no more"
    assert tuple(buyback.routes(world.token.address).call())[0] == NATIVE


@pytest.mark.parametrize(
    ("title", "arguments", "line"),
    [
        ("Buyback.unlist_route", ["PlainToken"], "USDX: not spent now: this call would fail"),
        ("Buyback.set_bounds", ["PlainToken", BOUNDS], "USDX: not spent now: this call would fail"),
        ("Buyback.unlist_route", ["Giving"], "there is no token at"),
        ("Buyback.set_bounds", ["Giving", BOUNDS], "there is no token at"),
        ("Buyback.withdraw", ["Giving", "1"], "there is no token at"),
        ("Buyback.list_route", ["Giving", *ROUTE[1:]], "there is no token at"),
        # a router that is none
        ("Buyback.list_route", [ROUTE[0], "Giving", *ROUTE[2:]], "this router knows no pair"),
        ("Buyback.list_route", [ROUTE[0], "0x" + "12" * 20, *ROUTE[2:]], "knows no pair"),
        ("Buyback.list_route", [WRAPPED, *ROUTE[1:]], "WETH (18 decimals): not spent now"),
    ],
)
def test_a_call_that_would_fail_says_so(
    proposer: Governance, title: str, arguments: list[str], line: str
) -> None:
    told = proposer.describe(proposer.read_call(title, arguments))
    assert line in "\n".join(told.changes)


def test_shares_are_proposed_and_applied(world: World, proposer: Governance) -> None:
    receiver = world.address(STRANGER)
    shares = json.dumps([4_000, 5_000, [[receiver, 1_000]]])
    told = carry_out(world, proposer, "Commission.propose_shares", shares)
    assert told.splitlines() == [
        "~ burnt: 50.00 % -> 40.00 %",
        "= dividends: 50.00 % -> 50.00 %",
        f"+ {receiver}: 10.00 %",
        "anybody may apply them 7 days after this call",
    ]
    commission = world.anyone.contract("Commission").functions
    world.node.advance(SHARE_DELAY)
    world.session(STRANGER).send(commission.apply_shares())
    burn, dividends, receivers = commission.shares().call()
    assert (burn, dividends, [tuple(one) for one in receivers]) == (
        4_000,
        5_000,
        [(receiver, 1_000)],
    )

    call = proposer.read_call(
        "Commission.propose_shares",
        ['{"burn_share": 4000, "dividend_share": 5999, "receivers": []}'],
    )
    described = proposer.describe(call)
    assert described.arguments == (
        ("shares", "{burn_share: 4000, dividend_share: 5999, receivers: []}"),
    )
    assert described.changes == (
        "= burnt: 40.00 % -> 40.00 %",
        "~ dividends: 50.00 % -> 59.99 %",
        f"- {receiver}: had 10.00 %",
        "the shares add up to 99.99 %: this call would fail",
        "anybody may apply them 7 days after this call",
    )


def test_a_proposal_that_waits_is_replaced(world: World, proposer: Governance) -> None:
    carry_out(world, proposer, "Commission.propose_shares", "[4000, 6000, []]")
    told = proposer.describe(proposer.read_call("Commission.propose_shares", ["[3000, 7000, []]"]))
    assert told.changes[-1] == "the proposal that is waiting is replaced"


def test_money_goes_from_the_reserve_to_the_buyback_and_back(
    world: World, proposer: Governance
) -> None:
    reserve, buyback = (world.anyone.contract(n) for n in ("EcosystemReserve", "Buyback"))
    world.session(DEPLOYER).send(world.token.functions.mint(reserve.address, 5 * USD))
    told = carry_out(world, proposer, "EcosystemReserve.list_asset", "PlainToken")
    assert told.endswith("not listed now")
    arguments = ("PlainToken", "Buyback", "5_000_000")
    told = carry_out(world, proposer, "EcosystemReserve.release", *arguments)
    assert told == f"5 USDX from the reserve to {buyback.address}"
    assert world.token.functions.balanceOf(buyback.address).call() == 5 * USD
    told = carry_out(world, proposer, "Buyback.withdraw", "PlainToken", "5_000_000")
    assert told == "5 USDX from the buyback to the reserve"
    assert world.token.functions.balanceOf(reserve.address).call() == 5 * USD


@pytest.mark.parametrize(
    ("title", "getter"),
    [
        ("Buyback.set_operator", "operator"),
        ("Buyback.set_guardian", "guardian"),
        ("Commission.set_guardian", "guardian"),
        ("DividendPool.set_guardian", "guardian"),
    ],
)
def test_roles_are_named_anew(world: World, proposer: Governance, title: str, getter: str) -> None:
    new = world.address(STRANGER)
    functions = world.anyone.contract(title.partition(".")[0]).functions
    old = functions[getter]().call()
    assert carry_out(world, proposer, title, new) == f"{getter}: {old} -> {new}"
    assert functions[getter]().call() == new


def test_a_struct_that_is_not_whole_is_named(proposer: Governance) -> None:
    with pytest.raises(InputError, match="interval, yearly, largest_lot, slippage"):
        proposer.read_call("Buyback.set_bounds", ["PlainToken", "[3600, 1]"])
    with pytest.raises(InputError, match="slippage"):
        proposer.read_call(
            "Buyback.set_bounds", ["PlainToken", '{"interval": 1, "yearly": 1, "largest_lot": 1}']
        )
    with pytest.raises(InputError, match="is not JSON"):
        proposer.read_call("Commission.propose_shares", ["5000 5000"])
