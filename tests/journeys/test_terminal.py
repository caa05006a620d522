"""The command as an admin first meets it: a clone, no tokens, a terminal or a pipe."""

import asyncio
import fcntl
import os
import pty
import shutil
import signal
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fakes.openai import FakeOpenAI
from tests.journeys.harness import bot_host, clean_environment
from tests.journeys.seats import model_config

ROOT = Path(__file__).parent.parent.parent

PIPE = """
[connectors.terminal]
enabled = true
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What of the clone the command reads, in an empty folder."""
    shutil.copy(ROOT / "config.toml", tmp_path)
    shutil.copytree(ROOT / "characters", tmp_path / "characters")
    return tmp_path


async def test_the_shipped_config_with_nothing_on_says_the_way_out(clone: Path) -> None:
    async with bot_host("--config", "config.toml", cwd=clone, fresh=True) as host:
        assert await host.end() == 2
    for line in (
        "discord off: no token; set DISCORD_BOT_TOKEN",
        "telegram off:",
        "slack off:",
        "terminal off:",
    ):
        assert line in host.all_log
    assert "Nothing is switched on" in host.all_log
    assert "enabled = true" in host.all_log
    assert "Traceback" not in host.all_log


async def test_lines_from_a_pipe_are_answered_and_the_end_of_input_ends_it(clone: Path) -> None:
    (clone / "config.toml").write_text(PIPE, encoding="utf-8")
    async with bot_host("--config", "config.toml", cwd=clone, fresh=True) as host:
        await host.say("Hello, my name is Ada")
        await host.say("I am sad about the rain")
        host.end_of_input()
        assert await host.end() == 0
    assert host.text.strip()
    assert "terminal on" in host.all_log
    assert "demonstration" in host.all_log
    assert (clone / "data" / "bot_host.db").is_file()


async def test_a_line_that_is_not_answered_holds_up_no_other(clone: Path) -> None:
    limits = "[agents.limits]\nmessages_per_minute = { entity = 2 }\n"
    config = f'{PIPE}[[agents]]\nstop_words = ["halt!"]\n{limits}'
    (clone / "config.toml").write_text(config, encoding="utf-8")
    async with bot_host("--config", "config.toml", cwd=clone, fresh=True) as host:
        for line in ("hello", "halt!", "I feel tired", "one too many", "and one more"):
            await host.say(line)
        host.end_of_input()
        assert await host.end() == 0
    assert host.all_log.count("ignored, stop_word") == 1
    assert host.all_log.count("ignored, over_limit") == 2
    assert host.text.count("You are quicker than I am allowed to be") == 1


async def test_a_dozen_turns_through_a_pipe_with_strange_input(clone: Path) -> None:
    (clone / "config.toml").write_text(PIPE + '[[agents]]\nbusy_mode = "each"\n', encoding="utf-8")
    lines: list[bytes] = [
        b"hello",
        b"",
        b"   ",
        b"\xff\xfe broken bytes \xed\xa0\x80",
        "z̷̡a̴͝l̵g̶o".encode(),
        "مرحبا بالعالم".encode(),
        b"x" * 100_000,
        b"a\x00b",
        b"I feel tired",
        b"because of my work",
        b"what are you?",
        b"yes",
        b"you are nice",
        b"goodbye",
    ]
    async with bot_host("--config", "config.toml", cwd=clone, fresh=True) as host:
        for line in lines:
            await host.say(line)
        host.end_of_input()
        assert await host.end() == 0
    replies = [part for part in host.text.split("\n") if part.strip()]
    assert len(replies) >= 12
    assert "Traceback" not in host.all_log


async def test_the_conversation_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with FakeOpenAI() as model:
        (tmp_path / "config.toml").write_text(PIPE + model_config(model), encoding="utf-8")
        for line in ("I am Ada", "Who am I?"):
            async with bot_host("--config", "config.toml", cwd=tmp_path) as host:
                await host.say(line)
                await host.wait_out(f"echo: {line}")
                host.end_of_input()
                assert await host.end() == 0
        said = [m["content"] for m in model.chats[1].messages if m["role"] != "system"]
        assert said == ["I am Ada", "echo: I am Ada", "Who am I?"]
        assert model.key is not None
        assert model.key not in host.all_log


