"""What changing a programme needs from the store, as a Protocol; reading catalogues is in ports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from accrual.domain.point_rewards import Corner
from accrual.domain.stored_programme import CatalogueChange, StoredProgramme

Decide = Callable[[StoredProgramme | None], CatalogueChange | None]
"""From what is stored (None: no such programme) to what to write (None: nothing). Pure: it may be called again."""


class CatalogueSink(Protocol):
    """Where programmes are changed."""

    async def stored(self, code: str) -> StoredProgramme | None:
        """A programme at its newest revision, None when there is none of this code."""

    async def change(
        self, code: str, decide: Decide, *, actor: str, now: datetime, shelf_of: Corner | None = None
    ) -> int | None:
        """Decide under the programme's lock and write all of it, with its audit rows, in one transaction.

        With `shelf_of` what is decided upon holds the point rewards of that corner.

        The new revision, or None when there was nothing to write. Raises Conflict `key_taken` when another client has
        the same key.
        """
