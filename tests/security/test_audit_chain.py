"""Every change of the catalogue is in a chain that the database writes: also those that nobody made through Accrual."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import asyncpg
import pytest

from accrual.bootstrap.programme import apply_file
from accrual.domain.audit_chain import HEAD_FIRST, ChainedChange, advance_audit
from accrual.engine.verify import Verification
from accrual.store.audit import act_for, chained_changes, chained_programmes, unexplained_rows
from accrual.store.connection import Connection, Pool
from accrual.store.postgres import connect
from accrual.store.verify import Books
from tests.pg_fixtures import Database
from tests.store.wiring import BUCKETS

pytestmark = pytest.mark.security

SEEDS, DRAWS = Path("examples/seeds/programme.yaml"), Path("examples/draws/programme.yaml")

# What somebody with the owner's rights would change past Accrual, with all triggers off.
SILENT = {
    "programme": "update programme set revision = revision + 1",
    "programme_revision": "update programme_revision set settings = settings || '{\"daily_max\": 1}'",
    "asset": 'update asset set document = document || \'{"name": "x"}\' where asset_id = 1',
    "client": "update client set key_digest = sha256('mine') where client_id = 1",
    "promo": "update promo set origin = 'other' where promo_id = 1",
    "promo_version": 'update promo_version set document = document || \'{"name": "x"}\' where promo_version_id = 1',
    "draw_round": "update draw_round set commitment = 'other' where promo_id = (select min(promo_id) from draw_round)",
    "draw_secret": "update draw_secret set secret = sha256('mine') where promo_id = (select min(promo_id) from draw_round)",
    "setting": "update setting set value = '1' where name = 'buckets'",
    "installation_secret": "update installation_secret set value = sha256('mine')",
    "audit": "update audit set actor = 'somebody else' where audit_id = (select min(audit_id::text)::uuid from audit)",
    "audit cut": "delete from audit where audit_id = (select min(audit_id::text)::uuid from audit)",
    "client cut": "delete from client where client_id = 1",
    "client added": "insert into client (client_id, programme_id, code, document) values (99, 1, 'mine', '{}')",
}

GOING_ROUND = (
    "insert into audit_chain select * from audit_chain",
    "update audit_chain set actor = 'x'",
    "delete from audit_chain",
    "truncate audit_chain",
    "select audit_append(1, 'client', '1', 'update', null, null, 'x', null)",
    "select audit_adopt()",
    "create trigger mine after insert on client for each row execute function audit_change('x')",
    "alter table client disable trigger audit_client",
    "drop trigger audit_client on client",
    "create or replace function audit_digest(content jsonb) returns bytea language sql as 'select null::bytea'",
    "set session_replication_role = replica",
)


async def _chain(pool: Connection | Pool, programme_id: int) -> list[ChainedChange]:
    return [change async for change in chained_changes(pool, programme_id)]


async def test_every_programmes_chain_has_no_gap_and_is_what_python_computes(
    database: Database, owner_pool: Pool
) -> None:
    await apply_file(SEEDS, database.runtime_url, actor="ana")
    await apply_file(DRAWS, database.runtime_url, actor="ben")
    assert await chained_programmes(owner_pool) == [0, 1, 2]
    for programme_id in (0, 1, 2):
        head = HEAD_FIRST
        changes = await _chain(owner_pool, programme_id)
        assert [change.number for change in changes] == list(range(1, len(changes) + 1))
        for change in changes:
            head = advance_audit(head, change)
            assert change.chain == head


async def test_chain_names_for_whom_accrual_changed_each_row(database: Database, owner_pool: Pool) -> None:
    await apply_file(DRAWS, database.roles_url, actor="ana")
    changes = await _chain(owner_pool, 1)
    assert {change.acting_role for change in changes} == {"accrual_admin"}
    assert {change.actor for change in changes} == {"ana"}
    assert {change.session_role for change in changes} == {"accrual_runtime"}
    assert {change.details for change in changes} == {None}
    assert {change.subject for change in changes} >= {
        *("programme", "programme_revision", "asset", "client", "promo", "promo_version", "draw_round", "draw_secret"),
        "audit",
    }
    assert await unexplained_rows(owner_pool) == []


async def test_direct_change_is_noted_with_its_login_and_without_secrets(database: Database, owner_pool: Pool) -> None:
    await apply_file(SEEDS, database.runtime_url, actor="ana")
    before = len(await _chain(owner_pool, 1))
    await owner_pool.execute(SILENT["client"])
    (change,) = (await _chain(owner_pool, 1))[before:]
    assert (change.subject, change.subject_key, change.operation) == ("client", "1", "update")
    assert (change.actor, change.session_role) == (None, "accrual_owner")
    details = json.loads(change.details or "")
    assert details["concealed_changed"] is True
    assert details["after"]["code"] == details["before"]["code"]
    assert "key_digest" not in (change.details or "")
    assert await unexplained_rows(owner_pool) == []


async def test_clock_that_steps_back_leaves_no_row_unexplained(database: Database, owner_pool: Pool) -> None:
    await apply_file(SEEDS, database.runtime_url, actor="ana")
    await owner_pool.execute(SILENT["client"])
    newest = len(await _chain(owner_pool, 1))
    await owner_pool.execute(
        "update audit_chain set recorded_at = recorded_at - interval '1 day' where programme_id = 1 and number = $1",
        newest,
    )
    assert await unexplained_rows(owner_pool) == []
    await owner_pool.execute("select audit_adopt()")
    assert len(await _chain(owner_pool, 1)) == newest


async def test_change_with_the_triggers_off_is_unexplained(database: Database) -> None:
    await apply_file(DRAWS, database.runtime_url, actor="ana")
    superuser = await connect(database.superuser_url, label="test")
    await superuser.execute("set session_replication_role = replica")
    for name, change in SILENT.items():
        transaction = superuser.transaction()
        await transaction.start()
        assert not (await superuser.execute(change)).endswith(" 0"), name
        found = await unexplained_rows(superuser)
        assert {row.subject for row in found} == {name.split()[0]}, name
        assert {row.stands for row in found} == {not name.endswith("cut")}, name
        await transaction.rollback()
    await superuser.close()


async def test_changed_entry_breaks_the_chain(database: Database, owner_pool: Pool) -> None:
    await apply_file(SEEDS, database.runtime_url, actor="ana")
    await owner_pool.execute("update audit_chain set actor = 'ben' where programme_id = 1 and number = 3")
    changes = await _chain(owner_pool, 1)
    assert advance_audit(changes[1].chain, changes[2]) != changes[2].chain


async def test_runtime_role_can_neither_write_the_chain_nor_go_round_it(pool: Pool) -> None:
    for attempt in GOING_ROUND:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(attempt)


async def test_two_writers_at_once_leave_no_gap(database: Database, owner_pool: Pool) -> None:
    await apply_file(SEEDS, database.runtime_url, actor="ana")
    known = len(await _chain(owner_pool, 1))

    async def write(name: str) -> None:
        connection = await connect(database.owner_url, label=name)
        for _ in range(20):
            async with connection.transaction():
                await act_for(connection, name)
                await connection.execute("update asset set document = document where asset_id = 1")
        await connection.close()

    await asyncio.gather(write("ana"), write("ben"))
    changes = (await _chain(owner_pool, 1))[known:]
    assert [change.number for change in changes] == list(range(known + 1, known + 41))
    assert sorted(change.actor or "" for change in changes) == ["ana"] * 20 + ["ben"] * 20


async def test_catalogue_older_than_the_chain_is_adopted(database: Database, owner_pool: Pool) -> None:
    await apply_file(SEEDS, database.runtime_url, actor="ana")
    rows = len(await owner_pool.fetch("select from audit_state() where programme_id = 1"))
    await owner_pool.execute("truncate audit_chain")
    assert len(await unexplained_rows(owner_pool)) > rows
    await owner_pool.execute("select audit_adopt()")
    assert await unexplained_rows(owner_pool) == []
    changes = await _chain(owner_pool, 1)
    assert [(change.number, change.operation) for change in changes] == [(n, "adopt") for n in range(1, rows + 1)]
    await owner_pool.execute("select audit_adopt()")
    assert len(await _chain(owner_pool, 1)) == rows


async def _catalogue_findings(database: Database) -> list[tuple[str | None, str]]:
    """(table, text) of what verify says beside the buckets."""
    books = Books(database.runtime_url, BUCKETS)
    try:
        report = await Verification(books).run([0], whole=True)
    finally:
        await books.close()
    return [(finding.table, finding.text) for finding in report.findings]


async def test_verify_names_what_no_chained_change_explains(database: Database) -> None:
    await apply_file(DRAWS, database.runtime_url, actor="ana")
    assert await _catalogue_findings(database) == []
    superuser = await connect(database.superuser_url, label="test")
    await superuser.execute("set session_replication_role = replica")
    for name in ("client", "promo_version", "draw_secret", "setting", "audit cut", "client added"):
        await superuser.execute(SILENT[name])
    found = await _catalogue_findings(database)
    assert sorted({str(table) for table, _ in found}) == ["audit", "client", "draw_secret", "promo_version", "setting"]
    texts = " ".join(text for _, text in found)
    for said in ("is not as change", "is gone, and no", "was added, and no"):
        assert said in texts
    await superuser.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("update audit_chain set actor = 'ben' where programme_id = 1 and number = 3", "change 3 of"),
        ("delete from audit_chain where programme_id = 1 and number = 2", "change 3 of"),
        ("update audit_chain set chain = sha256('x') where programme_id = 0 and number = 1", "change 1 of"),
    ],
)
async def test_verify_names_the_changed_link_of_the_chain(
    database: Database, owner_pool: Pool, change: str, said: str
) -> None:
    await apply_file(SEEDS, database.runtime_url, actor="ana")
    await owner_pool.execute(change)
    found = await _catalogue_findings(database)
    assert any(table == "audit_chain" and said in text for table, text in found)
