"""Searches among memories. They go through much by design, so they have a connection of their own."""

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias

from sqlalchemy import Integer, Select, and_, bindparam, column, func, literal_column, select, table
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import BindParameter, ColumnElement

from bot_host.store import embeddings, recall
from bot_host.store.columns import POSTGRESQL, InList, JsonText, ListOf, Real, Words
from bot_host.store.filters import FILTERS, conditions
from bot_host.store.nearest import Nearest
from bot_host.store.schema import embeddings as embeddings_table
from bot_host.store.schema import memories
from bot_host.store.scoring import cosine
from bot_host.store.statement import Family, Statement, Unit
from bot_host.store.words import words_of
from bot_host.types.ids import UUID
from bot_host.types.search import SearchHit

RRF_K: Final = 60
"""Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual rank learning
methods" (SIGIR 2009): a list counts 1 / (k + rank) for what stands in it, and k = 60 did best."""
DEPTH: Final = 50
"""How far down each list is read before the two become one; deeper where more hits are asked for."""
RANKED: Final = 10_000
"""Of all that have one of the words PostgreSQL ranks the newest so many: it knows no way to the best but to
rank them one by one, and a word like "the" is in nearly all."""
MARGIN: Final = 32
"""Further ones that are looked at exactly, since drivers find them with rounded numbers."""

_m, _e = memories.c, embeddings_table.c

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
_query = func.websearch_to_tsquery(literal_column("'simple'"), bindparam("alternatives", type_=Words()))
# Only PostgreSQL has it: see `postgres_schema.WORDS`.
_kept: ColumnElement[Any] = literal_column("memories.words")


def _by_words(name: str, given: frozenset[str]) -> Statement:
    matches = _words.c.memory_words.op("MATCH")(bindparam("match", type_=Words()))
    return Statement(
        name,
        select(_m.id, _words.c.rank)
        .join_from(_words, memories, _m.seq == _words.c.rowid)
        .where(matches, *conditions(given))
        .order_by(_words.c.rank)
        .limit(bindparam("count")),
        postgresql=_by_words_postgresql(given),
    )


def _by_words_postgresql(given: frozenset[str]) -> Select[Any]:
    found = (
        select(_m.id, _m.seq, _kept.label("kept"))
        .where(_kept.op("@@")(_query), *conditions(given))
        .order_by(_m.seq.desc())
        .limit(literal_column(str(RANKED)))
        .subquery()
    )
    # 1: in a longer text a word counts less, as it does on SQLite.
    rank = (-func.ts_rank(found.c.kept, _query, literal_column("1"), type_=Real())).label("rank")
    return select(found.c.id, rank).order_by(rank, found.c.seq.desc()).limit(bindparam("count"))


def _by_pieces(name: str, given: frozenset[str]) -> Statement:
    likeness = CountLike(_text, "patterns").label("likeness")
    found = select(_m.id, likeness, _m.created_at, _m.seq).where(*conditions(given)).subquery()
    return Statement(
        name,
        select(found.c.id, found.c.likeness)
        .where(found.c.likeness > 0)
        .order_by(found.c.likeness.desc(), found.c.created_at.desc(), found.c.seq.desc())
        .limit(bindparam("count")),
    )


BY_WORDS: Final = Family("search.by_words", FILTERS, _by_words)
BY_PIECES: Final = Family("search.by_pieces", FILTERS, _by_pieces)
EXACTLY: Final = Statement(
    "search.exactly",
    select(_m.id, _m.seq, _e.vector)
    .join_from(memories, embeddings_table, and_(_e.seq == _m.seq, _e.model == bindparam("model")))
    .where(InList(_m.seq, "seqs")),
)

_Ranked: TypeAlias = dict[UUID, float]
"""What a list has found with its similarity, best first."""


