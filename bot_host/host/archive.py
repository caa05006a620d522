"""All that is held about a person, packed: a summary, and of each account tables as JSON and files."""

import io
import json
import re
import zipfile
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bot_host.contracts.store import Store
from bot_host.kit.clean import one_line
from bot_host.kit.clock import utc_now
from bot_host.types.archive import ARCHIVE_NAME, Archive
from bot_host.types.ids import UUID
from bot_host.types.memory import MemoryType
from bot_host.types.places import Entity

PART_BYTES: Final = 7_000_000
"""Of one zip file: all platforms take as much."""
PARTS_AT_MOST: Final = 3
"""In one message: Discord takes 25 MB with a request.

https://docs.discord.com/developers/resources/message#create-message
"""
JSON_BYTES: Final = 4_000_000
"""Of one JSON file, before it is packed; a table with more has several."""
BULKY: Final = ("media", "embeddings", "steps", "runs", "logs", "inbox", "outbox")
"""What goes first where it is too much: it is derived from the rest, or tells how the turns went."""
FACTS_AT_MOST: Final = 1000
"""In the summary."""

Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What is held of one account."""

    entity: Entity
    rows: Rows
    folder: str
    media: Mapping[str, bytes] = field(default_factory=dict)


async def collect(
    store: Store,
    entity_ids: Sequence[UUID],
    *,
    read_file: Callable[[str], Awaitable[bytes | None]],
) -> list[_Held]:
    """What is held of these accounts; those that are not known are left out. Raises StoreError."""
    held: list[_Held] = []
    for entity_id in entity_ids:
        rows = await store.export_entity(entity_id)
        if not rows:
            continue
        entity = await store.find_entity(entity_id)
        entity = entity or Entity(id=entity_id, agent_id=entity_id)
        media = {}
        named = _files(rows)
        files = {file: file for file in await store.entity_files(entity_id)} | named
        kept = [(file, name) for file, name in files.items() if not name.startswith(ARCHIVE_NAME)]
        for number, (file, name) in enumerate(sorted(kept), 1):
            found = await read_file(file)
            if found is not None:
                media[f"{number}-{_clean(name)}"] = found
        taken = {each.folder for each in held}
        held.append(_Held(entity=entity, rows=rows, folder=_folder(entity, taken), media=media))
    return held


def pack(
    held: Sequence[_Held],
    *,
    agent: str,
    mask: Callable[[str], str],
    part_bytes: int = PART_BYTES,
    parts_at_most: int = PARTS_AT_MOST,
) -> Archive:
    """The zip files. Blocks: for a thread. `mask` blots out the host's own secrets."""
    counts: dict[str, int] = {}
    for each in held:
        for table, rows in each.rows.items():
            counts[table] = counts.get(table, 0) + len(rows)
    if not held:
        return Archive()
    left_out: list[str] = []
    candidates = [
        name for name in BULKY if name in counts or (name == "media" and any(e.media for e in held))
    ]
    while True:
        parts = _parts(held, agent, mask, left_out, part_bytes)
        if parts is not None and len(parts) <= parts_at_most:
            return Archive(parts=tuple(parts), counts=counts, left_out=tuple(left_out))
        if not candidates:
            return Archive(counts=counts, left_out=tuple(sorted(counts)))
        left_out.append(candidates.pop(0))


def _parts(
    held: Sequence[_Held],
    agent: str,
    mask: Callable[[str], str],
    left_out: Sequence[str],
    part_bytes: int,
) -> list[bytes] | None:
    """None: a single file is too large for a part."""
    files = [("summary.md", mask(summary(held, agent, left_out)).encode())]
    for each in held:
        files += [(name, mask(text).encode()) for name, text in _json_files(each, left_out)]
        if "media" not in left_out:
            files += [(f"{each.folder}/media/{name}", data) for name, data in each.media.items()]
    groups: list[list[tuple[str, bytes]]] = [[]]
    room = part_bytes
    for name, data in files:
        # What its entry takes, at the most: headers, the name twice, a few bytes where nothing can be saved.
        size = min(len(zlib.compress(data, 1)), len(data)) + len(data) // 1000 + 2 * len(name.encode()) + 256
        if size > part_bytes:
            return None
        if size > room and groups[-1]:
            groups.append([])
            room = part_bytes
        groups[-1].append((name, data))
        room -= size
    return [_zip(group) for group in groups]


