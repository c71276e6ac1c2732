"""The list of assets, in both contracts that keep one."""

from __future__ import annotations

import boa
import pytest

from tests.contracts import deployers
from tests.contracts.protocol import MEMO, Protocol, place, stored

ZERO = "0x" + "00" * 20


@pytest.fixture(scope="module")
def world():
    return Protocol()


@pytest.fixture(scope="module", params=["giving", "funds"])
def host(world, request):
    return getattr(world, request.param)


@pytest.fixture(scope="module")
def put(world, host):
    """put(asset, is_measured=False): the timelock lists it."""

    def put(asset, is_measured=False):
        arguments = (asset, is_measured) if host is world.giving else (asset,)
        host.list_asset(*arguments, sender=world.timelock)

    return put


def token(decimals=6):
    return deployers.STRANGE_TOKEN.deploy(decimals, 0)


def info(host, asset):
    found = host.asset_info(asset)
    return (found.is_listed, found.decimals, found.owed)


@pytest.mark.parametrize(
    ("asset", "reason"),
    [
        (lambda: ZERO, "assets: zero asset"),
        (lambda: place("an account"), "assets: no code at the asset"),
        (lambda: token(0), "assets: fewer than 6 decimals"),
        (lambda: token(2), "assets: fewer than 6 decimals"),
        (lambda: token(5), "assets: fewer than 6 decimals"),
        (lambda: token(19), "assets: more than 18 decimals"),
        (lambda: token(24), "assets: more than 18 decimals"),
        (lambda: token(255), "assets: more than 18 decimals"),
    ],
)
def test_what_is_no_fit_token_is_refused(world, put, asset, reason):
    asset = asset()
    with world.refuses(reason):
        put(asset)


@pytest.mark.parametrize("decimals", [6, 7, 17, 18])
def test_6_to_18_decimals_are_taken(host, put, decimals):
    asset = token(decimals)
    assert info(host, asset) == (False, 0, 0)
    put(asset)
    assert info(host, asset) == (True, decimals, 0)


def test_what_is_listed_is_not_listed_again(world, put):
    with world.refuses("assets: already listed"):
        put(world.token)


@pytest.mark.parametrize("asset", ["unlisted", "never listed"])
def test_only_what_is_listed_is_unlisted(world, host, asset):
    if asset == "unlisted":
        host.unlist_asset(world.token, sender=world.timelock)
        asset = world.token
    else:
        asset = token()
    with world.refuses("assets: not listed"):
        host.unlist_asset(asset, sender=world.timelock)
    # the native coin could not be listed again
    with world.refuses("assets: zero asset"):
        host.unlist_asset(ZERO, sender=world.timelock)


def test_the_coin_is_neither_listed_nor_unlisted(world, host):
    """Where it is taken it could never be listed again."""
    with world.refuses("assets: zero asset"):
        host.unlist_asset(ZERO, sender=world.timelock)


def test_what_was_known_keeps_its_place_and_its_decimals(world, host, put):
    asset = deployers.ODD_TOKEN.deploy(8)
    put(asset)
    host.unlist_asset(asset, sender=world.timelock)
    assert info(host, asset) == (False, 8, 0)
    assert host.known_assets() == [world.token.address, asset.address]
    put(asset)
    assert host.known_assets() == [world.token.address, asset.address]
    host.unlist_asset(asset, sender=world.timelock)
    asset.set_decimals(9)
    with world.refuses("assets: decimals have changed"):
        put(asset)


def test_measuring_is_decided_anew_at_each_listing(world):
    asset = token()
    for is_measured in (True, False, True):
        world.giving.list_asset(asset, is_measured, sender=world.timelock)
        assert world.giving.asset_info(asset).is_measured == is_measured
        world.giving.unlist_asset(asset, sender=world.timelock)


def test_24_assets_are_known_at_most(world, host, put):
    known = [world.token.address]
    while len(known) < 24:
        asset = token()
        put(asset)
        known.append(asset.address)
    assert host.known_assets() == known
    with world.refuses("assets: list is full"):
        put(token())
    # unlisting makes no room, and what is known may come back
    host.unlist_asset(known[-1], sender=world.timelock)
    with world.refuses("assets: list is full"):
        put(token())
    put(known[-1])


def test_a_token_without_decimals_is_refused(world, put):
    boa.env.set_code(place("no token"), bytes.fromhex("5f5ffd"))
    before = world.books()
    with boa.reverts():
        put(place("no token"))
    assert world.books() == before


def test_a_token_is_one_word(world):
    """Flags in the lowest bits, decimals from 8, the end of a stop from 16, what is owed from 128:
    a gift reads one slot, so that nothing may lie elsewhere.
    """
    funds, asset = world.funds, token(7)

    def word():
        return stored(funds, "asset_list._words", int(asset.address, 16))

    funds.list_asset(asset, sender=world.timelock)
    listed, measured, known = 1, 2, 4
    assert word() == listed | measured | known | 7 << 8
    world.verify(place("a charity"))
    epoch = world.run_epoch(1, [(world.registry.charity_count(), 1)])
    world.fill(world.donor, funds, token=asset)
    funds.donate_token(1, epoch, asset, 60, MEMO, sender=world.donor)
    funds.stop_entries(sender=world.guardian)
    until = funds.stopped_until()
    assert word() == listed | measured | known | 7 << 8 | until << 16 | 60 << 128
    funds.unlist_asset(asset, sender=world.timelock)
    assert word() & 0xFF == measured | known
