"""Asking for vectors: of one provider and never of two, since vectors of different models do not compare."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot_host.contracts.plugin import Agent
from bot_host.runtime.models import Models
from bot_host.types.errors import ModelError, StateError
from bot_host.types.models import EmbeddingBatchRequest, EmbeddingRequest, ModelType, named_models
from bot_host.types.vectors import VectorModel, base_name

log = logging.getLogger(__name__)

PROVIDER: Final = "EMBEDDING_PROVIDER"
"""A setting: who makes the vectors, where several offer it; else the one of the highest priority."""
OFF: Final = "off"
"""Its value for nobody."""
AT_ONCE: Final = 10
"""Requests at once to a provider that takes one text a request (elizaOS's number, 5.5)."""
QUERY_S: Final = 3.0
"""Seconds that a turn waits for the vector of what is looked for; after that it searches by words alone."""
QUERY_REST_S: Final = 30.0
"""After a failure turns do not ask for so long."""
QUERIES_KEPT: Final = 32
"""Vectors of what was looked for last: several providers of one turn look for the same."""


@dataclass(frozen=True, slots=True)
class Made:
    """Vectors, and the model that made them: its provider's name where it does not say."""

    model: str
    vectors: list[list[float]]
    provider: str

    @property
    def dimensions(self) -> int:
        """How long they are."""
        return len(self.vectors[0])


class EmbeddingCalls:
    """The calls of one agent."""

    def __init__(self, agent: Agent, models: Models) -> None:
        self._agent = agent
        self._models = models
        self._no_batches: set[str] = set()
        """Providers that offer requests of many texts, and refuse them."""
        self._queries: OrderedDict[tuple[str, str], list[float]] = OrderedDict()
        self._asking: dict[tuple[str, str], asyncio.Future[list[float] | None]] = {}
        self._rest_until = 0.0
        self._gone: set[str] = set()
        """Models that nobody makes vectors with any more."""

    @property
    def provider(self) -> str:
        """Who is asked; empty where nobody offers it."""
        offered = self._models.providers(ModelType.TEXT_EMBEDDING)
        wanted = self._agent.get_setting(PROVIDER)
        if wanted == OFF:
            return ""
        return wanted if wanted in offered else next(iter(offered), "")

    async def one(self, text: str, *, model: str = "", provider: str = "") -> Made:
        """The vector of a text. Raises ModelError; StateError when nobody makes any."""
        provider = provider or self.provider
        with named_models() as names:
            request = EmbeddingRequest(text=text, model=model)
            vector = await self._agent.use_model(ModelType.TEXT_EMBEDDING, request, provider or None)
        return Made(names[-1] if names else provider, [vector], provider)

    async def many(self, texts: Sequence[str]) -> Made:
        """Those of several texts, in one request. Raises ModelError."""
        provider = self.provider
        request = EmbeddingBatchRequest(texts=tuple(texts))
        with named_models() as names:
            vectors = await self._agent.use_model(ModelType.TEXT_EMBEDDING_BATCH, request, provider)
        if len(vectors) != len(texts):
            raise ModelError(f"{provider}: answered {len(texts)} texts with {len(vectors)} embeddings")
        return Made(names[-1] if names else provider, vectors, provider)

    async def each(self, texts: Sequence[str]) -> list[Made | ModelError]:
        """One by one, `AT_ONCE` at a time."""
        found: list[Made | ModelError] = []
        for start in range(0, len(texts), AT_ONCE):
            found += await asyncio.gather(*(self._try(text) for text in texts[start : start + AT_ONCE]))
        return found

    async def _try(self, text: str) -> Made | ModelError:
        try:
            return await self.one(text)
        except ModelError as error:
            return error

    async def work(self, texts: Sequence[str]) -> list[Made | ModelError]:
        """Texts to vectors as cheaply as it goes: all in one request, else one by one."""
        provider = self.provider
        offered = self._models.providers(ModelType.TEXT_EMBEDDING_BATCH)
        if len(texts) == 1 or provider not in offered or provider in self._no_batches:
            return await self.each(texts)
        try:
            made = await self.many(texts)
        except ModelError as error:
            if error.retryable:
                return [error] * len(texts)
            log.info("vectors of %d texts at once were refused, asking one by one: %s", len(texts), error)
            found = await self.each(texts)
            if not any(isinstance(each, ModelError) for each in found):
                # Not one of the texts was the trouble.
                self._no_batches.add(provider)
            return found
        return [Made(made.model, [vector], provider) for vector in made.vectors]

    # -- what a turn looks for ----------------------------------------------------------------------------

    async def query(self, text: str, wanted: VectorModel, *, replaced: bool = False) -> list[float] | None:
        """The vector of what is looked for, by the model whose vectors are searched; None: it cannot be had.

        `replaced`: another model is taking over from it. At most one call for a text, however many ask; never
        longer than `QUERY_S`; nothing is raised.
        """
        key = (wanted.name, text)
        known = self._queries.get(key)
        if known is not None:
            self._queries.move_to_end(key)
            return known
        under_way = self._asking.get(key)
        if under_way is not None:
            return await asyncio.shield(under_way)
        if not self.provider or wanted.name in self._gone or time.monotonic() < self._rest_until:
            return None
        answer: asyncio.Future[list[float] | None] = asyncio.get_running_loop().create_future()
        self._asking[key] = answer
        vector = None
        try:
            vector = await self._query(text, wanted, replaced=replaced)
        finally:
            del self._asking[key]
            answer.set_result(vector)
        if vector is not None:
            self._queries[key] = vector
            while len(self._queries) > QUERIES_KEPT:
                self._queries.popitem(last=False)
        return vector

    async def _query(self, text: str, wanted: VectorModel, *, replaced: bool) -> list[float] | None:
        offered = self._models.providers(ModelType.TEXT_EMBEDDING)
        provider = wanted.provider if wanted.provider in offered else self.provider
        try:
            async with asyncio.timeout(QUERY_S):
                made = await self.one(text, model=base_name(wanted.name), provider=provider)
        except (ModelError, StateError, TimeoutError) as error:
            if isinstance(error, ModelError) and not error.retryable:
                # The text may be the trouble; of a model that is being replaced it is that it is gone.
                if replaced:
                    self._gone.add(wanted.name)
                log.info("embeddings: %s makes no vector for a search: %s", wanted.name, error)
                return None
            self._rest_until = time.monotonic() + QUERY_REST_S
            why = str(error) or f"no answer within {QUERY_S:g} s"
            log.warning("searching by words alone for %.0f s: %s", QUERY_REST_S, why)
            return None
        if made.model != base_name(wanted.name) or made.dimensions != wanted.dimensions:
            self._gone.add(wanted.name)
            log.info("embeddings: %s cannot be asked any more", wanted.name)
            return None
        return made.vectors[0]

    def forget(self) -> None:
        """The models are others now."""
        self._queries.clear()
        self._no_batches.clear()
        self._gone.clear()
        self._rest_until = 0.0
