"""Files of transactions become commands row by row; a bad row is told and the others go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from accrual.bootstrap.backtesting import BacktestOrder, backtest_file
from accrual.bootstrap.transactions import read_transactions, to_command
from accrual.domain.errors import Invalid
from tests.arch.tree import ROOT

PROGRAMME = ROOT / "tests" / "store" / "previewing.yaml"
HEAD = "member,occurred_at,type,amount,product,category,quantity,outlet,referrer\n"


def _file(tmp_path: Path, *lines: str, head: str = HEAD) -> Path:
    path = tmp_path / "transactions.csv"
    path.write_text(head + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_row_becomes_a_purchase_with_a_line(tmp_path: Path) -> None:
    path = _file(tmp_path, "62811,2026-03-05T10:00:00Z,,250.50,P1,food,2,O1,")
    ((number, command),) = read_transactions(path)
    assert number == 2
    assert not isinstance(command, Invalid)
    assert (command.member.kind, command.member.value) == ("member", "62811")
    (fact,) = command.facts
    assert (fact.type.value, fact.amount, fact.outlet) == ("purchase", "250.50", "O1")
    assert fact.lines is not None
    assert (fact.lines[0].category, fact.lines[0].quantity, fact.lines[0].amount) == ("food", 2, "250.50")


def test_other_kinds_of_fact_name_their_type() -> None:
    cells = {"member": "1", "occurred_at": "2026-03-05T10:00:00Z", "type": "referral", "referrer": "2"}
    (fact,) = to_command(cells).facts
    assert fact.referrer is not None
    assert fact.referrer.value == "2"


@pytest.mark.parametrize(
    "cells",
    [
        {"member": "1"},
        {"occurred_at": "2026-03-05T10:00:00Z", "member": " "},
        {"member": "1", "occurred_at": "2026-03-05T10:00:00Z", "quantity": "0"},
        {"member": "1", "occurred_at": "2026-03-05T10:00:00Z", "quantity": "٣"},
        {"member": "1", "occurred_at": "2026-03-05T10:00:00Z", "quantity": "1" * 30},
        {"member": "1", "occurred_at": "2026-03-05T10:00:00Z", "type": "theft"},
    ],
)
def test_row_that_says_nothing_good_is_refused(cells: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        to_command(cells)


def test_missing_and_unknown_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no column occurred_at"):
        list(read_transactions(_file(tmp_path, head="member,amount\n")))
    with pytest.raises(Invalid, match="unknown columns amonut"):
        list(read_transactions(_file(tmp_path, head="member,occurred_at,amonut\n")))
    with pytest.raises(Invalid) as refusal:
        list(read_transactions(tmp_path / "gone.csv"))
    assert refusal.value.code == "file_unreadable"


def test_parquet_without_its_library_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("accrual.bootstrap.transactions.import_module", gone)
    with pytest.raises(Invalid, match=r"accrual\[parquet\]"):
        list(read_transactions(tmp_path / "x.parquet"))


def test_parquet_gives_the_rows_that_csv_gives(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    line = "62811,2026-03-05T10:00:00Z,,250.50,P1,food,2,O1,"
    path = tmp_path / "transactions.parquet"
    names = HEAD.strip().split(",")
    table = arrow.table({name: [text or None] for name, text in zip(names, line.split(","), strict=True)})
    parquet.write_table(table, path)
    assert [row.command for row in read_transactions(path)] == [
        row.command for row in read_transactions(_file(tmp_path, line))
    ]


def test_file_runs_without_a_database_and_names_the_rows_left_out(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "a,2026-03-05T10:00:00Z,,250.00,,,,,",
        "a,yesterday,,250.00,,,,,",
        "b,2026-03-05T11:00:00Z,purchase,1000.555,,,,,",
        "b,2026-03-05T12:00:00Z,check_in,,,,,,",
    )
    report = backtest_file(BacktestOrder(programme=PROGRAMME, file=path))
    assert (report.commands, report.refused, report.really) == (2, 2, None)
    assert [problem.split(":")[0] for problem in report.problems] == ["line 3", "line 4"]
    assert {(cell.promo, cell.units) for cell in report.simulated.cells} == {("BASE", 2), ("DAY", 1)}


def test_file_without_a_good_row_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="line 2"):
        backtest_file(BacktestOrder(programme=PROGRAMME, file=_file(tmp_path, "a,yesterday,,1,,,,,")))
