"""Messages by elizaOS's names, looking at agents, and what of a character outlives the process."""

from pathlib import Path
from typing import Any

import pytest

from bot_host.host import BotHost
from bot_host.runtime import AgentRuntime
from bot_host.store import make_store
from bot_host.testing import ScriptedModel
from bot_host.types.content import ChannelType, Content, MentionContext
from bot_host.types.events import Event, EventType
from bot_host.types.ids import new_id
from bot_host.types.memory import Memory
from bot_host.types.places import Room
from tests.host.conftest import House


def agent_of(house: House) -> AgentRuntime:
    return house.host.get_agent(house.agent_id)


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"entity_id": new_id(), "room_id": new_id(), "content": {"text": text}, **more}


async def test_it_handles_messages(house: House) -> None:
    agent = agent_of(house)
    heard: list[str] = []

    async def callback(content: Content) -> list[Memory]:
        heard.append(content.text)
        return []

    assert agent.message_service is house.host.message_service
    assert agent.message_service is not None
    done = await agent.message_service.handle_message(agent, said("hi"), callback, {"timeout": 20})
    assert (done.text, done.did_respond, heard) == ("echo: hi", True, ["echo: hi"])


async def test_it_says_whether_the_agent_would_answer(house: House) -> None:
    agent = agent_of(house)
    service = house.host.message_service
    group = Room(id=new_id(), agent_id=agent.agent_id, type=ChannelType.GROUP)
    message = Memory(
        agent_id=agent.agent_id, entity_id=new_id(), room_id=group.id, content=Content(text="hello all")
    )
    house.model.decisions = ["IGNORE"]
    no = await service.should_respond(agent, message, group)
    assert (no.should_respond, no.skip_evaluation, no.reason) == (False, False, "the model chose silence")
    yes = await service.should_respond(agent, message, group, MentionContext(is_mention=True))
    assert (yes.should_respond, yes.skip_evaluation, yes.reason) == (True, True, "mention")
    direct = Room(id=group.id, agent_id=agent.agent_id, type=ChannelType.DM)
    assert (await service.should_respond(agent, message, direct)).should_respond
    assert (await service.should_respond(agent, message)).reason == "no such room"


async def test_it_deletes_messages_and_clears_rooms(house: House) -> None:
    agent = agent_of(house)
    heard: list[Event] = []
    agent.on(EventType.MESSAGE_DELETED, heard.append)
    agent.on(EventType.CHANNEL_CLEARED, heard.append)
    room_id = new_id()
    results = [
        await house.host.handle_message(agent.agent_id, {**said(text), "room_id": room_id})
        for text in ("one", "two")
    ]
    await house.host.message_service.delete_message(agent, results[0].user_message)
    assert await house.store.find_memory(results[0].message_id) is None
    assert await house.host.message_service.clear_channel(agent, room_id, "c") == 3
    assert await house.store.get_memories(room_id) == []
    assert [event.type for event in heard] == ["MESSAGE_DELETED", "CHANNEL_CLEARED"]
    assert heard[1].data == {"room_id": room_id, "channel_id": "c", "memory_count": 3}


async def test_the_accessor_looks_and_changes_nothing(house: House) -> None:
    accessor = house.host.get_runtime_accessor()
    agent = agent_of(house)
    assert accessor.get_agents() == [agent]
    assert accessor.get_agent(agent.agent_id) is agent
    assert accessor.get_agent(new_id()) is None
    assert accessor.get_state(agent.agent_id) is None
    await house.host.handle_message(agent.agent_id, said("hi"))
    state = accessor.get_state(agent.agent_id)
    assert state is not None
    assert "Eliza" in state.text
    assert accessor.get_state(new_id()) is None


@pytest.mark.parametrize(
    ("settings", "kind", "reason"),
    [
        ({"ALWAYS_RESPOND_CHANNELS": "[feed, GROUP]"}, ChannelType.GROUP, "always answered here"),
        ({"SHOULD_RESPOND_BYPASS_TYPES": ["THREAD"]}, ChannelType.THREAD, "always answered here"),
        ({"ALWAYS_RESPOND_SOURCES": "Web, x"}, ChannelType.GROUP, "always answered here"),
        ({"ALWAYS_RESPOND_SOURCES": "we"}, ChannelType.GROUP, "the model chose silence"),
        ({"BOOTSTRAP_DEFLLMOFF": "yes"}, ChannelType.DM, "off until the room is followed"),
        ({"BOOTSTRAP_DEFLLMOFF": "no"}, ChannelType.DM, "direct message"),
    ],
)
async def test_settings_of_elizaos_about_answering(
    house: House, settings: dict[str, Any], kind: ChannelType, reason: str
) -> None:
    agent = agent_of(house)
    for key, value in settings.items():
        agent.set_setting(key, value)
    house.model.decisions = ["IGNORE"]
    content = {"text": "hello", "source": "web", "channel_type": kind}
    result = await house.host.handle_message(agent.agent_id, {**said(""), "content": content})
    assert result.processing.reason == reason


async def start(folder: Path, character: dict[str, Any]) -> tuple[BotHost, str]:
    host = BotHost(store=make_store("sqlite:///bot.db", base=folder))
    [agent_id] = await host.add_agents(
        [{"character": character, "plugins": ["basics", ScriptedModel().plugin]}]
    )
    host.enable_editable_mode()
    return host, agent_id


async def test_what_update_agent_changed_holds_over_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    character = {"name": "Ada", "bio": ["Counts."], "topics": ["numbers"]}
    host, agent_id = await start(tmp_path, character)
    await host.start_agents()
    await host.update_agent(agent_id, {"bio": ["Reckons."], "secrets": {"KEY": "hunter2"}})
    await host.stop()

    host, agent_id = await start(tmp_path, character)
    assert host.get_agent(agent_id).character.bio == ["Counts."]
    # Before the start, too: what was changed earlier is not lost.
    await host.update_agent(agent_id, {"system": "Be brief."})
    await host.start_agents()
    now = host.get_agent(agent_id).character
    assert (now.bio, now.system, now.topics, now.secrets) == (["Reckons."], "Be brief.", ["numbers"], {})
    await host.stop()
    assert "Ada: changes that were made are kept: bio, system" in caplog.text

    host, agent_id = await start(tmp_path, {**character, "topics": ["engines"]})
    await host.start_agents()
    now = host.get_agent(agent_id).character
    assert (now.bio, now.system, now.topics) == (["Counts."], None, ["engines"])
    await host.stop()
    assert "the changes of bio, system are gone" in caplog.text
    for file in tmp_path.glob("bot.db*"):
        assert b"hunter2" not in file.read_bytes()
