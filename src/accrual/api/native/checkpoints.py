"""The public page of signed checkpoints: open to everybody, cached, whole pages only. Signs nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from accrual.api.call import Engine, Reply
from accrual.domain.checkpoints import PublishedCheckpoint, written_at
from accrual.domain.errors import Invalid

PAGE = 100
CACHED_PAGES_MAX = 128
FRESH_S = 1.0
_ENCODER = msgspec.json.Encoder()


class CheckpointShown(msgspec.Struct, frozen=True, kw_only=True):
    """One checkpoint. `note` is the signed text, everything else is said again from it or beside it."""

    number: int
    recorded_at: str
    note: str


class CheckpointPage(msgspec.Struct, frozen=True, kw_only=True):
    """At most 100 checkpoints in order. `after` asks for the ones that follow; it is 0 while there are none yet."""

    checkpoints: list[CheckpointShown]
    after: int


class CheckpointPages:
    """GET /v1/checkpoints: the newest page, or with `?after=` the one behind a number that is a multiple of 100."""

    def __init__(self, engine: Engine, *, monotonic: Callable[[], float]) -> None:
        self._engine = engine
        self._monotonic = monotonic
        self._pages: dict[int | None, tuple[float, bytes]] = {}

    async def answer(self, query: str) -> Reply:
        """One page. Raises Invalid for a query that is none, DatabaseDown."""
        after = _after(query)
        now_s = self._monotonic()
        fresh_until_s, body = self._pages.get(after, (0.0, b""))
        if now_s >= fresh_until_s:
            body = await self._page(after)
            if len(self._pages) >= CACHED_PAGES_MAX:
                self._pages.clear()
            self._pages[after] = (now_s + FRESH_S, body)
        return Reply(status=200, body=body, headers={"cache-control": f"public, max-age={FRESH_S:.0f}"})

    async def _page(self, after: int | None) -> bytes:
        checkpoints = self._engine.checkpoints
        if after is None:
            newest = await checkpoints.newest()
            after = 0 if newest is None else (newest.number - 1) // PAGE * PAGE
        found = await checkpoints.after(after, PAGE)
        page = CheckpointPage(checkpoints=[_shown(each) for each in found], after=after + len(found))
        return _ENCODER.encode(page)


def _shown(found: PublishedCheckpoint) -> CheckpointShown:
    return CheckpointShown(number=found.number, recorded_at=written_at(found.recorded_at), note=found.note)


def _after(query: str) -> int | None:
    if not query:
        return None
    name, _, value = query.partition("=")
    if name != "after" or not value.isascii() or not value.isdigit() or len(value) > 9 or int(value) % PAGE:
        raise Invalid(
            f"The query is `after=` and a multiple of {PAGE}, or nothing for the newest page.",
            code="invalid_field",
            details={"path": "after"},
        )
    return int(value)


CHECKPOINT_TYPES = (CheckpointShown, CheckpointPage)


def checkpoint_paths() -> dict[str, Any]:
    """The path /v1/checkpoints as OpenAPI describes it; failures are described where `openapi` fills them in."""
    page = {"$ref": "#/components/schemas/CheckpointPage"}
    return {
        "/v1/checkpoints": {
            "get": {
                "operationId": "listCheckpoints",
                "summary": "Signed checkpoints of the history: the newest page, or the one after a number. Needs no key",
                "security": [],
                "parameters": [
                    {
                        "in": "query",
                        "name": "after",
                        "schema": {"type": "integer", "minimum": 0, "multipleOf": PAGE},
                        "description": f"Only those with higher numbers; a multiple of {PAGE}",
                    }
                ],
                "responses": {
                    "200": {
                        "description": "At most 100 checkpoints in order",
                        "content": {"application/json": {"schema": page}},
                    },
                    **{status: {} for status in ("400", "500", "503")},
                },
            }
        }
    }
