"""Which model an agent gets that names none: by the key or the address that its settings have."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot_host.host import BotHost
from bot_host.plugin import Agent, ModelError, Plugin, TextRequest
from bot_host.types.ids import new_id
from bot_host.types.models import ModelType
from tests.fakes.openai import FakeOpenAI

KEY = "sk-fake-0123456789abcdef"
NAMES = {"OPENAI_SMALL_MODEL": "fake-small", "OPENAI_LARGE_MODEL": "fake-large"}


@pytest.fixture(autouse=True)
def _no_key_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", *NAMES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def fake() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI(key=KEY) as server:
        yield server


@pytest.fixture
async def host() -> AsyncIterator[BotHost]:
    host = BotHost()
    yield host
    await host.stop()


async def answer(host: BotHost, item: dict[str, Any]) -> str:
    [agent_id] = await host.add_agents([{"character": {"name": "Assistant"}, **item}], auto_start=True)
    message = {"entity_id": new_id(), "room_id": new_id(), "content": {"text": "Hello!"}}
    return (await host.handle_message(agent_id, message)).processing.text


async def test_by_the_environment(host: BotHost, fake: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**NAMES, "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": fake.url}.items():
        monkeypatch.setenv(name, value)
    assert await answer(host, {}) == "echo: Hello!"
    assert (fake.chats[0].model, fake.chats[0].headers["Authorization"]) == ("fake-large", f"Bearer {KEY}")


async def test_by_an_address_alone(host: BotHost, monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeOpenAI(key=None) as keyless:
        monkeypatch.setenv("OPENAI_BASE_URL", keyless.url)
        monkeypatch.setenv("OPENAI_LARGE_MODEL", "fake-large")
        assert await answer(host, {}) == "echo: Hello!"


@pytest.mark.parametrize("plugins", [None, ["basics", "openai"]])
async def test_by_the_items_settings(host: BotHost, fake: FakeOpenAI, plugins: Any) -> None:
    settings = {**NAMES, "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": fake.url}
    item = {"settings": settings} | ({"plugins": plugins} if plugins else {})
    assert await answer(host, item) == "echo: Hello!"


async def test_by_the_items_plugin_configs(host: BotHost, fake: FakeOpenAI) -> None:
    config = {"api_key": KEY, "base_url": fake.url, "large": "fake-large"}
    assert await answer(host, {"plugin_configs": {"openai": config}}) == "echo: Hello!"


@pytest.mark.parametrize("place", ["secrets", "settings", "nested"])
async def test_by_the_characters_own_key_but_never_by_its_address(
    host: BotHost, fake: FakeOpenAI, place: str
) -> None:
    async with FakeOpenAI(key=None) as strangers:
        said = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": strangers.url}
        character = {
            "secrets": {"name": "Assistant", "secrets": said},
            "settings": {"name": "Assistant", "settings": said},
            "nested": {"name": "Assistant", "settings": {"secrets": said}},
        }[place]
        item = {"character": character, "settings": {**NAMES, "OPENAI_BASE_URL": fake.url}}
        assert await answer(host, item) == "echo: Hello!"
        assert strangers.chats == []


async def test_a_characters_address_brings_no_model(host: BotHost) -> None:
    character = {"name": "Assistant", "settings": {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}}
    [agent] = await host.add_agents([{"character": character}], auto_start=True, return_runtimes=True)
    assert agent.get_model_providers(ModelType.TEXT_LARGE) == ["offline"]


async def test_a_model_of_ones_own_that_fails_is_not_covered_up_by_the_demonstration(host: BotHost) -> None:
    async def fails(agent: Agent, request: TextRequest) -> str:
        raise ModelError("out of credit")

    mine = Plugin(name="mine", models={ModelType.TEXT_LARGE: fails})
    said = await answer(host, {"plugins": ["basics", "offline", mine]})
    assert said.startswith("Sorry")


@pytest.mark.parametrize("name", ["@elizaos/plugin-openai", "plugin-openai"])
async def test_a_character_that_asks_for_openai_and_gets_the_demonstration_says_so(
    host: BotHost, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    character = {"name": "Assistant", "plugins": [name]}
    await answer(host, {"character": character})
    assert "Assistant asks for @elizaos/plugin-openai and has no OPENAI_API_KEY" in caplog.text
    caplog.clear()
    await host.add_agents([{"character": {"name": "Bob"}}])
    assert "OPENAI_API_KEY" not in caplog.text
