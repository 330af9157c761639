"""Programmes in the store: revisions, versions, clients and the audit, written whole or not at all."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from accrual.domain.commands import Dialect, Reward, encode_command
from accrual.domain.errors import Conflict, Missing
from accrual.domain.facts import Identity, Purchase
from accrual.domain.programme import Client, Programme
from accrual.domain.promos import PromoStatus
from accrual.domain.stored_programme import CatalogueChange, ClientWrite, PromoWrite, StoredProgramme
from accrual.engine.catalog import Catalog, digest_of_key
from accrual.engine.client_keys import digest_keys
from accrual.engine.plan import make_plan
from accrual.engine.plan_shape import Plan
from accrual.engine.programme_file import read_programme
from accrual.store.catalogue import CatalogueStore
from accrual.store.connection import Pool
from tests.pg_fixtures import Database

EXAMPLE = Path("examples/seeds/programme.yaml").read_text()
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def programme_of(text: str) -> Programme:
    return read_programme(text, "test.yaml").programme


async def apply(
    store: CatalogueStore, text: str, *, now: datetime = NOW, prune: bool = False, actor: str = "tester"
) -> int | None:
    document = programme_of(text)
    digests, problems = digest_keys(document, {})
    assert problems == []

    def decide(stored: StoredProgramme | None) -> CatalogueChange | None:
        plan: Plan = make_plan(document, stored, key_digests=digests, now=now, prune=prune)
        return plan.change

    return await store.change(document.programme.code, decide, actor=actor, now=now)


async def test_first_apply_makes_revision_one_with_everything_in_it(pool: Pool) -> None:
    store = CatalogueStore(pool)
    assert await apply(store, EXAMPLE) == 1
    assert await store.revisions() == {1: 1}
    catalogue = await store.catalogue(1)
    document = programme_of(EXAMPLE)
    assert catalogue.revision == 1
    assert catalogue.settings == document.programme
    assert [(stored.asset_id, stored.asset) for stored in catalogue.assets] == list(enumerate(document.assets, 1))
    assert [version.promo for version in catalogue.promos] == list(document.promos)
    assert all(version.effective_from is None and version.version == 1 for version in catalogue.promos)


async def test_second_apply_changes_nothing_and_makes_no_revision(pool: Pool) -> None:
    store = CatalogueStore(pool)
    await apply(store, EXAMPLE)
    before = await pool.fetchval("select count(*) from audit")
    assert await apply(store, EXAMPLE) is None
    assert await store.revisions() == {1: 1}
    assert await pool.fetchval("select count(*) from audit") == before


async def test_old_revision_reads_as_it_was(pool: Pool) -> None:
    store = CatalogueStore(pool)
    await apply(store, EXAMPLE)
    first = await store.catalogue(1, 1)
    changed = EXAMPLE.replace("enrol: always", "enrol: never").replace("{asset: LD, fixed: 1}", "{asset: LD, fixed: 7}")
    assert await apply(store, changed, now=NOW + timedelta(days=1)) == 2
    assert await store.catalogue(1, 1) == first
    newest = await store.catalogue(1)
    assert newest.settings.enrol == "never"
    versions = [version for version in newest.promos if version.promo.code == "LUCKY-DRAW"]
    assert [(v.version, v.revision, v.effective_from, v.promo.benefits[0].fixed) for v in versions] == [
        (1, 1, None, 1),
        (2, 2, NOW + timedelta(days=1), 7),
    ]
    assert len(newest.promos) == len(first.promos) + 1


@pytest.mark.parametrize("revision", [0, 2])
async def test_revision_that_never_was_is_missing(pool: Pool, revision: int) -> None:
    store = CatalogueStore(pool)
    await apply(store, EXAMPLE)
    with pytest.raises(Missing):
        await store.catalogue(1, revision)


async def test_no_plain_key_reaches_the_database(owner_pool: Pool, pool: Pool) -> None:
    store = CatalogueStore(pool)
    await apply(store, EXAMPLE)
    await apply(store, EXAMPLE.replace("key: demo-qoin", "key: another-secret"))
    rows = await owner_pool.fetch(
        "select document::text from client union all select coalesce(before::text, '') || coalesce(after::text, '') from audit"
    )
    text = "\n".join(row[0] for row in rows)
    assert "qoin" in text
    assert "demo-qoin" not in text
    assert "another-secret" not in text


async def test_client_document_never_carries_a_key_whoever_hands_it_over(pool: Pool) -> None:
    store = CatalogueStore(pool)
    await apply(store, EXAMPLE)
    careless = Client(code="till", key="plain", key_sha256="0" * 64, key_env="NAME")

    def decide(stored: StoredProgramme | None) -> CatalogueChange | None:
        assert stored is not None
        return CatalogueChange(
            settings=stored.settings,
            outlets=stored.outlets,
            revises=False,
            assets=(),
            clients=(ClientWrite(client=careless, key_digest=bytes(32)),),
            ended_clients=(),
            promos=(),
            audit=(),
        )

    assert await store.change("qoin-demo", decide, actor="tester", now=NOW) == 2
    (found,) = [client.client for client in await store.clients() if client.client.code == "till"]
    assert (found.key, found.key_sha256, found.key_env) == (None, None, None)


async def test_audit_says_who_changed_what_from_what_to_what(pool: Pool) -> None:
    store = CatalogueStore(pool)
    await apply(store, EXAMPLE)
    await apply(
        store, EXAMPLE.replace("name: Daily check-in", "name: Come in"), actor="siti", now=NOW + timedelta(hours=1)
    )
    row = await pool.fetchrow("select actor, action, subject, before, after from audit where recorded_at > $1", NOW)
    assert row is not None
    assert tuple(row)[:3] == ("siti", "change", "promo CHECK-IN")
    assert json.loads(row["before"])["name"] == "Daily check-in"
    assert json.loads(row["after"])["name"] == "Come in"


async def test_client_is_found_by_its_key_until_it_is_ended(pool: Pool) -> None:
    store = CatalogueStore(pool)
    catalog = Catalog(store)
    await apply(store, EXAMPLE)
    await catalog.refresh()
    found = catalog.client_by_key("demo-qoin")
    assert found is not None
    assert (found.client.code, found.client.number, found.client.key) == ("qoin", 45, None)
    start, end = EXAMPLE.index("outlets:"), EXAMPLE.index("# What members get")
    await apply(store, re.sub(r"\n    where: .*clients: .*", "", EXAMPLE[:start] + EXAMPLE[end:]), prune=True)
    await catalog.refresh()
    assert catalog.client_by_key("demo-qoin") is None
    await apply(store, EXAMPLE)
    await catalog.refresh()
    back = catalog.client_by_key("demo-qoin")
    assert back is not None
    assert back.client_id == found.client_id


async def test_key_of_another_client_is_refused_and_nothing_is_written(pool: Pool) -> None:
    store = CatalogueStore(pool)
    await apply(store, EXAMPLE)
    with pytest.raises(Conflict) as conflict:
        await apply(store, EXAMPLE.replace("code: qoin-demo", "code: other"))
    assert conflict.value.code == "key_taken"
    assert await store.revisions() == {1: 1}


async def test_changes_at_once_get_a_revision_each_and_lose_nothing(database: Database, pool: Pool) -> None:
    store = CatalogueStore(pool)
    texts = [
        EXAMPLE.replace("code: qoin-demo", f"code: demo-{n}").replace("key: demo-", f"key: k{n}-") for n in range(4)
    ]
    assert await asyncio.gather(*(apply(store, text) for text in texts)) == [1, 1, 1, 1]
    assert sorted((await store.revisions()).values()) == [1, 1, 1, 1]
    changed = [texts[0].replace("fixed: 3", f"fixed: {value}") for value in (11, 12, 13)]
    revisions = await asyncio.gather(*(apply(store, text) for text in changed))
    assert sorted(revision or 0 for revision in revisions) == [2, 3, 4]


async def test_change_that_fails_half_way_leaves_nothing(pool: Pool) -> None:
    store = CatalogueStore(pool)
    document = programme_of(EXAMPLE)

    def decide(stored: StoredProgramme | None) -> CatalogueChange | None:
        change = make_plan(document, stored, key_digests={}, now=NOW).change
        assert change is not None
        return CatalogueChange(
            settings=change.settings,
            outlets=(),
            revises=True,
            assets=change.assets,
            clients=(),
            ended_clients=(),
            promos=(PromoWrite(promo=document.promos[0], effective_from=None, origin="\0"),),
            audit=(),
        )

    with pytest.raises(asyncpg.PostgresError):
        await store.change("qoin-demo", decide, actor="tester", now=NOW)
    assert await store.revisions() == {}
    assert await pool.fetchval("select count(*) from asset") == 0


async def test_cache_reads_again_only_what_has_changed(pool: Pool) -> None:
    store = CatalogueStore(pool)
    catalog = Catalog(store)
    assert await catalog.refresh() == frozenset()
    await apply(store, EXAMPLE)
    assert await catalog.refresh() == {1}
    held = catalog.newest(1)
    assert await catalog.refresh() == frozenset()
    assert catalog.newest(1) is held
    await apply(store, EXAMPLE.replace("fixed: 5", "fixed: 6"))
    assert await catalog.refresh() == {1}
    assert catalog.by_code("qoin-demo").revision == 2
    assert (await catalog.at(1, 1)).promos == held.promos
    assert await catalog.at(1, 1) is await catalog.at(1, 1)
    with pytest.raises(Missing):
        catalog.newest(2)


async def test_plan_sees_how_old_facts_are_when_they_come(pool: Pool, owner_pool: Pool) -> None:
    store = CatalogueStore(pool)
    await apply(store, EXAMPLE)
    command = Reward(
        dialect=Dialect.NATIVE,
        action="purchase",
        identity=Identity("qoin.user_id", "1"),
        facts=(Purchase(occurred_at=NOW - timedelta(days=400), amount_minor=100),),
    )
    await owner_pool.execute(
        "insert into command (position, recorded_at, ticket, bucket, programme_id, client_id, content, seal, facts)"
        " values (1, $1, gen_random_uuid(), 3, 1, 1, '', '', $2)",
        NOW,
        encode_command(command),
    )
    await owner_pool.execute("update tail set next = 2 where bucket = 3")
    stored = await store.stored("qoin-demo")
    assert stored is not None
    assert (stored.used, stored.facts_lag) == (True, timedelta(days=400))


async def test_pruned_promo_gets_a_last_version_that_is_ended(pool: Pool) -> None:
    store = CatalogueStore(pool)
    await apply(store, EXAMPLE)
    start = EXAMPLE.index("  # One point for the first check-in")
    assert await apply(store, EXAMPLE[:start]) is None
    assert await apply(store, EXAMPLE[:start], prune=True) == 2
    versions = [version for version in (await store.catalogue(1)).promos if version.promo.code == "CHECK-IN"]
    assert [version.promo.status for version in versions] == [PromoStatus.ACTIVE, PromoStatus.ENDED]
    assert await apply(store, EXAMPLE[:start], prune=True) is None


async def test_key_digest_is_what_is_stored(pool: Pool) -> None:
    await apply(CatalogueStore(pool), EXAMPLE)
    assert await pool.fetchval("select key_digest from client") == digest_of_key("demo-qoin")


async def test_rewards_are_read_as_they_were_at_each_revision_and_stay_when_a_change_says_nothing_of_them(
    pool: Pool,
) -> None:
    store = CatalogueStore(pool)
    mug = "\nrewards:\n  - {code: MUG, asset: PTS, price: 500, stock: 10}\n"
    pen = mug + "  - {code: PEN, asset: PTS, price: 50}\n"
    await apply(store, EXAMPLE + mug)
    await apply(store, EXAMPLE + pen.replace("stock: 10", "stock: 12"))

    def other(stored: StoredProgramme | None) -> CatalogueChange | None:
        assert stored is not None
        return CatalogueChange(
            settings=stored.settings,
            outlets=stored.outlets,
            revises=True,
            assets=(),
            clients=(),
            ended_clients=(),
            promos=(),
            audit=(),
        )

    assert await store.change("qoin-demo", other, actor="tester", now=NOW) == 3
    assert await apply(store, EXAMPLE + mug, prune=True) == 4
    found = [(await store.catalogue(1, revision)).rewards for revision in (1, 2, 3, 4)]
    assert [[(r.reward_id, r.item.code, r.item.stock) for r in rewards] for rewards in found] == [
        [(1, "MUG", 10)],
        [(1, "MUG", 12), (2, "PEN", None)],
        [(1, "MUG", 12), (2, "PEN", None)],
        [(1, "MUG", 10)],
    ]
