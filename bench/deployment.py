"""The giving contracts on a local node, as the gas benchmark needs them.

The same contracts as everywhere, but with a plain account as timelock, so that what only the
timelock may do can be measured without the timelock's own cost (which is measured apart).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_typing import ChecksumAddress
from web3 import Web3
from web3.contract import Contract
from web3.types import TxReceipt

from donablock.chain.artifacts import artifact
from donablock.chain.node import Anvil

DAY = 86_400
MONTH = 365 * DAY // 12
NATIVE = Web3.to_checksum_address("0x" + "00" * 20)
NOTICE = 3 * DAY
PAYEE_DELAY = 2 * DAY
# A limit, not a figure: what is measured is what a transaction used.
GAS_LIMIT = 16_000_000


@dataclass
class Bench:
    """One node with everything deployed. Accounts are unlocked ones of the node."""

    node: Anvil
    w3: Web3
    owner: ChecksumAddress
    guardian: ChecksumAddress
    reserve: ChecksumAddress
    operations: ChecksumAddress
    donor: ChecksumAddress
    stranger: ChecksumAddress
    payees: list[ChecksumAddress]
    token: Contract
    permit_token: Contract
    dobo: Contract
    give: Contract
    registry: Contract
    receipts: Contract
    giving: Contract
    funds: Contract

    def send(self, call: Any, sender: ChecksumAddress, value: int = 0) -> TxReceipt:
        """Send a bound contract function. Raises when it reverts."""
        return send(self.w3, call, sender, value)

    def gas(self, call: Any, sender: ChecksumAddress, value: int = 0) -> int:
        """Whole-transaction gas: base and calldata included, refunds taken off."""
        return int(self.send(call, sender, value)["gasUsed"])


def send(
    w3: Web3, call: Any, sender: ChecksumAddress, value: int = 0, gas: int = GAS_LIMIT
) -> TxReceipt:
    transaction = {"from": sender, "value": value, "gas": gas}
    receipt = w3.eth.wait_for_transaction_receipt(call.transact(transaction))
    if receipt["status"] != 1:
        raise RuntimeError(f"{call.fn_name} reverted")
    return receipt


def deploy(w3: Web3, deployer: ChecksumAddress, name: str, *arguments: Any) -> Contract:
    made = artifact(name)
    factory = w3.eth.contract(abi=made.abi, bytecode=made.creation)
    hash_ = factory.constructor(*arguments).transact({"from": deployer, "gas": GAS_LIMIT})
    receipt = w3.eth.wait_for_transaction_receipt(hash_)
    address = receipt["contractAddress"]
    if receipt["status"] != 1 or address is None:
        raise RuntimeError(f"{name} was not deployed")
    return w3.eth.contract(address, abi=made.abi)


def address_of_create(deployer: ChecksumAddress, nonce: int) -> ChecksumAddress:
    """Where a contract comes to lie that `deployer` creates with this nonce (below 128)."""
    coded = b"\xd6\x94" + bytes.fromhex(deployer[2:]) + (bytes([nonce]) if nonce else b"\x80")
    return Web3.to_checksum_address(Web3.keccak(coded)[12:])


def build(node: Anvil) -> Bench:
    """Deploy everything. What of the node's accounts is left over plays the charities' payees."""
    w3 = node.w3
    accounts: Sequence[ChecksumAddress] = w3.eth.accounts
    owner, guardian, reserve, operations, donor, stranger, *payees = accounts
    token = deploy(w3, owner, "BareToken", 6)
    permit_token = deploy(w3, owner, "PlainToken", "Stablecoin", "USD", 6)
    registry = deploy(w3, owner, "CharityRegistry", owner, owner, guardian, PAYEE_DELAY, [])
    give = deploy(w3, owner, "DonaGive", token.address, registry.address, reserve)
    dobo = _dobo(node, owner, donor)
    listings = [(asset.address, False) for asset in (token, permit_token, dobo)]
    nonce = w3.eth.get_transaction_count(owner)
    predicted = [address_of_create(owner, nonce + 1), address_of_create(owner, nonce + 2)]
    receipts = deploy(w3, owner, "ReceiptBook", registry.address, predicted, "ETH")
    giving = deploy(
        w3,
        owner,
        "Giving",
        owner,
        registry.address,
        receipts.address,
        reserve,
        operations,
        listings,
    )
    funds = deploy(
        w3,
        owner,
        "IndexFunds",
        owner,
        guardian,
        registry.address,
        receipts.address,
        reserve,
        NOTICE,
        listings,
    )
    assert [giving.address, funds.address] == predicted
    return Bench(
        node=node,
        w3=w3,
        owner=owner,
        guardian=guardian,
        reserve=reserve,
        operations=operations,
        donor=donor,
        stranger=stranger,
        payees=list(payees),
        token=token,
        permit_token=permit_token,
        dobo=dobo,
        give=give,
        registry=registry,
        receipts=receipts,
        giving=giving,
        funds=funds,
    )


def _dobo(node: Anvil, owner: ChecksumAddress, holder: ChecksumAddress) -> Contract:
    """The real DOBO, released from a real vesting whose liquidity group the holder is."""
    w3 = node.w3
    nonce = w3.eth.get_transaction_count(owner)
    predicted = address_of_create(owner, nonce + 1)
    vesting = deploy(w3, owner, "Vesting", predicted, node.now + DAY, [holder] * 9)
    dobo = deploy(w3, owner, "DonaBlock", vesting.address)
    assert dobo.address == predicted
    node.advance(MONTH + DAY)
    liquidity = 1
    send(w3, vesting.functions.release(liquidity), owner)
    return dobo
