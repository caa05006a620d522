"""One Slack app in several workspaces: what people use there is as it is with an app in one."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot_host.runtime import Limits
from bot_host.types.models import TextResult, ToolCall
from tests.connectors.slack_apps import Works, ask, both, works
from tests.fakes.slack_oauth import AppSlack, Team


@pytest.fixture
async def slack() -> AsyncIterator[AppSlack]:
    async with AppSlack() as slack:
        yield slack


async def acted(at: Works, team: Team, action: str, arguments: dict[str, Any], count: int) -> str:
    """What an action tells the model, which somebody wants in private."""
    call = ToolCall(id=f"c{count}", name=action, arguments=json.dumps(arguments))
    at.model.answers = [TextResult(text="", tool_calls=(call,)), f"answer {count}."]
    await ask(team, "please do", count)
    last = at.model.requests[-1].messages[-1]
    assert last.role == "tool", last
    return str(last.content)


async def test_actions_know_who_asks(slack: AppSlack, tmp_path: Path) -> None:
    async with works(slack, tmp_path, streaming=False) as at:
        _, two = await both(at)
        ada, news = two.add_user("ada", display_name="Ada"), two.add_channel("news")
        news.members.add(ada.id)
        two.workspace.user_message(news, ada, "the roses are in bloom")
        told = await acted(at, two, "READ_CHANNEL", {"channel": "news"}, 1)
        assert told.endswith("Ada: the roses are in bloom")
        hidden = two.add_channel("board", private=True)
        two.workspace.user_message(hidden, two.add_user("bob"), "secret")
        told = await acted(at, two, "READ_CHANNEL", {"channel": "board"}, 2)
        assert told == "error: there is no channel board that the person who asks can see"


async def test_the_app_home_shows_what_is_so_in_that_workspace(slack: AppSlack, tmp_path: Path) -> None:
    async with works(slack, tmp_path) as at:
        one, two = await both(at)
        [agent] = at.host.get_agents()
        agent.options = replace(agent.options, limits=Limits(entity_messages_per_minute=10))
        people = [team.add_user("ada", display_name="Ada") for team in (one, two)]
        await ask(two, "hello")
        for team, ada in zip((one, two), people, strict=True):
            await team.open_home(ada)
        await slack.wait_until(lambda: bool(one.published and two.published))
        await two.press_home(people[1], "h:settings", picked="Deutsch")
        # It is shown anew when that is done.
        await slack.wait_until(lambda: len(two.published) == 2)
        assert '"initial_option": {"text": {"type": "plain_text", "text": "Deutsch"}' in json.dumps(
            two.published[-1]
        )
        await one.open_home(people[0])
        await slack.wait_until(lambda: len(one.published) == 2)
        assert '"text": "As people write"}, "value": "off"}}' in json.dumps(one.published[-1])
        assert [each["text"] for each in two.posts()][1:] == ["Settings of this room:\n\n• language: Deutsch"]
        assert one.posts() == []
        left = [re.findall(r"(\d+) of 10 answers", json.dumps(team.published[-1])) for team in (one, two)]
        assert left == [["10"], ["8"]]
