"""The giving contracts on a local chain: charities, funds and campaigns as a page can meet them.

The owner is an account here, not a timelock, so that an epoch can be announced at once.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak
from web3.contract import Contract
from web3.logs import DISCARD
from web3.utils.address import get_create_address

from donablock.chain.keys import LocalSigner
from donablock.chain.node import Anvil
from donablock.chain.session import Session

DAY = 86_400
NATIVE = "0x" + "00" * 20
HOSTILE = (
    'Evil <img src=x onerror="window.pwned=1"> \u202ednuf\u202c <script>window.pwned=1</script>'
)
UNREACHABLE = "ipfs://bafkreigh2akiscaildc"
PICTURE = "bafybeiart/bucket.png"
DRAWN = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'%3E"
    "%3Cpath d='M0 0h9v9'/%3E%3C/svg%3E"
)
# none of which a page may load
ARTWORK = (
    "javascript:window.pwned=1",
    "https://tracker.example/{}.png",
    "ipfs://bafybeiart/../../secret",
    "data:text/html,window.pwned=1",
)


def account(role: str) -> LocalAccount:
    """An account by what it does; the same name is the same key in every run."""
    key = keccak(text=f"donablock browser role: {role}")
    found: LocalAccount = Account.from_key(key)
    return found


def document(name: str, description: str) -> str:
    """A charity's description."""
    return json.dumps({"name": name, "description": description})


