"""Plain values as YAML: what has to stand in quotation marks does."""

import pytest

from bot_host.kit.yaml import to_yaml


def test_mappings_and_lists() -> None:
    values = {
        "a": {"b": True, "c": [], "d": {}},
        "list": ["one", 2, None, {"x": 1, "w": ["deep", {"z": "er"}]}, ["in", "side"]],
    }
    assert to_yaml(values).splitlines() == [
        "a:", "  b: true", "  c: []", "  d: {}", "list:", "  - one", "  - 2", "  - null", "  - x: 1",
        "    w:", "      - deep", "      - z: er", "  -", "    - in", "    - side",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("app_mentions:read", "app_mentions:read"),
        ("/ask", "/ask"),
        ("Delete all that I have of you.", "Delete all that I have of you."),
        ("yes", '"yes"'),
        ("Off", '"Off"'),
        ("null", '"null"'),
        ("", '""'),
        ("12", '"12"'),
        ("a: b", '"a: b"'),
        ("a:", '"a:"'),
        ("a #b", '"a #b"'),
        ("[off:yes]", '"[off:yes]"'),
        ("- a", '"- a"'),
        ('say "hi"', '"say \\"hi\\""'),
        ("Zoë 🦊", '"Zoë 🦊"'),
        ("a\nb", '"a\\nb"'),
        ("a\x85b\u2028", '"a\\u0085b\\u2028"'),
        (" a", '" a"'),
        ("a ", '"a "'),
    ],
)
def test_text(text: str, written: str) -> None:
    assert to_yaml({"k": text}) == f"k: {written}\n"
