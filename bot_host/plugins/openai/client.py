"""The calls themselves. Imports the SDK (more than a second): load this module in a thread."""

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from typing import Any

import aiohttp
import httpx2
import openai
from openai.types.chat import ChatCompletion

from bot_host.plugin import Agent, ChatMessage, CheckLine, ModelError, TextRequest, TextResult
from bot_host.plugins.openai.answers import OutOfThoughts, ReceiverFailed, deliver, read_stream, read_whole
from bot_host.plugins.openai.config import OpenAIConfig
from bot_host.plugins.openai.convert import to_body
from bot_host.plugins.openai.errors import said, to_model_error, unknown_model
from bot_host.plugins.openai.quirks import Quirks, is_small_limit

log = logging.getLogger(__name__)

_CONNECT_S = 10.0
_LIST_S = 10.0
_CHECK_S = 60.0
_ADAPTATIONS = 8
"""How often one request is asked in another way before its refusal counts."""
_FAILURES = (openai.OpenAIError, httpx2.HTTPError, aiohttp.ClientError, OSError, ValueError)
"""ValueError: the library lets broken JSON and broken UTF-8 through as they are."""
_ODD = (AttributeError, TypeError, LookupError)
"""What reading an answer of the wrong shape ends in: the library does not check shapes."""


class OpenAIModels:
    """One server and its models, over one connection pool."""

    def __init__(self, config: OpenAIConfig) -> None:
        self._config = config
        self._quirks: dict[str, Quirks] = {}
        timeout = openai.Timeout(
            connect=min(_CONNECT_S, config.timeout),
            read=config.timeout,
            write=config.timeout,
            pool=config.timeout,
        )
        self._client = openai.AsyncOpenAI(
            api_key=config.key,
            base_url=config.url,
            max_retries=config.max_retries,
            timeout=timeout,
            http_client=openai.DefaultAioHttpClient(timeout=timeout),
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()

    async def small(self, _agent: Agent, request: TextRequest) -> TextResult:
        """The handler of TEXT_SMALL."""
        return await self.generate(request, size="small")

    async def large(self, _agent: Agent, request: TextRequest) -> TextResult:
        """The handler of TEXT_LARGE."""
        return await self.generate(request, size="large")

    async def generate(self, request: TextRequest, *, size: str) -> TextResult:
        """Answer one request. Raises ModelError.

        What the server refuses to be told (`tools`, `stream_options`, `max_tokens`, `temperature`) is left
        out, and from then on for this model.
        """
        model = self._config.name_of(size)
        quirks = self._quirks.setdefault(model, Quirks(completion_limit=self._config.is_openai))
        for _ in range(_ADAPTATIONS):
            body = to_body(request, model, quirks, stream=request.on_chunk is not None)
            try:
                return await self._ask(body, request, model)
            except ReceiverFailed as failure:
                raise failure.error from None
            except OutOfThoughts:
                if not is_small_limit(body):
                    raise ModelError(f"{model} used up its token limit before it wrote anything") from None
                quirks.thinks = True
            except openai.APIStatusError as error:
                lesson = quirks.learn(error.status_code, error.param, said(error, self._config), body)
                if not lesson:
                    raise await self._final(error, model, size) from error
                log.warning("%s at %s: from now on %s", model, self._config.place, lesson)
            except ModelError:
                raise
            except _FAILURES as error:
                raise to_model_error(error, self._config, model=model) from error
            except _ODD as error:
                place = self._config.place
                raise ModelError(f"{place} sent an answer of an unknown shape", retryable=True) from error
        raise ModelError(f"{model} at {self._config.place} refuses every form of the request")

    async def _ask(self, body: dict[str, Any], request: TextRequest, model: str) -> TextResult:
        place = self._config.place
        if request.on_chunk is None:
            completion = await self._client.chat.completions.create(**body)
            return read_whole(completion, request, model=model, place=place)
        stream = await self._client.chat.completions.create(**body)
        async with stream:
            kind = stream.response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind in ("", "text/event-stream", "text/plain", "application/octet-stream"):
                return await read_stream(stream, request, request.on_chunk, model=model, place=place)
            # A server that cannot stream answers whole; one that is no model server sends a page.
            raw = await stream.response.aread()
            whole = ChatCompletion.construct(**json.loads(raw)) if kind.endswith("json") else raw
            result = read_whole(whole, request, model=model, place=place)
            if result.text:
                await deliver(request.on_chunk, result.text)
            return result

    async def _final(self, error: openai.APIStatusError, model: str, size: str) -> ModelError:
        if isinstance(error, openai.NotFoundError):
            known = await self._known_models()
            return unknown_model(error, self._config, model=model, size=size, known=known)
        return to_model_error(error, self._config, model=model)

    async def _known_models(self) -> list[str]:
        """The server's own list; empty when it has none to give."""
        try:
            async with asyncio.timeout(_LIST_S):
                page = await self._client.models.list()
            return [str(model.id) for model in page.data]
        except (*_FAILURES, *_ODD) as error:
            log.debug("no list of models from %s: %s", self._config.place, type(error).__name__)
            return []


async def check(config: OpenAIConfig) -> Sequence[CheckLine]:
    """Ask each configured model for one word. Never raises."""
    by_model: dict[str, list[str]] = {}
    for size in ("small", "large"):
        by_model.setdefault(config.name_of(size), []).append(size)
    models = OpenAIModels(config)
    try:
        return [await _check_one(models, config, model, sizes) for model, sizes in by_model.items()]
    finally:
        await models.close()


async def _check_one(models: OpenAIModels, config: OpenAIConfig, model: str, sizes: list[str]) -> CheckLine:
    name = f"model openai {' and '.join(sizes)}"
    request = TextRequest(messages=(ChatMessage(role="user", content="Say: ok"),), max_tokens=16)
    began = time.monotonic()
    try:
        async with asyncio.timeout(_CHECK_S):
            await models.generate(request, size=sizes[0])
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
