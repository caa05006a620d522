"""What a turn tells of itself: events, one log line, and failures that no prompt repeats."""

import asyncio
import logging
from typing import Any

import pytest

from bot_host.host import BotHost
from bot_host.plugin import Agent, EmbeddingRequest, ModelType, Plugin
from bot_host.runtime import AgentOptions
from bot_host.testing import ScriptedModel
from bot_host.types.content import ChannelType
from bot_host.types.errors import ModelError
from bot_host.types.events import EventType, MessageEvent, RunEvent
from bot_host.types.ids import create_unique_uuid, new_id
from tests.host.conftest import House, Houses


def listen(house: House) -> list[Any]:
    heard: list[Any] = []
    agent = house.host.get_agent(house.agent_id)
    agent.on(RunEvent, heard.append)
    agent.on(MessageEvent, heard.append)
    return heard


async def test_a_turn_tells_its_run_and_its_messages(house: House) -> None:
    heard = listen(house)
    await house.platform.say("Hello")
    await house.host.finish_pending()
    assert [event.type for event in heard] == [
        EventType.RUN_STARTED,
        EventType.MESSAGE_RECEIVED,
        EventType.MESSAGE_SENT,
        EventType.RUN_ENDED,
    ]
    started, received, sent, ended = heard
    assert (received.message.content.text, sent.message.content.text) == ("Hello", "echo: Hello")
    assert started.run_id == ended.run_id
    assert started.message_id == received.message.id
    assert (started.status, ended.status) == ("started", "completed")


async def test_a_turn_that_fails_or_takes_too_long_says_so(house_at: Houses) -> None:
    async with house_at(options=AgentOptions(turn_timeout=0.05)) as one:
        heard = listen(one)
        one.model.answers = [ModelError("out of order")]
        await one.platform.say("fails")
        await one.host.finish_pending()
        failed = heard[-1]
        assert (failed.type, failed.status, failed.error) == (EventType.RUN_ENDED, "failed", "out of order")
        one.model.hold.clear()
        await one.platform.say("hangs")
        await one.platform.wait_sent(2)
        await one.host.finish_pending()
        assert (heard[-1].type, heard[-1].status) == (EventType.RUN_TIMEOUT, "timeout")
        [latest, *_] = await one.store.get_runs(create_unique_uuid(one.agent_id, "ada"))
        assert latest.status == "timeout"


async def test_an_ignored_message_ends_a_run_and_sends_nothing(house: House) -> None:
    heard = listen(house)
    await house.platform.say("chatter", room="general", type=ChannelType.GROUP)
    await house.host.finish_pending()
    assert [event.type for event in heard] == ["RUN_STARTED", "MESSAGE_RECEIVED", "RUN_ENDED"]
    assert heard[-1].status == "ignored"


async def test_a_failure_line_is_marked_and_no_model_sees_it(house: House) -> None:
    house.model.answers = [ModelError("out of order"), "fine again"]
    await house.platform.say("one")
    [line] = await house.platform.wait_sent(1)
    await house.platform.say("two")
    await house.platform.wait_sent(2)
    await house.host.finish_pending()
    stored = await house.store.get_memories(create_unique_uuid(house.agent_id, "ada"))
    marked = [memory.content.text for memory in stored if memory.metadata.get("failure")]
    assert marked == [line]
    said = [message.content for message in house.model.requests[-1].messages[1:]]
    assert said == ["one", "two"]


async def test_one_line_in_the_log_for_each_turn(
    house: House,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="bot_host.pipeline.journey")
    await house.platform.say("Hello")
    await house.host.finish_pending()
    await house.platform.say("chatter", room="c1", room_name="general", type=ChannelType.GROUP)
    await house.host.finish_pending()
    lines = [r.getMessage().rpartition(", ")[0] for r in caplog.records if r.name.endswith("journey")]
    assert lines == ["fake, direct: answered, direct message", "fake, general: ignored, not addressed"]
    assert all(r.getMessage().endswith(" ms") for r in caplog.records if r.name.endswith("journey"))


async def test_a_turn_that_is_begun_again_says_so(house: House) -> None:
    heard = listen(house)
    house.model.hold.clear()
    message = await house.platform.say("Helo")
    await house.model.wait_asked()
    await house.platform.rewrite(message, "Hello")
    await house.model.wait_asked(2)
    house.model.hold.set()
    assert await house.platform.wait_sent() == ["echo: Hello"]
    await house.host.finish_pending()
    told = [(event.type, getattr(event, "again", None)) for event in heard]
    assert told == [
        ("RUN_STARTED", False),
        ("MESSAGE_RECEIVED", False),
        ("RUN_ENDED", False),
        ("RUN_STARTED", True),
        ("MESSAGE_RECEIVED", True),
        ("MESSAGE_SENT", False),
        ("RUN_ENDED", False),
    ]
    runs = [event.run_id for event in heard if event.type == EventType.RUN_STARTED]
    assert len(set(runs)) == 2


async def test_what_is_said_in_a_turn_gets_vectors() -> None:
    asked: list[str] = []

    async def embed(agent: Agent, request: EmbeddingRequest) -> list[float]:
        asked.append(request.text)
        return [float(len(request.text)), 1.0]

    host = BotHost()
    plugin = Plugin(name="e", models={ModelType.TEXT_EMBEDDING: embed})
    [agent] = await host.add_agents(
        [
            {
                "character": {"name": "Eliza"},
                "plugins": [ScriptedModel().plugin, plugin],
            }
        ],
        auto_start=True,
        return_runtimes=True,
    )
    done = asyncio.Event()
    agent.on(EventType.EMBEDDING_GENERATION_COMPLETED, lambda event: done.set() if len(asked) == 2 else None)
    message = {"entity_id": new_id(), "room_id": new_id(), "content": {"text": "hi"}}
    await host.handle_message(agent.agent_id, message)
    await done.wait()
    assert sorted(asked) == ["echo: hi", "hi"]
    await host.stop()
