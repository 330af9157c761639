"""What a person types: submit, ticket, member, explain, verify and doctor over one real database."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from accrual.bootstrap.programme import apply_file
from accrual.cli.program import app
from accrual.store.postgres import connect
from tests.arch.tree import ROOT
from tests.pg_fixtures import Database

PROGRAMME = ROOT / "examples" / "seeds" / "programme.yaml"
REQUESTS = ROOT / "examples" / "seeds" / "requests"
PURCHASE = {"member": {"kind": "qoin.user_id", "value": "16659"}, "facts": [{"type": "purchase", "amount": "6843.5"}]}


class Terminal:
    """The program over one database, as a person runs it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        asyncio.run(apply_file(PROGRAMME, database.runtime_url, actor="test"))

    def run(self, *words: str, stdin: str = "") -> Result:
        addresses = {
            "ACCRUAL_DATABASE_URL": self.database.runtime_url,
            "ACCRUAL_OWNER_DATABASE_URL": self.database.owner_url,
        }
        return CliRunner().invoke(app, list(words), input=stdin, env=addresses)

    def json(self, *words: str, stdin: str = "") -> Any:
        shown = self.run(*words, "--json", stdin=stdin)
        assert shown.exit_code == 0, shown.output
        return json.loads(shown.stdout)

    def damage(self, statement: str) -> None:
        async def work() -> None:
            connection = await connect(self.database.owner_url, label="test")
            try:
                done = await connection.execute(statement)
                assert not done.endswith(" 0"), done
            finally:
                await connection.close()

        asyncio.run(work())


@pytest.fixture
def terminal(database: Database) -> Terminal:
    return Terminal(database)


def _submit(terminal: Terminal, *commands: dict[str, Any]) -> list[dict[str, Any]]:
    shown = terminal.run("submit", "-", "--json", stdin="\n".join(map(json.dumps, commands)))
    return [json.loads(line) for line in shown.stdout.splitlines()]


def test_submitted_command_is_decided_and_shown_everywhere(terminal: Terminal) -> None:
    (sent,) = _submit(terminal, PURCHASE | {"key": "k1"})
    assert (sent["repeated"], sent["outcome"]["status"]) == (False, "decided")
    assert [(award["code"], award["amount"]) for award in sent["outcome"]["awards"]] == [("PTS", 1)]
    ticket = sent["ticket"]
    for spelling in (ticket, f"Reward:transactionpromo:{ticket}", f"34352d31-{ticket.upper()}"):
        assert terminal.json("ticket", spelling)["ticket"] == ticket
    member = terminal.json("member", "qoin.user_id", "16659")
    assert list(member) == ["member", "at", "balances", "history", "next_before"]
    balance = member["balances"][0]
    assert [(due["days"], due["amount"]) for due in balance.pop("due")] == [(30, 0), (60, 0), (90, 0)]
    assert balance == {
        "asset": 35,
        "code": "PTS",
        "name": "Point Reddem",
        "posted": 1,
        "held": 0,
        "pending": 0,
        "available": 1,
        "debt": 0,
        "next_expiry": None,
    }
    assert [entry["ticket"] for entry in member["history"]] == [ticket]
    assert terminal.run("verify", "--quiet").exit_code == 0


def test_same_key_again_is_said_to_be_there_already(terminal: Terminal) -> None:
    first, second = (_submit(terminal, PURCHASE | {"key": "k1"})[0] for _ in range(2))
    assert (second["ticket"], second["repeated"]) == (first["ticket"], True)
    assert second["outcome"]["awards"] == first["outcome"]["awards"]
    (other,) = _submit(terminal, PURCHASE | {"key": "k1", "action": "other"})
    assert other["error"]["code"] == "key_reused"


