"""A body is read whole whether it is there at once or comes late, in pieces, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from accrual.api.limits import Gone, Receive, TooSlow, read_body
from accrual.domain.errors import TooLarge


def _hold(_count: int) -> None:
    raise AssertionError("a small body is not counted")


async def _at_once() -> None:
    pass


async def _a_turn_later() -> None:
    await asyncio.sleep(0)


async def _later() -> None:
    await asyncio.sleep(0.01)


def _receive(pause: Callable[[], Awaitable[None]], *messages: dict[str, Any]) -> Receive:
    left = iter(messages)

    async def receive() -> dict[str, Any]:
        await pause()
        return next(left)

    return receive


def _request(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize("pause", [_at_once, _a_turn_later, _later])
@pytest.mark.parametrize("pieces", [(b"abc",), (b"a", b"bc"), (b"", b"ab", b"c"), (b"abc", b"")])
async def test_body_is_read_whole_whenever_it_comes(
    pause: Callable[[], Awaitable[None]], pieces: Sequence[bytes]
) -> None:
    messages = [_request(piece, more=number < len(pieces)) for number, piece in enumerate(pieces, 1)]
    assert await read_body(_receive(pause, *messages), {}, bytes_max=3, timeout_s=5.0, hold=_hold) == b"abc"


@pytest.mark.parametrize("pause", [_at_once, _later])
async def test_one_byte_too_many_is_refused(pause: Callable[[], Awaitable[None]]) -> None:
    with pytest.raises(TooLarge):
        await read_body(_receive(pause, _request(b"abcd")), {}, bytes_max=3, timeout_s=5.0, hold=_hold)


@pytest.mark.parametrize("pause", [_at_once, _later])
@pytest.mark.parametrize("before", [(), (_request(b"a", more=True),)])
async def test_caller_who_hangs_up_is_gone(pause: Callable[[], Awaitable[None]], before: tuple[dict[str, Any]]) -> None:
    with pytest.raises(Gone):
        await read_body(
            _receive(pause, *before, {"type": "http.disconnect"}), {}, bytes_max=3, timeout_s=5.0, hold=_hold
        )


@pytest.mark.parametrize("before", [(), (_request(b"a", more=True),)])
async def test_body_that_does_not_end_is_too_slow_and_its_receiving_is_ended(before: tuple[dict[str, Any]]) -> None:
    given = iter(before)
    ended = []

    async def receive() -> dict[str, Any]:
        for message in given:
            return message
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)
        raise AssertionError("nobody sets the event")

    with pytest.raises(TooSlow):
        await asyncio.wait_for(read_body(receive, {}, bytes_max=3, timeout_s=0.05, hold=_hold), 5.0)
    assert ended == [True]


async def test_caller_of_read_body_may_be_cancelled_while_it_waits() -> None:
    reading = asyncio.create_task(
        read_body(_receive(asyncio.Event().wait, _request(b"")), {}, bytes_max=3, timeout_s=5.0, hold=_hold)  # type: ignore[arg-type]
    )
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
