"""The openai plugin: the real package against a fake server on loopback."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from bot_host.plugin import ChatMessage, ConfigError, ModelError, ModelType, TextRequest, TextResult, ToolSpec
from bot_host.plugins.openai import plugin
from bot_host.plugins.openai.config import DEFAULT_LARGE, DEFAULT_SMALL, OpenAIConfig
from bot_host.testing import FakeAgent
from tests.fakes.openai import Answer, ApiError, FakeOpenAI, FakeToolCall, ModelRequest

KEY = "sk-fake-0123456789abcdef"
TOOL = ToolSpec(name="LOOK_UP", description="looks up", parameters={"type": "object", "properties": {}})


@pytest.fixture
async def fake() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI(key=KEY) as server:
        yield server


def _config(fake: FakeOpenAI, **more: Any) -> dict[str, Any]:
    config = {"api_key": KEY, "base_url": fake.url, "small": "fake-small", "large": "fake-large"}
    return config | more


async def _init(config: Mapping[str, Any], agent: FakeAgent) -> None:
    assert plugin.init is not None
    await plugin.init(config, agent)


@pytest.fixture
async def agent(fake: FakeOpenAI) -> AsyncIterator[FakeAgent]:
    async with FakeAgent() as one:
        await _init(_config(fake), one)
        yield one


def _request(text: str = "Hello", **more: Any) -> TextRequest:
    return TextRequest(messages=(ChatMessage(role="user", content=text),), **more)


class Chunks:
    def __init__(self) -> None:
        self.got: list[str] = []

    async def __call__(self, chunk: str) -> None:
        self.got.append(chunk)


async def _ask(agent: FakeAgent, request: TextRequest | None = None) -> TextResult:
    return await agent.use_model(ModelType.TEXT_LARGE, request or _request())


async def _error(agent: FakeAgent, request: TextRequest | None = None) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await _ask(agent, request)
    assert KEY not in str(caught.value)
    return caught.value


async def test_large_and_small_go_to_their_models(fake: FakeOpenAI, agent: FakeAgent) -> None:
    large = await agent.use_model(ModelType.TEXT_LARGE, _request())
    small = await agent.use_model(ModelType.TEXT_SMALL, _request("Hi"))
    assert (large.text, large.model) == ("echo: Hello", "fake-large")
    assert (small.text, small.model) == ("echo: Hi", "fake-small")
    assert large.usage.prompt_tokens > 0
    assert large.usage.completion_tokens > 0
    assert fake.chats[0].headers["Authorization"] == f"Bearer {KEY}"
    assert not fake.chats[0].streamed


async def test_streaming(fake: FakeOpenAI, agent: FakeAgent) -> None:
    chunks = Chunks()
    fake.answer(Answer("The answer is 42.", usage=(11, 7)))
    result = await _ask(agent, _request(on_chunk=chunks))
    assert "".join(chunks.got) == result.text == "The answer is 42."
    assert len(chunks.got) == 4
    assert (result.usage.prompt_tokens, result.usage.completion_tokens) == (11, 7)
    assert result.model == "fake-large"


@pytest.mark.parametrize("stream", [False, True])
async def test_tool_round(fake: FakeOpenAI, agent: FakeAgent, *, stream: bool) -> None:
    fake.answer(Answer(None, (FakeToolCall("LOOK_UP", {"what": "müller"}), FakeToolCall("LOOK_UP", "{oops"))))
    on_chunk = Chunks() if stream else None
    first = await _ask(agent, _request(tools=(TOOL,), on_chunk=on_chunk))
    assert first.text == ""
    assert [call.name for call in first.tool_calls] == ["LOOK_UP", "LOOK_UP"]
    assert '"what"' in first.tool_calls[0].arguments
    assert first.tool_calls[1].arguments == "{oops"
    results = tuple(ChatMessage(role="tool", content="found", tool_call_id=c.id) for c in first.tool_calls)
    second = await _ask(
        agent,
        TextRequest(
            messages=(
                ChatMessage(role="system", content="Be brief."),
                ChatMessage(role="user", content="Look", name="Ann Müller"),
                ChatMessage(role="assistant", content="", tool_calls=first.tool_calls),
                *results,
            ),
            tools=(TOOL,),
            on_chunk=on_chunk,
        ),
    )
    assert second.text == "echo: Look"
    assert [m["role"] for m in fake.chats[1].messages] == ["system", "user", "assistant", "tool", "tool"]
    assert fake.chats[0].tool_names == ["LOOK_UP"]


async def test_refusal_is_an_answer(fake: FakeOpenAI, agent: FakeAgent) -> None:
    fake.answer(Answer(None, refusal="I cannot help with that."), Answer(None, refusal="Nor that."))
    assert (await _ask(agent)).text == "I cannot help with that."
    assert (await _ask(agent, _request(on_chunk=Chunks()))).text == "Nor that."


async def test_text_is_cleaned(fake: FakeOpenAI, agent: FakeAgent) -> None:
    fake.answer("a\x00b\ud800c", "a\x00b\ud800c")
    chunks = Chunks()
    assert (await _ask(agent, _request("x\ud800y"))).text == "ab\ufffdc"
    await _ask(agent, _request(on_chunk=chunks))
    assert "".join(chunks.got) == "ab\ufffdc"
    assert fake.chats[0].last_user_text == "x\ufffdy"


STATUS_ERRORS = [
    (ApiError(401, "Incorrect API key provided: sk-fake-****cdef."), False, "OPENAI_API_KEY"),
    (ApiError(401, f"bad key {KEY[:12]}"), False, "refused the key"),
    (ApiError(403, f"Key {KEY} may not do that"), False, "does not allow this key"),
    (ApiError(429, "Slow down", headers={"Retry-After": "7"}), True, "retry_after 7 seconds"),
    (ApiError(429, "Slow down", headers={"Retry-After-Ms": "1500"}), True, "retry_after 1.5 seconds"),
    (
        ApiError(429, "You exceeded your current quota", "insufficient_quota", "insufficient_quota"),
        False,
        "credit",
    ),
    (ApiError(500), True, "HTTP 500"),
    (ApiError(503, body="<html>503</html>", content_type="text/html"), True, "HTTP 503"),
    (ApiError(400, "This model's maximum context length is 8192 tokens"), False, "maximum context length"),
    (ApiError(400, body="nonsense", content_type="text/plain"), False, "HTTP 400"),
]


@pytest.mark.parametrize(("error", "retryable", "says"), STATUS_ERRORS)
@pytest.mark.parametrize("stream", [False, True])
async def test_status_errors(
    fake: FakeOpenAI, agent: FakeAgent, error: ApiError, says: str, *, retryable: bool, stream: bool
) -> None:
    fake.fail(error)
    failure = await _error(agent, _request(on_chunk=Chunks() if stream else None))
    assert failure.retryable is retryable
    assert failure.outage is (retryable and error.status != 500)
    assert says in str(failure)
    assert "127.0.0.1" in str(failure)
    assert len(fake.chats) == 1
    waits = {"7": 7.0, "1500": 1.5}
    assert failure.after_s == next((waits[value] for value in error.headers.values()), None)
    for length in range(6, len(KEY)):
        assert KEY[:length] not in str(failure)
        assert KEY[-length:] not in str(failure)


async def test_wrong_key(fake: FakeOpenAI) -> None:
    async with FakeAgent() as agent:
        await _init(_config(fake, api_key="sk-wrong-99887766554433"), agent)
        failure = await _error(agent)
        assert not failure.retryable
        assert "sk-wrong" not in str(failure)
        assert "4433" not in str(failure)


async def test_missing_key(fake: FakeOpenAI) -> None:
    async with FakeAgent() as agent:
        await _init(_config(fake, api_key=""), agent)
        assert "it wants a key: set OPENAI_API_KEY" in str(await _error(agent))
    assert fake.chats[0].headers["Authorization"] == "Bearer none"


async def test_unknown_model_names_those_that_are_there(fake: FakeOpenAI) -> None:
    async with FakeAgent() as agent:
        await _init(_config(fake, large="fake-larje"), agent)
        failure = await _error(agent)
    assert not failure.retryable
    for part in ("fake-larje", "models.openai.large", "did you mean fake-large?", "fake-small"):
        assert part in str(failure)


async def test_404_without_a_list(fake: FakeOpenAI) -> None:
    async with FakeAgent() as agent:
        await _init(_config(fake, base_url=fake.url.removesuffix("/v1")), agent)
        assert "/v1 at its end" in str(await _error(agent))


CONTENT_FAULTS = [
    ("drop", True, "broke"),
    ("html", False, "web page"),
    ("bad_json", True, "cannot be read"),
    ("no_choices", True, "without choices"),
    ("null_choices", True, "without choices"),
    ("null_content", True, "answered with nothing"),
]


@pytest.mark.parametrize(("fault", "retryable", "says"), CONTENT_FAULTS)
async def test_faults(fake: FakeOpenAI, agent: FakeAgent, fault: Any, says: str, *, retryable: bool) -> None:
    fake.fault(fault)
    failure = await _error(agent)
    assert failure.retryable is retryable
    assert says in str(failure)


STREAM_FAULTS = [
    ("drop", True, "broke"),
    ("break", True, "broke"),
    ("no_finish", True, "ended the stream in the middle"),
    ("bad_sse", True, "cannot be read"),
    ("html", False, "web page"),
    ("error_in_stream", True, "overloaded"),
    ("no_choices", True, "before the answer began"),
    ("null_choices", True, "before the answer began"),
    ("null_content", True, "answered with nothing"),
]


@pytest.mark.parametrize(("fault", "retryable", "says"), STREAM_FAULTS)
async def test_stream_faults(
    fake: FakeOpenAI, agent: FakeAgent, fault: Any, says: str, *, retryable: bool
) -> None:
    fake.fault(fault)
    failure = await _error(agent, _request(on_chunk=Chunks()))
    assert failure.retryable is retryable
    assert says in str(failure)


async def test_stream_without_done_but_with_finish_is_whole(fake: FakeOpenAI, agent: FakeAgent) -> None:
    fake.fault("no_done", "all of it")
    assert (await _ask(agent, _request(on_chunk=Chunks()))).text == "all of it"


async def test_stream_with_done_and_without_finish_is_whole(fake: FakeOpenAI, agent: FakeAgent) -> None:
    fake.fault("done_only", "all of it and a little more")
    chunks = Chunks()
    result = await _ask(agent, _request(on_chunk=chunks))
    assert result.text
    assert result.text == "".join(chunks.got)


async def test_stream_cut_after_finish_is_whole(fake: FakeOpenAI, agent: FakeAgent) -> None:
    fake.fault("break_after_finish", "all of it")
    result = await _ask(agent, _request(on_chunk=Chunks()))
    assert result.text == "all of it"
    assert result.usage.completion_tokens == 3


async def test_requests_side_by_side_learn_the_same(fake: FakeOpenAI, agent: FakeAgent) -> None:
    def strict(request: ModelRequest) -> ApiError | None:
        if "max_tokens" in request.body:
            return _unsupported("max_tokens")
        if "tools" in request.body and request.body.get("reasoning_effort") != "none":
            return ApiError(400, "Function tools with reasoning_effort are not …", param="reasoning_effort")
        return None

    fake.answer_with(strict)
    request = _request(tools=(TOOL,), max_tokens=5000)
    with fake.hold() as held:
        asking = [asyncio.create_task(_ask(agent, request)) for _ in range(3)]
        await fake.wait_for_requests(3)
        held.release()
        results = await asyncio.gather(*asking)
    assert [result.text for result in results] == ["echo: Hello"] * 3
    assert fake.chats[-1].tool_names == ["LOOK_UP"]
    assert fake.chats[-1].body["max_completion_tokens"] == 5000


async def test_server_that_cannot_stream(fake: FakeOpenAI, agent: FakeAgent) -> None:
    fake.fault("whole", "in one piece")
    chunks = Chunks()
    assert (await _ask(agent, _request(on_chunk=chunks))).text == "in one piece"
    assert chunks.got == ["in one piece"]


@pytest.mark.parametrize(("fault", "stream"), [("hang", False), ("hang", True), ("hang_mid_stream", True)])
async def test_silence(fake: FakeOpenAI, fault: Any, *, stream: bool) -> None:
    async with FakeAgent() as agent:
        await _init(_config(fake, timeout=0.2), agent)
        fake.fault(fault)
        failure = await _error(agent, _request(on_chunk=Chunks() if stream else None))
    assert failure.retryable
    assert failure.outage
    assert "silent for 0.2 seconds" in str(failure)


async def test_connection_refused(fake: FakeOpenAI, unused_tcp_port: int) -> None:
    async with FakeAgent() as agent:
        await _init(_config(fake, base_url=f"http://127.0.0.1:{unused_tcp_port}/v1"), agent)
        failure = await _error(agent)
    assert failure.retryable
    assert failure.outage
    assert f"cannot reach 127.0.0.1:{unused_tcp_port}" in str(failure)


async def test_finish_reasons(fake: FakeOpenAI, agent: FakeAgent) -> None:
    fake.answer(
        Answer("cut of", finish="length"), Answer("", finish="content_filter"), Answer("x", finish="error")
    )
    assert (await _ask(agent)).text == "cut of"
    assert "content filter" in str(await _error(agent))
    assert (await _error(agent)).retryable


def _unsupported(name: str, instead: str = "") -> ApiError:
    text = f"Unsupported parameter: '{name}' is not supported with this model.{instead}"
    return ApiError(400, text, "invalid_request_error", "unsupported_parameter", name)


REFUSALS = [
    ("stream_options", ApiError(422, "body -> stream_options: Extra inputs are not permitted")),
    ("stream_options", _unsupported("stream_options")),
    ("max_tokens", _unsupported("max_tokens", " Use 'max_completion_tokens' instead.")),
    (
        "temperature",
        ApiError(400, "'temperature' does not support 0.5 with this model.", param="temperature"),
    ),
    ("tools", ApiError(400, "registry.ollama.ai/library/gemma:2b does not support tools", "api_error")),
    ("tools", ApiError(404, "No endpoints found that support tool use. To learn more: …")),
    ("tools", ApiError(500, "tools param requires --jinja flag")),
    ("tools", ApiError(400, '"auto" tool choice requires --enable-auto-tool-choice to be set')),
    ("tools", ApiError(400, "Unrecognized request argument supplied: tools", "invalid_request_error")),
    ("tools", ApiError(400, "`tool calling` is not supported with this model", "invalid_request_error")),
]


@pytest.mark.parametrize(("name", "error"), REFUSALS)
async def test_what_is_refused_is_left_out_from_then_on(
    fake: FakeOpenAI, agent: FakeAgent, name: str, error: ApiError
) -> None:
    fake.refuse[name] = error
    request = _request(tools=(TOOL,), on_chunk=Chunks(), max_tokens=50, temperature=0.5)
    for _ in range(2):
        assert (await _ask(agent, request)).text == "echo: Hello"
    assert [name in chat.body for chat in fake.chats] == [True, False, False]
    if name == "max_tokens":
        assert fake.chats[-1].body["max_completion_tokens"] == 50


async def test_a_wrong_tool_schema_does_not_cost_the_tools(fake: FakeOpenAI, agent: FakeAgent) -> None:
    text = "Invalid schema for function 'LOOK_UP': None is not of type 'object'."
    fake.fail(
        ApiError(400, text, "invalid_request_error", "invalid_function_parameters", "tools[0].function")
    )
    assert "Invalid schema" in str(await _error(agent, _request(tools=(TOOL,))))
    await _ask(agent, _request(tools=(TOOL,)))
    assert fake.chats[-1].tool_names == ["LOOK_UP"]


async def test_tools_need_effort_none(fake: FakeOpenAI, agent: FakeAgent) -> None:
    """OpenAI's models since GPT-5.4: tools on Chat Completions only without reasoning."""
    text = (
        "Function tools with reasoning_effort are not supported for fake-large in /v1/chat/completions. To "
        "use function tools, use /v1/responses or set reasoning_effort to 'none'."
    )
    fake.fail(ApiError(400, text, "invalid_request_error", param="reasoning_effort"))
    await _ask(agent, _request(tools=(TOOL,)))
    await _ask(agent)
    assert fake.chats[1].body["reasoning_effort"] == "none"
    assert "reasoning_effort" not in fake.chats[2].body


