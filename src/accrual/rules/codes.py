"""Codes that nobody can guess without a seed, the same each time they are drawn. Chance comes in as the seed."""

from __future__ import annotations

import hashlib

CODE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without I, L, O and U, which people misread."""

UNTOLD = "?"


def code_of(seed: bytes, place: bytes, length: int) -> str:
    """`length` (at most 24) letters that nobody can guess without the seed, the same for the same place.

    With an empty seed the code is not known: so many `?`.
    """
    if not seed:
        return UNTOLD * length
    number = int.from_bytes(hashlib.blake2b(place, key=seed, digest_size=16, person=b"voucher").digest(), "big")
    letters = []
    for _ in range(length):
        number, rest = divmod(number, len(CODE_LETTERS))
        letters.append(CODE_LETTERS[rest])
    return "".join(letters)
