"""Settings come from the environment, keep their bounds, and stand on a page of their own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from accrual.settings import Settings, descriptions, reference

ROOT = Path(__file__).parents[2]


def test_page_of_settings_is_what_the_settings_say() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert page == reference(), "renew it: python -m accrual.settings > docs/reference/settings.md"


def test_every_setting_is_explained() -> None:
    told = descriptions()
    assert [name for name in Settings.model_fields if not told.get(name)] == []


def test_numbers_carry_their_unit_or_are_counts_by_name() -> None:
    plain = {"port", "metrics_port", "lanes", "buckets"}
    numbers = [name for name, field in Settings.model_fields.items() if isinstance(field.default, int | float)]
    assert len(numbers) > 15
    assert [name for name in numbers if name not in plain and not re.search(r"(_s|_max)\Z", name)] == []


def test_environment_goes_before_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCRUAL_LANES", "5")
    monkeypatch.setenv("ACCRUAL_LEASE_S", "1.5")
    settings = Settings()
    assert (settings.lanes, settings.lease_s, settings.buckets) == (5, 1.5, 256)


@pytest.mark.parametrize(
    ("name", "value"),
    [("BUCKETS", "4097"), ("LANES", "-1"), ("PORT", "70000"), ("LEASE_S", "0"), ("LOG_LEVEL", "loud")],
)
def test_value_out_of_bounds_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"ACCRUAL_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_addresses_with_passwords_are_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCRUAL_DATABASE_URL", "postgresql://accrual:hunter2@db/accrual")
    monkeypatch.setenv("ACCRUAL_OWNER_DATABASE_URL", "postgresql://owner:hunter2@db/accrual")
    assert "hunter2" not in repr(Settings()) + str(Settings())
    monkeypatch.setenv("ACCRUAL_PORT", "hunter2")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert "hunter2" not in str(caught.value)
