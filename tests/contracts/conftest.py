"""What the contracts' tests share: the roles, and the smallest deployments others build on.

titanoboa's pytest plugin undoes what a test or fixture changes, so wider-scoped fixtures are safe.
"""

from __future__ import annotations

import boa
import pytest

from tests.contracts import deployers, engine, roles

DAY = 86_400
# nobody's timestamp: tests never read the machine's clock
NOW = 1_800_000_000


engine.choose()


@pytest.fixture(scope="session", autouse=True)
def now():
    """The second at which every test begins."""
    boa.env.timestamp = NOW
    return NOW


@pytest.fixture(autouse=True)
def forget_storage_traces():
    """titanoboa notes each storage slot written, by address, and uses it to print a contract when a
    call reverts. It does not forget them when it undoes a deployment, so that another contract at
    the same address can fail to print, and with it the test.
    """
    boa.env.sstore_trace.clear()


@pytest.fixture(scope="session")
def donor():
    return roles.address("donor")


@pytest.fixture(scope="session")
def charity():
    """The payee of a charity."""
    return roles.address("charity")


@pytest.fixture(scope="session")
def stranger():
    """Somebody without any right."""
    return roles.address("stranger")


@pytest.fixture(scope="session")
def spender():
    return roles.address("spender")


@pytest.fixture(scope="session")
def registrar():
    return roles.address("registrar")


@pytest.fixture(scope="session")
def guardian():
    return roles.address("guardian")


@pytest.fixture(scope="session")
def timelock():
    """The owner, as an account: what it may do is tested without its delay."""
    return roles.address("timelock")


@pytest.fixture(scope="session")
def operations():
    return roles.address("operations")


@pytest.fixture(scope="module")
def registry(timelock, registrar, guardian):
    return deployers.CHARITY_REGISTRY.deploy(timelock, registrar, guardian, 2 * DAY, [])


@pytest.fixture(scope="module")
def verify(registry, registrar):
    """verify(payee, legal_id="...") -> the id of a charity verified for a year."""

    def verify(payee, legal_id="GB:CHC:1"):
        expiry = boa.env.timestamp + 365 * DAY
        return registry.verify(
            payee,
            roles.keccak(text=legal_id),
            0b1,
            roles.keccak(text="metadata"),
            "ipfs://metadata",
            expiry,
            roles.keccak(text="evidence"),
            sender=registrar,
        )

    return verify


@pytest.fixture(scope="module")
def reserve(timelock):
    """The ecosystem reserve; what it names are accounts' addresses, nothing here needs more."""
    named = [roles.address(name) for name in ("dobo", "commission", "buyback")]
    return deployers.ECOSYSTEM_RESERVE.deploy(timelock, *named)


@pytest.fixture(scope="module")
def stablecoin():
    return deployers.PLAIN_TOKEN.deploy("Stable Dollar", "USDX", 6)
