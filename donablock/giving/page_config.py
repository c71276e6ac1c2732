"""config.json for the donation page (web/give), from the manifest of a deployment.

    npm run build
    python -m donablock.giving.page_config 11155111 --rpc https://...

The page reads nothing else: without a node in it, it reads through the donor's own wallet.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from donablock.chain.manifest import Manifest, load_manifest
from donablock.chain.plan import TEST_TOKEN
from donablock.errors import DonaBlockError, FileError, InputError
from donablock.settings import settings

__all__ = ["page_config", "write_page_config"]

FILE_NAME = "config.json"
# what the page calls a contract, and what the manifest does
CONTRACTS = {
    "registry": "CharityRegistry",
    "giving": "Giving",
    "funds": "IndexFunds",
    "receipts": "ReceiptBook",
    "campaigns": "CampaignFactory",
}
# how many blocks the page asks for at once; it halves that where a node finds it too many
LOG_PAGE = 10_000


def page_config(
    manifest: Manifest,
    *,
    rpc_urls: Sequence[str] = (),
    network: str = "",
    metadata: str = "",
    ipfs_gateway: str = "",
) -> dict[str, Any]:
    """What the page has to know of a deployment.

    rpc_urls: nodes it reads from, tried in turn. network: what people call the chain (the network
    file's name if empty). metadata: a folder or address with charities' documents as <hash>.json.
    ipfs_gateway: where ipfs://x is read as <gateway>x, documents and campaigns' pictures alike.
    Raises InputError for a URL that is not http(s), or a deployment that lacks a contract.
    """
    for url in (*rpc_urls, *filter(None, [ipfs_gateway])):
        if urlsplit(url).scheme not in ("http", "https"):
            raise InputError(f"{url!r} is no http address; a browser reads from http(s):// only")
    inputs, addresses = manifest.inputs, manifest.addresses
    missing = [name for name in CONTRACTS.values() if name not in addresses]
    if missing:
        raise InputError(
            f"the deployment has no {', '.join(missing)}, which the page needs; deploy it anew"
        )
    symbols = {token.address: token.symbol for token in inputs.tokens}
    if inputs.test_token is not None:
        symbols[addresses[TEST_TOKEN]] = inputs.test_token.symbol
    symbols |= {addresses["DonaBlock"]: "DOBO", addresses["DonaGive"]: "GIVE"}
    return {
        "chain_id": manifest.chain_id,
        "network": network or inputs.name,
        "coin": {"symbol": inputs.native.symbol},
        "rpc_urls": list(rpc_urls),
        "explorer": inputs.explorer or None,
        # the page counts the gift's own block as the first confirmation
        "confirmations": inputs.confirmations + 1,
        "from_block": manifest.first_block,
        "log_page": LOG_PAGE,
        "contracts": {name: addresses[contract] for name, contract in CONTRACTS.items()},
        "assets": [{"address": token, "symbol": symbol} for token, symbol in symbols.items()],
        "metadata": metadata or None,
        "ipfs_gateway": ipfs_gateway or None,
    }


def page_folder() -> Path:
    """Where `npm run build` puts the page."""
    return settings().root / "web" / "give" / "dist"


def write_page_config(config: dict[str, Any], folder: Path | None = None) -> Path:
    """Writes config.json beside the page; its path. Raises FileError if the page is not built."""
    folder = folder or page_folder()
    if not (folder / "index.html").is_file():
        raise FileError(f"there is no page in {folder}; build it first (`make web`)")
    path = folder / FILE_NAME
    draft = path.with_name(f".{FILE_NAME}.draft")
    draft.write_text(json.dumps(config, indent=2) + "\n")
    draft.replace(path)
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m donablock.giving.page_config",
        description="write config.json beside the donation page",
    )
    parser.add_argument("chain_id", type=int, help="of a finished deployment")
    parser.add_argument("--rpc", action="append", default=[], metavar="URL", help="a node")
    parser.add_argument("--network", default="", help="what people call the chain")
    parser.add_argument("--metadata", default="", help="folder with documents as <hash>.json")
    parser.add_argument("--ipfs-gateway", default="", metavar="URL", help="as https://.../ipfs/")
    parser.add_argument("--manifest", type=Path, help="(default: deployments/<chain id>.json)")
    parser.add_argument("--folder", type=Path, help="where the page is (default: web/give/dist)")
    given = parser.parse_args(arguments)
    try:
        config = page_config(
            load_manifest(given.chain_id, given.manifest),
            rpc_urls=given.rpc,
            network=given.network,
            metadata=given.metadata,
            ipfs_gateway=given.ipfs_gateway,
        )
        path = write_page_config(config, given.folder)
    except DonaBlockError as error:
        print(error, file=sys.stderr)
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
