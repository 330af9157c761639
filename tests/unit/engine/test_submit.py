"""Group commit over a log in memory: one ticket a key, merging, refusals, halving, and an answer for every caller."""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import pytest

from accrual.domain.commands import Dialect, Receipt, Reward, Submission, content_digest
from accrual.domain.errors import AccrualError, Broken, Busy, DatabaseDown, Invalid, KeyReused
from accrual.domain.facts import Purchase
from accrual.domain.log import AppendRow, KeyHome, Known
from accrual.engine.submit import LOOKS_FIRST, SubmitLimits, Submitter
from tests.desk import CLIENT, PROGRAMME, START, Books, identity_of

LIMITS = SubmitLimits(flush_rows_max=100, backlog_single_max=50, backlog_bulk_max=10, queue_max=1_000)


class Log(Books):
    """A log in memory that can be made to fail, to wait, and to be overtaken."""

    def __init__(self) -> None:
        super().__init__(buckets=4)
        self.appends: list[int] = []
        self.finds = 0
        self.bad: set[bytes] = set()
        self.down: AccrualError | None = None
        self.overtaken: Callable[[], Awaitable[Any]] | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def append(self, rows: Sequence[AppendRow], recorded_at: datetime) -> dict[bytes, Known] | None:
        await self.gate.wait()
        await asyncio.sleep(0)
        if self.down is not None:
            raise self.down
        if self.overtaken is not None:
            overtake, self.overtaken = self.overtaken, None
            await overtake()
        if any(row.body in self.bad for row in rows):
            raise Broken("a row that the database will not take")
        placed = await super().append(rows, recorded_at)
        if placed is not None:
            self.appends.append(len(rows))
        return placed

    async def find(self, tickets: Sequence[tuple[int, bytes]]) -> dict[bytes, Known]:
        self.finds += 1
        if self.down is not None:
            raise self.down
        return await super().find(tickets)

    def rows(self) -> list[bytes]:
        """The bodies in the log, by bucket and position."""
        return [self.bodies[place] for place in sorted(self.bodies)]


async def _content_again(submission: Submission, known: Known) -> bytes | None:
    return None


def submitter(
    log: Log,
    *,
    content_again: Callable[[Submission, Known], Awaitable[bytes | None]] = _content_again,
    limits: SubmitLimits = LIMITS,
) -> Submitter:
    chance = itertools.count()
    return Submitter(
        log,
        buckets=4,
        limits=limits,
        now=lambda: START,
        fresh=lambda size: next(chance).to_bytes(size, "big"),
        content_again=content_again,
    )


def purchase(name: str = "ann", key: str = "k1", amount: int = 1, *, body: str = "", wide: bool = False) -> Submission:
    command = Reward(
        dialect=Dialect.NATIVE, action="test", identity=identity_of(name), facts=(Purchase(amount_minor=amount),)
    )
    return Submission(
        programme_id=PROGRAMME,
        client_id=CLIENT,
        command=command,
        key=key.encode(),
        content=content_digest(b"%d" % amount),
        body=(body or f"{name} {key} {amount}").encode(),
        key_scope_client=wide,
    )


def too_old(submission: Submission) -> Submission:
    """The same, sent when its date is no longer admissible."""
    return msgspec.structs.replace(submission, refusal=Invalid("too old", code="date_out_of_range"))


async def _answers(*calls: Awaitable[Receipt]) -> list[Any]:
    return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)


async def test_second_submit_with_same_key_returns_the_first_ticket() -> None:
    log = Log()
    ours = submitter(log)
    first = await ours.submit(purchase())
    second = await ours.submit(purchase())
    assert (second.ticket, second.position, second.recorded_at) == (first.ticket, first.position, first.recorded_at)
    assert (first.repeated, second.repeated) == (False, True)
    assert len(log.rows()) == 1
    assert (ours.accepted_total, ours.repeated_total) == (1, 1)


async def test_fifty_equal_calls_at_once_are_one_command_and_fifty_equal_answers() -> None:
    log = Log()
    ours = submitter(log)
    answers = await _answers(*[ours.submit(purchase()) for _ in range(50)])
    assert len({answer.ticket for answer in answers}) == 1
    assert [answer.repeated for answer in answers].count(False) == 1
    assert len(log.rows()) == 1


