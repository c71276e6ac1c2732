"""Gas of campaigns and of the impact fund, into the figures of bench.gas.

Campaigns are measured through the proxy that every campaign is. Beside it, in the same run, the
same campaign with code of its own (from a blueprint), and a mint of snekmate's enumerable ERC-721:
what docs/decisions/0007-campaigns-are-proxies.md was decided on.
"""

from __future__ import annotations

from typing import Any

from web3 import Web3
from web3.contract import Contract

from bench.deployment import DAY, NATIVE, Bench, address_of_create, deploy
from bench.measurements import Measurements
from donablock.chain.artifacts import artifact

PRICE = 25 * 10**6
WEI = 10**17
MEMO = bytes.fromhex("11" * 32)
HASH = bytes.fromhex("22" * 32)
ARTWORK = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/{}.png"
PAGE = "https://example.org/campaigns/wells-for-turkana"
UNLIMITED = 2**256 - 1
CHARITY = 2

PLEDGE = "campaign: pledge with NFT, ERC-20"
CREATE = "campaign: creating one with three tiers"

SDG = 6
IMPACT_GIFT = "impact fund: gift, ERC-20"
IMPACT_GIFT_NATIVE = "impact fund: gift, native coin"
IMPACT_REFUND = "impact fund: refund, ERC-20"
IMPACT_CLAIM = "impact fund: claim, ERC-20"
PROPOSE = "impact fund: proposing a project of three stages"
ACCEPT = "impact fund: accepting a project"
REPORT = "impact fund: reporting a stage"
VOTE = "impact fund: voting on a stage"
RELEASE = "impact fund: releasing a stage"
REJECT = "impact fund: rejecting a project"
REPAY = "impact fund: repaying, ERC-20"
LEND = "impact fund: lending"


