# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Base64
@license AGPL-3.0-only
@author DonaBlock
@notice Base64 (RFC 4648, section 4, with padding), 24 bytes a step.
        A step spreads 192 bits over the 32 byte lanes of one word, six bits
        to a lane, by five halvings, and maps all lanes to letters at once.
"""


# @dev Longest input and its encoding, 4 letters for every 3 bytes.
MAX_INPUT: constant(uint256) = 15_360
MAX_OUTPUT: constant(uint256) = 20_480
# @dev One step takes 24 bytes and writes one word of 32 letters.
STEP: constant(uint256) = 24
MAX_STEPS: constant(uint256) = 640

# @dev A one in every lane of 8 bits; likewise the ones of wider lanes.
ONES: constant(uint256) = max_value(uint256) // (2**8 - 1)
# @dev The lower part of every lane while 192 bits become 2 x 96, 4 x 48,
#      8 x 24, 16 x 12 and 32 x 6: before a halving, lanes of 256, 128, 64, 32
#      and 16 bits hold 192, 96, 48, 24 and 12.
LOW_96: constant(uint256) = 2**96 - 1
LOW_48: constant(uint256) = max_value(uint256) // (2**128 - 1) * (2**48 - 1)
LOW_24: constant(uint256) = max_value(uint256) // (2**64 - 1) * (2**24 - 1)
LOW_12: constant(uint256) = max_value(uint256) // (2**32 - 1) * (2**12 - 1)
LOW_6: constant(uint256) = max_value(uint256) // (2**16 - 1) * (2**6 - 1)

# @dev What turns the letter A, which the zeros behind the data become, into
#      the padding "=".
A_TO_PADDING: constant(uint256) = 4


@internal
@pure
def _encode(data: Bytes[MAX_INPUT]) -> String[MAX_OUTPUT]:
    """
    @notice Encodes bytes as Base64.
    @param data The bytes.
    @return String The letters, padded with "=" to a multiple of four.
    """
    size: uint256 = len(data)
    if size == 0:
        return ""
    # A word of zeros behind the data lets every step read a whole word.
    padded: Bytes[MAX_INPUT + 32] = concat(data, empty(bytes32))
    words: DynArray[bytes32, MAX_STEPS] = []
    at: uint256 = 0
    for i: uint256 in range(MAX_STEPS):
        letters: uint256 = self._letters(
            convert(extract32(padded, at), uint256) >> 64
        )
        # Neither sum leaves MAX_INPUT + STEP.
        next: uint256 = unsafe_add(at, STEP)
        if next >= size:
            letters = self._pad(letters, unsafe_sub(size, at))
            words.append(convert(letters, bytes32))
            break
        words.append(convert(letters, bytes32))
        at = next
    # An encoded array is its offset, its length and its words. `size` is at
    # least 1 here, so nothing of length 0 is sliced.
    return convert(
        slice(abi_encode(words), 64, (size + 2) // 3 * 4), String[MAX_OUTPUT]
    )


@internal
@pure
def _pad(letters: uint256, size: uint256) -> uint256:
    """
    @notice Puts the padding into the last word.
    @param letters The word of letters.
    @param size How many bytes of data the word holds, 1 to 24.
    @return uint256 The word with "=" where the data does not reach.
    """
    left: uint256 = size % 3
    if left == 0:
        return letters
    # Bits to the right of the last four-letter group's last letter.
    bits_after: uint256 = 256 - 32 * ((size + 2) // 3)
    padded: uint256 = letters - (A_TO_PADDING << bits_after)
    if left == 1:
        padded -= A_TO_PADDING << (bits_after + 8)
    return padded


@internal
@pure
def _letters(bits: uint256) -> uint256:
    """
    @notice Maps 192 bits to 32 letters.
    @param bits The bits, right-aligned, the first byte uppermost.
    @return uint256 The letters, one a byte.
    """
    x: uint256 = ((bits & (LOW_96 * 2**96)) << 32) | (bits & LOW_96)
    x = ((x & (LOW_48 * 2**48)) << 16) | (x & LOW_48)
    x = ((x & (LOW_24 * 2**24)) << 8) | (x & LOW_24)
    x = ((x & (LOW_12 * 2**12)) << 4) | (x & LOW_12)
    x = ((x & (LOW_6 * 2**6)) << 2) | (x & LOW_6)

    # Every lane of x is below 64, so a lane of x + (128 - k) * ONES has its
    # uppermost bit set exactly when x >= k and never carries out of its lane.
    from_26: uint256 = (unsafe_add(x, 102 * ONES) >> 7) & ONES
    from_52: uint256 = (unsafe_add(x, 76 * ONES) >> 7) & ONES
    from_62: uint256 = (unsafe_add(x, 66 * ONES) >> 7) & ONES
    from_63: uint256 = (unsafe_add(x, 65 * ONES) >> 7) & ONES

    # A-Z is x + 65, a-z is 6 more, 0-9 is 75 less, "+" is 15 less again and
    # "/" is 3 more. Every lane of the first sum is below 256 and every lane
    # of the whole is an ASCII letter, so no lane borrows from its neighbour
    # in the end.
    x = unsafe_add(x, 65 * ONES)
    x = unsafe_add(x, unsafe_mul(6, from_26))
    x = unsafe_add(x, unsafe_mul(3, from_63))
    x = unsafe_sub(x, unsafe_mul(75, from_52))
    return unsafe_sub(x, unsafe_mul(15, from_62))
