"""Messages as Slack payloads: encode alone, without a network."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot_host.connector import Choices, Content, Media, Target
from bot_host.types.choices import Pick
from connectors.slack.encode import READABLE, encode, plain_request, request
from connectors.slack.markdown import safe
from connectors.slack.mrkdwn import GAP, render
from tests.fakes.slack_methods import check_message
from tests.fakes.slack_workspace import pings_of

TARGET = Target(source="slack", channel_id="C1", thread_id="1.2")


def parts(text: str) -> list[dict[str, str]]:
    return encode(Content(text=text), TARGET)


@pytest.mark.parametrize(
    ("markdown", "mrkdwn"),
    [
        ("plain", "plain"),
        ("**bold** *it* ~~gone~~ `code`", "*bold* _it_ ~gone~ `code`"),
        ("***both***", "_*both*_"),
        ("# Title **x** *y*", "*Title x _y_*"),
        ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name"),
        ("[docs](https://a.b/c?x=1&y=2)", "<https://a.b/c?x=1&amp;y=2|docs>"),
        ("<https://a.b>", "<https://a.b>"),
        ("see https://a.b/c_d_e", "see https://a.b/c_d_e"),
        ("![a cat](https://a.b/cat.png)", "<https://a.b/cat.png|a cat>"),
        ("[rel](/path)", "rel (/path)"),
        ("[js](javascript:alert(1))", "[js](javascript:alert(1))"),
        ("[a|b>c](https://x.y/a|b)", "<https://x.y/a%7Cb|a|b&gt;c>"),
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("&lt;b&gt;", "&lt;b&gt;"),
        ("<b>html</b>", "&lt;b&gt;html&lt;/b&gt;"),
        ("- a\n- b\n  - c", "• a\n• b\n    • c"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("- [ ] open\n- [x] done", "☐ open\n☑ done"),
        ("> quoted\n> twice", "> quoted\n> twice"),
        ("```py\nif a < b:\n    pass\n```", "```\nif a &lt; b:\n    pass\n```"),
        ("    indented", "```\nindented\n```"),
        ("````\n```\n````", f"```\n``{GAP}`\n```"),
        ("`` a`b ``", "`aˋb`"),
        ("---", "———"),
        ("one\ntwo", "one\ntwo"),
        ("one\n\ntwo", "one\n\ntwo"),
        ("**one\ntwo**", "*one*\n*two*"),
        ("这是**粗体**文字", f"这是{GAP}*粗体*{GAP}文字"),
        ("(**a**), **b**.", "(*a*), *b*."),
        ("| a | bb |\n|---|----|\n| ccc | **d** |", "```\na   | bb\n----+---\nccc | d\n```"),
        ("| 字 | b |\n|--|--|\n| x | y |", "```\n字 | b\n---+--\nx  | y\n```"),
        ("[unused]: https://a.b", "[unused]: https://a.b"),
    ],
)
def test_markdown_as_mrkdwn(markdown: str, mrkdwn: str) -> None:
    assert render(markdown) == mrkdwn


LIVE = [
    "<!channel>", "<!here>", "<!everyone|x>", "<@U1>", "<@U1|ada>", "<!subteam^S1|@x>", "@channel", "@here",
    "`<!channel>`", "```\n<!channel>\n```", "    <@U1>", "[x](<!channel>)", "[x](!channel)", "[<!here>](https://a.b)",
    "[x](@U1)", "[x](https://a.b/<!channel>)", "![<@U1>](!here)", "<!channel", "<\n!channel>", "\\<!channel>",
    "**<!channel>**", "| <!here> |\n|--|\n| <@U1> |", "&lt;!channel&gt;", "&#60;!channel&#62;", "<https://a.b|<!here>>",
    "<https://a.b>!channel>", "[x]: <!channel>\n\n[x]", "<<!channel>>", "- <@U1>\n> <!here>", "# <!channel>",
    "[a](mailto:<!here>)", "[a](https://x> <!channel>)", "<http://x><!channel>",
    "[a](HTTP://x \"<!channel>\")",
]  # fmt: skip


@pytest.mark.parametrize("text", LIVE)
def test_nothing_notifies_anybody(text: str) -> None:
    for payload in parts(text):
        for arguments in (request(payload, TARGET, key="k"), plain_request(payload, TARGET)):
            assert pings_of(arguments) == []
            assert "link_names" not in arguments
            assert "parse" not in arguments


PIECES = st.sampled_from(
    [*LIVE, "<", ">", "!", "@U1", "channel>", "|", "[", "](", ")", "`", "```\n", "\n", "*", "_", "\\", "&lt;",
     "https://a.b", "# ", "- ", "> ", "&", "x", " "]
)  # fmt: skip


@given(st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=40).map("".join))
@example("<" * 50 + "!channel>")
@example(">" * 60 + " <!channel>")
@settings(deadline=None)
def test_never_a_live_mention_and_never_refused(text: str) -> None:
    for payload in parts(text):
        for arguments in (request(payload, TARGET, key="k"), plain_request(payload, TARGET)):
            assert pings_of(arguments) == []
            assert check_message(dict(arguments)) == []
            # Each `<` begins an address of ours, and nothing else.
            for start in re.finditer("<", arguments["text"]):
                rest = arguments["text"][start.end() :]
                assert re.match(r"(?:https?://|mailto:|tel:)[^<>|\s]*(?:\|[^<>\n]*)?>", rest, re.IGNORECASE)
            arguments["text"].encode("utf-8")


@given(st.lists(st.one_of(PIECES, st.text(max_size=200)), max_size=200).map("".join), st.integers(1, 400))
@settings(deadline=None, max_examples=30)
def test_every_part_is_readable(text: str, times: int) -> None:
    for payload in parts((text * times)[:30_000]):
        assert 0 < len(payload["text"]) <= READABLE
        assert 0 < len(payload["plain"]) <= READABLE
        assert payload["text"].strip()


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "\x00"])
def test_nothing_to_say_is_nothing_to_send(text: str) -> None:
    assert parts(text) == []


def test_a_long_code_block_is_cut_into_code_blocks() -> None:
    code = "\n".join(f"line_{number} = {number} < {number + 1}" for number in range(1000))
    payloads = parts(f"Look:\n\n```py\n{code}\n```\n\nThat is all.")
    assert len(payloads) > 5
    for payload in payloads:
        assert payload["text"].count("```") % 2 == 0
    lines = [line for payload in payloads for line in payload["text"].split("\n") if line.startswith("line_")]
    assert lines == code.replace("<", "&lt;").split("\n")


def test_a_table_that_grows_by_padding_is_cut_smaller() -> None:
    rows = "\n".join(f"| {number} | {'wide ' * 40 if number == 50 else 'x'} |" for number in range(100))
    payloads = parts(f"| a | b |\n|---|---|\n{rows}")
    assert all(len(payload["text"]) <= READABLE for payload in payloads)
    words = " ".join(payload["text"] for payload in payloads)
    assert all(re.search(rf"\b{number}\b", words) for number in range(100))


def test_deep_nesting_loses_nothing() -> None:
    text = ">" * 200 + " deep down"
    assert "deep down" in "".join(payload["text"] for payload in parts(text))
    text = "".join(f"{'  ' * depth}- level{depth}\n" for depth in range(60))
    found = "".join(payload["text"] for payload in parts(text))
    assert all(f"level{depth}" in found for depth in range(60))


def test_addresses_of_attachments_are_said() -> None:
    media = [
        Media(id="1", url="https://a.b/c.png", title="A picture"),
        Media(id="2", url="attachment://local"),
        Media(id="3", url="https://a.b/said"),
    ]
    (payload,) = encode(Content(text="Here: https://a.b/said", attachments=media), TARGET)
    assert payload["text"] == "Here: https://a.b/said\n<https://a.b/c.png|A picture>"
    (payload,) = encode(Content(attachments=media[:1]), TARGET)
    assert payload["text"] == "<https://a.b/c.png|A picture>"


@pytest.mark.parametrize(
    ("markdown", "rich"),
    [
        ("# Title\n\ntext", True),
        ("Title\n---\ntext", True),
        ("| a | b |\n|---|---|\n| 1 | 2 |", True),
        ("> # quoted", False),
        ("```\n# no title\n```", False),
        ("- a\n- b\n\n---\n\n**bold** #1", False),
        ("plain", False),
        (">" * 50 + " # deep", False),
    ],
)
def test_headings_and_tables_are_a_markdown_block(markdown: str, rich: bool) -> None:
    (payload,) = parts(markdown)
    sent = request(payload, TARGET, key="m/0")
    assert sent.get("blocks") == ([{"type": "markdown", "text": markdown}] if rich else None)
    assert sent["text"] == (render(markdown))


def test_choices_stand_below_a_markdown_block() -> None:
    choices = Choices(key="k", picks=[Pick(label="Yes")])
    (payload,) = encode(Content(text="# Sure?", choices=choices), TARGET)
    kinds = [block["type"] for block in request(payload, TARGET, key="k")["blocks"]]
    assert kinds == ["markdown", "actions"]


LIVE = [
    "<!channel>", "<!here|x>", "<!everyone>", "<!subteam^S1>", "<!date^1^x|y>", "<@U1ABC>", "<#C1ABC>",
    "&lt;!channel&gt;", "&#60;!here>", "&#x3C;@U1ABC>", "[x](!channel)", "[x](<!here>)", "[x]( @U1ABC)",
    "[x]\n\n[x]: !channel", "`<!channel>`", "```\n<!here>\n```",
]  # fmt: skip
LIVE_AFTER_ANY_CONVERSION = re.compile(
    r"(?:<|&(?:lt|#0*60|#x0*3c);)\s*[!@#][A-Za-z]|\](?:\(|:)\s*<?\s*[!@#]", re.I
)


@pytest.mark.parametrize("text", LIVE)
def test_a_markdown_block_notifies_nobody(text: str) -> None:
    (payload,) = parts(f"# Title\n\n{text}")
    shown = payload["markdown"]
    assert pings_of(request(payload, TARGET, key="k")) == []
    assert LIVE_AFTER_ANY_CONVERSION.search(f"# Title\n\n{text}")
    assert not LIVE_AFTER_ANY_CONVERSION.search(shown)
    assert shown.replace(GAP, "") == f"# Title\n\n{text}"


@given(st.text(alphabet="<>!@#[](): &lt;chanelUC1\n`", max_size=40))
def test_no_text_in_a_markdown_block_notifies(text: str) -> None:
    found = safe(text)
    assert not re.search(r"(?:<|&lt;)[!@#][A-Za-z]", found)
    assert found.replace(GAP, "") == text.replace(GAP, "")


def test_a_broadcast_is_made_only_on_wish_and_only_in_a_thread() -> None:
    text = "word " * 2000
    wished = Content(text=text, metadata={"reply_broadcast": True})
    first, *others = encode(wished, TARGET)
    assert request(first, TARGET, key="k")["reply_broadcast"] is True
    assert plain_request(first, TARGET)["reply_broadcast"] is True
    assert others
    assert all("reply_broadcast" not in request(each, TARGET, key="k") for each in others)
    assert "broadcast" not in encode(wished, Target(source="slack", channel_id="C1"))[0]
    for metadata in ({"reply_broadcast": "yes"}, "reply_broadcast", None):
        assert "broadcast" not in encode(Content(text="x", metadata=metadata), TARGET)[0]


def test_the_request() -> None:
    (payload,) = parts("**hi**")
    assert request(payload, TARGET, key="m/0") == {
        "channel": "C1",
        "thread_ts": "1.2",
        "text": "*hi*",
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": {"event_type": "bot_host_part", "event_payload": {"key": "m/0"}},
    }
    plain = plain_request(payload, Target(source="slack", channel_id="C1"))
    assert (plain["text"], plain["mrkdwn"], "thread_ts" in plain) == ("**hi**", False, False)
