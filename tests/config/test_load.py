"""Where values come from, and what they become."""

from pathlib import Path

import pytest

from bot_host.config.describe import describe
from bot_host.config.load import load_config
from bot_host.config.schema import Loaded
from bot_host.config.starter import CHARACTER
from bot_host.types.errors import ConfigError
from tests.config.support import Chat, Work, load


def entry(loaded: Loaded, table: str) -> Chat | Work:
    [config] = [entry.config for entry in loaded.config.connectors if entry.table == table]
    assert isinstance(config, (Chat, Work))
    return config


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    config = loaded.config
    assert config.data_dir == tmp_path / "data"
    assert config.database.url == f"sqlite:///{tmp_path}/data/bot_host.db"
    assert config.database.sqlite_path == tmp_path / "data" / "bot_host.db"
    assert (config.web.enabled, config.web.host, config.web.port, config.web.token) == (
        True,
        "127.0.0.1",
        3000,
        "",
    )
    assert config.models.provider == "auto"
    [agent] = config.agents
    assert (agent.character, agent.busy_mode, agent.max_steps, agent.turn_timeout) == (
        str(CHARACTER),
        "queue",
        6,
        300,
    )
    assert [e.table for e in config.connectors] == [
        "connectors.discord",
        "connectors.slack",
        "connectors.terminal",
    ]
    assert config.environment == "development"
    assert set(loaded.sources.values()) == {"default"}
    assert loaded.secrets == loaded.notes == ()


def test_without_a_file_paths_count_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("LOG_LEVEL=debug\n")
    loaded = load_config(None, environ={}, connector_models={}, plugin_models={})
    assert loaded.folder == tmp_path
    assert loaded.config.data_dir == tmp_path / "data"
    assert loaded.config.host.log_level == "debug"
    assert loaded.file is None


def test_precedence(tmp_path: Path) -> None:
    file = '[host]\nlog_level = "error"'
    env, environ, overrides = "LOG_LEVEL=warning", {"LOG_LEVEL": "debug"}, {"host.log_level": "critical"}
    cases = [
        (load(tmp_path, ""), "info", "default"),
        (load(tmp_path, file), "error", "config.toml"),
        (load(tmp_path, file, env=env), "warning", ".env"),
        (load(tmp_path, file, env=env, environ=environ), "debug", "environment LOG_LEVEL"),
        (load(tmp_path, file, env=env, environ=environ, overrides=overrides), "critical", "command line"),
    ]
    for loaded, value, source in cases:
        assert (loaded.config.host.log_level, loaded.sources["host.log_level"]) == (value, source)


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    loaded = load(tmp_path, "[web]\nport = 80", environ={"API_PORT": "", "LOG_LEVEL": "", "NODE_ENV": ""})
    assert loaded.config.web.port == 80
    assert loaded.config.host.log_level == "info"


