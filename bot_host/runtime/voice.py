"""Ids of what an action says: the same when the action is run again, so that it is said once.

A turn that was cut off runs an interrupted action again where that is allowed. Whatever it had said until
then is in the outbox already; a second message of the same id is not taken.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from bot_host.types.ids import UUID, create_unique_uuid, new_id


class Voice:
    """What one tool call says, in order."""

    def __init__(self, agent_id: UUID, key: str) -> None:
        """`key` names the call, in the same way each time that it is run."""
        self.agent_id = agent_id
        self._key = key
        self._said = 0

    def next_id(self) -> UUID:
        """The id of what is said next."""
        self._said += 1
        return create_unique_uuid(self.agent_id, f"said:{self._key}:{self._said}")


_current: ContextVar[Voice | None] = ContextVar("current_voice", default=None)


@contextmanager
def use_voice(voice: Voice) -> Iterator[None]:
    """Whatever this task and its children say in here is said by that call."""
    token = _current.set(voice)
    try:
        yield
    finally:
        _current.reset(token)


def next_message_id(agent_id: UUID) -> UUID:
    """The id of what this agent says next: of the tool call at work, else a fresh one."""
    voice = _current.get()
    return voice.next_id() if voice is not None and voice.agent_id == agent_id else new_id()
