"""Lanes under stories made up by Hypothesis: order within a key, never two at once, nothing forgotten."""

import asyncio
from collections import Counter, defaultdict, deque

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot_host.host.lanes import AGAIN, IDLE, Lanes, Next

KEYS = st.integers(0, 5)
WAKE, INTERRUPT, REST = "wake", "interrupt", "rest"
STORIES = st.lists(
    st.one_of(
        st.tuples(st.just(WAKE), KEYS, st.integers(0, 3)),
        st.tuples(st.just(INTERRUPT), KEYS, st.just(0)),
        st.tuples(st.just(REST), st.just(0), st.integers(1, 4)),
    ),
    max_size=80,
)


async def play(story: list[tuple[str, int, int]], limit: int) -> None:
    """Each key has a queue, as a room has rows: a lane takes one thing from it at a time."""
    queues: dict[int, deque[tuple[int, int]]] = defaultdict(deque)
    done: dict[int, list[int]] = defaultdict(list)
    put: Counter[int] = Counter()
    busy: Counter[int] = Counter()

    async def work(key: int) -> Next:
        assert busy[key] == 0
        assert busy.total() < limit
        if not queues[key]:
            return IDLE
        number, turns = queues[key][0]
        busy[key] += 1
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
        finally:
            busy[key] -= 1
        # As with rows: what was cancelled before this is still there.
        queues[key].popleft()
        done[key].append(number)
        return AGAIN if queues[key] else IDLE

    async def nothing() -> list[int]:
        return []

    lanes: Lanes[int] = Lanes("chance", work, limit=limit, refill=nothing, group_of=lambda key: key % 2)
    try:
        for what, key, count in story:
            if what == WAKE:
                queues[key].append((put[key], count))
                put[key] += 1
                lanes.wake(key)
            elif what == INTERRUPT:
                lanes.interrupt(key)
            else:
                for _ in range(count):
                    await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await lanes.idle()
        assert {key: done[key] for key in put} == {key: list(range(count)) for key, count in put.items()}
        assert (lanes.running, lanes.waiting) == (0, 0)
    finally:
        await lanes.close(0)


# Interrupted before its work has taken a first step.
@example([(WAKE, 0, 0), (INTERRUPT, 0, 0)], 1)
@settings(max_examples=200, deadline=None)
@given(STORIES, st.integers(1, 4))
def test_whatever_happens_each_key_is_worked_off_in_order(
    story: list[tuple[str, int, int]], limit: int
) -> None:
    asyncio.run(play(story, limit))
