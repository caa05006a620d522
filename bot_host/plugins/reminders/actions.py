"""Make, list, change and cancel a person's own reminders."""

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from bot_host.plugin import (
    Action,
    ActionCall,
    ActionResult,
    Agent,
    ChannelType,
    Memory,
    State,
    StateError,
    Task,
    create_unique_uuid,
    one_line,
    utc_now,
)
from bot_host.plugins.reminders.when import REPEATS, cron_of, moment_of

TAG: Final = "reminder"
TAGS: Final = ("queue", TAG)
MOST: Final = 50
"""Reminders of one person."""
CHARS: Final = 500
PRIVATE: Final = (ChannelType.DM, ChannelType.VOICE_DM, ChannelType.SELF, ChannelType.API)
HAS: Final = "has_reminders"
"""In the state's data: asked of the store once a message."""
UNHEARD: Final = (
    ". Tell the person: nothing can be sent to them here by itself, so it will only stand in this "
    "conversation when they come back after that time."
)
NEVER: Final = "none"


async def _own(agent: Agent, message: Memory) -> list[Task]:
    """In company only those of this room: what somebody wrote in private is not for the others."""
    everywhere = message.content.channel_type in PRIVATE
    found = await agent.get_tasks(
        entity_id=message.entity_id, tags=(TAG,), room_id=None if everywhere else message.room_id
    )
    return sorted(found, key=lambda task: (task.due_at is None, task.due_at))


async def _has(agent: Agent, message: Memory, state: State) -> bool:
    if HAS not in state.data:
        state.data[HAS] = bool(await _own(agent, message))
    return bool(state.data[HAS])


def _zone(agent: Agent) -> ZoneInfo:
    name = str(agent.get_setting("TIME_ZONE") or "UTC")
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f'the setting TIME_ZONE names no time zone: "{name[:60]}"') from error


def _line(task: Task, zone: ZoneInfo) -> str:
    when = f"{task.due_at.astimezone(zone):%A %Y-%m-%d %H:%M} {zone.key}" if task.due_at else "never"
    repeat = task.metadata.get("repeat", "")
    paused = "" if task.state == "active" else f", {task.state}: {task.last_error}"
    return f"{task.id[:8]}: {task.metadata.get('about', '')} ({when}{repeat and f', {repeat}'}{paused})"


async def _words(agent: Agent, message: Memory, about: str) -> str:
    person = await agent.store.find_entity(message.entity_id)
    name = one_line(person.names[0], 60) if person and person.names else ""
    # By name and no more: characters that make a mention on some platform are left out.
    name = "".join(c for c in name if c not in "@<>&#").strip()
    return f"{name}, you asked to be reminded: {about}" if name else f"You asked to be reminded: {about}"


def _about(given: Any) -> str:
    about = one_line(str(given), CHARS)
    if not about:
        raise ValueError("text: what to remind of is missing")
    return about


async def _remind(agent: Agent, call: ActionCall) -> ActionResult:
    message, given = call.message, call.arguments
    try:
        zone = _zone(agent)
        about = _about(given["text"])
        due = moment_of(str(given["when"]), asked=message.created_at, now=utc_now(), zone=zone)
        repeat = str(given.get("repeat") or "")
        cron = cron_of(repeat, due, zone) if repeat and repeat != NEVER else ""
        if len(await agent.get_tasks(entity_id=message.entity_id, tags=(TAG,))) >= MOST:
            raise ValueError(f"{MOST} reminders are the most; cancel one first")
    except ValueError as error:
        return ActionResult(success=False, error=str(error), text=str(error))
    task = Task(
        # A turn that is begun again after a kill asks for the same.
        id=create_unique_uuid(agent.agent_id, f"reminder:{message.id}:{about}:{given['when']}:{repeat}"),
        agent_id=agent.agent_id,
        name="text",
        description=about[:100],
        room_id=message.room_id,
        world_id=message.world_id,
        entity_id=message.entity_id,
        tags=TAGS,
        metadata={
            "text": await _words(agent, message, about),
            "about": about,
            **({"repeat": repeat} if cron else {}),
        },
        due_at=due,
        cron=cron,
        time_zone=zone.key,
    )
    await agent.create_task(task)
    call.state.data[HAS] = True
    heard = await _reaches(agent, message)
    return ActionResult(
        text=f"Noted. {_line(task, zone)}{'' if heard else UNHEARD}",
        data={"task_id": task.id, "reaches_person": heard},
    )


async def _reaches(agent: Agent, message: Memory) -> bool:
    room = await agent.store.find_room(message.room_id)
    return room is not None and agent.host is not None and agent.host.reaches(agent.agent_id, room)


