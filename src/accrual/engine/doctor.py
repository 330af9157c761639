"""Judges the health of an installation from what was read of it: findings in plain words, and what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from accrual.domain.health import BooksHealth, HostHealth, ServerHealth
from accrual.engine.render import ticket_text

SNAPSHOT_AGE_MAX = timedelta(seconds=60)
CLOCK_GAP_MAX = timedelta(seconds=5)
BACKLOG_BUCKET_WARN = 2_000
UPKEEP_LATE_MAX = timedelta(minutes=15)
UPKEEP_LATE_PROBLEM = timedelta(days=1)
CHECKPOINT_AGE_MAX = timedelta(minutes=15)
HOT_TABLE_BYTES_MAX = 32 * 1024 * 1024
DISK_FREE_BYTES_MIN = 1024**3
DISK_FREE_SHARE_MIN = 10


class Level(StrEnum):
    """How much a finding matters. Only `problem` makes `accrual doctor` end with 1."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found, and what to do about it (empty when nothing)."""

    check: str
    level: Level
    text: str
    advice: str = ""


def diagnose(server: ServerHealth, books: BooksHealth, host: HostHealth) -> tuple[Finding, ...]:
    """Every check's finding, in a fixed order."""
    return (
        *_server(server),
        *_migrations(host),
        *_rights(books, host),
        *_lanes(books),
        *_parked(books),
        *_upkeep(books, server.asked_at),
        *_checkpoint(books.checkpoint_at, server.asked_at),
        *_snapshots(server),
        *_clock(server.asked_at, host.clock),
        *_disk(server, host),
        *_clients(books),
        *_hot_tables(books),
    )


def _server(server: ServerHealth) -> Iterator[Finding]:
    yield _ok("database", f"PostgreSQL {server.version} answers.")
    for name, meaning in (
        ("fsync", "what was accepted may be lost with the machine"),
        ("full_page_writes", "a crash of the machine may damage pages"),
        ("synchronous_commit", "what was accepted may be lost in a crash"),
    ):
        value = server.settings.get(name, "")
        if value == "off" or (name == "synchronous_commit" and value == "local"):
            yield _problem("durability", f"{name} is {value}: {meaning}.", f"Set {name} = on.")
    if server.settings.get("autovacuum") == "off":
        yield _warning("autovacuum", "autovacuum is off; the hot tables will grow.", "Set autovacuum = on.")
    if all(server.settings.get(name) != "off" for name in ("fsync", "full_page_writes", "synchronous_commit")):
        yield _ok("durability", "fsync, full_page_writes and synchronous_commit are on.")


def _migrations(host: HostHealth) -> Iterator[Finding]:
    if host.migrations_applied:
        names = ", ".join(host.migrations_applied)
        yield _note("migrations", f"The schema was behind and is up to date now; applied: {names}.")
    else:
        yield _ok("migrations", "The schema is this release's.")


def _rights(books: BooksHealth, host: HostHealth) -> Iterator[Finding]:
    if host.notice:
        yield _problem("append_only", "The runtime role is not in force.", host.notice)
    elif books.is_superuser:
        text = f"Sessions run as {books.role}, a superuser: nothing keeps the history append-only."
        yield _problem("append_only", text, "Give the address of an ordinary role in --database-url.")
    elif books.changeable:
        text = f"Roles may change or delete history: {', '.join(books.changeable)}."
        yield _problem(
            "append_only", text, "As the owner: revoke update, delete, truncate on each from the role named."
        )
    else:
        yield _ok("append_only", f"Role {books.role} and the others can add to the history and change none of it.")


def _lanes(books: BooksHealth) -> Iterator[Finding]:
    alive = [worker for worker in books.workers if worker.beat_second not in (None, worker.beat_first)]
    stuck = [worker for worker in books.workers if worker.beat_second == worker.beat_first]
    waiting = f"{books.backlog:,} commands wait"
    if alive:
        owned = sum(worker.buckets for worker in alive)
        yield _ok("lanes", f"{len(alive)} lanes are at work on {owned} of {books.buckets} buckets; {waiting}.")
    elif books.backlog:
        advice = "Start one: accrual serve, or accrual lane."
        yield _problem("lanes", f"No lane is at work and {waiting}.", advice)
    else:
        yield _note("lanes", "No lane is at work, and nothing waits.", "accrual serve or accrual lane starts lanes.")
    for worker in stuck:
        level = _warning if alive else _note
        state = "its session is there" if worker.connected else "its session is gone"
        text = f"Lane {worker.label} has stopped beating ({state}); it owns {worker.buckets} buckets."
        yield level("lanes", text, "Another lane takes its buckets over within the lease.")
    if alive and books.backlog_bucket_max > BACKLOG_BUCKET_WARN:
        text = f"{books.backlog_bucket_max:,} commands wait in one bucket; bulk calls for it are turned away."
        yield _warning("backlog", text, "One member may be hot; else add lanes.")


def _parked(books: BooksHealth) -> Iterator[Finding]:
    if not books.parked:
        yield _ok("parked", "No command is put aside.")
        return
    newest = "; ".join(f"{ticket_text(ticket)}: {error}" for ticket, error in books.parked_sample)
    text = f"{books.parked:,} commands could not be decided and are put aside. Newest: {newest}"
    yield _warning("parked", text, "Look: accrual parked list. Once the cause is mended: accrual parked retry TICKET.")


