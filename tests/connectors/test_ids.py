"""`allow`, `deny` and `owners` take ids; a name in their place is a fault of the configuration."""

from pathlib import Path

import pytest

from bot_host.app.build import load
from bot_host.types.errors import ConfigError


@pytest.mark.parametrize(
    ("platform", "key", "good"),
    [
        ("discord", "allow", "123456789012345678"),
        ("discord", "owners", " 42 "),
        ("telegram", "allow", "-1001234567890"),
        ("telegram", "deny", "-1001234567890-7"),
        ("telegram", "owners", "987"),
        ("slack", "allow", "C0123456789"),
        ("slack", "owners", "W012"),
        ("terminal", "owners", "ada"),
    ],
)
def test_ids_are_taken_without_spaces(tmp_path: Path, platform: str, key: str, good: str) -> None:
    (tmp_path / "config.toml").write_text(f'[connectors.{platform}]\n{key} = ["{good}"]\n', encoding="utf-8")
    entries = load(tmp_path / "config.toml", {}, {}).config.connectors
    [config] = [entry.config for entry in entries if entry.platform == platform]
    assert getattr(config, key) == [good.strip()]


@pytest.mark.parametrize(
    ("platform", "key", "bad", "way"),
    [
        ("discord", "allow", "general", "Copy ID"),
        ("discord", "deny", "<@123>", "Copy ID"),
        ("discord", "owners", "ada#1234", "Developer Mode"),
        ("telegram", "allow", "@ada", "@userinfobot"),
        ("telegram", "owners", "-1001", "@userinfobot"),
        ("slack", "allow", "#general", "About tab"),
        ("slack", "owners", "C0123456789", "Copy member ID"),
        ("slack", "owners", "", "Copy member ID"),
    ],
)
def test_a_name_is_refused_with_the_way_to_the_id(
    tmp_path: Path, platform: str, key: str, bad: str, way: str
) -> None:
    (tmp_path / "config.toml").write_text(f'[connectors.{platform}]\n{key} = ["{bad}"]\n', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "config.toml", {}, {})
    [line] = str(caught.value).splitlines()
    wanted = "user ids" if key == "owners" else "ids"
    assert line.startswith(f'config.toml: connectors.{platform}.{key}: expected {wanted}, found "{bad}"; ')
    assert way in line
