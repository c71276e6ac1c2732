"""A wallet for the page: announced by EIP-6963, asking nobody, signing with a real key.

The page's side is a script that forwards every request; this side signs and sends to the node.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.types import RPCEndpoint

REJECTED = {"code": 4001, "message": "User rejected the request."}
UNKNOWN_CHAIN = {"code": 4902, "message": "Unrecognized chain ID."}
UNSUPPORTED = {"code": 4200, "message": "The method is not supported."}

_PROVIDER = """
const listeners = new Map();
const provider = {
  request: async ({ method, params }) => {
    const body = JSON.stringify({ method, params: params ?? [] });
    const answer = await (await fetch("/wallet", { method: "POST", body })).json();
    if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
    if (method === "wallet_switchEthereumChain" || method === "wallet_addEthereumChain") {
      for (const tell of listeners.get("chainChanged") ?? []) tell(params[0].chainId);
    }
    return answer.result;
  },
  on: (name, tell) => listeners.set(name, [...(listeners.get(name) ?? []), tell]),
  removeListener: (name, tell) =>
    listeners.set(name, (listeners.get(name) ?? []).filter((each) => each !== tell)),
};
"""
_ANNOUNCED = """
const info = {
  uuid: "3f0b9a0e-53c8-4b7c-9d8f-1d0b7b0f4a51", name: "Test wallet", rdns: "test.wallet",
  icon: "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E",
};
const announce = () => window.dispatchEvent(new CustomEvent(
  "eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }));
window.addEventListener("eip6963:requestProvider", announce);
announce();
"""

EIP_6963 = f"(() => {{ {_PROVIDER} {_ANNOUNCED} }})();"
EIP_1193 = f"(() => {{ {_PROVIDER} window.ethereum = provider; }})();"


@dataclass
class Wallet:
    """What answers the page. `refusals`: method -> error instead of an answer."""

    w3: Web3
    account: LocalAccount
    chain_id: int
    refusals: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The transactions that the page asked for."""
        return [params[0] for method, params in self.requests if method == "eth_sendTransaction"]

    @property
    def signed(self) -> list[dict[str, Any]]:
        """The typed data that the page asked to have signed."""
        return [
            json.loads(params[1])
            for method, params in self.requests
            if method == "eth_signTypedData_v4"
        ]

    def answer(self, method: str, params: Any) -> dict[str, Any]:
        """A JSON-RPC result or error."""
        self.requests.append((method, params))
        if method in self.refusals:
            return {"error": self.refusals[method]}
        if method in ("eth_requestAccounts", "eth_accounts"):
            return {"result": [self.account.address]}
        if method == "eth_chainId":
            return {"result": hex(self.chain_id)}
        if method in ("wallet_switchEthereumChain", "wallet_addEthereumChain"):
            self.chain_id = int(params[0]["chainId"], 16)
            return {"result": None}
        if method == "eth_signTypedData_v4":
            assert params[0].lower() == self.account.address.lower()
            signed = Account.sign_typed_data(self.account.key, full_message=json.loads(params[1]))
            return {"result": "0x" + signed.signature.hex()}
        if method == "eth_sendTransaction":
            return {"result": self._send(params[0])}
        return dict(self.w3.provider.make_request(RPCEndpoint(method), params))

    def _send(self, asked: dict[str, Any]) -> str:
        transaction = {
            "to": Web3.to_checksum_address(asked["to"]),
            "data": asked["data"],
            "value": int(asked["value"], 16),
            "chainId": int(asked["chainId"], 16),
            "nonce": self.w3.eth.get_transaction_count(self.account.address),
            "maxFeePerGas": 2 * self.w3.eth.gas_price,
            "maxPriorityFeePerGas": 10**9,
            "from": self.account.address,
        }
        assert asked["from"].lower() == self.account.address.lower()
        gas = asked.get("gas")
        transaction["gas"] = self.w3.eth.estimate_gas(transaction) if gas is None else int(gas, 16)
        signed = self.account.sign_transaction(transaction)
        return "0x" + self.w3.eth.send_raw_transaction(signed.raw_transaction).hex()
