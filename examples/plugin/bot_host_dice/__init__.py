"""Throws dice. A plugin imports `bot_host.plugin` and nothing else of Bot Host."""

import random
from typing import ClassVar, Self

from sqlalchemy import Column, Integer, MetaData, Table, bindparam, func, insert, select

from bot_host.plugin import (
    Action,
    ActionCall,
    ActionResult,
    Agent,
    EntityId,
    Id,
    Memory,
    Moment,
    Plugin,
    Provider,
    ProviderResult,
    Schema,
    State,
    utc_now,
)

TABLES = MetaData()
throws = Table(
    "plugin_dice_throws",
    TABLES,
    Column("id", Integer, primary_key=True),
    # All agents of a database share the tables.
    Column("agent_id", Id, nullable=False, index=True),
    # Rows go when this person is erased.
    Column("entity_id", EntityId, nullable=False, index=True),
    Column("total", Integer, nullable=False),
    Column("thrown_at", Moment, nullable=False),
    # They stay until the person goes; `kept_days` and `kept_by` would have the host delete old ones.
    info={"kept": "the best throw counts, however old"},
)
BEST = select(func.max(throws.c.total).label("best")).where(throws.c.agent_id == bindparam("agent"))


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
    await agent.tables("dice").execute(
        insert(throws),
        agent_id=agent.agent_id,
        entity_id=call.message.entity_id,
        total=sum(thrown),
        thrown_at=utc_now(),
    )
    return ActionResult(text=f"Thrown: {thrown}, together {sum(thrown)}.", values={"thrown": thrown})


async def _record(agent: Agent, message: Memory, state: State) -> ProviderResult:
    row = await agent.tables("dice").fetch_one(BEST, agent=agent.agent_id)
    best = row and row["best"]
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
    schema=Schema(tables=TABLES),
    priority=50,
)
