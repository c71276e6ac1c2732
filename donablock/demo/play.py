"""The demo's acts in their order."""

from __future__ import annotations

from collections.abc import Callable

from donablock.demo import acts, commission, fundraising, impact, market
from donablock.demo.world import World

Act = tuple[str, Callable[[World], None]]
"""A stage's name, and what happens in it."""

ACTS: tuple[Act, ...] = (
    ("Filling the wallets", acts.fill_wallets),
    ("Verifying the charities", acts.verify_charities),
    ("Opening the index funds", acts.open_funds),
    ("Giving coin and stablecoin", acts.give_coin_and_dollars),
    ("Changing a fund's weights", acts.change_weights),
    ("Handing out DOBO, issuing GIVE", acts.hand_out_dobo_and_give),
    ("Giving DOBO and GIVE", acts.give_dobo_and_give),
    ("Changing a charity's payee", acts.change_payee),
    ("Suspending and revoking", acts.suspend_and_revoke),
    ("A wallet that refuses coin", acts.refuse_coin),
    ("Claiming", acts.claim),
    ("Redeeming GIVE", acts.redeem),
    ("Backing three campaigns", fundraising.back),
    ("One succeeds, one is refunded", fundraising.decide),
    ("One goes by milestones", fundraising.go_by_milestones),
    ("A mill by stages", impact.build_the_mill),
    ("Repaid, and lent to a bakery", impact.repay_and_lend),
    ("A market for DOBO", market.open_market),
    ("A year of commission", commission.pay_and_divide),
    ("A lock ends", commission.end_a_lock),
    ("Four years of vesting and giving", acts.let_time_pass),
)
