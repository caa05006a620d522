"""The Bot API methods of the fake Telegram, each with the refusals of the real one.

Texts and codes of errors follow the open server (github.com/tdlib/telegram-bot-api, Client.cpp).
Parameters are text, as the server sees them: JSON bodies are flattened before
(core.telegram.org/bots/api#making-requests).
"""

import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.fakes.telegram_text import Formatted, ParseError, format_text
from tests.fakes.telegram_updates import PollAborted
from tests.fakes.telegram_world import BotAccount, BotMessage, Chat, Json, World, without_reply

GENERAL_TOPIC = 1
CAPTION_LIMIT = 1024
REACTIONS = frozenset("👍👎❤🔥🎉🤔😱😢👌🤷")
"""Some of those that bots may use: https://core.telegram.org/bots/api#reactiontypeemoji"""
ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)
WEBHOOK_CONFLICT = (
    "Conflict: can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)


class ApiError(Exception):
    """An answer with `ok` false."""

    def __init__(self, code: int, description: str, parameters: Json | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


def bad_request(why: str, parameters: Json | None = None) -> ApiError:
    """The usual refusal."""
    return ApiError(400, f"Bad Request: {why}", parameters)


@dataclass
class Query:
    """One request: who asks, with what."""

    bot: BotAccount
    args: dict[str, str]
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def integer(self, name: str, default: int = 0, low: int | None = None, high: int | None = None) -> int:
        """A number, forced into its range; what is no number counts as the default."""
        text = self.args.get(name, "").strip()
        value = int(text) if re.fullmatch(r"-?\d+", text) else default
        value = value if low is None else max(low, value)
        return value if high is None else min(high, value)

    def decoded(self, name: str) -> Any:
        """A parameter that is JSON; None when it is missing."""
        text = self.args.get(name, "")
        if not text:
            return None
        try:
            return json.loads(text)
        except ValueError:
            raise bad_request(f"can't parse {name.replace('_', ' ')} JSON object") from None

    def flag(self, name: str) -> bool:
        """A boolean."""
        return self.args.get(name, "").lower() in ("true", "yes", "1")


class Methods:
    """Every method that the fake knows, by its lower-case name."""

    def __init__(self, world: World, on_sent: Callable[[BotMessage], Awaitable[None]]) -> None:
        self.world = world
        self.sent: list[BotMessage] = []
        self.drafts: list[Json] = []
        self.answered_callbacks: list[Json] = []
        self._on_sent = on_sent
        self._table: dict[str, Callable[[Query], Awaitable[Any]]] = {
            "getme": self._get_me,
            "getupdates": self._get_updates,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._get_webhook_info,
            "sendmessage": self._send_message,
            "sendphoto": self._send_photo,
            "senddocument": self._send_document,
            "sendvoice": self._send_voice,
            "sendaudio": self._send_audio,
            "sendvideo": self._send_video,
            "sendanimation": self._send_animation,
            "sendmediagroup": self._send_media_group,
            "editmessagemedia": self._edit_message_media,
            "editmessagecaption": self._edit_message_caption,
            "sendmessagedraft": self._send_message_draft,
            "editmessagetext": self._edit_message_text,
            "deletemessage": self._delete_message,
            "sendchataction": self._send_chat_action,
            "setmessagereaction": self._set_message_reaction,
            "getchat": self._get_chat,
            "getfile": self._get_file,
            "editmessagereplymarkup": self._edit_message_reply_markup,
            "answercallbackquery": self._answer_callback_query,
        }

    def add(self, more: Mapping[str, Callable[["Methods", Query], Awaitable[Any]]]) -> None:
        """Further methods, by their lower-case names."""
        self._table.update({name: partial(work, self) for name, work in more.items()})

    def lack(self, *names: str) -> None:
        """A server without these methods."""
        for name in names:
            del self._table[name.lower()]

    async def call(self, method: str, query: Query) -> Any:
        """The method's result. Raises ApiError."""
        handler = self._table.get(method.lower())
        if handler is None:
            raise ApiError(404, "Not Found")
        try:
            return await handler(query)
        except ParseError as error:
            raise bad_request(str(error)) from error

    async def _get_me(self, query: Query) -> Json:
        return query.bot.me()

    async def _get_updates(self, query: Query) -> list[Json]:
        if query.bot.webhook:
            raise ApiError(409, WEBHOOK_CONFLICT)
        allowed = query.decoded("allowed_updates")
        query.bot.updates.allow(allowed if isinstance(allowed, list) else None)
        try:
            return await query.bot.updates.get(
                offset=query.integer("offset"),
                limit=query.integer("limit", 100, 1, 100),
                timeout=query.integer("timeout", 0, 0, 50),
            )
        except PollAborted as error:
            raise ApiError(409, str(error)) from error

    async def _set_webhook(self, query: Query) -> bool:
        url = query.args.get("url", "")
        if url:
            if not url.startswith("https://"):
                raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
            query.bot.updates.abort("Conflict: terminated by setWebhook request")
        allowed = query.decoded("allowed_updates")
        query.bot.updates.allow(allowed if isinstance(allowed, list) else None)
        query.bot.webhook = {"url": url} if url else {}
        if query.flag("drop_pending_updates"):
            await query.bot.updates.clear()
        return True

    async def _delete_webhook(self, query: Query) -> bool:
        query.args["url"] = ""
        return await self._set_webhook(query)

    async def _get_webhook_info(self, query: Query) -> Json:
        info: Json = {
            "url": query.bot.webhook.get("url", ""),
            "has_custom_certificate": False,
            "pending_update_count": len(query.bot.updates.pending),
        }
        if info["url"]:
            info |= {"max_connections": 40, "ip_address": "192.0.2.1"}
        return info

    def _chat(self, query: Query) -> Chat:
        """The chat to write to. Raises the refusals of `check_chat` and `check_chat_access`."""
        given = query.args.get("chat_id", "")
        if not given:
            raise bad_request("chat_id is empty")
        by_name = {f"@{chat.username}": chat for chat in self.world.chats.values() if chat.username}
        chat = by_name.get(given) or self.world.chats.get(query.integer("chat_id"))
        if chat is None:
            raise bad_request("chat not found")
        if chat.migrated_to is not None:
            raise bad_request(
                "group chat was upgraded to a supergroup chat", {"migrate_to_chat_id": chat.migrated_to}
            )
        if chat.id in query.bot.blocked_in:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        if chat.id in query.bot.kicked_from:
            raise ApiError(403, f"Forbidden: bot was kicked from the {chat.type} chat")
        return chat

    def _thread(self, query: Query, chat: Chat) -> int | None:
        """The topic to write to; chats without topics ignore it (`check_message_topic`)."""
        thread = query.integer("message_thread_id")
        if thread == 0 or not (chat.is_forum or chat.type == "private"):
            return None
        if thread == GENERAL_TOPIC or thread not in chat.topics:
            raise bad_request("message thread not found")
        return thread

    def _reply_to(self, query: Query, chat: Chat) -> int | None:
        given = query.decoded("reply_parameters") or {}
        if not isinstance(given, dict):
            raise bad_request("object expected as reply parameters")
        message_id = given.get("message_id") or query.integer("reply_to_message_id")
        if not message_id:
            return None
        if (query.bot.user.id, chat.id, message_id) in self.world.messages:
            return int(message_id)
        if given.get("allow_sending_without_reply") or query.flag("allow_sending_without_reply"):
            return None
        raise bad_request("message to be replied not found")

    def _check_preview(self, query: Query) -> None:
        given = query.decoded("link_preview_options")
        if given is not None and not isinstance(given, dict):
            raise bad_request("object expected as link preview options")

    def _formatted(self, query: Query, limit: int = 4096) -> Formatted:
        text = query.args.get("text", "")
        if not text:
            raise ParseError("message text is empty")
        return format_text(text, query.args.get("parse_mode", ""), query.decoded("entities"), limit=limit)

    async def _keep(
        self, query: Query, chat: Chat, formatted: Formatted, *, as_caption: bool = False, **fields: Any
    ) -> Json:
        thread, reply_to = self._thread(query, chat), self._reply_to(query, chat)
        names = ("caption", "caption_entities") if as_caption else ("text", "entities")
        if formatted.text or not as_caption:
            fields[names[0]] = formatted.text
        if formatted.entities:
            fields[names[1]] = formatted.entities
        if (markup := _markup(query)) is not None:
            fields["reply_markup"] = markup
        sender = None if chat.type == "channel" else query.bot.user
        message = self.world.build(query.bot, chat, sender, topic=thread, reply_to=reply_to, **fields)
        sent = BotMessage(
            chat_id=chat.id,
            message_id=message["message_id"],
            text=formatted.text,
            entities=formatted.entities,
            thread_id=thread,
            reply_to=reply_to,
            request=dict(query.args),
            bot_id=query.bot.user.id,
        )
        self.sent.append(sent)
        await self._on_sent(sent)
        return message

    async def _send_message(self, query: Query) -> Json:
        formatted = self._formatted(query)
        self._check_preview(query)
        return await self._keep(query, self._chat(query), formatted)

    def _caption(self, query: Query) -> Formatted:
        text = query.args.get("caption", "")
        if not text:
            return Formatted("")
        try:
            return format_text(
                text, query.args.get("parse_mode", ""), query.decoded("caption_entities"), limit=CAPTION_LIMIT
            )
        except ParseError as error:
            if str(error) == "message is too long":
                raise ParseError("message caption is too long") from error
            raise

    def _upload(self, query: Query, name: str) -> tuple[str, Json]:
        if name in query.files:
            file_name, content = query.files[name]
        elif (known := query.args.get(name, "")) in self.world.files:
            file_name, content = self.world.files[known]
        else:
            raise bad_request(f"there is no {name} in the request")
        return file_name, self.world.store_file(file_name, content)

    async def _send_photo(self, query: Query) -> Json:
        chat, caption = self._chat(query), self._caption(query)
        _, stored = self._upload(query, "photo")
        photo = [{**stored, "width": 90, "height": 90}]
        return await self._keep(query, chat, caption, as_caption=True, photo=photo)

    async def _send_document(self, query: Query) -> Json:
        chat, caption = self._chat(query), self._caption(query)
        name, stored = self._upload(query, "document")
        return await self._keep(query, chat, caption, as_caption=True, document={**stored, "file_name": name})

    async def _send_voice(self, query: Query) -> Json:
        chat, caption = self._chat(query), self._caption(query)
        name, stored = self._upload(query, "voice")
        if chat.id in self.world.no_voice:
            raise bad_request("VOICE_MESSAGES_FORBIDDEN")
        if not is_voice(self.world.files[stored["file_id"]][1]):
            # It becomes a document (core.telegram.org/bots/api#sendvoice).
            return await self._keep(
                query, chat, caption, as_caption=True, document={**stored, "file_name": name}
            )
        return await self._keep(query, chat, caption, as_caption=True, voice={**stored, "duration": 1})

    async def _send_audio(self, query: Query) -> Json:
        chat, caption = self._chat(query), self._caption(query)
        name, stored = self._upload(query, "audio")
        audio = {**stored, "duration": 1, "file_name": name}
        return await self._keep(query, chat, caption, as_caption=True, audio=audio)

    async def _send_video(self, query: Query) -> Json:
        chat, caption = self._chat(query), self._caption(query)
        name, stored = self._upload(query, "video")
        video = {**stored, "duration": 1, "width": 90, "height": 90, "file_name": name}
        return await self._keep(query, chat, caption, as_caption=True, video=video)

    async def _send_animation(self, query: Query) -> Json:
        chat, caption = self._chat(query), self._caption(query)
        name, stored = self._upload(query, "animation")
        animation = {**stored, "duration": 1, "width": 90, "height": 90, "file_name": name}
        return await self._keep(query, chat, caption, as_caption=True, animation=animation)

    def _input_media(self, query: Query, item: Any) -> tuple[str, Query, Json]:
        """An InputMedia: its type, its caption's parameters, and its file."""
        if not isinstance(item, dict) or not str(item.get("media", "")).startswith("attach://"):
            raise bad_request('can\'t parse InputMedia: Field "media" must be a file that is attached')
        name = item["media"].removeprefix("attach://")
        file_name, stored = self._upload(query, name)
        kind = str(item.get("type"))
        fields: Json = {**stored, "file_name": file_name}
        if kind == "photo":
            stored_as: Json = {"photo": [{**stored, "width": 90, "height": 90}]}
        elif kind in ("document", "audio", "video"):
            stored_as = {kind: fields if kind == "document" else {**fields, "duration": 1}}
        else:
            raise bad_request("can't parse InputMedia: unknown type")
        kept = {"chat_id", "message_id", "message_thread_id", "reply_parameters"}
        args = {key: value for key, value in query.args.items() if key in kept}
        args |= {key: str(item[key]) for key in ("caption", "parse_mode") if item.get(key)}
        return kind, Query(query.bot, args, query.files), stored_as

    async def _send_media_group(self, query: Query) -> list[Json]:
        chat, media = self._chat(query), query.decoded("media")
        if not isinstance(media, list) or not 2 <= len(media) <= 10:
            raise bad_request("there must be 2 to 10 messages to send as an album")
        items = [self._input_media(query, item) for item in media]
        kinds = {kind for kind, _, _ in items}
        if len(kinds) > 1 and not kinds <= {"photo", "video"}:
            raise bad_request("message type can't be mixed with other types in an album")
        captions = [self._caption(asked) for _, asked, _ in items]
        return [
            await self._keep(asked, chat, caption, as_caption=True, media_group_id="1", **stored)
            for (_, asked, stored), caption in zip(items, captions, strict=True)
        ]

    async def _edit_message_media(self, query: Query) -> Json:
        chat = self._chat(query)
        sent = self._own(query, chat, "edit")
        _, asked, stored = self._input_media(query, query.decoded("media"))
        caption = self._caption(asked)
        sent.text, sent.entities, sent.request = caption.text, caption.entities, dict(query.args)
        sent.edits += 1
        message = self.world.messages[query.bot.user.id, chat.id, sent.message_id]
        for key in ("text", "entities", "photo", "document"):
            message.pop(key, None)
        _mark_up(message, _markup(query))
        message |= {**stored, "caption": caption.text}
        await self._on_sent(sent)
        return without_reply(message)

    async def _edit_message_caption(self, query: Query) -> Json:
        chat = self._chat(query)
        sent = self._own(query, chat, "edit")
        message = self.world.messages[query.bot.user.id, chat.id, sent.message_id]
        if "text" in message:
            raise bad_request("there is no caption in the message to edit")
        caption = self._caption(query)
        sent.text, sent.entities, sent.request = caption.text, caption.entities, dict(query.args)
        sent.edits += 1
        _mark_up(message, _markup(query))
        message["caption"] = caption.text
        await self._on_sent(sent)
        return without_reply(message)

    async def _send_message_draft(self, query: Query) -> bool:
        chat = self._chat(query)
        if chat.type != "private":
            raise bad_request("TEXTDRAFT_PEER_INVALID")
        if not query.integer("draft_id"):
            raise bad_request("RANDOM_ID_EMPTY")
        text = self._formatted(query).text if query.args.get("text") else ""
        thread = self._thread(query, chat)
        topic = {} if thread is None else {"thread_id": thread}
        draft = {"chat_id": chat.id, "draft_id": query.integer("draft_id"), "text": text}
        self.drafts.append({**draft, **topic})
        return True

    def _own(self, query: Query, chat: Chat, what: str) -> BotMessage:
        message_id = query.integer("message_id")
        for message in self.sent:
            same = (message.chat_id, message.message_id, message.bot_id)
            if same == (chat.id, message_id, query.bot.user.id) and not message.deleted:
                return message
        if (query.bot.user.id, chat.id, message_id) in self.world.messages and what == "edit":
            raise bad_request("message can't be edited")
        raise bad_request(f"message to {what} not found")

    async def _edit_message_text(self, query: Query) -> Json:
        formatted = self._formatted(query)
        chat = self._chat(query)
        sent = self._own(query, chat, "edit")
        markup, shown = _markup(query), self.world.messages[query.bot.user.id, chat.id, sent.message_id]
        before = (sent.text, sent.entities, shown.get("reply_markup"))
        if before == (formatted.text, formatted.entities, markup):
            raise bad_request(
                "message is not modified: specified new message content and reply markup are exactly "
                "the same as a current content and reply markup of the message"
            )
        sent.text, sent.entities, sent.request = formatted.text, formatted.entities, dict(query.args)
        sent.edits += 1
        message = self.world.messages[query.bot.user.id, chat.id, sent.message_id]
        if "text" not in message:
            raise bad_request("there is no text in the message to edit")
        message.pop("entities", None)
        _mark_up(message, markup)
        message |= {"text": formatted.text, "edit_date": int(time.time())}
        if formatted.entities:
            message["entities"] = formatted.entities
        await self._on_sent(sent)
        return without_reply(message)

    async def _edit_message_reply_markup(self, query: Query) -> Json:
        chat = self._chat(query)
        sent, markup = self._own(query, chat, "edit"), _markup(query)
        message = self.world.messages[query.bot.user.id, chat.id, sent.message_id]
        if message.get("reply_markup") == markup:
            raise bad_request(
                "message is not modified: specified new message content and reply markup are exactly "
                "the same as a current content and reply markup of the message"
            )
        _mark_up(message, markup)
        await self._on_sent(sent)
        return without_reply(message)

    async def _delete_message(self, query: Query) -> bool:
        chat = self._chat(query)
        self._own(query, chat, "delete").deleted = True
        self.world.messages.pop((query.bot.user.id, chat.id, query.integer("message_id")), None)
        return True

    async def _set_message_reaction(self, query: Query) -> bool:
        """https://core.telegram.org/bots/api#setmessagereaction"""
        chat, number = self._chat(query), query.integer("message_id")
        if (query.bot.user.id, chat.id, number) not in self.world.messages:
            raise bad_request("message to react not found")
        reactions = query.decoded("reaction")
        if not isinstance(reactions, list) or any(each.get("emoji") not in REACTIONS for each in reactions):
            raise bad_request("REACTION_INVALID")
        self.world.reactions[chat.id, number] = [each["emoji"] for each in reactions]
        return True

    async def _send_chat_action(self, query: Query) -> bool:
        if query.args.get("action", "") not in ACTIONS:
            raise bad_request("wrong parameter action in request")
        self._thread(query, self._chat(query))
        return True

    async def _get_chat(self, query: Query) -> Json:
        chat = self._chat(query)
        return {
            **chat.json(),
            "accent_color_id": 0,
            "max_reaction_count": 11,
            "accepted_gift_types": {
                "unlimited_gifts": False,
                "limited_gifts": False,
                "unique_gifts": False,
                "premium_subscription": False,
                "gifts_from_channels": False,
            },
        }

    async def _get_file(self, query: Query) -> Json:
        file_id = query.args.get("file_id", "")
        if file_id not in self.world.files:
            raise bad_request("invalid file_id")
        name, content = self.world.files[file_id]
        if len(content) > self.world.download_limit:
            raise bad_request("file is too big")
        if self.world.local_files is not None:
            # A server with --local writes the file to its own disk (github.com/tdlib/telegram-bot-api).
            folder = self.world.local_files / query.bot.token / "documents"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
            return {"file_id": file_id, "file_unique_id": "U", "file_path": str(folder / name)}
        return {
            "file_id": file_id,
            "file_unique_id": f"U{file_id}",
            "file_size": len(content),
            "file_path": f"documents/{file_id}/{name}",
        }

    async def _answer_callback_query(self, query: Query) -> bool:
        press_id = query.args.get("callback_query_id", "")
        if press_id not in self.world.presses:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        if len(query.args.get("text", "")) > 200:
            raise bad_request("MESSAGE_TOO_LONG")
        self.world.presses.discard(press_id)
        self.answered_callbacks.append(dict(query.args))
        return True


def is_voice(data: bytes) -> bool:
    """OGG, MP3 or M4A (core.telegram.org/bots/api#sendvoice)."""
    return data.startswith((b"OggS", b"ID3", b"\xff\xfb")) or data[4:8] == b"ftyp"


def _markup(query: Query) -> Json | None:
    """https://core.telegram.org/bots/api#inlinekeyboardmarkup; None: no buttons."""
    given = query.decoded("reply_markup")
    rows = given.get("inline_keyboard") if isinstance(given, dict) else None
    if not rows:
        return None
    for button in (button for row in rows for button in row):
        if not button.get("text"):
            raise bad_request("can't parse inline keyboard button: Text buttons are unallowed")
        if not 1 <= len(button.get("callback_data", "").encode()) <= 64:
            raise bad_request("BUTTON_DATA_INVALID")
    return {"inline_keyboard": rows}


def _mark_up(message: Json, markup: Json | None) -> None:
    """An edit sets the buttons, or takes them away."""
    message.pop("reply_markup", None)
    if markup is not None:
        message["reply_markup"] = markup
