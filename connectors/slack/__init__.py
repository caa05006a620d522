"""Slack: one workspace's bot over Socket Mode or HTTP, on slack-bolt."""

from bot_host.connector import Connector, ConnectorConfig, ConnectorSpec
from connectors.slack.config import SlackConfig, missing, needs_web, person_key, secrets, wrong
from connectors.slack.link import read_link
from connectors.slack.manifest import manifest


def _create(config: ConnectorConfig) -> Connector:
    # Here and not above: slack-bolt costs two thirds of a second, and only who uses Slack should pay it.
    from connectors.slack.client import SlackConnector

    assert isinstance(config, SlackConfig)
    return SlackConnector(config)


connector = ConnectorSpec(
    platform="slack",
    config=SlackConfig,
    missing=missing,
    wrong=wrong,
    create=_create,
    secrets=secrets,
    person_key=person_key,
    read_link=read_link,
    needs_web=needs_web,
    reasons={
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
)

__all__ = ["connector"]
