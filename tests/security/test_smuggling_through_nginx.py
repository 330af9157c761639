"""Behind a proxy that shares its connections among clients: an attacker's request changes nobody else's answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.security import nginx as debian
from tests.security.echo_server import EchoServer, echo_server
from tests.security.nginx import Nginx, nginx
from tests.security.raw_http import exchange
from tests.security.smuggling_cases import CASES, Case

pytestmark = [
    pytest.mark.security,
    pytest.mark.skipif(debian.PROGRAM is None, reason="nginx is not installed: apt-get install nginx, then these run"),
]


class Behind(NamedTuple):
    server: EchoServer
    nginx: Nginx


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    with (
        echo_server(idle_timeout_s=5.0) as server,
        nginx(tmp_path_factory.mktemp("nginx"), server.port) as ports,
    ):
        yield Behind(server, ports)


def victim(port: int, name: bytes) -> bytes:
    """The answer to another client's request."""
    request = b"POST /%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 6\r\n\r\nsecret" % name
    got = exchange(port, [request], answers=1)
    return got.answers[0].body if got.answers else b""


@pytest.mark.parametrize("through", ["plain", "upgrades"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_other_clients_get_their_own_answers(behind: Behind, case: Case, through: str) -> None:
    port = getattr(behind.nginx, through)
    behind.server.requests.clear()
    assert victim(port, b"first") == b"/first=secret"  # from here on nginx has a connection to keep
    got = exchange(port, case.packets, answers=1, heads=int(case.head), patience_s=1.5)
    victims = [victim(port, name) for name in (b"second", b"third")]
    assert victims == [b"/second=secret", b"/third=secret"]
    served = [path for _, path, _ in behind.server.requests]
    attackers = [path for path in served if path not in {"/first", "/second", "/third"}]
    assert served.count("/second") == served.count("/third") == 1
    assert "/evil" not in attackers
    assert len(attackers) <= 1
    if attackers and b" HTTP/" in case.packets[0]:  # an answer in HTTP/0.9 has no head
        assert got.answers
        assert behind.server.requests[1][2] == case.body
