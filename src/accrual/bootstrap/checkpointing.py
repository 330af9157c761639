"""What commands about checkpoints open: database, data directory, journal and key, and the check of a history against one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from accrual.bootstrap.checkpoint_journal import JOURNAL_NAME, JournalFile
from accrual.bootstrap.checkpoint_keys import open_key, signed_by
from accrual.bootstrap.checkpoints import HOMELESS, OpenCheckpoints, home_of, key_path, open_checkpoints
from accrual.bootstrap.clocks import new_id, utc_now
from accrual.bootstrap.opening import open_database
from accrual.bootstrap.settings import read_settings
from accrual.domain.checkpoints import JournalLine
from accrual.domain.errors import Broken, Busy, Invalid, Missing, Refused
from accrual.domain.notes import Note, VerifierKey, read_note, read_verifier_key
from accrual.engine.checkpoint_check import ExtensionCheck, find_record
from accrual.engine.checkpoint_proofs import Prover
from accrual.engine.checkpoints import Made
from accrual.engine.verify import Finding
from accrual.store.checkpoints import begin_anew

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
    data_dir: Path | None,
    database_url: str | None,
    *,
    create_key: bool = False,
    also: Path | None = None,
    origin: str | None = None,
    tell: Tell | None = None,
) -> AsyncIterator[OpenCheckpoints]:
    """Checkpoints of the database that a command means. Raises what opening a database raises, Broken, Refused."""
    settings = read_settings()
    home = home_of(settings, data_dir, database_url)
    if home is None and create_key:
        raise Refused(HOMELESS, code="checkpoint_key_missing")
    async with (
        open_database(data_dir, database_url, settings=settings, on_progress=tell) as database,
        open_checkpoints(
            database.runtime_url, settings, home or settings.data_dir, create_key=create_key, also=also, origin=origin
        ) as opened,
    ):
        yield opened


async def make_checkpoint(
    data_dir: Path | None,
    database_url: str | None,
    tell: Tell | None = None,
    *,
    also: Path | None = None,
    origin: str | None = None,
) -> Made:
    """Sign a checkpoint now, with the key of file `also` too; `origin` names a log that has none yet.

    Raises Refused `checkpoint_key_missing` without the key, Busy `checkpoint_elsewhere` while a server holds the journal.
    """
    async with asking_checkpoints(
        data_dir, database_url, create_key=True, also=also, origin=origin, tell=tell
    ) as opened:
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

    A checkpoint that the installation's journal does not lead to is a finding. Raises Invalid for a text that is no checkpoint
    or one that the key did not sign, Missing `checkpoint_unknown`.
    """
    note = read_note(text)
    async with asking_checkpoints(data_dir, database_url, tell=tell) as opened:
        trusted = read_verifier_key(key) if key is not None else opened.verifier
        if trusted is None:
            raise Invalid(
                "Name the public key that signed the checkpoint with --key: this installation has none.",
                code="checkpoint_key_missing",
            )
        if note.origin != opened.origin:
            raise Invalid(
                f"The checkpoint belongs to log {note.origin}; {opened.origin} is the log of this installation. A log that was "
                "restarted extends none of its checkpoints from before.",
                code="checkpoint_other_log",
            )
        check_signature(note, trusted)
        lines = await _lines(opened)
        try:
            record = find_record(note, lines())
        except Broken as error:
            if error.code != "checkpoint_forked":
                raise
            return _forked(note, trusted, error)
        check = ExtensionCheck(opened.history, record, lines, on_progress=on_progress)
        found = await check.run()
    return AgainstReport(
        checkpoint=record.number,
        recorded_at=record.recorded_at.isoformat(),
        signed_by=trusted.text(),
        commands=check.commands,
        findings=tuple(
            Finding(check=fault.check, text=fault.text, bucket=bucket, position=fault.position, table=fault.table)
            for bucket, fault in found
        ),
    )


