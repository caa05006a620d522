"""The prompt: who the agent is, what the providers say, what was said (step 6)."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Final

from bot_host.contracts.plugin import State
from bot_host.contracts.turn import TurnInput
from bot_host.kit.clean import one_line
from bot_host.kit.clean import shorten as shorten
from bot_host.pipeline.attached import attached
from bot_host.pipeline.gate import DIRECT, is_addressed
from bot_host.pipeline.past import Past, after_past, earlier, read_past
from bot_host.pipeline.prompt import Part, Prompt, Said
from bot_host.pipeline.quotes import with_quotes
from bot_host.runtime.agent import AgentRuntime
from bot_host.runtime.commands import stays_out
from bot_host.runtime.traces import note_sources
from bot_host.types.ids import UUID
from bot_host.types.memory import FAILURE as FAILURE
from bot_host.types.memory import Memory
from bot_host.types.models import ChatMessage, ModelType
from bot_host.types.places import Entity, Room

MESSAGE_CHARACTERS: Final = 24_000
"""Of one message in the prompt. A longer one keeps its beginning and its end."""
SYSTEM: Final = "SYSTEM"
"""The name of a system prompt whose parts are not known."""


def history_wanted(agent: AgentRuntime, room: Room | None, messages: Sequence[Memory]) -> int:
    """How many messages of a room to read with those that begin a turn: none where it may well be silent."""
    addressed = room is not None and any(is_addressed(message, room) for message in messages)
    return agent.summaries.reach if addressed else 0


async def compose(
    agent: AgentRuntime, given: TurnInput, *, answering: Sequence[Memory]
) -> tuple[State, Prompt]:
    """The state of the newest message and the prompt for the model."""
    newest = answering[-1]
    said_before: Sequence[Memory] | None = given.history
    if said_before is None:
        said_before = await agent.store.get_memories(
            given.room.id, count=agent.summaries.reach, until=newest.created_at
        )
    past = await read_past(agent, given.room, said_before, until=newest.created_at)
    asked = {memory.id for memory in answering}
    heard = [
        memory
        for memory in said_before
        if memory.created_at <= newest.created_at
        and not memory.metadata.get(FAILURE)
        and not given.room.is_past(memory.created_at)
        and not (memory.id != newest.id and stays_out(agent, memory))
    ]
    history, missing = after_past(agent, heard, past, keep=asked)
    whole = len(said_before) < agent.summaries.reach
    turn = {
        "room": given.room,
        "world": given.world,
        "own_state": given.own_state,
        "summary": past.text,
        "earlier": earlier(said_before, heard, history, whole=whole),
        "shown": frozenset(memory.id for memory in history),
    }
    state = await agent.compose_state(newest, known={"turn": turn})
    if past.text not in state.text:
        # Nobody tells it, or it failed: the messages speak for themselves.
        history, missing = after_past(agent, heard, Past(), keep=asked)
    there = {memory.id for memory in history}
    history.extend(memory for memory in answering if memory.id not in there)
    history.sort(key=lambda memory: memory.created_at)
    note_sources(agent.agent_id, history)
    people = dict(given.people)
    strangers = {memory.entity_id for memory in history} - people.keys() - {agent.agent_id}
    if strangers and given.history is None:
        people.update(await agent.store.get_entities(list(strangers)))
    named = given.room.type not in DIRECT
    speakers = {memory.entity_id for memory in history} - {agent.agent_id}
    names = _names({id: people.get(id) for id in speakers}, own=agent.character.name)
    known = {memory.id for memory in history}
    said: list[Said] = []
    for memory in history:
        text = _as_text(memory, known, older=memory.id not in asked)
        if memory.entity_id == agent.agent_id:
            message = ChatMessage(role="assistant", content=text)
        else:
            name = names[memory.entity_id]
            # The name stands in the text: not every server takes the field, and none takes every script.
            message = ChatMessage(role="user", content=f"{name}: {text}" if named else text, name=name)
        said.append(Said(message=message, asked=memory.id in asked))
    return state, Prompt(
        _parts(agent, state),
        said,
        window=partial(agent.models.window, ModelType.TEXT_LARGE),
        missing=missing,
        untold=len({memory.id for memory in said_before} | asked) - len(past.covered),
    )


def _parts(agent: AgentRuntime, state: State) -> list[Part]:
    """The system prompt by the providers that said it."""
    found = state.data.get("providers", {})
    ordered = sorted(agent.providers, key=lambda provider: provider.position)
    parts = [
        Part(name=provider.name, text=found[provider.name].text.strip())
        for provider in ordered
        if provider.name in found and found[provider.name].text.strip()
    ]
    if "\n\n".join(part.text for part in parts) == state.text:
        return parts
    # Providers of an earlier call for the message are among those found, or one of them has gone.
    return [Part(name=SYSTEM, text=state.text)]


def _names(speakers: Mapping[UUID, Entity | None], *, own: str) -> dict[UUID, str]:
    """What to call them. Who is called like another, or like the agent, is told apart by the user name."""
    names = {id: _name(who) for id, who in speakers.items()}
    often = Counter([own.casefold(), *(name.casefold() for name in names.values())])
    return {
        id: f"{name} ({_handle(speakers[id]) or id[:8]})" if often[name.casefold()] > 1 else name
        for id, name in names.items()
    }


def _handle(who: Entity | None) -> str:
    told = who.metadata.values() if who is not None else ()
    return next((one_line(str(each["user_name"]), 60) for each in told if _has_handle(each)), "")


def _has_handle(told: object) -> bool:
    return isinstance(told, Mapping) and bool(told.get("user_name"))


def _name(who: Entity | None) -> str:
    return one_line(who.names[0], 60) if who and who.names else "Somebody"


def _as_text(memory: Memory, known: Collection[UUID], *, older: bool) -> str:
    """What a message says and what hangs on it, each shortened by itself: no cut takes a file's bars away."""
    text = shorten(memory.content.text, MESSAGE_CHARACTERS)
    files = memory.content.attachments
    quoted = [media for quote in memory.content.quotes for media in quote.attachments]
    if not files and not quoted:
        return shorten(with_quotes(memory, text, known), MESSAGE_CHARACTERS)
    left = max(MESSAGE_CHARACTERS - len(text), MESSAGE_CHARACTERS // 4)
    most = left // (len(files) + len(quoted))
    parts = [text] if text else []
    parts.extend(attached(media, older=older, most=most) for media in files)
    return with_quotes(memory, "\n".join(parts), known, most=most)
