"""Actions that leave something behind: reactions, pins, polls, topics, messages to other chats."""

from typing import Any, Final

from telegram.error import BadRequest

from bot_host.connector import (
    ASKED_BY,
    Action,
    ActionResult,
    ChannelType,
    Content,
    Memory,
    Refused,
    Role,
    State,
    Target,
    as_name,
    as_object,
    clean_text,
    create_unique_uuid,
    deliver,
    one_line,
)
from connectors.telegram.errand import Errand, Spot, errand, told_of
from connectors.telegram.lookups import Lookup
from connectors.telegram.places import SOURCE
from connectors.telegram.polls import FEWEST, MOST, OPTION, QUESTION, poll_content
from connectors.telegram.rights import NEW_TOPICS, PIN, POLLS, REACT, SEND, TOPICS, Json

TOPIC_NAME: Final = 128
NAMED: Final = 12
"""Emoji that are named where Telegram takes only some."""
UNCHANGED: Final = ("topic_not_modified", "message is not pinned", "message to unpin not found")
MESSAGE: Final[Json] = {
    "type": "string",
    "maxLength": 200,
    "description": "Id or link of the message; without it the one that is answered, else the one that asks.",
}
CHAT: Final[Json] = {
    "type": "string",
    "maxLength": 200,
    "description": "Name, id, @name or link of a group, channel or topic.",
}


def doing_actions(lookup: Lookup) -> list[Action]:
    """What leaves something behind, for one account."""
    text = {"type": "string", "minLength": 1}
    return [
        Action(
            name="REACT_TO_MESSAGE",
            description="Put a reaction to a message.",
            similes=("REACT", "ADD_REACTION"),
            handler=errand(lookup, _react),
            idempotent=True,
            parameters=as_object({"emoji": text | {"maxLength": 20}, "message": MESSAGE}, required=["emoji"]),
        ),
        Action(
            name="PIN_MESSAGE",
            description="Pin a message in its chat.",
            handler=errand(lookup, _pin),
            idempotent=True,
            parameters=as_object({"message": MESSAGE}),
        ),
        Action(
            name="UNPIN_MESSAGE",
            description="Take a message off the pinned ones of its chat.",
            handler=errand(lookup, _unpin),
            idempotent=True,
            parameters=as_object({"message": MESSAGE}),
        ),
        Action(
            name="CREATE_POLL",
            description="Put a poll, or a quiz, into this chat.",
            handler=errand(lookup, _poll),
            parameters=as_object(_POLL, required=["question", "options"]),
        ),
        Action(
            name="CREATE_TOPIC",
            description="Make a topic in this forum.",
            handler=errand(lookup, _create),
            validate=_in_group,
            parameters=as_object({"name": text | {"maxLength": TOPIC_NAME}}, required=["name"]),
        ),
        Action(
            name="CHANGE_TOPIC",
            description="Close, reopen or rename a topic of this forum.",
            similes=("CLOSE_TOPIC", "REOPEN_TOPIC", "RENAME_TOPIC"),
            handler=errand(lookup, _change),
            validate=_in_group,
            idempotent=True,
            parameters=as_object(
                {
                    "change": {"type": "string", "enum": ["close", "reopen", "rename"]},
                    "topic": text | {"maxLength": 128, "description": "Name or id; without it this one."},
                    "name": text | {"maxLength": TOPIC_NAME, "description": "The new one."},
                },
                required=["change"],
            ),
        ),
        Action(
            name="SEND_TO_CHAT",
            description=(
                "Write to another group, channel or topic that the person who asks is in. Only when they "
                "want just that."
            ),
            handler=errand(lookup, _send),
            confirm=True,
            parameters=as_object(
                {"chat": CHAT, "text": text | {"maxLength": 4000}}, required=["chat", "text"]
            ),
        ),
    ]


_POLL: Final[Json] = {
    "question": {"type": "string", "minLength": 1, "maxLength": QUESTION},
    "options": {
        "type": "array",
        "minItems": FEWEST,
        "maxItems": MOST,
        "items": {"type": "string", "minLength": 1, "maxLength": OPTION},
    },
    "public": {"type": "boolean", "description": "Whether all see who chose what."},
    "several": {"type": "boolean", "description": "Whether one may choose several."},
    "right": {"type": "string", "maxLength": OPTION, "description": "Of a quiz: the option that is right."},
}


