"""Markdown as Telegram gets it: every part is read by the fake's parser, which follows the open server's."""

import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot_host.connector import Content, Media, Target
from connectors.telegram.encode import REQUEST_LIMIT, TEXT_LIMIT, encode
from connectors.telegram.markup import render, utf16_len
from tests.fakes.telegram_text import Formatted, clean, format_text, parse_html

PRIVATE = Target(source="telegram", channel_id="7")


def accepted(text: str, target: Target = PRIVATE) -> list[Formatted]:
    """The parts as Telegram takes them; fails where it would refuse one."""
    parts = []
    for payload in encode(Content(text=text), target):
        assert len(payload["html"].encode()) <= REQUEST_LIMIT
        formatted = format_text(payload["html"], "HTML", None)
        assert utf16_len(formatted.text) <= TEXT_LIMIT
        format_text(payload["plain"], "", None)
        json.dumps(payload)
        parts.append(formatted)
    return parts


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("plain", "plain"),
        ("**b** *i* _i_ ~~s~~ `c`", "<b>b</b> <i>i</i> <i>i</i> <s>s</s> <code>c</code>"),
        ("the killer is ||**Bob** & Eve||.", "the killer is <tg-spoiler><b>Bob</b> &amp; Eve</tg-spoiler>."),
        ("**a ||b|| c**", "<b>a <tg-spoiler>b</tg-spoiler> c</b>"),
        ("[||l||](https://e.org)", '<a href="https://e.org"><tg-spoiler>l</tg-spoiler></a>'),
        ("a || b || c ||d `||e||` |||f||| ||", "a || b || c ||d <code>||e||</code> |||f||| ||"),
        ("**a ||b** c||", "<b>a ||b</b> c||"),
        ("***both***", "<i><b>both</b></i>"),
        ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"),
        ("<b>raw</b> <script>x</script>", "&lt;b&gt;raw&lt;/b&gt; &lt;script&gt;x&lt;/script&gt;"),
        ("<div>\nblock\n</div>", "&lt;div&gt;\nblock\n&lt;/div&gt;"),
        ("[l](https://e.org/?a=1&b=2)", '<a href="https://e.org/?a=1&amp;b=2">l</a>'),
        ('[l](https://e.org/"onclick=")', '<a href="https://e.org/%22onclick=%22">l</a>'),
        ("[you](tg://user?id=1)", "you (tg://user?id=1)"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("[mail](mailto:a@b.org)", "mail (mailto:a@b.org)"),
        ("[](https://e.org)", '<a href="https://e.org">https://e.org</a>'),
        ("<https://e.org>", '<a href="https://e.org">https://e.org</a>'),
        ("![alt](https://e.org/p.png)", '<a href="https://e.org/p.png">alt</a>'),
        ("![](https://e.org/p.png)", '<a href="https://e.org/p.png">https://e.org/p.png</a>'),
        ("[![i](https://e.org/i.png)](https://e.org)", '<a href="https://e.org">i</a>'),
        ("# Head *x*\ntext", "<b>Head <i>x</i></b>\n\ntext"),
        ("# **Head**", "<b>Head</b>"),
        ("Head\n====", "<b>Head</b>"),
        ("- a\n- b", "• a\n• b"),
        ("- a\n  - b\n    - c\n- d", "• a\n  ◦ b\n    ▪ c\n• d"),
        ("- a\n\n- b", "• a\n\n• b"),
        ("- a\n  more", "• a\n  more"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("> q\n> r", "<blockquote>q\nr</blockquote>"),
        ("> q\n> > r", "<blockquote>q\n\nr</blockquote>"),
        ("```py\nx < 1\n```", '<pre><code class="language-py">x &lt; 1</code></pre>'),
        ('```a"b\nx\n```', '<pre><code class="language-a&quot;b">x</code></pre>'),
        ("```\nx\n```", "<pre>x</pre>"),
        ("a\n\n    indented", "a\n\n<pre>indented</pre>"),
        ("- a\n  ```\n  x\n  ```", "• a\n  <pre>x</pre>"),
        ("a\n\n---\n\nb", "a\n\n———\n\nb"),
        ("a  \nb\nc", "a\nb\nc"),
        ("| a | b |\n|---|---|\n| 11 | **2** |\n| 日 |", "<pre>a  | b\n-- | -\n11 | 2\n日 |</pre>"),
        ("&lt;i&gt; &amp;amp;", "&lt;i&gt; &amp;amp;"),
        ("\\*no\\* 2 * 3 * 4 snake_case_name", "*no* 2 * 3 * 4 snake_case_name"),
        ("**open and `half", "**open and `half"),
        ("[a]: https://e.org", "[a]: https://e.org"),
    ],
)
def test_table(markdown: str, html: str) -> None:
    (payload,) = encode(Content(text=markdown), PRIVATE)
    assert payload["html"] == html
    accepted(markdown)


