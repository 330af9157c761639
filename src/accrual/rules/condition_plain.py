"""Conditions that say nothing but plain things, as Python: what CEL would say of them, without CEL. Nothing is checked."""

from __future__ import annotations

from collections.abc import Sequence

from accrual.domain.amounts import INT64_MAX
from accrual.domain.programme import Settings
from accrual.rules.condition_code import (
    COMPARED,
    METHODS,
    Node,
    NotPlain,
    compared,
    in_64_bits,
    literal,
    reckoned,
    size,
    truth,
    value_of,
    within,
)
from accrual.rules.condition_names import NAMES
from accrual.rules.condition_text import Token, plain_string
from accrual.rules.money import read_money

DEPTH_MAX = 24
"""Below what CEL takes, so that nothing is judged here that CEL would refuse."""

OPERATORS_MAX = 24


def plain_part(tokens: Sequence[Token], settings: Settings) -> str | None:
    """The expression of one part of a condition, true or false; None where it is not plain. It raises one of UNTOLD."""
    if sum(token.kind == "sign" for token in tokens) > OPERATORS_MAX * 2:
        return None
    words = {token.text for token in tokens if token.kind != "string"}
    if {"&&", "attributes"} <= words:
        return None  # an attribute that is missing fails the whole part for CEL, where Python would stop before it
    reader = _Reader(tokens, settings)
    try:
        node = reader.either(0)
        if not reader.at_end or node.kind != "bool":
            return None
    except NotPlain:
        return None
    return node.code


