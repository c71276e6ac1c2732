# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Goals
@license AGPL-3.0-only
@author DonaBlock
@notice The 17 Sustainable Development Goals of the United Nations: their short
        names and their colours, as its guidelines for the goals print them.
"""

# ================================ CONSTANTS =================================

GOAL_COUNT: constant(uint256) = 17

# @dev Longest of the names.
MAX_NAME: constant(uint256) = 39

# @dev Six hexadecimal digits for every goal, in its order.
COLOURS: constant(String[102]) = (
    "E5243BDDA63A4C9F38C5192DFF3A2126BDE2"
    "FCC30BA21942FD6925DD1367FD9D24BF8B2E"
    "3F7E440A97D956C02B00689D19486A"
)

# @dev The names in their order, without anything between them: one text takes
#      half the code of seventeen.
NAMES: constant(String[400]) = (
    "No Poverty"
    "Zero Hunger"
    "Good Health and Well-being"
    "Quality Education"
    "Gender Equality"
    "Clean Water and Sanitation"
    "Affordable and Clean Energy"
    "Decent Work and Economic Growth"
    "Industry, Innovation and Infrastructure"
    "Reduced Inequalities"
    "Sustainable Cities and Communities"
    "Responsible Consumption and Production"
    "Climate Action"
    "Life Below Water"
    "Life on Land"
    "Peace, Justice and Strong Institutions"
    "Partnerships for the Goals"
)
# @dev Where a goal's name ends in it; name 0 would end at 0.
ENDS: constant(uint256[GOAL_COUNT + 1]) = [
    0,
    10,
    21,
    47,
    64,
    79,
    105,
    132,
    163,
    202,
    222,
    256,
    294,
    308,
    324,
    336,
    374,
    400,
]


# ================================ INTERNALS =================================

@internal
@pure
def _name(goal: uint256) -> String[MAX_NAME]:
    """
    @notice Names a goal.
    @param goal Its number, 1 to 17.
    @return String Its short name.
    """
    start: uint256 = ENDS[goal - 1]
    return convert(slice(NAMES, start, ENDS[goal] - start), String[MAX_NAME])


@internal
@pure
def _colour(goal: uint256) -> String[6]:
    """
    @notice Gives a goal's colour.
    @param goal Its number, 1 to 17.
    @return String Six hexadecimal digits.
    """
    return slice(COLOURS, 6 * (goal - 1), 6)
