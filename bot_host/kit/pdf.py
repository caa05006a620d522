"""The text of a PDF, read by a process that may neither take long nor see anything of ours."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

SECONDS: Final = 20.0
MEMORY: Final = 1024**3
"""Bytes that the reading process may have."""
_WORKER: Final = Path(__file__).with_name("pdf_worker.py")
_WHY: Final = {3: "reading PDFs needs the package pypdf", 4: "it is locked by a password"}


class PdfUnreadable(Exception):
    """The message says why, in words for anybody."""


async def pdf_text(data: bytes, *, max_characters: int) -> str:
    """The text of the first pages; empty for a PDF of pictures. Raises PdfUnreadable."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(_WORKER),
        *(str(number) for number in (max_characters, int(SECONDS), MEMORY)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # None of our secrets; but where the libraries lie.
        env={key: os.environ[key] for key in ("PYTHONPATH", "SYSTEMROOT") if key in os.environ},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(SECONDS):
            out, _ = await process.communicate(data)
    except TimeoutError:
        raise PdfUnreadable("reading it took too long") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise PdfUnreadable(_WHY.get(process.returncode or 0, "it is broken, or no PDF"))
    return out.decode("utf-8", "replace").strip()
