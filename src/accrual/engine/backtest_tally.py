"""Adds up what a backtest gave beside what really was given: by day, promo and member. Judges nothing, draws nothing."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from accrual.domain.amounts import INT64_MAX
from accrual.domain.facts import Identity
from accrual.domain.outcomes import Outcome, Status
from accrual.engine.backtest_report import AssetReport, Band, Cell, DeclineCount, SideReport, Winner

WINNERS_MAX = 10
NAMES_KEPT_MAX = 1_000
QUARTERS_KEPT_MAX = 200_000
QUARTER_HOUR_S = 900
"""No zone's offset is finer, so all moments of a quarter are of one day."""


Names = dict[int, tuple[bytes, Identity]]


class Members:
    """Everybody who got something, by number."""

    def __init__(self) -> None:
        self.numbers: dict[bytes, int] = {}

    def number(self, member_id: bytes) -> int:
        """The member's number, given when first met."""
        number = self.numbers.get(member_id)
        if number is None:
            number = self.numbers[member_id] = len(self.numbers)
        return number


class Side:
    """One of the two that are compared. `promo_of` names the promo of a version id, `asset_of` the asset of an id."""

    def __init__(
        self, members: Members, zone: ZoneInfo, promo_of: Callable[[int], str], asset_of: Callable[[int], str]
    ) -> None:
        self._members = members
        self._numbers = members.numbers
        self._zone = zone
        self._promo_of = promo_of
        self._asset_of = asset_of
        self._days: dict[int, str] = {}
        self._cells: dict[tuple[str, int, int], list[int]] = {}
        self._declines: Counter[tuple[int, str]] = Counter()
        self._sums: dict[int, array[int]] = {}
        self._least: dict[int, int] = {}
        self._names: dict[int, Names] = {}
        self.commands = self.parked = self.awards = 0

    def add(self, outcome: Outcome, member_id: bytes, identity: Identity, occurred_at: datetime) -> None:
        """One more command's outcome."""
        self.commands += 1
        if outcome.status is Status.PARKED:
            self.parked += 1
        if outcome.declines:
            for declined in outcome.declines:
                self._declines[declined.promo_version_id, declined.reason] += 1
        if not outcome.awards:
            return
        number = self._numbers.get(member_id)
        if number is None:
            number = self._members.number(member_id)
        quarter = int(occurred_at.timestamp()) // QUARTER_HOUR_S
        day = self._days.get(quarter) or self._day(quarter, occurred_at)
        cells = self._cells
        for award in outcome.awards:
            self.awards += 1
            key = (day, award.promo_version_id, award.asset_id)
            cell = cells.get(key)
            if cell is None:
                cell = cells[key] = [0, 0]
            amount, asset_id = award.amount, award.asset_id
            cell[0] += amount
            cell[1] += 1
            sums = self._sums.get(asset_id)
            if sums is None or number >= len(sums):
                sums = self._room_for(number, asset_id)
            total = sums[number] + amount
            if total > INT64_MAX:
                total = INT64_MAX
            sums[number] = total
            # Sums only grow: who is among the first ten in the end is at or above the tenth at the latest award.
            if total >= self._least.get(asset_id, 0):
                self._note_name(number, member_id, identity, asset_id, sums)

    def _day(self, quarter: int, moment: datetime) -> str:
        if len(self._days) > QUARTERS_KEPT_MAX:
            self._days.clear()
        day = self._days[quarter] = moment.astimezone(self._zone).date().isoformat()
        return day

    def _room_for(self, number: int, asset_id: int) -> array[int]:
        sums = self._sums.setdefault(asset_id, array("q"))
        sums.extend([0] * (number + 1 + len(sums) // 8 - len(sums)))
        return sums

    def _note_name(self, number: int, member_id: bytes, identity: Identity, asset_id: int, sums: array[int]) -> None:
        names = self._names.setdefault(asset_id, {})
        names[number] = (member_id, identity)
        if len(names) > NAMES_KEPT_MAX:
            self._keep_best(asset_id, names, sums)

    def _keep_best(self, asset_id: int, names: Names, sums: array[int]) -> None:
        best = sorted(names, key=lambda number: (-sums[number], number))[:WINNERS_MAX]
        self._names[asset_id] = {number: names[number] for number in best}
        self._least[asset_id] = sums[best[-1]]

    def include(self, other: Side) -> None:
        """Add everything that the other has counted; both number members alike."""
        self.commands += other.commands
        self.parked += other.parked
        self.awards += other.awards
        self._declines += other._declines
        for key, (units, awards) in other._cells.items():
            cell = self._cells.setdefault(key, [0, 0])
            cell[0] += units
            cell[1] += awards
        for asset_id, theirs in other._sums.items():
            mine = self._sums.setdefault(asset_id, array("q"))
            mine.extend([0] * (len(theirs) - len(mine)))
            for number, total in enumerate(theirs):
                mine[number] = min(mine[number] + total, INT64_MAX)
            names = self._names.setdefault(asset_id, {})
            names |= other._names.get(asset_id, {})

    def report(self, values: Mapping[str, Decimal]) -> SideReport:
        """The sums. `values` are what a unit of an asset costs, by asset code."""
        return SideReport(
            commands=self.commands,
            parked=self.parked,
            awards=self.awards,
            members_touched=self._touched(),
            assets=tuple(self._asset(asset_id, values) for asset_id in sorted(self._sums)),
            cells=tuple(self._cells_in_order()),
            declines=tuple(
                DeclineCount(promo=self._promo_of(version) if version else None, reason=reason, count=count)
                for (version, reason), count in self._declines_in_order()
            ),
        )

    def _touched(self) -> int:
        several = list(self._sums.values())
        if len(several) == 1:
            return sum(1 for total in several[0] if total)
        return sum(
            1
            for number in range(max((len(sums) for sums in several), default=0))
            if any(number < len(sums) and sums[number] for sums in several)
        )

    def _asset(self, asset_id: int, values: Mapping[str, Decimal]) -> AssetReport:
        sums, code = self._sums[asset_id], self._asset_of(asset_id)
        names = self._names.get(asset_id, {})
        best = sorted(names, key=lambda number: (-sums[number], number))[:WINNERS_MAX]
        units = sum(sums)
        worth = values.get(code)
        bands: Counter[int] = Counter(len(str(total)) for total in sums if total)
        return AssetReport(
            asset=code,
            units=units,
            cost=None if worth is None else str(worth * units),
            members=sum(bands.values()),
            winners=tuple(Winner(member=names[n][0].hex(), identity=names[n][1], units=sums[n]) for n in best),
            distribution=tuple(
                Band(least=10 ** (digits - 1), most=10**digits - 1, members=count)
                for digits, count in sorted(bands.items())
            ),
        )

    def _cells_in_order(self) -> Iterator[Cell]:
        summed: dict[tuple[str, str, str], list[int]] = {}
        for (day, version, asset_id), (units, awards) in self._cells.items():
            cell = summed.setdefault((day, self._promo_of(version), self._asset_of(asset_id)), [0, 0])
            cell[0] += units
            cell[1] += awards
        for (day, promo, asset), (units, awards) in sorted(summed.items()):
            yield Cell(day=day, promo=promo, asset=asset, units=units, awards=awards)

    def _declines_in_order(self) -> list[tuple[tuple[int, str], int]]:
        return sorted(self._declines.items(), key=lambda entry: (-entry[1], entry[0]))
