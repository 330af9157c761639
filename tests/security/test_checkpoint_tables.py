"""What an owner changes beside the log is named against a checkpoint: catalogue, keys, audit, draws, identities, counters."""

from __future__ import annotations

from pathlib import Path

import pytest

from accrual.store.connection import Pool
from tests.pg_fixtures import Database
from tests.security.checkpointing import HERE, Log, log_of, play, tables_named
from tests.store.wiring import apply_example

pytestmark = pytest.mark.security

DRAW_ROUND = (
    "insert into draw_round (promo_id, round, programme_id, revision, commitment, recorded_at, actor, share) "
    "values (77, 1, 1, 1, 'c0ffee', '2026-01-01', 'test', 's')"
)
WINNER = (
    "insert into draw_winner (promo_id, round, pick, piece, prize, asset, amount, bucket, number, ticket, member_id, drawn_at) "
    "values (77, 1, 0, 0, 'CAR', 'PTS', 1, 7, 1, '00000000-0000-8007-8000-000000000001', 'm', '2026-01-01')"
)
TICKET = "'00000000-0000-8007-8000-000000000001'"
SEALED = {
    "draw_entry": "(bucket, promo_id, round, number, position, units, member_id, chain) values (7, 77, 1, 1, 2, 1, 'm', 'x')",
    "counter": "(bucket, member_id, promo_id, slot, period, position, value_after) values (7, 'm', 1, 0, 0, 2, 5)",
    "earning": "(bucket, account, position, occurred_at, units) values (7, 9, 2, '2026-01-01', 5)",
    "undone": f"(bucket, target, award, fact, line, position, units_after) values (7, {TICKET}, 0, 0, 0, 2, 5)",
    "awaited": f"(bucket, target, position) values (7, {TICKET}, 2)",
    "referral": "(bucket, member_id, position, referrer_kind, referrer_value) values (7, 'm', 2, 'k', 'v')",
    "outbox": "(bucket, sequence, position, recorded_at, kind, payload) values (7, 1, 2, '2026-01-01', 'k', 'p')",
    "profile": "(bucket, member_id, position, document) values (7, 'm', 2, 'd')",
    "lot_snapshot": "(bucket, account, position, lots) values (7, 9, 2, 'l')",
    "unposted": "(bucket, member_id, position) values (7, 'm', 2)",
    "hold": f"(bucket, hold_id, account, position, amount, resolved_position) values (7, {TICKET}, 9, 2, 5, 3)",
    "held_command": (
        f"(bucket, ticket, position, programme_id, verdict, verdict_position) values (7, {TICKET}, 2, 1, 1, 3)"
    ),
    "held_referral": (
        f"(bucket, claim, position, programme_id, verdict, verdict_position) values (7, {TICKET}, 2, 1, 1, 3)"
    ),
    "parked": "(bucket, position, parked_at, error, tries) values (7, 2, '2026-01-01', 'e', 1)",
}
"""A row of each table whose rows never change once written, at position 2 of a bucket."""


@pytest.fixture
async def case(database: Database, pool: Pool, owner_pool: Pool, tmp_path: Path) -> tuple[Log, Pool, str]:
    """Two checkpoints: of the first the note is kept, so changes must be found behind and before the second."""
    await apply_example(database)
    await play(database, pool, HERE, 0, 4)
    for statement in (DRAW_ROUND, WINNER, *(f"insert into {table} {row}" for table, row in SEALED.items())):
        await owner_pool.execute(statement)
    log = log_of(database, tmp_path)
    note = (await log.make()).published.note
    await play(database, pool, HERE, 10, 4)
    return log, owner_pool, note


