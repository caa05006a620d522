"""Throws dice. A plugin imports `bot_host.plugin` and nothing else of Bot Host."""

import random
from typing import ClassVar, Self

from bot_host.plugin import (
    Action,
    ActionCall,
    ActionResult,
    Agent,
    Memory,
    Plugin,
    Provider,
    ProviderResult,
    State,
)


class Cup:
    """A service: one a running agent, made when it starts and stopped with it."""

    service_type: ClassVar[str] = "dice"

    def __init__(self, seed: str | None) -> None:
        self._random = random.Random(seed)

    @classmethod
    async def start(cls, agent: Agent) -> Self:
        seed = agent.get_setting("DICE_SEED")
        return cls(str(seed) if seed is not None else None)

    async def stop(self) -> None:
        """Nothing to let go of."""

    def throw(self, count: int, sides: int) -> list[int]:
        return [self._random.randint(1, sides) for _ in range(count)]


async def _throw(agent: Agent, call: ActionCall) -> ActionResult:
    cup: Cup | None = agent.get_service(Cup.service_type)
    if cup is None:
        return ActionResult(success=False, error="the dice are lost")
    # The host has checked the arguments against `parameters` below.
    thrown = cup.throw(call.arguments.get("count", 1), call.arguments.get("sides", 6))
    best = max(sum(thrown), await _best(agent))
    await agent.store.set_cache(agent.agent_id, "dice best", best)
    return ActionResult(text=f"Thrown: {thrown}, together {sum(thrown)}.", values={"thrown": thrown})


async def _best(agent: Agent) -> int:
    return int(await agent.store.get_cache(agent.agent_id, "dice best") or 0)


async def _record(agent: Agent, message: Memory, state: State) -> ProviderResult:
    best = await _best(agent)
    return ProviderResult(text=f"The best throw of the dice so far is {best}." if best else "")


plugin = Plugin(
    name="dice",
    description="Throws dice.",
    actions=(
        Action(
            name="THROW_DICE",
            description="Throw dice when somebody asks for it.",
            similes=("ROLL_DICE",),
            parameters={
                "type": "object",
                "properties": {
                    "count": {"type": "integer", "minimum": 1, "maximum": 20},
                    "sides": {"type": "integer", "minimum": 2, "maximum": 100},
                },
            },
            handler=_throw,
        ),
    ),
    providers=(Provider(name="DICE_RECORD", description="The best throw.", get=_record, position=60),),
    services=(Cup,),
    priority=50,
)
