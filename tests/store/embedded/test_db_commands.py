"""`accrual db` as a person types it: each command a process of its own, against a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from accrual.store import embedded
from accrual.store.embedded.sight import look


def _db(*words: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", "from accrual.cli.db import app; app()", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def test_a_server_started_by_up_outlives_the_command_until_down(spot: Path, ask: Any) -> None:
    where = ("--data-dir", spot / "d")
    assert "absent" in _db("status", *where).stdout
    up = json.loads(_db("up", *where, "--json").stdout)
    assert (up["state"], up["started"], up["outlives_starter"]) == ("running", True, True)
    assert look(up["pid"]) is not None
    again = json.loads(_db("up", *where, "--json").stdout)
    assert (again["pid"], again["started"]) == (up["pid"], False)
    state = json.loads(_db("status", *where, "--json").stdout)
    assert (state["pid"], state["port"]) == (up["pid"], up["port"])
    assert state["version"] and state["size_bytes"] > 0 and state["started_by"] and state["log_path"]
    assert str(up["pid"]) in _db("status", *where).stdout
    server = embedded.adopt(spot / "d")
    assert server is not None
    assert _db("url", *where).stdout.strip() == server.url(role="owner")
    url = json.loads(_db("url", *where, "--role", "runtime", "--json").stdout)
    assert url == {"role": "runtime", "url": server.url(role="runtime")}
    assert ask(server, "select current_user", url=url["url"]) == "accrual_runtime"
    assert json.loads(_db("down", *where, "--json").stdout)["stopped"] is True
    assert look(up["pid"]) is None
    assert "not running" in _db("down", *where).stdout
    assert json.loads(_db("status", *where, "--json").stdout)["state"] == "stopped"


def test_url_of_a_stopped_database_is_an_error_that_says_what_to_type(spot: Path) -> None:
    done = _db("url", "--data-dir", spot / "d", check=False)
    assert done.returncode == 1
    assert f"accrual db up --data-dir {spot / 'd'}" in done.stderr
    as_json = _db("url", "--data-dir", spot / "d", "--json", check=False)
    assert json.loads(as_json.stdout)["error"]["code"] == "database_stopped"


def test_down_refuses_the_database_of_a_running_command_unless_forced(spot: Path) -> None:
    server = embedded.start(spot / "d")
    done = _db("down", "--data-dir", spot / "d", check=False)
    assert done.returncode == 1
    assert "--force" in done.stderr
    assert look(server.pid) is not None
    _db("down", "--data-dir", spot / "d", "--force", "--immediate")
    assert look(server.pid) is None


@pytest.mark.parametrize("word", ["work_mem", "port=5", "no such=1"])
def test_up_refuses_what_is_no_setting(spot: Path, word: str) -> None:
    done = _db("up", "--data-dir", spot / "d", "--set", word, check=False)
    assert done.returncode == 1
    assert word.partition("=")[0] in done.stderr
    assert "Traceback" not in done.stderr
    assert not (spot / "d").exists()
