"""Previews one body from a file in a client's name, over the database that a command means. Nothing is submitted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from accrual.bootstrap.asking import asking
from accrual.bootstrap.clocks import fresh_bytes, utc_now
from accrual.bootstrap.settings import read_settings
from accrual.bootstrap.submitting import CHANCE_BYTES, READERS, choose_sender
from accrual.domain.errors import TooLarge
from accrual.engine.views import Previewed


async def preview_body(
    raw: bytes,
    dialect: str,
    *,
    data_dir: Path | None,
    database_url: str | None,
    programme: str | None,
    client: str | None,
    tell: Callable[[str], None] | None = None,
) -> tuple[Previewed, str, str]:
    """What submitting this body now would come to, with the codes of client and programme. `dialect`: `native` or `qoin`.

    Raises what reading the body raises, Missing, Invalid `client_missing` or `programme_ambiguous`, DatabaseDown.
    """
    bytes_max = read_settings().body_bytes_max
    if len(raw) > bytes_max:
        raise TooLarge(details={"bytes_max": bytes_max})
    async with asking(data_dir, database_url, on_progress=tell) as engine:
        sender = choose_sender(engine, programme, client, dialect)
        now = utc_now()
        submission = READERS[dialect](raw, sender, now, fresh_bytes(CHANCE_BYTES))
        previewed = await engine.preview(submission, now)
        return previewed, sender.client.client.code, sender.catalogue.settings.code
