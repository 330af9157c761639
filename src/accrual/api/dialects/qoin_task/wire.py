"""The task's own field names, read from its envelope into text; they are known nowhere else. Nothing is interpreted."""

from __future__ import annotations

from typing import Any, NamedTuple

from accrual.api.dialects.qoin.items import Item, Names, read_items
from accrual.api.dialects.tolerant import (
    Fields,
    Misread,
    as_sent,
    fold,
    read_body,
    read_identifier,
    read_object,
    read_text,
)

ITEM_NAMES = Names(array="data", date="trxdate", amount="trxamount", date_spelt="trxDate", amount_spelt="trxAmount")

_SPELLINGS = {
    fold(name): name
    for name in (
        "trxId", "refference", "memberId", "memberName", "memberQtagPhone", "userFromStatus", "userId", "userIdShare",
        "deviceType", "installId", "data", "trxAmount", "trxDate", "product_id", "product_code",
    )
}  # fmt: skip


class TaskCall(NamedTuple):
    """A task as sent, fields trimmed, absent and empty ones None. `data` and `envelope` know how the client spells them."""

    action: str
    user_id: str | None
    user_id_share: str | None
    member_name: str | None
    trx_id: str | None
    refference: str | None
    member_id: str | None
    member_qtag_phone: str | None
    user_from_status: str | None
    device_type: str | None
    install_id: str | None
    scope_source: str | None
    items: tuple[Item, ...]
    data: Fields
    envelope: Fields

    def misread(self, error: Misread) -> Misread:
        """An error about something in Data, placed there as the client spells it."""
        return error.within(self.envelope.spelling("Data"))


def read(envelope: Fields, action: str) -> TaskCall:
    """The call in an envelope. Raises Misread, naming the field as the client spells it."""
    data = read_object(envelope, "Data")
    scope_source = read_text(envelope, "scopesource")
    try:
        return TaskCall(
            action,
            read_identifier(data, "userid", code="invalid_identity"),
            read_identifier(data, "useridshare", code="invalid_identity"),
            read_text(data, "membername"),
            read_text(data, "trxid"),
            read_text(data, "refference"),
            read_text(data, "memberid"),
            read_text(data, "memberqtagphone"),
            read_text(data, "userfromstatus"),
            read_text(data, "devicetype"),
            read_text(data, "installid"),
            scope_source,
            read_items(data, ITEM_NAMES),
            data,
            envelope,
        )
    except Misread as error:
        raise error.within(envelope.spelling("Data")) from error


def fields(raw: bytes) -> dict[str, Any]:
    """Every field of a stored body with its value, in the seed's spelling, for the Transaction History; no signature.

    Whole numbers are int, other numbers their text. Empty for a body that was erased.
    """
    if not raw:
        return {}
    envelope = read_body(raw)
    data = read_object(envelope, "Data").source
    found = {_spelling(name): as_sent(value, _spelling) for name, value in data.items() if fold(name) != "signature"}
    for name, spelt in (("scopesource", "ScopeSource"), ("date", "Date")):
        if envelope.get(name) is not None:
            found[spelt] = as_sent(envelope.get(name))
    return found


def _spelling(name: str) -> str:
    return _SPELLINGS.get(fold(name), name)
