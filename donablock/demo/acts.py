"""The giving machine's acts. Each changes the world and tells the timeline.

Acts in which money is given or claimed do so inside `world.giving()`, which measures every balance
before and after; what else moves money (handing out, issuing, redeeming) happens outside of it.
Which act follows which is in play.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from eth_utils.crypto import keccak

from donablock.chain.amounts import NATIVE, from_units
from donablock.demo import charities as profiles
from donablock.demo import gifts
from donablock.demo.blocks import Actor
from donablock.demo.gifts import COIN, DOBO, GIVE, STABLE, any_amount
from donablock.demo.world import (
    DAY,
    GOALS,
    MONTH,
    SDG_NAMES,
    Charity,
    Fund,
    World,
    expect,
)

HOUR = 3_600
YEAR = 365 * DAY
CLIMATE = 13
"""The goal whose fund gets other weights."""

# wei that an account needs for gas, and what a donor has to give
_GAS_MONEY = 10 * 10**18
_DONOR_COINS = 200 * 10**18
# smallest units of the stablecoin that each donor gets
_DONOR_DOLLARS = 60_000 * 10**6
_NOTHING = b"\0" * 32
# code that refuses whatever it is called with: PUSH1 0, PUSH1 0, REVERT
_REFUSES = "0x60006000fd"
_CALLS_IN_BATCH = 16
# the month after which charities are verified anew: their term is three years
_RENEWAL = 34
_PROMOTIONS, _DONATIONS = 8, 3

Ref = tuple[int, int, int, str]
"""What can be claimed: fund, epoch, place in its list, asset's address."""


# --- setting up -----------------------------------------------------------------------------------


def fill_wallets(world: World) -> None:
    """Coin for everybody who acts, stablecoin for the donors."""
    blocks, scale = world.blocks, world.scale
    payees = [Actor(f"charity {number}") for number in range(1, scale.charities + 1)]
    spare = [Actor("moved charity"), Actor("charity's other account")]
    world.charity_wallets = [*payees, *spare]
    helpers = [*world.roles.values(), *world.charity_wallets]
    helpers += [world.beneficiaries[group] for group in (_PROMOTIONS, _DONATIONS)]
    coins = {actor.address: _GAS_MONEY for actor in helpers}
    coins |= {donor.address: _DONOR_COINS for donor in world.donors}
    blocks.wire.batch(("anvil_setBalance", [who, hex(wei)]) for who, wei in coins.items())
    for donor in world.donors:
        blocks.send(
            "test dollars minted",
            world.anyone,
            world[STABLE],
            "mint",
            donor.address,
            _DONOR_DOLLARS,
        )
    blocks.mine()
    world.tell(
        "setup",
        f"{scale.wallets} donors open a wallet",
        f"Each holds 200 {COIN} and 60,000 {STABLE} of this local chain.",
    )


def verify_charities(world: World) -> None:
    """Each charity applies from its own account, and the registrar verifies it for three years."""
    blocks, registry = world.blocks, world["CharityRegistry"]
    entries = profiles.load(world.scale.charities)
    for entry, payee in zip(entries, world.charity_wallets, strict=False):
        words = (entry.legal_id_hash, entry.sdg_bits, entry.metadata_hash, entry.uri)
        blocks.send("charity applies", payee, registry, "apply", *words)
    blocks.wait(DAY)
    expiry = blocks.now + 3 * YEAR
    for number, entry in enumerate(entries, 1):
        payee = world.charity_wallets[number - 1]
        world.charities[number] = Charity(number, entry, payee)
        blocks.send(
            "registrar verifies a charity",
            world.roles["registrar"],
            registry,
            "verify",
            payee.address,
            *(entry.legal_id_hash, entry.sdg_bits, entry.metadata_hash, entry.uri),
            expiry,
            keccak(text=f"evidence seen for {entry.legal_id}"),
            gas=400_000,
        )
    blocks.mine()
    found = blocks.read(registry, "charity_count")
    expect(found == len(entries), f"{len(entries)} charities are verified", lambda: str(found))
    countries = len({entry.country for entry in entries})
    world.tell(
        "setup",
        f"{len(entries)} charities are verified",
        f"From {countries} countries. Each applied from the account it is paid at.",
    )


