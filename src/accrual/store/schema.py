"""Prints a database's schema as SQL, the same text on every PostgreSQL; `schema.sql` is its print of all migrations."""

from __future__ import annotations

from itertools import groupby

from accrual.store.connection import Connection
from accrual.store.sql import query

_TABLES, _CONSTRAINTS = query("schema_tables"), query("schema_constraints")
_INDEXES, _RIGHTS = query("schema_indexes"), query("schema_rights")
_FUNCTIONS, _TRIGGERS = query("schema_functions"), query("schema_triggers")
_STORAGE = {"p": "plain", "e": "external", "m": "main", "x": "extended"}
_HEAD = "-- The whole schema, as all migrations together make it. Generated: make schema. Never run, only read and compared."


async def print_schema(connection: Connection) -> str:
    """Tables by name with columns, constraints, storage, then indexes, functions, triggers and rights."""
    constraints = await connection.fetch(_CONSTRAINTS)
    of_table = {
        name: [f"constraint {row['label']} {row['definition']}" for row in rows]
        for name, rows in groupby(constraints, key=lambda row: str(row["name"]))
    }
    parts = [_HEAD]
    for row in await connection.fetch(_TABLES):
        name = str(row["name"])
        inner = ",\n    ".join([*row["columns"], *of_table.get(name, ())])
        options = f" with ({row['options']})" if row["options"] else ""
        table = [f"create table {name} (\n    {inner}\n){options};"]
        for column in row["storage"] or ():
            label, _, kind = str(column).partition(" ")
            table.append(f"alter table {name} alter column {label} set storage {_STORAGE[kind]};")
        parts.append("\n".join(table))
    parts.append("\n".join(f"{row['definition']};" for row in await connection.fetch(_INDEXES)))
    functions = [str(row["definition"]).rstrip() for row in await connection.fetch(_FUNCTIONS)]
    parts.append("\n\n".join(f"{definition};" for definition in functions))
    parts.append("\n".join(f"{row['definition']};" for row in await connection.fetch(_TRIGGERS)))
    rights = await connection.fetch(_RIGHTS)
    parts.append("\n".join(f"grant {row['rights']} on {row['name']} to {row['role']};" for row in rights))
    return "\n\n".join(parts) + "\n"
