"""Draws the winners of a raffle out of its entries, and reserves after them: always the same for the same secret and entries."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence, Set
from itertools import accumulate

from accrual.domain.draw_tables import Raffle, RafflePrize
from accrual.domain.draws import Entrant
from accrual.rules.draws import point_of


def pieces_of(raffle: Raffle) -> list[RafflePrize]:
    """Every single piece that can be won, in the order in which they are drawn."""
    return [prize for prize in raffle.prizes for _ in range(prize.count)]


def picks_of(secret: bytes, root: str, entrants: Sequence[Entrant], *, once_per_member: bool) -> Iterator[Entrant]:
    """Entries in the order in which they are drawn, each once, until none is left; with `once_per_member` each member once.

    Each ticket has the same chance: a point in all tickets, laid out in order of the entries; where it falls on an entry
    that has left, it is drawn again. `entrants` are in order of bucket and number; `root` is the digest over all entries.
    """
    ends = list(accumulate([entrant.units for entrant in entrants]))
    gone: set[int] = set()
    members: set[bytes] = set()
    of_member: dict[bytes, int] = {}
    for entrant in entrants:
        of_member[entrant.member_id] = of_member.get(entrant.member_id, 0) + 1
    left = len(entrants)
    pick = 0
    while left:
        chosen = _pick(secret, f"{root}/{pick}", entrants, ends, gone, members if once_per_member else frozenset())
        gone.add(chosen)
        members.add(entrants[chosen].member_id)
        left -= of_member[entrants[chosen].member_id] if once_per_member else 1
        yield entrants[chosen]
        pick += 1


def _pick(
    secret: bytes,
    message: str,
    entrants: Sequence[Entrant],
    ends: Sequence[int],
    gone: Set[int],
    members: Set[bytes],
) -> int:
    again = 0
    while True:
        chosen = bisect_right(ends, point_of(secret, f"{message}/{again}", ends[-1]))
        if chosen not in gone and entrants[chosen].member_id not in members:
            return chosen
        again += 1
