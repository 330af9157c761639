"""Embedded PostgreSQL: the one door to the launcher in this package; callers never import its modules."""

from accrual.store.embedded.lifecycle import adopt, erase, release, start, stop
from accrual.store.embedded.report import status
from accrual.store.embedded.server import DATABASE, EmbeddedServer, ServerStatus
from accrual.store.embedded.supervise import Supervisor

__all__ = [
    "DATABASE",
    "EmbeddedServer",
    "ServerStatus",
    "Supervisor",
    "adopt",
    "erase",
    "release",
    "start",
    "status",
    "stop",
]
