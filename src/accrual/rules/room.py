"""How much a command, and a day, may still award: the programme's bounds at the moment of decision. Reads what is handed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from accrual.domain.amounts import INT64_MAX
from accrual.domain.outcomes import Declined
from accrual.domain.programme import Bounds
from accrual.domain.promos import Period
from accrual.domain.stocks import StockKey
from accrual.rules.calendar import period_key
from accrual.rules.snapshot import Snapshot, StockShort

if TYPE_CHECKING:  # it stands above: it asks what is here
    from accrual.rules.give import Giving

PROMO_DAY_SLOT = 2
CLIENT_DAY_SLOT = 3
"""Under these slots stand the units of a promo version, and of a client, in a day of the programme's zone."""

_UNCOUNTED_BITS = 28
_SMALL_BITS = 20


def small_units(bounds: Bounds) -> int:
    """The largest award of which nothing is counted, so that plain promos cost no more for there being bounds.

    2**20 such awards fit one command's bound, 2**28 of them a day's: more than a command, or a day, can have.
    """
    return min(bounds.units_per_command >> _SMALL_BITS, uncounted_units(bounds.units_per_day))


def uncounted_units(units_per_day: int) -> int:
    """The most that may be awarded, or granted, at once without being counted towards the bound of a day."""
    return units_per_day >> _UNCOUNTED_BITS


def refuse(number: int, amount: int, basis: int, giving: Giving) -> Declined | None:
    """Why a promo version may not award so many units, else None, and they are taken from the command's and the day's room.

    Raises StockShort when more of the day's room has to be fetched first.
    """
    snapshot = giving.snapshot
    bounds = snapshot.programme.settings.bounds
    if amount > bounds.units_per_command - giving.awarded or abs(basis) > INT64_MAX:
        return _too_large(number, amount, basis, bounds)
    declined = take_of_day(number, amount, snapshot, giving.taken)
    if declined is None:
        giving.awarded += amount
    return declined


def put_back(number: int, amount: int, giving: Giving) -> None:
    """What `refuse` took of the room, and was not awarded after all."""
    giving.awarded -= amount
    for key in giving.taken:
        if (key.promo_id, key.slot) == (number, PROMO_DAY_SLOT):
            giving.taken[key] -= amount


def take_of_day(number: int, amount: int, snapshot: Snapshot, taken: dict[StockKey, int]) -> Declined | None:
    """Takes units from the day's room of a promo version, where they are enough to count. Raises StockShort."""
    most = snapshot.programme.settings.bounds.units_per_day
    if amount <= uncounted_units(most):
        return None
    key = StockKey(b"", number, PROMO_DAY_SLOT, period_key(snapshot.now, Period.DAY, snapshot.programme.zone), most)
    at_hand = snapshot.stock(key)
    left = at_hand.left - taken.get(key, 0)
    if left < amount and not at_hand.final:
        raise StockShort(key, taken.get(key, 0) + amount)
    if left < amount:
        return Declined(number, "daily_bound_reached", {"wanted": amount, "left": max(left, 0), "limit": most})
    taken[key] = taken.get(key, 0) + amount
    return None


def _too_large(number: int, amount: int, basis: int, bounds: Bounds) -> Declined:
    details: dict[str, Any] = {
        "wanted": min(amount, INT64_MAX),
        "limit": bounds.units_per_command,
        "basis": max(-INT64_MAX, min(basis, INT64_MAX)),
    }
    return Declined(number, "amount_too_large", details)
