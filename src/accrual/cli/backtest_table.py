"""Draws a backtest's report as tables on a terminal. Nothing is counted here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from rich.console import Console

from accrual.cli.tables import identity_text, table
from accrual.engine.backtest_report import AssetReport, BacktestReport, SideReport

PROMOS_MAX = 50
DECLINES_MAX = 20


def print_backtest(report: BacktestReport, console: Console, *, show_identities: bool) -> None:
    """Sums, promos, declines, winners and distribution; then what was run."""
    console.print(table("Backtest", ["", "#simulated", "#really", "#difference"], _sums(report)))
    console.print(
        table("Promos", ["promo", "asset", "#simulated", "#really", "#difference"], promos_of(report)[:PROMOS_MAX])
    )
    declines = [
        [decline.promo or "(programme)", decline.reason, f"{decline.count:,}"] for decline in report.simulated.declines
    ]
    if declines:
        console.print(table("Not given", ["promo", "reason", "#times"], declines[:DECLINES_MAX]))
    for asset in report.simulated.assets:
        _print_members(asset, console, show_identities=show_identities)
    for problem in report.problems:
        console.print(problem, style="yellow")
    if report.refused:
        console.print(f"{report.refused:,} rows could not be read and were left out.", style="yellow")
    console.print(
        f"{report.commands:,} commands of {report.source} in {report.seconds_s:,.1f} s, {report.rate_per_s:,.0f} a second. "
        "Nothing was posted."
    )
    if report.as_was:
        console.print(
            f"The programme is the stored one: {report.equal:,} of {report.commands:,} outcomes are those of the log, "
            "byte for byte.",
            style="red" if report.different else "green",
        )
    for each in report.different:
        console.print(f"Different: ticket {each.ticket}\n  simulated {each.simulated}\n  stored    {each.stored}")


def _sums(report: BacktestReport) -> list[list[str]]:
    really = report.really
    kinds: list[tuple[str, Callable[[SideReport], int]]] = [
        ("commands", lambda side: side.commands),
        ("put aside", lambda side: side.parked),
        ("awards", lambda side: side.awards),
        ("members touched", lambda side: side.members_touched),
    ]
    rows = [compared(name, of(report.simulated), None if really is None else of(really)) for name, of in kinds]
    codes = sorted({asset.asset for side in (report.simulated, really) if side is not None for asset in side.assets})
    for code in codes:
        mine = asset_of(report.simulated, code)
        theirs = None if really is None else asset_of(really, code)
        rows.append(
            compared(
                f"{code} units",
                0 if mine is None else mine.units,
                None if really is None else 0 if theirs is None else theirs.units,
            )
        )
        if mine is not None and mine.cost is not None:
            rows.append([f"{code} cost", mine.cost, "" if theirs is None else theirs.cost or "", ""])
    return rows


def compared(name: str, simulated: int, really: int | None) -> list[str]:
    """A row of two numbers and their difference."""
    if really is None:
        return [name, f"{simulated:,}", "", ""]
    return [name, f"{simulated:,}", f"{really:,}", f"{simulated - really:+,}"]


def asset_of(side: SideReport, code: str) -> AssetReport | None:
    """What one side gave of an asset."""
    return next((asset for asset in side.assets if asset.asset == code), None)


def promos_of(report: BacktestReport) -> list[list[str]]:
    """Units by promo and asset, those that give most first."""
    simulated: dict[tuple[str, str], int] = defaultdict(int)
    really: dict[tuple[str, str], int] = defaultdict(int)
    for side, sums in ((report.simulated, simulated), (report.really, really)):
        for cell in [] if side is None else side.cells:
            sums[cell.promo, cell.asset] += cell.units
    keys = sorted({*simulated, *really}, key=lambda key: (-max(simulated[key], really[key]), key))
    return [[key[0], *compared(key[1], simulated[key], None if report.really is None else really[key])] for key in keys]


def _print_members(asset: AssetReport, console: Console, *, show_identities: bool) -> None:
    winners = [
        [identity_text(each.identity) if show_identities else each.member[:16], f"{each.units:,}"]
        for each in asset.winners
    ]
    console.print(table(f"Most {asset.asset}", ["member", "#units"], winners))
    bands = [[f"{band.least:,} to {band.most:,}", f"{band.members:,}"] for band in asset.distribution]
    console.print(table(f"Spread of {asset.asset}", ["units", "#members"], bands))