async def test_a_model_that_cannot_do_without_thinking_gets_no_tools(
    fake: FakeOpenAI, agent: FakeAgent
) -> None:
    fake.refuse["tools"] = ApiError(
        400, "Function tools with reasoning_effort are not …", param="reasoning_effort"
    )
    assert (await _ask(agent, _request(tools=(TOOL,)))).text == "echo: Hello"
    assert ["tools" in chat.body for chat in fake.chats] == [True, True, False]


async def test_tool_history_is_told_in_words_where_tools_are_refused(
    fake: FakeOpenAI, agent: FakeAgent
) -> None:
    fake.answer(Answer(None, (FakeToolCall("LOOK_UP"),)))
    first = await _ask(agent, _request(tools=(TOOL,)))
    fake.refuse["tools"] = _unsupported("tools")
    messages = (
        ChatMessage(role="user", content="Look"),
        ChatMessage(role="assistant", content="", tool_calls=first.tool_calls),
        ChatMessage(role="tool", content="42", tool_call_id=first.tool_calls[0].id),
    )
    await _ask(agent, TextRequest(messages=messages, tools=(TOOL,)))
    sent = fake.chats[-1].messages
    assert [m["role"] for m in sent] == ["user", "assistant", "user"]
    assert "LOOK_UP" in sent[1]["content"]
    assert "42" in sent[2]["content"]


