"""GET /v1/referrals and POST /v1/referrals/{id}/approve|refuse: the right they need, paging, what each refuses."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest

from accrual.api.mount import build_app
from accrual.api.native import shapes
from accrual.api.native.routes import NativeLimits
from accrual.domain.commands import Dialect, Submission, encode_command
from accrual.domain.facts import Identity, Referral
from accrual.domain.referrals import Claim, HeldClaim, HeldRow, Verdict, links_of
from accrual.engine.referrals import HeldPage, Referrals
from tests.contract.native.test_commands import view
from tests.unit.api.engine_double import KEY, EngineDouble, client

CLAIM = bytes.fromhex("ba6b3a0e0b1280349d560123456789ab")
ID = str(uuid.UUID(bytes=CLAIM))
AT = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


class Held:
    """Held referrals of programme 1, at positions from 1 on."""

    buckets = 256

    def __init__(self) -> None:
        self.claims = [self._claim(bytes([*CLAIM[:15], n]), n, n % 3) for n in range(1, 8)]
        self.claims.append(self._claim(CLAIM, 8, 0))
        self.noted: list[tuple[Any, ...]] = []

    def _claim(self, ticket: bytes, position: int, verdict: int) -> HeldClaim:
        claim = Claim(
            dialect=Dialect.NATIVE,
            action="referral",
            identity=links_of(1),
            member=Identity("msisdn", "1"),
            member_id=bytes(16),
            facts=(Referral(referrer=Identity("msisdn", "2"), occurred_at=AT),),
            parent=CLAIM,
            install_id="phone",
        )
        return HeldClaim(HeldRow(7, ticket, position, 1, verdict), 45, AT, encode_command(claim))

    async def page(self, bucket: int, programme_id: int, *, open_only: bool, after: int, limit: int) -> list[HeldClaim]:
        found = [each for each in self.claims if each.row.position > after and not (open_only and each.row.verdict)]
        return found[:limit]

    async def one(self, bucket: int, claim: bytes) -> HeldClaim | None:
        return next((each for each in self.claims if each.row.claim == claim), None)

    async def note_verdict(self, *said: Any) -> None:
        self.noted.append(said)


class Desk(EngineDouble):
    """An engine with held referrals."""

    def __init__(self) -> None:
        super().__init__((KEY, client(rights=("operate",))), ("till", client(rights=("submit", "read"))))
        self.source = Held()
        self.sent: list[Submission] = []
        self.referrals = Referrals(self.source, self._accept, now=lambda: AT)

    async def _accept(self, submission: Submission) -> Any:
        self.sent.append(submission)
        return await self.submit(submission)


@pytest.fixture
def engine() -> Desk:
    return Desk()


@pytest.fixture
async def http(engine: Desk) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(engine, native=NativeLimits(wait_max_s=8.0))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://api", headers={"API-Key": KEY}
    ) as http:
        yield http


async def test_page_shows_what_is_held_and_with_all_what_was_judged(http: httpx.AsyncClient) -> None:
    page = msgspec.json.decode((await http.get("/v1/referrals")).content, type=HeldPage)
    assert {each.status for each in page.referrals} == {"held"}
    assert page.referrals[-1].id == ID
    shown = page.referrals[-1]
    assert (shown.member, shown.referrer) == ({"kind": "msisdn", "value": "1"}, {"kind": "msisdn", "value": "2"})
    assert (shown.install_id, shown.occurred_at, page.next_after) == ("phone", AT, None)
    reply = await http.get("/v1/referrals?status=all&after=5")
    page = msgspec.json.decode(reply.content, type=HeldPage)
    assert [each.status for each in page.referrals] == ["held", "approved", "held"]


@pytest.mark.parametrize(("action", "approved"), [("approve", True), ("refuse", False)])
async def test_verdict_is_a_command_in_the_name_of_the_client_that_told_of_it(
    http: httpx.AsyncClient, engine: Desk, action: str, approved: bool
) -> None:
    reply = await http.post(f"/v1/referrals/{ID}/{action}", json={"reason": " brothers "})
    assert (reply.status_code, engine.waited_s) == (202, [8.0])
    msgspec.json.decode(reply.content, type=shapes.Receipt)
    engine.decided = view(status="decided")
    again = await http.post(f"/v1/referrals/{ID}/{action}", json={"reason": "once more"})
    assert again.status_code == 200
    msgspec.json.decode(again.content, type=shapes.Answer)
    first, second = engine.sent
    verdict = first.command
    assert isinstance(verdict, Verdict)
    assert (verdict.approved, verdict.note, verdict.target, first.client_id) == (approved, "brothers", CLAIM, 45)
    assert (first.key, first.content) == (second.key, second.content)
    ids = {said[0] for said in engine.source.noted}
    assert len(ids) == 1, "the audit keeps one note of one command"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (f"/v1/referrals/{ID}/approve", {}, 400, "invalid_field"),
        (f"/v1/referrals/{ID}/approve", {"reason": "  "}, 400, "invalid_field"),
        (f"/v1/referrals/{ID}/approve", {"reason": "x" * 1001}, 400, "invalid_field"),
        (f"/v1/referrals/{ID}/approve", {"reason": "x", "other": "y"}, 400, "invalid_field"),
        (f"/v1/referrals/{ID}/forget", {"reason": "x"}, 404, "unknown_route"),
        (f"/v1/referrals/{ID[:-2]}ff/approve", {"reason": "x"}, 404, "referral_unknown"),
        ("/v1/referrals/nonsense/approve", {"reason": "x"}, 404, "referral_unknown"),
        (f"/v1/referrals/{ID[:-2]}01/refuse", {"reason": "x"}, 409, "referral_judged"),
    ],
)
async def test_verdict_that_cannot_be_is_refused_and_nothing_is_sent(
    http: httpx.AsyncClient, engine: Desk, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    reply = await http.post(path, json=body)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert (engine.sent, engine.source.noted) == ([], [])


@pytest.mark.parametrize("query", ["status=other", "after=x", "after=-1"])
async def test_page_wants_a_status_and_a_place_it_knows(http: httpx.AsyncClient, query: str) -> None:
    reply = await http.get(f"/v1/referrals?{query}")
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_field")


async def test_both_need_the_right_to_operate(http: httpx.AsyncClient, engine: Desk) -> None:
    other = {"API-Key": "till"}
    assert (await http.get("/v1/referrals", headers=other)).status_code == 403
    reply = await http.post(f"/v1/referrals/{ID}/approve", headers=other, json={"reason": "x"})
    assert (reply.status_code, engine.sent) == (403, [])
