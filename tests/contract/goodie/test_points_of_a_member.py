"""GET of a member's points: what can be spent, the tier, and what is asked wrongly."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from accrual.domain.facts import Identity
from accrual.domain.members import MemberProfile
from accrual.domain.tiers import Tiers
from accrual.engine.views import BalanceView, MemberView, NextExpiryView
from tests.contract.goodie_desk import MEMBER, MERCHANT, Desk

QUERY = f"merchantId={MERCHANT}&memberId={MEMBER}"
WHO = Identity("goodie.member_id", MEMBER)
LEVELS = {
    "asset": "PTS",
    "levels": [
        {"code": "silver"},
        {"code": "gold", "name": "Gold", "threshold": 100, "labels": {"image": "https://img.example/gold.png"}},
        {"code": "premium", "name": "Premium", "threshold": 500},
    ],
}


def _member(tier: str | None = None, expiry: NextExpiryView | None = None, **balance: int) -> MemberView:
    amounts = {"posted": 0, "held": 0, "pending": 0, "available": 0, "debt": 0} | balance
    points = BalanceView(asset=0, code="PTS", name="", next_expiry=expiry, **amounts)
    return MemberView(
        member_id=b"m" * 16,
        programme_id=1,
        bucket=0,
        name="fitria utami",
        enrolled_at=datetime(2026, 1, 1, tzinfo=UTC),
        identities=(WHO,),
        referrer=None,
        balances=(points,),
        history=(),
        next_before=None,
        profile=MemberProfile(tier=tier),
    )


async def test_points_are_told_to_the_letter() -> None:
    desk = Desk()
    expiry = NextExpiryView(date=date(2019, 6, 30), expires_at=datetime(2019, 6, 30, 17, tzinfo=UTC), amount=19)
    desk.engine.members[WHO] = _member(posted=100, held=11, available=89, expiry=expiry)
    answer = await desk.ask_points(QUERY)
    assert answer.status == 200
    assert answer.pairs == [
        ("tierName", ""),
        ("tierImage", ""),
        ("nextTierName", ""),
        ("nextTierImage", ""),
        ("reqPointNextTier", 0),
        ("totalPoints", 89),
        ("memberName", "fitria utami"),
        ("memberId", MEMBER),
        ("merchantId", MERCHANT),
        ("nearestPointToBeExpire", 19),
        ("nearestExpiredDate", "2019-06-30"),
        ("abstractResponse", [("responseStatus", "INQ000"), ("responseMessage", "Inquiry success")]),
    ]
    assert desk.engine.member_calls == [(1, WHO, 1, None)]


async def test_points_that_never_expire_are_due_never() -> None:
    desk = Desk()
    desk.engine.members[WHO] = _member(posted=1, available=1)
    answer = (await desk.ask_points(QUERY)).json
    assert (answer["totalPoints"], answer["nearestPointToBeExpire"], answer["nearestExpiredDate"]) == (1, 0, "")


@pytest.mark.parametrize(
    ("tier", "shown"),
    [
        (None, ("silver", "", "Gold", "https://img.example/gold.png")),
        ("gone", ("silver", "", "Gold", "https://img.example/gold.png")),
        ("silver", ("silver", "", "Gold", "https://img.example/gold.png")),
        ("gold", ("Gold", "https://img.example/gold.png", "Premium", "")),
        ("premium", ("Premium", "", "", "")),
    ],
)
async def test_tier_is_shown_with_the_one_above(tier: str | None, shown: tuple[str, ...]) -> None:
    desk = Desk(settings={"tiers": msgspec.convert(LEVELS, Tiers)})
    desk.engine.members[WHO] = _member(tier)
    answer = (await desk.ask_points(QUERY)).json
    assert tuple(answer[name] for name in ("tierName", "tierImage", "nextTierName", "nextTierImage")) == shown


async def test_tier_of_a_programme_without_levels_is_shown_by_its_own_name() -> None:
    desk = Desk()
    desk.engine.members[WHO] = _member("vip")
    assert (await desk.ask_points(QUERY)).json["tierName"] == "vip"


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (f"memberId=%20{MEMBER}&MerchantId={MERCHANT}", (200, "INQ000")),
        (f"member_id={MEMBER}&merchant_id={MERCHANT}&more=1", (200, "INQ000")),
        (f"merchantId={MERCHANT}", (400, "INQ904")),
        (f"memberId=&merchantId={MERCHANT}", (400, "INQ904")),
        (f"memberId={MEMBER}", (400, "INQ902")),
        (f"memberId={MEMBER}&memberID=other&merchantId={MERCHANT}", (400, "INQ902")),
        (f"{QUERY}&" + "&".join(f"f{n}=1" for n in range(30)), (400, "INQ902")),
        (f"memberId=nobody&merchantId={MERCHANT}", (200, "INQ922")),
    ],
)
async def test_question_is_read_as_bodies_are(query: str, answer: tuple[int, str]) -> None:
    desk = Desk()
    desk.engine.members[WHO] = _member()
    reply: Any = await desk.ask_points(query)
    assert (reply.status, reply.json["abstractResponse"]["responseStatus"]) == answer