async def test_small_limits_are_raised_for_models_that_think(fake: FakeOpenAI, agent: FakeAgent) -> None:
    def thinks(request: ModelRequest) -> Answer:
        limit = request.body.get("max_tokens", 10_000)
        return Answer("RESPOND") if limit > 1000 else Answer("", finish="length")

    fake.answer_with(thinks)
    for _ in range(2):
        assert (await _ask(agent, _request(max_tokens=16))).text == "RESPOND"
    assert len(fake.chats) == 3


async def test_receivers_error_is_not_the_servers(agent: FakeAgent) -> None:
    async def fail(_chunk: str) -> None:
        raise ValueError("the receiver's own")

    with pytest.raises(ValueError, match="the receiver's own"):
        await _ask(agent, _request(on_chunk=fail))


async def test_cancellation_goes_through(fake: FakeOpenAI, agent: FakeAgent) -> None:
    with fake.hold(after=2) as held:
        asking = asyncio.create_task(_ask(agent, _request("a b c d e", on_chunk=Chunks())))
        await held.wait_for_request()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert (await _ask(agent)).text == "echo: Hello"


async def test_nothing_set_is_a_config_error() -> None:
    async with FakeAgent() as agent:
        with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
            await _init({}, agent)
        with pytest.raises(ConfigError, match=r"models\.openai\.base_url") as caught:
            await _init({"base_url": "localhost:11434", "api_key": KEY}, agent)
        with pytest.raises(ConfigError, match="user or password") as caught:
            await _init({"base_url": f"http://me:{KEY}@127.0.0.1/v1"}, agent)
        assert KEY not in str(caught.value)
        with pytest.raises(ConfigError, match=r"models\.openai\.modle"):
            await _init({"modle": "x", "api_key": KEY}, agent)
    assert KEY not in str(caught.value)


