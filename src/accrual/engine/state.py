"""What a lane remembers of members and accounts between batches: a bounded cache, dropped whenever a posting is in doubt."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from accrual.domain.draws import DrawHead
from accrual.domain.log import MemberRow
from accrual.domain.members import MemberProfile
from accrual.domain.rewards import RewardCode
from accrual.domain.stocks import StockKey
from accrual.engine.earlier import Earlier
from accrual.engine.earned import EarnedDays
from accrual.engine.link_forest import LinkForest
from accrual.engine.lot_book import LotBook
from accrual.rules.snapshot import PastPurchase

if TYPE_CHECKING:  # claims are decided above this module
    from accrual.engine.linking import OpenClaim

PURCHASES_MAX = 500_000
"""How many past purchases a lane remembers of all its members together."""

EARNED_MAX = 500_000
"""How many entries of what members earned by day a lane reads before it forgets them all."""

LINK_NODES_MAX = 200_000
"""How many nodes of referral links a lane remembers."""

LOTS_MAX = 500_000
"""How many open lots a lane remembers of all its members together."""


UNREAD = MemberRow(b"", None, None, None)
"""Stands for the row of a member who is known to be there, neither merged nor marked, and of whom no more was read."""


class AccountState(msgspec.Struct, gc=False):
    """An account's number, its balance and held amount after its newest line; `exists` once it has a row.

    `lots` are its open lots, None until somebody asked for them.
    """

    account_id: int
    balance: int
    held: int | None
    exists: bool
    lots: LotBook | None = None


class ShareState(msgspec.Struct, gc=False):
    """A bucket's share of a promo's stock. `final`: there was no more to be had; `used` since it was last looked over."""

    left: int
    final: bool
    used: bool = False


class MemberCell(msgspec.Struct, gc=False):
    """One member as the lane knows them. `row` is None for an identity nobody has yet, UNREAD for whom nothing but balances
    was asked so far.

    `accounts` by (asset_id, role); `counters` by (promo_id, slot, period), 0 where none was ever written. `link_known`
    once it was asked who referred the member. `profile` and
    `history` (of purchases since `history_since`) are None until somebody asked for them. `has_books` once the open lots
    of an account are known: from then on every movement keeps them; `books_rest` is the position up to which nobody opens
    them just to see whether a snapshot is due. `earned` is what levels are decided by, None until
    somebody asked.
    """

    bucket: int
    row: MemberRow | None
    accounts: dict[tuple[int, int], AccountState]
    counters: dict[tuple[int, int, int], int]
    link_known: bool = False
    profile: MemberProfile | None = None
    history: tuple[PastPurchase, ...] | None = None
    history_since: datetime | None = None
    has_books: bool = False
    earned: EarnedDays | None = None
    installs: tuple[bytes, ...] = ()
    books_rest: int = 0

    def drop_books(self) -> None:
        """Forget the open lots; they are read again when somebody asks."""
        if self.has_books:
            self.has_books = False
            for account in self.accounts.values():
                account.lots = None


class State:
    """Members by id, system accounts by (bucket, account), shares of stocks by bucket and key. `marked` are the members of
    a bucket that are merged or marked, None where they are too many to be known by heart.

    `quotas` are what is left of outlets' and devices' caps and rewards' stocks, `pools` the next codes of rewards: others
    use them too, so they are loaded for each batch; `codes_read` are how many of each pool it asked for so far, and the
    number of the last that it read. `drawn` are the ends of draws' entries by (bucket, promo_id, round).
    `forests` are referral links by bucket, `held` the held referrals that a batch is about: loaded for each.
    `earlier` is what a batch looks back on.
    `purchases` counts the entries of all histories that are kept, `lots` the open lots and
    `earned_days` the entries of what was earned that were read.
    """

    def __init__(self, *, members_max: int) -> None:
        self.members_max = members_max
        self.members: dict[bytes, MemberCell] = {}
        self.systems: dict[tuple[int, int], AccountState] = {}
        self.marked: dict[int, set[bytes] | None] = {}
        self.shares: dict[tuple[int, StockKey], ShareState] = {}
        self.quotas: dict[StockKey, int] = {}
        self.drawn: dict[tuple[int, int, int], DrawHead | None] = {}
        self.pools: dict[bytes, list[RewardCode]] = {}
        self.codes_read: dict[bytes, tuple[int, int]] = {}
        self.forests: dict[int, LinkForest] = {}
        self.held: dict[bytes, OpenClaim] = {}
        self.earlier = Earlier()
        self.purchases = 0
        self.lots = 0
        self.earned_days = 0

    def forest(self, bucket: int) -> LinkForest:
        """What is known of a bucket's links."""
        found = self.forests.get(bucket)
        if found is None:
            found = self.forests[bucket] = LinkForest(bucket)
        return found

    def begin_batch(self) -> None:
        """Forget what others may have changed since the last batch."""
        self.quotas, self.pools, self.codes_read = {}, {}, {}
        self.earlier = Earlier()

    def make_room(self) -> None:
        """Forget the longest-known eighth when the cache is full. Called between batches only."""
        if sum([len(forest.nodes) for forest in self.forests.values()]) > LINK_NODES_MAX:
            self.forests.clear()
        if self.purchases > PURCHASES_MAX:
            self.purchases = 0
            for cell in self.members.values():
                cell.history = None
        if self.earned_days > EARNED_MAX:
            self.earned_days = 0
            for cell in self.members.values():
                cell.earned = None
        if self.lots > LOTS_MAX:
            self.lots = 0
            for cell in self.members.values():
                cell.drop_books()
        excess = len(self.members) - self.members_max
        if excess <= 0:
            return
        for member_id in list(islice(self.members, excess + self.members_max // 8)):
            del self.members[member_id]

    def forget(self, buckets: set[int] | None = None) -> None:
        """Drop everything, or everything of these buckets: their state in the database may differ from what is here."""
        if buckets is None:
            self.members.clear()
            self.marked.clear()
            self.systems.clear()
            self.shares.clear()
            self.drawn.clear()
            self.forests.clear()
            return
        self.members = {key: cell for key, cell in self.members.items() if cell.bucket not in buckets}
        self.systems = {key: account for key, account in self.systems.items() if key[0] not in buckets}
        self.marked = {bucket: members for bucket, members in self.marked.items() if bucket not in buckets}
        self.shares = {key: share for key, share in self.shares.items() if key[0] not in buckets}
        self.drawn = {key: head for key, head in self.drawn.items() if key[0] not in buckets}
        self.forests = {bucket: forest for bucket, forest in self.forests.items() if bucket not in buckets}
