"""People of other workspaces, in channels that are shared with them (Slack Connect)."""

from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import CommandSpec, InboundMessage, Option, Skipped
from connectors.slack.answering import REFUSED
from connectors.slack.config import SlackConfig
from connectors.slack.decode import Decoder
from connectors.slack.events import Self
from connectors.slack.external import EXTERNAL, EXTERNAL_UNADDRESSED
from connectors.slack.names import teams_of
from tests.connectors.slack_helpers import running
from tests.connectors.test_slack_decode import EARLIER, ME, Book, message
from tests.fakes.slack import FakeSlack

GRID = Self(team_id="T1", user_id="UBOT", bot_id="BBOT", name="botty", enterprise_id="E1")
AWAY = {"user_team": "T2", "source_team": "T2"}


def reason(event: dict[str, Any], *, me: Self = ME, teams: tuple[str, ...] = (), **config: Any) -> str | None:
    decoder = Decoder(me, SlackConfig(**config), teams=lambda _user: teams)
    found = decoder.decode(event, Book())
    return found.reason if isinstance(found, Skipped) else None


@pytest.mark.parametrize(
    ("policy", "event", "expected"),
    [
        ("mentions", message(**AWAY), EXTERNAL_UNADDRESSED),
        ("mentions", message("<@UBOT> hello", **AWAY), None),
        ("mentions", message(thread_ts=EARLIER, parent_user_id="UBOT", **AWAY), None),
        ("mentions", message(thread_ts=EARLIER, parent_user_id="U2", **AWAY), EXTERNAL_UNADDRESSED),
        ("mentions", message(channel="D1", channel_type="im", **AWAY), None),
        ("mentions", message(user_team="T1", source_team="T1"), None),
        ("mentions", message(), None),
        ("allow", message(**AWAY), None),
        ("ignore", message("<@UBOT> hello", **AWAY), EXTERNAL),
        ("ignore", message(channel="D1", channel_type="im", **AWAY), EXTERNAL),
        ("ignore", message(), None),
    ],
)
def test_the_policy(policy: str, event: dict[str, Any], expected: str | None) -> None:
    assert reason(event, external=policy) == expected


def test_unless_told_otherwise_they_are_answered_when_they_turn_to_the_agent() -> None:
    assert SlackConfig().external == "mentions"


def test_what_was_looked_up_goes_before_what_an_event_says() -> None:
    ignoring = {"external": "ignore"}
    assert reason(message(), teams=("T2",), **ignoring) == EXTERNAL
    assert reason(message(**AWAY), teams=("T1",), **ignoring) is None
    # An organisation's other workspaces are no strangers; their ids alone do not tell.
    assert reason(message(**AWAY), me=GRID, teams=("T2", "E1"), **ignoring) is None
    assert reason(message(**AWAY), me=GRID, teams=("T9", "E9"), **ignoring) == EXTERNAL
    assert reason(message(**AWAY), me=GRID, **ignoring) == EXTERNAL


def test_in_an_organisation_nobody_is_refused_before_they_are_looked_up() -> None:
    for me, users in ((GRID, ("U1",)), (ME, ())):
        decoder = Decoder(me, SlackConfig(external="ignore"))
        assert decoder.ids(message(**AWAY)).users == users


def test_owners_and_denied_people() -> None:
    assert reason(message(**AWAY), external="ignore", owners=["U1"]) is None
    assert reason(message(**AWAY), external="allow", deny=["U1"]) == "denied"


@pytest.mark.parametrize(("event", "roles"), [(message("<@UBOT>", **AWAY), ()), (message(), ("S1",))])
def test_they_have_no_role(event: dict[str, Any], roles: tuple[str, ...]) -> None:
    decoder = Decoder(ME, SlackConfig(roles={"S1": "admin"}), groups=lambda _user: ("S1",))
    found = decoder.decode(event, Book())
    assert isinstance(found, InboundMessage)
    assert found.sender.roles == roles


