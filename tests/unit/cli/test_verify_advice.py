"""What `accrual verify` advises: nothing is called sound that a kept checkpoint contradicts."""

from __future__ import annotations

import pytest

from accrual.cli.verify import advice
from accrual.engine.verify import Finding, VerifyReport


def _report(history_total: int) -> VerifyReport:
    finding = Finding(check="catalogue", text="a row that no audit explains", table="client")
    counts = {"buckets": 1, "commands": 1, "lines": 1, "erased": 0, "undecided": 0}
    return VerifyReport(**counts, findings_total=1, history_total=history_total, findings=(finding,))


@pytest.mark.parametrize(
    ("history_total", "history_extends", "sound"),
    [(0, True, True), (0, False, False), (1, True, False), (1, False, False)],
)
def test_nothing_has_to_be_restored_only_where_log_ledger_and_checkpoint_agree(
    history_total: int, history_extends: bool, sound: bool
) -> None:
    said = advice(_report(history_total), history_extends=history_extends)
    assert ("nothing has to be restored" in said) is sound
    assert ("Stop serving" in said) is not sound
