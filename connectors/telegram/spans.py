"""Spans of time, as the library tells them: `timedelta`, or seconds. Pure."""

from datetime import timedelta
from typing import Any


def seconds_of(span: Any) -> float | None:
    """Seconds; None: it is not told."""
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    return float(seconds) if isinstance(seconds, int | float) else None