def _upkeep(books: BooksHealth, now: datetime) -> Iterator[Finding]:
    if books.upkeep_oldest is None or books.upkeep_buckets < books.buckets:
        text = "Upkeep has not been through all buckets yet: points that fell due wait for it."
        yield _note("upkeep", text, "accrual serve runs it; by hand: accrual upkeep.")
        return
    late = now - books.upkeep_oldest
    if late <= UPKEEP_LATE_MAX:
        yield _ok("upkeep", "What fell due is done.")
        return
    hours, minutes = divmod(round(late.total_seconds() / 60), 60)
    text = (
        f"Upkeep is late by {hours:,} h {minutes} min: points that expired since still show, and no notices went out."
    )
    advice = "See that accrual serve (or accrual api) runs and lanes get on; to catch up: accrual upkeep."
    yield (_problem if late > UPKEEP_LATE_PROBLEM else _warning)("upkeep", text, advice)


def _checkpoint(newest: datetime | None, now: datetime) -> Iterator[Finding]:
    advice = "accrual serve (or accrual api) signs one every minute, or logs why not; by hand: accrual checkpoint make."
    if newest is None:
        yield _note("checkpoint", "There is no signed checkpoint of the history yet.", advice)
        return
    age = now - newest
    if age <= CHECKPOINT_AGE_MAX:
        yield _ok("checkpoint", "The history is covered by a fresh checkpoint.")
        return
    hours, minutes = divmod(round(age.total_seconds() / 60), 60)
    text = f"The newest checkpoint is {hours:,} h {minutes} min old: nothing proves what was booked since."
    yield _warning("checkpoint", text, advice)


def _snapshots(server: ServerHealth) -> Iterator[Finding]:
    if server.oldest_snapshot_at is not None and server.asked_at - server.oldest_snapshot_at > SNAPSHOT_AGE_MAX:
        age = round((server.asked_at - server.oldest_snapshot_at).total_seconds())
        who = server.oldest_snapshot_label or "a session without a name"
        text = f"{who} holds a snapshot that is {age:,} s old; posting slows down while it does."
        yield _problem("snapshots", text, "End that session, or make its transaction short.")
    else:
        yield _ok("snapshots", "No session holds an old snapshot.")
    if server.slots_holding_back:
        text = f"{server.slots_holding_back} replication slots or prepared transactions may keep old rows alive."
        yield _warning("snapshots", text, "Look at pg_replication_slots and pg_prepared_xacts.")
    if server.hidden_sessions:
        text = f"{server.hidden_sessions} sessions of other roles hide how old their snapshots are."
        yield _note("snapshots", text, "Grant pg_read_all_stats to the role to see them.")


def _clock(server: datetime, here: datetime) -> Iterator[Finding]:
    gap = server - here
    if abs(gap) > CLOCK_GAP_MAX:
        direction = "ahead of" if gap > timedelta(0) else "behind"
        text = f"The database server's clock is {round(abs(gap).total_seconds()):,} s {direction} this machine's."
        yield _warning("clock", text, "Let both keep time by NTP; no decision hangs on it, but times shown do.")
    else:
        yield _ok("clock", "This machine and the database server agree on the time.")


def _disk(server: ServerHealth, host: HostHealth) -> Iterator[Finding]:
    size = f"The database takes {_bytes(server.database_bytes)}"
    free, total = host.disk_free_bytes, host.disk_total_bytes
    if free is None or total is None:
        yield _note("disk", f"{size}; its disk is not on this machine.")
    elif free < DISK_FREE_BYTES_MIN or free * 100 < total * DISK_FREE_SHARE_MIN:
        text = f"{size}; {_bytes(free)} of {_bytes(total)} are free at {host.data_dir}."
        yield _problem("disk", text, "Make room: PostgreSQL stops when its disk is full.")
    else:
        yield _ok("disk", f"{size}; {_bytes(free)} are free at {host.data_dir}.")


def _clients(books: BooksHealth) -> Iterator[Finding]:
    if not books.programmes:
        yield _note("programmes", "There is no programme yet.", "accrual init, then accrual apply programme.yaml.")
    for code in books.demo_programmes:
        text = f"Programme {code} is marked demo: its keys may be public, and it is served on loopback only."
        yield _warning("keys", text, "Take `demo: true` out and give its clients keys of their own.")
    for client in books.clients:
        name = f"Client {client.code} of programme {client.programme}"
        if not client.has_key:
            yield _warning("keys", f"{name} has no key: nobody can call as it.", "Give it key_sha256 or key_env.")
        if client.signature == "off" and client.programme not in books.demo_programmes:
            text = f"{name} is not asked for signatures; whoever has its key may call."
            yield _note("signatures", text, "Set signature.policy to warn, then to enforce.")


def _hot_tables(books: BooksHealth) -> Iterator[Finding]:
    swollen = [hot for hot in books.hot_tables if hot.size_bytes > HOT_TABLE_BYTES_MAX]
    for hot in swollen:
        text = f"Table {hot.name} has swollen to {_bytes(hot.size_bytes)} ({hot.dead_rows:,} dead rows)."
        yield _warning("bloat", text, f"See that autovacuum runs; then, in a quiet minute: vacuum full {hot.name}.")
    if not swollen:
        yield _ok("bloat", "The tables that are updated all the time are small.")


def _bytes(count: int) -> str:
    for unit, size in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if count >= size:
            return f"{count // size:,} {unit}"
    return f"{count} bytes"


def _ok(check: str, text: str) -> Finding:
    return Finding(check=check, level=Level.OK, text=text)


def _note(check: str, text: str, advice: str = "") -> Finding:
    return Finding(check=check, level=Level.NOTE, text=text, advice=advice)


def _warning(check: str, text: str, advice: str = "") -> Finding:
    return Finding(check=check, level=Level.WARNING, text=text, advice=advice)


def _problem(check: str, text: str, advice: str = "") -> Finding:
    return Finding(check=check, level=Level.PROBLEM, text=text, advice=advice)
