"""Keys held in this process: for tests and for the demo's local chain, never for real money.

People's accounts are ape accounts (ape_session.py): their keys stay in ape's keystore.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

# Published with every development tool: whoever sends money to these accounts gives it away.
TEST_MNEMONIC = "test test test test test test test test test test test junk"
# ape's own default before 0.8
OTHER_TEST_MNEMONICS = (
    "candy maple cake sugar pudding cream honey rich smooth crumble sweet treat",
    "myth like bonus scare over problem client lizard pioneer submit female collect",
)
_HD_PATH = "m/44'/60'/0'/0/{index}"
_HD_PATHS = (_HD_PATH, "m/44'/60'/0'/{index}", "m/44'/60'/{index}'/0/0")


class LocalSigner:
    """A private key in memory. Its `repr` shows the address alone."""

    def __init__(self, private_key: bytes | str) -> None:
        self._account: LocalAccount = Account.from_key(private_key)

    @classmethod
    def test_account(cls, index: int) -> LocalSigner:
        """The development tools' account number `index` (0 is anvil's first, with its money)."""
        return cls(_derive(TEST_MNEMONIC, _HD_PATH.format(index=index)))

    @classmethod
    def random(cls) -> LocalSigner:
        """A new key, gone when the process ends."""
        return cls(Account.create().key)

    @property
    def address(self) -> ChecksumAddress:
        return self._account.address

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        return bytes(self._account.sign_transaction(dict(transaction)).raw_transaction)

    def sign_typed_data(self, data: Mapping[str, Any]) -> tuple[int, bytes, bytes]:
        """`data` is a whole EIP-712 message: types, primaryType, domain, message. -> (v, r, s)"""
        signed = self._account.sign_message(encode_typed_data(full_message=dict(data)))
        return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")

    def __repr__(self) -> str:
        return f"LocalSigner({self.address})"


def _derive(mnemonic: str, path: str) -> bytes:
    Account.enable_unaudited_hdwallet_features()
    return bytes(Account.from_mnemonic(mnemonic, account_path=path).key)


@cache
def published_addresses(count: int = 20) -> frozenset[ChecksumAddress]:
    """Accounts whose keys everybody has: the first `count` of each development mnemonic."""
    return frozenset(
        LocalSigner(_derive(mnemonic, path.format(index=index))).address
        for mnemonic in (TEST_MNEMONIC, *OTHER_TEST_MNEMONICS)
        for path in _HD_PATHS
        for index in range(count)
    )
