"""Makes commands of what falls due. The same thing found again makes the same command, so that it is in the log once. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from accrual.domain.accounts import Role
from accrual.domain.commands import Command, Resume, Submission, content_digest, decode_command
from accrual.domain.dialects import Dialect
from accrual.domain.facts import Identity
from accrual.domain.ids import member_account_id
from accrual.domain.movements import MEMBER_KIND, Activate, Expire, Notice, Release, Review
from accrual.domain.programme import Catalogue
from accrual.domain.upkeep import DueAccount, DueHold, WaitingReturn
from accrual.rules.calendar import after, last_day

PROGRAMME_CLIENT_ID = 0
"""In whose name upkeep speaks: the programme itself. Clients are numbered from 1."""

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def activation(due: DueAccount, catalogue: Catalogue) -> Submission | None:
    """What makes pending lots of an account active; None where there is nobody, or no such asset any more."""
    asset = _asset_code(due, catalogue)
    if due.member_id is None or asset is None or due.role != Role.PENDING:
        return None
    command = Activate(
        dialect=Dialect.INTERNAL, action="activate", identity=_named(due.member_id), asset=asset, until=due.last_at
    )
    return _submission(due.programme_id, command, b"a", _account(due), _instant(due.last_at), _number(due.newest))


def expiry(due: DueAccount, catalogue: Catalogue) -> Submission | None:
    """What takes lots of an account that have expired; a lot still pending is found here too, and expires with it.

    Keyed by the member's main account, the last of the instants, and the newest of the lots.
    """
    asset = _asset_code(due, catalogue)
    if due.member_id is None or asset is None:
        return None
    command = Expire(
        dialect=Dialect.INTERNAL, action="expire", identity=_named(due.member_id), asset=asset, until=due.last_at
    )
    return _submission(due.programme_id, command, b"e", _account(due), _instant(due.last_at), _number(due.newest))


def notices(due: DueAccount, catalogue: Catalogue, days: int, names: Mapping[bytes, Identity]) -> Iterator[Submission]:
    """One notice for each day of the programme's zone on which lots of this main account expire, `days` ahead.

    A day is told of once, whatever is found of it later. The stretch looked at is shorter than a day, so that its ends
    are in all the days there are.
    """
    asset = _asset_code(due, catalogue)
    if due.member_id is None or asset is None or due.role != Role.MEMBER:
        return
    zone = catalogue.settings.time_zone
    for day in sorted({last_day(due.first_at, zone), last_day(due.last_at, zone)}):
        command = Notice(
            dialect=Dialect.INTERNAL,
            action="notice",
            identity=_named(due.member_id),
            asset=asset,
            since=_start_of(day, zone),
            until=_start_of(day + timedelta(days=1), zone),
            days=days,
            known_as=names.get(due.member_id),
        )
        yield _submission(due.programme_id, command, b"n", _account(due), bytes([days]), _number(day.toordinal()))


def time_out(due: DueHold, until: datetime, *, ahead: bool) -> Submission:
    """What lets go of a hold whose time is over. On a test clock (`ahead`) what expires by `until` goes with it."""
    command = Release(
        dialect=Dialect.INTERNAL,
        action="release",
        identity=_named(due.member_id),
        target=due.hold_id,
        timed_out=True,
        until=until if ahead else None,
    )
    return _submission(due.programme_id, command, b"h", due.hold_id)


def given_up(waiting: WaitingReturn, catalogue: Catalogue, until: datetime, *, ahead: bool) -> Submission | None:
    """What tries a return for the last time whose purchase has not come within the programme's patience; None before."""
    patience = after(waiting.recorded_at, catalogue.settings.return_wait, catalogue.settings.time_zone)
    if patience > until:
        return None
    try:
        identity = decode_command(waiting.facts).identity
    except msgspec.DecodeError:
        return None  # it waits for a release that can read it, not for its purchase
    command = Resume(
        dialect=Dialect.INTERNAL,
        action="resume",
        identity=identity,
        ticket=waiting.ticket,
        until=until if ahead else None,
    )
    return _submission(waiting.programme_id, command, b"r", waiting.ticket, _instant(patience))


def review(programme_id: int, member_id: bytes, due_at: datetime) -> Submission:
    """What looks whether a member still belongs to their level."""
    command = Review(dialect=Dialect.INTERNAL, action="review", identity=_named(member_id), until=due_at)
    return _submission(programme_id, command, b"v", member_id, _instant(due_at))


def _submission(programme_id: int, command: Command, *key: bytes) -> Submission:
    whole = b"u" + b"".join(key)
    return Submission(
        programme_id=programme_id,
        client_id=PROGRAMME_CLIENT_ID,
        command=command,
        key=whole,
        # The key says all: what is found again of the same thing is the same command.
        content=content_digest(whole),
        body=b"",
    )


def _asset_code(due: DueAccount, catalogue: Catalogue) -> str | None:
    return next((stored.asset.code for stored in catalogue.assets if stored.asset_id == due.asset_id), None)


def _account(due: DueAccount) -> bytes:
    member_id = due.member_id or b""
    return _number(member_account_id(member_id, due.asset_id, Role.MEMBER))


def _named(member_id: bytes) -> Identity:
    return Identity(MEMBER_KIND, member_id.hex())


def _instant(at: datetime) -> bytes:
    return _number((at - _LONG_AGO) // timedelta(microseconds=1))


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)


def _start_of(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
