"""Send handlers of plugins and users: called by the outbox only, with its order, retries and records."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot_host.contracts.plugin import ActionResult, Agent
from bot_host.host import BotHost
from bot_host.plugin import Action, ActionCall, Plugin, SendLater, SendRefused, StateError, ToolCall
from bot_host.runtime import AgentRuntime
from bot_host.store import make_store
from bot_host.testing import ScriptedModel
from bot_host.types.content import ChannelType, Content
from bot_host.types.ids import new_id
from bot_host.types.models import TextResult
from bot_host.types.outbound import Target
from bot_host.types.task import Task
from bot_host.types.turn import OutboxState
from tests.host.conftest import House

ADA, ROOM = new_id(), new_id()
TARGET = Target(source="custom", channel_id="c1", thread_id="t1")


class Letterbox:
    """A send handler: what it was called with, and what it is to raise first."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.calls: list[tuple[Agent, Target, Content]] = []
        self.on_call: Callable[[], Awaitable[Any]] | None = None
        self._news = asyncio.Condition()

    async def __call__(self, agent: Agent, target: Target, content: Content) -> str:
        async with self._news:
            self.calls.append((agent, target, content))
            self._news.notify_all()
        if self.on_call is not None:
            await self.on_call()
        if self.faults:
            raise self.faults.pop(0)
        return f"id-{len(self.calls)}"

    async def wait_called(self, count: int) -> None:
        async with self._news:
            await self._news.wait_for(lambda: len(self.calls) >= count)

    @property
    def texts(self) -> list[str]:
        return [content.text for _, _, content in self.calls]

    @property
    def keys(self) -> list[str]:
        return [target.extra["key"] for _, target, _ in self.calls]


@asynccontextmanager
async def host_at(
    folder: Path, *plugins: Plugin, model: ScriptedModel | None = None
) -> AsyncIterator[tuple[BotHost, AgentRuntime]]:
    """A host on the test's database with one started agent; again and again, as restarts do."""
    model = model or ScriptedModel()
    host = BotHost(store=make_store("sqlite:///bot.db", base=folder), data_dir=folder)
    try:
        [agent] = await host.add_agents(
            [{"character": {"name": "Eliza"}, "plugins": ["basics", model.plugin, *plugins]}],
            auto_start=True,
            return_runtimes=True,
        )
        yield host, agent
    finally:
        model.hold.set()
        await host.stop(5.0)


def said(text: str, **content: Any) -> dict[str, Any]:
    return {
        "entity_id": ADA,
        "room_id": ROOM,
        "content": {"text": text, "source": "custom", **content},
    }


async def test_it_is_called_by_the_outbox_and_recorded(tmp_path: Path) -> None:
    box = Letterbox(SendLater("busy", after_s=0.0), SendLater("busy", after_s=0.0))
    async with host_at(tmp_path) as (host, agent):
        agent.register_send_handler("custom", box)
        on_disk: list[int] = []

        async def look() -> None:
            on_disk.append(await host.store.unsent_count())

        box.on_call = look
        content = Content(text="hello", url="https://example.org/x", colour="red")
        delivery = await agent.send_message_to_target(TARGET, content)
        assert await delivery.sent(20) == ["id-3"]
        assert on_disk == [1, 1, 1]
        for runtime, target, got in box.calls:
            assert runtime is agent
            assert (target.source, target.channel_id, target.thread_id) == ("custom", "c1", "t1")
            assert got == content.model_copy(update={"source": "custom"})
        assert len(set(box.keys)) == 1
        [row] = await host.store.get_parts([1])
        assert (row.state, row.platform_message_id, row.attempts) == (OutboxState.SENT, "id-3", 3)


async def test_what_it_refuses_has_failed_and_the_next_goes_out(tmp_path: Path) -> None:
    box = Letterbox(SendRefused("no such channel"))
    async with host_at(tmp_path, Plugin(name="box", send_handlers={"custom": box})) as (_, agent):
        first = await agent.send_message_to_target(TARGET, Content(text="one"))
        second = await agent.send_message_to_target(TARGET, Content(text="two"))
        with pytest.raises(SendRefused, match="no such channel"):
            await first.sent(20)
        assert await second.sent(20) == ["id-2"]


async def test_an_unknown_source_is_an_error_at_once(tmp_path: Path) -> None:
    async with host_at(tmp_path) as (host, agent):
        with pytest.raises(StateError, match=r"nothing sends to custom: .*no send handler is registered"):
            await agent.send_message_to_target(TARGET, Content(text="x"))
        assert await host.store.unsent_count() == 0
        agent.register_send_handler("custom", Letterbox())
        await agent.stop()
        with pytest.raises(StateError, match="nothing sends to custom"):
            await agent.send_message_to_target(TARGET, Content(text="x"))


async def test_over_a_restart_it_waits_until_the_handler_is_there_again(tmp_path: Path) -> None:
    before = Letterbox(SendLater("closed for today", after_s=0.0), SendLater("still", after_s=3600.0))
    async with host_at(tmp_path) as (_, agent):
        agent.register_send_handler("custom", before)
        await agent.send_message_to_target(TARGET, Content(text="hello"))
        await before.wait_called(2)
    after = Letterbox()
    async with host_at(tmp_path) as (host, agent):
        assert await host.store.unsent_count() == 1
        [row] = await host.store.get_parts([1])
        await host.store.mark_later(row.seq, row.created_at, "")
        agent.register_send_handler("custom", after)
        await after.wait_called(1)
        await host.finish_pending()
        assert after.texts == ["hello"]
        assert after.keys == before.keys[:1]
        [row] = await host.store.get_parts([1])
        assert (row.state, row.platform_message_id) == (OutboxState.SENT, "id-1")


