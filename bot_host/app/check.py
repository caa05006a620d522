"""`check`: try everything that is switched on, without starting, and say what to do about each trouble."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from bot_host.app.build import connector_specs, model_config, model_plugin, off_reason, read_characters
from bot_host.config.schema import ConnectorEntry, Loaded
from bot_host.contracts.connector import CheckLine, ConnectorSpec
from bot_host.runtime.plugins import find_plugin, names_for_character
from bot_host.store import make_store
from bot_host.types.errors import BotHostError

log = logging.getLogger(__name__)

CHECK_SECONDS: Final = 60.0
"""For one platform or one model provider."""


async def check(loaded: Loaded) -> AsyncIterator[CheckLine]:
    """The findings, one after the other: database, characters, plugins, models, connectors."""
    for line in await _contained("database", lambda: _database(loaded)):
        yield line
    for line in await _contained("characters", lambda: _characters(loaded)):
        yield line
    for line in await _contained("models", lambda: _models(loaded)):
        yield line
    specs = connector_specs()
    on = 0
    for entry in loaded.config.connectors:
        name = entry.table.removeprefix("connectors.")
        lines = await _contained(name, lambda entry=entry, name=name: _connector(specs, entry, name))  # type: ignore[misc]
        on += not all(line.detail.startswith("off") for line in lines)
        for line in lines:
            yield line
    if not on:
        yield CheckLine(
            name="connectors",
            ok=False,
            detail="nothing is switched on",
            advice="set a token (DISCORD_BOT_TOKEN, TELEGRAM_BOT_TOKEN, SLACK_BOT_TOKEN with "
            "SLACK_APP_TOKEN), or [connectors.terminal] enabled = true, or run it in a terminal",
        )


async def _contained(name: str, look: Callable[[], Awaitable[Sequence[CheckLine]]]) -> Sequence[CheckLine]:
    """A look that fails is a finding, not the end of the others."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await look()
    except TimeoutError:
        return [CheckLine(name=name, ok=False, detail=f"no answer within {CHECK_SECONDS:.0f} s")]
    except BotHostError as error:
        return [CheckLine(name=name, ok=False, detail=str(error))]
    except Exception as error:
        log.debug("check of %s failed", name, exc_info=error)
        return [CheckLine(name=name, ok=False, detail=f"{type(error).__name__}: {error}")]


async def _database(loaded: Loaded) -> list[CheckLine]:
    store = make_store(loaded.config.database.url, base=loaded.folder)
    try:
        await store.open()
        waiting = await store.pending_count()
        unsent = await store.unsent_count()
    finally:
        await store.close()
    return [
        CheckLine(
            name="database",
            ok=True,
            detail=f"reachable and migrated; {waiting} messages wait for an answer, "
            f"{unsent} parts wait to be sent",
        )
    ]


async def _characters(loaded: Loaded) -> list[CheckLine]:
    lines = []
    for agent, character in read_characters(loaded):
        names = [*agent.plugins, *names_for_character(character.plugins)]
        for name in names:
            find_plugin(name)
        where = agent.character or "the character that comes with Bot Host"
        lines.append(CheckLine(name=f"agent {character.name}", ok=True, detail=where))
    return lines


async def _models(loaded: Loaded) -> Sequence[CheckLine]:
    plugin = model_plugin(loaded)
    if plugin.check is not None:
        return await plugin.check(model_config(loaded, plugin))
    return [
        CheckLine(
            name=f"model {plugin.name}",
            ok=True,
            detail="a demonstration that answers by fixed patterns" if plugin.name == "offline" else "there",
            advice="for a real model set OPENAI_API_KEY, or base_url in [models.openai]"
            if plugin.name == "offline"
            else "",
        )
    ]


async def _connector(
    specs: dict[str, ConnectorSpec], entry: ConnectorEntry, name: str
) -> Sequence[CheckLine]:
    spec = specs[entry.platform]
    why = off_reason(spec, entry.config)
    if why:
        # Asked for by name and still off is a fault; left at `auto` it is a choice.
        asked = entry.config.enabled is True
        return [CheckLine(name=name, ok=not asked, detail=f"off: {why}")]
    fault = spec.wrong(entry.config)
    if fault:
        return [CheckLine(name=name, ok=False, detail=f"off: {fault}")]
    connector = spec.create(entry.config)
    try:
        return await connector.check()
    finally:
        await connector.close()
