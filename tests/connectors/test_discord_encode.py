"""The host's messages as Discord's requests: pure, table-driven."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_host.types.content import Content, Media
from bot_host.types.outbound import Target
from connectors.discord.encode import encode_message, fence_tables, nonce_of

HERE = Target(source="discord", channel_id="200", reply_to="5")

TABLE = "| a | long name |\n|---|:-:|\n| 1 | **two** |"
DRAWN = "```\na | long name\n- | ---------\n1 | **two**\n```"


def texts(content: str) -> list[str]:
    return [payload["content"] for payload in encode_message(Content(text=content), HERE)]


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "**bold** *it* ~~no~~ `code` ||spoiler|| [link](https://example.org)",
        "# Title\n\n- one\n- two\n\n> quote",
        "```python\nprint('|')\n```",
        "a | b is no table",
        "😀" * 2000,
    ],
)
def test_markdown_stays_as_it_is(text: str) -> None:
    assert texts(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TABLE, DRAWN),
        (f"Before\n\n{TABLE}\n\nAfter", f"Before\n\n{DRAWN}\n\nAfter"),
        ("a | b\n--|--\n1 | 2", "```\na | b\n- | -\n1 | 2\n```"),
        (f"```\n{TABLE}\n```", f"```\n{TABLE}\n```"),
        (f"~~~~md\n```\n{TABLE}\n~~~~", f"~~~~md\n```\n{TABLE}\n~~~~"),
        ("| `` ``` `` |\n|--|", "```\n`` ''' ``\n---------\n```"),
        ("| a | b |\n|---|\n| 1 |", "```\na | b\n- | -\n1 |\n```"),
        ("a | b\n\n---", "a | b\n\n---"),
    ],
)
def test_tables_are_drawn_in_a_code_fence(text: str, expected: str) -> None:
    assert fence_tables(text) == expected


def test_a_wide_table_is_not_blown_up() -> None:
    rows = "".join(f"| {n} | x |\n" for n in range(500))
    table = f"| a | {'b' * 5000} |\n|---|---|\n{rows}"
    assert len(fence_tables(table)) < 2 * len(table)


@pytest.mark.parametrize("unit", ["word ", "😀", "`code` ", "line\n", "| a | b |\n|---|---|\n| 1 | 2 |\n\n"])
def test_long_texts_come_in_pieces_within_the_limit(unit: str) -> None:
    pieces = texts(unit * 3000)
    assert len(pieces) > 1
    assert all(0 < len(piece) <= 2000 and piece.strip() for piece in pieces)


SCRAPS = ("word", "7", " ", "\n", "\n\n", "**", "`", "```\n", "~~~\n", "||", "- ", "> ", "# ", "😀", "\\")
ROWS = ("| a | b |\n|---|---|\n", "| 1 | 2 |\n", "| 3 |\n", "a | b\n", "--|--\n")
MARKS = st.lists(st.sampled_from(SCRAPS + ROWS), max_size=60).map("".join)


@settings(max_examples=200, deadline=None)
@given(MARKS, st.integers(1, 60))
def test_whatever_the_markup_all_of_it_arrives_within_the_limit(text: str, times: int) -> None:
    pieces = texts(text * times)
    assert all(0 < len(piece) <= 2000 and piece.strip() for piece in pieces)
    arrived = "".join(pieces)
    assert [c for c in arrived if c.isalnum()] == [c for c in text * times if c.isalnum()]


def test_the_limit_counts_code_points() -> None:
    assert [len(piece) for piece in texts("😀" * 2001)] == [2000, 1]


def test_only_the_first_piece_replies_and_none_pings() -> None:
    payloads = encode_message(Content(text="word " * 1000), HERE)
    assert payloads[0]["message_reference"] == {"message_id": "5", "fail_if_not_exists": False}
    assert all("message_reference" not in payload for payload in payloads[1:])
    assert all(p["allowed_mentions"] == {"parse": [], "replied_user": False} for p in payloads)
    plain = Target(source="discord", channel_id="200")
    assert "message_reference" not in encode_message(Content(text="x"), plain)[0]


@pytest.mark.parametrize("text", ["", " \n\t ", "\x00"])
def test_nothing_to_say(text: str) -> None:
    assert encode_message(Content(text=text), HERE) == []


def test_text_is_cleaned_and_files_come_as_links() -> None:
    files = [Media(id="1", url="https://example.org/a.png"), Media(id="2", url="file:///etc/passwd")]
    content = Content(text="see \ud83d\x00", attachments=files)
    [payload] = encode_message(content, HERE)
    assert payload["content"] == "see \ufffd\nhttps://example.org/a.png"


def test_a_nonce_is_short_and_steady() -> None:
    assert nonce_of("memory:0") == nonce_of("memory:0") != nonce_of("memory:1")
    assert len(nonce_of("m" * 1000)) <= 25


def test_an_answer_pings_nobody_unless_the_setting_says_so() -> None:
    target = Target(source="discord", channel_id="1", reply_to="2")
    [quiet] = encode_message(Content(text="hi"), target)
    [loud] = encode_message(Content(text="hi"), target, ping_reply=True)
    assert quiet["allowed_mentions"] == {"parse": [], "replied_user": False}
    assert loud["allowed_mentions"] == {"parse": [], "replied_user": True}


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("see https://a.example and https://b.example", None),
        ("https://a.example https://b.example https://c.example", 4),
        ("<https://a.example> <https://b.example> <https://c.example>", None),
    ],
)
def test_many_links_get_no_previews(text: str, flags: int | None) -> None:
    [payload] = encode_message(Content(text=text), Target(source="discord", channel_id="1"))
    assert payload.get("flags") == flags


def test_embeds_are_sent_where_asked_within_the_limits() -> None:
    field = {"name": "n" * 300, "value": "v" * 2000, "inline": True}
    embeds = [
        {"title": "t" * 300, "description": "d", "color": 5, "fields": [field, {"name": "", "value": ""}, 7]},
        "nonsense",
        *[{"description": "e" * 5000} for _ in range(12)],
    ]
    content = Content.model_validate({"text": "hi", "embeds": embeds})
    [payload] = encode_message(content, Target(source="discord", channel_id="1"))
    first, *others = payload["embeds"]
    assert (len(first["title"]), first["color"]) == (256, 5)
    assert [(len(each["name"]), len(each["value"])) for each in first["fields"]] == [(256, 1024), (1, 1)]
    assert len(payload["embeds"]) == 10
    said = 256 + 1 + 256 + 1024 + 2 + sum(len(each["description"]) for each in others)
    assert said == 6000
    [alone] = encode_message(Content.model_validate({"embeds": [{"title": "t"}]}), Target(source="discord"))
    assert alone["embeds"] == [{"title": "t"}]
