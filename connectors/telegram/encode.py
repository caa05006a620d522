"""A message as sendMessage requests: Telegram's markup, Telegram's limits. Pure."""

from typing import Final

from bot_host.connector import Content, Payload, Target, clean_text, split_markdown
from connectors.telegram.markup import render, utf16_len

TEXT_LIMIT: Final = 4096
"""UTF-16 code units of visible text (core.telegram.org/bots/api#sendmessage)."""
REQUEST_LIMIT: Final = 1 << 15
"""Bytes of the text parameter with its markup (the open server's `get_formatted_text`)."""
_BYTES_PER_UNIT: Final = REQUEST_LIMIT // TEXT_LIMIT


def encode(content: Content, target: Target) -> list[Payload]:
    """Each payload: `html`, `plain` for when Telegram refuses the HTML, and on the first `reply_to`."""
    payloads: list[Payload] = []
    for piece in split_markdown(_text(content), limit=TEXT_LIMIT, measure=measure):
        rendered = render(piece)
        if not rendered.text.strip():
            # Nothing that would be seen: link definitions, say.
            continue
        plain = piece if utf16_len(piece) <= TEXT_LIMIT else rendered.text
        payloads.append({"html": rendered.html, "plain": plain})
    if payloads and target.reply_to.isdecimal():
        payloads[0]["reply_to"] = int(target.reply_to)
    return payloads


def measure(markdown: str) -> int:
    """How long a piece of Markdown is for Telegram: visible UTF-16 code units, or what its markup weighs."""
    rendered = render(markdown)
    markup = -(-len(rendered.html.encode("utf-8", "surrogatepass")) // _BYTES_PER_UNIT)
    return max(utf16_len(rendered.text), markup)


def _text(content: Content) -> str:
    parts = [clean_text(content.text)] if content.text.strip() else []
    parts.extend(
        f"[{clean_text(media.title or media.file_name or media.url)}]({media.url})"
        for media in content.attachments
        if media.url
    )
    return "\n\n".join(parts)
