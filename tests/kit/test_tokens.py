"""The estimate of tokens, held against what true vocabularies made of the same texts."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_host.kit.tokens import MARGIN, RANDOM_MARGIN, estimate, surely_within

MEASURED: Final[dict[str, dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "token_counts.json").read_text(encoding="utf-8")
)
"""Measured on 2026-11-24 with tiktoken 0.14 (cl100k_base, o200k_base) and tokenizers (DeepSeek's)."""
RANDOM: Final = ("base64", "keysmash", "slang")


def dearest(kind: str) -> int:
    return max(count for name, count in MEASURED[kind].items() if name != "text")


@pytest.mark.parametrize("kind", MEASURED)
def test_the_estimate_is_not_under_the_dearest_vocabulary_by_more_than_the_margin(kind: str) -> None:
    margin = RANDOM_MARGIN if kind in RANDOM else MARGIN
    assert estimate(MEASURED[kind]["text"]) >= dearest(kind) * (1 - margin)


@pytest.mark.parametrize("kind", ["english", "german", "code", "json", "chinese_trad", "emoji"])
def test_what_is_written_most_is_not_twice_too_high(kind: str) -> None:
    assert estimate(MEASURED[kind]["text"]) < dearest(kind) * 2


@given(st.text(max_size=600), st.text(max_size=600))
def test_more_text_is_not_fewer_tokens(one: str, other: str) -> None:
    assert estimate(f"{one}\n{other}") >= max(estimate(one), estimate(other))


@given(st.lists(st.text(max_size=50), max_size=5), st.integers(0, 200))
def test_no_text_has_more_tokens_than_bytes(texts: list[str], limit: int) -> None:
    size = sum(len(text.encode("utf-8", "replace")) for text in texts)
    assert surely_within(texts, limit) == (size <= limit)
