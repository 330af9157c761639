"""What a decision may look at, and what it may say: the input and output of evaluation. Nothing else goes in or out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from accrual.domain.draws import DrawHead, DrawKey
from accrual.domain.facts import Fact, Identity
from accrual.domain.members import EMPTY_PROFILE, MemberProfile
from accrual.domain.outcomes import Award, Declined
from accrual.domain.stocks import StockKey, StockLeft
from accrual.rules.compiled import CompiledProgramme

PROGRAMME_ITSELF = 0
"""The promo_id and promo_version_id under which the programme's own counters and declines stand."""

SLOT_REGISTERED = 1
SLOT_CHECKED_IN = 2
SLOT_REFERRED = 3
SLOT_CLAIMED = 4
"""How many referrals of a member went where the programme's links are decided."""
SLOT_FRIEND_BOUGHT = 5
"""How many purchases of a member were told as a referred member's."""

SLOT_SHARED_INSTALL = 6
"""Under it an outcome keeps whether a device had been seen with another member (1) or not (0)."""

CounterKey = tuple[int, int, int]
"""(promo_id, slot, period) of one member's counter."""


class StockShort(Exception):
    """A decision wants more of a stock than is at hand, and more may be had: fetch it and decide again."""

    def __init__(self, key: StockKey, wanted: int) -> None:
        super().__init__(key, wanted)
        self.key = key
        self.wanted = wanted


class PastPurchase(NamedTuple):
    """A purchase the member made before: when, and its amount in minor units."""

    occurred_at: datetime
    amount_minor: int


class MemberState(msgspec.Struct, frozen=True, gc=False):
    """What is known of a member before the command: who referred them, since when they are one, their profile."""

    member_id: bytes
    referrer: Identity | None = None
    joined_at: datetime | None = None
    profile: MemberProfile = EMPTY_PROFILE


def no_stock(key: StockKey) -> StockLeft:
    """What a snapshot without shared stocks answers. Raises KeyError: a stock that was asked for must have been loaded."""
    raise KeyError(key)


def nothing_to_spend(asset_id: int) -> int:
    """What a snapshot answers where no promo asks a price."""
    return 0


def nothing_drawn(key: DrawKey) -> DrawHead | None:
    """What a snapshot answers where nothing was drawn yet."""
    return None


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """Everything a decision depends on. `member` is None for an identity that nobody has yet; `member_id` is who it
    is or would become.

    `counted` answers what a counter of this member stands at, 0 when it was never written; `stock` what is at hand of
    a shared stock. `balances` are available units by asset code, `history` past purchases, newest first, `client` the
    client's code, `seed` 16 secret bytes of this command. What the programme's looks do not ask for may be left empty.
    For draws: `ticket` is the command's, `tag` secret bytes of the member, `spendable` units by asset_id that entries may
    cost, `drawn` where the bucket's entries of a round end (None: there are none). `cleared`: somebody has looked at the
    command, so it is no more asked whether it is too much too fast. `replayed` are the receipts that the command was given
    when it was decided, by promo_id, while it is decided again without the secrets; None when it is decided in earnest.
    """

    programme: CompiledProgramme
    member: MemberState | None
    member_id: bytes
    identity: Identity
    now: datetime
    counted: Callable[[CounterKey], int]
    stock: Callable[[StockKey], StockLeft] = no_stock
    client: str | None = None
    balances: Callable[[], Mapping[str, int]] = dict
    history: Callable[[], tuple[PastPurchase, ...]] = tuple
    seed: bytes = b""
    ticket: bytes = b""
    tag: bytes = b""
    spendable: Callable[[int], int] = nothing_to_spend
    drawn: Callable[[DrawKey], DrawHead | None] = nothing_drawn
    cleared: bool = False
    replayed: Mapping[int, Mapping[str, Any]] | None = None


class Drawn(msgspec.Struct, frozen=True, gc=False):
    """An entry of a round that this command made: where the bucket's chain ends with it, and its tickets."""

    key: DrawKey
    head: DrawHead
    units: int


class Spent(NamedTuple):
    """What an entry costs, or a missed day, and which promo asked it; `details` tell what it was for, if not for an entry."""

    asset_id: int
    amount: int
    promo_version_id: int
    promo: str
    details: dict[str, Any] | None = None


class FollowUp(NamedTuple):
    """A fact to be judged in another member's lane: the referrer's side of a referral or purchase."""

    identity: Identity
    facts: tuple[Fact, ...]


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """What a command is worth: values only, nothing done yet.

    `enrol`: the identity becomes a member first. `referrer`: the link to store. `counters`: their values after.
    `taken`: what was used of shared stocks. `occurred_at` of the first fact is carried for the lines. `claimed`: facts
    that are decided where the programme's links are. `spent`: what entries cost; `drawn`: the entries that were made.
    `held`: it waits for somebody to look at it.
    """

    awards: tuple[Award, ...]
    declines: tuple[Declined, ...]
    enrol: bool
    referrer: Identity | None
    counters: dict[CounterKey, int]
    follow_ups: tuple[FollowUp, ...]
    occurred_at: datetime
    taken: dict[StockKey, int]
    claimed: tuple[Fact, ...] = ()
    spent: tuple[Spent, ...] = ()
    drawn: tuple[Drawn, ...] = ()
    held: bool = False
