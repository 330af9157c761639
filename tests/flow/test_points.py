"""Points without a promo through one running server: the page's requests as they stand, spending at once, mergers, returns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.arch.tree import ROOT
from tests.flow.books import assert_books_hold, value
from tests.flow.processes import Reply, Served, serving, until
from tests.pg_fixtures import Database, Postgres

PROGRAMME = ROOT / "examples" / "points" / "programme.yaml"
PAGE = (ROOT / "docs" / "points.md").read_text(encoding="utf-8")
KEY = {"API-Key": "demo-points"}
OFFICE = {"API-Key": "demo-points-office"}
WAITING = {**KEY, "Prefer": "wait=10"}


class Standing(NamedTuple):
    served: Served
    database: Database


@pytest.fixture(scope="module")
def standing(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    database = postgres.create()
    directory = tmp_path_factory.mktemp("points")
    words = ("--database-url", database.owner_url, "--lanes", "2")
    with serving(directory, *words, programme=PROGRAMME) as served:
        yield Standing(served, database)
    postgres.drop(database)


@pytest.fixture
def served(standing: Standing) -> Served:
    return standing.served


def _send(served: Served, name: str, **command: Any) -> Reply:
    body = {"member": {"kind": "msisdn", "value": name}, **command}
    is_office = command.get("move", {}).get("type") in ("grant", "adjust", "merge")
    return served.ask("POST", "/v1/commands", json.dumps(body).encode(), {**WAITING, **(OFFICE if is_office else KEY)})


def _move(served: Served, name: str, key: str | None = None, **move: Any) -> Any:
    reply = _send(served, name, move=move, **({} if key is None else {"key": key}))
    assert reply.status == 200, reply
    return reply.json["outcome"]


def _buy(served: Served, name: str, amount: int, key: str | None = None) -> Any:
    fact = {"type": "purchase", "amount": amount}
    reply = _send(served, name, facts=[fact], **({} if key is None else {"key": key}))
    assert reply.status == 200, reply
    return reply.json["outcome"]


def _balance(served: Served, name: str) -> dict[str, int]:
    reply = served.ask("GET", f"/v1/members/msisdn/{name}", headers=KEY)
    assert reply.status == 200, reply
    (points,) = reply.json["balances"]
    return {field: points[field] for field in ("posted", "held", "pending", "available", "debt")}


def test_requests_of_the_page_do_what_it_says(served: Served) -> None:
    curls = re.findall(
        r"curl -s http://127\.0\.0\.1:8080(/\S+) -H 'API-Key: (demo-points(?:-office)?)'(?: -H '[^']*' -d '([^']*)')?",
        PAGE,
    )
    assert len(curls) == 5
    said = []
    for path, key, body in curls:
        reply = served.ask("POST" if body else "GET", path, body.encode() or None, {**WAITING, "API-Key": key})
        assert reply.status == 200, reply
        said.append(reply.json)
    awards = [award["amount"] for award in said[0]["outcome"]["awards"]]
    booked = [[(each["kind"], each["amount"]) for each in one["outcome"]["booked"]] for one in said[1:4]]
    assert awards == [100, 10]
    assert booked == [[("redeem", -30)], [("refund", 30)], [("reverse", -100), ("reverse", -10)]]
    (points,) = said[4]["balances"]
    assert (points["posted"], points["pending"], points["debt"]) == (0, 0, 0)


def test_500_redemptions_at_once_of_a_balance_for_ten(standing: Standing) -> None:
    served = standing.served
    _move(served, "storm", type="grant", asset="PTS", amount=1005)

    def redeem(number: int) -> str:
        outcome = _move(served, "storm", key=f"r{number}", type="redeem", asset="PTS", amount=100)
        return "done" if outcome["booked"] else str(outcome["declines"][0]["reason"])

    with ThreadPoolExecutor(50) as threads:
        said = list(threads.map(redeem, range(500)))
    assert (said.count("done"), said.count("insufficient_points")) == (10, 490)
    assert _balance(served, "storm")["available"] == 5
    assert_books_hold(standing.database)


def test_same_redemption_with_one_key_takes_once(served: Served) -> None:
    _move(served, "once", type="grant", asset="PTS", amount=100)
    first = _move(served, "once", key="k", type="redeem", asset="PTS", amount=40)
    assert _move(served, "once", key="k", type="redeem", asset="PTS", amount=40) == first
    other = _send(served, "once", key="k", move={"type": "redeem", "asset": "PTS", "amount": 41})
    assert (other.status, other.json["error"]["code"]) == (409, "key_reused")
    assert _balance(served, "once")["posted"] == 60


def test_gift_arrives_and_its_ticket_is_complete(standing: Standing) -> None:
    served = standing.served
    _move(served, "giver", type="grant", asset="PTS", amount=50)
    to = {"kind": "msisdn", "value": "friend"}
    sent = _move(served, "giver", type="transfer", asset="PTS", amount=20, to=to)
    ticket = sent["ticket"]
    until(
        lambda: served.ask("GET", f"/v1/tickets/{ticket}", headers=KEY).json["complete"],
        within_s=20,
        what="the gift did not arrive",
    )
    assert (_balance(served, "giver")["posted"], _balance(served, "friend")["posted"]) == (30, 20)
    assert_books_hold(standing.database)


def test_merged_member_goes_on_as_the_other(standing: Standing) -> None:
    served = standing.served
    _buy(served, "old", 100_000, key="sale")
    spent = _move(served, "old", type="redeem", asset="PTS", amount=100)
    _move(served, "new", type="grant", asset="PTS", amount=7)
    _move(served, "old", type="merge", into={"kind": "msisdn", "value": "new"})
    until(lambda: _balance(served, "new")["pending"] == 10, within_s=20, what="nothing came over")
    _move(served, "old", type="refund", ticket=spent["ticket"])
    until(lambda: _balance(served, "new")["posted"] == 107, within_s=20, what="the refund did not come over")
    _move(served, "new", type="reverse", ticket=_buy_ticket(served, "old"))
    until(lambda: _balance(served, "new")["posted"] == 7, within_s=20, what="the return did not take")
    assert_books_hold(standing.database)


def _buy_ticket(served: Served, name: str) -> str:
    """The ticket of the sale: sent again with its key, it is the same."""
    body = {
        "member": {"kind": "msisdn", "value": name},
        "facts": [{"type": "purchase", "amount": 100_000}],
        "key": "sale",
    }
    return str(served.ask("POST", "/v1/commands", json.dumps(body).encode(), KEY).json["ticket"])


def test_return_that_came_first_waits_for_its_purchase(served: Served) -> None:
    reply = _send(served, "early", move={"type": "reverse", "key": "late-sale"})
    waits = reply.json["outcome"]
    assert (waits["status"], waits["error"]) == ("parked", "waits for its purchase")
    _buy(served, "early", 100_000, key="late-sale")
    until(lambda: _balance(served, "early")["posted"] == 0, within_s=20, what="the return did not wake up")
    assert _balance(served, "early")["debt"] == 0


@pytest.mark.parametrize(
    ("move", "problem"),
    [
        ({"type": "redeem", "asset": "PTS", "amount": 0}, "move.amount"),
        ({"type": "redeem", "asset": "PTS", "amount": -5}, "move.amount"),
        ({"type": "redeem", "asset": "PTS", "amount": "ten"}, "move.amount"),
        ({"type": "redeem", "asset": "PTS"}, "move.amount"),
        ({"type": "redeem", "asset": "NO", "amount": 1}, "move.asset"),
        ({"type": "redeem", "asset": "PTS", "value": "0"}, "move.value"),
        ({"type": "refund", "ticket": "x"}, "move.ticket"),
        ({"type": "refund"}, "move.ticket"),
        ({"type": "adjust", "asset": "PTS", "amount": -1}, "move.note"),
        ({"type": "grant", "asset": "PTS", "amount": 1, "expires": "soon"}, "move.expires"),
        ({"type": "transfer", "asset": "PTS", "amount": 1, "to": {"kind": "#", "value": "00"}}, "move.to.kind"),
        ({"type": "burn", "asset": "PTS"}, "move.type"),
    ],
)
def test_move_that_cannot_be_read_is_refused_with_its_place(served: Served, move: dict[str, Any], problem: str) -> None:
    reply = _send(served, "bad", move=move)
    assert (reply.status, reply.json["error"]["details"].get("path")) == (400, problem), reply


def test_members_that_a_demo_programme_names_are_there_and_applying_again_changes_nothing(
    postgres: Postgres, tmp_path: Path
) -> None:
    database = postgres.create()
    text = PROGRAMME.read_text(encoding="utf-8")
    text += "\nmembers:\n  - {kind: wallet_code, value: '011111111111', name: Fares, attributes: {contact: '0115'}}\n"
    programme = tmp_path / "programme.yaml"
    programme.write_text(text, encoding="utf-8")
    words = ("--database-url", database.owner_url, "--lanes", "1")
    for _ in range(2):
        with serving(tmp_path, *words, programme=programme) as served:
            found = until(lambda served=served: _known(served), within_s=20, what="the member is not there")
            assert (found["name"], found["profile"]["attributes"]) == ("Fares", {"contact": "0115"})
    assert value(database.owner_url, "select count(*) from command") == 1
    postgres.drop(database)


def _known(served: Served) -> Any:
    reply = served.ask("GET", "/v1/members/wallet_code/011111111111", headers=KEY)
    return reply.json["member"] if reply.status == 200 else None