def _zip(files: Sequence[tuple[str, bytes]]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return made.getvalue()


def _json_files(held: _Held, left_out: Sequence[str]) -> Iterator[tuple[str, str]]:
    for table, rows in held.rows.items():
        if table in left_out:
            continue
        chunks = list(_chunks(rows))
        for number, chunk in enumerate(chunks, 1):
            more = f"-{number}" if len(chunks) > 1 else ""
            yield f"{held.folder}/{_clean(table)}{more}.json", "[\n" + ",\n".join(chunk) + "\n]\n"


def _chunks(rows: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for row in rows:
        text = json.dumps(row, ensure_ascii=False, default=str)
        if chunk and size + len(text) > JSON_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(text)
        size += len(text)
    yield chunk


def _files(value: Any) -> dict[str, str]:
    """The files of the media folder that rows name, with the names that people know them by."""
    found: dict[str, str] = {}
    if isinstance(value, Mapping):
        name = str(value.get("file_name") or value.get("name") or value.get("file") or "")
        if isinstance(value.get("file"), str):
            found[value["file"]] = name
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            found |= _files(each)
    return found


def _clean(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip("._")[-80:] or "file"


def _folder(entity: Entity, taken: set[str]) -> str:
    platform = next(iter(entity.metadata), "") or "account"
    name = _clean(f"{platform}-{entity.names[0] if entity.names else entity.id}")[:60].lower()
    return name if name not in taken else f"{name}-{entity.id[:8]}"


def summary(held: Sequence[_Held], agent: str, left_out: Sequence[str] = ()) -> str:
    """What is held, in words and figures."""
    lines = [
        f"# What {one_line(agent, 80)} holds about you",
        "",
        f"Made on {utc_now():%Y-%m-%d %H:%M} UTC. A folder for each account, a file for each table.",
        "",
    ]
    if left_out:
        lines += [f"Not in it, as it would be too much: {', '.join(left_out)}.", ""]
    for each in held:
        lines += _account(each)
    lines += [
        "## What is not in here",
        "",
        "What others said, also where they said it about you or you quoted it; backups of the database and",
        "log files, which whoever runs the bot keeps; and what the platforms keep themselves.",
        "",
    ]
    return "\n".join(lines)


def _account(held: _Held) -> list[str]:
    names = ", ".join(one_line(name, 80) for name in held.entity.names) or held.entity.id
    lines = [f"## {names} ({held.folder}/)", ""]
    for platform, about in held.entity.metadata.items():
        if isinstance(about, Mapping) and about.get("id"):
            lines.append(f"- {one_line(str(platform), 40)} id: {one_line(str(about['id']), 80)}")
    said = [row for row in held.rows.get("memories", ()) if row.get("type") == MemoryType.MESSAGE]
    times = sorted(str(row["created_at"]) for row in said if row.get("created_at"))
    if times:
        first, last = (datetime.fromisoformat(text) for text in (times[0], times[-1]))
        lines.append(f"- {len(said)} messages of you and to you, {first:%Y-%m-%d} to {last:%Y-%m-%d}")
    lines += [f"- media/{name}" for name in held.media]
    lines += ["", "| what | rows |", "|---|---|"]
    lines += [f"| {table} | {len(rows)} |" for table, rows in held.rows.items()]
    facts = [row for row in held.rows.get("memories", ()) if row.get("type") == MemoryType.FACT]
    if facts:
        lines += ["", "Learned:", ""]
        lines += [f"- {one_line(_text(row), 500)}" for row in facts[:FACTS_AT_MOST]]
    tasks = held.rows.get("tasks", ())
    if tasks:
        lines += ["", "Waiting for you:", ""]
        lines += [
            f"- {one_line(str(row.get('description') or row.get('name') or ''), 200)}"
            for row in tasks
            if "names_them" not in row
        ]
    return [*lines, ""]


def _text(row: Mapping[str, Any]) -> str:
    content = row.get("content")
    return str(content.get("text", "")) if isinstance(content, Mapping) else ""
