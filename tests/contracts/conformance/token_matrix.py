"""Every function that moves a token, with every odd token there is: what happens.

python -m tests.contracts.conformance.token_matrix     writes docs/audit/token-matrix.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boa

from tests.contracts import deployers, roles
from tests.contracts.conftest import NOW
from tests.contracts.fundraising import Fundraising
from tests.contracts.money import balance
from tests.contracts.protocol import MEMO, NO_SIGNATURE, new_place

TABLE = Path(__file__).resolve().parents[3] / "docs" / "audit" / "token-matrix.md"
AMOUNT = 1_000
# even: half a unit of a token that doubled cannot be sent
OTHER_PART = 8
MAX = 2**256 - 1
MONTH = 2_628_000
RETURNS_FALSE, REFUSES_ZERO, MAX_IS_BALANCE, UINT96, TAKES_FEE = (2**bit for bit in range(5))
ONE = 10**18

WORKS = "works"
REFUSED = "refused"
REVERTS = "reverts"
STAYS = "stays"
SHORT = "short"
ALL = "all"

LEGEND = {
    WORKS: "exactly the amount arrives, and exactly that leaves",
    REFUSED: "the token cannot be listed (or cannot be the backing of GIVE) in the first place",
    REVERTS: "a clean revert: nothing has changed",
    STAYS: "the call succeeds and logs the failure; the money stays with the donor, or stays owed",
    SHORT: "less arrives than was sent, and nobody but this token's receiver is affected",
    ALL: "asked for 2^256 - 1, the token moves all its owner has; the log says 2^256 - 1",
}


@dataclass(frozen=True)
class Operation:
    """A way a token moves: AMOUNT from `source` to `receiver`, `extra` to somebody else."""

    name: str
    act: Callable[[Any, int], Any]
    source: Callable[[Any], Any]
    receiver: Callable[[Any], Any]
    extra: int = 0
    is_measured: bool = False
    has_amount: bool = True
    is_swept: bool = False


@dataclass(frozen=True)
class Token:
    """A kind of token; `befall` is done to it right before the operation."""

    name: str
    make: Callable[[], Any]
    befall: Callable[[Any, Any, Any], None] = lambda token, source, receiver: None
    amount: int = AMOUNT


def strange(decimals: int = 6, traits: int = 0) -> Callable[[], Any]:
    return lambda: deployers.STRANGE_TOKEN.deploy(decimals, traits, override_address=new_place())


def block(token: Any, _: Any, receiver: Any) -> None:
    token.set_blocked(receiver, True)


def call_both(token: Any, source: Any, receiver: Any) -> None:
    for account in (source, receiver):
        token.set_hook(account, deployers.INTRUDER.deploy(override_address=new_place()))


def usdt() -> Any:
    return deployers.USDT_TOKEN.deploy(override_address=new_place())


TOKENS = [
    Token("plain, 6 decimals", strange()),
    Token("18 decimals", strange(18)),
    Token("USDT: no return value, approve to nonzero refused", usdt),
    Token(
        "USDT, its fee switched on later (0.19 %)", usdt, lambda token, _, __: token.setParams(19)
    ),
    Token(
        "fee on transfer, switched on later (1 %)",
        strange(),
        lambda token, _, __: token.set_traits(TAKES_FEE),
    ),
    Token("rebases up (x 2)", strange(), lambda token, _, __: token.rebase(2 * ONE)),
    Token("rebases down (x 1/4)", strange(), lambda token, _, __: token.rebase(ONE // 4)),
    Token("hooks of sender and receiver (ERC-777)", strange(), call_both),
    Token("blocklist, receiver on it", strange(), block),
    Token("returns false, receiver refused", strange(traits=RETURNS_FALSE), block),
    Token("reverts on zero", strange(traits=REFUSES_ZERO)),
    Token("0 decimals", strange(0)),
    Token("2 decimals", strange(2)),
    Token("24 decimals", strange(24)),
    Token("max means balance, asked for max", strange(traits=MAX_IS_BALANCE), amount=MAX),
    Token("uint96", strange(traits=UINT96)),
    Token("uint96, asked for 2^96", strange(traits=UINT96), amount=2**96),
]


def _donor(world: Any) -> Any:
    return world.donor


def _payee(world: Any) -> Any:
    return world.payees[0]


def _reserve(world: Any) -> Any:
    return world.reserve


OPERATIONS = [
    Operation(
        "Giving.donate_token",
        lambda w, amount: w.giving.donate_token(2, w.token, amount, MEMO, sender=w.donor),
        _donor,
        _payee,
    ),
    Operation(
        "Giving.donate_token, measured",
        lambda w, amount: w.giving.donate_token(2, w.token, amount, MEMO, sender=w.donor),
        _donor,
        _payee,
        is_measured=True,
    ),
    Operation(
        "Giving.donate_token, the tip",
        lambda w, amount: w.giving.donate_token(
            3, w.token, OTHER_PART, MEMO, amount, sender=w.donor
        ),
        _donor,
        lambda w: w.operations,
        extra=OTHER_PART,
    ),
    Operation(
        "Giving.donate_token_with_permit",
        lambda w, amount: w.giving.donate_token_with_permit(
            2, w.token, amount, MEMO, 0, False, *NO_SIGNATURE, sender=w.donor
        ),
        _donor,
        _payee,
    ),
    Operation(
        "Giving.donate_cart_token",
        lambda w, amount: w.giving.donate_cart_token(
            w.token, [2, 3], [amount, OTHER_PART], MEMO, sender=w.donor
        ),
        _donor,
        _payee,
        extra=OTHER_PART,
    ),
    Operation(
        "Giving.donate_cart_token, measured",
        lambda w, amount: w.giving.donate_cart_token(
            w.token, [2, 3], [amount, OTHER_PART], MEMO, sender=w.donor
        ),
        _donor,
        _payee,
        extra=OTHER_PART,
        is_measured=True,
    ),
    Operation(
        "Giving.donate_cart_token_with_permit",
        lambda w, amount: w.giving.donate_cart_token_with_permit(
            w.token, [2, 3], [amount, OTHER_PART], MEMO, 0, False, *NO_SIGNATURE, sender=w.donor
        ),
        _donor,
        _payee,
        extra=OTHER_PART,
    ),
    Operation(
        "Giving.sweep",
        lambda w, _: w.giving.sweep(w.token),
        lambda w: w.giving,
        _reserve,
        has_amount=False,
        is_swept=True,
    ),
    Operation(
        "IndexFunds.donate_token",
        lambda w, amount: w.funds.donate_token(1, 1, w.token, amount, MEMO, sender=w.donor),
        _donor,
        lambda w: w.funds,
    ),
    Operation(
        "IndexFunds.donate_token_with_permit",
        lambda w, amount: w.funds.donate_token_with_permit(
            1, 1, w.token, amount, MEMO, False, *NO_SIGNATURE, sender=w.donor
        ),
        _donor,
        lambda w: w.funds,
    ),
    Operation(
        "IndexFunds.claim",
        lambda w, _: w.funds.claim(1, 1, 0, w.token),
        lambda w: w.funds,
        _payee,
        has_amount=False,
    ),
    Operation(
        "IndexFunds.claim_to",
        lambda w, _: w.funds.claim_to(1, 1, 0, w.token, w.stranger, sender=w.payees[0]),
        lambda w: w.funds,
        lambda w: w.stranger,
        has_amount=False,
    ),
    Operation(
        "IndexFunds.claim_many",
        lambda w, _: w.funds.claim_many([(1, 1, 0, w.token.address)]),
        lambda w: w.funds,
        _payee,
        has_amount=False,
    ),
    Operation(
        "IndexFunds.sweep",
        lambda w, _: w.funds.sweep(w.token),
        lambda w: w.funds,
        _reserve,
        has_amount=False,
        is_swept=True,
    ),
    Operation(
        "DonaGive.issue",
        lambda w, amount: w.give.issue(amount, sender=w.donor),
        _donor,
        lambda w: w.give,
    ),
    Operation(
        "DonaGive.issue_with_permit",
        lambda w, amount: w.give.issue_with_permit(amount, w.donor, *NO_SIGNATURE, sender=w.donor),
        _donor,
        lambda w: w.give,
    ),
    Operation(
        "DonaGive.redeem",
        lambda w, amount: w.give.redeem(2, amount, sender=w.payees[0]),
        lambda w: w.give,
        _payee,
    ),
    Operation(
        "DonaGive.sweep",
        lambda w, _: w.give.sweep(w.token),
        lambda w: w.give,
        _reserve,
        has_amount=False,
        is_swept=True,
    ),
    Operation(
        "Campaign.pledge_token",
        lambda w, amount: w.open_one.pledge_token(0, amount, MEMO, sender=w.donor),
        _donor,
        lambda w: w.open_one,
    ),
    Operation(
        "Campaign.pledge_token_with_permit",
        lambda w, amount: w.open_one.pledge_token_with_permit(
            0, amount, MEMO, *NO_SIGNATURE, sender=w.donor
        ),
        _donor,
        lambda w: w.open_one,
    ),
    Operation(
        "Campaign.refund_for, failed",
        lambda w, _: w.failed.refund_for(w.donor),
        lambda w: w.failed,
        _donor,
        has_amount=False,
    ),
    Operation(
        "Campaign.refund_for, a milestone rejected",
        lambda w, _: w.rejected.refund_for(w.donor),
        lambda w: w.rejected,
        _donor,
        has_amount=False,
    ),
    Operation(
        "Campaign.refund_to",
        lambda w, _: w.failed.refund_to(w.stranger, sender=w.donor),
        lambda w: w.failed,
        lambda w: w.stranger,
        has_amount=False,
    ),
    Operation(
        "Campaign.refund_many, failed",
        lambda w, _: w.failed.refund_many([w.stranger, w.donor]),
        lambda w: w.failed,
        _donor,
        has_amount=False,
    ),
    Operation(
        "Campaign.refund_many, a milestone rejected",
        lambda w, _: w.rejected.refund_many([w.stranger, w.donor]),
        lambda w: w.rejected,
        _donor,
        has_amount=False,
    ),
    Operation(
        "Campaign.claim",
        lambda w, _: w.won.claim(),
        lambda w: w.won,
        lambda w: w.payee,
        has_amount=False,
    ),
    Operation(
        "Campaign.claim, a milestone",
        lambda w, _: w.staged.claim(),
        lambda w: w.staged,
        lambda w: w.payee,
        has_amount=False,
    ),
    Operation(
        "Campaign.claim_to",
        lambda w, _: w.won.claim_to(w.stranger, sender=w.payee),
        lambda w: w.won,
        lambda w: w.stranger,
        has_amount=False,
    ),
    Operation(
        "Campaign.sweep",
        lambda w, _: w.open_one.sweep(w.token),
        lambda w: w.open_one,
        _reserve,
        has_amount=False,
        is_swept=True,
    ),
    Operation(
        "CampaignFactory.sweep",
        lambda w, _: w.factory.sweep(w.token),
        lambda w: w.factory,
        _reserve,
        has_amount=False,
        is_swept=True,
    ),
    Operation(
        "ImpactFund.donate_token",
        lambda w, amount: w.impact.donate_token(w.funding, w.token, amount, MEMO, sender=w.donor),
        _donor,
        lambda w: w.impact,
    ),
    Operation(
        "ImpactFund.donate_token, the tip",
        lambda w, amount: w.impact.donate_token(
            w.funding, w.token, OTHER_PART, MEMO, amount, sender=w.donor
        ),
        _donor,
        lambda w: w.operations,
        extra=OTHER_PART,
    ),
    Operation(
        "ImpactFund.donate_token_with_permit",
        lambda w, amount: w.impact.donate_token_with_permit(
            w.funding, w.token, amount, MEMO, 0, *NO_SIGNATURE, sender=w.donor
        ),
        _donor,
        lambda w: w.impact,
    ),
    Operation(
        "ImpactFund.claim",
        lambda w, _: w.impact.claim(w.released),
        lambda w: w.impact,
        lambda w: w.entrepreneur,
        has_amount=False,
    ),
    Operation(
        "ImpactFund.claim_to",
        lambda w, _: w.impact.claim_to(w.released, w.stranger, sender=w.entrepreneur),
        lambda w: w.impact,
        lambda w: w.stranger,
        has_amount=False,
    ),
    Operation(
        "ImpactFund.refund_for",
        lambda w, _: w.impact.refund_for(w.stopped, w.donor),
        lambda w: w.impact,
        _donor,
        has_amount=False,
    ),
    Operation(
        "ImpactFund.refund_to",
        lambda w, _: w.impact.refund_to(w.stopped, w.stranger, sender=w.donor),
        lambda w: w.impact,
        lambda w: w.stranger,
        has_amount=False,
    ),
    Operation(
        "ImpactFund.refund_many",
        lambda w, _: w.impact.refund_many(w.stopped, [w.stranger, w.donor]),
        lambda w: w.impact,
        _donor,
        has_amount=False,
    ),
    Operation(
        "ImpactFund.repay",
        lambda w, amount: w.impact.repay(w.loan, amount, MEMO, sender=w.donor),
        _donor,
        lambda w: w.impact,
    ),
    Operation(
        "ImpactFund.sweep",
        lambda w, _: w.impact.sweep(w.token),
        lambda w: w.impact,
        _reserve,
        has_amount=False,
        is_swept=True,
    ),
    Operation(
        "Vesting.release",
        lambda w, _: w.vesting.release(1),
        lambda w: w.vesting,
        lambda w: w.beneficiaries[1],
        has_amount=False,
    ),
    Operation(
        "EcosystemReserve.release",
        lambda w, amount: w.reserve.release(w.dobo, w.commission, amount, sender=w.timelock),
        _reserve,
        lambda w: w.commission,
    ),
]
OF_DOBO = {"Vesting.release", "EcosystemReserve.release"}


def set_up(token: Token, *, is_dobo_only: bool) -> Any:
    """A deployment on this token, with gifts made and GIVE issued before anything befalls it."""
    odd = token.make()
    world: Any = Fundraising(None if is_dobo_only else odd, dobo=odd)
    world.odd = odd
    world.payees = [roles.address(f"charity {number}") for number in range(2)]
    # after the charity of the campaigns, which is the first
    world.charities = [world.verify(payee) for payee in world.payees]
    world.run_epoch(1, [(world.charities[0], 1)])
    world.run_epoch(2, [(world.charities[1], 1)])
    odd.mint(world.reserve, AMOUNT)
    boa.env.timestamp += 24 * MONTH
    expiry = boa.env.timestamp + world.registry.MAX_TERM()
    for charity_id in (world.charity_id, *world.charities):
        world.registry.renew(charity_id, expiry, MEMO, sender=world.registrar)
    world.fill(world.donor, world.funds, world.impact, token=world.plain)
    world.funds.donate_token(2, 1, world.plain, AMOUNT, MEMO, sender=world.donor)
    world.beside = lost_campaign(world, world.plain), lost_project(world, world.plain)
    if is_dobo_only:
        return world
    odd.mint(world.donor, 10**30)
    for spender in (world.giving, world.funds, world.give, world.impact):
        odd.approve(spender, MAX, sender=world.donor)
    world.funds.donate_token(1, 1, odd, AMOUNT, MEMO, sender=world.donor)
    world.give.issue(AMOUNT, world.payees[0], sender=world.donor)
    raise_funds(world, odd)
    for contract in (
        world.giving,
        world.funds,
        world.give,
        world.impact,
        world.factory,
        world.open_one,
    ):
        odd.mint(contract, AMOUNT)
    return world


def campaign_of(world: Any, asset: Any, amount: int = AMOUNT, **terms: Any) -> Any:
    """A campaign to which the donor has pledged."""
    campaign = world.open(asset=asset, tiers=[(1, 10)], **terms)
    asset.approve(campaign, MAX, sender=world.donor)
    campaign.pledge_token(0, amount, MEMO, sender=world.donor)
    return campaign


def lost_campaign(world: Any, asset: Any) -> Any:
    campaign = campaign_of(world, asset)
    campaign.cancel(sender=world.creator)
    return campaign


def lost_project(world: Any, asset: Any) -> int:
    project: int = world.project(asset, goal=AMOUNT)
    world.gift(project, world.donor, AMOUNT)
    world.reject(project)
    return project


def raise_funds(world: Any, odd: Any) -> None:
    """Campaigns and projects in each state, from which AMOUNT is to be had."""
    world.stopped = lost_project(world, odd)
    world.failed = lost_campaign(world, odd)
    world.open_one = campaign_of(world, odd, days=3_000)
    world.won = campaign_of(world, odd, strict=False)
    world.staged = campaign_of(world, odd, 2 * AMOUNT, strict=False, milestones=[5_000, 5_000])
    world.rejected = campaign_of(world, odd, 2 * AMOUNT, strict=False, milestones=[5_000])
    for campaign in (world.won, world.staged, world.rejected):
        world.begin(campaign)
    world.settle(world.staged)
    world.rejected.cancel(sender=world.payee)
    world.loan = world.project(odd, goal=AMOUNT, is_loan=True)
    world.released = world.project(odd, goal=AMOUNT)
    world.funding = world.project(odd, goal=2**96 - 1, days=365)
    for project in (world.loan, world.released, world.funding):
        world.gift(project, world.donor, AMOUNT)
    for project in (world.loan, world.released):
        assert world.release(project) == AMOUNT
    world.impact.claim(world.loan)
    world.accounts += [world.failed, world.open_one, world.won, world.staged, world.rejected]


def outcome(world: Any, token: Token, operation: Operation) -> str:
    """What comes of one operation; whatever it is, nobody else's money may be touched by it."""
    if operation.name in OF_DOBO:
        world.token = world.odd
    if operation.is_measured:
        world.giving.unlist_asset(world.token, sender=world.timelock)
        world.giving.list_asset(world.token, True, sender=world.timelock)
    money = world.token
    source, receiver = operation.source(world), operation.receiver(world)
    token.befall(money, source, receiver)
    amount = token.amount if operation.has_amount else AMOUNT
    before = world.money()
    held = (balance(money, source), balance(money, receiver))
    try:
        operation.act(world, amount)
    except boa.BoaError as error:
        assert world.money() == before, f"{operation.name}, {token.name}: changed by a revert"
        result = f"{REVERTS}: {reason(error)}"
    else:
        lost = held[0] - balance(money, source) - operation.extra
        got = balance(money, receiver) - held[1]
        if got == lost == 0:
            result = STAYS
        elif got < lost:
            result = SHORT
        elif amount == MAX and got == lost:
            result = ALL
        else:
            assert got == lost > 0, f"{operation.name}, {token.name}: {lost} out, {got} in"
            assert got == amount or operation.is_swept or "Vesting" in operation.name
            result = WORKS
    # another token's money is where it was, and can be had
    assert world.funds.liability(world.plain) == AMOUNT
    assert world.funds.claim(2, 1, 0, world.plain) == AMOUNT
    assert balance(world.plain, world.giving) == 0
    campaign, project = world.beside
    assert campaign.refund_for(world.donor) == AMOUNT
    assert world.impact.liability(world.plain) == AMOUNT
    assert world.impact.refund_for(project, world.donor) == AMOUNT
    return result


