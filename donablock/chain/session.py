"""One account on one chain: calls, transactions, and the contracts deployed there by name.

    session = Session(w3, 31337, LocalSigner.test_account(0), addresses=addresses)
    giving = session.contract("Giving")
    receipt = session.send(giving.functions.donate_native(1, memo), value=10**18)

What the chain refuses comes back as an error of errors.py, with the contract's own reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, cast

import requests
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_typing import ChecksumAddress, HexStr
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.exceptions import (
    ContractCustomError,
    ContractLogicError,
    ContractPanicError,
    TransactionNotFound,
    Web3Exception,
    Web3RPCError,
)
from web3.types import Nonce, StateOverride, TxParams, TxReceipt, Wei

from donablock.chain import artifacts
from donablock.chain.artifacts import ABI
from donablock.chain.logs import Event, LogReader
from donablock.errors import (
    ChainError,
    FundsError,
    InputError,
    NodeError,
    NotMinedError,
    ReplacedError,
    RevertError,
    SignerError,
    WrongChainError,
)
from donablock.settings import settings

# what an estimate may be short of, in percent: state moves between estimate and block
GAS_MARGIN = 20
# seconds between looks for a receipt, doubled up to the last
_POLL = (0.02, 2.0)
_PANICS = {
    0x01: "an assertion failed",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x32: "index out of bounds",
}


class Signer(Protocol):
    """An account that signs. Its key stays with it."""

    @property
    def address(self) -> ChecksumAddress: ...

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """The signed transaction as sent to a node. Raises SignerError where it declines."""

    def sign_typed_data(self, data: Mapping[str, Any]) -> tuple[int, bytes, bytes]:
        """(v, r, s) of a whole EIP-712 message: types, primaryType, domain, message."""


class Session:
    """Amounts in wei or the token's smallest unit, times in unix seconds, hashes as 0x text."""

    def __init__(
        self,
        w3: Web3,
        chain_id: int,
        signer: Signer | None = None,
        *,
        addresses: Mapping[str, str] | None = None,
        confirmations: int = 0,
        timeout: float | None = None,
    ) -> None:
        """
        addresses: contract name -> address, as in the manifest of the chain.
        confirmations: blocks to wait for after the one with the transaction.
        timeout: seconds until NotMinedError (the settings' transaction_timeout if None).

        Raises WrongChainError, and NodeError where no node answers.
        """
        self.w3 = w3
        self.chain_id = chain_id
        self.confirmations = confirmations
        self._signer = signer
        self._timeout = settings().transaction_timeout if timeout is None else timeout
        self._addresses = {
            name: to_checksum_address(address) for name, address in (addresses or {}).items()
        }
        self._contracts: dict[tuple[str, ChecksumAddress], Contract] = {}
        found = ask(lambda: w3.eth.chain_id)
        if found != chain_id:
            raise WrongChainError(chain_id, found)

    # --- who and what -------------------------------------------------------------------------

    @property
    def signer(self) -> Signer:
        if self._signer is None:
            raise SignerError("this needs an account to sign with; name one with --account")
        return self._signer

    @property
    def address(self) -> ChecksumAddress:
        """The signer's."""
        return self.signer.address

    @property
    def timeout(self) -> float:
        """Seconds to wait until a transaction is in a block."""
        return self._timeout

    @property
    def addresses(self) -> dict[str, ChecksumAddress]:
        """Our contracts: name -> address."""
        return dict(self._addresses)

    def as_(self, signer: Signer) -> Session:
        """The same chain and contracts with another account."""
        return Session(
            self.w3,
            self.chain_id,
            signer,
            addresses=self._addresses,
            confirmations=self.confirmations,
            timeout=self._timeout,
        )

    def contract(self, name: str) -> Contract:
        """One of our contracts by name ("Giving"). Raises InputError if it is not deployed here."""
        address = self._addresses.get(name)
        if address is None:
            known = ", ".join(self._addresses) or "none"
            raise InputError(
                f"there is no {name} on chain {self.chain_id} (deployed are: {known}); "
                "deploy first: ape run deploy --network ..."
            )
        return self.at(name, address)

    def at(self, name: str, address: str) -> Contract:
        """A contract with the ABI of `name` at an address."""
        key = (name, to_checksum_address(address))
        if key not in self._contracts:  # web3 takes milliseconds to make one
            self._contracts[key] = self.at_abi(address, artifacts.abi(name))
        return self._contracts[key]

    def at_abi(self, address: str, abi: ABI) -> Contract:
        return self.w3.eth.contract(address=to_checksum_address(address), abi=cast(Any, abi))

    @property
    def now(self) -> int:
        """The latest block's second: contracts know no other time."""
        return int(ask(lambda: self.w3.eth.get_block("latest")["timestamp"]))

    def balance(self, account: str | None = None) -> int:
        """Native coin, in wei."""
        of = to_checksum_address(account) if account is not None else self.address
        return int(ask(lambda: self.w3.eth.get_balance(of)))

    # --- transactions -------------------------------------------------------------------------

    def estimate(
        self, call: ContractFunction, value: int = 0, override: StateOverride | None = None
    ) -> int:
        """Gas that sending it would use, without the margin. Raises RevertError with the reason.

        override: what the node should pretend about accounts and storage.
        """
        transaction = self._call(call, value)
        return self._estimate(transaction, _name(call), override)

    def _estimate(
        self, transaction: TxParams, name: str, override: StateOverride | None = None
    ) -> int:
        if override:
            return int(
                ask(lambda: self.w3.eth.estimate_gas(transaction, "pending", override), name)
            )
        return int(ask(lambda: self.w3.eth.estimate_gas(transaction), name))

    def send(self, call: ContractFunction, value: int = 0, *, gas: int | None = None) -> TxReceipt:
        """Sends and waits until it is in a block (and confirmed). `value` in wei.

        gas: a limit of one's own instead of the estimate and its margin. Raises RevertError,
        FundsError, NotMinedError, SignerError, NodeError.
        """
        transaction = self._call(call, value)
        sent, name = self._submit(transaction, _name(call), gas), _name(call)
        return self.wait(sent, name)

    def submit(self, call: ContractFunction, value: int = 0, *, gas: int | None = None) -> str:
        """Sends without waiting; the transaction's hash. `wait` for it later."""
        return self._submit(self._call(call, value), _name(call), gas)

    def send_coin(self, receiver: str, value: int) -> TxReceipt:
        """Native coin to an address."""
        to = to_checksum_address(receiver)
        transaction: TxParams = {"from": self.address, "to": to, "value": Wei(value)}
        return self.wait(self._submit(transaction, "the transfer", None), "the transfer")

    def deploy(self, name: str, *arguments: Any) -> Contract:
        """Creates a contract outside of a deployment: test doubles, mostly."""
        found = artifacts.artifact(name)
        factory = self.w3.eth.contract(abi=cast(Any, found.abi), bytecode=found.creation)
        call = factory.constructor(*arguments)
        transaction: TxParams = {"from": self.address, "data": call.data_in_transaction}
        receipt = self.wait(self._submit(transaction, f"creating {name}", None), name)
        return self.at_abi(str(receipt["contractAddress"]), found.abi)

    def _call(self, call: ContractFunction, value: int) -> TxParams:
        return {
            "from": self.address,
            "to": call.address,
            "value": Wei(value),
            "data": call._encode_transaction_data(),
        }

    def _submit(self, transaction: TxParams, name: str, gas: int | None) -> str:
        return self.broadcast(self.sign(self.fill(transaction, name, gas)), name)

    def fill(
        self, transaction: TxParams, name: str, gas: int | None = None, nonce: int | None = None
    ) -> TxParams:
        """With gas, fees, nonce and chain id: what a signer signs."""
        if gas is None:
            estimate = self._estimate(transaction, name)
            gas = estimate + estimate * GAS_MARGIN // 100
        if nonce is None:
            nonce = self.next_nonce()
        filled: TxParams = {
            **transaction,
            "gas": gas,
            "nonce": Nonce(nonce),
            "chainId": self.chain_id,
            **self.fees(),
        }
        filled.pop("from", None)
        return filled

    def next_nonce(self) -> int:
        return int(ask(lambda: self.w3.eth.get_transaction_count(self.address, "pending")))

    def fees(self) -> TxParams:
        """EIP-1559 fees, enough for six full blocks; the legacy price where there are none."""
        base = ask(lambda: self.w3.eth.get_block("latest")).get("baseFeePerGas")
        if base is None:
            return {"gasPrice": Wei(ask(lambda: self.w3.eth.gas_price))}
        tip = ask(lambda: self.w3.eth.max_priority_fee)
        return {"maxFeePerGas": Wei(2 * base + tip), "maxPriorityFeePerGas": Wei(tip)}

    def sign(self, transaction: TxParams) -> bytes:
        return self.signer.sign_transaction(cast(Mapping[str, Any], transaction))

    def broadcast(self, raw: bytes, name: str = "the transaction") -> str:
        """Hands a signed transaction to the node; its hash. One that the node has is no error."""
        own = "0x" + Web3.keccak(raw).hex().removeprefix("0x")
        try:
            ask(lambda: self.w3.eth.send_raw_transaction(raw), name)
        except ChainError as error:
            known = ("already known", "already imported", "known transaction")
            if not any(words in str(error).lower() for words in known):
                raise
        return own

    def receipt(self, transaction: str) -> TxReceipt | None:
        """The receipt, or None while it is in no block."""
        try:
            return ask(lambda: self.w3.eth.get_transaction_receipt(cast(HexStr, transaction)))
        except NotFound:
            return None

    def wait(self, transaction: str, name: str = "the transaction") -> TxReceipt:
        """Until it is in a block and confirmed. Raises RevertError if it failed there."""
        deadline, pause = time.monotonic() + self._timeout, _POLL[0]
        while True:
            receipt = self.receipt(transaction)
            if receipt is not None and self._is_confirmed(receipt):
                break
            if time.monotonic() > deadline:
                raise NotMinedError(transaction)
            time.sleep(pause)
            pause = min(2 * pause, _POLL[1])
        if receipt["status"] != 1:
            raise RevertError(self._reason(receipt), name)
        return receipt

    def _is_confirmed(self, receipt: TxReceipt) -> bool:
        if not self.confirmations:
            return True
        return ask(lambda: self.w3.eth.block_number) >= receipt["blockNumber"] + self.confirmations

    def _reason(self, receipt: TxReceipt) -> str:
        """Asks the node to do it once more, on the state before its block."""
        sent = ask(lambda: self.w3.eth.get_transaction(receipt["transactionHash"]))
        again: TxParams = {
            "from": sent["from"],
            "value": sent["value"],
            "data": sent["input"],
            "gas": sent["gas"],
        }
        if sent.get("to"):
            again["to"] = sent["to"]
        try:
            ask(lambda: self.w3.eth.call(again, receipt["blockNumber"] - 1))
        except RevertError as error:
            return error.reason
        except ChainError:
            pass
        return ""

    # --- logs ---------------------------------------------------------------------------------

    @property
    def reader(self) -> LogReader:
        """Decodes the logs of our contracts on this chain."""
        return LogReader(
            {address: (name, artifacts.abi(name)) for name, address in self._addresses.items()}
        )

    def events(self, receipt: TxReceipt, name: str = "") -> list[Event]:
        """What our contracts logged in a transaction; only events called `name`, if given."""
        found = self.reader.decode(receipt["logs"])
        return [event for event in found if not name or event.name == name]

    def __repr__(self) -> str:
        who = self._signer.address if self._signer is not None else "nobody"
        return f"Session(chain {self.chain_id}, {who})"


