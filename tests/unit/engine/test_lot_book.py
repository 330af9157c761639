"""The open lots of an account: their order, what is undone, what a snapshot and the events after it make again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accrual.domain.lots import LotEvents, LotRow, decode_lots, encode_lots
from accrual.engine import lot_book
from accrual.engine.draft import Draft
from accrual.engine.lot_book import LotBook, take_in_order
from tests.desk import START

BUCKET = 3
DAYS = st.one_of(st.none(), st.integers(0, 9))
MADE = st.lists(st.tuples(st.integers(1, 20), DAYS), min_size=1, max_size=12)


def row(
    position: int, left: int, days: int | None = None, *, leg: int = 0, origin: tuple[int, int, int] | None = None
) -> LotRow:
    return LotRow(position, leg, left, None if days is None else START + timedelta(days=days), None, origin)


def told(book: LotBook) -> list[tuple[int, int, int]]:
    return [(lot.position, lot.leg, lot.left) for lot in book]


def book_of(*rows: LotRow) -> LotBook:
    book = LotBook(BUCKET, pending=False)
    for each in rows:
        book.add(each, Draft())
    return book


def test_lots_are_spent_soonest_first_then_oldest_then_those_that_never_expire() -> None:
    book = book_of(row(1, 5), row(2, 5, 9), row(3, 5, 2), row(4, 5, 9), row(5, 5))
    assert [lot.position for lot in book] == [3, 2, 4, 1, 5]


def test_lot_that_continues_another_is_as_old_as_that_one() -> None:
    book = book_of(row(7, 5), row(9, 5, origin=(BUCKET, 2, 0)), row(8, 5, origin=(BUCKET, 7, 1)))
    assert [lot.position for lot in book] == [9, 7, 8]


def test_due_lots_end_with_the_moment_itself() -> None:
    book = book_of(row(1, 5, 1), row(2, 5, 2), row(3, 5, 3), row(4, 5))
    assert [lot.position for lot in book.due(START + timedelta(days=2))] == [1, 2]


def test_lots_of_an_origin_are_found_wherever_they_stand() -> None:
    book = book_of(row(1, 5, 1), row(2, 3, 9, origin=(BUCKET, 1, 0)), row(3, 4))
    assert [lot.left for lot in book.of((BUCKET, 1, 0))] == [5, 3]
    assert [lot.left for lot in book.of((BUCKET + 1, 1, 0))] == []


def test_more_than_is_left_is_never_taken() -> None:
    book = book_of(row(1, 5))
    (lot,) = book
    for amount in (6, 0, -1):
        with pytest.raises(AssertionError):
            book.take(lot, amount, Draft())
    assert take_in_order(book, 9) == [(lot, 5)]


@given(MADE, st.lists(st.tuples(st.booleans(), st.integers(1, 30), DAYS), max_size=20))
def test_lots_stand_as_before_once_a_draft_is_rolled_back(
    made: list[tuple[int, int | None]], steps: list[tuple[bool, int, int | None]]
) -> None:
    book = book_of(*(row(n, left, days) for n, (left, days) in enumerate(made)))
    before = (told(book), book.total, book.events, len(book))
    draft = Draft()
    for number, (adds, amount, days) in enumerate(steps):
        if adds:
            book.add(row(100 + number, amount, days), draft)
        else:
            for lot, here in take_in_order(list(book), amount):
                book.take(lot, here, draft)
        if amount % 3 == 0:
            book.tidy(draft)
        if amount % 7 == 0:
            book.snapshot(draft)
        assert book.total == sum(lot.left for lot in book)
    draft.roll_back()
    assert (told(book), book.total, book.events, len(book)) == before


@given(MADE, st.lists(st.tuples(st.booleans(), st.integers(1, 30), DAYS), max_size=25), st.integers(0, 25))
def test_snapshot_and_what_came_after_it_make_the_same_book(
    made: list[tuple[int, int | None]], steps: list[tuple[bool, int, int | None]], cut: int
) -> None:
    book = book_of(*(row(n, left, days) for n, (left, days) in enumerate(made)))
    draft = Draft()
    snapshot = encode_lots(book.snapshot(draft))
    credits: list[LotRow] = []
    uses: list[tuple[int, int, int]] = []
    for number, (adds, amount, days) in enumerate(steps):
        if number == cut:
            snapshot, credits, uses = encode_lots(book.snapshot(draft)), [], []
        if adds:
            credits.append(row(100 + number, amount, days, origin=(9, number, 1) if amount % 2 else None))
            book.add(credits[-1], draft)
        else:
            for lot, here in take_in_order(list(book), amount):
                book.take(lot, here, draft)
                uses.append((lot.position, lot.leg, here))
        book.tidy(draft)
    again = LotBook.load(BUCKET, LotEvents(0, decode_lots(snapshot), credits, uses), pending=False)
    assert [(lot.rank, lot.left, lot.origin, lot.expires_at) for lot in again] == [
        (lot.rank, lot.left, lot.origin, lot.expires_at) for lot in book
    ]
    assert (again.total, again.events) == (book.total, book.events)


def test_snapshot_is_due_after_many_events_and_starts_the_count_anew() -> None:
    book = book_of(*(row(n, 1) for n in range(lot_book.EVENTS_MIN)))
    assert not book.snapshot_due()
    book.add(row(500, 1), Draft())
    assert book.snapshot_due()
    assert len(book.snapshot(Draft())) == lot_book.EVENTS_MIN + 1
    assert not book.snapshot_due()
