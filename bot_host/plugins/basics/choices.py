"""CHOOSE_OPTION and the provider CHOICE: tasks that wait for somebody's decision.

A task with the tag AWAITING_CHOICE in the room, with `metadata.options` (texts, or `{"name", "description"}`)
and a worker: the worker gets the chosen `option`, and the task is deleted. A task of one person (`entity_id`)
is theirs to decide; others are an ADMIN's in a shared room, and whoever's in a private one.
"""

from collections.abc import Sequence
from typing import Any, Final

from bot_host.plugin import (
    Action,
    ActionCall,
    ActionResult,
    Agent,
    Memory,
    Provider,
    ProviderResult,
    Role,
    State,
    Task,
    one_line,
)
from bot_host.plugins.basics.here import PRIVATE, RANK, others_spoke

TAG: Final = "AWAITING_CHOICE"
ABORT: Final = "ABORT"
SHORT: Final = 8
"""Characters of a task's id that the model is shown (elizaOS's number)."""


def options_of(task: Task) -> list[tuple[str, str]]:
    """Name and description of each."""
    found = []
    given = task.metadata.get("options")
    for option in given if isinstance(given, list) else ():
        if isinstance(option, str):
            found.append((option, ""))
        elif isinstance(option, dict) and isinstance(option.get("name"), str):
            found.append((option["name"], str(option.get("description", ""))))
    return found


async def _waiting(agent: Agent, message: Memory, state: State) -> Sequence[Task]:
    """Read once a message, and only where somebody brought workers that could act on a choice."""
    if not agent.task_workers:
        return ()
    known = state.data.get("choices")
    if isinstance(known, tuple) and known and known[0] == message.room_id:
        waiting: Sequence[Task] = known[1]
        return waiting
    tasks = await agent.store.get_tasks(agent.agent_id, room_id=message.room_id, tags=(TAG,))
    return [task for task in tasks if options_of(task) and agent.get_task_worker(task.name) is not None]


async def _choice(agent: Agent, message: Memory, state: State) -> ProviderResult:
    tasks = await _waiting(agent, message, state)
    parts = []
    for task in tasks:
        lines = [f"{task.id[:SHORT]}: {one_line(task.description or task.name, 300)}"]
        for name, about in options_of(task):
            lines.append(f"- {one_line(name, 60)}{': ' + one_line(about, 200) if about else ''}")
        parts.append("\n".join(lines))
    text = "These wait for a choice (CHOOSE_OPTION):\n" + "\n".join(parts) if parts else ""
    return ProviderResult(text=text, data={"choices": (message.room_id, list(tasks))})


async def _possible(agent: Agent, message: Memory, state: State) -> bool:
    return bool(await _waiting(agent, message, state))


async def _choose(agent: Agent, call: ActionCall) -> ActionResult:
    if why := others_spoke(call):
        return ActionResult(success=False, error=why)
    asked = str(call.arguments["task"]).casefold()
    tasks = await agent.store.get_tasks(agent.agent_id, room_id=call.message.room_id, tags=(TAG,))
    fitting = [task for task in tasks if len(asked) >= SHORT and task.id.casefold().startswith(asked)]
    if len(fitting) != 1:
        return ActionResult(success=False, error=f"no choice waits here under {one_line(asked, 40)}")
    [task] = fitting
    if not await _may(agent, call.message, task):
        return ActionResult(success=False, error="that choice is not the sender's to make")
    wanted = str(call.arguments["option"]).strip().casefold()
    if wanted == ABORT.casefold():
        await agent.store.delete_task(task.id)
        return ActionResult(text="Called off; nothing was done.", data={"task_id": task.id})
    names = [name for name, _ in options_of(task)]
    option = next((name for name in names if name.casefold() == wanted), None)
    if option is None:
        return ActionResult(success=False, error=f"the options are {', '.join([*names, ABORT])}")
    return await _execute(agent, call, task, option)


async def _execute(agent: Agent, call: ActionCall, task: Task, option: str) -> ActionResult:
    worker = agent.get_task_worker(task.name)
    if worker is None:
        return ActionResult(success=False, error=f"nobody here can carry out {task.name}")
    if worker.validate is not None and not await worker.validate(agent, call.message, call.state):
        return ActionResult(success=False, error="that is not possible now")
    given: dict[str, Any] = {**task.metadata, "option": option}
    await worker.execute(agent, given, task)
    await agent.store.delete_task(task.id)
    return ActionResult(text=f"Chosen: {option}.", data={"task_id": task.id, "option": option})


async def _may(agent: Agent, message: Memory, task: Task) -> bool:
    if task.entity_id is not None:
        return task.entity_id == message.entity_id or message.entity_id in agent.owners
    room = await agent.store.find_room(message.room_id)
    if room is not None and room.type in PRIVATE:
        return True
    return RANK[await agent.get_sender_role(message)] >= RANK[Role.ADMIN]


CHOOSE_OPTION = Action(
    name="CHOOSE_OPTION",
    description="Carry out the option that somebody chose, of those that wait for a choice; ABORT drops it.",
    similes=("SELECT_OPTION", "SELECT", "PICK", "CHOOSE"),
    handler=_choose,
    validate=_possible,
    parameters={
        "type": "object",
        "properties": {
            "task": {"type": "string", "minLength": SHORT, "maxLength": 36, "description": "Its id."},
            "option": {"type": "string", "minLength": 1, "maxLength": 200},
        },
        "required": ["task", "option"],
        "additionalProperties": False,
    },
)
CHOICE = Provider(name="CHOICE", description="What waits for a choice.", get=_choice, position=70)
