"""Messages by the names of elizaOS's message service (elizaos.md 4.1, 4.13)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot_host.contracts.plugin import Agent, HandlerCallback, ResponseDecision
from bot_host.contracts.turn import TurnInput
from bot_host.host.result import MessageResult
from bot_host.pipeline.gate import decide
from bot_host.runtime import AgentRuntime
from bot_host.types.content import MentionContext
from bot_host.types.errors import StateError
from bot_host.types.events import EventType
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.places import Room
from bot_host.types.turn import Processing


class HostMessageService:
    """See `contracts.plugin.MessageService`."""

    def __init__(self, handle: Callable[..., Awaitable[MessageResult]]) -> None:
        """`handle` is `BotHost.handle_message`."""
        self._handle = handle

    async def handle_message(
        self,
        runtime: Agent,
        message: Mapping[str, Any] | Memory,
        callback: HandlerCallback | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Processing:
        """See MessageService."""
        result = await self._handle(runtime, message, **(options or {}))
        if callback is not None:
            for memory in result.processing.responses:
                await callback(memory.content)
        return result.processing

    async def should_respond(
        self,
        runtime: Agent,
        message: Memory,
        room: Room | None = None,
        mention_context: MentionContext | None = None,
    ) -> ResponseDecision:
        """See MessageService. The small model is asked where the rules leave it open."""
        if not isinstance(runtime, AgentRuntime):
            raise StateError("only an agent of this host can be asked")
        if mention_context is not None:
            content = message.content.model_copy(update={"mention_context": mention_context})
            message = message.model_copy(update={"content": content})
        room = room or await runtime.store.find_room(message.room_id)
        if room is None:
            return ResponseDecision(should_respond=False, reason="no such room")
        given = TurnInput(room=room, messages=(message,), people={}, mention_only=False)
        state = await runtime.store.get_participant_state(room.id, runtime.agent_id)
        decision = await decide(runtime, message, given, state)
        return ResponseDecision(
            should_respond=decision.respond, reason=decision.reason, skip_evaluation=not decision.by_model
        )

    async def delete_message(self, runtime: Agent, message: Memory) -> None:
        """See MessageService."""
        await runtime.store.delete_memories([message.id])
        await runtime.emit_event(EventType.MESSAGE_DELETED, {"message": message})

    async def clear_channel(self, runtime: Agent, room_id: UUID, channel_id: str) -> int:
        """See MessageService."""
        gone = await runtime.store.delete_all_memories(room_id, MemoryType.MESSAGE)
        told = {"room_id": room_id, "channel_id": channel_id, "memory_count": gone}
        await runtime.emit_event(EventType.CHANNEL_CLEARED, told)
        return gone
