"""A referral that names no vouched device is judged as the programme says: leaving the id out is no way around the check."""

from __future__ import annotations

import msgspec
import pytest

from accrual.domain.commands import Dialect, Reward
from accrual.domain.facts import Referral
from accrual.domain.outcomes import Outcome
from accrual.domain.programme import ReferralRules, UnknownDevice
from tests.desk import Desk, catalogue_of, identity_of
from tests.unit.engine.test_linking import GIVES, balances, declines, judge

pytestmark = pytest.mark.security


def desk(unknown: UnknownDevice) -> Desk:
    catalogue = catalogue_of((GIVES,))
    settings = msgspec.structs.replace(catalogue.settings, referral=ReferralRules(unknown_device=unknown))
    return Desk(msgspec.structs.replace(catalogue, settings=settings), buckets=4)


async def refer(at: Desk, who: str, by: str, install: str | None, *, unique: bool) -> tuple[list[str], Outcome]:
    facts = (Referral(referrer=identity_of(by)),)
    reward = Reward(
        dialect=Dialect.NATIVE,
        action="test",
        identity=identity_of(who),
        facts=facts,
        install_id=install,
        unique_install=unique,
    )
    command = at.log_command(reward)
    await at.decide_all()
    return declines(at, command), at.books.outcome(command)


def test_default_is_to_allow() -> None:
    assert ReferralRules().unknown_device is UnknownDevice.ALLOW


@pytest.mark.parametrize(("install", "unique"), [(None, False), (None, True), ("Galaxy S21", False)])
async def test_unknown_device_is_paid_or_held_as_the_programme_says(install: str | None, unique: bool) -> None:
    allowing = desk(UnknownDevice.ALLOW)
    assert (await refer(allowing, "ann", "bob", install, unique=unique))[0] == []
    assert balances(allowing) == {"ann": 2, "bob": 3}
    reviewing = desk(UnknownDevice.REVIEW)
    found, outcome = await refer(reviewing, "ann", "bob", install, unique=unique)
    assert (found, balances(reviewing)) == (["held_for_review"], {})
    (claim,) = outcome.follow_ups
    assert declines(reviewing, await judge(reviewing, claim, approved=True)) == []
    assert balances(reviewing) == {"ann": 2, "bob": 3}


async def test_known_device_is_not_held() -> None:
    at = desk(UnknownDevice.REVIEW)
    assert (await refer(at, "ann", "bob", "d1", unique=True))[0] == []
    assert (await refer(at, "eve", "bob", "d1", unique=True))[0] == ["held_for_review"]
    assert balances(at) == {"ann": 2, "bob": 3}
