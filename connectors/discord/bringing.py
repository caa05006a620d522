"""DOWNLOAD_MEDIA: the files of a message, brought along with the answer; text among them is read."""

from typing import Final

from bot_host.connector import (
    OTHERS_WORDS,
    Action,
    ActionResult,
    FetchError,
    Media,
    Refused,
    as_object,
    clean_text,
    one_line,
    sniff,
)
from connectors.discord.attachments import all_attachments, media_of
from connectors.discord.doing import MESSAGE
from connectors.discord.errand import Errand, Lookup, errand
from connectors.discord.files import EVERYWHERE, Files
from connectors.discord.permissions import FILES, SEND, SEND_IN_THREADS
from connectors.discord.reading import CHANNEL

MOST_FILES: Final = 10
"""Of one message (resources/message#create-message)."""
TEXT_CHARACTERS: Final = 8000
"""That are read of one file."""


def bringing_actions(lookup: Lookup, files: Files) -> list[Action]:
    """What brings files, for one account."""

    async def bring(do: Errand) -> ActionResult:
        return await _bring(do, files)

    return [
        Action(
            name="DOWNLOAD_MEDIA",
            description="Read the files of a message, and send them along with the answer.",
            similes=("DOWNLOAD_FILES", "GET_ATTACHMENTS"),
            handler=errand(lookup, bring),
            idempotent=True,
            parameters=as_object({"message": MESSAGE, "channel": CHANNEL}),
        )
    ]


async def _bring(do: Errand, files: Files) -> ActionResult:
    spot, message = await do.message(do.argument("message"), do.argument("channel"))
    await do.must(do.here, FILES | (SEND_IN_THREADS if do.here.is_thread else SEND))
    found = [media_of(item) for item in all_attachments(message)]
    # What the message answers is no part of it; it can be asked for by itself.
    own = {str(item["id"]) for item in message.get("attachments", ())}
    found = [media for media in found if media.id in own][:MOST_FILES]
    if not found:
        raise Refused("there are no files on that message")
    brought: list[Media] = []
    lines: list[str] = []
    for media in found:
        name = one_line(media.file_name or "file", 100)
        try:
            data = await files.download(
                media, channel_id=spot.id, message_id=str(message["id"]), max_bytes=EVERYWHERE
            )
        except FetchError as error:
            lines.append(f"> {name}: not read, {one_line(str(error), 200)}")
            continue
        brought.append(await do.agent.save_media(data, file_name=name, title=media.title or name))
        lines.append(f"> {name}: {sniff(data)}, {len(data)} bytes")
        lines += _words(data)
    if not brought:
        return ActionResult(success=False, error="; ".join(line.removeprefix("> ") for line in lines))
    head = f"{len(brought)} files go out with your answer. {OTHERS_WORDS}"
    return ActionResult(text="\n".join([head, *lines]), data={"attachments": brought})


def _words(data: bytes) -> list[str]:
    """A text file's lines, as others' words."""
    if sniff(data) != "text/plain":
        return []
    text = clean_text(data.decode("utf-8", "replace")).strip()
    shown = text if len(text) <= TEXT_CHARACTERS else text[: TEXT_CHARACTERS - 1] + "…"
    return [f">   {line}" for line in shown.splitlines()]
