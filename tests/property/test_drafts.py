"""A failure at any point of any command leaves nothing of it: the worker goes on as if the command had failed at once."""

from __future__ import annotations

import pickle
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import msgspec

import accrual
from accrual.domain.log import Posting
from accrual.domain.undoing import TargetRow
from accrual.engine.state import State
from accrual.engine.task import Task
from tests.desk import Desk
from tests.property.every_command import KINDS, catalogue, script

POINTS = 12
"""Something fails at so many points of each command, and at each line where nothing failed before."""

BATCH = 3
"""Commands a batch: what comes after the one that fails is decided as if it had failed at once."""

OURS = accrual.__path__[0]
NOT_THE_COMMAND = {"commit", "roll_back", "_park", "_chained", "net", "looks_back", "missed_its_target"}
"""Where deciding a command ends: what follows is the last step, or about what failed already."""


def event_of(*_: object) -> tuple[str, bytes]:
    return "decided", b"{}"


class Broken(Exception):
    """What fails in these tests."""


class Stopped(BaseException):
    """What ends more than a command, as an interrupt does."""


class Fault:
    """Raises at the nth line of ours that is run (0: at once, None: at none), and notes which lines are run."""

    def __init__(self, at: int | None, kind: type[BaseException] = Broken) -> None:
        self.at = at
        self.raised = False
        self.lines: list[tuple[str, int]] = []
        self._kind = kind

    def start(self) -> None:
        if self.at == 0:
            self._raise()
        sys.settrace(self._called)

    def _called(self, frame: FrameType, _: str, __: object) -> Callable[..., Any] | None:
        if frame.f_code.co_name in NOT_THE_COMMAND:
            sys.settrace(None)
            return None
        return self._line if frame.f_code.co_filename.startswith(OURS) else None

    def _line(self, frame: FrameType, event: str, _: object) -> Callable[..., Any]:
        if event == "line":
            self.lines.append((frame.f_code.co_filename, frame.f_lineno))
            if len(self.lines) == self.at:
                self._raise()
        return self._line

    def _raise(self) -> None:
        sys.settrace(None)
        self.raised = True
        raise self._kind


MEMO = re.compile(r"_outside=-?\d+, _last=-?\d+, _sum=-?\d+")


def portrait(state: State) -> tuple[str, str]:
    """All that a worker knows, and what it knows of the batch at hand alone.

    What it has summed up for the moment may be forgotten at any time, and is left out.
    """
    forests = {bucket: forest.nodes for bucket, forest in state.forests.items()}
    earlier = msgspec.structs.replace(
        state.earlier,
        found={named: (ticket, _undecoded(row)) for named, (ticket, row) in state.earlier.found.items()},
        _decided={ticket: _undecoded(row) for ticket, row in state.earlier._decided.items()},
        _passed=set(),
    )
    known = {**vars(state), "forests": forests, "earlier": None}
    return MEMO.sub("", repr(known)), repr(earlier)


def _undecoded(row: TargetRow | None) -> TargetRow | None:
    return None if row is None else msgspec.structs.replace(row, _command=None, _outcome=None)


class Rehearsal:
    """One batch of one bucket, decided again and again from where the worker stands, which is left as it was."""

    def __init__(self, desk: Desk, tasks: list[Task]) -> None:
        self._desk, self._tasks = desk, tasks
        self._known = dict(vars(desk.state))
        self._copied = pickle.dumps(self._known)
        self.before = portrait(desk.state)

    def run(self, target: int, fault: Fault) -> tuple[Posting, tuple[str, str]]:
        """What the batch writes, and what the worker knows then, when something fails in the command at this place."""
        vars(self._desk.state).update(pickle.loads(self._copied))  # noqa: S301 (made above)
        lease = self._desk.books.lease(self._tasks[0].command.bucket)
        processor: Any = self._desk.processor
        original, numbers = processor._decide_one, iter(range(len(self._tasks)))

        def decide_one(task: Task, *others: Any) -> Any:
            sys.settrace(None)
            if next(numbers) == target:
                fault.start()
            return original(task, *others)

        processor._decide_one = decide_one
        posting: Posting = processor.begin(self._desk.now)
        try:
            processor.decide_more(
                [msgspec.structs.replace(task) for task in self._tasks], {lease.bucket: lease}, posting
            )
        except Stopped:
            pass
        finally:
            sys.settrace(None)
            del processor._decide_one
            known = portrait(self._desk.state)
            vars(self._desk.state).update(self._known)
        return posting, known


def points_of(lines: Sequence[tuple[str, int]], covered: set[tuple[str, int]], rng: random.Random) -> list[int]:
    """Where to fail: at lines where nothing failed yet, as long as there are, and at some others."""
    fresh = {line: number for number, line in enumerate(lines, 1) if line not in covered}
    covered.update(fresh)
    return sorted({*fresh.values(), *rng.sample(range(1, len(lines) + 1), min(POINTS, len(lines)))})


async def test_failure_at_any_point_of_any_command_leaves_nothing_of_it() -> None:
    desk = Desk(catalogue(), buckets=3, event_of=event_of)
    rng, covered, failed, kinds = random.Random(7), set[tuple[str, int]](), 0, Counter[str]()
    for _ in script(desk):
        while waiting := [bucket for bucket in desk.books.log if desk.books.waiting(bucket)]:
            bucket = min(waiting)
            commands = desk.books.waiting(bucket, BATCH)
            tasks = await desk.tasks(commands)
            rehearsal = Rehearsal(desk, tasks)
            for target, task in enumerate(tasks):
                traced = Fault(None)
                written, _ = rehearsal.run(target, traced)
                if len(written.outcomes) <= target:
                    break  # it is left to the next batch
                at_once = rehearsal.run(target, Fault(0))
                if len(tasks) == 1:
                    assert at_once[1][0] == rehearsal.before[0]
                for point in points_of(traced.lines, covered, rng):
                    fault = Fault(point)
                    now = rehearsal.run(target, fault)
                    if fault.raised:
                        failed += 1
                        kinds[type(task.reward or task.move or task.links or task.profile or task.clears).__name__] += 1
                        assert now == at_once, f"{kinds} {traced.lines[point - 1]}"
                if target == 0:
                    for point in rng.sample(range(1, len(traced.lines) + 1), 2):
                        posting, known = rehearsal.run(0, Fault(point, Stopped))
                        assert (known, posting) == (rehearsal.before, desk.processor.begin(desk.now)), point
            await desk.decide_batch({bucket: BATCH})
    assert failed > 2_000, failed
    assert kinds.keys() >= KINDS, KINDS - kinds.keys()
