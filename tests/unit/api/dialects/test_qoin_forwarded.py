"""The message for the sharer has exactly the shape of the processor's third blocks, or is not there at all."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from accrual.api.dialects.qoin.forwarded import forwarded_event
from accrual.domain.commands import Dialect, Reward
from accrual.domain.facts import Fact, Identity, Purchase, Referral, ReferralPurchase, Registration
from accrual.domain.programme import Settings
from tests.contract.qoin_desk import SETTINGS, fixture

SHARER = Identity("qoin.user_id", "462")
RECORDED_AT = datetime(2024, 5, 1, 3, 26, 11, tzinfo=UTC)


def _command(action: str, *facts: Fact, **changes: Any) -> Reward:
    identity = Identity("qoin.user_id", "463")
    fields: dict[str, Any] = {"dialect": Dialect.QOIN_PROCESSOR, "action": action, "identity": identity, "facts": facts}
    return Reward(**fields | changes)


def _event(command: Reward, number: int = 438, settings: Settings = SETTINGS) -> bytes | None:
    return forwarded_event(command, number, settings=settings, recorded_at=RECORDED_AT)


def _third_block(name: str) -> bytes:
    block = fixture("qoin_processor", f"{name}.third-block")["response"]
    return json.dumps(block, separators=(",", ":")).encode()


def test_registration_by_referral_is_the_third_block_of_the_seed() -> None:
    command = _command(
        "registerreferral", Registration(amount_minor=100_000), Referral(amount_minor=100_000, referrer=SHARER)
    )
    assert _event(command) == _third_block("registerreferral")


def test_purchases_by_referral_are_the_third_block_of_the_seed() -> None:
    facts: list[Fact] = []
    for year, amount_minor in ((2025, 100_000), (2024, 120_000)):
        at = datetime(year, 5, 2, 3, 26, 11, tzinfo=UTC)
        facts += [
            Purchase(occurred_at=at, amount_minor=amount_minor),
            ReferralPurchase(occurred_at=at, amount_minor=amount_minor, referrer=SHARER),
        ]
    assert _event(_command("transactionreferral", *facts)) == _third_block("transactionreferral")


@pytest.mark.parametrize(
    ("amount_minor", "minor_units", "text"),
    [(684350, 2, b"6843.5"), (684350, 0, b"684350"), (0, 2, b"0"), (1, 8, b"0.00000001"), (None, 2, None)],
)
def test_amount_is_exact_and_only_there_when_sent(
    amount_minor: int | None, minor_units: int, text: bytes | None
) -> None:
    command = _command("transactionreferral", ReferralPurchase(amount_minor=amount_minor, referrer=SHARER))
    event = _event(command, settings=msgspec.structs.replace(SETTINGS, minor_units=minor_units))
    expected = b'{"date":"2024-05-01 10:26:11"' + (b"" if text is None else b',"amount":' + text) + b"}"
    assert event is not None
    assert event.endswith(b'"transaction":[' + expected + b"]}")


@pytest.mark.parametrize(("value", "shown"), [("462", 462), ("0462", "0462"), ("A-7", "A-7"), ("9" * 30, "9" * 30)])
def test_sharer_is_a_number_where_it_can_be_one(value: str, shown: object) -> None:
    event = _event(_command("registerreferral", Referral(referrer=Identity("qoin.user_id", value))))
    assert event is not None
    assert json.loads(event)["id_user_share"] == shown


def test_nothing_is_forwarded_where_nobody_shared_or_from_a_follow_up() -> None:
    assert _event(_command("registerreferral", Registration(), Referral())) is None
    assert _event(_command("transaction", Purchase(amount_minor=1))) is None
    assert _event(_command("registerreferral", Referral(referrer=SHARER), parent=b"t" * 16)) is None
