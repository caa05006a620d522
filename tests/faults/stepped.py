"""The host as it is, but for one thing: what a message goes through stops at the step that a file names.

`python tests/faults/stepped.py --config config.toml` is `python -m bot_host --config config.toml`. When the
file `stop_at` in the working folder holds the name of a step, whatever reaches that step from then on stays
there for ever, a line on standard error says so, and all the rest goes on: the moment for a `kill -9`. The
variable SEND_SECONDS is how long a platform may take for a message. This is the test build; nothing of it is
in the package that is installed.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bot_host.cli import main
from bot_host.host import sender, task_workers
from bot_host.host.scheduler import Scheduler
from bot_host.host.sender import Sender
from bot_host.pipeline import journey, respond
from bot_host.store.database import Database
from bot_host.types.turn import StepState

STOP_AT = Path("stop_at")
Check = Callable[..., bool]


async def reach(step: str) -> None:
    """Stay here for ever if this is the step."""
    if STOP_AT.exists() and STOP_AT.read_text(encoding="utf-8") == step:
        os.write(2, f"stopped at {step}.\n".encode())
        await asyncio.Event().wait()


def around(
    owner: Any,
    name: str,
    *,
    before: str = "",
    after: str = "",
    given: Check = lambda *_, **__: True,
    got: Check = bool,
) -> None:
    """Make a coroutine function of `owner` one that reaches a step before its work, and one after it.

    Only where `given` holds of its arguments, and `got` of its result.
    """
    real: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def stepped(*arguments: Any, **named: Any) -> Any:
        counts = given(*arguments, **named)
        if before and counts:
            await reach(before)
        result = await real(*arguments, **named)
        if after and counts and got(result):
            await reach(after)
        return result

    setattr(owner, name, stepped)


def ends_well(store: Database, row: Any, **_: Any) -> bool:
    return row.state is StepState.DONE


async def evaluate(*arguments: Any, **named: Any) -> Any:
    done = await evaluated(*arguments, **named)
    await reach("evaluated")
    os.write(2, b"a turn is over.\n")
    return done


evaluated = journey.evaluate
journey.evaluate = evaluate
around(Database, "admit", before="received", after="admitted")
around(Database, "take_turn", after="taken", got=lambda taken: bool(taken.rows))
around(journey, "decide_all", after="gated")
around(journey, "compose", after="composed")
around(respond, "_ask", after="model answered")
around(Database, "add_steps", after="step written")
around(Database, "change_step", before="action done", after="step completed", given=ends_well)
around(Database, "commit_turn", after="committed", got=lambda queued: queued is not None)
around(Sender, "_send", before="sending marked")
around(
    Database,
    "mark_sent",
    before="sent",
    after="part by part",
    got=lambda following: following is not None,
)
around(Sender, "_record", after="recorded")
around(Database, "claim_due", after="task claimed")
around(Scheduler, "_execute", after="task executed")
around(Database, "finish_occurrence", after="task ended", given=lambda *_, error, **__: not error)
task_workers.CONNECT_SECONDS = 0.1  # type: ignore[misc]
sender.SEND_SECONDS = float(os.environ.get("SEND_SECONDS", sender.SEND_SECONDS))  # type: ignore[misc]

if __name__ == "__main__":
    main(prog_name="python -m bot_host")
