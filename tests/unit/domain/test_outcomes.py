"""Outcomes are stored without what they do not say, and read back whole."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from accrual.domain.outcomes import Award, Declined, Outcome, Status, decode_outcome, encode_outcome

AT = datetime(2026, 1, 2, tzinfo=UTC)
AWARD = Award(7, 1, 45, "percent", 4500)
PLAIN = Outcome(status=Status.DECIDED, revision=3, awards=(AWARD,))


def test_plain_outcome_ends_with_its_awards() -> None:
    assert encode_outcome(PLAIN).hex() == "940103c0919507012da770657263656e74cd1194"


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"member_id": b"m" * 16},
        {"awards": ()},
        {"awards": (AWARD, AWARD)},
        {"awards": (Award(7, 1, 45, "fixed"),)},
        {"awards": (AWARD, Award(7, 1, 45, "percent", 4500, AT))},
        {"awards": (Award(7, 1, 45, "percent", 4500, None, AT), AWARD)},
        {"awards": (Award(7, 1, 45, "percent", details={"code": "X"}),)},
        {"awards": (Award(7, 1, 45, "percent", shares=((0, 0, 45),)),)},
        {"declines": (Declined(7, "limit_reached"),)},
        {"follow_ups": (b"t" * 16,)},
        {"error": "boom"},
        {"stocks": ((1, 2, 3, 4),)},
    ],
    ids=str,
)
def test_every_outcome_reads_back(more: dict[str, object]) -> None:
    outcome = msgspec.structs.replace(PLAIN, **more)
    assert decode_outcome(encode_outcome(outcome)) == outcome
