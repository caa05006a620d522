"""From what the model writes to a moment. Pure."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

LONGEST: Final = timedelta(days=3660)
REPEATS: Final = ("hourly", "daily", "weekdays", "weekly", "monthly")

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_IN: Final = re.compile(
    r"(?:in\s+)?(\d{1,7}|an?)\s*"
    r"(s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?|w(?:eeks?)?)",
    re.IGNORECASE,
)


def moment_of(when: str, *, asked: datetime, now: datetime, zone: ZoneInfo) -> datetime:
    """`in 10 minutes`, counted from `asked`, or an ISO time, in `zone` where it names no other; in UTC.

    Days and weeks keep the time on the clock of `zone`. Raises ValueError for what is neither, lies in the
    past or ten years ahead.
    """
    found = _IN.fullmatch(when.strip().rstrip("."))
    try:
        if found:
            count = 1 if found[1].lower().startswith("a") else int(found[1])
            unit = _UNITS[found[2][0].lower()]
            base = asked.astimezone(zone if unit in ("days", "weeks") else UTC)
            at = max(now, (base + timedelta(**{unit: count})).astimezone(UTC))
        else:
            at = _iso(when, zone)
    except OverflowError as error:
        raise ValueError("that is too far away") from error
    if at < now:
        raise ValueError(f"{at:%Y-%m-%d %H:%M} UTC is over; it is {now:%Y-%m-%d %H:%M} UTC now")
    if at - now > LONGEST:
        raise ValueError("that is more than ten years away")
    return at


def _iso(when: str, zone: ZoneInfo) -> datetime:
    try:
        given = datetime.fromisoformat(when.strip())
    except ValueError as error:
        raise ValueError(
            f'"{when[:60]}" is no time: expected ISO, such as 2026-11-23T15:00, or "in 10 minutes"'
        ) from error
    if not re.search(r"\d[T ]\d", when):
        raise ValueError("a time of day is needed, such as 2026-11-23T15:00")
    return (given if given.tzinfo else given.replace(tzinfo=zone)).astimezone(UTC)


def cron_of(repeat: str, first: datetime, zone: ZoneInfo) -> str:
    """Cron text for one of REPEATS at the time of `first` on the clock of `zone`. Raises ValueError."""
    at = first.astimezone(zone)
    texts = {
        "hourly": f"{at.minute} * * * *",
        "daily": f"{at.minute} {at.hour} * * *",
        "weekdays": f"{at.minute} {at.hour} * * 1-5",
        "weekly": f"{at.minute} {at.hour} * * {at.isoweekday() % 7}",
        "monthly": f"{at.minute} {at.hour} {at.day} * *",
    }
    if repeat not in texts:
        raise ValueError(f"repeat: expected one of {', '.join(REPEATS)}")
    return texts[repeat]
