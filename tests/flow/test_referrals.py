"""What an operator types about referrals held for review, and what the API does: list, approve, refuse, and what is kept."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from accrual.bootstrap.programme import apply_file
from accrual.cli.program import app
from accrual.store.connection import Pool
from tests.arch.tree import ROOT
from tests.pg_fixtures import Database

PROGRAMME = ROOT / "examples" / "referrals" / "programme.yaml"


class Terminal:
    """The program over one database."""

    def __init__(self, database: Database) -> None:
        self._addresses = {
            "ACCRUAL_DATABASE_URL": database.runtime_url,
            "ACCRUAL_OWNER_DATABASE_URL": database.owner_url,
            "TERM": "dumb",
        }

    def run(self, *words: str, stdin: str = "") -> Result:
        return CliRunner().invoke(app, list(words), input=stdin, env=self._addresses)

    def lines(self, *words: str, stdin: str = "") -> list[Any]:
        shown = self.run(*words, "--json", stdin=stdin)
        assert shown.exit_code == 0, shown.output
        return [json.loads(line) for line in shown.stdout.splitlines()]

    def send(self, *commands: dict[str, Any]) -> list[Any]:
        return self.lines("submit", "-", "--client", "app", stdin="\n".join(map(json.dumps, commands)))

    def points(self, who: str) -> int:
        (member,) = self.lines("member", "msisdn", who)
        return int(member["balances"][0]["posted"])


def on(phone: str, who: str, fact: dict[str, Any]) -> dict[str, Any]:
    return {"member": {"kind": "msisdn", "value": who}, "install_id": phone, "facts": [fact]}


def referral(by: str) -> dict[str, Any]:
    return {"type": "referral", "referrer": {"kind": "msisdn", "value": by}}


@pytest.fixture
def terminal(database: Database) -> Terminal:
    asyncio.run(apply_file(PROGRAMME, database.runtime_url, actor="test"))
    return Terminal(database)


def _hold(terminal: Terminal, *whos: str) -> list[str]:
    """The ids of so many referrals from Bob's own phone."""
    terminal.send(on("phone", "bob", {"type": "purchase", "amount": 1}))
    sent = terminal.send(*[on("phone", who, referral("bob")) for who in whos])
    ids = []
    for each in sent:
        (outcome,) = terminal.lines("ticket", each["ticket"])
        (decline,) = outcome["declines"]
        assert (decline["reason"], outcome["awards"], outcome["complete"]) == ("held_for_review", [], True)
        ids.append(decline["details"]["id"])
    return ids


def test_held_referral_is_listed_approved_and_refused_and_the_audit_says_who(terminal: Terminal) -> None:
    assert "No referral is held for review." in terminal.run("referral", "list").output
    good, bad = _hold(terminal, "ann", "eve")
    (page,) = terminal.lines("referral", "list")
    assert {held["id"]: (held["member"]["value"], held["status"]) for held in page["referrals"]} == {
        good: ("ann", "held"),
        bad: ("eve", "held"),
    }
    assert good in terminal.run("referral", "list").output
    (approved,) = terminal.lines("referral", "approve", good, "--reason", "brothers", "--actor", "mia")
    assert [(award["promo"], award["amount"]) for award in approved["awards"]] == [("INVITED", 50), ("INVITER", 100)]
    (refused,) = terminal.lines("referral", "refuse", bad, "--reason", "one phone", "--actor", "mia")
    assert [decline["reason"] for decline in refused["declines"]] == ["referral_refused"]
    assert (terminal.points("ann"), terminal.points("bob"), terminal.points("eve")) == (50, 100, 0)
    assert terminal.lines("referral", "list") == [{"referrals": [], "next_after": None}]
    (page,) = terminal.lines("referral", "list", "--all")
    assert {held["id"]: held["status"] for held in page["referrals"]} == {good: "approved", bad: "refused"}
    # The same again is the same command; the other way round is too late.
    (again,) = terminal.lines("referral", "approve", good, "--reason", "once more")
    assert again["ticket"] == approved["ticket"]
    late = terminal.run("referral", "refuse", good, "--reason", "no")
    assert (late.exit_code, "was approved before" in late.output) == (1, True)
    assert terminal.run("verify").exit_code == 0
    replayed = terminal.run("backtest", str(PROGRAMME))
    assert replayed.exit_code == 0, replayed.output


async def test_audit_and_log_keep_who_judged_and_why(terminal: Terminal, pool: Pool) -> None:
    def judge() -> None:
        (held,) = _hold(terminal, "ann")
        terminal.lines("referral", "approve", held, "--reason", "brothers", "--actor", "mia")
        terminal.lines("referral", "approve", held, "--reason", "again", "--actor", "joe")

    await asyncio.to_thread(judge)
    rows = await pool.fetch("select actor, action, subject, after from audit where subject like 'referral %'")
    assert [(row["actor"], row["action"], json.loads(row["after"])["reason"]) for row in rows] == [
        ("cli mia", "approve", "brothers")
    ]


def test_judging_wants_an_id_and_a_reason(terminal: Terminal) -> None:
    unknown = terminal.run("referral", "approve", "ba6b3a0e-0b12-8034-9d56-0123456789ab", "--reason", "x")
    assert (unknown.exit_code, "No such referral was held for review." in unknown.output) == (1, True)
    (held,) = _hold(terminal, "ann")
    assert terminal.run("referral", "approve", held).exit_code == 2
    empty = terminal.run("referral", "approve", held, "--reason", "  ")
    assert (empty.exit_code, "A reason of 1 to 1000 characters is needed." in empty.output) == (1, True)
