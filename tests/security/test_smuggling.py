"""Each request is one whole or refused: straight at the server no body is ever served as a request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.security.echo_server import EchoServer, echo_server
from tests.security.raw_http import exchange
from tests.security.smuggling_cases import CASES, Case

pytestmark = pytest.mark.security

NEXT = b"POST /next HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"


@pytest.fixture(scope="module")
def server() -> Iterator[EchoServer]:
    with echo_server(idle_timeout_s=2.0) as running:
        yield running


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_request_is_one_whole_or_refused(server: EchoServer, case: Case) -> None:
    server.requests.clear()
    whole = case.outcome == "whole"
    got = exchange(server.port, [*case.packets, NEXT], answers=2 if whole else 9, heads=int(case.head))
    paths = [path for _, path, _ in server.requests]
    assert "/evil" not in paths
    if case.outcome == "refused":
        assert got.closed
        assert paths == []
        assert [answer for answer in got.answers if not 400 <= answer.status < 500] == []
        assert len(got.answers) <= 1
        return
    assert [answer.status for answer in got.answers] == [204 if paths[0] == "/nothing" else 200] + [200] * whole
    assert server.requests[0][2] == case.body
    if not case.head and paths[0] == "/a":
        assert got.answers[0].body == b"/a=" + case.body
    if whole:
        assert paths[1:] == ["/next"]
        assert got.answers[1].body == b"/next=1"
    else:
        assert got.closed
        assert paths[1:] == []
