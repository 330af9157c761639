"""accrual audience and profiles as a person types them, over a real database with a lane of its own."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from accrual.cli.audience import change_bodies
from accrual.cli.program import app
from accrual.domain.errors import Invalid
from tests.pg_fixtures import Database

PROGRAMME = """
programme: {code: shop, currency: IDR, minor_units: 2, time_zone: Asia/Jakarta, demo: true}
assets: [{code: PTS}]
clients: [{code: crm, rights: [submit, read, profile], key: demo-crm}]
promos:
  - {code: VIP, trigger: purchase, audience: {lists: [VIP]}, benefits: [{asset: PTS, fixed: 7}]}
"""
PAID = '{"member": {"kind": "msisdn", "value": "62811"}, "facts": [{"type": "purchase", "amount": 10}]}'


@pytest.fixture
def run(database: Database, tmp_path: Path) -> Any:
    runner = CliRunner(env={"ACCRUAL_DATABASE_URL": database.runtime_url, "TERM": "dumb", "NO_COLOR": "1"})

    def run(*words: str | Path, **more: Any) -> Result:
        result = runner.invoke(app, [str(word) for word in words], **more)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    file = tmp_path / "programme.yaml"
    file.write_text(PROGRAMME)
    assert run("apply", file).exit_code == 0
    return run


def _points(run: Any, *bodies: str) -> list[list[int]]:
    lines = run("submit", "-", "--json", input="\n".join(bodies)).stdout.splitlines()
    return [[award["amount"] for award in json.loads(line)["outcome"]["awards"]] for line in lines]


def test_members_are_put_on_a_list_and_taken_off_again(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "vip.csv"
    file.write_text("kind,value\nmsisdn,62811\n\nmsisdn, 62812 \n")
    assert _points(run, PAID) == [[]]
    added = run("audience", "add", "VIP", file, "--json", "--label", "launch")
    assert added.exit_code == 0, added.output
    told = json.loads(added.stdout)
    assert (told["accepted"], told["repeated"], told["refused"]) == (2, 0, 0)
    assert _points(run, PAID) == [[7]]
    assert json.loads(run("audience", "add", "VIP", file, "--json", "--label", "launch").stdout)["repeated"] == 2
    assert run("audience", "remove", "VIP", "-", input="msisdn,62811\n").exit_code == 0
    assert _points(run, PAID) == [[]]
    shown = json.loads(run("member", "msisdn", "62812", "--json").stdout)
    assert shown["member"]["profile"]["lists"] == ["VIP"]
    assert "lists     VIP" in run("member", "msisdn", "62812").output


def test_profile_decides_what_comes_after_it_and_the_row_that_cannot_be_is_named(run: Any) -> None:
    profile = '{"member": {"kind": "msisdn", "value": "62811"}, "profile": {"tier": "gold", "lists": {"add": ["VIP"]}}}'
    assert _points(run, PAID, profile, PAID) == [[], [], [7]]
    shown = run("member", "msisdn", "62811").output
    assert "tier      gold" in shown
    told = json.loads(run("submit", "-", "--json", input=profile).stdout)
    explained = run("explain", told["ticket"]).output
    assert "What is known of the member was changed as asked" in explained
    previewed = run("preview", "-", input=profile.replace("gold", "x" * 65))
    assert previewed.exit_code == 1
    assert run("preview", "-", input=profile).exit_code == 0
    refused = run("audience", "add", "VIP", "-", input="msisdn,62811\nmsisdn,\n")
    assert refused.exit_code == 1
    assert "1 accepted; 1 refused" in refused.output
    wrong = run("audience", "add", "VIP", "-", input="msisdn,62811\nmsisdn,1,2\n")
    assert wrong.exit_code == 1
    assert "Line 2 is not kind,value" in wrong.output


def test_file_that_is_no_csv_is_refused_at_its_line() -> None:
    for raw, said in ((b"msisdn,1\n\xff\xfe,2", "UTF-8"), (b'msisdn,1\n"msisdn,2\n', "no CSV"), (b"62811\n", "Line 1")):
        with pytest.raises(Invalid, match=said):
            list(change_bodies("add", "VIP", "x", io.BytesIO(raw)))


def test_quotes_and_commas_in_a_value_are_its_own() -> None:
    ((number, body),) = change_bodies("add", "VIP", "x", io.BytesIO(b'\xef\xbb\xbfkind,value\nname,"Lee, ""Ann"""\n'))
    assert number == 2
    assert json.loads(body)["member"] == {"kind": "name", "value": 'Lee, "Ann"'}