def test_bad_line_fails_alone(terminal: Terminal) -> None:
    bad = {"member": {"kind": "qoin.user_id", "value": " "}, "facts": [{"type": "check_in"}]}
    lines = _submit(terminal, PURCHASE, bad, PURCHASE)
    assert [("error" in line, line["line"]) for line in lines] == [(False, 1), (True, 2), (False, 3)]
    shown = terminal.run("submit", "-", stdin="\n".join(map(json.dumps, [PURCHASE, bad])))
    assert shown.exit_code == 1
    assert "1 accepted; 1 refused." in shown.stdout


def test_raw_bodies_of_both_dialects_are_submitted(terminal: Terminal, tmp_path: Path) -> None:
    bodies = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(REQUESTS.glob("*.json"))]
    file = tmp_path / "bodies.json"
    file.write_text(json.dumps(bodies), encoding="utf-8")
    shown = terminal.run("submit", str(file), "--dialect", "qoin")
    assert shown.exit_code == 0, shown.output
    assert f"{len(bodies)} accepted; 0 refused." in shown.stdout
    assert "All is well" in terminal.run("verify", "--quiet").stdout


def test_explanation_says_what_was_given_why_not_and_what_followed(terminal: Terminal) -> None:
    body = (REQUESTS / "09-processor-registerreferral.json").read_text(encoding="utf-8")
    first, second = (
        json.loads(terminal.run("submit", "-", "--dialect", "qoin", "--json", stdin=body).stdout.splitlines()[0])
        for _ in range(2)
    )
    told = terminal.run("explain", first["ticket"]).stdout
    assert "told by client qoin in the words of qoin_processor" in told
    assert "+ WELCOME (version 1, Welcome points) gave 5 PTS: a fixed amount." in told
    assert "From it followed, in another member's name:" in told
    assert "+ INVITER (version 1, Points for bringing a friend) gave 3 PTS: a fixed amount." in told
    again = terminal.json("explain", second["ticket"])
    assert again["sentences"][-2:] == [
        "- The programme gave nothing (already_registered): The member registered before; a registration counts once.",
        "- The programme gave nothing (already_referred): The member has a referrer already: "
        "the first referral accepted holds for life.",
    ]


def test_explanation_is_said_in_indonesian_when_asked_for(terminal: Terminal) -> None:
    (sent,) = _submit(terminal, PURCHASE)
    told = terminal.run("explain", sent["ticket"], "--lang", "id").stdout
    assert "qoin.user_id 16659 melakukan `purchase`" in told
    assert "memberi 1 PTS: jumlah tetap." in told
    assert "Akun PTS: +1 (award), lalu 1." in told
    sentences = terminal.json("explain", sent["ticket"], "--lang", "id")["sentences"]
    assert sentences[0] == f"Tiket {sent['ticket']}"
    assert "gave 1 PTS: a fixed amount." in terminal.run("explain", sent["ticket"], "--lang", "en").stdout


def test_command_that_no_lane_has_come_to_is_waiting(terminal: Terminal) -> None:
    # The lane that submit runs for itself must not come to it, so the command is put below the lane's cursor.
    (sent,) = _submit(terminal, PURCHASE)
    terminal.damage("delete from outcome where bucket >= 0")
    terminal.damage("update lane set cursor = 1 where cursor > 1")
    assert terminal.json("ticket", sent["ticket"])["status"] == "waiting"
    assert "not decided yet" in terminal.run("explain", sent["ticket"]).stdout
    shown = terminal.run("doctor")
    assert shown.exit_code == 1
    assert "No lane is at work and 2 commands wait." in shown.stdout


def test_damage_makes_verify_end_with_3_and_name_the_row(terminal: Terminal) -> None:
    (sent,) = _submit(terminal, PURCHASE)
    bucket, position = sent["outcome"]["bucket"], sent["outcome"]["position"]
    terminal.damage(f"update line set amount = 2 where bucket = {bucket} and position = {position} and leg = 0")
    shown = terminal.run("verify", "--quiet")
    assert shown.exit_code == 3
    assert f"First bad row: bucket {bucket}, position {position}: the chain does not hold" in shown.stdout
    report = json.loads(terminal.run("verify", "--json").stdout)
    assert (report["clean"], report["findings"][0]["bucket"]) == (False, bucket)


