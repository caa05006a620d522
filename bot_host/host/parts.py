"""Messages as the parts that a platform takes."""

from dataclasses import replace

from bot_host.contracts.connector import ChoiceConnector, RepeatingConnector
from bot_host.host.accounts import Line
from bot_host.runtime.choices import with_list
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.outbound import Payload, Target, destination_of
from bot_host.types.turn import NewOutbox


def marks_early(line: Line | None) -> bool:
    """Whether a part may be marked as being sent some moments before it is.

    Not where nothing proves afterwards that it was not: a kill in these moments would make a doubt of it.
    """
    return line is not None and not isinstance(line.connector, RepeatingConnector)


def parts_of(line: Line, memory: Memory, target: Target, *, run_id: UUID | None) -> list[NewOutbox]:
    """A message as the parts that its platform takes."""
    target = line.voiced(target)
    content, offered = memory.content, memory.content.choices
    if offered is not None and not (
        isinstance(line.connector, ChoiceConnector) and line.connector.can_show(offered)
    ):
        content = with_list(content)
    payloads = line.connector.encode(content, target)
    return [
        make_part(
            line,
            payload,
            target,
            agent_id=memory.agent_id,
            part=part,
            parts=len(payloads),
            memory_id=memory.id,
            run_id=run_id,
        )
        for part, payload in enumerate(payloads)
    ]


def make_part(
    line: Line,
    payload: Payload,
    target: Target,
    *,
    agent_id: UUID,
    part: int,
    parts: int,
    memory_id: UUID,
    run_id: UUID | None = None,
) -> NewOutbox:
    """One part of a message to a `target` that is voiced; the first one alone answers another message."""
    return NewOutbox(
        agent_id=agent_id,
        account=line.account.key,
        destination=destination_of(line.account.key, target),
        target=target if part == 0 else replace(target, reply_to=""),
        payload=payload,
        part=part,
        parts=parts,
        memory_id=memory_id,
        run_id=run_id,
    )
