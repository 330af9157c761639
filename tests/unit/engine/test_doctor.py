"""The doctor's judgement: each thing that can be wrong is told in a sentence, at the level it deserves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accrual.domain.health import BooksHealth, ClientHealth, HostHealth, HotTable, ServerHealth, WorkerHealth
from accrual.engine.doctor import Level, diagnose

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ON = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "autovacuum": "on"}
SERVER = ServerHealth("18.6", ON, NOW, 9 << 20, None, "", 0, 0)
LANE = WorkerHealth("lane-1", 10, 13, True, 256)
BOOKS = BooksHealth(
    role="accrual_runtime",
    is_superuser=False,
    changeable=(),
    buckets=256,
    backlog=0,
    backlog_bucket_max=0,
    owned=256,
    parked=0,
    parked_sample=(),
    workers=(LANE,),
    clients=(ClientHealth("shop", "pos", True, "enforce"),),
    demo_programmes=(),
    programmes=1,
    hot_tables=(HotTable("tail", 256, 200_000, 90),),
    upkeep_oldest=NOW - timedelta(minutes=2),
    upkeep_buckets=256,
    checkpoint_at=NOW - timedelta(minutes=1),
)
HOST = HostHealth(NOW, "data", 50 << 30, 100 << 30, (), "")


def _levels(server: ServerHealth = SERVER, books: BooksHealth = BOOKS, host: HostHealth = HOST) -> dict[str, Level]:
    """The worst level of each check."""
    order = list(Level)
    worst: dict[str, Level] = {}
    for finding in diagnose(server, books, host):
        assert finding.text.strip()
        assert finding.level in (Level.OK, Level.NOTE) or finding.advice, finding
        worst[finding.check] = max(worst.get(finding.check, Level.OK), finding.level, key=order.index)
    return worst


def test_all_is_ok_where_nothing_is_wrong() -> None:
    assert set(_levels().values()) == {Level.OK}


@pytest.mark.parametrize(
    ("changes", "check", "level"),
    [
        ({"settings": ON | {"fsync": "off"}}, "durability", Level.PROBLEM),
        ({"settings": ON | {"synchronous_commit": "off"}}, "durability", Level.PROBLEM),
        ({"settings": ON | {"synchronous_commit": "local"}}, "durability", Level.PROBLEM),
        ({"settings": ON | {"autovacuum": "off"}}, "autovacuum", Level.WARNING),
        ({"oldest_snapshot_at": NOW - timedelta(seconds=61)}, "snapshots", Level.PROBLEM),
        ({"oldest_snapshot_at": NOW - timedelta(seconds=59)}, "snapshots", Level.OK),
        ({"slots_holding_back": 1}, "snapshots", Level.WARNING),
        ({"hidden_sessions": 2}, "snapshots", Level.NOTE),
        ({"asked_at": NOW + timedelta(seconds=6)}, "clock", Level.WARNING),
        ({"asked_at": NOW - timedelta(seconds=6)}, "clock", Level.WARNING),
    ],
)
def test_server_is_judged(changes: dict[str, Any], check: str, level: Level) -> None:
    assert _levels(server=SERVER._replace(**changes))[check] is level


@pytest.mark.parametrize(
    ("changes", "check", "level"),
    [
        ({"is_superuser": True}, "append_only", Level.PROBLEM),
        ({"changeable": ("line",)}, "append_only", Level.PROBLEM),
        ({"workers": (), "backlog": 1}, "lanes", Level.PROBLEM),
        ({"checkpoint_at": None}, "checkpoint", Level.NOTE),
        ({"checkpoint_at": NOW - timedelta(minutes=15)}, "checkpoint", Level.OK),
        ({"checkpoint_at": NOW - timedelta(minutes=16)}, "checkpoint", Level.WARNING),
        ({"upkeep_oldest": None, "upkeep_buckets": 0}, "upkeep", Level.NOTE),
        ({"upkeep_buckets": 255}, "upkeep", Level.NOTE),
        ({"upkeep_oldest": NOW - timedelta(minutes=16)}, "upkeep", Level.WARNING),
        ({"upkeep_oldest": NOW - timedelta(hours=25)}, "upkeep", Level.PROBLEM),
        ({"workers": (), "backlog": 0}, "lanes", Level.NOTE),
        ({"workers": (LANE._replace(beat_second=10),), "backlog": 1}, "lanes", Level.PROBLEM),
        ({"workers": (LANE, LANE._replace(beat_second=10, connected=False))}, "lanes", Level.WARNING),
        ({"workers": (LANE._replace(beat_second=None),), "backlog": 1}, "lanes", Level.PROBLEM),
        ({"backlog": 9_000, "backlog_bucket_max": 2_001}, "backlog", Level.WARNING),
        ({"parked": 1, "parked_sample": ((bytes(16), "boom"),)}, "parked", Level.WARNING),
        ({"demo_programmes": ("shop",)}, "keys", Level.WARNING),
        ({"clients": (ClientHealth("shop", "pos", False, "enforce"),)}, "keys", Level.WARNING),
        ({"clients": (ClientHealth("shop", "pos", True, "off"),)}, "signatures", Level.NOTE),
        ({"programmes": 0}, "programmes", Level.NOTE),
        ({"hot_tables": (HotTable("tail", 256, 33 << 20, 90),)}, "bloat", Level.WARNING),
    ],
)
def test_books_are_judged(changes: dict[str, Any], check: str, level: Level) -> None:
    assert _levels(books=BOOKS._replace(**changes))[check] is level


@pytest.mark.parametrize(
    ("changes", "check", "level"),
    [
        ({"disk_free_bytes": (1 << 30) - 1}, "disk", Level.PROBLEM),
        ({"disk_free_bytes": 9 << 30}, "disk", Level.PROBLEM),
        ({"disk_free_bytes": None, "disk_total_bytes": None}, "disk", Level.NOTE),
        ({"migrations_applied": ("0002_more",)}, "migrations", Level.NOTE),
        ({"notice": "Sessions cannot act as the role."}, "append_only", Level.PROBLEM),
    ],
)
def test_host_is_judged(changes: dict[str, Any], check: str, level: Level) -> None:
    assert _levels(host=HOST._replace(**changes))[check] is level


def test_demo_programme_is_not_nagged_about_signatures() -> None:
    clients = (ClientHealth("shop", "pos", True, "off"),)
    assert "signatures" not in _levels(books=BOOKS._replace(clients=clients, demo_programmes=("shop",)))
