"""What people put right of what an agent has learned."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from sqlalchemy import bindparam, delete, select, update

from bot_host.kit.clock import utc_now
from bot_host.store import embeddings, memories
from bot_host.store.driver import Driver
from bot_host.store.people import to_relationship
from bot_host.store.schema import constant, relationships
from bot_host.store.schema import memories as memory_table
from bot_host.store.statement import Statement, Unit
from bot_host.store.summary_tables import summaries
from bot_host.types.ids import UUID
from bot_host.types.knowledge import Audience, Relationship
from bot_host.types.summary import SummaryState

_m, _r, _s = memory_table.c, relationships.c, summaries.c
_of_room = _s.room_id == bindparam("of_room", type_=_s.room_id.type)

CORRECT: Final = Statement(
    "corrections.memory",
    update(memory_table)
    .where(_m.id == bindparam("memory_id"))
    .values(
        content=bindparam("new_content"),
        audience=bindparam("new_audience", type_=_m.audience.type),
        confidence=bindparam("new_confidence", type_=_m.confidence.type),
    ),
)
RELATIONSHIP: Final = Statement("corrections.find_relationship", select(*_r).where(_r.id == bindparam("id")))
CORRECT_RELATIONSHIP: Final = Statement(
    "corrections.relationship",
    update(relationships)
    .where(_r.id == bindparam("relationship_id"))
    .values(
        {
            name: bindparam(f"new_{name}", type_=_r[name].type)
            for name in ("tags", "audience", "confidence", "updated_at")
        }
    ),
)
DELETE_RELATIONSHIP: Final = Statement(
    "corrections.delete_relationship",
    delete(relationships).where(_r.id == bindparam("id")).returning(_r.id),
)
PART: Final = Statement(
    "corrections.part_summaries",
    update(summaries).where(_of_room, _s.parent_id.is_not(None)).values(parent_id=None),
)
DROP: Final = Statement("corrections.drop_summaries", delete(summaries).where(_of_room, _s.level > 0))
RENEW: Final = Statement(
    "corrections.renew_summaries",
    update(summaries)
    .where(_of_room, _s.level == 0, _s.state == constant(SummaryState.READY.value))
    .values(state=SummaryState.STALE.value, text="", tokens=0, revision=_s.revision + 1)
    .returning(_s.id),
)


def correct_memory(
    memory_id: UUID, text: str | None, audience: Audience | None, confidence: float | None
) -> Unit[bool]:
    """See Corrections."""
    memory = yield from memories.find_memory(memory_id)
    if memory is None:
        return False
    content = memory.content if text is None else memory.content.model_copy(update={"text": text})
    ears = memory.audience if audience is None else audience
    yield CORRECT(
        memory_id=memory_id,
        new_content=content.to_dict(),
        new_audience=None if ears is None else ears.value,
        new_confidence=memory.confidence if confidence is None else confidence,
    )
    if content.text != memory.content.text:
        yield from embeddings.forget(memory_id)
    return True


def find_relationship(relationship_id: UUID) -> Unit[Relationship | None]:
    """See MemoryViews.find_relationship_by_id."""
    rows = yield RELATIONSHIP(id=relationship_id)
    return to_relationship(rows[0]) if rows else None


def correct_relationship(
    relationship_id: UUID, tags: Sequence[str] | None, audience: Audience | None, confidence: float | None
) -> Unit[Relationship | None]:
    """See Corrections."""
    known = yield from find_relationship(relationship_id)
    if known is None:
        return None
    yield CORRECT_RELATIONSHIP(
        relationship_id=relationship_id,
        new_tags=list(known.tags if tags is None else tags),
        new_audience=(known.audience if audience is None else audience).value,
        new_confidence=known.confidence if confidence is None else confidence,
        new_updated_at=utc_now(),
    )
    return (yield from find_relationship(relationship_id))


def delete_relationship(relationship_id: UUID) -> Unit[bool]:
    """See Corrections."""
    return bool((yield DELETE_RELATIONSHIP(id=relationship_id)))


def renew_summaries(room_id: UUID) -> Unit[int]:
    """See Corrections. What was skipped stays so: too much was said there at once to read it."""
    yield PART(of_room=room_id)
    yield DROP(of_room=room_id)
    return len((yield RENEW(of_room=room_id)))


class CorrectionVerbs:
    """`bot_host.contracts.corrections.Corrections`; see there for what each verb does."""

    _driver: Driver

    async def correct_memory(
        self,
        memory_id: UUID,
        *,
        text: str | None = None,
        audience: Audience | None = None,
        confidence: float | None = None,
    ) -> bool:
        """See Corrections."""
        return await self._driver.write(partial(correct_memory, memory_id, text, audience, confidence))

    async def correct_relationship(
        self,
        relationship_id: UUID,
        *,
        tags: Sequence[str] | None = None,
        audience: Audience | None = None,
        confidence: float | None = None,
    ) -> Relationship | None:
        """See Corrections."""
        return await self._driver.write(
            partial(correct_relationship, relationship_id, tags, audience, confidence)
        )

    async def delete_relationship(self, relationship_id: UUID) -> bool:
        """See Corrections."""
        return await self._driver.write(partial(delete_relationship, relationship_id))

    async def renew_summaries(self, room_id: UUID) -> int:
        """See Corrections."""
        return await self._driver.write(partial(renew_summaries, room_id))
