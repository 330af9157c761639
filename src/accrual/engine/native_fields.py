"""Single fields of native commands, read and bounded: identifiers, identities, instants, attributes. No command is made here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from accrual.domain.bounds import check_moment
from accrual.domain.errors import Invalid
from accrual.domain.facts import Identity, Scalar
from accrual.domain.identities import known_as
from accrual.domain.movements import MEMBER_KIND
from accrual.domain.native import IDENTIFIER_CHARACTERS_MAX, WrittenIdentity
from accrual.domain.programme import Settings
from accrual.rules.profiles import check_attribute

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})?\Z", re.ASCII
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def read_rfc_3339(text: str, zone: str) -> datetime:
    """The instant in UTC, from 1970 to 2262-01-01; digits beyond microseconds are cut off. Raises Invalid `invalid_date`."""
    if _RFC_3339.match(text):
        try:
            moment = datetime.fromisoformat(text.upper())
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=ZoneInfo(zone))
            moment = moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # such as 30 February, or a year that ends before it begins in UTC: refused below
        else:
            return check_moment(moment)
    raise Invalid("The date is not RFC 3339, such as 2026-03-01T12:00:00+07:00.", code="invalid_date")


def read_identity(kind: str, value: str, path: str, settings: Settings) -> Identity:
    """An identity as the programme stores it, both parts trimmed. Raises Invalid `invalid_identity`."""
    if kind.strip() == MEMBER_KIND:
        raise Invalid("No identity is of this kind.", code="invalid_identity", details={"path": f"{path}.kind"})
    try:
        written = Identity(read_identifier(kind, f"{path}.kind"), read_identifier(value, f"{path}.value"))
        return known_as(written, settings)
    except Invalid as error:
        details = error.details or {"path": f"{path}.value"}
        raise Invalid(error.message, code="invalid_identity", details=details) from error


def read_written_identity(written: WrittenIdentity, path: str, settings: Settings) -> Identity:
    """An identity as a client wrote it. Raises Invalid `invalid_identity`."""
    return read_identity(written.kind, written.value, path, settings)


def read_identifier(text: str, path: str) -> str:
    """The text without space around it. Raises Invalid `invalid_field`, whose details name `path`."""
    trimmed = text.strip()
    if not trimmed or len(trimmed) > IDENTIFIER_CHARACTERS_MAX or _CONTROL.search(trimmed):
        raise Invalid(
            f"`{path}` must hold 1 to {IDENTIFIER_CHARACTERS_MAX} characters, none of them a control character.",
            code="invalid_field",
            details={"path": path},
        )
    return trimmed


def read_optional(text: str | None, path: str) -> str | None:
    """As read_identifier; None stays None."""
    return None if text is None else read_identifier(text, path)


def read_attributes(written: Mapping[str, Scalar] | None, path: str) -> dict[str, Scalar]:
    """An event's attributes in the order of their names. Raises Invalid `invalid_field`."""
    for name, value in (written or {}).items():
        try:
            check_attribute(name, value)
        except Invalid as error:
            raise Invalid(error.message, code="invalid_field", details={"path": path}) from error
    return dict(sorted((written or {}).items()))