def test_variables_become_the_type_that_the_key_wants(tmp_path: Path) -> None:
    text = """
[web]
enabled = "${WEB}"
host = "${NOWHERE}localhost"
[models.openai]
retries = "${RETRIES}"
timeout = "${TIMEOUT}"
[agents.limits]
"""
    text = text.replace(
        "[agents.limits]", '[[agents]]\nmax_steps = "${UNSET}"\n[agents.limits]\ntokens_per_day = "${N}"'
    )
    loaded = load(
        tmp_path,
        text,
        environ={"WEB": "false", "RETRIES": "3", "TIMEOUT": "1.5", "API_PORT": "8080", "N": "9"},
    )
    assert loaded.config.web.enabled is False
    assert loaded.config.web.host == "localhost"
    assert loaded.config.web.port == 8080
    assert loaded.config.models.tables["openai"].model_dump() == {
        "api_key": "",
        "base_url": "",
        "large": "",
        "retries": 3,
        "timeout": 1.5,
    }
    assert loaded.config.agents[0].max_steps == 6
    assert loaded.config.agents[0].limits.tokens_per_day == 9
    assert loaded.sources["web.enabled"] == "environment WEB"
    assert loaded.sources["web.host"] == "config.toml"
    assert loaded.sources["agents[1].limits.tokens_per_day"] == "environment N"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("${A}", "one"),
        ("x${A}y${B}", "xoney2"),
        ("${UNSET}", ""),
        ("$${A}", "${A}"),
        ("$A {A} $", "$A {A} $"),
        ("${A}${A}", "oneone"),
        ("${NESTED}", "${A}"),
    ],
)
def test_expansion(tmp_path: Path, value: str, expected: str) -> None:
    loaded = load(
        tmp_path,
        f'[connectors.discord]\nagent = "{value}"\nallow = ["{value}"]',
        environ={"A": "one", "NESTED": "${A}"},
        env="A=other\nB=2",
    )
    assert entry(loaded, "connectors.discord").agent == expected
    assert entry(loaded, "connectors.discord").allow == [expected]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("V=plain", "plain"),
        ("  export V = spaced out  # comment", "spaced out"),
        ("V=a#b", "a#b"),
        ("V=# nothing", None),
        ("V=", None),
        ("V='single # ${A} \\n'  # comment", "single # ${A} \\n"),
        ('V="double # \\"q\\" \\n\\t\\\\"', 'double # "q" \n\t\\'),
        ("\ufeffV=mark", "mark"),
        ("V=first\nV=second\r", "second"),
        ("# V=out\n\n", None),
        ("V=héllo", "héllo"),
    ],
)
def test_env_file(tmp_path: Path, line: str, value: str | None) -> None:
    loaded = load(tmp_path, '[connectors.discord]\nagent = "${V}"', env=line)
    assert entry(loaded, "connectors.discord").agent == (value or "")
    assert loaded.sources["connectors.discord.agent"] == (".env" if value else "config.toml")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[connectors.discord]",
        '[connectors.discord]\ntoken = "${DISCORD_BOT_TOKEN}"',
        "[[connectors.discord]]",
    ],
)
def test_a_platform_s_token_variable_is_the_default(tmp_path: Path, text: str) -> None:
    loaded = load(tmp_path, text, environ={"DISCORD_BOT_TOKEN": "abcdefgh"}, env="SLACK_APP_TOKEN=xapp-123")
    assert entry(loaded, "connectors.discord").model_dump()["token"] == "abcdefgh"
    assert entry(loaded, "connectors.slack").model_dump()["app_token"] == "xapp-123"
    assert loaded.sources["connectors.discord.token"] == "environment DISCORD_BOT_TOKEN"
    assert loaded.sources["connectors.slack.app_token"] == ".env"
    assert loaded.secrets == ("abcdefgh", "xapp-123")


def test_a_token_in_the_file_is_not_replaced(tmp_path: Path) -> None:
    loaded = load(tmp_path, '[connectors.discord]\ntoken = "mine"', environ={"DISCORD_BOT_TOKEN": "other"})
    assert entry(loaded, "connectors.discord").model_dump()["token"] == "mine"


def test_several_accounts(tmp_path: Path) -> None:
    text = """
[[connectors.discord]]
token = "${FIRST}"
[[connectors.discord]]
token = "second-token"
agent = "Sage"
"""
    loaded = load(tmp_path, text, environ={"FIRST": "first-token", "DISCORD_BOT_TOKEN": "unused"})
    assert [(e.table, e.platform) for e in loaded.config.connectors[:3]] == [
        ("connectors.discord[1]", "discord"),
        ("connectors.discord[2]", "discord"),
        ("connectors.slack", "slack"),
    ]
    assert entry(loaded, "connectors.discord[2]").agent == "Sage"
    assert loaded.sources["connectors.discord[1].token"] == "environment FIRST"
    assert loaded.sources["connectors.discord[2].token"] == "config.toml"
    assert loaded.secrets == ("first-token", "second-token")


def test_one_table_of_an_array_is_called_like_a_plain_one(tmp_path: Path) -> None:
    loaded = load(
        tmp_path, '[[connectors.discord]]\nagent = "${A}"\nmention_only = false', environ={"A": "x"}
    )
    assert entry(loaded, "connectors.discord").mention_only is False
    assert loaded.sources["connectors.discord.mention_only"] == "config.toml"
    assert loaded.sources["connectors.discord.agent"] == "environment A"


