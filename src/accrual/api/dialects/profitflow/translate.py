"""What Profitflow's fields mean for a point reward: money, units, moments; pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import UNSET, UnsetType

from accrual.api.dialects.dates import read_date
from accrual.api.dialects.profitflow.wire import Said, TermsWire
from accrual.api.dialects.tolerant import Misread
from accrual.domain.amounts import to_minor
from accrual.domain.errors import Invalid
from accrual.domain.programme import Settings
from accrual.engine.point_reward_step import TermsChange

_DAY_CHARACTERS = 10


def translate(wire: TermsWire, settings: Settings) -> TermsChange:
    """What a call says of a point reward. Raises Misread `invalid_amount`, `invalid_date` or `invalid_field`."""
    zone = ZoneInfo(settings.time_zone)
    return TermsChange(
        name=wire.name,
        sent=wire.sent,
        loyalty_type=wire.loyalty_type,
        total_spend=_money(wire, wire.total_spend, settings.minor_units),
        buy_products=wire.buy_products,
        buy_category=wire.buy_category,
        points_gain=_units(wire, "points_gain", wire.points_gain),
        new_member_points=_units(wire, "new_member_points", wire.new_member_points),
        reward_list=wire.reward_list,
        reward_category=wire.reward_category,
        starts_at=_moment(wire, "start_dtm", wire.start_dtm, zone),
        ends_at=_end(wire, zone),
        send_validation_code=wire.send_validation_code,
        is_active=wire.is_active,
    )


def _money(wire: TermsWire, text: str | Said, minor_units: int) -> str | Said:
    """Plain decimal text; zero is no amount at all: nothing can be given for each nothing."""
    if text is UNSET or text is None:
        return text
    try:
        minor = to_minor(text, minor_units)
    except Invalid as error:
        raise Misread(wire.fields.spelling("total_spend"), error.message, code="invalid_amount") from error
    whole, rest = divmod(minor, 10**minor_units)
    fraction = f"{rest:0{minor_units}}".rstrip("0") if rest else ""
    return (f"{whole}.{fraction}" if fraction else str(whole)) if minor else None


def _units(wire: TermsWire, name: str, text: str | Said) -> int | UnsetType:
    if text is UNSET:
        return UNSET
    try:
        return 0 if text is None else to_minor(text, 0)
    except Invalid as error:
        problem = "expected a whole number of points, 0 or more."
        raise Misread(wire.fields.spelling(name), problem, code="invalid_amount") from error


def _moment(wire: TermsWire, name: str, text: str | Said, zone: ZoneInfo) -> datetime | Said:
    if text is UNSET or text is None:
        return text
    try:
        return read_date(text, zone)
    except Invalid as error:
        raise Misread(wire.fields.spelling(name), error.message, code=error.code) from error


def _end(wire: TermsWire, zone: ZoneInfo) -> datetime | Said:
    """The first moment after it: the second, or the day, that `end_dtm` names is the last one in."""
    text = wire.end_dtm
    moment = _moment(wire, "end_dtm", text, zone)
    if moment is UNSET or moment is None or not isinstance(text, str):
        return moment
    if len(text) == _DAY_CHARACTERS:
        return (moment.astimezone(zone) + timedelta(days=1)).astimezone(UTC)
    return moment.replace(microsecond=0) + timedelta(seconds=1)
