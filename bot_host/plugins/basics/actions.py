"""Staying silent, and being quiet in a room until called again."""

from bot_host.plugin import (
    Action,
    ActionCall,
    ActionResult,
    Agent,
    ChannelType,
    Memory,
    ParticipantState,
    State,
)

SHARED = (ChannelType.GROUP, ChannelType.THREAD, ChannelType.FORUM, ChannelType.FEED, ChannelType.VOICE_GROUP)


async def _shared(agent: Agent, message: Memory, state: State) -> bool:
    return message.content.channel_type in SHARED


async def _muted(agent: Agent, message: Memory) -> bool:
    held = await agent.store.get_participant_state(message.room_id, agent.agent_id)
    return held is ParticipantState.MUTED


async def _can_mute(agent: Agent, message: Memory, state: State) -> bool:
    return await _shared(agent, message, state) and not await _muted(agent, message)


async def _can_unmute(agent: Agent, message: Memory, state: State) -> bool:
    return await _shared(agent, message, state) and await _muted(agent, message)


async def _ignore(agent: Agent, call: ActionCall) -> ActionResult:
    return ActionResult(text="Nothing will be said.")


async def _set(agent: Agent, call: ActionCall, state: ParticipantState | None) -> None:
    await agent.store.set_participant_state(agent.agent_id, call.message.room_id, agent.agent_id, state)


async def _mute(agent: Agent, call: ActionCall) -> ActionResult:
    await _set(agent, call, ParticipantState.MUTED)
    return ActionResult(text="Muted: from now on only direct mentions are answered here.")


async def _unmute(agent: Agent, call: ActionCall) -> ActionResult:
    await _set(agent, call, None)
    return ActionResult(text="No longer muted here.")


IGNORE = Action(
    name="IGNORE",
    description="Say nothing: nobody expects an answer from you, or somebody asked you to stop talking.",
    similes=("STOP_TALKING", "STOP_CHATTING", "STOP_CONVERSATION"),
    handler=_ignore,
    validate=_shared,
)
MUTE_ROOM = Action(
    name="MUTE_ROOM",
    description="Be quiet in this room from now on, except when mentioned. Only when somebody asks for that.",
    similes=("MUTE_CHAT", "MUTE_CONVERSATION", "MUTE_THREAD", "MUTE_CHANNEL"),
    handler=_mute,
    validate=_can_mute,
)
UNMUTE_ROOM = Action(
    name="UNMUTE_ROOM",
    description="Take part in this room again, after having been muted. Only when somebody asks for that.",
    similes=("UNMUTE_CHAT", "UNMUTE_CONVERSATION", "UNMUTE_THREAD", "UNMUTE_CHANNEL"),
    handler=_unmute,
    validate=_can_unmute,
)