async def test_log_is_looked_in_only_where_repeats_come() -> None:
    log = Log()
    ours = submitter(log)
    for n in range(3):
        await ours.submit(purchase(key=f"k{n}"))
    assert log.finds == 0
    assert (await ours.submit(purchase(key="k0"))).repeated
    assert log.finds == 1
    for n in range(LOOKS_FIRST + 5):
        assert not (await ours.submit(purchase(key=f"k new {n}"))).repeated
    assert log.finds == 1 + LOOKS_FIRST
    assert (await ours.submit(purchase(key="k1"))).repeated


async def test_calls_without_a_key_are_each_a_command() -> None:
    log = Log()
    ours = submitter(log)
    answers = await _answers(*[ours.submit(purchase(key=f"r{n}")) for n in range(5)])
    assert len({answer.ticket for answer in answers}) == 5
    assert sorted(answer.position for answer in answers) == [1, 2, 3, 4, 5]


async def test_same_key_with_other_content_is_refused_and_changes_nothing() -> None:
    log = Log()
    ours = submitter(log)
    await ours.submit(purchase(amount=1))
    with pytest.raises(KeyReused):
        await ours.submit(purchase(amount=2))
    assert log.rows() == [b"ann k1 1"]


async def test_same_key_with_other_content_at_once_is_refused_too() -> None:
    log = Log()
    ours = submitter(log)
    answers = await _answers(ours.submit(purchase(amount=1)), ours.submit(purchase(amount=2)))
    assert isinstance(answers[0], Receipt)
    assert isinstance(answers[1], KeyReused)
    assert log.rows() == [b"ann k1 1"]


async def test_same_key_of_another_member_is_another_command() -> None:
    log = Log()
    ours = submitter(log)
    answers = await _answers(*[ours.submit(purchase(name)) for name in ("ann", "bob", "eve")])
    assert len({answer.ticket for answer in answers}) == 3


async def test_content_of_an_older_translator_is_translated_again_before_a_key_is_called_reused() -> None:
    log = Log()
    seen = []

    async def again(submission: Submission, known: Known) -> bytes | None:
        seen.append((submission.key, known.position))
        return submission.content

    first = await submitter(log).submit(purchase(amount=1))
    second = await submitter(log, content_again=again).submit(purchase(amount=2))
    assert second.ticket == first.ticket
    assert seen == [(b"k1", first.position)]


# Keys that are unique over a whole client.


@pytest.mark.parametrize("at_once", [False, True])
async def test_key_of_a_whole_client_is_refused_for_another_member(at_once: bool) -> None:
    log = Log()
    ours = submitter(log)
    calls = [lambda: ours.submit(purchase("ann", wide=True)), lambda: ours.submit(purchase("bob", wide=True))]
    answers = (
        await _answers(*[c() for c in calls]) if at_once else [*await _answers(calls[0]()), *await _answers(calls[1]())]
    )
    assert isinstance(answers[0], Receipt)
    assert isinstance(answers[1], KeyReused)
    assert log.rows() == [b"ann k1 1"]
    repeated = await ours.submit(purchase("ann", wide=True))
    assert (repeated.ticket, repeated.repeated) == (answers[0].ticket, True)


async def test_key_taken_between_look_and_append_is_refused() -> None:
    log = Log()
    ours, other = submitter(log), submitter(log)

    async def overtake() -> None:
        await other.submit(purchase("bob", wide=True))

    log.overtaken = overtake
    (answer,) = await _answers(ours.submit(purchase("ann", wide=True)))
    # The double's own append is not one statement with its keys; what counts is that exactly one of the two stands.
    assert isinstance(answer, KeyReused) or len(log.homes) == 1


async def test_calls_without_a_key_need_no_home() -> None:
    log = Log()
    ours = submitter(log)
    await ours.submit(purchase("ann", key="r1", wide=True))
    await ours.submit(purchase("bob", key="r1", wide=True))
    assert log.homes == {}


# Flushing.


async def test_what_gathers_during_an_append_goes_into_the_next() -> None:
    log = Log()
    ours = submitter(log)
    log.gate.clear()
    calls = [asyncio.ensure_future(ours.submit(purchase(key="r0")))]
    await asyncio.sleep(0.01)
    calls += [asyncio.ensure_future(ours.submit(purchase(key=f"r{n}"))) for n in range(1, 8)]
    await asyncio.sleep(0.01)
    log.gate.set()
    await _answers(*calls)
    assert log.appends == [1, 7]


