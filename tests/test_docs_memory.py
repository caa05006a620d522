"""docs/memory.md promises nothing without a test."""

import re
from pathlib import Path

from tests.test_docs_reliability import NAMED

ROOT = Path(__file__).parent.parent


def test_each_promise_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "memory.md").read_text(encoding="utf-8")
    table = text.partition("## What it promises\n")[2]
    rows = [line for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 30
    for row in rows:
        named = NAMED.findall(row)
        assert named, f"no test is named: {row}"
        assert row.count("tests/") == len(named), f"a test is not named as `tests/file.py::name`: {row}"
        for path, name in named:
            there = rf"^\s*(async def|def|class) {name}\b"
            found = re.search(there, (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
            assert found, f"{name} is not in {path}: {row}"
