"""What a node can be told to do wrong. Each is a Lie that FakeNode.inject takes.

Some change one answer (`answer`: result -> result), some the whole reply (`reply`).
"""

from __future__ import annotations

import asyncio
import copy
import gzip
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

Answer = Callable[[Any], Any]
# what is asked -> what HTTP gives back; `body` is the true reply
Reply = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]
# on the answers of one request, each a JSON-RPC object
Shuffle = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]

OTHER = "0x" + "bb" * 32


class Unfit(Exception):
    """The answer has nothing that the lie could change, as the logs of a block without any."""


@dataclass(frozen=True)
class Lie:
    name: str
    answer: Answer | None = None
    shuffle: Shuffle | None = None
    reply: Reply | None = None

    def __str__(self) -> str:
        return self.name


def _changed(name: str, change: Callable[[Any], None]) -> Lie:
    def answer(result: Any) -> Any:
        result = copy.deepcopy(result)
        try:
            if result is not None:
                change(result)
        except (LookupError, TypeError) as error:
            raise Unfit(name) from error
        return result

    return Lie(name, answer=answer)


def _logs(result: Any) -> list[dict[str, Any]]:
    receipts = result if isinstance(result, list) else [result]
    return [log for receipt in receipts for log in receipt["logs"]]


# --- one answer -------------------------------------------------------------------------------


def null() -> Lie:
    """It does not know what it should: a lagging node behind a balancer."""
    return Lie("null", answer=lambda _: None)


def empty() -> Lie:
    """An empty list instead of the receipts."""
    return Lie("empty", answer=lambda _: [])


def instead(result: Any, name: str = "instead") -> Lie:
    """Anything else as the result."""
    return Lie(name, answer=lambda _: copy.deepcopy(result))


def empty_logs() -> Lie:
    """Receipts as they are, but every list of logs is empty."""

    def change(result: Any) -> None:
        for receipt in result:
            receipt["logs"] = []

    return _changed("empty logs", change)


def truncated(list_of: str = "") -> Lie:
    """The last of the list is left out: of the receipts, or of a field of a block."""

    def change(result: Any) -> None:
        (result[list_of] if list_of else result).pop()

    return _changed(f"truncated {list_of or 'receipts'}", change)


def lost_log() -> Lie:
    """The last log is left out."""

    def change(result: Any) -> None:
        next(receipt for receipt in reversed(result) if receipt["logs"])["logs"].pop()

    return _changed("a lost log", change)


def foreign_logs() -> Lie:
    """The logs say that they are of another block."""

    def change(result: Any) -> None:
        for log in _logs(result):
            log["blockHash"] = OTHER

    return _changed("logs of another block", change)


def foreign_receipts() -> Lie:
    """The receipts say that they are of another block, as after a reorganisation."""

    def change(result: Any) -> None:
        for receipt in result if isinstance(result, list) else [result]:
            receipt["blockHash"] = OTHER

    return _changed("receipts of another block", change)


def swapped_receipts() -> Lie:
    """Two receipts in each other's place."""

    def change(result: Any) -> None:
        result[0], result[1] = result[1], result[0]

    return _changed("swapped receipts", change)


def log_field(name: str, value: Any, place: int = 0) -> Lie:
    """A field of a log is another."""

    def change(result: Any) -> None:
        _logs(result)[place][name] = value

    return _changed(f"log {name}", change)


def receipt_field(name: str, value: Any, place: int = 0) -> Lie:
    """A field of a receipt is another, or not there (None)."""

    def change(result: Any) -> None:
        receipt = result[place] if isinstance(result, list) else result
        if value is None:
            del receipt[name]
        else:
            receipt[name] = value

    return _changed(f"receipt {name}", change)


def header_field(name: str, value: Any) -> Lie:
    """A field of a block is another: hash, parentHash, number, ..."""

    def change(result: Any) -> None:
        if value is None:
            del result[name]
        else:
            result[name] = value

    return _changed(f"block {name}", change)


def transaction_field(name: str, value: Any, place: int = 0) -> Lie:
    """A field of a block's transaction is another."""

    def change(result: Any) -> None:
        result["transactions"][place][name] = value

    return _changed(f"transaction {name}", change)


def other_chain(chain_id: int = 1) -> Lie:
    """For eth_chainId."""
    return Lie("another chain", answer=lambda _: hex(chain_id))


# --- the answers of one request ---------------------------------------------------------------