class Campaigns:
    """A factory beside the bench's contracts, and campaigns that live 30 days."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.artifact = artifact("Campaign")
        # An account that has sent little: address_of_create asks for a low nonce.
        w3, deployer = bench.w3, bench.guardian
        nonce = w3.eth.get_transaction_count(deployer)
        factory = address_of_create(deployer, nonce + 1)
        self.implementation = deploy(
            w3, deployer, "Campaign", factory, bench.registry.address, bench.reserve
        )
        self.factory = deploy(
            w3,
            deployer,
            "CampaignFactory",
            bench.owner,
            bench.guardian,
            bench.registry.address,
            bench.reserve,
            self.implementation.address,
            [(bench.token.address, True)],
        )
        assert self.factory.address == factory
        self.payee = bench.payees[CHARITY - 1]

    def terms(self, asset: str, goal: int, strict: bool, milestones: list[int]) -> tuple[Any, ...]:
        price = PRICE if asset != NATIVE else WEI
        tiers = [(price * (at + 1), 1_000, ARTWORK.format(at)) for at in range(3)]
        end = self.bench.node.now + 30 * DAY
        return (asset, goal, end, strict, 500, "Wells for Turkana", "WELL", PAGE, tiers, milestones)

    def create(self, call: Any) -> tuple[Contract, int]:
        """The campaign and the gas of its creation."""
        receipt = self.bench.send(call, self.payee)
        log = next(log for log in receipt["logs"] if len(log["topics"]) > 1)
        address = Web3.to_checksum_address(log["topics"][1][-20:])
        campaign = self.bench.w3.eth.contract(address, abi=self.artifact.abi)
        self.bench.send(
            self.bench.token.functions.approve(campaign.address, UNLIMITED), self.bench.donor
        )
        return campaign, int(receipt["gasUsed"])

    def open(self, asset: str, goal: int, *, strict: bool = True, milestones: Any = ()) -> Contract:
        terms = self.terms(asset, goal, strict, list(milestones))
        return self.create(self.factory.functions.create(CHARITY, terms))[0]


def measure(found: Measurements[Bench]) -> None:
    """Add the figures of campaigns and of the impact fund."""
    bench = found.bench
    campaigns = Campaigns(bench)
    token, donor, stranger = bench.token.address, bench.donor, bench.stranger
    terms = campaigns.terms(token, 10**6, True, [])
    call = campaigns.factory.functions.create(CHARITY, terms)
    _, found.gas[f"{CREATE}, cold"] = campaigns.create(call)
    won, found.gas[CREATE] = campaigns.create(call)
    lost = campaigns.open(token, 10**18)
    coin = campaigns.open(NATIVE, 10**6)
    staged = campaigns.open(token, 1, milestones=[5_000, 5_000])
    rejected = campaigns.open(token, 1, milestones=[5_000, 5_000])

    pledge = won.functions.pledge_token(0, PRICE, MEMO)
    bench.send(bench.token.functions.transfer(won.address, 1), donor)
    found.cold_and_warm(PLEDGE, lambda: pledge, donor, trace=True)
    in_coin = coin.functions.pledge_native(0, MEMO)
    found.cold_and_warm("campaign: pledge with NFT, native coin", lambda: in_coin, donor, WEI)
    for campaign in (lost, staged, rejected):
        bench.send(campaign.functions.pledge_token(0, PRICE, MEMO), donor)
        bench.send(bench.token.functions.transfer(stranger, 10 * PRICE), donor)
        bench.send(bench.token.functions.approve(campaign.address, UNLIMITED), stranger)
        bench.send(campaign.functions.pledge_token(0, PRICE, MEMO), stranger)
    _alternatives(found, campaigns)

    bench.node.advance(31 * DAY)
    found.take("campaign: finalise, succeeded", won.functions.finalise(), stranger)
    found.take("campaign: finalise, failed", lost.functions.finalise(), stranger)
    for campaign in (staged, rejected):
        bench.send(campaign.functions.finalise(), stranger)
    # warm: something has been refunded before, and the campaign keeps a balance
    found.take("campaign: refund, ERC-20, cold", lost.functions.refund_for(stranger), donor)
    found.take("campaign: claim, ERC-20", won.functions.claim(), stranger)
    backers = [Web3.to_checksum_address(donor)]
    found.take(
        "campaign: refund of many (one), ERC-20", lost.functions.refund_many(backers), stranger
    )
    report = staged.functions.report(HASH, PAGE)
    found.take("campaign: reporting a milestone", report, campaigns.payee)
    found.take("campaign: voting on a milestone", staged.functions.vote(True), donor)
    bench.node.advance(14 * DAY)
    found.take("campaign: settling a milestone", staged.functions.settle(), stranger)
    bench.node.advance(180 * DAY)
    bench.send(rejected.functions.settle(), stranger)
    share = rejected.functions.refund_for(stranger)
    found.take("campaign: refund of what was not released, ERC-20", share, donor)
    _refund(found, campaigns)
    _impact(found)


def _refund(found: Measurements[Bench], campaigns: Campaigns) -> None:
    """The usual refund: one pledge, others have been paid back before, others remain."""
    bench: Bench = campaigns.bench
    campaign = campaigns.open(bench.token.address, 10**18)
    backers = [bench.donor, bench.stranger, bench.payees[0]]
    for backer in backers:
        if backer != bench.donor:
            bench.send(bench.token.functions.transfer(backer, 10 * PRICE), bench.donor)
        bench.send(bench.token.functions.approve(campaign.address, UNLIMITED), backer)
        bench.send(campaign.functions.pledge_token(0, PRICE, MEMO), backer)
    bench.node.advance(31 * DAY)
    bench.send(campaign.functions.finalise(), bench.stranger)
    bench.send(campaign.functions.refund_for(bench.payees[0]), bench.stranger)
    refund = campaign.functions.refund_for(bench.donor)
    found.take("campaign: refund, ERC-20", refund, bench.stranger, trace=True)


def _alternatives(found: Measurements[Bench], campaigns: Campaigns) -> None:
    """What was not chosen, measured alike."""
    bench: Bench = campaigns.bench
    w3, owner = bench.w3, bench.owner
    # ERC-5202: a blueprint is creation code that cannot be called
    code = b"\xfe\x71\x00" + campaigns.artifact.creation
    init = b"\x61" + len(code).to_bytes(2, "big") + b"\x3d\x81\x60\x0a\x3d\x39\xf3" + code
    sent = w3.eth.send_transaction({"from": owner, "data": init, "gas": 16_000_000})
    blueprint = w3.eth.wait_for_transaction_receipt(sent)["contractAddress"]
    registry, reserve = bench.registry.address, bench.reserve
    factory = deploy(w3, owner, "BlueprintFactory", registry, reserve, blueprint)
    terms = campaigns.terms(bench.token.address, 10**6, True, [])
    call = factory.functions.create(CHARITY, terms)
    campaigns.create(call)
    campaign, found.gas["not chosen: creating a campaign from a blueprint"] = campaigns.create(call)
    bench.send(bench.token.functions.transfer(campaign.address, 1), bench.donor)
    pledge = campaign.functions.pledge_token(0, PRICE, MEMO)
    found.cold_and_warm(
        "not chosen: pledge to a campaign from a blueprint, ERC-20", lambda: pledge, bench.donor
    )
    collection = deploy(w3, owner, "EnumerableCollection")
    mint = collection.functions.safe_mint(bench.donor, ARTWORK)
    found.cold_and_warm("not chosen: a mint alone, snekmate's ERC-721", lambda: mint, owner)


class ImpactFund:
    """The fund beside the bench's contracts. Its projects raise money for 30 days."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.sponsor, self.payee = bench.payees[CHARITY - 1], bench.payees[14]
        self.contract = deploy(
            bench.w3,
            bench.guardian,
            "ImpactFund",
            bench.owner,
            bench.guardian,
            bench.registry.address,
            bench.reserve,
            bench.operations,
            [(bench.token.address, False)],
        )
        self.call = self.contract.functions
        self.count = 0
        for account in (bench.stranger, bench.payees[0]):
            bench.send(bench.token.functions.transfer(account, 100 * PRICE), bench.donor)
        for account in (bench.donor, bench.stranger, bench.payees[0], self.payee):
            approval = bench.token.functions.approve(self.contract.address, UNLIMITED)
            bench.send(approval, account)

    def proposal(self, asset: str, *, is_loan: bool = False) -> Any:
        deadline, stages = self.bench.node.now + 30 * DAY, [5_000, 3_000, 2_000]
        terms = [self.payee, SDG, asset, 10**24, deadline, stages, HASH, PAGE, is_loan]
        return self.call.propose(CHARITY, *terms)

    def open(self, asset: str, *, is_loan: bool = False) -> int:
        self.bench.send(self.proposal(asset, is_loan=is_loan), self.sponsor)
        self.count += 1
        self.bench.send(self.call.accept(self.count), self.payee)
        return self.count

    def give(self, project: int, *donors: Any) -> None:
        for donor in donors:
            call = self.call.donate_token(project, self.bench.token.address, PRICE, MEMO)
            self.bench.send(call, donor)


