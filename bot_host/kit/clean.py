"""Text that came from outside, made safe to store, send and encode."""

import re

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def clean_text(text: str) -> str:
    """`text` without NUL and with each lone surrogate as U+FFFD, so that it encodes as UTF-8 anywhere.

    A high surrogate followed by a low one (as JSON escapes may leave them) becomes the character
    that the pair stands for. Everything else, right-to-left marks and combining characters
    included, stays as it was written.
    """
    if "\x00" in text:
        text = text.replace("\x00", "")
    if not _LONE_SURROGATE.search(text):
        return text
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _LONE_SURROGATE.sub("\ufffd", joined)


def one_line(text: str, limit: int = 80) -> str:
    """`text` as one line of at most `limit` characters, for logs and names; control characters go."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in clean_text(text))
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def shorten(text: str, limit: int) -> str:
    """`text`, or its beginning and end with a note between, in about `limit` characters."""
    if len(text) <= limit:
        return text
    head, tail = limit * 3 // 4, limit // 4
    return f"{text[:head]}\n[… {len(text) - head - tail} characters left out …]\n{text[-tail:]}"
