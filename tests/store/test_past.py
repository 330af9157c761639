"""Profiles and past purchases are what the log and the posted rows say, of the members asked for and nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg
import pytest

from accrual.domain.commands import Dialect, Profile, Resume, Reward
from accrual.domain.errors import Broken
from accrual.domain.facts import CheckIn, Fact, Identity, Item, ProductPurchase, Purchase, ReferralPurchase
from accrual.domain.members import MemberProfile, encode_profile
from accrual.domain.outcomes import Award
from accrual.store.connection import Pool
from accrual.store.lanes import PostgresLanes
from accrual.store.past import read_history
from tests.pg_fixtures import Database
from tests.store.hand_ledger import BUCKETS, LD, PTS, START, HandLedger, identities_in, member_of

HERE, THERE = 7, 200
LONG_AGO = START - timedelta(days=400)


def reward(identity: Identity, *facts: Fact) -> Reward:
    return Reward(dialect=Dialect.NATIVE, action="x", identity=identity, facts=facts)


def gives(asset: int) -> list[Award]:
    return [Award(11, asset, 1, "fixed", 1)]


@pytest.fixture
async def lanes(database: Database) -> AsyncIterator[PostgresLanes]:
    lanes = PostgresLanes(database.runtime_url, label="past", buckets=BUCKETS, idle_in_transaction_s=60)
    await lanes.open()
    yield lanes
    await lanes.close()


async def write(owner_pool: Pool, *ledgers: HandLedger) -> None:
    async with owner_pool.acquire() as connection:
        for ledger in ledgers:
            ledger.close_batch()
            await ledger.write(connection)


async def keep(pool: Pool, bucket: int, member_id: bytes, position: int, profile: MemberProfile) -> None:
    insert = "insert into profile (bucket, member_id, position, document) values ($1, $2, $3, $4)"
    await pool.execute(insert, bucket, member_id, position, encode_profile(profile))


async def test_newest_profile_of_each_member_is_read(pool: Pool, lanes: PostgresLanes) -> None:
    names = identities_in(HERE)
    ann, bob, carl = (member_of(next(names)) for _ in range(3))
    dora = member_of(next(identities_in(THERE)))
    await keep(pool, HERE, ann, 3, MemberProfile(tier="silver"))
    await keep(pool, HERE, ann, 9, MemberProfile(tier="gold", segments=frozenset({"a"})))
    await keep(pool, HERE, bob, 5, MemberProfile(tier="bronze"))
    await keep(pool, THERE, dora, 1, MemberProfile(attributes={"age": 7}))
    assert await lanes.profiles({THERE: [dora], HERE: [ann, carl]}) == {
        ann: MemberProfile(tier="gold", segments=frozenset({"a"})),
        dora: MemberProfile(attributes={"age": 7}),
    }
    assert await lanes.profiles({}) == {}


async def test_profiles_can_be_added_and_never_changed(pool: Pool) -> None:
    ann = member_of(next(identities_in(HERE)))
    await keep(pool, HERE, ann, 1, MemberProfile())
    for change in ("update profile set position = 2", "delete from profile"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(change)


async def test_profile_that_cannot_be_read_is_an_error(pool: Pool, lanes: PostgresLanes) -> None:
    ann = member_of(next(identities_in(HERE)))
    await pool.execute("insert into profile values ($1, $2, 1, 'x')", HERE, ann)
    with pytest.raises(Broken) as broken:
        await lanes.profiles({HERE: [ann]})
    assert broken.value.code == "profile_damaged"


async def test_history_is_every_own_purchase_newest_first(owner_pool: Pool, lanes: PostgresLanes) -> None:
    names = identities_in(HERE)
    ann, bob = next(names), next(names)
    dora = next(identities_in(THERE))
    late = START - timedelta(days=3)
    here, there = HandLedger(HERE), HandLedger(THERE)
    here.decide(ann, gives(PTS), command=reward(ann, Purchase(occurred_at=late, amount_minor=100)))
    here.decide(bob, gives(PTS), command=reward(bob, Purchase(amount_minor=7)))
    here.decide(ann, gives(PTS) * 3 + gives(LD), command=reward(ann, Purchase(amount_minor=200)))
    here.decide(ann, command=reward(ann, ProductPurchase(product="T30H", items=(Item(product="T30H"),))))
    here.decide(ann, gives(LD), command=reward(ann, CheckIn()))
    here.decide(ann, command=reward(ann, ReferralPurchase(amount_minor=50, referred=b"r" * 16)))
    here.decide(ann, command=reward(ann, ReferralPurchase(amount_minor=300), Purchase(amount_minor=400)))
    here.decide(ann, command=Profile(dialect=Dialect.NATIVE, action="profile", identity=ann, tier="gold"))
    there.decide(dora, gives(PTS), command=reward(dora, Purchase(amount_minor=9)))
    await write(owner_pool, here, there)

    found = await lanes.history({THERE: [member_of(dora)], HERE: [member_of(ann)]}, LONG_AGO)

    def at(position: int) -> datetime:
        return START + timedelta(seconds=position)

    assert found.keys() == {member_of(ann), member_of(dora)}
    assert [tuple(row) for row in found[member_of(ann)]] == [
        (at(7), at(7), 7, 400),
        (at(4), at(4), 4, 0),
        (at(3), at(3), 3, 200),
        (late, at(1), 1, 100),
    ]
    assert [row.amount_minor for row in found[member_of(dora)]] == [9]


async def test_history_begins_where_it_is_asked_to(owner_pool: Pool, lanes: PostgresLanes) -> None:
    ann = next(identities_in(HERE))
    ledger = HandLedger(HERE)
    for _ in range(4):
        ledger.decide(ann, gives(PTS), command=reward(ann, Purchase(amount_minor=1)))
    await write(owner_pool, ledger)
    since = START + timedelta(minutes=5, seconds=3)  # clocks of clients may be five minutes ahead
    found = await lanes.history({HERE: [member_of(ann)]}, since)
    assert [row.position for row in found[member_of(ann)]] == [4, 3]
    assert await lanes.history({HERE: [member_of(ann)]}, since + timedelta(seconds=2)) == {}


async def test_history_looks_through_the_newest_commands_only(owner_pool: Pool, lanes: PostgresLanes) -> None:
    ann = next(identities_in(HERE))
    ledger = HandLedger(HERE)
    for number in range(6):
        awards = gives(PTS) * 3 if number % 2 else gives(LD) if number % 3 else []
        ledger.decide(ann, awards, command=reward(ann, Purchase(amount_minor=1)))
    ledger.decide(ann, gives(PTS) * 3)
    await write(owner_pool, ledger)
    starts = [0] * (HERE + 1) + [1] * (BUCKETS - HERE)
    found = await read_history(lanes.connection, [HERE], starts, [member_of(ann)], LONG_AGO, history_max=3)
    assert [row.position for row in found[member_of(ann)]] == [7, 6, 5]


async def test_parked_purchase_counts_once_and_only_after_it_was_decided(
    owner_pool: Pool, lanes: PostgresLanes
) -> None:
    ann = next(identities_in(HERE))
    ledger = HandLedger(HERE)
    parked = ledger.decide(ann, command=reward(ann, Purchase(amount_minor=100)))
    ledger.decide(ann, command=reward(ann, Purchase(amount_minor=200)))
    ledger.decide(
        ann,
        gives(PTS),
        command=Resume(dialect=Dialect.INTERNAL, action="resume", identity=ann, ticket=parked.ticket),
    )
    await write(owner_pool, ledger)
    insert = "insert into parked (bucket, position, parked_at, error, tries) values ($1, 1, $2, 'x', 1), ($1, 2, null, 'y', 1)"
    await owner_pool.execute(insert, HERE, START)
    wanted = {HERE: [member_of(ann)]}
    assert [(r.position, r.amount_minor) for r in (await lanes.history(wanted, LONG_AGO))[member_of(ann)]] == [(2, 200)]
    await owner_pool.execute("update parked set resumed_position = 3 where bucket = $1 and position = 1", HERE)
    found = (await lanes.history(wanted, LONG_AGO))[member_of(ann)]
    assert [(row.position, row.amount_minor) for row in found] == [(3, 100), (2, 200)]
    assert found[0].occurred_at == START + timedelta(seconds=1)
