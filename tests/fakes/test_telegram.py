"""The fake Telegram, held against python-telegram-bot: its client logs in, sends, is refused."""

import asyncio
import os
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    LinkPreviewOptions,
    MessageEntity,
    ReplyParameters,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
)

from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_text import ParseError, clean, format_text, parse_html, utf16_len
from tests.fakes.telegram_world import entity

# The library's documented way to get time periods without a deprecation warning.
os.environ["PTB_TIMEDELTA"] = "true"


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as server:
        yield server


def make_bot(fake: FakeTelegram, token: str = "") -> Bot:
    return Bot(token or fake.token, base_url=f"{fake.url}/bot", base_file_url=f"{fake.url}/file/bot")


@pytest.fixture
async def bot(fake: FakeTelegram) -> AsyncIterator[Bot]:
    async with make_bot(fake) as client:
        yield client


async def test_logs_in(fake: FakeTelegram, bot: Bot) -> None:
    me = await bot.get_me()
    assert (me.id, me.username, me.is_bot) == (fake.bot.user.id, "fake_bot", True)
    assert me.can_read_all_group_messages is False


@pytest.mark.parametrize(("token", "code"), [("1:unknown", 401), ("no-colon", 404)])
async def test_refuses_tokens(fake: FakeTelegram, token: str, code: int) -> None:
    with pytest.raises(InvalidToken):
        async with make_bot(fake, token):
            pass
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{fake.url}/bot{token}/getMe")
    assert answer.status_code == code
    assert answer.json() == {
        "ok": False,
        "error_code": code,
        "description": "Unauthorized" if code == 401 else "Not Found",
    }


async def test_unknown_method_is_404(fake: FakeTelegram, bot: Bot) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{fake.url}/bot{fake.token}/sendNothing")
    assert (answer.status_code, answer.json()["description"]) == (404, "Not Found")


async def test_method_names_and_encodings(fake: FakeTelegram) -> None:
    chat = fake.world.private(fake.world.user("Ann"))
    address = f"{fake.url}/bot{fake.token}/SENDmessage"
    async with httpx.AsyncClient() as http:
        await http.get(address, params={"chat_id": chat.id, "text": "query"})
        await http.post(address, json={"chat_id": chat.id, "text": "json"})
        await http.post(address, data={"chat_id": str(chat.id), "text": "form"})
        await http.post(address, files={"chat_id": (None, str(chat.id)), "text": (None, "multipart")})
    assert [message.text for message in fake.sent] == ["query", "json", "form", "multipart"]


async def test_update_stays_until_a_higher_offset(fake: FakeTelegram, bot: Bot) -> None:
    ann = fake.world.user("Ann", username="ann")
    chat = fake.world.private(ann)
    await fake.say(chat, ann, "one")
    await fake.say(chat, ann, "two")
    first = await bot.get_updates()
    again = await bot.get_updates(offset=first[0].update_id)
    assert (
        [u.message.text for u in first if u.message]
        == ["one", "two"]
        == [u.message.text for u in again if u.message]
    )
    rest = await bot.get_updates(offset=first[0].update_id + 1)
    assert [u.message.text for u in first if u.message] == ["one", "two"]
    assert [u.update_id for u in again] == [u.update_id for u in first]
    rest = await bot.get_updates(offset=first[0].update_id + 1)
    assert [u.message.text for u in rest if u.message] == ["two"]
    assert [u.update_id for u in await bot.get_updates()] == [first[1].update_id]
    assert fake.bot.updates.confirmed_up_to == first[0].update_id
    assert await bot.get_updates(offset=first[1].update_id + 1) == ()


async def test_limit_and_negative_and_far_offsets(fake: FakeTelegram, bot: Bot) -> None:
    ann = fake.world.user("Ann")
    for number in range(5):
        await fake.say(fake.world.private(ann), ann, str(number))
    assert len(await bot.get_updates(limit=2)) == 2
    # An offset far in the future is not believed: nothing is forgotten.
    far = fake.bot.updates.pending[-1]["update_id"] + 1000
    assert len(await bot.get_updates(offset=far)) == 5
    last = await bot.get_updates(offset=-2)
    assert [u.message.text for u in last if u.message] == ["3", "4"]
    assert len(await bot.get_updates()) == 2


