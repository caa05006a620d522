"""What was said, as text for plugins: RECENT_MESSAGES and ATTACHMENTS. The model gets it as messages."""

from datetime import timedelta
from typing import Final

from bot_host.plugin import Agent, Memory, Provider, ProviderResult, State, one_line
from bot_host.plugins.basics.here import called, room_of

LINE: Final = 2000
"""Characters of one message."""
QUOTED: Final = 200
"""Characters of what a message quotes."""
FRESH: Final = timedelta(hours=1)
"""The text of attachments that are older than that, seen from the newest message, is left out (5.2)."""


async def _recent(agent: Agent, message: Memory, state: State) -> ProviderResult:
    """The room's own messages only: elizaOS adds those of all other rooms (5.2-03 [T])."""
    said = await _said(agent, message, state)
    known = await agent.store.get_entities(list({each.entity_id for each in said} - {agent.agent_id}))
    lines = []
    for each in said:
        who = agent.character.name if each.entity_id == agent.agent_id else called(known.get(each.entity_id))
        lines.append(f"({each.created_at:%Y-%m-%d %H:%M}) {who}: {_text(each)}")
    text = "\n".join(lines)
    return ProviderResult(
        text=f"Recent messages, oldest first:\n{text}" if text else "",
        values={"recent_messages": text, "recent_message": lines[-1] if lines else ""},
        data={"recent_messages": said},
    )


async def _said(agent: Agent, message: Memory, state: State) -> list[Memory]:
    said = await agent.store.get_memories(
        message.room_id, count=agent.get_conversation_length(), until=message.created_at
    )
    room = await room_of(agent, message, state)
    said = [each for each in said if room is None or not room.is_past(each.created_at)]
    if all(each.id != message.id for each in said):
        said.append(message)
    return said


def _text(memory: Memory) -> str:
    text = memory.content.text
    text = text if len(text) <= LINE else f"{text[: LINE - 1]}…"
    files = "".join(f" [attached {media.content_type or 'file'}]" for media in memory.content.attachments)
    quoted = "".join(
        f" [{each.kind} of {one_line(each.author, 60) or 'somebody'}: {one_line(each.text, QUOTED)}]"
        for each in memory.content.quotes
        if each.text
    )
    return f"{text}{files}{quoted}"


async def _attachments(agent: Agent, message: Memory, state: State) -> ProviderResult:
    said = await _said(agent, message, state)
    newest = max((each.created_at for each in said if each.content.attachments), default=message.created_at)
    parts = []
    found = []
    for each in said:
        for media in each.content.attachments:
            found.append(media)
            name = one_line(media.title or media.file_name or media.id, 100)
            lines = [f"- {name} ({media.content_type or 'file'})"]
            if media.description:
                lines.append(f"  {one_line(media.description, 1000)}")
            if media.text:
                old = newest - each.created_at > FRESH
                lines.append(f"  text: {'(older, left out)' if old else one_line(media.text, LINE)}")
            parts.append("\n".join(lines))
    text = "Attachments in this conversation:\n" + "\n".join(parts) if parts else ""
    return ProviderResult(text=text, data={"attachments": found})


RECENT_MESSAGES = Provider(
    name="RECENT_MESSAGES",
    description="The latest messages of the room.",
    get=_recent,
    dynamic=True,
    position=100,
)
ATTACHMENTS = Provider(
    name="ATTACHMENTS",
    description="The files of the latest messages.",
    get=_attachments,
    dynamic=True,
    position=90,
)
