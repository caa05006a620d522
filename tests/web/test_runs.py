"""Messages and what became of them, by HTTP: lists, one message, its prompts, and what must not be told."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest

from bot_host.plugin import Action, ActionResult, Plugin
from bot_host.testing import ScriptedModel
from bot_host.types.inbound import Skipped
from bot_host.types.models import TextResult, ToolCall, Usage
from bot_host.web.chat.connector import person_of
from bot_host.web.pages import write as cursor
from tests.web.conftest import Site, Sites

RUNS = "/api/v1/runs"


async def runs(site: Site, **query: str) -> list[dict[str, Any]]:
    status, body, _ = await site.get(RUNS, params=query)
    assert status == 200, body
    found: list[dict[str, Any]] = body["items"]
    return found


async def one(site: Site, wanted: str) -> dict[str, Any]:
    status, body, _ = await site.get(f"{RUNS}/{quote(wanted, safe='')}")
    assert status == 200, body
    told: dict[str, Any] = body
    return told


async def connect(site: Site) -> None:
    site.host.start_connectors()
    async with asyncio.timeout(10):
        while not any(runner.state == "connected" for runner in site.host.connectors):
            await asyncio.sleep(0.01)


async def write(site: Site, text: str, conversation: str = "one") -> str:
    """Say something in the console's chat and wait for what becomes of it; the memory's id."""
    path = f"/api/v1/agents/Eliza/conversations/{conversation}/messages"
    status, body, _ = await site.ask("POST", path, json={"text": text})
    assert status == 202, body
    await site.host.finish_pending()
    told: str = body["id"]
    return told


async def test_a_message_is_listed_with_its_outcome_time_and_cost(site: Site) -> None:
    await connect(site)
    site.model.answers.append(
        TextResult(text="Hi", model="m", usage=Usage(prompt_tokens=100, completion_tokens=20, cost=0.5))
    )
    memory_id = await write(site, "Hello\nthere")
    [row] = await runs(site)
    assert (row["id"], row["outcome"], row["reason"]) == ("row:1", "answered", "direct message")
    assert (row["text"], row["platform"], row["agent"]["name"]) == ("Hello there", "web", "Eliza")
    assert (row["tokens"], row["cost"], row["model_calls"]) == (120, 0.5, 1)
    assert row["took_ms"] > 0
    assert row["sender"]["id"] == person_of(site.agent_id)
    assert row["room"]["name"] == "Hello there"
    told = await one(site, row["run_id"])
    assert told == await one(site, memory_id)
    assert told["id"] == row["run_id"]
    assert told["row"] == 1


async def test_lists_are_narrowed_and_paged(site: Site) -> None:
    for text in ("one apple", "two pears", "three apples"):
        assert (await site.say(text))[0] == 200
    first = (await runs(site))[0]
    assert [row["text"] for row in await runs(site, text="APPLE")] == ["three apples", "one apple"]
    assert len(await runs(site, agent="eliza", outcome="answered")) == 3
    assert await runs(site, outcome="failed") == []
    assert len(await runs(site, person=first["sender"]["id"], room=first["room"]["id"])) == 3
    assert await runs(site, since="2999-01-01T00:00:00Z") == []
    seen: list[str] = []
    after = ""
    for _ in range(3):
        _, body, _ = await site.get(RUNS, params={"count": "1", "after": after})
        seen += [row["text"] for row in body["items"]]
        after = body["next"] or ""
    assert seen == ["three apples", "two pears", "one apple"]
    assert after == ""


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"room": "general"}, "room"),
        ({"person": "x" * 30}, "person"),
        ({"outcome": "good"}, "outcome"),
        ({"agent": "Nobody"}, "Nobody"),
        ({"since": "yesterday"}, "since"),
        ({"count": "0"}, "count"),
        ({"after": "xyz"}, "after"),
        ({"page": "2"}, "page"),
    ],
)
async def test_what_makes_no_sense_is_named(site: Site, query: Mapping[str, str], named: str) -> None:
    status, body, headers = await site.get(RUNS, params=query)
    assert status in (400, 404)
    assert named in body["detail"]
    assert headers["Content-Type"] == "application/problem+json"


WEIRD = ("\x00", "%", "_" * 200, "\\", "'", "\ufffd", "🦆")


@pytest.mark.parametrize("path", ["", "/unasked", "/skipped"])
async def test_no_value_brings_a_list_down(site: Site, path: str) -> None:
    keys = {
        "": ("text", "reason", "account"),
        "/unasked": ("text", "account"),
        "/skipped": ("reason", "account"),
    }
    for key in keys[path]:
        for value in WEIRD:
            status, body, _ = await site.get(RUNS + path, params={key: value})
            assert status == 200, (key, value, body)
    for since in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        assert (await site.get(RUNS + path, params={"since": since}))[0] == 400
    for place in (["0001-01-01T00:00:00+14:00", 1], ["2026-01-01T00:00:00", 1], ["x", 1], ["2026-01-01", -1]):
        assert (await site.get(RUNS + path, params={"after": cursor(place)}))[0] == 400
    far = cursor(["9999-12-31T23:59:59.999999+00:00", 2**62 - 1])
    assert (await site.get(RUNS + path, params={"after": far}))[0] == 200


@pytest.mark.parametrize(
    "wanted", ["row:" + "9" * 30, "row:x", "row:", "%", "a/b//c", "\x00", "outbox:0", "🦆" * 40]
)
async def test_no_name_brings_one_down(site: Site, wanted: str) -> None:
    status, body, _ = await site.get(f"{RUNS}/{quote(wanted, safe='')}")
    assert (status, body["status"]) == (404, 404)


async def test_one_message_is_told_with_prompt_steps_and_words(site: Site) -> None:
    await connect(site)
    await write(site, "Do you like tea? " + "x" * 400)
    told = await one(site, "row:1")
    assert told["message"]["full_text"].endswith("x" * 400)
    assert (told["kind"], told["outcome"], told["live"]) == ("message", "answered", False)
    assert "direct messages" in told["rule"]
    assert [step["name"] for step in told["steps"]][:3] == ["gate", "compose", "model"]
    starts = [step["at"] for step in told["steps"]]
    assert starts == sorted(starts)
    assert told["chat"] == {"agent": "Eliza", "conversation": "one"}
    [delivery] = told["deliveries"]
    assert (delivery["state"], delivery["platform_message_id"] != "") == ("sent", True)
    prompts = told["prompts"]
    assert prompts["kept"] is True
    [call] = [each for each in prompts["calls"] if each["type"] == "TEXT_LARGE"]
    words = [(each["role"], prompts["texts"][each["text"]]) for each in call["messages"]]
    request = site.model.requests[0]
    assert words == [(message.role, message.content) for message in request.messages]
    assert call["text"].startswith("echo: ")
    character = next(each for each in prompts["providers"] if each["name"] == "CHARACTER")
    assert "Helps." in character["text"]


async def test_actions_are_told_whole(site_at: Sites) -> None:
    async def pay(*_: Any, **__: Any) -> ActionResult:
        return ActionResult(text="Paid. " + "y" * 400)

    action = Action(name="PAY", description="Pays.", handler=pay)
    async with site_at(plugins=(Plugin(name="till", actions=(action,)),)) as site:
        call = ToolCall(id="1", name="PAY", arguments='{"to": "' + "z" * 400 + '"}')
        site.model.answers += [TextResult(text="", tool_calls=(call,)), "Done"]
        await site.say("Pay Ben")
        told = await one(site, "row:1")
        [done] = told["actions"]
        assert (done["name"], done["state"], done["success"]) == ("PAY", "done", True)
        assert done["arguments"] == call.arguments
        assert done["result"].endswith("y" * 400)
        assert len(told["prompts"]["calls"]) == 2


async def test_a_run_under_way_is_told_as_far_as_it_is(site: Site) -> None:
    await connect(site)
    site.model.hold.clear()
    path = "/api/v1/agents/Eliza/conversations/one/messages"
    _, said, _ = await site.ask("POST", path, json={"text": "Hello"})
    await site.model.wait_asked()
    [row] = await runs(site, outcome="waiting")
    assert row["outcome"] == "running"
    told = await one(site, row["id"])
    assert (told["live"], told["outcome"], told["run"]["status"]) == (True, "running", "running")
    # Begun again, it would be another run.
    assert told["id"] == row["id"]
    assert [step["name"] for step in told["steps"]] == ["gate", "compose"]
    assert told["prompts"]["calls"][0]["ms"] is None
    assert (await one(site, told["run"]["id"]))["message"]["memory_id"] == said["id"]
    site.model.hold.set()
    await site.host.finish_pending()
    over = await one(site, told["run"]["id"])
    assert (over["live"], over["outcome"], over["run"]["id"]) == (False, "answered", told["run"]["id"])


async def test_of_messages_that_were_answered_together_each_has_a_link_of_its_own(site: Site) -> None:
    await connect(site)
    site.model.hold.clear()
    path = "/api/v1/agents/Eliza/conversations/one/messages"
    await site.ask("POST", path, json={"text": "First"})
    await site.model.wait_asked()
    for text in ("Second", "Third"):
        await site.ask("POST", path, json={"text": text})
    site.model.hold.set()
    await site.host.finish_pending()
    second, third = await one(site, "row:2"), await one(site, "row:3")
    assert second["run"]["id"] == third["run"]["id"]
    assert (second["id"], third["id"]) == ("row:2", third["run"]["id"])
    assert second["run"]["together"] == ["row:3"]
    assert (await one(site, third["id"]))["message"]["text"] == "Third"


async def test_prompts_are_gone_with_the_words_that_are_in_them(site: Site) -> None:
    await connect(site)
    await write(site, "My name is Wilhelmine")
    await write(site, "Hello again")
    later = await one(site, "row:2")
    assert "Wilhelmine" in str(later["prompts"]["texts"])
    first = await one(site, "row:1")
    await site.host.store.delete_memories([first["message"]["memory_id"]])
    later = await one(site, "row:2")
    assert later["prompts"]["kept"] is False
    assert "Wilhelmine" not in str(later["prompts"])
    assert site.host.get_agents()[0].traces.find(later["run"]["id"]) is None


async def test_prompts_are_gone_with_the_person(site: Site) -> None:
    for person in ("ann", "ben"):
        await site.say(f"I am {person}", room_id="hall", entity_id=person)
    rows = await runs(site)
    assert "I am ann" in str((await one(site, rows[0]["id"]))["prompts"])
    await site.host.store.erase_entity(rows[1]["sender"]["id"])
    told = await one(site, rows[0]["id"])
    assert (told["outcome"], told["prompts"]["kept"]) == ("answered", False)


async def test_secrets_are_never_told(site_at: Sites) -> None:
    async with site_at(token="a-very-secret-token") as site:
        headers = {"Authorization": "Bearer a-very-secret-token"}
        status, _, _ = await site.get(RUNS)
        assert status == 401
        await site.ask(
            "POST",
            "/api/v1/agents/Eliza/messages",
            json={"text": "is it a-very-secret-token?"},
            headers=headers,
        )
        status, told, _ = await site.get(f"{RUNS}/row:1", headers=headers)
        assert status == 200
        assert "is it" in str(told["prompts"])
        assert "a-very-secret" not in str(told)
        status, listed, _ = await site.get(RUNS, headers=headers)
        assert listed["items"][0]["text"] == "is it ***?"


async def test_what_was_not_let_in_and_what_was_said_unasked_are_lists_of_their_own(site: Site) -> None:
    await connect(site)
    await site.host.store.count_skipped("discord:9", [Skipped(reason="bot", event_key="77/88")])
    _, body, _ = await site.get(f"{RUNS}/skipped", params={"account": "discord"})
    [skipped] = body["items"]
    assert (skipped["id"], skipped["reason"], skipped["platform"]) == ("77/88", "bot", "discord")
    told = await one(site, skipped["id"])
    assert (told["kind"], told["id"], told["outcome"], told["reason"]) == (
        "skipped",
        "77/88",
        "ignored",
        "bot",
    )
    assert "two of them" in told["rule"]
    _, body, _ = await site.get(f"{RUNS}/unasked")
    assert body == {"items": [], "next": None, "back_to": None}
    _, body, _ = await site.get(f"{RUNS}/choices")
    assert {"outcome": "skipped", "reason": "bot", "count": 1} in body["reasons"]
    assert body["agents"] == [{"id": site.agent_id, "name": "Eliza"}]
    assert [each["account"] for each in body["accounts"]] == [f"web:{site.agent_id}"]


async def test_what_is_not_known_and_what_is_meant_twice(site: Site) -> None:
    status, body, _ = await site.get(f"{RUNS}/row:99")
    assert (status, body["detail"]) == (404, "there is no row:99 in this database")
    link = quote("https://discord.com/channels/1/2/3", safe="")
    status, body, _ = await site.get(f"{RUNS}/{link}")
    assert status == 404
    assert "was received or sent" in body["detail"]
    store = site.host.store
    await store.count_skipped("discord:9", [Skipped(reason="bot", event_key="1/5")])
    await store.count_skipped("discord:9", [Skipped(reason="bot", event_key="2/5")])
    status, body, _ = await site.get(f"{RUNS}/5")
    assert status == 409
    assert "1/5" in body["detail"]
    assert "2/5" in body["detail"]


async def test_without_anybody_to_look_no_prompts_are_kept(site: Site) -> None:
    await site.web.stop()
    model: ScriptedModel = site.model
    assert site.host.get_agents()[0].traces.keep == 0
    assert model.requests == []
