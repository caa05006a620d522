"""The plugin in a real agent, with a model that says what the test wants."""

from bot_host_dice import plugin

from bot_host import BotHost
from bot_host.plugin import TextResult, ToolCall
from bot_host.testing import ScriptedModel, erase_gaps, retention_gaps

USER = "00000000-0000-0000-0000-000000000001"
ROOM = "00000000-0000-0000-0000-000000000002"


async def ask(host: BotHost, agent_id: str, text: str) -> str:
    message = {"entity_id": USER, "room_id": ROOM, "content": {"text": text}}
    return (await host.handle_message(agent_id, message)).processing.text


async def test_the_model_throws_the_dice_and_the_best_throw_is_remembered() -> None:
    call = ToolCall(id="1", name="roll_dice", arguments='{"count": 2}')
    model = ScriptedModel(TextResult(text="", tool_calls=(call,)), "There you go.", "That one.", "None.")
    host = BotHost()
    try:
        [agent_id] = await host.add_agents(
            [
                {
                    "character": {"name": "Croupier"},
                    "plugins": ["basics", model.plugin, plugin],
                    "settings": {"DICE_SEED": "7"},
                }
            ]
        )
        await host.start_agents()
        assert await ask(host, agent_id, "Throw two dice") == "There you go."
        answer = model.requests[1].messages[-1]
        assert answer.role == "tool"
        assert answer.content.startswith("Thrown: [")
        await ask(host, agent_id, "What was the best?")
        assert "The best throw of the dice so far is" in model.requests[2].messages[0].content
        assert (await host.store.erase_entity(USER))["plugin_dice_throws"] == 1
        await ask(host, agent_id, "And now?")
        assert "The best throw" not in model.requests[3].messages[0].content
    finally:
        await host.stop()


def test_who_is_erased_leaves_nothing_behind() -> None:
    assert plugin.schema is not None
    assert erase_gaps(plugin.schema) == []
    assert retention_gaps(plugin.schema) == []


async def test_what_the_model_may_not_ask_for_is_refused() -> None:
    call = ToolCall(id="1", name="THROW_DICE", arguments='{"count": 2000}')
    model = ScriptedModel(TextResult(text="", tool_calls=(call,)), "Sorry.")
    host = BotHost()
    try:
        [agent_id] = await host.add_agents(
            [{"character": {"name": "Croupier"}, "plugins": [model.plugin, plugin]}]
        )
        await host.start_agents()
        await ask(host, agent_id, "Throw 2000 dice")
        assert model.requests[1].messages[-1].content.startswith("error:")
    finally:
        await host.stop()
