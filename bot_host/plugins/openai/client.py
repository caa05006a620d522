"""The calls themselves. Imports the SDK (more than a second): load this module in a thread."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

import aiohttp
import httpx2
import openai

from bot_host.plugin import Agent, ModelError, TextRequest, TextResult
from bot_host.plugins.openai.answers import OutOfThoughts, ReceiverFailed, deliver, read_stream, read_whole
from bot_host.plugins.openai.config import OpenAIConfig
from bot_host.plugins.openai.convert import to_body
from bot_host.plugins.openai.errors import prompt_too_long, said, to_model_error, unknown_model
from bot_host.plugins.openai.quirks import SAMPLING_ELSEWHERE, Quirks, is_small_limit
from bot_host.plugins.openai.tokens import Pieces, Tokens
from bot_host.plugins.openai.windows import Windows

log = logging.getLogger(__name__)

_CONNECT_S = 10.0
_LIST_S = 10.0
_ADAPTATIONS = 8
"""How often one request is asked in another way before its refusal counts."""
_FAILURES = (openai.OpenAIError, httpx2.HTTPError, aiohttp.ClientError, OSError, ValueError)
"""ValueError: the library lets broken JSON and broken UTF-8 through as they are."""
_ODD = (AttributeError, TypeError, LookupError)
"""What reading an answer of the wrong shape ends in: the library does not check shapes."""

_CHAT = "/chat/completions"
_CHUNKS = openai.AsyncStream[object]

T = TypeVar("T")
Shape: TypeAlias = Callable[[dict[str, Any], Quirks], None]
"""Changes the parameters of a call before it is made: pictures, the form of the answer."""


class OpenAIModels:
    """One server and its models, over one connection pool."""

    def __init__(self, config: OpenAIConfig, tokens: Tokens | None = None) -> None:
        self._config = config
        self.windows = Windows(config, tokens or Pieces())
        """How much fits into the models."""
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

    @property
    def client(self) -> openai.AsyncOpenAI:
        """The library's client."""
        return self._client

    @property
    def config(self) -> OpenAIConfig:
        """The settings."""
        return self._config

    def text(self, size: str) -> Callable[[Agent, TextRequest], Awaitable[TextResult]]:
        """The handler of a text model: `small`, `large`, `reasoning_small`, `reasoning_large`."""

        async def handle(_agent: Agent, request: TextRequest) -> TextResult:
            return await self.generate(request, size=size)

        return handle

    async def generate(self, request: TextRequest, *, size: str, shape: Shape | None = None) -> TextResult:
        """Answer one request. Raises ModelError.

        What the server refuses to be told (`tools`, `stream_options`, `max_tokens`, `temperature` …) is left
        out, and from then on for this model.
        """
        model = self._config.name_of(size)
        quirks = self._quirks.setdefault(model, self._new_quirks())
        for _ in range(_ADAPTATIONS):
            body = to_body(request, model, quirks, stream=request.on_chunk is not None)
            if shape is not None:
                shape(body, quirks)
            try:
                return self._priced(await self._ask(body, request, model), model)
            except ReceiverFailed as failure:
                raise failure.error from None
            except OutOfThoughts:
                if not is_small_limit(body):
                    raise ModelError(f"{model} used up its token limit before it wrote anything") from None
                quirks.thinks = True
            except openai.APIStatusError as error:
                self._learn_window(error, model)
                lesson = quirks.learn(error.status_code, error.param, said(error, self._config), body)
                if not lesson:
                    raise await self._final(error, model, size) from error
                log.warning("%s at %s: from now on %s", model, self._config.place, lesson)
            except (*_FAILURES, *_ODD) as error:
                raise self._explained(error, model) from error
        raise ModelError(f"{model} at {self._config.place} refuses every form of the request")

    async def call(self, work: Awaitable[T], *, size: str, model: str = "") -> T:
        """Wait for a call of another kind; what it raises comes as ModelError.

        `model`: where it is another one than the one configured as `size`.
        """
        model = model or self._config.name_of(size)
        try:
            return await work
        except openai.APIStatusError as error:
            raise await self._final(error, model, size) from error
        except (*_FAILURES, *_ODD) as error:
            raise self._explained(error, model) from error

    def _learn_window(self, error: openai.APIStatusError, model: str) -> None:
        """Raises ModelError where the prompt did not fit: another form of it would not, either."""
        failure = prompt_too_long(error, self._config, model=model)
        if failure is None:
            return
        if failure.context_tokens is not None:
            self.windows.learn(model, failure.context_tokens)
        raise failure from error

    def _new_quirks(self) -> Quirks:
        if self._config.is_openai:
            return Quirks(completion_limit=True, refused=set(SAMPLING_ELSEWHERE))
        return Quirks()

    def _priced(self, result: TextResult, model: str) -> TextResult:
        """With the cost by the configured price: of the name that was asked for, else of the one told."""
        used = result.usage
        for name in (model, result.model):
            cost = self._config.cost(name, used.prompt_tokens, used.completion_tokens)
            if cost is not None:
                return replace(result, usage=replace(used, cost=cost))
        return result

    def _explained(self, error: Exception, model: str) -> ModelError:
        if isinstance(error, _ODD) and not isinstance(error, _FAILURES):
            return ModelError(f"{self._config.place} sent an answer of an unknown shape", retryable=True)
        return to_model_error(error, self._config, model=model)

    async def _ask(self, body: dict[str, Any], request: TextRequest, model: str) -> TextResult:
        place = self._config.place
        sent = {**body, **body.get("extra_body", {})}
        sent.pop("extra_body", None)
        # `post`, not `chat.completions.create`: that walks through each message and tool to rename keys, of
        # which none needs it, and makes objects of the answer. With 32 messages and a dozen tools it cost
        # 5 ms a call, more than the rest of a turn. For the same reason chunks stay JSON (`object`).
        if request.on_chunk is None:
            response = await self._client.post(_CHAT, cast_to=httpx2.Response, body=sent)
            return read_whole(_data(response.content, response), request, model=model, place=place)
        stream = await self._client.post(_CHAT, cast_to=object, body=sent, stream=True, stream_cls=_CHUNKS)
        async with stream:
            kind = _kind(stream.response)
            if kind in ("", "text/event-stream", "text/plain", "application/octet-stream"):
                return await read_stream(stream, request, request.on_chunk, model=model, place=place)
            # A server that cannot stream answers whole; one that is no model server sends a page.
            whole = _data(await stream.response.aread(), stream.response)
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


def _kind(response: httpx2.Response) -> str:
    """The content type, without its parameters."""
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


def _data(raw: bytes, response: httpx2.Response) -> object:
    """What a body says in JSON; None for one that is not and does not pretend to be. Raises ValueError."""
    try:
        return json.loads(raw)
    except ValueError:
        if _kind(response).endswith("json"):
            raise
        return None
