"""Direct gifts: to one charity, or to a cart of them, in the chain's coin or a listed token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.types import TxReceipt

from donablock.chain.amounts import Asset, Assets, Money, to_units
from donablock.chain.assets import known_assets, parse, token
from donablock.chain.eip681 import link_to
from donablock.chain.logs import Event
from donablock.chain.paying import Allowance, Cost, plan_allowance, try_call
from donablock.chain.permit import Permit
from donablock.chain.scan import LOOKUP_BLOCKS, logged
from donablock.chain.session import Session, ask
from donablock.chain.times import date_text
from donablock.errors import InputError
from donablock.giving.charities import Charities, Charity, Status, charity_id_of

__all__ = ["Donations", "Gift", "GiftPlan", "GiftResult", "Part", "Recipient"]


@dataclass(frozen=True)
class Part:
    """What one charity gets, in the asset's smallest unit."""

    charity_id: int
    amount: int


@dataclass(frozen=True)
class Gift:
    """What a donor wants to give. The tip (smallest unit) comes on top of the parts."""

    asset: Asset
    parts: tuple[Part, ...]
    memo: bytes
    tip: int = 0
    receipt: bool = False

    @property
    def total(self) -> int:
        """All that leaves the donor, fees apart (smallest unit)."""
        return sum(part.amount for part in self.parts) + self.tip


@dataclass(frozen=True)
class Recipient:
    """Who gets a part: what a donor looks at before giving."""

    charity: Charity
    name: str | None
    uri: str
    amount: int


@dataclass(frozen=True)
class GiftPlan:
    """A gift that was tried on the node and would work. Nothing has been signed or sent."""

    gift: Gift
    recipients: tuple[Recipient, ...]
    operations: str
    allowance: Allowance
    cost: Cost


@dataclass(frozen=True)
class GiftResult:
    """What became of a gift, by the logs of its transaction."""

    receipt: TxReceipt
    donated: tuple[Event, ...]
    failed: tuple[Event, ...]
    tip: Event | None
    receipt_ids: tuple[int, ...]

    @property
    def transaction(self) -> str:
        return "0x" + bytes(self.receipt["transactionHash"]).hex()


