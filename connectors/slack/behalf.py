"""What is sent to a channel for somebody who asked for it: only where they may write themselves."""

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot_host.connector import ASKED_BY, Refused, SendLater, SendRefused, Target
from connectors.slack.errand import Spot, lacks_to_write, told_of
from connectors.slack.errors import code_of, fault_of, is_passing
from connectors.slack.lookups import Workspace

UNKNOWN_METHOD = "unknown_method"


async def check_asker(workspace: Workspace, target: Target) -> None:
    """Whoever asked may see the channel and write there. Raises SendRefused, SendLater.

    They were there once, as the agent knows; what they may do there now only Slack can tell.
    """
    user_id = target.extra.get(ASKED_BY)
    if not user_id:
        return
    workspace = workspace.anew()
    try:
        channel = await workspace.channel(target.channel_id)
        if channel is None:
            return  # Slack refuses the message, too, and says why.
        why = await lacks_to_write(workspace, Spot(channel=channel), user_id)
    except Refused as refusal:
        raise SendRefused(str(refusal)) from None
    except SlackApiError as error:
        if is_passing(error):
            raise SendLater(f"Slack does not say who may write there: {code_of(error)}") from None
        if code_of(error) == UNKNOWN_METHOD:
            return  # A server that knows of no members.
        raise SendRefused(told_of(error)) from None
    except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise SendLater(f"Slack does not say who may write there: {fault_of(error)}") from None
    if why:
        raise SendRefused(why)
