"""Wires the engine that API and commands talk to: log, catalogue, reads and waiting over one pool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import msgspec
import structlog

from accrual.api.dialects.dsquares import translate as dsquares_translate
from accrual.api.dialects.dsquares import wire as dsquares_wire
from accrual.api.dialects.goodie import translate as goodie_translate
from accrual.api.dialects.goodie import wire as goodie_wire
from accrual.api.dialects.qoin.fields import FIELDS_BY_DIALECT, TRANSLATE_AGAIN
from accrual.api.native import again as native_again
from accrual.bootstrap.clocks import fresh_bytes, utc_now
from accrual.bootstrap.draw_keys import DrawKey
from accrual.bootstrap.faults import FaultyLog, read_faults
from accrual.bootstrap.lanes import events_of
from accrual.domain.commands import Dialect, Receipt, Submission
from accrual.domain.errors import AccrualError
from accrual.domain.facts import Identity
from accrual.domain.log import Known
from accrual.domain.programme import Catalogue, StoredClient
from accrual.engine import translate_native
from accrual.engine.catalog import Catalog
from accrual.engine.draws import Draws
from accrual.engine.held_commands import HeldDesk
from accrual.engine.point_rewards import PointRewards
from accrual.engine.ports import CommandLog, ReportSource
from accrual.engine.ports_checkpoints import NewestCheckpoint
from accrual.engine.preview import Preview
from accrual.engine.promos import Promos
from accrual.engine.raffles import Raffles
from accrual.engine.reads import Reads
from accrual.engine.referrals import Referrals
from accrual.engine.report import EngineReport, LaneReport
from accrual.engine.rewards import Rewards
from accrual.engine.statement import Period, Statements
from accrual.engine.submit import ContentAgain, SubmitLimits, Submitter
from accrual.engine.together import Together
from accrual.engine.views import MemberView, ParkedPage, Previewed, StatementView, TicketView
from accrual.engine.waiting import OutcomeWaiter
from accrual.engine.wallets import Wallets
from accrual.settings import Settings
from accrual.store.catalogue import CatalogueStore
from accrual.store.checkpoints import CheckpointTable
from accrual.store.connection import Pool
from accrual.store.draws import DrawStore
from accrual.store.held import HeldCommands
from accrual.store.links import HeldReferrals
from accrual.store.log import PostgresLog
from accrual.store.migrate import count_buckets
from accrual.store.point_rewards import PointRewardReads
from accrual.store.postgres import PROBES, ROLE_API, ROLE_STAFF, open_pool
from accrual.store.previews import PreviewStates
from accrual.store.promos import PromoReads
from accrual.store.reads import Reads as StoredReads
from accrual.store.reports import PostgresReports
from accrual.store.rewards import RewardStore
from accrual.store.wallets import WalletReads
from accrual.worker.lane import describe

LISTS_POOL_MAX = 4
"""Sessions at most for lists and reports; nobody at a till waits for these."""

STAFF_POOL_MAX = 2
"""Sessions at most for what staff change. There is none while nobody changes anything."""

FOLLOW_UP_PAUSE_S = 0.02
"""How long to wait before looking again whether a command's follow-ups, in other buckets, are decided."""

FIELDS: Mapping[Dialect, Callable[[bytes], dict[str, Any]]] = {
    **FIELDS_BY_DIALECT,
    Dialect.DSQUARES: dsquares_wire.fields,
    Dialect.GOODIE: goodie_wire.fields,
    Dialect.NATIVE: translate_native.fields,
}
CONTENT_AGAIN: Mapping[Dialect, Callable[[bytes, Catalogue, StoredClient], bytes]] = {
    **TRANSLATE_AGAIN,
    Dialect.DSQUARES: dsquares_translate.content_of,
    Dialect.GOODIE: goodie_translate.content_of,
    Dialect.NATIVE: native_again.content_of,
}


def fields_of(dialect: int, raw: bytes) -> dict[str, Any]:
    """The client's own fields of a stored body; none for commands that no client sent."""
    known = FIELDS.get(Dialect(dialect))
    return {} if known is None or not raw else known(raw)


def content_again_of(log: CommandLog, catalog: Catalog) -> ContentAgain:
    """Translates stored bytes again with today's translator before a key is said to be reused."""

    async def content_again(submission: Submission, known: Known) -> bytes | None:
        stored = await log.body_of(known.bucket, known.position)
        client = catalog.client(submission.client_id)
        if stored is None or client is None:
            return None
        dialect, raw = stored
        translate = CONTENT_AGAIN.get(Dialect(dialect))
        if translate is None:
            return None
        try:
            return translate(raw, catalog.newest(submission.programme_id), client)
        except AccrualError:
            return None

    return content_again


