"""Promos as evaluation wants them: closures, sets and instants instead of texts. Made by compile, never changed."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from accrual.domain.draws import DrawKey
from accrual.domain.facts import Fact, Trigger
from accrual.domain.programme import Catalogue, Settings
from accrual.domain.promos import LimitPer, Period, PromoStatus
from accrual.rules.benefits import Compute
from accrual.rules.conditions import CompiledCondition, ConditionSet
from accrual.rules.draw_tables import CompiledDraw
from accrual.rules.ladder import Ladder
from accrual.rules.rewards import CompiledReward
from accrual.rules.schedule import Schedule
from accrual.rules.streaks import CompiledStreak

if TYPE_CHECKING:  # these stand above: they are made of what is here
    from accrual.domain.outcomes import Declined
    from accrual.rules.listeners import Listeners, Opening, Stretch
    from accrual.rules.plainly import Given
    from accrual.rules.velocity import CompiledVelocity

LIVE = (PromoStatus.ACTIVE, PromoStatus.PAUSED)
LOOKUPS_MAX = 50_000
CONDITION_SETS_MAX = 256
"""A set of twenty conditions takes some 300 kB."""

HOLDOUT_PARTS = 1_000_000

Subject = tuple[str, str]
"""What besides the outlet chooses candidates: ("product", code), ("category", code) or ("event", name)."""


class CompiledBenefit(msgspec.Struct, frozen=True, kw_only=True):
    """One benefit, ready to compute; `cap` is its own maximum in units, `number` its place in the promo.

    `by_amount`: it looks at nothing but how many facts there are and what they come to. `lasts`: its award has a time
    of its own to begin or to end. `by_level`: what it computes is multiplied by what the member's level earns. `draw` is
    what it draws from, or the raffle that it gives tickets of.
    """

    number: int
    kind: str
    asset_id: int
    cap: int | None
    per_fact: bool
    compute: Compute
    expires: str | None
    active_after: str | None
    by_amount: bool
    lasts: bool
    by_level: bool = False
    level: int = 1
    draw: CompiledDraw | None = None


class CompiledLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A cap in a period, or a budget. `slot` names its counter and stays the same over versions of the promo.

    `asset_id` None counts units of every asset. `reason` is the code of the decline.
    """

    per: LimitPer
    slot: int
    cap: int
    by_amount: bool
    every: Period
    reduces: bool
    asset_id: int | None
    reason: str


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Outlets, products, categories and clients; an empty set names nothing."""

    outlets: frozenset[str]
    products: frozenset[str]
    categories: frozenset[str]
    clients: frozenset[str]


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """Lists and segments of which one must hold, and the parts of HOLDOUT_PARTS that are held out."""

    lists: frozenset[str]
    segments: frozenset[str]
    held_out: int


Gift = tuple[int, CompiledBenefit]
"""What a promo version comes to that only gives: its promo_version_id and the benefit."""


class CompiledVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One promo version. `window_until` is exclusive; None bounds nothing. `lane` is the number of its stacking lane.

    `by_item`: only some lines of a purchase count. `gift` is there when all it does is to give a member one benefit by
    amount, without a limit, and to leave room for others. `place` is where it stands in the total order: lane, priority,
    code, version (SEMANTICS row 7).
    """

    promo_version_id: int
    promo_id: int
    code: str
    trigger: Trigger
    event: str | None
    version: int
    status: PromoStatus
    effective_from: datetime | None
    window_from: datetime | None
    window_until: datetime | None
    zone: ZoneInfo
    schedule: Schedule | None
    where: Places
    exclude: Places
    narrowed: bool
    by_item: bool
    audience: Audience | None
    promo_codes: frozenset[str]
    condition: CompiledCondition | None
    for_member: tuple[CompiledBenefit, ...]
    for_referrer: tuple[CompiledBenefit, ...]
    ceilings: tuple[tuple[int, int], ...]
    limits: tuple[CompiledLimit, ...]
    lane: int
    priority: int
    exclusive: bool
    gift: Gift | None
    place: tuple[int, int, str, int]
    streak: CompiledStreak | None = None


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """All versions of one promo, oldest first."""

    promo_id: int
    versions: tuple[CompiledVersion, ...]

    def at(self, moment: datetime) -> CompiledVersion | None:
        """The version that holds for a fact of this moment: the newest whose `effective_from` is not after it."""
        for version in reversed(self.versions):
            if version.effective_from is None or version.effective_from <= moment:
                return version
        return None


