"""What evaluators ask of models after the answer is on the run, with its cost; else nothing is written."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot_host.connector import ConnectorConfig
from bot_host.contracts.plugin import Agent, Evaluator, Plugin, State
from bot_host.host import BotHost
from bot_host.kit.clock import utc_now
from bot_host.store import make_store
from bot_host.testing import FakePlatform, ScriptedModel
from bot_host.types.character import Character
from bot_host.types.content import ChannelType
from bot_host.types.errors import StoreError
from bot_host.types.ids import create_unique_uuid
from bot_host.types.memory import Memory
from bot_host.types.models import ModelType


class Learning:
    """A host whose evaluator asks the large model when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.asks = True
        self.platform = FakePlatform()
        self.model = ScriptedModel()
        self.host = BotHost(store=make_store("sqlite:///bot.db", base=folder), data_dir=folder)

    async def start(self) -> None:
        async def learn(agent: Agent, message: Memory, state: State) -> None:
            if self.asks:
                await agent.use_model(ModelType.TEXT_LARGE, {"prompt": "what did we learn?"})

        plugin = Plugin(name="learning", evaluators=[Evaluator(name="LEARN", handler=learn)])
        character = Character(name="Eliza", bio=["Helps."])
        [self.agent_id] = await self.host.add_agents(
            [{"character": character, "plugins": ["basics", self.model.plugin, plugin]}]
        )
        await self.host.start_agents()
        self.host.add_connector(self.platform, ConnectorConfig(), name="fake", agent_id=self.agent_id)
        self.host.start_connectors()

    async def used(self) -> int:
        room = create_unique_uuid(self.agent_id, "ada")
        return (await self.host.store.get_use(self.agent_id, self.agent_id, room, utc_now(), [])).tokens


@pytest.fixture
async def learning(tmp_path: Path) -> AsyncIterator[Learning]:
    one = Learning(tmp_path)
    await one.start()
    yield one
    await one.host.stop()


async def test_the_run_has_the_evaluators_calls_and_the_day_their_tokens(learning: Learning) -> None:
    await learning.platform.say("hello")
    await learning.host.finish_pending()
    story = await learning.host.store.tell_story(1)
    assert story is not None
    assert story.run is not None
    assert [call["prompt_tokens"] for call in story.run.model_calls] == [10, 10]
    assert [step["name"] for step in story.run.steps] == ["gate", "compose", "model", "evaluate"]
    assert await learning.used() == 30
    assert (await learning.host.store.audit_rows(host_runs=True)).violations == ()


async def test_one_that_asks_nothing_writes_nothing(
    learning: Learning, monkeypatch: pytest.MonkeyPatch
) -> None:
    learning.asks = False

    async def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nothing is to be written")

    monkeypatch.setattr(learning.host.store, "amend_run", refuse)
    await learning.platform.say("hello")
    await learning.host.finish_pending()
    assert await learning.used() == 15


async def test_a_record_that_cannot_be_written_hurts_nobody(
    learning: Learning, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(learning.host.store, "amend_run", refuse)
    await learning.platform.say("hello")
    await learning.host.finish_pending()
    assert "1 model calls of evaluators are not on record: the disk is full" in caplog.text
    await learning.platform.say("again")
    assert await learning.platform.wait_sent(2) == ["echo: hello", "echo: again"]


async def test_an_erased_run_stays_blank(learning: Learning) -> None:
    await learning.platform.say("hello", room="general", type=ChannelType.GROUP, mention=True)
    await learning.host.finish_pending()
    store = learning.host.store
    story = await store.tell_story(1)
    assert story is not None
    assert story.run is not None
    assert story.sender is not None
    await store.erase_entity(story.sender.id)
    await store.amend_run(story.run, 2)
    [run] = await store.get_runs(story.run.room_id)
    assert run.steps == ()
    assert await learning.used() == 30
