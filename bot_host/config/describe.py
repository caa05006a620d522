"""What is in force, and where each value came from."""

from contextlib import suppress
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from bot_host.config.schema import Config, Loaded, ModelsConfig, flatten
from bot_host.config.sources import shown

DEFAULT: Final = "default"


def describe(loaded: Loaded, *, defaults: bool = True) -> list[str]:
    """Each value with its source, secrets as `***` or `not set`, one a line; without `defaults` fewer.

    A value that a source sets to its default is left out, too.
    """
    config = loaded.config
    plain = _defaults(config) if not defaults else {}
    return [
        f"{key} = {shown(key, value)} ({loaded.sources.get(key, DEFAULT)})"
        for key, value in all_values(config).items()
        if defaults or (loaded.sources.get(key, DEFAULT) != DEFAULT and value != plain.get(key, ...))
    ]


def _defaults(config: Config) -> dict[str, Any]:
    """The default of each key that has one of its own."""
    values: dict[str, Any] = {}
    tables: list[tuple[BaseModel, str]] = [
        (config.host, "host"),
        (config.web, "web"),
        (config.retention, "retention"),
        *((table, f"models.{name}") for name, table in config.models.tables.items()),
        *((table, f"plugins.{name}") for name, table in config.plugins.items()),
        *((agent, f"agents[{place}]") for place, agent in enumerate(config.agents, 1)),
        *((entry.config, entry.table) for entry in config.connectors),
    ]
    for table, key in tables:
        # A plugin's table may have a key without a default, which then is always shown with the others.
        with suppress(ValidationError):
            values |= flatten(type(table)(), key)
    return values | {"models.provider": ModelsConfig().provider}


def all_values(config: Config) -> dict[str, Any]:
    """Each value by its dotted key."""
    values: dict[str, Any] = {"environment": config.environment}
    values |= flatten(config.host, "host") | flatten(config.database, "database") | flatten(config.web, "web")
    values |= flatten(config.retention, "retention")
    values["models.provider"] = config.models.provider
    for name, table in config.models.tables.items():
        values |= flatten(table, f"models.{name}")
    for name, table in config.plugins.items():
        values |= flatten(table, f"plugins.{name}")
    for place, agent in enumerate(config.agents, 1):
        values |= flatten(agent, f"agents[{place}]")
    for entry in config.connectors:
        values |= flatten(entry.config, entry.table)
    return values
