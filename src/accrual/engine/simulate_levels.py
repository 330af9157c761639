"""What members earned and which level that makes, in memory, as a lane keeps it: for backtests. Nothing is posted."""

from __future__ import annotations

from datetime import datetime

from accrual.domain.commands import LoggedCommand
from accrual.domain.ids import member_of
from accrual.domain.members import EMPTY_PROFILE, MemberProfile
from accrual.domain.movements import Movement, Reverse, Review
from accrual.domain.outcomes import Outcome
from accrual.domain.transfers import Kind
from accrual.engine.earned import EarnedDays
from accrual.engine.keeping_levels import earned_units
from accrual.rules.ladder import Ladder
from accrual.rules.levels import Moved, reviewed, risen
from accrual.rules.snapshot import Judgement


class SimulatedLevels:
    """Earnings by member, and by ticket where a return may name it. `kept` counts what there is of both.

    Only what is earned while a programme has levels is kept. Where there is but one level, nothing moves by it: it is
    noted, and put to members and days when somebody asks.
    """

    def __init__(self) -> None:
        self.kept = 0
        self._earned: dict[bytes, EarnedDays] = {}
        self._by_ticket: dict[bytes, tuple[datetime, int]] = {}
        self._noted: list[tuple[bytes, bytes, Ladder, datetime, int]] = []

    def note(self, ticket: bytes, member_id: bytes, ladder: Ladder, judgement: Judgement) -> bool:
        """Adds what these awards come to; whether a member's level may move by it."""
        units = earned_units(ladder, judgement)
        if not units:
            return False
        self.kept += 2
        self._noted.append((ticket, member_id, ladder, judgement.occurred_at, units))
        return ladder.climbs

    def judged(self, member_id: bytes, profile: MemberProfile, ladder: Ladder, now: datetime) -> Moved | None:
        """Where the member moves by what was noted so far."""
        return risen(ladder, profile, self.earned(member_id, ladder, now), now)

    def earned(self, member_id: bytes, ladder: Ladder, moment: datetime) -> int:
        """What the window holds that ends with a moment."""
        return self._of(member_id, ladder).within(ladder, moment)

    def moved(
        self,
        command: LoggedCommand,
        asked: Movement,
        ladder: Ladder,
        profile: MemberProfile | None,
        stored: Outcome | None,
    ) -> Moved | None:
        """What a movement does to what is earned, and to the level. A return by line takes what was really taken."""
        identity = asked.identity
        earned = self._of(member_of(command.programme_id, identity.kind, identity.value), ladder)
        if isinstance(asked, Reverse) and asked.target in self._by_ticket:
            moment, left = self._by_ticket[asked.target]
            units = min(left, _returned(stored, ladder)) if asked.parts else left
            self._by_ticket[asked.target] = (moment, left - units)
            earned.put([(ladder.day_of(moment), -units)])
        elif isinstance(asked, Review):
            now = command.recorded_at
            known = profile or EMPTY_PROFILE
            return reviewed(ladder, known, lambda moment: earned.within(ladder, moment), asked.until, now)
        return None

    def _of(self, member_id: bytes, ladder: Ladder) -> EarnedDays:
        """The member's, with all that was noted so far."""
        for ticket, earner, counted, moment, units in self._noted:
            self._known(earner, counted).put([(counted.day_of(moment), units)])
            self._by_ticket[ticket] = (moment, units)
        self._noted.clear()
        return self._known(member_id, ladder)

    def _known(self, member_id: bytes, ladder: Ladder) -> EarnedDays:
        known = self._earned.get(member_id)
        if known is None or not known.serves(ladder, known.since):
            known = self._earned[member_id] = EarnedDays(ladder.asset_id, ladder.zone.key, 0)
        return known


def _returned(stored: Outcome | None, ladder: Ladder) -> int:
    booked = () if stored is None else stored.booked
    return sum(
        [
            (each.details or {}).get("units", 0)
            for each in booked
            if each.kind == Kind.REVERSE and each.asset_id == ladder.asset_id
        ]
    )
