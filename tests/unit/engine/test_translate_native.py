"""Native commands into submissions: what is kept, what is refused and where, and what counts as the same content."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from accrual.domain.commands import Submission
from accrual.domain.errors import Invalid
from accrual.domain.facts import Identity, Item, Purchase, Referral, ReferralPurchase
from accrual.domain.native import NativeCommand
from accrual.domain.programme import Catalogue, Client, IdempotencyPolicy, KeyScope, Outlet, Settings, StoredClient
from accrual.engine.translate_native import fields, to_submission

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OUTLETS = (Outlet(code="OTL-1", aliases={"partner": ("till-7",)}),)


def _submit(document: dict[str, Any], *, chance: bytes = b"c" * 16, **of_client: Any) -> Submission:
    settings = Settings(code="demo", currency="IDR", minor_units=2, time_zone="Asia/Jakarta")
    catalogue = Catalogue(programme_id=4, revision=1, settings=settings, assets=(), outlets=OUTLETS, promos=())
    client = StoredClient(
        client_id=3, programme_id=4, client=Client(code="partner", rights=("submit",), **of_client), key_digest=None
    )
    return to_submission(
        msgspec.convert(document, NativeCommand), b"raw", client=client, catalogue=catalogue, now=NOW, chance=chance
    )


def _purchase(**changes: Any) -> dict[str, Any]:
    fact = {"type": "purchase", "amount": "6843.5"} | changes
    return {"member": {"kind": "msisdn", "value": " 62811 "}, "facts": [fact]}


def test_purchase_becomes_minor_units_an_instant_and_the_outlets_code() -> None:
    made = _submit(
        _purchase(
            occurred_at="2026-02-28T19:00:00.5",
            outlet="till-7",
            product="T30H",
            currency="IDR",
            lines=[{"product": "a", "amount": 10, "quantity": 2}],
        )
    )
    assert made.command.facts == (  # type: ignore[union-attr]
        Purchase(
            occurred_at=datetime(2026, 2, 28, 12, 0, 0, 500_000, tzinfo=UTC),
            amount_minor=684_350,
            outlet="OTL-1",
            product="T30H",
            items=(Item(product="a", quantity=2, amount_minor=1000),),
        ),
    )
    assert made.command.identity == Identity("msisdn", "62811")
    assert (made.programme_id, made.client_id, made.command.action, made.body) == (4, 3, "purchase", b"raw")


def test_every_type_becomes_its_fact() -> None:
    referrer = {"kind": "msisdn", "value": "1"}
    facts: list[dict[str, Any]] = [
        {"type": "registration"},
        {"type": "referral", "referrer": referrer},
        {"type": "purchase", "amount": 1},
        {"type": "referral_purchase", "referrer": referrer},
        {"type": "product_purchase", "product": "x"},
        {"type": "draw_entry"},
        {"type": "check_in"},
    ]
    made = _submit({"member": referrer, "facts": facts}).command
    assert [fact.trigger.value for fact in made.facts] == [fact["type"] for fact in facts]  # type: ignore[union-attr]
    for fact in made.facts:  # type: ignore[union-attr]
        if isinstance(fact, Referral | ReferralPurchase):
            assert fact.referrer == Identity("msisdn", "1")


def test_key_is_the_clients_own_or_chance_and_the_two_never_meet() -> None:
    assert _submit(_purchase() | {"key": " a "}).key == b"ka"
    assert _submit(_purchase(), chance=b"a").key == b"ra"
    with pytest.raises(Invalid) as caught:
        _submit(_purchase(), idempotency=IdempotencyPolicy.REQUIRE)
    assert caught.value.code == "key_missing"


def test_client_wide_keys_are_marked() -> None:
    assert not _submit(_purchase()).key_scope_client
    assert _submit(_purchase(), key_scope=KeyScope.CLIENT).key_scope_client


def test_default_outlet_stands_in_and_unknown_outlets_stay() -> None:
    def outlet(made: Submission) -> str | None:
        return made.command.facts[0].outlet  # type: ignore[union-attr]

    assert outlet(_submit(_purchase(), default_outlet="OTL-1")) == "OTL-1"
    assert outlet(_submit(_purchase(outlet="elsewhere"))) == "elsewhere"


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"amount": None}, "invalid_amount", "facts[0].amount"),
        ({"amount": "-1"}, "invalid_amount", "facts[0].amount"),
        ({"amount": -1}, "invalid_amount", "facts[0].amount"),
        ({"amount": "1.555"}, "invalid_amount", "facts[0].amount"),
        ({"amount": "1e3"}, "invalid_amount", "facts[0].amount"),
        ({"amount": "NaN"}, "invalid_amount", "facts[0].amount"),
        ({"amount": "１２"}, "invalid_amount", "facts[0].amount"),  # full-width digits
        ({"amount": "1_000"}, "invalid_amount", "facts[0].amount"),
        ({"amount": "9" * 25}, "invalid_amount", "facts[0].amount"),
        ({"lines": [{"amount": "-1"}]}, "invalid_amount", "facts[0].lines[0].amount"),
        ({"occurred_at": "yesterday"}, "invalid_date", "facts[0].occurred_at"),
        ({"occurred_at": ""}, "invalid_date", "facts[0].occurred_at"),
        ({"occurred_at": "2026-02-30T00:00:00Z"}, "invalid_date", "facts[0].occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+07:00"}, "invalid_date", "facts[0].occurred_at"),
        ({"product": "  "}, "invalid_field", "facts[0].product"),
        ({"product": "x" * 201}, "invalid_field", "facts[0].product"),
        ({"product": "a\x00b"}, "invalid_field", "facts[0].product"),
        ({"referrer": {"kind": "msisdn", "value": "1"}}, "invalid_field", "facts[0].referrer"),
    ],
)
def test_refusal_names_the_field(changes: dict[str, Any], code: str, path: str) -> None:
    with pytest.raises(Invalid) as caught:
        _submit(_purchase(**changes))
    assert (caught.value.code, caught.value.details["path"]) == (code, path)


@pytest.mark.parametrize("occurred_at", ["2026-03-01T12:06:00Z", "2025-11-01T00:00:00Z"])
def test_date_out_of_range_goes_with_the_submission_which_is_else_as_it_always_was(occurred_at: str) -> None:
    document = _purchase(occurred_at="2026-03-01T11:00:00Z")
    document["facts"].append({"type": "check_in", "occurred_at": occurred_at})
    made = _submit(document)
    assert isinstance(made.refusal, Invalid)
    assert (made.refusal.code, made.refusal.details["path"]) == ("date_out_of_range", "facts[1].occurred_at")
    assert made.content == _submit(document).content
    assert _submit(_purchase(occurred_at="2026-03-01T11:00:00Z")).refusal is None


@pytest.mark.parametrize("value", ["", "   ", "x" * 10_000, "a\x00", "\ud800"])
def test_identity_must_be_a_short_plain_text(value: str) -> None:
    with pytest.raises(Invalid) as caught:
        _submit(_purchase() | {"member": {"kind": "msisdn", "value": value}})
    assert (caught.value.code, caught.value.details["path"]) == ("invalid_identity", "member.value")


def test_content_ignores_spelling_and_minds_meaning() -> None:
    content = _submit(_purchase()).content
    assert _submit(_purchase(amount="6843.50")).content == content
    assert _submit(_purchase(currency="IDR")).content == content
    assert _submit(_purchase() | {"key": "other"}).content == content
    for changed in (
        _purchase(amount="6843.51"),
        _purchase(occurred_at="2026-03-01T00:00:00Z"),
        _purchase(product="x"),
        _purchase(outlet="till-7"),
        _purchase(lines=[]),
        _purchase() | {"member_name": "Ann"},
        _purchase() | {"action": "sale"},
        _purchase() | {"install_id": "S21+"},
        _purchase() | {"facts": [*_purchase()["facts"], {"type": "check_in"}]},
    ):
        assert _submit(changed).content != content, changed


def test_amounts_in_another_currency_are_refused() -> None:
    """Nothing converts them, and as the programme's own they would earn what they are not worth."""
    with pytest.raises(Invalid) as caught:
        _submit(_purchase(currency="USD"))
    assert (caught.value.code, caught.value.details["path"]) == ("invalid_amount", "facts[0].currency")


def test_content_takes_dates_as_sent() -> None:
    """The zone that a date is written in is part of what the client said, even where the instant is the same."""
    written = ("2026-03-01T00:00:00Z", "2026-03-01T07:00:00+07:00", "2026-03-01T07:00:00")
    made = [_submit(_purchase(occurred_at=text)) for text in written]
    assert len({submission.command.facts[0].occurred_at for submission in made}) == 1  # type: ignore[union-attr]
    assert len({submission.content for submission in made}) == 3


def test_fields_of_a_stored_body_keep_decimals_as_text() -> None:
    raw = b'{"member": {"kind": "a", "value": "b"}, "facts": [{"type": "purchase", "amount": 6843.10}], "n": 7}'
    assert fields(raw) == json.loads(raw) | {"facts": [{"type": "purchase", "amount": "6843.10"}]}
