"""The actions of one message, one after the other: plan, results, working memory, events."""

import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from bot_host.contracts.plugin import (
    Action,
    ActionPlan,
    ActionResult,
    Agent,
    HandlerCallback,
    PlanStep,
    State,
)
from bot_host.kit.clock import utc_now
from bot_host.runtime.actions import canonical, run_call
from bot_host.types.content import Content
from bot_host.types.events import EventType
from bot_host.types.ids import UUID, new_id
from bot_host.types.memory import Memory
from bot_host.types.models import ToolCall

log = logging.getLogger(__name__)

KEPT_RESULTS: Final = 256
"""Messages whose results are kept (elizaOS: all of them, 2.6-10)."""
WORKING_MEMORY: Final = 50
"""Entries, where the setting MAX_WORKING_MEMORY_ENTRIES says nothing (elizaos.md 2.1-03)."""


class ActionResults:
    """What the actions of the latest messages came to."""

    def __init__(self) -> None:
        self._by_message: OrderedDict[UUID, list[tuple[str, ActionResult]]] = OrderedDict()

    def get(self, message_id: UUID) -> list[ActionResult]:
        """The results of a message's actions, in order."""
        return [result for _, result in self._by_message.get(message_id, ())]

    def put(self, message_id: UUID, results: Sequence[tuple[str, ActionResult]]) -> None:
        """Keep them, instead of those before."""
        self._by_message[message_id] = list(results)
        self._by_message.move_to_end(message_id)
        while len(self._by_message) > KEPT_RESULTS:
            self._by_message.popitem(last=False)


class ActionTurn:
    """Runs the actions of one message. Each sees the results and values of those before it.

    The pipeline uses it for the model's tool calls, `process_actions` for a response's `actions`: both
    with the same checks (`run_call`).
    """

    def __init__(
        self,
        agent: Agent,
        actions: Sequence[Action],
        kept: ActionResults,
        *,
        message: Memory,
        state: State,
        callback: HandlerCallback | None = None,
        responses: Sequence[Memory] = (),
        plan: ActionPlan | None = None,
        answering: Sequence[Memory] = (),
    ) -> None:
        self._agent = agent
        self._actions = actions
        self._kept = kept
        self._message = message
        self._callback = callback
        self._responses = responses
        self._plan = plan
        self._answering = answering
        self._limit = _limit(agent)
        self.state = state
        self.results: list[tuple[str, ActionResult]] = []
        """Name and result of each action, in order."""

    async def run(
        self,
        call: ToolCall,
        *,
        message: Memory | None = None,
        ended: Callable[[ActionResult], Awaitable[None]] | None = None,
    ) -> ActionResult:
        """Run one. Never raises for the action's own faults.

        `message`: the one that asked for it, where it is not the turn's newest. `ended` is told the result
        before anybody else is; what it raises goes to the caller.
        """
        name = canonical(self._actions, call.name)
        await self._tell(EventType.ACTION_STARTED, name, f"Executing action: {name}", "executing", None)
        result = await run_call(
            self._agent,
            self._actions,
            call,
            message=message or self._message,
            state=self.state,
            previous=self.results,
            callback=self._callback,
            options={"action_plan": self._plan} if self._plan is not None else {},
            responses=self._responses,
            answering=self._answering,
        )
        if ended is not None:
            await ended(result)
        self.take_over(name, result)
        status = "completed" if result.success else "failed"
        await self._tell(
            EventType.ACTION_COMPLETED, name, result.text or result.error, status, result.success
        )
        return result

    def take_over(self, name: str, result: ActionResult) -> None:
        """Count a result in: of an action that has run just now, or of one that need not run again."""
        self.results.append((name, result))
        self._kept.put(self._message.id, self.results)
        self.state.values.update(result.values)
        self.state.data["action_results"] = [done for _, done in self.results]
        memory = self.state.data.setdefault("working_memory", {})
        memory[f"action_{name}_{new_id()}"] = {
            "action_name": name,
            "result": result,
            "timestamp": utc_now(),
        }
        while len(memory) > self._limit:
            del memory[next(iter(memory))]
        if self._plan is not None and self._plan.current_step <= self._plan.total_steps:
            step = self._plan.steps[self._plan.current_step - 1]
            step.status = "completed" if result.success else "failed"
            step.result = result
            self._plan.current_step += 1

    async def _tell(self, event: EventType, name: str, text: str, status: str, success: bool | None) -> None:
        content = Content.model_validate(
            {
                "text": text,
                "actions": [name],
                "source": self._message.content.source,
                "action_status": status,
                "type": "agent_action",
            }
        )
        await self._agent.emit_event(
            event,
            {
                "action": name,
                "room_id": self._message.room_id,
                "message_id": self._message.id,
                "content": content,
                "success": success,
                "run_id": self._agent.get_current_run_id(),
            },
        )


async def process_actions(
    agent: Agent,
    actions: Sequence[Action],
    kept: ActionResults,
    message: Memory,
    responses: Sequence[Memory],
    state: State,
    callback: HandlerCallback | None,
) -> list[ActionResult]:
    """Run what the responses name, in order; one failing action does not end the others (elizaOS: 2.8-14).

    Arguments come from `content.parameters[NAME]` (a mapping), where a response has them.
    """
    wanted = [(response, name) for response in responses for name in response.content.actions]
    if not wanted:
        return []
    plan = None
    if len(wanted) > 1:
        plan = ActionPlan(
            run_id=agent.get_current_run_id(),
            steps=[PlanStep(action=canonical(actions, name)) for _, name in wanted],
            thought=responses[0].content.thought or "",
        )
        state.data["action_plan"] = plan
    turn = ActionTurn(
        agent,
        actions,
        kept,
        message=message,
        state=state,
        callback=callback,
        responses=responses,
        plan=plan,
    )
    for response, name in wanted:
        given = _given(response, canonical(actions, name), name)
        await turn.run(ToolCall(id=new_id(), name=name, arguments=given))
    return [result for _, result in turn.results]


def _given(response: Memory, *names: str) -> str:
    extra: Mapping[str, Any] = response.content.model_extra or {}
    parameters = extra.get("parameters")
    if isinstance(parameters, Mapping):
        for name in names:
            if isinstance(parameters.get(name), Mapping):
                return json.dumps(parameters[name], ensure_ascii=False)
    return ""


def _limit(agent: Agent) -> int:
    try:
        return max(1, int(agent.get_setting("MAX_WORKING_MEMORY_ENTRIES") or WORKING_MEMORY))
    except (TypeError, ValueError):
        return WORKING_MEMORY
