"""Which model an agent's vectors are of, and how another one takes over.

The old model's vectors stay until all that have one have one of the new model's, too; the new ones are made
newest first. What is done is seen in the rows, so that it goes on after a kill.
"""

import logging
from collections.abc import Sequence
from typing import Any, Final

from bot_host.contracts.store import Store
from bot_host.runtime.embedding_calls import Made
from bot_host.types.errors import ModelError
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.vectors import GIVEN, VectorModel, base_name, name_with_length

log = logging.getLogger(__name__)

STATE: Final = "embeddings"
"""The key of the agent's cache that says which model it is."""
DROPPED_AT_ONCE: Final = 500


class VectorModels:
    """The model in use, and the one that takes over."""

    def __init__(self, agent_id: UUID, store: Store) -> None:
        self._agent_id = agent_id
        self._store = store
        self._loaded = False
        self._before: int | None = None
        self.current: VectorModel | None = None
        """Whose vectors are searched; None: there are none."""
        self.next: VectorModel | None = None
        """Whose vectors are made now, until all have one."""
        self.done = 0
        self.total = 0

    @property
    def target(self) -> VectorModel | None:
        """Whose vectors are made."""
        return self.next or self.current

    async def load(self) -> bool:
        """Read what was noted; whether there are vectors to compare a model's with. Raises StoreError."""
        if not self._loaded:
            noted: Any = await self._store.get_cache(self._agent_id, STATE)
            if isinstance(noted, dict):
                self.current, self.next = _read(noted.get("current")), _read(noted.get("next"))
            if self.current is None:
                found = await self._store.embedding_models(self._agent_id)
                made = [name for name in found if base_name(name) != GIVEN]
                self.current = VectorModel(name=made[0], dimensions=found[made[0]]) if made else None
            self._loaded = True
        return self.current is not None

    async def compare(self, made: Made) -> None:
        """The model has answered: begin, go on with or give up a change. Raises StoreError."""
        self._before = None
        target = self._named(made)
        if self.current is None or self.current.name == target.name:
            if self.next is not None:
                log.info("embeddings: back to %s", target.name)
            self.current, self.next = target, None
            await self._save()
            # After a change that was called off, or a kill while old ones were deleted.
            await self._drop_others(target.name)
            return
        self.next = target
        left = await self._store.count_stale_vectors(self._agent_id, target.name)
        self.done, self.total = 0, left
        log.info(
            "embeddings: %s takes over from %s: %d memories get new vectors, searches use the old ones "
            "until it is done",
            target.name,
            self.current.name,
            left,
        )
        await self._save()

    def _named(self, made: Made) -> VectorModel:
        """The model, under another name where its vectors had another length before."""
        for known in (self.current, self.next):
            if known is None or base_name(known.name) != made.model:
                continue
            if known.dimensions == made.dimensions:
                return _model(known.name, made)
        same = self.current is not None and base_name(self.current.name) == made.model
        name = name_with_length(made.model, made.dimensions) if same else made.model
        return _model(name, made)

    async def name_for(self, made: Made) -> str:
        """The name under which a vector is kept.

        Raises ModelError for one that is not as long as the others, AnotherModel for one of another model.
        """
        await self.load()
        target = self.target
        if target is None:
            self.current = target = _model(made.model, made)
            await self._save()
        if made.model != base_name(target.name):
            raise AnotherModel(made.model)
        if made.dimensions != target.dimensions:
            raise ModelError(
                f"{made.model} answered with an embedding of {made.dimensions} numbers, where its others "
                f"have {target.dimensions}: it is not kept; after a change of the model, start the host again"
            )
        return target.name

    async def stale(self, count: int) -> list[tuple[int, Memory]]:
        """The next ones that still need the new model's vector; empty: none are left. Raises StoreError."""
        if self.next is None:
            return []
        return await self._store.stale_vectors(
            self._agent_id, self.next.name, before=self._before, count=count
        )

    def passed(self, batch: Sequence[tuple[int, Memory]]) -> None:
        """These have their vectors, or a place in the queue."""
        self._before = batch[-1][0]
        self.done += len(batch)

    async def finish(self, *, failed: int) -> None:
        """All are done: search the new ones from now on, and delete the old ones. Raises StoreError."""
        if self.next is None:
            return
        self.current, self.next = self.next, None
        await self._save()
        gone = await self._drop_others(self.current.name)
        log.info(
            "embeddings: %s has taken over: %d memories have its vectors%s; %d old ones are deleted",
            self.current.name,
            self.done,
            f", {failed} could not get one (see status)" if failed else "",
            gone,
        )
        self.done = self.total = 0

    async def _drop_others(self, name: str) -> int:
        gone = 0
        for model in await self._store.embedding_models(self._agent_id):
            more = model != name and base_name(model) != GIVEN
            while more:
                count = await self._store.drop_embeddings(self._agent_id, model, count=DROPPED_AT_ONCE)
                gone += count
                more = count == DROPPED_AT_ONCE
        return gone

    async def _save(self) -> None:
        noted = {"current": _noted(self.current), "next": _noted(self.next)}
        await self._store.set_cache(self._agent_id, STATE, noted)


class AnotherModel(Exception):
    """The provider has changed its model while the host runs."""


def _model(name: str, made: Made) -> VectorModel:
    return VectorModel(name=name, dimensions=made.dimensions, provider=made.provider)


def _noted(model: VectorModel | None) -> dict[str, Any] | None:
    if model is None:
        return None
    return {"name": model.name, "dimensions": model.dimensions, "provider": model.provider}


def _read(noted: Any) -> VectorModel | None:
    if not isinstance(noted, dict):
        return None
    return VectorModel(
        name=str(noted["name"]), dimensions=int(noted["dimensions"]), provider=str(noted.get("provider", ""))
    )
