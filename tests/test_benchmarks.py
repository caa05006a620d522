"""Each benchmark still runs. Its figures are nobody's business here."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from benchmarks import console, end_to_end, growth, memory, messages, model_calls, serverless, soak, start_up
from benchmarks.__main__ import PARTS
from benchmarks.rows import Row

SMALL: dict[str, tuple[Callable[[], Iterator[Row]], int]] = {
    "messages": (partial(messages.rows, 4), 2),
    "growth": (partial(growth.rows, 2, (0, 20)), 2),
    "end_to_end": (partial(end_to_end.rows, 2, (1,)), 3),
    "model_calls": (partial(model_calls.rows, 2), 3),
    "memory": (partial(memory.rows, 4, 2, 1), 3),
    "start_up": (partial(start_up.rows, 1), 2),
    "console": (partial(console.rows, 1000, 1), 4),
    "serverless": (partial(serverless.rows, 2), 2),
}


def test_all_parts_are_in_the_table_and_here() -> None:
    assert {part.__name__.rpartition(".")[2] for part in PARTS} == set(SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_a_part_gives_its_figures(name: str) -> None:
    rows, count = SMALL[name]
    found = list(rows())
    # The console has as many rows as the API has lists.
    assert len(found) == count or (name == "console" and len(found) > count)
    for row in found:
        assert row.what in row.line()
        assert any(character.isdigit() for character in row.figure), row
    if name == "model_calls":
        assert [row.figure for row in found] == ["1.00"] * 3


@pytest.mark.slow
async def test_the_soak_talks_counts_and_finds_the_books_balanced(capsys: pytest.CaptureFixture[str]) -> None:
    assert await soak.soak(0.1, sample_s=6.0) == []
    out = capsys.readouterr().out
    assert " 0 rows pending" in out
    assert "ok  no part twice, none missing" in out
