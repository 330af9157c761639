"""A backtest's report as one HTML file that needs nothing else: no script, no font, no address. Nothing is counted here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from html import escape

from accrual.cli.backtest_charts import Pair, columns, rows
from accrual.cli.backtest_table import asset_of, compared, promos_of
from accrual.cli.tables import identity_text
from accrual.engine.backtest_report import AssetReport, BacktestReport

PROMOS_DRAWN_MAX = 30

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:940px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}
table{border-collapse:collapse}td,th{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:left}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
svg{width:100%;height:auto}svg text{font-size:11px;fill:#555}svg line{stroke:#ddd}
.simulated{fill:#1f6feb}.really{fill:#bbb}.key span{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em}
@media print{body{margin:0}}
"""


def page(report: BacktestReport, *, show_identities: bool) -> str:
    """The whole file."""
    parts = [
        f"<h1>Backtest of {escape(report.programme)}</h1>",
        f"<p>{escape(_said(report))}</p>",
        '<p class="key"><span style="background:#1f6feb"></span>simulated'
        + ('<span style="background:#bbb"></span>really' if report.really is not None else "")
        + "</p>",
        _table(["", "simulated", "really", "difference"], _sums(report)),
        "<h2>By promo</h2>",
        _table(["promo", "asset", "simulated", "really", "difference"], promos_of(report), names=2),
    ]
    for asset in report.simulated.assets:
        parts += _asset(report, asset, show_identities=show_identities)
    parts += ["<h2>Not given</h2>", _table(["promo", "reason", "times"], _declines(report), names=2)]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Backtest of {escape(report.programme)}</title><style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _said(report: BacktestReport) -> str:
    span = " ".join(
        f"{word} {moment}" for word, moment in (("from", report.since), ("until", report.until)) if moment is not None
    )
    said = f"{report.commands:,} commands of {report.source} {span}".strip() + ". Nothing was posted."
    if report.as_was:
        said += f" The programme is the stored one: {report.equal:,} outcomes are those of the log, byte for byte."
    if report.refused:
        said += f" {report.refused:,} rows could not be read."
    return said


def _sums(report: BacktestReport) -> list[list[str]]:
    simulated, really = report.simulated, report.really
    rows_ = [
        compared("commands", simulated.commands, None if really is None else really.commands),
        compared("awards", simulated.awards, None if really is None else really.awards),
        compared("members touched", simulated.members_touched, None if really is None else really.members_touched),
    ]
    for asset in simulated.assets:
        other = None if really is None else asset_of(really, asset.asset)
        units = None if really is None else 0 if other is None else other.units
        rows_.append(compared(f"{asset.asset} units", asset.units, units))
        if asset.cost is not None:
            rows_.append([f"{asset.asset} cost", asset.cost, "" if other is None else other.cost or "", ""])
    return rows_


def _asset(report: BacktestReport, asset: AssetReport, *, show_identities: bool) -> list[str]:
    code = asset.asset
    other = None if report.really is None else asset_of(report.really, code)
    winners = [
        [identity_text(each.identity) if show_identities else each.member[:16], f"{each.units:,}"]
        for each in asset.winners
    ]
    return [
        f"<h2>{escape(code)} by day</h2>",
        columns(_pairs(report, code, by_day=True), f"{code} by day"),
        f"<h2>{escape(code)} by promo</h2>",
        rows(_pairs(report, code, by_day=False)[:PROMOS_DRAWN_MAX], f"{code} by promo"),
        f"<h2>Members by units of {escape(code)}</h2>",
        rows(_bands(asset, other, compares=report.really is not None), f"members by units of {code}"),
        f"<h2>Largest winners of {escape(code)}</h2>",
        _table(["member", "units"], winners),
    ]


def _pairs(report: BacktestReport, code: str, *, by_day: bool) -> list[Pair]:
    simulated: dict[str, int] = defaultdict(int)
    really: dict[str, int] = defaultdict(int)
    for side, sums in ((report.simulated, simulated), (report.really, really)):
        for cell in [] if side is None else side.cells:
            if cell.asset == code:
                sums[cell.day if by_day else cell.promo] += cell.units
    names = sorted({*simulated, *really}, key=lambda name: name if by_day else (-simulated[name], name))
    return [Pair(name, simulated[name], None if report.really is None else really[name]) for name in names]


def _bands(asset: AssetReport, other: AssetReport | None, *, compares: bool) -> list[Pair]:
    theirs = {} if other is None else {band.least: band for band in other.distribution}
    mine = {band.least: band for band in asset.distribution}
    pairs = []
    for least in sorted({*mine, *theirs}):
        band = mine.get(least) or theirs[least]
        counted = theirs[least].members if least in theirs else 0
        pairs.append(
            Pair(
                f"{least:,} to {band.most:,}",
                mine[least].members if least in mine else 0,
                counted if compares else None,
            )
        )
    return pairs


def _declines(report: BacktestReport) -> Iterable[list[str]]:
    return ([each.promo or "(programme)", each.reason, f"{each.count:,}"] for each in report.simulated.declines)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]], *, names: int = 1) -> str:
    """The first `names` columns are text, the others numbers."""

    def cells(tag: str, line: Sequence[str]) -> str:
        kinds = ["" if number < names else ' class="n"' for number in range(len(line))]
        return "".join(f"<{tag}{kind}>{escape(text)}</{tag}>" for kind, text in zip(kinds, line, strict=True))

    body = "".join(f"<tr>{cells('td', line)}</tr>" for line in lines)
    return f"<table><thead><tr>{cells('th', head)}</tr></thead><tbody>{body}</tbody></table>"
