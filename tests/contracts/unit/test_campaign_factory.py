"""CampaignFactory: who opens campaigns, in what, and the one thing the guardian may stop."""

from __future__ import annotations

import base64
import json

import boa
import pytest
from eth_abi import decode, encode
from eth_utils import keccak, to_checksum_address

from tests.contracts import deployers, roles
from tests.contracts.campaigns import ARTWORK, OPEN, PAGE, Campaigns
from tests.contracts.conftest import DAY
from tests.contracts.logs import entry, event_signatures, logged
from tests.contracts.money import COIN, change, moves, send
from tests.contracts.protocol import MEMO, calldata, new_place, place

ZERO = "0x" + "00" * 20


@pytest.fixture(scope="module")
def world():
    return Campaigns()


@pytest.fixture(scope="module")
def factory(world):
    return world.factory


@pytest.fixture(scope="module")
def token(world):
    return world.token


@pytest.fixture(scope="module")
def backer():
    return roles.address("backer")


# --- constructor ----------------------------------------------------------------------------------


def deploy(*, missing=None, implementation=None, listings=()):
    addresses = [place(f"part {number}") for number in range(4)]
    if missing is not None:
        addresses[missing] = ZERO
    return deployers.CAMPAIGN_FACTORY.deploy(*addresses, implementation, list(listings))


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (0, "campaigns: zero timelock"),
        (1, "guardian: zero guardian"),
        (2, "campaigns: zero registry"),
        (3, "campaigns: zero reserve"),
    ],
)
def test_a_zero_address_is_refused(world, missing, reason):
    with boa.reverts(reason):
        deploy(missing=missing, implementation=world.implementation)


@pytest.mark.parametrize("implementation", [ZERO, place("an account")])
def test_an_implementation_without_code_is_refused(implementation):
    with boa.reverts("campaigns: no code at the implementation"):
        deploy(implementation=implementation)


def test_the_constructor_fixes_everything(world, token):
    other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 18)
    factory = deploy(
        implementation=world.implementation,
        listings=[(token.address, False), (other.address, True)],
    )
    assert logged(factory) == [
        entry(factory, "GuardianChanged", guardian=place("part 1")),
        entry(factory, "AssetListed", asset=token, decimals=6, is_measured=False),
        entry(factory, "AssetListed", asset=other, decimals=18, is_measured=True),
    ]
    assert [
        factory.TIMELOCK(),
        factory.guardian(),
        factory.REGISTRY(),
        factory.RESERVE(),
        factory.IMPLEMENTATION(),
    ] == [*[place(f"part {number}") for number in range(4)], world.implementation.address]
    assert factory.known_assets() == [token.address, other.address]
    assert tuple(factory.asset_info(ZERO)) == (True, False, 0, 0)
    assert tuple(factory.asset_info(other)) == (True, True, 18, 0)
    assert (factory.stopped_until(), factory.next_stop_at(), factory.campaign_count()) == (0, 0, 0)
    for asset in (ZERO, token, other):
        assert factory.check_pledge(asset) is True


def test_no_other_function_changes_anything(factory):
    changing = {
        (item["name"], item["stateMutability"])
        for item in factory.abi
        if item["type"] == "function" and item["stateMutability"] not in ("view", "pure")
    }
    assert changing == {
        (name, "nonpayable")
        for name in [
            "create",
            "accept_creator",
            "sweep",
            "list_asset",
            "unlist_asset",
            "set_guardian",
            "stop_entries",
            "resume_entries",
        ]
    }


def test_events_are_what_readers_expect(factory):
    assert event_signatures(factory) == {
        "CreatorAccepted": "*uint256 charity_id, *address creator, bool is_accepted",
        "CampaignCreated": "*address campaign, *uint256 charity_id, *address creator, "
        "uint256 number",
        "Swept": "*address asset, uint256 amount",
        "AssetListed": "*address asset, uint256 decimals, bool is_measured",
        "AssetUnlisted": "*address asset",
        "EntriesStopped": "*address guardian, uint256 stopped_until",
        "EntriesResumed": "*address resumed_by",
        "GuardianChanged": "*address guardian",
    }


# --- whom a charity accepts -----------------------------------------------------------------------


