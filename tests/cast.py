"""Transactions by Foundry's `cast`, which knows nothing of this project."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest
from eth_account import Account

from donablock.settings import settings
from tests.local_chain import World


def cast(world: World, account: int, *arguments: str) -> dict[str, Any]:
    """`cast send` with one of anvil's accounts; the receipt. Skips where there is no cast."""
    found = next(
        iter(settings().root.glob("node_modules/@foundry-rs/cast-*/bin/cast")), shutil.which("cast")
    )
    if found is None:
        pytest.skip("needs cast: run `make setup`, or put Foundry's on PATH")
    Account.enable_unaudited_hdwallet_features()
    key = Account.from_mnemonic(
        "test test test test test test test test test test test junk",
        account_path=f"m/44'/60'/0'/0/{account}",
    ).key
    done = subprocess.run(
        [
            *(str(found), "send", "--json", "--rpc-url", world.node.url),
            *("--private-key", "0x" + bytes(key).hex(), *arguments),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    receipt: dict[str, Any] = json.loads(done.stdout)
    return receipt
