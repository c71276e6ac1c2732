# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Vesting of DonaBlock (DOBO)
@license AGPL-3.0-only
@author DonaBlock
@notice Holds the whole supply of 2,000,000,000 DOBO and hands it out to nine groups, month by month.
        Totals, cliffs and steps are constants in this source. Anyone may trigger a release; it goes
        to the group's beneficiary and nowhere else.
        A month is 365 days / 12 = 2,628,000 seconds. Step k of a group, k from 1, is due at START +
        (cliff + k) months, on that very second; every step has the same size but the last, which
        takes the rest. "3 % monthly" is 33 steps of 3 % and one of 1 %.

          group            DOBO          cliff      steps  of
          0 ecosystem      400,000,000   12 months     34   12,000,000 (3 %)
          1 liquidity      360,000,000    0 months     34   10,800,000 (3 %)
          2 team           300,000,000    1 month      24   12,500,000
          3 donations      200,000,000   12 months     36   200,000,000 / 36, rounded down
          4 operation      200,000,000   12 months     36   200,000,000 / 36, rounded down
          5 foundation     200,000,000   24 months     24   200,000,000 / 24, rounded down
          6 development    100,000,000    3 months     24   100,000,000 / 24, rounded down
          7 advisors       100,000,000    3 months      6   100,000,000 / 6, rounded down
          8 promotions     140,000,000    0 months     34    4,200,000 (3 %)

        Invariants: VST-1 released + held = 2,000,000,000 * 10**18 and a group is never paid more
        than has vested; VST-2 the schedule is the table above, to the second and to the unit.
@custom:exit Whatever has vested can be released at any time by anyone; nothing can stop, delay or
             take back a release. DOBO beyond the supply minted to it, other tokens and coin sent
             here stay here: there is nobody they could rightly go to.
@custom:trust A beneficiary chooses its own successor, who must accept. Nobody else can change a
              beneficiary, and nobody can change the schedule, the start or the token. There is no
              owner. A beneficiary whose key is lost keeps its group's tokens locked for good.
