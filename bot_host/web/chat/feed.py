"""What happens in a conversation, told to the pages that show it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

News: TypeAlias = tuple[str, dict[str, Any]]
"""The name of an event, and its data as JSON values."""

WAITING: Final = 256
"""Events that a page may be behind."""
RELOAD: Final[News] = ("reload", {})
"""In place of what a slow page has missed: it asks for the conversation again."""


class Feed:
    """The pages that are open, by conversation. For others nothing is kept: the rows are the truth."""

    def __init__(self) -> None:
        self._open: dict[str, list[asyncio.Queue[News]]] = {}

    @contextmanager
    def follow(self, conversation: str) -> Iterator["asyncio.Queue[News]"]:
        """A page that shows a conversation."""
        page: asyncio.Queue[News] = asyncio.Queue(WAITING)
        self._open.setdefault(conversation, []).append(page)
        try:
            yield page
        finally:
            self._open[conversation].remove(page)
            if not self._open[conversation]:
                del self._open[conversation]

    @property
    def watched(self) -> bool:
        """Whether any page is open."""
        return bool(self._open)

    def tell(self, conversation: str, name: str, /, **data: Any) -> None:
        """Tell the pages; one that does not keep up is told to load anew."""
        for page in self._open.get(conversation, ()):
            if page.full():
                while not page.empty():
                    page.get_nowait()
                page.put_nowait(RELOAD)
            page.put_nowait((name, data))
