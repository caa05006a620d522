"""The terminal chat, over pipes and pseudo-terminals."""

import asyncio
import os
import pty
import sys
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_host.connector import (
    ChannelType,
    Connector,
    Content,
    InboundMessage,
    Media,
    SendRefused,
    StoreError,
    StreamingConnector,
    Target,
)
from bot_host.testing.connector import RecordingHost
from connectors.terminal import connector as spec
from connectors.terminal.client import TerminalConnector
from connectors.terminal.config import TerminalConfig, missing
from connectors.terminal.decode import decode_line
from connectors.terminal.encode import Filter, printable, with_paths
from connectors.terminal.reader import LINE_LIMIT, QUEUED

TARGET = Target(source="terminal", channel_id="terminal", extra={"agent": "Eliza"})


class Ends:
    """The user's ends of a terminal or of two pipes."""

    def __init__(self, keys: int, screen: int, stdin: int, stdout: int) -> None:
        self.keys = keys
        self.screen = screen
        self.stdin = stdin
        self.stdout = stdout
        self.open = {keys, screen, stdin, stdout}
        self.seen = ""

    def type(self, text: str | bytes) -> None:
        data = text.encode() if isinstance(text, str) else text
        assert os.write(self.keys, data) == len(data)

    def shut(self, fd: int) -> None:
        if fd in self.open:
            self.open.discard(fd)
            os.close(fd)

    async def see(self, text: str) -> str:
        """Wait until `text` is on the screen; all that came since the last call."""
        while text not in self.seen:
            data = await asyncio.to_thread(os.read, self.screen, 65_536)
            assert data, f"the output ended without {text!r}: {self.seen!r}"
            self.seen += data.decode()
        seen, self.seen = self.seen, ""
        return seen


@pytest.fixture
def piped() -> Iterator[Ends]:
    (stdin, keys), (screen, stdout) = os.pipe(), os.pipe()
    ends = Ends(keys, screen, stdin, stdout)
    yield ends
    for fd in list(ends.open):
        ends.shut(fd)


@pytest.fixture
def terminal() -> Iterator[Ends]:
    master, slave = pty.openpty()
    ends = Ends(master, master, slave, slave)
    yield ends
    for fd in list(ends.open):
        ends.shut(fd)


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[RecordingHost]:
    made = RecordingHost(tmp_path)
    yield made
    await made.tasks.close()


class Chat:
    """A running connector."""

    def __init__(self, ends: Ends, host: RecordingHost, **config: object) -> None:
        self.connector = TerminalConnector(
            TerminalConfig.model_validate(config), stdin=ends.stdin, stdout=ends.stdout
        )
        host.after_accept = self._turn_over
        self.running = host.tasks.spawn("run", self.connector.run(host))

    async def _turn_over(self) -> None:
        self.connector.turn_over(TARGET)

    async def say(self, text: str, memory_id: str = "m1", target: Target = TARGET) -> None:
        for part, payload in enumerate(self.connector.encode(Content(text=text), target)):
            await self.connector.send(payload, target, key=f"{memory_id}:{part}")


@pytest.fixture
async def start(host: RecordingHost) -> AsyncIterator[Callable[..., Chat]]:
    chats: list[Chat] = []

    def begin(ends: Ends, **config: object) -> Chat:
        chats.append(Chat(ends, host, **config))
        return chats[-1]

    yield begin
    for chat in chats:
        await chat.connector.stop_intake()
        await asyncio.wait([chat.running])
        await chat.connector.close()


Start = Callable[..., Chat]

# Lines in.


async def test_a_line_of_a_pipe_waits_for_the_answer_to_the_one_before(
    piped: Ends, host: RecordingHost, start: Start
) -> None:
    chat = start(piped)
    host.after_accept = None
    piped.type("one\ntwo\n")
    await host.wait_for(InboundMessage)
    for _ in range(50):
        await asyncio.sleep(0)
    assert [m.content.text for m in host.messages] == ["one"]
    chat.connector.turn_over(TARGET)
    await host.wait_for(InboundMessage, 2)


