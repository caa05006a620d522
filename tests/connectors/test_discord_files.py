"""Files on Discord: read from its CDN, sent with messages."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import Content, FetchFailed, FetchRefused, Media, Target
from bot_host.host.files import save_media
from bot_host.kit.media_folder import MediaFolder
from bot_host.runtime.media import made_media
from bot_host.types.ids import new_id
from connectors.discord.client import DiscordConnector
from connectors.discord.config import DiscordConfig
from connectors.discord.encode import encode_message
from connectors.discord.files import has_expired
from connectors.discord.proof import is_same
from tests.connectors.test_discord_decode import decode, make
from tests.fakes.discord import SEND, FakeDiscord
from tests.fakes.discord_model import FORUM, Channel
from tests.fakes.openai_media import PIXEL

MOST = 1000
EDIT = "PATCH /channels/{channel_id}/messages/{message_id}"


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> MediaFolder:
    return MediaFolder(tmp_path / "media")


@pytest.fixture
async def bot(fake: FakeDiscord, folder: MediaFolder) -> AsyncIterator[DiscordConnector]:
    connector = DiscordConnector(DiscordConfig(token=fake.token, api_base=fake.api_base))
    connector.use_files(folder)
    yield connector
    await connector.close()


@pytest.fixture
def channel(fake: FakeDiscord) -> Channel:
    return fake.add_channel(fake.add_guild("Workshop"), "general")


async def kept(folder: MediaFolder, name: str, data: bytes = PIXEL, **more: Any) -> Media:
    return await save_media(folder, data, made_media(data, file_name=name, **more))


async def send(bot: DiscordConnector, channel: Channel, text: str, *files: Media) -> None:
    target = Target(source="discord", channel_id=channel.id)
    for part, payload in enumerate(bot.encode(Content(text=text, attachments=list(files)), target)):
        await bot.send(payload, target, key=f"{new_id()}:{part}")


def said(channel: Channel) -> list[tuple[str, list[str]]]:
    return [
        (message["content"], [item["filename"] for item in message["attachments"]])
        for message in channel.messages.values()
    ]


# in


async def test_a_file_is_read_from_the_cdn(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel
) -> None:
    message = fake.say(channel, fake.add_user("ada"), "look", files={"a.png": PIXEL}, file_type="image/png")
    [item] = message["attachments"]
    media, target = Media(id=item["id"], url=item["url"]), Target(source="discord", channel_id=channel.id)
    read = await bot.download(media, target, message_id=message["id"], max_bytes=MOST)
    assert read == PIXEL
    assert not [call for call in fake.calls if "messages/{message_id}" in call.route]


@pytest.mark.parametrize("known", [True, False], ids=["by its own words", "by the CDN's answer"])
async def test_an_address_that_has_expired_is_asked_for_anew(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel, known: bool
) -> None:
    message = fake.say(channel, fake.add_user("ada"), "look", files={"a.png": PIXEL})
    [item] = message["attachments"]
    old = f"{item['url']}?ex={int(time.time()) - 60:x}" if known else f"{item['url']}-gone"
    target = Target(source="discord", channel_id=channel.id)
    media = Media(id=item["id"], url=old)
    assert has_expired(old) is known
    assert await bot.download(media, target, message_id=message["id"], max_bytes=MOST) == PIXEL
    with pytest.raises(FetchRefused, match="gone from its message"):
        await bot.download(Media(id="9", url=old), target, message_id=message["id"], max_bytes=MOST)
    with pytest.raises(FetchRefused, match="its message is gone"):
        await bot.download(media, target, message_id="1", max_bytes=MOST)


async def test_no_more_is_read_than_allowed_and_nothing_inside(
    fake: FakeDiscord, bot: DiscordConnector, channel: Channel
) -> None:
    message = fake.say(channel, fake.add_user("ada"), "look", files={"a.bin": b"x" * (MOST + 1)})
    [item] = message["attachments"]
    target = Target(source="discord", channel_id=channel.id)
    with pytest.raises((FetchRefused, FetchFailed)):
        await bot.download(
            Media(id=item["id"], url=item["url"]), target, message_id=message["id"], max_bytes=MOST
        )
    with pytest.raises(FetchRefused, match="public internet"):
        await bot.download(
            Media(id="1", url="http://127.0.0.1:1/secret"), target, message_id="1", max_bytes=MOST
        )


def test_voice_and_what_hangs_on_the_answered_message_are_told_apart() -> None:
    file = {
        "id": "7",
        "filename": "v.ogg",
        "size": 3,
        "url": "https://c.d/v.ogg",
        "content_type": "audio/ogg",
    }
    [voice] = decode(make("", attachments=[file | {"duration_secs": 2.5}], flags=1 << 13)).content.attachments
    assert (voice.voice, voice.duration, voice.quoted) == (True, 2.5, False)
    answered = make("see", attachments=[file | {"id": "8"}])
    [quote] = decode(make("what is this?", type=19, referenced_message=answered)).content.quotes
    [quoted] = quote.attachments
    assert (quoted.id, quoted.voice) == ("8", False)


# out


async def test_files_go_with_the_end_of_the_text(
    bot: DiscordConnector, channel: Channel, fake: FakeDiscord, folder: MediaFolder
) -> None:
    files = [await kept(folder, f"{number}.png", title=f"picture {number}") for number in range(10)]
    files.append(await kept(folder, "größe 1.png", title="picture 10"))
    await send(bot, channel, "word " * 500, *files)
    texts = said(channel)
    assert [names for _, names in texts] == [[], [f"{n}.png" for n in range(10)], ["größe 1.png"]]
    assert texts[2][0] == ""
    [*_, call] = [call for call in fake.calls if call.route == SEND]
    assert call.files == {"größe 1.png": PIXEL}
    assert call.payload["attachments"] == [{"id": 0, "filename": "größe 1.png", "description": "picture 10"}]
    assert call.payload["allowed_mentions"] == {"parse": [], "replied_user": False}
    assert "files" not in call.payload


async def test_a_file_goes_without_text_and_once(
    bot: DiscordConnector, channel: Channel, folder: MediaFolder
) -> None:
    target = Target(source="discord", channel_id=channel.id)
    [payload] = bot.encode(Content(attachments=[await kept(folder, "a.png")]), target)
    first = await bot.send(payload, target, key="k:0")
    assert await bot.send(payload, target, key="k:0") == first
    assert said(channel) == [("", ["a.png"])]


async def test_what_the_server_does_not_take_is_named_and_the_rest_goes(
    bot: DiscordConnector, channel: Channel, fake: FakeDiscord, folder: MediaFolder
) -> None:
    large = await kept(folder, "large.bin", bytes(10 * 1024 * 1024 + 1))
    small = await kept(folder, "small.png")
    await send(bot, channel, "two", large, small)
    fake.file_limit = 1
    await send(bot, channel, "", small.model_copy(update={"url": "https://example.org/small.png"}))
    fake.files_allowed = False
    await send(bot, channel, "here", small)
    assert said(channel) == [
        ("two\n[large.bin: could not be sent]", ["small.png"]),
        ("https://example.org/small.png", []),
        ("here\n[small.png: could not be sent]", []),
    ]


async def test_a_file_that_is_gone_is_named_and_the_rest_goes(
    bot: DiscordConnector, channel: Channel, folder: MediaFolder
) -> None:
    there, gone = await kept(folder, "there.png"), await kept(folder, "gone.png")
    path = folder.path_of(gone.file or "")
    assert path is not None
    path.unlink()
    await send(bot, channel, "both", there, gone)
    await send(bot, channel, "", gone)
    assert said(channel) == [
        ("both\n[gone.png: could not be sent]", ["there.png"]),
        ("[gone.png: could not be sent]", []),
    ]


async def test_no_name_leads_out_of_the_folder(
    bot: DiscordConnector, channel: Channel, folder: MediaFolder, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    for name in ("../secret.txt", "/etc/passwd", "file:///etc/passwd"):
        await send(bot, channel, "", Media(id="1", file=name, file_name="x.txt"))
    assert said(channel) == [("[x.txt: could not be sent]", [])] * 3


async def test_a_forum_gets_a_post_with_its_files(
    bot: DiscordConnector, fake: FakeDiscord, folder: MediaFolder
) -> None:
    forum = fake.add_channel(fake.add_guild("Library"), "questions", type=FORUM)
    await send(bot, forum, "here", await kept(folder, "a.png"))
    call = fake.calls[-1]
    assert call.route == "POST /channels/{channel_id}/threads"
    assert call.payload["message"]["attachments"] == [{"id": 0, "filename": "a.png"}]
    assert call.files == {"a.png": PIXEL}


async def test_a_sleeping_thread_is_woken_and_gets_the_whole_file(
    bot: DiscordConnector, channel: Channel, fake: FakeDiscord, folder: MediaFolder
) -> None:
    picture = await kept(folder, "a.png")
    target = Target(source="discord", channel_id=channel.id)
    for route in (SEND, EDIT):
        fake.fail(route, status=400, body={"message": "Thread is archived", "code": 50083})
    fake.rate_limit(SEND, 0.01)
    [payload] = bot.encode(Content(text="x", attachments=[picture]), target)
    sent = await bot.send(payload, target, key="k:0")
    await bot.edit(payload, target, sent.platform_message_id, key="k:0")
    whole = [call.files for call in fake.calls if call.route in (SEND, EDIT) and call.status == 200]
    assert whole == [{"a.png": PIXEL}] * 2


async def test_an_edit_puts_files_in(
    bot: DiscordConnector, channel: Channel, fake: FakeDiscord, folder: MediaFolder
) -> None:
    target = Target(source="discord", channel_id=channel.id)
    [payload] = bot.encode(Content(text="before"), target)
    sent = await bot.send(payload, target, key="k:0")
    [payload] = bot.encode(Content(text="after", attachments=[await kept(folder, "a.png")]), target)
    await bot.edit(payload, target, sent.platform_message_id, key="k:0")
    call = fake.calls[-1]
    assert (call.payload["content"], call.files) == ("after", {"a.png": PIXEL})
    fake.fail(EDIT, status=413, body={"message": "Request entity too large", "code": 40005})
    await bot.edit(payload, target, sent.platform_message_id, key="k:0")
    assert said(channel)[0][0] == "after\n[a.png: could not be sent]"


def test_a_message_with_files_is_not_taken_for_one_without() -> None:
    target = Target(source="discord", channel_id="1")
    [with_file] = encode_message(Content(attachments=[Media(id="1", file="a" * 32 + ".png")]), target)
    assert is_same({"content": "", "attachments": [{"id": "1"}]}, with_file, key="k")
    assert not is_same({"content": "", "attachments": []}, with_file, key="k")
