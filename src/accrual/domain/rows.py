"""Rows that are made by the thousand: named tuples without the cost of their names. Knows no table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

Row = TypeVar("Row", bound=tuple[Any, ...])


def quick(kind: type[Row]) -> Callable[[tuple[Any, ...]], Row]:
    """Makes rows of a kind out of tuples that have all its fields, in a third of the time; for places where most rows are
    made. The tuple is not looked at."""
    return cast(Callable[[tuple[Any, ...]], Row], partial(tuple.__new__, kind))
