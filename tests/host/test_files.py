"""Files on their way out: named in the rows, kept until they are sent, gone with a word."""

import base64
import os
import time
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import SendLater
from bot_host.host import BotHost
from bot_host.host.files import keep_tidy
from bot_host.kit.media_folder import KEPT_S
from bot_host.plugin import Action, ActionCall, ActionResult, Agent, Plugin, StateError
from bot_host.testing import FakeAgent, FakePlatform, ScriptedModel
from bot_host.types.content import Content, Media, MediaType
from bot_host.types.models import TextResult, ToolCall
from bot_host.types.outbound import Target
from tests.fakes.openai_media import PIXEL
from tests.host.conftest import House, Houses

HOME = Target(source="fake", channel_id="ada")


async def chart(agent: Agent, call: ActionCall) -> ActionResult:
    media = await agent.save_media(b"a,b\n1,2\n", file_name="numbers.csv", title="The numbers")
    return ActionResult(text="Made.", data={"attachments": [media]})


CHART = Plugin(
    name="chart", actions=(Action(name="CHART", description="Make a chart.", handler=chart, idempotent=True),)
)
CALL = TextResult(text="", tool_calls=(ToolCall(id="1", name="CHART", arguments="{}"),))


async def with_chart(house: House) -> None:
    [agent] = house.host.get_agents()
    await agent.register_plugin(CHART)


def folder_of(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "media").iterdir())


async def test_what_an_action_makes_goes_out_as_a_file(house: House, tmp_path: Path) -> None:
    await with_chart(house)
    house.model.answers = [CALL, "Here."]
    await house.platform.say("numbers?")
    await house.platform.wait_sent(2)
    await house.host.finish_pending()
    assert [text for _, text, _ in house.platform.sent] == ["Here.", "[numbers.csv]"]
    assert house.platform.sent_files == [("numbers.csv", b"a,b\n1,2\n")]
    [memory] = [m for m in await house.store.list_memories(house.agent_id) if m.content.attachments]
    [media] = memory.content.attachments
    assert (media.title, media.mime_type, media.size) == ("The numbers", "text/csv", 8)
    assert media.content_type is MediaType.DOCUMENT
    assert folder_of(tmp_path) == [media.file]


async def test_a_file_alone_is_an_answer(house: House) -> None:
    await with_chart(house)
    house.model.answers = [CALL, ""]
    await house.platform.say("numbers?")
    assert await house.platform.wait_sent() == ["[numbers.csv]"]


async def test_data_becomes_a_file_for_a_platform(house: House) -> None:
    url = f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"
    picture = Media(id="1", url=url, title="A pixel")
    broken = Media(id="2", url="data:image/png;base64,###", title="Broken")
    content = Content(text="look", attachments=[picture, broken])
    delivery = await house.host.send_message_to_target(house.agent_id, HOME, content)
    await delivery.sent()
    assert [text for _, text, _ in house.platform.sent] == [
        "look\n[Broken: could not be sent]", "[A pixel.png]"
    ]  # fmt: skip
    assert house.platform.sent_files == [("A pixel.png", PIXEL)]
    assert picture.url == url  # the caller's own stays as it was


async def test_a_platform_without_files_is_told_their_names(house_at: Houses) -> None:
    class Plain(FakePlatform):
        use_files = None  # type: ignore[assignment]

    async with house_at(platform=Plain(), answers=(CALL, "Here.")) as house:
        await with_chart(house)
        await house.platform.say("numbers?")
        [text] = (await house.platform.wait_sent())[:1]
        assert text == "Here.\n[The numbers: could not be sent]"


async def test_a_file_waits_for_its_platform_over_a_restart_and_is_kept(
    house_at: Houses, tmp_path: Path
) -> None:
    async with house_at(answers=(CALL, "Here.")) as house:
        await with_chart(house)
        house.platform.faults = [SendLater("not now", after_s=3600.0)]
        await house.platform.say("numbers?")
        await house.platform.wait_until(lambda: house.platform.tried == 1)
        [name] = folder_of(tmp_path)
        assert await house.store.needed_files() == {name}
    long_ago = time.time() - 2 * KEPT_S
    os.utime(tmp_path / "media" / name, (long_ago, long_ago))
    await sweep_once(house_at, expected=[name], tmp_path=tmp_path)


async def sweep_once(house_at: Houses, *, expected: list[str], tmp_path: Path) -> None:
    async with house_at() as house:
        folder = house.host._media
        needed = await house.store.needed_files()
        await folder.sweep(needed=needed)
        assert folder_of(tmp_path) == expected


async def test_old_files_go_when_they_were_sent(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = Content(attachments=[await house.host.get_agent(house.agent_id).save_media(PIXEL)])
    await (await house.host.send_message_to_target(house.agent_id, HOME, content)).sent()
    [name] = folder_of(tmp_path)
    long_ago = time.time() - 2 * KEPT_S
    os.utime(tmp_path / "media" / name, (long_ago, long_ago))

    class Enough(Exception):
        pass

    async def stop(_seconds: float) -> None:
        raise Enough

    monkeypatch.setattr("bot_host.host.files.asyncio.sleep", stop)
    with pytest.raises(Enough):
        await keep_tidy(house.host._media, lambda: [house.store])
    assert folder_of(tmp_path) == []


async def test_a_turn_under_way_keeps_what_its_actions_made(house: House) -> None:
    await with_chart(house)
    house.model.answers = [CALL, "Here."]
    seen: list[set[str]] = []

    async def look(_request: Any) -> str:
        seen.append(await house.store.needed_files())
        return "Here."

    house.model.answers[1] = look
    await house.platform.say("numbers?")
    await house.platform.wait_sent(2)
    await house.host.finish_pending()
    [needed] = seen
    assert len(needed) == 1
    assert await house.store.needed_files() == set()


@pytest.mark.parametrize("data", [b"", b"x" * 50_000_001], ids=["empty", "too large"])
async def test_what_cannot_be_sent_is_refused_at_once(house: House, data: bytes) -> None:
    with pytest.raises(StateError, match=r"empty|at most 50,000,000"):
        await house.host.get_agent(house.agent_id).save_media(data, file_name="a.bin")


async def test_without_a_host_there_is_no_folder_and_a_fake_agent_has_its_own() -> None:
    agent = FakeAgent()
    media = await agent.save_media(PIXEL, file_name="../a.png", voice=True)
    assert agent.saved == {media.file: PIXEL}
    told = media.as_file()
    assert told is not None
    assert (told["name"], told["type"], told["voice"]) == ("a.png", "image/png", True)


async def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("in the way")
    model = ScriptedModel()
    host = BotHost(data_dir=tmp_path)
    try:
        [agent_id] = await host.add_agents(
            [{"character": {"name": "Eliza", "bio": ["x"]}, "plugins": ["basics", model.plugin]}]
        )
        with pytest.raises(StateError, match="could not be kept"):
            await host.get_agent(agent_id).save_media(b"x")
    finally:
        await host.stop()
