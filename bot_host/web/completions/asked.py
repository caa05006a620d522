"""A request in OpenAI's form, read: what is said, by whom, and what was said before."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot_host.host import BotHost
from bot_host.kit.clean import clean_text, one_line, shorten
from bot_host.types.content import Media, MediaType
from bot_host.types.ids import new_id
from bot_host.web.completions.shape import Completion, Message, Part
from bot_host.web.errors import ApiError

INSTRUCTIONS: Final = 24_000
"""Characters of all system messages together."""
FILES: Final = 10
ANSWERED_AS_IT_IS: Final = "leave it out: the agent answers in its own way"
_AUDIO: Final = {"wav": "audio/wav", "mp3": "audio/mpeg", "flac": "audio/flac", "ogg": "audio/ogg"}
_DATA: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,", re.I)


class Refused(ApiError):
    """Refuses a request, naming the key."""

    def __init__(self, param: str, message: str, *, status: int = 400, code: str | None = None) -> None:
        super().__init__(status, f"{param}: {message}")
        self.param = param
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Something that was said earlier."""

    mine: bool
    """By the agent."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """See the module."""

    text: str
    parts: Sequence[Part]
    """The message's pieces that are no text."""
    earlier: tuple[Line, ...]
    instructions: str


def read(given: Completion) -> Asked:
    """Raises ApiError for what cannot be done, with the key."""
    _refuse(given)
    *before, last = given.messages
    if last.role != "user":
        raise Refused(f"messages.{len(before)}.role", "the last message has to be the user's")
    told = [_text(each) for each in given.messages if each.role in ("system", "developer")]
    lines = [
        Line(mine=each.role == "assistant", text=text)
        for each in before
        if each.role in ("user", "assistant") and (text := _text(each))
    ]
    text = _text(last)
    parts = [each for each in last.content if each.type != "text"] if isinstance(last.content, list) else []
    if not text and not parts:
        raise Refused(f"messages.{len(before)}.content", "expected a text that is not empty")
    return Asked(
        text=text,
        parts=parts,
        earlier=tuple(lines),
        instructions=shorten("\n\n".join(each for each in told if each), INSTRUCTIONS),
    )


def _refuse(given: Completion) -> None:
    """What would be another answer than the one that was asked for is refused, not left out."""
    if given.n is not None and given.n != 1:
        raise Refused("n", "an agent gives one answer; expected 1")
    if given.stop:
        raise Refused("stop", f"it is not kept here; {ANSWERED_AS_IT_IS}")
    for name, choice in (("tool_choice", given.tool_choice), ("function_call", given.function_call)):
        if choice not in (None, "auto", "none"):
            raise Refused(name, 'the agent uses its own tools; expected "auto" or "none", or nothing')
    kind = (given.response_format or {}).get("type", "text")
    if kind != "text":
        raise Refused("response_format", f"an agent answers in words, not as JSON; {ANSWERED_AS_IT_IS}")
    if given.logprobs:
        raise Refused("logprobs", "they are not known here")
    if given.modalities and set(given.modalities) != {"text"}:
        raise Refused("modalities", 'an agent answers in text; expected ["text"], or nothing')


def _text(message: Message) -> str:
    if isinstance(message.content, str):
        return clean_text(message.content).strip()
    pieces = [each.text or "" for each in message.content or () if each.type == "text"]
    return clean_text("\n".join(pieces)).strip()


async def attach(host: BotHost, parts: Sequence[Part]) -> list[Media]:
    """The files of a message: data is kept, what has an address is fetched in its turn. Raises ApiError."""
    if len(parts) > FILES:
        raise Refused("messages", f"at most {FILES} files can hang on a message")
    found = [_file(part) for part in parts]
    return [media if data is None else await host.save_media(data, media) for media, data in found]


def _file(part: Part) -> tuple[Media, bytes | None]:
    if part.type == "image_url":
        url = part.image_url.get("url") if isinstance(part.image_url, Mapping) else part.image_url
        if not isinstance(url, str):
            raise Refused("messages", "image_url: expected the address of a picture, or a data: URL")
        if url.lower().startswith(("https://", "http://")) and len(url) <= 4096:
            return Media(id=new_id(), url=url, content_type=MediaType.IMAGE), None
        mime, data = _inline("image_url", url)
        return Media(id=new_id(), title="image", content_type=MediaType.IMAGE, mime_type=mime or None), data
    if part.type == "input_audio":
        audio = part.input_audio or {}
        kind = _AUDIO.get(str(audio.get("format", "")).lower())
        if kind is None:
            raise Refused("messages", f"input_audio.format: expected one of {', '.join(_AUDIO)}")
        data = _decoded("input_audio.data", audio.get("data"))
        return Media(id=new_id(), title="sound", content_type=MediaType.AUDIO, mime_type=kind), data
    if part.type == "file":
        told = part.file or {}
        name = one_line(clean_text(str(told.get("filename") or "file")), 100)
        given = told.get("file_data")
        if not isinstance(given, str):
            raise Refused("messages", "file: expected file_data, a data: URL; files by id are not kept here")
        mime, data = _inline("file.file_data", given)
        return Media(id=new_id(), title=name, file_name=name, mime_type=mime or None), data
    expected = "text, image_url, input_audio or file"
    raise Refused("messages", f'there is no part "{one_line(part.type, 40)}"; expected {expected}')


def _inline(where: str, url: str) -> tuple[str, bytes]:
    head = _DATA.match(url[:300])
    if head is None:
        raise Refused("messages", f"{where}: expected an address, or a data: URL in base64")
    return (head[1] or "").lower(), _decoded(where, url[head.end() :])


def _decoded(where: str, text: Any) -> bytes:
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        data = b""
    if not data:
        raise Refused("messages", f"{where}: expected base64 that is not empty")
    return data
