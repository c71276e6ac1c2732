"""The guardian's stop, to the second: seven days, once in thirty."""

from __future__ import annotations

import boa
import pytest

from tests.contracts import deployers
from tests.contracts.conftest import DAY
from tests.contracts.logs import entry, logged
from tests.contracts.protocol import place

ZERO = "0x" + "00" * 20


@pytest.fixture(scope="module")
def host(timelock, guardian):
    """The only contract with such a stop."""
    parts = [place(f"part {number}") for number in range(3)]
    return deployers.INDEX_FUNDS.deploy(timelock, guardian, *parts, 3 * DAY, [])


def test_a_stop_lasts_seven_days_and_the_next_waits_for_thirty(host, guardian, now):
    host.stop_entries(sender=guardian)
    assert logged(host) == [
        entry(host, "EntriesStopped", guardian=guardian, stopped_until=now + 7 * DAY)
    ]
    assert host.stopped_until() == now + 7 * DAY
    assert host.next_stop_at() == now + 30 * DAY


@pytest.mark.parametrize("is_resumed", [False, True])
@pytest.mark.parametrize("from_next", [-1, 0, 1])
def test_the_interval_counts_from_the_start_of_the_stop(host, guardian, now, is_resumed, from_next):
    host.stop_entries(sender=guardian)
    if is_resumed:
        boa.env.time_travel(seconds=1)
        host.resume_entries(sender=guardian)
        assert host.stopped_until() == now + 1
        assert host.next_stop_at() == now + 30 * DAY
    boa.env.timestamp = now + 30 * DAY + from_next
    if from_next < 0:
        with boa.reverts("guardian: stopped too recently"):
            host.stop_entries(sender=guardian)
    else:
        host.stop_entries(sender=guardian)
        assert host.stopped_until() == now + 37 * DAY + from_next


@pytest.mark.parametrize("from_end", [-1, 0, 1])
def test_only_a_running_stop_is_resumed(host, guardian, now, from_end):
    with boa.reverts("guardian: not stopped"):
        host.resume_entries(sender=guardian)
    host.stop_entries(sender=guardian)
    boa.env.timestamp = now + 7 * DAY + from_end
    if from_end < 0:
        host.resume_entries(sender=guardian)
        assert logged(host) == [entry(host, "EntriesResumed", resumed_by=guardian)]
        with boa.reverts("guardian: not stopped"):
            host.resume_entries(sender=guardian)
    else:
        with boa.reverts("guardian: not stopped"):
            host.resume_entries(sender=guardian)


def test_a_zero_or_unchanged_guardian_is_refused(host, timelock, guardian):
    with boa.reverts("guardian: zero guardian"):
        host.set_guardian(ZERO, sender=timelock)
    with boa.reverts("guardian: guardian is the same"):
        host.set_guardian(guardian, sender=timelock)
    assert host.guardian() == guardian
