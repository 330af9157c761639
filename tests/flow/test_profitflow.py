"""Profitflow's rules in a running server: what its page says is done, and rules pay for purchases of every dialect at once."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from typer.testing import CliRunner

from accrual.api.mount import build_app
from accrual.bootstrap.engine import open_engine
from accrual.cli.program import app
from accrual.settings import Settings
from tests.arch.tree import ROOT
from tests.flow.processes import Served, serving, task, until
from tests.pg_fixtures import Database, Postgres

PROGRAMME = ROOT / "examples" / "profitflow" / "programme.yaml"
PAGE = (ROOT / "docs" / "dialects" / "profitflow.md").read_text(encoding="utf-8")
POS, TILL = {"API-Key": "demo-profitflow"}, {"API-Key": "demo-profitflow-till"}
QOIN = {"API-Key": "demo-profitflow-qoin"}
OWNER = "+6285228990120"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Curl(NamedTuple):
    """A request of the page: where it goes, with which headers, its body, and the reply shown below it."""

    path: str
    headers: dict[str, str]
    body: str
    reply: str | None


def curls() -> list[Curl]:
    found = []
    for block in re.finditer(r"```sh\ncurl ([\s\S]*?)```(?:\n\n```json\n([\s\S]*?)\n```)?", PAGE):
        command, reply = block.groups()
        headers = dict(text.split(": ", 1) for text in re.findall(r"-H '([^']*)'", command))
        body = re.search(r"-d '([\s\S]*)'\s*$", command)
        path = re.search(r"http://127\.0\.0\.1:8080(/\S+)", command)
        assert body
        assert path
        found.append(Curl(path[1], headers, body[1], reply))
    return found


@pytest.fixture(scope="module")
def server(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    database: Database = postgres.create()
    directory: Path = tmp_path_factory.mktemp("profitflow")
    environment = {"ACCRUAL_DATABASE_URL": database.runtime_url, "ACCRUAL_LANES": "1"}
    programme = directory / "programme.yaml"
    programme.write_text(_with_goodie(PROGRAMME.read_text(encoding="utf-8")), encoding="utf-8")
    with serving(directory, programme=programme, environment=environment) as served:
        yield served
    postgres.drop(database)


def _with_goodie(example: str) -> str:
    """The example with a client more, which has a name of its own for an outlet."""
    outlet = "outlets:\n  - {code: OTL-GD, aliases: {PF-GOODIE: [MERCHANT-1]}}\n"
    return example.replace("outlets:\n", outlet, 1) + "  - {code: PF-GOODIE, key: demo-pf-goodie, rights: [goodie]}\n"


class Shop:
    """One outlet of its own in the running server."""

    def __init__(self, server: Served, outlet: str) -> None:
        self.server = server
        self.outlet = outlet
        self._members = 0

    def call(self, action: str, **said: Any) -> Any:
        body = json.dumps({"user_id": OWNER, "outlet_id": self.outlet, **said}).encode()
        reply = self.server.ask("POST", f"/api/pointreward/{action}", body, POS)
        assert reply.status == 200, reply
        return reply.json

    def buy(self, member: str | None = None, kind: str = "purchase", **fact: Any) -> dict[str, int]:
        """A purchase of somebody new, unless told: the units that each promo gave, by the part of its code."""
        self._members += 1
        who = member or f"{self.outlet}-{self._members}"
        facts = [{"type": kind, "outlet": self.outlet, **fact}]
        body = json.dumps({"member": {"kind": "name", "value": who}, "facts": facts}).encode()
        reply = self.server.ask("POST", "/v1/commands", body, {**TILL, "Prefer": "wait=10"})
        assert reply.status == 200, reply
        return {award["promo"].split("-", 2)[2]: award["amount"] for award in reply.json["outcome"]["awards"]}


def test_page_is_what_happens(server: Served) -> None:
    replies = []
    for curl in curls():
        reply = server.ask("POST", curl.path, curl.body.encode(), curl.headers)
        assert reply.status == 200, (curl.path, reply)
        replies.append(reply)
        if curl.reply is not None:
            shown, got = (_MOMENT.sub("<moment>", text) for text in (curl.reply, reply.body.decode()))
            assert got == shown
    paths = [curl.path.rpartition("/")[2] for curl in curls()]
    assert paths == ["add", "commands", "requestin", "show", "set", "update", "del"]
    by_till, by_qoin = replies[1].json, replies[2].json
    assert sum(award["amount"] for award in by_till["outcome"]["awards"]) == 35
    granted = until(lambda: _result(server, by_qoin["TicketId"]), within_s=20)
    assert sum(grant["value"] for grant in granted["Data"]) == 25


def test_refusal_of_the_page_is_the_one_that_comes(server: Served) -> None:
    shown = re.search(r'^\{"user_id".*negative.*$', PAGE, re.MULTILINE)
    assert shown
    first = curls()[0]
    reply = server.ask("POST", first.path, first.body.replace("50000", "-50000").encode(), first.headers)
    assert (reply.status, reply.body.decode()) == (400, shown[0])


def test_rule_pays_from_the_next_purchase_on_and_stops_and_starts_as_it_is_set(server: Served) -> None:
    shop = Shop(server, "OTL-SET")
    assert shop.buy(amount="100000") == {}
    shop.call("add", name="Spend", loyalty_type="spending", total_spend=50000, points_gain=10)
    for _ in range(5):
        assert shop.buy(amount="100000") == {"SPEND": 20}
        shop.call("set", reward_id="RWD-01", is_active="No")
        assert shop.buy(amount="100000") == {}
        shop.call("set", reward_id="RWD-01", is_active="Yes")
    assert shop.buy(amount="49999.99") == {}
    shop.call("update", reward_id="RWD-01", name="Spend", points_gain=3)
    assert shop.buy(amount="150000") == {"SPEND": 9}
    shop.call("del", reward_id="RWD-01")
    assert shop.buy(amount="150000") == {}
    assert shop.call("show") == []


def test_products_or_category_pay_once_a_purchase_and_for_product_purchases_too(server: Served) -> None:
    shop = Shop(server, "OTL-BUY")
    shop.call("add", name="Buy", buy_products="PRD-001,PRD-002", buy_category="CAT-001", points_gain=10)
    assert shop.buy(amount="1", product="PRD-001") == {"PRODUCTS": 10}
    assert shop.buy(amount="1", product="PRD-009") == {}
    drinks = [{"product": f"PRD-00{n}", "category": "CAT-001", "quantity": 3, "amount": "1000"} for n in (1, 2, 3)]
    assert shop.buy(amount="3000", lines=drinks) == {"PRODUCTS": 10}
    assert shop.buy(amount="1000", lines=drinks[2:]) == {"CATEGORY": 10}
    assert shop.buy(kind="product_purchase", product="PRD-002") == {"SKU-PRODUCTS": 10}
    assert shop.buy(kind="product_purchase", lines=drinks[2:]) == {"SKU-CATEGORY": 10}
    assert Shop(server, "OTL-ELSE").buy(amount="1", product="PRD-001") == {}


def test_welcome_is_given_once_a_member_at_each_outlet(server: Served) -> None:
    shops = [Shop(server, "OTL-NEW-1"), Shop(server, "OTL-NEW-2")]
    for shop in shops:
        shop.call("add", name="New", new_member_points=5)
    for shop in shops:
        assert shop.buy("ann", amount="1") == {"WELCOME": 5}
        assert shop.buy("ann", amount="1") == {}
    assert shops[0].buy("bob", amount="1") == {"WELCOME": 5}


def test_window_is_kept_and_its_last_second_is_in(server: Served) -> None:
    shop = Shop(server, "OTL-WINDOW")
    shop.call("add", name="June", new_member_points=1, start_dtm="2025-06-01T00:00:00Z", end_dtm="2025-12-31T23:59:59Z")
    assert shop.buy(amount="1", occurred_at="2025-06-01T00:00:00Z") == {"WELCOME": 1}
    assert shop.buy(amount="1", occurred_at="2025-12-31T23:59:59.9Z") == {"WELCOME": 1}
    assert shop.buy(amount="1", occurred_at="2025-05-31T23:59:59Z") == {}
    assert shop.buy(amount="1", occurred_at="2026-01-01T00:00:00Z") == {}
    assert shop.buy(amount="1") == {}


@pytest.mark.parametrize(
    ("action", "item", "given"),
    [
        ("transaction", {"trxAmount": 1000, "product_id": "SKU-9"}, 7),
        ("productsku", {"trxAmount": 0, "product_code": "SKU-9"}, 7),
        ("transaction", {"trxAmount": 1000}, 0),
    ],
)
def test_rule_pays_for_what_qoin_tells_of(server: Served, action: str, item: dict[str, Any], given: int) -> None:
    shop = Shop(server, "OTL-001")
    shop.call("add", name="By Qoin", buy_products=["SKU-9"], points_gain=7)
    data = {"userId": f"{action}-{given}", "data": [{"trxDate": "", **item}]}
    reply = server.ask("POST", "/saas/requestin", json.dumps(task(action, data)).encode(), QOIN)
    assert reply.status == 200, reply
    granted = until(lambda: _result(server, reply.json["TicketId"]), within_s=20)
    assert sum(grant["value"] for grant in granted["Data"]) == given


def test_rule_pays_for_what_goodie_posts_at_its_own_name_of_the_outlet(server: Served) -> None:
    shop = Shop(server, "OTL-GD")
    shop.call("add", name="Spend", loyalty_type="Spend", total_spend=50000, points_gain=10, new_member_points=5)
    body = {
        "memberId": "M-1",
        "merchantId": "MERCHANT-1",
        "basic": {"totalTrxAmount": "120000", "refNumber": "REF-1"},
    }
    headers = {"authToken": "demo-pf-goodie", "deviceUniqueId": "any"}
    reply = server.ask("POST", "/api-rest/promotion/posting", json.dumps(body).encode(), headers)
    assert (reply.status, reply.json["totalPointIssuing"]) == (200, 25)
    named = {each["promotionCode"].split("-", 2)[2]: each for each in reply.json["promotionNumberIssued"]}
    assert {part: each["basicRulePoint"] for part, each in named.items()} == {"SPEND": 20, "WELCOME": 5}
    assert {each["promotionName"] for each in named.values()} == {"Spend"}


def test_rule_is_a_promo_for_people_too(database: Database) -> None:
    def run(*words: str) -> Any:
        environment = {"ACCRUAL_DATABASE_URL": database.runtime_url, "NO_COLOR": "1"}
        shown = CliRunner().invoke(app, [*words, "--json"], env=environment)
        assert shown.exit_code == 0, shown.output
        return json.loads(shown.stdout)

    run("apply", str(PROGRAMME), "--yes")
    rule = {"user_id": OWNER, "outlet_id": "OTL-9", "name": "Buy", "buy_products": ["A"], "points_gain": 1}
    assert _post(database, "add", rule, POS) == (200, {"user_id": OWNER, "message": "point reward created"})
    listed = {promo["code"]: promo for promo in run("promo", "list")["promos"]}
    assert set(listed) == {"PROFITFLOW-1-PRODUCTS", "PROFITFLOW-1-SKU-PRODUCTS"}
    assert {(promo["origin"], promo["name"], promo["status"]) for promo in listed.values()} == {
        ("profitflow", "Buy", "active")
    }
    run("promo", "pause", "PROFITFLOW-1-PRODUCTS", "--reason", "stock")
    run("promo", "pause", "PROFITFLOW-1-SKU-PRODUCTS")
    where = {"user_id": OWNER, "outlet_id": "OTL-9"}
    assert _post(database, "show", where, POS)[1][0]["is_active"] == "No"
    run("promo", "activate", "PROFITFLOW-1-PRODUCTS")
    assert _post(database, "show", where, POS)[1][0]["is_active"] == "Yes"
    assert _post(database, "del", {**where, "reward_id": "RWD-01"}, POS)[0] == 200
    versions = run("promo", "history", "PROFITFLOW-1-PRODUCTS")["versions"]
    assert [(each["status"], each["action"], each["reason"], each["saved_by"].split()[0]) for each in versions] == [
        ("active", "create", "RWD-01 at OTL-9: add", "client"),
        ("paused", "pause", "stock", "cli"),
        ("active", "activate", None, "cli"),
        ("ended", "del", "RWD-01 at OTL-9: del", "client"),
    ]


def test_till_without_a_key_is_the_open_client_of_a_demo_alone(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "programme.yaml"
    where = {"user_id": OWNER, "outlet_id": "OTL-001"}

    def apply(text: str) -> None:
        path.write_text(text, encoding="utf-8")
        shown = CliRunner().invoke(app, ["apply", str(path)], env={"ACCRUAL_DATABASE_URL": database.runtime_url})
        assert shown.exit_code == 0, shown.output

    example = PROGRAMME.read_text(encoding="utf-8")
    apply(example)
    assert _post(database, "show", where, {})[0] == 401
    opened = example.replace("    key: demo-profitflow\n", "    key: demo-profitflow\n    open: true\n")
    apply(opened)
    assert _post(database, "show", where, {}) == (200, [])
    second = opened.replace("PF-DEMO", "PF-OTHER").replace("key: demo-", "key: other-")
    apply(second)
    assert _post(database, "show", where, {})[0] == 401
    assert _post(database, "show", where, POS) == (200, [])


def _post(database: Database, action: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
    async def post() -> httpx.Response:
        async with open_engine(database.runtime_url, Settings()) as engine:
            transport = httpx.ASGITransport(app=build_app(engine))
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
                return await http.post(f"/api/pointreward/{action}", json=body, headers=headers)

    answer = asyncio.run(post())
    return answer.status_code, answer.json()


def _result(server: Served, ticket_id: str) -> Any:
    body = {"Subject": "loyalty", "SubjectType": "reward", "SubjectIdentifier": "task", "TicketId": ticket_id}
    return server.ask("POST", "/saas/requestout", json.dumps(body).encode(), QOIN).json["Result"]
