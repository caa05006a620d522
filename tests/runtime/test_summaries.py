"""Which summaries become one, and how they are told."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot_host.kit.tokens import estimate
from bot_host.pipeline.past import TOKENS, told
from bot_host.runtime.summaries import CHARACTERS, FAN, SEGMENT, to_merge
from bot_host.testing import FakeAgent, ScriptedModel
from bot_host.types.ids import new_id
from bot_host.types.models import ChatMessage, ModelType, TextRequest
from bot_host.types.summary import RoomSummary, Summary, SummaryState

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
AGENT, ROOM = new_id(), new_id()


def parts(*levels: int, text: str = "It rained.", state: SummaryState = SummaryState.READY) -> list[Summary]:
    return [
        Summary(
            agent_id=AGENT,
            room_id=ROOM,
            level=level,
            state=state,
            first_seq=10 * n,
            last_seq=10 * n + 9,
            first_at=NOON + timedelta(hours=n),
            last_at=NOON + timedelta(hours=n + 1),
            count=24,
            text=text,
        )
        for n, level in enumerate(levels)
    ]


def merged(*levels: int) -> list[int]:
    """The levels after all that is due has become one."""
    left = parts(*levels)
    while below := list(to_merge(left)):
        place = left.index(below[0])
        assert left[place : place + len(below)] == below
        [one] = parts(below[0].level + 1)
        left[place : place + len(below)] = [one]
    return [part.level for part in left]


def test_four_of_a_level_become_one_of_the_next() -> None:
    assert merged(0, 0, 0) == [0, 0, 0]
    assert merged(0, 0, 0, 0) == [1]
    assert merged(*[0] * 21) == [2, 1, 0]
    assert merged(*[0] * 1000) == [4, 4, 4, 3, 3, 3, 2, 2, 1, 1]


def test_what_is_left_of_more_does_not_stay_alone_for_ever() -> None:
    assert merged(0, 0, 0, 1, 1) == [1, 1, 1]
    assert merged(0, 2, 0) == [2, 2, 0]


@given(st.lists(st.integers(0, 4), max_size=40))
def test_few_are_left_however_they_stood(levels: list[int]) -> None:
    left = merged(*levels)
    assert left == sorted(left, reverse=True)
    assert all(left.count(level) < FAN for level in left)


def test_each_is_told_with_its_days_the_oldest_first() -> None:
    past = told(RoomSummary(parts=tuple(parts(1, 0))))
    assert past.text == ("- 2026-11-24 to 2026-11-24: It rained.\n- 2026-11-24 to 2026-11-24: It rained.")
    assert past.missing == ()


def test_what_nothing_tells_of_is_named() -> None:
    stale = parts(0, text="", state=SummaryState.STALE)
    past = told(RoomSummary(parts=(*stale, *parts(0)), between=3, older=True))
    assert past.missing == (
        "messages before 2026-11-24 12:00",
        "24 messages without a summary",
        "3 messages between the summary and the history",
    )


def test_the_whole_has_a_limit_and_the_oldest_goes_first() -> None:
    many = parts(*[0] * 40, text="word " * (CHARACTERS // 5))
    past = told(RoomSummary(parts=tuple(many)))
    assert estimate(past.text) <= TOKENS + 10
    [note] = past.missing
    lines = past.text.count("\n") + 1
    assert note == f"the summary of {24 * (40 - lines)} messages"


async def test_the_scripted_model_keeps_its_decisions_for_what_they_are_for() -> None:
    model = ScriptedModel()
    model.decisions = ["RESPOND"]
    async with FakeAgent() as agent:
        assert model.plugin.init is not None
        await model.plugin.init({}, agent)
        asked = SEGMENT.format(name="Ada", words=150, said="Ben: hi")
        request = TextRequest(messages=(ChatMessage(role="user", content=asked),))
        told = await agent.use_model(ModelType.TEXT_SMALL, request)
    assert told.text == "They talked."
    assert model.decisions == ["RESPOND"]
