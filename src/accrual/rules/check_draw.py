"""Whether a prize table or a raffle can be drawn: its prizes add up, never run out of everything, and name what exists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from accrual.domain.draw_tables import Draw, EntryCost, Prize, Raffle
from accrual.domain.errors import Invalid
from accrual.domain.promos import Benefit, Lane, Promo, Recipient
from accrual.rules.calendar import read_instant
from accrual.rules.check_window import check_duration
from accrual.rules.draw_tables import slot_of
from accrual.rules.problems import Problem, suggest

_NOT_FOR_DRAWS = ("max", "rounding")


def check_draws(path: str, promo: Promo, zone: str, assets: Set[str]) -> Iterator[Problem]:
    """Everything that is wrong with a promo's draws and raffles; nothing where it has none."""
    drawn = [(n, b) for n, b in enumerate(promo.benefits) if b.draw is not None or b.raffle is not None]
    for number, benefit in drawn:
        at = f"{path}.benefits[{number}]"
        if number != drawn[0][0]:
            yield Problem(at, "a promo has one draw or raffle; write another promo for a second")
        yield from _check_place(at, benefit, promo)
        if benefit.draw is not None:
            yield from _check_table(f"{at}.draw", benefit.draw, zone, assets)
        elif benefit.raffle is not None:
            yield from _check_raffle(f"{at}.raffle", benefit.raffle, zone, assets)
    if drawn:
        yield from _check_limits(path, promo)


def _check_place(path: str, benefit: Benefit, promo: Promo) -> Iterator[Problem]:
    what = "draw" if benefit.draw is not None else "raffle"
    named = [name for name in _NOT_FOR_DRAWS if getattr(benefit, name) is not None]
    named += ["per_fact"] if benefit.per_fact else []
    named += ["by_level"] if benefit.by_level else []
    for name in named:
        yield Problem(f"{path}.{name}", f"has no meaning for a {what}: a call is one entry, and prizes are as written")
    if benefit.to is not Recipient.MEMBER:
        yield Problem(f"{path}.to", f"a {what} is for the member who enters")
    if promo.stacking.lane is not Lane.BASE:
        yield Problem(path, f"a {what} stands in the lane base; what it brings is neither multiplied nor capped")


def _check_limits(path: str, promo: Promo) -> Iterator[Problem]:
    for index, limit in enumerate(promo.limits):
        if limit.amount is not None:
            yield Problem(
                f"{path}.limits[{index}].amount",
                "a draw is limited by count, which counts entries; prizes have a stock",
            )
    if promo.budget is not None:
        yield Problem(f"{path}.budget", "a draw has no budget; give its prizes a stock")


def _check_table(path: str, draw: Draw, zone: str, assets: Set[str]) -> Iterator[Problem]:
    yield from _check_codes(f"{path}.prizes", [prize.code for prize in draw.prizes])
    slots: dict[int, str] = {}
    for index, prize in enumerate(draw.prizes):
        yield from _check_prize(f"{path}.prizes[{index}]", prize, draw, zone, assets)
        other = slots.setdefault(slot_of(prize.code), prize.code)
        if other != prize.code:
            yield Problem(f"{path}.prizes[{index}].code", f"counts in the same place as {other!r}; choose another code")
    yield from _check_cost(f"{path}.cost", draw.cost, assets)
    yield from _check_fallback(path, draw)
    if draw.pity is not None:
        known = {prize.code: prize for prize in draw.prizes}
        for index, code in enumerate(draw.pity.prizes):
            if code not in known:
                yield Problem(f"{path}.pity.prizes[{index}]", f"unknown prize {code!r}{suggest(code, known)}")
            elif not known[code].weight:
                yield Problem(f"{path}.pity.prizes[{index}]", f"{code!r} has no weight, so it can never be drawn")
            elif known[code].nothing:
                yield Problem(f"{path}.pity.prizes[{index}]", f"{code!r} wins nothing, which helps nobody")


def _check_prize(path: str, prize: Prize, draw: Draw, zone: str, assets: Set[str]) -> Iterator[Problem]:
    if prize.asset is not None and prize.asset not in assets:
        yield Problem(f"{path}.asset", f"unknown asset {prize.asset!r}{suggest(prize.asset, assets)}")
    if prize.nothing and (prize.asset is not None or prize.amount != 1):
        yield Problem(f"{path}.nothing", "a row that wins nothing has neither asset nor amount")
    if prize.nothing and (prize.stock is not None or prize.per_member is not None):
        yield Problem(f"{path}.nothing", "nothing never runs out: it has neither stock nor per_member")
    if not prize.weight and prize.code != draw.fallback:
        yield Problem(f"{path}.weight", "must be above 0; only the fallback may have none")
    moments = []
    for field, text in (("from", prize.window.from_), ("until", prize.window.until)):
        if text is None:
            continue
        try:
            moments.append(read_instant(text, zone))
        except Invalid as error:
            yield Problem(f"{path}.window.{field}", error.message)
    if len(moments) == 2 and moments[0] >= moments[1]:
        yield Problem(f"{path}.window.until", "must be after from")


def _check_fallback(path: str, draw: Draw) -> Iterator[Problem]:
    """Something must always be in the table: an entry is never answered by silence."""
    known = {prize.code: prize for prize in draw.prizes}
    if draw.fallback is None:
        if not any(prize.weight and _always_there(prize) for prize in draw.prizes):
            yield Problem(
                f"{path}.prizes",
                "all of them can leave the table; add a row without stock, window and per_member (such as "
                "`{code: NOTHING, nothing: true, weight: 1}`), or name a fallback",
            )
        return
    if draw.fallback not in known:
        yield Problem(f"{path}.fallback", f"unknown prize {draw.fallback!r}{suggest(draw.fallback, known)}")
    elif not _always_there(known[draw.fallback]):
        yield Problem(
            f"{path}.fallback", f"{draw.fallback!r} can leave the table: it has a stock, window or per_member"
        )


def _always_there(prize: Prize) -> bool:
    window = prize.window
    return prize.stock is None and prize.per_member is None and window.from_ is None and window.until is None


def _check_raffle(path: str, raffle: Raffle, zone: str, assets: Set[str]) -> Iterator[Problem]:
    try:
        read_instant(raffle.at, zone)
    except Invalid as error:
        yield Problem(f"{path}.at", error.message)
    yield from _check_codes(f"{path}.prizes", [prize.code for prize in raffle.prizes])
    for index, prize in enumerate(raffle.prizes):
        if prize.asset not in assets:
            yield Problem(
                f"{path}.prizes[{index}].asset", f"unknown asset {prize.asset!r}{suggest(prize.asset, assets)}"
            )
    yield from _check_cost(f"{path}.cost", raffle.cost, assets)
    if raffle.claim_within is not None:
        yield from check_duration(f"{path}.claim_within", raffle.claim_within)


def _check_cost(path: str, cost: EntryCost | None, assets: Set[str]) -> Iterator[Problem]:
    if cost is not None and cost.asset not in assets:
        yield Problem(f"{path}.asset", f"unknown asset {cost.asset!r}{suggest(cost.asset, assets)}")


def _check_codes(path: str, codes: Sequence[str]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, code in enumerate(codes):
        known = first.setdefault(code, index)
        if known != index:
            yield Problem(f"{path}[{index}].code", f"{code!r} stands a second time, first as [{known}]")