async def _in_group(_agent: Any, message: Memory, _state: State) -> bool:
    return message.content.channel_type in (ChannelType.GROUP, ChannelType.THREAD)


async def _react(do: Errand) -> ActionResult:
    spot, message_id = await do.message()
    await do.must(spot, REACT)
    # Telegram's own list has no signs that choose between a picture and a character.
    emoji = do.argument("emoji").replace("\ufe0f", "")
    reaction = [{"type": "emoji", "emoji": emoji}]
    try:
        await _call(do, "setMessageReaction", spot, message_id=int(message_id), reaction=reaction)
    except BadRequest as error:
        if "reaction" not in error.message.lower():
            raise
        raise Refused(f"Telegram takes no reaction {one_line(emoji, 20)} here{_offered(spot)}") from error
    done = f"Reacted with {one_line(emoji, 20)}.{spot.link(message_id)}"
    return ActionResult(text=done, data=told_of(spot, message_id))


def _offered(spot: Spot) -> str:
    known = spot.chat.get("available_reactions")
    emoji = [str(each["emoji"]) for each in known or () if isinstance(each, dict) and each.get("emoji")]
    if not emoji:
        return "; some that it takes are 👍 👎 ❤ 🔥 🎉 🤔"
    return f"; it takes {' '.join(emoji[:NAMED])}"


async def _pin(do: Errand) -> ActionResult:
    spot, message_id = await do.message()
    await do.must(spot, PIN)
    await _call(do, "pinChatMessage", spot, message_id=int(message_id), disable_notification=True)
    done = f"Pinned in {spot.name}.{spot.link(message_id)}"
    return ActionResult(text=done, data=told_of(spot, message_id))


async def _unpin(do: Errand) -> ActionResult:
    spot, message_id = await do.message()
    await do.must(spot, PIN)
    await _call(do, "unpinChatMessage", spot, message_id=int(message_id))
    done = f"No longer pinned in {spot.name}.{spot.link(message_id)}"
    return ActionResult(text=done, data=told_of(spot, message_id))


async def _poll(do: Errand) -> ActionResult:
    await do.must(do.here, POLLS)
    given = do.call.arguments
    options = [one_line(clean_text(str(option)), OPTION) for option in given["options"]]
    question = one_line(clean_text(do.argument("question")), QUESTION)
    wanted, right = one_line(clean_text(do.argument("right")), OPTION), None
    if not question or not all(options):
        raise Refused("the question and each option need a text")
    if len(set(options)) < len(options):
        raise Refused("two options are the same")
    if wanted:
        right = next((at for at, each in enumerate(options) if each.casefold() == wanted.casefold()), None)
        if right is None:
            raise Refused("the right answer is none of the options")
    public, several = bool(given.get("public")), bool(given.get("several"))
    if public and do.here.chat.get("type") == "channel":
        raise Refused("in channels polls do not show who chose what")
    content = poll_content(question, options, anonymous=not public, several=several, right=right)
    target = Target(source=SOURCE, account=await do.account(), room_id=do.call.message.room_id)
    return await _say(do, do.here, target, content, "The poll is there.")


def _forum(spot: Spot) -> Spot:
    if not spot.chat.get("is_forum"):
        raise Refused(f"{spot.name} has no topics")
    return spot


async def _create(do: Errand) -> ActionResult:
    spot = _forum(do.here)
    await do.must(spot, NEW_TOPICS)
    made = await _call(do, "createForumTopic", spot, name=_topic_name(do))
    topic_id = str(made.get("message_thread_id", "")) if isinstance(made, dict) else ""
    there = Spot(chat=spot.chat)
    done = f"The topic {as_name(_topic_name(do))} is there, id {topic_id}.{there.link(topic_id)}"
    return ActionResult(text=done, data={"chat_id": spot.id, "topic_id": topic_id})


def _topic_name(do: Errand) -> str:
    name = one_line(clean_text(do.argument("name")), TOPIC_NAME)
    if not name:
        raise Refused("the topic needs a name")
    return name


