"""Actions that leave something behind: reactions, pins, files, direct messages."""

from typing import Any, Final

from slack_sdk.errors import SlackApiError

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
from connectors.slack.emoji import name_of
from connectors.slack.errand import Errand, Spot, errand
from connectors.slack.errors import code_of
from connectors.slack.events import display_name, room_key
from connectors.slack.lookups import Json, Workspace
from connectors.slack.readback import CHANNEL
from connectors.slack.telling import PERSON, find_person

MOST_PEOPLE: Final = 7
"""conversations.open takes eight, and one of them is whoever asks."""
DONE: Final = frozenset({"already_reacted", "already_pinned", "no_pin", "not_pinned"})
MESSAGE: Final[Json] = {
    "type": "string",
    "maxLength": 300,
    "description": "Id or link of the message; without it the first of this thread, else the one that asks.",
}


def doing_actions(workspace: Workspace) -> list[Action]:
    """What leaves something behind, for one account."""
    message = {"message": MESSAGE, "channel": CHANNEL}
    text = {"type": "string", "minLength": 1}
    return [
        Action(
            name="REACT_TO_MESSAGE",
            description="Put a reaction to a message.",
            similes=("REACT", "ADD_REACTION"),
            handler=errand(workspace, _react),
            idempotent=True,
            parameters=as_object(
                {"emoji": text | {"maxLength": 100, "description": "Its name, or itself."}, **message},
                required=["emoji"],
            ),
        ),
        Action(
            name="PIN_MESSAGE",
            description="Pin a message in its channel.",
            handler=errand(workspace, _pin),
            idempotent=True,
            parameters=as_object(message),
        ),
        Action(
            name="UNPIN_MESSAGE",
            description="Take a message off the pinned ones of its channel.",
            handler=errand(workspace, _unpin),
            idempotent=True,
            parameters=as_object(message),
        ),
        Action(
            name="UPLOAD_FILE",
            description="Put a text file into this conversation.",
            handler=errand(workspace, _upload),
            parameters=as_object(
                {
                    "name": text | {"maxLength": 100, "description": "With its ending: report.csv"},
                    "content": text | {"maxLength": 40_000},
                    "comment": {"type": "string", "maxLength": 2000},
                },
                required=["name", "content"],
            ),
        ),
        Action(
            name="SEND_DM",
            description=(
                "Write to somebody of this workspace in private, or to several together with whoever asks. "
                "Only when the person who asks wants just that."
            ),
            similes=("OPEN_DM",),
            handler=errand(workspace, _dm),
            confirm=True,
            parameters=as_object(
                {
                    "people": {"type": "array", "minItems": 1, "maxItems": MOST_PEOPLE, "items": PERSON},
                    "text": text | {"maxLength": 4000},
                },
                required=["people", "text"],
            ),
        ),
    ]


async def _react(do: Errand) -> ActionResult:
    spot, ts = await do.message()
    await do.must_write(spot)
    asked = one_line(do.argument("emoji"), 40)
    name = name_of(do.argument("emoji"))
    if not name:
        raise Refused(f"name the emoji {asked} as Slack does, such as thumbsup")
    try:
        await _call(do, "reactions.add", channel=spot.id, timestamp=ts, name=name)
    except SlackApiError as error:
        if code_of(error) != "invalid_name":
            raise
        raise Refused(f"this workspace has no emoji called {asked}") from error
    return ActionResult(text=f"Reacted with :{name}:.", data=_about(spot, ts))


async def _pin(do: Errand) -> ActionResult:
    spot, ts = await do.message()
    await do.must_write(spot)
    await _call(do, "pins.add", channel=spot.id, timestamp=ts)
    return ActionResult(text=f"Pinned in {spot.name}.", data=_about(spot, ts))


async def _unpin(do: Errand) -> ActionResult:
    spot, ts = await do.message()
    await do.must_write(spot)
    await _call(do, "pins.remove", channel=spot.id, timestamp=ts)
    return ActionResult(text=f"No longer pinned in {spot.name}.", data=_about(spot, ts))


async def _upload(do: Errand) -> ActionResult:
    await do.must_write(do.here)
    name = one_line(clean_text(do.argument("name")), 100).replace("/", "_").replace("\\", "_")
    data = clean_text(str(do.call.arguments["content"])).encode()
    if not name.strip(". ") or not data.strip():
        raise Refused("the file needs a name and a content")
    media = await do.agent.save_media(data, file_name=name, title=name)
    content = Content(text=clean_text(do.argument("comment")).strip(), attachments=[media])
    target = Target(source="slack", account=do.account, room_id=do.call.message.room_id)
    return await deliver(do.agent, target, content, done=f"The file {name} is there.", platform="Slack")


async def _dm(do: Errand) -> ActionResult:
    if len(do.askers) > 1:
        raise Refused("several people spoke at once: the one who wants it has to say it again, alone")
    asker = do.askers[0]
    text = clean_text(do.argument("text")).strip()
    if not text:
        raise Refused("there is no text to send")
    people = [await find_person(do, str(name)) for name in do.call.arguments["people"]]
    if bots := [display_name(user) for user in people if user.get("is_bot")]:
        raise Refused(f"{bots[0]} is a bot: bots cannot write to each other in private")
    others = {str(user["id"]): display_name(user) for user in people if str(user["id"]) != asker}
    if others:
        if await do.agent.get_sender_role(do.call.message) is Role.NONE:
            raise Refused("only an ADMIN of this bot may have it write to others in private")
        who = await do.workspace.user(asker)
        text = f"{text}\n(from {display_name(who) if who else 'somebody'})"
    # Several together are not written to behind the back of whoever asks.
    ids = [*others, asker] if len(others) > 1 or len(people) > 1 else list(others) or [asker]
    answer = await _call(do, "conversations.open", users=",".join(dict.fromkeys(ids)))
    opened: Any = answer.get("channel")
    channel_id = str(opened.get("id") or "") if isinstance(opened, dict) else ""
    if not channel_id:
        raise Refused("Slack opened no conversation")
    # Where the agent knows the conversation already, it remembers what it said there.
    key = do.workspace.own_key(room_key(channel_id))
    room = await do.agent.store.find_room(create_unique_uuid(do.agent.agent_id, key))
    target = Target(
        source="slack",
        account=do.account,
        room_id=room.id if room is not None else None,
        channel_id="" if room is not None else channel_id,
    )
    told = ", ".join(others.values()) or "the person who asks"
    return await deliver(
        do.agent, target, Content(text=text), done=f"Sent to {told} in private.", platform="Slack"
    )


async def _call(do: Errand, method: str, **arguments: Any) -> Json:
    """A method. What is so already counts as done. Raises what slack-sdk and aiohttp raise."""
    try:
        answer = await do.workspace.web().api_call(method, json=arguments)
    except SlackApiError as error:
        if code_of(error) not in DONE:
            raise
        return {}
    return answer.data if isinstance(answer.data, dict) else {}


def _about(spot: Spot, ts: str) -> Json:
    return {"channel_id": spot.id, "message_id": ts}
