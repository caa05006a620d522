"""How the agent holds itself in a room: following it, leaving that, being mute and speaking again."""

from bot_host.plugin import (
    Action,
    ActionCall,
    ActionResult,
    Agent,
    Memory,
    ParticipantState,
    State,
)
from bot_host.plugins.basics.here import PRIVATE


async def _held(agent: Agent, message: Memory, state: State) -> ParticipantState | bool | None:
    """How the agent holds itself in the room; False in a private one, where it is of no use.

    Read once a message: all four actions ask for it.
    """
    if message.content.channel_type is None or message.content.channel_type in PRIVATE:
        return False
    if "own_state" not in state.data:
        state.data["own_state"] = await agent.store.get_participant_state(message.room_id, agent.agent_id)
    held: ParticipantState | None = state.data["own_state"]
    return held


async def _can_follow(agent: Agent, message: Memory, state: State) -> bool:
    return await _held(agent, message, state) is None


async def _can_unfollow(agent: Agent, message: Memory, state: State) -> bool:
    return await _held(agent, message, state) is ParticipantState.FOLLOWED


async def _can_mute(agent: Agent, message: Memory, state: State) -> bool:
    return await _held(agent, message, state) in (None, ParticipantState.FOLLOWED)


async def _can_unmute(agent: Agent, message: Memory, state: State) -> bool:
    return await _held(agent, message, state) is ParticipantState.MUTED


async def _set(agent: Agent, call: ActionCall, held: ParticipantState | None) -> None:
    await agent.store.set_participant_state(agent.agent_id, call.message.room_id, agent.agent_id, held)
    call.state.data.pop("own_state", None)


async def _follow(agent: Agent, call: ActionCall) -> ActionResult:
    await _set(agent, call, ParticipantState.FOLLOWED)
    return ActionResult(text="Following: from now on every message here is looked at.")


async def _unfollow(agent: Agent, call: ActionCall) -> ActionResult:
    await _set(agent, call, None)
    return ActionResult(text="No longer following: the usual rules hold here again.")


async def _mute(agent: Agent, call: ActionCall) -> ActionResult:
    await _set(agent, call, ParticipantState.MUTED)
    return ActionResult(text="Muted: from now on only direct mentions are answered here.")


async def _unmute(agent: Agent, call: ActionCall) -> ActionResult:
    await _set(agent, call, None)
    return ActionResult(text="No longer muted here.")


FOLLOW_ROOM = Action(
    name="FOLLOW_ROOM",
    description=(
        "Look at every message of this room from now on, mentioned or not. Only when somebody asks for that."
    ),
    similes=("FOLLOW_CHAT", "FOLLOW_CHANNEL", "FOLLOW_CONVERSATION", "FOLLOW_THREAD"),
    handler=_follow,
    validate=_can_follow,
    idempotent=True,
)
UNFOLLOW_ROOM = Action(
    name="UNFOLLOW_ROOM",
    description="Stop following this room: answer when addressed. Only when somebody asks for that.",
    similes=("UNFOLLOW_CHAT", "UNFOLLOW_CHANNEL", "UNFOLLOW_CONVERSATION", "UNFOLLOW_THREAD"),
    handler=_unfollow,
    validate=_can_unfollow,
    idempotent=True,
)
MUTE_ROOM = Action(
    name="MUTE_ROOM",
    description="Be quiet in this room from now on, except when mentioned. Only when somebody asks for that.",
    similes=("MUTE_CHAT", "MUTE_CONVERSATION", "MUTE_THREAD", "MUTE_CHANNEL"),
    handler=_mute,
    validate=_can_mute,
    idempotent=True,
)
UNMUTE_ROOM = Action(
    name="UNMUTE_ROOM",
    description="Take part in this room again, after having been muted. Only when somebody asks for that.",
    similes=("UNMUTE_CHAT", "UNMUTE_CONVERSATION", "UNMUTE_THREAD", "UNMUTE_CHANNEL"),
    handler=_unmute,
    validate=_can_unmute,
    idempotent=True,
)
