"""How the agent holds itself in a room: /reset, /mute, /follow, /settings."""

from dataclasses import replace
from typing import Any, Final

from bot_host.plugin import (
    BEGINS_AT,
    ROOM_SETTINGS,
    Agent,
    ChannelType,
    Command,
    CommandCall,
    Memory,
    Option,
    OptionKind,
    ParticipantState,
    Provider,
    ProviderResult,
    Role,
    Room,
    State,
    one_line,
)
from bot_host.plugins.commands.words import described

PRIVATE: Final = frozenset({ChannelType.DM, ChannelType.VOICE_DM, ChannelType.SELF, ChannelType.API})
LANGUAGE_CHARACTERS: Final = 40
NO_LANGUAGE: Final = frozenset({"-", "any", "auto", "none", "off", "default"})


async def _change(agent: Agent, room: Room, metadata: dict[str, Any]) -> None:
    """Over what the room's metadata are now: the platform writes there, too."""
    now = await agent.store.find_room(room.id) or room
    await agent.store.update_room(replace(now, metadata={**now.metadata, **metadata}))


async def _reset(agent: Agent, call: CommandCall) -> str:
    await _change(agent, call.room, {BEGINS_AT: call.message.created_at.isoformat()})
    await agent.audit("conversation begun anew", call.room.id, actor=call.message.entity_id)
    return "We begin anew: I no longer look at what was said here before. Nothing was deleted."


async def _mute(agent: Agent, call: CommandCall) -> str:
    if call.arguments.get("off"):
        await _hold(agent, call, None)
        return "I take part here again."
    await _hold(agent, call, ParticipantState.MUTED)
    return "I am quiet here from now on; a mention still reaches me. The same with `off` ends that."


async def _follow(agent: Agent, call: CommandCall) -> str:
    if call.arguments.get("off"):
        await _hold(agent, call, None)
        return "I answer here when I am addressed."
    await _hold(agent, call, ParticipantState.FOLLOWED)
    return "I look at every message here from now on. The same with `off` ends that."


async def _hold(agent: Agent, call: CommandCall, held: ParticipantState | None) -> None:
    await agent.store.set_participant_state(agent.agent_id, call.room.id, agent.agent_id, held)


async def _settings(agent: Agent, call: CommandCall) -> str:
    shared = call.room.type not in PRIVATE
    wanted = dict(call.arguments)
    if wanted and shared and call.role is Role.NONE:
        return f"Only the role {Role.ADMIN} changes settings here. {await _shown(agent, call.room)}"
    if "mention_only" in wanted and not shared:
        return "mention_only is for rooms of several people: here I answer everything."
    if not wanted:
        return await _shown(agent, call.room)
    if "language" in wanted:
        language = one_line(wanted["language"], LANGUAGE_CHARACTERS)
        wanted["language"] = None if language.casefold() in NO_LANGUAGE else language
    told = call.room.metadata.get(ROOM_SETTINGS)
    settings = {**(told if isinstance(told, dict) else {}), **wanted}
    settings = {key: value for key, value in settings.items() if value is not None}
    await _change(agent, call.room, {ROOM_SETTINGS: settings})
    await agent.audit("room settings changed", call.room.id, wanted, actor=call.message.entity_id)
    return await _shown(agent, replace(call.room, metadata={**call.room.metadata, ROOM_SETTINGS: settings}))


async def _shown(agent: Agent, room: Room) -> str:
    language = room.setting("language") or "whatever people write in"
    lines = ["Settings of this room:", f"- language: {language}"]
    if room.type not in PRIVATE:
        held = await agent.store.get_participant_state(room.id, agent.agent_id)
        only = room.setting("mention_only")
        usual = "as the bot is configured" if only is None else "yes" if only else "no"
        lines.append(f"- mention_only: {usual}")
        lines.append(f"- state: {held.lower() if held else 'neither muted nor followed'}")
    return "\n".join(lines)


async def _language(agent: Agent, message: Memory, state: State) -> ProviderResult:
    turn = state.data.get("turn")
    room = turn.get("room") if isinstance(turn, dict) else None
    language = room.setting("language") if isinstance(room, Room) else None
    return ProviderResult(text=f"Answer in this language: {language}." if language else "")


_OFF = Option(
    name="off",
    description="End it.",
    kind=OptionKind.BOOLEAN,
    localizations=described("Beendet es.", "Y mettre fin.", "Terminarlo."),
)
RESET = Command(
    name="reset",
    description="Begin the conversation here anew.",
    handler=_reset,
    shared_role=Role.ADMIN,
    private=True,
    idempotent=True,
    free=True,
    localizations=described(
        "Das Gespräch hier neu beginnen.",
        "Recommencer la conversation ici.",
        "Empezar de nuevo la conversación aquí.",
    ),
)
MUTE = Command(
    name="mute",
    description="Be quiet here, except when mentioned.",
    handler=_mute,
    options=(_OFF,),
    where="shared",
    private=True,
    idempotent=True,
    free=True,
    localizations=described(
        "Hier still sein, außer bei Erwähnung.",
        "Se taire ici, sauf si on le mentionne.",
        "Callar aquí, salvo que se le mencione.",
    ),
)
FOLLOW = Command(
    name="follow",
    description="Look at every message here.",
    handler=_follow,
    options=(_OFF,),
    where="shared",
    private=True,
    idempotent=True,
    free=True,
    localizations=described(
        "Hier jede Nachricht beachten.", "Suivre tous les messages ici.", "Seguir todos los mensajes aquí."
    ),
)
SETTINGS = Command(
    name="settings",
    description="Show or change how I am in this room.",
    handler=_settings,
    options=(
        Option(
            name="language",
            description="The language of my answers; off: whatever people write in.",
            localizations=described(
                "Die Sprache meiner Antworten; off: wie ihr schreibt.",
                "La langue de mes réponses ; off : comme vous écrivez.",
                "El idioma de mis respuestas; off: como escribáis.",
            ),
        ),
        Option(
            name="mention_only",
            description="Answer here only when I am mentioned.",
            kind=OptionKind.BOOLEAN,
            localizations=described(
                "Hier nur auf Erwähnung antworten.",
                "Ne répondre ici que si on me mentionne.",
                "Responder aquí solo si me mencionan.",
            ),
        ),
    ),
    private=True,
    idempotent=True,
    free=True,
    localizations=described(
        "Zeigen oder ändern, wie ich in diesem Raum bin.",
        "Montrer ou changer mes réglages dans ce salon.",
        "Mostrar o cambiar mis ajustes en esta sala.",
    ),
)
LANGUAGE = Provider(
    name="LANGUAGE", description="The language that was set for the room.", get=_language, position=60
)
