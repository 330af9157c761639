"""What each role may do with each table, as one table read against the real database, and what each is refused."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import asyncpg
import pytest

from accrual.bootstrap.programme import apply_file
from accrual.store.connection import Connection
from accrual.store.postgres import DUTIES, RUNTIME_ROLE, act_as, as_runtime, connect
from tests.pg_fixtures import Database

pytestmark = pytest.mark.security

DRAWS = Path("examples/draws/programme.yaml")

# One row a table: what accrual_api, accrual_staff, accrual_worker and accrual_admin may do with it. r reads, a adds, w
# changes, d deletes, t empties; in round brackets what they may with some columns only. A table without a row fails.
TABLES = """
account              r      r      ra     r
asset                r      r      r      raw
audit                r      ra     r      ra
audit_chain          r      r      r      r
awaited              r      r      ra     r
budget               r      r      raw    r
budget_share         r      r      raw    r
checkpoint           r      rad    r      rad
checkpoint_row       r      ra     r      ra
checkpoint_seal      r      ra     r      ra
checkpoint_stream    r      raw    r      raw
client               r      r      r      raw
command              ra     r      ra     ra
counter              r      r      ra     r
draw_entry           r      r      ra     r
draw_round           r      ra(w)  r(w)   ra(w)
draw_secret          -      a      r      a
draw_winner          r      ra(w)  r      ra(w)
earning              r      r      ra     r
held_command         r      r      raw    r
held_referral        r      r      raw    r
hold                 r      r      raw    r
identity             r      r      ra     r
installation_secret  -      -      r      -
key_home             ra     r      ra     ra
lane                 r      r      raw    r
line                 r      r      ra     r
link_node            r      r      raw    r
lot_snapshot         r      r      ra     r
lot_use              r      r      ra     r
member               r      r      raw    r
migration            r      r      r      r
outbox               r      r      ra     r
outcome              r      r      ra     r
parked               r      r      raw    r
point_reward         r      raw    r      raw
prize_stock          r      r      raw    r
profile              r      r      ra     r
programme            r      r(w)   r      ra(w)
programme_revision   r      ra     r      ra
promo                r      ra     r      ra
promo_version        r      ra     r      ra
quota                r      r      raw    r
referral             r      r      ra     r
reward               r      r      r      ra
reward_code          (r)    (r)    r      (r)
reward_given         r      r      ra     r
setting              r      r      r      r
sighting             r      r      ra     r
tail                 raw    r      raw    raw
undone               r      r      ra     r
unposted             r      r      ra     r
upkeep               raw    r      raw    raw
worker               r      r      rawd   r
"""

# Of the login of all four, before it acts as one of them.
LOGIN = {"lane": "r", "migration": "r", "setting": "r", "worker": "ra"}

ROUND_CLOSED = {"closed_at", "entries", "root", "drawn_at", "share", "beacon_value"}

# The columns of what is in brackets above.
COLUMNS = {
    ("accrual_api", "reward_code", "SELECT"): {"bucket", "subject", "number"},
    ("accrual_staff", "reward_code", "SELECT"): {"bucket", "subject", "number"},
    ("accrual_admin", "reward_code", "SELECT"): {"bucket", "subject", "number"},
    ("accrual_staff", "draw_round", "UPDATE"): ROUND_CLOSED,
    ("accrual_admin", "draw_round", "UPDATE"): ROUND_CLOSED,
    ("accrual_worker", "draw_round", "UPDATE"): {"entries"},
    ("accrual_staff", "draw_winner", "UPDATE"): {"claimed_at", "expired_at", "granted_at"},
    ("accrual_admin", "draw_winner", "UPDATE"): {"claimed_at", "expired_at", "granted_at"},
    ("accrual_staff", "programme", "UPDATE"): {"revision"},
    ("accrual_admin", "programme", "UPDATE"): {"revision"},
}

EVERYBODY = {"audit_state"}
FUNCTIONS = {
    RUNTIME_ROLE: set(),
    "accrual_api": EVERYBODY,
    "accrual_worker": EVERYBODY,
    "accrual_staff": EVERYBODY | {"draw_publish", "reward_code_add"},
    "accrual_admin": EVERYBODY | {"draw_publish", "reward_code_add"},
}
HELPERS = {"audit_part", "audit_digest", "audit_programme_of"}
"""Everybody may call these: they have no rights but their caller's."""

