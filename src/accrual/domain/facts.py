"""What a client says happened: the seven facts, as stored in the log. A fact never says what it is worth."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

import msgspec


class Trigger(StrEnum):
    """What a promo listens to; named like the facts."""

    REGISTRATION = "registration"
    REFERRAL = "referral"
    PURCHASE = "purchase"
    REFERRAL_PURCHASE = "referral_purchase"
    PRODUCT_PURCHASE = "product_purchase"
    DRAW_ENTRY = "draw_entry"
    CHECK_IN = "check_in"
    EVENT = "event"


class Identity(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How a client names a member: kind such as `qoin.user_id`, and the value, trimmed, 1 to 200 characters."""

    kind: str
    value: str


class Item(msgspec.Struct, frozen=True, array_like=True):
    """One line of a purchase: product, category, how many, what it cost in minor units."""

    product: str | None = None
    category: str | None = None
    quantity: int = 1
    amount_minor: int | None = None


class _Fact(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What all facts share.

    `occurred_at` None means the moment of recording. `amount_minor` None means that no amount was sent; the currency
    is the programme's unless `currency` says otherwise.
    """

    occurred_at: datetime | None = None
    amount_minor: int | None = None
    product: str | None = None
    outlet: str | None = None
    currency: str | None = None
    items: tuple[Item, ...] | None = None


class Registration(_Fact, frozen=True, gc=False, tag=1):
    """A member was made."""

    trigger: ClassVar[Trigger] = Trigger.REGISTRATION


class Referral(_Fact, frozen=True, gc=False, tag=2):
    """A member came by another one's word. On the referrer's side (a follow-up) `referred` names the one who came.

    `level` 2 is the referrer's referrer, and so on. `linked`: the link was decided, so the fact now counts for the member.
    """

    trigger: ClassVar[Trigger] = Trigger.REFERRAL
    referrer: Identity | None = None
    referred: bytes | None = None
    level: int = 1
    linked: bool = False


class Purchase(_Fact, frozen=True, gc=False, tag=3):
    """Something was paid."""

    trigger: ClassVar[Trigger] = Trigger.PURCHASE


class ReferralPurchase(_Fact, frozen=True, gc=False, tag=4):
    """A referred member paid. On the referrer's side (a follow-up) `referred` names the one who paid.

    `level` is as in a referral; `number` counts the member's referral purchases from 1, 0 where nobody counted.
    """

    trigger: ClassVar[Trigger] = Trigger.REFERRAL_PURCHASE
    referrer: Identity | None = None
    referred: bytes | None = None
    level: int = 1
    number: int = 0


class ProductPurchase(_Fact, frozen=True, gc=False, tag=5):
    """A product (SKU) was bought; an amount of zero is valid."""

    trigger: ClassVar[Trigger] = Trigger.PRODUCT_PURCHASE


class DrawEntry(_Fact, frozen=True, gc=False, tag=6):
    """A member entered a lucky draw."""

    trigger: ClassVar[Trigger] = Trigger.DRAW_ENTRY


class CheckIn(_Fact, frozen=True, gc=False, tag=7):
    """A member checked in for the day."""

    trigger: ClassVar[Trigger] = Trigger.CHECK_IN


Scalar = str | int | bool


class Event(_Fact, frozen=True, gc=False, tag=8):
    """Anything else a client tells of: a name such as `app_review`, and attributes with plain values."""

    trigger: ClassVar[Trigger] = Trigger.EVENT
    name: str
    attributes: dict[str, Scalar] = msgspec.field(default_factory=dict)


Fact = Registration | Referral | Purchase | ReferralPurchase | ProductPurchase | DrawEntry | CheckIn | Event

PURCHASES = (Purchase, ProductPurchase)
"""The facts that count as a purchase in a member's history. A referral purchase comes beside the purchase it is about."""
