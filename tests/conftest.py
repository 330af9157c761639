"""What every part of the suite may rely on: the settings of the caller's shell never reach a test. No database here."""

from __future__ import annotations

import gc
import os

import hypothesis
import pytest

pytest_plugins = ["tests.pg_fixtures"]


LONGEST = (
    "tests/store/embedded/test_embedded_crash.py",
    "tests/flow/test_benchmarks.py",
    "tests/property/test_points_model.py",
    "tests/store/embedded/test_embedded_places.py",
    "tests/flow/test_lanes.py",
    "tests/flow/test_rewards.py",
    "tests/flow/test_crash.py",
    "tests/flow/test_upkeep.py",
    "tests/store/embedded/test_embedded_start.py",
    "tests/flow/test_promo_life.py",
    "tests/store/embedded/test_embedded_host.py",
    "tests/property",
    "tests/flow",
    "tests/store",
)
"""Begun first, so that no worker is left alone with one of them in the end. Only time depends on this order."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long modules first; within a module, and among the others, the order stays."""

    def place(item: pytest.Item) -> int:
        return next((n for n, path in enumerate(LONGEST) if item.nodeid.startswith(path)), len(LONGEST))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Thousands of collected tests stay to the end: the collector need not walk them, nor come by so often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(autouse=True)
def _no_settings_from_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ACCRUAL_") and not name.startswith("ACCRUAL_TEST_")]:
        monkeypatch.delenv(name)


# A shared machine pauses whenever it likes: how long an example took says nothing about the code. A build server wants the
# same answer for the same code, so what is drawn follows from the test; ACCRUAL_TEST_RANDOM=1 (`make explore`) draws anew.
hypothesis.settings.register_profile("same", deadline=None, derandomize=True)
hypothesis.settings.register_profile("anew", deadline=None, print_blob=True)
hypothesis.settings.load_profile("anew" if os.environ.get("ACCRUAL_TEST_RANDOM") else "same")