def reason(error: boa.BoaError) -> str:
    """The text a call reverted with."""
    found = error.stack_trace.last_frame
    text = str(getattr(found, "pretty_vm_reason", "") or "").strip()
    return text.splitlines()[-1] if text and "Revert(" not in text else "no reason given"


def refusal(token: Token, world: Fundraising) -> str | None:
    """Whether the token is refused by all five contracts that choose their tokens."""
    odd = token.make()
    refused = 0
    before = world.books()
    for attempt in (
        lambda: world.giving.list_asset(odd, False, sender=world.timelock),
        lambda: world.funds.list_asset(odd, sender=world.timelock),
        lambda: world.factory.list_asset(odd, sender=world.timelock),
        lambda: world.impact.list_asset(odd, sender=world.timelock),
        lambda: deployers.DONA_GIVE.deploy(
            odd, world.registry, world.reserve, override_address=new_place()
        ),
    ):
        try:
            attempt()
        except boa.BoaError:
            refused += 1
    assert refused in (0, 5), f"{token.name} is refused by {refused} of 5"
    assert refused == 0 or world.books() == before
    return REFUSED if refused else None


def column(token: Token, world: Fundraising) -> dict[str, str]:
    """The outcome of every operation with one token; `world` is one without it."""
    found: dict[str, str] = {}
    with boa.env.anchor():
        refused = refusal(token, world)
    with boa.env.anchor():
        odd_world = set_up(token, is_dobo_only=bool(refused))
        chosen = odd_world.token
        for operation in OPERATIONS:
            if refused and operation.name not in OF_DOBO:
                found[operation.name] = refused
                continue
            odd_world.token = chosen
            with boa.env.anchor():
                found[operation.name] = outcome(odd_world, token, operation)
    return found


