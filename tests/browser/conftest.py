"""One chain, one page server and one browser for all; a fresh tab, wallet and chain state for each.

Needs Chromium (`apt-get install chromium`) and the built page (`npm run build`).
"""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from donablock.chain.node import Anvil
from tests.browser import chromium
from tests.browser.donor import DonorPage
from tests.browser.server import PageServer
from tests.browser.wallet import EIP_6963, Wallet
from tests.browser.world import World, account, build

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "build" / "page.lock"
DIST = ROOT / "web" / "give" / "dist"
# nobody's timestamp: the page takes its time from the chain
NOW = 1_800_000_000


@pytest.fixture(scope="session")
def chromium_command() -> str:
    command = chromium.binary()
    if command is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    return command


@pytest.fixture(scope="session")
def dist(browser: chromium.Chromium) -> Path:
    """The page, built from the source as it is now."""
    assert browser.url, "nothing is built where there is no browser"
    LOCK.parent.mkdir(exist_ok=True)
    # the build replaces the folder, so two workers must not do it at once
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_built():
            subprocess.run(
                ["npm", "run", "--silent", "build"], cwd=ROOT, check=True, capture_output=True
            )
    return DIST


def _is_built() -> bool:
    made = DIST / "main.js"
    page = ROOT / "web" / "give"
    sources = [
        page / "index.html",
        *(page / "src").rglob("*"),
        *(page / "static").rglob("*"),
        *(ROOT / "interfaces").glob("*.json"),
        ROOT / "tools" / "build_page.mjs",
        ROOT / "package-lock.json",
    ]
    return made.is_file() and all(
        source.stat().st_mtime < made.stat().st_mtime for source in sources
    )


@pytest.fixture(scope="session")
def built_world(browser: chromium.Chromium) -> Iterator[World]:
    assert browser.url, "the chain is not set up where there is no browser"
    with Anvil(timestamp=NOW) as node:
        yield build(node)


@pytest.fixture
def world(built_world: World) -> Iterator[World]:
    """The chain as it was set up; what a test does to it is undone."""
    snapshot = built_world.node.snapshot()
    yield built_world
    built_world.node.revert(snapshot)


@pytest.fixture(scope="session")
def browser(chromium_command: str) -> Iterator[chromium.Chromium]:
    running = chromium.Chromium(chromium_command)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def server(dist: Path) -> Iterator[PageServer]:
    running = PageServer(dist)
    yield running
    running.stop()


@pytest.fixture
def wallet(world: World) -> Wallet:
    return Wallet(world.node.w3, account("donor"), world.node.chain_id)


@pytest.fixture(scope="session")
def only_tab(browser: chromium.Chromium) -> Iterator[chromium.Tab]:
    opened = chromium.Tab(browser)
    yield opened
    opened.close()


@pytest.fixture
def tab(only_tab: chromium.Tab, server: PageServer) -> chromium.Tab:
    """A tab that knows nothing of the test before."""
    only_tab.renew(server.url)
    return only_tab


@pytest.fixture
def open_page(
    world: World, server: PageServer, wallet: Wallet, tab: chromium.Tab
) -> Iterator[Callable[..., DonorPage]]:
    """open_page(fragment="", script=EIP_6963, **config changes) -> the page, with its list read."""

    def open_page(fragment: str = "", script: str = EIP_6963, **changes: object) -> DonorPage:
        server.config = world.config(**changes)
        server.documents = world.documents
        server.wallet, server.delay = wallet, 0.0
        tab.before_scripts(script)
        tab.open(f"{server.url}{fragment}")
        return DonorPage(tab)

    yield open_page
    # a Content-Security-Policy violation is one of these, too
    assert [fault for fault in tab.faults if "/metadata/" not in fault] == []


@pytest.fixture
def page(open_page: Callable[..., DonorPage]) -> DonorPage:
    """The page with the wallet connected."""
    opened = open_page()
    opened.connect()
    return opened
