"""What an operator types about commands that could not be decided: list, show, retry, and what the answers say."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from accrual.bootstrap.programme import apply_file
from accrual.cli.program import app
from tests.flow.processes import PROGRAMME
from tests.pg_fixtures import Database

FAULT = {"ACCRUAL_FAULT": "decide=raise:purchase"}
PURCHASE = {"member": {"kind": "qoin.user_id", "value": "7"}, "facts": [{"type": "purchase", "amount": 1}]}


class Terminal:
    """The program over one database; `broken` makes each purchase impossible to decide."""

    def __init__(self, database: Database) -> None:
        self._addresses = {
            "ACCRUAL_DATABASE_URL": database.runtime_url,
            "ACCRUAL_OWNER_DATABASE_URL": database.owner_url,
        }

    def run(self, *words: str, stdin: str = "", broken: bool = False) -> Result:
        environment = {**self._addresses, **(FAULT if broken else {"ACCRUAL_FAULT": ""})}
        return CliRunner().invoke(app, list(words), input=stdin, env=environment)

    def lines(self, *words: str, stdin: str = "", broken: bool = False, status: int = 0) -> list[Any]:
        shown = self.run(*words, "--json", stdin=stdin, broken=broken)
        assert shown.exit_code == status, shown.output
        return [json.loads(line) for line in shown.stdout.splitlines()]

    def parked(self, count: int) -> list[str]:
        """The tickets of so many purchases that could not be decided."""
        commands = "\n".join(json.dumps(PURCHASE | {"key": f"{n}"}) for n in range(count))
        return [sent["ticket"] for sent in self.lines("submit", "-", stdin=commands, broken=True, status=1)]


@pytest.fixture
def terminal(database: Database) -> Terminal:
    asyncio.run(apply_file(PROGRAMME, database.runtime_url, actor="test"))
    return Terminal(database)


def test_parked_command_is_listed_shown_and_tried_again(terminal: Terminal) -> None:
    assert "No command is put aside." in terminal.run("parked", "list").output
    (ticket,) = terminal.parked(1)
    (listed,) = terminal.lines("parked", "list")
    assert [view["ticket"] for view in listed["parked"]] == [ticket]
    assert ticket in terminal.run("parked", "list").output
    told = terminal.run("parked", "show", ticket).output
    assert f"accrual parked retry {ticket}" in told
    (failed,) = terminal.lines("parked", "retry", ticket, broken=True, status=1)
    assert (failed["retry_of"], failed["outcome"]["status"]) == (ticket, "parked")
    (good,) = terminal.lines("parked", "retry", ticket)
    assert (good["outcome"]["status"], good["outcome"]["retry_of"]) == ("decided", ticket)
    assert [award["amount"] for award in good["outcome"]["awards"]] == [1]
    assert terminal.lines("parked", "list") == [{"parked": [], "next_after": None}]
    # The first answer stays; it names what tried it again, and what came of that.
    (first,) = terminal.lines("ticket", ticket)
    assert first["status"] == "parked"
    assert first["retries"] == [
        {"ticket": failed["ticket"], "status": "parked"},
        {"ticket": good["ticket"], "status": "decided"},
    ]
    assert f"{good['ticket']} (decided)" in terminal.run("ticket", ticket).output
    told = terminal.run("explain", ticket).output
    assert "It was tried again:" in told
    assert "PAID (version 1, A point for every payment) gave" in told
    again = terminal.run("parked", "retry", ticket)
    assert again.exit_code == 1
    assert "tried again already" in again.output
    assert terminal.run("verify").exit_code == 0


def test_everything_is_tried_again_at_once_and_only_once(terminal: Terminal) -> None:
    tickets = terminal.parked(7)
    retried = terminal.lines("parked", "retry", "--all")
    assert sorted(each["retry_of"] for each in retried) == sorted(tickets)
    assert {each["outcome"]["status"] for each in retried} == {"decided"}
    assert terminal.lines("parked", "retry", "--all") == []
    assert terminal.run("parked", "retry", "--all").exit_code == 0
    (member,) = terminal.lines("member", "qoin.user_id", "7")
    assert member["balances"][0]["posted"] == 7


def test_retry_wants_one_ticket_or_all(terminal: Terminal) -> None:
    for words in (["retry"], ["retry", "--all", "34352d31-ba6b3a0e-0b12-8c34-9d56-0123456789ab"]):
        shown = terminal.run("parked", *words)
        assert (shown.exit_code, "Name one ticket, or say --all." in shown.output) == (1, True)
    unknown = terminal.run("parked", "retry", "ba6b3a0e-0b12-8034-9d56-0123456789ab")
    assert (unknown.exit_code, "There is no such ticket." in unknown.output) == (1, True)
