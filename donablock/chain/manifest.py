"""What was deployed where: deployments/<chain id>.json.

Each transaction is written here before it is sent, so that a crash at any line loses nothing. The
file is replaced whole, never written in place.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from donablock.chain.artifacts import Artifact
from donablock.chain.networks import Address, Network
from donablock.errors import ManifestError
from donablock.settings import settings


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Entry(_Model):
    """One contract. `planned`: predicted; `sent`: signed, maybe sent; `done`: it is there."""

    status: Literal["planned", "sent", "done"] = "planned"
    address: Address
    nonce: int = Field(ge=0)
    arguments: dict[str, Any] = Field(description="of the constructor, by name")
    constructor: str = Field(pattern=r"^0x([0-9a-f]{2})*$", description="the same, ABI-encoded")
    path: str
    integrity: str = Field(description="vyper's sum over the source and all it imports")
    sources: list[str] = Field(description="what it was compiled from, keys of `sources`")
    compiler_settings: dict[str, Any]
    transaction: str | None = None
    block: int | None = None

    @property
    def constructor_bytes(self) -> bytes:
        return bytes.fromhex(self.constructor.removeprefix("0x"))


class Abandoned(_Model):
    """A contract that was created and then had to be replaced."""

    name: str
    address: Address
    nonce: int
    transaction: str | None


class Manifest(_Model):
    """A deployment. `inputs` are the network file's contents as they were used."""

    format: Literal[1] = 1
    chain_id: int
    network: str
    genesis: str
    status: Literal["deploying", "complete"] = "deploying"
    deployer: Address
    source_commit: str
    source_is_clean: bool
    compiler: str
    inputs: Network
    contracts: dict[str, Entry]
    abandoned: list[Abandoned] = []
    sources: dict[str, dict[str, str]] = Field(default={}, description="path -> content and sum")

    @property
    def addresses(self) -> dict[str, ChecksumAddress]:
        """Contract name -> address."""
        return {name: to_checksum_address(entry.address) for name, entry in self.contracts.items()}

    @property
    def first_block(self) -> int:
        """No log of ours is older. 0 where it is not known."""
        blocks = [entry.block for entry in self.contracts.values() if entry.block is not None]
        return min(blocks, default=0)

    def compiler_input(self, name: str) -> dict[str, Any]:
        """A contract's compiler input (vyper's standard JSON), for source verification."""
        entry = self.contracts[name]
        return {
            "language": "Vyper",
            "sources": {source: self.sources[source] for source in entry.sources},
            "settings": entry.compiler_settings,
            "compiler_version": f"v{self.compiler}",
            "integrity": entry.integrity,
        }

    def describe(self, name: str, found: Artifact) -> None:
        """Notes what the contract is compiled from."""
        entry = self.contracts[name]
        entry.path, entry.integrity = found.path, found.integrity
        entry.sources = list(found.compiler_input["sources"])
        entry.compiler_settings = dict(found.compiler_input["settings"])
        self.sources.update(found.compiler_input["sources"])

    def save(self, path: Path) -> None:
        """Whole or not at all, also through a power cut."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.draft")
        with draft.open("w") as file:
            file.write(json.dumps(self.model_dump(mode="json"), indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)


def manifest_path(chain_id: int) -> Path:
    return settings().deployments_path / f"{chain_id}.json"


def read_manifest(path: Path) -> Manifest:
    """Raises ManifestError if it is missing, cut off, or not a manifest."""
    mend = "restore it (`git log -- deployments`), or move it away to deploy anew"
    try:
        text = path.read_text()
    except FileNotFoundError as error:
        raise ManifestError(
            f"nothing is deployed: there is no {path}; run `ape run deploy --network ...`"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path.name} cannot be read: {error}") from error
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ManifestError(f"{path.name} is cut off or not JSON ({error}): {mend}") from error
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:5]
        )
        raise ManifestError(f"{path.name} is not as it was written ({faults}): {mend}") from error


def load_manifest(chain_id: int, path: Path | None = None) -> Manifest:
    """The finished deployment on a chain. Raises ManifestError if there is none."""
    path = path or manifest_path(chain_id)
    manifest = read_manifest(path)
    if manifest.chain_id != chain_id:
        raise ManifestError(f"{path.name} is of chain {manifest.chain_id}, not of {chain_id}")
    if manifest.status != "complete":
        raise ManifestError(
            f"the deployment of {path.name} is not finished; run `ape run deploy` again, it goes "
            "on where it stopped"
        )
    return manifest
