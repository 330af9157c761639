"""How the processes log: JSON or console lines on standard error that never carry what is personal or secret."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO, cast

import structlog

FORBIDDEN = frozenset(
    {
        "address", "api_key", "apikey", "authorization", "body", "content", "cookie", "email", "facts", "fields", "headers",
        "idempotency_key", "identity", "install_id", "installid", "key", "key_sha256", "member", "member_name", "memberid",
        "membername", "memberqtagphone", "msisdn", "name", "owner_database_url", "password", "payload", "phone", "qtag_phone",
        "raw", "refference", "request", "secret", "signature", "token", "url", "database_url", "user_id", "userid",
        "userid_share", "value", "wallet_code",
    }
)  # fmt: skip
"""Names of log fields that may hold a person, a key or a body. Compared in lower case, hyphens as underscores."""

_DEPTH_MAX = 4
_TEXT_CHARACTERS_MAX = 500
_FRAMES_MAX = 30


def drop_forbidden(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: forbidden fields go, at any depth, and `dropped` names them, so that a slip is seen."""
    dropped: list[str] = []
    kept = _keep(event, dropped, 0)
    if dropped:
        kept["dropped"] = sorted(set(dropped))
    return kept


def _keep(fields: Mapping[str, Any], dropped: list[str], depth: int) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        if str(name).lower().replace("-", "_") in FORBIDDEN:
            dropped.append(str(name))
        else:
            kept[name] = _plain(value, dropped, depth)
    return kept


def _plain(value: Any, dropped: list[str], depth: int) -> Any:
    """Numbers and short texts as they are; containers looked through; anything else by its type alone."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return value if len(value) <= _TEXT_CHARACTERS_MAX else value[:_TEXT_CHARACTERS_MAX] + "..."
        case Mapping() if depth < _DEPTH_MAX:
            return _keep(value, dropped, depth + 1)
        case list() | tuple() | set() | frozenset() if depth < _DEPTH_MAX:
            return [_plain(item, dropped, depth + 1) for item in value]
        case _:
            return f"<{type(value).__name__}>"


def trace_of(error: BaseException) -> dict[str, Any]:
    """What of an error may be logged: its class and where it came from. Its message may quote a body or a name."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_MAX:]
    trace: dict[str, Any] = {
        "error": type(error).__name__,
        "where": [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if error.__cause__ is not None:
        trace["cause"] = type(error.__cause__).__name__
    return trace


def configure(*, level: str = "info", form: str = "console", stream: TextIO | None = None) -> None:
    """Set up logging for this process. `form` is `json` or `console`; `level` one of debug, info, warning, error.

    Loggers of libraries go the same way, without the traceback's values.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    out: TextIO = cast(TextIO, _StandardError()) if stream is None else stream
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _trace_instead_of_exception,
        drop_forbidden,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=out.isatty(), sort_keys=False)
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    inbound = logging.StreamHandler(out)
    inbound.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_first_line, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [inbound]
    root.setLevel(max(number, logging.WARNING))


class _StandardError:
    """Standard error as it is when something is written: whoever runs a command may put another one in its place."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


def _trace_instead_of_exception(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event.update(trace_of(error))
    return event


def _first_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Of a library's message the first line: asyncio's further ones quote the values of what went wrong."""
    event["event"] = str(event.get("event", "")).partition("\n")[0]
    return event