def test_paths_count_from_the_file_s_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    text = """
[host]
data_dir = "../elsewhere"
[[agents]]
character = "characters/a.toml"
[[agents]]
character = "/abs/b.json"
"""
    folder = tmp_path / "conf"
    folder.mkdir()
    loaded = load(folder, text)
    assert loaded.config.host.data_dir == str(tmp_path / "elsewhere")
    assert loaded.config.database.url == f"sqlite:///{tmp_path}/elsewhere/bot_host.db"
    assert [a.character for a in loaded.config.agents] == [
        str(folder / "characters" / "a.toml"),
        "/abs/b.json",
    ]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///here.db", "sqlite:///{folder}/here.db"),
        ("sqlite:////var/there.db", "sqlite:////var/there.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql://u:p4ssw0rd@h/n", "postgresql://u:p4ssw0rd@h/n"),
        ("postgresql+asyncpg://h/n", "postgresql+asyncpg://h/n"),
    ],
)
def test_database_urls(tmp_path: Path, url: str, expected: str) -> None:
    loaded = load(tmp_path, environ={"DATABASE_URL": url})
    assert loaded.config.database.url == expected.format(folder=tmp_path)
    assert not any("p4ssw0rd" in line for line in describe(loaded))
    assert ("p4ssw0rd" in loaded.secrets) == ("p4ssw0rd" in url)


def test_agent_id_is_for_a_single_agent(tmp_path: Path) -> None:
    agent_id = "b850bc30-45f8-0041-a00a-83df46d8555d"
    loaded = load(tmp_path, environ={"AGENT_ID": agent_id})
    assert loaded.config.agents[0].id == agent_id
    assert loaded.sources["agents[1].id"] == "environment AGENT_ID"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "development"),
        ({"BOT_HOST_ENV": "production"}, "production"),
        ({"NODE_ENV": "Production"}, "production"),
        ({"NODE_ENV": "production", "BOT_HOST_ENV": "development"}, "development"),
        ({"NODE_ENV": "test"}, "development"),
    ],
)
def test_environment(tmp_path: Path, environ: dict[str, str], expected: str) -> None:
    assert load(tmp_path, environ=environ).config.environment == expected


def test_openai_s_variables(tmp_path: Path) -> None:
    text = '[models.openai]\napi_key = "in-the-file"'
    environ = {"OPENAI_API_KEY": "sk-outside", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}
    loaded = load(tmp_path, text, environ=environ)
    assert loaded.config.models.tables["openai"].model_dump()["api_key"] == "sk-outside"
    assert loaded.config.models.tables["openai"].model_dump()["base_url"] == "http://127.0.0.1:1/v1"
    assert loaded.sources["models.openai.api_key"] == "environment OPENAI_API_KEY"
    assert loaded.secrets == ("sk-outside",)


def test_describe_shows_every_value_with_its_source_and_no_secret(tmp_path: Path) -> None:
    text = '[connectors.discord]\ntoken = "s3cr3t-token"\napi_base = "http://u:s3cr3t-pw@h/"\n'
    text += '[host]\nlog_level = "debug"'
    loaded = load(tmp_path, text)
    lines = describe(loaded)
    assert 'host.log_level = "debug" (config.toml)' in lines
    assert "web.port = 3000 (default)" in lines
    assert "connectors.discord.token = *** (config.toml)" in lines
    assert "connectors.slack.bot_token = not set (default)" in lines
    assert not any("s3cr3t" in line for line in lines)
    assert "s3cr3t-pw" in loaded.secrets


def test_an_env_file_that_others_can_read_is_noted(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1")
    (tmp_path / ".env").chmod(0o644)
    [note] = load(tmp_path).notes
    assert "chmod 600" in note
    (tmp_path / ".env").chmod(0o600)
    assert load(tmp_path).notes == ()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[connectors.discord]\nmode = "http"', "connectors.discord.mode"),
        ('[[connectors.discord]]\nmode = "http"', "connectors.discord.mode"),
    ],
)
def test_keys_of_later_features_are_noted(tmp_path: Path, text: str, key: str) -> None:
    [note] = load(tmp_path, text).notes
    assert note.startswith(f"{key} = ")


def test_a_table_that_is_one_value_has_the_source_of_what_stands_in_it(tmp_path: Path) -> None:
    sources = load(tmp_path, '[[agents]]\npermissions.actions = { REPLY = "owner" }').sources
    assert sources["agents[1].permissions.actions"] == "config.toml"
    assert sources["agents[1].permissions.commands"] == "default"


def test_overrides_of_unknown_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"command line: agents\.x"):
        load(tmp_path, overrides={"agents.x": 1})
