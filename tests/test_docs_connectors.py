"""Each row of a connector's page that names a test names one that exists."""

import re
from pathlib import Path

import pytest

from bot_host.connector import ActingConfig, ConnectorConfig
from connectors.discord.config import DiscordConfig
from connectors.slack.config import SlackConfig
from connectors.telegram.config import TelegramConfig

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs" / "connectors").glob("*.md"))
_TEST = re.compile(r"(tests/[\w/]+\.py)(?:::(\w+))?")


def rows(page: Path) -> list[str]:
    """The rows of its tables whose last column is a test."""
    found: list[str] = []
    tested = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            tested = False
        elif line.rstrip().endswith("| test |"):
            tested = True
        elif tested and not set(line) <= set("|- "):
            found.append(line)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_row_names_a_test_that_exists(page: Path) -> None:
    for row in rows(page):
        named = _TEST.findall(row.rpartition("|")[0].rpartition("|")[2])
        assert named, f"no test is named: {row}"
        for path, name in named:
            assert (ROOT / path).is_file(), f"{path} is not there: {row}"
            text = (ROOT / path).read_text(encoding="utf-8")
            assert not name or re.search(rf"def {name}\b", text), f"{name} is not there: {row}"


@pytest.mark.parametrize(("page", "most"), [("discord", 70), ("telegram", 120), ("slack", 130)])
def test_each_has_its_tables(page: str, most: int) -> None:
    assert len(rows(ROOT / "docs" / "connectors" / f"{page}.md")) > most


@pytest.mark.parametrize(
    ("name", "config"), [("discord", DiscordConfig), ("telegram", TelegramConfig), ("slack", SlackConfig)]
)
def test_each_key_of_its_own_is_told(name: str, config: type[ActingConfig]) -> None:
    text = (ROOT / "docs" / "connectors" / f"{name}.md").read_text(encoding="utf-8")
    keys = {line.split("|")[1] for line in text.splitlines() if line.startswith("| `")}
    own = set(config.model_fields) - set(ConnectorConfig.model_fields) - {"token"}
    assert own <= set(re.findall(r"`(\w+)`", " ".join(keys)))
    assert all(f"`{action}`" in text for action in config.known_actions)
