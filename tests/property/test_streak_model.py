"""Streaks over random check-ins, late posts, freezes, returns and changes of zone are those of a plain model of its own."""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from accrual.domain.commands import Dialect
from accrual.domain.facts import CheckIn
from accrual.domain.movements import Grant, Reverse
from accrual.domain.outcomes import Outcome, Status
from accrual.domain.programme import Settings
from accrual.domain.promos import PromoVersion
from tests.desk import Desk, catalogue_of, identity_of, promo_of
from tests.seeds import seed_for

STEPS = int(os.environ.get("ACCRUAL_TEST_STREAK_STEPS", "700"))
ZONES = ["Pacific/Honolulu", "America/New_York", "UTC", "Asia/Jakarta", "Asia/Tokyo", "Pacific/Kiritimati"]
OFFSETS = ["00:00", "04:00", "12:00"]
SETTINGS = Settings(code="p", currency="IDR", minor_units=0, time_zone="Asia/Jakarta", late_limit=None)
LADDERS: list[dict[str, Any]] = [
    {"steps": {1: 1, 2: 2, 3: 3, 7: 10}},
    {"steps": {1: 1, 2: 5, 4: 0, 5: 20}, "after_last": "repeat"},
    {"steps": {2: 4, 3: 7}, "after_last": "restart"},
    {"dates": {day: day % 7 for day in range(1, 29)}},
]


def worth(ladder: dict[str, Any], number: int, day: date) -> int:
    if "dates" in ladder:
        return int(ladder["dates"].get(day.day, 0))
    steps, last = ladder["steps"], max(ladder["steps"])
    if number > last:
        number = last if ladder.get("after_last", "stay") == "stay" else [*range(1, last + 1)][number % last - 1]
    reached = [step for step in steps if step <= number]
    return int(steps[max(reached)]) if reached else 0


@dataclass
class Checked:
    """A day that was checked in: at which instant, whether it goes on from the day before it, for how much it was paid."""

    at: datetime
    goes_on: bool
    paid: int = 0


