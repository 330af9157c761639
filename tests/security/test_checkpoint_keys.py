"""A key is rotated so that the old one vouches for the new one; a restored database begins a new log and says so."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pytest

from accrual.bootstrap.checkpointing import check_against, make_checkpoint, restart_log, rotate_key
from accrual.domain.errors import Busy, Invalid, Refused
from accrual.domain.notes import read_note
from accrual.store.connection import Pool
from tests.pg_fixtures import Database
from tests.security.checkpointing import HERE, play
from tests.store.wiring import apply_example

pytestmark = pytest.mark.security


@pytest.fixture
async def home(database: Database, pool: Pool, tmp_path: Path) -> Path:
    await apply_example(database)
    await play(database, pool, HERE, 0, 3)
    return tmp_path / "home"


async def test_rotated_key_goes_on_where_the_old_one_ended(home: Path, database: Database) -> None:
    first = (await make_checkpoint(home, database.owner_url)).published
    both = (await rotate_key(home, database.owner_url)).published
    third = (await make_checkpoint(home, database.owner_url)).published
    old, new = (each.key_id for each in read_note(both.note).signatures)
    assert [each.key_id for each in read_note(first.note).signatures] == [old]
    assert [each.key_id for each in read_note(third.note).signatures] == [new]
    assert sorted(os.listdir(home)) == ["checkpoint.key", "checkpoint.key.1", "checkpoints.jsonl"]  # noqa: PTH208
    for note in (both.note, third.note):
        assert (await check_against(note, home, database.owner_url)).clean
    with pytest.raises(Invalid, match="not signed by the key") as caught:
        await check_against(first.note, home, database.owner_url)
    assert caught.value.code == "checkpoint_unsigned"


async def test_another_key_signs_nothing(home: Path, database: Database, tmp_path: Path) -> None:
    await make_checkpoint(home, database.owner_url)
    with pytest.raises(Refused) as caught:
        await make_checkpoint(tmp_path / "elsewhere", database.owner_url)
    assert caught.value.code == "checkpoint_key_missing"
    await rotate_key(home, database.owner_url)
    await make_checkpoint(home, database.owner_url)
    with (
        mock.patch.dict(os.environ, {"ACCRUAL_CHECKPOINT_KEY_FILE": str(home / "checkpoint.key.1")}),
        pytest.raises(Refused) as caught,
    ):
        await make_checkpoint(None, database.owner_url)
    assert caught.value.code == "checkpoint_key_other"


async def test_external_database_without_a_key_file_has_no_checkpoints(home: Path, database: Database) -> None:
    with pytest.raises(Refused, match="ACCRUAL_CHECKPOINT_KEY_FILE"):
        await make_checkpoint(None, database.owner_url)


async def test_restored_database_begins_a_new_log_that_says_why(
    home: Path, database: Database, pool: Pool, owner_pool: Pool
) -> None:
    kept = (await make_checkpoint(home, database.owner_url)).published
    with pytest.raises(Refused) as caught:
        await restart_log("no need", "cli ann", home, database.owner_url)
    assert caught.value.code == "checkpoint_restart_needless"
    await make_checkpoint(home, database.owner_url)
    # As an older backup has it: neither the second checkpoint nor how far it went.
    await owner_pool.execute("delete from checkpoint where number > 1")
    with pytest.raises(Refused, match="restored from a backup"):
        await make_checkpoint(home, database.owner_url)
    made = await restart_log("restored the backup of May", "cli ann", home, database.owner_url)
    note = read_note(made.published.note)
    assert (note.origin, note.size) == (f"{read_note(kept.note).origin}/restart-1", 1)
    assert (home / "checkpoints.2.jsonl").exists()
    after = await owner_pool.fetchval("select after ->> 'reason' from audit where subject = 'checkpoints'")
    assert after == "restored the backup of May"
    assert (await check_against(made.published.note, home, database.owner_url)).clean
    await play(database, pool, HERE, 10, 2)
    assert (await make_checkpoint(home, database.owner_url)).published.number == 2
    with pytest.raises(Invalid, match=r"belongs to log .*restart-1 is the log of this installation"):
        await check_against(kept.note, home, database.owner_url)


async def test_only_one_process_makes_checkpoints(home: Path, database: Database) -> None:
    from accrual.bootstrap.checkpoint_journal import JournalFile

    with JournalFile(home / "checkpoints.jsonl").hold(), pytest.raises(Busy) as caught:
        await make_checkpoint(home, database.owner_url)
    assert caught.value.code == "checkpoint_elsewhere"


async def test_second_history_signed_with_the_same_key_is_a_finding(home: Path, database: Database) -> None:
    """A journal that was replaced, as by an operator who shows one history here and another there."""
    await make_checkpoint(home, database.owner_url)
    kept = (await make_checkpoint(home, database.owner_url)).published
    journal = home / "checkpoints.jsonl"
    first, second = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    leaf = first.partition('"leaf":"')[2][:64]
    journal.write_text(first.replace(leaf, "0" * 64) + second, encoding="utf-8")
    report = await check_against(kept.note, home, database.owner_url)
    assert [each.check for each in report.findings] == ["checkpoint"]
    assert "lead to another root than the one that was signed" in report.findings[0].text
