"""Starting, adopting and stopping on a good day: once, again, and by several processes at the same moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from accrual.domain.errors import AccrualError
from accrual.store import embedded
from accrual.store.embedded.sight import is_same


def test_an_empty_directory_becomes_a_running_server_with_its_roles_and_database(spot: Path, ask: Any) -> None:
    began = time.monotonic()
    server = embedded.start(spot / "d")
    took_s = time.monotonic() - began
    assert server.started
    assert ask(server, "select current_user") == "accrual_owner"
    assert ask(server, "select current_user", role="runtime") == "accrual_runtime"
    assert ask(server, "select pg_get_userbyid(datdba) from pg_database where datname = 'accrual'") == "accrual_owner"
    assert ask(server, "select count(*) from pg_roles where rolsuper and rolname like 'accrual%'") == 0
    assert ask(server, "select datlocale from pg_database where datname = 'accrual'") == "C.UTF-8"
    assert took_s < 20
    assert embedded.release(server)
    assert not is_same(server.pid, server.mark)


def test_only_the_passwords_open_the_server_and_only_its_owner_reads_them(spot: Path, ask: Any) -> None:
    server = embedded.start(spot / "d")
    assert (spot / "d" / "passwords.json").stat().st_mode & 0o777 == 0o600
    assert server.passwords.owner not in repr(server)
    with pytest.raises(asyncpg.InvalidPasswordError):
        ask(server, "select 1", url=server.url().replace(server.passwords.owner, "wrong"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        ask(server, "create table public.t (id int)", role="runtime")
    kept = "select count(*) from pg_authid where rolpassword like 'SCRAM-SHA-256$1:%'"
    assert ask(server, kept, role="superuser") == 3, "long random passwords, of which one round keeps the verifier"


def test_a_server_listens_on_loopback_and_on_a_private_socket_only(spot: Path, ask: Any) -> None:
    server = embedded.start(spot / "d")
    assert ask(server, "show listen_addresses") == "127.0.0.1"
    assert (server.socket_dir / f".s.PGSQL.{server.port}").is_socket()
    assert server.socket_dir.stat().st_mode & 0o777 == 0o700
    assert (spot / "d" / "postgres").stat().st_mode & 0o777 == 0o700


def test_the_second_start_adopts_and_a_stopped_server_comes_back_on_the_same_port_with_its_rows(
    spot: Path, ask: Any
) -> None:
    first = embedded.start(spot / "d")
    ask(first, "create table kept as select 7 as n")
    second = embedded.start(spot / "d")
    assert (second.pid, second.started) == (first.pid, False)
    adopted = embedded.adopt(spot / "d")
    assert adopted is not None and (adopted.pid, adopted.started) == (first.pid, False)
    assert not embedded.release(second)
    assert embedded.stop(spot / "d")
    assert not embedded.stop(spot / "d")
    assert embedded.adopt(spot / "d") is None
    third = embedded.start(spot / "d")
    assert third.port == first.port
    assert third.pid != first.pid
    assert ask(third, "select n from kept") == 7


def test_adopt_stop_and_status_make_nothing_where_nothing_is(spot: Path) -> None:
    assert embedded.adopt(spot / "d") is None
    assert not embedded.stop(spot / "d")
    assert embedded.status(spot / "d").state == "absent"
    assert not (spot / "d").exists()


def test_of_four_processes_that_start_one_directory_at_once_exactly_one_starts_it(spot: Path) -> None:
    program = (
        "import sys, json; from pathlib import Path; from accrual.store import embedded;"
        "sys.stdin.readline(); s = embedded.start(Path(sys.argv[1]));"
        "print(json.dumps([s.pid, s.started]), flush=True); sys.stdin.readline()"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program, spot / "d"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    answers = [json.loads(racer.stdout.readline()) for racer in racers if racer.stdout is not None]
    for racer in racers:
        racer.communicate("end\n", timeout=30)
    assert len({pid for pid, _ in answers}) == 1
    assert [started for _, started in answers].count(True) == 1
    # Its starter has ended without stopping it, so whoever comes next answers for it.
    heir = embedded.start(spot / "d")
    assert (heir.pid, heir.started) == (answers[0][0], True)
    assert embedded.release(heir)


def test_a_detached_server_is_nobodys_to_release_and_becomes_detached_by_asking(spot: Path) -> None:
    mine = embedded.start(spot / "d")
    assert not embedded.start(spot / "d", detached=True).started
    assert embedded.status(spot / "d").detached
    assert not embedded.release(mine)
    assert is_same(mine.pid, mine.mark)


def test_settings_reach_the_server_and_those_of_the_launcher_are_refused(spot: Path, ask: Any) -> None:
    server = embedded.start(spot / "d", settings={"work_mem": "9MB", "checkpoint_timeout": "7min"})
    assert ask(server, "show work_mem") == "9MB"
    assert ask(server, "show checkpoint_timeout") == "7min"
    assert (ask(server, "show fsync"), ask(server, "show synchronous_commit"), ask(server, "show jit")) == (
        "on",
        "on",
        "off",
    )
    for name in ("port", "listen_addresses", "log_directory", "no such", "x=y"):
        with pytest.raises(AccrualError) as caught:
            embedded.start(spot / "d", settings={name: "1"})
        assert caught.value.code == "database_setting"


def test_a_setting_that_the_server_refuses_is_named_in_the_error_and_leaves_nothing_running(spot: Path) -> None:
    with pytest.raises(AccrualError) as caught:
        embedded.start(spot / "d", settings={"shared_buffers": "lots"})
    assert caught.value.code == "database_start_failed"
    assert "shared_buffers" in caught.value.message
    assert embedded.status(spot / "d").state == "stopped"
    assert embedded.start(spot / "d").started


def test_status_tells_process_port_version_size_starter_and_log(spot: Path) -> None:
    server = embedded.start(spot / "d")
    state = embedded.status(spot / "d")
    assert (state.state, state.pid, state.port, state.version) == ("running", server.pid, server.port, server.version)
    assert state.size_bytes > 20_000_000
    assert (state.starter_pid, state.starter_alive, state.detached) == (os.getpid(), True, False)
    assert state.log_path is not None and state.log_path.exists()
    embedded.stop(spot / "d")
    assert embedded.status(spot / "d").state == "stopped"


def test_the_log_shows_no_statement_and_no_detail_of_a_failed_insert(spot: Path, ask: Any) -> None:
    server = embedded.start(spot / "d")
    ask(server, "create table t (phone text primary key)")
    ask(server, "insert into t values ('+62811999')")
    with pytest.raises(asyncpg.UniqueViolationError):
        ask(server, "insert into t values ('+62811999')")
    embedded.stop(spot / "d")
    said = "".join(path.read_text() for path in server.log_dir.iterdir())
    assert "duplicate key" in said
    assert "62811999" not in said


def test_old_log_files_are_removed_when_the_server_starts(spot: Path) -> None:
    server = embedded.start(spot / "d")
    embedded.stop(spot / "d")
    for number in range(30):
        (server.log_dir / f"postgres-20200101-0000{number:02}.log").write_text("old")
    embedded.start(spot / "d")
    assert len(list(server.log_dir.iterdir())) <= 11


def test_lost_passwords_are_set_anew_while_the_server_is_down(spot: Path, ask: Any) -> None:
    first = embedded.start(spot / "d")
    ask(first, "create table kept as select 7 as n")
    (spot / "d" / "passwords.json").unlink()
    with pytest.raises(AccrualError) as caught:
        embedded.adopt(spot / "d")
    assert caught.value.code == "database_passwords_lost"
    embedded.stop(spot / "d")
    second = embedded.start(spot / "d")
    assert second.passwords.owner != first.passwords.owner
    assert ask(second, "select n from kept") == 7


async def test_the_blocking_calls_work_inside_a_running_event_loop(spot: Path) -> None:
    server = embedded.start(spot / "d")
    assert embedded.adopt(spot / "d") is not None
    assert embedded.release(server)
