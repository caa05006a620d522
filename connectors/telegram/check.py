"""What `check` tells of a bot that could log in. Pure."""

from telegram import User, WebhookInfo

from bot_host.connector import CheckLine
from connectors.telegram.config import TelegramConfig
from connectors.telegram.silence import PRIVACY_ADVICE


def findings(me: User, webhook: WebhookInfo | None, config: TelegramConfig) -> list[CheckLine]:
    """Who it is, where people find it, and what keeps messages from it."""
    lines = [
        CheckLine(
            name="telegram", ok=True, detail=f"logged in as @{me.username} ({me.id})", account=str(me.id)
        )
    ]
    if me.username:
        lines.append(CheckLine(name="telegram links", ok=True, detail=_links(me)))
    if me.has_topics_enabled:
        lines.append(
            CheckLine(
                name="telegram topics",
                ok=True,
                detail="private chats have topics: each is a conversation of its own",
            )
        )
    lines.append(_privacy(me, config))
    if not me.can_join_groups:
        lines.append(
            CheckLine(
                name="telegram groups",
                ok=True,
                detail="the bot cannot be added to groups",
                advice="@BotFather /setjoingroups, Enable",
            )
        )
    if webhook is not None and webhook.url:
        lines.append(
            CheckLine(
                name="telegram webhook",
                ok=True,
                detail="a webhook is set; it is removed when the host starts",
                advice="see that no other program needs it",
            )
        )
    return lines


def _links(me: User) -> str:
    """https://core.telegram.org/bots/features#deep-linking"""
    link = f"https://t.me/{me.username}"
    return f"{link} to talk to it" + (
        f", {link}?startgroup=true to add it to a group" if me.can_join_groups else ""
    )


def _privacy(me: User, config: TelegramConfig) -> CheckLine:
    """What `mention_only = false` needs is looked at by `silences`, too."""
    name = "telegram privacy"
    if me.can_read_all_group_messages:
        what = "and answers those that turn to it (mention_only = true)" if config.mention_only else ""
        return CheckLine(name=name, ok=True, detail=f"sees every message of its groups {what}".strip())
    seen = "privacy mode is on: in groups it sees commands, mentions and replies to it"
    if config.mention_only:
        return CheckLine(
            name=name, ok=True, detail=f"{seen}, which are all that it answers", advice=PRIVACY_ADVICE
        )
    return CheckLine(name=name, ok=True, detail=seen, advice=PRIVACY_ADVICE)
