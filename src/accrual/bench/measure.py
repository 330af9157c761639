"""What every benchmark does around its load: the yardstick first, the clock, readings of CPU, and the result put together."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from accrual.bench.options import Options, Progress
from accrual.bench.processes import cpu_s, postmaster_of, server_cpu_s
from accrual.bench.results import Durability, Invariants, Result, Run, Tpcb
from accrual.bench.tpcb import CLIENTS, measure_tpcb
from accrual.bootstrap.bench import BenchDatabase, BenchServer


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A moment on the steady clock, and the seconds of CPU used up to it by processes of ours and by PostgreSQL."""

    at_s: float
    python_s: float | None
    server_s: float | None

    def python_since(self, earlier: Reading) -> float | None:
        """Seconds of our own CPU since then."""
        return None if self.python_s is None or earlier.python_s is None else self.python_s - earlier.python_s

    def server_since(self, earlier: Reading) -> float | None:
        """Seconds of PostgreSQL's CPU since then."""
        return None if self.server_s is None or earlier.server_s is None else self.server_s - earlier.server_s


class Bench:
    """One invocation: when it began, what TPC-B did, what the server says of itself."""

    def __init__(self, options: Options, started_s: float, tpcb: Tpcb) -> None:
        self._options = options
        self._started_s = started_s
        self.tpcb = tpcb
        self._postmaster: int | None = None
        self._durability = Durability(synchronous_commit="", fsync="")
        self._version = ""

    @classmethod
    async def begin(cls, server: BenchServer, options: Options, progress: Progress) -> Bench:
        """Start the clock and measure TPC-B, unless the order leaves it out."""
        started_s = time.perf_counter()
        tpcb = Tpcb(tps=None, reason="left out by --no-tpcb")
        if options.tpcb:
            tpcb = await measure_tpcb(server, progress.stage("pgbench TPC-B", len(CLIENTS)))
        return cls(options, started_s, tpcb)

    async def look_at(self, database: BenchDatabase) -> None:
        """Learn what the server is and which process it is."""
        facts = await database.probe.server()
        self._durability = Durability(synchronous_commit=facts.synchronous_commit, fsync=facts.fsync)
        self._version = facts.version
        self._postmaster = postmaster_of(facts.backend_pid)

    def read(self, pids: Iterable[int]) -> Reading:
        """The clock, and what these processes and PostgreSQL have used."""
        return Reading(at_s=time.perf_counter(), python_s=cpu_s(pids), server_s=server_cpu_s(self._postmaster))

    def left_s(self) -> float:
        """Seconds until the order's deadline."""
        return self._started_s + self._options.deadline_s - time.perf_counter()

    def result(self, name: str, batch: int, lanes: int, runs: Sequence[Run], invariants: Invariants) -> Result:
        """Everything that is printed."""
        return Result(
            bench=name,
            batch=batch,
            members=self._options.members,
            lanes=lanes,
            seed=self._options.seed,
            durability=self._durability,
            server_version=self._version,
            tpcb=self.tpcb,
            invariants=invariants,
            runs=tuple(runs),
            seconds_in_all=round(time.perf_counter() - self._started_s, 1),
        )
