"""Compresses bodies for the log and opens them again, never past a limit of size. What a body says is no matter here."""

from __future__ import annotations

import zstandard

from accrual.domain.errors import Broken

BODY_BYTES_MAX = 16 * 1024 * 1024
"""No accepted body is anywhere near it; a stored one that would open to more is damaged or not ours."""


_COMPRESSOR = zstandard.ZstdCompressor(level=1, write_checksum=False, write_content_size=True)


def compress_body(raw: bytes) -> bytes:
    """The stored form of a body: one zstd frame that tells its size. Called by one thread of a process only."""
    return _COMPRESSOR.compress(raw)


def open_body(stored: bytes | None) -> bytes | None:
    """The body as the client sent it; None stays None. Raises Broken `body_damaged` when it cannot be opened."""
    if stored is None:
        return None
    if not stored:
        return b""
    try:
        size = zstandard.frame_content_size(stored)
        if size > BODY_BYTES_MAX:
            raise Broken("A stored body is larger than the limit.", code="body_damaged", details={"bytes": size})
        # A frame that does not tell its size (-1) is bounded by what it may open to.
        return zstandard.ZstdDecompressor().decompress(stored, max_output_size=BODY_BYTES_MAX)
    except zstandard.ZstdError as error:
        raise Broken("A stored body cannot be opened.", code="body_damaged") from error
