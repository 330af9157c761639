"""Servers and databases that die under load, and a partner who sends again: nothing is lost and nothing doubled."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from accrual.store import embedded
from tests.flow.books import value, waiting
from tests.flow.processes import Served, children_of, is_alive, purchase, serving, until
from tests.flow.referee import Journal, Partner, assert_nothing_lost_or_doubled
from tests.pg_fixtures import Database

QUICK = {"ACCRUAL_LEASE_S": "1"}


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory that the server's user can enter; a database in it that a test left running is stopped."""
    with tempfile.TemporaryDirectory(prefix="accrual-crash-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        embedded.stop(Path(name) / "data", mode="immediate")


def _database(home: Path) -> Database:
    server = embedded.adopt(home / "data")
    assert server is not None
    return Database(
        name="accrual",
        owner_url=server.url(role="owner"),
        runtime_url=server.url(role="runtime"),
        superuser_url=server.url(role="superuser"),
    )


def _send_again(partner: Partner, served: Served) -> None:
    partner.served = served
    for key in partner.journal.unanswered:
        partner.send(key)
    assert partner.journal.unanswered == []


def _descendants(pid: int) -> list[int]:
    found = []
    for child in children_of(pid):
        found += [child, *_descendants(child)]
    return found


def test_server_killed_under_load_loses_and_doubles_nothing_and_ends_in_good_order_when_told(
    home: Path, tmp_path: Path
) -> None:
    words = ("--data-dir", str(home / "data"))
    with serving(tmp_path, *words, environment=QUICK) as served:
        with Partner(Journal(tmp_path / "journal"), served) as partner:
            until(lambda: partner.statuses[200] > 150, within_s=30)
            lanes = served.lanes
            assert len(lanes) == 2
            served.kill()
        # Its lanes see that their parent is gone; nobody else would end them.
        until(lambda: not any(map(is_alive, lanes)), within_s=10)
    answered = partner.journal.entries("ticket")
    assert partner.journal.unanswered, "no call was under way: this shows nothing"
    with serving(tmp_path, *words, environment=QUICK) as served:
        partner.served = served
        # What was answered before is answered again with the same ticket.
        for key in list(answered)[:10]:
            partner.send(key)
        _send_again(partner, served)
        with Partner(partner.journal, served, threads=0) as late:
            for n in range(20):
                late.send(f"late-{n}")
        until(lambda: waiting(_database(home).owner_url) == 0, within_s=20)
        database = _database(home)
        assert_nothing_lost_or_doubled(partner, database)
        below = [served.process.pid, *_descendants(served.process.pid)]
        started_s = time.monotonic()
        assert served.stop() == 0
        assert time.monotonic() - started_s < 15
        until(lambda: not any(map(is_alive, below)), within_s=5, what="something of it still runs")
        assert embedded.status(home / "data").state == "stopped"
    assert "Traceback" not in served.said


def test_server_told_to_stop_under_load_keeps_all_it_answered(database: Database, tmp_path: Path) -> None:
    words = ("--database-url", database.owner_url)
    with serving(tmp_path, *words, environment=QUICK) as served:
        with Partner(Journal(tmp_path / "journal"), served) as partner:
            until(lambda: partner.statuses[200] > 100, within_s=30)
            assert served.stop(within_s=15) == 0
        assert set(partner.statuses) <= {200, 503}
        assert "Traceback" not in served.said
    with serving(tmp_path, *words, environment=QUICK) as served:
        _send_again(partner, served)
        until(lambda: waiting(database.owner_url) == 0, within_s=20)
    assert_nothing_lost_or_doubled(partner, database)


def test_server_killed_between_commit_and_answer_gives_the_same_ticket_to_the_retry(
    database: Database, tmp_path: Path
) -> None:
    words = ("--database-url", database.owner_url)
    fault = {**QUICK, "ACCRUAL_FAULT": "append.after_commit=kill@4"}
    with serving(tmp_path, *words, environment=fault) as served:
        partner = Partner(Journal(tmp_path / "journal"), served, threads=0)
        for n in range(4):
            partner.send(f"{n}")
        assert served.process.wait(5) == -signal.SIGKILL
    assert partner.journal.unanswered == ["3"]
    assert value(database.owner_url, "select count(*) from command") == 4
    with serving(tmp_path, *words, environment=QUICK) as served:
        _send_again(partner, served)
        until(lambda: waiting(database.owner_url) == 0, within_s=20)
    assert_nothing_lost_or_doubled(partner, database)


def _assert_away(body: bytes) -> None:
    assert body.startswith(b'{"Status":"failed","StatusCode":503,"Message":"'), body
    assert body.endswith(b'","Data":null}'), body


def test_database_killed_under_load_is_restarted_and_has_all_that_was_accepted(home: Path, tmp_path: Path) -> None:
    """kill -9 of PostgreSQL itself: callers are told 503 meanwhile, never 500, and what was answered is there."""
    with serving(tmp_path, "--data-dir", str(home / "data"), environment=QUICK) as served:
        with Partner(Journal(tmp_path / "journal"), served) as partner:
            for kill in range(2):
                before = partner.statuses[200]
                until(lambda: partner.statuses[200] > before + 80, within_s=30)  # noqa: B023
                pid = embedded.status(home / "data").pid
                assert pid is not None
                os.kill(pid, signal.SIGKILL)
                until(lambda: partner.statuses[503] > kill, within_s=20)  # noqa: B023
            before = partner.statuses[200]
            until(lambda: partner.statuses[200] > before + 80, within_s=40, what=served.said[-3000:])
        assert set(partner.statuses) == {200, 503}, partner.refusals
        for body in partner.refusals:
            _assert_away(body)
        _send_again(partner, served)
        until(lambda: waiting(_database(home).owner_url) == 0, within_s=20)
        assert_nothing_lost_or_doubled(partner, _database(home))


def test_database_that_is_away_is_told_as_503_and_all_goes_on_when_it_is_back(home: Path, tmp_path: Path) -> None:
    server = embedded.start(home / "data", detached=True)
    url = server.url(role="owner")
    with serving(tmp_path, "--database-url", url, environment=QUICK) as served:
        partner = Partner(Journal(tmp_path / "journal"), served, threads=0)
        for n in range(20):
            partner.send(f"{n}")
        until(lambda: waiting(url) == 0, within_s=20)
        embedded.stop(home / "data")
        reply = served.requestin(purchase("nobody"), key="away")
        assert reply.status == 503
        _assert_away(reply.body)
        assert int(reply.headers["retry-after"]) >= 1
        ticket = partner.journal.entries("ticket")["0"]["ticket"]
        _assert_away(served.requestout(ticket).body)
        assert served.ask("GET", "/healthz").status == 200
        assert served.ask("GET", "/readyz").status == 503
        again = embedded.start(home / "data", detached=True, port=server.port)
        assert again.port == server.port
        until(lambda: served.ask("GET", "/readyz").status == 200, within_s=20, what=served.said[-3000:])
        for n in range(20, 40):
            partner.send(f"{n}")
        assert served.result(ticket)[0]["value"] == 1
        until(lambda: waiting(url) == 0, within_s=20)
        assert_nothing_lost_or_doubled(partner, _database(home))
