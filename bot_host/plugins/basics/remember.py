"""REMEMBER and FORGET_FACT: what people ask the agent to keep, and to keep no longer."""

from typing import Any, Final

from bot_host.plugin import (
    Action,
    ActionCall,
    ActionResult,
    Agent,
    Audience,
    Memory,
    MemoryType,
    Room,
    one_line,
)
from bot_host.plugins.basics.facts import FACT_LENGTH, HERE, about, ears_of, keep_fact, plain
from bot_host.plugins.basics.here import find_person, others_spoke
from bot_host.plugins.basics.knowledge import facts_changed, reflection_key

MOST: Final = 1000
"""Facts of one person that are looked through."""
SELF: Final = frozenset({"", "me", "myself", "i", "user", "sender"})
US: Final = frozenset({"us", "we", "here", "room", "group", "channel", "server"})
EVERYONE: Final = frozenset({"everyone", "everybody", "all"})


async def _remember(agent: Agent, call: ActionCall) -> ActionResult:
    if why := others_spoke(call):
        return ActionResult(success=False, error=why)
    text, message = one_line(str(call.arguments["fact"]), FACT_LENGTH), call.message
    room = await agent.store.find_room(message.room_id)
    if not plain(text) or room is None:
        return ActionResult(success=False, error="say in a few words what to remember")
    whom = one_line(str(call.arguments.get("about") or ""), 60)
    if whom.casefold() in EVERYONE and message.entity_id not in agent.owners:
        return ActionResult(success=False, error="only an owner of the bot may have everyone told something")
    known = await agent.store.heard_facts(
        agent.agent_id,
        await agent.hearing(message),
        entity_ids=[message.entity_id, agent.agent_id],
        count=MOST,
    )
    old = _replaced(agent, call, known)
    kept = await _keep(agent, call, text, room, whom, known, old)
    facts_changed(agent)
    return ActionResult(text="Noted." if kept else "That is known already.", data={"kept": kept is not None})


async def _keep(
    agent: Agent,
    call: ActionCall,
    text: str,
    room: Room,
    whom: str,
    known: list[Memory],
    old: Memory | None,
) -> Memory | None:
    message, asked = call.message, whom.casefold()
    wished = Audience.ENTITY if call.arguments.get("private") else None
    kept: dict[str, Any] = {"source": message, "room": room, "confidence": 1.0, "known": known}
    if asked in EVERYONE:
        return await keep_fact(
            agent, text, **kept, audience=Audience.AGENT, replaces=old, speaker=agent.agent_id
        )
    of, others = "", False
    if asked in US:
        of = HERE
    elif asked not in SELF:
        here = await agent.store.get_entities_for_room(room.id)
        person, _ = find_person([each for each in here if each.id != agent.agent_id], whom)
        if person is None:
            # Nobody whom the agent knows by that name here: then the name is a part of what was said.
            of, text = HERE, one_line(f"{whom}: {text}", FACT_LENGTH)
        elif person.id != message.entity_id:
            of = person.id
        others = person is None or bool(of)
    ears = ears_of(room, of_others=others)
    return await keep_fact(agent, text, **kept, audience=ears, of=of, replaces=old, wished=wished)


def _replaced(agent: Agent, call: ActionCall, known: list[Memory]) -> Memory | None:
    """The fact that is put right, of those that the asking person told."""
    wanted, me = plain(str(call.arguments.get("replaces") or "")), call.message.entity_id
    if not wanted:
        return None
    told = {me, agent.agent_id} if me in agent.owners else {me}
    mine = [fact for fact in known if fact.entity_id in told]
    return next(iter(_fitting(mine, wanted)), None)


def _fitting(facts: list[Memory], wanted: str) -> list[Memory]:
    exact = [fact for fact in facts if plain(fact.content.text) == wanted]
    return exact or [fact for fact in facts if f" {wanted} " in f" {plain(fact.content.text)} "]


async def _forget(agent: Agent, call: ActionCall) -> ActionResult:
    if why := others_spoke(call):
        return ActionResult(success=False, error=why)
    me = call.message.entity_id
    mine = await agent.store.list_memories(agent.agent_id, type=MemoryType.FACT, entity_id=me, count=MOST)
    # What others said here about the person is theirs to take back too; elsewhere they cannot know of it.
    said = await agent.store.heard_facts(
        agent.agent_id,
        await agent.hearing(call.message),
        entity_ids=[agent.agent_id],
        room_id=call.message.room_id,
        count=MOST,
    )
    mine += [fact for fact in said if fact.entity_id != me and about(fact) == me]
    if call.arguments.get("all"):
        chosen = mine
    else:
        if me in agent.owners:
            mine += [fact for fact in said if fact.entity_id == agent.agent_id]
        wanted = plain(str(call.arguments.get("fact", "")))
        if not wanted:
            return ActionResult(success=False, error="say which fact, or all of them")
        chosen = _fitting(mine, wanted)
    # Also without a hit: what was said so far, and the wish itself, are not to be learned later on.
    await agent.store.set_cache(
        agent.agent_id, reflection_key(call.message.room_id), call.message.created_at.isoformat()
    )
    if not chosen:
        return ActionResult(success=False, error="no such fact is kept about the person who asks")
    count = await agent.store.delete_memories([fact.id for fact in chosen])
    return ActionResult(
        text=f"Forgotten: {len(chosen)} fact{'s' if len(chosen) != 1 else ''}.", data={"deleted": count}
    )


REMEMBER = Action(
    name="REMEMBER",
    description="Keep a fact, or put a known one right. Only when they ask for that.",
    similes=("REMEMBER_FACT", "CORRECT", "CORRECT_FACT", "NOTE", "SAVE_FACT"),
    handler=_remember,
    idempotent=True,
    parameters={
        "type": "object",
        "properties": {
            "fact": {
                "type": "string",
                "minLength": 1,
                "maxLength": FACT_LENGTH,
                "description": 'One short sentence without its subject: "lives in Berlin".',
            },
            "about": {
                "type": "string",
                "maxLength": 60,
                "description": "me (if empty), us (this room), everyone (owners only), or somebody's name.",
            },
            "replaces": {
                "type": "string",
                "maxLength": 500,
                "description": "The known fact that is not true any more, or a part of it.",
            },
            "private": {"type": "boolean", "description": "They want it kept between you two."},
        },
        "required": ["fact"],
        "additionalProperties": False,
    },
)
FORGET_FACT = Action(
    name="FORGET_FACT",
    description="Forget a fact about the person who asks, or all of them. Only when they ask for that.",
    similes=("FORGET", "FORGET_THAT", "DELETE_FACT"),
    handler=_forget,
    idempotent=True,
    parameters={
        "type": "object",
        "properties": {
            "fact": {
                "type": "string",
                "maxLength": 500,
                "description": "The fact as you know it, or a part.",
            },
            "all": {"type": "boolean", "description": "Everything that is known of them."},
        },
        "additionalProperties": False,
    },
)