def test_the_payee_accepts_a_creator_and_takes_it_back(world, factory, backer):
    assert not factory.is_accepted(1, backer)
    factory.accept_creator(1, backer, True, sender=world.payee)
    assert logged(factory) == [
        entry(factory, "CreatorAccepted", charity_id=1, creator=backer, is_accepted=True)
    ]
    assert factory.is_accepted(1, backer)
    assert not factory.is_accepted(2, backer)
    factory.create(1, world.terms(), sender=backer)
    factory.accept_creator(1, backer, False, sender=world.payee)
    assert logged(factory) == [
        entry(factory, "CreatorAccepted", charity_id=1, creator=backer, is_accepted=False)
    ]
    with boa.reverts("campaigns: the charity has not accepted the creator"):
        factory.create(1, world.terms(), sender=backer)


@pytest.mark.parametrize("is_accepted", [False, True])
def test_nothing_is_accepted_twice(world, factory, backer, is_accepted):
    if is_accepted:
        factory.accept_creator(1, backer, True, sender=world.payee)
    with boa.reverts("campaigns: nothing to change"):
        factory.accept_creator(1, backer, is_accepted, sender=world.payee)


@pytest.mark.parametrize(
    "caller", ["creator", "stranger", "timelock", "guardian", "registrar", "operations"]
)
def test_nobody_else_accepts_a_creator(world, factory, caller):
    with boa.reverts("campaigns: not the charity's payee"):
        factory.accept_creator(1, world.stranger, True, sender=getattr(world, caller))


@pytest.mark.parametrize("charity_id", [0, 2, 2**256 - 1])
def test_a_charity_accepts_for_itself_alone(world, factory, charity_id):
    """The payee of an unknown charity is zero, which nobody is."""
    with boa.reverts("campaigns: not the charity's payee"):
        factory.accept_creator(charity_id, world.stranger, True, sender=world.payee)
    assert not factory.is_accepted(charity_id, world.stranger)


def test_a_new_payee_accepts_and_the_old_one_does_not(world, factory, backer):
    world.registry.propose_payee(1, backer, sender=world.payee)
    boa.env.time_travel(seconds=2 * DAY)
    world.registry.accept_payee(1, sender=backer)
    with boa.reverts("campaigns: not the charity's payee"):
        factory.accept_creator(1, world.stranger, True, sender=world.payee)
    factory.accept_creator(1, world.stranger, True, sender=backer)
    # whom the old payee accepted is still accepted
    factory.create(1, world.terms(), sender=world.creator)


# --- opening --------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["creator", "payee"])
@pytest.mark.parametrize("kind", ["coin", "token"])
def test_a_campaign_is_a_proxy_that_is_open_at_once(world, factory, token, who, kind):
    sender = getattr(world, who)
    asset = COIN if kind == "coin" else token
    terms = world.terms(asset=asset, strict=False, milestones=[4_000])
    address = to_checksum_address(str(factory.create(1, terms, sender=sender)))
    campaign = world.at(address)
    logs = logged(factory)
    assert [log for log in logs if log[0] == factory.address] == [
        entry(factory, "CampaignCreated", campaign=address, charity_id=1, creator=sender, number=1)
    ]
    assert [(log[0], log[1]) for log in logs] == [
        (factory.address, "CampaignCreated"),
        (address, "Opened"),
    ]
    assert logs[1][2] == {
        "charity_id": 1,
        "creator": sender,
        "asset": str(getattr(asset, "address", asset)),
        "goal": 1_000,
        "deadline": boa.env.timestamp + 30 * DAY,
        "is_all_or_nothing": False,
    }
    # ERC-1167
    assert boa.env.get_code(address) == (
        bytes.fromhex("363d3d373d3d3d363d73")
        + bytes.fromhex(world.implementation.address[2:])
        + bytes.fromhex("5af43d82803e903d91602b57fd5bf3")
    )
    assert (factory.campaign_count(), factory.number_of(address)) == (1, 1)
    assert campaign.creator() == sender
    assert campaign.status().state == OPEN
    assert (campaign.FACTORY(), campaign.REGISTRY(), campaign.RESERVE()) == (
        factory.address,
        world.registry.address,
        world.reserve.address,
    )


def test_campaigns_are_numbered_and_others_are_not(world, factory):
    found = [world.open().address for _ in range(3)]
    assert len(set(found)) == 3
    assert [factory.number_of(address) for address in found] == [1, 2, 3]
    assert factory.campaign_count() == 3
    for other in (world.implementation.address, factory.address, world.payee, ZERO):
        assert factory.number_of(other) == 0


