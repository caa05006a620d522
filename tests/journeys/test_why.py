"""`why` tells what became of a message, by what an admin has of it: the host at work, stopped, killed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.openai import ApiError
from tests.journeys.harness import bot_host, clean_environment
from tests.journeys.party import Party, party
from tests.journeys.seats import DM, GROUP, PLATFORMS


async def why(p: Party, *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors."""
    async with p.command("why", *arguments) as asked:
        code = await asked.end()
        return code, asked.text, asked.all_log


async def report(p: Party, *arguments: str) -> dict[str, Any]:
    code, text, log = await why(p, *arguments, "--json")
    assert code == 0, log
    told: dict[str, Any] = json.loads(text)
    return told


def link_of(seat: Any, message: Any) -> str:
    """The link that the platform's app copies for a message in the group."""
    match seat.name:
        case "discord":
            return f"https://discord.com/channels/4711/{message['channel_id']}/{message['id']}"
        case "telegram":
            number = str(message["chat"]["id"]).removeprefix("-100")
            return f"https://t.me/c/{number}/{message['message_id']}"
    channel = seat.channels[GROUP].id
    return f"https://acme.slack.com/archives/{channel}/p{message['ts'].replace('.', '')}"


@pytest.mark.parametrize("name", PLATFORMS)
async def test_a_link_leads_to_outcome_rule_and_line_while_the_host_runs(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p:
        [seat] = p.seats
        config = (tmp_path / "config.toml").read_text(encoding="utf-8")
        config = config.replace(f"[connectors.{name}]\n", f"[connectors.{name}]\nmention_only = true\n")
        (tmp_path / "config.toml").write_text(config, encoding="utf-8")
        line = config[: config.index("mention_only")].count("\n") + 1
        async with p.host() as host:
            talk = await seat.say(GROUP, "just\x1b[31m talking\nhere")
            asked = await seat.say(GROUP, "what is the time?", mention=True)
            await seat.wait_reply(GROUP)
            code, text, _ = await why(p, link_of(seat, talk))
            assert code == 0
            assert "outcome   ignored: not addressed" in text
            assert f"setting   mention_only = true in [connectors.{name}] (config.toml line {line})" in text
            assert "way out   mention the agent" in text
            assert "\x1b" not in text
            assert "talking here" in text
            told = await report(p, link_of(seat, asked))
            assert (told["outcome"], told["reason"]) == ("answered", "mention")
            assert told["where"]["table"] == f"connectors.{name}"
            assert [step["name"] for step in told["steps"]] == ["gate", "compose", "model"]
            [call] = told["model_calls"]
            assert (call["provider"], call["model"]) == ("openai", "fake-large")
            assert call["prompt_tokens"] > 0
            assert told["tokens"] == call["prompt_tokens"] + call["completion_tokens"]
            [delivery] = told["deliveries"]
            assert delivery["state"] == "sent"
            again = await report(p, delivery["platform_message_id"])
            assert again["row"] == told["row"]
            assert await host.stop() == 0
        assert await report(p, link_of(seat, asked)) == told


async def test_an_unknown_message_is_named_and_the_code_says_so(tmp_path: Path) -> None:
    async with party(tmp_path, "discord") as p:
        code, text, log = await why(p, "https://discord.com/channels/1/2/3")
        assert (code, text) == (1, "")
        assert "there is no database" in log
        async with p.host() as host:
            code, _, log = await why(p)
            assert (code, log) == (1, "nothing was received yet")
            code, _, log = await why(p, "https://discord.com/channels/1/2/3")
            assert code == 1
            assert "no message https://discord.com/channels/1/2/3 was received or sent" in log
            code, _, log = await why(p, "https://example.org/1/2/3")
            assert code == 1
            assert "is no link to a message of discord, slack, telegram" in log
            assert await host.stop() == 0
            code, _, log = await why(p, "")
            assert code == 1
            assert "the message is empty; leave it out" in log
            code, _, log = await why(p, "row:x")
            assert code == 1
            assert "row:x: write row:N with a number" in log
            code, _, log = await why(p, "row:99999999999999999999")
            assert (code, log) == (1, "there is no row:99999999999999999999 in this database")
        (tmp_path / "config.toml").write_text("[hots]\n", encoding="utf-8")
        code, _, log = await why(p)
        assert code == 2
        assert "unknown table hots" in log


@pytest.mark.parametrize("command", ["why", "verify"])
async def test_with_json_a_failure_is_json_too(command: str, tmp_path: Path) -> None:
    async def fails(*arguments: str) -> tuple[int, str]:
        env = clean_environment()
        async with bot_host(command, *arguments, "--json", cwd=tmp_path, env=env) as asked:
            code = await asked.end()
            assert asked.all_log == ""
            told: dict[str, Any] = json.loads(asked.text)
            assert list(told) == ["error"]
            return code, told["error"]

    code, error = await fails()
    assert code == 1
    assert "there is no database" in error
    assert "no config.toml in this folder: use --config" in error
    (tmp_path / "config.toml").touch()
    code, error = await fails()
    assert code == 1
    assert "there is no database" in error
    assert "config.toml" not in error
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "bot_host.db").write_bytes(b"this is not a database" * 100)
    code, error = await fails()
    assert code == 1
    assert "not a database" in error
    (tmp_path / "config.toml").write_text("[hots]\n", encoding="utf-8")
    code, error = await fails()
    assert code == 2
    assert "unknown table hots" in error


