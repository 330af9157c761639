"""A till over PostgreSQL for commands that move points: the same commands go to books in memory. No assertions here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import yaml

from accrual.domain.accounts import Role
from accrual.domain.commands import Command, LoggedCommand, content_digest
from accrual.domain.ids import bucket_of, member_account_id
from accrual.domain.log import AppendRow, Lease
from accrual.domain.outcomes import Outcome, decode_outcome
from accrual.engine.keeping import NO_SEAL
from accrual.engine.load import fetch_shares, load
from accrual.engine.process import Processor
from accrual.engine.programmes import Programmes
from accrual.engine.state import State
from accrual.store.connection import Pool
from tests.desk import SETTINGS, Desk, catalogue_of, member_of
from tests.pg_fixtures import Database
from tests.property.points_model import ASSETS, LEVELS_WRITTEN, PROMOS
from tests.store.wiring import BUCKETS, LaneParts, apply_example, lane_parts, log_of


@dataclass
class Till:
    """Commands to the database and to a desk, in batches cut alike: what comes of them has to be the same."""

    database: Database
    pool: Pool
    parts: LaneParts
    desk: Desk
    state: State = field(default_factory=lambda: State(members_max=1_000))
    leases: dict[int, Lease] = field(default_factory=dict)

    async def log(self, command: Command, *, key: bytes | None = None) -> LoggedCommand:
        """One command at the end of its member's log, here and there."""
        logged = self.desk.log_command(command, key=key)
        row = AppendRow(
            *(logged.bucket, logged.ticket, logged.programme_id, logged.client_id, content_digest(logged.facts)),
            *(NO_SEAL, logged.facts, None, None, None),
        )
        placed = await log_of(self.pool).append([row], self.desk.now)
        if placed is None or placed[row.ticket].position != logged.position:
            raise ValueError("the two logs differ")
        return logged

    async def settle(self, rows_max: int | None = None) -> None:
        """Batches until nothing waits, in the database and at the desk."""
        programme = Programmes(self.parts.catalog).of
        processor = Processor(
            self.state, buckets=BUCKETS, event_of=lambda *_: None, describe=lambda error: type(error).__name__
        )
        while True:
            tails, _ = await self.parts.store.tails(list(self.leases))
            wanted = {
                bucket: (lease.cursor, rows_max or 1_000)
                for bucket, lease in self.leases.items()
                if tails[bucket] > lease.cursor
            }
            if not wanted:
                break
            commands = await self.parts.store.fetch(wanted)
            tasks = await load(commands, self.state, self.parts.store, programme, lambda _: None)
            posting = processor.decide(tasks, self.leases, self.desk.now)
            if posting.advances:
                await self.parts.store.post(posting)
            if processor.shorts:
                stocks = {(bucket, key): units for bucket, key, units in processor.shorts}
                await fetch_shares(stocks, self.state, self.parts.store)
            for advance in posting.advances:
                self.leases[advance.bucket] = self.leases[advance.bucket]._replace(
                    cursor=advance.cursor, chain=advance.chain, outbox_next=advance.outbox_next
                )
        await self.desk.decide_all(rows_max)

    async def decided(self, command: Command) -> Outcome:
        """What comes of one command."""
        return await self.outcome(await self._settled(command))

    async def _settled(self, command: Command) -> LoggedCommand:
        logged = await self.log(command)
        await self.settle()
        return logged

    async def outcome(self, logged: LoggedCommand) -> Outcome:
        """The stored answer to a command."""
        row = await self.pool.fetchrow(
            "select payload from outcome where bucket = $1 and position = $2", logged.bucket, logged.position
        )
        return decode_outcome(row["payload"])

    def start_again(self) -> None:
        """Nothing is remembered by the lane, as after a restart."""
        self.state.forget()
        self.desk.forget()

    def later(self, **of_delta: int) -> None:
        self.desk.now += timedelta(**of_delta)

    async def balance(self, name: str, role: Role = Role.MEMBER, asset_id: int = 1) -> int:
        """The newest balance of one of a member's accounts."""
        member_id = member_of(name)
        row = await self.pool.fetchrow(
            "select balance_after from line where bucket = $1 and account = $2 order by position desc, leg desc limit 1",
            bucket_of(member_id, BUCKETS),
            member_account_id(member_id, asset_id, role),
        )
        return 0 if row is None else int(row["balance_after"])


def write_programme(path: Path, promos: Sequence[Any] = PROMOS, **settings: Any) -> Path:
    """The programme of the plain model, or one with other promos, as a file."""
    written = {
        "code": "demo", "currency": "IDR", "minor_units": 2, "time_zone": "Asia/Jakarta", "late_limit": None,
        "tiers": {"asset": "PTS", "levels": LEVELS_WRITTEN}, **settings,
    }  # fmt: skip
    assets = [{"code": code} for code in ASSETS]
    whole = {"programme": written, "assets": assets, "promos": list(promos), "outlets": [{"code": "OTL-1"}]}
    path.write_text(yaml.safe_dump(whole, sort_keys=False))
    return path


@asynccontextmanager
async def open_till(database: Database, pool: Pool, directory: Path, **settings: Any) -> AsyncIterator[Till]:
    """A till with all buckets leased, over the programme of the plain model."""
    await apply_example(database, write_programme(directory / "programme.yaml", **settings))
    async with lane_parts(database, pool) as parts:
        await parts.catalog.refresh()
        desk = Desk(catalogue_of([], settings=msgspec.structs.replace(SETTINGS)), buckets=BUCKETS)
        desk.programme = Programmes(parts.catalog).of(1)
        yield Till(database, pool, parts, desk, leases=await parts.take())
