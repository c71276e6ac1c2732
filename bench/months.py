"""What it costs to bring a month's dividends to all stakers, beside the original's recount.

python -m bench.months     draw docs/pictures/dividends-gas.svg from the table in docs/gas.md

`python -m bench.gas` measures, writes the table and draws. Here a month is one settlement, whoever
sends it. The original's operator recounts all stakers, in one transaction or in several.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import log10
from pathlib import Path

from bench.deflation import A_MONTH, SIZES, beside

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "gas.md"
PICTURE = ROOT / "docs" / "pictures" / "dividends-gas.svg"

# the original's recount: once, and for each staker at least and at most
ONCE, LEAST, MOST = 110_000, 27_000, 31_000
# the most a transaction may use (EIP-7825, on Ethereum and BSC), and a block of Ethereum (EIP-7935)
TRANSACTION, BLOCK = 2**24, 60_000_000

_ROW = re.compile(r"^\| ([\d,]+) \| ([\d,]+) \| [\d,]+ to ", re.MULTILINE)


def costs(gas: Mapping[str, int]) -> dict[int, int]:
    """Stakers -> gas of a month, of what bench.gas has measured."""
    return {stakers: gas[beside(A_MONTH, stakers)] for stakers in SIZES}


def read(document: str) -> dict[int, int]:
    """The same, of the table in docs/gas.md."""
    return {_number(row[1]): _number(row[2]) for row in _ROW.finditer(document)}


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def recount(stakers: int) -> tuple[int, int]:
    """The original's gas, at least and at most."""
    return ONCE + LEAST * stakers, ONCE + MOST * stakers


def stakers_within(limit: int) -> tuple[int, int]:
    """How many stakers the original can recount within so much gas, at least and at most."""
    return (limit - ONCE) // MOST, (limit - ONCE) // LEAST


def markdown(months: Mapping[int, int]) -> str:
    lines = [
        "| stakers | a month here | the original's recount | transactions it takes |",
        "|---:|---:|---:|---:|",
    ]
    for stakers, used in months.items():
        least, most = recount(stakers)
        few, many = -(-least // TRANSACTION), -(-most // TRANSACTION)
        times = f"{few}" if few == many else f"{few} to {many}"
        lines.append(f"| {stakers:,} | {used:,} | {least:,} to {most:,} | {times} |")
    return "\n".join(lines) + "\n"


def draw(months: Mapping[int, int]) -> str:
    """Gas by number of stakers, both by powers of ten."""
    width, height, left, top, inner_width, inner_height = 720, 420, 92, 34, 600, 330
    low, high = 4.8, 8.6
    halo = "paint-order='stroke' stroke='#FCFBF7' stroke-width='5' stroke-linejoin='round'"
    first, last = min(months), max(months)

    def x(stakers: float) -> float:
        return left + inner_width * log10(stakers / first) / log10(last / first)

    def y(used: float) -> float:
        return top + inner_height * (high - log10(used)) / (high - low)

    def place(stakers: int, used: int) -> str:
        return f"{x(stakers):.1f},{y(used):.1f}"

    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' role='img' "
        "aria-label='Gas of a month of dividends by number of stakers' "
        "font-family='Helvetica,Arial,sans-serif' font-size='13' fill='#16242E'>",
        f"<rect width='{width}' height='{height}' fill='#FCFBF7'/>",
    ]
    for power in range(5, 9):
        parts.append(
            f"<path d='M{left} {y(10**power):.1f}h{inner_width}' stroke='#D9D6CB'/>"
            f"<text x='{left - 8}' y='{y(10**power) + 4:.1f}' text-anchor='end'>"
            f"{10**power:,}</text>"
        )
    for stakers in months:
        anchor = {first: "start", last: "end"}.get(stakers, "middle")
        parts.append(
            f"<text x='{x(stakers):.1f}' y='{top + inner_height + 20}' "
            f"text-anchor='{anchor}'>{stakers:,}</text>"
        )
    # many points: a sum of a fixed part and one for each staker is no straight line here
    steps = [round(first * (last / first) ** (step / 40)) for step in range(41)]
    band = [place(stakers, recount(stakers)[1]) for stakers in steps]
    band += [place(stakers, recount(stakers)[0]) for stakers in reversed(steps)]
    parts.append(f"<polygon points='{' '.join(band)}' fill='#B4516A'/>")
    for limit, name, what in (
        (TRANSACTION, "most a transaction may use", "one transaction"),
        (BLOCK, "a block of Ethereum", "one block"),
    ):
        least, most = stakers_within(limit)
        parts.append(
            f"<path d='M{left} {y(limit):.1f}h{inner_width}' stroke='#66727B' "
            "stroke-dasharray='4 4'/>"
            f"<text x='{left + 6}' y='{y(limit) - 6:.1f}' {halo} fill='#66727B'>"
            f"{name}: {limit:,}</text>"
            f"<circle cx='{x((least * most) ** 0.5):.1f}' cy='{y(limit):.1f}' r='5' "
            "fill='#FCFBF7' stroke='#B4516A' stroke-width='2.5'/>"
            f"<text x='{x(most) + 8:.1f}' y='{y(limit) + 18:.1f}' {halo} fill='#B4516A'>"
            f"in {what}: {least:,}</text>"
        )
    parts.append(
        f"<text x='{x(50):.1f}' y='{y(700_000):.1f}' {halo} fill='#B4516A'>the original's "
        f"recount: {ONCE:,}, and {LEAST:,} to {MOST:,} for each staker</text>"
    )
    line = " ".join(place(stakers, used) for stakers, used in months.items())
    parts.append(f"<polyline points='{line}' fill='none' stroke='#0F5E56' stroke-width='2.5'/>")
    for stakers, used in months.items():
        parts.append(f"<circle cx='{x(stakers):.1f}' cy='{y(used):.1f}' r='4' fill='#0F5E56'/>")
    used = months[last]
    parts.append(
        f"<text x='{x(50):.1f}' y='{y(used) - 12:.1f}' {halo} fill='#0F5E56'>here, one "
        f"settlement: {months[first]:,} to {used:,}, and nothing for each staker</text>"
        f"<text x='{left + inner_width / 2}' y='{height - 10}' text-anchor='middle' "
        "fill='#66727B'>stakers</text>"
        f"<text x='{left}' y='20' font-weight='700'>Gas of a month's dividends, whoever pays it"
        "</text></svg>"
    )
    return "\n".join(parts) + "\n"


def main() -> None:
    PICTURE.write_text(draw(read(DOCUMENT.read_text())))
    print(PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main()
