"""A message as sendMessage requests: Telegram's markup, Telegram's limits. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from html import escape, unescape
from typing import Final

from bot_host.connector import Content, Payload, Target, clean_text, split_markdown
from connectors.telegram.files import groups_of, takes_caption
from connectors.telegram.keyboards import can_show, descriptions, keyboard_of
from connectors.telegram.markup import Rendered, render, shorten_utf16, utf16_len
from connectors.telegram.polls import POLL, QUESTION, poll_payload

TEXT_LIMIT: Final = 4096
"""UTF-16 code units of visible text (core.telegram.org/bots/api#sendmessage)."""
CAPTION_LIMIT: Final = 1024
"""The same, of what stands under a file (core.telegram.org/bots/api#sendphoto)."""
REQUEST_LIMIT: Final = 1 << 15
"""Bytes of the text parameter with its markup (the open server's `get_formatted_text`)."""
_BYTES_PER_UNIT: Final = REQUEST_LIMIT // TEXT_LIMIT
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_BLANK: Final = "\u2800\ufffc\u030a\u0333\u033f"
"""Telegram refuses texts of nothing but these and spaces (`strip_empty_characters`, `clean_input_string`)."""
REPEAT: Final = "↻ "
MOVED: Final = "↪ (its topic is gone)\n"
KEYBOARD: Final = "keyboard"
"""In a payload: the buttons below the message."""
BELOW: Final = "▾"
"""What is shown above buttons that come without a word: Telegram has no message of buttons alone."""
_NOTHING: Final[Payload] = {"html": "", "plain": ""}
_TAG: Final = re.compile(r"<[^>]*>")
_LINK_TARGET: Final = re.compile(r"(?<=\])\([^)\s]*\)")


def encode(content: Content, target: Target) -> list[Payload]:
    """Each payload: `html`, `plain` for when Telegram refuses the HTML, and on the first `reply_to`.

    One with `files` is a file or an album, with the text under it. The last one has the `keyboard`.
    """
    if (poll := poll_payload(content)) is not None:
        return [poll]
    choices = content.choices if content.choices is not None and can_show(content.choices) else None
    files = [told for media in content.attachments if (told := media.as_file()) is not None]
    text = _text(content)
    pieces = [(piece, rendered) for piece, rendered in _pieces(text) if _is_seen(rendered.text)]
    if not pieces:
        # Markup without content (an empty code block, link definitions): better the source than silence.
        sources = split_markdown(text, limit=TEXT_LIMIT, measure=_rough)
        pieces = [(source, _as_is(source)) for source in sources if _is_seen(source)]
    payloads: list[Payload] = [
        {"html": rendered.html, "plain": piece if utf16_len(piece) <= TEXT_LIMIT else rendered.text}
        for piece, rendered in pieces
    ]
    # A short text stands under its file; a longer one, or that of several files, before them.
    under = _NOTHING
    if takes_caption(files) and len(payloads) == 1 and fits_caption(payloads[0]):
        under = payloads.pop()
    # An album takes no buttons (core.telegram.org/bots/api#sendmediagroup).
    for number, group in enumerate(groups_of(files) if choices is None else [[told] for told in files]):
        payloads.append({**(under if number == 0 else _NOTHING), "files": group})
    if choices is not None:
        payloads = payloads or [{"html": BELOW, "plain": BELOW}]
        payloads[-1][KEYBOARD] = keyboard_of(choices, thread_id=target.thread_id)
    if payloads and target.reply_to.isdecimal():
        payloads[0]["reply_to"] = int(target.reply_to)
    return payloads


def fits_caption(payload: Payload) -> bool:
    """Whether a text may stand under a file, whichever form of it is taken."""
    shown = unescape(_TAG.sub("", payload["html"]))
    return max(utf16_len(shown), utf16_len(payload["plain"])) <= CAPTION_LIMIT


def mark_repeat(payload: Payload) -> Payload:
    """The payload with a sign in front that says in any language: you may have this already.

    A message that is full stays as it is.
    """
    return _led_by(REPEAT, payload)


def mark_moved(payload: Payload) -> Payload:
    """The same, for what was to stand in a topic that is gone."""
    return _led_by(MOVED, payload)


def _led_by(sign: str, payload: Payload) -> Payload:
    if asked := payload.get(POLL):
        question = shorten_utf16(f"{sign.rstrip()} {asked['question']}", QUESTION)
        payload = payload | {POLL: {**asked, "question": question}}
    shown = unescape(_TAG.sub("", payload["html"]))
    weight = len(payload["html"].encode("utf-8", "surrogatepass"))
    longest = max(utf16_len(shown), utf16_len(payload["plain"]))
    limit = CAPTION_LIMIT if payload.get("files") else TEXT_LIMIT
    if longest + utf16_len(sign) > limit or weight + len(sign.encode()) > REQUEST_LIMIT:
        return payload
    return payload | {"html": sign + payload["html"], "plain": sign + payload["plain"]}


def _pieces(text: str) -> Iterator[tuple[str, Rendered]]:
    """Cut by a count of the source, which costs little; what is too long when rendered is cut by that."""
    for piece in split_markdown(text, limit=TEXT_LIMIT, measure=_rough):
        rendered = render(piece)
        if _length(rendered) <= TEXT_LIMIT:
            yield piece, rendered
            continue
        for part in split_markdown(piece, limit=TEXT_LIMIT, measure=lambda source: _length(render(source))):
            yield part, render(part)


def _rough(markdown: str) -> int:
    """About what the text will show: mostly a little too much, as marks go when it is rendered."""
    return max(utf16_len(_LINK_TARGET.sub("", markdown)), _weight(markdown))


def _length(rendered: Rendered) -> int:
    return max(utf16_len(rendered.text), _weight(rendered.html))


def _weight(source: str) -> int:
    return -(-len(source.encode("utf-8", "surrogatepass")) // _BYTES_PER_UNIT)


def _is_seen(text: str) -> bool:
    return any(c not in _BLANK and unicodedata.category(c) not in _UNSEEN for c in text)


def _as_is(text: str) -> Rendered:
    return Rendered(escape(text, quote=False), text)


def _text(content: Content) -> str:
    parts = [clean_text(content.text)] if content.text.strip() else []
    if content.choices is not None and can_show(content.choices):
        parts.extend(filter(None, [descriptions(content.choices)]))
    parts.extend(
        f"[{clean_text(media.title or media.file_name or media.url)}]({media.url})"
        for media in content.attachments
        if media.url and not media.file and not media.url.startswith("data:")
    )
    return "\n\n".join(parts)
