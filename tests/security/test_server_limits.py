"""What one client may hold of the server: time for a head, a body and idling, connections, bytes of a head, pipelined calls."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.security.echo_server import EchoServer, echo_server
from tests.security.raw_http import exchange, parse
from tests.security.smuggling_cases import H2C

pytestmark = pytest.mark.security

IDLE_S = 0.3
ONE = b"POST /one HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"


@pytest.fixture(scope="module")
def server() -> Iterator[EchoServer]:
    with echo_server(idle_timeout_s=IDLE_S, connections_max=8, head_bytes_max=8192) as running:
        yield running


@pytest.mark.parametrize("stray", [b"\r\n", b"\n", b"\r\n\r\n", b"\r", b"P", b""])
def test_connection_idles_no_longer_than_allowed_whatever_little_it_sends(server: EchoServer, stray: bytes) -> None:
    began = time.monotonic()
    got = exchange(server.port, [ONE, stray], answers=9)
    assert got.closed
    assert [answer.status for answer in got.answers] == [200]
    assert time.monotonic() - began < IDLE_S + 1


def test_drops_of_a_head_do_not_prolong_its_time(server: EchoServer) -> None:
    began = time.monotonic()
    got = exchange(server.port, [b"POST /slow HTTP/1.1\r\nHost: x\r\n"] + [b"X: y\r\n"] * 60, answers=1, pause_s=0.02)
    assert got.closed
    assert got.answers == []
    assert time.monotonic() - began < IDLE_S + 1.5


def test_drops_of_line_ends_do_not_prolong_the_idle_time(server: EchoServer) -> None:
    began = time.monotonic()
    got = exchange(server.port, [ONE] + [b"\r\n"] * 60, answers=9, pause_s=0.02)
    assert got.closed
    assert time.monotonic() - began < IDLE_S + 1.5


@pytest.mark.parametrize("framing", [b"Content-Length: 60\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_drops_of_a_body_do_not_prolong_its_time(server: EchoServer, framing: bytes) -> None:
    server.requests.clear()
    head = b"POST /slow HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n"
    drop = b"1\r\nx\r\n" if b"chunked" in framing else b"x"
    began = time.monotonic()
    got = exchange(server.port, [head] + [drop] * 50, answers=9, pause_s=0.02)
    assert got.closed
    assert [answer.status for answer in got.answers] == [400]
    assert server.requests == []
    assert time.monotonic() - began < 2


def test_connections_of_idlers_are_given_back(server: EchoServer) -> None:
    """As many connections as are allowed, each idle after a stray line end: one more is served once they time out."""
    with_stray = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(8)]
    try:
        for connection in with_stray:
            connection.sendall(ONE + b"\r\n")
        got = exchange(server.port, [ONE], answers=1)
        assert [answer.status for answer in got.answers] == [200]
    finally:
        for connection in with_stray:
            connection.close()


@pytest.mark.parametrize("junk", [b"X: " + b"y" * 400_000, b"X: y\r\n" * 70_000, b"y" * 400_000])
def test_head_beyond_the_limit_is_refused(server: EchoServer, junk: bytes) -> None:
    server.requests.clear()
    got = exchange(server.port, [b"POST /large HTTP/1.1\r\nHost: x\r\n" + junk + b"\r\n\r\n"], answers=1)
    assert server.requests == []
    assert got.closed or got.answers[0].status in {400, 431}


def test_pipelined_requests_are_served_one_by_one_and_not_read_ahead() -> None:
    """While one request waits, the rest of the pipeline stays with its sender but for what buffers hold."""
    with echo_server() as server:
        server.gate.clear()
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.setblocking(False)
            pipeline = ONE * 20_000
            sent = 0
            until = time.monotonic() + 0.6
            while time.monotonic() < until:
                try:
                    sent += connection.send(pipeline[sent % len(ONE) :])
                except BlockingIOError:
                    time.sleep(0.01)
            assert len(server.requests) == 1
            assert 0 < sent < 32 << 20
            server.gate.set()
            connection.settimeout(5)
            received = b""
            while len(parse(received)) < 50:
                received += connection.recv(65536)
        assert server.at_once_max == 1


def test_pipelined_requests_are_answered_in_order(server: EchoServer) -> None:
    many = [b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1" % number for number in range(30)]
    got = exchange(server.port, [b"".join(many)], answers=30)
    assert [answer.body for answer in got.answers] == [b"/%d=1" % number for number in range(30)]


def test_slow_clients_do_not_hold_up_others(server: EchoServer) -> None:
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(5)]
    try:
        for number, connection in enumerate(slow):
            connection.sendall(
                (b"POST /slow", b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1")[number % 2]
            )
        began = time.monotonic()
        assert [answer.status for answer in exchange(server.port, [ONE], answers=1).answers] == [200]
        assert time.monotonic() - began < IDLE_S
    finally:
        for connection in slow:
            connection.close()


def test_first_request_of_java_is_served(server: EchoServer) -> None:
    """Java's HttpClient offers HTTP/2 with its first plain request, and sends the body behind the head."""
    body = b'{"key":"up1"}'
    head = (
        b"POST /v1/commands HTTP/1.1\r\nHost: x\r\n"
        + H2C
        + b"User-Agent: Java-http-client/17.0.15\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % len(body)
    )
    got = exchange(server.port, [head, body, ONE], answers=2)
    assert [answer.body for answer in got.answers] == [b"/v1/commands=" + body, b"/one=1"]


def test_refused_body_is_read_to_its_end_so_that_the_connection_serves_on(server: EchoServer) -> None:
    server.requests.clear()
    large = b"POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n" + ONE * 12_000
    got = exchange(server.port, [large[: large.index(b"\r\n\r\n") + 4 + 600_000], ONE], answers=2)
    assert [answer.status for answer in got.answers] == [413, 200]
    assert server.requests == [("POST", "/one", b"1")]


def test_unread_body_after_a_refused_expectation_closes_the_connection(server: EchoServer) -> None:
    server.requests.clear()
    head = b"POST /large HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 600000\r\n\r\n"
    got = exchange(server.port, [head, ONE], answers=9)
    assert got.closed
    assert [answer.status for answer in got.answers] == [413]
    assert server.requests == []


def test_many_broken_clients_leave_no_thread_behind(server: EchoServer) -> None:
    before = threading.active_count()
    for _ in range(50):
        exchange(server.port, [b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], answers=1)
    assert threading.active_count() <= before
