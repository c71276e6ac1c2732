# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title snekmate's enumerable ERC-721, to be measured beside a campaign's own
@license AGPL-3.0-only
@author DonaBlock
"""

from snekmate.auth import ownable
from snekmate.tokens import erc721

initializes: ownable
initializes: erc721[ownable := ownable]

exports: erc721.safe_mint


@deploy
def __init__():
    ownable.__init__()
    erc721.__init__("Collection", "COL", "", "Collection", "1")
