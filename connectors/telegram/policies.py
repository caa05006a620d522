"""What is said in a chat's name, not by a person: by the settings. Pure.

Such messages carry the id of a chat, which is nobody's: it stands in no list of owners, and gives no role.
"""

from dataclasses import dataclass

from telegram import Message
from telegram.constants import ChatType

from connectors.telegram.config import TelegramConfig
from connectors.telegram.reasons import ANONYMOUS, CHANNEL, LINKED, POST, TO_CHANNEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of a message by the settings."""

    refused: str = ""
    """Why it is not taken in."""
    noted: str = ""
    """Why it is remembered and not answered."""
    asked: bool = False
    """It is answered as if it had mentioned the bot."""


def judge(message: Message, config: TelegramConfig, *, addressed: bool) -> Verdict:
    """By the settings for what is said in a chat's name; `addressed`: it turns to the bot."""
    chat = message.sender_chat
    if message.chat.is_direct_messages:
        return Verdict(refused=TO_CHANNEL)
    if message.is_automatic_forward:
        return _of(LINKED, config.linked_posts)
    if message.chat.type == ChatType.CHANNEL:
        if config.channel_posts == "mentions":
            return Verdict(noted="" if addressed else POST)
        return _of(POST, config.channel_posts)
    if chat is None:
        return Verdict()
    reason, policy = CHANNEL, config.channel_senders
    if chat.id == message.chat.id:
        reason, policy = ANONYMOUS, config.anonymous_admins
    return Verdict(refused="" if policy == "answer" else reason)


def _of(reason: str, policy: str) -> Verdict:
    if policy == "ignore":
        return Verdict(refused=reason)
    return Verdict(noted=reason) if policy == "note" else Verdict(asked=True)
