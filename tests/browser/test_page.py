"""The page itself: what it lists, that nothing from outside can act in it, and who can use it."""

from __future__ import annotations

import base64
import json
import re

import pytest

from donablock.chain.deploy import Deployment
from donablock.chain.keys import LocalSigner
from donablock.chain.networks import network_of
from donablock.chain.node import Anvil
from donablock.chain.session import Session
from donablock.errors import InputError
from donablock.giving.page_config import main, page_config, write_page_config
from tests.browser.conftest import NOW, ROOT
from tests.browser.wallet import EIP_1193
from tests.browser.world import DAY, NATIVE, account

pytestmark = [pytest.mark.browser, pytest.mark.anvil]

STYLE = (ROOT / "web" / "give" / "src" / "style.css").read_text()


def test_list_is_put_together_from_logs(open_page, world):
    page = open_page()
    page.tab.sees("#list .card[data-charity='1'] .name", "water")
    assert page.tab.text("#list-state") == "6 charities can receive gifts today."
    shown = page.tab.run("[...document.querySelectorAll('.card')].map((c) => c.dataset.charity)")
    assert shown == [str(number) for name, number in world.charities.items() if name != "revoked"]
    page.tab.click("input[name=kind][value=fund]")
    page.tab.sees(".tile")
    tiles = page.tab.run(
        "[...document.querySelectorAll('.tile')].map("
        "(t) => [t.querySelector('.name').innerText, t.querySelector('.meta').innerText])"
    )
    assert len(tiles) == world.funds.functions.fund_count().call() == 17
    assert tiles[5] == ["Clean Water and Sanitation", "3 charities"]
    assert tiles[0] == ["No Poverty", "Not open yet"]
    assert tiles[14][1].startswith("Opens ")


def test_later_changes_of_a_charity_are_followed(open_page, world):
    number = world.charities["water"]
    payee = world.as_("water")
    described = json.dumps({"name": "Renamed", "country": "GB"})
    metadata_hash = world.node.w3.keccak(text=described)
    payee.send(
        world.registry.functions.set_metadata(
            number, metadata_hash, f"data:application/json,{described}"
        )
    )
    registrar = world.as_("registrar")
    registrar.send(world.registry.functions.set_sdgs(number, 1 << 16))
    registrar.send(world.registry.functions.suspend(number, bytes(32)))
    registrar.send(world.registry.functions.reinstate(number))
    page = open_page()
    page.tab.sees(f"[data-charity='{number}'] .name", "Renamed")
    assert "GB" in page.tab.text(f"[data-charity='{number}'] .meta")
    assert page.tab.text(f"[data-charity='{number}'] .goals") == "17"
    assert page.tab.run(f"document.querySelector('[data-charity=\"{number}\"] .flag')") is None


def test_description_counts_only_with_its_hash(open_page, world):
    page = open_page()
    page.tab.sees("[data-charity='1'] .name", "water")
    for name in ("silent", "lies"):
        number = world.charities[name]
        assert page.tab.text(f"[data-charity='{number}'] .name") == f"Charity no. {number}"


def test_second_visit_reads_only_new_logs(open_page, world, wallet):
    """Through the wallet, which sees every request."""
    world.node.mine(200)
    page = open_page(script=EIP_1193, rpc_urls=[])
    page.connect()
    page.tab.sees("[data-charity='1']")

    def asked() -> list[int]:
        return [int(p[0]["fromBlock"], 16) for m, p in wallet.requests if m == "eth_getLogs"]

    first = asked()
    assert first[0] == 0
    settled = world.node.w3.eth.block_number - 128
    wallet.requests.clear()
    page.tab.reload()
    page.connect()
    page.tab.sees("[data-charity='1'] .name", "water")
    assert asked()[0] == settled + 1
    assert len(asked()) < len(first)

    # another chain at the same addresses: nothing kept is believed
    page.tab.run(
        "(() => { const key = Object.keys(localStorage)[0];"
        " const kept = JSON.parse(localStorage[key]); kept.hash = '0x00';"
        " localStorage[key] = JSON.stringify(kept) })()"
    )
    wallet.requests.clear()
    page.tab.reload()
    page.connect()
    page.tab.sees("[data-charity='1']")
    assert asked() == first


