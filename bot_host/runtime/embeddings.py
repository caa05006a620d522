"""Embeddings in the background. The rows of the queue are the truth; the worker only empties it."""

import asyncio
import logging
from typing import Any, Final, Literal

from bot_host.contracts.plugin import Agent
from bot_host.contracts.store import Store
from bot_host.kit.retry import backoff
from bot_host.runtime.models import Models
from bot_host.types.errors import BotHostError, ModelError, StateError, StoreError
from bot_host.types.events import EventType
from bot_host.types.memory import Memory
from bot_host.types.models import EmbeddingRequest, ModelType, named_models

log = logging.getLogger(__name__)

_Made = tuple[list[float], str]
Priority = Literal["high", "normal", "low"]
PRIORITIES: Final[dict[str, int]] = {"high": 2, "normal": 1, "low": 0}
BATCH: Final = 10
"""Memories at once (elizaOS's number, 5.5)."""
MAX_TRIES: Final = 3
LONGEST_PAUSE: Final = 300.0
"""Seconds between tries while the model is not to be had at all."""


class Embeddings:
    """Queues memories for their embedding, and makes them.

    Without a TEXT_EMBEDDING model it does nothing, and queues nothing.
    """

    def __init__(self, agent: Agent, models: Models, store: Store) -> None:
        self._agent = agent
        self._models = models
        self._store = store
        self._wake = asyncio.Event()

    @property
    def possible(self) -> bool:
        """Whether there is a model for it."""
        return bool(self._models.providers(ModelType.TEXT_EMBEDDING))

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    async def queue(self, memory: Memory, priority: Priority) -> None:
        """Note a stored memory. Raises StateError for an unknown priority."""
        if priority not in PRIORITIES:
            raise StateError(f"an embedding's priority is high, normal or low, not {priority}")
        if memory.embedding is not None or not memory.content.text.strip() or not self.possible:
            return
        await self._store.queue_embedding(memory.id, priority=PRIORITIES[priority])
        await self._tell(EventType.EMBEDDING_GENERATION_REQUESTED, memory, priority=priority)
        self._wake.set()

    async def queue_message(self, memory: Memory) -> None:
        """Note a message of a turn."""
        await self.queue(memory, "normal")

    async def add_to(self, memory: Memory) -> Memory:
        """The memory with its embedding, made now."""
        if memory.embedding is not None:
            return memory
        vector, _ = await self._make(memory)
        return memory.model_copy(update={"embedding": vector})

    async def ensure_dimension(self, dimension: int | None) -> int:
        """See AgentRuntime.ensure_embedding_dimension."""
        wanted = dimension or _positive(self._agent.get_setting("EMBEDDING_DIMENSION"))
        if wanted is None:
            vector = await self._agent.use_model(ModelType.TEXT_EMBEDDING, EmbeddingRequest(text="dimension"))
            wanted = len(vector)
        queued = await self._store.requeue_embeddings(self._agent.agent_id, wanted)
        if queued:
            log.info("%d memories get new vectors of %d dimensions", queued, wanted)
            self._wake.set()
        return wanted

    async def run(self) -> None:
        """Work through the queue whenever there is something in it; until cancelled."""
        failed = 0
        while True:
            self._wake.clear()
            try:
                found, done = await self._work_once()
            except StoreError as error:
                log.warning("the queue of embeddings cannot be read: %s", error)
                found, done = True, False
            if done:
                failed = 0
            elif found:
                failed += 1
                await asyncio.sleep(backoff(failed, base=2.0, cap=LONGEST_PAUSE))
            else:
                await self._wake.wait()

    async def _work_once(self) -> tuple[bool, bool]:
        """One batch: whether there was any, and whether any of it succeeded."""
        if not self.possible:
            return False, False
        jobs = await self._store.next_embedding_jobs(self._agent.agent_id, BATCH)
        if not jobs:
            return False, False
        results = await asyncio.gather(*(self._try(memory) for memory in jobs))
        # A model that is not to be had fails every job alike; that must not use up anybody's tries.
        failures = [r for r in results if isinstance(r, ModelError) and r.retryable]
        outage = len(failures) == len(jobs) and (len(jobs) > 1 or failures[0].outage)
        for memory, result in zip(jobs, results, strict=True):
            if isinstance(result, BaseException):
                await self._failed(memory, result, outage=outage)
            else:
                vector, model = result
                await self._store.set_embedding(memory.id, vector, model=model)
                await self._tell(EventType.EMBEDDING_GENERATION_COMPLETED, memory)
        return True, not all(isinstance(r, BaseException) for r in results)

    async def _try(self, memory: Memory) -> _Made | BotHostError:
        try:
            return await self._make(memory)
        except BotHostError as error:
            return error

    async def _make(self, memory: Memory) -> _Made:
        """The vector, and the name of the model that made it: its provider's where it does not say."""
        text = memory.content.text.strip()
        if not text:
            raise StateError(f"the memory {memory.id} has no text to make an embedding of")
        with named_models() as names:
            vector = await self._agent.use_model(ModelType.TEXT_EMBEDDING, EmbeddingRequest(text=text))
        return vector, names[-1] if names else self._models.providers(ModelType.TEXT_EMBEDDING)[0]

    async def _failed(self, memory: Memory, error: BaseException, *, outage: bool) -> None:
        if outage:
            return
        tries = await self._store.fail_embedding_job(memory.id, str(error))
        if tries >= MAX_TRIES:
            log.warning("no embedding for the memory %s after %d tries: %s", memory.id, tries, error)
            await self._tell(EventType.EMBEDDING_GENERATION_FAILED, memory, error=str(error))

    async def _tell(self, event: EventType, memory: Memory, **more: Any) -> None:
        await self._agent.emit_event(event, {"memory_id": memory.id, "memory": memory, **more})


def _positive(value: Any) -> int | None:
    try:
        number = int(value)
    except (TypeError, ValueError):
        return None
    return number if number > 0 else None
