"""Prints a plan as a readable diff or as JSON; the plan itself is made in the engine."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from accrual.engine.plan_shape import Effect, Plan, PlanItem

SIGNS = {
    Effect.CREATE: ("+", "green"),
    Effect.CHANGE: ("~", "yellow"),
    Effect.END: ("-", "red"),
    Effect.NOT_IN_FILE: ("?", "cyan"),
    Effect.UNCHANGED: (" ", "dim"),
}
VALUE_CHARACTERS_MAX = 120


def print_plan(plan: Plan, console: Console) -> None:
    """Everything but the unchanged of which nothing is to be said, one thing a paragraph, then a line of sums."""
    was = f"revision {plan.revision}" if plan.revision else "new"
    console.print(Text(f"Programme {plan.programme} ({was})", style="bold"), soft_wrap=True)
    for item in plan.items:
        if item.effect is not Effect.UNCHANGED or item.notes:
            for row in _rows(item):
                console.print(row, soft_wrap=True)
    counts = Counter(item.effect for item in plan.items)
    console.print(
        Text(
            f"{counts[Effect.CREATE]} to create, {counts[Effect.CHANGE]} to change, {counts[Effect.END]} to end; "
            f"{counts[Effect.UNCHANGED]} unchanged, {counts[Effect.NOT_IN_FILE]} not in file"
        ),
        soft_wrap=True,
    )


def _rows(item: PlanItem) -> list[Text]:
    sign, style = SIGNS[item.effect]
    tail = {Effect.NOT_IN_FILE: "  not in file, stays", Effect.END: "  ends"}.get(item.effect, "")
    holds = f"  holds for facts from {item.holds_from}" if item.holds_from else ""
    rows = [Text.assemble((f"{sign} {item.kind} {item.code}", style), tail, (holds, "dim"))]
    for field in item.fields:
        if item.effect is Effect.CREATE:
            rows.append(Text(f"      {field.path}: {shown(field.after)}"))
        else:
            rows.append(
                Text.assemble(
                    f"      {field.path}: ", (shown(field.before), "red"), " -> ", (shown(field.after), "green")
                )
            )
    rows += [Text(f"      {note}") for note in item.notes]
    rows += [Text(f"      warning: {warning}", style="bold yellow") for warning in item.warnings]
    return rows


def shown(value: Any) -> str:
    """A value as a person reads it, cut where it is long."""
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_CHARACTERS_MAX else text[: VALUE_CHARACTERS_MAX - 3] + "..."


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """`{"programme", "revision", "has_changes", "items": [...]}` of plain values."""
    return {
        "programme": plan.programme,
        "revision": plan.revision,
        "has_changes": plan.change is not None,
        "items": [msgspec.to_builtins(item) for item in plan.items],
    }
