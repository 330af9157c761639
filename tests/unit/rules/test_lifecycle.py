"""What steps a promo may take, who may take them, and what waits meanwhile: every status with every action."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from accrual.domain.errors import Missing, Refused
from accrual.domain.facts import Trigger
from accrual.domain.programme import Settings
from accrual.domain.promos import Benefit, Promo, PromoStatus, PromoVersion, Window
from accrual.domain.stored_programme import SavedVersion
from accrual.rules.lifecycle import STEPS, Action, Step, read_life, restore, take_step

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ALONE = Settings(code="p")
FOUR_EYES = Settings(code="p", four_eyes=True)
DRAFT, APPROVED, ACTIVE, PAUSED, ENDED = PromoStatus


def saved(*versions: tuple[PromoStatus, int] | tuple[PromoStatus, int, str], **changes: Any) -> list[SavedVersion]:
    """Versions as (status, what `fixed` gives, who saved it: ann if nobody is named)."""
    return [
        SavedVersion(
            version=PromoVersion(
                promo_version_id=100 + number,
                promo_id=1,
                version=number,
                revision=number,
                effective_from=None,
                promo=Promo(
                    code="P",
                    trigger=Trigger.PURCHASE,
                    benefits=(Benefit(asset="PTS", fixed=version[1]),),
                    status=version[0],
                    **changes,
                ),
            ),
            actor=version[2] if len(version) > 2 else "ann",
            recorded_at=NOW - timedelta(days=100 - number),
        )
        for number, version in enumerate(versions, 1)
    ]


def step(action: Action, versions: Sequence[SavedVersion], *, settings: Settings = ALONE, actor: str = "bob") -> Step:
    return take_step(read_life(versions), action, settings=settings, actor=actor, now=NOW)


def gives(made: Step) -> tuple[PromoStatus, int | None]:
    return made.promo.status, made.promo.benefits[0].fixed


@pytest.mark.parametrize("status", PromoStatus)
@pytest.mark.parametrize("action", [action for action in Action if action is not Action.RESTORE])
def test_every_step_is_in_the_table_or_refused_with_what_would_be_allowed(action: Action, status: PromoStatus) -> None:
    versions = saved((status, 5))
    wanted = STEPS[action].get(status)
    if wanted is not None:
        assert gives(step(action, versions)) == (wanted, 5)
        return
    with pytest.raises(Refused) as refused:
        step(action, versions)
    assert refused.value.code == "step_refused"
    assert refused.value.details == {"promo": "P", "status": status.value, "action": action.value}
    assert refused.value.message.startswith(f"P is {status}: {action} is refused. ")


def test_draft_of_a_live_promo_waits_and_what_holds_goes_on() -> None:
    life = read_life(saved((ACTIVE, 5), (DRAFT, 6)))
    assert (life.status, life.live and life.live.version.version, life.waits and life.waits.version.version) == (
        ACTIVE,
        1,
        2,
    )


def test_change_goes_on_waiting_while_the_promo_is_paused_and_resumed() -> None:
    versions = saved((ACTIVE, 5), (DRAFT, 6), (PAUSED, 5), (ACTIVE, 5))
    assert read_life(versions[:3]).status is PAUSED
    for many in (3, 4):
        waits = read_life(versions[:many]).waits
        assert waits is not None
        assert waits.version.version == 2


@pytest.mark.parametrize("last", [(ACTIVE, 6), (ACTIVE, 7), (ENDED, 5), (DRAFT, 5)])
def test_nothing_waits_after_something_new_went_live_or_the_end_or_a_draft_of_what_holds(
    last: tuple[PromoStatus, int],
) -> None:
    assert read_life(saved((ACTIVE, 5), (DRAFT, 6), last)).waits is None


def test_pause_stops_what_holds_and_not_what_waits() -> None:
    assert gives(step(Action.PAUSE, saved((ACTIVE, 5), (DRAFT, 6)))) == (PAUSED, 5)


def test_activate_takes_what_waits_before_what_is_paused() -> None:
    versions = saved((ACTIVE, 5), (APPROVED, 6), (PAUSED, 5))
    assert gives(step(Action.ACTIVATE, versions)) == (ACTIVE, 6)


def test_paused_promo_resumes_under_four_eyes_while_its_change_is_no_more_than_a_draft() -> None:
    versions = saved((ACTIVE, 5), (DRAFT, 6), (PAUSED, 5))
    assert gives(step(Action.ACTIVATE, versions, settings=FOUR_EYES)) == (ACTIVE, 5)


@pytest.mark.parametrize("actor", ["ann", " ANN "])
def test_author_cannot_approve_under_four_eyes_however_the_name_is_spelt(actor: str) -> None:
    with pytest.raises(Refused) as refused:
        step(Action.APPROVE, saved((DRAFT, 5)), settings=FOUR_EYES, actor=actor)
    assert refused.value.code == "four_eyes"
    assert refused.value.details["author"] == "ann"
    assert gives(step(Action.APPROVE, saved((DRAFT, 5)), actor=actor)) == (APPROVED, 5)


def test_author_is_who_saved_the_draft_that_waits_not_who_saved_the_promo_first() -> None:
    versions = saved((ACTIVE, 5, "ann"), (DRAFT, 6, "bob"))
    assert gives(step(Action.APPROVE, versions, settings=FOUR_EYES, actor="ann")) == (APPROVED, 6)


def test_draft_cannot_go_live_past_the_second_pair_of_eyes() -> None:
    with pytest.raises(Refused) as refused:
        step(Action.ACTIVATE, saved((DRAFT, 5)), settings=FOUR_EYES)
    assert refused.value.code == "four_eyes"
    approved = saved((DRAFT, 5, "ann"), (APPROVED, 5, "bob"))
    assert gives(step(Action.ACTIVATE, approved, settings=FOUR_EYES, actor="ann")) == (ACTIVE, 5)


def test_first_to_go_live_holds_from_its_windows_start_later_ones_from_now() -> None:
    window = Window(from_="2026-12-24T00:00")
    first = step(Action.ACTIVATE, saved((DRAFT, 5), window=window))
    assert first.holds_from == datetime(2026, 12, 24, tzinfo=UTC)
    assert step(Action.ACTIVATE, saved((DRAFT, 5))).holds_from is None
    assert step(Action.ACTIVATE, saved((ACTIVE, 5), (DRAFT, 6), window=window)).holds_from == NOW


def test_pause_and_end_hold_from_now_whatever_instant_the_promo_names() -> None:
    for action in (Action.PAUSE, Action.END):
        assert step(action, saved((ACTIVE, 5), effective_from="2026-01-01T00:00")).holds_from == NOW


@pytest.mark.parametrize(
    ("effective_from", "expected"),
    [("2026-01-01T00:00", NOW), (None, NOW), ("2026-12-24T00:00", datetime(2026, 12, 24, tzinfo=UTC))],
)
def test_resumed_promo_does_not_reach_back_over_its_pause(effective_from: str | None, expected: datetime) -> None:
    versions = saved((ACTIVE, 5), (PAUSED, 5), effective_from=effective_from)
    assert step(Action.ACTIVATE, versions).holds_from == expected


def back(versions: Sequence[SavedVersion], version: int, settings: Settings = ALONE) -> Step:
    return restore(read_life(versions), versions, version, settings=settings, now=NOW)[0]


@pytest.mark.parametrize("status", [ACTIVE, PAUSED])
def test_live_promo_returns_at_once_to_what_an_earlier_version_said(status: PromoStatus) -> None:
    made = back(saved((ACTIVE, 5), (ACTIVE, 6), (status, 7)), 1)
    assert (gives(made), made.holds_from) == ((status, 5), NOW)


def test_return_waits_for_approval_under_four_eyes() -> None:
    assert gives(back(saved((ACTIVE, 5), (ACTIVE, 6)), 1, FOUR_EYES)) == (DRAFT, 5)


def test_ended_promo_comes_back_as_a_draft_and_gives_from_its_activation() -> None:
    versions = saved((ACTIVE, 5), (ENDED, 5))
    draft = back(versions, 1)
    assert gives(draft) == (DRAFT, 5)
    revived = step(Action.ACTIVATE, saved((ACTIVE, 5), (ENDED, 5), (DRAFT, 5)))
    assert (gives(revived), revived.holds_from) == ((ACTIVE, 5), NOW)


def test_restoring_what_holds_takes_back_what_waits() -> None:
    versions = saved((ACTIVE, 5), (DRAFT, 6))
    made = back(versions, 1)
    assert gives(made) == (DRAFT, 5)
    assert read_life([*versions, *saved((DRAFT, 5))]).waits is None


@pytest.mark.parametrize(("versions", "number"), [([(ACTIVE, 5)], 1), ([(ACTIVE, 5), (DRAFT, 6)], 2)])
def test_restoring_what_stands_already_is_refused(versions: list[tuple[PromoStatus, int]], number: int) -> None:
    with pytest.raises(Refused) as refused:
        back(saved(*versions), number)
    assert refused.value.code == "step_refused"


def test_version_that_never_was_is_missing() -> None:
    with pytest.raises(Missing) as missing:
        back(saved((ACTIVE, 5), (ACTIVE, 6)), 3)
    assert (missing.value.code, missing.value.message) == ("version_unknown", "P has no version 3; it has 1 to 2.")


def test_every_status_leads_somewhere_and_ended_is_the_last() -> None:
    sources = {status for steps in STEPS.values() for status in steps}
    assert sources == set(PromoStatus) - {ENDED}
    assert msgspec.structs.replace(saved((ACTIVE, 5))[0].promo, status=ENDED).status is ENDED