def error(code: int, message: str) -> Lie:
    """JSON-RPC errors instead of results."""

    def shuffle(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        given = {"code": code, "message": message}
        return [{"jsonrpc": "2.0", "id": one["id"], "error": given} for one in answers]

    return Lie(f"error {code}", shuffle=shuffle)


def wrong_ids() -> Lie:
    """Answers to what was not asked."""

    def shuffle(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**one, "id": 10**9 + place} for place, one in enumerate(answers)]

    return Lie("wrong ids", shuffle=shuffle)


def text_ids() -> Lie:
    """Ids as text."""
    return Lie(
        "text ids", shuffle=lambda answers: [{**one, "id": str(one["id"])} for one in answers]
    )


def missing_answers() -> Lie:
    """The last question of a batch is not answered."""
    return Lie("missing answers", shuffle=lambda answers: answers[:-1])


def doubled_answers() -> Lie:
    """The first question is answered twice, the last not at all."""
    return Lie("doubled answers", shuffle=lambda answers: [answers[0], *answers[:-1]])


def reversed_answers() -> Lie:
    """Which is allowed."""
    return Lie("reversed answers", shuffle=lambda answers: answers[::-1])


def neither() -> Lie:
    """Neither result nor error."""
    return Lie("neither", shuffle=lambda answers: [{"id": one["id"]} for one in answers])


# --- the whole reply --------------------------------------------------------------------------


def _plain(
    name: str,
    body: Callable[[bytes], bytes],
    status: int = 200,
    headers: dict[str, str] | None = None,
    kind: str = "application/json",
) -> Lie:
    async def reply(_: web.Request, true: bytes) -> web.StreamResponse:
        return web.Response(body=body(true), status=status, headers=headers, content_type=kind)

    return Lie(name, reply=reply)


def status(code: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Lie:
    return _plain(f"status {code}", lambda _: body, code, headers, "text/plain")


def too_many(retry_after: str | None = None) -> Lie:
    """HTTP 429."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return _plain("too many requests", lambda _: b"slow down", 429, headers, "text/plain")


def html() -> Lie:
    page = b"<!DOCTYPE html><html><title>Log in</title></html>"
    return _plain("html", lambda _: page, kind="text/html")


def garbage() -> Lie:
    return _plain("garbage", lambda _: b"\x00\xffnot json at all{{{")


def said(body: bytes) -> Lie:
    """These very bytes, as an answer with status 200."""
    return _plain("said", lambda _: body)


def cut(keep: float = 0.5) -> Lie:
    """JSON that ends too early, though the length of the body fits."""
    return _plain("cut", lambda true: true[: int(len(true) * keep)])


def redirect(to: str) -> Lie:
    return _plain("redirect", lambda _: b"", 307, {"Location": to})


def broken_off(keep: float = 0.5) -> Lie:
    """The connection ends in the middle of the body."""

    async def reply(request: web.Request, true: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(true))})
        await response.prepare(request)
        await response.write(true[: int(len(true) * keep)])
        assert request.transport is not None
        request.transport.close()
        return response

    return Lie("broken off", reply=reply)


def closed() -> Lie:
    """The connection ends without an answer."""

    async def reply(request: web.Request, _: bytes) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        await asyncio.sleep(0)
        return web.Response()

    return Lie("closed", reply=reply)


def hang() -> Lie:
    """It takes the request and never answers."""

    async def reply(_: web.Request, __: bytes) -> web.StreamResponse:
        await asyncio.sleep(3_600)
        return web.Response()

    return Lie("hang", reply=reply)


def slow(seconds: float) -> Lie:
    """The truth, late."""

    async def reply(_: web.Request, true: bytes) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return web.Response(body=true, content_type="application/json")

    return Lie("slow", reply=reply)


def trickle() -> Lie:
    """The truth, a byte now and then."""

    async def reply(request: web.Request, true: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for at in range(len(true)):
            await response.write(true[at : at + 1])
            await asyncio.sleep(0.2)
        return response

    return Lie("trickle", reply=reply)


def endless(size: int = 1 << 30) -> Lie:
    """An answer that goes on and on."""

    async def reply(request: web.Request, _: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"jsonrpc":"2.0","id":1,"result":"')
        for _ in range(size >> 16):
            await response.write(b"0" * (1 << 16))
        return response

    return Lie("endless", reply=reply)


def bomb(size: int = 1 << 28) -> Lie:
    """Few bytes on the wire, many after decompression."""
    packed = gzip.compress(b"0" * size)

    async def reply(_: web.Request, __: bytes) -> web.StreamResponse:
        return web.Response(
            body=packed, headers={"Content-Encoding": "gzip"}, content_type="application/json"
        )

    return Lie("bomb", reply=reply)
