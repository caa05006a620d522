"""Characters as the console shows and changes them: secrets hidden, each change a version."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bot_host.app.agents import CREATED, agent_tables
from bot_host.config.character_text import Kind, kind_of, to_text, values_of, write_character
from bot_host.config.characters import load_character, make_character, read_character
from bot_host.host import BotHost
from bot_host.kit.names import HIDDEN, blotted
from bot_host.runtime import AgentRuntime
from bot_host.types.character import Character
from bot_host.types.errors import CharacterError, ConfigError, StateError, StoreError
from bot_host.types.ids import UUID
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub

NOTE_LENGTH: Final = 200


class Characters:
    """The characters of one host, and the files that they come from."""

    def __init__(self, hub: Hub) -> None:
        self._host: BotHost = hub.host
        self._folder = hub.loaded.config.data_dir / CREATED if hub.loaded is not None else None
        self._files: dict[UUID, Path] = {}
        self._locks: dict[UUID, asyncio.Lock] = {}
        if hub.loaded is None:
            return
        tables, agents = agent_tables(hub.loaded), hub.host.get_agents()
        # They are the host's first agents, in this order, unless code has added others.
        if len(tables) == len(agents):
            self._files = {
                agent.agent_id: Path(table.character)
                for agent, table in zip(agents, tables, strict=True)
                if table.character
            }

    def file_of(self, agent: AgentRuntime) -> Path | None:
        """The file that it comes from; None: code made it."""
        return self._files.get(agent.agent_id)

    def is_created(self, agent: AgentRuntime) -> bool:
        """Whether it was made in the console, and so may be deleted there."""
        path = self.file_of(agent)
        return path is not None and path.parent == self._folder

    def add(self, agent_id: UUID, path: Path) -> None:
        """One was created."""
        self._files[agent_id] = path

    def forget(self, agent_id: UUID) -> None:
        """One was deleted."""
        self._files.pop(agent_id, None)
        self._locks.pop(agent_id, None)

    # -- showing ----------------------------------------------------------------------------------------

    async def show(self, agent: AgentRuntime) -> dict[str, Any]:
        """The character as it is, its text, its file, and the number of its version."""
        character = hidden(agent.character)
        path = self.file_of(agent)
        kind: Kind = kind_of(path) if path is not None else "toml"
        now, given = values_of(agent.character), values_of(agent.given_character)
        return {
            "version": await self.version(agent),
            "character": values_of(character),
            "text": to_text(character, kind),
            "format": kind,
            "edited": sorted(key for key in now.keys() | given.keys() if now.get(key) != given.get(key)),
            "file": None if path is None else await asyncio.to_thread(_file, path, agent.given_character),
            "created_here": self.is_created(agent),
        }

    async def version(self, agent: AgentRuntime) -> int:
        """The number of the newest version; 0: it was never started."""
        try:
            newest = await agent.store.character_versions(agent.agent_id, after=None, count=1)
        except StoreError:
            if agent.started:
                raise
            return 0  # The database is opened by the first agent that starts.
        return newest[0].number if newest else 0

    # -- changing ---------------------------------------------------------------------------------------

    async def change(
        self,
        agent: AgentRuntime,
        wanted: Character,
        *,
        by: str,
        note: str = "",
        expected: int | None = None,
        into_file: bool = False,
    ) -> str:
        """Make an agent's character this one, secrets as they are; the copy of the file as it was, or "".

        Raises ConfigError for what does not fit, StateError where somebody else changed it meanwhile.
        """
        async with self._locks.setdefault(agent.agent_id, asyncio.Lock()):
            if not self._host.is_editable:
                self._host.enable_editable_mode()
            updates = changes(agent.character, wanted)
            if into_file:
                return await self._into_file(agent, updates, by=by, note=note, expected=expected)
            if updates:
                await self._host.update_agent(
                    agent.agent_id, updates, by=by, note=note, expected=expected or None
                )
            return ""

    async def _into_file(
        self, agent: AgentRuntime, updates: Mapping[str, Any], *, by: str, note: str, expected: int | None
    ) -> str:
        path = self.file_of(agent)
        if path is None:
            raise ConfigError(
                f"{agent.character.name} comes from no file: code made it. Save without the file"
            )
        version = await self.version(agent)
        if expected and version != expected:
            raise StateError(
                f"the character was changed meanwhile: this is version {version}, the change was made to "
                f"version {expected}. Load it again, then make the change once more"
            )
        twin = self._host.get_agent_by_name(str(updates.get("name", agent.character.name)))
        if twin is not None and twin is not agent:
            raise ConfigError(
                f"there is an agent called {twin.character.name!r} already: choose another name"
            )
        whole = {**agent.character.model_dump(mode="json"), **updates, "id": agent.agent_id}
        wanted = make_character(whole)
        backup, given = await asyncio.to_thread(_rewrite, path, wanted)
        await self._host.replace_character(
            agent.agent_id, given, by=by, note=note or f"written into {path.name}"
        )
        return backup


def _file(path: Path, given: Character) -> dict[str, Any]:
    try:
        told = values_of(load_character(path))
        ours = values_of(given)
        told.pop("id", None), ours.pop("id", None)
        fault = ""
        changed = told != ours
    except CharacterError as error:
        fault, changed = str(error), True
    return {"path": str(path), "name": path.name, "changed": changed, "fault": fault}


def _rewrite(path: Path, character: Character) -> tuple[str, Character]:
    kind = kind_of(path)
    base = path.read_text("utf-8-sig") if path.exists() else ""
    backup = write_character(path, to_text(character, kind, base=base))
    return str(backup or ""), load_character(path)


def hidden(character: Character) -> Character:
    """With `***` for each secret."""
    settings = blotted({key: value for key, value in character.settings.items() if key != "secrets"})
    if "secrets" in character.settings:
        settings["secrets"] = dict.fromkeys(character.settings["secrets"], HIDDEN)
    secrets = dict.fromkeys(character.secrets, HIDDEN)
    return character.model_copy(update={"settings": settings, "secrets": secrets})


def changes(current: Character, wanted: Character) -> dict[str, Any]:
    """The keys that differ, as `update_agent` takes them. `***` stands for what is there now.

    Raises ConfigError for secrets that are not there yet: they do not belong into a character.
    """
    _check_secrets("secrets", wanted.secrets, current.secrets)
    settings = dict(wanted.settings)
    own = current.settings.get("secrets")
    _check_secrets("settings.secrets", settings.pop("secrets", {}), own or {})
    settings = {
        key: _kept(f"settings.{key}", value, current.settings.get(key)) for key, value in settings.items()
    }
    if own is not None:
        settings["secrets"] = own
    if wanted.id is not None and wanted.agent_id != current.agent_id:
        raise ConfigError(f"id: the id of {current.name} cannot be changed; what it knows hangs on it")
    wanted = wanted.model_copy(update={"settings": settings, "secrets": current.secrets, "id": current.id})
    before, after = current.model_dump(mode="json"), wanted.model_dump(mode="json")
    return {key: value for key, value in after.items() if value != before[key]}


def _check_secrets(where: str, wanted: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    for key, value in wanted.items():
        if key not in current or (value != HIDDEN and value != current[key]):
            raise ConfigError(
                f"{where}.{key}: secrets are not taken here; put it into .env beside config.toml, as {key}=…"
            )


def _kept(where: str, value: Any, current: Any) -> Any:
    if isinstance(value, dict):
        old = current if isinstance(current, Mapping) else {}
        return {key: _kept(f"{where}.{key}", each, old.get(key)) for key, each in value.items()}
    if isinstance(value, list):
        old_list = current if isinstance(current, list) else []
        return [
            _kept(f"{where}[{place}]", each, old_list[place] if place < len(old_list) else None)
            for place, each in enumerate(value)
        ]
    if value != HIDDEN:
        return value
    if current is None:
        raise ConfigError(f"{where}: {HIDDEN} stands for a secret that is kept as it is, and there is none")
    return current


def read(character: Mapping[str, Any] | None, text: str | None, kind: Kind) -> Character:
    """What a request says a character is. Raises CharacterError, ApiError 400."""
    if (character is None) == (text is None):
        raise ApiError(400, "give either character or text")
    if text is not None:
        return read_character(text, kind=kind, name="the text")
    assert character is not None
    return make_character(character)
