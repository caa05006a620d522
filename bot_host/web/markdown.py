"""Markdown as a tree of known kinds, for pages that build elements and never take markup."""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final, TypeAlias

from markdown_it import MarkdownIt
from markdown_it.token import Token

Tree: TypeAlias = list[Any]
"""Texts, and `[kind, attributes, …children]`."""

LIMIT: Final = 60_000
"""Characters that are read as Markdown; what is longer is shown as it is."""
NESTING: Final = 20
_KINDS: Final = {
    "paragraph": "p",
    "bullet_list": "ul",
    "ordered_list": "ol",
    "list_item": "li",
    "blockquote": "blockquote",
    "strong": "strong",
    "em": "em",
    "s": "s",
    "link": "a",
    "table": "table",
    "thead": "thead",
    "tbody": "tbody",
    "tr": "tr",
    "th": "th",
    "td": "td",
}


@cache
def _parser() -> MarkdownIt:
    # Raw HTML stays text. Addresses are linked where somebody wrote them as links, or in full.
    return MarkdownIt("commonmark", {"html": False, "maxNesting": NESTING}).enable(["table", "strikethrough"])


def markdown_tree(text: str) -> Tree:
    """The tree of a text. Links lead to http, https and mailto only."""
    if len(text) > LIMIT:
        return [["pre", {}, text]]
    return _children(iter(_parser().parse(text)))


def _children(tokens: Iterator[Token]) -> Tree:
    tree: Tree = []
    for token in tokens:
        if token.nesting == -1:
            break
        if token.nesting == 1:
            inside = _children(tokens)
            tree += inside if token.hidden else [[_kind(token), _attributes(token), *inside]]
        else:
            tree += _leaf(token)
    return tree


def _kind(token: Token) -> str:
    name = token.type.removesuffix("_open")
    return token.tag if name == "heading" else _KINDS.get(name, "span")


def _attributes(token: Token) -> dict[str, Any]:
    if token.type == "link_open":
        href = str(token.attrGet("href") or "")
        return {"href": href} if href.startswith(("http://", "https://", "mailto:")) else {}
    if token.type == "ordered_list_open" and isinstance(start := token.attrGet("start"), int) and start != 1:
        return {"start": start}
    return {}


def _leaf(token: Token) -> Tree:
    if token.type == "inline":
        return _children(iter(token.children or ()))
    if token.type in ("softbreak", "hardbreak"):
        return [["br", {}]]
    if token.type == "hr":
        return [["hr", {}]]
    if token.type == "code_inline":
        return [["code", {}, token.content]]
    if token.type in ("fence", "code_block"):
        language = token.info.split()[0][:30] if token.info.split() else ""
        return [["pre", {"lang": language} if language else {}, token.content.rstrip("\n")]]
    if token.type == "image":
        href = str(token.attrGet("src") or "")
        words = token.content or href
        return [["a", {"href": href}, words]] if href.startswith(("http://", "https://")) else [words]
    return [token.content] if token.content else []