async def test_a_flush_takes_no_more_than_its_bound_and_keeps_the_order() -> None:
    log = Log()
    ours = submitter(log, limits=SubmitLimits(flush_rows_max=3, backlog_single_max=99, backlog_bulk_max=99))
    answers = await _answers(*[ours.submit(purchase(key=f"r{n}")) for n in range(8)])
    assert log.appends == [3, 3, 2]
    assert [answer.position for answer in answers] == list(range(1, 9))


async def test_calls_with_many_fill_the_flushes_one_after_the_other() -> None:
    """So the first calls are answered, and may send more, while the log still takes what the others brought."""
    log = Log()
    limits = SubmitLimits(flush_rows_max=1_000, backlog_single_max=9_999, backlog_bulk_max=9_999)
    ours = submitter(log, limits=limits)
    done: list[int] = []

    async def call(number: int) -> None:
        answers = await ours.submit_many([purchase(f"m{number}", f"k{n}") for n in range(500)])
        assert all(isinstance(answer, Receipt) for answer in answers)
        done.append(len(log.appends))

    await asyncio.wait_for(asyncio.gather(*[call(number) for number in range(4)]), 10)
    assert log.appends == [1_000, 1_000]
    assert done == [1, 1, 2, 2]


async def test_single_call_gets_in_while_a_call_with_many_is_prepared() -> None:
    log = Log()
    limits = SubmitLimits(flush_rows_max=1_000, backlog_single_max=9_999, backlog_bulk_max=9_999)
    ours = submitter(log, limits=limits)
    many = asyncio.ensure_future(ours.submit_many([purchase("ann", f"k{n}") for n in range(1_500)]))
    await asyncio.sleep(0)
    single = await asyncio.wait_for(ours.submit(purchase("bob", "k1")), 5)
    assert not many.done()
    assert single.position == 1
    assert len(await many) == 1_500


async def test_call_with_many_given_up_while_it_is_prepared_holds_nobody_up() -> None:
    log = Log()
    limits = SubmitLimits(flush_rows_max=1_000, backlog_single_max=9_999, backlog_bulk_max=9_999)
    ours = submitter(log, limits=limits)
    first, second = [
        asyncio.ensure_future(ours.submit_many([purchase(name, f"k{n}") for n in range(300)]))
        for name in ("ann", "bob")
    ]
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    receipts = await asyncio.wait_for(ours.submit_many([purchase("eve", f"k{n}") for n in range(200)]), 5)
    assert all(isinstance(receipt, Receipt) for receipt in receipts)
    await asyncio.wait_for(ours.drain(), 5)


async def test_one_bad_row_fails_alone() -> None:
    log = Log()
    log.bad = {b"bad"}
    ours = submitter(log)
    calls = [ours.submit(purchase(key=f"r{n}", body="bad" if n == 5 else f"good {n}")) for n in range(9)]
    answers = await _answers(*calls)
    assert [type(answer) for answer in answers] == [Receipt] * 5 + [Broken] + [Receipt] * 3
    assert log.rows() == [f"good {n}".encode() for n in range(9) if n != 5]
    assert isinstance((await _answers(ours.submit(purchase(key="r9"))))[0], Receipt)


async def test_ticket_appended_by_another_process_meanwhile_is_answered_like_a_repeat() -> None:
    log = Log()
    ours, other = submitter(log), submitter(log)
    theirs: list[Receipt] = []

    async def overtake() -> None:
        theirs.append(await other.submit(purchase()))

    log.overtaken = overtake
    answers = await _answers(ours.submit(purchase()), ours.submit(purchase("bob")))
    assert (answers[0].ticket, answers[0].repeated) == (theirs[0].ticket, True)
    assert answers[1].repeated is False
    assert len(log.rows()) == 2


async def test_endless_overtaking_ends_in_busy() -> None:
    log = Log()
    ours = submitter(log)

    async def never(rows: Sequence[AppendRow], recorded_at: datetime) -> None:
        return None

    log.append = never  # type: ignore[method-assign]
    (answer,) = await _answers(ours.submit(purchase()))
    assert type(answer) is Busy


async def test_database_that_is_down_answers_everybody_and_later_calls_go_through() -> None:
    log = Log()
    ours = submitter(log)
    log.down = DatabaseDown()
    answers = await _answers(*[ours.submit(purchase(key=f"k{n}")) for n in range(20)])
    assert {type(answer) for answer in answers} == {DatabaseDown}
    assert log.rows() == []
    log.down = None
    assert isinstance((await _answers(ours.submit(purchase())))[0], Receipt)


