"""Searches among memories. They go through much by design, so they have a connection of their own."""

import heapq
from collections.abc import Mapping, Sequence
from operator import mul
from typing import Any, Final

from sqlalchemy import Integer, bindparam, column, func, literal_column, select, table
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import BindParameter, ColumnElement

from bot_host.store import embeddings, recall
from bot_host.store.columns import POSTGRESQL, JsonText, ListOf, Real, Words
from bot_host.store.memories import FIELDS, to_memory
from bot_host.store.schema import embeddings as embeddings_table
from bot_host.store.schema import memories
from bot_host.store.statement import Family, Row, Statement, Unit
from bot_host.store.words import words_of
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory

CHUNK: Final = 1000
"""Vectors that are in memory at one time."""

_m, _e = memories.c, embeddings_table.c
_FIRST: Final = "00000000-0000-0000-0000-000000000000"


_text = JsonText(_m.content, "text")


class CountLike(ColumnElement[int]):
    """How many of a list of patterns a text is like."""

    inherit_cache = True
    type = Integer()

    def __init__(self, text: ColumnElement[str], name: str) -> None:
        self.text = text
        self.patterns: BindParameter[Any] = BindParameter(name, required=True, type_=ListOf(Words()))


@compiles(CountLike, "sqlite")
def _like_sqlite(element: CountLike, compiler: Any, **kw: Any) -> str:
    text, patterns = compiler.process(element.text, **kw), compiler.process(element.patterns, **kw)
    return f"(SELECT count(*) FROM json_each({patterns}) AS p WHERE {text} LIKE p.value ESCAPE '\\')"


@compiles(CountLike, POSTGRESQL)
def _like_postgresql(element: CountLike, compiler: Any, **kw: Any) -> str:
    text, patterns = compiler.process(element.text, **kw), compiler.process(element.patterns, **kw)
    return f"(SELECT count(*) FROM unnest({patterns}) AS p WHERE {text} ILIKE p ESCAPE '\\')"


_words = table("memory_words", column("memory_words"), column("rowid"), column("rank", Real()))
_vector = func.bot_host_words(_text)
_query = func.websearch_to_tsquery(literal_column("'simple'"), bindparam("alternatives", type_=Words()))
_pg_rank = (-func.ts_rank(_vector, _query, type_=Real())).label("rank")


def _by_words(name: str, given: frozenset[str]) -> Statement:
    count: BindParameter[Any] = bindparam("count")
    matches = _words.c.memory_words.op("MATCH")(bindparam("match", type_=Words()))
    return Statement(
        name,
        select(*FIELDS, _words.c.rank)
        .join_from(_words, memories, _m.seq == _words.c.rowid)
        .where(matches, *recall.scope(given))
        .order_by(_words.c.rank)
        .limit(count),
        postgresql=select(*FIELDS, _pg_rank)
        .where(_vector.op("@@")(_query), *recall.scope(given))
        .order_by(_pg_rank)
        .limit(count),
    )


def _by_pieces(name: str, given: frozenset[str]) -> Statement:
    likeness = CountLike(_text, "patterns").label("likeness")
    found = select(_m.seq, likeness).where(*recall.scope(given)).subquery()
    return Statement(
        name,
        select(*FIELDS, found.c.likeness)
        .join_from(found, memories, _m.seq == found.c.seq)
        .where(found.c.likeness > 0)
        .order_by(found.c.likeness.desc(), _m.created_at.desc(), _m.seq.desc())
        .limit(bindparam("count")),
    )


def _vectors(name: str, given: frozenset[str]) -> Statement:
    return Statement(
        name,
        select(_e.memory_id, _e.vector)
        .join_from(embeddings_table, memories, _m.id == _e.memory_id)
        .where(
            _e.dimensions == bindparam("dimensions"),
            _e.memory_id > bindparam("after"),
            *recall.scope(given),
        )
        .order_by(_e.memory_id)
        .limit(bindparam("count")),
    )


BY_WORDS: Final = Family("search.by_words", recall.SCOPE, _by_words)
BY_PIECES: Final = Family("search.by_pieces", recall.SCOPE, _by_pieces)
VECTORS: Final = Family("search.vectors", recall.SCOPE, _vectors)


def search_memories_by_text(scope: Mapping[str, Any], query: str, count: int) -> Unit[list[Memory]]:
    """See Memories.search_memories_by_text. Any of the words will do; many and rare ones are best."""
    words = words_of(query)
    if words.whole:
        rows = yield BY_WORDS(
            **scope, match=words.match, alternatives=words.alternatives, count=max(0, count)
        )
        return [_hit(row, row[-1] / rows[0][-1] if rows[0][-1] else 1.0) for row in rows]
    if words.pieces:
        rows = yield BY_PIECES(**scope, patterns=words.patterns, count=max(0, count))
        return [_hit(row, row[-1] / len(words.pieces)) for row in rows]
    return []


def _hit(row: Row, similarity: float) -> Memory:
    memory = to_memory(row[:-1])
    memory.similarity = similarity
    return memory


def search_memories_by_embedding(
    scope: Mapping[str, Any], embedding: Sequence[float], threshold: float, count: int
) -> Unit[list[Memory]]:
    """See Memories.search_memories_by_embedding. An exact scan, a chunk at a time."""
    wanted = embeddings.unit_vector(embedding)
    best: list[tuple[float, UUID]] = []
    after: UUID = _FIRST
    if not any(wanted) or count <= 0:
        return []
    while after:
        rows = yield VECTORS(**scope, dimensions=len(wanted), after=after, count=CHUNK)
        scored = ((sum(map(mul, embeddings.unpack(vector), wanted)), id_) for id_, vector in rows)
        best = heapq.nlargest(count, [*best, *(hit for hit in scored if hit[0] >= threshold)])
        after = rows[-1][0] if len(rows) == CHUNK else ""
    similarity = {id_: value for value, id_ in best}
    found = yield from recall.get_memories_by_ids(list(similarity))
    for memory in found:
        memory.similarity = max(-1.0, min(1.0, similarity[memory.id]))
    return found
