"""What is wrong with a Telegram bot, by what it has really received."""

import logging
from collections.abc import Sequence
from typing import Final

from telegram import Bot
from telegram.error import TelegramError

from bot_host.connector import CheckLine, Heard, split_entry
from connectors.telegram.config import TelegramConfig
from connectors.telegram.errors import say

log = logging.getLogger(__name__)

FEW: Final = 5
"""Messages that say little: all of them may have been meant for the bot."""


async def compare(bot: Bot, config: TelegramConfig, heard: Heard) -> Sequence[CheckLine]:
    """A line for each; none where Telegram cannot be asked. Never raises."""
    try:
        me = await bot.get_me()
    except TelegramError as error:
        log.debug("telegram: could not compare: %s", say(error))
        return []
    found = []
    if me.can_read_all_group_messages and not config.mention_only and _only_addressed(heard):
        found.append(
            CheckLine(
                name="telegram live groups",
                ok=heard.shared.count < FEW,
                detail=f"privacy mode is off, but of {heard.shared.count} messages in groups each one turned "
                "to the bot: a group keeps the mode that it had when the bot was added",
                advice="remove the bot from each group and add it again",
            )
        )
    if not heard.shared.count and any(split_entry(id)[1].startswith("-") for id in config.allow):
        found.append(
            CheckLine(
                name="telegram live groups",
                ok=True,
                detail="there are groups in allow, and no message was received from any",
                advice="mention the bot there; if nothing comes, see that it is a member",
            )
        )
    return found


def _only_addressed(heard: Heard) -> bool:
    return heard.shared.count > 0 and not heard.unaddressed.count