@pytest.mark.parametrize("caller", ["stranger", "timelock", "guardian", "registrar"])
def test_nobody_opens_for_a_charity_that_did_not_accept_it(world, factory, caller):
    with boa.reverts("campaigns: the charity has not accepted the creator"):
        factory.create(1, world.terms(), sender=getattr(world, caller))
    assert factory.campaign_count() == 0


def test_a_creator_is_accepted_by_one_charity_only(world, factory):
    other = world.verify(roles.address("another payee"))
    for sender in (world.creator, world.payee):
        with boa.reverts("campaigns: the charity has not accepted the creator"):
            factory.create(other, world.terms(), sender=sender)
    factory.create(other, world.terms(), sender=roles.address("another payee"))


@pytest.mark.parametrize("state", ["unknown", "suspended", "expired", "revoked"])
@pytest.mark.parametrize("who", ["creator", "payee"])
def test_a_charity_that_may_not_receive_gets_no_campaign(world, factory, state, who):
    charity_id = 1
    if state == "unknown":
        charity_id = 2
    elif state == "suspended":
        world.suspend(1)
    elif state == "expired":
        boa.env.timestamp = world.registry.charity(1).expiry
    else:
        world.revoke(1)
    reason = "unknown charity" if state == "unknown" else f"charity is {state}"
    with boa.reverts(f"registry: {reason}"):
        factory.create(charity_id, world.terms(), sender=getattr(world, who))


@pytest.mark.parametrize("asset", ["an account", "a token not listed", "unlisted"])
def test_a_campaign_in_an_asset_that_is_not_listed_is_refused(world, factory, token, asset):
    other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 6)
    if asset == "unlisted":
        factory.unlist_asset(token, sender=world.timelock)
    asset = {
        "an account": place("account"),
        "a token not listed": other.address,
        "unlisted": token.address,
    }[asset]
    with boa.reverts("campaigns: asset is not listed"):
        factory.create(1, world.terms(asset=asset), sender=world.creator)
    with boa.reverts("campaigns: asset is not listed"):
        factory.check_pledge(asset)


def test_a_campaign_that_cannot_be_opened_leaves_nothing(world, factory):
    with boa.reverts("campaign: zero goal"):
        factory.create(1, world.terms(goal=0), sender=world.creator)
    assert factory.campaign_count() == 0
    assert world.open().creator() == world.creator
    assert factory.campaign_count() == 1


# --- assets and the stop --------------------------------------------------------------------------


def test_the_timelock_lists_and_unlists(world, factory, token):
    other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 18)
    factory.list_asset(other, sender=world.timelock)
    assert logged(factory) == [
        entry(factory, "AssetListed", asset=other, decimals=18, is_measured=True)
    ]
    assert tuple(factory.asset_info(other)) == (True, True, 18, 0)
    assert factory.check_pledge(other)
    factory.unlist_asset(other, sender=world.timelock)
    assert logged(factory) == [entry(factory, "AssetUnlisted", asset=other)]
    with boa.reverts("campaigns: asset is not listed"):
        factory.check_pledge(other)
    assert factory.known_assets() == [token.address, other.address]


def test_the_timelock_names_the_guardian(world, factory, backer):
    factory.set_guardian(backer, sender=world.timelock)
    assert logged(factory) == [entry(factory, "GuardianChanged", guardian=backer)]
    assert factory.guardian() == backer


@pytest.mark.parametrize(
    "caller", ["stranger", "guardian", "registrar", "creator", "payee", "operations"]
)
def test_nobody_else_is_the_timelock(world, factory, token, caller):
    sender = getattr(world, caller)
    for function, argument in [
        (factory.list_asset, token),
        (factory.unlist_asset, token),
        (factory.set_guardian, sender),
    ]:
        with boa.reverts("campaigns: not the timelock"):
            function(argument, sender=sender)


