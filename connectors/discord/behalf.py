"""What is sent to a channel for somebody who asked for it: only where they may write themselves."""

from bot_host.connector import ASKED_BY, SendRefused, Target
from connectors.discord.config import DiscordConfig
from connectors.discord.errand import Lookup, look_at, permissions_of
from connectors.discord.permissions import SEND, SEND_IN_THREADS, VIEW, names_of
from connectors.discord.rest import Rest


async def check_asker(rest: Rest, config: DiscordConfig, target: Target) -> None:
    """Whoever asked may see the channel and write there. Raises SendRefused, and as `Rest.request`.

    They were there once, as the agent knows; what they may do there now only Discord can tell.
    """
    user_id = target.extra.get(ASKED_BY)
    if not user_id:
        return
    lookup = Lookup(rest, config)  # what was found a moment ago may not hold any more
    channel = await lookup.find("/channels/{id}", id=target.channel_id)
    if channel is None:
        return  # Discord refuses the message, too, and says why.
    spot = await look_at(lookup, channel)
    if spot.guild is None:
        raise SendRefused("that is a private chat, and not of the person who asks")
    needs = VIEW | (SEND_IN_THREADS if spot.is_thread else SEND)
    lacks = needs & ~await permissions_of(lookup, spot, user_id)
    if lacks & VIEW:
        raise SendRefused("the person who asks cannot see that channel (any more)")
    if lacks:
        raise SendRefused(f"the person who asks lacks {names_of(lacks)} in {spot.name}")
