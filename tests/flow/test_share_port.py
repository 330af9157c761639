"""Several API processes at one port: the kernel deals connections out, and a key counts once whoever gets it."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path

import httpx

from accrual.bench.programs import _api
from accrual.bootstrap.programme import apply_file
from tests.pg_fixtures import Database

BODY = json.loads(Path("examples/seeds/requests/10-processor-transactionpromo.json").read_text())


class _Place:
    """What the benchmark's own launcher asks of a database: the environment of its children."""

    def __init__(self, url: str) -> None:
        self._url = url

    def environment(self, **_: object) -> dict[str, str]:
        return {"ACCRUAL_DATABASE_URL": self._url}


async def test_two_api_processes_share_a_port_and_count_a_key_once(database: Database) -> None:
    await apply_file(Path("examples/seeds/programme.yaml"), database.runtime_url, actor="test")
    place = _Place(database.runtime_url)

    async with AsyncExitStack() as stack:
        first, port = await stack.enter_async_context(_api(place, 0, {}))  # type: ignore[arg-type]
        second, same = await stack.enter_async_context(_api(place, port, {}))  # type: ignore[arg-type]
        assert first != second
        assert same == port

        async def call(number: int) -> str:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                headers = {"API-Key": "demo-qoin", "Idempotency-Key": f"order-{number % 3}"}
                reply = await client.post("/saas/requestin", json=BODY, headers=headers)
            assert reply.status_code == 200, reply.text
            return str(reply.json()["data"]["TicketId"])

        tickets = await asyncio.gather(*(call(number) for number in range(60)))
        counted = set()
        for _ in range(40):
            async with httpx.AsyncClient() as fresh:
                text = (await fresh.get(f"http://127.0.0.1:{port}/metrics")).text
            counted.add(
                tuple(
                    float(next(line for line in text.splitlines() if line.startswith(name)).split()[-1])
                    for name in ("accrual_commands_accepted_total", "accrual_commands_repeated_total")
                )
            )
    assert len(set(tickets)) == 3
    assert len(counted) == 2, "both processes answer at the port"
    assert sum(accepted for accepted, _ in counted) == 3
    assert sum(repeated for _, repeated in counted) == 57
