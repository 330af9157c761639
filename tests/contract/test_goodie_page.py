"""The dialect's page for Goodie does what it says: each of its requests is sent, each reply it shows comes."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec
import pytest
import yaml

from accrual.api.dialects.goodie.promotions import NOT_APPLICABLE
from accrual.domain.promos import Benefit, Promo
from accrual.engine.event_rules import rules_of
from tests.arch.tree import ROOT
from tests.contract.goodie_desk import HEADERS, INQUIRY, POINTS, POSTING, Answer, Desk, custom

PAGE = (ROOT / "docs" / "dialects" / "goodie.md").read_text(encoding="utf-8")
UUID = re.compile('[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}(?=","total)')


class Curl(NamedTuple):
    """A request of the page: where it goes, its idempotency key, its body if it has one, and the reply shown below it."""

    path: str
    key: str | None
    body: str | None
    reply: str | None


def _curls() -> list[Curl]:
    found = []
    for block in re.finditer(r"```sh\ncurl ([\s\S]*?)```(?:\n\n```json\n([\s\S]*?)```)?", PAGE):
        command, reply = block.groups()
        key = re.search(r"Idempotency-Key: ([\w-]+)", command)
        body = re.search(r"-d '([\s\S]*)'\s*$", command)
        path = re.search(r"http://127\.0\.0\.1:8080([^\s']+)", command)
        assert path
        assert all(f"-H '{name}: {value}'" in command for name, value in HEADERS.items())
        found.append(Curl(path[1], key[1] if key else None, body[1] if body else None, reply))
    return found


async def _send(desk: Desk, curl: Curl) -> Answer:
    body = (curl.body or "").encode()
    return await desk.ask(body, to=curl.path, key=curl.key, method="GET" if curl.body is None else "POST")


def test_page_shows_every_route_and_form() -> None:
    paths = [curl.path.partition("?")[0] for curl in _curls()]
    assert paths == [POSTING] * 3 + [INQUIRY, POINTS]


@pytest.mark.parametrize("curl", _curls()[:4], ids=lambda curl: str(curl.path))
async def test_request_of_the_page_is_taken_with_the_reply_shown(curl: Curl) -> None:
    answer = await _send(Desk(), curl)
    assert (answer.status, answer.json["totalPointIssuing"] > 0) == (200, True)
    if curl.reply is not None:
        assert UUID.sub("<uuid>", answer.text) == UUID.sub("<uuid>", curl.reply.strip())


async def test_question_for_points_of_the_page_is_understood() -> None:
    answer = await _send(Desk(), _curls()[4])
    assert answer.message == "There is no such member."


async def test_failure_of_the_page_is_the_one_that_comes() -> None:
    shown = re.search(r'^{"abstractResponse".*$', PAGE, re.MULTILINE)
    assert shown
    answer = await Desk().ask(custom({"ruleName": "CUSTOM RULE X", "issuing": 1}))
    assert answer.text == shown[0]


def test_promos_of_the_page_are_promos_and_have_the_rules_it_names() -> None:
    blocks = [
        yaml.safe_load(text)
        for text in re.findall(r"```yaml\n([\s\S]*?)```", PAGE.replace("\nbenefits", "\n- benefits"))
    ]
    benefits: list[Any] = [each["benefits"] for each in blocks[0]]
    assert [len(msgspec.convert(each, tuple[Benefit, ...])) for each in benefits] == [1, 1]
    promos = [msgspec.convert(each, Promo) for each in blocks[1]]
    assert [(dict(r.issuing), set(r.amount)) for r in map(rules_of, promos)] == [
        ({}, {"CUSTOM RULE API"}),
        ({"CUSTOM RULE ISSUING": 50, "PROFILE COMPLETE": 20}, set()),
    ]


def test_page_says_of_every_decline_of_a_promo_whether_it_is_listed() -> None:
    declines = (ROOT / "docs" / "reference" / "declines.md").read_text(encoding="utf-8")
    of_promos = set(re.findall(r"^\| `(\w+)` \| (?:promo|both) \|", declines, re.MULTILINE))
    text = " ".join(PAGE.split())
    section = text[text.index("So these") : text.index("nor is a promo of other outlets")]
    listed, _, left_out = section.partition("These are not:")
    assert set(re.findall(r"`(\w+)`", left_out)) == NOT_APPLICABLE
    assert set(re.findall(r"`(\w+)`", listed)) == of_promos - NOT_APPLICABLE
