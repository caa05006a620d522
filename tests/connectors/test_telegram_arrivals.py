"""Updates in order again, however they come."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.telegram.arrivals import FAR, MOST, Arrivals


def ids(arrivals: Arrivals, batch: list[int]) -> list[int]:
    for id in batch:
        arrivals.add({"update_id": id})
    return batch


async def take(arrivals: Arrivals) -> list[int]:
    found = await arrivals.ready()
    arrivals.done(found, stored=True)
    return [arrival.id for arrival in found]


async def test_what_comes_together_goes_on_in_order() -> None:
    arrivals = Arrivals(patience_s=0.01)
    ids(arrivals, [7, 5, 6])
    assert await take(arrivals) == [5, 6, 7]
    ids(arrivals, [9, 8])
    assert await take(arrivals) == [8, 9]


async def test_a_missing_one_is_waited_for_but_not_for_ever() -> None:
    arrivals = Arrivals(patience_s=0.05)
    ids(arrivals, [1])
    assert await take(arrivals) == [1]
    ids(arrivals, [3, 4])
    waiting = asyncio.ensure_future(arrivals.ready())
    await asyncio.sleep(0)
    assert not waiting.done()
    ids(arrivals, [2])
    found = await waiting
    assert [arrival.id for arrival in found] == [2, 3, 4]
    arrivals.done(found, stored=True)
    ids(arrivals, [6, 9])
    assert await take(arrivals) == [6]
    ids(arrivals, [5])
    # What was given up is late, and waits for nobody.
    assert await take(arrivals) == [5]
    assert await take(arrivals) == [9]


async def test_what_could_not_be_stored_comes_again_in_its_place() -> None:
    arrivals = Arrivals(patience_s=0.01)
    ids(arrivals, [1])
    await take(arrivals)
    told = arrivals.add({"update_id": 2})
    assert told is not None
    assert arrivals.add({"update_id": 2}) is told
    arrivals.done(await arrivals.ready(), stored=False)
    assert told.result() is False
    ids(arrivals, [3, 2])
    assert await take(arrivals) == [2, 3]


async def test_a_count_that_begins_anew_is_followed() -> None:
    arrivals = Arrivals(patience_s=0.01)
    ids(arrivals, [FAR * 9])
    await take(arrivals)
    ids(arrivals, [3, 2])
    assert await take(arrivals) == [2, 3]
    ids(arrivals, [5])
    waiting = asyncio.ensure_future(arrivals.ready())
    ids(arrivals, [4])
    assert [arrival.id for arrival in await waiting] == [4, 5]


async def test_it_holds_so_many_and_none_after_its_end() -> None:
    arrivals = Arrivals(patience_s=0.01)
    told = [arrivals.add({"update_id": id}) for id in range(MOST)]
    assert None not in told
    assert arrivals.add({"update_id": MOST}) is None
    assert arrivals.add({"update_id": 0}) is told[0]
    assert len(await arrivals.ready()) == 100
    arrivals.close()
    assert all(each is not None and each.result() is False for each in told)
    assert arrivals.add({"update_id": 1}) is None


@given(st.permutations(range(1, 13)), st.lists(st.integers(1, 4), min_size=12, max_size=12))
@settings(max_examples=60, deadline=None)
def test_every_order_of_arrival_within_the_patience_is_put_right(order: list[int], sizes: list[int]) -> None:
    async def run() -> list[int]:
        arrivals = Arrivals(patience_s=30.0)
        arrivals.done([], stored=True)
        arrivals._next = 1
        out: list[int] = []
        left = list(order)
        for size in sizes:
            ids(arrivals, left[:size])
            del left[:size]
            while arrivals._due(sorted(arrivals._waiting)):
                out += await take(arrivals)
        return out

    assert asyncio.run(run()) == list(range(1, 13))
