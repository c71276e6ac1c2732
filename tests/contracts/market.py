"""A buyback beside a real Uniswap V2 pair of DOBO and a dollar, as the tests of it need it."""

from __future__ import annotations

import boa

from tests.contracts import deployers, roles
from tests.contracts.uniswap import Uniswap

HOUR, DAY = 3_600, 86_400
WINDOW = 6 * HOUR
DOBO, USD = 10**18, 10**6
# basis points
FEE = 30
# 1 DOBO = 0.01 USD
USD_RESERVE, DOBO_RESERVE = 1_000_000 * USD, 100_000_000 * DOBO
MIN_RESERVE = 500_000 * USD
# interval, yearly, largest lot, slippage
BOUNDS = (HOUR, 1_200_000 * USD, 2_000 * USD, 100)
FAR = 2**64


class Market:
    """The exchange, the pair, and the buyback with a million dollars and one route."""

    def __init__(self, timelock, guardian, reserve):
        self.uniswap = Uniswap()
        self.rich = roles.address("rich")
        self.operator = roles.address("operator")
        self.commission = roles.address("commission")
        self.timelock, self.guardian, self.reserve = timelock, guardian, reserve
        self.dobo = deployers.DONA_BLOCK.deploy(self.rich)
        self.usd = deployers.PLAIN_TOKEN.deploy("Stable Dollar", "USDX", 6)
        self.usd.mint(self.rich, 10**9 * USD)
        self.pair = self.add(self.usd, USD_RESERVE)
        self.buyback = self.deploy()
        self.usd.mint(self.buyback, 10**6 * USD)
        self.list_route()

    def add(self, money, amount, dobo=DOBO_RESERVE):
        return self.uniswap.add(money, amount, self.dobo, dobo, self.rich)

    def deploy(self, **changed):
        given = {
            "dobo": self.dobo,
            "commission": self.commission,
            "reserve": self.reserve,
            "timelock": self.timelock,
            "guardian": self.guardian,
            "operator": self.operator,
            "wrapped coin": self.uniswap.wrapped,
        } | changed
        return deployers.BUYBACK.deploy(*given.values())

    def list_route(self, **changed):
        given = {
            "money": self.usd,
            "router": self.uniswap.router,
            "fee": FEE,
            "min_reserve": MIN_RESERVE,
            "bounds": BOUNDS,
            "sender": self.timelock,
        } | changed
        sender = given.pop("sender")
        self.buyback.list_route(*given.values(), sender=sender)

    def ready(self):
        """A window later, with a month's part of the year saved up."""
        boa.env.timestamp += WINDOW
        self.buyback.observe(self.usd)
        boa.env.timestamp += 31 * DAY
        self.buyback.observe(self.usd)
        boa.env.timestamp += WINDOW
        return self

    def buy(self, amount=100 * USD, deadline=FAR, sender=None):
        return self.buyback.buy(self.usd, amount, deadline, sender=sender or self.operator)