class Looks(msgspec.Struct, frozen=True, kw_only=True):
    """What judging a client's facts of some kinds may look at beyond the facts: what has to be loaded for them.

    `accounts` are (asset_id, role) that may be credited or whose balance is asked for. `first`: where nothing was bought
    in the last `history_days`, whether there was a purchase at all. `codes`: whether voucher codes may be made. `costs` are
    assets that entries of draws may cost, `rounds` the rounds of draws that may be entered. `plain`: the accounts' balances,
    whether there is a member and since when is all that is looked at; `timeless`: not even since when.
    """

    accounts: tuple[tuple[int, int], ...]
    limits: bool
    profile: bool
    balance: bool
    history_days: int
    first: bool
    codes: bool
    costs: tuple[int, ...] = ()
    rounds: tuple[DrawKey, ...] = ()
    plain: bool = False
    timeless: bool = False


NO_LOOKS = Looks(accounts=(), limits=False, profile=False, balance=False, history_days=0, first=False, codes=False)


class CompiledProgramme(msgspec.Struct, frozen=True, kw_only=True):
    """A catalogue revision, ready to judge. `referrer_triggers` have promos that give to referrers, as far up
    as `referrer_levels`; `ladder` are its levels, `streaks` its promos with a streak by
    promo_id. `small_units` is the largest award that needs no look at the programme's bounds (room.py).

    `looks`, and from `routes` on, is memory of what was found before, each with a bound (looks.py, listeners.py, plainly.py).
    """

    catalogue: Catalogue
    revision: int
    settings: Settings
    zone: ZoneInfo
    assets: dict[str, int]
    index: dict[tuple[Trigger, str | None, Subject | None], tuple[Timeline, ...]]
    listening: dict[Trigger, tuple[CompiledVersion, ...]]
    looks: dict[tuple[frozenset[type[Fact]], str | None], Looks]
    looks_of_types: dict[tuple[tuple[type[Fact], ...], str | None], tuple[frozenset[type[Fact]], Looks]]
    referrer_triggers: frozenset[Trigger]
    referrer_levels: dict[Trigger, int]
    routes: dict[tuple[Hashable, ...], Listeners]
    listeners: dict[tuple[Hashable, ...], Listeners]
    stretches: dict[tuple[Hashable, ...], Stretch]
    openings: dict[tuple[Hashable, ...], dict[tuple[str | None, ...], Opening]]
    told: dict[tuple[Opening, Hashable], tuple[Declined | None, ...]]
    given: dict[tuple[Opening, int], Given | None]
    condition_sets: dict[tuple[int, ...], ConditionSet]
    rewards: dict[str, CompiledReward] = {}
    ladder: Ladder | None = None
    streaks: dict[int, Timeline] = {}
    velocity: tuple[CompiledVelocity, ...] = ()
    small_units: int = 0

    def candidates(self, trigger: Trigger, outlet: str | None, subjects: tuple[Subject, ...]) -> tuple[Timeline, ...]:
        """Promos that may listen to such a fact, by promo_id; the cost grows with these, not with all that exist."""
        outlets = (None,) if outlet is None else (None, outlet)
        keys = [(trigger, at, subject) for at in outlets for subject in (None, *subjects)]
        distinct = {timeline.promo_id: timeline for key in keys for timeline in self.index.get(key, ())}
        return tuple([distinct[promo_id] for promo_id in sorted(distinct)])

    def conditions(self, versions: tuple[CompiledVersion, ...], ids: tuple[int, ...]) -> ConditionSet:
        """The conditions of these versions, whose promo_version_ids are `ids`, as one; made when they first meet."""
        found = self.condition_sets.get(ids)
        if found is None:
            if len(self.condition_sets) >= CONDITION_SETS_MAX:
                self.condition_sets.clear()
            compiled = tuple(version.condition for version in versions if version.condition is not None)
            found = self.condition_sets[ids] = ConditionSet(compiled)
        return found
