"""Giveth, Gitcoin: "I paid and it is not recorded", because the record was a row a browser posted.

Here the record is the chain's: whoever has the ABI finds a gift by its donor and memo, and reads
from the log who gave what to whom, for every way to give.
"""

from __future__ import annotations

import pytest

from tests.contracts.logs import logged
from tests.contracts.protocol import MEMO


@pytest.mark.parametrize("kind", ["coin", "token", "cart in coin", "cart in token"])
def test_a_gift_is_read_from_its_logs_alone(world, kind):
    giving, donor, token = world.giving, world.donor, world.token
    if kind == "coin":
        giving.donate_native(1, MEMO, value=5, sender=donor)
    elif kind == "token":
        giving.donate_token(1, token, 5, MEMO, sender=donor)
    elif kind == "cart in coin":
        giving.donate_cart_native([1, 2], [5, 6], MEMO, value=11, sender=donor)
    else:
        giving.donate_cart_token(token, [1, 2], [5, 6], MEMO, sender=donor)
    found = [fields for _, name, fields in logged(giving) if name == "Donated"]
    assert [fields["amount"] for fields in found] == ([5, 6] if "cart" in kind else [5])
    for place, fields in enumerate(found):
        assert fields["donor"] == donor
        assert fields["memo"] == MEMO
        assert fields["payee"] == world.payees[place]
        assert fields["charity_id"] == place + 1


def test_a_gift_to_a_fund_is_read_from_its_log_alone(world):
    epoch = world.run_epoch(1, [(1, 1)])
    world.funds.donate_native(1, epoch, MEMO, value=5, sender=world.donor)
    ((_, name, fields),) = logged(world.funds)
    assert name == "FundDonated"
    assert (fields["donor"], fields["memo"]) == (world.donor, MEMO)
    assert (fields["fund_id"], fields["epoch"], fields["amount"]) == (1, epoch, 5)
