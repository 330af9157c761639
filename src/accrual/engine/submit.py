"""Group commit: whatever gathers while one append is under way goes into the next. Durable before it answers; decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import msgspec
import structlog

from accrual.domain.commands import Receipt, Submission, encode_command, seal_of
from accrual.domain.errors import AccrualError, Broken, Busy, KeyReused, SignatureReused
from accrual.domain.ids import bucket_of, digest16, member_of, ticket_of
from accrual.domain.log import AppendRow, KeyHome, Known
from accrual.engine.ports import CommandLog
from accrual.engine.report import ROWS_BOUNDS, SubmitReport, Tally

SALT_BYTES = 16
LOOKS_MAX = 5
"""How often a flush looks for tickets that somebody else appended between its look and its append."""

ENQUEUED_AT_ONCE = 64
"""After so many commands of one call the others have their turn: half a millisecond."""

LOOKS_FIRST = 32
"""So many flushes look before they append after one that met a repeat."""

ContentAgain = Callable[[Submission, Known], Awaitable[bytes | None]]
"""The content digest of a stored command by today's translator, None when its bytes were erased (LOG-AND-LANES rule 3)."""


class SubmitLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of accepting: rows a flush, and undecided commands a bucket for single calls and for bulk."""

    flush_rows_max: int
    backlog_single_max: int
    backlog_bulk_max: int
    queue_max: int = 50_000


class _Waiting:
    """One submission in the queue, with everybody who waits for it."""

    __slots__ = ("answered", "content", "given", "homes", "row", "submission")

    def __init__(
        self, submission: Submission, row: AppendRow, homes: tuple[KeyHome, ...], answered: asyncio.Future[Receipt]
    ):
        self.submission = submission
        self.row = row
        self.homes = homes
        self.given = _is_given(submission)
        self.content = submission.content
        self.answered = answered


class Submitter:
    """Takes submissions of one process into the log. `fresh` gives so many random bytes, `now` the wall clock."""

    def __init__(
        self,
        log: CommandLog,
        *,
        buckets: int,
        limits: SubmitLimits,
        now: Callable[[], datetime],
        fresh: Callable[[int], bytes],
        content_again: ContentAgain,
    ) -> None:
        self._log = log
        self._buckets = buckets
        self._limits = limits
        self._now = now
        self._fresh = fresh
        self._content_again = content_again
        self._queue: list[_Waiting] = []
        self._queued: dict[int, int] = {}
        self._one_call = asyncio.Lock()
        self._calls_to_enqueue = 0
        self._flushing: asyncio.Task[None] | None = None
        self._backlog: dict[int, int] = {}
        self._looks_first = 0
        self._logger = structlog.get_logger("submit")
        self.accepted_total = 0
        self.repeated_total = 0
        self.refused: dict[str, int] = {}
        self._flush_rows = Tally(ROWS_BOUNDS)

    async def submit(self, submission: Submission) -> Receipt:
        """Durably accept one command, or say why not: its own refusal, KeyReused, Busy, DatabaseDown, Broken."""
        return await self._enqueue(submission, self._limits.backlog_single_max)

    async def submit_many(self, submissions: Sequence[Submission]) -> list[Receipt | AccrualError]:
        """Accept many at once, each with an answer of its own, in the order given."""
        futures = await self._enqueue_many(submissions)
        answers: list[Receipt | AccrualError] = []
        for future in futures:
            if isinstance(future, AccrualError):
                answers.append(future)
                continue
            try:
                answers.append(await future)
            except AccrualError as error:
                answers.append(error)
        return answers

    async def _enqueue_many(self, submissions: Sequence[Submission]) -> list[asyncio.Future[Receipt] | AccrualError]:
        """A few at a time, so that single calls and a flush under way go on meanwhile; one call after the other, so that
        the first is answered while the next ones are still being prepared.
        """
        futures: list[asyncio.Future[Receipt] | AccrualError] = []
        self._calls_to_enqueue += 1
        try:
            async with self._one_call:
                for number, submission in enumerate(submissions):
                    if number and not number % ENQUEUED_AT_ONCE:
                        await asyncio.sleep(0)
                    try:
                        futures.append(self._enqueue(submission, self._limits.backlog_bulk_max))
                    except AccrualError as error:
                        futures.append(error)
        finally:
            self._calls_to_enqueue -= 1
        return futures

    def _enqueue(self, submission: Submission, backlog_max: int) -> asyncio.Future[Receipt]:
        if submission.refusal is not None and not _is_given(submission):
            raise submission.refusal
        row, home = self.prepare(submission)
        waiting = self._backlog.get(row.bucket, 0) + self._queued.get(row.bucket, 0)
        if waiting >= backlog_max or len(self._queue) >= self._limits.queue_max:
            self.refused["busy"] = self.refused.get("busy", 0) + 1
            raise Busy(details={"retry_after_s": 1})
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Receipt] = loop.create_future()
        self._queue.append(_Waiting(submission, row, _homes(submission, row, home, self._buckets), answered))
        self._queued[row.bucket] = self._queued.get(row.bucket, 0) + 1
        if self._flushing is None:
            self._flushing = loop.create_task(self._flush_all())
        return answered

    def prepare(self, submission: Submission) -> tuple[AppendRow, KeyHome | None]:
        """The row of a submission, with a fresh salt for its erasable part."""
        return row_of(submission, buckets=self._buckets, salt=self._fresh(SALT_BYTES))

    async def _flush_all(self) -> None:
        try:
            while self._queue:
                # One turn of the loop lets every request that has arrived by now join this flush: those just answered make
                # their next calls in it. Sending the next flush at once was measured: smaller ones, a third slower. One
                # that is full gains nothing by waiting: the database works while further commands are prepared.
                full = self._limits.flush_rows_max
                if len(self._queue) < full:
                    await asyncio.sleep(0)
                while self._calls_to_enqueue and len(self._queue) < full:  # noqa: ASYNC110 - each turn, a call goes on
                    await asyncio.sleep(0)
                batch = self._queue[: self._limits.flush_rows_max]
                del self._queue[: len(batch)]
                for entry in batch:
                    self._queued[entry.row.bucket] -= 1
                await self._flush(batch)
        finally:
            # Whatever ended this one, those who came meanwhile are not left behind.
            self._flushing = asyncio.get_running_loop().create_task(self._flush_all()) if self._queue else None

    async def _flush(self, batch: list[_Waiting]) -> None:
        self._flush_rows.observe(len(batch))
        try:
            await self._append(batch)
        except Broken as error:
            if len(batch) > 1:
                # One bad row must fail alone: halve until it stands by itself.
                middle = len(batch) // 2
                await self._flush(batch[:middle])
                await self._flush(batch[middle:])
                return
            self._logger.exception("append_failed", code=error.code, **error.details)
            _fail(batch, error)
        except AccrualError as error:
            _fail(batch, error)
        finally:
            # Nobody waits for ever, whatever happened: an answer that is still open here is a fault of ours.
            _fail(batch, Broken())

    async def _append(self, batch: list[_Waiting]) -> None:
        waiting = [entry for entry in batch if not entry.answered.done()]
        for look in range(LOOKS_MAX):
            # Nearly every command is new, so most are appended unseen, and looked for when the log says that one is there.
            # Where repeats come in numbers each flush looks first for a while, lest every one of them be sent twice.
            if look or self._looks_first:
                self._looks_first = LOOKS_FIRST if look else self._looks_first - 1
                waiting = await self._answer_those_there(waiting, [e for e in waiting if look or e.given])
            else:
                refused = [entry for entry in waiting if entry.submission.refusal is not None]
                new = await self._answer_those_there(refused, [e for e in refused if e.given]) if refused else []
                waiting = [entry for entry in waiting if entry.submission.refusal is None] + new
            waiting = _refuse(waiting)
            firsts, doubles = _merge(waiting)
            if not firsts:
                return
            placed = await self._insert(firsts)
            if placed is not None:
                self._answer_new(firsts, placed)
                await self._answer_known(doubles, placed)
                return
        raise Busy

    async def _insert(self, firsts: list[_Waiting]) -> dict[bytes, Known] | None:
        rows = [entry.row for entry in firsts]
        homes = [home for entry in firsts for home in entry.homes]
        if homes:
            return await self._log.append_with_keys(rows, homes, self._now())
        return await self._log.append(rows, self._now())

    def _answer_new(self, firsts: list[_Waiting], placed: dict[bytes, Known]) -> None:
        self.accepted_total += len(firsts)
        for entry in firsts:
            known = placed[entry.row.ticket]
            bucket = known.bucket
            self._backlog[bucket] = self._backlog.get(bucket, 0) + 1
            if not entry.answered.done():
                entry.answered.set_result(receipt_of(known, repeated=False))

    async def _answer_those_there(self, waiting: list[_Waiting], asked: list[_Waiting]) -> list[_Waiting]:
        """Those that are not in the log, by ticket or by a client-wide key; the others are answered."""
        if asked:
            known = await self._log.find([(entry.row.bucket, entry.row.ticket) for entry in asked])
            waiting = await self._answer_known(waiting, known)
        return await self._answer_known_keys(waiting)

    async def _answer_known(self, waiting: list[_Waiting], known: dict[bytes, Known]) -> list[_Waiting]:
        unknown = []
        for entry in waiting:
            found = known.get(entry.row.ticket)
            if found is None:
                unknown.append(entry)
            else:
                await self._answer_repeated(entry, found)
        return unknown

    async def _answer_known_keys(self, waiting: list[_Waiting]) -> list[_Waiting]:
        homes = [home for entry in waiting for home in entry.homes]
        if not homes:
            return waiting
        found = await self._log.find_keys([(home.bucket, home.client_id, home.key_digest) for home in homes])
        unknown = []
        for entry in waiting:
            known = (found.get((home.client_id, home.key_digest)) for home in entry.homes)
            other = next((home for home in known if home is not None and home.ticket != entry.row.ticket), None)
            if other is None:
                unknown.append(entry)
            else:
                _fail([entry], _reused(entry, other.key_digest))
        return unknown

    async def _answer_repeated(self, entry: _Waiting, known: Known) -> None:
        if entry.answered.done():
            return
        if known.content != entry.content and await self._content_again(entry.submission, known) != entry.content:
            _fail([entry], KeyReused())
            return
        if entry.answered.done():  # the caller gave up while the content was translated again
            return
        self.repeated_total += 1
        entry.answered.set_result(receipt_of(known, repeated=True))

    async def watch_backlog(self, pause_s: float) -> None:
        """Re-read how many commands wait in each bucket, for ever; what a bucket may take follows from it."""
        while True:
            try:
                self._backlog = dict(await self._log.backlog())
            except AccrualError as error:
                self._logger.warning("backlog_unknown", code=error.code)
            await asyncio.sleep(pause_s)

    async def drain(self) -> None:
        """Wait until everything that was taken in has been answered."""
        while self._flushing is not None:
            await asyncio.wait([self._flushing])

    def report(self, warnings: dict[str, int]) -> SubmitReport:
        """What this process has accepted and refused since it started."""
        return SubmitReport(
            accepted_total=self.accepted_total,
            repeated_total=self.repeated_total,
            refused_total=dict(self.refused),
            warnings_total=dict(warnings),
            flush_rows=self._flush_rows.histogram(),
        )


def row_of(submission: Submission, *, buckets: int, salt: bytes) -> tuple[AppendRow, KeyHome | None]:
    """The row of a submission: its ticket and bucket follow from who sent what for whom, without any look-up."""
    identity = submission.command.identity
    programme_id, client_id = submission.programme_id, submission.client_id
    member_id = member_of(programme_id, identity.kind, identity.value)
    bucket = bucket_of(member_id, buckets)
    ticket = ticket_of(programme_id, client_id, member_id, submission.key, bucket)
    name = submission.name or None
    row = AppendRow(
        bucket,
        ticket,
        programme_id,
        client_id,
        submission.content,
        seal_of(salt, name, submission.body),
        encode_command(submission.command),
        salt,
        name,
        submission.body,
    )
    if not submission.key_scope_client or submission.key[:1] != b"k":
        return row, None
    digest = digest16(b"key", b"%d" % client_id, submission.key)
    return row, KeyHome(bucket_of(digest, buckets), client_id, digest, ticket, submission.content)


def _homes(submission: Submission, row: AppendRow, home: KeyHome | None, buckets: int) -> tuple[KeyHome, ...]:
    """Where a key of the whole client and a digest of what was signed are at home; nearly always nowhere."""
    homes = () if home is None else (home,)
    if submission.signed is None:
        return homes
    digest = submission.signed
    return (*homes, KeyHome(bucket_of(digest, buckets), submission.client_id, digest, row.ticket, submission.content))


def _reused(entry: _Waiting, digest: bytes) -> KeyReused | SignatureReused:
    return SignatureReused() if digest == entry.submission.signed else KeyReused()


def receipt_of(known: Known, *, repeated: bool) -> Receipt:
    """The receipt of a command in the log."""
    return Receipt(
        ticket=known.ticket,
        bucket=known.bucket,
        position=known.position,
        recorded_at=known.recorded_at,
        repeated=repeated,
    )


def _is_given(submission: Submission) -> bool:
    """Whether a client gave the key, or upkeep made it: only then may its command be in the log already."""
    return submission.key[:1] in (b"k", b"u")


def _refuse(waiting: list[_Waiting]) -> list[_Waiting]:
    """Those that may be appended; the others, now known to be new, get their refusal."""
    for entry in waiting:
        if entry.submission.refusal is not None:
            _fail([entry], entry.submission.refusal)
    return [entry for entry in waiting if entry.submission.refusal is None]


def _merge(waiting: list[_Waiting]) -> tuple[list[_Waiting], list[_Waiting]]:
    """The first of each ticket (and of each client-wide key), and the others, which are answered like repeats."""
    firsts: dict[bytes, _Waiting] = {}
    keys: dict[tuple[int, bytes], bytes] = {}
    doubles = []
    for entry in waiting:
        ticket = entry.row.ticket
        taken = [home for home in entry.homes if keys.get((home.client_id, home.key_digest), ticket) != ticket]
        if taken:
            _fail([entry], _reused(entry, taken[0].key_digest))
            continue
        for home in entry.homes:
            keys[home.client_id, home.key_digest] = ticket
        if entry.row.ticket in firsts:
            doubles.append(entry)
        else:
            firsts[entry.row.ticket] = entry
    return list(firsts.values()), doubles


def _fail(batch: list[_Waiting], error: AccrualError) -> None:
    for entry in batch:
        if not entry.answered.done():
            entry.answered.set_exception(error)
