"""The dialect's page for dsquares does what it says: its requests are sent in order, each reply it shows comes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.arch.tree import ROOT
from tests.contract.dsquares_desk import BASE, Answer, Desk, example, open_desk
from tests.pg_fixtures import Database

PAGE = (ROOT / "docs" / "dialects" / "dsquares.md").read_text(encoding="utf-8")
OURS = re.compile(
    r'("(?:id|walletId|actorWalletId|userId)":)\d+|("(?:createdDate|optedInDate)":)"[^"]*"',
)


class Curl(NamedTuple):
    """A request of the page: its method, where it goes, its idempotency key, its body, and the reply shown below it."""

    method: str
    path: str
    key: str | None
    body: str
    reply: str | None


def _curls() -> list[Curl]:
    found = []
    for block in re.finditer(r"```sh\ncurl ([\s\S]*?)```(?:\n\n```json\n([\s\S]*?)```)?", PAGE):
        command, reply = block.groups()
        assert "-H 'ClientId: demo-dsquares'" in command
        path = re.search(r"http://127\.0\.0\.1:8080([^\s']+)", command)
        assert path
        key = re.search(r"Idempotency-Key: ([\w-]+)", command)
        body = re.search(r"-d '([\s\S]*)'\s*$", command)
        found.append(Curl("POST" if body else "GET", path[1], key[1] if key else None, body[1] if body else "", reply))
    return found


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    """The example programme as it is, nothing in it yet."""
    with open_desk(database, example()) as opened:
        yield opened


def test_page_runs_from_its_first_request_to_its_last(desk: Desk) -> None:
    curls = _curls()
    calls = ["Reward", "RedeemUser", "Refund", "GetWalletData?query=011111111111"]
    assert [curl.path for curl in curls] == [f"{BASE}/{call}" for call in calls]
    answers: list[Answer] = []
    for curl in curls:
        body = curl.body
        if "$REDEMPTION" in body:
            body = body.replace("""'"$REDEMPTION"'""", str(answers[1].log["id"]))
        headers = {"ClientId": "demo-dsquares"} | ({} if curl.key is None else {"Idempotency-Key": curl.key})
        answer = desk.ask(curl.path, body.encode(), method=curl.method, headers=headers)
        assert answer.code == "0", answer.text
        if curl.reply is not None:
            assert OURS.sub(r"\1\2...", answer.text) == OURS.sub(r"\1\2...", curl.reply.strip())
        answers.append(answer)
    assert answers[1].log["amountValue"] == 100
    assert answers[2].log["amountValue"] == 40
    assert answers[3].json["data"]["totalPoints"] == 240


def test_mistake_of_the_page_is_the_one_that_comes(desk: Desk) -> None:
    shown = re.search(r'^{"message".*$', PAGE, re.MULTILINE)
    assert shown
    body = json.loads(_curls()[0].body) | {"PointsValue": "a hundred"}
    assert desk.ask(f"{BASE}/Reward", body).text == shown[0]


def test_wallet_of_the_example_is_known_with_its_contact_and_others_are_not(desk: Desk) -> None:
    body: dict[str, Any] = json.loads(_curls()[0].body)
    assert desk.ask(f"{BASE}/Reward", body | {"ContactMsisdn": "01151618769"}).code == "5"
    assert desk.ask(f"{BASE}/Reward", body | {"WalletCode": "011111111112"}).code == "3"
