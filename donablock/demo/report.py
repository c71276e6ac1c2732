"""report.html: one file that needs nothing else, with the run's pictures, figures and proof."""

from __future__ import annotations

import base64
import json
import time
from html import escape
from pathlib import Path
from string import Template

from donablock.chain.networks import BENEFICIARIES
from donablock.demo import deflation_panels, drawing, panels
from donablock.demo.drawing import ASSET_COLOURS, GROUP_COLOURS, Cost
from donablock.demo.gifts import STABLE
from donablock.demo.proof import Statement
from donablock.demo.run import Outcome
from donablock.demo.summary import CLAIMED_FROM, exact
from donablock.errors import FileError
from donablock.settings import settings

_PAGE = Path(__file__).with_name("report.template.html")

# name here, operation in this run, operation in build/bench/*.json, best of the field by
# docs/gas.md: of the gifts the one that checks a registry, of the funds the one for 100.
_COSTS: tuple[tuple[str, str, str, int | None], ...] = (
    (
        "Gift to a charity, coin",
        "gift to one charity, ETH",
        "gift to one verified charity, native coin",
        42_278,
    ),
    (
        "Gift to a charity, ERC-20",
        "gift to one charity, DOBO",
        "gift to one verified charity, ERC-20",
        72_385,
    ),
    (
        "Gift to a fund of 200, coin",
        "gift to a fund of 200, ETH",
        "index fund gift, native coin, 200 charities",
        None,
    ),
    (
        "Gift to a fund of 200, ERC-20",
        "gift to a fund of 200, DOBO",
        "index fund gift, ERC-20, 200 charities",
        1_013_659,
    ),
    (
        "Cart of 10 charities, coin",
        "cart of 10 charities, ETH",
        "cart of 10 charities, native coin",
        None,
    ),
    (
        "Cart of 10 charities, ERC-20",
        "cart of 10 charities, DOBO",
        "cart of 10 charities, ERC-20",
        182_921,
    ),
    ("Claim from a fund, ERC-20", "claim, USDX", "claim from a fund, ERC-20", 56_722),
    (
        "Gift with a receipt, ERC-20",
        "gift to one charity, DOBO with receipt",
        "gift with a soulbound receipt",
        None,
    ),
    (
        "Pledge with NFT, coin",
        "pledge with NFT, ETH",
        "campaign: pledge with NFT, native coin",
        None,
    ),
    (
        "Pledge with NFT, ERC-20",
        "pledge with NFT, DOBO",
        "campaign: pledge with NFT, ERC-20",
        204_946,
    ),
    (
        "Refund by a campaign, ERC-20",
        "campaign refunded, DOBO",
        "campaign: refund, ERC-20",
        102_278,
    ),
    (
        "Deciding a campaign",
        "campaign finalised, succeeded",
        "campaign: finalise, succeeded",
        None,
    ),
    (
        "Claim from a campaign, ERC-20",
        "campaign claimed, USDX",
        "campaign: claim, ERC-20",
        None,
    ),
    (
        "Gift to an impact project, ERC-20",
        "gift to an impact project, USDX",
        "impact fund: gift, ERC-20",
        None,
    ),
    ("Repaying a loan, ERC-20", "loan repaid, USDX", "impact fund: repaying, ERC-20", None),
    ("Lending it to the next", "pool lent", "impact fund: lending", None),
    (
        "Staking DOBO",
        "DOBO staked",
        "dividends: stake, a staker's first",
        107_521,
    ),
    (
        "Claiming dividends",
        "dividends claimed",
        "dividends: claim after 1 month",
        100_780,
    ),
    (
        "Settling commission",
        "commission settled, one receiver",
        "commission: settle, one receiver, first of the month",
        None,
    ),
    ("Buying DOBO back", "DOBO bought back", "buyback: buy", None),
    (
        "Verifying a charity",
        "registrar verifies a charity",
        "registering a charity",
        235_121,
    ),
    ("DOBO transfer", "DOBO transferred", "DOBO transfer", 34_149),
)

