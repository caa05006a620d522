"""Actions that a connector brings: for the messages of its account, and nobody else's."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import ActingConnector, ConnectorConfig
from bot_host.contracts.plugin import Action, ActionCall, ActionResult, Agent, Plugin
from bot_host.host import BotHost
from bot_host.store import make_store
from bot_host.testing import FakePlatform, ScriptedModel
from bot_host.types.character import Character
from bot_host.types.ids import create_unique_uuid
from bot_host.types.models import TextResult, ToolCall
from tests.host.conftest import Houses
from tests.host.test_steps import hang


class Able(FakePlatform):
    """A platform whose account can WAVE."""

    def __init__(self, *, account_id: str = "1", idempotent: bool = False, slow: bool = False) -> None:
        super().__init__(account_id=account_id)
        self.waves: list[str] = []
        self._idempotent = idempotent
        self.slow = slow

    def actions(self) -> Sequence[Action]:
        async def wave(agent: Agent, call: ActionCall) -> ActionResult:
            self.waves.append(str(call.message.metadata["from_id"]))
            if self.slow:
                await hang()
            return ActionResult(text=f"waved by account {self.account.id}")

        return [Action(name="WAVE", description="Wave.", handler=wave, idempotent=self._idempotent)]


class Broken(FakePlatform):
    """One whose action has no name that a model could call."""

    def actions(self) -> Sequence[Action]:
        async def nothing(agent: Agent, call: ActionCall) -> ActionResult:
            return ActionResult()

        return [Action(name="NO GOOD", description="", handler=nothing)]


WAVE = TextResult(text="", tool_calls=(ToolCall(id="c", name="WAVE", arguments="{}"),))


def tools(model: ScriptedModel, at: int = 0) -> set[str]:
    return {tool.name for tool in model.requests[at].tools}


async def test_they_are_offered_and_run_for_what_came_in_there(house_at: Houses) -> None:
    platform = Able()
    assert isinstance(platform, ActingConnector)
    async with house_at(answers=(WAVE, "Done."), platform=platform) as house:
        await platform.say("wave", person="ada")
        assert await platform.wait_sent() == ["Done."]
        assert "WAVE" in tools(house.model)
        assert platform.waves == ["ada"]
        assert house.model.requests[1].messages[-1].content == "waved by account 1"
        # The account goes, and its actions with it.
        [agent] = house.host.get_agents()
        memory = (await house.store.get_memories(platform.sent[0][0].room_id or "", count=5))[0]
        names = [action.name for action in await agent.select_actions(memory)]
        assert "WAVE" in names
        assert house.host._accounts.actions_for(create_unique_uuid(agent.agent_id, "x"), memory) == ()
        house.host._accounts.close(platform)
        assert "WAVE" not in [action.name for action in await agent.select_actions(memory)]


async def test_two_accounts_of_one_platform_do_each_their_own(tmp_path: Path) -> None:
    model = ScriptedModel(WAVE, "one.", WAVE, "two.")
    host = BotHost(store=make_store("sqlite:///bot.db", base=tmp_path), data_dir=tmp_path)
    one, two = Able(account_id="1"), Able(account_id="2")
    try:
        character = Character(name="Eliza", bio=["Helps."])
        [agent_id] = await host.add_agents([{"character": character, "plugins": ["basics", model.plugin]}])
        await host.start_agents()
        for platform in (one, two):
            host.add_connector(platform, ConnectorConfig(), name=platform.account.id, agent_id=agent_id)
        host.start_connectors()
        await one.say("wave", person="ada", room="a")
        await one.wait_sent()
        await two.say("wave", person="bob", room="b")
        await two.wait_sent()
    finally:
        await host.stop(2.0)
    assert (one.waves, two.waves) == (["ada"], ["bob"])
    assert [request.messages[-1].content for request in model.requests[1::2]] == [
        "waved by account 1",
        "waved by account 2",
    ]


async def test_a_callers_message_has_none_whatever_it_says_of_itself(house_at: Houses) -> None:
    platform = Able()
    async with house_at(answers=(WAVE, "Done."), platform=platform) as house:
        await platform.say("first")
        await platform.wait_sent()
        house.model.answers = [WAVE, "Cannot."]
        ada = create_unique_uuid(house.agent_id, "ada")
        message: dict[str, Any] = {
            "entity_id": ada,
            "room_id": create_unique_uuid(house.agent_id, "elsewhere"),
            "content": {"text": "wave"},
            "metadata": {"source_account": "fake:1", "from_id": "ada"},
        }
        await house.host.handle_message(house.agent_id, message)
        assert "WAVE" not in tools(house.model, 2)
        assert "there is no action called WAVE" in house.model.requests[-1].messages[-1].content
        assert platform.waves == ["ada"]


async def test_a_plugins_action_of_the_same_name_goes_first(tmp_path: Path) -> None:
    async def mine(agent: Agent, call: ActionCall) -> ActionResult:
        return ActionResult(text="by the plugin")

    model, platform = ScriptedModel(WAVE, "Done."), Able()
    own = Plugin(name="own", actions=(Action(name="WAVE", description="Mine.", handler=mine),))
    async with BotHost(store=make_store("sqlite:///bot.db", base=tmp_path), data_dir=tmp_path) as host:
        character = Character(name="Eliza", bio=["Helps."])
        plugins = ["basics", model.plugin, own]
        [agent_id] = await host.add_agents([{"character": character, "plugins": plugins}])
        await host.start_agents()
        host.add_connector(platform, ConnectorConfig(), name="fake", agent_id=agent_id)
        host.start_connectors()
        await platform.say("wave")
        await platform.wait_sent()
    assert [tool.description for tool in model.requests[0].tools if tool.name == "WAVE"] == ["Mine."]
    assert platform.waves == []


@pytest.mark.parametrize("idempotent", [True, False])
async def test_one_that_was_cut_off_is_run_again_only_where_that_is_harmless(
    house_at: Houses, idempotent: bool
) -> None:
    platform = Able(idempotent=idempotent, slow=True)
    async with house_at(answers=(WAVE,), platform=platform) as house:
        await platform.say("wave")
        await house.model.wait_asked()
        while not platform.waves:
            await asyncio.sleep(0)
        await house.host.stop(0.0)
    again = Able(idempotent=idempotent)
    async with house_at(answers=("Done.",), platform=again) as house:
        await again.wait_sent()
        told = house.model.requests[0].messages[-1].content
    assert again.waves == (["ada"] if idempotent else [])
    assert ("waved by account 1" if idempotent else "it is not known whether WAVE was done") in told


async def test_a_slip_in_an_action_costs_the_actions_and_not_the_connection(
    house_at: Houses, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    async with house_at(answers=("Here.",), platform=(platform := Broken())) as house:
        await platform.say("hello")
        assert await platform.wait_sent() == ["Here."]
        assert "NO GOOD" not in tools(house.model)
    assert "fake: its actions cannot be offered" in caplog.text