"""

# ============================== INTERFACES ==================================

from ethereum.ercs import IERC20
from interfaces import IVesting

implements: IVesting


# ================================ EVENTS ====================================

event Released:
    group: indexed(uint256)
    beneficiary: indexed(address)
    amount: uint256
    released_total: uint256


event BeneficiaryProposed:
    group: indexed(uint256)
    beneficiary: indexed(address)
    new_beneficiary: indexed(address)


event BeneficiaryChanged:
    group: indexed(uint256)
    old_beneficiary: indexed(address)
    new_beneficiary: indexed(address)


# =============================== CONSTANTS ==================================

# How many groups there are; they are numbered from 0.
GROUP_COUNT: public(constant(uint256)) = 9

# Seconds in a month: 365 days / 12.
MONTH: public(constant(uint256)) = 2_628_000

# How far off the start may lie when this contract is deployed, in seconds (one year).
MAX_WAIT: public(constant(uint256)) = 12 * MONTH

# One DOBO in its smallest unit.
_DOBO: constant(uint256) = 10**18

# By group, see the table above. `_TOTALS` adds up to the whole supply, and `_STEP_AMOUNTS` is what
# a step releases, the last one apart; both in the smallest unit.
_TOTALS: constant(uint256[GROUP_COUNT]) = [
    400_000_000 * _DOBO,
    360_000_000 * _DOBO,
    300_000_000 * _DOBO,
    200_000_000 * _DOBO,
    200_000_000 * _DOBO,
    200_000_000 * _DOBO,
    100_000_000 * _DOBO,
    100_000_000 * _DOBO,
    140_000_000 * _DOBO,
]
_CLIFF_MONTHS: constant(uint256[GROUP_COUNT]) = [12, 0, 1, 12, 12, 24, 3, 3, 0]
_STEPS: constant(uint256[GROUP_COUNT]) = [34, 34, 24, 36, 36, 24, 24, 6, 34]
_STEP_AMOUNTS: constant(uint256[GROUP_COUNT]) = [
    12_000_000 * _DOBO,
    10_800_000 * _DOBO,
    12_500_000 * _DOBO,
    200_000_000 * _DOBO // 36,
    200_000_000 * _DOBO // 36,
    200_000_000 * _DOBO // 24,
    100_000_000 * _DOBO // 24,
    100_000_000 * _DOBO // 6,
    4_200_000 * _DOBO,
]


# =============================== IMMUTABLES =================================

# DOBO.
TOKEN: public(immutable(address))
# Unix time from which months are counted.
START: public(immutable(uint256))


# ================================ STORAGE ===================================

# group -> who is paid
_beneficiary: HashMap[uint256, address]
# group -> who may accept to be paid from now on; zero if nobody
_pending_beneficiary: HashMap[uint256, address]
# group -> what has been paid, in the smallest unit
_released: HashMap[uint256, uint256]


# ============================== CONSTRUCTOR =================================

@deploy
def __init__(
    token: address, start: uint256, beneficiaries: address[GROUP_COUNT]
):
    """
    @notice Fixes token and start for good and names the first beneficiaries.
    @dev Reverts with "vesting: zero token", "vesting: start is too long ago", "vesting: start is
         too far off" or as `propose_beneficiary` does for a beneficiary. Logs BeneficiaryChanged
         per group. The token need not exist yet: the deployment predicts its address, and the
         token mints its supply to this contract.
    @param token DOBO.
    @param start Unix time from which months are counted: less than a month ago, at most a year off.
    @param beneficiaries Who is paid, by group.
    """
    assert token != empty(address), "vesting: zero token"
    # A start that was mistyped could never be mended: one too early would release at once what is
    # meant to take years, one too late would lock everything.
    assert start + MONTH > block.timestamp, "vesting: start is too long ago"
    assert start <= block.timestamp + MAX_WAIT, "vesting: start is too far off"

    TOKEN = token
    START = start
    for group: uint256 in range(GROUP_COUNT):
        assert beneficiaries[group] != empty(
            address
        ), "vesting: zero beneficiary"
        self._check_beneficiary(beneficiaries[group], token)
        self._set_beneficiary(group, beneficiaries[group])


# ================================ ANYONE ====================================

@external
def release(group: uint256) -> uint256:
    """
    @notice Pays a group's beneficiary all that has vested and was not paid yet.
    @dev Reverts with "vesting: unknown group" or "vesting: nothing to release". Logs Released.
    @param group The group, 0 to 8.
    @return How much was paid, in the smallest unit.
    """
    amount: uint256 = self._releasable(group)
    assert amount > 0, "vesting: nothing to release"

    beneficiary: address = self._beneficiary[group]
    released_total: uint256 = self._released[group] + amount
    self._released[group] = released_total

    log Released(
        group=group,
        beneficiary=beneficiary,
        amount=amount,
        released_total=released_total,
    )
    assert extcall IERC20(TOKEN).transfer(
        beneficiary, amount
    ), "vesting: token refused"
    return amount


# ============================== BENEFICIARY =================================

@external
def propose_beneficiary(group: uint256, new_beneficiary: address):
    """
    @notice The beneficiary proposes its successor, who must accept. A new proposal replaces the one
            before; zero takes it back.
    @dev Reverts with "vesting: unknown group", "vesting: not the beneficiary", "vesting: already
         proposed" (zero where nothing is proposed included), "vesting: already the beneficiary",
         "vesting: beneficiary is this contract" or "vesting: beneficiary is the token". Logs
         BeneficiaryProposed.
    @param group The group, 0 to 8.
    @param new_beneficiary The successor, or zero.
    """
    self._check_group(group)
    assert (
        msg.sender == self._beneficiary[group]
    ), "vesting: not the beneficiary"
    assert (
        new_beneficiary != self._pending_beneficiary[group]
    ), "vesting: already proposed"
    assert new_beneficiary != msg.sender, "vesting: already the beneficiary"
    self._check_beneficiary(new_beneficiary, TOKEN)

    self._pending_beneficiary[group] = new_beneficiary

    log BeneficiaryProposed(
        group=group, beneficiary=msg.sender, new_beneficiary=new_beneficiary
    )


@external
def accept_beneficiary(group: uint256):
    """
    @notice The proposed successor accepts and is paid from now on, also what had vested before and
            was not released.
    @dev Reverts with "vesting: unknown group" or "vesting: not the proposed beneficiary". Logs
         BeneficiaryChanged.
    @param group The group, 0 to 8.
    """
    self._check_group(group)
    assert (
        msg.sender == self._pending_beneficiary[group]
    ), "vesting: not the proposed beneficiary"

    self._pending_beneficiary[group] = empty(address)
    self._set_beneficiary(group, msg.sender)


# ================================= VIEWS ====================================

@external
@view
def releasable(group: uint256) -> uint256:
    """
    @notice What `release` would pay now.
    @dev Reverts with "vesting: unknown group".
    @param group The group, 0 to 8.
    @return How much, in the smallest unit.
    """
    return self._releasable(group)


@external
@view
def vested(group: uint256) -> uint256:
    """
    @notice What has vested until now, paid or not.
    @dev Reverts with "vesting: unknown group".
    @param group The group, 0 to 8.
    @return How much, in the smallest unit.
    """
    return self._vested(group)


@external
@view
def released(group: uint256) -> uint256:
    """
    @notice What has been paid until now.
    @dev Reverts with "vesting: unknown group".
    @param group The group, 0 to 8.
    @return How much, in the smallest unit.
    """
    self._check_group(group)
    return self._released[group]


@external
@view
def schedule(group: uint256) -> (uint256, uint256, uint256, uint256):
    """
    @notice How a group vests.
    @dev Reverts with "vesting: unknown group".
    @param group The group, 0 to 8.
    @return total (smallest unit), cliff (months), number of monthly steps, size of every step but
            the last (smallest unit).
    """
    self._check_group(group)
    return (
        _TOTALS[group],
        _CLIFF_MONTHS[group],
        _STEPS[group],
        _STEP_AMOUNTS[group],
    )


@external
@view
def name(group: uint256) -> String[16]:
    """
    @notice A group's name.
    @dev Reverts with "vesting: unknown group".
    @param group The group, 0 to 8.
    @return The name, in lower case.
    """
    self._check_group(group)
    if group == 0:
        return "ecosystem"
    elif group == 1:
        return "liquidity"
    elif group == 2:
        return "team"
    elif group == 3:
        return "donations"
    elif group == 4:
        return "operation"
    elif group == 5:
        return "foundation"
    elif group == 6:
        return "development"
    elif group == 7:
        return "advisors"
    return "promotions"


@external
@view
def beneficiary(group: uint256) -> address:
    """
    @notice Who is paid.
    @dev Reverts with "vesting: unknown group".
    @param group The group, 0 to 8.
    @return The beneficiary, never zero.
    """
    self._check_group(group)
    return self._beneficiary[group]


@external
@view
def pending_beneficiary(group: uint256) -> address:
    """
    @notice Who may accept to be paid from now on.
    @dev Reverts with "vesting: unknown group".
    @param group The group, 0 to 8.
    @return The proposed beneficiary; zero if nobody.
    """
    self._check_group(group)
    return self._pending_beneficiary[group]


# =============================== INTERNALS ==================================

@internal
def _set_beneficiary(group: uint256, new_beneficiary: address):
    """
    @dev Writes a beneficiary that was checked.
    """
    old_beneficiary: address = self._beneficiary[group]
    self._beneficiary[group] = new_beneficiary

    log BeneficiaryChanged(
        group=group,
        old_beneficiary=old_beneficiary,
        new_beneficiary=new_beneficiary,
    )


@internal
@view
def _check_group(group: uint256):
    """
    @dev Groups are 0 to 8.
    """
    assert group < GROUP_COUNT, "vesting: unknown group"


@internal
@view
def _check_beneficiary(account: address, token: address):
    """
    @dev Refuses the two addresses from which DOBO could not get out again. The token is handed in
         because the constructor may not read what it has just made immutable.
    """
    assert account != self, "vesting: beneficiary is this contract"
    assert account != token, "vesting: beneficiary is the token"


@internal
@view
def _vested(group: uint256) -> uint256:
    """
    @dev The steps that are due by now. The last one brings the total, whatever was rounded off
         before it.
    """
    self._check_group(group)
    if block.timestamp < START:
        return 0

    months: uint256 = (block.timestamp - START) // MONTH
    cliff_months: uint256 = _CLIFF_MONTHS[group]
    if months <= cliff_months:
        return 0
    steps_due: uint256 = months - cliff_months
    if steps_due >= _STEPS[group]:
        return _TOTALS[group]
    return steps_due * _STEP_AMOUNTS[group]


@internal
@view
def _releasable(group: uint256) -> uint256:
    """
    @dev Never negative: what has vested only grows, and no more than that is ever paid.
    """
    return self._vested(group) - self._released[group]
