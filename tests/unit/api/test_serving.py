"""The server itself on a loopback socket: slow, large, broken and many callers, a clean stop, and who may reach a demo."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from accrual.api.call import Call, Engine, Reply
from accrual.api.serving import check_bind, serve_http
from accrual.domain.errors import Refused
from tests.unit.api.engine_double import KEY
from tests.unit.api.test_edge import Answer, echo, edge_of

HEAD = b"POST /fixed HTTP/1.1\r\nHost: x\r\nAPI-Key: " + KEY.encode() + b"\r\n"


@asynccontextmanager
async def served(
    answer: Answer = echo,
    *,
    grace_s: float = 1.0,
    idle_timeout_s: float = 5.0,
    connections_max: int = 100,
    share_port: bool = False,
    **limits: int,
) -> AsyncIterator[int]:
    """The port of a server that is cancelled at the end, as `accrual serve` does on SIGTERM."""
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(
        serve_http(
            edge_of(answer, **limits),
            "127.0.0.1",
            0,
            grace_s=grace_s,
            on_started=started.set_result,
            idle_timeout_s=idle_timeout_s,
            connections_max=connections_max,
            share_port=share_port,
        )
    )
    try:
        yield await asyncio.wait_for(started, 5)
    finally:
        server.cancel()
        with pytest.raises(asyncio.CancelledError):
            await server


async def talk(port: int, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """Everything the server says until it closes, to these pieces."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with suppress(ConnectionError):  # the server may close before all is sent
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause_s)
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


async def test_sixty_four_callers_at_once_each_get_their_own_answer() -> None:
    async def later(call: Call, _engine: Engine) -> Reply:
        await asyncio.sleep(0.01)
        return Reply(status=200, body=call.body)

    async with served(later) as port, httpx.AsyncClient(headers={"API-Key": KEY}) as http:
        replies = await asyncio.gather(
            *(http.post(f"http://127.0.0.1:{port}/fixed", content=b"%d" % number) for number in range(64))
        )
    assert [reply.content for reply in replies] == [b"%d" % number for number in range(64)]


async def test_five_megabytes_are_refused_and_the_connection_stays_good() -> None:
    async with served(body_bytes_max=1 << 20) as port, httpx.AsyncClient(headers={"API-Key": KEY}) as http:
        url = f"http://127.0.0.1:{port}/fixed"
        for _ in range(2):
            assert (await http.post(url, content=b"x" * (5 << 20))).status_code == 413
            assert (await http.post(url, content=b"x" * (1 << 20))).status_code == 200


async def test_declared_gigabyte_is_refused_before_it_is_sent() -> None:
    async with served() as port:
        answer = await talk(port, HEAD + b"Content-Length: 1000000000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer


async def test_chunked_body_without_length_is_counted() -> None:
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    async with served() as port:
        good = await talk(port, head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), b"3\r\nabc\r\n0\r\n\r\n")
        large = await talk(port, head, b"65\r\n" + b"x" * 0x65 + b"\r\n0\r\n\r\n")
    assert good.endswith(b"\r\n\r\nabc")
    assert large.startswith(b"HTTP/1.1 413 ")


async def test_slow_body_is_given_up() -> None:
    async with served() as port:
        began = time.monotonic()
        answer = await talk(port, HEAD + b"Content-Length: 10\r\n\r\n", b"x")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("pieces", [(), (b"POST /fi",), (HEAD,), (HEAD + b"X: ", b"y", b"z", b"z", b"z")])
async def test_slow_head_is_given_up(pieces: tuple[bytes, ...]) -> None:
    async with served(idle_timeout_s=0.2) as port:
        began = time.monotonic()
        assert await talk(port, *pieces, pause_s=0.06) == b""
    assert time.monotonic() - began < 2


async def test_second_slow_head_on_a_connection_is_given_up_too() -> None:
    async with served(idle_timeout_s=0.2) as port:
        answer = await talk(port, HEAD + b"Content-Length: 1\r\n\r\nx", b"POST /fi", pause_s=0.05)
    assert answer.count(b"HTTP/1.1 200 OK") == 1


@pytest.mark.parametrize("stray", [b"", b"\r\n", b"\n", b"\r\n\r\n", b"\r"])
async def test_idle_connection_is_closed_also_after_a_stray_line_end(stray: bytes) -> None:
    async with served(idle_timeout_s=0.2) as port:
        began = time.monotonic()
        answer = await talk(port, HEAD + b"Content-Length: 1\r\n\r\nx", stray, pause_s=0.05)
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert time.monotonic() - began < 2


