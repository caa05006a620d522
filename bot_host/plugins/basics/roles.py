"""Who may do what in a world: UPDATE_ROLE and the provider ROLES.

An OWNER may give and take any role. An ADMIN may act on people without a role only, and gives ADMIN at most.
Nobody changes their own role; the world's own owner and the bot's owners have theirs from elsewhere.
"""

from bot_host.plugin import (
    Action,
    ActionCall,
    ActionResult,
    Agent,
    Entity,
    Memory,
    Provider,
    ProviderResult,
    Role,
    State,
    World,
)
from bot_host.plugins.basics.here import PRIVATE, RANK, called, find_person, handles, role_here, world_of


async def _possible(agent: Agent, message: Memory, state: State) -> bool:
    if message.content.channel_type is None or message.content.channel_type in PRIVATE:
        return False
    return RANK[await role_here(agent, message, state)] >= RANK[Role.ADMIN]


async def _update(agent: Agent, call: ActionCall) -> ActionResult:
    wanted = Role(call.arguments["role"])
    room = await agent.store.find_room(call.message.room_id)
    world = await agent.store.find_world(room.world_id) if room is not None and room.world_id else None
    if world is None:
        return ActionResult(success=False, error="this room belongs to no world that could have roles")
    people = await agent.store.get_entities_for_room(call.message.room_id)
    person, why = find_person(
        [each for each in people if each.id != agent.agent_id], str(call.arguments["person"])
    )
    if person is None:
        return ActionResult(success=False, error=why)
    why = _why_not(agent, await agent.get_sender_role(call.message), call.message, world, person, wanted)
    if why:
        return ActionResult(success=False, error=why)
    before = await agent.set_role(world.id, person.id, wanted, actor=call.message.entity_id)
    return ActionResult(
        text=f"{called(person)} is {wanted} now (was {before}).",
        data={"entity_id": person.id, "world_id": world.id, "before": str(before), "after": str(wanted)},
    )


def _why_not(agent: Agent, mine: Role, message: Memory, world: World, person: Entity, wanted: Role) -> str:
    if person.id == message.entity_id:
        return "nobody changes their own role"
    if person.id in agent.owners:
        return f"{called(person)} is an owner of this bot by its config"
    if person.id == world.owner_id:
        return f"{called(person)} owns this place on its platform"
    if mine is Role.OWNER:
        return ""
    if RANK[world.role_of(person.id)] >= RANK[mine]:
        return f"an {mine} cannot change the role of an {world.role_of(person.id)}"
    if RANK[wanted] > RANK[mine]:
        return f"an {mine} cannot make somebody {wanted}"
    return ""


async def _roles(agent: Agent, message: Memory, state: State) -> ProviderResult:
    world = await world_of(agent, message, state)
    if world is None or message.content.channel_type in PRIVATE:
        return ProviderResult()
    given = world.metadata.get("roles")
    ids = [world.owner_id, *agent.owners, *(given if isinstance(given, dict) else {})]
    people = await agent.store.get_entities([entity_id for entity_id in ids if entity_id])
    lines: list[str] = []
    for role in (Role.OWNER, Role.ADMIN):
        having = [
            each
            for each in people.values()
            if (Role.OWNER if each.id in agent.owners else world.role_of(each.id)) is role
        ]
        lines.extend(f"- {_named(each)}: {role}" for each in sorted(having, key=_named))
    text = "Roles here (everybody else has none):\n" + "\n".join(lines) if lines else ""
    return ProviderResult(text=text)


def _named(entity: Entity) -> str:
    return f"{called(entity)} ({handle})" if (handle := next(iter(handles(entity)), "")) else called(entity)


UPDATE_ROLE = Action(
    name="UPDATE_ROLE",
    description="Give a person of this room a role, or take it away. Only when somebody asks for that.",
    similes=("CHANGE_ROLE", "SET_PERMISSIONS", "ASSIGN_ROLE", "MAKE_ADMIN"),
    handler=_update,
    validate=_possible,
    required_role=Role.ADMIN,
    confirm=True,
    idempotent=True,
    parameters={
        "type": "object",
        "properties": {
            "person": {
                "type": "string",
                "minLength": 1,
                "maxLength": 200,
                "description": "User name, or name where only one person has it.",
            },
            "role": {"type": "string", "enum": [str(role) for role in Role]},
        },
        "required": ["person", "role"],
        "additionalProperties": False,
    },
)
ROLES = Provider(
    name="ROLES", description="Who is OWNER or ADMIN here.", get=_roles, dynamic=True, position=54
)
