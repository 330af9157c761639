"""Submits bodies from a file in bulk and waits for their outcomes, with a lane of its own where none is at work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from accrual.api.dialects.qoin.routing import find_route
from accrual.api.dialects.qoin_processor import translate as processor_translate
from accrual.api.dialects.qoin_processor import wire as processor_wire
from accrual.api.dialects.qoin_task import translate as task_translate
from accrual.api.dialects.qoin_task import wire as task_wire
from accrual.api.dialects.tolerant import read_body
from accrual.api.native.wire import read_command
from accrual.bootstrap.asking import choose_programme
from accrual.bootstrap.clocks import fresh_bytes, utc_now
from accrual.bootstrap.draw_keys import DrawKey
from accrual.bootstrap.engine import RunningEngine, open_engine
from accrual.bootstrap.lanes import open_lane
from accrual.bootstrap.opening import open_database
from accrual.bootstrap.settings import read_settings
from accrual.domain.commands import Dialect, Receipt, Submission
from accrual.domain.errors import AccrualError, Busy, Invalid, Missing, TooLarge
from accrual.domain.programme import Catalogue, StoredClient
from accrual.domain.rights import has_right
from accrual.engine.translate_native import to_submission
from accrual.engine.views import TicketView
from accrual.settings import Settings

ROWS_A_CALL = 1_000
BUSY_PAUSE_S = 0.2
LOOK_PAUSE_FIRST_S = 0.01
LOOK_PAUSE_MAX_S = 0.25
CHANCE_BYTES = 16


class Sent(NamedTuple):
    """What became of one body. `number` is its line or place in the input, from 1; `view` None: not decided in time."""

    number: int
    receipt: Receipt | None
    view: TicketView | None
    error: AccrualError | None


class Sender(NamedTuple):
    """In whose name bodies are submitted."""

    client: StoredClient
    catalogue: Catalogue


class Submitting:
    """An engine that is being fed by one sender."""

    def __init__(self, engine: RunningEngine, sender: Sender, settings: Settings) -> None:
        self._engine = engine
        self._sender = sender
        self._body_bytes_max = settings.body_bytes_max

    async def send(
        self, bodies: Iterable[tuple[int, bytes]], dialect: str, *, quiet_s: float, wait: bool = True
    ) -> AsyncIterator[Sent]:
        """Submit (number, body) pairs in order; each is answered, in order. `dialect`: `native` or `qoin`.

        Waiting ends when nothing at all was decided for `quiet_s`. Raises DatabaseDown.
        """
        rest = iter(bodies)
        while chunk := list(islice(rest, ROWS_A_CALL)):
            answers: dict[int, Receipt | AccrualError] = {}
            submissions: dict[int, Submission] = {}
            now = utc_now()
            for number, raw in chunk:
                try:
                    submissions[number] = self._read(raw, dialect, now)
                except AccrualError as error:
                    answers[number] = error
            answers |= await self._submit(submissions, quiet_s)
            receipts = [answer for answer in answers.values() if isinstance(answer, Receipt)]
            views = await self._outcomes(receipts, quiet_s) if wait else {}
            for number, _ in chunk:
                answer = answers[number]
                if isinstance(answer, AccrualError):
                    yield Sent(number, None, None, answer)
                else:
                    yield Sent(number, answer, views.get(answer.ticket), None)

    def _read(self, raw: bytes, dialect: str, now: datetime) -> Submission:
        if len(raw) > self._body_bytes_max:
            raise TooLarge(details={"bytes_max": self._body_bytes_max})
        return READERS[dialect](raw, self._sender, now, fresh_bytes(CHANCE_BYTES))

    async def _submit(self, submissions: Mapping[int, Submission], quiet_s: float) -> dict[int, Receipt | AccrualError]:
        """Answers by number. What is turned away as busy is sent again before anything later, so order is kept."""
        answers: dict[int, Receipt | AccrualError] = {}
        left = dict(submissions)
        waited_s = 0.0
        while left:
            numbers = list(left)
            for number, answer in zip(numbers, await self._engine.submit_many(list(left.values())), strict=True):
                if isinstance(answer, Busy) and answer.code == "busy" and waited_s < quiet_s:
                    continue
                answers[number] = answer
                del left[number]
                waited_s = 0.0
            if left:
                await asyncio.sleep(BUSY_PAUSE_S)
                waited_s += BUSY_PAUSE_S
        return answers

    async def _outcomes(self, receipts: Sequence[Receipt], quiet_s: float) -> dict[bytes, TicketView]:
        views: dict[bytes, TicketView] = {}
        pending = {receipt.ticket for receipt in receipts}
        pause_s, quiet_since_s = LOOK_PAUSE_FIRST_S, 0.0
        while pending and quiet_since_s < quiet_s:
            looked = await self._engine.reads.tickets(list(pending))
            done = {ticket: view for ticket, view in looked.items() if view.complete}
            views |= done
            pending -= done.keys()
            if done:
                pause_s, quiet_since_s = LOOK_PAUSE_FIRST_S, 0.0
            if pending:
                await asyncio.sleep(pause_s)
                quiet_since_s += pause_s
                pause_s = min(pause_s * 2, LOOK_PAUSE_MAX_S)
        return views


@asynccontextmanager
async def open_submitting(
    data_dir: Path | None,
    database_url: str | None,
    *,
    programme: str | None,
    client: str | None,
    words: str = "native",
    tell: Callable[[str], None] | None = None,
) -> AsyncIterator[Submitting]:
    """Ready to submit as a client, with a lane at work: a running one, else one for this while.

    Raises Missing, Invalid `client_missing` or `programme_ambiguous`, DatabaseDown.
    """
    settings = read_settings()
    async with (
        open_database(data_dir, database_url, settings=settings, on_progress=tell) as database,
        open_engine(database.runtime_url, settings, label="submit", draw_key=database.draw_key) as engine,
    ):
        sender = choose_sender(engine, programme, client, words)
        async with lane_at_work(engine, database.runtime_url, settings, tell, database.draw_key):
            yield Submitting(engine, sender, settings)


@asynccontextmanager
async def lane_at_work(
    engine: RunningEngine,
    url: str,
    settings: Settings,
    tell: Callable[[str], None] | None,
    draw_key: DrawKey | None,
) -> AsyncIterator[None]:
    """Somebody decides: a lane that runs already, else one of our own for this while."""
    if not await engine.ready():
        yield
        return
    if tell is not None:
        tell("No lane is at work; running one until this is done.")
    stopping = asyncio.Event()
    async with open_lane(url, settings, label="submit", draw_key=draw_key) as lane:
        task = asyncio.create_task(lane.run(stopping))
        try:
            yield
        finally:
            stopping.set()
            await task


SPEAKING: Mapping[str, tuple[str, ...]] = {"native": ("submit",), "qoin": ("qoin_task", "qoin_processor")}
"""By the words that a body is in: the rights of which a client that sends it has one."""


def choose_sender(engine: RunningEngine, programme: str | None, client: str | None, words: str = "native") -> Sender:
    """The client in whose name to speak: the one named, the only one, or the only one with the right to these words.

    Raises Missing, Invalid `client_missing` or `programme_ambiguous`.
    """
    catalogue = choose_programme(engine.catalog, programme)
    known = {
        stored.client.code: stored
        for stored in engine.catalog.clients.values()
        if stored.programme_id == catalogue.programme_id
    }
    if client is None and len(known) == 1:
        return Sender(next(iter(known.values())), catalogue)
    codes = ", ".join(sorted(known)) or "none"
    speaking = [
        stored for stored in known.values() if any(has_right(stored.client.rights, right) for right in SPEAKING[words])
    ]
    if client is None and len(speaking) == 1:
        return Sender(speaking[0], catalogue)
    if client is None:
        raise Invalid(f"In whose name? The clients of the programme are: {codes}.", code="client_missing")
    if client not in known:
        raise Missing(f"The programme has no client {client}; its clients are: {codes}.", code="client_missing")
    return Sender(known[client], catalogue)


def _read_native(raw: bytes, sender: Sender, now: datetime, chance: bytes) -> Submission:
    return to_submission(
        read_command(raw), raw, client=sender.client, catalogue=sender.catalogue, now=now, chance=chance
    )


def _read_qoin(raw: bytes, sender: Sender, now: datetime, chance: bytes) -> Submission:
    """A raw body of either Qoin dialect, which says itself which of the two it is. It brings no key: each is new."""
    envelope = read_body(raw)
    route = find_route(envelope)
    key = b"r" + chance
    if route.dialect is Dialect.QOIN_TASK:
        task = task_wire.read(envelope, route.action)
        return task_translate.translate(
            task, catalogue=sender.catalogue, client=sender.client, now=now, key=key, body=raw
        )
    call = processor_wire.read(envelope, route.action)
    return processor_translate.translate(
        call, catalogue=sender.catalogue, client=sender.client, now=now, key=key, body=raw
    )


READERS: Mapping[str, Callable[[bytes, Sender, datetime, bytes], Submission]] = {
    "native": _read_native,
    "qoin": _read_qoin,
}
"""Bodies into submissions, by the dialect they are in."""

DIALECTS = tuple(READERS)
"""What `accrual submit --dialect` takes."""
