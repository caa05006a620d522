"""The commands that Telegram shows, set by difference, against the fake."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import CommandSpec, Localized
from bot_host.testing.connector import RecordingHost
from connectors.telegram.client import TelegramConnector
from connectors.telegram.config import TelegramConfig
from connectors.telegram.menu import MOST, lists_of
from tests.fakes.telegram import FakeTelegram

ASK = CommandSpec(
    name="ask", description="Ask me.", localizations={"de": Localized(name="frag", description="Frag mich.")}
)
MUTE = CommandSpec(name="mute", description="Be quiet.", where="shared")
RESET = CommandSpec(name="reset", description="Begin anew.", guarded=("shared",))
SET = CommandSpec(name="set", description="Change me.", guarded=("private", "shared"))
MINE = CommandSpec(name="mine", description="All of you.", where="private")
ALL = (ASK, MUTE, RESET, SET, MINE)
PLACES = ("all_private_chats", "all_group_chats", "all_chat_administrators")
MENU_CALLS = ("getMyCommands", "setMyCommands", "deleteMyCommands", "getChatMenuButton", "setChatMenuButton")


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as server:
        yield server


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[RecordingHost]:
    recording = RecordingHost(tmp_path)
    recording.known_commands = ALL
    yield recording
    await recording.tasks.close()


async def live_once(fake: FakeTelegram, host: RecordingHost, **settings: Any) -> list[str]:
    """One life of a connector, until it has polled and its own tasks are done; the menu's requests."""
    before = len(fake.calls)
    polls = len(fake.called("getUpdates"))
    config = TelegramConfig(token=fake.token, api_base=fake.url, **settings)
    connector = TelegramConnector(config, backoff_base_s=0.01, backoff_cap_s=0.02)
    running = asyncio.create_task(connector.run(host))
    async with asyncio.timeout(20):
        # The second poll comes after the login is told.
        await fake.wait_for_call("getUpdates", count=polls + 2)
        await host.tasks.wait()
    await connector.stop_intake()
    await running
    await connector.close()
    return [call.method for call in fake.calls[before:] if call.method in MENU_CALLS]


def names(fake: FakeTelegram, scope: str, language: str = "") -> list[str]:
    return [each["command"] for each in fake.bot.commands[scope, language]]


async def test_each_kind_of_chat_and_language_has_its_list(fake: FakeTelegram, host: RecordingHost) -> None:
    await live_once(fake, host)
    assert set(fake.bot.commands) == {(place, language) for place in PLACES for language in ("", "de")}
    assert names(fake, "all_private_chats") == ["ask", "reset", "mine"]
    assert names(fake, "all_group_chats") == ["ask", "mute"]
    assert names(fake, "all_chat_administrators") == ["ask", "mute", "reset", "set"]
    assert fake.bot.commands["all_group_chats", "de"] == [
        {"command": "frag", "description": "Frag mich."},
        {"command": "mute", "description": "Be quiet."},
    ]


async def test_owners_are_shown_what_they_may_use(
    fake: FakeTelegram, host: RecordingHost, caplog: pytest.LogCaptureFixture
) -> None:
    ann, bob = fake.world.user("Ann"), fake.world.user("Bob")
    fake.world.private(ann)
    owners = [str(ann.id), str(bob.id)]
    caplog.set_level(logging.INFO, "connectors.telegram")
    await live_once(fake, host, owners=owners)
    assert names(fake, f"chat:{ann.id}") == ["ask", "reset", "set", "mine"]
    assert f"chat:{bob.id} is shown no commands of their own (Chat not found)" in caplog.text
    # Who has written meanwhile is shown them at the next start.
    fake.world.private(bob)
    await live_once(fake, host, owners=owners)
    assert names(fake, f"chat:{bob.id}") == ["ask", "reset", "set", "mine"]
    assert await live_once(fake, host, owners=owners) == []


async def test_a_restart_asks_nothing(fake: FakeTelegram, host: RecordingHost) -> None:
    assert await live_once(fake, host)
    assert await live_once(fake, host) == []


