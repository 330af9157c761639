"""Parts of the engine put together by hand over a test's database: submitters, lanes, commands. No assertions."""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from accrual.bootstrap.programme import apply_file
from accrual.domain.commands import Dialect, LoggedCommand, Reward, Submission, content_digest, encode_command
from accrual.domain.facts import Identity, Purchase
from accrual.domain.log import Known, Lease, Posting
from accrual.engine.catalog import Catalog
from accrual.engine.load import load
from accrual.engine.ports import CommandLog
from accrual.engine.process import Processor
from accrual.engine.programmes import Programmes
from accrual.engine.state import State
from accrual.engine.submit import SubmitLimits, Submitter
from accrual.store.catalogue import CatalogueStore
from accrual.store.connection import Pool
from accrual.store.lanes import PostgresLanes
from accrual.store.log import PostgresLog
from accrual.worker.lane import Clocks, Lane, LaneLimits, describe
from tests.arch.tree import ROOT
from tests.pg_fixtures import Database

PROGRAMME_FILE = ROOT / "examples" / "seeds" / "programme.yaml"
BUCKETS = 256
LEASE_S = 1.0


async def apply_example(database: Database, path: Path = PROGRAMME_FILE) -> None:
    """The example programme, as programme 1 with client 1."""
    await apply_file(path, database.runtime_url, actor="test", members=False)


def purchase(
    user: str,
    key: str,
    *,
    name: str | None = None,
    amount_minor: int = 100_000,
    key_scope_client: bool = False,
    action: str = "transaction",
) -> Submission:
    """A purchase of a member: one point under the example programme."""
    command = Reward(
        dialect=Dialect.QOIN_TASK,
        action=action,
        identity=Identity("qoin.user_id", user),
        facts=(Purchase(occurred_at=datetime(2024, 4, 30, 3, 30, tzinfo=UTC), amount_minor=amount_minor),),
    )
    body = json.dumps({"user": user, "amount": amount_minor}).encode()
    return Submission(
        programme_id=1,
        client_id=1,
        command=command,
        key=b"k" + key.encode(),
        content=content_digest(encode_command(command)),
        body=body,
        name=name,
        key_scope_client=key_scope_client,
    )


async def never_again(submission: Submission, known: Known) -> bytes | None:
    """No stored body can be translated again."""
    return None


def submitter(
    log: CommandLog,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    rows_max: int = 1000,
    buckets: int = BUCKETS,
    backlog_single_max: int = 10_000,
    backlog_bulk_max: int = 2_000,
) -> Submitter:
    """A submitter over a log."""
    return Submitter(
        log,
        buckets=buckets,
        limits=SubmitLimits(
            flush_rows_max=rows_max, backlog_single_max=backlog_single_max, backlog_bulk_max=backlog_bulk_max
        ),
        now=now,
        fresh=os.urandom,
        content_again=never_again,
    )


class LaneParts:
    """A lane's store and the pieces that decide, driven step by step by a test."""

    def __init__(self, store: PostgresLanes, catalog: Catalog) -> None:
        self.store = store
        self.catalog = catalog
        self.worker_id = uuid.uuid4().bytes

    async def join(self) -> None:
        """Open the session and become known."""
        await self.store.open()
        await self.store.register(self.worker_id, datetime.now(UTC), "by hand")

    async def take(self, buckets: set[int] | None = None) -> dict[int, Lease]:
        """Take these buckets (None: all), whoever has them."""
        rows = [row for row in await self.store.lanes() if buckets is None or row.bucket in buckets]
        return {lease.bucket: lease for lease in await self.store.take(rows, self.worker_id)}

    async def decide(self, leases: dict[int, Lease], *, count: int = 1000, state: State | None = None) -> Posting:
        """The posting of what waits behind these leases."""
        await self.catalog.refresh()
        commands = await self.store.fetch({bucket: (lease.cursor, count) for bucket, lease in leases.items()})
        return await self.decide_these(commands, leases, state=state)

    async def decide_these(
        self, commands: list[LoggedCommand], leases: dict[int, Lease], *, state: State | None = None
    ) -> Posting:
        """The posting of these commands."""
        state = State(members_max=1000) if state is None else state
        tasks = await load(commands, state, self.store, Programmes(self.catalog).of, lambda _: "qoin")
        processor = Processor(state, buckets=BUCKETS, event_of=lambda *_: None, describe=describe)
        return processor.decide(tasks, leases, datetime.now(UTC))


@asynccontextmanager
async def lane_parts(database: Database, pool: Pool, label: str = "by hand") -> AsyncIterator[LaneParts]:
    """A lane's parts with an open session."""
    store = PostgresLanes(database.runtime_url, label=label, buckets=BUCKETS, idle_in_transaction_s=60)
    parts = LaneParts(store, Catalog(CatalogueStore(pool)))
    await parts.join()
    try:
        yield parts
    finally:
        store.cut()


def whole_lane(
    database: Database, pool: Pool, label: str, *, lease_s: float = LEASE_S, batch_max: int = 4096, **wiring: Any
) -> Lane:
    """A lane as it runs in a process of its own, to be stepped by a test."""

    async def no_wait(pause_s: float) -> None:
        return None

    return Lane(
        wiring.get("store")
        or PostgresLanes(database.runtime_url, label=label, buckets=BUCKETS, idle_in_transaction_s=lease_s),
        Catalog(CatalogueStore(pool)),
        limits=LaneLimits(lease_s=lease_s, batch_max=batch_max, poll_s=0.01, members_max=1000),
        clocks=Clocks(
            now=wiring.get("now", lambda: datetime.now(UTC)),
            monotonic=wiring.get("monotonic", time.monotonic),
            new_id=lambda: uuid.uuid4().bytes,
        ),
        label=label,
        buckets=BUCKETS,
        secret=b"0" * 32,
        event_of=wiring.get("event_of", lambda *_: None),
        wait_for_work=no_wait,
    )


def log_of(pool: Pool) -> PostgresLog:
    """The command log."""
    return PostgresLog(pool)


def users_in(bucket: int, count: int, buckets: int = BUCKETS) -> list[str]:
    """So many users whose member lives in this bucket of programme 1."""
    from accrual.domain.ids import bucket_of, member_id_of

    found: list[str] = []
    number = 0
    while len(found) < count:
        number += 1
        user = hashlib.blake2b(b"%d" % number, digest_size=6).hexdigest()
        if bucket_of(member_id_of(1, "qoin.user_id", user), buckets) == bucket:
            found.append(user)
    return found
