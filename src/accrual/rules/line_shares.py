"""How an award is attributed to the lines of a purchase, so that a partial return takes back what they gave. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from accrual.domain.commands import Reward
from accrual.domain.facts import Fact
from accrual.rules.compiled import CompiledVersion
from accrual.rules.concerns import item_counts


def share_lines(
    version: CompiledVersion, command: Reward, facts: Sequence[Fact], amount: int
) -> tuple[tuple[int, int, int], ...]:
    """The award attributed to lines as (fact, line, units), by largest remainder, ties by line order (SEMANTICS row 1).

    Lines weigh what they cost; where none costs anything, what their quantity is. Parts sum to the whole.
    """
    places: list[tuple[int, int, int, int]] = []
    for number, fact in enumerate(command.facts):
        if not any(fact is matched for matched in facts):
            continue
        for line, item in enumerate(fact.items or ()):
            if not version.by_item or item_counts(version, item.product, item.category):
                places.append((number, line, item.amount_minor or 0, item.quantity))
    weights = [cost for _, _, cost, _ in places]
    if not any(weights):
        weights = [max(quantity, 1) for _, _, _, quantity in places]
    total = sum(weights)
    parts = [amount * weight // total for weight in weights]
    rests = sorted(range(len(places)), key=lambda n: (-(amount * weights[n] % total), n))
    for n in rests[: amount - sum(parts)]:
        parts[n] += 1
    return tuple((places[n][0], places[n][1], part) for n, part in enumerate(parts) if part)
