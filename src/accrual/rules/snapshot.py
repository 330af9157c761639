"""What a decision may look at, and what it may say: the input and output of evaluation. Nothing else goes in or out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import msgspec

from accrual.domain.facts import Fact, Identity
from accrual.domain.outcomes import Award, Declined
from accrual.rules.compile import CompiledProgramme

PROGRAMME_ITSELF = 0
"""The promo_id and promo_version_id under which the programme's own counters and declines stand."""

SLOT_REGISTERED = 1
SLOT_CHECKED_IN = 2
SLOT_REFERRED = 3

CounterKey = tuple[int, int, int]
"""(promo_id, slot, period) of one member's counter."""


class MemberState(msgspec.Struct, frozen=True):
    """What is known of a member before the command: who referred them, if anybody did."""

    member_id: bytes
    referrer: Identity | None = None


class Snapshot(NamedTuple):
    """Everything a decision depends on. `member` is None for an identity that nobody has yet; `member_id` is who it
    is or would become.

    `counted` answers what a counter of this member stands at, 0 when it was never written.
    """

    programme: CompiledProgramme
    member: MemberState | None
    member_id: bytes
    identity: Identity
    now: datetime
    counted: Callable[[CounterKey], int]


class FollowUp(NamedTuple):
    """A fact to be judged in another member's lane: the referrer's side of a referral or purchase."""

    identity: Identity
    facts: tuple[Fact, ...]


class Judgement(NamedTuple):
    """What a command is worth: values only, nothing done yet.

    `enrol`: the identity becomes a member first. `referrer`: the link to store. `counters`: their values after.
    `occurred_at` of the first fact is carried for the lines.
    """

    awards: tuple[Award, ...]
    declines: tuple[Declined, ...]
    enrol: bool
    referrer: Identity | None
    counters: dict[CounterKey, int]
    follow_ups: tuple[FollowUp, ...]
    occurred_at: datetime
