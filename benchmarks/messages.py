"""Messages through the whole host with an instant model: our own CPU, on a file.

    python -m benchmarks.messages [messages]

Prints milliseconds of CPU and messages a second for one room in sequence and for 100 rooms at once. Asserts
nothing: machines differ; compare figures of one run.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from bot_host.connector import ConnectorConfig
from bot_host.host import BotHost
from bot_host.runtime import AgentOptions
from bot_host.store import make_store
from bot_host.testing import FakePlatform, ScriptedModel


async def _measure(name: str, rooms: int, messages: int, folder: Path) -> None:
    model = ScriptedModel()
    platform = FakePlatform(limit=4000)
    host = BotHost(store=make_store("sqlite:///bench.db", base=folder), data_dir=folder)
    try:
        [agent_id] = await host.add_agents(
            [
                {
                    "character": {"name": "Bench", "bio": ["Answers."]},
                    "plugins": ["basics", model.plugin],
                    "options": AgentOptions(busy_mode="each"),
                }
            ]
        )
        await host.start_agents()
        host.add_connector(platform, ConnectorConfig(), name="fake", agent_id=agent_id)
        host.start_connectors()
        await platform.say("warm up", room="warm")
        await platform.wait_sent(1)
        cpu, wall = time.process_time(), time.perf_counter()

        async def one_room(room: int) -> None:
            for n in range(messages // rooms):
                await platform.say(f"message {n}", room=f"{name} {room}")
                if rooms == 1:
                    await platform.wait_sent(n + 2)

        async with asyncio.TaskGroup() as group:
            for room in range(rooms):
                group.create_task(one_room(room))
        await platform.wait_sent(messages // rooms * rooms + 1)
        await host.finish_pending()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    finally:
        await host.stop()
    print(f"{name:<12}{cpu / messages * 1000:>10.2f} ms CPU{messages / wall:>10.0f} messages/s")


async def main(messages: int) -> None:
    """All measurements."""
    for name, rooms in (("one room", 1), ("100 rooms", 100)):
        with tempfile.TemporaryDirectory() as folder:
            await _measure(name, rooms, messages, Path(folder))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
