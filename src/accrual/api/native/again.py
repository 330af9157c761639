"""The content digest of a stored native command by today's translator; asked before a key is said to be reused."""

from __future__ import annotations

from accrual.api.native.wire import read_command
from accrual.domain.programme import Catalogue, StoredClient
from accrual.engine.translate_native import Translator


def content_of(raw: bytes, catalogue: Catalogue, client: StoredClient) -> bytes:
    """Raises Invalid when today's translator no longer takes these bytes."""
    return Translator(client, catalogue).content_of(read_command(raw))
