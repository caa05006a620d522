"""Vectors of memories: which models made them, and what still waits for one."""

from dataclasses import dataclass
from typing import Final

from bot_host.types.ids import UUID

GIVEN: Final = "given"
"""In place of a model's name: vectors that came with their memory, and that nobody can make anew. Plugins may
have several models, so that those of each length are kept for themselves (`name_with_length`)."""

_LENGTH: Final = " #"


def base_name(name: str) -> str:
    """A model's name as its provider knows it."""
    return name.partition(_LENGTH)[0]


def name_with_length(name: str, dimensions: object) -> str:
    """The name under which vectors of another length than before are kept, where the model's is the same."""
    return f"{base_name(name)}{_LENGTH}{dimensions}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorModel:
    """A model that has made vectors of an agent's memories."""

    name: str
    dimensions: int
    provider: str = ""
    """Who was asked for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingQueue:
    """What waits for a vector, and what has been given up."""

    waiting: int = 0
    failed: int = 0
    failures: tuple[tuple[UUID, str], ...] = ()
    """Some of those that were given up, with the last error of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingStatus:
    """How an agent's vectors are."""

    model: str = ""
    """Whose vectors searches use; empty: there are none yet."""
    dimensions: int = 0
    provider: str = ""
    """Who is asked for new ones; empty: nobody offers any."""
    next_model: str = ""
    """While another model takes over: its name."""
    done: int = 0
    """Memories that have its vectors, of `total`."""
    total: int = 0
    error: str = ""
    """Why it is at a stand; empty: it is not."""
    queue: EmbeddingQueue = EmbeddingQueue()
