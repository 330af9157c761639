"""Counts HTTP requests and writes everything in Prometheus' text form; what the engine did is told to it as a report."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from accrual.engine import report

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Meter:
    """Counts the requests of one process. Its labels are route names and statuses, so that they cannot grow without bound."""

    def __init__(self) -> None:
        # A creation time beside every count doubles the page and tells nobody anything.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves this one untyped
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "accrual_http_requests", "HTTP requests by route and status", ["route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "accrual_http_request_seconds",
            "Time from the first byte to the last, by route",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._sign_ins = Counter(
            "accrual_sign_ins_failed", "Requests without a valid key, by route", ["route"], registry=self._registry
        )
        # labels() locks and hashes; keeping its answers makes counting a request three times cheaper.
        self._counters: dict[tuple[str, int], Counter] = {}
        self._timers: dict[str, Histogram] = {}

    def request(self, route: str, status: int, elapsed_ns: int) -> None:
        """Count one answered request."""
        counter = self._counters.get((route, status))
        if counter is None:
            counter = self._counters[route, status] = self._requests.labels(route, str(status))
        counter.inc()
        timer = self._timers.get(route)
        if timer is None:
            timer = self._timers[route] = self._seconds.labels(route)
        timer.observe(elapsed_ns / 1e9)

    def sign_in_failed(self, route: str) -> None:
        """Count one request whose caller could not be told."""
        self._sign_ins.labels(route).inc()

    def exposition(self, engine: report.EngineReport) -> bytes:
        """All metrics of this process and of the lanes that the engine's report knows."""
        return generate_latest(_Everything(self._registry, engine))


class _Everything:
    def __init__(self, registry: CollectorRegistry, engine: report.EngineReport) -> None:
        self._registry = registry
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        yield from self._registry.collect()
        yield from _of_submitting(self._engine.submit)
        yield from _of_lanes(self._engine.lanes)
        if self._engine.backlog is not None:
            yield GaugeMetricFamily("accrual_backlog_commands", "Commands not yet decided", self._engine.backlog)
        if self._engine.oldest_xmin_age_s is not None:
            yield GaugeMetricFamily(
                "accrual_oldest_xmin_age_seconds",
                "Age of the oldest snapshot in the database; old ones make appending slow",
                self._engine.oldest_xmin_age_s,
            )


def _of_submitting(submit: report.SubmitReport) -> Iterator[Metric]:
    yield CounterMetricFamily("accrual_commands_accepted", "Commands appended to the log", submit.accepted_total)
    yield CounterMetricFamily("accrual_commands_repeated", "Commands that were already there", submit.repeated_total)
    yield _by("accrual_commands_refused", "Commands turned away", "code", submit.refused_total)
    yield _by("accrual_warnings", "What clients do that may be refused one day", "code", submit.warnings_total)
    family = HistogramMetricFamily("accrual_submit_flush_commands", "Commands one append carried")
    _add(family, [], submit.flush_rows, report.ROWS_BOUNDS, 1)
    yield family


def _of_lanes(lanes: tuple[report.LaneReport, ...]) -> Iterator[Metric]:
    counters = {
        name: CounterMetricFamily(f"accrual_{name}", text, labels=["lane"])
        for name, text in (
            ("commands_decided", "Commands decided"),
            ("commands_parked", "Commands set aside because they cannot be decided"),
            ("awards", "Awards booked"),
            ("fence_refused", "Postings refused because another lane owns the bucket"),
        )
    }
    buckets = GaugeMetricFamily("accrual_lane_buckets", "Buckets a lane owns", labels=["lane"])
    lag = GaugeMetricFamily(
        "accrual_lane_lag_commands", "Commands of a lane's buckets not yet decided", labels=["lane"]
    )
    batches = HistogramMetricFamily("accrual_batch_commands", "Commands of one batch", labels=["lane"])
    posting = HistogramMetricFamily("accrual_posting_seconds", "Time of one posting transaction", labels=["lane"])
    for lane in lanes:
        key = [f"{lane.label}/{lane.worker_id[:8]}"]
        counters["commands_decided"].add_metric(key, lane.decided_total)
        counters["commands_parked"].add_metric(key, lane.parked_total)
        counters["awards"].add_metric(key, lane.awards_total)
        counters["fence_refused"].add_metric(key, lane.fence_refused_total)
        buckets.add_metric(key, lane.buckets)
        lag.add_metric(key, lane.lag)
        _add(batches, key, lane.batch_rows, report.ROWS_BOUNDS, 1)
        _add(posting, key, lane.posting_us, report.POSTING_US_BOUNDS, 1_000_000)
    yield from counters.values()
    yield from (buckets, lag, batches, posting)


def _by(name: str, text: str, label: str, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for key, count in sorted(counts.items()):
        family.add_metric([key], count)
    return family


def _add(
    family: HistogramMetricFamily, labels: list[str], seen: report.Histogram, bounds: tuple[int, ...], divisor: int
) -> None:
    """Add a histogram kept in whole units; Prometheus' base unit is `divisor` of them."""
    cumulative = seen.cumulative or (0,) * len(bounds)
    buckets = [(str(bound / divisor), below) for bound, below in zip(bounds, cumulative, strict=False)]
    family.add_metric(labels, [*buckets, ("+Inf", seen.count)], seen.sum / divisor)
