"""What a backtest reports, as values and as the one JSON shape: table, page and --json say the same."""

from __future__ import annotations

from typing import Any

import msgspec

from accrual.domain.facts import Identity


class Winner(msgspec.Struct, frozen=True, kw_only=True):
    """One of those who got most of an asset. `member` is the hexadecimal member id."""

    member: str
    identity: Identity
    units: int


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """How many members got `least` to `most` units in all."""

    least: int
    most: int
    members: int


class AssetReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything given of one asset. `cost` is exact money text, None where no value of a unit is known."""

    asset: str
    units: int
    cost: str | None
    members: int
    winners: tuple[Winner, ...]
    distribution: tuple[Band, ...]


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """Units and awards of one day, promo and asset; days are the programme's, by when things occurred."""

    day: str
    promo: str
    asset: str
    units: int
    awards: int


class DeclineCount(msgspec.Struct, frozen=True, kw_only=True):
    """How often a promo (None: the programme) declined for a reason."""

    promo: str | None
    reason: str
    count: int


class SideReport(msgspec.Struct, frozen=True, kw_only=True):
    """One side of the comparison."""

    commands: int
    parked: int
    awards: int
    members_touched: int
    assets: tuple[AssetReport, ...]
    cells: tuple[Cell, ...]
    declines: tuple[DeclineCount, ...]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A command whose outcome is not byte for byte the stored one, where the same programme was run."""

    ticket: str
    bucket: int
    position: int
    simulated: str
    stored: str


class BacktestReport(msgspec.Struct, frozen=True, kw_only=True):
    """A whole backtest. `really` is None where a file was run: nothing happened really.

    `as_was`: the programme is the stored one, so each command was decided under the revision that decided it, and
    `equal` of `commands` outcomes are the stored ones byte for byte; `different` are the first that are not.
    `refused` rows of a file could not be read, the first of them are in `problems`.
    """

    programme: str
    source: str
    since: str | None
    until: str | None
    as_was: bool
    commands: int
    seconds_s: float
    rate_per_s: float
    simulated: SideReport
    really: SideReport | None
    equal: int | None = None
    different: tuple[Difference, ...] = ()
    refused: int = 0
    problems: tuple[str, ...] = ()


def report_json(report: BacktestReport, *, show_identities: bool) -> dict[str, Any]:
    """The object that --json prints; identities of winners only where they are asked for."""
    told: dict[str, Any] = msgspec.to_builtins(report)
    told["seconds"] = told.pop("seconds_s")
    for side in (told["simulated"], told["really"]):
        for asset in [] if side is None else side["assets"]:
            for winner in asset["winners"]:
                kind, value = winner.pop("identity")
                if show_identities:
                    winner["identity"] = {"kind": kind, "value": value}
    return told
