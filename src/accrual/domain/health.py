"""What is read of a running installation to judge its health: plain values; what they mean is judged elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple


class WorkerHealth(NamedTuple):
    """A lane process: its beat at a first and a second look (None: gone by then), and the buckets it owns."""

    label: str
    beat_first: int
    beat_second: int | None
    connected: bool
    buckets: int


class ClientHealth(NamedTuple):
    """A client as far as its safety goes."""

    programme: str
    code: str
    has_key: bool
    signature: str


class HotTable(NamedTuple):
    """A small table that is updated all the time: rows it should have, bytes it takes, dead rows in it."""

    name: str
    rows: int
    size_bytes: int
    dead_rows: int


class ServerHealth(NamedTuple):
    """The server and its settings, as one session sees them. `asked_at` is the server's clock."""

    version: str
    settings: Mapping[str, str]
    asked_at: datetime
    database_bytes: int
    oldest_snapshot_at: datetime | None
    oldest_snapshot_label: str
    hidden_sessions: int
    slots_holding_back: int


class BooksHealth(NamedTuple):
    """Log, lanes and rights. `changeable` are history tables that the runtime session may change.

    `upkeep_oldest` is up to when the bucket that is furthest behind was looked through, of `upkeep_buckets` that ever were.
    `checkpoint_at` is when the newest checkpoint was signed.
    """

    role: str
    is_superuser: bool
    changeable: tuple[str, ...]
    buckets: int
    backlog: int
    backlog_bucket_max: int
    owned: int
    parked: int
    parked_sample: tuple[tuple[bytes, str], ...]
    workers: tuple[WorkerHealth, ...]
    clients: tuple[ClientHealth, ...]
    demo_programmes: tuple[str, ...]
    programmes: int
    hot_tables: tuple[HotTable, ...]
    upkeep_oldest: datetime | None = None
    upkeep_buckets: int = 0
    checkpoint_at: datetime | None = None


class HostHealth(NamedTuple):
    """What the command knows without the database. Free and total bytes are None where the data is elsewhere."""

    clock: datetime
    data_dir: str
    disk_free_bytes: int | None
    disk_total_bytes: int | None
    migrations_applied: tuple[str, ...]
    notice: str
