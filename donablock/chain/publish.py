"""Publishes the source of what was deployed, so that block explorers show it.

Only on request: it talks to a service on the internet. What is sent is the manifest's compiler
input, which has no path of this machine in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import requests

from donablock.chain.artifacts import is_packaged
from donablock.chain.manifest import Entry, Manifest
from donablock.errors import DeployError

SOURCIFY = "https://sourcify.dev/server"
ETHERSCAN = "https://api.etherscan.io/v2/api"
_TIMEOUT = 60  # seconds per request


def publish(manifest: Manifest, publisher: str, *, url: str = "") -> Iterator[str]:
    """One line per contract. `publisher`: "sourcify", or "etherscan" (needs ETHERSCAN_API_KEY).

    url: another server with the same interface. Raises DeployError if the service cannot be used.
    """
    # a local chain's exchange has no source here
    contracts = {
        name: entry for name, entry in manifest.contracts.items() if not is_packaged(entry.path)
    }
    if publisher == "sourcify":
        for name, entry in contracts.items():
            yield _to_sourcify(manifest, name, entry, url or SOURCIFY)
        return
    key = os.environ.get("ETHERSCAN_API_KEY", "")
    if not key:
        raise DeployError("etherscan needs a key: set ETHERSCAN_API_KEY, or use sourcify")
    for name, entry in contracts.items():
        yield _to_etherscan(manifest, name, entry, url or ETHERSCAN, key)


def _standard_input(manifest: Manifest, name: str) -> dict[str, Any]:
    """Without vyper's own additions, which other compilers' front ends do not know."""
    found = manifest.compiler_input(name)
    sources = {path: {"content": source["content"]} for path, source in found["sources"].items()}
    return {"language": "Vyper", "sources": sources, "settings": found["settings"]}


def _to_sourcify(manifest: Manifest, name: str, entry: Entry, url: str) -> str:
    body = {
        "stdJsonInput": _standard_input(manifest, name),
        "compilerVersion": manifest.compiler,
        "contractIdentifier": f"{entry.path}:{name}",
        "creationTransactionHash": entry.transaction,
    }
    status, answer = _post(f"{url}/v2/verify/{manifest.chain_id}/{entry.address}", json=body)
    if status == 409:
        return f"{name}: published before"
    if status == 202:
        return f"{name}: handed in, see {url}/v2/verify/{answer.get('verificationId', '')}"
    return f"{name}: not taken ({status}): {answer.get('message', answer)}"


def _to_etherscan(manifest: Manifest, name: str, entry: Entry, url: str, key: str) -> str:
    form = {
        "module": "contract",
        "action": "verifysourcecode",
        "apikey": key,
        "codeformat": "vyper-json",
        "sourceCode": json.dumps(_standard_input(manifest, name)),
        "contractaddress": entry.address,
        "contractname": f"{entry.path}:{name}",
        "compilerversion": f"vyper:{manifest.compiler.partition('+')[0]}",
        "optimizationUsed": "1",
        # spelt so by the service
        "constructorArguements": entry.constructor.removeprefix("0x"),
    }
    status, answer = _post(f"{url}?chainid={manifest.chain_id}", data=form)
    result = str(answer.get("result", answer))
    if status == 200 and str(answer.get("status")) == "1":
        return f"{name}: handed in, number {result}"
    if "already verified" in result.lower():
        return f"{name}: published before"
    return f"{name}: not taken ({status}): {result}"


def _post(url: str, **body: Any) -> tuple[int, dict[str, Any]]:
    try:
        answer = requests.post(url, timeout=_TIMEOUT, **body)
    except requests.RequestException as error:
        # the address may hold a key: only the kind of the failure is shown
        raise DeployError(
            f"the service does not answer ({type(error).__name__}); the deployment itself is "
            "complete: `ape run verify --publish ...` tries again"
        ) from error
    try:
        found = answer.json()
    except ValueError:
        found = {"message": answer.text[:200]}
    return answer.status_code, found if isinstance(found, dict) else {"message": str(found)}
