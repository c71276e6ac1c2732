"""The proof's arithmetic: donors' outflow is recipients' inflow and what is owed, to the unit.

Two witnesses are heard apart. *Balances*: every wallet's balance before and after, gas added back
from the receipts. *Logs*: what the contracts say was given and claimed. Each must balance by
itself, and they must agree on every wallet and asset. Amounts are in an asset's smallest unit,
positive where a wallet gained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Changes = Mapping[str, Mapping[str, int]]
"""asset -> wallet -> change."""


@dataclass(frozen=True)
class Gift:
    """A Donated, Tipped or FundDonated log. `kind` is "direct", "tip" or "fund"."""

    kind: str
    asset: str
    donor: str
    receiver: str
    amount: int


@dataclass(frozen=True)
class Claim:
    """A Claimed log: the funds contract paid what it owed."""

    asset: str
    funds: str
    receiver: str
    amount: int


@dataclass(frozen=True)
class Groups:
    """Which wallets play which part; no wallet plays two."""

    donors: frozenset[str]
    charities: frozenset[str]
    operations: frozenset[str]
    funds: frozenset[str]

    def __post_init__(self) -> None:
        size = sum(map(len, (self.donors, self.charities, self.operations, self.funds)))
        if len(self.all) != size:
            raise ValueError("a wallet is in two groups; the sums would count it twice")

    @property
    def all(self) -> frozenset[str]:
        return self.donors | self.charities | self.operations | self.funds


@dataclass(frozen=True)
class Statement:
    """One asset's figures. The first five are the logs' word, the next four the balances'.

    `liability` is what the funds contract itself says it owes.
    """

    asset: str
    direct: int
    to_funds: int
    tips: int
    claimed: int
    given: int
    outflow: int
    charities_inflow: int
    operations_inflow: int
    funds_inflow: int
    liability: int

    @property
    def owed(self) -> int:
        """What the logs say charities have still to claim from the funds."""
        return self.to_funds - self.claimed

    @property
    def inflow(self) -> int:
        """What recipients got, by balances."""
        return self.charities_inflow + self.operations_inflow


@dataclass(frozen=True)
class Proof:
    """`faults` has a line for everything that does not add up; none means the proof holds."""

    statements: tuple[Statement, ...]
    compared: int
    faults: tuple[str, ...] = field(default=())

    @property
    def holds(self) -> bool:
        return not self.faults


def changes_in_logs(gifts: Iterable[Gift], claims: Iterable[Claim]) -> dict[str, dict[str, int]]:
    """What each wallet lost and gained if the logs are right."""
    found: dict[str, dict[str, int]] = {}

    def move(asset: str, source: str, receiver: str, amount: int) -> None:
        wallets = found.setdefault(asset, {})
        wallets[source] = wallets.get(source, 0) - amount
        wallets[receiver] = wallets.get(receiver, 0) + amount

    for gift in gifts:
        move(gift.asset, gift.donor, gift.receiver, gift.amount)
    for claim in claims:
        move(claim.asset, claim.funds, claim.receiver, claim.amount)
    return found


def prove(
    assets: Iterable[str],
    groups: Groups,
    balances: Changes,
    gifts: Iterable[Gift],
    claims: Iterable[Claim],
    liabilities: Mapping[str, int],
) -> Proof:
    """Hear both witnesses on every asset.

    `balances` are changes without gas; `liabilities` what the funds contract says it owes.
    """
    gifts, claims = tuple(gifts), tuple(claims)
    logged = changes_in_logs(gifts, claims)
    statements: list[Statement] = []
    faults: list[str] = []
    compared = 0
    for asset in assets:
        by_balance = dict(balances.get(asset, {}))
        by_log = logged.get(asset, {})
        for wallet in sorted(groups.all | by_balance.keys() | by_log.keys()):
            compared += 1
            seen, said = by_balance.get(wallet, 0), by_log.get(wallet, 0)
            if seen != said:
                faults.append(f"{asset}: {wallet} changed by {seen}, and the logs say {said}")
            if wallet not in groups.all and (seen or said):
                faults.append(
                    f"{asset}: {wallet} is no part of this, and changed by {seen or said}"
                )
        statement = _statement(asset, groups, by_balance, gifts, claims, liabilities.get(asset, 0))
        statements.append(statement)
        faults += _faults(statement)
    return Proof(tuple(statements), compared, tuple(faults))


def _statement(
    asset: str,
    groups: Groups,
    changes: Mapping[str, int],
    gifts: Iterable[Gift],
    claims: Iterable[Claim],
    liability: int,
) -> Statement:
    def given(kind: str) -> int:
        return sum(gift.amount for gift in gifts if gift.asset == asset and gift.kind == kind)

    def gained(wallets: frozenset[str]) -> int:
        return sum(changes.get(wallet, 0) for wallet in wallets)

    return Statement(
        asset=asset,
        direct=given("direct"),
        to_funds=given("fund"),
        tips=given("tip"),
        claimed=sum(claim.amount for claim in claims if claim.asset == asset),
        given=sum(gift.amount for gift in gifts if gift.asset == asset),
        outflow=-gained(groups.donors),
        charities_inflow=gained(groups.charities),
        operations_inflow=gained(groups.operations),
        funds_inflow=gained(groups.funds),
        liability=liability,
    )


def _faults(found: Statement) -> list[str]:
    """One line for each equation that does not hold."""
    equations = (
        (
            "balances: donors' outflow = recipients' inflow + owed",
            found.outflow,
            found.inflow + found.funds_inflow,
        ),
        (
            "logs: given = direct + to funds + tips",
            found.given,
            found.direct + found.to_funds + found.tips,
        ),
        ("donors' outflow by balances = given by logs", found.outflow, found.given),
        (
            "charities' inflow by balances = direct + claimed by logs",
            found.charities_inflow,
            found.direct + found.claimed,
        ),
        ("operations' inflow by balances = tips by logs", found.operations_inflow, found.tips),
        ("owed by balances = owed by logs", found.funds_inflow, found.owed),
        ("owed by logs = the funds' own liability", found.owed, found.liability),
    )
    return [
        f"{found.asset}: {what}: {left} is not {right} (off by {left - right})"
        for what, left, right in equations
        if left != right
    ]