def open_funds(world: World) -> None:
    """The 17 goals' funds get their first list, and three more funds are made, by the timelock."""
    blocks, funds, scale = world.blocks, world["IndexFunds"], world.scale
    for goal, name in enumerate(SDG_NAMES, 1):
        world.funds[goal] = Fund(goal, name)
    for number, size in enumerate(scale.fund_sizes, GOALS + 1):
        world.funds[number] = Fund(number, f"Fund of {size} charities")
    calls = [funds.data("create_fund", world.funds[n].name) for n in world.funds if n > GOALS]
    for fund in world.funds.values():
        fund.members[1] = _first_list(world, fund)
        ids, weights = zip(*fund.members[1], strict=True)
        calls.append(funds.data("announce_epoch", fund.id, ids, weights))
    batches = [calls[i : i + _CALLS_IN_BATCH] for i in range(0, len(calls), _CALLS_IN_BATCH)]
    through_timelock(world, "the funds' first lists", [(funds.address, b) for b in batches])
    notice = blocks.read(funds, "EPOCH_NOTICE")
    blocks.wait(notice)
    for fund in world.funds.values():
        fund.epoch = blocks.read(funds, "running_epoch", fund.id)
        expect(fund.epoch == 1, f"the first epoch of {fund.name} runs")
    sizes = ", ".join(str(size) for size in scale.fund_sizes)
    world.tell(
        "setup",
        f"{len(world.funds)} index funds open",
        f"17 goals and funds of {sizes} charities, after {days(notice)} of notice.",
    )


def _first_list(world: World, fund: Fund) -> list[tuple[int, int]]:
    """Ascending charities with weights: in a goal's fund, three times as much for whom it is the
    main goal.
    """
    if fund.id <= GOALS:
        return [
            (charity.id, 300 if charity.profile.goal == fund.id else 100)
            for charity in world.charities.values()
            if fund.id in charity.profile.sdgs
        ] or [(1 + fund.id % len(world.charities), 100)]
    size = world.scale.fund_sizes[fund.id - GOALS - 1]
    chosen = sorted(world.rng.sample(sorted(world.charities), min(size, len(world.charities))))
    return [(charity_id, world.rng.randint(50, 250)) for charity_id in chosen]


def through_timelock(
    world: World, what: str, batches: Sequence[tuple[str, Sequence[bytes]]]
) -> None:
    """Schedule batches of calls (target, payloads), show that it is too early, wait, and execute
    them.

    Each batch comes after the one before it.
    """
    blocks, timelock = world.blocks, world["Timelock"]
    delay = blocks.read(timelock, "get_minimum_delay")
    proposer = world.roles["proposer"]
    world.tell("change", f"Scheduled: {what}", f"In public, {days(delay)} before it can happen.")
    before = _NOTHING
    planned: list[tuple[list[str], list[int], list[bytes], bytes, bytes]] = []
    for target, payloads in batches:
        salt = keccak(text=f"{what} at {blocks.now}")
        words = ([target] * len(payloads), [0] * len(payloads), list(payloads), before, salt)
        before = blocks.read(timelock, "hash_operation_batch", *words)
        planned.append(words)
        # calls in a batch and their length make the gas: it is bounded by what is announced
        name = f"timelock schedules {len(payloads)} calls"
        blocks.send(name, proposer, timelock, "schedule_batch", *words, delay, gas=12_000_000)
    blocks.mine()
    reason = blocks.refusal(world.anyone, timelock, "execute_batch", *planned[0])
    world.tell("refused", f"Too early: {what}", f'Executing it at once is refused: "{reason}".')
    blocks.wait(delay)
    for words in planned:
        name = f"timelock executes {len(words[2])} calls"
        blocks.send(name, world.anyone, timelock, "execute_batch", *words, gas=25_000_000)
    blocks.mine()


