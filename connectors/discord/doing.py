"""Actions that leave something behind: reactions, pins, threads, polls, direct messages."""

import re
from typing import Any, Final

import discord

from bot_host.connector import (
    Action,
    ActionResult,
    Content,
    Refused,
    Role,
    Target,
    as_object,
    clean_text,
    create_unique_uuid,
    deliver,
    one_line,
)
from connectors.discord.errand import TIMEOUT_S, Errand, Lookup, Spot, errand
from connectors.discord.permissions import PIN, POLLS, REACT, READ, SEND, SEND_IN_THREADS, THREADS
from connectors.discord.places import clean_name, display_name
from connectors.discord.polls import ANSWER, ANSWERS, HOURS, MOST_HOURS, QUESTION, poll_content
from connectors.discord.reading import CHANNEL
from connectors.discord.rest import Json
from connectors.discord.telling import PERSON, find_member, in_server

THREAD_NAME: Final = 100
THREAD_EXISTS: Final = 160004
UNKNOWN_EMOJI: Final = 10014
_THREADED: Final = frozenset({0, 5})
"""Kinds of channels in whose messages threads can begin: text, announcements."""
_CUSTOM: Final = re.compile(r"<a?:(\w{2,32}):(\d{5,20})>")
MESSAGE: Final[Json] = {
    "type": "string",
    "maxLength": 200,
    "description": "Id or link of the message; without it the one that is answered, else the one that asks.",
}


def doing_actions(lookup: Lookup) -> list[Action]:
    """What leaves something behind, for one account."""
    message = {"message": MESSAGE, "channel": CHANNEL}
    emoji = {"type": "string", "minLength": 1, "maxLength": 100}
    return [
        Action(
            name="REACT_TO_MESSAGE",
            description="Put a reaction to a message.",
            similes=("REACT", "ADD_REACTION"),
            handler=errand(lookup, _react),
            idempotent=True,
            parameters=as_object(
                {
                    "emoji": emoji | {"description": "An emoji, or the name of one of this server's."},
                    **message,
                },
                required=["emoji"],
            ),
        ),
        Action(
            name="PIN_MESSAGE",
            description="Pin a message in its channel.",
            handler=errand(lookup, _pin),
            idempotent=True,
            parameters=as_object(message),
        ),
        Action(
            name="UNPIN_MESSAGE",
            description="Take a message off the pinned ones of its channel.",
            handler=errand(lookup, _unpin),
            idempotent=True,
            parameters=as_object(message),
        ),
        Action(
            name="CREATE_THREAD",
            description="Begin a thread at a message of this server.",
            similes=("START_THREAD",),
            handler=errand(lookup, _thread),
            validate=in_server,
            # A message has one thread at the most: a second try finds the first one's.
            idempotent=True,
            parameters=as_object(
                {"name": {"type": "string", "minLength": 1, "maxLength": THREAD_NAME}, **message},
                required=["name"],
            ),
        ),
        Action(
            name="CREATE_POLL",
            description="Put a poll into this channel.",
            handler=errand(lookup, _poll),
            parameters=as_object(_POLL, required=["question", "answers"]),
        ),
        Action(
            name="SEND_DM",
            description=(
                "Write to a member of this server in private, also where there is no private chat yet. Only "
                "when the person who asks wants just that."
            ),
            handler=errand(lookup, _dm),
            validate=in_server,
            confirm=True,
            parameters=as_object(
                {
                    "person": PERSON,
                    "text": {"type": "string", "minLength": 1, "maxLength": 4000},
                },
                required=["person", "text"],
            ),
        ),
    ]


_POLL: Final[Json] = {
    "question": {"type": "string", "minLength": 1, "maxLength": QUESTION},
    "answers": {
        "type": "array",
        "minItems": 2,
        "maxItems": ANSWERS,
        "items": {"type": "string", "minLength": 1, "maxLength": ANSWER},
    },
    "hours": {
        "type": "integer",
        "minimum": 1,
        "maximum": MOST_HOURS,
        "description": f"How long it is open; {HOURS} without it.",
    },
    "several": {"type": "boolean", "description": "Whether one may choose several answers."},
}


async def _react(do: Errand) -> ActionResult:
    spot, message = await do.message(do.argument("message"), do.argument("channel"))
    await do.must(spot, REACT)
    emoji = await _emoji(do, do.argument("emoji"))
    path = "/channels/{id}/messages/{message}/reactions/{emoji}/@me"
    try:
        await _change(do, "PUT", path, spot, message, emoji=emoji)
    except discord.HTTPException as error:
        if error.code != UNKNOWN_EMOJI:
            raise
        raise Refused(f"Discord has no emoji {one_line(do.argument('emoji'), 40)}") from error
    return ActionResult(
        text=f"Reacted with {one_line(do.argument('emoji'), 40)}.", data=_about(spot, message)
    )


