"""The processor's own field names, read from its envelope into text; they are known nowhere else. Nothing is interpreted."""

from __future__ import annotations

from typing import Any, NamedTuple

from accrual.api.dialects.qoin.items import Item, Names, read_items
from accrual.api.dialects.tolerant import Fields, Misread, as_sent, fold, read_body, read_identifier, read_object

ITEM_NAMES = Names(array="transaction", date="date", amount="amount", date_spelt="date", amount_spelt="amount")

_SPELLINGS = {
    fold(name): name
    for name in (
        "id", "id_user_share", "id_user_receive", "command", "transaction", "date", "amount", "product_id", "product_code",
    )
}  # fmt: skip
_ROUTING = {"subject", "subjecttype", "subjectidentifier", "action", "resourcetype", "resource", "resourceid", "data"}


class ProcessorCall(NamedTuple):
    """A call as sent, fields trimmed, absent and empty ones None. `data` and `envelope` know how the client spells them."""

    action: str
    id: str | None
    id_user_receive: str | None
    id_user_share: str | None
    items: tuple[Item, ...]
    data: Fields
    envelope: Fields

    def misread(self, error: Misread) -> Misread:
        """An error about something in Data, placed there as the client spells it."""
        return error.within(self.envelope.spelling("Data"))


def read(envelope: Fields, action: str) -> ProcessorCall:
    """The call in an envelope. Raises Misread, naming the field as the client spells it."""
    data = read_object(envelope, "Data")
    try:
        return ProcessorCall(
            action,
            read_identifier(data, "id", code="invalid_identity"),
            read_identifier(data, "iduserreceive", code="invalid_identity"),
            read_identifier(data, "idusershare", code="invalid_identity"),
            read_items(data, ITEM_NAMES),
            data,
            envelope,
        )
    except Misread as error:
        raise error.within(envelope.spelling("Data")) from error


def fields(raw: bytes) -> dict[str, Any]:
    """Every field of a stored body with its value, in the seed's spelling, for the Transaction History; no signature.

    What the older routing's envelope holds besides (UserId, MemberId, Date...) comes after Data's own fields, unless
    one of those has its name. Whole numbers are int, other numbers their text. Empty for a body that was erased.
    """
    if not raw:
        return {}
    envelope = read_body(raw)
    data = read_object(envelope, "Data").source
    found = {_spelling(name): as_sent(value, _spelling) for name, value in data.items() if fold(name) != "signature"}
    for name, value in envelope.source.items():
        if fold(name) not in _ROUTING and value not in (None, ""):
            found.setdefault(name, as_sent(value))
    return found


def _spelling(name: str) -> str:
    return _SPELLINGS.get(fold(name), name)
