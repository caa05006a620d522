"""Character files: TOML, and elizaOS's character JSON unchanged, 0.x and 1.x (elizaos.md 5.7)."""

import json
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from bot_host.config.character_faults import describe
from bot_host.config.older_characters import bring_up_to_date
from bot_host.kit.clean import clean_text
from bot_host.types.character import Character
from bot_host.types.errors import CharacterError

SIZE_LIMIT: Final = 4 * 1024 * 1024
"""Bytes."""


def load_character(path: Path | str) -> Character:
    """Read a character file. Raises CharacterError: the file, then each fault with key, expected and found.

    Keys are snake_case or camelCase, in TOML and JSON alike. What only elizaOS 0.x had is ignored with a
    warning, but for `lore`, which is added to `bio`. Text is cleaned as if it came from a platform;
    dates in TOML become text.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".toml", ".json"):
        raise CharacterError(f"{path}: expected a file that ends in .toml or .json")
    return read_character(_read(path), kind=kind.removeprefix("."), name=str(path))


def read_character(text: str, *, kind: str, name: str) -> Character:
    """A character file's text, of `kind` toml or json. Raises CharacterError as `load_character` does."""
    data = _parse_toml(name, text) if kind == "toml" else _parse_json(name, text)
    if not isinstance(data, dict):
        raise CharacterError(f"{name}: expected an object with keys like name and bio at the top of the file")
    return _made(name, f"{name}: this character file is wrong", data, snake=kind == "toml")


def make_character(given: Character | Mapping[str, Any]) -> Character:
    """A character as code describes it: a Character, or a mapping like a character file's.

    Raises CharacterError with each fault, without the values of secrets.
    """
    if isinstance(given, Character):
        return given
    if not isinstance(given, Mapping):
        raise CharacterError(f"a character must be a Character or a mapping, found {type(given).__name__}")
    return _made("the character", "the character is not valid:", dict(given), snake=True)


def _made(name: str, heading: str, data: dict[str, Any], *, snake: bool) -> Character:
    try:
        data = _plain(data)
    except RecursionError:
        raise CharacterError(f"{name}: nested too deep") from None
    data, faults = bring_up_to_date(name, data)
    twice = _said_twice(data)
    faults += [f"{key}: given twice, as {key} and as {to_camel(key)}; keep one" for key in twice]
    data = {key: value for key, value in data.items() if key not in twice}
    try:
        character = Character.model_validate(data)
    except ValidationError as error:
        faults.extend(describe(error, data, snake=snake))
    else:
        if not faults:
            return character
    raise CharacterError("\n".join([heading, *(f"  {fault}" for fault in faults)])) from None


def _read(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > SIZE_LIMIT:
            raise CharacterError(
                f"{path}: has {size:,} bytes; a character file may have {SIZE_LIMIT:,} at most"
            )
        raw = path.read_bytes()
    except FileNotFoundError:
        raise CharacterError(
            f"{path}: there is no such file; set character in [[agents]] to a character file "
            "(relative paths count from the folder of config.toml), or write a first one with "
            "`python -m bot_host init`"
        ) from None
    except IsADirectoryError:
        raise CharacterError(f"{path}: is a folder; name the character file in it") from None
    except OSError as error:
        raise CharacterError(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CharacterError(
            f"{path}: is not UTF-8 (line {line}, byte {error.start}); save it again with that encoding"
        ) from None


def _parse_toml(path: str, text: str) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CharacterError(f"{path}: broken TOML: {error}") from None
    except RecursionError:
        raise CharacterError(f"{path}: nested too deep") from None


def _parse_json(path: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise CharacterError(
            f"{path}: broken JSON: {error.msg} (at line {error.lineno}, column {error.colno})"
        ) from None
    except RecursionError:
        raise CharacterError(f"{path}: nested too deep") from None


def _plain(value: Any) -> Any:
    """Only what JSON can hold, with clean text."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {clean_text(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value


def _said_twice(data: dict[str, Any]) -> list[str]:
    """The snake_case keys that stand there in camelCase too."""
    return [key for key in data if to_camel(key) != key and to_camel(key) in data]
