"""Where the contract tests of both Qoin dialects hand in requests: routes over an engine that only remembers."""

from __future__ import annotations

import copy
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from accrual.api.call import Call
from accrual.api.dialects.qoin import routes
from accrual.domain.commands import Reward, Submission
from accrual.domain.errors import AccrualError
from accrual.domain.programme import Settings
from tests.unit.api.engine_double import CATALOGUE, EngineDouble, client

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SETTINGS = Settings(code="demo", currency="IDR", minor_units=2, time_zone="Asia/Jakarta", late_limit=None)
RIGHTS = ("qoin_task", "qoin_processor")
UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Answer(NamedTuple):
    """A reply, with the submission that it came of (None: refused before the engine)."""

    status: int
    text: str
    submission: Submission | None

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def pairs(self) -> Any:
        """The reply with objects as lists of pairs, so that the order of keys counts."""
        return as_pairs(self.text)

    @property
    def message(self) -> str:
        return str(self.json["Message"])

    @property
    def taken(self) -> Submission:
        assert self.submission is not None, self.text
        return self.submission

    @property
    def command(self) -> Reward:
        command = self.taken.command
        assert isinstance(command, Reward)
        return command


class Desk:
    """One client of one programme at the two routes."""

    def __init__(self, *, settings: Settings = SETTINGS, **client_changes: Any) -> None:
        self.engine = EngineDouble()
        self.client = client(**{"number": 45, "rights": RIGHTS} | client_changes)
        self.catalogue = msgspec.structs.replace(CATALOGUE, settings=settings)
        self.calls = 0

    async def hand_in(
        self, body: Any, *, key: str | None = None, to: Any = routes.requestin, now: datetime = NOW
    ) -> Answer:
        """Post a body: bytes as they are, anything else as JSON. A refusal is rendered as the HTTP edge does."""
        self.calls += 1
        before = dict(self.engine.submissions)
        call = Call(
            client=self.client,
            catalogue=self.catalogue,
            path="/saas/requestin",
            headers={} if key is None else {"idempotency-key": key},
            body=body if isinstance(body, bytes) else json.dumps(body).encode(),
            now=now,
            chance=self.calls.to_bytes(16, "big"),
        )
        try:
            reply = await to(call, self.engine)
        except AccrualError as error:
            reply = routes.failure(error)
        new = [it for ticket, it in self.engine.submissions.items() if ticket not in before]
        assert reply.media_type == "application/json"
        return Answer(reply.status, reply.body.decode(), new[0] if new else None)

    async def fetch(self, body: Any) -> Answer:
        return await self.hand_in(body, to=routes.requestout)


def fixture(dialect: str, name: str) -> Any:
    """A captured example: its request, response and notes."""
    return json.loads((Path(__file__).parent / dialect / "fixtures" / f"{name}.json").read_text(encoding="utf-8"))


def request(dialect: str, name: str) -> Any:
    """The request of a captured example, to be changed at will."""
    return copy.deepcopy(fixture(dialect, name)["request"])


def as_pairs(text: str) -> Any:
    return json.loads(text, object_pairs_hook=list)


def masked(value: Any) -> Any:
    """The same with each UUID in it replaced, for replies that are equal but for their ticket."""
    return json.loads(UUID.sub("<uuid>", json.dumps(value)))


def refusal(status: int, message: str) -> list[tuple[str, Any]]:
    """The gateway's error reply, as pairs."""
    return [("Status", "failed"), ("StatusCode", status), ("Message", message), ("Data", None)]