async def _list(agent: Agent, call: ActionCall) -> ActionResult:
    try:
        zone = _zone(agent)
    except ValueError as error:
        return ActionResult(success=False, error=str(error), text=str(error))
    lines = [_line(task, zone) for task in await _own(agent, call.message)]
    return ActionResult(text="\n".join(lines) or "There are no reminders.")


async def _find(agent: Agent, call: ActionCall) -> Task:
    wanted = str(call.arguments["id"]).strip().casefold()
    own = await _own(agent, call.message)
    fits = [task for task in own if wanted and task.id.startswith(wanted)] or [
        task for task in own if wanted and wanted in str(task.metadata.get("about", "")).casefold()
    ]
    if len(fits) == 1:
        return fits[0]
    lines = [_line(task, _zone(agent)) for task in fits or own]
    which = "several fit" if fits else "none fits"
    raise ValueError(f"{which}; there are:\n" + "\n".join(lines) if lines else "there are no reminders")


async def _change(agent: Agent, call: ActionCall) -> ActionResult:
    given = call.arguments
    try:
        task, zone = await _find(agent, call), _zone(agent)
        fields: dict[str, Any] = {"metadata": dict(task.metadata)}
        if given.get("text"):
            about = _about(given["text"])
            fields["metadata"] |= {"about": about, "text": await _words(agent, call.message, about)}
            fields["description"] = about[:100]
        if given.get("when"):
            asked = call.message.created_at
            fields["due_at"] = moment_of(str(given["when"]), asked=asked, now=utc_now(), zone=zone)
            fields["state"] = type(task.state).ACTIVE
        fields |= _repeated(task, given, fields, zone)
        if fields["metadata"] == task.metadata and fields.keys() == {"metadata"}:
            raise ValueError("nothing to change: give text, when or repeat")
        await agent.update_task(task.id, fields)
    except (ValueError, StateError) as error:
        return ActionResult(success=False, error=str(error), text=str(error))
    changed = await agent.get_task(task.id)
    return ActionResult(text=f"Changed. {_line(changed or task, zone)}", data={"task_id": task.id})


def _repeated(task: Task, given: Mapping[str, Any], fields: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """What a new time or a new rhythm means for the cron text."""
    repeat = str(given.get("repeat") or task.metadata.get("repeat") or "")
    due = fields.get("due_at", task.due_at)
    if due is None or not (given.get("repeat") or given.get("when")):
        return {}
    if not repeat or repeat == NEVER:
        fields["metadata"].pop("repeat", None)
        return {"cron": "", "due_at": due}
    fields["metadata"]["repeat"] = repeat
    return {"cron": cron_of(repeat, due, zone), "time_zone": zone.key, "due_at": due}


async def _cancel(agent: Agent, call: ActionCall) -> ActionResult:
    try:
        task = await _find(agent, call)
    except ValueError as error:
        return ActionResult(success=False, error=str(error), text=str(error))
    await agent.delete_task(task.id)
    return ActionResult(text=f"Cancelled: {task.metadata.get('about', '')}", data={"task_id": task.id})


_TEXT: Final = {"type": "string", "description": "what to remind of, in the person's words"}
_WHEN: Final = {"type": "string", "description": 'ISO time, or "in 10 minutes" (hours, days, weeks)'}
_ID: Final = {"type": "string", "description": "the reminder's id, or words of it"}

REMIND_ME = Action(
    name="REMIND_ME",
    description="Remind the person of something later, here.",
    similes=("SET_REMINDER", "CREATE_REMINDER", "ADD_REMINDER"),
    handler=_remind,
    idempotent=True,
    parameters={
        "type": "object",
        "properties": {"text": _TEXT, "when": _WHEN, "repeat": {"type": "string", "enum": list(REPEATS)}},
        "required": ["text", "when"],
    },
)
LIST_REMINDERS = Action(
    name="LIST_REMINDERS",
    description="The person's own reminders.",
    similes=("SHOW_REMINDERS", "GET_REMINDERS"),
    handler=_list,
    validate=_has,
    idempotent=True,
)
CHANGE_REMINDER = Action(
    name="CHANGE_REMINDER",
    description="Change the text, time or rhythm of the person's own reminder.",
    similes=("UPDATE_REMINDER", "SNOOZE_REMINDER", "MOVE_REMINDER"),
    handler=_change,
    validate=_has,
    parameters={
        "type": "object",
        "properties": {
            "id": _ID,
            "text": _TEXT,
            "when": _WHEN,
            "repeat": {"type": "string", "enum": [*REPEATS, NEVER]},
        },
        "required": ["id"],
    },
)
CANCEL_REMINDER = Action(
    name="CANCEL_REMINDER",
    description="Cancel the person's own reminder.",
    similes=("DELETE_REMINDER", "REMOVE_REMINDER"),
    handler=_cancel,
    validate=_has,
    parameters={"type": "object", "properties": {"id": _ID}, "required": ["id"]},
)
