"""What of a member's points expires next, and within which days. Pure; an instant is given, no clock is read."""

from __future__ import annotations

from datetime import datetime, timedelta

from accrual.engine.lot_book import LotBook
from accrual.engine.views import DueView, NextExpiryView
from accrual.rules.calendar import last_day

DAYS_AHEAD = (30, 60, 90)
"""Within how many days (of 24 hours) points are shown as due to expire, and how long before a notice goes out."""


def due_within(book: LotBook, now: datetime) -> tuple[DueView, ...]:
    """Units that expire by then, each window including the one before it; overdue ones count, held ones as well."""
    found = []
    for days in DAYS_AHEAD:
        until = now + timedelta(days=days)
        found.append(DueView(days=days, until=until, amount=sum(lot.left for lot in book.due(until))))
    return tuple(found)


def next_expiry(book: LotBook, zone: str) -> NextExpiryView | None:
    """The first day, in `zone`, whose end some units do not outlive, and how many; None when nothing ever expires."""
    first = next(iter(book), None)
    if first is None or first.expires_at is None:
        return None
    day = last_day(first.expires_at, zone)
    amount = 0
    for lot in book:
        if lot.expires_at is None or last_day(lot.expires_at, zone) != day:
            break
        amount += lot.left
    return NextExpiryView(date=day, expires_at=first.expires_at, amount=amount)
