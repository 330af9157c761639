"""What is wrong with a document, as values with paths, and near misses in names. No document is judged here."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing to correct. `path` such as `promos[3].benefits[0].asset`, as written in the file."""

    path: str
    message: str


def suggest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'PTS'?` when a known name is near, else what is known, else nothing."""
    names = sorted(set(known))
    near = get_close_matches(word, names, n=1, cutoff=0.5) or [n for n in names if n.lower() == word.lower()]
    if near:
        return f"; did you mean {near[0]!r}?"
    if names and len(names) <= 12:
        return f"; known: {', '.join(names)}"
    return ""


def repeated(codes: Iterable[str], section: str) -> Iterable[Problem]:
    """A problem for each code that stands in a section a second time."""
    first: dict[str, int] = {}
    for index, code in enumerate(codes):
        if code in first:
            yield Problem(f"{section}[{index}].code", f"{code!r} is already the code of {section}[{first[code]}]")
        first.setdefault(code, index)
