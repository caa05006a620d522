"""Which memories have the vectors that are most like a wanted one: what a driver's way to find them does,
and the way that every database has, which compares one by one.
"""

import logging
from array import array
from collections.abc import Mapping
from typing import Any, Final, Protocol

from sqlalchemy import LargeBinary, bindparam, func, select
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeDecorator

from bot_host.store import filters, scoring
from bot_host.store.columns import InList, pack
from bot_host.store.schema import embeddings, memories
from bot_host.store.statement import Family, Statement, Unit

log = logging.getLogger(__name__)

CHUNK: Final = 500
"""Vectors that are in memory at one time."""

_e, _m = embeddings.c, memories.c


class Nearest(Protocol):
    """A way to find the nearest."""

    def __call__(
        self, scope: Mapping[str, Any], model: str, wanted: "array[float]", count: int
    ) -> Unit[list[int]]:
        """`seq` of the `count` memories in scope whose vectors of the model are most like `wanted`.

        `scope` is of `filters.values`; `wanted` has length 1 and as many dimensions as the model. Of equal
        ones those with the higher `seq`. Last digits may differ from one way to another, so that callers ask
        for some more than they want, and put them in order themselves.
        """


class _Sent(TypeDecorator[bytes]):
    """PostgreSQL's `array_send(real[])` as packed floats: asyncpg would make each number an object."""

    impl = LargeBinary
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Any) -> bytes:
        """A head of 20 bytes, then for each number its length and itself, the highest byte first."""
        found = array("f")
        found.frombytes(value[20:])
        found.byteswap()
        return pack(found[1::2])


_sent: ColumnElement[bytes] = func.array_send(_e.vector, type_=_Sent())


def _all(name: str, given: frozenset[str]) -> Statement:
    """A chunk of the model's vectors, in the order of their memories."""
    wanted = (
        _e.model == bindparam("model"),
        _e.seq > bindparam("after", type_=_e.seq.type),
        *filters.conditions(given),
    )
    query = select(_e.seq).join_from(embeddings, memories, _m.seq == _e.seq).where(*wanted)
    query = query.order_by(_e.seq).limit(bindparam("count"))
    return Statement(name, query.add_columns(_e.vector), postgresql=query.add_columns(_sent))


def _seqs(name: str, given: frozenset[str]) -> Statement:
    return Statement(name, select(_m.seq).where(*filters.conditions(given)))


_some = select(_e.seq).where(_e.model == bindparam("model"), InList(_e.seq, "seqs"))

ALL: Final = Family("nearest.all", filters.FILTERS, _all)
SEQS: Final = Family("nearest.seqs", filters.FILTERS, _seqs)
SOME: Final = Statement("nearest.some", _some.add_columns(_e.vector), postgresql=_some.add_columns(_sent))


class Scan:
    """See Nearest. Exact; the time it takes grows with the vectors in scope."""

    def __init__(self, better: str = "", *, warn: bool = False) -> None:
        """`better`: what would be, and how to get it; told with the first search, as a warning or not."""
        self._better = better
        self._warn = warn

    def __call__(
        self, scope: Mapping[str, Any], model: str, wanted: "array[float]", count: int
    ) -> Unit[list[int]]:
        """See Nearest."""
        self._tell()
        best = scoring.best_of(wanted, count)
        if filters.is_narrow(scope):
            seqs = [seq for (seq,) in (yield SEQS(**scope))]
            for at in range(0, len(seqs), CHUNK):
                _add(best, (yield SOME(model=model, seqs=seqs[at : at + CHUNK])))
            return best.numbers()
        after, more = -1, True
        while more:
            rows = yield ALL(**scope, model=model, after=after, count=CHUNK)
            _add(best, rows)
            more = len(rows) == CHUNK
            after = rows[-1][0] if more else after
        return best.numbers()

    def _tell(self) -> None:
        better, self._better = self._better, ""
        if not better:
            return
        if scoring.has_numpy():
            level = logging.WARNING if self._warn else logging.INFO
            log.log(level, "vectors are compared one by one, by numpy: %s", better)
        else:
            log.warning(
                "vectors are compared one by one in plain Python, about 20 ms for each 1,000 of them: %s; "
                'numpy does it more than ten times as fast: pip install "bot-host[sqlite-vec]"',
                better,
            )


def _add(best: scoring.Best, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        seqs, vectors = zip(*rows, strict=True)
        best.add(seqs, vectors)