async def test_long_poll_waits_and_wakes(fake: FakeTelegram, bot: Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await fake.bot.updates.wait_polling()
    ann = fake.world.user("Ann")
    await fake.say(fake.world.private(ann), ann, "wake up")
    (update,) = await poll
    assert update.message is not None
    assert update.message.text == "wake up"
    assert not fake.bot.updates.polling


async def test_second_poller_ends_the_first(fake: FakeTelegram, bot: Bot) -> None:
    async with make_bot(fake) as other:
        first = asyncio.create_task(bot.get_updates(timeout=30))
        await fake.bot.updates.wait_polling()
        second = asyncio.create_task(other.get_updates(timeout=30))
        with pytest.raises(Conflict, match="terminated by other getUpdates request"):
            await first
        await fake.bot.updates.push_raw({"strange_thing": {}})
        (update,) = await second
        assert update.api_kwargs == {"strange_thing": {}}


async def test_webhook_excludes_polling(fake: FakeTelegram, bot: Bot) -> None:
    ann = fake.world.user("Ann")
    await bot.set_webhook("https://example.org/hook")
    await fake.say(fake.world.private(ann), ann, "kept")
    with pytest.raises(Conflict, match="webhook is active"):
        await bot.get_updates()
    info = await bot.get_webhook_info()
    assert (info.url, info.pending_update_count) == ("https://example.org/hook", 1)
    await bot.delete_webhook()
    assert len(await bot.get_updates()) == 1
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()


async def test_allowed_updates_are_remembered(fake: FakeTelegram, bot: Bot) -> None:
    ann = fake.world.user("Ann")
    chat = fake.world.private(ann)
    await bot.get_updates(allowed_updates=["message"])
    said = await fake.say(chat, ann, "hello")
    await fake.edit(said, "hello!")
    await bot.get_updates()
    assert [next(k for k in u if k != "update_id") for u in fake.bot.updates.pending] == ["message"]
    await bot.get_updates(allowed_updates=[])
    await fake.edit(said, "hello!!")
    assert not fake.bot.updates.allows("chat_member")
    kinds = [next(k for k in u if k != "update_id") for u in fake.bot.updates.pending]
    assert kinds == ["message", "edited_message"]


async def test_privacy_mode(fake: FakeTelegram, bot: Bot) -> None:
    ann = fake.world.user("Ann")
    group = fake.world.supergroup("Friends")
    await fake.say(group, ann, "among us")
    await fake.say(group, ann, "hey @Fake_Bot")
    await fake.say(group, ann, "/help")
    await fake.say(group, ann, "/help@other_bot")
    mine = await bot.send_message(group.id, "here I am")
    await fake.say(group, ann, "yes you", reply_to=mine.message_id)
    await fake.rename(group, "Best friends", ann)
    updates = await bot.get_updates()
    assert [u.message.text or u.message.new_chat_title for u in updates if u.message] == [
        "hey @Fake_Bot",
        "/help",
        "yes you",
        "Best friends",
    ]
    fake.bot.sees_all = True
    await fake.say(group, ann, "among us")
    assert len(await bot.get_updates()) == 5


async def test_sends_html_and_reads_it_back(fake: FakeTelegram, bot: Bot) -> None:
    chat = fake.world.private(fake.world.user("Ann"))
    sent = await bot.send_message(
        chat.id,
        '😀 <b>bold <i>both</i></b> <a href="https://example.org/?a=1&amp;b=2">link</a> '
        '<pre><code class="language-py">x &lt; 1</code></pre>',
        parse_mode="HTML",
        link_preview_options=LinkPreviewOptions(is_disabled=True),
    )
    assert sent.text == "😀 bold both link x < 1"
    kinds = {e.type: sent.parse_entity(e) for e in sent.entities}
    assert kinds == {"bold": "bold both", "italic": "both", "text_link": "link", "pre": "x < 1"}
    assert next(e for e in sent.entities if e.type == "pre").language == "py"
    assert next(e for e in sent.entities if e.url).url == "https://example.org/?a=1&b=2"
    assert (await fake.wait_for_message()).marked("bold") == ["bold both"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<b>open", 'Can\'t find end tag corresponding to start tag "b"'),
        ("a</b>", "Unexpected end tag at byte offset 1"),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("é<h1>x</h1>", 'Unsupported start tag "h1" at byte offset 2'),
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ("<a href=>x</a>", None),
        ("<a href='x", "Unclosed start tag"),
        ("<b", "Unclosed start tag at byte offset 0"),
        ("x</b", "Unexpected end tag"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<a href=x_y>x</a>", "Unexpected end of name token"),
        ("<!-- c -->", 'Unsupported start tag "!--" at byte offset 0'),
        ("<br/>", 'Unsupported start tag "br/" at byte offset 0'),
        ("a & b &amp; &lt;&unknown; &#x41;&#66;", None),
    ],
)
def test_html_rules(text: str, why: str | None) -> None:
    if why is None:
        parse_html(text)
        return
    with pytest.raises(ParseError) as caught:
        parse_html(text)
    assert str(caught.value).startswith("can't parse entities: ")
    assert why in str(caught.value)


@given(st.text(alphabet=st.sampled_from("ab<>&;/=\"' \n😀é#x1pre-")))
def test_html_parser_never_breaks(text: str) -> None:
    try:
        formatted = parse_html(text)
    except ParseError:
        return
    total = utf16_len(formatted.text)
    assert all(e["offset"] >= 0 and e["offset"] + e["length"] <= total for e in formatted.entities)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_escaped_text_survives(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert parse_html(escaped).text == text


async def test_text_limits(fake: FakeTelegram, bot: Bot) -> None:
    chat = fake.world.private(fake.world.user("Ann"))
    await bot.send_message(chat.id, f"<b>{'😀' * 2048}</b>", parse_mode="HTML")
    with pytest.raises(BadRequest, match="Message is too long"):
        await bot.send_message(chat.id, "😀" * 2048 + "x")
    with pytest.raises(BadRequest, match="Message text is empty"):
        await bot.send_message(chat.id, "")
    with pytest.raises(BadRequest, match="Text must be non-empty"):
        await bot.send_message(chat.id, "<b> \n </b>", parse_mode="HTML")
    with pytest.raises(BadRequest, match="Text is too long"):
        await bot.send_message(chat.id, "&amp;" * 8000, parse_mode="HTML")
    with pytest.raises(BadRequest, match="Unsupported parse_mode"):
        await bot.send_message(chat.id, "x", parse_mode="MarkdownV3")
    assert len(fake.sent) == 1


def test_cleans_as_the_server_does() -> None:
    assert clean("a\x00b\tc\r\nd\u202e\u2028e") == "a b c\nde"
    assert format_text("x  \n", "", None).text == "x"


async def test_entities_parameter(fake: FakeTelegram, bot: Bot) -> None:
    chat = fake.world.private(fake.world.user("Ann"))
    await bot.send_message(chat.id, "😀 hi @ann", entities=[MessageEntity("bold", 3, 2)])
    message = await fake.wait_for_message()
    assert message.marked("bold") == ["hi"]
    assert message.marked("mention") == ["@ann"]


async def test_refusals_by_chat(fake: FakeTelegram, bot: Bot) -> None:
    ann = fake.world.user("Ann")
    private, group = fake.world.private(ann), fake.world.group("Old")
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(424242, "x")
    await fake.member(private, ann, old="member", new="kicked")
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(private.id, "x")
    await fake.member(private, ann, old="kicked", new="member")
    await bot.send_message(private.id, "again")
    new = await fake.migrate(group, ann)
    with pytest.raises(ChatMigrated) as caught:
        await bot.send_message(group.id, "x")
    assert caught.value.new_chat_id == new.id
    await fake.member(new, ann, old="member", new="kicked")
    with pytest.raises(Forbidden, match="bot was kicked from the supergroup chat"):
        await bot.send_message(new.id, "x")


async def test_topics_and_replies(fake: FakeTelegram, bot: Bot) -> None:
    ann = fake.world.user("Ann")
    forum, plain = fake.world.supergroup("Forum", is_forum=True), fake.world.supergroup("Plain")
    topic = await fake.open_topic(forum, "News", ann)
    said = await fake.say(forum, ann, "@fake_bot news?", topic=topic)
    updates = await bot.get_updates()
    message = updates[-1].message
    assert message is not None
    assert (message.is_topic_message, message.message_thread_id) == (True, topic)
    assert message.reply_to_message is not None
    assert message.reply_to_message.forum_topic_created is not None
    answer = await bot.send_message(
        forum.id, "none", message_thread_id=topic, reply_parameters=ReplyParameters(said["message_id"])
    )
    assert (answer.message_thread_id, fake.sent[0].thread_id) == (topic, topic)
    assert fake.sent[0].reply_to == said["message_id"]
    for wrong in (1, 999):
        with pytest.raises(BadRequest, match="Message thread not found"):
            await bot.send_message(forum.id, "x", message_thread_id=wrong)
    assert (await bot.send_message(plain.id, "x", message_thread_id=999)).message_thread_id is None
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(plain.id, "x", reply_parameters=ReplyParameters(555))
    kept = ReplyParameters(555, allow_sending_without_reply=True)
    assert (await bot.send_message(plain.id, "x", reply_parameters=kept)).reply_to_message is None


async def test_edit_and_delete(fake: FakeTelegram, bot: Bot) -> None:
    chat = fake.world.private(fake.world.user("Ann"))
    sent = await bot.send_message(chat.id, "one")
    await bot.edit_message_text("<b>two</b>", chat.id, sent.message_id, parse_mode="HTML")
    assert (fake.sent[0].text, fake.sent[0].edits) == ("two", 1)
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_text("<b>two</b>", chat.id, sent.message_id, parse_mode="HTML")
    await bot.delete_message(chat.id, sent.message_id)
    assert fake.sent[0].deleted
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("three", chat.id, sent.message_id)
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(chat.id, sent.message_id)


async def test_small_methods(fake: FakeTelegram, bot: Bot) -> None:
    chat, group = fake.world.private(fake.world.user("Ann", username="ann")), fake.world.group("G")
    assert await bot.send_chat_action(chat.id, "typing")
    with pytest.raises(BadRequest, match="Wrong parameter action"):
        await bot.send_chat_action(chat.id, "dancing")
    await bot.set_my_commands([("help", "What I can do")])
    assert [(c.command, c.description) for c in await bot.get_my_commands()] == [("help", "What I can do")]
    assert (await bot.get_chat(chat.id)).username == "ann"
    buttons = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="y")]])
    await bot.send_message(chat.id, "Sure?", reply_markup=buttons)
    press_id = await fake.press(fake.sent[-1], fake.world.users[chat.id], "y")
    assert await bot.answer_callback_query(press_id, "ok")
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query(press_id, "again")
    await bot.edit_message_reply_markup(chat.id, fake.sent[-1].message_id)
    assert fake.buttons(fake.sent[-1]) == []
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_reply_markup(chat.id, fake.sent[-1].message_id)
    too_long = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="y" * 65)]])
    with pytest.raises(BadRequest, match="Button_data_invalid"):
        await bot.send_message(chat.id, "Sure?", reply_markup=too_long)
    assert await bot.send_message_draft(chat.id, 7, "thinking …")
    assert fake.methods.drafts == [{"chat_id": chat.id, "draft_id": 7, "text": "thinking …"}]
    with pytest.raises(BadRequest):
        await bot.send_message_draft(group.id, 7, "not in groups")


