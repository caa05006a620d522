"""`||hidden until somebody taps it||` for the Markdown parser, in the manner of its own strikethrough rule.

Markdown has no such mark; people and models know this one from Telegram and Discord.
"""

from collections.abc import Sequence
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter

MARK: Final = "||"
_CHAR: Final = "|"


def add_spoilers(parser: MarkdownIt) -> MarkdownIt:
    """The parser, which makes nodes of the type `spoiler` from now on."""
    parser.inline.add_terminator_char(_CHAR)
    parser.inline.ruler.before("emphasis", "spoiler", _scan)
    parser.inline.ruler2.after("balance_pairs", "spoiler", _pair)
    return parser


def _scan(state: StateInline, silent: bool) -> bool:
    if silent or state.src[state.pos] != _CHAR:
        return False
    scanned = state.scanDelims(state.pos, True)
    token = state.push("text", "", 0)
    token.content = _CHAR * scanned.length
    if scanned.length == len(MARK):
        state.delimiters.append(
            Delimiter(
                marker=ord(_CHAR),
                length=0,
                token=len(state.tokens) - 1,
                end=-1,
                open=scanned.can_open,
                close=scanned.can_close,
            )
        )
    state.pos += scanned.length
    return True


def _pair(state: StateInline) -> None:
    _mark(state, state.delimiters)
    for meta in state.tokens_meta:
        if meta and "delimiters" in meta:
            _mark(state, meta["delimiters"])


def _mark(state: StateInline, delimiters: Sequence[Delimiter]) -> None:
    for opener in delimiters:
        if opener.marker != ord(_CHAR) or opener.end == -1:
            continue
        opening, closing = state.tokens[opener.token], state.tokens[delimiters[opener.end].token]
        opening.type, opening.nesting = "spoiler_open", 1
        closing.type, closing.nesting = "spoiler_close", -1
        for token in (opening, closing):
            token.markup, token.content = MARK, ""
