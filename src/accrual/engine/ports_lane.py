"""What a lane needs from the store, as a Protocol; the log and the catalogue are in ports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from accrual.domain.commands import LoggedCommand
from accrual.domain.draws import DrawHead, DrawKey
from accrual.domain.facts import Identity
from accrual.domain.held import HeldCommand
from accrual.domain.log import Found, LaneRow, Lease, Posting, Sought, WorkerRow
from accrual.domain.lots import LotEvents
from accrual.domain.members import MemberProfile, PurchaseRow
from accrual.domain.referrals import HeldClaim, LinkNode
from accrual.domain.rewards import RewardCode
from accrual.domain.stocks import StockKey
from accrual.domain.undoing import FoundTarget, HoldRow, ParkedFacts, Part


class StateSource(Protocol):
    """What deciding a batch is loaded from. Wanted things are grouped by bucket; what does not exist is left out."""

    async def look_up(self, wanted: Mapping[int, Sequence[Sought]]) -> Sequence[Found]:
        """Members by id, and the (balance, held) of the newest line of accounts; who referred them is asked for apart."""

    async def marked(self, buckets: Sequence[int], at_most: int) -> dict[int, list[bytes]]:
        """The members of buckets that are merged or marked, at most so many of each; buckets without any are left out."""

    async def links(self, wanted: Mapping[int, Sequence[bytes]]) -> dict[bytes, Identity]:
        """Who referred members, by id."""

    async def balances(self, wanted: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], tuple[int, int | None]]:
        """(balance, held) of the newest line of accounts, by (bucket, account)."""

    async def counters(
        self, wanted: Mapping[int, Sequence[tuple[bytes, int, int, int]]]
    ) -> dict[tuple[bytes, int, int, int], int]:
        """Newest values of counters, by (member, promo, slot, period)."""

    async def fetch_shares(
        self, wanted: Sequence[tuple[int, StockKey, int]]
    ) -> dict[tuple[int, StockKey], tuple[int, bool]]:
        """(at hand, no more to be had) of each (bucket, stock, units wanted), moving more into the bucket if need be."""

    async def quotas(self, wanted: Sequence[StockKey]) -> dict[StockKey, int]:
        """What is left of each outlet's or device's cap and reward's stock; below nothing once a cap was lowered."""

    async def reward_codes(self, wanted: Mapping[bytes, int]) -> dict[bytes, list[RewardCode]]:
        """The next so many codes of pools that were not given yet, by subject; fewer where there are no more."""

    async def draw_heads(self, wanted: Mapping[int, Sequence[DrawKey]]) -> dict[tuple[int, int, int], DrawHead]:
        """Where the entries of rounds end, by (bucket, promo_id, round); rounds without entries are left out."""

    async def profiles(self, wanted: Mapping[int, Sequence[bytes]]) -> dict[bytes, MemberProfile]:
        """Newest profiles of members by id."""

    async def history(self, wanted: Mapping[int, Sequence[bytes]], since: datetime) -> dict[bytes, list[PurchaseRow]]:
        """Members' own purchases recorded since then, newest first, out of their newest 5,000 commands."""

    async def earned(
        self, wanted: Mapping[int, Sequence[int]], since: datetime
    ) -> dict[tuple[int, int], list[tuple[datetime, int]]]:
        """(moment, units) that accounts earned since then, returns and mergers included, by (bucket, account)."""

    async def parked_facts(self, wanted: Mapping[int, Sequence[bytes]]) -> dict[bytes, ParkedFacts]:
        """Those of {bucket: tickets} that are parked and were not resumed yet."""

    async def lots(self, wanted: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], LotEvents]:
        """What the open lots of accounts are known by, by (bucket, account); accounts without lots are left out."""

    async def targets(self, wanted: Mapping[bytes, int]) -> dict[bytes, FoundTarget]:
        """Decided or parked commands of {ticket: programme_id}, wherever they were forwarded to; an entry for each ticket."""

    async def undone(self, wanted: Mapping[bytes, Sequence[int]]) -> dict[bytes, dict[Part, int]]:
        """How much of each part of {command: buckets to look in} was undone so far."""

    async def holds(self, wanted: Mapping[int, Sequence[bytes]]) -> dict[tuple[int, bytes], HoldRow]:
        """What commands of {bucket: tickets} set aside, by (bucket, ticket)."""

    async def awaiting(self, wanted: Mapping[int, Sequence[bytes]]) -> dict[bytes, tuple[bytes, ...]]:
        """Tickets of the parked returns that wait for commands of {bucket: tickets}, by what they wait for, oldest first."""

    async def link_nodes(self, bucket: int, members: Sequence[bytes]) -> list[LinkNode]:
        """The nodes of these members among a bucket's referral links, those that there are, and all above them."""

    async def held_claims(self, bucket: int, claims: Sequence[bytes]) -> dict[bytes, HeldClaim]:
        """Referrals that are or were held for review, by the tickets of their claims."""

    async def held_commands(self, bucket: int, tickets: Sequence[bytes]) -> dict[bytes, HeldCommand]:
        """Commands that are or were held for review, by ticket."""

    async def shared_installs(self, wanted: Sequence[tuple[bytes, bytes]]) -> set[tuple[bytes, bytes]]:
        """Those (install, member) whose install id was seen with somebody else."""


class LaneStore(StateSource, Protocol):
    """Leases, batches and the fenced posting, over one session. Everything raises DatabaseDown when that is lost."""

    async def open(self) -> None:
        """A fresh session; the old one is cut off."""

    def cut(self) -> None:
        """Drop the session at once; what it had open is rolled back."""

    async def close(self) -> None:
        """End the session in good order."""

    async def register(self, worker_id: bytes, started_at: datetime, label: str) -> None:
        """Make this lane process known."""

    async def beat(self, worker_id: bytes, report: str) -> bool:
        """A sign of life; False when this process was given up for dead."""

    async def workers(self) -> list[WorkerRow]:
        """Every known lane process."""

    async def forget(self, worker_id: bytes) -> None:
        """Remove a lane process that owns nothing any more."""

    async def lanes(self) -> list[LaneRow]:
        """Every bucket's lane."""

    async def take(self, rows: Sequence[LaneRow], worker_id: bytes, former_id: bytes | None = None) -> list[Lease]:
        """Take buckets over at the epochs seen; those won. Taking from `former_id`, our earlier name, is no death."""

    async def release(self, leases: Iterable[Lease], worker_id: bytes) -> None:
        """Give buckets back in good order."""

    async def tails(self, buckets: Sequence[int]) -> tuple[dict[int, int], int]:
        """The next position of each bucket's log, and `Catalog.changes` as it stood at that very moment."""

    async def fetch(self, wanted: Mapping[int, tuple[int, int]]) -> list[LoggedCommand]:
        """Commands of {bucket: (from position, how many at most)}, in bucket and position order."""

    async def fetch_ahead(self, wanted: Mapping[int, tuple[int, int]]) -> list[LoggedCommand]:
        """As `fetch`, on a session of its own, beside whatever else is under way."""

    async def post(self, posting: Posting) -> None:
        """Write a batch, or nothing of it. Raises LaneLost when the fence refuses."""

    async def return_shares(self, idle: Sequence[tuple[int, StockKey]]) -> None:
        """Give what these buckets have of stocks back to the centre, for others to fetch."""

    async def count_try(self, lease: Lease) -> int:
        """Count a try at deciding the next command of this lease, durably, before it is made. Raises LaneLost."""
