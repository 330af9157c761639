"""Draws the winners of a raffle out of its entries, and reserves after them: always the same for the same secret and entries."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence, Set
from itertools import accumulate

from accrual.domain.draw_tables import Raffle, RafflePrize
from accrual.domain.draws import SCHEME_BY_TICKET, Entrant, Round, point_key_of
from accrual.rules.draws import point_of


def pieces_of(raffle: Raffle) -> list[RafflePrize]:
    """Every single piece that can be won, in the order in which they are drawn."""
    return [prize for prize in raffle.prizes for _ in range(prize.count)]


def pick_key_of(closed: Round) -> bytes:
    """What the picks of a closed round are made with. Raises ValueError where its secret is not published."""
    if closed.secret is None or (closed.shared and closed.share is None):
        raise ValueError("the round's secret is not published")
    secret = bytes.fromhex(closed.secret)
    if closed.scheme == SCHEME_BY_TICKET:
        return secret
    return point_key_of(secret, None if closed.share is None else bytes.fromhex(closed.share))


def seed_of(closed: Round) -> str:
    """What the picks of a closed round are made of: all its entries and, in the second scheme, what nobody knew before.

    A round with a beacon is decided by a public value from after its entries were complete.
    """
    if closed.scheme == SCHEME_BY_TICKET:
        return closed.root or ""
    return f"accrual draw 2/{closed.commitment}/{closed.root}/{closed.beacon_value or '-'}"


def picks_of(key: bytes, seed: str, entrants: Sequence[Entrant], *, once_per_member: bool) -> Iterator[Entrant]:
    """Entries in the order in which they are drawn, each once, until none is left; with `once_per_member` each member once.

    Each ticket has the same chance: a point in all tickets, laid out in order of the entries; where it falls on an entry
    that has left, it is drawn again. `entrants` are in order of bucket and number; `key` and `seed` are the round's.
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
        chosen = _pick(key, f"{seed}/{pick}", entrants, ends, gone, members if once_per_member else frozenset())
        gone.add(chosen)
        members.add(entrants[chosen].member_id)
        left -= of_member[entrants[chosen].member_id] if once_per_member else 1
        yield entrants[chosen]
        pick += 1


def _pick(
    key: bytes,
    message: str,
    entrants: Sequence[Entrant],
    ends: Sequence[int],
    gone: Set[int],
    members: Set[bytes],
) -> int:
    again = 0
    while True:
        chosen = bisect_right(ends, point_of(key, f"{message}/{again}", ends[-1]))
        if chosen not in gone and entrants[chosen].member_id not in members:
            return chosen
        again += 1
