"""Markdown that Slack renders itself, in a `markdown` block or a stream, with nothing in it that notifies.

https://docs.slack.dev/reference/block-kit/blocks/markdown-block : up to 12,000 characters; headings and
tables look like headings and tables there, which mrkdwn has not. Of mentions in it the documentation says
nothing, so none is left: what would be one is cut in two by a zero-width space, in code as well.
"""

import re
from typing import Final

from connectors.slack.mrkdwn import GAP, is_rich

LIMIT: Final = 12_000
_OPEN: Final = r"(?:<|&(?:lt|#0*60|#x0*3c);)"
_NAMED: Final = r"(?:![a-z]|[@#][a-z0-9])"
_LIVE: Final = re.compile(rf"({_OPEN})(?={_NAMED})", re.IGNORECASE)
_LINK: Final = re.compile(r"\](?=\(\s*<?\s*[!@#])|\](?=:\s*<?[!@#])")
_MAYBE: Final = re.compile(r"(?m)^ {0,3}#{1,6}[ \t]|^.*-{2,}[ \t]*$|^[ \t]*\|?[ \t]*:?-+:?[ \t]*\|")
_TAIL: Final = re.compile(r"(?:[<&][^\s<>]{0,12}|\][(:]?[^\s\])]{0,2})\Z")


def safe(markdown: str) -> str:
    """`markdown` in which nothing notifies anybody, and that looks the same."""
    return _LINK.sub(f"]{GAP}", _LIVE.sub(rf"\g<1>{GAP}", markdown))


def in_markdown(markdown: str) -> str:
    """The text of a `markdown` block, where that shows more than mrkdwn; empty: it does not."""
    if not _MAYBE.search(markdown) or not is_rich(markdown):
        return ""
    text = safe(markdown)
    return text if len(text) <= LIMIT else ""


def unfinished(markdown: str) -> str:
    """The same of a text that goes on. More of it only adds to this: an end that may change is left out."""
    return safe(_TAIL.sub("", markdown))
