"""Choices at Telegram: inline keyboards, presses of them, and what the presser is told."""

import asyncio
from typing import Any

import pytest

from bot_host.connector import (
    Choices,
    ChoiceUse,
    Content,
    FormField,
    InboundMessage,
    Media,
    Payload,
    Pick,
    Skipped,
    Target,
)
from bot_host.testing.connector import RecordingHost
from connectors.telegram.client import TelegramConnector
from connectors.telegram.encode import BELOW, KEYBOARD, encode
from connectors.telegram.keyboards import DATA_BYTES, SWITCH, can_show, picked_in, read_data
from connectors.telegram.presses import NO_LONGER, REFUSED, STRANGER
from connectors.telegram.toggles import FIRST
from tests.connectors.telegram_samples import ANN, PRIVATE, SUPER, event, said
from tests.connectors.test_telegram_live import ann, fake, host, make, private, running
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_world import BotMessage, Chat, User

__all__ = ["ann", "fake", "host", "private"]

KEY = "k" * 16
HERE = Target(source="telegram", channel_id="1")


def offer(*labels: str, **fields: Any) -> Choices:
    return Choices(picks=[Pick(label=label) for label in labels], key=KEY, **fields)


def labels(payload: Payload) -> list[list[str]]:
    return [[button["text"] for button in row] for row in payload[KEYBOARD]["inline_keyboard"]]


def press(data: str = f"b:{KEY}:1", **fields: Any) -> dict[str, Any]:
    return {"id": "77", "from": ANN, "chat_instance": "1", "data": data, **fields}


def file(name: str) -> Media:
    return Media(id=name, file=f"{name}.png", mime_type="image/png", size=9)


def test_rows_hold_what_fits_side_by_side() -> None:
    long = "a label that fills a row alone"
    [payload] = encode(Content(text="Well?", choices=offer("1", "2", "3", "4", "5", long, "6")), HERE)
    assert labels(payload) == [["1", "2", "3", "4"], ["5"], [long], ["6"]]


def test_data_fits_at_its_longest() -> None:
    target = Target(source="telegram", channel_id="1", thread_id=str(2**31 - 1))
    [payload] = encode(Content(text="?", choices=offer(*(str(n) for n in range(25)))), target)
    data = payload[KEYBOARD]["inline_keyboard"][-1][-1]["callback_data"]
    assert len(data.encode()) <= DATA_BYTES
    button = read_data(data)
    assert button is not None
    assert (button.use, button.thread_id) == (ChoiceUse(key=KEY, picks=(24,)), 2**31 - 1)


@pytest.mark.parametrize(
    "data", ["", "x", "b:", "b:k", "b:k:", "b:k:-1", "b:k:٣", "b::1", "b:k:1:x", "b:k:1:2:3"]
)
def test_foreign_data_is_nothing_of_ours(data: str) -> None:
    assert read_data(data) is None


def test_the_keyboard_is_below_the_last_part() -> None:
    first, last = encode(Content(text="word " * 1200, choices=offer("Yes")), HERE)
    assert KEYBOARD not in first
    assert labels(last) == [["Yes"]]


def test_albums_take_no_buttons_so_the_files_come_one_by_one() -> None:
    payloads = encode(Content(text="", attachments=[file("a"), file("b")], choices=offer("Yes")), HERE)
    assert [len(payload["files"]) for payload in payloads] == [1, 1]
    assert [KEYBOARD in payload for payload in payloads] == [False, True]


def test_buttons_without_a_word_have_a_sign_above_them() -> None:
    [payload] = encode(Content(choices=offer("Yes")), HERE)
    assert (payload["plain"], labels(payload)) == (BELOW, [["Yes"]])