def test_a_long_quote_is_folded() -> None:
    short, long = "> " + "q" * 1000, "> " + "q" * 1001
    assert encode(Content(text=short), PRIVATE)[0]["html"].startswith("<blockquote>q")
    assert encode(Content(text=f"a\n\n{long}"), PRIVATE)[0]["html"].startswith(
        "a\n\n<blockquote expandable>q"
    )
    [part] = accepted(long)
    assert [entity["type"] for entity in part.entities] == ["expandable_blockquote"]


def test_nothing_to_send() -> None:
    assert encode(Content(text=""), PRIVATE) == []
    assert encode(Content(text=" \n\t "), PRIVATE) == []
    assert encode(Content(text="\u200b\u202e\u00a0\u2800"), PRIVATE) == []


def test_plain_is_the_source() -> None:
    (payload,) = encode(Content(text="**b** [l](https://e.org)"), PRIVATE)
    assert payload["plain"] == "**b** [l](https://e.org)"


def test_attachments_with_addresses_are_named() -> None:
    media = [Media(id="1", url="https://e.org/a.pdf", title="Paper"), Media(id="2")]
    (payload,) = encode(Content(text="see", attachments=media), PRIVATE)
    assert payload["html"] == 'see\n\n<a href="https://e.org/a.pdf">Paper</a>'


def test_only_the_first_part_replies() -> None:
    target = Target(source="telegram", channel_id="-7", reply_to="42")
    payloads = encode(Content(text="word " * 2000), target)
    assert [payload.get("reply_to") for payload in payloads] == [42, None, None]


@pytest.mark.parametrize(
    "text",
    [
        "x" * 4096,
        "x" * 100_000,
        "😀" * 5000,
        "& " * 9000,
        "日本語" * 5000,
        "word " * 5000,
        "```py\n" + "print('<&>')\n" * 1200 + "```",
        "".join(f"[link {i}](https://example.org/{'long/' * 30}{i}) " for i in range(300)),
        "| a | b |\n|---|---|\n" + "| x | " + "wide " * 200 + "|\n" + "| 1 | 2 |\n" * 60,
        "\n".join("  " * i + f"- level{i}" for i in range(90)),
        "> " * 3000 + "deep",
        "**" * 1500 + "x" + "**" * 1500,
        "`" * 9000,
        "[" * 9000,
        "<b" * 9000,
        "||" * 4500,
        "||x " * 3000,
        "||" + "secret " * 1500 + "||",
        "- x\n" * 3000,
        "a\u0000b \ud800 \udfff c",
        "Z̷̢͝" * 3000,
        "\u202eright to left\u202c " * 400,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_awkward_texts_arrive(text: str) -> None:
    assert accepted(text)


def test_long_text_arrives_whole() -> None:
    words = [f"w{i}" for i in range(6000)]
    shown = " ".join(part.text for part in accepted(" ".join(words)))
    assert shown.split() == words


def test_code_block_over_parts_stays_code() -> None:
    lines = [f"line_{i} = {i} < {i + 1}" for i in range(600)]
    parts = accepted("Before\n\n```python\n" + "\n".join(lines) + "\n```\n\nAfter")
    code = [
        line
        for part in parts
        for e in part.entities
        if e["type"] == "pre" and e.get("language") == "python"
        for line in _part(part, e).splitlines()
    ]
    assert code == lines


def _part(formatted: Formatted, entity: dict[str, int]) -> str:
    units = formatted.text.encode("utf-16-le")
    return units[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])].decode("utf-16-le")


SIGNS = [
    *"ab 1.\n\t*_~`#>-+|[]()!<>&\"'\\:/=^😀é日\u0301\u200d\u202e",
    "\n\n",
    "```",
    "https://e.org",
    "](",
    "**",
]
MARKS = st.lists(st.sampled_from(SIGNS), max_size=150).map("".join)


@settings(max_examples=300, deadline=None)
@given(MARKS)
@example("*a\n\n- b*\n> `")
@example("[a](<b\n>)")
def test_any_markup_is_accepted(text: str) -> None:
    parts = accepted(text)
    assert bool(parts) == bool(re.sub(r"[\s\u200d\u202e]", "", clean(text)))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_html_that_the_parser_accepts(text: str) -> None:
    for payload in encode(Content(text=text), PRIVATE):
        assert parse_html(payload["html"]).text.strip()


@settings(max_examples=200, deadline=None)
@given(MARKS)
def test_visible_text_is_what_the_parser_sees(text: str) -> None:
    rendered = render(text)
    assert parse_html(rendered.html).text.strip("\n") == rendered.text


@settings(max_examples=30, deadline=None)
@given(st.lists(MARKS, min_size=20, max_size=60))
def test_long_random_markup_is_accepted(pieces: list[str]) -> None:
    accepted("\n\n".join(pieces) * 3)
