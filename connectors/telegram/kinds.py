"""The kinds of Telegram's messages: how each is said in words, and which are notices. Pure.

`tests/connectors/test_telegram_kinds.py` looks that every attribute of the library's `Message` stands in one
of these tables, so that a kind that a new version brings cannot be dropped unseen.
"""

from collections.abc import Callable
from typing import Any, Final

from telegram import ExternalReplyInfo, Message

from bot_host.connector import one_line
from connectors.telegram.spans import seconds_of

FORM_CHARACTERS: Final = 1000


def _seconds(time: Any) -> str:
    return f"{int(seconds_of(time) or 0)} s"


def _joined(*parts: object) -> str:
    return ", ".join(one_line(str(part), 300) for part in parts if part)


def _named(user: Any) -> str:
    names = (getattr(user, "first_name", ""), getattr(user, "last_name", ""))
    return " ".join(filter(None, names)) or getattr(user, "username", "") or f"user {user.user_id}"


def _location(place: Any) -> str:
    where = f"{place.latitude:.5f}, {place.longitude:.5f}"
    lives = seconds_of(place.live_period)
    if not lives:
        return f"location: {where}"
    # 0x7FFFFFFF: until its sender ends it (core.telegram.org/bots/api#location).
    until = "until it is ended" if lives >= 0x7FFFFFFF else f"for {int(lives)} s"
    return f"live location, shared {until}: {where}"


def _poll(poll: Any) -> str:
    correct = set(poll.correct_option_ids or ())
    options = []
    for place, option in enumerate(poll.options):
        notes = [f"{option.voter_count} votes"] if poll.total_voter_count else []
        notes += ["correct"] if place in correct else []
        options.append(option.text + (f" ({', '.join(notes)})" if notes else ""))
    how = _joined(
        "" if poll.is_anonymous else "votes are public",
        "several answers" if poll.allows_multiple_answers else "",
        "closed" if poll.is_closed else "",
    )
    about = f" {poll.description}" if poll.description else ""
    kind = "quiz" if poll.type == poll.QUIZ else "poll"
    return f"{kind}: {poll.question}{about}; options: {' / '.join(options)}{f' ({how})' if how else ''}"


def _task(task: Any) -> str:
    return f"{'[x]' if task.completion_date else '[ ]'} {task.text}"


def _checklist(value: Any) -> str:
    return f"checklist: {value.title}: {' / '.join(_task(task) for task in value.tasks)}"


def _amount(value: Any) -> str:
    return f"{value.total_amount} {value.currency} in its smallest unit"


def _prize(value: Any) -> str:
    if value.prize_star_count:
        return f"{value.prize_star_count} Telegram Stars"
    months = value.premium_subscription_month_count
    return _joined(f"{months} months of Telegram Premium" if months else "", value.prize_description)


def _winners(value: Any) -> str:
    names = " / ".join(_named(user) for user in value.winners)
    return f"giveaway has ended: {_joined(_prize(value))}; winners: {names}"


def _tasks_done(value: Any) -> str:
    known = value.checklist_message.checklist if value.checklist_message else None
    texts = {task.id: task.text for task in known.tasks} if known else {}

    def named(ids: Any) -> str:
        return " / ".join(texts.get(id, f"task {id}") for id in ids or ())

    done, undone = named(value.marked_as_done_task_ids), named(value.marked_as_not_done_task_ids)
    what = [f"marked as done: {done}" if done else "", f"marked as not done: {undone}" if undone else ""]
    return f"checklist{f' {known.title}' if known else ''}: {'; '.join(filter(None, what))}"


Form = Callable[[Any], str]

FORMS: Final[dict[str, Form]] = {
    "photo": lambda _: "photo",
    "live_photo": lambda _: "photo",
    "animation": lambda _: "animation",
    "video": lambda v: f"video, {_seconds(v.duration)}",
    "video_note": lambda v: f"video message, {_seconds(v.duration)}",
    "voice": lambda v: f"voice message, {_seconds(v.duration)}",
    "audio": lambda v: f"audio: {_joined(v.performer, v.title or v.file_name) or _seconds(v.duration)}",
    "document": lambda v: f"file: {v.file_name or v.mime_type or 'unnamed'}",
    "sticker": lambda v: f"sticker {_joined(v.emoji, f'of the set {v.set_name}' if v.set_name else '')}",
    "venue": lambda v: (
        f"place: {_joined(v.title, v.address)}; {v.location.latitude:.5f}, {v.location.longitude:.5f}"
    ),
    "location": _location,
    "contact": lambda v: f"contact: {_named(v)}, {v.phone_number}",
    "poll": _poll,
    "dice": lambda v: f"dice {v.emoji} {v.value}",
    "checklist": _checklist,
    "game": lambda v: f"game: {v.title}: {v.description}",
    "invoice": lambda v: f"invoice: {_joined(v.title, v.description, _amount(v))}",
    "story": lambda v: f"story of {v.chat.effective_name or 'somebody'}",
    "paid_media": lambda v: f"paid media, {v.star_count} Telegram Stars",
    "giveaway": lambda v: f"giveaway: {_joined(_prize(v), f'{v.winner_count} winners')}",
    "giveaway_winners": _winners,
    "gift": lambda v: f"gift {_joined(v.gift.sticker.emoji, f'{v.gift.star_count} Telegram Stars', v.text)}",
    "unique_gift": lambda v: f"gift: {v.gift.base_name} #{v.gift.number}",
    "web_app_data": lambda v: f"sent from the app behind {v.button_text}: {v.data}",
    "users_shared": lambda v: f"shared people: {' / '.join(f'{_named(u)} ({u.user_id})' for u in v.users)}",
    "chat_shared": lambda v: f"shared a chat: {_joined(v.title, v.chat_id)}",
    "successful_payment": lambda v: f"paid {_amount(v)}",
}
"""What people send, by its attribute. A venue comes with a `location`, an animation with a `document`, a live
photo with a `photo`: the first that is there counts."""

