"""Text from outside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_host.kit.clean import clean_text, one_line


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a\x00b\x00", "ab"),
        ("a\ud800", "a\ufffd"),
        ("\udc00a", "\ufffda"),
        ("\udc00\ud800", "\ufffd\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("x\ud83d\ude00\ud83dy", "x😀\ufffdy"),
        ("\ud83d\x00\ude00", "😀"),
        ("\u202eright to left\u202c", "\u202eright to left\u202c"),
        ("z\u0351\u0343\u0357algo", "z\u0351\u0343\u0357algo"),
        ("line\r\n\ttab", "line\r\n\ttab"),
        ("\ufeffbom \ufffe \uffff", "\ufeffbom \ufffe \uffff"),
    ],
)
def test_clean_text(given_text: str, expected: str) -> None:
    assert clean_text(given_text) == expected


@given(st.text(st.characters(), max_size=50))
def test_any_text_can_be_encoded_afterwards_and_cleaning_twice_changes_nothing(text: str) -> None:
    cleaned = clean_text(text)
    assert "\x00" not in cleaned
    assert cleaned.encode("utf-8").decode() == cleaned
    assert clean_text(cleaned) == cleaned


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=50))
def test_good_text_stays(text: str) -> None:
    assert clean_text(text) == text


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("  two\n lines\t", 80, "two lines"),
        ("\x1b[31mred\x07", 80, "[31mred"),
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("a\ud800\x00", 80, "a\ufffd"),
        ("\u202eabc", 80, "abc"),
        ("", 80, ""),
    ],
)
def test_one_line(text: str, limit: int, expected: str) -> None:
    assert one_line(text, limit) == expected


@given(st.text(st.characters(), max_size=200), st.integers(1, 100))
def test_one_line_is_one_printable_line_within_the_limit(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert line.isprintable()
