"""Turns a posting into a command with its key and content; pure, and the only place that knows its meaning."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from accrual.api.dialects.goodie.wire import CustomRule, Posting, read, unwrap, wrap
from accrual.domain.amounts import to_minor
from accrual.domain.commands import Dialect, Reward, Submission, content_digest
from accrual.domain.errors import AccrualError, Invalid, Missing, Refused
from accrual.domain.facts import Event, Fact, Identity, Purchase
from accrual.domain.identities import known_as
from accrual.domain.programme import Catalogue, InstallId, KeyScope, Settings, StoredClient
from accrual.engine.bounds import find_beyond
from accrual.engine.event_rules import EventRules

IDENTITY_KIND = "goodie.member_id"
CUSTOM_EVENT = "goodie.custom"
"""The event that a custom rule is; its attribute `rule` says which."""

_CANONICAL = msgspec.msgpack.Encoder()


def translate(
    posting: Posting,
    *,
    catalogue: Catalogue,
    client: StoredClient,
    rules: EventRules,
    now: datetime,
    key: bytes,
    body: bytes,
    member_name: str,
    device: str,
) -> Submission:
    """The submission that a posting asks for, with its refusal where a rule is not to be had. Raises Misread.

    `key` is that of the header or of chance; a payment has its own, the merchant and its reference, wherever that
    merchant's payments come from. `device` is kept with the command, and is not content: another one may try again.
    """
    posting = _named(posting, catalogue)
    amounts = _amounts(posting, catalogue)
    outlet = _outlet(posting, catalogue, client)
    is_payment = posting.basic is not None
    command = Reward(
        dialect=Dialect.GOODIE,
        action="basic" if is_payment else "custom",
        identity=Identity(IDENTITY_KIND, posting.member_id),
        facts=_facts(posting, amounts, outlet),
        install_id=device,
        unique_install=client.client.install_id is InstallId.UNIQUE,
    )
    return Submission(
        programme_id=catalogue.programme_id,
        client_id=client.client_id,
        command=command,
        key=key if posting.basic is None else _key_of_payment(posting.merchant_id, posting.basic.reference),
        content=_content(posting, amounts),
        body=wrap(body, member_name),
        key_scope_client=is_payment or client.client.key_scope is KeyScope.CLIENT,
        refusal=_find_refused(posting.custom, catalogue, rules, now) or find_beyond(command, catalogue.settings),
    )


def content_of(raw: bytes, catalogue: Catalogue, client: StoredClient) -> bytes:
    """The content digest of a stored posting by today's translator. Raises Invalid."""
    posting = _named(read(unwrap(raw)[0]), catalogue)
    return _content(posting, _amounts(posting, catalogue))


def identity_of(member_id: str, settings: Settings) -> Identity:
    """The member whom Goodie calls so. Raises Invalid `invalid_identity`."""
    return known_as(Identity(IDENTITY_KIND, member_id), settings)


def _named(posting: Posting, catalogue: Catalogue) -> Posting:
    """The posting with the member in the programme's one spelling. Raises Invalid `invalid_identity`."""
    return posting._replace(member_id=identity_of(posting.member_id, catalogue.settings).value)


def _key_of_payment(merchant_id: str, reference: str) -> bytes:
    # No key of a header holds a zero byte, so the two kinds never meet.
    return b"k\x00" + merchant_id.encode() + b"\x00" + reference.encode()


def _facts(posting: Posting, amounts: Sequence[int | None], outlet: str) -> tuple[Fact, ...]:
    """A payment is a purchase, each custom rule an event; all of them happen now."""
    if posting.basic is not None:
        return (Purchase(amount_minor=amounts[0], product=posting.basic.product, outlet=outlet),)
    return tuple(
        Event(
            amount_minor=amount,
            outlet=outlet,
            name=CUSTOM_EVENT,
            attributes={"issuing": int(rule.is_issuing), "rule": rule.name},
        )
        for rule, amount in zip(posting.custom, amounts, strict=True)
    )


def _amounts(posting: Posting, catalogue: Catalogue) -> tuple[int | None, ...]:
    """Minor units of the payment, or of each rule (None: it issues points of its own). Raises Misread `invalid_amount`."""
    minor_units = catalogue.settings.minor_units
    found: list[int | None] = []
    for part in posting.custom if posting.basic is None else (posting.basic,):
        try:
            found.append(None if part.amount is None else to_minor(part.amount, minor_units))
        except Invalid as error:
            raise part.misread(error.message, error.code) from error
    return tuple(found)


def _outlet(posting: Posting, catalogue: Catalogue, client: StoredClient) -> str:
    """The outlet whose alias is `merchant/store` or else `merchant`; an unknown name stays, and no rule knows it."""
    code, merchant = client.client.code, posting.merchant_id
    at_store = f"{merchant}/{posting.store_id}" if posting.store_id else None
    at_merchant = merchant
    for outlet in catalogue.outlets:
        aliases = outlet.aliases.get(code, ())
        if at_store in aliases:
            return outlet.code
        if merchant in aliases:
            at_merchant = outlet.code
    return at_merchant


def _find_refused(
    custom: Sequence[CustomRule], catalogue: Catalogue, rules: EventRules, now: datetime
) -> AccrualError | None:
    """`rule_unknown` or `rule_of_other_kind`, for the first rule that no promo has, or none of that kind."""
    holding = rules.holding(catalogue, now) if custom else ()
    for rule in custom:
        if any(rule.name in (named.issuing if rule.is_issuing else named.amount) for named in holding):
            continue
        if any(rule.name in named.names for named in holding):
            other = (
                "computes from an amount; send issuing 0"
                if rule.is_issuing
                else "issues its own points; send issuing 1"
            )
            return Refused(f"{rule.place}: the rule {rule.name} {other}.", code="rule_of_other_kind")
        return Missing(f"{rule.place}: there is no custom rule {rule.name}.", code="rule_unknown")
    return None


def _content(posting: Posting, amounts: Sequence[int | None]) -> bytes:
    """All that the client said, spelling aside: amounts by value, an absent store like an empty one."""
    if posting.basic is not None:
        said: tuple[object, ...] = ("basic", posting.basic.product, posting.basic.reference, amounts[0])
    else:
        rules = [(rule.name, rule.is_issuing, amount) for rule, amount in zip(posting.custom, amounts, strict=True)]
        said = ("custom", rules)
    where = (posting.member_id, posting.merchant_id, posting.store_id)
    return content_digest(_CANONICAL.encode(("goodie", *where, *said)))
