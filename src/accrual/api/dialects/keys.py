"""The key of a partner's call: from its Idempotency-Key header, else from chance, as the client's policy allows."""

from __future__ import annotations

from accrual.api.call import Call, Engine
from accrual.domain.errors import Invalid
from accrual.domain.programme import IdempotencyPolicy

HEADER = "idempotency-key"
KEY_CHARACTERS_MAX = 200


def key_of(call: Call, engine: Engine) -> bytes:
    """`k` and the header's value, or `r` and the call's 16 random bytes: then every call is a command of its own.

    Raises Invalid `key_missing` when the header is empty, or absent where the client must send it, and `invalid_field`
    when it is over 200 characters or holds control characters.
    """
    value = call.headers.get(HEADER)
    if value is None:
        policy = call.client.client.idempotency
        if policy is IdempotencyPolicy.REQUIRE:
            raise Invalid("The header Idempotency-Key is needed: a new value for each new command.", code="key_missing")
        if policy is IdempotencyPolicy.WARN:
            engine.warn("key_missing", call.client.client.code)
        return b"r" + call.chance
    key = value.strip()
    if not key:
        raise Invalid("The header Idempotency-Key is empty; leave it out or give it a value.", code="key_missing")
    if len(key) > KEY_CHARACTERS_MAX:
        raise Invalid(
            f"The header Idempotency-Key has more than {KEY_CHARACTERS_MAX} characters.", code="invalid_field"
        )
    if not key.isprintable():
        raise Invalid("The header Idempotency-Key has control characters in it.", code="invalid_field")
    return b"k" + key.encode()
