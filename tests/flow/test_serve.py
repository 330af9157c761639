"""HTTP to ledger and back through one running server: what partners send, what they may not, and what its log says."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.flow.books import assert_books_hold, rows, value, waiting
from tests.flow.processes import KEY, REQUESTS, Reply, Served, purchase, serving, task, until
from tests.pg_fixtures import Database, Postgres

GRANTS = json.loads((REQUESTS.parent / "grants.json").read_bytes())
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
TASK_KEYS = [
    *("TicketId", "Subject", "SubjectType", "SubjectIdentifier", "Action", "ResourceType", "Resource", "ResourceId"),
    *("Result", "Status", "Message", "StatusCode"),
]


class Standing(NamedTuple):
    """The server of this module and its database. Check-ins kill no one here: they fail, by a planted fault."""

    served: Served
    database: Database


@pytest.fixture(scope="module")
def standing(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    database = postgres.create()
    directory = tmp_path_factory.mktemp("serve")
    words = ("--database-url", database.owner_url, "--lanes", "1")
    fault = {"ACCRUAL_FAULT": "decide=raise:poisoncheckin", "ACCRUAL_LOG_LEVEL": "debug"}
    with serving(directory, *words, environment=fault) as served:
        yield Standing(served, database)
    postgres.drop(database)


@pytest.fixture
def served(standing: Standing) -> Served:
    return standing.served


def _state(database: Database) -> list[Any]:
    """Everything that a command could change."""
    counts = "select (select count(*) from command), (select sum(next) from tail), (select count(*) from member),"
    counts += " (select count(*) from key_home), (select count(*) from parked), (select count(*) from line)"
    return [tuple(row) for row in rows(database.owner_url, counts)]


@pytest.mark.parametrize("name", sorted(GRANTS))
def test_example_request_becomes_awards_that_its_ticket_shows(served: Served, name: str) -> None:
    """In order, as the names are: the first registration of a member is not the second."""
    body = (REQUESTS / f"{name}.json").read_bytes()
    request = json.loads(body)
    reply = served.requestin(body)
    assert reply.status == 200, reply
    if request["SubjectIdentifier"] == "task":
        assert list(reply.json) == TASK_KEYS
        ticket_id = reply.json["TicketId"]
        assert re.fullmatch(f"34352d31-{UUID}", ticket_id)
    else:
        assert list(reply.json) == ["code", "message", "data"]
        ticket_id = reply.json["data"]["TicketId"]
        assert re.fullmatch(f"Reward:{request['Action']}:{UUID}", ticket_id)
    assert served.result(ticket_id) == GRANTS[name]
    out = served.requestout(ticket_id).json
    assert list(out) == TASK_KEYS
    assert (out["TicketId"], out["Action"], out["Message"]) == (
        ticket_id,
        request["Action"],
        "Success process data(Success)",
    )


def test_same_request_50_times_at_once_with_one_key_has_one_effect_and_50_equal_replies(standing: Standing) -> None:
    served, database = standing
    before = value(database.owner_url, "select count(*) from command")
    with ThreadPoolExecutor(50) as threads:
        replies = list(threads.map(lambda _: served.requestin(purchase("fifty"), key="one"), range(50)))
    assert {(reply.status, reply.body) for reply in replies} == {(200, replies[0].body)}
    assert value(database.owner_url, "select count(*) from command") == before + 1
    served.result(replies[0].json["TicketId"])
    member = served.member("fifty")
    assert [(b["code"], b["posted"]) for b in member["balances"]] == [("PTS", 1), ("LD", 0)]
    assert len(member["history"]) == 1


def test_members_commands_are_decided_in_the_order_in_which_they_were_accepted(served: Served) -> None:
    tickets = [served.requestin(purchase("ordered", amount)).json["TicketId"] for amount in range(1, 21)]
    for ticket in tickets:
        served.result(ticket)
    history = served.member("ordered")["history"]
    assert [each["ticket"] for each in reversed(history)] == [ticket.partition("-")[2] for ticket in tickets]
    assert [each["lines"][0]["balance_after"] for each in reversed(history)] == list(range(1, 21))
    assert [str(each["fields"]["data"][0]["trxAmount"]) for each in reversed(history)] == [f"{n}" for n in range(1, 21)]


def test_poison_command_is_shown_as_parked_and_stops_nobody(standing: Standing) -> None:
    served, database = standing
    poison = {
        "member": {"kind": "qoin.user_id", "value": "poisoned"},
        "action": "poisoncheckin",
        "facts": [{"type": "check_in"}],
    }
    reply = served.ask("POST", "/v1/commands", json.dumps(poison).encode())
    assert reply.status == 202, reply
    ticket = reply.json["ticket"]
    after = served.requestin(purchase("poisoned"))
    assert [grant["value"] for grant in served.result(after.json["TicketId"])] == [1]
    out = served.requestout(ticket)
    assert (out.status, out.json["Status"], out.json["StatusCode"]) == (500, "failed", 500)
    assert out.json["Result"] is None
    shown = served.ask("GET", f"/v1/tickets/{ticket}").json
    assert (shown["status"], shown["awards"]) == ("parked", [])
    kept = "select p.facts = c.facts from parked p join command c using (bucket, position) where parked_at is not null"
    assert [row[0] for row in rows(database.owner_url, kept)] == [True]
    counted = re.compile(r"^accrual_commands_parked_total\S* (\d+)", re.MULTILINE)
    until(lambda: (n := counted.search(served.ask("GET", "/metrics").body.decode())) and int(n[1]) >= 1, within_s=5)


TASK = (REQUESTS / "03-task-transaction.json").read_text()
PROCESSOR = (REQUESTS / "10-processor-transactionpromo.json").read_text()
DEEP = '{"a":' * 10_000 + "1" + "}" * 10_000
FUTURE = "2999-01-01 00:00:00"


def _task(old: str, new: str) -> bytes:
    assert old in TASK
    return TASK.replace(old, new).encode()


def _processor(old: str, new: str) -> bytes:
    assert old in PROCESSOR
    return PROCESSOR.replace(old, new, 1).encode()


BAD: dict[str, tuple[bytes, int]] = {
    "not JSON": (b"Subject=loyalty", 400),
    "empty": (b"", 400),
    "5 MB": (_task('"ref123"', '"' + "x" * 5_000_000 + '"'), 413),
    "depth 10,000": (DEEP.encode(), 400),
    "duplicate keys": (_task('"trxId": 0', '"trxId": 0, "trxId": 1'), 400),
    "NaN": (_task("10000", "NaN"), 400),
    "Infinity": (_task("10000", "Infinity"), 400),
    "1e999": (_task("10000", "1e999"), 400),
    "5,000 digits": (_task("10000", "9" * 5_000), 400),
    "full-width digits": (_task("10000", '"１００"'), 400),
    "full-width digits bare": (_task("10000", "１００"), 400),
    "negative amount": (_task("10000", "-1"), 400),
    "amount that overflows": (_task("10000", "92233720368547758.08"), 400),
    "amount too finely divided": (_task("10000", "6843.555"), 400),
    "unknown action": (_task('"transaction"', '"nosuchaction"'), 400),
    "unknown subject": (_task('"task"', '"tusk"'), 400),
    "bad date": (_task('"trxDate": ""', '"trxDate": "2024-02-30 10:00:00"'), 400),
    "date ahead": (_task('"trxDate": ""', f'"trxDate": "{FUTURE}"'), 400),
    "identifier empty after trimming": (_task('"userId": 123', '"userId": "  "'), 400),
    "identifier of 10 kB": (_task('"userId": 123', '"userId": "' + "x" * 10_000 + '"'), 400),
    "identifier with NUL": (_task('"userId": 123', r'"userId": "a\u0000b"'), 400),
    "name with NUL": (_task('"agung"', r'"a\u0000b"'), 400),
    "processor: not JSON": (b'{"Subject":"loyalty","SubjectIdentifier":"processor"', 400),
    "processor: duplicate keys": (_processor('"id": 16659', '"id": 16659, "id": 1'), 400),
    "processor: NaN": (_processor("6843", "NaN"), 400),
    "processor: 1e999": (_processor("6843", "1e999"), 400),
    "processor: 5,000 digits": (_processor("6843", "9" * 5_000), 400),
    "processor: full-width digits": (_processor("6843", '"６８４３"'), 400),
    "processor: negative amount": (_processor("6843", "-6843"), 400),
    "processor: amount that overflows": (_processor("6843", "92233720368547758.08"), 400),
    "processor: amount too finely divided": (_processor("6843", "6843.555"), 400),
    "processor: unknown action": (PROCESSOR.replace("transactionpromo", "nosuchaction").encode(), 400),
    "processor: Action against command": (_processor('"command": "transactionpromo"', '"command": "register"'), 400),
    "processor: bad date": (_processor("2024-03-11T08:22:06", "2024-13-11T08:22:06"), 400),
    "processor: identifier empty": (_processor('"id": 16659', '"id": " "'), 400),
    "processor: identifier of 10 kB": (_processor('"id": 16659', '"id": "' + "x" * 10_000 + '"'), 400),
    "processor: identifier with NUL": (_processor('"id": 16659', r'"id": "a\u0000b"'), 400),
    "processor: 5 MB": (_processor("16659", '"' + "x" * 5_000_000 + '"'), 413),
}


def _assert_refused(reply: Reply, status: int) -> None:
    assert reply.status == status, reply
    assert list(reply.json) == ["Status", "StatusCode", "Message", "Data"], reply
    assert (reply.json["Status"], reply.json["StatusCode"], reply.json["Data"]) == ("failed", status, None)
    assert 0 < len(reply.json["Message"]) < 300
    assert reply.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_in_the_dialects_shape_and_changes_nothing(standing: Standing, name: str) -> None:
    body, status = BAD[name]
    until(lambda: waiting(standing.database.owner_url) == 0, within_s=10)
    before = _state(standing.database)
    reply = standing.served.requestin(body, key="bad")
    _assert_refused(reply, status)
    if "unknown" in name:
        assert reply.json["Message"] == "Access route not found"
    assert _state(standing.database) == before


@pytest.mark.parametrize("headers", [{}, {"API-Key": "nobody"}, {"API-Key": ""}, {"Authorization": "Bearer nobody"}])
def test_unknown_client_is_refused_before_its_body_counts(standing: Standing, headers: dict[str, str]) -> None:
    before = _state(standing.database)
    _assert_refused(standing.served.ask("POST", "/saas/requestin", TASK.encode(), headers), 401)
    _assert_refused(standing.served.ask("POST", "/saas/requestin", b"\xff no json", headers), 401)
    assert _state(standing.database) == before


def test_same_key_with_another_body_is_a_conflict(standing: Standing) -> None:
    first = standing.served.requestin(purchase("reuser", 100), key="k")
    before = _state(standing.database)
    _assert_refused(standing.served.requestin(purchase("reuser", 200), key="k"), 409)
    assert standing.served.requestin(purchase("reuser", 100), key="k").body == first.body
    assert _state(standing.database)[0][:2] == before[0][:2]


def test_broken_callers_do_not_disturb_the_others(served: Served) -> None:
    """Bad and good requests at once: each good one is taken, and the server has not been restarted."""
    bad = [BAD[name][0] for name in ("not JSON", "depth 10,000", "5 MB", "5,000 digits")]

    def send(n: int) -> int:
        return served.requestin(bad[n // 2 % 4] if n % 2 else purchase("steady", n + 1)).status

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(send, range(40)))
    assert statuses[0::2] == [200] * 20
    assert set(statuses[1::2]) == {400, 413}
    assert served.process.poll() is None


def test_log_carries_no_names_phones_keys_or_bodies(standing: Standing) -> None:
    """Good, bad, refused and poisoned traffic full of marks, at log level debug: none of them is in what was said."""
    served, _ = standing
    mark = "mark" + hashlib.sha256(b"mark").hexdigest()[:8]
    name, phone, key, user = f"{mark}name", f"08{int(mark[4:], 16)}", f"{mark}key", f"{mark}user"
    good = purchase(user, 1000, name=name, reference=f"{mark}ref")
    good["Data"] |= {"memberQtagPhone": phone, "installId": f"{mark}install", "signature": f"{mark}sig"}
    raw = json.dumps(good).encode()
    ticket = served.requestin(raw, key=key).json["TicketId"]
    served.result(ticket)
    served.requestin(raw.replace(b"1000", b"2000"), key=key)
    for broken in (
        raw[:-5],
        raw.replace(b"1000", b"-1"),
        raw.replace(b"1000", b"NaN"),
        raw.replace(b"04-30", b"13-30"),
    ):
        assert served.requestin(broken, key=f"{mark}{len(broken)}").status == 400
    served.ask("POST", "/saas/requestin", raw, {"API-Key": f"{mark}secret"})
    served.ask("POST", f"/saas/{mark}path", raw)
    served.ask("GET", f"/v1/members/qoin.user_id/{mark}nobody?limit={mark}")
    served.member(user)
    poison = {"member": {"kind": "qoin.user_id", "value": user}, "action": "poisoncheckin"}
    reply = served.ask("POST", "/v1/commands", json.dumps({**poison, "facts": [{"type": "check_in"}]}).encode())
    assert reply.status == 202, reply
    path = f"/v1/tickets/{reply.json['ticket']}"
    until(lambda: served.ask("GET", path).json["status"] == "parked", within_s=10)
    said = served.said
    assert "command_parked" in said, "the log is not where it is looked for"
    for secret in (mark, phone, KEY["API-Key"], "agung", "Fares", "Q12345"):
        assert secret not in said, next(line for line in said.splitlines() if secret in line)


def test_task_without_awards_shows_an_empty_list(served: Served) -> None:
    data = {"userId": "empty", "trxId": 1, "data": [{"product_code": "nothing", "trxDate": ""}]}
    reply = served.requestin(task("productsku", data))
    assert served.result(reply.json["TicketId"]) == []


def test_zzz_books_of_all_this_hold(standing: Standing) -> None:
    """Last in this module: whatever was sent above, every bucket sums to zero and the chain is whole."""
    until(lambda: waiting(standing.database.owner_url) == 0, within_s=10)
    assert_books_hold(standing.database)
    assert standing.served.process.poll() is None
    assert "Traceback" not in standing.served.said


def test_path_of_the_examples_is_the_whole_of_them() -> None:
    assert sorted(GRANTS) == sorted(Path(name).stem for name in map(str, REQUESTS.glob("*.json")))
