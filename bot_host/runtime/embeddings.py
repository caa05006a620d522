"""Embeddings in the background. The rows are the truth; the worker only makes what is missing among them."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Any, Final, Literal

from bot_host.contracts.plugin import Agent
from bot_host.contracts.store import Store
from bot_host.kit.retry import backoff
from bot_host.runtime.config import Limits
from bot_host.runtime.embedding_calls import EmbeddingCalls, Made
from bot_host.runtime.models import Models
from bot_host.runtime.runs import begin_run, leave_run
from bot_host.runtime.vector_model import AnotherModel, VectorModels
from bot_host.types.errors import BotHostError, ModelError, StateError, StoreError
from bot_host.types.events import EventType
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.vectors import GIVEN, EmbeddingQueue, EmbeddingStatus, name_with_length

log = logging.getLogger(__name__)

Priority = Literal["high", "normal", "low"]
PRIORITIES: Final[dict[str, int]] = {"high": 2, "normal": 1, "low": 0}
AFTER_ALL: Final = -1
"""The priority of what failed once while another model took over: behind all that is new."""
BATCH: Final = 32
"""Memories at once: one request, where the provider takes many texts."""
HARMLESS: Final = "dimension"
"""A text that any model takes: what is refused of it is refused of all."""
MAX_TRIES: Final = 3
LONGEST_PAUSE: Final = 300.0
"""Seconds between tries while the model is not to be had at all."""
LOOK_S: Final = 60.0
"""So often it is looked for facts and fragments that nobody has queued, and for changed texts."""
LONGEST_REST: Final = 5.0
"""Seconds at the most between two batches of what is done anew: it rests as long as it works."""
SPENT_REST: Final = 600.0
"""Seconds until it is looked again whether doing it anew may go on, once half of a day's limit is spent."""
LEARNED: Final = tuple(kind for kind in MemoryType if kind.value in ("fact", "fragment", "summary"))
"""Kinds that get vectors without being asked for; messages by the setting EMBED_MESSAGES."""
COUNTED_S: Final = 10.0
"""So long a count of what waits will do for whoever asks every other second."""
KNOWN: Final = 256
"""Vectors made for somebody who keeps them: so many are remembered by the model that made them."""


class _Did(Enum):
    NOTHING = auto()
    SOME = auto()
    FAILED = auto()
    """The model is not to be had."""


