"""Rewards through a running server: the page's requests, stock under a storm and under dying lanes, codes, cancelling."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.arch.tree import ROOT
from tests.flow.books import assert_books_hold, rows, value, waiting
from tests.flow.processes import Reply, Served, serving, until
from tests.pg_fixtures import Database, Postgres

PROGRAMME = ROOT / "examples" / "rewards" / "programme.yaml"
PAGE = (ROOT / "docs" / "rewards.md").read_text(encoding="utf-8")
KEY = {"API-Key": "demo-rewards"}
OFFICE = {"API-Key": "demo-rewards-office"}
WAITING = {**KEY, "Prefer": "wait=10"}
STOCK = 10


class Standing(NamedTuple):
    served: Served
    database: Database


@pytest.fixture
def standing(postgres: Postgres, tmp_path: Path) -> Iterator[Standing]:
    database = postgres.create()
    words = ("--database-url", database.owner_url, "--lanes", "2")
    with serving(tmp_path, *words, programme=PROGRAMME, environment={"ACCRUAL_LEASE_S": "1"}) as served:
        yield Standing(served, database)
    postgres.drop(database)


def _send(served: Served, name: str, key: str | None = None, headers: Any = WAITING, **move: Any) -> Reply:
    body = {"member": {"kind": "msisdn", "value": name}, "move": move, **({} if key is None else {"key": key})}
    key = OFFICE if move["type"] == "grant" else KEY
    return served.ask("POST", "/v1/commands", json.dumps(body).encode(), {**headers, **key})


def _move(served: Served, name: str, key: str | None = None, **move: Any) -> Any:
    reply = _send(served, name, key, **move)
    assert reply.status == 200, reply
    return reply.json["outcome"]


def _reasons(outcome: Any) -> list[str]:
    return [declined["reason"] for declined in outcome["declines"]]


def _reward(served: Served, code: str) -> Any:
    reply = served.ask("GET", f"/v1/rewards/{code}", headers=KEY)
    assert reply.status == 200, reply
    return reply.json


def _code_sent(database: Database, ticket: str) -> str:
    """The code that the outbox has for a redemption."""
    for row in rows(database.owner_url, "select payload from outbox where kind = 'reward.validation_code'"):
        event = json.loads(row["payload"])
        if event["ticket"] == ticket.replace("-", ""):
            return str(event["code"])
    raise AssertionError("no code went out")


def _over(database: Database) -> dict[str, str]:
    return {**os.environ, "ACCRUAL_DATABASE_URL": database.owner_url}


def _accrual(database: Database, *words: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "accrual", "reward", *words, "--json"],
        env=_over(database),
        capture_output=True,
        check=False,
        timeout=60,
    )
    return json.loads(done.stdout) if done.returncode == 0 else done.returncode


def test_requests_of_the_page_do_what_it_says(standing: Standing) -> None:
    curls = re.findall(
        r"curl -s http://127\.0\.0\.1:8080(/\S+) -H 'API-Key: (demo-rewards(?:-office)?)'(?: -H '[^']*' -d '([^']*)')?",
        PAGE,
    )
    assert len(curls) == 8
    said = []
    for path, key, body in curls:
        reply = standing.served.ask("POST" if body else "GET", path, body.encode() or None, {**WAITING, "API-Key": key})
        assert reply.status == 200, reply
        said.append(reply.json)
    shown = {each["code"]: (each["left"], each["available"], each["why_not"]) for each in said[0]["rewards"]}
    assert shown == {
        "RW-COFFEE": (None, True, None),
        "RW-FILM": (0, False, "out_of_stock"),
        "RW-MUG": (10, True, None),
        "RW-PEN": (None, False, "reward_inactive"),
        "RW-PHONE": (3, True, None),
    }
    outcomes = [answer["outcome"] for answer in said[2:7]]
    assert [_reasons(outcome) for outcome in outcomes] == [[], ["limit_reached"], [], [], ["code_wrong"]]
    assert outcomes[1]["declines"][0]["text"] == "The limit is 1 redemption a member each day, and 1 are used."
    assert [[(b["kind"], b["amount"]) for b in outcome["booked"]] for outcome in outcomes] == [
        [("redeem", -500)],
        [],
        [("refund", 500)],
        [("hold", 0)],
        [],
    ]
    assert said[7]["left"] == 10


def test_what_the_page_shows_of_the_file_and_of_moves_is_taken(standing: Standing, tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    text = PROGRAMME.read_text(encoding="utf-8")
    path = tmp_path / "page.yaml"
    path.write_text(text[: text.index("rewards:\n  #")] + block, encoding="utf-8")
    words = [sys.executable, "-m", "accrual", "plan", str(path)]
    done = subprocess.run(words, env=_over(standing.database), capture_output=True, check=False, timeout=60)
    assert done.returncode == 0
    moves = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert len(moves) == 2
    for move in moves:
        assert standing.served.ask("POST", "/v1/commands", move.encode(), WAITING).status == 200


def _storm(served: Served, count: int, *, code: str = "RW-MUG") -> list[str]:
    with ThreadPoolExecutor(50) as threads:
        for reply in threads.map(
            lambda n: _send(served, f"m{n}", f"g{n}", KEY, type="grant", asset="PTS", amount=500), range(count)
        ):
            assert reply.status == 202, reply

        def redeem(number: int) -> str:
            reply = _send(served, f"m{number}", f"r{number}", KEY, type="redeem", reward=code)
            assert reply.status == 202, reply
            return str(reply.json["ticket"])

        return list(threads.map(redeem, range(count)))


def _said(served: Served, tickets: list[str]) -> list[Any]:
    with ThreadPoolExecutor(20) as threads:
        replies = list(threads.map(lambda ticket: served.ask("GET", f"/v1/tickets/{ticket}", headers=KEY), tickets))
    return [reply.json for reply in replies]


def test_500_redemptions_at_once_of_a_stock_of_ten(standing: Standing) -> None:
    served, database = standing
    tickets = _storm(served, 500)
    until(lambda: waiting(database.owner_url) == 0, within_s=60)
    outcomes = _said(served, tickets)
    assert Counter(tuple(_reasons(outcome)) for outcome in outcomes) == {(): STOCK, ("out_of_stock",): 500 - STOCK}
    vouchers = {outcome["booked"][-1]["details"]["voucher"] for outcome in outcomes if outcome["booked"]}
    assert len(vouchers) == STOCK
    assert (_reward(served, "RW-MUG")["left"], _reward(served, "RW-MUG")["why_not"]) == (0, "out_of_stock")
    assert_books_hold(database)


def test_lane_killed_in_the_storm_leaves_exactly_ten(standing: Standing) -> None:
    served, database = standing
    first = served.lanes
    assert len(first) == 2
    tickets: list[str] = []
    with ThreadPoolExecutor(1) as threads:
        storming = threads.submit(_storm, served, 500)
        until(lambda: value(database.owner_url, "select count(*) from outcome") > 40, within_s=30)
        os.kill(first[0], signal.SIGKILL)
        tickets = storming.result()
    until(lambda: waiting(database.owner_url) == 0, within_s=60)
    outcomes = _said(served, tickets)
    assert Counter(tuple(_reasons(outcome)) for outcome in outcomes) == {(): STOCK, ("out_of_stock",): 500 - STOCK}
    assert_books_hold(database)


def test_codes_of_a_pool_are_loaded_once_and_given_once(standing: Standing, tmp_path: Path) -> None:
    served, database = standing
    codes = [f"FILM-{number:03d}" for number in range(30)]
    path = tmp_path / "codes.txt"
    path.write_text("\n".join(codes) + "\n\n", encoding="utf-8")
    assert _accrual(database, "load", "RW-MUG", str(path)) == 1
    pool = {"loaded": 30, "given": 0}
    assert _accrual(database, "load", "RW-FILM", str(path)) == {"added": 30, "known": 0, "pool": pool}
    assert _accrual(database, "load", "RW-FILM", str(path)) == {"added": 0, "known": 30, "pool": pool}
    tickets = _storm(served, 60, code="RW-FILM")
    until(lambda: waiting(database.owner_url) == 0, within_s=60)
    outcomes = _said(served, tickets)
    given = [outcome["booked"][-1]["details"]["voucher"] for outcome in outcomes if outcome["booked"]]
    assert sorted(given) == codes
    assert Counter(tuple(_reasons(outcome)) for outcome in outcomes) == {(): 30, ("out_of_stock",): 30}
    (shown,) = [each for each in _accrual(database, "list")["rewards"] if each["code"] == "RW-FILM"]
    assert (shown["left"], shown["redeemed"], shown["stock"]) == (0, 30, 30)
    assert_books_hold(database)


def test_code_completes_a_redemption_and_is_told_by_nothing_but_the_outbox(standing: Standing) -> None:
    served, database = standing
    _move(served, "rich", type="grant", asset="PTS", amount=9000)
    waits = _move(served, "rich", "tel", type="redeem", reward="RW-PHONE")
    code = _code_sent(database, waits["ticket"])
    assert _reasons(_move(served, "rich", type="capture", ticket=waits["ticket"])) == ["code_needed"]
    done = _move(served, "rich", "tel/code", type="confirm", ticket=waits["ticket"], code=code)
    assert re.fullmatch(r"TEL-[0-9A-Z]{12}", done["booked"][-1]["details"]["voucher"])
    assert done["fields"]["move"]["code"] == "******"
    for path in (f"/v1/tickets/{waits['ticket']}", f"/v1/tickets/{done['ticket']}", "/v1/members/msisdn/rich"):
        text = served.ask("GET", path, headers=KEY).body.decode()
        assert not re.search(rf'"{code}"|\b{code}\b', text), path
    assert not re.search(rf"\b{code}\b", served.said)
    assert _reward(served, "RW-PHONE")["left"] == 2
    back = _move(served, "rich", type="refund", ticket=done["ticket"])
    assert back["booked"][-1]["details"]["cancelled"] is True
    cancelled = served.ask("GET", f"/v1/tickets/{done['ticket']}", headers=KEY).json
    assert cancelled["booked"][-1]["details"]["cancelled"] is True
    assert _reward(served, "RW-PHONE")["left"] == 3
    assert_books_hold(database)


def test_reward_of_another_spelling_is_missing_and_a_bad_code_is_refused(standing: Standing) -> None:
    served, _ = standing
    reply = served.ask("GET", "/v1/rewards/NO", headers=KEY)
    assert (reply.status, reply.json["error"]["code"]) == (404, "reward_unknown")
    assert served.ask("GET", "/v1/rewards", headers={}).status == 401
    for move in (
        {"type": "confirm", "key": "k", "code": "12345"},
        {"type": "confirm", "key": "k", "code": "１２３４５６"},
        {"type": "confirm", "key": "k"},
        {"type": "redeem", "reward": "RW-MUG", "asset": "PTS"},
        {"type": "redeem", "reward": ""},
        {"type": "redeem", "reward": "RW-MUG", "amount": 1},
    ):
        assert _send(served, "bad", **move).status == 400, move


def test_what_is_explained_names_reward_and_voucher(standing: Standing) -> None:
    served, database = standing
    _move(served, "ann", type="grant", asset="PTS", amount=500)
    ticket = _move(served, "ann", type="redeem", reward="RW-MUG")["ticket"]

    def explain(*more: str) -> str:
        words = [sys.executable, "-m", "accrual", "explain", ticket, *more]
        return subprocess.run(words, env=_over(database), capture_output=True, check=True, timeout=60).stdout.decode()

    assert re.search(r"Reward RW-MUG was redeemed for 500 PTS; the voucher is MUG-[0-9A-Z]{12}\.", explain())
    assert "Hadiah RW-MUG ditukar dengan 500 PTS" in explain("--lang", "id")
    _move(served, "ann", type="refund", ticket=ticket)
    assert "The redemption of reward RW-MUG was cancelled." in explain()
