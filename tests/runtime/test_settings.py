"""Where settings come from, and that nothing of the environment is kept."""

from typing import Any

import pytest

from bot_host.runtime import AgentOptions
from bot_host.runtime.agent import AgentRuntime
from bot_host.runtime.settings import set_allowed_env_vars
from bot_host.store import Database
from bot_host.types.character import Character
from tests.runtime.conftest import Agents


def made(agents: Agents, **character: Any) -> AgentRuntime:
    return agents(
        character=Character(name="Eliza", **character),
        settings={"A": "given", "B": "given", "C": "given", "D": "given"},
        options=AgentOptions(conversation_length=7),
    )


async def test_the_order_of_sources(agents: Agents, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in "ABCDE":
        monkeypatch.setenv(key, "environment")
    agent = made(
        agents,
        secrets={"A": "secret"},
        settings={"A": "x", "B": "character", "secrets": {"B": "x", "C": "nested"}},
    )
    assert [agent.get_setting(key) for key in "ABCDE"] == [
        "secret",
        "character",
        "nested",
        "given",
        "environment",
    ]


@pytest.mark.parametrize(
    ("value", "read"),
    [("true", True), ("false", False), (0, 0), ("", ""), (False, False), ("True", "True"), (1.5, 1.5)],
)
async def test_false_zero_and_empty_are_values(agents: Agents, value: Any, read: Any) -> None:
    agent = made(agents, settings={"A": value})
    found = agent.get_setting("A")
    assert found == read
    assert type(found) is type(read)
    assert agent.has_setting("A")


async def test_the_allowed_variables_of_the_environment(
    agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "a")
    monkeypatch.setenv("B_KEY", "b")
    agent = made(agents, settings={"C_KEY": "c"})
    set_allowed_env_vars({"A_KEY"})
    try:
        assert [agent.get_setting(key) for key in ("A_KEY", "B_KEY", "C_KEY")] == ["a", None, "c"]
    finally:
        set_allowed_env_vars(None)
    assert agent.get_setting("B_KEY") == "b"


async def test_missing(agents: Agents) -> None:
    agent = made(agents)
    assert agent.get_setting("NO_SUCH_SETTING") is None
    assert not agent.has_setting("NO_SUCH_SETTING")
    assert agent.get_conversation_length() == 7


async def test_set_and_take_back(agents: Agents) -> None:
    agent = made(agents, secrets={"A": "secret"})
    agent.set_setting("A", "mine")
    assert agent.get_setting("A") == "mine"
    agent.set_setting("A", None)
    assert agent.get_setting("A") == "secret"
    await agent.start()
    agent.set_setting("A", "mine")
    await agent.stop()
    assert agent.get_setting("A") == "secret"


async def test_the_audit_has_no_secret(agents: Agents, store: Database) -> None:
    agent = made(agents, secrets={"A": "secret"})
    await agent.start()
    for key in ("OPENAI_API_KEY", "SLACK_BOT_TOKEN", "A", "PIN"):
        agent.set_setting(key, "hunter2", secret=key == "PIN")
    agent.set_setting("TEXT_LARGE_MAX_TOKENS", 500)
    await agent.stop()
    audit = {entry.subject: entry.details for entry in await store.get_audit(agent.agent_id)}
    assert audit == {
        "OPENAI_API_KEY": {},
        "SLACK_BOT_TOKEN": {},
        "A": {},
        "PIN": {},
        "TEXT_LARGE_MAX_TOKENS": {"value": "500"},
    }


def test_a_characters_repr_has_no_secret() -> None:
    said = {"KEY": "hunter2"}
    character = Character(name="Ada", secrets=said, settings={"secrets": said, "API_KEY": "hunter2"})
    assert "Ada" in repr(character)
    assert "hunter2" not in f"{character!r} {character}"


async def test_agents_share_no_settings(agents: Agents) -> None:
    one, other = made(agents), made(agents)
    one.set_setting("A", 1)
    assert other.get_setting("A") == "given"


async def test_a_new_character_brings_its_settings(agents: Agents) -> None:
    agent = made(agents, settings={"A": "old"})
    agent_id = agent.agent_id
    agent.use_character(Character(name="Other", settings={"A": "new"}))
    assert (agent.get_setting("A"), agent.agent_id) == ("new", agent_id)
