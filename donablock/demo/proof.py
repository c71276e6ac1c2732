"""The proof's arithmetic: donors' outflow is recipients' inflow and what is owed, to the unit.

Two witnesses are heard apart. *Balances*: every wallet's balance before and after, gas added back
from the receipts. *Logs*: what the contracts say was given, claimed, refunded and repaid. Each must
balance by itself, and they must agree on every wallet and asset. Amounts are in an asset's smallest
unit, positive where a wallet gained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Changes = Mapping[str, Mapping[str, int]]
"""asset -> wallet -> change."""

DIRECT, FUND, CAMPAIGN, PROJECT, TIP = "direct", "fund", "campaign", "project", "tip"
"""What donors give: to a charity, to a contract that owes it from then on, or on top."""

CLAIM, REFUND, REPAYMENT = "claim", "refund", "repayment"
"""What contracts pay out of what they owe, and what comes back to be lent again."""

_RETURNS = frozenset({CLAIM, REFUND, REPAYMENT})


@dataclass(frozen=True)
class Move:
    """Money that moved, by a log. `kind` is one of the eight above."""

    kind: str
    asset: str
    source: str
    receiver: str
    amount: int


@dataclass(frozen=True)
class Groups:
    """Which wallets play which part; no wallet plays two. `keepers` are the contracts that hold
    money for others: the funds, the campaigns, the impact fund.
    """

    donors: frozenset[str]
    charities: frozenset[str]
    entrepreneurs: frozenset[str]
    operations: frozenset[str]
    keepers: frozenset[str]

    def __post_init__(self) -> None:
        if sum(map(len, self._parts)) != len(self.all):
            raise ValueError("a wallet is in two groups; the sums would count it twice")

    @property
    def _parts(self) -> tuple[frozenset[str], ...]:
        return self.donors, self.charities, self.entrepreneurs, self.operations, self.keepers

    @property
    def all(self) -> frozenset[str]:
        return frozenset().union(*self._parts)


@dataclass(frozen=True)
class Statement:
    """One asset's figures. The first eight are the logs' word, the next five the balances'.

    `liability` is what the keepers themselves say they owe.
    """

    asset: str
    direct: int
    to_funds: int
    to_campaigns: int
    to_projects: int
    tips: int
    claimed: int
    refunded: int
    repaid: int
    outflow: int
    charities_inflow: int
    entrepreneurs_inflow: int
    operations_inflow: int
    keepers_inflow: int
    liability: int

    @property
    def given(self) -> int:
        return self.direct + self.to_funds + self.to_campaigns + self.to_projects + self.tips

    @property
    def owed(self) -> int:
        """What the logs say the keepers still owe."""
        entered = self.to_funds + self.to_campaigns + self.to_projects + self.repaid
        return entered - self.claimed - self.refunded

    @property
    def received(self) -> int:
        """What the logs say recipients got and kept: what was repaid is with the impact fund."""
        return self.direct + self.claimed - self.repaid + self.tips

    @property
    def inflow(self) -> int:
        """What recipients got, by balances."""
        return self.charities_inflow + self.entrepreneurs_inflow + self.operations_inflow


@dataclass(frozen=True)
class Proof:
    """`faults` has a line for everything that does not add up; none means the proof holds."""

    statements: tuple[Statement, ...]
    compared: int
    faults: tuple[str, ...] = field(default=())

    @property
    def holds(self) -> bool:
        return not self.faults


def changes_in_logs(moves: Iterable[Move]) -> dict[str, dict[str, int]]:
    """What each wallet lost and gained if the logs are right."""
    found: dict[str, dict[str, int]] = {}
    for move in moves:
        wallets = found.setdefault(move.asset, {})
        wallets[move.source] = wallets.get(move.source, 0) - move.amount
        wallets[move.receiver] = wallets.get(move.receiver, 0) + move.amount
    return found


def prove(
    assets: Iterable[str],
    groups: Groups,
    balances: Changes,
    moves: Iterable[Move],
    liabilities: Changes,
) -> Proof:
    """Hear both witnesses on every asset.

    `balances` are changes without gas; `liabilities` what each keeper says it owes: asset ->
    keeper -> amount.
    """
    moves = tuple(moves)
    logged = changes_in_logs(moves)
    statements: list[Statement] = []
    faults: list[str] = []
    compared = 0
    for asset in assets:
        by_balance = dict(balances.get(asset, {}))
        by_log = logged.get(asset, {})
        owed = liabilities.get(asset, {})
        for wallet in sorted(groups.all | by_balance.keys() | by_log.keys()):
            compared += 1
            seen, said = by_balance.get(wallet, 0), by_log.get(wallet, 0)
            if seen != said:
                faults.append(f"{asset}: {wallet} changed by {seen}, and the logs say {said}")
            if wallet not in groups.all and (seen or said):
                faults.append(
                    f"{asset}: {wallet} is no part of this, and changed by {seen or said}"
                )
        for keeper in sorted(groups.keepers | owed.keys()):
            said, own = by_log.get(keeper, 0), owed.get(keeper, 0)
            if said != own:
                faults.append(
                    f"{asset}: {keeper} says it owes {own}, and by the logs it owes {said}"
                )
        statement = _statement(asset, groups, by_balance, moves, sum(owed.values()))
        statements.append(statement)
        faults += _faults(statement, moves)
    return Proof(tuple(statements), compared, tuple(faults))


def _statement(
    asset: str,
    groups: Groups,
    changes: Mapping[str, int],
    moves: Iterable[Move],
    liability: int,
) -> Statement:
    def moved(kind: str) -> int:
        return sum(move.amount for move in moves if move.asset == asset and move.kind == kind)

    def gained(wallets: frozenset[str]) -> int:
        return sum(changes.get(wallet, 0) for wallet in wallets)

    return Statement(
        asset=asset,
        direct=moved(DIRECT),
        to_funds=moved(FUND),
        to_campaigns=moved(CAMPAIGN),
        to_projects=moved(PROJECT),
        tips=moved(TIP),
        claimed=moved(CLAIM),
        refunded=moved(REFUND),
        repaid=moved(REPAYMENT),
        outflow=-gained(groups.donors),
        charities_inflow=gained(groups.charities),
        entrepreneurs_inflow=gained(groups.entrepreneurs),
        operations_inflow=gained(groups.operations),
        keepers_inflow=gained(groups.keepers),
        liability=liability,
    )


def _faults(found: Statement, moves: Iterable[Move]) -> list[str]:
    """One line for each equation that does not hold."""
    given = sum(m.amount for m in moves if m.asset == found.asset and m.kind not in _RETURNS)
    equations = (
        (
            "balances: donors' outflow = recipients' inflow + owed",
            found.outflow,
            found.inflow + found.keepers_inflow,
        ),
        (
            "logs: given = direct + to funds + to campaigns + to projects + tips",
            given,
            found.given,
        ),
        (
            "donors' outflow by balances = given - refunded by logs",
            found.outflow,
            found.given - found.refunded,
        ),
        (
            "charities' and entrepreneurs' inflow by balances = direct + claimed - repaid by logs",
            found.charities_inflow + found.entrepreneurs_inflow,
            found.direct + found.claimed - found.repaid,
        ),
        ("operations' inflow by balances = tips by logs", found.operations_inflow, found.tips),
        ("owed by balances = owed by logs", found.keepers_inflow, found.owed),
        ("owed by logs = the contracts' own liability", found.owed, found.liability),
    )
    return [
        f"{found.asset}: {what}: {left} is not {right} (off by {left - right})"
        for what, left, right in equations
        if left != right
    ]