async def test_database_lost_while_a_content_is_looked_up_answers_everybody() -> None:
    log = Log()

    async def lost(submission: Submission, known: Known) -> bytes | None:
        raise DatabaseDown

    ours = submitter(log, content_again=lost)
    await ours.submit(purchase(amount=1))
    answers = await _answers(ours.submit(purchase(amount=2)), ours.submit(purchase("bob")))
    assert isinstance(answers[0], DatabaseDown)
    assert all(isinstance(answer, DatabaseDown | Receipt) for answer in answers)
    # And where both were new: the first is accepted, only its double hears of the loss.
    answers = await _answers(ours.submit(purchase("eve", amount=1)), ours.submit(purchase("eve", amount=2)))
    assert isinstance(answers[0], Receipt)
    assert isinstance(answers[1], DatabaseDown)


async def test_flush_that_fails_unforeseen_answers_its_callers_and_strands_nobody_behind_it() -> None:
    log = Log()

    async def broken(submission: Submission, known: Known) -> bytes | None:
        raise KeyError("a translator's own mistake")

    limits = SubmitLimits(flush_rows_max=2, backlog_single_max=99, backlog_bulk_max=99)
    ours = submitter(log, content_again=broken, limits=limits)
    await ours.submit(purchase(amount=1))
    told = _expect_one_loop_error()
    calls = [ours.submit(purchase(amount=2)), *[ours.submit(purchase(name)) for name in ("bob", "eve", "joe", "kim")]]
    answers = await _answers(*calls)
    assert [type(answer) for answer in answers] == [Broken, Broken, Receipt, Receipt, Receipt]
    assert isinstance((await _answers(ours.submit(purchase("last"))))[0], Receipt)
    gc.collect()  # the loop tells of a task's error once nobody can ask for it any more
    assert [type(error) for error in told] == [KeyError]


def _expect_one_loop_error() -> list[Any]:
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context.get("exception")))
    return told


# Callers who give up.


async def test_call_given_up_before_its_flush_is_not_appended() -> None:
    log = Log()
    ours = submitter(log)
    log.gate.clear()
    first = asyncio.ensure_future(ours.submit(purchase(key="r0")))
    await asyncio.sleep(0.01)
    given_up = asyncio.ensure_future(ours.submit(purchase(key="r1")))
    staying = asyncio.ensure_future(ours.submit(purchase(key="r2")))
    await asyncio.sleep(0.01)
    given_up.cancel()
    log.gate.set()
    answers = await _answers(first, staying)
    assert all(isinstance(answer, Receipt) for answer in answers)
    assert log.rows() == [b"ann r0 1", b"ann r2 1"]


async def test_call_given_up_during_its_flush_stops_nobody() -> None:
    log = Log()
    ours = submitter(log)
    log.gate.clear()
    calls = [asyncio.ensure_future(ours.submit(purchase(key=key))) for key in ("k1", "k1", "k2")]
    await asyncio.sleep(0.01)
    calls[0].cancel()
    log.gate.set()
    answers = await _answers(*calls[1:])
    assert all(isinstance(answer, Receipt) for answer in answers)
    assert len(log.rows()) == 2


async def test_call_given_up_while_its_content_is_translated_again_stops_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = Log()
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(submission: Submission, known: Known) -> bytes | None:
        started.set()
        await go_on.wait()
        return submission.content

    ours = submitter(log, content_again=slowly)
    await ours.submit(purchase(amount=1))
    given_up = asyncio.ensure_future(ours.submit(purchase(amount=2)))
    others = [asyncio.ensure_future(ours.submit(purchase(name))) for name in ("bob", "eve")]
    await started.wait()
    given_up.cancel()
    await asyncio.sleep(0)
    go_on.set()
    answers = await _answers(*others)
    assert all(isinstance(answer, Receipt) for answer in answers)
    assert log.appends[1:] == [2], "nobody's flush was torn apart by it"


async def test_drain_waits_until_everybody_is_answered() -> None:
    log = Log()
    ours = submitter(log)
    calls = [asyncio.ensure_future(ours.submit(purchase(key=f"r{n}"))) for n in range(5)]
    await asyncio.sleep(0)
    await ours.drain()
    await asyncio.sleep(0)
    assert all(call.done() for call in calls)


