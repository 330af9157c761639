"""The journal of checkpoints: an append-only file, a JSON line each, on disk before anybody is told."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from accrual.domain.checkpoints import JournalLine
from accrual.domain.errors import Broken

JOURNAL_NAME = "checkpoints.jsonl"
LINE_BYTES_MAX = 8 << 20
_TAIL_FIRST = 64 << 10


class JournalFile:
    """One file, of one process at a time (`hold`)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._decoder = msgspec.json.Decoder(JournalLine)

    @contextmanager
    def hold(self) -> Iterator[bool]:
        """Whether this process is the one that may add lines, for as long as the context lasts."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(handle)

    def last(self) -> JournalLine | None:
        """The newest line; a half-written line at the end, of a process that was killed, counts as none."""
        try:
            with self.path.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                size = _TAIL_FIRST
                while True:
                    start = max(0, end - size)
                    file.seek(start)
                    whole = file.read(end - start).rpartition(b"\n")[0]
                    if start == 0 or b"\n" in whole:
                        newest = whole.rpartition(b"\n")[2]
                        return self._decode(newest) if newest else None
                    size *= 8
        except FileNotFoundError:
            return None

    def append(self, line: JournalLine) -> None:
        """Add a line; it is on disk when this returns. Raises Broken `journal_unwritable`."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                end = file.seek(0, os.SEEK_END)
                if end:
                    file.seek(end - 1)
                    if file.read(1) != b"\n":
                        self._drop_half_line(file.fileno())
                file.write(msgspec.json.encode(line) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Broken(
                f"The journal of checkpoints {self.path} cannot be written: {error.strerror}.",
                code="journal_unwritable",
            ) from error

    def lines(self) -> Iterator[JournalLine]:
        """All whole lines in order. Raises Broken `journal_damaged`."""
        try:
            with self.path.open("rb") as file:
                while raw := file.readline(LINE_BYTES_MAX):
                    if raw.endswith(b"\n"):
                        yield self._decode(raw)
        except FileNotFoundError:
            return

    def _drop_half_line(self, handle: int) -> None:
        """What a process wrote of a line before it was killed is cut away; the database has that checkpoint whole."""
        whole = 0
        with self.path.open("rb") as file:
            for raw in file:
                if raw.endswith(b"\n"):
                    whole += len(raw)
        os.ftruncate(handle, whole)

    def _decode(self, raw: bytes) -> JournalLine:
        try:
            return self._decoder.decode(raw)
        except msgspec.DecodeError as error:
            raise Broken(f"A line of {self.path} cannot be read: {error}.", code="journal_damaged") from error
