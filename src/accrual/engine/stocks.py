"""The shared stocks as one command sees them: noted when looked at, used up when its judgement stands."""

from __future__ import annotations

from accrual.domain.ids import bucket_of
from accrual.domain.log import StockRow
from accrual.domain.stocks import StockKey, StockLeft
from accrual.engine.draft import CommandDraft
from accrual.engine.state import State


class SeenStocks:
    """The shared stocks as one command sees them, noting what it looked at."""

    __slots__ = ("_bucket", "_seen", "_state")

    def __init__(self, state: State, bucket: int) -> None:
        self._state = state
        self._bucket = bucket
        self._seen: dict[StockKey, int] | None = None

    def left(self, key: StockKey) -> StockLeft:
        """What is at hand of it, nothing for now where it was not loaded. Raises KeyError for an outlet's or a device's."""
        if key.subject:
            left = self._state.quotas[key]
            answer = StockLeft(left if left > 0 else 0, True)  # below nothing: the cap was lowered since
        else:
            share = self._state.shares.get((self._bucket, key))
            if share is None:  # such as the room of a day, which is fetched only when somebody wants much of it
                return StockLeft(0, False)
            answer = StockLeft(share.left, share.final)
        if self._seen is None:
            self._seen = {key: answer.left}
        else:
            self._seen.setdefault(key, answer.left)
        return answer

    def seen(self) -> tuple[tuple[int, int, int, int], ...]:
        """(promo_id, slot, period, left) of everything looked at."""
        if not self._seen:
            return ()
        return tuple([(key.promo_id, key.slot, key.period, left) for key, left in self._seen.items()])

    def take(self, taken: dict[StockKey, int], buckets: int, draft: CommandDraft) -> None:
        """Use up what a judgement took."""
        quotas, posting = self._state.quotas, draft.posting
        for key, used in taken.items():
            if key.subject:
                draft.put(quotas, key, quotas[key] - used)
                draft.add(posting.quotas, StockRow(bucket_of(key.subject, buckets), *key, used))
            else:
                share = draft.own(self._state.shares[self._bucket, key])
                share.left -= used
                share.used = True
                draft.add(posting.shares, StockRow(self._bucket, *key, used))


def give_back(key: StockKey, units: int, state: State, bucket: int, buckets: int, draft: CommandDraft) -> None:
    """So much of a stock counts as not used: a promo's own goes to this bucket's share, whatever its cap is by now."""
    if key.subject:
        draft.add(draft.posting.quotas, StockRow(bucket_of(key.subject, buckets), *key, -units))
        for known, left in state.quotas.items():
            if known[:4] == key[:4]:
                draft.put(state.quotas, known, left + units)
        return
    draft.add(draft.posting.shares, StockRow(bucket, *key, -units))
    for (place, known), share in state.shares.items():
        if place == bucket and known[1:4] == key[1:4]:
            mine = draft.own(share)
            mine.left += units
            mine.used = True
