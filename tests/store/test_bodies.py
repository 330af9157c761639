"""Bodies open again, whichever dictionary they were compressed with; what cannot be opened is said to be damaged."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import pytest
import zstandard

from accrual.domain.errors import Broken
from accrual.store import bodies
from accrual.store.bodies import DICTIONARY_ID, compress_body, open_body

CONTRACTS = Path(__file__).parents[1] / "contract"
REQUESTS = [
    json.dumps(request, indent=indent).encode()
    for path in sorted(CONTRACTS.glob("*/fixtures/*.json"))
    if (request := json.loads(path.read_text(encoding="utf-8"))["request"])
    for indent in (None, 2)
]


def test_body_opens_as_it_was_sent() -> None:
    assert len(REQUESTS) >= 24
    for raw in (*REQUESTS, b"", b"\0\xff not JSON", b"x" * 300_000):
        assert open_body(compress_body(raw)) == raw
    assert open_body(None) is None


def test_partners_bodies_take_half_of_what_they_would_without_a_dictionary() -> None:
    alone = zstandard.ZstdCompressor(level=1)
    short = [raw for raw in REQUESTS if b"sssss" in raw or b'"processor"' in raw]
    assert sum(len(compress_body(raw)) for raw in short) * 2 < sum(len(alone.compress(raw)) for raw in short)


def test_body_compressed_without_a_dictionary_opens() -> None:
    assert open_body(zstandard.ZstdCompressor(level=3).compress(REQUESTS[0])) == REQUESTS[0]


def test_dictionary_that_bodies_name_never_changes() -> None:
    kept = (files("accrual.store") / "dictionaries" / "1.zdict").read_bytes()
    assert hashlib.sha256(kept).hexdigest() == "4275321acd7bb8ffbae02189ad3f298dc6e97b05053f86dd2d0447e26150316b"
    assert zstandard.get_frame_parameters(compress_body(REQUESTS[0])).dict_id == DICTIONARY_ID
    assert zstandard.ZstdCompressionDict(kept).dict_id() == 1


def test_body_with_a_dictionary_that_is_not_here_is_damaged() -> None:
    trained = zstandard.train_dictionary(2048, REQUESTS * 20, dict_id=250)
    stored = zstandard.ZstdCompressor(dict_data=trained).compress(REQUESTS[0])
    with pytest.raises(Broken) as raised:
        open_body(stored)
    assert raised.value.code == "body_damaged"


@pytest.mark.parametrize("stored", [b"nothing of ours", compress_body(REQUESTS[0])[:-1]], ids=["text", "cut off"])
def test_what_is_no_frame_is_damaged(stored: bytes) -> None:
    with pytest.raises(Broken) as raised:
        open_body(stored)
    assert raised.value.code == "body_damaged"


def test_frame_over_the_limit_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = compress_body(b"x" * 1001)
    monkeypatch.setattr(bodies, "BODY_BYTES_MAX", 1000)
    with pytest.raises(Broken) as raised:
        open_body(stored)
    assert raised.value.details == {"bytes": 1001}