def test_doctor_finds_nothing_wrong_with_a_fresh_database(terminal: Terminal) -> None:
    report = json.loads(terminal.run("doctor", "--json").stdout)
    by_check = {finding["check"]: finding["level"] for finding in report["findings"]}
    # The tests' server trades durability for speed, the example programme is a demo, and no lane has made its member yet.
    assert (by_check.pop("durability"), by_check.pop("keys"), by_check.pop("lanes")) == (
        "problem",
        "warning",
        "problem",
    )
    assert set(by_check.values()) <= {"ok", "note"}
    assert by_check["append_only"] == "ok"


def test_every_question_takes_the_name_of_a_programme(terminal: Terminal) -> None:
    (sent,) = _submit(terminal, PURCHASE)
    for words in (
        ("ticket", sent["ticket"]),
        ("explain", sent["ticket"]),
        ("member", "qoin.user_id", "16659"),
        ("verify",),
    ):
        assert terminal.run(*words, "--programme", "qoin-demo").exit_code == 0
    assert "marked demo" in terminal.run("doctor", "--programme", "qoin-demo").stdout


def test_doctor_sees_that_history_can_be_changed(terminal: Terminal) -> None:
    terminal.damage("grant update on outcome to accrual_runtime")
    shown = terminal.run("doctor", "--quiet")
    assert shown.exit_code == 1
    assert "may change or delete history: outcome" in shown.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("ticket", "nonsense"), "This is no ticket."),
        (("ticket", "0f8fad5b-d9cb-869f-a165-70867728950e"), "There is no such ticket here."),
        (("explain", "0f8fad5b-d9cb-869f-a165-70867728950e"), "There is no such ticket here."),
        (("member", "qoin.user_id", "nobody"), "Nobody in programme qoin-demo is known by this identity."),
        (("member", "qoin.user_id", "1", "--programme", "other"), "There is no programme 'other'."),
        (("verify", "--quiet", "--programme", "other"), "There is no programme 'other'."),
        (("doctor", "--programme", "other"), "There is no programme 'other'."),
        (("submit", "no-such-file.json"), "no-such-file.json cannot be read"),
        (("submit", "-"), "There is nothing to submit."),
        (
            ("submit", "-", "--client", "nobody"),
            "The programme has no client nobody; its clients are: dsquares, goodie, profitflow, qoin, shop.",
        ),
    ],
)
def test_error_is_one_sentence_and_status_1(terminal: Terminal, words: tuple[str, ...], says: str) -> None:
    shown = terminal.run(*words)
    assert shown.exit_code == 1
    assert says in shown.stderr
    assert "Traceback" not in shown.output
    assert shown.stdout == ""


def test_error_as_json_has_code_message_and_hint(terminal: Terminal) -> None:
    error = json.loads(terminal.run("ticket", "nonsense", "--json").stdout)["error"]
    assert error["code"] == "ticket_malformed"
    assert error["message"] == "This is no ticket."
    assert error["hint"].startswith("A ticket looks like")


def test_database_that_is_not_there_is_said_in_a_sentence() -> None:
    address = "postgresql://nobody@127.0.0.1:9/none"
    for words in (
        ("verify", "--quiet"),
        ("member", "kind", "value"),
        ("ticket", "0f8fad5b-d9cb-869f-a165-70867728950e"),
    ):
        shown = CliRunner().invoke(app, [*words, "--database-url", address])
        assert (shown.exit_code, "Traceback" in shown.output) == (1, False)
        assert "The database does not answer" in shown.stderr
    assert CliRunner().invoke(app, ["doctor", "--database-url", address]).exit_code == 1
