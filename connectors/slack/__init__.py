"""Slack: a workspace's bot, or an app in several workspaces, over Socket Mode or HTTP, on slack-bolt."""

from bot_host.connector import Connector, ConnectorApp, ConnectorConfig, ConnectorSpec
from connectors.slack.config import ACTIONS, SlackConfig, missing, needs_web, person_key, secrets, wrong
from connectors.slack.link import read_link
from connectors.slack.manifest import manifest
from connectors.slack.tickets import invite


def _create(config: ConnectorConfig) -> Connector:
    # Here and not above: slack-bolt costs two thirds of a second, and only who uses Slack should pay it.
    from connectors.slack.client import SlackConnector

    assert isinstance(config, SlackConfig)
    return SlackConnector(config)


def _create_app(config: ConnectorConfig) -> ConnectorApp | None:
    assert isinstance(config, SlackConfig)
    if not config.client_id:
        return None
    from connectors.slack.workspaces import SlackApp

    return SlackApp(config)


connector = ConnectorSpec(
    platform="slack",
    config=SlackConfig,
    missing=missing,
    wrong=wrong,
    create=_create,
    create_app=_create_app,
    invite=invite,
    secrets=secrets,
    person_key=person_key,
    read_link=read_link,
    needs_web=needs_web,
    reasons={
        "direct messages cannot be opened": (
            "a shortcut is answered in direct messages, and Slack did not let the bot open them",
            "give the app the scope im:write (slack-manifest), or use the command in a conversation",
        ),
        "from another workspace": (
            "people of other workspaces are not answered, as external says",
            'set external to "mentions", or add their ids to owners',
        ),
        "from another workspace, does not turn to the agent": (
            "people of other workspaces are answered when they turn to the agent, as external says",
            'mention the agent, or set external = "allow"',
        ),
        "removed from the channel": ("the bot was taken out of the channel", "/invite it to the channel"),
    },
    manifest=manifest,
    actions=ACTIONS,
)

__all__ = ["connector"]
