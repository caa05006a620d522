"""Telegram's limits, by a clock of the test's own."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_host.connector import Content, PacedConnector, SendLater, Target
from connectors.telegram.client import TelegramConnector
from connectors.telegram.config import TelegramConfig
from connectors.telegram.pace import ALL_LIMIT, BURST, GROUP_LIMIT, GROUP_S, Pace
from tests.connectors.test_telegram_live import ann, fake, make, private
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_world import Chat

__all__ = ["ann", "fake", "private"]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def send(pace: Pace, clock: Clock, chats: Sequence[str]) -> list[tuple[float, str]]:
    """Send to these in order, each as soon as it may go."""
    sent = []
    for chat in chats:
        while (wait := pace.wait_s(chat)) > 0:
            clock.now += wait
        sent.append((clock.now - 1000.0, chat))
    return sent


def test_a_chat_gets_a_burst_and_then_one_a_second() -> None:
    clock = Clock()
    times = [at for at, _ in send(Pace(strict=True, clock=clock), clock, ["5"] * (BURST + 3))]
    assert times == pytest.approx([0.0] * BURST + [1.0, 2.0, 3.0])


def test_a_quiet_chat_may_burst_again() -> None:
    clock = Clock()
    pace = Pace(strict=True, clock=clock)
    send(pace, clock, ["5"] * BURST)
    clock.now += 3.0
    assert [pace.wait_s("5") for _ in range(3)] == [0.0] * 3
    assert pace.wait_s("5") == pytest.approx(1.0)


def test_a_group_gets_twenty_a_minute_and_others_do_not_wait_for_it() -> None:
    clock = Clock()
    pace = Pace(strict=True, clock=clock)
    times = [at for at, _ in send(pace, clock, ["-7"] * GROUP_LIMIT)]
    assert times[-1] == pytest.approx(GROUP_LIMIT - BURST)
    assert pace.wait_s("-7") == pytest.approx(GROUP_S - times[-1])
    assert pace.wait_s("-8") == pace.wait_s("5") == 0.0


def test_all_chats_together_get_thirty_a_second() -> None:
    clock = Clock()
    chats = [str(number) for number in range(2 * ALL_LIMIT + 1)]
    times = [at for at, _ in send(Pace(strict=True, clock=clock), clock, chats)]
    assert times == pytest.approx([0.0] * ALL_LIMIT + [1.0] * ALL_LIMIT + [2.0])


def test_an_own_server_is_asked_as_fast_as_can_be_until_it_refuses() -> None:
    clock = Clock()
    pace = Pace(strict=False, clock=clock)
    assert {pace.wait_s("-7") for _ in range(100)} == {0.0}
    pace.limited()
    assert pace.wait_s("-7") > 0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["-1", "-2", "3", "4", "5"]), max_size=120), st.integers(1, 9))
def test_no_window_has_more_than_its_limit(chats: list[str], spread: int) -> None:
    clock = Clock()
    pace = Pace(strict=True, clock=clock)
    sent: list[tuple[float, str]] = []
    for number, chat in enumerate(chats):
        clock.now += (number % spread) / 10
        sent += send(pace, clock, [chat])
    for at, chat in sent:
        assert sum(1 for t, _ in sent if at <= t < at + 1.0 - 1e-6) <= ALL_LIMIT
        here = [t for t, other in sent if other == chat and at <= t < at + GROUP_S - 1e-6]
        assert not chat.startswith("-") or len(here) <= GROUP_LIMIT
        assert sum(1 for t in here if t < at + 10.0 - 1e-6) <= BURST + 10


async def test_quiet_chats_are_forgotten() -> None:
    clock = Clock()
    pace = Pace(strict=True, clock=clock)
    for number in range(100):
        clock.now += 1.0
        assert pace.wait_s(str(number)) == 0.0
    assert len(pace._chats) <= GROUP_S + 1


async def test_a_refusal_of_the_server_makes_it_strict(fake: FakeTelegram, private: Chat) -> None:
    connector = make(fake)
    assert isinstance(connector, PacedConnector)
    target = Target(source="telegram", channel_id=str(private.id))
    assert {connector.pace_s(target) for _ in range(20)} == {0.0}
    fake.flood("sendMessage", retry_after=7)
    [payload] = connector.encode(Content(text="hi"), target)
    with pytest.raises(SendLater):
        await connector.send(payload, target, key="k")
    assert connector.pace_s(target) > 0
    await connector.close()


async def test_telegrams_own_server_is_kept_to_from_the_start() -> None:
    connector = TelegramConnector(TelegramConfig(token="5:A"))
    target = Target(source="telegram", channel_id="5")
    assert [connector.pace_s(target) > 0 for _ in range(BURST + 1)] == [False] * BURST + [True]
    await connector.close()
