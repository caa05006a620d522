"""The fake Slack, met by slack-sdk's own clients."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.models.blocks import MarkdownBlock
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import FakeSlack
from tests.fakes.slack_workspace import pings_of


@asynccontextmanager
async def client(slack: FakeSlack, token: str | None = None, **more: Any) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(
            token=slack.bot_token if token is None else token,
            base_url=slack.api_base,
            session=session,
            **more,
        )


@asynccontextmanager
async def socket(slack: FakeSlack, *, acknowledge: bool = True) -> AsyncIterator[list[SocketModeRequest]]:
    got: list[SocketModeRequest] = []

    async def listen(to: Any, request: SocketModeRequest) -> None:
        got.append(request)
        if acknowledge:
            await to.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))

    async with client(slack) as web:
        mode = SocketModeClient(app_token=slack.app_token, web_client=web, ping_interval=0.2)
        mode.socket_mode_request_listeners.append(listen)
        await mode.connect()
        try:
            yield got
        finally:
            await mode.close()
            await mode.aiohttp_client_session.close()
            await asyncio.wait([mode.message_processor])


async def refused(call: Any) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as caught:
        await call
    answer: dict[str, Any] = caught.value.response.data
    return answer


async def test_login_says_who_and_which_scopes() -> None:
    async with FakeSlack() as slack, client(slack) as web:
        answer = await web.auth_test()
        assert (answer["team_id"], answer["user_id"]) == (slack.team_id, slack.bot_user_id)
        assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")
        assert (await web.team_info())["team"]["name"] == "Fake Works"


@pytest.mark.parametrize(("token", "error"), [("xoxb-wrong", "invalid_auth"), ("", "not_authed")])
async def test_a_wrong_token_is_refused(token: str, error: str) -> None:
    async with FakeSlack() as slack, client(slack, token) as web:
        assert (await refused(web.auth_test()))["error"] == error


async def test_the_kinds_of_token_are_told_apart() -> None:
    async with FakeSlack() as slack, client(slack, slack.app_token) as web:
        assert (await refused(web.auth_test()))["error"] == "not_allowed_token_type"
        wrong = await refused(web.apps_connections_open(app_token=slack.bot_token))
        assert wrong["error"] == "not_allowed_token_type"
        assert (await refused(web.apps_connections_open(app_token="xapp-no")))["error"] == "invalid_auth"
        async with (
            aiohttp.ClientSession() as session,
            session.post(slack.api_base + "apps.connections.open", data={"token": slack.app_token}) as answer,
        ):
            assert (await answer.json())["error"] == "invalid_auth"


async def test_revoked_token_missing_scope_and_unknown_method() -> None:
    async with FakeSlack() as slack, client(slack) as web:
        slack.scopes.remove("users:read")
        missing = await refused(web.users_info(user=slack.bot_user_id))
        assert (missing["error"], missing["needed"]) == ("missing_scope", "users:read")
        assert "chat:write" in missing["provided"]
        assert (await refused(web.api_call("chat.shout")))["error"] == "unknown_method"
        slack.token_error = "account_inactive"
        assert (await refused(web.auth_test()))["error"] == "account_inactive"


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({}, "no_text"),
        ({"text": " "}, "no_text"),
        ({"text": "a", "markdown_text": "b"}, "markdown_text_conflict"),
        ({"markdown_text": "x" * 12_001}, "msg_too_long"),
        ({"text": "a", "blocks": [{"type": "nonsense"}]}, "invalid_blocks"),
        ({"text": "a", "blocks": [{"type": "section", "text": "no object"}]}, "invalid_blocks"),
        (
            {"text": "a", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]},
            "invalid_blocks",
        ),
        ({"text": "a", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"text": "a", "blocks": [MarkdownBlock(text="x" * 7000)] * 2}, "msg_blocks_too_long"),
        ({"text": "a", "blocks": "{not json"}, "invalid_blocks_format"),
        ({"text": "a", "metadata": {"event_type": "x"}}, "invalid_metadata_schema"),
        ({"text": "a", "thread_ts": "1.000001"}, "cannot_reply_to_message"),
    ],
)
async def test_a_bad_message_is_refused(message: dict[str, Any], error: str) -> None:
    async with FakeSlack() as slack, client(slack) as web:
        room = slack.add_channel("general")
        call = web.api_call("chat.postMessage", json={"channel": room.id, **_plain(message)})
        assert (await refused(call))["error"] == error
        assert slack.posts() == []


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    blocks = message.get("blocks")
    if isinstance(blocks, list):
        shown = [block if isinstance(block, dict) else block.to_dict() for block in blocks]
        return {**message, "blocks": shown}
    return message


async def test_where_the_bot_cannot_post() -> None:
    async with FakeSlack() as slack, client(slack) as web:
        outside = slack.add_channel("outside", with_bot=False)
        secret = slack.add_channel("secret", private=True, with_bot=False)
        old = slack.add_channel("old")
        old.is_archived = True
        errors = [
            (await refused(web.chat_postMessage(channel=id, text="x")))["error"]
            for id in (outside.id, secret.id, old.id, "C404")
        ]
        assert errors == ["not_in_channel", "channel_not_found", "is_archived", "channel_not_found"]


async def test_posts_replies_edits_and_deletes() -> None:
    async with FakeSlack() as slack, client(slack) as web:
        room, ada = slack.add_channel("general"), slack.add_user("ada")
        long = await web.chat_postMessage(channel=room.id, text="x" * 40_001)
        assert (long["warning"], len(slack.posts()[0]["text"])) == ("message_truncated", 40_000)
        question = await slack.say(room, ada, "a question")
        sent = await web.chat_postMessage(
            channel=room.id,
            text="fallback",
            blocks=[MarkdownBlock(text="**hi**")],
            thread_ts=question["ts"],
            metadata={"event_type": "t", "event_payload": {"key": "k"}},
        )
        await web.chat_update(channel=room.id, ts=sent["ts"], text="better")
        assert (await slack.wait_for_message(thread_ts=question["ts"]))["text"] == "better"
        not_ours = await refused(web.chat_update(channel=room.id, ts=question["ts"], text="x"))
        assert not_ours["error"] == "cant_update_message"
        replies = await web.conversations_replies(
            channel=room.id, ts=question["ts"], include_all_metadata=True
        )
        assert [m["ts"] for m in replies["messages"]] == [question["ts"], sent["ts"]]
        assert replies["messages"][1]["metadata"]["event_payload"] == {"key": "k"}
        await web.chat_delete(channel=room.id, ts=sent["ts"])
        gone = await refused(web.chat_delete(channel=room.id, ts=sent["ts"]))
        assert gone["error"] == "message_not_found"


async def test_history_and_lists_come_in_pages() -> None:
    async with FakeSlack() as slack, client(slack) as web:
        room, ada = slack.add_channel("general"), slack.add_user("ada")
        posts = [await slack.say(room, ada, f"m{n}") for n in range(5)]
        await slack.say(room, ada, "a reply", thread_ts=posts[0]["ts"])
        found = []
        async for page in await web.conversations_history(
            channel=room.id, limit=2, oldest=posts[0]["ts"], inclusive=True
        ):
            found += [message["text"] for message in page["messages"]]
        assert found == ["m4", "m3", "m2", "m1", "m0"]
        for name in ("one", "two"):
            slack.add_channel(name)
        names = []
        async for page in await web.conversations_list(limit=2):
            names += [channel["name"] for channel in page["channels"]]
        assert names == ["general", "one", "two"]
        info = await web.conversations_info(channel=room.id)
        assert (info["channel"]["name"], info["channel"]["is_channel"]) == ("general", True)


async def test_the_bots_own_conversations_are_listed_by_kind_and_scope() -> None:
    async with FakeSlack() as slack, client(slack) as web:
        ada = slack.add_user("ada")
        general, elsewhere = slack.add_channel("general"), slack.add_channel("elsewhere", with_bot=False)
        secret, direct, three = (
            slack.add_channel("secret", private=True),
            slack.add_im(ada),
            slack.add_mpim(ada, slack.add_user("ben")),
        )
        old = slack.add_channel("old")
        old.is_archived = True
        everything = "public_channel,private_channel,mpim,im"
        listed = await web.users_conversations(types=everything, exclude_archived=True)
        assert {channel["id"] for channel in listed["channels"]} == {
            general.id,
            secret.id,
            direct.id,
            three.id,
        }
        assert elsewhere.id not in {channel["id"] for channel in listed["channels"]}
        slack.scopes.remove("im:read")
        answer = await refused(web.users_conversations(types=everything))
        assert (answer["error"], answer["needed"]) == ("missing_scope", "im:read")
        assert (await web.users_conversations(types="public_channel"))["ok"]


async def test_an_app_outside_the_marketplace_gets_small_pages_now_and_then() -> None:
    async with FakeSlack() as slack, client(slack) as web:
        room, ada = slack.add_channel("general"), slack.add_user("ada")
        posts = [await slack.say(room, ada, f"m{n}") for n in range(20)]
        slack.methods.small_pages = True
        slack.limits["conversations.history"] = 0.2
        page = await web.conversations_history(channel=room.id, limit=200)
        assert (len(page["messages"]), page["has_more"]) == (15, True)
        answer = await refused(web.conversations_history(channel=room.id))
        assert answer["error"] == "ratelimited"
        replies = await web.conversations_replies(channel=room.id, ts=posts[0]["ts"])
        assert len(replies["messages"]) == 1


async def test_replies_begin_with_the_threads_first_message() -> None:
    async with FakeSlack() as slack, client(slack) as web:
        room, ada = slack.add_channel("general"), slack.add_user("ada")
        root = await slack.say(room, ada, "root")
        early = await slack.say(room, ada, "early", thread_ts=root["ts"])
        await slack.say(room, ada, "late", thread_ts=root["ts"])
        found = await web.conversations_replies(channel=room.id, ts=root["ts"], oldest=early["ts"])
        assert [message["text"] for message in found["messages"]] == ["root", "late"]


async def test_a_direct_message_is_opened_by_user_id() -> None:
    async with FakeSlack() as slack, client(slack) as web:
        ada = slack.add_user("ada")
        opened = await web.conversations_open(users=ada.id)
        sent = await web.chat_postMessage(channel=ada.id, text="hi")
        assert sent["channel"] == opened["channel"]["id"] == slack.add_im(ada).id


async def test_status_and_reactions() -> None:
    async with FakeSlack() as slack, client(slack) as web:
        room, ada = slack.add_channel("general"), slack.add_user("ada")
        ts = (await slack.say(room, ada, "hi"))["ts"]
        await web.assistant_threads_setStatus(channel_id=room.id, thread_ts=ts, status="is typing…")
        assert slack.methods.statuses == {(room.id, ts): "is typing…"}
        await web.chat_postMessage(channel=room.id, thread_ts=ts, text="done")
        assert slack.methods.statuses == {}
        await web.reactions_add(channel=room.id, timestamp=ts, name="eyes")
        twice = await refused(web.reactions_add(channel=room.id, timestamp=ts, name="eyes"))
        assert twice["error"] == "already_reacted"
        await web.reactions_remove(channel=room.id, timestamp=ts, name="eyes")


async def test_a_429_is_honoured_by_the_sdks_handler() -> None:
    async with FakeSlack() as slack, client(slack, retry_handlers=[AsyncRateLimitErrorRetryHandler()]) as web:
        slack.rate_limit("auth.test", 0)
        assert (await web.auth_test())["ok"]
        assert len(slack.calls_of("auth.test")) == 2


async def test_faults_are_met_and_gone() -> None:
    async with FakeSlack() as slack, client(slack, retry_handlers=[]) as web:
        room = slack.add_channel("general")
        slack.fail("chat.postMessage", status=503, body="<html>sorry</html>")
        with pytest.raises(SlackApiError) as caught:
            await web.chat_postMessage(channel=room.id, text="a")
        assert caught.value.response.status_code == 503
        slack.drop("chat.postMessage", "before")
        slack.drop("chat.postMessage", "after")
        for expected in (0, 1):
            with pytest.raises(aiohttp.ClientError):
                await web.chat_postMessage(channel=room.id, text="b")
            assert len(slack.posts()) == expected
        held = slack.hold("chat.postMessage")
        task = asyncio.create_task(web.chat_postMessage(channel=room.id, text="c"))
        await slack.wait_for_call("chat.postMessage", 4)
        assert len(slack.posts()) == 1
        held.release()
        assert (await task)["ok"]


async def test_a_wrong_body_is_refused() -> None:
    async with FakeSlack() as slack, aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {slack.bot_token}"}
        for kind, body, error in (
            ("application/json", "{", "invalid_json"),
            ("application/json", "[]", "json_not_object"),
            ("application/xml", "<a/>", "invalid_post_type"),
        ):
            async with session.post(
                slack.api_base + "auth.test", data=body, headers={**headers, "Content-Type": kind}
            ) as answer:
                assert (await answer.json())["error"] == error


# Socket Mode


async def test_an_event_arrives_and_is_acknowledged() -> None:
    async with FakeSlack() as slack, socket(slack) as got:
        await slack.wait_connected()
        room, ada = slack.add_channel("general"), slack.add_user("ada")
        await slack.say(room, ada, f"<@{slack.bot_user_id}> hi")
        await slack.wait_acked()
        assert [request.payload["event"]["type"] for request in got] == ["message", "app_mention"]
        message, mention = (request.payload["event"] for request in got)
        assert message["ts"] == mention["ts"]
        assert (message["channel_type"], "channel_type" in mention) == ("channel", False)
        assert got[0].payload["authorizations"][0]["user_id"] == slack.bot_user_id
        assert (got[0].retry_attempt, got[0].accepts_response_payload) == (0, False)


async def test_what_is_not_acknowledged_comes_again_on_the_next_connection() -> None:
    async with FakeSlack() as slack:
        ada = slack.add_user("ada")
        im = slack.add_im(ada)
        async with socket(slack, acknowledge=False) as got:
            await slack.wait_connected()
            await slack.say(im, ada, "hi")
            await slack.wait_until(lambda: len(got) == 1)
            await slack.socket_mode.redeliver()
            await slack.wait_until(lambda: len(slack.envelopes[0].ids) == 2)
        await slack.wait_until(lambda: not slack.socket_mode.open_sockets)
        await slack.say(im, ada, "nobody there")
        async with socket(slack) as got:
            await slack.wait_acked()
            assert [(r.payload["event"]["text"], r.retry_attempt, r.retry_reason) for r in got] == [
                ("hi", 2, "timeout"),
                ("nobody there", 0, ""),
            ]
            assert len(set(slack.envelopes[0].ids)) == 3


async def test_what_nobody_took_for_long_is_given_up() -> None:
    async with FakeSlack() as slack:
        room, ada = slack.add_channel("general"), slack.add_user("ada")
        await slack.say(room, ada, "lost")
        slack.socket_mode.give_up()
        async with socket(slack) as got:
            await slack.say(room, ada, "heard")
            await slack.wait_acked()
            assert [request.payload["event"]["text"] for request in got] == ["heard"]


async def test_sockets_share_the_events() -> None:
    async with FakeSlack() as slack, socket(slack) as one, socket(slack) as other:
        await slack.wait_connected(2)
        ada = slack.add_user("ada")
        im = slack.add_im(ada)
        for number in range(4):
            await slack.say(im, ada, str(number))
        await slack.wait_acked()
        assert (len(one), len(other)) == (2, 2)


@pytest.mark.parametrize("close", [False, True])
async def test_the_sdk_reconnects_when_told_to(close: bool) -> None:
    async with FakeSlack() as slack, socket(slack) as got:
        await slack.wait_connected()
        await slack.socket_mode.disconnect("refresh_requested", close=close)
        await slack.wait_until(lambda: len(slack.socket_mode.sockets) == 2)
        ada = slack.add_user("ada")
        await slack.say(slack.add_im(ada), ada, "still there?")
        await slack.wait_acked()
        assert len(got) == 1


async def test_the_sdk_reconnects_after_a_cut_and_after_silence() -> None:
    async with FakeSlack() as slack, socket(slack):
        await slack.wait_connected()
        slack.socket_mode.drop()
        await slack.wait_until(lambda: len(slack.socket_mode.sockets) == 2)
        slack.socket_mode.answer_pings = False
        await slack.wait_until(lambda: len(slack.socket_mode.sockets) >= 3)


async def test_a_ticket_is_good_for_one_connection() -> None:
    async with FakeSlack() as slack, client(slack) as web, aiohttp.ClientSession() as session:
        url = (await web.apps_connections_open(app_token=slack.app_token, debug="true"))["url"]
        async with session.ws_connect(url) as ws:
            hello = json.loads((await ws.receive()).data)
            assert (hello["type"], hello["num_connections"]) == ("hello", 1)
            assert hello["debug_info"]["approximate_connection_time"] == 360
            await ws.send_str("not json")
            await ws.send_str('{"envelope_id": "nobody"}')
            await slack.wait_until(lambda: len(slack.socket_mode.bad_frames) == 2)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


async def test_ten_sockets_are_enough() -> None:
    async with FakeSlack() as slack, client(slack) as web, aiohttp.ClientSession() as session:

        async def connect() -> aiohttp.ClientWebSocketResponse:
            return await session.ws_connect(
                (await web.apps_connections_open(app_token=slack.app_token))["url"]
            )

        # Kept, because aiohttp hangs up on a websocket that nobody holds.
        held = [await connect() for _ in range(10)]
        await slack.wait_connected(10)
        one_more = await connect()
        assert json.loads((await one_more.receive()).data)["reason"] == "too_many_websockets"
        assert not any(ws.closed for ws in held)


async def test_only_what_the_app_subscribed_to_arrives() -> None:
    async with FakeSlack() as slack, socket(slack):
        slack.subscriptions = {"message.im"}
        ada = slack.add_user("ada")
        await slack.say(slack.add_channel("general"), ada, "not heard")
        await slack.say(slack.add_channel("else", with_bot=False), ada, "not heard")
        await slack.say(slack.add_im(ada), ada, "heard")
        assert [envelope.event["text"] for envelope in slack.envelopes] == ["heard"]
        with pytest.raises(LookupError):
            await slack.rename_team("Other Works")


@pytest.mark.parametrize(
    ("message", "pings"),
    [
        ({"text": "<!channel> <!here|here> <@U1> <@U1|ada> <!subteam^S1|@x>"}, 5),
        ({"text": "&lt;!channel&gt; @channel <https://x.y|<!> <#C1>"}, 0),
        ({"text": "@channel @here", "link_names": True}, 2),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "<!everyone>"}}]}, 1),
        ({"markdown_text": "<@U1>"}, 1),
    ],
)
def test_the_fake_knows_what_would_ping(message: dict[str, Any], pings: int) -> None:
    assert len(pings_of(message)) == pings
