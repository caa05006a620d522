"""Files on Slack: read with the token, sent by the external upload flow."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import (
    Content,
    FetchFailed,
    FetchRefused,
    Media,
    MediaType,
    RoomClosed,
    SendLater,
    SendRefused,
    SendUnknown,
    Sent,
    Target,
)
from bot_host.host.files import save_media
from bot_host.kit.media_folder import MediaFolder
from bot_host.runtime.media import made_media
from connectors.slack.client import SlackConnector
from connectors.slack.config import SlackConfig
from connectors.slack.files import attachments
from tests.connectors.slack_helpers import config_for, running
from tests.fakes.openai_media import PIXEL
from tests.fakes.slack import FakeChannel, FakeSlack

UPLOAD = "files.getUploadURLExternal"
COMPLETE = "files.completeUploadExternal"


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as fake:
        yield fake


@pytest.fixture
def folder(tmp_path: Path) -> MediaFolder:
    return MediaFolder(tmp_path / "media")


@pytest.fixture
async def bot(slack: FakeSlack, folder: MediaFolder) -> AsyncIterator[SlackConnector]:
    connector = SlackConnector(config_for(slack))
    connector.use_files(folder)
    yield connector
    await connector.close()


@pytest.fixture
def general(slack: FakeSlack) -> FakeChannel:
    return slack.add_channel("general")


async def kept(folder: MediaFolder, name: str, data: bytes = PIXEL, **more: Any) -> Media:
    return await save_media(folder, data, made_media(data, file_name=name, **more))


async def send(bot: SlackConnector, channel: FakeChannel, text: str, *files: Media) -> list[str]:
    target = Target(source="slack", channel_id=channel.id)
    payloads = bot.encode(Content(text=text, attachments=list(files)), target)
    return [(await bot.send(each, target, key="k")).platform_message_id for each in payloads]


def said(slack: FakeSlack) -> list[tuple[str, list[str]]]:
    return [(post["text"], [file["name"] for file in post.get("files", ())]) for post in slack.posts()]


async def read(bot: SlackConnector, media: Media, most: int = 1000) -> bytes:
    return await bot.download(media, Target(source="slack"), message_id="1", max_bytes=most)


# in


async def test_a_file_is_read_with_the_token(slack: FakeSlack, bot: SlackConnector) -> None:
    file = slack.workspace.new_file("a.png", PIXEL, owner="U1", mime="image/png")
    url = file.to_json(slack.methods.base_url)["url_private"]
    media = Media(id=file.id, url=url, mime_type="image/png")
    assert await read(bot, media) == PIXEL
    # Of files of other organisations the event says no address.
    assert await read(bot, media.model_copy(update={"url": ""})) == PIXEL
    with pytest.raises((FetchRefused, FetchFailed)):
        await read(bot, media, most=10)
    with pytest.raises(FetchRefused, match="file_not_found"):
        await read(bot, Media(id="F9"))


async def test_the_login_page_is_not_taken_for_the_file(slack: FakeSlack, bot: SlackConnector) -> None:
    page = slack.workspace.new_file("a.html", b"<html>mine</html>", owner="U1", mime="text/html")
    picture = slack.workspace.new_file("a.png", PIXEL, owner="U1", mime="image/png")
    files = [
        Media(id=each.id, url=each.to_json(slack.methods.base_url)["url_private"], mime_type=each.mime)
        for each in (page, picture)
    ]
    assert await read(bot, files[0]) == b"<html>mine</html>"
    slack.scopes.remove("files:read")
    for media in files:
        with pytest.raises(FetchRefused, match="scope files:read"):
            await read(bot, media)


@pytest.mark.parametrize(
    "url",
    [
        "https://docs.google.com/document/d/1",
        "https://slack.com.evil.example/files-pri/T-F/a.png",
        "https://evilslack.com/a.png",
        "https://files.slack.com@evil.example/a.png",
        "http://[::1/a.png",
    ],
)
async def test_the_token_goes_to_slack_only(bot: SlackConnector, url: str) -> None:
    with pytest.raises(FetchRefused, match="elsewhere"):
        await read(bot, Media(id="F1", url=url))


def test_a_clip_is_what_its_sender_says() -> None:
    clip = {"id": "F1", "mimetype": "video/mp4", "subtype": "slack_audio", "duration_ms": 2500}
    [media] = attachments({"files": [clip]})
    assert (media.content_type, media.voice, media.duration) == (MediaType.AUDIO, True, 2.5)


# out


async def test_files_stand_below_the_text_in_the_thread(
    slack: FakeSlack, bot: SlackConnector, general: FakeChannel, folder: MediaFolder
) -> None:
    root = await slack.say(general, slack.add_user("ada"), "draw")
    target = Target(source="slack", channel_id=general.id, thread_id=root["ts"])
    files = [await kept(folder, "a.png", title="A picture"), await kept(folder, "b.txt", b"words")]
    for payload in bot.encode(Content(text="*here*", attachments=files), target):
        await bot.send(payload, target, key="k")
    text, shared = slack.posts()
    assert (text["thread_ts"], shared["thread_ts"]) == (root["ts"], root["ts"])
    assert [(file["name"], file["title"]) for file in shared["files"]] == [
        ("a.png", "A picture"), ("b.txt", "b.txt")
    ]  # fmt: skip
    assert [file.data for file in slack.workspace.files.values()] == [PIXEL, b"words"]


async def test_files_go_without_text_ten_at_a_time(
    slack: FakeSlack, bot: SlackConnector, general: FakeChannel, folder: MediaFolder
) -> None:
    await send(bot, general, "", *[await kept(folder, f"{number}.png") for number in range(11)])
    assert [len(names) for _, names in said(slack)] == [10, 1]


async def test_a_message_is_known_by_its_time_or_by_its_files(
    slack: FakeSlack, bot: SlackConnector, general: FakeChannel, folder: MediaFolder
) -> None:
    picture = await kept(folder, "a.png")
    target = Target(source="slack", channel_id=general.id)
    [by_file] = await send(bot, general, "", picture)
    slack.methods.shares_at_once = True
    [by_time] = await send(bot, general, "", picture)
    assert by_file.startswith("F")
    assert by_time == slack.posts()[1]["ts"]
    [text] = bot.encode(Content(text="words"), target)
    with pytest.raises(SendRefused, match="no text in place of a file"):
        await bot.edit(text, target, by_file, key="k")
    await bot.retract(target, by_file)
    await bot.retract(target, by_file)
    await bot.retract(target, by_time)
    assert slack.posts() == []


async def test_what_slack_does_not_take_is_named_and_the_rest_goes(
    slack: FakeSlack, bot: SlackConnector, general: FakeChannel, folder: MediaFolder
) -> None:
    there, gone = await kept(folder, "there.png"), await kept(folder, "a&b.png")
    path = folder.path_of(gone.file or "")
    assert path is not None
    path.unlink()
    await send(bot, general, "", there, gone)
    await send(bot, general, "", gone)
    slack.fail("upload", status=413)
    await send(bot, general, "", there)
    slack.scopes.remove("files:write")
    await send(bot, general, "words", there)
    assert said(slack) == [
        ("[a&amp;b.png: could not be sent]", ["there.png"]),
        ("[a&amp;b.png: could not be sent]", []),
        ("[there.png: could not be sent]", []),
        ("words", []),
        ("[there.png: could not be sent]", []),
    ]


async def test_only_the_last_step_can_be_in_doubt(
    slack: FakeSlack, bot: SlackConnector, general: FakeChannel, folder: MediaFolder
) -> None:
    picture = await kept(folder, "a.png")
    slack.drop(UPLOAD, "after")
    slack.drop("upload", "before")
    slack.fail("upload", status=503)
    slack.rate_limit(UPLOAD, 7)
    for _ in range(4):
        with pytest.raises(SendLater):
            await send(bot, general, "", picture)
    slack.drop(COMPLETE, "after")
    with pytest.raises(SendUnknown):
        await send(bot, general, "", picture)
    slack.fail(COMPLETE, "not_in_channel")
    with pytest.raises(RoomClosed):
        await send(bot, general, "", picture)
    assert said(slack) == [("", ["a.png"])]


async def test_files_that_may_have_arrived_are_found_in_the_history(
    slack: FakeSlack, general: FakeChannel, folder: MediaFolder, tmp_path: Path
) -> None:
    began = datetime.now(UTC)
    target = Target(source="slack", channel_id=general.id)
    async with running(slack, tmp_path) as bot:
        bot.connector.use_files(folder)
        first, second = await kept(folder, "a.png"), await kept(folder, "b.png")
        [sent] = bot.connector.encode(Content(attachments=[first]), target)
        [never] = bot.connector.encode(Content(attachments=[second]), target)
        slack.drop(COMPLETE, "after")
        with pytest.raises(SendUnknown):
            await bot.connector.send(sent, target, key="k")

        async def find(payload: dict[str, Any], others: frozenset[str] = frozenset()) -> Sent | None:
            return await bot.connector.find_sent(payload, target, key="k", since=began, others=others)

        found = await find(sent)
        assert found is not None
        assert found.platform_message_id == slack.posts()[0]["ts"]
        assert await find(sent, frozenset({found.platform_message_id})) is None
        assert await find(never) is None


async def test_slack_itself_gets_no_private_address() -> None:
    connector = SlackConnector(SlackConfig(bot_token="xoxb-1", app_token="xapp-1"))
    with pytest.raises(FetchRefused, match="elsewhere"):
        await read(connector, Media(id="F1", url="http://127.0.0.1:1/files-pri/T-F/a.png"))