class NotFound(ChainError):
    """The node knows no such transaction."""


_T = TypeVar("_T")


def ask(question: Callable[[], _T], name: str = "") -> _T:
    """Asks the node, and turns what goes wrong into our errors."""
    try:
        return question()
    except TransactionNotFound as error:
        raise NotFound(str(error)) from error
    except ContractPanicError as error:
        raise RevertError(_panic(error), name) from error
    except ContractCustomError as error:
        raise RevertError(f"custom error {error.data}", name) from error
    except ContractLogicError as error:
        raise RevertError(reason_of(error), name) from error
    except Web3RPCError as error:
        raise _node_error(error, name) from error
    except (requests.exceptions.RequestException, ConnectionError, TimeoutError) as error:
        raise NodeError(
            f"the node does not answer ({type(error).__name__}); start it, or name another one, "
            "and run this again"
        ) from error
    except Web3Exception as error:
        raise ChainError(f"{name or 'the node'}: {error}") from error
    except Exception as error:
        # ape's test provider: eth-tester raises its own errors, which web3 hands through
        if type(error).__module__.partition(".")[0] not in ("eth_tester", "eth", "eth_utils"):
            raise
        if type(error).__name__ == "TransactionFailed":
            raise RevertError(_reason_text(str(error)), name) from error
        raise ChainError(f"{name or 'the node'}: {error}") from error


