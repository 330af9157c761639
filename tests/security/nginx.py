"""Debian's nginx as a child of the test, in front of one server: as lenient as it can be made, with upstream connections kept."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

PROGRAM = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")

# No master: then the one process is the child that the test ends. Each server passes on what it can.
CONFIG = """
daemon off;
master_process off;
worker_processes 1;
pid {directory}/pid;
error_log {directory}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    server_tokens off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    client_header_timeout 1s;
    client_body_timeout 1s;
    proxy_read_timeout 3s;
    underscores_in_headers on;
    ignore_invalid_headers off;
    large_client_header_buffers 8 64k;
    upstream plain {{ server 127.0.0.1:{upstream}; keepalive 1; }}
    upstream upgrades {{ server 127.0.0.1:{upstream}; keepalive 1; }}
    server {{
        listen 127.0.0.1:{plain};
        location / {{
            proxy_pass http://plain;
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_set_header Connection "";
        }}
    }}
    server {{
        listen 127.0.0.1:{upgrades};
        location / {{
            proxy_pass http://upgrades;
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_set_header Connection $http_connection;
            proxy_set_header Upgrade $http_upgrade;
        }}
    }}
}}
"""


class Nginx(NamedTuple):
    """Its ports: one passes requests on as proxies should, the other passes `Connection` and `Upgrade` through as well."""

    plain: int
    upgrades: int


@contextmanager
def nginx(directory: Path, upstream: int) -> Iterator[Nginx]:
    """nginx in front of this port until the end of the block."""
    assert PROGRAM is not None
    ports = Nginx(_free_port(), _free_port())
    config = directory / "nginx.conf"
    config.write_text(CONFIG.format(directory=directory, upstream=upstream, plain=ports.plain, upgrades=ports.upgrades))
    process = subprocess.Popen([PROGRAM, "-p", str(directory), "-c", str(config)], stderr=subprocess.PIPE)
    try:
        for port in ports:
            _await(port, process)
        yield ports
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < until, "nginx does not accept connections"
            time.sleep(0.01)
        else:
            return