async def test_each_line_of_a_pipe_is_a_message(piped: Ends, host: RecordingHost, start: Start) -> None:
    chat = start(piped)
    piped.type("hello\r\n\n   \nhéllo \xf6\nlast without an end")
    piped.shut(piped.keys)
    await chat.running
    assert [m.content.text for m in host.messages] == ["hello", "héllo ö", "last without an end"]
    assert host.account is not None
    assert host.account.key == "terminal:local"
    first, second = host.messages[:2]
    assert (first.world.key, first.room.key, first.room.type) == ("terminal", "terminal", ChannelType.DM)
    assert first.content.source == first.target.source == "terminal"
    assert first.event_key == first.message_id == first.memory_key
    assert first.event_key != second.event_key
    assert first.sender.key == second.sender.key != ""


async def test_a_regular_file(tmp_path: Path, piped: Ends, host: RecordingHost, start: Start) -> None:
    (tmp_path / "lines").write_text("one\ntwo\n")
    descriptor = os.open(tmp_path / "lines", os.O_RDONLY)
    piped.open.add(descriptor)
    piped.stdin = descriptor
    await start(piped).running
    assert [m.content.text for m in host.messages] == ["one", "two"]


async def test_invalid_utf_8_and_nul(piped: Ends, host: RecordingHost, start: Start) -> None:
    chat = start(piped)
    piped.type(b"a\xff\xed\xa0\x80b\x00c\n\x00\n")
    piped.shut(piped.keys)
    await chat.running
    assert [m.content.text for m in host.messages] == ["a\ufffd\ufffd\ufffd\ufffdbc"]


async def test_a_very_long_line(piped: Ends, host: RecordingHost, start: Start) -> None:
    chat = start(piped)
    text = "é" * 100_000
    await asyncio.to_thread(_write_all, piped.keys, f"{text}\nnext\n".encode())
    piped.shut(piped.keys)
    await chat.running
    assert [m.content.text for m in host.messages] == [text, "next"]


async def test_a_line_that_never_ends_is_cut(piped: Ends, host: RecordingHost, start: Start) -> None:
    chat = start(piped)
    await asyncio.to_thread(_write_all, piped.keys, b"x" * (2 * LINE_LIMIT + 5))
    piped.shut(piped.keys)
    await chat.running
    assert [len(m.content.text) for m in host.messages] == [LINE_LIMIT, LINE_LIMIT, 5]


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


async def test_a_slow_host_holds_the_reader_back(piped: Ends, host: RecordingHost, start: Start) -> None:
    class Watched(asyncio.Queue[str | None]):
        most = 0

        def put_nowait(self, item: str | None) -> None:
            super().put_nowait(item)
            self.most = max(self.most, self.qsize())

    host.open_gate.clear()
    chat = start(piped)
    watched = chat.connector._lines._lines = Watched()
    sending = asyncio.to_thread(_write_all, piped.keys, b"".join(b"%0999d\n" % n for n in range(1000)))
    sent = host.tasks.spawn("send", sending)
    while watched.most < QUEUED:
        await asyncio.sleep(0)
    assert not sent.done()
    host.open_gate.set()
    await sent
    piped.shut(piped.keys)
    await chat.running
    assert [int(m.content.text) for m in host.messages] == list(range(1000))
    # One line for each place in the queue, and the mark of the end.
    assert watched.most <= QUEUED + 1


PROGRAM = """
import asyncio, sys
from pathlib import Path
from bot_host.testing.connector import RecordingHost
from connectors.terminal.client import TerminalConnector
from connectors.terminal.config import TerminalConfig

async def main():
    host = RecordingHost(Path())
    running = asyncio.create_task(TerminalConnector(TerminalConfig(enabled=True)).run(host))
    [message] = await host.wait_for(object, 1)
    sys.exit(message.content.text)

asyncio.run(main())
"""


async def test_a_thread_that_waits_for_input_does_not_hold_up_the_end_of_the_process() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(b"bye\n")
    assert await process.wait() == 1
    assert await process.stderr.read() == b"bye\n"
    process.stdin.close()


