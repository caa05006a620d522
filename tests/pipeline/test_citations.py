"""Numbers in an answer become a line for each document, and those that stand for nothing go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_host.contracts.plugin import ActionResult, State
from bot_host.pipeline.citations import offered, with_sources

KNOWN = {
    1: ("Handbook > Leave", ""),
    2: ("Hours", "https://a.example/hours.html"),
    3: ("Handbook > Leave", ""),
}
LEAVE = "[1] Handbook > Leave"
HOURS = "[1] [Hours](https://a.example/hours.html)"


@pytest.mark.parametrize(
    ("text", "body", "lines"),
    [
        ("30 days [1].", "30 days [1].", [LEAVE]),
        ("Nine [2]. 30 [1].", "Nine [1]. 30 [2].", [HOURS, "[2] Handbook > Leave"]),
        ("30 days [1, 3][1].", "30 days [1][1].", [LEAVE]),
        ("30 days【1†source】 [^1]", "30 days[1] [1]", [LEAVE]),
        ("30 days [7]. Or [1][9].", "30 days. Or [1].", [LEAVE]),
        ("30 days [7] of it.", "30 days of it.", []),
        ("30 days[1] and line[0].", "30 days[1] and line[0].", [LEAVE]),
        ("30 days [1]: `a[7] [7]`.", "30 days [1]: `a[7] [7]`.", [LEAVE]),
        ("Do [1]:\n```\nx [7]\n```", "Do [1]:\n```\nx [7]\n```", [LEAVE]),
        ("See [7](https://b.example), [1].", "See [7](https://b.example), [1].", [LEAVE]),
        ("30 days [1].\n\nSources:\n[1] Handbook\n- [2]: Hours\n", "30 days [1].", [LEAVE]),
        ("30 days [1].\n\n**References**\n\n[1] Handbook", "30 days [1].", [LEAVE]),
        ("[1] says so.", "[1] says so.", [LEAVE]),
        ("In [2024] nothing.", "In [2024] nothing.", []),
        ("Nothing of it.", "Nothing of it.", []),
        ("", "", []),
    ],
)  # fmt: skip
def test_numbers_become_sources(text: str, body: str, lines: list[str]) -> None:
    assert with_sources(text, KNOWN) == "\n\n".join(filter(None, [body, "\n".join(lines)]))


def test_without_anything_to_cite_an_answer_stays() -> None:
    text = "a [1] b\n\nSources:\n[1] x"
    assert with_sources(text, {}) == text


@given(st.text())
def test_no_text_is_any_trouble(text: str) -> None:
    with_sources(text, KNOWN)


def test_what_may_be_cited_is_told_by_providers_and_actions() -> None:
    state = State(data={"citations": [{"number": 1, "id": "a", "name": "Handbook", "url": ""}]})
    found = {
        "citations": [{"number": 2, "name": "B", "url": "https://b.example/"}, {"number": 1, "name": "no"}]
    }
    results = [
        ("SEARCH_KNOWLEDGE", ActionResult(data=found)),
        ("OTHER", ActionResult(data={"citations": "x"})),
    ]
    assert offered(state, results) == {1: ("Handbook", ""), 2: ("B", "https://b.example/")}
    assert offered(None, []) == {}


def test_a_documents_title_is_nobodys_markup() -> None:
    cited = {"number": 1, "name": "x](javascript:a) **@everyone** <b>\n`c`", "url": "javascript:alert(1)"}
    [(name, url)] = offered(State(data={"citations": [cited]}), []).values()
    assert (name, url) == ("x javascript:a @everyone b> c", "")
    broken = {"number": 1, "name": "", "url": "https://a.example/)(x"}
    assert offered(State(data={"citations": [broken]}), []) == {1: ("untitled", "")}