class Donations:
    """Gifts through a session. `from_block` is where the contracts' logs begin."""

    def __init__(self, session: Session, from_block: int = 0) -> None:
        self._session = session
        self._from_block = from_block
        self._charities = Charities(session)

    @property
    def _giving(self) -> Contract:
        return self._session.contract("Giving")

    def assets(self) -> Assets:
        """What can be given: the coin and the listed tokens."""
        return known_assets(self._session, "Giving")

    def read_parts(self, texts: Sequence[str], assets: Assets) -> tuple[Asset, tuple[Part, ...]]:
        """A cart as written, ["12=5 USDC", "40=3 USDC"]: one asset, every charity once.

        Raises InputError or AmountError.
        """
        found: list[Part] = []
        asset: Asset | None = None
        for text in texts:
            charity, equals, amount = text.partition("=")
            if not equals:
                raise InputError(f'{text!r} is no part of a gift; write it like "12=5 USDC"')
            money = parse(amount, assets)
            if asset is not None and money.asset != asset:
                raise InputError(
                    f"one transaction gives one asset, not {asset.symbol} and "
                    f"{money.asset.symbol}: give twice"
                )
            asset = money.asset
            found.append(Part(charity_id_of(charity.strip()), money.amount))
        if asset is None:
            raise InputError('nobody to give to; write --to "12=5 USDC"')
        return asset, tuple(found)

    def read_tip(self, text: str, asset: Asset, total: int, assets: Assets) -> int:
        """A tip as written, "0.5 USDC", or as a share of the gift's total, "5%", rounded down.

        Raises InputError or AmountError.
        """
        plain = text.strip()
        if plain.endswith("%"):
            hundredths = to_units(plain[:-1], 2)
            if hundredths > 100_00:
                raise InputError(f"a tip of {plain} is more than the gift; write an amount")
            return total * hundredths // 100_00
        money = parse(plain, assets)
        if money.asset != asset:
            raise InputError(f"the gift is in {asset.symbol}; write the tip in {asset.symbol} too")
        return money.amount

    def plan(self, gift: Gift) -> GiftPlan:
        """Look up who gets the money and try the gift on the node; sends nothing.

        Raises InputError for a charity that takes no gifts or a cart that is not one, FundsError,
        or RevertError with the contract's reason.
        """
        self._check(gift)
        recipients = tuple(self.recipient(part) for part in gift.parts)
        for recipient in recipients:
            if recipient.charity.payee.lower() == self._session.address.lower():
                raise InputError(
                    f"you are the payee of charity {recipient.charity.id}; give elsewhere"
                )
        money = Money(gift.asset, gift.total)
        allowance = plan_allowance(self._session, money, self._giving.address)
        call, value = self._call(gift, None)
        cost = try_call(self._session, call, value, allowance)
        operations = str(ask(self._giving.functions.operations().call))
        return GiftPlan(gift, recipients, operations, allowance, cost)

    def recipient(self, part: Part) -> Recipient:
        """Who a part goes to. Raises InputError for a charity that takes no gifts now."""
        charity = self._charities.get(part.charity_id)
        if charity.status is Status.SUSPENDED:
            until = date_text(charity.suspended_until)
            raise InputError(
                f"charity {charity.id} is suspended until {until} and takes no gifts before"
            )
        if charity.status is not Status.VERIFIED:
            raise InputError(
                f"charity {charity.id} is {charity.status.word} and takes no gifts; "
                "see `ape run charity list`"
            )
        uri = ""
        # On a long chain thousands of requests for a name would be too many.
        if self._session.w3.eth.block_number - self._from_block <= LOOKUP_BLOCKS:
            uri = self._charities.uri(charity.id, self._from_block)
        return Recipient(charity, self._charities.name(charity, uri), uri, part.amount)

    def give(self, plan: GiftPlan) -> GiftResult:
        """Send a planned gift, with its permit or approvals, and wait for it."""
        permit = plan.allowance.grant(self._session)
        call, value = self._call(plan.gift, permit)
        return self.result(self._session.send(call, value))

    def result(self, receipt: TxReceipt) -> GiftResult:
        """What a transaction gave, by its logs."""
        events = logged(
            self._session, receipt, "Giving", "Donated", "PartFailed", "Tipped", "TipFailed"
        )
        minted = logged(self._session, receipt, "ReceiptBook", "ReceiptMinted")
        tips = [event for event in events if event.name in ("Tipped", "TipFailed")]
        return GiftResult(
            receipt,
            tuple(event for event in events if event.name == "Donated"),
            tuple(event for event in events if event.name == "PartFailed"),
            tips[0] if tips else None,
            tuple(int(event["token_id"]) for event in minted),
        )

    def links(self, gift: Gift) -> list[str]:
        """What a phone wallet has to open, in this order: for a token first the approval.

        Raises InputError for a cart, which no link can hold.
        """
        self._check(gift)
        if len(gift.parts) != 1:
            raise InputError("a link holds one charity; give to one at a time, or without --qr")
        self.recipient(gift.parts[0])
        giving, chain_id = self._giving, self._session.chain_id
        part = gift.parts[0]
        tail = [gift.memo, gift.tip, gift.receipt]
        if gift.asset.is_native:
            arguments = [part.charity_id, *tail]
            return [
                link_to(
                    giving.address, chain_id, giving.abi, "donate_native", arguments, gift.total
                )
            ]
        contract = token(self._session, gift.asset.address)
        return [
            link_to(
                contract.address,
                chain_id,
                contract.abi,
                "approve",
                [giving.address, gift.total],
            ),
            link_to(
                giving.address,
                chain_id,
                giving.abi,
                "donate_token",
                [part.charity_id, gift.asset.address, part.amount, *tail],
            ),
        ]

    def _call(self, gift: Gift, permit: Permit | None) -> tuple[ContractFunction, int]:
        functions = self._giving.functions
        tail = (gift.memo, gift.tip, gift.receipt)
        signature = permit.signature if permit is not None else ()
        suffix = "_with_permit" if permit is not None else ""
        value = gift.total if gift.asset.is_native else 0
        if len(gift.parts) == 1:
            part = gift.parts[0]
            if gift.asset.is_native:
                return functions.donate_native(part.charity_id, *tail), value
            name = "donate_token" + suffix
            arguments = (part.charity_id, gift.asset.address, part.amount, *tail, *signature)
            return functions[name](*arguments), value
        ids = [part.charity_id for part in gift.parts]
        amounts = [part.amount for part in gift.parts]
        if gift.asset.is_native:
            return functions.donate_cart_native(ids, amounts, *tail), value
        name = "donate_cart_token" + suffix
        return functions[name](gift.asset.address, ids, amounts, *tail, *signature), value

    def _check(self, gift: Gift) -> None:
        ids = [part.charity_id for part in gift.parts]
        if not ids:
            raise InputError("nobody to give to; name at least one charity")
        most = int(ask(self._giving.functions.MAX_CART().call))
        if len(ids) > most:
            raise InputError(f"a cart holds {most} charities, not {len(ids)}; give in two carts")
        twice = sorted({charity_id for charity_id in ids if ids.count(charity_id) > 1})
        if twice:
            raise InputError(f"charity {twice[0]} is named twice; add its amounts up")
        if any(part.amount <= 0 for part in gift.parts):
            raise InputError("every charity must get something; leave out those that get nothing")
        if gift.tip < 0:
            raise InputError("a tip cannot be less than nothing")
