"""What is shown of promos, for the native API and the command line. Values only; nothing is computed here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from accrual.engine.plan_shape import FieldChange


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A version that waits for approval (`draft`) or for activation (`approved`)."""

    version: int
    status: str
    saved_by: str
    saved_at: datetime


class PromoLine(msgspec.Struct, frozen=True, kw_only=True):
    """One promo in a list. `version` is the one that holds, or else the one that waits."""

    code: str
    name: str
    number: int
    trigger: str
    status: str
    version: int
    origin: str
    window_from: str | None
    window_until: str | None
    waits: Waiting | None


class VersionView(msgspec.Struct, frozen=True, kw_only=True):
    """One saved version. It holds for facts from `holds_from` (null: the beginning) until `holds_until` (null: the end).

    `holds` is false for what waits, waited in vain, or was replaced before it could hold for anything.
    """

    version: int
    status: str
    saved_by: str
    saved_at: datetime
    holds: bool
    holds_from: datetime | None
    holds_until: datetime | None
    action: str | None = None
    reason: str | None = None
    fields: tuple[FieldChange, ...] = ()


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What a promo gave, over all versions: awards, and units by asset.

    Counted exactly when `looked_at` = `commands`; else estimated from so many evenly spread commands.
    """

    since: datetime | None
    awards: int
    units: dict[str, int]
    commands: int
    looked_at: int


class CapView(msgspec.Struct, frozen=True, kw_only=True):
    """A budget or limit, and its use in the period of now. `used` and `left` are null where each member has their own.

    `runs_out_at` is when a budget ends at the rate of the last days; null when it does not, or not within a century.
    """

    kind: str
    per: str
    every: str
    by: str
    cap: int
    asset: str | None
    outlet: str | None
    on_limit: str
    used: int | None
    left: int | None
    runs_out_at: datetime | None = None


class PromoView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one promo. `document` is the version that holds, or else the one that waits.

    `given_lately` is since at most seven days ago; `rate_over_s` is the time its rate is taken over.
    """

    promo: PromoLine
    document: dict[str, Any]
    waiting_document: dict[str, Any] | None
    versions: tuple[VersionView, ...]
    given: Given
    given_lately: Given
    rate_over_s: int
    caps: tuple[CapView, ...]


class PromoPage(msgspec.Struct, frozen=True, kw_only=True):
    """Promos in the order of their codes; page on with `next_after` while it is not null."""

    promos: tuple[PromoLine, ...]
    next_after: str | None
