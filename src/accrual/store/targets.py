"""Reads the commands that others are about: whose they are, what they awarded, what of it expired, what came of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from accrual.domain.commands import decode_command
from accrual.domain.ids import bucket_of, bucket_of_ticket, member_of
from accrual.domain.outcomes import Outcome, Status, decode_outcome
from accrual.domain.transfers import Kind
from accrual.domain.undoing import AwardedLine, FoundTarget, TargetRow
from accrual.store.connection import Connection, Record
from accrual.store.slices import by_bucket, sliced, sliced_rows, uuids
from accrual.store.sql import query

TARGETS = query("lane/targets")
TARGET_AWARDS = query("lane/target_awards")
TARGET_EXPIRED = query("lane/target_expired")
FACTS_OF = query("lane/facts_of")
MERGED_INTO = query("lane/merged_into")

HOPS_MAX = 16
"""How often a command may be forwarded, and a member merged, before whoever looks gives up."""

Place = tuple[int, int]
"""(bucket, position)."""


async def read_targets(connection: Connection, wanted: Mapping[bytes, int], buckets: int) -> dict[bytes, FoundTarget]:
    """Commands by {ticket: programme_id}, wherever they were forwarded to, in one read for each of their relations."""
    rows: dict[bytes, Record] = {}
    decided: set[bytes] = set()
    settled: set[bytes] = set()
    ends = {ticket: ticket for ticket in wanted}
    for _ in range(HOPS_MAX):
        going = {end for ticket, end in ends.items() if ticket not in settled}
        rows.update(await _decided(connection, going - rows.keys(), buckets))
        for ticket in wanted.keys() - settled:
            row = rows.get(ends[ticket])
            if row is None or row["programme_id"] != wanted[ticket]:
                settled.add(ticket)
            elif row["status"] == Status.FORWARDED:
                ends[ticket] = decode_outcome(row["payload"]).follow_ups[0]
            else:
                decided.add(ends[ticket])
                settled.add(ticket)
        if len(settled) == len(wanted):
            break
    known = await _with_relations(connection, {end: rows[end] for end in decided}, buckets)
    return {
        ticket: FoundTarget(end, row if row is not None and row.programme_id == wanted[ticket] else None)
        for ticket, end in ends.items()
        for row in [known.get(end)]
    }


async def _decided(connection: Connection, tickets: Iterable[bytes], buckets: int) -> dict[bytes, Record]:
    wanted = by_bucket(tickets, bucket_of_ticket, buckets)
    if not wanted:
        return {}
    rows = await connection.fetch(TARGETS, *sliced(wanted, buckets, uuids))
    return {row["ticket"].bytes: row for row in rows}


async def _with_relations(connection: Connection, rows: Mapping[bytes, Record], buckets: int) -> dict[bytes, TargetRow]:
    """Decided commands with whose they are, what they awarded, what of it expired, and what came of them."""
    firsts: dict[bytes, bytes] = {}
    outcomes: dict[bytes, Outcome] = {}
    for ticket, row in rows.items():
        outcome = decode_outcome(row["payload"])
        try:
            identity = decode_command(row["facts"]).identity
        except msgspec.DecodeError:
            continue
        firsts[ticket] = member_of(row["programme_id"], identity.kind, identity.value)
        outcomes[ticket] = outcome
    if not firsts:
        return {}
    owners = await _owners(connection, set(firsts.values()), buckets)
    awarded = await _awarded(connection, rows, firsts, buckets)
    expired = await _expired(connection, rows, {t: owners[first] for t, first in firsts.items()}, buckets)
    facts = await _facts(connection, {f for outcome in outcomes.values() for f in outcome.follow_ups}, buckets)
    found = {}
    for ticket, outcome in outcomes.items():
        row = rows[ticket]
        bucket, position = row["bucket"], row["position"]
        homes = {bucket, *[bucket_of(owner, buckets) for owner in owners[firsts[ticket]]]}
        found[ticket] = TargetRow(
            ticket=ticket,
            bucket=bucket,
            position=position,
            programme_id=row["programme_id"],
            recorded_at=row["recorded_at"],
            facts=row["facts"],
            status=row["status"],
            payload=row["payload"],
            owners=owners[firsts[ticket]],
            awarded=tuple(
                [
                    AwardedLine(account, leg, amount, active_at, expired.get((bucket, position, leg), 0))
                    for account, leg, amount, active_at in awarded.get((bucket, position), ())
                ]
            ),
            follow_ups=tuple([(f, facts[f]) for f in outcome.follow_ups if f in facts]),
            homes=tuple(sorted(homes)),
        )
    return found


async def _owners(connection: Connection, members: set[bytes], buckets: int) -> dict[bytes, tuple[bytes, ...]]:
    """Each of these members and all that they became by mergers, today's last; where mergers crossed, each of them once."""
    became: dict[bytes, bytes] = {}
    going = set(members)
    for _ in range(HOPS_MAX):
        wanted = by_bucket(going, lambda member: bucket_of(member, buckets), buckets)
        rows = await connection.fetch(MERGED_INTO, *sliced(wanted, buckets, list))
        became.update({row["member_id"]: row["merged_into"] for row in rows})
        going = {row["merged_into"] for row in rows} - became.keys()
        if not going:
            break
    found = {}
    for member in members:
        chain = [member]
        while (after := became.get(chain[-1])) is not None and after not in chain:
            chain.append(after)
        found[member] = tuple(chain)
    return found


async def _awarded(
    connection: Connection, rows: Mapping[bytes, Record], firsts: Mapping[bytes, bytes], buckets: int
) -> dict[Place, list[tuple[int, int, int, datetime | None]]]:
    wanted: dict[int, list[tuple[bytes, int]]] = {}
    for ticket, first in firsts.items():
        wanted.setdefault(rows[ticket]["bucket"], []).append((first, rows[ticket]["position"]))
    found: dict[Place, list[tuple[int, int, int, datetime | None]]] = {}
    for bucket, position, account, leg, amount, active_at in await connection.fetch(
        TARGET_AWARDS, *sliced_rows(wanted, buckets, 2), Kind.AWARD
    ):
        found.setdefault((bucket, position), []).append((account, leg, amount, active_at))
    return found


async def _expired(
    connection: Connection, rows: Mapping[bytes, Record], owners: Mapping[bytes, tuple[bytes, ...]], buckets: int
) -> dict[tuple[int, int, int], int]:
    """How much expired by (bucket, position, leg) of where it was first credited, with whomever it was by then."""
    wanted: dict[int, list[tuple[bytes, int, int]]] = {}
    for ticket, chain in owners.items():
        for owner in chain:
            place = (owner, rows[ticket]["bucket"], rows[ticket]["position"])
            wanted.setdefault(bucket_of(owner, buckets), []).append(place)
    found = await connection.fetch(TARGET_EXPIRED, *sliced_rows(wanted, buckets, 3))
    return {(bucket, position, leg): units for bucket, position, leg, units in found}


async def _facts(connection: Connection, tickets: set[bytes], buckets: int) -> dict[bytes, bytes]:
    wanted = by_bucket(tickets, bucket_of_ticket, buckets)
    if not wanted:
        return {}
    rows = await connection.fetch(FACTS_OF, *sliced(wanted, buckets, uuids))
    return {row["ticket"].bytes: row["facts"] for row in rows}