@dataclass
class Plain:
    """One member's calendar. A day is a date; of weeks it is the Monday."""

    ladder: dict[str, Any]
    weekly: bool
    make_up: int
    in_a_row: int
    days: dict[date, Checked] = field(default_factory=dict)
    frozen: set[date] = field(default_factory=set)
    freezes: int = 0

    def on(self, at: datetime, zone: str, offset: str) -> date:
        wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) - timedelta(hours=int(offset[:2]))
        return wall.date() - timedelta(days=wall.weekday() if self.weekly else 0)

    def between(self, first: date, last: date) -> list[date]:
        """First and last included, in either order."""
        step = 7 if self.weekly else 1
        low, high = min(first, last), max(first, last)
        return [low + timedelta(days=step * n) for n in range((high - low).days // step + 1)]

    def gap(self, first: date, last: date) -> list[date]:
        return [day for day in self.between(first, last) if first < day < last]

    def number(self, day: date) -> int:
        count = 1
        while self.days[day].goes_on:
            day = max(each for each in self.days if each < day)
            count += 1
        return count

    def bridge(self, gap: list[date]) -> list[date] | None:
        missed = [day for day in gap if day not in self.frozen]
        if len(gap) > self.in_a_row or len(missed) > self.freezes:
            return None
        self.frozen.update(missed)
        self.freezes -= len(missed)
        return missed

    def check_in(self, at: datetime, now: datetime, zone: str, offset: str) -> tuple[Any, ...]:
        """(reason,), or (units, number, bridged, raised) of what it comes to."""
        day, today = self.on(at, zone, offset), self.on(now, zone, offset)
        if (today - day).days // (7 if self.weekly else 1) > self.make_up:
            return ("check_in_too_late",)
        stands = {each: self.between(each, self.on(known.at, zone, offset)) for each, known in self.days.items()}
        covered = {each for days in stands.values() for each in days}
        if day in covered:
            return ("already_checked_in",)
        before = max([each for each in self.days if each < day], default=None)
        after = min([each for each in self.days if each > day], default=None)
        behind = None if after is None else self.gap(day, min(each for each in covered if each > day))
        bridged: list[date] = []
        mine = Checked(at, False)
        if after is not None and self.days[after].goes_on:
            # It stands between two days that belong together already: by a freeze, or by the calendar of another zone.
            mine.goes_on = True
        else:
            if before is not None:
                missed = self.bridge(self.gap(max(each for each in covered if each < day), day))
                mine.goes_on = missed is not None
                bridged += missed or []
            if after is not None and behind is not None and not self.days[after].goes_on:
                missed = self.bridge(behind)
                self.days[after].goes_on = missed is not None
                bridged += missed or []
        self.days[day] = mine
        self.frozen.discard(day)
        mine.paid = worth(self.ladder, self.number(day), day)
        raised = {}
        for each in sorted(later for later in self.days if later > day):
            if not self.days[each].goes_on:
                break
            more = worth(self.ladder, self.number(each), each) - self.days[each].paid
            if more > 0:
                self.days[each].paid += more
                raised[each] = more
        return mine.paid, self.number(day), sorted(bridged), raised

    def take_back(self, day: date, raised: dict[date, int]) -> None:
        after = min([each for each in self.days if each > day], default=None)
        if after is not None:
            self.days[after].goes_on = False
        del self.days[day]
        for each, more in raised.items():
            if each in self.days:
                self.days[each].paid -= more


@dataclass
class World:
    """The product beside the model, with the promo's versions: (from when, zone or None, offset)."""

    desk: Desk
    streak: dict[str, Any]
    zone: str = "Asia/Jakarta"
    versions: list[tuple[datetime | None, str | None, str]] = field(default_factory=list)

    def save(self, zone: str | None, offset: str) -> None:
        self.versions.append((self.desk.now if self.versions else None, zone, offset))
        self.tell()

    def tell(self) -> None:
        stored = []
        for number, (since, zone, offset) in enumerate(self.versions, 1):
            promo = promo_of(
                code="CI",
                trigger="check_in",
                window={"zone": zone} if zone else {},
                benefits=[{"asset": "PTS", "streak": {**self.streak, "day_offset": offset}}],
            )
            stored.append(
                PromoVersion(
                    promo_version_id=100 + number,
                    promo_id=1,
                    version=number,
                    revision=number,
                    effective_from=since,
                    promo=promo,
                )
            )
        settings = msgspec.structs.replace(SETTINGS, time_zone=self.zone)
        self.desk.revise(catalogue_of(stored, settings=settings, assets=("PTS", "FREEZE")))

    def held_at(self, at: datetime) -> tuple[str, str]:
        _, zone, offset = next(v for v in reversed(self.versions) if v[0] is None or v[0] <= at)
        return zone or self.zone, offset


def _said(outcome: Outcome) -> tuple[Any, ...]:
    """What the product says of one check-in, in the words of the model."""
    assert outcome.status is Status.DECIDED, outcome.error
    spent = sum(booked.amount for booked in outcome.booked)
    if outcome.awards:
        (award,) = outcome.awards
        (told,) = (award.details or {})["days"]
        raised = {_date(day): more for day, _, more in told.get("raised", [])}
        assert award.amount == told["units"] + sum(raised.values())
    else:
        (decline,) = outcome.declines
        if decline.reason != "day_without_prize":
            assert spent == 0
            return (decline.reason,)
        told, raised = decline.details or {}, {}
    frozen = [_date(day) for day in told.get("frozen", [])]
    assert spent == -len(frozen), "each day bridged is a freeze spent, in the same posting"
    return told["units"], told["streak"], frozen, raised


def _date(written: str) -> date:
    return date.fromisoformat(f"{written}-1" if "W" in written else written)


def _shown(ladder: dict[str, Any], number: int) -> int:
    last = max(ladder.get("steps", {1: 1}))
    return (number - 1) % last + 1 if ladder.get("after_last") == "restart" else number


NAMES = ["stay", "repeat", "restart", "dates"]
CASES = [
    pytest.param(ladder, weekly, id=f"{name} by {'weeks' if weekly else 'days'}")
    for name, ladder in zip(NAMES, LADDERS, strict=True)
    for weekly in ((False,) if "dates" in ladder else (False, True))
]


@pytest.mark.parametrize(("ladder", "weekly"), CASES)
async def test_streaks_are_those_of_the_plain_model_whatever_happens(ladder: dict[str, Any], weekly: bool) -> None:
    chance = random.Random(seed_for("streak model"))
    make_up, in_a_row = chance.choice([2, 5, 20]), chance.choice([1, 2, 3])
    streak = {**ladder, "make_up": make_up, "every": "week" if weekly else "day"}
    streak["freeze"] = {"asset": "FREEZE", "in_a_row": in_a_row}
    desk = Desk(catalogue_of([]))
    desk.now = datetime(2026, 1, 5, 8, tzinfo=UTC)
    world = World(desk, streak)
    world.save(None, "00:00")
    plain = Plain(ladder, weekly, make_up, in_a_row)
    counted: list[tuple[bytes, date, dict[date, int], int]] = []
    met: Counter[str] = Counter()
    slow = 7 if weekly else 1
    for step in range(STEPS):
        desk.now += slow * timedelta(minutes=chance.choice([0, 1, 300, 700, 1440, 1440, 1500, 2900]))
        what = chance.choice(["now", "now", "now", "now", "late", "late", "freeze", "return", "zone", "forget"])
        if what in ("now", "late"):
            back = slow * timedelta(minutes=chance.randrange(1440 * 7)) if what == "late" else timedelta()
            at = desk.now - back
            zone, offset = world.held_at(at)
            row = desk.log("ann", CheckIn(occurred_at=at))
            await desk.decide_all()
            expected = plain.check_in(at, desk.now, zone, offset)
            said = _said(desk.books.outcome(row))
            where = f"step {step}: {at} told at {desk.now} in {zone} from {offset}"
            if len(expected) == 1:
                # What is both too late and second for the programme is told as the latter.
                assert said in (expected, ("already_checked_in",)), where
                met[expected[0]] += 1
                continue
            paid, number, bridged, raised = expected
            assert said == (paid, _shown(ladder, number), bridged, raised), where
            counted.append((row.ticket, plain.on(at, zone, offset), raised, paid + sum(raised.values())))
            met.update(counted=1, bridged=len(bridged), raised=len(raised), long=number > 7)
        elif what == "freeze" and counted:
            desk.log_command(_command(Grant, asset="FREEZE", amount=2))
            await desk.decide_all()
            plain.freezes += 2
        elif what == "return" and counted and chance.random() < 0.4:
            ticket, day, raised, _ = counted.pop(chance.randrange(max(0, len(counted) - 8), len(counted)))
            desk.log_command(_command(Reverse, target=ticket))
            await desk.decide_all()
            plain.take_back(day, raised)
            met["returned"] += 1
        elif what == "zone" and chance.random() < 0.3:
            if chance.random() < 0.5:
                world.save(chance.choice([None, *ZONES]), chance.choice(OFFSETS))
            else:
                world.zone = chance.choice(ZONES)
                world.tell()
            met["zones"] += 1
        elif what == "forget":
            desk.forget()
        assert desk.books.balance("ann", 2) == plain.freezes
        assert desk.books.balance("ann", 1) == sum(units for _, _, _, units in counted)
    wanted = {"counted", "returned", "zones", "already_checked_in", "bridged"}
    assert wanted <= {what for what, times in met.items() if times}, f"a run that meets nothing shows nothing: {met}"


def _command(kind: Any, **fields: object) -> Any:
    return kind(dialect=Dialect.NATIVE, action="test", identity=identity_of("ann"), **fields)
