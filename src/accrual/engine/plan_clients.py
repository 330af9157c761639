"""What a plan warns about when it reads a client: rights spelled by a shorthand. Pure; writes nothing."""

from __future__ import annotations

from accrual.domain.programme import Client
from accrual.domain.rights import SHORTHANDS


def warn_of_client(client: Client) -> tuple[str, ...]:
    """Warnings for the person who agrees to the plan."""
    return tuple(
        f"right `{given}` is an older shorthand; write {' and '.join(f'`{right}`' for right in SHORTHANDS[given])} instead"
        for given in client.rights
        if given in SHORTHANDS
    )