# Operations of which a run has no plain case: their receivers hold none of the token before, or
# they come with a permit.
_NOT_PLAIN_HERE = frozenset(
    {
        "cart of 10 charities, ERC-20",
        "claim from a fund, ERC-20",
        "impact fund: gift, ERC-20",
    }
)

_KINDS = {
    "setup": "Set-up",
    "gift": "Giving",
    "change": "Change",
    "safety": "Safety",
    "money": "Money",
    "time": "Time",
    "refused": "Refused",
}


def report(outcome: Outcome, seconds: float) -> str:
    """The whole page. `seconds`: how long the run took."""
    world = outcome.world
    try:
        page = Template(_PAGE.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{_PAGE.name} cannot be read: {error}; restore it from git") from error
    first, last = world.happenings[0].second, world.blocks.now
    return page.substitute(
        verdict="holds" if outcome.holds else "fails",
        verdict_words=_verdict(outcome),
        tiles=_tiles(outcome, seconds),
        first=_day(first),
        last=_day(last),
        proof_table=_proof_table(outcome),
        faults=_faults(outcome),
        checks=_checks(outcome),
        sankey=drawing.sankey(outcome.flows),
        bars=drawing.bars(drawing.shares_by_goal(outcome.flows)),
        asset_legend=_legend(dict.fromkeys(world.assets), ASSET_COLOURS),
        vesting=drawing.vesting(outcome.vested, BENEFICIARIES, outcome.supply),
        group_legend=_legend(
            dict.fromkeys(BENEFICIARIES), dict(zip(BENEFICIARIES, GROUP_COLOURS, strict=True))
        ),
        campaigns=panels.campaigns(outcome.campaigns, world.assets),
        life=_life(outcome),
        deflation=deflation_panels.section(outcome.deflation, world.assets[STABLE]),
        token=_token(outcome),
        timeline=_timeline(outcome),
        gas=drawing.gas(_costs(outcome)),
        gas_legend=_gas_legend(),
        gas_table=_gas_table(outcome),
        receipt=_picture(outcome.artwork.svg),
        receipt_facts=_receipt_facts(outcome),
        powers=_powers(outcome),
        contracts=_contracts(outcome),
        rosette=drawing.rosette(),
        seed=world.scale.seed,
        commit=escape(outcome.deployed.manifest.source_commit[:12] or "unknown"),
    )


def _verdict(outcome: Outcome) -> str:
    if not outcome.holds:
        return f"It does not add up: {len(outcome.faults)} faults, listed below"
    return "Every wei is accounted for"


def _tiles(outcome: Outcome, seconds: float) -> str:
    world, found = outcome.world, outcome.books
    gifts = sum(found.count(name) for name in ("Donated", "FundDonated", "ProjectDonated"))
    tiles = (
        (f"{gifts:,}", "gifts by logs"),
        (f"{len(world.donors):,}", "wallets give"),
        (f"{len(world.charities):,}", "charities receive"),
        (f"{len(world.funds):,}", "index funds"),
        (f"{found.count('Pledged'):,}", "pledges to campaigns"),
        (f"{found.count('Refunded'):,}", "refunds paid"),
        (f"{found.count('ReceiptMinted'):,}", "soulbound receipts"),
        (f"{found.count('Claimed', *CLAIMED_FROM):,}", "claims paid"),
        *_burnt(outcome),
        (f"{len(world.blocks.sent):,}", "transactions"),
        (f"{seconds:.0f} s", "to run it all"),
    )
    return "".join(f"<li><b>{number}</b><span>{words}</span></li>" for number, words in tiles)


def _burnt(outcome: Outcome) -> list[tuple[str, str]]:
    story = outcome.deflation
    if story is None:
        return []
    millions = f"{panels.brief(story.burnt, 24)} M"
    return [(millions, "DOBO burnt"), (f"{len(story.purchases):,}", "buybacks")]


def _proof_table(outcome: Outcome) -> str:
    rows = "".join(_proof_rows(outcome, found) for found in outcome.proof.statements)
    return (
        "<table class='proof'><thead><tr><th>Asset</th><th></th><th>Donors' outflow</th><th></th>"
        "<th>Recipients' inflow</th><th></th><th>Still owed by contracts</th><th></th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _proof_rows(outcome: Outcome, found: Statement) -> str:
    decimals = outcome.world.assets[found.asset].decimals
    colour = ASSET_COLOURS.get(found.asset, "#66727B")
    balances = (found.outflow, found.inflow, found.keepers_inflow)
    logs = (found.given - found.refunded, found.received, found.owed)
    cells = []
    for witness, (out, into, owed) in (("balances", balances), ("logs", logs)):
        sign = "=" if out == into + owed else "&ne;"
        mark = "&#10003;" if balances == logs and out == into + owed else "&#10007;"
        name = (
            f"<th rowspan='2'><i style='background:{colour}'></i>{escape(found.asset)}</th>"
            if witness == "balances"
            else ""
        )
        cells.append(
            f"<tr>{name}<td class='w'>{witness}</td>"
            f"<td data-l='donors'>{_digits(out, decimals)}</td><td class='o'>{sign}</td>"
            f"<td data-l='recipients'>{_digits(into, decimals)}</td><td class='o'>+</td>"
            f"<td data-l='owed'>{_digits(owed, decimals)}</td><td class='m'>{mark}</td></tr>"
        )
    return "".join(cells)


def _digits(units: int, decimals: int) -> str:
    """All digits, those after the point smaller, as many as the asset has."""
    whole, _, part = exact(units, decimals).partition(".")
    return f"<span>{whole}<small>.{part.ljust(decimals, '0')}</small></span>"


def _faults(outcome: Outcome) -> str:
    if outcome.holds:
        return ""
    lines = "".join(f"<li>{escape(fault)}</li>" for fault in outcome.faults[:40])
    return f"<ul class='faults'>{lines}</ul>"


def _checks(outcome: Outcome) -> str:
    count = outcome.proof.compared
    lines = [
        f"<li><b>&#10003;</b>balances and logs agree on {count:,} pairs of wallet and asset</li>"
        if outcome.proof.holds
        else f"<li><b>&#10007;</b>{len(outcome.proof.faults)} of the comparisons fail</li>"
    ]
    lines += [
        f"<li><b>{'&#10003;' if check.holds else '&#10007;'}</b>{escape(check.what)}</li>"
        for check in outcome.checks
    ]
    return "".join(lines)


def _legend(names: dict[str, None], colours: dict[str, str]) -> str:
    return "".join(
        f"<li><i style='background:{colours.get(name, '#66727B')}'></i>{escape(name)}</li>"
        for name in names
    )


def _timeline(outcome: Outcome) -> str:
    lines, year = [], ""
    for happening in outcome.world.happenings:
        day = _day(happening.second)
        if day[-4:] != year:
            year = day[-4:]
            lines.append(f"<li class='year'>{year}</li>")
        lines.append(
            f"<li class='k-{happening.kind}'><time>{day[:-5]}</time><div>"
            f"<b>{escape(happening.title)}</b><em>{_KINDS[happening.kind]}</em>"
            f"<p>{escape(happening.text)}</p></div></li>"
        )
    return "".join(lines)


def _costs(outcome: Outcome) -> list[Cost]:
    """Ceilings hold for the benchmark's warm case, so there is none where it has not been run."""
    here = {entry.operation: entry for entry in outcome.gas}
    bench, ceilings = _benchmark("gas"), _benchmark("ceilings")
    largest = f"fund of {outcome.world.scale.fund_sizes[-1]}"
    rows = []
    for name, operation, key, field in _COSTS:
        entry = here.get(operation.replace("fund of 200", largest))
        measured = bench.get(key)
        if entry is None or (measured is None and key in _NOT_PLAIN_HERE):
            continue
        limit = ceilings.get(key) if measured is not None else None
        rows.append(Cost(name, entry.least, entry.median, measured, limit, field))
    return rows


def _benchmark(what: str) -> dict[str, int]:
    """What `make bench-gas` has measured ("gas") or enforces ("ceilings"); nothing if it has not
    been run.
    """
    path = settings().build_path / "bench" / f"{what}.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): int(gas) for name, gas in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _gas_legend() -> str:
    """What the bars mean, by where their figures come from."""
    if not _benchmark("gas"):
        return (
            "<li><i style='background:#0F5E56'></i>the least of this run "
            "(<code>make bench-gas</code> measures the usual case)</li>"
        )
    return (
        "<li><i style='background:#0F5E56'></i>DonaBlock, every balance touched nonzero before, by "
        "<code>make bench-gas</code></li>"
        "<li><i class='dash'></i>ceiling that the benchmark enforces</li>"
    )


def _gas_table(outcome: Outcome) -> str:
    rows = "".join(
        f"<tr><td>{escape(entry.operation)}</td><td>{entry.count:,}</td><td>{entry.least:,}</td>"
        f"<td>{entry.median:,}</td><td>{entry.most:,}</td></tr>"
        for entry in outcome.gas
    )
    return (
        "<table class='gas'><thead><tr><th>Operation</th><th>Times</th><th>Least</th>"
        f"<th>Median</th><th>Most</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _picture(svg: str) -> str:
    """As an image: what a receipt draws can then do nothing but be seen."""
    data = base64.b64encode(svg.encode("utf-8")).decode("ascii")
    return (
        f"<img alt='The receipt as the contract draws it' src='data:image/svg+xml;base64,{data}'>"
    )


def _receipt_facts(outcome: Outcome) -> str:
    art = outcome.artwork
    attributes = art.metadata.get("attributes")
    rows = [("Number", str(art.token_id))]
    if isinstance(attributes, list):
        rows += [
            (str(entry.get("trait_type", "")), str(entry.get("value", "")))
            for entry in attributes
            if isinstance(entry, dict)
        ]
    return "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}{_words(value)}</dd>" for name, value in rows
    )


def _words(value: str) -> str:
    """A memo that is text, as text beside its 32 bytes."""
    if not value.startswith("0x") or len(value) != 66:
        return ""
    text = bytes.fromhex(value[2:]).rstrip(b"\0")
    return f"<br>&ldquo;{escape(text.decode())}&rdquo;" if text.isascii() and text else ""


def _life(outcome: Outcome) -> str:
    """The impact fund's money, as a picture and log by log."""
    story = outcome.impact
    if not story.projects:
        return ""
    asset = outcome.world.assets[story.asset]
    return (
        f"<div class='wide flows'>{panels.life(story, asset)}</div>"
        f"<ol class='life'>{panels.stations(story, asset)}</ol>"
    )


def _token(outcome: Outcome) -> str:
    token = outcome.token
    if token is None:
        return ""
    picture = panels.image(str(token.metadata["image"]), f"{token.campaign} #{token.token_id}")
    return f"<div class='receipt token'>{picture}<dl>{panels.token_facts(token)}</dl></div>"


def _powers(outcome: Outcome) -> str:
    return "".join(
        f"<tr><th>{escape(power.role)}</th><td>{escape(power.can)}</td>"
        f"<td class='a'>{'<br>'.join(escape(holder) for holder in power.holders)}</td></tr>"
        for power in outcome.deployed.plan.powers
    )


def _contracts(outcome: Outcome) -> str:
    return "".join(
        f"<tr><th>{escape(name)}</th><td class='a'>{address}</td></tr>"
        for name, address in outcome.deployed.manifest.addresses.items()
    )


def _day(second: int) -> str:
    """In UTC: "1 Sep 2021"."""
    return time.strftime("%d %b %Y", time.gmtime(second)).lstrip("0")
