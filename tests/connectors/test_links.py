"""Links to messages, as the platforms' "copy link" makes them."""

import pytest

from bot_host.connector import ConnectorSpec, LinkedMessage
from connectors.discord import connector as discord
from connectors.slack import connector as slack
from connectors.telegram import connector as telegram

LINKS = [
    (
        discord,
        "https://discord.com/channels/81384788765712384/381870553235193857/1309",
        "381870553235193857",
        "1309",
    ),
    (discord, "https://discord.com/channels/@me/1000/2000", "1000", "2000"),
    (discord, "https://ptb.discord.com/channels/1/2/3", "2", "3"),
    (discord, "https://canary.discord.com/channels/1/2/3/", "2", "3"),
    (discord, "https://discordapp.com/channels/1/2/3", "2", "3"),
    (slack, "https://acme.slack.com/archives/C024BE91L/p1700000000123456", "C024BE91L", "1700000000.123456"),
    (
        slack,
        "https://acme.enterprise.slack.com/archives/D02/p1700000000123456?thread_ts=1690000000.000100&cid=D02",
        "D02",
        "1700000000.123456",
    ),
    (slack, "https://acme.slack-gov.com/archives/G02/p1700000000123456", "G02", "1700000000.123456"),
    (telegram, "https://t.me/c/1234567890/55", "-1001234567890", "55"),
    (telegram, "t.me/c/1234567890/7/55?single", "-1001234567890", "55"),
    (telegram, "https://telegram.me/c/1234567890/55", "-1001234567890", "55"),
    (telegram, "https://t.me/some_group/55", "", "55"),
    (telegram, "https://t.me/some_group/7/55", "", "55"),
    (telegram, "tg://privatepost?channel=1234567890&post=55&single", "-1001234567890", "55"),
]


@pytest.mark.parametrize(("spec", "link", "channel_id", "message_id"), LINKS)
def test_a_link_names_channel_and_message(
    spec: ConnectorSpec, link: str, channel_id: str, message_id: str
) -> None:
    assert spec.read_link(link) == LinkedMessage(message_id=message_id, channel_id=channel_id)
    for other in {id(each): each for each in (discord, slack, telegram)}.values():
        if other is not spec:
            assert other.read_link(link) is None


@pytest.mark.parametrize(
    "link",
    [
        "1309",
        "c/55",
        "",
        "https://discord.com/channels/1/2",
        "https://discord.com.evil.example/channels/1/2/3",
        "https://acme.slack.com/archives/C024BE91L",
        "https://t.me/some_group",
        "https://t.me/c/1234567890",
        "https://t.me/joinchat/AbCdEf",
    ],
)
def test_what_is_no_link_to_a_message(link: str) -> None:
    assert [spec.read_link(link) for spec in (discord, slack, telegram)] == [None, None, None]
