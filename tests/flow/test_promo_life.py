"""The life of promos as people lead it: commands, files and the API over one database, with lanes at work."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from accrual.api.mount import build_app
from accrual.bootstrap.engine import open_engine
from accrual.cli.program import app
from accrual.domain.outcomes import decode_outcome
from accrual.settings import Settings
from tests.flow.books import rows, value, waiting
from tests.flow.processes import lane, until
from tests.pg_fixtures import Database

PROGRAMME = """
programme: {code: shop, currency: IDR, minor_units: 0, time_zone: Asia/Jakarta, late_limit: null, demo: true, SETTINGS}
assets: [{code: PTS}]
outlets: [{code: MAIN}]
clients:
  - {code: till, key: till-key, rights: [submit, read]}
  - {code: office, key: office-key, rights: [promos]}
  - {code: boss, key: boss-key, rights: [promos]}
promos:
  - code: BASE
    trigger: purchase
    benefits: [{asset: PTS, fixed: GIVES}]
"""
SALE = """  - code: SALE
    trigger: purchase
    benefits: [{asset: PTS, fixed: 7}]
    budget: {asset: PTS, amount: 700}
"""


class Desk:
    """The program as several people run it over one database."""

    def __init__(self, database: Database, directory: Path) -> None:
        self.database = database
        self.directory = directory

    def run(self, *words: str, stdin: str = "") -> Result:
        return CliRunner().invoke(
            app, list(words), input=stdin, env={"ACCRUAL_DATABASE_URL": self.database.runtime_url, "NO_COLOR": "1"}
        )

    def json(self, *words: str, stdin: str = "") -> Any:
        shown = self.run(*words, "--json", stdin=stdin)
        assert shown.exit_code == 0, shown.output
        return json.loads(shown.stdout)

    def refused(self, *words: str) -> str:
        shown = self.run(*words)
        assert shown.exit_code == 1, shown.output
        assert "Traceback" not in shown.output
        return shown.stderr

    def apply(self, *, gives: int = 1, more: str = "", settings: str = "four_eyes: false", by: str = "ann") -> str:
        path = self.directory / "programme.yaml"
        path.write_text(PROGRAMME.replace("SETTINGS", settings).replace("GIVES", str(gives)) + more)
        shown = self.run("apply", str(path), "--actor", by)
        assert shown.exit_code == 0, shown.output
        return shown.stdout

    def buy(self, count: int = 1, start: int = 0, **facts: Any) -> list[dict[str, Any]]:
        """Purchases of so many members, submitted and decided by the lane that submit runs."""
        shown = self.run("submit", "-", "--json", "--client", "till", stdin=_purchases(count, start, **facts))
        lines = [json.loads(line) for line in shown.stdout.splitlines()]
        assert all("outcome" in line for line in lines), lines
        return [line["outcome"] for line in lines]


def _purchases(count: int, start: int = 0, **facts: Any) -> str:
    return "\n".join(
        json.dumps(
            {
                "member": {"kind": "name", "value": f"m{number}"},
                "facts": [{"type": "purchase", "amount": "1000", **facts}],
            }
        )
        for number in range(start, start + count)
    )


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)


def given(outcome: dict[str, Any]) -> list[tuple[str, int, int]]:
    return [(award["promo"], award["promo_version"], award["amount"]) for award in outcome["awards"]]


def test_paused_promo_declines_and_resumed_it_gives_again_and_every_outcome_names_its_version(desk: Desk) -> None:
    desk.apply()
    assert given(desk.buy()[0]) == [("BASE", 1, 1)]
    assert desk.run("promo", "pause", "BASE", "--reason", "fraud at one till").stdout.startswith("BASE: version 2.")
    (declined,) = desk.buy()[0]["declines"]
    assert (declined["reason"], declined["promo_version"]) == ("promo_paused", 2)
    desk.json("promo", "activate", "BASE", "--actor", "bob")
    assert given(desk.buy()[0]) == [("BASE", 3, 1)]
    versions = desk.json("promo", "history", "BASE")["versions"]
    assert [(v["status"], v["action"], v["reason"]) for v in versions] == [
        ("active", "create", None),
        ("paused", "pause", "fraud at one till"),
        ("active", "activate", None),
    ]
    assert versions[2]["saved_by"] == "cli bob"
    assert versions[1]["fields"] == [{"path": "status", "before": "active", "after": "paused"}]


def test_file_that_names_no_status_does_not_resume_what_was_paused_by_hand(desk: Desk) -> None:
    desk.apply()
    desk.run("promo", "pause", "BASE")
    assert "Nothing to change." in desk.apply()
    assert "stays paused: the file names no status" in desk.apply(gives=2)
    assert desk.json("promo", "show", "BASE")["document"]["status"] == "paused"
    assert desk.buy()[0]["declines"][0]["reason"] == "promo_paused"
    path = desk.directory / "programme.yaml"
    path.write_text(path.read_text() + "    status: active\n")
    assert "status: paused -> active" in desk.run("apply", str(path)).stdout
    assert given(desk.buy()[0]) == [("BASE", 4, 2)]


def test_ended_promo_gives_nothing_and_comes_back_by_restoring_a_version(desk: Desk) -> None:
    desk.apply()
    desk.apply(gives=5)
    desk.run("promo", "end", "BASE")
    assert desk.buy()[0]["awards"] == []
    assert "An ended promo comes back by restoring" in desk.refused("promo", "activate", "BASE")
    assert desk.json("promo", "restore", "BASE", "1")["waits"]
    assert desk.buy()[0]["awards"] == []
    desk.json("promo", "activate", "BASE")
    assert given(desk.buy()[0]) == [("BASE", 5, 1)]


def test_live_promo_returns_to_an_earlier_version_at_once(desk: Desk) -> None:
    desk.apply()
    desk.apply(gives=5)
    assert given(desk.buy()[0]) == [("BASE", 2, 5)]
    desk.json("promo", "restore", "BASE", "1")
    assert given(desk.buy()[0]) == [("BASE", 3, 1)]
    assert "says what holds already" in desk.refused("promo", "restore", "BASE", "3")
    assert "has no version 9" in desk.refused("promo", "restore", "BASE", "9")


def test_four_eyes_keep_a_change_from_its_author_while_the_old_version_goes_on(desk: Desk) -> None:
    desk.apply()
    applied = desk.apply(gives=9, settings="four_eyes: true")
    assert "four eyes: saved as a draft until somebody else runs: accrual promo approve BASE" in applied
    assert given(desk.buy()[0]) == [("BASE", 1, 1)]
    assert "waits for approval" in desk.apply(gives=9, settings="four_eyes: true")
    (line,) = desk.json("promo", "list", "--status", "draft")["promos"]
    assert (line["status"], line["waits"]["version"], line["waits"]["saved_by"]) == ("active", 2, "cli ann")
    for step in ("approve", "activate"):
        assert "cli ann" in desk.refused("promo", step, "BASE", "--actor", "ann")
    assert given(desk.buy()[0]) == [("BASE", 1, 1)]
    desk.json("promo", "approve", "BASE", "--actor", "bob")
    assert given(desk.buy()[0]) == [("BASE", 1, 1)]
    desk.json("promo", "activate", "BASE", "--actor", "ann")
    assert given(desk.buy()[0]) == [("BASE", 4, 9)]


def test_turning_four_eyes_off_in_the_same_file_does_not_let_a_change_through(desk: Desk) -> None:
    desk.apply(settings="four_eyes: true")
    desk.run("promo", "approve", "BASE", "--actor", "bob")
    desk.run("promo", "activate", "BASE", "--actor", "bob")
    desk.apply(gives=9)
    assert given(desk.buy()[0]) == [("BASE", 3, 1)]


def test_stopping_needs_nobodys_approval_under_four_eyes(desk: Desk) -> None:
    desk.apply()
    desk.apply(settings="four_eyes: true")
    desk.json("promo", "pause", "BASE", "--actor", "ann")
    desk.json("promo", "activate", "BASE", "--actor", "ann")
    desk.json("promo", "end", "BASE", "--actor", "ann")
    assert desk.buy()[0]["awards"] == []


def test_overlap_is_warned_of_when_a_promo_is_saved_and_when_it_goes_live(desk: Desk) -> None:
    said = "overlaps BASE: for purchase facts both may give PTS in lane base; both give, BASE first"
    assert said in desk.apply(more=SALE)
    desk.run("promo", "pause", "SALE")
    assert said in desk.json("promo", "activate", "SALE")["warnings"]


def test_show_counts_what_was_given_what_is_left_and_when_the_budget_ends(desk: Desk) -> None:
    desk.apply(more=SALE)
    desk.buy(40)
    view = desk.json("promo", "show", "SALE")
    assert (view["given"]["awards"], view["given"]["units"]) == (40, {"PTS": 280})
    assert view["given"]["commands"] == view["given"]["looked_at"] == 40
    assert view["given_lately"]["awards"] == 40
    (budget,) = view["caps"]
    assert (budget["kind"], budget["cap"], budget["used"], budget["left"]) == ("budget", 700, 280, 420)
    # An hour at the least: 280 an hour, so 420 last an hour and a half.
    assert view["rate_over_s"] == 3600
    shown = desk.run("promo", "show", "SALE").stdout
    assert "Budget: 280 of 700 PTS used, 420 left" in shown
    assert "Runs out on 20" in shown
    desk.buy(100, 40)
    spent = desk.json("promo", "show", "SALE")["caps"][0]
    assert spent["left"] <= 7
    assert spent["used"] + spent["left"] == 700


def test_caps_of_promo_and_outlets_show_their_use_in_the_period_of_now(desk: Desk) -> None:
    limits = "[{per: promo, count: 10, every: day}, {per: outlet, amount: 70, every: week}, {per: member, count: 5}]"
    desk.apply(more=SALE + f"    limits: {limits}\n")
    desk.buy(3, outlet="MAIN")
    view = desk.json("promo", "show", "SALE")
    found = [(cap["kind"], cap["per"], cap["outlet"], cap["used"], cap["left"]) for cap in view["caps"]]
    assert found == [
        ("limit", "promo", None, 3, 7),
        ("limit", "outlet", "MAIN", 21, 49),
        ("limit", "member", None, None, None),
        ("budget", "promo", None, 21, 679),
    ]
    shown = desk.run("promo", "show", "SALE").stdout
    assert "Limit: 70 units a week, outlet MAIN: 21 used, 49 left now (reduce)" in shown


def test_list_finds_promos_by_status_and_trigger(desk: Desk) -> None:
    desk.apply(more=SALE)
    desk.run("promo", "pause", "SALE")
    assert [p["code"] for p in desk.json("promo", "list")["promos"]] == ["BASE", "SALE"]
    assert [p["code"] for p in desk.json("promo", "list", "--status", "paused")["promos"]] == ["SALE"]
    assert desk.json("promo", "list", "--trigger", "check_in")["promos"] == []
    assert "There is no promo 'NONE'." in desk.refused("promo", "show", "NONE")


@contextmanager
def _two_lanes(desk: Desk, directory: Path) -> Iterator[None]:
    url = desk.database.runtime_url
    with lane(directory, url, "one"), lane(directory, url, "two"):
        owners = "select count(distinct owner) from lane where owner is not null"
        until(lambda: value(desk.database.owner_url, owners) == 2, within_s=20)
        yield


def test_change_takes_effect_in_every_lane_for_all_that_comes_after_it(desk: Desk, tmp_path: Path) -> None:
    desk.apply()
    desk.run("promo", "pause", "BASE")  # so that the lanes have read a version that they must drop
    with _two_lanes(desk, tmp_path):
        for turn, action in enumerate(("activate", "pause", "activate")):
            desk.json("promo", action, "BASE")
            sent = desk.run("submit", "-", "--json", "--client", "till", "--no-wait", stdin=_purchases(200, turn * 200))
            assert sent.exit_code == 0, sent.output
            until(lambda: waiting(desk.database.owner_url) == 0, within_s=20)
    found = rows(desk.database.owner_url, "select bucket, payload from outcome order by bucket, position")
    outcomes = [decode_outcome(row["payload"]) for row in found]
    assert Counter(award.promo_version_id for outcome in outcomes for award in outcome.awards) == {3: 200, 5: 200}
    assert Counter((d.promo_version_id, d.reason) for o in outcomes for d in o.declines) == {(4, "promo_paused"): 200}


def test_scheduled_start_needs_no_restart_and_no_further_step(desk: Desk) -> None:
    desk.apply(more=SALE + "    window: {from: 2026-01-10T00:00, until: 2026-01-11T00:00}\n")
    before, within, after = (desk.buy(1, occurred_at=f"2026-01-{day}T12:00:00")[0] for day in ("09", "10", "11"))
    # A first version holds from its window's start: before it there is no promo that could decline.
    assert (given(before), before["declines"]) == ([("BASE", 1, 1)], [])
    assert ("SALE", 1, 7) in given(within)
    assert [d["reason"] for d in after["declines"]] == ["window_closed"]


async def _ask(database: Database, method: str, path: str, key: str, **more: Any) -> httpx.Response:
    async with (
        open_engine(database.runtime_url, Settings()) as engine,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=build_app(engine)), base_url="http://api", headers={"API-Key": key}
        ) as http,
    ):
        return await http.request(method, path, **more)


def ask(desk: Desk, method: str, path: str, key: str = "office-key", **more: Any) -> tuple[int, Any]:
    answer = asyncio.run(_ask(desk.database, method, path, key, **more))
    return answer.status_code, answer.json()


def test_api_lists_shows_and_steps_as_the_command_line_does(desk: Desk) -> None:
    desk.apply(more=SALE)
    status, page = ask(desk, "GET", "/v1/promos?status=active")
    assert (status, [promo["code"] for promo in page["promos"]], page["next_after"]) == (200, ["BASE", "SALE"], None)
    status, done = ask(desk, "POST", "/v1/promos/SALE/pause", json={"reason": "late stock"})
    assert (status, done["version"], done["status"]) == (200, 2, "paused")
    assert ask(desk, "GET", "/v1/promos/SALE")[1]["promo"]["status"] == "paused"
    assert ask(desk, "GET", "/v1/promos/SALE")[1]["document"] == desk.json("promo", "show", "SALE")["document"]
    (_, last) = ask(desk, "GET", "/v1/promos/SALE/history")[1]["versions"]
    assert (last["saved_by"], last["reason"]) == ("client office", "late stock")


def test_api_keeps_to_four_eyes_by_client(desk: Desk) -> None:
    desk.apply()
    desk.apply(settings="four_eyes: true")
    assert ask(desk, "POST", "/v1/promos/BASE/end")[0] == 200
    assert ask(desk, "POST", "/v1/promos/BASE/restore", json={"version": 1})[0] == 200
    status, refused = ask(desk, "POST", "/v1/promos/BASE/approve")
    assert (status, refused["error"]["code"]) == (422, "four_eyes")
    assert ask(desk, "POST", "/v1/promos/BASE/approve", "boss-key")[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "key", "more", "expected"),
    [
        ("GET", "/v1/promos", "till-key", {}, (403, "forbidden")),
        ("POST", "/v1/promos/BASE/pause", "till-key", {}, (403, "forbidden")),
        ("GET", "/v1/promos?status=asleep", "office-key", {}, (400, "invalid_field")),
        ("GET", "/v1/promos/NONE", "office-key", {}, (404, "promo_unknown")),
        ("GET", "/v1/promos/NO%00NE", "office-key", {}, (404, "promo_unknown")),
        ("POST", "/v1/promos/NONE/pause", "office-key", {}, (404, "promo_unknown")),
        ("POST", "/v1/promos/BASE/explode", "office-key", {}, (404, "unknown_route")),
        ("POST", "/v1/promos/BASE/approve", "office-key", {}, (422, "step_refused")),
        ("POST", "/v1/promos/BASE/restore", "office-key", {}, (400, "invalid_field")),
        ("POST", "/v1/promos/BASE/restore", "office-key", {"json": {"version": 7}}, (404, "version_unknown")),
        ("POST", "/v1/promos/BASE/restore", "office-key", {"json": {"version": 1.5}}, (400, "invalid_field")),
        ("POST", "/v1/promos/BASE/pause", "office-key", {"json": {"version": 1}}, (400, "invalid_field")),
        ("POST", "/v1/promos/BASE/pause", "office-key", {"json": {"why": "x"}}, (400, "invalid_field")),
        ("POST", "/v1/promos/BASE/pause", "office-key", {"content": b"{"}, (400, "invalid_json")),
        ("POST", "/v1/promos/BASE/pause", "office-key", {"json": {"reason": "x" * 1001}}, (400, "invalid_field")),
    ],
)
def test_api_refuses_with_a_code_and_changes_nothing(
    desk: Desk, method: str, path: str, key: str, more: dict[str, Any], expected: tuple[int, str]
) -> None:
    desk.apply()
    status, answer = ask(desk, method, path, key, **more)
    assert (status, answer["error"]["code"]) == expected
    assert value(desk.database.owner_url, "select count(*) from promo_version") == 1