class RunningEngine:
    """What routes and commands ask of the engine (api.call.Engine), over one database."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        submitter: Submitter,
        waiter: OutcomeWaiter,
        reads: Reads,
        previews: Preview,
        promos: Promos,
        referrals: Referrals,
        held: HeldDesk,
        rewards: Rewards,
        point_rewards: PointRewards,
        draws: Draws,
        raffles: Raffles,
        wallets: Wallets,
        checkpoints: NewestCheckpoint,
        reports: ReportSource,
        log: CommandLog,
        buckets: int,
    ) -> None:
        self.buckets = buckets
        self.catalog = catalog
        self.promos = promos
        self.referrals = referrals
        self.held = held
        self.rewards = rewards
        self.point_rewards = point_rewards
        self.draws = draws
        self.raffles = raffles
        self.wallets = wallets
        self.checkpoints = checkpoints
        self.submitter = submitter
        self.reads = reads
        self._previews = previews
        self._waiter = waiter
        self._tickets: Together[bytes, TicketView] = Together(reads.tickets)
        self._reports = reports
        self._command_log = log
        self._warnings: dict[str, int] = {}
        self._log = structlog.get_logger("engine")

    async def submit(self, submission: Submission) -> Receipt:
        """Durably accept one command."""
        return await self.submitter.submit(submission)

    async def submit_many(self, submissions: Sequence[Submission]) -> list[Receipt | AccrualError]:
        """Durably accept many, each with an answer of its own."""
        return await self.submitter.submit_many(submissions)

    async def wait(self, receipt: Receipt, *, deadline_s: float) -> TicketView | None:
        """The ticket once it and its follow-ups are decided, as it stands at the deadline; None: not decided by then."""
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline_s
        if not await self._waiter.decided(receipt.bucket, receipt.position, deadline_s=deadline_s):
            return None
        view = await self._tickets.ask(receipt.ticket)
        while view is not None and not view.complete and loop.time() < until:
            await asyncio.sleep(FOLLOW_UP_PAUSE_S)
            view = await self._tickets.ask(receipt.ticket)
        return view

    async def ticket(self, ticket: bytes) -> TicketView | None:
        """Everything about one command."""
        return await self.reads.ticket(ticket)

    async def parked(self, programme_id: int | None, *, limit: int, after: bytes | None) -> ParkedPage:
        """One page of what waits put aside, of one programme or of all."""
        return await self.reads.parked(programme_id, limit=limit, after=after)

    async def retry(self, ticket: bytes, programme_id: int | None) -> Receipt:
        """Durably accept the command that tries a parked one again; twice at once is once."""
        return await self.submit(await self.reads.retry_of(ticket, programme_id))

    async def preview(self, submission: Submission, now: datetime) -> Previewed:
        """What posting this now would answer; nothing is written."""
        return await self._previews.preview(submission, now)

    async def member(
        self, programme_id: int, identity: Identity, *, limit: int, before: int | None, at: datetime | None = None
    ) -> MemberView | None:
        """A member with one page of history, now or as of a past instant."""
        return await self.reads.member(programme_id, identity, limit=limit, before=before, at=at)

    async def statement(
        self, programme_id: int, identity: Identity, period: Period, *, limit: int, after: tuple[int, int] | None
    ) -> StatementView | None:
        """One page of a member's statement."""
        return await Statements(self.reads).statement(programme_id, identity, period, limit=limit, after=after)

    async def member_name(self, programme_id: int, identity: Identity) -> str | None:
        """What a member is called now."""
        return await self.reads.member_name(programme_id, identity)

    async def catalogue_at(self, programme_id: int, revision: int) -> Catalogue:
        """A programme as it was at a revision; the newest is in memory."""
        return await self.catalog.at(programme_id, revision)

    def client_by_key(self, key_digest: bytes) -> tuple[StoredClient, Catalogue] | None:
        """The client whose key has this SHA-256, with its programme as it stands now."""
        client = self.catalog.client_by_digest(key_digest)
        return None if client is None else (client, self.catalog.newest(client.programme_id))

    def open_client(self) -> tuple[StoredClient, Catalogue] | None:
        """The only client of all that needs no key, with its programme; a programme that is no demo has none."""
        found = [client for client in self.catalog.clients.values() if client.client.open]
        if len(found) != 1:
            return None
        catalogue = self.catalog.newest(found[0].programme_id)
        return (found[0], catalogue) if catalogue.settings.demo else None

    def warn(self, code: str, client_code: str) -> None:
        """Count and log something that a client does and will be refused one day."""
        self._warnings[code] = self._warnings.get(code, 0) + 1
        self._log.warning("client_warning", code=code, client=client_code)

    async def ready(self) -> Mapping[str, str]:
        """What keeps the engine from working, by name."""
        try:
            lanes = await self._reports.lanes()
        except AccrualError as error:
            return {"database": error.message}
        if not lanes:
            return {"lanes": "No lane is at work: commands are accepted and wait."}
        return {}

    async def report(self) -> EngineReport:
        """What submitter and live lanes count; what the database knows is left out while it is down."""
        submit = self.submitter.report(self._warnings)
        try:
            lanes = [msgspec.json.decode(text, type=LaneReport) for text in await self._reports.lanes()]
            backlog = sum((await self._command_log.backlog()).values())
            age_s = await self._reports.oldest_snapshot_age_s(utc_now())
        except AccrualError:
            return EngineReport(submit=submit)
        return EngineReport(submit=submit, lanes=tuple(lanes), backlog=backlog, oldest_xmin_age_s=age_s)


