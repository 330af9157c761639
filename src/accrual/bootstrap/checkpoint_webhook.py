"""Hands each new checkpoint to a second party: its signed text is posted to the URL that the operator configured."""

from __future__ import annotations

import asyncio
import http.client
from urllib.parse import urlsplit

import structlog

from accrual.domain.errors import Invalid
from accrual.engine.checkpoints import Made

ATTEMPTS_MAX = 3
TIMEOUT_S = 5.0
PAUSE_S = 1.0


class CheckpointWebhook:
    """Posts checkpoints to one URL. One that could not be delivered is not kept: the next one covers all that it did."""

    def __init__(self, url: str, *, pause_s: float = PAUSE_S, timeout_s: float = TIMEOUT_S) -> None:
        """Raises Invalid for a URL that is not `http` or `https`."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Invalid(
                f"ACCRUAL_CHECKPOINT_WEBHOOK_URL takes an http or https URL, not {parts.scheme or 'one without scheme'}.",
                code="checkpoint_webhook_invalid",
            )
        self._parts = parts
        self._pause_s, self._timeout_s = pause_s, timeout_s
        self._log = structlog.get_logger("checkpoints")

    async def hand_on(self, made: Made) -> None:
        """Post one checkpoint, at most ATTEMPTS_MAX times; what keeps it from arriving is logged."""
        why = ""
        for attempt in range(ATTEMPTS_MAX):
            if attempt:
                await asyncio.sleep(self._pause_s * 2**attempt)
            try:
                status = await asyncio.to_thread(self._post, made.published.note)
            except (OSError, http.client.HTTPException) as error:
                why = f"{type(error).__name__}: {error}"
                continue
            if 200 <= status < 300:
                return
            why = f"status {status}"
        self._log.warning("checkpoint_not_delivered", number=made.published.number, reason=why)

    def _post(self, note: str) -> int:
        """The status of the answer. Redirects are not followed."""
        parts = self._parts
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(str(parts.hostname), parts.port, timeout=self._timeout_s)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, note.encode(), {"content-type": "text/plain; charset=utf-8"})
            return connection.getresponse().status
        finally:
            connection.close()