def test_charity_far_down_the_list_is_found_by_name(open_page, world):
    registrar = world.as_("registrar")
    expiry = registrar.now + 365 * DAY
    for number in range(70):
        described = json.dumps({"name": f"Shelter {number}"}).encode()
        registrar.submit(
            world.registry.functions.verify(
                account(f"shelter {number}").address,
                world.node.w3.keccak(text=f"XX:{number}"),
                1,
                world.node.w3.keccak(described),
                "data:application/json;base64," + base64.b64encode(described).decode(),
                expiry,
                bytes(32),
            )
        )
    page = open_page()
    page.tab.sees("#list > button", "Show more (18)")
    page.tab.type("#search", "shelter 69")
    page.tab.wait("document.querySelectorAll('#list .card').length === 1")
    page.tab.sees("#list .name", "Shelter 69")
    page.tab.type("#search", "")
    page.tab.choose("#goal", "6. Clean Water and Sanitation")
    page.tab.wait("document.querySelectorAll('#list .card').length === 1")
    page.tab.sees("#list .name", "water")


def test_no_card_moves_when_its_description_arrives(open_page, server):
    """A list that jumps under the finger chooses somebody else."""
    page = open_page()
    server.delay = 1.0
    places = "[...document.querySelectorAll('.card')].slice(0, 4).map((c) => c.offsetTop)"
    page.tab.reload()
    page.tab.sees("#list .name", "Charity no. 1")
    before = page.tab.run(places)
    page.tab.sees("#list .name", "water")
    page.tab.sees("[data-charity='4'] .name", "suspended")
    assert page.tab.run(places) == before


def test_hostile_name_is_only_text(open_page, world):
    page = open_page()
    number = next(n for name, n in world.charities.items() if name.startswith("Evil"))
    shown = page.tab.sees(f"[data-charity='{number}'] .name", "<img")
    assert "\u202e" not in shown
    page.choose_charity(number)
    page.tab.sees("#chosen", "<img")
    assert page.tab.run("window.pwned") is None
    assert page.tab.run("document.querySelectorAll('main script, main img[src=x]').length") == 0


def test_no_script_or_markup_from_a_string_runs(open_page):
    tab = open_page().tab
    assert tab.run("(() => { try { eval('1'); return 'ran' } catch { return 'refused' } })()") == (
        "refused"
    )
    assert (
        tab.run(
            "(() => { try { document.body.innerHTML = '<p>'; return 'ran' }"
            " catch { return 'refused' } })()"
        )
        == "refused"
    )
    # both are told to the console, which the tab notes as faults
    assert {kind for kind in ("TrustedScript", "TrustedHTML") if kind in str(tab.faults)} == {
        "TrustedScript",
        "TrustedHTML",
    }
    tab.faults.clear()


