"""UPDATE_CONTACT: what is known of how to reach somebody, kept as a component of theirs."""

from typing import Any

from bot_host.plugin import (
    Action,
    ActionCall,
    ActionResult,
    Agent,
    Component,
    Entity,
    Role,
    clean_text,
    one_line,
    utc_now,
)
from bot_host.plugins.basics.here import RANK, called, find_person, others_spoke
from bot_host.plugins.basics.knowledge import facts_changed


async def _update(agent: Agent, call: ActionCall) -> ActionResult:
    if why := others_spoke(call):
        return ActionResult(success=False, error=why)
    source = one_line(str(call.arguments["source"]), 40).casefold()
    value = clean_text(str(call.arguments["value"])).strip()
    if not source or not value:
        return ActionResult(success=False, error="name where, and the address or user name there")
    person, why = await _whose(agent, call)
    if person is None:
        return ActionResult(success=False, error=why)
    data: dict[str, Any] = {
        "value": value,
        "source_memory_id": call.message.id,
        "updated_at": utc_now().isoformat(timespec="seconds"),
    }
    type = f"contact:{source}"
    known = await agent.store.get_components(
        agent.agent_id, person.id, type=type, source_entity_id=call.message.entity_id
    )
    mine = [component for component in known if component.agent_id == agent.agent_id]
    if mine:
        await agent.store.update_component(agent.agent_id, mine[0].id, data)
    else:
        await agent.store.create_component(
            Component(
                agent_id=agent.agent_id,
                entity_id=person.id,
                type=type,
                data=data,
                room_id=call.message.room_id,
                world_id=call.message.world_id,
                source_entity_id=call.message.entity_id,
            )
        )
    facts_changed(agent)
    return ActionResult(
        text=f"Noted the {source} contact of {called(person)}.", data={"entity_id": person.id, "type": type}
    )


async def _whose(agent: Agent, call: ActionCall) -> tuple[Entity | None, str]:
    asked = str(call.arguments.get("person", "")).strip()
    sender = await agent.store.find_entity(call.message.entity_id)
    if sender is not None and asked.casefold() in ("", "me", "myself"):
        return sender, ""
    here = await agent.store.get_entities_for_room(call.message.room_id)
    person, why = find_person([each for each in here if each.id != agent.agent_id], asked)
    if person is None or person.id == call.message.entity_id:
        return person, why
    if RANK[await agent.get_sender_role(call.message)] < RANK[Role.ADMIN]:
        return None, "only an ADMIN may change what is noted about somebody else"
    return person, ""


UPDATE_CONTACT = Action(
    name="UPDATE_CONTACT",
    description="Note how to reach the person who asks elsewhere. Only when they ask for that.",
    similes=("UPDATE_ENTITY",),
    handler=_update,
    idempotent=True,
    parameters={
        "type": "object",
        "properties": {
            "source": {
                "type": "string",
                "minLength": 1,
                "maxLength": 40,
                "description": "Where: email, telegram, phone …",
            },
            "value": {
                "type": "string",
                "minLength": 1,
                "maxLength": 500,
                "description": "The address or user name there.",
            },
            "person": {"type": "string", "maxLength": 200, "description": "Whose; whoever asks, if empty."},
        },
        "required": ["source", "value"],
        "additionalProperties": False,
    },
)