async def _emoji(do: Errand, asked: str) -> str:
    """As the request takes it: the emoji itself, or `name:id` of a server's own."""
    if custom := _CUSTOM.fullmatch(asked):
        return f"{custom[1]}:{custom[2]}"
    name = asked.strip(":")
    if not re.fullmatch(r"\w{2,32}", name, re.ASCII):
        return asked
    if do.here.guild is None:
        raise Refused("in a private chat only Discord's own emoji can be used")
    for emoji in await do.lookup.get("/guilds/{id}/emojis", id=str(do.guild["id"])):
        if str(emoji.get("name")).casefold() == name.casefold():
            return f"{emoji['name']}:{emoji['id']}"
    raise Refused(f"this server has no emoji called {name}")


async def _pin(do: Errand) -> ActionResult:
    spot, message = await do.message(do.argument("message"), do.argument("channel"))
    await do.must(spot, PIN)
    await _change(do, "PUT", "/channels/{id}/messages/pins/{message}", spot, message)
    return ActionResult(text=f"Pinned in {spot.name}.", data=_about(spot, message))


async def _unpin(do: Errand) -> ActionResult:
    spot, message = await do.message(do.argument("message"), do.argument("channel"))
    await do.must(spot, PIN)
    await _change(do, "DELETE", "/channels/{id}/messages/pins/{message}", spot, message)
    return ActionResult(text=f"No longer pinned in {spot.name}.", data=_about(spot, message))


async def _thread(do: Errand) -> ActionResult:
    spot, message = await do.message(do.argument("message"), do.argument("channel"))
    if spot.channel["type"] not in _THREADED:
        raise Refused(f"no thread can begin in {spot.name}")
    await do.must(spot, THREADS | SEND)
    name = one_line(clean_text(do.argument("name")), THREAD_NAME)
    if not name:
        raise Refused("the thread needs a name")
    path = "/channels/{id}/messages/{message}/threads"
    try:
        thread = await _change(do, "POST", path, spot, message, json={"name": name})
    except discord.HTTPException as error:
        if error.code != THREAD_EXISTS:
            raise
        # topics/threads: a thread that began at a message has the message's id.
        known = f"There is a thread at that message already: <#{message['id']}>."
        return ActionResult(text=known, data=_about(spot, message))
    return ActionResult(
        text=f"The thread {name} is there: <#{thread['id']}>.",
        data={"channel_id": spot.id, "thread_id": str(thread["id"])},
    )


async def _poll(do: Errand) -> ActionResult:
    spot = await do.spot()
    await do.must(spot, POLLS | (SEND_IN_THREADS if spot.is_thread else SEND))
    given = do.call.arguments
    answers = [one_line(clean_text(str(answer)), ANSWER) for answer in given["answers"]]
    question = one_line(clean_text(do.argument("question")), QUESTION)
    if not question or not all(answers):
        raise Refused("the question and each answer need a text")
    content = poll_content(
        question, answers, hours=int(given.get("hours", HOURS)), several=bool(given.get("several"))
    )
    target = Target(source="discord", account=await _account(do), room_id=do.call.message.room_id)
    return await deliver(do.agent, target, content, done="The poll is there.", platform="Discord")


async def _dm(do: Errand) -> ActionResult:
    if len(do.askers) > 1:
        raise Refused("several people spoke at once: the one who wants it has to say it again, alone")
    text = clean_text(do.argument("text")).strip()
    if not text:
        raise Refused("there is no text to send")
    await do.must(await do.spot(), READ)
    member = await find_member(do, do.argument("person"))
    user: Any = member["user"]
    name, guild_id = display_name(user, member), str(do.guild["id"])
    if user.get("bot"):
        raise Refused(f"{name} is a bot: bots cannot write to each other in private")
    if str(user["id"]) != do.askers[0]:
        if await do.agent.get_sender_role(do.call.message) is Role.NONE:
            raise Refused("only an ADMIN of this bot may have it write to somebody else in private")
        asker = await do.lookup.get("/guilds/{guild}/members/{user}", guild=guild_id, user=do.askers[0])
        text = f"{text}\n(from {display_name(asker['user'], asker)}, {clean_name(do.guild.get('name'))})"
    opened = await do.lookup.rest.request(
        "POST", "/users/@me/channels", timeout=TIMEOUT_S, json={"recipient_id": str(user["id"])}
    )
    channel_id = str(opened["id"])
    # Where the agent knows the chat already, it remembers what it said there.
    room = await do.agent.store.find_room(create_unique_uuid(do.agent.agent_id, channel_id))
    target = Target(
        source="discord",
        account=await _account(do),
        room_id=room.id if room is not None else None,
        channel_id="" if room is not None else channel_id,
    )
    done = f"Sent to {name} in private."
    return await deliver(do.agent, target, Content(text=text), done=done, platform="Discord")


async def _account(do: Errand) -> str:
    return f"discord:{(await do.lookup.me()).id}"


async def _change(
    do: Errand, method: str, path: str, spot: Spot, message: Json, *, json: Json | None = None, **ids: Any
) -> Any:
    return await do.lookup.rest.request(
        method, path, timeout=TIMEOUT_S, json=json, id=spot.id, message=str(message["id"]), **ids
    )


def _about(spot: Spot, message: Json) -> Json:
    return {"channel_id": spot.id, "message_id": str(message["id"])}
