"""Key and journal are files that survive what happens to files; the webhook delivers or says why not."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from structlog.testing import capture_logs

from accrual.bootstrap.checkpoint_journal import JournalFile
from accrual.bootstrap.checkpoint_keys import open_key, signed_by
from accrual.bootstrap.checkpoint_webhook import CheckpointWebhook
from accrual.domain.checkpoints import JournalLine, PublishedCheckpoint
from accrual.domain.errors import Broken, Invalid
from accrual.engine.checkpoints import Made

MADE = Made(
    published=PublishedCheckpoint(
        number=1, recorded_at=datetime(2026, 1, 1, tzinfo=UTC), root=bytes(32), signature=bytes(64), note="the note\n"
    ),
    commands=0,
    rows=0,
    seals=0,
    damaged={},
)


def test_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "checkpoint.key"
    assert open_key(path, create=False) is None
    made = open_key(path, create=True)
    again = open_key(path, create=True)
    assert made is not None
    assert again is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert made.public == again.public
    ((name, key_id, signature),) = made.sign("a/log", b"body")
    key = again.verifier("a/log")
    assert (name, key_id) == ("a/log", key.key_id)
    assert signed_by(key, b"body", signature)
    assert not signed_by(key, b"other", signature)
    path.chmod(0o640)
    with pytest.raises(Broken, match="chmod 600"):
        open_key(path, create=True)


@pytest.mark.parametrize("text", [b"", b"no key", None])
def test_file_that_is_no_ed25519_key_is_refused(tmp_path: Path, text: bytes | None) -> None:
    other = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path / "checkpoint.key"
    path.write_bytes(other if text is None else text)
    path.chmod(0o600)
    with pytest.raises(Broken) as caught:
        open_key(path, create=True)
    assert caught.value.code == "checkpoint_key_unusable"


def _line(number: int, note: str = "n") -> JournalLine:
    return JournalLine(number=number, at="2026-01-01T00:00:00.000000Z", leaf="", changes=[], note=note)


def test_journal_gives_back_its_lines_and_drops_a_half_one(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "there" / "checkpoints.jsonl")
    assert (journal.last(), list(journal.lines())) == (None, [])
    for number in (1, 2):
        journal.append(_line(number))
    journal.append(_line(3, "n" * 200_000))
    with journal.path.open("ab") as file:
        file.write(b'{"number":4,')
    assert journal.last() == _line(3, "n" * 200_000)
    assert [line.number for line in journal.lines()] == [1, 2, 3]
    journal.append(_line(4))
    assert [line.number for line in journal.lines()] == [1, 2, 3, 4]
    assert journal.last() == _line(4)


def test_journal_has_one_writer(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "checkpoints.jsonl")
    with journal.hold() as ours, journal.hold() as others:
        assert (ours, others) == (True, False)
    with journal.hold() as ours:
        assert ours


def test_damaged_line_of_the_journal_is_an_error(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "checkpoints.jsonl")
    journal.path.write_text("{}\n", encoding="utf-8")
    with pytest.raises(Broken) as caught:
        journal.last()
    assert caught.value.code == "journal_damaged"


@contextmanager
def _receiving(*statuses: int) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    got: list[tuple[str, bytes]] = []
    left = list(statuses)

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(left.pop(0))
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/notes?from=x", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("statuses", "tries"), [((200,), 1), ((500, 302, 204), 3), ((500, 500, 500), 3)])
async def test_webhook_gets_the_note_and_is_tried_three_times(statuses: tuple[int, ...], tries: int) -> None:
    with _receiving(*statuses) as (url, got):
        await CheckpointWebhook(url, pause_s=0.001).hand_on(MADE)
    assert got == [("/notes?from=x", b"the note\n")] * tries


async def test_webhook_that_nobody_answers_ends() -> None:
    with capture_logs() as logged:
        await CheckpointWebhook("http://127.0.0.1:9/", pause_s=0.001, timeout_s=0.2).hand_on(MADE)
    assert [each["event"] for each in logged] == ["checkpoint_not_delivered"]


@pytest.mark.parametrize("url", ["", "ftp://x/", "x", "http://", "http:///path"])
def test_webhook_takes_web_addresses_only(url: str) -> None:
    with pytest.raises(Invalid) as caught:
        CheckpointWebhook(url)
    assert caught.value.code == "checkpoint_webhook_invalid"


def test_unwritable_journal_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(Broken) as caught:
        JournalFile(tmp_path / "file" / "checkpoints.jsonl").append(_line(1))
    assert caught.value.code == "journal_unwritable"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
