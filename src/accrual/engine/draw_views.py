"""Draws as they are shown: rounds with commitments, odds as stated and as they are now, winners. Values only."""

from __future__ import annotations

from datetime import datetime

import msgspec

from accrual.domain.draws import Round


class OddsView(msgspec.Struct, frozen=True, kw_only=True):
    """A prize's chance: as the table states it, and out of what is in the table now. Percentages are exact to 4 decimals.

    `left` is None without a stock; `out` says why it is not in the table, for everybody.
    """

    prize: str
    wins: str
    weight: int
    stated: str
    now: str
    left: int | None = None
    out: str | None = None


class WinnerView(msgspec.Struct, frozen=True, kw_only=True):
    """A pick of a raffle, named by the ticket of its entry."""

    pick: int
    prize: str
    ticket: str
    status: str
    claim_by: datetime | None = None


class DrawView(msgspec.Struct, frozen=True, kw_only=True):
    """A draw or raffle as the public may see it. The secret of a round is there once it is closed."""

    draw: str
    name: str
    kind: str
    status: str
    round: int
    commitment: str
    since: datetime
    entries: int
    rounds: tuple[Round, ...]
    odds: tuple[OddsView, ...] = ()
    drawn_at: datetime | None = None
    winners: tuple[WinnerView, ...] = ()


def percent_text(part: int, whole: int) -> str:
    """`25.0000 %`, cut after 4 decimals."""
    if not whole:
        return "0.0000 %"
    units, rest = divmod(part * 1_000_000 // whole, 10_000)
    return f"{units}.{rest:04d} %"
