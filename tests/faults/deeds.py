"""A plugin whose actions leave a line in a file each time that they run. Hosts load it by its path.

The process kills itself (`kill -9`) at the moment that the file `die_at` beside it names; that goes first.
"""

import asyncio
import os
import signal
from pathlib import Path

from bot_host.plugin import Action, ActionCall, ActionResult, Agent, Content, Event, Plugin

HERE = Path(__file__).parent


def moment(name: str) -> None:
    file = HERE / "die_at"
    if file.exists() and file.read_text(encoding="utf-8") == name:
        file.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


async def do(agent: Agent, call: ActionCall) -> ActionResult:
    moment("before the effect")
    with (HERE / "deeds").open("a", encoding="utf-8") as deeds:
        deeds.write(f"{call.arguments['sum']}\n")
    moment("after the effect")
    assert call.callback is not None
    await call.callback(Content(text="Working on it."))
    moment("after its words")
    while (HERE / "wait").exists():
        await asyncio.sleep(0.01)
    return ActionResult(text=f"{call.arguments['sum']} is done.")


async def note(agent: Agent, call: ActionCall) -> ActionResult:
    """Says nothing while it works."""
    with (HERE / "deeds").open("a", encoding="utf-8") as deeds:
        deeds.write(f"{call.arguments['sum']}\n")
    return ActionResult(text=f"{call.arguments['sum']} is done.")


async def model_answered(agent: Agent, event: Event) -> None:
    moment(f"model answered {(HERE / 'deeds').exists()}")


async def ended(agent: Agent, event: Event) -> None:
    moment("after the step")


PARAMETERS = {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}
plugin = Plugin(
    name="deeds",
    actions=(
        Action(name="PAY", description="Pay a sum.", handler=do, parameters=PARAMETERS),
        Action(name="SET", description="Set a sum.", handler=do, parameters=PARAMETERS, idempotent=True),
        Action(name="NOTE", description="Note a sum.", handler=note, parameters=PARAMETERS),
    ),
    events={"MODEL_USED": [model_answered], "ACTION_COMPLETED": [ended]},
)