@pytest.mark.parametrize("word", ["/quit", "/exit", "  /quit  "])
async def test_a_word_ends_the_chat(piped: Ends, host: RecordingHost, start: Start, word: str) -> None:
    chat = start(piped)
    piped.type(f"one /quit\n{word}\ntwo\n")
    await chat.running
    assert [m.content.text for m in host.messages] == ["one /quit"]


async def test_help(piped: Ends, host: RecordingHost, start: Start) -> None:
    start(piped)
    piped.type("/help\n")
    assert "/quit" in await piped.see("\n\n")
    assert host.messages == []


async def test_stop_intake_ends_a_run_that_waits(piped: Ends, host: RecordingHost, start: Start) -> None:
    chat = start(piped)
    await host.wait_connected()
    await chat.connector.stop_intake()
    await chat.connector.stop_intake()
    await chat.running
    await chat.say("still here")
    assert await piped.see("\n\n") == "still here\n\n"


async def test_stop_intake_while_the_host_is_slow(piped: Ends, host: RecordingHost, start: Start) -> None:
    host.open_gate.clear()
    chat = start(piped)
    piped.type("one\n" * (QUEUED * 3))
    await host.wait_connected()
    await chat.connector.stop_intake()
    host.open_gate.set()
    await chat.running
    assert len(host.messages) <= 1


async def test_a_line_that_was_not_taken_is_offered_again(
    piped: Ends, host: RecordingHost, start: Start
) -> None:
    host.fail_next = 1
    chat = start(piped)
    piped.type("one\ntwo\n")
    piped.shut(piped.keys)
    with pytest.raises(StoreError):
        await chat.running
    await chat.connector.run(host)
    assert [m.content.text for m in host.messages] == ["one", "two"]
    await chat.connector.run(host)
    assert len(host.messages) == 2


async def test_end_of_input_on_a_terminal(terminal: Ends, host: RecordingHost, start: Start) -> None:
    chat = start(terminal)
    terminal.type("hello\n")
    await host.wait_for(type(decode_line("x", user="u")))
    terminal.type("\x04")
    await chat.running
    assert len(host.messages) == 1


# Replies out.


async def test_a_pipe_gets_the_text_alone(piped: Ends, start: Start) -> None:
    chat = start(piped)
    await chat.say("**Hello**,\nyou.\n")
    assert await piped.see("\n\n") == "**Hello**,\nyou.\n\n"
    await chat.say("Again.", "m2")
    assert await piped.see("\n\n") == "Again.\n\n"
    assert chat.connector.open_stream(TARGET, memory_id="m3") is None


async def test_a_terminal_has_a_prompt_and_names(terminal: Ends, start: Start) -> None:
    tty.setraw(terminal.stdin)
    chat = start(terminal)
    assert await terminal.see("you> ") == "you> "
    terminal.type("hello\n")
    stream = chat.connector.open_stream(TARGET, memory_id="m1")
    assert stream is not None
    for chunk in ("\n", "Hel", "lo ", "there"):
        await stream.write(chunk)
    assert (await terminal.see("Hello there")).endswith("Eliza> Hello there")
    await chat.say("Hello there, you.")
    assert await terminal.see("you> ") == ", you.\nyou> "


async def test_what_the_stream_showed_is_not_shown_again(terminal: Ends, start: Start) -> None:
    tty.setraw(terminal.stdin)
    chat = start(terminal)
    await terminal.see("you> ")
    stream = chat.connector.open_stream(TARGET, memory_id="m1")
    assert stream is not None
    await stream.write("All of it.\n")
    await chat.say("All of it.")
    seen = await terminal.see("\nyou> ")
    assert seen.count("All of it.") == 1
    await chat.say("All of it.")
    await chat.say("Next.", "m2")
    seen = await terminal.see("Next.\nyou> ")
    assert "All of it." not in seen


async def test_a_reply_that_turned_out_otherwise_is_shown_whole(terminal: Ends, start: Start) -> None:
    tty.setraw(terminal.stdin)
    chat = start(terminal)
    await terminal.see("you> ")
    stream = chat.connector.open_stream(TARGET, memory_id="m1")
    assert stream is not None
    await stream.write("Let me look")
    await chat.say("It is five.")
    assert (await terminal.see("five.\nyou> ")).endswith("Let me look\nEliza> It is five.\nyou> ")


