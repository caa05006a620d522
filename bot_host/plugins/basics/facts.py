"""Facts: how they are kept, corrected and repeated, and for whose ears. Reflection and REMEMBER share it.

A fact belongs to whoever said it (`entity_id`); `metadata.about` says whom it is about when that is not the
speaker. So nobody hears in private what others say about them, and what one says of others stays in its room.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from bot_host.plugin import (
    UUID,
    Agent,
    Audience,
    Content,
    Memory,
    MemoryType,
    Room,
    create_unique_uuid,
)
from bot_host.plugins.basics.here import PRIVATE

ABOUT: Final = "about"
"""In a fact's metadata: the entity that it is about, or `HERE`; missing: whoever said it."""
HERE: Final = "here"
"""It is about the room and its people as a whole."""
FACT_LENGTH: Final = 300
CERTAIN: Final = 0.99
"""No number of repetitions makes a fact surer than that."""
_WORD: Final = re.compile(r"\w+")
_WIDEST_LAST: Final = tuple(Audience)


def plain(text: str) -> str:
    """A text by its words alone: two facts with the same are the same."""
    return " ".join(_WORD.findall(text.casefold()))


def about(fact: Memory) -> str:
    """Whom a fact is about."""
    told = fact.metadata.get(ABOUT)
    return told if isinstance(told, str) else fact.entity_id


def ears_of(room: Room, *, of_others: bool = False) -> Audience:
    """Who may hear of what is learned in a room: those who could read it there, and no others.

    Only what people say of themselves, or of the room, leaves an open room: `of_others` stays in it.
    """
    if room.type in PRIVATE:
        return Audience.ENTITY
    return Audience.WORLD if room.open and not of_others else Audience.ROOM


def narrower(given: Audience, wished: Any) -> Audience:
    """The narrower of what the place gives and what was wished; a wish never widens."""
    asked = str(wished or "").strip().casefold()
    if asked not in list(Audience):
        return given
    return min(given, Audience(asked), key=_WIDEST_LAST.index)


async def keep_fact(
    agent: Agent,
    text: str,
    *,
    source: Memory,
    room: Room,
    audience: Audience,
    confidence: float,
    of: str = "",
    known: Sequence[Memory] = (),
    replaces: Memory | None = None,
    speaker: UUID = "",
    wished: Any = None,
) -> Memory | None:
    """Keep what was said in `source`; a known one that says the same is only surer by it. None: nothing new.

    `of`: whom it is about, where that is not the speaker. `known`: what may be heard in the room. `replaces`
    goes. `speaker`: in place of who said it. `wished`: for whose ears alone it is to be; then the message
    that says it is for no others either. Nothing is kept from a message that has changed meanwhile.
    """
    who = speaker or source.entity_id
    if await has_changed(agent, source):
        return None
    ears = narrower(audience, wished)
    if ears is not audience:
        await agent.store.narrow_memory(source.id, ears)
    for fact in known:
        same = fact.entity_id == who and about(fact) == (of or who)
        if same and plain(fact.content.text) == plain(text):
            if fact.source_memory_id != source.id:
                await agent.store.update_memory(fact.id, confidence=_surer(fact.confidence, confidence))
            return None
    metadata: dict[str, Any] = {ABOUT: of} if of and of != who else {}
    if replaces is not None:
        metadata["supersedes"] = replaces.id
    fact = Memory(
        # The same words of the same message are the same fact, also when a stop came in between.
        id=create_unique_uuid(agent.agent_id, f"fact:{source.id}:{of or who}:{plain(text)}"),
        agent_id=agent.agent_id,
        entity_id=who,
        room_id=room.id,
        world_id=room.world_id,
        type=MemoryType.FACT,
        content=Content(text=text),
        created_at=source.created_at,
        source_memory_id=source.id,
        confidence=confidence,
        audience=ears,
        metadata=metadata,
    )
    new = await agent.store.create_memory(fact)
    if replaces is not None:
        await agent.store.delete_memories([replaces.id])
    return fact if new else None


def _surer(known: float | None, told: float) -> float:
    """Of two who say the same, as if they did so by themselves."""
    before = known or 0.0
    return max(before, min(CERTAIN, 1 - (1 - before) * (1 - told)))


async def has_changed(agent: Agent, source: Memory) -> bool:
    """A message that was deleted or edited meanwhile takes what it said with it."""
    now = await agent.store.find_memory(source.id)
    return now is None or now.revision != source.revision
