"""Polls as Telegram takes them (core.telegram.org/bots/api#sendpoll)."""

from collections.abc import Awaitable, Callable, Sequence
from html import escape
from typing import Any, Final

from telegram.error import InvalidToken

from bot_host.connector import Content, Payload, one_line
from connectors.telegram.http import NoAnswer

QUESTION: Final = 300
OPTION: Final = 100
"""Characters."""
FEWEST: Final = 2
MOST: Final = 12
POLL: Final = "poll"
"""In a payload: what is asked."""

Json = dict[str, Any]
Call = Callable[[str, Json], Awaitable[Any]]
"""A method of the Bot API with its parameters. Raises TelegramError."""


def poll_content(
    question: str, options: Sequence[str], *, anonymous: bool, several: bool, right: int | None
) -> Content:
    """A poll as a message; `right`: the place of the right answer, which makes it a quiz.

    Its text is how the agent remembers it.
    """
    told: Json = {"question": question, "options": list(options), "anonymous": anonymous, "several": several}
    if right is not None:
        told["right"] = right
    text = f"[poll: {question} {' / '.join(options)}]"
    return Content.model_validate({"text": text, POLL: told})


def poll_payload(content: Content) -> Payload | None:
    """The payload of a message that is a poll; None: it is none.

    In `html` and `plain` it stands in words, for servers that know no polls.
    """
    told: Any = (content.model_extra or {}).get(POLL)
    if not isinstance(told, dict) or not isinstance(told.get("options"), list):
        return None
    options = [one_line(str(option), OPTION) for option in told["options"]][:MOST]
    question = one_line(str(told.get("question", "")), QUESTION)
    if not question or len(options) < FEWEST or not all(options):
        return None
    plain = "\n".join([question, *(f"– {option}" for option in options)])
    asked: Json = {
        "question": question,
        "options": [{"text": option} for option in options],
        "is_anonymous": told.get("anonymous") is not False,
    }
    right = told.get("right")
    if isinstance(right, int) and 0 <= right < len(options):
        # Servers know one or the other: the newer name came with several right answers.
        asked |= {"type": "quiz", "correct_option_id": right, "correct_option_ids": [right]}
    elif told.get("several"):
        asked["allows_multiple_answers"] = True
    return {"html": escape(plain, quote=False), "plain": plain, POLL: asked}


async def send_poll(call: Call, payload: Payload, where: Json) -> str:
    """The id of the message that it became; empty: the server knows no polls. Raises TelegramError."""
    try:
        sent = await call("sendPoll", {**where, **payload[POLL]})
    except InvalidToken:
        # The library takes a 404 for a wrong token; if it is one, the text will be refused as well.
        return ""
    message_id = sent.get("message_id") if isinstance(sent, dict) else None
    if not isinstance(message_id, int):
        raise NoAnswer("the Bot API's answer is no message")
    return str(message_id)
