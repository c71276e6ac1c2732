# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Factory that makes campaigns from a blueprint, to be measured beside the one with proxies
@license AGPL-3.0-only
@author DonaBlock
@notice A campaign made here has code of its own, so a call of it reaches no second contract.
"""

from interfaces import ICampaign

REGISTRY: immutable(address)
RESERVE: immutable(address)
BLUEPRINT: immutable(address)
number_of: public(HashMap[address, uint256])
campaign_count: public(uint256)


event CampaignCreated:
    campaign: indexed(address)


@deploy
def __init__(registry: address, reserve: address, blueprint: address):
    REGISTRY = registry
    RESERVE = reserve
    BLUEPRINT = blueprint


@external
def create(charity_id: uint256, terms: ICampaign.Terms) -> address:
    number: uint256 = self.campaign_count + 1
    self.campaign_count = number
    campaign: address = create_from_blueprint(
        BLUEPRINT, self, REGISTRY, RESERVE
    )
    self.number_of[campaign] = number
    log CampaignCreated(campaign=campaign)
    extcall ICampaign(campaign).initialise(charity_id, msg.sender, terms)
    return campaign


@view
@external
@reentrant
def check_pledge(asset: address) -> bool:
    return True
