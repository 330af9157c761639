"""Profitflow's own field names, read from a body into text; they are known nowhere else. What a field means is translate's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType

from accrual.api.dialects.tolerant import (
    Fields,
    Misread,
    Number,
    as_sent,
    fold,
    read_decimal_text,
    read_identifier,
    read_text,
)
from accrual.api.strict_json import Reader
from accrual.domain.errors import Invalid, Missing

LIST_MAX = 200
"""Products, or rewards, that one point reward may name."""

_ALL_OUTLETS = frozenset({"semua", "all"})
_REWARD_ID = re.compile(r"RWD-0*([1-9][0-9]{0,8})\Z", re.ASCII | re.IGNORECASE)
_LIST = Reader(number=Number)
_ANSWERS: Mapping[str, bool] = {
    **dict.fromkeys(("yes", "y", "true", "1", "ya"), True),
    **dict.fromkeys(("no", "n", "false", "0", "tidak"), False),
}
_TERMS = (
    "name", "loyalty_type", "total_spend", "buy_products", "buy_category", "points_gain", "new_member_points",
    "reward_list", "reward_category", "start_dtm", "end_dtm", "is_active", "send_validation_code",
)  # fmt: skip

Said = UnsetType | None


class TermsWire(NamedTuple):
    """The fields of add and update. UNSET: not sent, or null; None: sent empty, which takes away what was there."""

    name: str
    loyalty_type: str | Said
    total_spend: str | Said
    buy_products: tuple[str, ...] | UnsetType
    buy_category: str | Said
    points_gain: str | Said
    new_member_points: str | Said
    reward_list: tuple[str, ...] | UnsetType
    reward_category: str | Said
    start_dtm: str | Said
    end_dtm: str | Said
    is_active: bool | UnsetType
    send_validation_code: bool | UnsetType
    sent: dict[str, Any]
    fields: Fields


def user_of(fields: Fields) -> str:
    """The user as it was sent, for a reply that has to name one whatever else is wrong; empty when it cannot be read."""
    try:
        return read_identifier(fields, "userid") or ""
    except Misread:
        return ""


def read_user(fields: Fields) -> str:
    """Who owns the point reward. Raises Misread."""
    return _needed(fields, "user_id", read_identifier)


def read_outlet(fields: Fields) -> str:
    """The one outlet a call is about. Raises Misread, also for the words that mean all outlets."""
    outlet = _needed(fields, "outlet_id", read_identifier)
    if outlet.casefold() in _ALL_OUTLETS:
        raise Misread(fields.spelling("outlet_id"), "means all outlets; here one is needed.")
    return outlet


def read_outlets(fields: Fields) -> str | None:
    """The outlet to show, None for all of them (`Semua`, `All`). Raises Misread."""
    outlet = _needed(fields, "outlet_id", read_identifier)
    return None if outlet.casefold() in _ALL_OUTLETS else outlet


def read_number(fields: Fields) -> int:
    """Which point reward, from `reward_id` or `point_reward_id`: 1 of `RWD-01`.

    Raises Misread: neither is there, or they differ; Missing `point_reward_unknown`: no id of ours looks like that.
    """
    found = {read_identifier(fields, fold(name)): name for name in ("reward_id", "point_reward_id")}
    found.pop(None, None)
    if len(found) > 1:
        raise Misread(fields.spelling("point_reward_id"), "is another one than reward_id.")
    if not found:
        raise Misread("reward_id", "is needed.")
    matched = _REWARD_ID.match(str(next(iter(found))))
    if matched is None:
        raise Missing(
            "There is no such point reward of this user at this outlet; they are called RWD-01, RWD-02...",
            code="point_reward_unknown",
        )
    return int(matched[1])


def read_is_active(fields: Fields) -> bool:
    """Whether it shall give. Raises Misread."""
    answer = _read_answer(fields, "is_active")
    if answer is UNSET:
        raise Misread(fields.spelling("is_active"), "is needed.")
    return answer


def read_terms(fields: Fields) -> TermsWire:
    """All that add and update may say. Raises Misread, naming the field as the client spells it."""
    return TermsWire(
        name=_needed(fields, "name", read_text),
        loyalty_type=_read_said(fields, "loyalty_type", read_text),
        total_spend=_read_said(fields, "total_spend", read_decimal_text),
        buy_products=_read_list(fields, "buy_products", read_identifier),
        buy_category=_read_said(fields, "buy_category", read_identifier),
        points_gain=_read_said(fields, "points_gain", read_decimal_text),
        new_member_points=_read_said(fields, "new_member_points", read_decimal_text),
        reward_list=_read_list(fields, "reward_list", read_text),
        reward_category=_read_said(fields, "reward_category", read_text),
        start_dtm=_read_said(fields, "start_dtm", _read_date_text),
        end_dtm=_read_said(fields, "end_dtm", _read_date_text),
        is_active=_read_answer(fields, "is_active"),
        send_validation_code=_read_answer(fields, "send_validation_code"),
        sent={name: as_sent(fields.get(fold(name))) for name in _TERMS if fields.get(fold(name)) is not None},
        fields=fields,
    )


def _needed(fields: Fields, name: str, read: Callable[[Fields, str], str | None]) -> str:
    value = read(fields, fold(name))
    if value is None:
        raise Misread(fields.spelling(name), "is needed.")
    return value


def _read_said(fields: Fields, name: str, read: Callable[[Fields, str], str | None]) -> str | Said:
    return UNSET if fields.get(fold(name)) is None else read(fields, fold(name))


def _read_date_text(fields: Fields, name: str) -> str | None:
    if type(fields.get(name)) is not str:
        raise Misread(fields.spelling(name), "expected a date as text.", code="invalid_date")
    return read_text(fields, name)


def _read_answer(fields: Fields, name: str) -> bool | UnsetType:
    """Yes or No, as text or as the boolean that this partner's other resources have; empty is not said."""
    value = fields.get(fold(name))
    if isinstance(value, bool):
        return value
    text = read_text(fields, fold(name))
    if text is None:
        return UNSET
    answer = _ANSWERS.get(text.casefold())
    if answer is None:
        raise Misread(fields.spelling(name), "expected Yes or No.")
    return answer


def _read_list(fields: Fields, name: str, read: Callable[[Fields, str], str | None]) -> tuple[str, ...] | UnsetType:
    """An array, a JSON array within a text, or a text with commas; blanks and repetitions are left out."""
    value = fields.get(fold(name))
    if value is None:
        return UNSET
    spelt = fields.spelling(name)
    if isinstance(value, str):
        value = _within_text(value)
    if not isinstance(value, list):
        raise Misread(spelt, "expected a list, or a text with commas.")
    found = [read(Fields({f"{spelt}[{index}]": each}), fold(f"{spelt}[{index}]")) for index, each in enumerate(value)]
    kept = tuple(dict.fromkeys(each for each in found if each is not None))
    if len(kept) > LIST_MAX:
        raise Misread(spelt, f"has more than {LIST_MAX} entries.")
    return kept


def _within_text(text: str) -> Any:
    if text.strip().startswith("["):
        try:
            return _LIST.read(text.encode())
        except Invalid:
            pass  # a text that begins with a bracket, such as `[new] voucher`
    return text.split(",")
