"""Log lines never carry what is personal or secret, wherever it hides."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from accrual.telemetry import configure, drop_forbidden, trace_of

SECRETS = ("Budi", "62811", "demo-key", "raw body")


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """A stream that logging writes to as JSON, undone afterwards."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    stream = io.StringIO()
    configure(level="info", form="json", stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:], level = before
    root.setLevel(level)


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    "name",
    ["name", "memberName", "member_name", "MSISDN", "phone", "memberQtagPhone", "key", "API-Key", "api_key", "body",
     "Authorization", "signature", "database_url", "Idempotency-Key", "identity", "value", "userId"],
)  # fmt: skip
def test_forbidden_field_goes_and_is_named(name: str) -> None:
    kept = drop_forbidden(None, "info", {"event": "x", name: "Budi 62811", "bucket": 7})
    assert kept == {"event": "x", "bucket": 7, "dropped": [name]}


def test_forbidden_fields_are_found_inside_others() -> None:
    kept = drop_forbidden(
        None, "info", {"event": "x", "outer": {"rows": [{"msisdn": "62811", "position": 3}], "when": datetime.now(UTC)}}
    )
    assert kept["outer"] == {"rows": [{"position": 3}], "when": "<datetime>"}
    assert kept["dropped"] == ["msisdn"]


def test_bytes_and_objects_are_logged_by_type_and_long_texts_are_cut() -> None:
    class Person:
        def __repr__(self) -> str:
            return "Budi"

    kept = drop_forbidden(None, "info", {"event": "x", "who": Person(), "what": b"raw body", "long": "y" * 10_000})
    assert (kept["who"], kept["what"]) == ("<Person>", "<bytes>")
    assert len(kept["long"]) < 600


def test_lines_are_json_with_level_and_time(out: io.StringIO) -> None:
    structlog.get_logger("accrual.test").warning("lane_lost", bucket=7, key="demo-key")
    structlog.get_logger("accrual.test").debug("unseen")
    (line,) = _lines(out)
    assert (line["event"], line["level"], line["bucket"], line["dropped"]) == ("lane_lost", "warning", 7, ["key"])
    assert line["timestamp"].endswith("Z")


def test_error_is_logged_by_class_and_place_without_its_message(out: io.StringIO) -> None:
    def fails() -> None:
        try:
            {}["Budi 62811"]
        except KeyError as error:
            raise ValueError("demo-key raw body") from error

    for log in (structlog.get_logger("accrual.test").exception, logging.getLogger("some.library").exception):
        try:
            fails()
        except ValueError:
            log("failed")
    ours, theirs = _lines(out)
    for line in (ours, theirs):
        assert (line["event"], line["level"], line["error"], line["cause"]) == (
            "failed",
            "error",
            "ValueError",
            "KeyError",
        )
        assert any("test_telemetry.py" in where and where.endswith("fails") for where in line["where"])
    assert not any(secret in out.getvalue() for secret in SECRETS)


async def test_lost_task_is_logged_without_what_it_held(out: io.StringIO) -> None:
    async def fails() -> None:
        raise ValueError("Budi 62811")

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    del task
    gc.collect()
    (line,) = _lines(out)
    assert (line["event"], line["error"]) == ("Task exception was never retrieved", "ValueError")
    assert not any(secret in out.getvalue() for secret in SECRETS)


def test_chatter_of_libraries_is_left_out(out: io.StringIO) -> None:
    logging.getLogger("some.library").info("hello")
    assert out.getvalue() == ""


def test_console_lines_drop_the_same() -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    try:
        configure(form="console", stream=stream)
        structlog.get_logger("accrual.test").info("accepted", name="Budi", bucket=7)
    finally:
        structlog.reset_defaults()
        root.handlers[:], level = before
        root.setLevel(level)
    assert "bucket=7" in stream.getvalue()
    assert "Budi" not in stream.getvalue()


def test_trace_is_bounded() -> None:
    def deeper(depth: int) -> None:
        if depth == 0:
            raise ValueError("x")
        deeper(depth - 1)

    try:
        deeper(200)
    except ValueError as error:
        assert len(trace_of(error)["where"]) == 30
    else:
        pytest.fail("nothing was raised")
