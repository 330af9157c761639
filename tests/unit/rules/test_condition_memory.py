"""Judging conditions over and over holds no memory, whether they hold, are false or fail."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from accrual.domain.facts import Trigger
from accrual.domain.programme import Settings
from accrual.rules.conditions import ConditionSet, compile_condition

SETTINGS = Settings(code="demo", currency="IDR", minor_units=2)
TEXTS = (
    "member.days > 1",
    "member.days > 100 && member.tier == 'gold'",
    "purchase.lines.exists(l, l.product == 'z')",
    "member.attributes.age / (member.days - 10) > 1",
)
STATM = Path("/proc/self/statm")


def _resident_pages() -> int:
    gc.collect()
    return int(STATM.read_text(encoding="ascii").split()[1])


@pytest.mark.skipif(not STATM.exists(), reason="reads the process's size from /proc")
def test_eighty_thousand_judgements_leave_nothing_behind() -> None:
    compiled = [compile_condition(text, trigger=Trigger.PURCHASE, settings=SETTINGS) for text in TEXTS]
    by_cel = [each._replace(parts=tuple(part._replace(plain=None) for part in each.parts)) for each in compiled]
    conditions = ConditionSet([*compiled[:2], *by_cel])

    def run(times: int) -> None:
        for number in range(times):
            conditions.judge(
                {
                    "member.days": 10,
                    "member.tier": f"tier {number}",
                    "member.attributes": {"age": number},
                    "purchase.lines": [{"product": str(number), "quantity": 1}] * 3,
                }
            )

    run(5_000)
    before = _resident_pages()
    run(20_000)
    grown_kib = (_resident_pages() - before) * 4
    assert grown_kib < 4_096, f"{grown_kib} KiB more after 20,000 rounds of {len(TEXTS)} conditions"
