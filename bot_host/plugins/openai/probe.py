"""The `check` command's questions to the server. Imports the SDK: load this module in a thread."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from bot_host.plugin import ChatMessage, CheckLine, EmbeddingRequest, ModelError, TextRequest
from bot_host.plugins.openai.client import OpenAIModels
from bot_host.plugins.openai.config import OpenAIConfig
from bot_host.plugins.openai.media import Media

_CHECK_S: Final = 60.0
_TEXT: Final = ("small", "large", "reasoning_small", "reasoning_large", "vision")


async def check(config: OpenAIConfig) -> Sequence[CheckLine]:
    """Ask each text model for one word, and the one for embeddings for one vector. Never raises.

    Pictures and speech are not tried: each try would cost cents, not parts of one.
    """
    by_model: dict[str, list[str]] = {}
    for size in _TEXT:
        if size in ("small", "large") or getattr(config, size):
            by_model.setdefault(config.name_of(size), []).append(size)
    models = OpenAIModels(config)
    media = Media(models)
    request = TextRequest(messages=(ChatMessage(role="user", content="Say: ok"),), max_tokens=16)

    async def ask(size: str) -> None:
        await models.generate(request, size=size)

    async def embed(_size: str) -> None:
        await media.embed(None, EmbeddingRequest(text="ok"))

    try:
        lines = [await _check_one(ask, config, model, sizes) for model, sizes in by_model.items()]
        embedding = config.name_of("embedding")
        if embedding:
            lines.append(await _check_one(embed, config, embedding, ["embedding"]))
        return lines
    finally:
        await models.close()


async def _check_one(
    ask: Callable[[str], Awaitable[Any]], config: OpenAIConfig, model: str, sizes: list[str]
) -> CheckLine:
    name = f"model openai {' and '.join(sizes)}"
    began = time.monotonic()
    try:
        async with asyncio.timeout(_CHECK_S):
            await ask(sizes[0])
    except ModelError as error:
        text, _, advice = str(error).partition("; ")
        return CheckLine(name=name, ok=False, detail=text, advice=advice or "see the server's own log")
    except TimeoutError:
        return CheckLine(
            name=name,
            ok=False,
            detail=f"{model} at {config.place} has not answered within {_CHECK_S:g} seconds",
            advice="try again when the server is less busy, or choose a faster model",
        )
    ms = round((time.monotonic() - began) * 1000)
    return CheckLine(name=name, ok=True, detail=f"{model} at {config.place} answered in {ms} ms")
