"""A plan warns when the rules for identities of a used programme change."""

from __future__ import annotations

import pytest

from accrual.domain.programme import Case, IdentityForm, IdentityRule, Settings
from accrual.engine.plan_identities import warn_of_spellings

PLAIN = Settings(code="x")
PHONE = Settings(code="x", region="ID", identities={"msisdn": IdentityRule(as_=IdentityForm.PHONE)})


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        (PLAIN, PLAIN, ""),
        (PLAIN, Settings(code="x", region="ID"), ""),
        (PLAIN, PHONE, "msisdn"),
        (PHONE, PLAIN, "msisdn"),
        (PHONE, Settings(code="x", region="MY", identities=PHONE.identities), "msisdn"),
        (
            PHONE,
            Settings(code="x", region="ID", identities=PHONE.identities | {"card": IdentityRule(case=Case.IGNORE)}),
            "card",
        ),
    ],
)
def test_changed_rule_is_warned_of_by_kind(before: Settings, after: Settings, kinds: str) -> None:
    found = warn_of_spellings(before, after)
    assert len(found) == bool(kinds)
    assert all(f"spelling of {kinds} are" in warning for warning in found)
