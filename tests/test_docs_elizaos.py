"""docs/elizaos.md has no row without a test."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
_TEST = re.compile(r"(tests/[\w/]+\.py)((?:::\w+)*)")
_ALSO = re.compile(r"`?::(\w+)")


def test_each_row_names_tests_that_exist() -> None:
    rows = [
        line
        for line in (ROOT / "docs" / "elizaos.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| elizaOS |")
    ]
    assert len(rows) > 150
    for row in rows:
        files = {path for path, _ in _TEST.findall(row)}
        assert files, f"no test is named: {row}"
        texts = []
        for path in files:
            assert (ROOT / path).is_file(), f"{path} is named and is not there: {row}"
            texts.append((ROOT / path).read_text(encoding="utf-8"))
        for name in _ALSO.findall(row):
            assert any(re.search(rf"(?:def|class) {name}\b", text) for text in texts), f"{name}: {row}"
