# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Buying DOBO with commission
@license AGPL-3.0-only
@author DonaBlock
@notice Holds commission in stablecoins and the wrapped coin, and buys DOBO with
        it on a pair of the Uniswap V2 kind. What it buys goes to Commission and
        nowhere else.

        A purchase is within bounds, for each money:
          - an interval since the last one;
          - a rate: what may be spent grows by the second up to a month's part of
            the yearly amount;
          - a lot: at most the pair's fee times its reserve of the money, valued
            at the average price. With k the product of the reserves and p the
            average price, that reserve is sqrt(k * p): a sandwich moves k by its
            fees alone, and p not at all. At that size no sandwich pays its own
            two fees (docs/audit/buyback.md);
          - a floor: no less DOBO than the average price gives, less a slippage.

        The average price is that of the pair's own counter between two moments, 6
        to 48 hours apart. Anybody may `observe`; a new observation is taken only
        when the last one is 6 hours old, and the one before is kept, so that
        nobody can starve the window by observing.
@custom:exit Nobody's money is held here for them. What is not spent leaves by the
             timelock, and only to the reserve.
@custom:trust The timelock lists routes, sets bounds, and names operator and
              guardian. The operator buys within the bounds; operator and guardian
              may narrow them at once. The guardian stops purchases for 7 days,
              once in 30. After 14 days without a purchase anybody may buy, by the
              same bounds. A listed router is trusted with one purchase's money and
              no more.
