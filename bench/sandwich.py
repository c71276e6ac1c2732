"""What a sandwich around a buyback earns, by lot and by depth of the pair.

python -m bench.sandwich     write docs/audit/buyback.md and its picture

The attacker buys DOBO right before a purchase and sells it right after, in the same block, with as
much money as earns most, and pays the pair's fee both times. The pair is Uniswap V2's, in its own
whole numbers; gas costs nothing here. With the contract's floor the attacker is limited to what the
floor lets happen; without it, to nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "audit" / "buyback.md"
PICTURE = ROOT / "docs" / "audit" / "buyback.svg"
RESULT = ROOT / "build" / "bench" / "sandwich.json"

BASIS = 10_000
USD, DOBO = 10**6, 10**18
FEES = (30, 25)
DEPTHS = tuple(size * USD for size in (100_000, 1_000_000, 10_000_000))
# lots in quarters of the bound: the pair's fee times its reserve
QUARTERS = (1, 2, 3, 4, 5, 6, 8, 12, 16, 40, 200)
SLIPPAGE = 100


@dataclass
class Pair:
    """Reserves of money and DOBO in their smallest units; fee in basis points."""

    money: int
    dobo: int
    fee: int

    def out(self, paid: int, reserve_in: int, reserve_out: int) -> int:
        after_fee = paid * (BASIS - self.fee)
        return after_fee * reserve_out // (reserve_in * BASIS + after_fee)

    def buy(self, money: int) -> int:
        bought = self.out(money, self.money, self.dobo)
        self.money, self.dobo = self.money + money, self.dobo - bought
        return bought

    def sell(self, dobo: int) -> int:
        paid = self.out(dobo, self.dobo, self.money)
        self.money, self.dobo = self.money - paid, self.dobo + dobo
        return paid


def attack(start: Pair, lot: int, stake: int, least: int) -> int | None:
    """The attacker's profit with so much money; None where the purchase does not happen."""
    pair = Pair(start.money, start.dobo, start.fee)
    held = pair.buy(stake)
    if pair.buy(lot) < least:
        return None
    return pair.sell(held) - stake


def best(start: Pair, lot: int, least: int) -> tuple[int, int]:
    """(profit, stake) of the attack that earns most; (0, 0) where none earns anything."""
    found = (0, 0)
    low, high = 1, 100 * start.money
    # on a finer and finer grid of powers: the profit rises to one peak and falls after it
    for _ in range(12):
        grid = sorted({int(low * (high / low) ** (step / 40)) for step in range(41)})
        tried = [(profit, stake) for stake in grid if (profit := attack(start, lot, stake, least)) is not None]
        if not tried:
            return found
        peak = max(tried)
        found = max(found, peak)
        at = grid.index(peak[1])
        low, high = grid[max(0, at - 1)], grid[min(len(grid) - 1, at + 1)]
        if high - low < 2:
            break
    return found


def floor_of(pair: Pair, lot: int) -> int:
    """What a purchase must bring, as the contract has it, where the pair stands at its average."""
    return pair.out(lot, pair.money, pair.dobo) * (BASIS - SLIPPAGE) // BASIS


def measure() -> list[dict[str, int]]:
    rows = []
    for fee in FEES:
        for depth in DEPTHS:
            for quarters in QUARTERS:
                pair = Pair(depth, 100 * depth * DOBO // USD, fee)
                lot = depth * fee * quarters // (4 * BASIS)
                free, stake = best(pair, lot, 0)
                bound, _ = best(pair, lot, floor_of(pair, lot))
                rows.append(
                    {
                        "fee": fee,
                        "depth": depth,
                        "quarters": quarters,
                        "lot": lot,
                        "profit": free,
                        "stake": stake,
                        "profit_with_floor": bound,
                    }
                )
    return rows
