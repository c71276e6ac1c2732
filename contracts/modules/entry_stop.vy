# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Guardian who may stop entries for a while
@license AGPL-3.0-only
@author DonaBlock
@notice The guardian may stop money from coming in, for 7 days and once in 30,
        so that a fault can be looked at while nobody can add to the damage.
        Exits never ask this module. The host wraps `_stop` and `_resume`.
"""


event EntriesStopped:
    guardian: indexed(address)
    stopped_until: uint256


event EntriesResumed:
    resumed_by: indexed(address)


event GuardianChanged:
    guardian: indexed(address)


# @dev Seconds that a stop lasts.
STOP: constant(uint256) = 7 * 86_400
# @dev Seconds from one stop to the next.
STOP_INTERVAL: constant(uint256) = 30 * 86_400

# @dev Who may stop entries.
guardian: public(address)
# @dev Second from which entries are open again.
stopped_until: public(uint256)
# @dev Second from which the guardian may stop entries again.
next_stop_at: public(uint256)


@deploy
def __init__(guardian: address):
    """
    @param guardian First guardian.
    """
    self._set_guardian(guardian)


@internal
def _stop() -> uint256:
    """
    @dev The guardian stops entries for 7 days; not again for 30 days.
    """
    assert msg.sender == self.guardian, "guardian: not the guardian"
    assert (
        block.timestamp >= self.next_stop_at
    ), "guardian: stopped too recently"
    stopped_until: uint256 = block.timestamp + STOP
    self.stopped_until = stopped_until
    self.next_stop_at = block.timestamp + STOP_INTERVAL
    log EntriesStopped(guardian=msg.sender, stopped_until=stopped_until)
    return stopped_until


@internal
def _resume():
    """
    @dev The guardian opens entries again early. The time of the next stop stays.
    """
    assert msg.sender == self.guardian, "guardian: not the guardian"
    assert block.timestamp < self.stopped_until, "guardian: not stopped"
    self.stopped_until = block.timestamp
    log EntriesResumed(resumed_by=msg.sender)


@internal
def _set_guardian(guardian: address):
    assert guardian != empty(address), "guardian: zero guardian"
    assert guardian != self.guardian, "guardian: guardian is the same"
    self.guardian = guardian
    log GuardianChanged(guardian=guardian)