NOTED: Final[dict[str, Form]] = {
    "checklist_tasks_done": _tasks_done,
    "checklist_tasks_added": lambda v: f"added to a checklist: {' / '.join(task.text for task in v.tasks)}",
    "poll_option_added": lambda v: f"added to a poll: {v.option_text}",
    "poll_option_deleted": lambda v: f"taken from a poll: {v.option_text}",
    "proximity_alert_triggered": lambda v: (
        f"{v.traveler.full_name} is within {v.distance} m of {v.watcher.full_name}"
    ),
    "refunded_payment": lambda v: f"was paid back {_amount(v)}",
    "giveaway_created": lambda _: "a giveaway was announced",
    "giveaway_completed": lambda v: f"a giveaway has ended with {v.winner_count} winners",
}
"""Notices of what somebody did with something that was said: remembered, and no turn by themselves."""

PLACES: Final = (
    "forum_topic_created",
    "forum_topic_edited",
    "new_chat_title",
    "new_chat_members",
    "left_chat_member",
    "forum_topic_reopened",
    "migrate_from_chat_id",
    "migrate_to_chat_id",
    "group_chat_created",
    "supergroup_chat_created",
    "channel_chat_created",
)
"""Notices that tell of places and of who is there; see `services`."""

SILENT: Final = (
    "new_chat_photo",
    "delete_chat_photo",
    "pinned_message",
    "message_auto_delete_timer_changed",
    "forum_topic_closed",
    "general_forum_topic_hidden",
    "general_forum_topic_unhidden",
    "video_chat_scheduled",
    "video_chat_started",
    "video_chat_ended",
    "video_chat_participants_invited",
    "boost_added",
    "chat_background_set",
    "chat_owner_changed",
    "chat_owner_left",
    "connected_website",
    "write_access_allowed",
    "passport_data",
    "gift_upgrade_sent",
    "paid_message_price_changed",
    "direct_message_price_changed",
    "managed_bot_created",
    "suggested_post_approved",
    "suggested_post_approval_failed",
    "suggested_post_declined",
    "suggested_post_paid",
    "suggested_post_refunded",
)
"""Notices that tell an agent nothing: skipped, with their name as the reason."""

WORDS: Final = ("text", "caption", "entities", "caption_entities")
QUOTED: Final = (
    "forward_origin",
    "external_reply",
    "quote",
    "reply_to_message",
    "reply_to_story",
    "reply_to_checklist_task_id",
    "reply_to_poll_option_id",
    "via_bot",
)
"""What belongs to others' words; see `quotes`."""

ABOUT: Final = (
    "from_user",
    "sender_chat",
    "author_signature",
    "message_thread_id",
    "is_topic_message",
    "is_automatic_forward",
    "edit_date",
    "media_group_id",
    "sender_boost_count",
    "sender_business_bot",
    "sender_tag",
    "business_connection_id",
    "direct_messages_topic",
    "has_media_spoiler",
    "has_protected_content",
    "is_from_offline",
    "is_paid_post",
    "paid_star_count",
    "effect_id",
    "link_preview_options",
    "reply_markup",
    "show_caption_above_media",
    "suggested_post_info",
    "guest_bot_caller_chat",
    "guest_bot_caller_user",
    "guest_query_id",
)
"""What tells of a message, and is no content of it."""


def short_form(message: Message | ExternalReplyInfo) -> str:
    """`[photo]`, `[sticker 😀]` …: what a message without text shows; empty when we do not know it.

    A kind that the library does not know yet is named at least.
    """
    for name, form in FORMS.items():
        if value := getattr(message, name, None):
            return _bracketed(form(value))
    # What is newer than the library: a kind of content comes as an object, what tells of it as a plain value.
    unknown = [name for name, value in message.api_kwargs.items() if isinstance(value, dict | list) and value]
    return _bracketed(f"{', '.join(unknown)}: a kind of message that cannot be shown here") if unknown else ""


def moves(message: Message) -> bool:
    """Whether it changes by itself, or by a touch: nobody asks anew with an edit of it."""
    return bool(message.location or message.checklist)


def noted(message: Message) -> tuple[str, str]:
    """The name of a notice that is remembered, and what it says; empty for all else."""
    for name, form in NOTED.items():
        if value := getattr(message, name, None):
            return name, _bracketed(form(value))
    return "", ""


def _bracketed(text: str) -> str:
    return f"[{one_line(text, FORM_CHARACTERS)}]"
