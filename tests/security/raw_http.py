"""Bytes on a socket, and the answers that come back: nothing here helps a request to be well-formed."""

from __future__ import annotations

import re
import socket
import time
from typing import NamedTuple

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[^\r\n]*\r\n")


class Answer(NamedTuple):
    """One final response."""

    status: int
    body: bytes


class Exchange(NamedTuple):
    """What came back on one connection, and whether the other side has closed it."""

    answers: list[Answer]
    closed: bool


def exchange(
    port: int, packets: list[bytes], *, answers: int, pause_s: float = 0.01, patience_s: float = 3.0, heads: int = 0
) -> Exchange:
    """Send each of `packets` by itself, then read until so many answers are there or the connection is closed.

    `heads` is how many of the first answers are to HEAD requests and have no body.
    """
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for number, packet in enumerate(packets):
                if number:
                    time.sleep(pause_s)
                connection.sendall(packet)
        except ConnectionError:  # refused before all was sent; what was answered can still be read
            pass
        received = b""
        closed = False
        until = time.monotonic() + patience_s
        while len(found := parse(received, heads)) < answers and not closed and time.monotonic() < until:
            connection.settimeout(max(0.01, until - time.monotonic()))
            try:
                more = connection.recv(65536)
            except TimeoutError:
                break
            except ConnectionError:
                more = b""
            closed = not more
            received += more
        return Exchange(found, closed)


def parse(received: bytes, heads: int = 0) -> list[Answer]:
    """The whole final responses in these bytes. Raises AssertionError where they are not HTTP/1 with Content-Length."""
    found: list[Answer] = []
    while received:
        head, separator, rest = received.partition(b"\r\n\r\n")
        if not separator:
            break
        matched = _STATUS.match(head + b"\r\n")
        assert matched, head
        status = int(matched[1])
        if status < 200:
            received = rest
            continue
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            assert name.lower() != b"transfer-encoding", head
            if name.lower() == b"content-length" and len(found) >= heads and status != 204:
                length = int(value)
        if len(rest) < length:
            break
        found.append(Answer(status, rest[:length]))
        received = rest[length:]
    return found
