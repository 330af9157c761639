"""The one place where verification meets what nobody foresaw: a row that cannot be read or judged becomes a fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from accrual.domain.books import Fault

RawT = TypeVar("RawT")
ValueT = TypeVar("ValueT")

UNREADABLE = "unreadable"
"""The check that names rows which cannot be read or judged."""


class Unreadable(NamedTuple):
    """In place of a value that could not be made: why, in one line."""

    why: str


def attempt(make: Callable[[RawT], ValueT], raw: RawT) -> ValueT | Unreadable:
    """The value made of something stored, or why there is none, whatever `make` raised."""
    try:
        return make(raw)
    except Exception as error:
        return Unreadable(_described(error))


def judged(
    faults: Iterator[Fault],
    position: int | None = None,
    account: int | None = None,
    *,
    table: str | None = None,
    otherwise: Callable[[], None] | None = None,
) -> Iterator[Fault]:
    """The faults of one row or position. When judging it raises, that is a fault too, and `otherwise` is called."""
    try:
        yield from faults
    except Exception as error:
        if otherwise is not None:
            otherwise()
        yield Fault(UNREADABLE, position, account, f"this cannot be judged: {_described(error)}", table)


def _described(error: Exception) -> str:
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said[:200]}" if said else type(error).__name__
