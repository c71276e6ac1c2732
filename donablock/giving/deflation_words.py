"""What the timelock's calls to commission and buyback would change, in words, by what the chain
says now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from donablock.chain.amounts import NATIVE, Asset, Money
from donablock.chain.assets import asset_at
from donablock.chain.session import Session, ask
from donablock.chain.times import span_text
from donablock.errors import AmountError, ChainError

__all__ = ["tellers"]

_ROUTER: list[dict[str, Any]] = [
    {
        "type": "function",
        "name": "factory",
        "stateMutability": "view",
        "inputs": [],
        "outputs": [{"name": "", "type": "address"}],
    }
]
_FACTORY: list[dict[str, Any]] = [
    {
        "type": "function",
        "name": "getPair",
        "stateMutability": "view",
        "inputs": [{"name": "", "type": "address"}, {"name": "", "type": "address"}],
        "outputs": [{"name": "", "type": "address"}],
    }
]

Teller = Callable[[Mapping[str, Any]], Iterable[str]]


def tellers(session: Session) -> dict[str, Teller]:
    """title of a call -> lines about its arguments. Amounts in the arguments are units."""
    words = _Words(session)
    return {
        "Commission.propose_shares": words.proposed_shares,
        "Buyback.list_route": words.listed_route,
        "Buyback.unlist_route": words.unlisted_route,
        "Buyback.set_bounds": words.bounds,
        "Buyback.withdraw": words.withdrawn,
    }


class _Words:
    def __init__(self, session: Session) -> None:
        self._session = session

    def proposed_shares(self, values: Mapping[str, Any]) -> Iterable[str]:
        functions = self._session.contract("Commission").functions
        old = _shares(ask(functions.shares().call))
        new = _shares(values["shares"])
        for to in [*old, *(to for to in new if to not in old)]:
            yield _change(to, old.get(to), new.get(to))
        if sum(new.values()) != 10_000:
            yield f"the shares add up to {_percent(sum(new.values()))}: this call would fail"
        delay = int(ask(functions.SHARE_DELAY().call))
        yield f"anybody may apply them {span_text(delay)} after this call"
        if int(ask(functions.proposal_ready_at().call)):
            yield "the proposal that is waiting is replaced"

    def listed_route(self, values: Mapping[str, Any]) -> Iterable[str]:
        money = self._money(values["money"])
        if isinstance(money, str):
            return [money]
        lines = [f"{money.symbol} ({money.decimals} decimals): {self._route_text(values['money'])}"]
        if self._pair_of(values["money"]) != NATIVE:
            lines.append("it is listed already: this call would fail")
        pair = self._found_pair(values["money"], values["router"])
        if pair == NATIVE:
            lines.append(
                "this router knows no pair of it and DOBO: this call would fail until there is one"
            )
        else:
            lines.append(f"pair {pair}, fee {_percent(values['fee'])}")
        lines.append(
            f"no purchase while the pair holds less than {Money(money, values['min_reserve'])}"
        )
        return [*lines, *_bounds(money, None, values["bounds"])]

    def unlisted_route(self, values: Mapping[str, Any]) -> Iterable[str]:
        money = self._money(values["money"])
        if isinstance(money, str):
            return [money]
        text = self._route_text(values["money"])
        if self._pair_of(values["money"]) == NATIVE:
            return [f"{money.symbol}: {text}: this call would fail"]
        return [f"{money.symbol}: {text} -> spent no more"]

    def bounds(self, values: Mapping[str, Any]) -> Iterable[str]:
        money = self._money(values["money"])
        if isinstance(money, str):
            return [money]
        if self._pair_of(values["money"]) == NATIVE:
            return [f"{money.symbol}: {self._route_text(values['money'])}: this call would fail"]
        functions = self._session.contract("Buyback").functions
        return _bounds(money, ask(functions.bounds(values["money"]).call), values["bounds"])

    def withdrawn(self, values: Mapping[str, Any]) -> Iterable[str]:
        asset = self._money(values["asset"])
        if isinstance(asset, str):
            return [asset]
        return [f"{Money(asset, values['amount'])} from the buyback to the reserve"]

    def _money(self, address: str) -> Asset | str:
        try:
            return asset_at(self._session, address)
        except AmountError as error:
            return f"{error}: this call would fail"

    def _pair_of(self, money: str) -> str:
        route = ask(self._session.contract("Buyback").functions.routes(money).call)
        return str(route[0])

    def _route_text(self, money: str) -> str:
        pair = self._pair_of(money)
        return "not spent now" if pair == NATIVE else f"spent now, on the pair {pair}"

    def _found_pair(self, money: str, router: str) -> str:
        """As the contract will look for it; the zero address where that leads nowhere."""
        session = self._session
        dobo = session.addresses["DonaBlock"]
        try:
            factory = ask(session.at_abi(router, _ROUTER).functions.factory().call)
            return str(ask(session.at_abi(factory, _FACTORY).functions.getPair(money, dobo).call))
        except ChainError:
            return NATIVE


def _shares(shares: Any) -> dict[str, int]:
    """To whom -> basis points, of the contract's struct."""
    burn, dividends, receivers = shares.values() if isinstance(shares, Mapping) else shares
    found = {"burnt": int(burn), "dividends": int(dividends)}
    for receiver in receivers:
        account, share = receiver.values() if isinstance(receiver, Mapping) else receiver
        found[str(account)] = int(share)
    return found


def _bounds(money: Asset, old: Any, new: Any) -> list[str]:
    after = _bound_texts(money, new)
    before = dict.fromkeys(after) if old is None else _bound_texts(money, old)
    return [
        f"{name}: {text}" if before[name] is None else f"{name}: {before[name]} -> {text}"
        for name, text in after.items()
    ]


def _bound_texts(money: Asset, bounds: Any) -> dict[str, str]:
    interval, yearly, lot, slippage = bounds.values() if isinstance(bounds, Mapping) else bounds
    return {
        "interval": span_text(interval),
        "a year": str(Money(money, yearly)),
        "largest lot": str(Money(money, lot)),
        "slippage": _percent(slippage),
    }


def _change(to: str, was: int | None, becomes: int | None) -> str:
    if was is None:
        return f"+ {to}: {_percent(becomes or 0)}"
    if becomes is None:
        return f"- {to}: had {_percent(was)}"
    sign = "=" if was == becomes else "~"
    return f"{sign} {to}: {_percent(was)} -> {_percent(becomes)}"


def _percent(points: int) -> str:
    return f"{points // 100}.{points % 100:02} %"