class Embeddings:
    """Queues memories for their embedding, and makes them.

    Without a TEXT_EMBEDDING model it does nothing, and queues nothing.
    """

    def __init__(
        self, agent: Agent, models: Models, store: Store, *, limits: Callable[[], Limits] = Limits
    ) -> None:
        self._agent = agent
        self._models = models
        self._store = store
        self._limits = limits
        self._wake = asyncio.Event()
        self.calls = EmbeddingCalls(agent, models)
        self.vectors = VectorModels(agent.agent_id, store)
        self._compared_with: str | None = None
        self._looked_at = 0
        self._known: OrderedDict[tuple[float, ...], str] = OrderedDict()
        self._spent: tuple[int, float] = (0, 0.0)
        self._rest_until = 0.0
        self._error = ""
        self._queue = EmbeddingQueue()
        self._counted_until = 0.0

    @property
    def possible(self) -> bool:
        """Whether there is a model for it."""
        return bool(self.calls.provider)

    def wake(self) -> None:
        """There is something to do, or another model to do it with."""
        self.calls.forget()
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
        if not memory.content.text.strip():
            raise StateError(f"the memory {memory.id} has no text to make an embedding of")
        made = await self.calls.one(memory.content.text.strip())
        [vector] = made.vectors
        try:
            self._known[tuple(vector)] = await self.vectors.name_for(made)
        except AnotherModel:
            log.debug("a vector of %s is kept as a given one", made.model)
        while len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return memory.model_copy(update={"embedding": vector})

    def model_of(self, vector: Sequence[float]) -> str:
        """The model of a vector that comes with a memory: GIVEN for one that was not made here."""
        return self._known.get(tuple(vector)) or name_with_length(GIVEN, len(vector))

    async def ensure_dimension(self, dimension: int | None) -> int:
        """See AgentRuntime.ensure_embedding_dimension."""
        wanted = dimension or _positive(self._agent.get_setting("EMBEDDING_DIMENSION"))
        if wanted is None:
            wanted = (await self.calls.one("dimension")).dimensions
        queued = await self._store.requeue_embeddings(self._agent.agent_id, wanted)
        if queued:
            log.info("%d memories get new vectors of %d dimensions", queued, wanted)
            self._wake.set()
        return wanted

    async def query(self, text: str) -> tuple[list[float], str] | None:
        """See AgentRuntime.query_embedding."""
        if not self.possible or not text.strip():
            return None
        await self.vectors.load()
        # The old model's vectors are all there; the new one's are not yet.
        following = self.vectors.next
        for wanted in (self.vectors.current, following):
            if wanted is not None:
                replaced = following is not None and wanted is not following
                vector = await self.calls.query(text.strip(), wanted, replaced=replaced)
                if vector is not None:
                    return vector, wanted.name
        return None

    async def status(self, *, fresh: bool = True) -> EmbeddingStatus:
        """See AgentRuntime.embedding_status."""
        await self.vectors.load()
        if fresh or time.monotonic() >= self._counted_until:
            self._queue = await self._store.embedding_queue(self._agent.agent_id)
            self._counted_until = time.monotonic() + COUNTED_S
        current, following = self.vectors.current, self.vectors.next
        return EmbeddingStatus(
            model=current.name if current is not None else "",
            dimensions=current.dimensions if current is not None else 0,
            provider=self.calls.provider,
            next_model=following.name if following is not None else "",
            done=self.vectors.done,
            total=self.vectors.total,
            error=self._error,
            queue=self._queue,
        )

    # -- the worker ---------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Make what is missing, as long as there is something; until cancelled."""
        failed = 0
        while True:
            self._wake.clear()
            began = time.monotonic()
            try:
                did, anew = await self._work_once()
                self._error = ""
            except (StoreError, ModelError) as error:
                if str(error) != self._error:
                    log.warning("embeddings are at a stand: %s", error)
                self._error = str(error)
                did, anew = _Did.FAILED, False
            if did is _Did.SOME:
                failed = 0
                if anew:
                    await self._pause(min(LONGEST_REST, time.monotonic() - began))
            elif did is _Did.FAILED:
                failed += 1
                await asyncio.sleep(backoff(failed, base=2.0, cap=LONGEST_PAUSE))
            else:
                await self._pause(LOOK_S)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _work_once(self) -> tuple[_Did, bool]:
        """One batch; and whether it was of those that had a vector of another model."""
        if not self.possible:
            return _Did.NOTHING, False
        agent_id = self._agent.agent_id
        batch = await self._store.next_embedding_jobs(agent_id, BATCH)
        if batch:
            return await self._make(batch, queued=True), False
        found = await self._store.missing_vectors(agent_id, LEARNED, after=self._looked_at, count=BATCH)
        if found:
            did = await self._make([memory for _, memory in found], queued=False)
            if did is _Did.SOME:
                self._looked_at = found[-1][0]
            return did, False
        await self._compare()
        if self.vectors.next is None or time.monotonic() < self._rest_until:
            return _Did.NOTHING, False
        if await self._is_spent():
            self._rest_until = time.monotonic() + SPENT_REST
            return _Did.NOTHING, False
        stale = await self.vectors.stale(BATCH)
        if not stale:
            queue = await self._store.embedding_queue(agent_id)
            await self.vectors.finish(failed=queue.failed)
            return _Did.SOME, True
        did = await self._make([memory for _, memory in stale], queued=False)
        if did is _Did.SOME:
            self.vectors.passed(stale)
        return did, True

    async def _compare(self) -> None:
        """Ask the model for its name and length, where there are vectors that it may not fit to."""
        provider = self.calls.provider
        if self._compared_with == provider:
            return
        if await self.vectors.load():
            [made] = await self._counted([HARMLESS])
            if isinstance(made, ModelError):
                raise made
            await self.vectors.compare(made)
        self._compared_with = provider

    async def _make(self, batch: Sequence[Memory], *, queued: bool) -> _Did:
        """Make and keep the vectors of a batch."""
        await self._compare()
        empty = [memory for memory in batch if not memory.content.text.strip()]
        for memory in empty if queued else ():
            await self._store.drop_embedding_job(memory.id)
        batch = [memory for memory in batch if memory.content.text.strip()]
        if not batch:
            return _Did.SOME
        results = await self._counted([memory.content.text.strip() for memory in batch])
        # A model that is not to be had fails every text alike; that must not use up anybody's tries.
        failures = [each for each in results if isinstance(each, ModelError) and each.retryable]
        if len(failures) == len(batch) and (len(batch) > 1 or failures[0].outage):
            raise failures[0]
        if all(isinstance(each, ModelError) for each in results):
            # A wrong key, or a model that is not there, refuses any text.
            [probe] = await self._counted([HARMLESS])
            if isinstance(probe, ModelError):
                raise probe
        try:
            faults = await asyncio.gather(*map(self._keep, batch, results))
        except AnotherModel as error:
            log.info("embeddings: %s answers now, looking again", error)
            self._compared_with = None
            return _Did.FAILED
        for memory, fault in zip(batch, faults, strict=True):
            if fault is not None:
                await self._failed(memory, fault, queued=queued)
            else:
                await self._tell(EventType.EMBEDDING_GENERATION_COMPLETED, memory)
        return _Did.SOME if not queued or None in faults else _Did.FAILED

    async def _keep(self, memory: Memory, made: Made | ModelError) -> BotHostError | None:
        """Keep a vector; why that cannot be. Those of a batch share their commit."""
        if isinstance(made, ModelError):
            return made
        try:
            name = await self.vectors.name_for(made)
            await self._store.set_embedding(memory.id, made.vectors[0], model=name)
        except (ModelError, StateError) as error:
            return error
        return None

    async def _counted(self, texts: Sequence[str]) -> list[Made | ModelError]:
        """Ask, and put what it used on the agent's day: no turn does that for the background."""
        run = begin_run(self._agent.agent_id, None)
        try:
            return await self.calls.work(texts)
        finally:
            leave_run(self._agent.agent_id)
            record = run.record("completed")
            if record.model_calls:
                self._spent = await self._store.count_use(record)

    async def _is_spent(self) -> bool:
        """Whether half of what the agent may use today is gone: the rest is for people."""
        limits = self._limits()
        tokens, cost = self._spent
        return bool(
            (limits.tokens_per_day and tokens * 2 >= limits.tokens_per_day)
            or (limits.cost_per_day and cost * 2 >= limits.cost_per_day)
        )

    async def _failed(self, memory: Memory, error: BotHostError, *, queued: bool) -> None:
        if not queued:
            await self._store.queue_embedding(memory.id, priority=AFTER_ALL)
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
