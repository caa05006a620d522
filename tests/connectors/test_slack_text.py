"""Slack's text as people read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.slack.text import mentions, readable
from tests.connectors.test_slack_decode import Book, decode, message


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("plain", "plain"),
        ("<@UBOT> hello", "hello"),
        ("<@UBOT>: hello", "hello"),
        ("  <@UBOT> <@UBOT>, hello", "hello"),
        ("<@UBOT>", ""),
        ("hello <@UBOT>!", "hello @Botty!"),
        ("ask <@U2> or <@U77>", "ask @Bob or @U77"),
        ("ask <@U77|grace>", "ask @grace"),
        ("<@UBOTHER> hi", "@UBOTHER hi"),
        ("in <#C1> or <#C9|random> or <#C8>", "in #general or #random or #C8"),
        ("<https://a.b/c>", "https://a.b/c"),
        ("<http://a.b|a.b>", "http://a.b"),
        ("<https://a.b/?x=1&amp;y=2|the docs>", "[the docs](https://a.b/?x=1&y=2)"),
        ("<mailto:a@b.c|a@b.c>", "mailto:a@b.c"),
        ("<!here> <!channel|channel> <!everyone>", "@here @channel @everyone"),
        ("<!subteam^S1|@team> <!subteam^S2>", "@team @S2"),
        ("<!date^1392734382^{date}|Feb 18, 2014>", "Feb 18, 2014"),
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
        ("&lt;@U2&gt; &amp;lt;", "<@U2> &lt;"),
        ("nul\x00 and \ud800 alone", "nul and \ufffd alone"),
        ("unclosed <@U2", "unclosed <@U2"),
        ("<>", ""),
    ],
)
def test_text_as_people_read_it(raw: str, text: str) -> None:
    assert decode(message(raw)).content.text == text


@given(st.text())
def test_any_text_can_be_read(raw: str) -> None:
    read = readable(raw, Book(), own_id="UBOT")
    assert read.encode("utf-8").decode("utf-8") == read
    assert "\x00" not in read


@given(st.text())
def test_what_a_person_typed_comes_back(typed: str) -> None:
    # As Slack escapes it; surrounding space and NUL go, and surrogates cannot be typed.
    escaped = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert readable(escaped, Book(), own_id="UBOT") == typed.replace("\x00", "").strip()


def test_mentions_are_found_by_id() -> None:
    assert mentions("hi <@UBOT>", "UBOT")
    assert mentions("hi <@UBOT|botty>", "UBOT")
    assert not mentions("hi @botty &lt;@UBOT&gt; <@UBOT2>", "UBOT")
