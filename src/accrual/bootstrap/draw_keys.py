"""The hosts' part of the secrets of draws: a key in a file that only its owner may read, never in the database."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

import msgspec

from accrual.domain.draws import SECRET_BYTES
from accrual.domain.errors import Broken
from accrual.settings import Settings

KEY_NAME = "draw.key"
MODE = 0o600
_TEXT = re.compile(rb"[0-9a-fA-F]{64}\s*")


class DrawKey(msgspec.Struct, frozen=True):
    """A key with the file that it is in. It never shows itself in logs or errors."""

    path: Path
    key: bytes

    def __repr__(self) -> str:
        return f"DrawKey({self.path})"


def open_draw_key(settings: Settings, data_dir: Path | None) -> DrawKey | None:
    """The key of ACCRUAL_DRAW_KEY_FILE, else that of the embedded installation in `data_dir`, made where there is none.

    None where there is neither. Raises Broken `draw_key_unusable` for a file that is missing, that others may read, or that
    does not hold 64 hexadecimal digits.
    """
    if settings.draw_key_file is not None:
        return _read(settings.draw_key_file)
    if data_dir is None:
        return None
    path = data_dir / KEY_NAME
    if not path.exists():
        _make(path)
    return _read(path)


def _make(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(SECRET_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # whole or not at all; where another process was faster, its key is as good
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    except OSError as error:
        raise _unusable(path, str(error.strerror)) from error


def _read(path: Path) -> DrawKey:
    try:
        if path.stat().st_mode & 0o077:
            raise _unusable(path, "others than its owner may read it; run chmod 600")
        text = path.read_bytes()
    except OSError as error:
        raise _unusable(path, str(error.strerror)) from error
    if _TEXT.fullmatch(text) is None:
        raise _unusable(path, "it does not hold 64 hexadecimal digits; make one with: openssl rand -hex 32")
    return DrawKey(path, bytes.fromhex(text.decode().strip()))


def _unusable(path: Path, why: str) -> Broken:
    return Broken(f"The key of draws in {path} cannot be used: {why}.", code="draw_key_unusable")
