"""Checks a benchmark's books against what its clients were told; the figures of a run whose books are wrong mean nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from accrual.bench.results import Invariants
from accrual.bootstrap.bench import BenchDatabase

VERIFIED_COMMANDS_MAX = 60_000
"""Up to so many commands the real verification runs as well; it reads every row into Python."""


async def check_accepted(database: BenchDatabase, accepted: Mapping[int, int]) -> Invariants:
    """Whether each bucket's log holds as many commands as clients were told, {bucket: accepted}, without gaps."""
    wrong = []
    for place in await database.probe.places():
        told = accepted.get(place.bucket, 0)
        if place.commands != told:
            wrong.append(f"bucket {place.bucket}: {told} commands were accepted, {place.commands} are in the log")
        if place.next - 1 != place.commands:
            wrong.append(f"bucket {place.bucket}: the tail is at {place.next}, with {place.commands} commands")
    checked = ("every accepted command is in the log", "positions have no gaps")
    return Invariants(ok=not wrong, checked=checked, wrong=tuple(wrong[:10]))


async def check_decided(
    database: BenchDatabase, accepted: Mapping[int, int], *, one_award_each: bool = True
) -> Invariants:
    """The same, and: everything decided once, one award a command (the demo programme's), lines and balances right."""
    logged = await check_accepted(database, accepted)
    probe = database.probe
    checked, wrong = list(logged.checked), list(logged.wrong)
    for place in await probe.places():
        told = accepted.get(place.bucket, 0)
        if one_award_each and place.awards != told:
            wrong.append(f"bucket {place.bucket}: {told} awards were due, {place.awards} stand in the lines")
        if place.cursor != place.next:
            wrong.append(f"bucket {place.bucket}: decided up to {place.cursor}, appended up to {place.next}")
    if one_award_each:
        checked.append("one award for every accepted command, by the clients' own count")
    for name, found in (
        ("one outcome for every command", await probe.unanswered()),
        ("the lines of every bucket and asset add up to 0", await probe.unbalanced()),
        ("every balance follows from the line before: the newest is the sum", await probe.missteps()),
        ("nothing was parked", await probe.parked()),
    ):
        checked.append(name)
        wrong.extend(found)
    if sum(accepted.values()) <= VERIFIED_COMMANDS_MAX:
        report = await database.verify()
        checked.append("accrual verify: books, chain, lots, follow-ups and outbox")
        wrong.extend(f"{finding.check}: {finding.text}" for finding in report.findings)
    return Invariants(ok=not wrong, checked=tuple(checked), wrong=tuple(wrong[:10]))


def added(*counts: Mapping[int, int]) -> Counter[int]:
    """The sum of journals."""
    total: Counter[int] = Counter()
    for count in counts:
        total.update(count)
    return total
