"""Benchmarks over a real server: what they print, that their check of the books can fail, and that they leave nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from accrual.bench.books import added, check_accepted, check_decided
from accrual.bench.drain import until_empty
from accrual.bench.filling import Journal, append_backlog, enrol_everybody
from accrual.bench.options import Distribution, Options
from accrual.bench.results import Cpu, Durability, Invariants, Result, Run, Tpcb
from accrual.bench.tpcb import measure_tpcb
from accrual.bootstrap.bench import BenchDatabase, BenchServer, bench_server
from accrual.bootstrap.children import LaneChildren
from accrual.cli.bench import demo_programme, print_result
from accrual.domain.errors import Broken
from accrual.store.bench import NAME_PREFIX
from accrual.store.postgres import connect
from tests.arch.tree import ROOT
from tests.pg_fixtures import Postgres, run_apart

KEYS = {
    "bench", "rate_per_s", "tpcb_tps", "ratio_to_tpcb", "batch", "durability", "members", "commands", "lanes",
    "distribution", "seed", "cpu_us_per_command", "bytes_per_command", "p50_ms", "p99_ms", "rss_mb", "invariants",
    "server_version", "runs",
}  # fmt: skip
SMALL = Options(members=300, programme=demo_programme(), commands=600, lanes=1, tpcb=False)


@pytest.fixture
def server_url(postgres: Postgres) -> Iterator[str]:
    """The address of a login that may make databases; afterwards no benchmark's database is left of this test's."""
    before = _databases(postgres)
    yield postgres.server.url(role="superuser", database="postgres")
    assert _databases(postgres) - before == set()


def _databases(postgres: Postgres) -> set[str]:
    async def work() -> set[str]:
        connection = await connect(postgres.server.url(role="superuser", database="postgres"), label="test")
        try:
            rows = await connection.fetch(
                "select datname from pg_database where datname like $1", NAME_PREFIX.replace("_", r"\_") + "%"
            )
        finally:
            await connection.close()
        return {row[0] for row in rows}

    return run_apart(work())


def _bench(*arguments: str, server_url: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "accrual", "bench", *arguments],
        env=os.environ if server_url is None else {**os.environ, "ACCRUAL_DATABASE_URL": server_url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _json(name: str, server_url: str, *arguments: str) -> dict[str, Any]:
    ended = _bench(name, "--no-tpcb", "--json", *arguments, server_url=server_url)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def _check_shape(found: dict[str, Any], name: str) -> None:
    assert set(found) >= KEYS
    assert found["bench"] == name
    assert found["invariants"]["ok"] is True
    assert found["invariants"]["checked"]
    assert set(found["durability"]) == {"synchronous_commit", "fsync"}
    assert found["durability"]["fsync"] == "off", "the tests' server runs without, and the benchmark has to say so"
    assert found["tpcb_tps"] is None
    assert found["ratio_to_tpcb"] is None
    assert found["rate_per_s"] == found["runs"][0]["rate_per_s"] > 0
    for run in found["runs"]:
        assert set(run["cpu_us_per_command"]) == {"python", "postgresql"}
        assert all(size is None or size > 0 for size in run["rss_mb"].values())


def test_drain_prints_uniform_and_zipf_with_books_that_hold(server_url: str) -> None:
    found = _json("drain", server_url, "--members", "400", "--commands", "900", "--lanes", "2", "--seed", "7")
    _check_shape(found, "drain")
    assert [run["distribution"] for run in found["runs"]] == ["uniform", "zipf"]
    assert [run["commands"] for run in found["runs"]] == [900, 900]
    assert (found["members"], found["lanes"], found["seed"], found["batch"]) == (400, 2, 7, 4096)
    assert any("accrual verify" in check for check in found["invariants"]["checked"])
    sizes = found["bytes_per_command"]
    assert {"command", "outcome", "line"} <= set(sizes["tables"])
    assert sizes["without_body"] == pytest.approx(sum(t["row"] + t["index"] for t in sizes["tables"].values()), abs=0.2)
    assert sizes["total"] == pytest.approx(sizes["without_body"] + sizes["body"], abs=0.2)
    assert 50 < sizes["body"] < 120


def test_drain_of_another_programme_is_checked_for_all_but_an_award_each(server_url: str) -> None:
    drawn = ("--programme-file", str(ROOT / "benchmarks" / "draws.yaml"), "--facts", "1", "--distribution", "uniform")
    found = _json("drain", server_url, "--members", "200", "--commands", "400", "--lanes", "1", *drawn)
    assert found["invariants"]["ok"] is True
    assert not any("one award for every" in check for check in found["invariants"]["checked"])
    assert {"draw_entry", "outcome", "command"} <= set(found["bytes_per_command"]["tables"])


def test_submit_prints_batches_and_single_calls(server_url: str) -> None:
    found = _json("submit", server_url, "--commands", "2000", "--distribution", "hot")
    _check_shape(found, "submit")
    assert found["commands"] == 2000
    assert found["single_commands"] == 500
    assert found["single_rate_per_s"] > 0
    assert 0 < found["p50_ms"] <= found["p99_ms"]


def test_http_prints_what_its_callers_saw(server_url: str) -> None:
    found = _json("http", server_url, "--commands", "500", "--distribution", "zipf")
    _check_shape(found, "http")
    assert found["statuses"] == {"200": 500}
    assert found["commands"] == 500
    assert 0 < found["p50_ms"] <= found["p99_ms"]


def test_expire_counts_lots_and_leaves_no_unit(server_url: str) -> None:
    found = _json("expire", server_url, "--lots", "1500", "--members", "500", "--lanes", "1")
    _check_shape(found, "expire")
    assert (found["lots"], found["commands"], found["members"]) == (1500, 500, 500)
    assert found["lots_per_s"] > found["rate_per_s"]
    assert "no member has a unit left" in found["invariants"]["checked"]
    assert set(found["rss_mb"]) == {"upkeep", "lane 1"}


def test_interrupted_benchmark_removes_its_database_and_ends_its_children(server_url: str, postgres: Postgres) -> None:
    before = _databases(postgres)
    with subprocess.Popen(
        [sys.executable, "-m", "accrual", "bench", "drain", "--no-tpcb"],
        env={**os.environ, "ACCRUAL_DATABASE_URL": server_url},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "enrolling" in line:
                break
        assert _databases(postgres) - before, "it was not at work yet"
        # The stage is told before its children are there.
        deadline_s = time.monotonic() + 30
        while not (children := _children(process.pid)):
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(timeout=60) == 130, rest
    assert "its database is removed" in rest
    assert [pid for pid in children if os.path.exists(f"/proc/{pid}")] == []  # noqa: PTH110


def _children(pid: int) -> list[int]:
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as stat:  # noqa: PTH123
                    parent = int(stat.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found.append(int(name))
    return found


@asynccontextmanager
async def _decided(server_url: str) -> AsyncIterator[tuple[BenchDatabase, Journal]]:
    """A benchmark's database in which every command is decided, and the journal of its clients."""
    async with (
        bench_server(None, server_url, say=lambda text: None) as server,
        server.prepared(SMALL.programme) as database,
    ):
        first = await enrol_everybody(database, SMALL, lambda done: None)
        second = await append_backlog(database, SMALL, Distribution.UNIFORM, 600, lambda done: None)
        lanes = database.lanes(1, batch_max=100)
        lanes.start()
        try:
            async with asyncio.timeout(60):
                while (await database.probe.progress()).waiting:  # noqa: ASYNC110 - another process decides
                    await asyncio.sleep(0.05)
        finally:
            await lanes.stop()
        yield database, Journal(accepted=added(first.accepted, second.accepted), seconds=1)


