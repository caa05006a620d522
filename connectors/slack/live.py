"""What is wrong with a Slack app, by what it has really received.

A bot token cannot ask which events an app is subscribed to: what never came is the only sign.
"""

from collections.abc import Iterator
from typing import Final

from bot_host.connector import CheckLine, Heard
from connectors.slack.config import SlackConfig

FEW: Final = 5
"""Messages that say little: all of them may have been meant for the app."""
_SUBSCRIBE: Final = (
    "paste what `python -m bot_host slack-manifest` prints into the app's manifest (Event Subscriptions, bot "
    "events), and install the app again"
)


def compare(config: SlackConfig, heard: Heard) -> Iterator[CheckLine]:
    """A line for each."""
    direct, shared = heard.direct.count, heard.shared.count
    if direct and not shared:
        yield CheckLine(
            name="slack live channels",
            ok=True,
            detail=f"{direct} direct messages were received, and none from a channel",
            advice=f"/invite the app to a channel and mention it; if nothing comes: {_SUBSCRIBE}",
        )
    if shared and not direct and config.dm_policy != "off":
        yield CheckLine(
            name="slack live direct",
            ok=True,
            detail=f"{shared} messages were received from channels, and no direct one",
            advice=f"write to the app directly (App Home, Messages tab); if nothing comes: {_SUBSCRIBE}",
        )
    if shared and not heard.unaddressed.count:
        yield CheckLine(
            name="slack live events",
            ok=config.mention_only or shared < FEW,
            detail=f"of {shared} messages in channels each one turned to the app: message.channels or "
            "message.groups may not be subscribed, and then threads cannot be followed",
            advice=_SUBSCRIBE,
        )
