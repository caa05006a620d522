"""The host's methods for callers' messages."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, overload

from bot_host.host.agents import raise_failed
from bot_host.host.base import HostBase
from bot_host.host.callers import Callbacks, OnComplete, OnError, OnResponse, OnStreamChunk
from bot_host.host.desk import InlineDoor, LaneDoor
from bot_host.host.options import entry_of, seconds_of, wishes_of
from bot_host.host.result import BatchResult, MessageAccepted, MessageResult
from bot_host.runtime import AgentRuntime
from bot_host.types import host_events as events
from bot_host.types.errors import StateError
from bot_host.types.ids import UUID, as_id
from bot_host.types.memory import Memory


class MessageMethods(HostBase):
    """See `BotHost`."""

    @overload
    async def handle_message(
        self,
        agent: UUID | AgentRuntime,
        message: Mapping[str, Any] | Memory,
        *,
        on_response: None = None,
        on_stream_chunk: OnStreamChunk | None = None,
        on_error: OnError | None = None,
        on_complete: OnComplete | None = None,
        max_retries: int | None = None,
        timeout: float | None = None,
        use_multi_step: bool | None = None,
        max_multi_step_iterations: int | None = None,
    ) -> MessageResult: ...
    @overload
    async def handle_message(
        self,
        agent: UUID | AgentRuntime,
        message: Mapping[str, Any] | Memory,
        *,
        on_response: OnResponse,
        on_stream_chunk: OnStreamChunk | None = None,
        on_error: OnError | None = None,
        on_complete: OnComplete | None = None,
        max_retries: int | None = None,
        timeout: float | None = None,
        use_multi_step: bool | None = None,
        max_multi_step_iterations: int | None = None,
    ) -> MessageAccepted: ...
    async def handle_message(
        self,
        agent: UUID | AgentRuntime,
        message: Mapping[str, Any] | Memory,
        *,
        on_response: OnResponse | None = None,
        on_stream_chunk: OnStreamChunk | None = None,
        on_error: OnError | None = None,
        on_complete: OnComplete | None = None,
        max_retries: int | None = None,
        timeout: float | None = None,
        use_multi_step: bool | None = None,
        max_multi_step_iterations: int | None = None,
    ) -> MessageResult | MessageAccepted:
        """Give an agent a message and wait for what comes of it.

        `message`: `entity_id` and `room_id` (any UUIDs of the caller's), `content` (Content or a mapping with
        `text`), and if wanted `id`, `world_id`, `metadata`. It writes the same inbox row and takes the same
        lane as a platform's message. A runtime that was added as ephemeral works it off itself, here.

        With `on_response` it returns as soon as the message is on disk (an ephemeral runtime: when all is
        done) and the callbacks hear the rest: `on_response(content)` of each thing said, `on_error(error)` of
        what went wrong. A failed turn has both: its line of excuse, then a TurnError. `on_stream_chunk(chunk,
        message_id)` hears the reply as it is written, in both ways; a turn that is begun again has another
        `message_id`. `on_complete()` is called in both ways, once and last, however it ended (elizaOS: after
        success only), unless the message was not taken in. All are awaited, plain functions will do; what
        they raise goes to `on_error` or the log.

        `max_retries`: further tries of a model round that is empty or fails. `use_multi_step=False`: the
        model may ask for actions once; else up to `max_multi_step_iterations` rounds (default: the agent's
        `max_steps`). `timeout`: seconds from when the message is on disk; it ends the wait with TimeoutError,
        and the row stays in the inbox to be answered.

        Raises StateError for an unknown or stopped agent and for what does not fit (nothing is written then),
        CircleError in a turn that the agent asked is waiting for (itself, or by others), and StoppedError
        when it or the host stops meanwhile (the message then waits in the inbox); a failed turn is a result
        with the outcome `failed` (for `on_error`: a TurnError).
        """
        runtime = agent if isinstance(agent, AgentRuntime) else self.get_agent(agent)
        self._check_open()
        callbacks = Callbacks(
            on_response=on_response,
            on_stream_chunk=on_stream_chunk,
            on_error=on_error,
            on_complete=on_complete,
        )
        wishes = wishes_of(
            max_retries=max_retries, use_multi_step=use_multi_step, max_steps=max_multi_step_iterations
        )
        seconds = seconds_of(timeout)
        ephemeral = self._agents.is_ephemeral(runtime)
        if ephemeral and not runtime.started:
            raise_failed(await self._start([runtime]), [runtime])
        if not runtime.started:
            raise StateError(f"{runtime.character.name} is not started: call start_agents first")
        desk = self._desk_for(runtime)
        return await self._asking.ask(
            runtime,
            message,
            InlineDoor(desk, runtime) if ephemeral else LaneDoor(desk),
            callbacks=callbacks,
            wishes=wishes,
            timeout=seconds,
        )

    async def handle_messages(self, messages: Iterable[Mapping[str, Any]]) -> list[BatchResult]:
        """Several at once: each `{"agent_id": id or runtime, "message": …, "options": {…}}`, in any rooms.

        `options` are the keyword arguments of `handle_message`. One result for each, in order; an entry that
        fails has its error and does not touch the others. Never raises for an entry; StateError for what is
        no list.
        """
        if not isinstance(messages, Iterable) or isinstance(messages, str | bytes | Mapping):
            raise StateError(f"expected a list of messages, found {type(messages).__name__}")

        async def one(entry: Mapping[str, Any]) -> BatchResult:
            agent_id = ""
            try:
                agent, message, options = entry_of(entry, self.handle_message)
                agent_id = agent.agent_id if isinstance(agent, AgentRuntime) else as_id(agent)
                result = await self.handle_message(agent, message, **options)
            except Exception as error:  # noqa: BLE001 - one entry's failure is that entry's result
                return BatchResult(agent_id=agent_id, error=error)
            return BatchResult(agent_id=agent_id, result=result)

        results = list(await asyncio.gather(*(one(entry) for entry in messages)))
        told = tuple(
            events.SentResult(
                agent_id=each.agent_id,
                message_id=each.result.message_id if each.result is not None else "",
                error=self._mask(str(each.error)) if each.error is not None else "",
            )
            for each in results
        )
        self._events.tell(events.MessagesSent(results=told))
        return results
