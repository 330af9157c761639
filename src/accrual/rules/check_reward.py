"""Whether a reward's document can be judged by: its names exist, its times parse, its parts do not contradict."""

from __future__ import annotations

from collections.abc import Iterator, Set
from datetime import datetime

from accrual.domain.errors import Invalid
from accrual.domain.rewards import RewardItem
from accrual.rules.calendar import read_instant
from accrual.rules.check_window import check_duration, moment_problem
from accrual.rules.problems import Problem, suggest

OUTLETS_MAX = 10_000


def check_reward(path: str, item: RewardItem, *, zone: str, assets: Set[str], outlets: Set[str]) -> Iterator[Problem]:
    """Everything that is wrong with it. `zone` is the reward's own or else the programme's, and exists."""
    if item.asset not in assets:
        yield Problem(f"{path}.asset", f"unknown asset {item.asset!r}{suggest(item.asset, assets)}")
    if len(item.outlets) > OUTLETS_MAX:
        yield Problem(f"{path}.outlets", f"has {len(item.outlets)} entries, at most {OUTLETS_MAX} are allowed")
    for index, code in enumerate(item.outlets):
        if code not in outlets:
            yield Problem(f"{path}.outlets[{index}]", f"unknown outlet {code!r}{suggest(code, outlets)}")
    yield from _check_window(path, item, zone)
    yield from check_duration(f"{path}.code_valid_for", item.code_valid_for)
    if item.has_pool and item.stock is not None:
        yield Problem(f"{path}.stock", "a reward whose vouchers come from a pool has as many as codes are loaded")
    if item.has_pool and item.voucher is not None and (item.voucher.prefix or item.voucher.length != 12):
        yield Problem(f"{path}.voucher", "codes of a pool are given as they were loaded, without prefix and length")


def _check_window(path: str, item: RewardItem, zone: str) -> Iterator[Problem]:
    moments: dict[str, datetime] = {}
    for name, text in (("from", item.window.from_), ("until", item.window.until)):
        if text is None:
            continue
        try:
            moments[name] = read_instant(text, zone)
        except Invalid:
            yield Problem(f"{path}.window.{name}", moment_problem(text, zone))
    if len(moments) == 2 and moments["from"] >= moments["until"]:
        yield Problem(f"{path}.window.until", "the window ends before it begins")
