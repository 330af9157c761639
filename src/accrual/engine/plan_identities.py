"""What a plan warns of when the rules for identities change. Pure; no member is looked up."""

from __future__ import annotations

from accrual.domain.programme import Settings


def warn_of_spellings(before: Settings, after: Settings) -> tuple[str, ...]:
    """That members of a used programme may be named by a spelling that now means another member."""
    changed = [
        kind
        for kind in sorted(before.identities.keys() | after.identities.keys())
        if (before.identities.get(kind), before.region) != (after.identities.get(kind), after.region)
    ]
    if not changed:
        return ()
    return (
        f"identities: members stored under another spelling of {', '.join(changed)} are no longer found by it;"
        " merge each into the new spelling first (docs/reference/identities.md)",
    )
