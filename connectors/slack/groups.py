"""Who is in the user groups that the config names: asked once, kept for a while."""

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Final

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from connectors.slack.errors import fault_of

log = logging.getLogger(__name__)

KEEP_S: Final = 600.0
AGAIN_S: Final = 60.0
"""After a look-up that failed."""
PATIENCE_S: Final = 2.0
"""For all groups together: Slack wants its acknowledgement within three seconds."""
SCOPE_ADVICE: Final = (
    "add the bot scope usergroups:read to the app (OAuth & Permissions), install it again, and see that the "
    "ids are those of user groups"
)


class Groups:
    """Members by group, with their age."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = tuple(sorted(ids))
        self._members: dict[str, frozenset[str]] = {}
        self._until = 0.0

    async def fill(self, web: AsyncWebClient) -> None:
        """Ask anew when it is time. Never raises; what was known stays."""
        if not self._ids or time.monotonic() < self._until:
            return
        self._until = time.monotonic() + KEEP_S
        try:
            async with asyncio.timeout(PATIENCE_S):
                for id in self._ids:
                    self._members[id] = await members(web, id)
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            self._until = time.monotonic() + AGAIN_S
            log.warning("slack: user groups could not be read: %s; %s", fault_of(error), SCOPE_ADVICE)

    def of(self, user: str) -> tuple[str, ...] | None:
        """The groups of a person, of those that the config names; None: not known."""
        if len(self._members) < len(self._ids):
            return None
        return tuple(id for id in self._ids if user in self._members[id])


async def members(web: AsyncWebClient, group_id: str) -> frozenset[str]:
    """Who is in a user group. https://docs.slack.dev/reference/methods/usergroups.users.list

    Raises what the request raises.
    """
    answer = await web.usergroups_users_list(usergroup=group_id)
    return frozenset(str(user) for user in answer.get("users") or ())