def matrix() -> dict[str, dict[str, str]]:
    """token -> operation -> outcome."""
    world = Fundraising()
    return {token.name: column(token, world) for token in TOKENS}


def render(found: dict[str, dict[str, str]]) -> str:
    """The table and, below it, the reason of every revert."""
    lines = [
        "# Tokens and what moves them",
        "",
        "Measured by `tests/contracts/conformance/test_token_matrix.py`, which fails when this",
        "page says something else; `python -m tests.contracts.conformance.token_matrix` writes it",
        "anew. Hooks that re-enter every entry point are in `test_hooks.py` beside it.",
        "",
        *[f"- **{word}**: {meaning}" for word, meaning in LEGEND.items()],
        "",
        "`measured` means that the asset was listed so, as a token that could start to take a",
        "fee must be. Tokens that take a fee, rebase or call back are not to be listed at all;",
        "the table shows what becomes of a mistake. Vesting and reserve move DOBO and are shown",
        "with the odd token in its place.",
        "",
    ]
    names = list(found)
    lines += [f"{number}. {name}" for number, name in enumerate(names, 1)]
    lines += ["", "| | " + " | ".join(str(number) for number in range(1, len(names) + 1)) + " |"]
    lines += ["|---|" + "---|" * len(names)]
    for operation in OPERATIONS:
        cells = [found[name][operation.name].partition(":")[0] for name in names]
        lines.append(f"| `{operation.name}` | " + " | ".join(cells) + " |")
    lines += ["", "## Why it reverts", ""]
    for name in names:
        by_reason: dict[str, list[str]] = {}
        for operation, result in found[name].items():
            word, _, why = result.partition(": ")
            if word == REVERTS:
                by_reason.setdefault(why, []).append(operation)
        if by_reason:
            lines.append(f"**{name}**")
            lines.append("")
            lines += [f"- `{why}`: {'; '.join(ops)}" for why, ops in by_reason.items()]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    boa.env.timestamp = NOW
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.write_text(render(matrix()))
