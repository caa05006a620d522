"""A picture and a voice message come in and are understood; a picture goes out: on each platform."""

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.openai_media import PIXEL
from tests.journeys.party import Party, party
from tests.journeys.seats import DM, PLATFORMS, DiscordSeat, Seat, SlackSeat, TelegramSeat

SEEN = '{"title": "A pixel", "description": "One pink pixel on nothing."}'
VOICE = b"OggS\x00\x02" + bytes(22) + b"OpusHead"


async def show(seat: Seat, text: str, name: str, data: bytes, mime: str) -> None:
    """A person sends a file with a text."""
    if isinstance(seat, DiscordSeat):
        extra = {"flags": 1 << 13} if mime == "audio/ogg" else None
        seat.fake.say(seat.channels[DM], seat.ada, text, files={name: data}, file_type=mime, extra=extra)
    elif isinstance(seat, TelegramSeat):
        stored = seat.fake.world.store_file(name, data)
        fields: dict[str, Any] = {"photo": [{**stored, "width": 1, "height": 1}]}
        if mime == "audio/ogg":
            fields = {"voice": {**stored, "duration": 1, "mime_type": mime}}
        await seat.fake.say(seat.chats[DM], seat.ada, None, caption=text or None, **fields)
    else:
        assert isinstance(seat, SlackSeat)
        file = seat.fake.workspace.new_file(name, data, owner=seat.ada.id, mime=mime)
        file.subtype = "slack_audio" if mime == "audio/ogg" else ""
        files = [file.to_json(seat.fake.methods.base_url)]
        await seat.fake.say(seat.channels[DM], seat.ada, text, subtype="file_share", files=files)


async def wait_file(seat: Seat) -> tuple[str, bytes]:
    """The first file that the bot has sent."""
    if isinstance(seat, DiscordSeat):
        fake = seat.fake
        await fake.wait_until(lambda: any(message["attachments"] for message in fake.sent), "a file")
        [item] = [item for message in fake.sent for item in message["attachments"]]
        return item["filename"], next(
            data for path, (data, _) in seat.fake._files.items() if item["id"] in path
        )
    if isinstance(seat, TelegramSeat):
        call = await seat.fake.wait_for_call("sendPhoto", answered=True)
        sent = await seat.fake.wait_for_message(lambda message: message.request == call.params)
        [stored] = seat.fake.world.messages[sent.bot_id, sent.chat_id, sent.message_id]["photo"]
        return seat.fake.world.files[stored["file_id"]]
    assert isinstance(seat, SlackSeat)
    fake = seat.fake
    await fake.wait_until(lambda: any(post.get("files") for post in fake.posts()))
    [shared] = [post for post in fake.posts() if post.get("files")]
    return shared["files"][0]["name"], fake.workspace.files[shared["files"][0]["id"]].data


def senses(p: Party) -> None:
    """The server has models that look, listen and paint."""
    p.model.any_model = True
    config = p.folder / "config.toml"
    more = 'transcription = "fake-ear"\nimage = "fake-brush"\n'
    config.write_text(
        config.read_text(encoding="utf-8").replace('large = "fake-large"\n', f'large = "fake-large"\n{more}')
    )


@pytest.mark.parametrize("name", PLATFORMS)
async def test_a_picture_comes_in_is_seen_and_a_picture_goes_out(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p:
        senses(p)
        async with p.host() as host:
            [seat] = p.seats
            p.model.answer(SEEN)
            p.model.answer("It is pink.")
            await show(seat, "what colour is it?", "pixel.png", PIXEL, "image/png")
            assert await seat.wait_reply(DM) == "It is pink."
            described, asked = p.model.chats
            assert "data:image/png;base64," in str(described.body["messages"][-1]["content"])
            assert "One pink pixel on nothing." in asked.last_user_text
            assert "what colour is it?" in asked.last_user_text

            p.model.media.heard = "draw me a fox"
            p.model.call_tool("GENERATE_IMAGE", {"prompt": "a fox"})
            p.model.answer("Here it is.")
            await show(seat, "", "voice.ogg", VOICE, "audio/ogg")
            sent_as, data = await wait_file(seat)
            assert (sent_as.replace(" ", "_"), data) == ("a_fox.png", PIXEL)
            assert "draw me a fox" in p.model.chats[-1].last_user_text
            assert await host.stop() == 0
        assert "Traceback" not in host.all_log
        token = next(iter(seat.tokens().values()))
        stored = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("bot_host.db*"))
        assert token.encode() not in stored
        assert token not in host.all_log
