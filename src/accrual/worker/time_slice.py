"""Gives the tasks of a batch to be decided for as long as its time lasts; what costs much is left to the next batch then."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from accrual.engine.task import Task

SLICE_S = 0.1
"""How long a batch is loaded and decided, in seconds, before it leaves costly commands to the next one."""


def given_away(tasks: list[Task], clock: Callable[[], float], until_s: float) -> Iterator[Task]:
    """The tasks in order, none of them held here any longer.

    Once `clock` is past `until_s`, costly ones and what is behind them in their bucket are left out, but for a bucket's first
    task: every bucket gets on, and none waits for all of another's. Plain rewards are never left out for themselves.
    """
    bucket = closed = -1
    tasks.reverse()
    while tasks:
        task = tasks.pop()
        here = task.command.bucket
        if here == closed:
            continue
        if here != bucket:
            bucket = here
        elif not task.looks.plain and clock() > until_s:
            closed = here
            continue
        yield task
