"""Agents that are created while the host runs: each is a character file of its own in the data folder."""

import asyncio
import re
import unicodedata
from pathlib import Path
from typing import Final

from bot_host.app.agents import CREATED, hosted_agent
from bot_host.app.build import agent_item
from bot_host.app.knowledge import given_to_each
from bot_host.config.character_text import to_text, write_character
from bot_host.config.schema import AgentConfig, Loaded
from bot_host.host import BotHost
from bot_host.types.character import Character
from bot_host.types.errors import ConfigError
from bot_host.types.ids import UUID

NAME_LENGTH: Final = 40


async def create_agent(host: BotHost, loaded: Loaded, character: Character) -> tuple[UUID, Path]:
    """Host one more agent, started, and write its file, by which it is there after a restart; id and file.

    Raises ConfigError for a name or an id that is taken, and as `start_agents`: nothing is made then.
    """
    if host.get_agent_by_name(character.name) is not None:
        raise ConfigError(f"there is an agent called {character.name!r} already: choose another name")
    folder = loaded.config.data_dir / CREATED
    path = folder / f"{file_name(character)}.toml"
    hosted = hosted_agent(loaded, AgentConfig(character=str(path)), character)
    await asyncio.to_thread(_write_new, path, to_text(character, "toml"))
    try:
        item = agent_item(loaded, hosted, given_to_each([hosted])[0])
        [agent_id] = await host.add_agents([item], auto_start=True)
    except BaseException:
        await asyncio.to_thread(path.unlink)
        raise
    return agent_id, path


async def delete_agent(host: BotHost, agent_id: UUID, path: Path) -> None:
    """Stop an agent that was created so, and put its file aside; what it knows stays in the database."""
    await host.delete_agents([agent_id])
    await asyncio.to_thread(_put_aside, path)


def file_name(character: Character) -> str:
    """Made of its name and its id: plain letters, and no two alike."""
    plain = unicodedata.normalize("NFKD", character.name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:NAME_LENGTH].strip("-")
    return f"{words or 'agent'}-{character.agent_id[:8]}"


def _write_new(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{path.parent}: cannot be made: {error.strerror or error}") from None
    if path.exists():
        raise ConfigError(f"{path} is there already; put it aside, or choose another name")
    write_character(path, text)


def _put_aside(path: Path) -> None:
    try:
        path.replace(path.with_name(f"{path.name}.deleted"))
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(
            f"{path} could not be put aside: {error.strerror or error}; move it away, or the agent is there "
            "again after the next start"
        ) from None