class _Reader:
    """Reads tokens by CEL's precedence; raises NotPlain at whatever it does not know."""

    def __init__(self, tokens: Sequence[Token], settings: Settings) -> None:
        self._tokens = tokens
        self._settings = settings
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._tokens)

    def _next(self, ahead: int = 0) -> str:
        place = self._at + ahead
        token = self._tokens[place] if place < len(self._tokens) else None
        return "" if token is None or token.kind == "string" else token.text

    def _take(self, text: str) -> bool:
        if self._next() != text:
            return False
        self._at += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise NotPlain

    def either(self, depth: int) -> Node:
        """`a || b`."""
        left = self._both(depth)
        while self._take("||"):
            left = Node("bool", f"({truth(left)} or {truth(self._both(depth))})")
        return left

    def _both(self, depth: int) -> Node:
        left = self._relation(depth)
        while self._take("&&"):
            left = Node("bool", f"({truth(left)} and {truth(self._relation(depth))})")
        return left

    def _relation(self, depth: int) -> Node:
        left = self._sum(depth)
        sign = self._next()
        if sign in COMPARED:
            self._at += 1
            left = compared(sign, left, self._sum(depth))
        elif sign == "in":
            self._at += 1
            left = within(left, self._sum(depth))
        if self._next() in COMPARED or self._next() == "in":
            raise NotPlain
        return left

    def _sum(self, depth: int) -> Node:
        left = self._product(depth)
        while self._next() in ("+", "-"):
            sign = self._next()
            self._at += 1
            left = reckoned(sign, left, self._product(depth))
        return left

    def _product(self, depth: int) -> Node:
        left = self._one(depth)
        while self._next() in ("*", "/", "%"):
            sign = self._next()
            self._at += 1
            left = reckoned(sign, left, self._one(depth))
        return left

    def _one(self, depth: int) -> Node:
        if depth > DEPTH_MAX:
            raise NotPlain
        if self._take("!"):
            return Node("bool", f"(not {truth(self._one(depth + 1))})")
        if self._take("("):
            inner = self.either(depth + 1)
            self._expect(")")
            return inner
        if self._take("["):
            return self._list()
        if self._take("-"):
            return literal("int", -self._number())
        if self.at_end:
            raise NotPlain
        token = self._tokens[self._at]
        if token.kind == "number":
            return literal("int", self._number())
        if token.kind == "string":
            return literal("string", self._string())
        if token.text in ("true", "false"):
            self._at += 1
            return literal("bool", token.text == "true")
        return self._named()

    def _number(self) -> int:
        text = self._next()
        if not text.isdecimal() or len(text) > len(str(INT64_MAX)) or int(text) > INT64_MAX:
            raise NotPlain
        self._at += 1
        return int(text)

    def _string(self) -> str:
        text = None if self.at_end else plain_string(self._tokens[self._at])
        if text is None:
            raise NotPlain
        self._at += 1
        return text

    def _bracketed(self) -> str:
        self._expect("(")
        text = self._string()
        self._expect(")")
        return text

    def _money(self) -> int:
        return read_money(self._bracketed(), self._settings)

    def _list(self) -> Node:
        found: list[int | str] = []
        while True:
            if self._take("money"):
                found.append(self._money())
            elif self._take("-"):
                found.append(-self._number())
            elif self._next().isdecimal():
                found.append(self._number())
            else:
                found.append(self._string())
            if not self._take(","):
                break
        self._expect("]")
        kinds = {type(each) for each in found}
        if len(kinds) != 1:
            raise NotPlain
        return literal("strings" if str in kinds else "ints", frozenset(found))

    def _named(self) -> Node:
        word = self._next()
        self._at += 1
        if word == "money":
            return literal("int", self._money())
        if word == "has":
            self._expect("(")
            found = self._has()
            self._expect(")")
            return found
        if word == "size":
            self._expect("(")
            found = size(self.either(DEPTH_MAX))
            self._expect(")")
            return found
        self._expect(".")
        name = f"{word}.{self._next()}"
        self._at += 1
        if word == "history":
            return self._history(name)
        named = NAMES.get(name)
        kind = None if named is None else _KINDS.get(named.type)
        if kind is None:
            raise NotPlain
        value = value_of(name)
        return self._behind(in_64_bits(value) if name in _MAY_BE_HUGE else Node(kind, value))

    def _behind(self, node: Node) -> Node:
        """What hangs on a name: a key of a map, or one call."""
        if node.kind in ("map", "counts") and (self._next() == "[" or self._next(2) != "("):
            return self._looked_up(node)
        if self._next() != ".":
            return node
        method, self._at = self._next(1), self._at + 2
        if method == "size":
            self._expect("(")
            self._expect(")")
            return size(node)
        if (method != "contains" and method not in METHODS) or node.kind != "string":
            raise NotPlain
        text = self._bracketed()
        if method == "contains":
            return Node("bool", f"({text!r} in {node.code})")
        return Node("bool", f"{node.code}.{METHODS[method]}({text!r})")

    def _looked_up(self, node: Node) -> Node:
        key = self._key()
        if self._next() in (".", "["):
            raise NotPlain
        return Node("int" if node.kind == "counts" else "any", f"{node.code}[{key!r}]")

    def _key(self) -> str:
        if self._take("["):
            key = self._string()
            self._expect("]")
            return key
        self._expect(".")
        if self.at_end or self._tokens[self._at].kind != "name":
            raise NotPlain
        self._at += 1
        return self._tokens[self._at - 1].text

    def _has(self) -> Node:
        name = f"{self._next()}.{self._next(2)}"
        if self._next(1) != "." or name not in NAMES or NAMES[name].type != "map(string, dyn)":
            raise NotPlain
        self._at += 3
        if self._next() != ".":
            raise NotPlain
        key = self._key()
        return Node("bool", f"({key!r} in {value_of(name)})")

    def _history(self, name: str) -> Node:
        if name == "history.first":
            self._expect("(")
            self._expect(")")
            return Node("bool", value_of(name))
        if name not in ("history.purchases", "history.spend"):
            raise NotPlain
        period = self._bracketed()
        return in_64_bits(f"{value_of(name)}[{period!r}]")


_KINDS = {
    "money": "int",
    "int": "int",
    "string": "string",
    "list(string)": "texts",
    "map(string, dyn)": "map",
    "map(string, int)": "counts",
}
_MAY_BE_HUGE = frozenset({"purchase.quantity"})
