"""Logging: readable or JSON lines, with agent, room and run on each, and never a secret."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

FIELDS: Final = ("agent", "room", "run")
_context: ContextVar[dict[str, str] | None] = ContextVar("log_context", default=None)
MASK: Final = "***"
LOG_BYTES: Final = 10_000_000
"""Of one log file; three older ones are kept."""


@contextmanager
def log_context(**fields: str) -> Iterator[None]:
    """Put `fields` (agent, room, run …) on every log line written inside, in this task and its children."""
    token = _context.set({**(_context.get() or {}), **fields})
    try:
        yield
    finally:
        _context.reset(token)


class SecretMask:
    """Knows the secret values of this process and blots them out of any text (invariant I5)."""

    def __init__(self) -> None:
        self._values: list[str] = []

    def add(self, *values: str | None) -> None:
        """Remember values that must never be shown. Values under 6 characters are too common to blot out."""
        known = {*self._values, *(v for v in values if v and len(v) >= 6)}
        self._values = sorted(known, key=len, reverse=True)

    def hide(self, text: str) -> str:
        """`text` with every known secret replaced by `***`."""
        for value in self._values:
            if value in text:
                text = text.replace(value, MASK)
        return text


class _Formatter(logging.Formatter):
    def __init__(self, mask: SecretMask, *, tracebacks: bool) -> None:
        super().__init__()
        self._mask = mask
        self._tracebacks = tracebacks

    def _trace(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info and self._tracebacks else ""

    @staticmethod
    def _fields(record: logging.LogRecord) -> dict[str, str]:
        return {**(_context.get() or {}), **getattr(record, "fields", {})}


class ReadableFormatter(_Formatter):
    """`14:03:07 info  host        sentence (agent=… room=…)`."""

    def __init__(self, mask: SecretMask, *, tracebacks: bool, with_date: bool = False) -> None:
        super().__init__(mask, tracebacks=tracebacks)
        self._time = "%Y-%m-%d %H:%M:%S" if with_date else "%H:%M:%S"

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).astimezone().strftime(self._time)
        line = f"{at} {record.levelname.lower():<7} {_short(record.name):<10} {record.getMessage()}"
        fields = self._fields(record)
        if fields:
            line += " (" + " ".join(f"{k}={v}" for k, v in fields.items()) + ")"
        trace = self._trace(record)
        return self._mask.hide(f"{line}\n{trace}" if trace else line).encode("utf-8", "replace").decode()


class JsonFormatter(_Formatter):
    """One JSON object a line: time (ISO 8601, UTC), level, logger, message, and the context's fields."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, str] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._fields(record),
        }
        trace = self._trace(record)
        if trace:
            entry["traceback"] = trace
        # Masked before it is dumped: JSON would escape a quote or backslash inside a secret.
        hidden = {key: self._mask.hide(str(value)) for key, value in entry.items()}
        return json.dumps(hidden, ensure_ascii=False).encode("utf-8", "replace").decode()


def _short(name: str) -> str:
    parts = name.split(".")
    if parts[0] in ("bot_host", "connectors") and len(parts) > 1:
        return parts[1]
    return parts[0]


class _PrivateHandler(RotatingFileHandler):
    """Its files are for their owner alone."""

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=_open_private)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def make_handler(
    mask: SecretMask, *, file: Path | None = None, as_json: bool = False, tracebacks: bool = True
) -> logging.Handler:
    """A handler to standard error, or to `file` (appended to, UTF-8, rotated, made for its owner alone).

    Raises OSError when the file cannot be opened.
    """
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler(sys.stderr)
    else:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler = _PrivateHandler(file, maxBytes=LOG_BYTES, backupCount=3, encoding="utf-8")
    if as_json:
        handler.setFormatter(JsonFormatter(mask, tracebacks=tracebacks))
    else:
        handler.setFormatter(ReadableFormatter(mask, tracebacks=tracebacks, with_date=file is not None))
    return handler


def set_up_logging(handlers: list[logging.Handler], level: str) -> None:
    """Make `handlers` the only ones of the process. The SDKs' own chatter stays below warning."""
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in ("bot_host", "connectors"):
        logging.getLogger(name).setLevel(level.upper())
