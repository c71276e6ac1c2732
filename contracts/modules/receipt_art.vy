# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Receipt art
@license AGPL-3.0-only
@author DonaBlock
@notice The picture of a receipt, drawn on chain: a certificate of 600 x 800
        with a guilloche behind the amount, in the colour of the goal when the
        gift went to one of the 17 index funds of the Sustainable Development
        Goals, else in the house's own green.

        Sizes leave room for wide fonts, so that nothing leaves the frame where
        the fonts asked for are missing.
"""

# ================================= MODULES ==================================

from contracts.modules import goals
from contracts.modules import text

# ================================= STRUCTS ==================================

# @dev What the picture shows, in characters that SVG takes as they are.
#      `whole` has its commas, `fraction` its point; the last four are
#      shortened, or words in their place.
struct Face:
    token_id: uint256
    recipient_id: uint256
    epoch: uint256
    whole: String[39]
    fraction: String[40]
    unit: String[31]
    date: String[10]
    donor: String[21]
    asset: String[21]
    memo: String[21]
    legal_id: String[21]


# ================================ CONSTANTS =================================

# @dev Longest of the picture and of what it is put together from.
MAX_PICTURE: constant(uint256) = 6_144
MAX_TITLE: constant(uint256) = 50
MAX_LINE: constant(uint256) = 97
MAX_BADGE: constant(uint256) = 122
MAX_BAND: constant(uint256) = 700
MAX_MARK: constant(uint256) = 110

# @dev The house's green.
GREEN: constant(String[6]) = "0F5E56"

# @dev Largest amount, and its size in pixels times its width in tenths of a
#      character; a character of the fraction counts 6, one before it 10.
AMOUNT_SIZE: constant(uint256) = 72
AMOUNT_WIDTH: constant(uint256) = 7_400
# @dev Likewise for what stands below it and for the recipient's name.
LINE_SIZE: constant(uint256) = 24
UNIT_WIDTH: constant(uint256) = 640
TITLE_WIDTH: constant(uint256) = 590


# ================================ INTERNALS =================================

@internal
@pure
def _goal(recipient_id: uint256, epoch: uint256) -> uint256:
    """
    @notice Finds the goal a gift went to: funds 1 to 17 are the goals' own.
    @param recipient_id The charity, or the index fund.
    @param epoch 0 for a charity.
    @return uint256 The goal; 0 if there is none.
    """
    if epoch != 0 and recipient_id <= goals.GOAL_COUNT:
        return recipient_id
    return 0


@internal
@pure
def _title(recipient_id: uint256, epoch: uint256) -> String[MAX_TITLE]:
    """
    @notice Names the recipient.
    @param recipient_id The charity, or the index fund.
    @param epoch 0 for a charity.
    @return String The goal of a goal's fund, else the kind and the id.
    """
    goal: uint256 = self._goal(recipient_id, epoch)
    if goal != 0:
        return goals._name(goal)
    if epoch != 0:
        return concat("Index fund ", text._digits(recipient_id))
    return concat("Charity ", text._digits(recipient_id))


@internal
@view
def _picture(face: Face) -> String[MAX_PICTURE]:
    """
    @notice Draws a receipt.
    @param face What to show.
    @return String The SVG document.
    """
    goal: uint256 = self._goal(face.recipient_id, face.epoch)
    colour: String[6] = GREEN
    if goal != 0:
        colour = goals._colour(goal)
    return concat(
        self._paper(colour),
        self._head(face.token_id),
        self._amount(face.whole, face.fraction, face.unit),
        self._recipient(
            face.recipient_id, face.epoch, face.legal_id, goal, colour
        ),
        self._details(face.date, face.donor, face.asset, face.memo, colour),
        self._foot(goal),
        "</svg>",
    )


@internal
@pure
def _paper(colour: String[6]) -> String[1_400]:
    """
    @notice Opens the document: paper, frame and guilloche, which is a pair of
            ellipses turned 24 times by doubling and tripling.
    @param colour The accent.
    @return String SVG.
    """
    return concat(
        "<svg xmlns='http://www.w3.org/2000/svg' width='600' height='800' viewBox='0 0 600 800'"
        " font-family='Palatino,Palatino Linotype,Times New Roman,serif' fill='#16242E'><style>"
        ".l{font:600 11px Helvetica,Arial,sans-serif;letter-spacing:2px;fill:#66727B}"
        ".v{font:17px Menlo,Consolas,Liberation Mono,monospace}"
        ".m{text-anchor:middle}.e{text-anchor:end}</style>"
        "<defs><g id='a'><ellipse rx='236' ry='92'/><ellipse rx='214' ry='60'/></g>"
        "<g id='b'><use href='#a'/><use href='#a' transform='rotate(7.5)'/></g>"
        "<g id='c'><use href='#b'/><use href='#b' transform='rotate(15)'/></g>"
        "<g id='d'><use href='#c'/><use href='#c' transform='rotate(30)'/></g></defs>"
        "<rect width='600' height='800' fill='#FCFBF7'/><g fill='none' stroke='#",
        colour,
        "'><g stroke-opacity='.26' stroke-width='.6' transform='matrix(1.1 0 0 .62 300 252)'>"
        "<use href='#d'/><use href='#d' transform='rotate(60)'/>"
        "<use href='#d' transform='rotate(120)'/></g>"
        "<rect x='18' y='18' width='564' height='764' rx='16' stroke-width='2'/>"
        "<rect x='25' y='25' width='550' height='750' rx='11' stroke-width='.7'/></g>",
    )


@internal
@pure
def _head(token_id: uint256) -> String[640]:
    """
    @notice Draws the wordmark and the receipt's number.
    @param token_id The number.
    @return String SVG.
    """
    return concat(
        "<g fill='#0F5E56'><path d='M62 64v22l18 10v-22z'/>"
        "<path opacity='.75' d='M98 64v22l-18 10v-22z'/>"
        "<path opacity='.5' d='M80 52l18 10-18 10-18-10z'/></g>"
        "<text x='112' y='85' font-size='30'>Dona<tspan font-weight='700'>Block</tspan></text>"
        "<text class='l e' x='540' y='69'>RECEIPT</text>"
        "<text class='e' x='538' y='93' font-size='21'>No. ",
        text._digits(token_id),
        "</text>",
    )


@internal
@pure
def _amount(
    whole: String[39], fraction: String[40], unit: String[31]
) -> String[512]:
    """
    @notice Draws the amount, as large as it fits, and its unit.
    @param whole The whole part.
    @param fraction The fraction with its point.
    @param unit What it is an amount of.
    @return String SVG.
    """
    # The whole part has a digit and the unit a letter, so neither divisor is 0.
    width: uint256 = 10 * len(whole) + 6 * len(fraction)
    size: uint256 = min(AMOUNT_SIZE, AMOUNT_WIDTH // width)
    return concat(
        "<text class='l m' x='300' y='178'>GIFT</text><text class='m' x='300' y='",
        text._digits(245 + size // 3),
        "' font-weight='700' font-size='",
        text._digits(size),
        "'>",
        whole,
        "<tspan font-size='",
        text._digits(size * 6 // 10),
        "'>",
        fraction,
        "</tspan></text><text class='m' x='300' y='312' letter-spacing='2' font-size='",
        text._digits(min(LINE_SIZE, UNIT_WIDTH // len(unit))),
        "'>",
        unit,
        "</text>",
    )


@internal
@pure
def _recipient(
    recipient_id: uint256,
    epoch: uint256,
    legal_id: String[21],
    goal: uint256,
    colour: String[6],
) -> String[640]:
    """
    @notice Draws who received the gift.
    @param recipient_id The charity, or the index fund.
    @param epoch 0 for a charity.
    @param legal_id The charity's legal-id hash, shortened.
    @param goal The goal of the fund, or 0.
    @param colour The accent.
    @return String SVG.
    """
    # A heart, or the goal's number.
    badge: String[MAX_BADGE] = (
        "<path fill='#fff' d='M98 462c-30-20-26-43-12-43 6 0 10 4 12 8 2-4 6-8 12-8 14 0 18 23-12 43z'/>"
    )
    if goal != 0:
        badge = concat(
            "<text class='m' x='98' y='452' fill='#fff' font-weight='700' font-size='42'>",
            text._digits(goal),
            "</text>",
        )
    line: String[MAX_LINE] = ""
    if epoch == 0:
        line = concat("Legal id ", legal_id)
    elif goal == 0:
        line = concat("Epoch ", text._digits(epoch))
    else:
        line = concat(
            "Index fund ", text._digits(goal), ", epoch ", text._digits(epoch)
        )
    title: String[MAX_TITLE] = self._title(recipient_id, epoch)
    return concat(
        "<rect x='62' y='402' width='72' height='72' rx='10' fill='#",
        colour,
        "'/>",
        badge,
        "<text class='l' x='156' y='418'>TO</text>"
        "<text x='156' y='446' font-weight='700' font-size='",
        text._digits(min(LINE_SIZE, TITLE_WIDTH // len(title))),
        "'>",
        title,
        "</text><text class='v' x='156' y='471' style='font-size:15px'>",
        line,
        "</text>",
    )


@internal
@pure
def _details(
    date: String[10],
    donor: String[21],
    asset: String[21],
    memo: String[21],
    colour: String[6],
) -> String[900]:
    """
    @notice Draws the four smaller facts.
    @param date The day.
    @param donor The donor's address, shortened.
    @param asset The token's address, shortened, or words in its place.
    @param memo The memo, shortened, or words in its place.
    @param colour The accent.
    @return String SVG.
    """
    return concat(
        "<path stroke='#",
        colour,
        "' stroke-width='.7' d='M62 500h476M62 648h476'/>"
        "<text class='l' x='62' y='534'>DATE (UTC)</text><text class='v' x='62' y='558'>",
        date,
        "</text><text class='l' x='316' y='534'>DONOR</text><text class='v' x='316' y='558'>",
        donor,
        "</text><text class='l' x='62' y='602'>ASSET</text><text class='v' x='62' y='626'>",
        asset,
        "</text><text class='l' x='316' y='602'>MEMO</text><text class='v' x='316' y='626'>",
        memo,
        "</text>",
    )


@internal
@view
def _foot(goal: uint256) -> String[1_500]:
    """
    @notice Draws the band of the 17 goals and says where the receipt is kept.
    @param goal The goal to stand out, or 0.
    @return String SVG.
    """
    band: String[MAX_BAND] = ""
    for i: uint256 in range(1, goals.GOAL_COUNT + 1):
        band = convert(concat(band, self._bar(i)), String[MAX_BAND])
    mark: String[MAX_MARK] = ""
    if goal != 0:
        mark = concat("<g stroke-width='20'>", self._bar(goal), "</g>")
    return concat(
        "<text class='l m' x='300' y='684'>THIS RECEIPT STAYS WITH ITS DONOR FOR GOOD</text>"
        "<g stroke-width='10'>",
        band,
        "</g>",
        mark,
        "<text class='v m' x='300' y='742' style='font-size:12px;fill:#66727B'>Chain ",
        text._digits(chain.id),
        " ",
        text._address(self),
        "</text>",
    )


@internal
@pure
def _bar(goal: uint256) -> String[80]:
    """
    @notice Draws a goal's place in the band.
    @param goal Its number.
    @return String SVG.
    """
    return concat(
        "<path stroke='#",
        goals._colour(goal),
        "' d='M",
        text._digits(34 + 28 * goal),
        " 704h28'/>",
    )
