# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Text
@license AGPL-3.0-only
@author DonaBlock
@notice Figures as people read them: hexadecimal, addresses with their
        checksum, exact decimal amounts, dates; and names from contracts we do
        not know, made safe for JSON and XML alike.
"""


# @dev Most decimal places that `_amount` writes.
MAX_DECIMALS: constant(uint256) = 36
# @dev Length of a shortened address or word.
MAX_SHORT: constant(uint256) = 21
# @dev A point and 39 digits, as many as 128 bits have.
MAX_FRACTION: constant(uint256) = 40
# @dev 128 bits have at most 39 digits; thirty, with their commas, as many
#      characters.
MAX_DIGITS: constant(uint256) = 39
MAX_GROUPED: constant(uint256) = 39
# @dev Longest name that `_safe_name` reads and writes.
MAX_NAME_INPUT: constant(uint256) = 32
MAX_NAME: constant(uint256) = 16

# @dev A one in every lane of 8 bits.
ONES: constant(uint256) = max_value(uint256) // (2**8 - 1)
# @dev The lower part of every lane while 128 bits become 2 x 64, 4 x 32,
#      8 x 16, 16 x 8 and 32 x 4 in lanes of 128, 64, 32, 16 and 8 bits.
LOW_64: constant(uint256) = max_value(uint256) // (2**128 - 1) * (2**64 - 1)
LOW_32: constant(uint256) = max_value(uint256) // (2**64 - 1) * (2**32 - 1)
LOW_16: constant(uint256) = max_value(uint256) // (2**32 - 1) * (2**16 - 1)
LOW_8: constant(uint256) = max_value(uint256) // (2**16 - 1) * (2**8 - 1)
LOW_4: constant(uint256) = max_value(uint256) // (2**8 - 1) * (2**4 - 1)

# @dev Distance from the character after "9" to "a", and from "a" to "A".
TO_LOWER_HEX: constant(uint256) = 39
TO_UPPER: constant(uint256) = 32

# @dev A bit for every character a name may hold, by its ASCII code: $ + - . /
#      and _, digits and letters: nothing that JSON, XML, HTML or CSS reads as
#      more than itself.
SIGNS: constant(uint256) = (
    2**36 + 2**43 + 2**45 + 2**46 + 2**47 + 2**95
)
DIGITS: constant(uint256) = (2**10 - 1) * 2**48
UPPER: constant(uint256) = (2**26 - 1) * 2**65
LOWER: constant(uint256) = (2**26 - 1) * 2**97
SAFE_CHARACTERS: constant(uint256) = SIGNS + DIGITS + UPPER + LOWER
QUESTION_MARK: constant(uint256) = 63
TWO_POINTS: constant(uint256) = 46 * 2**8 + 46

SECONDS_PER_DAY: constant(uint256) = 86_400
# @dev The calendar repeats every 400 years. Years are counted from 1 March,
#      so that the leap day is the last of its year.
DAYS_PER_ERA: constant(uint256) = 146_097
# @dev From 0000-03-01 to 1970-01-01.
DAYS_TO_EPOCH: constant(uint256) = 719_468


@internal
@pure
def _digits(number: uint256) -> String[MAX_DIGITS]:
    """
    @notice Writes a whole number.
    @param number The number, below 2**128.
    @return String Its digits.
    """
    return uint2str(convert(number, uint128))


@internal
@pure
def _hex32(word: bytes32) -> String[66]:
    """
    @notice Writes a word in hexadecimal.
    @param word The word.
    @return String "0x" and 64 digits, lower case.
    """
    number: uint256 = convert(word, uint256)
    high: bytes32 = convert(
        self._hex_letters(self._nibbles(number >> 128)), bytes32
    )
    low: bytes32 = convert(self._hex_letters(self._nibbles(number)), bytes32)
    return concat("0x", convert(concat(high, low), String[64]))


@internal
@pure
def _address(account: address) -> String[42]:
    """
    @notice Writes an address with the checksum of ERC-55.
    @param account The address.
    @return String "0x" and 40 digits.
    """
    number: uint256 = convert(account, uint256)
    # The first 32 digits and, left-aligned, the last 8.
    first: uint256 = self._nibbles(number >> 32)
    last: uint256 = self._nibbles(number << 96)
    # The checksum hashes the digits in lower case; where a digit of the hash
    # is 8 or more, a letter in its place is written in upper case.
    checksum: uint256 = convert(
        keccak256(
            concat(
                convert(self._hex_letters(first), bytes32),
                slice(convert(self._hex_letters(last), bytes32), 0, 8),
            )
        ),
        uint256,
    )
    letters: Bytes[40] = concat(
        convert(
            self._cased_letters(first, self._nibbles(checksum >> 128)), bytes32
        ),
        slice(
            convert(
                self._cased_letters(last, self._nibbles(checksum)), bytes32
            ),
            0,
            8,
        ),
    )
    return concat("0x", convert(letters, String[40]))


@internal
@pure
def _short(digits: String[66]) -> String[MAX_SHORT]:
    """
    @notice Shortens an address or a word to its beginning and its end.
    @param digits "0x" and 40 or 64 digits.
    @return String Its first 10 and last 8 characters.
    """
    return concat(
        slice(digits, 0, 10), "...", slice(digits, len(digits) - 8, 8)
    )


@internal
@pure
def _split(
    amount: uint256, decimals: uint256
) -> (uint256, String[MAX_FRACTION]):
    """
    @notice Splits an amount into its whole part and its fraction, exactly,
            without zeros that say nothing.
    @dev The caller keeps `amount` below 2**96 and `decimals` within
         MAX_DECIMALS: 10**36 + part then fits 128 bits.
    @param amount The amount in the smallest unit.
    @param decimals How many decimal places the unit has.
    @return uint256 The whole part.
    @return String The fraction with its point before it; empty if it is zero.
    """
    one: uint256 = 10**decimals
    part: uint256 = amount % one
    if part == 0:
        return amount // one, ""

    places: uint256 = decimals
    for i: uint256 in range(MAX_DECIMALS):
        if part % 10 != 0:
            break
        part //= 10
        places -= 1
    # A one before the part keeps its leading zeros.
    digits: String[MAX_DIGITS] = self._digits(10**places + part)
    return amount // one, concat(".", slice(digits, 1, places))


@internal
@pure
def _grouped(whole: uint256) -> String[MAX_GROUPED]:
    """
    @notice Writes a whole number with a comma before every three digits.
    @param whole The number, below 10**30.
    @return String The digits and commas.
    """
    digits: String[MAX_DIGITS] = self._digits(whole)
    size: uint256 = len(digits)
    # One to three digits stand before the first comma.
    at: uint256 = (size - 1) % 3 + 1
    grouped: String[MAX_GROUPED] = slice(digits, 0, at)
    for i: uint256 in range(9):
        if at == size:
            break
        grouped = convert(
            concat(grouped, ",", slice(digits, at, 3)), String[MAX_GROUPED]
        )
        at += 3
    return grouped


@internal
@pure
def _date(timestamp: uint256) -> String[10]:
    """
    @notice Writes the day of a timestamp, UTC, as YYYY-MM-DD.
    @param timestamp Seconds since 1970-01-01, from the year 1970 to 9999.
    @return String The date.
    """
    # Howard Hinnant's civil_from_days, for days that are not negative.
    day: uint256 = timestamp // SECONDS_PER_DAY + DAYS_TO_EPOCH
    era: uint256 = day // DAYS_PER_ERA
    day_of_era: uint256 = day % DAYS_PER_ERA
    year_of_era: uint256 = (
        day_of_era
        - day_of_era // 1_460
        + day_of_era // 36_524
        - day_of_era // 146_096
    ) // 365
    day_of_year: uint256 = day_of_era - (
        365 * year_of_era + year_of_era // 4 - year_of_era // 100
    )
    # Months from March: 0 to 11. Five months have 153 days.
    month_from_march: uint256 = (5 * day_of_year + 2) // 153
    month_day: uint256 = day_of_year - (153 * month_from_march + 2) // 5 + 1
    month: uint256 = (month_from_march + 2) % 12 + 1
    year: uint256 = 400 * era + year_of_era
    if month <= 2:
        year += 1
    # One number, YYYYMMDD; the year has four digits.
    digits: String[MAX_DIGITS] = self._digits(
        10_000 * year + 100 * month + month_day
    )
    return concat(
        slice(digits, 0, 4), "-", slice(digits, 4, 2), "-", slice(digits, 6, 2)
    )


@internal
@pure
def _safe_name(raw: Bytes[MAX_NAME_INPUT]) -> String[MAX_NAME]:
    """
    @notice Writes a name we do not know so that nothing can be hidden in it.
    @dev What is not in SAFE_CHARACTERS becomes a "?", a run of it one "?":
         dropping it could turn one token's name into another's.
    @param raw The bytes.
    @return String Safe characters and "?"; what is over 16 ends in "..".
    """
    letters: uint256 = 0
    size: uint256 = 0
    was_safe: bool = True
    for i: uint256 in range(MAX_NAME_INPUT):
        if i >= len(raw):
            break
        letter: uint256 = convert(slice(raw, i, 1), uint256)
        is_safe: bool = (SAFE_CHARACTERS >> letter) & 1 == 1
        if not is_safe:
            if not was_safe:
                continue
            letter = QUESTION_MARK
        was_safe = is_safe
        if size == MAX_NAME:
            letters = (letters >> 16 << 16) | TWO_POINTS
            break
        letters = (letters << 8) | letter
        size += 1
    if size == 0:
        return ""

    aligned: Bytes[MAX_NAME] = slice(
        convert(letters << (8 * (32 - size)), bytes32), 0, MAX_NAME
    )
    return convert(slice(aligned, 0, size), String[MAX_NAME])


@internal
@pure
def _nibbles(bits: uint256) -> uint256:
    """
    @notice Spreads the lower 128 bits over 32 lanes, four bits to a lane.
    @param bits The bits; the upper 128 are ignored.
    @return uint256 The lanes.
    """
    x: uint256 = bits & (2**128 - 1)
    x = (x | (x << 64)) & LOW_64
    x = (x | (x << 32)) & LOW_32
    x = (x | (x << 16)) & LOW_16
    x = (x | (x << 8)) & LOW_8
    return (x | (x << 4)) & LOW_4


@internal
@pure
def _letter_lanes(nibbles: uint256) -> uint256:
    """
    @notice Finds the hexadecimal digits that are letters.
    @param nibbles Lanes from 0 to 15.
    @return uint256 A one in every lane that is 10 or more.
    """
    # A lane is at most 21 after the sum.
    return (unsafe_add(nibbles, 6 * ONES) >> 4) & ONES


@internal
@pure
def _hex_letters(nibbles: uint256) -> uint256:
    """
    @notice Writes lanes as hexadecimal digits in lower case.
    @param nibbles Lanes from 0 to 15.
    @return uint256 The ASCII codes.
    """
    # No lane exceeds the code of "f".
    digits: uint256 = unsafe_add(nibbles, 48 * ONES)
    return unsafe_add(
        digits, unsafe_mul(TO_LOWER_HEX, self._letter_lanes(nibbles))
    )


@internal
@pure
def _cased_letters(nibbles: uint256, cases: uint256) -> uint256:
    """
    @notice Writes lanes as hexadecimal digits, some in upper case.
    @param nibbles Lanes from 0 to 15.
    @param cases Lanes from 0 to 15; from 8 on a letter is in upper case.
    @return uint256 The ASCII codes.
    """
    upper: uint256 = self._letter_lanes(nibbles) & (cases >> 3)
    # Only lanes of "a" or more lose 32.
    return unsafe_sub(self._hex_letters(nibbles), unsafe_mul(TO_UPPER, upper))
