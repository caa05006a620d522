"""What would keep a Slack app silent by its config, though its tokens work."""

import logging
from collections.abc import Sequence
from typing import Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import CheckLine, split_entry
from connectors.slack.check import scope_line
from connectors.slack.config import SlackConfig
from connectors.slack.errors import code_of, fault_of
from connectors.slack.groups import SCOPE_ADVICE, members

log = logging.getLogger(__name__)

MOST: Final = 20
"""Channels of the allow list that are looked for."""
_CHANNELS: Final = ("C", "G")
"""How ids of channels begin; D are direct messages, T workspaces, U and W people."""


async def silences(web: AsyncWebClient, config: SlackConfig) -> Sequence[CheckLine]:
    """One line for each; none where Slack cannot be asked. Never raises."""
    ids = [split_entry(entry)[1] for entry in config.allow]
    channels = [id for id in ids if id.startswith(_CHANNELS)]
    try:
        answer = await web.auth_test()
        outside = [id for id in channels[:MOST] if await _is_outside(web, id)]
    except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
        log.debug("slack: could not look for what makes the app silent: %s", fault_of(error))
        return []
    scopes = scope_line(answer, config)
    found = [scopes] if scopes is not None and not scopes.ok else []
    if config.groups and (line := await _groups_line(web, config)) is not None:
        found.append(line)
    strangers = [id for id in ids if id.startswith("T") and id != answer.get("team_id")]
    if outside or strangers:
        missing = [*outside, *strangers]
        alone = len(missing) == len(config.allow)
        found.append(
            CheckLine(
                name="slack allow",
                ok=not alone,
                detail=("no room matches the allow list: " if alone else "")
                + f"the app is not in {', '.join(missing)}",
                advice="write /invite and the app's name in these channels, or correct the ids in allow",
            )
        )
    return found


async def _groups_line(web: AsyncWebClient, config: SlackConfig) -> CheckLine | None:
    unknown = []
    for group in sorted(config.groups)[:MOST]:
        try:
            await members(web, group)
        except SlackApiError as error:
            unknown.append(f"{group} ({code_of(error)})")
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            log.debug("slack: could not read a user group: %s", fault_of(error))
            return None
    if not unknown:
        return None
    return CheckLine(
        name="slack user groups",
        ok=False,
        detail=f"the config names user groups that the app cannot read: {', '.join(unknown)}",
        advice=SCOPE_ADVICE,
    )


async def _is_outside(web: AsyncWebClient, channel_id: str) -> bool:
    try:
        answer = await web.conversations_info(channel=channel_id)
    except SlackApiError as error:
        # What else is refused (a missing scope, a rate limit) says nothing about the channel.
        return code_of(error) == "channel_not_found"
    channel = answer.get("channel")
    return isinstance(channel, dict) and channel.get("is_member") is False