def _impact(found: Measurements[Bench]) -> None:
    bench = found.bench
    fund = ImpactFund(bench)
    call, token, donor, stranger = fund.call, bench.token.address, bench.donor, bench.stranger
    # the first of all, then one more
    for name in (f"{PROPOSE}, cold", PROPOSE):
        found.take(name, fund.proposal(token, is_loan=True), fund.sponsor)
    found.take(f"{ACCEPT}, cold", call.accept(1), fund.payee)
    found.take(ACCEPT, call.accept(2), fund.payee)
    fund.count = 2
    project, rejected = 1, 2
    bench.send(bench.token.functions.transfer(fund.contract.address, 1), donor)
    gift = call.donate_token(project, token, PRICE, MEMO)
    found.cold_and_warm(IMPACT_GIFT, lambda: gift, donor, trace=True)
    in_coin = call.donate_native(fund.open(NATIVE), MEMO)
    found.cold_and_warm(IMPACT_GIFT_NATIVE, lambda: in_coin, donor, WEI)
    fund.give(project, stranger)
    fund.give(rejected, donor, stranger, bench.payees[0])

    bench.node.advance(30 * DAY)
    found.take(REPORT, call.report(project, 0, HASH, PAGE), fund.payee)
    bench.send(call.vote(project, 0, True), stranger)
    found.take(VOTE, call.vote(project, 0, True), donor)
    bench.node.advance(14 * DAY)
    found.take(f"{RELEASE}, cold", call.release(project), stranger)
    found.take(f"{IMPACT_CLAIM}, cold", call.claim(project), stranger)
    bench.send(call.report(project, 1, HASH, PAGE), fund.payee)
    bench.node.advance(14 * DAY)
    found.take(RELEASE, call.release(project), stranger)
    found.take(IMPACT_CLAIM, call.claim(project), stranger, trace=True)

    # what is repaid waits in the pool for the next project of its goal
    repayment = call.repay(project, PRICE // 4, MEMO)
    bench.send(repayment, fund.payee)
    found.take(REPAY, repayment, fund.payee)
    fund.open(token)
    found.take("impact fund: lending, two passed over", call.lend(SDG, token), stranger)
    bench.send(repayment, fund.payee)
    found.take(LEND, call.lend(SDG, token), stranger)

    bench.node.advance(180 * DAY)
    found.take(REJECT, call.reject(rejected), stranger)
    # the first one has none of the token any more
    first = bench.payees[0]
    rest = bench.token.functions.balanceOf(first).call()
    bench.send(bench.token.functions.transfer(donor, rest), first)
    found.take(f"{IMPACT_REFUND}, cold", call.refund_for(rejected, first), stranger)
    found.take(IMPACT_REFUND, call.refund_for(rejected, donor), stranger, trace=True)
    # the last of its project
    many = call.refund_many(rejected, [stranger])
    found.take("impact fund: refund of many (one), ERC-20", many, donor)
