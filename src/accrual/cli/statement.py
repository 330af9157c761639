"""`accrual statement KIND VALUE`: what came to and went from a member between two instants, as a table, CSV or JSON."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from accrual.bootstrap.asking import asking, choose_programme
from accrual.bootstrap.clocks import utc_now
from accrual.cli.output import CsvExport, echo_json, open_console
from accrual.cli.tables import moment, table
from accrual.cli.tell import AsJson, DatabaseUrl, DataDir, ProgrammeCode, say, telling
from accrual.domain.errors import Invalid, Missing
from accrual.domain.facts import Identity
from accrual.engine.native_fields import read_identity
from accrual.engine.render import statement_json, ticket_text
from accrual.engine.statement import LINES_MAX, Period
from accrual.engine.views import StatedLineView, StatementView
from accrual.rules.calendar import read_instant

COLUMNS = (
    *("recorded_at", "occurred_at", "asset", "account", "kind", "amount", "balance_after", "held_after"),
    *("action", "promo", "note", "reference", "expires_at", "ticket"),
)


def statement(
    kind: Annotated[str, typer.Argument(help="How a client names the member, such as qoin.user_id.")],
    value: Annotated[str, typer.Argument(help="The member's name in it.")],
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="From when on [default: the first].")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Before when [default: now].")] = None,
    asset: Annotated[str | None, typer.Option(metavar="CODE", help="One asset alone.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the lines as CSV.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Show every line of a member between two times: opening balance, what came and went, closing balance.

    Times without offset are in the programme's zone. With --json one object a page of lines, each on a line of its own.
    """
    with telling(as_json=as_json):
        asyncio.run(
            _print(
                Identity(kind, value),
                since,
                until,
                asset,
                programme,
                data_dir,
                database_url,
                as_csv=as_csv,
                as_json=as_json,
            )
        )


async def _print(
    identity: Identity,
    since: str | None,
    until: str | None,
    asset: str | None,
    programme: str | None,
    data_dir: Path | None,
    database_url: str | None,
    *,
    as_csv: bool,
    as_json: bool,
) -> None:
    console = open_console()
    first = True
    async for view in _pages(identity, since, until, asset, programme, data_dir, database_url):
        if as_json:
            echo_json(statement_json(view))
        elif as_csv:
            _write_csv(view, header=first)
        else:
            if first:
                _print_accounts(view, console)
            console.print(_lines_table(view))
        first = False


async def _pages(
    identity: Identity,
    since: str | None,
    until: str | None,
    asset: str | None,
    programme: str | None,
    data_dir: Path | None,
    database_url: str | None,
) -> AsyncIterator[StatementView]:
    async with asking(data_dir, database_url, on_progress=say) as engine:
        chosen = choose_programme(engine.catalog, programme)
        identity = read_identity(identity.kind, identity.value, "identity", chosen.settings)
        zone = chosen.settings.time_zone
        period = Period(
            since=None if since is None else read_instant(since, zone),
            until=utc_now() if until is None else read_instant(until, zone),
            asset=asset,
        )
        if period.since is not None and period.since > period.until:
            raise Invalid("--from lies behind --until.", code="invalid_field")
        after = None
        while True:
            view = await engine.statement(chosen.programme_id, identity, period, limit=LINES_MAX, after=after)
            if view is None:
                raise Missing(
                    f"Nobody in programme {chosen.settings.code} is known by this identity.", code="member_unknown"
                )
            yield view
            after = view.next_after
            if after is None:
                return


def _print_accounts(view: StatementView, console: Console) -> None:
    console.print(f"member  {view.member_id.hex()}")
    console.print(f"from    {moment(view.since) or 'the first line'}")
    console.print(f"until   {moment(view.until)}")
    console.print(
        table(
            "Balances",
            ["account", "#opening", "#lines", "#closing", "of which"],
            (
                [
                    f"{account.code} {account.role}",
                    f"{account.opening:,}",
                    f"{account.lines:,}",
                    f"{account.closing:,}",
                    ", ".join(f"{kind} {amount:+,}" for kind, amount in account.totals.items()),
                ]
                for account in view.accounts
            ),
        )
    )


def _lines_table(view: StatementView) -> object:
    return table(
        "Lines, oldest first",
        ["occurred", "account", "kind", "#amount", "#balance", "what", "expires", "ticket"],
        (
            [
                moment(line.occurred_at),
                f"{line.code} {line.role}",
                line.kind,
                f"{line.amount:+,}",
                f"{line.balance_after:,}",
                _what(line),
                moment(line.expires_at),
                ticket_text(line.ticket),
            ]
            for line in view.lines
        ),
    )


def _what(line: StatedLineView) -> str:
    return " ".join(part for part in (line.action, line.promo, line.note, line.reference) if part)


def _write_csv(view: StatementView, *, header: bool) -> None:
    export = CsvExport()
    if header:
        export.write_row(COLUMNS)
    for line in view.lines:
        export.write_row(
            [
                *(_text(line.recorded_at), _text(line.occurred_at), line.code, line.role, line.kind, line.amount),
                *(line.balance_after, line.held_after, line.action, line.promo, line.note),
                *(line.reference, _text(line.expires_at), ticket_text(line.ticket)),
            ]
        )


def _text(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
