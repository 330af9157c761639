"""Takes the text of a condition apart: tokens, parts joined by &&, places in lines, literals. Meaning is not known here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

EXCERPT_MAX = 120

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
  | (?P<bytes>[bB][rR]?(?=["']))
  | (?P<string>[rR](?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|"[^"\n]*"|'[^'\n]*')
      | \"{3}(?:\\.|[^\\])*?\"{3} | '{3}(?:\\.|[^\\])*?'{3}
      | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*')
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<number>0[xX][0-9A-Fa-f]+[uU]?|[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?[uU]?)
  | (?P<sign>&&|\|\||[=!<>]=|[-+*/%!<>()\[\]{},.:?])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


class ConditionProblem(NamedTuple):
    """One thing to correct. Line and column count from 1; `excerpt` is the line and, below it, a caret at the place."""

    line: int
    column: int
    message: str
    excerpt: str


class Token(NamedTuple):
    """A piece of the text: `kind` is string, bytes, name, number or sign; `start` its offset in characters."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class Unreadable(Exception):
    """The text has something at `start` that begins no token: mostly a string that does not end."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


def tokens_of(text: str) -> list[Token]:
    """The tokens without white space and comments. Raises Unreadable."""
    tokens = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise Unreadable(at)
        if match.lastgroup != "space":
            tokens.append(Token(match.lastgroup, match.group(), at))
        at = match.end()
    return tokens


def plain_string(token: Token) -> str | None:
    """What stands between the quotes; None unless it is a string in single or double quotes without escapes."""
    if token.kind != "string" or token.text[0] not in "\"'" or token.text[:3] in ('"""', "'''"):
        return None
    return None if "\\" in token.text else token.text[1:-1]


def closing(tokens: Sequence[Token], opening: int) -> int:
    """The index of the bracket that closes the one at `opening`; the number of tokens when none does."""
    depth = 0
    for index in range(opening, len(tokens)):
        if tokens[index].kind == "sign":
            if tokens[index].text in "([{":
                depth += 1
            elif tokens[index].text in ")]}":
                depth -= 1
                if depth == 0:
                    return index
    return len(tokens)


def split_at(tokens: Sequence[Token], sign: str) -> list[list[Token]]:
    """The tokens between occurrences of `sign` that stand in no bracket."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        if token.kind == "sign":
            if token.text in "([{":
                depth += 1
            elif token.text in ")]}":
                depth -= 1
            elif token.text == sign and depth == 0:
                parts.append([])
                continue
        parts[-1].append(token)
    return parts


def conjuncts(tokens: Sequence[Token]) -> list[list[Token]]:
    """What && joins at the outermost level; one part where || or ?: joins it there."""
    inner = list(tokens)
    while inner and inner[0].text == "(" and closing(inner, 0) == len(inner) - 1:
        inner = inner[1:-1]
    if len(split_at(inner, "||")) > 1 or len(split_at(inner, "?")) > 1:
        return [inner]
    return split_at(inner, "&&")


def problem_at(text: str, start: int, message: str) -> ConditionProblem:
    """A problem at an offset in characters."""
    start = max(0, min(start, len(text)))
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    return ConditionProblem(line, column, message, _excerpt(text, line, column))


def offset_of(text: str, line: int, column: int) -> int:
    """The offset of a place, both counted from 1; the text's end when it lies beyond."""
    lines = text.split("\n")
    if line < 1 or line > len(lines):
        return len(text) if line > 1 else 0
    return sum(len(before) + 1 for before in lines[: line - 1]) + min(max(column, 1) - 1, len(lines[line - 1]))


def _excerpt(text: str, line: int, column: int) -> str:
    whole = text.split("\n")[line - 1]
    first = max(0, column - 1 - EXCERPT_MAX // 2) if len(whole) > EXCERPT_MAX else 0
    shown = whole[first : first + EXCERPT_MAX]
    pad = "".join("\t" if char == "\t" else " " for char in shown[: column - 1 - first])
    return f"{shown}\n{pad}^"
