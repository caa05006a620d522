"""From the start of the program to its first reply, on a pipe, with the offline model.

    python -m benchmarks.start_up [starts]

The first start finds an empty folder: it makes the database. The others find what it left.
"""

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import PATIENCE_S, alone, environment, middle
from benchmarks.rows import Row, show

TITLE = "Start-up to the first reply, offline model, on a pipe"
CONFIG = "[connectors.terminal]\nenabled = true\n"


async def _start(folder: Path) -> float:
    """Seconds from the start of the process until the reply's line is there."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot_host", "--config", "config.toml"),
        cwd=folder,
        env=environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"Hello, I am worried about my exam\n")
    async with asyncio.timeout(PATIENCE_S):
        said = await process.stdout.readline()
    took = time.perf_counter() - began
    process.stdin.close()
    async with asyncio.timeout(PATIENCE_S):
        await process.wait()
    if not said.strip():
        raise RuntimeError("the program ended without a reply")
    return took


def measure(starts: int) -> tuple[list[float], float]:
    """Seconds of each start in one folder, and seconds of CPU of all of them, from start to end."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.toml").write_text(CONFIG, encoding="utf-8")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        took = [asyncio.run(_start(Path(folder))) for _ in range(starts)]
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rows(starts: int = 3) -> Iterator[Row]:
    """All measurements."""
    runs = [alone(measure, 2) for _ in range(starts)]
    first, second = (middle([took[index] for took, _ in runs]) for index in (0, 1))
    cpu = middle([spent for _, spent in runs]) / 2
    yield Row("first start, empty folder", f"{first:.2f} s", f"median of {starts}")
    yield Row("second start", f"{second:.2f} s", f"CPU of a start, first reply and end: {cpu:.2f} s")


if __name__ == "__main__":
    show(TITLE, rows(*map(int, sys.argv[1:2])))