async def test_only_what_differs_is_set(fake: FakeTelegram, host: RecordingHost) -> None:
    await live_once(fake, host)
    host.known_commands = (ASK, MUTE, RESET, SET)
    assert await live_once(fake, host) == ["getMyCommands", "setMyCommands"] * 2
    assert names(fake, "all_private_chats") == ["ask", "reset"]
    # What Telegram has already is not set again.
    host.remembered.clear()
    assert await live_once(fake, host) == ["getMyCommands"] * 6 + ["getChatMenuButton"]


async def test_what_is_gone_goes(fake: FakeTelegram, host: RecordingHost) -> None:
    await live_once(fake, host, owners=[str(fake.world.private(fake.world.user("Ann")).id)])
    host.known_commands = (MUTE,)
    await live_once(fake, host)
    assert set(fake.bot.commands) == {("all_group_chats", ""), ("all_chat_administrators", "")}


async def test_an_agent_without_commands_leaves_all_alone(fake: FakeTelegram, host: RecordingHost) -> None:
    host.known_commands = ()
    assert await live_once(fake, host) == []


async def test_it_can_be_switched_off(fake: FakeTelegram, host: RecordingHost) -> None:
    assert await live_once(fake, host, commands=False) == []


@pytest.mark.parametrize(
    ("before", "after"), [("default", "commands"), ("commands", "commands"), ("web_app", "web_app")]
)
async def test_the_button_opens_the_commands_unless_it_opens_something_else(
    fake: FakeTelegram, host: RecordingHost, before: str, after: str
) -> None:
    fake.bot.menu_button = before
    called = await live_once(fake, host)
    assert fake.bot.menu_button == after
    assert ("setChatMenuButton" in called) is (before != after)


async def test_a_server_without_commands_is_asked_once(
    fake: FakeTelegram, host: RecordingHost, caplog: pytest.LogCaptureFixture
) -> None:
    fake.methods.lack(*MENU_CALLS)
    caplog.set_level(logging.DEBUG, "connectors.telegram")
    assert await live_once(fake, host) == ["getMyCommands"]
    [record] = [each for each in caplog.records if each.name == "connectors.telegram.menu"]
    assert (record.levelno, record.getMessage()) == (
        logging.DEBUG,
        "telegram: this server keeps no commands (Not Found)",
    )
    assert host.remembered["commands"] == {}


async def test_what_was_set_before_a_failure_is_not_set_again(
    fake: FakeTelegram, host: RecordingHost, caplog: pytest.LogCaptureFixture
) -> None:
    await_third = iter((False, False, True))
    fake.fail(
        "setMyCommands",
        status=429,
        description="Too Many Requests: retry after 9",
        parameters={"retry_after": 9},
        when=lambda _params: next(await_third),
    )
    assert len(await live_once(fake, host)) == 6
    assert "the commands could not be set" in caplog.text
    assert len(fake.bot.commands) == 2
    assert await live_once(fake, host) == [
        *(["getMyCommands", "setMyCommands"] * 4),
        "getChatMenuButton",
        "setChatMenuButton",
    ]
    assert len(fake.bot.commands) == 6


def test_of_too_many_the_first_are_shown(caplog: pytest.LogCaptureFixture) -> None:
    many = [CommandSpec(name=f"c{number}", description="x") for number in range(MOST + 1)]
    found = lists_of(many)
    assert {len(entries) for entries in found.values()} == {MOST}
    assert "/c100 is not shown (all_private_chats): too many commands" in caplog.text


@pytest.mark.parametrize("name", ["zurücksetzen", "zurueck-setzen", ""])
def test_a_name_that_telegram_does_not_take_stays_english(name: str) -> None:
    spec = CommandSpec(
        name="reset", description="Anew.", localizations={"de": Localized(name=name, description="Von vorn.")}
    )
    assert lists_of([spec])["all_private_chats/de"] == [{"command": "reset", "description": "Von vorn."}]


def test_a_foreign_name_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    assert lists_of([CommandSpec(name="Sag-was", description="x")])["all_group_chats/"] == []
    assert "/Sag-was is not shown" in caplog.text
