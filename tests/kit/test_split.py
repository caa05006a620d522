"""`split_markdown`: by example, and by property."""

import re
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_host.kit.split import split_markdown

FENCE = re.compile(r" *(?:(?:[-*+]|\d+[.)]) {1,4})?(`{3,}(?=[^`]*$)|~{3,})")


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def as_html(text: str) -> int:
    """Units after escaping and with bold as tags, as Telegram's HTML would count if it counted the tags."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return utf16(re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escaped, flags=re.S))


def open_fence(piece: str) -> str:
    """The fence that is still open at the end of `piece`; empty: all closed. Independent of our parser."""
    fence = ""
    for line in piece.split("\n"):
        if fence:
            bare = line.strip()
            if len(bare) >= len(fence) and set(bare) == {fence[0]}:
                fence = ""
        elif found := FENCE.match(line):
            fence = found[1]
    return fence


def bare(text: str) -> str:
    """`text` without white space and without the lines of fences."""
    lines = [line for line in text.split("\n") if not FENCE.match(line)]
    return "".join("".join(lines).split())


def check(text: str, limit: int, measure: Callable[[str], int] = len) -> list[str]:
    pieces = split_markdown(text, limit=limit, measure=measure)
    for piece in pieces:
        assert piece.strip()
        assert measure(piece) <= limit
    return pieces


# By example.


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t \n\u3000", "\u00a0"])
def test_blank_text_gives_no_pieces(text: str) -> None:
    assert split_markdown(text, limit=10) == []


def test_text_that_fits_stays_as_it_is() -> None:
    text = "# Title\n\nHello **you**.\n\n```py\nx = 1\n```\n\n- a\n  - b"
    assert split_markdown(text, limit=len(text)) == [text]


def test_exactly_the_limit_fits_and_one_more_does_not() -> None:
    assert split_markdown("a" * 50, limit=50) == ["a" * 50]
    assert split_markdown("a" * 51, limit=50) == ["a" * 50, "a"]


def test_paragraphs_come_before_lines() -> None:
    assert check("one one\ntwo two\n\nthree three\nfour four", 30) == [
        "one one\ntwo two",
        "three three\nfour four",
    ]


def test_lines_come_before_sentences() -> None:
    assert check("One is. Two is.\nThree is. Four is not here", 30) == [
        "One is. Two is.",
        "Three is. Four is not here",
    ]


def test_sentences_come_before_words() -> None:
    assert check("The first sentence. The second one is longer", 30) == [
        "The first sentence.",
        "The second one is longer",
    ]


def test_words_stay_whole() -> None:
    assert check("alpha beta gamma delta", 12) == ["alpha beta", "gamma delta"]


def test_a_title_goes_with_what_follows_it() -> None:
    text = "Some words at the very start.\n\n# Title\n\n" + "words " * 10
    pieces = check(text, 80)
    assert pieces[0] == "Some words at the very start."
    assert pieces[1].startswith("# Title\n\nwords")


def test_chinese_is_cut_after_its_full_stop() -> None:
    assert check("今天天气很好。我们去公园玩吧。大家都很高兴。", 16) == [
        "今天天气很好。我们去公园玩吧。",
        "大家都很高兴。",
    ]


def test_bold_is_not_cut_when_that_can_be_helped() -> None:
    pieces = check("aaaa bbbb cccc dddd **eeee ffff gggg** hhhh iiii", 34)
    assert any("**eeee ffff gggg**" in piece for piece in pieces)


def test_bold_longer_than_a_piece_is_cut_between_words() -> None:
    pieces = check("**" + "word " * 20 + "end**", 30)
    assert " ".join(pieces) == "**" + "word " * 20 + "end**"


@pytest.mark.parametrize(
    "unit",
    [
        "[the label of it](https://example.org/a_b?c=d&e=f)",
        "[a [nested] label](https://example.org/x_(y))",
        "![an image here](https://example.org/i.png)",
        "https://example.org/some/long/path?with=query&and=more",
        "`code with some words in it`",
        "``code with a ` tick and words``",
        "<@U012345|some body else>",
        "<https://example.org/page|the label>",
        "[`code` in a label](https://example.org)",
    ],
)
def test_units_stay_whole(unit: str) -> None:
    limit = len(unit) + 5
    for before in range(1, 60):
        pieces = check(f"{'x ' * before}{unit}. And then some more words follow here.", limit)
        assert any(unit in piece for piece in pieces)


@pytest.mark.parametrize("unit", ["&amp;", "&#128512;", "@some_name", "<@U1>"])
def test_units_stay_whole_inside_a_word_that_is_too_long(unit: str) -> None:
    for before in range(15):
        pieces = check("x" * before + unit * 10, 16)
        assert sum(piece.count(unit) for piece in pieces) == 10


@pytest.mark.parametrize(
    "cluster",
    [
        "👨‍👩‍👧‍👦",
        "🇩🇪",
        "👍🏽",
        "❤️",
        "1️⃣",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "e\u0301\u0323",
        "한",
        "각",
        "नि",
        "क्ष",
        "\r\n",
    ],
)
@pytest.mark.parametrize("measure", [len, utf16])
def test_what_looks_like_one_character_stays_whole(cluster: str, measure: Callable[[str], int]) -> None:
    for before in range(12):
        text = "a" * before + "b" + cluster * 12 + "z"
        pieces = check(text, 20, measure)
        if cluster != "\r\n":
            assert "".join(pieces) == text
            assert sum(piece.count(cluster) for piece in pieces) == 12


def test_a_cluster_longer_than_a_piece_is_cut_all_the_same() -> None:
    text = "a" + "\u0301" * 500
    assert "".join(check(text, 100)) == text


def test_a_long_word_after_words_starts_a_piece_of_its_own() -> None:
    assert check("short " + "x" * 25, 20) == ["short", "x" * 20, "x" * 5]


def test_no_room_for_one_character_is_an_error() -> None:
    with pytest.raises(ValueError, match="no room"):
        split_markdown("🎉🎉", limit=1, measure=utf16)


# Code blocks.


def test_a_long_block_is_closed_and_opened_again_with_its_language() -> None:
    code = "\n".join(f"    line {i}" for i in range(12))
    pieces = check(f"Intro:\n\n```python\n{code}\n```\n\nDone.", 80)
    assert len(pieces) > 2
    found: list[str] = []
    for piece in pieces:
        inner = re.search(r"```python\n(.*)\n```", piece, re.S)
        assert inner
        found.append(inner[1])
    assert "\n".join(found) == code
    assert pieces[0].startswith("Intro:")
    assert pieces[-1].endswith("Done.")


def test_a_block_that_fits_is_moved_rather_than_cut() -> None:
    block = "```\n" + "code line\n" * 6 + "```"
    for before in range(1, 12):
        assert any(block in piece for piece in check("word " * before + "\n\n" + block, 75))


@pytest.mark.parametrize(("opener", "closer"), [("~~~js", "~~~"), ("````md", "````"), ("   ```py", "   ```")])
def test_other_fences(opener: str, closer: str) -> None:
    code = "\n".join(f"```{i} is no end" if "```" not in opener else f"line {i}" for i in range(40))
    pieces = check(f"{opener}\n{code}\n{closer}", 90)
    assert len(pieces) > 2
    assert all(piece.startswith(opener + "\n") and piece.endswith("\n" + closer) for piece in pieces)
    assert "\n".join(piece[len(opener) + 1 : -len(closer) - 1] for piece in pieces) == code


def test_a_longer_fence_may_hold_a_shorter_one() -> None:
    inner = "```py\nx = 1\n```\n" * 10
    pieces = check(f"````md\n{inner}````", 80)
    assert all(p.startswith("````md\n") and p.endswith("\n````") for p in pieces)


def test_a_block_inside_a_list() -> None:
    code = "\n".join(f"    echo {i}" for i in range(20))
    text = f"1. First do this:\n\n    ```sh\n{code}\n    ```\n\n2. Then that."
    pieces = check(text, 100)
    assert all(open_fence(piece) == "" for piece in pieces)
    assert bare("\n".join(pieces)) == bare(text)


def test_a_block_on_the_line_of_its_list_marker() -> None:
    text = "- ```py\n  x = 1\n  ```\n- more text " + "word " * 20
    pieces = check(text, 60)
    assert pieces[0].startswith("- ```py\n  x = 1\n  ```")
    assert all(open_fence(piece) == "" for piece in pieces)


def test_a_block_that_is_never_closed_is_closed() -> None:
    assert check("```py\nprint(1)", 100) == ["```py\nprint(1)\n```"]
    for piece in check("```py\n" + "print(1)\n" * 30, 60):
        assert piece.startswith("```py\n")
        assert piece.endswith("\n```")


def test_a_line_of_code_longer_than_a_piece() -> None:
    text = "```py\n" + "x" * 200 + "\n```"
    pieces = check(text, 60)
    assert "".join(piece[6:-4] for piece in pieces) == "x" * 200


def test_blank_lines_and_indentation_of_code_stay() -> None:
    code = "\n".join(["a", "", "", "  b", "", "c  "] * 8)
    pieces = check(f"```\n{code}\n```", 40)
    assert "\n".join(piece[4:-4] for piece in pieces) == code


def test_words_that_would_open_a_block_do_not_start_a_piece() -> None:
    for before in range(1, 30):
        pieces = check("x " * before + "write ```python to begin, or ~~~ for short, and so on", 40)
        assert all(open_fence(piece) == "" for piece in pieces)


def test_an_opening_line_longer_than_a_piece_is_plain_text() -> None:
    text = "```" + "x" * 100 + "\ncode\n```"
    assert "".join("".join(check(text, 40)).split()) == "".join(text.split())


def test_telegram_like_measures_that_count_less_than_the_source() -> None:
    def visible(text: str) -> int:
        return len(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text))

    link = f"[here](https://example.org/{'x' * 400})"
    pieces = check(f"{link} " * 20, 50, visible)
    assert "".join(pieces).count(link) == 20
    assert all(piece.count(link) >= 9 for piece in pieces[:-1])


# By property.

WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "M"]), min_size=1, max_size=30)
UNITS = st.sampled_from(
    [
        "[a label](https://example.org/a)",
        "`some code`",
        "<@U1>",
        "&amp;",
        "👨‍👩‍👧‍👦",
        "🇩🇪🇫🇷",
        "**bold text**",
        "_italic_",
        "https://example.org/b?c",
        "```",
        "~~~",
        "- ",
        "1. ",
        "```inline```",
        "# ",
        "*",
        "`",
        "[",
        "](",
        "|",
        "\u00a0",
    ]
)
BLOCKS = st.builds(
    "{}{}\n{}\n{}".format,
    st.sampled_from(["```", "   ```", "  ~~~"]),
    st.sampled_from(["", "py", " js"]),
    st.lists(st.text("ab `~\t", max_size=70), max_size=8).map("\n".join),
    st.sampled_from(["```", "~~~", ""]),
)
GAPS = st.sampled_from([" ", " ", "\n", "\n\n", "", "\n    ", "  \n \n"])
TEXTS = st.lists(st.tuples(st.one_of(WORDS, UNITS, BLOCKS), GAPS), max_size=40).map(
    lambda parts: "".join(part + gap for part, gap in parts)
)
MEASURES = st.sampled_from([len, utf16, as_html])


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.integers(40, 300), MEASURES)
def test_every_piece_is_within_the_limit_and_nothing_is_lost(
    text: str, limit: int, measure: Callable[[str], int]
) -> None:
    pieces = check(text, limit, measure)

    def solid(value: str) -> str:
        return "".join(c for c in value if not c.isspace() and c not in "`~")

    # What is added are the opening lines of blocks that were cut: the text is all there, in order.
    rest = iter(solid("".join(pieces)))
    assert all(char in rest for char in solid(text))


def test_a_block_whose_frame_leaves_no_room_for_a_character_is_cut_as_text() -> None:
    text = "0 ```\n\n``` 0 0000000000000000\U00010000\U00010000\U00010000\U00010000 0\n< "
    check(text, 40, as_html)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.one_of(WORDS, UNITS), GAPS), max_size=60), st.integers(40, 200), MEASURES)
def test_without_blocks_only_white_space_goes(
    parts: list[tuple[str, str]], limit: int, measure: Callable[[str], int]
) -> None:
    text = "".join(part + gap for part, gap in parts if part not in ("```", "~~~"))
    if "```" in text.replace("```inline```", "") or "~~~" in text:
        return
    assert "".join("".join(check(text, limit, measure)).split()) == "".join(text.split())


def test_no_cut_makes_an_opening_line_of_what_was_none() -> None:
    text = "[a label](https://example.org/a) ```\n``\n`` \n`` `\n`` ``\n``` ``\n``` "
    assert [open_fence(piece) for piece in check(text, 60)] == ["", ""]


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.integers(60, 300), MEASURES)
def test_code_blocks_are_closed_in_every_piece(text: str, limit: int, measure: Callable[[str], int]) -> None:
    if re.search(r"[`~]{8}", text):
        return
    # Deeper than three spaces it depends on the list around it whether it is a fence.
    text = re.sub(r"(?m)^[ \t]{4,}", "   ", text)
    # A block whose first or last line alone fills a piece is handled as plain text.
    if any(measure(line) + 20 > limit for line in re.findall(r"(?m)^.*(?:```|~~~).*$", text)):
        return
    for piece in check(text, limit, measure):
        assert open_fence(piece) == ""


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="`~\n"), max_size=50), min_size=1, max_size=40
    ),
    st.integers(60, 200),
)
def test_lines_of_code_are_kept_exactly(lines: list[str], limit: int) -> None:
    pieces = check("```py\n" + "\n".join(lines) + "\n```", limit)
    assert [line for piece in pieces for line in piece.split("\n")[1:-1]] == lines


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("abc.!🎉é", min_size=1, max_size=20), min_size=1, max_size=80), st.integers(40, 120))
def test_words_that_fit_are_never_cut(words: list[str], limit: int) -> None:
    pieces = check(" ".join(words), limit, utf16)
    assert [word for piece in pieces for word in piece.split()] == words


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.sampled_from("a🇩🇪👍🏽👨\u200d❤\ufe0fe\u0301각 \n\ud83d\ude00"), max_size=200),
    st.integers(30, 60),
)
def test_no_piece_begins_with_half_a_character(text: str, limit: int) -> None:
    if re.search(r"[^\s]{31}", text) and re.search(r"[\u200d\ufe0f\u0301🏽]{5}", text):
        return  # a cluster as long as a piece has to be cut
    whole = text.strip()
    for piece in check(text, limit)[1:]:
        first = piece[0]
        at = whole.index(piece[:20]) if whole.count(piece[:20]) == 1 else None
        if at and not whole[at - 1].isspace():
            assert not unicodedata.category(first).startswith("M")
            assert first not in "\u200d🏽"
            assert whole[at - 1] != "\u200d"


# Cost.


@pytest.mark.parametrize(
    "unit",
    [
        "word ",
        "x",
        "[",
        "`",
        "<@",
        "**a ",
        "```\n",
        "~~~ ",
        "🇩🇪",
        "a\u0301",
        "&amp;",
        "\n",
        "- a\n",
        "[a](",
        "1. ",
    ],
)
def test_long_texts_ask_for_few_measures(unit: str) -> None:
    asked = 0

    def measure(text: str) -> int:
        nonlocal asked
        asked += len(text)
        return len(text)

    text = unit * (200_000 // len(unit))
    pieces = split_markdown(text, limit=2000, measure=measure)
    assert all(len(piece) <= 2000 for piece in pieces)
    assert asked < 60 * len(text) + 10_000
