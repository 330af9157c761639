"""Runs pgbench's TPC-B on the server under test: the yardstick that makes figures of two machines comparable."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit, urlunsplit

from accrual.bench.results import Tpcb
from accrual.bootstrap.bench import BenchServer
from accrual.domain.errors import Broken

SCALE = 50
CLIENTS = (8, 32)
SECONDS = 8
LIMIT_S = 120.0
"""After so long pgbench itself counts as stuck."""

_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


async def measure_tpcb(
    server: BenchServer, tell: Callable[[int], None], *, scale: int = SCALE, seconds: int = SECONDS
) -> Tpcb:
    """The better of 8 and 32 clients, `seconds` each, prepared statements. Raises Broken `bench_pgbench` when it fails."""
    if server.pgbench is None:
        return Tpcb(tps=None, reason="no pgbench was found beside PostgreSQL's programs or on the path")
    by_clients: dict[str, float] = {}
    async with server.scratch() as url:
        await _pgbench(server, url, "--initialize", "--quiet", f"--scale={scale}")
        for number, clients in enumerate(CLIENTS):
            tell(number)
            said = await _pgbench(
                server, url, f"--client={clients}", "--jobs=2", "--protocol=prepared", f"--time={seconds}"
            )
            found = _TPS.search(said)
            if found is None:
                raise Broken("pgbench ended without a result.", code="bench_pgbench")
            by_clients[str(clients)] = round(float(found[1]), 1)
        tell(len(CLIENTS))
    return Tpcb(tps=max(by_clients.values()), by_clients=by_clients, scale=scale)


async def _pgbench(server: BenchServer, url: str, *arguments: str) -> str:
    parts = urlsplit(url)
    # The password goes by the environment: arguments can be read by everybody on the machine.
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    environment = {"PGUSER": unquote(parts.username or ""), "PGPASSWORD": unquote(parts.password or "")}
    process = await asyncio.create_subprocess_exec(
        str(server.pgbench),
        *arguments,
        urlunsplit(bare),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **{name: value for name, value in environment.items() if value}},
        start_new_session=True,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), LIMIT_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise Broken(
            f"pgbench failed: {err.decode(errors='replace').strip()[-300:]}",
            code="bench_pgbench",
            details={"status": process.returncode},
        )
    return out.decode(errors="replace")
