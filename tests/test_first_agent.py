"""Five minutes to the first agent, in code: the lines of the documentation, as a script."""

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import asyncio
from uuid import uuid4

from bot_host import BotHost, Character


async def main():
    user_id, room_id = uuid4(), uuid4()
    host = BotHost()
    [agent_id] = await host.add_agents(
        [{"character": Character(name="Assistant", bio=["A helpful assistant"])}]
    )
    await host.start_agents()
    result = await host.handle_message(
        agent_id,
        {"entity_id": user_id, "room_id": room_id, "content": {"text": "Hello!", "source": "web"}},
    )
    print(result.processing.text)


asyncio.run(main())
"""

LIGHT = """
import sys

import bot_host

heavy = "discord telegram slack_bolt openai aiohttp starlette uvicorn sqlalchemy alembic apscheduler"
sys.exit(", ".join(name for name in heavy.split() if name in sys.modules) or 0)
"""


def test_the_script_answers_and_ends_though_it_never_stops_the_host(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_readmes_lines_run_as_they_are(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    [script] = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert list(tmp_path.iterdir()) == []


def test_importing_bot_host_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"import bot_host loads {done.stderr}"
