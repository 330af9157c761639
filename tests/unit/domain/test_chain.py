"""The hash chain: its bytes are fixed for ever, every field counts, and times are exact to the microsecond."""

from __future__ import annotations

import hashlib
import struct
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accrual.domain.chain import EPOCH, HEAD_FIRST, advance, micros_of
from accrual.domain.commands import LoggedCommand
from accrual.domain.lots import LotUse
from accrual.domain.transfers import Kind, Line

RECORDED = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
OCCURRED = RECORDED - timedelta(seconds=9)
ABSENT = -(2**63)
COMMAND = LoggedCommand(
    bucket=3,
    position=7,
    ticket=b"t" * 16,
    programme_id=1,
    client_id=2,
    recorded_at=RECORDED,
    content=b"c" * 8,
    seal=b"s" * 16,
    facts=b"facts",
    name=None,
)
LINE = Line(3, 1 << 62, 7, 0, 24, 5, 12, None, Kind.AWARD, 9, None, RECORDED, OCCURRED, None)
USE = LotUse(bucket=3, account=1 << 62, position=7, lot_position=2, lot_leg=1, amount=4)


def test_head_is_the_hash_of_exactly_these_bytes() -> None:
    microseconds = 1_767_323_045_678_901
    written = (
        bytes(32)
        + struct.pack(">iqiiq", 3, 7, 1, 2, microseconds)
        + b"t" * 16
        + b"c" * 8
        + b"s" * 16
        + b"facts"
        + struct.pack(">IB", 4, 1)
        + b"done"
        + struct.pack(
            ">qhqqqqhiqqqq",
            *(
                1 << 62,
                0,
                24,
                5,
                12,
                ABSENT,
                1,
                9,
                ABSENT,
                microseconds,
                microseconds - 9_000_000,
                ABSENT,
            ),
        )
        + struct.pack(">qqhqh", 1 << 62, 2, 1, 4, 4)
    )
    assert advance(HEAD_FIRST, COMMAND, 1, b"done", [LINE], [USE]) == hashlib.sha256(written).digest()


def test_first_known_head_never_changes() -> None:
    head = advance(HEAD_FIRST, COMMAND, 1, b"done", [LINE], [USE])
    assert head.hex() == "63835b968f375b8ca3ccc813a070416c701d0b457cb5ea5812a2f998b5c901c2"


@pytest.mark.parametrize("field", [name for name in Line._fields if name not in ("bucket", "position")])
def test_every_field_of_a_line_counts(field: str) -> None:
    was = getattr(LINE, field)
    other = was - timedelta(microseconds=1) if isinstance(was, datetime) else 1 if was is None else was + 1
    if field == "active_at":
        other = OCCURRED
    if field == "origin":
        other = (7, 1, 0)
    changed = LINE._replace(**{field: other})
    assert advance(HEAD_FIRST, COMMAND, 1, b"", [LINE]) != advance(HEAD_FIRST, COMMAND, 1, b"", [changed])


@pytest.mark.parametrize("field", ["account", "lot_position", "lot_leg", "amount", "kind"])
def test_every_field_of_a_lot_use_counts(field: str) -> None:
    changed = USE._replace(**{field: getattr(USE, field) + 1})
    assert advance(HEAD_FIRST, COMMAND, 1, b"", [], [USE]) != advance(HEAD_FIRST, COMMAND, 1, b"", [], [changed])


@pytest.mark.parametrize(
    "changed",
    [
        (b"\x01" + bytes(31), 1, b"done"),
        (HEAD_FIRST, 2, b"done"),
        (HEAD_FIRST, 1, b"dona"),
    ],
    ids=["head", "status", "payload"],
)
def test_head_status_and_payload_count(changed: tuple[bytes, int, bytes]) -> None:
    head, status, payload = changed
    assert advance(head, COMMAND, status, payload, []) != advance(HEAD_FIRST, COMMAND, 1, b"done", [])


def test_held_amount_of_nothing_is_not_the_same_as_zero() -> None:
    zero = LINE._replace(held_after=0)
    assert advance(HEAD_FIRST, COMMAND, 1, b"", [LINE]) != advance(HEAD_FIRST, COMMAND, 1, b"", [zero])


def test_name_of_a_member_is_not_hashed_so_that_it_can_be_erased() -> None:
    named = LoggedCommand(**{f: getattr(COMMAND, f) for f in COMMAND.__struct_fields__ if f != "name"}, name="Ann")
    assert advance(HEAD_FIRST, COMMAND, 1, b"", []) == advance(HEAD_FIRST, named, 1, b"", [])


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=7)), timezone(timedelta(minutes=-90))])))
def test_microseconds_are_exact_for_every_time(at: datetime) -> None:
    assert EPOCH + timedelta(microseconds=micros_of(at)) == at
