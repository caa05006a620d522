"""Where documents are cut: at headings, between paragraphs and rows, at sentences; and nothing is lost."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_host.kit.reading.blocks import Block, BlockKind, heading, markdown_blocks, place, table, text_blocks
from bot_host.kit.reading.pack import ENOUGH, OVERLAP, Fragment, fragments, tokens

MANUAL = """\
# Manual

What it is.

## Installation

Read this first.

### Debian

Run apt install bot.

```sh
apt install bot

# not a heading
```

### Windows

| Version | Works |
|---------|-------|
| 10      | yes   |

Usage
-----

Say hello.
"""


def kinds(text: str) -> list[tuple[str, str]]:
    return [(block.kind.value, block.title or block.text) for block in markdown_blocks(text.splitlines())]


def packed(text: str, limit: int = 400) -> list[Fragment]:
    return list(fragments(markdown_blocks(text.splitlines()), limit=limit))


def bare(text: str) -> str:
    return "".join(text.split())


def test_markdown_is_read_by_its_parts() -> None:
    assert kinds(MANUAL) == [
        ("heading", "Manual"),
        ("text", "What it is."),
        ("heading", "Installation"),
        ("text", "Read this first."),
        ("heading", "Debian"),
        ("text", "Run apt install bot."),
        ("code", "```sh\napt install bot\n\n# not a heading\n```"),
        ("heading", "Windows"),
        ("table", "| Version | Works |\n|---------|-------|\n| 10      | yes   |"),
        ("heading", "Usage"),
        ("text", "Say hello."),
    ]


def test_a_short_manual_is_one_fragment_under_its_title() -> None:
    [only] = packed(MANUAL)
    assert only.path == ("Manual",)
    assert bare(only.text) == bare(MANUAL)


def test_each_fragment_has_the_headings_above_it() -> None:
    long = "It is so. " * 45
    first = f"# Manual\n\n## Installation\n\n### Debian\n\n{long}\n\n"
    text = f"{first}### Windows\n\n{long}\n\n## Usage\n\n{long}\n"
    assert [each.path for each in packed(text)] == [
        ("Manual", "Installation", "Debian"),
        ("Manual", "Installation", "Windows"),
        ("Manual", "Usage"),
    ]


def test_a_heading_goes_with_what_is_below_it() -> None:
    text = f"# One\n\n{'word ' * 300}\n\n## Two\n\n{'other ' * 250}\n"
    first, second = packed(text)
    assert "## Two" not in first.text
    assert second.text.startswith("## Two\n\nother")


def test_a_long_paragraph_is_cut_at_a_sentence_which_is_said_again() -> None:
    text = " ".join(f"Sentence number {number} stands here." for number in range(100))
    parts = packed(text)
    assert len(parts) > 1
    for before, after in pairwise(parts):
        assert before.text.endswith("here. ") or before.text.endswith("here.")
        assert after.text.startswith("Sentence number")
        assert after.overlap
        assert before.text.rstrip().endswith(after.overlap)
        assert tokens(after.overlap) <= OVERLAP


def test_a_long_table_says_its_header_again() -> None:
    rows = "\n".join(f"| {number} | {'x' * 40} |" for number in range(200))
    parts = packed(f"| No | What |\n|---|---|\n{rows}\n")
    assert len(parts) > 3
    assert all(part.overlap == "| No | What |\n|---|---|" for part in parts[1:])
    assert all(line.endswith("|") for part in parts for line in part.text.splitlines())


def test_code_is_cut_between_lines_only() -> None:
    code = "\n".join(f"line_{number} = {number}" for number in range(400))
    parts = packed(f"```python\n{code}\n```\n")
    assert len(parts) > 1
    assert bare("".join(part.text for part in parts)) == bare(f"```python{code}```")
    assert all(part.overlap == "" for part in parts)


def test_pages_are_named_and_do_not_stand_in_the_text() -> None:
    long = "It is so. " * 50
    parts = list(fragments([place("Page 1"), Block(text=long), place("Page 2"), Block(text=long)]))
    assert [part.path for part in parts] == [("Page 1",), ("Page 2",)]
    assert "Page" not in "".join(part.text for part in parts)


def test_rows_of_a_table_are_escaped_and_empty_ones_left_out() -> None:
    [block] = table([["a", "b|c"], ["", " "], ["1\n2", ""]])
    assert block.text == "| a | b\\|c |\n| 1 2 |  |"
    assert block.header == "| a | b\\|c |"


def test_a_paragraph_without_end_is_never_held_as_a_whole() -> None:
    def endless() -> Iterator[str]:
        while True:
            yield "a line like any other"

    for read in (text_blocks, markdown_blocks):
        first = next(iter(read(endless())))
        assert len(first.text) < 20_000
    made = fragments(text_blocks(endless()))
    assert tokens(next(made).text) <= 400


@pytest.mark.parametrize("text", ["", "\n\n", "# ", "```", "|", "---"])
def test_next_to_nothing_is_no_trouble(text: str) -> None:
    assert bare("".join(part.text for part in packed(text))) == bare(text)


words = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=300
)
made_blocks = st.lists(
    st.one_of(
        st.builds(heading, words.filter(str.strip), st.integers(1, 6)),
        st.builds(Block, text=words.filter(str.strip)),
        st.builds(
            Block, text=words.filter(str.strip), kind=st.sampled_from([BlockKind.CODE, BlockKind.ITEM])
        ),
        st.builds(lambda text: Block(text=text * 20), words.filter(str.strip)),
        st.builds(
            lambda text: Block(text=text, kind=BlockKind.TABLE, header=text.splitlines()[0] if text else ""),
            words.filter(str.strip),
        ),
    ),
    max_size=12,
)


@given(made_blocks, st.integers(40, 400))
def test_nothing_is_lost_and_no_fragment_is_too_long(blocks: list[Block], limit: int) -> None:
    parts = list(fragments(blocks, limit=limit))
    assert bare("".join(part.text for part in parts)) == bare("".join(block.text for block in blocks))
    titles = {block.title[:120] for block in blocks if block.kind is BlockKind.HEADING}
    for part in parts:
        # Blank lines between the blocks of a fragment come on top.
        assert tokens(part.text) <= limit + part.text.count("\n\n")
        assert set(part.path) <= titles
        assert tokens(part.overlap) <= 2 * OVERLAP
        assert part.text.strip()
    small = [tokens(part.text) < min(ENOUGH, limit) // 4 for part in parts]
    assert not small or sum(small) <= len(blocks) + 1


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Cs"])), max_size=40)
)
def test_markdown_loses_no_line(lines: list[str]) -> None:
    blocks = list(markdown_blocks(lines))
    assert bare("".join(block.text for block in blocks)) == bare("".join(lines))