async def test_files(fake: FakeTelegram, bot: Bot) -> None:
    chat = fake.world.private(fake.world.user("Ann"))
    sent = await bot.send_document(chat.id, InputFile(b"content", filename="a.txt"), caption="see")
    assert sent.document is not None
    file = await bot.get_file(sent.document.file_id)
    assert await file.download_as_bytearray() == b"content"
    photo = await bot.send_photo(chat.id, b"jpeg", caption="<b>x</b>", parse_mode="HTML")
    assert photo.photo[0].file_size == 4
    assert photo.caption == "x"
    with pytest.raises(BadRequest, match="Message caption is too long"):
        await bot.send_photo(chat.id, b"jpeg", caption="x" * 1025)
    with pytest.raises(BadRequest, match="Invalid file_id"):
        await bot.get_file("nothing")


async def test_what_users_can_send(fake: FakeTelegram, bot: Bot) -> None:
    ann, rival = fake.world.user("Ann"), fake.world.user("Rival", username="rival_bot", is_bot=True)
    group = fake.world.supergroup("Friends")
    text = "😀 you there"
    named = entity("text_mention", text, "you", user=fake.bot.user.json())
    await fake.say(group, ann, text, entities=[named])
    photo = [{**fake.world.store_file("p.jpg", b"jpeg"), "width": 1, "height": 1}]
    await fake.say(group, ann, caption="@fake_bot look", photo=photo)
    await fake.say(group, rival, "I am a bot")
    await fake.say(group, fake.bot.user, "I am you")
    await fake.bot.updates.push_raw({"brand_new": {"x": 1}})
    messages = [u.message for u in await bot.get_updates() if u.message]
    assert messages[0].parse_entity(messages[0].entities[0]) == "you"
    assert messages[1].parse_caption_entity(messages[1].caption_entities[0]) == "@fake_bot"
    assert [m.from_user.is_bot for m in messages if m.from_user] == [False, False, True, True]


