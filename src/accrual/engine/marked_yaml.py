"""Reads YAML or JSON text into plain values that know their lines and columns; what the values mean is not known here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml
from yaml.events import AliasEvent, Event, MappingStartEvent, NodeEvent, ScalarEvent, SequenceStartEvent

from accrual.domain.errors import Invalid

CHARACTERS_MAX = 4_000_000
DEPTH_MAX = 32
VALUES_MAX = 400_000
"""Values in a document, those of aliases counted each time: an alias of aliases cannot grow without bound."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class Mark(NamedTuple):
    """A place in the text, both from 1."""

    line: int
    column: int


class Marked(NamedTuple):
    """Plain values (dict, list, str, bool, None) and the place of each by its path, such as `promos[3].code`.

    Numbers stay their own text, so that none is rounded and a code such as 007 stays as written.
    """

    value: Any
    places: dict[str, Mark]

    def place(self, path: str) -> Mark:
        """Where this path stands, or the nearest thing around it that was written."""
        while path and path not in self.places:
            shorter = re.sub(r"(\.[^.\[\]]*|\[\d+\])$", "", path)
            path = shorter if shorter != path else ""
        return self.places.get(path, Mark(1, 1))


class Malformed(Invalid):
    """The text is not YAML or JSON that can be taken."""

    default_code = "programme_invalid"

    def __init__(self, message: str, mark: Mark) -> None:
        super().__init__(message, details={"line": mark.line, "column": mark.column})
        self.mark = mark


class _Node(NamedTuple):
    """One parsed value with its place; `pairs` of a mapping, `items` of a list, else a scalar."""

    mark: Mark
    scalar: Any = None
    pairs: list[tuple[str, Mark, _Node]] | None = None
    items: list[_Node] | None = None


def read_marked(text: str) -> Marked:
    """Raises Malformed: not YAML, tags, a key twice, too deep, too large, aliases that grow, control characters."""
    if len(text) > CHARACTERS_MAX:
        raise Malformed(f"The text is longer than {CHARACTERS_MAX} characters.", Mark(1, 1))
    if text.lstrip()[:1] in ("{", "["):
        text = text.replace("\t", " ")  # JSON allows tabs between values, YAML does not; inside strings neither does
    try:
        node = _Builder(iter(yaml.parse(text, Loader=yaml.SafeLoader))).document()
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        raise Malformed(f"{error.problem or error.context}", _mark(at) if at else Mark(1, 1)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Malformed(f"character #x{error.character:04x} is not allowed", Mark(line, 1)) from error
    places: dict[str, Mark] = {}
    return Marked(_spread(node, "", places, [0], 0), places)


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


class _Builder:
    """Builds nodes from parser events with a bound on depth; recursion never goes deeper than DEPTH_MAX."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._events = events
        self._anchors: dict[str, _Node] = {}

    def document(self) -> _Node:
        empty = _Node(mark=Mark(1, 1))
        next(self._events)  # the stream begins
        first = next(self._events)
        if isinstance(first, yaml.events.StreamEndEvent):
            return empty
        node = self._node(next(self._events), 0)
        next(self._events)  # the document ends
        after = next(self._events)
        if not isinstance(after, yaml.events.StreamEndEvent):
            raise Malformed("a second document begins here; one file is one programme", _mark(after.start_mark))
        return node

    def _node(self, event: Event, depth: int) -> _Node:
        mark = _mark(event.start_mark)
        if depth > DEPTH_MAX:
            raise Malformed(f"nested deeper than {DEPTH_MAX}", mark)
        if isinstance(event, AliasEvent):
            if event.anchor not in self._anchors:
                raise Malformed(f"alias *{event.anchor} stands before its anchor &{event.anchor}", mark)
            return self._anchors[event.anchor]._replace(mark=mark)
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise Malformed(f"tags such as {tag} are not allowed", mark)
        node = self._content(event, mark, depth)
        if isinstance(event, NodeEvent) and event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _content(self, event: Event, mark: Mark, depth: int) -> _Node:
        if isinstance(event, ScalarEvent):
            return _Node(mark, scalar=_scalar(event, mark))
        if isinstance(event, SequenceStartEvent):
            items = []
            while not isinstance(inner := next(self._events), yaml.events.SequenceEndEvent):
                items.append(self._node(inner, depth + 1))
            return _Node(mark, items=items)
        if not isinstance(event, MappingStartEvent):
            raise Malformed("a value was expected", mark)
        pairs: list[tuple[str, Mark, _Node]] = []
        seen: dict[str, Mark] = {}
        while not isinstance(inner := next(self._events), yaml.events.MappingEndEvent):
            at = _mark(inner.start_mark)
            if not isinstance(inner, ScalarEvent):
                raise Malformed("a key must be plain text", at)
            key = _text(inner.value, at)
            if key in seen:
                raise Malformed(f"key {key!r} stands a second time, first in line {seen[key].line}", at)
            seen[key] = at
            pairs.append((key, at, self._node(next(self._events), depth + 1)))
        return _Node(mark, pairs=pairs)


def _scalar(event: ScalarEvent, mark: Mark) -> Any:
    if event.style is None:  # plain: the only form in which true is not a word
        if event.value in _NULL:
            return None
        if event.value in _BOOL:
            return _BOOL[event.value]
    return _text(event.value, mark)


def _text(value: str, mark: Mark) -> str:
    if "\ud800" <= max(value, default="") <= "\udfff" or any("\ud800" <= char <= "\udfff" for char in value):
        # JSON writes characters beyond 16 bits as two escapes; the YAML reader leaves them as two halves.
        value = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if _UNSAFE.search(value):
        raise Malformed("control characters are not allowed", mark)
    return value


def _spread(node: _Node, path: str, places: dict[str, Mark], count: list[int], depth: int) -> Any:
    """Plain values, aliases written out. `count` bounds what they grow to."""
    count[0] += 1
    if count[0] > VALUES_MAX:
        raise Malformed(f"more than {VALUES_MAX} values, aliases written out", node.mark)
    if depth > DEPTH_MAX:
        raise Malformed(f"nested deeper than {DEPTH_MAX}, aliases written out", node.mark)
    places.setdefault(path, node.mark)
    if node.items is not None:
        return [_spread(item, f"{path}[{index}]", places, count, depth + 1) for index, item in enumerate(node.items)]
    if node.pairs is not None:
        plain = {}
        for key, at, inner in node.pairs:
            inner_path = f"{path}.{key}" if path else key
            places[f"{inner_path}:"] = at
            plain[key] = _spread(inner, inner_path, places, count, depth + 1)
        return plain
    return node.scalar
