"""The example promos as a person tries them: planned, applied and judged over a real database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from accrual.cli.program import app
from tests.pg_fixtures import Database

EXAMPLE = Path("examples/promos/programme.yaml")


@pytest.fixture
def run(database: Database) -> Any:
    runner = CliRunner(env={"ACCRUAL_DATABASE_URL": database.runtime_url, "TERM": "dumb", "NO_COLOR": "1"})

    def run(*words: str | Path, **more: Any) -> Any:
        result: Result = runner.invoke(app, [str(word) for word in words], **more)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def _command(**changes: Any) -> str:
    return json.dumps({"member": {"kind": "msisdn", "value": "62811"}, **changes})


def test_example_promos_pass_the_plan_are_applied_and_give(run: Any) -> None:
    planned = json.loads(run("plan", EXAMPLE, "--json").stdout)
    promos = [item for item in planned["items"] if item["kind"] == "promo"]
    assert len(promos) >= 20
    assert {item["effect"] for item in promos} == {"create"}
    assert run("apply", EXAMPLE).exit_code == 0
    assert run("plan", EXAMPLE, "--detailed-exitcode").exit_code == 0
    bill = {
        "type": "purchase",
        "amount": "60000.00",
        "lines": [
            {"product": "LATTE", "category": "drinks", "amount": 40000},
            {"product": "CROISSANT", "amount": 20000},
        ],
    }
    bodies = [
        _command(profile={"tier": "gold", "segments": {"add": ["staff"]}}),
        _command(facts=[bill], payment="qris", promo_codes=["KOPI10"]),
        _command(facts=[{"type": "event", "name": "app_review", "attributes": {"stars": 4}}]),
    ]
    submitted = run("submit", "-", "--client", "app", "--json", input="\n".join(bodies))
    assert submitted.exit_code == 0, submitted.output
    outcomes = [json.loads(line)["outcome"] for line in submitted.stdout.splitlines()]
    given = [{award["promo"]: award["amount"] for award in outcome["awards"]} for outcome in outcomes]
    assert given[0] == {}
    asked = {"BASE": 60, "DRAW": 1, "QRIS-BACK": 1200, "STAMP": 1, "STAFF": 180, "GOLD": 30}
    assert {promo: given[1].get(promo) for promo in asked} == asked
    assert given[2] == {"APP-REVIEW": 75}
    outranked = {decline["promo"] for decline in outcomes[1]["declines"] if decline["reason"] == "outranked"}
    assert {"BREAKFAST", "FIRST", "LEAFLET"} <= outranked
