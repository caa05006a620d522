"""All benchmarks, one table.

    python -m benchmarks

Takes some minutes and about 250 MB of disk in the temporary folder. Asserts nothing: machines differ; compare
figures of one run. Each part can also be run by itself, see `benchmarks/*.py` and docs/benchmarks.md.
"""

import json
import os
import platform
import sqlite3
import time
from collections.abc import Iterator
from types import ModuleType

from benchmarks import console, end_to_end, growth, memory, messages, model_calls, serverless, start_up
from benchmarks.rows import show

PARTS: tuple[ModuleType, ...] = (
    messages,
    growth,
    end_to_end,
    model_calls,
    memory,
    start_up,
    serverless,
    console,
)


def machine() -> str:
    """What the figures were taken on."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (
        f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, {platform.system()}"
        f" {platform.release()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def pace() -> float:
    """Milliseconds of CPU for a fixed piece of Python's own work: how fast this machine is right now."""
    thing = {"text": "A sentence as people write it.", "ids": list(range(50)), "nested": [{"a": 1.5}] * 20}
    began = time.process_time()
    for _ in range(2000):
        json.loads(json.dumps(thing))
    return (time.process_time() - began) * 1000


def _lines() -> Iterator[str]:
    yield machine()
    yield (
        f"load of the machine at the start: {os.getloadavg()[0]:.1f};"
        f" a fixed piece of Python's work: {pace():.0f} ms"
    )


if __name__ == "__main__":
    print("\n".join(_lines()), flush=True)
    for part in PARTS:
        show(part.TITLE, part.rows())
