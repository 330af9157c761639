"""Prize tables as a promo writes them: what an instant draw or a raffle can bring. How one is drawn is no business of theirs."""

from __future__ import annotations

from typing import Annotated

import msgspec

from accrual.domain.amounts import INT64_MAX
from accrual.domain.written import Code, Period, Points, _Document

WEIGHT_MAX = 1_000_000_000
PRIZES_MAX = 50


class WinLimit(_Document, frozen=True):
    """How often one member may win a prize in each calendar period, in the promo's zone."""

    count: Annotated[Points, msgspec.Meta(description="The most wins of one member.")]
    every: Annotated[
        Period, msgspec.Meta(description="In each calendar `day`, ISO `week`, `month`, `year`, or for `ever`.")
    ] = Period.EVER


class PrizeWindow(_Document, frozen=True):
    """When a prize is in the table: `from` inclusive, `until` exclusive, read in the promo's zone without an offset."""

    from_: Annotated[
        str | None, msgspec.Meta(description="Its first moment, such as `2026-11-25T00:00`; absent: since ever.")
    ] = msgspec.field(default=None, name="from")
    until: Annotated[str | None, msgspec.Meta(description="The first moment after it; absent: for ever.")] = None


class Prize(_Document, frozen=True):
    """One row of a prize table. Its chance is its weight out of the weights of all rows that are in the table just then."""

    code: Annotated[Code, msgspec.Meta(description="Its name in the table.")]
    weight: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=WEIGHT_MAX)],
        msgspec.Meta(description="Its share of the chances, a whole number; 0 only for the fallback."),
    ] = 0
    asset: Annotated[Code | None, msgspec.Meta(description="What is won; absent: the asset of the benefit.")] = None
    amount: Annotated[Points, msgspec.Meta(description="Units that are won.")] = 1
    nothing: Annotated[bool, msgspec.Meta(description="Whether this row means that nothing is won.")] = False
    stock: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)] | None,
        msgspec.Meta(description="How often it can be won in all, by everybody; absent: without end."),
    ] = None
    window: Annotated[PrizeWindow, msgspec.Meta(description="When it is in the table.")] = PrizeWindow()
    per_member: Annotated[WinLimit | None, msgspec.Meta(description="How often one member may win it.")] = None


class Pity(_Document, frozen=True):
    """After so many entries in a row that won none of these prizes, the next one is drawn out of these alone."""

    after: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=1_000_000)],
        msgspec.Meta(description="So many entries without any of them."),
    ]
    prizes: Annotated[
        Annotated[tuple[Code, ...], msgspec.Meta(min_length=1, max_length=PRIZES_MAX)],
        msgspec.Meta(description="Codes of prizes of the table, each with a weight."),
    ]


class EntryCost(_Document, frozen=True):
    """What an entry takes from the member, in the posting that draws."""

    asset: Annotated[Code, msgspec.Meta(description="Code of the asset it is paid with: points or draw tickets.")]
    amount: Annotated[Points, msgspec.Meta(description="Units that one entry costs.")] = 1


class Draw(_Document, frozen=True):
    """An instant draw. Where prizes leave the table, the others share their chances, or the `fallback` has them."""

    prizes: Annotated[
        Annotated[tuple[Prize, ...], msgspec.Meta(min_length=1, max_length=PRIZES_MAX)],
        msgspec.Meta(description="The table, in the order in which chances are laid out."),
    ]
    cost: Annotated[EntryCost | None, msgspec.Meta(description="What an entry costs; absent: nothing.")] = None
    fallback: Annotated[
        Code | None,
        msgspec.Meta(
            description="The prize that has the chances of those which left the table; absent: all that stay."
        ),
    ] = None
    pity: Annotated[Pity | None, msgspec.Meta(description="Help for members without luck.")] = None


class RafflePrize(_Document, frozen=True):
    """So many pieces of a prize of a raffle; the prizes are drawn in the order of the list."""

    code: Annotated[Code, msgspec.Meta(description="Its name in the raffle.")]
    asset: Annotated[Code, msgspec.Meta(description="Code of the asset that is won.")]
    amount: Annotated[Points, msgspec.Meta(description="Units that a winner gets.")] = 1
    count: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=100_000)], msgspec.Meta(description="How many winners it has.")
    ] = 1


class Raffle(_Document, frozen=True):
    """Entries gather until `at`; then winners are drawn out of all tickets. A benefit of it gives `tickets` of its asset."""

    at: Annotated[str, msgspec.Meta(description="When it is drawn, such as `2026-12-31T20:00`, in the promo's zone.")]
    prizes: Annotated[
        Annotated[tuple[RafflePrize, ...], msgspec.Meta(min_length=1, max_length=PRIZES_MAX)],
        msgspec.Meta(description="What can be won, best first."),
    ]
    tickets: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=1_000_000)], msgspec.Meta(description="Tickets of one entry.")
    ] = 1
    cost: Annotated[EntryCost | None, msgspec.Meta(description="What an entry costs; absent: nothing.")] = None
    once_per_member: Annotated[bool, msgspec.Meta(description="Whether a member wins once at most.")] = True
    claim_within: Annotated[
        str | None,
        msgspec.Meta(
            description="How long a winner has to claim, such as `P14D`, before a reserve is drawn; absent: given at once."
        ),
    ] = None
