"""An answer's text, as it is to be said. Pure."""

import re
import unicodedata
from typing import Final

SAID: Final = 1500
"""Characters of one answer that are said, about a minute and a half. The whole stands in the chat."""

_CODE: Final = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_SPOILER: Final = re.compile(r"\|\|.+?\|\|", re.DOTALL)
_LINK: Final = re.compile(r"!?\[([^\]\n]*)\]\(\s*<?[^)\s>]*>?[^)\n]*\)")
_URL: Final = re.compile(r"<?https?://[^\s<>]+>?")
# Mentions, custom emoji and times (discord.com/developers/docs/reference#message-formatting).
_MARKS: Final = re.compile(r"<(?:[@#][!&]?|a?:\w{1,40}:|id:|t:|/[^:<>\n]{1,80}:)[\w:-]*>")
_LINE_START: Final = re.compile(r"^[ \t]*(?:>{1,3}|#{1,3}|-#|[-*+]|[|])[ \t]+", re.MULTILINE)
_RULE: Final = re.compile(r"^[ \t]*(?:[-*_=][ \t]*){3,}$|^[ \t|:-]*-{3}[ \t|:-]*$", re.MULTILINE)
_EMPHASIS: Final = re.compile(r"\*+|~~|`+|(?<!\w)_+|_+(?!\w)|\|")
_STOPS: Final = ".!?。！？…:;,"
_SENTENCE_END: Final = re.compile(r"[.!?。！？…](?=\s|$)")


def spoken(text: str) -> str:
    """`text` without what only an eye can read: markup, addresses, code, emoji. Empty: nothing to say.

    What is hidden behind a spoiler is not said. Lines end as sentences. At most `SAID` characters, up to the
    end of a sentence where there is one.
    """
    text = _CODE.sub(" ", text)
    text = _SPOILER.sub("…", text)
    text = _LINK.sub(r"\1", text)
    text = _URL.sub(" ", text)
    text = _MARKS.sub(" ", text)
    text = _RULE.sub(" ", text)
    text = _LINE_START.sub("", text)
    text = _EMPHASIS.sub(" ", text)
    text = "".join(each if _is_said(each) else " " for each in text)
    lines = (" ".join(line.split()) for line in text.splitlines())
    joined = " ".join(line if line[-1] in _STOPS else f"{line}." for line in lines if _has_words(line))
    joined = re.sub(r" ([,.;:!?])", r"\1", joined)
    return _cut(joined)


def _is_said(character: str) -> bool:
    # Emoji, their joiners and variants, private use; `+ = < > %` and the like are read out by every voice.
    return unicodedata.category(character) not in ("So", "Sk", "Cs", "Co", "Cf", "Mn") or (
        unicodedata.category(character) == "Mn" and not "\ufe00" <= character <= "\ufe0f"
    )


def _has_words(line: str) -> bool:
    return any(each.isalnum() for each in line)


def _cut(text: str) -> str:
    if len(text) <= SAID:
        return text
    head = text[:SAID]
    ends = [found.end() for found in _SENTENCE_END.finditer(head)]
    if ends and ends[-1] > SAID // 2:
        return head[: ends[-1]]
    return head.rpartition(" ")[0] or head
