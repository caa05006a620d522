"""An agent, as one person has it (`ConnectorHost.card`). Reads only: nobody gets a row by looking at it."""

from collections.abc import Iterator
from typing import Final

from bot_host.kit.clean import one_line
from bot_host.kit.clock import utc_now
from bot_host.runtime import AgentRuntime
from bot_host.types.cards import AgentCard, Allowance, LimitKind
from bot_host.types.ids import UUID
from bot_host.types.turn import Use

ABOUT: Final = 300
"""Characters."""


async def card_of(agent: AgentRuntime, *, entity_id: UUID, room_id: UUID) -> AgentCard:
    """`room_id`: the person's private chat. Raises StoreError."""
    room = await agent.store.find_room(room_id)
    language = room.setting("language") if room is not None else None
    allowances: tuple[Allowance, ...] = ()
    if agent.options.limits and entity_id not in agent.owners:
        use = await agent.store.get_use(agent.agent_id, entity_id, room_id, utc_now(), ())
        allowances = tuple(_allowances(agent, use))
    bio = agent.character.bio
    return AgentCard(
        name=agent.character.name,
        about=one_line(bio[0], ABOUT) if bio else "",
        language=one_line(str(language), 40) if language else "",
        allowances=allowances,
    )


def _allowances(agent: AgentRuntime, use: Use) -> Iterator[Allowance]:
    limits = agent.options.limits
    told: tuple[tuple[LimitKind, float, float], ...] = (
        ("messages", use.entity_messages, limits.entity_messages_per_minute),
        ("tokens", use.tokens, limits.tokens_per_day),
        ("cost", use.cost, limits.cost_per_day),
    )
    for kind, used, most in told:
        if most:
            yield Allowance(kind=kind, used=used, most=most)