async def test_stray_line_ends_do_not_prolong_the_idle_time() -> None:
    async with served(idle_timeout_s=0.2) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() - began < 2:
                writer.write(b"\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()
    assert time.monotonic() - began < 1


async def test_connection_may_rest_between_requests() -> None:
    request = HEAD + b"Content-Length: 1\r\n\r\nx"
    async with served(idle_timeout_s=1.0) as port:
        answer = await talk(port, request, request.replace(b"Host", b"Connection: close\r\nHost"), pause_s=0.3)
    assert answer.count(b"HTTP/1.1 200 OK") == 2


async def test_connections_beyond_the_limit_wait_for_one_to_close() -> None:
    request = HEAD + b"Connection: close\r\nContent-Length: 1\r\n\r\nx"
    async with served(idle_timeout_s=0.4, connections_max=2) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        await asyncio.sleep(0.05)
        began = time.monotonic()
        answer = await talk(port, request)
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert 0.2 < time.monotonic() - began < 2
        for _, writer in idle:
            writer.close()


@pytest.mark.parametrize("junk", [b"X: " + b"y" * (1 << 20), (b"X: y\r\n") * 200_000, b"GET /" + b"a" * (1 << 20)])
async def test_endless_head_is_refused(junk: bytes) -> None:
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):  # the server closes while we still send
            writer.write(HEAD if junk.startswith(b"X") else b"")
            for start in range(0, len(junk), 4096):
                writer.write(junk[start : start + 4096])
                await writer.drain()
                await asyncio.sleep(0)
            await asyncio.wait_for(reader.readexactly(1 << 20), 2)
        writer.close()


async def test_pipelined_requests_are_answered_in_order() -> None:
    many = b"".join(HEAD + b"Content-Length: 2\r\n\r\n%02d" % number for number in range(20))
    async with served() as port:
        answer = await talk(port, many + HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n20")
    bodies = [part[:2] for part in answer.split(b"\r\n\r\n")[1:]]
    assert bodies == [b"%02d" % number for number in range(21)]


async def test_what_is_not_http_is_refused_and_the_server_lives() -> None:
    async with served() as port:
        assert (await talk(port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
        async with httpx.AsyncClient(headers={"API-Key": KEY}) as http:
            assert (await http.post(f"http://127.0.0.1:{port}/fixed", content=b"x")).status_code == 200


async def test_request_in_progress_ends_well_when_the_server_stops() -> None:
    began = asyncio.Event()

    async def slow(_call: Call, _engine: Engine) -> Reply:
        began.set()
        await asyncio.sleep(0.3)
        return Reply(status=200, body=b"done")

    async with httpx.AsyncClient(headers={"API-Key": KEY}) as http:
        async with served(slow, grace_s=2.0) as port:
            request = asyncio.create_task(http.post(f"http://127.0.0.1:{port}/fixed", content=b"x"))
            await began.wait()
        assert (await request).text == "done"
        with pytest.raises(httpx.ConnectError):
            await http.post(f"http://127.0.0.1:{port}/fixed", content=b"x")


async def test_request_that_does_not_end_is_cut_off_after_the_grace() -> None:
    async def endless(_call: Call, _engine: Engine) -> Reply:
        await asyncio.sleep(60)
        return Reply(status=200, body=b"")

    async with httpx.AsyncClient(headers={"API-Key": KEY}) as http:
        async with served(endless, grace_s=1.0) as port:
            request = asyncio.create_task(http.post(f"http://127.0.0.1:{port}/fixed", content=b"x"))
            await asyncio.sleep(0.1)
            stopped = time.monotonic()
        assert time.monotonic() - stopped < 3
        with pytest.raises(httpx.HTTPError):
            (await request).raise_for_status()


async def test_signals_stay_the_callers() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with served():
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_taken_port_is_an_error_of_the_caller_and_no_exit() -> None:
    async with served() as port:
        with pytest.raises(OSError, match="in use"):
            await serve_http(edge_of(echo), "127.0.0.1", port, grace_s=1.0)


async def test_shared_port_is_served_by_all_who_share_it_and_closed_to_others() -> None:
    async with served(share_port=True) as port:
        started = asyncio.Event()
        second = asyncio.create_task(
            serve_http(
                edge_of(echo), "127.0.0.1", port, grace_s=1.0, share_port=True, on_started=lambda _: started.set()
            )
        )
        await asyncio.wait_for(started.wait(), 5)
        with pytest.raises(OSError, match="in use"):
            await serve_http(edge_of(echo), "127.0.0.1", port, grace_s=1.0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert b" 200 OK" in await talk(port, HEAD + b"Connection: close\r\nContent-Length: 1\r\n\r\nx")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_demo_programme_is_served_on_loopback(host: str) -> None:
    check_bind(host, demo=True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "shop.example", "localhost.example", ""])  # noqa: S104
def test_demo_programme_is_refused_elsewhere(host: str) -> None:
    with pytest.raises(Refused, match="demo"):
        check_bind(host, demo=True)
    check_bind(host, demo=False)
