"""Through real processes: whoever shares a bucket with a member whose 500 returns wait is answered, and soon."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from accrual.domain.ids import bucket_of_ticket
from tests.flow.processes import PROGRAMME, Served, serving, until
from tests.pg_fixtures import Database

pytestmark = pytest.mark.security

RETURNS = 500
ANSWER_S = 20.0
"""What a slow machine may take. Batches of one return each would take minutes."""


def send(served: Served, body: Any, wait_s: int = 0) -> Any:
    headers = {"API-Key": "demo-qoin", **({"Prefer": f"wait={wait_s}"} if wait_s else {})}
    reply = served.ask("POST", "/v1/commands", json.dumps(body).encode(), headers)
    assert reply.status in (200, 202), reply
    return reply.json


def command(key: str, who: str, **what: Any) -> dict[str, Any]:
    return {"key": key, "member": {"kind": "qoin.user_id", "value": who}, **what}


def bucket(ticket: str) -> int:
    return bucket_of_ticket(bytes.fromhex(ticket.replace("-", "")))


def test_member_of_the_same_bucket_is_answered_while_returns_wait(database: Database, tmp_path: Path) -> None:
    text = PROGRAMME.read_text(encoding="utf-8").replace("submit, read]", "submit, read, points]")
    programme = tmp_path / "programme.yaml"
    programme.write_text(text, encoding="utf-8")
    buys = {"facts": [{"type": "purchase", "amount": "1000"}]}
    words = ("--database-url", database.owner_url, "--lanes", "1")
    with serving(tmp_path, *words, programme=programme) as served:
        own = bucket(send(served, command("buy", "busy", **buys), 10)["ticket"])
        for number in count():
            body = json.dumps(command("look", f"calm{number}", **buys)).encode()
            preview = served.ask("POST", "/v1/preview", body).json["outcome"]
            if bucket(preview["ticket"]) == own:
                break
        returns = [command(f"r{n}", "busy", move={"type": "reverse", "key": "buy"}) for n in range(RETURNS)]
        assert send(served, returns)["accepted"] == RETURNS
        ticket = send(served, command("calm", f"calm{number}", **buys))["ticket"]
        until(
            lambda: served.ask("GET", f"/v1/tickets/{ticket}").json["status"] == "decided",
            within_s=ANSWER_S,
            what=f"not answered within {ANSWER_S} s:\n{served.said[-2000:]}",
        )
