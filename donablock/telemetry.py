"""What the services say of themselves: logs, metrics, and the trace that a message carries along.

    set_up("json", "info")
    SEEN = counter("blocks_seen", "blocks that a worker has read", "chain")
    with span("match", trace=message.trace, chain=56):
        log.info("matched", matches=3)          # the line carries trace_id

A log line is an event and its values. Nothing personal and no secret belongs in one; values under a
name that promises a secret are struck out all the same.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from collections.abc import Iterator, Sequence
from typing import IO, Any, Literal

import structlog
from opentelemetry import trace as tracing
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

REGISTRY = CollectorRegistry()
"""Every metric of this process. The library's own default registry is left alone."""
for _collector in (GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR):
    REGISTRY.register(_collector)

PREFIX = "donablock"
LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
"""Seconds: from a fast answer to half an hour behind."""

PROVIDER = TracerProvider(resource=Resource.create({"service.name": PREFIX}))
"""Spans go nowhere until an exporter is added here; ids travel in any case."""
_tracer = PROVIDER.get_tracer(PREFIX)

_SECRET = re.compile(r"password|passwd|secret|token|authorization|api_?key|digest|private", re.I)
_PASSWORD_IN_URL = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^/\s:@]*):[^/\s@]*@", re.I)
_STRUCK_OUT = "[redacted]"


# --- logs -----------------------------------------------------------------------------------------


def set_up(
    form: Literal["console", "json"] = "console",
    level: str = "info",
    stream: IO[str] | None = None,
) -> None:
    """All logs of this process, those of libraries included, to stderr or `stream`. May be called
    again."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        _strike_out,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    target = stream or sys.stderr
    rendered: list[structlog.typing.Processor]
    if form == "json":
        rendered = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        # plain: the other kind shows what variables hold, passwords too
        rendered = [
            structlog.dev.ConsoleRenderer(
                colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def _strike_out(
    _logger: Any, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    for name, value in event.items():
        if _SECRET.search(name):
            event[name] = _STRUCK_OUT
        elif isinstance(value, str) and "://" in value:
            event[name] = _PASSWORD_IN_URL.sub(r"\1:***@", value)
    return event


# --- metrics --------------------------------------------------------------------------------------


def counter(name: str, what: str, *labels: str) -> Counter:
    """donablock_<name>_total, made once for each process: at the top of a module."""
    return Counter(f"{PREFIX}_{name}", what, labels, registry=REGISTRY)


def gauge(name: str, what: str, *labels: str) -> Gauge:
    """donablock_<name>"""
    return Gauge(f"{PREFIX}_{name}", what, labels, registry=REGISTRY)


def histogram(
    name: str, what: str, *labels: str, buckets: Sequence[float] = LATENCY_BUCKETS
) -> Histogram:
    """donablock_<name>, which ends in its unit: `_seconds`, `_bytes`."""
    return Histogram(f"{PREFIX}_{name}", what, labels, registry=REGISTRY, buckets=buckets)


def exposition() -> bytes:
    """What /metrics answers, as text for Prometheus."""
    return generate_latest(REGISTRY)


# --- traces ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def span(name: str, *, trace: str | None = None, **values: str | int | float) -> Iterator[str]:
    """A step of a trace: of the one that came with a message, of the one we are in, or a new one.
    Yields its `traceparent` (W3C), to be sent along; log lines inside carry `trace_id`. A `trace`
    that is none starts a new one: it may come from outside."""
    context = extract({"traceparent": trace}) if trace else None
    with _tracer.start_as_current_span(name, context=context, attributes=values) as current:
        trace_id = format(current.get_span_context().trace_id, "032x")
        with structlog.contextvars.bound_contextvars(trace_id=trace_id):
            yield current_trace() or ""


@contextlib.contextmanager
def continued(trace: str | None) -> Iterator[None]:
    """A step so small and frequent that a span of its own would cost too much: only its log lines
    carry the `trace_id` of the trace that came with a message."""
    parts = (trace or "").split("-")
    if len(parts) != 4:
        yield
        return
    with structlog.contextvars.bound_contextvars(trace_id=parts[1]):
        yield


def current_trace() -> str | None:
    """The `traceparent` of the step we are in, None outside of any."""
    if not tracing.get_current_span().get_span_context().is_valid:
        return None
    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get("traceparent")
