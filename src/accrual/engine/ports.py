"""What the engine needs from the store, as Protocols. The store implements them; bootstrap puts the two together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from accrual.domain.log import AppendRow, KeyHome, Known
from accrual.domain.programme import Catalogue, StoredClient


class CommandLog(Protocol):
    """The durable, ordered log of commands."""

    async def find(self, tickets: Sequence[tuple[int, bytes]]) -> dict[bytes, Known]:
        """Those of the (bucket, ticket) pairs that are in the log, by ticket."""

    async def append(self, rows: Sequence[AppendRow], recorded_at: datetime) -> dict[bytes, Known] | None:
        """Append all rows in one statement, durable on return; None when a ticket was already there (nothing appended)."""

    async def find_keys(self, keys: Sequence[tuple[int, int, bytes]]) -> dict[tuple[int, bytes], KeyHome]:
        """Known client-wide keys of (bucket, client_id, key_digest), by (client_id, key_digest)."""

    async def append_with_keys(
        self, rows: Sequence[AppendRow], homes: Sequence[KeyHome], recorded_at: datetime
    ) -> dict[bytes, Known] | None:
        """As append, writing the client-wide keys in the same statement; None when a ticket or key was already there."""

    async def backlog(self) -> Mapping[int, int]:
        """Commands appended and not yet decided, by bucket; buckets without any are left out."""

    async def decided(self, places: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
        """Those of the (bucket, position) pairs that have an outcome."""

    async def body_of(self, bucket: int, position: int) -> tuple[int, bytes] | None:
        """(dialect, raw body) of a command, decompressed; None when it was erased."""


class CatalogueSource(Protocol):
    """Where catalogue revisions are read from."""

    async def revisions(self) -> dict[int, int]:
        """The current revision of every programme, by programme_id."""

    async def catalogue(self, programme_id: int, revision: int | None = None) -> Catalogue:
        """A programme at a revision (None: the newest). Raises Missing."""

    async def clients(self) -> list[StoredClient]:
        """Every client that has not been ended, with its key digest."""


class ReportSource(Protocol):
    """What operators are told of lanes and server."""

    async def lanes(self) -> list[str]:
        """The JSON report of each lane process that is connected."""

    async def oldest_snapshot_age_s(self, now: datetime) -> int:
        """Age of the oldest snapshot that the server still has to honour, in whole seconds."""