async def test_faults(fake: FakeTelegram, bot: Bot) -> None:
    chat = fake.world.private(fake.world.user("Ann"))
    fake.flood("sendMessage", retry_after=3)
    with pytest.raises(RetryAfter) as caught:
        await bot.send_message(chat.id, "x")
    assert caught.value._retry_after.total_seconds() == 3
    fake.fail("sendMessage", status=502, raw=b"<html>Bad Gateway</html>")
    with pytest.raises(NetworkError):
        await bot.send_message(chat.id, "x")
    fake.drop("sendMessage")
    with pytest.raises(NetworkError):
        await bot.send_message(chat.id, "lost")
    fake.drop("sendMessage", after=True)
    with pytest.raises(NetworkError):
        await bot.send_message(chat.id, "arrived")
    assert [m.text for m in fake.sent] == ["arrived"]
    hold = fake.hold("sendMessage")
    sending = asyncio.create_task(bot.send_message(chat.id, "held"))
    await hold.reached()
    assert not sending.done()
    hold.release()
    assert (await sending).text == "held"
    assert [c.status for c in fake.called("sendMessage")] == [429, 502, 499, 499, 200]


async def test_goes_away_and_comes_back(fake: FakeTelegram, bot: Bot) -> None:
    ann = fake.world.user("Ann")
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await fake.bot.updates.wait_polling()
    await fake.stop()
    with pytest.raises(NetworkError):
        await poll
    with pytest.raises(NetworkError):
        await bot.get_me()
    await fake.start()
    await fake.say(fake.world.private(ann), ann, "back")
    assert len(await bot.get_updates()) == 1


async def test_cut_and_revoke(fake: FakeTelegram, bot: Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await fake.bot.updates.wait_polling()
    fake.cut()
    with pytest.raises(NetworkError):
        await poll
    fake.revoke(fake.token)
    with pytest.raises(InvalidToken):
        await bot.get_me()


async def test_two_bots_number_private_messages_apart(fake: FakeTelegram, bot: Bot) -> None:
    second = fake.add_bot("5550002:second", username="second_bot")
    ann = fake.world.user("Ann")
    await fake.say(fake.world.private(ann), ann, "to both")
    ids = [account.updates.pending[0]["message"]["message_id"] for account in (fake.bot, second)]
    assert ids == [1, 1]
