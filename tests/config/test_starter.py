"""The files that `init` writes: true to the schema, and to the repository's own."""

import re
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from bot_host.config.characters import load_character
from bot_host.config.later import LATER
from bot_host.config.load import load_config, variable_name
from bot_host.config.schema import (
    AgentConfig,
    DatabaseConfig,
    HostConfig,
    LimitsConfig,
    ModelsConfig,
    RateConfig,
    ScheduleConfig,
    WebConfig,
)
from bot_host.config.starter import CHARACTER, FILES, write_starter
from bot_host.connector import ConnectorConfig
from bot_host.plugins.local_embeddings.config import LocalEmbeddingsConfig
from bot_host.plugins.openai.config import (
    DEFAULT_EMBEDDING,
    DEFAULT_IMAGE,
    DEFAULT_LARGE,
    DEFAULT_SMALL,
    DEFAULT_TRANSCRIPTION,
    OpenAIConfig,
)
from bot_host.types.errors import ConfigError
from connectors.discord.config import DiscordConfig
from connectors.slack.config import SlackConfig
from connectors.telegram.config import TelegramConfig
from connectors.terminal.config import TerminalConfig

ROOT = Path(__file__).resolve().parents[2]
CONNECTORS: dict[str, type[ConnectorConfig]] = {
    "discord": DiscordConfig,
    "telegram": TelegramConfig,
    "slack": SlackConfig,
    "terminal": TerminalConfig,
}


def documented() -> dict[str, Any]:
    """The starter's tables with each commented key switched on."""
    text = FILES["config.toml"].read_text("utf-8")
    return tomllib.loads(re.sub(r"(?m)^# (?=\w+ = |\[)", "", text))


def check_documented(model: type[BaseModel], table: dict[str, Any], *, skip: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    wanted = set(model.model_fields) - skip
    assert set(table) == wanted, model.__name__
    for name in wanted:
        default = model.model_fields[name].get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            default = default.model_dump()
        assert table[name] == default or re.fullmatch(r"\$\{\w+\}", str(table[name])), name


def test_the_repository_s_config_is_the_starter_s() -> None:
    assert (ROOT / "config.toml").read_bytes() == FILES["config.toml"].read_bytes()


def test_the_repository_s_first_character_is_the_starter_s() -> None:
    assert (ROOT / "characters" / "eliza.toml").read_bytes() == CHARACTER.read_bytes()
    assert load_character(CHARACTER).name == "Eliza"


def test_every_key_is_documented_with_its_default() -> None:
    tables = documented()
    check_documented(HostConfig, tables["host"])
    check_documented(DatabaseConfig, tables["database"])
    check_documented(WebConfig, tables["web"])
    check_documented(OpenAIConfig, tables["models"].pop("openai"))
    check_documented(LocalEmbeddingsConfig, tables["models"].pop("local_embeddings"))
    check_documented(ModelsConfig, tables["models"])
    [agent] = tables["agents"]
    [schedule] = agent.pop("schedules")
    assert set(schedule) == set(ScheduleConfig.model_fields)
    limits = agent.pop("limits")
    check_documented(RateConfig, limits["messages_per_minute"])
    check_documented(LimitsConfig, limits)
    assert agent.pop("character") == "characters/eliza.toml"
    check_documented(AgentConfig, agent, skip={"limits", "schedules", "character"})


def test_every_connector_key_is_documented_with_its_default() -> None:
    tables = documented()["connectors"]
    assert set(tables) == set(CONNECTORS)
    common = set(ConnectorConfig.model_fields)
    check_documented(DiscordConfig, tables["discord"])
    check_documented(TelegramConfig, tables["telegram"], skip=common)
    check_documented(SlackConfig, tables["slack"], skip=common)
    check_documented(TerminalConfig, tables["terminal"], skip=common - {"enabled"})


def test_secrets_read_the_variables_that_are_their_defaults() -> None:
    tables = documented()["connectors"]
    for platform, table in tables.items():
        for key, value in table.items():
            if isinstance(value, str) and value.startswith("${"):
                assert value == "${" + variable_name(platform, key) + "}"


def test_the_model_names_that_are_told_are_the_defaults() -> None:
    text = FILES["config.toml"].read_text("utf-8")
    for name in (DEFAULT_SMALL, DEFAULT_LARGE, DEFAULT_EMBEDDING, DEFAULT_IMAGE, DEFAULT_TRANSCRIPTION):
        assert f"empty: {name}\n" in text


def test_each_key_of_a_later_feature_says_so() -> None:
    table, keys = "", {}
    for text in FILES["config.toml"].read_text("utf-8").splitlines():
        found = re.match(r"(?:# )?(?:\[+([\w.]+)\]+|(\w+) = )", text)
        if found and found[1]:
            table = re.sub(r"^agents", "agents[1]", found[1]).replace("schedules", "schedules[1]")
        elif found:
            keys[f"{table}.{found[2]}"] = text
    marked = {key for key, text in keys.items() if "(comes later)" in text}
    later = {key for key in keys if any(re.fullmatch(pattern, key) for pattern, _, _ in LATER)}
    assert marked == later
    assert marked


def test_lines_are_short() -> None:
    for name in ("config.toml", ".env"):
        assert max(map(len, FILES[name].read_text("utf-8").splitlines())) <= 110


def test_env_template_has_every_variable_and_sets_none() -> None:
    text = FILES[".env"].read_text("utf-8")
    named = set(re.findall(r"(?m)^# ([A-Z_]+)=", text))
    config = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", FILES["config.toml"].read_text("utf-8")))
    assert named == config | {"BOT_HOST_ENV", "BOT_HOST_SECRET_KEY"}
    assert not re.search(r"(?m)^[^#\n]", text)


def test_what_is_written_loads_without_a_token(tmp_path: Path) -> None:
    written, kept = write_starter(tmp_path / "new")
    assert kept == []
    assert [str(path.relative_to(tmp_path / "new")) for path in written] == list(FILES)
    assert stat.S_IMODE((tmp_path / "new" / ".env").stat().st_mode) == 0o600
    loaded = load_config(
        tmp_path / "new" / "config.toml",
        environ={},
        connector_models=CONNECTORS,
        plugin_models={"openai": OpenAIConfig, "local_embeddings": LocalEmbeddingsConfig},
    )
    assert loaded.notes == loaded.secrets == ()
    [agent] = loaded.config.agents
    assert load_character(Path(agent.character)).name == "Eliza"


@pytest.mark.parametrize("name", ["config.toml", "characters/eliza.toml"])
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    there = tmp_path / name
    there.parent.mkdir(exist_ok=True)
    there.write_text("mine")
    with pytest.raises(ConfigError, match=re.escape(name)) as caught:
        write_starter(tmp_path)
    assert "nothing was written; move" in str(caught.value)
    assert "name another folder" in str(caught.value)
    assert there.read_text() == "mine"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [there]


def test_env_and_gitignore_of_ones_own_are_kept(tmp_path: Path) -> None:
    for name in (".env", ".gitignore"):
        (tmp_path / name).write_text("mine")
    written, kept = write_starter(tmp_path)
    assert [path.name for path in written] == ["config.toml", "eliza.toml"]
    assert [path.name for path in kept] == [".env", ".gitignore"]
    assert all(path.read_text() == "mine" for path in kept)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_starter(tmp_path / "file" / "inside")
