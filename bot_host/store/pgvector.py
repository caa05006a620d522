"""PostgreSQL's extension pgvector: vectors compared by the server, through an index where there are many.

The vectors lie in `embeddings` as arrays, whether the extension is there or not; an index makes its own type
of them. So there is nothing to be copied when the extension comes or goes.
"""

import hashlib
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import Float, bindparam, func, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import BindParameter, ColumnElement

from bot_host.store import filters
from bot_host.store.columns import POSTGRESQL, Vector, pack
from bot_host.store.schema import embeddings, memories
from bot_host.store.statement import Family, Statement, Unit

HNSW_SINCE: Final = (0, 5)
HALF_SINCE: Final = (0, 7)
ITERATIVE_SINCE: Final = (0, 8)
"""Versions of the extension that know this kind of index, numbers of 16 bits, and going on with a search
until enough is found that fits (its README)."""
INDEXED: Final = 2000
INDEXED_HALF: Final = 4000
COMPARED: Final = 16_000
"""Dimensions that its types and indexes take (its README)."""
EF_SEARCH: Final = 200
"""How many candidates a search of the index keeps; more find more and take longer. 1000 is the most."""

_e, _m = embeddings.c, memories.c


@dataclass(frozen=True, slots=True)
class Extension:
    """The extension as one database has it."""

    version: tuple[int, ...]
    schema: str
    """Where its types are; not always where the tables are looked for."""

    def kind(self, dimensions: int) -> str:
        """The type that vectors of so many dimensions are compared as."""
        half = dimensions > INDEXED and self.has_index(dimensions)
        return f"{self.schema}.{'halfvec' if half else 'vector'}({dimensions})"

    def has_index(self, dimensions: int) -> bool:
        """Whether it can index so many dimensions."""
        if dimensions <= INDEXED:
            return self.version >= HNSW_SINCE
        return dimensions <= INDEXED_HALF and self.version >= HALF_SINCE

    def index(self, model: str, dimensions: int) -> tuple[str, str]:
        """The name of a model's index, and the statement that makes it."""
        name = f"ix_vectors_{hashlib.md5(f'{dimensions} {model}'.encode()).hexdigest()[:16]}"
        kind = self.kind(dimensions)
        operators = f"{self.schema}.{'halfvec' if '.halfvec(' in kind else 'vector'}_ip_ops"
        quoted = model.replace("'", "''")
        return name, (
            f"CREATE INDEX CONCURRENTLY {name} ON embeddings USING hnsw ((vector::{kind}) {operators}) "
            f"WHERE model = E'{quoted.replace(chr(92), chr(92) * 2)}' AND dimensions = {dimensions}"
        )


class _Distance(ColumnElement[float]):
    """The inner product with the wanted vector, negative: the least is the nearest."""

    inherit_cache = False
    type = Float()

    def __init__(self, extension: Extension, dimensions: int) -> None:
        self.extension = extension
        self.kind = extension.kind(dimensions)
        self.wanted: BindParameter[Any] = BindParameter("wanted", required=True, type_=Vector())


@compiles(_Distance, POSTGRESQL)
def _distance_postgresql(element: _Distance, compiler: Any, **kw: Any) -> str:
    vector, wanted = compiler.process(_e.vector, **kw), compiler.process(element.wanted, **kw)
    schema, kind = element.extension.schema, element.kind
    return f"({vector}::{kind}) OPERATOR({schema}.<#>) ({wanted}::{kind})"


@cache
def _families(extension: Extension, dimensions: int) -> tuple[Family, Family]:
    """Statements for one number of dimensions: by the index as far as the planner likes, and without it."""
    distance = _Distance(extension, dimensions)

    def build(nearest: ColumnElement[Any]) -> Callable[[str, frozenset[str]], Statement]:
        def make(name: str, given: frozenset[str]) -> Statement:
            query = (
                select(_e.seq)
                .join_from(embeddings, memories, _m.seq == _e.seq)
                .where(
                    _e.model == bindparam("model"),
                    _e.dimensions == literal_column(str(dimensions)),
                    *filters.conditions(given),
                )
                .limit(bindparam("count"))
            )
            return Statement(name, query.order_by(nearest, _e.seq.desc()))

        return make

    name = f"pgvector {extension.schema} {'.'.join(map(str, extension.version))} {dimensions}"
    # The index serves the bare distance only.
    exactly = func.coalesce(distance, literal_column("0"), type_=Float())
    return (
        Family(f"{name} index", filters.FILTERS, build(distance)),
        Family(f"{name} exact", filters.FILTERS, build(exactly)),
    )


def _set(**settings: str) -> Statement:
    calls = [
        func.set_config(
            literal_column(f"'{name.replace('__', '.')}'"),
            literal_column(f"'{value}'"),
            literal_column("true"),
        )
        for name, value in settings.items()
    ]
    return Statement(f"pgvector.set({', '.join(settings)})", select(*calls))


# A plan for each search: which way is best depends on the filters' values.
_CUSTOM: Final = {"plan_cache_mode": "force_custom_plan", "hnsw__ef_search": str(EF_SEARCH)}
SET: Final = _set(**_CUSTOM)
SET_ITERATIVE: Final = _set(**_CUSTOM, hnsw__iterative_scan="relaxed_order")


class Pgvector:
    """See Nearest."""

    def __init__(self, extension: Extension, searched: Callable[[str, int], None]) -> None:
        """`searched` is told of each model that is asked for, with its dimensions."""
        self._extension = extension
        self._searched = searched

    def __call__(
        self, scope: Mapping[str, Any], model: str, wanted: "array[float]", count: int
    ) -> Unit[list[int]]:
        """See Nearest. By the index it finds nearly all; where that gives too few, all of them, exactly."""
        dimensions = len(wanted)
        self._searched(model, dimensions)
        by_index, exactly = _families(self._extension, dimensions)
        values = {**scope, "model": model, "wanted": pack(wanted), "count": count}
        yield (SET_ITERATIVE if self._extension.version >= ITERATIVE_SINCE else SET)()
        rows = yield by_index(**values)
        if len(rows) < count:
            rows = yield exactly(**values)
        return [seq for (seq,) in rows]
