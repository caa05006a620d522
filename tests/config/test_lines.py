"""Where each key stands, and how an admin is told."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot_host.config.lines import key_lines, where_set
from bot_host.config.load import all_values
from bot_host.config.starter import FILES
from tests.config.support import load

FILE = '''\
a = 1
"b c".d = """x
y = 2
[not a table]
"""
[host]   # a comment
data_dir = "x = [1]"
[ "connectors" . discord ]
allow = [
  "1", # [x]
  "2",
]
mention_only = false
[[agents]]
character = 'a'
[agents.limits]
messages_per_minute = { entity = 1, room = 2 }
[[agents]]
x.y = 3
[[agents.schedules]]
cron = "="
[[agents.schedules]]
'''
LINES = {
    "a": 1,
    "b c": 2,
    "b c.d": 2,
    "host": 6,
    "host.data_dir": 7,
    "connectors.discord": 8,
    "connectors.discord.allow": 9,
    "connectors.discord.mention_only": 13,
    "agents[1]": 14,
    "agents[1].character": 15,
    "agents[1].limits": 16,
    "agents[1].limits.messages_per_minute": 17,
    "agents[1].limits.messages_per_minute.entity": 17,
    "agents[1].limits.messages_per_minute.room": 17,
    "agents[2]": 18,
    "agents[2].x": 19,
    "agents[2].x.y": 19,
    "agents[2].schedules[1]": 20,
    "agents[2].schedules[1].cron": 21,
    "agents[2].schedules[2]": 22,
}


def test_each_key_has_its_line() -> None:
    tomllib.loads(FILE)
    assert key_lines(FILE) == LINES
    assert key_lines(FILE.replace("\n", "\r\n")) == LINES
    assert key_lines("") == {}


def test_the_shipped_file_has_its_keys_where_it_shows_them() -> None:
    text = FILES["config.toml"].read_text(encoding="utf-8")
    for key, number in key_lines(text).items():
        name = re.escape(key.rpartition(".")[2].partition("[")[0])
        assert re.search(rf"\b{name}\b", text.splitlines()[number - 1])


PLACES: dict[str, tuple[str, str, dict[str, str], str]] = {
    "in the file": (
        "\n[connectors.discord]\n\nmention_only = true\n",
        "connectors.discord.mention_only",
        {},
        "mention_only = true in [connectors.discord] (config.toml line 4)",
    ),
    "the second of several": (
        '[[connectors.discord]]\ntoken = "a"\n[[connectors.discord]]\ntoken = "b"\ndeny = ["1"]\n',
        "connectors.discord[2].deny",
        {},
        'deny = ["1"] in [[connectors.discord]] no. 2 (config.toml line 5)',
    ),
    "the only one of an array": (
        '[[connectors.discord]]\ndeny = ["1"]\n',
        "connectors.discord.deny",
        {},
        'deny = ["1"] in [connectors.discord] (config.toml line 2)',
    ),
    "a table of an agent": (
        "[[agents]]\n[agents.limits]\ntokens_per_day = 5\n",
        "agents[1].limits.tokens_per_day",
        {},
        "tokens_per_day = 5 in [agents.limits] no. 1 (config.toml line 3)",
    ),
    "nowhere": (
        "",
        "connectors.discord.mention_only",
        {},
        "mention_only = true for [connectors.discord] (the default)",
    ),
    "the environment": (
        "",
        "host.log_level",
        {"LOG_LEVEL": "debug"},
        'log_level = "debug" for [host] (environment LOG_LEVEL)',
    ),
    "a secret": (
        '[connectors.discord]\ntoken = "very-secret"\n',
        "connectors.discord.token",
        {},
        "token = *** in [connectors.discord] (config.toml line 2)",
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_an_admin_is_told_where_a_setting_stands(name: str, tmp_path: Path) -> None:
    text, key, environ, told = PLACES[name]
    loaded = load(tmp_path, text, environ=environ)
    values: dict[str, Any] = all_values(loaded.config)
    assert where_set(loaded, key, values[key]) == told
