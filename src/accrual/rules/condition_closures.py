"""The closures that plain conditions are made of: what CEL would say of two values, and an error where it may not. No text."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from accrual.domain.amounts import INT64_MAX

Values = Mapping[str, Any]
Ask = Callable[[Values], Any]


class NotPlain(Exception):
    """The part says something that only CEL is asked about, or a value is of a kind that is."""


UNTOLD = (NotPlain, LookupError, ArithmeticError)
"""What a closure raises where CEL may fail: then CEL is asked, for its words, or for what || makes of it."""


class Node(NamedTuple):
    """`kind`: int, string, bool, strings, ints (a list), any (found out when it runs). `name`, `value`: a name or literal."""

    kind: str
    ask: Ask
    name: str | None = None
    value: Any = None


METHODS: dict[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": operator.contains,
}
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TYPES = {"int": int, "string": str, "bool": bool}


def literal(kind: str, value: Any) -> Node:
    return Node(kind, lambda values: value, value=value)


def truth(node: Node) -> Ask:
    if node.kind != "bool":
        raise NotPlain
    return node.ask


def either_of(left: Ask, right: Ask) -> Ask:
    return lambda values: left(values) or right(values)


def both_of(left: Ask, right: Ask) -> Ask:
    return lambda values: left(values) and right(values)


def _of_kind(node: Node, kind: str) -> Ask:
    """The value, sure to be of this kind: CEL makes no number out of true, and Python does."""
    asked, wanted = node.ask, _TYPES[kind]
    if node.kind == kind:
        return asked

    def checked(values: Values) -> Any:
        value = asked(values)
        if type(value) is not wanted:
            raise NotPlain
        return in_64_bits(value) if isinstance(value, int) else value

    return checked


def compared(sign: str, left: Node, right: Node) -> Node:
    kind = right.kind if left.kind == "any" else left.kind
    if kind not in _TYPES or {left.kind, right.kind} - {kind, "any"}:
        raise NotPlain
    if kind == "bool" and sign not in ("==", "!="):
        raise NotPlain
    if left.name is not None and right.value is not None and left.kind == right.kind:
        return Node("bool", _name_and_literal(sign, left.name, right.value))
    compare, one, other = COMPARED[sign], _of_kind(left, kind), _of_kind(right, kind)
    return Node("bool", lambda values: compare(one(values), other(values)))


def _name_and_literal(sign: str, name: str, value: Any) -> Ask:
    """The comparison that nearly all conditions consist of, in one step."""
    if sign == "==":
        return lambda values: values[name] == value
    if sign == "!=":
        return lambda values: values[name] != value
    if sign == "<":
        return lambda values: values[name] < value
    if sign == "<=":
        return lambda values: values[name] <= value
    if sign == ">":
        return lambda values: values[name] > value
    return lambda values: values[name] >= value


def within(left: Node, right: Node) -> Node:
    if right.kind == "texts" and left.kind == "string":
        one, those = left.ask, right.ask
        return Node("bool", lambda values: one(values) in those(values))
    if right.kind in ("strings", "ints"):
        kind = "string" if right.kind == "strings" else "int"
        if left.kind not in (kind, "any"):
            raise NotPlain
        known, asked = right.value, _of_kind(left, kind)
        return Node("bool", lambda values: asked(values) in known)
    raise NotPlain


def size(node: Node) -> Node:
    if node.kind not in ("string", "texts", "map", "counts"):
        raise NotPlain
    asked = node.ask
    return Node("int", lambda values: len(asked(values)))


def reckoned(sign: str, left: Node, right: Node) -> Node:
    """Whole numbers of 64 bits; CEL cuts quotients towards zero."""
    if left.kind != "int" or right.kind != "int":
        raise NotPlain
    reckon, one, other = _SIGNS[sign], left.ask, right.ask
    return Node("int", lambda values: in_64_bits(reckon(one(values), other(values))))


def _quotient(left: int, right: int) -> int:
    whole = abs(left) // abs(right)
    return whole if (left < 0) == (right < 0) else -whole


def _rest(left: int, right: int) -> int:
    if right == -1:
        raise NotPlain  # of the least number it is an overflow
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


_SIGNS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _quotient,
    "%": _rest,
}


def in_64_bits(value: int) -> int:
    if not -INT64_MAX <= value <= INT64_MAX:
        raise NotPlain
    return value
