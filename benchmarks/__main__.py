"""All benchmarks, one table.

    python -m benchmarks

Takes some minutes and about 250 MB of disk in the temporary folder. Asserts nothing: machines differ; compare
figures of one run. Each part can also be run by itself, see `benchmarks/*.py` and docs/benchmarks.md.
"""

import os
import platform
import sqlite3
from collections.abc import Iterator
from types import ModuleType

from benchmarks import end_to_end, growth, memory, messages, model_calls, serverless, start_up
from benchmarks.rows import show

PARTS: tuple[ModuleType, ...] = (
    messages,
    growth,
    end_to_end,
    model_calls,
    memory,
    start_up,
    serverless,
)


def machine() -> str:
    """What the figures were taken on."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (
        f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, {platform.system()}"
        f" {platform.release()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def _lines() -> Iterator[str]:
    load = os.getloadavg()[0]
    yield machine()
    yield f"load of the machine at the start: {load:.1f}"


if __name__ == "__main__":
    print("\n".join(_lines()), flush=True)
    for part in PARTS:
        show(part.TITLE, part.rows())
