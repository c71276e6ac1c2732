"""ape's accounts and nodes behind Signer and Session. The keys stay with ape.

@click.command(cls=ConnectedProviderCommand)
@account_option()
def cli(account):
    with unlocked(account):
        session = open_session(account)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import ape
from ape.api import AccountAPI, TestAccountAPI
from ape.exceptions import AccountsError, ApeException
from eth_account.messages import encode_typed_data
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from web3 import Web3

from donablock.chain.manifest import load_manifest
from donablock.chain.networks import Network, check_signer, network_of
from donablock.chain.session import Session, ask
from donablock.errors import NodeError, SignerError, TestAccountError


class ApeSigner:
    """An ape account: keystore, hardware wallet by plugin, or a test account on a local chain."""

    def __init__(self, account: AccountAPI) -> None:
        self._account = account

    @property
    def address(self) -> ChecksumAddress:
        return to_checksum_address(self._account.address)

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        ecosystem = ape.networks.provider.network.ecosystem
        unsigned = ecosystem.create_transaction(**dict(transaction))
        signed = self._ask(lambda: self._account.sign_transaction(unsigned))
        return bytes(signed.serialize_transaction())

    def sign_typed_data(self, data: Mapping[str, Any]) -> tuple[int, bytes, bytes]:
        message = encode_typed_data(full_message=dict(data))
        signed = self._ask(lambda: self._account.sign_message(message))
        # ape leaves out the leading zeros, which every 128th signature has
        return signed.v, bytes(signed.r).rjust(32, b"\0"), bytes(signed.s).rjust(32, b"\0")

    def _ask(self, question: Any) -> Any:
        try:
            answer = question()
        except (AccountsError, NotImplementedError) as error:
            raise SignerError(f"{self!r} cannot sign: {error}") from error
        if answer is None:
            raise SignerError(f"{self!r} declined to sign; nothing was sent")
        return answer

    def __repr__(self) -> str:
        return f"ApeSigner({self._account.alias or self.address})"


@contextmanager
def unlocked(account: AccountAPI) -> Iterator[None]:
    """Asks for a keystore's passphrase once; locked again at the end.

    Without it ape asks before every signature. A hardware wallet asks on its own screen anyway.
    """
    if not hasattr(account, "set_autosign") or isinstance(account, TestAccountAPI):
        yield
        return
    try:
        account.set_autosign(True)
    except (AccountsError, ApeException) as error:
        raise SignerError(f"{account.alias}: {error}; try again with its passphrase") from error
    try:
        yield
    finally:
        account.set_autosign(False)


def connected_w3() -> Web3:
    """The web3 of the node that ape is connected to. Raises NodeError where there is none."""
    provider = ape.networks.active_provider
    if provider is None:
        raise NodeError("no node is connected; name one with --network")
    return cast(Web3, cast(Any, provider).web3)


def connected_network() -> Network:
    """The network file of the chain that ape is connected to."""
    w3 = connected_w3()
    return network_of(int(ask(lambda: w3.eth.chain_id)))


def open_session(
    account: AccountAPI | None = None,
    *,
    confirmations: int | None = None,
    is_deployed: bool = True,
) -> Session:
    """A session on the connected chain, with our contracts' addresses from its manifest.

    confirmations: blocks to wait for (the network file's if None). is_deployed: False before there
    is a deployment. Raises TestAccountError, ManifestError, NetworkFileError, NodeError.
    """
    w3, network = connected_w3(), connected_network()
    chain_id = int(ask(lambda: w3.eth.chain_id))
    signer = None
    if account is not None:
        if network.is_public and isinstance(account, TestAccountAPI):
            raise TestAccountError(
                f"{account.alias or account.address} is one of ape's test accounts, and "
                f"{network.name} is public; use an account of your own: "
                "ape accounts generate NAME, then --account NAME"
            )
        signer = ApeSigner(account)
        check_signer(network, signer.address)
    return Session(
        w3,
        chain_id,
        signer,
        addresses=load_manifest(chain_id).addresses if is_deployed else None,
        confirmations=network.confirmations if confirmations is None else confirmations,
    )