_PRIVILEGES = {
    "SELECT": "r",
    "INSERT": "a",
    "UPDATE": "w",
    "DELETE": "d",
    "TRUNCATE": "t",
    "REFERENCES": "x",
    "TRIGGER": "g",
}


async def _rights(owner: Connection, role: str) -> dict[str, str]:
    """What a role may do, by table, in the letters of the table above."""
    rows = await owner.fetch(
        """select c.relname, p.name, has_table_privilege($1, c.oid, p.name) as whole,
            case when p.name in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                then has_any_column_privilege($1, c.oid, p.name) else false end as some
        from pg_class c, unnest($2::text[]) with ordinality as p (name, place)
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
        order by c.relname, p.place""",
        role,
        list(_PRIVILEGES),
    )
    found: dict[str, str] = defaultdict(str)
    for table, privilege, whole, some in rows:
        letter = _PRIVILEGES[privilege]
        found[table] += letter if whole else f"({letter})" if some else ""
    return dict(found)


async def test_every_role_may_do_exactly_what_the_table_says(database: Database) -> None:
    owner = await connect(database.owner_url, label="test")
    allowed: dict[str, dict[str, str]] = {role: {} for role in (RUNTIME_ROLE, *DUTIES)}
    for line in TABLES.split("\n"):
        if line:
            table, *rights = line.split()
            allowed[RUNTIME_ROLE][table] = LOGIN.get(table, "")
            for role, may in zip(DUTIES, rights, strict=True):
                allowed[role][table] = may.replace("-", "")
    for role, expected in allowed.items():
        assert await _rights(owner, role) == expected, role
    await owner.close()


async def test_rights_to_some_columns_are_those_that_are_listed(database: Database) -> None:
    owner = await connect(database.owner_url, label="test")
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    rows = await owner.fetch(
        """select acl.grantee::regrole::text, c.relname, acl.privilege_type, a.attname
        from pg_class c join pg_attribute a on a.attrelid = c.oid, aclexplode(a.attacl) acl
        where c.relnamespace = 'public'::regnamespace"""
    )
    for role, table, privilege, column in rows:
        found[role, table, privilege].add(column)
    assert found == COLUMNS
    await owner.close()


async def test_every_role_may_call_exactly_the_functions_that_are_listed(database: Database) -> None:
    owner = await connect(database.owner_url, label="test")
    for role, expected in FUNCTIONS.items():
        rows = await owner.fetch(
            """select proname from pg_proc
            where pronamespace = 'public'::regnamespace and has_function_privilege($1, oid, 'execute')""",
            role,
        )
        assert {row[0] for row in rows} == expected | HELPERS, role
    await owner.close()


async def test_no_role_owns_makes_or_leads_anything(database: Database) -> None:
    superuser = await connect(database.superuser_url, label="test")
    roles = [RUNTIME_ROLE, *DUTIES]
    rows = await superuser.fetch("select rolname from pg_roles where rolname = any ($1)", roles)
    assert sorted(row[0] for row in rows) == sorted(roles)
    mighty = await superuser.fetch(
        """select rolname from pg_roles where rolname = any ($1)
        and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)""",
        roles,
    )
    assert [row[0] for row in mighty] == []
    owned = await superuser.fetch("select relname from pg_class where relowner::regrole::text = any ($1)", roles)
    assert [row[0] for row in owned] == []
    for role in roles:
        assert not await superuser.fetchval("select has_schema_privilege($1, 'public', 'create')", role), role
        above = await superuser.fetchval("select pg_has_role($1, 'accrual_owner', 'member')", role)
        assert not above, role
    joined = "select pg_has_role($1, $2, 'member')"
    for role in DUTIES:
        assert [other for other in roles if await superuser.fetchval(joined, role, other)] == [role]
    assert await superuser.fetchval("select not rolinherit from pg_roles where rolname = $1", RUNTIME_ROLE)
    await superuser.close()


