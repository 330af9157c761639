"""Turns a programme file's text into a checked Programme, or into every error with line, column and path. No file access."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

import msgspec

from accrual.domain import amounts, facts, programme, promos, rewards
from accrual.domain.errors import Invalid
from accrual.domain.programme import Asset, Client, KnownMember, Outlet, Programme, Settings
from accrual.domain.promos import Promo
from accrual.domain.rewards import RewardItem
from accrual.engine.client_keys import check_signature_keys
from accrual.engine.marked_yaml import Malformed, Mark, Marked, read_marked
from accrual.rules.check import check_programme
from accrual.rules.problems import Problem, suggest

PROBLEMS_MAX = 50
SECTIONS: dict[str, type[Asset] | type[Outlet] | type[Client] | type[Promo] | type[RewardItem] | type[KnownMember]] = {
    "assets": Asset,
    "outlets": Outlet,
    "clients": Client,
    "promos": Promo,
    "rewards": RewardItem,
    "members": KnownMember,
}
_TOP = ("programme", *SECTIONS)
_WORDS = tuple(
    member.value
    for module in (amounts, facts, programme, promos, rewards)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, StrEnum)
    for member in kind
)
_PLAIN = (
    (r"Expected `int(?: \| null)?`, got `(\w+)`", r"a whole number is expected, not \1"),
    (r"Expected `str(?: \| null)?`, got `(\w+)`", r"text is expected, not \1"),
    (r"Expected `array(?: \| null)?`, got `(\w+)`", r"a list is expected, not \1"),
    (r"Expected `object(?: \| null)?`, got `(\w+)`", r"named fields are expected, not \1"),
    (r"Expected `bool(?: \| null)?`, got `(\w+)`", r"true or false is expected, not \1"),
    (r"Expected `int(?: \| null)?` (>=|<=) (-?\d+)", r"a whole number \1 \2 is expected"),
    (r"Expected `str(?: \| null)?` matching regex '(.*)'", r"text of the form \1 is expected"),
    (r"Expected `(?:str|array)(?: \| null)?` of length (>=|<=) (\d+)", r"a length \1 \2 is expected"),
)
T = TypeVar("T")


class ReadProgramme(NamedTuple):
    """A checked programme and where each part of it stands in the file."""

    programme: Programme
    marked: Marked

    @property
    def status_open(self) -> frozenset[str]:
        """The codes of promos whose status the file does not name."""
        written = self.marked.value.get("promos") or []
        return frozenset(promo["code"] for promo in written if "status" not in promo)


class ProgrammeInvalid(Invalid):
    """The programme file has errors. Each line of the message is `file:line:column path: what is wrong`."""

    default_code = "programme_invalid"

    def __init__(self, name: str, problems: Iterable[tuple[Mark, Problem]]) -> None:
        found = list(problems)
        shown = found[:PROBLEMS_MAX]
        lines = [f"{name}:{mark.line}:{mark.column} {_said(problem)}" for mark, problem in shown]
        if len(found) > len(shown):
            lines.append(f"... and {len(found) - len(shown)} more")
        super().__init__(
            "\n".join(lines),
            details={
                "file": name,
                "problems": [
                    {
                        "line": mark.line,
                        "column": mark.column,
                        "path": problem.path.rstrip(":"),
                        "message": problem.message,
                    }
                    for mark, problem in shown
                ],
            },
        )


def _said(problem: Problem) -> str:
    path = problem.path.rstrip(":")  # a path that ends so means the key itself, not its value
    return f"{path}: {problem.message}" if path else problem.message


def read_programme(text: str, name: str) -> ReadProgramme:
    """The programme in this YAML or JSON text; `name` is the file's, for messages. Raises ProgrammeInvalid."""
    try:
        marked = read_marked(text)
    except Malformed as error:
        raise ProgrammeInvalid(name, [(error.mark, Problem("", error.message))]) from error
    problems: list[Problem] = []
    found = _convert(marked.value, problems)
    if found is not None:
        problems += check_programme(found)
        problems += check_signature_keys(found)
    if problems or found is None:
        raise located(name, marked, problems)
    return ReadProgramme(found, marked)


def located(name: str, marked: Marked, problems: Iterable[Problem]) -> ProgrammeInvalid:
    """These problems as one error, each with its place in the file, in the file's order."""
    placed = [(marked.place(problem.path), problem) for problem in problems]
    return ProgrammeInvalid(name, sorted(placed, key=lambda pair: pair[0]))


def _convert(value: Any, problems: list[Problem]) -> Programme | None:
    """The typed document; None with problems noted when any part cannot be typed (its meaning is then not checked)."""
    if not isinstance(value, dict):
        problems.append(Problem("", f"a programme file has the sections {', '.join(_TOP)}"))
        return None
    problems += [Problem(f"{key}:", f"unknown section {key!r}{suggest(key, _TOP)}") for key in value if key not in _TOP]
    if value.get("programme") is None:
        problems.append(Problem("", "the section programme is missing"))
    settings = _typed(value.get("programme") or {}, Settings, "programme", problems) if "programme" in value else None
    sections: dict[str, Any] = {}
    for section, kind in SECTIONS.items():
        items = value.get(section)
        if items is not None and not isinstance(items, list):
            problems.append(Problem(section, "a list is expected"))
            items = None
        typed = [_typed(item, kind, f"{section}[{i}]", problems) for i, item in enumerate(items or [])]
        sections[section] = tuple(typed)
    if problems or settings is None:
        return None
    return Programme(programme=settings, **sections)


def _typed(value: Any, kind: type[T], path: str, problems: list[Problem]) -> T | None:
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        problems.append(_explain(str(error), path, kind))
        return None


def _explain(said: str, path: str, kind: type[Any]) -> Problem:
    """msgspec's message in plain words, with the whole path and a near miss where there is one."""
    message, _, where = said.partition(" - at `$")
    inner = where.removesuffix("`")
    full = path + re.sub(r"\[\.\.\.\]", "", inner)
    unknown = re.search(r"contains unknown field `([^`]*)`", message)
    if unknown:
        return Problem(f"{full}.{unknown[1]}:", f"unknown field {unknown[1]!r}{suggest(unknown[1], _fields(kind))}")
    missing = re.search(r"missing required field `([^`]*)`", message)
    if missing:
        return Problem(full, f"the field {missing[1]} is missing")
    word = re.search(r"Invalid enum value '([^']*)'", message)
    if word:
        return Problem(full, f"{word[1]!r} is not known here{suggest(word[1], _WORDS)}")
    for technical, plain in _PLAIN:
        message = re.sub(technical, plain, message)
    return Problem(full, message)


def _fields(kind: Any, depth: int = 0) -> Iterator[str]:
    """Names of the fields of a document and of the documents inside it."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for field in msgspec.structs.fields(kind):
            yield field.encode_name
            if depth < 4:
                yield from _fields(field.type, depth + 1)
    else:
        for inner in getattr(kind, "__args__", ()):
            yield from _fields(inner, depth)