@asynccontextmanager
async def open_engine(
    url: str, settings: Settings, *, label: str = "api", staff_url: str | None = None, draw_key: DrawKey | None = None
) -> AsyncIterator[RunningEngine]:
    """An engine over a database whose schema is there. `url` is a login that may act as `accrual_api`, `staff_url` (None:
    the same) one that may act as `accrual_staff`; `draw_key` is the hosts' part of secrets of draws, for whoever opens and
    closes rounds. Raises DatabaseDown, Broken.
    """
    timeout_s = settings.statement_timeout_s
    # What callers wait for is probes; what looks over many rows is left to the planner, in sessions made when needed.
    probing = await open_pool(
        url,
        label=label,
        size_max=settings.api_pool_max,
        statement_timeout_s=timeout_s,
        settings=PROBES,
        role=ROLE_API,
    )
    looking = await open_pool(
        url,
        label=f"{label} lists",
        size_max=LISTS_POOL_MAX,
        size_min=0,
        statement_timeout_s=timeout_s,
        role=ROLE_API,
    )
    changing = await open_pool(
        staff_url or url,
        label=f"{label} staff",
        size_max=STAFF_POOL_MAX,
        size_min=0,
        statement_timeout_s=timeout_s,
        role=ROLE_STAFF,
    )
    try:
        engine = await _assemble(probing, looking, changing, settings, None if draw_key is None else draw_key.key)
        tasks = [
            asyncio.create_task(engine.submitter.watch_backlog(settings.backlog_refresh_s)),
            asyncio.create_task(_keep_fresh(engine.catalog, settings.catalogue_poll_s)),
        ]
        try:
            yield engine
            await engine.submitter.drain()
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
    finally:
        await changing.close()
        await looking.close()
        await probing.close()


async def _assemble(
    probing: Pool, looking: Pool, changing: Pool, settings: Settings, draw_key: bytes | None
) -> RunningEngine:
    buckets = await count_buckets(probing)
    catalog, changes = Catalog(CatalogueStore(probing)), CatalogueStore(changing, draw_key=draw_key)
    draws = DrawStore(changing, buckets, draw_key=draw_key)
    await catalog.refresh()
    faults = read_faults()
    log = PostgresLog(probing) if faults is None else FaultyLog(probing, faults)
    submitter = Submitter(
        log,
        buckets=buckets,
        limits=SubmitLimits(
            flush_rows_max=settings.flush_rows_max,
            backlog_single_max=settings.backlog_single_max,
            backlog_bulk_max=settings.backlog_bulk_max,
            queue_max=settings.flush_wait_rows_max,
        ),
        now=utc_now,
        fresh=fresh_bytes,
        content_again=content_again_of(log, catalog),
    )
    reads = Reads(StoredReads(probing, buckets), catalog, fields_of, now=utc_now)
    content_again = content_again_of(log, catalog)
    previews = Preview(
        PreviewStates(probing, buckets),
        log,
        catalog,
        reads,
        event_of=events_of(catalog),
        describe=describe,
        content_again=content_again,
    )
    return RunningEngine(
        catalog=catalog,
        submitter=submitter,
        waiter=OutcomeWaiter(log),
        reads=reads,
        previews=previews,
        referrals=Referrals(HeldReferrals(changing, buckets), submitter.submit, now=utc_now),
        held=HeldDesk(HeldCommands(changing, buckets), submitter.submit, now=utc_now),
        promos=Promos(catalog, changes, PromoReads(looking, buckets), now=utc_now),
        rewards=Rewards(catalog, RewardStore(changing, buckets), now=utc_now),
        draws=Draws(catalog, draws, now=utc_now, fresh=fresh_bytes),
        raffles=Raffles(catalog, draws, submitter, now=utc_now, fresh=fresh_bytes),
        point_rewards=PointRewards(catalog, changes, PointRewardReads(looking), now=utc_now),
        wallets=Wallets(WalletReads(probing, buckets)),
        checkpoints=CheckpointTable(looking, buckets),
        reports=PostgresReports(probing),
        log=log,
        buckets=buckets,
    )


async def _keep_fresh(catalog: Catalog, pause_s: float) -> None:
    log = structlog.get_logger("catalog")
    while True:
        await asyncio.sleep(pause_s)
        try:
            await catalog.refresh()
        except AccrualError as error:
            log.warning("catalogue_not_refreshed", code=error.code)
