"""Checks a condition before its promo is saved: its shape, its names, its types; every problem has line, column, caret."""

from __future__ import annotations

import re
from collections.abc import Sequence

from accrual.domain.errors import Invalid
from accrual.domain.facts import Trigger
from accrual.domain.native import LINES_MAX
from accrual.domain.programme import Settings
from accrual.rules.condition_compile import compile_condition, program_of
from accrual.rules.condition_language import checking, evaluating
from accrual.rules.condition_names import FUNCTIONS, LINE_FIELDS, NAMES, PLAIN_FUNCTIONS
from accrual.rules.condition_shape import cel_words, faults
from accrual.rules.condition_text import (
    ConditionProblem,
    Token,
    Unreadable,
    offset_of,
    plain_string,
    problem_at,
    tokens_of,
)
from accrual.rules.problems import suggest

CHARACTERS_MAX = 4_000
PROBLEMS_MAX = 5
TOO_DEEP = "nested too deep, or too many operators in a row: 32 are the most that CEL takes"

_PLACED = re.compile(r"^(?:INVALID_ARGUMENT: )?ERROR: <input>:(-?\d+):(-?\d+): (.*)$", re.MULTILINE)
_TYPE_WORDS = {
    "int": "a whole number",
    "string": "a text",
    "bool": "true or false",
    "money": "an amount of money",
    "google.protobuf.Timestamp": "a moment",
    "google.protobuf.Duration": "a length of time",
    "line": "a line",
    "dyn": "a value of any kind",
}
_RESULT_WORDS = {"INT": "int", "STRING": "string", "TIMESTAMP": "google.protobuf.Timestamp", "DYN": "dyn"}


def check_condition(
    text: str, *, trigger: Trigger, settings: Settings, assets: frozenset[str]
) -> list[ConditionProblem]:
    """Everything that is wrong with it, at most PROBLEMS_MAX, in the order of the text; empty when it can be saved.

    `assets` are the codes that `member.balance` may be asked for.
    """
    if len(text) > CHARACTERS_MAX:
        return [problem_at(text, CHARACTERS_MAX, f"longer than {CHARACTERS_MAX} characters")]
    try:
        tokens = tokens_of(text)
    except Unreadable as error:
        begins_string = text[error.start] in "\"'"
        message = "this text has no closing quote" if begins_string else f"{text[error.start]!r} has no meaning here"
        return [problem_at(text, error.start, message)]
    if not tokens:
        return [problem_at(text, 0, "the condition is empty")]
    found = [problem_at(text, fault.start, fault.message) for fault in faults(tokens, settings)]
    found += [problem_at(text, token.start, said) for token, said in _unknown_assets(tokens, assets)]
    found = found or _typed(text, tokens, trigger, settings) or _runs(text, trigger, settings)
    return sorted(set(found))[:PROBLEMS_MAX]


def _unknown_assets(tokens: Sequence[Token], assets: frozenset[str]) -> list[tuple[Token, str]]:
    found = []
    for index in range(len(tokens) - 4):
        if [token.text for token in tokens[index : index + 3]] != ["member", ".", "balance"]:
            continue
        opening, name = tokens[index + 3], tokens[index + 4]
        code = plain_string(name) if opening.text == "[" else name.text if opening.text == "." else None
        if code is not None and code not in assets and code != "size":
            found.append((name, f"unknown asset {code!r}{suggest(code, assets)}"))
    return found


def _typed(text: str, tokens: Sequence[Token], trigger: Trigger, settings: Settings) -> list[ConditionProblem]:
    try:
        result = checking(trigger).compile(text).return_type().name()
    except RuntimeError as error:
        return _explained(text, tokens, str(error), trigger, settings)
    if result == "BOOL":
        return []
    what = _TYPE_WORDS.get(_RESULT_WORDS.get(result, result), result.lower())
    hint = "; compare it, such as `== true`" if result == "DYN" else ""
    return [problem_at(text, tokens[0].start, f"the result must be true or false, not {what}{hint}")]


