"""Looking back after a turn: the evaluators that want to, together, each contained."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from bot_host.contracts.plugin import Agent, Evaluator, State
from bot_host.types.events import EventType
from bot_host.types.memory import Memory

log = logging.getLogger(__name__)

EVALUATOR_SECONDS: Final = 120.0
"""An evaluator that takes longer is given up: the room's next turn waits for it."""


async def evaluate(
    agent: Agent, evaluators: Sequence[Evaluator], message: Memory, state: State, *, responded: bool
) -> list[Evaluator]:
    """Run those that want to; those that did. EVALUATOR_STARTED and _COMPLETED are told of each."""
    chosen = [evaluator for evaluator in evaluators if responded or evaluator.always_run]
    done = await asyncio.gather(*(_run(agent, evaluator, message, state) for evaluator in chosen))
    return [evaluator for evaluator, ran in zip(chosen, done, strict=True) if ran]


async def _run(agent: Agent, evaluator: Evaluator, message: Memory, state: State) -> bool:
    error = ""
    told = {"evaluator": evaluator.name, "message_id": message.id}
    try:
        async with asyncio.timeout(EVALUATOR_SECONDS):
            if evaluator.validate is not None and not await evaluator.validate(agent, message, state):
                return False
            await agent.emit_event(EventType.EVALUATOR_STARTED, told)
            await evaluator.handler(agent, message, state)
    except TimeoutError:
        error = f"took more than {EVALUATOR_SECONDS:.0f} s"
        log.warning("evaluator %s %s and was given up", evaluator.name, error)
    except Exception as failure:
        error = type(failure).__name__
        log.exception("evaluator %s failed", evaluator.name)
    await agent.emit_event(EventType.EVALUATOR_COMPLETED, {**told, "error": error})
    return not error
