"""Where things lie, and the few things a person may set, by environment (DONABLOCK_...).

No secret is set here: accounts are ape accounts, and their keys stay in ape's keystore.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Paths are absolute, or relative to `root`."""

    model_config = SettingsConfigDict(env_prefix="DONABLOCK_", frozen=True)

    root: Path = Field(default=ROOT, description="the repository: contracts, interfaces, config")
    build: Path = Field(
        default=Path("build"), description="everything that is made and never committed"
    )
    networks: Path = Field(default=Path("config/networks"), description="network files")
    deployments: Path = Field(
        default=Path("deployments"), description="manifests, one per chain id"
    )
    anvil: Path | None = Field(default=None, description="anvil's binary, if not npm's or on PATH")
    transaction_timeout: float = Field(
        default=180.0, gt=0, description="seconds to wait until a transaction is in a block"
    )

    @field_validator("root")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    def _within(self, path: Path) -> Path:
        return path if path.is_absolute() else self.root / path

    @property
    def build_path(self) -> Path:
        return self._within(self.build)

    @property
    def networks_path(self) -> Path:
        return self._within(self.networks)

    @property
    def deployments_path(self) -> Path:
        return self._within(self.deployments)


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
