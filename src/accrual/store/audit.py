"""Reads the chained record of catalogue changes and compares it with the catalogue; the database writes it, nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator

from accrual.domain.audit_chain import ChainedChange, UnexplainedRow
from accrual.store.connection import Connection, Pool
from accrual.store.postgres import mapping_loss
from accrual.store.sql import query

PAGE = 2_000

_ACTOR, _CHAIN = query("audit/actor"), query("audit/chain")
_PROGRAMMES, _UNEXPLAINED = query("audit/programmes"), query("audit/unexplained")


async def act_for(connection: Connection, actor: str) -> None:
    """Have the database note `actor` with what this transaction changes in the catalogue."""
    await connection.execute(_ACTOR, actor)


async def chained_programmes(connection: Connection | Pool) -> list[int]:
    """The programmes that have chained changes, 0 for what belongs to none. Raises DatabaseDown."""
    with mapping_loss():
        return [row[0] for row in await connection.fetch(_PROGRAMMES)]


async def chained_changes(
    connection: Connection | Pool, programme_id: int, *, after: int = 0
) -> AsyncIterator[ChainedChange]:
    """A programme's chained changes behind number `after`, in order. Raises DatabaseDown."""
    while True:
        with mapping_loss():
            rows = await connection.fetch(_CHAIN, programme_id, after, PAGE)
        for row in rows:
            yield ChainedChange(*row)
        if len(rows) < PAGE:
            return
        after = rows[-1][1]


async def unexplained_rows(connection: Connection | Pool) -> list[UnexplainedRow]:
    """Rows of the catalogue that are not as their newest chained change left them. Raises DatabaseDown."""
    with mapping_loss():
        return [UnexplainedRow(*row) for row in await connection.fetch(_UNEXPLAINED)]
