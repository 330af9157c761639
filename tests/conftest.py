"""What every part of the suite may rely on: the settings of the caller's shell never reach a test. No database here."""

from __future__ import annotations

import os

import hypothesis
import pytest

pytest_plugins = ["tests.pg_fixtures"]


@pytest.fixture(autouse=True)
def _no_settings_from_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ACCRUAL_") and not name.startswith("ACCRUAL_TEST_")]:
        monkeypatch.delenv(name)


# A shared machine pauses whenever it likes: how long an example took says nothing about the code.
hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")
