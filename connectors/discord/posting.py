"""Messages in channels: made, changed, taken away, and looked for.

Whatever Discord refuses of a message (a file, the message that it answers) is left away; a thread that sleeps
is woken, and a forum gets a post. The methods raise `FAULTS`.
"""

from collections.abc import Set
from datetime import datetime
from typing import Any, Final

import discord

from bot_host.connector import Payload, Sent, Target
from connectors.discord.encode import nonce_of
from connectors.discord.errors import UNKNOWN_MESSAGE, refuses_reference
from connectors.discord.files import File, Files, as_request, is_about, with_notes, without
from connectors.discord.proof import find_own, find_post
from connectors.discord.rest import Rest
from connectors.discord.spots import ARCHIVED, NO_TEXT_CHANNEL, Spots, post_of

SEND_TIMEOUT_S: Final = 60.0


class Posting:
    """The messages of one account, except answers to interactions."""

    def __init__(self, rest: Rest, spots: Spots, files: Files) -> None:
        self._rest = rest
        self._spots = spots
        self._files = files

    async def send(self, payload: Payload, target: Target, *, key: str) -> Sent:
        """Put a message where the target says; `key` becomes its nonce."""
        spot = await self._spots.find(target, key=key)
        body = _body(payload) | {"nonce": nonce_of(key), "enforce_nonce": True}
        if spot.answers:
            body["message_reference"] = {"message_id": spot.answers, "fail_if_not_exists": False}
        message = await self._post(spot.channel_id, body, *await self._files.read(payload), key=key)
        return Sent(platform_message_id=str(message["id"]))

    async def edit(self, payload: Payload, target: Target, message_id: str, *, key: str) -> None:
        """Have a message read like this."""
        body = {name: value for name, value in _body(payload).items() if name != "message_reference"}
        files, unsent = await self._files.read(payload)
        while True:
            request = as_request(with_notes(body, unsent), files)
            try:
                await self._change("PATCH", target, message_id, key=key, **request)
                return
            except discord.HTTPException as error:
                files, unsent = without(files, unsent, error)

    async def delete(self, target: Target, message_id: str) -> None:
        """Take a message away."""
        await self._change("DELETE", target, message_id)

    async def find(
        self, payload: Payload, target: Target, *, key: str, since: datetime, others: Set[str]
    ) -> str:
        """The id of the message that a part became; empty: it is not there."""
        spot = await self._spots.find(target, key=key)
        if spot.answers:
            payload = payload | {"message_reference": {"message_id": spot.answers}}
        found = await find_post(self._rest, spot.channel_id, payload, since=since)
        if found:
            self._spots.posted(key, found)
        elif found is None:
            found = await find_own(self._rest, spot.channel_id, payload, key=key, since=since, others=others)
        return found or ""

    async def put_into(self, channel_id: str, body: dict[str, Any], user_id: str, key: str) -> Sent:
        """Put a message into a channel, or a person's direct messages."""
        if not channel_id:
            person = Target(source="discord", extra={"user_id": user_id})
            channel_id = (await self._spots.find(person)).channel_id
        message = await self._post(channel_id, _body(body), *await self._files.read(body), key=key)
        return Sent(platform_message_id=str(message["id"]))

    async def _post(
        self,
        channel_id: str,
        body: dict[str, Any],
        files: list[File],
        unsent: list[dict[str, Any]],
        *,
        key: str,
    ) -> dict[str, Any]:
        """Send it; what is refused of it (files, the message that it answers) is left away, one by one."""
        woken = False
        while True:
            whole = with_notes(body, unsent)
            try:
                answer = await self._rest.request(
                    "POST",
                    "/channels/{channel_id}/messages",
                    timeout=SEND_TIMEOUT_S,
                    channel_id=channel_id,
                    **as_request(whole, files),
                )
                return dict(answer)
            except discord.HTTPException as error:
                if is_about(files, error):
                    files, unsent = without(files, unsent, error)
                elif error.code == ARCHIVED and not woken and await self._spots.wake(channel_id):
                    woken = True
                elif error.code == NO_TEXT_CHANNEL:
                    return await self._post_in_forum(channel_id, whole, files, key)
                elif "message_reference" in body and refuses_reference(error):
                    body = {name: value for name, value in body.items() if name != "message_reference"}
                else:
                    raise

    async def _post_in_forum(
        self, channel_id: str, body: dict[str, Any], files: list[File], key: str
    ) -> dict[str, Any]:
        """Begin a post with this message; Discord knows no nonce there."""
        made = await self._rest.request(
            "POST",
            "/channels/{channel_id}/threads",
            timeout=SEND_TIMEOUT_S,
            channel_id=channel_id,
            **as_request(post_of(body), files),
        )
        self._spots.posted(key, str(made["id"]))
        return {"id": str((made.get("message") or made)["id"])}

    async def _change(
        self, method: str, target: Target, message_id: str, *, key: str = "", **more: Any
    ) -> None:
        async def change(channel_id: str) -> None:
            await self._rest.request(
                method,
                "/channels/{channel_id}/messages/{message_id}",
                timeout=SEND_TIMEOUT_S,
                channel_id=channel_id,
                message_id=message_id,
                **more,
            )

        channel_id = (await self._spots.find(target, key=key)).channel_id
        try:
            await change(channel_id)
        except discord.HTTPException as error:
            if error.code == ARCHIVED and await self._spots.wake(channel_id):
                await change(channel_id)
            elif error.code in (NO_TEXT_CHANNEL, UNKNOWN_MESSAGE):
                # The first message of a forum's post has the post's id, and is known there only.
                try:
                    await change(message_id)
                except discord.HTTPException:
                    raise error from None
            else:
                raise


def _body(payload: Payload) -> dict[str, Any]:
    """What of a payload is Discord's."""
    return {name: value for name, value in payload.items() if name != "files"}
