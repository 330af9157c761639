"""Judges conditions: plain ones by Python of ours, the others as one CEL list; and tells what was false or failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from cel_expr_python import cel

from accrual.domain.outcomes import Declined
from accrual.rules.condition_check import check_condition
from accrual.rules.condition_code import UNTOLD, Ask, alone, at_once, numbered
from accrual.rules.condition_compile import (
    AMOUNT,
    CompiledCondition,
    Label,
    Needs,
    Part,
    Wanted,
    compile_condition,
    is_money,
    program_of,
)
from accrual.rules.condition_language import evaluating
from accrual.rules.condition_shape import cel_words
from accrual.rules.condition_text import ConditionProblem
from accrual.rules.condition_values import SAME_FOR_ALIKE, Facts, values_of

__all__ = [
    "CompiledCondition",
    "ConditionProblem",
    "ConditionSet",
    "Facts",
    "Needs",
    "Verdict",
    "Wanted",
    "check_condition",
    "compile_condition",
    "values_of",
]

GROUP_MAX = 64
GROUP_CHARACTERS_MAX = 40_000
"""A list program holds no more than so many conditions and characters; CEL takes 100,000."""

WORTH_A_FUNCTION = 4
"""To make a function takes as long as to judge its conditions some hundred times: not for a set that is met but once."""

ATTRIBUTES = frozenset({"member.attributes", "event.attributes"})

SHOWN_ITEMS_MAX = 10
SHOWN_CHARACTERS_MAX = 200


class Verdict(NamedTuple):
    """Whether a condition holds; else `condition_false` or `condition_failed` with what decided.

    `details` has `part`, the text of the first part that was false or failed, `values` of the names in it (None: there
    is none; money as `50000.00 IDR`), and on failure `error`.
    """

    holds: bool
    reason: str = ""
    details: dict[str, Any] | None = None


HOLDS = Verdict(True)

Shown = dict[int, dict[str, Any]]
"""What was shown of the values of one fact, by kinds of parts."""


class ConditionSet:
    """Conditions that are judged together: plain ones by one function, the others as one CEL list.

    Programs are compiled when first needed and kept as long as the set. `names` is what `values_of` has to find,
    `varying` whether any looks at what differs between facts that are alike, `names_varying` what these look at.
    """

    def __init__(self, conditions: Sequence[CompiledCondition]) -> None:
        self._conditions = tuple(conditions)
        self._programs: dict[tuple[tuple[int, ...], bool], cel.Expression | str] = {}
        self._plain = [_plain(condition) for condition in self._conditions]
        self._at_once: Ask | None = None
        self._times = 0
        self._singly = [
            n for n, plain in enumerate(self._plain) if plain is not None and _may_lack(self._conditions[n])
        ]
        self._varying = [n for n, condition in enumerate(self._conditions) if varies(condition)]
        asked = [n for n, plain in enumerate(self._plain) if plain is None]
        self._groups = _grouped(self._conditions, asked)
        self._groups_varying = _grouped(self._conditions, [n for n in asked if n in self._varying])
        kinds: dict[tuple[Label, ...], int] = {}
        self._parts = [[(p.text, kinds.setdefault(p.labels, len(kinds))) for p in c.parts] for c in self._conditions]
        self.names = _together(self._conditions)
        self._part_varies = [[_part_varies(part) for part in condition.parts] for condition in self._conditions]
        self.varying = bool(self._varying)
        self.names_varying = _together([self._conditions[n] for n in self._varying])

    def judge(self, values: Mapping[str, Any]) -> list[Verdict]:
        """A verdict for each condition, in the order given. Nothing that a condition does raises."""
        shown: Shown = {}
        return [
            HOLDS if number == 0 else Verdict(False, *self.why(index, number, values, shown))
            for index, number in enumerate(self.numbers(values))
        ]

    def why(self, index: int, number: int | str, values: Mapping[str, Any], shown: Shown) -> tuple[str, dict[str, Any]]:
        """The reason and the details where `numbers` has something else than 0. `shown` is kept for the same values."""
        if isinstance(number, int) and number > 0:
            text, alike = self._parts[index][number - 1]
            told = shown.get(alike)
            if told is None:
                told = self._show(index, number - 1, values, shown)
            return "condition_false", {"part": text, "values": told}
        return "condition_failed", self._failed(index, number, values, shown)

    def tell(
        self,
        ids: Sequence[int],
        numbers: Sequence[int | str],
        values: Mapping[str, Any],
        declines: list[Declined],
    ) -> None:
        """Add a decline for each condition with another number than 0; `ids` are the promo versions'."""
        shown: Shown = {}
        for index, number in enumerate(numbers):
            if number == 0:
                continue
            if type(number) is int and number > 0:
                text, alike = self._parts[index][number - 1]
                told = shown.get(alike)
                if told is None:
                    told = self._show(index, number - 1, values, shown)
                declines.append(Declined(ids[index], "condition_false", {"part": text, "values": told}))
            else:
                declines.append(Declined(ids[index], *self.why(index, number, values, shown)))

    def hold_again(self, values: Mapping[str, Any], before: Sequence[int | str]) -> list[bool]:
        """Whether each holds for another fact that is alike, where `before` are the `numbers` of the first.

        `values` need not have more than `names_varying`.
        """
        found = [number == 0 for number in before]
        for index in self._varying:
            plain, number = self._plain[index], before[index]
            if plain is None or (isinstance(number, int) and number > 0 and not self._part_varies[index][number - 1]):
                continue  # where a part is false for all of them, no other part helps
            found[index] = self._number(index, plain, values) == 0
        for group in self._groups_varying:
            for index, number in zip(group, self._numbers(group, values), strict=True):
                found[index] = number == 0
        return found

    def numbers(self, values: Mapping[str, Any]) -> list[Any]:
        """Of each condition 0 where it holds, else the number of its first part that does not, or why it failed."""
        numbers = self._plain_numbers(values)
        for group in self._groups:
            for index, number in zip(group, self._numbers(group, values), strict=True):
                numbers[index] = number
        return numbers

    def _plain_numbers(self, values: Mapping[str, Any]) -> list[Any]:
        """Those of the plain conditions; None for the others. A set that is met often gets a function for all of them."""
        if self._at_once is None:
            self._times += 1
            if self._times < WORTH_A_FUNCTION:
                return [
                    None if plain is None else self._number(n, plain, values) for n, plain in enumerate(self._plain)
                ]
            singly = frozenset(self._singly)
            self._at_once = at_once(["None" if p is None or n in singly else p for n, p in enumerate(self._plain)])
        try:
            numbers: list[Any] = self._at_once(values)
        except UNTOLD:  # one of them cannot be told, and which one shows when each is asked
            return [None if plain is None else self._number(n, plain, values) for n, plain in enumerate(self._plain)]
        for index in self._singly:
            plain = self._plain[index]
            if plain is not None:
                numbers[index] = self._number(index, plain, values)
        return numbers

    def _number(self, index: int, plain: str, values: Mapping[str, Any]) -> Any:
        """That of one condition by itself."""
        try:
            return alone(plain)(values)
        except UNTOLD:
            return self._numbers((index,), values)[0]

    def _show(self, index: int, place: int, values: Mapping[str, Any], shown: Shown) -> dict[str, Any]:
        """The values of a part. Parts with the same names share what is `shown`: near misses are many, names few."""
        condition, alike = self._conditions[index], self._parts[index][place][1]
        if alike not in shown:
            labels = condition.parts[place].labels
            shown[alike] = {label.text: _show(label, values.get(label.name), condition) for label in labels}
        return shown[alike]

    def _failed(self, index: int, number: int | str, values: Mapping[str, Any], shown: Shown) -> dict[str, Any]:
        parts = self._conditions[index].parts
        if isinstance(number, str):
            place = next((at for at, part in enumerate(parts) if not _is_true(part, values)), 0)
            error = _said(number)
        else:
            place = -number - 1
            error = _absent(parts[place], values)
        told = self._show(index, place, values, shown)
        return {"part": parts[place].text, "values": told, "error": error}

    def _numbers(self, indices: tuple[int, ...], values: Mapping[str, Any]) -> list[Any]:
        """What CEL says of these. A list fails whole: then it is halved."""
        sent = AMOUNT in values or AMOUNT not in self.names.names
        program = self._programs.get((indices, sent))
        if program is None:
            text = program_of([self._conditions[index] for index in indices], amount_sent=sent)
            program = self._programs[indices, sent] = _program(text)
        found = program if isinstance(program, str) else _run(program, values)
        if isinstance(found, list):
            return found
        if len(indices) == 1:
            return [found]
        middle = len(indices) // 2
        return self._numbers(indices[:middle], values) + self._numbers(indices[middle:], values)


