"""A keeper's rounds: look, decide, do the first thing that is due, look again, until nothing is.

Nothing is remembered from one step to the next but what was refused, so that a round ends. What a
killed keeper had sent is waited for before anything else is decided.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from donablock.chain.actions import Action, Caller, Done
from donablock.chain.amounts import NATIVE
from donablock.chain.session import Session, ask
from donablock.errors import ChainError, NodeError, NotMinedError, ReplacedError, RevertError
from donablock.treasury.keeper import Act, Decision, Duty, Options, decide
from donablock.treasury.snapshot import Snapshot, Watcher

__all__ = ["Keeper", "Outcome", "Result", "Round"]

# seconds between looks at what is on its way
_POLL = 1.0


class Result(Enum):
    """What became of something that was due."""

    DONE = "done"
    BY_ANOTHER = "done by somebody else"
    REFUSED = "refused"


@dataclass(frozen=True)
class Outcome:
    """An act and what became of it. `fee` is what it cost in wei; a refusal in a block costs too,
    which the node does not tell here."""

    act: Act
    result: Result
    done: Done | None = None
    reason: str = ""

    @property
    def fee(self) -> int:
        if self.done is None:
            return 0
        receipt = self.done.receipt
        return int(receipt["gasUsed"]) * int(receipt["effectiveGasPrice"])


@dataclass(frozen=True)
class Round:
    """One round of a watch: what was done, what is not due, or the error that ended it."""

    outcomes: tuple[Outcome, ...]
    decision: Decision | None
    error: ChainError | None = None


class Keeper:
    """A keeper through a session. `from_block` is where the contracts' logs begin.

    Without a signer it can look, and decides as for somebody who is not the operator.
    """

    def __init__(
        self,
        session: Session,
        from_block: int = 0,
        options: Options | None = None,
        *,
        signs: bool = True,
    ) -> None:
        self._session = session
        self._options = options or Options()
        self._watcher = Watcher(
            session,
            from_block,
            keeper=session.address if signs else NATIVE,
            with_owed=self._options.pay_from is not None,
        )

    def look(self) -> tuple[Snapshot, Decision]:
        """What is due at the latest block."""
        seen = self._watcher.look()
        return seen, decide(seen, self._options)

    def plan(self, act: Act) -> Action:
        """Try an act on the node; nothing is sent. Raises RevertError or FundsError."""
        return Caller(self._session, act.contract, {}).plan(act.function, *act.arguments)

    def run(self) -> Iterator[Outcome]:
        """Do all that is due, one after the other, each decided when the one before is done.

        An act that was refused, and is still due, is not tried again. Raises FundsError,
        NotMinedError, NodeError.
        """
        refused: set[tuple[Duty, str]] = set()
        reached = 0
        while True:
            self._wait_for_own()
            decision = self._look_from(reached)
            acts = [act for act in decision.acts if act.key not in refused]
            if not acts:
                return
            outcome = self.do(acts[0])
            if outcome.result is Result.REFUSED:
                refused.add(acts[0].key)
            if outcome.done is not None:
                reached = int(outcome.done.receipt["blockNumber"])
            yield outcome

    def watch(
        self,
        every: float,
        rounds: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Iterator[Round]:
        """Rounds without end, or so many, `every` seconds; without a new block one is passed over.

        What the chain or the node says ends a round and not the watch: it may pass by itself, or
        once somebody has sent coin.
        """
        number, looked_at = 0, -1
        while rounds is None or number < rounds:
            if number:
                sleep(every)
            number += 1
            outcomes: list[Outcome] = []
            try:
                if ask(lambda: self._session.w3.eth.block_number) == looked_at:
                    continue
                for outcome in self.run():
                    outcomes.append(outcome)
                seen, decision = self.look()
                yield Round(tuple(outcomes), decision)
                looked_at = seen.block
            except ChainError as error:
                looked_at = -1
                yield Round(tuple(outcomes), None, error)

    def do(self, act: Act) -> Outcome:
        """Try and send one act. Where another was quicker the outcome says so. Raises as `run`."""
        try:
            receipt = self._session.send(self.plan(act).call)
        except (RevertError, ReplacedError) as error:
            reason = error.reason if isinstance(error, RevertError) else str(error)
            if act.key in {other.key for other in self.look()[1].acts}:
                return Outcome(act, Result.REFUSED, None, reason)
            return Outcome(act, Result.BY_ANOTHER, None, reason)
        return Outcome(act, Result.DONE, Done(receipt, tuple(self._session.events(receipt))))

    def _look_from(self, block: int) -> Decision:
        """What is due at this block or a later one: behind one address there may be several nodes,
        and one that lags would have everything done again. Raises NodeError."""
        deadline = time.monotonic() + self._session.timeout
        while True:
            seen, decision = self.look()
            if seen.block >= block:
                return decision
            if time.monotonic() > deadline:
                raise NodeError(
                    f"the node stays at block {seen.block}, before {block}; ask another"
                )
            time.sleep(_POLL)

    def _wait_for_own(self) -> None:
        """Until nothing of this account is on its way. Raises NotMinedError."""
        session, deadline = self._session, time.monotonic() + self._session.timeout
        while True:
            mined = ask(lambda: session.w3.eth.get_transaction_count(session.address, "latest"))
            if session.next_nonce() == mined:
                return
            if time.monotonic() > deadline:
                raise NotMinedError(
                    "",
                    f"transaction number {mined} of {session.address} is in no block yet; "
                    "nothing else is sent until it is, or is replaced",
                )
            time.sleep(_POLL)