def test_the_guardian_stops_and_resumes_pledges(world, factory, token):
    now = boa.env.timestamp
    factory.stop_entries(sender=world.guardian)
    assert logged(factory) == [
        entry(factory, "EntriesStopped", guardian=world.guardian, stopped_until=now + 7 * DAY)
    ]
    assert (factory.stopped_until(), factory.next_stop_at()) == (now + 7 * DAY, now + 30 * DAY)
    for asset in (ZERO, token):
        for second, is_stopped in [(-1, True), (0, False), (1, False)]:
            with boa.env.anchor():
                boa.env.timestamp = now + 7 * DAY + second
                if not is_stopped:
                    assert factory.check_pledge(asset)
                    continue
                with boa.reverts("campaigns: pledges are stopped"):
                    factory.check_pledge(asset)
                with boa.reverts("campaigns: pledges are stopped"):
                    factory.create(1, world.terms(asset=asset), sender=world.creator)
    boa.env.time_travel(seconds=DAY)
    factory.resume_entries(sender=world.guardian)
    assert logged(factory) == [entry(factory, "EntriesResumed", resumed_by=world.guardian)]
    for asset in (ZERO, token):
        assert factory.check_pledge(asset)
    assert factory.stopped_until() == boa.env.timestamp
    with boa.reverts("guardian: stopped too recently"):
        factory.stop_entries(sender=world.guardian)
    boa.env.timestamp = now + 30 * DAY
    factory.stop_entries(sender=world.guardian)


def test_a_token_listed_during_a_stop_is_stopped_too(world, factory):
    now = boa.env.timestamp
    factory.stop_entries(sender=world.guardian)
    other = deployers.PLAIN_TOKEN.deploy("Other", "OTH", 6)
    factory.list_asset(other, sender=world.timelock)
    boa.env.timestamp = now + 7 * DAY - 1
    with boa.reverts("campaigns: pledges are stopped"):
        factory.check_pledge(other)
    boa.env.timestamp += 1
    assert factory.check_pledge(other)


def test_an_unlisted_asset_stays_unlisted_through_a_stop(world, factory, token):
    factory.unlist_asset(token, sender=world.timelock)
    factory.stop_entries(sender=world.guardian)
    with boa.reverts("campaigns: asset is not listed"):
        factory.check_pledge(token)
    factory.resume_entries(sender=world.guardian)
    with boa.reverts("campaigns: asset is not listed"):
        factory.check_pledge(token)


@pytest.mark.parametrize("caller", ["stranger", "timelock", "registrar", "creator", "payee"])
def test_nobody_else_is_the_guardian(world, factory, caller):
    sender = getattr(world, caller)
    for function in (factory.stop_entries, factory.resume_entries):
        with boa.reverts("guardian: not the guardian"):
            function(sender=sender)


# --- what strayed here ----------------------------------------------------------------------------


def test_what_strayed_here_goes_to_the_reserve(world, factory, token):
    token.mint(factory, 7)
    boa.env.set_balance(factory.address, 9)
    for asset, amount in [(token, 7), (COIN, 9)]:
        with moves([COIN, token], [factory, *world.accounts]) as moved:
            assert factory.sweep(asset, sender=world.stranger) == amount
            logs = [log for log in logged(factory) if log[0] == factory.address]
        assert logs == [entry(factory, "Swept", asset=asset, amount=amount)]
        assert moved == change((asset, factory, -amount), (asset, world.reserve, amount))
        with boa.reverts("campaigns: nothing to sweep"):
            factory.sweep(asset)


def test_the_factory_takes_no_coin(world, factory):
    assert send(factory, 1, sender=world.stranger) is not None
    assert send(factory, 0, sender=world.stranger) is not None
    call = factory.accept_creator.prepare_calldata(1, world.stranger, True)
    assert send(factory, 1, sender=world.payee, data=call) is not None


# --- metadata -------------------------------------------------------------------------------------

TEXTS = [
    ("Wells for Turkana", ARTWORK.format(0), PAGE),
    ("", "", ""),
    ("n" * 64, "a" * 128, "u" * 128),
    ("\u00e9" * 32, "\u6c34" * 42, "\U0001f4a7" * 32),
]


