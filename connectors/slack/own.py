"""EDIT_MESSAGE and DELETE_MESSAGE: the bot's own messages, by those they were said to, and admins."""

from typing import Any, Final

from bot_host.connector import (
    Action,
    ActionResult,
    Content,
    Memory,
    Refused,
    Role,
    Target,
    as_object,
    clean_text,
)
from connectors.slack.encode import encode
from connectors.slack.errand import Errand, Spot, errand
from connectors.slack.lookups import Json, Workspace
from connectors.slack.posting import Posting

RECENT: Final = 30
"""Messages of a room that are looked through for the bot's latest one."""
OWN: Final[Json] = {
    "type": "string",
    "maxLength": 300,
    "description": "Id or link; without it the bot's latest one here.",
}


def own_actions(workspace: Workspace, posting: Posting) -> list[Action]:
    """What changes the bot's own messages, for one account."""

    async def edit(do: Errand) -> ActionResult:
        return await _edit(do, posting)

    async def delete(do: Errand) -> ActionResult:
        return await _delete(do, posting)

    return [
        Action(
            name="EDIT_MESSAGE",
            description="Put another text into a message that the bot itself has sent.",
            handler=errand(workspace, edit),
            idempotent=True,
            parameters=as_object(
                {"text": {"type": "string", "minLength": 1, "maxLength": 3500}, "message": OWN},
                required=["text"],
            ),
        ),
        Action(
            name="DELETE_MESSAGE",
            description="Delete a message that the bot itself has sent.",
            handler=errand(workspace, delete),
            idempotent=True,
            parameters=as_object({"message": OWN}),
        ),
    ]


async def _edit(do: Errand, posting: Posting) -> ActionResult:
    spot, ts, memory, alone = await _mine(do)
    text = clean_text(do.argument("text")).strip()
    if not text:
        raise Refused("there is no text")
    target = Target(source="slack", channel_id=spot.id)
    payloads = encode(Content(text=text), target)
    if len(payloads) != 1:
        raise Refused("that is too long for one message")
    await posting.edit(payloads[0], target, ts)
    if alone:
        content = memory.content.model_copy(update={"text": text})
        await do.agent.store.update_memory(memory.id, content=content)
    return ActionResult(text=f"Changed in {spot.name}.", data={"channel_id": spot.id, "message_id": ts})


async def _delete(do: Errand, posting: Posting) -> ActionResult:
    spot, ts, memory, alone = await _mine(do)
    await posting.retract(Target(source="slack", channel_id=spot.id), ts)
    if alone:
        await do.agent.store.delete_memories([memory.id])
    return ActionResult(text=f"Deleted in {spot.name}.", data={"channel_id": spot.id, "message_id": ts})


async def _mine(do: Errand) -> tuple[Spot, str, Memory, bool]:
    """The message that is meant, what the agent remembers of it, and whether it is all of that.

    Raises Refused: for what the bot has not said, and those who may not change it.
    """
    if do.argument("message"):
        spot, ts = await do.message()
        memory, parts = await _said(do, spot, ts)
    else:
        spot, ts, memory, parts = await _latest(do)
    if memory is None:
        raise Refused("the bot does not know that message as one of its own")
    await do.must_write(spot)
    if await do.agent.get_sender_role(do.call.message) is Role.NONE and not await _was_for(do, memory):
        raise Refused("only those whom the bot answered with it, and an ADMIN of this bot, may change that")
    return spot, ts, memory, parts == 1


async def _said(do: Errand, spot: Spot, ts: str) -> tuple[Memory | None, int]:
    """What the agent said there with that id, and in how many messages."""
    place = f"{do.account}/{spot.id}"
    for part in await do.agent.store.find_parts(ts):
        there = part.destination == place or part.destination.startswith(f"{place}/")
        if part.agent_id == do.agent.agent_id and there and part.memory_id is not None:
            memory = await do.agent.store.find_memory(part.memory_id)
            return memory, part.parts
    return None, 0


async def _latest(do: Errand) -> tuple[Spot, str, Memory | None, int]:
    """The newest message of the bot in this room."""
    store, agent_id = do.agent.store, do.agent.agent_id
    for memory in await store.get_memories(do.call.message.room_id, count=RECENT):
        if memory.entity_id != agent_id:
            continue
        parts = [part for part in await store.find_parts(memory.id) if part.platform_message_id]
        if parts:
            newest: Any = max(parts, key=lambda part: part.seq)
            return do.here, str(newest.platform_message_id), memory, len({part.part for part in parts})
    raise Refused("the bot has said nothing here that it knows of")


async def _was_for(do: Errand, memory: Memory) -> bool:
    """Whether it answers something that each of those who ask now has said."""
    answered = (
        await do.agent.store.find_memory(memory.content.in_reply_to) if memory.content.in_reply_to else None
    )
    asking = {message.entity_id for message in (do.call.message, *do.call.answering)}
    return answered is not None and asking == {answered.entity_id}
