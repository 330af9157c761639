"""What a member's own lane can tell of referrals, and what it leaves to the place where a programme's links are decided."""

from __future__ import annotations

import msgspec

from accrual.domain.facts import Fact, Identity, Referral, ReferralPurchase
from accrual.domain.ids import member_of
from accrual.domain.outcomes import Declined
from accrual.rules.calendar import after
from accrual.rules.concerns import side_of
from accrual.rules.snapshot import (
    PROGRAMME_ITSELF,
    SLOT_CLAIMED,
    SLOT_FRIEND_BOUGHT,
    SLOT_REFERRED,
    CounterKey,
    Snapshot,
)

_REFERRED = (PROGRAMME_ITSELF, SLOT_REFERRED, 0)
_CLAIMED = (PROGRAMME_ITSELF, SLOT_CLAIMED, 0)
_BOUGHT = (PROGRAMME_ITSELF, SLOT_FRIEND_BOUGHT, 0)


class Referring:
    """The referrals and referred purchases of one command, in their order; counters are written to as it goes.

    `passing` are facts that count here while only the links know whom else they concern.
    """

    def __init__(self, snapshot: Snapshot, counters: dict[CounterKey, int]) -> None:
        self._snapshot = snapshot
        self._counters = counters
        self._link = None if snapshot.member is None else snapshot.member.referrer
        self._claims: list[Referral] = []
        self.new_link: Identity | None = None
        self.passing: list[Fact] = []

    def claim(self, fact: Referral) -> str | None:
        """Why this referral cannot be, as far as can be told here; None: the links shall decide."""
        if self._link is not None or self._claims or self._counted(_REFERRED):
            return "already_referred"
        if self._is_self(fact.referrer):
            return "self_referral"
        if self._is_existing(fact):
            return "existing_member"
        self._claims.append(fact)
        self._counters[_CLAIMED] = self._counted(_CLAIMED) + 1
        return None

    def accept(self, fact: Referral) -> str | None:
        """The links accepted it: the link holds from now on, unless the member got one by a merger meanwhile."""
        if self._link is not None or self._counted(_REFERRED):
            return "already_referred"
        self._counters[_REFERRED] = 1
        self._link = self.new_link = fact.referrer
        return None

    def bought(self, fact: ReferralPurchase, declines: list[Declined]) -> str | None:
        """Why a purchase is none of a referred member."""
        if self._link is None and self._is_self(fact.referrer):
            return "self_referral"
        self._counters[_BOUGHT] = self._counted(_BOUGHT) + 1
        if self._link is None and self._counted(_CLAIMED):
            self.passing.append(fact)
        elif self._link is not None and fact.referrer is not None and fact.referrer != self._link:
            mismatch = Declined(PROGRAMME_ITSELF, "referrer_mismatch")
            if mismatch not in declines:
                declines.append(mismatch)
        return None

    def pass_on(self, fact: Referral | ReferralPurchase) -> None:
        """On a referrer's side: whoever is one level up may only be known to the links."""
        wanted = self._snapshot.programme.referrer_levels.get(fact.trigger, 0)
        if self._link is None and side_of(fact) < wanted and self._counted(_CLAIMED):
            self.passing.append(fact)

    def claimed(self) -> tuple[Fact, ...]:
        """What goes to the links, in its order, each with its moment."""
        now = self._snapshot.now
        together: list[Fact] = [*self._claims, *self.passing]
        return tuple([msgspec.structs.replace(fact, occurred_at=fact.occurred_at or now) for fact in together])

    def _counted(self, key: CounterKey) -> int:
        return self._counters[key] if key in self._counters else self._snapshot.counted(key)

    def _is_self(self, referrer: Identity | None) -> bool:
        if referrer is None:
            return False
        snapshot = self._snapshot
        programme_id = snapshot.programme.catalogue.programme_id
        return (
            referrer == snapshot.identity
            or member_of(programme_id, referrer.kind, referrer.value) == snapshot.member_id
        )

    def _is_existing(self, fact: Referral) -> bool:
        """Whether the member's first fact is older than the programme's grace."""
        snapshot = self._snapshot
        settings = snapshot.programme.settings
        joined = None if snapshot.member is None else snapshot.member.joined_at
        if joined is None or settings.referral.grace is None:
            return False
        return (fact.occurred_at or snapshot.now) > after(joined, settings.referral.grace, settings.time_zone)
