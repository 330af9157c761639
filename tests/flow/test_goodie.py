"""Goodie over HTTP against a running server and its books: posted, asked for again, asked at once, asked before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.arch.tree import ROOT
from tests.flow.books import assert_books_hold, value
from tests.flow.processes import Reply, Served, serving
from tests.pg_fixtures import Database, Postgres

EXAMPLE = ROOT / "examples" / "goodie"
HEADERS = {"authToken": "demo-goodie", "deviceUniqueId": "d-1", "Content-Type": "application/json"}
MERCHANT = "5F773EA1-1E66-4F9E-B9C8-E1FA8156AD20"
POSTING = "/api-rest/promotion/posting"
INQUIRY = "/api-rest/promotion/inquiry"


class Standing(NamedTuple):
    """The server of this module and its database. Its client may also make one member of two."""

    served: Served
    database: Database


@pytest.fixture(scope="module")
def standing(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    database = postgres.create()
    directory = tmp_path_factory.mktemp("goodie")
    words = ("--database-url", database.owner_url, "--lanes", "1")
    written = (EXAMPLE / "programme.yaml").read_text(encoding="utf-8")
    programme = directory / "programme.yaml"
    programme.write_text(written.replace("rights: [goodie]", "rights: [goodie, submit, read, merge]"), encoding="utf-8")
    with serving(directory, *words, programme=programme) as served:
        yield Standing(served, database)
    postgres.drop(database)


@pytest.fixture
def served(standing: Standing) -> Served:
    return standing.served


def _send(served: Served, body: Any, to: str = POSTING, headers: Mapping[str, str] = HEADERS) -> Reply:
    return served.ask("POST", to, json.dumps(body).encode(), headers)


def _points(served: Served, member: str) -> Any:
    reply = served.ask("GET", f"/api-rest/member/points?merchantId={MERCHANT}&memberId={member}", None, HEADERS)
    assert reply.status == 200, reply
    return reply.json


def _basic(member: str, reference: str, amount: Any = "100000") -> dict[str, Any]:
    payment = {"totalTrxAmount": amount, "refNumber": reference}
    return {"memberId": member, "merchantId": MERCHANT, "basic": payment}


def _custom(member: str, *rules: Mapping[str, Any]) -> dict[str, Any]:
    return {"memberId": member, "merchantId": MERCHANT, "storeId": "", "custom": list(rules)}


def _status(reply: Reply) -> str:
    return str(reply.json["abstractResponse"]["responseStatus"])


def test_requests_of_the_example_are_posted_and_stand_in_the_books(standing: Standing) -> None:
    served, _ = standing
    total = 0
    for path in sorted((EXAMPLE / "requests").glob("*.json")):
        reply = served.ask("POST", POSTING, path.read_bytes(), HEADERS)
        assert (reply.status, _status(reply)) == (200, "INQ000"), reply
        total += reply.json["totalPointIssuing"]
    assert total == 100 + 50 + 210
    shown = _points(served, "CE38F7D7-23C4-4F81-B7B6-AA4B97567F20")
    assert (shown["totalPoints"], shown["memberId"]) == (total, "CE38F7D7-23C4-4F81-B7B6-AA4B97567F20")


def test_inquiry_says_what_the_posting_gives_and_leaves_nothing_behind(standing: Standing) -> None:
    served, database = standing
    before = value(database.owner_url, "select count(*) from command")
    asked = _send(served, _basic("asks", "INQ-1"), INQUIRY)
    assert value(database.owner_url, "select count(*) from command") == before
    posted = _send(served, _basic("asks", "INQ-1"))
    assert asked.json == {**posted.json, "transactionId": ""}
    assert posted.json["transactionId"]
    shown = _points(served, "asks")
    assert (shown["totalPoints"], shown["nearestPointToBeExpire"]) == (210, 200)
    assert shown["nearestExpiredDate"][:4] == str(int(posted.json["transactionDate"][:4]) + 1)
    after = _send(served, _basic("asks", "INQ-1"), INQUIRY)
    assert after.json == asked.json
    assert _status(_send(served, _basic("asks", "INQ-1", 5), INQUIRY)) == "INQ923"


def test_same_posting_50_times_at_once_has_one_effect_and_50_equal_replies(standing: Standing) -> None:
    served, database = standing
    before = value(database.owner_url, "select count(*) from command")
    with ThreadPoolExecutor(50) as threads:
        replies = list(threads.map(lambda _: _send(served, _basic("fifty", "R-50")), range(50)))
    assert {(reply.status, reply.body) for reply in replies} == {(200, replies[0].body)}
    assert value(database.owner_url, "select count(*) from command") == before + 1
    assert _points(served, "fifty")["totalPoints"] == replies[0].json["totalPointIssuing"] == 210


def test_one_reference_for_two_members_at_once_is_taken_for_one_of_them(standing: Standing) -> None:
    served, database = standing
    before = value(database.owner_url, "select count(*) from command")
    with ThreadPoolExecutor(20) as threads:
        replies = list(threads.map(lambda n: _send(served, _basic(f"one-of-{n % 10}", "R-SHARED")), range(20)))
    taken = {reply.body for reply in replies if _status(reply) == "INQ000"}
    assert len(taken) == 1
    assert {_status(reply) for reply in replies} == {"INQ000", "INQ923"}
    assert value(database.owner_url, "select count(*) from command") == before + 1


def test_first_reply_comes_again_when_the_member_has_another_name(served: Served) -> None:
    def call(name: str) -> None:
        command = {
            "member": {"kind": "goodie.member_id", "value": "named"},
            "member_name": name,
            "facts": [{"type": "event", "name": "app_review"}],
        }
        key = {"API-Key": "demo-goodie", "Prefer": "wait=10"}
        assert served.ask("POST", "/v1/commands", json.dumps(command).encode(), key).status == 200

    call("hana susan")
    first = _send(served, _basic("named", "R-NAME"))
    assert first.json["memberName"] == "hana susan"
    call("anadia salsabella")
    assert _send(served, _basic("named", "R-NAME")).body == first.body
    assert _send(served, _basic("named", "R-NAME-2")).json["memberName"] == "anadia salsabella"
    assert _points(served, "named")["memberName"] == "anadia salsabella"


def test_custom_rules_are_checked_against_the_programme_before_anything_is_kept(standing: Standing) -> None:
    served, database = standing
    before = value(database.owner_url, "select count(*) from command")
    refused = {
        "INQ920": _custom("rules", {"ruleName": "NONE", "issuing": 1}),
        "INQ921": _custom("rules", {"ruleName": "CUSTOM RULE API", "issuing": 1}),
        "INQ905": {
            **_custom("rules", {"ruleName": "CUSTOM RULE API", "issuing": 0, "amount": 1}),
            **_basic("rules", "x"),
        },
    }
    for status, body in refused.items():
        for to in (POSTING, INQUIRY):
            assert _status(_send(served, body, to)) == status
    assert value(database.owner_url, "select count(*) from command") == before
    good = _custom("rules", {"ruleName": "CUSTOM RULE PERCENT", "issuing": 0, "amount": "1990"})
    keyed = {**HEADERS, "Idempotency-Key": "custom-1"}
    first = _send(served, good, headers=keyed)
    assert first.json["promotionNumberIssued"][0]["customRulePoints"] == [
        {"customRuleName": "CUSTOM RULE PERCENT", "customRulePoint": 99}
    ]
    assert _send(served, good, headers=keyed).body == first.body
    assert _send(served, good).json["transactionId"] != first.json["transactionId"]
    assert _points(served, "rules")["totalPoints"] == 198


def test_posting_for_a_member_who_became_another_is_answered_with_what_the_other_got(served: Served) -> None:
    """It is passed on to the other's bucket and decided there: the reply waits for that."""
    kind = "goodie.member_id"
    for member in ("old", "new"):
        assert _status(_send(served, _basic(member, f"R-{member}"))) == "INQ000"
    merge = {"type": "merge", "into": {"kind": kind, "value": "new"}}
    command = {"member": {"kind": kind, "value": "old"}, "move": merge}
    key = {"API-Key": "demo-goodie", "Prefer": "wait=10"}
    reply = served.ask("POST", "/v1/commands", json.dumps(command).encode(), key)
    assert reply.status == 200, reply
    for number in range(5):
        posted = _send(served, _basic("old", f"R-AFTER-{number}"))
        assert (posted.status, posted.json["totalPointIssuing"]) == (200, 210), posted
        assert posted.json["memberId"] == "old"
        shown = [each["promotionCode"] for each in posted.json["promotionNumberIssued"]]
        assert shown == ["GD-BNI", "GD-GENERAL", "GD-OPENING"]
        asked = _send(served, _basic("old", f"R-ASKED-{number}"), INQUIRY)
        assert asked.json == {**posted.json, "transactionId": ""}
        assert _send(served, _basic("old", f"R-AFTER-{number}")).body == posted.body
    assert _points(served, "new")["totalPoints"] == _points(served, "old")["totalPoints"] == 7 * 210


