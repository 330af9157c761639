"""Health, readiness and metrics: open to whoever reaches the port, so nothing personal is in them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from accrual.api.call import Engine, Reply
from accrual.api.held_answer import HeldAnswer
from accrual.api.metrics import CONTENT_TYPE, Meter
from accrual.api.routing import Probe

READY_TIMEOUT_S = 3.0
READY_AGE_MAX_S = 0.25
METRICS_AGE_MAX_S = 1.0
"""How old an answer may be. Both ask the database, and whoever reaches the port may ask for them."""


def probes(engine: Engine, meter: Meter, *, metrics_token: str | None = None) -> Sequence[Probe]:
    """The probes of a process around this engine. With `metrics_token`, metrics want it as a bearer token."""

    async def healthz() -> Reply:
        return Reply(status=200, body=b'{"status":"ok"}')

    async def readyz() -> Reply:
        problems = await _problems(engine)
        body = {"status": "not ready" if problems else "ready", "problems": dict(problems)}
        return Reply(status=503 if problems else 200, body=msgspec.json.encode(body))

    async def metrics() -> Reply:
        return Reply(status=200, body=meter.exposition(await engine.report()), media_type=CONTENT_TYPE)

    return (
        Probe(name="healthz", path="/healthz", answer=healthz),
        Probe(name="readyz", path="/readyz", answer=HeldAnswer(readyz, age_max_s=READY_AGE_MAX_S)),
        Probe(
            name="metrics",
            path="/metrics",
            answer=HeldAnswer(metrics, age_max_s=METRICS_AGE_MAX_S),
            token=metrics_token,
        ),
    )


async def _problems(engine: Engine) -> Mapping[str, str]:
    """What keeps the engine from working; that it does not say so in time is a problem too."""
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            return await engine.ready()
    except TimeoutError:
        return {"engine": f"no answer within {READY_TIMEOUT_S:g} s"}
