"""Looking back after the answer (step 11)."""

import asyncio
import logging
from typing import Final

from bot_host.contracts.plugin import State
from bot_host.runtime.agent import AgentRuntime
from bot_host.types.memory import Memory

log = logging.getLogger(__name__)

EVALUATOR_SECONDS: Final = 60.0
"""The room's next turn waits for its evaluators, but not for ever. Together, not one by one."""


async def evaluate(agent: AgentRuntime, message: Memory, state: State, *, responded: bool) -> list[str]:
    """Run the evaluators that want to; the names of those that did. A failing one hurts nobody."""
    try:
        async with asyncio.timeout(EVALUATOR_SECONDS):
            done = await agent.evaluate(message, state, did_respond=responded)
    except TimeoutError:
        log.warning("the evaluators were cut off after %.0f s", EVALUATOR_SECONDS)
        return []
    return [evaluator.name for evaluator in done]