def test_defaults() -> None:
    config = OpenAIConfig(api_key=" sk-x \n")
    assert (config.url, config.place, config.is_openai) == (
        "https://api.openai.com/v1",
        "api.openai.com",
        True,
    )
    assert (config.name_of("small"), config.name_of("large")) == (DEFAULT_SMALL, DEFAULT_LARGE)
    assert config.key == "sk-x"
    assert OpenAIConfig(base_url="http://127.0.0.1:1/v1/").key == "none"


async def test_check(fake: FakeOpenAI, unused_tcp_port: int) -> None:
    assert plugin.check is not None
    good = await plugin.check(_config(fake))
    assert [(line.name, line.ok) for line in good] == [
        ("model openai small", True),
        ("model openai large", True),
    ]
    assert "fake-small" in good[0].detail
    assert " ms" in good[0].detail
    both = await plugin.check(_config(fake, small="fake-large"))
    assert [line.name for line in both] == ["model openai small and large"]
    wrong = await plugin.check(_config(fake, large="nothing"))
    assert [line.ok for line in wrong] == [True, False]
    assert "models.openai.large" in wrong[1].advice
    key = await plugin.check(_config(fake, api_key="sk-wrong-99887766554433"))
    assert "OPENAI_API_KEY" in key[0].advice
    gone = await plugin.check(_config(fake, base_url=f"http://127.0.0.1:{unused_tcp_port}/v1"))
    assert "running" in gone[0].advice
    unset = await plugin.check({})
    assert not unset[0].ok
    assert not (await plugin.check({"timeout": "soon"}))[0].ok


async def test_plugin_module_does_not_import_the_sdk() -> None:
    code = "import bot_host.plugins.openai, sys; print('openai' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.strip() == b"False"
