"""The chat in the terminal: lines in, replies out."""

import asyncio
import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Final

from bot_host.connector import (
    Account,
    CheckLine,
    ConnectorHost,
    Content,
    OutgoingFiles,
    Payload,
    SendRefused,
    Sent,
    Target,
    TextStream,
    one_line,
)
from connectors.terminal.config import TerminalConfig, missing
from connectors.terminal.decode import PLATFORM, decode_line, user_name
from connectors.terminal.encode import Filter, encode, printable, with_paths
from connectors.terminal.reader import LineReader
from connectors.terminal.screen import Screen

QUIT: Final = ("/quit", "/exit")
HELP: Final = "Write a line and press Enter. /quit or /exit ends the chat, /help shows this."
LINE_BYTES: Final = 4095
"""Of a typed line the kernel hands over no more than this (N_TTY_BUF_SIZE in Linux' drivers/tty/n_tty.c)."""
CUT: Final = (
    f"That line has {LINE_BYTES:,} bytes, the most that a terminal hands over: what came after is lost. "
    "Send long text in several lines, or through a pipe."
)
CLOSE_SECONDS: Final = 1.0
"""A paused terminal does not hold up the end of the process for longer."""
LINE_SECONDS: Final = 600.0
"""A line from a pipe waits this long at the most for the answer to the one before."""
REMEMBERED: Final = 256
"""Keys of sent parts that are kept, so that a second try prints nothing twice."""


