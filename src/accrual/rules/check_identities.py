"""Whether a programme's rules for identity kinds can be followed: known regions, and no setting that has no effect."""

from __future__ import annotations

from collections.abc import Iterator

from accrual.domain.identities import is_region
from accrual.domain.programme import IdentityForm, PlusTags, Settings
from accrual.rules.problems import Problem

PATH = "programme.identities"


def check_identities(settings: Settings) -> Iterator[Problem]:
    """Everything that is wrong with them, and with the programme's region."""
    if settings.region is not None and not is_region(settings.region):
        yield Problem("programme.region", f"{settings.region!r} is no region; write its ISO 3166-1 code, such as ID")
    for kind, rule in settings.identities.items():
        path = f"{PATH}.{kind}"
        if not kind or kind != kind.strip() or not kind.isascii() or not kind.isprintable():
            yield Problem(path, "a kind is a word of ASCII characters, such as msisdn")
        if rule.region is not None and not is_region(rule.region):
            yield Problem(f"{path}.region", f"{rule.region!r} is no region; write its ISO 3166-1 code, such as ID")
        if rule.region is not None and rule.as_ is not IdentityForm.PHONE:
            yield Problem(f"{path}.region", "only `as: phone` has a region")
        if rule.case is not None and rule.as_ is IdentityForm.PHONE:
            yield Problem(f"{path}.case", "a phone number has no letters; leave case out")
        if rule.plus_tags is PlusTags.DROP and rule.as_ is not IdentityForm.EMAIL:
            yield Problem(f"{path}.plus_tags", "only `as: email` has plus tags")
