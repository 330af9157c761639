"""What commands about checkpoints open: database, data directory, journal and key, and the check of a history against one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from accrual.bootstrap.checkpoint_keys import signed_by
from accrual.bootstrap.checkpoints import OpenCheckpoints, open_checkpoints
from accrual.bootstrap.opening import open_database
from accrual.domain.checkpoints import JournalLine
from accrual.domain.errors import Busy, Invalid, Refused
from accrual.domain.notes import Note, VerifierKey, read_note, read_verifier_key
from accrual.engine.checkpoint_check import ExtensionCheck, find_record
from accrual.engine.checkpoints import Made
from accrual.engine.verify import Finding
from accrual.settings import Settings

Tell = Callable[[str], None]
LINES_A_PAGE = 1_000


class AgainstReport(msgspec.Struct, frozen=True, kw_only=True):
    """How today's history stands to a checkpoint. `signed_by`: the key that was checked."""

    checkpoint: int
    recorded_at: str
    signed_by: str
    commands: int
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """Whether the history extends the checkpoint."""
        return not self.findings


@asynccontextmanager
async def asking_checkpoints(
    data_dir: Path | None, database_url: str | None, *, create_key: bool = False, tell: Tell | None = None
) -> AsyncIterator[OpenCheckpoints]:
    """Checkpoints of the database that a command means. Raises what opening a database raises, Broken, Refused."""
    settings = Settings()
    home = data_dir or settings.data_dir
    async with (
        open_database(data_dir, database_url, settings=settings, on_progress=tell) as database,
        open_checkpoints(database.runtime_url, settings, home, create_key=create_key) as opened,
    ):
        yield opened


async def make_checkpoint(data_dir: Path | None, database_url: str | None, tell: Tell | None = None) -> Made:
    """Sign a checkpoint now; where a server does so, the newest is its next one.

    Raises Refused `checkpoint_key_missing` without the key, Busy `checkpoint_elsewhere` while a server holds the journal.
    """
    async with asking_checkpoints(data_dir, database_url, create_key=True, tell=tell) as opened:
        if opened.checkpointer is None:
            raise Refused(
                "The key that signs this database's checkpoints is not here. Give its file in ACCRUAL_CHECKPOINT_KEY_FILE.",
                code="checkpoint_key_missing",
            )
        with opened.journal.hold() as ours:
            if not ours:
                raise Busy(
                    "A running server signs checkpoints of this data directory. Run accrual checkpoint show for its newest.",
                    code="checkpoint_elsewhere",
                )
            return await opened.checkpointer.make()


async def check_against(
    text: str,
    data_dir: Path | None,
    database_url: str | None,
    *,
    key: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    tell: Tell | None = None,
) -> AgainstReport:
    """Hold today's history against a checkpoint's text; `key` is the public key that must have signed it.

    Raises Invalid for a text that is no checkpoint or one that the key did not sign, Missing `checkpoint_unknown`, Broken
    `checkpoint_forked`.
    """
    note = read_note(text)
    async with asking_checkpoints(data_dir, database_url, tell=tell) as opened:
        trusted = read_verifier_key(key) if key is not None else opened.verifier
        if trusted is None:
            raise Invalid(
                "Name the public key that signed the checkpoint with --key: this installation has none.",
                code="checkpoint_key_missing",
            )
        check_signature(note, trusted)
        record = find_record(note, await _lines(opened))
        check = ExtensionCheck(opened.history, record, opened.journal.lines, on_progress=on_progress)
        found = await check.run()
    return AgainstReport(
        checkpoint=record.number,
        recorded_at=record.recorded_at.isoformat(),
        signed_by=trusted.text(),
        commands=check.commands,
        findings=tuple(
            Finding(check=fault.check, text=fault.text, bucket=bucket, position=fault.position, account=None)
            for bucket, fault in found
        ),
    )


def check_signature(note: Note, key: VerifierKey) -> None:
    """Raises Invalid `checkpoint_unsigned` unless this key signed the note."""
    for each in note.signatures:
        if (each.name, each.key_id) == (key.name, key.key_id) and signed_by(key, note.signed, each.signature):
            return
    raise Invalid(
        f"The checkpoint is not signed by the key {key.text()}. Give the key that signed it with --key.",
        code="checkpoint_unsigned",
    )


async def _lines(opened: OpenCheckpoints) -> Iterable[JournalLine]:
    """The journal's lines; without a journal those of the table, where it still has all."""
    if opened.journal.last() is not None:
        return opened.journal.lines()
    lines: list[JournalLine] = []
    while page := await opened.table.lines_after(lines[-1].number if lines else 0, LINES_A_PAGE):
        lines += page
    return lines
