"""Profitflow's replies: the list of show, the one-line answers, and refusals; names, order and messages as the partner's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from accrual.api.call import Reply
from accrual.domain.errors import AccrualError
from accrual.domain.point_rewards import ShownPointReward, Terms
from accrual.domain.programme import Language, Settings
from accrual.engine.point_reward_promos import buys, spends

NAMED_MAX = 5
"""Products that a description names; of more it says how many more there are."""

USER, DOCUMENTED_ONLY = "user_id", "documented_statuses_only"
"""Under these names the routes leave in an error's details what its reply needs."""

_STATUS_BY_KIND = {
    "invalid": 400,
    "unauthorized": 401,
    "missing": 404,
    "conflict": 409,
    "refused": 422,
    "busy": 503,
    "broken": 500,
}
_STATUS_BY_CODE = {"forbidden": 403, "unknown_route": 404, "too_large": 413, "busy": 429}


class Told(StrEnum):
    """The partner's constant messages."""

    CREATED = "point reward created"
    NAME_EXISTS = "point reward name already exists"
    SET = "Point reward set"
    UPDATED = "point reward edit successfully"
    DELETED = "point reward delete"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Every reply but the list."""

    user_id: str
    message: str


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the list; these eight members and no other."""

    point_reward_id: str
    user_id: str
    outlet_id: str
    name: str
    description: str
    create_dtm: str
    points: int
    is_active: str


_encode = msgspec.json.Encoder().encode


def message(user_id: str, told: Told) -> Reply:
    """The answer to a change."""
    return Reply(status=200, body=_encode(Message(user_id=user_id, message=told.value)))


def page(shown: Iterable[ShownPointReward], settings: Settings) -> Reply:
    """The answer to show, in the order given."""
    return Reply(status=200, body=_encode([_shown(each, settings) for each in shown]))


def failure(error: AccrualError, request_id: str = "") -> Reply:
    """A refusal in the shape of the partner's other replies; the partner documents none but 500.

    `request_id` has no place in that shape: the edge sends it, and Retry-After, as headers.
    """
    status = _STATUS_BY_CODE.get(error.code) or _STATUS_BY_KIND[error.kind]
    if "allow" in error.details:
        status = 405
    if error.details.get(DOCUMENTED_ONLY):
        status = 500
    return Reply(status=status, body=_encode(Message(user_id=str(error.details.get(USER, "")), message=error.message)))


def describe(terms: Terms, settings: Settings) -> str:
    """What a point reward gives, in the programme's language; empty when it gives nothing."""
    words = _WORDS[settings.language]
    return "; ".join(_parts(terms, settings.currency, words))


def _shown(shown: ShownPointReward, settings: Settings) -> Shown:
    reward = shown.reward
    return Shown(
        point_reward_id=reward.label,
        user_id=reward.corner.owner,
        outlet_id=reward.corner.outlet,
        name=reward.terms.name,
        description=describe(reward.terms, settings),
        create_dtm=_milliseconds(reward.created_at),
        points=reward.terms.points_gain,
        is_active="Yes" if shown.is_active else "No",
    )


def _milliseconds(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Words(msgspec.Struct, frozen=True, kw_only=True):
    spend: str
    buy: str
    welcome: str
    last_of: str
    more: str


_WORDS = {
    Language.EN: _Words(
        spend="{points} points for every {amount} {currency}",
        buy="{points} points for buying {things}",
        welcome="{points} points for the first purchase",
        last_of=" or ",
        more="{count} more",
    ),
    Language.ID: _Words(
        spend="{points} poin untuk setiap {amount} {currency}",
        buy="{points} poin untuk pembelian {things}",
        welcome="{points} poin untuk pembelian pertama",
        last_of=" atau ",
        more="{count} lainnya",
    ),
}


def _parts(terms: Terms, currency: str, words: _Words) -> Iterator[str]:
    if spends(terms):
        yield words.spend.format(points=terms.points_gain, amount=terms.total_spend, currency=currency)
    if buys(terms):
        things = list(terms.buy_products[:NAMED_MAX])
        if len(terms.buy_products) > NAMED_MAX:
            things.append(words.more.format(count=len(terms.buy_products) - NAMED_MAX))
        things += [] if terms.buy_category is None else [terms.buy_category]
        *first, last = things
        listed = f"{', '.join(first)}{words.last_of}{last}" if first else last
        yield words.buy.format(points=terms.points_gain, things=listed)
    if terms.new_member_points:
        yield words.welcome.format(points=terms.new_member_points)
