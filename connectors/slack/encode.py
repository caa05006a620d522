"""A message as `chat.postMessage` payloads. Pure."""

from collections.abc import Iterator
from typing import Any, Final

from bot_host.connector import Content, Payload, Target, clean_text, split_markdown
from connectors.slack.mrkdwn import escape, render

EVENT_TYPE: Final = "bot_host_part"
"""Names our metadata. https://docs.slack.dev/messaging/message-metadata"""
READABLE: Final = 4_000
"""Characters of one message, entities counted as written. "For best results, limit the number of characters
in the text field to 4,000"; longer ones Slack may cut in two, through a code block if it comes to that.
https://docs.slack.dev/reference/methods/chat.postMessage#truncating"""
AIM: Final = 3_500
"""Characters of Markdown in one message, as long as its mrkdwn fits."""
MOST_FILES: Final = 10
"""In one message."""
SMALLEST: Final = 400
"""A piece of this size fits in any case: an entity has at most five characters."""


def encode(content: Content, target: Target) -> list[Payload]:
    """The message as payloads, in order: `text` as mrkdwn, `plain` for when Slack refuses that.

    Files are messages of their own, below the text: only without files a message can carry our key.
    """
    del target  # Every conversation takes the same text.
    text = _with_links(content).strip()
    pieces = _pieces(text, AIM) if text else ()
    payloads: list[Payload] = [{"text": mrkdwn, "plain": plain} for mrkdwn, plain in pieces]
    files = [told for media in content.attachments if (told := media.as_file()) is not None]
    groups = (files[first : first + MOST_FILES] for first in range(0, len(files), MOST_FILES))
    return [*payloads, *({"text": "", "plain": "", "files": group} for group in groups)]


def _with_links(content: Content) -> str:
    """The text, and the addresses of what can be fetched by anybody."""
    links = [
        f"[{media.title or media.file_name or media.url}]({media.url})"
        for media in content.attachments
        if not media.file and media.url.startswith(("http://", "https://")) and media.url not in content.text
    ]
    return clean_text("\n".join([content.text, *links]))


def _pieces(text: str, limit: int) -> Iterator[tuple[str, str]]:
    # Splitting measures many candidates: what each would be as mrkdwn is too dear to ask every time.
    for piece in split_markdown(text, limit=limit, measure=lambda part: len(escape(part))):
        if not piece.strip():
            continue
        plain, mrkdwn = escape(piece), render(piece)
        if len(mrkdwn) <= READABLE:
            yield mrkdwn, plain
        elif limit > SMALLEST:
            # Tables grow by their padding, addresses by their encoding.
            yield from _pieces(piece, limit // 2)
        else:
            yield plain, plain


def request(payload: Payload, target: Target, *, key: str) -> dict[str, Any]:
    """The arguments of `chat.postMessage`. The key goes along as metadata, to be found in the history."""
    return {
        **place(target),
        "text": payload["text"],
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": _metadata(key),
    }


def plain_request(payload: Payload, target: Target, *, key: str = "") -> dict[str, Any]:
    """The same without markup, and without metadata if there is no key. Still escaped: nothing is live."""
    dressed: dict[str, Any] = {
        **place(target),
        "text": payload["plain"],
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }
    return {**dressed, "metadata": _metadata(key)} if key else dressed


def _metadata(key: str) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


def place(target: Target) -> dict[str, Any]:
    """Channel and thread."""
    where: dict[str, Any] = {"channel": target.channel_id}
    if target.thread_id:
        where["thread_ts"] = target.thread_id
    return where