def test_sources_have_no_way_to_write_markup():
    for path in (ROOT / "web" / "give" / "src").rglob("*.ts"):
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(",
            path.read_text(),
        )
        assert found == [], path
    page = (ROOT / "web" / "give" / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert "script-src 'self';" in policy
    assert "img-src 'self' data: https: http://localhost:* http://127.0.0.1:*;" in policy
    assert "unsafe" not in policy
    assert not re.search(r"\son\w+=|<script(?! type=\"module\" src=\"main.js\")", page)


@pytest.mark.parametrize(("width", "is_dark"), [(360, True), (1280, False)], ids=["phone", "desk"])
def test_nothing_sticks_out(open_page, width, is_dark):
    """No sideways scrolling, and every control is big enough for a finger."""
    page = open_page()
    tab = page.tab
    tab.resize(width, 640, is_dark=is_dark)
    page.listed()

    def check() -> None:
        assert tab.run("document.documentElement.scrollWidth") <= width
        small = tab.run(
            "[...document.querySelectorAll("
            "'.button, select, input:not([type=radio], [type=checkbox])')]"
            ".filter((e) => e.checkVisibility())"
            ".filter((e) => e.getBoundingClientRect().height < 36).map((e) => e.outerHTML)"
        )
        assert small == []

    check()
    page.connect()
    check()
    page.choose_fund(6)
    page.fill("1", "USDX", receipt=True)
    check()
    page.review()
    check()
    page.give()
    tab.sees("#receipt-picture")
    check()


def test_every_control_has_a_name(page):
    page.listed()
    nameless = page.tab.run(
        "[...document.querySelectorAll('button, input, select')].filter((e) =>"
        " !(e.innerText?.trim() && e.tagName === 'BUTTON') && !e.getAttribute('aria-label')"
        " && !(e.labels && [...e.labels].some((l) => l.textContent.trim())))"
        ".map((e) => e.outerHTML)"
    )
    assert nameless == []
    assert page.tab.run("document.documentElement.lang") == "en"


def test_gift_by_keyboard_alone(open_page, world):
    page = open_page()
    page.listed()
    tab = page.tab

    def tab_to(selector: str) -> None:
        for _ in range(60):
            if tab.run(f"document.activeElement?.matches({json.dumps(selector)})"):
                return
            tab.press("Tab", 9)
        raise AssertionError(f"no way to {selector} by keyboard")

    tab_to("#wallet")
    tab.press("Enter", 13, "\r")
    tab.sees("#wallet.connected")
    tab_to("input[name=recipient]")
    tab.press(" ", 32, " ")
    tab.sees("#chosen", "water")
    tab_to("#amount")
    tab._send("Input.insertText", text="0.25")
    tab.press("Enter", 13, "\r")
    tab.sees("#plan", "0.25 ETH")
    tab_to("#give")
    tab.press("Enter", 13, "\r")
    tab.sees("#done", "Thank you")
    (log,) = world.giving.events.Donated.get_logs(from_block=0)
    assert log["args"]["amount"] == 10**18 // 4


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(d * 2 for d in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_words_can_be_read_on_every_ground():
    """WCAG 2.2, AA: 4.5 to 1 for words, in light, in dark, and on the goals' own colours."""
    light, dark = (
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", block))
        for block in re.findall(r":root \{(.*?)\}", STYLE, re.S)
    )
    pairs = [
        (words, ground)
        for words in ("ink", "muted", "accent", "accent-strong")
        for ground in ("ground", "panel", "sunk", "accent-soft")
    ] + [("accent-ink", "accent"), ("fault", "fault-soft")]
    for scheme in (light, light | dark):
        for words, ground in pairs:
            assert contrast(scheme[words], scheme[ground]) >= 4.5, (words, ground)
        assert contrast(scheme["edge"], scheme["panel"]) >= 3
    goals = re.findall(r"--goal: (#[0-9a-f]{6}); --goal-ink: (#[0-9a-f]{3,6});", STYLE)
    assert len(goals) == 17
    for colour, ink in goals:
        assert contrast(colour, ink) >= 4.5, colour


def test_page_opens_on_a_real_deployment(tab, server, tmp_path, capsys):
    """deploy -> manifest -> config.json -> page: every fund and every asset is there."""
    with Anvil(timestamp=NOW) as node:
        session = Session(node.w3, node.chain_id, LocalSigner.test_account(0))
        path = tmp_path / "31337.json"
        deployment = Deployment(session, network_of(node.chain_id), path)
        manifest = deployment.run(deployment.plan())
        config = page_config(manifest, rpc_urls=[node.url], network="Rehearsal")
        assert config["from_block"] > 0

        folder = tmp_path / "page"
        folder.mkdir()
        arguments = ["31337", "--manifest", str(path), "--folder", str(folder), "--rpc", node.url]
        assert main(arguments) == 1
        assert "build it first" in capsys.readouterr().err
        (folder / "index.html").touch()
        assert main([*arguments, "--network", "Rehearsal"]) == 0
        assert json.loads((folder / "config.json").read_text()) == config
        assert main(["31337", "--manifest", str(path), "--rpc", "ftp://node"]) == 1
        older = manifest.model_copy(deep=True)
        del older.contracts["CampaignFactory"]
        with pytest.raises(InputError, match="has no CampaignFactory"):
            page_config(older)
        assert write_page_config(config, folder) == folder / "config.json"

        server.config, server.wallet = config, None
        tab.open(f"{server.url}#fund=6")
        tab.sees("#list-state", "0 of 17 funds open")
        tab.sees("#network", "Rehearsal")
        assets = tab.run("[...document.querySelector('#asset').options].map((o) => o.text)")
        assert assets == ["ETH", "USDX", "DOBO", "GIVE"]
        tab.click("input[name=kind][value=campaign]")
        tab.sees("#list-state", "No campaign has been opened yet")
        assert tab.faults == []
    assert config["contracts"]["campaigns"] == manifest.addresses["CampaignFactory"]
    assert config["contracts"]["giving"] == manifest.addresses["Giving"]
    assert NATIVE not in [asset["address"] for asset in config["assets"]]
    assert account("donor").address not in json.dumps(config)
