"""Named places at which a process can be made to die, wait or fail, for tests of crashes; nothing is in the way when off.

ACCRUAL_FAULT holds `POINT=DEED`, several apart by commas; see POINTS. A deed is `kill` (SIGKILL to the process itself),
`raise` or `sleep:SECONDS`; `@N` after it waits for the N-th time (`post.after_commit=kill@3`). The deed of `decide` is at
commands of one action or ticket only: `decide=kill:luckydraw`. Off, everything is wired without any of this.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import structlog

from accrual.domain.commands import LoggedCommand, Reward
from accrual.domain.errors import Broken, DatabaseDown, Invalid
from accrual.domain.log import AppendRow, KeyHome, Known, Posting
from accrual.engine.process import EventOf
from accrual.store.connection import Pool
from accrual.store.lanes import PostgresLanes
from accrual.store.log import PostgresLog

VARIABLE = "ACCRUAL_FAULT"
POINTS = (
    "append.before",
    "append.after_commit",
    "decide",
    "post.before_fence",
    "post.before_commit",
    "post.after_commit",
)


class Fault(NamedTuple):
    """What happens at a point, at which time of reaching it (0: each), and for `decide` to which commands."""

    deed: str
    sleep_s: float
    nth: int
    subject: str


class Faults:
    """The faults of one process and how often each point was reached."""

    def __init__(self, faults: Mapping[str, Fault]) -> None:
        self._faults = faults
        self._reached = dict.fromkeys(faults, 0)

    async def reach(self, point: str) -> None:
        """Do what is to be done here. Raises DatabaseDown where that is `raise`: a lost session is what tests mean."""
        fault = self._due(point)
        if fault is None:
            return
        if fault.deed == "sleep":
            await asyncio.sleep(fault.sleep_s)
        elif fault.deed == "raise":
            raise DatabaseDown(details={"reason": f"fault at {point}"})
        else:
            os.kill(os.getpid(), signal.SIGKILL)

    def decide(self, command: Reward, logged: LoggedCommand) -> None:
        """The same in the middle of a decision, where nothing can wait without stopping the whole lane."""
        fault = self._faults.get("decide")
        if fault is None or fault.subject not in (command.action, str(uuid.UUID(bytes=logged.ticket))):
            return
        if self._due("decide") is None:
            return
        if fault.deed == "sleep":
            time.sleep(fault.sleep_s)
        elif fault.deed == "raise":
            raise Broken("A fault was planted here.", code="broken")
        else:
            os.kill(os.getpid(), signal.SIGKILL)

    def _due(self, point: str) -> Fault | None:
        fault = self._faults.get(point)
        if fault is None:
            return None
        self._reached[point] += 1
        if fault.nth not in (0, self._reached[point]):
            return None
        structlog.get_logger("faults").warning("fault_reached", point=point, deed=fault.deed)
        return fault


class FaultyLog(PostgresLog):
    """The command log with faults around its appends."""

    def __init__(self, pool: Pool, faults: Faults) -> None:
        super().__init__(pool)
        self._faults = faults

    async def append(self, rows: Sequence[AppendRow], recorded_at: datetime) -> dict[bytes, Known] | None:
        """As the log's own."""
        await self._faults.reach("append.before")
        placed = await super().append(rows, recorded_at)
        await self._faults.reach("append.after_commit")
        return placed

    async def append_with_keys(
        self, rows: Sequence[AppendRow], homes: Sequence[KeyHome], recorded_at: datetime
    ) -> dict[bytes, Known] | None:
        """As the log's own."""
        await self._faults.reach("append.before")
        placed = await super().append_with_keys(rows, homes, recorded_at)
        await self._faults.reach("append.after_commit")
        return placed


class FaultyLanes(PostgresLanes):
    """A lane's store with faults around and in its postings."""

    def __init__(self, url: str, faults: Faults, *, label: str, buckets: int, idle_in_transaction_s: float) -> None:
        super().__init__(
            url,
            label=label,
            buckets=buckets,
            idle_in_transaction_s=idle_in_transaction_s,
            before_commit=lambda: faults.reach("post.before_commit"),
        )
        self._faults = faults

    async def post(self, posting: Posting) -> None:
        """As the lane's own."""
        await self._faults.reach("post.before_fence")
        await super().post(posting)
        await self._faults.reach("post.after_commit")


def read_faults(environment: Mapping[str, str] | None = None) -> Faults | None:
    """The faults that the environment plants, None when it plants none. Raises Invalid `setting_invalid`."""
    text = (os.environ if environment is None else environment).get(VARIABLE, "")
    if not text.strip():
        return None
    faults = dict(_read(part.strip()) for part in text.split(","))
    structlog.get_logger("faults").warning("faults_planted", points=sorted(faults))
    return Faults(faults)


def with_faults(faults: Faults | None, event_of: EventOf) -> EventOf:
    """`event_of`, which is asked in each decision, with the fault of `decide` in front of it."""
    if faults is None:
        return event_of

    def faulty(command: Reward, logged: LoggedCommand, programme: Any) -> tuple[str, bytes] | None:
        faults.decide(command, logged)
        return event_of(command, logged, programme)

    return faulty


def _read(part: str) -> tuple[str, Fault]:
    point, _, rest = part.partition("=")
    deed, _, nth = rest.partition("@")
    deed, _, argument = deed.partition(":")
    sleep, subject = ("0", argument) if deed != "sleep" else (argument.partition(":")[0], argument.partition(":")[2])
    try:
        fault = Fault(deed, float(sleep), int(nth or "0"), subject)
    except ValueError as error:
        raise _unreadable(part) from error
    if point not in POINTS or deed not in ("kill", "raise", "sleep") or bool(subject) != (point == "decide"):
        raise _unreadable(part)
    return point, fault


def _unreadable(part: str) -> Invalid:
    return Invalid(f"{VARIABLE}: {part!r} is no POINT=DEED; points are {', '.join(POINTS)}.", code="setting_invalid")
