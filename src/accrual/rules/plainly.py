"""What a command gets for which simple promos alone are open, in a few steps. `evaluate` says the same, in more."""

from __future__ import annotations

from datetime import datetime

import msgspec

from accrual.domain.commands import Reward
from accrual.domain.outcomes import Award, Outcome, Status, encode_outcome
from accrual.rules.benefits.measure import Measure
from accrual.rules.compiled import CompiledProgramme
from accrual.rules.concerns import HAVE_MORE
from accrual.rules.listeners import Opening, listeners_of

GIVEN_MAX = 10_000
"""How many answers a programme remembers: one for each opening and number of facts."""

BY_COUNT = frozenset({"fixed"})
"""Benefits in which amounts of money play no part: what they give once they give always."""


class Given(msgspec.Struct, frozen=True, eq=False):
    """Awards, and the outcome of a command that gets these and nothing else, as it is stored."""

    awards: tuple[Award, ...]
    payload: bytes


UNKNOWN, BY_SUM = Given((), b""), Given((), b"")
"""Nobody asked yet; and what is given depends on the sum, so that it is computed each time."""


def given_plainly(command: Reward, programme: CompiledProgramme, client: str | None, now: datetime) -> Given | None:
    """What a member gets for a command whose looks are plain; None where it has to be judged.

    It has where facts differ in more than time and amount, or something else than a simple promo is open, or closed with a
    reason to tell, or what a promo comes to is not an award, or one large enough for the programme's bounds to be looked at.
    """
    facts = command.facts
    first = facts[0]
    kind = type(first)
    if kind in HAVE_MORE or first.items:
        return None
    if len(facts) > 1:
        outlet, product = first.outlet, first.product
        for fact in facts[1:]:
            if fact.items or fact.outlet != outlet or fact.product != product or type(fact) is not kind:
                return None
    listeners = listeners_of(programme, first, client)
    if not listeners.always and len(facts) > 1:
        return None
    opening = listeners.at(first, now)[0].opening
    key = (opening, len(facts))
    known = programme.given.get(key, UNKNOWN)
    if known is UNKNOWN:
        if len(programme.given) >= GIVEN_MAX:
            programme.given.clear()
        known = programme.given[key] = _first_answer(opening, len(facts), programme)
    if known is BY_SUM:
        return _give(opening, Measure(len(facts), sum([fact.amount_minor or 0 for fact in facts])), programme)
    return known


def _first_answer(opening: Opening, facts: int, programme: CompiledProgramme) -> Given | None:
    if opening.gifts is None or opening.conditional or opening.declined:
        return None
    if not BY_COUNT.issuperset([benefit.kind for _, benefit in opening.gifts]):
        return BY_SUM
    return _give(opening, Measure(facts, 0), programme)


def _give(opening: Opening, measure: Measure, programme: CompiledProgramme) -> Given | None:
    awards, small = [], programme.small_units
    for number, benefit in opening.gifts or ():
        computed = benefit.compute(measure)
        if not 0 < computed.amount <= small:
            return None
        awards.append(Award(number, benefit.asset_id, computed.amount, benefit.kind, computed.basis))
    outcome = Outcome(status=Status.DECIDED, revision=programme.revision, awards=tuple(awards))
    return Given(outcome.awards, encode_outcome(outcome))
