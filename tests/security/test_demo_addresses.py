"""Keys of demo programmes are public: they work on loopback addresses only, whenever and by whomever the programme came in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from accrual.api.addresses import is_beyond, reaches_beyond
from accrual.api.auth import refuse_demo
from accrual.domain.errors import Unauthorized
from accrual.store.postgres import connect
from tests.arch.tree import ROOT
from tests.pg_fixtures import Database, run_apart

pytestmark = pytest.mark.security

DRIVER = Path(__file__).with_name("open_address_driver.py")


@pytest.mark.parametrize(
    ("host", "beyond"),
    [
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("::1", False),
        ("localhost", False),
        ("0.0.0.0", True),  # noqa: S104 - nothing is bound
        ("::", True),
        ("10.9.9.9", True),
        ("192.168.0.1", True),
        ("::ffff:10.0.0.1", True),
        ("fe80::1", True),
        ("no such host.invalid", True),
    ],
)
def test_host_that_other_machines_reach_is_told_from_loopback(host: str, beyond: bool) -> None:
    assert reaches_beyond(host) is beyond


@pytest.mark.parametrize("address", ["::ffff:127.0.0.1", "127.0.0.1", "::1%lo", "testserver", "/run/accrual.sock"])
def test_loopback_within_ipv6_and_what_is_no_address_are_not_beyond(address: str) -> None:
    assert not is_beyond(address)


@pytest.mark.parametrize("server", [("10.0.0.1", 80), ("fe80::1%eth0", 80), ("::ffff:10.0.0.1", 80)])
def test_address_that_a_call_came_in_on_counts_whatever_the_server_was_told(server: tuple[str, int]) -> None:
    with pytest.raises(Unauthorized) as refused:
        refuse_demo({"server": server}, open_address=False)
    assert refused.value.code == "demo_not_local"


def test_call_on_loopback_is_let_in_and_on_an_open_listener_is_not() -> None:
    refuse_demo({"server": ("127.0.0.1", 80)}, open_address=False)
    refuse_demo({}, open_address=False)
    with pytest.raises(Unauthorized):
        refuse_demo({"server": ("127.0.0.1", 80)}, open_address=True)


async def _sockets(superuser_url: str) -> str:
    superuser = await connect(superuser_url, label="test")
    found = str(await superuser.fetchval("show unix_socket_directories"))
    await superuser.close()
    return found


def test_demo_keys_do_not_work_where_other_machines_reach_the_server(database: Database) -> None:
    if subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode != 0:  # noqa: S607
        pytest.skip("NOT TESTED HERE: demo keys on an open address need a network namespace, which only root may make")
    sockets = run_apart(_sockets(database.superuser_url))
    parts = urlsplit(database.roles_url)
    url = f"{parts.scheme}://{parts.username}:{parts.password}@{parts.path}?host={quote(sockets, safe='')}&port={parts.port}"
    done = subprocess.run(
        ["unshare", "-n", sys.executable, DRIVER],  # noqa: S607
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
        cwd=ROOT,
        env={**os.environ, "ACCRUAL_DATABASE_URL": url},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "prod there": [404, "member_unknown"],
        "apply": "demo_on_open_address",
        "demo there": [401, "demo_not_local"],
        "demo here on the open listener": [401, "demo_not_local"],
        "prod still": [404, "member_unknown"],
        "demo on loopback": [404, "member_unknown"],
        "start beside a demo": [1, True],
    }
