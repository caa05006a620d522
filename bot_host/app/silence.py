"""Settings that make a bot silent, as far as the configuration alone tells, with the way out."""

from collections.abc import Iterator, Sequence

from bot_host.config.lines import where_set
from bot_host.config.schema import ConnectorEntry, Loaded
from bot_host.contracts.connector import CheckLine
from bot_host.contracts.connector_config import ConnectorConfig
from bot_host.types.access import AccessKind, split_entry


def config_silences(loaded: Loaded, entry: ConnectorEntry) -> Iterator[CheckLine]:
    """What is worth a warning about one account that is on. All may be meant so: none is a fault."""
    config, table = entry.config, entry.table
    name = table.removeprefix("connectors.")
    policy = where_set(loaded, f"{table}.dm_policy", config.dm_policy)
    both = sorted(each for each in config.allow if _is_denied(each, config.deny))
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
    if config.dm_policy == "allowlist" and not config.owners and not _lets_people_in(config):
        yield _line(
            f"{name} direct messages",
            f"nobody may write directly: {policy}, and neither owners nor allow has anybody who could",
            "put your own id into owners",
        )
    elif config.dm_policy == "pairing" and not config.owners:
        yield _line(
            f"{name} owners",
            f"strangers are let in from the command line alone: {policy}, and owners is empty",
            "put your own id into owners, and approve of them by writing `pair approve CODE` to the bot",
        )
    if (
        config.allow
        and not config.owners
        and set(config.allow) == set(both)
        and config.dm_policy != "pairing"
    ):
        yield _line(
            f"{name} allow",
            "nobody is let in at all: each entry of allow is denied, and owners is empty",
            "take some out of deny, or put your own id into owners",
        )


def _is_denied(entry: str, deny: Sequence[str]) -> bool:
    """Whether deny has the same id, of the same kind or without one."""
    kind, id = split_entry(entry)
    return any(id == other and (not kind or not of or kind == of) for of, other in map(split_entry, deny))


def _lets_people_in(config: ConnectorConfig) -> bool:
    """Whether allow may name somebody who writes directly: a server is no word about each of its people."""
    kinds = {kind for kind, _ in map(split_entry, config.allow)}
    return bool(kinds - {AccessKind.SERVER.value, AccessKind.ROLE.value})


def _line(name: str, detail: str, advice: str) -> CheckLine:
    return CheckLine(name=name, ok=True, detail=detail, advice=advice)
