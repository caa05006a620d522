"""Who is let in on each platform: what its events tell of roles, groups, bots and strangers."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import InboundDelete, InboundEdit, InboundMessage, InboundReaction, Skipped
from connectors.discord import decode as discord
from connectors.discord.proxied import WINDOW_S, Proxied, Proxies
from connectors.slack.config import SlackConfig
from connectors.slack.decode import Decoder
from connectors.slack.silence import silences
from tests.connectors import telegram_samples as telegram
from tests.connectors.slack_helpers import config_for, running
from tests.connectors.test_discord_catch_up import knowing
from tests.connectors.test_discord_decode import ADA, BOT, make, make_view
from tests.connectors.test_discord_live import started
from tests.connectors.test_slack_decode import ME, Book, message
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack

STAFF = {"member": {"nick": None, "roles": ["102"]}}
ROBO = {"id": "77", "username": "robo", "bot": True}


def reason_of(event: Any) -> str:
    return event.reason if isinstance(event, Skipped) else ""


class TestDiscord:
    @pytest.mark.parametrize(
        ("said", "settings", "reason"),
        [
            (make(**STAFF), {"allow": ["role:102"]}, ""),
            (make(**STAFF), {"allow": ["102"]}, ""),
            (make(), {"allow": ["role:102"]}, "not allowed"),
            (make(member={"roles": ["103"]}), {"allow": ["role:102"]}, "not allowed"),
            (make(**STAFF), {"deny": ["role:102"]}, "denied"),
            (make(**STAFF), {"deny": ["role:102"], "owners": ["10"]}, ""),
            (make(member=None), {"deny": ["role:102"]}, "roles not known"),
            (make(guild_id="(none)", member=None), {"allow": ["role:102"]}, "not allowed"),
            (make(author=ROBO), {"bots": "mentions"}, "bot that does not turn to the agent"),
            (make(author=ROBO, guild_id="(none)"), {"bots": "mentions"}, ""),
            (make("<@1> hi", author=ROBO, mentions=[BOT]), {"bots": "mentions"}, ""),
            (make("<@1> hi", author=ROBO, mentions=[BOT]), {}, "bot"),
            (make(author=ROBO), {"bots": "all"}, ""),
            (make(author=ROBO), {"bots": "all", "deny": ["77"]}, "denied"),
            (make(webhook_id="55"), {"bots": "all"}, ""),
            (make("<@1> hi", webhook_id="55"), {}, "webhook"),
            (
                make(author=ROBO, guild_id="(none)"),
                {"bots": "all", "dm_policy": "pairing"},
                "not on the allowlist",
            ),
            (make(author=BOT), {"bots": "all"}, "own message"),
            (make(webhook_id="55", application_id="1"), {"bots": "all"}, "own message"),
        ],
    )
    def test_who_is_let_in(self, said: dict[str, Any], settings: dict[str, Any], reason: str) -> None:
        data = {key: value for key, value in said.items() if value is not None and value != "(none)"}
        assert reason_of(discord.decode_message(data, make_view(**settings))) == reason

    def test_roles_and_bots_are_told(self) -> None:
        found = discord.decode_message(make(**STAFF), make_view())
        assert isinstance(found, InboundMessage)
        assert (found.sender.roles, found.sender.is_bot, found.pairing_id) == (("102",), False, "")
        found = discord.decode_message(make(webhook_id="55"), make_view(bots="all"))
        assert isinstance(found, InboundMessage)
        assert found.sender.is_bot

    def test_a_stranger_is_handed_over_to_be_paired(self) -> None:
        direct = {key: value for key, value in make().items() if key not in ("guild_id", "member")}
        found = discord.decode_message(direct, make_view(dm_policy="pairing"))
        assert isinstance(found, InboundMessage)
        assert found.pairing_id == "10"
        edit = discord.decode_edit(
            direct | {"edited_timestamp": "2026-01-01T00:00:00+00:00"}, make_view(dm_policy="pairing")
        )
        assert isinstance(edit, InboundEdit)
        assert edit.pairing_id == "10"
        for known in ({"allow": ["user:10"]}, {"owners": ["10"]}):
            found = discord.decode_message(direct, make_view(dm_policy="pairing", **known))
            assert isinstance(found, InboundMessage)
            assert found.pairing_id == ""

    def test_reactions_pass_the_same_door(self) -> None:
        data = {"user_id": "10", "channel_id": "200", "message_id": "5", "emoji": {"name": "x"}}
        found = discord.decode_reaction(data, make_view(dm_policy="pairing"), added=True)
        assert isinstance(found, InboundReaction)
        assert found.pairing_id == "10"
        shared = data | {"guild_id": "100", "member": {"user": ADA, "roles": ["102"]}}
        assert reason_of(discord.decode_reaction(shared, make_view(allow=["role:102"]), added=True)) == ""
        denied = discord.decode_reaction(shared, make_view(deny=["role:102"]), added=True)
        assert reason_of(denied) == "denied"
        robo = shared | {"user_id": "77", "member": {"user": ROBO, "roles": []}}
        for policy, reason in (("mentions", "bot that does not turn to the agent"), ("all", "")):
            assert reason_of(discord.decode_reaction(robo, make_view(bots=policy), added=True)) == reason

    def test_what_a_proxy_says_is_the_persons_without_their_roles(self) -> None:
        shown = make(
            "hello <@1>", id="5", author={**ROBO, "username": "Luna"}, mentions=[BOT], webhook_id="55"
        )
        shown["embeds"] = [{"description": "[Reply to:](x) Bot"}]
        pair = Proxied(make("L: hello <@1>", id="4", **STAFF), shown)
        found = discord.decode_proxied(pair, make_view())
        assert isinstance(found, InboundMessage)
        assert (found.message_id, found.replaces, found.content.text) == ("5", "200/4", "hello @Bot")
        assert (found.sender.key, found.sender.platform_id, found.sender.name) == ("10-proxied", "10", "Luna")
        assert (found.sender.roles, found.sender.is_bot) == ((), False)
        assert found.target.reply_to == "5"
        assert found.content.mention_context is not None
        assert found.content.mention_context.is_mention
        denied = discord.decode_proxied(pair, make_view(deny=["role:102"]))
        assert reason_of(denied) == "denied"


class TestProxies:
    """Which webhook's message repeats which person's, and when that is certain."""

    def pairs(
        self, *steps: str, before: str = "L: hello", after: str = "hello", wait: float = 0
    ) -> list[str]:
        now = [0.0]
        proxies = Proxies(lambda: now[0])
        found: list[str] = []
        copy = make(after, id="5", webhook_id="55", attachments=[])
        for step in steps:
            if step == "said":
                proxies.said(make(before, id="4", attachments=[]))
                now[0] += wait
            elif step == "gone":
                found += [pair.copy["id"] for pair in proxies.gone("200", ["3", "4"])]
            elif step == "elsewhere":
                found += [pair.copy["id"] for pair in proxies.gone("201", ["4"])]
            else:
                _, pair = proxies.copied(copy)
                found += [pair.copy["id"]] if pair else []
        return found

    def test_both_must_happen_in_either_order(self) -> None:
        assert self.pairs("said", "copied", "gone") == ["5"]
        assert self.pairs("said", "gone", "copied") == ["5"]
        assert self.pairs("said", "gone", "gone", "copied", "copied") == ["5"]
        assert self.pairs("said", "copied") == []
        assert self.pairs("copied", "said", "gone") == []
        assert self.pairs("said", "copied", "elsewhere") == []

    def test_the_words_must_be_theirs(self) -> None:
        assert self.pairs("said", "copied", "gone", after="hello!") == []
        assert self.pairs("said", "copied", "gone", before="x" * 50 + " hello") == []
        assert self.pairs("said", "copied", "gone", before="", after="") == []

    def test_it_must_happen_soon(self) -> None:
        assert self.pairs("said", "copied", "gone", wait=WINDOW_S - 1) == ["5"]
        assert self.pairs("said", "copied", "gone", wait=WINDOW_S + 1) == []


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as server:
        yield server


@pytest.mark.parametrize("deleted_first", [False, True])
async def test_a_proxied_post_becomes_one_message_of_its_writer(
    fake: FakeDiscord, tmp_path: Path, deleted_first: bool
) -> None:
    ada, luna = fake.add_user("ada"), fake.add_user("Luna")
    channel = fake.add_channel(fake.add_guild("Workshop", members=[ada]), "general")
    async with started(fake, tmp_path, bots="all") as bot:
        await fake.wait_ready()
        original = fake.say(channel, ada, f"L: <@{fake.bot.id}> hello")
        await bot.messages()
        if deleted_first:
            fake.delete(original)
        copy = fake.say(channel, luna, f"<@{fake.bot.id}> hello", webhook=True)
        if not deleted_first:
            fake.delete(original)
        [_, proxied] = await bot.messages(2)
        assert (proxied.message_id, proxied.sender.platform_id, proxied.sender.name) == (
            copy["id"],
            ada.id,
            "Luna",
        )
        kinds = [
            type(event) for event in bot.host.events if isinstance(event, InboundDelete | InboundMessage)
        ]
        assert kinds == [InboundMessage, InboundDelete, InboundMessage]
        assert bot.host.marks[f"channel:{channel.id}"] == int(copy["id"])
        # A webhook that nobody wrote for stands for itself.
        fake.say(channel, luna, "news", webhook=True)
        [*_, news] = await bot.messages(3)
        assert news.sender.is_bot


async def test_of_what_was_missed_the_roles_are_asked_for_once_and_only_where_they_matter(
    fake: FakeDiscord, tmp_path: Path
) -> None:
    ada, bob, gone = (fake.add_user(name) for name in ("ada", "bob", "gone"))
    guild = fake.add_guild("Workshop", members=[ada, bob])
    other = fake.add_guild("Other", members=[ada])
    staff = fake.add_role(guild, "staff")
    fake.member(guild, ada).roles.append(staff.id)
    channel, elsewhere = fake.add_channel(guild, "general"), fake.add_channel(other, "general")
    for author in (ada, ada, bob, gone):
        fake.say(channel, author, f"from {author.name}")
    fake.say(elsewhere, ada, "from ada elsewhere")
    host = knowing(tmp_path, guild, channel)
    host.marks |= knowing(tmp_path, other, elsewhere).marks
    async with started(fake, tmp_path, host=host, allow=[f"role:{staff.id}"], roles={staff.id: "admin"}):
        await host.wait_caught_up()
    assert [(each.content.text, each.sender.roles) for each in host.messages] == [
        ("from ada", (staff.id,)),
        ("from ada", (staff.id,)),
    ]
    refused = [event.reason for event in host.missed if isinstance(event, Skipped)]
    assert refused == ["not allowed"] * 3
    asked = fake.calls_of("GET /guilds/{guild_id}/members/{user_id}")
    assert len(asked) == 3


class TestTelegram:
    @pytest.mark.parametrize(
        ("chat", "fields", "settings", "reason"),
        [
            (telegram.GROUP, {"text": "hi"}, {}, "bot"),
            (telegram.GROUP, {"text": "hi"}, {"bots": "mentions"}, "bot that does not turn to the agent"),
            (telegram.GROUP, telegram.mention("@eliza_bot hi", "@eliza_bot"), {"bots": "mentions"}, ""),
            (telegram.GROUP, {"text": "hi"}, {"bots": "all"}, ""),
            (telegram.GROUP, {"text": "hi"}, {"bots": "all", "deny": ["user:8"]}, "denied"),
        ],
    )
    def test_bots(self, chat: Any, fields: Any, settings: dict[str, Any], reason: str) -> None:
        robo = {"id": 8, "is_bot": True, "first_name": "Other"}
        found = telegram.event("message", telegram.said(chat, robo, **fields), **settings)
        assert reason_of(found) == reason
        if isinstance(found, InboundMessage):
            assert found.sender.is_bot

    def test_a_stranger_is_handed_over_to_be_paired(self) -> None:
        for kind, made in (("message", InboundMessage), ("edited_message", InboundEdit)):
            said = telegram.said(text="hi", **({"edit_date": telegram.DATE} if made is InboundEdit else {}))
            found = telegram.event(kind, said, dm_policy="pairing")
            assert isinstance(found, InboundMessage | InboundEdit)
            assert isinstance(found, made)
            assert found.pairing_id == "5"
            found = telegram.event(kind, said, dm_policy="pairing", owners=["5"])
            assert isinstance(found, InboundMessage | InboundEdit)
            assert found.pairing_id == ""
        found = telegram.event("message", telegram.said(telegram.GROUP, text="hi"), dm_policy="pairing")
        assert isinstance(found, InboundMessage)
        assert found.pairing_id == ""


DM = {"channel": "D1", "channel_type": "im"}
WEBHOOK = {"subtype": "bot_message", "bot_id": "B2", "user": None, "username": "news"}


def slack(event: dict[str, Any], groups: Any = (), **config: Any) -> Any:
    return Decoder(ME, SlackConfig(**config), groups=lambda _: groups).decode(event, Book())


class TestSlack:
    @pytest.mark.parametrize(
        ("event", "config", "reason"),
        [
            (message(**WEBHOOK), {}, "bot"),
            (message(**WEBHOOK), {"bots": "mentions"}, "bot that does not turn to the agent"),
            (message("<@UBOT> hi", **WEBHOOK), {"bots": "mentions"}, ""),
            (message(**WEBHOOK), {"bots": "all"}, ""),
            (message(**WEBHOOK), {"bots": "all", "deny": ["user:B2"]}, "denied"),
            (message(user="UAPP", bot_id="B3"), {}, "bot"),
            (message(user="UAPP", bot_id="B3"), {"bots": "all"}, ""),
            (message("<@UBOT> hi", user="UAPP", bot_id="B3"), {"bots": "mentions"}, ""),
            (message(user="UAPP", bot_id="B3"), {"bots": "mentions"}, "bot that does not turn to the agent"),
            (message(user="UAPP", **DM), {"bots": "all", "dm_policy": "pairing"}, "not on the allowlist"),
            (message(user="USLACKBOT"), {"bots": "all"}, "bot"),
            (message(user="UBOT"), {"bots": "all"}, "own message"),
        ],
    )
    def test_bots(self, event: dict[str, Any], config: dict[str, Any], reason: str) -> None:
        found = slack(event, **config)
        assert reason_of(found) == reason
        if not reason:
            assert found.sender.is_bot

    def test_who_posts_without_a_user_has_the_name_of_the_post(self) -> None:
        sender = slack(message(**WEBHOOK), bots="all").sender
        assert (sender.key, sender.platform_id, sender.name) == ("slack-user-B2", "B2", "news")

    @pytest.mark.parametrize(
        ("groups", "config", "reason"),
        [
            (("S1",), {"allow": ["group:S1"]}, ""),
            (("S1",), {"allow": ["S1"]}, ""),
            ((), {"allow": ["group:S1"]}, "not allowed"),
            (None, {"allow": ["group:S1"]}, "not allowed"),
            (("S1",), {"deny": ["group:S1"]}, "denied"),
            (None, {"deny": ["group:S1"]}, "roles not known"),
        ],
    )
    def test_user_groups(self, groups: Any, config: dict[str, Any], reason: str) -> None:
        assert reason_of(slack(message(), groups, **config)) == reason

    def test_a_stranger_is_handed_over_to_be_paired(self) -> None:
        assert slack(message(**DM), dm_policy="pairing").pairing_id == "U1"
        assert slack(message(**DM), dm_policy="pairing", allow=["user:U1"]).pairing_id == ""
        assert slack(message(), dm_policy="pairing").pairing_id == ""
        changed = {
            "type": "message",
            "subtype": "message_changed",
            "message": message("new", **DM),
            "previous_message": message(**DM),
            "ts": "1700000001.000100",
            **DM,
        }
        assert slack(changed, dm_policy="pairing").pairing_id == "U1"


async def test_nobody_is_looked_up_before_they_are_let_in(tmp_path: Path) -> None:
    async with FakeSlack() as fake, running(fake, tmp_path, dm_policy="pairing") as bot:
        ada, bob = fake.add_user("ada", display_name="Ada"), fake.add_user("bob", display_name="Bob")
        bot.host.paired.add(bob.id)
        for person in (ada, bob):
            await fake.say(fake.add_im(person), person, "hello")
            await fake.wait_acked()
        assert [(m.pairing_id, m.sender.name) for m in bot.host.messages] == [(ada.id, ""), (bob.id, "Bob")]
        assert [call.args["user"] for call in fake.calls if call.method == "users.info"] == [bob.id]


async def test_members_of_user_groups_are_asked_for_once(tmp_path: Path) -> None:
    async with FakeSlack() as fake:
        ada, bob = fake.add_user("ada"), fake.add_user("bob")
        fake.workspace.groups = {"S1": [ada], "S2": [bob]}
        async with running(fake, tmp_path, allow=["group:S1", "S2"], roles={"S1": "admin"}) as bot:
            general, cy = fake.add_channel("general"), fake.add_user("cy")
            for person in (ada, bob, cy, ada):
                await fake.say(general, person, f"from {person.name}")
                await fake.wait_acked()
            assert [m.sender.roles for m in bot.host.messages] == [("S1",), ("S2",), ("S1",)]
            asked = [call.args for call in fake.calls if call.method == "usergroups.users.list"]
            assert sorted(call["usergroup"] for call in asked) == ["S1", "S2"]


async def test_user_groups_that_cannot_be_read_are_named(tmp_path: Path, caplog: Any) -> None:
    async with FakeSlack() as fake:
        fake.scopes = [scope for scope in fake.scopes if scope != "usergroups:read"]
        async with running(fake, tmp_path, deny=["group:S1"]) as bot:
            await fake.say(fake.add_channel("general"), fake.add_user("ada"), "hello")
            await fake.wait_acked()
            [skipped] = await bot.host.wait_for(Skipped)
            assert skipped.reason == "roles not known"
            web = bot.connector._web()
            [line] = [
                line
                for line in await silences(web, config_for(fake, deny=["group:S1"]))
                if line.name == "slack user groups"
            ]
        assert not line.ok
        assert "S1 (missing_scope)" in line.detail
        assert "usergroups:read" in line.advice
    assert "user groups could not be read" in caplog.text