def by_text(scope: Mapping[str, Any], query: str, count: int) -> Unit[_Ranked]:
    """Any of the words will do; many and rare ones are best. The best has 1."""
    words = words_of(query)
    if words.whole:
        rows = yield BY_WORDS(
            **scope, match=words.match, alternatives=words.alternatives, count=max(0, count)
        )
        return {id_: rank / rows[0][1] if rows[0][1] else 1.0 for id_, rank in rows}
    if words.pieces:
        rows = yield BY_PIECES(**scope, patterns=words.patterns, count=max(0, count))
        return {id_: likeness / len(words.pieces) for id_, likeness in rows}
    return {}


def by_vector(
    scope: Mapping[str, Any],
    embedding: Sequence[float],
    nearest: Nearest,
    *,
    model: str | None,
    threshold: float,
    count: int,
) -> Unit[_Ranked]:
    """By cosine; of equal ones the newest first. Without a model by all that have as many dimensions."""
    wanted = embeddings.unit_vector(embedding)
    known = yield from embeddings.embedding_models(scope["agent_id"])
    if not any(wanted) or count <= 0:
        return {}
    if model is not None and model in known:
        embeddings.check_dimensions(model, known[model], len(wanted))
    models = [model] if model is not None else [each for each in known if known[each] == len(wanted)]
    best: dict[UUID, tuple[float, int]] = {}
    for each in models:
        if each in known:
            seqs = yield from nearest(scope, each, wanted, count + MARGIN)
            rows = (yield EXACTLY(model=each, seqs=seqs)) if seqs else []
            for id_, seq, vector in rows:
                found = (cosine(vector, wanted), seq)
                best[id_] = max(found, best.get(id_, found))
    in_order = sorted(best.items(), key=lambda item: item[1], reverse=True)
    return {id_: value for id_, (value, _) in in_order if value >= threshold}


def first(ranked: _Ranked, count: int) -> _Ranked:
    """The first `count`."""
    return dict(islice(ranked.items(), max(0, count)))


def _less(ranked: _Ranked, without: Collection[UUID]) -> _Ranked:
    return {id_: value for id_, value in ranked.items() if id_ not in without} if without else ranked


def merge(text: _Ranked, vector: _Ranked) -> dict[UUID, float]:
    """Both lists as one by reciprocal rank, best first; of equal ones that which the vectors put first."""
    scores: dict[UUID, float] = {}
    for ranked in (vector, text):
        for rank, id_ in enumerate(ranked, 1):
            scores[id_] = scores.get(id_, 0.0) + 1 / (RRF_K + rank)
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


def search_memories(
    scope: Mapping[str, Any],
    nearest: Nearest,
    *,
    text: str,
    embedding: Sequence[float] | None,
    model: str | None,
    threshold: float,
    count: int,
    without: Collection[UUID] = (),
) -> Unit[list[SearchHit]]:
    """See Memories.search_memories."""
    depth = max(DEPTH, count) if text and embedding is not None else count
    if count > 0:
        depth += len(without)
    texts: _Ranked = {}
    vectors: _Ranked = {}
    if text and count > 0:
        found_by_text = yield from by_text(scope, text, depth)
        texts = _less(found_by_text, without)
    if embedding is not None:
        vectors = yield from by_vector(
            scope, embedding, nearest, model=model, threshold=threshold, count=depth
        )
        vectors = _less(first(vectors, depth), without)
    scores = first(merge(texts, vectors), count)
    text_ranks = {id_: rank for rank, id_ in enumerate(texts, 1)}
    vector_ranks = {id_: rank for rank, id_ in enumerate(vectors, 1)}
    found = yield from recall.get_memories_by_ids(list(scores))
    for memory in found:
        memory.similarity = vectors.get(memory.id, texts.get(memory.id))
    return [
        SearchHit(
            memory=memory,
            score=scores[memory.id],
            text_rank=text_ranks.get(memory.id),
            text_similarity=texts.get(memory.id),
            vector_rank=vector_ranks.get(memory.id),
            vector_similarity=vectors.get(memory.id),
        )
        for memory in found
    ]