@pytest.mark.parametrize("left_out", ["authToken", "deviceUniqueId"])
def test_without_token_or_device_nobody_is_answered(served: Served, left_out: str) -> None:
    headers = {name: text for name, text in HEADERS.items() if name != left_out}
    reply = _send(served, _basic("stranger", "R-0"), headers=headers)
    assert reply.status == 401
    assert _status(reply) in ("INQ910", "INQ911")


def test_ticket_of_a_posting_is_its_transaction_in_small_letters(served: Served) -> None:
    posted = _send(served, _basic("ticketed", "R-T")).json
    shown = served.ask("GET", f"/v1/tickets/{posted['transactionId'].lower()}", None, {"API-Key": "demo-goodie"}).json
    assert sum(award["amount"] for award in shown["awards"]) == posted["totalPointIssuing"]
    assert shown["fields"]["basic"] == {"totalTrxAmount": "100000", "refNumber": "R-T"}


def test_posting_without_a_lane_is_answered_503_and_posted_once_there_is_one(
    postgres: Postgres, tmp_path: Path
) -> None:
    database = postgres.create()
    try:
        waiting = {"ACCRUAL_ANSWER_DEADLINE_S": "0.5"}
        words = ("--database-url", database.owner_url)
        programme = EXAMPLE / "programme.yaml"
        with serving(tmp_path, *words, "--lanes", "0", programme=programme, environment=waiting) as served:
            late = _send(served, _basic("late", "R-LATE"))
            assert (late.status, _status(late), late.headers["retry-after"]) == (503, "INQ990", "1")
            assert value(database.owner_url, "select count(*) from command") == 1
        with serving(tmp_path, *words, "--lanes", "1", programme=None) as served:
            reply = _send(served, _basic("late", "R-LATE"))
            assert (reply.status, reply.json["totalPointIssuing"]) == (200, 210)
            assert value(database.owner_url, "select count(*) from command") == 1
    finally:
        postgres.drop(database)


def test_books_hold_after_all_of_it(standing: Standing) -> None:
    assert_books_hold(standing.database)
