"""The whole life of a project's money, read from the fund's logs and counted against its storage.

Every unit that came in, as a gift or a loan, is claimed, refunded, returned to the pool, or still
here; and every unit that a pool lent was repaid, or returned, by some project before. In a pool all
units are alike, so the first that came in count as the first that went out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from eth_utils.abi import event_abi_to_log_topic

from donablock.chain.amounts import Asset
from donablock.chain.logs import Event
from donablock.chain.scan import scan, scan_topics
from donablock.chain.session import Session, ask
from donablock.chain.times import date_text
from donablock.errors import NodeError
from donablock.giving.impact import ImpactFund, Project
from donablock.giving.memos import memo_text
from donablock.giving.terms import shown

__all__ = ["CAUSES", "Entry", "Histories", "History", "Passage", "Pool", "Sums", "passages"]

CAUSES = {1: "more objected than approved", 2: "no report came", 3: "its charity is revoked"}


@dataclass(frozen=True)
class Entry:
    """One event of a project's life. `amount` (smallest unit; None where it is of none) is what the
    event is about, `change` by how much it changed what the fund holds for the project, and `held`
    what that was afterwards. `timestamp` in unix seconds."""

    event: Event
    timestamp: int
    what: str
    who: str
    note: str
    amount: int | None
    change: int
    held: int


@dataclass(frozen=True)
class Sums:
    """What the logs of a project add up to (smallest unit)."""

    given: int
    lent: int
    claimed: int
    refunded: int
    returned: int
    released: int
    repaid: int

    @property
    def held(self) -> int:
        """What is left in the fund."""
        return self.given + self.lent - self.claimed - self.refunded - self.returned


@dataclass(frozen=True)
class Passage:
    """Units that a project put into a pool, and where they went: lent to `target` in `lent_in`, or
    still there, both None. `is_repaid`: repaid, else returned by a rejection."""

    source: int
    is_repaid: bool
    came_in: Event
    target: int | None
    lent_in: Event | None
    amount: int


@dataclass(frozen=True)
class Pool:
    """A pool by its logs (smallest unit), and what the contract says is in it."""

    sdg: int
    asset: Asset
    repaid: int
    returned: int
    lent: int
    stored: int

    @property
    def left(self) -> int:
        """What the logs leave in it."""
        return self.repaid + self.returned - self.lent


@dataclass(frozen=True)
class History:
    """A project's life up to a block, with the passages that its money came by and left by."""

    project: Project
    block: int
    entries: tuple[Entry, ...]
    sums: Sums
    sources: tuple[Passage, ...]
    targets: tuple[Passage, ...]
    pool: Pool

    @property
    def faults(self) -> list[str]:
        """Where logs and storage differ; empty where everything balances to the unit."""
        project, sums = self.project, self.sums
        pairs = [
            ("given", sums.given, project.given),
            ("lent", sums.lent, project.lent),
            ("released", sums.released, project.released),
            ("claimed", sums.claimed, project.claimed),
            ("repaid", sums.repaid, project.repaid),
            ("still here", sums.held, project.held),
            ("in the pool", self.pool.left, self.pool.stored),
            ("lent, by the pool", sum(passage.amount for passage in self.sources), sums.lent),
            (
                "repaid or returned, by the pool",
                sum(passage.amount for passage in self.targets),
                sums.repaid + sums.returned,
            ),
        ]
        return [
            f"{name}: {project.text(logs)} by the logs, {project.text(stored)} by the contract"
            for name, logs, stored in pairs
            if logs != stored
        ]

    def check(self) -> None:
        """Raises NodeError unless everything balances: then logs are missing."""
        if self.faults:
            raise NodeError(
                f"the logs do not account for the money of project {self.project.id} "
                f"({'; '.join(self.faults)}): the node has not all of them; ask another node"
            )


