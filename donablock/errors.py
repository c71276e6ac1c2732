"""Everything that can go wrong, in one tree. Each message says what is wrong and how to mend it.

DonaBlockError
├── InputError                  what a person wrote cannot be understood
│   ├── AmountError             an amount or its unit
│   ├── LinkError               a payment link
│   ├── ConditionError          a monitor's condition; `position`
│   ├── DefinitionError         what a monitor is to look for: category, contracts, ABI
│   ├── EndpointError           a webhook endpoint's URL, headers or limits
│   ├── SecretError             a webhook secret
│   ├── QuotaError              a project has as much as it may have; `quota`, `limit`
│   └── NotFoundError           there is no such thing, or it is somebody else's
├── UnauthorizedError           no key, or none that opens anything
├── FileError                   a file of ours is wrong or missing
│   ├── NetworkFileError        config/networks
│   ├── ChainFileError          config/chains.json, or the operator's own
│   ├── ManifestError           deployments
│   └── ArtifactError           a contract's source does not compile, or there is none
├── ChainError                  the chain or the node said no
│   ├── NodeError               the node cannot be reached, or did not start; chain/faults.py
│   ├── BlockGoneError          no node knows the block (any more)
│   ├── WrongChainError         the node is on another chain
│   ├── RevertError             a contract refused; `reason` is its reason
│   ├── FundsError              the account cannot pay for the transaction
│   ├── NotMinedError           a transaction was sent and is not in a block yet
│   ├── ReplacedError           another transaction took the nonce of ours
│   └── PermitError             a token takes no EIP-2612 permit, or not this one
├── RefusedAddressError         a webhook would go to an address that it must not reach
├── SignerError                 there is no signer, or it declined
│   └── TestAccountError        a published key on a public network
├── StoreError                  what is kept cannot be read or written
│   ├── DatabaseError           the database did not start, or is not one of ours
│   │   ├── DatabaseGoneError   it cannot be reached, or the connection was lost
│   │   ├── DatabaseFullError   its disk is full
│   │   └── MigrationError      its schema is not the one of this version
│   ├── LeadershipError         another process leads now
│   ├── HaltedError             a person has to decide how a chain goes on
│   └── StreamError             the stream cannot go on
│       └── StreamGapError      messages that a consumer has not read are gone
└── DeployError                 a deployment cannot go on
    └── VerifyError             what is on chain is not what the manifest says; `findings`
"""

from __future__ import annotations

from collections.abc import Sequence


class DonaBlockError(Exception):
    """Root of all errors of this package. `str(error)` is one message for people."""


class InputError(DonaBlockError):
    """What a person wrote cannot be understood."""


class AmountError(InputError):
    """An amount of money, or its unit, cannot be understood."""


class LinkError(InputError):
    """A payment link (EIP-681) cannot be written or read."""


class ConditionError(InputError):
    """A monitor's condition cannot be understood. `position` counts characters from 0."""

    def __init__(self, position: int, found: str, expected: str, mend: str) -> None:
        self.position = position
        self.found = found
        self.expected = expected
        self.mend = mend
        super().__init__(f"character {position + 1}: found {found}, expected {expected}; {mend}")


class DefinitionError(InputError):
    """What a monitor is to look for cannot be understood: category, contracts, ABI."""


class EndpointError(InputError):
    """A webhook endpoint's URL, headers or limits cannot be taken."""


class SecretError(InputError):
    """A webhook secret cannot be understood, or an endpoint has none."""


class QuotaError(InputError):
    """A project has as much as it may have. `quota` names of what, `limit` how much that is."""

    def __init__(self, quota: str, limit: int, message: str) -> None:
        self.quota = quota
        self.limit = limit
        super().__init__(message)


class NotFoundError(InputError):
    """There is no such thing, or it belongs to somebody else: nobody is told which."""


class UnauthorizedError(DonaBlockError):
    """No key, or none that opens anything: nobody is told whether it ever did."""


class FileError(DonaBlockError):
    """A file of ours is wrong or missing."""


class NetworkFileError(FileError):
    """A file of config/networks is missing, incomplete or wrong."""


class ChainFileError(FileError):
    """config/chains.json or the operator's own is wrong, or does not know the chain."""


class ManifestError(FileError):
    """A file of deployments is missing, unreadable or not of this deployment."""


class ArtifactError(FileError):
    """A contract does not compile, or there is no such contract."""


class ChainError(DonaBlockError):
    """The chain or the node said no."""


class NodeError(ChainError):
    """The node cannot be reached, or the local one did not start."""


class BlockGoneError(ChainError):
    """No node knows the block: it was replaced, or never was. `hash` is the one asked for."""

    def __init__(self, hash: str, message: str = "") -> None:
        self.hash = hash
        super().__init__(message or f"no node knows block {hash}: it was replaced, or never was")


class WrongChainError(ChainError):
    """The node is on another chain than the one that was asked for."""

    def __init__(self, expected: int, found: int, hint: str = "") -> None:
        self.expected = expected
        self.found = found
        message = f"the node is on chain {found}, but chain {expected} was asked for"
        super().__init__(f"{message}: {hint or 'name the right node with --network'}")


class RevertError(ChainError):
    """A contract refused. `reason` is what it gave ("giving: zero amount"), "" if nothing."""

    def __init__(self, reason: str, call: str = "") -> None:
        self.reason = reason
        self.call = call
        said = reason or "it gave no reason (wrong address, not enough gas, or a foreign contract)"
        super().__init__(f"{call or 'the call'} was refused: {said}")


class FundsError(ChainError):
    """The account cannot pay for the transaction."""


class NotMinedError(ChainError):
    """A transaction was sent and is not in a block yet; it may still come."""

    def __init__(self, transaction: str, message: str = "") -> None:
        self.transaction = transaction
        super().__init__(
            message
            or f"transaction {transaction} is in no block yet; look it up before sending it again"
        )


class ReplacedError(ChainError):
    """Another transaction of the same account took the nonce of ours."""


class PermitError(ChainError):
    """A token takes no EIP-2612 permit, or not this one; use `approve`."""


class RefusedAddressError(DonaBlockError, OSError):
    """A webhook would go to an address that it must not reach; nothing was connected to."""


class SignerError(DonaBlockError):
    """There is no signer, or it declined to sign."""


class TestAccountError(SignerError):
    """An account whose key is published would be used on a public network."""

    __test__ = False  # not a test, whatever pytest makes of the name


class StoreError(DonaBlockError):
    """What is kept cannot be read or written."""


class DatabaseError(StoreError):
    """The database did not start, or is not one that we can work with."""


class DatabaseGoneError(DatabaseError):
    """The database cannot be reached, or the connection to it was lost; it may come back."""


class DatabaseFullError(DatabaseError):
    """The disk of the database is full. Nothing that was committed is lost."""


class MigrationError(DatabaseError):
    """The schema of the database is not the one of this version."""


class LeadershipError(StoreError):
    """Another process leads now; whatever this one was doing, it must not go on."""


class HaltedError(StoreError):
    """A chain is not followed any further until a person has decided how to go on."""


class StreamError(StoreError):
    """The stream cannot go on."""


class StreamGapError(StreamError):
    """Messages that a consumer has not read are gone; it must be rebuilt from the chain."""


class DeployError(DonaBlockError):
    """A deployment cannot go on."""


class VerifyError(DeployError):
    """What is on chain is not what the manifest says. `findings` has one line for each."""

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        super().__init__(f"{len(self.findings)} finding(s):\n" + "\n".join(self.findings))
