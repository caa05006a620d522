"""What happens in the fake Telegram's chats besides messages: reactions, and people who come and go.

Shapes: core.telegram.org/bots/api#messagereactionupdated and #chatmemberupdated.
"""

import time

from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_world import Chat, Json, User


def _shown(reaction: str) -> Json:
    if reaction == "paid":
        return {"type": "paid"}
    if reaction.isdecimal():
        return {"type": "custom_emoji", "custom_emoji_id": reaction}
    return {"type": "emoji", "emoji": reaction}


async def react(
    fake: FakeTelegram,
    chat: Chat,
    message_id: int,
    by: User | Chat,
    *,
    old: tuple[str, ...] = (),
    new: tuple[str, ...] = (),
) -> int | None:
    """Somebody's reactions to a message change; a chat reacts where its administrators are anonymous."""
    who = {"user": by.json()} if isinstance(by, User) else {"actor_chat": by.json()}
    change = {
        "chat": chat.json(),
        "message_id": message_id,
        "date": int(time.time()),
        "old_reaction": [_shown(each) for each in old],
        "new_reaction": [_shown(each) for each in new],
        **who,
    }
    return await fake.bot.updates.push("message_reaction", change)


async def count_reactions(
    fake: FakeTelegram, chat: Chat, message_id: int, counts: dict[str, int]
) -> int | None:
    """Anonymous reactions are told as numbers."""
    told = [{"type": _shown(name), "total_count": count} for name, count in counts.items()]
    change = {"chat": chat.json(), "message_id": message_id, "date": int(time.time()), "reactions": told}
    return await fake.bot.updates.push("message_reaction_count", change)