def _forked(note: Note, key: VerifierKey, error: Broken) -> AgainstReport:
    """A checkpoint that is not in the installation's own journal is the gravest finding there is."""
    return AgainstReport(
        checkpoint=note.size,
        recorded_at="a time that the journal does not know",
        signed_by=key.text(),
        commands=0,
        findings=(Finding(check="checkpoint", text=error.message),),
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


async def prove_ticket(
    ticket: bytes, number: int | None, data_dir: Path | None, database_url: str | None, tell: Tell | None = None
) -> dict[str, Any]:
    """A proof that a checkpoint (None: the newest) covers a ticket. Raises Missing, Broken `history_changed`."""
    async with asking_checkpoints(data_dir, database_url, tell=tell) as opened:
        lines = await _lines(opened)
        if number is None:
            newest = await opened.table.newest()
            if newest is None:
                raise Missing("There is no checkpoint yet. Run accrual checkpoint make.", code="checkpoint_unknown")
            number = newest.number
        return await Prover(opened.history, lines).inclusion(ticket, number)


async def prove_consistency(
    old: int, new: int, data_dir: Path | None, database_url: str | None, tell: Tell | None = None
) -> dict[str, Any]:
    """A proof that checkpoint `new` extends checkpoint `old`. Raises Invalid, Missing, Broken `history_changed`."""
    async with asking_checkpoints(data_dir, database_url, tell=tell) as opened:
        return await Prover(opened.history, await _lines(opened)).consistency(old, new)


async def _lines(opened: OpenCheckpoints) -> Callable[[], Iterable[JournalLine]]:
    """Reads the journal from its beginning; where there is none, the table, which may not have all."""
    if opened.journal.last() is not None:
        return opened.journal.lines
    found: list[JournalLine] = []
    while page := await opened.table.lines_after(found[-1].number if found else 0, LINES_A_PAGE):
        found += page
    return lambda: found


async def rotate_key(data_dir: Path | None, database_url: str | None, tell: Tell | None = None) -> Made:
    """Make a new key and sign one checkpoint with both; the old key's file gets a number. Raises as `make_checkpoint`."""
    settings = read_settings()
    home = home_of(settings, data_dir, database_url)
    if home is None:
        raise Refused(HOMELESS, code="checkpoint_key_missing")
    path = key_path(settings, home)
    fresh = path.with_name(f"{path.name}.new")
    open_key(fresh, create=True)
    made = await make_checkpoint(data_dir, database_url, tell, also=fresh)
    number = 1
    while (old := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    path.rename(old)
    fresh.rename(path)
    return made


async def restart_log(
    reason: str, actor: str, data_dir: Path | None, database_url: str | None, tell: Tell | None = None
) -> Made:
    """Begin a new log over a database that does not extend the old one any more, and sign its first checkpoint.

    The old journal is kept under another name; an audit row notes the reason and the old log's last checkpoint. Raises
    Refused `checkpoint_restart_needless` while the database extends its journal, Busy `checkpoint_elsewhere`.
    """
    settings = read_settings()
    home = home_of(settings, data_dir, database_url)
    if home is None:
        raise Refused(HOMELESS, code="checkpoint_key_missing")
    journal = JournalFile(home / JOURNAL_NAME)
    async with open_database(data_dir, database_url, settings=settings, on_progress=tell) as database:
        with journal.hold() as ours:
            if not ours:
                raise Busy("A running server signs checkpoints here. Stop it first.", code="checkpoint_elsewhere")
            last = journal.last()
            async with open_checkpoints(database.runtime_url, settings, home, create_key=False) as opened:
                newest = await opened.table.newest()
            if last is None or (newest is not None and newest.number >= last.number):
                raise Refused(
                    "The database has all checkpoints of its journal, so nothing has to begin anew.",
                    code="checkpoint_restart_needless",
                )
            note = read_note(last.note)
            origin, _, count = note.origin.partition("/restart-")
            await begin_anew(
                database.owner_url,
                recorded_at=utc_now(),
                actor=actor,
                reason=reason,
                last_note=last.note,
                audit_id=new_id(),
            )
            journal.path.rename(home / f"checkpoints.{last.number}.jsonl")
    name = f"{origin}/restart-{int(count or 0) + 1}"
    return await make_checkpoint(data_dir, database_url, tell, origin=name)
