"""Point rewards in the store: written whole with their promos, numbered without gaps or doubles, apart from files."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from accrual.domain.errors import Broken, Conflict, Missing
from accrual.domain.programme import StoredClient
from accrual.domain.promos import PromoStatus
from accrual.domain.stored_programme import CatalogueChange, StoredProgramme
from accrual.engine.catalog import Catalog
from accrual.engine.client_keys import digest_keys
from accrual.engine.plan import make_plan
from accrual.engine.plan_shape import Plan
from accrual.engine.point_reward_step import TermsChange
from accrual.engine.point_rewards import PointRewards
from accrual.engine.programme_file import read_programme
from accrual.rules.compile import compile_programme
from accrual.store.catalogue import CatalogueStore
from accrual.store.connection import Pool
from accrual.store.point_rewards import PointRewardReads

EXAMPLE = Path("examples/profitflow/programme.yaml").read_text(encoding="utf-8")
CODE = "PF-DEMO"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OWNER, OUTLET = "+62852", "OTL-001"


class Office:
    """The point rewards of the example programme over a database; each step happens a second after the one before."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.store = CatalogueStore(pool)
        self.catalog = Catalog(self.store)
        self.now = NOW
        self.rewards = PointRewards(self.catalog, self.store, PointRewardReads(pool), now=self._later)
        self.client: StoredClient

    async def open(self, text: str = EXAMPLE) -> None:
        await self.apply(text)
        await self.catalog.refresh()
        self.client = next(each for each in await self.store.clients() if each.client.code == "PF-PROFITFLOW")

    async def apply(self, text: str, *, prune: bool = False) -> Plan:
        document = read_programme(text, "test.yaml").programme
        digests, problems = digest_keys(document, {})
        assert problems == []
        plans: list[Plan] = []

        def decide(stored: StoredProgramme | None) -> CatalogueChange | None:
            plans.append(make_plan(document, stored, key_digests=digests, now=self._later(), prune=prune))
            return plans[-1].change

        await self.store.change(CODE, decide, actor="tester", now=self.now)
        return plans[-1]

    async def add(self, name: str = "Rule", outlet: str = OUTLET, **said: Any) -> bool:
        terms: dict[str, Any] = {"points_gain": 10, "buy_products": ("A",)} | said
        return await self.rewards.add(self.client, OWNER, outlet, TermsChange(name=name, sent={"name": name}, **terms))

    async def labels(self, outlet: str | None = OUTLET) -> list[str]:
        return [each.reward.label for each in await self.rewards.show(self.client, OWNER, outlet)]

    async def statuses(self) -> dict[str, str]:
        stored = await self.store.stored(CODE)
        assert stored is not None
        return {promo.code: promo.newest.promo.status.value for promo in stored.promos}

    def _later(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
async def office(pool: Pool) -> Office:
    made = Office(pool)
    await made.open()
    return made


async def test_rule_is_written_with_promos_revision_and_audit_in_one_transaction(office: Office) -> None:
    said = {"name": "Rule", "total_spend": "0.05", "reward_list": ["Voucher 10%"]}
    terms = TermsChange(
        name="Rule", sent=said, points_gain=10, buy_products=("A",), reward_list=("Voucher 10%",), starts_at=NOW
    )
    assert await office.rewards.add(office.client, OWNER, OUTLET, terms)
    assert await office.store.revisions() == {1: 2}
    assert office.catalog.newest(1).revision == 2
    (shown,) = await office.rewards.show(office.client, OWNER, OUTLET)
    reward = shown.reward
    assert (reward.label, reward.terms.reward_list, reward.sent) == ("RWD-01", ("Voucher 10%",), said)
    assert (reward.terms.starts_at, reward.created_at, shown.is_active) == (NOW, office.now, True)
    assert shown.statuses == ("active", "active")
    codes = {"PROFITFLOW-1-PRODUCTS", "PROFITFLOW-1-SKU-PRODUCTS"}
    assert set(reward.promos) == codes
    found = await office.pool.fetch(
        "select code, origin, version, revision, actor from promo join promo_version using (promo_id)"
    )
    assert {row["code"]: tuple(row)[1:] for row in found} == dict.fromkeys(
        codes, ("profitflow", 1, 2, "client PF-PROFITFLOW")
    )
    rows = await office.pool.fetch(
        "select action, subject from audit where recorded_at = $1 order by subject", office.now
    )
    assert [tuple(row) for row in rows] == [
        ("add", "point reward 1"),
        *(("create", f"promo {code}") for code in sorted(codes)),
    ]


async def test_nothing_is_written_when_part_of_it_cannot_be(office: Office, owner_pool: Pool) -> None:
    await owner_pool.execute("alter table audit add constraint no_more check (subject not like 'promo %') not valid")
    with pytest.raises(asyncpg.CheckViolationError):
        await office.add()
    for table in ("point_reward", "promo", "promo_version"):
        assert await office.pool.fetchval(f"select count(*) from {table}") == 0
    assert await office.store.revisions() == {1: 1}


async def test_of_adds_of_one_name_at_once_one_wins_and_the_others_store_nothing(office: Office) -> None:
    done = await asyncio.gather(*(office.add("Same") for _ in range(8)))
    assert sorted(done) == [False] * 7 + [True]
    assert await office.labels() == ["RWD-01"]
    assert await office.pool.fetchval("select count(*) from promo") == 2


async def test_adds_at_once_get_numbers_without_gaps_or_doubles(office: Office) -> None:
    done = await asyncio.gather(*(office.add(f"Rule {n}", outlet=f"OTL-{n % 2}") for n in range(10)))
    assert all(done)
    assert sorted(await office.labels("OTL-0")) == [f"RWD-{n:02}" for n in range(1, 6)]
    assert sorted(await office.labels("OTL-1")) == [f"RWD-{n:02}" for n in range(1, 6)]
    ids = await office.pool.fetch("select point_reward_id from point_reward")
    assert sorted(row[0] for row in ids) == list(range(1, 11))
    catalogue = await office.store.catalogue(1)
    assert {"OTL-0", "OTL-1", OUTLET} == {outlet.code for outlet in catalogue.outlets}


async def test_name_and_number_are_unique_in_the_table_itself(office: Office) -> None:
    await office.add()
    columns = "programme_id, client_id, owner, outlet, terms, sent, is_active, promos, created_at"
    for number, name in ((2, "rule"), (1, "other")):
        with pytest.raises(asyncpg.UniqueViolationError):
            await office.pool.execute(
                f"insert into point_reward ({columns}, point_reward_id, number, name_folded)"
                f" select {columns}, 7, $1, $2 from point_reward",
                number,
                name,
            )


async def test_deleted_rule_stays_as_history_and_gives_up_its_name_but_not_its_number(office: Office) -> None:
    await office.add()
    await office.rewards.delete(office.client, OWNER, OUTLET, 1)
    assert await office.labels() == []
    assert set((await office.statuses()).values()) == {"ended"}
    assert await office.add()
    assert await office.labels() == ["RWD-02"]
    rows = await office.pool.fetch("select number, ended_at is null as live, promos from point_reward order by number")
    assert [(row["number"], row["live"], len(row["promos"])) for row in rows] == [(1, False, 0), (2, True, 2)]
    with pytest.raises(Missing) as caught:
        await office.rewards.delete(office.client, OWNER, OUTLET, 1)
    assert caught.value.code == "point_reward_unknown"


async def test_shown_status_is_the_one_that_holds_of_its_promos(office: Office) -> None:
    await office.add()
    await office.rewards.switch(office.client, OWNER, OUTLET, 1, is_active=False)
    (shown,) = await office.rewards.show(office.client, OWNER, OUTLET)
    assert (shown.statuses, shown.is_active) == (("paused", "paused"), False)
    await office.rewards.switch(office.client, OWNER, OUTLET, 1, is_active=True)
    (shown,) = await office.rewards.show(office.client, OWNER, OUTLET)
    assert (shown.statuses, shown.is_active) == (("active", "active"), True)


async def test_draft_that_waits_for_approval_has_no_status_that_holds(pool: Pool) -> None:
    office = Office(pool)
    await office.open(EXAMPLE.replace("demo: true", "demo: true\n  four_eyes: true"))
    await office.add()
    (shown,) = await office.rewards.show(office.client, OWNER, OUTLET)
    assert (shown.statuses, shown.is_active) == ((), False)


async def test_show_takes_the_newest_first_of_one_outlet_or_of_all(office: Office) -> None:
    for name, outlet in (("A", "OTL-001"), ("B", "OTL-002"), ("C", "OTL-001")):
        await office.add(name, outlet=outlet)
    everywhere = await office.rewards.show(office.client, OWNER, None)
    assert [each.reward.terms.name for each in everywhere] == ["C", "B", "A"]
    assert [each.reward.terms.name for each in await office.rewards.show(office.client, OWNER, "OTL-001")] == ["C", "A"]
    assert await office.rewards.show(office.client, "somebody", None) == []
    limited = await PointRewardReads(office.pool).shown(1, office.client.client_id, OWNER, None, limit=2)
    assert [each.reward.terms.name for each in limited] == ["C", "B"]


async def test_file_neither_ends_nor_overwrites_what_the_dialect_made(office: Office) -> None:
    await office.add(outlet="OTL-777")
    before = await office.statuses()
    plan = await office.apply(EXAMPLE, prune=True)
    assert plan.change is None
    assert {(item.kind, item.code, item.notes) for item in plan.items if item.notes} == {
        ("outlet", "OTL-777", ("kept for promos made by profitflow",)),
        *(("promo", code, ("made by profitflow, never pruned",)) for code in before),
    }
    assert await office.statuses() == before
    ours = "\n".join(
        ("promos:", "  - {code: PROFITFLOW-1-PRODUCTS, trigger: purchase, benefits: [{asset: PF-PTS, fixed: 1}]}")
    )
    with pytest.raises(Conflict) as caught:
        await office.apply(f"{EXAMPLE}\n{ours}\n")
    assert caught.value.code == "promo_not_ours"
    assert await office.statuses() == before


async def test_outlet_of_a_deleted_rule_is_pruned_like_any_other(office: Office) -> None:
    await office.add(outlet="OTL-777")
    await office.rewards.delete(office.client, OWNER, "OTL-777", 1)
    await office.apply(EXAMPLE, prune=True)
    assert {outlet.code for outlet in (await office.store.catalogue(1)).outlets} == {OUTLET}


async def test_catalogue_with_rules_compiles_at_every_revision(office: Office) -> None:
    await office.add(loyalty_type="spend", total_spend="6843.5", buy_category="C", new_member_points=5)
    await office.rewards.switch(office.client, OWNER, OUTLET, 1, is_active=False)
    await office.rewards.delete(office.client, OWNER, OUTLET, 1)
    for revision in (2, 3, 4):
        catalogue = await office.store.catalogue(1, revision)
        newest = {version.promo_id: version.promo.status for version in catalogue.promos}
        assert set(newest.values()) == {[PromoStatus.ACTIVE, PromoStatus.PAUSED, PromoStatus.ENDED][revision - 2]}
        compile_programme(catalogue)


async def test_reading_damaged_terms_is_said_and_not_guessed(office: Office, owner_pool: Pool) -> None:
    await office.add()
    await owner_pool.execute("update point_reward set terms = $1", json.dumps({"points_gain": "many"}))
    with pytest.raises(Broken) as caught:
        await office.rewards.show(office.client, OWNER, OUTLET)
    assert caught.value.code == "point_reward_damaged"
