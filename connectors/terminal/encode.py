"""What the agent says, as text that is safe to print."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bot_host.connector import Content, Payload, clean_text

HELD: Final = 256
"""Characters of an escape sequence that are waited for; what is longer is not one."""

# ECMA-48: control sequences; strings that end with BEL or ST; the other escapes of two or three characters.
_ESCAPE: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]{0,250}(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]{1,2}[0-~]"
    r"|\x1b[0-Z\\^-~]"
)
_UNFINISHED: Final = re.compile(
    r"(?:(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]{0,250}\x1b?"
    r"|\x1b[ -/]{0,2})\Z"
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """`text` without escape sequences and control characters, but with its line ends and tabs.

    What a model writes must not move the cursor, change the title, or answer in the user's name.
    """
    return _CONTROL.sub("", _ESCAPE.sub("", clean_text(text)))


class Filter:
    """`printable` for text that comes in chunks: an escape sequence may begin in one and end in another."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, chunk: str) -> str:
        """What can be printed now."""
        text = self._held + chunk
        # A pair of surrogates may be cut between two chunks as well.
        unfinished = _UNFINISHED.search(text, max(0, len(text) - HELD)) or re.search(
            "[\ud800-\udbff]\\Z", text
        )
        at = unfinished.start() if unfinished else len(text)
        self._held = text[at:]
        return printable(text[:at])


def encode(content: Content) -> list[Payload]:
    """A message as one payload, its attachments as lines below it; nothing for an empty one.

    `files` are named by where they lie, which only `send` can say.
    """
    lines = [content.text.strip()]
    for media in content.attachments:
        name = media.title or media.file_name or media.content_type or "attachment"
        if not media.file:
            lines.append(f"[{name}] {media.url}".strip())
    files = [
        {**told, "title": media.title or told["name"]}
        for media in content.attachments
        if (told := media.as_file())
    ]
    text = "\n".join(line for line in lines if line)
    payload: Payload = {"text": text, "files": files} if files else {"text": text}
    return [payload] if files or printable(text).strip() else []


def with_paths(payload: Payload, path_of: Callable[[str], Path | None]) -> str:
    """The text of a payload, with where its files lie below it."""
    lines = [str(payload.get("text", ""))]
    lines += [f"[{told['title']}] {path_of(str(told['file'])) or ''}" for told in payload.get("files", ())]
    return "\n".join(line for line in lines if line)
