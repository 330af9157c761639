"""What a kill -9 leaves behind, and pids that name somebody else: nothing is lost, nobody else is harmed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from accrual.domain.errors import AccrualError
from accrual.store import embedded
from accrual.store.embedded import launch, proof
from accrual.store.embedded.account import Account, start_as
from accrual.store.embedded.placement import Place
from accrual.store.embedded.records import Launch, read_launch, write_launch
from accrual.store.embedded.sight import is_same, look

Idle = Callable[..., "subprocess.Popen[bytes]"]


def _forge_pid_file(data_dir: Path, pid: int, *, started_at_s: int) -> None:
    """A postmaster.pid as a server with this pid would have left it."""
    cluster = data_dir / "postgres"
    path = cluster / "postmaster.pid"
    path.write_text(f"{pid}\n{cluster}\n{started_at_s}\n5432\n/tmp\n127.0.0.1\n  1 1\nready\n")
    os.chown(path, cluster.stat().st_uid, cluster.stat().st_gid)


def test_right_after_a_kill_9_the_server_starts_again_with_every_committed_row(spot: Path, ask: Any) -> None:
    server = embedded.start(spot / "d")
    ask(server, "create table kept as select 7 as n")
    for _ in range(3):
        os.kill(server.pid, signal.SIGKILL)
        again = embedded.start(spot / "d")
        assert again.started
        assert again.pid != server.pid
        assert ask(again, "select n from kept") == 7
        server = again


def test_a_killed_child_is_reaped_at_once_and_never_looks_alive(spot: Path) -> None:
    server = embedded.start(spot / "d")
    os.kill(server.pid, signal.SIGKILL)
    until = time.monotonic() + 5
    while Path(f"/proc/{server.pid}").exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert not Path(f"/proc/{server.pid}").exists()
    assert embedded.adopt(spot / "d") is None


def test_an_unreaped_zombie_counts_as_dead_and_does_not_block_the_start(
    spot: Path, ask: Any, idle: Idle, account: Account
) -> None:
    embedded.stop(embedded.start(spot / "d").data_dir)
    zombie = idle(account)
    os.kill(zombie.pid, signal.SIGKILL)
    until = time.monotonic() + 5
    while look(zombie.pid) is not None and time.monotonic() < until:
        time.sleep(0.01)
    assert look(zombie.pid) is None
    os.kill(zombie.pid, 0)  # for the system it is still there
    _forge_pid_file(spot / "d", zombie.pid, started_at_s=int(time.time()))
    assert embedded.adopt(spot / "d") is None
    assert ask(embedded.start(spot / "d"), "select 1") == 1


@pytest.mark.parametrize("stands_in_it", [False, True])
def test_a_pid_reused_by_another_program_is_neither_adopted_nor_signalled(
    spot: Path, ask: Any, idle: Idle, account: Account, stands_in_it: bool
) -> None:
    embedded.stop(embedded.start(spot / "d").data_dir)
    other = idle(account, spot / "d" / "postgres") if stands_in_it else idle(account)
    _forge_pid_file(spot / "d", other.pid, started_at_s=int(time.time()))
    assert embedded.adopt(spot / "d") is None
    assert not embedded.stop(spot / "d")
    assert embedded.status(spot / "d").state == "stopped"
    assert ask(embedded.start(spot / "d"), "select 1") == 1
    assert other.poll() is None


def test_a_pid_reused_by_the_server_of_another_directory_is_not_ours(spot: Path, ask: Any) -> None:
    other = embedded.start(spot / "other")
    embedded.stop(embedded.start(spot / "d").data_dir)
    _forge_pid_file(spot / "d", other.pid, started_at_s=int(time.time()))
    assert embedded.adopt(spot / "d") is None
    assert not embedded.stop(spot / "d")
    mine = embedded.start(spot / "d")
    assert mine.pid != other.pid
    assert ask(other, "select 1") == 1


def test_a_record_of_a_process_long_gone_proves_nothing_for_the_one_that_has_its_pid_now(
    spot: Path, idle: Idle, account: Account
) -> None:
    server = embedded.start(spot / "d")
    record = read_launch(spot / "d")
    assert record is not None and (record.pid, record.mark) == (server.pid, server.mark)
    other = idle(account)
    sight = look(other.pid)
    assert sight is not None
    assert sight.mark != record.mark
    assert not is_same(other.pid, record.mark)


def test_a_server_without_its_record_is_proven_by_program_directory_owner_and_start_time(spot: Path) -> None:
    server = embedded.start(spot / "d")
    (spot / "d" / "server.json").unlink()
    adopted = embedded.start(spot / "d")
    assert (adopted.pid, adopted.started) == (server.pid, False)
    assert embedded.stop(spot / "d")


def test_a_postgres_of_this_directory_that_cannot_be_proven_is_left_alone_and_named(spot: Path) -> None:
    server = embedded.start(spot / "d")
    (spot / "d" / "server.json").unlink()
    _forge_pid_file(spot / "d", server.pid, started_at_s=int(time.time()) - 100_000)
    for call in (embedded.start, embedded.adopt, embedded.stop):
        with pytest.raises(AccrualError) as caught:
            call(spot / "d")
        assert caught.value.code == "database_unproven"
        assert str(server.pid) in caught.value.message
    assert embedded.status(spot / "d").state == "unproven"
    assert is_same(server.pid, server.mark)


async def test_a_backend_that_outlives_its_killed_server_is_ended_before_the_next_start(spot: Path) -> None:
    server = await asyncio.to_thread(embedded.start, spot / "d")
    connection = await asyncpg.connect(server.url(), ssl=False)
    backend = connection.get_server_pid()
    os.kill(backend, signal.SIGSTOP)  # it cannot notice that its server dies
    os.kill(server.pid, signal.SIGKILL)
    said: list[str] = []
    try:
        again = await asyncio.to_thread(embedded.start, spot / "d", on_progress=said.append)
    finally:
        connection.terminate()
    assert again.pid != server.pid
    assert look(backend) is None
    assert any("outlived" in text for text in said)


def test_a_server_whose_starter_was_killed_is_taken_over_and_then_stopped(spot: Path, ask: Any) -> None:
    program = (
        "import sys; from pathlib import Path; from accrual.store import embedded;"
        "print(embedded.start(Path(sys.argv[1])).pid, flush=True); sys.stdin.readline()"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", program, spot / "d"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    assert not embedded.start(spot / "d").started  # its starter lives and answers for it
    starter.kill()
    starter.communicate()
    heir = embedded.start(spot / "d")
    assert (heir.pid, heir.started) == (pid, True)
    assert ask(heir, "select 1") == 1
    assert embedded.release(heir)
    assert look(pid) is None


@pytest.fixture
def held_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Makes each start slow: the server is stopped (SIGSTOP) for five seconds right after its birth."""
    pids: list[int] = []
    timers: list[threading.Timer] = []

    def go_on(pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def write(root: Path, record: Launch) -> None:
        write_launch(root, record)
        os.kill(record.pid, signal.SIGSTOP)
        pids.append(record.pid)
        timers.append(threading.Timer(5, go_on, [record.pid]))
        timers[-1].start()

    monkeypatch.setattr(launch, "write_launch", write)
    yield pids
    for timer in timers:
        timer.join()


def test_a_long_start_is_waited_for_and_told_about(spot: Path, ask: Any, held_up: list[int]) -> None:
    said: list[str] = []
    began = time.monotonic()
    server = embedded.start(spot / "d", on_progress=said.append)
    assert held_up == [server.pid]
    assert time.monotonic() - began > 4
    assert sum("PostgreSQL is starting" in text for text in said) >= 2
    assert ask(server, "select 1") == 1


@pytest.fixture(params=["as a rule", "as scripts do"])
def quitting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As a rule SIGQUIT is heard; what a script starts with `&` ignores it, and so do its children from their birth on."""
    if request.param == "as a rule":
        yield
        return

    def start_and_stop(*args: Any, **kwargs: Any) -> Any:
        process = start_as(*args, **kwargs)
        os.kill(process.pid, signal.SIGSTOP)  # before it has handlers of its own, as far as that can be had
        return process

    monkeypatch.setattr(launch, "start_as", start_and_stop)
    before = signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGQUIT, before)


@pytest.mark.usefixtures("quitting")
def test_a_start_that_is_broken_off_leaves_no_server_half_way(spot: Path, held_up: list[int]) -> None:
    class BrokenOff(Exception):
        pass

    def give_up(text: str) -> None:
        if "is starting" in text:
            raise BrokenOff(text)

    with pytest.raises(BrokenOff):
        embedded.start(spot / "d", on_progress=give_up)
    until = time.monotonic() + 20
    while look(held_up[0]) is not None and time.monotonic() < until:
        time.sleep(0.02)
    assert embedded.status(spot / "d").state == "stopped"


def test_a_first_start_that_was_killed_leaves_nothing_that_the_next_one_trips_over(spot: Path, ask: Any) -> None:
    program = (
        "import sys; from pathlib import Path; from accrual.store import embedded; embedded.start(Path(sys.argv[1]))"
    )
    starter = subprocess.Popen([sys.executable, "-c", program, spot / "d"])
    until = time.monotonic() + 20
    while not list((spot / "d").glob("init-*/postgres/base")) and time.monotonic() < until:
        time.sleep(0.005)
    starter.kill()
    starter.wait()
    assert not (spot / "d" / "postgres").exists()
    assert ask(embedded.start(spot / "d"), "select 1") == 1
    assert not list((spot / "d").glob("init-*"))


def test_the_supervisor_restarts_a_killed_server_on_its_port_and_tells(spot: Path, ask: Any) -> None:
    restarted: list[embedded.EmbeddedServer] = []
    supervisor = embedded.Supervisor(spot / "d", on_restart=restarted.append)
    first = supervisor.start()
    ask(first, "create table kept as select 7 as n")
    assert supervisor.poll()
    assert not restarted
    os.kill(first.pid, signal.SIGKILL)
    while is_same(first.pid, first.mark):
        time.sleep(0.01)
    assert supervisor.poll()
    assert [server.port for server in restarted] == [first.port]
    assert ask(restarted[0], "select n from kept") == 7
    supervisor.stop()
    assert embedded.status(spot / "d").state == "stopped"
    assert not supervisor.poll()


def test_the_supervisor_waits_longer_each_time_and_recovers_when_the_cause_is_gone(spot: Path) -> None:
    supervisor = embedded.Supervisor(spot / "d")
    server = supervisor.start()
    version = spot / "d" / "postgres" / "PG_VERSION"
    text = version.read_text()
    version.write_text("99\n")
    os.kill(server.pid, signal.SIGKILL)
    while is_same(server.pid, server.mark):
        time.sleep(0.01)
    assert not supervisor.poll()
    assert supervisor.last_error is not None and supervisor.last_error.code == "database_major_mismatch"
    error = supervisor.last_error
    assert not supervisor.poll()
    assert supervisor.last_error is error  # the pause is not over: it has not tried again
    version.write_text(text)
    until = time.monotonic() + 10
    while not supervisor.poll() and time.monotonic() < until:
        time.sleep(0.05)
    assert supervisor.poll()
    assert supervisor.last_error is None
    supervisor.stop()


def test_the_supervisor_leaves_a_detached_server_running(spot: Path) -> None:
    detached = embedded.start(spot / "d", detached=True)
    supervisor = embedded.Supervisor(spot / "d")
    assert supervisor.start().pid == detached.pid
    supervisor.stop()
    assert is_same(detached.pid, detached.mark)


def test_a_stop_that_takes_too_long_says_so_and_immediate_ends_it(spot: Path) -> None:
    server = embedded.start(spot / "d")
    os.kill(server.pid, signal.SIGSTOP)
    with pytest.raises(AccrualError) as caught:
        embedded.stop(spot / "d", timeout_s=0.3)
    assert caught.value.code == "database_stop_slow"
    os.kill(server.pid, signal.SIGCONT)
    embedded.stop(spot / "d", mode="immediate")
    assert not is_same(server.pid, server.mark)


def test_a_pid_file_whose_process_is_gone_stays_for_postgres_to_check(spot: Path) -> None:
    server = embedded.start(spot / "d")
    os.kill(server.pid, signal.SIGKILL)
    while is_same(server.pid, server.mark):
        time.sleep(0.01)
    place = Place(root=spot / "d", home=spot / "d")
    until = time.monotonic() + 5
    while Path(f"/proc/{server.pid}").exists() and time.monotonic() < until:
        time.sleep(0.01)
    verdict = proof.judge(place, None)
    assert (verdict.kind, verdict.blocking) == ("none", False)
    proof.clear_leftovers(place, verdict, lambda _: None)
    assert (place.cluster / "postmaster.pid").exists()
