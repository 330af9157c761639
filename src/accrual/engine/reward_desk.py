"""What one movement sees and takes of rewards: limits, stocks, pools of codes. Kept only when the movement stands."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from accrual.domain.commands import LoggedCommand
from accrual.domain.ids import bucket_of
from accrual.domain.log import CounterRow, StockRow
from accrual.domain.rewards import RewardCode
from accrual.domain.stocks import StockKey
from accrual.engine.code_sending import CodeSender
from accrual.engine.draft import CommandDraft
from accrual.engine.state import MemberCell, State
from accrual.engine.stocks import SeenStocks
from accrual.rules.snapshot import CounterKey, StockShort


class RewardDesk:
    """One movement's view. `seed_of` makes the seed of a ticket, from which codes are drawn; `sender` tells members theirs."""

    def __init__(
        self, state: State, cell: MemberCell, bucket: int, *, seed_of: Callable[[bytes], bytes], sender: CodeSender
    ) -> None:
        self.seed_of = seed_of
        self.sender = sender
        self.event: tuple[str, bytes] | None = None
        self._state = state
        self._cell = cell
        self._seen = SeenStocks(state, bucket)
        self._used: dict[StockKey, int] = {}
        self._shared: dict[StockKey, int] = {}
        self._counted: dict[CounterKey, int] = {}
        self._codes: list[tuple[bytes, RewardCode]] = []

    def left(self, key: StockKey) -> int:
        """What is left of a stock. Raises KeyError when it was not loaded."""
        return self._seen.left(key).left

    def take_share(self, key: StockKey, units: int) -> int | None:
        """Take so much of a stock that is shared out over buckets; what is left where that is less, and nothing is taken.

        Raises StockShort when more has to be fetched first.
        """
        at_hand = self._seen.left(key)
        left = at_hand.left - self._shared.get(key, 0)
        if left < units and not at_hand.final:
            raise StockShort(key, self._shared.get(key, 0) + units)
        if left < units:
            return max(left, 0)
        self._shared[key] = self._shared.get(key, 0) + units
        return None

    def seen(self) -> tuple[tuple[int, int, int, int], ...]:
        """(promo_id, slot, period, left) of every stock looked at."""
        return self._seen.seen()

    def used(self, key: CounterKey) -> int:
        """How much of a limit the member has used. Raises KeyError when it was not loaded."""
        return self._counted[key] if key in self._counted else self._cell.counters[key]

    def next_code(self, subject: bytes) -> RewardCode | None:
        """The pool's next code, None when all are given."""
        pool = self._state.pools.get(subject)
        return pool[0] if pool else None

    def take(self, key: StockKey, units: int = 1) -> None:
        """So many fewer (below zero: more) of a stock."""
        self._used[key] = self._used.get(key, 0) + units

    def count(self, key: CounterKey, more: int) -> None:
        """The member has used so much more (below zero: less) of a limit, never less than nothing."""
        self._counted[key] = max(self.used(key) + more, 0)

    def give(self, subject: bytes, code: RewardCode) -> None:
        """A code of a pool is given."""
        self._codes.append((subject, code))

    def keep(self, command: LoggedCommand, member_id: bytes, buckets: int, draft: CommandDraft) -> None:
        """The movement stands: what it takes is taken."""
        quotas, pools, posting = self._state.quotas, self._state.pools, draft.posting
        for key, units in self._used.items():
            if key in quotas:
                draft.put(quotas, key, quotas[key] - units)
            draft.add(posting.quotas, StockRow(bucket_of(key.subject, buckets), *key, units))
        if self._shared:
            self._seen.take(self._shared, buckets, draft)
        for counter, value in self._counted.items():
            draft.put(self._cell.counters, counter, value)
            draft.add(posting.counters, CounterRow(command.bucket, member_id, *counter, command.position, value))
        for subject, code in self._codes:
            at = pools[subject].index(code)  # nearly always the first one
            draft.put(pools, subject, pools[subject][:at] + pools[subject][at + 1 :])
            row = (bucket_of(subject, buckets), subject, code.number, UUID(bytes=command.ticket))
            draft.add(posting.codes, row)
