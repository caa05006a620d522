"""How long rows are kept, in words: for `check` and `status`."""

from bot_host.config.schema import RetentionConfig
from bot_host.contracts.connector import CheckLine


def in_words(kept: RetentionConfig) -> str:
    """`runs, logs 90 days; steps 30 days; media 1 day; the rest for ever`."""
    by_days: dict[int, list[str]] = {}
    for name, days in kept.model_dump().items():
        if days and name != "hour":
            by_days.setdefault(days, []).append(name)
    told = [
        f"{', '.join(names)} {days} day{'s' if days > 1 else ''}"
        for days, names in sorted(by_days.items(), reverse=True)
    ]
    return "; ".join([*told, "the rest for ever"])


def check_line(kept: RetentionConfig) -> CheckLine:
    """For `check`."""
    detail = f"{in_words(kept)}; what is old goes at {kept.hour:02}:00 UTC"
    return CheckLine(name="retention", ok=True, detail=detail)
