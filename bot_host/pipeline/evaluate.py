"""Looking back after the answer (step 11)."""

import asyncio
import logging
from contextlib import nullcontext
from dataclasses import replace
from typing import Final

from bot_host.contracts.plugin import State
from bot_host.runtime.agent import AgentRuntime
from bot_host.runtime.runs import Run, current_run
from bot_host.types.errors import StoreError
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.turn import RunRecord

log = logging.getLogger(__name__)

EVALUATOR_SECONDS: Final = 60.0
"""The room's next turn waits for its evaluators, but not for ever. Together, not one by one."""


async def evaluate(agent: AgentRuntime, message: Memory, state: State, *, responded: bool) -> list[str]:
    """Run the evaluators that want to; the names of those that did. A failing one hurts nobody."""
    run = current_run()
    try:
        with run.step("evaluate") if run is not None else nullcontext():
            async with asyncio.timeout(EVALUATOR_SECONDS):
                done = await agent.evaluate(message, state, did_respond=responded)
    except TimeoutError:
        log.warning("the evaluators were cut off after %.0f s", EVALUATOR_SECONDS)
        return []
    return [evaluator.name for evaluator in done]


async def note_evaluation(
    agent: AgentRuntime, run: Run, committed: RunRecord, *, entity_id: UUID | None
) -> None:
    """What evaluators asked of models after the turn's commit belongs to the run, too: it has its cost.

    Nothing is written when they asked nothing.
    """
    after = run.record(committed.status)
    asked = len(after.model_calls) - len(committed.model_calls)
    if not asked:
        return
    try:
        after = replace(after, ended_at=committed.ended_at)
        await agent.store.amend_run(after, asked, entity_id=entity_id)
    except StoreError as error:
        log.warning("%d model calls of evaluators are not on record: %s", asked, error)