@pytest.mark.parametrize("name, artwork, page", TEXTS)
@pytest.mark.parametrize("token_id", [1, 10, 2**32 - 1, 2**128 - 1])
@pytest.mark.parametrize("tier, is_locked", [(0, True), (7, False), (2**128 - 1, True)])
def test_metadata_is_what_python_writes(factory, name, artwork, page, token_id, tier, is_locked):
    expected = json.dumps(
        {
            "name": f"{name} #{token_id}",
            "image": artwork,
            "external_url": page,
            "attributes": [
                {"trait_type": "Tier", "value": tier},
                {"trait_type": "Locked", "value": is_locked},
            ],
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
    assert factory.metadata(name, token_id, artwork, page, tier, is_locked) == (
        "data:application/json;base64," + base64.b64encode(expected.encode()).decode()
    )


@pytest.mark.parametrize("name, artwork, page", [(65, 128, 128), (64, 129, 128), (64, 128, 129)])
def test_metadata_of_longer_texts_is_refused(world, factory, name, artwork, page):
    kinds = ["string", "uint256", "string", "string", "uint256", "bool"]

    def call(name, artwork, page):
        data = calldata("metadata", kinds, "n" * name, 1, "a" * artwork, "u" * page, 0, True)
        return send(factory, 0, sender=world.stranger, data=data)

    assert call(64, 128, 128) is None
    assert call(name, artwork, page) is not None


def test_metadata_of_what_no_campaign_has_is_refused(factory):
    for token_id, tier in [(2**128, 0), (1, 2**128)]:
        with pytest.raises(boa.BoaError):
            factory.metadata("", token_id, "", "", tier, False)


# --- a factory of somebody else's -----------------------------------------------------------------


def test_an_implementation_of_another_factory_opens_nothing(world):
    """Its campaigns answer to the factory it names, which this one is not."""
    factory = deployers.CAMPAIGN_FACTORY.deploy(
        world.timelock,
        world.guardian,
        world.registry,
        world.reserve,
        world.implementation,
        [],
        override_address=new_place(),
    )
    with boa.reverts("campaign: not the factory"):
        factory.create(1, world.terms(asset=COIN), sender=world.payee)
    assert factory.campaign_count() == 0


TERMS = (
    "(address,uint256,uint256,bool,uint256,string,string,string,"
    "(uint256,uint256,string)[],uint256[])"
)


@pytest.mark.parametrize("name", [b"W\xff", b"\xc3", b"\xed\xa0\x80", b"\x80" * 64])
def test_a_name_that_is_no_utf_8_is_taken_as_it_is(world, factory, name):
    """A known limit: its bytes stand in the metadata as they were given, and hurt nothing else."""
    terms = list(world.terms(asset=COIN))
    terms[5:9] = [name, b"W", b"page", [(1, 5, b"art")]]
    kinds = ["uint256", TERMS.replace("string", "bytes")]
    selector = keccak(text=f"create(uint256,{TERMS})")[:4]
    done = boa.env.execute_code(
        to_address=factory.address,
        sender=world.creator,
        data=selector + encode(kinds, [1, tuple(terms)]),
    )
    campaign, functions = decode(["address"], done.output)[0], world.implementation

    def call(function, *arguments, sender, value=0):
        # titanoboa reads a contract's texts whenever it names it, and cannot read this one
        done = boa.env.execute_code(
            to_address=campaign,
            sender=sender,
            value=value,
            data=function.prepare_calldata(*arguments),
        )
        assert done.is_success
        return done.output

    backer = world.stranger
    assert decode(["uint256"], call(functions.pledge_native, 0, MEMO, sender=backer, value=5)) == (
        1,
    )
    uri = decode(["string"], call(functions.tokenURI, 1, sender=backer))[0]
    found = base64.b64decode(uri.removeprefix("data:application/json;base64,"), validate=True)
    assert found.startswith(b'{"name":"' + name + b' #1","image":"art","external_url":"page",')
    with pytest.raises(UnicodeDecodeError):
        found.decode()
    call(functions.cancel, sender=world.creator)
    with moves([COIN], [backer]) as moved:
        call(functions.refund_for, backer, sender=backer)
    assert moved == change((COIN, backer, 5))


@pytest.mark.parametrize(
    ("name", "size"), [("name", 65), ("symbol", 17), ("uri", 129), ("milestones", 9), ("tiers", 9)]
)
def test_what_is_too_long_is_refused(world, factory, name, size):
    """As any wallet would encode it: the ABI's own encoder refuses what is out of bounds."""
    names = ["asset", "goal", "deadline", "is_all_or_nothing", "royalty", "name", "symbol", "uri"]
    terms = dict(zip([*names, "tiers", "milestones"], world.terms(), strict=True))

    def call(**changes):
        selector = keccak(text=f"create(uint256,{TERMS})")[:4]
        data = selector + encode(["uint256", TERMS], [1, tuple({**terms, **changes}.values())])
        return send(factory, 0, sender=world.creator, data=data)

    longer = {
        "name": "x" * size,
        "symbol": "x" * size,
        "uri": "x" * size,
        "milestones": [1] * size,
        "tiers": [(1, 1, "")] * size,
    }[name]
    assert call(**{name: longer}) is not None
    assert factory.campaign_count() == 0
    assert call(**{name: longer[:-1]}) is None
    assert factory.campaign_count() == 1