async def _break(database: BenchDatabase, *statements: str) -> None:
    connection = await connect(database.owner_url, label="test")
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_check_of_the_books_is_clean_and_names_each_planted_fault(server_url: str) -> None:
    async with _decided(server_url) as (database, journal):
        assert journal.commands == 900
        clean = await check_decided(database, journal.accepted)
        assert clean == Invariants(ok=True, checked=clean.checked, wrong=())

        one = "(select ctid from line where covers_from is null order by bucket, account, position limit 1)"
        plants = {
            "the lines add up to 1": f"update line set amount = amount + 1 where ctid = {one}",
            "the balance does not follow": f"update line set balance_after = balance_after + 1 where ctid = {one}",
            "awards were due": f"delete from line where ctid = {one}",
            "command and outcome are not one and one": "delete from outcome where ctid = (select min(ctid) from outcome)",
            "was parked": "insert into parked (bucket, position, error, tries) values (1, 1, 'planted', 1)",
            "are in the log": "delete from command where ctid = (select min(ctid) from command)",
            "decided up to": "update lane set cursor = cursor - 1 where bucket = (select min(bucket) from lane)",
            "the tail is at": "update tail set next = next + 1 where bucket = (select max(bucket) from tail)",
        }
        tables = ("line", "outcome", "parked", "command", "lane", "tail")
        await _break(database, *(f"create table kept_{table} as select * from {table}" for table in tables))
        for expected, statement in plants.items():
            await _break(database, statement)
            found = await check_decided(database, journal.accepted)
            assert not found.ok, statement
            assert any(expected in text for text in found.wrong), (expected, found.wrong)
            (table,) = {table for table in tables if f" {table} " in f"{statement} ".partition(" where ")[0] + " "}
            await _break(database, f"delete from {table}", f"insert into {table} select * from kept_{table}")
        assert (await check_decided(database, journal.accepted)).ok


