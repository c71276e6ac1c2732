"""Logs that can be searched and hold no secret, metrics under one name, traces that go along."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from donablock import telemetry

log = structlog.get_logger("donablock.tests")


@pytest.fixture
def lines():
    """lines(): what was logged as JSON since the test began."""
    written = io.StringIO()
    before = logging.getLogger().handlers[:], logging.getLogger().level
    telemetry.set_up("json", "info", written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logging.getLogger().handlers[:], logging.getLogger().level = before
    structlog.reset_defaults()


def test_a_line_is_one_json_object_with_level_time_and_values(lines):
    log.info("block seen", chain=56, number=12)
    log.debug("not at this level")
    (line,) = lines()
    assert line["event"] == "block seen" and line["chain"] == 56 and line["number"] == 12
    assert line["level"] == "info" and line["logger"] == "donablock.tests"
    assert line["timestamp"].endswith("Z")


def test_lines_of_libraries_look_the_same(lines):
    logging.getLogger("some.library").warning("gave up after %d tries", 3)
    (line,) = lines()
    assert line["event"] == "gave up after 3 tries" and line["level"] == "warning"


def test_an_error_carries_its_traceback_in_its_line(lines):
    try:
        raise ValueError("odd\nerror")
    except ValueError:
        log.exception("failed")
    (line,) = lines()
    assert "ValueError: odd" in line["exception"] and line["level"] == "error"


@pytest.mark.parametrize(
    "name", ["password", "client_secret", "Authorization", "api_key", "apikey", "token"]
)
def test_what_is_named_like_a_secret_is_struck_out(lines, name):
    log.info("sent", **{name: "hunter2"})
    assert lines()[0][name] == "[redacted]"


@pytest.mark.parametrize("url", ["postgresql://me:hunter2@host/db", "redis://:hunter2@host:6379"])
def test_the_password_in_a_url_is_struck_out(lines, url):
    log.info("opened", where=f"at {url}")
    log.info(f"opened {url}")
    for line in lines():
        assert "hunter2" not in json.dumps(line) and "***@host" in json.dumps(line)


def test_the_console_shows_a_line_for_people():
    written = io.StringIO()
    telemetry.set_up("console", "info", written)
    log.info("block seen", chain=56)
    structlog.reset_defaults()
    assert "block seen" in written.getvalue() and "chain=56" in written.getvalue()
    assert "\x1b" not in written.getvalue(), "no colours where there is no terminal"


def test_a_traceback_for_people_shows_no_variables():
    written = io.StringIO()
    before = logging.getLogger().handlers[:], logging.getLogger().level
    telemetry.set_up("console", "info", written)
    try:
        hidden = "hunter" + "2"
        raise ValueError(f"odd, {len(hidden)}")
    except ValueError:
        log.exception("failed")
    finally:
        logging.getLogger().handlers[:], logging.getLogger().level = before
        structlog.reset_defaults()
    assert "ValueError: odd, 7" in written.getvalue()
    assert "hunter2" not in written.getvalue()


def test_metrics_have_one_prefix_and_can_be_read_by_prometheus():
    telemetry.counter("tests_run", "tests", "kind").labels("unit").inc(2)
    telemetry.gauge("tests_left", "tests").set(5)
    telemetry.histogram("tests_seconds", "seconds").observe(0.2)
    found = {
        sample.name: sample.value
        for family in text_string_to_metric_families(telemetry.exposition().decode())
        for sample in family.samples
    }
    assert found["donablock_tests_run_total"] == 2 and found["donablock_tests_left"] == 5
    assert found["donablock_tests_seconds_count"] == 1
    assert "process_resident_memory_bytes" in found


def test_a_trace_goes_along_with_a_message_and_into_the_log(lines):
    with telemetry.span("worker") as sent:
        log.info("written")
    with telemetry.span("matcher", trace=sent) as received:
        log.info("matched")
    first, second = lines()
    assert first["trace_id"] == second["trace_id"] == sent.split("-")[1] == received.split("-")[1]
    assert sent != received, "each step has an id of its own"
    assert telemetry.current_trace() is None


@pytest.mark.parametrize("trace", ["", "nonsense", "00-zz-zz-01", "00-" + "0" * 32 + "-1-01"])
def test_a_trace_that_is_none_starts_a_new_one(trace):
    with telemetry.span("matcher", trace=trace) as own:
        version, trace_id, span_id, _ = own.split("-")
    assert version == "00" and int(trace_id, 16) and int(span_id, 16)
