"""What a plan warns of when an outlet is made or changed: clients that may make rules there. Pure; writes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from accrual.domain.programme import Outlet


def warn_of_outlet(outlet: Outlet, makers: Sequence[str]) -> tuple[str, ...]:
    """A warning where an outlet names no `clients`: then each of `makers`, clients that make rules, may make some for it."""
    if outlet.clients or not makers:
        return ()
    return (f"any client may make rules for it, such as {', '.join(makers[:3])}; name its clients under `clients`",)
