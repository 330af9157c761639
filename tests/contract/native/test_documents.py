"""The pages about the native API and the metrics say what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from accrual.api.metrics import Meter
from accrual.api.native import shapes
from accrual.api.native.reply import status_of
from accrual.api.native.wire import read_command, read_profile
from accrual.domain.errors import CODES, AccrualError
from accrual.engine.report import EngineReport, LaneReport, SubmitReport

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "reference" / "native-api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def test_example_command_is_taken() -> None:
    assert read_command(BLOCKS[0].encode()).facts[0].lines is not None


def test_example_of_a_profile_is_taken() -> None:
    assert read_profile(_example("birthday").encode()).lists.add == ("VIP",)


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("repeated", shapes.Receipt),
        ("accepted", shapes.Receipts),
        ("balances", shapes.Member),
        ("accounts", shapes.Statement),
        ("error", shapes.Error),
    ],
)
def test_example_answer_has_the_published_shape(key: str, shape: type[msgspec.Struct]) -> None:
    msgspec.convert(json.loads(_example(key)), shape)


def _example(key: str) -> str:
    """The one example of the page that has this key."""
    (found,) = [block for block in BLOCKS if key in json.loads(block)]
    return found


def test_table_of_errors_gives_each_code_its_status() -> None:
    kinds = {error.kind: error for error in AccrualError.__subclasses__() if error.kind != "busy"}
    rows = re.findall(r"^\| ([\d, ]+) \| (.+?) \| .+ \|$", PAGE.partition("## Errors")[2], re.MULTILINE)
    assert len(rows) == 9
    for statuses, codes in rows:
        for code in re.findall(r"`(\w+)`", codes):
            error = kinds.get(CODES[code], AccrualError)(code=code)
            error_status = 429 if code == "busy" else status_of(error)
            assert str(error_status) in statuses.split(", "), code


def test_page_of_metrics_lists_every_metric_and_no_other() -> None:
    meter = Meter()
    meter.request("x", 200, 1)
    report = EngineReport(
        submit=SubmitReport(refused_total={"busy": 1}, warnings_total={"x": 1}),
        lanes=(LaneReport(worker_id="a", label="b"),),
        backlog=1,
        oldest_xmin_age_s=1,
    )
    shown = set()
    for family in text_string_to_metric_families(meter.exposition(report).decode()):
        if family.name.startswith("accrual_") and not family.name.endswith("_created"):
            shown.add(family.name + ("_total" if family.type == "counter" else ""))
    page = (DOCS / "operating" / "metrics.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(accrual_\w+)` \| (?:counter|gauge|histogram)", page, re.MULTILINE)) == shown
