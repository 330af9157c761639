"""The Python that plain conditions become: what CEL would say of two values, and an error where it may not. No promo's text.

What is written in a condition gets into the code as literals of Python alone, so nothing that somebody wrote is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from accrual.domain.amounts import INT64_MAX

Values = Mapping[str, Any]
Ask = Callable[[Values], Any]


class NotPlain(Exception):
    """The part says something that only CEL is asked about, or a value is of a kind that is."""


UNTOLD = (NotPlain, LookupError, ArithmeticError)
"""What the code raises where CEL may fail: then CEL is asked, for its words, or for what || makes of it."""

METHODS = {"startsWith": "startswith", "endsWith": "endswith"}
COMPARED = frozenset({"==", "!=", "<", "<=", ">", ">="})
FUNCTIONS_MAX = 4096
"""How many conditions are kept ready to run by themselves."""

_VALUE = re.compile("\1([a-z_.]+)\2")
_SURE = {"int": "sure_int", "string": "sure_string", "bool": "sure_bool"}
_RECKONED = {"+": "({} + {})", "-": "({} - {})", "*": "({} * {})", "/": "quotient({}, {})", "%": "rest({}, {})"}


class Node(NamedTuple):
    """`kind`: int, string, bool, strings, ints (a list), any (found out when it runs). `code`: an expression, in which
    values stand as `value_of` writes them; `value` what a literal is."""

    kind: str
    code: str
    value: Any = None


def value_of(name: str) -> str:
    """A value in an expression. Its marks are no part of any literal: those escape what cannot be printed."""
    return f"\1{name}\2"


def literal(kind: str, value: Any) -> Node:
    return Node(kind, f"({value!r})", value)


def truth(node: Node) -> str:
    if node.kind != "bool":
        raise NotPlain
    return node.code


def _of_kind(node: Node, kind: str) -> str:
    """The value, sure to be of this kind: CEL makes no number out of true, and Python does."""
    return node.code if node.kind == kind else f"{_SURE[kind]}({node.code})"


def compared(sign: str, left: Node, right: Node) -> Node:
    kind = right.kind if left.kind == "any" else left.kind
    if kind not in _SURE or {left.kind, right.kind} - {kind, "any"}:
        raise NotPlain
    if kind == "bool" and sign not in ("==", "!="):
        raise NotPlain
    return Node("bool", f"({_of_kind(left, kind)} {sign} {_of_kind(right, kind)})")


def within(left: Node, right: Node) -> Node:
    if right.kind == "texts" and left.kind == "string":
        return Node("bool", f"({left.code} in {right.code})")
    if right.kind in ("strings", "ints"):
        kind = "string" if right.kind == "strings" else "int"
        if left.kind not in (kind, "any"):
            raise NotPlain
        return Node("bool", f"({_of_kind(left, kind)} in {{{', '.join(map(repr, sorted(right.value)))}}})")
    raise NotPlain


def size(node: Node) -> Node:
    if node.kind not in ("string", "texts", "map", "counts"):
        raise NotPlain
    return Node("int", f"len({node.code})")


def reckoned(sign: str, left: Node, right: Node) -> Node:
    """Whole numbers of 64 bits; CEL cuts quotients towards zero."""
    if left.kind != "int" or right.kind != "int":
        raise NotPlain
    return in_64_bits(_RECKONED[sign].format(left.code, right.code))


def in_64_bits(code: str) -> Node:
    """A whole number that CEL would hold; beyond, it is asked."""
    return Node("int", f"within_64({code})")


def numbered(parts: Sequence[str]) -> str:
    """The expression of a condition's number (program_of) from those of its parts."""
    tests = [f"{number} if not {part} else " for number, part in enumerate(parts, 1)]
    return f"({''.join(tests)}0)"


@lru_cache(maxsize=FUNCTIONS_MAX)
def alone(code: str) -> Ask:
    """What an expression says of values. Each is looked up when it is needed: some may be missing."""
    return _run(f"def answer(values):\n    return {_VALUE.sub(_looked_up, code)}\n")


def at_once(codes: Sequence[str]) -> Ask:
    """What several expressions say, as a list; each of their values is looked up once, so that none may be missing."""
    names = {name: f"value_{number}" for number, name in enumerate(dict.fromkeys(_VALUE.findall("".join(codes))))}
    lines = [f"    {local} = values[{name!r}]\n" for name, local in names.items()]
    told = ",\n".join([_VALUE.sub(lambda found: names[found[1]], code) for code in codes])
    return _run(f"def answer(values):\n{''.join(lines)}    return [\n{told}]\n")


def _looked_up(found: re.Match[str]) -> str:
    return f"values[{found[1]!r}]"


def _run(source: str) -> Ask:
    made = {**_KNOWN}
    exec(compile(source, "<conditions>", "exec"), made)  # noqa: S102 - our own text: names of ours and literals
    answer: Ask = made["answer"]
    return answer


def _sure(value: Any, wanted: type) -> Any:
    if type(value) is not wanted:
        raise NotPlain
    return value


def _within_64(value: int) -> int:
    if not -INT64_MAX <= value <= INT64_MAX:
        raise NotPlain
    return value


def _quotient(left: int, right: int) -> int:
    whole = abs(left) // abs(right)
    return whole if (left < 0) == (right < 0) else -whole


def _rest(left: int, right: int) -> int:
    if right == -1:
        raise NotPlain  # of the least number it is an overflow
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


_KNOWN: dict[str, Any] = {
    "__builtins__": {},
    "len": len,
    "sure_int": lambda value: _within_64(_sure(value, int)),
    "sure_string": lambda value: _sure(value, str),
    "sure_bool": lambda value: _sure(value, bool),
    "within_64": _within_64,
    "quotient": _quotient,
    "rest": _rest,
}
