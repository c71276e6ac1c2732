"""The giving contracts on a local chain, with charities and funds in every state a page can meet.

The owner is an account here, not a timelock, so that an epoch can be announced at once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak
from web3.contract import Contract
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


def account(role: str) -> LocalAccount:
    """An account by what it does; the same name is the same key in every run."""
    key = keccak(text=f"donablock browser role: {role}")
    found: LocalAccount = Account.from_key(key)
    return found


def document(name: str, description: str) -> str:
    """A charity's description."""
    return json.dumps({"name": name, "description": description})


@dataclass
class World:
    node: Anvil
    session: Session
    registry: Contract
    giving: Contract
    funds: Contract
    receipts: Contract
    # 6 decimals, EIP-2612
    stable: Contract
    # 6 decimals, approve only and only to or from zero, returns nothing, has no symbol
    usdt: Contract
    # name -> charity id
    charities: dict[str, int]
    # path -> description, to be served beside the page
    documents: dict[str, bytes]

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
            },
            "assets": [{"address": self.usdt.address, "symbol": "USDT"}],
            "metadata": "metadata",
            "ipfs_gateway": None,
        } | changes


def build(node: Anvil) -> World:
    """Deploys and sets up; about 40 transactions."""
    deployer = Session(node.w3, node.chain_id, LocalSigner.test_account(0))
    owner, registrar, guardian, operations, reserve = (
        account(role).address
        for role in ("owner", "registrar", "guardian", "operations", "reserve")
    )
    for role in ("owner", "registrar", "guardian", "donor", "water"):
        node.set_balance(account(role).address, 10**21)

    stable = deployer.deploy("PlainToken", "Test Dollar", "USDX", 6)
    usdt = deployer.deploy("UsdtToken")
    registry = deployer.deploy("CharityRegistry", owner, registrar, guardian, 2 * DAY, [])
    nonce = node.w3.eth.get_transaction_count(deployer.address)
    ahead = [get_create_address(deployer.address, nonce + step) for step in range(3)]
    listings = [(stable.address, False), (usdt.address, True)]
    receipts = deployer.deploy("ReceiptBook", registry.address, ahead[1:], "ETH")
    common = (registry.address, receipts.address, reserve)
    giving = deployer.deploy("Giving", owner, *common, operations, listings)
    funds = deployer.deploy("IndexFunds", owner, guardian, *common, 3 * DAY, listings)
    assert [receipts.address, giving.address, funds.address] == ahead

    donor = account("donor").address
    deployer.send(stable.functions.mint(donor, 10_000 * 10**6))
    deployer.send(usdt.functions.mint(donor, 5_000 * 10**6))

    world = World(node, deployer, registry, giving, funds, receipts, stable, usdt, {}, {})
    _add_charities(world)
    _add_funds(world)
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
