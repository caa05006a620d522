"""The benchmark of searches still runs, and what it finds by comparing all is all there is to find."""

from pathlib import Path

from benchmarks import search
from bot_host.store import make_store


async def test_searches_are_measured(tmp_path: Path) -> None:
    async with make_store("sqlite:///search.db", base=tmp_path) as store:
        await search.fill(store, 30, 8)
        figures = await search.measure(store, 30, 8, times=1)
    assert len(figures) == 3 * len(search.NARROWED)
    assert {each.recall for each in figures if each.what.startswith("vector")} <= {0.0, 1.0}
    assert figures[0].recall == 1.0
    assert all(each.what in line for each, line in zip(figures, list(search.lines(figures))[1:], strict=True))
