"""A programme of points with a clock of its own: movements at chosen instants, a lane stepped by hand, views. No assertions."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from accrual.bootstrap.programme import apply_file
from accrual.domain.commands import Command, Dialect, Receipt, Submission, content_digest, encode_command
from accrual.domain.facts import Identity
from accrual.domain.movements import Grant
from accrual.engine.catalog import Catalog
from accrual.engine.reads import Reads
from accrual.engine.views import BalanceView, MemberView
from accrual.store import reads as store_reads
from accrual.store.catalogue import CatalogueStore
from accrual.store.connection import Pool
from tests.pg_fixtures import Database
from tests.store.wiring import BUCKETS, log_of, submitter, whole_lane

PROGRAMME = """
programme: {code: points, name: Points, time_zone: Asia/Jakarta, currency: IDR, late_limit: null}
assets: [{code: PTS, name: Points, number: 35}, {code: LD, name: Draw tickets, number: 36}]
clients: [{code: till, rights: [submit, read], key_sha256: "0000000000000000000000000000000000000000000000000000000000000001"}]
"""
START = datetime(2026, 3, 1, 5, tzinfo=UTC)


def person(value: str) -> Identity:
    """A member by a made-up number."""
    return Identity("msisdn", value)


class PointsDesk:
    """One database with the programme; `now` is its clock, which commands are recorded by."""

    def __init__(self, database: Database, pool: Pool) -> None:
        self.database = database
        self.pool = pool
        self.now = START
        self.catalog = Catalog(CatalogueStore(pool))
        self.log = log_of(pool)
        self.submitter = submitter(self.log, now=lambda: self.now)
        self.reads = Reads(
            store_reads.Reads(pool, BUCKETS), self.catalog, lambda dialect, body: {}, now=lambda: self.now
        )
        self.lane = whole_lane(database, pool, "desk", now=lambda: self.now)
        self._numbers = itertools.count()

    async def send(self, command: Command) -> Receipt:
        """Append one command, recorded at `now`."""
        return await self.submitter.submit(
            Submission(
                programme_id=1,
                client_id=1,
                command=command,
                key=b"k%d" % next(self._numbers),
                content=content_digest(encode_command(command)),
                body=b"{}",
            )
        )

    async def grant(self, who: str, amount: int, *, expires: str | None = None, **more: Any) -> Receipt:
        """Give units of PTS."""
        return await self.send(
            Grant(
                dialect=Dialect.NATIVE,
                action="grant",
                identity=person(who),
                asset=more.pop("asset", "PTS"),
                amount=amount,
                expires=expires,
                **more,
            )
        )

    async def decide(self) -> None:
        """Step the lane until nothing waits."""
        while await self.lane.step() or await self.log.backlog():
            pass

    async def member(self, who: str, at: datetime | None = None) -> MemberView:
        """How a member stands."""
        view = await self.reads.member(1, person(who), limit=100, at=at)
        assert view is not None, f"nobody is known as {who}"
        return view

    async def balance(self, who: str, code: str = "PTS", at: datetime | None = None) -> BalanceView:
        """How a member stands in an asset."""
        return next(balance for balance in (await self.member(who, at)).balances if balance.code == code)

    async def fetch(self, text: str, *arguments: Any) -> list[Any]:
        """Rows of any statement."""
        async with self.pool.acquire() as connection:
            return await connection.fetch(text, *arguments)


Desk = TypeVar("Desk", bound=PointsDesk)


@asynccontextmanager
async def open_desk(
    kind: type[Desk], database: Database, pool: Pool, directory: Path, text: str
) -> AsyncIterator[Desk]:
    """A desk of a kind over a fresh database with this programme applied, as programme 1 with client 1."""
    path = directory / "programme.yaml"
    path.write_text(text)
    await apply_file(path, database.runtime_url, actor="test")
    desk = kind(database, pool)
    await desk.catalog.refresh()
    try:
        yield desk
    finally:
        desk.lane._store.cut()


@asynccontextmanager
async def points_desk(database: Database, pool: Pool, directory: Path) -> AsyncIterator[PointsDesk]:
    """The plain desk."""
    async with open_desk(PointsDesk, database, pool, directory, PROGRAMME) as desk:
        yield desk
