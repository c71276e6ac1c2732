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
        profits = ((attack(start, lot, stake, least), stake) for stake in grid)
        tried = [(profit, stake) for profit, stake in profits if profit is not None]
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


# --- the page -------------------------------------------------------------------------------------

TEXT = """# What a sandwich around a buyback earns

Whoever sees a purchase coming can buy DOBO before it and sell it right after, and pays the pair's
fee on the way in and out. `python -m bench.sandwich` searches for the sum that earns most, with
Uniswap V2's own whole numbers, no cost for gas, and no competition;
`tests/contracts/incidents/test_sky_flapper_sandwich.py` does the same to the contract on a real
pair. The pair stands at its average price.

**The bound is the pair's fee times its reserve of the money.** Up to it no sandwich earns
anything, at any depth; at one and a quarter it takes 4 % of the lot, at twice the bound 25 %, and
at ten times 81 %: that is why the lot is capped, and why the cap is valued at the average price
(the reserve that an attacker has just pushed up would lift a cap on the spot reserve with it).

**The floor is the second fence.** With a slippage of 1 % a purchase that was pushed further does
not happen, so that even far above the bound no more than about 1 % of a lot is lost.

![The attacker's profit by lot](buyback.svg)

"""


def render(rows: list[dict[str, int]]) -> str:
    lines = [
        "| fee | reserve | lot | of the bound | profit without the floor | of the lot "
        "| profit with it (1 %) | of the lot |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        lot = row["lot"]
        lines.append(
            f"| {row['fee'] / 100:.2f} % | {row['depth'] // USD:,} | {lot / USD:,.2f} "
            f"| x {row['quarters'] / 4:g} "
            f"| {row['profit'] / USD:,.2f} | {row['profit'] / lot:.1%} "
            f"| {row['profit_with_floor'] / USD:,.2f} | {row['profit_with_floor'] / lot:.1%} |"
        )
    return TEXT + "\n".join(lines) + "\n"


def draw(rows: list[dict[str, int]]) -> str:
    """The share of a lot that is lost, by lot over bound, at the middle depth and 0.3 %."""
    width, height, left, top, inner_width, inner_height = 720, 380, 64, 28, 620, 288
    most = 4.0
    chosen = [row for row in rows if row["fee"] == FEES[0] and row["depth"] == DEPTHS[1]]

    def place(row: dict[str, int], profit: str) -> str:
        across = left + inner_width * min(row["quarters"] / 4, most) / most
        return f"{across:.1f},{top + inner_height * (1 - row[profit] / row['lot']):.1f}"

    shown = [row for row in chosen if row["quarters"] / 4 <= most]
    lines = {
        "profit": ("#B4516A", "without the floor"),
        "profit_with_floor": ("#0F5E56", "with a floor of 1 %"),
    }
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' "
        "font-family='Helvetica,Arial,sans-serif' font-size='13' fill='#16242E'>",
        f"<rect width='{width}' height='{height}' fill='#FCFBF7'/>",
    ]
    for percent in (0, 25, 50, 75, 100):
        down = top + inner_height * (1 - percent / 100)
        parts.append(
            f"<path d='M{left} {down:.1f}h{inner_width}' stroke='#D9D6CB'/>"
            f"<text x='{left - 8}' y='{down + 4:.1f}' text-anchor='end'>{percent} %</text>"
        )
    for times in range(5):
        across = left + inner_width * times / most
        parts.append(
            f"<text x='{across:.1f}' y='{top + inner_height + 20}' text-anchor='middle'>"
            f"{times}</text>"
        )
    bound = left + inner_width / most
    parts.append(
        f"<path d='M{bound:.1f} {top}v{inner_height}' stroke='#66727B' stroke-dasharray='4 4'/>"
        f"<text x='{bound + 6:.1f}' y='{top + 14}' fill='#66727B'>the contract's bound</text>"
        f"<text x='{left + inner_width / 2}' y='{height - 12}' text-anchor='middle' "
        "fill='#66727B'>lot, in units of fee x reserve</text>"
    )
    for number, (profit, (colour, name)) in enumerate(lines.items()):
        points = " ".join(place(row, profit) for row in shown)
        down = top + 40 + 20 * number
        parts.append(
            f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='2.5'/>"
            f"<path d='M{bound + 8:.1f} {down}h24' stroke='{colour}' stroke-width='2.5'/>"
            f"<text x='{bound + 40:.1f}' y='{down + 4}'>{name}</text>"
        )
    parts.append(
        f"<text x='{left}' y='18' font-weight='700'>What a sandwich takes of a lot "
        "(pair of 0.3 %)</text></svg>"
    )
    return "\n".join(parts) + "\n"


def main() -> None:
    rows = measure()
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(rows, indent=1) + "\n")
    DOCUMENT.write_text(render(rows))
    PICTURE.write_text(draw(rows))
    print(f"{DOCUMENT.relative_to(ROOT)}, {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
