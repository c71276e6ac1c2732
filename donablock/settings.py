"""Where things lie, and the few things a person may set, by environment (DONABLOCK_...).

No key is set here: accounts are ape accounts, and their keys stay in ape's keystore. URLs may hold
a password, so they are never shown.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
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
    chains: Path = Field(
        default=Path("config/chains.json"), description="the chains that can be read"
    )
    own_chains: Path | None = Field(
        default=None, description="a file like `chains` that adds to it, or replaces chains of it"
    )
    deployments: Path = Field(
        default=Path("deployments"), description="manifests, one per chain id"
    )
    anvil: Path | None = Field(default=None, description="anvil's binary, if not npm's or on PATH")
    transaction_timeout: float = Field(
        default=180.0, gt=0, description="seconds to wait until a transaction is in a block"
    )
    data: Path = Field(
        default=Path("data"),
        description="what must be kept: the embedded database and its password",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="a PostgreSQL 14 or newer (default: an embedded one, under `data`)",
    )
    database_connections: int = Field(
        default=10, ge=2, le=1_000, description="at most so many connections of one process"
    )
    kafka: str | None = Field(
        default=None, description="brokers of a Kafka, host:port,... (default: no Kafka)"
    )
    kafka_options: SecretStr | None = Field(
        default=None, description="further options of librdkafka as JSON, such as those of security"
    )
    kafka_topic: str = Field(default="donablock.blocks.v1", description="where blocks go")
    redis_url: SecretStr | None = Field(
        default=None, description="a Redis for cache and limits (default: in process)"
    )
    stream_retention: float = Field(
        default=3_600.0, ge=0, description="seconds that read messages of the stream are kept"
    )
    webhook_networks: str = Field(
        default="",
        description="networks of one's own that webhooks may reach, such as 10.8.0.0/16,fd12::/48",
    )
    webhook_refused: str = Field(
        default="", description="public networks that webhooks must not reach, such as one's own"
    )
    webhook_ports: str = Field(
        default="80,443,8080,8443", description="ports of public addresses for webhooks, or `any`"
    )
    webhook_http: bool = Field(default=False, description="webhooks may go without TLS, too")
    nodes: SecretStr | None = Field(
        default=None,
        description='the nodes of each chain, such as {"56": ["https://node.example/key"]}',
    )
    start: str | None = Field(
        default=None,
        description='where a chain that was never followed begins, such as {"56": 45000000}',
    )
    api_host: str = Field(default="127.0.0.1", description="where the API listens")
    api_port: int = Field(default=8100, ge=0, le=65_535, description="and its port; 0: any")
    api_root_path: str = Field(
        default="",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description="where a reverse proxy puts the API, such as /monitors",
    )
    api_rate: float = Field(
        default=10.0, gt=0, le=1e6, description="requests a second of one project, in the long run"
    )
    api_burst: float = Field(
        default=50.0, ge=1, le=1e6, description="requests of one project at once"
    )
    api_url: str | None = Field(
        default=None, description="where commands find the API (default: the port above)"
    )
    api_key: SecretStr | None = Field(
        default=None, description="the key of commands (default: api.key under `data`)"
    )
    ops: str = Field(
        default="127.0.0.1:9100",
        description="where a process tells of its health, host:port; port 0: any",
    )
    stop_seconds: float = Field(
        default=20.0, ge=0, le=3_600, description="what is under way gets so long when we stop"
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="lines for people, or one JSON object a line"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="the least that is logged"
    )

    @field_validator("root")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    def _within(self, path: Path) -> Path:
        return path if path.is_absolute() else self.root / path

    def environment(self) -> dict[str, str]:
        """What another process of ours is given to have these settings; it may hold secrets."""
        found: dict[str, str] = {}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if value == field.default:
                continue
            if isinstance(value, SecretStr):
                value = value.get_secret_value()
            found[f"DONABLOCK_{name.upper()}"] = str(value)
        return found

    @property
    def build_path(self) -> Path:
        return self._within(self.build)

    @property
    def data_path(self) -> Path:
        return self._within(self.data)

    @property
    def api_key_path(self) -> Path:
        """The key of project `local`, as `donablock up` made it."""
        return self.data_path / "api.key"

    @property
    def networks_path(self) -> Path:
        return self._within(self.networks)

    @property
    def chains_path(self) -> Path:
        return self._within(self.chains)

    @property
    def own_chains_path(self) -> Path | None:
        return None if self.own_chains is None else self._within(self.own_chains)

    @property
    def deployments_path(self) -> Path:
        return self._within(self.deployments)


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
