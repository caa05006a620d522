"""LEARN: an admin has the agent know a file of the conversation, or an address, from then on.

What people send is not knowledge by itself. An ADMIN may say what is known in their own world; what everybody
hears, in other places too, is for those who run the bot.
"""

from typing import Final

from bot_host.plugin import (
    PLATFORM_ROLE,
    Action,
    ActionCall,
    ActionResult,
    Agent,
    ChannelType,
    EventType,
    KnowledgeSource,
    Media,
    Memory,
    Role,
    SourceKind,
    SourceOrigin,
    State,
    World,
    one_line,
)

PRIVATE: Final = frozenset({ChannelType.DM, ChannelType.VOICE_DM, ChannelType.SELF, ChannelType.API})
LOOKED_AT: Final = 50
"""Messages of the room in which a file is looked for."""


async def _possible(agent: Agent, message: Memory, state: State) -> bool:
    if message.entity_id in agent.owners:
        return True
    if message.content.channel_type is None or message.content.channel_type in PRIVATE:
        return False
    world, named = state.data.get("world"), message.metadata.get(PLATFORM_ROLE)
    here = world.role_of(message.entity_id) if isinstance(world, World) else Role.NONE
    return here is not Role.NONE or named in (Role.ADMIN, Role.OWNER)


async def _learn(agent: Agent, call: ActionCall) -> ActionResult:
    message, wanted = call.message, call.arguments
    room = await agent.store.find_room(message.room_id)
    here = room.world_id if room is not None and room.type not in PRIVATE else None
    everywhere = wanted.get("for") == "everybody" or here is None
    if everywhere and message.entity_id not in agent.owners:
        return ActionResult(success=False, error="what everybody hears is for those to say who run this bot")
    title = one_line(str(wanted.get("title") or ""), 200)
    world_id = None if everywhere else here
    if url := str(wanted.get("url") or "").strip():
        source = KnowledgeSource(
            agent_id=agent.agent_id,
            world_id=world_id,
            kind=SourceKind.URL,
            location=url,
            title=title,
            origin=SourceOrigin.CHAT,
            added_by=message.entity_id,
        )
        if not url.lower().startswith(("http://", "https://")):
            return ActionResult(success=False, error="that is no http or https address")
    else:
        media, why = await _file(agent, message, str(wanted.get("file") or ""))
        if media is None:
            return ActionResult(success=False, error=why)
        name = one_line(media.file_name or media.title or media.id, 200)
        source = KnowledgeSource(
            agent_id=agent.agent_id,
            world_id=world_id,
            kind=SourceKind.TEXT,
            location=f"chat: {name}",
            title=title or name.rpartition(".")[0] or name,
            origin=SourceOrigin.CHAT,
            text=media.text or "",
            added_by=message.entity_id,
        )
    added = await agent.store.add_source(source)
    await agent.emit_event(EventType.KNOWLEDGE_ADDED, {"source": "LEARN"})
    await agent.audit(
        "knowledge added", added.id, {"location": added.location}, actor=message.entity_id
    )  # fmt: skip
    whom = "everybody" if everywhere else "the people here"
    return ActionResult(
        text=f"{one_line(added.location, 200)} is being read; in a moment it is known, for {whom}.",
        data={"source_id": added.id},
    )


async def _file(agent: Agent, message: Memory, name: str) -> tuple[Media | None, str]:
    """The newest file of the room that fits, with what was read of it; or why there is none."""
    said = await agent.store.get_memories(message.room_id, count=LOOKED_AT, until=message.created_at)
    files = [
        media
        for each in reversed([*said, message])
        for media in each.content.attachments
        if each.entity_id != agent.agent_id
    ]
    wanted = name.strip().casefold()
    fitting = [
        media for media in files if not wanted or wanted in (media.file_name or media.title or "").casefold()
    ]
    if not fitting:
        return None, "there is no such file in the latest messages here"
    read = next((media for media in fitting if media.is_read and (media.text or "").strip()), None)
    if read is None:
        return None, "nothing was read of that file: only text and PDFs are read when they are sent here"
    return read, ""


LEARN = Action(
    name="LEARN",
    description=(
        "Know a file of this conversation, or an address on the web, from now on. Only when an admin asks "
        "for just that."
    ),
    similes=("LEARN_FILE", "ADD_KNOWLEDGE", "REMEMBER_DOCUMENT"),
    handler=_learn,
    validate=_possible,
    required_role=Role.ADMIN,
    confirm=True,
    idempotent=True,
    parameters={
        "type": "object",
        "properties": {
            "file": {
                "type": "string",
                "maxLength": 200,
                "description": "Its name; empty: the newest.",
            },
            "url": {"type": "string", "maxLength": 2000, "description": "An address instead of a file."},
            "title": {"type": "string", "maxLength": 200, "description": "As it is cited."},
            "for": {
                "type": "string",
                "enum": ["here", "everybody"],
                "description": "Who may hear of it: the people of this place (default), or everybody.",
            },
        },
        "additionalProperties": False,
    },
)
