"""What a plan is made of: effects, fields before and after, items, and how two documents differ. No rule of planning."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from accrual.domain.documents import leaves
from accrual.domain.stored_programme import CatalogueChange


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
        FieldChange(path=path, before=old.get(path), after=new.get(path))
        for path in paths
        if old.get(path) != new.get(path) and not (_is_empty(old.get(path)) and _is_empty(new.get(path)))
    )


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})
