"""Reads transactions from a CSV or Parquet file as native commands, row by row. What they are worth is not judged here."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from accrual.domain.errors import Invalid
from accrual.domain.native import NativeCommand, WrittenFact, WrittenIdentity

COLUMNS = (
    "member",
    "member_kind",
    "occurred_at",
    "type",
    "amount",
    "currency",
    "product",
    "category",
    "quantity",
    "outlet",
    "referrer",
)
REQUIRED = ("member", "occurred_at")
QUANTITY_MAX = 1_000_000
PARQUET_ROWS = 8_192


class Row(NamedTuple):
    """One transaction: its line in the file, and the command or why there is none."""

    number: int
    command: NativeCommand | Invalid


def read_transactions(path: Path) -> Iterator[Row]:
    """Every row of a .csv or .parquet file, in the file's order; one row is one command with one fact.

    Raises Invalid: `file_unreadable`, `columns_wrong` when a column is missing or unknown, `parquet_missing` when the
    library for Parquet is not installed.
    """
    rows = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    for number, cells in rows:
        try:
            yield Row(number, to_command(cells))
        except Invalid as refusal:
            yield Row(number, refusal)


def to_command(cells: Mapping[str, str]) -> NativeCommand:
    """The native command that a row says. Raises Invalid `invalid_field`."""
    found = {name: text for name in COLUMNS if (text := (cells.get(name) or "").strip())}
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        raise Invalid(f"{', '.join(missing)} is empty.", code="invalid_field")
    kind = found.get("member_kind", "member")
    fact: dict[str, Any] = {"type": found.get("type", "purchase"), "occurred_at": found["occurred_at"]}
    fact |= {name: found[name] for name in ("amount", "currency", "product", "outlet") if name in found}
    if "referrer" in found:
        fact["referrer"] = {"kind": kind, "value": found["referrer"]}
    line: dict[str, Any] = {name: found[name] for name in ("category", "quantity") if name in found}
    if line:
        line |= {name: found[name] for name in ("product", "amount") if name in found}
        fact["lines"] = [line | {"quantity": _quantity(line.get("quantity", "1"))}]
    try:
        return NativeCommand(
            member=WrittenIdentity(kind=kind, value=found["member"]),
            facts=(msgspec.convert(fact, WrittenFact, strict=False),),
        )
    except msgspec.ValidationError as error:
        raise Invalid(f"{error}.", code="invalid_field") from error


def _quantity(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= QUANTITY_MAX and len(text) < 9):
        raise Invalid(f"The quantity {text!r} is no whole number from 1 to {QUANTITY_MAX:,}.", code="invalid_field")
    return int(text)


def _csv(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            _check_columns(path, reader.fieldnames or ())
            for cells in reader:
                yield reader.line_num, {name: text for name, text in cells.items() if isinstance(text, str)}
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror or error}.", code="file_unreadable") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise Invalid(f"{path} is no CSV in UTF-8: {error}.", code="file_unreadable") from error


def _parquet(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise Invalid(
            "Parquet files need one more library: install accrual[parquet], or write the file as CSV.",
            code="parquet_missing",
        ) from error
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            _check_columns(path, file.schema_arrow.names)
            for batch in file.iter_batches(batch_size=PARQUET_ROWS):
                for cells in batch.to_pylist():
                    number += 1
                    yield number, {name: _text(value) for name, value in cells.items() if value is not None}
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error}.", code="file_unreadable") from error
    except arrow.ArrowException as error:
        raise Invalid(f"{path} is no Parquet file: {error}.", code="file_unreadable") from error


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _check_columns(path: Path, names: Any) -> None:
    missing = [name for name in REQUIRED if name not in names]
    unknown = [name for name in names if name not in COLUMNS]
    if missing:
        raise Invalid(f"{path} has no column {', '.join(missing)}.", code="columns_wrong")
    if unknown:
        raise Invalid(
            f"{path} has unknown columns {', '.join(map(str, unknown))}; known are {', '.join(COLUMNS)}.",
            code="columns_wrong",
        )
