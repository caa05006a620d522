"""Waiting times."""

import random

import pytest

from bot_host.kit.retry import backoff


@pytest.mark.parametrize(
    ("attempt", "full"), [(1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (10_000, 60.0)]
)
def test_doubles_up_to_the_cap_less_at_most_a_quarter(attempt: int, full: float) -> None:
    waits = [backoff(attempt) for _ in range(200)]
    assert all(full * 0.75 <= wait <= full for wait in waits)
    assert len(set(waits)) > 100


def test_base_and_cap() -> None:
    random.seed(1)
    assert 0.075 <= backoff(1, base=0.1) <= 0.1
    assert 3.75 <= backoff(9, base=0.1, cap=5.0) <= 5.0
