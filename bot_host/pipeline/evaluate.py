"""Looking back after the answer (step 11)."""

import asyncio
import logging
from typing import Final

from bot_host.contracts.plugin import State
from bot_host.runtime.agent import AgentRuntime
from bot_host.types.memory import Memory

log = logging.getLogger(__name__)

EVALUATOR_SECONDS: Final = 60.0
"""The room's next turn waits for its evaluators, but not for ever."""


async def evaluate(agent: AgentRuntime, message: Memory, state: State, *, responded: bool) -> list[str]:
    """Run the evaluators that want to; the names of those that did. A failing one hurts nobody."""
    ran = []
    for evaluator in agent.evaluators:
        if not (responded or evaluator.always_run):
            continue
        try:
            async with asyncio.timeout(EVALUATOR_SECONDS):
                if evaluator.validate is None or await evaluator.validate(agent, message, state):
                    await evaluator.handler(agent, message, state)
                    ran.append(evaluator.name)
        except TimeoutError:
            log.warning("evaluator %s was cut off after %.0f s", evaluator.name, EVALUATOR_SECONDS)
        except Exception:
            log.exception("evaluator %s failed", evaluator.name)
    return ran
