"""Whole-transaction gas of what people do with the contracts, on a local node (anvil, prague).

python -m bench.gas     measure, write build/bench/{gas,ceilings}.json, the tables in docs/gas.md
                        and its picture, exit 1 above a ceiling

The base of a transaction and its calldata are included, refunds are taken off. "Warm" is the usual
case: every balance and counter touched was nonzero before. "Cold" is the first time. The token is a
bare ERC-20 of 6 decimals whose own transfer is in the table; donors have an unlimited allowance
unless a row says otherwise, and give 25 units with a 32-byte memo without a zero byte.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from rich.console import Console
from rich.table import Table
from web3 import Web3
from web3.types import TxParams, Wei

from bench import deflation, fundraising, months
from bench.deployment import DAY, NATIVE, NOTICE, PAYEE_DELAY, Bench, build, deploy
from bench.measurements import Ceiling, Measurements
from donablock.chain.node import Anvil

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "build" / "bench" / "gas.json"
LIMITS = ROOT / "build" / "bench" / "ceilings.json"
DOCUMENT = ROOT / "docs" / "gas.md"
# 2025-01-01; a fixed clock keeps calldata, and so every figure, the same from run to run
START = 1_735_689_600

AMOUNT = 25 * 10**6
WEI = 10**17
MEMO = bytes.fromhex("11" * 32)
EVIDENCE = bytes.fromhex("44" * 32)
METADATA = bytes.fromhex("33" * 32)
URI = "https://example.org/charities/0001.json"
UNLIMITED = 2**256 - 1
FINITE = 10**15
DONOR_PERMIT_KEY = "0x" + "5a" * 32

GIFT = "gift to one verified charity, ERC-20"
GIFT_FINITE = "gift to one verified charity, ERC-20, finite allowance"


# docs/gas.md, "Ceilings", says where they come from.
CEILINGS = {
    GIFT: Ceiling(52_000, "52,816 without a registry check; 72,385 with"),
    "gift to one verified charity, native coin": Ceiling(41_000, "42,278, no check"),
    "cart of 10 charities, ERC-20": Ceiling(178_000, "182,921, no check"),
    **{
        f"index fund gift, ERC-20, {n} charities": Ceiling(
            60_500, {10: "182,921", 100: "1,013,659"}.get(n, "-")
        )
        for n in (1, 10, 100, 200)
    },
    **{
        f"index fund gift, native coin, {n} charities": Ceiling(40_000, "-")
        for n in (1, 10, 100, 200)
    },
    "claim from a fund, ERC-20": Ceiling(62_000, "56,722 from a plain vault"),
    "setting up an epoch of 200 charities": Ceiling(1_150_000, "-"),
    "registering a charity": Ceiling(150_000, "235,121"),
    "gift with a soulbound receipt": Ceiling(150_000, "nobody has one"),
    "DOBO transfer": Ceiling(34_200, "34,149"),
    "DOBO burn": Ceiling(33_900, "33,574"),
    # Out of the ceiling's reach with a finite allowance: the floor is in docs/gas.md.
    GIFT_FINITE: Ceiling(53_400, "-"),
    "index fund gift, ERC-20, finite allowance": Ceiling(60_500, "-"),
    fundraising.PLEDGE: Ceiling(150_000, "204,946 + base; a mint alone 121,028 to 149,977"),
    "campaign: refund, ERC-20": Ceiling(70_000, "102,278"),
    "campaign: finalise, succeeded": Ceiling(60_000, "-"),
    "campaign: claim, ERC-20": Ceiling(62_000, "-"),
    fundraising.IMPACT_GIFT: Ceiling(71_000, "-"),
    fundraising.IMPACT_GIFT_NATIVE: Ceiling(51_500, "-"),
    fundraising.IMPACT_REFUND: Ceiling(54_000, "-"),
    fundraising.IMPACT_CLAIM: Ceiling(55_000, "-"),
    fundraising.PROPOSE: Ceiling(141_000, "-"),
    fundraising.ACCEPT: Ceiling(67_500, "-"),
    fundraising.REPORT: Ceiling(57_000, "-"),
    fundraising.VOTE: Ceiling(38_000, "-"),
    fundraising.RELEASE: Ceiling(48_000, "-"),
    fundraising.REJECT: Ceiling(67_500, "-"),
    fundraising.REPAY: Ceiling(67_000, "-"),
    fundraising.LEND: Ceiling(46_000, "-"),
    **{
        deflation.beside(name, stakers): ceiling
        for stakers in (deflation.FEW, deflation.MANY)
        for name, ceiling in deflation.CEILINGS.items()
    },
}

# One fund per size, so that warm and cold are the same for each.
FUND_SIZES = {1: 1, 2: 10, 3: 100, 4: 200}


def measure(node: Anvil) -> Measurements[Bench]:
    bench = build(node)
    found = Measurements(bench)
    _registry(found)
    _tokens(found)
    _prepare_donor(bench)
    _gifts(found)
    _funds(found)
    _claims(found)
    fundraising.measure(found)
    _governance(found)
    return found


def _verify(bench: Bench, number: int, payee: str) -> Any:
    legal_id = Web3.keccak(text=f"GB:CHC:{number}")
    expiry = bench.node.now + 3 * 365 * DAY
    return bench.registry.functions.verify(
        payee, legal_id, 1 << number % 17, METADATA, URI, expiry, EVIDENCE
    )


def _payee(number: int) -> str:
    """An address of nobody, for the charities that only fill lists."""
    return Web3.to_checksum_address(Web3.keccak(text=f"payee {number}")[-20:])


def _registry(found: Measurements[Bench]) -> None:
    bench = found.bench
    registry = bench.registry.functions
    applicant = bench.payees[0]
    legal_id = Web3.keccak(text="GB:CHC:1")
    apply = registry.apply(legal_id, 2, METADATA, URI)
    found.take("applying for verification", apply, applicant)
    verify = registry.verify(
        applicant, legal_id, 2, METADATA, URI, bench.node.now + 365 * DAY, EVIDENCE
    )
    found.take("registering a charity, first of all", verify, bench.owner)
    for number in range(2, 201):
        payee = bench.payees[number - 1] if number <= 12 else _payee(number)
        call = _verify(bench, number, payee)
        if number == 2:
            found.take("registering a charity", call, bench.owner)
        else:
            bench.send(call, bench.owner)
    second = bench.payees[12]
    propose = registry.propose_payee(12, second)
    found.take("payee change: propose", propose, bench.payees[11])
    bench.node.advance(PAYEE_DELAY)
    found.take("payee change: accept", registry.accept_payee(12), second)
    found.take("suspending a charity", registry.suspend(12, EVIDENCE), bench.owner)


def _tokens(found: Measurements[Bench]) -> None:
    bench = found.bench
    transfer = bench.dobo.functions.transfer
    found.cold_and_warm("DOBO transfer", lambda: transfer(bench.stranger, AMOUNT), bench.donor)
    burn = bench.dobo.functions.burn
    found.take("DOBO burn", burn(AMOUNT), bench.donor)
    bench.send(bench.token.functions.mint(bench.donor, 10**18), bench.owner)
    found.cold_and_warm(
        "the token's own transfer",
        lambda: bench.token.functions.transfer(bench.payees[0], AMOUNT),
        bench.donor,
    )
    bench.send(bench.token.functions.approve(bench.give.address, UNLIMITED), bench.donor)
    found.cold_and_warm("issuing GIVE", lambda: bench.give.functions.issue(AMOUNT), bench.donor)
    bench.send(bench.give.functions.transfer(bench.payees[0], AMOUNT), bench.donor)
    redeem = bench.give.functions.redeem(1, AMOUNT // 2)
    found.take("redeeming GIVE", redeem, bench.payees[0])


def _prepare_donor(bench: Bench) -> None:
    for token in (bench.token, bench.dobo):
        for contract in (bench.giving, bench.funds):
            bench.send(token.functions.approve(contract.address, UNLIMITED), bench.donor)
        # What strays in makes the fund's balance warm without a gift.
        bench.send(token.functions.transfer(bench.funds.address, 1), bench.donor)


def _gifts(found: Measurements[Bench]) -> None:
    bench = found.bench
    giving = bench.giving.functions
    token = bench.token.address
    donor = bench.donor

    found.cold_and_warm(GIFT, lambda: giving.donate_token(2, token, AMOUNT, MEMO), donor, 0, True)
    with_tip = giving.donate_token(2, token, AMOUNT, MEMO, 1)
    found.cold_and_warm("gift with a tip, ERC-20", lambda: with_tip, donor)
    with_receipt = giving.donate_token(2, token, AMOUNT, MEMO, 0, True)
    found.cold_and_warm("gift with a soulbound receipt", lambda: with_receipt, donor)
    found.take(
        "gift to one verified charity, native coin",
        giving.donate_native(2, MEMO),
        donor,
        WEI,
        trace=True,
    )
    ids, amounts = list(range(1, 11)), [AMOUNT] * 10
    found.cold_and_warm(
        "cart of 10 charities, ERC-20",
        lambda: giving.donate_cart_token(token, ids, amounts, MEMO),
        donor,
    )
    found.take(
        "cart of 10 charities, native coin",
        giving.donate_cart_native(ids, [WEI] * 10, MEMO),
        donor,
        10 * WEI,
    )
    dobo = bench.dobo.address
    found.cold_and_warm(
        "gift to one verified charity, DOBO",
        lambda: giving.donate_token(2, dobo, AMOUNT, MEMO),
        donor,
    )
    found.cold_and_warm(
        "cart of 10 charities, DOBO",
        lambda: giving.donate_cart_token(dobo, ids, amounts, MEMO),
        donor,
    )
    bench.send(bench.token.functions.approve(bench.giving.address, FINITE), donor)
    found.take(GIFT_FINITE, giving.donate_token(2, token, AMOUNT, MEMO), donor, trace=True)
    finite_cart = giving.donate_cart_token(token, ids, amounts, MEMO)
    found.take("cart of 10 charities, ERC-20, finite allowance", finite_cart, donor)
    _permit(found)


def _permit(found: Measurements[Bench]) -> None:
    """A gift by EIP-2612 permit for just its amount, by a donor whose key signs here."""
    bench = found.bench
    account = Account.from_key(DONOR_PERMIT_KEY)
    bench.node.set_balance(account.address, 10**20)
    bench.send(bench.permit_token.functions.mint(account.address, 10**12), bench.owner)
    name = "gift to one verified charity, ERC-20, with permit"
    # not by the node's clock, which goes on between blocks: the signature's bytes would change
    deadline = START + 30 * 365 * DAY
    for label in (f"{name}, cold", name):
        signed = account.sign_message(
            encode_typed_data(
                {
                    "name": "Stablecoin",
                    "version": "1",
                    "chainId": bench.node.chain_id,
                    "verifyingContract": bench.permit_token.address,
                },
                {
                    "Permit": [
                        {"name": "owner", "type": "address"},
                        {"name": "spender", "type": "address"},
                        {"name": "value", "type": "uint256"},
                        {"name": "nonce", "type": "uint256"},
                        {"name": "deadline", "type": "uint256"},
                    ]
                },
                {
                    "owner": account.address,
                    "spender": bench.giving.address,
                    "value": AMOUNT,
                    "nonce": bench.permit_token.functions.nonces(account.address).call(),
                    "deadline": deadline,
                },
            )
        )
        call = bench.giving.functions.donate_token_with_permit(
            2,
            bench.permit_token.address,
            AMOUNT,
            MEMO,
            0,
            False,
            deadline,
            signed.v,
            signed.r.to_bytes(32, "big"),
            signed.s.to_bytes(32, "big"),
        )
        raw = account.sign_transaction(
            call.build_transaction(
                TxParams(
                    {
                        "from": account.address,
                        "nonce": bench.w3.eth.get_transaction_count(account.address),
                        "gas": 500_000,
                        "maxFeePerGas": Wei(10**10),
                        "maxPriorityFeePerGas": Wei(1),
                        "chainId": bench.node.chain_id,
                    }
                )
            )
        ).raw_transaction
        receipt = bench.w3.eth.wait_for_transaction_receipt(bench.w3.eth.send_raw_transaction(raw))
        if receipt["status"] != 1:
            raise RuntimeError("the gift with a permit reverted")
        found.gas[label] = int(receipt["gasUsed"])


def _funds(found: Measurements[Bench]) -> None:
    bench = found.bench
    funds = bench.funds.functions
    for fund, size in FUND_SIZES.items():
        members = list(range(1, size + 1))
        call = funds.announce_epoch(fund, members, [100 + member for member in members])
        if size == 200:
            found.take("setting up an epoch of 200 charities", call, bench.owner)
        else:
            bench.send(call, bench.owner)
    bench.node.advance(NOTICE)
    token = bench.token.address
    for fund, size in FUND_SIZES.items():
        _fund_gift(found, "ERC-20", size, funds.donate_token(fund, 1, token, AMOUNT, MEMO), 0)
        _fund_gift(found, "native coin", size, funds.donate_native(fund, 1, MEMO), WEI)
    in_dobo = funds.donate_token(4, 1, bench.dobo.address, AMOUNT, MEMO)
    found.cold_and_warm("index fund gift, DOBO, 200 charities", lambda: in_dobo, bench.donor)
    with_receipt = funds.donate_token(1, 1, token, AMOUNT, MEMO, True)
    found.take("index fund gift with a soulbound receipt", with_receipt, bench.donor)
    bench.send(bench.token.functions.approve(bench.funds.address, FINITE), bench.donor)
    finite = funds.donate_token(4, 1, token, AMOUNT, MEMO)
    found.take("index fund gift, ERC-20, finite allowance", finite, bench.donor, trace=True)


def _fund_gift(found: Measurements[Bench], asset: str, size: int, call: Any, value: int) -> None:
    name = f"index fund gift, {asset}, {size} charities"
    found.cold_and_warm(name, lambda: call, found.bench.donor, value, trace=size == 200)


def _claims(found: Measurements[Bench]) -> None:
    bench = found.bench
    funds = bench.funds.functions
    token = bench.token.address
    member = 1  # charity 2, whose payee holds the token already
    claim = funds.claim(4, 1, member, token)
    found.take("claim from a fund, ERC-20, cold", claim, bench.stranger)
    bench.send(funds.donate_token(4, 1, token, 10**9, MEMO), bench.donor)
    found.take("claim from a fund, ERC-20", claim, bench.stranger, trace=True)
    native = funds.claim(4, 1, member, NATIVE)
    found.take("claim from a fund, native coin, cold", native, bench.stranger)
    bench.send(funds.donate_native(4, 1, MEMO), bench.donor, WEI)
    found.take("claim from a fund, native coin", native, bench.stranger)
    bench.send(bench.registry.functions.revoke(3, EVIDENCE), bench.owner)
    found.take("dropping a revoked charity", funds.drop(4, 1, 2), bench.stranger)
    after = funds.donate_token(4, 1, token, 10**9, MEMO)
    found.take("index fund gift after a drop, ERC-20", after, bench.donor)
    found.take("claim from a fund after a drop, ERC-20", claim, bench.stranger)
    found.take("stopping all gifts to funds", funds.stop_entries(), bench.guardian)


def _governance(found: Measurements[Bench]) -> None:
    """The same epoch of 200 through the real timelock, on a second set of contracts."""
    bench = found.bench
    w3 = bench.w3
    timelock = deploy(w3, bench.owner, "Timelock", 2 * DAY, [bench.owner], [NATIVE])
    registry, receipts = bench.registry.address, bench.receipts.address
    roles = [timelock.address, bench.guardian, registry, receipts, bench.reserve]
    funds = deploy(w3, bench.owner, "IndexFunds", *roles, NOTICE, [])
    members = [number for number in range(1, 201) if number != 3]
    payload = funds.encode_abi("announce_epoch", [1, members, [100 + m for m in members]])
    arguments = [funds.address, 0, payload, bytes(32), bytes(32)]
    schedule = timelock.functions.schedule(*arguments, 2 * DAY)
    found.take("an epoch of 199 charities through the timelock: schedule", schedule, bench.owner)
    bench.node.advance(2 * DAY)
    execute = timelock.functions.execute(*arguments)
    found.take("an epoch of 199 charities through the timelock: execute", execute, bench.stranger)


def too_dear(gas: dict[str, int]) -> list[str]:
    """What is above its ceiling, or was not measured."""
    problems = []
    for name, ceiling in CEILINGS.items():
        if name not in gas:
            problems.append(f"{name}: not measured")
        elif gas[name] > ceiling.gas:
            problems.append(f"{name}: {gas[name]:,} is above its ceiling of {ceiling.gas:,}")
    return problems


def markdown(gas: dict[str, int]) -> str:
    lines = [
        "| operation | warm | cold | ceiling | best of the field |",
        "|---|---:|---:|---:|---|",
    ]
    for name, used in sorted(gas.items(), key=lambda row: (row[0] not in CEILINGS, row[0])):
        if name.endswith(", cold") or name.startswith(deflation.PREFIXES):
            continue
        cold = gas.get(f"{name}, cold")
        ceiling = CEILINGS.get(name)
        lines.append(
            f"| {name} | {used:,} | {f'{cold:,}' if cold else ''} | "
            f"{f'{ceiling.gas:,}' if ceiling else ''} | {ceiling.field if ceiling else ''} |"
        )
    return "\n".join(lines) + "\n"


def where_markdown(where: dict[str, dict[str, int]]) -> str:
    names = list(where)
    kinds = list(dict.fromkeys(kind for parts in where.values() for kind in parts))
    lines = [
        "| where the gas goes | " + " | ".join(names) + " |",
        "|---|" + "---:|" * len(names),
    ]
    for kind in kinds:
        cells = " | ".join(f"{where[name].get(kind, 0):,}" for name in names)
        lines.append(f"| {kind} | {cells} |")
    totals = " | ".join(f"**{sum(where[name].values()):,}**" for name in names)
    lines.append(f"| **whole transaction** | {totals} |")
    return "\n".join(lines) + "\n"


def replace_section(document: str, name: str, content: str) -> str:
    """The document with what stands between its two markers of that name replaced."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    before, rest = document.split(begin)
    _, after = rest.split(end)
    return before + begin + "\n" + content + "\n" + end + after


