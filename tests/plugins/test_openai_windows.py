"""How much fits into a model: by the settings, by its name, by what the server says when it refuses."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot_host.plugin import CONTEXT_TOKENS, ChatMessage, ModelError, ModelType, TextRequest
from bot_host.plugins.openai import plugin
from bot_host.plugins.openai.config import DEFAULT_LARGE, DEFAULT_SMALL, OpenAIConfig
from bot_host.plugins.openai.tokens import Pieces
from bot_host.plugins.openai.windows import Windows, known_window, too_long
from bot_host.runtime.models import BREAK_AFTER
from bot_host.testing import FakeAgent
from tests.fakes.openai import ApiError, FakeOpenAI

ASKED = TextRequest(messages=(ChatMessage(role="user", content="hi"),))
OPENAI = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
REFUSALS = {
    "openai": ApiError(400, OPENAI, "invalid_request_error", "context_length_exceeded", "messages"),
    "vllm": ApiError(
        400,
        "You passed 9015 input tokens and requested 10 output tokens. However, the model's context length is "
        "only 8192 tokens, resulting in a maximum input length of 8182 tokens.",
        "BadRequestError",
    ),
    "llama.cpp": ApiError(
        400,
        body=json.dumps(
            {
                "error": {
                    "code": 400,
                    "message": "the request exceeds the available context size, try increasing it",
                    "type": "exceed_context_size_error",
                    "n_prompt_tokens": 9000,
                    "n_ctx": 8192,
                }
            }
        ),
    ),
    "anthropic": ApiError(400, "prompt is too long: 9000 tokens > 8192 maximum", "invalid_request_error"),
    "gemini": ApiError(
        400, "The input token count (9000) exceeds the maximum number of tokens allowed (8192).", "invalid"
    ),
    "mistral": ApiError(
        400,
        "Prompt contains 9000 tokens, too large for model with 8192 maximum context length",
        "invalid_request_error",
    ),
}


class Open(FakeAgent):
    """An agent with the models of a fake server."""

    def __init__(self, fake: FakeOpenAI, **settings: Any) -> None:
        super().__init__()
        self._settings_of = {"base_url": fake.url, "api_key": fake.key, "large": "fake-large", **settings}

    async def take(self) -> None:
        assert plugin.init is not None
        await plugin.init(self._settings_of, self)

    @property
    def context(self) -> int:
        return self.models.window(ModelType.TEXT_LARGE).context_tokens


@pytest.fixture
async def fake() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as server:
        yield server


@pytest.mark.parametrize("server", REFUSALS)
async def test_what_the_server_says_fits_is_believed_from_then_on(fake: FakeOpenAI, server: str) -> None:
    async with Open(fake) as agent:
        await agent.take()
        assert agent.context == CONTEXT_TOKENS
        fake.fail(REFUSALS[server])
        with pytest.raises(ModelError, match="does not fit into fake-large") as raised:
            await agent.use_model(ModelType.TEXT_LARGE, ASKED)
        assert raised.value.too_long
        assert not raised.value.retryable
        assert agent.context == 8192
        assert len(fake.chats) == 1, "another form of the request would not fit, either"


async def test_long_prompts_are_no_outage(fake: FakeOpenAI, caplog: pytest.LogCaptureFixture) -> None:
    fake.fail(REFUSALS["openai"], times=BREAK_AFTER + 1)
    async with Open(fake) as agent:
        await agent.take()
        with caplog.at_level(logging.WARNING):
            for _ in range(BREAK_AFTER + 1):
                with pytest.raises(ModelError):
                    await agent.use_model(ModelType.TEXT_LARGE, ASKED)
        assert (await agent.use_model(ModelType.TEXT_LARGE, ASKED)).text == "echo: hi"
        assert [r.message for r in caplog.records if "8192" in r.message] == [
            f"fake-large at {fake.url.removeprefix('http://').removesuffix('/v1')}: 8192 tokens fit into its "
            "context"
        ]


async def test_the_settings_say_it_for_all_models_or_for_one(fake: FakeOpenAI) -> None:
    async with Open(fake, context_tokens=5000) as agent:
        await agent.take()
        assert agent.context == 5000
        fake.fail(REFUSALS["openai"])
        with pytest.raises(ModelError):
            await agent.use_model(ModelType.TEXT_LARGE, ASKED)
        assert agent.context == 5000, "less than what the server takes"
    async with Open(fake, context_tokens=5000, contexts={"fake-large": 9000}) as agent:
        await agent.take()
        assert agent.context == 9000


def test_windows_are_known_by_name_whoever_serves_them() -> None:
    assert known_window(DEFAULT_LARGE) == known_window(DEFAULT_SMALL) == 922_000
    assert known_window("openai/gpt-4o-mini") == 128_000
    assert known_window("ft:gpt-4-0613:mine") == 8192
    assert known_window("anthropic/claude-sonnet-5") == 200_000
    assert known_window("my-own-7b") is None


@pytest.mark.parametrize(
    ("status", "text"),
    [(400, "Unsupported parameter: 'tools'"), (429, OPENAI), (401, "wrong key"), (500, "out of memory")],
)
def test_other_refusals_are_not_taken_for_it(status: int, text: str) -> None:
    assert too_long(status, None, text, {}) == (False, None)


def test_a_true_tokenizer_counts_only_for_the_models_that_it_was_made_for() -> None:
    class Letters(Pieces):
        """Stands for tiktoken, whose vocabulary need not be on this machine."""

    class Real:
        def encode(self, text: str) -> list[int]:
            return list(text.encode())

        def decode(self, tokens: list[int]) -> str:
            return bytes(tokens).decode()

    known = Windows(OpenAIConfig(), Real())
    count = known.find("gpt-6-luna").count
    assert count is not None
    assert count("four") == 4
    assert known.find("llama-4").count is None
    assert Windows(OpenAIConfig(), Letters()).find("gpt-6-luna").count is None


def test_a_part_of_the_window_is_kept_for_the_answer() -> None:
    small = Windows(OpenAIConfig(context_tokens=4000), Pieces()).find("any")
    assert small.prompt_tokens == 3000
    assert Windows(OpenAIConfig(), Pieces()).find("gpt-4o").prompt_tokens == 128_000 - 4096
