# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Plain text
@license AGPL-3.0-only
@author DonaBlock
@notice Tells text that can stand inside a JSON string as it is, 32 letters a
        step: no control characters, no quotation mark, no backslash, no angle
        brackets. UTF-8 passes.
"""

MAX_TEXT: constant(uint256) = 128

# @dev A one in every byte; the uppermost bit of every byte.
ONES: constant(uint256) = max_value(uint256) // 255
HIGHS: constant(uint256) = ONES << 7
# @dev The letters that may not be there, and the first one above the control characters.
SPACE: constant(uint256) = 32
FORBIDDEN: constant(uint256[5]) = [34, 60, 62, 92, 127]


@internal
@pure
def _is_plain(raw: Bytes[MAX_TEXT]) -> bool:
    """
    @dev For x < 129 a byte of `word` is below x just where (word - x in every
         byte) & ~word has its uppermost bit set, as far as the lowest such byte
         goes, which is all that is asked here (Hacker's Delight, 6-1).
    """
    padded: Bytes[MAX_TEXT + 32] = concat(
        raw, x"2020202020202020202020202020202020202020202020202020202020202020"
    )
    for step: uint256 in range((len(raw) + 31) // 32, bound=MAX_TEXT // 32):
        word: uint256 = convert(extract32(padded, 32 * step), uint256)
        found: uint256 = unsafe_sub(word, ONES * SPACE) & ~word
        for letter: uint256 in FORBIDDEN:
            other: uint256 = word ^ (ONES * letter)
            found |= unsafe_sub(other, ONES) & ~other
        if found & HIGHS != 0:
            return False
    return True
