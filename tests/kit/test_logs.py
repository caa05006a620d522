"""Log lines: masked, readable or JSON, with their context."""

import asyncio
import json
import logging
import sys
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest

from bot_host.kit.logs import (
    JsonFormatter,
    ReadableFormatter,
    SecretMask,
    log_context,
    make_handler,
    set_up_logging,
)


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    names = ("bot_host", "connectors")
    before = root.handlers[:], root.level, [logging.getLogger(name).level for name in names]
    yield
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        if handler not in before[0]:
            handler.close()
    for handler in before[0]:
        root.addHandler(handler)
    root.setLevel(before[1])
    for name, level in zip(names, before[2], strict=True):
        logging.getLogger(name).setLevel(level)


def record(
    message: str, *args: object, name: str = "bot_host.host.lanes", **extra: object
) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.INFO, __file__, 1, message, args, None)
    made.__dict__.update(extra)
    return made


def mask(*secrets: str) -> SecretMask:
    made = SecretMask()
    made.add(*secrets)
    return made


def test_secrets_are_blotted_out_the_longest_first() -> None:
    known = mask("secret", "secret-and-more", "short", "")
    known.add(None)
    assert known.hide("a secret-and-more b secret c short") == "a *** b *** c short"


def test_a_readable_line() -> None:
    line = ReadableFormatter(mask("s3cr3t!"), tracebacks=True).format(record("took %s", "s3cr3t!"))
    assert line[2] == line[5] == ":"
    assert line[8:] == " info    host       took ***"


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("bot_host.kit.tasks", "kit"),
        ("connectors.discord.client", "discord"),
        ("aiohttp.web", "aiohttp"),
        ("bot_host", "bot_host"),
    ],
)
def test_who_speaks(name: str, short: str) -> None:
    line = ReadableFormatter(mask(), tracebacks=True).format(record("x", name=name))
    assert line.split()[2] == short


def test_a_json_line_is_one_line_of_json() -> None:
    line = JsonFormatter(mask(), tracebacks=True).format(record("two\nlines \ud800 é"))
    assert "\n" not in line
    entry = json.loads(line)
    assert entry["message"] == "two\nlines ? é"
    assert (entry["level"], entry["logger"]) == ("info", "bot_host.host.lanes")
    assert entry["time"].endswith("+00:00")


@pytest.mark.parametrize("kind", [JsonFormatter, ReadableFormatter])
def test_tracebacks_are_masked_and_can_be_left_out(
    kind: type[JsonFormatter] | type[ReadableFormatter],
) -> None:
    try:
        raise ValueError("token s3cr3t! refused")
    except ValueError:
        failed = record("failed")
        failed.exc_info = sys.exc_info()
    with_trace = kind(mask("s3cr3t!"), tracebacks=True).format(failed)
    assert "ValueError: token *** refused" in with_trace
    assert "s3cr3t!" not in with_trace
    assert "ValueError" not in kind(mask("s3cr3t!"), tracebacks=False).format(failed)


def test_a_secret_that_json_would_escape_is_masked() -> None:
    line = JsonFormatter(mask('pass"word\\'), tracebacks=True).format(record('url is pass"word\\ here'))
    assert json.loads(line)["message"] == "url is *** here"


def test_context_fields_nest_and_end() -> None:
    plain, as_json = ReadableFormatter(mask(), tracebacks=True), JsonFormatter(mask(), tracebacks=True)
    with log_context(agent="Eliza"):
        with log_context(room="r1", run="x"):
            assert plain.format(record("hi")).endswith("hi (agent=Eliza room=r1 run=x)")
            entry = json.loads(as_json.format(record("hi", fields={"room": "r2", "ms": "5"})))
            assert (entry["agent"], entry["room"], entry["run"], entry["ms"]) == ("Eliza", "r2", "x", "5")
        assert plain.format(record("hi")).endswith("hi (agent=Eliza)")
    assert plain.format(record("hi")).endswith("hi")


def test_a_secret_in_a_field_is_masked() -> None:
    with log_context(agent="s3cr3t!"):
        assert "s3cr3t!" not in JsonFormatter(mask("s3cr3t!"), tracebacks=True).format(record("hi"))


async def test_context_belongs_to_its_task() -> None:
    plain = ReadableFormatter(mask(), tracebacks=True)

    async def speak(agent: str) -> str:
        with log_context(agent=agent):
            await asyncio.sleep(0)
            return plain.format(record("hi"))

    lines = await asyncio.gather(speak("a"), speak("b"))
    assert [line.rsplit(" ", 1)[1] for line in lines] == ["(agent=a)", "(agent=b)"]


@pytest.mark.usefixtures("restored_logging")
def test_set_up_writes_ours_at_the_level_and_others_from_warning_on(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "bot_host.log"
    handler = make_handler(mask("s3cr3t!"), file=file, as_json=True)
    set_up_logging([handler], "debug")
    assert logging.getLogger().handlers == [handler]
    logging.getLogger("bot_host.host").debug("ours s3cr3t!")
    logging.getLogger("connectors.slack").info("connector's")
    logging.getLogger("some.sdk").info("chatter")
    logging.getLogger("some.sdk").warning("trouble")
    lines = [json.loads(line)["message"] for line in file.read_text("utf-8").splitlines()]
    assert lines == ["ours ***", "connector's", "trouble"]


@pytest.mark.usefixtures("restored_logging")
def test_without_a_file_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging([make_handler(mask())], "info")
    logging.getLogger("bot_host.host").info("started")
    logging.getLogger("bot_host.host").debug("detail")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("started\n")
    assert err.count("\n") == 1


def test_the_log_file_and_the_rotated_ones_are_for_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "bot_host.log"
    handler = make_handler(SecretMask(), file=file)
    assert isinstance(handler, RotatingFileHandler)
    handler.doRollover()
    handler.close()
    assert file.parent.stat().st_mode & 0o777 == 0o700
    for path in file.parent.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path
    assert len(list(file.parent.iterdir())) == 2