def varies(condition: CompiledCondition) -> bool:
    """Whether it may hold for one fact and not for another of the same kind, place and products."""
    wanted = condition.wanted
    return bool(wanted.counted or wanted.summed or wanted.names - SAME_FOR_ALIKE)


def _part_varies(part: Part) -> bool:
    return any(label.name not in SAME_FOR_ALIKE for label in part.labels)


def _together(conditions: Sequence[CompiledCondition]) -> Wanted:
    return Wanted(
        frozenset().union(*(condition.wanted.names for condition in conditions)),
        frozenset().union(*(condition.wanted.counted for condition in conditions)),
        frozenset().union(*(condition.wanted.summed for condition in conditions)),
    )


def _plain(condition: CompiledCondition) -> str | None:
    """The number of program_of in Python; None where a part is not plain. It raises one of UNTOLD: then CEL is asked."""
    tests = [part.plain for part in condition.parts if part.plain is not None]
    return numbered(tests) if len(tests) == len(condition.parts) else None


def _may_lack(condition: CompiledCondition) -> bool:
    """Whether it asks for an attribute, which many members and events do not have."""
    return any(label.key is not None and label.name in ATTRIBUTES for part in condition.parts for label in part.labels)


def _grouped(conditions: Sequence[CompiledCondition], indices: Sequence[int]) -> list[tuple[int, ...]]:
    """Which of the conditions at these indices go into one list program."""
    groups: list[list[int]] = []
    characters = 0
    for index in indices:
        length = sum(len(part.program) for part in conditions[index].parts) + 100
        if not groups or len(groups[-1]) == GROUP_MAX or characters + length > GROUP_CHARACTERS_MAX:
            groups.append([])
            characters = 0
        groups[-1].append(index)
        characters += length
    return [tuple(group) for group in groups]


