"""SQLite's extension sqlite-vec: vectors compared in C, in one statement, while Python does other things.

Its function serves the vectors as they lie in `embeddings`. Its own tables (`vec0`) would be quicker by half,
but need triggers, with which nobody could write to the database any more whose Python cannot load the
extension; and they know no filter with OR, which the rule of who may hear what is.
"""

import logging
import sqlite3
from array import array
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from sqlalchemy import Float, LargeBinary, bindparam, func, select

from bot_host.store import filters
from bot_host.store.columns import pack
from bot_host.store.schema import embeddings, memories
from bot_host.store.statement import Family, Statement, Unit

log = logging.getLogger(__name__)

INSTALL: Final = 'pip install "bot-host[sqlite-vec]"'
FUNCTION: Final = "vec_distance_cosine"

_e, _m = embeddings.c, memories.c
# NULL is what a vector of zeros gets: it is like none.
_distance = func.coalesce(
    func.vec_distance_cosine(_e.vector, bindparam("wanted", type_=LargeBinary())), 1.0, type_=Float()
)


def load(db: sqlite3.Connection) -> str:
    """Load the extension into a connection; why that cannot be, or nothing when it could."""
    enable = getattr(db, "enable_load_extension", None)
    if enable is None:
        return (
            "this Python cannot load SQLite's extensions (Debian's and uv's can, pyenv's and Apple's cannot)"
        )
    try:
        path = import_module("sqlite_vec").loadable_path()
    except ImportError:
        return f"sqlite-vec is not installed ({INSTALL})"
    try:
        enable(True)
        try:
            db.load_extension(path)
        finally:
            enable(False)
    except sqlite3.Error as error:
        return f"sqlite-vec cannot be loaded ({error})"
    return ""


def _build(name: str, given: frozenset[str]) -> Statement:
    query = select(_e.seq).where(_e.model == bindparam("model"))
    wanted = filters.conditions(given)
    if given.isdisjoint(filters.NARROW):
        query = query.join_from(embeddings, memories, _m.seq == _e.seq).where(*wanted)
    else:
        # As a join, SQLite would begin with all of the model's.
        query = query.where(_e.seq.in_(select(_m.seq).where(*wanted)))
    return Statement(name, query.order_by(_distance, _e.seq.desc()).limit(bindparam("count")))


NEAREST: Final = Family("sqlite_vec.nearest", filters.FILTERS, _build)


def nearest(scope: Mapping[str, Any], model: str, wanted: "array[float]", count: int) -> Unit[list[int]]:
    """See Nearest. Exact."""
    rows = yield NEAREST(**scope, model=model, wanted=pack(wanted), count=count)
    return [seq for (seq,) in rows]
