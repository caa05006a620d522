"""Identifiers: elizaOS's algorithm, so that data can be carried over (elizaos.md 3.6)."""

import hashlib
import re
import uuid
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import quote

from bot_host.kit.clean import clean_text

UUID: TypeAlias = str
"""A UUID as text, 8-4-4-4-12 hexadecimal digits."""

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")


def string_to_uuid(target: str | int) -> UUID:
    """The stable UUID of a platform's id or any other text (elizaos.md 3.6-01).

    A text that already is a UUID comes back unchanged. Lone surrogates, which make elizaOS throw,
    are read as U+FFFD.
    """
    return _uuid_of(str(target))


# The same few agents, rooms and people come with every message.
@lru_cache(maxsize=8192)
def _uuid_of(text: str) -> UUID:
    text = clean_text(text)
    if _UUID.fullmatch(text):
        return text
    escaped = quote(text, safe="!'()*-._~")
    digest = bytearray(hashlib.sha1(escaped.encode("ascii"), usedforsecurity=False).digest()[:16])
    digest[8] = (digest[8] & 0x3F) | 0x80
    digest[6] &= 0x0F
    return str(uuid.UUID(bytes=bytes(digest)))


def create_unique_uuid(agent_id: UUID, base: str | int) -> UUID:
    """The UUID of `base` as seen by one agent; the agent's own id is itself (elizaos.md 3.6-03)."""
    if base == agent_id:
        return agent_id
    return string_to_uuid(f"{base}:{agent_id}")


def new_id() -> UUID:
    """A fresh random UUID."""
    return str(uuid.uuid4())


def as_id(value: object) -> UUID:
    """An id as it is kept: a UUID object or text, in lower case."""
    return str(value).lower()


def is_uuid(text: str) -> bool:
    """Whether `text` is written as a UUID."""
    return _UUID.fullmatch(text) is not None