def main() -> int:
    console = Console()
    with Anvil(timestamp=START, accounts=30, steps_tracing=True) as node:
        found = measure(node)
    gas, where = deflation.measure(START)
    found.gas |= gas
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(found.gas, indent=2, sort_keys=True) + "\n")
    limits = {name: ceiling.gas for name, ceiling in CEILINGS.items()}
    LIMITS.write_text(json.dumps(limits, indent=2, sort_keys=True) + "\n")
    document = DOCUMENT.read_text()
    document = replace_section(document, "figures", markdown(found.gas))
    document = replace_section(document, "where", where_markdown(found.where))
    document = replace_section(document, "dividends", deflation.markdown(gas))
    document = replace_section(document, "months", months.markdown(months.costs(gas)))
    document = replace_section(document, "where dividends", where_markdown(where))
    DOCUMENT.write_text(document)
    months.PICTURE.write_text(months.draw(months.costs(gas)))

    table = Table("operation", "warm", "ceiling", "room", title="gas, whole transaction")
    for name, ceiling in CEILINGS.items():
        used = found.gas.get(name, 0)
        style = "red" if used > ceiling.gas else ""
        table.add_row(name, f"{used:,}", f"{ceiling.gas:,}", f"{ceiling.gas - used:,}", style=style)
    console.print(table)
    console.print(f"{len(found.gas)} figures in {RESULT.relative_to(ROOT)} and docs/gas.md")
    problems = too_dear(found.gas)
    for problem in problems:
        print(problem, file=sys.stderr)
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
