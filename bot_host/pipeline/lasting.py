"""What is seen on files that never change and come again and again, such as stickers: looked at once."""

import logging
from typing import Any, Final

from bot_host.runtime.agent import AgentRuntime
from bot_host.types.content import Media, Reading
from bot_host.types.errors import StoreError

log = logging.getLogger(__name__)

_KEY: Final = "seen:"


async def recall(agent: AgentRuntime, media: Media) -> Media | None:
    """The file as it was described when it came before, in whatever room; None: look at it."""
    if not media.lasting_id:
        return None
    try:
        seen: Any = await agent.get_cache(_KEY + media.lasting_id)
    except StoreError as error:
        log.warning("what is known of a file could not be read: %s", error)
        return None
    if not isinstance(seen, dict) or not seen.get("description"):
        return None
    return media.model_copy(update={"reading": Reading.DESCRIBED.value, **seen})


async def keep(agent: AgentRuntime, media: Media) -> None:
    """Remember what was seen. Raises nothing for a store that cannot take it."""
    if not media.lasting_id or media.reading != Reading.DESCRIBED:
        return
    try:
        seen = {"title": media.title, "description": media.description}
        await agent.set_cache(_KEY + media.lasting_id, seen)
    except StoreError as error:
        log.warning("what was seen on a file could not be remembered: %s", error)
