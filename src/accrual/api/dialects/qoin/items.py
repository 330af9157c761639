"""The items of a Qoin call (its transactions), read from an array, from one object, or from Data itself; text only."""

from __future__ import annotations

from typing import NamedTuple

from accrual.api.dialects.tolerant import Fields, Misread, read_decimal_text, read_identifier, read_objects


class Names(NamedTuple):
    """How one dialect calls the array and what is in it, folded; and the amount as its seed spells it."""

    array: str
    date: str
    amount: str
    amount_spelt: str


class Item(NamedTuple):
    """One item as sent: its date untouched (None: absent), its amount as decimal text, its product.

    `fields` and `place` are there to name a field as the client does; `place` is empty for an item flat in Data.
    """

    date: str | None
    amount: str | None
    product: str | None
    fields: Fields
    place: str

    def misread(self, name: str, problem: str, code: str) -> Misread:
        """An error about the field of this name."""
        error = Misread(self.fields.spelling(name), problem, code=code)
        return error.within(self.place) if self.place else error


def read_items(data: Fields, names: Names) -> tuple[Item, ...]:
    """The items in Data, in order. An empty or absent array and flat fields make one item; nothing at all makes none.

    Raises Misread, its place counted from Data.
    """
    objects = read_objects(data, names.array)
    if not objects:
        flat = _read_item(data, names, "")
        return () if flat.date is None and flat.amount is None and flat.product is None else (flat,)
    array = data.spelling(names.array)
    return tuple([_read_placed(item, names, f"{array}[{index}]") for index, item in enumerate(objects)])


def _read_placed(source: dict[str, object], names: Names, place: str) -> Item:
    try:
        return _read_item(Fields(source), names, place)
    except Misread as error:
        raise error.within(place) from error


def _read_item(fields: Fields, names: Names, place: str) -> Item:
    date = fields.get(names.date)
    if date is not None and type(date) is not str:
        raise Misread(fields.spelling(names.date), "expected a date as text.", code="invalid_date")
    product = read_identifier(fields, "productid") or read_identifier(fields, "productcode")
    return Item(date, read_decimal_text(fields, names.amount), product, fields, place)
