"""Bounds on how a condition is written, found from its tokens before CEL reads it: depth, loops, lists, literals, names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cel_expr_python import cel

from accrual.domain.errors import Invalid
from accrual.domain.programme import Settings
from accrual.rules.condition_language import evaluating
from accrual.rules.condition_names import CALENDAR_PARTS, FUNCTIONS, MACROS, PLAIN_FUNCTIONS, ROOTS
from accrual.rules.condition_text import Token, closing, plain_string, split_at
from accrual.rules.money import read_money
from accrual.rules.periods import before
from accrual.rules.problems import suggest

DEPTH_MAX = 20
LOOPS_MAX = 2
LIST_MAX = 200
PATTERN_MAX = 200
PERIOD_MAX = timedelta(days=400)
COST_MAX = 50_000
LOOP_COST = 500
"""How often the body of a loop is taken to run when the cost of a condition is estimated."""

_FAR = datetime(2200, 1, 1, tzinfo=UTC)
_CALLABLE = sorted({*FUNCTIONS, *MACROS, *PLAIN_FUNCTIONS, *CALENDAR_PARTS})
_LITERAL_CALLS = frozenset({"money", "history.purchases", "history.spend", "duration", "timestamp"})
_PROBES = {
    "duration": "duration({0}) < duration('1s')",
    "timestamp": "timestamp({0}) < timestamp('2020-01-01T00:00:00Z')",
}


class Fault(NamedTuple):
    """What is wrong, and at which offset in the text."""

    start: int
    message: str


def faults(tokens: Sequence[Token], settings: Settings) -> Iterator[Fault]:
    """Everything that is refused for its shape alone, in no order."""
    yield from _brackets(tokens)
    for index, token in enumerate(tokens):
        if token.kind == "bytes":
            yield Fault(token.start, "bytes have no use here; write text without the b")
        elif token.kind == "number":
            yield from _number(tokens, index)
        elif token.kind == "name":
            yield from _name(tokens, index, settings)
        elif token.kind == "sign":
            yield from _sign(tokens, index)
    yield from _loops(tokens)


def function_at(tokens: Sequence[Token], index: int) -> str | None:
    """The function called at this name (`history.spend` for its last word); None when nothing is called here."""
    if tokens[index].kind != "name" or _text(tokens, index + 1) != "(":
        return None
    if _text(tokens, index - 1) == "." and _text(tokens, index - 2) == "history" and _text(tokens, index - 3) != ".":
        return f"history.{tokens[index].text}"
    return tokens[index].text


def _text(tokens: Sequence[Token], index: int) -> str:
    return tokens[index].text if 0 <= index < len(tokens) else ""


def _ends_value(tokens: Sequence[Token], index: int) -> bool:
    """Whether a value ends at this token, so that a dot or square bracket behind it belongs to it."""
    if not 0 <= index < len(tokens) or tokens[index].text == "in":
        return False
    return tokens[index].kind in ("name", "string") or tokens[index].text in (")", "]", "}")


def _brackets(tokens: Sequence[Token]) -> Iterator[Fault]:
    depth = 0
    for token in tokens:
        if token.kind == "sign" and token.text in "([{":
            depth += 1
            if depth > DEPTH_MAX:
                yield Fault(token.start, f"nested deeper than {DEPTH_MAX} brackets")
                return
        elif token.kind == "sign" and token.text in ")]}":
            depth -= 1


def _number(tokens: Sequence[Token], index: int) -> Iterator[Fault]:
    text = tokens[index].text
    if not text.isdigit() and not text.lower().startswith("0x"):
        yield Fault(tokens[index].start, f"{text} is not a whole number; fractions have no use here")
    elif text.lower().endswith("u"):
        yield Fault(tokens[index].start, f"write {text[:-1]} without the u")
    elif _text(tokens, index - 1) in ("/", "%") and int(text, 0 if text.lower().startswith("0x") else 10) == 0:
        yield Fault(tokens[index].start, "a division by zero")


def _name(tokens: Sequence[Token], index: int, settings: Settings) -> Iterator[Fault]:
    token, following = tokens[index], _text(tokens, index + 1)
    if token.text == "null":
        yield Fault(token.start, "null has no use here; has(member.attributes.name) asks whether there is a value")
    elif following == "{":
        yield Fault(token.start, f"{token.text} cannot be made here")
    elif token.text in CALENDAR_PARTS and following == "(":
        yield from _zone(tokens, index)
    function = function_at(tokens, index)
    if function is None:
        return
    if function not in _CALLABLE:
        yield Fault(token.start, f"unknown function {function}{suggest(function, _CALLABLE)}")
    elif function in _LITERAL_CALLS:
        yield from _literal_call(tokens, index, function, settings)
    elif function == "matches":
        yield from _pattern(tokens, index)


def _literal_call(tokens: Sequence[Token], index: int, function: str, settings: Settings) -> Iterator[Fault]:
    start = tokens[index + 1].start + 1
    inner = tokens[index + 2 : closing(tokens, index + 1)]
    text = plain_string(inner[0]) if len(inner) == 1 else None
    if text is None:
        yield Fault(start, f"{function} takes one text in quotes, such as {_example(function, settings)}")
    elif function == "money":
        try:
            read_money(text, settings)
        except Invalid as error:
            yield Fault(start, f"{error.message} Write such as {_example(function, settings)}.")
    elif function in _PROBES:
        failed = _probe(_PROBES[function].format(inner[0].text))
        if failed:
            yield Fault(start, f"{text!r} is no {function}; write such as {_example(function, settings)}")
    else:
        yield from _period(text, start)


def _example(function: str, settings: Settings) -> str:
    if function == "duration":
        return 'duration("24h")'
    if function == "timestamp":
        return 'timestamp("2026-11-25T00:00:00+07:00")'
    return f'money("50000 {settings.currency}")' if function == "money" else f'{function}("P30D")'


def _period(text: str, start: int) -> Iterator[Fault]:
    try:
        length = _FAR - before(_FAR, text, "UTC")
    except (Invalid, ValueError, OverflowError):
        yield Fault(start, f"{text!r} is not a period such as P30D")
        return
    if length <= timedelta(0):
        yield Fault(start, "the period is empty")
    elif length > PERIOD_MAX:
        yield Fault(start, f"{text} is longer than P{PERIOD_MAX.days}D")


def _pattern(tokens: Sequence[Token], index: int) -> Iterator[Fault]:
    close = closing(tokens, index + 1)
    pattern = tokens[close - 1]
    if pattern.kind != "string" or _text(tokens, close - 2) not in ("(", ","):
        yield Fault(tokens[index].start, "a pattern must be written out in quotes")
    elif len(pattern.text) > PATTERN_MAX:
        yield Fault(pattern.start, f"the pattern is longer than {PATTERN_MAX} characters")
    elif failed := _probe(f"''.matches({pattern.text})"):
        yield Fault(pattern.start, f"this is no pattern: {failed}")


def _zone(tokens: Sequence[Token], index: int) -> Iterator[Fault]:
    argument = tokens[index + 2] if index + 2 < len(tokens) else tokens[index]
    if argument.kind == "string":
        if _probe(f"timestamp('2020-01-01T00:00:00Z').getHours({argument.text}) > 0"):
            yield Fault(argument.start, f"unknown time zone {argument.text}")
    elif argument.text != ")":
        yield Fault(argument.start, "a time zone must be written out in quotes")


def _probe(expression: str) -> str:
    """Why an expression without names fails; empty when it does not."""
    try:
        value = evaluating().compile(expression).eval(data={})
    except RuntimeError as error:
        return cel_words(str(error))
    return cel_words(str(value.plain_value())) if value.type() == cel.Type.ERROR else ""


def cel_words(said: str) -> str:
    """CEL's message without its codes."""
    first = said.split("\n")[0]
    head, separator, rest = first.partition(": ")
    plain = rest if separator and head.replace("_", "").isupper() else first
    return plain.rpartition(" [")[0] if plain.endswith("]") and " [" in plain else plain


