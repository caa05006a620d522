"""Agents of elizaOS as character files."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot_host.app.elizaos.contents import parse
from bot_host.config.characters import load_character, make_character
from bot_host.kit.names import looks_secret
from bot_host.types.character import Character
from bot_host.types.errors import CharacterError
from bot_host.types.ids import UUID

_JSON = {
    "bio": "bio",
    "message_examples": "messageExamples",
    "post_examples": "postExamples",
    "topics": "topics",
    "adjectives": "adjectives",
    "knowledge": "knowledge",
    "plugins": "plugins",
    "settings": "settings",
    "style": "style",
}


def character_values(row: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """An agent's row as a character file says it; and the names of what may be secret and so stays behind."""
    values: dict[str, Any] = {"id": row["id"], "name": row["name"]}
    values |= {key: row[key] for key in ("username", "system") if row[key]}
    for column, key in _JSON.items():
        value = parse(row[column])
        if value:
            values[key] = value
    hidden: list[str] = []
    if isinstance(values.get("settings"), dict):
        values["settings"] = _without_secrets(values["settings"], hidden, "")
        if not values["settings"]:
            del values["settings"]
    return values, sorted(set(hidden))


def _without_secrets(settings: Mapping[str, Any], hidden: list[str], prefix: str) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in settings.items():
        if key == "secrets" and isinstance(value, Mapping):
            hidden += [f"{prefix}{name}" for name in value]
        elif isinstance(value, Mapping):
            kept[key] = _without_secrets(value, hidden, f"{prefix}{key}.")
        elif looks_secret(key) and value not in (None, "", True, False):
            hidden.append(f"{prefix}{key}")
        else:
            kept[key] = value
    return kept


def to_character(values: Mapping[str, Any]) -> Character:
    """The character of such values. Raises CharacterError."""
    return make_character(values)


def write_character(folder: Path, values: Mapping[str, Any], agent_id: UUID) -> tuple[Path, bool]:
    """Write a character file, unless there is one for this agent; its path, and whether it was written.

    No file is changed: where another agent has the name, the file's name has the id's beginning behind it.
    Raises OSError, FileExistsError where that one is another agent's too.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", str(values["name"]).lower()).strip("-") or "agent"
    folder.mkdir(parents=True, exist_ok=True)
    for name in (slug, f"{slug}-{agent_id[:8]}"):
        path = folder / f"{name}.json"
        try:
            with path.open("x", encoding="utf-8") as file:
                json.dump(values, file, ensure_ascii=False, indent=2)
                file.write("\n")
        except FileExistsError:
            if _agent_of(path) == agent_id:
                return path, False
        else:
            return path, True
    raise FileExistsError(17, "there is another agent's file of that name", str(path))


def _agent_of(path: Path) -> UUID | None:
    try:
        return load_character(path).agent_id
    except CharacterError:
        return None
