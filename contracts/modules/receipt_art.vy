# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Receipt art
@license AGPL-3.0-only
@author DonaBlock
@notice The picture of a receipt, drawn on chain.
"""


# @dev What the picture shows, in characters that SVG takes as they are.
#      `whole` has its commas, `fraction` its point.
struct Face:
    token_id: uint256
    recipient_id: uint256
    epoch: uint256
    whole: String[39]
    fraction: String[40]
    unit: String[32]
    date: String[10]
    donor: String[42]
    asset: String[42]
    memo: String[66]
    legal_id: String[66]


MAX_PICTURE: constant(uint256) = 8_192


@internal
@view
def _picture(face: Face) -> String[MAX_PICTURE]:
    """
    @notice Draws a receipt.
    @param face What to show.
    @return String The SVG document.
    """
    return concat(
        "<svg xmlns='http://www.w3.org/2000/svg'><text y='20'>",
        face.whole,
        face.fraction,
        " ",
        face.unit,
        "</text></svg>",
    )
