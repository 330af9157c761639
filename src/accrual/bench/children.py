"""Starts a benchmark's own child programs, reads what they say line by line, and ends them by their process ids."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from accrual.domain.errors import AccrualError, Broken

LINE_BYTES_MAX = 4 << 20
LINE_WAIT_S = 120.0
"""A child that says nothing for so long is stuck."""

T = TypeVar("T")


class Child:
    """A running child program."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self._process = process
        self._name = name

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def tell(self, line: bytes) -> None:
        """Write a line to its stdin."""
        stdin = self._process.stdin
        if stdin is None:
            raise Broken("the child was started without a pipe")
        stdin.write(line + b"\n")
        await stdin.drain()

    async def line(self, *, patient: bool = False) -> bytes:
        """The next line of its output. Raises Broken `bench_child` when it ended or is stuck.

        `patient`: it has nothing to say until it is done, which others watch.
        """
        stdout = self._process.stdout
        if stdout is None:
            raise Broken("the child was started without a pipe")
        try:
            line = await asyncio.wait_for(stdout.readline(), None if patient else LINE_WAIT_S)
        except TimeoutError as error:
            raise Broken(f"{self._name} has said nothing for {LINE_WAIT_S:.0f} s.", code="bench_child") from error
        if not line:
            status = await self._process.wait()
            raise Broken(f"{self._name} ended too soon, with status {status}.", code="bench_child")
        return line.strip()


@asynccontextmanager
async def child(*arguments: str, environment: Mapping[str, str]) -> AsyncIterator[Child]:
    """`python -m` these arguments, with pipes on stdin and stdout; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
        limit=LINE_BYTES_MAX,
        start_new_session=True,
    )
    try:
        yield Child(process, " ".join(arguments[:2]))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def together(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """What each gives, in order; when one fails, the others are cancelled and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except* AccrualError as errors:
        raise errors.exceptions[0] from errors
    return [task.result() for task in tasks]
