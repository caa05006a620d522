"""One holder at a time, and none after its death."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from bot_host.kit.lock import ProcessLock

HOLD = """
import sys
from pathlib import Path
from bot_host.kit.lock import ProcessLock
lock = ProcessLock(Path(sys.argv[1]))
assert lock.try_take()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_holder_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    path = tmp_path / "data" / "x.lock"
    with ProcessLock(path) as first:
        assert first.try_take()
        assert not ProcessLock(path).try_take()
        assert ProcessLock(path).holder == str(os.getpid())
    with ProcessLock(path) as second:
        assert second.try_take()


async def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with ProcessLock(path) as lock:
        assert not await lock.take(patience_s=0.1)
        assert lock.holder == str(holder.pid)
        waiting = asyncio.ensure_future(lock.take(patience_s=30))
        await asyncio.sleep(0)
        holder.kill()
        holder.communicate()
        assert await waiting


def test_a_look_tells_whether_somebody_holds_it_and_is_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    look = ProcessLock(path)
    assert not look.is_taken
    assert not path.exists()
    with ProcessLock(path) as lock:
        assert lock.try_take()
        assert look.is_taken
        assert look.is_taken
    assert not look.is_taken
    with ProcessLock(path) as lock:
        assert lock.try_take()
