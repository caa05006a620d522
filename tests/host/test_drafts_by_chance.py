"""Whatever is written in which pieces, and whichever edits are refused: what stands there is the answer."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot_host.connector import ConnectorError, SendLater, SendRefused, SendUnknown
from bot_host.testing import FakePlatform
from bot_host.types.outbound import Payload, Target
from tests.host.pen import Pen, drafts_of, pen_house, rows_of, settled, show_at_once, shown
from tests.host.test_hard_moments import until

FAULTS = (
    None,
    SendLater("slow down", after_s=0.001),
    SendUnknown("no answer"),
    SendRefused("not now"),
    ConnectorError("lost"),
)


class Moody(FakePlatform):
    """Each edit may fail in its own way, carried out or not. What is sent is taken."""

    def __init__(self, moods: list[tuple[Exception | None, bool]]) -> None:
        super().__init__(edit_every_s=0.0005, limit=12)
        self._moods = moods

    async def edit(self, payload: Payload, target: Target, platform_message_id: str, *, key: str) -> None:
        fault, carried_out = self._moods.pop(0) if self._moods else (None, True)
        # What is refused is not done; of the rest nobody knows.
        if fault is None or (carried_out and not isinstance(fault, SendRefused | SendLater)):
            await super().edit(payload, target, platform_message_id, key=key)
        if fault is not None:
            raise fault


pieces = st.lists(st.text(alphabet="abc \n", min_size=1, max_size=9), min_size=1, max_size=8)
moods = st.lists(st.tuples(st.sampled_from(FAULTS), st.booleans()), max_size=8)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=pieces, moods=moods, pauses=st.lists(st.integers(0, 4), min_size=8, max_size=8))
def test_what_stands_there_in_the_end_is_the_answer(
    written: list[str],
    moods: list[tuple[Exception | None, bool]],
    pauses: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    show_at_once(monkeypatch)
    monkeypatch.setattr("bot_host.host.sender.backoff", lambda attempt: 0.001)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_write("x" + "".join(written), written, moods, pauses, Path(folder)))


async def _write(
    whole: str,
    written: list[str],
    moods: list[tuple[Exception | None, bool]],
    pauses: list[int],
    folder: Path,
) -> None:
    platform, pen = Moody(moods), Pen()
    async with pen_house(folder, platform, pen) as house:
        await platform.say("hi")
        pen.write("x")
        await platform.wait_sent(1)
        for piece, pause in zip(written, pauses, strict=False):
            pen.write(piece)
            for _ in range(pause * 20):
                await asyncio.sleep(0)
        pen.end()
        text = whole.strip()
        answer = [text[at : at + 12] for at in range(0, len(text), 12)]
        await shown(house, *answer)
        # What was carried out without an answer is made once more.
        await until(
            lambda: not rows_of(folder, "SELECT seq FROM outbox WHERE state IN ('pending', 'sending')")
        )
        await settled(house)
        assert platform.shown == answer
        assert drafts_of(folder) == []
