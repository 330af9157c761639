"""Loading a batch: what is in memory is not read again, what nobody knows is not looked for, one bad command is its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from accrual.domain.dialects import Dialect
from accrual.domain.facts import CheckIn, Purchase, Registration
from accrual.domain.ids import bucket_of
from accrual.domain.log import Found, Sought
from accrual.domain.lots import LotEvents, decode_lots
from accrual.domain.members import PurchaseRow
from accrual.domain.movements import Adjust
from accrual.domain.outcomes import Status
from accrual.domain.programme import Enrol
from accrual.engine import load as loading
from accrual.engine import load_moves
from accrual.engine.state import UNREAD
from tests.desk import SETTINGS, Books, Desk, catalogue_of, identity_of, member_of, promo_of

DAILY = promo_of(code="DAILY", trigger="check_in", benefits=[{"asset": "PTS", "fixed": 1}])
PAID = promo_of(code="PAID", trigger="purchase", benefits=[{"asset": "PTS", "fixed": 1}], limits=[{"count": 2}])


class Watched(Books):
    """Books that note what was asked of them."""

    def __init__(self, books: Books) -> None:
        super().__init__(**{name: getattr(books, name) for name in books.__dataclass_fields__})
        self.asked: list[tuple[str, int]] = []

    async def look_up(self, wanted: Mapping[int, Sequence[Sought]]) -> list[Found]:
        sought = [pair for group in wanted.values() for pair in group]
        self.asked.append(("members", sum(member_id is not None for member_id, _, _ in sought)))
        self.asked.append(("balances", sum(account is not None for _, account, _ in sought)))
        return await super().look_up(wanted)

    async def balances(self, wanted: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], tuple[int, int | None]]:
        self.asked.append(("balances", sum(len(group) for group in wanted.values())))
        return await super().balances(wanted)

    async def counters(self, wanted: Mapping[int, Sequence[Any]]) -> dict[tuple[bytes, int, int, int], int]:
        self.asked.append(("counters", sum(len(group) for group in wanted.values())))
        return await super().counters(wanted)

    async def lots(self, wanted: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], LotEvents]:
        found = await super().lots(wanted)
        self.asked.append(("lots", sum(len(events.lots) for events in found.values())))
        return found

    async def history(self, wanted: Mapping[int, Sequence[bytes]], since: datetime) -> dict[bytes, list[PurchaseRow]]:
        self.asked.append(("history", since.year))
        return await super().history(wanted, since)


def watched(*promos: Any, **of_settings: Any) -> tuple[Desk, list[tuple[str, int]]]:
    settings = msgspec.structs.replace(SETTINGS, **of_settings)
    desk = Desk(catalogue_of(promos or (DAILY, PAID), settings=settings), buckets=2)
    books = Watched(desk.books)
    desk.books = books
    return desk, books.asked


async def test_members_are_read_once_and_then_remembered() -> None:
    desk, asked = watched()
    await desk.settle_one("ann", Purchase(amount_minor=1))
    assert asked == [("members", 1), ("balances", 3)]  # the system accounts, and the own in one read with the member
    asked.clear()
    await desk.settle_one("ann", Purchase(amount_minor=1))
    assert asked == []


async def test_after_forgetting_everything_is_read_again_and_nothing_is_given_twice() -> None:
    desk, asked = watched()
    await desk.settle_one("ann", CheckIn(), Purchase(amount_minor=1))
    desk.forget()
    asked.clear()
    outcome = await desk.settle_one("ann", CheckIn(), Purchase(amount_minor=1))
    assert asked == [("members", 1), ("balances", 3), ("counters", 2)]
    assert [declined.reason for declined in outcome.declines] == ["already_checked_in"]
    assert desk.books.balance("ann") == 3


async def test_commands_without_limits_read_no_counters() -> None:
    desk, asked = watched(promo_of(code="P", trigger="purchase", benefits=[{"asset": "PTS", "fixed": 1}]))
    await desk.settle_one("ann", Purchase(amount_minor=1))
    desk.forget()
    await desk.settle_one("ann", Purchase(amount_minor=1))
    assert {what for what, _ in asked} == {"members", "balances"}


async def test_member_who_was_unknown_is_known_once_they_register() -> None:
    """What is remembered of an identity that nobody had must not hide that it was enrolled since."""
    desk, _ = watched(enrol=Enrol.REGISTER_ONLY)
    before = await desk.settle_one("ann", CheckIn())
    assert [declined.reason for declined in before.declines] == ["member_unknown"]
    await desk.settle_one("ann", Registration())
    assert len((await desk.settle_one("ann", CheckIn())).awards) == 1
    again = await desk.settle_one("ann", CheckIn())
    assert [declined.reason for declined in again.declines] == ["already_checked_in"]


async def test_members_remembered_are_bounded_also_those_nobody_knows() -> None:
    desk, _ = watched(enrol=Enrol.NEVER)
    desk.state.members_max = 16
    for number in range(100):
        await desk.settle_one(f"stranger-{number}", Purchase(amount_minor=1))
        desk.state.make_room()
        assert len(desk.state.members) <= 16
    assert desk.books.people == {}


async def test_counters_remembered_of_one_member_are_bounded(monkeypatch: Any) -> None:
    """A member who checks in every day for years stays in memory; the days do not."""
    monkeypatch.setattr(loading, "COUNTERS_MAX", 8)
    desk, _ = watched()
    for _ in range(30):
        assert len((await desk.settle_one("ann", CheckIn())).awards) == 1
        assert (await desk.settle_one("ann", CheckIn())).awards == ()
        assert len(desk.state.members[member_of("ann")].counters) <= 10
        desk.later(days=1)
    assert desk.books.balance("ann") == 30


async def test_counters_needed_twice_in_a_batch_are_not_dropped_in_between(monkeypatch: Any) -> None:
    monkeypatch.setattr(loading, "COUNTERS_MAX", 0)
    desk, _ = watched()
    commands = [desk.log("ann", CheckIn(), Purchase(amount_minor=1)) for _ in range(4)]
    await desk.decide_all()
    assert all(desk.books.outcome(command).status is Status.DECIDED for command in commands)
    assert desk.books.balance("ann") == 3


async def test_date_that_the_programmes_calendar_cannot_hold_parks_its_own_command() -> None:
    """West of Greenwich the first hours of year 1 in UTC lie in no year at all."""
    desk, _ = watched(time_zone="America/New_York")
    bad = desk.log("ann", CheckIn(occurred_at=datetime(1, 1, 1, tzinfo=UTC)))
    good = desk.log("ann", CheckIn())
    await desk.decide_all()
    assert desk.books.outcome(bad).status is Status.PARKED
    assert desk.books.outcome(good).status is Status.DECIDED


FIRST = promo_of(code="FIRST", trigger="purchase", condition="history.first()", benefits=[{"asset": "PTS", "fixed": 1}])


async def test_who_bought_lately_is_not_asked_about_all_time() -> None:
    desk, asked = watched(FIRST)
    await desk.settle_one("ann", Purchase(amount_minor=1))
    desk.later(days=10)
    desk.forget()
    asked.clear()
    outcome = await desk.settle_one("ann", Purchase(amount_minor=1))
    assert [year for what, year in asked if what == "history"] == [2025]
    assert [declined.reason for declined in outcome.declines] == ["condition_false"]


async def test_purchase_long_ago_was_the_first_all_the_same() -> None:
    desk, asked = watched(FIRST)
    await desk.settle_one("ann", Purchase(amount_minor=1))
    desk.later(days=400)
    desk.forget()
    asked.clear()
    outcome = await desk.settle_one("ann", Purchase(amount_minor=1))
    assert [year for what, year in asked if what == "history"] == [2027, 1970]
    assert [declined.reason for declined in outcome.declines] == ["condition_false"]


async def test_member_without_a_purchase_is_asked_about_all_time_once() -> None:
    desk, asked = watched(FIRST)
    await desk.settle_one("ann", CheckIn())
    desk.forget()
    asked.clear()
    await desk.settle_one("ann", CheckIn(), Purchase(amount_minor=1))
    assert len([what for what, _ in asked if what == "history"]) == 2
    assert desk.books.balance("ann") == 1
    asked.clear()
    await desk.settle_one("ann", Purchase(amount_minor=1))
    assert asked == []
    assert desk.books.balance("ann") == 1


ALWAYS = promo_of(code="ALWAYS", trigger="purchase", benefits=[{"asset": "PTS", "fixed": 1}])


async def test_where_nothing_but_balances_is_asked_the_members_row_is_not_read() -> None:
    """Where the account has a line, there is the member; what a later command asks of them is read then."""
    desk, _ = watched(ALWAYS)
    await desk.settle_one("ann", Purchase(amount_minor=1))
    desk.forget()
    await desk.settle_one("ann", Purchase(amount_minor=1))
    cell = desk.state.members[member_of("ann")]
    assert cell.row is UNREAD
    assert cell.accounts[1, 0].balance == 2
    await desk.settle_one("ann", Purchase(amount_minor=1), member_name="Ann")
    assert cell.row is not None
    assert (cell.row.member_id, cell.row.name) == (member_of("ann"), "Ann")


async def test_within_a_batch_a_row_is_read_as_soon_as_one_command_asks_for_it() -> None:
    desk, _ = watched(ALWAYS)
    await desk.settle_one("ann", Purchase(amount_minor=1))
    desk.forget()
    desk.log("ann", Purchase(amount_minor=1))
    desk.log("ann", Purchase(amount_minor=1), member_name="Ann")
    desk.log("ann", Purchase(amount_minor=1))
    await desk.decide_all()
    cell = desk.state.members[member_of("ann")]
    assert cell.row is not None
    assert (cell.row.name, cell.accounts[1, 0].balance) == ("Ann", 4)
    assert desk.books.people[member_of("ann")].name == "Ann"


async def test_whoever_has_no_line_is_looked_for_and_otherwise_enrolled() -> None:
    desk, _ = watched(ALWAYS, enrol=Enrol.ALWAYS)
    await desk.settle_one("ann", CheckIn())
    assert not desk.books.newest
    before = desk.books.people[member_of("ann")]
    desk.forget()
    await desk.settle_one("ann", Purchase(amount_minor=1))
    assert desk.state.members[member_of("ann")].row == before
    await desk.settle_one("bob", Purchase(amount_minor=1))
    row = desk.state.members[member_of("bob")].row
    assert row is not None
    assert row.member_id == member_of("bob")


async def test_merged_and_marked_members_are_known_by_heart() -> None:
    desk, _ = watched(ALWAYS)
    for name in ("ann", "bob"):
        await desk.settle_one(name, Purchase(amount_minor=1))
    ann, bob = member_of("ann"), member_of("bob")
    desk.books.people[ann] = desk.books.people[ann]._replace(merged_into=bob)
    desk.forget()
    outcome = await desk.settle_one("ann", Purchase(amount_minor=1))
    assert outcome.follow_ups
    assert desk.state.members[bob].accounts[1, 0].balance == 2
    assert desk.state.members[bob].row is UNREAD


async def test_who_is_marked_while_a_lane_works_is_known_as_well() -> None:
    """Also once the member was forgotten, since a lane remembers a bounded number of them."""
    desk, _ = watched(ALWAYS)
    await desk.settle_one("ann", Purchase(amount_minor=1))
    bucket = bucket_of(member_of("ann"), 2)
    marked = desk.state.marked[bucket]
    assert marked == set()
    desk.log_command(
        Adjust(
            dialect=Dialect.NATIVE, action="test", identity=identity_of("ann"), asset="PTS", amount=-5, below_zero=True
        )
    )
    await desk.decide_all()
    assert desk.state.marked[bucket] == {member_of("ann")}
    desk.state.members.clear()
    await desk.settle_one("ann", Purchase(amount_minor=1))
    row = desk.state.members[member_of("ann")].row
    assert row is not None
    assert row.marks


async def test_where_too_many_are_marked_every_row_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "MARKED_MAX", 1)
    desk, _ = watched(ALWAYS)
    names = [f"m{number}" for number in range(30)]
    for name in names:
        await desk.settle_one(name, Purchase(amount_minor=1))
    for name in names:
        row = desk.books.people[member_of(name)]
        desk.books.people[member_of(name)] = row._replace(marks=2)
    await desk.settle_one("ann", Purchase(amount_minor=1))
    desk.forget()
    await desk.settle_one("ann", Purchase(amount_minor=1))
    assert desk.state.marked == {bucket_of(member_of("ann"), 2): None}
    row = desk.state.members[member_of("ann")].row
    assert row is not None
    assert row.member_id == member_of("ann")


async def test_books_of_who_only_gathers_points_are_opened_ever_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    """One ticket in some opens them, but then only once as many credits may have come as there are lots."""
    monkeypatch.setattr(load_moves, "IN_THE_LOTTERY", 256)
    desk, asked = watched(ALWAYS)
    for _ in range(60):
        for _ in range(100):
            desk.log("ann", Purchase(amount_minor=1))
        await desk.decide_all()
    read = [count for what, count in asked if what == "lots"]
    tickets = [command.ticket for log in desk.books.log.values() for command in log]
    assert sum(ticket[-1] == 0 for ticket in tickets) > 12
    assert 3 <= len(read) <= 8
    (newest,) = desk.books.newest_snapshots.values()
    assert len(decode_lots(newest.lots)) > 2_000, "a debit reads at most about as many credits as there were lots"
