"""Gifts and claims as transactions of the demo's accounts.

Coin goes along with the gift; a stablecoin and GIVE by a signed permit in the same transaction;
DOBO by an ordinary approval, so that both ways are seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from donablock.chain.permit import typed_data
from donablock.demo.blocks import Actor, Sent
from donablock.demo.calls import Target
from donablock.demo.world import DAY, Charity, Fund, World

COIN = "ETH"
STABLE = "USDX"
DOBO = "DOBO"
GIVE = "GIVE"
# symbols whose gifts are paid by permit
BY_PERMIT = frozenset({STABLE, GIVE})
# what Giving and IndexFunds take at once
MAX_CART = 32
CLAIMS_AT_ONCE = 32

Signature = tuple[int, int, bytes, bytes]


def permit(world: World, owner: Actor, symbol: str, spender: Target, amount: int) -> Signature:
    """The owner's EIP-2612 signature, good for a day: deadline, v, r, s."""
    deadline = world.blocks.now + DAY
    nonce = world.next_permit_nonce(symbol, owner.address)
    data = typed_data(world.domain(symbol), owner.address, spender.address, amount, nonce, deadline)
    return (deadline, *owner.signer.sign_typed_data(data))


def to_charity(
    world: World,
    donor: Actor,
    charity: Charity,
    symbol: str,
    amount: int,
    *,
    tip: int = 0,
    receipt: bool = False,
) -> Sent:
    """A gift to one charity; the tip comes on top. Amounts in the asset's smallest unit."""
    giving, memo = world["Giving"], world.memo()
    name = f"gift to one charity, {symbol}{_extras(tip, receipt)}"
    gas = 200_000 + 150_000 * receipt
    world.receipts_wanted += receipt
    if symbol == COIN:
        arguments = (charity.id, memo, tip, receipt)
        return world.blocks.send(
            name, donor, giving, "donate_native", *arguments, value=amount + tip, gas=gas
        )
    asset = world[symbol].address
    if symbol in BY_PERMIT:
        return world.blocks.send(
            name,
            donor,
            giving,
            "donate_token_with_permit",
            *(charity.id, asset, amount, memo, tip, receipt),
            *permit(world, donor, symbol, giving, amount + tip),
            gas=gas,
        )
    return world.blocks.send(
        name, donor, giving, "donate_token", charity.id, asset, amount, memo, tip, receipt, gas=gas
    )


def to_cart(
    world: World,
    donor: Actor,
    charities: Sequence[Charity],
    symbol: str,
    amounts: Sequence[int],
    *,
    tip: int = 0,
    receipt: bool = False,
) -> Sent:
    """One transaction for many charities, at most MAX_CART; a receipt for each part if any."""
    giving, memo = world["Giving"], world.memo()
    name = f"cart of {len(charities)} charities, {symbol}{_extras(tip, receipt)}"
    gas = 150_000 + len(charities) * (60_000 + 150_000 * receipt)
    ids = [charity.id for charity in charities]
    total = sum(amounts) + tip
    if receipt:
        world.receipts_wanted += len(charities)
    if symbol == COIN:
        arguments = (ids, list(amounts), memo, tip, receipt)
        return world.blocks.send(
            name, donor, giving, "donate_cart_native", *arguments, value=total, gas=gas
        )
    head = (world[symbol].address, ids, list(amounts), memo, tip, receipt)
    if symbol in BY_PERMIT:
        signature = permit(world, donor, symbol, giving, total)
        function = "donate_cart_token_with_permit"
        return world.blocks.send(name, donor, giving, function, *head, *signature, gas=gas)
    return world.blocks.send(name, donor, giving, "donate_cart_token", *head, gas=gas)


def to_fund(
    world: World, donor: Actor, fund: Fund, symbol: str, amount: int, *, receipt: bool = False
) -> Sent:
    """A gift to an index fund, bound to the epoch that runs now."""
    funds, memo = world["IndexFunds"], world.memo()
    name = f"gift to a fund of {_size(fund)}, {symbol}{_extras(0, receipt)}"
    gas = 220_000 + 150_000 * receipt
    world.receipts_wanted += receipt
    if symbol == COIN:
        arguments = (fund.id, fund.epoch, memo, receipt)
        return world.blocks.send(
            name, donor, funds, "donate_native", *arguments, value=amount, gas=gas
        )
    head = (fund.id, fund.epoch, world[symbol].address, amount, memo, receipt)
    if symbol in BY_PERMIT:
        signature = permit(world, donor, symbol, funds, amount)
        function = "donate_token_with_permit"
        return world.blocks.send(name, donor, funds, function, *head, *signature, gas=gas)
    return world.blocks.send(name, donor, funds, "donate_token", *head, gas=gas)


def _size(fund: Fund) -> str:
    # the goals' funds differ in size by a few; they are one operation
    return "a goal" if fund.id <= 17 else f"{len(fund.now)}"


def _extras(tip: int, receipt: bool) -> str:
    return " with tip" * bool(tip) + " with receipt" * receipt


def any_amount(world: World, symbol: str, low: int, high: int) -> int:
    """Between two amounts in thousandths of a whole one, as uneven as it comes."""
    unit: int = 10 ** world.assets[symbol].decimals
    return world.rng.randrange(low * unit // 1_000, high * unit // 1_000)
