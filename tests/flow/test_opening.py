"""Which database a command means: the address given, the address set, else the embedded one, started and stopped for it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from accrual.bootstrap.opening import open_database
from accrual.domain.errors import DatabaseDown, Refused
from accrual.settings import Settings
from accrual.store import embedded
from accrual.store.connection import Connection
from accrual.store.postgres import connect, plain
from tests.pg_fixtures import Database, Postgres


async def _look(url: str) -> Connection:
    return await connect(url, label="test")


def _names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="accrual-opening-"))
    home.chmod(0o755)  # root's server runs as another user
    yield home / "data"
    embedded.stop(home / "data", mode="immediate")
    shutil.rmtree(home)


async def test_embedded_database_is_started_for_the_command_and_stopped_after(data_dir: Path) -> None:
    async with open_database(data_dir, settings=Settings(buckets=4)) as database:
        assert database.server is not None
        assert database.applied
        runtime = await _look(database.runtime_url)
        assert await runtime.fetchval("select count(*) from lane") == 4
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await runtime.execute("delete from line")
        await runtime.close()
        address = database.runtime_url
    assert embedded.adopt(data_dir) is None
    with pytest.raises(DatabaseDown):
        await _look(address)
    async with open_database(data_dir) as again:
        assert again.applied == ()


async def test_running_embedded_server_is_used_and_left_running(data_dir: Path) -> None:
    server = embedded.start(data_dir)
    async with open_database(data_dir) as database:
        assert database.server is not None
        assert (database.server.pid, database.server.started) == (server.pid, False)
    assert embedded.adopt(data_dir) is not None


async def test_address_given_by_hand_goes_before_the_setting(database: Database, tmp_path: Path) -> None:
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1:1/none", owner_database_url="postgresql://x@127.0.0.1:1/y"
    )
    async with open_database(tmp_path, database.owner_url, settings=settings) as opened:
        assert opened.owner_url == database.owner_url
        assert opened.server is None
    assert _names(tmp_path) == []


async def test_owner_and_runtime_addresses_are_each_used_for_their_part(empty_database: Database) -> None:
    login = empty_database.roles_url
    settings = Settings(
        database_url=login, owner_database_url=empty_database.owner_url, staff_database_url="postgresql://staff"
    )
    async with open_database(settings=settings) as opened:
        assert (plain(opened.runtime_url), opened.owner_url) == (login, empty_database.owner_url)
        assert (opened.staff_url, opened.worker_url) == ("postgresql://staff", None)
        assert opened.applied
        session = await _look(opened.runtime_url)
        assert await session.fetchval("select current_user::text") == "accrual_admin"
        await session.close()
        assert opened.notice == ""


async def test_one_address_that_may_act_as_the_runtime_role_does(empty_database: Database) -> None:
    async with open_database(None, empty_database.superuser_url) as opened:
        assert opened.notice == ""
        bound = await _look(opened.runtime_url)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await bound.execute("update outcome set status = 0")
        await bound.close()


async def test_one_address_that_cannot_is_used_for_all_and_it_is_said(empty_database: Database) -> None:
    async with open_database(None, empty_database.owner_url) as opened:
        assert opened.runtime_url == empty_database.owner_url
        assert "grant accrual_runtime to" in opened.notice


async def test_runtime_user_without_rights_is_told_what_to_grant(empty_database: Database, postgres: Postgres) -> None:
    stranger = f"stranger_{empty_database.name}"
    postgres.administer(f"create role {stranger} login password 'x'")
    try:
        runtime = empty_database.runtime_url.partition("@")[2]
        settings = Settings(
            database_url=f"postgresql://{stranger}:x@{runtime}", owner_database_url=empty_database.owner_url
        )
        with pytest.raises(Refused) as refused:
            async with open_database(settings=settings):
                pass
        assert refused.value.message.endswith(f"grant accrual_runtime to {stranger};")
    finally:
        postgres.administer(f"drop role {stranger}")


async def test_runtime_user_that_can_change_lines_is_pointed_out(empty_database: Database) -> None:
    settings = Settings(database_url=empty_database.owner_url, owner_database_url=empty_database.owner_url)
    async with open_database(settings=settings) as opened:
        assert "accrual_owner may change ledger lines" in opened.notice
