"""Who is in the fake Telegram's chats with which rights, and what bots do there besides talking.

core.telegram.org/bots/api#getchatmember, #pinchatmessage, #sendpoll, #createforumtopic. Texts of errors
follow the open server (github.com/tdlib/telegram-bot-api, Client.cpp) and MTProto's names of errors.
"""

from collections import defaultdict
from typing import Any

from tests.fakes.telegram_methods import ApiError, Methods, Query, bad_request
from tests.fakes.telegram_text import Formatted
from tests.fakes.telegram_world import Chat, Json, User, World

PERMISSIONS = {
    "can_send_messages": True,
    "can_send_documents": True,
    "can_send_polls": True,
    "can_pin_messages": False,
    "can_manage_topics": False,
}


class Members:
    """Standings by chat and user. Without one somebody is a plain member."""

    def __init__(self, world: World, methods: Methods) -> None:
        self.world = world
        self.permissions: dict[int, Json] = defaultdict(lambda: dict(PERMISSIONS))
        """What members may do, by chat."""
        self.about: dict[int, Json] = defaultdict(dict)
        """More of getChat's answer."""
        self.pinned: dict[int, list[int]] = defaultdict(list)
        self.closed: set[tuple[int, int]] = set()
        """Topics that are closed; 1 is General."""
        self.secretive: set[int] = set()
        """Chats that tell bots of members only when they are administrators."""
        self._standing: dict[tuple[int, int], Json] = {}
        self._methods = methods
        self._get_chat = methods._table["getchat"]
        methods._table |= {
            "getchat": self._chat,
            "getchatmember": self._member,
            "getchatadministrators": self._admins,
            "getchatmembercount": self._count,
            "pinchatmessage": self._pin,
            "unpinchatmessage": self._unpin,
            "sendpoll": self._poll,
            "createforumtopic": self._create_topic,
            "editforumtopic": self._edit_topic,
            "closeforumtopic": self._close_topic,
            "reopenforumtopic": self._reopen_topic,
            "editgeneralforumtopic": self._edit_topic,
            "closegeneralforumtopic": self._close_topic,
            "reopengeneralforumtopic": self._reopen_topic,
        }

    # what tests say

    def stand(self, chat: Chat, user: User, status: str, **rights: Any) -> None:
        """Somebody is `creator`, `administrator`, `member`, `restricted`, `left` or `kicked` there."""
        self._standing[chat.id, user.id] = {"status": status, **rights}

    # what bots ask

    def _of(self, chat: Chat, user: User) -> Json:
        told = self._standing.get((chat.id, user.id), {"status": "member"})
        return (
            {"user": user.json(), "is_anonymous": False, **told}
            if _leads(told)
            else {"user": user.json(), **told}
        )

    def _may(self, query: Query, chat: Chat, right: str) -> None:
        if chat.type == "private":
            return
        told = self._of(chat, query.bot.user)
        if told["status"] != "creator" and not (told["status"] == "administrator" and told.get(right)):
            raise bad_request("not enough rights")

    async def _chat(self, query: Query) -> Json:
        told: Json = await self._get_chat(query)
        chat = self._methods._chat(query)
        if chat.type in ("group", "supergroup"):
            told["permissions"] = self.permissions[chat.id]
        return {**told, **self.about[chat.id]}

    async def _member(self, query: Query) -> Json:
        chat = self._methods._chat(query)
        user = self.world.users.get(query.integer("user_id"))
        if chat.id in self.secretive and not _leads(self._of(chat, query.bot.user)):
            raise bad_request("member list is inaccessible")
        if user is None:
            raise bad_request("PARTICIPANT_ID_INVALID")
        return self._of(chat, user)

    async def _admins(self, query: Query) -> list[Json]:
        chat = self._methods._chat(query)
        users = [self.world.users[id] for at, id in self._standing if at == chat.id]
        return [told for user in users if not user.is_bot and _leads(told := self._of(chat, user))]

    async def _count(self, query: Query) -> int:
        chat = self._methods._chat(query)
        gone = [
            told for (at, _), told in self._standing.items() if at == chat.id and told["status"] == "left"
        ]
        return len(self.world.users) - len(gone)

    # what bots do

    def _message(self, query: Query, chat: Chat, what: str) -> int:
        number = query.integer("message_id")
        if (query.bot.user.id, chat.id, number) not in self.world.messages:
            raise bad_request(f"message to {what} not found")
        return number

    async def _pin(self, query: Query) -> bool:
        chat = self._methods._chat(query)
        self._may(query, chat, "can_edit_messages" if chat.type == "channel" else "can_pin_messages")
        self.pinned[chat.id].append(self._message(query, chat, "pin"))
        return True

    async def _unpin(self, query: Query) -> bool:
        chat = self._methods._chat(query)
        self._may(query, chat, "can_edit_messages" if chat.type == "channel" else "can_pin_messages")
        number = self._message(query, chat, "unpin")
        if number not in self.pinned[chat.id]:
            raise bad_request("message is not pinned")
        self.pinned[chat.id].remove(number)
        return True

    async def _poll(self, query: Query) -> Json:
        chat = self._methods._chat(query)
        options, question = query.decoded("options"), query.args.get("question", "")
        if not isinstance(options, list) or not 2 <= len(options) <= 12:
            raise bad_request("poll must have at least 2 option and at most 12 options")
        texts = [each["text"] if isinstance(each, dict) else each for each in options]
        if not 1 <= len(question) <= 300 or not all(1 <= len(text) <= 100 for text in texts):
            raise bad_request("poll question length must not exceed 300")
        kind = query.args.get("type") or "regular"
        if kind == "quiz" and not query.args.get("correct_option_ids"):
            raise bad_request("quiz must have a correct option")
        anonymous = query.args.get("is_anonymous", "true") == "true"
        if chat.type == "channel" and not anonymous:
            raise bad_request("non-anonymous polls can't be sent to channel chats")
        poll = {
            "id": "5",
            "question": question,
            "options": [{"text": text, "voter_count": 0, "persistent_id": text} for text in texts],
            "total_voter_count": 0,
            "is_closed": False,
            "is_anonymous": anonymous,
            "type": kind,
            "allows_multiple_answers": query.flag("allows_multiple_answers"),
        }
        return await self._methods._keep(query, chat, Formatted(""), as_caption=True, poll=poll)

    def _forum(self, query: Query) -> tuple[Chat, int]:
        chat = self._methods._chat(query)
        if not chat.is_forum:
            raise bad_request("the chat is not a forum")
        self._may(query, chat, "can_manage_topics")
        topic = query.integer("message_thread_id", 1)
        if topic != 1 and topic not in chat.topics:
            raise bad_request("TOPIC_ID_INVALID")
        return chat, topic

    async def _create_topic(self, query: Query) -> Json:
        chat, _ = self._forum(query)
        name = query.args.get("name", "")
        if not 1 <= len(name) <= 128:
            raise bad_request("topic name must be 1-128 characters")
        topic = self.world.next_message_id(chat, query.bot)
        chat.topics[topic] = name
        return {"message_thread_id": topic, "name": name, "icon_color": 7322096}

    async def _edit_topic(self, query: Query) -> bool:
        chat, topic = self._forum(query)
        if chat.topics.get(topic) == query.args.get("name"):
            raise bad_request("TOPIC_NOT_MODIFIED")
        chat.topics[topic] = query.args.get("name", "")
        return True

    async def _close_topic(self, query: Query) -> bool:
        chat, topic = self._forum(query)
        if (chat.id, topic) in self.closed:
            raise bad_request("TOPIC_NOT_MODIFIED")
        self.closed.add((chat.id, topic))
        return True

    async def _reopen_topic(self, query: Query) -> bool:
        chat, topic = self._forum(query)
        if (chat.id, topic) not in self.closed:
            raise bad_request("TOPIC_NOT_MODIFIED")
        self.closed.discard((chat.id, topic))
        return True

    def lack(self, *names: str) -> None:
        """A server that does not know these methods."""

        async def unknown(_query: Query) -> Any:
            raise ApiError(404, "Not Found")

        for name in names:
            self._methods._table[name.lower()] = unknown


def _leads(told: Json) -> bool:
    return told["status"] in ("creator", "administrator")
