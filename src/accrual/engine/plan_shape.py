"""What a plan is made of: effects, fields before and after, items, and how two documents differ. No rule of planning."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec

from accrual.domain.documents import leaves
from accrual.domain.stored_programme import CatalogueChange

LIST_SHOWN_WHOLE_MAX = 8


class Effect(StrEnum):
    """What applying the plan does to one thing."""

    CREATE = "create"
    CHANGE = "change"
    UNCHANGED = "unchanged"
    NOT_IN_FILE = "not in file"
    END = "end"


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One field before and after; `path` such as `benefits[0].fixed`. An absent side is None."""

    path: str
    before: Any
    after: Any


class PlanItem(msgspec.Struct, frozen=True, kw_only=True):
    """One programme, asset, outlet, client or promo. `holds_from` says in words for which facts a promo's version holds."""

    effect: Effect
    kind: str
    code: str
    fields: tuple[FieldChange, ...] = ()
    holds_from: str | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a file means for a programme. `change` is None when applying it would change nothing."""

    programme: str
    revision: int
    items: tuple[PlanItem, ...]
    change: CatalogueChange | None

    @property
    def changes(self) -> tuple[PlanItem, ...]:
        """The items that applying would create, change or end."""
        return tuple(item for item in self.items if item.effect in (Effect.CREATE, Effect.CHANGE, Effect.END))


def differences(before: Any, after: Any) -> tuple[FieldChange, ...]:
    """Fields of two plain documents that differ, in the order of the document; empty on both sides is no difference."""
    old, new = dict(leaves(before)) if before else {}, dict(leaves(after))
    paths = [*new, *(path for path in old if path not in new)]
    return tuple(
        change
        for path in paths
        if old.get(path) != new.get(path) and not (_is_empty(old.get(path)) and _is_empty(new.get(path)))
        for change in _changes(path, old.get(path), new.get(path))
    )


def _changes(path: str, old: Any, new: Any) -> Iterator[FieldChange]:
    """Of two long lists only what was taken out and put in: nobody finds one promo code among a thousand."""
    if isinstance(old, list) and isinstance(new, list) and max(len(old), len(new)) > LIST_SHOWN_WHOLE_MAX:
        known, named = set(old), set(new)
        removed, added = [each for each in old if each not in named], [each for each in new if each not in known]
        if removed:
            yield FieldChange(path=f"{path} (taken out)", before=removed, after=None)
        if added:
            yield FieldChange(path=f"{path} (put in)", before=None, after=added)
        if removed or added:
            return
    yield FieldChange(path=path, before=old, after=new)


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})
