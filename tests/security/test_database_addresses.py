"""Passwords of databases stay out of command lines, which every user of a machine can read, and out of what is printed."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from accrual.cli.program import app
from tests.flow.processes import children_of, serving, until
from tests.pg_fixtures import Database

pytestmark = pytest.mark.security

PASSWORD = "open-sesame"
COMMANDS = (
    ["serve"],
    ["api"],
    ["lane"],
    ["verify"],
    ["doctor"],
    ["plan", "examples/seeds/programme.yaml"],
    ["apply", "examples/seeds/programme.yaml", "--yes"],
    ["member", "kind", "value"],
    ["bench", "drain"],
    ["upkeep"],
)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize(
    "address",
    [f"postgresql://ana:{PASSWORD}@127.0.0.1:9/none", f"postgresql://ana@127.0.0.1:9/none?password={PASSWORD}"],
)
def test_address_with_a_password_is_refused_and_not_repeated(words: list[str], address: str) -> None:
    shown = CliRunner().invoke(app, [*words, "--database-url", address])
    assert shown.exit_code == 2
    assert "ACCRUAL_DATABASE_URL" in shown.output
    assert PASSWORD not in shown.output


@pytest.mark.parametrize("address", ["postgresql://ana@127.0.0.1:9/none", "postgresql:///none"])
def test_address_without_a_password_is_taken(address: str) -> None:
    shown = CliRunner().invoke(app, ["doctor", "--database-url", address])
    assert "ACCRUAL_DATABASE_URL" not in shown.output
    assert shown.exit_code == 1


def test_error_of_a_login_does_not_tell_its_password(database: Database) -> None:
    address = database.owner_url.replace("accrual_owner:", f"accrual_owner:{PASSWORD}")
    shown = CliRunner(env={"ACCRUAL_DATABASE_URL": address}).invoke(app, ["verify", "--quiet"])
    assert shown.exit_code == 1
    assert PASSWORD not in shown.output


def test_no_process_of_serve_has_a_password_on_its_command_line(database: Database, tmp_path: Path) -> None:
    password = database.owner_url.partition("@")[0].rpartition(":")[2]
    with serving(tmp_path, environment={"ACCRUAL_DATABASE_URL": database.roles_url}, programme=None) as served:
        pids = [served.process.pid, *until(lambda: children_of(served.process.pid), within_s=30)]
        assert len(pids) > 1
        secret = [password, database.roles_url.partition("@")[0].rpartition(":")[2], "postgresql://"]
        for pid in pids:
            line = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
            assert "accrual" in line
            assert not [word for word in secret if word in line]
    said = served.log_path.read_text(errors="replace")
    assert not [word for word in secret[:2] if word in said]