async def test_an_abandoned_stream_ends_its_line(terminal: Ends, start: Start) -> None:
    tty.setraw(terminal.stdin)
    chat = start(terminal)
    await terminal.see("you> ")
    first = chat.connector.open_stream(TARGET, memory_id="m1")
    assert first is not None
    await first.write("Half")
    await first.abandon()
    second = chat.connector.open_stream(TARGET, memory_id="m2")
    assert second is not None
    await second.write("Whole")
    await chat.say("Whole", "m2")
    assert (await terminal.see("Whole\nyou> ")).endswith("Eliza> Half\nEliza> Whole\nyou> ")


async def test_a_message_in_the_middle_of_a_stream(terminal: Ends, start: Start) -> None:
    tty.setraw(terminal.stdin)
    chat = start(terminal)
    await terminal.see("you> ")
    stream = chat.connector.open_stream(TARGET, memory_id="m1")
    assert stream is not None
    await stream.write("One ")
    await chat.say("Tea is ready.", "m2")
    await stream.write("two")
    await chat.say("One two three", "m1")
    seen = await terminal.see("three\nyou> ")
    assert "Eliza> One \nEliza> Tea is ready.\nyou> \r\x1b[KEliza> two three\nyou> " in seen


async def test_a_message_while_the_user_types(terminal: Ends, start: Start) -> None:
    tty.setraw(terminal.stdin)
    chat = start(terminal)
    await terminal.see("you> ")
    await chat.say("By the way.")
    assert await terminal.see("you> ") == "\r\x1b[KEliza> By the way.\nyou> "


async def test_streaming_can_be_switched_off(terminal: Ends, start: Start) -> None:
    chat = start(terminal, streaming=False)
    assert chat.connector.open_stream(TARGET, memory_id="m1") is None


async def test_streaming_into_a_pipe_when_asked_for(piped: Ends, start: Start) -> None:
    chat = start(piped, streaming=True)
    stream = chat.connector.open_stream(TARGET, memory_id="m1")
    assert stream is not None
    await stream.write("One ")
    assert await piped.see("One ") == "One "
    await stream.write("two")
    await chat.say("One two three")
    assert await piped.see("\n\n") == "two three\n\n"


async def test_closing_leaves_the_prompt_s_line(terminal: Ends, start: Start) -> None:
    tty.setraw(terminal.stdin)
    chat = start(terminal)
    await terminal.see("you> ")
    await chat.connector.stop_intake()
    await chat.running
    await chat.connector.close()
    await chat.connector.close()
    assert await terminal.see("\n") == "\n"


async def test_a_broken_pipe_ends_quietly(piped: Ends, start: Start) -> None:
    chat = start(piped)
    piped.shut(piped.screen)
    with pytest.raises(SendRefused, match="nobody reads"):
        await chat.say("hello")
    await chat.running
    assert chat.connector.open_stream(TARGET, memory_id="m1") is None


async def test_a_reader_that_pauses_blocks_nobody(piped: Ends, host: RecordingHost, start: Start) -> None:
    chat = start(piped)
    text = "x" * 300_000
    saying = host.tasks.spawn("say", chat.say(text))
    piped.type("hello\n")
    await host.wait_for(type(decode_line("x", user="u")))
    assert not saying.done()
    assert len(await piped.see("\n\n")) == 300_002
    await saying


# What may be printed.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPpayload\x1b\\after", "after"),
        ("\x9b2Jclear", "clear"),
        ("\x1bcreset \x1b(0x", "reset x"),
        ("a\rb\x08c\x7f\x00", "abc"),
        ("\x1b", ""),
        ("\u202eright \u05d0", "\u202eright \u05d0"),
        ("\ud800", "\ufffd"),
    ],
)
def test_control_characters_go(text: str, expected: str) -> None:
    assert printable(text) == expected
    shown = Filter()
    assert "".join(map(shown.feed, text)) + printable(shown.feed("")) in (expected, expected.rstrip("\ufffd"))


