"""A conversation's messages as the pages get them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from bot_host.types.content import Media
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.views import Ending
from bot_host.web.markdown import markdown_tree


def shown(memory: Memory, ending: Ending | None, answered_by: Mapping[UUID, Ending]) -> dict[str, Any]:
    """One message: who said what, and what became of it."""
    mine = memory.entity_id == memory.agent_id
    answered = answered_by.get(memory.id)
    run_id = answered.run_id if answered is not None else ending.run_id if ending is not None else None
    told: dict[str, Any] = {
        "id": memory.id,
        "from": "agent" if mine else "you",
        "text": memory.content.text,
        "tree": markdown_tree(memory.content.text) if mine else None,
        "created_at": memory.created_at.isoformat(),
        "edited": memory.revision > 0,
        "in_reply_to": memory.content.in_reply_to,
        "attachments": [attached(media) for media in memory.content.attachments],
        "run_id": run_id,
    }
    if not mine:
        told |= {
            "key": ending.event_key if ending is not None else None,
            "done": ending is None or ending.done,
            "outcome": ending.outcome if ending is not None else None,
            "reason": ending.reason if ending is not None else "",
        }
    return told


def attached(media: Media) -> dict[str, Any]:
    """A file on a message; `url` where the host has it."""
    name = media.file or media.url.removeprefix("file:") if media.url.startswith("file:") else media.file
    title = media.title or media.file_name or "file"
    elsewhere = media.url if media.url.startswith(("https://", "http://")) else None
    return {
        "name": title,
        "type": media.mime_type or "",
        "size": media.size,
        "url": f"/api/v1/files/{name}?name={quote(title)}" if name else elsewhere,
        "read": media.reading,
    }
