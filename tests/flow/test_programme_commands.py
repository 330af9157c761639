"""plan, apply, schema and init as a person types them, over a real database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from accrual.bootstrap.programme import apply_file
from accrual.cli.program import app
from accrual.domain.errors import Conflict
from tests.flow.books import rows, value
from tests.pg_fixtures import Database, run_apart

EXAMPLE = Path("examples/seeds/programme.yaml")
BENEFITS = [{"asset": "PTS", "fixed": 1}]


@pytest.fixture
def run(database: Database) -> Any:
    runner = CliRunner(env={"ACCRUAL_DATABASE_URL": database.runtime_url, "TERM": "dumb", "NO_COLOR": "1"})

    def run(*words: str | Path, **more: Any) -> Result:
        result = runner.invoke(app, [str(word) for word in words], **more)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def test_plan_shows_and_changes_nothing_then_apply_makes_it_so_once(run: Any) -> None:
    planned = run("plan", EXAMPLE)
    assert planned.exit_code == 0
    assert "+ promo LUCKY-DRAW  holds for facts from the beginning" in planned.output
    assert "demo-qoin" not in planned.output
    assert run("plan", EXAMPLE, "--detailed-exitcode").exit_code == 2
    applied = run("apply", EXAMPLE)
    assert applied.output.endswith("Applied as revision 1.\n")
    again = run("apply", EXAMPLE)
    assert "Nothing to change." in again.output
    assert run("plan", EXAMPLE, "--detailed-exitcode").exit_code == 0


def test_change_is_shown_field_by_field_with_the_moment_it_holds_from(run: Any, tmp_path: Path) -> None:
    run("apply", EXAMPLE)
    changed = tmp_path / "programme.yaml"
    changed.write_text(EXAMPLE.read_text().replace("{asset: LD, fixed: 1}", "{asset: LD, fixed: 7}"))
    output = run("plan", changed).output
    assert "benefits[0].fixed: 1 -> 7" in output
    assert "~ promo LUCKY-DRAW  holds for facts from 20" in output
    assert "0 to create, 1 to change, 0 to end; 27 unchanged, 0 not in file" in output


def test_json_carries_the_same_plan(run: Any) -> None:
    planned = json.loads(run("plan", EXAMPLE, "--json").stdout)
    assert (planned["programme"], planned["revision"], planned["has_changes"]) == ("qoin-demo", 0, True)
    assert {item["effect"] for item in planned["items"]} == {"create"}
    applied = json.loads(run("apply", EXAMPLE, "--json").stdout)
    assert applied["applied_revision"] == 1


def test_what_the_file_does_not_name_stays_unless_pruned(run: Any, tmp_path: Path) -> None:
    run("apply", EXAMPLE)
    text = EXAMPLE.read_text()
    shorter = tmp_path / "programme.yaml"
    shorter.write_text(text[: text.index("  # One point for the first check-in")])
    assert "? promo CHECK-IN  not in file, stays" in run("plan", shorter).output
    refused = run("apply", shorter, "--prune")
    assert refused.exit_code == 1
    assert "--yes" in refused.output
    pruned = run("apply", shorter, "--prune", "--yes").output
    assert "- promo CHECK-IN  ends" in pruned
    assert "Applied as revision 2." in pruned


def test_broken_file_is_told_with_its_places_and_status_one(run: Any, tmp_path: Path) -> None:
    broken = tmp_path / "programme.yaml"
    broken.write_text(EXAMPLE.read_text().replace("asset: LD,", "asset: LDD,"))
    told = run("plan", broken)
    assert told.exit_code == 1
    assert "benefits[0].asset: unknown asset 'LDD'; did you mean 'LD'?" in told.stderr
    as_json = json.loads(run("plan", broken, "--json").stdout)
    (problem,) = as_json["error"]["details"]["problems"]
    assert (as_json["error"]["code"], problem["path"]) == ("programme_invalid", "promos[1].benefits[0].asset")


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"x" * 4_000_001])
def test_file_that_cannot_be_read_is_told(run: Any, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "programme.yaml"
    if content is not None:
        path.write_bytes(content)
    told = run("plan", path)
    assert told.exit_code == 1
    assert str(path) in told.stderr


def test_key_comes_from_the_environment(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "programme.yaml"
    path.write_text(EXAMPLE.read_text().replace("key: demo-qoin", "key_env: QOIN_KEY"))
    assert "the environment variable QOIN_KEY is not set" in run("plan", path).stderr
    assert run("apply", path, env={"QOIN_KEY": "s3cret"}).exit_code == 0


def test_plan_that_was_agreed_to_is_not_applied_over_a_later_change(run: Any, database: Database) -> None:
    run("apply", EXAMPLE)
    with pytest.raises(Conflict) as moved:
        run_apart(apply_file(EXAMPLE, database.runtime_url, actor="tester", expected_revision=0))
    assert moved.value.code == "programme_moved"


@pytest.mark.parametrize("what", ["programme", "promo", "command"])
def test_schema_is_printed(run: Any, what: str) -> None:
    schema = json.loads(run("schema", what).stdout)
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["$ref"].split("/")[-1] in schema["$defs"]


def test_init_writes_a_file_that_applies_and_never_overwrites(run: Any, tmp_path: Path) -> None:
    target = tmp_path / "new" / "place"
    assert run("init", target).exit_code == 0
    path = target / "programme.yaml"
    assert run("apply", path).exit_code == 0
    path.write_text("mine")
    refused = run("init", target)
    assert refused.exit_code == 1
    assert path.read_text() == "mine"


def test_every_example_request_is_plain_json_of_one_call() -> None:
    paths = sorted(Path("examples/seeds/requests").glob("*.json"))
    assert len(paths) == 15
    for number, path in enumerate(paths, 1):
        body = json.loads(path.read_text())
        place, dialect, action = path.stem.removesuffix("-again").split("-", 2)
        assert (int(place), body["SubjectIdentifier"], body["Action"]) == (number, dialect, action)


def test_programme_of_a_thousand_promos_is_applied(run: Any, database: Database, tmp_path: Path) -> None:
    """Such a plan takes longer to make than a session may idle in a transaction where nobody waits for it."""
    promos = [
        {"code": f"P-{n}", "trigger": "purchase", "where": {"outlets": [f"O-{n // 5}"]}, "benefits": BENEFITS}
        for n in range(1000)
    ]
    document = {
        "programme": {"code": "big", "name": "Big", "currency": "IDR", "minor_units": 2},
        "assets": [{"code": "PTS"}],
        "outlets": [{"code": f"O-{n}"} for n in range(200)],
        "promos": promos,
    }
    file = tmp_path / "big.yaml"
    file.write_text(json.dumps(document))
    assert run("apply", file).output.endswith("Applied as revision 1.\n")
    promos[7]["benefits"] = [{"asset": "PTS", "fixed": 2}]
    file.write_text(json.dumps(document))
    assert "0 to create, 1 to change, 0 to end" in run("apply", file).output
    versions = rows(
        database.owner_url, "select version, count(*), count(distinct promo_id) from promo_version group by 1"
    )
    assert sorted(tuple(row) for row in versions) == [(1, 1000, 1000), (2, 1, 1)]
    assert value(database.owner_url, "select count(*) from audit where subject = 'promo P-7'") == 2
