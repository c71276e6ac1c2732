"""Every contract of the tests, compiled once, when it is first asked for.

    from tests.contracts.deployers import DONA_GIVE

    give = DONA_GIVE.deploy(backing, registry, reserve)

To add a contract, add a line to SOURCES and, for type checkers and readers, nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boa
from boa.contracts.vyper.vyper_contract import VyperContract
from vyper.semantics.analysis.base import ModuleInfo
from vyper.utils import sha256sum

ROOT = Path(__file__).resolve().parents[2]

SOURCES = {
    # governance
    "TIMELOCK": "contracts/governance/Timelock.vy",
    # tokens
    "DONA_BLOCK": "contracts/tokens/DonaBlock.vy",
    "DONA_GIVE": "contracts/tokens/DonaGive.vy",
    # treasury
    "VESTING": "contracts/treasury/Vesting.vy",
    "ECOSYSTEM_RESERVE": "contracts/treasury/EcosystemReserve.vy",
    # giving
    "CHARITY_REGISTRY": "contracts/giving/CharityRegistry.vy",
    "GIVING": "contracts/giving/Giving.vy",
    "RECEIPT_BOOK": "contracts/giving/ReceiptBook.vy",
    "INDEX_FUNDS": "contracts/giving/IndexFunds.vy",
    # fundraising
    "CAMPAIGN": "contracts/fundraising/Campaign.vy",
    "CAMPAIGN_FACTORY": "contracts/fundraising/CampaignFactory.vy",
    "IMPACT_FUND": "contracts/fundraising/ImpactFund.vy",
    # deflation
    "COMMISSION": "contracts/deflation/Commission.vy",
    "DIVIDEND_POOL": "contracts/deflation/DividendPool.vy",
    "BUYBACK": "contracts/deflation/Buyback.vy",
    # test doubles
    "PLAIN_TOKEN": "tests/mocks/PlainToken.vy",
    "ODD_TOKEN": "tests/mocks/OddToken.vy",
    "RELAY": "tests/mocks/Relay.vy",
    "STRANGE_TOKEN": "tests/mocks/StrangeToken.vy",
    "USDT_TOKEN": "tests/mocks/UsdtToken.vy",
    "INTRUDER": "tests/mocks/Intruder.vy",
    "TWO_DOORS": "tests/mocks/TwoDoors.vy",
    "WRITER": "tests/mocks/Writer.vy",
    "ODD_ROUTER": "tests/mocks/OddRouter.vy",
}

boa.interpret.set_search_paths([str(ROOT)])
# compiled contracts are kept with everything else that is built, not in somebody's home folder
boa.interpret.set_cache_dir(str(ROOT / "build" / "titanoboa"))


def _fingerprint(module: Any) -> str:
    """Of a module and all it reads: titanoboa 0.2.8 looks no further than its direct imports, and
    would take a contract from the cache after a change of a module's module."""
    below = [statement._metadata["import_info"] for statement in module.import_stmts]
    sums = [
        _fingerprint(info.typ.module_t)
        if isinstance(info.typ, ModuleInfo)
        else info.compiler_input.sha256sum
        for info in below
    ]
    return str(sha256sum("".join([*sums, module._module.source_sha256sum])))


boa.interpret.get_module_fingerprint = _fingerprint

_map_of_source = VyperContract._deployment_source_map.func
_maps: dict[int, Any] = {}


def _mapped_once(contract: VyperContract) -> Any:
    """titanoboa assembles a contract anew at each deployment, to map its constructor."""
    key = id(contract.compiler_data)
    if key not in _maps:
        _maps[key] = (_map_of_source(contract), contract.compiler_data)
    return _maps[key][0]


VyperContract._deployment_source_map = property(_mapped_once)


def __getattr__(name: str) -> Any:
    if name not in SOURCES:
        raise AttributeError(f"no such contract: {name} (SOURCES in {Path(__file__).name})")
    deployer = boa.load_partial(str(ROOT / SOURCES[name]))
    globals()[name] = deployer
    return deployer
