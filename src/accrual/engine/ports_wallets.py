"""What looking at members as wallets needs from the store, as a Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from accrual.domain.outcomes import Outcome
from accrual.domain.wallets import Balances, LoggedCall, WalletRow


class WalletSource(Protocol):
    """Members as they are and as commands left them. `buckets` is their number here. Everything raises DatabaseDown."""

    buckets: int

    async def wallet(self, programme_id: int, member_id: bytes) -> WalletRow | None:
        """A member of this programme as they are now."""

    async def reach(self, member_id: bytes) -> tuple[int, int]:
        """(next position, first undecided one) of the log in which a member's commands are; they are equal at rest."""

    async def named(self, member_id: bytes, kind: str) -> str | None:
        """How a member is called in one kind of identity, as first seen."""

    async def balances(self, member_id: bytes, asset_id: int, position: int, behind: int) -> Balances | None:
        """A member as the decided command at `position` left them; spending is summed behind the position `behind`."""

    async def earned(
        self, member_id: bytes, asset_id: int, versions: Sequence[int], behind: int, position: int
    ) -> list[Outcome]:
        """Outcomes behind one position, up to another, in which these promo versions gave, or points were taken back."""

    async def logged(self, bucket: int, position: int) -> LoggedCall | None:
        """The command at a place of the log."""

    async def decided(self, ticket: bytes) -> tuple[LoggedCall, Outcome] | None:
        """A command with its outcome, once there is one."""
