"""Cron text on the clock of a time zone."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises ValueError."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            f'there is no time zone "{name[:60]}": expected one such as Europe/Berlin'
        ) from error


def cron_times(text: str, zone: str, start: datetime, *, reverse: bool = False) -> Iterator[datetime]:
    """The times after `start` (with `reverse`: before it), in UTC.

    Five fields (minute hour day month weekday), weekdays by name or 0 to 7 with 0 and 7 as Sunday. Daylight
    saving as in Debian's cron: a fixed time that is left out runs right after the gap, one that comes twice
    runs the first time. Raises ValueError.
    """
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(
            f'cron "{text[:60]}": expected five fields (minute hour day month weekday), found {len(fields)}'
        )
    try:
        times = CronSim(" ".join(fields), start.astimezone(zone_of(zone)), reverse=reverse)
    except CronSimError as error:
        raise ValueError(f'cron "{text[:60]}": {error}') from error
    return _in_utc(times, start, reverse=reverse)


def _in_utc(times: CronSim, start: datetime, *, reverse: bool) -> Iterator[datetime]:
    for moment in times:
        at = moment.astimezone(UTC)
        # Within the hour that comes twice, cronsim starts from the first one.
        if (at < start) if reverse else (at > start):
            yield at
