"""What benchmarks found, as values, and the one JSON shape they are printed in; no measuring, no drawing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec


class Durability(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that decide whether a commit survives a power cut."""

    synchronous_commit: str
    fsync: str


class Cpu(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds of CPU a command; None where it cannot be seen."""

    python: float | None
    postgresql: float | None


class TableBytes(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes a command in a table's rows, page headers and gaps included, and in its indexes. Bodies are counted apart."""

    row: float
    index: float


class CommandBytes(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes a command on disk. `body` is its compressed body, part of `total` and of no table."""

    total: float
    body: float
    without_body: float
    tables: dict[str, TableBytes]


class Invariants(msgspec.Struct, frozen=True, kw_only=True):
    """What was checked afterwards, and the first of what was wrong."""

    ok: bool
    checked: tuple[str, ...]
    wrong: tuple[str, ...] = ()


class Tpcb(msgspec.Struct, frozen=True, kw_only=True):
    """pgbench's TPC-B on the same server; `tps` is the best of `by_clients`, None with the reason why."""

    tps: float | None
    by_clients: dict[str, float] = {}
    scale: int | None = None
    reason: str | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One measured load. Rates are commands a second, times milliseconds, memory megabytes."""

    distribution: str
    commands: int
    seconds: float
    rate_per_s: float
    cpu_us_per_command: Cpu
    rss_mb: dict[str, float | None]
    p50_ms: float | None = None
    p99_ms: float | None = None
    bytes_per_command: CommandBytes | None = None
    more: dict[str, Any] = {}
    """What only this benchmark tells, printed beside the rest."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A whole benchmark: what held for all runs, and the runs, the first of which the top level repeats."""

    bench: str
    batch: int
    members: int
    lanes: int
    seed: int
    durability: Durability
    server_version: str
    tpcb: Tpcb
    invariants: Invariants
    runs: tuple[Run, ...]
    seconds_in_all: float

    def as_json(self) -> dict[str, Any]:
        """The object that --json prints."""
        shared = {name: msgspec.to_builtins(getattr(self, name)) for name in self.__struct_fields__ if name != "runs"}
        tps = self.tpcb.tps
        runs = [_flat(run, tps) for run in self.runs]
        return {**runs[0], **shared, "tpcb_tps": tps, "runs": runs}


def _flat(run: Run, tps: float | None) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(run)
    more = fields.pop("more")
    return {**fields, **more, "ratio_to_tpcb": ratio(run.rate_per_s, tps)}


def ratio(rate_per_s: float | None, tps: float | None) -> float | None:
    """So many times TPC-B; None where either is unknown."""
    return None if not tps or rate_per_s is None else round(rate_per_s / tps, 2)


def percentile_ms(seconds: Sequence[float], percent: int) -> float | None:
    """A percentile of times given in seconds and in rising order, in milliseconds; None of none."""
    if not seconds:
        return None
    return round(seconds[min(len(seconds) - 1, len(seconds) * percent // 100)] * 1000, 2)
