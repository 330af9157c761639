"""Turns a checked condition into what runs: amounts as minor units, history by period, one number that names its part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from accrual.domain.errors import Invalid
from accrual.domain.facts import Trigger
from accrual.domain.programme import Settings
from accrual.rules.condition_cost import Cost, cost_of
from accrual.rules.condition_names import CALENDAR_PARTS, MACROS, MONEY_NAMES, NAMES
from accrual.rules.condition_plain import plain_part
from accrual.rules.condition_shape import function_at
from accrual.rules.condition_text import Token, Unreadable, conjuncts, plain_string, tokens_of
from accrual.rules.money import read_money

PARTS_MAX = 8
"""Parts told apart when a condition does not hold; those beyond are one part. CEL nests no deeper than 32."""

PART_TEXT_MAX = 300
AMOUNT = "purchase.amount"
_LOOKED_UP = ("member.attributes", "member.balance", "event.attributes")


class Label(NamedTuple):
    """A name as it stands in a part, with where its value is found: under `name`, and in it under `key` unless None."""

    text: str
    name: str
    key: str | None


class Part(NamedTuple):
    """One side of the outermost &&: its own text from offset `start`, what runs for it, and the names in it.

    It fails where one of `required` has no value: asked beforehand, for a list program that fails fails whole. `plain`
    says the same in Python (condition_code.py), where the part is plain enough.
    """

    text: str
    start: int
    program: str
    labels: tuple[Label, ...]
    required: tuple[Label, ...]
    loops: bool
    plain: str | None


class Needs(NamedTuple):
    """What has to be at hand beyond the fact: profile, balances, periods to count purchases in, any purchase before."""

    profile: bool
    balance: bool
    history: frozenset[str]
    first: bool


class Wanted(NamedTuple):
    """The values that conditions ask for: plain names, and periods of `history.purchases` and `history.spend`."""

    names: frozenset[str]
    counted: frozenset[str]
    summed: frozenset[str]


class CompiledCondition(NamedTuple):
    """A condition ready to run. `currency` and `minor_units` say how its amounts are shown, `cost` what judging it takes."""

    text: str
    parts: tuple[Part, ...]
    needs: Needs
    wanted: Wanted
    currency: str
    minor_units: int
    zone: str
    cost: Cost


def compile_condition(text: str, *, trigger: Trigger, settings: Settings, zone: str | None = None) -> CompiledCondition:
    """What runs for a condition that check_condition found nothing wrong with. Raises Invalid `condition_invalid`.

    `zone` is the promo's own, in which hours and days of a moment are read; the programme's by default.
    """
    zone = zone or settings.time_zone
    try:
        tokens = tokens_of(text)
    except Unreadable as error:
        raise Invalid("The condition cannot be read.", code="condition_invalid") from error
    split = [part for part in conjuncts(tokens) if part]
    if not split:
        raise Invalid("The condition is empty.", code="condition_invalid")
    if len(split) > PARTS_MAX:
        rest = [[*part, Token("sign", "&&", part[-1].end)] for part in split[PARTS_MAX - 1 : -1]]
        split = [*split[: PARTS_MAX - 1], [token for part in rest for token in part] + split[-1]]
    parts = tuple(_part(text, part, settings, zone) for part in split)
    labels = [label for part in parts for label in part.labels]
    unknown = [label.name for label in labels if label.name in NAMES and trigger not in NAMES[label.name].triggers]
    if unknown:
        raise Invalid(f"{unknown[0]} has no value for the trigger {trigger.value}.", code="condition_invalid")
    counted = frozenset(label.key for label in labels if label.name == "history.purchases" and label.key is not None)
    summed = frozenset(label.key for label in labels if label.name == "history.spend" and label.key is not None)
    names = frozenset(label.name for label in labels) - {"history.purchases", "history.spend"}
    return CompiledCondition(
        text=text,
        parts=parts,
        needs=Needs(
            profile=any(name.startswith("member.") and name != "member.balance" for name in names),
            balance="member.balance" in names,
            history=counted | summed,
            first="history.first" in names,
        ),
        wanted=Wanted(names, counted, summed),
        currency=settings.currency,
        minor_units=settings.minor_units,
        zone=zone,
        cost=cost_of(tokens, plain=all(part.plain is not None for part in parts)),
    )


def program_of(conditions: Sequence[CompiledCondition], *, amount_sent: bool = True) -> str:
    """One CEL list: for each condition 0 when it holds, else the number, from 1, of its first part that does not.

    The number is negative where a value that the part requires is absent; whether there is an amount is known before a
    program is chosen. A part is looked at only when those before it hold, so that has(...) guards what stands behind it.
    """
    return f"[{', '.join(_numbered(condition.parts, amount_sent) for condition in conditions)}]"


def _numbered(parts: Sequence[Part], amount_sent: bool) -> str:
    tests: list[str] = []
    for number, part in enumerate(parts, 1):
        if not amount_sent and any(label.name == AMOUNT for label in part.required):
            return f"{''.join(tests)}-{number}"
        there = " && ".join(f'"{label.key}" in {label.name}' for label in part.required if label.key is not None)
        if there:
            tests.append(f"!({there}) ? -{number} : ")
        tests.append(f"!({part.program}) ? {number} : ")
    return f"{''.join(tests)}0"


def _part(text: str, tokens: Sequence[Token], settings: Settings, zone: str) -> Part:
    shown = text[tokens[0].start : tokens[-1].end]
    labels = tuple(dict.fromkeys(_labels(tokens)))
    loops = any(token.text in MACROS for token in tokens if token.kind == "name")
    may_do_without = loops or any(token.text in ("||", "?", "has", "in") for token in tokens)
    return Part(
        text=shown if len(shown) <= PART_TEXT_MAX else f"{shown[: PART_TEXT_MAX - 1]}…",
        start=tokens[0].start,
        program=_program(tokens, settings, zone),
        labels=labels,
        required=() if may_do_without else tuple(label for label in labels if _may_be_absent(label)),
        loops=loops,
        plain=plain_part(tokens, settings),
    )


def _program(tokens: Sequence[Token], settings: Settings, zone: str) -> str:
    """The text that runs. It is made from tokens, so that what stands in quotes is never touched."""
    written: list[str] = []
    index = 0
    while index < len(tokens):
        function = function_at(tokens, index)
        argument = plain_string(tokens[index + 2]) if function is not None and index + 2 < len(tokens) else None
        if function == "money" and argument is not None:
            written.append(str(read_money(argument, settings)))
            index += 4
        elif function in ("history.purchases", "history.spend"):
            written.append(f"{tokens[index].text}[{tokens[index + 2].text}]")
            index += 4
        elif function == "history.first":
            written.append("first")
            index += 3
        elif function in CALENDAR_PARTS and tokens[index + 2].text == ")":
            written.append(f"{function}('{zone}')")
            index += 3
        else:
            written.append(tokens[index].text)
            index += 1
    return " ".join(written)


def _may_be_absent(label: Label) -> bool:
    return label.name == AMOUNT or (label.key is not None and label.name in _LOOKED_UP)


def _labels(tokens: Sequence[Token]) -> list[Label]:
    found = []
    for index, token in enumerate(tokens):
        before = tokens[index - 1].text if index else ""
        if token.kind != "name" or before == ".":
            continue
        if token.text == "now":
            found.append(Label("now", "now", None))
        following = [ahead.text for ahead in tokens[index + 1 : index + 3]]
        if len(following) < 2 or following[0] != ".":
            continue
        name = f"{token.text}.{following[1]}"
        behind = tokens[index + 3 : index + 7]
        if token.text == "history":
            key = plain_string(behind[1]) if len(behind) > 1 else None
            found.append(Label(f"{name}()" if key is None else f'{name}("{key}")', name, key))
        elif name in NAMES:
            found.append(_label(name, behind))
    return found


def _label(name: str, behind: Sequence[Token]) -> Label:
    """`member.attributes.vip` and `member.attributes["vip"]` look at one value, `member.attributes.size()` at all."""
    words = [token.text for token in behind]
    if name in _LOOKED_UP and len(words) > 1:
        if words[0] == "[" and (key := plain_string(behind[1])) is not None:
            return Label(f"{name}.{key}", name, key)
        if words[0] == "." and words[2:3] != ["("]:
            return Label(f"{name}.{words[1]}", name, words[1])
    return Label(name, name, None)


def is_money(label: Label) -> bool:
    """Whether the label's value is in minor units."""
    return label.name in MONEY_NAMES