def _explained(
    text: str, tokens: Sequence[Token], said: str, trigger: Trigger, settings: Settings
) -> list[ConditionProblem]:
    found = []
    for line, column, message in _PLACED.findall(said):
        if int(line) < 1:
            found.append(problem_at(text, tokens[0].start, TOO_DEEP))
            continue
        start = offset_of(text, int(line), int(column))
        unknown = re.match(r"undeclared reference to '([^']*)'", message)
        if unknown:
            start = _name_start(text, start)
            message = _unknown(unknown[1], trigger)
        else:
            message = _plain(message, tokens, start, settings)
        found.append(problem_at(text, start, message))
    if not found:
        deep = "recursion" in said
        found.append(problem_at(text, tokens[0].start, TOO_DEEP if deep else cel_words(said)))
    return found


def _name_start(text: str, start: int) -> int:
    """CEL points at the last dot of a name; people look for its first letter."""
    while start > 0 and (text[start - 1].isalnum() or text[start - 1] in "_."):
        start -= 1
    return start


def _unknown(name: str, trigger: Trigger) -> str:
    named = NAMES.get(name)
    if named is not None:
        article = "an" if trigger.value[0] in "aeiou" else "a"
        return f"{name} has no value here: the trigger is {trigger.value}, and {article} {trigger.value} has none"
    if name in FUNCTIONS:
        return f"{name} is written with brackets: {FUNCTIONS[name].says.rpartition(': ')[2]}"
    known = [known for known, named in NAMES.items() if trigger in named.triggers]
    return f"unknown name {name}{suggest(name, [*known, *FUNCTIONS, *PLAIN_FUNCTIONS])}"


def _plain(message: str, tokens: Sequence[Token], start: int, settings: Settings) -> str:
    overload = re.match(r"found no matching overload for '(.*)' applied to '(.*)'", message)
    if overload:
        sign, given = overload[1].strip("_").replace("_", ""), re.sub(r"^\(|\)$", "", overload[2])
        sides = [_TYPE_WORDS.get(kind.strip(), kind.strip()) for kind in given.split(",")]
        hint = _money_hint(tokens, start, settings) if {"money", "int"} <= set(re.findall(r"\w+", given)) else ""
        return f"{sign or overload[1]} cannot take {' and '.join(sides)}{hint}"
    field = re.match(r"undefined field '([^']*)' not found in struct 'line'", message)
    if field:
        return f"a line has no {field[1]}{suggest(field[1], LINE_FIELDS)}"
    syntax = re.match(r"Syntax error: (?:mismatched|extraneous) input '(.*?)' expecting", message)
    if syntax:
        ended = syntax[1] == "<EOF>"
        return "the condition ends too early" if ended else f"{syntax[1]!r} is not expected here"
    return "this cannot be read" if message.startswith("Syntax error") else message


def _money_hint(tokens: Sequence[Token], start: int, settings: Settings) -> str:
    """`; write money("50000 IDR")` for the whole number beside the sign at `start`."""
    after = next((token for token in tokens if token.start > start and token.kind == "number"), None)
    number = after or next((token for token in reversed(tokens) if token.end <= start and token.kind == "number"), None)
    return f'; write money("{number.text} {settings.currency}")' if number is not None else ""


def _runs(text: str, trigger: Trigger, settings: Settings) -> list[ConditionProblem]:
    """Compiles what will run, in which parts are joined otherwise; and runs the parts that no data can change."""
    try:
        compiled = compile_condition(text, trigger=trigger, settings=settings)
        evaluating().compile(program_of([compiled]))
    except (RuntimeError, Invalid) as error:
        deep = "recursion" in str(error)
        return [problem_at(text, 0, TOO_DEEP if deep else f"this cannot be run: {cel_words(str(error))}")]
    steps, most = compiled.cost.of(LINES_MAX), settings.bounds.condition_steps_per_command
    if steps > most:
        said = (
            f"too much work: {steps:,} steps for a purchase of {LINES_MAX} lines, at most {most:,} are allowed"
            " (programme.bounds.condition_steps_per_command); use shorter patterns, or `in` with a list"
        )
        return [problem_at(text, 0, said)]
    found = []
    for part in compiled.parts:
        if not part.labels and not part.loops:
            failed = _fails(part.program)
            if failed:
                found.append(problem_at(text, part.start, f"this always fails: {failed}"))
    return found


def _fails(program: str) -> str:
    try:
        value = evaluating().compile(program).eval(data={}).plain_value()
    except RuntimeError as error:
        return cel_words(str(error))
    return "" if isinstance(value, bool) else cel_words(str(value))