def reader(contract: Contract, block: int | None = None) -> Callable[..., Any]:
    """read(function, *arguments): what a contract answers, or answered after a block."""

    def read(name: str, *arguments: Any) -> Any:
        return ask(lambda: contract.functions[name](*arguments).call(block_identifier=block))

    return read


def reason_of(error: ContractLogicError) -> str:
    """What the contract said: from the revert's data, else from the node's message."""
    data = error.data
    if isinstance(data, str) and data.startswith("0x08c379a0"):
        try:
            return str(decode(["string"], HexBytes(data)[4:])[0])
        except (DecodingError, UnicodeDecodeError):
            pass
    return _reason_text(str(error.message or ""))


def _reason_text(message: str) -> str:
    text = message.strip()
    for prefix in ("execution reverted", "reverted"):
        if text.lower().startswith(prefix):
            text = text[len(prefix) :]
    text = text.lstrip(":, ").strip()
    return "" if text in ("0x", "no data", "b''") else text


def _panic(error: ContractPanicError) -> str:
    data = str(error.data or "")
    code = int(data[-64:], 16) if data.startswith("0x4e487b71") and len(data) >= 74 else None
    return _PANICS.get(code or 0, str(error.message or "arithmetic error"))


def _node_error(error: Web3RPCError, name: str) -> ChainError:
    answer = error.rpc_response or {}
    message = str(cast(Any, answer).get("error", {}).get("message") or error.message or error)
    low = message.lower()
    if "insufficient funds" in low or "insufficient balance" in low:
        return FundsError(
            f"the account cannot pay for {name or 'this'}: value and gas together are more than "
            "it has; send it native coin first"
        )
    if "nonce too low" in low or "replacement transaction underpriced" in low:
        return ReplacedError(
            f"another transaction of this account came between ({message}); run this again"
        )
    if "revert" in low:
        return RevertError(_reason_text(message), name)
    return ChainError(f"the node refused {name or 'the request'}: {message}")


def _name(call: ContractFunction) -> str:
    return str(call.fn_name)
