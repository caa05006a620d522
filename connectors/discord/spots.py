"""Where a message goes: a channel, a thread opened for the answer, a forum's post, a direct message."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

import discord

from bot_host.connector import SendRefused, Target, one_line
from connectors.discord.rest import Rest

TIMEOUT_S: Final = 30.0
KNOWN: Final = 10_000
THREAD_OF: Final = "thread_of"
"""In a target's `extra`: the channel in which the thread `channel_id` is to be opened, from the message of
the same id."""
THREAD_NAME: Final = "thread_name"
NAME_LIMIT: Final = 100
"""Characters of a thread's name (resources/channel#channel-object)."""
ARCHIVE_AFTER_MIN: Final = 1440

# https://docs.discord.com/developers/topics/opcodes-and-status-codes#json-json-error-codes
THREAD_EXISTS: Final = 160004
ARCHIVED: Final = 50083
NO_TEXT_CHANNEL: Final = 50008

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spot:
    """A place to send to."""

    channel_id: str
    answers: str = ""
    """A message to point at, where the answer stands in another place than was meant."""


def thread_name(text: str, person: str) -> str:
    """A thread's name, of the question that begins it."""
    first = next((line for line in text.splitlines() if line.strip(" #*_`>~-")), "")
    return one_line(first.strip(" #*_`>~-"), NAME_LIMIT) or one_line(f"Question from {person}", NAME_LIMIT)


class Spots:
    """The places of one account."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._opened: OrderedDict[str, Spot] = OrderedDict()
        """Threads that were opened, or could not be, and where their messages go."""
        self._posts: OrderedDict[str, str] = OrderedDict()
        """Messages that became posts of a forum: their further parts go there."""

    async def find(self, target: Target, *, key: str = "") -> Spot:
        """Where a part goes; opens its thread. Raises as `Rest.request`, and SendRefused."""
        if THREAD_OF in target.extra:
            known = self._opened.get(target.channel_id)
            return known or self._note(target.channel_id, await self._open(target))
        channel_id = self._posts.get(_message_of(key)) or target.thread_id or target.channel_id
        return Spot(channel_id or await self._direct(target))

    def seen(self, target: Target) -> str:
        """Where people see that something is being written; empty: a direct message that is not open yet."""
        parent = target.extra.get(THREAD_OF)
        if parent and target.channel_id not in self._opened:
            return parent
        known = self._opened.get(target.channel_id)
        return known.channel_id if known else target.thread_id or target.channel_id

    def _note(self, thread_id: str, spot: Spot) -> Spot:
        self._opened[thread_id] = spot
        while len(self._opened) > KNOWN:
            self._opened.popitem(last=False)
        return spot

    async def _open(self, target: Target) -> Spot:
        """A thread has the id of the message that it grows from, so opening it again finds it."""
        parent, message_id = target.extra[THREAD_OF], target.channel_id
        try:
            await self._rest.request(
                "POST",
                "/channels/{channel_id}/messages/{message_id}/threads",
                timeout=TIMEOUT_S,
                channel_id=parent,
                message_id=message_id,
                json={
                    "name": target.extra.get(THREAD_NAME, "") or "Thread",
                    "auto_archive_duration": ARCHIVE_AFTER_MIN,
                },
            )
        except discord.HTTPException as error:
            if error.code == THREAD_EXISTS:
                return Spot(message_id)
            if not 400 <= error.status < 500 or error.status in (401, 429):
                raise
            # No right to open threads, too many of them, the message is gone: the answer is what counts.
            return Spot(parent, answers=message_id)
        return Spot(message_id)

    async def _direct(self, target: Target) -> str:
        user_id = target.extra.get("user_id", "")
        if not user_id:
            raise SendRefused("no Discord channel or user to send to")
        opened = await self._rest.request(
            "POST", "/users/@me/channels", timeout=TIMEOUT_S, json={"recipient_id": user_id}
        )
        return str(opened["id"])

    async def wake(self, channel_id: str) -> bool:
        """Take a thread out of the archive; False where the bot may not. Raises as `Rest.request`."""
        try:
            await self._rest.request(
                "PATCH",
                "/channels/{channel_id}",
                timeout=TIMEOUT_S,
                channel_id=channel_id,
                json={"archived": False},
            )
        except (discord.Forbidden, discord.NotFound):
            return False
        return True

    def posted(self, key: str, thread_id: str) -> None:
        """The message that `key` is a part of became a post of a forum."""
        self._posts[_message_of(key)] = thread_id
        while len(self._posts) > KNOWN:
            self._posts.popitem(last=False)


def post_of(body: Json) -> Json:
    """A message as a new post of a forum (resources/channel#start-thread-in-forum-or-media-channel)."""
    message = {
        name: value
        for name, value in body.items()
        if name in ("content", "embeds", "allowed_mentions", "flags")
    }
    return {
        "name": thread_name(str(body.get("content") or ""), "me"),
        "auto_archive_duration": ARCHIVE_AFTER_MIN,
        "message": message,
    }


def _message_of(key: str) -> str:
    return key.partition(":")[0]
