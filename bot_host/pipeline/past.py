"""What was said in a room before the messages that stand in the prompt: its summary, and what is untold."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot_host.kit.clean import one_line
from bot_host.kit.tokens import estimate, surely_within
from bot_host.pipeline.prompt import HISTORY_TOKENS, Prompt
from bot_host.runtime.agent import AgentRuntime
from bot_host.runtime.summaries import CHARACTERS, CHUNK
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.models import ModelType
from bot_host.types.places import Room
from bot_host.types.summary import RoomSummary

TOKENS: Final = 4000
"""Of the summary in the prompt; the oldest parts go first. A year of a busy room has half of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is known of a room's past."""

    text: str = ""
    """The summary as the model reads it."""
    covered: frozenset[UUID] = frozenset()
    """Of the messages at hand, those that it tells of."""
    missing: tuple[str, ...] = ()
    """What nothing in the prompt tells of, in words for the record."""


async def read_past(agent: AgentRuntime, room: Room, said: Sequence[Memory], *, until: datetime) -> Past:
    """The past of a room of which `said` are the newest messages up to then.

    Nothing is read for a room in which less was said than stands in the prompt.
    """
    if not agent.summaries.provider or _is_short(agent, said):
        return Past()
    found = await agent.store.room_summary(
        room.id, shown=[memory.id for memory in said], begins_at=room.begins_at, until=until
    )
    return told(found)


def _is_short(agent: AgentRuntime, said: Sequence[Memory]) -> bool:
    """Whether all of a room fits into the prompt, whatever else is in it."""
    if len(said) >= agent.options.conversation_length:
        return False
    fits = agent.models.window(ModelType.TEXT_LARGE).prompt_tokens // 2
    return surely_within([memory.content.text for memory in said], min(fits, HISTORY_TOKENS))


def told(found: RoomSummary) -> Past:
    """A summary for the prompt, and what it does not tell."""
    lines: list[str] = []
    room = TOKENS
    cut = 0
    for part in reversed(found.parts):
        if not part.says:
            continue
        line = f"- {part.first_at:%Y-%m-%d} to {part.last_at:%Y-%m-%d}: {one_line(part.text, CHARACTERS)}"
        room -= estimate(line)
        if room < 0:
            cut += part.count
            continue
        lines.append(line)
    missing = []
    if found.older:
        missing.append(f"messages before {found.parts[0].first_at:%Y-%m-%d %H:%M}")
    if cut:
        missing.append(f"the summary of {cut} messages")
    if found.untold:
        missing.append(f"{found.untold} messages without a summary")
    if found.between:
        missing.append(f"{found.between} messages between the summary and the history")
    return Past(text="\n".join(reversed(lines)), covered=found.covered, missing=tuple(missing))


def after_past(
    agent: AgentRuntime, history: Sequence[Memory], past: Past, *, keep: Collection[UUID]
) -> tuple[list[Memory], tuple[str, ...]]:
    """The history without what the summary tells of, and what nothing tells of; `keep` stays in any case.

    Where far more is untold than stands in a prompt (nobody makes summaries, or they fail), the newest
    messages alone are shown, as if there were none.
    """
    left = [memory for memory in history if memory.id not in past.covered or memory.id in keep]
    gone = 0
    if len(left) >= agent.summaries.reach:
        length = agent.options.conversation_length
        gone = len(left) - length
        left = [memory for memory in left[:gone] if memory.id in keep] + left[gone:]
    if gone <= 0:
        return left, past.missing
    # Without any summary nobody has counted what came before.
    before = f"{gone} messages" if past.text else f"what was said before {left[0].created_at:%Y-%m-%d %H:%M}"
    return left, (*past.missing, f"{before} without a summary")


def earlier(
    said: Sequence[Memory], heard: Sequence[Memory], shown: Collection[Memory], *, whole: bool
) -> datetime | None:
    """The newest time of the room's messages that do not stand in the prompt; None: each of them does.

    `said` are the newest of the room (`whole`: all of it), `heard` those of them that may be shown.
    """
    ids = {memory.id for memory in shown}
    hidden = [memory.created_at for memory in heard if memory.id not in ids]
    if hidden:
        return max(hidden)
    return None if whole else min((memory.created_at for memory in said), default=None)


def note_length(agent: AgentRuntime, room: Room, prompt: Prompt) -> None:
    """After a turn: a room in which a summary may be due is looked at, and no other: it costs queries."""
    kept = prompt.history
    if kept is None:
        return
    length = agent.options.conversation_length
    if kept < prompt.before or prompt.missing or prompt.untold + 1 >= length + CHUNK:
        agent.summaries.look(room.id, min(kept, length))
