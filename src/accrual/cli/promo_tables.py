"""Draws promos on a terminal: the list, one promo with its use, its history. Nothing is looked up or counted here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Console
from rich.text import Text

from accrual.cli.plan_table import shown
from accrual.cli.tables import moment, table
from accrual.domain.documents import leaves
from accrual.engine.promo_views import CapView, Given, PromoLine, PromoView, VersionView

_STATUS_STYLES = {"active": "green", "paused": "yellow", "draft": "cyan", "approved": "cyan", "ended": "dim"}
_EVERY = {"day": "a day", "week": "a week", "month": "a month", "year": "a year", "ever": "for good"}


def print_list(promos: Sequence[PromoLine], console: Console) -> None:
    """A row a promo."""
    if not promos:
        console.print("There is no such promo.")
        return
    console.print(
        table(
            "1 promo" if len(promos) == 1 else f"{len(promos)} promos",
            ["code", "status", "#version", "trigger", "from", "until", "waits", "name"],
            (
                [
                    promo.code,
                    _status(promo.status),
                    str(promo.version),
                    promo.trigger,
                    promo.window_from or "",
                    promo.window_until or "",
                    ""
                    if promo.waits is None
                    else f"{promo.waits.status} {promo.waits.version}, {promo.waits.saved_by}",
                    promo.name,
                ]
                for promo in promos
            ),
        )
    )


def print_promo(view: PromoView, console: Console) -> None:
    """Status, document, versions, what it gave, and what is left."""
    promo = view.promo
    console.print(Text.assemble((f"{promo.code} ", "bold"), _status(promo.status)), soft_wrap=True)
    if promo.name:
        console.print(promo.name, soft_wrap=True)
    if promo.waits is not None:
        needs = "activation" if promo.waits.status == "approved" else "approval"
        console.print(
            f"Version {promo.waits.version}, saved by {promo.waits.saved_by} at {moment(promo.waits.saved_at)}, "
            f"waits for {needs}.",
            soft_wrap=True,
        )
    console.print("\nDocument", style="bold")
    for path, value in leaves(view.document):
        if value not in (None, "", [], {}):
            console.print(f"  {path}: {shown(value)}", soft_wrap=True)
    console.print()
    console.print(_versions(view.versions))
    console.print()
    console.print(_given("Given so far", view.given), soft_wrap=True)
    console.print(_given(f"Given in the last {_span(view.rate_over_s)}", view.given_lately), soft_wrap=True)
    for cap in view.caps:
        for line in _cap(cap, view):
            console.print(line, soft_wrap=True)


def print_history(code: str, versions: Iterable[VersionView], console: Console) -> None:
    """A paragraph a version: who, when, why, and each field before and after."""
    console.print(f"{code}, oldest version first", style="bold")
    for version in versions:
        action = f" ({version.action})" if version.action else ""
        console.print(
            Text.assemble(
                f"version {version.version} ",
                _status(version.status),
                f"{action} by {version.saved_by}, ",
                _saved(version),
            ),
            soft_wrap=True,
        )
        if version.reason:
            console.print(f"    why: {version.reason}", soft_wrap=True)
        for field in version.fields:
            console.print(f"    {field.path}: {shown(field.before)} -> {shown(field.after)}", soft_wrap=True)


def _saved(version: VersionView) -> str:
    return moment(version.saved_at)


def _status(status: str) -> Text:
    return Text(status, style=_STATUS_STYLES.get(status, ""))


def _versions(versions: Sequence[VersionView]) -> object:
    return table(
        "Versions",
        ["#version", "status", "saved", "by", "holds for facts from", "until"],
        (
            [
                str(version.version),
                _status(version.status),
                moment(version.saved_at),
                version.saved_by,
                _start(version),
                moment(version.holds_until),
            ]
            for version in versions
        ),
    )


def _start(version: VersionView) -> str:
    if not version.holds:
        return "(none)"
    return "the beginning" if version.holds_from is None else moment(version.holds_from)


def _given(title: str, given: Given) -> str:
    units = ", ".join(f"{amount:,} {code}" for code, amount in sorted(given.units.items())) or "nothing"
    about = "" if given.looked_at == given.commands else "about "
    how = (
        "" if not about else f" (estimated from {given.looked_at:,} of {given.commands:,} commands; --exact counts all)"
    )
    return f"{title}: {about}{given.awards:,} awards, {units}{how}"


def _cap(cap: CapView, view: PromoView) -> Iterable[str]:
    what = cap.asset or ("units" if cap.by == "amount" else "awards")
    if cap.kind == "budget":
        yield f"Budget: {cap.used or 0:,} of {cap.cap:,} {what} used, {cap.left or 0:,} left"
        yield f"  {_end(cap, view)}"
        return
    per = f"outlet {cap.outlet}" if cap.outlet else f"each {cap.per}" if cap.per != "promo" else "the whole promo"
    use = (
        f"{cap.used:,} used, {cap.left:,} left now"
        if cap.used is not None and cap.left is not None
        else "counted for each"
    )
    yield f"Limit: {cap.cap:,} {what} {_EVERY[cap.every]}, {per}: {use} ({cap.on_limit})"


def _end(cap: CapView, view: PromoView) -> str:
    rate = f"at the rate of the last {_span(view.rate_over_s)}"
    if not cap.left:
        return "It is used up."
    if cap.runs_out_at is None:
        return f"Nothing was used lately: it does not run out {rate}."
    later = _ends_first(view, cap.runs_out_at)
    return f"Runs out on {moment(cap.runs_out_at)} {rate}{later}."


def _ends_first(view: PromoView, runs_out_at: datetime) -> str:
    until = [version.holds_until for version in view.versions if version.version == view.promo.version]
    return ", after this version ends" if until and until[0] is not None and until[0] < runs_out_at else ""


def _span(seconds: int) -> str:
    days, hours = seconds // 86_400, seconds // 3_600
    if days:
        return "day" if days == 1 else f"{days} days"
    return "hour" if hours <= 1 else f"{hours} hours"
