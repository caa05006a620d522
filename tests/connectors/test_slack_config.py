"""The Slack connector's settings and its entry."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from connectors.slack import connector
from connectors.slack.config import SlackConfig
from connectors.slack.errors import login_error

BOT, APP = "xoxb-1-secret-of-the-bot", "xapp-1-secret-of-the-app"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "no bot token; set SLACK_BOT_TOKEN"),
        ({"app_token": APP}, "no bot token; set SLACK_BOT_TOKEN"),
        ({"bot_token": BOT}, "no app token; set SLACK_APP_TOKEN"),
        ({"bot_token": BOT, "signing_secret": "s3cret-s3cret"}, 'set SLACK_APP_TOKEN, or mode = "http"'),
        ({"bot_token": BOT, "mode": "http"}, "set SLACK_SIGNING_SECRET"),
        ({"signing_secret": "s3cret-s3cret", "mode": "http"}, "no bot token; set SLACK_BOT_TOKEN"),
        ({"bot_token": BOT, "signing_secret": APP, "mode": "http"}, "SLACK_SIGNING_SECRET is a token"),
        ({"bot_token": APP, "app_token": BOT}, "swapped"),
        ({"bot_token": APP, "app_token": APP}, "SLACK_BOT_TOKEN is an app-level token"),
        ({"bot_token": "xoxp-1-secret", "app_token": APP}, "SLACK_BOT_TOKEN is a user token"),
        ({"bot_token": "xoxe.xoxb-1-secret", "app_token": APP}, "token rotation"),
        ({"bot_token": "my secret", "app_token": APP}, "not a Slack token"),
        ({"bot_token": BOT, "app_token": BOT}, "SLACK_APP_TOKEN is a bot token"),
    ],
)
def test_why_it_is_off(values: dict[str, str], says: str) -> None:
    config = SlackConfig(**values)
    why = connector.missing(config) or connector.wrong(config)
    assert says in why
    assert "secret-of" not in why
    assert "s3cret" not in why


def test_when_it_is_on() -> None:
    config = SlackConfig(bot_token=f" {BOT}\n", app_token=APP)
    assert connector.missing(config) == connector.wrong(config) == ""
    assert connector.secrets(config) == [BOT, APP]
    assert "secret" not in repr(config)
    assert connector.create(config).platform == "slack"
    config = SlackConfig(bot_token=BOT, signing_secret="8f74", mode="http")
    assert connector.missing(config) == connector.wrong(config) == ""


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("", "https://slack.com/api/"),
        ("http://127.0.0.1:8080/api", "http://127.0.0.1:8080/api/"),
        ("https://slack-gov.com/api/", "https://slack-gov.com/api/"),
    ],
)
def test_the_base_url_ends_with_a_slash(given: str, base: str) -> None:
    assert SlackConfig(api_base=given).base_url == base


def test_a_base_that_is_no_url_is_refused() -> None:
    with pytest.raises(ValidationError, match="https://"):
        SlackConfig(api_base="slack.com/api")


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValidationError, match='expected "socket"'):
        SlackConfig(mode="https")


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError):
        SlackConfig.model_validate({"tokn": "x"})


def test_the_sdk_is_loaded_only_when_it_is_used() -> None:
    code = (
        "import sys; from connectors.slack import connector; connector.missing(connector.config());"
        "sys.exit(any(name.split('.')[0] in ('slack_sdk', 'slack_bolt', 'aiohttp') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_fault_names_no_address() -> None:
    error = login_error(OSError("wss://x/?ticket=secret"), "app token")
    assert "secret" not in str(error)
