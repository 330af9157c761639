"""Draws one entry: which prizes are in the table just then, which of them the secret names, and the receipt. A pure function."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from accrual.domain.draws import DrawHead, DrawKey, DrawSecret, chain_start
from accrual.domain.errors import Broken
from accrual.domain.facts import Fact
from accrual.domain.ids import bucket_of_ticket
from accrual.domain.stocks import StockKey
from accrual.rules.draw_tables import COMMITMENT_ID_DIGITS, CompiledDraw, CompiledPrize
from accrual.rules.snapshot import CounterKey, Drawn, Snapshot

POINT_BITS = 64
NO_STOCK, NOT_NOW, WON_ENOUGH = "no_stock", "not_now", "won_enough"
"""Why a prize is not in the table: none is left, it is not its time, the member may win no more of it."""

KEY_MISSING = (
    "This worker does not have the key that the draw's round was opened with: set ACCRUAL_DRAW_KEY_FILE to that file, then "
    "retry the command."
)

_ENCODER = msgspec.json.Encoder()
"""Chains digest receipts with sorted names: those who make a receipt write it in that order, which is quicker than sorting."""

Table = Sequence[tuple[CompiledPrize, int]]
"""Prizes with their weights, in the order in which chances are laid out."""


class Result(msgspec.Struct, frozen=True, gc=False):
    """What an entry drew, with all that changes by it."""

    prize: CompiledPrize
    receipt: dict[str, Any]
    drawn: Drawn
    counters: dict[CounterKey, int]
    stock: StockKey | None


def draw_entry(
    draw: CompiledDraw,
    fact: Fact,
    snapshot: Snapshot,
    counters: Mapping[CounterKey, int],
    taken: Mapping[StockKey, int],
    drawn: Mapping[DrawKey, Drawn],
) -> Result:
    """One entry in an instant draw; `counters`, `taken` and `drawn` are what this command did already.

    Raises Broken `draw_key_missing` where a part of the secret is not at hand, ValueError when no prize at all is in the
    table, which the check of a table does not let happen.
    """
    moment = fact.occurred_at or snapshot.now
    misses = _counted(draw.pity_key, snapshot, counters) if draw.pity_after is not None else 0
    out: dict[str, str] = {}
    for prize in draw.watched:
        reason = _why_out(draw, prize, moment, snapshot, counters, taken)
        if reason is not None:
            out[prize.code] = reason
    table, helped = table_of(draw, out, misses)
    total = draw.whole_weight if table is draw.whole else sum([weight for _, weight in table])
    drawing = draw.drawing
    ticket = snapshot.ticket.hex()
    bucket, number, chain = _entry_of(draw, snapshot, drawn)
    accepted = written(snapshot.now)
    point = None if snapshot.replayed is None else _replayed(snapshot.replayed, drawing.promo_id, table)
    if point is None:
        point_key = draw.point_key
        if point_key is None and snapshot.replayed is None:
            raise Broken(KEY_MISSING, code="draw_key_missing")
        if draw.by_place:
            message = place_of(draw.commitment, drawing.secret.round, bucket, number, chain, accepted)
        else:
            message = f"{ticket}/{drawing.promo}"
        point = point_of(point_key or b"", message, total)
    prize = prize_at(table, point)
    after: dict[CounterKey, int] = {}
    if draw.pity_after is not None:
        after[draw.pity_key] = 0 if prize.code in draw.pity_prizes else misses + 1
    if prize.wins_max is not None:
        key = draw.wins_key(prize, moment)
        after[key] = _counted(key, snapshot, counters) + 1
    receipt = {
        **({"accepted": accepted} if draw.by_place else {}),
        "at": accepted if moment is snapshot.now else written(moment),
        "bucket": bucket,
        "commitment": draw.commitment_id,
        "helped": helped,
        "member": member_tag(draw, snapshot),
        "misses": misses,
        "number": number,
        "out": out if len(out) < 2 else dict(sorted(out.items())),
        "point": point,
        "prize": prize.code,
        "round": drawing.secret.round,
        "table": draw.whole_told if table is draw.whole else [(each.code, weight) for each, weight in table],
        "ticket": ticket,
        "version": drawing.version,
    }
    return Result(prize, receipt, _chained(draw, receipt, number, chain), after, prize.stock)


def _replayed(receipts: Mapping[int, Mapping[str, Any]], promo_id: int, table: Table) -> int | None:
    """The point that an entry was drawn with, where it was drawn from the same table."""
    known = receipts.get(promo_id)
    if known is None or [tuple(row) for row in known["table"]] != [(prize.code, weight) for prize, weight in table]:
        return None
    return int(known["point"])


def place_of(commitment: str, round_: int, bucket: int, number: int, chain: bytes, accepted: str) -> str:
    """What the point of an entry is made of: its place in the chained log of entries, and when the log accepted it.

    Nothing of it is the client's to choose: not the key, the member's name, the facts or their time. `chain` is the digest
    over the entries before it in its bucket.
    """
    return f"accrual draw 2/{commitment}/{round_}/{bucket}/{number}/{chain.hex()}/{accepted}"


def enter_raffle(
    draw: CompiledDraw, fact: Fact, snapshot: Snapshot, drawn: Mapping[DrawKey, Drawn]
) -> tuple[dict[str, Any], Drawn]:
    """The receipt of an entry that waits for its raffle."""
    bucket, number, chain = _entry_of(draw, snapshot, drawn)
    receipt: dict[str, Any] = {
        "at": written(fact.occurred_at or snapshot.now),
        "bucket": bucket,
        "commitment": draw.commitment_id,
        "member": member_tag(draw, snapshot),
        "number": number,
        "round": draw.drawing.secret.round,
        "ticket": snapshot.ticket.hex(),
        "tickets": draw.units,
        "version": draw.drawing.version,
    }
    return receipt, _chained(draw, receipt, number, chain)


def return_prize(
    secret: DrawSecret, won_by: Mapping[str, Any], ticket: bytes, bucket: int, now: datetime, head: DrawHead | None
) -> tuple[dict[str, Any], Drawn]:
    """The record that a prize went back to its stock: in the open round's log of entries, by the bucket that took it back.

    `won_by` is the receipt that the prize was won with, `ticket` that of the return, `head` where the bucket's log ends.
    """
    number = 1 if head is None else head.entries + 1
    chain = chain_start(secret.commitment, bucket) if head is None else head.chain
    receipt: dict[str, Any] = {
        "at": written(now),
        "bucket": bucket,
        "commitment": secret.commitment[:COMMITMENT_ID_DIGITS],
        "number": number,
        "prize": won_by["prize"],
        "returned": f"{won_by['round']}-{won_by['bucket']}-{won_by['number']}",
        "round": secret.round,
        "ticket": ticket.hex(),
    }
    digest = hashlib.sha256(chain + _ENCODER.encode(receipt)).digest()
    return receipt, Drawn((secret.promo_id, secret.round), DrawHead(number, digest), 0)


def is_over(draw: CompiledDraw, fact: Fact, now: datetime) -> bool:
    """Whether a raffle takes no more entries: what happened, or came, when its time had come is too late.

    A round that began after that time has no raffle to wait for.
    """
    closes_at, since = draw.closes_at, draw.drawing.secret.since
    if closes_at is None:
        return False
    return now >= closes_at or (fact.occurred_at or now) >= closes_at or (since is not None and since >= closes_at)


def table_of(draw: CompiledDraw, out: Mapping[str, str], misses: int) -> tuple[Table, bool]:
    """The table used, and whether it is pity's: without what is out, whose chances the fallback has if there is one."""
    if not out and (draw.pity_after is None or misses < draw.pity_after):
        return draw.whole, False
    if draw.pity_after is not None and misses >= draw.pity_after:
        kept = [(p, p.weight) for p in draw.prizes if p.code in draw.pity_prizes and p.code not in out and p.weight]
        if kept:
            return kept, True
    lost = sum([prize.weight for prize in draw.prizes if prize.code in out])
    table = []
    for prize in draw.prizes:
        weight = prize.weight + (lost if prize.code == draw.fallback else 0)
        if weight and prize.code not in out:
            table.append((prize, weight))
    return table, False


