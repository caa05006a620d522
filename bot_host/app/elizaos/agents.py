"""The agents of an elizaOS database: who is meant, their rows and their character files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bot_host.app.agents import read_characters
from bot_host.app.elizaos.characters import character_values, to_character, write_character
from bot_host.app.elizaos.contents import NotUnderstoodError
from bot_host.app.elizaos.report import Report
from bot_host.config.schema import Loaded
from bot_host.config.starter import CHARACTER
from bot_host.kit.names import did_you_mean
from bot_host.store import Database
from bot_host.types.character import Character
from bot_host.types.errors import BotHostError, CharacterError, StateError
from bot_host.types.ids import UUID

FOLDER: Final = "characters"


def choose(agents: Sequence[dict[str, Any]], wanted: Sequence[str]) -> list[dict[str, Any]]:
    """Those named by name or id; all, when none is. Raises StateError."""
    if not agents:
        raise StateError("the elizaOS database has no agents, and so nothing to take over")
    for name in wanted:
        if not any(name.casefold() in (row["id"], row["name"].casefold()) for row in agents):
            known = ", ".join(f"{row['name']} ({row['id']})" for row in agents[:20])
            hint = did_you_mean(name, [row["name"] for row in agents])
            raise StateError(f'the elizaOS database has no agent "{name}"{hint}; it has {known}')
    folded = {name.casefold() for name in wanted}
    return [row for row in agents if not folded or folded & {row["id"], row["name"].casefold()}]


class Agents:
    """Takes over agents. Their rows are needed by all others; their characters are for the admin."""

    def __init__(self, loaded: Loaded, store: Database | None, report: Report) -> None:
        self._loaded = loaded
        self._store = store
        self._report = report
        self._configured = _configured(loaded)
        self._lines: list[str] = []

    async def take(self, row: Mapping[str, Any]) -> None:
        """One agent: a row where there is none, and a file where the config has no such agent."""
        tally = self._report.tally("agents")
        tally.read += 1
        agent_id: UUID = row["id"]
        try:
            values, hidden = character_values(row)
            character = to_character(values)
        except (CharacterError, NotUnderstoodError) as error:
            self._report.notes.append(f"{row['name']}: no character file, since {error}")
            values, hidden, character = {}, [], Character(id=agent_id, name=_plain_name(row["name"]))
        known = self._store is not None and await self._store.find_agent(agent_id) is not None
        tally.known += known
        tally.new += not known
        if not known and self._store is not None and not self._report.dry_run:
            await self._store.ensure_agent(agent_id, character)
        if hidden:
            self._report.notes.append(
                f"{row['name']}: left out of the character, as they may be secrets; put those that are still "
                f"needed into .env: {', '.join(hidden)}"
            )
        self._name_file(row, values)

    def _name_file(self, row: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        agent_id, name, notes = row["id"], row["name"], self._report.notes
        if not values:
            return
        folder = self._loaded.folder / FOLDER
        if self._report.dry_run:
            notes.append(f"{name}: its character would be written into {folder}")
            return
        try:
            path, written = write_character(folder, values, agent_id)
        except OSError as error:
            notes.append(f"{name}: no character file: {error.filename or folder}: {error.strerror}")
            return
        notes.append(f"{'wrote' if written else 'kept'} {path}")
        configured = self._configured.get(agent_id)
        twin = next((id for id, (known, _) in self._configured.items() if known == name.casefold()), None)
        if configured is not None:
            if Path(configured[1]) != path:
                notes.append(f"{name} is in the configuration already, with {configured[1]}: that stays")
        elif twin is not None:
            notes.append(
                f"the configured agent {name} is another one ({twin}): to go on as the one of elizaOS, set "
                f'id = "{agent_id}" in its [[agents]] table'
            )
        else:
            self._lines += ["", "[[agents]]", f'character = "{FOLDER}/{path.name}"']

    def conclude(self) -> None:
        """Say what is to be done now."""
        told = self._report.next
        if self._report.dry_run:
            told.append("nothing was written; run it without --dry-run")
            return
        if self._lines:
            told += ["add to config.toml:", *(f"    {line}" if line else "" for line in self._lines), ""]
        told += [
            "end elizaOS before you start Bot Host with the same tokens: both would answer",
            "python -m bot_host check",
        ]


def _configured(loaded: Loaded) -> dict[UUID, tuple[str, str]]:
    """The agents that the configuration names, as far as their files can be read: folded name and file.

    Not the one that comes with Bot Host: it stands in when there is no other.
    """
    try:
        found = read_characters(loaded)
    except (BotHostError, OSError):
        return {}
    return {
        character.agent_id: (character.name.casefold(), agent.character)
        for agent, character in found
        if agent.character not in ("", str(CHARACTER))
    }


def _plain_name(name: str) -> str:
    kept = "".join(letter for letter in name if letter.isprintable()).strip()
    return kept[:100] or "Unnamed"
