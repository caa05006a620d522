"""SEND_MESSAGE: saying something in another room, or to a person in private.

A member can make the agent write only where they are themselves: into shared rooms in which they take part,
and into their own private chat. An ADMIN may use every room of the world, and write to people of the room
that the request comes from; the bot's owners may use all rooms and people that the agent knows. What a
member has sent carries their name, and a connector that can tell refuses it where they may not write
themselves: who was in a room once may be shut out of it now. Everything is confirmed by the person who asked.
"""

from typing import Final

from bot_host.plugin import (
    ASKED_BY,
    Action,
    ActionCall,
    ActionResult,
    Agent,
    BotHostError,
    Content,
    Entity,
    Memory,
    Role,
    Room,
    State,
    Target,
    clean_text,
    one_line,
)
from bot_host.plugins.basics.here import PRIVATE, RANK, called, find_person, others_spoke

SENT_SECONDS: Final = 5.0
"""The platform is waited for so long; after that the message is on its way."""
SELF: Final = frozenset({"me", "myself", "i", "self"})


async def _possible(agent: Agent, message: Memory, state: State) -> bool:
    return agent.has_host()


async def _send(agent: Agent, call: ActionCall) -> ActionResult:
    if why := others_spoke(call):
        return ActionResult(success=False, error=why)
    text = clean_text(str(call.arguments["text"])).strip()
    room_name = str(call.arguments.get("room", "")).strip()
    person_name = str(call.arguments.get("person", "")).strip()
    platform = str(call.arguments.get("platform", "")).strip().casefold()
    if not text:
        return ActionResult(success=False, error="there is no text to send")
    if bool(room_name) == bool(person_name):
        return ActionResult(success=False, error="name either a room or a person")
    role = await agent.get_sender_role(call.message)
    if room_name:
        room, why = await _find_room(agent, call.message, role, room_name, platform)
    else:
        room, why = await _find_private(agent, call.message, role, person_name, platform)
    if room is None:
        return ActionResult(success=False, error=why)
    if room.id == call.message.room_id:
        return ActionResult(success=False, error="that is this very room: just answer")
    if role is Role.NONE and room.type not in PRIVATE:
        sender = await agent.store.find_entity(call.message.entity_id)
        text = f"{text}\n(from {called(sender)})"
        same = call.message.content.source == room.source
        asked_by = str(call.message.metadata.get("from_id", "")) if same else ""
        return await _deliver(agent, room, text, extra={ASKED_BY: asked_by} if asked_by else {})
    return await _deliver(agent, room, text, extra={})


async def _deliver(agent: Agent, room: Room, text: str, *, extra: dict[str, str]) -> ActionResult:
    where = one_line(room.name, 60) or "their private chat"
    try:
        delivery = await agent.send_message_to_target(
            Target(source=room.source, room_id=room.id, extra=extra), Content(text=text, source=room.source)
        )
    except BotHostError as error:
        return ActionResult(success=False, error=f"not sent: {one_line(str(error), 200)}")
    data = {"room_id": room.id, "memory_id": delivery.memory.id}
    try:
        await delivery.sent(SENT_SECONDS)
    except TimeoutError:
        return ActionResult(text=f"On its way to {where}; the platform has not taken it yet.", data=data)
    except BotHostError as error:
        return ActionResult(success=False, error=f"refused: {one_line(str(error), 200)}", data=data)
    return ActionResult(text=f"Sent to {where}.", data=data)


async def _find_room(
    agent: Agent, message: Memory, role: Role, asked: str, platform: str
) -> tuple[Room | None, str]:
    wanted = asked.lstrip("#").casefold()
    fitting = [
        room
        for room in await agent.store.get_rooms(agent.agent_id)
        if room.type not in PRIVATE
        and wanted in (room.name.lstrip("#").casefold(), room.channel_id.casefold(), room.id.casefold())
        and platform in ("", room.source.casefold())
    ]
    if message.entity_id not in agent.owners:
        mine = {room.id for room in await agent.store.get_rooms_for_participants([message.entity_id])}
        here = await agent.store.find_room(message.room_id)
        world_id = here.world_id if here is not None and RANK[role] >= RANK[Role.ADMIN] else None
        fitting = [
            room
            for room in fitting
            if room.id in mine or (world_id is not None and room.world_id == world_id)
        ]
    if len(fitting) == 1:
        return fitting[0], ""
    name = one_line(asked, 60)
    if not fitting:
        # The same words for rooms that are not there and rooms that are not theirs.
        return None, f"there is no room called {name} that the person who asks is in"
    places = ", ".join(f"{room.source} {room.channel_id}" for room in fitting[:10])
    return None, f"several rooms are called {name}: {places}; name the platform, or the channel's id"


async def _find_private(
    agent: Agent, message: Memory, role: Role, asked: str, platform: str
) -> tuple[Room | None, str]:
    person, why = await _person(agent, message, role, asked)
    if person is None:
        return None, why
    rooms = [
        room
        for room in await agent.store.get_rooms_for_participants([person.id])
        if room.type in PRIVATE
        and room.agent_id == agent.agent_id
        and platform in ("", room.source.casefold())
    ]
    if not rooms:
        return None, f"there is no private chat with {called(person)} yet: they have to write first"
    return rooms[0], ""


async def _person(agent: Agent, message: Memory, role: Role, asked: str) -> tuple[Entity | None, str]:
    sender = await agent.store.find_entity(message.entity_id)
    if sender is not None and asked.casefold() in SELF:
        return sender, ""
    here = await agent.store.get_entities_for_room(message.room_id)
    person, why = find_person([each for each in here if each.id != agent.agent_id], asked)
    if person is None and message.entity_id in agent.owners:
        known = await agent.store.find_entities_by_name(agent.agent_id, asked)
        person, why = find_person([each for each in known if each.id != agent.agent_id], asked)
    if person is None or person.id == message.entity_id or RANK[role] >= RANK[Role.ADMIN]:
        return person, why
    return None, "only an ADMIN may have me write to somebody else in private"


SEND_MESSAGE = Action(
    name="SEND_MESSAGE",
    description=(
        "Send a message to another room, or to a person in private. Only when the person who asks wants just "
        "that; an answer in this room is no use of it."
    ),
    similes=("DM", "MESSAGE", "SEND_DM", "POST_MESSAGE"),
    handler=_send,
    validate=_possible,
    confirm=True,
    parameters={
        "type": "object",
        "properties": {
            "text": {"type": "string", "minLength": 1, "maxLength": 4000, "description": "What to say."},
            "room": {"type": "string", "maxLength": 200, "description": "Name or id of a shared room."},
            "person": {
                "type": "string",
                "maxLength": 200,
                "description": 'User name or name of a person; "me" for whoever asks.',
            },
            "platform": {
                "type": "string",
                "maxLength": 40,
                "description": "discord, telegram, slack …; only where the name alone is not enough.",
            },
        },
        "required": ["text"],
        "additionalProperties": False,
    },
)