def test_descriptions_and_styles() -> None:
    picks = [Pick(label="Keep", style="good"), Pick(label="Drop", description="for <ever>", style="danger")]
    [payload] = encode(Content(text="Well?", choices=Choices(picks=picks, key=KEY)), HERE)
    assert payload["html"] == "Well?\n\n• Drop: for &lt;ever&gt;"
    [row] = payload[KEYBOARD]["inline_keyboard"]
    assert [button["style"] for button in row] == ["success", "danger"]


def test_of_several_each_has_a_switch_and_the_last_button_says_that_that_is_all() -> None:
    many = offer(*(f"{n} " + "x" * 77 for n in range(25)), many=True)
    target = Target(source="telegram", channel_id="1", thread_id=str(2**31 - 1))
    [payload] = encode(Content(text="Which?", choices=many), target)
    rows = payload[KEYBOARD]["inline_keyboard"]
    assert labels(payload)[0] == ["☐ 0 " + "x" * 76]
    assert labels(payload)[25:] == [["Done"]]
    data = [button["callback_data"] for [button] in rows]
    assert max(len(each.encode()) for each in data) <= DATA_BYTES
    switch, done = read_data(data[24]), read_data(data[25])
    assert switch is not None
    assert done is not None
    assert (switch.use.picks, switch.thread_id, switch.kind) == ((24,), 2**31 - 1, SWITCH)
    assert (done.use, done.thread_id) == (ChoiceUse(key=KEY), 2**31 - 1)


@pytest.mark.parametrize(
    "markup",
    [None, {}, {"inline_keyboard": [[{"text": "☑ x"}, {"text": "☑ y", "callback_data": "b:k:1"}]]}],
)
def test_a_keyboard_with_nothing_of_ours_has_nothing_switched_on(markup: Any) -> None:
    assert picked_in(markup) == frozenset()


def test_what_telegram_has_no_form_for() -> None:
    form = Choices(fields=[FormField(name="a", label="A")], title="Form", key=KEY)
    assert not can_show(form)
    [payload] = encode(Content(text="Well?", choices=form), HERE)
    assert KEYBOARD not in payload


def test_a_press_is_a_message_that_chooses() -> None:
    keyboard = {"inline_keyboard": [[{"text": "Yes", "callback_data": f"b:{KEY}:1"}]]}
    shown = said(SUPER, None, message_thread_id=3, is_topic_message=True, text="?", reply_markup=keyboard)
    found = event("callback_query", press(message=shown))
    assert isinstance(found, InboundMessage)
    assert (found.choice, found.content.text) == (ChoiceUse(key=KEY, picks=(1,)), "Yes")
    assert (found.event_key, found.room.key, found.sender.key) == ("callback/77", "-1001-3", "5")
    assert (found.target.thread_id, found.target.reply_to) == ("3", "11")


def test_a_press_below_an_old_message_belongs_to_its_topic() -> None:
    old = {"chat": SUPER, "message_id": 11, "date": 0}
    found = event("callback_query", press(f"b:{KEY}:0:3", message=old))
    assert isinstance(found, InboundMessage)
    assert (found.room.key, found.target.extra) == ("-1001-3", {"pressed": "11"})


def test_presses_are_under_the_rules_of_the_place() -> None:
    found = event("callback_query", press(message=said(PRIVATE, None, text="?")), dm_policy="off")
    assert isinstance(found, Skipped)
    assert found.event_key == "callback/77"


# -- against the server


async def offered(connector: TelegramConnector, fake: FakeTelegram, chat: Chat) -> BotMessage:
    target = Target(source="telegram", channel_id=str(chat.id))
    [payload] = connector.encode(Content(text="Sure?", choices=offer("Yes", "No")), target)
    await connector.send(payload, target, key="k")
    return fake.sent[-1]


