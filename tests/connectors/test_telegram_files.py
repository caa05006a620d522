"""Files on Telegram: read by getFile, sent as what they are."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import Content, FetchFailed, FetchRefused, Media, RoomClosed, SendUnknown, Target
from bot_host.host.files import save_media
from bot_host.kit.media_folder import MediaFolder
from bot_host.runtime.media import made_media
from connectors.telegram.client import TelegramConnector
from connectors.telegram.config import TelegramConfig
from connectors.telegram.encode import CAPTION_LIMIT, encode
from connectors.telegram.files import groups_of
from tests.connectors.telegram_samples import BOB, ME, message, said
from tests.fakes.openai_media import PIXEL
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_world import Chat

VOICE = b"OggS\x00\x02" + bytes(22) + b"OpusHead"
MP3 = b"ID3\x04" + bytes(20)
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(28)
TEXT = b"just text"


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> MediaFolder:
    return MediaFolder(tmp_path / "media")


@pytest.fixture
async def telegram(fake: FakeTelegram, folder: MediaFolder) -> AsyncIterator[TelegramConnector]:
    connector = TelegramConnector(TelegramConfig(token=fake.token, api_base=fake.url))
    connector.use_files(folder)
    yield connector
    await connector.close()


@pytest.fixture
def private(fake: FakeTelegram) -> Chat:
    return fake.world.private(fake.world.user("Ann", username="ann"))


async def kept(folder: MediaFolder, name: str, data: bytes = PIXEL, **more: Any) -> Media:
    return await save_media(folder, data, made_media(data, file_name=name, **more))


async def send(telegram: TelegramConnector, chat: Chat, text: str, *files: Media) -> list[str]:
    target = Target(source="telegram", channel_id=str(chat.id))
    payloads = telegram.encode(Content(text=text, attachments=list(files)), target)
    return [(await telegram.send(each, target, key="k")).platform_message_id for each in payloads]


def kinds(fake: FakeTelegram) -> list[tuple[str, str]]:
    """What was sent, and the text of or under it."""
    names = ("photo", "voice", "audio", "video", "animation", "document")
    found = []
    for each in fake.sent:
        stored = fake.world.messages[each.bot_id, each.chat_id, each.message_id]
        found.append((next((name for name in names if name in stored), "text"), each.text))
    return found


def calls(fake: FakeTelegram) -> list[str]:
    return [call.method for call in fake.calls if call.method.startswith("send")]


# in


async def test_a_file_is_read_and_its_address_stays_unsaid(
    fake: FakeTelegram, telegram: TelegramConnector, caplog: pytest.LogCaptureFixture
) -> None:
    stored = fake.world.store_file("a b.png", PIXEL)
    target = Target(source="telegram", channel_id="1")
    with caplog.at_level(logging.DEBUG):
        media = Media(id=stored["file_id"])
        assert await telegram.download(media, target, message_id="1", max_bytes=1000) == PIXEL
        with pytest.raises(FetchRefused, match="larger"):
            await telegram.download(media, target, message_id="1", max_bytes=10)
        with pytest.raises(FetchRefused, match=r"(?i)invalid file_id"):
            await telegram.download(Media(id="none"), target, message_id="1", max_bytes=10)
        fake.world.download_limit = 1
        with pytest.raises(FetchRefused, match="more than 20 MB"):
            await telegram.download(media, target, message_id="1", max_bytes=1000)
        await fake.stop()
        with pytest.raises(FetchFailed) as failed:
            await telegram.download(media, target, message_id="1", max_bytes=1000)
    assert fake.token not in str(failed.value)
    ours = [record for record in caplog.records if record.name.startswith("connectors")]
    assert all(fake.token not in record.getMessage() for record in ours)


async def test_the_size_counts_that_comes_not_the_one_that_is_told(
    fake: FakeTelegram, telegram: TelegramConnector
) -> None:
    stored = fake.world.store_file("a.bin", bytes(200_000))
    path = f"documents/{stored['file_id']}/a.bin"
    answer = f'{{"ok": true, "result": {{"file_id": "x", "file_size": 1, "file_path": "{path}"}}}}'
    fake.fail("getFile", status=200, raw=answer.encode())
    with pytest.raises(FetchRefused, match="larger"):
        await telegram.download(
            Media(id=stored["file_id"]), Target(source="telegram"), message_id="1", max_bytes=100_000
        )


async def test_a_local_server_names_files_of_this_bot_only(
    fake: FakeTelegram, telegram: TelegramConnector, tmp_path: Path
) -> None:
    fake.world.local_files = tmp_path
    stored = fake.world.store_file("a.png", PIXEL)
    target = Target(source="telegram")
    media = Media(id=stored["file_id"])
    assert await telegram.download(media, target, message_id="1", max_bytes=1000) == PIXEL
    with pytest.raises(FetchRefused, match="larger"):
        await telegram.download(media, target, message_id="1", max_bytes=10)
    for path in ("/etc/passwd", f"/{fake.token}/../etc/passwd"):
        answer = f'{{"ok": true, "result": {{"file_id": "x", "file_path": "{path}"}}}}'
        fake.fail("getFile", status=200, raw=answer.encode())
        with pytest.raises(FetchRefused, match="none of this bot's"):
            await telegram.download(media, target, message_id="1", max_bytes=1000)


def test_what_the_sender_speaks_and_what_is_quoted_are_told_apart() -> None:
    voice = {"file_id": "F1", "file_unique_id": "U1", "duration": 7}
    [own] = message(voice=voice).content.attachments
    assert (own.voice, own.duration, own.quoted) == (True, 7.0, False)
    origin = {"type": "user", "date": 1, "sender_user": BOB}
    [forwarded] = message(voice=voice, forward_origin=origin).content.attachments
    assert not forwarded.voice
    [quote] = message(
        text="what does she say?", reply_to_message=said(sender=BOB, voice=voice)
    ).content.quotes
    [quoted] = quote.attachments
    assert (quoted.quoted, quoted.voice) == (True, False)
    [own_quote] = message(text="and now?", reply_to_message=said(sender=ME, voice=voice)).content.quotes
    assert not own_quote.attachments


# out


async def test_each_kind_goes_as_what_it_is(
    fake: FakeTelegram, telegram: TelegramConnector, private: Chat, folder: MediaFolder
) -> None:
    await send(telegram, private, "**look**", await kept(folder, "a.png"))
    await send(telegram, private, "", await kept(folder, "v.ogg", VOICE, voice=True))
    await send(telegram, private, "", await kept(folder, "s.ogg", VOICE))
    await send(telegram, private, "", await kept(folder, "s.mp3", MP3))
    await send(telegram, private, "", await kept(folder, 'größe 1".txt', TEXT))
    await send(telegram, private, "", await kept(folder, "v.mp3", MP3, voice=True))
    await send(telegram, private, "", await kept(folder, "v.wav", WAV, voice=True))
    assert kinds(fake) == [
        ("photo", "look"), ("voice", ""), ("document", ""), ("audio", ""), ("document", ""), ("voice", ""),
        ("document", ""),
    ]  # fmt: skip
    assert fake.sent[0].marked("bold") == ["look"]
    last = fake.sent[4]
    assert fake.world.messages[last.bot_id, last.chat_id, last.message_id]["document"]["file_name"] == (
        "größe 1_.txt"
    )


async def test_a_long_text_stands_before_its_files_and_one_reply_is_enough(
    fake: FakeTelegram, telegram: TelegramConnector, private: Chat, folder: MediaFolder
) -> None:
    asked = await fake.say(private, private.user, "draw")
    target = Target(source="telegram", channel_id=str(private.id), reply_to=str(asked["message_id"]))
    picture = await kept(folder, "a.png")
    # Emoji count twice.
    fits, longer = "😀" * (CAPTION_LIMIT // 2), "😀" * (CAPTION_LIMIT // 2) + "x"
    for text in (fits, longer):
        for payload in telegram.encode(Content(text=text, attachments=[picture]), target):
            await telegram.send(payload, target, key="k")
    assert kinds(fake) == [("photo", fits), ("text", longer), ("photo", "")]
    assert [sent.reply_to for sent in fake.sent] == [asked["message_id"], asked["message_id"], None]


async def test_albums_hold_what_goes_together(
    fake: FakeTelegram, telegram: TelegramConnector, private: Chat, folder: MediaFolder
) -> None:
    pictures = [await kept(folder, f"{number}.png") for number in range(12)]
    texts = [await kept(folder, f"{number}.txt", TEXT) for number in range(2)]
    ids = await send(telegram, private, "_all_", *pictures, *texts)
    assert calls(fake) == ["sendMessage", "sendMediaGroup", "sendMediaGroup", "sendMediaGroup"]
    assert [each.count(",") + 1 for each in ids] == [1, 10, 2, 2]
    assert kinds(fake)[:2] == [("text", "all"), ("photo", "")]
    assert fake.sent[0].marked("italic") == ["all"]
    target = Target(source="telegram", channel_id=str(private.id))
    await telegram.retract(target, ids[2])
    assert [sent.deleted for sent in fake.sent] == [False] * 11 + [True] * 2 + [False] * 2


def test_a_voice_message_stands_alone() -> None:
    voice = {"type": "audio/ogg", "voice": True, "size": 1}
    mp3 = {"type": "audio/mpeg", "size": 1}
    assert list(groups_of([voice, voice, mp3, mp3])) == [[voice], [voice], [mp3, mp3]]


async def test_what_is_refused_goes_as_a_document_then_as_its_name(
    fake: FakeTelegram, telegram: TelegramConnector, private: Chat, folder: MediaFolder
) -> None:
    fake.world.no_voice.add(private.id)
    await send(telegram, private, "listen", await kept(folder, "v.ogg", VOICE, voice=True))
    fake.fail("sendPhoto", status=400, description="Bad Request: PHOTO_INVALID_DIMENSIONS")
    fake.fail("sendDocument", status=413, description="Request Entity Too Large")
    await send(telegram, private, "1 < 2", await kept(folder, "a&b.png"))
    gone = await kept(folder, "gone.png")
    path = folder.path_of(gone.file or "")
    assert path is not None
    path.unlink()
    await send(telegram, private, "", gone)
    await send(telegram, private, "both", gone, await kept(folder, "there.png"))
    assert kinds(fake) == [
        ("text", "listen"),
        ("document", ""),
        ("text", "1 < 2\n[a&b.png: could not be sent]"),
        ("text", "[gone.png: could not be sent]"),
        ("text", "both"),
        ("photo", "[gone.png: could not be sent]"),
    ]


async def test_a_file_over_50_mb_is_not_even_tried_at_telegram_itself(
    fake: FakeTelegram, telegram: TelegramConnector, private: Chat, folder: MediaFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("connectors.telegram.files.MOST_BYTES", 10)
    telegram._files._own_server = False
    await send(telegram, private, "", await kept(folder, "a.png"))
    assert kinds(fake) == [("text", "[a.png: could not be sent]")]


async def test_a_server_of_ones_own_is_given_larger_ones(
    fake: FakeTelegram, telegram: TelegramConnector, private: Chat, folder: MediaFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("connectors.telegram.files.MOST_BYTES", 10)
    await send(telegram, private, "", await kept(folder, "a.png"))
    assert kinds(fake) == [("photo", "")]


async def test_a_file_for_a_topic_that_is_gone_goes_to_the_chat(
    fake: FakeTelegram, telegram: TelegramConnector, folder: MediaFolder
) -> None:
    forum = fake.world.supergroup("Forum", is_forum=True)
    target = Target(source="telegram", channel_id=str(forum.id), thread_id="77")
    [payload] = telegram.encode(Content(text="look", attachments=[await kept(folder, "a.png")]), target)
    await telegram.send(payload, target, key="k")
    assert kinds(fake) == [("photo", "↪ (its topic is gone)\nlook")]


async def test_refused_markup_stands_plain_under_the_file(
    fake: FakeTelegram, telegram: TelegramConnector, private: Chat, folder: MediaFolder
) -> None:
    target = Target(source="telegram", channel_id=str(private.id))
    [payload] = telegram.encode(Content(text="x", attachments=[await kept(folder, "a.png")]), target)
    await telegram.send(payload | {"html": "<b>oops", "plain": "**oops**"}, target, key="k")
    assert kinds(fake) == [("photo", "**oops**")]


async def test_a_chat_that_refuses_and_a_lost_answer_are_what_they_are_for_text(
    fake: FakeTelegram, telegram: TelegramConnector, private: Chat, folder: MediaFolder
) -> None:
    picture = await kept(folder, "a.png")
    fake.drop("sendPhoto", after=True)
    with pytest.raises(SendUnknown):
        await send(telegram, private, "", picture)
    fake.bot.blocked_in.add(private.id)
    with pytest.raises(RoomClosed):
        await send(telegram, private, "", picture)
    assert "sendMessage" not in calls(fake)


async def test_an_uncertain_file_is_sent_again_with_its_sign(
    fake: FakeTelegram, telegram: TelegramConnector, private: Chat, folder: MediaFolder
) -> None:
    target = Target(source="telegram", channel_id=str(private.id))
    [payload] = telegram.encode(Content(attachments=[await kept(folder, "a.png")]), target)
    again = telegram.repeated(payload)
    assert again is not None
    await telegram.send(again, target, key="k")
    assert kinds(fake) == [("photo", "↻")]


async def test_edits_between_texts_and_files(
    fake: FakeTelegram, telegram: TelegramConnector, private: Chat, folder: MediaFolder
) -> None:
    target = Target(source="telegram", channel_id=str(private.id))
    [text_id] = await send(telegram, private, "a text")
    [file_id] = await send(telegram, private, "a file", await kept(folder, "a.png"))
    [text] = telegram.encode(Content(text="now a text"), target)
    [file] = telegram.encode(Content(text="now a file", attachments=[await kept(folder, "b.png")]), target)
    [longer] = telegram.encode(Content(text="x" * 2000), target)
    await telegram.edit(text, target, file_id, key="k")
    await telegram.edit(text, target, file_id, key="k")
    await telegram.edit(file, target, text_id, key="k")
    assert kinds(fake) == [("photo", "now a file"), ("photo", "now a text")]
    fake.fail("editMessageMedia", status=413, description="Request Entity Too Large")
    await telegram.edit(file, target, file_id, key="k")
    assert kinds(fake)[1] == ("photo", "now a file\n[b.png: could not be sent]")
    await telegram.edit(longer, target, file_id, key="k")
    assert fake.sent[1].text == "x" * (CAPTION_LIMIT - 1) + "…"


def test_nothing_to_send_is_nothing() -> None:
    assert encode(Content(attachments=[Media(id="1")]), Target(source="telegram", channel_id="1")) == []
