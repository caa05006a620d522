"""On which line of a TOML file each key stands: for those who are told to look there."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bot_host.config.schema import Loaded
from bot_host.config.sources import shown

_HEADER: Final = re.compile(r"\s*(\[\[?)(.+?)\]\]?\s*(?:#.*)?")


def key_lines(text: str) -> dict[str, int]:
    """Line (from 1) by dotted key, of TOML that can be read; tables of an array are counted from 1.

    The parser itself says where each statement ends: a line that it cannot read alone goes on in the next.
    """
    found: dict[str, int] = {}
    table = ""
    several: dict[str, int] = {}
    for number, statement in _statements(text):
        header = _HEADER.fullmatch(statement)
        if header is not None:
            name = ".".join(_path(tomllib.loads(f"[{header[2]}]")))
            if header[1] == "[[":
                several[name] = several.get(name, 0) + 1
            table = _counted(name, several)
            found[table] = number
            continue
        prefix = f"{table}." if table else ""
        for key in _keys(tomllib.loads(statement)):
            found[prefix + key] = number
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        end = at + 1
        while end < len(lines) and not _is_whole("\n".join(lines[at:end])):
            end += 1
        statement = "\n".join(lines[at:end])
        if statement.strip() and not statement.lstrip().startswith("#"):
            yield at + 1, statement
        at = end


def _is_whole(statement: str) -> bool:
    try:
        tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _path(table: dict[str, Any]) -> list[str]:
    """The names of a header, which is a table in a table …"""
    names = []
    while table:
        [(name, table)] = table.items()
        names.append(name)
    return names


def _counted(name: str, several: dict[str, int]) -> str:
    """`agents.limits` as `agents[2].limits`, after the second [[agents]]."""
    parts: list[str] = []
    plain = ""
    for part in name.split("."):
        plain = f"{plain}.{part}" if plain else part
        parts.append(f"{part}[{several[plain]}]" if plain in several else part)
    return ".".join(parts)


def _keys(values: dict[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        yield name
        if isinstance(value, dict):
            for key in _keys(value):
                yield f"{name}.{key}"


def where_set(loaded: Loaded, key: str, value: Any) -> str:
    """A setting as an admin would look for it, by its key in `Loaded.sources`.

    `mention_only = true in [connectors.discord] (config.toml line 9)`; secrets masked.
    """
    table, _, name = key.rpartition(".")
    setting = f"{name} = {shown(key, value)}"
    header, nth = _header(table)
    source = loaded.sources.get(key, "default")
    if loaded.file is None or source != loaded.file.name:
        if source != "default":
            return f"{setting} for {header}{nth} ({source})"
        return f"{setting} for {header}{nth} (the default)"
    line = _line(loaded.file, key, table)
    return f"{setting} in {header}{nth} ({source}{f' line {line}' if line else ''})"


def _header(table: str) -> tuple[str, str]:
    """`connectors.discord[2]` as `[[connectors.discord]]`, and which of them."""
    found = re.fullmatch(r"([^\[]+)\[(\d+)\](.*)", table)
    if found is None:
        return f"[{table}]", ""
    header = f"[{found[1]}{found[3]}]" if found[3] else f"[[{found[1]}]]"
    return header, f" no. {found[2]}"


def _line(file: Path, key: str, table: str) -> int | None:
    try:
        lines = key_lines(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    # A single table of an array is called like a plain one (`load._rename`).
    return lines.get(key) or lines.get(f"{table}[1].{key.rpartition('.')[2]}")