def png(red: int, green: int, blue: int) -> bytes:
    """A picture of 8 x 8 points in one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        sum_ = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + sum_

    row = b"\0" + bytes((red, green, blue)) * 8
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * 8)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@dataclass
class World:
    node: Anvil
    session: Session
    registry: Contract
    giving: Contract
    funds: Contract
    receipts: Contract
    factory: Contract
    # 6 decimals, EIP-2612
    stable: Contract
    # 6 decimals, approve only and only to or from zero, returns nothing, has no symbol
    usdt: Contract
    # name -> charity id
    charities: dict[str, int]
    # path -> description or picture, to be served beside the page
    documents: dict[str, bytes]
    # name -> campaign, in the order of their numbers
    campaigns: dict[str, Contract]

    def as_(self, role: str) -> Session:
        return self.session.as_(LocalSigner(account(role).key))

    def payee(self, name: str) -> str:
        return account(name).address

    def config(self, **changes: Any) -> dict[str, Any]:
        """config.json for the page, as donablock.giving.page_config writes it."""
        return {
            "chain_id": self.node.chain_id,
            "network": "Local chain",
            "coin": {"symbol": "ETH"},
            "rpc_urls": [self.node.url],
            "explorer": None,
            "confirmations": 1,
            "from_block": 0,
            # small, so that the list really is put together from pages
            "log_page": 16,
            "contracts": {
                "registry": self.registry.address,
                "giving": self.giving.address,
                "funds": self.funds.address,
                "receipts": self.receipts.address,
                "campaigns": self.factory.address,
            },
            "assets": [{"address": self.usdt.address, "symbol": "USDT"}],
            "metadata": "metadata",
            "ipfs_gateway": None,
        } | changes


def build(node: Anvil) -> World:
    """Deploys and sets up; about 60 transactions."""
    deployer = Session(node.w3, node.chain_id, LocalSigner.test_account(0))
    owner, registrar, guardian, operations, reserve = (
        account(role).address
        for role in ("owner", "registrar", "guardian", "operations", "reserve")
    )
    creators = ("water", "school", "forest", HOSTILE)
    for role in ("owner", "registrar", "guardian", "donor", "backer", *creators):
        node.set_balance(account(role).address, 10**21)

    stable = deployer.deploy("PlainToken", "Test Dollar", "USDX", 6)
    usdt = deployer.deploy("UsdtToken")
    registry = deployer.deploy("CharityRegistry", owner, registrar, guardian, 2 * DAY, [])
    nonce = node.w3.eth.get_transaction_count(deployer.address)
    ahead = [get_create_address(deployer.address, nonce + step) for step in range(5)]
    listings = [(stable.address, False), (usdt.address, True)]
    receipts = deployer.deploy("ReceiptBook", registry.address, ahead[1:3], "ETH")
    common = (registry.address, receipts.address, reserve)
    giving = deployer.deploy("Giving", owner, *common, operations, listings)
    funds = deployer.deploy("IndexFunds", owner, guardian, *common, 3 * DAY, listings)
    campaign = deployer.deploy("Campaign", ahead[4], registry.address, reserve)
    factory = deployer.deploy(
        "CampaignFactory", owner, guardian, registry.address, reserve, campaign.address, listings
    )
    made = (receipts, giving, funds, campaign, factory)
    assert [contract.address for contract in made] == ahead

    donor = account("donor").address
    deployer.send(stable.functions.mint(donor, 10_000 * 10**6))
    deployer.send(usdt.functions.mint(donor, 5_000 * 10**6))

    contracts = (registry, giving, funds, receipts, factory)
    world = World(node, deployer, *contracts, stable, usdt, {}, {}, {})
    _add_charities(world)
    _add_funds(world)
    _add_campaigns(world)
    return world


def _add_charities(world: World) -> None:
    by = world.as_("registrar")
    now = by.now

    def verify(name: str, about: str | None, goals: list[int], days: int = 365) -> None:
        described = document(name, about) if about is not None else "nobody has this document"
        metadata_hash = keccak(text=described)
        if about is not None:
            world.documents[f"/metadata/0x{metadata_hash.hex()}.json"] = described.encode()
        number = len(world.charities) + 1
        world.charities[name] = number
        by.send(
            world.registry.functions.verify(
                account(name).address,
                keccak(text=f"GB:CHC:{1_000_000 + number}"),
                sum(1 << (goal - 1) for goal in goals),
                metadata_hash,
                UNREACHABLE,
                now + days * DAY,
                keccak(text="evidence"),
            )
        )

    verify("water", "Wells and taps for villages without either.", [3, 6])
    verify("school", "A desk, a book and a teacher for every child.", [4, 5, 10])
    verify("forest", "Trees where there were trees, planted by who lives there.", [13, 15])
    verify("suspended", "Under review by the registrar.", [1])
    verify("revoked", "Struck off.", [2])
    verify("expired", "Not renewed in time.", [16], days=3)
    verify(HOSTILE, "<b>bold</b> promises " + "x" * 400, [17])
    verify("silent", None, [11])
    verify("lies", "What the registrar saw.", [12])
    # a document whose hash is not the one in the registry
    path = next(p for p, d in world.documents.items() if b"What the registrar saw" in d)
    world.documents[path] = document("Another name", "not what the registrar saw").encode()

    by.send(world.registry.functions.suspend(world.charities["suspended"], bytes(32)))
    world.as_("owner").send(world.registry.functions.revoke(world.charities["revoked"], bytes(32)))


def _add_funds(world: World) -> None:
    by = world.as_("owner")
    water, school, forest = (world.charities[name] for name in ("water", "school", "forest"))
    by.send(world.funds.functions.announce_epoch(6, [water, school, forest], [5000, 3000, 2000]))
    by.send(world.funds.functions.announce_epoch(13, [forest], [1]))
    by.send(world.funds.functions.announce_epoch(4, [water, school], [1, 2]))
    # the notice, and the term of the charity that is not renewed
    world.node.advance(3 * DAY + 60)
    by.send(world.funds.functions.announce_epoch(15, [forest], [1]))
    # every timestamp from here on is at least this one, whatever the machine's clock


def _add_campaigns(world: World) -> None:
    """By the charities' payees: in the coin, in a token with permit and milestones, in one without,
    and one that is hostile in every word."""
    now = world.session.now
    world.documents[f"/ipfs/{PICTURE}"] = png(15, 92, 87)
    # what the charities' own addresses name: it is not the document that was verified
    world.documents["/ipfs/" + UNREACHABLE.removeprefix("ipfs://")] = b"{}"

    def open_campaign(name: str, charity: str, asset: str, goal: int, **changes: Any) -> None:
        terms = {
            "days": 30,
            "strict": True,
            "page": "https://example.org/campaign",
            "symbol": name[:4].upper(),
            "tiers": [(goal // 10, 100, f"ipfs://{PICTURE}")],
            "milestones": [],
        } | changes
        by = world.as_(charity)
        call = world.factory.functions.create(
            world.charities[charity],
            (
                asset,
                goal,
                # an hour more, so that the page counts whole days
                now + terms["days"] * DAY + 3_600,
                terms["strict"],
                500,
                name,
                terms["symbol"],
                terms["page"],
                terms["tiers"],
                terms["milestones"],
            ),
        )
        receipt = by.send(call)
        (created,) = world.factory.events.CampaignCreated().process_receipt(receipt, DISCARD)
        world.campaigns[name] = by.at("Campaign", created["args"]["campaign"])

    ether = 10**18
    wells = [
        (ether // 10, 1_000, f"ipfs://{PICTURE}"),
        (ether, 1, DRAWN),
        (5 * ether, 3, "ar://somewhere/else"),
    ]
    open_campaign("Wells for Turkana", "water", NATIVE, 10 * ether, tiers=wells)
    wells_of = world.campaigns["Wells for Turkana"]
    world.as_("backer").send(wells_of.functions.pledge_native(1, bytes(32)), value=ether)
    open_campaign("Desks", "school", world.stable.address, 100 * 10**6, milestones=[3_000, 5_000])
    open_campaign("Trees", "forest", world.usdt.address, 50 * 10**6, strict=False, days=10)
    open_campaign(
        "\u202eliveE ' onerror=window.pwned=1",
        HOSTILE,
        NATIVE,
        ether,
        symbol="\u202e",
        page="javascript:window.pwned=1",
        tiers=[(ether // 10, 5, uri) for uri in ARTWORK],
    )