async def test_a_press_is_on_disk_before_it_is_answered(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    connector = make(fake)
    async with running(connector, host):
        await host.wait_connected()
        question = await offered(connector, fake, private)
        assert fake.buttons(question) == [["Yes", "No"]]
        before: list[int] = []

        async def look() -> None:
            before.append(len(fake.called("answerCallbackQuery")))

        host.after_accept = look
        press_id = await fake.press(question, ann, fake.data_of(question, "No"))
        assert await fake.wait_told(press_id) == ""
        assert before == [0]
        [message] = host.messages
        assert (message.choice, message.content.text) == (ChoiceUse(key=KEY, picks=(1,)), "No")
        [payload] = connector.chosen(message.target, "No")
        await connector.send(payload, message.target, key="k")
        assert fake.buttons(question) == []
        # Once more, and when the message is gone: nothing is left to take away.
        await connector.send(payload, message.target, key="k")
        await connector.retract(message.target, str(question.message_id))
        await connector.send(payload, message.target, key="k")


async def test_a_store_failure_leaves_the_press_unanswered_until_it_is_stored(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    connector = make(fake)
    async with running(connector, host):
        await host.wait_connected()
        question = await offered(connector, fake, private)
        host.fail_next = 1
        press_id = await fake.press(question, ann, fake.data_of(question, "Yes"))
        assert await fake.wait_told(press_id) == ""
    assert len(host.messages) == 1
    assert len(fake.called("answerCallbackQuery")) == 1


async def test_each_press_is_answered(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    stranger = fake.world.user("Eve")
    connector = make(fake, deny=[f"user:{stranger.id}"])
    async with running(connector, host):
        await host.wait_connected()
        question = await offered(connector, fake, private)
        data = fake.data_of(question, "Yes")
        assert await fake.wait_told(await fake.press(question, ann, "somebody else's")) == NO_LONGER
        assert await fake.wait_told(await fake.press(question, stranger, data)) == REFUSED
        host.refusals[KEY] = "That is for somebody else to choose."
        assert await fake.wait_told(await fake.press(question, ann, data)) == host.refusals[KEY]
        # What is no button press at all to the library is answered, too.
        fake.world.presses.add("5")
        await fake.bot.updates.push("callback_query", {"id": "5"})
        assert await fake.wait_told("5") == REFUSED
    assert host.messages == []
    reasons = [each.reason for each in host.events if isinstance(each, Skipped)]
    assert reasons == ["unknown button", "denied", "choice over", "malformed: callback_query"]


async def test_a_stranger_is_told_that_they_are_not_known(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    connector = make(fake, dm_policy="pairing")
    async with running(connector, host):
        await host.wait_connected()
        question = await offered(connector, fake, private)
        data = fake.data_of(question, "Yes")
        assert await fake.wait_told(await fake.press(question, ann, data)) == STRANGER
        host.paired.add(str(ann.id))
        assert await fake.wait_told(await fake.press(question, ann, data)) == ""


async def test_an_edit_brings_the_buttons_and_another_takes_them_away(
    fake: FakeTelegram, private: Chat
) -> None:
    connector = make(fake)
    target = Target(source="telegram", channel_id=str(private.id))
    [plain] = connector.encode(Content(text="Sure?"), target)
    [asking] = connector.encode(Content(text="Sure?", choices=offer("Yes")), target)
    sent = await connector.send(plain, target, key="k")
    for payload, shown in ((asking, [["Yes"]]), (asking, [["Yes"]]), (plain, [])):
        await connector.edit(payload, target, sent.platform_message_id, key="k")
        assert fake.buttons(fake.sent[0]) == shown
    await connector.close()


class Board:
    """A question of which several answers may be chosen, and its owner."""

    def __init__(self, fake: FakeTelegram, host: RecordingHost, ann: User, question: BotMessage) -> None:
        self.fake, self.host, self.ann, self.question = fake, host, ann, question

    async def press(self, label: str) -> str:
        """What it is answered with."""
        shown = next(each for [each] in self.fake.buttons(self.question) if each.endswith(label))
        data = self.fake.data_of(self.question, shown)
        return await self.fake.wait_told(await self.fake.press(self.question, self.ann, data))

    async def shows(self, *labels: str) -> None:
        while self.fake.buttons(self.question) != [[each] for each in (*labels, "Done")]:
            await asyncio.sleep(0.005)


async def asking_several(
    connector: TelegramConnector, fake: FakeTelegram, host: RecordingHost, chat: Chat
) -> Board:
    await host.wait_connected()
    choices = offer("Red", "Green", "Blue", many=True)
    host.open_choices[KEY] = choices
    target = Target(source="telegram", channel_id=str(chat.id))
    [payload] = connector.encode(Content(text="Which?", choices=choices), target)
    await connector.send(payload, target, key="k")
    assert chat.user is not None
    return Board(fake, host, chat.user, fake.sent[-1])


async def test_several_are_switched_on_and_off_without_a_turn(
    fake: FakeTelegram, host: RecordingHost, private: Chat
) -> None:
    connector = make(fake)
    async with asyncio.timeout(20), running(connector, host):
        board = await asking_several(connector, fake, host, private)
        assert await board.press("Done") == FIRST
        for label in ("Blue", "Red", "Green", "Red"):
            assert await board.press(label) == ""
        await board.shows("☐ Red", "☑ Green", "☑ Blue")
        assert host.messages == []
        assert await board.press("Done") == ""
        [message] = host.messages
        assert message.choice == ChoiceUse(key=KEY, picks=(1, 2))
        assert message.content.text == "Green, Blue"
        [payload] = connector.chosen(message.target, "Green, Blue")
        await connector.send(payload, message.target, key="k")
        assert fake.buttons(board.question) == []


async def test_what_is_switched_on_outlives_a_restart(
    fake: FakeTelegram, host: RecordingHost, private: Chat
) -> None:
    async with asyncio.timeout(20):
        first = make(fake)
        async with running(first, host):
            board = await asking_several(first, fake, host, private)
            await board.press("Green")
            await board.shows("☐ Red", "☑ Green", "☐ Blue")
        async with running(make(fake), host):
            await board.press("Blue")
            await board.shows("☐ Red", "☑ Green", "☑ Blue")
            await board.press("Done")
        assert host.messages[-1].choice == ChoiceUse(key=KEY, picks=(1, 2))


async def test_a_press_that_comes_twice_switches_once(
    fake: FakeTelegram, host: RecordingHost, private: Chat
) -> None:
    connector = make(fake)
    async with asyncio.timeout(20), running(connector, host):
        board = await asking_several(connector, fake, host, private)
        host.fail_next = 1
        await board.press("Green")
        await board.shows("☐ Red", "☑ Green", "☐ Blue")
        await board.press("Done")
        assert host.messages[-1].choice == ChoiceUse(key=KEY, picks=(1,))


async def test_presses_that_are_faster_than_the_keyboard_all_count(
    fake: FakeTelegram, host: RecordingHost, private: Chat
) -> None:
    connector = make(fake)
    async with asyncio.timeout(20), running(connector, host):
        board = await asking_several(connector, fake, host, private)
        held = fake.hold("editMessageReplyMarkup")
        for label in ("Red", "Green", "Done"):
            await board.press(label)
        held.release()
        await board.shows("☑ Red", "☑ Green", "☐ Blue")
        assert host.messages[-1].choice == ChoiceUse(key=KEY, picks=(0, 1))


async def test_nobody_switches_what_is_over_or_somebody_elses(
    fake: FakeTelegram, host: RecordingHost, private: Chat
) -> None:
    connector = make(fake)
    async with asyncio.timeout(20), running(connector, host):
        board = await asking_several(connector, fake, host, private)
        host.refusals[KEY] = "That is for somebody else to choose."
        assert await board.press("Green") == host.refusals[KEY]
        host.refusals.clear()
        del host.open_choices[KEY]
        assert await board.press("Green") == NO_LONGER
        assert await board.press("Done") == NO_LONGER
    assert fake.called("editMessageReplyMarkup") == []
    assert host.messages == []