def _sign(tokens: Sequence[Token], index: int) -> Iterator[Fault]:
    token = tokens[index]
    if token.text == "." and not _ends_value(tokens, index - 1):
        yield Fault(token.start, "a name cannot begin with a dot")
    elif token.text == "{" and (index == 0 or tokens[index - 1].kind != "name"):
        yield Fault(token.start, "maps cannot be written here")
    elif token.text == "[" and not _ends_value(tokens, index - 1):
        yield from _list(tokens, index)


def _list(tokens: Sequence[Token], index: int) -> Iterator[Fault]:
    elements = [part for part in split_at(tokens[index + 1 : closing(tokens, index)], ",") if part]
    if len(elements) > LIST_MAX:
        yield Fault(tokens[index].start, f"a list of {len(elements)} values, at most {LIST_MAX} are allowed")
        return
    kinds = [_literal_kind(element) for element in elements]
    for element, kind in zip(elements, kinds, strict=True):
        if kind is None:
            yield Fault(element[0].start, "a list holds written values only: texts, whole numbers, amounts of money")
            return
        if kind != kinds[0]:
            yield Fault(element[0].start, f"{kind} among values that are {kinds[0]}; a list holds values of one kind")
            return


def _literal_kind(element: Sequence[Token]) -> str | None:
    words = [token.text for token in element]
    if len(element) == 1:
        kind = element[0].kind
        return {"string": "text", "number": "number"}.get(kind) or ("bool" if words[0] in ("true", "false") else None)
    if len(element) == 2 and words[0] == "-" and element[1].kind == "number":
        return "number"
    if len(element) == 4 and words[0] in ("money", "duration", "timestamp") and words[1] == "(":
        return words[0]
    return None


def _loops(tokens: Sequence[Token]) -> Iterator[Fault]:
    bodies: list[tuple[int, int]] = []
    for index, token in enumerate(tokens):
        if token.kind != "name" or token.text not in MACROS or function_at(tokens, index) != token.text:
            continue
        variable = tokens[index + 2] if index + 2 < len(tokens) else token
        if variable.text in ROOTS:
            yield Fault(variable.start, f"{variable.text} already means something here; take another word")
        if any(start < index < end for start, end in bodies):
            yield Fault(token.start, "a loop within a loop")
        bodies.append((index, closing(tokens, index + 1)))
        if len(bodies) == LOOPS_MAX + 1:
            yield Fault(token.start, f"more than {LOOPS_MAX} loops ({', '.join(sorted(MACROS))})")
    cost = len(tokens) + sum((end - start) * LOOP_COST for start, end in bodies)
    if cost > COST_MAX and len(bodies) <= LOOPS_MAX:
        yield Fault(
            tokens[bodies[0][0]].start, f"too much work: {cost:,} steps at worst, at most {COST_MAX:,} are allowed"
        )