# Bounds.


async def test_bucket_with_too_much_waiting_is_busy_and_says_when_to_come_again() -> None:
    log = Log()
    ours = submitter(log)
    await _answers(*[ours.submit(purchase(key=f"r{n}")) for n in range(50)])
    with pytest.raises(Busy) as caught:
        await ours.submit(purchase(key="r50"))
    assert caught.value.details == {"retry_after_s": 1}
    assert ours.report({}).refused_total == {"busy": 1}
    others = [
        name
        for name in map(str, range(40))
        if ours.prepare(purchase(name))[0].bucket != ours.prepare(purchase())[0].bucket
    ]
    assert isinstance(await ours.submit(purchase(others[0])), Receipt)


async def test_bulk_stops_before_single_calls_do() -> None:
    log = Log()
    ours = submitter(log)
    await ours.submit_many([purchase(key=f"r{n}") for n in range(10)])
    answers = await ours.submit_many([purchase(key="r10"), purchase(key="r11")])
    assert {type(answer) for answer in answers} == {Busy}
    assert isinstance(await ours.submit(purchase(key="r12")), Receipt)


async def test_backlog_is_read_again_and_buckets_open_again() -> None:
    log = Log()
    ours = submitter(log)
    bucket = ours.prepare(purchase())[0].bucket
    await _answers(*[ours.submit(purchase(key=f"r{n}")) for n in range(50)])
    log.leases[bucket] = log.lease(bucket)._replace(cursor=51)
    watching = asyncio.ensure_future(ours.watch_backlog(60))
    await asyncio.sleep(0.01)
    watching.cancel()
    assert isinstance(await ours.submit(purchase(key="r50")), Receipt)


async def test_full_queue_is_busy() -> None:
    log = Log()
    ours = submitter(
        log, limits=SubmitLimits(flush_rows_max=2, backlog_single_max=99, backlog_bulk_max=99, queue_max=4)
    )
    log.gate.clear()
    calls = [asyncio.ensure_future(ours.submit(purchase(key=f"r{n}"))) for n in range(9)]
    await asyncio.sleep(0.01)
    log.gate.set()
    answers = await _answers(*calls)
    assert [type(answer) for answer in answers].count(Receipt) == 4
    assert [type(answer) for answer in answers].count(Busy) == 5


async def test_many_are_answered_each_by_itself_in_the_order_given() -> None:
    log = Log()
    log.bad = {b"bad"}
    ours = submitter(log)
    await ours.submit(purchase("bob", amount=1))
    answers = await ours.submit_many(
        [purchase(), purchase("bob", amount=2), purchase("eve", body="bad"), purchase(), purchase("eve", key="k2")]
    )
    assert [type(answer) for answer in answers] == [Receipt, KeyReused, Broken, Receipt, Receipt]


async def test_key_home_lives_in_the_bucket_of_the_key() -> None:
    ours = submitter(Log())
    homes = [ours.prepare(purchase(name, wide=True))[1] for name in ("ann", "bob", "eve")]
    assert all(isinstance(home, KeyHome) for home in homes)
    assert len({(home.bucket, home.key_digest) for home in homes if home}) == 1


@pytest.mark.parametrize("wide", [False, True])
async def test_retry_whose_date_has_grown_too_old_meanwhile_gets_its_first_ticket(wide: bool) -> None:
    log = Log()
    ours = submitter(log)
    first = await ours.submit(purchase(wide=wide))
    again = await ours.submit(too_old(purchase(wide=wide)))
    assert (again.ticket, again.repeated) == (first.ticket, True)
    with pytest.raises(KeyReused):
        await ours.submit(too_old(purchase(amount=2, wide=wide)))
    assert len(log.rows()) == 1


async def test_new_command_with_an_inadmissible_date_is_refused_and_nothing_is_kept() -> None:
    log = Log()
    ours = submitter(log)
    for key in ("k1", "r1"):  # given by the client, and made up for one that gave none
        with pytest.raises(Invalid) as caught:
            await ours.submit(too_old(purchase(key=key)))
        assert caught.value.code == "date_out_of_range"
    answers = await ours.submit_many([purchase(key="k2"), too_old(purchase(key="k3")), too_old(purchase(key="r2"))])
    assert [type(answer) for answer in answers] == [Receipt, Invalid, Invalid]
    assert len(log.rows()) == 1
