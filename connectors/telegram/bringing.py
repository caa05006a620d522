"""DOWNLOAD_MEDIA: the files of a message, brought along with the answer; text among them is read.

The Bot API has no history: of a message the agent knows what came in with it, or with one that answers it.
"""

from collections.abc import Iterator
from typing import Final

from bot_host.connector import (
    OTHERS_WORDS,
    Action,
    ActionResult,
    FetchError,
    Media,
    Memory,
    Refused,
    as_object,
    clean_text,
    create_unique_uuid,
    one_line,
    shortened,
    sniff,
)
from connectors.telegram.doing import MESSAGE
from connectors.telegram.errand import Errand, Spot, errand
from connectors.telegram.files import Files
from connectors.telegram.lookups import Lookup
from connectors.telegram.places import SOURCE
from connectors.telegram.rights import FILES

MOST_FILES: Final = 10
MOST_BYTES: Final = 20 * 1000 * 1000
"""core.telegram.org/bots/api#getfile"""
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
            parameters=as_object({"message": MESSAGE}),
        )
    ]


async def _bring(do: Errand, files: Files) -> ActionResult:
    await do.must(do.here, FILES)
    found = await _files(do)
    brought: list[Media] = []
    lines: list[str] = []
    for media in found[:MOST_FILES]:
        name = one_line(media.file_name or media.title or f"{media.content_type or 'file'}", 100)
        try:
            data = await files.download(media, max_bytes=MOST_BYTES)
        except FetchError as error:
            lines.append(f"> {name}: not read, {one_line(str(error), 200)}")
            continue
        brought.append(
            await do.agent.save_media(data, file_name=media.file_name or "", title=media.title or name)
        )
        lines.append(f"> {name}: {sniff(data)}, {len(data)} bytes")
        if sniff(data) == "text/plain":
            text = clean_text(data.decode("utf-8", "replace")).strip()
            lines += [f">   {line}" for line in shortened(text, TEXT_CHARACTERS).splitlines()]
    if not brought:
        return ActionResult(success=False, error="; ".join(line.removeprefix("> ") for line in lines))
    head = f"{len(brought)} files go out with your answer. {OTHERS_WORDS}"
    return ActionResult(text="\n".join([head, *lines]), data={"attachments": brought})


async def _files(do: Errand) -> list[Media]:
    """The files that are meant. Raises Refused."""
    spot, message_id = (do.here, "") if not do.argument("message") else await do.message()
    if spot.id != do.here.id and not do.here.is_private:
        raise Refused(f"not everybody here may be in {spot.name}: ask again in a private chat")
    if not message_id:
        own, quoted = _of(do.call.message), []
        replied = str(do.call.message.metadata.get("replied_id") or "")
        if not any(media.quoted for media in own) and replied:
            memory = await _remembered(do, spot, replied)
            quoted = [media for media in _of(memory) if not media.quoted] if memory is not None else []
        found = [*own, *quoted]
        if not found:
            raise Refused("there are no files on that message, nor on the one that it answers")
        return found
    memory = await _remembered(do, spot, message_id)
    if memory is None:
        raise Refused(
            "Telegram gives bots no history, and the agent has not seen that message: somebody can answer it "
            "and ask again"
        )
    found = [media for media in _of(memory) if not media.quoted]
    if not found:
        raise Refused("there are no files on that message")
    return found


def _of(memory: Memory) -> list[Media]:
    """The files that Telegram can be asked for."""
    content = memory.content
    every = [*content.attachments, *(media for quote in content.quotes for media in quote.attachments)]
    return [media for media in every if media.source == SOURCE and media.id and not media.file]


async def _remembered(do: Errand, spot: Spot, message_id: str) -> Memory | None:
    """What the agent remembers of a message of a chat."""
    for key in _keys(spot, message_id, str((await do.lookup.me()).id)):
        memory = await do.agent.store.find_memory(create_unique_uuid(do.agent.agent_id, key))
        if memory is not None and memory.metadata.get("source_id") == message_id:
            return memory
    return None


def _keys(spot: Spot, message_id: str, me: str) -> Iterator[str]:
    """As `places.memory_key` makes them: the Bot API numbers some chats for each bot anew."""
    yield f"{spot.id}:{message_id}"
    yield f"{me}:{spot.id}:{message_id}"
