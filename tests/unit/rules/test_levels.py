"""Which level a member is at, when they rise and fall, and what the document of levels may not say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from accrual.domain.members import EMPTY_PROFILE, STEPS_MAX, LevelBy, LevelStep, MemberProfile
from accrual.domain.programme import Programme, Settings
from accrual.domain.tiers import Tiers
from accrual.rules.check import check_programme
from accrual.rules.ladder import Ladder, compile_ladder, tier_at
from accrual.rules.levels import ALWAYS, EarnedUntil, moved, reviewed, risen, standing, stepped, tier_said

JAKARTA = timedelta(hours=7)


def at(text: str) -> datetime:
    """A moment on the clocks of Jakarta."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) - JAKARTA


def ladder(**fields: Any) -> Ladder:
    levels = [
        {"code": "BASIC"},
        {"code": "SILVER", "threshold": 100, "earn": "1.25"},
        {"code": "GOLD", "threshold": 500, "earn": "1.5"},
    ]
    tiers = msgspec.convert({"asset": "PTS", "levels": levels, **fields}, Tiers)
    made = compile_ladder(Settings(code="p", time_zone="Asia/Jakarta", tiers=tiers), {"PTS": 1})
    assert made is not None
    return made


YEARLY = ladder()


def gold(since: datetime, by: LevelBy = LevelBy.EARNED) -> MemberProfile:
    return stepped(EMPTY_PROFILE, LevelStep("GOLD", since, by))


def always(units: int) -> EarnedUntil:
    return lambda moment: units


def test_points_of_the_window_lift_a_member_to_the_highest_level_they_reach_at_once() -> None:
    now = at("2026-03-01T10:00")
    up = risen(YEARLY, EMPTY_PROFILE, 500, now)
    assert up is not None
    assert (up.change.before, up.change.after, up.change.earned, up.change.threshold) == ("BASIC", "GOLD", 500, 500)
    assert up.profile.tier == "GOLD"
    assert up.profile.steps == (LevelStep("GOLD", now, LevelBy.EARNED),)


@pytest.mark.parametrize(("tier", "units"), [(None, 99), ("SILVER", 100), ("SILVER", 499), ("GOLD", 0)])
def test_who_reaches_no_higher_level_stays(tier: str | None, units: int) -> None:
    assert risen(YEARLY, MemberProfile(tier=tier), units, at("2026-03-01")) is None


def test_window_counts_whole_days_of_the_programmes_calendar_today_included() -> None:
    now = at("2026-03-31T23:59")
    assert YEARLY.day_of(now) - YEARLY.window_before(now) == 365
    assert YEARLY.day_of(at("2026-04-01T00:00")) == YEARLY.day_of(now) + 1
    monthly = ladder(window="P1M")
    # A month before 31 March ends with February, whose last day does not count any more.
    assert monthly.window_before(now) == YEARLY.day_of(at("2026-02-28T12:00"))


def test_level_of_a_moment_is_the_one_then_in_force() -> None:
    first, second = at("2026-02-01"), at("2026-05-01")
    profile = stepped(
        stepped(EMPTY_PROFILE, LevelStep("SILVER", first, LevelBy.EARNED)), LevelStep("GOLD", second, LevelBy.EARNED)
    )
    said = [tier_said(YEARLY, profile, moment) for moment in (first - timedelta(seconds=1), first, second)]
    assert said == ["BASIC", "SILVER", "GOLD"]


def test_tier_that_was_set_before_steps_were_kept_held_since_ever() -> None:
    old = MemberProfile(tier="SILVER")
    assert tier_at(old, at("2020-01-01")) == "SILVER"
    up = risen(YEARLY, old, 600, at("2026-03-01"))
    assert up is not None
    assert tier_said(YEARLY, up.profile, at("2026-02-28")) == "SILVER"


def test_only_so_many_steps_are_kept_and_the_oldest_stands_for_all_before() -> None:
    profile = EMPTY_PROFILE
    for number in range(STEPS_MAX + 5):
        profile = stepped(profile, LevelStep(f"L{number}", at("2026-01-01") + timedelta(days=number), LevelBy.HAND))
    assert len(profile.steps) == STEPS_MAX
    assert tier_at(profile, at("2025-01-01")) == "L5"
    assert tier_at(profile, at("2026-01-07")) == "L6"


def test_tier_that_the_programme_does_not_have_any_more_is_the_lowest_level() -> None:
    assert tier_said(YEARLY, MemberProfile(tier="platinum"), at("2026-01-01")) == "BASIC"
    assert tier_said(None, MemberProfile(tier="platinum"), at("2026-01-01")) == "platinum"
    assert tier_said(None, EMPTY_PROFILE, at("2026-01-01")) == ""


