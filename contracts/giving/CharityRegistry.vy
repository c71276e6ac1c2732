# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Charity registry
@license AGPL-3.0-only
@author DonaBlock
@notice Says which charities are verified and to which address each one is
        paid. A charity applies (from the address it wants to be paid to), the
        registrar verifies it for a term, may suspend it for 30 days, and the
        timelock may revoke it.
        A charity is applied for, then verified, then perhaps suspended (and
        verified again by reinstatement or lapse), then perhaps revoked, by the
        timelock or by its own retirement, and that for good.

        An application takes no number and reserves no legal id, so nobody can
        squat either. A charity's number and legal id never change.
@custom:exit The registry holds no money. Whatever the status of a charity,
             `payee` answers, so that what it has earned elsewhere stays
             claimable.
@custom:trust Registrar: verifies, renews, suspends (30 days, then not for 30
              days), reinstates, sets SDGs, cancels a pending payee change.
              Guardian: cancels a pending payee change. Timelock: revokes,
              names registrar and guardian, refuses addresses. Nobody but the
              current payee can propose another payee, and nobody but the
              proposed one can accept.
"""

# ============================== INTERFACES ==================================

from interfaces import ICharityRegistry

implements: ICharityRegistry

# ================================ EVENTS ====================================

event Applied:
    application_id: indexed(bytes32)
    payee: indexed(address)
    legal_id: indexed(bytes32)
    sdgs: uint256
    metadata_hash: bytes32
    uri: String[MAX_URI]


event Verified:
    charity_id: indexed(uint256)
    payee: indexed(address)
    legal_id: indexed(bytes32)
    application_id: bytes32
    applied_at: uint256
    sdgs: uint256
    metadata_hash: bytes32
    uri: String[MAX_URI]
    expiry: uint256
    evidence: bytes32


event Renewed:
    charity_id: indexed(uint256)
    expiry: uint256
    evidence: bytes32


event Suspended:
    charity_id: indexed(uint256)
    suspended_until: uint256
    reason: bytes32


event Reinstated:
    charity_id: indexed(uint256)


event Revoked:
    charity_id: indexed(uint256)
    revoked_by: indexed(address)
    reason: bytes32


event MetadataChanged:
    charity_id: indexed(uint256)
    metadata_hash: bytes32
    uri: String[MAX_URI]


event SdgsChanged:
    charity_id: indexed(uint256)
    sdgs: uint256


event PayeeProposed:
    charity_id: indexed(uint256)
    payee: indexed(address)
    new_payee: indexed(address)
    ready_at: uint256


event PayeeCancelled:
    charity_id: indexed(uint256)
    new_payee: indexed(address)
    cancelled_by: indexed(address)


event PayeeChanged:
    charity_id: indexed(uint256)
    old_payee: indexed(address)
    new_payee: indexed(address)


event RegistrarChanged:
    registrar: indexed(address)


event GuardianChanged:
    guardian: indexed(address)


event AddressRefused:
    account: indexed(address)


# ================================ STRUCTS ===================================

struct Charity:
    payee: address
    status: uint256
    sdgs: uint256
    expiry: uint256
    suspended_until: uint256
    legal_id: bytes32
    metadata_hash: bytes32


# =============================== CONSTANTS ==================================

# What `status` answers.
UNKNOWN: public(constant(uint256)) = 0
REVOKED: public(constant(uint256)) = 1
SUSPENDED: public(constant(uint256)) = 2
VERIFIED: public(constant(uint256)) = 3
# Never stored: verified, and past the expiry.
EXPIRED: public(constant(uint256)) = 4

# Seconds that a suspension lasts, and that must pass before the next one.
SUSPENSION: public(constant(uint256)) = 30 * 86_400
# Longest term of one verification, in seconds (three years).
MAX_TERM: public(constant(uint256)) = 1_096 * 86_400
# Bounds of the delay before a new payee may accept, in seconds.
MIN_PAYEE_DELAY: public(constant(uint256)) = 3_600
MAX_PAYEE_DELAY: public(constant(uint256)) = 30 * 86_400
# Seconds that a proposed payee has to accept, once its delay is over.
PAYEE_WINDOW: public(constant(uint256)) = 30 * 86_400
# Index funds keep a charity's number in 18 bits.
MAX_CHARITIES: public(constant(uint256)) = 2**18 - 1

MAX_URI: constant(uint256) = 256
MAX_REFUSED: constant(uint256) = 32
MAX_MEMBERS: constant(uint256) = 200
PROBE_GAS: constant(uint256) = 50_000

# A charity's record is one word, so that a gift reads one slot:
# payee 160 bits | sdgs 17 | suspended_until 37 | expiry 37 | status 2 (and 3 free).
# The status lies over the expiry and VERIFIED is the highest one stored, so
# that one comparison finds a charity verified and within its term.
SDGS_AT: constant(uint256) = 160
SUSPENDED_AT: constant(uint256) = 177
EXPIRY_AT: constant(uint256) = 214
STATUS_AT: constant(uint256) = 251
VERIFIED_OVER_EXPIRY: constant(uint256) = VERIFIED << 37
PAYEE_MASK: constant(uint256) = 2**160 - 1
SDGS_MASK: constant(uint256) = 2**17 - 1
STATUS_MASK: constant(uint256) = 2**2 - 1
# 37 bits of seconds last until the year 6325.
TIME_MASK: constant(uint256) = 2**37 - 1

# ============================== IMMUTABLES ==================================

# @dev The owner: a timelock, for good.
TIMELOCK: public(immutable(address))
# @dev Seconds between a payee's proposal and its successor's acceptance.
PAYEE_DELAY: public(immutable(uint256))

# ================================ STORAGE ===================================

# @dev Who verifies charities.
registrar: public(address)
# @dev Who may cancel a pending payee change beside the registrar.
guardian: public(address)
# @dev Number of charities ever verified; ids run from 1 to this.
charity_count: public(uint256)
# @dev charity id -> packed record.
_records: HashMap[uint256, uint256]
# @dev charity id -> hash of its legal id (country, register, number).
legal_id: public(HashMap[uint256, bytes32])
# @dev charity id -> hash of its metadata document.
metadata_hash: public(HashMap[uint256, bytes32])
# @dev charity id // 256 -> bit per charity: verified once and not revoked. An
#      index fund's list of 200 is then checked in a few reads.
_standing: HashMap[uint256, uint256]
# @dev legal id hash -> the charity that last held it as a verified one.
_holder: HashMap[bytes32, uint256]
# @dev application id -> when it was made (0: never, or used).
applied_at: public(HashMap[bytes32, uint256])
# @dev charity id -> proposed payee 160 bits | time from which it may accept.
_pending: HashMap[uint256, uint256]
# @dev Addresses that were a verified charity's payee and were replaced.
was_payee: public(HashMap[address, bool])
# @dev Addresses that may not become a payee (our own contracts).
is_refused: public(HashMap[address, bool])


# ============================== CONSTRUCTOR =================================

@deploy
def __init__(
    timelock: address,
    registrar: address,
    guardian: address,
    payee_delay: uint256,
    refused: DynArray[address, MAX_REFUSED],
):
    """
    @param timelock Owner for good.
    @param registrar First registrar.
    @param guardian First guardian.
    @param payee_delay Seconds before a proposed payee may accept (1 hour to 30 days).
    @param refused Addresses that may never be a payee: our own contracts.
    """
    assert timelock != empty(address), "registry: zero timelock"
    assert payee_delay >= MIN_PAYEE_DELAY, "registry: payee delay too short"
    assert payee_delay <= MAX_PAYEE_DELAY, "registry: payee delay too long"
    TIMELOCK = timelock
    PAYEE_DELAY = payee_delay
    self._set_registrar(registrar)
    self._set_guardian(guardian)
    for account: address in refused:
        self._refuse(account)


# ================================ ANYONE ====================================

@external
def apply(
    legal_id: bytes32,
    sdgs: uint256,
    metadata_hash: bytes32,
    uri: String[MAX_URI],
) -> bytes32:
    """
    @notice Apply for verification. The caller is the address to be paid, which
            proves that somebody holds its key on this chain. An application
            reserves nothing; once used up by `verify`, it may be made again.
    @param legal_id keccak256 of the legal id, e.g. of "GB:CHC:1234567".
    @param sdgs Sustainable Development Goals served: bit k - 1 is goal k, at least one.
    @param metadata_hash keccak256 of the document behind `uri`.
    @param uri Where the charity's description lies; logged, not stored.
    @return The application's id, which `verify` looks up.
    """
    self._check_profile(msg.sender, legal_id, sdgs)
    application_id: bytes32 = self._application_id(
        msg.sender, legal_id, sdgs, metadata_hash
    )
    assert self.applied_at[application_id] == 0, "registry: already applied"
    self.applied_at[application_id] = block.timestamp
    log Applied(
        application_id=application_id,
        payee=msg.sender,
        legal_id=legal_id,
        sdgs=sdgs,
        metadata_hash=metadata_hash,
        uri=uri,
    )
    return application_id


# ================================ PAYEE =====================================

@external
def set_metadata(
    charity_id: uint256, metadata_hash: bytes32, uri: String[MAX_URI]
):
    """
    @notice The payee renews its charity's description.
    @param charity_id The charity.
    @param metadata_hash keccak256 of the document behind `uri`.
    @param uri Where the description lies; logged, not stored.
    """
    record: uint256 = self._records[charity_id]
    assert msg.sender == self._payee_of(record), "registry: not the payee"
    assert (
        self._status_of(record) in [VERIFIED, EXPIRED]
    ), "registry: charity is not verified"
    assert (
        metadata_hash != self.metadata_hash[charity_id]
    ), "registry: metadata is the same"
    self.metadata_hash[charity_id] = metadata_hash
    log MetadataChanged(
        charity_id=charity_id, metadata_hash=metadata_hash, uri=uri
    )


@external
def propose_payee(charity_id: uint256, new_payee: address):
    """
    @notice The payee proposes its successor, who may accept after the delay
            and from then on receives gifts and all that is still owed. A new
            proposal replaces the one before and starts the delay again.
    @param charity_id The charity: verified (or expired), not suspended or revoked.
    @param new_payee The address to be paid.
    """
    record: uint256 = self._records[charity_id]
    assert msg.sender == self._payee_of(record), "registry: not the payee"
    self._check_may_change_payee(record)
    assert new_payee != msg.sender, "registry: payee is the same"
    self._check_payee(new_payee)
    ready_at: uint256 = block.timestamp + PAYEE_DELAY
    self._pending[charity_id] = convert(new_payee, uint256) | (ready_at << 160)
    log PayeeProposed(
        charity_id=charity_id,
        payee=msg.sender,
        new_payee=new_payee,
        ready_at=ready_at,
    )


@external
def accept_payee(charity_id: uint256):
    """
    @notice The proposed payee accepts once the delay has passed, which proves
            that its key is held.
    @param charity_id The charity: verified (or expired), not suspended or revoked.
    """
    record: uint256 = self._records[charity_id]
    pending: uint256 = self._pending[charity_id]
    assert pending != 0, "registry: no pending payee"
    assert msg.sender == self._payee_of(
        pending
    ), "registry: not the proposed payee"
    ready_at: uint256 = pending >> 160
    assert block.timestamp >= ready_at, "registry: payee delay is not over"
    # A proposal made with a key that was stolen for an hour must not lie in
    # wait for years.
    assert (
        block.timestamp < ready_at + PAYEE_WINDOW
    ), "registry: proposal has lapsed"
    # No status to ask for: suspension and revocation cancel what is pending.
    # Checked again: code may have come to the address during the delay.
    self._check_payee(msg.sender)
    old_payee: address = self._payee_of(record)
    self._pending[charity_id] = 0
    self._records[charity_id] = (record - (record & PAYEE_MASK)) | convert(
        msg.sender, uint256
    )
    self.was_payee[old_payee] = True
    log PayeeChanged(
        charity_id=charity_id, old_payee=old_payee, new_payee=msg.sender
    )


@external
def cancel_payee(charity_id: uint256):
    """
    @notice The payee, the registrar or the guardian stops a pending change.
    @param charity_id The charity.
    """
    pending: uint256 = self._pending[charity_id]
    assert pending != 0, "registry: no pending payee"
    assert (
        msg.sender == self._payee_of(self._records[charity_id])
        or msg.sender == self.registrar
        or msg.sender == self.guardian
    ), "registry: may not cancel"
    self._pending[charity_id] = 0
    log PayeeCancelled(
        charity_id=charity_id,
        new_payee=self._payee_of(pending),
        cancelled_by=msg.sender,
    )


@external
def retire(charity_id: uint256, reason: bytes32):
    """
    @notice A charity leaves for good, by its payee: as if it were revoked. What
            it has earned stays claimable.
    @param charity_id The charity, verified, expired or suspended.
    @param reason Hash of the reason.
    """
    assert msg.sender == self._payee_of(
        self._records[charity_id]
    ), "registry: not the payee"
    self._revoke(charity_id, reason)


# ============================== REGISTRAR ===================================

@external
def verify(
    payee: address,
    legal_id: bytes32,
    sdgs: uint256,
    metadata_hash: bytes32,
    uri: String[MAX_URI],
    expiry: uint256,
    evidence: bytes32,
) -> uint256:
    """
    @notice Verify a charity and give it its number. Where an application with
            just these words was made, it is used up and named in the event;
            where none was (`applied_at` 0), the registrar vouches for the
            payee alone.
    @param payee The address to be paid.
    @param legal_id keccak256 of the legal id; no other live charity may hold it.
    @param sdgs Goals served: bit k - 1 is goal k, at least one.
    @param metadata_hash keccak256 of the document behind `uri`.
    @param uri Where the description lies; logged, not stored.
    @param expiry Second from which the charity must be verified anew; at most 1,096 days off.
    @param evidence Hash of what the registrar has seen.
    @return The charity's number.
    """
    self._check_registrar()
    self._check_profile(payee, legal_id, sdgs)
    self._check_expiry(expiry)
    holder: uint256 = self._holder[legal_id]
    if holder != 0:
        assert not self._is_live(
            self._records[holder]
        ), "registry: legal id already verified"

    charity_id: uint256 = self.charity_count + 1
    assert charity_id <= MAX_CHARITIES, "registry: full"
    application_id: bytes32 = self._application_id(
        payee, legal_id, sdgs, metadata_hash
    )
    applied_at: uint256 = self.applied_at[application_id]
    if applied_at != 0:
        self.applied_at[application_id] = 0
    self.charity_count = charity_id
    self._standing[charity_id >> 8] |= 1 << (charity_id & 255)
    self._records[charity_id] = (
        convert(payee, uint256)
        | (sdgs << SDGS_AT)
        | (VERIFIED << STATUS_AT)
        | (expiry << EXPIRY_AT)
    )
    self.legal_id[charity_id] = legal_id
    self.metadata_hash[charity_id] = metadata_hash
    self._holder[legal_id] = charity_id
    log Verified(
        charity_id=charity_id,
        payee=payee,
        legal_id=legal_id,
        application_id=application_id,
        applied_at=applied_at,
        sdgs=sdgs,
        metadata_hash=metadata_hash,
        uri=uri,
        expiry=expiry,
        evidence=evidence,
    )
    return charity_id


@external
def renew(charity_id: uint256, expiry: uint256, evidence: bytes32):
    """
    @notice Give a verified or expired charity a new term.
    @param charity_id The charity.
    @param expiry New end of the term; at most 1,096 days off.
    @param evidence Hash of what the registrar has seen.
    """
    self._check_registrar()
    record: uint256 = self._records[charity_id]
    assert (
        self._status_of(record) in [VERIFIED, EXPIRED]
    ), "registry: charity is not verified"
    self._check_expiry(expiry)
    # A shorter term would be a suspension without its limits.
    assert (
        expiry > (record >> EXPIRY_AT) & TIME_MASK
    ), "registry: a renewal must extend the term"
    # While this charity was expired another may have been verified under its
    # legal id.
    legal_id: bytes32 = self.legal_id[charity_id]
    holder: uint256 = self._holder[legal_id]
    if holder != charity_id:
        assert not self._is_live(
            self._records[holder]
        ), "registry: legal id already verified"
        self._holder[legal_id] = charity_id
    self._records[charity_id] = (record & ~(TIME_MASK << EXPIRY_AT)) | (
        expiry << EXPIRY_AT
    )
    log Renewed(charity_id=charity_id, expiry=expiry, evidence=evidence)


@external
def suspend(charity_id: uint256, reason: bytes32):
    """
    @notice Stop gifts to a charity and changes of its payee for 30 days; a
            pending change is cancelled. It
            lapses by itself; the next suspension may begin 30 days after the
            end of this one, so that a registrar cannot suspend for ever.
    @param charity_id The charity.
    @param reason Hash of the reason.
    """
    self._check_registrar()
    record: uint256 = self._records[charity_id]
    assert (
        self._status_of(record) in [VERIFIED, EXPIRED]
    ), "registry: charity is not verified"
    last_end: uint256 = (record >> SUSPENDED_AT) & TIME_MASK
    assert (
        last_end == 0 or block.timestamp >= last_end + SUSPENSION
    ), "registry: suspended too recently"
    suspended_until: uint256 = block.timestamp + SUSPENSION
    self._records[charity_id] = self._with_status(
        record, SUSPENDED, suspended_until
    )
    # What a thief proposed must not ripen while the registrar's hands are tied.
    self._drop_pending(charity_id)
    log Suspended(
        charity_id=charity_id, suspended_until=suspended_until, reason=reason
    )


@external
def reinstate(charity_id: uint256):
    """
    @notice End a suspension early.
    @param charity_id The charity.
    """
    self._check_registrar()
    record: uint256 = self._records[charity_id]
    assert (
        self._status_of(record) == SUSPENDED
    ), "registry: charity is not suspended"
    self._records[charity_id] = self._with_status(
        record, VERIFIED, block.timestamp
    )
    log Reinstated(charity_id=charity_id)


@external
def set_sdgs(charity_id: uint256, sdgs: uint256):
    """
    @notice Correct the goals a charity serves.
    @param charity_id The charity.
    @param sdgs Goals served: bit k - 1 is goal k, at least one.
    """
    self._check_registrar()
    record: uint256 = self._records[charity_id]
    assert (
        self._status_of(record) in [VERIFIED, EXPIRED]
    ), "registry: charity is not verified"
    assert sdgs != 0 and sdgs <= SDGS_MASK, "registry: sdgs must be 1 to 17"
    assert (
        sdgs != (record >> SDGS_AT) & SDGS_MASK
    ), "registry: sdgs are the same"
    self._records[charity_id] = (record & ~(SDGS_MASK << SDGS_AT)) | (
        sdgs << SDGS_AT
    )
    log SdgsChanged(charity_id=charity_id, sdgs=sdgs)


# =============================== TIMELOCK ===================================

@external
def revoke(charity_id: uint256, reason: bytes32):
    """
    @notice End a charity's verification for good and free its legal id. What
            it has earned stays claimable by its payee.
    @param charity_id The charity, verified, expired or suspended.
    @param reason Hash of the reason.
    """
    self._check_timelock()
    self._revoke(charity_id, reason)


@external
def set_registrar(registrar: address):
    """
    @notice Name another registrar.
    @param registrar The new registrar.
    """
    self._check_timelock()
    self._set_registrar(registrar)


@external
def set_guardian(guardian: address):
    """
    @notice Name another guardian.
    @param guardian The new guardian.
    """
    self._check_timelock()
    self._set_guardian(guardian)


@external
def refuse(accounts: DynArray[address, MAX_REFUSED]):
    """
    @notice Add addresses that may never become a payee, e.g. a new contract of
            ours. Charities verified before keep their payee.
    @param accounts The addresses.
    """
    self._check_timelock()
    for account: address in accounts:
        self._refuse(account)


# ================================= VIEWS ====================================

@view
@reentrant
@external
def payee_for_gift(charity_id: uint256) -> address:
    """
    @notice The address to pay a new gift to; reverts, saying why, when the
            charity may not receive one.
    @param charity_id The charity.
    @return Its payee.
    """
    record: uint256 = self._records[charity_id]
    # The usual case first: it is what every gift pays for.
    if record >> EXPIRY_AT > VERIFIED_OVER_EXPIRY | block.timestamp:
        return convert(record & PAYEE_MASK, address)
    status: uint256 = self._status_of(record)
    assert status != UNKNOWN, "registry: unknown charity"
    assert status != SUSPENDED, "registry: charity is suspended"
    assert status != REVOKED, "registry: charity is revoked"
    assert status != EXPIRED, "registry: charity is expired"
    # A suspension that has lapsed.
    return convert(record & PAYEE_MASK, address)


@view
@reentrant
@external
def payee(charity_id: uint256) -> address:
    """
    @notice The address that what a charity has earned is paid to, whatever its status.
    @param charity_id The charity.
    @return Its payee; zero for an unknown charity.
    """
    return self._payee_of(self._records[charity_id])


@view
@external
def status(charity_id: uint256) -> uint256:
    """
    @notice A charity's status now.
    @param charity_id The charity.
    @return 0 unknown, 1 revoked, 2 suspended, 3 verified, 4 expired.
    """
    return self._status_of(self._records[charity_id])


@view
@external
def is_verified(charity_id: uint256) -> bool:
    """
    @notice Whether a charity may receive a new gift now.
    @param charity_id The charity.
    @return True when verified, not expired and not suspended.
    """
    return self._status_of(self._records[charity_id]) == VERIFIED


@view
@external
def have_standing(charity_ids: DynArray[uint256, MAX_MEMBERS]) -> bool:
    """
    @notice Whether all of many have been verified and not revoked; reverts,
            saying why, where one has not. Suspended and expired ones pass: a
            suspension is short, and one of 200 must not hold up the list of a fund.
    @param charity_ids The charities, at most 200, cheapest in ascending order.
    @return True.
    """
    row: uint256 = max_value(uint256)
    bits: uint256 = 0
    for charity_id: uint256 in charity_ids:
        if charity_id >> 8 != row:
            row = charity_id >> 8
            bits = self._standing[row]
        if bits & (1 << (charity_id & 255)) == 0:
            assert (self._records[charity_id] != 0), "registry: unknown charity"
            raise "registry: charity is revoked"
    return True


@view
@external
def is_revoked(charity_id: uint256) -> bool:
    """
    @notice Whether a charity has been revoked.
    @param charity_id The charity.
    @return True when revoked.
    """
    return (self._records[charity_id] >> STATUS_AT) & STATUS_MASK == REVOKED


@view
@external
def charity(charity_id: uint256) -> Charity:
    """
    @notice Everything stored about a charity.
    @param charity_id The charity.
    @return payee, status (as `status`), sdgs, expiry (s), suspended_until (s; the
            end of the running or the last suspension, 0 if never), legal_id, metadata_hash.
    """
    record: uint256 = self._records[charity_id]
    return Charity(
        payee=self._payee_of(record),
        status=self._status_of(record),
        sdgs=(record >> SDGS_AT) & SDGS_MASK,
        expiry=(record >> EXPIRY_AT) & TIME_MASK,
        suspended_until=(record >> SUSPENDED_AT) & TIME_MASK,
        legal_id=self.legal_id[charity_id],
        metadata_hash=self.metadata_hash[charity_id],
    )


@view
@external
def pending_payee(charity_id: uint256) -> (address, uint256):
    """
    @notice A payee change on its way.
    @param charity_id The charity.
    @return The proposed payee and the second from which it may accept; zeros if none.
    """
    pending: uint256 = self._pending[charity_id]
    return self._payee_of(pending), pending >> 160


@view
@external
def verified_by_legal_id(legal_id: bytes32) -> uint256:
    """
    @notice The live charity (verified or suspended, not expired) of a legal id.
    @param legal_id keccak256 of the legal id.
    @return Its number, 0 if there is none.
    """
    holder: uint256 = self._holder[legal_id]
    return holder if self._is_live(self._records[holder]) else 0


@view
@external
def may_redeem(account: address, charity_id: uint256) -> bool:
    """
    @notice Whether an account is, or ever was, a verified charity's payee.
    @dev A record exists only once its charity has been verified, so being the
         payee of any record is enough, whatever has become of it since.
    @param account The account.
    @param charity_id The charity it is the payee of; any number for a former payee.
    @return True if it is or was.
    """
    return (
        account != empty(address)
        and account == self._payee_of(self._records[charity_id])
    ) or self.was_payee[account]


@view
@external
def application_id(
    payee: address, legal_id: bytes32, sdgs: uint256, metadata_hash: bytes32
) -> bytes32:
    """
    @notice The id an application with these words has.
    @param payee The applicant, and the address to be paid.
    @param legal_id keccak256 of the legal id.
    @param sdgs Goals served.
    @param metadata_hash keccak256 of the description.
    @return The application's id.
    """
    return self._application_id(payee, legal_id, sdgs, metadata_hash)


# =============================== INTERNALS ==================================

@pure
@internal
def _payee_of(word: uint256) -> address:
    return convert(word & PAYEE_MASK, address)


@view
@internal
def _status_of(record: uint256) -> uint256:
    status: uint256 = (record >> STATUS_AT) & STATUS_MASK
    if status == UNKNOWN or status == REVOKED:
        return status
    if (
        status == SUSPENDED
        and block.timestamp < (record >> SUSPENDED_AT) & TIME_MASK
    ):
        return SUSPENDED
    # Verified, or a suspension that has lapsed.
    if block.timestamp >= (record >> EXPIRY_AT) & TIME_MASK:
        return EXPIRED
    return VERIFIED


@view
@internal
def _is_live(record: uint256) -> bool:
    """
    @dev Holds its legal id: verified or suspended within its term.
    """
    status: uint256 = (record >> STATUS_AT) & STATUS_MASK
    return (
        status in [VERIFIED, SUSPENDED]
        and block.timestamp < (record >> EXPIRY_AT) & TIME_MASK
    )


@pure
@internal
def _with_status(
    record: uint256, status: uint256, suspended_until: uint256
) -> uint256:
    return (
        record & ~((STATUS_MASK << STATUS_AT) | (TIME_MASK << SUSPENDED_AT))
        | (status << STATUS_AT)
        | (suspended_until << SUSPENDED_AT)
    )


@pure
@internal
def _application_id(
    payee: address, legal_id: bytes32, sdgs: uint256, metadata_hash: bytes32
) -> bytes32:
    return keccak256(abi_encode(payee, legal_id, sdgs, metadata_hash))


@internal
def _drop_pending(charity_id: uint256):
    pending: uint256 = self._pending[charity_id]
    if pending != 0:
        self._pending[charity_id] = 0
        log PayeeCancelled(
            charity_id=charity_id,
            new_payee=self._payee_of(pending),
            cancelled_by=msg.sender,
        )


@internal
def _revoke(charity_id: uint256, reason: bytes32):
    record: uint256 = self._records[charity_id]
    assert (
        self._status_of(record) in [VERIFIED, EXPIRED, SUSPENDED]
    ), "registry: charity is not verified"
    self._records[charity_id] = self._with_status(
        record, REVOKED, (record >> SUSPENDED_AT) & TIME_MASK
    )
    self._standing[charity_id >> 8] ^= 1 << (charity_id & 255)
    legal_id: bytes32 = self.legal_id[charity_id]
    if self._holder[legal_id] == charity_id:
        self._holder[legal_id] = 0
    self._drop_pending(charity_id)
    log Revoked(charity_id=charity_id, revoked_by=msg.sender, reason=reason)


@view
@internal
def _check_profile(payee: address, legal_id: bytes32, sdgs: uint256):
    assert legal_id != empty(bytes32), "registry: zero legal id"
    assert sdgs != 0 and sdgs <= SDGS_MASK, "registry: sdgs must be 1 to 17"
    self._check_payee(payee)


@view
@internal
def _check_payee(payee: address):
    assert payee != empty(address), "registry: zero payee"
    assert payee != self, "registry: payee is one of our contracts"
    assert not self.is_refused[payee], "registry: payee is one of our contracts"
    if payee.is_contract:
        # 521,440 GTC once went to a token contract for good: whatever answers
        # totalSupply() with one word is taken for a token. A wallet contract
        # does not.
        success: bool = False
        response: Bytes[32] = b""
        success, response = raw_call(
            payee,
            method_id("totalSupply()"),
            max_outsize=32,
            gas=PROBE_GAS,
            is_static_call=True,
            revert_on_failure=False,
        )
        assert (
            not success or len(response) != 32
        ), "registry: payee is a token"


@view
@internal
def _check_expiry(expiry: uint256):
    assert expiry > block.timestamp, "registry: expiry is past"
    assert expiry <= block.timestamp + MAX_TERM, "registry: expiry too far off"


@view
@internal
def _check_may_change_payee(record: uint256):
    status: uint256 = self._status_of(record)
    assert status != SUSPENDED, "registry: charity is suspended"
    assert status != REVOKED, "registry: charity is revoked"


@view
@internal
def _check_registrar():
    assert msg.sender == self.registrar, "registry: not the registrar"


@view
@internal
def _check_timelock():
    assert msg.sender == TIMELOCK, "registry: not the timelock"


@internal
def _set_registrar(registrar: address):
    assert registrar != empty(address), "registry: zero registrar"
    assert registrar != self.registrar, "registry: registrar is the same"
    self.registrar = registrar
    log RegistrarChanged(registrar=registrar)


@internal
def _set_guardian(guardian: address):
    assert guardian != empty(address), "registry: zero guardian"
    assert guardian != self.guardian, "registry: guardian is the same"
    self.guardian = guardian
    log GuardianChanged(guardian=guardian)


@internal
def _refuse(account: address):
    assert account != empty(address), "registry: zero account"
    assert not self.is_refused[account], "registry: already refused"
    self.is_refused[account] = True
    log AddressRefused(account=account)