async def test_a_plugins_handler_takes_up_what_waited_at_the_start(tmp_path: Path) -> None:
    down = Letterbox(SendLater("down", after_s=0.3))
    async with host_at(tmp_path, Plugin(name="box", send_handlers={"custom": down})) as (_, agent):
        await agent.send_message_to_target(TARGET, Content(text="hello"))
        await down.wait_called(1)
    box = Letterbox()
    async with host_at(tmp_path, Plugin(name="box", send_handlers={"custom": box})):
        await box.wait_called(1)
        assert box.texts == ["hello"]


async def _speak(agent: Agent, call: ActionCall) -> ActionResult:
    assert call.callback is not None
    await call.callback(Content(text="working on it"))
    return ActionResult(text="done")


SPEAK = Plugin(name="speak", actions=(Action(name="SPEAK", description="", handler=_speak),))


async def test_answers_in_a_room_of_that_source_go_there_and_to_the_caller(tmp_path: Path) -> None:
    box = Letterbox()
    call = TextResult(text="", tool_calls=(ToolCall(id="1", name="SPEAK", arguments="{}"),))
    model = ScriptedModel(call, "all done")
    async with host_at(tmp_path, SPEAK, model=model) as (host, agent):
        agent.register_send_handler("custom", box)
        chunks: list[str] = []
        result = await host.handle_message(
            agent.agent_id, said("do it"), on_stream_chunk=lambda chunk, _: chunks.append(chunk)
        )
        assert result.processing.text == "working on it\n\nall done"
        assert "".join(chunks) == "all done"
        await host.finish_pending()
        assert box.texts == ["working on it", "all done"]
        _, target, content = box.calls[1]
        assert (target.room_id, target.channel_id) == (ROOM, ROOM)
        assert content.in_reply_to == result.message_id
        delivery = await agent.send_message_to_target(Target(source="", room_id=ROOM), Content(text="PS"))
        assert await delivery.sent(20) == ["id-3"]
        memories = await host.store.get_memories(ROOM)
        assert [m.content.text for m in memories] == ["do it", "working on it", "all done", "PS"]


async def test_a_message_that_waits_is_answered_when_the_handler_is_there_again(tmp_path: Path) -> None:
    model = ScriptedModel()
    model.hold.clear()
    async with host_at(tmp_path, model=model) as (host, agent):
        agent.register_send_handler("custom", Letterbox())
        await host.handle_message(agent.agent_id, said("hi"), on_response=lambda content: None)
        await model.wait_asked()
        await host.stop(0.0)
    box = Letterbox()
    async with host_at(tmp_path) as (host, agent):
        await host.finish_pending()
        assert (await host.store.pending_count(), box.texts) == (1, [])
        agent.register_send_handler("custom", box)
        await box.wait_called(1)
        assert box.texts == ["echo: hi"]


async def test_a_text_by_the_clock_goes_there_too(tmp_path: Path) -> None:
    box = Letterbox()
    async with host_at(tmp_path) as (host, agent):
        agent.register_send_handler("custom", box)
        await host.handle_message(agent.agent_id, said("hi"))
        for name in ("text", "prompt"):
            await agent.create_task(
                Task(agent_id=agent.agent_id, name=name, room_id=ROOM, tags=("queue",), metadata={name: name})
            )
        await box.wait_called(3)
        assert sorted(box.texts) == ["echo: hi", "echo: prompt", "text"]


async def test_to_a_person_in_their_private_chat(tmp_path: Path) -> None:
    box = Letterbox()
    async with host_at(tmp_path) as (host, agent):
        to_ada = Target(source="custom", entity_id=ADA)
        agent.register_send_handler("custom", box)
        await (await agent.send_message_to_target(to_ada, Content(text="a stranger"))).sent(20)
        assert (box.calls[0][1].entity_id, box.calls[0][1].channel_id) == (ADA, "")
        await host.handle_message(agent.agent_id, said("hi"))
        await host.handle_message(
            agent.agent_id, {**said("hello", channel_type=ChannelType.GROUP), "room_id": new_id()}
        )
        await (await agent.send_message_to_target(to_ada, Content(text="psst"))).sent(20)
        assert (box.texts[-1], box.calls[-1][1].room_id) == ("psst", ROOM)
        await host.handle_message(agent.agent_id, {**said("hi"), "room_id": new_id()})
        with pytest.raises(StateError, match="several private chats"):
            await agent.send_message_to_target(to_ada, Content(text="psst"))


async def test_to_a_person_on_a_platform(house: House) -> None:
    await house.platform.say("hi")
    await house.platform.wait_sent()
    [room] = await house.store.get_rooms(house.agent_id)
    [person] = [e for e in await house.store.get_entities_for_room(room.id) if e.id != house.agent_id]
    agent = house.host.get_agent(house.agent_id)
    delivery = await agent.send_message_to_target(
        Target(source="fake", entity_id=person.id), Content(text="psst")
    )
    await delivery.sent(20)
    assert house.platform.sent[-1][1] == "psst"
    with pytest.raises(StateError, match="no private chat with"):
        await agent.send_message_to_target(Target(source="fake", entity_id=new_id()), Content(text="x"))
