"""docs/reliability.md promises nothing without a test, and leaves no invariant out."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_HEADS = ("| promise |", "| attack |", "|---")


def rows(title: str) -> list[str]:
    """The rows of the table under a heading."""
    part = TEXT.partition(f"### {title}\n")[2].partition("\n#")[0]
    return [line for line in part.splitlines() if line.startswith("|") and not line.startswith(_HEADS)]


def test_each_promise_and_each_attack_names_tests_that_exist() -> None:
    promises, attacks = rows("The promises"), rows("How it is attacked")
    assert len(promises) > 30
    assert len(attacks) > 20
    for row in promises + attacks:
        named = NAMED.findall(row)
        assert named, f"no test is named: {row}"
        assert row.count("tests/") == len(named), f"a test is not named as `tests/file.py::name`: {row}"
        for path, name in named:
            assert (ROOT / path).is_file(), f"{path} is named and is not there: {row}"
            text = (ROOT / path).read_text(encoding="utf-8")
            there = rf"^\s*(async def|def|class) {name}\b|^{name} = "
            assert re.search(there, text, re.MULTILINE), f"{name} is not in {path}: {row}"


def test_each_invariant_has_a_row() -> None:
    found = {match for row in rows("The promises") for match in re.findall(r"^\| (I\d)", row)}
    assert found == {f"I{number}" for number in range(1, 8)}
