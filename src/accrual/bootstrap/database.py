"""Wires the embedded database for the commands that use one; decides nothing about it."""

from accrual.store.embedded import (
    EmbeddedServer,
    ServerStatus,
    Supervisor,
)
from accrual.store.embedded import adopt as embedded_adopt
from accrual.store.embedded import erase as embedded_erase
from accrual.store.embedded import release as embedded_release
from accrual.store.embedded import start as embedded_start
from accrual.store.embedded import status as embedded_status
from accrual.store.embedded import stop as embedded_stop

__all__ = [
    "EmbeddedServer",
    "ServerStatus",
    "Supervisor",
    "embedded_adopt",
    "embedded_erase",
    "embedded_release",
    "embedded_start",
    "embedded_status",
    "embedded_stop",
]