def _program(text: str) -> cel.Expression | str:
    """The program, or why there is none: a condition that was saved under other rules must not stop a lane."""
    try:
        return evaluating().compile(text)
    except RuntimeError as error:
        return cel_words(str(error))


def _run(program: cel.Expression, values: Mapping[str, Any]) -> list[Any] | str:
    try:
        found = program.eval(data=values).plain_value()
    except RuntimeError as error:  # the iteration budget, and text that is no Unicode
        return cel_words(str(error))
    return found if isinstance(found, list) else cel_words(str(found))


def _is_true(part: Part, values: Mapping[str, Any]) -> bool:
    """Asked only about a condition that failed: the parts before the one that did are true."""
    program = _alone(part.program)
    return not isinstance(program, str) and _run(program, values) == [True]


@lru_cache(maxsize=1024)
def _alone(program: str) -> cel.Expression | str:
    return _program(f"[{program}]")


_NO_TRUTH = "a value that is neither true nor false where one of them is needed"
_WORDS = (
    ("Iteration budget exceeded", "too many lines to go through"),
    ("<jump_condition>", _NO_TRUTH),
    ("overloads found : !_", _NO_TRUTH),
    ("No value with name", "{} was not sent"),
    ("Key not found in map", "there is no {}"),
)


def _said(error: str) -> str:
    quoted = error.split('"')
    for beginning, words in _WORDS:
        if beginning in error:
            return words.format(quoted[1] if len(quoted) > 1 else "such value")[:SHOWN_CHARACTERS_MAX]
    return error[:SHOWN_CHARACTERS_MAX]


def _absent(part: Part, values: Mapping[str, Any]) -> str:
    missing = next(
        (label for label in part.required if label.key is None or label.key not in values[label.name]), part.required[0]
    )
    return f"{missing.text} was not sent" if missing.key is None else f"there is no {missing.text}"


def _show(label: Label, value: Any, condition: CompiledCondition) -> Any:
    if label.key is not None and value is not None:
        value = value.get(label.key)
    if value is not None and is_money(label):
        return money_shown(value, condition)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return value[:SHOWN_CHARACTERS_MAX]
    if isinstance(value, list):
        return [_brief(item) for item in value[:SHOWN_ITEMS_MAX]]
    if isinstance(value, dict):
        return {name: _brief(value[name]) for name in sorted(value)[:SHOWN_ITEMS_MAX]}
    return value


def _brief(value: Any) -> Any:
    return value[:SHOWN_CHARACTERS_MAX] if isinstance(value, str) else value


def money_shown(amount_minor: int, condition: CompiledCondition) -> str:
    """`50000.00 IDR`, as it would be written in a condition."""
    sign = "-" if amount_minor < 0 else ""
    whole, rest = divmod(abs(amount_minor), 10**condition.minor_units)
    decimals = f".{rest:0{condition.minor_units}d}" if condition.minor_units else ""
    return f"{sign}{whole}{decimals} {condition.currency}"
