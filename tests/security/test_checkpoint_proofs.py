"""Proofs convince the offline verifier of what is so, and of nothing that was changed in them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from accrual import checkpoint_verify
from accrual.bootstrap.checkpoint_journal import JournalFile
from accrual.checkpoint_verify import NotProved, Unreadable, verify
from accrual.domain.errors import Broken, Invalid, Missing
from accrual.engine.checkpoint_proofs import Prover
from accrual.store.connection import Pool
from tests.pg_fixtures import Database
from tests.security.checkpointing import HERE, THERE, log_of, play
from tests.store.wiring import apply_example

pytestmark = pytest.mark.security


def _changed(proof: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    """The same proof with one leaf value changed, for every value in it."""
    found = []
    items: list[tuple[str | int, Any]] = (
        list(proof.items()) if isinstance(proof, dict) else list(enumerate(proof)) if isinstance(proof, list) else []
    )
    for name, value in items:
        if isinstance(value, dict | list):
            for place, inner in _changed(value, (*path, name)):
                whole = copy.copy(proof)
                whole[name] = inner
                found.append((place, whole))
            if isinstance(value, list) and value:
                whole = copy.copy(proof)
                whole[name] = value[:-1]
                found.append(((*path, name, "shorter"), whole))
            continue
        whole = copy.copy(proof)
        if value is None:
            whole[name] = 1
        elif isinstance(value, int):
            whole[name] = value + 1
        else:
            whole[name] = _other(value)
        found.append(((*path, name), whole))
    return found


def _other(text: str) -> str:
    """The text with one of its last digits or letters changed."""
    for place in reversed(range(len(text))):
        if text[place].isalnum():
            return text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]
    return text + "0"


async def test_proofs_hold_and_no_changed_one_does(
    database: Database, pool: Pool, owner_pool: Pool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await apply_example(database)
    log, notes = log_of(database, tmp_path), []
    for number in range(3):
        await play(database, pool, HERE, number * 5, 5)
        if number != 1:
            await play(database, pool, THERE, number, 1)
        notes.append((await log.make()).published.note)
    journal = JournalFile(tmp_path / "checkpoints.jsonl")
    ticket = await pool.fetchval("select ticket from command where bucket = $1 and position = 7", HERE)
    newer = await pool.fetchval("select ticket from command where bucket = $1 and position = 13", HERE)
    async with log.opened() as opened:
        assert opened.verifier is not None
        key = opened.verifier.text()
        prover = Prover(opened.history, journal.lines)
        inclusion = [await prover.inclusion(ticket.bytes, number) for number in (2, 3)]
        consistency = [await prover.consistency(*pair) for pair in ((1, 3), (2, 3), (1, 2), (3, 3))]
        with pytest.raises(Missing, match="does not cover"):
            await prover.inclusion(newer.bytes, 2)
        with pytest.raises(Missing, match="no checkpoint 4"):
            await prover.inclusion(ticket.bytes, 4)
        with pytest.raises(Invalid, match="older one first"):
            await prover.consistency(3, 1)
    for proof in (*inclusion, *consistency):
        assert json.loads(json.dumps(proof)) == proof
        assert len(verify(proof, key)) >= 2
    assert str(ticket) in verify(inclusion[0], key, [notes[1]])[-1]
    with pytest.raises(NotProved, match="none of those"):
        verify(inclusion[0], key, [notes[0]])
    verify(consistency[0], key, [notes[0], notes[2]])

    held = [
        place for proof in (inclusion[1], consistency[0]) for place, changed in _changed(proof) if _holds(changed, key)
    ]
    assert held == [], "each value of a proof matters"

    file = tmp_path / "proof.json"
    file.write_text(json.dumps(inclusion[0]), encoding="utf-8")
    kept = tmp_path / "kept.txt"
    kept.write_text(notes[1], encoding="utf-8")
    assert checkpoint_verify.main([str(file), "--key", key, "--checkpoint", str(kept)]) == 0
    assert f"it covers ticket {ticket}" in capsys.readouterr().out
    kept.write_text(notes[2], encoding="utf-8")
    assert checkpoint_verify.main([str(file), "--key", key, "--checkpoint", str(kept)]) == 1
    assert "NOT PROVED" in capsys.readouterr().out
    assert checkpoint_verify.main([str(file), "--key", "x"]) == 2
    assert checkpoint_verify.main([str(tmp_path / "none"), "--key", key]) == 2

    await owner_pool.execute("update line set amount = amount + 1 where bucket = $1 and position = 3", HERE)
    async with log.opened() as opened:
        prover = Prover(opened.history, journal.lines)
        with pytest.raises(Broken, match="no longer what checkpoints cover"):
            await prover.inclusion(ticket.bytes, 3)
        with pytest.raises(Broken, match="no longer what checkpoints cover"):
            await prover.consistency(1, 3)


def _holds(proof: dict[str, Any], key: str) -> bool:
    try:
        verify(proof, key)
    except (NotProved, Unreadable):
        return False
    return True