class Histories:
    """Histories of the fund's projects. `from_block` is where the contracts' logs begin."""

    def __init__(self, session: Session, from_block: int = 0) -> None:
        self._session = session
        self._from_block = from_block
        self._fund = ImpactFund(session, from_block)
        self._times: dict[int, int] = {}

    def get(self, project_id: int) -> History:
        """A project's life up to the newest block. Raises InputError for an unknown project."""
        block = int(ask(lambda: self._session.w3.eth.block_number))
        project = self._fund.get(project_id, block)
        events = self._events(project_id, block)
        moves = self._pool_moves(project, block)
        found = passages(moves)
        stored = self._fund.pool(project.sdg, project.asset, block)
        return History(
            project,
            block,
            tuple(self._entries(project, events, found)),
            _sums(events),
            tuple(passage for passage in found if passage.target == project.id),
            tuple(passage for passage in found if passage.source == project.id),
            _pool(project, moves, stored),
        )

    # --- logs ---------------------------------------------------------------------------------

    def _events(self, project_id: int, block: int) -> list[Event]:
        """Everything logged of a project, oldest first."""
        contract = self._fund.contract
        number = "0x" + project_id.to_bytes(32, "big").hex()
        # events by the place of their project's number among the indexed arguments
        kinds: dict[int, list[str]] = {0: [], 1: []}
        for entry in cast(Any, contract.abi):
            indexed = [part["name"] for part in entry["inputs"] if part.get("indexed")]
            if entry["type"] == "event" and "project_id" in indexed:
                topic = "0x" + event_abi_to_log_topic(entry).hex()
                kinds[indexed.index("project_id")].append(topic)
        found = [
            event
            for topics in ([kinds[0], number], [kinds[1], None, number])
            for event in scan_topics(contract, topics, from_block=self._from_block, to_block=block)
        ]
        return sorted(found, key=_order)

    def _pool_moves(self, project: Project, block: int) -> list[Event]:
        """What went into the pool of a project's goal and asset, and out of it, oldest first."""
        contract, start = self._fund.contract, self._from_block
        sdg, asset = project.sdg, project.asset.address
        wanted = {"sdg": sdg, "asset": asset}
        found = list(scan(contract, "Lent", wanted, from_block=start, to_block=block))
        for event in scan(contract, "Repaid", from_block=start, to_block=block):
            if (event["sdg"], event["asset"]) == (sdg, asset):
                found.append(event)
        for event in scan(contract, "ProjectRejected", from_block=start, to_block=block):
            if event["to_pool"]:
                other = self._fund.get(event["project_id"], block)
                if (other.sdg, other.asset.address) == (sdg, asset):
                    found.append(event)
        return sorted(found, key=_order)

    def _entries(
        self, project: Project, events: Iterable[Event], found: Sequence[Passage]
    ) -> Iterator[Entry]:
        held = 0
        for event in events:
            what, who, note, amount, change = _told(project, event)
            held += change
            way = _way(project, event, found)
            if way:
                note = f"{note}; {way}" if note else way
            yield Entry(event, self.time_of(event), what, who, note, amount, change, held)

    def time_of(self, event: Event) -> int:
        """The second of an event's block."""
        number = event.block_number
        if number not in self._times:
            block = ask(lambda: self._session.w3.eth.get_block(number))
            self._times[number] = int(block["timestamp"])
        return self._times[number]


def passages(moves: Iterable[Event]) -> list[Passage]:
    """Where a pool's units came from and went, first in, first out. `moves`: `Repaid`, `Lent` and
    `ProjectRejected` of one pool, oldest first."""
    waiting: deque[tuple[Event, int]] = deque()
    found: list[Passage] = []
    for event in moves:
        if event.name != "Lent":
            waiting.append((event, _amount_in(event)))
            continue
        amount = int(event["amount"])
        # Where nothing waits a log is missing, which shows in the sums.
        while amount and waiting:
            came_in, left = waiting.popleft()
            part = min(left, amount)
            amount -= part
            found.append(_passage(came_in, event, part))
            if left > part:
                waiting.appendleft((came_in, left - part))
    return found + [_passage(came_in, None, left) for came_in, left in waiting]


# --- within -----------------------------------------------------------------------------------


def _order(event: Event) -> tuple[int, int]:
    return event.block_number, event.log_index


def _amount_in(event: Event) -> int:
    """What a move puts into the pool."""
    return int(event["amount"] if event.name == "Repaid" else event["to_pool"])


