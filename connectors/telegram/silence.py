"""What would keep a Telegram bot silent by its config, though its token works."""

import logging
import re
from collections.abc import Sequence
from typing import Final

from telegram import Bot
from telegram.error import BadRequest, Forbidden, TelegramError

from bot_host.connector import AccessKind, CheckLine, split_entry
from connectors.telegram.config import TelegramConfig
from connectors.telegram.errors import say

log = logging.getLogger(__name__)

MOST: Final = 20
"""Groups of the allow list that are looked for."""
PRIVACY_ADVICE: Final = (
    "to let it see all: @BotFather, /setprivacy, Disable; then remove the bot from each group and add it "
    "again"
)


async def silences(bot: Bot, config: TelegramConfig) -> Sequence[CheckLine]:
    """A line for each; none where Telegram cannot be asked. Never raises."""
    groups = _groups(config)
    try:
        me = await bot.get_me()
        missing = [group for group in groups[:MOST] if await _is_missing(bot, group)]
    except TelegramError as error:
        log.debug("telegram: could not look for what makes the bot silent: %s", say(error))
        return []
    found = []
    if not config.mention_only and not me.can_read_all_group_messages:
        found.append(
            CheckLine(
                name="telegram privacy",
                ok=False,
                detail="mention_only = false, but privacy mode is on: where it is no administrator, the bot "
                "gets commands, mentions and replies to it only",
                advice=PRIVACY_ADVICE,
            )
        )
    if groups and not me.can_join_groups:
        found.append(
            CheckLine(
                name="telegram groups",
                ok=False,
                detail="there are groups in allow, but the bot cannot be added to groups",
                advice="@BotFather, /setjoingroups, Enable",
            )
        )
    if missing:
        alone = all(_group_of(id) in missing for id in config.allow)
        found.append(
            CheckLine(
                name="telegram allow",
                ok=not alone,
                detail=("no room matches the allow list: " if alone else "")
                + f"the bot is not in {', '.join(missing)}",
                advice="add the bot to these groups, or correct the ids in allow (a group that became a "
                "supergroup has a new one)",
            )
        )
    return found


def _groups(config: TelegramConfig) -> list[str]:
    """Of the allow list: the groups and channels, without topics. People's ids are positive."""
    return list(dict.fromkeys(group for id in config.allow if (group := _group_of(id))))


def _group_of(id: str) -> str:
    kind, bare = split_entry(id)
    found = re.match(r"-[0-9]+", bare) if kind != AccessKind.USER else None
    return found[0] if found else ""


async def _is_missing(bot: Bot, chat_id: str) -> bool:
    try:
        await bot.get_chat(int(chat_id))
    except (BadRequest, Forbidden):
        return True
    return False
