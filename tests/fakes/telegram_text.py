"""How Telegram reads text: UTF-16 lengths, clean-up, HTML markup, entities it finds by itself.

Written after the open Bot API server (github.com/tdlib/telegram-bot-api, `get_formatted_text`), the library
below it (github.com/tdlib/td, `parse_html`, `decode_html_entity`, `clean_input_string`) and
https://core.telegram.org/bots/api#formatting-options. All offsets and lengths are UTF-16 code units.
"""

import re
from dataclasses import dataclass, field
from typing import Any

Entity = dict[str, Any]

MESSAGE_LIMIT = 4096
"""UTF-16 code units after entity parsing (core.telegram.org/bots/api#sendmessage)."""
REQUEST_LIMIT = 1 << 15
"""Bytes of the `text` parameter, markup included (`get_formatted_text`)."""

_TYPES = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}
_EMPTY = re.compile(
    "[ \n\u00a0\u1680\u180e\u2000-\u200f\u202e\u202f\u205f\u2800\u3000\ufeff\ufffc\U000e0000-\U000e007f]*"
)
"""Text of nothing but these is no text (`strip_empty_characters`)."""
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_SPACE = " \t\r\n\0\v"
_AUTO = (
    ("mention", re.compile(r"(?<!\w)@[A-Za-z0-9_]{2,32}(?!\w)")),
    ("bot_command", re.compile(r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/<>])")),
    ("url", re.compile(r"https?://[^\s<>\"]+")),
    ("hashtag", re.compile(r"(?<!\w)#\w*[^\W\d]\w*")),
)


class ParseError(Exception):
    """The text is refused; the message is what the server says after `Bad Request: `."""


@dataclass
class Formatted:
    """Text as users see it, and what is special about which part."""

    text: str
    entities: list[Entity] = field(default_factory=list)