def point_of(secret: bytes, message: str, total: int) -> int:
    """A number from 0 to total - 1, each as likely: HMAC-SHA256 of the message and a try, its first 64 bits, rejected above the
    largest multiple of `total` that they hold, so that no remainder is favoured. Raises ValueError unless 0 < total <= 2**64.
    """
    if not 0 < total <= 1 << POINT_BITS:
        raise ValueError("there is nothing to draw from")
    bound = (1 << POINT_BITS) - (1 << POINT_BITS) % total
    attempt = 0
    while True:
        digest = hmac.digest(secret, f"{message}/{attempt}".encode(), "sha256")
        value = int.from_bytes(digest[: POINT_BITS // 8], "big")
        if value < bound:
            return value % total
        attempt += 1


def prize_at(table: Sequence[tuple[CompiledPrize, int]], point: int) -> CompiledPrize:
    """The prize whose stretch of the chances, laid out in order from 0, holds the point."""
    for prize, weight in table:
        if point < weight:
            return prize
        point -= weight
    raise ValueError("the point lies beyond the table")


def _why_out(
    draw: CompiledDraw,
    prize: CompiledPrize,
    moment: datetime,
    snapshot: Snapshot,
    counters: Mapping[CounterKey, int],
    taken: Mapping[StockKey, int],
) -> str | None:
    if prize.window_from is not None and moment < prize.window_from:
        return NOT_NOW
    if prize.window_until is not None and moment >= prize.window_until:
        return NOT_NOW
    if prize.stock is not None:
        left = snapshot.stock(prize.stock).left
        if left <= (taken.get(prize.stock, 0) if taken else 0):
            return NO_STOCK
    if prize.wins_max is not None and _counted(draw.wins_key(prize, moment), snapshot, counters) >= prize.wins_max:
        return WON_ENOUGH
    return None


def _counted(key: CounterKey, snapshot: Snapshot, counters: Mapping[CounterKey, int]) -> int:
    return counters[key] if key in counters else snapshot.counted(key)


def member_tag(draw: CompiledDraw, snapshot: Snapshot) -> str:
    """Stands for the member in receipts: the same for all entries of a promo, and nobody's name or number."""
    return hashlib.sha256(snapshot.tag + draw.drawing.promo.encode()).hexdigest()[:16]


def _entry_of(draw: CompiledDraw, snapshot: Snapshot, drawn: Mapping[DrawKey, Drawn]) -> tuple[int, int, bytes]:
    """Where an entry stands: its bucket, its number there, and the chain up to it."""
    key, bucket = draw.key, bucket_of_ticket(snapshot.ticket)
    known = drawn.get(key) if drawn else None
    head = snapshot.drawn(key) if known is None else known.head
    if head is None:
        return bucket, 1, chain_start(draw.commitment, bucket)
    return bucket, head.entries + 1, head.chain


def _chained(draw: CompiledDraw, receipt: dict[str, Any], number: int, chain: bytes) -> Drawn:
    """Digests the receipt, whose names are in order, together with all before it in its bucket."""
    digest = hashlib.sha256(chain + _ENCODER.encode(receipt)).digest()
    return Drawn(draw.key, DrawHead(number, digest), draw.units)


def written(moment: datetime) -> str:
    """An instant as receipts write it: UTC, to the microsecond."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    # The encoder writes `"2026-11-22T06:30:01.123456Z"`, without the fraction where there is none, and is ten times as fast.
    text = _ENCODER.encode(utc)[1:-2].decode()
    return text + "+00:00" if utc.microsecond else text + ".000000+00:00"
