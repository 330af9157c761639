"""Embedded PostgreSQL: the one door to the launcher in this package; callers never import its modules."""

from accrual.store.embedded.lifecycle import adopt, release, start, stop
from accrual.store.embedded.report import status
from accrual.store.embedded.server import DATABASE, EmbeddedServer, ServerStatus
from accrual.store.embedded.supervise import Supervisor

__all__ = ["DATABASE", "EmbeddedServer", "ServerStatus", "Supervisor", "adopt", "release", "start", "status", "stop"]