# --- giving ---------------------------------------------------------------------------------------


def give_coin_and_dollars(world: World) -> None:
    """Every donor gives to charities, carts and funds in the coin and the stablecoin."""
    with world.giving():
        for number, donor in enumerate(world.donors):
            _gifts_of(world, donor, number, COIN, (5, 900))
            _gifts_of(world, donor, number, STABLE, (2_000, 600_000))
            if number % 10 == 9:
                world.blocks.wait(6 * HOUR)
        world.blocks.mine()
    world.tell(
        "gift",
        f"The first gifts, in {COIN} and {STABLE}",
        f"To charities, carts of up to {gifts.MAX_CART} and index funds; {STABLE} by permit alone.",
    )


def _gifts_of(
    world: World, donor: Actor, number: int, symbol: str, bounds: tuple[int, int]
) -> None:
    """One donor's round in one asset: two charities, a cart, a goal's fund, and two of the larger
    funds.

    `bounds` of each amount, in thousandths of the asset.
    """
    rng = world.rng

    def amount(share: int = 1) -> int:
        return any_amount(world, symbol, *bounds) // share

    for turn in range(2):
        tip = amount(20) if (number + turn) % 3 == 0 else 0
        receipt = (number + 2 * turn) % 4 == 0
        charity = _someone(world)
        gifts.to_charity(world, donor, charity, symbol, amount(), tip=tip, receipt=receipt)
    size = gifts.MAX_CART if number == 0 else (10, 3, 5)[number % 3]
    size = min(size, len(world.charities) - 2)
    cart = sorted(rng.sample(_open(world), size), key=lambda charity: charity.id)
    amounts = [amount(size) + 1 for _ in cart]
    tip = amount(50) if number % 5 == 0 else 0
    gifts.to_cart(world, donor, cart, symbol, amounts, tip=tip, receipt=number % 25 == 7)
    larger = list(range(GOALS + 1, len(world.funds) + 1))
    for turn, fund_id in enumerate(
        (1 + (number * 7 + len(symbol)) % GOALS, larger[number % 3], larger[(number + 1) % 3])
    ):
        fund = world.funds[fund_id]
        gifts.to_fund(world, donor, fund, symbol, amount(), receipt=turn == 0 and number % 2 == 0)


def _open(world: World) -> list[Charity]:
    """Charities that no act closes: those may be given to at any time."""
    closed = {suspended(world).id, revoked(world).id}
    return [charity for charity in world.charities.values() if charity.id not in closed]


def _someone(world: World) -> Charity:
    return world.rng.choice(_open(world))