TAMPERING = [
    (
        "update promo_version set document = jsonb_set(document, '{name}', '\"x\"') where promo_version_id = 1",
        "promo_version",
    ),
    ("update promo_version set effective_from = '2020-01-01' where promo_version_id = 1", "promo_version"),
    ("delete from promo_version where promo_version_id = 1", "promo_version"),
    ("update programme_revision set settings = '{}' where revision = 1", "programme_revision"),
    ("update client set key_digest = 'other' where client_id = 1", "client"),
    ("update client set document = jsonb_set(document, '{rights}', '[\"native\"]') where client_id = 1", "client"),
    ("update client set ended_at = '2026-01-01' where client_id = 1", "client"),
    ("update asset set document = '{}' where asset_id = 1", "asset"),
    ("update promo set origin = 'other' where promo_id = 1", "promo"),
    ("update programme set revision = 9", "programme"),
    ("update migration set digest = 'x' where name like '0001%'", "migration"),
    ("delete from migration where name like '0001%'", "migration"),
    ("update audit set actor = 'somebody else'", "audit"),
    ("update audit set after = '{}'", "audit"),
    ("delete from audit", "audit"),
    ("update audit_chain set actor = 'somebody else' where number = 1", "audit_chain"),
    ("update draw_round set commitment = 'other'", "draw_round"),
    ("update draw_round set beacon = 'other'", "draw_round"),
    ("update draw_round set share = 'other'", "draw_round"),
    ("delete from draw_round", "draw_round"),
    ("update draw_winner set member_id = 'n'", "draw_winner"),
    ("update draw_entry set member_id = 'n'", "draw_entry"),
    ("update earning set units = 6", "earning"),
    ("update undone set units_after = 0", "undone"),
    ("update referral set referrer_value = 'w'", "referral"),
    ("update outbox set kind = 'q'", "outbox"),
    ("update profile set document = 'e'", "profile"),
    ("update lot_snapshot set lots = 'm'", "lot_snapshot"),
    ("update hold set amount = 6", "hold"),
    ("update hold set resolved_position = null", "hold"),
    ("update held_command set verdict = 2", "held_command"),
    ("update held_referral set verdict = 2", "held_referral"),
    ("update parked set error = 'f'", "parked"),
    *((f"delete from {table} where bucket = 7 and position = 2", table) for table in SEALED),
    (
        "insert into counter (bucket, member_id, promo_id, slot, period, position, value_after) values (7, 'n', 1, 0, 0, 4, 5)",
        "counter",
    ),
    ("update counter set value_after = value_after - 1 where bucket = 7", "counter"),
    ("update identity set value = value || 'x' where bucket = 7", "identity"),
    ("update identity set member_id = set_byte(member_id, 9, 1) where bucket = 7", "identity"),
    ("delete from identity where bucket = 7", "identity"),
    ("update member set merged_into = set_byte(member_id, 9, 1) where bucket = 7", "member"),
    ("update member set enrolled_at = enrolled_at - interval '1 day' where bucket = 7", "member"),
    ("update checkpoint_row set digest = 'x' where sequence = 1", "checkpoint_row"),
    ("delete from checkpoint_row where sequence = 0", "checkpoint_row"),
    ("update checkpoint_seal set tables = ''", "checkpoint_seal"),
]


async def test_sound_history_extends_the_checkpoint(case: tuple[Log, Pool, str]) -> None:
    log, _, note = case
    assert await log.against(note) == []
    assert await log.against((await log.make()).published.note) == []
    assert await log.against(note) == []


async def test_every_tampering_is_named_by_its_table(case: tuple[Log, Pool, str]) -> None:
    """Each alone, rolled back after it; triggers are off, as an owner would have them."""
    log, owner, note = case
    missed = {}
    for statement, table in TAMPERING:
        named = await tables_named(log, owner, note, statement)
        if table not in named:
            missed[statement] = named
    assert missed == {}


async def test_what_was_changed_before_the_next_checkpoint_stays_named(case: tuple[Log, Pool, str]) -> None:
    log, owner, note = case
    await owner.execute("alter table client disable trigger user")
    await owner.execute("update client set key_digest = 'other' where client_id = 1")
    await log.make()
    texts = [text for _, _, text in await log.against(note)]
    assert texts == ["client [1] was changed before checkpoint 2, and no audit row says so"]


async def test_change_through_accrual_is_explained_by_its_audit_row(
    case: tuple[Log, Pool, str], database: Database, tmp_path: Path
) -> None:
    from tests.store.wiring import PROGRAMME_FILE

    log, _, note = case
    changed = tmp_path / "programme.yaml"
    text = PROGRAMME_FILE.read_text(encoding="utf-8")
    changed.write_text(text.replace("name: Lucky Draw", "name: Luckier Draw", 1), encoding="utf-8")
    assert changed.read_text(encoding="utf-8") != text
    await apply_example(database, changed)
    assert await log.against(note) == []
    await log.make()
    assert await log.against(note) == []