# What somebody in a stolen session would try first. Nobody: not even the role that applies programme files.
NOBODY = [
    "delete from line",
    "update line set amount = 1",
    "update outcome set status = 0",
    "delete from command",
    "update command set facts = ''",
    "update promo_version set document = '{}'",
    "update programme_revision set settings = '{}'",
    "update programme set code = 'mine'",
    "update audit set actor = 'x'",
    "delete from audit",
    "delete from audit_chain",
    "update draw_round set commitment = 'x'",
    "update draw_round set secret = null",
    "update draw_secret set secret = ''",
    "update setting set value = '1'",
    "update installation_secret set value = ''",
    "delete from promo",
    "truncate line",
    "create table mine (id integer)",
    "create function mine() returns integer language sql as 'select 1'",
    "create trigger mine after insert on client for each row execute function audit_change('client_id')",
    "alter table client disable trigger all",
    "alter role accrual_api superuser",
    "create role mine",
    "set role accrual_owner",
    "set role postgres",
    "set session authorization postgres",
    "copy client to program 'cat'",
    "select pg_read_file('/etc/hosts')",
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'",
]

SECRETS = [
    "select secret from draw_secret",
    "select value from installation_secret",
    "select code from reward_code",
    "select * from reward_code",
    "copy draw_secret to stdout",
]
KEYS = [
    "update client set key_digest = sha256('mine')",
    "update client set document = jsonb_set(document, '{rights}', '[\"promos\"]')",
    "update client set ended_at = null",
    "insert into client (client_id, programme_id, code, document) values (99, 1, 'mine', '{}')",
    "insert into programme (programme_id, code, revision) values (99, 'mine', 1)",
    "update asset set document = '{}'",
]
CATALOGUE = [
    "insert into promo_version select 999, 1, promo_id, 99, revision, recorded_at, actor, null, document from promo_version",
    "insert into programme_revision select 1, 99, recorded_at, actor, settings, outlets, rewards from programme_revision",
    "update programme set revision = revision + 1",
    "insert into draw_secret values (1, 99, '')",
    "update draw_round set closed_at = recorded_at",
    "select draw_publish(1, 1)",
    "select reward_code_add(1, '', array['mine'])",
    "insert into audit select gen_random_uuid(), 1, recorded_at, 'x', 'x', 'x' from audit",
]
POSTING = [
    "insert into line select * from line",
    "insert into outcome select * from outcome",
    "update lane set epoch = epoch + 1",
    "update member set merged_into = null",
    "insert into identity select * from identity",
    "update quota set remaining = 1",
    "insert into draw_entry select * from draw_entry",
    "insert into reward_given select * from reward_given",
    "delete from worker",
]
REFUSED = {
    RUNTIME_ROLE: [*NOBODY, *SECRETS, *KEYS, *CATALOGUE, *POSTING, "select key_digest from client"],
    "accrual_api": [*NOBODY, *SECRETS, *KEYS, *CATALOGUE, *POSTING],
    "accrual_staff": [*NOBODY, *SECRETS, *KEYS, *POSTING, "insert into command select * from command"],
    "accrual_worker": [*NOBODY, *KEYS, *CATALOGUE],
    "accrual_admin": [*NOBODY, *SECRETS, *POSTING],
}


@pytest.mark.parametrize("role", REFUSED)
async def test_role_is_refused_what_is_not_its_duty(database: Database, role: str) -> None:
    await apply_file(DRAWS, database.roles_url, actor="ana")
    session = await connect(database.roles_url, label="test", role=role)
    assert await session.fetchval("select current_user::text") == role
    for attempt in REFUSED[role]:
        transaction = session.transaction()
        await transaction.start()
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await session.execute(attempt)
                pytest.fail(f"{role} may: {attempt}")
        finally:
            await transaction.rollback()
    await session.close()


async def test_login_of_one_duty_cannot_act_as_another(database: Database) -> None:
    superuser = await connect(database.superuser_url, label="test")
    for role in DUTIES:
        login = f"{role}_{database.name}"
        await superuser.execute(f"create role {login} login password 'x' in role {role}")
        try:
            session = await connect(
                as_runtime(f"postgresql://{login}:x@{database.owner_url.partition('@')[2]}", role), label="test"
            )
            for other in (RUNTIME_ROLE, *DUTIES, "accrual_owner", "postgres"):
                if other != role:
                    await act_as(session, other)
                    assert await session.fetchval("select current_user::text") == role
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await session.execute(f"set role {other}")
            await session.close()
        finally:
            await superuser.execute(f"drop role {login}")
    await superuser.close()