class Terminal:
    """The host on a pseudo-terminal, with a person before it."""

    def __init__(self, process: asyncio.subprocess.Process, leader: int) -> None:
        self.process = process
        self._leader = leader
        self.shown = b""
        self._closed = asyncio.Event()
        os.set_blocking(leader, False)
        asyncio.get_running_loop().add_reader(leader, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._leader, 65536)
        except BlockingIOError:
            return
        except OSError:  # the other side is gone: EIO on Linux
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._leader)
            self._closed.set()
        self.shown += data

    @property
    def screen(self) -> str:
        return self.shown.decode("utf-8", "replace")

    async def wait_for(self, text: str) -> None:
        for _ in range(4000):
            if text in self.screen:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{text!r} is not on the screen:\n{self.screen}")

    def type(self, text: str) -> None:
        os.write(self._leader, text.encode())

    async def end(self) -> int:
        code = await asyncio.wait_for(self.process.wait(), 40)
        await asyncio.wait_for(self._closed.wait(), 40)
        return code

    async def close(self) -> None:
        if self.process.returncode is None:
            print(self.screen)
            self.process.kill()
            await self.process.wait()
        asyncio.get_running_loop().remove_reader(self._leader)
        os.close(self._leader)


@asynccontextmanager
async def on_terminal(cwd: Path) -> AsyncIterator[Terminal]:
    """`python -m bot_host --config config.toml` on a terminal of its own."""
    leader, follower = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot_host",
        "--config",
        "config.toml",
        cwd=cwd,
        env=clean_environment(TERM="xterm"),
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
        preexec_fn=_own_terminal,
    )
    os.close(follower)
    terminal = Terminal(process, leader)
    try:
        yield terminal
    finally:
        await terminal.close()


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


async def test_on_a_terminal_the_chat_owns_the_screen_and_ctrl_c_ends_it(clone: Path) -> None:
    async with on_terminal(clone) as terminal:
        await terminal.wait_for("discord off: no token; set DISCORD_BOT_TOKEN")
        await terminal.wait_for("you> ")
        terminal.type("I am worried about my exam\n")
        await terminal.wait_for("Eliza> ")
        terminal.type("\x03")
        assert await terminal.end() == 0
        after = terminal.screen.partition("Eliza> ")[2]
        assert after.strip()
        assert " info " not in after
        assert "Traceback" not in terminal.screen
    assert "stopped" in (clone / "data" / "logs" / "bot_host.log").read_text(encoding="utf-8")


async def test_on_a_terminal_the_answer_is_shown_while_it_is_written(clone: Path) -> None:
    async with FakeOpenAI() as model:
        (clone / "config.toml").write_text(model_config(model), encoding="utf-8")
        async with on_terminal(clone) as terminal:
            await terminal.wait_for("you> ")
            with model.hold(after=3) as held:
                terminal.type("stream this to me please\n")
                await held.wait_for_request()
                await terminal.wait_for("Eliza> echo")
                assert "echo: stream this to me please" not in terminal.screen
                held.release()
            await terminal.wait_for("echo: stream this to me please")
            assert model.chats[0].streamed
            assert terminal.screen.count("Eliza> ") == 1
            terminal.type("\x04")
            assert await terminal.end() == 0


async def test_a_signal_ends_it(clone: Path) -> None:
    (clone / "config.toml").write_text(PIPE, encoding="utf-8")
    for number in (signal.SIGTERM, signal.SIGINT):
        async with bot_host("--config", "config.toml", cwd=clone, fresh=True) as host:
            await host.wait_log("terminal on")
            host.signal(number)
            assert await host.end() == 0
            assert "stopped" in host.all_log