async def test_command_that_a_client_was_told_of_and_the_log_lacks_is_noticed(server_url: str) -> None:
    async with _decided(server_url) as (database, journal):
        assert (await check_accepted(database, journal.accepted)).ok
        told = added(journal.accepted, {3: 1})
        found = await check_accepted(database, told)
        assert not found.ok
        assert "bucket 3" in found.wrong[0]


async def test_lane_that_ends_while_it_is_measured_ends_the_benchmark(server_url: str) -> None:
    async with (
        bench_server(None, server_url, say=lambda text: None) as server,
        server.prepared(SMALL.programme) as database,
    ):
        await enrol_everybody(database, SMALL, lambda done: None)
        nowhere = {**database.environment(), "ACCRUAL_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
        lanes = LaneChildren(1, nowhere, grace_s=10)
        lanes.start()
        try:
            with pytest.raises(Broken) as raised:
                await until_empty(database, lanes, lambda done: None, [])
        finally:
            await lanes.stop()
        assert raised.value.code == "bench_lane_died"


async def test_yardstick_is_pgbenchs_best_and_leaves_no_database(server_url: str) -> None:
    async with bench_server(None, server_url, say=lambda text: None) as server:
        found = await measure_tpcb(server, lambda done: None, scale=1, seconds=1)
        assert set(found.by_clients) == {"8", "32"}
        assert found.tps == max(found.by_clients.values()) > 0


async def test_server_without_pgbench_has_no_yardstick_and_says_why() -> None:
    server = BenchServer(admin_url="", owner_url="", runtime_url=None, owner=None, pgbench=None, say=lambda text: None)
    found = await measure_tpcb(server, lambda done: None)
    assert found.tps is None
    assert "pgbench" in (found.reason or "")


def test_wrong_books_stand_in_the_table_and_ratios_only_beside_a_yardstick() -> None:
    run = Run(
        distribution="uniform",
        commands=10,
        seconds=1.0,
        rate_per_s=100.0,
        cpu_us_per_command=Cpu(python=None, postgresql=1.5),
        rss_mb={"lane 1": None},
    )
    result = Result(
        bench="drain",
        batch=1,
        members=1,
        lanes=1,
        seed=1,
        durability=Durability(synchronous_commit="on", fsync="on"),
        server_version="18",
        tpcb=Tpcb(tps=40.0, by_clients={"8": 40.0}, scale=1),
        invariants=Invariants(ok=False, checked=("a",), wrong=("bucket 1 is wrong",)),
        runs=(run,),
        seconds_in_all=1.0,
    )
    drawn = StringIO()
    print_result(result, Console(file=drawn, width=140))
    assert "WRONG: bucket 1 is wrong" in drawn.getvalue()
    assert "2.5" in drawn.getvalue()
    assert result.as_json()["ratio_to_tpcb"] == 2.5
