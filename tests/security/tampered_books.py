"""Books with rows in every table, and ways to change them one row at a time. No assertions here.

Constraints are taken off first: whoever owns the tables can do that too, and then nothing stops a doubled or empty value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from accrual.domain.commands import Dialect, Profile, Resume, Reward
from accrual.domain.facts import CheckIn, DrawEntry, Fact, Purchase, Referral, Registration
from accrual.domain.held import Clearance
from accrual.domain.ids import bucket_of, member_id_of, ticket_of
from accrual.domain.log import AppendRow
from accrual.domain.movements import Capture, Grant, Hold, Merge, Redeem, Refund, Reverse, Transfer
from accrual.domain.rewards import subject_of
from accrual.engine.keeping import NO_SEAL
from accrual.engine.verify import Verification, VerifyReport
from accrual.store.connection import Connection
from accrual.store.rewards import RewardStore
from accrual.store.verify import Books
from tests.store.points_desk import PointsDesk, person
from tests.store.wiring import BUCKETS

PROGRAMME = """
programme:
  code: books
  name: Books
  time_zone: Asia/Jakarta
  currency: IDR
  minor_units: 2
  late_limit: null
  tiers: {asset: PTS, levels: [{code: BASIC, earn: "1", redeem: "1"}, {code: GOLD, threshold: 40, earn: "2", redeem: "1"}]}
  velocity: [{name: SIX, per: member, every: day, triggers: [check_in], count: 1, action: hold}]
assets: [{code: PTS, name: Points}, {code: LD, name: Draw tickets}, {code: PHONE, name: Phone}]
outlets: [{code: OUT-1}]
clients:
  - code: till
    rights: [native]
    install_id: unique
    key_sha256: "0000000000000000000000000000000000000000000000000000000000000001"
promos:
  - code: BASE
    trigger: purchase
    limits: [{count: 50, every: month}]
    budget: {asset: PTS, amount: 1000000}
    benefits: [{asset: PTS, points_per: {every: 1000 IDR}, expires: P30D}]
  - {code: OUTLET, trigger: purchase, limits: [{per: outlet, count: 40, every: day}], benefits: [{asset: LD, fixed: 1}]}
  - {code: LATER, trigger: purchase, benefits: [{asset: LD, fixed: 1, active_after: P1D}]}
  - {code: CHECK, trigger: check_in, benefits: [{asset: PTS, streak: {steps: {1: 1, 2: 3}}}]}
  - {code: INVITED, trigger: referral, benefits: [{asset: PTS, fixed: 5}, {to: referrer, asset: PTS, fixed: 7}]}
  - code: WHEEL
    trigger: draw_entry
    benefits:
      - {asset: PTS, draw: {prizes: [{code: TEN, amount: 10, weight: 1}, {code: PHONE, asset: PHONE, weight: 1, stock: 3}]}}
rewards:
  - {code: MUG, asset: PTS, price: 2, stock: 10, limit: {count: 5, every: day}}
  - {code: FILM, asset: PTS, price: 1, voucher: {kind: pool}}
