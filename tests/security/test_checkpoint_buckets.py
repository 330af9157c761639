"""A bucket that an owner cut, wiped or rewrote with a recomputed chain does not extend a checkpoint, and is named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from accrual.bootstrap.asking import verify_books
from accrual.domain.chain import HEAD_FIRST
from accrual.domain.errors import Broken, Conflict, Missing, Refused
from accrual.domain.notes import read_note
from accrual.store.connection import Pool
from tests.pg_fixtures import Database
from tests.security.checkpointing import HERE, THERE, Log, forge, log_of, play
from tests.store.wiring import apply_example

pytestmark = pytest.mark.security


@dataclass
class Case:
    """Two buckets, three checkpoints, and commands after the last one."""

    log: Log
    owner: Pool
    notes: list[str]


@pytest.fixture
async def case(database: Database, pool: Pool, owner_pool: Pool, tmp_path: Path) -> Case:
    await apply_example(database)
    log, notes = log_of(database, tmp_path), []
    for number in range(3):
        await play(database, pool, HERE, number * 4, 4)
        await play(database, pool, THERE, number * 2, 2)
        notes.append((await log.make()).published.note)
    await play(database, pool, HERE, 100, 3)
    return Case(log, owner_pool, notes)


async def _delete_from(owner: Pool, position: int) -> None:
    tables = await owner.fetch(
        "select table_name from information_schema.columns where table_schema = 'public' and column_name = 'position' and "
        "table_name in (select table_name from information_schema.columns where column_name = 'bucket')"
    )
    for (table,) in tables:
        await owner.execute(f"delete from {table} where bucket = $1 and position >= $2", HERE, position)


async def _books_are_clean(database: Database) -> None:
    """The tampering is such as no look at the books alone can see."""
    report = await verify_books(None, database.owner_url)
    assert report.clean, report.findings


async def test_history_that_grew_extends_every_checkpoint(case: Case) -> None:
    for note in case.notes:
        assert await case.log.against(note) == []
    made = await case.log.make()
    assert (made.commands, made.damaged) == (3, {})
    assert await case.log.against(made.published.note) == []


async def test_cut_bucket_is_named(case: Case) -> None:
    await _delete_from(case.owner, 9)
    await forge(case.owner, HERE, 9)
    await _books_are_clean(case.log.database)
    text = "checkpoint 3 covers 12 commands; the bucket was cut: 8 are there"
    assert await case.log.against(case.notes[2]) == [(HERE, 9, text)]
    assert await case.log.against(case.notes[1]) == [], "what checkpoint 2 covers is still there"


async def test_wiped_bucket_is_named(case: Case) -> None:
    tables = await case.owner.fetch(
        "select table_name from information_schema.columns where table_schema = 'public' and column_name = 'bucket' "
        "and table_name not in ('lane', 'tail', 'upkeep', 'checkpoint_seal')"
    )
    for (table,) in tables:
        await case.owner.execute(f"delete from {table} where bucket = $1", HERE)
    await case.owner.execute(
        "update lane set cursor = 1, prior_cursor = 1, chain = $2, outbox_next = 1 where bucket = $1", HERE, HEAD_FIRST
    )
    await case.owner.execute("update tail set next = 1 where bucket = $1", HERE)
    await _books_are_clean(case.log.database)
    for number, covered in ((1, 4), (3, 12)):
        text = f"checkpoint {number} covers {covered} commands; the bucket was wiped"
        assert await case.log.against(case.notes[number - 1]) == [(HERE, 1, text)]


async def test_rewritten_bucket_is_named_with_the_stretch_that_differs(case: Case) -> None:
    for table, column in (("command", "recorded_at"), ("line", "occurred_at")):
        await case.owner.execute(
            f"update {table} set {column} = {column} - interval '1 microsecond' where bucket = $1 and position = 5",
            HERE,
        )
    await forge(case.owner, HERE, 16)
    await _books_are_clean(case.log.database)
    assert await case.log.against(case.notes[0]) == [], "checkpoint 1 covers positions 1 to 4"
    for note in case.notes[1:]:
        ((bucket, position, text),) = await case.log.against(note)
        assert (bucket, position) == (HERE, 5)
        assert "rewritten: positions 5 to 8 are not those that checkpoint 2 covers" in text


async def test_shortened_and_grown_again_is_named(case: Case, database: Database, pool: Pool) -> None:
    await _delete_from(case.owner, 9)
    await forge(case.owner, HERE, 9)
    await play(database, pool, HERE, 900, 20)
    ((bucket, position, text),) = await case.log.against(case.notes[2])
    assert (bucket, position) == (HERE, 9)
    assert "positions 9 to 12" in text


async def test_no_checkpoint_is_signed_over_a_bucket_that_was_changed(case: Case) -> None:
    await _delete_from(case.owner, 11)
    await forge(case.owner, HERE, 11)
    made = await case.log.make()
    assert made.damaged == {HERE: "checkpoints cover 12 commands, and 10 are there"}
    ((bucket, _, text),) = await case.log.against(made.published.note)
    assert (bucket, text) == (HERE, "checkpoint 4 covers 12 commands; the bucket was cut: 10 are there")


async def test_chain_that_breaks_after_the_last_checkpoint_is_not_covered(case: Case) -> None:
    await case.owner.execute("update line set amount = amount + 1 where bucket = $1 and position = 14", HERE)
    made = await case.log.make()
    assert made.damaged == {HERE: "position 14 does not follow from the history before it"}
    assert made.commands == 1


async def test_tables_of_checkpoints_cannot_be_rolled_back_unseen(case: Case) -> None:
    await case.owner.execute("delete from checkpoint where number > 1")
    with pytest.raises(Refused, match="journal has checkpoint 3, the database only 1"):
        await case.log.make()


async def test_a_forged_stream_is_not_signed(case: Case) -> None:
    await case.owner.execute("update checkpoint_stream set hashes = set_byte(hashes, 0, 1) where name = 'log'")
    with pytest.raises(Refused, match="another root"):
        await case.log.make()


async def test_a_journal_that_was_changed_is_named(case: Case) -> None:
    path = case.log.home / "checkpoints.jsonl"
    whole = path.read_text(encoding="utf-8")
    lines = whole.splitlines(keepends=True)
    path.write_text(
        lines[0].replace('"leaf":"', '"leaf":"00', 1).replace("00", "", 0) + "".join(lines[1:]), encoding="utf-8"
    )
    with pytest.raises(Broken, match="another root"):
        await case.log.against(case.notes[2])
    path.write_text("".join(lines[:2]), encoding="utf-8")
    with pytest.raises(Missing, match="journal knows 2 checkpoints, this is number 3"):
        await case.log.against(case.notes[2])


async def test_what_did_not_reach_the_journal_is_added_to_it(case: Case) -> None:
    path = case.log.home / "checkpoints.jsonl"
    whole = path.read_text(encoding="utf-8")
    lines = whole.splitlines(keepends=True)
    path.write_text("".join(lines[:1]) + lines[1][:40], encoding="utf-8")
    await case.log.make()
    assert path.read_text(encoding="utf-8").startswith(whole)


async def test_two_at_once_make_one_checkpoint_of_a_number(case: Case) -> None:
    async with case.log.opened() as one, case.log.opened() as other:
        assert one.checkpointer is not None
        assert other.checkpointer is not None
        made = await one.checkpointer.make()
        line = (await other.table.lines_after(3, 1))[0]
        with pytest.raises(Conflict, match="made by another process"):
            await other.table.write(line, b"", [], [], [], keep_max=10)
    assert read_note(made.published.note).size == 4
