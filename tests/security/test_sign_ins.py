"""Failed sign-ins are seen and slowed without harm to others; health and metrics cannot be used to wear the database out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest
from structlog.testing import capture_logs

from accrual.api import sign_ins
from accrual.api.call import Reply
from accrual.api.held_answer import HeldAnswer
from accrual.api.mount import build_app, build_probes_app
from accrual.api.sign_ins import SignIns
from tests.unit.api.engine_double import EngineDouble, client

pytestmark = pytest.mark.security

TOKEN = "a-token-of-this-test"


class _Time:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def _desk() -> tuple[SignIns, _Time]:
    time = _Time()
    return SignIns(clock=time, sleep=time.sleep), time


async def test_first_failures_are_answered_at_once_and_later_ones_wait_longer_up_to_a_second() -> None:
    desk, time = _desk()
    for _ in range(sign_ins.FREE):
        await desk.failed("10.0.0.1", "commands", "unauthorized")
    assert time.slept == []
    for _ in range(7):
        await desk.failed("10.0.0.1", "commands", "unauthorized")
    assert time.slept == [0.0625, 0.125, 0.25, 0.5, 1.0, 1.0, 1.0]


async def test_other_addresses_and_the_next_minute_begin_anew() -> None:
    desk, time = _desk()
    for _ in range(sign_ins.FREE):
        await desk.failed("10.0.0.1", "commands", "unauthorized")
    await desk.failed("10.0.0.2", "commands", "unauthorized")
    time.now = sign_ins.WINDOW_S
    await desk.failed("10.0.0.1", "commands", "unauthorized")
    assert time.slept == []


async def test_log_tells_the_address_and_does_not_grow_with_the_guesses() -> None:
    desk, _ = _desk()
    with capture_logs() as logged:
        for _ in range(1_000):
            await desk.failed("10.0.0.1", "commands", "unauthorized")
    assert [each["failures_within_a_minute"] for each in logged] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert {(each["event"], each["host"], each["route"]) for each in logged} == {
        ("sign_in_failed", "10.0.0.1", "commands")
    }


async def test_what_is_remembered_and_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_ins, "ADDRESSES_MAX", 2)
    monkeypatch.setattr(sign_ins, "WAITING_MAX", 1)
    monkeypatch.setattr(sign_ins, "FREE", 1)
    gate = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        await gate.wait()

    desk = SignIns(clock=lambda: 0.0, sleep=sleep)
    for host in ("a", "b", "c"):
        await desk.failed(host, "commands", "unauthorized")
    await asyncio.wait_for(desk.failed("a", "commands", "unauthorized"), 1)  # forgotten: its first failure again
    waits = asyncio.create_task(desk.failed("c", "commands", "unauthorized"))
    await asyncio.sleep(0)
    await asyncio.wait_for(desk.failed("c", "commands", "unauthorized"), 1)  # there is no room to wait
    assert not waits.done()
    gate.set()
    await waits


async def _get(app: Callable[..., object], path: str, **headers: str | bytes) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://edge") as http:
        return await http.get(
            path,
            headers={
                name.encode(): value if isinstance(value, bytes) else value.encode() for name, value in headers.items()
            },
        )


async def test_edge_counts_what_it_refuses_and_nothing_else() -> None:
    app = build_app(EngineDouble(("known", client(rights=("read",))), ("bare", client(code="bare", rights=()))))
    await _get(app, "/v1/parked", **{"API-Key": "unknown"})
    await _get(app, "/v1/parked")
    await _get(app, "/v1/parked", **{"API-Key": "known"})
    assert (await _get(app, "/v1/parked", **{"API-Key": "bare"})).status_code == 403
    lines = (await _get(app, "/metrics")).text.splitlines()
    assert [line for line in lines if line.startswith("accrual_sign_ins_failed_total{")] == [
        'accrual_sign_ins_failed_total{route="native_parked"} 2.0'
    ]


@pytest.mark.parametrize("build", [build_app, build_probes_app])
async def test_metrics_want_the_token_where_there_is_one(build: Callable[..., Callable[..., object]]) -> None:
    app = build(EngineDouble(), metrics_token=TOKEN)
    assert (await _get(app, "/metrics")).status_code == 401
    assert (await _get(app, "/metrics", Authorization=f"Basic {TOKEN}")).status_code == 401
    assert (await _get(app, "/metrics", Authorization=f"Bearer {TOKEN}x")).status_code == 401
    assert (await _get(app, "/metrics", Authorization="Bearer Schl\u00fcssel".encode("latin-1"))).status_code == 401
    assert (await _get(app, "/metrics", Authorization=f"bearer {TOKEN}")).status_code == 200
    assert (await _get(app, "/healthz")).status_code == 200


async def test_answer_is_made_once_for_all_who_ask_and_again_when_it_is_old() -> None:
    now, made = 0.0, 0

    async def make() -> Reply:
        nonlocal made
        made += 1
        await asyncio.sleep(0)
        return Reply(status=200, body=b"%d" % made)

    held = HeldAnswer(make, age_max_s=1.0, clock=lambda: now)
    assert {each.body for each in await asyncio.gather(*[held() for _ in range(50)])} == {b"1"}
    now = 0.99
    assert (await held()).body == b"1"
    now = 1.0
    assert (await held()).body == b"2"


async def test_failure_is_not_kept() -> None:
    answers = [RuntimeError("no database"), Reply(status=200, body=b"fine")]

    async def make() -> Reply:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    held = HeldAnswer(make, age_max_s=1.0, clock=lambda: 0.0)
    with pytest.raises(RuntimeError):
        await held()
    assert (await held()).body == b"fine"
