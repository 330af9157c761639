"""Wires checkpoints: key and journal of the installation, the database's tables, the loop beside the API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import structlog

from accrual.bootstrap.checkpoint_journal import JOURNAL_NAME, JournalFile
from accrual.bootstrap.checkpoint_keys import KEY_NAME, BothKeys, KeyFile, open_key
from accrual.bootstrap.checkpoint_webhook import CheckpointWebhook
from accrual.bootstrap.clocks import utc_now
from accrual.domain.checkpoints import PublishedCheckpoint
from accrual.domain.errors import AccrualError, Refused
from accrual.domain.notes import VerifierKey, check_name, key_id_of, read_note
from accrual.engine.checkpoints import Checkpointer, CheckpointLimits
from accrual.settings import Settings
from accrual.store.checkpoint_books import CheckpointHistory
from accrual.store.checkpoints import CheckpointTable
from accrual.store.migrate import count_buckets
from accrual.store.postgres import ROLE_STAFF, open_pool
from accrual.worker.checkpoints import CheckpointLoop

ORIGIN_PREFIX = "accrual/"
HOMELESS = (
    "An external database has no place for its key and journal: set ACCRUAL_CHECKPOINT_KEY_FILE, one for each database."
)


class OpenCheckpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Checkpoints of an open database: its table, the history, the journal of this installation and its key."""

    table: CheckpointTable
    history: CheckpointHistory
    journal: JournalFile
    key: KeyFile | None
    origin: str
    checkpointer: Checkpointer | None

    @property
    def verifier(self) -> VerifierKey | None:
        """The installation's public key; None where it has no key."""
        return None if self.key is None else self.key.verifier(self.origin)


def home_of(settings: Settings, data_dir: Path | None, database_url: str | None) -> Path | None:
    """The directory of key and journal: the key file's, else the data directory; None for an external database without both.

    Each database needs a directory of its own, so the default data directory serves the embedded one alone.
    """
    if settings.checkpoint_key_file is not None:
        return settings.checkpoint_key_file.parent
    if data_dir is not None or not (database_url or settings.database_url):
        return data_dir or settings.data_dir
    return None


def key_path(settings: Settings, data_dir: Path) -> Path:
    """Where the installation's key is."""
    return settings.checkpoint_key_file or data_dir / KEY_NAME


@asynccontextmanager
async def open_checkpoints(
    url: str,
    settings: Settings,
    data_dir: Path,
    *,
    create_key: bool,
    also: Path | None = None,
    origin: str | None = None,
) -> AsyncIterator[OpenCheckpoints]:
    """Checkpoints over a database (a login that may act as `accrual_staff`). Raises DatabaseDown, Broken for an unusable key.

    A new key is made with `create_key` only where the database has no checkpoint by another one. `also` is the file of a
    second key that signs too, `origin` the name of a log that has no checkpoint yet.
    """
    pool = await open_pool(
        url, label="checkpoints", size_max=1, statement_timeout_s=settings.statement_timeout_s, role=ROLE_STAFF
    )
    history = CheckpointHistory(url, label="checkpoints")
    try:
        table = CheckpointTable(pool, await count_buckets(pool))
        newest = await table.newest()
        key = await asyncio.to_thread(open_key, key_path(settings, data_dir), create=create_key and newest is None)
        named = _origin(settings, newest, key) if origin is None else origin
        if key is not None and newest is not None:
            _check_key(key, newest, key_path(settings, data_dir))
        journal = JournalFile(data_dir / JOURNAL_NAME)
        maker = None
        second = None if also is None else await asyncio.to_thread(open_key, also, create=False)
        if key is not None:
            maker = Checkpointer(
                table,
                history,
                journal,
                key if second is None else BothKeys(key, second),
                origin=named,
                limits=CheckpointLimits(
                    commands_max=settings.checkpoint_commands_max,
                    seal_commands_max=settings.checkpoint_seal_commands_max,
                    keep_max=settings.checkpoint_keep_max,
                ),
                now=utc_now,
            )
        yield OpenCheckpoints(table=table, history=history, journal=journal, key=key, origin=named, checkpointer=maker)
    finally:
        await history.close()
        await pool.close()


@asynccontextmanager
async def checkpoints_beside(url: str, settings: Settings, data_dir: Path | None) -> AsyncIterator[None]:
    """Checkpoints are made every so often for this while; not at all where the settings say 0, or without a directory."""
    if not settings.checkpoint_every_s:
        yield
        return
    if data_dir is None:
        structlog.get_logger("checkpoints").info("checkpoints_off", reason=HOMELESS)
        yield
        return
    stopping = asyncio.Event()
    task = asyncio.create_task(_run(url, settings, data_dir, stopping))
    try:
        yield
    finally:
        stopping.set()
        task.cancel()  # a checkpoint under way is written whole or not at all
        with suppress(asyncio.CancelledError):
            await task


async def _run(url: str, settings: Settings, data_dir: Path, stopping: asyncio.Event) -> None:
    """Wait for the journal to be ours, then work; what keeps it from that is logged and tried again."""
    log = structlog.get_logger("checkpoints")
    said = ""
    while not stopping.is_set():
        try:
            with JournalFile(data_dir / JOURNAL_NAME).hold() as ours:
                if ours:
                    async with open_checkpoints(url, settings, data_dir, create_key=True) as opened:
                        if opened.checkpointer is None:
                            raise Refused(
                                f"The database has checkpoints, and their key is not at {key_path(settings, data_dir)}.",
                                code="checkpoint_key_missing",
                            )
                        url_there = settings.checkpoint_webhook_url
                        loop = CheckpointLoop(
                            opened.checkpointer,
                            every_s=settings.checkpoint_every_s,
                            hand_on=None if url_there is None else CheckpointWebhook(url_there).hand_on,
                        )
                        await loop.run(stopping)
        except AccrualError as error:
            if error.code != said:
                log.warning("checkpoints_stopped", code=error.code, reason=error.message)
            said = error.code
        except OSError as error:
            log.warning("checkpoints_stopped", code="journal_unwritable", reason=str(error))
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), settings.checkpoint_every_s)


def _origin(settings: Settings, newest: PublishedCheckpoint | None, key: KeyFile | None) -> str:
    """A log keeps the name it began with; a new one is named by the settings, or after its first key."""
    if newest is not None:
        return read_note(newest.note).origin
    if settings.checkpoint_origin is not None:
        return check_name(settings.checkpoint_origin)
    return ORIGIN_PREFIX + ("" if key is None else key.public.hex()[:16])


def _check_key(key: KeyFile, newest: PublishedCheckpoint, path: Path) -> None:
    note = read_note(newest.note)
    if key_id_of(note.origin, key.public) not in {each.key_id for each in note.signatures}:
        raise Refused(
            f"The key {path} did not sign checkpoint {newest.number}, the newest of this database. Give the key that did, or "
            "run accrual checkpoint rotate where that key is.",
            code="checkpoint_key_other",
        )
