"""One command of a batch on its way through a lane: what was decoded of it, and what is stored of its answer."""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import datetime

import msgspec

from accrual.domain.commands import LoggedCommand, Profile, Resume, Reward
from accrual.domain.facts import Fact
from accrual.domain.held import Clearance, HeldCommandRow
from accrual.domain.lots import LotUse, Origin
from accrual.domain.movements import Movement
from accrual.domain.outcomes import Status
from accrual.domain.referrals import ToLinks
from accrual.domain.transfers import Line
from accrual.domain.undoing import ParkedFacts
from accrual.engine.moves.scene import Known
from accrual.rules.compiled import NO_LOOKS, CompiledProgramme, Looks

Event = tuple[str, bytes]
"""What goes out with an outcome: its kind, and its payload as JSON."""


class Task(msgspec.Struct, gc=False):
    """One command of a batch, decoded. `reward` is None when it could not be; `error` then says why.

    `asks_for` is the retry that it is, until what it retries was loaded; `resumes` is the position of the parked command
    that this one tries again; `nothing_parked` that there is none; `kinds` of fact it carries, and what judging those
    `looks` at. `move` is what it moves without a promo and `known` what was read for that; `first_recorded_at` when it was
    first recorded, if it is tried again; `woken` are the returns that waited for it; `lottery`: its member's books are
    opened to see whether a snapshot of them is due; `links` is what it asks of the programme's links, and `shared_install`
    that its device was seen with somebody else. `clears` is a verdict that it is, about what is `held` for review. `parked`
    is the parked command that it tries again, as it was first recorded.
    """

    command: LoggedCommand
    reward: Reward | None = None
    member_id: bytes = b""
    programme: CompiledProgramme | None = None
    error: str | None = None
    asks_for: Resume | None = None
    resumes: int | None = None
    nothing_parked: bool = False
    kinds: Set[type[Fact]] = frozenset()
    looks: Looks = NO_LOOKS
    client: str | None = None
    profile: Profile | None = None
    move: Movement | None = None
    known: Known | None = None
    first_recorded_at: datetime | None = None
    woken: tuple[bytes, ...] | None = None
    lottery: bool = False
    links: ToLinks | None = None
    shared_install: bool = False
    clears: Clearance | None = None
    held: HeldCommandRow | None = None
    parked: ParkedFacts | None = None

    @property
    def ticket(self) -> bytes:
        """The ticket that others know it by: of the command that it tries again, if it is a retry."""
        return self.command.ticket if self.asks_for is None else self.asks_for.ticket


class Decided(msgspec.Struct, gc=False):
    """A command's answer before the chain: what is stored of it, and the events that go out with it.

    `expired` is how much expired with it of what was first credited where; None where nothing did, or nobody knows the lots.
    """

    command: LoggedCommand
    status: Status
    payload: bytes
    lines: list[Line]
    uses: list[LotUse]
    events: tuple[Event, ...] = ()
    expired: Mapping[Origin, int] | None = None
