"""Draws tables and tickets on a terminal; plain text where the output is not one. Nothing is looked up here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal

from rich.table import Table
from rich.text import Text

from accrual.domain.commands import Dialect
from accrual.domain.facts import Identity
from accrual.engine.due import DAYS_AHEAD
from accrual.engine.render import ticket_text
from accrual.engine.views import AwardView, BalanceView, LineView, TicketView

_STATUS_STYLES = {"decided": "green", "waiting": "yellow", "parked": "red"}


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    """A table; columns whose name starts with `#` hold numbers and are set flush right."""
    drawn = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.startswith("#") else "left"
        # What people copy stays in one piece.
        drawn.add_column(column.removeprefix("#"), justify=justify, no_wrap=column in ("ticket", "occurred"))
    for row in rows:
        drawn.add_row(*row)
    return drawn


def moment(at: datetime | None) -> str:
    """An instant in UTC, to the second."""
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def identity_text(identity: Identity) -> str:
    """Kind and value of an identity."""
    return f"{identity.kind} {identity.value}".strip()


def status_text(view: TicketView) -> Text:
    """The status of a ticket; a decided one says when a follow-up is still under way."""
    words = view.status if view.complete or view.status == "waiting" else f"{view.status}, follow-ups under way"
    return Text(words, style=_STATUS_STYLES.get(view.status, ""))


def balances_table(balances: Iterable[BalanceView]) -> Table:
    """Each asset of a member."""
    rows = [[b.code, b.name, *(f"{n:,}" for n in (b.posted, b.held, b.available, b.pending, b.debt))] for b in balances]
    return table("Balances", ["asset", "name", "#posted", "#held", "#available", "#pending", "#debt"], rows)


def expiring_table(balances: Iterable[BalanceView]) -> Table | None:
    """What is due to expire, an asset a row; None when nothing of the member's ever expires."""
    rows = [
        [b.code, b.next_expiry.date.isoformat(), f"{b.next_expiry.amount:,}", *(f"{due.amount:,}" for due in b.due)]
        for b in balances
        if b.next_expiry is not None
    ]
    if not rows:
        return None
    return table("Due to expire", ["asset", "next until", "#next", *(f"#in {days} days" for days in DAYS_AHEAD)], rows)


def history_table(history: Iterable[TicketView]) -> Table:
    """A row a command, with what it gave and how often it did not."""
    return table(
        "History, newest first",
        ["occurred", "action", "status", "awards", "not given", "ticket"],
        (
            [
                moment(view.occurred_at),
                view.action,
                status_text(view),
                awards_text(view),
                ", ".join(_short_decline(decline.promo, decline.reason) for decline in view.declines),
                ticket_text(view.ticket),
            ]
            for view in history
        ),
    )


def awards_table(view: TicketView) -> Table:
    """A row an award."""
    return table(
        "Awards",
        ["asset", "#amount", "promo", "to", "how", "active", "expires"],
        (
            [
                award.code,
                f"{award.amount:,}",
                f"{award.promo} v{award.promo_version}",
                identity_text(award.recipient),
                award.text,
                moment(award.active_at),
                moment(award.expires_at),
            ]
            for award in view.awards
        ),
    )


def declines_table(view: TicketView) -> Table:
    """A row a decline."""
    return table(
        "Not given",
        ["promo", "reason", "why"],
        ([decline.promo or "(programme)", decline.reason, decline.text] for decline in view.declines),
    )


def lines_table(lines: Iterable[LineView]) -> Table:
    """A row a ledger line."""
    return table(
        "Lines",
        ["account", "kind", "#amount", "#balance after", "active", "expires"],
        (
            [
                f"{line.code} {line.role}",
                line.kind,
                f"{line.amount:+,}",
                f"{line.balance_after:,}",
                moment(line.active_at),
                moment(line.expires_at),
            ]
            for line in lines
        ),
    )


def dialect_text(dialect: int) -> str:
    """In whose words a command came."""
    return Dialect(dialect).name.lower()


def awards_text(view: TicketView) -> str:
    """All awards of a ticket in one line; those of somebody else say to whom."""
    return ", ".join(_short_award(award, view.identity) for award in view.awards)


def _short_award(award: AwardView, member: Identity) -> str:
    to = "" if award.recipient == member else f" to {identity_text(award.recipient)}"
    return f"{award.amount:,} {award.code}{to}"


def _short_decline(promo: str | None, reason: str) -> str:
    return f"{promo}: {reason}" if promo else reason
