"""What judging conditions costs at worst, told from their text alone: the same everywhere and always, unlike time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from accrual.rules.condition_language import evaluating
from accrual.rules.condition_names import MACROS
from accrual.rules.condition_shape import function_at
from accrual.rules.condition_text import Token, closing

STEPS_A_US = 10
"""Steps in a microsecond of one core, as measured; what a step is worth stays the same on quicker machines."""

ITEMS_MAX = 200
"""Elements of any list other than a fact's lines: written lists, a member's lists and segments."""

_PLAIN, _ASKED, _TOKEN, _SCAN, _MATCH = 2, 400, 10, 5, 600
"""In steps: a condition that needs no CEL, a call of CEL, a token of it, an element that `in` looks at, a pattern."""

_LITERAL, _CLASS, _WIDE, _SCRIPT, _REPEATED = 20, 100, 600, 120_000, 500
"""In steps, each time a pattern is used, for it is read anew: a character, `[a-z]`, `.` or `[^a]`, `\\p{L}`, `*` or `+`."""

_COUNTED = re.compile(r"\{(\d+)(,(\d*))?\}", re.ASCII)
_ANY_CASE = re.compile(r"\(\?[a-zA-Z]*i", re.ASCII)


class Cost(NamedTuple):
    """Steps for a fact without lines, and for each line more."""

    fixed: int
    per_line: int

    def of(self, lines: int) -> int:
        """Steps for one fact with so many lines."""
        return self.fixed + self.per_line * lines


NO_COST = Cost(0, 0)


def cost_of(tokens: Sequence[Token], *, plain: bool) -> Cost:
    """Of a whole condition; `plain`: it is judged without CEL."""
    if plain:
        return Cost(_PLAIN + len(tokens) // 4, 0)
    fixed, per_line = _ASKED + _steps(tokens, 0, len(tokens)), 0
    for start, end, by_line in _loops(tokens):
        body, scans = _steps(tokens, start, end), _scans(tokens, start, end) * _SCAN
        if by_line:
            per_line += body + scans * ITEMS_MAX
        else:
            fixed += body * ITEMS_MAX
            per_line += scans * ITEMS_MAX
    return Cost(fixed, per_line + _scans(tokens, 0, len(tokens)) * _SCAN)


def together(costs: Sequence[Cost]) -> Cost:
    """Of several conditions."""
    return Cost(sum([cost.fixed for cost in costs]), sum([cost.per_line for cost in costs]))


def pattern_cost(pattern: str) -> int:
    """Steps of using a pattern once: of reading it, which counted repetitions multiply, and of a text of 200 characters."""
    sums, lasts = [0], [0]
    at = 0
    while at < len(pattern):
        mark = pattern[at]
        if mark == "(":
            sums.append(0)
            lasts.append(0)
            at = _past_flags(pattern, at + 1)
            continue
        if mark == ")" and len(sums) > 1:
            inner = sums.pop()
            lasts.pop()
            sums[-1] += inner
            lasts[-1] = inner
            at += 1
            continue
        counted = _COUNTED.match(pattern, at)
        if counted is not None:
            times = max(int(counted[1][:4]), int((counted[3] or "0")[:4]), 1)
            more = lasts[-1] * (times - 1) + _REPEATED
            at = counted.end()
        elif mark in "*+?":
            more, at = _REPEATED, at + 1
        else:
            more, at = _atom(pattern, at)
            lasts[-1] = 0
        sums[-1] += more
        lasts[-1] += more
    return _MATCH + sum(sums) * (2 if _ANY_CASE.search(pattern) else 1)


def _past_flags(pattern: str, at: int) -> int:
    if pattern[at : at + 1] != "?":
        return at
    while at < len(pattern) and pattern[at] not in ":>)":
        at += 1
    return at if pattern[at : at + 1] == ")" else at + 1


def _atom(pattern: str, at: int) -> tuple[int, int]:
    """Steps of what begins here, and where the next thing begins."""
    mark = pattern[at]
    if mark == "\\":
        named = pattern[at + 1 : at + 2]
        if named in ("p", "P") and named:
            end = pattern.find("}", at) if pattern[at + 2 : at + 3] == "{" else at + 2
            return _SCRIPT, (end if end > 0 else at + 2) + 1
        return (_WIDE if named in ("D", "W", "S", "x") and named else _CLASS), at + 2
    if mark == "[":
        end = pattern.find("]", at + 2 + (pattern[at + 1 : at + 2] == "^"))
        inside = pattern[at + 1 :] if end < 0 else pattern[at + 1 : end]
        scripts = inside.count("\\p") + inside.count("\\P")
        wide = inside[:1] == "^" or "\\" in inside or not inside.isascii()
        return scripts * _SCRIPT + (_WIDE if wide else _CLASS), len(pattern) if end < 0 else end + 1
    return (_WIDE if mark == "." else _LITERAL), at + 1


def _loops(tokens: Sequence[Token]) -> Iterator[tuple[int, int, bool]]:
    """(begin, end, whether it goes through the fact's lines or products) of each loop's body."""
    for index, token in enumerate(tokens):
        if token.kind == "name" and token.text in MACROS and token.text != "has" and function_at(tokens, index):
            over = tokens[index - 2].text if index > 1 else ""
            yield index, closing(tokens, index + 1), over in ("lines", "products", "categories")


def _steps(tokens: Sequence[Token], start: int, end: int) -> int:
    """Of these tokens, once each."""
    steps = (end - start) * _TOKEN
    for index in range(start, end):
        if tokens[index].text == "matches" and function_at(tokens, index) == "matches":
            pattern = tokens[closing(tokens, index + 1) - 1]
            steps += pattern_cost(_written(pattern.text) if pattern.kind == "string" else pattern.text)
    return steps


@lru_cache(maxsize=1024)
def _written(literal: str) -> str:
    """The text that a literal stands for: CEL itself reads its escapes."""
    try:
        return str(evaluating().compile(literal).eval(data={}).plain_value())
    except RuntimeError:  # it is no literal, which is told elsewhere
        return literal


def _scans(tokens: Sequence[Token], start: int, end: int) -> int:
    """How often these tokens ask whether something is among the fact's products or categories."""
    return sum(
        tokens[index].text == "in" and [token.text for token in tokens[index + 1 : index + 3]] == ["purchase", "."]
        for index in range(start, end)
    )
