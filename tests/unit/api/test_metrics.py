"""What /metrics shows of lanes and submitter, read back with Prometheus' own parser."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from accrual.api.metrics import Meter
from accrual.engine.report import (
    POSTING_US_BOUNDS,
    ROWS_BOUNDS,
    EngineReport,
    LaneReport,
    SubmitReport,
    Tally,
)


def _samples(report: EngineReport) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = Meter().exposition(report).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_tally_counts_up_to_and_including_each_bound() -> None:
    tally = Tally((1, 4, 16))
    for value in (0, 1, 2, 4, 5, 100):
        tally.observe(value)
    histogram = tally.histogram()
    assert (histogram.cumulative, histogram.count, histogram.sum) == ((2, 4, 5), 6, 112)


def test_lanes_and_submitter_are_shown_in_base_units() -> None:
    rows, posting = Tally(ROWS_BOUNDS), Tally(POSTING_US_BOUNDS)
    rows.observe(300)
    posting.observe(1_500_000)
    lane = LaneReport(
        worker_id="0123456789abcdef",
        label="lane-1",
        buckets=128,
        lag=7,
        decided_total=300,
        parked_total=2,
        awards_total=250,
        fence_refused_total=1,
        batch_rows=rows.histogram(),
        posting_us=posting.histogram(),
    )
    submit = SubmitReport(
        accepted_total=10,
        repeated_total=3,
        refused_total={"busy": 4},
        warnings_total={"key_missing": 5},
        flush_rows=rows.histogram(),
    )
    samples = _samples(EngineReport(submit=submit, lanes=(lane,), backlog=9, oldest_xmin_age_s=61))
    of_lane = (("lane", "lane-1/01234567"),)
    assert samples["accrual_commands_accepted_total", ()] == 10
    assert samples["accrual_commands_repeated_total", ()] == 3
    assert samples["accrual_commands_refused_total", (("code", "busy"),)] == 4
    assert samples["accrual_warnings_total", (("code", "key_missing"),)] == 5
    assert samples["accrual_submit_flush_commands_sum", ()] == 300
    assert samples["accrual_backlog_commands", ()] == 9
    assert samples["accrual_oldest_xmin_age_seconds", ()] == 61
    assert samples["accrual_commands_decided_total", of_lane] == 300
    assert samples["accrual_commands_parked_total", of_lane] == 2
    assert samples["accrual_awards_total", of_lane] == 250
    assert samples["accrual_fence_refused_total", of_lane] == 1
    assert samples["accrual_lane_lag_commands", of_lane] == 7
    assert samples["accrual_lane_buckets", of_lane] == 128
    assert samples["accrual_posting_seconds_sum", of_lane] == 1.5
    assert samples["accrual_posting_seconds_bucket", (*of_lane, ("le", "1.0"))] == 0
    assert samples["accrual_posting_seconds_bucket", (*of_lane, ("le", "2.5"))] == 1
    assert samples["accrual_posting_seconds_bucket", (*of_lane, ("le", "+Inf"))] == 1
    assert samples["accrual_batch_commands_bucket", (*of_lane, ("le", "256.0"))] == 0
    assert samples["accrual_batch_commands_bucket", (*of_lane, ("le", "1024.0"))] == 1


def test_without_lanes_and_database_the_rest_is_still_shown() -> None:
    samples = _samples(EngineReport(submit=SubmitReport(accepted_total=1)))
    assert samples["accrual_commands_accepted_total", ()] == 1
    assert samples["accrual_submit_flush_commands_bucket", (("le", "+Inf"),)] == 0
    assert ("accrual_backlog_commands", ()) not in samples