"""

# ============================== INTERFACES ==================================

from ethereum.ercs import IERC20


interface IFactory:
    def getPair(token_a: address, token_b: address) -> address: view


interface IPair:
    def token0() -> address: view
    def getReserves() -> (uint112, uint112, uint32): view
    def price0CumulativeLast() -> uint256: view
    def price1CumulativeLast() -> uint256: view


interface IRouter:
    def factory() -> address: view
    def swapExactTokensForTokens(
        amount_in: uint256,
        amount_out_min: uint256,
        path: DynArray[address, 2],
        receiver: address,
        deadline: uint256,
    ) -> DynArray[uint256, 2]: nonpayable


interface IWrapped:
    def deposit(): payable


# ================================ MODULES ===================================

from contracts.modules import entry_stop
from contracts.modules import transfers

initializes: entry_stop

exports: (
    entry_stop.guardian,
    entry_stop.next_stop_at,
    entry_stop.stopped_until,
)

# ================================ EVENTS ====================================

event RouteListed:
    money: indexed(address)
    pair: indexed(address)
    router: indexed(address)
    fee: uint256
    min_reserve: uint256


event RouteUnlisted:
    money: indexed(address)


event BoundsChanged:
    money: indexed(address)
    changed_by: indexed(address)
    interval: uint256
    yearly: uint256
    largest_lot: uint256
    slippage: uint256


# `cumulative` is the pair's counter: price times seconds, scaled by 2**112.
event Observed:
    money: indexed(address)
    observer: indexed(address)
    cumulative: uint256


# `average_price` is the money's smallest units for each smallest unit of DOBO, scaled by 2**112;
# `least` what the purchase had to bring.
event Bought:
    money: indexed(address)
    buyer: indexed(address)
    spent: uint256
    bought: uint256
    least: uint256
    average_price: uint256


event OperatorChanged:
    operator: indexed(address)


event Withdrawn:
    asset: indexed(address)
    amount: uint256


event Forwarded:
    amount: uint256


# ================================ STRUCTS ===================================

# `fee` in basis points; `min_reserve` the least of the money, at the average price, that the pair
# must hold (smallest unit).
struct Route:
    pair: address
    router: address
    fee: uint256
    min_reserve: uint256
    is_dobo_first: bool


# `interval` in seconds; `yearly` and `largest_lot` in the money's smallest unit; `slippage` in basis
# points below what the average price gives.
struct Bounds:
    interval: uint256
    yearly: uint256
    largest_lot: uint256
    slippage: uint256


struct Observation:
    cumulative: uint256
    at: uint256


# =============================== CONSTANTS ==================================

# An average is over at least and at most so many seconds.
MIN_WINDOW: public(constant(uint256)) = 6 * 3_600
MAX_WINDOW: public(constant(uint256)) = 48 * 3_600
# After so many seconds without a purchase anybody may buy.
IDLE: public(constant(uint256)) = 14 * 86_400
MIN_INTERVAL: public(constant(uint256)) = 600
BASIS: public(constant(uint256)) = 10_000
# Most slippage, in basis points.
MAX_SLIPPAGE: public(constant(uint256)) = 500
# Highest fee of a pair, in basis points.
MAX_FEE: public(constant(uint256)) = 100

_YEAR: constant(uint256) = 365 * 86_400
# Keeps the growing amount within a word.
_MAX_YEARLY: constant(uint256) = 2**128 - 1
_BITS_32: constant(uint256) = 2**32 - 1


# =============================== IMMUTABLES =================================

DOBO: public(immutable(address))
COMMISSION: public(immutable(address))
RESERVE: public(immutable(address))
TIMELOCK: public(immutable(address))
# The chain's wrapped coin.
WRAPPED: public(immutable(address))


# ================================ STORAGE ===================================

# Who buys.
operator: public(address)
# money -> route; no pair, no route
routes: public(HashMap[address, Route])
bounds: public(HashMap[address, Bounds])
# money -> the last observation, and the one before
last_observation: public(HashMap[address, Observation])
earlier_observation: public(HashMap[address, Observation])
# money -> when it was last spent, or listed (unix time, s)
last_purchase_at: public(HashMap[address, uint256])
# money -> what could be spent at `_allowed_at`, and since when it grows
_allowed: HashMap[address, uint256]
_allowed_at: HashMap[address, uint256]


# ============================== CONSTRUCTOR =================================

@deploy
def __init__(
    dobo: address,
    commission: address,
    reserve: address,
    timelock: address,
    guardian: address,
    operator: address,
    wrapped: address,
):
    """
    @notice Fixes where money comes from and goes to.
    @dev Reverts with "buyback: zero dobo", "buyback: zero commission", "buyback: zero reserve",
         "buyback: zero timelock", "buyback: zero operator", "buyback: zero wrapped coin" or
         "guardian: zero guardian".
    @param dobo DOBO.
    @param commission Where what is bought goes.
    @param reserve Where unspent money goes.
    @param timelock The owner.
    @param guardian Who may stop purchases.
    @param operator Who buys.
    @param wrapped The chain's wrapped coin.
    """
    assert dobo != empty(address), "buyback: zero dobo"
    assert commission != empty(address), "buyback: zero commission"
    assert reserve != empty(address), "buyback: zero reserve"
    assert timelock != empty(address), "buyback: zero timelock"
    assert wrapped != empty(address), "buyback: zero wrapped coin"
    entry_stop.__init__(guardian)
    DOBO = dobo
    COMMISSION = commission
    RESERVE = reserve
    TIMELOCK = timelock
    WRAPPED = wrapped
    self._set_operator(operator)


# =============================== PURCHASES ==================================

@external
def buy(money: address, amount: uint256, deadline: uint256) -> uint256:
    """
    @notice The operator buys DOBO.
    @dev Reverts with "buyback: not the operator", or as `buy_idle` but for its
         first reason. Logs Bought.
    @param money What is spent.
    @param amount How much (smallest unit), no more than `purchase` says.
    @param deadline Last second in which the purchase may happen (unix time).
    @return How much DOBO went to Commission (smallest unit).
    """
    assert msg.sender == self.operator, "buyback: not the operator"
    return self._buy(money, amount, deadline)


@external
def buy_idle(money: address, deadline: uint256) -> uint256:
    """
    @notice After 14 days without a purchase anybody buys, as much as the bounds
            allow.
    @dev Reverts with "buyback: operator is not idle", "buyback: deadline is over",
         "buyback: purchases are stopped", "buyback: no route", "buyback: too soon",
         "buyback: nothing to spend", "buyback: more than the bounds allow",
         "buyback: no price, observe first", "buyback: pair is too thin", "buyback:
         price is too far from the average", "buyback: router kept an approval",
         "buyback: router took another amount", "buyback: bought too little", or
         what router and token say. Logs Bought.
    @param money What is spent.
    @param deadline Last second in which the purchase may happen (unix time).
    @return How much DOBO went to Commission (smallest unit).
    """
    assert (self.routes[money].pair != empty(address)), "buyback: no route"
    assert (
        block.timestamp >= self.last_purchase_at[money] + IDLE
    ), "buyback: operator is not idle"
    most: uint256 = 0
    least: uint256 = 0
    price: uint256 = 0
    most, least, price = self._purchase(money)
    return self._buy(money, most, deadline)


@external
def observe(money: address):
    """
    @notice Note the pair's price counter, from which later averages are made.
    @dev Reverts with "buyback: no route" or "buyback: observed too recently". Logs
         Observed.
    @param money Whose route.
    """
    route: Route = self.routes[money]
    assert route.pair != empty(address), "buyback: no route"
    last: Observation = self.last_observation[money]
    assert (
        block.timestamp >= last.at + MIN_WINDOW
    ), "buyback: observed too recently"
    self._observe(money, route)


@external
@payable
def __default__():
    """
    @notice Take the chain's coin; `wrap` makes it money.
    @dev Reverts with "buyback: unknown function" when called with data.
    """
    assert len(msg.data) == 0, "buyback: unknown function"


@external
def wrap() -> uint256:
    """
    @notice Wrap all of the chain's coin that is here.
    @dev Reverts with "buyback: nothing to wrap".
    @return How much (wei).
    """
    amount: uint256 = self.balance
    assert amount != 0, "buyback: nothing to wrap"
    extcall IWrapped(WRAPPED).deposit(value=amount)
    return amount


@external
def forward_dobo() -> uint256:
    """
    @notice Send DOBO that came here to Commission.
    @dev Reverts with "buyback: nothing to forward". Logs Forwarded.
    @return How much (smallest unit).
    """
    amount: uint256 = transfers._balance(DOBO, self)
    assert amount != 0, "buyback: nothing to forward"
    log Forwarded(amount=amount)
    transfers._push(DOBO, COMMISSION, amount)
    return amount


# ========================= NARROWING AND STOPPING ===========================

@external
def narrow_bounds(money: address, bounds: Bounds):
    """
    @notice Operator, guardian or timelock make the bounds narrower, at once: a
            longer interval, less a year, a smaller lot, less slippage, or the same.
    @dev Reverts with "buyback: may not narrow", "buyback: no route" or "buyback:
         wider than it is". Logs BoundsChanged.
    @param money Whose bounds.
    @param bounds The new ones.
    """
    assert msg.sender in [
        self.operator, entry_stop.guardian, TIMELOCK
    ], "buyback: may not narrow"
    assert (self.routes[money].pair != empty(address)), "buyback: no route"
    old: Bounds = self.bounds[money]
    assert (
        bounds.interval >= old.interval
        and bounds.yearly <= old.yearly
        and bounds.largest_lot <= old.largest_lot
        and bounds.slippage <= old.slippage
    ), "buyback: wider than it is"
    self._set_bounds(money, bounds)


@external
def stop_entries():
    """
    @notice The guardian stops purchases for 7 days; not again for 30 days.
    @dev Reverts with "guardian: not the guardian" or "guardian: stopped too
         recently". Logs EntriesStopped.
    """
    entry_stop._stop()


@external
def resume_entries():
    """
    @notice The guardian ends a stop early.
    @dev Reverts with "guardian: not the guardian" or "guardian: not stopped". Logs
         EntriesResumed.
    """
    entry_stop._resume()


# =============================== TIMELOCK ===================================

@external
def list_route(
    money: address,
    router: address,
    fee: uint256,
    min_reserve: uint256,
    bounds: Bounds,
):
    """
    @notice Let a money be spent, on the pair of it and DOBO that the router's
            factory knows. The first observation is made at once; the first
            purchase can come a window later.
    @dev Reverts with "buyback: not the timelock", "buyback: DOBO is not spent",
         "buyback: already listed", "buyback: fee is 1 to 100 basis points",
         "buyback: no pair", "buyback: pair is empty", "buyback: minimum reserve is
         zero", "buyback: interval is 10 minutes to a year", "buyback: yearly amount too large" or "buyback: slippage above
         5 %". Logs RouteListed, BoundsChanged and Observed.
    @param money The token that is spent.
    @param router The router.
    @param fee What the pair takes, in basis points.
    @param min_reserve The least of the money that the pair must hold, at the
           average price (smallest unit).
    @param bounds See the struct.
    """
    self._check_timelock()
    assert money != DOBO, "buyback: DOBO is not spent"
    assert (
        self.routes[money].pair == empty(address)
    ), "buyback: already listed"
    assert (
        fee != 0 and fee <= MAX_FEE
    ), "buyback: fee is 1 to 100 basis points"
    assert min_reserve != 0, "buyback: minimum reserve is zero"
    pair: address = staticcall IFactory(
        staticcall IRouter(router).factory()
    ).getPair(money, DOBO)
    assert pair != empty(address), "buyback: no pair"
    route: Route = Route(
        pair=pair,
        router=router,
        fee=fee,
        min_reserve=min_reserve,
        is_dobo_first=staticcall IPair(pair).token0() == DOBO,
    )
    self.routes[money] = route
    self.last_purchase_at[money] = block.timestamp
    self._allowed[money] = 0
    self._allowed_at[money] = block.timestamp
    self.bounds[money] = empty(Bounds)
    # what an earlier listing saw is another pair's
    self.last_observation[money] = empty(Observation)
    log RouteListed(
        money=money,
        pair=pair,
        router=router,
        fee=fee,
        min_reserve=min_reserve,
    )
    self._set_bounds(money, bounds)
    self._observe(money, route)


@external
def unlist_route(money: address):
    """
    @notice Let a money be spent no more.
    @dev Reverts with "buyback: not the timelock" or "buyback: no route". Logs
         RouteUnlisted.
    @param money The token.
    """
    self._check_timelock()
    assert (self.routes[money].pair != empty(address)), "buyback: no route"
    self.routes[money] = empty(Route)
    log RouteUnlisted(money=money)


@external
def set_bounds(money: address, bounds: Bounds):
    """
    @notice Set the bounds of a money, wider too.
    @dev Reverts with "buyback: not the timelock", "buyback: no route", "buyback:
         interval below 10 minutes" or "buyback: slippage above 5 %". Logs
         BoundsChanged.
    @param money Whose bounds.
    @param bounds The new ones.
    """
    self._check_timelock()
    assert (self.routes[money].pair != empty(address)), "buyback: no route"
    self._set_bounds(money, bounds)


@external
def set_operator(operator: address):
    """
    @notice Name another operator.
    @dev Reverts with "buyback: not the timelock" or "buyback: zero operator". Logs
         OperatorChanged.
    @param operator Who buys from now on.
    """
    self._check_timelock()
    self._set_operator(operator)


@external
def set_guardian(guardian: address):
    """
    @notice Name another guardian.
    @dev Reverts with "buyback: not the timelock", "guardian: zero guardian" or
         "guardian: guardian is the same". Logs GuardianChanged.
    @param guardian Who may stop purchases from now on.
    """
    self._check_timelock()
    entry_stop._set_guardian(guardian)


@external
def withdraw(asset: address, amount: uint256):
    """
    @notice Send unspent money to the reserve.
    @dev Reverts with "buyback: not the timelock", "buyback: DOBO goes to
         Commission", "transfers: token refused", "transfers: receiver refused" or
         what the token says. Logs Withdrawn.
    @param asset The token; the zero address for the native coin.
    @param amount How much (smallest unit).
    """
    self._check_timelock()
    assert asset != DOBO, "buyback: DOBO goes to Commission"
    log Withdrawn(asset=asset, amount=amount)
    transfers._push(asset, RESERVE, amount)


# ================================= VIEWS ====================================

@external
@view
def purchase(money: address) -> (uint256, uint256, uint256):
    """
    @notice What a purchase could be now, if the interval is over.
    @dev Reverts with "buyback: no route", "buyback: no price, observe first" or
         "buyback: pair is too thin".
    @param money What is spent.
    @return The most that may be spent (smallest unit, 0 if there is nothing), the
            least DOBO it must bring (smallest unit), and the average price (the
            money's smallest units for each smallest unit of DOBO, times 2**112).
    """
    return self._purchase(money)


@external
@view
def next_purchase_at(money: address) -> uint256:
    """
    @notice From when the operator may buy again, as far as the interval goes
            (unix time, s).
    @param money What is spent.
    """
    return self.last_purchase_at[money] + self.bounds[money].interval


# =============================== INTERNALS ==================================

@internal
def _buy(money: address, amount: uint256, deadline: uint256) -> uint256:
    assert block.timestamp <= deadline, "buyback: deadline is over"
    assert (
        block.timestamp >= entry_stop.stopped_until
    ), "buyback: purchases are stopped"
    route: Route = self.routes[money]
    assert route.pair != empty(address), "buyback: no route"
    assert (
        block.timestamp
        >= self.last_purchase_at[money] + self.bounds[money].interval
    ), "buyback: too soon"
    assert amount != 0, "buyback: nothing to spend"
    most: uint256 = 0
    least: uint256 = 0
    price: uint256 = 0
    most, least, price = self._purchase(money)
    assert amount <= most, "buyback: more than the bounds allow"
    least = self._floor(money, route, amount, price)
    assert (
        self._spot_out(route, amount) >= least
    ), "buyback: price is too far from the average"

    self._allowed[money] = self._may_spend(money) - amount
    self._allowed_at[money] = block.timestamp
    self.last_purchase_at[money] = block.timestamp
    bought: uint256 = self._swap(route, money, amount, least, deadline)
    log Bought(
        money=money,
        buyer=msg.sender,
        spent=amount,
        bought=bought,
        least=least,
        average_price=price,
    )
    return bought


@internal
def _swap(
    route: Route,
    money: address,
    amount: uint256,
    least: uint256,
    deadline: uint256,
) -> uint256:
    """
    @dev What the router says is not asked: balances and allowance are read before and after.
    """
    held: uint256 = transfers._balance(money, self)
    had: uint256 = transfers._balance(DOBO, COMMISSION)
    assert extcall IERC20(money).approve(
        route.router, amount, default_return_value=True
    ), "transfers: token refused"
    extcall IRouter(route.router).swapExactTokensForTokens(
        amount, least, [money, DOBO], COMMISSION, deadline
    )
    assert (
        staticcall IERC20(money).allowance(self, route.router) == 0
    ), "buyback: router kept an approval"
    assert (
        transfers._balance(money, self) == held - amount
    ), "buyback: router took another amount"
    bought: uint256 = transfers._balance(DOBO, COMMISSION) - had
    assert bought >= least, "buyback: bought too little"
    return bought


@internal
@view
def _purchase(money: address) -> (uint256, uint256, uint256):
    """
    @dev The most that may be spent, what that must bring, and the average price.
    """
    route: Route = self.routes[money]
    assert route.pair != empty(address), "buyback: no route"
    price: uint256 = self._average_price(money, route)
    money_reserve: uint256 = 0
    dobo_reserve: uint256 = 0
    money_reserve, dobo_reserve = self._average_reserves(route, price)
    assert (money_reserve >= route.min_reserve), "buyback: pair is too thin"
    most: uint256 = min(
        min(money_reserve * route.fee // BASIS, self.bounds[money].largest_lot),
        min(self._may_spend(money), transfers._balance(money, self)),
    )
    return most, self._floor(money, route, most, price), price


@internal
@view
def _may_spend(money: address) -> uint256:
    """
    @dev Grows by the second, up to a month's part of the yearly amount.
    """
    yearly: uint256 = self.bounds[money].yearly
    return min(
        self._allowed[money]
        + yearly * (block.timestamp - self._allowed_at[money]) // _YEAR,
        yearly // 12,
    )


@internal
@view
def _floor(
    money: address, route: Route, amount: uint256, price: uint256
) -> uint256:
    """
    @dev What the amount brings in a pair of the same depth that stands at the average price, less
         the slippage.
    """
    money_reserve: uint256 = 0
    dobo_reserve: uint256 = 0
    money_reserve, dobo_reserve = self._average_reserves(route, price)
    return (
        self._out(route, amount, money_reserve, dobo_reserve)
        * (BASIS - self.bounds[money].slippage) // BASIS
    )


@internal
@view
def _spot_out(route: Route, amount: uint256) -> uint256:
    """
    @dev What the amount brings in the pair as it stands.
    """
    money_reserve: uint256 = 0
    dobo_reserve: uint256 = 0
    counted_at: uint256 = 0
    money_reserve, dobo_reserve, counted_at = self._reserves(route)
    return self._out(route, amount, money_reserve, dobo_reserve)


@internal
@pure
def _out(
    route: Route,
    amount: uint256,
    money_reserve: uint256,
    dobo_reserve: uint256,
) -> uint256:
    """
    @dev The constant product, the fee taken off what goes in, rounded down.
    """
    after_fee: uint256 = amount * (BASIS - route.fee)
    return (after_fee * dobo_reserve // (money_reserve * BASIS + after_fee))


@internal
@view
def _reserves(route: Route) -> (uint256, uint256, uint256):
    """
    @dev The pair's reserves of money and DOBO, and when it last counted (its clock has 32 bits).
    """
    reserve0: uint112 = 0
    reserve1: uint112 = 0
    counted_at: uint32 = 0
    reserve0, reserve1, counted_at = staticcall IPair(route.pair).getReserves()
    at: uint256 = convert(counted_at, uint256)
    if route.is_dobo_first:
        return convert(reserve1, uint256), convert(reserve0, uint256), at
    return convert(reserve0, uint256), convert(reserve1, uint256), at


@internal
@view
def _average_reserves(route: Route, price: uint256) -> (uint256, uint256):
    """
    @dev What the pair would hold of money and DOBO at a price: sqrt(k * p) and sqrt(k / p). The
         price has 112 bits behind its point, its root 56.
    """
    money_reserve: uint256 = 0
    dobo_reserve: uint256 = 0
    counted_at: uint256 = 0
    money_reserve, dobo_reserve, counted_at = self._reserves(route)
    depth: uint256 = isqrt(money_reserve * dobo_reserve)
    root: uint256 = isqrt(price)
    assert root != 0, "buyback: no price, observe first"
    return (depth * root) >> 56, (depth << 56) // root


@internal
@view
def _cumulative(route: Route) -> uint256:
    """
    @dev The pair's counter of DOBO's price, brought forward to now as the pair would do it. It is
         meant to wrap around; so is the pair's clock.
    """
    money_reserve: uint256 = 0
    dobo_reserve: uint256 = 0
    counted_at: uint256 = 0
    money_reserve, dobo_reserve, counted_at = self._reserves(route)
    assert (money_reserve != 0 and dobo_reserve != 0), "buyback: pair is empty"
    counted: uint256 = 0
    if route.is_dobo_first:
        counted = staticcall IPair(route.pair).price0CumulativeLast()
    else:
        counted = staticcall IPair(route.pair).price1CumulativeLast()
    elapsed: uint256 = unsafe_sub(block.timestamp, counted_at) & _BITS_32
    return unsafe_add(
        counted, unsafe_mul((money_reserve << 112) // dobo_reserve, elapsed)
    )


@internal
@view
def _average_price(money: address, route: Route) -> uint256:
    """
    @dev Since the later of the two observations that is old enough.
    """
    since: Observation = self.last_observation[money]
    if block.timestamp < since.at + MIN_WINDOW:
        since = self.earlier_observation[money]
    assert (
        since.at != 0 and block.timestamp <= since.at + MAX_WINDOW
    ), "buyback: no price, observe first"
    return unsafe_sub(self._cumulative(route), since.cumulative) // (
        block.timestamp - since.at
    )


@internal
def _observe(money: address, route: Route):
    cumulative: uint256 = self._cumulative(route)
    self.earlier_observation[money] = self.last_observation[money]
    self.last_observation[money] = Observation(
        cumulative=cumulative, at=block.timestamp
    )
    log Observed(money=money, observer=msg.sender, cumulative=cumulative)


@internal
def _set_bounds(money: address, bounds: Bounds):
    assert (
        bounds.interval >= MIN_INTERVAL and bounds.interval <= _YEAR
    ), "buyback: interval is 10 minutes to a year"
    assert bounds.slippage <= MAX_SLIPPAGE, "buyback: slippage above 5 %"
    assert bounds.yearly <= _MAX_YEARLY, "buyback: yearly amount too large"
    # what could be spent until now was earned at the old rate
    self._allowed[money] = self._may_spend(money)
    self._allowed_at[money] = block.timestamp
    self.bounds[money] = bounds
    log BoundsChanged(
        money=money,
        changed_by=msg.sender,
        interval=bounds.interval,
        yearly=bounds.yearly,
        largest_lot=bounds.largest_lot,
        slippage=bounds.slippage,
    )


@internal
def _set_operator(operator: address):
    assert operator != empty(address), "buyback: zero operator"
    self.operator = operator
    log OperatorChanged(operator=operator)


@internal
@view
def _check_timelock():
    assert msg.sender == TIMELOCK, "buyback: not the timelock"
