"""Shared stocks as a simulated command sees them: handed out from one place, or as a stored outcome saw them. Posts nothing."""

from __future__ import annotations

from accrual.domain.stocks import StockKey, StockLeft

RecordedStocks = tuple[tuple[int, int, int, int], ...]
"""What a stored outcome saw of shared stocks: (promo_id, slot, period, left)."""


class SimulatedStocks:
    """Shared stocks as one command sees them, noting what it looked at."""

    __slots__ = ("_recorded", "_seen", "_used")

    def __init__(self, used: dict[tuple[bytes, int, int, int], int], recorded: RecordedStocks | None) -> None:
        self._used = used
        self._recorded = {entry[:3]: entry[3] for entry in recorded} if recorded else None
        self._seen: dict[StockKey, int] = {}

    def left(self, key: StockKey) -> StockLeft:
        """What is left, for good: nobody else has any."""
        left = max(key.cap - self._used.get(key[:4], 0), 0)
        if self._recorded is not None:
            left = self._recorded.get((key.promo_id, key.slot, key.period), left)
        self._seen.setdefault(key, left)
        return StockLeft(left, True)

    def seen(self) -> RecordedStocks:
        """Everything looked at, in the form that outcomes keep."""
        if not self._seen:
            return ()
        return tuple((key.promo_id, key.slot, key.period, left) for key, left in self._seen.items())