_METHODS: Final = {
    "close": ("closeForumTopic", "closeGeneralForumTopic", "Closed"),
    "reopen": ("reopenForumTopic", "reopenGeneralForumTopic", "Open again"),
    "rename": ("editForumTopic", "editGeneralForumTopic", "Renamed"),
}


async def _change(do: Errand) -> ActionResult:
    spot = _forum(do.here)
    await do.must(spot, TOPICS)
    topic_id, told = await _topic(do)
    change = do.argument("change")
    method, general, done = _METHODS[change]
    name: Json = {"name": _topic_name(do)} if change == "rename" else {}
    thread: Json = {"message_thread_id": int(topic_id)} if topic_id else {}
    await _call(do, method if topic_id else general, spot, **thread, **name)
    link = Spot(chat=spot.chat).link(topic_id) if topic_id else ""
    new = f" {as_name(name['name'])}" if name else ""
    return ActionResult(
        text=f"{done}: the topic {told}{' is now' if new else ''}{new}.{link}",
        data={"chat_id": spot.id, "topic_id": topic_id},
    )


async def _topic(do: Errand) -> tuple[str, str]:
    """The id of the topic that is meant, empty for General; and how to speak of it. Raises Refused."""
    asked = do.argument("topic").lstrip("#")
    here = {room.thread_id: room.name for room in await do.rooms() if room.channel_id == do.here.id}
    if not asked or asked in here:
        topic_id = asked or do.here.topic
        return topic_id, as_name(here.get(topic_id, "")) if topic_id else "General"
    if asked.casefold() in ("general", "1"):
        return "", "General"
    named = [id for id, name in here.items() if id and name.casefold() == asked.casefold()]
    if len(named) != 1:
        many = "several topics are" if named else "the bot knows no topic that is"
        raise Refused(f"{many} called {one_line(asked, 60)}; name it by its id, or ask in it")
    return named[0], as_name(here[named[0]])


async def _send(do: Errand) -> ActionResult:
    if len(do.askers) > 1:
        raise Refused("several people spoke at once: the one who wants it has to say it again, alone")
    spot = await do.spot(do.argument("chat"))
    if (spot.id, spot.topic) == (do.here.id, do.here.topic):
        raise Refused("that is this very chat: just answer")
    await do.must(spot, SEND)
    text = clean_text(do.argument("text")).strip()
    if not text:
        raise Refused("there is no text to send")
    extra: dict[str, str] = {}
    if await do.agent.get_sender_role(do.call.message) is Role.NONE:
        sender = await do.agent.store.find_entity(do.call.message.entity_id)
        text = f"{text}\n(from {one_line(sender.names[0], 60) if sender and sender.names else 'somebody'})"
        extra = {ASKED_BY: do.askers[0]}
    key = f"{spot.id}-{spot.topic}" if spot.topic else spot.id
    # Where the agent knows the chat already, it remembers what it said there.
    room = await do.agent.store.find_room(create_unique_uuid(do.agent.agent_id, key))
    target = Target(
        source=SOURCE,
        account=await do.account(),
        room_id=room.id if room is not None else None,
        channel_id="" if room is not None else spot.id,
        thread_id="" if room is not None else spot.topic,
        extra=extra,
    )
    return await _say(do, spot, target, Content(text=text), f"Sent to {spot.name}.")


async def _say(do: Errand, spot: Spot, target: Target, content: Content, done: str) -> ActionResult:
    result = await deliver(do.agent, target, content, done=done, platform="Telegram")
    ids = result.data.get("message_ids") or [""]
    if not (result.success and ids[0]):
        return result
    link = spot.link(str(ids[0]).partition(",")[0])
    return ActionResult(text=f"{result.text}{link}", data=result.data)


async def _call(do: Errand, method: str, spot: Spot, **parameters: Any) -> Any:
    """A method about a chat. What is so already counts as done. Raises TelegramError."""
    try:
        return await do.lookup.call(method, {"chat_id": int(spot.id), **parameters})
    except BadRequest as error:
        if not any(part in error.message.lower() for part in UNCHANGED):
            raise
        return None
