"""Looking whether a message of ours has arrived.

Discord remembers a nonce for "the past few minutes" only (resources/message#create-message), and does not
promise it in a channel's history. So the history itself is read, from the message that was answered or the
time of the part on, for one of our own that says the same at the same place.
"""

from collections.abc import Set
from datetime import datetime, timedelta
from typing import Any, Final

from bot_host.connector import Payload, SendRefused
from connectors.discord.decode import snowflake_at
from connectors.discord.encode import nonce_of
from connectors.discord.rest import Rest

PAGE: Final = 100
FORUMS: Final = frozenset({15, 16})
"""Channel types that hold posts only: forums and media channels."""
MOST_PAGES: Final = 20
LOOK_TIMEOUT_S: Final = 30.0
SKEW: Final = timedelta(minutes=5)
"""How far our clock may be ahead of Discord's."""

Json = dict[str, Any]


async def find_own(
    rest: Rest, channel_id: str, payload: Payload, *, key: str, since: datetime, others: Set[str]
) -> str | None:
    """The id of the message that a part became; None: it is not there.

    Raises SendRefused when too much was said since to tell, else as `Rest.request`.
    """
    user = (await rest.log_in()).user
    assert user is not None
    after = snowflake_at(since - SKEW)
    if (answered := _answered(payload)).isdecimal():
        after = max(after, int(answered))
    for _ in range(MOST_PAGES):
        page = await rest.request(
            "GET",
            "/channels/{channel_id}/messages",
            timeout=LOOK_TIMEOUT_S,
            params={"after": str(after), "limit": PAGE},
            channel_id=channel_id,
        )
        for message in sorted(page, key=lambda message: int(message["id"])):
            own = str(message["author"]["id"]) == str(user.id) and message["id"] not in others
            if own and is_same(message, payload, key=key):
                return str(message["id"])
        if len(page) < PAGE:
            return None
        after = max(int(message["id"]) for message in page)
    raise SendRefused(f"more than {MOST_PAGES * PAGE} messages were written there since")


async def find_post(rest: Rest, channel_id: str, payload: Payload, *, since: datetime) -> str | None:
    """The same for a message that began a post of a forum, which has the id of its first message.

    Empty: it is not there. None: the channel is no forum. Archived posts are not looked at: what was sent a
    moment ago is none.
    """
    channel = await rest.request(
        "GET", "/channels/{channel_id}", timeout=LOOK_TIMEOUT_S, channel_id=channel_id
    )
    if channel.get("type") not in FORUMS or not channel.get("guild_id"):
        return None
    user = (await rest.log_in()).user
    assert user is not None
    active = await rest.request(
        "GET", "/guilds/{guild_id}/threads/active", timeout=LOOK_TIMEOUT_S, guild_id=str(channel["guild_id"])
    )
    for thread in active.get("threads", ()):
        own = str(thread.get("owner_id")) == str(user.id) and str(thread.get("parent_id")) == channel_id
        if not own or int(thread["id"]) < snowflake_at(since - SKEW):
            continue
        first = await rest.request(
            "GET",
            "/channels/{channel_id}/messages/{channel_id}",
            timeout=LOOK_TIMEOUT_S,
            channel_id=str(thread["id"]),
        )
        if _words(first) == _words(payload):
            return str(thread["id"])
    return ""


def is_same(message: Json, payload: Payload, *, key: str) -> bool:
    """Whether a message of ours is what a part became: by its nonce, else by what it says and answers."""
    if message.get("nonce"):
        return str(message["nonce"]) == nonce_of(key)
    # A reply goes out as a plain message where the answered one is gone.
    reference = _answered(message)
    files = bool(message.get("attachments")) == bool(payload.get("files"))
    return files and _words(message) == _words(payload) and reference in ("", _answered(payload))


def _answered(message: Json) -> str:
    return str((message.get("message_reference") or {}).get("message_id") or "")


def _words(message: Json) -> list[str]:
    # Discord takes white space away at both ends.
    poll = (message.get("poll") or {}).get("question") or {}
    return [*str(message.get("content") or "").split(), *str(poll.get("text") or "").split()]
