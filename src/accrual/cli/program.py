"""The program `accrual`: which commands there are and where each is; a command's module is imported only when it runs."""

from __future__ import annotations

import gc
import importlib
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from accrual import telemetry


class Entry(NamedTuple):
    """Where a command is: a Typer group, or a function that is one command. `says` is its line in the list."""

    module: str
    attribute: str
    says: str


COMMANDS: dict[str, Entry] = {
    "serve": Entry("accrual.cli.serve", "serve_command", "Serve the API and decide commands, until stopped."),
    "api": Entry("accrual.cli.serve", "api_command", "Serve the API alone; lanes run elsewhere."),
    "lane": Entry("accrual.cli.serve", "lane_command", "Decide commands in this process: one lane."),
    "demo": Entry("accrual.cli.demo", "demo", "Try it all: a new database, every example request, what came of each."),
    "init": Entry("accrual.cli.programme", "init", "Write a starter programme.yaml."),
    "plan": Entry("accrual.cli.programme", "plan", "Show what applying a programme file would change."),
    "apply": Entry("accrual.cli.programme", "apply", "Make a programme as its file says."),
    "schema": Entry("accrual.cli.programme", "schema", "Print the JSON Schema of a document."),
    "submit": Entry("accrual.cli.submit", "submit", "Send commands from a file and print their outcomes."),
    "preview": Entry("accrual.cli.preview", "preview", "Say what a command would come to, without posting it."),
    "backtest": Entry("accrual.cli.backtest", "backtest", "Run log or file through a proposed programme."),
    "promo": Entry("accrual.cli.promo", "app", "Promos: list, show, approve, activate, pause, end, restore."),
    "reward": Entry("accrual.cli.reward", "app", "Rewards: list, show, load voucher codes."),
    "draw": Entry("accrual.cli.draw", "app", "Draws: commitments, odds, receipts and their proof, raffles."),
    "ticket": Entry("accrual.cli.ticket", "ticket", "Show one command: its awards, declines and lines."),
    "member": Entry("accrual.cli.member", "member", "Show a member's balances and history."),
    "statement": Entry("accrual.cli.statement", "statement", "Show a member's lines between two times."),
    "audience": Entry("accrual.cli.audience", "app", "Lists of members that promos are for: add, remove."),
    "explain": Entry("accrual.cli.explain", "explain", "Say in words what came of a command, and why."),
    "held": Entry(
        "accrual.cli.held", "app", "Commands that a rule of velocity holds for review: list, approve, refuse."
    ),
    "referral": Entry("accrual.cli.referral", "app", "Referrals held for review: list, approve, refuse."),
    "parked": Entry("accrual.cli.parked", "app", "Commands that could not be decided: list, show, try again."),
    "upkeep": Entry("accrual.cli.upkeep", "upkeep", "Do all that falls due by a time: activate, expire, end holds."),
    "verify": Entry("accrual.cli.verify", "verify", "Check books, chain and lots; name the first bad row."),
    "checkpoint": Entry(
        "accrual.cli.checkpoint", "app", "Signed checkpoints of the history: make, show, list, the key."
    ),
    "doctor": Entry("accrual.cli.doctor", "doctor", "Say how database, rights, lanes, disk and keys are."),
    "bench": Entry("accrual.cli.bench", "app", "Measure how fast this machine is: drain, submit, http, evaluate."),
    "db": Entry("accrual.cli.db", "app", "The embedded PostgreSQL: start it, stop it, look at it."),
}
"""Every command, in the order of the list that `accrual --help` shows."""


class Program(TyperGroup):
    """A group that knows its commands by name and loads one only to run it, so that `accrual --help` is quick."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A stand-in that has only a name and a line of help."""
        entry = COMMANDS.get(cmd_name)
        return None if entry is None else TyperCommand(cmd_name, help=entry.says)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command itself, once its name is known to be one."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, load(name) if found is not None and name is not None else found, rest


def load(name: str) -> Any:
    """Import a command's module and make the command. Raises KeyError for a name that is none."""
    entry = COMMANDS[name]
    # What a command prints may be read by a program: its log goes elsewhere. Servers set it up again by their settings.
    telemetry.configure(level="warning")
    found = getattr(importlib.import_module(entry.module), entry.attribute)
    gc.freeze()
    gc.enable()
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        found = alone
    command = get_command(found)
    command.name = name
    return command


def _version(wanted: bool) -> None:
    if wanted:
        from accrual import __version__
        from accrual.cli.output import echo

        echo(__version__)
        raise typer.Exit


app = typer.Typer(name="accrual", cls=Program, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def accrual(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Accrual: a self-hosted loyalty and reward engine on PostgreSQL."""
