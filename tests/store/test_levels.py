"""Levels in a real database: what is read back of earnings and returns, what a member is shown, what plan says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from accrual.bootstrap.programme import apply_file
from accrual.domain.commands import Dialect, Profile, Reward
from accrual.domain.facts import Purchase
from accrual.domain.movements import Merge, Reverse, Review
from accrual.engine.render import member_json, ticket_json
from accrual.store.connection import Pool
from tests.pg_fixtures import Database
from tests.store.points_desk import START, PointsDesk, open_desk, person

PROGRAMME = """
programme:
  code: points
  time_zone: Asia/Jakarta
  currency: IDR
  late_limit: null
  tiers:
    asset: PTS
    levels:
      - {code: BASIC, name: Basic}
      - {code: SILVER, name: Silver, threshold: 100, earn: "1.25"}
      - {code: GOLD, name: Gold, threshold: 500, earn: "1.5"}
assets: [{code: PTS, name: Points, number: 35}, {code: LD, name: Draw tickets, number: 36}]
clients: [{code: till, rights: [submit, read], key_sha256: "0000000000000000000000000000000000000000000000000000000000000001"}]
promos:
  - {code: BASE, trigger: purchase, benefits: [{asset: PTS, points_per: {every: 1000 IDR}, by_level: true, active_after: P14D}]}
"""


@pytest.fixture
async def desk(database: Database, pool: Pool, tmp_path: Path) -> AsyncIterator[PointsDesk]:
    async with open_desk(PointsDesk, database, pool, tmp_path, PROGRAMME) as desk:
        yield desk


def _said(who: str) -> dict[str, Any]:
    return {"dialect": Dialect.NATIVE, "action": "test", "identity": person(who)}


async def _pay(desk: PointsDesk, who: str, thousands: int, at: datetime | None = None) -> bytes:
    fact = Purchase(amount_minor=thousands * 100_000, occurred_at=at)
    receipt = await desk.send(Reward(**_said(who), facts=(fact,)))
    await desk.decide()
    return receipt.ticket


async def _given(desk: PointsDesk, ticket: bytes) -> list[int]:
    view = await desk.reads.ticket(ticket)
    assert view is not None
    return [award.amount for award in view.awards]


async def _level(desk: PointsDesk, who: str) -> tuple[str, int, int | None]:
    level = (await desk.member(who)).level
    assert level is not None
    return level.code, level.earned, level.missing


async def test_level_earnings_and_what_is_missing_are_shown_and_survive_a_restart(desk: PointsDesk) -> None:
    await _pay(desk, "ann", 60, START - timedelta(days=364))
    await _pay(desk, "ann", 1_000, START - timedelta(days=366))
    assert await _level(desk, "ann") == ("BASIC", 60, 40)
    desk.lane._state.forget()
    ticket = await _pay(desk, "ann", 40)
    assert await _level(desk, "ann") == ("SILVER", 100, 400)
    desk.lane._state.forget()
    assert await _given(desk, await _pay(desk, "ann", 10)) == [12]
    view = await desk.reads.ticket(ticket)
    assert view is not None
    assert ticket_json(view)["tier"] == {
        "from": "BASIC",
        "to": "SILVER",
        "by": "earned",
        "earned": 100,
        "threshold": 100,
    }
    assert member_json(await desk.member("ann"))["member"]["level"] == {
        "code": "SILVER",
        "name": "Silver",
        "earned": 112,
        "by_hand": False,
        "since": "2026-03-01T05:00:00Z",
        "safe_until": "2028-01-30T17:00:00Z",
        "next": {"code": "GOLD", "name": "Gold", "missing": 388},
    }


async def test_return_takes_from_the_moment_of_its_purchase(desk: PointsDesk) -> None:
    old = await _pay(desk, "ann", 90, START - timedelta(days=300))
    desk.now += timedelta(days=20)
    await desk.send(Reverse(**_said("ann"), target=old))
    await desk.decide()
    assert await _level(desk, "ann") == ("BASIC", 0, 100)
    (row,) = await desk.fetch("select occurred_at, units from earning")
    assert tuple(row) == (START - timedelta(days=300), -90)
    desk.lane._state.forget()
    await _pay(desk, "ann", 99)
    assert await _level(desk, "ann") == ("BASIC", 99, 1)


async def test_review_lowers_and_hand_holds(desk: PointsDesk) -> None:
    await _pay(desk, "ann", 500)
    await desk.send(Profile(**_said("bob"), tier="GOLD"))
    await desk.decide()
    desk.now = datetime(2028, 1, 31, tzinfo=UTC)
    desk.lane._state.forget()
    for who in ("ann", "bob"):
        await desk.send(Review(**_said(who), until=desk.now))
    await desk.decide()
    assert await _level(desk, "ann") == ("SILVER", 0, 500)
    assert await _level(desk, "bob") == ("GOLD", 0, None)
    bob = (await desk.member("bob")).level
    assert bob is not None
    assert (bob.by_hand, bob.safe_until) == (True, None)
    sent = await desk.fetch("select payload from outbox where kind = 'tier.changed' order by recorded_at, bucket")
    told = [msgspec.json.decode(row[0]) for row in sent]
    assert sorted((each["identity"]["value"], each["from"], each["to"], each["by"]) for each in told) == [
        ("ann", "BASIC", "GOLD", "earned"),
        ("ann", "GOLD", "SILVER", "review"),
        ("bob", "BASIC", "GOLD", "hand"),
    ]


async def test_merged_earnings_add_up_in_another_bucket(desk: PointsDesk) -> None:
    await _pay(desk, "ann", 60)
    await _pay(desk, "bob", 60)
    await desk.send(Merge(**_said("ann"), into=person("bob")))
    await desk.decide()
    assert await _level(desk, "bob") == ("SILVER", 120, 380)
    assert await _level(desk, "ann") == ("SILVER", 120, 380), "she is shown as the one she became"


async def test_levels_can_be_changed_and_taken_away_with_a_new_revision(
    desk: PointsDesk, database: Database, tmp_path: Path
) -> None:
    await _pay(desk, "ann", 60)
    before = desk.catalog.newest(1).revision
    path = tmp_path / "programme.yaml"
    path.write_text(PROGRAMME.replace("threshold: 100", "threshold: 61"))
    await apply_file(path, database.runtime_url, actor="test")
    await desk.catalog.refresh()
    assert desk.catalog.newest(1).revision == before + 1
    assert await _level(desk, "ann") == ("BASIC", 60, 1)
    await _pay(desk, "ann", 1)
    assert await _level(desk, "ann") == ("SILVER", 61, 439)
    bare = PROGRAMME[: PROGRAMME.index("  tiers:")] + PROGRAMME[PROGRAMME.index("assets:") :]
    path.write_text(bare.replace("by_level: true, ", ""))
    await apply_file(path, database.runtime_url, actor="test")
    await desk.catalog.refresh()
    assert (await desk.member("ann")).level is None
