"""Compresses bodies for the log and opens them again, never past a limit of size. What a body says is no matter here."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import zstandard

from accrual.domain.errors import Broken

BODY_BYTES_MAX = 16 * 1024 * 1024
"""No accepted body is anywhere near it; a stored one that would open to more is damaged or not ours."""

DICTIONARY_ID = 1
"""The dictionary that bodies are compressed with. A frame names its own, so those of earlier releases stay for ever."""

LEVEL = 1


@cache
def _dictionary(number: int) -> zstandard.ZstdCompressionDict:
    """A dictionary of the package. Raises Broken `body_damaged` when there is none of this number."""
    kept = files("accrual.store") / "dictionaries" / f"{number}.zdict"
    if not kept.is_file():
        raise Broken("A stored body names a dictionary that is not here.", code="body_damaged")
    return zstandard.ZstdCompressionDict(kept.read_bytes())


@cache
def _compressor() -> zstandard.ZstdCompressor:
    dictionary = _dictionary(DICTIONARY_ID)
    dictionary.precompute_compress(level=LEVEL)
    return zstandard.ZstdCompressor(dict_data=dictionary, level=LEVEL, write_checksum=False, write_content_size=True)


def compress_body(raw: bytes) -> bytes:
    """The stored form of a body: one zstd frame that tells its size. Called by one thread of a process only."""
    return _compressor().compress(raw)


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
        number = zstandard.get_frame_parameters(stored).dict_id
        opener = zstandard.ZstdDecompressor(dict_data=_dictionary(number) if number else None)
        # A frame that does not tell its size (-1) is bounded by what it may open to.
        return opener.decompress(stored, max_output_size=BODY_BYTES_MAX)
    except zstandard.ZstdError as error:
        raise Broken("A stored body cannot be opened.", code="body_damaged") from error
