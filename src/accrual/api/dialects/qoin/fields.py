"""What the engine needs of the Qoin dialects after the call is over, by dialect; the fields themselves are theirs to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from accrual.api.dialects.qoin_processor import translate as processor_translate
from accrual.api.dialects.qoin_processor import wire as processor_wire
from accrual.api.dialects.qoin_task import translate as task_translate
from accrual.api.dialects.qoin_task import wire as task_wire
from accrual.domain.commands import Dialect
from accrual.domain.programme import Catalogue, StoredClient

FIELDS_BY_DIALECT: Mapping[Dialect, Callable[[bytes], dict[str, Any]]] = {
    Dialect.QOIN_TASK: task_wire.fields,
    Dialect.QOIN_PROCESSOR: processor_wire.fields,
}
"""A stored body's fields with their values, for the Transaction History."""

TRANSLATE_AGAIN: Mapping[Dialect, Callable[[bytes, Catalogue, StoredClient], bytes]] = {
    Dialect.QOIN_TASK: task_translate.content_of,
    Dialect.QOIN_PROCESSOR: processor_translate.content_of,
}
"""A stored body's content digest by today's translator: asked before a key is said to be reused."""
