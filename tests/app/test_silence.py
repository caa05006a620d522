"""Settings that make a bot silent by themselves."""

from pathlib import Path

import pytest

from bot_host.app.build import load
from bot_host.app.silence import config_silences

CASES: dict[str, tuple[str, list[str]]] = {
    "all defaults": ("", []),
    "a list of places": ('allow = ["1"]', []),
    "allowed and denied": (
        'allow = ["1", "2"]\ndeny = ["2", "3"]',
        ["in allow and in deny, and therefore denied: 2"],
    ),
    "off, but allowed": (
        'dm_policy = "off"\nallow = ["1"]',
        [
            'nobody may write directly, those in allow neither: dm_policy = "off" in [connectors.discord] '
            "(config.toml line 2)"
        ],
    ),
    "off": ('dm_policy = "off"', []),
    "a list with nobody on it": (
        'dm_policy = "allowlist"',
        ['nobody may write directly: dm_policy = "allowlist"'],
    ),
    "a list with an owner": ('dm_policy = "allowlist"\nowners = ["1"]', []),
    "a list of places and roles": (
        'dm_policy = "allowlist"\nallow = ["server:1", "role:2"]',
        ['nobody may write directly: dm_policy = "allowlist"'],
    ),
    "a list with a user among places": ('dm_policy = "allowlist"\nallow = ["server:1", "user:2"]', []),
    "allowed and denied as the same kind": (
        'allow = ["user:1", "2"]\ndeny = ["1"]',
        ["in allow and in deny, and therefore denied: user:1"],
    ),
    "the same number, of another kind": ('allow = ["user:1"]\ndeny = ["role:1"]', []),
    "all that is allowed is denied": (
        'allow = ["1"]\ndeny = ["1"]',
        ["in allow and in deny, and therefore denied: 1", "nobody is let in at all"],
    ),
    "all that is allowed is denied, but there is an owner": (
        'allow = ["1"]\ndeny = ["1"]\nowners = ["3"]',
        ["in allow and in deny, and therefore denied: 1"],
    ),
    "pairing without an owner": (
        'dm_policy = "pairing"',
        ['strangers are let in from the command line alone: dm_policy = "pairing"'],
    ),
    "pairing with an owner": ('dm_policy = "pairing"\nowners = ["1"]', []),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_told(name: str, tmp_path: Path) -> None:
    text, told = CASES[name]
    path = tmp_path / "config.toml"
    path.write_text(f"[connectors.discord]\n{text}\n", encoding="utf-8")
    loaded = load(path, {}, {})
    [entry] = [entry for entry in loaded.config.connectors if entry.platform == "discord"]
    lines = list(config_silences(loaded, entry))
    assert len(lines) == len(told)
    for line, words in zip(lines, told, strict=True):
        assert line.detail.startswith(words)
        assert (line.ok, bool(line.advice)) == (True, True)
