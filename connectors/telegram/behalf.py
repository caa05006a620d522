"""What is sent to a chat for somebody who asked for it: only where they may write themselves."""

from telegram.error import InvalidToken

from bot_host.connector import ASKED_BY, SendLater, SendRefused, Target
from connectors.telegram.config import TelegramConfig
from connectors.telegram.errors import say
from connectors.telegram.http import NoAnswer
from connectors.telegram.lookups import Call, Lookup, Untold
from connectors.telegram.rights import SEND, may


async def check_asker(call: Call, config: TelegramConfig, chat_id: int, target: Target) -> None:
    """Whoever asked is in the chat and may write there. Raises SendRefused, SendLater, TelegramError.

    They were there once, as the agent knows; what they may do there now only Telegram can tell.
    """
    user_id = target.extra.get(ASKED_BY)
    if not user_id or user_id in config.owners or user_id == str(chat_id):
        return  # Who speaks in a chat's own name is one of its administrators.
    if chat_id > 0:
        raise SendRefused("that is a private chat, and not of the person who asks")
    if user_id.startswith("-"):
        raise SendRefused("it is not known who writes in a channel's name")
    lookup = Lookup(call, config)  # what was found a moment ago may not hold any more
    try:
        chat = await lookup.chat(str(chat_id))
        if chat is None:
            return  # Telegram refuses the message, too, and says why.
        member = await lookup.member(str(chat_id), user_id)
    except Untold:
        raise SendRefused(
            "Telegram does not tell the bot whether the person who asks may write there: make the bot an "
            "administrator of that chat"
        ) from None
    except InvalidToken:
        # The library takes a 404 for a wrong token: a server that does not know members. If it is the token,
        # the message will be refused as well.
        return
    except NoAnswer as error:
        # Nothing of the message has left us yet.
        raise SendLater(f"telegram: {say(error)}") from None
    if not may(chat, member, SEND):
        raise SendRefused("the person who asks may not write in that chat (any more)")
