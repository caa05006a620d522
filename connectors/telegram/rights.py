"""What somebody may do in a chat, by what getChat and getChatMember tell. Pure.

core.telegram.org/bots/api#chatmember, #chatpermissions, #chatadministratorrights
"""

from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]
IN_ANY_CASE: Final = ""
"""In place of a field: everybody of that standing may."""
NEVER: Final = "-"
"""The same: nobody of that standing may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """Something that one may be allowed to do, and the fields that say so."""

    name: str
    """As Telegram's apps call it."""
    member: str
    """Of the chat's permissions, and of a restricted member."""
    admin: str = IN_ANY_CASE
    """Of an administrator."""
    in_channel: str = NEVER
    """Of an administrator of a channel. Subscribers may only react."""
    bot: str = "member"
    """The standing that a bot needs for it: `member`, `administrator`."""


SEND: Final = Right(name="Send Messages", member="can_send_messages", in_channel="can_post_messages")
POLLS: Final = Right(name="Send Polls", member="can_send_polls", in_channel="can_post_messages")
FILES: Final = Right(name="Send Files", member="can_send_documents", in_channel="can_post_messages")
REACT: Final = Right(name="Add Reactions", member="can_react_to_messages", in_channel=IN_ANY_CASE)
PIN: Final = Right(
    name="Pin Messages",
    member="can_pin_messages",
    admin="can_pin_messages",
    in_channel="can_edit_messages",
    bot="administrator",
)
NEW_TOPICS: Final = Right(
    name="Manage Topics", member="can_manage_topics", admin="can_manage_topics", bot="administrator"
)
TOPICS: Final = Right(name="Manage Topics", member=NEVER, admin="can_manage_topics", bot="administrator")
"""Of topics that are there. Whoever began one may change it too, but bots are not told who did."""

_USUAL: Final = frozenset({"can_send_messages", "can_send_polls", "can_send_documents"})
"""What members may do where a server does not tell their permissions."""


def is_inside(member: Json | None) -> bool:
    """Whether somebody is in the chat now."""
    status = (member or {}).get("status")
    if status == "restricted":
        return bool(member and member.get("is_member"))
    return status in ("creator", "administrator", "member")


def may(chat: Json, member: Json | None, right: Right, *, is_bot: bool = False) -> bool:
    """Whether somebody may do something in a chat. `is_bot`: ourselves, who need more for some things."""
    if member is None or not is_inside(member):
        return False
    status = member["status"]
    if status == "creator":
        return True
    if status == "administrator":
        field = right.in_channel if chat.get("type") == "channel" else right.admin
        return field != NEVER and (field == IN_ANY_CASE or bool(member.get(field)))
    if right.member == NEVER or (is_bot and right.bot == "administrator"):
        return False
    if chat.get("type") == "channel":
        return right is REACT
    allowed = _has(chat.get("permissions"), right.member)
    return allowed and (status != "restricted" or _has(member, right.member))


def _has(permissions: Any, field: str) -> bool:
    if not isinstance(permissions, dict):
        return field in _USUAL or field == REACT.member
    if field == REACT.member and field not in permissions:
        # "If omitted, defaults to the value of can_send_messages."
        field = SEND.member
    return bool(permissions.get(field))