"""


@dataclass
class TamperedBooks:
    """A desk whose books are whole until a row is changed; `restore` makes the table whole again."""

    desk: PointsDesk
    owner: Connection
    types: dict[str, dict[str, str]] = field(default_factory=dict)
    buckets: tuple[int, ...] = ()

    async def open_up(self) -> None:
        """Keep a copy of every table, and see which buckets there is something in. Triggers are put to rest."""
        rows = await self.owner.fetch(
            "select table_name, column_name, data_type from information_schema.columns"
            " where table_schema = 'public' order by table_name, ordinal_position"
        )
        for table, column, kind in rows:
            self.types.setdefault(table, {})[column] = kind
        await self.owner.execute("create schema kept")
        keys = await self.owner.fetch(
            "select conrelid::regclass::text, conname from pg_constraint"
            " where connamespace = 'public'::regnamespace and contype in ('f', 'c')"
        )
        for table, name in keys:
            await self.owner.execute(f'alter table {table} drop constraint "{name}"')
        found: set[int] = set()
        for table, columns in self.types.items():
            await self.owner.execute(f"alter table {table} disable trigger user")
            await self.owner.execute(f"create table kept.{table} as select * from {table}")
            if "bucket" in columns and table not in ("lane", "tail", "upkeep"):
                found |= {row[0] for row in await self.owner.fetch(f"select distinct bucket from {table}")}
        self.buckets = tuple(sorted(found))

    async def restore(self, table: str) -> None:
        """The table as it was."""
        await self.owner.execute(f"delete from {table}; insert into {table} select * from kept.{table}")

    async def verify(self, *buckets: int) -> VerifyReport:
        """What verification says of these buckets, or (none named) of those that hold something and of the whole."""
        books = Books(self.desk.database.runtime_url, BUCKETS)
        try:
            return await Verification(books).run(buckets or self.buckets, whole=not buckets)
        finally:
            await books.close()

    async def row(self, table: str, *, newest: bool = False) -> tuple[str, int | None] | None:
        """Where a row of the table stands (ctid, bucket): the middle one, or the newest of those there are."""
        columns = self.types[table]
        order = next(
            (c for c in ("position", "sequence", "number", "recorded_at", "cursor", "next") if c in columns),
            next(iter(columns)),
        )
        own = f"where bucket in ({', '.join(map(str, self.buckets))})" if "bucket" in columns else ""
        bucket = "bucket" if "bucket" in columns else "null::integer"
        rows = await self.owner.fetch(f'select ctid::text, {bucket} from {table} {own} order by "{order}", ctid')
        return tuple(rows[-1 if newest else len(rows) // 2]) if rows else None


FLIPPED = {
    "smallint": "({0} # 1::smallint)::smallint",
    "integer": "{0} # 1",
    "bigint": "{0} # 1::bigint",
    "bytea": "case when length({0}) = 0 then '\\x00'::bytea"
    " else set_byte({0}, length({0}) - 1, get_byte({0}, length({0}) - 1) # 1) end",
    "text": "{0} || 'x'",
    "boolean": "not {0}",
    "uuid": "encode(set_byte(uuid_send({0}), 15, get_byte(uuid_send({0}), 15) # 1), 'hex')::uuid",
    "timestamp with time zone": "{0} + interval '1 microsecond'",
    "jsonb": "jsonb_build_object('changed', {0})",
    "ARRAY": "array['changed']",
}
"""The least change of a value, by its type."""

FILLED = {
    "smallint": "1",
    "integer": "1",
    "bigint": "1",
    "bytea": "'\\x0102030405060708090a0b0c0d0e0f10'::bytea",
    "text": "'x'",
    "boolean": "true",
    "uuid": "'00000000-0000-8000-8000-000000000001'::uuid",
    "timestamp with time zone": "timestamptz '2026-03-02 00:00+00'",
    "jsonb": "'{}'::jsonb",
    "ARRAY": "array['x']",
}
"""Something in place of nothing."""


def changed(kind: str, column: str) -> str:
    """An expression for the column with one bit changed, or filled where it was empty."""
    quoted = f'"{column}"'
    return f"coalesce({FLIPPED[kind].format(quoted)}, {FILLED[kind]})"


async def fill(desk: PointsDesk) -> None:
    """A history of a few members of one bucket that leaves rows in every table the worker writes."""
    said: dict[str, Any] = {"dialect": Dialect.NATIVE, "action": "test"}
    ann, bob, cid, dan, eve = members_in(7, 5)
    await RewardStore(desk.pool, BUCKETS).add_codes(subject_of(1, "FILM"), ["F-1", "F-2", "F-3"])

    async def earn(who: str, *facts: Fact, **more: Any) -> bytes:
        receipt = await desk.send(Reward(**said, identity=person(who), facts=facts, **more))
        return receipt.ticket

    def paid(amount: int = 1_000_000) -> Purchase:
        return Purchase(amount_minor=amount, outlet="OUT-1")

    async def move(kind: Any, who: str, **more: Any) -> bytes:
        return (await desk.send(kind(**said, identity=person(who), **more))).ticket

    first = await earn(ann, Registration(), paid(), install_id="phone-1", unique_install=True)
    for who in (bob, cid, dan, eve):
        await earn(who, Registration(), paid(2_000_000))
    await desk.decide()
    await earn(dan, Referral(referrer=person(ann)), install_id="phone-2", unique_install=True)
    await earn(eve, Referral(referrer=person(bob)), install_id="phone-1", unique_install=True)
    spent = await move(Redeem, ann, asset="PTS", amount=4)
    held = await move(Hold, bob, asset="PTS", amount=3)
    await move(Hold, bob, asset="PTS", amount=1, expires_at=desk.now + timedelta(days=3))
    await move(Redeem, bob, reward="MUG")
    await move(Redeem, bob, reward="FILM")
    await move(Grant, cid, asset="LD", amount=2)
    await desk.decide()
    await move(Refund, ann, target=spent, amount=2)
    await move(Reverse, ann, target=first)
    await move(Capture, bob, target=held, amount=2)
    await move(Transfer, bob, asset="PTS", amount=2, to=person(cid))
    for who in (ann, bob):
        await earn(who, DrawEntry())
        await earn(who, CheckIn())
    seconds = [await earn(who, CheckIn()) for who in (ann, bob)]
    await desk.decide()
    await desk.send(
        Clearance(**said, identity=person(ann), target=seconds[0], approved=True, actor="test", note="fine")
    )
    await desk.send(Profile(**said, identity=person(cid), tier="GOLD", attributes={"city": "Bandung"}))
    member_id = member_id_of(1, "msisdn", dan)
    await move(Reverse, dan, target=ticket_of(1, 1, member_id, b"later", bucket_of(member_id, BUCKETS)))
    broken = AppendRow(
        *(bucket_of(member_id, BUCKETS), ticket_of(1, 1, member_id, b"broken", bucket_of(member_id, BUCKETS)), 1, 1),
        *(bytes(8), NO_SEAL, b"\xc1", None, None, None),
    )
    await desk.log.append([broken], desk.now)
    await desk.decide()
    desk.now += timedelta(days=2)
    await desk.send(Resume(**said, identity=person(dan), ticket=broken.ticket))
    await move(Merge, eve, into=person(cid))
    await desk.decide()
    await earn(eve, paid())
    await earn(ann, paid(500_000))
    await desk.decide()


def members_in(bucket: int, count: int) -> list[str]:
    """So many members of a bucket, by their numbers."""
    numbers: Iterator[str] = (str(number) for number in range(1_000_000))
    found = (who for who in numbers if bucket_of(member_id_of(1, "msisdn", who), BUCKETS) == bucket)
    return [next(found) for _ in range(count)]
