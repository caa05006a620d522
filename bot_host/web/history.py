"""`GET /api/v1/agents/{agent}/messages`: what was said in a room of the web."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.requests import Request

from bot_host.kit.names import did_you_mean
from bot_host.runtime import AgentRuntime
from bot_host.types.memory import Memory
from bot_host.web.errors import ApiError
from bot_host.web.messages import place_of, refuse_foreign_room

KEYS: Final = ("room_id", "count", "before")
COUNT: Final = 50
MOST: Final = 200


async def read_history(request: Request, agent: AgentRuntime) -> dict[str, Any]:
    """The newest messages of a room, oldest first. Raises ApiError that names the parameter.

    `room_id` as it was given with the messages; `count`, 50 if not given, 200 at the most; `before`, a time
    as `created_at` tells it: only what was said earlier.
    """
    for key in request.query_params:
        if key not in KEYS:
            raise ApiError(400, f"{key}: there is no such parameter{did_you_mean(key, KEYS)}")
    given = dict(request.query_params)
    room_id = place_of(agent.agent_id, given, "room_id", "room")
    count = _count(given.get("count", str(COUNT)))
    until = _before(given["before"]) if "before" in given else None
    await refuse_foreign_room(agent, room_id)
    said = await agent.store.get_memories(room_id, count=count, until=until)
    return {"messages": [_told(memory) for memory in said]}


def _told(memory: Memory) -> dict[str, Any]:
    content = memory.content.to_dict()
    told = {
        "id": memory.id,
        "entity_id": memory.entity_id,
        "from_agent": memory.entity_id == memory.agent_id,
        "text": memory.content.text,
        "created_at": memory.created_at.isoformat(),
        "in_reply_to": memory.content.in_reply_to,
        "attachments": content.get("attachments", []),
    }
    return {key: value for key, value in told.items() if value is not None}


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST):
        raise ApiError(400, f"count: expected a number from 1 to {MOST}")
    return int(text)


def _before(text: str) -> datetime:
    # In an address, a plus is a space.
    try:
        time = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise ApiError(400, "before: expected a time such as 2026-11-23T12:00:00+00:00") from None
    time = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    return time - timedelta(microseconds=1)
