"""Has documents read by a process that may neither take long nor see anything of ours."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from bot_host.kit.reading.pack import Fragment

SECONDS: Final = 120.0
"""For reading one document."""
MEMORY: Final = 1024**3
"""Bytes that the reading process may have."""
FRAGMENTS: Final = 5_000
"""Of one document: two million tokens, about 3,000 pages."""
_LINE: Final = 1024 * 1024
"""Bytes of one line of the process's answer."""
_PACKAGES: Final = Path(__file__).parents[3]


class DocumentUnreadable(Exception):
    """The message says why, in words for anybody."""


@dataclass(slots=True)
class Document:
    """A document that is being read: go through `fragments`, then the rest is known."""

    fragments: AsyncIterator[Fragment]
    title: str = ""
    """As it calls itself; empty where it does not."""
    kind: str = ""
    truncated: bool = False
    """Whether there was more than `most` fragments."""
    count: int = field(default=0)


@asynccontextmanager
async def reading(
    file: BinaryIO,
    *,
    name: str = "",
    content_type: str = "",
    most: int = FRAGMENTS,
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> AsyncIterator[Document]:
    """Read `file`, a real file at its beginning. Iterating raises DocumentUnreadable.

    `name` is asked for its ending only; what counts is the content. At the end of the block the process is
    gone, whatever happened.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", "bot_host.kit.reading.worker", name, content_type, str(int(seconds)), str(memory)),
        stdin=file,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_environment(),
        start_new_session=True,
        limit=_LINE,
    )
    try:
        async with asyncio.timeout(seconds):
            document = Document(fragments=_nothing())
            document.fragments = _fragments(process, document, most)
            yield document
    except TimeoutError:
        raise DocumentUnreadable("reading it took too long") from None
    finally:
        if process.returncode is None:
            process.kill()
        # What the process has written already is taken, so that its pipe is closed.
        if process.stdout is not None:
            await process.stdout.read()
        await process.wait()


async def _nothing() -> AsyncIterator[Fragment]:
    return
    yield


async def _fragments(
    process: asyncio.subprocess.Process, document: Document, most: int
) -> AsyncIterator[Fragment]:
    assert process.stdout is not None
    async for line in process.stdout:
        told: dict[str, Any] = json.loads(line)
        if "error" in told:
            raise DocumentUnreadable(str(told["error"]))
        if told.get("end"):
            document.title, document.kind = str(told["title"]), str(told["kind"])
            return
        if document.count >= most:
            document.truncated = True
            return
        document.count += 1
        yield Fragment(path=tuple(told["path"]), text=told["text"], overlap=told["overlap"])
    await process.wait()
    # Killed by one of its limits, or by the system for want of memory.
    raise DocumentUnreadable("reading it takes too much time or memory")


def _environment() -> dict[str, str]:
    """None of our secrets; but where the libraries lie."""
    kept = {key: os.environ[key] for key in ("SYSTEMROOT",) if key in os.environ}
    paths = [str(_PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"}