def suspended(world: World) -> Charity:
    """The charity that the registrar suspends."""
    return world.charities[len(world.charities) // 2]


def revoked(world: World) -> Charity:
    """The charity that the timelock revokes."""
    return world.charities[len(world.charities) // 3]


def moved(world: World) -> Charity:
    """The charity that changes its payee."""
    return world.charities[len(world.charities) // 4]


def hand_out_dobo_and_give(world: World) -> None:
    """The vesting's first months: promotions hands its DOBO to donors, who also issue GIVE."""
    blocks = world.blocks
    while world.months_over < 3:
        world.months_over += 1
        _release_until(world, world.months_over)
    _hand_out(world, _PROMOTIONS, "promotions")
    for number, donor in enumerate(world.donors):
        amount = any_amount(world, STABLE, 3_000_000, 9_000_000)
        signature = gifts.permit(world, donor, STABLE, world["DonaGive"], amount)
        words = (amount, donor.address, *signature)
        blocks.send("GIVE issued by permit", donor, world["DonaGive"], "issue_with_permit", *words)
        if number % 4 == 3:
            other = world.donors[number - 1].address
            blocks.send("GIVE passed on", donor, world["DonaGive"], "transfer", other, amount // 7)
        for spender in ("Giving", "IndexFunds"):
            # exactly what the donor means to give this way, no endless allowance
            address, limit = world[spender].address, 20_000 * 10**18
            blocks.send("DOBO approved", donor, world[DOBO], "approve", address, limit)
    blocks.mine()
    supply = blocks.read(world["DonaGive"], "totalSupply")
    world.tell(
        "money",
        "Donors issue GIVE",
        f"{amount_text(world, GIVE, supply)}, each backed by one {STABLE} held in the contract.",
    )


def give_dobo_and_give(world: World) -> None:
    """The same round of gifts in DOBO and GIVE."""
    with world.giving():
        for number, donor in enumerate(world.donors):
            _gifts_of(world, donor, number, DOBO, (10_000, 2_000_000))
            _gifts_of(world, donor, number, GIVE, (2_000, 350_000))
        world.blocks.mine()
    world.tell("gift", f"Gifts in {DOBO} and {GIVE}", "The same charities, carts and funds.")


def giving_day(world: World, year: int) -> None:
    """A round of one gift each, to the fund of a goal, in one of the four assets."""
    _hand_out(world, _DONATIONS, "donations")
    with world.giving():
        for number, donor in enumerate(world.donors):
            fund = world.funds[1 + (number + 5 * year) % GOALS]
            symbol, bounds = (
                (COIN, (5, 400)),
                (STABLE, (1_000, 90_000)),
                (DOBO, (10_000, 900_000)),
                (GIVE, (1_000, 40_000)),
            )[(number + year) % 4]
            amount = any_amount(world, symbol, *bounds)
            gifts.to_fund(world, donor, fund, symbol, amount, receipt=number % 5 == year)
        world.blocks.mine()
    world.tell("gift", f"Giving day of year {year}", "Every donor gives to the fund of one goal.")


# --- changes, which look forward ------------------------------------------------------------------


def change_weights(world: World) -> None:
    """Climate Action gets another list: earlier gifts stay with the old one, later ones do not."""
    blocks, funds, fund = world.blocks, world["IndexFunds"], world.funds[CLIMATE]
    donor = world.donors[0]
    with world.giving():
        for symbol, amount in ((COIN, 10**18 + 1), (STABLE, 250_000_007)):
            gifts.to_fund(world, donor, fund, symbol, amount)
        blocks.mine()
        old, old_list = fund.epoch, fund.now
        earned = _claimable(world, fund, old)
        newcomer = next(c.id for c in _open(world) if fund.place(c.id) is None)
        new_list = sorted(
            [
                (charity_id, weight * (1 + place % 3))
                for place, (charity_id, weight) in enumerate(old_list[1:])
            ]
            + [(newcomer, 500)]
        )
        ids, weights = zip(*new_list, strict=True)
        announce = funds.data("announce_epoch", fund.id, ids, weights)
        through_timelock(world, f"new weights for {fund.name}", [(funds.address, [announce])])
        epoch, starts_at = blocks.read(funds, "announced_epoch", fund.id)
        # during the notice a gift is still bound to the list that runs
        gifts.to_fund(world, donor, fund, COIN, 10**17 + 3)
        blocks.mine()
        earned_then = _claimable(world, fund, old)
        expect(sum(earned_then) > sum(earned), "a gift during the notice goes to the old list")
        blocks.wait_until(starts_at)
        expect(
            blocks.read(funds, "running_epoch", fund.id) == epoch, "the new epoch runs by itself"
        )
        words = (fund.id, old, world.memo(), False)
        reason = blocks.refusal(donor, funds, "donate_native", *words, value=10**17)
        fund.members[epoch], fund.epoch = new_list, epoch
        gifts.to_fund(world, donor, fund, COIN, 2 * 10**18 + 5)
        gifts.to_fund(world, donor, fund, STABLE, 500_000_011)
        blocks.mine()
        expect(_claimable(world, fund, old) == earned_then, "earlier gifts keep their shares")
        place = fund.place(newcomer)
        expect(place is not None, "the newcomer is on the list")
        due = _claimable(world, fund, epoch)[place or 0]
        total = sum(weight for _, weight in new_list)
        expect(due == (2 * 10**18 + 5) * 500 // total, "later gifts follow the new weights")
    world.tell(
        "change",
        f"{fund.name} has new weights",
        f"What was given before stays with the old list. A gift that still names it is refused: "
        f'"{reason}".',
    )


def _claimable(world: World, fund: Fund, epoch: int, asset: str = NATIVE) -> list[int]:
    """What each member of an epoch could claim now, in the order of its list."""
    return list(
        world.blocks.read_many(
            [
                (world["IndexFunds"], "claimable", (fund.id, epoch, place, asset))
                for place in range(len(fund.members[epoch]))
            ]
        )
    )


def change_payee(world: World) -> None:
    """A charity moves to another account; after the delay what it is owed goes there too."""
    blocks, registry, funds = world.blocks, world["CharityRegistry"], world["IndexFunds"]
    charity, successor = moved(world), world.charity_wallets[-2]
    fund = world.funds[len(world.funds)]
    with world.giving():
        place = fund.place(charity.id)
        expect(place is not None, "the fund of all charities has the one that moves")
        words = (charity.id, successor.address)
        blocks.send("payee proposed", charity.payee, registry, "propose_payee", *words)
        blocks.mine()
        reason = blocks.refusal(successor, registry, "accept_payee", charity.id)
        delay = blocks.read(registry, "PAYEE_DELAY")
        gifts.to_charity(world, world.donors[1 % len(world.donors)], charity, COIN, 10**17 + 7)
        blocks.wait(delay)
        blocks.send("payee accepts", successor, registry, "accept_payee", charity.id)
        blocks.mine()
        charity.payee = successor
        owed = _claimable(world, fund, fund.epoch)[place or 0]
        before = int(blocks.wire("eth_getBalance", successor.address, "latest"), 16)
        ref = (fund.id, fund.epoch, place, NATIVE)
        blocks.send(f"claim, {COIN}", world.anyone, funds, "claim", *ref)
        gifts.to_charity(world, world.donors[2], charity, STABLE, 1_234_567)
        blocks.mine()
        after = int(blocks.wire("eth_getBalance", successor.address, "latest"), 16)
        expect(owed > 0 and after - before == owed, "what was owed goes to the new payee")
    world.tell(
        "change",
        f"{charity.profile.name} moves to another account",
        f'Accepting at once is refused: "{reason}". After {days(delay)} the new account accepts, '
        "and what was owed to the charity is paid there.",
    )


def suspend_and_revoke(world: World) -> None:
    """One charity is suspended for 30 days, one revoked for good and dropped from its funds by
    anybody.
    """
    blocks, registry, funds = world.blocks, world["CharityRegistry"], world["IndexFunds"]
    paused, gone = suspended(world), revoked(world)
    donor = world.donors[3]
    with world.giving():
        reason_hash = keccak(text="the demo's reason")
        words = (paused.id, reason_hash)
        blocks.send("charity suspended", world.roles["registrar"], registry, "suspend", *words)
        blocks.mine()
        gift = (paused.id, world.memo(), 0, False)
        reason = blocks.refusal(donor, world["Giving"], "donate_native", *gift, value=10**17)
        world.tell(
            "safety",
            f"{paused.profile.name} is suspended",
            f'Gifts are refused: "{reason}". What it has earned it can claim.',
        )
        claimed = _claim_all_of(world, paused)
        expect(claimed > 0, "a suspended charity claims what it has earned")

        revoke = registry.data("revoke", gone.id, reason_hash)
        what = f"revoking {gone.profile.name}"
        through_timelock(world, what, [(registry.address, [revoke])])
        gift = (gone.id, world.memo(), 0, False)
        reason = blocks.refusal(donor, world["Giving"], "donate_native", *gift, value=10**17)
        seats = [f for f in world.funds.values() if f.place(gone.id) is not None]
        earned = [_claimable(world, f, f.epoch)[f.place(gone.id) or 0] for f in seats]
        for fund in seats:
            seat = (fund.id, fund.epoch, fund.place(gone.id))
            blocks.send("revoked charity dropped", world.anyone, funds, "drop", *seat, gas=600_000)
        blocks.mine()
        for fund in seats:
            for symbol in (COIN, STABLE):
                amount = any_amount(world, symbol, 300, 900)
                gifts.to_fund(world, donor, fund, symbol, amount)
        blocks.mine()
        kept = [_claimable(world, f, f.epoch)[f.place(gone.id) or 0] for f in seats]
        expect(earned == kept, "a dropped charity keeps what it has earned, and gets no more")
        expect(_claim_all_of(world, gone) > 0, "a revoked charity claims what it has earned")
        world.tell(
            "safety",
            f"{gone.profile.name} is revoked",
            f'Gifts are refused: "{reason}". Anybody drops it from {len(seats)} funds; it keeps '
            "what it has earned, and later gifts go to the rest.",
        )
        blocks.wait(30 * DAY)
        gifts.to_charity(world, donor, paused, COIN, 10**17 + 9)
        blocks.mine()
    world.tell(
        "safety",
        f"{paused.profile.name} is open again",
        "A suspension lapses by itself after 30 days; only the timelock could have made it last.",
    )


def refuse_coin(world: World) -> None:
    """A charity's wallet refuses the coin: its part stays with the donor, its claim stays owed, and
    nobody else notices. Then it claims to another account.
    """
    blocks, funds, donor = world.blocks, world["IndexFunds"], world.donors[4]
    fund = world.funds[len(world.funds)]
    cart = [charity for charity in _open(world) if fund.place(charity.id) is not None][1:4]
    stubborn, other = cart[1], world.charity_wallets[-1]
    wallet = stubborn.payee.address
    with world.giving():
        # as a wallet contract without a function for receiving would
        blocks.wire("anvil_setCode", wallet, _REFUSES)
        before = int(blocks.wire("eth_getBalance", donor.address, "latest"), 16)
        sent = gifts.to_cart(world, donor, cart, COIN, [10**17 + 1, 10**17 + 2, 10**17 + 3])
        refs = [(fund.id, fund.epoch, fund.place(charity.id) or 0, NATIVE) for charity in cart]
        owed = _claimable(world, fund, fund.epoch)[refs[1][2]]
        _claim_many(world, world.anyone, refs)
        blocks.mine()
        paid = before - int(blocks.wire("eth_getBalance", donor.address, "latest"), 16)
        expect(paid - sent.fee == 2 * 10**17 + 4, "the refused part stays with the donor")
        left = _claimable(world, fund, fund.epoch)
        expect(left[refs[1][2]] == owed > 0, "the refused claim stays owed")
        expect(left[refs[0][2]] == left[refs[2][2]] == 0, "the others are paid")
        blocks.wire("anvil_setCode", wallet, "0x")
        name = f"claim to another account, {COIN}"
        blocks.send(name, stubborn.payee, funds, "claim_to", *refs[1], other.address)
        blocks.mine()
    world.tell(
        "safety",
        f"{stubborn.profile.name} cannot take coin for a day",
        "Its part of a cart stays with the donor and its claim stays owed, while everybody else is "
        "paid; then it claims to another account.",
    )


# --- claims ---------------------------------------------------------------------------------------


def _due(world: World, wanted: Iterable[Ref]) -> list[tuple[Ref, int]]:
    """Those of the claims on which something is due, and how much."""
    refs = list(wanted)
    found = world.blocks.read_many([(world["IndexFunds"], "claimable", ref) for ref in refs])
    return [(ref, amount) for ref, amount in zip(refs, found, strict=True) if amount]


def _refs(world: World, charity_id: int | None = None) -> Iterable[Ref]:
    """Every claim there could be, of all charities or one."""
    for fund in world.funds.values():
        for epoch, members in fund.members.items():
            for place, (member, _) in enumerate(members):
                if charity_id is None or member == charity_id:
                    for asset in world.assets.values():
                        yield fund.id, epoch, place, asset.address


def _claim_all_of(world: World, charity: Charity) -> int:
    """The charity claims all it can, in one go. How many claims were paid."""
    due = [ref for ref, _ in _due(world, _refs(world, charity.id))]
    _claim_many(world, charity.payee, due)
    world.blocks.mine()
    return len(due)


def _claim_many(world: World, actor: Actor, refs: Iterable[Ref]) -> int:
    """In as few transactions as may be; how many those are."""
    left, count = iter(refs), 0
    while part := list(islice(left, gifts.CLAIMS_AT_ONCE)):
        name = f"claim_many, {len(part)} claims"
        gas = 150_000 + 110_000 * len(part)
        world.blocks.send(name, actor, world["IndexFunds"], "claim_many", part, gas=gas)
        count += 1
    return count


def claim(world: World) -> None:
    """Charities claim one by one, to another account, and many at once by anybody. A fifth leaves
    its money.
    """
    blocks, funds = world.blocks, world["IndexFunds"]
    other = world.charity_wallets[-1]
    owners = {
        (fund.id, epoch, place): member
        for fund in world.funds.values()
        for epoch, members in fund.members.items()
        for place, (member, _) in enumerate(members)
    }
    symbols = {str(asset.address): symbol for symbol, asset in world.assets.items()}
    with world.giving():
        due = [(ref, owners[ref[:3]]) for ref, _ in _due(world, _refs(world))]
        due = [(ref, charity_id) for ref, charity_id in due if charity_id % 5]
        rest: list[Ref] = []
        for number, (ref, charity_id) in enumerate(due):
            payee = world.charities[charity_id].payee
            if number % 41 == 0:
                name = f"claim, {symbols[ref[3]]}"
                blocks.send(name, payee, funds, "claim", *ref)
            elif number % 41 == 20:
                name = f"claim to another account, {symbols[ref[3]]}"
                blocks.send(name, payee, funds, "claim_to", *ref, other.address)
            else:
                rest.append(ref)
        # many assets and receivers in a row, so that one batch is like the next
        _claim_many(world, world.anyone, rest)
        blocks.mine()
    world.tell(
        "money",
        f"{len(due):,} claims are paid",
        f"Some by the charities, some to another account of theirs, {len(rest):,} by a passer-by, "
        f"{gifts.CLAIMS_AT_ONCE} in a transaction. Every fifth charity leaves its money there.",
    )


def redeem(world: World) -> None:
    """Charities turn the GIVE they were given into its backing. Nobody else can."""
    blocks, give = world.blocks, world["DonaGive"]
    donor = world.donors[0]
    reason = blocks.refusal(donor, give, "redeem", 1, 1)
    entries = list(world.charities.values())
    held = blocks.read_many([(give, "balanceOf", (charity.payee.address,)) for charity in entries])
    count = total = 0
    for charity, amount in zip(entries, held, strict=True):
        if amount and charity.id % 7:
            words = (charity.id, amount)
            blocks.send("GIVE redeemed", charity.payee, give, "redeem", *words)
            count, total = count + 1, total + amount
    blocks.mine()
    world.tell(
        "money",
        f"{count} charities redeem GIVE",
        f"{amount_text(world, GIVE, total)} burnt for as much {STABLE}. A donor cannot: "
        f'"{reason}".',
    )


# --- time -----------------------------------------------------------------------------------------


def let_time_pass(world: World) -> None:
    """The rest of the vesting, month by month, with a giving day each year and the charities'
    renewal.
    """
    while world.months_over < world.scale.months:
        _end_month(world)
    vesting, dobo = world["Vesting"], world[DOBO]
    left = world.blocks.read(dobo, "balanceOf", vesting.address)
    world.tell(
        "time",
        f"{world.scale.months} months of vesting are over",
        f"{amount_text(world, DOBO, left)} are left in the contract.",
    )


def live_until(world: World, second: int) -> None:
    """Let time pass; what every month brings on the way is done at its end: releases, a giving day
    each year, claims, the charities' renewal.
    """
    start = world.blocks.read(world["Vesting"], "START")
    months = min(world.scale.months, (second - start) // MONTH)
    while world.months_over < months:
        _end_month(world)
    if second > world.blocks.now:
        world.blocks.wait_until(second)


def _end_month(world: World) -> None:
    """What the end of the next month of the vesting brings."""
    world.months_over += 1
    month = world.months_over
    _release_until(world, month)
    if month == _RENEWAL:
        _renew(world)
    if month % 12 == 1:
        giving_day(world, month // 12)
    if month % 12 == 6:
        with world.giving():
            refs = (ref for ref, _ in _due(world, _refs(world)) if ref[2] % 3 == 0)
            _claim_many(world, world.anyone, refs)


def _release_until(world: World, month: int) -> None:
    """Wait until so many months after the vesting's start; anybody releases what has vested."""
    blocks, vesting = world.blocks, world["Vesting"]
    second = blocks.read(vesting, "START") + month * MONTH
    if second > blocks.now:
        blocks.wait_until(second)
    groups = range(len(world.beneficiaries))
    found = blocks.read_many([(vesting, "releasable", (group,)) for group in groups])
    for group, amount in zip(groups, found, strict=True):
        if amount:
            blocks.send("vesting released", world.anyone, vesting, "release", group)
    blocks.mine()


def _hand_out(world: World, group: int, name: str) -> None:
    """A group's beneficiary gives each donor the same part of half of what it holds."""
    blocks, dobo = world.blocks, world[DOBO]
    beneficiary = world.beneficiaries[group]
    held = blocks.read(dobo, "balanceOf", beneficiary.address)
    part = held // 2 // len(world.donors)
    for donor in world.donors:
        blocks.send("DOBO transferred", beneficiary, dobo, "transfer", donor.address, part)
    blocks.mine()
    expect(part > 0, f"the {name} group has DOBO to hand out")
    world.tell(
        "money",
        f"The {name} group hands out DOBO",
        f"{amount_text(world, DOBO, part)} to each donor, out of what has vested.",
    )


def _renew(world: World) -> None:
    """The registrar verifies every charity for three more years; the revoked one stays out."""
    blocks, registry = world.blocks, world["CharityRegistry"]
    expiry = blocks.now + 3 * YEAR
    entries = [c for c in world.charities.values() if c.id != revoked(world).id]
    for charity in entries:
        words = (charity.id, expiry, keccak(text=f"evidence seen again for {charity.id}"))
        blocks.send("charity renewed", world.roles["registrar"], registry, "renew", *words)
    blocks.mine()
    world.tell("change", f"{len(entries)} charities are renewed", "For three more years.")


def pass_until(world: World, second: int) -> None:
    """Let time pass; whatever vests at the end of a month on the way is released. That moves no
    donor's and no recipient's money.
    """
    start = world.blocks.read(world["Vesting"], "START")
    month = (world.blocks.now - start) // MONTH
    while month <= world.scale.months and start + month * MONTH <= second:
        _release_until(world, month)
        month += 1
    if second > world.blocks.now:
        world.blocks.wait_until(second)


def pass_days(world: World, count: int) -> None:
    """`pass_until` so many days later."""
    pass_until(world, world.blocks.now + count * DAY)


def amount_text(world: World, symbol: str, units: int) -> str:
    """For the timeline: "1,234.5 DOBO", cut after four digits."""
    asset = world.assets[symbol]
    whole, _, part = from_units(units, asset.decimals).partition(".")
    return f"{int(whole):,}{'.' * bool(part)}{part[:4]} {symbol}"


def days(seconds: int) -> str:
    """For people: "2 days", "1 hour"."""
    count, unit = (seconds // DAY, "day") if seconds >= DAY else (seconds // HOUR, "hour")
    return f"{count} {unit}{'s' * (count != 1)}"
