"""JSON-RPC to one node: questions in batches, answers decoded straight from the bytes.

    chain_id = await rpc.ask(CHAIN_ID, ())
    answers = await rpc.ask_all(RECEIPTS, [(hash,) for hash in hashes])    # each T or a Fault

How much goes into one batch, how many are under way at once and how many go out in a second is
found out from what the node does.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from donablock.chain.endpoint import Endpoint
from donablock.chain.faults import (
    Fault,
    GarbageFault,
    HtmlFault,
    HttpFault,
    MixedUpFault,
    OversizeFault,
    RateFault,
    RefusalFault,
    SilentFault,
    TransportFault,
    TruncatedFault,
)
from donablock.chain.pace import Pace, Turn
from donablock.chain.transport import Transport

__all__ = ["Limits", "Question", "Rpc"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Parameters = Sequence[object]

_SERVER_ERRORS = 500
# seconds after which a refused size of batches may be tried again
_REMEMBERED = 600.0
_LATENCY_WEIGHT = 0.2

# providers' codes for "too many"; -32005 is also used for batches
_RATE_CODES = {429, -32005, -32007, -32029, -32097}
_RATE_WORDS = re.compile(
    r"rate.?limit|too many requests|requests? per (?:second|minute|day)|request (?:limit|rate)|"
    r"throttl|quota|compute units|capacity|credits",
    re.IGNORECASE,
)
# geth: "batch too large", "response too large", "request timed out"; erigon: "batch limit 100
# exceeded"; reth: "The batch request was too large"; nethermind: "Batch size limit exceeded"
_SIZE_CODES = {-32010, -32011}
_SIZE_WORDS = re.compile(r"\bbatch|response (?:is )?too (?:large|big)|request timed out", re.I)


@dataclass(frozen=True)
class Limits:
    """What one node is given at most.

    timeout: seconds for one answer. body_cap: bytes of one answer. batch: questions in one request.
    concurrency: requests at once to begin with, max_concurrency: ever. max_rate: questions a
    second, None: as many as it bears.
    """

    timeout: float = 10.0
    body_cap: int = 64 * 1024 * 1024
    batch: int = 100
    concurrency: int = 4
    max_concurrency: int = 32
    max_rate: float | None = None


class _Error(Struct):
    code: int | float | str = 0
    message: str = ""


class _Answer(Struct, Generic[T]):
    result: T | UnsetType = UNSET
    id: int | str | None = None
    error: _Error | str | None = None


class Question(Generic[T_co]):
    """A method, and the type that msgspec makes of its result."""

    def __init__(self, method: str, kind: Any, *, none_if: re.Pattern[str] | None = None) -> None:
        """none_if: an error with such a message means what others say by null."""
        self.method = method
        self.none_if = none_if
        # two decoders, since most answers are either one object or all of one kind
        self.one: msgspec.json.Decoder[_Answer[T_co]] = msgspec.json.Decoder(_Answer[kind])
        self.many: msgspec.json.Decoder[list[_Answer[T_co]] | _Answer[T_co]] = msgspec.json.Decoder(
            list[_Answer[kind]] | _Answer[kind]
        )
        self.result: msgspec.json.Decoder[T_co] = msgspec.json.Decoder(kind)

    def __repr__(self) -> str:
        return f"Question({self.method})"


_RAW: Question[Raw] = Question("", Raw)
_encoder = msgspec.json.Encoder()


class _BatchTooLarge(Exception):
    """The node takes no batch of this size."""


class Rpc:
    """One node. Belongs to the event loop in which it is first used."""

    def __init__(
        self,
        url: str,
        limits: Limits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises InputError for what is no http or https URL."""
        limits = limits or Limits()
        self._endpoint = Endpoint(url)
        self._clock = clock
        self._transport = Transport(
            self._endpoint, timeout=limits.timeout, body_cap=limits.body_cap
        )
        self._max_batch = max(1, limits.batch)
        self._refused_batch = self._max_batch + 1
        self._refused_at = clock()
        self._ids = itertools.count(1)
        self.pace = Pace(
            concurrency=limits.concurrency,
            max_concurrency=limits.max_concurrency,
            max_rate=limits.max_rate,
            clock=clock,
        )
        self.batch = self._max_batch
        """Questions in one request, as far as is known."""
        self.requests = 0
        self.questions = 0
        self.received = 0
        """Bytes of answers."""
        self.latency: float | None = None
        """Seconds of a request, smoothed; None before the first answer."""

    @property
    def name(self) -> str:
        """Host, and port where it is not the usual one."""
        return self._endpoint.name

    async def ask(self, question: Question[T], parameters: Parameters) -> T:
        """The result of one question. Raises Fault."""
        (answer,) = await self._request(question, [parameters])
        if isinstance(answer, Fault):
            raise answer
        return answer

    async def try_ask(self, question: Question[T], parameters: Parameters) -> T | Fault:
        """The same, with what went wrong as the result."""
        try:
            return await self.ask(question, parameters)
        except Fault as fault:
            return fault

    async def ask_all(
        self, question: Question[T], parameters: Sequence[Parameters]
    ) -> list[T | Fault]:
        """The results in the order asked; what went wrong with one stands in its place."""
        size = self.batch
        parts = [parameters[at : at + size] for at in range(0, len(parameters), size)]
        if len(parts) == 1:
            return await self._part(question, parts[0])
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._part(question, part)) for part in parts]
        return [answer for task in tasks for answer in task.result()]

    async def aclose(self) -> None:
        await self._transport.aclose()

    def __repr__(self) -> str:
        return f"Rpc({self.name})"

    # --- batches ------------------------------------------------------------------------------

    async def _part(
        self, question: Question[T], parameters: Sequence[Parameters]
    ) -> list[T | Fault]:
        """One batch, split again as often as the node wants it smaller."""
        count = len(parameters)
        if not count:
            return []
        try:
            answers = await self._request(question, parameters)
        except _BatchTooLarge:
            self._refuse_batch(count)
            half = count // 2
            first = await self._part(question, parameters[:half])
            return first + await self._part(question, parameters[half:])
        except Fault as fault:
            if isinstance(fault, SilentFault) and count > 1:
                self._refuse_batch(count)  # fewer at once may be done in time
            return [fault] * count
        if count == self.batch:
            self._grow_batch()
        return answers

    def _refuse_batch(self, size: int) -> None:
        self._refused_batch = min(self._refused_batch, size)
        self._refused_at = self._clock()
        self.batch = max(1, min(self.batch, size // 2))

    def _grow_batch(self) -> None:
        if self._clock() - self._refused_at > _REMEMBERED:
            self._refused_batch = self._max_batch + 1
            self._refused_at = self._clock()
        self.batch = min(self.batch + 1, self._max_batch, max(1, self._refused_batch - 1))

    # --- one request --------------------------------------------------------------------------

    async def _request(
        self, question: Question[T], parameters: Sequence[Parameters]
    ) -> list[T | Fault]:
        """Raises Fault for what went wrong with all of it, _BatchTooLarge for more than one."""
        count = len(parameters)
        async with self.pace.turn(count) as turn:
            first = next(self._ids)
            for _ in range(count - 1):
                next(self._ids)
            asked = [
                {"jsonrpc": "2.0", "id": first + at, "method": question.method, "params": given}
                for at, given in enumerate(parameters)
            ]
            self.requests += 1
            self.questions += count
            began = self._clock()
            try:
                status, body = await self._transport.post(
                    _encoder.encode(asked if count > 1 else asked[0])
                )
                self._took(self._clock() - began)
                self.received += len(body)
                answers = self._read(question, status, body, first, count)
            except Fault as fault:
                if isinstance(fault, OversizeFault) and count > 1:
                    raise _BatchTooLarge from None
                self._keep_pace(turn, fault)
                raise
            limited = next((one for one in answers if isinstance(one, RateFault)), None)
            self._keep_pace(turn, limited)
            return answers

    def _took(self, seconds: float) -> None:
        if self.latency is None:
            self.latency = seconds
        self.latency += _LATENCY_WEIGHT * (seconds - self.latency)

    def _keep_pace(self, turn: Turn, fault: Fault | None) -> None:
        if isinstance(fault, RateFault):
            self.pace.refused(turn, fault.retry_after)
        elif isinstance(fault, (SilentFault, TransportFault)) or (
            isinstance(fault, HttpFault) and fault.status >= _SERVER_ERRORS
        ):
            self.pace.slow(turn)
        else:
            self.pace.good(turn)

    # --- its answer ---------------------------------------------------------------------------

    def _read(
        self, question: Question[T], status: int, body: bytes, first: int, count: int
    ) -> list[T | Fault]:
        if status == 413:
            if count > 1:
                raise _BatchTooLarge
            raise HttpFault(status, "takes no request of this size (HTTP 413)")
        if status != 200:
            raise self._http_fault(status, body, count)
        if count == 1:
            answer = self._decode(question.one, question, body)
            return [self._take(question, answer, first)]
        try:
            found = question.many.decode(body)
        except (ValueError, RecursionError):
            # one bad answer among good ones, or none at all: each is decoded by itself
            return self._read_each(question, body, first, count)
        if isinstance(found, _Answer):
            raise self._whole(found, count)
        return self._sort(question, found, first, count)

    def _read_each(
        self, question: Question[T], body: bytes, first: int, count: int
    ) -> list[T | Fault]:
        found = self._decode(_RAW.many, question, body)
        if isinstance(found, _Answer):
            raise self._whole(found, count)
        answers: list[T | Fault] = []
        for one in self._sort(_RAW, found, first, count):
            if isinstance(one, Fault):
                answers.append(_or_none(question, one))
                continue
            try:
                answers.append(self._decode(question.result, question, one))
            except Fault as fault:
                answers.append(fault)
        return answers

    def _decode(
        self, decoder: msgspec.json.Decoder[Any], question: Question[Any], body: Any
    ) -> Any:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError as error:
            raise GarbageFault(
                f"no answer to {question.method}: {self._endpoint.redact(str(error))}"
            ) from None
        except (ValueError, RecursionError) as error:
            start = bytes(body[:64]).lstrip()
            if start.startswith(b"<"):
                raise HtmlFault("a web page instead of an answer") from None
            if not start or "truncated" in str(error):
                raise TruncatedFault("an answer that ends too early") from None
            raise GarbageFault("an answer that is no JSON") from None

    def _sort(
        self, question: Question[T], found: list[_Answer[T]], first: int, count: int
    ) -> list[T | Fault]:
        """Answers may come in any order, but each question has one and there is no other."""
        by_place: dict[int, T | Fault] = {}
        for answer in found:
            place = answer.id - first if type(answer.id) is int else -1
            if not 0 <= place < count:
                if answer.id is None and answer.error is not None:
                    raise self._whole(answer, count)
                raise MixedUpFault("an answer to what was not asked")
            if place in by_place:
                raise MixedUpFault("two answers to one question")
            taken = self._take(question, answer, first + place)
            by_place[place] = taken
        if any(self._is_about_size(answer) for answer in by_place.values()):
            raise _BatchTooLarge
        missing = MixedUpFault(f"no answer to {count - len(by_place)} of {count} questions")
        return [by_place.get(place, missing) for place in range(count)]

    def _take(self, question: Question[T], answer: _Answer[T], id: int) -> T | Fault:
        if answer.error is not None:
            return _or_none(question, self._refusal(answer.error))
        if answer.id != id or type(answer.id) is not int:
            return MixedUpFault("an answer to what was not asked")
        if answer.result is UNSET:
            return GarbageFault("an answer with neither result nor error")
        return answer.result

    def _whole(self, answer: _Answer[Any], count: int) -> Exception:
        """What one answer to a whole batch means."""
        if answer.error is None:
            return MixedUpFault(f"one answer to {count} questions")
        fault = self._refusal(answer.error)
        if self._is_about_size(fault) or (
            # some nodes take no batches at all, and say just "invalid request"
            isinstance(fault, RefusalFault) and fault.code in {-32600, -32700}
        ):
            return _BatchTooLarge()
        return fault

    def _http_fault(self, status: int, body: bytes, count: int) -> Exception:
        """Many nodes put the JSON-RPC error into an answer with an HTTP error."""
        try:
            found = _RAW.many.decode(body)
        except (ValueError, RecursionError):
            return HttpFault(status)
        if isinstance(found, list):
            found = found[0] if found else _Answer()
        if found.error is None:
            return HttpFault(status)
        fault = self._refusal(found.error)
        if isinstance(fault, RateFault):
            return fault
        if count > 1 and self._is_about_size(fault):
            return _BatchTooLarge()
        return HttpFault(status, f"HTTP status {status}: {fault.message}")

    def _refusal(self, error: _Error | str) -> Fault:
        if isinstance(error, str):
            error = _Error(0, error)
        try:
            code = int(error.code)
        except (ValueError, OverflowError):
            code = 0
        said = self._endpoint.redact(error.message)
        fault = RefusalFault(code, f"refused with {code}: {said or 'no reason'}")
        if self._is_about_size(fault):
            return fault
        if code in _RATE_CODES or _RATE_WORDS.search(error.message):
            return RateFault(f"too many requests ({code}: {said})")
        return fault

    @staticmethod
    def _is_about_size(answer: object) -> bool:
        return isinstance(answer, RefusalFault) and (
            answer.code in _SIZE_CODES or _SIZE_WORDS.search(answer.message) is not None
        )


def _or_none(question: Question[T], fault: Fault) -> T | Fault:
    """None where that is what the node means."""
    words = question.none_if
    if isinstance(fault, RefusalFault) and words is not None and words.search(fault.message):
        return cast(T, None)
    return fault
