"""Odd hosts: a taken port, a broken locale, a tiny /dev/shm, another PostgreSQL version; each works or says what to do."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accrual.domain.errors import AccrualError
from accrual.store import embedded
from accrual.store.embedded import launch, tuning
from accrual.store.embedded.binaries import find_binaries

STARTS = (
    "import sys, json; from pathlib import Path; from accrual.store import embedded; said = [];"
    "s = embedded.start(Path(sys.argv[1]), on_progress=said.append);"
    "print(json.dumps([s.pid, said])); embedded.release(s)"
)
OLD = Path("/usr/lib/postgresql/15/bin")
with_old = pytest.mark.skipif(not (OLD / "postgres").exists(), reason="no PostgreSQL 15 is installed here")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_replaced_and_the_user_is_told(spot: Path, ask: Any, taken: int) -> None:
    said: list[str] = []
    server = embedded.start(spot / "d", port=taken, on_progress=said.append)
    assert server.port != taken
    assert any(str(taken) in text and str(server.port) in text for text in said)
    assert ask(server, "select 1") == 1


def test_a_port_taken_between_the_choice_and_the_start_is_replaced_too(
    spot: Path, ask: Any, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = iter([taken, taken])
    choose = launch.choose_port
    monkeypatch.setattr(launch, "choose_port", lambda preferred: next(choices, None) or choose(preferred))
    said: list[str] = []
    server = embedded.start(spot / "d", on_progress=said.append)
    assert server.port != taken
    assert sum("trying another" in text for text in said) == 2
    assert ask(server, "select 1") == 1


def test_a_port_that_was_taken_while_the_server_was_down_moves_it(spot: Path, ask: Any) -> None:
    first = embedded.start(spot / "d")
    embedded.stop(spot / "d")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", first.port))
        listener.listen()
        second = embedded.start(spot / "d")
        assert second.port != first.port
        assert ask(second, "select 1") == 1


def test_an_invalid_locale_and_foreign_postgres_variables_change_nothing(spot: Path) -> None:
    odd = {
        "LANG": "xx_YY.nothing",
        "LC_ALL": "xx_YY.nothing",
        "PGHOST": "192.0.2.1",
        "PGPORT": "1",
        "PGDATA": "/nowhere",
        "PGUSER": "nobody-at-all",
        "PGOPTIONS": "-c nothing=1",
    }
    done = subprocess.run(
        [sys.executable, "-c", STARTS, spot / "d"],
        env={**os.environ, **odd},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_tiny_dev_shm_is_noticed_told_and_worked_around(spot: Path) -> None:
    mount = "mount -t tmpfs -o size=256k tmpfs /dev/shm"
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("this system has no unshare")
    allowed = subprocess.run([unshare, "-m", "/bin/sh", "-c", mount], capture_output=True, check=False)
    if allowed.returncode != 0:
        pytest.skip("this user may not give itself another /dev/shm")
    done = subprocess.run(
        [unshare, "-m", "/bin/sh", "-c", mount + ' && exec "$@"', "sh", sys.executable, "-c", STARTS, spot / "d"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)[1]
    assert any("tiny" in text and "--shm-size" in text for text in said)


def test_shared_memory_is_tiny_below_the_bound_and_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    room = os.statvfs(tuning.SHM)
    # All of it, not what is free just now: other tests keep their data there.
    monkeypatch.setattr(tuning, "SHM_MIN_BYTES", room.f_blocks * room.f_frsize + 1)
    assert tuning.shared_memory_settings() == {"dynamic_shared_memory_type": "mmap"}
    monkeypatch.setattr(tuning, "SHM_MIN_BYTES", 1)
    assert tuning.shared_memory_settings() == {}
    monkeypatch.setattr(tuning, "SHM", Path("/nowhere/shm"))
    assert tuning.shared_memory_is_tiny()


@with_old
def test_an_installed_postgres_15_serves_with_roles_utf8_and_code_point_order(spot: Path, ask: Any) -> None:
    server = embedded.start(spot / "d", binaries=OLD)
    assert server.version.startswith("15.")
    assert ask(server, "select current_user", role="runtime") == "accrual_runtime"
    assert ask(server, "show server_encoding") == "UTF8"
    assert ask(server, "select datcollate from pg_database where datname = 'accrual'") in ("C.UTF-8", "C.utf8", "C")
    assert ask(server, "show data_checksums") == "on"
    embedded.stop(spot / "d")
    # Without being told again: the directory says which major it needs, and an installed one fits.
    again = embedded.start(spot / "d")
    assert again.version.startswith("15.")


@with_old
def test_where_there_is_no_wheel_the_newest_installed_postgres_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accrual.store.embedded.binaries._wheel", lambda: iter(()))
    assert find_binaries().major in range(15, 19)
    assert find_binaries(major=15).directory == OLD


def test_data_of_another_major_version_is_refused_with_both_versions_and_the_way_out(spot: Path) -> None:
    embedded.stop(embedded.start(spot / "d").data_dir)
    version = spot / "d" / "postgres" / "PG_VERSION"
    version.write_text("14\n")
    with pytest.raises(AccrualError) as caught:
        embedded.start(spot / "d")
    assert caught.value.code == "database_major_mismatch"
    assert "14" in caught.value.message and "pg_dump" in caught.value.message
    assert caught.value.details["data"] == 14


def test_no_programs_at_all_is_said_with_the_way_out(spot: Path) -> None:
    with pytest.raises(AccrualError) as caught:
        find_binaries(directory=spot)
    assert caught.value.code == "database_binaries_missing"
    assert "ACCRUAL_DATABASE_URL" in caught.value.message
