"""Characters as text: the TOML or JSON of a character file, made of one and read back."""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import tomlkit
from pydantic.alias_generators import to_camel, to_snake
from tomlkit.exceptions import TOMLKitError

from bot_host.config.characters import read_character
from bot_host.types.character import Character
from bot_host.types.errors import CharacterError
from bot_host.types.ids import string_to_uuid

Kind = Literal["toml", "json"]
TABLES: Final = ("style", "templates", "settings", "secrets")
"""They come last in TOML."""
BACKUPS: Final = 20
"""Of one file; the oldest go."""


def kind_of(path: Path) -> Kind:
    """How a character file is written, by its ending."""
    return "json" if path.suffix.lower() == ".json" else "toml"


def values_of(character: Character) -> dict[str, Any]:
    """What a character says, as JSON values by snake_case keys; nothing that is left at its default.

    Secrets are among them. An id that comes from the name is left out.
    """
    values = character.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    if values.get("id") == string_to_uuid(character.name):
        del values["id"]
    return {key: values[key] for key in Character.model_fields if key in values}


def to_text(character: Character, kind: Kind, *, base: str = "") -> str:
    """The text of a character file that says this.

    `base`: the file as it is. In TOML, what does not change stays as it stands there, with all comments.
    """
    values = values_of(character)
    if kind == "json":
        return json.dumps(_camel(values), ensure_ascii=False, indent=2) + "\n"
    if base:
        text = _changed_toml(values, base)
        if text is not None:
            return text
    document = tomlkit.document()
    _change(document, {}, values)
    return tomlkit.dumps(document)


def _camel(values: Mapping[str, Any]) -> dict[str, Any]:
    return {to_camel(key): value for key, value in values.items()}


def _changed_toml(values: Mapping[str, Any], base: str) -> str | None:
    """None where the old text cannot carry the new values."""
    try:
        before = values_of(read_character(base, kind="toml", name="the file"))
        document = tomlkit.parse(base)
        _change(document, before, values)
        text = tomlkit.dumps(document)
        after = values_of(read_character(text, kind="toml", name="the file"))
    except (CharacterError, TOMLKitError):
        return None
    return text if after == values else None


def _change(document: MutableMapping[str, Any], before: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    in_file = {to_snake(key): key for key in document}
    if before.get("bio") != values.get("bio") and "lore" in in_file:
        # Its lines are a part of `bio`, which is written anew.
        del document[in_file["lore"]]
    for key in before.keys() - values.keys():
        if key in in_file:
            del document[in_file[key]]
    for key in sorted(values, key=lambda key: (key in TABLES, [*Character.model_fields].index(key))):
        value, old = values[key], before.get(key)
        if value == old:
            continue
        name = in_file.get(key, key)
        if isinstance(value, Mapping) and isinstance(old, Mapping) and name in document:
            _change_table(document[name], old, value)
        else:
            document[name] = _item(value)


def _change_table(
    table: MutableMapping[str, Any], before: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    for key in before.keys() - values.keys():
        table.pop(key, None)
    for key, value in values.items():
        if value is not None and (value != before.get(key) or key not in table):
            table[key] = _item(value)


def _item(value: Any) -> Any:
    if isinstance(value, str) and "\n" in value:
        return tomlkit.string(value, multiline=True)
    if isinstance(value, list):
        array = tomlkit.array()
        for each in _without_nulls(value):
            array.append(each)
        return array.multiline(bool(value))
    if isinstance(value, Mapping):
        table = tomlkit.table()
        for key, each in value.items():
            if each is not None:
                table[key] = _item(each)
        return table
    return value


def _without_nulls(value: Any) -> Any:
    """TOML has no null."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value if each is not None]
    return value


def write_character(path: Path, text: str) -> Path | None:
    """Put a text into a character file; the copy of the file as it was, beside it; None for a new file.

    Blocks. Raises CharacterError where it cannot be written; the file is as it was then.
    """
    try:
        old = path.read_bytes() if path.exists() else None
        backup = None
        if old is not None:
            backup = path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.bak")
            _write(backup, old, like=path)
            for each in [*_backups(path)][:-BACKUPS]:
                each.unlink(missing_ok=True)
        _write(path, text.encode(), like=path)
    except OSError as error:
        raise CharacterError(f"{path}: cannot be written: {error.strerror or error}") from None
    return backup


def _backups(path: Path) -> Iterator[Path]:
    pattern = re.compile(re.escape(path.name) + r"\.\d{8}-\d{6}-\d{6}\.bak")
    yield from sorted(each for each in path.parent.iterdir() if pattern.fullmatch(each.name))


def _write(path: Path, data: bytes, *, like: Path) -> None:
    """All or nothing, with the rights of `like`, where there is one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, like.stat().st_mode & 0o777 if like.exists() else 0o600)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
