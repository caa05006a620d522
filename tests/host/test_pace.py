"""A connector that knows its platform's limits: parts wait for them, in order and unmarked."""

from bot_host.testing import FakePlatform
from bot_host.types.outbound import Target
from bot_host.types.turn import OutboxState
from tests.host.conftest import Houses
from tests.host.test_hard_moments import until
from tests.host.test_revisions import settled


class Paced(FakePlatform):
    """Lets as many messages go as `free` says."""

    free = 1
    asked = 0

    def pace_s(self, target: Target) -> float:
        self.asked += 1
        if self.free > 0:
            self.free -= 1
            return 0.0
        return 0.01


async def test_parts_wait_unmarked_and_go_out_in_order(house_at: Houses) -> None:
    platform = Paced(limit=5)
    async with house_at(platform=platform) as house:
        await platform.say("abcdefgh")
        await platform.wait_sent(1)
        await until(lambda: platform.asked > 5)
        [destination] = await house.store.pending_destinations()
        row = await house.store.next_part(destination)
        assert row is not None
        assert (row.part, row.state, row.attempts, row.error) == (1, OutboxState.PENDING, 0, "")
        assert len(platform.sent) == platform.tried == 1
        platform.free = 100
        assert "".join(await platform.wait_sent(3)) == "echo: abcdefgh"
        await settled(house)
