"""`bench evaluate` over a real server: a run for each question, books that were checked, nothing left behind."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from accrual.bench import evaluate, promos
from accrual.bench.evaluate import bench_evaluate
from accrual.bootstrap.bench import bench_server
from tests.flow.test_benchmarks import SMALL, server_url  # noqa: F401 - a fixture


class Silent:
    """Progress that nobody watches."""

    def stage(self, text: str, total: int | None = None) -> object:
        return lambda done: None


async def test_evaluate_answers_every_question(
    server_url: str,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(promos, "ROUNDS", 1)
    assert evaluate.SIZES[-1] == 10_000
    monkeypatch.setattr(evaluate, "SIZES", (10, 1_000))  # ten thousand take this test ten seconds to compile
    other = tmp_path / "other.yaml"
    other.write_text(SMALL.programme.read_text().replace("fixed: 1", "fixed: 3"))
    options = msgspec.structs.replace(SMALL, compared=other, distributions=SMALL.distributions[:1])
    async with bench_server(None, server_url, say=lambda text: None) as server:
        runs, invariants, _ = await bench_evaluate(server, options, Silent())  # type: ignore[arg-type]
    assert invariants.ok, invariants.wrong
    named = {run.distribution: run for run in runs}
    assert {"10 promos", "1,000 promos", "20 conditions, none holds", "backtest, as it was"} <= named.keys()
    assert named["drain, other.yaml"].more["drain_ratio_to_demo"] > 0
    assert named["backtest, changed"].commands == named["backtest, as it was"].commands == 900
