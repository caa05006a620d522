"""Agents for clients of OpenAI's form: the real `openai` package, and requests as others make them."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from bot_host.plugin import Agent, ImageDescriptionRequest, ModelType, Plugin
from bot_host.types.errors import ModelError
from bot_host.types.ids import create_unique_uuid, is_uuid
from bot_host.types.models import TextRequest, TextResult, Usage
from bot_host.web.completions.answers import Shown
from tests.web.conftest import Site, Sites

URL = "/v1/chat/completions"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
CONVERSATION = "X-Conversation-Id"


def client_of(site: Site, key: str = "any") -> AsyncOpenAI:
    return AsyncOpenAI(base_url=site.web.url + "/v1", api_key=key, max_retries=0)


@pytest.fixture
async def ai(site: Site) -> AsyncIterator[AsyncOpenAI]:
    async with client_of(site) as client:
        yield client


def user(text: str) -> Any:
    return {"role": "user", "content": text}


def said_by(text: str) -> Any:
    return {"role": "assistant", "content": text}


def told(site: Site, at: int = -1) -> list[str]:
    """What the model was told of the conversation."""
    return [m.content for m in site.model.requests[at].messages if m.role != "system"]


def system(site: Site, at: int = -1) -> str:
    return site.model.requests[at].messages[0].content


async def test_an_answer_of_an_agent_by_its_name(site: Site, ai: AsyncOpenAI) -> None:
    site.model.answers = [
        TextResult(text="Good day.", model="m", usage=Usage(prompt_tokens=7, completion_tokens=3))
    ]
    made = await ai.chat.completions.create(model="eliza", messages=[user("Hello")])
    assert (made.object, made.model) == ("chat.completion", "Eliza")
    [choice] = made.choices
    assert (choice.message.role, choice.message.content) == ("assistant", "Good day.")
    assert (choice.index, choice.finish_reason) == (0, "stop")
    assert made.usage is not None
    assert (made.usage.prompt_tokens, made.usage.completion_tokens, made.usage.total_tokens) == (7, 3, 10)
    assert made.model_extra is not None
    ours = made.model_extra["bot_host"]
    assert (ours["outcome"], ours["reason"]) == ("answered", "direct message")
    assert made.id == f"chatcmpl-{ours['message_id']}"
    assert is_uuid(ours["room_id"])
    assert is_uuid(ours["run_id"])
    by_id = await ai.chat.completions.create(model=site.agent_id, messages=[user("Hello")])
    assert by_id.choices[0].message.content == "echo: Hello"


async def test_agents_are_the_models(site_at: Sites) -> None:
    async with site_at(names=("Eliza", "A/B c")) as site, client_of(site) as ai:
        found = [each.id async for each in await ai.models.list()]
        assert found == ["Eliza", "A/B c"]
        one = await ai.models.retrieve("A/B c")
        assert (one.id, one.object, one.owned_by) == ("A/B c", "model", "bot-host")
        with pytest.raises(openai.NotFoundError, match="there is no agent"):
            await ai.models.retrieve("gpt-5")


async def test_the_client_without_asyncio(site: Site) -> None:
    def ask() -> tuple[str | None, str]:
        with OpenAI(base_url=site.web.url + "/v1", api_key="any", max_retries=0) as client:
            whole = client.chat.completions.create(model="Eliza", messages=[user("Hello")])
            stream = client.chat.completions.create(model="Eliza", messages=[user("Bye")], stream=True)
            text = "".join(each.choices[0].delta.content or "" for each in stream)
        return whole.choices[0].message.content, text

    assert await asyncio.to_thread(ask) == ("echo: Hello", "echo: Bye")


async def test_an_answer_as_a_stream(site_at: Sites) -> None:
    async def in_pieces(agent: Agent, request: TextRequest) -> TextResult:
        for piece in ("Good ", "day", "."):
            if request.on_chunk is not None:
                await request.on_chunk(piece)
            await asyncio.sleep(0)
        return TextResult(text="Good day.", model="m", usage=Usage(prompt_tokens=7, completion_tokens=3))

    async def init(config: Any, agent: Agent) -> None:
        agent.register_model(ModelType.TEXT_LARGE, in_pieces, provider="pieces", priority=100)

    async with site_at(plugins=(Plugin(name="pieces", init=init),)) as site, client_of(site) as ai:
        stream = await ai.chat.completions.create(
            model="Eliza", messages=[user("Hello")], stream=True, stream_options={"include_usage": True}
        )
        chunks = [each async for each in stream]
    assert {each.object for each in chunks} == {"chat.completion.chunk"}
    assert len({each.id for each in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
    assert text == "Good day."
    ends = [each.choices[0].finish_reason for each in chunks if each.choices]
    assert ends == [None] * (len(ends) - 1) + ["stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 10
    assert all(each.usage is None for each in chunks[:-1])


def test_a_stream_ends_with_all_that_was_said() -> None:
    def sent(chunks: list[tuple[str, str]], texts: list[str]) -> str:
        text = Shown()
        return "".join(text.add(*chunk) for chunk in chunks) + text.rest(texts)

    assert sent([], ["Hello"]) == "Hello"
    assert sent([("1", "Hel"), ("1", "lo")], ["Hello"]) == "Hello"
    assert sent([("1", "Hel")], ["Hello", "Bye"]) == "Hello\n\nBye"
    # A turn that was begun anew: what was shown stays, and what counts follows.
    assert sent([("1", "Hal"), ("2", "Hello")], ["Hello"]) == "Hal\n\nHello"
    # What an action said meanwhile was not streamed.
    assert sent([("1", "Done.")], ["Wait.", "Done."]) == "Done.\n\nWait."
    assert sent([("1", "Eliza: Hi")], ["Hi"]) == "Eliza: Hi"


async def test_a_stream_as_bytes(site: Site) -> None:
    asked = {"model": "Eliza", "messages": [user("Hello")], "stream": True}
    async with site.client.post(site.web.url + URL, json=asked) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert is_uuid(answer.headers[CONVERSATION])
        text = await answer.text()
    blocks = text.strip().split("\n\n")
    assert blocks[-1] == "data: [DONE]"
    data = [json.loads(block.removeprefix("data: ")) for block in blocks[:-1]]
    assert [each["choices"][0]["delta"] for each in data] == [
        {"role": "assistant", "content": ""},
        {"content": "echo: Hello"},
        {},
    ]
    assert data[-1]["bot_host"]["outcome"] == "answered"
    assert "usage" not in data[-1]


async def test_a_conversation_goes_on_and_nothing_is_told_twice(site: Site, ai: AsyncOpenAI) -> None:
    messages = [user("I am Ada")]
    rooms = set()
    for text in ("I like tea", "What do I like?", "Thanks"):
        made = await ai.chat.completions.create(model="Eliza", messages=messages)
        assert made.model_extra is not None
        rooms.add(made.model_extra["bot_host"]["room_id"])
        messages += [said_by(made.choices[0].message.content or ""), user(text)]
    assert len(rooms) == 1
    assert told(site) == ["I am Ada", "echo: I am Ada", "I like tea", "echo: I like tea", "What do I like?"]


async def test_conversations_that_begin_alike_stay_apart(site: Site, ai: AsyncOpenAI) -> None:
    site.model.answers = ["Hello, first", "Hello, second"]
    for _ in range(2):
        await ai.chat.completions.create(model="Eliza", messages=[user("Hi")])
    assert told(site) == ["Hi"]
    first = [user("Hi"), said_by("Hello, first")]
    await ai.chat.completions.create(model="Eliza", messages=[*first, user("one")])
    assert told(site) == ["Hi", "Hello, first", "one"]
    # The same again from there, as a client that lets people say it anew does: a conversation of its own.
    await ai.chat.completions.create(model="Eliza", messages=[*first, user("two")])
    assert told(site) == ["Hi", "Hello, first", "two"]
    # Another person's is not this one's, whatever was said.
    second = [user("Hi"), said_by("Hello, second"), user("three")]
    made = await ai.chat.completions.create(model="Eliza", messages=second, user="ben")
    assert told(site) == ["Hi", "Hello, second", "three"]
    assert made.model_extra is not None
    room = await site.host.store.find_room(made.model_extra["bot_host"]["room_id"])
    assert room is not None
    people = [each.entity_id for each in await site.host.store.get_participants(room.id)]
    assert create_unique_uuid(site.agent_id, "web-user-ben") in people


async def test_what_another_client_heard_is_taken_over_once(site: Site, ai: AsyncOpenAI) -> None:
    earlier = [
        {"role": "system", "content": "Be short."},
        user("I am Ada"),
        said_by("Hello Ada"),
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "content": "22 degrees", "tool_call_id": "1"},
        user("And I like tea"),
        said_by("Noted"),
    ]
    kitchen = {CONVERSATION: "kitchen"}
    messages = [*earlier, user("What do I like?")]
    for text in ("Really?", "Sure?"):
        made = await ai.chat.completions.create(
            model="Eliza",
            messages=messages,
            extra_headers=kitchen,
        )
        messages += [said_by(made.choices[0].message.content or ""), user(text)]
    before = ["I am Ada", "Hello Ada", "And I like tea", "Noted"]
    assert told(site, 0) == [*before, "What do I like?"]
    assert told(site) == [*before, "What do I like?", "echo: What do I like?", "Really?"]
    # The room is the one of that name in the messages API, where what is known of it is told as well.
    status, body, _ = await site.get("/api/v1/agents/Eliza/messages", params={"room_id": "kitchen"})
    assert status == 200
    assert [each["text"] for each in body["messages"]][:4] == before
    # Who sends the last message alone goes on as well.
    await ai.chat.completions.create(model="Eliza", messages=[user("Bye")], extra_headers=kitchen)
    assert told(site)[-2:] == ["echo: Really?", "Bye"]


async def test_a_conversation_s_name_in_any_script(site: Site) -> None:
    await site.say("Hi", room_id="kitchen ☕")
    asked = {"model": "Eliza", "messages": [user("Bye")]}
    # aiohttp sends headers as UTF-8.
    status, _, headers = await site.ask("POST", URL, json=asked, headers={CONVERSATION: "kitchen ☕"})
    assert status == 200
    assert told(site) == ["Hi", "echo: Hi", "Bye"]
    # The room's id, as every answer tells it, is a name for it as well.
    room = {CONVERSATION: headers[CONVERSATION.lower()]}
    assert (await site.ask("POST", URL, json=asked, headers=room))[0] == 200
    assert told(site)[:2] == ["Hi", "echo: Hi"]


async def test_an_answer_in_several_messages_is_known_as_one(site: Site, ai: AsyncOpenAI) -> None:
    await ai.chat.completions.create(model="Eliza", messages=[user("Hi")], extra_headers={CONVERSATION: "c"})
    # The client shows the answer in its own way; the question is known, so the answer is.
    messages = [user("Hi"), said_by("ECHO: HI"), user("More")]
    await ai.chat.completions.create(
        model="Eliza",
        messages=messages,
        extra_headers={CONVERSATION: "c"},
    )
    assert told(site) == ["Hi", "echo: Hi", "More"]


async def test_system_messages_are_for_this_answer(site: Site, ai: AsyncOpenAI) -> None:
    messages = [
        {"role": "system", "content": "Answer in French."},
        {"role": "developer", "content": [{"type": "text", "text": "No lists."}]},
        user("Hello"),
    ]
    await ai.chat.completions.create(model="Eliza", messages=messages, extra_headers={CONVERSATION: "c"})
    assert "You are Eliza." in system(site)
    assert "Answer in French.\n\nNo lists." in system(site)
    await ai.chat.completions.create(model="Eliza", messages=[user("Bye")], extra_headers={CONVERSATION: "c"})
    assert "French" not in system(site)


async def test_the_person_is_the_one_of_that_name(site: Site, ai: AsyncOpenAI) -> None:
    await ai.chat.completions.create(model="Eliza", messages=[user("Hello")], user="ada@example")
    ada = create_unique_uuid(site.agent_id, "web-user-ada@example")
    assert await site.host.store.find_entity(ada) is not None
    for name, given in (("user", {"user": site.agent_id}), (CONVERSATION, {})):
        headers = {CONVERSATION: site.agent_id} if not given else {}
        with pytest.raises(openai.BadRequestError, match="the agent's own id") as error:
            await ai.chat.completions.create(
                model="Eliza",
                messages=[user("Hi")],
                extra_headers=headers,
                **given,
            )
        assert error.value.param == name


async def test_pictures_sound_and_files_hang_on_the_message(site_at: Sites) -> None:
    seen: list[str] = []

    async def describe(agent: Agent, request: ImageDescriptionRequest) -> dict[str, str]:
        seen.append(request.image_url)
        return {"title": "Dot", "description": "a small dot"}

    async def init(config: Any, agent: Agent) -> None:
        agent.register_model(ModelType.IMAGE_DESCRIPTION, describe, provider="eye")

    encoded = base64.b64encode(PNG).decode()
    text = base64.b64encode(b"The secret word is plum.").decode()
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}},
        {
            "type": "file",
            "file": {"filename": "note.txt", "file_data": f"data:text/plain;charset=utf-8;base64,{text}"},
        },
        {"type": "image_url", "image_url": {"url": "http://127.0.0.1:9/inside.png"}},
    ]
    async with site_at(plugins=(Plugin(name="eye", init=init),)) as site:
        async with client_of(site) as ai:
            await ai.chat.completions.create(
                model="Eliza",
                messages=[{"role": "user", "content": parts}],
            )
        [asked] = told(site)
        assert asked.startswith("What is this?")
        assert "a small dot" in asked
        assert "The secret word is plum." in asked
        # An address of this machine is not fetched for anybody.
        assert "127.0.0.1 is not on the public internet" in asked
        assert seen == [f"data:image/png;base64,{encoded}"]
        [row] = [each for each in site.model.requests[-1].messages if each.role == "user"]
        assert encoded not in row.content


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "no messages": ({"messages": []}, "messages", "at least 1"),
    "no user": ({"messages": [said_by("Hello")]}, "messages.0.role", "the last message has to be the user's"),
    "empty text": ({"messages": [user("  ")]}, "messages.0.content", "not empty"),
    "no content": ({"messages": [{"role": "user", "content": None}]}, "messages.0.content", "not empty"),
    "a role": ({"messages": [{"role": "king", "content": "x"}]}, "messages.0.role", "expected 'system'"),
    "several answers": ({"n": 2}, "n", "one answer"),
    "forced tools": ({"tools": [{}], "tool_choice": "required"}, "tool_choice", "its own tools"),
    "a forced tool": ({"tool_choice": {"type": "function"}}, "tool_choice", "its own tools"),
    "JSON": ({"response_format": {"type": "json_object"}}, "response_format", "in words"),
    "stop": ({"stop": ["\n"]}, "stop", "it is not kept here"),
    "logprobs": ({"logprobs": True}, "logprobs", "not known"),
    "speech": ({"modalities": ["text", "audio"]}, "modalities", "in text"),
    "a picture": (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        "messages",
        "expected an address",
    ),
    "a broken picture": (
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png;base64,§"}]}
            ]
        },
        "messages",
        "base64",
    ),
    "a kept file": (
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
        "messages",
        "file_data",
    ),
    "a part": (
        {"messages": [{"role": "user", "content": [{"type": "video"}]}]},
        "messages",
        'there is no part "video"',
    ),
    "a long name": ({"user": "x" * 257}, "user", "at most 256"),
    "no model": ({"model": None}, "model", "expected"),
}


@pytest.mark.parametrize("what", BAD)
async def test_what_cannot_be_done_is_refused_in_openai_s_form(what: str, site: Site) -> None:
    changes, param, words = BAD[what]
    body = {"model": "Eliza", "messages": [user("Hello")], **changes}
    status, answer, headers = await site.ask("POST", URL, json=body)
    assert (status, headers["Content-Type"]) == (400, "application/json")
    assert set(answer) == {"error"}
    assert set(answer["error"]) == {"message", "type", "param", "code"}
    assert (answer["error"]["type"], answer["error"]["param"]) == ("invalid_request_error", param)
    assert words in answer["error"]["message"]
    assert site.model.requests == []


async def test_what_does_no_harm_is_let_pass(site: Site, ai: AsyncOpenAI) -> None:
    made = await ai.chat.completions.create(
        model="Eliza",
        messages=[user("Hello")],
        temperature=0.3,
        max_completion_tokens=5,
        seed=1,
        n=1,
        tools=[{"type": "function", "function": {"name": "look"}}],
        tool_choice="auto",
        response_format={"type": "text"},
        extra_body={"chat_id": "x", "top_k": 3},
    )
    assert made.choices[0].message.content == "echo: Hello"


async def test_refusals_of_every_kind_have_openai_s_form(site_at: Sites) -> None:
    async with site_at(token="s3cret") as site:
        good = {"Authorization": "Bearer s3cret"}
        for method, path, how, status, code in (
            ("GET", "/v1/models", {}, 401, "invalid_api_key"),
            ("POST", URL, {"json": {}}, 401, "invalid_api_key"),
            ("POST", URL, {"json": {}, "headers": {**good, "Origin": "http://x"}}, 403, "forbidden"),
            ("GET", "/v1/embeddings", {"headers": good}, 404, "not_found"),
            ("GET", URL, {"headers": good}, 405, "method_not_allowed"),
            ("POST", URL, {"data": b"{", "headers": good}, 400, "bad_request"),
            (
                "POST",
                URL,
                {"data": b"x" * 10, "headers": {**good, "Content-Length": "30000000"}},
                413,
                "too_large",
            ),
        ):
            if status == 413:
                head = f"POST {URL} HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n\r\n"
                answer = await site.raw(head.encode())
                assert answer.startswith(b"HTTP/1.1 413")
                body = json.loads(answer.partition(b"\r\n\r\n")[2])
            else:
                found, body, _ = await site.ask(method, path, **how)
                assert found == status, path
            assert body["error"]["code"] == code
        async with client_of(site, "wrong") as ai:
            with pytest.raises(openai.AuthenticationError, match="web token"):
                await ai.models.list()
        async with client_of(site, "s3cret") as ai:
            made = await ai.chat.completions.create(model="Eliza", messages=[user("Hello")])
            assert made.choices[0].message.content == "echo: Hello"
            with pytest.raises(openai.NotFoundError) as error:
                await ai.chat.completions.create(model="gpt-5", messages=[user("Hello")])
    assert (error.value.code, error.value.param) == ("model_not_found", "model")


async def test_a_failed_turn_is_an_error_and_is_not_tried_again(site: Site) -> None:
    async with AsyncOpenAI(base_url=site.web.url + "/v1", api_key="any", max_retries=2) as ai:
        site.model.answers = [ModelError("the key was refused")]
        with pytest.raises(openai.InternalServerError, match="the key was refused") as error:
            await ai.chat.completions.create(model="Eliza", messages=[user("Hello")])
        assert error.value.code == "turn_failed"
        assert len(site.model.requests) == 1
        site.model.answers = [ModelError("the key was refused")]
        stream = await ai.chat.completions.create(model="Eliza", messages=[user("Hello")], stream=True)
        with pytest.raises(openai.APIError, match="the key was refused"):
            async for _ in stream:
                pass


@pytest.mark.parametrize("stream", [False, True])
async def test_the_turn_of_a_client_that_leaves_goes_on(site: Site, stream: bool) -> None:
    site.model.hold.clear()
    head = (
        f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{CONVERSATION}: c\r\n"
    )
    body = json.dumps({"model": "Eliza", "messages": [user("Hello")], "stream": stream}).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", site.web.port)
    writer.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    await site.model.wait_asked()
    writer.close()
    await writer.wait_closed()
    site.model.hold.set()
    await site.host.finish_pending()
    _, found, _ = await site.get("/api/v1/agents/Eliza/messages", params={"room_id": "c"})
    assert [each["text"] for each in found["messages"]] == ["Hello", "echo: Hello"]