def utf16_len(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clean(text: str) -> str:
    """What the server does to any text before it counts it."""
    text = "".join(" " if ord(c) < 32 and c not in "\n\r" else c for c in text if c != "\r")
    return re.sub("[\u2028-\u202e\u0333\u033f\u030a]", "", text)


def find_entities(text: str) -> list[Entity]:
    """Mentions, commands, links and hashtags that Telegram marks in any text by itself."""
    found = [
        {
            "type": kind,
            "offset": utf16_len(text[: match.start()]),
            "length": utf16_len(match.group()),
        }
        for kind, pattern in _AUTO
        for match in pattern.finditer(text)
    ]
    return sorted(found, key=lambda entity: entity["offset"])


class _HtmlParser:
    def __init__(self, source: str) -> None:
        self.source = source + "\0"
        self.end = len(source)
        self.at = 0
        self.out: list[str] = []
        self.offset = 0
        self.open: list[tuple[str, str, int, int]] = []
        self.entities: list[Entity] = []

    def fail(self, why: str, at: int | None = None) -> ParseError:
        where = "" if at is None else f" at byte offset {len(self.source[:at].encode())}"
        return ParseError(f"can't parse entities: {why}{where}")

    def parse(self) -> Formatted:
        while self.at < self.end:
            char = self.source[self.at]
            if char == "<":
                self._tag()
                continue
            if char == "&":
                char, self.at = self._reference(self.at)
            else:
                self.at += 1
            self.out.append(char)
            self.offset += utf16_len(char)
        if self.open:
            raise self.fail(f'Can\'t find end tag corresponding to start tag "{self.open[-1][0]}"')
        self.entities.sort(key=lambda e: (e["offset"], -e["length"]))
        return Formatted("".join(self.out), self.entities)

    def _reference(self, at: int) -> tuple[str, int]:
        match = re.compile(r"&(?:#x([0-9a-fA-F]*)|#([0-9]*)|([a-zA-Z]*))").match(self.source, at)
        assert match is not None
        end = match.end()
        if match[3] is not None:
            char = _NAMED.get(match[3], "")
        else:
            code = int(match[1] or "0", 16) if match[1] is not None else int(match[2] or "0")
            char = "" if code == 0 or code >= 0x10FFFF or end - at >= 10 else chr(code)
        if not char:
            return "&", at + 1
        if 0xD800 <= ord(char) <= 0xDFFF:
            raise self.fail("Text contains invalid Unicode characters after decoding HTML entities")
        return char, end + (self.source[end] == ";")

    def _skip(self, stop: str) -> str:
        begin = self.at
        while self.source[self.at] not in stop:
            self.at += 1
        return self.source[begin : self.at]

    def _skip_space(self) -> None:
        while self.at < self.end and self.source[self.at] in _SPACE:
            self.at += 1

    def _tag(self) -> None:
        begin = self.at
        self.at += 1
        if self.source[self.at] == "/":
            self.at += 1
            self._end_tag(begin)
        else:
            self._start_tag(begin)

    def _start_tag(self, begin: int) -> None:
        name = self._skip(_SPACE + ">").lower()
        if self.at >= self.end:
            raise self.fail("Unclosed start tag", begin)
        if name not in _TYPES:
            raise self.fail(f'Unsupported start tag "{name}"', begin)
        argument = ""
        while self.source[self.at] != ">":
            self._skip_space()
            if self.source[self.at] == ">":
                break
            argument = self._attribute(name, begin) or argument
        self.at += 1
        if name == "span" and argument != "tg-spoiler":
            raise self.fail('Tag "span" must have class "tg-spoiler"', begin)
        self.open.append((name, argument, self.offset, len(self.out)))

    def _attribute(self, tag: str, begin: int) -> str:
        attribute = self._skip(_SPACE + "=>/\"'")
        if not attribute:
            raise self.fail(f'Empty attribute name in the tag "{tag}"', begin)
        self._skip_space()
        if self.source[self.at] != "=":
            if self.at >= self.end:
                raise self.fail(f'Unclosed start tag "{tag}"', begin)
            return "1" if (tag, attribute) == ("blockquote", "expandable") else ""
        self.at += 1
        self._skip_space()
        if self.at >= self.end:
            raise self.fail(f'Unclosed start tag "{tag}"', begin)
        value = self._value()
        if self.at >= self.end:
            raise self.fail("Unclosed start tag", begin)
        if (tag, attribute) in {("a", "href"), ("span", "class"), ("tg-emoji", "emoji-id")}:
            return value
        if (tag, attribute) == ("code", "class") and value.startswith("language-"):
            return value.removeprefix("language-")
        return "1" if (tag, attribute) == ("blockquote", "expandable") else ""

    def _value(self) -> str:
        quote = self.source[self.at]
        if quote not in "\"'":
            begin = self.at
            while self.source[self.at].isascii() and (
                self.source[self.at].isalnum() or self.source[self.at] in ".-"
            ):
                self.at += 1
            if self.source[self.at] not in _SPACE + ">":
                raise self.fail("Unexpected end of name token", begin)
            return self.source[begin : self.at].lower()
        self.at += 1
        value = []
        while self.at < self.end and self.source[self.at] != quote:
            char = self.source[self.at]
            if char == "&":
                char, self.at = self._reference(self.at)
            else:
                self.at += 1
            value.append(char)
        if self.at < self.end:
            self.at += 1
        return "".join(value)

    def _end_tag(self, begin: int) -> None:
        if not self.open:
            raise self.fail("Unexpected end tag", begin)
        name = self._skip(_SPACE + ">").lower()
        self._skip_space()
        if self.source[self.at] != ">":
            raise self.fail("Unclosed end tag", begin)
        self.at += 1
        tag, argument, offset, position = self.open.pop()
        if name and name != tag:
            raise ParseError(
                "can't parse entities: Unmatched end tag at byte offset "
                f'{len(self.source[:begin].encode())}, expected "</{tag}>", found "</{name}>"'
            )
        if self.offset > offset:
            self._entity(tag, argument, offset, "".join(self.out[position:]))

    def _entity(self, tag: str, argument: str, offset: int, inside: str) -> None:
        entity: Entity = {"type": _TYPES[tag], "offset": offset, "length": self.offset - offset}
        last = self.entities[-1] if self.entities else None
        same = last is not None and (last["offset"], last["length"]) == (offset, entity["length"])
        if tag == "a":
            url = argument or inside
            if not re.match(r"(https?|tg|ton)://.", url):
                return
            entity["url"] = url
        elif tag == "pre" and last is not None and same and last["type"] == "code" and "language" in last:
            last["type"] = "pre"
            return
        elif tag == "code" and argument:
            entity["language"] = argument
        elif tag == "blockquote" and argument:
            entity["type"] = "expandable_blockquote"
        elif tag == "tg-emoji":
            if not argument.isdigit():
                raise ParseError("can't parse entities: Invalid custom emoji identifier specified")
            entity["custom_emoji_id"] = argument
        self.entities.append(entity)


def parse_html(source: str) -> Formatted:
    """Telegram's HTML style; raises ParseError as the server does."""
    formatted = _HtmlParser(source).parse()
    for entity in formatted.entities:
        if entity["type"] == "code":
            entity.pop("language", None)
    return formatted


def check_entities(given: object) -> list[Entity]:
    """The `entities` parameter; raises ParseError for what the server refuses."""
    if not isinstance(given, list):
        return []
    for entity in given:
        if not isinstance(entity, dict) or not isinstance(entity.get("offset"), int):
            raise ParseError('can\'t parse MessageEntity: Field "offset" must be of type Number')
        if not isinstance(entity.get("length"), int) or not isinstance(entity.get("type"), str):
            raise ParseError('can\'t parse MessageEntity: Field "length" must be of type Number')
    return [entity for entity in given if entity["length"] > 0]


def format_text(text: str, parse_mode: str, entities: object, *, limit: int = MESSAGE_LIMIT) -> Formatted:
    """What a message's text becomes, or ParseError: the checks of sendMessage, in the server's order."""
    if len(text.encode("utf-8", "surrogatepass")) > REQUEST_LIMIT:
        raise ParseError("text is too long")
    mode = parse_mode.lower()
    if mode == "html":
        formatted = parse_html(text)
    elif mode in ("", "none"):
        formatted = Formatted(text, check_entities(entities))
    else:
        # MarkdownV2 and Markdown exist at Telegram; here nothing may use them unnoticed.
        raise ParseError("unsupported parse_mode")
    formatted.text = clean(formatted.text).rstrip()
    if _EMPTY.fullmatch(formatted.text):
        raise ParseError("text must be non-empty")
    if utf16_len(formatted.text) > limit:
        raise ParseError("message is too long")
    taken = {(e["offset"], e["length"]) for e in formatted.entities}
    code = [e for e in formatted.entities if e["type"] in ("code", "pre")]
    for entity in find_entities(formatted.text):
        inside = any(
            c["offset"] <= entity["offset"]
            and entity["offset"] + entity["length"] <= c["offset"] + c["length"]
            for c in code
        )
        if not inside and (entity["offset"], entity["length"]) not in taken:
            formatted.entities.append(entity)
    return formatted