@pytest.mark.parametrize(
    ("fields", "until", "end"),
    [
        ({}, "2027-01-30T23:59:59", "2026-01-01"),
        ({}, "2027-01-31T00:00", "2027-01-01"),
        ({"grace": "P0D"}, "2027-01-01T00:00", "2027-01-01"),
        ({"period": "month", "grace": "P10D"}, "2026-03-10T23:59", "2026-02-01"),
        ({"period": "month", "grace": "P10D"}, "2026-03-11T00:00", "2026-03-01"),
        ({"period": "month", "grace": "P1M"}, "2026-03-31T12:00", "2026-02-01"),
        ({"period": "week", "grace": "P0D"}, "2026-03-04T12:00", "2026-03-02"),
        ({"period": "day", "grace": "P3D"}, "2026-03-04T00:00", "2026-03-01"),
    ],
)
def test_period_is_looked_at_once_its_grace_is_over(fields: dict[str, Any], until: str, end: str) -> None:
    assert ladder(**fields).period_due(at(until)) == at(end)


def test_levels_of_a_programme_whose_period_is_ever_never_fall() -> None:
    for_ever = ladder(period="ever")
    assert reviewed(for_ever, gold(ALWAYS), always(0), at("2099-01-01"), at("2099-01-01")) is None
    assert standing(for_ever, gold(ALWAYS), 0, at("2026-01-01")).safe_until is None


def test_who_did_not_earn_the_level_again_falls_by_one_level_a_period() -> None:
    profile, until = gold(at("2025-06-01")), at("2027-01-31")
    down = reviewed(YEARLY, profile, always(0), until, until)
    assert down is not None
    assert (down.change.before, down.change.after, down.change.by) == ("GOLD", "SILVER", LevelBy.REVIEW)
    assert down.profile.steps[0] == LevelStep("SILVER", until, LevelBy.REVIEW, at("2027-01-01"))
    assert reviewed(YEARLY, down.profile, always(0), until + timedelta(days=200), until + timedelta(days=200)) is None
    later = at("2028-01-31")
    again = reviewed(YEARLY, down.profile, always(0), later, later)
    assert again is not None
    assert again.profile.tier == "BASIC"
    assert reviewed(YEARLY, again.profile, always(0), at("2029-02-01"), at("2029-02-01")) is None


def test_who_earned_the_level_again_in_the_period_or_its_grace_keeps_it() -> None:
    profile, until = gold(at("2025-06-01")), at("2027-01-31")
    in_period: EarnedUntil = lambda moment: 500 if moment < at("2027-01-01") else 0  # noqa: E731
    in_grace: EarnedUntil = lambda moment: 500 if moment >= until else 0  # noqa: E731
    assert reviewed(YEARLY, profile, in_period, until, until) is None
    assert reviewed(YEARLY, profile, in_grace, until, until) is None
    assert reviewed(YEARLY, profile, always(499), until, until) is not None


def test_who_rose_within_the_period_is_not_lowered_at_its_end() -> None:
    until = at("2027-01-31")
    assert reviewed(YEARLY, gold(at("2026-12-31T23:00")), always(0), until, until) is None
    assert reviewed(YEARLY, gold(at("2026-01-01T00:00")), always(0), until, until) is None
    assert reviewed(YEARLY, gold(at("2025-12-31T23:59")), always(0), until, until) is not None
    assert reviewed(YEARLY, gold(at("2027-01-05")), always(0), until, until) is None


def test_short_window_that_is_over_within_the_period_does_not_protect() -> None:
    quarterly, until = ladder(window="P3M"), at("2027-01-31")
    assert reviewed(quarterly, gold(at("2026-02-01")), always(0), until, until) is not None
    assert reviewed(quarterly, gold(at("2026-11-01")), always(0), until, until) is None


def test_level_set_by_hand_is_never_lowered_and_still_rises() -> None:
    until = at("2030-01-31")
    by_hand = stepped(EMPTY_PROFILE, LevelStep("SILVER", at("2025-01-01"), LevelBy.HAND))
    assert reviewed(YEARLY, by_hand, always(0), until, until) is None
    assert reviewed(YEARLY, MemberProfile(tier="SILVER"), always(0), until, until) is None
    up = risen(YEARLY, by_hand, 700, until)
    assert up is not None
    assert up.profile.steps[0].by is LevelBy.EARNED


def test_standing_says_what_is_missing_and_until_when_the_level_is_safe() -> None:
    now = at("2026-06-01")
    lowest = standing(YEARLY, EMPTY_PROFILE, 30, now)
    assert (lowest.place, lowest.following, lowest.missing, lowest.safe_until) == (0, 1, 70, None)
    top = standing(YEARLY, gold(at("2026-03-01")), 510, now)
    assert (top.place, top.following, top.missing, top.by_hand) == (2, None, None, False)
    assert top.safe_until == at("2028-01-31"), "it was reached in 2026: the end of 2027 is the first that counts"
    assert standing(YEARLY, gold(at("2025-03-01")), 510, now).safe_until == at("2027-01-31")
    assert standing(YEARLY, gold(at("2025-03-01"), LevelBy.HAND), 0, now).safe_until is None


