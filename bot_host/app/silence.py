"""Settings that make a bot silent, as far as the configuration alone tells, with the way out."""

from collections.abc import Iterator

from bot_host.config.lines import where_set
from bot_host.config.schema import ConnectorEntry, Loaded
from bot_host.contracts.connector import CheckLine


def config_silences(loaded: Loaded, entry: ConnectorEntry) -> Iterator[CheckLine]:
    """What is worth a warning about one account that is on. All may be meant so: none is a fault."""
    config, table = entry.config, entry.table
    name = table.removeprefix("connectors.")
    policy = where_set(loaded, f"{table}.dm_policy", config.dm_policy)
    both = sorted(set(config.allow) & set(config.deny))
    if both:
        yield _line(
            f"{name} deny",
            f"in allow and in deny, and therefore denied: {', '.join(both)}",
            "take them out of one of the two",
        )
    if config.dm_policy == "off" and config.allow:
        yield _line(
            f"{name} direct messages",
            f"nobody may write directly, those in allow neither: {policy}",
            'if they should, dm_policy = "allowlist"',
        )
    if config.dm_policy in ("allowlist", "pairing") and not config.allow and not config.owners:
        pairing = config.dm_policy == "pairing"
        yield _line(
            f"{name} direct messages",
            f"nobody may write directly: {policy}, and allow and owners are empty",
            "put your own id into owners" + (": who else approves of strangers?" if pairing else ""),
        )
    elif config.dm_policy == "pairing" and not config.owners:
        yield _line(
            f"{name} owners",
            f"nobody can approve of strangers: {policy}, and owners is empty",
            "put your own id into owners",
        )


def _line(name: str, detail: str, advice: str) -> CheckLine:
    return CheckLine(name=name, ok=True, detail=detail, advice=advice)
