"""Slack's shortcuts and commands in threads through the real command."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from tests.fakes.slack import FakeSlack
from tests.journeys.party import Party, party
from tests.journeys.seats import GROUP, SlackSeat


def seat_of(p: Party) -> tuple[SlackSeat, FakeSlack]:
    [seat] = p.seats
    assert isinstance(seat, SlackSeat)
    return seat, seat.fake


async def test_a_message_is_asked_about_in_private(tmp_path: Path) -> None:
    async with party(tmp_path, "slack") as p, p.host() as host:
        seat, slack = seat_of(p)
        ben = slack.add_user("ben", display_name="Ben")
        general = seat.channels[GROUP]
        message = await slack.say(general, ben, "the moon is made of cheese")
        await slack.message_shortcut(general, seat.ada, "message:ask", message)
        await slack.wait_until(lambda: bool(slack.ephemerals))
        [seen] = slack.ephemerals
        assert (seen["user"], seen["by"]) == (seat.ada.id, "response_url")
        assert "What do you say to this message?" in seen["text"]
        prompt = str(p.model.requests[-1])
        assert "in answer to what Ben wrote; not the words of the one who speaks here" in prompt
        assert "> the moon is made of cheese" in prompt
        assert slack.posts() == []
        assert await host.stop() == 0


async def test_commands_are_written_in_threads(tmp_path: Path) -> None:
    async with party(tmp_path, "slack") as p, p.host() as host:
        seat, slack = seat_of(p)
        general = seat.channels[GROUP]
        root = await slack.say(general, seat.ada, f"{seat.mention} hello")
        await slack.wait_for_message(channel=general, thread_ts=root["ts"])
        await slack.say(general, seat.ada, "!model", thread_ts=root["ts"])
        told = await slack.wait_for_message(2, channel=general, thread_ts=root["ts"])
        assert told["text"].startswith("Answers come from openai")
        await slack.say(general, seat.ada, "!bot_mute", thread_ts=root["ts"])
        told = await slack.wait_for_message(3, channel=general, thread_ts=root["ts"])
        assert told["text"].startswith("I am quiet here from now on")
        other = await slack.say(general, seat.ada, "we talk alone")
        await slack.say(general, seat.ada, "!model", thread_ts=other["ts"])
        await slack.say(general, seat.ada, f"{seat.mention} !model", thread_ts=other["ts"])
        told = await slack.wait_for_message(channel=general, thread_ts=other["ts"])
        assert told["text"].startswith("Answers come from openai")
        assert await host.stop() == 0
        assert len(slack.posts(channel=general, thread_ts=other["ts"])) == 1


async def test_a_form_over_a_restart(tmp_path: Path) -> None:
    async with party(tmp_path, "slack") as p:
        seat, slack = seat_of(p)
        async with p.host() as host:
            await slack.shortcut(seat.ada, "anywhere:ask")
            await slack.wait_answered("views.open")
            await host.kill()
        async with p.host():
            await slack.fill(slack.views[0], seat.ada, text="what is rain?")
            im = slack.add_im(seat.ada)
            assert (await slack.wait_for_message(channel=im))["text"] == "echo: what is rain?"


def rows(folder: Path, sql: str) -> list[Any]:
    database = sqlite3.connect(folder / "data" / "bot_host.db")
    try:
        return database.execute(sql).fetchall()
    finally:
        database.close()


async def test_the_home_tab(tmp_path: Path) -> None:
    async with party(tmp_path, "slack") as p, p.host() as host:
        seat, slack = seat_of(p)
        im = slack.add_im(seat.ada)
        everybody = "SELECT names FROM entities"
        before = rows(tmp_path, everybody)
        await slack.open_home(seat.ada)
        await slack.wait_until(lambda: len(slack.published) == 1)
        assert slack.published[0]["blocks"][0]["text"]["text"] == "Eliza"
        assert rows(tmp_path, everybody) == before

        await slack.press_home(seat.ada, "h:settings", picked="Deutsch")
        told = await slack.wait_for_message(channel=im)
        assert "language: Deutsch" in told["text"]
        await slack.wait_until(lambda: len(slack.published) == 2)
        assert '"initial_option": {"text": {"type": "plain_text", "text": "Deutsch"}' in json.dumps(
            slack.published[1]
        )
        await slack.say(im, seat.ada, "hello")
        await slack.wait_for_message(2, channel=im)
        assert "Answer in this language: Deutsch." in str(p.model.requests[-1])

        await slack.press_home(seat.ada, "h:mydata")
        file = await slack.wait_for_message(4, channel=im)
        assert [each["name"] for each in file["files"]] == ["mydata.zip"]
        await slack.wait_until(lambda: len(slack.published) == 3)

        await slack.press_home(seat.ada, "h:forgetme")
        question = await slack.wait_for_message(5, channel=im)
        assert "forget you?" in question["text"]
        assert "Ada" in str(rows(tmp_path, everybody))
        yes = question["blocks"][-1]["elements"][0]["action_id"]
        await slack.press(im, seat.ada, yes, message=im.messages[question["ts"]])
        told = await slack.wait_for_message(6, channel=im)
        assert told["text"].startswith("I forget you now.")
        await slack.wait_acked()
        assert await host.stop() == 0
        assert "Ada" not in str(rows(tmp_path, everybody))
