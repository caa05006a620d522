"""The fake model server, seen through the real openai package."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI

from tests.fakes.openai import Answer, ApiError, FakeOpenAI, FakeToolCall, ModelRequest

MESSAGES = [{"role": "user", "content": "Hello there"}]
TOOL = {
    "type": "function",
    "function": {"name": "LOOK_UP", "description": "d", "parameters": {"type": "object", "properties": {}}},
}


@pytest.fixture
async def fake() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as server:
        yield server


@pytest.fixture
async def client(fake: FakeOpenAI) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        api_key=fake.key, base_url=fake.url, max_retries=0, http_client=openai.DefaultAioHttpClient()
    ) as one:
        yield one


async def _stream(client: AsyncOpenAI, **more: object) -> list[openai.types.chat.ChatCompletionChunk]:
    stream = await client.chat.completions.create(model="fake-large", messages=MESSAGES, stream=True, **more)
    return [chunk async for chunk in stream]


async def test_echo_whole(fake: FakeOpenAI, client: AsyncOpenAI) -> None:
    done = await client.chat.completions.create(model="fake-large", messages=MESSAGES)
    assert done.choices[0].message.content == "echo: Hello there"
    assert done.choices[0].finish_reason == "stop"
    assert done.model == "fake-large"
    assert done.usage is not None
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens > 0
    assert fake.chats[0].last_user_text == "Hello there"
    assert not fake.chats[0].streamed


async def test_stream_has_role_first_then_text_finish_and_usage(
    fake: FakeOpenAI, client: AsyncOpenAI
) -> None:
    got = await _stream(client, stream_options={"include_usage": True})
    assert got[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content or "" for c in got if c.choices) == "echo: Hello there"
    assert [c.choices[0].finish_reason for c in got if c.choices][-1] == "stop"
    assert not got[-1].choices
    assert got[-1].usage is not None
    assert len(got) > 4


async def test_stream_without_usage(client: AsyncOpenAI) -> None:
    got = await _stream(client)
    assert all(chunk.usage is None for chunk in got)
    assert got[-1].choices[0].finish_reason == "stop"


async def test_raw_stream_ends_with_done(fake: FakeOpenAI) -> None:
    body = {"model": "fake-large", "messages": MESSAGES, "stream": True}
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {fake.key}"}) as session,
        session.post(f"{fake.url}/chat/completions", json=body) as response,
    ):
        text = await response.text()
    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    events = [event for event in text.split("\n\n") if event]
    assert events[-1] == "data: [DONE]"
    assert all(json.loads(event.removeprefix("data: "))["id"] == "chatcmpl-1" for event in events[:-1])


async def test_tool_calls_whole_and_in_fragments(fake: FakeOpenAI, client: AsyncOpenAI) -> None:
    calls = (FakeToolCall("LOOK_UP", {"what": "rivers and lakes"}), FakeToolCall("LOOK_UP", "{broken"))
    fake.answer(Answer(None, calls), Answer(None, calls))
    done = await client.chat.completions.create(model="fake-large", messages=MESSAGES, tools=[TOOL])
    asked = done.choices[0].message.tool_calls
    assert asked is not None
    assert done.choices[0].finish_reason == "tool_calls"
    assert json.loads(asked[0].function.arguments) == {"what": "rivers and lakes"}
    assert asked[1].function.arguments == "{broken"
    got = await _stream(client, tools=[TOOL])
    parts = [p for c in got if c.choices for p in c.choices[0].delta.tool_calls or ()]
    first = [p for p in parts if p.index == 0]
    assert first[0].id
    assert first[0].function.name == "LOOK_UP"
    assert len(first) > 3
    assert json.loads("".join(p.function.arguments for p in first)) == {"what": "rivers and lakes"}
    assert fake.chats[0].tool_names == ["LOOK_UP"]


async def test_script_then_queue(fake: FakeOpenAI, client: AsyncOpenAI) -> None:
    def script(request: ModelRequest) -> str | None:
        return "RESPOND" if "TASK" in request.system_text else None

    fake.answer_with(script)
    fake.answer("first")
    texts = []
    for messages in (MESSAGES, [{"role": "system", "content": "TASK: X"}, *MESSAGES], MESSAGES):
        done = await client.chat.completions.create(model="fake-small", messages=messages)
        texts.append(done.choices[0].message.content)
    assert texts == ["first", "RESPOND", "echo: Hello there"]


async def test_errors_have_openais_shape(fake: FakeOpenAI, client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        await client.chat.completions.create(model="nothing", messages=MESSAGES)
    assert missing.value.code == "model_not_found"
    fake.fail(ApiError(429, "Slow down", "requests", "rate_limit_exceeded", headers={"Retry-After": "7"}))
    with pytest.raises(openai.RateLimitError) as busy:
        await client.chat.completions.create(model="fake-small", messages=MESSAGES)
    assert busy.value.response.headers["retry-after"] == "7"
    for status in (500, 503):
        fake.fail(ApiError(status))
        with pytest.raises(openai.InternalServerError):
            await client.chat.completions.create(model="fake-small", messages=MESSAGES)
    wrong = client.with_options(api_key="sk-wrong-key-abcdefgh")
    with pytest.raises(openai.AuthenticationError, match="sk-wrong") as refused:
        await wrong.chat.completions.create(model="fake-small", messages=MESSAGES)
    assert refused.value.code == "invalid_api_key"
    with pytest.raises(openai.NotFoundError, match="Invalid URL"):
        await client.with_options(base_url=fake.url.removesuffix("/v1")).models.list()


async def test_sdk_obeys_retry_after(fake: FakeOpenAI, client: AsyncOpenAI) -> None:
    fake.fail(ApiError(429, "Slow down", "requests", headers={"Retry-After": "0.05"}))
    done = await client.with_options(max_retries=1).chat.completions.create(
        model="fake-small", messages=MESSAGES
    )
    assert done.choices[0].message.content == "echo: Hello there"
    assert len(fake.chats) == 2


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "wizard", "content": "x"}],
        [{"role": "user", "content": None}],
        [{"role": "tool", "content": "x", "tool_call_id": "call_1"}],
        [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "A", "arguments": "{}"}},
                ],
            },
            {"role": "user", "content": "no result"},
        ],
    ],
    ids=["none", "role", "null content", "tool without call", "call without result"],
)
async def test_refuses_wrong_messages(client: AsyncOpenAI, messages: list[dict[str, object]]) -> None:
    with pytest.raises(openai.BadRequestError):
        await client.chat.completions.create(model="fake-small", messages=messages)


async def test_refuses_what_it_is_told_to_refuse(fake: FakeOpenAI, client: AsyncOpenAI) -> None:
    fake.refuse["tools"] = ApiError(400, "model does not support tools", "api_error")
    with pytest.raises(openai.BadRequestError, match="does not support tools"):
        await client.chat.completions.create(model="fake-small", messages=MESSAGES, tools=[TOOL])
    with pytest.raises(openai.BadRequestError, match="stream_options"):
        await client.chat.completions.create(
            model="fake-small", messages=MESSAGES, stream_options={"include_usage": True}
        )


async def test_embeddings(client: AsyncOpenAI) -> None:
    as_base64 = await client.embeddings.create(model="fake-embedding", input=["a", "b"])
    as_float = await client.embeddings.create(
        model="fake-embedding", input=["a", "b"], encoding_format="float"
    )
    for one, other in zip(as_base64.data, as_float.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
        assert sum(v * v for v in one.embedding) == pytest.approx(1.0, abs=1e-5)
    assert as_float.data[0].embedding != as_float.data[1].embedding
    short = await client.embeddings.create(model="fake-embedding", input="a", dimensions=5)
    assert len(short.data[0].embedding) == 5
    with pytest.raises(openai.BadRequestError):
        await client.embeddings.create(model="fake-embedding", input="")


async def test_models(client: AsyncOpenAI) -> None:
    page = await client.models.list()
    assert [model.id for model in page.data] == ["fake-small", "fake-large", "fake-embedding"]


async def test_hold_lets_answers_wait(fake: FakeOpenAI, client: AsyncOpenAI) -> None:
    with fake.hold() as held:
        asking = asyncio.create_task(client.chat.completions.create(model="fake-small", messages=MESSAGES))
        await held.wait_for_request()
        assert not asking.done()
    assert (await asking).choices[0].message.content == "echo: Hello there"
    assert len(await fake.wait_for_requests(1)) == 1


async def test_hold_in_mid_stream(fake: FakeOpenAI, client: AsyncOpenAI) -> None:
    fake.answer("one two three four")
    got: list[str] = []
    with fake.hold(after=2) as held:
        stream = await client.chat.completions.create(model="fake-small", messages=MESSAGES, stream=True)
        async for chunk in stream:
            got.append(chunk.choices[0].delta.content or "")
            if len(got) == 3:
                await held.wait_for_request()
                assert "".join(got) == "one two"
                held.release()
    assert "".join(got) == "one two three four"


async def test_faults_as_the_sdk_sees_them(fake: FakeOpenAI, client: AsyncOpenAI) -> None:
    fake.fault("drop")
    with pytest.raises(openai.APIConnectionError):
        await client.chat.completions.create(model="fake-small", messages=MESSAGES)
    fake.fault("hang")
    with pytest.raises(openai.APITimeoutError):
        await client.with_options(timeout=0.1).chat.completions.create(model="fake-small", messages=MESSAGES)
    fake.fault("html")
    assert "nginx" in str(await client.chat.completions.create(model="fake-small", messages=MESSAGES))
    fake.fault("no_choices")
    assert (await client.chat.completions.create(model="fake-small", messages=MESSAGES)).choices == []
    fake.fault("bad_json")
    with pytest.raises(json.JSONDecodeError):
        await client.chat.completions.create(model="fake-small", messages=MESSAGES)


async def test_stream_faults_as_the_sdk_sees_them(fake: FakeOpenAI, client: AsyncOpenAI) -> None:
    fake.fault("break")
    with pytest.raises(openai.APIConnectionError):
        await _stream(client)
    fake.fault("hang_mid_stream")
    with pytest.raises(openai.APITimeoutError):
        await _stream(client, timeout=0.1)
    fake.fault("bad_sse")
    with pytest.raises(json.JSONDecodeError):
        await _stream(client)
    fake.fault("error_in_stream")
    with pytest.raises(openai.APIError, match="overloaded"):
        await _stream(client)
    fake.fault("no_finish")
    cut = await _stream(client)
    assert all(chunk.choices[0].finish_reason is None for chunk in cut)
    fake.fault("no_done")
    assert (await _stream(client))[-1].choices[0].finish_reason == "stop"