def test_their_buttons_follow_the_same_policy() -> None:
    for policy, expected in (("ignore", EXTERNAL), ("mentions", None)):
        decoder = Decoder(ME, SlackConfig(external=policy), teams=lambda _user: ("T2",))
        assert decoder.refusal_of("U1", "C1") == expected


def test_of_a_button_the_event_alone_says_whose_they_are() -> None:
    for me, teams, team, expected in (
        (ME, (), "T2", EXTERNAL),
        (ME, (), "T1", None),
        (ME, (), "", None),
        (GRID, ("T2", "E1"), "T2", None),
        (GRID, ("T9", "E9"), "T9", EXTERNAL),
        (GRID, (), "T9", EXTERNAL),
    ):
        decoder = Decoder(me, SlackConfig(external="ignore"), teams=lambda _user, found=teams: found)
        assert decoder.refusal_of("U1", "C1", team=team) == expected, (me, teams, team)
    decoder = Decoder(ME, SlackConfig(roles={"S1": "admin"}), groups=lambda _user: ("S1",))
    assert [decoder.visitor("U1", "", Book(), team=team).roles for team in ("T2", "T1")] == [(), ("S1",)]


@pytest.mark.parametrize(
    ("user", "teams"),
    [
        ({"team_id": "T1"}, ("T1",)),
        ({"team_id": "T1", "is_stranger": True}, ("stranger",)),
        (
            {"team_id": "T2", "enterprise_user": {"enterprise_id": "E1", "teams": ["T1", 7]}},
            ("T2", "E1", "T1"),
        ),
        ({"team_id": 7, "enterprise_user": "x"}, ()),
        ({}, ()),
    ],
)
def test_where_somebody_belongs(user: dict[str, Any], teams: tuple[str, ...]) -> None:
    assert teams_of(user) == teams


async def test_they_are_known_by_the_look_up(tmp_path: Path) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path) as bot:
        eve, shared = slack.add_user("eve"), slack.add_channel("shared")
        eve.team_id = "T0OTHER01"
        await slack.say(shared, eve, "hello everybody", team="T0OTHER01", user_team="T0OTHER01")
        await slack.say(shared, eve, f"<@{slack.bot_user_id}> hello", team="T0OTHER01")
        await slack.wait_acked()
        assert {each.content.text for each in bot.host.messages} == {"hello"}
        [skipped] = {each.reason for each in await bot.host.wait_for(Skipped)}
        assert skipped == EXTERNAL_UNADDRESSED


@pytest.mark.parametrize("policy", ["ignore", "mentions"])
async def test_buttons_and_shortcuts_of_people_from_elsewhere(tmp_path: Path, policy: str) -> None:
    async with FakeSlack() as slack, running(slack, tmp_path, external=policy) as bot:
        bot.host.known_commands = [
            CommandSpec(
                name="ask",
                description="Ask.",
                options=(Option(name="text", description="What", required=True),),
                says="text",
                menus={"message": "Ask", "anywhere": "Ask"},
            )
        ]
        eve, shared = slack.add_user("eve"), slack.add_channel("shared")
        eve.team_id = "T0OTHER01"
        # Nothing is known of her yet, and where she is from cannot be looked up.
        slack.fail("users.info", "user_not_visible")
        message = slack.workspace.user_message(shared, eve, "hello")
        await slack.message_shortcut(shared, eve, "message:ask", message)
        await slack.press(shared, eve, "c:nothing:0")
        await slack.shortcut(eve, "anywhere:ask")
        await slack.wait_acked()
        if policy == "ignore":
            await slack.wait_until(lambda: len(slack.responses) == 2)
            assert {each["text"] for each in slack.responses} == {REFUSED}
            assert {each.args["user"] for each in slack.calls if each.method == "users.info"} == {eve.id}
            assert bot.host.messages == slack.views == []
        else:
            assert [each.command for each in bot.host.messages if each.command]
            await slack.wait_until(lambda: len(slack.views) == 1)