def test_moment_until_which_a_level_is_safe_is_when_a_review_first_lowers_it() -> None:
    for fields in ({}, {"period": "month", "grace": "P5D"}, {"window": "P40D", "period": "week", "grace": "P0D"}):
        steps = ladder(**fields)
        profile, now = gold(at("2026-02-10T15:00")), at("2026-02-20")
        safe = standing(steps, profile, 0, now).safe_until
        assert safe is not None
        before = safe - timedelta(microseconds=1)
        assert reviewed(steps, profile, always(0), before, before) is None
        assert reviewed(steps, profile, always(0), safe, safe) is not None


def test_moving_says_the_level_in_force_even_where_the_profile_names_none() -> None:
    there = moved(YEARLY, MemberProfile(tier="unheard of"), 1, at("2026-01-01"), LevelBy.MERGER, 7)
    assert (there.change.before, there.change.after) == ("BASIC", "SILVER")


def document(**tiers: Any) -> Programme:
    levels = [{"code": "A"}, {"code": "B", "threshold": 10, "earn": "2"}]
    settings = {"code": "p", "time_zone": "Asia/Jakarta", "tiers": {"asset": "PTS", "levels": levels, **tiers}}
    return msgspec.convert({"programme": settings, "assets": [{"code": "PTS"}]}, Programme)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"asset": "PTX"}, "programme.tiers.asset: unknown asset 'PTX'; did you mean 'PTS'?"),
        (
            {"levels": [{"code": "A", "threshold": 1}]},
            "programme.tiers.levels[0].threshold: the first level is everybody's: its threshold must be 0",
        ),
        (
            {"levels": [{"code": "A"}, {"code": "B", "threshold": 5}, {"code": "C", "threshold": 5}]},
            "programme.tiers.levels[2].threshold: must be above 5, the threshold of the level before it",
        ),
        (
            {"levels": [{"code": "A"}, {"code": "A", "threshold": 5}]},
            "programme.tiers.levels[1].code: 'A' is already the code of programme.tiers.levels[0]",
        ),
        ({"levels": [{"code": "A", "earn": "0"}]}, "programme.tiers.levels[0].earn: must be above zero"),
        (
            {"levels": [{"code": "A", "redeem": "1e3"}]},
            'programme.tiers.levels[0].redeem: The amount is not a plain decimal number. Write such as "1.5".',
        ),
        (
            {"levels": [{"code": "A", "earn": "-1"}]},
            'programme.tiers.levels[0].earn: The rate is negative. Write such as "1.5".',
        ),
        ({"window": "a year"}, "programme.tiers.window: 'a year' is not a duration such as P12M, P30D or PT36H"),
        ({"window": "P11Y"}, "programme.tiers.window: 'P11Y' is longer than ten years"),
        ({"window": "P0D"}, "programme.tiers.window: 'P0D' is not a day or longer; write such as P12M"),
        ({"grace": "P2Y"}, "programme.tiers.grace: 'P2Y' is longer than a year"),
    ],
)
def test_levels_that_cannot_be_judged_by_are_refused(fields: dict[str, Any], said: str) -> None:
    assert [f"{problem.path}: {problem.message}" for problem in check_programme(document(**fields))] == [said]


def test_good_levels_pass() -> None:
    assert check_programme(document()) == []
    assert check_programme(document(window="P10Y", grace="P0D", period="ever")) == []


@pytest.mark.parametrize(
    ("benefit", "tiers", "said"),
    [
        ({"fixed": 5}, None, "the programme has no levels; write programme.tiers, or take by_level away"),
        ({"voucher": {}}, {}, "only fixed, points_per, percent, bracket are multiplied by the member's level"),
    ],
)
def test_benefit_by_level_needs_levels_and_something_to_multiply(
    benefit: dict[str, Any], tiers: dict[str, Any] | None, said: str
) -> None:
    promo = {"code": "X", "trigger": "purchase", "benefits": [{"asset": "PTS", "by_level": True, **benefit}]}
    base = document()
    settings = base.programme if tiers is not None else msgspec.structs.replace(base.programme, tiers=None)
    written = msgspec.to_builtins(msgspec.structs.replace(base, programme=settings))
    programme = msgspec.convert({**written, "promos": [promo]}, Programme)
    assert [(p.path, p.message) for p in check_programme(programme)] == [("promos[0].benefits[0].by_level", said)]
