"""Whether a promo's times can be read: its window, days, hours, dates and the start of its version. Nothing is open here."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from accrual.domain.bounds import OUT_OF_BOUNDS, YEARS_AHEAD_MAX
from accrual.domain.errors import Invalid
from accrual.domain.promos import Promo, Window
from accrual.rules.calendar import is_too_long, read_instant, read_stored_instant
from accrual.rules.problems import Problem
from accrual.rules.schedule import compile_schedule, read_span

TIMES_MAX = 400


def check_window(path: str, promo: Promo, zone: str) -> Iterator[Problem]:
    """Everything that is wrong with a promo's times. `zone` exists."""
    moments = {}
    for name, text in (
        ("window.from", promo.window.from_),
        ("window.until", promo.window.until),
        ("effective_from", promo.effective_from),
    ):
        if text is None:
            continue
        try:
            moments[name] = read_instant(text, zone)
        except Invalid:
            yield Problem(f"{path}.{name}", moment_problem(text, zone))
    if "window.from" in moments and "window.until" in moments and moments["window.from"] >= moments["window.until"]:
        yield Problem(f"{path}.window.until", "the window ends before it begins")
    yield from _check_schedule(f"{path}.window", promo.window, zone)


def _check_schedule(path: str, window: Window, zone: str) -> Iterator[Problem]:
    for field in ("hours", "dates"):
        texts: tuple[str, ...] = getattr(window, field)
        if len(texts) > TIMES_MAX:
            yield Problem(f"{path}.{field}", f"has {len(texts)} entries, at most {TIMES_MAX} are allowed")
            continue
        for index, text in enumerate(texts):
            try:
                if field == "hours":
                    read_span(text)
                else:
                    compile_schedule(Window(dates=(text,)), ZoneInfo(zone))
            except Invalid as error:
                yield Problem(f"{path}.{field}[{index}]", error.message)


def check_duration(path: str, text: str) -> Iterator[Problem]:
    """An ISO 8601 duration of at most YEARS_AHEAD_MAX years."""
    try:
        too_long = is_too_long(text)
    except Invalid:
        yield Problem(path, f"{text!r} is not a duration such as P12M, P30D or PT36H")
        return
    if too_long:
        yield Problem(path, f"{text!r} is longer than {YEARS_AHEAD_MAX} years; write a shorter duration")


def moment_problem(text: str, zone: str) -> str:
    """What is wrong with a time that `read_instant` refused."""
    try:
        read_stored_instant(text, zone)
    except Invalid:
        return f"{text!r} is not a date and time such as 2026-11-25T00:00"
    return f"{text!r} {OUT_OF_BOUNDS.replace('send', 'write').rstrip('.')}"
