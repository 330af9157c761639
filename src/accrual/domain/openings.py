"""Well-known words that stored commands begin with, and the two bytes that stand for them; what they ask for never shows."""

from __future__ import annotations

import msgspec

ACTIONS: tuple[tuple[int, str], ...] = (
    (2, "transaction"),
    (2, "register"),
    (2, "registerreferral"),
    (2, "transactionreferral"),
    (2, "luckydraw"),
    (2, "dailycheckin"),
    (2, "productsku"),
    (3, "transactionpromo"),
    (3, "register"),
    (3, "registerreferral"),
    (3, "transactionreferral"),
    (3, "luckydraw"),
    (3, "dailycheckin"),
    (3, "productsku"),
    (1, "registration"),
    (1, "referral"),
    (1, "purchase"),
    (1, "referral_purchase"),
    (1, "product_purchase"),
    (1, "draw_entry"),
    (1, "check_in"),
    (1, "event"),
)
"""Dialect and action. Their places in this list are stored: append at the end (64 at most), never move or remove one."""

KINDS: tuple[str, ...] = ("", "qoin.user_id", "wallet_code", "msisdn", "email", "phone", "member_id", "customer_id")
"""Kinds of identities; the first stands for any other, which is written out. Places are stored, as above."""

WHOLE = 64
"""Added to the number of an opening whose command is not cut short at its end."""

_NOT_AN_OPENING = 0x80
"""A command stored without an opening begins with a byte from here on: that of a MessagePack array."""

_WORDS = [bytes((1, dialect)) + msgspec.msgpack.encode(action) + b"\x92" for dialect, action in ACTIONS]
_CUT = [b"\x95" + words for words in _WORDS]
_KINDS = [b"", *(msgspec.msgpack.encode(kind) for kind in KINDS[1:])]
_NUMBERS = {opening: (number, 1 + len(_WORDS[number])) for number, opening in enumerate(ACTIONS)}
_KIND_NUMBERS = {kind: (number, len(_KINDS[number])) for number, kind in enumerate(KINDS) if number}
_OTHER_KIND = (0, 0)


def shorten(packed: bytes, dialect: int, action: str, kind: str, unsaid: int) -> bytes:
    """A packed command with its opening as numbers, where both dialect and action are well known.

    `unsaid` is how many bytes at its end only say that nothing is said; 0: it has something to say there.
    """
    known = _NUMBERS.get((dialect, action))
    if known is None:
        return packed
    number, start = known
    kind_number, kind_size = _KIND_NUMBERS.get(kind, _OTHER_KIND)
    if unsaid:
        return b"%c%c%b" % (number, kind_number, packed[start + kind_size : -unsaid])
    return b"%c%c%c%b" % (number + WHOLE, kind_number, packed[0], packed[start + kind_size :])


def lengthen(stored: bytes) -> bytes:
    """The packed command again. Raises msgspec.DecodeError when its opening is none."""
    try:
        number = stored[0]
        if number < WHOLE:
            return _CUT[number] + _KINDS[stored[1]] + stored[2:]
        if number < _NOT_AN_OPENING:
            return stored[2:3] + _WORDS[number - WHOLE] + _KINDS[stored[1]] + stored[3:]
    except IndexError:
        raise msgspec.DecodeError("The opening of a stored command is unknown.") from None
    return stored
