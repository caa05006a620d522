"""What `check` tells of a bot that could log in. Pure."""

from telegram import User, WebhookInfo

from bot_host.connector import CheckLine
from connectors.telegram.silence import PRIVACY_ADVICE


def findings(me: User, webhook: WebhookInfo | None) -> list[CheckLine]:
    """Who it is, and what keeps messages from it."""
    lines = [
        CheckLine(
            name="telegram", ok=True, detail=f"logged in as @{me.username} ({me.id})", account=str(me.id)
        )
    ]
    if me.can_read_all_group_messages:
        lines.append(CheckLine(name="telegram privacy", ok=True, detail="sees every message of its groups"))
    else:
        lines.append(
            CheckLine(
                name="telegram privacy",
                ok=True,
                detail="privacy mode is on: in groups it sees commands, mentions and replies to it",
                advice=PRIVACY_ADVICE,
            )
        )
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
