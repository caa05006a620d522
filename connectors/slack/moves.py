"""Channels whose id has changed: what was said under the old id and under the new one is one room.

A private channel gets a new id when it is shared with another workspace.
https://docs.slack.dev/reference/events/channel_id_changed
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from bot_host.connector import ConnectorHost, Target

log = logging.getLogger(__name__)

KEPT: Final = "moved channels"
MOST: Final = 1_000


class Moves:
    """The ids of one workspace's channels, then and now."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        """By each later id: the one under which the channel was first seen."""

    async def load(self, host: ConnectorHost) -> None:
        """Take up what the last process knew. Raises StoreError."""
        told = await host.recall(KEPT)
        if isinstance(told, dict):
            self._first = {str(now): str(first) for now, first in told.items()}

    def origin(self, channel: str) -> str:
        """The id that the channel had first: names in the store are made of it."""
        return self._first.get(channel, channel)

    def now(self, target: Target) -> Target:
        """`target` by the id that Slack knows now."""
        here = target.channel_id
        later = [now for now, first in self._first.items() if first == self.origin(here)]
        return replace(target, channel_id=later[-1]) if later and later[-1] != here else target

    async def learn(self, event: Mapping[str, Any], host: ConnectorHost) -> None:
        """Take over what an event says, if it says that. Raises StoreError: then it is to come again."""
        if event.get("type") != "channel_id_changed":
            return
        old, new = event.get("old_channel_id"), event.get("new_channel_id")
        if not (isinstance(old, str) and isinstance(new, str) and old and new) or self.origin(old) == new:
            return
        log.info("slack: the channel %s has the id %s from now on", old, new)
        first = {**self._first, new: self.origin(old)}
        while len(first) > MOST:
            del first[next(iter(first))]
        await host.remember(KEPT, first)
        self._first = first
