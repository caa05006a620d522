"""What an ephemeral agent costs a request: `examples/serverless.py` on a migrated database.

    python -m benchmarks.serverless [requests]

Each request makes an agent for itself and stops it; the answers come from the offline model.
"""

import asyncio
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.processes import ROOT, alone
from benchmarks.rows import Row, show

TITLE = "Serverless: one ephemeral agent a request"
WARM_UP = 10


def _example() -> Any:
    spec = importlib.util.spec_from_file_location("serverless_example", ROOT / "examples" / "serverless.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def _post(app: Any, text: str) -> None:
    body = json.dumps({"text": text}).encode()
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app({"type": "http", "method": "POST", "path": "/", "headers": []}, receive, send)
    if sent[0]["status"] != 200:
        raise RuntimeError(f"the example answered {sent}")


async def _measure(requests: int) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory() as folder:
        example = _example()
        app = example.App(f"sqlite:///{folder}/serverless.db")
        events = asyncio.Queue[dict[str, Any]]()
        told = asyncio.Queue[dict[str, Any]]()
        events.put_nowait({"type": "lifespan.startup"})
        async with asyncio.TaskGroup() as group:
            group.create_task(app({"type": "lifespan"}, events.get, told.put))
            await told.get()
            for number in range(WARM_UP):
                await _post(app, f"hello {number}")
            cpu, wall = time.process_time(), time.perf_counter()
            for number in range(requests):
                await _post(app, f"I am worried about exam {number}")
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            start = time.process_time()
            for _ in range(requests):
                [agent] = await app._host.add_agents(
                    [{"character": example.CHARACTER, "database_adapter": app._store}],
                    ephemeral=True,
                    skip_migrations=True,
                    return_runtimes=True,
                    auto_start=True,
                )
                await agent.stop()
            start = time.process_time() - start
            events.put_nowait({"type": "lifespan.shutdown"})
    return wall / requests * 1000, cpu / requests * 1000, start / requests * 1000


def measure(requests: int) -> tuple[float, float, float]:
    """Milliseconds a request: time, CPU, and the part of the CPU that starts and stops the agent."""
    return asyncio.run(_measure(requests))


def rows(requests: int = 200) -> Iterator[Row]:
    """All measurements."""
    wall, cpu, start = alone(measure, requests)
    yield Row("start and stop of the agent", f"{start:.1f} ms CPU")
    yield Row("whole request, new room and person", f"{cpu:.1f} ms CPU", f"{wall:.1f} ms until the answer")


if __name__ == "__main__":
    show(TITLE, rows(*map(int, sys.argv[1:2])))