def _passage(came_in: Event, lent_in: Event | None, amount: int) -> Passage:
    target = int(lent_in["project_id"]) if lent_in is not None else None
    is_repaid = came_in.name == "Repaid"
    return Passage(int(came_in["project_id"]), is_repaid, came_in, target, lent_in, amount)


def _sums(events: Iterable[Event]) -> Sums:
    found = list(events)

    def total(name: str, argument: str = "amount") -> int:
        return sum(int(event[argument]) for event in found if event.name == name)

    return Sums(
        given=total("ProjectDonated"),
        lent=total("Lent"),
        claimed=total("Claimed"),
        refunded=total("Refunded"),
        returned=total("ProjectRejected", "to_pool"),
        released=total("StageReleased"),
        repaid=total("Repaid"),
    )


def _pool(project: Project, moves: Iterable[Event], stored: int) -> Pool:
    sums = _sums(moves)
    return Pool(project.sdg, project.asset, sums.repaid, sums.returned, sums.lent, stored)


def _way(project: Project, event: Event, found: Iterable[Passage]) -> str:
    """Where lent units came from, or repaid and returned ones went, in words."""
    parts: list[str] = []
    for passage in found:
        amount = project.text(passage.amount)
        if passage.lent_in == event:
            verb = "repaid" if passage.is_repaid else "returned"
            parts.append(f"{amount} {verb} by project {passage.source}")
        elif passage.came_in == event:
            went = "still in the pool" if passage.target is None else f"to project {passage.target}"
            parts.append(f"{amount} {went}")
    return ", ".join(parts)


def _told(project: Project, event: Event) -> tuple[str, str, str, int | None, int]:
    """An event as a word, who, a note, the amount it is about, and what it changes here."""
    text, name = project.text, event.name
    if name == "ProjectProposed":
        note = f"to raise {text(event['goal'])} by {date_text(event['deadline'])}"
        return "proposed", event["payee"], note, None, 0
    if name == "ProjectAccepted":
        return "accepted", event["payee"], f"place {event['place']} in the queue", None, 0
    if name == "ProjectDonated":
        memo = f"memo {memo_text(bytes(event['memo']))}"
        return "given", event["donor"], memo, event["amount"], event["amount"]
    if name == "Lent":
        return "lent", "the pool", "", event["amount"], event["amount"]
    if name == "PassedOver":
        place = event["new_place"]
        note = f"waits again, at place {place}" if place else "waits no more"
        return "passed over", "the pool", note, None, 0
    if name == "Reported":
        note = f"stage {event['stage']}, {shown(event['uri'])}, 0x{event['report_hash'].hex()}"
        return "reported", "the payee", note, None, 0
    if name == "Voted":
        word = "approved" if event["is_for"] else "objected"
        return word, event["backer"], f"stage {event['stage']}", event["weight"], 0
    if name == "StageReleased":
        votes = f"{text(event['approvals'])} approve, {text(event['objections'])} object"
        return "released", "", f"stage {event['stage']}; {votes}", event["amount"], 0
    if name == "ProjectRejected":
        back = f"{text(event['to_backers'])} to the backers"
        note = f"stage {event['stage']}: {CAUSES[event['cause']]}; {back}, the rest to the pool"
        return "rejected", "", note, event["to_pool"], -event["to_pool"]
    if name == "Claimed":
        other = "" if event["receiver"] == event["payee"] else f"for the payee, {event['payee']}"
        return "claimed", event["receiver"], other, event["amount"], -event["amount"]
    if name == "Refunded":
        other = "" if event["receiver"] == event["backer"] else f"for {event['backer']}"
        return "refunded", event["receiver"], other, event["amount"], -event["amount"]
    if name == "RefundFailed":
        return "refused", event["backer"], "it stays due", event["amount"], 0
    if name == "Repaid":
        memo = f"memo {memo_text(bytes(event['memo']))}"
        return "repaid", event["payer"], memo, event["amount"], 0
    if name == "PayeeProposed":
        note = f"from {date_text(event['ready_at'])}"
        return "payee proposed", event["new_payee"], note, None, 0
    if name == "PayeeCancelled":
        return "payee cancelled", event["cancelled_by"], f"not {event['new_payee']}", None, 0
    return "payee changed", event["new_payee"], f"instead of {event['old_payee']}", None, 0
