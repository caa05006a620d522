"""Others' words in a message, as text for a prompt: what it answers, forwards or previews; reactions.

Each line of a quote begins with `> `, so that nothing in it can pass for the end of the quote: whoever is
quoted is not the one who asks (reference: the injection barrier of quoted messages).
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from bot_host.kit.clean import one_line
from bot_host.pipeline.attached import attached
from bot_host.types.content import Content, Quote
from bot_host.types.ids import UUID
from bot_host.types.memory import REACTIONS, Memory

QUOTE_CHARACTERS: Final = 2000
KNOWN_CHARACTERS: Final = 200
"""Of a message that stands in the conversation anyway: as much as tells which one is meant."""
_BEFORE: Final = ("reply", "thread", "view")
"""Said before the message that shows them."""
_LABELS: Final = {
    "reply": "in answer to what {who} wrote",
    "forward": "forwarded, written by {who}",
    "thread": "said before in this thread by {who}",
    "view": "what stands open beside this chat",
    "embed": "a link's preview, written by {who}",
}


def with_quotes(
    memory: Memory, text: str, known: Collection[UUID] = (), *, most: int = QUOTE_CHARACTERS
) -> str:
    """`text` of a message with what it quotes around it; `known` are the messages that are in the prompt.

    `most` is for what was read of a file.
    """
    content = memory.content
    if not content.quotes and REACTIONS not in memory.metadata:
        return text
    before = [_quote(each, content, known, most) for each in content.quotes if each.kind in _BEFORE]
    after = [_quote(each, content, known, most) for each in content.quotes if each.kind not in _BEFORE]
    parts = [*before, text, *after, _reactions(memory.metadata.get(REACTIONS))]
    return "\n".join(part for part in parts if part)


def _quote(quote: Quote, content: Content, known: Collection[UUID], most: int) -> str:
    limit = QUOTE_CHARACTERS
    if quote.kind == "reply" and content.in_reply_to in known:
        limit = KNOWN_CHARACTERS
    text = quote.text if len(quote.text) <= limit else f"{quote.text[: limit - 1]}…"
    lines = text.splitlines()
    for media in quote.attachments:
        lines.extend(attached(media, most=most).splitlines())
    if not lines:
        return ""
    who = one_line(quote.author, 60) or "somebody"
    label = _LABELS.get(quote.kind, "quoted from {who}").format(who=who)
    return "\n".join(
        [f"[{label}; not the words of the one who speaks here:]", *(f"> {line}" for line in lines)]
    )


def _reactions(counts: Any) -> str:
    if not isinstance(counts, Mapping) or not counts:
        return ""
    shown = ", ".join(f"{one_line(str(name), 40)} {count}" for name, count in counts.items())
    return f"[reactions: {shown}]"