CONTROL = st.text(st.sampled_from("ab1;[]m\x1b\x07\\\n\x9b\x9cP?(\ud83d\ude00"), max_size=60)


@given(st.lists(CONTROL, max_size=8))
def test_whatever_comes_in_whatever_chunks_is_safe(chunks: list[str]) -> None:
    shown = Filter()
    out = "".join(map(shown.feed, chunks))
    for text in (out, printable("".join(chunks))):
        assert all(c in "\n\t" or (c >= " " and not "\x7f" <= c <= "\x9f") for c in text)
    assert printable("".join(chunks)).startswith(out)


def test_payloads() -> None:
    chat = TerminalConnector(TerminalConfig())
    assert chat.encode(Content(text="  hi \n"), TARGET) == [{"text": "hi"}]
    assert chat.encode(Content(text=" \x1b[0m "), TARGET) == []
    picture = Media(id="1", url="https://example.org/a.png", title="a cat")
    assert chat.encode(Content(attachments=[picture]), TARGET) == [
        {"text": "[a cat] https://example.org/a.png"}
    ]
    [payload] = chat.encode(
        Content(text="here", attachments=[Media(id="2", file="a.png", title="b")]), TARGET
    )
    assert with_paths(payload, lambda name: Path("/data/media") / name) == "here\n[b] /data/media/a.png"
    long = "x" * 100_000
    assert chat.encode(Content(text=long), TARGET) == [{"text": long}]


# On or off.


def test_the_spec() -> None:
    assert spec.platform == "terminal"
    made = spec.create(TerminalConfig())
    assert isinstance(made, TerminalConnector)
    assert isinstance(made, StreamingConnector)
    as_contract: Connector = made
    assert as_contract.platform == "terminal"


def test_when_it_is_off(monkeypatch: pytest.MonkeyPatch, piped: Ends, terminal: Ends) -> None:
    with os.fdopen(os.dup(piped.stdin)) as pipe, os.fdopen(os.dup(terminal.stdin)) as real:
        monkeypatch.setattr(sys, "stdin", pipe)
        assert missing(TerminalConfig()) == (
            "stdin is not a terminal; set enabled = true to read lines from a pipe"
        )
        assert missing(TerminalConfig(enabled=True)) == ""
        monkeypatch.setattr(sys, "stdin", real)
        assert missing(TerminalConfig()) == ""
    assert missing(TerminalConfig(enabled=True)).startswith("there is no stdin")
    monkeypatch.setattr(sys, "stdin", None)
    assert missing(TerminalConfig()).startswith("stdin is not a terminal")
    assert missing(TerminalConfig(enabled=True)).startswith("there is no stdin")


async def test_check_says_what_is_there(monkeypatch: pytest.MonkeyPatch, piped: Ends) -> None:
    with os.fdopen(os.dup(piped.stdin)) as pipe:
        monkeypatch.setattr(sys, "stdin", pipe)
        [line] = await TerminalConnector(TerminalConfig(enabled=True)).check()
        assert (line.ok, line.detail) == (True, "stdin is read line by line")
        [line] = await TerminalConnector(TerminalConfig()).check()
        assert not line.ok


async def test_keys_that_a_line_editor_would_take_are_not_part_of_what_is_said() -> None:
    message = decode_line("\x1b[200~he\x1b[Dllo\x1bOA\x1b[3~ y\x1bou\x1b[201~", user="ada")
    assert message is not None
    assert message.content.text == "hello you"
    assert decode_line("\x1b[A\x1b[A", user="ada") is None


async def test_a_line_that_the_kernel_cut_is_told_of(
    terminal: Ends, host: RecordingHost, start: Start
) -> None:
    start(terminal)
    await terminal.see("you> ")
    terminal.type("x" * 4094 + "\n")
    await host.wait_for(InboundMessage)
    assert "lost" not in terminal.seen
    terminal.type("y" * 5000)
    terminal.type("\n")
    seen = await terminal.see("Send long text in several lines")
    assert "That line has 4,095 bytes" in seen
    await host.wait_for(InboundMessage, 2)
