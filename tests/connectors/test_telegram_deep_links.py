"""`t.me/BOT?start=PAYLOAD`: what stands in the link reaches a plugin's command, and no model."""

import pytest

from bot_host.connector import ConnectorConfig, InboundMessage
from bot_host.host import BotHost
from bot_host.plugin import Agent, Command, CommandCall, Option, Plugin
from bot_host.runtime.commands import COMMAND
from bot_host.testing import FakePlatform, ScriptedModel
from bot_host.types.character import Character
from bot_host.types.commands import CommandUse
from tests.connectors.telegram_samples import ANN, BOB, DATE, GROUP, event, mention, message, said
from tests.fakes.telegram_world import Json

LINK = CommandUse(name="start", text="spring_2026-a", optional=True)


async def _start(agent: Agent, call: CommandCall) -> str:
    return f"Welcome by way of {call.arguments.get('from', 'nowhere')}."


GUIDE = Plugin(
    name="guide",
    description="Greets people.",
    commands=[
        Command(
            name="start",
            description="Begin.",
            options=(Option(name="from", description="The link."),),
            handler=_start,
        )
    ],
)


async def answered(*plugins: Plugin, given: InboundMessage) -> tuple[list[str], ScriptedModel, str]:
    """What was sent, what the model was asked, and the command that was remembered with the message."""
    model, platform, host = ScriptedModel(), FakePlatform(), BotHost()
    try:
        [agent_id] = await host.add_agents(
            [
                {
                    "character": Character(name="Eliza", bio=["Helps."]),
                    "plugins": ["basics", model.plugin, *plugins],
                }
            ]
        )
        await host.start_agents()
        host.add_connector(platform, ConnectorConfig(), name="fake", agent_id=agent_id)
        host.start_connectors()
        await platform.accept(given)
        await host.finish_pending()
        [room] = await host.store.get_rooms(agent_id)
        stored = (await host.store.get_memories(room.id))[0].metadata.get(COMMAND, {})
        return [text for _, text, _ in platform.sent], model, str(stored.get("text", ""))
    finally:
        await host.stop()


@pytest.mark.parametrize(
    ("chat", "fields", "text", "command"),
    [
        ({}, mention("/start spring_2026-a", "/start", "bot_command"), "/start", LINK),
        ({}, {"text": "/start spring_2026-a"}, "/start", LINK),
        (
            GROUP,
            mention("/start@Eliza_Bot spring_2026-a", "/start@Eliza_Bot", "bot_command"),
            "/start",
            LINK,
        ),
        ({}, mention("/start", "/start", "bot_command"), "/start", None),
        ({}, mention("/start two words", "/start", "bot_command"), "/start two words", None),
        ({}, mention("/begin spring", "/begin", "bot_command"), "/begin spring", None),
    ],
)
def test_what_a_link_says(chat: Json, fields: Json, text: str, command: CommandUse | None) -> None:
    found = message(chat, **fields) if chat else message(**fields)
    assert (found.content.text, found.command) == (text, command)


def test_a_forwarded_start_begins_nothing() -> None:
    origin = {"type": "user", "date": DATE, "sender_user": BOB}
    assert message(text="/start spring", forward_origin=origin).command is None


def test_a_stranger_who_follows_a_link_is_asked_for_approval() -> None:
    found = event("message", said(text="/start spring"), dm_policy="pairing")
    assert isinstance(found, InboundMessage)
    assert found.pairing_id == str(ANN["id"])


async def test_a_plugins_command_gets_what_stands_in_the_link() -> None:
    sent, model, _ = await answered(GUIDE, given=message(text="/start spring"))
    assert sent == ["Welcome by way of spring."]
    assert model.requests == []


async def test_without_one_the_agent_greets_and_sees_no_noise() -> None:
    sent, model, stored = await answered(given=message(text="/start spring"))
    assert sent == ["echo: /start"]
    assert "spring" not in str(model.requests)
    assert stored == "spring"


async def test_a_bare_start_is_no_unknown_command() -> None:
    sent, _, _ = await answered(given=message(text="/start"))
    assert sent == ["echo: /start"]
    sent, model, _ = await answered(GUIDE, given=message(text="/start"))
    assert (sent, model.requests) == (["Welcome by way of nowhere."], [])
