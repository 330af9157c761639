"""`accrual demo`: a server on a new database, the partners' example requests, and a table of what came; keeps nothing."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from accrual.bootstrap.demo import DemoReport, Examples, Posted, read_examples, run_demo
from accrual.bootstrap.demo_draw import DemoDraw, run_demo_draw
from accrual.bootstrap.demo_server import demo_server, remove_home
from accrual.cli.output import echo_json, open_console
from accrual.cli.tables import balances_table, identity_text, table
from accrual.cli.tell import AsJson, say, telling
from accrual.domain.errors import Invalid
from accrual.engine.render import member_json, ticket_json, ticket_text
from accrual.engine.views import MemberView, TicketView

WIDTH_MIN = 116
"""Room for a request's name, its whole ticket and what it brought."""

FAILED_STATUS = 1
STOPPED_STATUS = 130


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the database and the server's log for a look.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the whole of it: a new database, every example request over HTTP, and what came of each."""
    with telling(as_json=as_json):
        examples = read_examples(find_examples())
        try:
            report = _run(examples, keep=keep)
        except KeyboardInterrupt:
            say("Stopped; nothing of it is left running.")
            raise typer.Exit(STOPPED_STATUS) from None
    if as_json:
        echo_json(_as_json(report))
    else:
        print_report(report, open_console())
    if report.problems:
        raise typer.Exit(FAILED_STATUS)


def find_examples(name: str = "seeds") -> Path:
    """A directory of examples: packed beside this module, or in the checkout. Raises Invalid."""
    packed = Path(str(files("accrual.cli"))) / ("example" if name == "seeds" else f"example_{name}")
    checkout = Path(__file__).parents[3] / "examples" / name
    for directory in (packed, checkout):
        if directory.is_dir():
            return directory
    raise Invalid("This installation of Accrual has come without its examples.", code="file_unreadable")


def print_report(report: DemoReport, console: Console) -> None:
    """A row a request, one member's balances and history in words, and the verdict."""
    console.width = max(console.width, WIDTH_MIN)
    rows = [
        [
            each.name,
            ticket_text(each.ticket) if each.ticket else "none",
            _awards(each),
            "" if each.view is None else _balance(each.view),
        ]
        for each in report.posted
    ]
    console.print(table("What each request brought", ["request", "ticket", "awards", "balance"], rows))
    if report.shown is not None:
        console.print()
        _print_member(report.shown, console)
    if report.draw is not None:
        console.print()
        _print_draw(report.draw, console)
    console.print()
    verified = report.verified
    console.print(f"Verified: {verified.commands:,} commands and {verified.lines:,} lines in the books.")
    if not report.problems:
        console.print("All is as it should be.", style="green")
        return
    console.print(f"{len(report.problems)} things are not as they should be:", style="red")
    for problem in report.problems:
        console.print(f"  {problem}", style="red", soft_wrap=True)


def _print_draw(drawn: DemoDraw, console: Console) -> None:
    won = ", ".join(f"{count:,} x {prize}" for prize, count in sorted(drawn.prizes.items()))
    console.print(f"Lucky draw {drawn.draw}: {drawn.entries:,} entries brought {won}", style="bold")
    console.print(f"  committed to before: {drawn.commitment}", soft_wrap=True)
    console.print(f"  verified offline:    {drawn.verdict}", soft_wrap=True)


def _print_member(member: MemberView, console: Console) -> None:
    console.print(f"Member {identity_text(member.identities[0])}", style="bold")
    console.print(balances_table(member.balances))
    console.print("History, newest first", style="bold")
    for view in member.history:
        console.print(f"{view.action}, ticket {ticket_text(view.ticket)}", soft_wrap=True)
        for award in view.awards:
            console.print(f"  + {award.promo} v{award.promo_version}, {award.promo_name}: {award.text}", soft_wrap=True)
        for decline in view.declines:
            console.print(f"  - {decline.promo or 'the programme'}: {decline.text}", soft_wrap=True)
        if not view.awards and not view.declines:
            console.print("  no promo listens to this")


def _awards(each: Posted) -> str:
    if each.view is None or each.grants is None:
        return "?"
    parts = []
    for award in each.view.awards:
        to = "" if award.recipient == each.view.identity else f" to {identity_text(award.recipient)}"
        parts.append(f"{award.amount:,} {award.code}{to}")
    return ", ".join(parts) or "none"


def _balance(view: TicketView) -> str:
    """The member's balances right after the command, of the assets that it moved."""
    after = {line.code: line.balance_after for line in view.lines if line.role == "main"}
    return ", ".join(f"{amount:,} {code}" for code, amount in after.items())


def _as_json(report: DemoReport) -> dict[str, Any]:
    return {
        "clean": not report.problems,
        "problems": report.problems,
        "requests": [
            {
                "request": each.name,
                "ticket_id": each.ticket_id,
                "grants": each.grants,
                "outcome": None if each.view is None else ticket_json(each.view),
            }
            for each in report.posted
        ],
        "members": [member_json(member) for member in report.members],
        "draw": None if report.draw is None else msgspec.to_builtins(report.draw),
        "verify": {
            "clean": report.verified.clean,
            "commands": report.verified.commands,
            "lines": report.verified.lines,
        },
    }


def _run(examples: Examples, *, keep: bool) -> DemoReport:
    with _home(keep=keep) as home:
        say("Starting a server with a new database")
        with demo_server(home, examples.programme) as server:
            report = run_demo(server, examples, say)
            drawn = run_demo_draw(server, find_examples("draws") / "programme.yaml", home, say)
        return msgspec.structs.replace(report, draw=drawn, problems=[*report.problems, *drawn.problems])


@contextmanager
def _home(*, keep: bool) -> Iterator[Path]:
    """A new directory, removed at the end however that comes; meanwhile SIGTERM and SIGHUP work like Ctrl-C."""
    home = Path(tempfile.mkdtemp(prefix="accrual-demo-"))
    home.chmod(0o711)  # where root runs this, PostgreSQL runs as another user, who has to pass
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        yield home
    finally:
        if keep:
            say(f"Kept: {home}; look at it with: accrual member KIND VALUE --data-dir {home / 'data'}")
        else:
            remove_home(home)
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: object) -> None:
    """The first signal ends the work; those that follow do not disturb the clearing up."""
    for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
