"""Planted faults: read from the environment, nothing without it, and each at its time."""

from __future__ import annotations

import pytest

from accrual.bootstrap.faults import Fault, Faults, read_faults, with_faults
from accrual.domain.errors import DatabaseDown, Invalid


def test_without_the_variable_nothing_is_wired() -> None:
    def event_of(*_: object) -> None:
        return None

    assert read_faults({}) is None
    assert read_faults({"ACCRUAL_FAULT": " "}) is None
    assert with_faults(None, event_of) is event_of


@pytest.mark.parametrize(
    "text",
    [
        "post=kill",
        "decide=kill",
        "append.before",
        "append.before=explode",
        "append.before=kill@x",
        "append.before=sleep:x",
        "append.before=kill:luckydraw",
        "post.before_fence=kill,x",
    ],
)
def test_what_is_no_fault_is_refused_by_name(text: str) -> None:
    with pytest.raises(Invalid, match="ACCRUAL_FAULT"):
        read_faults({"ACCRUAL_FAULT": text})


async def test_fault_happens_at_its_time_only() -> None:
    faults = read_faults(
        {"ACCRUAL_FAULT": "append.before=raise@2, post.before_commit=sleep:0.01, decide=raise:luckydraw"}
    )
    assert faults is not None
    await faults.reach("append.before")
    with pytest.raises(DatabaseDown):
        await faults.reach("append.before")
    await faults.reach("append.before")
    await faults.reach("post.before_commit")
    await faults.reach("post.after_commit")


async def test_fault_without_a_time_happens_each_time() -> None:
    faults = Faults({"append.before": Fault("raise", 0, 0, "")})
    for _ in range(3):
        with pytest.raises(DatabaseDown):
            await faults.reach("append.before")
