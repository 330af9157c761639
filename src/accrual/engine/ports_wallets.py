"""What looking at members as wallets needs from the store, as a Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from accrual.domain.outcomes import Outcome
from accrual.domain.wallets import AsLeft, Balances, LoggedCall, WalletRow


class WalletSource(Protocol):
    """Members as they are and as commands left them. `buckets` is their number here. Everything raises DatabaseDown."""

    buckets: int

    async def wallets(self, member_ids: Sequence[bytes]) -> dict[bytes, WalletRow]:
        """Members as they are now, by id."""

    async def balances(self, asked: Sequence[AsLeft]) -> dict[AsLeft, Balances]:
        """Members as decided commands left them; those who are no members, or not decided, are left out."""

    async def reach(self, member_id: bytes) -> tuple[int, int]:
        """(next position, first undecided one) of the log in which a member's commands are; they are equal at rest."""

    async def named(self, member_id: bytes, kind: str) -> str | None:
        """How a member is called in one kind of identity, as first seen."""

    async def logged(self, bucket: int, position: int) -> LoggedCall | None:
        """The command at a place of the log."""

    async def decided(self, ticket: bytes) -> tuple[LoggedCall, Outcome] | None:
        """A command with its outcome, once there is one."""
