"""The dialect's page for Qoin does what it says: each of its requests is handed in, each reply it shows has that shape."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import pytest

from accrual.api.dialects.qoin import routes
from tests.arch.tree import ROOT
from tests.contract.qoin_desk import UUID, Desk

PAGE = (ROOT / "docs" / "dialects" / "qoin.md").read_text(encoding="utf-8")


class Curl(NamedTuple):
    """A request of the page: where it goes, its idempotency key, its body, and the reply shown below it."""

    path: str
    key: str | None
    body: str
    reply: str | None


def _curls() -> list[Curl]:
    found = []
    for block in re.finditer(r"```sh\n(?:TICKET.*\n)?curl ([\s\S]*?)```(?:\n\n```json\n([\s\S]*?)```)?", PAGE):
        command, reply = block.groups()
        key = re.search(r"Idempotency-Key: ([\w-]+)", command)
        body = re.search(r"-d '([\s\S]*)'\s*$", command)
        path = re.search(r"http://127\.0\.0\.1:8080(/\S+)", command)
        assert body
        assert path
        assert "API-Key: demo-qoin" in command
        found.append(Curl(path[1], key[1] if key else None, body[1], reply))
    return found


def _shape(value: Any) -> Any:
    return json.loads(UUID.sub("", json.dumps(value)), object_pairs_hook=list)


def test_page_shows_both_dialects_the_alias_and_the_fetching() -> None:
    assert [curl.path for curl in _curls()] == ["/saas/requestin"] * 3 + ["/saas/requestout"]


@pytest.mark.parametrize("curl", _curls()[:3], ids=lambda curl: str(curl.key))
async def test_command_of_the_page_is_taken_with_the_reply_shown(curl: Curl) -> None:
    answer = await Desk().hand_in(curl.body.encode(), key=curl.key)
    assert answer.status == 200
    if curl.reply is not None:
        assert _shape(answer.json) == _shape(json.loads(curl.reply))


async def test_fetching_of_the_page_asks_for_a_ticket() -> None:
    body = re.sub(r"'\"\$TICKET\"'", "34352d31-69bb2a81-cb51-8595-b621-bfdd34b0841a", _curls()[-1].body)
    answer = await Desk().hand_in(body.encode(), to=routes.requestout)
    assert answer.message == "No command of yours has this TicketId."


async def test_refusal_of_the_page_is_the_one_that_comes() -> None:
    shown = re.search(r'^{"Status":"failed".*$', PAGE, re.MULTILINE)
    assert shown
    answer = await Desk().hand_in(_curls()[0].body.replace("10000", "-10000").encode())
    assert answer.text == shown[0]
