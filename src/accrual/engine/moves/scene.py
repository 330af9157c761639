"""What a movement is decided from and what comes of it, before anything of it is kept. Values and their holder only."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import msgspec

from accrual.domain.commands import LoggedCommand
from accrual.domain.movements import Movement
from accrual.domain.outcomes import Booked, Declined, Outcome
from accrual.domain.referrals import Join
from accrual.domain.tiers import Level
from accrual.domain.transfers import Kind
from accrual.domain.undoing import HoldRow, Part, TargetRow
from accrual.engine.earlier import Known as Known
from accrual.engine.purse import Purse
from accrual.engine.reward_desk import RewardDesk
from accrual.engine.state import MemberCell
from accrual.rules.compiled import CompiledProgramme
from accrual.rules.levels import Moved
from accrual.rules.limits import Key
from accrual.rules.snapshot import PROGRAMME_ITSELF, CounterKey

if TYPE_CHECKING:  # prizes come back above this module
    from accrual.engine.moves.prizes_back import ReturnedPrize

NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
NO_LEVEL = Level(code="-")
"""The level of members of a programme without levels: a unit for a whole of money, from the first one on."""


class Scene(msgspec.Struct, gc=False):
    """One movement under way. `refuse` is for what can happen; it changes nothing by itself.

    `follow_ups` are for other members' lanes, `undone` the new totals of parts of the target, `hold` and `released` what
    is set aside anew and what no longer is, `merged_into` whom the member becomes, `waits_for` a ticket that must come first.
    `first_recorded_at` is when the command was first recorded, which is earlier than `now` on a second try. `uses_back`
    is the use of counters and stocks that is given back, `days` are counters of days checked in as they stand now. `desk` is
    where rewards are redeemed. `earnings` are (asset_id, moment, units)
    that count towards levels from now on, `new_level` where the member moved to. `prizes` go back to their stocks.
    """

    command: LoggedCommand
    programme: CompiledProgramme
    member_id: bytes
    cell: MemberCell
    purse: Purse
    known: Known
    booked: list[Booked] = msgspec.field(default_factory=list)
    declines: list[Declined] = msgspec.field(default_factory=list)
    follow_ups: list[Movement | Join] = msgspec.field(default_factory=list)
    undone: dict[Part, int] = msgspec.field(default_factory=dict)
    hold: tuple[int, int, datetime | None] | None = None
    released: HoldRow | None = None
    merged_into: bytes | None = None
    unmerged: bool = False
    waits_for: bytes | None = None
    enrol: bool = False
    first_recorded_at: datetime = NO_TIME
    uses_back: dict[Key, int] = msgspec.field(default_factory=dict)
    days: dict[CounterKey, int] = msgspec.field(default_factory=dict)
    desk: RewardDesk | None = None
    earnings: list[tuple[int, datetime, int]] = msgspec.field(default_factory=list)
    new_level: Moved | None = None
    prizes: list[ReturnedPrize] = msgspec.field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The moment of the decision."""
        return self.command.recorded_at

    @property
    def zone(self) -> str:
        """The programme's zone."""
        return self.programme.settings.time_zone

    def refuse(self, reason: str, **details: Any) -> None:
        """Say why not."""
        self.declines.append(Declined(PROGRAMME_ITSELF, reason, details or None))

    def book(self, kind: Kind, asset_id: int, amount: int, details: dict[str, Any] | None = None) -> None:
        """Say what was done."""
        self.booked.append(Booked(kind, asset_id, amount, details))

    def asset_id(self, code: str) -> int | None:
        """The number of an asset; None, and a refusal, when the programme has none of this code."""
        found = self.programme.assets.get(code)
        if found is None:
            self.refuse("asset_unknown", asset=code)
        return found

    def asset_of_account(self, account: int) -> int | None:
        """Which asset one of the member's accounts is of; None when it is none of theirs."""
        for (asset_id, _), known in self.cell.accounts.items():
            if known.account_id == account:
                return asset_id
        return None

    def asset_code(self, asset_id: int) -> str:
        """The code of an asset of the programme."""
        return next((code for code, known in self.programme.assets.items() if known == asset_id), "")

    def level(self) -> Level:
        """The member's level: the one in their profile, else the lowest."""
        tiers = self.programme.settings.tiers
        if tiers is None:
            return NO_LEVEL
        tier = None if self.cell.profile is None else self.cell.profile.tier
        return next((level for level in tiers.levels if level.code == tier), tiers.levels[0])


def units_of_value(value_minor: int, minor_units: int, factor: str) -> int:
    """How many units so much money costs at a factor: rounded up, so that they are never worth less than what is given."""
    exact = Fraction(value_minor) * Fraction(factor) / 10**minor_units
    return -int(-exact.numerator // exact.denominator)


def outcome_of(row: TargetRow) -> Outcome:
    """The stored outcome of a target."""
    return row.outcome()


def command_of(row: TargetRow) -> object:
    """The stored command of a target."""
    return row.command()
