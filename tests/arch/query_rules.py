"""The rules that each named query and each migration keeps, with samples that keep and break them. Reads no file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# Tables whose rows belong to a member or a bucket: a statement that does not say which bucket cannot be distributed.
# fmt: off
MEMBER_SCOPED = (
    "member", "identity", "command", "tail", "lane", "outcome", "account", "line", "lot_use", "lot_snapshot", "hold",
    "key_home", "counter", "budget_share", "quota", "prize_stock", "outbox", "parked", "referral", "profile", "undone", "awaited",
)
# fmt: on

_FORBIDDEN = {
    "a notification": r"\b(notify|listen|unlisten)\b|\bpg_notify\s*\(",
    "an advisory lock": r"\bpg_(try_)?advisory_\w+",
    "a sequence": r"\b(nextval|currval|setval|lastval)\s*\(",
    "the server's clock": (
        r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(|\bcurrent_(timestamp|date|time)\b|\blocaltime"
    ),
    "the server's chance": r"\b(random|gen_random_uuid|gen_random_bytes|uuidv4|uuidv7|uuid_generate_v\d)\s*\(",
    "a star for a list of columns": r"\bselect\s+(distinct\s+)?\*|\.\*|\breturning\s+\*",
}

# The only trigger there is writes the audit chain, on tables that no posting writes.
_CATALOGUE = (
    "programme|programme_revision|asset|client|promo|promo_version|reward|point_reward|draw_round|draw_secret|"
    "draw_winner|setting|installation_secret|audit"
)

_FORBIDDEN_IN_MIGRATIONS = {
    "a trigger": (
        r"\bcreate\s+(or\s+replace\s+)?(constraint\s+)?trigger\b"
        rf"(?!\s+\w+\s+after\s+insert\s+or\s+update\s+or\s+delete\s+on\s+({_CATALOGUE})\s+for\s+each\s+row\s+execute"
        r"\s+function\s+audit_change\()"
    ),
    "a sequence": r"\b(small|big)?serial\b|\bcreate\s+sequence\b|\bas\s+identity\b|\bnextval\s*\(",
    "an advisory lock": _FORBIDDEN["an advisory lock"],
    "a default from the server's clock or chance": (
        r"\bdefault\s+\(?\s*(now|clock_timestamp|current_timestamp|random|gen_random_uuid)\b"
    ),
}


@dataclass(frozen=True, kw_only=True)
class QueryRule:
    """A check takes the text of an .sql file and gives one sentence for each breach."""

    name: str
    check: Callable[[str], Iterator[str]]
    good: tuple[str, ...]
    bad: tuple[str, ...]


def bare(text: str) -> str:
    """The text without comments and with every literal emptied, in lower case: what is left is only SQL."""
    without_comments = re.sub(r"--[^\n]*|/\*[\s\S]*?\*/", " ", text)
    return re.sub(r"'(?:[^']|'')*'", "''", without_comments).lower()


def _same_level(sql: str, start: int) -> str:
    """What follows `start` up to the end of its statement or bracket, with the inside of deeper brackets left out."""
    depth, kept = 0, []
    for char in sql[start:]:
        if char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth < 0:
                break
        elif char == ";" and depth == 0:
            break
        elif depth == 0:
            kept.append(char)
    return "".join(kept)


def starts_with_its_purpose(text: str) -> Iterator[str]:
    first = text.splitlines()[0] if text.strip() else ""
    if not re.match(r"-- \w.*", first) or len(first.split()) < 4:
        yield f"opens with {first!r}, not with `-- ` and its purpose in a line"


def leaves_time_chance_and_ids_to_python(text: str) -> Iterator[str]:
    for what, pattern in _FORBIDDEN.items():
        for match in re.finditer(pattern, bare(text)):
            yield f"{what}: {match.group(0).strip()!r}"


def locks_rows_in_order(text: str) -> Iterator[str]:
    sql = bare(text)
    for match in re.finditer(r"\bupdate\s+(?:only\s+)?[a-z_.]+\s", sql):
        before = sql[: match.start()].rstrip()
        if before.endswith((" do", "\ndo", " for", "\nfor", "key")):
            continue  # ON CONFLICT DO UPDATE and FOR UPDATE take their order from what feeds them
        if re.search(r"\bfrom\b", _same_level(sql, match.start())) and "unnest" in sql:
            yield "UPDATE ... FROM unnest locks rows in no order and deadlocks; use an ordered upsert"


def names_its_bucket(text: str) -> Iterator[str]:
    if re.search(r"^-- all buckets: \w+ \w+", text, re.MULTILINE):
        return  # a rare statement over everything says so, and why, in a line of its own
    for statement in bare(text).split(";"):
        tables = set(re.findall(r"\b(?:from|join|into|update|only|copy)\s+(?:accrual\.)?([a-z_]+)", statement))
        scoped = sorted(tables & set(MEMBER_SCOPED))
        if scoped and not re.search(r"\bbuckets?\b", statement):
            yield f"touches {', '.join(scoped)} and names no bucket"


def leaves_ids_to_python_in_migrations(text: str) -> Iterator[str]:
    for what, pattern in _FORBIDDEN_IN_MIGRATIONS.items():
        for match in re.finditer(pattern, bare(text)):
            yield f"{what}: {match.group(0).strip()!r}"


QUERY_RULES = (
    QueryRule(
        name="starts with its purpose",
        check=starts_with_its_purpose,
        good=("-- Reads the newest line of each account.\nselect 1",),
        bad=("select 1", "", "--\nselect 1", "-- reads\nselect 1"),
    ),
    QueryRule(
        name="leaves time, chance and ids to Python",
        check=leaves_time_chance_and_ids_to_python,
        good=(
            "select bucket, count(*) from tail where recorded_at < $1 group by bucket",
            "-- never now() here\nselect bucket from tail where note = 'select * from now()'",
            "select known, nowhere from command where bucket = $1",
        ),
        bad=(
            "select now()",
            "select current_timestamp",
            "insert into command (bucket, id) values ($1, gen_random_uuid())",
            "select nextval('x')",
            "select pg_advisory_xact_lock($1)",
            "notify lane",
            "select pg_notify('lane', '')",
            "select * from tail where bucket = $1",
            "select tail.* from tail where bucket = $1",
            "select random ( )",
        ),
    ),
    QueryRule(
        name="locks rows in order",
        check=locks_rows_in_order,
        good=(
            "update lane set epoch = $2 where bucket = $1",
            "with given as (insert into tail as t (bucket, next) select b, n from unnest($1::int[], $2::bigint[]) as x (b, n) "
            "order by b on conflict (bucket) do update set next = t.next + excluded.next returning bucket, next) "
            "insert into command (bucket) select bucket from given join unnest($3::int[]) as y (b) on b = bucket",
            "select bucket from lane where bucket = any ($1) order by bucket for no key update",
        ),
        bad=(
            "update lane set cursor = x.c from unnest($1::int[], $2::bigint[]) as x (b, c) where bucket = x.b",
            "with x as (select b from unnest($1::int[]) as u (b) order by b) update lane set beat = 1 from x where bucket = x.b",
            "with done as (update lane set beat = 1\nfrom\nunnest($1::int[]) as x (b) where bucket = x.b returning 1) select 1",
        ),
    ),
    QueryRule(
        name="names its bucket",
        check=names_its_bucket,
        good=(
            "select posted from line where bucket = $1",
            "select code from asset",
            "select b from lane where buckets = $1",
            "-- Counts.\n-- all buckets: an owner may hold any\nselect count(1) from lane where owner = $1",
        ),
        bad=(
            "select posted from line where account = $1",
            "delete from parked where position = $1",
            "-- all buckets:\nselect count(1) from lane where owner = $1",
            "select 1 from asset a join account c on c.asset = a.id",
            "select bucket from lane; update tail set next = 1",
        ),
    ),
)

MIGRATION_RULES = (
    QueryRule(
        name="leaves time, chance and ids to Python",
        check=leaves_ids_to_python_in_migrations,
        good=(
            "create table tail (bucket int primary key, next bigint not null default 0)",
            "-- no serial\nselect 1",
            "create trigger t after insert or update or delete on promo\nfor each row execute function audit_change('x');",
        ),
        bad=(
            "create table audit (id bigserial)",
            "create table audit (id bigint generated always as identity)",
            "create trigger t before update on line",
            "create trigger t after insert or update or delete on line for each row execute function audit_change('x')",
            "create trigger t after insert or update or delete on promo for each row execute function other('x')",
            "create table audit (at timestamptz default now())",
        ),
    ),
)