class TerminalConnector:
    """One person at standard input and output. `stdin` and `stdout` are file descriptors."""

    platform: ClassVar[str] = PLATFORM
    typing_interval_s: ClassVar[float] = 0.0

    def __init__(self, config: TerminalConfig, *, stdin: int = 0, stdout: int = 1) -> None:
        self._config = config
        self._chat = os.isatty(stdin) and os.isatty(stdout)
        self._typed = os.isatty(stdin)
        self._user = user_name()
        self._lines = LineReader(stdin)
        self._screen = Screen(stdout, chat=self._chat)
        self._held: str | None = None
        """A line that was read and that the host has not taken yet."""
        self._sent: OrderedDict[str, None] = OrderedDict()
        self._streams: dict[str, _Stream] = {}
        self._turn_over = asyncio.Event()
        self._path_of: Callable[[str], Path | None] = lambda _name: None
        self._deaf = False
        """Nobody reads our output any more."""

    async def run(self, host: ConnectorHost) -> None:
        """Hand each line to the host. Returns at the end of input, on /quit, and when stopped."""
        await host.connected(Account(platform=PLATFORM, id="local", name=PLATFORM))
        self._lines.start()
        await self._show_prompt()
        while True:
            if self._held is None:
                self._held = await self._lines.next()
            if self._held is None or self._held.strip() in QUIT:
                self._lines.stop()
                return
            self._screen.entered()
            if self._typed and len(self._held.encode("utf-8", "replace")) >= LINE_BYTES:
                await self._notice(CUT)
            await self._take(host, self._held)
            self._held = None

    async def _take(self, host: ConnectorHost, line: str) -> None:
        if line.strip() == "/help":
            await self._notice(HELP)
            return
        message = decode_line(line, user=self._user)
        if message is None:
            await self._show_prompt()
            return
        self._turn_over.clear()
        await host.accept(message)
        if not self._chat:
            # A pipe is a script: each line has its answer before the next one is said.
            try:
                async with asyncio.timeout(LINE_SECONDS):
                    await self._turn_over.wait()
            except TimeoutError:
                return

    async def _notice(self, text: str) -> None:
        try:
            await self._screen.notice(text)
        except OSError:
            self._hang_up()

    async def _show_prompt(self) -> None:
        try:
            await self._screen.prompt()
        except OSError:
            self._hang_up()

    def _hang_up(self) -> None:
        self._deaf = True
        self._lines.stop()
        self._turn_over.set()

    async def stop_intake(self) -> None:
        """Read no further line."""
        self._lines.stop()
        self._turn_over.set()

    def encode(self, content: Content, target: Target) -> list[Payload]:
        """A message as one payload."""
        return encode(content)

    async def send(self, payload: Payload, target: Target, *, key: str) -> Sent:
        """Print a reply, or what its stream has not shown. Raises SendRefused when nobody reads it."""
        if key in self._sent:
            return Sent(platform_message_id=key)
        memory_id = key.rpartition(":")[0]
        text = printable(with_paths(payload, self._path_of)).strip()
        stream = self._streams.pop(memory_id, None)
        try:
            await self._screen.finish(
                memory_id, speaker_of(target), text, rest=stream.rest_of(text) if stream else None
            )
        except OSError as error:
            self._hang_up()
            raise SendRefused(f"nobody reads the output any more: {error.strerror}") from None
        self._sent[key] = None
        while len(self._sent) > REMEMBERED:
            self._sent.popitem(last=False)
        return Sent(platform_message_id=key)

    def use_files(self, files: OutgoingFiles) -> None:
        """See the contract `FileSendingConnector`: a terminal shows where a file lies."""
        self._path_of = files.path_of

    def open_stream(self, target: Target, *, memory_id: str) -> TextStream | None:
        """Show a reply chunk by chunk; into a pipe only with `streaming = true`."""
        wanted = self._chat if self._config.streaming == "auto" else self._config.streaming
        if not wanted or self._deaf:
            return None
        # One room, one turn at a time: a stream that is still here was left without an end.
        self._streams.clear()
        stream = _Stream(self._screen, memory_id, speaker_of(target), gone=self._forget)
        self._streams[memory_id] = stream
        return stream

    def _forget(self, memory_id: str) -> None:
        self._streams.pop(memory_id, None)

    async def typing(self, target: Target) -> None:
        """A terminal has no such sign."""

    async def typing_done(self, target: Target) -> None:
        """A terminal has no such sign."""

    def turn_over(self, target: Target) -> None:
        """A pipe may say its next line."""
        self._turn_over.set()

    async def close(self) -> None:
        """End the line that the cursor is in, and the threads. Idempotent."""
        self._lines.stop()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._screen.leave()
        except OSError:  # which TimeoutError is, too
            self._deaf = True
        self._screen.close()

    async def check(self) -> Sequence[CheckLine]:
        """Whether there is somebody to talk to."""
        why = missing(self._config)
        if why:
            return [CheckLine(name=PLATFORM, ok=False, detail=why)]
        kind = "stdin is a terminal" if sys.stdin.isatty() else "stdin is read line by line"
        return [CheckLine(name=PLATFORM, ok=True, detail=kind, account="local")]


def speaker_of(target: Target) -> str:
    """The agent's name as the host put it into the target."""
    return one_line(target.extra.get("agent", ""), 40) or "agent"


class _Stream:
    """A reply on its way to the screen. Showing it early is a courtesy: no trouble with it is the turn's."""

    def __init__(self, screen: Screen, memory_id: str, speaker: str, *, gone: Callable[[str], None]) -> None:
        self._screen = screen
        self._memory_id = memory_id
        self._speaker = speaker
        self._gone = gone
        self._filter = Filter()
        self._shown = ""
        self._broken = False

    async def write(self, chunk: str) -> None:
        """More text."""
        text = self._filter.feed(chunk)
        if not self._shown:
            text = text.lstrip()
        if not text or self._broken:
            return
        self._shown += text
        try:
            await self._screen.chunk(self._memory_id, self._speaker, text)
        except OSError:
            self._broken = True

    async def abandon(self) -> None:
        """The reply is not coming after all."""
        self._gone(self._memory_id)
        try:
            await self._screen.drop(self._memory_id)
        except OSError:
            self._broken = True

    def rest_of(self, text: str) -> str | None:
        """What of the final `text` is not on the screen yet; None when something else is."""
        if not self._shown:
            return None
        if text.startswith(self._shown):
            return text[len(self._shown) :]
        return "" if text == self._shown.rstrip() else None
