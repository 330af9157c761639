"""What a promo version gives for the facts it holds for: benefits, caps, limits, shares of lines. Order is settled before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from accrual.domain.amounts import Ratio
from accrual.domain.commands import Reward
from accrual.domain.facts import Event, Fact
from accrual.domain.outcomes import Award, Declined
from accrual.domain.stocks import StockKey
from accrual.domain.tiers import Level
from accrual.rules.benefits.measure import ONE, Computed, Measure
from accrual.rules.calendar import after, expiry
from accrual.rules.codes import code_of
from accrual.rules.compiled import CompiledBenefit, CompiledVersion, Gift
from accrual.rules.concerns import item_counts
from accrual.rules.draw_tables import CompiledDraw
from accrual.rules.draws import draw_entry, enter_raffle, is_over
from accrual.rules.give_streak import NOTHING_COUNTED, StreakGiven, count_days
from accrual.rules.limits import Allowance, allow
from accrual.rules.line_shares import share_lines
from accrual.rules.room import put_back, refuse
from accrual.rules.snapshot import CounterKey, Drawn, Snapshot, Spent

BASE_LANE = 0
NOTHING = Measure(0, 0)


class Giving:
    """One outcome in the making: what was given, taken and declined so far. Later promos see what earlier ones gave."""

    __slots__ = (
        "_given_all",
        "_given_base",
        "_measured",
        "_measured_for",
        "_small",
        "awarded",
        "awards",
        "ceilings",
        "command",
        "counters",
        "declines",
        "drawn",
        "has_lines",
        "snapshot",
        "spent",
        "streaks",
        "taken",
    )

    def __init__(
        self, command: Reward, snapshot: Snapshot, counters: dict[CounterKey, int], declines: list[Declined]
    ) -> None:
        self.command = command
        self.snapshot = snapshot
        self.counters = counters
        self.declines = declines
        self.awards: list[Award] = []
        self.awarded = 0
        self._small = snapshot.programme.small_units
        self.taken: dict[StockKey, int] = {}
        self.spent: list[Spent] = []
        self.drawn: list[Drawn] = []
        self.streaks: dict[int, StreakGiven] = {}
        self.ceilings: dict[int, tuple[int, CompiledVersion]] = {}
        self._given_base: dict[int, int] = {}
        self._given_all: dict[int, int] = {}
        self.has_lines = False
        for fact in command.facts:
            if fact.items:
                self.has_lines = True
        self._measured = NOTHING
        self._measured_for: Sequence[Fact] = ()

    def cap(self, version: CompiledVersion) -> None:
        """A promo of the cap lane holds: the lowest ceiling of an asset counts."""
        for asset_id, ceiling in version.ceilings:
            known = self.ceilings.get(asset_id)
            if known is None or ceiling < known[0]:
                self.ceilings[asset_id] = (ceiling, version)

    def give(self, version: CompiledVersion, benefits: tuple[CompiledBenefit, ...], facts: Sequence[Fact]) -> bool:
        """Whether anything was given. Raises StockShort."""
        allowance: Allowance | None = None
        if version.streak is not None:
            facts = count_days(self, version, version.streak, facts)
            if not facts:
                return False
        if version.limits:
            allowance = allow(version, self.command, facts[0], self.snapshot, self.counters, self.taken)
            if allowance.declined is not None:
                self.declines.append(allowance.declined)
                return False
        gave, entries = False, len(self.drawn)
        for benefit in benefits:
            if benefit.draw is not None:
                gave = self._draw(version, benefit, benefit.draw, facts) or gave
            else:
                gave = self._give_one(version, benefit, facts, allowance) or gave
        if (gave or len(self.drawn) > entries) and allowance is not None:
            for key, amount, used in allowance.used():
                if isinstance(key, StockKey):
                    self.taken[key] = self.taken.get(key, 0) + amount
                else:
                    self.counters[key] = used
        return gave

    def give_simply(self, version: CompiledVersion, benefit: CompiledBenefit, facts: Sequence[Fact]) -> bool:
        """What `give` does for a version that is but a gift, where there are neither lines nor ceilings. Raises StockShort."""
        if facts is not self._measured_for:
            self._measured = self._measure(version, benefit, facts)
            self._measured_for = facts
        computed = benefit.compute(self._measured)
        amount, asset_id = computed.amount, benefit.asset_id
        if amount <= 0:
            self._decline(version, "amount_too_small", {"basis": computed.basis})
            return False
        if amount > self._small and self._refused(version.promo_version_id, amount, computed.basis):
            return False
        self._given_all[asset_id] = self._given_all.get(asset_id, 0) + amount
        if version.lane == BASE_LANE:
            self._given_base[asset_id] = self._given_base.get(asset_id, 0) + amount
        self.awards.append(Award(version.promo_version_id, asset_id, amount, benefit.kind, computed.basis))
        return True

    def give_each_simply(self, gifts: Iterable[tuple[Gift, Sequence[Fact]]]) -> None:
        """What `give_simply` does, for all that there is: then nobody asks what was given so far. Raises StockShort."""
        measured, measured_for = NOTHING, None
        small = self._small
        for (number, benefit), facts in gifts:
            if facts is not measured_for:
                measured_for = facts
                measured = Measure(len(facts), sum([fact.amount_minor or 0 for fact in facts]))
            computed = benefit.compute(measured)
            amount = computed.amount
            if amount <= 0:
                self.declines.append(Declined(number, "amount_too_small", {"basis": computed.basis}))
                continue
            if amount > small and self._refused(number, amount, computed.basis):
                continue
            self.awards.append(Award(number, benefit.asset_id, amount, benefit.kind, computed.basis))

    def _give_one(
        self, version: CompiledVersion, benefit: CompiledBenefit, facts: Sequence[Fact], allowance: Allowance | None
    ) -> bool:
        computed = self._compute(version, benefit, facts)
        amount, details, asset_id = computed.amount, None, benefit.asset_id
        streak = self.streaks.get(version.promo_version_id) if benefit.kind == "streak" else None
        if amount <= 0 and streak is not None:
            self._decline(version, "day_without_prize", streak.told[-1])
            return False
        if amount <= 0:
            self._decline(version, "amount_too_small", {"basis": computed.basis})
            return False
        if asset_id in self.ceilings:
            amount, details = self._under_ceiling(asset_id, amount)
            if amount <= 0:
                self._decline(version, "capped", details)
                return False
        if allowance is not None:
            amount, reduced, declined = allowance.take(asset_id, amount)
            if declined is not None:
                self.declines.append(declined)
                return False
            details = reduced or details
        if benefit.by_level:
            levels = [[level.code, level.earn] for level in self._levels(benefit, facts)]
            details = {**(details or {}), "levels": levels} if levels else details
        if streak is not None:
            details = {**(details or {}), "days": list(streak.told)}
        if computed.codes:
            details = {**(details or {}), "codes": list(computed.codes[:amount])}
        if amount > self._small and self._refused(version.promo_version_id, amount, computed.basis):
            if allowance is not None:
                allowance.put_back(asset_id, amount)
            return False
        self._given_all[asset_id] = self._given_all.get(asset_id, 0) + amount
        if version.lane == BASE_LANE:
            self._given_base[asset_id] = self._given_base.get(asset_id, 0) + amount
        if benefit.lasts or details is not None or self.has_lines:
            award = self._award(version, benefit, amount, computed.basis, facts, details)
        else:
            award = Award(version.promo_version_id, asset_id, amount, benefit.kind, computed.basis)
        self.awards.append(award)
        return True

    def _draw(
        self, version: CompiledVersion, benefit: CompiledBenefit, draw: CompiledDraw, facts: Sequence[Fact]
    ) -> bool:
        """An entry: its price, then its prize or its place in the raffle. Whether anything was given; an entry that
        drew nothing counts as an entry all the same. Prizes are neither multiplied nor cut by ceilings.
        """
        if draw.closes_at is not None and is_over(draw, facts[0], self.snapshot.now):
            self._decline(version, "raffle_closed", None)
            return False
        cost = draw.cost
        if cost is not None:
            spent = sum([each.amount for each in self.spent if each.asset_id == cost.asset_id])
            available = self.snapshot.spendable(cost.asset_id) - spent
            if available < cost.amount:
                details = {"asset": cost.asset, "cost": cost.amount, "available": available}
                self._decline(version, "entry_cost_missing", details)
                return False
        if draw.largest > self._small and self._refused(version.promo_version_id, draw.largest, len(facts)):
            return False
        if cost is not None:
            self.spent.append(Spent(cost.asset_id, cost.amount, version.promo_version_id, version.code))
        drawn = {each.key: each for each in self.drawn} if self.drawn else {}
        if draw.closes_at is not None:
            receipt, made = enter_raffle(draw, facts[0], self.snapshot, drawn)
            self.drawn.append(made)
            self._give_drawn(version, benefit, benefit.asset_id, draw.units, facts, receipt)
            return True
        result = draw_entry(draw, facts[0], self.snapshot, self.counters, self.taken, drawn)
        self.drawn.append(result.drawn)
        if result.counters:
            self.counters.update(result.counters)
        if result.stock is not None:
            self.taken[result.stock] = self.taken.get(result.stock, 0) + 1
        if draw.largest > self._small:
            won = 0 if result.prize.asset_id is None else result.prize.amount
            put_back(version.promo_version_id, draw.largest - won, self)
        if result.prize.asset_id is None:
            self._decline(version, "drew_nothing", {"draw": result.receipt})
            return False
        self._give_drawn(version, benefit, result.prize.asset_id, result.prize.amount, facts, result.receipt)
        return True

    def _give_drawn(
        self,
        version: CompiledVersion,
        benefit: CompiledBenefit,
        asset_id: int,
        amount: int,
        facts: Sequence[Fact],
        receipt: dict[str, Any],
    ) -> None:
        if benefit.lasts or self.has_lines:
            award = self._award(version, benefit, amount, len(facts), facts, {"draw": receipt})
            award = msgspec.structs.replace(award, asset_id=asset_id)
        else:
            kind, details = benefit.kind, {"draw": receipt}
            award = Award(version.promo_version_id, asset_id, amount, kind, len(facts), details=details)
        self.awards.append(award)

    def _refused(self, number: int, amount: int, basis: int) -> bool:
        """Whether an award is beyond the programme's bounds; then it is declined. Raises StockShort."""
        refused = refuse(number, amount, basis, self)
        if refused is not None:
            self.declines.append(refused)
        return refused is not None

    def _decline(self, version: CompiledVersion, reason: str, details: dict[str, Any] | None) -> None:
        self.declines.append(Declined(version.promo_version_id, reason, details))

    def _under_ceiling(self, asset_id: int, amount: int) -> tuple[int, dict[str, Any] | None]:
        ceiling, version = self.ceilings[asset_id]
        left = ceiling - self._given_all.get(asset_id, 0)
        if amount <= left:
            return amount, None
        return left, {"ceiling": ceiling, "by": version.code, "wanted": amount}

    def _compute(self, version: CompiledVersion, benefit: CompiledBenefit, facts: Sequence[Fact]) -> Computed:
        """Amounts summed over the facts and then rounded once, or fact by fact where the benefit says so."""
        if benefit.by_level:
            return self._compute_by_level(version, benefit, facts)
        if benefit.kind == "streak":
            given = self.streaks.get(version.promo_version_id, NOTHING_COUNTED)
            return Computed(capped(given.units, benefit.cap), given.number)
        if not benefit.per_fact:
            if benefit.by_amount and not version.by_item:
                if facts is not self._measured_for:  # nearly all promos of a command hold for the same facts
                    self._measured = self._measure(version, benefit, facts)
                    self._measured_for = facts
                computed = benefit.compute(self._measured)
            else:
                computed = benefit.compute(self._measure(version, benefit, facts))
            if benefit.cap is None or computed.amount <= benefit.cap:
                return computed
            return Computed(benefit.cap, computed.basis, computed.codes)
        parts = [benefit.compute(self._measure(version, benefit, [fact])) for fact in facts]
        codes = tuple(code for part in parts for code in part.codes)
        return Computed(sum(capped(p.amount, benefit.cap) for p in parts), sum(p.basis for p in parts), codes)

    def _compute_by_level(self, version: CompiledVersion, benefit: CompiledBenefit, facts: Sequence[Fact]) -> Computed:
        """As the level says that was in force when the first fact happened, or with `per_fact` each of them."""
        groups: list[Sequence[Fact]] = [[fact] for fact in facts] if benefit.per_fact else [facts]
        amount = basis = 0
        for group in groups:
            measured = self._measure(version, benefit, group)
            computed = benefit.compute(msgspec.structs.replace(measured, earn=self._earn(group[0])))
            amount += capped(computed.amount, benefit.cap)
            basis += computed.basis
        return Computed(amount, basis)

    def _place(self, fact: Fact) -> int:
        """Of the level that was in force when a fact happened."""
        snapshot = self.snapshot
        ladder = snapshot.programme.ladder
        if ladder is None or snapshot.member is None:
            return 0
        return ladder.place_at(snapshot.member.profile, fact.occurred_at or snapshot.now)

    def _earn(self, fact: Fact) -> Ratio:
        ladder = self.snapshot.programme.ladder
        return ONE if ladder is None else ladder.earns[self._place(fact)]

    def _levels(self, benefit: CompiledBenefit, facts: Sequence[Fact]) -> list[Level]:
        """The levels by which a benefit was computed, each once, in order of the facts."""
        ladder = self.snapshot.programme.ladder
        if ladder is None:
            return []
        counted = facts if benefit.per_fact else facts[:1]
        return [ladder.levels[place] for place in dict.fromkeys([self._place(fact) for fact in counted])]

    def _measure(self, version: CompiledVersion, benefit: CompiledBenefit, facts: Sequence[Fact]) -> Measure:
        if version.by_item:
            amount_minor = sum([amount_that_counts(version, fact) for fact in facts])
        else:
            amount_minor = sum([fact.amount_minor or 0 for fact in facts])
        kind = benefit.kind
        if kind == "multiplier":
            base, given = self._given_base.get(benefit.asset_id, 0), self._given_all.get(benefit.asset_id, 0)
            return Measure(len(facts), amount_minor, base, given)
        if kind == "issuing":
            return Measure(len(facts), amount_minor, rules=rules_of(facts))
        if kind == "voucher":
            # By what it is, not by what it equals: two equal payments draw two codes.
            first = next(number for number, fact in enumerate(self.command.facts) if fact is facts[0])

            def draw(number: int, length: int) -> str:
                place = b"%d/%d/%d/%d" % (version.promo_version_id, benefit.number, first, number)
                return code_of(self.snapshot.seed, place, length)

            return Measure(len(facts), amount_minor, draw=draw)
        return Measure(len(facts), amount_minor)

    def _award(
        self,
        version: CompiledVersion,
        benefit: CompiledBenefit,
        amount: int,
        basis: int,
        facts: Sequence[Fact],
        details: dict[str, Any] | None,
    ) -> Award:
        snapshot = self.snapshot
        active_at = expires_at = None
        if benefit.active_after is not None or benefit.expires is not None:
            zone = snapshot.programme.settings.time_zone
            active_at = start = facts[0].occurred_at or snapshot.now
            if benefit.active_after is not None:
                active_at = start = after(start, benefit.active_after, zone)
            if benefit.expires is not None:
                expires_at = expiry(start, benefit.expires, zone)
            if active_at <= snapshot.now:
                active_at = None
        shares = None
        for fact in facts:
            if fact.items:
                shares = share_lines(version, self.command, facts, amount)
                break
        return Award(
            version.promo_version_id,
            benefit.asset_id,
            amount,
            benefit.kind,
            basis,
            active_at,
            expires_at,
            details,
            shares,
        )


def capped(amount: int, cap: int | None) -> int:
    """The amount, or the benefit's own maximum where it has one and the amount is above it."""
    return amount if cap is None else min(amount, cap)


def amount_that_counts(version: CompiledVersion, fact: Fact) -> int:
    """Minor units of the lines that count for a promo of some products; of the whole fact where it has no lines."""
    if not fact.items:
        return fact.amount_minor or 0
    return sum([item.amount_minor or 0 for item in fact.items if item_counts(version, item.product, item.category)])


def rules_of(facts: Sequence[Fact]) -> tuple[str, ...]:
    """The rules that events ask for by their attribute `rule`."""
    named = [fact.attributes.get("rule") for fact in facts if isinstance(fact, Event)]
    return tuple(str(name) for name in named if name is not None)
