"""What charities have earned in the index funds, and claiming it. The chain alone is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from web3.contract import Contract
from web3.types import TxReceipt

from donablock.chain.amounts import Money
from donablock.chain.assets import address_of, known_assets
from donablock.chain.logs import Event
from donablock.chain.scan import logged, scan
from donablock.chain.session import Session, ask
from donablock.errors import InputError
from donablock.giving.charities import Charities

__all__ = ["Claim", "ClaimResult", "Claims", "unpack_members"]

# how IndexFunds packs members: eight to a word, 18 bits of number, 14 of weight
_PER_WORD = 8
_MEMBER_BITS = 32
_CHARITY_BITS = 18


@dataclass(frozen=True)
class Claim:
    """What a charity can claim now of one epoch of one fund in one asset."""

    charity_id: int
    fund_id: int
    epoch: int
    member: int
    money: Money

    @property
    def reference(self) -> tuple[int, int, int, str]:
        """How the contract names it: fund, epoch, member, asset."""
        return (self.fund_id, self.epoch, self.member, self.money.asset.address)


@dataclass(frozen=True)
class ClaimResult:
    """One transaction. A payment that failed stays owed."""

    receipt: TxReceipt
    paid: tuple[Event, ...]
    failed: tuple[Event, ...]

    @property
    def transaction(self) -> str:
        return "0x" + bytes(self.receipt["transactionHash"]).hex()


class Claims:
    """Claims through a session. `from_block` is where the contracts' logs begin."""

    def __init__(self, session: Session, from_block: int = 0) -> None:
        self._session = session
        self._from_block = from_block

    @property
    def _funds(self) -> Contract:
        return self._session.contract("IndexFunds")

    def payee(self, charity_id: int) -> str:
        """Whom a claim pays now. Raises InputError for an unknown charity."""
        return Charities(self._session).get(charity_id).payee

    def find(self, charity_id: int, fund_ids: Sequence[int] = ()) -> list[Claim]:
        """All that a charity can claim, over funds, epochs and assets, also revoked ones' and
        assets that are taken no more. `fund_ids`: only in these.

        Raises InputError for an unknown charity.
        """
        Charities(self._session).get(charity_id)
        assets = known_assets(self._session, "IndexFunds", listed_only=False)
        return [
            Claim(charity_id, fund_id, epoch, member, Money(asset, amount))
            for fund_id, epoch, member in self.places(charity_id)
            if not fund_ids or fund_id in fund_ids
            for asset in assets
            if (amount := self._claimable(fund_id, epoch, member, asset.address)) != 0
        ]

    def places(self, charity_id: int) -> Iterator[tuple[int, int, int]]:
        """(fund, epoch, member) of every list the charity was ever announced in."""
        for event in scan(self._funds, "EpochAnnounced", from_block=self._from_block):
            members = unpack_members(event["members"], event["member_count"])
            for place, (member_id, _) in enumerate(members):
                if member_id == charity_id:
                    yield int(event["fund_id"]), int(event["epoch"]), place

    def claim(self, claim: Claim) -> ClaimResult:
        """Have one claim paid to the charity's payee; anybody may."""
        return self._result(self._session.send(self._funds.functions.claim(*claim.reference)))

    def claim_to(self, claim: Claim, receiver: str) -> ClaimResult:
        """The payee claims to another address. Raises InputError for anybody else."""
        payee = self.payee(claim.charity_id)
        if payee.lower() != self._session.address.lower():
            raise InputError(
                f"only the payee of charity {claim.charity_id}, {payee}, may name a receiver; "
                "without --receiver anybody may claim for it"
            )
        call = self._funds.functions.claim_to(*claim.reference, address_of(receiver, "receiver"))
        return self._result(self._session.send(call))

    def claim_all(self, claims: Iterable[Claim]) -> list[ClaimResult]:
        """Have many paid, MAX_CLAIMS to a transaction. One that fails does not disturb the rest."""
        references = [claim.reference for claim in claims]
        if not references:
            raise InputError("nothing to claim")
        most = int(ask(self._funds.functions.MAX_CLAIMS().call))
        return [
            self._result(
                self._session.send(
                    self._funds.functions.claim_many(references[start : start + most])
                )
            )
            for start in range(0, len(references), most)
        ]

    def _claimable(self, fund_id: int, epoch: int, member: int, asset: str) -> int:
        return int(ask(self._funds.functions.claimable(fund_id, epoch, member, asset).call))

    def _result(self, receipt: TxReceipt) -> ClaimResult:
        events = logged(self._session, receipt, "IndexFunds", "Claimed", "ClaimFailed")
        return ClaimResult(
            receipt,
            tuple(event for event in events if event.name == "Claimed"),
            tuple(event for event in events if event.name == "ClaimFailed"),
        )


def unpack_members(words: Sequence[int], count: int) -> list[tuple[int, int]]:
    """(charity, weight) of each member, from an EpochAnnounced log's packed words."""
    found = []
    for place in range(count):
        word, offset = divmod(place, _PER_WORD)
        packed = words[word] >> (_MEMBER_BITS * offset) & (2**_MEMBER_BITS - 1)
        found.append((packed & (2**_CHARITY_BITS - 1), packed >> _CHARITY_BITS))
    return found