async def test_of_a_message_that_was_not_let_in_it_tells_the_rule(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        [seat] = p.seats
        ada = seat.ada  # type: ignore[attr-defined]
        p.write_config(f'deny = ["{ada.id}"]\n')
        async with p.host() as host:
            said = await seat.say(DM, "hello?")
            while (await why(p))[0]:
                """It is counted within a second."""
            assert await host.stop() == 0
        told = await report(p, f"{ada.id}/{said['message_id']}")
        assert (told["outcome"], told["reason"]) == ("ignored", "denied")
        assert re.fullmatch(
            rf'deny = \["{ada.id}"\] in \[connectors\.telegram\] \(config\.toml line \d+\)',
            told["settings"][0],
        )
        assert await report(p) == told
        code, text, _ = await why(p, str(said["message_id"]))
        assert code == 0
        assert "way out   take the id out of deny" in text
        # What an option looks like is an id all the same.
        code, _, log = await why(p, "-100200300/4")
        assert code == 1
        assert "no message -100200300/4 was received" in log


async def test_an_id_that_several_chats_have_is_asked_back(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        [seat] = p.seats
        async with p.host() as host:
            await seat.say(DM, "hello")
            await seat.wait_reply(DM)
            said = await seat.say(GROUP, "talking")
            await seat.say(GROUP, "ping", mention=True)
            await seat.wait_reply(GROUP)
            assert await host.stop() == 0
        code, text, log = await why(p, str(said["message_id"]))
        assert (code, text) == (1, "")
        assert "2 messages have this id; say which:" in log
        code, text, silent = await why(p, str(said["message_id"]), "--json")
        told = json.loads(text)
        assert (code, silent) == (1, "")
        assert told["error"] == "2 messages have this id; say which"
        assert [re.match(r"\w+:\d+", each) is not None for each in told["found"]] == [True, True]
        [row] = re.findall(r"(row:\d+)  telegram:\d+ -100.* ignored", log)
        assert (await report(p, row))["reason"] == "not addressed"
        [part] = re.findall(r"(outbox:\d+)  said at telegram:", log)
        assert (await report(p, part))["message"]["text"] == "hello"


async def test_a_killed_host_leaves_what_it_knew(tmp_path: Path) -> None:
    async with party(tmp_path, "discord") as p:
        [seat] = p.seats
        async with p.host() as host:
            with p.model.hold() as held:
                said = await seat.say(DM, "hello")
                await held.wait_for_request()
                told = await report(p, said["id"])
                assert told["outcome"] == "running"
                await host.kill()
        told = await report(p)
        assert told["message"]["id"] == said["id"]
        assert told["reason"] == "its turn is under way, or was when the host ended (attempt 1)"


async def test_a_failure_tells_its_error_and_no_secret(tmp_path: Path) -> None:
    async with party(tmp_path, "slack") as p:
        [seat] = p.seats
        key = p.model.key
        assert key is not None
        p.model.fail(ApiError(401, f"Incorrect API key provided: {key}"))
        async with p.host() as host:
            await seat.say(DM, "hello?")
            await seat.wait_reply(DM)
            assert await host.stop() == 0
        code, text, log = await why(p)
        assert code == 0, log
        assert "outcome   failed: " in text
        assert "rule      no model gave an answer" in text
        assert "failed: " in text.partition("model     ")[2]
        for secret in (key, *p.env.values()):
            if len(secret) > 20 and "/" not in secret:
                assert secret not in text


async def test_a_chat_in_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[connectors.terminal]\nenabled = true\n", encoding="utf-8")
    env = clean_environment()
    async with bot_host(cwd=tmp_path, env=env) as host:
        await host.say("hello")
        host.end_of_input()
        assert await host.end() == 0
    async with bot_host("why", cwd=tmp_path, env=env) as asked:
        assert await asked.end() == 0
        assert "answered: direct message" in asked.text
        assert "TEXT_LARGE offline" in asked.text
