"""Where the chat is shown: one writer, and what stands on the screen."""

import asyncio
import os
import queue
import select
import threading
from typing import Final

PROMPT: Final = "you> "
CLEAR_LINE: Final = "\r\x1b[K"


class Writer:
    """Writes to a descriptor in a daemon thread: a paused terminal or a full pipe never blocks the loop."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._jobs: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def write(self, text: str) -> None:
        """Write all of `text`. Raises OSError when nobody can read it any more."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="terminal output", daemon=True)
            self._thread.start()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._jobs.put((text.encode("utf-8", "replace"), done))
        await done

    def close(self) -> None:
        """End the thread after what is queued. Idempotent."""
        if self._thread is not None:
            self._thread = None
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            data, done = job
            error: OSError | None = None
            try:
                _write_all(self._fd, data)
            except OSError as failure:
                error = failure
            try:
                done.get_loop().call_soon_threadsafe(_settle, done, error)
            except RuntimeError:  # the loop is closed
                return


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            # Another process may have made the shared terminal non-blocking.
            select.select([], [fd], [])


def _settle(done: asyncio.Future[None], error: OSError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


class Screen:
    """Prompt, replies and a reply that is being written, in an order that can be read."""

    def __init__(self, fd: int, *, chat: bool) -> None:
        self._writer = Writer(fd)
        self._chat = chat
        """Both ends are a terminal: a prompt, and names before replies."""
        self._order = asyncio.Lock()
        self._at_prompt = False
        self._streaming: str | None = None
        """The memory id of the reply whose line is not finished."""

    async def prompt(self) -> None:
        """Ask for a line, unless that is what the screen says already or a reply is being written."""
        async with self._order:
            if self._chat and not self._at_prompt and self._streaming is None:
                self._at_prompt = True
                await self._writer.write(PROMPT)

    def entered(self) -> None:
        """The user has ended the line with the prompt."""
        self._at_prompt = False

    async def chunk(self, memory_id: str, speaker: str, text: str) -> None:
        """Show more of a reply that is being written. A new one ends the line of one that was left open."""
        async with self._order:
            if self._streaming != memory_id:
                text = ("\n" if self._streaming else "") + self._head(speaker) + text
                self._streaming = memory_id
            await self._writer.write(text)

    async def finish(self, memory_id: str, speaker: str, text: str, *, rest: str | None) -> None:
        """Show a whole reply and the prompt. `rest`: what is missing of a reply that `chunk` has shown."""
        async with self._order:
            going_on = self._streaming == memory_id
            if going_on and rest is not None:
                out = f"{rest}\n"
            elif going_on or self._streaming is not None:
                out = f"\n{self._named(speaker, text)}\n"
            else:
                out = f"{self._head(speaker)}{text}\n"
            self._streaming = None
            await self._writer.write(out + self._tail())

    async def notice(self, text: str) -> None:
        """Show a line of the program's own, and the prompt."""
        async with self._order:
            clear = CLEAR_LINE if self._at_prompt else ""
            await self._writer.write(f"{clear}{text}\n{self._tail()}")

    async def drop(self, memory_id: str) -> None:
        """The reply that is being written is not coming: end its line."""
        async with self._order:
            if self._streaming == memory_id:
                self._streaming = None
                await self._writer.write("\n")

    async def leave(self) -> None:
        """Leave the cursor at the start of a line."""
        async with self._order:
            if self._at_prompt or self._streaming is not None:
                self._at_prompt, self._streaming = False, None
                await self._writer.write("\n")

    def close(self) -> None:
        """Let go of the writer."""
        self._writer.close()

    def _head(self, speaker: str) -> str:
        clear = CLEAR_LINE if self._at_prompt else ""
        self._at_prompt = False
        return clear + self._named(speaker, "")

    def _named(self, speaker: str, text: str) -> str:
        return f"{speaker}> {text}" if self._chat else text

    def _tail(self) -> str:
        self._at_prompt = self._chat
        return PROMPT if self._chat else "\n"
