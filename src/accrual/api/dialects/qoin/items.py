"""The items of a Qoin call (its transactions), read from an array, from one object, or from Data itself; text only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from accrual.api.dialects.tolerant import Fields, Misread, Number, read_decimal_text, read_identifier, read_objects


class Names(NamedTuple):
    """How one dialect calls the array and what is in it, folded; and date and amount as its seed spells them."""

    array: str
    date: str
    amount: str
    date_spelt: str
    amount_spelt: str


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where an item stands: in which array of Data. It becomes text only when an error has to name it."""

    data: Fields
    array: str
    number: int

    def __str__(self) -> str:
        return f"{self.data.spelling(self.array)}[{self.number}]"


class Item(msgspec.Struct, frozen=True, gc=False):
    """One item as sent: its date untouched (None: absent), its amount as decimal text, its product.

    `source` and `place` are there to name a field as the client does; an item flat in Data has no `place`.
    """

    date: str | None
    amount: str | None
    product: str | None
    source: Mapping[str, Any]
    place: Place | None

    def misread(self, name: str, problem: str, code: str) -> Misread:
        """An error about the field of this name."""
        error = Misread(Fields(self.source).spelling(name), problem, code=code)
        return error.within(str(self.place)) if self.place else error


def read_items(data: Fields, names: Names) -> tuple[Item, ...]:
    """The items in Data, in order. An empty or absent array and flat fields make one item; nothing at all makes none.

    Raises Misread, its place counted from Data.
    """
    objects = read_objects(data, names.array)
    if not objects:
        flat = _read_item(data, names, None)
        return () if flat.date is None and flat.amount is None and flat.product is None else (flat,)
    return tuple([_read_placed(item, names, Place(data, names.array, index)) for index, item in enumerate(objects)])


def _read_placed(source: dict[str, Any], names: Names, place: Place) -> Item:
    if len(source) == 2:
        # What the seed shows and nearly all send: a date and a whole number, spelt as there. Nothing is left to refuse.
        date, amount = source.get(names.date_spelt), source.get(names.amount_spelt)
        if type(date) is str and type(amount) is Number and amount.isdigit():
            return Item(date, str(amount), None, source, place)
    try:
        return _read_item(Fields(source), names, place)
    except Misread as error:
        raise error.within(str(place)) from error


def _read_item(fields: Fields, names: Names, place: Place | None) -> Item:
    date = fields.get(names.date)
    if date is not None and type(date) is not str:
        raise Misread(fields.spelling(names.date), "expected a date as text.", code="invalid_date")
    product = read_identifier(fields, "productid") or read_identifier(fields, "productcode")
    return Item(date, read_decimal_text(fields, names.amount), product, fields.source, place)
