"""What is said about a configuration that is wrong."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot_host.types.errors import ConfigError
from tests.config.support import load

UUID_WANTED = "expected a UUID such as b850bc30-45f8-0041-a00a-83df46d8555d"


def refused(
    folder: Path, text: str | None, *, env: str | None = None, environ: Mapping[str, str] | None = None
) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, env=env, environ=environ)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[host]\nlog_levl = "x"', 'config.toml: unknown key host.log_levl (did you mean "log_level"?)'),
        ("[hots]", 'config.toml: unknown table hots (did you mean "host"?)'),
        (
            "port = 1",
            "config.toml: unknown key port; "
            "known are host, database, web, retention, models, plugins, agents, connectors",
        ),
        ("[connectors.discrd]", 'config.toml: unknown table connectors.discrd (did you mean "discord"?)'),
        ("[[connectors.slak]]", 'config.toml: unknown table connectors.slak (did you mean "slack"?)'),
        (
            "[connectors.discord]\ntokn = 1",
            'config.toml: unknown key connectors.discord.tokn (did you mean "token"?)',
        ),
        ("[models.opnai]", 'config.toml: unknown table models.opnai (did you mean "openai"?)'),
        ('[models]\nprovder = "x"', 'config.toml: unknown key models.provder (did you mean "provider"?)'),
        (
            '[models.openai]\nlarg = "x"',
            'config.toml: unknown key models.openai.larg (did you mean "large"?)',
        ),
        (
            "[[agents]]\nmax_step = 1",
            'config.toml: unknown key agents[1].max_step (did you mean "max_steps"?)',
        ),
        (
            "[[agents]]\n[agents.limits]\ntokens_a_day = 1",
            'config.toml: unknown key agents[1].limits.tokens_a_day (did you mean "tokens_per_day"?)',
        ),
        ('[web]\nport = "80"', 'config.toml: web.port: expected a whole number, found "80"'),
        ("[web]\nport = 65536", "config.toml: web.port: expected at most 65535, found 65536"),
        ("[web]\nport = -1", "config.toml: web.port: expected at least 0, found -1"),
        (
            '[web]\npublic_url = "bots.example.org"',
            "config.toml: web.public_url: expected an address like https://bots.example.org, found "
            '"bots.example.org"',
        ),
        (
            '[web]\npublic_url = "https://me:secret@bots.example.org"',
            "config.toml: web.public_url: expected an address like https://bots.example.org, found "
            '"https://me:***@bots.example.org"',
        ),
        ("[web]\nport = true", "config.toml: web.port: expected a whole number, found true"),
        ("[web]\nenabled = 1", "config.toml: web.enabled: expected true or false, found 1"),
        ('web = "on"', 'config.toml: web: expected a table, found "on"'),
        ("[[web]]\nport = 1", 'config.toml: web: expected a table, found [{"port": 1}]'),
        (
            '[web]\nhost = "0.0.0.0"',
            "config.toml: web.token: expected a token, because web.host is not a loopback address",
        ),
        (
            '[host]\nlog_level = "loud"',
            'config.toml: host.log_level: expected one of "debug", "info", "warning", "error", "critical",'
            ' found "loud"',
        ),
        ('[host]\ndata_dir = " "', 'config.toml: host.data_dir: expected a folder, found " "'),
        (
            '[database]\nurl = "mysql://u:pass@h/n"',
            "config.toml: database.url: expected sqlite:///path/to/file.db or"
            ' postgresql://user:password@host/name, found "mysql://u:***@h/n"',
        ),
        (
            '[models]\nprovider = "gpt"',
            'config.toml: models.provider: expected one of "auto", "openai", "offline", found "gpt"',
        ),
        (
            "[models.openai]\nretries = 11",
            "config.toml: models.openai.retries: expected at most 10, found 11",
        ),
        ("models = 1", "config.toml: models: expected a table, found 1"),
        (
            '[[agents]]\nbusy_mode = "drop"',
            'config.toml: agents[1].busy_mode: expected one of "queue", "latest", "each", found "drop"',
        ),
        ("[[agents]]\ndebounce_ms = -1", "config.toml: agents[1].debounce_ms: expected at least 0, found -1"),
        (
            "[[agents]]\nturn_timeout = 0",
            "config.toml: agents[1].turn_timeout: expected more than 0, found 0",
        ),
        ("[[agents]]\nplugins = [1]", "config.toml: agents[1].plugins[1]: expected text in quotes, found 1"),
        ('[agents]\ncharacter = "x"', "config.toml: agents: expected tables that begin with [[agents]]"),
        (
            '[[agents]]\nid = "7"',
            f'config.toml: agents[1].id: {UUID_WANTED}, found "7"',
        ),
        (
            '[[agents]]\ncharacter = "a.toml"\n[[agents]]\ncharacter = "./a.toml"',
            "config.toml: agents[2].character: expected another character,"
            " found the same file as agents[1].character",
        ),
        (
            '[[agents]]\ncharacter = "a"\nid = "b850bc30-45f8-0041-a00a-83df46d8555d"\n'
            '[[agents]]\ncharacter = "b"\nid = "B850BC30-45F8-0041-A00A-83DF46D8555D"',
            "config.toml: agents[2].id: expected another id, found the same as agents[1].id",
        ),
        (
            '[[agents]]\n[[agents.schedules]]\nevery = 5\ncron = "* * * * *"\nroom = "r"\ntext = "t"',
            "config.toml: agents[1].schedules[1]: expected either cron or every",
        ),
        (
            '[[agents]]\n[[agents.schedules]]\ncron = "0 25 * * *"\nroom = "r"\ntext = "t"',
            'config.toml: agents[1].schedules[1]: cron "0 25 * * *": Bad hour',
        ),
        (
            '[[agents]]\n[[agents.schedules]]\nevery = 5\ntime_zone = "Berlin"\nroom = "r"\ntext = "t"',
            'config.toml: agents[1].schedules[1]: there is no time zone "Berlin": '
            "expected one such as Europe/Berlin",
        ),
        (
            '[connectors.discord]\nenabled = "yes"',
            'config.toml: connectors.discord.enabled: expected true or false or "auto", found "yes"',
        ),
        (
            "[connectors.discord]\ntoken = 5",
            "config.toml: connectors.discord.token: expected text in quotes, found a number",
        ),
        (
            "[connectors.discord]\nwholly_other = 1",
            "config.toml: unknown key connectors.discord.wholly_other; known are enabled, agent, mode,"
            " dm_policy, mention_only, allow, deny, owners, roles, bots, bots_limit, catch_up,"
            " catch_up_max_age, edited_answer, deleted_answer, failed_reaction, streaming, token, api_base",
        ),
        (
            '[connectors]\ndiscord = "s3cr3t"',
            'config.toml: connectors.discord: expected a table, found text "***"',
        ),
        (
            '[models]\nopenai = "s3cr3t"',
            'config.toml: models.openai: expected a table, found text "***"',
        ),
        ("[connectors]\ndiscord = 5", "config.toml: connectors.discord: expected a table, found 5"),
        ("connectors = 5", "config.toml: connectors: expected tables such as [connectors.terminal]"),
        (
            '[connectors.discord]\napi_base = "ftp"',
            "config.toml: connectors.discord.api_base: must begin with http; found 'ftp'",
        ),
        (
            '[[connectors.discord]]\ntoken = "one"\n[[connectors.discord]]',
            "config.toml: connectors.discord[2].token: is missing;"
            " of several [[connectors.discord]] tables each needs its own",
        ),
        (
            '[host]\ndata_dir = "${bad name}"',
            'config.toml: host.data_dir: expected ${NAME}; write $${ for a plain ${, found "${bad name}"',
        ),
    ],
)
def test_one_fault(tmp_path: Path, text: str, line: str) -> None:
    assert line in refused(tmp_path, text)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = '[hots]\n[host]\nlog_level = 5\n[web]\nport = "x"\n[[agents]]\nmax_steps = 0\n'
    text += "[connectors.slack]\nx = 1"
    assert len(refused(tmp_path, text, environ={"BOT_HOST_ENV": "staging"})) == 6


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"API_PORT": "high"}, 'environment API_PORT: web.port: expected a whole number, found "high"'),
        (
            {"BOT_HOST_ENV": "prod"},
            'environment BOT_HOST_ENV: BOT_HOST_ENV: expected "development" or "production", found "prod"',
        ),
        (
            {"AGENT_ID": "me"},
            f'environment AGENT_ID: agents[1].id: {UUID_WANTED}, found "me"',
        ),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, environ: dict[str, str], line: str) -> None:
    assert refused(tmp_path, "", environ=environ) == [line]


def test_agent_id_with_several_agents(tmp_path: Path) -> None:
    text = '[[agents]]\ncharacter = "a"\n[[agents]]\ncharacter = "b"'
    agent_id = "b850bc30-45f8-0041-a00a-83df46d8555d"
    [line] = refused(tmp_path, text, environ={"AGENT_ID": agent_id})
    assert line.startswith(
        "environment AGENT_ID: AGENT_ID is the id of a single agent, and config.toml has 2;"
    )


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("[host\n", "config.toml:1:6: not TOML: "),
        ("[host]\n\nlog_level = \n", "config.toml:3:13: not TOML: "),
        ('[host]\ndata_dir = "x', "config.toml:2:14: not TOML: "),
        ("[host]\n[host]", "config.toml:2:6: not TOML: "),
        ("[host]\nlog_level = 'a'\nlog_level = 'b'", "config.toml:3:16: not TOML: "),
    ],
)
def test_broken_toml_has_its_place(tmp_path: Path, text: str, start: str) -> None:
    [line] = refused(tmp_path, text)
    assert line.startswith(f"{tmp_path}/{start}")


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"[host]\n# caf\xe9\n")
    assert refused(tmp_path, None) == [f"{tmp_path}/config.toml:2: not UTF-8 text (byte 0xe9)"]


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xef\xbb\xbf[web]\nport = 1\n")
    assert load(tmp_path, None).config.web.port == 1


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    [line] = refused(tmp_path, None)
    assert "there is no such file" in line
    assert "python -m bot_host init" in line


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    [line] = refused(tmp_path, None)
    assert "cannot be read: Is a directory" in line


@pytest.mark.parametrize(
    ("env", "line"),
    [
        ("A=1\njust words", "2: expected KEY=value"),
        ("1A=b", "1: expected KEY=value"),
        ("\n\nKEY='s3cr3t", "3: the quotes of KEY do not match"),
        ('KEY="s3cr3t" more', "1: the quotes of KEY do not match"),
    ],
)
def test_a_broken_env_file_has_its_line_and_not_its_text(tmp_path: Path, env: str, line: str) -> None:
    assert refused(tmp_path, "", env=env) == [f"{tmp_path}/.env:{line}"]


def test_no_secret_in_an_error(tmp_path: Path) -> None:
    text = """
[connectors.discord]
token = "s3cr3t-one"
api_base = "s3cr3t-one"
[models]
openai = { api_key = "s3cr3t-two", wrong = "x" }
[web]
token = ["s3cr3t-three"]
[[connectors.slack]]
bot_token = { x = "s3cr3t-four" }
"""
    lines = refused(tmp_path, text)
    assert len(lines) == 4
    assert not any("s3cr3t" in line for line in lines)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_loopback_needs_no_token(tmp_path: Path, host: str) -> None:
    assert load(tmp_path, f'[web]\nhost = "{host}"').config.web.host == host


@pytest.mark.parametrize(
    "text", ['host = "0.0.0.0"\ntoken = "t"', 'host = "bot.example.org"\nenabled = false']
)
def test_other_addresses_with_a_token_or_switched_off(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, f"[web]\n{text}").config.web.port == 3000
