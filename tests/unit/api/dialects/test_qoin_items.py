"""Items are read alike whether they are spelt as the partner's text shows them or otherwise, and errors name their place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accrual.api.dialects.qoin.items import Item, Names, read_items
from accrual.api.dialects.qoin_processor.wire import ITEM_NAMES as PROCESSOR
from accrual.api.dialects.qoin_task.wire import ITEM_NAMES as TASK
from accrual.api.dialects.tolerant import Misread, read_body


def _read(names: Names, item: dict[str, Any]) -> Item:
    return read_items(read_body(json.dumps({names.array: [{}, item]}).encode()), names)[1]


@pytest.mark.parametrize("names", [TASK, PROCESSOR])
@pytest.mark.parametrize("date", ["2025-03-31T11:22:06", "", " 2025-03-31 ", None])
@pytest.mark.parametrize("amount", [0, 1, -1, 1.5, "12", " 12 ", "", None, 10**40, 1e22])
def test_spelling_makes_no_difference(names: Names, date: object, amount: object) -> None:
    shown = _read(names, {names.date_spelt: date, names.amount_spelt: amount})
    other = _read(names, {names.date_spelt.upper(): date, f"{names.amount_spelt}_": amount})
    assert (shown.date, shown.amount, shown.product) == (other.date, other.amount, other.product)
    assert type(shown.amount) in (str, type(None))


@pytest.mark.parametrize("names", [TASK, PROCESSOR])
@pytest.mark.parametrize(("date", "amount"), [(20250331, 1), (True, 1), ("2025-03-31", True), ("2025-03-31", [])])
def test_wrong_type_is_refused_in_the_shown_spelling_too(names: Names, date: object, amount: object) -> None:
    with pytest.raises(Misread) as caught:
        _read(names, {names.date_spelt: date, names.amount_spelt: amount})
    assert caught.value.field.startswith(f"{names.array}[1].")


def test_second_spelling_with_another_value_is_refused() -> None:
    with pytest.raises(Misread) as caught:
        _read(TASK, {"trxDate": "2025-03-31", "trx_date": "2025-04-01"})
    assert caught.value.field == "data[1].trx_date"


def test_error_names_the_field_as_the_client_spells_it() -> None:
    item = _read(PROCESSOR, {"DATE": "2025-03-31", "Amount": "x"})
    assert item.misread("amount", "is no number.", "invalid_amount").field == "transaction[1].Amount"
