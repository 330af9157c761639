"""The message that a referral passes on for its sharer, in the shape of the processor's third blocks. Nothing is sent here."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from accrual.domain.commands import Reward
from accrual.domain.facts import Referral, ReferralPurchase
from accrual.domain.programme import Settings


def forwarded_event(command: Reward, client_number: int, *, settings: Settings, recorded_at: datetime) -> bytes | None:
    """JSON of the outbox event `referral.forwarded`; None for a command that refers nobody, and for follow-ups.

    Dates are in the programme's zone, a fact without its own moment has `recorded_at`; an amount is a JSON number in
    the currency's own unit, there only on a purchase that had one.
    """
    if command.parent is not None:
        return None
    facts = [fact for fact in command.facts if isinstance(fact, Referral | ReferralPurchase)]
    sharer = next((fact.referrer for fact in facts if fact.referrer is not None), None)
    if sharer is None:
        return None
    zone = ZoneInfo(settings.time_zone)
    transaction: list[dict[str, Any]] = []
    for fact in facts:
        local = (fact.occurred_at or recorded_at).astimezone(zone)
        entry: dict[str, Any] = {"date": local.strftime("%Y-%m-%d %H:%M:%S")}
        if isinstance(fact, ReferralPurchase) and fact.amount_minor is not None:
            entry["amount"] = _number(fact.amount_minor, settings.minor_units)
        transaction.append(entry)
    return msgspec.json.encode(
        {
            "id_user_share": _identifier(sharer.value),
            "clientid": client_number,
            "command": command.action,
            "transaction": transaction,
        }
    )


def _number(amount_minor: int, minor_units: int) -> msgspec.Raw:
    """Exact decimal text as a JSON number: 100000 minor units of two decimals are 1000, 684350 are 6843.5."""
    text = format(Decimal(amount_minor).scaleb(-minor_units), "f")
    return msgspec.Raw((text.rstrip("0").rstrip(".") if "." in text else text).encode())


def _identifier(value: str) -> int | str:
    """A number where the partner's own form has one; whatever else was sent stays text."""
    canonical = value.isascii() and value.isdigit() and len(value) <= 18 and str(int(value)) == value
    return int(value) if canonical else value
