"""Opens the chain that the demo left, on the same clock, for wallets, scripts and the page."""

from __future__ import annotations

import functools
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from rich.console import Console

from donablock.chain.manifest import Manifest, load_manifest
from donablock.chain.node import LOCAL_CHAIN_ID, Anvil
from donablock.demo.run import MANIFESTS, STATE
from donablock.errors import FileError, ManifestError
from donablock.giving.page_config import page_config, page_folder, write_page_config

COMMAND = "make demo-chain"
PAGE = "page"
"""The giving page's folder in the demo's folder."""


def open_chain(folder: Path, port: int = 0) -> Anvil:
    """A node on the demo's state, not started yet, that goes on from the demo's last second.

    Raises FileError where no demo has been run into `folder`.
    """
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        last = int(summary["chain"]["last_second"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(f"there is no demo in {folder}; run it first: make demo") from error
    return Anvil(timestamp=last + 1, port=port, load=folder / STATE, start_timeout=120)


def manifest_in(folder: Path) -> Manifest:
    """What the demo deployed. Raises ManifestError if it is missing or damaged."""
    return load_manifest(LOCAL_CHAIN_ID, folder / MANIFESTS / f"{LOCAL_CHAIN_ID}.json")


def check_same(node: Anvil, manifest: Manifest) -> None:
    """Raises ManifestError where the state is of another run than the manifest."""
    genesis = "0x" + bytes(node.w3.eth.get_block(0)["hash"]).hex()
    if genesis != manifest.genesis:
        raise ManifestError("the state and the manifest are of two runs; run `make demo` again")


def serve(folder: Path, port: int, page_port: int, console: Console) -> int:
    """Open the chain, and the giving page if it is built, until Ctrl-C."""
    chain = open_chain(folder, port)
    manifest = manifest_in(folder)
    with chain as node:
        check_same(node, manifest)
        console.print(f"The demo's chain is open at {node.url} (chain {LOCAL_CHAIN_ID}).")
        console.print(
            f"Scripts find it with DONABLOCK_DEPLOYMENTS={folder / MANIFESTS}",
            highlight=False,
            soft_wrap=True,
        )
        for name, contract in manifest.addresses.items():
            console.print(f"  {name:18} {contract}", highlight=False)
        with giving_page(folder, manifest, node.url, page_port) as address:
            if address:
                console.print(f"The giving page is at {address}")
            else:
                console.print("The giving page is not built: `make web`, then this again.")
            console.print("Ctrl-C closes it all; what is done meanwhile is not kept.")
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                return 0
    return 0


@contextmanager
def giving_page(folder: Path, manifest: Manifest, node_url: str, port: int) -> Iterator[str]:
    """The page, served to this machine alone, on the node's data; its address, "" if not built."""
    built = page_folder()
    if not (built / "index.html").is_file():
        yield ""
        return
    own = folder / PAGE
    shutil.rmtree(own, ignore_errors=True)
    shutil.copytree(built, own)
    write_page_config(page_config(manifest, rpc_urls=[node_url]), own)
    handler = functools.partial(_Quiet, directory=str(own))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the console is for people."""
