"""The tables that postings fill most, as PostgreSQL's binary COPY stream: a third of the driver's own time a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct

from accrual.domain.draws import DrawnRow
from accrual.domain.log import AppendRow, KeyHome, OutcomeRow
from accrual.domain.transfers import Line
from accrual.store.bodies import compress_body

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LINE_FIELDS = 17
_OUTCOME_FIELDS = 5

# A field is its length in bytes and its value; a null is the length -1 alone.
_NULL = Struct(">i").pack(-1)
# What never changes in a row, lengths above all, goes in as bytes: half the time of giving each as a number.
_AWARD = Struct(">6s i 4s q 4s q 4s h 4s i 4s q 4s q 8s h 4s i 12s q 16s").pack
_FIRST_OF_LINE = Struct(">hi").pack(_LINE_FIELDS, 4)
_OF_2, _OF_4, _OF_8 = (Struct(">i").pack(length) for length in (2, 4, 8))
_HEAD = Struct(">6s i 4s q 4s q 4s h 4s i 4s q 4s q").pack
_BIGINT = Struct(">iq").pack
_INTEGER = Struct(">ii").pack
_SMALLINT = Struct(">ih").pack
_ORIGIN = Struct(">iiiqih").pack
_OUTCOME = Struct(">6s q 4s i 4s h 4s 8s i").pack
_FIRST_OF_OUTCOME = Struct(">hi").pack(_OUTCOME_FIELDS, 8)
_LENGTH = Struct(">i").pack
_DRAWN = Struct(">h ii ii ii iq iq iq i16s i32s").pack
_COMMAND = Struct(">h iq iq i16s ii ih ih i").pack
_COMMAND_FIELDS = 12
_KEY_HOME = Struct(">h ii ii i16s i16s i").pack
_UNPOSTED = Struct(">h ii i16s iq").pack


def line_stream(lines: Sequence[Line]) -> bytes:
    """Ledger lines in the order of LINE_COLUMNS."""
    parts = [HEADER]
    append = parts.append
    of_2, of_4, of_8 = _OF_2, _OF_4, _OF_8
    first, no_held, no_times, no_more, no_origin = _FIRST_OF_LINE, _NULL + of_2, _NULL * 2 + of_8, _NULL * 4, _NULL * 3
    for line in lines:
        (
            bucket,
            account,
            position,
            leg,
            contra,
            amount,
            balance,
            held,
            kind,
            version,
            active_at,
            expires_at,
            occurred_at,
            covers,
            origin,
        ) = line
        occurred = (occurred_at - _EPOCH) // _MICROSECOND
        if (
            held is None
            and version is not None
            and active_at is None
            and expires_at is None
            and covers is None
            and origin is None
        ):
            # Nearly every line: points that count at once, do not expire and belong to one command.
            append(_AWARD(
                first, bucket, of_8, account, of_8, position, of_2, leg, of_4, contra, of_8, amount,
                of_8, balance, no_held, kind, of_4, version, no_times, occurred, no_more,
            ))  # fmt: skip
            continue
        parts += (
            _HEAD(first, bucket, of_8, account, of_8, position, of_2, leg, of_4, contra, of_8, amount, of_8, balance),
            _NULL if held is None else _BIGINT(8, held),
            _SMALLINT(2, kind),
            _NULL if version is None else _INTEGER(4, version),
            _NULL if active_at is None else _BIGINT(8, (active_at - _EPOCH) // _MICROSECOND),
            _NULL if expires_at is None else _BIGINT(8, (expires_at - _EPOCH) // _MICROSECOND),
            _BIGINT(8, occurred),
            _NULL if covers is None else _BIGINT(8, covers),
            no_origin if origin is None else _ORIGIN(4, origin[0], 8, origin[1], 2, origin[2]),
        )
    parts.append(TRAILER)
    return b"".join(parts)


def outcome_stream(outcomes: Sequence[OutcomeRow]) -> bytes:
    """Outcomes in the order of OUTCOME_COLUMNS; of a chain 8 bytes are stored."""
    parts = [HEADER]
    of_2, of_4, of_8 = _OF_2, _OF_4, _OF_8
    for position, bucket, status, chain, payload in outcomes:
        parts += (
            _OUTCOME(_FIRST_OF_OUTCOME, position, of_4, bucket, of_2, status, of_8, chain, len(payload)),
            payload,
        )
    parts.append(TRAILER)
    return b"".join(parts)


def drawn_stream(entries: Sequence[DrawnRow]) -> bytes:
    """Entries of draws in the order of DRAWN_COLUMNS: members are 16 bytes, chains 32."""
    parts = [HEADER]
    for bucket, promo_id, number_of_round, number, position, units, member_id, chain in entries:
        parts.append(
            _DRAWN(
                *(8, 4, bucket, 4, promo_id, 4, number_of_round, 8, number, 8, position, 8, units),
                *(16, member_id, 32, chain),
            )
        )
    parts.append(TRAILER)
    return b"".join(parts)


def unposted_stream(places: Sequence[tuple[int, bytes, int]]) -> bytes:
    """Commands of members that wrote no line, in the order of UNPOSTED_COLUMNS: members are 16 bytes."""
    parts = [HEADER]
    parts += [_UNPOSTED(3, 4, bucket, 16, member_id, 8, position) for bucket, member_id, position in places]
    parts.append(TRAILER)
    return b"".join(parts)


def command_stream(rows: Sequence[AppendRow], firsts: Mapping[int, tuple[int, datetime]]) -> bytes:
    """Commands in the order of COMMAND_COLUMNS, given by bucket; `firsts` has each bucket's next position and its time."""
    parts = [HEADER]
    known, position, recorded = -1, 0, 0
    for bucket, ticket, programme_id, client_id, content, seal, facts, salt, name, body in rows:
        if bucket != known:
            known = bucket
            position, recorded_at = firsts[bucket]
            recorded = (recorded_at - _EPOCH) // _MICROSECOND
        parts.append(
            _COMMAND(
                *(_COMMAND_FIELDS, 8, position, 8, recorded, 16, ticket, 4, bucket, 2, programme_id, 2, client_id),
                len(content),
            )
        )
        shown = name.encode() if name else b""
        stored = None if body is None else compress_body(body)
        parts += (
            *(content, _LENGTH(len(seal)), seal, _LENGTH(len(facts)), facts),
            *((_NULL,) if salt is None else (_LENGTH(len(salt)), salt)),
            *(_LENGTH(len(shown)), shown),
            *((_NULL,) if stored is None else (_LENGTH(len(stored)), stored)),
        )
        position += 1
    parts.append(TRAILER)
    return b"".join(parts)


def key_home_stream(homes: Sequence[KeyHome]) -> bytes:
    """Homes of client-wide keys in the order of KEY_HOME_COLUMNS: digests and tickets are 16 bytes."""
    parts = [HEADER]
    for bucket, client_id, digest, ticket, content in homes:
        parts += (_KEY_HOME(5, 4, bucket, 4, client_id, 16, digest, 16, ticket, len(content)), content)
    parts.append(TRAILER)
    return b"".join(parts)
