"""A message as `chat.postMessage` payloads. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bot_host.connector import Content, Payload, Target, clean_text, split_markdown
from connectors.slack.blocks import SECTION, blocks_of, in_words, section
from connectors.slack.markdown import in_markdown
from connectors.slack.mrkdwn import escape, render

EVENT_TYPE: Final = "bot_host_part"
"""Names our metadata. https://docs.slack.dev/messaging/message-metadata"""
MARKDOWN: Final = "markdown"
"""In a payload: the text of a `markdown` block."""
READABLE: Final = 4_000
"""Characters of one message, entities counted as written. "For best results, limit the number of characters
in the text field to 4,000"; longer ones Slack may cut in two, through a code block if it comes to that.
https://docs.slack.dev/reference/methods/chat.postMessage#truncating"""
AIM: Final = 3_500
"""Characters of Markdown in one message, as long as its mrkdwn fits."""
MOST_FILES: Final = 10
"""In one message."""
AIM_SECTION: Final = 2_600
"""The same where the text has to be a block, as choices stand below it."""
SMALLEST: Final = 400
"""A piece of this size fits in any case: an entity has at most five characters."""


def encode(content: Content, target: Target) -> list[Payload]:
    """The message as payloads, in order: `text` as mrkdwn, `plain` for when Slack refuses that.

    Where Slack shows more of headings and tables, the payload has their `markdown` besides. With
    `reply_broadcast` in `Content.metadata` the first one is shown in the channel besides its thread.

    Files are messages of their own, below the text: only without files a message can carry our key.
    """
    text, offered = _with_links(content).strip(), content.choices
    pieces = _pieces(text, AIM_SECTION if offered else AIM, most=SECTION if offered else READABLE)
    payloads: list[Payload] = []
    for mrkdwn, plain, markdown in pieces:
        rich = {MARKDOWN: markdown} if markdown else {}
        payloads.append({"text": mrkdwn, "plain": plain, **rich})
    if offered is not None:
        payloads = payloads or [{"text": "", "plain": ""}]
        payloads[-1] |= {"blocks": blocks_of(offered), "listed": in_words(offered)}
    if payloads and target.thread_id and is_broadcast(content):
        payloads[0]["broadcast"] = True
    files = [told for media in content.attachments if (told := media.as_file()) is not None]
    groups = (files[first : first + MOST_FILES] for first in range(0, len(files), MOST_FILES))
    return [*payloads, *({"text": "", "plain": "", "files": group} for group in groups)]


def is_broadcast(content: Content) -> bool:
    """Whether it wishes to be seen in the channel as well as in its thread."""
    told = (content.model_extra or {}).get("metadata")
    return isinstance(told, Mapping) and told.get("reply_broadcast") is True


def _with_links(content: Content) -> str:
    """The text, and the addresses of what can be fetched by anybody."""
    links = [
        f"[{media.title or media.file_name or media.url}]({media.url})"
        for media in content.attachments
        if not media.file and media.url.startswith(("http://", "https://")) and media.url not in content.text
    ]
    return clean_text("\n".join([content.text, *links]))


def _pieces(text: str, limit: int, *, most: int) -> Iterator[tuple[str, str, str]]:
    if not text:
        return
    # Splitting measures many candidates: what each would be as mrkdwn is too dear to ask every time.
    for piece in split_markdown(text, limit=limit, measure=lambda part: len(escape(part))):
        if not piece.strip():
            continue
        plain, mrkdwn = escape(piece), render(piece)
        if len(mrkdwn) <= most:
            yield mrkdwn, plain, in_markdown(piece)
        elif limit > SMALLEST:
            # Tables grow by their padding, addresses by their encoding.
            yield from _pieces(piece, limit // 2, most=most)
        else:
            yield plain, plain, ""


def request(payload: Payload, target: Target, *, key: str) -> dict[str, Any]:
    """The arguments of `chat.postMessage`. The key goes along as metadata, to be found in the history."""
    return {
        **place(target),
        **shown(payload),
        **({"reply_broadcast": True} if payload.get("broadcast") else {}),
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": _metadata(key),
    }


def shown(payload: Payload) -> dict[str, Any]:
    """What a message shows: its text, and choices below it, where the text is a block and a fallback."""
    text, blocks, markdown = payload["text"], payload.get("blocks", ()), payload.get(MARKDOWN)
    if not blocks and not markdown:
        return {"text": text}
    above = [{"type": "markdown", "text": markdown}] if markdown else section(text)
    return {"text": text or payload["listed"], "blocks": [*above, *blocks]}


def plainly(payload: Payload) -> str:
    """The text without markup; choices in words below it."""
    return "\n\n".join(part for part in (payload["plain"], payload.get("listed", "")) if part)


def plain_request(payload: Payload, target: Target, *, key: str = "") -> dict[str, Any]:
    """The same without markup, and without metadata if there is no key. Still escaped: nothing is live."""
    dressed: dict[str, Any] = {
        **place(target),
        "text": plainly(payload),
        **({"reply_broadcast": True} if payload.get("broadcast") else {}),
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
